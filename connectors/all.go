package connectors

import (
	"github.com/minkstream/mink/connectors/blackhole"
	"github.com/minkstream/mink/connectors/datagen"
	"github.com/minkstream/mink/connectors/filesystem"
	"github.com/minkstream/mink/connectors/format/avro"
	"github.com/minkstream/mink/connectors/format/changejson"
	"github.com/minkstream/mink/connectors/format/changelogjson"
	"github.com/minkstream/mink/connectors/format/csv"
	"github.com/minkstream/mink/connectors/format/debeziumjson"
	"github.com/minkstream/mink/connectors/format/json"
	"github.com/minkstream/mink/connectors/format/parquet"
	"github.com/minkstream/mink/connectors/format/protobuf"
	"github.com/minkstream/mink/connectors/format/raw"
	"github.com/minkstream/mink/connectors/kafka"
	"github.com/minkstream/mink/connectors/nexmark"
	"github.com/minkstream/mink/connectors/pace"
	"github.com/minkstream/mink/connectors/print"
	"github.com/minkstream/mink/connectors/udf/python"
	"github.com/minkstream/mink/connectors/udf/wasm"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function"
)

// All lists every connector, in name order. A new one adds a line.
func All() []*connect.Connector {
	return []*connect.Connector{
		&blackhole.Connector,
		&datagen.Connector,
		pace.Wrap(&filesystem.Connector),
		&kafka.Connector,
		&nexmark.Connector,
		&print.Connector,
		&kafka.Upsert,
	}
}

// Formats lists every format, in name order. A new one adds a line.
func Formats() []*connect.Format {
	return []*connect.Format{
		&avro.Format,
		&avro.Confluent,
		&changejson.Canal,
		&changelogjson.Format,
		&csv.Format,
		&debeziumjson.Format,
		&json.Format,
		&changejson.Maxwell,
		&changejson.Ogg,
		&parquet.Format,
		&protobuf.Format,
		&raw.Format,
	}
}

// FormatMap is Formats by name, as connect.Deps wants it.
func FormatMap() map[string]*connect.Format {
	m := map[string]*connect.Format{}
	for _, f := range Formats() {
		m[f.Name] = f
	}
	return m
}

// Runtimes lists what runs user functions in other languages, in order of language. A
// new one adds a line.
func Runtimes() []func(*env.Env) function.Runtime {
	return []func(*env.Env) function.Runtime{
		python.New,
		wasm.New,
	}
}
