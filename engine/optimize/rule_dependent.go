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

// Where the conditions of a subquery on outer columns cannot be taken out of it
// (pull), the subquery is computed for all values of those columns at once: their
// distinct values, the domain, are joined in at the places that read them and come out
// behind the subquery's own columns, by which its rows are joined to the outer ones.
// Aggregates group by the domain too, limits rank within it. This is the general
// unnesting of Neumann and Kemper (BTW 2015).

// dependent is a subquery on its way to be computed for a domain.
type dependent struct {
	o      *optimizer
	domain logical.Node // its columns are the distinct values of the outer ones
	at     map[int]int  // outer column to column of the domain
	width  int
}

// unnest computes the right side of an apply for the values of the outer columns that
// it reads. Its columns come back with the domain's behind them, and the conditions by
// which they belong to the left row.
func (o *optimizer) unnest(left, right logical.Node, span diag.Span) (logical.Node, []expr.Node, error) {
	d := &dependent{o: o, at: map[int]int{}}
	var cols []int
	logical.OuterRefs(right, func(_ *expr.InputRef, c int) {
		if _, ok := d.at[c]; !ok {
			d.at[c] = 0
			cols = append(cols, c)
		}
	})
	slices.Sort(cols)
	s := left.Schema()
	var exprs []expr.Node
	var names []string
	for i, c := range cols {
		d.at[c] = i
		// A value in the domain is no time attribute.
		var e expr.Node = expr.NewRef(c, s[c].Type.Plain(), span)
		if s[c].Type.Attr != types.NotTime {
			e = &expr.Cast{Arg: expr.NewRef(c, s[c].Type, span), To: s[c].Type.Plain(), Implicit: true, At: span}
		}
		exprs, names = append(exprs, e), append(names, "$d"+strconv.Itoa(i))
	}
	d.width = len(cols)
	agg := &logical.Aggregate{Place: logical.Place{At: span}, In: logical.NewProject(left, exprs, names, span), TTL: -1}
	for i := range cols {
		agg.Keys = append(agg.Keys, i)
	}
	d.domain = agg
	n, err := d.with(right)
	if err != nil {
		return nil, nil, err
	}
	w, rs := len(right.Schema()), n.Schema()
	var conds []expr.Node
	for i, c := range cols {
		eq, err := expr.NewCompare(expr.NotDistinct, expr.NewRef(c, s[c].Type.Plain(), span), expr.NewRef(len(s)+w+i, rs[w+i].Type, span), span)
		if err != nil {
			return nil, nil, err
		}
		conds = append(conds, eq)
	}
	return n, conds, nil
}

// inner rewrites an expression over a node of so many columns to one over the same
// columns and the domain behind them. What lies further out comes one level nearer.
func (d *dependent) inner(e expr.Node, width int, own func(int) int) expr.Node {
	if e == nil {
		return nil
	}
	return expr.Remap(e, func(i int) int {
		level, c := logical.OuterLevel(i)
		switch {
		case level == 0 && own != nil:
			return own(c)
		case level == 0:
			return c
		case level == 1:
			return width + d.at[c]
		}
		return i - logical.Outer
	})
}

func (d *dependent) refs(s types.Schema, cols ...int) []expr.Node {
	out := make([]expr.Node, len(cols))
	for i, c := range cols {
		out[i] = expr.NewRef(c, s[c].Type, diag.Span{})
	}
	return out
}

// pick makes a projection of columns.
func (d *dependent) pick(n logical.Node, cols []int, at diag.Span) logical.Node {
	s := n.Schema()
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = s[c].Name
	}
	return logical.NewProject(n, d.refs(s, cols...), names, at)
}

