package harness

import (
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Mismatch is an expectation that does not hold.
type Mismatch struct {
	Step    Step
	Message string
	// Want and Have are lines; both nil where there is nothing to set side by side.
	Want, Have []string
	// Hint says what would help, if anything is known.
	Hint string
	// Names are the columns of the lines, and Have in full is what an update writes.
	Names []string
	// Sink is the sink it is about, "" for none; First the number, from 1, of the first
	// change that should not have come, 0 for none.
	// Those of attempts that a crash has taken back count, as they do in the debugger.
	Sink  string
	First int
	// job has the number of the one that writes to the sink, from 0; -1 where several do.
	job int
}

// Position is where the debugger finds the first wrong change, "" if there is none.
func (m *Mismatch) Position() string {
	if m.First == 0 || m.job < 0 {
		return ""
	}
	return fmt.Sprintf("out=%s#%d", m.Sink, m.First)
}

// Diff sets the lines side by side: - is expected and missing, + is there and was not
// expected.
func (m *Mismatch) Diff() string {
	if m.Want == nil && m.Have == nil {
		return ""
	}
	return diff(m.Want, m.Have)
}

// check looks whether an expectation holds; nil is yes. An error is a mistake in the test.
func (r *Run) check(s Step) (*Mismatch, error) {
	switch s := s.(type) {
	case *ExpectTable:
		return r.checkTable(s)
	case *ExpectChanges:
		return r.checkChanges(s)
	case *ExpectLate:
		return r.checkLate(s)
	case *ExpectNoRows:
		return r.checkNoRows(s)
	case *ExpectState:
		return r.checkState(s)
	case *ExpectPlan:
		return r.World.checkPlan(s)
	case *ExpectAdvice:
		return r.World.checkAdvice(s)
	case *ExpectError:
		return &Mismatch{Step: s, Message: fmt.Sprintf("no error, where %s should come", s.Code)}, nil
	}
	return nil, s.Where().Fail(diag.Internal, "%s is no expectation", describe(s))
}

// lines are the texts of rows, with their kinds where kinds is set, of some columns.
func lines(rows []change, at []int, kinds bool) []string {
	out := make([]string, len(rows))
	for i, c := range rows {
		cells := make([]string, len(at))
		for k, col := range at {
			cells[k] = c.cells[col]
		}
		out[i] = strings.Join(cells, " | ")
		if kinds {
			out[i] = c.kind.String() + " | " + out[i]
		}
	}
	return out
}

// wanted are the texts that expected rows would have if they came.
func (v *values) wanted(p Place, schema types.Schema, header []Cell, rows []Row, kinds bool, what string) (out []string, at []int, err error) {
	at, err = columns(p, header, schema.Names(), len(schema), what)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		here := p
		here.Span = r.Span
		if len(r.Cells) != len(at) {
			return nil, nil, here.Fail(diag.SchemaMismatch, "the row has %d values, and %s has %d columns", len(r.Cells), what, len(at)).
				Hint("columns are: %s; a value with | in it stands in quotes", strings.Join(pick(schema.Names(), at), ", "))
		}
		cells := make([]string, len(at))
		for i, col := range at {
			t := schema[col].Type
			switch c := r.Cells[i]; {
			case nested(t) && !c.Null:
				cells[i] = c.Text // as it is printed
			default:
				if cells[i], err = v.canonical(t, c); err != nil {
					here.Span = c.Span
					e := diag.As(err)
					return nil, nil, here.Fail(e.Code, "column %s: %s", schema[col].Name, e.Msg)
				}
			}
		}
		line := strings.Join(cells, " | ")
		if kinds {
			line = r.Kind.String() + " | " + line
		}
		out = append(out, line)
	}
	return out, at, nil
}

func (r *Run) checkTable(s *ExpectTable) (*Mismatch, error) {
	sink, err := r.World.sink(s.Place, s.Sink)
	if err != nil {
		return nil, err
	}
	want, at, err := r.World.values.wanted(s.Place, sink.schema, s.Header, s.Rows, false, sink.title())
	if err != nil {
		return nil, err
	}
	table, err := sink.table(sink.kept.changes())
	if err != nil {
		return &Mismatch{Step: s, Message: err.Error()}, nil
	}
	have := lines(table, at, false)
	slices.Sort(want)
	slices.Sort(have)
	if slices.Equal(want, have) {
		return nil, nil
	}
	m := &Mismatch{Step: s, Message: fmt.Sprintf("%s does not hold what it should", sink.title()), Want: some(want), Have: some(have), Names: pick(sink.schema.Names(), at), Sink: sink.id(), job: sink.job}
	m.First = firstUnexpected(table, at, want)
	if len(have) == 0 {
		m.Hint = r.whyNothing()
	}
	return m, nil
}

// some is an empty list where there is nothing.
func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// firstUnexpected is the number of the change that brought the first row of a table that
// is not among those wanted, or 0.
func firstUnexpected(table []change, at []int, want []string) int {
	left := map[string]int{}
	for _, w := range want {
		left[w]++
	}
	table = slices.Clone(table)
	slices.SortStableFunc(table, func(a, b change) int { return int(a.seq - b.seq) })
	for i, line := range lines(table, at, false) {
		if left[line]--; left[line] < 0 {
			return int(table[i].seq)
		}
	}
	return 0
}

// whyNothing says what rows may wait for.
func (r *Run) whyNothing() string {
	if wm := r.watermarks(); wm != "" {
		return "no row came out; the watermark stands at " + wm + ": windows that end later wait for @watermark TABLE TIME, or for @end"
	}
	for _, in := range r.World.inlets {
		given := 0
		for _, l := range in.lanes {
			given += len(l.events)
		}
		if given == 0 {
			return "no row came out, and table " + in.short() + " was given nothing"
		}
	}
	return ""
}

