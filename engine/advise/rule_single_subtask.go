package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var singleSubtask = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "single-subtask", Summary: "a step without keys runs in one subtask",
		Cause:   "OVER and ROW_NUMBER without PARTITION BY, and windows and joins without keys, need all rows in one place, whatever the parallelism",
		Example: "SET 'parallelism.default' = '4';\n" + orders + "SELECT id, SUM(amount) OVER (ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) FROM orders",
		Better:  "SET 'parallelism.default' = '4';\n" + orders + "SELECT id, SUM(amount) OVER (PARTITION BY sku ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW) FROM orders",
		Fix:     "add PARTITION BY, or aggregate by key first and then in total",
	},
	check: func(p *pass) {
		if !p.parallel() {
			return
		}
		for _, n := range p.Plan.Nodes {
			what := ""
			switch n := n.(type) {
			case *plan.OverAggregate:
				if len(n.PartitionBy) == 0 {
					what = "OVER without PARTITION BY"
				}
			case *plan.Rank:
				if len(n.PartitionBy) == 0 {
					what = "ROW_NUMBER without PARTITION BY"
				}
			case *plan.WindowTVF:
				if n.Window.Kind == plan.Session && len(n.Window.PartitionBy) == 0 {
					what = "SESSION without PARTITION BY"
				}
			}
			if what != "" {
				p.report(n, "%s takes all rows through one subtask", what).WithHint("add PARTITION BY")
			}
		}
	},
}
