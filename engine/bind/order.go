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

// sortItem is a key of ORDER BY: an output column, or an expression.
type sortItem struct {
	col        int
	node       expr.Node
	desc       bool
	nullsFirst bool
	at         diag.Span
}

// orderItems binds ORDER BY above a SELECT: ordinals, aliases, then expressions.
func (x *block) orderItems(order *ast.Ordered, items []item, distinct bool) ([]sortItem, error) {
	if order == nil {
		return nil, nil
	}
	var out []sortItem
	for _, o := range order.OrderBy {
		s := newSortItem(o)
		names := make([]string, len(items))
		for i := range items {
			names[i] = items[i].name
		}
		col, err := outputColumn(o.Expr, names)
		switch {
		case err != nil:
			return nil, err
		case col >= 0:
			s.col = col
		default:
			old := x.clause
			x.clause = "ORDER BY"
			s.node, err = x.expr(o.Expr)
			x.clause = old
			if err != nil {
				return nil, err
			}
			if err := sortable(s.node.Type(), s.at); err != nil {
				return nil, err
			}
		}
		if s.node == nil {
			if err := sortable(items[s.col].node.Type(), s.at); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func newSortItem(o ast.OrderItem) sortItem {
	return sortItem{
		desc: o.Desc, at: o.Expr.Span(),
		nullsFirst: o.Nulls == ast.NullsFirst || o.Nulls == ast.NullsUnspecified && !o.Desc,
	}
}

// outputColumn finds the output column an ORDER BY item names by position or name,
// or -1.
func outputColumn(e ast.Expr, names []string) (int, error) {
	if l, ok := e.(*ast.Literal); ok && l.Kind == ast.LitInteger {
		n, err := strconv.Atoi(l.Text)
		if err != nil || n < 1 || n > len(names) {
			return 0, diag.At(e.Span(), diag.InvalidQuery, "ORDER BY position %s is not between 1 and %d", l.Text, len(names)).
				WithHint("write the column's name")
		}
		return n - 1, nil
	}
	if c, ok := e.(*ast.ColumnRef); ok && len(c.Name) == 1 {
		hit := -1
		for i, n := range names {
			if n == c.Name[0].Name {
				if hit >= 0 {
					return -1, nil
				}
				hit = i
			}
		}
		return hit, nil
	}
	return -1, nil
}

func sortable(t types.Type, at diag.Span) error {
	switch t.Kind {
	case types.Array, types.Map, types.Multiset, types.Row, types.Raw, types.Variant, types.Bitmap:
		return diag.At(at, diag.TypeMismatch, "%s has no order", t.Nullable(true))
	}
	return nil
}

// sorted adds a Sort with the limits of an Ordered.
func (b *Binder) sorted(n logical.Node, keys []plan.SortKey, o *ast.Ordered) (logical.Node, error) {
	offset, err := count(o.Offset, 0, "OFFSET")
	if err != nil {
		return nil, err
	}
	fetch, err := count(o.Limit, plan.NoLimit, "LIMIT")
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 && offset == 0 && fetch == plan.NoLimit {
		return n, nil
	}
	at := o.Span()
	if len(o.OrderBy) > 0 {
		at = o.OrderBy[0].Expr.Span()
	} else if o.Offset != nil {
		at = o.Offset.Span()
	}
	if offset > 0 && fetch == plan.NoLimit && !b.batch() {
		return nil, diag.At(o.Offset.Span(), diag.UnsupportedByFlink, "OFFSET without FETCH or LIMIT is not possible on a stream").
			WithHint("add LIMIT n, or SET 'execution.runtime-mode' = 'batch'")
	}
	return &logical.Sort{Place: logical.Place{At: at}, In: n, Keys: keys, Offset: offset, Fetch: fetch}, nil
}

func count(e ast.Expr, def int64, what string) (int64, error) {
	if e == nil {
		return def, nil
	}
	l, ok := e.(*ast.Literal)
	if !ok {
		return 0, parsedOnly(e.Span(), what+" with a parameter")
	}
	n, err := strconv.ParseInt(l.Text, 10, 64)
	if err != nil || n < 0 {
		return 0, diag.At(e.Span(), diag.InvalidArgument, "%s takes a whole number, not %s", what, l.Text)
	}
	return n, nil
}

// ordered binds ORDER BY and LIMIT above a query that is not a SELECT: only its
// columns can be named.
func (b *Binder) ordered(o *ast.Ordered, outer *scope) (*rows, error) {
	if s, ok := o.Body.(*ast.Select); ok {
		return b.selectBlock(s, o, outer)
	}
	r, err := b.query(o.Body, outer)
	if err != nil {
		return nil, err
	}
	n := r.node
	x := &block{b: b, sc: newScope("", nil, n.Schema()), node: n, noQuery: true, clause: "ORDER BY"}
	for i := range x.sc.visible {
		x.sc.visible[i].name = r.names[i]
	}
	x.sc.outer = outer
	exprs := logical.Refs(n.Schema())
	var keys []plan.SortKey
	for _, oi := range o.OrderBy {
		s := newSortItem(oi)
		col, err := outputColumn(oi.Expr, r.names)
		if err != nil {
			return nil, err
		}
		if col < 0 {
			e, err := x.expr(oi.Expr)
			if err != nil {
				return nil, err
			}
			col = len(exprs)
			exprs = append(exprs, e)
		}
		if err := sortable(exprs[col].Type(), s.at); err != nil {
			return nil, err
		}
		keys = append(keys, plan.SortKey{Col: col, Desc: s.desc, NullsFirst: s.nullsFirst})
	}
	width := len(r.names)
	if len(exprs) > width {
		names := append([]string(nil), r.names...)
		for i := width; i < len(exprs); i++ {
			names = append(names, sortedAs(exprs[i], n.Schema(), names, i))
		}
		n = logical.NewProject(n, exprs, names, o.Span())
	}
	if n, err = b.sorted(n, keys, o); err != nil {
		return nil, err
	}
	if len(exprs) > width {
		n = logical.NewProject(n, logical.Refs(n.Schema())[:width], r.names, o.Span())
	}
	return &rows{n, r.names}, nil
}

// sortedAs names a column that is sorted by and not selected: as the column of in that
// it is, where names has none of that name.
func sortedAs(e expr.Node, in types.Schema, names []string, i int) string {
	if r, ok := e.(*expr.InputRef); ok && !slices.Contains(names, in[r.Index].Name) {
		return in[r.Index].Name
	}
	return "$s" + strconv.Itoa(i)
}
