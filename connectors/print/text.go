package print

import (
	"strconv"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// appendRow writes a row as Java prints it: [1, abc, null].
func appendRow(dst []byte, cols []batch.Col, lane int) []byte {
	dst = append(dst, '[')
	for i := range cols {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendValue(dst, &cols[i], lane)
	}
	return append(dst, ']')
}

// appendValue writes a value in the form of Java's toString. Rows inside of rows
// are inserts.
func appendValue(dst []byte, c *batch.Col, lane int) []byte {
	if c.IsNull(lane) {
		return append(dst, "null"...)
	}
	lane = c.ValueLane(lane)
	switch t := c.Type; t.Kind {
	case types.Boolean:
		return strconv.AppendBool(dst, c.Bool(lane))
	case types.Variant, types.Bitmap:
		return kernel.AppendText(dst, c, lane, nil)
	case types.Char, types.VarChar:
		var s [12]byte
		return append(dst, c.Bytes(lane, &s)...)
	case types.Binary, types.VarBinary, types.Raw:
		var s [12]byte
		dst = append(dst, '[')
		for i, b := range c.Bytes(lane, &s) {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = strconv.AppendInt(dst, int64(int8(b)), 10)
		}
		return append(dst, ']')
	case types.Float:
		return format.AppendJavaFloat(dst, float64(c.F32[lane]), 32)
	case types.Double:
		return format.AppendJavaFloat(dst, c.F64[lane], 64)
	case types.Decimal:
		return format.AppendDecimal(dst, format.DecOf(c, lane), t.Scale)
	case types.Date:
		return format.AppendDate(dst, int64(c.I32[lane]))
	case types.Time:
		ms := int64(c.I32[lane])
		return appendClock(dst, ms/1000, ms%1000*1_000_000)
	case types.Timestamp:
		return appendDateTime(dst, c.I64[lane], t.PerSecond(), false)
	case types.TimestampLTZ:
		return append(appendDateTime(dst, c.I64[lane], t.PerSecond(), true), 'Z')
	case types.IntervalYM:
		return appendPeriod(dst, c.I32[lane])
	case types.IntervalDT:
		return appendDuration(dst, c.I64[lane])
	case types.Row:
		return appendRow(append(dst, "+I"...), c.Kids, lane)
	case types.Array:
		dst = append(dst, '[')
		for i := c.Offs[lane]; i < c.Offs[lane+1]; i++ {
			if i > c.Offs[lane] {
				dst = append(dst, ", "...)
			}
			dst = appendValue(dst, &c.Kids[0], int(i))
		}
		return append(dst, ']')
	case types.Map, types.Multiset:
		dst = append(dst, '{')
		for i := c.Offs[lane]; i < c.Offs[lane+1]; i++ {
			if i > c.Offs[lane] {
				dst = append(dst, ", "...)
			}
			dst = append(appendValue(dst, &c.Kids[0], int(i)), '=')
			dst = appendValue(dst, &c.Kids[1], int(i))
		}
		return append(dst, '}')
	default:
		return strconv.AppendInt(dst, c.Int(lane), 10)
	}
}

// appendDateTime writes 2020-01-01T00:00; an instant always has its seconds.
func appendDateTime(dst []byte, v, perSecond int64, instant bool) []byte {
	days, sec, nanos := format.SplitTicks(v, perSecond)
	dst = append(format.AppendDate(dst, days), 'T')
	if instant && sec%60 == 0 && nanos == 0 {
		return format.AppendClock(dst, sec, 0, 0)
	}
	return appendClock(dst, sec, nanos)
}

// appendClock leaves out seconds that are zero, and writes a fraction with three,
// six or nine digits.
func appendClock(dst []byte, sec, nanos int64) []byte {
	switch {
	case nanos == 0 && sec%60 == 0:
		dst = format.AppendClock(dst, sec, 0, 0)
		return dst[:len(dst)-3]
	case nanos == 0:
		return format.AppendClock(dst, sec, 0, 0)
	case nanos%1_000_000 == 0:
		return format.AppendClock(dst, sec, nanos, 3)
	case nanos%1000 == 0:
		return format.AppendClock(dst, sec, nanos, 6)
	}
	return format.AppendClock(dst, sec, nanos, 9)
}

// appendPeriod writes months as P1Y2M.
func appendPeriod(dst []byte, months int32) []byte {
	dst = append(dst, 'P')
	if months == 0 {
		return append(dst, "0D"...)
	}
	if y := months / 12; y != 0 {
		dst = append(strconv.AppendInt(dst, int64(y), 10), 'Y')
	}
	if m := months % 12; m != 0 {
		dst = append(strconv.AppendInt(dst, int64(m), 10), 'M')
	}
	return dst
}

// appendDuration writes milliseconds as PT26H3M4.5S.
func appendDuration(dst []byte, millis int64) []byte {
	dst = append(dst, "PT"...)
	if millis == 0 {
		return append(dst, "0S"...)
	}
	sec, frac := millis/1000, millis%1000
	if h := sec / 3600; h != 0 {
		dst = append(strconv.AppendInt(dst, h, 10), 'H')
	}
	if m := sec % 3600 / 60; m != 0 {
		dst = append(strconv.AppendInt(dst, m, 10), 'M')
	}
	s := sec % 60
	if s == 0 && frac == 0 {
		return dst
	}
	if s == 0 && frac < 0 {
		dst = append(dst, '-')
	}
	dst = strconv.AppendInt(dst, s, 10)
	if frac < 0 {
		frac = -frac
	}
	if frac != 0 {
		dst = append(dst, '.', byte('0'+frac/100), byte('0'+frac/10%10), byte('0'+frac%10))
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 'S')
}
