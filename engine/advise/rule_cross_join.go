package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var crossJoin = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "cross-join", Summary: "a join without equality compares every row with every row",
		Cause: "ON has no column of one side equal to one of the other, so all rows meet in one subtask, whatever the parallelism",
		Example: `CREATE TABLE a (x INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
CREATE TABLE b (y INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
SELECT x, y FROM a, b WHERE x < y`,
		Better: `CREATE TABLE a (x INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
CREATE TABLE b (y INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
SELECT x, y FROM a, b WHERE x = y`,
		Fix: "add an equality between the two sides to ON or WHERE",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.Join) {
			if len(n.LeftKeys) > 0 || single(n.Left) || single(n.Right) {
				return
			}
			p.report(n, "every row of one side meets every row of the other, all in one subtask").
				WithHint("join ON an equality, a.k = b.k")
		})
	},
}

// single reports that a node has at most one row, such as an aggregate without keys.
func single(n plan.Node) bool {
	for _, k := range n.Info().UpsertKeys {
		if len(k) == 0 {
			return true
		}
	}
	return false
}
