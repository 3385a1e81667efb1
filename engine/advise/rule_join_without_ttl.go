package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var joinWithoutTTL = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "unbounded-join-without-ttl", Summary: "a join keeps all rows of an endless input for ever",
		Cause: "any row may still find a match, so both inputs are kept whole; memory and checkpoints grow with every row",
		Example: orders + `CREATE TABLE payments (id BIGINT, paid DOUBLE) WITH ('connector' = 'datagen');
SELECT o.id, paid FROM orders AS o JOIN payments AS p ON o.id = p.id`,
		Better: orders + `CREATE TABLE payments (id BIGINT, paid DOUBLE) WITH ('connector' = 'datagen');
SELECT /*+ STATE_TTL('o' = '1d', 'p' = '1d') */ o.id, paid FROM orders AS o JOIN payments AS p ON o.id = p.id`,
		Fix: "bound the time between the rows in ON, which makes it an interval join, or set a TTL: the hint STATE_TTL, or 'table.exec.state.ttl'",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.MultiJoin) {
			kept := 0
			for i, in := range n.Ins {
				if n.TTL[i] == 0 && p.endless(in) {
					kept++
				}
			}
			if kept > 0 {
				p.report(n, "all rows of %d of %d inputs are kept for ever, since any may still find a match", kept, len(n.Ins)).
					WithHint("SELECT /*+ STATE_TTL('a' = '1d', 'b' = '1d', 'c' = '1d') */")
			}
		})
		eachNode(p, func(n *plan.Join) {
			left := n.LeftSide.TTL == 0 && n.PruneLeft == nil && p.endless(n.Left)
			right := n.RightSide.TTL == 0 && n.PruneRight == nil && p.endless(n.Right)
			side := "both sides"
			switch {
			case !left && !right:
				return
			case !right:
				side = "the left side"
			case !left:
				side = "the right side"
			}
			p.report(n, "all rows of %s are kept for ever, since any may still find a match", side).
				WithHint("AND l.ts BETWEEN r.ts - INTERVAL '1' HOUR AND r.ts in ON, or SELECT /*+ STATE_TTL('l' = '1d', 'r' = '1d') */")
		})
	},
}
