package testfile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
)

// expects are the kinds of expectations.
var expects = []struct {
	name, form string
	read       func(r *reader, at harness.At, w []harness.Cell, form string)
}{
	{"table", "@expect table [SINK]", expectTable},
	{"changelog", "@expect changelog [SINK]", expectChanges},
	{"late", "@expect late TABLE [COUNT]", expectLate},
	{"no", "@expect no rows, or @expect no advice", expectNo},
	{"state", "@expect state OPERATOR keys|entries|bytes <= N", expectState},
	{"plan", "@expect plan", expectPlan},
	{"error", "@expect error CODE [TEXT]", expectError},
	{"advice", "@expect advice CODE", expectAdvice},
}

func readExpect(r *reader, at diag.Span, w []harness.Cell) {
	r.block = &block{end: func(*block) {}}
	var forms, kinds []string
	for _, e := range expects {
		forms, kinds = append(forms, e.form), append(kinds, e.name)
		if len(w) > 0 && w[0].Text == e.name {
			r.block = nil
			e.read(r, r.at(span(at, w)), w[1:], e.form)
			return
		}
	}
	if len(w) == 0 {
		r.fail(at, diag.Syntax, "what is expected is not said").WithHint("one of: %s", strings.Join(forms, "; "))
		return
	}
	e := r.fail(w[0].Span, diag.Syntax, "nothing called %q can be expected", w[0].Text)
	if s := diag.Suggest(w[0].Text, kinds); s != "" {
		e.WithHint("did you mean %s", s)
		return
	}
	e.WithHint("one of: %s", strings.Join(forms, "; "))
}

// extent is where the lines of a block stand: from the first line on, without what comes
// after the last.
func (r *reader) extent(b *block, after diag.Span) diag.Span {
	if len(b.lines) == 0 {
		end := after.End + strings.IndexByte(r.file.Text[after.End:]+"\n", '\n') + 1
		end = min(end, len(r.file.Text))
		return diag.Span{Start: end, End: end}
	}
	last := b.lines[len(b.lines)-1].span().End
	return diag.Span{Start: b.lines[0].start, End: min(last+1, len(r.file.Text))}
}

func sinkName(w []harness.Cell) string {
	if len(w) == 0 {
		return ""
	}
	return w[0].Text
}

func expectTable(r *reader, at harness.At, w []harness.Cell, form string) {
	if !r.want(at.Place.Span, w, 0, 1, form) {
		return
	}
	s := &harness.ExpectTable{At: at, Sink: sinkName(w)}
	r.step(s)
	r.block = &block{end: func(b *block) {
		s.Header, s.Rows = r.table(b.lines, nil)
		s.Block = r.extent(b, at.Place.Span)
	}}
}

func expectChanges(r *reader, at harness.At, w []harness.Cell, form string) {
	if !r.want(at.Place.Span, w, 0, 1, form) {
		return
	}
	s := &harness.ExpectChanges{At: at, Sink: sinkName(w)}
	r.step(s)
	r.block = &block{end: func(b *block) {
		s.Header, s.Rows = r.table(b.lines, nil)
		s.Block = r.extent(b, at.Place.Span)
	}}
}

func expectLate(r *reader, at harness.At, w []harness.Cell, form string) {
	if !r.want(at.Place.Span, w, 1, 2, form) {
		return
	}
	s := &harness.ExpectLate{At: at, Table: w[0].Text, Count: -1}
	if len(w) == 2 {
		n, err := strconv.Atoi(w[1].Text)
		if err != nil || n < 0 {
			r.fail(w[1].Span, diag.Syntax, "it is written %s", form)
			return
		}
		s.Count = n
	}
	r.step(s)
	r.block = &block{end: func(b *block) {
		if len(b.lines) > 0 {
			s.Header, s.Rows = r.table(b.lines, r.headers[s.Table])
		} else if s.Count < 0 {
			r.fail(at.Place.Span, diag.Syntax, "neither a number nor rows are said").WithHint("@expect late %s 1, or the rows below", s.Table)
		}
		s.Block = r.extent(b, at.Place.Span)
	}}
}

