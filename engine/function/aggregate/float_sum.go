package aggregate

import (
	"math"
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// floatSum sums FLOAT and DOUBLE exactly: the result is the true sum rounded once,
// whatever the order of rows, and taking all values back leaves nothing.
//
// Lanes:
//
//	0  number of values << 8 | window + 1 (0: nothing summed)
//	1  sum, low half     a 128-bit integer in units of 2^(32*window - 1075)
//	2  sum, high half
//	3  reference to the full sum, once the window did not do; 1 and 2 are then 0
//
// The window has room for values within some 2^60 of each other and a carry; one
// outside moves the sum to the full form of bigWords words.
type floatSum struct {
	zero, avg bool
}

// The full sum is a two's complement number in units of 2^-1075 and the numbers of
// NaN, +Infinity and -Infinity among the values.
const (
	sumWords = 34
	bigWords = sumWords + 3
	// topWord bounds the high half of a window: beyond it the window is full.
	topWord = 1 << 62
	// windowBits is how far up the window a value may reach.
	windowBits = 120
)

type bigSum [bigWords]uint64

func (*floatSum) Lanes() int       { return 4 }
func (*floatSum) Blobs() []int     { return []int{3} }
func (*floatSum) WantsNulls() bool { return false }

func (a *floatSum) Fold(f *Fold) {
	c := f.Args[0]
	if c.Type.Phys() == types.PhysF32 {
		for i, l := range f.Lanes[:len(f.G)] {
			addFloat(f.row(i, 4), float64(c.F32[l]), f.sign(i), f.Heap)
		}
		return
	}
	v := c.F64
	for i, l := range f.Lanes[:len(f.G)] {
		addFloat(f.row(i, 4), v[l], f.sign(i), f.Heap)
	}
}

// addFloat adds sign*x and counts it.
func addFloat(r []uint64, x float64, sign int64, h *Heap) {
	r[0] += uint64(sign << 8)
	putFloat(r, x, sign, h)
}

// putFloat adds sign*x to the sum alone.
func putFloat(r []uint64, x float64, sign int64, h *Heap) {
	b := math.Float64bits(x)
	e := int(b>>52) & 0x7ff
	m := b & (1<<52 - 1)
	if e == 0 {
		if m == 0 {
			return
		}
		e = 1
	} else {
		m |= 1 << 52
	}
	if e == 0x7ff || r[3] != 0 {
		putBig(r, x, sign, h)
		return
	}
	limb, shift := e>>5, uint(e&31)
	switch w := int(r[0]&0xff) - 1; {
	case w < 0:
		r[0] |= uint64(limb + 1)
	case limb < w:
		if !lowerWindow(r, w-limb) {
			putBig(r, x, sign, h)
			return
		}
	default:
		shift += uint(32 * (limb - w))
		if shift+53 > windowBits {
			putBig(r, x, sign, h)
			return
		}
	}
	var lo, hi uint64
	if shift < 64 {
		lo, hi = m<<shift, m>>(64-shift)
	} else {
		hi = m << (shift - 64)
	}
	if (int64(b) < 0) != (sign < 0) {
		var c uint64
		lo, c = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, c)
	}
	var c uint64
	r[1], c = bits.Add64(r[1], lo, 0)
	r[2], _ = bits.Add64(r[2], hi, c)
	settle(r, h)
}

// settle keeps a window within bounds: an empty sum has none, a full one grows.
func settle(r []uint64, h *Heap) {
	if r[1]|r[2] == 0 {
		r[0] &^= 0xff
		return
	}
	if t := int64(r[2]); t >= topWord || t < -topWord {
		var s bigSum
		s.load(r, h)
		s.store(r, h)
	}
}

// lowerWindow moves a window down by k limbs if the sum has room for that.
func lowerWindow(r []uint64, k int) bool {
	if k > 3 {
		return false
	}
	t := r[2]
	if int64(t) < 0 {
		t = ^t
	}
	used := 64 + bits.Len64(t)
	if t == 0 {
		used = 64
		if int64(r[2]) == 0 {
			used = bits.Len64(r[1])
		} else {
			used = bits.Len64(^r[1]) + 1
		}
	}
	n := uint(32 * k)
	if used+int(n) > windowBits {
		return false
	}
	if n < 64 {
		r[2] = r[2]<<n | r[1]>>(64-n)
		r[1] <<= n
	} else {
		r[2], r[1] = r[1]<<(n-64), 0
	}
	r[0] -= uint64(k)
	return true
}

