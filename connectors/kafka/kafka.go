// Package kafka is the connectors 'kafka' and 'upsert-kafka': topics of Apache Kafka read
// and written as tables.
//
// A source reads each partition as a split of its own, from an offset that a checkpoint
// or a tape keeps; reading from it again gives the same rows as long as the broker has
// them. Records are fetched by one client a subtask (feed.go), handed over in whole
// fetches and decoded into columns many at a time (reader.go).
//
// A sink writes records as they come and waits for the broker before each checkpoint, or
// keeps them in a transaction that is committed after it (txn.go, commit.go say what is
// promised). 'upsert-kafka' is a changelog by key: a record without a value deletes.
//
// Nothing here decides what a record's bytes mean: formats do. Begin with table in
// table.go, then source.go and sink.go.
package kafka

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// Names of options.
const (
	optTopic        = "topic"
	optPattern      = "topic-pattern"
	optServers      = "properties.bootstrap.servers"
	optGroup        = "properties.group.id"
	optReset        = "properties.auto.offset.reset"
	optTxnTimeout   = "properties.transaction.timeout.ms"
	optStartup      = "scan.startup.mode"
	optStartOffsets = "scan.startup.specific-offsets"
	optStartMillis  = "scan.startup.timestamp-millis"
	optBounded      = "scan.bounded.mode"
	optEndOffsets   = "scan.bounded.specific-offsets"
	optEndMillis    = "scan.bounded.timestamp-millis"
	optDiscovery    = "scan.topic-partition-discovery.interval"
	optKeyFields    = "key.fields"
	optKeyPrefix    = "key.fields-prefix"
	optInclude      = "value.fields-include"
	optPartitioner  = "sink.partitioner"
	optGuarantee    = "sink.delivery-guarantee"
	optTxnPrefix    = "sink.transactional-id-prefix"
	optFlushRows    = "sink.buffer-flush.max-rows"
	optFlushEvery   = "sink.buffer-flush.interval"
	optLost         = "mink.sink.lost-transactions"
)

// Connector is 'connector' = 'kafka'.
var Connector = connect.Connector{
	Name:    "kafka",
	Summary: "Topics of Apache Kafka, read and written record by record.",
	Formats: true,
	Keyed:   true,
	Options: append([]connect.Option{
		{Key: optTopic, Type: connect.List, Doc: "Topics to read, separated by ';', or the topic to write to. Several may be written to if the table has the metadata column 'topic'."},
		{Key: optPattern, Doc: "Regular expression: topics with such a name are read. Either this or 'topic'."},
		{Key: optStartup, Type: connect.Enum, Values: startupModes, Default: "group-offsets", Doc: "Where reading starts without a checkpoint."},
		{Key: optStartOffsets, Doc: "Offsets to start from, such as 'partition:0,offset:42;partition:1,offset:300'."},
		{Key: optStartMillis, Type: connect.Int, Doc: "Milliseconds of the epoch: records from then on are read."},
		{Key: optKeyFields, Type: connect.List, Doc: "Physical columns that are in the record's key, separated by ';'."},
		{Key: optPartitioner, Default: "default", Doc: "Which partition a record goes to: 'default' (by the hash of its key, or to one after the other in batches), 'fixed' (one a subtask) or 'round-robin'. A Java class is Flink's alone."},
		{Key: "sink.semantic", Type: connect.Enum, Values: guarantees, Doc: "An older name of 'sink.delivery-guarantee'."},
	}, shared...),
	Metadata: metadata,
	Source:   func(t *connect.Table) (connect.Source, error) { return newSource(t, false) },
	Sink:     func(t *connect.Table) (connect.Sink, error) { return newSink(t, false) },
	Starts:   true,
}

// Upsert is 'connector' = 'upsert-kafka'.
var Upsert = connect.Connector{
	Name:    "upsert-kafka",
	Summary: "Topics of Apache Kafka as tables with a primary key: the newest record of a key counts.",
	Formats: true,
	Keyed:   true,
	Options: append([]connect.Option{
		{Key: optTopic, Type: connect.List, Required: true, Doc: "Topics to read, separated by ';', or the topic to write to."},
		{Key: optFlushRows, Type: connect.Int, Default: "0", Doc: "Most rows that wait to be written; of those with one key the last one is. 0: rows are written at once. Needs sink.buffer-flush.interval too."},
		{Key: optFlushEvery, Type: connect.Duration, Default: "0 s", Doc: "How long rows wait at most. Needs sink.buffer-flush.max-rows too."},
	}, shared...),
	Metadata: metadata,
	Source:   func(t *connect.Table) (connect.Source, error) { return newSource(t, true) },
	Sink:     func(t *connect.Table) (connect.Sink, error) { return newSink(t, true) },
}

