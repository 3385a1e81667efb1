package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// pushFilters moves conditions as far down as they can go.
func (o *optimizer) pushFilters(n logical.Node) (logical.Node, error) { return o.push(nil, n), nil }

// push puts conditions over n's output under n where that gives the same rows, and
// does the same in n.
func (o *optimizer) push(conds []expr.Node, n logical.Node) logical.Node {
	switch n := n.(type) {
	case *logical.Filter:
		return o.push(append(expr.Conjuncts(n.Cond), conds...), n.In)
	case *logical.Project:
		down, stay := split(conds, func(c expr.Node) bool { return pure(c) && substitutable(c, n.Exprs) })
		for i, c := range down {
			down[i] = expr.Substitute(c, n.Exprs)
		}
		return filter(stay, n.With([]logical.Node{o.push(down, n.In)}))
	case *logical.Join:
		return o.pushJoin(conds, n)
	case *logical.Apply:
		return o.pushApply(conds, n)
	case *logical.Union:
		// What reads an outer query stays above, where decorrelation finds it.
		down, stay := split(conds, func(c expr.Node) bool { return pure(c) && !logical.HasOuter(c) })
		ins := make([]logical.Node, len(n.Ins))
		for i, in := range n.Ins {
			ins[i] = o.push(slices.Clone(down), in)
		}
		return filter(stay, n.With(ins))
	case *logical.Aggregate:
		down, stay := split(conds, func(c expr.Node) bool {
			return pure(c) && len(n.Keys) > 0 && readsOnly(c, func(i int) bool { return i < len(n.Keys) && !windowColumn(n.In, n.Keys[i]) })
		})
		for i, c := range down {
			down[i] = expr.Remap(c, func(i int) int { return n.Keys[i] })
		}
		return filter(stay, n.With([]logical.Node{o.push(down, n.In)}))
	case *logical.Window:
		width := len(n.In.Schema())
		down, stay := split(conds, func(c expr.Node) bool {
			return pure(c) && readsOnly(c, func(i int) bool {
				return i < width && (n.Spec.Kind != plan.Session || slices.Contains(n.Spec.PartitionBy, i))
			})
		})
		return filter(stay, n.With([]logical.Node{o.push(down, n.In)}))
	case *logical.Correlate:
		return o.pushCorrelate(conds, n)
	case *logical.Predict:
		return o.pushPredict(conds, n)
	case *logical.Over:
		down, stay := split(conds, func(c expr.Node) bool {
			return pure(c) && readsOnly(c, func(i int) bool { return slices.Contains(n.PartitionBy, i) })
		})
		return filter(stay, n.With([]logical.Node{o.push(down, n.In)}))
	case *logical.Match:
		return o.pushMatch(conds, n)
	case *logical.Rank:
		down, stay := split(conds, func(c expr.Node) bool {
			return pure(c) && readsOnly(c, func(i int) bool { return slices.Contains(n.PartitionBy, i) })
		})
		return filter(stay, n.With([]logical.Node{o.push(down, n.In)}))
	case *logical.Sort:
		if n.Fetch == plan.NoLimit && n.Offset == 0 {
			return n.With([]logical.Node{o.push(conds, n.In)})
		}
	case *logical.Snapshot, *logical.LateralSnapshot:
		return n.With([]logical.Node{o.push(conds, n.Inputs()[0])})
	}
	in := n.Inputs()
	if len(in) > 0 {
		out := make([]logical.Node, len(in))
		for i := range in {
			out[i] = o.push(nil, in[i])
		}
		n = n.With(out)
	}
	return filter(conds, n)
}

// filter puts conditions on n.
func filter(conds []expr.Node, n logical.Node) logical.Node {
	if len(conds) == 0 {
		return n
	}
	return logical.NewFilter(n, expr.NewAnd(dedup(conds)...), conds[0].Span())
}

