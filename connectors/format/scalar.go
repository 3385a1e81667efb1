package format

import (
	"bytes"
	"encoding/base64"
	"math"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/types"
)

// ParseScalar puts the value that s is the text of into a column that is not
// nested, as CSV files and names of partitions have it: spaces around anything but
// a string do not count, binary values are base64. It reports false, and puts
// nothing, when s is no value of the type.
func ParseScalar(c *Column, s []byte) bool {
	if c.Type.IsString() {
		if !utf8.Valid(s) {
			return false
		}
		c.Bytes(s)
		return true
	}
	s = bytes.TrimSpace(s)
	switch t := c.Type; t.Kind {
	case types.BigInt, types.IntervalDT:
		n, ok := ParseInt(s)
		if ok {
			c.I64(n)
		}
		return ok
	case types.Int, types.IntervalYM:
		n, ok := ParseInt(s)
		if ok = ok && n >= math.MinInt32 && n <= math.MaxInt32; ok {
			c.I32(int32(n))
		}
		return ok
	case types.SmallInt:
		n, ok := ParseInt(s)
		if ok = ok && n >= math.MinInt16 && n <= math.MaxInt16; ok {
			c.I16(int16(n))
		}
		return ok
	case types.TinyInt:
		n, ok := ParseInt(s)
		if ok = ok && n >= math.MinInt8 && n <= math.MaxInt8; ok {
			c.I8(int8(n))
		}
		return ok
	case types.Variant:
		return c.Variant(s)
	case types.Boolean:
		v := len(s) == 4
		if !(v && bytes.EqualFold(s, []byte("true")) || bytes.EqualFold(s, []byte("false"))) {
			return false
		}
		c.Bool(v)
		return true
	case types.Double:
		v, ok := ParseFloat(s)
		if ok {
			c.F64(v)
		}
		return ok
	case types.Float:
		v, ok := ParseFloat32(s)
		if ok {
			c.F32(v)
		}
		return ok
	case types.Decimal:
		v, fits, ok := ParseDecimal(s, t.Prec, t.Scale)
		if fits && ok {
			c.Dec(v)
		}
		return fits && ok
	case types.Date:
		v, ok := ParseDate(s)
		if ok {
			c.I32(v)
		}
		return ok
	case types.Time:
		v, ok := ParseTime(s, t.Prec)
		if ok {
			c.I32(v)
		}
		return ok
	case types.Timestamp:
		return c.Timestamp(s, SpaceForm|TForm|Short)
	case types.TimestampLTZ:
		return c.Timestamp(s, AnyForm)
	case types.Binary, types.VarBinary:
		v, err := base64.StdEncoding.AppendDecode(nil, s)
		if err == nil {
			c.Bytes(v)
		}
		return err == nil
	}
	return false
}
