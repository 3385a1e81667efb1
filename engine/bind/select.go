package bind

import (
	"slices"
	"strconv"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// block binds one SELECT. Expressions above GROUP BY are bound over the rows of
// FROM with stand-ins for what does not exist yet (an aggregate, a window
// function, a subquery); stage by stage the stand-ins become columns.
type block struct {
	b    *Binder
	sc   *scope
	node logical.Node // FROM, WHERE and what subqueries have added; nil without rows

	clause  string // being bound, for messages; "" for the select list
	grouped bool   // there is a GROUP BY or an aggregate
	inAgg   bool   // inside the arguments of an aggregate
	inOver  bool
	noQuery bool        // subqueries have no place here
	rawJSON bool        // the call bound next is an argument of JSON_OBJECT or JSON_ARRAY
	match   *matchBlock // inside MEASURES or DEFINE
	after   bool        // above the aggregation: SELECT list, HAVING, QUALIFY, ORDER BY

	keys   []groupKey
	number string  // a whole number that stands in GROUP BY
	sets   [][]int // grouping sets, of keys; the last key is their number. Nil for one set
	window *groupWindow
	aggs   []aggItem
	overs  []overItem
	subs   []subItem
	named  map[string]*ast.WindowSpec

	selectNames []string
	aliases     map[string]expr.Node // set where aliases are visible
	hints       hints
}

// Stand-ins are references to columns from these indexes on.
const (
	aggBase  = 1 << 16
	propBase = 1 << 17
	subBase  = 1 << 18
	overBase = 1 << 19
)

// item is a column of the select list.
type item struct {
	name string
	node expr.Node
	at   diag.Span
	// explicit: the name was written.
	explicit bool
}

// rows is a bound query block.
type rows struct {
	node  logical.Node
	names []string
}

// selectBlock binds a SELECT with the ORDER BY and LIMIT above it, if any.
func (b *Binder) selectBlock(s *ast.Select, order *ast.Ordered, outer *scope) (*rows, error) {
	x := &block{b: b}
	if s.Stream {
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "SELECT STREAM is not a form of Flink SQL: every query may be a stream")
	}
	h, err := b.parseHints(s.Hints)
	if err != nil {
		return nil, err
	}
	x.hints = h
	if err := x.from(s.From, outer); err != nil {
		return nil, err
	}
	if err := x.checkHints(); err != nil {
		return nil, err
	}
	for _, it := range s.Items {
		if it.Alias != nil {
			x.selectNames = append(x.selectNames, it.Alias.Name)
		}
	}
	x.named = map[string]*ast.WindowSpec{}
	for _, w := range s.Windows {
		if x.named[w.Name.Name] != nil {
			return nil, diag.At(w.Name.Span, diag.DuplicateName, "window %s is declared twice", w.Name.Name)
		}
		x.named[w.Name.Name] = w.Spec
	}
	if s.Where != nil {
		c, err := x.condition(s.Where, "WHERE")
		if err != nil {
			return nil, err
		}
		x.node = &logical.Filter{Place: logical.Place{At: s.Where.Span()}, In: x.node, Cond: c}
	}
	x.grouped = s.GroupBy != nil || s.Having != nil || x.hasAggregate(s, order)
	if s.GroupBy != nil {
		if err := x.groupBy(s.GroupBy); err != nil {
			return nil, err
		}
	}
	return x.project(s, order)
}

// columnsMax is the most columns of a table or result.
const columnsMax = 10_000

func limitColumns(n int, at diag.Span) error {
	if n > columnsMax {
		return diag.At(at, diag.LimitExceeded, "a table or result has at most %d columns", columnsMax)
	}
	return nil
}

