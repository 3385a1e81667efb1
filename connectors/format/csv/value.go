package csv

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/types"
)

// field is a column of the table and how its text is read.
type field struct {
	col *format.Column // nil when not read
	op  op
	t   types.Type
}

// op is how a text becomes a value.
type op uint8

const (
	opSkip op = iota
	opString
	opI64
	opOther
)

func opOf(c *format.Column) op {
	switch {
	case c == nil:
		return opSkip
	case c.Type.IsString():
		return opString
	case c.Type.Kind == types.BigInt:
		return opI64
	}
	return opOther
}

// put reads value into column k. It lies at data[from:to], or in the scratch if
// made.
func (f *field) put(d *decoder, k int, data []byte, from, to int, value []byte, made, wide, quoted bool) {
	if f.op == opSkip {
		return
	}
	if !quoted && !made && d.hasNull && string(value) == d.null {
		f.col.Null()
		return
	}
	if f.op == opString {
		switch {
		case d.emptyNull && len(value) == 0:
			f.col.Null()
		case wide && !utf8.Valid(value):
			d.noteValue(k, value, "is not valid UTF-8")
			f.col.Null()
		case made:
			f.col.Bytes(value)
		default:
			f.col.Ref(from, to)
		}
		return
	}
	if len(value) == 0 && !quoted {
		f.col.Null()
		return
	}
	if !d.parse(f.col, value) {
		f.col.Undo()
		d.noteValue(k, value, "is no "+plainType(f.t))
		f.col.Null()
	}
}

// parse puts a text into a column; false when it is no value of the type.
func (d *decoder) parse(c *format.Column, s []byte) bool {
	switch c.Type.Kind {
	case types.Array:
		return d.parseArray(c, s)
	case types.Row:
		return d.parseRow(c, s)
	}
	return format.ParseScalar(c, s)
}

func (d *decoder) parseArray(c *format.Column, s []byte) bool {
	sep := []byte(d.element)
	for len(s) > 0 {
		v, rest, more := bytes.Cut(s, sep)
		if !d.element1(c.Kids[0], v) {
			return false
		}
		s = rest
		if more && len(s) == 0 && !d.element1(c.Kids[0], nil) {
			return false
		}
	}
	c.EndList()
	return true
}

func (d *decoder) parseRow(c *format.Column, s []byte) bool {
	sep := []byte(d.element)
	for i, k := range c.Kids {
		v, rest, more := bytes.Cut(s, sep)
		if k != nil && !d.element1(k, v) {
			return false
		}
		if s = rest; more != (i+1 < len(c.Kids)) {
			return false
		}
	}
	c.EndStruct()
	return true
}

// element1 reads an element of an ARRAY or a field of a ROW.
func (d *decoder) element1(c *format.Column, v []byte) bool {
	if d.hasNull && string(v) == d.null || len(v) == 0 && !c.Type.IsString() {
		c.Null()
		return true
	}
	return d.parse(c, v)
}

func plainType(t types.Type) string {
	t = t.Plain()
	t.NotNull = false
	return t.String()
}

// note keeps the first thing wrong with a record.
func (d *decoder) note(what string, k int) {
	if d.bad == "" {
		d.bad = what + "`" + d.schema[k].Name + "`"
	}
}

func (d *decoder) noteValue(k int, v []byte, what string) {
	if d.bad == "" {
		d.bad = "column `" + d.schema[k].Name + "`: " + format.Excerpt(v) + " " + what
	}
}

func (d *decoder) noteCount(n int) {
	if d.bad == "" {
		d.bad = strconv.Itoa(len(d.fields)) + " fields expected, but the record has " + strconv.Itoa(n)
	}
}
