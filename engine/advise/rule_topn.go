package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var topNWithoutBound = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "topn-without-bound", Summary: "rows are numbered and no condition bounds the number",
		Cause:   "ROW_NUMBER with a constant bound is a Top-N, which keeps a few rows; without one, or with a bound that is a column, all rows of a partition are kept or every row gets a number",
		Example: orders + "SELECT sku, id, ROW_NUMBER() OVER (PARTITION BY sku ORDER BY ts) AS n FROM orders",
		Better:  orders + "SELECT sku, id FROM (SELECT sku, id, ROW_NUMBER() OVER (PARTITION BY sku ORDER BY amount DESC) AS n FROM orders) WHERE n <= 3",
		Fix:     "filter the number: WHERE n <= 3, or QUALIFY ROW_NUMBER() OVER (...) <= 3",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.OverAggregate) {
			for _, c := range n.Calls {
				if c.Func == "ROW_NUMBER" && p.endless(n) {
					p.report(n, "the rows of an endless input are numbered without a bound").WithHint("QUALIFY ROW_NUMBER() OVER (...) <= 3 keeps the first rows only")
				}
			}
		})
		eachNode(p, func(n *plan.Rank) {
			if n.ToCol >= 0 && p.endless(n) {
				p.report(n, "how many rows are kept comes from the column %s, so all rows are kept", n.In.Info().Schema[n.ToCol].Name).WithHint("compare with a constant: WHERE n <= 10")
			}
		})
	},
}

var topNWithoutTTL = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "topn-without-ttl", Summary: "a Top-N keeps the rows of every partition for ever",
		Cause:   "a partition may get a row at any time; the input never ends",
		Example: orders + "SELECT sku, id FROM (SELECT sku, id, ROW_NUMBER() OVER (PARTITION BY sku ORDER BY amount DESC) AS n FROM orders) WHERE n <= 3",
		Better:  "SET 'table.exec.state.ttl' = '1 d';\n" + orders + "SELECT sku, id FROM (SELECT sku, id, ROW_NUMBER() OVER (PARTITION BY sku ORDER BY amount DESC) AS n FROM orders) WHERE n <= 3",
		Fix:     ttlHint + "; or rank within windows: PARTITION BY window_start, window_end",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.Rank) {
			if n.TTL > 0 || len(n.PartitionBy) == 0 || bounded(n.In, n.PartitionBy) || !p.endless(n) {
				return
			}
			what := "the first rows of each (%s) are kept for ever"
			if n.Strategy == plan.Retract {
				what = "all rows of each (%s) are kept for ever, since any may be taken back"
			}
			p.report(n, what, columns(n.In.Info().Schema, n.PartitionBy)).WithHint(ttlHint)
		})
	},
}
