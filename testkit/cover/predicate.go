package cover

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

// predicate is a condition as it was written, or what several make together: AND, OR, NOT
// and CASE are taken apart, and what is below them is asked only of rows for which it
// matters, as SQL has it.
type predicate struct {
	node expr.Node
	calc *expr.Calc
	// yes, no and null are the items; null is nil where the condition never is NULL.
	yes, no, null *Item
	// or and parts: the parts are asked in turn, each of rows that are not FALSE so far
	// (with or, not TRUE).
	or    bool
	parts []*predicate
	// then are what is asked of rows of which the part of the same number is TRUE, those
	// of CASE; the last one, without a part, of the others.
	then []*predicate

	out   batch.Batch
	frame *function.Frame
}

// filterColumns are the columns of nodes that are conditions of aggregates above,
// FILTER (WHERE ...).
func filterColumns(ph *plan.Physical) map[plan.Node][]int {
	out := map[plan.Node][]int{}
	for _, n := range ph.Nodes {
		calls := plan.RowCalls(n)
		if len(calls) == 0 {
			continue
		}
		below := plan.Below(n.Inputs()[0])
		for _, c := range calls {
			if c.Filter >= 0 && !slices.Contains(out[below], c.Filter) {
				out[below] = append(out[below], c.Filter)
			}
		}
	}
	return out
}

// predicates makes those of a node: its filter, columns that are filters of aggregates, and
// the conditions of CASE in what it computes.
func (w *Watch) predicates(o *op, filters []int) {
	n, ok := o.node.(*plan.Calc)
	if !ok {
		return
	}
	in := n.In.Info().Schema
	take := func(e expr.Node, condition bool) *predicate {
		if p := w.predicate(e, condition); p != nil && p.compile(in.Types(), w) {
			return p
		}
		return nil
	}
	if n.Filter != nil {
		if o.filter = take(n.Filter, true); o.filter == nil {
			o.filter = &predicate{node: n.Filter}
			if !o.filter.compile(in.Types(), w) {
				return
			}
		}
	}
	for i, e := range n.Exprs {
		if p := take(e, slices.Contains(filters, i)); p != nil {
			o.preds = append(o.preds, p)
		}
	}
}

// predicate takes an expression apart; condition says that it is one itself. It is nil
// where there is nothing to count.
func (w *Watch) predicate(e expr.Node, condition bool) *predicate {
	if expr.Determinism(e) == function.PerCall {
		return nil
	}
	switch n := e.(type) {
	case *expr.Logic:
		if sameSpan(n) {
			break // one condition as written, such as BETWEEN
		}
		p := &predicate{node: e, or: n.Or}
		for _, a := range n.Args {
			part := w.predicate(a, condition)
			if part == nil {
				part = &predicate{node: a}
			}
			p.parts = append(p.parts, part)
		}
		return p
	case *expr.Not:
		if _, ok := n.Arg.(*expr.Logic); ok || !condition {
			return w.predicate(n.Arg, condition)
		}
	case *expr.Is:
		if n.What != expr.IsNull {
			return w.predicate(n.Arg, condition)
		}
	case *expr.Case:
		p := &predicate{node: e}
		for _, x := range n.Whens {
			part := w.predicate(x.Cond, true)
			if part == nil {
				part = &predicate{node: x.Cond}
			}
			p.parts = append(p.parts, part)
			p.then = append(p.then, w.predicate(x.Then, condition))
		}
		p.then = append(p.then, w.predicate(n.Else, condition))
		return p
	}
	if condition {
		return w.leaf(e)
	}
	// Some value: of CASE within it the conditions count.
	p := &predicate{node: e}
	for _, k := range expr.Kids(e) {
		if part := w.predicate(k, false); part != nil {
			p.then = append(p.then, part)
		}
	}
	if p.then == nil {
		return nil
	}
	return p
}

// sameSpan tells whether AND or OR was put in by the planner for something written as one.
func sameSpan(n *expr.Logic) bool {
	return slices.ContainsFunc(n.Args, func(a expr.Node) bool { return a.Span() == n.At })
}

