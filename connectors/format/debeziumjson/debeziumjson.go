// Package debeziumjson is the format 'debezium-json': changes of a database as
// Debezium sends them, an envelope with the row before and after.
//
// An update gives two changes, -U and +U. Written, every change becomes an
// envelope of its own, since the two halves of an update come apart: -U and -D are
// deletes, +I and +U creates, as in Flink.
package debeziumjson

import (
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/connectors/format/json"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

const name = "debezium-json"

// Format is 'format' = 'debezium-json'.
var Format = connect.Format{
	Name:    name,
	Summary: "Database changes in Debezium's envelopes.",
	Options: []connect.Option{
		{Key: "schema-include", Type: connect.Bool, Default: "false", Doc: "Messages have a schema and a payload."},
		{Key: "ignore-parse-errors", Type: connect.Bool, Default: "false", Doc: "Fields and records that cannot be read are NULL or skipped instead of an error; they are counted."},
		{Key: "timestamp-format.standard", Type: connect.Enum, Values: []string{"SQL", "ISO-8601", "ISO-8601-WITH-OFFSET"}, Default: "SQL", Doc: "Form of timestamps."},
		{Key: "map-null-key.mode", Type: connect.Enum, Values: []string{"FAIL", "DROP", "LITERAL"}, Default: "FAIL", Doc: "What is done with a NULL key of a MAP on writing."},
		{Key: "map-null-key.literal", Default: "null", Doc: "What stands for a NULL key with mode LITERAL."},
		{Key: "encode.decimal-as-plain-number", Type: connect.Bool, Default: "false", Doc: "Write decimals without an exponent."},
		{Key: "encode.ignore-null-fields", Type: connect.Bool, Default: "false", Doc: "Leave out fields that are NULL."},
	},
	Metadata: columns,
	Lines:    json.EveryLine,
	Changes:  func(connect.Options) (connect.Changes, error) { return connect.Retract, nil },
	Decoder: func(s types.Schema, read connect.Projection, o connect.Options, t *connect.Table) (connect.Decoder, error) {
		return newDecoder(s, nil, read, o)
	},
	WithMetadata: func(s types.Schema, meta []string, read connect.Projection, o connect.Options, _ *connect.Table) (connect.Decoder, error) {
		return newDecoder(s, meta, read, o)
	},
	Encoder: newEncoder,
}

// columns are the metadata of the format.
var columns = []connect.MetadataColumn{
	{Key: "schema", Type: types.StringT, Doc: "Schema of the payload as JSON, if the message has one."},
	{Key: "ingestion-timestamp", Type: types.TimestampLTZT(3), Doc: "When Debezium saw the change."},
	{Key: "source.timestamp", Type: types.TimestampLTZT(3), Doc: "When the database made the change."},
	{Key: "source.database", Type: types.StringT, Doc: "Database of the change."},
	{Key: "source.schema", Type: types.StringT, Doc: "Schema of the change's table."},
	{Key: "source.table", Type: types.StringT, Doc: "Table or collection of the change."},
	{Key: "source.properties", Type: types.MapT(types.StringT, types.StringT), Doc: "All that Debezium says of the source."},
}

type encoder struct {
	names format.JSONNames
	w     format.JSONWriter
}

func newEncoder(s types.Schema, o connect.Options, _ *connect.Table) (connect.Encoder, error) {
	if err := json.CheckTypes(name, s); err != nil {
		return nil, err
	}
	w, err := json.ReadWriter(o)
	if err != nil {
		return nil, err
	}
	schema, err := o.Bool("schema-include", false)
	if err != nil {
		return nil, err
	}
	if schema {
		return nil, connect.Invalid(name+".schema-include", "must be false for a sink: messages are written without their schema")
	}
	return &encoder{names: format.NewJSONNames(s), w: w}, nil
}

func (e *encoder) Header() []byte { return nil }

func (e *encoder) Encode(dst []byte, b *batch.Batch) ([]byte, error) {
	start := len(dst)
	for r := range b.Rows() {
		lane := b.Lane(r)
		adds := b.Kind(lane).Adds()
		if adds {
			dst = append(dst, `{"before":null,"after":`...)
		} else {
			dst = append(dst, `{"before":`...)
		}
		var err error
		if dst, err = e.w.Object(dst, e.names, b.Cols, lane); err != nil {
			return dst[:start], err
		}
		if adds {
			dst = append(dst, `,"op":"c"}`...)
		} else {
			dst = append(dst, `,"after":null,"op":"d"}`...)
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}
