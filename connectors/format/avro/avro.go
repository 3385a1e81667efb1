// Package avro is the formats 'avro' and 'avro-confluent': rows in Avro's binary form.
//
// Avro's bytes say nothing of themselves: they are read with the schema they were written
// with. Of 'avro' that is the one that Flink makes of a table's columns; of
// 'avro-confluent' a number in front of each message names one in a schema registry, and
// columns are found in it by name. A schema is compiled once, and its values are put into
// columns as the bytes are walked.
//
// Begin with schema.go, then decode.go, encode.go and registry.go.
package avro

import (
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Format is 'format' = 'avro'.
var Format = connect.Format{
	Name:    "avro",
	Summary: "Avro's binary form, without its schema; for messages.",
	Options: []connect.Option{
		{Key: "encoding", Type: connect.Enum, Values: []string{"binary", "json"}, Default: "binary", Doc: "Form of the bytes; only binary is there yet."},
		{Key: "timestamp_mapping.legacy", Type: connect.Bool, Default: "true", Doc: "TIMESTAMP is the instant timestamp-millis, and TIMESTAMP_LTZ cannot be held. With false TIMESTAMP is local-timestamp and TIMESTAMP_LTZ timestamp."},
		{Key: "codec", Doc: "Accepted; it is for files, which are not supported yet."},
	},
	Changes:  appendOnly,
	Messages: true,
	Decoder: func(s types.Schema, read connect.Projection, o connect.Options, _ *connect.Table) (connect.Decoder, error) {
		n, err := ofTable(s, o)
		if err != nil {
			return nil, err
		}
		d := newDecoder(s, read)
		if d.fixed, err = d.plan(n); err != nil {
			return nil, err
		}
		return d, nil
	},
	Encoder: func(s types.Schema, o connect.Options, _ *connect.Table) (connect.Encoder, error) {
		n, err := ofTable(s, o)
		if err != nil {
			return nil, err
		}
		w, err := compileWriter(n, types.RowT(s...), "")
		if err != nil {
			return nil, err
		}
		return &encoder{w: w}, nil
	},
}

func appendOnly(connect.Options) (connect.Changes, error) { return connect.AppendOnly, nil }

// ofTable is the schema that Flink makes of a table.
func ofTable(s types.Schema, o connect.Options) (*node, error) {
	form, err := o.Enum("encoding", "binary", "binary", "json")
	if err != nil {
		return nil, err
	}
	if form == "json" {
		return nil, diag.New(diag.Unsupported, "'avro.encoding' = 'json' is not supported yet")
	}
	text, err := tableSchema(s, o)
	if err != nil {
		return nil, err
	}
	return parseSchema(text)
}

func tableSchema(s types.Schema, o connect.Options) (string, error) {
	legacy, err := o.Bool("timestamp_mapping.legacy", true)
	if err != nil {
		return "", err
	}
	return derive(s, legacy)
}

// decoder reads messages.
type decoder struct {
	s     types.Schema
	rows  *format.Rows
	fixed *plan // nil: each message names its schema
	reg   *registry
	plans map[uint32]*plan
}

func newDecoder(s types.Schema, read connect.Projection) *decoder {
	return &decoder{s: s, rows: format.NewRows(s, read), plans: map[uint32]*plan{}}
}

// plan compiles a schema, which must be a record.
func (d *decoder) plan(n *node) (*plan, error) {
	if n.kind != "record" {
		return nil, diag.New(diag.SchemaMismatch, "the Avro schema is %s and no record", n.kind)
	}
	p := &plan{n: n}
	return p, p.fields(d.s, d.rows.Cols, map[*node]*plan{}, "")
}

func (d *decoder) Reset(int64, bool) {}
func (d *decoder) Line() int64       { return 1 }
func (d *decoder) HeaderDone() bool  { return true }

// Decode is for files, which have this format in another form.
func (d *decoder) Decode(*batch.Batch, []byte, int64, bool, int) (int, error) {
	return 0, diag.New(diag.Unsupported, "Avro in files is not supported yet")
}

// Message reads one message.
func (d *decoder) Message(dst *batch.Batch, data []byte) error {
	var m connect.Messages
	m.Data = data
	m.Add(len(data), 0)
	d.rows.BeginMessage(dst)
	return d.all(&m, batch.CapRows)
}

// Messages reads many messages.
func (d *decoder) Messages(dst *batch.Batch, m *connect.Messages, max int) error {
	d.rows.BeginMessages(dst, max)
	return d.all(m, max)
}

func (d *decoder) all(m *connect.Messages, max int) (err error) {
	d.rows.Buffer(m.Data)
	r := input{data: m.Data}
	for k := 0; k < m.Len() && d.rows.N() < max; k++ {
		r.i, r.end = m.Message(k)
		r.why, r.deep = "", 0
		if err = d.one(&r); err != nil {
			d.rows.Undo()
			break
		}
		m.End(d.rows.N())
	}
	d.rows.End()
	return err
}

func (d *decoder) one(r *input) error {
	if r.end-r.i > format.MaxRecord {
		return format.BadRecord(0, 0, "record is longer than 16 MB")
	}
	p := d.fixed
	if p == nil {
		var err error
		if p, err = d.named(r); err != nil {
			return err
		}
	}
	for _, k := range p.kids {
		if !k.read(r) {
			return format.BadRecord(0, 0, r.why)
		}
	}
	if r.i != r.end {
		return format.BadRecord(0, 0, "not Avro of its schema: bytes are left behind the record")
	}
	d.rows.EndRow(batch.Insert)
	return nil
}

// encoder writes messages.
type encoder struct {
	w      *writer
	prefix []byte
	// open finds w and prefix when the first row comes; nil if they are there.
	open func() error
}

func (e *encoder) Header() []byte { return nil }

func (e *encoder) Encode(dst []byte, b *batch.Batch) ([]byte, error) {
	out := connect.Encoded{Data: dst}
	if err := e.Messages(&out, b); err != nil {
		return dst, err
	}
	return out.Data, nil
}

// Messages writes each row as a message.
func (e *encoder) Messages(out *connect.Encoded, b *batch.Batch) error {
	if e.open != nil {
		if err := e.open(); err != nil {
			return err
		}
		e.open = nil
	}
	for i := range b.Rows() {
		data, err := e.w.record(append(out.Data, e.prefix...), b.Cols, b.Lane(i))
		if err != nil {
			return err
		}
		out.Data = data
		out.End()
	}
	return nil
}
