package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

var selectStar = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "select-star-into-sink", Summary: "INSERT takes its columns from SELECT *",
		Cause: "columns go to the sink by position: a column that the source gains, or gives another place, breaks the statement or fills the wrong column",
		Example: orders + `CREATE TABLE archive (id BIGINT, sku STRING, qty INT, amount DOUBLE, ts TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO archive SELECT * FROM orders`,
		Better: orders + `CREATE TABLE archive (id BIGINT, sku STRING, qty INT, amount DOUBLE, ts TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO archive SELECT id, sku, qty, amount, ts FROM orders`,
		Fix: "list the columns",
	},
	check: func(p *pass) {
		eachTree(p, func(n *ast.Insert) {
			s, ok := n.Query.(*ast.Select)
			if !ok {
				return
			}
			for _, i := range s.Items {
				if star, ok := i.Expr.(*ast.Star); ok {
					p.reportAt(nil, star.Span(), "%s gets its columns by position from *, which changes with the source", n.Table.Last()).WithHint("list the columns")
				}
			}
		})
	},
}
