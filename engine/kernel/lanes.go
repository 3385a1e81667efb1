package kernel

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// lanesOf has for each byte the numbers of its set bits, ascending, four to a word.
var lanesOf = func() (t [256][2]uint64) {
	for x := range t {
		var b [16]byte
		k := 0
		for i := range 8 {
			if x>>i&1 != 0 {
				binary.LittleEndian.PutUint16(b[2*k:], uint16(i))
				k++
			}
		}
		t[x] = [2]uint64{binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:])}
	}
	return t
}()

// everyLane is 1 in each of the four lanes of a word.
const everyLane = 0x0001_0001_0001_0001

// sparseWord is the number of set bits up to which a word is taken bit by bit.
const sparseWord = 6

// AppendLanes appends the set bits among the first n as lanes.
//
// A word with many bits is taken byte by byte: all eight places are written, of
// which the next byte keeps those that count. That takes the same time whatever the
// bits are, where a loop over the bits waits for each of them.
func AppendLanes(sel []uint16, m []uint64, n int) []uint16 {
	k := len(sel)
	sel = slices.Grow(sel, n+8)
	s := sel[:cap(sel)]
	for w := range batch.Words(n) {
		word := m[w]
		if n-w<<6 < 64 {
			word &= TailMask(n)
		}
		if bits.OnesCount64(word) <= sparseWord {
			for ; word != 0; word &= word - 1 {
				s[k] = uint16(w<<6 + bits.TrailingZeros64(word))
				k++
			}
			continue
		}
		base := uint64(w<<6) * everyLane
		for ; word != 0; word >>= 8 {
			x := uint8(word)
			a, b := lanesOf[x][0]+base, lanesOf[x][1]+base
			d := s[k : k+8 : k+8]
			d[0], d[1], d[2], d[3] = uint16(a), uint16(a>>16), uint16(a>>32), uint16(a>>48)
			d[4], d[5], d[6], d[7] = uint16(b), uint16(b>>16), uint16(b>>32), uint16(b>>48)
			k += bits.OnesCount8(x)
			base += 8 * everyLane
		}
	}
	return s[:k]
}
