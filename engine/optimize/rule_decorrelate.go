package optimize

import (
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/types"
)

// decorrelate turns applies into joins, innermost first.
func (o *optimizer) decorrelate(n logical.Node) (logical.Node, error) {
	return bottomUp(n, func(n logical.Node) (logical.Node, error) {
		if a, ok := n.(*logical.Apply); ok {
			return o.unapply(a)
		}
		return n, nil
	})
}

func (o *optimizer) unapply(a *logical.Apply) (logical.Node, error) {
	switch a.Kind {
	case logical.ApplySemi, logical.ApplyAnti:
		return o.semi(a)
	case logical.ApplyScalar:
		return o.scalar(a)
	case logical.ApplyInner, logical.ApplyLeft:
		return o.lateral(a)
	}
	return o.mark(a)
}

// detach takes a subquery apart from its outer rows. Its columns come first in what
// comes back; the conditions are over the left columns, then those.
func (o *optimizer) detach(left, right logical.Node, at diag.Span) (logical.Node, []expr.Node, error) {
	n, up, err := o.pull(right)
	if err != nil || emptyGroups(right) {
		return o.unnest(left, right, at)
	}
	return n, outside(up, len(left.Schema())), nil
}

// emptyGroups reports an aggregate without keys over rows that depend on the outer
// one: it has a row also where there are none, which an aggregate by the outer values
// has not.
func emptyGroups(n logical.Node) bool {
	if a, ok := n.(*logical.Aggregate); ok && len(a.Keys) == 0 && a.Window == nil && logical.Correlated(a.In) {
		return true
	}
	return slices.ContainsFunc(n.Inputs(), emptyGroups)
}

// lateral joins each row with the rows of a subquery that reads it.
func (o *optimizer) lateral(a *logical.Apply) (logical.Node, error) {
	right, conds, err := o.detach(a.Left, a.Right, a.At)
	if err != nil {
		return nil, err
	}
	j := &logical.Join{Place: a.Place, Type: plan.Inner, Left: a.Left, Right: right, TTL: [2]int64{-1, -1}}
	if a.Kind == logical.ApplyLeft {
		j.Type = plan.LeftOuter
	}
	j.Cond = expr.NewAnd(append([]expr.Node{a.Cond}, conds...)...)
	s := j.Schema()
	n := len(a.Schema())
	if len(s) == n {
		return j, nil
	}
	return logical.NewProject(j, logical.Refs(s)[:n], a.Schema().Names(), a.At), nil
}

// semi makes a semi or anti join of EXISTS and IN.
func (o *optimizer) semi(a *logical.Apply) (logical.Node, error) {
	right, conds, err := o.detach(a.Left, a.Right, a.At)
	if err != nil {
		return nil, err
	}
	typ := plan.Semi
	if a.Kind == logical.ApplyAnti {
		typ = plan.Anti
	}
	j := &logical.Join{Place: a.Place, Type: typ, Left: a.Left, Right: right, TTL: [2]int64{-1, -1}}
	j.Cond = expr.NewAnd(append([]expr.Node{a.Cond}, conds...)...)
	return j, nil
}

// outside turns conditions that came up, over the subquery's columns and outer
// ones, into conditions of the join.
func outside(up []expr.Node, width int) []expr.Node {
	out := make([]expr.Node, len(up))
	for i, c := range up {
		out[i] = expr.Remap(c, func(i int) int {
			level, col := logical.OuterLevel(i)
			switch level {
			case 0:
				return width + col
			case 1:
				return col
			}
			return i - logical.Outer
		})
	}
	return out
}

// pull takes conditions on outer columns out of a subquery. They come back over its
// new output, whose first columns are the old ones.
func (o *optimizer) pull(n logical.Node) (logical.Node, []expr.Node, error) {
	if !logical.Correlated(n) {
		return n, nil, nil
	}
	switch n := n.(type) {
	case *logical.Filter:
		in, up, err := o.pull(n.In)
		if err != nil {
			return nil, nil, err
		}
		out, stay := split(expr.Conjuncts(n.Cond), logical.HasOuter)
		var m logical.Node = in
		if len(stay) > 0 {
			m = logical.NewFilter(in, expr.NewAnd(stay...), n.At)
		}
		return m, append(up, out...), nil
	case *logical.Project:
		for _, e := range n.Exprs {
			if logical.HasOuter(e) {
				return nil, nil, unsupported(e.Span(), "a column of an outer query in the SELECT list of a subquery is")
			}
		}
		in, up, err := o.pull(n.In)
		if err != nil {
			return nil, nil, err
		}
		exprs, names := slices.Clone(n.Exprs), n.Schema().Names()
		up = o.through(up, in.Schema(), &exprs, &names)
		return logical.NewProject(in, exprs, names, n.At), up, nil
	case *logical.Join:
		return o.pullJoin(n)
	case *logical.Aggregate:
		return o.pullAggregate(n)
	case *logical.Sort:
		if n.Fetch == plan.NoLimit && n.Offset == 0 {
			return o.pull(n.In)
		}
		return o.pullLimit(n)
	case *logical.Union:
		return nil, nil, unsupported(n.At, "UNION in a correlated subquery is")
	case *logical.Window:
		return nil, nil, unsupported(n.At, "a window in a correlated subquery is")
	}
	return nil, nil, unsupported(n.Span(), "this form of correlated subquery is")
}

