// Package filesystem is the connector for files: a file, a directory with all that
// is below it, or a pattern of names, read as a table; a directory written to in
// part files that appear whole, or not at all; a small table looked up by key.
//
// A source reads files in the order of their names, each from its beginning or
// from the position of a checkpoint, and ends, unless source.monitor-interval makes
// it look for new files for ever. Names that begin with '.' or '_' are not read.
//
// A sink writes files whose names begin with '.', makes them durable before a
// checkpoint and gives them their final names after it. A final name is never used
// twice. See commit.go for what is promised.
//
// Everything goes through env.Disk. Begin with source.go, then writer.go.
package filesystem

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// Connector is 'connector' = 'filesystem'.
var Connector = connect.Connector{
	Name:    "filesystem",
	Summary: "Files of a directory, partitioned by subdirectories if wanted.",
	Formats: true,
	Options: append([]connect.Option{
		{Key: "path", Required: true, Doc: "File, directory or pattern with * ? [ ]; a sink writes to a directory."},
		{Key: "source.monitor-interval", Type: connect.Duration, Doc: "How often to look for new files; without it the source reads what is there and ends."},
		{Key: "source.path.regex-pattern", Doc: "Only files whose whole path matches the regular expression are read."},
		{Key: "source.report-statistics", Type: connect.Enum, Values: []string{"NONE", "ALL"}, Default: "ALL", Doc: "Accepted; statistics are not used."},
		{Key: "partition.default-name", Default: defaultPartition, Doc: "Name of the partition of NULL and the empty string."},
		{Key: "partition.fields.", Prefix: true, Doc: "partition.fields.<column>.date-formatter: pattern of a partition column that holds the time of the refreshes of a materialized table."},
		{Key: "sink.shuffle-by-partition.enable", Type: connect.Bool, Default: "false", Doc: "Accepted; rows are not shuffled by partition."},
		{Key: "sink.rolling-policy.file-size", Type: connect.Size, Default: "128 mb", Doc: "A part file that reaches this size is closed and a new one begun."},
		{Key: "sink.rolling-policy.rollover-interval", Type: connect.Duration, Default: "30 min", Doc: "A part file is closed after this time. Every checkpoint closes part files too."},
		{Key: "sink.rolling-policy.inactivity-interval", Type: connect.Duration, Default: "30 min", Doc: "A part file to which nothing was written for this time is closed."},
		{Key: "sink.rolling-policy.check-interval", Type: connect.Duration, Default: "1 min", Doc: "How often the two intervals are looked at."},
		{Key: "auto-compaction", Type: connect.Bool, Default: "false", Doc: "Accepted; files of a checkpoint are not merged."},
		{Key: "compaction.file-size", Type: connect.Size, Doc: "Accepted; see auto-compaction."},
		{Key: "compaction.parallelism", Type: connect.Int, Doc: "Accepted; see auto-compaction."},
		{Key: "partition.time-extractor.kind", Type: connect.Enum, Values: []string{"default", "custom"}, Default: "default", Doc: "How the time of a partition is found; custom needs a Java class, so only Flink has it."},
		{Key: "partition.time-extractor.class", Doc: "A Java class; only Flink has it."},
		{Key: "partition.time-extractor.timestamp-pattern", Doc: "Text of the time made of partition columns, such as '$dt $hour:00:00'; the first column by default."},
		{Key: "partition.time-extractor.timestamp-formatter", Doc: "Pattern of that text, such as 'yyyyMMdd HH:mm:ss'; 'yyyy-MM-dd HH:mm:ss' or 'yyyy-MM-dd' by default."},
		{Key: "sink.partition-commit.trigger", Type: connect.Enum, Values: []string{"process-time", "partition-time"}, Default: "process-time", Doc: "Whether a partition is committed by the clock or by the watermark."},
		{Key: "sink.partition-commit.delay", Type: connect.Duration, Default: "0 s", Doc: "How long after its time (or its first row) a partition is committed."},
		{Key: "sink.partition-commit.watermark-time-zone", Default: "UTC", Doc: "Zone of the partition's time when the watermark comes from a TIMESTAMP_LTZ column."},
		{Key: "sink.partition-commit.policy.kind", Type: connect.List, Doc: "What committing a partition does: success-file, metastore (nothing here), or both with a comma."},
		{Key: "sink.partition-commit.policy.class", Doc: "A Java class; only Flink has it."},
		{Key: "sink.partition-commit.policy.class.parameters", Doc: "What the Java class gets; only Flink has it."},
		{Key: "sink.partition-commit.success-file.name", Default: "_SUCCESS", Doc: "Name of the empty file that marks a committed partition."},
		{Key: "lookup.cache", Type: connect.Enum, Values: []string{"NONE", "FULL"}, Default: "FULL", Doc: "A lookup always loads the whole table."},
		{Key: "lookup.full-cache.reload-interval", Type: connect.Duration, Doc: "An older name of lookup.full-cache.periodic-reload.interval."},
		{Key: "vector-search.metric", Type: connect.Enum, Values: metrics, Default: "COSINE", Doc: "How VECTOR_SEARCH measures: by the cosine of the angle, by distance, or by the product of the vectors. 'metric' in its CONFIG goes first."},
		{Key: "mink.csv.header", Type: connect.Bool, Default: "false", Doc: "mink's own: the first record of each CSV file has the names of the columns."},
	}, connect.ReloadOptions()...),
	Metadata: []connect.MetadataColumn{
		{Key: "file.path", Type: types.StringT.Nullable(false), Doc: "Path of the file."},
		{Key: "file.name", Type: types.StringT.Nullable(false), Doc: "Last part of the path."},
		{Key: "file.size", Type: types.BigIntT.Nullable(false), Doc: "Size in bytes."},
		{Key: "file.modification-time", Type: types.TimestampLTZT(3).Nullable(false), Doc: "When the file was last written."},
	},
	Source: newSource,
	Starts: true,
	Sink:   newSink,
	Lookup: newLookup,

	VectorSearch: newVectorSearch,
	Partitions:   newPartitions,
}
