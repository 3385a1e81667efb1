package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

var equalsNull = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "compares-with-null", Summary: "a comparison with NULL is never true",
		Cause:   "= NULL and <> NULL give NULL for every row, NULL included, and a condition that is NULL drops the row",
		Example: "SELECT a FROM (VALUES (1), (CAST(NULL AS INT))) AS t (a) WHERE a = CAST(NULL AS INT)",
		Better:  "SELECT a FROM (VALUES (1), (CAST(NULL AS INT))) AS t (a) WHERE a IS NULL",
		Fix:     "IS NULL or IS NOT NULL; IS NOT DISTINCT FROM compares columns that may both be NULL",
	},
	Warns: true,
	check: func(p *pass) {
		eachTree(p, func(n *ast.Binary) {
			if n.Op < ast.OpEq || n.Op > ast.OpGe || !isNull(n.L) && !isNull(n.R) {
				return
			}
			is := "IS NULL"
			if n.Op == ast.OpNe {
				is = "IS NOT NULL"
			}
			p.reportAt(nil, n.Span(), "a comparison with NULL is never TRUE").WithHint("use %s", is)
		})
	},
}

// isNull reports NULL, also in a CAST.
func isNull(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Literal:
		return e.Kind == ast.LitNull
	case *ast.Cast:
		return isNull(e.X)
	}
	return false
}
