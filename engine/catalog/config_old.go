package catalog

// namesBefore are the names that keys had in earlier versions of Flink, which still
// reads them where the new name is not set, the first one first.
var namesBefore = map[string][]string{
	"execution.buffer-timeout.interval":                 {"execution.buffer-timeout"},
	"execution.checkpointing.dir":                       {"state.checkpoints.dir", "state.backend.fs.checkpointdir"},
	"execution.checkpointing.incremental":               {"state.backend.incremental"},
	"execution.checkpointing.num-retained":              {"state.checkpoints.num-retained"},
	"execution.checkpointing.savepoint-dir":             {"state.savepoints.dir", "savepoints.state.backend.fs.dir"},
	"execution.checkpointing.unaligned.enabled":         {"execution.checkpointing.unaligned"},
	"execution.state-recovery.claim-mode":               {"execution.savepoint-restore-mode"},
	"execution.state-recovery.ignore-unclaimed-state":   {"execution.savepoint.ignore-unclaimed-state"},
	"execution.state-recovery.path":                     {"execution.savepoint.path"},
	"pipeline.operator-chaining.enabled":                {"pipeline.operator-chaining"},
	"restart-strategy.type":                             {"restart-strategy"},
	"state.backend.type":                                {"state.backend"},
	"table.exec.async-scalar.max-concurrent-operations": {"table.exec.async-scalar.buffer-capacity"},
}

// oldNames are the keys by their old names.
var oldNames = func() map[string]string {
	out := map[string]string{}
	for key, names := range namesBefore {
		for _, n := range names {
			out[n] = key
		}
	}
	return out
}()