// pullLimit ranks within the inner side of the conditions that came up, which must be
// equalities of columns with outer ones: each outer row meets one of the groups.
func (o *optimizer) pullLimit(n *logical.Sort) (logical.Node, []expr.Node, error) {
	in, up, err := o.pull(n.In)
	if err != nil {
		return nil, nil, err
	}
	var partition []int
	for _, c := range up {
		inner, _, _, ok := correlation(c)
		r, isRef := inner.(*expr.InputRef)
		if !ok || !isRef || len(r.Path) > 0 {
			return nil, nil, unsupported(c.Span(), "LIMIT under a correlated condition that is not an equality is")
		}
		if !slices.Contains(partition, r.Index) {
			partition = append(partition, r.Index)
		}
	}
	return ranked(n, in, partition), up, nil
}

// through adds the columns that conditions need to a projection and rewrites the
// conditions to its output.
func (o *optimizer) through(up []expr.Node, in types.Schema, exprs *[]expr.Node, names *[]string) []expr.Node {
	at := map[int]int{}
	for _, c := range up {
		for _, i := range expr.Refs(c) {
			if i >= logical.Outer {
				continue
			}
			if _, ok := at[i]; ok {
				continue
			}
			at[i] = -1
			for j, e := range *exprs {
				if r, ok := e.(*expr.InputRef); ok && r.Index == i && len(r.Path) == 0 {
					at[i] = j
					break
				}
			}
			if at[i] < 0 {
				at[i] = len(*exprs)
				*exprs = append(*exprs, expr.NewRef(i, in[i].Type, diag.Span{}))
				*names = append(*names, "$c"+strconv.Itoa(i))
			}
		}
	}
	out := make([]expr.Node, len(up))
	for k, c := range up {
		out[k] = expr.Remap(c, func(i int) int {
			if i >= logical.Outer {
				return i
			}
			return at[i]
		})
	}
	return out
}

func (o *optimizer) pullJoin(n *logical.Join) (logical.Node, []expr.Node, error) {
	if n.Type != plan.Inner && (n.Type != plan.LeftOuter && !n.Type.LeftOnly() || logical.Correlated(n.Right) || n.Cond != nil && logical.HasOuter(n.Cond)) {
		return nil, nil, unsupported(n.At, "a correlated condition under this join is")
	}
	left, lup, err := o.pull(n.Left)
	if err != nil {
		return nil, nil, err
	}
	right, rup, err := o.pull(n.Right)
	if err != nil {
		return nil, nil, err
	}
	lw, nlw := len(n.Left.Schema()), len(left.Schema())
	rw := len(n.Right.Schema())
	// Positions in the join of the new sides.
	moved := func(i int) int {
		if i >= lw {
			return nlw + i - lw
		}
		return i
	}
	out, stay := split(expr.Conjuncts(n.Cond), logical.HasOuter)
	remap := func(list []expr.Node, f func(int) int) []expr.Node {
		res := make([]expr.Node, len(list))
		for k, c := range list {
			res[k] = expr.Remap(c, func(i int) int {
				if i >= logical.Outer {
					return i
				}
				return f(i)
			})
		}
		return res
	}
	j := &logical.Join{Place: n.Place, Type: n.Type, Left: left, Right: right, TTL: n.TTL, Hint: n.Hint, Multi: n.Multi}
	j.Cond = expr.NewAnd(remap(stay, moved)...)
	up := append(remap(out, moved), lup...)
	up = append(up, remap(rup, func(i int) int { return nlw + i })...)
	if n.Type.LeftOnly() {
		return j, up, nil
	}
	if nlw == lw {
		return j, up, nil
	}
	// Old columns first, then what was added.
	var exprs []expr.Node
	s := j.Schema()
	var names []string
	add := func(i int) {
		exprs = append(exprs, expr.NewRef(i, s[i].Type, diag.Span{}))
		names = append(names, s[i].Name)
	}
	for i := range lw {
		add(i)
	}
	for i := range rw {
		add(nlw + i)
	}
	up = o.through(up, s, &exprs, &names)
	return logical.NewProject(j, exprs, names, n.At), up, nil
}

