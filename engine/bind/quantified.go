package bind

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// quantifiedQuery is x op SOME (query), or NOT (x negated-op SOME (query)) for ALL.
//
// The query becomes one row of four numbers: how many rows it has, how many of them
// are not NULL, the least and the greatest value. That is enough to compare:
//
//	no row                                FALSE
//	x NULL                                NULL
//	op holds for the least or greatest    TRUE
//	a row is NULL                         NULL
//	else                                  FALSE
func (x *block) quantifiedQuery(e *ast.Quantified, op expr.CompareOp) (expr.Node, error) {
	at := e.Span()
	l, err := x.expr(e.X)
	if err != nil {
		return nil, err
	}
	r, err := x.subquery(e.Query)
	if err != nil {
		return nil, err
	}
	if len(r.names) != 1 {
		return nil, diag.At(e.Query.Span(), diag.InvalidQuery, "a comparison with SOME or ALL of a query needs one column, this one has %d", len(r.names))
	}
	all := e.Quantifier == ast.QuantAll
	if all {
		op = op.Negate()
	}
	row, err := extremes(r.node, at)
	if err != nil {
		return nil, err
	}
	v, err := x.attach(logical.ApplyScalar, &rows{row, []string{"EXPR$0"}}, nil, at)
	if err != nil {
		return nil, err
	}
	n, err := some(l, v, op, at)
	if err == nil && all {
		n = expr.NewNot(n, at)
	}
	return n, err
}

// extremes aggregates a query to ROW(rows, values, least, greatest).
func extremes(n logical.Node, at diag.Span) (logical.Node, error) {
	agg := &logical.Aggregate{Place: logical.Place{At: at}, In: n, TTL: -1}
	for _, name := range []string{"COUNT", "COUNT", "MIN", "MAX"} {
		var args []expr.Node
		if len(agg.Aggs) > 0 {
			args = []expr.Node{logical.Ref(n, 0)}
		}
		c, params, err := aggregateCall(name, args, false, at)
		if err != nil {
			return nil, err
		}
		if len(params) > 0 {
			c.Args = []int{0}
		}
		c.Filter, c.Name = -1, "$q"+formatInt(int64(len(agg.Aggs)))
		agg.Aggs = append(agg.Aggs, c)
	}
	row := expr.NewRow(logical.Refs(agg.Schema()), []string{"f0", "f1", "f2", "f3"}, at)
	return logical.NewProject(agg, []expr.Node{row}, []string{"EXPR$0"}, at), nil
}

// some compares l with the extremes v of a query.
func some(l, v expr.Node, op expr.CompareOp, at diag.Span) (expr.Node, error) {
	f := make([]expr.Node, 4)
	for i := range f {
		var err error
		if f[i], err = expr.NewField(v, i, at); err != nil {
			return nil, err
		}
	}
	var holds []expr.Node
	add := func(i int) error {
		c, err := expr.NewCompare(op, l, f[i], at)
		holds = append(holds, c)
		return err
	}
	var err error
	switch op {
	case expr.Gt, expr.Ge:
		err = add(2)
	case expr.Lt, expr.Le:
		err = add(3)
	case expr.Ne:
		if err = add(2); err == nil {
			err = add(3)
		}
	default:
		return nil, unsupported(at, "a comparison by %s with a query is", op)
	}
	if err != nil {
		return nil, err
	}
	none, err := expr.NewCompare(expr.Eq, f[0], integer(0, at), at)
	if err != nil {
		return nil, err
	}
	nulls, err := expr.NewCompare(expr.Lt, f[1], f[0], at)
	if err != nil {
		return nil, err
	}
	unknown := expr.NewNull(types.BooleanT, at)
	no := boolean(false, at)
	return expr.NewCase([]expr.Node{
		expr.NewOr(expr.NewIs(expr.IsNull, false, v, at), none), no,
		expr.NewIs(expr.IsNull, false, l, at), unknown,
		expr.NewOr(holds...), boolean(true, at),
		nulls, unknown,
		no,
	}, at)
}
