// Package protobuf is the format 'protobuf': rows as Protocol Buffers messages.
//
// Flink takes a Java class that was generated from a .proto file; mink reads the .proto
// file, or a descriptor set that protoc made of it, and finds the message by the name of
// that class. The message's fields and the table's columns are compiled once into a plan;
// its values are put into columns as the bytes are walked, without messages in between.
//
// Begin with schema.go, then plan.go, decode.go and encode.go.
package protobuf

import (
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Format is 'format' = 'protobuf'.
var Format = connect.Format{
	Name:    "protobuf",
	Summary: "Protocol Buffers messages of a .proto file; for messages.",
	Options: []connect.Option{
		{Key: "message-class-name", Required: true, Doc: "The message: name of its Java class, as in Flink ('com.example.Outer$Inner'), or its full name in the .proto file."},
		{Key: "ignore-parse-errors", Type: connect.Bool, Default: "false", Doc: "Skip messages that cannot be read instead of failing."},
		{Key: "read-default-values", Type: connect.Bool, Default: "false", Doc: "Read what is not in a message as its default value instead of NULL. Of proto3, simple values are read so in any case, as in Flink."},
		{Key: "write-null-string-literal", Doc: "Text written for a NULL in an array or a map of strings."},
		{Key: "schema-file", Doc: "The .proto file that has the message. Only mink has this option; Flink finds the class in its class path."},
		{Key: "schema-path", Type: connect.List, Doc: "Directories in which imports of 'schema-file' are looked for; its own directory by default. Only mink has this option."},
		{Key: "descriptor-file", Doc: "A descriptor set, as of `protoc --include_imports --descriptor_set_out`, in place of 'schema-file'. Only mink has this option."},
	},
	Changes:  func(connect.Options) (connect.Changes, error) { return connect.AppendOnly, nil },
	Messages: true,
	Decoder: func(s types.Schema, read connect.Projection, o connect.Options, t *connect.Table) (connect.Decoder, error) {
		m, err := findMessage(o, t)
		if err != nil {
			return nil, err
		}
		d := &decoder{rows: format.NewRows(s, read)}
		if d.lenient, err = o.Bool("ignore-parse-errors", false); err != nil {
			return nil, err
		}
		defaults, err := o.Bool("read-default-values", false)
		if err != nil {
			return nil, err
		}
		d.plan, err = compile(m, s, d.rows.Cols, defaults)
		return d, err
	},
	Encoder: func(s types.Schema, o connect.Options, t *connect.Table) (connect.Encoder, error) {
		m, err := findMessage(o, t)
		if err != nil {
			return nil, err
		}
		w, err := compileWriter(m, s, o.Text("write-null-string-literal", ""), "")
		if err != nil {
			return nil, err
		}
		return &encoder{w: w}, nil
	},
}

// decoder reads messages.
type decoder struct {
	rows    *format.Rows
	plan    *message
	lenient bool
	report  func(error)
}

func (d *decoder) OnBadRecord(report func(error)) { d.report = report }

func (d *decoder) Reset(int64, bool) {}
func (d *decoder) Line() int64       { return 1 }
func (d *decoder) HeaderDone() bool  { return true }

// Decode is for files, in which nothing says where a message ends.
func (d *decoder) Decode(*batch.Batch, []byte, int64, bool, int) (int, error) {
	return 0, diag.New(diag.Unsupported, "Protocol Buffers in files are not supported yet")
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
		from, to := m.Message(k)
		r.why, r.copying = "", false
		if to-from > format.MaxRecord {
			r.fail("record is longer than 16 MB")
		} else if d.plan.read(&r, from, to, d.rows.N()) {
			d.rows.EndFull()
		}
		if r.why != "" {
			d.rows.Undo()
			err = format.BadRecord(0, 0, r.why)
			if !d.lenient {
				break
			}
			if d.report != nil {
				d.report(err)
			}
			err = nil
		}
		m.End(d.rows.N())
	}
	d.rows.End()
	return err
}

// encoder writes messages.
type encoder struct{ w *writer }

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
	for i := range b.Rows() {
		data, err := e.w.record(out.Data, b.Cols, b.Lane(i))
		if err != nil {
			return err
		}
		out.Data = data
		out.End()
	}
	return nil
}
