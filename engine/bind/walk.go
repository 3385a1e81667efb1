package bind

import "github.com/minkstream/mink/engine/sql/ast"

// walkExpr calls f for e and the expressions in it, not entering subqueries, as
// long as f returns true.
func walkExpr(e ast.Expr, f func(ast.Expr) bool) {
	if e == nil || !f(e) {
		return
	}
	many := func(list ...ast.Expr) {
		for _, k := range list {
			if k != nil {
				walkExpr(k, f)
			}
		}
	}
	switch e := e.(type) {
	case *ast.Unary:
		many(e.X)
	case *ast.Binary:
		many(e.L, e.R)
	case *ast.Is:
		many(e.X)
	case *ast.IsDistinct:
		many(e.L, e.R)
	case *ast.Between:
		many(e.X, e.Lo, e.Hi)
	case *ast.In:
		many(e.X)
		many(e.List...)
	case *ast.Like:
		many(e.X, e.Pattern, e.Escape)
	case *ast.Quantified:
		many(e.X)
		many(e.List...)
	case *ast.Case:
		many(e.Operand)
		for _, w := range e.Whens {
			many(w.Conds...)
			many(w.Then)
		}
		many(e.Else)
	case *ast.Cast:
		many(e.X)
	case *ast.FuncCall:
		for _, a := range e.Args {
			many(a.Value)
		}
		if e.Over != nil {
			many(e.Over.PartitionBy...)
			for _, o := range e.Over.OrderBy {
				many(o.Expr)
			}
		}
		many(e.Filter)
	case *ast.ArrayCtor:
		many(e.Elems...)
	case *ast.MapCtor:
		many(e.Elems...)
	case *ast.MultisetCtor:
		many(e.Elems...)
	case *ast.RowCtor:
		many(e.Elems...)
	case *ast.IndexAccess:
		many(e.X, e.Index)
	case *ast.FieldAccess:
		many(e.X)
	case *ast.FieldStar:
		many(e.X)
	case *ast.IntervalExpr:
		many(e.X)
	}
}
