package advise

import "github.com/minkstream/mink/engine/diag"

var nonDeterministicUpdate = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: diag.NonDeterministicUpdate, Summary: "an update may not find the row it takes back",
		Cause: "a value that is computed anew for a retraction, by CURRENT_TIMESTAMP, RAND, UUID or a lookup, may differ from the one that was given out, and the old row then stays for ever",
		Example: `CREATE TABLE changes (id BIGINT, v INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UB,UA,D');
SELECT v, UUID() AS token FROM changes`,
		Better: `CREATE TABLE changes (id BIGINT, v INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UB,UA,D');
SELECT v, id AS token FROM changes`,
		Fix: "compute it before the updating part of the query, or give the stream an upsert key",
	},
	Warns: true,
	check: func(p *pass) {
		for _, w := range p.Plan.Warnings {
			if w.Code != diag.NonDeterministicUpdate {
				continue
			}
			e := p.reportAt(nil, w.Span, "%s", w.Msg)
			e.Hint, e.Notes = w.Hint, w.Notes
		}
	},
}