// dedup leaves out conditions that are there twice.
func dedup(conds []expr.Node) []expr.Node {
	var out []expr.Node
	for _, c := range conds {
		if !slices.ContainsFunc(out, func(o expr.Node) bool { return expr.Equal(o, c) }) {
			out = append(out, c)
		}
	}
	return out
}

func split(conds []expr.Node, down func(expr.Node) bool) (yes, no []expr.Node) {
	for _, c := range conds {
		if down(c) {
			yes = append(yes, c)
		} else {
			no = append(no, c)
		}
	}
	return yes, no
}

// pure reports that a condition may be evaluated elsewhere: it gives the same value
// for the same row.
func pure(n expr.Node) bool { return expr.Determinism(n) != function.PerCall }

func readsOnly(n expr.Node, ok func(int) bool) bool {
	for _, i := range expr.Refs(n) {
		if i >= logical.Outer || !ok(i) {
			return false
		}
	}
	return true
}

// substitutable reports that the columns a condition reads may be computed twice.
func substitutable(c expr.Node, exprs []expr.Node) bool {
	for _, i := range expr.Refs(c) {
		if i >= logical.Outer {
			return false
		}
		if !pure(exprs[i]) {
			return false
		}
	}
	return true
}

// windowColumn reports that column i of n is a bound of a windowing function: a
// condition on it must not come between the function and its aggregation.
func windowColumn(n logical.Node, i int) bool {
	switch n := n.(type) {
	case *logical.Project:
		if r, ok := n.Exprs[i].(*expr.InputRef); ok && len(r.Path) == 0 {
			return windowColumn(n.In, r.Index)
		}
	case *logical.Filter:
		return windowColumn(n.In, i)
	case *logical.Window:
		return i >= len(n.In.Schema())
	}
	return false
}

// pushJoin deals conditions from above and from ON to the sides of a join.
func (o *optimizer) pushJoin(conds []expr.Node, n *logical.Join) logical.Node {
	width := len(n.Left.Schema())
	isLeft := func(c expr.Node) bool { return pure(c) && readsOnly(c, func(i int) bool { return i < width }) }
	isRight := func(c expr.Node) bool {
		return pure(c) && readsOnly(c, func(i int) bool { return i >= width }) && len(expr.Refs(c)) > 0
	}
	typ := n.Type
	if !typ.LeftOnly() {
		typ = strengthen(typ, conds, width)
	}
	on := expr.Conjuncts(n.Cond)
	var left, right, stay []expr.Node
	switch typ {
	case plan.Inner:
		all := append(slices.Clone(on), conds...)
		var pulled []expr.Node
		pulled, all = split(all, func(c expr.Node) bool { return !pure(c) || logical.HasOuter(c) })
		stay = pulled
		left, all = split(all, isLeft)
		right, on = split(all, isRight)
	case plan.LeftOuter:
		left, stay = split(conds, isLeft)
		right, on = split(on, isRight)
	case plan.RightOuter:
		right, stay = split(conds, isRight)
		left, on = split(on, isLeft)
	case plan.FullOuter:
		stay = conds
	case plan.Semi:
		left, stay = split(conds, isLeft)
		var l []expr.Node
		l, on = split(on, isLeft)
		left = append(left, l...)
		right, on = split(on, isRight)
	case plan.Anti:
		left, stay = split(conds, isLeft)
		right, on = split(on, isRight)
	}
	if snap, ok := n.Right.(*logical.Snapshot); ok && snap.VersionTime >= 0 {
		// A version that does not meet a condition still ends the one before it.
		on, right = append(on, right...), nil
	}
	for i, c := range right {
		right[i] = expr.Shift(c, -width)
	}
	m := *n
	m.Type = typ
	m.Left, m.Right = o.push(left, n.Left), o.push(right, n.Right)
	m.Cond = expr.NewAnd(dedup(on)...)
	return filter(stay, &m)
}

