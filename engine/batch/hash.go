package batch

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/minkstream/mink/engine/types"
)

// Constants of the 64-bit hash. They are fixed for ever: key groups of long strings
// are made of it, and those are in checkpoints.
const (
	golden   = 0x9E3779B97F4A7C15
	mixA     = 0xBF58476D1CE4E5B9
	mixB     = 0x94D049BB133111EB
	foldA    = 0xA0761D6478BD642F
	foldB    = 0xE7037ED1A0B428DB
	nullHash = 0x8EBC6AF09C88C6E3
)

// Mix is the finaliser of SplitMix64: a bijection that spreads every bit.
func Mix(z uint64) uint64 {
	z = (z ^ z>>30) * mixA
	z = (z ^ z>>27) * mixB
	return z ^ z>>31
}

// fold multiplies to 128 bits and folds the halves.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// HashInt is the hash of a single non-null integer key.
func HashInt(v int64) uint64 { return Mix(uint64(v) + golden) }

// HashBytes is the hash of a single non-null string key.
func HashBytes(s []byte) uint64 {
	if len(s) <= InlineMax {
		v := MakeInline(s)
		return hashInline(v)
	}
	return hashLong(s)
}

func hashInline(v View) uint64 { return Mix(fold(v.A^foldA, v.B^foldB)) }

func hashLong(s []byte) uint64 {
	h := uint64(len(s)) ^ foldB
	p := s
	for len(p) > 16 {
		h = fold(binary.LittleEndian.Uint64(p)^foldA^h, binary.LittleEndian.Uint64(p[8:])^foldB)
		p = p[16:]
	}
	// The last 8 or 16 bytes, overlapping what was read before where they must.
	if len(s) >= 16 {
		e := s[len(s)-16:]
		return Mix(fold(binary.LittleEndian.Uint64(e)^foldA^h, binary.LittleEndian.Uint64(e[8:])^foldB))
	}
	return Mix(fold(binary.LittleEndian.Uint64(s)^foldA^h, binary.LittleEndian.Uint64(s[len(s)-8:])^foldB))
}

// combine adds the hash of one more column.
func combine(h, c uint64) uint64 { return fold(h^foldA, c^mixA) ^ c }

// HashKeys fills dst with the hash and the key group of columns cols for every
// row of b, at the row's lane; other lanes are undefined. maxParallelism is the
// number of key groups, at most 32768. NULL is a key of its own, -0.0 and 0.0 are two,
// all NaNs are one, integers of any width hash by value. Memory of dst is used
// again. Without columns every row has the same key.
func HashKeys(dst *KeyVec, b *Batch, cols []int, maxParallelism int) {
	HashDealt(dst, b, cols, cols, maxParallelism)
}

// HashDealt is HashKeys with the key group made of columns dealt, by which the rows
// were dealt to subtasks: rows with equal keys must be equal there too.
func HashDealt(dst *KeyVec, b *Batch, cols, dealt []int, maxParallelism int) {
	dst.Cols = append(dst.Cols[:0], cols...)
	dst.H = extend(dst.H[:0], b.N)
	dst.KG = extend(dst.KG[:0], b.N)
	if len(cols) == 0 && len(dealt) == 0 {
		clear(dst.H)
		clear(dst.KG)
		return
	}
	var few [8]*Col
	list := few[:0]
	for _, i := range cols {
		list = append(list, &b.Cols[i])
	}
	if len(cols) > 0 {
		HashCols(dst.H, list, b.Sel, b.N)
	} else {
		clear(dst.H)
	}
	h := dst.H
	if !slices.Equal(dealt, cols) {
		if k := b.Keys; k != nil && slices.Equal(k.Cols, dealt) {
			copy(dst.KG, k.KG)
			return
		}
		list = list[:0]
		for _, i := range dealt {
			list = append(list, &b.Cols[i])
		}
		h = nil
	}
	groupCols(dst.KG, h, list, b.Sel, b.N, uint32(maxParallelism))
}

