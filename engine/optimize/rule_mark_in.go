package optimize

import (
	"slices"

	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// markRowIn is the three-valued (x, y) IN (query). It is TRUE where a row is equal, and
// unknown where none is, but one could be: each of its values is equal or NULL, on
// either side.
func (o *optimizer) markRowIn(a *logical.Apply, name string) (logical.Node, error) {
	width := len(a.Left.Schema())
	exists := func(left logical.Node, cond expr.Node) (logical.Node, error) {
		// Seen from the subquery, columns of the left side are one query further out.
		cond = expr.Remap(cond, func(i int) int {
			if i >= width && i < logical.Outer {
				return i - width
			}
			return i + logical.Outer
		})
		return o.mark(&logical.Apply{Place: a.Place, Kind: logical.ApplyMark, Left: left, Right: logical.NewFilter(a.Right, cond, a.At)})
	}
	found, err := exists(a.Left, a.Cond)
	if err != nil {
		return nil, err
	}
	s := found.Schema()
	var mark expr.Node = expr.NewRef(width, s[width].Type, a.At)
	if could := couldBe(a); could != nil {
		if found, err = exists(found, could); err != nil {
			return nil, err
		}
		s = found.Schema()
		mark, err = expr.NewCase([]expr.Node{
			mark, constBool(true, a.At),
			expr.NewRef(width+1, s[width+1].Type, a.At), expr.NewNull(types.BooleanT, a.At),
			constBool(false, a.At),
		}, a.At)
		if err != nil {
			return nil, err
		}
	}
	return logical.NewProject(found, append(logical.Refs(s)[:width:width], mark), append(slices.Clip(s.Names()[:width]), name), a.At), nil
}

// couldBe is the condition under which a row that is not equal could be: no value
// differs, and one is NULL. It is nil when none can be NULL.
func couldBe(a *logical.Apply) expr.Node {
	var all, one []expr.Node
	for _, p := range expr.Conjuncts(a.Cond) {
		all = append(all, expr.NewIs(expr.IsFalse, true, p, a.At))
		sides := []expr.Node{p}
		if c, ok := p.(*expr.Compare); ok {
			sides = []expr.Node{c.L, c.R} // where one is never NULL, the other decides alone
		}
		for _, x := range sides {
			if x.Type().IsNullable() {
				one = append(one, expr.NewIs(expr.IsNull, false, x, a.At))
			}
		}
	}
	if len(one) == 0 {
		return nil
	}
	return expr.NewAnd(append(all, expr.NewOr(one...))...)
}

// markIn is the three-valued x IN (query): its rows are counted, with and without
// NULL, and joined by value. Of a query that reads outer columns, right has their
// values behind its one column and conds say to which rows they belong; both are done
// for each of those values.
func (o *optimizer) markIn(a *logical.Apply, right logical.Node, conds []expr.Node, name string) (logical.Node, error) {
	parts := expr.Conjuncts(a.Cond)
	width, domain := len(a.Left.Schema()), len(conds)
	cmp, ok := parts[0].(*expr.Compare)
	if !ok {
		return nil, unsupported(a.At, "this IN is")
	}
	// Counts of all rows and of rows that are not NULL.
	all, _, err := o.aggregate("COUNT", nil, a.At)
	if err != nil {
		return nil, err
	}
	some, _, err := o.aggregate("COUNT", []expr.Node{logical.Ref(right, 0)}, a.At)
	if err != nil {
		return nil, err
	}
	all.Name, some.Name, some.Args = "$all", "$some", []int{0}
	value := logical.NewProject(right, logical.Refs(right.Schema())[:1+domain], nil, a.At)
	total := &logical.Aggregate{Place: a.Place, In: value, Keys: ints(1, 1+domain), Aggs: []plan.AggCall{all, some}, TTL: -1}
	j1 := &logical.Join{Place: a.Place, Type: plan.LeftOuter, Left: a.Left, Right: total, TTL: [2]int64{-1, -1}}
	j1.Cond = remapRight(conds, width, -1)
	set := &logical.Aggregate{Place: a.Place, In: value, Keys: ints(0, 1+domain), TTL: -1}
	found := logical.NewProject(set, append(logical.Refs(set.Schema()), constBool(true, a.At)), append(set.Schema().Names(), "$found"), a.At)
	j2 := &logical.Join{Place: a.Place, Type: plan.LeftOuter, Left: j1, Right: found, TTL: [2]int64{-1, -1}}
	j2.Cond = remapRight(append([]expr.Node{cmp}, conds...), width, 2+domain)
	s := j2.Schema()
	ref := func(i int) expr.Node { return expr.NewRef(i, s[i].Type, a.At) }
	zero := constant(types.IntT, a.At, int64(0))
	left := cmp.L
	if len(expr.Refs(left)) > 0 && expr.Refs(left)[0] >= width {
		left = cmp.R
	}
	rows, values := ref(width+domain), ref(width+domain+1)
	none, err := expr.NewCompare(expr.Eq, rows, zero, a.At)
	if err != nil {
		return nil, err
	}
	fewer, err := expr.NewCompare(expr.Lt, values, rows, a.At)
	if err != nil {
		return nil, err
	}
	mark, err := expr.NewCase([]expr.Node{
		expr.NewOr(expr.NewIs(expr.IsNull, false, rows, a.At), none), constBool(false, a.At),
		expr.NewIs(expr.IsNull, false, left, a.At), expr.NewNull(types.BooleanT, a.At),
		expr.NewIs(expr.IsNull, true, ref(len(s)-1), a.At), constBool(true, a.At),
		fewer, expr.NewNull(types.BooleanT, a.At),
		constBool(false, a.At),
	}, a.At)
	if err != nil {
		return nil, err
	}
	return logical.NewProject(j2, append(logical.Refs(s)[:width:width], mark), append(slices.Clip(s.Names()[:width]), name), a.At), nil
}