// putBig adds to the full form.
func putBig(r []uint64, x float64, sign int64, h *Heap) {
	var s bigSum
	s.load(r, h)
	s.add(x, sign)
	s.store(r, h)
}

// load makes s the sum in a row, in either form.
func (s *bigSum) load(r []uint64, h Blobs) {
	if r[3] != 0 {
		b := h.Blob(r[3])
		for i := range s {
			s[i] = uint64(b[8*i]) | uint64(b[8*i+1])<<8 | uint64(b[8*i+2])<<16 | uint64(b[8*i+3])<<24 |
				uint64(b[8*i+4])<<32 | uint64(b[8*i+5])<<40 | uint64(b[8*i+6])<<48 | uint64(b[8*i+7])<<56
		}
		return
	}
	*s = bigSum{}
	w := int(r[0]&0xff) - 1
	if w < 0 {
		return
	}
	at, ext := w/2, uint64(int64(r[2])>>63)
	parts := [3]uint64{r[1], r[2], ext}
	if w&1 != 0 {
		parts = [3]uint64{r[1] << 32, r[1]>>32 | r[2]<<32, uint64(int64(r[2]) >> 32)}
	}
	copy(s[at:sumWords], parts[:])
	for i := at + 3; i < sumWords; i++ {
		s[i] = ext
	}
}

// store writes s to a row in full form, or as nothing if it is zero.
func (s *bigSum) store(r []uint64, h *Heap) {
	r[0] &^= 0xff
	r[1], r[2] = 0, 0
	if *s == (bigSum{}) {
		r[3] = 0
		return
	}
	b := make([]byte, 0, 8*bigWords)
	for _, w := range s {
		b = append(b, byte(w), byte(w>>8), byte(w>>16), byte(w>>24), byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56))
	}
	r[3] = h.keep(0, b)
}

func (s *bigSum) add(x float64, sign int64) {
	switch {
	case x != x:
		s[sumWords] += uint64(sign)
		return
	case math.IsInf(x, 1):
		s[sumWords+1] += uint64(sign)
		return
	case math.IsInf(x, -1):
		s[sumWords+2] += uint64(sign)
		return
	}
	b := math.Float64bits(x)
	e := int(b>>52) & 0x7ff
	m := b & (1<<52 - 1)
	if e == 0 {
		e = 1
	} else {
		m |= 1 << 52
	}
	i, shift := e>>6, uint(e&63)
	lo, hi := m<<shift, m>>(64-shift)
	var c uint64
	if (int64(b) < 0) != (sign < 0) {
		s[i], c = bits.Sub64(s[i], lo, 0)
		for i++; i < sumWords; i, hi = i+1, 0 {
			s[i], c = bits.Sub64(s[i], hi, c)
		}
		return
	}
	s[i], c = bits.Add64(s[i], lo, 0)
	for i++; i < sumWords; i, hi = i+1, 0 {
		s[i], c = bits.Add64(s[i], hi, c)
	}
}

func (a *floatSum) Merge(dst, base, src [][]uint64, off int, h *Heap) error {
	for i, d := range dst {
		mergeFloat(d[off:off+4], base[i][off:off+4], src[i][off:off+4], h)
	}
	return nil
}

func mergeFloat(d, b, s []uint64, h *Heap) {
	n := (int64(b[0]) >> 8) + (int64(s[0]) >> 8)
	if b[3]|s[3] == 0 {
		switch {
		case s[0]&0xff == 0:
			copy(d, b)
			d[0] = b[0]&0xff | uint64(n<<8)
			return
		case b[0]&0xff == 0:
			copy(d, s)
			d[0] = s[0]&0xff | uint64(n<<8)
			return
		}
		var x, y [4]uint64
		copy(x[:], b)
		copy(y[:], s)
		ok := true
		if k := int(x[0]&0xff) - int(y[0]&0xff); k > 0 {
			ok = lowerWindow(x[:], k)
		} else if k < 0 {
			ok = lowerWindow(y[:], -k)
		}
		if ok {
			var c uint64
			d[1], c = bits.Add64(x[1], y[1], 0)
			d[2], _ = bits.Add64(x[2], y[2], c)
			d[0], d[3] = x[0]&0xff|uint64(n<<8), 0
			settle(d, h)
			return
		}
	}
	var x, y bigSum
	x.load(b, h)
	y.load(s, h)
	var c uint64
	for i := range sumWords {
		x[i], c = bits.Add64(x[i], y[i], c)
	}
	for i := sumWords; i < bigWords; i++ {
		x[i] += y[i]
	}
	d[0] = uint64(n << 8)
	x.store(d, h)
}

