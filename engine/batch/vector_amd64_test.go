package batch

import (
	"bytes"
	"math/bits"
	"slices"
	"testing"
)

// What is written with vectors is what the loops write, whatever the width and the number,
// and what does not fit is seen; so are borders of runs.
func TestVectors(t *testing.T) {
	if !hasVectors {
		t.Skip("the processor has none")
	}
	defer func() { hasVectors = true }()
	both := func(f func() ([]byte, uint64)) (slow, fast []byte, a, b uint64) {
		hasVectors = false
		slow, a = f()
		hasVectors = true
		fast, b = f()
		return slow, fast, a, b
	}
	const base = 1<<40 + 12345
	x := uint64(1)
	for width := 2; width <= 32; width += 2 {
		if widthOf(1<<width-1) != width {
			continue
		}
		for _, n := range []int{1, 7, 8, 15, 16, 17, 31, 32, 100, 4096} {
			for _, wrong := range []int{-1, 0, n / 2, n - 1} { // a number that does not fit
				v := make([]int64, n)
				for i := range v {
					x = Mix(x)
					v[i] = int64(base + x&(1<<width-1))
				}
				if wrong >= 0 {
					v[wrong] = base - 1
				}
				slow, fast, a, b := both(func() ([]byte, uint64) { return appendAbove([]byte("x"), v, base, width) })
				if a != b || wrong < 0 && !bytes.Equal(slow, fast) || wrong >= 0 && bits.Len64(b) <= width {
					t.Fatalf("%d numbers of %d bits, number %d wrong: %x with vectors, %x without, bits %x and %x", n, width, wrong, fast, slow, b, a)
				}
			}
		}
	}
	for _, span := range []int{500, 1 << 14, 1 << 20, placesSpan} {
		for _, n := range []int{1, 3, 4, 7, 8, 9, 63, 64, 1000} {
			for _, short := range []int{-1, 0, n / 2, n - 1} {
				k := &keptBuf{from: 77, to: 77 + uint32(span)}
				v := make([]View, n)
				for i := range v {
					x = Mix(x)
					v[i] = View{A: wordMin + x%256 | x>>50<<32, B: (77 + x>>20%uint64(span)) << 32}
				}
				if short >= 0 {
					v[short].A = InlineMax
				}
				slow, fast, a, b := both(func() ([]byte, uint64) {
					dst, ok := appendWords([]byte("x"), v, k)
					if !ok {
						return nil, 1
					}
					return dst, 0
				})
				if a != b || b == 1 != (short >= 0) || !bytes.Equal(slow, fast) {
					t.Fatalf("%d texts in %d bytes, text %d too short: %x with vectors, %x without", n, span, short, fast, slow)
				}
			}
		}
	}
	for _, n := range []int{1, 2, 16, 17, 32, 33, 34, 100, 4096} {
		for _, run := range []uint64{1, 2, 3, 40, 5000} {
			long, word := make([]int64, n), make([]int32, n)
			for i := range long {
				if x = Mix(x); i > 0 && x%run > 0 {
					long[i] = long[i-1]
				} else {
					long[i] = int64(x<<32) + int64(i)<<31
				}
				word[i] = int32(long[i] >> 31)
			}
			var want []uint16
			for i := 1; i < n; i++ {
				if long[i] != long[i-1] {
					want = append(want, uint16(i))
				}
			}
			for name, f := range map[string]func(dst []uint16) int{
				"64": func(dst []uint16) int { return borders(dst, long) },
				"32": func(dst []uint16) int { return borders(dst, word) },
			} {
				for _, hasVectors = range []bool{false, true} {
					dst := make([]uint16, n+bordersRoom)
					if got := f(dst); !slices.Equal(dst[:got], want) {
						t.Fatalf("%s bits, %d numbers in runs of %d, vectors %v: borders %v, and %v are right", name, n, run, hasVectors, dst[:got], want)
					}
					for room := range min(len(want), 100) {
						dst := slices.Repeat([]uint16{7}, room+bordersRoom+1)
						if got := f(dst[:room+bordersRoom]); got <= room || dst[room+bordersRoom] != 7 {
							t.Fatalf("%s bits, vectors %v: %d borders where there are more than %d", name, hasVectors, got, room)
						}
					}
				}
			}
		}
	}
}
