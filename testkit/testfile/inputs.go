package testfile

import (
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
)

// readGiven takes rows: @given TABLE [split N]. A line + 3s among them moves the clock. Those of
// @given TABLE from TAPE are on the tape, whose name is relative to the folder of the test.
func readGiven(r *reader, at diag.Span, w []harness.Cell) {
	r.block = &block{end: func(*block) {}}
	if !r.want(at, w, 1, 3, "@given TABLE [split N], or @given TABLE from TAPE") {
		return
	}
	if len(w) == 3 && w[1].Text == "from" {
		g := &harness.Give{At: r.at(span(at, w)), Table: w[0].Text, Tape: w[2].Text}
		if !filepath.IsAbs(g.Tape) {
			g.Tape = filepath.Join(filepath.Dir(r.file.Name), g.Tape)
		}
		r.block.end = func(b *block) {
			if len(b.lines) > 0 {
				r.fail(g.Place.Span, diag.Syntax, "the rows are those of the tape, and some stand below").WithHint("leave them out, or give them in a @given of their own")
			}
			r.step(g)
		}
		return
	}
	split := 0
	if len(w) > 1 {
		n, err := strconv.Atoi(w[len(w)-1].Text)
		if w[1].Text != "split" || len(w) != 3 || err != nil || n < 0 || n > 63 {
			r.fail(span(w[1].Span, w[1:]), diag.Syntax, "it is written @given TABLE [split N], with N from 0 to 63")
			return
		}
		split = n
	}
	table := w[0].Text
	here := r.at(span(at, w))
	r.block.end = func(b *block) {
		from := 0
		give := func(to int) {
			if from == to {
				return
			}
			head, rows := r.table(b.lines[from:to], r.headers[table])
			r.headers[table] = head
			if len(rows) > 0 {
				r.step(&harness.Give{At: here, Table: table, Split: split, Header: head, Rows: rows})
			}
		}
		for i, l := range b.lines {
			if gap, ok := strings.CutPrefix(strings.TrimSpace(l.text), "+ "); ok {
				give(i)
				from = i + 1
				r.step(&harness.Clock{At: r.at(l.span()), By: r.duration(l.span(), gap)})
			}
		}
		give(len(b.lines))
		if len(b.lines) == 0 {
			r.fail(here.Place.Span, diag.Syntax, "no row stands below").WithHint("rows are indented, cells parted by |")
		}
	}
}

// duration reads 1m, 1h30m or what Flink writes, 10 s.
func (r *reader) duration(at diag.Span, text string) time.Duration {
	text = strings.TrimSpace(text)
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d
	}
	if d, ok := connect.ParseDuration(text); ok && d >= 0 {
		return d
	}
	r.fail(at, diag.InvalidLiteral, "%q is no length of time", text).WithHint("write 30s, 1m30s, 2h or '10 min'")
	return 0
}

// tableSplit reads TABLE or TABLE/SPLIT.
func (r *reader) tableSplit(c harness.Cell) (string, int, bool) {
	table, split, ok := strings.Cut(c.Text, "/")
	if !ok {
		return table, harness.AllSplits, true
	}
	n, err := strconv.Atoi(split)
	if err != nil || n < 0 || n > 63 {
		r.fail(c.Span, diag.Syntax, "a split is written TABLE/N, with N from 0 to 63")
		return "", 0, false
	}
	return table, n, true
}

func readWatermark(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 2, 3, "@watermark TABLE[/SPLIT] TIME") {
		return
	}
	if table, split, ok := r.tableSplit(w[0]); ok {
		r.step(&harness.Watermark{At: r.at(span(at, w)), Table: table, Split: split, Time: timeCell(w[1:])})
	}
}

// timeCell joins a date and a time.
func timeCell(w []harness.Cell) harness.Cell {
	c := w[0]
	for _, x := range w[1:] {
		c.Text += " " + x.Text
		c.Span = c.Span.Join(x.Span)
	}
	return c
}

func readIdle(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 1, 1, "@idle TABLE[/SPLIT]") {
		return
	}
	if table, split, ok := r.tableSplit(w[0]); ok {
		r.step(&harness.Idle{At: r.at(span(at, w)), Table: table, Split: split})
	}
}

// readClock moves wall time; as the first step of a test, or before the first test, it
// says when the test begins.
func readClock(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 1, 2, "@clock +DURATION or @clock TIME") {
		return
	}
	here := r.at(span(at, w))
	if by, ok := strings.CutPrefix(w[0].Text, "+"); ok {
		if r.cur == r.head {
			r.fail(here.Place.Span, diag.Syntax, "before the first @test the clock is set to a time").WithHint("@clock 2024-05-01 12:00:00")
			return
		}
		r.step(&harness.Clock{At: here, By: r.duration(here.Place.Span, strings.Join(append([]string{by}, texts(w[1:])...), " "))})
		return
	}
	c := timeCell(w)
	if len(r.cur.Case.Steps) == 0 {
		for _, form := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05Z07:00", "2006-01-02"} {
			if t, err := time.Parse(form, c.Text); err == nil {
				r.cur.Case.Start = t.UTC()
				return
			}
		}
	}
	if r.cur == r.head {
		r.fail(c.Span, diag.InvalidLiteral, "%q is no time", c.Text).WithHint("@clock 2024-05-01 12:00:00")
		return
	}
	r.step(&harness.Clock{At: here, To: c})
}

func texts(w []harness.Cell) []string {
	out := make([]string, len(w))
	for i, c := range w {
		out[i] = c.Text
	}
	return out
}

func readCheckpoint(r *reader, at diag.Span, w []harness.Cell) {
	if r.want(at, w, 0, 0, "@checkpoint") {
		r.step(&harness.TakeCheckpoint{At: r.at(at)})
	}
}

func readKill(r *reader, at diag.Span, w []harness.Cell) {
	if r.want(at, w, 0, 0, "@kill") {
		r.step(&harness.Kill{At: r.at(at)})
	}
}

func readRestore(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 0, 1, "@restore [p=N]") {
		return
	}
	s := &harness.Restore{At: r.at(span(at, w))}
	if len(w) == 1 {
		n, err := strconv.Atoi(strings.TrimPrefix(w[0].Text, "p="))
		if err != nil || n < 1 || n > 64 {
			r.fail(w[0].Span, diag.Syntax, "it is written @restore p=N, with N from 1 to 64")
			return
		}
		s.Parallelism = n
	}
	r.step(s)
}

func readEnd(r *reader, at diag.Span, w []harness.Cell) {
	if !r.want(at, w, 0, 1, "@end [TABLE]") {
		return
	}
	s := &harness.End{At: r.at(span(at, w))}
	if len(w) == 1 {
		s.Table = w[0].Text
	}
	r.step(s)
}