// ints lists from up to to.
func ints(from, to int) []int {
	out := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

// with is n for every row of the domain: its columns, then the domain's.
func (d *dependent) with(n logical.Node) (logical.Node, error) {
	width := len(n.Schema())
	if !logical.Correlated(n) {
		return &logical.Join{Place: logical.Place{At: n.Span()}, Type: plan.Inner, Left: n, Right: d.domain, TTL: [2]int64{-1, -1}}, nil
	}
	switch n := n.(type) {
	case *logical.Join:
		return d.join(n)
	case *logical.Aggregate:
		return d.aggregate(n)
	case *logical.Union:
		ins := make([]logical.Node, len(n.Ins))
		for i, in := range n.Ins {
			var err error
			if ins[i], err = d.with(in); err != nil {
				return nil, err
			}
		}
		return n.With(ins), nil
	case *logical.Values:
		return d.values(n)
	}
	if len(n.Inputs()) != 1 {
		return nil, unsupported(n.Span(), "this form of correlated subquery is")
	}
	below := len(n.Inputs()[0].Schema())
	in, err := d.with(n.Inputs()[0])
	if err != nil {
		return nil, err
	}
	s := in.Schema()
	domain := ints(below, below+d.width)
	switch n := n.(type) {
	case *logical.Filter:
		return logical.NewFilter(in, d.inner(n.Cond, below, nil), n.At), nil
	case *logical.Project:
		exprs, names := make([]expr.Node, 0, width+d.width), n.Schema().Names()
		for _, e := range n.Exprs {
			exprs = append(exprs, d.inner(e, below, nil))
		}
		for _, c := range domain {
			names = append(names, s[c].Name)
		}
		return logical.NewProject(in, append(exprs, d.refs(s, domain...)...), names, n.At), nil
	case *logical.Sort:
		return d.limit(n, in, domain), nil
	case *logical.Rank:
		m := *n
		m.In, m.PartitionBy = in, append(slices.Clone(n.PartitionBy), domain...)
		if !n.OutputRank {
			return &m, nil
		}
		cols := append(append(ints(0, below), below+d.width), domain...)
		return d.pick(&m, cols, n.At), nil
	case *logical.Over:
		m := *n
		m.In, m.PartitionBy = in, append(slices.Clone(n.PartitionBy), domain...)
		cols := append(append(ints(0, below), ints(below+d.width, below+d.width+len(n.Calls))...), domain...)
		return d.pick(&m, cols, n.At), nil
	case *logical.Correlate:
		m := *n
		m.In, m.Args = in, make([]expr.Node, len(n.Args))
		for i, a := range n.Args {
			m.Args[i] = d.inner(a, below, nil)
		}
		m.Cond = d.inner(n.Cond, below, func(c int) int {
			if c >= below {
				return c + d.width // the function's rows stand behind the domain
			}
			return c
		})
		m.Keep = append(slices.Clone(n.Keep), domain...)
		k := len(n.Keep)
		cols := append(append(ints(0, k), ints(k+d.width, k+d.width+len(n.Read))...), ints(k, k+d.width)...)
		return d.pick(&m, cols, n.At), nil
	case *logical.Window:
		m := *n
		m.In = in
		if n.Spec.Kind == plan.Session {
			m.Spec.PartitionBy = append(slices.Clone(n.Spec.PartitionBy), domain...)
		}
		cols := append(append(ints(0, below), ints(below+d.width, below+d.width+3)...), domain...)
		return d.pick(&m, cols, n.At), nil
	}
	return nil, unsupported(n.Span(), "this form of correlated subquery is")
}

// values are constant rows that read outer columns.
func (d *dependent) values(n *logical.Values) (logical.Node, error) {
	ds := d.domain.Schema()
	u := &logical.Union{Place: n.Place}
	for _, r := range n.Rows {
		var exprs []expr.Node
		for _, e := range r {
			exprs = append(exprs, d.inner(e, 0, nil))
		}
		names := append(n.Out.Names(), ds.Names()...)
		u.Ins = append(u.Ins, logical.NewProject(d.domain, append(exprs, d.refs(ds, ints(0, d.width)...)...), names, n.At))
	}
	if len(u.Ins) == 1 {
		return u.Ins[0], nil
	}
	return u, nil
}

// limit keeps the first rows within each row of the domain.
func (d *dependent) limit(n *logical.Sort, in logical.Node, domain []int) logical.Node {
	if n.Fetch == plan.NoLimit && n.Offset == 0 {
		return in
	}
	return ranked(n, in, domain)
}

// ranked is a LIMIT within each value of columns.
func ranked(n *logical.Sort, in logical.Node, partition []int) logical.Node {
	r := &logical.Rank{Place: n.Place, In: in, Kind: plan.RowNumber, PartitionBy: partition, OrderBy: n.Keys, From: n.Offset + 1, To: n.Offset + n.Fetch, ToCol: -1}
	if n.Fetch == plan.NoLimit {
		r.To = 1 << 40
	}
	if len(r.OrderBy) == 0 {
		// Without an order the rows that come first are the first.
		r.OrderBy = []plan.SortKey{{Col: partition[0]}}
	}
	return r
}

// aggregate groups by the domain too. Without keys of its own it has a row for every
// row of the domain, also where nothing was aggregated.
func (d *dependent) aggregate(n *logical.Aggregate) (logical.Node, error) {
	if n.Window != nil {
		return nil, unsupported(n.At, "a window in a correlated subquery is")
	}
	in, err := d.with(n.In)
	if err != nil {
		return nil, err
	}
	below := len(n.In.Schema())
	m := *n
	m.In, m.Keys = in, append(slices.Clone(n.Keys), ints(below, below+d.width)...)
	k, a := len(n.Keys), len(n.Aggs)
	cols := append(append(ints(0, k), ints(k+d.width, k+d.width+a)...), ints(k, k+d.width)...)
	out := d.pick(&m, cols, n.At)
	empty := emptyRow(n)
	if empty == nil {
		return out, nil
	}
	// The domain's rows first, beside the groups that there are.
	s := out.Schema()
	exprs := append(logical.Refs(s), constBool(true, n.At))
	groups := logical.NewProject(out, exprs, append(s.Names(), "$found"), n.At)
	j := &logical.Join{Place: n.Place, Type: plan.LeftOuter, Left: d.domain, Right: groups, TTL: [2]int64{-1, -1}}
	if j.Cond, err = d.same(ints(0, d.width), ints(d.width+a, d.width+a+d.width), j.Left.Schema(), groups.Schema(), d.width, n.At); err != nil {
		return nil, err
	}
	js := j.Schema()
	found := expr.NewRef(len(js)-1, js[len(js)-1].Type, n.At)
	missing := expr.NewIs(expr.IsNull, false, found, n.At)
	var list []expr.Node
	var names []string
	for i := range a {
		var v expr.Node = expr.NewRef(d.width+i, js[d.width+i].Type, n.At)
		if n.Aggs[i].Func == "COUNT" {
			if v, err = expr.NewCase([]expr.Node{missing, empty[i], v}, n.At); err != nil {
				return nil, err
			}
		}
		list, names = append(list, v), append(names, s[i].Name)
	}
	return logical.NewProject(j, append(list, d.refs(js, ints(0, d.width)...)...), append(names, j.Left.Schema().Names()...), n.At), nil
}

// same says that columns l of the left and r of both inputs of a join, of which the
// left has width columns, have equal values.
func (d *dependent) same(l, r []int, ls, rs types.Schema, width int, at diag.Span) (expr.Node, error) {
	var conds []expr.Node
	for i := range l {
		c, err := expr.NewCompare(expr.NotDistinct, expr.NewRef(l[i], ls[l[i]].Type, at), expr.NewRef(r[i], rs[r[i]-width].Type, at), at)
		if err != nil {
			return nil, err
		}
		conds = append(conds, c)
	}
	return expr.NewAnd(conds...), nil
}

// join brings the domain into the sides that read it, or that must be told apart by
// it.
func (d *dependent) join(n *logical.Join) (logical.Node, error) {
	lw, rw := len(n.Left.Schema()), len(n.Right.Schema())
	_, snapshot := n.Right.(*logical.Snapshot)
	if _, lateral := n.Right.(*logical.LateralSnapshot); lateral {
		snapshot = true
	}
	inLeft := logical.Correlated(n.Left) || n.Type != plan.Inner || n.Cond != nil && logical.HasOuter(n.Cond) && !logical.Correlated(n.Right) || snapshot
	inRight := logical.Correlated(n.Right) || n.Type.KeepsRight()
	if snapshot && inRight {
		return nil, unsupported(n.At, "a table as of a time in a correlated subquery is")
	}
	left, right := n.Left, n.Right
	var err error
	if inLeft {
		if left, err = d.with(n.Left); err != nil {
			return nil, err
		}
	}
	if inRight {
		if right, err = d.with(n.Right); err != nil {
			return nil, err
		}
	}
	nlw := len(left.Schema())
	dom := lw // where the domain is in the output of the join
	if !inLeft {
		dom = nlw + rw
	}
	own := func(i int) int {
		if i >= lw {
			return nlw + i - lw
		}
		return i
	}
	m := *n
	m.Left, m.Right = left, right
	if snap, ok := right.(*logical.Snapshot); ok {
		m.Right = snap // its time is a column of the left side, which stays in its place
	}
	m.Cond = d.inner(n.Cond, dom, own)
	if inLeft && inRight {
		eq, err := d.same(ints(lw, nlw), ints(nlw+rw, nlw+rw+d.width), left.Schema(), right.Schema(), nlw, n.At)
		if err != nil {
			return nil, err
		}
		m.Cond = expr.NewAnd(m.Cond, eq)
	}
	if n.Type.LeftOnly() {
		return &m, nil
	}
	cols := append(ints(0, lw), ints(nlw, nlw+rw)...)
	if !n.Type.KeepsRight() || n.Type == plan.RightOuter {
		if n.Type == plan.RightOuter {
			dom = nlw + rw
		}
		return d.pick(&m, append(cols, ints(dom, dom+d.width)...), n.At), nil
	}
	// A full join: the domain of whichever side is there.
	s := m.Schema()
	exprs := d.refs(s, cols...)
	names := make([]string, 0, len(cols)+d.width)
	for _, c := range cols {
		names = append(names, s[c].Name)
	}
	for i := range d.width {
		l, r := expr.NewRef(lw+i, s[lw+i].Type, n.At), expr.NewRef(nlw+rw+i, s[nlw+rw+i].Type, n.At)
		v, err := expr.NewCoalesce([]expr.Node{l, r}, n.At)
		if err != nil {
			return nil, err
		}
		exprs, names = append(exprs, v), append(names, s[lw+i].Name)
	}
	return logical.NewProject(&m, exprs, names, n.At), nil
}
