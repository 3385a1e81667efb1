package batch

import (
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/types"
)

// Enc says how the values of a column lie.
type Enc uint8

// Encodings. Kernels see only Flat and Const; rows may be Sparse.
const (
	// Flat: one value a lane.
	Flat Enc = iota
	// Const: value 0 stands for every lane (nulls too: bit 0).
	Const
	// Sparse: a nullable ROW whose children hold only the rows that are not
	// null, dense, at the lanes listed in At. Its Nulls are nil: every lane
	// that is not in At is NULL.
	Sparse
)

// Dec is an unscaled 128-bit decimal in two's complement.
type Dec struct {
	Hi int64
	Lo uint64
}

// View is a string or binary value, bit for bit Arrow's BinaryView: up to 12
// bytes lie in the view, longer ones in Bufs[Buf] at Off with their first four
// bytes repeated here. Bytes 0-3 are the length.
//
//	len <= 12: A = len | bytes 0..3 << 32, B = bytes 4..11
//	len  > 12: A = len | prefix << 32,     B = buffer index | offset << 32
type View struct{ A, B uint64 }

// InlineMax is the length up to which a view holds its bytes.
const InlineMax = 12

// Len is the length in bytes.
func (v View) Len() int { return int(uint32(v.A)) }

// Buf is the index of the buffer of a long view.
func (v View) Buf() uint32 { return uint32(v.B) }

// Off is the offset in its buffer of a long view.
func (v View) Off() uint32 { return uint32(v.B >> 32) }

// MakeRef makes a view of bytes s that lie in buffer buf at off; a short s
// becomes an inline view.
func MakeRef(s []byte, buf, off uint32) View {
	if len(s) <= InlineMax {
		return MakeInline(s)
	}
	return View{
		A: uint64(len(s)) | uint64(binary.LittleEndian.Uint32(s))<<32,
		B: uint64(buf) | uint64(off)<<32,
	}
}

// MakeInline makes a view of at most InlineMax bytes. It reads whole words that may
// overlap, as a copy of so few bytes costs more than all the rest.
func MakeInline(s []byte) View {
	n := len(s)
	switch {
	case n >= 8:
		end := binary.LittleEndian.Uint64(s[n-8:])
		return View{uint64(n) | uint64(binary.LittleEndian.Uint32(s))<<32, end >> (8 * (InlineMax - n) & 63)}
	case n >= 4:
		end := uint64(binary.LittleEndian.Uint32(s[n-4:]))
		return View{uint64(n) | uint64(binary.LittleEndian.Uint32(s))<<32, end >> (8 * (8 - n) & 63)}
	case n > 0:
		return View{A: uint64(n) | uint64(s[0])<<32 | uint64(s[n>>1])<<(32+8*(n>>1)&63) | uint64(s[n-1])<<(32+8*(n-1)&63)}
	}
	return View{}
}

// Inline writes the bytes of a short view to dst and returns them.
func (v View) Inline(dst *[12]byte) []byte {
	binary.LittleEndian.PutUint32(dst[:], uint32(v.A>>32))
	binary.LittleEndian.PutUint64(dst[4:], v.B)
	return dst[:v.Len()]
}

// Col is a column. Which slice is used follows from Type.Phys(); the others are
// nil. Slices may be longer than the batch has lanes.
type Col struct {
	Type types.Type
	Enc  Enc

	Bits  []uint64  // PhysBool, bit i of word i/64
	I8    []int8    // PhysI8
	I16   []int16   // PhysI16
	I32   []int32   // PhysI32
	I64   []int64   // PhysI64
	F32   []float32 // PhysF32
	F64   []float64 // PhysF64
	Dec   []Dec     // PhysDec
	Views []View    // PhysBytes
	Bufs  [][]byte  // PhysBytes: what long views point into; immutable

	// Nulls has a set bit for each lane that is NULL; nil means none is. The
	// value of a null lane is undefined.
	Nulls []uint64

	Offs []uint32 // PhysList: lane i spans [Offs[i], Offs[i+1]) of its children
	Kids []Col    // PhysList: element, or key and value; PhysRow: fields
	At   []uint16 // Sparse: lanes of the children's rows, ascending

	// mem says whose memory the slices are; see alloc.go.
	mem *colMem
}

// IsNull reports whether lane is NULL.
func (c *Col) IsNull(lane int) bool {
	if c.Enc == Const {
		lane = 0
	}
	if c.Nulls == nil {
		if c.Enc == Sparse {
			_, set := slices.BinarySearch(c.At, uint16(lane))
			return !set
		}
		return c.Type.Kind == types.Null
	}
	return c.Nulls[lane>>6]&(1<<(lane&63)) != 0
}

// Bool returns the bit of a lane of a flat BOOLEAN column.
func (c *Col) Bool(lane int) bool { return c.Bits[lane>>6]&(1<<(lane&63)) != 0 }

// Bytes returns the value of a lane of a string or binary column. The result of a
// short value lies in scratch, that of a long one in the column's buffer.
func (c *Col) Bytes(lane int, scratch *[12]byte) []byte {
	if c.Enc == Const {
		lane = 0
	}
	v := c.Views[lane]
	if v.Len() <= InlineMax {
		return v.Inline(scratch)
	}
	off := v.Off()
	return c.Bufs[v.Buf()][off : off+uint32(v.Len())]
}

// Words is the number of 64-bit words of a bitmap over n lanes.
func Words(n int) int { return (n + 63) >> 6 }

// SetBit and ClearBit change bit i of a bitmap; Bit reads it.
func SetBit(w []uint64, i int)   { w[i>>6] |= 1 << (i & 63) }
func ClearBit(w []uint64, i int) { w[i>>6] &^= 1 << (i & 63) }
func Bit(w []uint64, i int) bool { return w[i>>6]&(1<<(i&63)) != 0 }
