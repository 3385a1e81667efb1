package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/types"
)

var processingTime = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "processing-time", Summary: "the answer depends on when rows are processed",
		Cause: "windows, order or bounds by PROCTIME() follow the clock of the machine: the same input gives another answer in the next run, after a restart and in a test",
		Example: `CREATE TABLE clicks (page STRING, pt AS PROCTIME()) WITH ('connector' = 'datagen');
SELECT window_start, window_end, page, COUNT(*)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(pt), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, page`,
		Better: `CREATE TABLE clicks (page STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'datagen');
SELECT window_start, window_end, page, COUNT(*)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, page`,
		Fix: "use a timestamp of the data with a WATERMARK; a test that must use PROCTIME() replays a tape",
	},
	check: func(p *pass) {
		if p.Plan.Batch {
			return
		}
		for _, n := range p.Plan.Nodes {
			if what := byClock(n); what != "" {
				p.report(n, "%s by processing time, so the same input gives another answer in another run", what).
					WithHint("WATERMARK FOR ts AS ts - INTERVAL '5' SECOND on a timestamp of the data, and that column instead of PROCTIME()")
			}
		}
	},
}

// byClock says what a node does by processing time, "" for nothing.
func byClock(n plan.Node) string {
	switch n := n.(type) {
	case *plan.WindowAggregate:
		if n.Window.Proctime() {
			return "rows are put into windows"
		}
	case *plan.GroupWindowAggregate:
		if n.Window.Proctime() {
			return "rows are put into windows"
		}
	case *plan.WindowTVF:
		if n.Window.Proctime() {
			return "rows are put into windows"
		}
	case *plan.OverAggregate:
		if n.Time == types.Proctime {
			return "rows are ordered"
		}
	case *plan.IntervalJoin:
		if !n.Rowtime {
			return "rows are joined"
		}
	case *plan.TemporalSort:
		if !n.Rowtime {
			return "rows are ordered"
		}
	}
	return ""
}