// leaf is a condition that is not taken apart; nil where it was not written.
func (w *Watch) leaf(e expr.Node) *predicate {
	if _, ok := e.(*expr.Literal); ok || e.Span().IsZero() {
		return nil
	}
	p := &predicate{node: e}
	at := w.place(e.Span())
	text := written(at)
	item := func(what string) *Item {
		i := &Item{Place: at, Kind: Predicate, Operator: text, What: what, Missing: "never " + strings.ToUpper(what)}
		w.items = append(w.items, i)
		return i
	}
	p.yes, p.no = item("true"), item("false")
	if !e.Type().NotNull {
		p.null = item("null")
	}
	return p
}

// written is the text of a place in one line.
func written(p Place) string {
	from, to := max(0, min(p.Span.Start, len(p.Text))), max(0, min(p.Span.End, len(p.Text)))
	return strings.Join(strings.Fields(p.Text[from:max(from, to)]), " ")
}

// compile prepares a predicate over columns; false says that it cannot be computed.
func (p *predicate) compile(in []types.Type, w *Watch) bool {
	if p.node.Type().Kind == types.Boolean {
		var err error
		if p.calc, err = expr.NewCalc(nil, []expr.Node{p.node}, in); err != nil {
			return false
		}
		p.frame = function.NewFrame(function.FixedEnv{}, w.zone)
	}
	for _, list := range [][]*predicate{p.parts, p.then} {
		for _, x := range list {
			if x != nil && !x.compile(in, w) {
				return false
			}
		}
	}
	return true
}

// evaluate asks the predicates of an operator about the rows of a batch.
func (w *Watch) evaluate(o *op, b *batch.Batch, watermark int64) {
	view := *b.Filled(o.node.Inputs()[0].Info().Schema.Types())
	view.Keys = nil
	env := function.FixedEnv{NowMillis: w.now(), WatermarkTime: watermark}
	lanes := make([]uint16, view.Rows())
	for i := range lanes {
		lanes[i] = uint16(view.Lane(i))
	}
	if o.filter != nil {
		lanes = o.filter.ask(&view, lanes, env).yes
	}
	for _, p := range o.preds {
		p.ask(&view, lanes, env)
	}
}

// truth are the lanes by the value of a condition.
type truth struct{ yes, no, null []uint16 }

// ask counts lanes. What cannot be computed of some row fails the job itself, or is never
// asked there; it is not counted here.
func (p *predicate) ask(b *batch.Batch, lanes []uint16, env function.FixedEnv) truth {
	if len(lanes) == 0 {
		return truth{}
	}
	rest := lanes
	for i, x := range p.parts {
		t := x.ask(b, rest, env)
		switch {
		case p.then != nil: // CASE
			if p.then[i] != nil {
				p.then[i].ask(b, t.yes, env)
			}
			rest = merged(t.no, t.null)
		case p.or:
			rest = merged(t.no, t.null)
		default:
			rest = merged(t.yes, t.null)
		}
	}
	for _, x := range p.then[min(len(p.parts), len(p.then)):] {
		if x != nil {
			x.ask(b, rest, env)
		}
	}
	t := p.value(b, lanes, env)
	add(p.yes, int64(len(t.yes)))
	add(p.no, int64(len(t.no)))
	add(p.null, int64(len(t.null)))
	return t
}

// merged are lanes of two lists in order.
func merged(a, b []uint16) []uint16 {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return out
}

func (p *predicate) value(b *batch.Batch, lanes []uint16, env function.FixedEnv) truth {
	if p.calc == nil {
		return truth{}
	}
	view := *b
	view.Sel, view.Marks = lanes, nil
	p.frame.SetEnv(env)
	if err := p.calc.Run(p.frame, &view, &p.out); err != nil {
		return truth{}
	}
	var t truth
	col := &p.out.Cols[0]
	for i := range p.out.Rows() {
		lane := p.out.Lane(i)
		switch {
		case col.IsNull(lane):
			t.null = append(t.null, lanes[i])
		case col.Bool(col.ValueLane(lane)):
			t.yes = append(t.yes, lanes[i])
		default:
			t.no = append(t.no, lanes[i])
		}
	}
	return t
}
