// Package kernel holds the loops that compute columns from columns: arithmetic,
// comparison, three-valued logic, casts, decimals, dates and patterns.
//
// A loop decides once per column and then runs over plain slices, with the
// operator as a func literal that the compiler inlines. Nulls are combined apart
// from the values, word by word. Loops that can fail, or that look at string
// bytes, get a mask of the lanes that count (live; nil means all) and touch no
// other lane; the rest compute whatever lies in a lane and let the null bitmap
// decide.
//
// kernel knows nothing of expressions or functions: those are built on top of it.
// Begin with the Map functions here, then compare.go, cast.go and text.go.
package kernel

import (
	"encoding/binary"
	"iter"
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
)

// Integer, Float and Number are the element types of arithmetic.
type (
	Integer interface {
		~int8 | ~int16 | ~int32 | ~int64
	}
	Float  interface{ ~float32 | ~float64 }
	Number interface{ Integer | Float }
)

// Map1 writes f(a[i]) to dst. Keep it small enough to inline: with a func literal
// at the call site the compiler then writes the loop for that literal.
func Map1[A, D any](dst []D, a []A, f func(A) D) {
	dst = dst[:len(a)]
	for i, x := range a {
		dst[i] = f(x)
	}
}

// Map2 writes f(a[i], b[i]) to dst.
func Map2[A, B, D any](dst []D, a []A, b []B, f func(A, B) D) {
	b, dst = b[:len(a)], dst[:len(a)]
	for i, x := range a {
		dst[i] = f(x, b[i])
	}
}

// Test1 sets bit i of dst to f(a[i]). Bits beyond len(a) in the last word are 0.
func Test1[A any](dst []uint64, a []A, f func(A) bool) {
	for i := 0; i < len(a); i += 64 {
		var w uint64
		for k, x := range a[i:min(i+64, len(a))] {
			var bit uint64
			if f(x) {
				bit = 1
			}
			w |= bit << (k & 63)
		}
		dst[i>>6] = w
	}
}

// Test2 sets bit i of dst to f(a[i], b[i]).
func Test2[A, B any](dst []uint64, a []A, b []B, f func(A, B) bool) {
	b = b[:len(a)]
	var w uint64
	for i, x := range a {
		var bit uint64
		if f(x, b[i]) {
			bit = 1
		}
		if i&63 == 0 {
			w = 0
		}
		w |= bit << (i & 63)
		dst[i>>6] = w
	}
}

// Lanes goes through the live lanes below n in order.
func Lanes(n int, live []uint64) iter.Seq[int] {
	return func(yield func(int) bool) {
		if live == nil {
			for i := range n {
				if !yield(i) {
					return
				}
			}
			return
		}
		for w, m := range live[:batch.Words(n)] {
			for ; m != 0; m &= m - 1 {
				if !yield(w<<6 + bits.TrailingZeros64(m)) {
					return
				}
			}
		}
	}
}

// Live reports whether a lane counts.
func Live(live []uint64, lane int) bool {
	return live == nil || live[lane>>6]&(1<<(lane&63)) != 0
}

// TailMask has the bits of the last word of a bitmap of n lanes, n > 0.
func TailMask(n int) uint64 { return ^uint64(0) >> (-n & 63) }

// FillOnes sets the first n bits of dst and clears the rest of the last word.
func FillOnes(dst []uint64, n int) {
	w := batch.Words(n)
	for i := range w {
		dst[i] = ^uint64(0)
	}
	if w > 0 {
		dst[w-1] = TailMask(n)
	}
}

// Count is the number of set bits among the first n.
func Count(m []uint64, n int) int {
	c := 0
	for _, w := range m[:n>>6] {
		c += bits.OnesCount64(w)
	}
	if n&63 != 0 {
		c += bits.OnesCount64(m[n>>6] & TailMask(n))
	}
	return c
}

// Any reports whether one of the first n bits is set.
func Any(m []uint64, n int) bool {
	for _, w := range m[:n>>6] {
		if w != 0 {
			return true
		}
	}
	return n&63 != 0 && m[n>>6]&TailMask(n) != 0
}

// MaskOf writes the lanes of sel as a bitmap of n lanes to dst.
func MaskOf(dst []uint64, sel []uint16) {
	clear(dst)
	for _, l := range sel {
		dst[l>>6] |= 1 << (l & 63)
	}
}

// UnionNulls gives dst a null bitmap of n lanes that has the nulls of all args,
// or none when none of them has any. Constants among args that are NULL make
// every lane NULL. It reports whether dst has a bitmap.
func UnionNulls(dst *batch.Col, args []*batch.Col, n int) bool {
	for _, a := range args {
		if a.Nulls == nil {
			continue
		}
		if a.Enc == batch.Const {
			if a.Nulls[0]&1 != 0 {
				FillOnes(dst.NullBits(n), n)
				return true
			}
			continue
		}
		w := dst.NullBits(n)
		for i, x := range a.Nulls[:len(w)] {
			w[i] |= x
		}
	}
	return dst.Nulls != nil
}

// Strs reads the values of a string column lane by lane.
type Strs struct {
	Views []batch.View
	Bufs  [][]byte
	mask  int // 0 for a constant, so that every lane is lane 0
	tmp   [batch.InlineMax]byte
}

// StrsOf makes a reader of c.
func StrsOf(c *batch.Col) Strs {
	s := Strs{Views: c.Views, Bufs: c.Bufs, mask: -1}
	if c.Enc == batch.Const {
		s.mask = 0
	}
	return s
}

// View is the view of a lane.
func (s *Strs) View(i int) batch.View { return s.Views[i&s.mask] }

// At returns the value of a lane; short values lie in the reader until the next
// call.
func (s *Strs) At(i int) []byte {
	v := s.Views[i&s.mask]
	if n := v.Len(); n > batch.InlineMax {
		off := v.Off()
		return s.Bufs[v.Buf()][off : off+uint32(n)]
	}
	return v.Inline(&s.tmp)
}

// SubView is the view of b[from:to], where b are the bytes of v; a long part
// shares v's buffer.
func SubView(v batch.View, b []byte, from, to int) batch.View {
	if to-from <= batch.InlineMax {
		return batch.MakeInline(b[from:to])
	}
	return batch.MakeRef(b[from:to], v.Buf(), v.Off()+uint32(from))
}

// ASCII reports whether s has no byte beyond ASCII, so that a character is a byte. It
// reads whole words that may overlap.
func ASCII(s []byte) bool {
	n := len(s)
	switch {
	case n >= 8:
		rest := binary.LittleEndian.Uint64(s[n-8:])
		for ; len(s) > 8; s = s[8:] {
			rest |= binary.LittleEndian.Uint64(s)
		}
		return rest&highBits == 0
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(s)|binary.LittleEndian.Uint32(s[n-4:]))&highBits == 0
	case n > 0:
		return (s[0]|s[n>>1]|s[n-1])&0x80 == 0
	}
	return true
}

// highBits is the high bit of each byte of a word.
const highBits = 0x8080_8080_8080_8080

// ShareBufs lets dst's views point into the buffers of src, under the same
// numbers.
func ShareBufs(dst, src *batch.Col) { dst.Bufs = append(dst.Bufs[:0], src.Bufs...) }
