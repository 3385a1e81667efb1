package debugger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// Code says why a row is missing. Codes are stable: scripts may rely on them.
type Code string

// The codes of why-not.
const (
	Present        Code = "present"         // the row is there
	NeverCame      Code = "never-came"      // no source gave such a row
	Filtered       Code = "filtered"        // a condition is not true of it
	NoPartner      Code = "no-partner"      // the other side of a join has no row for it
	Late           Code = "late"            // it came after the watermark
	WindowOpen     Code = "window-open"     // its window waits for the watermark
	Waiting        Code = "waiting"         // it waits for the watermark, in no window
	Evicted        Code = "evicted"         // others rank before it
	Retracted      Code = "retracted"       // a source took it back
	Deduplicated   Code = "deduplicated"    // another row of its key was kept
	Limited        Code = "limited"         // there were enough rows before it
	Expired        Code = "expired"         // its state was kept too short
	DifferentValue Code = "different-value" // there is a row of its key, with other values
	Held           Code = "held"            // an operator has it and has not passed it on
)

// Finding is where and why candidates for an expected row vanished.
type Finding struct {
	Code     Code   `json:"code"`
	Operator string `json:"operator"`
	// Text is the finding in a sentence, Fix what one might do, or "".
	Text string `json:"text"`
	Fix  string `json:"fix,omitempty"`
	// Evidence are rows that show it, with where they came; at most a few.
	Evidence []Evidence `json:"evidence,omitempty"`
	// Needs and Has are watermarks in milliseconds, of windows of processing time what the
	// clock says; By is how late a row was, in
	// milliseconds.
	Needs *int64 `json:"needs,omitempty"`
	Has   *int64 `json:"has,omitempty"`
	By    *int64 `json:"late_by,omitempty"`
	// Because are findings below: why the partner of a join is missing.
	Because []Finding `json:"because,omitempty"`
}

// Evidence is a row with where it was seen.
type Evidence struct {
	Position Position `json:"position"`
	Origin   string   `json:"origin,omitempty"`
	Row      Row      `json:"row"`
	Note     string   `json:"note,omitempty"`
}

// evidenceMax is how many rows a finding shows.
const evidenceMax = 5

// WhyNot says where the rows of an expected row of an output vanished, as of the cursor,
// or of the end of the tape where the cursor stands at the start. condition is over the
// columns of the output. It executes the tape once.
func (j *Job) WhyNot(ctx context.Context, output, cond string) ([]Finding, error) {
	t, _, err := j.asked(ctx, output, cond)
	if err != nil {
		return nil, err
	}
	return t.diagnose(t.root), nil
}

// asked follows the rows of an output for which cond holds, up to where the job is.
func (j *Job) asked(ctx context.Context, output, cond string) (*tracing, *Operator, error) {
	o, err := j.output(output)
	if err != nil {
		return nil, nil, err
	}
	n, err := j.d.session.Condition(cond, o.Schema())
	if err != nil {
		return nil, nil, err
	}
	until := j.at
	if until == 0 {
		until = 1 << 62
	}
	t, err := j.trace(o, expr.Conjuncts(n), until, false, nil)
	if err != nil {
		return nil, nil, err
	}
	return t, o, t.run(ctx)
}

// output is a sink, or any operator whose output is asked about.
func (j *Job) output(name string) (*Operator, error) {
	if o, err := j.sink(name); err == nil {
		return o, nil
	}
	return j.Operator(name)
}

// at is what a site gave: of a sink what it took.
func (s *site) given() *edge {
	if s.op.sink {
		return &s.in[0]
	}
	return &s.out
}