// project binds what stands above the grouping and builds the nodes.
func (x *block) project(s *ast.Select, order *ast.Ordered) (*rows, error) {
	x.after = true
	items, err := x.items(s.Items)
	if err != nil {
		return nil, err
	}
	var having, qualify expr.Node
	if s.Having != nil {
		if having, err = x.condition(s.Having, "HAVING"); err != nil {
			return nil, err
		}
	}
	if s.Qualify != nil {
		x.aliases = itemAliases(items)
		if qualify, err = x.condition(s.Qualify, "QUALIFY"); err != nil {
			return nil, err
		}
		x.aliases = nil
		if len(x.overs) == 0 {
			return nil, diag.At(s.Qualify.Span(), diag.InvalidQuery, "QUALIFY needs a window function in the SELECT list or in its condition").
				WithHint("use WHERE or HAVING for other conditions")
		}
	}
	sortItems, err := x.orderItems(order, items, s.Quantifier == ast.QuantifierDistinct)
	if err != nil {
		return nil, err
	}

	// The nodes, from the bottom up; each stage rewrites what is above it.
	all := make([]*expr.Node, 0, len(items)+8)
	for i := range items {
		all = append(all, &items[i].node)
	}
	for i := range sortItems {
		if sortItems[i].node != nil {
			all = append(all, &sortItems[i].node)
		}
	}
	if having != nil {
		all = append(all, &having)
	}
	if qualify != nil {
		all = append(all, &qualify)
	}
	for i := range x.overs {
		all = append(all, x.overs[i].nodes()...)
	}
	for i := range x.subs {
		if x.subs[i].x != nil {
			all = append(all, &x.subs[i].x)
		}
	}
	if x.grouped {
		for _, it := range items {
			if r, ok := it.node.(*expr.InputRef); ok && r.Index >= aggBase && r.Index < propBase {
				x.aggs[r.Index-aggBase].name = it.name
			}
		}
		if err := x.aggregate(s, all); err != nil {
			return nil, err
		}
	}
	if err := x.attachSubqueries(all); err != nil {
		return nil, err
	}
	if having != nil {
		x.node = &logical.Filter{Place: logical.Place{At: s.Having.Span()}, In: x.node, Cond: having}
	}
	if len(x.overs) > 0 {
		if err := x.windows(all); err != nil {
			return nil, err
		}
	}
	if qualify != nil {
		x.node = &logical.Filter{Place: logical.Place{At: s.Qualify.Span()}, In: x.node, Cond: qualify}
	}
	return x.finish(s, order, items, sortItems)
}

// finish adds the projection, DISTINCT, ORDER BY and LIMIT.
func (x *block) finish(s *ast.Select, order *ast.Ordered, items []item, sorts []sortItem) (*rows, error) {
	exprs := make([]expr.Node, 0, len(items))
	names := make([]string, 0, len(items))
	for _, it := range items {
		if k := it.node.Type().Kind; k == types.Descriptor {
			return nil, diag.At(it.at, diag.TypeMismatch, "a DESCRIPTOR is not a value")
		}
		exprs, names = append(exprs, it.node), append(names, it.name)
	}
	visible := len(exprs)
	var keys []plan.SortKey
	for i := range sorts {
		col := sorts[i].col
		if sorts[i].node != nil {
			col = -1
			for j, e := range exprs {
				if expr.Equal(e, sorts[i].node) {
					col = j
					break
				}
			}
			if col < 0 {
				if s.Quantifier == ast.QuantifierDistinct {
					return nil, diag.At(sorts[i].at, diag.InvalidQuery, "with SELECT DISTINCT, ORDER BY takes only expressions of the SELECT list")
				}
				col = len(exprs)
				exprs, names = append(exprs, sorts[i].node), append(names, sortedAs(sorts[i].node, x.node.Schema(), names, i))
			}
		}
		keys = append(keys, plan.SortKey{Col: col, Desc: sorts[i].desc, NullsFirst: sorts[i].nullsFirst})
	}
	var n logical.Node = logical.NewProject(x.node, exprs, names, s.Span())
	if s.Quantifier == ast.QuantifierDistinct {
		var err error
		if n, err = distinctRows(n, "DISTINCT", s.Span()); err != nil {
			return nil, err
		}
	}
	if order != nil {
		var err error
		if n, err = x.b.sorted(n, keys, order); err != nil {
			return nil, err
		}
		if visible < len(exprs) {
			n = logical.NewProject(n, logical.Refs(n.Schema())[:visible], names[:visible], s.Span())
		}
	}
	return &rows{n, names[:visible]}, nil
}

// distinct groups by all columns.
func distinct(n logical.Node, at diag.Span) logical.Node {
	keys := make([]int, len(n.Schema()))
	for i := range keys {
		keys[i] = i
	}
	return &logical.Aggregate{Place: logical.Place{At: at}, In: n, Keys: keys, TTL: -1}
}

