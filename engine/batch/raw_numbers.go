package batch

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe" //mink:det-ok places of groups, which are checked once for all of them
)

// Whole numbers in the raw form: ids and times of a batch lie close together or come in
// runs, and what is not written is worth more than the loops cost.
//
//	1 byte form, and behind it
//	rawPlain  the values as they are
//	rawSteps  8 bytes base, 8 bytes step: value i is base + i*step
//	rawRuns   2 bytes number of runs, 2 bytes length of each, and of each its value, as
//	          numbers are written, though not as runs
//	else      8 bytes base, and how much each value is above it in so many bits, in groups
//	          of whole bytes: four values where they have up to 16 bits, two where they have
//	          up to 32; the last group is filled up

// number is a type of such columns.
type number interface{ ~int32 | ~int64 | ~uint32 }

// Forms beside the widths.
const (
	rawPlain = 64 + iota
	rawSteps
	rawRuns
)

// runLeast is how long runs are at least, taken together, that are written as runs.
const runLeast = 8

// guess is how the numbers of a column were written last. Those of the next batch mostly
// are alike, so that they are gone over once and not twice.
type guess struct {
	form int // 0: nothing is known
	base uint64
	step uint64
	// moves: the numbers of a batch lie around the middle of some of them, as such that rise do;
	// others stay where they are, and some of them may lie anywhere.
	moves bool
	used  int
	ends  []uint16 // of runs
	each  []int64  // their values
	runs  *guess   // of these
}

// guessBatches is for how many batches a guess is good: numbers may have come to lie
// closer together.
const guessBatches = 64

// appendNumbers writes numbers; g may be nil.
func appendNumbers[N number](dst []byte, v []N, g *guess) []byte {
	if g == nil || g.form == 0 || len(v) == 0 || len(v) > CapRows {
		return appendLooked(dst, v, g)
	}
	at := len(dst)
	if g.used++; g.used < guessBatches {
		switch g.form {
		case rawSteps:
			if steps(v, g.step) {
				return appendSteps(dst, uint64(int64(v[0])), g.step)
			}
		case rawRuns:
			ok := false
			if dst, ok = appendRuns(dst, v, g); ok {
				return dst
			}
		default:
			base, all := g.base, uint64(0)
			if g.moves {
				base = middle(v) - 1<<(g.form-1)
			}
			if dst, all = appendAbove(dst, v, base, g.form); bits.Len64(all) <= g.form {
				return dst
			}
			g.moves = !g.moves
		}
	}
	return appendLooked(dst[:at], v, g)
}

