package format

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// JSONWriter writes values as JSON.
//
// With Exact, values have the forms of `--output json` and changelog-json, which
// lose nothing and read back: decimals are strings with their full scale, times
// have all digits of their precision, what JSON cannot say is said in SQL's text.
// Without, they have the forms of Flink's format json.
type JSONWriter struct {
	Exact bool
	// The rest is for Flink's forms.
	Sep          byte // between date and time; ' ' or 'T'
	PlainDecimal bool // decimals never have an exponent
	SkipNulls    bool // fields that are NULL are left out
	NullKeys     NullKeys
	NullKey      string // what stands for a NULL key
	Offset       bool   // all timestamps end in Z
}

// NullKeys is what is done with a NULL key of a MAP.
type NullKeys uint8

// Ways to treat a NULL key.
const (
	NullKeyFail NullKeys = iota
	NullKeyDrop
	NullKeyLiteral
)

// JSONNames are the names of fields, ready to be written.
type JSONNames [][]byte

// NewJSONNames quotes the names of fields.
func NewJSONNames(fields []types.Field) JSONNames {
	out := make(JSONNames, len(fields))
	for i, f := range fields {
		out[i] = append(AppendJSONString(nil, []byte(f.Name)), ':')
	}
	return out
}

// Object writes the lanes of some columns as an object.
func (w *JSONWriter) Object(dst []byte, names JSONNames, cols []batch.Col, lane int) ([]byte, error) {
	dst = append(dst, '{')
	first := true
	var err error
	for i := range names {
		if w.SkipNulls && cols[i].IsNull(lane) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, names[i]...)
		if dst, err = w.Value(dst, &cols[i], lane); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// Value writes the value of a lane.
func (w *JSONWriter) Value(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	if c.IsNull(lane) {
		return append(dst, "null"...), nil
	}
	lane = c.ValueLane(lane)
	switch t := c.Type; t.Kind {
	case types.Char, types.VarChar:
		var s [12]byte
		return AppendJSONString(dst, c.Bytes(lane, &s)), nil
	case types.BigInt:
		return strconv.AppendInt(dst, c.I64[lane], 10), nil
	case types.TinyInt, types.SmallInt, types.Int:
		return strconv.AppendInt(dst, c.Int(lane), 10), nil
	case types.Boolean:
		return strconv.AppendBool(dst, c.Bool(lane)), nil
	case types.Double:
		return w.float(dst, c.F64[lane], 64), nil
	case types.Float:
		return w.float(dst, float64(c.F32[lane]), 32), nil
	case types.Decimal:
		d := DecOf(c, lane)
		if w.Exact {
			return append(AppendDecimal(append(dst, '"'), d, t.Scale), '"'), nil
		}
		return AppendShortDecimal(dst, d, t.Scale, w.PlainDecimal), nil
	case types.Date:
		return append(AppendDate(append(dst, '"'), int64(c.I32[lane])), '"'), nil
	case types.Time, types.Timestamp, types.TimestampLTZ:
		return w.time(dst, c, lane), nil
	case types.IntervalYM, types.IntervalDT:
		if w.Exact {
			return append(kernel.AppendText(append(dst, '"'), c, lane, nil), '"'), nil
		}
		return strconv.AppendInt(dst, c.Int(lane), 10), nil
	case types.Binary, types.VarBinary, types.Raw:
		var s [12]byte
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), c.Bytes(lane, &s))
		return append(dst, '"'), nil
	case types.Row:
		return w.row(dst, c, lane)
	case types.Array:
		return w.array(dst, c, lane)
	case types.Map, types.Multiset:
		return w.mapping(dst, c, lane)
	case types.Variant:
		return w.variant(dst, c, lane), nil
	}
	return AppendJSONString(dst, kernel.AppendText(nil, c, lane, nil)), nil
}

func (w *JSONWriter) float(dst []byte, v float64, size int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	case w.Exact:
		return AppendFloat(dst, v, size)
	}
	return AppendJavaFloat(dst, v, size)
}

func (w *JSONWriter) time(dst []byte, c *batch.Col, lane int) []byte {
	dst = append(dst, '"')
	t := c.Type
	switch {
	case t.Kind == types.Time && w.Exact:
		dst = AppendTime(dst, c.I32[lane], t.Prec)
	case t.Kind == types.Time:
		dst = AppendShortTime(dst, c.I32[lane])
	case w.Exact:
		dst = AppendTimestamp(dst, c.I64[lane], t.PerSecond(), t.Prec, ' ')
	default:
		dst = AppendShortTimestamp(dst, c.I64[lane], t.PerSecond(), w.Sep)
	}
	if t.Kind == types.TimestampLTZ || w.Offset && t.Kind == types.Timestamp {
		dst = append(dst, 'Z')
	}
	return append(dst, '"')
}

func (w *JSONWriter) row(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	dst = append(dst, '{')
	first := true
	var err error
	for i := range c.Kids {
		if w.SkipNulls && c.Kids[i].IsNull(lane) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(AppendJSONString(dst, []byte(c.Type.Fields[i].Name)), ':')
		if dst, err = w.Value(dst, &c.Kids[i], lane); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (w *JSONWriter) array(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i := c.Offs[lane]; i < c.Offs[lane+1]; i++ {
		if i > c.Offs[lane] {
			dst = append(dst, ',')
		}
		if dst, err = w.Value(dst, &c.Kids[0], int(i)); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// mapping writes a MAP, or a MULTISET as a map from elements to counts.
func (w *JSONWriter) mapping(dst []byte, c *batch.Col, lane int) ([]byte, error) {
	dst = append(dst, '{')
	first := true
	var err error
	for i := c.Offs[lane]; i < c.Offs[lane+1]; i++ {
		key, null := &c.Kids[0], c.Kids[0].IsNull(int(i))
		if null && !w.Exact {
			if w.NullKeys == NullKeyDrop {
				continue
			}
			if w.NullKeys == NullKeyFail {
				return dst, diag.New(diag.MalformedRecord, "a map has a NULL key, which JSON cannot have").
					WithHint("set 'json.map-null-key.mode' to DROP or LITERAL")
			}
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		var s [12]byte
		switch {
		case null && w.Exact:
			dst = append(dst, `"null"`...)
		case null:
			dst = AppendJSONString(dst, []byte(w.NullKey))
		case key.Type.IsString():
			dst = AppendJSONString(dst, key.Bytes(int(i), &s))
		case key.Type.IsBinary() || key.Type.Kind == types.Raw:
			dst = base64.StdEncoding.AppendEncode(append(dst, '"'), key.Bytes(int(i), &s))
			dst = append(dst, '"')
		default:
			dst = AppendJSONString(dst, kernel.AppendText(nil, key, int(i), nil))
		}
		dst = append(dst, ':')
		if dst, err = w.Value(dst, &c.Kids[1], int(i)); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// variant writes a VARIANT as the JSON value it is.
func (w *JSONWriter) variant(dst []byte, c *batch.Col, lane int) []byte {
	return kernel.AppendText(dst, c, lane, nil)
}

const hexDigits = "0123456789ABCDEF"

// AppendJSONString writes a string with quotes. Bytes that are no UTF-8 become
// U+FFFD.
func AppendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for {
		n, wide := ScanString(s, 0)
		if wide && !utf8.Valid(s[:n]) {
			for _, r := range string(s[:n]) {
				dst = utf8.AppendRune(dst, r)
			}
		} else {
			dst = append(dst, s[:n]...)
		}
		if n == len(s) {
			return append(dst, '"')
		}
		switch c := s[n]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		s = s[n+1:]
	}
}
