package bind

import (
	"math"
	"strconv"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// overItem is a call with OVER; its parts are over what lies below the windows.
type overItem struct {
	call      plan.AggCall
	args      []expr.Node
	partition []expr.Node
	order     []overOrder
	rows      bool
	lo, hi    plan.FrameBound
	key       string // of the whole call
	at        diag.Span
}

type overOrder struct {
	node             expr.Node
	desc, nullsFirst bool
}

// nodes are the expressions of the item, to be rewritten in place.
func (o *overItem) nodes() []*expr.Node {
	var out []*expr.Node
	for i := range o.args {
		out = append(out, &o.args[i])
	}
	for i := range o.partition {
		out = append(out, &o.partition[i])
	}
	for i := range o.order {
		out = append(out, &o.order[i].node)
	}
	return out
}

// overOnly are functions that need OVER.
var overOnly = map[string]bool{
	"ROW_NUMBER": true, "RANK": true, "DENSE_RANK": true, "LAG": true, "LEAD": true, "NTILE": true,
	"CUME_DIST": true, "PERCENT_RANK": true,
}

func (x *block) overCall(e *ast.FuncCall, name string, user *userAggregate) (expr.Node, error) {
	at := e.Span()
	switch {
	case x.inOver:
		return nil, diag.At(at, diag.InvalidQuery, "a window function cannot stand inside another one")
	case x.inAgg:
		return nil, diag.At(at, diag.InvalidQuery, "a window function cannot stand inside an aggregate")
	case !x.after || x.clause == "HAVING":
		err := diag.At(at, diag.InvalidQuery, "window function %s has no place in %s", name, orWord(x.clause, "an expression here"))
		if x.clause == "WHERE" || x.clause == "HAVING" {
			err.WithHint("use QUALIFY, or filter in a query around this one")
		}
		return nil, err
	}
	if user == nil && !overOnly[name] && !isAggregate(name) {
		if x.b.function(e.Name) != nil {
			return nil, diag.At(at, diag.InvalidArgument, "%s is not an aggregate and takes no OVER", name)
		}
		return nil, x.b.noFunction(e)
	}
	if e.Filter != nil {
		return nil, diag.At(e.Filter.Span(), diag.UnsupportedByFlink, "an OVER aggregate takes no FILTER").WithHint("put a CASE into the argument: SUM(CASE WHEN condition THEN v END)")
	}
	x.inOver = true
	defer func() { x.inOver = false }()
	it, err := x.overItem(e, name, user)
	if err != nil {
		return nil, err
	}
	for i := range x.overs {
		if x.overs[i].key == it.key {
			return expr.NewRef(overBase+i, it.call.Type, at), nil
		}
	}
	x.overs = append(x.overs, it)
	return expr.NewRef(overBase+len(x.overs)-1, it.call.Type, at), nil
}

// defaultOf casts the default of LAG and LEAD to the type of the value.
func defaultOf(value, def expr.Node) (expr.Node, error) {
	to := value.Type().Plain().Nullable(def.Type().IsNullable())
	if def.Type().Kind == types.Null || types.SameIgnoringNull(def.Type(), to) {
		return def, nil
	}
	return expr.NewCast(def, to, false, def.Span())
}

func orWord(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

func (x *block) overItem(e *ast.FuncCall, name string, user *userAggregate) (overItem, error) {
	it := overItem{at: e.Span()}
	spec, err := x.windowSpec(e.Over, 0)
	if err != nil {
		return it, err
	}
	saved := x.inAgg
	var args []expr.Node
	if user != nil {
		args, err = x.userArgs(e, user.params)
	} else {
		args, err = x.overArgs(e, name)
	}
	x.inAgg = saved
	if err != nil {
		return it, err
	}
	if (name == "LAG" || name == "LEAD") && len(args) == 3 {
		if args[2], err = defaultOf(args[0], args[2]); err != nil {
			return it, err
		}
	}
	distinct := e.Quantifier == ast.QuantifierDistinct
	var call plan.AggCall
	var cast []expr.Node
	if user != nil {
		call, cast, err = user.understood(args, distinct, it.at)
	} else {
		call, cast, err = aggregateCall(name, args, distinct, it.at)
	}
	if err != nil {
		return it, err
	}
	call.IgnoreNulls = e.Nulls == ast.NullsIgnore
	it.call, it.args = call, cast
	if user == nil && !ranked[name] && !neverNull(name) && len(e.Over.OrderBy) == 0 && e.Over.Frame != nil {
		it.call.Type.NotNull = false
	}
	it.key = name + "/"
	if user != nil {
		it.key += user.ID + "/"
	}
	for _, a := range cast {
		it.key += expr.Key(a) + ","
	}
	if call.IgnoreNulls {
		it.key += "IGNORE"
	}
	if call.Distinct {
		it.key += "DISTINCT"
	}
	it.key += "/"
	for _, p := range spec.PartitionBy {
		n, err := x.expr(p)
		if err != nil {
			return it, err
		}
		if err := hasEquality(n.Type(), "cannot partition by", p.Span()); err != nil {
			return it, err
		}
		it.partition = append(it.partition, n)
		it.key += expr.Key(n) + ","
	}
	it.key += "/"
	for _, o := range spec.OrderBy {
		if l, ok := o.Expr.(*ast.Literal); ok && l.Kind == ast.LitInteger {
			return it, diag.At(o.Expr.Span(), diag.InvalidQuery, "ORDER BY in OVER takes no positions")
		}
		n, err := x.expr(o.Expr)
		if err != nil {
			return it, err
		}
		if err := sortable(n.Type(), o.Expr.Span()); err != nil {
			return it, err
		}
		s := newSortItem(o)
		it.order = append(it.order, overOrder{n, s.desc, s.nullsFirst})
		it.key += expr.Key(n) + strconv.FormatBool(s.desc) + strconv.FormatBool(s.nullsFirst) + ","
	}
	if err := x.frame(&it, spec, name); err != nil {
		return it, err
	}
	it.key += frameKey(it)
	return it, nil
}

func (x *block) overArgs(e *ast.FuncCall, name string) ([]expr.Node, error) {
	if len(e.Args) == 1 && isStar(e.Args[0].Value) {
		if name != "COUNT" {
			return nil, diag.At(e.Span(), diag.InvalidArgument, "%s does not take *", name)
		}
		return nil, nil
	}
	var out []expr.Node
	for _, a := range e.Args {
		n, err := x.expr(a.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func frameKey(it overItem) string {
	key := func(b plan.FrameBound) string {
		return strconv.Itoa(int(b.Kind)) + ":" + strconv.FormatInt(b.Offset, 10) + "e" + strconv.Itoa(b.Scale) + ";"
	}
	return strconv.FormatBool(it.rows) + key(it.lo) + key(it.hi)
}

// windowSpec follows the name of a window and merges what was added to it.
func (x *block) windowSpec(s *ast.WindowSpec, depth int) (*ast.WindowSpec, error) {
	if s.Ref == nil {
		return s, nil
	}
	base := x.named[s.Ref.Name]
	if base == nil || depth > len(x.named) {
		var names []string
		for n := range x.named {
			names = append(names, n)
		}
		return nil, suggest(diag.At(s.Ref.Span, diag.NotFound, "no window %s", s.Ref.Name), s.Ref.Name, names)
	}
	b, err := x.windowSpec(base, depth+1)
	if err != nil || s.Named {
		return b, err
	}
	m := *s
	if len(m.PartitionBy) > 0 {
		return nil, diag.At(s.Span(), diag.InvalidQuery, "window %s has its PARTITION BY already", s.Ref.Name)
	}
	m.PartitionBy = b.PartitionBy
	if len(m.OrderBy) > 0 && len(b.OrderBy) > 0 {
		return nil, diag.At(s.Span(), diag.InvalidQuery, "window %s has its ORDER BY already", s.Ref.Name)
	}
	if len(m.OrderBy) == 0 {
		m.OrderBy = b.OrderBy
	}
	if m.Frame == nil {
		m.Frame = b.Frame
	}
	return &m, nil
}

// ranked are functions whose frame is always the whole partition up to the row.
var ranked = map[string]bool{
	"ROW_NUMBER": true, "RANK": true, "DENSE_RANK": true, "NTILE": true, "CUME_DIST": true, "PERCENT_RANK": true,
	"LAG": true, "LEAD": true,
}

// frame works out the rows a call looks at.
func (x *block) frame(it *overItem, spec *ast.WindowSpec, name string) error {
	if ranked[name] {
		if spec.Frame != nil {
			return diag.At(spec.Frame.Span(), diag.InvalidQuery, "%s takes no frame", name)
		}
		if len(it.order) == 0 {
			if !x.b.batch() || name != "ROW_NUMBER" {
				return diag.At(it.at, diag.InvalidQuery, "%s needs an ORDER BY in its OVER", name).
					WithHint("OVER (PARTITION BY a ORDER BY b)")
			}
		}
		it.rows, it.lo.Kind, it.hi.Kind = true, plan.UnboundedPreceding, plan.CurrentRow
		return nil
	}
	f := spec.Frame
	if f == nil {
		it.lo.Kind, it.hi.Kind = plan.UnboundedPreceding, plan.CurrentRow
		if len(it.order) == 0 {
			it.hi.Kind = plan.UnboundedFollowing
		}
		if len(it.order) == 0 && !x.b.batch() {
			return diag.At(it.at, diag.UnsupportedByFlink, "an OVER aggregate on a stream needs an ORDER BY").
				WithHint("OVER (PARTITION BY a ORDER BY ts) up to the current row; GROUP BY if one result a key is wanted")
		}
		return nil
	}
	if f.Exclude != ast.ExcludeDefault && f.Exclude != ast.ExcludeNoOthers {
		return parsedOnly(f.Span(), "EXCLUDE in a frame")
	}
	it.rows = f.Unit == ast.FrameRows
	var err error
	if it.lo, err = x.bound(f.Lo, it, f.Span()); err != nil {
		return err
	}
	it.hi = plan.FrameBound{Kind: plan.CurrentRow}
	if !f.Single {
		if it.hi, err = x.bound(f.Hi, it, f.Span()); err != nil {
			return err
		}
	}
	if it.lo.Kind == plan.UnboundedFollowing || it.hi.Kind == plan.UnboundedPreceding || it.lo.Kind > it.hi.Kind {
		return diag.At(f.Span(), diag.InvalidQuery, "the frame ends before it begins")
	}
	if !x.b.batch() && it.hi.Kind != plan.CurrentRow {
		return diag.At(f.Span(), diag.UnsupportedByFlink, "a frame on a stream ends at CURRENT ROW").
			WithHint("rows to come are not known yet: ROWS BETWEEN 2 PRECEDING AND CURRENT ROW, or a window that ends")
	}
	return nil
}

func (x *block) bound(b ast.Bound, it *overItem, at diag.Span) (plan.FrameBound, error) {
	out := plan.FrameBound{Kind: plan.BoundKind(b.Kind)}
	if b.Offset == nil {
		return out, nil
	}
	n, err := x.expr(b.Offset)
	if err != nil {
		return out, err
	}
	l, ok := expr.Fold(n, x.b.frame()).(*expr.Literal)
	if !ok || l.Col.IsNull(0) {
		return out, diag.At(b.Offset.Span(), diag.UnsupportedByFlink, "a bound of a frame is a constant")
	}
	switch {
	case it.rows && l.Type().IsInteger():
		out.Offset = l.Col.Int(0)
	case it.rows:
		return out, diag.At(b.Offset.Span(), diag.TypeMismatch, "ROWS takes a number of rows, not %s", l.Type().Nullable(true))
	default:
		if err := distance(&out, it, l, b.Offset.Span()); err != nil {
			return out, err
		}
	}
	if out.Offset < 0 {
		return out, diag.At(b.Offset.Span(), diag.InvalidArgument, "a frame bound cannot be negative")
	}
	return out, nil
}

// distance makes the bound of a RANGE frame that is so far away in the order.
func distance(out *plan.FrameBound, it *overItem, l *expr.Literal, at diag.Span) error {
	if len(it.order) != 1 {
		return diag.At(at, diag.InvalidQuery, "a RANGE frame with a distance is ordered by one column").WithHint("ROWS takes any order")
	}
	by, t := it.order[0].node.Type(), l.Type()
	switch {
	case t.Kind == types.IntervalDT && (by.IsTimestamp() || by.Kind == types.Date || by.Kind == types.Time):
		out.Offset = l.Col.I64[0]
	case t.Kind == types.IntervalYM && by.IsTemporal():
		return diag.At(at, diag.UnsupportedByFlink, "RANGE takes a day-time interval, not %s", t.Nullable(true))
	case t.IsExact() && t.Phys() != types.PhysDec && by.IsNumeric():
		out.Offset, out.Number = l.Col.Int(0), true
		if t.Kind == types.Decimal {
			out.Scale = t.Scale
		}
	case t.IsApprox() && by.IsNumeric():
		// A number such as 1.5E0 has few digits; others are none that one writes.
		v := l.Col.Float(0)
		for out.Number = true; v != math.Trunc(v) && out.Scale < 15; out.Scale++ {
			v *= 10
		}
		out.Offset = int64(v)
	default:
		return diag.At(at, diag.TypeMismatch, "RANGE over %s does not go with a distance of %s", by.Nullable(true), t.Nullable(true)).
			WithHint("a day-time interval measures time, a number numbers")
	}
	return nil
}

// parts is the key of the partition and the order.
func (o *overItem) parts() string {
	k := ""
	for _, p := range o.partition {
		k += expr.Key(p) + ","
	}
	k += "/"
	for _, s := range o.order {
		k += expr.Key(s.node) + strconv.FormatBool(s.desc) + strconv.FormatBool(s.nullsFirst) + ","
	}
	return k
}

// ranksJoin lets LAG, and RANK and DENSE_RANK on a stream that is ordered by value, which
// see no frame, stand beside aggregates over a RANGE.
func (x *block) ranksJoin() {
	if x.b.batch() {
		return
	}
	for i := range x.overs {
		o := &x.overs[i]
		rank := o.call.Func == "RANK" || o.call.Func == "DENSE_RANK"
		if o.call.Func != "LAG" && (!rank || o.order[0].node.Type().Attr != types.NotTime) {
			continue
		}
		for j := range x.overs {
			other := &x.overs[j]
			if !ranked[other.call.Func] && other.lo == o.lo && other.hi == o.hi && other.parts() == o.parts() {
				o.rows = other.rows
			}
		}
	}
}

// windows builds an Over for each window definition and replaces the stand-ins.
func (x *block) windows(all []*expr.Node) error {
	type group struct {
		key   string
		items []int
	}
	var groups []group
	x.ranksJoin()
next:
	for i := range x.overs {
		o := &x.overs[i]
		k := o.parts() + "/" + frameKey(*o)
		for g := range groups {
			if groups[g].key == k {
				groups[g].items = append(groups[g].items, i)
				continue next
			}
		}
		groups = append(groups, group{k, []int{i}})
	}
	if len(groups) > 1 && !x.b.batch() {
		second := x.overs[groups[1].items[0]]
		return diag.At(second.at, diag.UnsupportedByFlink, "all window functions of a SELECT on a stream must have the same window").
			WithNote(x.overs[groups[0].items[0]].at, "the first one is here").WithHint("compute them in separate queries")
	}
	col := make([]*expr.InputRef, len(x.overs))
	for _, g := range groups {
		first := &x.overs[g.items[0]]
		in := x.node.Schema()
		exprs := logical.Refs(in)
		names := in.Names()
		add := func(n expr.Node) int {
			if r, ok := n.(*expr.InputRef); ok && len(r.Path) == 0 {
				return r.Index
			}
			for i, e := range exprs {
				if expr.Equal(e, n) {
					return i
				}
			}
			exprs, names = append(exprs, n), append(names, "$o"+strconv.Itoa(len(exprs)))
			return len(exprs) - 1
		}
		o := &logical.Over{Place: logical.Place{At: first.at}, Rows: first.rows, Lo: first.lo, Hi: first.hi}
		for _, p := range first.partition {
			o.PartitionBy = append(o.PartitionBy, add(p))
		}
		for _, s := range first.order {
			o.OrderBy = append(o.OrderBy, plan.SortKey{Col: add(s.node), Desc: s.desc, NullsFirst: s.nullsFirst})
		}
		for _, i := range g.items {
			it := &x.overs[i]
			c := it.call
			for _, a := range it.args {
				c.Args = append(c.Args, add(a))
			}
			c.Name = "w" + strconv.Itoa(i) + "$o0"
			o.Calls = append(o.Calls, c)
		}
		o.In = x.node
		if len(exprs) > len(in) {
			o.In = logical.NewProject(x.node, exprs, names, first.at)
		}
		for j, i := range g.items {
			col[i] = expr.NewRef(len(exprs)+j, o.Calls[j].Type, x.overs[i].at)
		}
		x.node = o
	}
	for _, p := range all {
		*p = expr.Replace(*p, func(n expr.Node) (expr.Node, bool) {
			if r, ok := n.(*expr.InputRef); ok && r.Index >= overBase && r.Index < logical.Outer {
				to := col[r.Index-overBase]
				return standsFor(r, to.Index, to.T), true
			}
			return nil, false
		})
	}
	return nil
}