// strip is how many lanes are hashed at a time: their hashes stay in L1.
const strip = 256

// HashCols writes the 64-bit hash of the key in cols to h, at the lanes sel (nil:
// all n).
func HashCols(h []uint64, cols []*Col, sel []uint16, n int) {
	if sel == nil {
		sel = Span(0, n)
		if c := cols[0]; len(cols) == 1 && c.Enc == Flat && c.Nulls == nil && c.Type.Phys() == types.PhysI64 {
			h = h[:n]
			for i, x := range c.I64[:n] {
				h[i] = Mix(uint64(x) + golden)
			}
			return
		}
	}
	var buf [strip]uint64
	for len(sel) > 0 {
		lanes := sel[:min(strip, len(sel))]
		sel = sel[len(lanes):]
		for k, c := range cols {
			hashLanes(buf[:len(lanes)], c, lanes)
			if k == 0 {
				for i, l := range lanes {
					h[l] = buf[i]
				}
				continue
			}
			for i, l := range lanes {
				h[l] = combine(h[l], buf[i])
			}
		}
	}
}

// hashLanes writes the hash of one column, dense.
func hashLanes(dst []uint64, c *Col, lanes []uint16) {
	if c.Enc == Const {
		fill(dst, hashLane(c, 0))
		return
	}
	if c.Enc == Flat && c.Nulls == nil {
		switch c.Type.Phys() {
		case types.PhysI64:
			for i, l := range lanes {
				dst[i] = Mix(uint64(c.I64[l]) + golden)
			}
			return
		case types.PhysI32:
			for i, l := range lanes {
				dst[i] = Mix(uint64(int64(c.I32[l])) + golden)
			}
			return
		case types.PhysBytes:
			for i, l := range lanes {
				if v := c.Views[l]; v.Len() <= InlineMax {
					dst[i] = hashInline(v)
				} else {
					dst[i] = hashView(c, int(l))
				}
			}
			return
		}
	}
	for i, l := range lanes {
		dst[i] = hashLane(c, int(l))
	}
}

func hashView(c *Col, l int) uint64 {
	v := c.Views[l]
	off := v.Off()
	return hashLong(c.Bufs[v.Buf()][off : off+uint32(v.Len())])
}

// hashLane is the hash of one value of any type.
func hashLane(c *Col, l int) uint64 {
	if c.IsNull(l) {
		return nullHash
	}
	if c.Enc == Const {
		l = 0
	}
	switch p := c.Type.Phys(); p {
	case types.PhysBytes:
		if v := c.Views[l]; v.Len() <= InlineMax {
			return hashInline(v)
		}
		return hashView(c, l)
	case types.PhysDec:
		d := c.Dec[l]
		return combine(Mix(d.Lo+golden), Mix(uint64(d.Hi)+golden))
	case types.PhysList, types.PhysRow:
		var buf [64]byte
		return HashBytes(AppendKey(buf[:0], c, l))
	default:
		return Mix(fixedBits(c, l, p) + golden)
	}
}

// fixedBits is a canonical 64-bit form of a value up to 64 bits wide.
func fixedBits(c *Col, l int, p types.Phys) uint64 {
	switch p {
	case types.PhysBool:
		return c.Bits[l>>6] >> (l & 63) & 1
	case types.PhysI8:
		return uint64(int64(c.I8[l]))
	case types.PhysI16:
		return uint64(int64(c.I16[l]))
	case types.PhysI32:
		return uint64(int64(c.I32[l]))
	case types.PhysI64:
		return uint64(c.I64[l])
	case types.PhysF32:
		return floatBits(float64(c.F32[l]))
	case types.PhysF64:
		return floatBits(c.F64[l])
	}
	return 0
}

// floatBits has two zeros, which are two keys, and one NaN.
func floatBits(f float64) uint64 {
	if f != f {
		return 0x7FF8000000000001
	}
	return math.Float64bits(f)
}
