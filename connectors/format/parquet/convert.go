package parquet

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// converter writes the n values that a leaf has loaded to a column, NULLs included.
type converter func(c *batch.Col, r file.RecordReader, n int) error

// converter chooses how a leaf becomes a column; nil if it cannot.
func (cf *config) converter(name string, t types.Type, d *schema.Column) converter {
	l := d.LogicalType()
	if l == nil {
		l = schema.NoLogicalType{}
	}
	phys := d.PhysicalType()
	switch t.Kind {
	case types.Boolean:
		if phys == parquet.Types.Boolean {
			return fixed(t, func(c *batch.Col, v []uint8) error {
				clear(c.Bits)
				for i, b := range v {
					if b != 0 {
						batch.SetBit(c.Bits, i)
					}
				}
				return nil
			})
		}
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt:
		return integers(t, phys, l)
	case types.Float, types.Double:
		return floats(t, phys)
	case types.Decimal:
		return decimals(name, t, d, l)
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		if _, dec := l.(decimalType); !dec && isBytes(phys) {
			return stringsOf(name, t)
		}
	case types.Date:
		if _, ok := l.(schema.DateLogicalType); ok && phys == parquet.Types.Int32 {
			return fixed(t, func(c *batch.Col, v []int32) error { copy(c.I32, v); return nil })
		}
	case types.Time:
		return times(t, phys, l)
	case types.Timestamp, types.TimestampLTZ:
		return cf.timestamps(name, t, phys, l)
	}
	return nil
}

func isBytes(p parquet.Type) bool {
	return p == parquet.Types.ByteArray || p == parquet.Types.FixedLenByteArray
}

// fixed wraps a loop over values of fixed width.
func fixed[T any](t types.Type, loop func(c *batch.Col, v []T) error) converter {
	return func(c *batch.Col, r file.RecordReader, n int) error {
		c.Alloc(t, n)
		raw := r.Values()
		var x T
		if r.ValuesWritten() != n || len(raw) < n*int(unsafe.Sizeof(x)) {
			return errSlots
		}
		validBits(c, r, n)
		if n == 0 {
			return nil
		}
		return loop(c, unsafe.Slice((*T)(unsafe.Pointer(&raw[0])), n))
	}
}

// validBits takes over which values are NULL.
func validBits(c *batch.Col, r file.RecordReader, n int) {
	if r.NullCount() == 0 {
		return
	}
	buf := r.ReleaseValidBits()
	if buf == nil {
		return
	}
	bits := buf.Bytes()
	for i := range n {
		if bits[i>>3]&(1<<(i&7)) == 0 {
			c.SetNull(i, n)
		}
	}
	buf.Release()
}

// integers takes an integer of the same or a smaller width.
func integers(t types.Type, phys parquet.Type, l schema.LogicalType) converter {
	width := map[types.Kind]int8{types.TinyInt: 8, types.SmallInt: 16, types.Int: 32, types.BigInt: 64}[t.Kind]
	have := int8(64)
	if phys == parquet.Types.Int32 {
		have = 32
	} else if phys != parquet.Types.Int64 {
		return nil
	}
	unsigned := false
	switch i := l.(type) {
	case interface {
		BitWidth() int8
		IsSigned() bool
	}:
		have, unsigned = i.BitWidth(), !i.IsSigned()
		if unsigned {
			have *= 2 // needs a signed type of twice the width
		}
	case schema.NoLogicalType, schema.UnknownLogicalType:
	default:
		return nil
	}
	if have > width || have <= 0 {
		return nil
	}
	if phys == parquet.Types.Int64 {
		return fixed(t, func(c *batch.Col, v []int64) error { copy(c.I64, v); return nil })
	}
	return fixed(t, func(c *batch.Col, v []int32) error {
		switch t.Kind {
		case types.Int:
			copy(c.I32, v)
		case types.SmallInt:
			for i, x := range v {
				c.I16[i] = int16(x)
			}
		case types.TinyInt:
			for i, x := range v {
				c.I8[i] = int8(x)
			}
		default:
			for i, x := range v {
				c.I64[i] = int64(x)
				if unsigned {
					c.I64[i] = int64(uint32(x))
				}
			}
		}
		return nil
	})
}

