package bind

import (
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/table"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// intersect is INTERSECT and EXCEPT: rows of the left side of which the right one has
// an equal row, or none, each once. NULL equals NULL here.
func (b *Binder) intersect(q *ast.SetOp, l, r logical.Node, names []string) (logical.Node, error) {
	if q.All {
		return b.intersectAll(q, l, r, names)
	}
	j := &logical.Join{Place: logical.Place{At: q.Span()}, Type: plan.Semi, Left: l, Right: r, TTL: [2]int64{-1, -1}}
	if q.Op == ast.Except {
		j.Type = plan.Anti
	}
	ls, rs := l.Schema(), r.Schema()
	var conds []expr.Node
	for i := range ls {
		c, err := expr.NewCompare(expr.NotDistinct, expr.NewRef(i, ls[i].Type, q.Span()), expr.NewRef(len(ls)+i, rs[i].Type, q.Span()), q.Span())
		if err != nil {
			return nil, err
		}
		conds = append(conds, c)
	}
	j.Cond = expr.NewAnd(conds...)
	return distinct(j, q.Span()), nil
}

// intersectAll counts how often each row occurs on both sides and gives it as often as
// the lesser count says, or for EXCEPT ALL the difference.
func (b *Binder) intersectAll(q *ast.SetOp, l, r logical.Node, names []string) (logical.Node, error) {
	at, width := q.Span(), len(names)
	side := func(n logical.Node, left bool) logical.Node {
		exprs := logical.Refs(n.Schema())
		one, null := integer(1, at), expr.NewNull(types.IntT, at)
		if left {
			exprs = append(exprs, one, null)
		} else {
			exprs = append(exprs, null, one)
		}
		return logical.NewProject(n, exprs, append(append([]string(nil), names...), "$l", "$r"), at)
	}
	u := &logical.Union{Place: logical.Place{At: at}, Ins: []logical.Node{side(l, true), side(r, false)}}
	agg := &logical.Aggregate{Place: logical.Place{At: at}, In: u, TTL: -1}
	for i := range width {
		agg.Keys = append(agg.Keys, i)
	}
	for i, name := range []string{"$l", "$r"} {
		c, _, err := aggregateCall("COUNT", []expr.Node{logical.Ref(u, width+i)}, false, at)
		if err != nil {
			return nil, err
		}
		c.Args, c.Filter, c.Name = []int{width + i}, -1, name
		agg.Aggs = append(agg.Aggs, c)
	}
	lc, rc := logical.Ref(agg, width), logical.Ref(agg, width+1)
	times, some, err := b.repeats(q, lc, rc)
	if err != nil {
		return nil, err
	}
	f := logical.NewFilter(agg, some, at)
	res, err := table.ReplicateRows.Infer(&function.Call{Args: []function.Arg{{Type: types.BigIntT}}})
	if err != nil {
		return nil, err
	}
	cor := logical.NewCorrelate(f, table.ReplicateRows, res, []expr.Node{times}, false, logical.Place{At: at})
	return logical.NewProject(cor, logical.Refs(cor.Schema())[:width], names, at), nil
}

// repeats says how often a row comes that is l times on the left and r times on the
// right, and when it comes at all.
func (b *Binder) repeats(q *ast.SetOp, l, r expr.Node) (times, some expr.Node, err error) {
	at := q.Span()
	less, err := expr.NewCompare(expr.Lt, l, r, at)
	if err != nil {
		return nil, nil, err
	}
	if q.Op == ast.Except {
		if times, err = expr.NewCall(b.Session.Host.Functions.Lookup("-"), []expr.Node{l, r}, at); err != nil {
			return nil, nil, err
		}
		some, err = expr.NewCompare(expr.Gt, l, r, at)
		return times, some, err
	}
	if times, err = expr.NewCase([]expr.Node{less, l, r}, at); err != nil {
		return nil, nil, err
	}
	zero := integer(0, at)
	a, err := expr.NewCompare(expr.Gt, l, zero, at)
	if err != nil {
		return nil, nil, err
	}
	c, err := expr.NewCompare(expr.Gt, r, zero, at)
	return times, expr.NewAnd(a, c), err
}