// pullAggregate groups by the inner side of the conditions that came up, which must
// be equalities with outer columns.
func (o *optimizer) pullAggregate(n *logical.Aggregate) (logical.Node, []expr.Node, error) {
	if n.Window != nil {
		return nil, nil, unsupported(n.At, "a window in a correlated subquery is")
	}
	in, up, err := o.pull(n.In)
	if err != nil {
		return nil, nil, err
	}
	exprs, names := logical.Refs(in.Schema()), in.Schema().Names()
	m := *n
	m.Keys = slices.Clone(n.Keys)
	var conds []expr.Node
	type extra struct {
		col   int // of the new input
		outer expr.Node
		op    expr.CompareOp
		at    diag.Span
	}
	var extras []extra
	for _, c := range up {
		inner, outer, op, ok := correlation(c)
		if !ok {
			return nil, nil, unsupported(c.Span(), "a correlated condition under an aggregate that is not an equality is")
		}
		col := -1
		if r, isRef := inner.(*expr.InputRef); isRef && len(r.Path) == 0 {
			col = r.Index
		} else {
			col = len(exprs)
			exprs, names = append(exprs, inner), append(names, "$k"+strconv.Itoa(col))
		}
		extras = append(extras, extra{col, outer, op, c.Span()})
	}
	if len(exprs) > len(in.Schema()) {
		in = logical.NewProject(in, exprs, names, n.At)
	}
	m.In = in
	// New keys stand behind the old ones; the projection above puts the old columns
	// in front again.
	old := len(n.Keys)
	pos := make([]int, len(extras))
	for i, e := range extras {
		if k := slices.Index(m.Keys, e.col); k >= 0 {
			pos[i] = k
			continue
		}
		pos[i] = len(m.Keys)
		m.Keys = append(m.Keys, e.col)
	}
	added := len(m.Keys) - old
	s := m.Schema()
	var outExprs []expr.Node
	var outNames []string
	place := func(i int) {
		outExprs = append(outExprs, expr.NewRef(i, s[i].Type, diag.Span{}))
		outNames = append(outNames, s[i].Name)
	}
	for i := range old {
		place(i)
	}
	for i := range n.Aggs {
		place(len(m.Keys) + i)
	}
	for i := range added {
		place(old + i)
	}
	where := func(key int) int { // column of the projection that has group key
		if key < old {
			return key
		}
		return len(n.Aggs) + key
	}
	for i, e := range extras {
		c, err := expr.NewCompare(e.op, expr.NewRef(where(pos[i]), s[pos[i]].Type, e.at), e.outer, e.at)
		if err != nil {
			return nil, nil, err
		}
		conds = append(conds, c)
	}
	return logical.NewProject(&m, outExprs, outNames, n.At), conds, nil
}

// correlation splits inner = outer into its sides.
func correlation(c expr.Node) (inner, outer expr.Node, op expr.CompareOp, ok bool) {
	cmp, is := c.(*expr.Compare)
	if !is || cmp.Op != expr.Eq && cmp.Op != expr.NotDistinct {
		return nil, nil, 0, false
	}
	lo, ro := onlyOuter(cmp.L), onlyOuter(cmp.R)
	switch {
	case ro && !logical.HasOuter(cmp.L):
		return cmp.L, cmp.R, cmp.Op, true
	case lo && !logical.HasOuter(cmp.R):
		return cmp.R, cmp.L, cmp.Op, true
	}
	return nil, nil, 0, false
}

func onlyOuter(n expr.Node) bool {
	r := expr.Refs(n)
	for _, i := range r {
		if i < logical.Outer {
			return false
		}
	}
	return len(r) > 0
}