// diagnose finds out about an operator whose output has no row that is asked for.
func (t *tracing) diagnose(s *site) []Finding {
	o, g := s.op, s.given()
	switch {
	case g.adds > g.retracts:
		return []Finding{{
			Code: Present, Operator: o.Name, Text: fmt.Sprintf("%s has %s", o.Name, rowsText(g.adds-g.retracts, "such row")), Evidence: t.evidence(g.rows),
		}}
	case g.adds > 0:
		return []Finding{t.tookBack(s)}
	}
	if o.source {
		return []Finding{t.neverCame(s)}
	}
	if o.sink {
		return t.producers(s, 0)
	}
	// Of an operator whose inputs all have candidates it is the one that stopped them.
	var out []Finding
	var missing []int
	for i := range s.in {
		if s.in[i].adds+s.in[i].retracts == 0 {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return t.stopped(s)
	}
	if len(missing) < len(s.in) && !s.askedOf(missing) {
		f := t.noPartner(s, missing)
		for _, i := range missing {
			f.Because = append(f.Because, t.producers(s, i)...)
		}
		if late, ok := t.late(s); ok {
			return []Finding{late, f}
		}
		if waits, ok := t.open(s); ok { // a partner may come yet
			waits.Because = []Finding{f}
			return []Finding{waits}
		}
		return []Finding{f}
	}
	for _, i := range missing {
		for _, f := range t.producers(s, i) {
			if !slices.ContainsFunc(out, func(x Finding) bool { return x.Code == f.Code && x.Operator == f.Operator }) {
				out = append(out, f)
			}
		}
	}
	return out
}

// askedOf reports that something is asked of these inputs alone: rows of the others stand for
// nothing then, since any would do.
func (s *site) askedOf(missing []int) bool {
	for i, c := range s.inConds {
		if (c != nil) != slices.Contains(missing, i) {
			return false
		}
	}
	return true
}

// producers diagnoses what gives an input its rows. Of several, through a union, those
// say nothing that never had a candidate while another has. Rows that one of them has given
// and the input has not got are between two tasks.
func (t *tracing) producers(s *site, in int) []Finding {
	var out, never []Finding
	for _, p := range s.below[in] {
		for _, f := range t.diagnose(p) {
			switch {
			case f.Code == NeverCame:
				never = append(never, f)
				continue
			case f.Code == Present && f.Operator == p.op.Name:
				f.Code, f.Text = Held, fmt.Sprintf("%s has given %s, which %s has not taken yet", p.op.Name, rowsText(p.given().adds, "such row"), s.op.Name)
			}
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return never
	}
	return out
}

func (t *tracing) evidence(rows []found) []Evidence {
	var out []Evidence
	for i, f := range rows {
		if i == evidenceMax {
			break
		}
		out = append(out, t.shown(f, ""))
	}
	return out
}

func (t *tracing) shown(f found, note string) Evidence {
	return Evidence{Position: t.position(f.step), Origin: f.origin, Row: f.row, Note: note}
}

func rowsText(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (t *tracing) neverCame(s *site) Finding {
	f := Finding{
		Code: NeverCame, Operator: s.op.Name,
		Text: fmt.Sprintf("%s gave %s, none with %s", s.op.Table, rowsText(s.out.all, "row"), s.want.text(s.op.Schema())),
		Fix:  "check the value that is asked for, and whether the source has the row at all",
	}
	if s.out.sample != nil {
		f.Evidence = []Evidence{t.shown(*s.out.sample, "one that it gave")}
	}
	return f
}

// noPartner is a join of which one side has candidates and another has none.
func (t *tracing) noPartner(s *site, missing []int) Finding {
	f := Finding{Code: NoPartner, Operator: s.op.Name, Fix: "an outer join keeps rows without a partner"}
	i := missing[0]
	have := 0
	for have == i || slices.Contains(missing, have) {
		have++
	}
	f.Text = fmt.Sprintf("input %s has %s for it, input %s has none among %s", sideName(s.op, have), rowsText(s.in[have].adds, "row"), sideName(s.op, i), rowsText(s.in[i].all, "row"))
	f.Evidence = t.evidence(s.in[have].rows)
	if x := s.in[i].sample; x != nil {
		f.Evidence = append(f.Evidence, t.shown(*x, "a row of input "+sideName(s.op, i)))
	}
	return f
}

func sideName(o *Operator, i int) string {
	switch {
	case len(o.InSchemas) != 2:
		return fmt.Sprintf("%d", i+1)
	case i == 0:
		return "left"
	}
	return "right"
}

// stopped is an operator that got candidates and gave none.
func (t *tracing) stopped(s *site) []Finding {
	o := s.op
	switch n := o.Node.(type) {
	case *plan.Calc:
		return []Finding{t.filtered(s, n)}
	case *plan.Deduplicate, *plan.WindowDedup:
		if f, ok := t.timed(s); ok {
			return f
		}
		return []Finding{t.simply(s, Deduplicated, "another row of the same key was kept")}
	case *plan.Rank, *plan.SortLimit, *plan.WindowTopN:
		if f, ok := t.timed(s); ok {
			return f
		}
		return []Finding{t.simply(s, Evicted, "other rows of its partition rank before it")}
	case *plan.Limit:
		return []Finding{t.simply(s, Limited, "the limit was reached before it came")}
	case *plan.GroupAggregate:
		if f, ok := t.forgotten(s, n.TTL); ok {
			return []Finding{f}
		}
		return []Finding{t.otherValue(s)}
	case *plan.LocalGroupAggregate:
		return []Finding{t.otherValue(s)}
	case *plan.Join, *plan.MultiJoin, *plan.LookupJoin, *plan.SnapshotJoin:
		if f, ok := t.expired(s); ok {
			return []Finding{f}
		}
		return []Finding{t.simply(s, NoPartner, "no pair of rows meets the condition of the join")}
	case *plan.IntervalJoin:
		return []Finding{t.interval(s, n)}
	case *plan.WindowJoin:
		if f, ok := t.timed(s); ok {
			return f
		}
		return []Finding{t.unpaired(s, n)}
	case *plan.TemporalJoin:
		if f, ok := t.timed(s); ok {
			return f
		}
		return []Finding{t.simply(s, NoPartner, "no version of its key was valid at the time of the row")}
	}
	if f, ok := t.timed(s); ok {
		return f
	}
	switch o.Node.(type) {
	case *plan.WindowAggregate, *plan.GroupWindowAggregate, *plan.OverAggregate:
		if n := s.near.adds - s.near.retracts; n > 0 {
			return []Finding{{
				Code: DifferentValue, Operator: o.Name, Text: fmt.Sprintf("it gave %s, with other results than asked for", rowsText(n, "row")), Evidence: t.evidence(s.near.rows),
			}}
		}
	}
	return []Finding{t.simply(s, Held, "it has the rows and has given nothing for them")}
}

func (t *tracing) simply(s *site, code Code, text string) Finding {
	f := Finding{Code: code, Operator: s.op.Name, Text: text}
	for i := range s.in {
		f.Evidence = append(f.Evidence, t.evidence(s.in[i].rows)...)
	}
	if len(f.Evidence) > evidenceMax {
		f.Evidence = f.Evidence[:evidenceMax]
	}
	return f
}

// filtered names the condition that is not true of the candidates.
func (t *tracing) filtered(s *site, n *plan.Calc) Finding {
	f := t.simply(s, Filtered, "")
	names := s.op.InSchemas[0].Names()
	for _, c := range expr.Conjuncts(n.Filter) {
		test, err := t.j.compile(c, s.op.InSchemas[0])
		if err != nil {
			continue
		}
		for _, r := range s.in[0].rows {
			lanes := t.pass(test, r.row.Batch, r.watermark)
			if len(lanes) == 0 {
				f.Text = fmt.Sprintf("%s is not true of %s", expr.String(c, names), rowsText(s.in[0].adds, "row"))
				return f
			}
		}
	}
	f.Code, f.Text = DifferentValue, "the columns that it computes have other values"
	return f
}

// otherValue is an aggregation whose group is there, with other results.
func (t *tracing) otherValue(s *site) Finding {
	f := t.simply(s, DifferentValue, fmt.Sprintf("the group has %s, and its results are others than asked for", rowsText(s.in[0].adds-s.in[0].retracts, "row")))
	if s.in[0].adds <= s.in[0].retracts {
		f.Code, f.Text = Retracted, "all rows of the group were taken back"
		if r := s.in[0].lastRetract; r != nil {
			f.Evidence = append(f.Evidence, t.shown(*r, "the last that was taken back"))
		}
	}
	return f
}

// expired is a join that has lost a row before its partner came: one with the same key, in
// time were it not for that.
func (t *tracing) expired(s *site) (Finding, bool) {
	n, ok := s.op.Node.(*plan.Join)
	if !ok || n.Type != plan.Inner || len(s.in) != 2 {
		return Finding{}, false
	}
	ttl, keys := [2]int64{n.LeftSide.TTL, n.RightSide.TTL}, [2][]int{n.Cond.LeftKeys, n.Cond.RightKeys}
	for i := range 2 {
		for k := range s.in[i].rows {
			first := &s.in[i].rows[k]
			if ttl[i] == 0 || !first.row.Kind().Adds() {
				continue
			}
			for m := range s.in[1-i].rows {
				second := &s.in[1-i].rows[m]
				if second.step < first.step || keyText(first.row, keys[i]) != keyText(second.row, keys[1-i]) {
					continue
				}
				gap := t.j.line[second.step-1].now - t.j.line[first.step-1].now
				if gap < ttl[i] {
					break // this one came in time, and those behind it would have kept the row
				}
				f := Finding{Code: Expired, Operator: s.op.Name, Text: fmt.Sprintf("its row of input %s was kept for %s, and the partner came %s later", sideName(s.op, i), millisText(ttl[i]), millisText(gap))}
				f.Fix = "raise table.exec.state.ttl, or that of the join by the STATE_TTL hint"
				f.Evidence = []Evidence{t.shown(*first, sideName(s.op, i)), t.shown(*second, sideName(s.op, 1-i))}
				return f, true
			}
		}
	}
	return Finding{}, false
}

// keyText is the text of some columns of a row.
func keyText(r Row, cols []int) string {
	own := Row{Batch: &batch.Batch{N: r.Batch.N, Cols: make([]batch.Col, len(cols))}, Lane: r.Lane}
	for i, c := range cols {
		own.Batch.Cols[i] = r.Batch.Cols[c]
	}
	return rowText(own, len(cols))
}

// forgotten is an aggregation that had lost a group when more of its rows came.
func (t *tracing) forgotten(s *site, ttl int64) (Finding, bool) {
	rows := s.in[0].rows
	for i := 1; i < len(rows) && ttl > 0; i++ {
		gap := t.j.line[rows[i].step-1].now - t.j.line[rows[i-1].step-1].now
		if gap < ttl {
			continue
		}
		f := Finding{Code: Expired, Operator: s.op.Name, Text: fmt.Sprintf("the group was kept for %s, and began anew with a row that came %s later", millisText(ttl), millisText(gap))}
		f.Fix = "raise table.exec.state.ttl, or that of the aggregation by the STATE_TTL hint"
		f.Evidence = []Evidence{t.shown(rows[i-1], "the last before"), t.shown(rows[i], "the first behind")}
		return f, true
	}
	return Finding{}, false
}

func millisText(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }

// interval is an interval join whose sides have rows that are not near enough, or which
// came too late.
func (t *tracing) interval(s *site, n *plan.IntervalJoin) Finding {
	if f, ok := t.late(s); ok {
		return f
	}
	f := t.simply(s, NoPartner, "")
	best := int64(-1)
	for _, l := range s.in[0].rows {
		for _, r := range s.in[1].rows {
			if keyText(l.row, n.LeftKeys) != keyText(r.row, n.RightKeys) {
				continue
			}
			d := l.row.Batch.Cols[n.LeftTime].Int(l.row.Lane) - r.row.Batch.Cols[n.RightTime].Int(r.row.Lane)
			out := max(n.Lower-d, d-n.Upper, 0)
			if best < 0 || out < best {
				best = out
				f.Evidence = []Evidence{t.shown(l, "left"), t.shown(r, "right")}
			}
		}
	}
	f.Text = fmt.Sprintf("the times of the rows lie %s outside of the interval of the join", millisText(best))
	if best < 0 {
		f.Text = "the other side has no row with its key"
	}
	if best == 0 {
		f.Code, f.Text = Expired, "the times are near enough, but one row was gone when the other came: the watermark had passed it"
	} else if waits, ok := t.open(s); ok {
		waits.Because = []Finding{f}
		return waits
	}
	return f
}

// unpaired is a join of windows whose windows have fired without a pair of rows.
func (t *tracing) unpaired(s *site, n *plan.WindowJoin) Finding {
	f := t.simply(s, NoPartner, "no pair of rows in one window meets the condition of the join")
	for _, l := range s.in[0].rows {
		for _, r := range s.in[1].rows {
			if keyText(l.row, n.LeftKeys) != keyText(r.row, n.RightKeys) {
				continue
			}
			left, right := l.row.Batch.Cols[n.LeftEnd].Int(l.row.Lane), r.row.Batch.Cols[n.RightEnd].Int(r.row.Lane)
			f.Evidence = []Evidence{t.shown(l, "left"), t.shown(r, "right")}
			if left == right {
				f.Text = fmt.Sprintf("rows of one key are in the window that ends at %s, and no pair of them meets the condition of the join", ClockText(left))
				return f
			}
			f.Text = fmt.Sprintf("rows of one key are in different windows: that of the left ends at %s, that of the right at %s", ClockText(left), ClockText(right))
		}
	}
	return f
}

// timed looks for the reasons of event time: rows that were late, and windows that are
// open.
func (t *tracing) timed(s *site) ([]Finding, bool) {
	var out []Finding
	if f, ok := t.late(s); ok {
		out = append(out, f)
	}
	if f, ok := t.open(s); ok {
		out = append(out, f)
	}
	return out, len(out) > 0
}

// lateRows are the late rows of an operator that could have become what is asked for. Where a
// join is asked about rows of one side, those of the other count that have a key of theirs.
func lateRows(s *site) []lateFound {
	keys, join := joinKeys(s.op)
	if !join {
		return s.late
	}
	var out []lateFound
	for _, l := range s.late {
		other := 1 - l.input
		if s.inConds[l.input] != nil || s.inConds[other] == nil || slices.ContainsFunc(s.in[other].rows, func(r found) bool {
			return keyText(r.row, keys[other]) == keyText(l.row, keys[l.input])
		}) {
			out = append(out, l)
		}
	}
	return out
}

// joinKeys are the columns of a join's two inputs that are compared.
func joinKeys(o *Operator) ([2][]int, bool) {
	switch n := o.Node.(type) {
	case *plan.WindowJoin:
		return [2][]int{n.LeftKeys, n.RightKeys}, true
	case *plan.IntervalJoin:
		return [2][]int{n.LeftKeys, n.RightKeys}, true
	case *plan.TemporalJoin:
		return [2][]int{n.LeftKeys, n.RightKeys}, true
	}
	return [2][]int{}, false
}

func (t *tracing) late(s *site) (Finding, bool) {
	list := lateRows(s)
	if len(list) == 0 {
		return Finding{}, false
	}
	f := Finding{Code: Late, Operator: s.op.Name, Fix: "a larger delay in the table's WATERMARK waits longer for late rows"}
	most := int64(0)
	for i, l := range list {
		note := ""
		if at, ok := t.timeOf(s, l.input, l.row); ok {
			by := l.watermark - at
			most = max(most, by)
			note = fmt.Sprintf("late by %s", millisText(by))
			if end, ok := t.windowEnd(s, at); ok {
				note = fmt.Sprintf("%s behind the watermark; its window closed at %s", millisText(by), ClockText(end))
			}
		}
		if i < evidenceMax {
			f.Evidence = append(f.Evidence, t.shown(l.found, note))
		}
	}
	wm := list[0].watermark
	f.By, f.Has = &most, &wm
	f.Text = fmt.Sprintf("%s came behind the watermark %s, up to %s too late", rowsText(int64(len(list)), "row"), ClockText(wm), millisText(most))
	return f, true
}

// timeColumn is the column of an input that an operator takes for time, -1 for none.
func timeColumn(o *Operator, in int) int {
	switch n := o.Node.(type) {
	case *plan.WindowAggregate:
		if n.Attached {
			return n.EndCol
		}
		return n.Window.TimeCol
	case *plan.GroupWindowAggregate:
		return n.Window.TimeCol
	case *plan.WindowTVF:
		return n.Window.TimeCol
	case *plan.WindowJoin:
		return []int{n.LeftEnd, n.RightEnd}[in]
	case *plan.WindowTopN:
		return n.EndCol
	case *plan.WindowDedup:
		return n.EndCol
	case *plan.IntervalJoin:
		if n.Rowtime {
			return []int{n.LeftTime, n.RightTime}[in]
		}
	case *plan.TemporalJoin:
		return []int{n.LeftTime, n.RightTime}[in]
	case *plan.OverAggregate:
		if n.Time == types.Rowtime {
			return n.OrderBy[0].Col
		}
	case *plan.Match:
		return n.OrderBy[0].Col
	case *plan.Deduplicate:
		if n.Rowtime {
			return n.TimeCol
		}
	case *plan.TemporalSort:
		if n.Rowtime {
			return n.OrderBy[0].Col
		}
	}
	return -1
}

func (t *tracing) timeOf(s *site, in int, r Row) (int64, bool) {
	c := timeColumn(s.op, in)
	if c < 0 || !r.Batch.Cols[c].Type.IsTimestamp() || r.Batch.Cols[c].IsNull(r.Lane) {
		return 0, false
	}
	return r.Batch.Cols[c].Int(r.Lane), true
}

// windowEnd is the end of the last window of a time.
func (t *tracing) windowEnd(s *site, at int64) (int64, bool) {
	w := plan.WindowOf(s.op.Node)
	if w == nil || w.Kind == plan.Session {
		return 0, false
	}
	if n, ok := s.op.Node.(*plan.WindowAggregate); ok && n.Attached {
		return at, true
	}
	switch s.op.Node.(type) {
	case *plan.WindowJoin, *plan.WindowTopN, *plan.WindowDedup:
		return at, true // the column is the end
	}
	pane := at
	if w.Kind == plan.Tumble {
		pane = at - ((at-w.Offset)%w.Size+w.Size)%w.Size
	}
	ends := windowsOfPane(w, pane)
	return ends[len(ends)-1][1], len(ends) > 0
}

// open finds a candidate whose time the watermark has not passed.
func (t *tracing) open(s *site) (Finding, bool) {
	w := plan.WindowOf(s.op.Node)
	has := s.watermark()
	clock := w != nil && w.Proctime() && has != batch.MaxWatermark // at the end of the input all windows fire
	if clock {
		has = t.clockAt(t.now)
	}
	for in := range s.in {
		if _, join := joinKeys(s.op); join && s.inConds[in] == nil && s.inConds[1-in] != nil {
			continue // whatever row that would be, it counts by the time of the other side's
		}
		for _, r := range s.in[in].rows {
			at, ok := t.timeOf(s, in, r.row)
			if own := timeColumn(s.op, in); clock && own >= 0 && own == w.TimeCol && s.op.InSchemas[in][own].Type.Attr == types.Proctime {
				at, ok = localMillis(t.clockAt(r.step), t.j.Zone), true
			}
			if !ok || !r.row.Kind().Adds() || slices.ContainsFunc(s.late, func(l lateFound) bool {
				return l.step == r.step && rowText(l.row, len(l.row.Schema)) == rowText(r.row, len(r.row.Schema))
			}) {
				continue
			}
			needs := at
			f := Finding{Code: Waiting, Operator: s.op.Name, Has: &has}
			if n, ok := s.op.Node.(*plan.IntervalJoin); ok {
				needs += []int64{-n.Lower, n.Upper}[in]
				f.Text = fmt.Sprintf("it waits for a partner until the watermark is %s; the watermark is %s", ClockText(needs), ClockText(has))
			} else if w != nil {
				end := at + w.Size
				if e, ok := t.windowEnd(s, at); ok {
					end = e
				}
				needs = firesAt(w, t.j.Zone, end)
				f.Code = WindowOpen
				f.Text = fmt.Sprintf("its window ends at %s and waits for the watermark %s; the watermark is %s", ClockText(end), ClockText(needs), ClockText(has))
				if clock {
					f.Text = fmt.Sprintf("its window is one of processing time and ends at %s; the clock is at %s", ClockText(end), ClockText(localMillis(has, t.j.Zone)))
				}
			} else {
				f.Text = fmt.Sprintf("it waits for the watermark %s; the watermark is %s", ClockText(needs), ClockText(has))
			}
			if has >= needs {
				if _, sums := s.op.Node.(*plan.WindowAggregate); !clock || !sums || s.near.adds > 0 {
					continue
				}
				f.Text = fmt.Sprintf("its window is one of processing time and ended at %s; its timer has not had its turn yet", ClockText(localMillis(needs+1, t.j.Zone)))
			}
			f.Needs = &needs
			f.Evidence = t.evidence(s.in[in].rows)
			if clock {
				f.Fix = "it fires when the clock has passed its end, and at the end of the input"
				return f, true
			}
			f.Fix = "the watermark moves when a later row comes; a source that is silent holds it back unless scan.watermark.idle-timeout is set"
			return f, true
		}
	}
	return Finding{}, false
}

// clockAt is what the clock said at a step.
func (t *tracing) clockAt(step int64) int64 {
	if step < 1 || step > int64(len(t.j.line)) {
		return batch.NoWatermark
	}
	return t.j.line[step-1].now
}

// localMillis is a moment as wall-clock time of a zone.
func localMillis(ms int64, zone *time.Location) int64 {
	if zone == nil {
		return ms
	}
	_, east := time.UnixMilli(ms).In(zone).Zone()
	return ms + int64(east)*1000
}

// tookBack finds who took a row back that was there.
func (t *tracing) tookBack(s *site) Finding {
	o, g := s.op, s.given()
	note := func(f *Finding) {
		if g.last != nil {
			f.Evidence = append(f.Evidence, t.shown(*g.last, "it was there"))
		}
		if g.lastRetract != nil {
			f.Evidence = append(f.Evidence, t.shown(*g.lastRetract, "it was taken back"))
		}
	}
	for i := range s.in {
		in := &s.in[i]
		if o.sink || in.adds > 0 && in.adds <= in.retracts {
			for _, p := range s.below[i] {
				if x := p.given(); x.adds > 0 && x.adds <= x.retracts {
					return t.tookBack(p)
				}
			}
		}
	}
	f := Finding{Code: Retracted, Operator: o.Name, Text: "it was there and was taken back"}
	switch o.Node.(type) {
	case *plan.Rank, *plan.SortLimit:
		f.Code, f.Text = Evicted, "it was among the first rows until others ranked before it"
	case *plan.Deduplicate:
		f.Code, f.Text = Deduplicated, "it was kept until another row of its key took its place"
	case *plan.GroupAggregate:
		f.Code, f.Text = DifferentValue, "it was the group's result until other rows of the group came"
	}
	if o.source {
		f.Text = o.Table + " took it back"
	}
	note(&f)
	return f
}

// notFound is a question about a row that never was.
func notFound(o *Operator, cond string) error {
	return diag.New(diag.NotFound, "%s has no row with %s up to here", o.Name, cond).WithHint("why-not says where it went")
}
