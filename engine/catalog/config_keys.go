package catalog

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Key is a setting that mink knows.
type Key struct {
	Name    string
	Type    connect.OptionType
	Default string
	Values  []string // of an Enum, in capitals
	Doc     string
}

// Keys lists the known settings in order of name.
func Keys() []Key { return slices.Clone(keys) }

// FindKey returns the known setting of that name, or nil.
func FindKey(name string) *Key {
	i, ok := slices.BinarySearchFunc(keys, name, func(k Key, n string) int { return strings.Compare(k.Name, n) })
	if !ok {
		return nil
	}
	return &keys[i]
}

// KeyNames lists the names of the known settings in order.
func KeyNames() []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.Name
	}
	return out
}

func (k *Key) check(value string) error {
	if k.Name == "table.local-time-zone" {
		if !strings.EqualFold(value, "default") {
			if _, ok := ParseZone(value); !ok {
				return diag.New(diag.InvalidOption, "setting '%s' takes a time zone such as 'Europe/Berlin', 'UTC' or 'GMT+03:00', not '%s'", k.Name, value)
			}
		}
		return nil
	}
	if k.Name == "table.column-expansion-strategy" {
		for _, v := range strings.FieldsFunc(value, func(r rune) bool { return r == ';' || r == ' ' }) {
			if up := strings.ToUpper(v); up != "EXCLUDE_DEFAULT_VIRTUAL_METADATA_COLUMNS" && up != "EXCLUDE_ALIASED_VIRTUAL_METADATA_COLUMNS" {
				return diag.New(diag.InvalidOption, "setting '%s' takes EXCLUDE_DEFAULT_VIRTUAL_METADATA_COLUMNS and EXCLUDE_ALIASED_VIRTUAL_METADATA_COLUMNS, not '%s'", k.Name, v)
			}
		}
		return nil
	}
	return connect.CheckValue(connect.Option{Key: k.Name, Type: k.Type, Values: k.Values}, k.Name, value)
}

