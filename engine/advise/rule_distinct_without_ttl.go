package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var distinctWithoutTTL = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "distinct-without-ttl", Summary: "DISTINCT or UNION keeps every row for ever",
		Cause:   "to know whether a row has come before, all rows are kept; the input never ends",
		Example: orders + "SELECT DISTINCT id, sku FROM orders",
		Better:  "SET 'table.exec.state.ttl' = '1 d';\n" + orders + "SELECT DISTINCT id, sku FROM orders",
		Fix:     ttlHint + "; UNION ALL keeps nothing",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.GroupAggregate) {
			if len(n.Aggs) > 0 || n.TTL > 0 || bounded(n.In, n.Keys) || !p.endless(n) {
				return
			}
			p.report(n, "to tell rows that came before, each (%s) is kept for ever", columns(n.In.Info().Schema, n.Keys)).WithHint(ttlHint)
		})
	},
}
