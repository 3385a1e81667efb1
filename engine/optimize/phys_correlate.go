package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
)

// correlate calls a table function for each row.
func (o *optimizer) correlate(n *logical.Correlate) (plan.Node, error) {
	in, err := o.conv(n.In)
	if err != nil {
		return nil, err
	}
	for _, a := range logical.Exprs(n) {
		if logical.HasOuter(a) {
			return nil, unsupported(n.At, "a table function over columns of an outer query is")
		}
	}
	t := in.Info()
	if n.Func.AppendOnly && !t.AppendOnly() {
		return nil, notAppended(n.Func.Name, n.At)
	}
	c := &plan.Correlate{
		Func: n.Func, Args: n.Args, Cond: n.Cond, Make: n.Res.Make, Begin: n.Res.Begin, Rows: n.Res.Out, Det: max(n.Func.Det, n.Res.Det),
		Left: n.Left, Keep: n.Keep, Read: n.Read, Call: n.Call(t.Schema.Names()),
	}
	c.In, c.Span, c.Emits = in, n.At, t.Emits
	c.Schema = logical.CorrelateSchema(t.Schema, n.Res.Out, n.Keep, n.Read, n.Left)
	for i, name := range plan.Unique(c.Schema.Names()) {
		c.Schema[i].Name = name
	}
	c.Dist = mapDist(t.Dist, keptAt(n.Keep))
	if w := t.Windows; w != nil {
		m := *w
		pos := func(i int) int { return slices.Index(n.Keep, i) }
		m.Start, m.End, m.Time = pos(w.Start), pos(w.End), pos(w.Time)
		if m.End >= 0 || m.Start >= 0 {
			c.Windows = &m
		}
	}
	if c.Det == function.PerCall {
		o.ids[c] = len(o.ids) // never shared
		return c, nil
	}
	return o.intern(c), nil
}

// notAppended refuses a function over a table whose rows may be taken back.
func notAppended(name string, at diag.Span) error {
	return diag.At(at, diag.ChangelogMismatch, "%s takes rows that are only inserted, and its input has updates or deletes", name).
		WithHint("call it before the rows are aggregated or joined, or make inserts of the changes with TO_CHANGELOG")
}

// keptAt lists the output columns that hold an input column.
func keptAt(keep []int) func(int) []int {
	return func(i int) []int {
		if at := slices.Index(keep, i); at >= 0 {
			return []int{at}
		}
		return nil
	}
}

// pushCorrelate moves conditions on columns that are passed on below the call.
func (o *optimizer) pushCorrelate(conds []expr.Node, n *logical.Correlate) logical.Node {
	width := len(n.Keep)
	m := *n
	for _, c := range conds {
		for _, i := range strictColumns(c) {
			// A condition that is not TRUE of NULL drops what LEFT would pad.
			m.Left = m.Left && i < width
		}
	}
	down, stay := split(conds, func(c expr.Node) bool { return pure(c) && readsOnly(c, func(i int) bool { return i < width }) })
	for i, c := range down {
		down[i] = expr.Remap(c, func(i int) int { return n.Keep[i] })
	}
	m.In = o.push(down, n.In)
	return filter(stay, &m)
}

// pruneCorrelate drops columns of the input and of the function that nobody reads.
// An array that is only taken apart does not come out beside its elements.
func pruneCorrelate(n *logical.Correlate, need []bool) (logical.Node, []int) {
	m := *n
	m.Keep, m.Read = nil, nil
	needIn := make([]bool, len(n.In.Schema()))
	want(needIn, n.Args...)
	width := len(needIn)
	if n.Cond != nil {
		for _, i := range expr.Refs(n.Cond) {
			if i < width {
				needIn[i] = true
			}
		}
	}
	at := make([]int, len(need))
	for i := range need {
		at[i] = -1
		if need[i] && i < len(n.Keep) {
			at[i] = len(m.Keep)
			m.Keep = append(m.Keep, n.Keep[i])
			needIn[n.Keep[i]] = true
		}
	}
	for i := len(n.Keep); i < len(need); i++ {
		if need[i] {
			at[i] = len(m.Keep) + len(m.Read)
			m.Read = append(m.Read, n.Read[i-len(n.Keep)])
		}
	}
	in, to := narrow(n.In, needIn)
	m.In, m.Keep = in, remapInts(m.Keep, to)
	m.Args = make([]expr.Node, len(n.Args))
	for i, a := range n.Args {
		m.Args[i] = remap(a, to)
	}
	if n.Cond != nil {
		by := len(in.Schema()) - width
		m.Cond = expr.Remap(n.Cond, func(i int) int {
			if i >= width {
				return i + by
			}
			return to[i]
		})
	}
	return &m, at
}

func (o *optimizer) foldCorrelate(n *logical.Correlate) (logical.Node, error) {
	m := *n
	m.Args = make([]expr.Node, len(n.Args))
	for i, a := range n.Args {
		f, err := o.foldExpr(a)
		if err != nil {
			return nil, err
		}
		m.Args[i] = f
	}
	if n.Cond != nil {
		f, err := o.foldExpr(n.Cond)
		if err != nil {
			return nil, err
		}
		if m.Cond = f; isTrue(f) {
			m.Cond = nil
		}
	}
	return &m, nil
}

func (o *optimizer) labelCorrelate(n *plan.Correlate, add func(plan.LabelKind, string)) {
	det, name := n.Det, n.Func.Name+"()"
	for _, a := range n.Exprs() {
		if d := expr.Determinism(a); d > det {
			det, name = d, culprit(a)
		}
	}
	if det != function.Deterministic && !(o.batch && det == function.PerStep) {
		add(plan.Replayable, name+" in "+n.Call)
	}
}

// redistributed renews what a Correlate says of how its rows are dealt.
func redistributed(n *plan.Correlate) plan.Distribution {
	return mapDist(n.In.Info().Dist, keptAt(n.Keep))
}
