package harness

import (
	"strings"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/testkit/cover"
)

// Coverage needs the place of what a view holds, too, while spans of a plan count within the
// text that a statement or view was given as. So where it is measured all texts of a case lie
// behind each other, and each statement is given with blanks in the place of what lies before
// it: then a span says by itself where it stands.

// laid is the text of a statement as it is planned; src is told where that begins.
func (w *World) laid(s *Source, text string, src *diag.Source) string {
	if w.options.Cover == nil || w.shape.batch {
		return text
	}
	before := w.base(s) + src.Offset
	src.Offset -= before
	return strings.Repeat(" ", before) + text
}

// base is where the text of a script begins.
func (w *World) base(s *Source) int {
	at := 0
	for _, t := range w.texts {
		if t.Name == s.Name && t.Text == s.Text {
			return at
		}
		at += len(t.Text) + 1
	}
	w.texts = append(w.texts, *s)
	return at
}

// firstWord is the place of a statement's first word.
func firstWord(text string) diag.Span {
	return diag.Span{End: max(1, strings.IndexAny(text+" ", " \t\r\n;("))}
}

// placeOf finds the text that a span of a laid statement lies in; the zero span is the first
// word of the job's.
func (j *job) placeOf(span diag.Span) cover.Place {
	if span.IsZero() {
		p := cover.Place{Name: j.source.Name, Text: j.source.Text}
		from := j.begin
		p.Span = firstWord(p.Text[from:]).Shift(from)
		return p
	}
	for _, t := range j.world.texts {
		if span.Start <= len(t.Text) {
			return cover.Place{Name: t.Name, Text: t.Text, Span: span}
		}
		span = span.Shift(-len(t.Text) - 1)
	}
	return j.placeOf(diag.Span{})
}

// cover lets the profile, if there is one, watch the job as it was planned.
func (jr *jobRun) cover(p *engine.Prepared, cfg *flow.Config) {
	w := jr.run.World
	if w.options.Cover == nil || w.shape.batch {
		return
	}
	jr.watch = w.options.Cover.Watch(p.Plan, w.session.Zone(), func() int64 { return jr.run.wall }, jr.job.placeOf)
	cfg.Watch = jr.watch
}

// uncover gives the profile what was counted since.
func (jr *jobRun) uncover() {
	if jr.watch != nil {
		jr.watch.End()
		jr.watch = nil
	}
}

// plainText takes the blanks of a laid statement from the text that an error lies in.
func plainText(e *diag.Error) *diag.Error {
	text := strings.TrimLeft(e.In, " ")
	if n := len(e.In) - len(text); n > 0 {
		c := *e
		c.In, c.Span = text, e.Span.Shift(-n)
		return &c
	}
	return e
}
