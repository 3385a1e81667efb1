package debugger

import (
	"context"
	"fmt"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
)

// Lineage is where a row came from: an operator, the rows that it gave, and what they
// were made of.
type Lineage struct {
	Operator string `json:"operator"`
	// Rule says in words what the operator does with its input's rows.
	Rule string `json:"rule"`
	// Total rows took part; Rows are the first of them.
	Total int64      `json:"total"`
	Rows  []Evidence `json:"rows"`
	// Reason is why it came out when it did, where that is a matter of time: the
	// watermark, and the record that moved it there. "" otherwise.
	Reason string     `json:"reason,omitempty"`
	From   []*Lineage `json:"from,omitempty"`
}

// Why traces the newest row of an output for which a condition is true, up to the
// cursor or, where that is at the start, of the whole tape. It executes the tape two or
// three times. It fails with not-found where there is no such row.
//
// Rows are found again by their values: of rows that are equal in all that matters the
// lineage has all.
func (j *Job) Why(ctx context.Context, output, cond string) (*Lineage, error) {
	t, o, err := j.asked(ctx, output, cond)
	if err != nil {
		return nil, err
	}
	last := t.root.given().last
	if last == nil {
		return nil, notFound(o, cond)
	}
	return j.lineage(ctx, o, *last)
}

func (j *Job) lineage(ctx context.Context, o *Operator, f found) (*Lineage, error) {
	t, err := j.trace(o, rowIs(f.row), f.step, true, nil)
	if err != nil {
		return nil, err
	}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	if but := t.lateRows(); but != nil {
		// What came too late took no part.
		if t, err = j.trace(o, rowIs(f.row), f.step, true, but); err != nil {
			return nil, err
		}
		if err := t.run(ctx); err != nil {
			return nil, err
		}
	}
	root := t.tree(t.root, map[*site]bool{})
	root.Total, root.Rows = 1, []Evidence{t.shown(f, "")}
	return root, j.reasons(ctx, t, o, root, map[*Operator]bool{})
}

// lateRows asks inputs for rows other than those that they left out.
func (t *tracing) lateRows() map[input]asked {
	var but map[input]asked
	for _, o := range t.j.Operators {
		for _, s := range t.sites[o] {
			for _, l := range s.late {
				n := rowIs(l.row).node()
				if n == nil {
					continue
				}
				if but == nil {
					but = map[input]asked{}
				}
				k := input{o, l.input}
				but[k] = append(but[k], expr.NewNot(n, diag.Span{}))
			}
		}
	}
	return but
}

// tree makes the lineage from the sink down.
func (t *tracing) tree(s *site, seen map[*site]bool) *Lineage {
	seen[s] = true
	g := s.given()
	l := &Lineage{Operator: s.op.Name, Rule: rule(s.op), Total: g.adds + g.retracts, Rows: t.evidence(g.rows)}
	for _, p := range slices.Concat(s.below...) {
		if x := p.given(); !seen[p] && x.adds+x.retracts > 0 {
			l.From = append(l.From, t.tree(p, seen))
		}
	}
	return l
}

// rule says what an operator does, in a few words.
func rule(o *Operator) string {
	switch n := o.Node.(type) {
	case *plan.Scan:
		return "read from " + o.Table
	case *plan.Sink:
		return "written to " + o.Table
	case *plan.Collect:
		return "given to the client"
	case *plan.Calc:
		if n.Filter != nil {
			return "passed " + expr.String(n.Filter, o.InSchemas[0].Names())
		}
		return "computed row by row"
	case *plan.GroupAggregate, *plan.LocalGroupAggregate:
		return "aggregated by key"
	case *plan.WindowAggregate, *plan.GroupWindowAggregate:
		return "aggregated by key and window"
	case *plan.WindowTVF:
		return "put into windows"
	case *plan.Join, *plan.IntervalJoin, *plan.WindowJoin, *plan.TemporalJoin, *plan.MultiJoin, *plan.SnapshotJoin:
		return "joined"
	case *plan.LookupJoin:
		return "joined with what " + n.Table + " had then"
	case *plan.Rank, *plan.SortLimit, *plan.WindowTopN:
		return "among the first of its partition"
	case *plan.Deduplicate, *plan.WindowDedup:
		return "kept of its key"
	case *plan.OverAggregate:
		return "computed over the rows before it"
	}
	return "by " + o.Node.Name()
}

// reasons adds why windows fired.
func (j *Job) reasons(ctx context.Context, t *tracing, o *Operator, l *Lineage, seen map[*Operator]bool) error {
	seen[o] = true
	if w := plan.WindowOf(o.Node); w != nil && !w.Proctime() && len(l.Rows) > 0 {
		if _, tvf := o.Node.(*plan.WindowTVF); !tvf {
			text, err := j.fired(ctx, t, o, w)
			if err != nil {
				return err
			}
			l.Reason = text
		}
	}
	at := 0
	for i := range o.Inputs {
		for _, p := range o.Inputs[i] {
			if at < len(l.From) && l.From[at].Operator == p.Name && !seen[p] {
				if err := j.reasons(ctx, t, p, l.From[at], seen); err != nil {
					return err
				}
				at++
			}
		}
	}
	return nil
}