// scalar joins the one value of a subquery to each row.
func (o *optimizer) scalar(a *logical.Apply) (logical.Node, error) {
	width := len(a.Left.Schema())
	name := a.Schema()[width].Name
	sub := a.Right
	if !atMostOne(sub) {
		var err error
		if sub, err = o.singleValue(sub, a.At); err != nil {
			return nil, err
		}
	}
	right, up, err := o.pull(sub)
	if err != nil || emptyGroups(belowTop(sub)) {
		return o.scalarOf(a, sub, name)
	}
	empty, emptyOK := emptyValue(sub)
	flag := -1
	if emptyOK && len(up) > 0 {
		exprs, names := logical.Refs(right.Schema()), right.Schema().Names()
		flag = len(exprs)
		right = logical.NewProject(right, append(exprs, constBool(true, a.At)), append(names, "$found"), a.At)
	}
	j := &logical.Join{Place: a.Place, Type: plan.LeftOuter, Left: a.Left, Right: right, TTL: [2]int64{-1, -1}}
	j.Cond = expr.NewAnd(outside(up, width)...)
	s := j.Schema()
	exprs, names := logical.Refs(s)[:width], s.Names()[:width]
	var value expr.Node = expr.NewRef(width, s[width].Type, a.At)
	if flag >= 0 {
		missing := expr.NewIs(expr.IsNull, false, expr.NewRef(width+flag, s[width+flag].Type, a.At), a.At)
		if value, err = expr.NewCase([]expr.Node{missing, empty, value}, a.At); err != nil {
			return nil, err
		}
	}
	return logical.NewProject(j, append(slices.Clip(exprs), value), append(slices.Clip(names), name), a.At), nil
}

// belowTop is what lies below the aggregate that makes one value; emptyValue knows what
// that is over no rows.
func belowTop(n logical.Node) logical.Node {
	top := n
	if p, ok := top.(*logical.Project); ok {
		top = p.In
	}
	if a, ok := top.(*logical.Aggregate); ok {
		return a.In
	}
	return n
}

// scalarOf is scalar by way of the values of the outer columns. A COUNT over nothing is
// 0 among them already.
func (o *optimizer) scalarOf(a *logical.Apply, sub logical.Node, name string) (logical.Node, error) {
	width := len(a.Left.Schema())
	right, conds, err := o.unnest(a.Left, sub, a.At)
	if err != nil {
		return nil, err
	}
	j := &logical.Join{Place: a.Place, Type: plan.LeftOuter, Left: a.Left, Right: right, TTL: [2]int64{-1, -1}}
	j.Cond = expr.NewAnd(conds...)
	s := j.Schema()
	return logical.NewProject(j, logical.Refs(s)[:width+1], append(slices.Clip(s.Names()[:width]), name), a.At), nil
}

// singleValue aggregates a query to one row, failing when it has more.
func (o *optimizer) singleValue(n logical.Node, at diag.Span) (logical.Node, error) {
	call, _, err := o.aggregate("SINGLE_VALUE", []expr.Node{logical.Ref(n, 0)}, at)
	if err != nil {
		return nil, err
	}
	call.Args, call.Name = []int{0}, n.Schema()[0].Name
	return &logical.Aggregate{Place: logical.Place{At: at}, In: n, Aggs: []plan.AggCall{call}, TTL: -1}, nil
}

// atMostOne reports that a query has at most one row for each outer row.
func atMostOne(n logical.Node) bool {
	switch n := n.(type) {
	case *logical.Aggregate:
		return len(n.Keys) == 0 && n.Window == nil
	case *logical.Project:
		return atMostOne(n.In)
	case *logical.Filter:
		return atMostOne(n.In)
	case *logical.Values:
		return len(n.Rows) <= 1
	}
	return false
}

// emptyValue is the value of an aggregate subquery over no rows, when that is not
// NULL: COUNT is 0.
func emptyValue(n logical.Node) (expr.Node, bool) {
	switch n := n.(type) {
	case *logical.Project:
		var inner []expr.Node
		switch in := n.In.(type) {
		case *logical.Aggregate:
			inner = emptyRow(in)
		default:
			return nil, false
		}
		if inner == nil {
			return nil, false
		}
		v := expr.Substitute(n.Exprs[0], inner)
		return v, counts(n.In.(*logical.Aggregate))
	case *logical.Aggregate:
		row := emptyRow(n)
		if row == nil {
			return nil, false
		}
		return row[0], counts(n)
	}
	return nil, false
}

func counts(n *logical.Aggregate) bool {
	return slices.ContainsFunc(n.Aggs, func(c plan.AggCall) bool { return c.Func == "COUNT" })
}

func emptyRow(n *logical.Aggregate) []expr.Node {
	if len(n.Keys) > 0 || n.Window != nil {
		return nil
	}
	var out []expr.Node
	for _, c := range n.Aggs {
		if c.Func == "COUNT" {
			out = append(out, constant(types.BigIntT, n.At, int64(0)))
		} else {
			out = append(out, expr.NewNull(c.Type, n.At))
		}
	}
	return out
}

