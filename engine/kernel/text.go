package kernel

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// AppendText writes the value of a lane as CAST(... AS STRING) does, NULL as
// "NULL". Times with local zone are shown in zone; nil is UTC.
func AppendText(dst []byte, c *batch.Col, lane int, zone *time.Location) []byte {
	z := MakeZone(zone)
	return appendText(dst, c, lane, &z, false)
}

// AppendShown is AppendText for the eye: bytes are written as literals, x'4142'.
func AppendShown(dst []byte, c *batch.Col, lane int, zone *time.Location) []byte {
	z := MakeZone(zone)
	return appendText(dst, c, lane, &z, true)
}

func appendText(dst []byte, c *batch.Col, lane int, z *Zone, shown bool) []byte {
	if c.IsNull(lane) {
		return append(dst, "NULL"...)
	}
	i := c.ValueLane(lane)
	t := c.Type
	switch t.Kind {
	case types.Boolean:
		return appendBool(dst, batch.Bit(c.Bits, i))
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt:
		return strconv.AppendInt(dst, c.Int(lane), 10)
	case types.Float:
		return AppendFloat(dst, float64(c.F32[i]), 32)
	case types.Double:
		return AppendFloat(dst, c.F64[i], 64)
	case types.Decimal:
		if c.Dec != nil {
			return AppendDec(dst, c.Dec[i], t.Scale)
		}
		return AppendDec(dst, batch.DecOf(c.I64[i]), t.Scale)
	case types.Date:
		return AppendDate(dst, int64(c.I32[i]))
	case types.Time:
		return AppendTime(dst, int64(c.I32[i]), t.Prec)
	case types.Timestamp:
		return AppendTimestamp(dst, c.I64[i], t)
	case types.TimestampLTZ:
		return AppendTimestamp(dst, z.LocalTicks(c.I64[i], t.PerSecond()), t)
	case types.IntervalYM:
		return AppendMonths(dst, int64(c.I32[i]))
	case types.IntervalDT:
		return AppendMillis(dst, c.I64[i])
	case types.Array, types.Map, types.Multiset:
		return appendList(dst, c, i, z, shown)
	case types.Variant:
		return AppendJSON(dst, c, lane)
	case types.Bitmap:
		var tmp [batch.InlineMax]byte
		return AppendBitmapText(dst, BitmapOf(c.Bytes(i, &tmp)))
	case types.Row:
		dst = append(dst, '(')
		for k := range c.Kids {
			if k > 0 {
				dst = append(dst, ", "...)
			}
			if t.Class != "" {
				dst = append(append(dst, t.Fields[k].Name...), '=')
			}
			dst = appendText(dst, &c.Kids[k], i, z, shown)
		}
		return append(dst, ')')
	}
	var tmp [batch.InlineMax]byte
	if shown && t.IsBinary() {
		return append(hex.AppendEncode(append(dst, "x'"...), c.Bytes(i, &tmp)), '\'')
	}
	return append(dst, c.Bytes(i, &tmp)...)
}

// appendList writes [a, b] for arrays and {k=v, ...} for maps and multisets.
func appendList(dst []byte, c *batch.Col, i int, z *Zone, shown bool) []byte {
	array := c.Type.Kind == types.Array
	if array {
		dst = append(dst, '[')
	} else {
		dst = append(dst, '{')
	}
	for k := c.Offs[i]; k < c.Offs[i+1]; k++ {
		if k > c.Offs[i] {
			dst = append(dst, ", "...)
		}
		dst = appendText(dst, &c.Kids[0], int(k), z, shown)
		if !array {
			dst = append(dst, '=')
			dst = appendText(dst, &c.Kids[1], int(k), z, shown)
		}
	}
	if array {
		return append(dst, ']')
	}
	return append(dst, '}')
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, "TRUE"...)
	}
	return append(dst, "FALSE"...)
}

// AppendFloat writes a float as Java does: the shortest digits that read back,
// with a point, and an exponent below 10^-3 and from 10^7 on. size is 32 or 64.
func AppendFloat(dst []byte, v float64, size int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	case v == 0:
		if math.Signbit(v) {
			return append(dst, "-0.0"...)
		}
		return append(dst, "0.0"...)
	}
	if a := math.Abs(v); a >= 1e-3 && a < 1e7 {
		at := len(dst)
		dst = strconv.AppendFloat(dst, v, 'f', -1, size)
		return withPoint(dst, at, len(dst))
	}
	at := len(dst)
	dst = strconv.AppendFloat(dst, v, 'e', -1, size)
	e := bytes.IndexByte(dst[at:], 'e') + at
	if a := math.Abs(v); (a < 1e-321 || size == 32 && a < 1e-42) && bytes.IndexByte(dst[at:e], '.') < 0 {
		// Values lie far apart down there: where one digit tells them, Java writes the two
		// that are nearest, 4.9E-324.
		dst = strconv.AppendFloat(dst[:at], v, 'e', 1, size)
		e = bytes.IndexByte(dst[at:], 'e') + at
	}
	exp, _ := strconv.Atoi(string(dst[e+1:]))
	dst = withPoint(dst[:e], at, e)
	dst = append(dst, 'E')
	return strconv.AppendInt(dst, int64(exp), 10)
}