func expectNo(r *reader, at harness.At, w []harness.Cell, form string) {
	switch {
	case len(w) == 1 && w[0].Text == "advice":
		r.step(&harness.ExpectAdvice{At: at, None: true})
	case len(w) == 1 && w[0].Text == "rows":
		s := &harness.ExpectNoRows{At: at}
		r.step(s)
		r.block = &block{end: func(b *block) {
			if len(b.lines) == 0 {
				r.fail(at.Place.Span, diag.Syntax, "no query stands below").WithHint("indent a SELECT that must return no row")
				return
			}
			x := r.extent(b, at.Place.Span)
			s.Query = harness.Source{Name: r.file.Name, Text: r.file.Text, From: x.Start, To: x.End}
		}}
	default:
		r.fail(at.Place.Span, diag.Syntax, "it is written %s", form)
	}
}

func expectState(r *reader, at harness.At, w []harness.Cell, form string) {
	if !r.want(at.Place.Span, w, 4, 4, form) {
		return
	}
	n, err := strconv.ParseInt(w[3].Text, 10, 64)
	if err != nil || !slices.Contains([]string{"keys", "entries", "bytes"}, w[1].Text) || !slices.Contains([]string{"<=", "<", "=", ">=", ">"}, w[2].Text) {
		r.fail(at.Place.Span, diag.Syntax, "it is written %s", form).WithHint("also with <, =, >= and >")
		return
	}
	r.step(&harness.ExpectState{At: at, Operator: w[0].Text, Measure: w[1].Text, Op: w[2].Text, Value: n})
}

func expectPlan(r *reader, at harness.At, w []harness.Cell, form string) {
	if !r.want(at.Place.Span, w, 0, 0, form) {
		return
	}
	s := &harness.ExpectPlan{At: at}
	r.step(s)
	r.block = &block{end: func(b *block) {
		for _, l := range b.lines {
			s.Lines = append(s.Lines, harness.Cell{Text: strings.TrimSpace(l.text), Span: l.span()})
		}
		if len(b.lines) == 0 {
			r.fail(at.Place.Span, diag.Syntax, "no line of the plan stands below").WithHint("indent texts that lines of EXPLAIN contain, in their order")
		}
	}}
}

func expectError(r *reader, at harness.At, w []harness.Cell, form string) {
	if r.want(at.Place.Span, w, 1, -1, form) {
		r.step(&harness.ExpectError{At: at, Code: diag.Code(w[0].Text), Text: strings.Join(texts(w[1:]), " ")})
	}
}

func expectAdvice(r *reader, at harness.At, w []harness.Cell, form string) {
	if r.want(at.Place.Span, w, 1, 1, form) {
		r.step(&harness.ExpectAdvice{At: at, Code: diag.Code(w[0].Text)})
	}
}

// readForAll reads pairs: schedules 50 inputs 5 parallelism 1,2,3 arrival any strict.
func readForAll(r *reader, at diag.Span, w []harness.Cell) {
	const form = "@forall schedules N inputs N parallelism N,N,... arrival file|any strict"
	f := &r.cur.Case.ForAll
	for i := 0; i < len(w); i++ {
		key := w[i]
		if key.Text == "strict" {
			f.Strict = true
			continue
		}
		if i++; i >= len(w) {
			r.fail(key.Span, diag.Syntax, "it is written %s", form)
			return
		}
		switch v := w[i]; key.Text {
		case "schedules":
			n, err := strconv.Atoi(v.Text)
			if err != nil || n < 1 {
				r.fail(v.Span, diag.Syntax, "schedules is a number from 1 on, not %q", v.Text)
				return
			}
			f.Schedules = n
		case "inputs":
			n, err := strconv.Atoi(v.Text)
			if err != nil || n < 1 {
				r.fail(v.Span, diag.Syntax, "inputs is a number from 1 on, not %q", v.Text)
				return
			}
			f.Inputs = n
		case "parallelism":
			for p := range strings.SplitSeq(v.Text, ",") {
				n, err := strconv.Atoi(p)
				if err != nil || n < 1 || n > 64 {
					r.fail(v.Span, diag.Syntax, "parallelism is a list of numbers from 1 to 64, such as 1,2,3")
					return
				}
				f.Parallelism = append(f.Parallelism, n)
			}
		case "arrival":
			switch v.Text {
			case "file":
				f.Arrival = harness.ArrivalFile
			case "any":
				f.Arrival = harness.ArrivalAny
			default:
				r.fail(v.Span, diag.Syntax, "arrival is file or any, not %q", v.Text)
			}
		default:
			r.fail(key.Span, diag.Syntax, "it is written %s", form)
			return
		}
	}
}
