package batch

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe" //mink:det-ok where bytes lie, and views of them as numbers
)

// Whole numbers in the raw form: ids and times of a batch lie close together, and what is
// not written is worth more than the loops cost.
//
//	1 byte width: 8 the values follow as they are; else
//	8 bytes base; rawSteps is followed by 8 bytes step: value i is base + i*step; else
//	1 byte padding, so many bytes; how much each value is above the base, in width bytes:
//	none, 1, 2, 4, or 3 as the lower two of all and then the upper one of all

// number is a type of such columns.
type number interface{ ~int32 | ~int64 | ~uint32 }

// rawSteps stands in the place of a width.
const rawSteps = 9

// guess is how the numbers of a column were written last. Those of the next batch mostly
// are alike, so that they are gone over once and not twice.
type guess struct {
	base  uint64
	width int // or rawSteps; guessNone: nothing is known
	step  uint64
	// fromFirst: base is counted from the first number of a batch. Numbers that rise are near
	// it; of others it may be any, and they stay where they are.
	fromFirst bool
	used      int
}

const (
	guessNone = 0
	// guessConst is a guess of width 0.
	guessConst = -1
	// guessBatches is for how many batches a guess is good: numbers may have come to lie
	// closer together.
	guessBatches = 64
)

// appendNumbers writes numbers; g may be nil.
func appendNumbers[N number](dst []byte, v []N, g *guess) []byte {
	if g == nil || g.width == guessNone || len(v) == 0 {
		return appendLooked(dst, v, g)
	}
	at, first := len(dst), uint64(int64(v[0]))
	if g.used++; g.used < guessBatches {
		switch g.width {
		case rawSteps:
			if steps(v, g.step) {
				return appendSteps(dst, first, g.step)
			}
		case guessConst:
			if len(v) <= CapRows && steps(v, 0) {
				dst, _ = appendAbove(dst, v, first, 0)
				return dst
			}
		default:
			base, all := g.base, uint64(0)
			if g.fromFirst {
				base += first
			}
			if dst, all = appendAbove(dst, v, base, g.width); widthOf(all) <= g.width {
				return dst
			}
			g.fromFirst = !g.fromFirst
		}
	}
	return appendLooked(dst[:at], v, g)
}

// appendLooked is appendNumbers without a guess; it makes one.
func appendLooked[N number](dst []byte, v []N, g *guess) []byte {
	if len(v) == 0 {
		return append(dst, 8)
	}
	least, most := v[0], v[0]
	for _, x := range v {
		least, most = min(least, x), max(most, x)
	}
	if g == nil {
		g = &guess{}
	}
	first, base := uint64(int64(v[0])), uint64(int64(least))
	spread := uint64(int64(most)) - base
	width := widthOf(spread)
	*g = guess{width: width, fromFirst: g.fromFirst}
	switch {
	case width == 0 && len(v) <= CapRows:
		g.width = guessConst
	case width == 0:
		width, g.width = 1, 1 // a reader makes no more of nothing
	case width == 8:
		g.width = guessNone
	}
	if step := uint64(int64(v[min(1, len(v)-1)])) - first; step != 0 && len(v) <= CapRows && steps(v, step) {
		g.width, g.step = rawSteps, step
		return appendSteps(dst, first, step)
	}
	if width == 8 {
		return append(append(dst, 8), bytesOf(v)...)
	}
	// What a width has room for is left on both sides.
	g.base = base - (1<<(8*width)-1-spread)/2
	if g.fromFirst {
		g.base -= first
	}
	dst, _ = appendAbove(dst, v, base, width)
	return dst
}

// steps reports that each number is so much above the one before it.
func steps[N number](v []N, step uint64) bool {
	if n := len(v); uint64(int64(v[n-1]))-uint64(int64(v[0])) != step*uint64(n-1) {
		return false
	}
	want, all := uint64(int64(v[0])), uint64(0)
	for _, x := range v {
		all |= uint64(int64(x)) ^ want
		want += step
	}
	return all == 0
}

func appendSteps(dst []byte, first, step uint64) []byte {
	dst = binary.LittleEndian.AppendUint64(append(dst, rawSteps), first)
	return binary.LittleEndian.AppendUint64(dst, step)
}

// widthOf is the number of bytes, of those that there are, for values whose bits are in all.
func widthOf(all uint64) int {
	if w := (bits.Len64(all) + 7) / 8; w <= 4 {
		return w
	}
	return 8
}

