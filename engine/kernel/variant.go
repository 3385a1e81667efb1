package kernel

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
)

// A VARIANT is a value of any shape. In a column it is the open variant encoding of
// Parquet, metadata and value one behind the other:
//
//	metadata  header 1 byte (version 1, offset size) | n | n+1 offsets | names
//	value     header 1 byte, of which two bits say:
//	            0 primitive: 6 bits of type, then its bytes
//	            1 string of up to 63 bytes: 6 bits of length, then the bytes
//	            2 object: n | n ids of names, in order of name | n+1 offsets | values
//	            3 array: n | n+1 offsets | values
//
// Numbers are little endian; sizes of offsets and ids stand in the headers. A value
// without names has the metadata of 3 bytes that says so, so small scalars lie in
// the view itself. The page of the encoding is VariantEncoding.md of parquet-format.
//
// Functions here take whole values that were made here and do not look for damage.

// Types of primitive variants.
const (
	variantNull = iota
	variantTrue
	variantFalse
	variantInt8
	variantInt16
	variantInt32
	variantInt64
	variantDouble
	variantDecimal4
	variantDecimal8
	variantDecimal16
	variantDate
	variantTimestampLTZ // microseconds
	variantTimestamp
	variantFloat
	variantBinary
	variantString
)

// Shapes of variants: the low bits of their header.
const (
	shapePrimitive = iota
	shapeShort
	shapeObject
	shapeArray
)

// noNames is the metadata of a value without objects.
var noNames = []byte{1, 0, 0}

// Variant is a part of a VARIANT value: its names and where it begins.
type Variant struct {
	meta  []byte // metadata, then the whole value
	value []byte // from the header of this part on
}

// VariantOf reads a value of a column.
func VariantOf(b []byte) Variant { return Variant{b, b[metaSize(b):]} }

// metaSize is the length of the metadata that b begins with.
func metaSize(b []byte) int {
	size := int(b[0]>>6) + 1
	n := readUint(b[1:], size)
	last := readUint(b[1+size*(n+1):], size)
	return 1 + size*(n+2) + last
}

func readUint(b []byte, size int) int {
	switch size {
	case 1:
		return int(b[0])
	case 2:
		return int(binary.LittleEndian.Uint16(b))
	case 3:
		return int(b[0]) | int(b[1])<<8 | int(b[2])<<16
	}
	return int(binary.LittleEndian.Uint32(b))
}

func appendUint(dst []byte, v, size int) []byte {
	for range size {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// uintSize is the number of bytes that hold v.
func uintSize(v int) int {
	switch {
	case v < 1<<8:
		return 1
	case v < 1<<16:
		return 2
	case v < 1<<24:
		return 3
	}
	return 4
}

func (v Variant) shape() int { return int(v.value[0] & 3) }

// name is the name with an id.
func (v Variant) name(id int) []byte {
	b := v.meta
	size := int(b[0]>>6) + 1
	n := readUint(b[1:], size)
	at := b[1+size*(id+1):]
	from, to := readUint(at, size), readUint(at[size:], size)
	names := b[1+size*(n+2):]
	return names[from:to]
}

// parts are the places of the parts of an object or array.
type parts struct {
	n, offSize, idSize int
	ids, offs, data    []byte
}

func (v Variant) parts() parts {
	h := v.value[0] >> 2
	p := parts{offSize: int(h&3) + 1}
	large := h&4 != 0
	if v.shape() == shapeObject {
		p.idSize = int(h>>2&3) + 1
		large = h&16 != 0
	}
	b := v.value[1:]
	if large {
		p.n, b = readUint(b, 4), b[4:]
	} else {
		p.n, b = int(b[0]), b[1:]
	}
	p.ids, b = b[:p.n*p.idSize], b[p.n*p.idSize:]
	p.offs, p.data = b[:(p.n+1)*p.offSize], b[(p.n+1)*p.offSize:]
	return p
}

func (p *parts) id(i int) int       { return readUint(p.ids[i*p.idSize:], p.idSize) }
func (p *parts) value(i int) []byte { return p.data[readUint(p.offs[i*p.offSize:], p.offSize):] }

// Element is part i of an array, from 0.
func (v Variant) Element(i int64) (Variant, bool) {
	if v.shape() != shapeArray {
		return Variant{}, false
	}
	p := v.parts()
	if i < 0 || i >= int64(p.n) {
		return Variant{}, false
	}
	return Variant{v.meta, p.value(int(i))}, true
}

// Member is the part of an object under a name.
func (v Variant) Member(name []byte) (Variant, bool) {
	if v.shape() != shapeObject {
		return Variant{}, false
	}
	p := v.parts()
	lo, hi := 0, p.n
	for lo < hi {
		m := (lo + hi) / 2
		switch c := bytes.Compare(v.name(p.id(m)), name); {
		case c == 0:
			return Variant{v.meta, p.value(m)}, true
		case c < 0:
			lo = m + 1
		default:
			hi = m
		}
	}
	return Variant{}, false
}

// size is the length of the value.
func (v Variant) size() int {
	h := int(v.value[0] >> 2)
	switch v.shape() {
	case shapeShort:
		return 1 + h
	case shapeObject, shapeArray:
		p := v.parts()
		head := len(v.value) - len(p.data)
		return head + readUint(p.offs[p.n*p.offSize:], p.offSize)
	}
	switch h {
	case variantNull, variantTrue, variantFalse:
		return 1
	case variantInt8:
		return 2
	case variantInt16:
		return 3
	case variantInt32, variantDate, variantFloat:
		return 5
	case variantInt64, variantDouble, variantTimestamp, variantTimestampLTZ:
		return 9
	case variantDecimal4:
		return 6
	case variantDecimal8:
		return 10
	case variantDecimal16:
		return 18
	}
	return 5 + readUint(v.value[1:], 4)
}

// Append writes the part as a value of its own.
func (v Variant) Append(dst []byte) []byte {
	if s := v.shape(); s == shapeObject || s == shapeArray {
		dst = append(dst, v.meta[:metaSize(v.meta)]...)
	} else {
		dst = append(dst, noNames...)
	}
	return append(dst, v.value[:v.size()]...)
}

// IsNull reports the null of JSON, which is a value.
func (v Variant) IsNull() bool { return v.value[0] == variantNull<<2 }

// Bool gives a boolean.
func (v Variant) Bool() (x, ok bool) {
	return v.value[0] == variantTrue<<2, v.value[0] == variantTrue<<2 || v.value[0] == variantFalse<<2
}

// Text gives a string.
func (v Variant) Text() ([]byte, bool) {
	switch {
	case v.shape() == shapeShort:
		return v.value[1 : 1+int(v.value[0]>>2)], true
	case v.value[0] == variantString<<2:
		return v.value[5 : 5+readUint(v.value[1:], 4)], true
	}
	return nil, false
}

// Binary gives bytes.
func (v Variant) Binary() ([]byte, bool) {
	if v.value[0] != variantBinary<<2 {
		return nil, false
	}
	return v.value[5 : 5+readUint(v.value[1:], 4)], true
}

// Exact gives a whole number or a decimal: the digits and how many of them stand
// behind the point.
func (v Variant) Exact() (d batch.Dec, scale int, ok bool) {
	b := v.value[1:]
	switch v.value[0] {
	case variantInt8 << 2:
		return batch.DecOf(int64(int8(b[0]))), 0, true
	case variantInt16 << 2:
		return batch.DecOf(int64(int16(binary.LittleEndian.Uint16(b)))), 0, true
	case variantInt32 << 2:
		return batch.DecOf(int64(int32(binary.LittleEndian.Uint32(b)))), 0, true
	case variantInt64 << 2:
		return batch.DecOf(int64(binary.LittleEndian.Uint64(b))), 0, true
	case variantDecimal4 << 2:
		return batch.DecOf(int64(int32(binary.LittleEndian.Uint32(b[1:])))), int(b[0]), true
	case variantDecimal8 << 2:
		return batch.DecOf(int64(binary.LittleEndian.Uint64(b[1:]))), int(b[0]), true
	case variantDecimal16 << 2:
		return batch.Dec{Lo: binary.LittleEndian.Uint64(b[1:]), Hi: int64(binary.LittleEndian.Uint64(b[9:]))}, int(b[0]), true
	}
	return batch.Dec{}, 0, false
}

// Float gives a floating point number and its width in bits.
func (v Variant) Float() (f float64, size int, ok bool) {
	switch v.value[0] {
	case variantDouble << 2:
		return math.Float64frombits(binary.LittleEndian.Uint64(v.value[1:])), 64, true
	case variantFloat << 2:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(v.value[1:]))), 32, true
	}
	return 0, 0, false
}