// appendLooked is appendNumbers without a guess; it makes one.
func appendLooked[N number](dst []byte, v []N, g *guess) []byte {
	if len(v) == 0 {
		return append(dst, rawPlain)
	}
	least, most, last, runs := v[0], v[0], v[0], 1
	for _, x := range v {
		least, most = min(least, x), max(most, x)
		if x != last {
			runs++
		}
		last = x
	}
	if g == nil {
		g = &guess{}
	}
	first, base := uint64(int64(v[0])), uint64(int64(least))
	spread := uint64(int64(most)) - base
	width := widthOf(spread)
	g.form, g.used = width, 0
	if len(v) <= CapRows {
		if step := uint64(int64(v[min(1, len(v)-1)])) - first; steps(v, step) {
			g.form, g.step = rawSteps, step
			return appendSteps(dst, first, step)
		}
		if runs <= len(v)/runLeast && runs*(16+width) < len(v)*width {
			g.form = rawRuns
			dst, _ = appendRuns(dst, v, g)
			return dst
		}
	}
	if width == rawPlain {
		g.form = 0
		return append(append(dst, rawPlain), bytesOf(v)...)
	}
	// What a width has room for is left on both sides.
	g.base = base - (1<<width-1-spread)/2
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

// middle is that between the least and the most of some of the numbers.
func middle[N number](v []N) uint64 {
	const apart = 64
	least, most := v[len(v)-1], v[len(v)-1]
	for i := 0; i < len(v); i += apart {
		least, most = min(least, v[i]), max(most, v[i])
	}
	from := uint64(int64(least))
	return from + (uint64(int64(most))-from)/2
}

// appendRuns writes runs of equal numbers; it gives up where they are too short.
func appendRuns[N number](dst []byte, v []N, g *guess) (_ []byte, ok bool) {
	most := len(v) / runLeast
	g.ends = slices.Grow(g.ends[:0], most+bordersRoom)[:most+bordersRoom]
	runs := borders(g.ends, v) + 1
	if runs > most {
		return dst, false
	}
	g.ends[runs-1] = uint16(len(v))
	g.each = slices.Grow(g.each[:0], runs)[:runs]
	dst = binary.LittleEndian.AppendUint16(append(dst, rawRuns), uint16(runs))
	at := len(dst)
	dst = slices.Grow(dst, 2*runs)[:at+2*runs]
	lens, from := dst[at:], uint16(0)
	for i, end := range g.ends[:runs] {
		binary.LittleEndian.PutUint16(lens[2*i:], end-from)
		g.each[i] = int64(v[from])
		from = end
	}
	if g.runs == nil {
		g.runs = &guess{}
	}
	return appendNumbers(dst, g.each, g.runs), true
}

// bordersRoom is how many more borders than are wanted there has to be room for.
const bordersRoom = 32

// borders finds the numbers that are not as the one before them, and gives how many they
// are: len(dst), or few fewer, stand for too many.
func borders[N number](dst []uint16, v []N) (n int) {
	i := 1
	if whole := (len(v) - 1) &^ (bordersRoom - 1); hasVectors && whole > 0 {
		if unsafe.Sizeof(v[0]) == 8 {
			n = borders64(&dst[0], len(dst), unsafe.Pointer(&v[0]), whole)
		} else {
			n = borders32(&dst[0], len(dst), unsafe.Pointer(&v[0]), whole)
		}
		if n < 0 {
			return len(dst)
		}
		i += whole
	}
	for i < len(v) {
		x, next := v[i-1], min(i+8, len(v))
		if next == i+8 {
			p := (*[8]N)(v[i:])
			if (p[0]^x)|(p[1]^x)|(p[2]^x)|(p[3]^x)|(p[4]^x)|(p[5]^x)|(p[6]^x)|(p[7]^x) == 0 {
				i = next
				continue
			}
		}
		if n+8 > len(dst) {
			return len(dst)
		}
		for ; i < next; i++ {
			if dst[n] = uint16(i); v[i] != v[i-1] {
				n++
			}
		}
	}
	return n
}

// widthOf is the number of bits, of those that there are, for values whose bits are in all.
func widthOf(all uint64) int {
	switch w := bits.Len64(all); {
	case w <= 16:
		return max(2, (w+1)&^1)
	case w <= 32:
		return (w + 3) &^ 3
	}
	return rawPlain
}

// groupOf is how many values of a width make a group, and its size in bytes.
func groupOf(width int) (values, size int) {
	if width <= 16 {
		return 4, width / 2
	}
	return 2, width / 4
}

// packedBytes is what n values of a width take.
func packedBytes(n, width int) int {
	values, size := groupOf(width)
	return (n + values - 1) / values * size
}

// packSlack is room behind packed values: groups are written as whole words, and those of
// eight values together.
const packSlack = 40

// appendAbove writes how much values are above base in width bits each, and gives all bits
// of the differences: with more than fit what is written is of no use.
func appendAbove[N number](dst []byte, v []N, base uint64, width int) (_ []byte, all uint64) {
	dst = binary.LittleEndian.AppendUint64(append(dst, byte(width)), base)
	at, size := len(dst), packedBytes(len(v), width)
	dst = slices.Grow(dst, size+packSlack)[:at+size+packSlack]
	whole := len(v) &^ 7
	all = pack(dst[at:], v[:whole], base, width)
	if whole < len(v) {
		var rest [8]N
		for i := range rest {
			rest[i] = v[min(whole+i, len(v)-1)]
		}
		all |= pack(dst[at+packedBytes(whole, width):], rest[:], base, width)
	}
	return dst[:at+size], all
}

// pack writes groups of values, eight at a time. A sum of products costs less than shifts
// by a number that is not known before. dst has a word more than they take.
func pack[N number](dst []byte, v []N, base uint64, width int) (all uint64) {
	_, step := groupOf(width)
	_ = dst[len(v)/8*packedBytes(8, width)+7]
	up, to := uint64(1)<<(width&63), unsafe.Pointer(unsafe.SliceData(dst))
	if whole := len(v) &^ 15; hasVectors && whole > 0 && unsafe.Sizeof(v[0]) == 8 {
		from, w := unsafe.Pointer(unsafe.SliceData(v)), uint64(width)
		if width > 16 {
			all = packTwos(to, from, whole, -base, &[4]uint64{0, w, 0, w}, step)
		} else {
			all = packFours(to, from, whole, -base, &[4]uint64{0, w, 2 * w, 3 * w}, step)
		}
		v, to = v[whole:], unsafe.Add(to, packedBytes(whole, width))
	}
	if width > 16 {
		for len(v) >= 8 {
			x := (*[8]N)(v)
			a, b, c, d := uint64(int64(x[0]))-base, uint64(int64(x[1]))-base, uint64(int64(x[2]))-base, uint64(int64(x[3]))-base
			all = all | a | b | c | d
			putWord(to, a+up*b)
			putWord(unsafe.Add(to, step), c+up*d)
			a, b, c, d = uint64(int64(x[4]))-base, uint64(int64(x[5]))-base, uint64(int64(x[6]))-base, uint64(int64(x[7]))-base
			all = all | a | b | c | d
			putWord(unsafe.Add(to, 2*step), a+up*b)
			putWord(unsafe.Add(to, 3*step), c+up*d)
			v, to = v[8:], unsafe.Add(to, 4*step)
		}
		return all
	}
	for len(v) >= 8 {
		x := (*[8]N)(v)
		a, b, c, d := uint64(int64(x[0]))-base, uint64(int64(x[1]))-base, uint64(int64(x[2]))-base, uint64(int64(x[3]))-base
		all = all | a | b | c | d
		putWord(to, a+up*(b+up*(c+up*d)))
		a, b, c, d = uint64(int64(x[4]))-base, uint64(int64(x[5]))-base, uint64(int64(x[6]))-base, uint64(int64(x[7]))-base
		all = all | a | b | c | d
		putWord(unsafe.Add(to, step), a+up*(b+up*(c+up*d)))
		v, to = v[8:], unsafe.Add(to, 2*step)
	}
	return all
}

func putWord(to unsafe.Pointer, x uint64) { binary.LittleEndian.PutUint64((*[8]byte)(to)[:], x) }

// rawNumbers reads n of them.
func rawNumbers[N number](r *rawReader, n int) []N {
	form := r.take(1)
	if form == nil {
		return nil
	}
	switch form[0] {
	case rawPlain:
		return rawValues[N](r, n)
	case rawSteps:
		return rawSequence[N](r, n)
	case rawRuns:
		return rawRepeated[N](r, n)
	}
	width, base := int(form[0]), r.take(8)
	if base == nil || width == 0 || width > 32 || widthOf(1<<width-1) != width || n > 4*len(r.data) {
		r.bad, r.data = true, nil
		return nil
	}
	in := r.take(packedBytes(n, width))
	if r.bad {
		return nil
	}
	in = append(append(make([]byte, 0, len(in)+8), in...), 0, 0, 0, 0, 0, 0, 0, 0)
	values, size := groupOf(width)
	least, mask, word := binary.LittleEndian.Uint64(base), uint64(1)<<width-1, uint64(0)
	out := make([]N, n)
	for i := range out {
		if i%values == 0 {
			word, in = binary.LittleEndian.Uint64(in), in[size:]
		}
		out[i] = N(least + word&mask)
		word >>= width
	}
	return out
}

// rawSequence reads n numbers that lie equally far apart.
func rawSequence[N number](r *rawReader, n int) []N {
	in := r.take(16)
	if in == nil || n > CapRows {
		r.bad, r.data = true, nil
		return nil
	}
	x, up := binary.LittleEndian.Uint64(in), binary.LittleEndian.Uint64(in[8:])
	out := make([]N, n)
	for i := range out {
		out[i] = N(x)
		x += up
	}
	return out
}

// rawRepeated reads n numbers in runs.
func rawRepeated[N number](r *rawReader, n int) []N {
	head := r.take(2)
	if head == nil || n > CapRows {
		r.bad, r.data = true, nil
		return nil
	}
	runs := int(binary.LittleEndian.Uint16(head))
	lens := r.take(2 * runs)
	if len(r.data) == 0 || r.data[0] == rawRuns {
		r.bad, r.data = true, nil
		return nil
	}
	each, out := rawNumbers[int64](r, runs), make([]N, 0, n)
	if r.bad {
		return nil
	}
	for i, x := range each {
		many := int(binary.LittleEndian.Uint16(lens[2*i:]))
		if many > n-len(out) {
			r.bad = true
			return nil
		}
		for range many {
			out = append(out, N(x))
		}
	}
	if len(out) != n {
		r.bad = true
		return nil
	}
	return out
}