func (r *Run) checkChanges(s *ExpectChanges) (*Mismatch, error) {
	sink, err := r.World.sink(s.Place, s.Sink)
	if err != nil {
		return nil, err
	}
	want, at, err := r.World.values.wanted(s.Place, sink.schema, s.Header, s.Rows, true, sink.title())
	if err != nil {
		return nil, err
	}
	all := sink.kept.changes()
	seen := min(r.seen[sink], len(all))
	r.seen[sink] = len(all)
	have := lines(all[seen:], at, true)
	if slices.Equal(want, have) {
		return nil, nil
	}
	m := &Mismatch{Step: s, Message: fmt.Sprintf("%s was given other changes", sink.title()), Want: some(want), Have: some(have), Names: pick(sink.schema.Names(), at), Sink: sink.id(), job: sink.job}
	for i := range have {
		if i >= len(want) || want[i] != have[i] {
			m.First = int(all[seen+i].seq)
			break
		}
	}
	if len(have) == 0 {
		m.Hint = r.whyNothing()
	}
	return m, nil
}

func (r *Run) checkLate(s *ExpectLate) (*Mismatch, error) {
	in, err := r.World.source(s.Place, s.Table)
	if err != nil {
		return nil, err
	}
	var have []string
	names := s.Header
	for _, jr := range r.jobs {
		for _, l := range jr.job.prepared.Late.Rows() {
			if !slices.ContainsFunc(l.Input.Sources, func(p catalog.Path) bool { return p.Object == in.short() }) {
				continue
			}
			for _, h := range names {
				if l.Input.Schema.Index(h.Text) < 0 {
					p := s.Place
					p.Span = h.Span
					return nil, p.Fail(diag.UnknownColumn, "column %q is not known where rows of %s come too late", h.Text, in.short()).
						Hint("there they have: %s", strings.Join(l.Input.Schema.Names(), ", "))
				}
			}
			have = append(have, r.lateLine(l.Batch, l.Lane, l.Input.Schema, names))
		}
	}
	slices.Sort(have)
	if s.Count >= 0 && s.Count != len(have) {
		return &Mismatch{Step: s, Message: fmt.Sprintf("%d rows of %s were late, where %d should be", len(have), in.short(), s.Count), Want: []string{}, Have: some(have)}, nil
	}
	if s.Rows == nil {
		return nil, nil
	}
	want, _, err := r.World.values.wanted(s.Place, in.schema, s.Header, s.Rows, false, "table "+in.short())
	if err != nil {
		return nil, err
	}
	slices.Sort(want)
	if slices.Equal(want, have) {
		return nil, nil
	}
	return &Mismatch{Step: s, Message: "other rows of " + in.short() + " were late", Want: want, Have: some(have)}, nil
}

// lateLine is a late row; header, if there is one, says which columns.
func (r *Run) lateLine(b *batch.Batch, lane int, schema types.Schema, header []Cell) string {
	var cells []string
	show := func(i int) { cells = append(cells, r.World.values.text(&b.Cols[i], lane)) }
	if header == nil {
		for i := range b.Cols {
			show(i)
		}
	}
	for _, h := range header {
		if i := schema.Index(h.Text); i >= 0 {
			show(i)
		}
	}
	return strings.Join(cells, " | ")
}

// lateRows counts the rows that were late.
func (r *Run) lateRows() int {
	n := 0
	for _, jr := range r.jobs {
		n += len(jr.job.prepared.Late.Rows())
	}
	return n
}

func (w *World) checkPlan(s *ExpectPlan) (*Mismatch, error) {
	var have []string
	for _, j := range w.jobs {
		have = append(have, strings.Split(strings.TrimRight(plan.Explain(j.prepared.Plan), "\n"), "\n")...)
	}
	at := 0
	for _, l := range s.Lines {
		k := slices.IndexFunc(have[at:], func(h string) bool { return strings.Contains(h, l.Text) })
		if k < 0 {
			return &Mismatch{Step: s, Message: fmt.Sprintf("the plan has no line with %q at this place", l.Text), Want: []string{}, Have: have}, nil
		}
		at += k + 1
	}
	return nil, nil
}

func (w *World) checkAdvice(s *ExpectAdvice) (*Mismatch, error) {
	var have []string
	for _, a := range w.advice {
		if !s.None && a.Code == s.Code {
			return nil, nil
		}
		have = append(have, string(a.Code)+": "+a.Msg)
	}
	switch {
	case !s.None:
		return &Mismatch{Step: s, Message: fmt.Sprintf("no advice %s", s.Code), Want: []string{}, Have: some(have)}, nil
	case len(have) > 0:
		return &Mismatch{Step: s, Message: "there is advice", Want: []string{}, Have: have}, nil
	}
	return nil, nil
}

// diff sets lists side by side.
func diff(want, have []string) string {
	n, m := len(want), len(have)
	if n*m > 4_000_000 {
		return fmt.Sprintf("  %d lines expected, %d came; too many to compare", n, m)
	}
	common := make([][]int, n+1)
	for i := range common {
		common[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if want[i] == have[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case i < n && j < m && want[i] == have[j]:
			out = append(out, "    "+want[i])
			i, j = i+1, j+1
		case i < n && (j == m || common[i+1][j] >= common[i][j+1]):
			out = append(out, "  - "+want[i])
			i++
		default:
			out = append(out, "  + "+have[j])
			j++
		}
	}
	return strings.Join(out, "\n")
}
