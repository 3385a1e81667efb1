package batch

import (
	"math/bits"

	"github.com/minkstream/mink/engine/types"
)

// Key groups. The group of a key is murmur3_32, seed 0, over its canonical bytes
// modulo the number of groups. Canonical bytes of a key are those of its columns,
// one after another, in words of four bytes:
//
//	integer-backed values, BOOLEAN   8 bytes, little endian, sign extended
//	FLOAT, DOUBLE                    8 bytes of the double, one NaN
//	DECIMAL(p > 18)                  16 bytes, low half first
//	strings, binary up to 12 bytes   the bytes, zeros to 12, length in 4 bytes
//	longer ones                      8 bytes of their 64-bit hash
//	nested values                    their AppendKey form, as a string
//	NULL                             FF FF FF FF
//
// State, timers and routing use one function, so that they always agree.

// MaxKeyGroups is the most key groups a job may have.
const MaxKeyGroups = 1 << 15

// DefaultKeyGroups is the number of key groups of a job that sets no maximum
// parallelism.
const DefaultKeyGroups = 128

// KeyGroupOwner is the subtask, of p, that owns key group kg of m.
func KeyGroupOwner(kg, p, m int) int { return kg * p / m }

// KeyGroupRange is the range [lo, hi) of the key groups, of m, that subtask i of
// p owns. The ranges of all subtasks tile [0, m).
func KeyGroupRange(i, p, m int) (lo, hi int) {
	return (i*m + p - 1) / p, ((i+1)*m + p - 1) / p
}

// KeyGroupOf is the key group of one row.
func KeyGroupOf(cols []*Col, lane, m int) int {
	st := murmur{}
	for _, c := range cols {
		st = st.lane(c, lane)
	}
	return int(st.sum() % uint32(m))
}

// groupCols writes key groups to kg at the lanes sel (nil: all n). h is the hash
// of the same key, or nil.
func groupCols(kg []uint16, h []uint64, cols []*Col, sel []uint16, n int, m uint32) {
	if c := cols[0]; len(cols) == 1 && c.Enc == Flat && c.Nulls == nil {
		switch c.Type.Phys() {
		case types.PhysI64:
			groupInts(kg, c.I64, sel, n, m)
			return
		case types.PhysBytes:
			if h != nil {
				groupBytes(kg, h, c.Views, sel, n, m)
				return
			}
		}
	}
	if sel == nil {
		sel = Span(0, n)
	}
	var st [strip]murmur
	for len(sel) > 0 {
		lanes := sel[:min(strip, len(sel))]
		sel = sel[len(lanes):]
		clear(st[:])
		for _, c := range cols {
			if c.Enc == Flat && c.Nulls == nil && c.Type.Phys() == types.PhysI64 {
				for i, l := range lanes {
					st[i] = st[i].word64(uint64(c.I64[l]))
				}
				continue
			}
			for i, l := range lanes {
				st[i] = st[i].lane(c, int(l))
			}
		}
		for i, l := range lanes {
			kg[l] = uint16(st[i].sum() % m)
		}
	}
}

// groupBytes is the case of a single string key, whose hash is at hand.
func groupBytes(kg []uint16, h []uint64, v []View, sel []uint16, n int, m uint32) {
	if sel == nil {
		sel = Span(0, n)
	}
	for _, l := range sel {
		st := murmur{}
		if x := v[l]; x.Len() <= InlineMax {
			st = st.inline(x)
		} else {
			st = st.word64(h[l])
		}
		kg[l] = uint16(st.sum() % m)
	}
}

// groupInts is the case of a single BIGINT key.
func groupInts(kg []uint16, v []int64, sel []uint16, n int, m uint32) {
	mask := uint32(0)
	if m&(m-1) == 0 {
		mask = m - 1
	}
	if sel == nil {
		kg = kg[:n]
		if mask != 0 {
			for i, x := range v[:n] {
				h := murmurWord(murmurWord(0, uint32(x)), uint32(uint64(x)>>32))
				kg[i] = uint16(murmurEnd(h^8) & mask)
			}
			return
		}
		for i, x := range v[:n] {
			h := murmurWord(murmurWord(0, uint32(x)), uint32(uint64(x)>>32))
			kg[i] = uint16(murmurEnd(h^8) % m)
		}
		return
	}
	for _, l := range sel {
		kg[l] = uint16(murmur64(uint64(v[l])) % m)
	}
}

// murmur is murmur3_32 over whole words of four bytes.
type murmur struct{ h, words uint32 }

func (s murmur) word(k uint32) murmur { return murmur{murmurWord(s.h, k), s.words + 1} }

// murmurWord and murmurEnd are the two halves, small enough to be inlined in loops.
func murmurWord(h, k uint32) uint32 {
	k = bits.RotateLeft32(k*0xCC9E2D51, 15) * 0x1B873593
	return bits.RotateLeft32(h^k, 13)*5 + 0xE6546B64
}

func murmurEnd(h uint32) uint32 {
	h = (h ^ h>>16) * 0x85EBCA6B
	h = (h ^ h>>13) * 0xC2B2AE35
	return h ^ h>>16
}

func (s murmur) word64(v uint64) murmur { return s.word(uint32(v)).word(uint32(v >> 32)) }

func (s murmur) sum() uint32 { return murmurEnd(s.h ^ s.words*4) }

// murmur64 is the hash of 8 bytes.
func murmur64(v uint64) uint32 { return murmur{}.word64(v).sum() }

func (s murmur) inline(v View) murmur {
	return s.word(uint32(v.A >> 32)).word64(v.B).word(uint32(v.A))
}

func (s murmur) bytes(b []byte) murmur {
	if len(b) <= InlineMax {
		return s.inline(MakeInline(b))
	}
	return s.word64(hashLong(b))
}

// lane adds the value of one lane.
func (s murmur) lane(c *Col, l int) murmur {
	if c.IsNull(l) {
		return s.word(0xFFFFFFFF)
	}
	if c.Enc == Const {
		l = 0
	}
	switch p := c.Type.Phys(); p {
	case types.PhysBytes:
		if v := c.Views[l]; v.Len() <= InlineMax {
			return s.inline(v)
		}
		return s.word64(hashView(c, l))
	case types.PhysDec:
		return s.word64(c.Dec[l].Lo).word64(uint64(c.Dec[l].Hi))
	case types.PhysList, types.PhysRow:
		var t [64]byte
		return s.bytes(AppendKey(t[:0], c, l))
	default:
		return s.word64(fixedBits(c, l, p))
	}
}
