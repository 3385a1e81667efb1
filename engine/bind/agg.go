package bind

import (
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// groupKey is an expression of GROUP BY over the rows of FROM.
type groupKey struct {
	node expr.Node
	key  string
	name string
}

// aggItem is an aggregate of the block; its arguments are over the rows of FROM.
type aggItem struct {
	call   plan.AggCall
	args   []expr.Node
	filter expr.Node
	key    string
	at     diag.Span
	name   string // of the SELECT item it is, or ""
}

// subItem is a subquery above the grouping.
type subItem struct {
	kind logical.ApplyKind
	root logical.Node
	// x is the left side of IN, with its comparison made once x is a column.
	x  expr.Node
	at diag.Span
}

// hasAggregate reports whether the block has an aggregate outside of OVER.
func (x *block) hasAggregate(s *ast.Select, order *ast.Ordered) bool {
	found := false
	visit := func(e ast.Expr) {
		walkExpr(e, func(e ast.Expr) bool {
			if f, ok := e.(*ast.FuncCall); ok && f.Over == nil && x.b.aggregates(f.Name) {
				found = true
			}
			return !found
		})
	}
	for _, it := range s.Items {
		visit(it.Expr)
	}
	if s.Qualify != nil {
		visit(s.Qualify)
	}
	if order != nil {
		for _, o := range order.OrderBy {
			visit(o.Expr)
		}
	}
	return found
}

// groupBy binds the GROUP BY clause.
func (x *block) groupBy(g *ast.GroupBy) error {
	x.clause = "GROUP BY"
	defer func() { x.clause = "" }()
	var parts [][][]int
	for i := range g.Items {
		p, err := x.groupSets(&g.Items[i])
		if err != nil {
			return err
		}
		parts = append(parts, p)
		if len(crossed(parts)) > setsMax {
			return diag.At(g.Span(), diag.LimitExceeded, "GROUP BY has more than %d grouping sets", setsMax)
		}
	}
	sets := crossed(parts)
	if g.Quantifier == ast.QuantifierDistinct {
		sets = distinctSets(sets)
	}
	if len(sets) == 1 {
		return nil
	}
	if x.window != nil {
		return diag.At(g.Span(), diag.UnsupportedByFlink, "a group window stands beside no grouping sets").
			WithHint("GROUP BY window_start, window_end, ROLLUP (a) over TABLE(TUMBLE(...))")
	}
	x.sets = sets
	n := x.setNumber(g.Span())
	x.keys = append(x.keys, groupKey{node: n, key: expr.Key(n), name: "$e"})
	return nil
}

// groupExpr binds an expression of GROUP BY and gives the keys it is.
func (x *block) groupExpr(e ast.Expr) ([]int, error) {
	if l, ok := e.(*ast.Literal); ok && l.Kind == ast.LitInteger {
		x.number = l.Text // a constant, which some take for a position
	}
	if f, ok := e.(*ast.FuncCall); ok && len(f.Name) == 1 && groupWindows[strings.ToUpper(f.Name[0].Name)] {
		return nil, x.groupWindow(f)
	}
	if r, ok := e.(*ast.RowCtor); ok && !r.Explicit {
		var keys []int
		for _, el := range r.Elems {
			k, err := x.groupExpr(el)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k...)
		}
		return keys, nil
	}
	n, err := x.expr(e)
	if err != nil {
		return nil, err
	}
	if err := hasEquality(n.Type(), "cannot group by", e.Span()); err != nil {
		return nil, err
	}
	k := groupKey{node: n, key: expr.Key(n)}
	for i, o := range x.keys {
		if o.key == k.key {
			return []int{i}, nil
		}
	}
	switch c := e.(type) {
	case *ast.ColumnRef:
		k.name = c.Name.Last()
	case *ast.FieldAccess:
		k.name = c.Field.Name
	default:
		k.name = "$f" + strconv.Itoa(len(x.keys))
	}
	x.keys = append(x.keys, k)
	return []int{len(x.keys) - 1}, nil
}

