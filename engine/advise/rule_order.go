package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
)

var orderByInInsert = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "order-by-in-insert", Summary: "ORDER BY has no effect on a table that is written",
		Cause: "a table has no order: rows of several subtasks mix again, and who reads it sees any order; the sort only costs time and state",
		Example: orders + `CREATE TABLE archive (id BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO archive SELECT id, ts FROM orders ORDER BY ts`,
		Better: orders + `CREATE TABLE archive (id BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'blackhole');
INSERT INTO archive SELECT id, ts FROM orders`,
		Fix: "leave ORDER BY out, or add LIMIT if the first rows are meant",
	},
	check: func(p *pass) {
		if p.Plan.Batch {
			return
		}
		eachTree(p, func(n *ast.Insert) {
			q, ok := n.Query.(*ast.Ordered)
			if !ok || q.Limit != nil || len(q.OrderBy) == 0 {
				return
			}
			at := q.OrderBy[0].Expr.Span()
			p.reportAt(nil, at, "ORDER BY has no effect on %s, since a table has no order", n.Table.Last()).WithHint("leave it out, or add LIMIT")
		})
	},
}

var limitWithoutOrder = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "limit-without-order", Summary: "LIMIT without ORDER BY takes the rows that come first",
		Cause:   "which rows come first depends on how inputs are read, so another run may give others",
		Example: orders + "SELECT id FROM orders LIMIT 10",
		Better:  orders + "SELECT id FROM orders ORDER BY amount DESC LIMIT 10",
		Fix:     "ORDER BY something, if it matters which rows they are",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.Limit) {
			p.report(n, "LIMIT without ORDER BY takes the rows that happen to come first").WithHint("ORDER BY something before LIMIT, if it matters which rows they are")
		})
	},
}
