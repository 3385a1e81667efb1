package advise

import (
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

var primaryKey = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "primary-key-not-upsert-key", Summary: "the primary key of a sink is not the key of the query's changes",
		Cause: "rows of several keys of the query share one key of the sink, so the sink needs all of them in state to know which one holds, and which is last depends on the order they come in",
		Example: orders + `CREATE TABLE totals (n BIGINT, sku STRING, PRIMARY KEY (n) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UA,D');
INSERT INTO totals SELECT COUNT(*), sku FROM orders GROUP BY sku ON CONFLICT DO DEDUPLICATE`,
		Better: orders + `CREATE TABLE totals (n BIGINT, sku STRING, PRIMARY KEY (sku) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = 'I,UA,D');
INSERT INTO totals SELECT COUNT(*), sku FROM orders GROUP BY sku`,
		Fix: "declare the key of the query as PRIMARY KEY of the sink",
	},
	check: func(p *pass) {
		if p.Plan.Batch {
			return
		}
		for _, s := range p.sinks() {
			upsert := s.Target&connect.HasUpdateAfter != 0 && s.Target&connect.HasUpdateBefore == 0
			in := s.In
			if m, ok := in.(*plan.SinkMaterializer); ok {
				in = m.In
			}
			t := plan.Below(in).Info()
			if !upsert || t.AppendOnly() || s.Table.Options["connector"] == "blackhole" ||
				slices.ContainsFunc(t.UpsertKeys, func(k []int) bool { return has(s.PrimaryKey, k...) }) {
				continue
			}
			key := "no key"
			if k := shortestKey(t.UpsertKeys); k != nil {
				key = "the key (" + columns(t.Schema, k) + ")"
			}
			e := p.report(s, "%s has the primary key (%s), and the changes of the query have %s", s.Table.Path.Object, columns(t.Schema, s.PrimaryKey), key)
			if k := shortestKey(t.UpsertKeys); k != nil {
				e.WithHint("PRIMARY KEY (%s) NOT ENFORCED", columns(t.Schema, k))
			} else {
				e.WithHint("give the query a key, such as by GROUP BY (%s)", columns(t.Schema, s.PrimaryKey))
			}
		}
	},
}
