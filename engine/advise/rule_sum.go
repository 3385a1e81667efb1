package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

var sumMayWrap = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "sum-may-wrap", Summary: "the sum of a small integer type wraps round",
		Cause:   "SUM has the type of its argument: SUM of INT is INT, and past 2147483647 it goes on at -2147483648 without an error",
		Example: orders + "SELECT sku, SUM(qty) FROM orders GROUP BY sku",
		Better:  orders + "SELECT sku, SUM(CAST(qty AS BIGINT)) FROM orders GROUP BY sku",
		Fix:     "SUM(CAST(x AS BIGINT))",
	},
	check: func(p *pass) {
		eachAggregate(p, func(n plan.Node, c plan.AggCall) {
			if c.Func != "SUM" && c.Func != "SUM0" && c.Func != "$SUM0" {
				return
			}
			switch c.Type.Kind {
			case types.TinyInt, types.SmallInt, types.Int:
				if p.endless(n) {
					p.report(n, "SUM(%s) is %s and wraps round when it grows larger", argument(n, c), c.Type.Nullable(true)).WithHint("SUM(CAST(%s AS BIGINT))", argument(n, c))
				}
			}
		})
	},
}

var floatSum = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "float-sum", Summary: "a sum of FLOAT has seven digits",
		Cause:   "SUM and AVG have the type of their argument, and a FLOAT holds about seven digits; on Flink the result also depends on the order of the rows, and drifts when rows are taken back",
		Example: "CREATE TABLE m (k INT, v FLOAT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');\nSELECT k, SUM(v) FROM m GROUP BY k",
		Better:  "CREATE TABLE m (k INT, v FLOAT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');\nSELECT k, SUM(CAST(v AS DOUBLE)) FROM m GROUP BY k",
		Fix:     "SUM(CAST(x AS DOUBLE)), or DECIMAL for money",
	},
	check: func(p *pass) {
		eachAggregate(p, func(n plan.Node, c plan.AggCall) {
			if (c.Func == "SUM" || c.Func == "AVG") && c.Type.Kind == types.Float {
				p.report(n, "%s(%s) is FLOAT, which holds about seven digits", c.Func, argument(n, c)).WithHint("%s(CAST(%s AS DOUBLE)), or DECIMAL for money", c.Func, argument(n, c))
			}
		})
	},
}

// argument names the column that a call aggregates.
func argument(n plan.Node, c plan.AggCall) string {
	if len(c.Args) == 0 {
		return "*"
	}
	name := n.Inputs()[0].Info().Schema[c.Args[0]].Name
	if name == "" || name[0] == '$' {
		return "..."
	}
	return name
}

// eachAggregate calls f for the calls of aggregates that see whole rows.
func eachAggregate(p *pass, f func(n plan.Node, c plan.AggCall)) {
	for _, n := range p.Plan.Nodes {
		for _, c := range plan.RowCalls(n) {
			f(n, c)
		}
	}
}
