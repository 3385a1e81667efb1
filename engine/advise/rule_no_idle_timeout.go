package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var noIdleTimeout = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "no-idle-timeout", Summary: "a source that falls silent stops event time",
		Cause: "the watermark of an operator is the least of all splits and tables it reads; one that gives no rows for a while holds it back, so windows stay open and nothing comes out",
		Example: orders + `SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end`,
		Better: orders + `SET 'table.exec.source.idle-timeout' = '30 s';
SELECT window_start, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end`,
		Fix: "SET 'table.exec.source.idle-timeout' = '30 s', or give the table 'scan.watermark.idle-timeout'",
	},
	check: func(p *pass) {
		if p.Plan.Batch {
			return
		}
		waiting := map[*plan.Scan]plan.Node{}
		for _, n := range p.Plan.Nodes {
			if !waits(n) {
				continue
			}
			for _, s := range scans(n) {
				if waiting[s] == nil {
					waiting[s] = n
				}
			}
		}
		eachNode(p, func(s *plan.Scan) {
			w := waiting[s]
			if w == nil || s.Watermark == nil || s.Watermark.Idle > 0 || s.Source.Bounded() {
				return
			}
			p.report(s, "when a part of %s gives no rows, event time stands still and %s gives nothing", s.Table.Path.Object, w.Name()).
				WithHint("SET 'table.exec.source.idle-timeout' = '30 s', or 'scan.watermark.idle-timeout' on the table")
		})
	},
}