// mark adds whether a subquery has a row, for EXISTS and IN inside of larger
// conditions.
func (o *optimizer) mark(a *logical.Apply) (logical.Node, error) {
	width := len(a.Left.Schema())
	right, up, err := o.pull(a.Right)
	if err == nil && emptyGroups(a.Right) {
		err = unsupported(a.At, "an aggregate without groups in this subquery is")
	}
	name := a.Schema()[width].Name
	if len(expr.Conjuncts(a.Cond)) > 1 {
		return o.markRowIn(a, name)
	}
	if a.Cond != nil {
		var conds []expr.Node
		if err != nil || len(up) > 0 {
			if right, conds, err = o.unnest(a.Left, a.Right, a.At); err != nil {
				return nil, err
			}
		}
		return o.markIn(a, right, conds, name)
	}
	for _, c := range up {
		if _, _, _, ok := correlation(c); !ok {
			err = unsupported(c.Span(), "a correlated EXISTS with a condition other than an equality is")
		}
	}
	if err != nil {
		return o.markOf(a, name)
	}
	// EXISTS: join the distinct values of what the conditions read.
	exprs, names := []expr.Node{}, []string{}
	conds := o.through(up, right.Schema(), &exprs, &names)
	var n logical.Node
	if len(conds) == 0 {
		call, _, err := o.aggregate("COUNT", nil, a.At)
		if err != nil {
			return nil, err
		}
		call.Name = "$n"
		n = &logical.Aggregate{Place: a.Place, In: logical.NewProject(right, nil, nil, a.At), Aggs: []plan.AggCall{call}, TTL: -1}
		more, err := expr.NewCompare(expr.Gt, logical.Ref(n, 0), constant(types.IntT, a.At, int64(0)), a.At)
		if err != nil {
			return nil, err
		}
		n = logical.NewProject(logical.NewFilter(n, more, a.At), []expr.Node{constBool(true, a.At)}, []string{"$found"}, a.At)
	} else {
		p := logical.NewProject(right, exprs, names, a.At)
		agg := &logical.Aggregate{Place: a.Place, In: p, TTL: -1}
		for i := range exprs {
			agg.Keys = append(agg.Keys, i)
		}
		n = logical.NewProject(agg, append(logical.Refs(agg.Schema()), constBool(true, a.At)), append(slices.Clip(names), "$found"), a.At)
	}
	j := &logical.Join{Place: a.Place, Type: plan.LeftOuter, Left: a.Left, Right: n, TTL: [2]int64{-1, -1}}
	j.Cond = expr.NewAnd(outside(conds, width)...)
	s := j.Schema()
	found := expr.NewIs(expr.IsNull, true, expr.NewRef(len(s)-1, s[len(s)-1].Type, a.At), a.At)
	return logical.NewProject(j, append(logical.Refs(s)[:width:width], found), append(slices.Clip(s.Names()[:width]), name), a.At), nil
}

// markOf is mark by way of the values of the outer columns.
func (o *optimizer) markOf(a *logical.Apply, name string) (logical.Node, error) {
	width, w := len(a.Left.Schema()), len(a.Right.Schema())
	right, conds, err := o.unnest(a.Left, a.Right, a.At)
	if err != nil {
		return nil, err
	}
	rs := right.Schema()
	p := logical.NewProject(right, logical.Refs(rs)[w:], rs.Names()[w:], a.At)
	agg := &logical.Aggregate{Place: a.Place, In: p, Keys: ints(0, len(rs)-w), TTL: -1}
	n := logical.NewProject(agg, append(logical.Refs(agg.Schema()), constBool(true, a.At)), append(agg.Schema().Names(), "$found"), a.At)
	j := &logical.Join{Place: a.Place, Type: plan.LeftOuter, Left: a.Left, Right: n, TTL: [2]int64{-1, -1}}
	j.Cond = remapRight(conds, width, -w)
	s := j.Schema()
	found := expr.NewIs(expr.IsNull, true, expr.NewRef(len(s)-1, s[len(s)-1].Type, a.At), a.At)
	return logical.NewProject(j, append(logical.Refs(s)[:width:width], found), append(slices.Clip(s.Names()[:width]), name), a.At), nil
}

// remapRight moves the columns of the right side of a condition by so many.
func remapRight(conds []expr.Node, width, by int) expr.Node {
	out := make([]expr.Node, len(conds))
	for i, c := range conds {
		out[i] = expr.Remap(c, func(i int) int {
			if i >= width {
				return i + by
			}
			return i
		})
	}
	return expr.NewAnd(out...)
}