// items binds the select list and expands stars.
func (x *block) items(list []ast.SelectItem) ([]item, error) {
	var out []item
	taken := map[string]bool{}
	next := map[string]int{} // the first number that may be free behind a name
	star := func(name string, n expr.Node, at diag.Span, of ast.Name) {
		unique := name
		for taken[unique] {
			unique = name + strconv.Itoa(next[name])
			next[name]++
		}
		taken[unique] = true
		x.b.noteStar(at, unique, of)
		out = append(out, item{name: unique, node: n, at: at})
	}
	for _, it := range list {
		if err := limitColumns(len(out)+1, it.Expr.Span()); err != nil {
			return nil, err
		}
		switch e := it.Expr.(type) {
		case *ast.Star:
			x.b.newStar(e.Span())
			if err := x.star(e, star); err != nil {
				return nil, err
			}
			continue
		case *ast.FieldStar:
			n, err := x.expr(e.X)
			if err != nil {
				return nil, err
			}
			if err := x.rowStar(n, nil, e.Span(), star); err != nil {
				return nil, err
			}
			continue
		}
		n, err := x.expr(it.Expr)
		if err != nil {
			return nil, err
		}
		name, explicit := itemName(it, len(out))
		taken[name] = true
		out = append(out, item{name, n, it.Expr.Span(), explicit})
	}
	return out, limitColumns(len(out), list[len(list)-1].Expr.Span())
}

func itemName(it ast.SelectItem, i int) (string, bool) {
	if it.Alias != nil {
		return it.Alias.Name, true
	}
	switch e := it.Expr.(type) {
	case *ast.ColumnRef:
		return e.Name.Last(), false
	case *ast.FieldAccess:
		return e.Field.Name, false
	case *ast.FuncCall:
		if e.Syntax == ast.CallNiladic { // CURRENT_DATE, as it was written
			return e.Name.Last(), false
		}
	}
	return "EXPR$" + strconv.Itoa(i), false
}

func itemAliases(items []item) map[string]expr.Node {
	out := map[string]expr.Node{}
	for _, it := range items {
		if it.explicit {
			out[it.name] = it.node
		}
	}
	return out
}

// addStar takes a column of a *, with the name that it has in full, if any.
type addStar = func(name string, n expr.Node, at diag.Span, of ast.Name)

func (x *block) star(e *ast.Star, add addStar) error {
	if len(e.Exclude) > 0 {
		return parsedOnly(e.Span(), "* EXCLUDE")
	}
	if len(e.Qualifier) == 0 {
		if len(x.sc.rels) == 0 {
			return diag.At(e.Span(), diag.InvalidQuery, "SELECT * needs a FROM")
		}
		for _, v := range x.sc.visible {
			if !v.unstarred {
				add(v.name, at(v.node, e.Span()), e.Span(), v.of())
				x.b.noteMerged(e.Span(), v)
			}
		}
		return nil
	}
	for _, r := range x.sc.rels {
		if r.matches(e.Qualifier) {
			for _, c := range r.cols {
				if !c.unstarred {
					add(c.name, expr.NewRef(c.index, c.typ, e.Span()), e.Span(), r.of(ast.Identifier{Name: c.name}))
				}
			}
			return nil
		}
	}
	n, err := x.sc.column(e.Qualifier)
	if err != nil {
		d := diag.As(err)
		if len(e.Qualifier) == 1 {
			d.Msg = "no table or row column " + strconv.Quote(e.Qualifier[0].Name)
		}
		return d
	}
	return x.rowStar(n, x.sc.fullName(e.Qualifier), e.Span(), add)
}

func (x *block) rowStar(n expr.Node, of ast.Name, at diag.Span, add addStar) error {
	t := n.Type()
	if t.Kind != types.Row {
		return diag.At(at, diag.TypeMismatch, "%s has no fields to expand", t.Nullable(true))
	}
	for i, f := range t.Fields {
		fn, err := expr.NewField(n, i, at)
		if err != nil {
			return err
		}
		var name ast.Name
		if of != nil {
			name = append(slices.Clone(of), ast.Identifier{Name: f.Name})
		}
		add(f.Name, fn, at, name)
	}
	return nil
}