// Date gives days since 1970, Micros a timestamp with its kind.
func (v Variant) Date() (days int32, ok bool) {
	if v.value[0] != variantDate<<2 {
		return 0, false
	}
	return int32(binary.LittleEndian.Uint32(v.value[1:])), true
}

// Micros gives a timestamp in microseconds since 1970, of an instant or of a wall clock.
func (v Variant) Micros() (us int64, instant, ok bool) {
	switch v.value[0] {
	case variantTimestamp << 2, variantTimestampLTZ << 2:
		return int64(binary.LittleEndian.Uint64(v.value[1:])), v.value[0] == variantTimestampLTZ<<2, true
	}
	return 0, false, false
}

// Kind names what the value is, for messages.
func (v Variant) Kind() string {
	switch v.shape() {
	case shapeObject:
		return "an object"
	case shapeArray:
		return "an array"
	case shapeShort:
		return "a string"
	}
	switch v.value[0] >> 2 {
	case variantNull:
		return "null"
	case variantTrue, variantFalse:
		return "a boolean"
	case variantString:
		return "a string"
	case variantBinary:
		return "bytes"
	case variantDate:
		return "a date"
	case variantTimestamp, variantTimestampLTZ:
		return "a timestamp"
	}
	return "a number"
}

// AppendJSON writes the value as JSON without space. Numbers that are not finite have
// no form there: ok is false.
func (v Variant) AppendJSON(dst []byte) (out []byte, ok bool) {
	switch v.shape() {
	case shapeObject, shapeArray:
		return v.appendParts(dst)
	}
	if s, is := v.Text(); is {
		return AppendQuoted(dst, s), true
	}
	if d, scale, is := v.Exact(); is {
		dst = AppendDec(dst, d, scale)
		if scale > 0 { // Flink leaves zeros at the end out
			dst = bytes.TrimSuffix(bytes.TrimRight(dst, "0"), []byte("."))
		}
		return dst, true
	}
	if f, size, is := v.Float(); is {
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return dst, false
		}
		return AppendFloat(dst, f, size), true
	}
	if b, is := v.Bool(); is {
		return strconv.AppendBool(dst, b), true
	}
	return v.appendOther(dst), true
}

func (v Variant) appendParts(dst []byte) ([]byte, bool) {
	object := v.shape() == shapeObject
	p := v.parts()
	dst = append(dst, "[{"[b2i(object)])
	for i := range p.n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if object {
			dst = append(AppendQuoted(dst, v.name(p.id(i))), ':')
		}
		var ok bool
		if dst, ok = (Variant{v.meta, p.value(i)}).AppendJSON(dst); !ok {
			return dst, false
		}
	}
	return append(dst, "]}"[b2i(object)]), true
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
