package advise

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var normalizedSource = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "upsert-source-is-kept", Summary: "the whole table of an upsert source is kept in state",
		Cause: "the source gives the new row of a key and not the old one, and the query needs both, so the last row of every key is kept",
		Example: `CREATE TABLE users (id BIGINT, city STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'in', 'source.monitor-interval' = '1 s', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UA,D');
SELECT city, COUNT(*) FROM users GROUP BY city`,
		Better: `CREATE TABLE users (id BIGINT, city STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'in', 'source.monitor-interval' = '1 s', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UB,UA,D');
SELECT city, COUNT(*) FROM users GROUP BY city`,
		Fix: "a source that gives the row before an update (Debezium does) keeps nothing; else count on state of the size of the table",
	},
	check: func(p *pass) {
		eachNode(p, func(n *plan.ChangelogNormalize) {
			if n.TTL > 0 || !p.endless(n) {
				return
			}
			p.report(n, "the source gives updates without the old row, so the last row of each (%s) is kept for ever", columns(n.Schema, n.Keys)).
				WithHint("read it from a source that gives the old rows too, or count on state of the size of the table")
		})
	},
}
