package batch

import (
	"encoding/binary"
	"math"

	"github.com/minkstream/mink/engine/types"
)

// Normalised keys: bytes whose memcmp order is the SQL order of the values, NULL
// first, and which are equal exactly if the values are the same key: as in Flink, 0.0
// and -0.0 are two keys, though = has one zero. A key of several columns is the keys of
// its columns one after another.
//
//	NULL              00
//	value             01, then
//	integers          big endian with the sign flipped, 1 to 8 bytes by layout
//	BOOLEAN           00 or 01
//	FLOAT, DOUBLE     4 or 8 bytes, sign flipped or all inverted; -0.0 below 0.0, one NaN, highest
//	DECIMAL(p > 18)   16 bytes big endian with the sign flipped
//	strings, binary   bytes with 00 as 00 FF, end 00 00
//	lists             01 before each element (key and value of maps), end 00
//	rows              the fields

const (
	keyNull  = 0
	keyValue = 1
)

// AppendKey appends the normalised form of one value.
func AppendKey(dst []byte, c *Col, lane int) []byte { return appendKey(dst, c, lane, false) }

// AppendOrder appends the place of a value among others: its normalised form, in which
// 0.0 and -0.0 are one, as they are to = and to ORDER BY.
func AppendOrder(dst []byte, c *Col, lane int) []byte { return appendKey(dst, c, lane, true) }

func appendKey(dst []byte, c *Col, lane int, oneZero bool) []byte {
	if c.IsNull(lane) {
		return append(dst, keyNull)
	}
	l := c.valueLane(lane)
	dst = append(dst, keyValue)
	switch c.Type.Phys() {
	case types.PhysBool:
		return append(dst, byte(c.Bits[l>>6]>>(l&63)&1))
	case types.PhysI8:
		return append(dst, byte(c.I8[l])^0x80)
	case types.PhysI16:
		return binary.BigEndian.AppendUint16(dst, uint16(c.I16[l])^1<<15)
	case types.PhysI32:
		return binary.BigEndian.AppendUint32(dst, uint32(c.I32[l])^1<<31)
	case types.PhysI64:
		return binary.BigEndian.AppendUint64(dst, uint64(c.I64[l])^1<<63)
	case types.PhysF32:
		f := c.F32[l]
		if f == 0 && oneZero {
			f = 0
		}
		return binary.BigEndian.AppendUint32(dst, orderFloat32(f))
	case types.PhysF64:
		f := c.F64[l]
		if f == 0 && oneZero {
			f = 0
		}
		return binary.BigEndian.AppendUint64(dst, orderFloat64(f))
	case types.PhysDec:
		dst = binary.BigEndian.AppendUint64(dst, uint64(c.Dec[l].Hi)^1<<63)
		return binary.BigEndian.AppendUint64(dst, c.Dec[l].Lo)
	case types.PhysBytes:
		var t [12]byte
		return appendEscaped(dst, c.Bytes(l, &t))
	case types.PhysList:
		for k := c.Offs[l]; k < c.Offs[l+1]; k++ {
			dst = append(dst, 1)
			for i := range c.Kids {
				dst = appendKey(dst, &c.Kids[i], int(k), oneZero)
			}
		}
		return append(dst, 0)
	case types.PhysRow:
		for i := range c.Kids {
			dst = appendKey(dst, &c.Kids[i], l, oneZero)
		}
	}
	return dst
}

// AppendKeys appends the normalised key of several columns.
func AppendKeys(dst []byte, cols []*Col, lane int) []byte {
	for _, c := range cols {
		dst = AppendKey(dst, c, lane)
	}
	return dst
}

// SortOrder is how a column is sorted.
type SortOrder struct{ Desc, NullsLast bool }

