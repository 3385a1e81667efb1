package pgwire

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Days and microseconds from 1970, where mink counts from, to 2000, where Postgres does.
const (
	daysTo2000   = 10957
	microsTo2000 = daysTo2000 * 86400 * 1_000_000
)

// writer writes values in the text or the binary form of their type in Postgres.
type writer struct {
	zone *time.Location
	z    kernel.Zone
}

func newWriter(zone *time.Location) *writer {
	return &writer{zone: zone, z: kernel.MakeZone(zone)}
}

// append writes a value behind its length; NULL has the length -1.
func (w *writer) append(dst []byte, f *field, c *batch.Col, lane int, binaryForm bool) []byte {
	if c.IsNull(lane) {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	if binaryForm {
		dst = w.binary(dst, f.oid, c, lane)
	} else {
		dst = w.text(dst, f.oid, c, lane)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

func (w *writer) text(dst []byte, oid uint32, c *batch.Col, lane int) []byte {
	i := c.ValueLane(lane)
	t := c.Type
	switch t.Kind {
	case types.Boolean:
		if batch.Bit(c.Bits, i) {
			return append(dst, 't')
		}
		return append(dst, 'f')
	case types.Float:
		return appendFloat(dst, float64(c.F32[i]), 32)
	case types.Double:
		return appendFloat(dst, c.F64[i], 64)
	case types.Binary, types.VarBinary, types.Raw:
		var tmp [batch.InlineMax]byte
		return hex.AppendEncode(append(dst, `\x`...), c.Bytes(i, &tmp))
	case types.Timestamp:
		return kernel.AppendTimestamp(dst, micros(c.I64[i], t), microTime(t))
	case types.TimestampLTZ:
		utc := micros(c.I64[i], t)
		local := w.z.LocalTicks(utc, 1_000_000)
		dst = kernel.AppendTimestamp(dst, local, microTime(t))
		return appendOffset(dst, kernel.FloorDiv(local-utc, 1_000_000))
	case types.IntervalYM:
		return appendMonths(dst, int64(c.I32[i]))
	case types.IntervalDT:
		return appendMillis(dst, c.I64[i])
	case types.Array:
		if oid != pgtype.TextOID {
			return w.list(dst, c, i)
		}
	}
	return kernel.AppendText(dst, c, lane, w.zone)
}

// list writes the array in lane i as {a,"b",NULL}.
func (w *writer) list(dst []byte, c *batch.Col, i int) []byte {
	kid := &c.Kids[0]
	oid := fieldOf("", kid.Type).oid
	dst = append(dst, '{')
	var tmp []byte
	for k := c.Offs[i]; k < c.Offs[i+1]; k++ {
		if k > c.Offs[i] {
			dst = append(dst, ',')
		}
		if kid.IsNull(int(k)) {
			dst = append(dst, "NULL"...)
			continue
		}
		tmp = w.text(tmp[:0], oid, kid, int(k))
		dst = append(dst, '"')
		for _, b := range tmp {
			if b == '"' || b == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, b)
		}
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

func (w *writer) binary(dst []byte, oid uint32, c *batch.Col, lane int) []byte {
	i := c.ValueLane(lane)
	t := c.Type
	be := binary.BigEndian
	switch t.Kind {
	case types.Boolean:
		if batch.Bit(c.Bits, i) {
			return append(dst, 1)
		}
		return append(dst, 0)
	case types.TinyInt, types.SmallInt:
		return be.AppendUint16(dst, uint16(c.Int(lane)))
	case types.Int:
		return be.AppendUint32(dst, uint32(c.I32[i]))
	case types.BigInt:
		return be.AppendUint64(dst, uint64(c.I64[i]))
	case types.Float:
		return be.AppendUint32(dst, math.Float32bits(c.F32[i]))
	case types.Double:
		return be.AppendUint64(dst, math.Float64bits(c.F64[i]))
	case types.Decimal:
		var digits [48]byte
		return appendNumeric(dst, kernel.AppendText(digits[:0], c, lane, nil), t.Scale)
	case types.Binary, types.VarBinary, types.Raw:
		var tmp [batch.InlineMax]byte
		return append(dst, c.Bytes(i, &tmp)...)
	case types.Date:
		return be.AppendUint32(dst, uint32(c.I32[i]-daysTo2000))
	case types.Time:
		return be.AppendUint64(dst, uint64(c.I32[i])*1000)
	case types.Timestamp, types.TimestampLTZ:
		return be.AppendUint64(dst, uint64(micros(c.I64[i], t)-microsTo2000))
	case types.IntervalYM:
		dst = be.AppendUint64(dst, 0)
		dst = be.AppendUint32(dst, 0)
		return be.AppendUint32(dst, uint32(c.I32[i]))
	case types.IntervalDT:
		ms := c.I64[i]
		dst = be.AppendUint64(dst, uint64(ms%kernel.MsDay*1000))
		dst = be.AppendUint32(dst, uint32(ms/kernel.MsDay))
		return be.AppendUint32(dst, 0)
	case types.Variant:
		return kernel.AppendText(append(dst, 1), c, lane, w.zone) // the version of jsonb
	case types.Array:
		if oid != pgtype.TextOID {
			return w.binaryList(dst, c, i)
		}
	}
	return kernel.AppendText(dst, c, lane, w.zone)
}

// binaryList writes the array in lane i: dimensions, whether there are NULLs, the type,
// then the length and lower bound of the dimension, then the values.
func (w *writer) binaryList(dst []byte, c *batch.Col, i int) []byte {
	be := binary.BigEndian
	from, to := c.Offs[i], c.Offs[i+1]
	kid := &c.Kids[0]
	f := fieldOf("", kid.Type)
	dims, nulls := uint32(1), uint32(0)
	if from == to {
		dims = 0
	}
	for k := from; k < to; k++ {
		if kid.IsNull(int(k)) {
			nulls = 1
		}
	}
	dst = be.AppendUint32(be.AppendUint32(be.AppendUint32(dst, dims), nulls), f.oid)
	if dims == 0 {
		return dst
	}
	dst = be.AppendUint32(be.AppendUint32(dst, to-from), 1)
	for k := from; k < to; k++ {
		dst = w.append(dst, &f, kid, int(k), true)
	}
	return dst
}

// micros are ticks of t as microseconds; what is finer is cut off.
func micros(v int64, t types.Type) int64 {
	switch per := t.PerSecond(); per {
	case 1_000:
		return v * 1000
	case 1_000_000_000:
		return kernel.FloorDiv(v, 1000)
	}
	return v
}

// microTime is t with ticks of a microsecond and no more digits than those have.
func microTime(t types.Type) types.Type {
	t.Prec = 6
	return t
}

// appendOffset writes an offset from UTC in seconds as +hh, +hh:mm or +hh:mm:ss.
func appendOffset(dst []byte, seconds int64) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	two := func(v int64) { dst = append(dst, '0'+byte(v/10), '0'+byte(v%10)) }
	dst = append(dst, sign)
	two(seconds / 3600)
	if m, s := seconds/60%60, seconds%60; m != 0 || s != 0 {
		dst = append(dst, ':')
		two(m)
		if s != 0 {
			dst = append(dst, ':')
			two(s)
		}
	}
	return dst
}

func appendFloat(dst []byte, v float64, size int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	return strconv.AppendFloat(dst, v, 'g', -1, size)
}

// appendMonths writes an interval of months in the style "postgres".
func appendMonths(dst []byte, months int64) []byte {
	if months == 0 {
		return append(dst, "00:00:00"...)
	}
	years, rest := months/12, months%12
	if years != 0 {
		dst = appendCount(dst, years, "year")
	}
	if years != 0 && rest != 0 {
		dst = append(dst, ' ')
	}
	if rest != 0 {
		dst = appendCount(dst, rest, "mon")
	}
	return dst
}

// appendCount writes a number and the word for what is counted.
func appendCount(dst []byte, n int64, word string) []byte {
	dst = append(append(strconv.AppendInt(dst, n, 10), ' '), word...)
	if n != 1 && n != -1 {
		dst = append(dst, 's')
	}
	return dst
}

// appendMillis writes an interval of milliseconds in the style "postgres".
func appendMillis(dst []byte, ms int64) []byte {
	days, rest := ms/kernel.MsDay, ms%kernel.MsDay
	if days != 0 {
		dst = appendCount(dst, days, "day")
		if rest == 0 {
			return dst
		}
		dst = append(dst, ' ')
	}
	if rest < 0 {
		dst, rest = append(dst, '-'), -rest
	}
	return kernel.AppendTime(dst, rest, 3)
}

// appendNumeric writes a decimal, given as text with scale digits behind the point, in
// the binary form of NUMERIC: digits to the base of 10,000.
func appendNumeric(dst, text []byte, scale int) []byte {
	be := binary.BigEndian
	sign := uint16(0)
	if text[0] == '-' {
		sign, text = 0x4000, text[1:]
	}
	whole, fraction := text, []byte(nil)
	for i, b := range text {
		if b == '.' {
			whole, fraction = text[:i], text[i+1:]
			break
		}
	}
	digits := make([]byte, 0, len(text)+8)
	for n := (4 - len(whole)%4) % 4; n > 0; n-- {
		digits = append(digits, '0')
	}
	digits = append(digits, whole...)
	weight := len(digits)/4 - 1
	digits = append(digits, fraction...)
	for len(digits)%4 != 0 {
		digits = append(digits, '0')
	}
	var groups []uint16
	for ; len(digits) > 0; digits = digits[4:] {
		groups = append(groups, uint16(digits[0]-'0')*1000+uint16(digits[1]-'0')*100+uint16(digits[2]-'0')*10+uint16(digits[3]-'0'))
	}
	for len(groups) > 0 && groups[0] == 0 {
		groups, weight = groups[1:], weight-1
	}
	for len(groups) > 0 && groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}
	if len(groups) == 0 {
		weight, sign = 0, 0
	}
	dst = be.AppendUint16(be.AppendUint16(dst, uint16(len(groups))), uint16(int16(weight)))
	dst = be.AppendUint16(be.AppendUint16(dst, sign), uint16(scale))
	for _, g := range groups {
		dst = be.AppendUint16(dst, g)
	}
	return dst
}