var (
	startupModes = []string{"earliest-offset", "latest-offset", "group-offsets", "timestamp", "specific-offsets"}
	boundedModes = []string{"unbounded", "latest-offset", "group-offsets", "timestamp", "specific-offsets"}
	guarantees   = []string{"none", "at-least-once", "exactly-once"}
)

// shared are the options of both connectors.
var shared = []connect.Option{
	{Key: optServers, Required: true, Reference: true, Doc: "Brokers to begin with, as host:port separated by ','."},
	{Key: optGroup, Doc: "Consumer group: where 'group-offsets' starts, and where offsets of completed checkpoints are written to."},
	{Key: "properties.sasl.jaas.config", Secret: true, Reference: true, Doc: "User and password of SASL PLAIN or SCRAM, as Kafka's clients take them."},
	{Key: "properties.ssl.key.password", Secret: true, Reference: true, Doc: "Password of the client's private key."},
	{Key: "properties.ssl.keystore.certificate.chain", Reference: true, Doc: "The client's certificates, PEM."},
	{Key: "properties.ssl.keystore.key", Secret: true, Reference: true, Doc: "The client's private key, PEM."},
	{Key: "properties.ssl.keystore.location", Reference: true, Doc: "File of the client's certificates and key, PEM."},
	{Key: "properties.ssl.keystore.password", Secret: true, Reference: true, Doc: "Password of the client's key store."},
	{Key: "properties.ssl.truststore.certificates", Reference: true, Doc: "Certificates of authorities that sign those of brokers, PEM."},
	{Key: "properties.ssl.truststore.location", Reference: true, Doc: "File of such certificates, PEM or JKS."},
	{Key: "properties.ssl.truststore.password", Secret: true, Reference: true, Doc: "Password of the trust store."},
	{Key: "properties.", Prefix: true, Doc: "Any setting of Kafka's clients. docs/kafka.md lists those that have an effect."},
	{Key: optKeyPrefix, Doc: "Prefix of the names of key columns, which the key's bytes do not have. Needs 'value.fields-include' = 'EXCEPT_KEY'."},
	{Key: optInclude, Type: connect.Enum, Values: []string{"ALL", "EXCEPT_KEY"}, Default: "ALL", Doc: "Whether key columns are in the value too."},
	{Key: optBounded, Type: connect.Enum, Values: boundedModes, Default: "unbounded", Doc: "Where reading ends; decided when the job starts."},
	{Key: optEndOffsets, Doc: "Offsets before which to end, such as 'partition:0,offset:42;partition:1,offset:300'; partitions that are not named give nothing."},
	{Key: optEndMillis, Type: connect.Int, Doc: "Milliseconds of the epoch: each partition ends before its first record of then or later."},
	{Key: optDiscovery, Type: connect.Duration, Default: "5 min", Doc: "How often to look for new topics and partitions; 0 never."},
	{Key: optGuarantee, Type: connect.Enum, Values: guarantees, Default: "at-least-once", Doc: "What a failure may do to written rows: lose or repeat, repeat, or nothing (by transactions, for readers with isolation.level = read_committed)."},
	{Key: optTxnPrefix, Doc: "Beginning of the names of transactions; needed for exactly-once, and of one sink alone."},
	{Key: optLost, Type: connect.Enum, Values: []string{"FAIL", "ACCEPT"}, Default: "FAIL", Doc: "mink's own: what is done about a prepared transaction that the broker has aborted: the job fails with the code data-loss, or goes on without its rows."},
	{Key: "sink.transaction-naming-strategy", Type: connect.Enum, Values: []string{"DEFAULT", "INCREMENTING", "POOLING"}, Default: "DEFAULT", Doc: "Accepted; names are used again once their transaction is long committed."},
}

// metadata are the columns of a record beside key and value.
var metadata = []connect.MetadataColumn{
	{Key: "topic", Type: types.StringT.Nullable(false), Writable: true, Doc: "Topic of the record."},
	{Key: "partition", Type: types.IntT.Nullable(false), Doc: "Partition of the record."},
	{Key: "headers", Type: types.MapT(types.StringT.Nullable(false), types.BytesT).Nullable(false), Writable: true, Doc: "Headers; of several of one name the last one counts."},
	{Key: "leader-epoch", Type: types.IntT, Doc: "Leader epoch of the record, if the broker says it."},
	{Key: "offset", Type: types.BigIntT.Nullable(false), Doc: "Offset of the record in its partition."},
	{Key: "timestamp", Type: types.TimestampLTZT(3).Nullable(false), Writable: true, Doc: "Time of the record."},
	{Key: "timestamp-type", Type: types.StringT.Nullable(false), Doc: "NoTimestampType, CreateTime or LogAppendTime."},
}
