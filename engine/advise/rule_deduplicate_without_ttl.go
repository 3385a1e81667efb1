package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var deduplicateWithoutTTL = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "deduplicate-without-ttl", Summary: "a deduplication keeps every key for ever",
		Cause:   "a key may come again at any time, so each is remembered; the input never ends",
		Example: orders + `SELECT id, sku FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts) AS n FROM orders) WHERE n = 1`,
		Better:  "SET 'table.exec.state.ttl' = '1 h';\n" + orders + `SELECT id, sku FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY ts) AS n FROM orders) WHERE n = 1`,
		Fix:     ttlHint,
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.Deduplicate) {
			if n.TTL > 0 || bounded(n.In, n.Keys) || !p.endless(n) {
				return
			}
			p.report(n, "each (%s) is remembered for ever", columns(n.Schema, n.Keys)).WithHint(ttlHint)
		})
	},
}