var keys = sortKeys(append(idleKeys(), []Key{
	{"execution.runtime-mode", connect.Enum, "STREAMING", []string{"STREAMING", "BATCH"}, "Whether queries run over bounded input as a batch."},
	{"execution.attached", connect.Bool, "false", nil, "Wait for jobs on submission."},
	{"execution.buffer-timeout.interval", connect.Duration, "100 ms", nil, "After how long a buffer that is not full is sent, while rows come."},
	{"execution.buffer-timeout.enabled", connect.Bool, "true", nil, "Whether buffers are sent before they are full while rows come; at a pause they are sent in any case."},
	{"execution.target", connect.String, "local", nil, "Where jobs run."},
	{"execution.checkpointing.interval", connect.Duration, "", nil, "Time between checkpoints; none means that there are none."},
	{"execution.checkpointing.mode", connect.Enum, "EXACTLY_ONCE", []string{"EXACTLY_ONCE", "AT_LEAST_ONCE"}, "What a checkpoint promises."},
	{"execution.checkpointing.timeout", connect.Duration, "10 min", nil, "How long a checkpoint may take."},
	{"execution.checkpointing.min-pause", connect.Duration, "0 ms", nil, "Least time between two checkpoints."},
	{"execution.checkpointing.max-concurrent-checkpoints", connect.Int, "1", nil, "How many checkpoints may be under way."},
	{"execution.checkpointing.tolerable-failed-checkpoints", connect.Int, "3", nil, "How many checkpoints in a row may fail."},
	{"execution.checkpointing.num-retained", connect.Int, "1", nil, "How many checkpoints are kept."},
	{"execution.checkpointing.dir", connect.String, "", nil, "Where checkpoints are kept: a directory, or s3://bucket/path."},
	{"s3.access-key", connect.String, "", nil, "Key of the object store under s3://; AWS_ACCESS_KEY_ID of the environment where it is not set."},
	{"s3.endpoint", connect.String, "", nil, "Address of the object store under s3://, such as http://localhost:9000; AWS_ENDPOINT_URL of the environment, or Amazon's, where it is not set."},
	{"s3.path.style.access", connect.Bool, "", nil, "Whether the bucket stands in the path of requests, as most stores but Amazon's want it, or in the host's name; by default that follows from the address."},
	{"s3.region", connect.String, "", nil, "Region of the buckets under s3://; AWS_REGION of the environment where it is not set."},
	{"s3.secret-key", connect.String, "", nil, "Secret of the object store under s3://; AWS_SECRET_ACCESS_KEY of the environment where it is not set."},
	{"s3.session-token", connect.String, "", nil, "Token of a session with the object store under s3://."},
	{"execution.checkpointing.savepoint-dir", connect.String, "", nil, "Where savepoints are kept."},
	{"execution.checkpointing.externalized-checkpoint-retention", connect.Enum, "NO_EXTERNALIZED_CHECKPOINTS",
		[]string{"NO_EXTERNALIZED_CHECKPOINTS", "RETAIN_ON_CANCELLATION", "DELETE_ON_CANCELLATION"}, "What happens to checkpoints of a job that was cancelled, and with NO_EXTERNALIZED_CHECKPOINTS, if that was set, also of one that failed. Unset keeps them."},
	{"execution.checkpointing.unaligned.enabled", connect.Bool, "false", nil, "Taken, without effect: checkpoints are aligned."},
	{"execution.checkpointing.incremental", connect.Bool, "false", nil, "Taken, without effect: checkpoints are incremental."},
	{"execution.state-recovery.path", connect.String, "", nil, "Snapshot that the next jobs start from."},
	{"execution.state-recovery.claim-mode", connect.Enum, "NO_CLAIM", []string{"NO_CLAIM", "CLAIM", "LEGACY"}, "Whether a snapshot that a job starts from becomes the job's (CLAIM), which removes it once it has enough checkpoints of its own, or stays as it is."},
	{"execution.state-recovery.ignore-unclaimed-state", connect.Bool, "false", nil, "Start although state of the snapshot has no operator."},
	{"parallelism.default", connect.Int, "1", nil, "Parallelism of jobs."},
	{"mink.script.dir", connect.String, "", nil, "Folder of the script, where the modules and files of user functions are looked up first."},
	{"mink.tape.ring.size", connect.String, "64 mb", nil, "Most bytes of the tape that is kept in memory in case a job fails: older parts are dropped where a checkpoint allows it. 0 keeps none."},
	{"mink.tape.ring.time", connect.Duration, "10 min", nil, "How much of a run that tape has at least, where it fits: older parts are dropped; 0 ms keeps all that fits."},
	{"mink.tape.ring.embed", connect.Bool, "false", nil, "Whether that tape of a job of `mink up` has the rows of all sources, so that nothing is read again to look at the job."},
	{"mink.tape.keep", connect.Enum, "FAILURE", []string{"FAILURE", "ALWAYS", "NEVER"}, "When that tape is written to disk: when a job has failed, at the end of every run, or never."},
	{"mink.tape.dir", connect.String, "", nil, "Folder that it is written to; none is tapes in the folder of the local cluster, .mink."},
	{"mink.udf.timeout", connect.Duration, "60 s", nil, "How long a user function in another process may take for a batch; 0 has no limit."},
	{"mink.udf.arrow", connect.Bool, "true", nil, "Whether columns go to Python as Arrow where pyarrow is there."},
	{"table.exec.async-scalar.max-concurrent-operations", connect.Int, "10", nil, "How many calls of an asynchronous function in Python are under way at once."},
	{"python.executable", connect.String, "python3", nil, "The Python that runs user functions."},
	{"python.client.executable", connect.String, "", nil, "Taken, without effect: python.executable is used."},
	{"python.files", connect.String, "", nil, "Folders, .py files and archives (.zip, .whl, .egg), separated by commas, where modules of user functions are looked up."},
	{"python.pythonpath", connect.String, "", nil, "Further folders where modules are looked up."},
	{"python.fn-execution.bundle.size", connect.Int, "100000", nil, "Most rows that a worker is given at once."},
	{"python.fn-execution.bundle.time", connect.Int, "1000", nil, "Taken, without effect: a call waits for its rows alone."},
	{"python.fn-execution.arrow.batch.size", connect.Int, "10000", nil, "Most rows of the Series that a function with func_type='pandas' is given."},
	{"python.archives", connect.String, "", nil, "Archives that are unpacked where functions run, FILE#FOLDER, separated by commas."},
	{"python.requirements", connect.String, "", nil, "A requirements.txt whose packages the Python must have; nothing is installed."},
	{"python.metric.enabled", connect.Bool, "true", nil, ""},
	{"python.execution-mode", connect.String, "process", nil, "Taken, without effect: functions run in processes of their own."},
	{"pipeline.global-job-parameters", connect.String, "", nil, "Values that functions in Python may ask for: 'key:value,key:value'."},
	{"pipeline.name", connect.String, "", nil, "Name of the next jobs."},
	{"pipeline.max-parallelism", connect.Int, "-1", nil, "Number of key groups."},
	{"pipeline.auto-watermark-interval", connect.Duration, "200 ms", nil, "How often watermarks are sent with the periodic strategy."},
	{"pipeline.operator-chaining.enabled", connect.Bool, "true", nil, "Whether operators share tasks."},
	{"pipeline.object-reuse", connect.Bool, "false", nil, "Taken, without effect."},
	{"restart-strategy.type", connect.Enum, "EXPONENTIAL-DELAY", []string{"NONE", "OFF", "DISABLE", "FIXED-DELAY", "FAILURE-RATE", "EXPONENTIAL-DELAY",
		"FIXEDDELAY", "FAILURERATE", "EXPONENTIALDELAY"}, "What happens when a job fails."},
	{"restart-strategy.fixed-delay.attempts", connect.Int, "1", nil, "How often a job is restarted."},
	{"restart-strategy.fixed-delay.delay", connect.Duration, "1 s", nil, "Time before a restart."},
	{"restart-strategy.failure-rate.max-failures-per-interval", connect.Int, "1", nil, "Failures an interval may have."},
	{"restart-strategy.failure-rate.failure-rate-interval", connect.Duration, "1 min", nil, "The interval."},
	{"restart-strategy.failure-rate.delay", connect.Duration, "1 s", nil, "Time before a restart."},
	{"restart-strategy.exponential-delay.initial-backoff", connect.Duration, "100 ms", nil, "Time before the first restart."},
	{"restart-strategy.exponential-delay.max-backoff", connect.Duration, "10 s", nil, "Longest time before a restart."},
	{"restart-strategy.exponential-delay.backoff-multiplier", connect.Float, "2.0", nil, "Growth of that time."},
	{"restart-strategy.exponential-delay.reset-backoff-threshold", connect.Duration, "1 h", nil, "Time without failure that resets it."},
	{"restart-strategy.exponential-delay.jitter-factor", connect.Float, "0.1", nil, "Random part of it."},
	{"restart-strategy.exponential-delay.attempts-before-reset-backoff", connect.String, "infinite", nil, "How often a job is restarted before it fails; failures before a reset of the back-off do not count."},
	{"traces.reporters", connect.String, "", nil, "Which of the reporters traces.reporter.NAME.* get spans of checkpoints and jobs, separated by commas; all of them where it is not set. Each sends to exporter.endpoint, in exporter.protocol, within exporter.timeout."},
	{"state.backend.type", connect.Enum, "HASHMAP", []string{"HASHMAP", "ROCKSDB", "FORST", "PEBBLE"}, "Where state is kept."},
	{"state.memory", connect.Size, "", nil, "Memory for the keyed state of a job; what is more goes to disk. None is a quarter of the machine's."},
	{"sql-client.execution.result-mode", connect.Enum, "TABLE", []string{"TABLE", "CHANGELOG", "TABLEAU"}, "How results are shown."},
	{"sql-client.execution.max-table-result.rows", connect.Int, "1000000", nil, "How many rows a shown table has."},
	{"sql-client.verbose", connect.Bool, "false", nil, "Whether errors are shown with their causes."},
	{"sql-client.display.print-time-cost", connect.Bool, "true", nil, "Whether the time of a query is shown."},
	{"table.local-time-zone", connect.String, "default", nil, "Session time zone."},
	{"table.sql-dialect", connect.Enum, "DEFAULT", []string{"DEFAULT"}, "Dialect of SQL."},
	{"table.dml-sync", connect.Bool, "false", nil, "Wait for INSERT to end."},
	{"table.display.max-column-width", connect.Int, "30", nil, "Width of shown columns."},
	{"table.dynamic-table-options.enabled", connect.Bool, "true", nil, "Whether OPTIONS hints are taken."},
	{"table.column-expansion-strategy", connect.List, "", nil, "Columns that SELECT * leaves out, separated by ';': EXCLUDE_DEFAULT_VIRTUAL_METADATA_COLUMNS, EXCLUDE_ALIASED_VIRTUAL_METADATA_COLUMNS."},
	{"table.plan.compile.catalog-objects", connect.Enum, "ALL", []string{"ALL", "SCHEMA", "IDENTIFIER"}, "What COMPILE PLAN keeps of tables: all, the columns, or the name."},
	{"table.plan.restore.catalog-objects", connect.Enum, "ALL", []string{"ALL", "ALL_ENFORCED", "IDENTIFIER"}, "Where EXECUTE PLAN takes tables from: the plan with options of the catalog, the plan, or the catalog."},
	{"materialized-table.default-freshness.continuous", connect.Duration, "3 min", nil, "Freshness of a materialized table that says CONTINUOUS and none."},
	{"materialized-table.default-freshness.full", connect.Duration, "1 h", nil, "Freshness of a materialized table that says FULL and none."},
	{"materialized-table.refresh-mode.freshness-threshold", connect.Duration, "30 min", nil, "From which freshness on a materialized table that does not say is refreshed in full."},
	{"materialized-table.default-start-mode", connect.Enum, "FROM_BEGINNING", []string{"FROM_BEGINNING", "FROM_NOW", "RESUME_OR_FROM_BEGINNING", "RESUME_OR_FROM_NOW"}, "START_MODE of a materialized table that says none."},
	{"table.materialized-table.conversion-from-table.enabled", connect.Bool, "false", nil, "Whether CREATE OR ALTER MATERIALIZED TABLE makes a materialized table of a table that is there."},
	{"table.plan.force-recompile", connect.Bool, "false", nil, "Whether COMPILE PLAN overwrites."},
	{"table.exec.state.ttl", connect.Duration, "0 ms", nil, "How long untouched state is kept; 0 is for ever."},
	{"table.exec.source.idle-timeout", connect.Duration, "0 ms", nil, "After how long without rows a source is idle; 0 never."},
	{"table.exec.source.cdc-events-duplicate", connect.Bool, "false", nil, "Whether sources may repeat changes."},
	{"table.exec.mini-batch.enabled", connect.Bool, "false", nil, "Whether aggregations, deduplications and regular joins bundle rows, and tell one change of a key for a bundle, where changes are shown."},
	{"table.exec.mini-batch.allow-latency", connect.Duration, "0 ms", nil, "At which multiples of time a bundle ends."},
	{"table.exec.mini-batch.size", connect.Int, "-1", nil, "How many rows of a subtask are bundled, at most 32768."},
	{"table.exec.resource.default-parallelism", connect.Int, "-1", nil, "Parallelism of operators; -1 takes parallelism.default."},
	{"table.exec.sink.not-null-enforcer", connect.Enum, "ERROR", []string{"ERROR", "DROP"}, "What happens to NULL in a NOT NULL column of a sink."},
	{"table.exec.sink.type-length-enforcer", connect.Enum, "IGNORE", []string{"IGNORE", "TRIM_PAD", "ERROR"}, "Whether lengths of CHAR and BINARY are enforced."},
	{"table.exec.sink.nested-constraint-enforcer", connect.Enum, "IGNORE", []string{"IGNORE", "ROWS", "ROWS_AND_COLLECTIONS"}, "Whether constraints inside rows are enforced."},
	{"table.exec.sink.keyed-shuffle", connect.Enum, "AUTO", []string{"AUTO", "NONE", "FORCE"}, "Whether rows are dealt to sinks by primary key."},
	{"table.exec.sink.rowtime-inserter", connect.Enum, "ENABLED", []string{"ENABLED", "DISABLED"}, "Taken, without effect."},
	{"table.exec.sink.upsert-materialize", connect.Enum, "AUTO", []string{"AUTO", "NONE", "FORCE"}, "Whether changes are put into order before a sink."},
	{"table.exec.sink.upsert-materialize-strategy.type", connect.Enum, "LEGACY", []string{"LEGACY", "MAP", "VALUE", "ADAPTIVE"}, "Taken, without effect."},
	{"table.exec.sink.require-on-conflict", connect.Bool, "true", nil, "Whether INSERT must say what happens when keys collide."},
	{"table.exec.async-lookup.buffer-capacity", connect.Int, "100", nil, "How many lookups may be under way."},
	{"table.exec.async-lookup.timeout", connect.Duration, "3 min", nil, "How long a lookup may take."},
	{"table.exec.async-lookup.output-mode", connect.Enum, "ORDERED", []string{"ORDERED", "ALLOW_UNORDERED"}, "Order of lookup results."},
	{"table.exec.async-lookup.key-ordered-enabled", connect.Bool, "false", nil, "Whether results keep the order of a key."},
	{"table.exec.async-ml-predict.max-concurrent-operations", connect.Int, "10", nil, "How many calls of a model may be under way in a subtask; a call is about all rows of a batch."},
	{"table.exec.async-ml-predict.output-mode", connect.Enum, "ORDERED", []string{"ORDERED", "ALLOW_UNORDERED"}, "Order of the answers of models; ALLOW_UNORDERED lets them overtake each other between watermarks."},
	{"table.exec.async-ml-predict.timeout", connect.Duration, "3 min", nil, "How long a call of a model may take."},
	{"table.exec.rank.topn-cache-size", connect.Int, "10000", nil, "Taken, without effect."},
	{"table.exec.interval-join.min-cleanup-interval", connect.Duration, "0 ms", nil, "How much longer than needed an interval join keeps rows; those of an outer side that found nothing come out as late as that."},
	{"table.exec.unbounded-over.version", connect.Int, "2", nil, "Taken, without effect."},
	{"table.exec.deduplicate.insert-update-after-sensitive-enabled", connect.Bool, "true", nil, "Whether the first row of a key is an insert; false lets a deduplication that keeps the last row begin with +U, where -U is not asked for."},
	{"table.exec.deduplicate.mini-batch.compact-changes-enabled", connect.Bool, "false", nil, "Whether a deduplication that keeps the last row by event time tells the last one of a mini-batch alone."},
	{"table.exec.legacy-bytes-to-string-cast", connect.Bool, "false", nil, "CAST of bytes that are no UTF-8 to text puts U+FFFD in place of them, where it fails otherwise."},
	{"table.exec.legacy-cast-behaviour", connect.Enum, "DISABLED", []string{"DISABLED", "ENABLED"}, "ENABLED: a CAST that cannot be done gives NULL, as TRY_CAST does, where it fails otherwise."},
	{"table.legacy-nested-row-nullability", connect.Bool, "false", nil, "Whether a CAST to a ROW that may be NULL ignores NOT NULL of its fields."},
	{"table.rtas-ctas.atomicity-enabled", connect.Bool, "false", nil, "Whether CREATE TABLE AS shows its table when its job has succeeded; no connector can do that, and a warning says so."},
	{"table.exec.uid.generation", connect.Enum, "PLAN_ONLY", []string{"PLAN_ONLY", "ALWAYS", "DISABLED"}, "Taken, without effect."},
	{"table.exec.simplify-operator-name-enabled", connect.Bool, "true", nil, "Taken, without effect."},
	{"table.exec.sort.default-limit", connect.Int, "-1", nil, "Rows that ORDER BY without LIMIT gives in batch; -1 gives all."},
	{"table.exec.emit.early-fire.enabled", connect.Bool, "false", nil, "Whether old-style windows fire before their end."},
	{"table.exec.emit.early-fire.delay", connect.Duration, "", nil, "How often."},
	{"table.exec.emit.late-fire.enabled", connect.Bool, "false", nil, "Whether old-style windows fire for late rows."},
	{"table.exec.emit.late-fire.delay", connect.Duration, "", nil, "How often."},
	{"table.exec.emit.allow-lateness", connect.Duration, "", nil, "How late rows of old-style windows may be."},
	{"table.optimizer.agg-phase-strategy", connect.Enum, "AUTO", []string{"AUTO", "ONE_PHASE", "TWO_PHASE"}, "Whether aggregates have a local phase."},
	{"table.optimizer.distinct-agg.split.enabled", connect.Bool, "false", nil, "Taken, without effect."},
	{"table.optimizer.distinct-agg.split.bucket-num", connect.Int, "1024", nil, "Taken, without effect."},
	{"table.optimizer.incremental-agg-enabled", connect.Bool, "true", nil, "Taken, without effect."},
	{"table.optimizer.reuse-sub-plan-enabled", connect.Bool, "true", nil, "Whether equal parts of a plan run once."},
	{"table.optimizer.reuse-source-enabled", connect.Bool, "true", nil, "Whether a table is read once."},
	{"table.optimizer.reuse-sink-enabled", connect.Bool, "true", nil, "Taken, without effect."},
	{"table.optimizer.join-reorder-enabled", connect.Bool, "false", nil, "Whether chains of inner joins run in the order that leaves the fewest rows on the way, by what ANALYZE TABLE has found."},
	{"table.optimizer.bushy-join-reorder-threshold", connect.Int, "12", nil, "Most tables of a chain whose joins may take any shape; longer ones add table by table."},
	{"table.optimizer.multi-join.enabled", connect.Bool, "false", nil, "Whether a chain of inner and left joins by one key is one operator without state of rows joined on the way (streaming)."},
	{"table.optimizer.delta-join.strategy", connect.Enum, "AUTO", []string{"AUTO", "FORCE", "NONE"}, "Whether an inner join looks both tables up by their indexes; no connector has one, so FORCE refuses it and AUTO keeps both sides."},
	{"table.optimizer.non-deterministic-update.strategy", connect.Enum, "IGNORE", []string{"IGNORE", "TRY_RESOLVE"}, "Whether unsafe plans are refused."},
	{"table.optimizer.ptf.max-tables", connect.Int, "20", nil, "Most tables that a call of a process table function takes."},
	{"mink.advice", connect.String, "warn", nil, "Advice before a query runs: warn, off or deny for all rules, or a list such as 'warn, cross-join=deny, float-sum=off'."},
	{"mink.checkpointing.disk-reserve", connect.String, "1 gb", nil, "What is to stay free of the disk of checkpoints, or a twentieth of it where that is less: with less room no periodic checkpoint is begun, and the job goes on without. 0 looks at nothing."},
	{"mink.exec.batch-rows", connect.Int, "4096", nil, "Most rows of a batch between operators, from 1 to 32768."},
	{"mink.exec.fold", connect.Enum, "auto", []string{"AUTO", "ROW", "BATCH"}, "Whether changes of one key within a step are folded into one."},
	{"mink.late.rows-max", connect.Int, "10000", nil, "How many late rows of each job mink.late has; 0 keeps none."},
	{"mink.flink-version", connect.String, "2.4", nil, "The Flink version whose defaults hold."},
}...))

func sortKeys(k []Key) []Key {
	slices.SortFunc(k, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return k
}
