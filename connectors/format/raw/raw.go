// Package raw is the format 'raw': a message is the value of the table's one column, as
// bytes without anything around it.
//
// Text is in a charset, numbers have the width of their type and an order of bytes. A
// missing message is NULL. In files a value is a line.
package raw

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Format is 'format' = 'raw'.
var Format = connect.Format{
	Name:    "raw",
	Summary: "The bytes of a single column.",
	Options: []connect.Option{
		{Key: "charset", Default: "UTF-8", Doc: "Charset of text: UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE or UTF-16LE."},
		{Key: "endianness", Type: connect.Enum, Values: []string{"big-endian", "little-endian"}, Default: "big-endian", Doc: "Order of the bytes of numbers."},
	},
	Changes: func(connect.Options) (connect.Changes, error) { return connect.AppendOnly, nil },
	Lines:   func(connect.Options) (bool, byte, error) { return true, 0, nil },
	Nulls:   true,
	Decoder: func(s types.Schema, read connect.Projection, o connect.Options, _ *connect.Table) (connect.Decoder, error) {
		c, err := newCodec(s, o)
		if err != nil {
			return nil, err
		}
		return &decoder{codec: c, rows: format.NewRows(s, read)}, nil
	},
	Encoder: func(s types.Schema, o connect.Options, _ *connect.Table) (connect.Encoder, error) {
		c, err := newCodec(s, o)
		if err != nil {
			return nil, err
		}
		return &encoder{codec: c}, nil
	},
}

// codec is what both directions know.
type codec struct {
	typ   types.Type
	order binary.ByteOrder
	width int // bytes of a number; 0: text or binary
	text  charset
}

// charset is how text lies.
type charset uint8

const (
	utf8Text charset = iota // also binary values
	ascii
	latin1
	utf16BE
	utf16LE
	utf16Mark // big endian unless a mark says otherwise
)

var charsets = map[string]charset{
	"UTF-8": utf8Text, "UTF8": utf8Text, "US-ASCII": ascii, "ASCII": ascii, "ISO-8859-1": latin1, "LATIN1": latin1,
	"UTF-16": utf16Mark, "UTF-16BE": utf16BE, "UTF-16LE": utf16LE,
}

func newCodec(s types.Schema, o connect.Options) (c codec, err error) {
	if len(s) != 1 {
		return c, diag.New(diag.SchemaMismatch, "format 'raw' is for one physical column, and there are %d: %s", len(s), strings.Join(s.Names(), ", "))
	}
	c.typ = s[0].Type
	switch {
	case c.typ.IsString(), c.typ.Kind == types.Binary, c.typ.Kind == types.VarBinary:
	case c.typ.Kind == types.Boolean, c.typ.Kind == types.TinyInt:
		c.width = 1
	case c.typ.Kind == types.SmallInt:
		c.width = 2
	case c.typ.Kind == types.Int, c.typ.Kind == types.Float:
		c.width = 4
	case c.typ.Kind == types.BigInt, c.typ.Kind == types.Double:
		c.width = 8
	default:
		return c, diag.New(diag.UnsupportedByFlink, "format 'raw' cannot hold column `%s` of type %s", s[0].Name, c.typ)
	}
	name := o.Text("charset", "UTF-8")
	ok := true
	if c.text, ok = charsets[strings.ToUpper(name)]; !ok {
		return c, connect.Invalid("raw.charset", "takes one of UTF-8, US-ASCII, ISO-8859-1, UTF-16, UTF-16BE and UTF-16LE, not '%s'", name)
	}
	if !c.typ.IsString() {
		c.text = utf8Text
	}
	end, err := o.Enum("endianness", "big-endian", "big-endian", "little-endian")
	c.order = binary.BigEndian
	if end == "little-endian" {
		c.order = binary.LittleEndian
	}
	return c, err
}

type decoder struct {
	codec
	rows *format.Rows
	line int64
	buf  []byte
}

func (d *decoder) Reset(line int64, _ bool) { d.line = max(line, 1) }
func (d *decoder) Line() int64              { return max(d.line, 1) }
func (d *decoder) HeaderDone() bool         { return true }

// Decode reads lines.
func (d *decoder) Decode(dst *batch.Batch, data []byte, at int64, last bool, max int) (int, error) {
	d.rows.Begin(dst, max)
	d.rows.Buffer(data)
	i, err := 0, error(nil)
	for i < len(data) && !d.rows.Full(1) {
		n := bytes.IndexByte(data[i:], '\n')
		end, next := i+n, i+n+1
		if n < 0 {
			if !last {
				break
			}
			end, next = len(data), len(data)
		}
		if why := d.value(data, i, end); why != "" {
			err = format.BadRecord(d.Line(), at+int64(i), why)
			break
		}
		d.line = d.Line() + 1
		i = next
	}
	d.rows.End()
	return i, err
}

// Message reads one value.
func (d *decoder) Message(dst *batch.Batch, data []byte) error {
	d.rows.BeginMessage(dst)
	d.rows.Buffer(data)
	why := d.value(data, 0, len(data))
	d.rows.End()
	if why != "" {
		return format.BadRecord(0, 0, why)
	}
	return nil
}

// Messages reads many values.
func (d *decoder) Messages(dst *batch.Batch, m *connect.Messages, max int) (err error) {
	d.rows.BeginMessages(dst, max)
	d.rows.Buffer(m.Data)
	for k := 0; k < m.Len() && d.rows.N() < max; k++ {
		from, to := m.Message(k)
		if why := d.value(m.Data, from, to); why != "" {
			err = format.BadRecord(0, 0, why)
			break
		}
		m.End(d.rows.N())
	}
	d.rows.End()
	return err
}

