package kernel

import (
	"math/bits"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// castIntString writes integers as text. Most numbers fit into a view, which is put
// together in registers, eight digits at a time.
func castIntString(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	w := e.Scratch.Strings(dst)
	switch src.Type.Phys() {
	case types.PhysI8:
		textOfInts(&w, dst.Views, src.I8, n, live)
	case types.PhysI16:
		textOfInts(&w, dst.Views, src.I16, n, live)
	case types.PhysI32:
		textOfInts(&w, dst.Views, src.I32, n, live)
	default:
		textOfInts(&w, dst.Views, src.I64, n, live)
	}
	w.Close()
	return nil
}

func textOfInts[T Integer](w *batch.Writer, dst []batch.View, a []T, n int, live []uint64) {
	for i := range Lanes(n, live) {
		x := int64(a[i])
		if v, ok := viewOfInt(x); ok {
			dst[i] = v
			continue
		}
		w.Buf = strconv.AppendInt(w.Buf, x, 10)
		dst[i] = w.End()
	}
}

// viewOfInt is the view of a number's text, for numbers of up to 12 characters.
func viewOfInt(x int64) (batch.View, bool) {
	neg := uint64(x) >> 63
	u := (uint64(x) ^ -neg) + neg
	// The text so far as 16 bytes, the first lowest, and its length.
	var low, high uint64
	var n int
	switch {
	case u < 1e8:
		low, n = firstDigits(u)
	case u < 1e11 || neg == 0 && u < 1e12:
		low, n = firstDigits(u / 1e8)
		rest := digits8(u%1e8) | zeroDigits
		low, high = low|rest<<(8*n&63), rest>>(64-8*n&63)
		n += 8
	default:
		return batch.View{}, false
	}
	if neg != 0 {
		low, high = low<<8|'-', high<<8|low>>56
		n++
	}
	return batch.View{A: uint64(n) | low<<32, B: low>>32 | high<<32}, true
}

// zeroDigits is the text 00000000.
const zeroDigits = 0x3030_3030_3030_3030

// firstDigits is the text of u below 1e8, the first digit lowest, and its length.
func firstDigits(u uint64) (text uint64, n int) {
	d := digits8(u)
	zeros := bits.TrailingZeros64(d|1<<63) &^ 7
	return (d | zeroDigits) >> (zeros & 63), 8 - zeros>>3
}

// digits8 has the eight digits of u below 1e8 in its bytes, the first one lowest: it is
// cut into halves three times, both parts of each at once.
func digits8(u uint64) uint64 {
	u = u/1e4 | u%1e4<<32
	h := u * 10486 >> 20 & 0x7F_0000_007F
	u = h | (u-100*h)<<16
	h = u * 103 >> 10 & 0xF_000F_000F_000F
	return h | (u-10*h)<<8
}
