package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// windowsMany is the number of windows a row may lie in before it is said.
const windowsMany = 100

var manyWindows = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "many-windows-per-row", Summary: "each row lies in very many windows",
		Cause: "a HOP whose slide is small against its size, or a CUMULATE with a small step, gives a result for each of its windows: a slide of 1 second and a size of 1 hour are 3600 a row",
		Example: orders + `SELECT window_start, window_end, COUNT(*)
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' SECOND, INTERVAL '1' HOUR)) GROUP BY window_start, window_end`,
		Better: orders + `SELECT window_start, window_end, COUNT(*)
FROM TABLE(HOP(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '1' HOUR)) GROUP BY window_start, window_end`,
		Fix: "take a longer slide or step, or an OVER window if each row wants its own past",
	},
	check: func(p *pass) {
		for _, n := range p.Plan.Nodes {
			var w plan.WindowSpec
			switch n := n.(type) {
			case *plan.WindowTVF:
				w = n.Window
			case *plan.WindowAggregate:
				w = n.Window
			case *plan.GroupWindowAggregate:
				w = n.Window
			}
			if w.Kind != plan.Hop && w.Kind != plan.Cumulate || w.Slide <= 0 || w.Size/w.Slide <= windowsMany {
				continue
			}
			p.report(n, "each row lies in %d windows", w.Size/w.Slide).WithHint("a longer slide, or OVER (ORDER BY ts RANGE BETWEEN ... PRECEDING AND CURRENT ROW)")
		}
	},
}