// aggCall binds an aggregate, one of a user if that is not nil, and gives its
// stand-in.
func (x *block) aggCall(e *ast.FuncCall, name string, user *userAggregate) (expr.Node, error) {
	at := e.Span()
	switch {
	case x.inAgg:
		return nil, diag.At(at, diag.InvalidQuery, "an aggregate cannot stand inside another one").
			WithHint("compute the inner one in a subquery")
	case !x.after || !x.grouped:
		clause := x.clause
		if clause == "" {
			clause = "an expression here"
		}
		err := diag.At(at, diag.InvalidQuery, "aggregate %s has no place in %s", name, clause)
		if clause == "WHERE" {
			err.WithHint("use HAVING for conditions on aggregates")
		} else {
			err.WithHint("compute it in a query below, FROM (SELECT ... GROUP BY ...) AS t, and use its column")
		}
		return nil, err
	}
	if len(e.OrderBy) > 0 || len(e.WithinGroup) > 0 || len(e.WithinDistinct) > 0 {
		return nil, diag.At(at, diag.UnsupportedByFlink, "ORDER BY, WITHIN GROUP and WITHIN DISTINCT in an aggregate are parsed but have no effect").
			WithHint("order or deduplicate the rows in a query below")
	}
	it, err := x.aggItem(e, name, user)
	if err != nil {
		return nil, err
	}
	for i := range x.aggs {
		if x.aggs[i].key == it.key {
			return expr.NewRef(aggBase+i, it.call.Type, at), nil
		}
	}
	x.aggs = append(x.aggs, it)
	return expr.NewRef(aggBase+len(x.aggs)-1, it.call.Type, at), nil
}

// aggItem binds arguments and filter of an aggregate, with or without OVER.
func (x *block) aggItem(e *ast.FuncCall, name string, user *userAggregate) (aggItem, error) {
	at := e.Span()
	it := aggItem{at: at}
	was := x.inAgg
	x.inAgg = true
	defer func() { x.inAgg = was }()
	if user != nil {
		err := x.userAggItem(&it, e, user)
		return it, err
	}
	var args []expr.Node
	star := len(e.Args) == 1 && isStar(e.Args[0].Value)
	if star && name != "COUNT" {
		return it, diag.At(at, diag.InvalidArgument, "%s does not take *", name)
	}
	if !star {
		for _, a := range e.Args {
			if a.Name != nil {
				return it, unsupported(a.Name.Span, "a named argument of an aggregate is")
			}
			n, err := x.expr(a.Value)
			if err != nil {
				return it, err
			}
			if name == "COUNT" && n.Type().Kind == types.Null {
				// A column of nothing but NULLs has no null bits to count by.
				if n, err = expr.NewCast(n, types.BooleanT, false, n.Span()); err != nil {
					return it, err
				}
			}
			args = append(args, n)
		}
	}
	if name == "COUNT" && !star && len(args) == 0 {
		return it, diag.At(at, diag.InvalidArgument, "COUNT takes * or an argument")
	}
	distinct := e.Quantifier == ast.QuantifierDistinct
	if name == "COUNT" && len(args) > 1 {
		if distinct && !x.b.batch() {
			return it, diag.At(at, diag.UnsupportedByFlink, "COUNT takes one field on a stream").WithHint("COUNT(DISTINCT ROW(a, b)) counts rows of fields, those with NULL too")
		}
		if !distinct {
			return it, diag.At(at, diag.UnsupportedByFlink, "COUNT of several fields needs DISTINCT").WithHint("COUNT(*) counts rows, COUNT(a) those where a is not NULL")
		}
		var err error
		if args, err = together(args, at); err != nil {
			return it, err
		}
	}
	// COUNT of what is never NULL counts rows.
	if name == "COUNT" && len(args) == 1 && !distinct && !args[0].Type().IsNullable() {
		args = nil
	}
	call, cast, err := aggregateCall(name, args, distinct, at)
	if err != nil {
		return it, err
	}
	if name == "MIN" || name == "MAX" {
		call.Distinct = false // it means nothing to these
	}
	if call.Distinct {
		if err := distinctArgs(args); err != nil {
			return it, err
		}
	}
	call.IgnoreNulls = e.Nulls == ast.NullsIgnore
	if name == "JSON_ARRAYAGG" || name == "JSON_OBJECTAGG" {
		if call.IgnoreNulls, err = absent(e, name); err != nil {
			return it, err
		}
	}
	it.call, it.args = call, cast
	err = x.finishAgg(&it, e, name)
	return it, err
}

