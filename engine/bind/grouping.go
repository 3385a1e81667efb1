package bind

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// GROUPING SETS, ROLLUP and CUBE group the same rows in several ways: an Expand gives
// each row once for each way, with all keys, NULL where a set lacks one, and behind them
// the number of the set, by which it is grouped too and by which GROUPING and
// GROUPING_ID tell the sets apart. Over windows, whose rows are added up by pane, each
// way is an aggregation of its own, and so is the empty set in batch, which has a row
// though there are none.

// setsMax bounds the sets of one GROUP BY.
const setsMax = 256

// setColumn stands for the number of the set while the block is bound.
const setColumn = aggBase - 1

// groupSets gives the sets of a grouping item as lists of keys, binding the keys.
func (x *block) groupSets(it *ast.GroupItem) ([][]int, error) {
	var parts [][][]int
	switch it.Kind {
	case ast.GroupExpr, ast.GroupSet:
		var set []int
		for _, e := range it.Exprs {
			keys, err := x.groupExpr(e)
			if err != nil {
				return nil, err
			}
			set = append(set, keys...)
		}
		return [][]int{set}, nil
	}
	for i := range it.Items {
		p, err := x.groupSets(&it.Items[i])
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	var out [][]int
	switch it.Kind {
	case ast.GroupingSets:
		for _, p := range parts {
			out = append(out, p...)
		}
	case ast.GroupRollup:
		for n := len(parts); n >= 0; n-- {
			out = append(out, crossed(parts[:n])...)
		}
	case ast.GroupCube:
		if len(parts) > 8 {
			return nil, diag.At(it.Span(), diag.LimitExceeded, "CUBE of %d items has more than %d grouping sets", len(parts), setsMax)
		}
		for bits := 1<<len(parts) - 1; bits >= 0; bits-- {
			var some [][][]int
			for i, p := range parts {
				if bits>>(len(parts)-1-i)&1 == 1 {
					some = append(some, p)
				}
			}
			out = append(out, crossed(some)...)
		}
	}
	return out, nil
}

// crossed joins one set of each part in every way.
func crossed(parts [][][]int) [][]int {
	out := [][]int{nil}
	for _, p := range parts {
		var next [][]int
		for _, a := range out {
			for _, b := range p {
				next = append(next, append(slices.Clone(a), b...))
			}
		}
		out = next
	}
	return out
}

// distinctSets leaves out a set whose keys another one before it has, as GROUP BY DISTINCT
// does.
func distinctSets(sets [][]int) [][]int {
	var out [][]int
	for _, set := range sets {
		if !slices.ContainsFunc(out, func(o []int) bool { return sameKeys(set, o) }) {
			out = append(out, set)
		}
	}
	return out
}

// setNumber is the number of the set, as a key of the block.
func (x *block) setNumber(at diag.Span) expr.Node {
	return expr.NewRef(setColumn, types.BigIntT.Nullable(false), at)
}

// grouping is GROUPING(e, ...) or GROUPING_ID(e, ...): a bit for each argument, the
// first one highest, that is set where the row's set lacks it.
func (x *block) grouping(e *ast.FuncCall, name string) (expr.Node, error) {
	at := e.Span()
	if !x.after || !x.grouped {
		return nil, diag.At(at, diag.InvalidQuery, "%s stands above a GROUP BY", name)
	}
	if len(e.Args) == 0 || len(e.Args) > 63 {
		return nil, diag.At(at, diag.InvalidArgument, "%s takes expressions of GROUP BY", name)
	}
	var keys []int
	for _, a := range e.Args {
		n, err := x.expr(a.Value)
		if err != nil {
			return nil, err
		}
		k := slices.IndexFunc(x.keys, func(k groupKey) bool { return k.key == expr.Key(n) })
		if k < 0 {
			return nil, diag.At(a.Value.Span(), diag.InvalidArgument, "an argument of %s must be an expression of GROUP BY", name)
		}
		keys = append(keys, k)
	}
	bits := func(set []int) expr.Node {
		v := int64(0)
		for _, k := range keys {
			v <<= 1
			if !slices.Contains(set, k) {
				v |= 1
			}
		}
		return bigint(v, at)
	}
	if x.sets == nil {
		return bigint(0, at), nil
	}
	var args []expr.Node
	for i, set := range x.sets[:len(x.sets)-1] {
		is, err := expr.NewCompare(expr.Eq, x.setNumber(at), bigint(int64(i), at), at)
		if err != nil {
			return nil, err
		}
		args = append(args, is, bits(set))
	}
	last := bits(x.sets[len(x.sets)-1])
	if len(args) == 0 {
		return last, nil
	}
	return expr.NewCase(append(args, last), at)
}

func bigint(v int64, at diag.Span) expr.Node {
	return constant(types.BigIntT.Nullable(false), at, func(b *batch.Builder) { b.AppendInt(v) })
}

// groupedBySets makes the aggregation of all sets. agg has all keys.
func (x *block) groupedBySets(agg *logical.Aggregate) logical.Node {
	if len(x.sets) == 1 || hasWindow(agg.In) {
		return x.unionOfSets(agg, nil, func(int) bool { return true })
	}
	apart := func(set int) bool { return x.b.batch() && len(x.sets[set]) == 0 }
	e := &logical.Expand{Place: agg.Place, In: agg.In}
	for i := range agg.In.Schema() {
		e.Pass = append(e.Pass, i)
	}
	for i, set := range x.sets {
		if !apart(i) {
			e.Sets, e.Numbers = append(e.Sets, set), append(e.Numbers, int64(i))
		}
	}
	if len(e.Sets) == 0 {
		return x.unionOfSets(agg, nil, apart)
	}
	one := *agg
	one.In, one.Keys = e, nil
	e.Keys = agg.Keys
	for k := range len(e.Keys) + 1 {
		one.Keys = append(one.Keys, len(e.Pass)+k)
	}
	return x.unionOfSets(agg, &one, apart)
}

// hasWindow reports a windowing function in the input of an aggregation.
func hasWindow(n logical.Node) bool {
	switch n.(type) {
	case *logical.Window:
		return true
	case *logical.Aggregate:
		return false
	}
	return slices.ContainsFunc(n.Inputs(), hasWindow)
}

// unionOfSets makes an aggregation of each set that is apart and their union with
// first, the aggregation of the others.
func (x *block) unionOfSets(agg *logical.Aggregate, first logical.Node, apart func(set int) bool) logical.Node {
	keys := len(x.keys) - 1
	u := &logical.Union{Place: agg.Place}
	if first != nil {
		u.Ins = append(u.Ins, first)
	}
	for number, set := range x.sets {
		if !apart(number) {
			continue
		}
		one := *agg
		one.Keys = nil
		for k := range keys {
			if slices.Contains(set, k) {
				one.Keys = append(one.Keys, agg.Keys[k])
			}
		}
		one.Aggs = slices.Clone(agg.Aggs)
		if len(one.Keys) == 0 {
			for i := range one.Aggs {
				if one.Aggs[i].User == nil && !neverNull(one.Aggs[i].Func) {
					one.Aggs[i].Type.NotNull = false
				}
			}
		}
		s := one.Schema()
		var exprs []expr.Node
		var names []string
		for k := range keys {
			if at := slices.Index(one.Keys, agg.Keys[k]); at >= 0 {
				exprs = append(exprs, expr.NewRef(at, s[at].Type, agg.At))
			} else {
				exprs = append(exprs, expr.NewNull(x.keys[k].node.Type().Plain().Nullable(true), agg.At))
			}
			names = append(names, x.keys[k].name)
		}
		exprs, names = append(exprs, bigint(int64(number), agg.At)), append(names, "$e")
		for i, c := range one.Aggs {
			at := len(one.Keys) + i
			exprs, names = append(exprs, expr.NewRef(at, s[at].Type, agg.At)), append(names, c.Name)
		}
		u.Ins = append(u.Ins, logical.NewProject(&one, exprs, names, agg.At))
	}
	if len(u.Ins) == 1 {
		return u.Ins[0]
	}
	return u
}

// groupID is GROUP_ID(): which of several equal grouping sets a row belongs to, from 0.
func (x *block) groupID(e *ast.FuncCall) (expr.Node, error) {
	at := e.Span()
	if !x.after || !x.grouped {
		return nil, diag.At(at, diag.InvalidQuery, "GROUP_ID stands above a GROUP BY")
	}
	if len(e.Args) > 0 {
		return nil, diag.At(at, diag.InvalidArgument, "GROUP_ID takes no arguments")
	}
	var args []expr.Node
	for i, set := range x.sets {
		n := int64(0)
		for _, o := range x.sets[:i] {
			if sameKeys(set, o) {
				n++
			}
		}
		if n == 0 {
			continue
		}
		is, err := expr.NewCompare(expr.Eq, x.setNumber(at), bigint(int64(i), at), at)
		if err != nil {
			return nil, err
		}
		args = append(args, is, bigint(n, at))
	}
	if len(args) == 0 {
		return bigint(0, at), nil
	}
	return expr.NewCase(append(args, bigint(0, at)), at)
}

// sameKeys reports that two grouping sets have the same keys.
func sameKeys(a, b []int) bool {
	for _, k := range a {
		if !slices.Contains(b, k) {
			return false
		}
	}
	for _, k := range b {
		if !slices.Contains(a, k) {
			return false
		}
	}
	return true
}
