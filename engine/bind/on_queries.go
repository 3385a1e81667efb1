package bind

import (
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// onOuterQueries is a join that pads rows and whose condition has subqueries. Each of
// them is evaluated below the join, on the side that it reads; above has them on top of
// the join, as they were bound.
func onOuterQueries(j *logical.Join, above logical.Node) (logical.Node, error) {
	var queries []*logical.Apply
	for n := above; n != logical.Node(j); {
		a := n.(*logical.Apply)
		queries = append(queries, a)
		n = a.Left
	}
	slices.Reverse(queries)
	ls, rs := j.Left.Schema(), j.Right.Schema()
	width := len(ls) + len(rs)
	// Both sides have all columns in their places, those of the other one as NULL.
	left := padded(j.Left, rs, false, j.At)
	right := padded(j.Right, ls, true, j.At)
	onRight := make([]bool, len(queries))
	for k, a := range queries {
		side, err := sideOf(a, len(ls), width, onRight)
		if err != nil {
			return nil, err
		}
		onRight[k] = side
		read, other := &left, &right
		if side {
			read, other = &right, &left
		}
		b := *a
		b.Left = *read
		*read = &b
		*other = padded(*other, b.Schema()[width+k:], false, j.At)
	}
	to := make([]int, width+len(queries)) // where columns of the condition are
	var lc, rc []int
	for i := range to {
		if i >= len(ls) && i < width || i >= width && onRight[i-width] {
			rc = append(rc, i)
		} else {
			lc = append(lc, i)
		}
	}
	for i, c := range append(slices.Clone(lc), rc...) {
		to[c] = i
	}
	m := *j
	m.Left, m.Right = picked(left, lc, j.At), picked(right, rc, j.At)
	m.Cond = expr.Remap(j.Cond, func(i int) int {
		if i >= logical.Outer {
			return i
		}
		return to[i]
	})
	s := m.Schema()
	n := len(j.Schema())
	exprs := make([]expr.Node, n)
	for i := range exprs {
		exprs[i] = expr.NewRef(to[i], s[to[i]].Type, j.At)
	}
	return logical.NewProject(&m, exprs, j.Schema().Names(), j.At), nil
}

// sideOf is the side of a join that a subquery in its condition reads: true for the
// right one.
func sideOf(a *logical.Apply, left, width int, onRight []bool) (bool, error) {
	readsLeft, readsRight := false, false
	see := func(c int) {
		if c < left || c >= width && !onRight[c-width] {
			readsLeft = true
		} else {
			readsRight = true
		}
	}
	logical.OuterRefs(a.Right, func(_ *expr.InputRef, c int) { see(c) })
	if a.Cond != nil {
		own := len(a.Left.Schema())
		for _, c := range expr.Refs(a.Cond) {
			if c < own {
				see(c)
			}
		}
	}
	if readsLeft && readsRight {
		return false, diag.At(a.At, diag.UnsupportedByFlink, "a subquery in ON of this join reads both of its sides").
			WithHint("a subquery in ON of an outer join may read one side; compute the other part in a query below")
	}
	return readsRight, nil
}

// padded adds columns of NULL before or behind those of a node.
func padded(n logical.Node, s types.Schema, before bool, span diag.Span) logical.Node {
	in := n.Schema()
	at := len(in)
	if before {
		at = 0
	}
	exprs, names := logical.Refs(in), in.Names()
	var nulls []expr.Node
	for _, f := range s {
		nulls = append(nulls, expr.NewNull(f.Type.Nullable(true).Plain(), span))
	}
	return logical.NewProject(n, slices.Insert(exprs, at, nulls...), slices.Insert(names, at, s.Names()...), span)
}

// picked are columns of a node.
func picked(n logical.Node, cols []int, at diag.Span) logical.Node {
	s := n.Schema()
	exprs, names := make([]expr.Node, len(cols)), make([]string, len(cols))
	for i, c := range cols {
		exprs[i], names[i] = expr.NewRef(c, s[c].Type, at), s[c].Name
	}
	return logical.NewProject(n, exprs, names, at)
}