// fired says which watermark closed the window of an operator's rows, and which record
// moved it there.
func (j *Job) fired(ctx context.Context, t *tracing, o *Operator, w *plan.WindowSpec) (string, error) {
	s := t.sites[o][0] // the trace is together
	end, ok := int64(0), false
	for in := range s.in {
		for _, r := range s.in[in].rows {
			if at, timed := t.timeOf(s, in, r.row); timed {
				if e, known := t.windowEnd(s, at); known && (!ok || e < end) {
					end, ok = e, true
				}
			}
		}
	}
	if !ok {
		return "", nil
	}
	needs := firesAt(w, j.Zone, end)
	text := fmt.Sprintf("the watermark passed %s, the end of the window being %s", ClockText(needs), ClockText(end))
	c := &closer{j: j, needs: needs, first: map[*Operator]closed{}, upstream: map[*Operator]bool{}}
	c.above(o)
	if err := c.run(ctx, t.until); err != nil {
		return "", err
	}
	var last *closed
	for _, src := range j.Operators {
		if x, some := c.first[src]; some && (last == nil || x.step > last.step) {
			last = &x
		}
	}
	if last != nil {
		text += fmt.Sprintf("; %s moved it to %s", last.origin, ClockText(last.watermark))
	} else {
		text += "; the input ended"
	}
	return text, nil
}

// closer looks for the record of each source that first let the watermark pass a time.
type closer struct {
	watchNone
	j        *Job
	needs    int64
	upstream map[*Operator]bool
	first    map[*Operator]closed
	eyes     *eyes
	s        *flow.Stepper
	now      int64
}

type closed struct {
	origin    string
	watermark int64
	step      int64
}

func (c *closer) above(o *Operator) {
	c.upstream[o] = true
	for _, list := range o.Inputs {
		for _, p := range list {
			if !c.upstream[p] {
				c.above(p)
			}
		}
	}
}

func (c *closer) run(ctx context.Context, until int64) error {
	c.eyes = newEyes(c.j)
	c.eyes.listener = c
	c.s = c.j.Tape.Stepper(c.eyes)
	c.eyes.restored = c.s.Restored
	defer c.s.Close()
	for c.now = 1; c.now <= until; c.now++ {
		if c.now&63 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		c.eyes.begin(false)
		e, more, err := c.s.Next()
		if err != nil || !more {
			return err
		}
		c.eyes.end(e)
	}
	return nil
}

// Gave looks at the marks of what a reader gives.
func (c *closer) Gave(at flow.Place, b *batch.Batch) {
	o := c.j.uids[at.UID]
	if at.Node >= 0 || o == nil || !c.upstream[o] {
		return
	}
	if _, done := c.first[o]; done {
		return
	}
	for _, m := range b.Marks {
		if m.WM < c.needs || m.Pos == 0 {
			continue
		}
		k := 0
		for k < b.Rows()-1 && b.Lane(k+1) < int(m.Pos) {
			k++
		}
		reads := c.eyes.now.reads
		c.first[o] = closed{c.j.originAs(c.s, reads[len(reads)-1], int64(k)), m.WM, c.now}
		return
	}
}

// WhyRow is Why for row number nth, from 1, of a sink.
func (j *Job) WhyRow(ctx context.Context, output string, nth int64) (*Lineage, error) {
	o, err := j.sink(output)
	if err != nil {
		return nil, err
	}
	target := Target{Output: output, Nth: nth, text: fmt.Sprintf("out=%s#%d", output, nth)}
	at, within := j.at, j.record
	st, err := j.Seek(ctx, target)
	if err != nil {
		return nil, err
	}
	var f *found
	for _, m := range j.line[j.at-1].outs {
		if m.op == o && nth > m.from && nth <= m.end {
			f = rowOf(st, o, int(nth-m.from)-1)
		}
	}
	if f == nil {
		return nil, diag.New(diag.NotFound, "the tape has no %s", target)
	}
	f.step = j.at
	if err := j.goTo(ctx, at); err != nil {
		return nil, err
	}
	j.record = within
	return j.lineage(ctx, o, *f)
}

// rowOf is row k of what a sink took in a step.
func rowOf(st Stop, o *Operator, k int) *found {
	for _, h := range st.Step.Events {
		if h.op != o || h.Kind != "in" {
			continue
		}
		if k < len(h.Rows) {
			return &found{row: h.Rows[k]}
		}
		k -= len(h.Rows)
	}
	return nil
}