// AppendSortKey appends a value so that memcmp order is the order wanted. The
// result cannot be decoded by DecodeKey unless order is the zero value.
func AppendSortKey(dst []byte, c *Col, lane int, order SortOrder) []byte {
	if c.IsNull(lane) {
		if order.NullsLast {
			return append(dst, 2)
		}
		return append(dst, keyNull)
	}
	at := len(dst)
	dst = AppendOrder(dst, c, lane)
	if order.Desc {
		for i := at + 1; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

func appendEscaped(dst, s []byte) []byte {
	for _, b := range s {
		if b == 0 {
			dst = append(dst, 0, 0xFF)
		} else {
			dst = append(dst, b)
		}
	}
	return append(dst, 0, 0)
}

func orderFloat32(f float32) uint32 {
	if f != f {
		return math.MaxUint32
	}
	u := math.Float32bits(f)
	if u>>31 != 0 {
		return ^u
	}
	return u | 1<<31
}

func orderFloat64(f float64) uint64 {
	if f != f {
		return math.MaxUint64
	}
	u := math.Float64bits(f)
	if u>>63 != 0 {
		return ^u
	}
	return u | 1<<63
}

// DecodeKey appends the value at the start of key to b, which gives it its type,
// and returns the rest of key. It is false if key is not well formed.
func DecodeKey(b *Builder, key []byte) (rest []byte, ok bool) {
	if len(key) == 0 {
		return nil, false
	}
	tag := key[0]
	key = key[1:]
	if tag == keyNull {
		b.AppendNull()
		return key, true
	}
	p := b.c.Type.Phys()
	if w := keyWidth(p); len(key) < w {
		return nil, false
	}
	switch p {
	case types.PhysBool:
		b.AppendBool(key[0] != 0)
		return key[1:], true
	case types.PhysI8:
		b.AppendInt(int64(int8(key[0] ^ 0x80)))
		return key[1:], true
	case types.PhysI16:
		b.AppendInt(int64(int16(binary.BigEndian.Uint16(key) ^ 1<<15)))
		return key[2:], true
	case types.PhysI32:
		b.AppendInt(int64(int32(binary.BigEndian.Uint32(key) ^ 1<<31)))
		return key[4:], true
	case types.PhysI64:
		b.AppendInt(int64(binary.BigEndian.Uint64(key) ^ 1<<63))
		return key[8:], true
	case types.PhysF32:
		b.AppendFloat(float64(floatOfOrder32(binary.BigEndian.Uint32(key))))
		return key[4:], true
	case types.PhysF64:
		b.AppendFloat(floatOfOrder64(binary.BigEndian.Uint64(key)))
		return key[8:], true
	case types.PhysDec:
		b.AppendDec(Dec{int64(binary.BigEndian.Uint64(key) ^ 1<<63), binary.BigEndian.Uint64(key[8:])})
		return key[16:], true
	case types.PhysBytes:
		return decodeEscaped(b, key)
	case types.PhysRow:
		for i := range b.kids {
			if key, ok = DecodeKey(b.Kid(i), key); !ok {
				return nil, false
			}
		}
		b.EndRow()
		return key, true
	case types.PhysList:
		for len(key) > 0 && key[0] == 1 {
			key = key[1:]
			for i := range b.kids {
				if key, ok = DecodeKey(b.Kid(i), key); !ok {
					return nil, false
				}
			}
		}
		if len(key) == 0 {
			return nil, false
		}
		b.EndList()
		return key[1:], true
	}
	return nil, false
}

func keyWidth(p types.Phys) int {
	switch p {
	case types.PhysBool, types.PhysI8:
		return 1
	case types.PhysI16:
		return 2
	case types.PhysI32, types.PhysF32:
		return 4
	case types.PhysI64, types.PhysF64:
		return 8
	case types.PhysDec:
		return 16
	}
	return 0
}

func floatOfOrder32(u uint32) float32 {
	if u == math.MaxUint32 {
		return float32(math.NaN())
	}
	if u>>31 == 0 {
		return math.Float32frombits(^u)
	}
	return math.Float32frombits(u &^ (1 << 31))
}

func floatOfOrder64(u uint64) float64 {
	if u == math.MaxUint64 {
		return math.NaN()
	}
	if u>>63 == 0 {
		return math.Float64frombits(^u)
	}
	return math.Float64frombits(u &^ (1 << 63))
}

func decodeEscaped(b *Builder, key []byte) ([]byte, bool) {
	out := b.scratch[:0]
	for i := 0; i+1 < len(key); i++ {
		if key[i] != 0 {
			out = append(out, key[i])
			continue
		}
		i++
		if key[i] == 0 {
			b.AppendBytes(out)
			b.scratch = out
			return key[i+1:], true
		}
		out = append(out, 0)
	}
	return nil, false
}
