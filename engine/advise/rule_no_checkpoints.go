package advise

import "github.com/minkstream/mink/engine/diag"

var noCheckpoints = &Rule{
	CodeInfo: diag.CodeInfo{
		Code: "no-checkpoints", Summary: "a sink that commits with checkpoints gets none",
		Cause: "an exactly-once sink makes what it wrote visible when a checkpoint is complete; the input never ends and there are no checkpoints, so nothing appears, and a restart begins anew",
		Example: orders + `CREATE TABLE archive (id BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
INSERT INTO archive SELECT id, ts FROM orders`,
		Better: "SET 'execution.checkpointing.interval' = '10 s';\n" + orders + `CREATE TABLE archive (id BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
INSERT INTO archive SELECT id, ts FROM orders`,
		Fix: "SET 'execution.checkpointing.interval' = '10 s'",
	},
	Warns: true,
	check: func(p *pass) {
		if p.Session.Config.Duration("execution.checkpointing.interval") > 0 {
			return
		}
		for _, s := range p.sinks() {
			switch s.Table.Options["connector"] {
			case "print", "blackhole":
				continue
			}
			if s.Sink.Grade() == "exactly-once" && p.endless(s) {
				p.report(s, "%s shows rows when a checkpoint is complete, and there are none", s.Table.Path.Object).WithHint("SET 'execution.checkpointing.interval' = '10 s'")
			}
		}
	},
}