// finishAgg binds the filter of an aggregate and makes its key.
func (x *block) finishAgg(it *aggItem, e *ast.FuncCall, name string) error {
	if e.Filter != nil {
		var err error
		if it.filter, err = x.condition(e.Filter, "FILTER"); err != nil {
			return err
		}
	}
	it.key = name
	if it.call.Distinct {
		it.key += " DISTINCT"
	}
	if it.call.IgnoreNulls {
		it.key += " IGNORE"
	}
	for _, a := range it.args {
		it.key += "|" + expr.Key(a)
	}
	if it.filter != nil {
		it.key += "|FILTER " + expr.Key(it.filter)
	}
	return nil
}

func isStar(e ast.Expr) bool { _, ok := e.(*ast.Star); return ok }

// aggregate builds the aggregation and turns what is above it, all, into
// expressions over its output.
func (x *block) aggregate(s *ast.Select, all []*expr.Node) error {
	var exprs []expr.Node
	var names []string
	add := func(n expr.Node, name string) int {
		for i, e := range exprs {
			if expr.Equal(e, n) {
				return i
			}
		}
		exprs, names = append(exprs, n), append(names, name)
		return len(exprs) - 1
	}
	at := s.Span()
	if s.GroupBy != nil {
		at = s.GroupBy.Span()
	}
	agg := &logical.Aggregate{Place: logical.Place{At: at}, TTL: x.hints.aggTTL(x.sc.rels)}
	for i, k := range x.keys {
		if x.sets != nil && i == len(x.keys)-1 {
			break // the number of the set is not in the input
		}
		// Keys stay apart, so that key i is column i.
		exprs, names = append(exprs, expr.Canonical(k.node)), append(names, k.name)
		agg.Keys = append(agg.Keys, len(exprs)-1)
	}
	if x.window != nil {
		w := x.window.spec
		if x.b.batch() && x.window.time.Type().IsNullable() {
			x.node = withTime(x.node, x.window.time)
		}
		w.TimeCol = add(x.window.time, "$time")
		agg.Window, agg.Props = &w, x.window.props
	}
	for i := range x.aggs {
		it := &x.aggs[i]
		c := it.call
		c.Args = nil
		for j, a := range it.args {
			c.Args = append(c.Args, add(a, x.argName(a, names, "$f"+strconv.Itoa(len(exprs)+j))))
		}
		if it.filter != nil {
			// Only TRUE counts, so the column may as well never be NULL.
			f := it.filter
			if f.Type().IsNullable() {
				f = expr.NewIs(expr.IsTrue, false, f, f.Span())
			}
			c.Filter = add(f, "$f"+strconv.Itoa(len(exprs)))
		}
		if (len(x.keys) == 0 && x.window == nil || c.Filter >= 0) && c.User == nil && !neverNull(c.Func) {
			c.Type.NotNull = false
		}
		c.Name = it.name
		if c.Name == "" || contains(names, c.Name) || slices.ContainsFunc(agg.Aggs, func(o plan.AggCall) bool { return o.Name == c.Name }) {
			c.Name = "$agg" + strconv.Itoa(i)
		}
		agg.Aggs = append(agg.Aggs, c)
	}
	agg.In = logical.NewProject(x.node, exprs, names, at)
	x.node = agg
	if x.sets != nil {
		x.node = x.groupedBySets(agg)
	}
	out := x.node.Schema()
	for _, p := range all {
		n, err := x.aboveGroup(*p, out)
		if err != nil {
			return err
		}
		*p = n
	}
	return nil
}