// value puts data[from:to] as a row, or says what is wrong with it.
func (d *decoder) value(data []byte, from, to int) string {
	if d.width > 0 && to-from != d.width {
		return "a " + d.typ.String() + " has " + digits(d.width) + " bytes, not " + digits(to-from)
	}
	c := d.rows.Cols[0]
	if c == nil {
		d.rows.EndRow(batch.Insert)
		return ""
	}
	v := data[from:to]
	switch d.typ.Kind {
	case types.Boolean:
		c.Bool(v[0] != 0)
	case types.TinyInt:
		c.I8(int8(v[0]))
	case types.SmallInt:
		c.I16(int16(d.order.Uint16(v)))
	case types.Int:
		c.I32(int32(d.order.Uint32(v)))
	case types.BigInt:
		c.I64(int64(d.order.Uint64(v)))
	case types.Float:
		c.F32(math.Float32frombits(d.order.Uint32(v)))
	case types.Double:
		c.F64(math.Float64frombits(d.order.Uint64(v)))
	default:
		d.string(c, data, from, to)
	}
	d.rows.EndRow(batch.Insert)
	return ""
}

// string puts text; what is no text of the charset becomes the replacement character, as
// in Java.
func (d *decoder) string(c *format.Column, data []byte, from, to int) {
	v := data[from:to]
	if d.text == utf8Text && (!d.typ.IsString() || utf8.Valid(v)) || d.text <= latin1 && plain(v) {
		c.Ref(from, to)
		return
	}
	d.buf = d.buf[:0]
	switch d.text {
	case utf8Text:
		d.buf = append(d.buf, bytes.ToValidUTF8(v, []byte("\uFFFD"))...)
	case ascii:
		for _, b := range v {
			if b < utf8.RuneSelf {
				d.buf = append(d.buf, b)
			} else {
				d.buf = utf8.AppendRune(d.buf, utf8.RuneError)
			}
		}
	case latin1:
		for _, b := range v {
			d.buf = utf8.AppendRune(d.buf, rune(b))
		}
	default:
		d.buf = appendUTF16(d.buf, v, d.text)
	}
	c.Bytes(d.buf)
}

func plain(v []byte) bool {
	for _, b := range v {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func appendUTF16(dst, v []byte, set charset) []byte {
	var order binary.ByteOrder = binary.BigEndian
	if set == utf16LE {
		order = binary.LittleEndian
	}
	if set == utf16Mark && len(v) >= 2 {
		switch binary.BigEndian.Uint16(v) {
		case 0xFEFF:
			v = v[2:]
		case 0xFFFE:
			v, order = v[2:], binary.LittleEndian
		}
	}
	units := make([]uint16, 0, len(v)/2)
	for ; len(v) >= 2; v = v[2:] {
		units = append(units, order.Uint16(v))
	}
	for _, r := range utf16.Decode(units) {
		dst = utf8.AppendRune(dst, r)
	}
	if len(v) > 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	return dst
}

type encoder struct{ codec }

func (e *encoder) Header() []byte { return nil }

// Encode writes lines; NULL is an empty one.
func (e *encoder) Encode(dst []byte, b *batch.Batch) ([]byte, error) {
	for i := range b.Rows() {
		if lane := b.Lane(i); !b.Cols[0].IsNull(lane) {
			dst = e.append(dst, &b.Cols[0], lane)
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}

// Messages writes values; NULL is a missing one.
func (e *encoder) Messages(out *connect.Encoded, b *batch.Batch) error {
	for i := range b.Rows() {
		lane := b.Lane(i)
		if b.Cols[0].IsNull(lane) {
			out.Null()
			continue
		}
		out.Data = e.append(out.Data, &b.Cols[0], lane)
		out.End()
	}
	return nil
}

func (e *encoder) append(dst []byte, c *batch.Col, lane int) []byte {
	switch e.typ.Kind {
	case types.Boolean:
		if c.Enc == batch.Const {
			lane = 0
		}
		if c.Bool(lane) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case types.Float:
		return e.number(dst, uint64(math.Float32bits(float32(c.Float(lane)))))
	case types.Double:
		return e.number(dst, math.Float64bits(c.Float(lane)))
	}
	if e.width > 0 {
		return e.number(dst, uint64(c.Int(lane)))
	}
	var scratch [12]byte
	v := c.Bytes(lane, &scratch)
	if e.text == utf8Text {
		return append(dst, v...)
	}
	if e.text == utf16Mark {
		dst = append(dst, 0xFE, 0xFF)
	}
	for _, r := range string(v) {
		switch {
		case e.text == ascii && r >= utf8.RuneSelf, e.text == latin1 && r > 0xFF:
			dst = append(dst, '?')
		case e.text <= latin1:
			dst = append(dst, byte(r))
		case e.text == utf16LE:
			for _, u := range utf16.AppendRune(nil, r) {
				dst = binary.LittleEndian.AppendUint16(dst, u)
			}
		default:
			for _, u := range utf16.AppendRune(nil, r) {
				dst = binary.BigEndian.AppendUint16(dst, u)
			}
		}
	}
	return dst
}

// number appends the low bytes of v in the codec's order.
func (e *encoder) number(dst []byte, v uint64) []byte {
	for i := range e.width {
		shift := 8 * i
		if e.order == binary.BigEndian {
			shift = 8 * (e.width - 1 - i)
		}
		dst = append(dst, byte(v>>shift))
	}
	return dst
}

func digits(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return digits(n/10) + digits(n%10)
}
