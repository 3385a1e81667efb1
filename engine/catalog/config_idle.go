package catalog

import "github.com/minkstream/mink/engine/connect"

// Idle says why a known setting has no effect; "" for one that has.
func Idle(name string) string { return idle[name] }

// Reasons that several settings share.
const (
	whyResults   = "mink chooses by itself, and the choice does not change results"
	whyGenerated = "there is no generated code"
	whyBatch     = "batch operators use the memory of the job and spill by 'state.memory'"
	whyBroadcast = "joins in batch are hash joins dealt by key, whatever the size of a side"
	whyDelta     = "delta joins need a source with an index, and no connector has one"
	whyAsync     = "user functions run in the step that calls them, in batches"
	whyJVM       = "there is no JVM to load classes"
	whyClient    = "'--output' says how results are shown"
	whyMore      = "results do not depend on it"
)

// idle are the settings of Flink's that are taken and have no effect, each with its
// reason. One that begins to have an effect leaves this list.
var idle = map[string]string{
	"execution.attached": "'table.dml-sync' says whether INSERT is waited for",
	"execution.checkpointing.max-concurrent-checkpoints":                  "one checkpoint is under way at a time",
	"execution.checkpointing.mode":                                        "checkpoints are always exactly once",
	"execution.target":                                                    "jobs run where the session is",
	"pipeline.operator-chaining.enabled":                                  "operators without an exchange between them always share a task",
	"python.client.executable":                                            "'python.executable' is used",
	"python.execution-mode":                                               "functions run in processes of their own",
	"python.fn-execution.bundle.time":                                     "a call waits for its rows alone",
	"python.metric.enabled":                                               "metrics of a function are counted for itself alone",
	"sql-client.display.print-time-cost":                                  whyClient,
	"sql-client.execution.max-table-result.rows":                          whyClient,
	"sql-client.execution.result-mode":                                    whyClient,
	"sql-client.verbose":                                                  whyClient,
	"state.backend.type":                                                  "state is in memory up to 'state.memory', and beyond it on disk",
	"table.exec.resource.external-buffer-memory":                          whyBatch,
	"table.exec.resource.hash-agg.memory":                                 whyBatch,
	"table.exec.resource.hash-join.memory":                                whyBatch,
	"table.exec.resource.sort.memory":                                     whyBatch,
	"table.generated-code.max-members":                                    whyGenerated,
	"table.sql-dialect":                                                   "there is one dialect",
	"execution.batch-shuffle-mode":                                        "batch jobs pass rows on as they come",
	"execution.checkpointing.incremental":                                 "checkpoints are always incremental",
	"execution.checkpointing.unaligned.enabled":                           "checkpoints are aligned; small queues keep them fast",
	"pipeline.classpaths":                                                 whyJVM,
	"pipeline.jars":                                                       whyJVM,
	"pipeline.jobvertex-parallelism-overrides":                            "'parallelism.default', 'scan.parallelism' and 'sink.parallelism' say it",
	"pipeline.watermark-alignment.allow-unaligned-source-splits":          "splits are always aligned one by one",
	"table.builtin-catalog-name":                                          "the first catalog has its name before a session begins",
	"table.builtin-database-name":                                         "the first database has its name before a session begins",
	"table.catalog-modification.listeners":                                whyJVM,
	"table.exec.async-scalar.max-attempts":                                whyAsync,
	"table.exec.async-scalar.retry-delay":                                 whyAsync,
	"table.exec.async-scalar.retry-strategy":                              whyAsync,
	"table.exec.async-scalar.timeout":                                     whyAsync,
	"table.exec.async-state.enabled":                                      "state is looked up a batch at a time",
	"table.exec.async-table.max-concurrent-operations":                    whyAsync,
	"table.exec.async-table.max-retries":                                  whyAsync,
	"table.exec.async-table.retry-delay":                                  whyAsync,
	"table.exec.async-table.retry-strategy":                               whyAsync,
	"table.exec.async-table.timeout":                                      whyAsync,
	"table.exec.async-vector-search.max-concurrent-operations":            "vectors are searched at once, in memory",
	"table.exec.async-vector-search.output-mode":                          "vectors are searched at once, in memory",
	"table.exec.async-vector-search.timeout":                              "vectors are searched at once, in memory",
	"table.exec.delta-join.cache-enabled":                                 whyDelta,
	"table.exec.delta-join.left.cache-size":                               whyDelta,
	"table.exec.delta-join.right.cache-size":                              whyDelta,
	"table.exec.disabled-operators":                                       whyResults,
	"table.exec.local-hash-agg.adaptive.distinct-value-rate-threshold":    whyResults,
	"table.exec.local-hash-agg.adaptive.enabled":                          whyResults,
	"table.exec.local-hash-agg.adaptive.sampling-threshold":               whyResults,
	"table.exec.operator-fusion-codegen.enabled":                          whyGenerated,
	"table.exec.rank.topn-cache-size":                                     "a Top-N behaves as if its cache had room for all keys; its rows are in memory up to 'state.memory'",
	"table.exec.simplify-operator-name-enabled":                           "names are short",
	"table.exec.sink.rowtime-inserter":                                    "a sink sees the columns of its table only",
	"table.exec.sink.upsert-materialize-strategy.type":                    "there is one way to keep the rows of a key",
	"table.exec.sink.upsert-materialize-strategy.adaptive.threshold.high": "there is one way to keep the rows of a key",
	"table.exec.sink.upsert-materialize-strategy.adaptive.threshold.low":  "there is one way to keep the rows of a key",
	"table.exec.sort.async-merge-enabled":                                 whyBatch,
	"table.exec.sort.max-num-file-handles":                                whyBatch,
	"table.exec.spill-compression.block-size":                             whyBatch,
	"table.exec.spill-compression.enabled":                                whyBatch,
	"table.exec.uid.format":                                               "the state of an operator is named by its place in the plan",
	"table.exec.uid.generation":                                           "the state of an operator is named by its place in the plan",
	"table.exec.unbounded-over.version":                                   "there is one version",
	"table.exec.window-agg.buffer-size-limit":                             whyBatch,
	"table.generated-code.max-length":                                     whyGenerated,
	"table.optimizer.adaptive-broadcast-join.strategy":                    whyBroadcast,
	"table.optimizer.distinct-agg.split.bucket-num":                       "a distinct aggregate in two phases spreads a frequent key already",
	"table.optimizer.distinct-agg.split.enabled":                          "a distinct aggregate in two phases spreads a frequent key already",
	"table.optimizer.reuse-sink-enabled":                                  "inserts into one table have a writer each",
	"pipeline.object-reuse":                                               "batches are always handed on without a copy",
	"table.optimizer.dynamic-filtering.enabled":                           whyMore,
	"table.optimizer.incremental-agg-enabled":                             whyMore,
	"table.optimizer.join.broadcast-threshold":                            whyBroadcast,
	"table.optimizer.multiple-input-enabled":                              whyMore,
	"table.optimizer.reuse-optimize-block-with-digest-enabled":            whyMore,
	"table.optimizer.runtime-filter.enabled":                              whyMore,
	"table.optimizer.runtime-filter.max-build-data-size":                  whyMore,
	"table.optimizer.runtime-filter.min-filter-ratio":                     whyMore,
	"table.optimizer.runtime-filter.min-probe-data-size":                  whyMore,
	"table.optimizer.skewed-join-optimization.skewed-factor":              whyBroadcast,
	"table.optimizer.skewed-join-optimization.skewed-threshold":           whyBroadcast,
	"table.optimizer.skewed-join-optimization.strategy":                   whyBroadcast,
	"table.optimizer.source.report-statistics-enabled":                    "plans do not depend on statistics",
	"table.optimizer.sql2rel.project-merge.enabled":                       whyMore,
	"table.optimizer.union-all-as-breakpoint-enabled":                     whyMore,
	"table.resources.download-dir":                                        whyJVM,
	"workflow-scheduler.type":                                             "refreshes are run by REFRESH, or by what calls it",
}