// appendAbove writes how much values are above base in width bytes each, and gives all bits
// of the differences: with more than fit what is written is of no use.
func appendAbove[N number](dst []byte, v []N, base uint64, width int) (_ []byte, all uint64) {
	dst = binary.LittleEndian.AppendUint64(append(dst, byte(width)), base)
	switch width {
	case 0:
		return append(dst, 0), 0
	case 1:
		dst, out := appendRoom[uint8](dst, len(v))
		return dst, narrow(out, v, base)
	case 2:
		dst, out := appendRoom[uint16](dst, len(v))
		return dst, narrow(out, v, base)
	case 3:
		dst, low := appendRoom[uint16](slices.Grow(dst, roomSlack+3*len(v)), len(v))
		at := len(dst)
		dst = dst[:at+len(v)]
		return dst, narrowTwo(low, dst[at:], v, base)
	}
	dst, out := appendRoom[uint32](dst, len(v))
	return dst, narrow(out, v, base)
}

// roomSlack is the most that appendRoom needs beside the numbers.
const roomSlack = 4

// appendRoom appends padding and room for n numbers, which lie as their type has to.
func appendRoom[O uint8 | uint16 | uint32](dst []byte, n int) ([]byte, []O) {
	var zero O
	size := int(unsafe.Sizeof(zero))
	dst = slices.Grow(dst, roomSlack+n*size)
	pad := int(-(uintptr(unsafe.Pointer(unsafe.SliceData(dst))) + uintptr(len(dst)) + 1) & uintptr(size-1))
	dst = append(dst, byte(pad))
	at := len(dst) + pad
	dst = dst[:at+n*size]
	clear(dst[at-pad : at])
	if n == 0 {
		return dst, nil
	}
	return dst, unsafe.Slice((*O)(unsafe.Pointer(&dst[at])), n)
}

// narrow goes over eight numbers at a time: with all of them at known places there is
// nothing to check and to count for each.
func narrow[O uint8 | uint16 | uint32, N number](out []O, v []N, base uint64) (all uint64) {
	for len(v) >= 8 && len(out) >= 8 {
		x, o := (*[8]N)(v), (*[8]O)(out)
		a, b, c, d := uint64(int64(x[0]))-base, uint64(int64(x[1]))-base, uint64(int64(x[2]))-base, uint64(int64(x[3]))-base
		o[0], o[1], o[2], o[3] = O(a), O(b), O(c), O(d)
		all |= a | b | c | d
		a, b, c, d = uint64(int64(x[4]))-base, uint64(int64(x[5]))-base, uint64(int64(x[6]))-base, uint64(int64(x[7]))-base
		o[4], o[5], o[6], o[7] = O(a), O(b), O(c), O(d)
		all |= a | b | c | d
		v, out = v[8:], out[8:]
	}
	out = out[:len(v)]
	for i, x := range v {
		d := uint64(int64(x)) - base
		all |= d
		out[i] = O(d)
	}
	return all
}

func narrowTwo[N number](low []uint16, high []uint8, v []N, base uint64) (all uint64) {
	low, high = low[:len(v)], high[:len(v)]
	for i, x := range v {
		d := uint64(int64(x)) - base
		all |= d
		low[i], high[i] = uint16(d), uint8(d>>16)
	}
	return all
}

// rawNumbers reads n of them.
func rawNumbers[N number](r *rawReader, n int) []N {
	head := r.take(1)
	if head == nil {
		return nil
	}
	width := int(head[0])
	if width == 8 {
		return rawValues[N](r, n)
	}
	base := r.take(8)
	if width == rawSteps {
		return rawSequence[N](r, n, base)
	}
	pad := r.take(1)
	if pad == nil || width > 4 || pad[0] > 3 {
		r.bad, r.data = true, nil
		return nil
	}
	r.take(int(pad[0]))
	if width == 0 && n > CapRows || width > 0 && n > len(r.data)/width {
		r.bad, r.data = true, nil
		return nil
	}
	least := binary.LittleEndian.Uint64(base)
	in, out := r.take(n*width), make([]N, n)
	for i := range out {
		d := uint64(0)
		switch width {
		case 1:
			d = uint64(in[i])
		case 2:
			d = uint64(binary.NativeEndian.Uint16(in[2*i:]))
		case 3:
			d = uint64(binary.NativeEndian.Uint16(in[2*i:])) | uint64(in[2*n+i])<<16
		case 4:
			d = uint64(binary.NativeEndian.Uint32(in[4*i:]))
		}
		out[i] = N(least + d)
	}
	return out
}

// rawSequence reads n numbers that lie equally far apart.
func rawSequence[N number](r *rawReader, n int, base []byte) []N {
	step := r.take(8)
	if step == nil || n > CapRows {
		r.bad, r.data = true, nil
		return nil
	}
	x, up := binary.LittleEndian.Uint64(base), binary.LittleEndian.Uint64(step)
	out := make([]N, n)
	for i := range out {
		out[i] = N(x)
		x += up
	}
	return out
}
