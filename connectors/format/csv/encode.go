package csv

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

type encoder struct {
	config
	schema types.Schema
	// special has the characters that make quotes necessary.
	special [256]bool
	scratch []byte
}

func newEncoder(s types.Schema, o connect.Options, t *connect.Table) (connect.Encoder, error) {
	c, err := readConfig(o, t)
	if err != nil {
		return nil, err
	}
	if err := checkTypes(s); err != nil {
		return nil, err
	}
	e := &encoder{config: c, schema: s}
	for _, b := range []byte{c.delim, c.quote, c.escape, '\n', '\r'} {
		e.special[b] = b != 0
	}
	return e, nil
}

// Header is the column names if mink's header option is on.
func (e *encoder) Header() []byte {
	if !e.header {
		return nil
	}
	var dst []byte
	for i, f := range e.schema {
		if i > 0 {
			dst = append(dst, e.delim)
		}
		// A name that cannot be written shows when rows are.
		if d, err := e.text(dst, []byte(f.Name), false); err == nil {
			dst = d
		}
	}
	return append(dst, '\n')
}

// Encode appends a line for each row.
func (e *encoder) Encode(dst []byte, b *batch.Batch) ([]byte, error) {
	start := len(dst)
	for r := range b.Rows() {
		lane := b.Lane(r)
		row := len(dst)
		for i := range e.schema {
			if i > 0 {
				dst = append(dst, e.delim)
			}
			var err error
			if dst, err = e.field(dst, &b.Cols[i], lane); err != nil {
				return dst[:start], err
			}
		}
		// A line that a reader would skip gets quotes around its first field.
		if e.quote != 0 && (len(dst) == row || e.comments && dst[row] == '#') {
			end := len(dst)
			if k := bytes.IndexByte(dst[row:], e.delim); k >= 0 {
				end = row + k
			}
			rest := append([]byte{e.quote}, dst[end:]...)
			first := append([]byte{e.quote}, dst[row:end]...)
			dst = append(append(dst[:row], first...), rest...)
		}
		dst = append(dst, '\n')
	}
	return dst, nil
}

func (e *encoder) field(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	if c.IsNull(lane) {
		return append(dst, e.null...), nil
	}
	lane = c.ValueLane(lane)
	switch {
	case c.Type.IsString():
		var t [12]byte
		return e.text(dst, c.Bytes(lane, &t), true)
	case c.Type.Kind == types.Variant:
		e.scratch = kernel.AppendText(e.scratch[:0], c, lane, nil)
		return e.text(dst, e.scratch, false)
	case c.Type.IsNested():
		e.scratch = e.nested(e.scratch[:0], c, lane)
		if len(e.scratch) == 0 {
			return e.nothing(dst), nil
		}
		return e.text(dst, e.scratch, false)
	}
	from := len(dst)
	if dst = e.scalar(dst, c, lane); len(dst) == from {
		return e.nothing(dst), nil
	}
	for _, b := range dst[from:] {
		// Only a strange delimiter, such as a digit or a minus, gets here.
		if e.special[b] {
			e.scratch = append(e.scratch[:0], dst[from:]...)
			return e.text(dst[:from], e.scratch, false)
		}
	}
	return dst, nil
}

// nothing writes a value without text, such as an empty list: without quotes it
// would read as NULL.
func (e *encoder) nothing(dst []byte) []byte {
	if e.quote == 0 {
		return dst
	}
	return append(dst, e.quote, e.quote)
}

// text writes a field, in quotes where needed. A string that reads as NULL needs
// them too.
func (e *encoder) text(dst, s []byte, str bool) ([]byte, error) {
	// At the start of a file a byte order mark would be dropped.
	need := str && e.hasNull && string(s) == e.null || bytes.HasPrefix(s, byteOrderMark) ||
		e.trim && len(s) > 0 && (isSpace(s[0]) || isSpace(s[len(s)-1]))
	for _, b := range s {
		if e.special[b] {
			need = true
			break
		}
	}
	if !need {
		return append(dst, s...), nil
	}
	if e.quote == 0 {
		return e.escapedText(dst, s)
	}
	esc := e.quote
	if e.escape != 0 {
		esc = e.escape
	}
	dst = append(dst, e.quote)
	for _, b := range s {
		if b == e.quote || b == esc {
			dst = append(dst, esc)
		}
		dst = append(dst, b)
	}
	return append(dst, e.quote), nil
}

// escapedText writes a field that needs quotes when there are none.
func (e *encoder) escapedText(dst, s []byte) ([]byte, error) {
	if e.escape == 0 {
		return dst, connect.Invalid("csv.disable-quote-character",
			"leaves no way to write the value %s; set 'csv.escape-character'", format.Excerpt(s))
	}
	// One character at least, so that the value is no NULL and no byte order mark.
	first := bytes.IndexFunc(s, func(r rune) bool { return escaped(byte(r)) == byte(r) })
	for i, b := range s {
		switch {
		case b == '\n':
			dst = append(dst, e.escape, 'n')
			continue
		case b == '\r':
			dst = append(dst, e.escape, 'r')
			continue
		case e.special[b] || i == first:
			dst = append(dst, e.escape)
		}
		dst = append(dst, b)
	}
	return dst, nil
}

// nested writes the elements of an ARRAY or the fields of a ROW.
func (e *encoder) nested(dst []byte, c *batch.Col, lane int) []byte {
	one := func(k *batch.Col, l, i int) {
		if i > 0 {
			dst = append(dst, e.element...)
		}
		if k.IsNull(l) {
			dst = append(dst, e.null...)
			return
		}
		dst = e.scalar(dst, k, k.ValueLane(l))
	}
	if c.Type.Kind == types.Row {
		for i := range c.Kids {
			one(&c.Kids[i], lane, i)
		}
		return dst
	}
	for i := c.Offs[lane]; i < c.Offs[lane+1]; i++ {
		one(&c.Kids[0], int(i), int(i-c.Offs[lane]))
	}
	return dst
}

// scalar writes a value that is not NULL; lane is its place in the storage.
func (e *encoder) scalar(dst []byte, c *batch.Col, lane int) []byte {
	switch t := c.Type; t.Kind {
	case types.Char, types.VarChar:
		var s [12]byte
		return append(dst, c.Bytes(lane, &s)...)
	case types.Binary, types.VarBinary:
		var s [12]byte
		return base64.StdEncoding.AppendEncode(dst, c.Bytes(lane, &s))
	case types.Boolean:
		return strconv.AppendBool(dst, c.Bool(lane))
	case types.Float:
		return format.AppendJavaFloat(dst, float64(c.F32[lane]), 32)
	case types.Double:
		return format.AppendJavaFloat(dst, c.F64[lane], 64)
	case types.Decimal:
		d := format.DecOf(c, lane)
		if e.scientific {
			return format.AppendShortDecimal(dst, d, t.Scale, false)
		}
		return format.AppendDecimal(dst, d, t.Scale)
	case types.Date:
		return format.AppendDate(dst, int64(c.I32[lane]))
	case types.Time:
		return format.AppendShortTime(dst, c.I32[lane])
	case types.Timestamp:
		return format.AppendShortTimestamp(dst, c.I64[lane], t.PerSecond(), ' ')
	case types.TimestampLTZ:
		return append(format.AppendShortTimestamp(dst, c.I64[lane], t.PerSecond(), ' '), 'Z')
	default:
		return strconv.AppendInt(dst, c.Int(lane), 10)
	}
}