// argName keeps the name of a column that is an argument, unless it is taken.
func (x *block) argName(n expr.Node, taken []string, def string) string {
	r, ok := n.(*expr.InputRef)
	if !ok {
		return def
	}
	name := x.nameOf(r)
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	if contains(taken, name) || strings.HasPrefix(name, "$") {
		return def
	}
	return name
}

// aboveGroup turns an expression over the rows of FROM into one over the groups.
func (x *block) aboveGroup(n expr.Node, out types.Schema) (expr.Node, error) {
	var bad *expr.InputRef
	r := expr.Replace(n, func(n expr.Node) (expr.Node, bool) {
		ref, isRef := n.(*expr.InputRef)
		if isRef && ref.Index >= aggBase && ref.Index < logical.Outer {
			switch {
			case ref.Index >= subBase:
				return n, true // a subquery or window function: later
			case ref.Index >= propBase:
				i := len(x.keys) + len(x.aggs) + ref.Index - propBase
				return standsFor(ref, i, out[i].Type), true
			}
			i := len(x.keys) + ref.Index - aggBase
			return standsFor(ref, i, out[i].Type), true
		}
		if _, lit := n.(*expr.Literal); !lit {
			key := expr.Key(n)
			for i, k := range x.keys {
				if k.key == key && expr.Equal(k.node, n) {
					return expr.NewRef(i, out[i].Type, n.Span()), true
				}
			}
		}
		if isRef && ref.Index < aggBase {
			// A field of a grouped row is grouped too.
			for i, k := range x.keys {
				if g, ok := k.node.(*expr.InputRef); ok && g.Index == ref.Index && len(g.Path) < len(ref.Path) && samePath(g.Path, ref.Path[:len(g.Path)]) {
					c := *ref
					c.Index, c.Path, c.Names = i, ref.Path[len(g.Path):], ref.Names[len(g.Path):]
					return &c, true
				}
			}
			if bad == nil {
				bad = ref
			}
		}
		return nil, false
	})
	if bad != nil {
		err := diag.At(bad.At, diag.InvalidQuery, "column %q is neither grouped nor inside an aggregate", x.nameOf(bad))
		if x.number != "" {
			return nil, err.WithHint("GROUP BY takes no positions, %s is a constant there: write the column", x.number)
		}
		return nil, err.WithHint("add it to GROUP BY, or take MAX, MIN or LAST_VALUE of it")
	}
	return r, nil
}

// standsFor is column i in the place of a stand-in, with the field that is read of it.
func standsFor(r *expr.InputRef, i int, t types.Type) expr.Node {
	var n expr.Node = expr.NewRef(i, t, r.At)
	for _, f := range r.Path {
		n, _ = expr.NewField(n, f, r.At) // the stand-in has the fields, too
	}
	return n
}

func samePath(a, b []int) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// nameOf is the name of a column of FROM.
func (x *block) nameOf(r *expr.InputRef) string {
	for _, rel := range x.sc.rels {
		for _, c := range rel.cols {
			if c.index == r.Index {
				n := c.name
				for _, f := range r.Names {
					n += "." + f
				}
				return n
			}
		}
	}
	return "$" + strconv.Itoa(r.Index)
}

// absent reads NULL ON NULL and ABSENT ON NULL of the JSON aggregates.
func absent(e *ast.FuncCall, name string) (bool, error) {
	if e.JSON == nil {
		return name == "JSON_ARRAYAGG", nil
	}
	if e.JSON.Returning != nil || len(e.JSON.FormatJSON) > 0 {
		return false, parsedOnly(e.Span(), "this clause of "+name)
	}
	switch e.JSON.OnNull {
	case ast.JSONAbsentOnNull:
		return true, nil
	case ast.JSONNullOnNull:
		return false, nil
	}
	return name == "JSON_ARRAYAGG", nil
}
