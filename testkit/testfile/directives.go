package testfile

import (
	"path/filepath"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
)

// directive is a line that begins with @.
type directive struct {
	name string
	// inTest: it makes no sense before the first test.
	inTest bool
	read   func(r *reader, at diag.Span, w []harness.Cell)
}

// directives are all of them, in the order in which one learns them; a new one adds a
// line here and one in docs/testing.md.
func directives() []directive {
	return []directive{
		{"@test", false, readTest},
		{"@use", false, readUse},
		{"@set", false, readSet},
		{"@tag", false, readTag},
		{"@skip", false, readSkip},
		{"@given", true, readGiven},
		{"@gen", true, readGenerate},
		{"@watermark", true, readWatermark},
		{"@idle", true, readIdle},
		{"@clock", false, readClock},
		{"@checkpoint", true, readCheckpoint},
		{"@kill", true, readKill},
		{"@restore", true, readRestore},
		{"@end", true, readEnd},
		{"@expect", true, readExpect},
		{"@forall", false, readForAll},
		{"@oracle", false, readOracle},
	}
}

func (r *reader) at(s diag.Span) harness.At { return harness.At{Place: r.file.Place(s)} }

func (r *reader) step(s harness.Step) { r.cur.Case.Steps = append(r.cur.Case.Steps, s) }

// span covers a directive and its words.
func span(at diag.Span, w []harness.Cell) diag.Span {
	for _, c := range w {
		at = at.Join(c.Span)
	}
	return at
}

// want tells whether a directive has between least and most words; form says how it is
// written.
func (r *reader) want(at diag.Span, w []harness.Cell, least, most int, form string) bool {
	if len(w) >= least && (len(w) <= most || most < 0) {
		return true
	}
	r.fail(span(at, w), diag.Syntax, "it is written %s", form)
	return false
}

func readTest(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 1, 1, "@test NAME") {
		return
	}
	for _, t := range r.file.Tests {
		if t.Case.Name == w[0].Text {
			r.fail(w[0].Span, diag.DuplicateName, "a test is called %q already", w[0].Text).WithNote(t.At, "the first one is here")
		}
	}
	c := *r.head.Case
	c.Name = w[0].Text
	c.Scripts = append([]harness.Source(nil), c.Scripts...)
	c.Settings = map[string]string{}
	for k, v := range r.head.Case.Settings {
		c.Settings[k] = v
	}
	c.Steps = append([]harness.Step(nil), c.Steps...)
	r.cur = &Test{Case: &c, At: span(at, w), Tags: append([]string(nil), r.head.Tags...), Skip: r.head.Skip}
	r.file.Tests = append(r.file.Tests, r.cur)
	r.headers = map[string][]harness.Cell{}
}

// readUse takes a script that production runs.
func readUse(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 1, 1, "@use FILE.sql") {
		return
	}
	name := w[0].Text
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(r.file.Name), name)
	}
	text, err := r.read(name)
	if err != nil {
		r.fail(w[0].Span, diag.NotFound, "cannot read %s: %s", name, plainError(err)).WithHint("a path is relative to the folder of the test file")
		return
	}
	r.cur.Case.Scripts = append(r.cur.Case.Scripts, harness.Source{Name: name, Text: text})
}

// plainError leaves out what is said already.
func plainError(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		return text[i+2:]
	}
	return text
}

func readSet(r *reader, at diag.Span, w []harness.Cell) {
	if len(w) < 3 || w[1].Text != "=" {
		r.fail(span(at, w), diag.Syntax, "it is written @set KEY = VALUE")
		return
	}
	var value []string
	for _, c := range w[2:] {
		value = append(value, c.Text)
	}
	r.cur.Case.Settings[w[0].Text] = strings.Join(value, " ")
}

func readTag(r *reader, at diag.Span, w []harness.Cell) {
	if r.want(at, w, 1, -1, "@tag WORD ...") {
		for _, c := range w {
			r.cur.Tags = append(r.cur.Tags, c.Text)
		}
	}
}

func readSkip(r *reader, at diag.Span, w []harness.Cell) {
	if r.want(at, w, 1, -1, "@skip REASON") {
		r.cur.Skip = strings.TrimSpace(r.file.Text[w[0].Span.Start:w[len(w)-1].Span.End])
	}
}

func readOracle(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 1, 1, "@oracle batch") {
		return
	}
	if w[0].Text != "batch" {
		r.fail(w[0].Span, diag.InvalidArgument, "no oracle %q", w[0].Text).WithHint("the only one is batch: the answer of the same SQL in batch mode")
		return
	}
	r.cur.Case.Oracle = true
}
