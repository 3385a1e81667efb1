package harness

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// atHome are the connectors that need nothing from outside of the process. The others,
// which Flink documents apart too, have stand-ins.
func atHome() []*connect.Connector {
	return slices.DeleteFunc(connectors.All(), func(c *connect.Connector) bool { return slices.Contains(connect.FlinkConnectors(), c.Name) })
}

// standIns take the place of connectors of brokers and databases, whether mink has them or
// not: a test needs nothing of them but which kinds of changes their tables have, so their
// tables need no options.
func standIns(others []*connect.Connector) []*connect.Connector {
	var out []*connect.Connector
	for _, name := range connect.FlinkConnectors() {
		taken := func(c *connect.Connector) bool { return c.Name == name }
		if slices.ContainsFunc(others, taken) {
			continue
		}
		out = append(out, &connect.Connector{
			Name: name, Summary: "Stands in for " + name + ".",
			Options:  []connect.Option{{Key: "", Prefix: true}},
			Keyed:    name == "kafka" || name == "upsert-kafka",
			Metadata: recordMetadata,
			Source:   func(t *connect.Table) (connect.Source, error) { return standInSource{changes: changesOf(name, t)}, nil },
			Sink:     func(t *connect.Table) (connect.Sink, error) { return standInSink{changes: changesOf(name, t)}, nil },
			Lookup:   func(*connect.Table) (connect.Lookup, error) { return awayLookup{name}, nil },
		})
	}
	return out
}

// recordMetadata are the metadata columns that Flink documents for records of brokers and
// for tables of databases.
var recordMetadata = []connect.MetadataColumn{
	{Key: "topic", Type: types.StringT},
	{Key: "partition", Type: types.IntT},
	{Key: "offset", Type: types.BigIntT},
	{Key: "headers", Type: types.MapT(types.StringT.Nullable(false), types.BytesT)},
	{Key: "timestamp", Type: types.TimestampLTZT(3)},
	{Key: "timestamp-type", Type: types.StringT},
	{Key: "leader-epoch", Type: types.IntT},
	{Key: "database_name", Type: types.StringT},
	{Key: "schema_name", Type: types.StringT},
	{Key: "table_name", Type: types.StringT},
	{Key: "op_ts", Type: types.TimestampLTZT(3)},
}

// changesOf are the kinds of changes that Flink documents for a table.
func changesOf(connector string, t *connect.Table) connect.Changes {
	format := t.Options.Text("value.format", t.Options.Text("format", ""))
	change := func(f string) bool { return strings.HasPrefix(format, f) }
	switch {
	case connector == "upsert-kafka":
		return connect.Upsert
	case strings.HasSuffix(connector, "-cdc"), change("debezium"), change("canal"), change("maxwell"), change("ogg"):
		return connect.Retract
	case len(t.PrimaryKey) > 0 && connector != "kafka" && connector != "kinesis" && connector != "pulsar":
		return connect.Upsert // databases and search engines are written by key
	}
	return connect.AppendOnly
}

// standInSource and standInSink say what kinds of changes a table has; nothing else of
// them is called.
type standInSource struct {
	connect.Source
	changes connect.Changes
}

func (s standInSource) Changes() connect.Changes { return s.changes }
func (s standInSource) Bounded() bool            { return false }

type standInSink struct {
	connect.Sink
	changes connect.Changes
}

// Changes leaves out -U where rows are written by key.
func (s standInSink) Changes(query connect.Changes) connect.Changes {
	if s.changes&connect.HasUpdateBefore == 0 && query&connect.HasUpdateAfter != 0 {
		return s.changes
	}
	return query & s.changes
}

func (s standInSink) Grade() string { return "exactly-once" }
