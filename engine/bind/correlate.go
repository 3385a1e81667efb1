package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/function/table"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
)

// rowCall is an item of FROM that gives rows for each row of the tables before it:
// UNNEST, or a call of a table function.
type rowCall struct {
	fn    *function.TableFunc
	args  []ast.Expr
	at    diag.Span
	alias *ast.AliasedTable // nil without an alias
	// call is the call itself, but for UNNEST in its own form; names tells that
	// arguments have names.
	call  *ast.FuncCall
	names bool
	// shown is the name in the text of a view where there is no alias.
	shown string
}

// rowCall recognises such an item.
func (b *Binder) rowCall(t ast.TableRef) *rowCall {
	alias, _ := t.(*ast.AliasedTable)
	if alias != nil {
		t = alias.Input
	}
	switch t := t.(type) {
	case *ast.Unnest:
		c := &rowCall{fn: table.Unnest, args: t.Exprs, at: t.Span(), alias: alias, shown: b.shownAs(t)}
		if t.Ordinality {
			c.fn = table.UnnestOrdinality
		}
		return c
	case *ast.TableFunc:
		f, ok := t.Call.(*ast.FuncCall)
		if !ok || t.Specific {
			return nil
		}
		fn := b.tableFunction(f.Name)
		if fn == nil {
			return nil
		}
		c := &rowCall{fn: fn, at: f.Span(), alias: alias, shown: b.shownAs(t)}
		for _, a := range f.Args {
			if a.Name != nil {
				c.names = true
			}
			c.args = append(c.args, a.Value)
		}
		c.call = f
		return c
	}
	return nil
}

// tableFunction finds a table function that is called for each row; nil when there
// is none of that name.
func (b *Binder) tableFunction(name ast.Name) *function.TableFunc {
	if len(name) == 1 && strings.EqualFold(name[0].Name, "UNNEST") {
		return table.Unnest
	}
	if isVectorSearch(name) {
		// It becomes a function of its table when the call is bound.
		return &function.TableFunc{Name: table.VectorSearchName}
	}
	return b.userTableFunction(name)
}

// correlate joins the rows of n with those of a call, whose arguments are over sc.
// The scope that comes back has the columns of the call, at their places in the node.
func (b *Binder) correlate(n logical.Node, sc *scope, c *rowCall, left bool) (logical.Node, *scope, error) {
	var search *searched
	if c.call != nil && isVectorSearch(c.call.Name) {
		var err error
		if search, err = b.vectorSearch(c); err != nil {
			return nil, nil, err
		}
	}
	x := &block{b: b, sc: sc, noQuery: true, clause: c.fn.Name}
	call := function.Call{Name: c.fn.Name}
	args := make([]expr.Node, len(c.args))
	for i, a := range c.args {
		if s, ok := a.(*ast.Subquery); ok {
			return nil, nil, diag.At(s.Span(), diag.UnsupportedByFlink, "%s takes a value, not a query", c.fn.Name).
				WithHint("put the query into FROM and name its column here")
		}
		v, err := x.expr(a)
		if err != nil {
			return nil, nil, err
		}
		args[i] = v
		fa := function.Arg{Type: v.Type()}
		if l, ok := v.(*expr.Literal); ok {
			fa.Lit = l.Col
		}
		call.Args = append(call.Args, fa)
	}
	res, err := c.fn.Infer(&call)
	if err != nil {
		at := c.at
		if len(c.args) == 1 {
			at = c.args[0].Span()
		}
		if d := diag.As(err); d != nil {
			return nil, nil, d.Or(at)
		}
		return nil, nil, err
	}
	for i, p := range res.Params {
		if args[i], err = expr.NewImplicitCast(args[i], p, args[i].Span()); err != nil {
			return nil, nil, err
		}
	}
	cor := logical.NewCorrelate(n, c.fn, res, args, left, logical.Place{At: c.at})
	width := len(n.Schema())
	if search != nil {
		return search.place(cor, c, width)
	}
	rs := newScope("", nil, cor.Schema()[width:])
	if err := c.named(rs); err != nil {
		return nil, nil, err
	}
	// The names go into the rows too, so that plans show them.
	cor.Res.Out = slices.Clone(cor.Res.Out)
	for i := range cor.Res.Out {
		cor.Res.Out[i].Name = rs.rels[0].cols[i].name
	}
	rs.shift(width)
	return cor, rs, nil
}

