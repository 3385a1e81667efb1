package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var aggregateWithoutTTL = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "aggregate-without-ttl", Summary: "an aggregate keeps every group for ever",
		Cause:   "the input never ends and no state is dropped, so memory and checkpoints grow with each new key",
		Example: orders + "SELECT sku, SUM(amount) FROM orders GROUP BY sku",
		Better:  "SET 'table.exec.state.ttl' = '1 d';\n" + orders + "SELECT sku, SUM(amount) FROM orders GROUP BY sku",
		Fix:     ttlHint + "; or aggregate over windows",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.GroupAggregate) {
			if len(n.Keys) == 0 || len(n.Aggs) == 0 || n.TTL > 0 || bounded(n.In, n.Keys) || !p.endless(n) {
				return
			}
			p.report(n, "each value of (%s) is kept for ever", columns(n.In.Info().Schema, n.Keys)).WithHint(ttlHint + "; or GROUP BY a window")
		})
	},
}