// strengthen makes an outer join inner where a condition above would drop the
// padded rows anyway.
func strengthen(t plan.JoinType, conds []expr.Node, width int) plan.JoinType {
	dropsLeft, dropsRight := false, false // padded left columns, padded right columns
	for _, c := range conds {
		for _, i := range strictColumns(c) {
			if i < width {
				dropsLeft = true
			} else {
				dropsRight = true
			}
		}
	}
	switch {
	case t == plan.LeftOuter && dropsRight, t == plan.RightOuter && dropsLeft, t == plan.FullOuter && dropsLeft && dropsRight:
		return plan.Inner
	case t == plan.FullOuter && dropsLeft:
		return plan.LeftOuter
	case t == plan.FullOuter && dropsRight:
		return plan.RightOuter
	}
	return t
}

// strictColumns are columns for which the condition is not TRUE when they are NULL.
func strictColumns(c expr.Node) []int {
	switch c := c.(type) {
	case *expr.Compare:
		if c.Op >= expr.Distinct {
			return nil
		}
		return append(plainColumn(c.L), plainColumn(c.R)...)
	case *expr.Is:
		if c.What == expr.IsNull && c.Negated {
			return plainColumn(c.Arg)
		}
	case *expr.In:
		return plainColumn(c.Arg)
	}
	return nil
}

func plainColumn(n expr.Node) []int {
	for {
		if c, ok := n.(*expr.Cast); ok {
			n = c.Arg
			continue
		}
		break
	}
	if r, ok := n.(*expr.InputRef); ok && r.Index < logical.Outer {
		return []int{r.Index}
	}
	return nil
}

// pushApply moves conditions under a subquery, and makes a mark that is itself a
// condition a semi or anti apply.
func (o *optimizer) pushApply(conds []expr.Node, n *logical.Apply) logical.Node {
	width := len(n.Left.Schema())
	down, stay := split(conds, func(c expr.Node) bool { return pure(c) && readsOnly(c, func(i int) bool { return i < width }) })
	m := *n
	if n.Kind == logical.ApplyMark {
		for i, c := range stay {
			kind, ok := markCondition(c, width)
			if !ok {
				continue
			}
			rest := append(slices.Clone(stay[:i]), stay[i+1:]...)
			m.Kind = kind
			if kind == logical.ApplyAnti && m.Cond != nil {
				m.Cond = notFalse(m.Cond)
			}
			m.Left, m.Right = o.push(down, n.Left), o.push(nil, n.Right)
			// The mark is a constant from here on.
			exprs := append(logical.Refs(m.Schema()), constBool(kind == logical.ApplySemi, c.Span()))
			p := logical.NewProject(&m, exprs, n.Schema().Names(), n.At)
			return filter(rest, p)
		}
	}
	m.Left, m.Right = o.push(down, n.Left), o.push(nil, n.Right)
	return filter(stay, &m)
}

// markCondition recognises the mark in column width, or its negation.
func markCondition(c expr.Node, width int) (logical.ApplyKind, bool) {
	kind := logical.ApplySemi
	for {
		switch x := c.(type) {
		case *expr.Not:
			c = x.Arg
			if kind == logical.ApplySemi {
				kind = logical.ApplyAnti
			} else {
				kind = logical.ApplySemi
			}
			continue
		case *expr.InputRef:
			return kind, x.Index == width && len(x.Path) == 0
		}
		return 0, false
	}
}

// notFalse is TRUE where the conditions of NOT IN are TRUE or NULL: what cannot be
// NULL stays an equality.
func notFalse(c expr.Node) expr.Node {
	nullable := false
	for _, p := range expr.Conjuncts(c) {
		nullable = nullable || p.Type().IsNullable()
	}
	if !nullable {
		return c
	}
	return expr.NewIs(expr.IsFalse, true, c, c.Span())
}

func constBool(v bool, at diag.Span) expr.Node {
	return constant(types.BooleanT, at, v)
}
