package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var windowEnd = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "window-end-not-grouped", Summary: "a window is grouped by one of its two bounds",
		Cause: "a window aggregate is recognized by both window_start and window_end in GROUP BY; with one of them the query is an ordinary aggregate, which gives a new result for every row and keeps its state for ever",
		Example: orders + `SELECT window_start, SUM(amount)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start`,
		Better: orders + `SELECT window_start, SUM(amount)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end`,
		Fix: "add the other bound to GROUP BY",
	},
	Warns: true,
	check: func(p *pass) {
		if p.Plan.Batch {
			return
		}
		eachNode(p, func(n *plan.GroupAggregate) {
			w := plan.Below(n.In).Info().Windows
			if w == nil {
				return
			}
			in := n.In.Info().Schema
			grouped := func(col int) bool { return col >= 0 && has(n.Keys, col) }
			is, missing, col := "window_start", "window_end", w.Start
			switch {
			case grouped(w.Start) == grouped(w.End):
				return
			case grouped(w.End):
				is, missing, col = "window_end", "window_start", w.End
			}
			p.report(n, "GROUP BY has %s and not %s, so this is no window aggregate: each row changes the result, and state is kept for ever", in[col].Name, missing).
				WithHint("GROUP BY %s, %s", is, missing)
		})
	},
}