func floats(t types.Type, phys parquet.Type) converter {
	switch {
	case phys == parquet.Types.Float && t.Kind == types.Float:
		return fixed(t, func(c *batch.Col, v []float32) error { copy(c.F32, v); return nil })
	case phys == parquet.Types.Float:
		return fixed(t, func(c *batch.Col, v []float32) error {
			for i, x := range v {
				c.F64[i] = float64(x)
			}
			return nil
		})
	case phys == parquet.Types.Double && t.Kind == types.Double:
		return fixed(t, func(c *batch.Col, v []float64) error { copy(c.F64, v); return nil })
	}
	return nil
}

// decimalType is a logical type for decimals.
type decimalType interface {
	Precision() int32
	Scale() int32
}

// decimals takes decimals of the same scale and no more digits.
func decimals(name string, t types.Type, d *schema.Column, l schema.LogicalType) converter {
	dec, ok := l.(decimalType)
	if !ok || int(dec.Scale()) != t.Scale || int(dec.Precision()) > t.Prec {
		return nil
	}
	put := func(c *batch.Col, i int, v batch.Dec) {
		if c.Type.Phys() == types.PhysI64 {
			c.I64[i] = int64(v.Lo)
		} else {
			c.Dec[i] = v
		}
	}
	switch d.PhysicalType() {
	case parquet.Types.Int32:
		return fixed(t, func(c *batch.Col, v []int32) error {
			for i, x := range v {
				put(c, i, batch.DecOf(int64(x)))
			}
			return nil
		})
	case parquet.Types.Int64:
		return fixed(t, func(c *batch.Col, v []int64) error {
			for i, x := range v {
				put(c, i, batch.DecOf(x))
			}
			return nil
		})
	}
	return byteValues(t, func(c *batch.Col, i int, s []byte) error {
		if len(s) > 16 {
			return diag.New(diag.MalformedRecord, "column `%s` has a decimal of more than 16 bytes", name)
		}
		put(c, i, bigEndian(s))
		return nil
	})
}

// bigEndian reads a number in two's complement.
func bigEndian(s []byte) batch.Dec {
	var buf [16]byte
	if len(s) > 0 && s[0]&0x80 != 0 {
		for i := range buf {
			buf[i] = 0xFF
		}
	}
	copy(buf[16-len(s):], s)
	return batch.Dec{Hi: int64(binary.BigEndian.Uint64(buf[:])), Lo: binary.BigEndian.Uint64(buf[8:])}
}

// byteValues wraps a loop over values of bytes.
func byteValues(t types.Type, put func(c *batch.Col, i int, s []byte) error) converter {
	return func(c *batch.Col, r file.RecordReader, n int) error {
		c.Alloc(t, n)
		at := 0
		for _, chunk := range r.(file.BinaryRecordReader).GetBuilderChunks() {
			if at+chunk.Len() > n {
				return errSlots
			}
			for i := range chunk.Len() {
				if chunk.IsNull(i) {
					c.SetNull(at+i, n)
					continue
				}
				var s []byte
				switch a := chunk.(type) {
				case *array.Binary:
					s = a.Value(i)
				case *array.FixedSizeBinary:
					s = a.Value(i)
				default:
					return errSlots
				}
				if err := put(c, at+i, s); err != nil {
					return err
				}
			}
			at += chunk.Len()
		}
		if at != n {
			return errSlots
		}
		return nil
	}
}

// stringsOf makes views of what the library decoded, which nobody else holds.
func stringsOf(name string, t types.Type) converter {
	var sb batch.StringBuilder
	slow := byteValues(t, func(c *batch.Col, i int, s []byte) error {
		if t.IsString() && !utf8.Valid(s) {
			return notText(name)
		}
		c.Views[i] = sb.Add(c, s)
		return nil
	})
	return func(c *batch.Col, r file.RecordReader, n int) error {
		br, ok := r.(file.BinaryRecordReader)
		if !ok {
			return errSlots
		}
		if r.Type() != parquet.Types.ByteArray {
			return slow(c, r, n)
		}
		chunks := br.GetBuilderChunks()
		if len(chunks) != 1 || chunks[0].Len() != n {
			return errSlots
		}
		a, ok := chunks[0].(*array.Binary)
		if !ok {
			return errSlots
		}
		c.Alloc(t, n)
		if n == 0 {
			return nil
		}
		offs, data := a.ValueOffsets(), []byte(nil)
		if b := a.Data().Buffers()[2]; b != nil {
			data = b.Bytes()
		}
		if t.IsString() && !utf8.Valid(data[offs[0]:offs[n]]) {
			return notText(name)
		}
		buf := uint32(0)
		if len(data) > 0 {
			buf = c.AddBuf(data)
		}
		for i := range n {
			o := offs[i]
			c.Views[i] = batch.MakeRef(data[o:offs[i+1]], buf, uint32(o))
		}
		if a.NullN() > 0 {
			for i := range n {
				if a.IsNull(i) {
					c.SetNull(i, n)
				}
			}
		}
		return nil
	}
}