// named gives the columns of a call their names. One column without a name of its own
// is called as the table is.
func (c *rowCall) named(rs *scope) error {
	if c.alias == nil {
		rs.rels[0].shown = c.shown
		return nil
	}
	r := rs.rels[0]
	r.alias = c.alias.Alias.Name
	cols := c.alias.Columns
	if len(cols) == 0 {
		if len(r.cols) == 1 && r.cols[0].name == "EXPR$0" {
			r.cols[0].name, rs.visible[0].name = r.alias, r.alias
		}
		return nil
	}
	if len(cols) != len(r.cols) {
		return diag.At(cols[0].Span.Join(cols[len(cols)-1].Span), diag.InvalidQuery, "%s has %d columns, and %d names are given",
			r.alias, len(r.cols), len(cols))
	}
	for i, id := range cols {
		for _, o := range cols[:i] {
			if o.Name == id.Name {
				return diag.At(id.Span, diag.DuplicateName, "column %q is named twice", id.Name)
			}
		}
		r.cols[i].name, rs.visible[i].name = id.Name, id.Name
	}
	return nil
}

// callAlone is a call as the first item of FROM.
func (b *Binder) callAlone(c *rowCall, outer *scope) (logical.Node, *scope, error) {
	n, sc, err := b.correlate(oneRow(c.at), &scope{outer: outer}, c, false)
	if err != nil {
		return nil, nil, err
	}
	return n, sc, nil
}

// joinCall is a join whose right side is a call.
func (b *Binder) joinCall(j *ast.Join, c *rowCall, n logical.Node, ls, outer *scope) (logical.Node, *scope, error) {
	typ := joinTypes[j.Kind]
	if typ != plan.Inner && typ != plan.LeftOuter {
		return nil, nil, diag.At(c.at, diag.UnsupportedByFlink, "%s on the right of a join takes CROSS JOIN or LEFT JOIN", c.fn.Name)
	}
	left := typ == plan.LeftOuter
	ls.outer = outer
	cor, rs, err := b.correlate(n, ls, c, left)
	if err != nil {
		return nil, nil, err
	}
	both := &scope{rels: append(append([]*relation(nil), ls.rels...), rs.rels...), outer: outer}
	both.visible = append(append([]visible(nil), ls.visible...), rs.visible...)
	var cond expr.Node
	switch {
	case j.Natural || len(j.Using) > 0:
		w := &logical.Join{Place: logical.Place{At: j.Span()}, Type: typ}
		if err := using(w, j, ls, rs, both); err != nil {
			return nil, nil, err
		}
		cond = w.Cond
	case j.On != nil:
		x := &block{b: b, sc: both, noQuery: true}
		if cond, err = x.condition(j.On, "ON"); err != nil {
			return nil, nil, err
		}
	}
	if cond == nil || isTrueLiteral(cond) {
		return cor, both, nil
	}
	if left && c.call == nil {
		cor := cor.(*logical.Correlate)
		cor.Cond = cond
		return cor, both, nil
	}
	if left {
		at := j.Span()
		if j.On != nil {
			at = j.On.Span()
		}
		return nil, nil, diag.At(at, diag.UnsupportedByFlink, "LEFT JOIN with %s takes ON TRUE alone", c.fn.Name).
			WithHint("put the condition into WHERE, or use JOIN")
	}
	return logical.NewFilter(cor, cond, j.Span()), both, nil
}

func isTrueLiteral(n expr.Node) bool {
	l, ok := n.(*expr.Literal)
	return ok && l.Col.Bits != nil && !l.Col.IsNull(0) && l.Col.Bits[0]&1 != 0
}