// idleKeys are the settings of idle that are not in the list of those with an effect.
func idleKeys() []Key {
	k := func(name string, t connect.OptionType, def string, values ...string) Key {
		return Key{Name: name, Type: t, Default: def, Values: values}
	}
	var out []Key
	out = append(out, k("table.exec.async-table.max-concurrent-operations", connect.Int, "10"))
	for _, p := range []string{"async-scalar", "async-table"} {
		last := map[string]string{"async-scalar": "max-attempts", "async-table": "max-retries"}[p]
		out = append(out, k("table.exec."+p+".timeout", connect.Duration, "3 min"),
			k("table.exec."+p+".retry-strategy", connect.Enum, "FIXED_DELAY", "FIXED_DELAY", "NO_RETRY"), k("table.exec."+p+".retry-delay", connect.Duration, "100 ms"),
			k("table.exec."+p+"."+last, connect.Int, "3"))
	}
	return append(out,
		k("table.exec.async-vector-search.max-concurrent-operations", connect.Int, "10"), k("table.exec.async-vector-search.timeout", connect.Duration, "3 min"),
		k("table.exec.async-vector-search.output-mode", connect.Enum, "ORDERED", "ORDERED", "ALLOW_UNORDERED"),
		k("table.exec.resource.external-buffer-memory", connect.Size, "10 mb"), k("table.exec.resource.hash-agg.memory", connect.Size, "128 mb"),
		k("table.exec.resource.hash-join.memory", connect.Size, "128 mb"), k("table.exec.resource.sort.memory", connect.Size, "128 mb"), k("table.generated-code.max-members", connect.Int, "10000"),
		k("execution.batch-shuffle-mode", connect.String, "ALL_EXCHANGES_BLOCKING"),
		k("pipeline.classpaths", connect.List, ""), k("pipeline.jars", connect.List, ""),
		k("pipeline.jobvertex-parallelism-overrides", connect.String, ""), k("pipeline.watermark-alignment.allow-unaligned-source-splits", connect.Bool, "false"),
		k("table.builtin-catalog-name", connect.String, DefaultCatalog), k("table.builtin-database-name", connect.String, DefaultDatabase),
		k("table.catalog-modification.listeners", connect.List, ""), k("table.exec.async-state.enabled", connect.Bool, "false"),
		k("table.exec.delta-join.cache-enabled", connect.Bool, "true"), k("table.exec.delta-join.left.cache-size", connect.Int, "10000"), k("table.exec.delta-join.right.cache-size", connect.Int, "10000"),
		k("table.exec.disabled-operators", connect.String, ""), k("table.exec.local-hash-agg.adaptive.enabled", connect.Bool, "true"),
		k("table.exec.local-hash-agg.adaptive.sampling-threshold", connect.Int, "500000"), k("table.exec.local-hash-agg.adaptive.distinct-value-rate-threshold", connect.Float, "0.5"),
		k("table.exec.operator-fusion-codegen.enabled", connect.Bool, "false"),
		k("table.exec.sink.upsert-materialize-strategy.adaptive.threshold.high", connect.Int, ""), k("table.exec.sink.upsert-materialize-strategy.adaptive.threshold.low", connect.Int, ""),
		k("table.exec.sort.async-merge-enabled", connect.Bool, "true"), k("table.exec.sort.max-num-file-handles", connect.Int, "128"),
		k("table.exec.spill-compression.block-size", connect.Size, "64 kb"), k("table.exec.spill-compression.enabled", connect.Bool, "true"),
		k("table.exec.uid.format", connect.String, "<id>_<transformation>"), k("table.exec.window-agg.buffer-size-limit", connect.Int, "100000"),
		k("table.generated-code.max-length", connect.Int, "4000"), k("table.optimizer.adaptive-broadcast-join.strategy", connect.Enum, "AUTO", "AUTO", "FORCED", "NONE"),
		k("table.optimizer.dynamic-filtering.enabled", connect.Bool, "true"), k("table.optimizer.join.broadcast-threshold", connect.Int, "1048576"),
		k("table.optimizer.multiple-input-enabled", connect.Bool, "true"), k("table.optimizer.reuse-optimize-block-with-digest-enabled", connect.Bool, "false"),
		k("table.optimizer.runtime-filter.enabled", connect.Bool, "false"), k("table.optimizer.runtime-filter.max-build-data-size", connect.Size, "150 mb"),
		k("table.optimizer.runtime-filter.min-filter-ratio", connect.Float, "0.5"), k("table.optimizer.runtime-filter.min-probe-data-size", connect.Size, "10 gb"),
		k("table.optimizer.skewed-join-optimization.skewed-factor", connect.Float, "4.0"), k("table.optimizer.skewed-join-optimization.skewed-threshold", connect.Size, "256 mb"),
		k("table.optimizer.skewed-join-optimization.strategy", connect.Enum, "AUTO", "AUTO", "FORCED", "NONE"),
		k("table.optimizer.source.report-statistics-enabled", connect.Bool, "true"), k("table.optimizer.sql2rel.project-merge.enabled", connect.Bool, "false"),
		k("table.optimizer.union-all-as-breakpoint-enabled", connect.Bool, "true"), k("table.resources.download-dir", connect.String, "/tmp"), k("workflow-scheduler.type", connect.String, ""),
	)
}