func notText(name string) error {
	return diag.New(diag.MalformedRecord, "column `%s` has text that is not UTF-8", name)
}

func times(t types.Type, phys parquet.Type, l schema.LogicalType) converter {
	var unit schema.TimeUnitType
	switch tl := l.(type) {
	case schema.TimeLogicalType:
		unit = tl.TimeUnit()
	case *schema.TimeLogicalType:
		unit = tl.TimeUnit()
	default:
		return nil
	}
	if phys == parquet.Types.Int32 {
		return fixed(t, func(c *batch.Col, v []int32) error { copy(c.I32, v); return nil })
	}
	div := int64(1000)
	if unit == schema.TimeUnitNanos {
		div = 1_000_000
	}
	return fixed(t, func(c *batch.Col, v []int64) error {
		for i, x := range v {
			c.I32[i] = int32(x / div)
		}
		return nil
	})
}

// int96 is a day of the Julian calendar and nanoseconds in it.
type int96 [12]byte

const (
	julianEpoch = 2_440_588 // 1970-01-01
	dayNanos    = 86_400_000_000_000
)

// timestamps reads INT64 of any unit, and INT96, where a TIMESTAMP is the wall clock
// of the zone.
func (cf *config) timestamps(name string, t types.Type, phys parquet.Type, l schema.LogicalType) converter {
	want := t.PerSecond()
	if phys == parquet.Types.Int96 {
		zone := cf.zone
		if t.Kind == types.TimestampLTZ {
			zone = nil
		}
		return fixed(t, func(c *batch.Col, v []int96) error { return fromInt96(c, v, name, want, zone) })
	}
	if phys != parquet.Types.Int64 {
		return nil
	}
	var unit schema.TimeUnitType
	switch tl := l.(type) {
	case schema.TimestampLogicalType:
		unit = tl.TimeUnit()
	case *schema.TimestampLogicalType:
		unit = tl.TimeUnit()
	default:
		return nil
	}
	have := map[schema.TimeUnitType]int64{
		schema.TimeUnitMillis: 1000, schema.TimeUnitMicros: 1_000_000, schema.TimeUnitNanos: 1_000_000_000}[unit]
	if have == 0 {
		return nil
	}
	return fixed(t, func(c *batch.Col, v []int64) error {
		for i, x := range v {
			if have > want { // towards the past, as cutting digits does
				d := have / want
				r := x % d
				if r < 0 {
					r += d
				}
				c.I64[i] = (x - r) / d
				continue
			}
			m := want / have
			if (x > math.MaxInt64/m || x < math.MinInt64/m) && !c.IsNull(i) {
				return outside(name, t)
			}
			c.I64[i] = x * m
		}
		return nil
	})
}

func outside(name string, t types.Type) error {
	return diag.New(diag.MalformedRecord, "column `%s` has a time outside of the range of %s", name, t)
}

func fromInt96(c *batch.Col, v []int96, name string, want int64, zone *time.Location) error {
	for i := range v {
		if c.IsNull(i) {
			c.I64[i] = 0
			continue
		}
		nanos := int64(binary.LittleEndian.Uint64(v[i][:]))
		days := int64(int32(binary.LittleEndian.Uint32(v[i][8:]))) - julianEpoch
		// Some writers count back from the next day before 1970.
		if nanos <= -dayNanos || nanos >= dayNanos {
			return damaged(errors.New("a time of day is out of range"))
		}
		if nanos < 0 {
			nanos, days = nanos+dayNanos, days-1
		}
		sec := days * 86_400
		if sec > math.MaxInt64/want-86_400 || sec < math.MinInt64/want+86_400 {
			return outside(name, c.Type)
		}
		x := sec*want + nanos/(1_000_000_000/want)
		c.I64[i] = format.InZone(x, want, zone)
	}
	return nil
}