func (a *floatSum) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	narrow := out.Type.Phys() == types.PhysF32
	for i, r := range rows {
		r = r[off : off+4]
		n := int64(r[0]) >> 8
		v := 0.0
		switch {
		case n == 0 && !a.zero:
			out.SetNull(i, len(rows))
		case n == 0:
		case a.avg:
			v = sumOf(r, h, false) / float64(n)
		default:
			v = sumOf(r, h, narrow)
		}
		if narrow {
			out.F32[i] = float32(v)
		} else {
			out.F64[i] = v
		}
	}
	return nil
}

// sumOf is the sum in a row, rounded once to a double, or with narrow to a float.
func sumOf(r []uint64, h Blobs, narrow bool) float64 {
	if r[3] == 0 {
		w := int(r[0]&0xff) - 1
		if w < 0 {
			return 0
		}
		return round([]uint64{r[1], r[2]}, 32*w-1075, narrow)
	}
	var s bigSum
	s.load(r, h)
	switch nan, plus, minus := s[sumWords], s[sumWords+1], s[sumWords+2]; {
	case nan != 0 || plus != 0 && minus != 0:
		return math.NaN()
	case plus != 0:
		return math.Inf(1)
	case minus != 0:
		return math.Inf(-1)
	}
	return round(s[:sumWords], -1075, narrow)
}

// round gives the float nearest to a two's complement number in units of 2^exp,
// ties to even. Whole numbers of the smallest double need no rounding below.
func round(w []uint64, exp int, narrow bool) float64 {
	var mag [sumWords]uint64
	k := len(w)
	neg := int64(w[k-1]) < 0
	if neg {
		c := uint64(0)
		for i, x := range w {
			mag[i], c = bits.Sub64(0, x, c)
		}
	} else {
		copy(mag[:], w)
	}
	top := k - 1
	for top >= 0 && mag[top] == 0 {
		top--
	}
	if top < 0 {
		return 0
	}
	length := 64*top + bits.Len64(mag[top])
	keep := 53
	if narrow {
		keep = min(24, length+exp+149)
	}
	cut := length - keep
	if cut <= 0 {
		v := math.Ldexp(float64(extract(mag[:], 0)), exp)
		if neg {
			return -v
		}
		return v
	}
	m := uint64(0)
	if keep > 0 {
		m = extract(mag[:], cut)
	}
	half := bit(mag[:], cut-1)
	sticky := false
	for i := 0; i < (cut-1)>>6 && !sticky; i++ {
		sticky = mag[i] != 0
	}
	if r := uint(cut-1) & 63; !sticky && r > 0 {
		sticky = mag[(cut-1)>>6]&(1<<r-1) != 0
	}
	if keep >= 0 && half && (sticky || m&1 == 1) {
		m++
	}
	v := math.Ldexp(float64(m), cut+exp)
	if neg {
		return -v
	}
	return v
}

// extract is 64 bits of a number from bit at on.
func extract(w []uint64, at int) uint64 {
	i, s := at>>6, uint(at&63)
	v := w[i] >> s
	if s > 0 && i+1 < len(w) {
		v |= w[i+1] << (64 - s)
	}
	return v
}

func bit(w []uint64, i int) bool { return w[i>>6]>>(i&63)&1 != 0 }

// add192 writes a + b to d: three lanes, low first.
func add192(d, a []uint64, lo, hi, top uint64) {
	var c uint64
	d[0], c = bits.Add64(a[0], lo, 0)
	d[1], c = bits.Add64(a[1], hi, c)
	d[2], _ = bits.Add64(a[2], top, c)
}