// withPoint adds ".0" when dst[at:end] has no point.
func withPoint(dst []byte, at, end int) []byte {
	for _, c := range dst[at:end] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// AppendDec writes an unscaled decimal with all digits of its scale.
func AppendDec(dst []byte, d batch.Dec, scale int) []byte {
	m, neg := magnitude(d)
	if neg {
		dst = append(dst, '-')
	}
	if m.hi == 0 && m.lo < 1<<63 && scale <= 18 {
		if scale == 0 {
			return strconv.AppendUint(dst, m.lo, 10)
		}
		k := uint64(pow10Int[scale])
		dst = strconv.AppendUint(dst, m.lo/k, 10)
		dst = append(dst, '.')
		return appendPadded(dst, m.lo%k, scale)
	}
	var digits [40]byte
	i := len(digits)
	for !m.isZero() || len(digits)-i <= scale {
		var r uint64
		m, r = m.div64(10)
		i--
		digits[i] = '0' + byte(r)
	}
	point := len(digits) - scale
	dst = append(dst, digits[i:point]...)
	if scale > 0 {
		dst = append(dst, '.')
		dst = append(dst, digits[point:]...)
	}
	return dst
}

// appendPadded writes v with at least n digits.
func appendPadded(dst []byte, v uint64, n int) []byte {
	var digits [20]byte
	i := len(digits)
	for v != 0 || len(digits)-i < n {
		i--
		digits[i] = '0' + byte(v%10)
		v /= 10
	}
	return append(dst, digits[i:]...)
}

func append2(dst []byte, v int) []byte { return append(dst, '0'+byte(v/10), '0'+byte(v%10)) }

// AppendDate writes a day as yyyy-MM-dd.
func AppendDate(dst []byte, days int64) []byte {
	y, m, d := Civil(days)
	if y < 0 {
		dst, y = append(dst, '-'), -y
	}
	dst = appendPadded(dst, uint64(y), 4)
	dst = append2(append(dst, '-'), m)
	return append2(append(dst, '-'), d)
}

func appendClock(dst []byte, seconds int) []byte {
	dst = append2(dst, seconds/3600)
	dst = append2(append(dst, ':'), seconds/60%60)
	return append2(append(dst, ':'), seconds%60)
}

// AppendTime writes milliseconds of a day as HH:mm:ss with up to prec digits of a
// fraction, at most three and without zeros at the end but for the first.
func AppendTime(dst []byte, ms int64, prec int) []byte {
	dst = appendClock(dst, int(ms/1000))
	if prec > 0 {
		dst = append(dst, '.')
		f := ms % 1000
		for range min(prec, 3) {
			dst = append(dst, '0'+byte(f/100))
			if f = f % 100 * 10; f == 0 {
				break
			}
		}
	}
	return dst
}

// AppendTimestamp writes a time in ticks of t as yyyy-MM-dd HH:mm:ss with exactly
// the digits of its precision.
func AppendTimestamp(dst []byte, v int64, t types.Type) []byte {
	per := t.PerSecond()
	seconds, frac := FloorDiv(v, per), FloorMod(v, per)
	dst = AppendDate(dst, FloorDiv(seconds, 86400))
	dst = append(dst, ' ')
	dst = appendClock(dst, int(FloorMod(seconds, 86400)))
	if t.Prec == 0 {
		return dst
	}
	digits := 3
	switch per {
	case 1_000_000:
		digits = 6
	case 1_000_000_000:
		digits = 9
	}
	dst = append(dst, '.')
	if t.Prec <= digits {
		return appendPadded(dst, uint64(frac/Pow10(digits-t.Prec)), t.Prec)
	}
	return appendPadded(dst, uint64(frac), digits)
}

// AppendMonths writes a year-month interval as +y-mm.
func AppendMonths(dst []byte, months int64) []byte {
	dst, v := appendSign(dst, months)
	dst = strconv.AppendUint(dst, v/12, 10)
	return append2(append(dst, '-'), int(v%12))
}

// AppendMillis writes a day-time interval as +d hh:mm:ss.SSS.
func AppendMillis(dst []byte, ms int64) []byte {
	dst, v := appendSign(dst, ms)
	dst = strconv.AppendUint(dst, v/uint64(MsDay), 10)
	dst = append(dst, ' ')
	dst = appendClock(dst, int(v%uint64(MsDay)/1000))
	dst = append(dst, '.')
	return appendPadded(dst, v%1000, 3)
}

// appendSign appends the sign of v and gives the rest, which the smallest v has, too.
func appendSign(dst []byte, v int64) ([]byte, uint64) {
	if v < 0 {
		return append(dst, '-'), -uint64(v)
	}
	return append(dst, '+'), uint64(v)
}
