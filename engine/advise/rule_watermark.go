package advise

import (
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan"
)

var watermarkWithoutDelay = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "watermark-without-delay", Summary: "a watermark without delay makes every row late that is out of order",
		Cause: "WATERMARK FOR ts AS ts says that no row is ever older than one before it; a row that is, is dropped by windows and the like",
		Example: `CREATE TABLE clicks (page STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');
SELECT window_start, window_end, page, COUNT(*)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, page`,
		Better: `CREATE TABLE clicks (page STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'datagen');
SELECT window_start, window_end, page, COUNT(*)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, page`,
		Fix: "subtract how far out of order rows come: WATERMARK FOR ts AS ts - INTERVAL '5' SECOND; SELECT * FROM mink.late shows what was dropped",
	},
	check: func(p *pass) {
		eachTimed(p, func(s *plan.Scan, w plan.Node) {
			if r, ok := s.Watermark.Expr.(*expr.InputRef); !ok || len(r.Path) > 0 || s.Source.Bounded() {
				return
			}
			p.report(s, "%s has a watermark without delay, so %s drops every row that is older than one before it", s.Table.Path.Object, w.Name()).
				WithHint("WATERMARK FOR %s AS %s - INTERVAL '5' SECOND", s.Watermark.Column, s.Watermark.Column)
		})
	},
}

var watermarkBelowLateness = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "watermark-delay-below-lateness", Summary: "rows of this table were later than its watermark allows",
		Cause: "an earlier job of this session dropped rows of the table; mink.late has them with how late they were",
		Fix:   "subtract more in WATERMARK FOR, at least the lateness seen; or send late rows elsewhere, see SELECT * FROM mink.late",
	},
	check: func(p *pass) {
		if p.Late == nil {
			return
		}
		eachTimed(p, func(s *plan.Scan, _ plan.Node) {
			rows, most := p.Late(s.Table.Path)
			if rows == 0 {
				return
			}
			p.report(s, "%d rows of %s came late before, by up to %s", rows, s.Table.Path.Object, time.Duration(most)*time.Millisecond).
				WithHint("a watermark that waits %s longer takes them: see SELECT * FROM mink.late", time.Duration(most+1)*time.Millisecond)
		})
	},
}

// eachTimed calls f for scans with a watermark that something above them waits for or
// drops rows by.
func eachTimed(p *pass, f func(s *plan.Scan, by plan.Node)) {
	if p.Plan.Batch {
		return
	}
	eachNode(p, func(s *plan.Scan) {
		if s.Watermark == nil {
			return
		}
		for _, n := range p.Plan.Nodes {
			if !waits(n) {
				continue
			}
			for _, k := range scans(n) {
				if k == s {
					f(s, n)
					return
				}
			}
		}
	})
}
