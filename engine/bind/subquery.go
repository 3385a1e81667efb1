package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// subquery binds a query inside an expression; its outer scope is the block's.
func (x *block) subquery(q ast.Query) (*rows, error) {
	if x.noQuery {
		return nil, unsupported(q.Span(), "a subquery in %s is", x.clause)
	}
	if x.b.depth++; x.b.depth > 64 {
		return nil, diag.At(q.Span(), diag.LimitExceeded, "queries are nested more than 64 deep")
	}
	defer func() { x.b.depth-- }()
	return x.b.query(q, x.sc)
}

// scalarQuery is (SELECT one column) as a value.
func (x *block) scalarQuery(e *ast.Subquery) (expr.Node, error) {
	r, err := x.subquery(e.Query)
	if err != nil {
		return nil, err
	}
	if len(r.names) != 1 {
		return nil, diag.At(e.Span(), diag.InvalidQuery, "a query used as a value must have one column, this one has %d", len(r.names)).
			WithHint("select one column, or join the query instead")
	}
	return x.attach(logical.ApplyScalar, r, nil, e.Span())
}

func (x *block) exists(e *ast.Exists) (expr.Node, error) {
	r, err := x.subquery(e.Query)
	if err != nil {
		return nil, err
	}
	return x.attach(logical.ApplyMark, r, nil, e.Span())
}

// inQuery is x [NOT] IN (query).
func (x *block) inQuery(l ast.Expr, q ast.Query, not bool, at diag.Span) (expr.Node, error) {
	ln, err := x.expr(l)
	if err != nil {
		return nil, err
	}
	r, err := x.subquery(q)
	if err != nil {
		return nil, err
	}
	width := 1
	if m, ok := ln.(*expr.Make); ok && m.T.Kind == types.Row {
		width = len(m.Args)
	}
	if width != len(r.names) {
		return nil, diag.At(at, diag.InvalidQuery, "IN compares %d values with a query of %d columns", width, len(r.names)).
			WithHint("(a, b) IN (SELECT x, y ...) compares pairs")
	}
	n, err := x.attach(logical.ApplyMark, r, ln, at)
	if err == nil && not {
		n = expr.NewNot(n, at)
	}
	return n, err
}

// attach adds a subquery to the rows of the block and returns its column, or above
// a grouping its stand-in. left is the left side of IN.
func (x *block) attach(kind logical.ApplyKind, r *rows, left expr.Node, at diag.Span) (expr.Node, error) {
	t := types.BooleanT
	if kind == logical.ApplyScalar {
		t = r.node.Schema()[0].Type.Nullable(true).Plain()
	}
	if x.after && x.grouped && !x.inAgg {
		x.subs = append(x.subs, subItem{kind, r.node, left, at})
		// The comparison is checked now and made anew over the groups.
		if left != nil {
			if _, err := inCondition(left, 0, r.node, at); err != nil {
				return nil, err
			}
		}
		return expr.NewRef(subBase+len(x.subs)-1, t, at), nil
	}
	if x.node == nil {
		x.node = oneRow(at)
	}
	a := &logical.Apply{Place: logical.Place{At: at}, Kind: kind, Left: x.node, Right: r.node}
	if left != nil {
		c, err := inCondition(left, len(x.node.Schema()), r.node, at)
		if err != nil {
			return nil, err
		}
		a.Cond = c
	}
	x.node = a
	return expr.NewRef(len(a.Schema())-1, t, at), nil
}

// inCondition compares the left side of IN with the columns of the query, which
// begin at base.
func inCondition(left expr.Node, base int, q logical.Node, at diag.Span) (expr.Node, error) {
	s := q.Schema()
	parts := []expr.Node{left}
	if m, ok := left.(*expr.Make); ok && m.T.Kind == types.Row {
		parts = m.Args
	}
	var conds []expr.Node
	for i, p := range parts {
		c, err := expr.NewCompare(expr.Eq, p, expr.NewRef(base+i, s[i].Type, at), at)
		if err != nil {
			return nil, err
		}
		conds = append(conds, c)
	}
	return expr.NewAnd(conds...), nil
}

// attachSubqueries puts the subqueries above a grouping on top of it.
func (x *block) attachSubqueries(all []*expr.Node) error {
	if len(x.subs) == 0 {
		return nil
	}
	base, err := x.ungroup()
	if err != nil {
		return err
	}
	at := make([]*expr.InputRef, len(x.subs))
	for i, s := range x.subs {
		a := &logical.Apply{Place: logical.Place{At: s.at}, Kind: s.kind, Left: x.node, Right: s.root}
		if s.x != nil {
			c, err := inCondition(expr.Shift(s.x, base), len(x.node.Schema()), s.root, s.at)
			if err == nil { // it was checked when the subquery was bound
				a.Cond = c
			}
		}
		x.node = a
		n := len(a.Schema()) - 1
		at[i] = expr.NewRef(n-base, a.Schema()[n].Type, s.at)
	}
	if base > 0 {
		s := x.node.Schema()
		x.node = logical.NewProject(x.node, logical.Refs(s)[base:], s.Names()[base:], x.subs[0].at)
	}
	for _, p := range all {
		*p = expr.Replace(*p, func(n expr.Node) (expr.Node, bool) {
			if r, ok := n.(*expr.InputRef); ok && r.Index >= subBase && r.Index < overBase {
				to := at[r.Index-subBase]
				return standsFor(r, to.Index, to.T), true
			}
			return nil, false
		})
	}
	return nil
}

// ungroup puts the columns of FROM that subqueries above a grouping read in front of
// the groups, in their old places, where they are group keys. It returns how many
// columns are in front.
func (x *block) ungroup() (int, error) {
	base := 0
	s := x.node.Schema()
	key := map[int]int{}
	for _, sub := range x.subs {
		var err error
		logical.OuterRefs(sub.root, func(r *expr.InputRef, c int) {
			base = max(base, c+1)
			for i, k := range x.keys {
				if g, ok := k.node.(*expr.InputRef); ok && g.Index == c && len(g.Path) == 0 {
					key[c] = i
					return
				}
			}
			if err == nil {
				err = diag.At(r.At, diag.InvalidQuery, "column %q is neither grouped nor inside an aggregate", x.nameOf(expr.NewRef(c, r.T, r.At))).
					WithHint("add it to GROUP BY")
			}
		})
		if err != nil {
			return 0, err
		}
	}
	if base == 0 {
		return 0, nil
	}
	exprs, names := make([]expr.Node, 0, base+len(s)), make([]string, 0, base+len(s))
	for c := range base {
		names = append(names, "$f"+formatInt(int64(c)))
		if k, ok := key[c]; ok {
			exprs = append(exprs, expr.NewRef(k, s[k].Type, x.subs[0].at))
		} else {
			exprs = append(exprs, expr.NewNull(types.BooleanT, x.subs[0].at))
		}
	}
	x.node = logical.NewProject(x.node, append(exprs, logical.Refs(s)...), append(names, s.Names()...), x.subs[0].at)
	return base, nil
}
