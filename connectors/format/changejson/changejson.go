// Package changejson is the formats 'canal-json', 'maxwell-json' and 'ogg-json': changes of
// a database in the JSON of three programs that send them.
//
//	canal    {"data":[row...],"old":[fields that changed...],"type":"INSERT|UPDATE|DELETE"}
//	maxwell  {"data":row,"old":fields that changed,"type":"insert|update|delete"}
//	ogg      {"before":row,"after":row,"op_type":"I|U|D"}
//
// An update gives two changes, -U and +U. Canal and Maxwell send of the row before only
// the fields that were another; the others are those of the row after. Written, every
// change is a message of its own: +I and +U insert, -U and -D delete, as in Flink.
package changejson

import (
	"regexp"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/connectors/format/json"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// dialect is what differs between the three.
type dialect struct {
	name string
	// Names of the field that says what happened and of the two rows.
	op, after, before string
	lists             bool // rows come in lists
	whole             bool // before is a whole row
	// Values of op. other is one that changes no row.
	insert, update, remove, other string
	meta                          []metaColumn
	// What is written around the row of an insert and of a delete.
	writeInsert, writeDelete [2]string
}

// metaColumn is a column for a field of the message.
type metaColumn struct {
	connect.MetadataColumn
	field string
	scale int64 // of times: milliseconds of one unit
}

func text(key, field, doc string) metaColumn {
	return metaColumn{connect.MetadataColumn{Key: key, Type: types.StringT, Doc: doc}, field, 0}
}

func list(key, field, doc string) metaColumn {
	return metaColumn{connect.MetadataColumn{Key: key, Type: types.ArrayT(types.StringT), Doc: doc}, field, 0}
}

func instant(key, field string, scale int64, doc string) metaColumn {
	return metaColumn{connect.MetadataColumn{Key: key, Type: types.TimestampLTZT(3), Doc: doc}, field, scale}
}

var canal = dialect{
	name: "canal-json", op: "type", after: "data", before: "old", lists: true,
	insert: "INSERT", update: "UPDATE", remove: "DELETE", other: "CREATE",
	meta: []metaColumn{
		text("database", "database", "Database of the change."),
		text("table", "table", "Table of the change."),
		{connect.MetadataColumn{Key: "sql-type", Type: types.MapT(types.StringT, types.IntT), Doc: "JDBC types of the columns."}, "sqlType", 0},
		list("pk-names", "pkNames", "Columns of the primary key."),
		instant("ingestion-timestamp", "ts", 1, "When Canal saw the change."),
	},
	writeInsert: [2]string{`{"data":[`, `],"type":"INSERT"}`}, writeDelete: [2]string{`{"data":[`, `],"type":"DELETE"}`},
}

var maxwell = dialect{
	name: "maxwell-json", op: "type", after: "data", before: "old",
	insert: "insert", update: "update", remove: "delete",
	meta: []metaColumn{
		text("database", "database", "Database of the change."),
		text("table", "table", "Table of the change."),
		list("primary-key-columns", "primary_key_columns", "Columns of the primary key."),
		instant("ingestion-timestamp", "ts", 1000, "When Maxwell saw the change, in whole seconds."),
	},
	writeInsert: [2]string{`{"data":`, `,"type":"insert"}`}, writeDelete: [2]string{`{"data":`, `,"type":"delete"}`},
}

var ogg = dialect{
	name: "ogg-json", op: "op_type", after: "after", before: "before", whole: true,
	insert: "I", update: "U", remove: "D",
	meta: []metaColumn{
		text("table", "table", "Full name of the table of the change."),
		instant("current_ts", "current_ts", 1, "When GoldenGate wrote the message."),
		instant("op_ts", "op_ts", 1, "When the database made the change."),
		text("op_type", "op_type", "Kind of the change: I, U or D."),
		text("pos", "pos", "Place in the trail file."),
		list("primary_keys", "primary_keys", "Columns of the primary key."),
	},
	writeInsert: [2]string{`{"before":null,"after":`, `,"op_type":"I"}`}, writeDelete: [2]string{`{"before":`, `,"after":null,"op_type":"D"}`},
}

// The formats, by the program that writes them.
var (
	Canal   = canal.format("Database changes as Canal sends them.", include)
	Maxwell = maxwell.format("Database changes as Maxwell sends them.", nil)
	Ogg     = ogg.format("Database changes as Oracle GoldenGate sends them.", nil)
)

// include are options of Canal alone.
var include = []connect.Option{
	{Key: "database.include", Doc: "Regular expression: only changes of databases with such a name are read."},
	{Key: "table.include", Doc: "Regular expression: only changes of tables with such a name are read."},
}

func (d *dialect) format(summary string, more []connect.Option) connect.Format {
	f := connect.Format{
		Name:    d.name,
		Summary: summary,
		Options: append([]connect.Option{
			{Key: "ignore-parse-errors", Type: connect.Bool, Default: "false", Doc: "Fields and records that cannot be read are NULL or skipped instead of an error; they are counted."},
			{Key: "timestamp-format.standard", Type: connect.Enum, Values: []string{"SQL", "ISO-8601", "ISO-8601-WITH-OFFSET"}, Default: "SQL", Doc: "Form of timestamps."},
			{Key: "map-null-key.mode", Type: connect.Enum, Values: []string{"FAIL", "DROP", "LITERAL"}, Default: "FAIL", Doc: "What is done with a NULL key of a MAP on writing."},
			{Key: "map-null-key.literal", Default: "null", Doc: "What stands for a NULL key with mode LITERAL."},
			{Key: "encode.decimal-as-plain-number", Type: connect.Bool, Default: "false", Doc: "Write decimals without an exponent."},
			{Key: "encode.ignore-null-fields", Type: connect.Bool, Default: "false", Doc: "Leave out fields that are NULL."},
		}, more...),
		Lines:   json.EveryLine,
		Changes: func(connect.Options) (connect.Changes, error) { return connect.Retract, nil },
		Decoder: func(s types.Schema, read connect.Projection, o connect.Options, _ *connect.Table) (connect.Decoder, error) {
			return d.decoder(s, nil, read, o)
		},
		WithMetadata: func(s types.Schema, meta []string, read connect.Projection, o connect.Options, _ *connect.Table) (connect.Decoder, error) {
			return d.decoder(s, meta, read, o)
		},
		Encoder: func(s types.Schema, o connect.Options, _ *connect.Table) (connect.Encoder, error) {
			return d.encoder(s, o)
		},
	}
	for _, m := range d.meta {
		f.Metadata = append(f.Metadata, m.MetadataColumn)
	}
	return f
}

// pattern reads an option that is a regular expression of whole names; nil without one.
func (d *dialect) pattern(o connect.Options, key string) (*regexp.Regexp, error) {
	v, ok := o[key]
	if !ok {
		return nil, nil
	}
	p, err := regexp.Compile("^(?:" + v + ")$")
	if err != nil {
		return nil, connect.Invalid(d.name+"."+key, "is no regular expression: %s", err)
	}
	return p, nil
}

type encoder struct {
	d     *dialect
	names format.JSONNames
	w     format.JSONWriter
}

func (d *dialect) encoder(s types.Schema, o connect.Options) (connect.Encoder, error) {
	if err := json.CheckTypes(d.name, s); err != nil {
		return nil, err
	}
	w, err := json.ReadWriter(o)
	if err != nil {
		return nil, err
	}
	return &encoder{d: d, names: format.NewJSONNames(s), w: w}, nil
}

func (e *encoder) Header() []byte { return nil }

func (e *encoder) Encode(dst []byte, b *batch.Batch) ([]byte, error) {
	start := len(dst)
	for r := range b.Rows() {
		lane := b.Lane(r)
		around := &e.d.writeInsert
		if !b.Kind(lane).Adds() {
			around = &e.d.writeDelete
		}
		dst = append(dst, around[0]...)
		var err error
		if dst, err = e.w.Object(dst, e.names, b.Cols, lane); err != nil {
			return dst[:start], err
		}
		dst = append(append(dst, around[1]...), '\n')
	}
	return dst, nil
}
