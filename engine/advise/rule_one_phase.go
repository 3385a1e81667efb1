package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var onePhase = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "one-phase-aggregate", Summary: "all rows of a frequent key go through one subtask",
		Cause:   "rows are dealt by key before they are aggregated, so a key that most rows have holds up the others; with mini-batch each subtask adds up its rows first and sends one for each key",
		Example: "SET 'parallelism.default' = '4';\n" + orders + "SELECT sku, SUM(amount) FROM orders GROUP BY sku",
		Better: "SET 'parallelism.default' = '4';\nSET 'table.exec.mini-batch.enabled' = 'true';\nSET 'table.exec.mini-batch.allow-latency' = '1 s';\nSET 'table.exec.mini-batch.size' = '10000';\n" +
			orders + "SELECT sku, SUM(amount) FROM orders GROUP BY sku",
		Fix: "SET 'table.exec.mini-batch.enabled' = 'true', with 'table.exec.mini-batch.allow-latency' = '1 s' and 'table.exec.mini-batch.size' = '10000', and leave 'table.optimizer.agg-phase-strategy' at AUTO",
	},
	check: func(p *pass) {
		if p.Plan.Batch || !p.parallel() {
			return
		}
		eachNode(p, func(n *plan.GroupAggregate) {
			if n.Merge || len(n.Keys) == 0 || len(n.Aggs) == 0 || n.InputRetracts {
				return
			}
			p.report(n, "rows are dealt by (%s) before they are aggregated, so a frequent key holds up the others", columns(n.In.Info().Schema, n.Keys)).
				WithHint("SET 'table.exec.mini-batch.enabled' = 'true', with allow-latency and size, aggregates in two phases")
		})
	},
}

// parallel reports that jobs of the session have several subtasks.
func (p *pass) parallel() bool {
	c := p.Session.Config
	return c.Int("parallelism.default") > 1 || c.Int("table.exec.resource.default-parallelism") > 1
}
