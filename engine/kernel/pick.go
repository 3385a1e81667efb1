package kernel

import (
	"cmp"
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Picking is a test whose lanes go into a selection at once, without a bitmap
// between. Every lane is written to the next place, which only moves on where the
// test holds, so no branch depends on the data.

// Pick writes the lanes of a for which f holds to dst, which has room for len(a),
// and returns how many there are.
func Pick[A any](dst []uint16, a []A, f func(A) bool) int {
	dst = dst[:len(a)]
	k := 0
	for i, x := range a {
		dst[k] = uint16(i)
		if f(x) {
			k++
		}
	}
	return k
}

// PickFew is Pick for tests that seldom hold: a branch that is foreseen is cheaper
// than a write for every lane.
func PickFew[A any](dst []uint16, a []A, f func(A) bool) int {
	dst = dst[:len(a)]
	k := 0
	for i, x := range a {
		if f(x) {
			dst[k] = uint16(i)
			k++
		}
	}
	return k
}

// PickOf is Pick for the lanes of sel alone; dst may be sel.
func PickOf[A any](dst, sel []uint16, a []A, f func(A) bool) int {
	dst = dst[:len(sel)]
	k := 0
	for _, l := range sel {
		dst[k] = l
		if f(a[l]) {
			k++
		}
	}
	return k
}

// Picks reports whether PickCompare compares columns of this layout.
func Picks(p types.Phys) bool {
	switch p {
	case types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64, types.PhysF32, types.PhysF64, types.PhysDec:
		return true
	}
	return false
}

// PickCompare writes the lanes of a, a flat column of n lanes without nulls, that
// stand in op to the constant b. sel are the lanes to look at, nil all; dst has room
// for them and may be sel.
func PickCompare(dst, sel []uint16, op Op, a, b *batch.Col, n int) []uint16 {
	k := 0
	switch a.Type.Phys() {
	case types.PhysI8:
		k = pickOrdered(dst, sel, op, a.I8[:n], b.I8[0])
	case types.PhysI16:
		k = pickOrdered(dst, sel, op, a.I16[:n], b.I16[0])
	case types.PhysI32:
		k = pickOrdered(dst, sel, op, a.I32[:n], b.I32[0])
	case types.PhysI64:
		k = pickOrdered(dst, sel, op, a.I64[:n], b.I64[0])
	case types.PhysF32:
		k = pickOrdered(dst, sel, op, a.F32[:n], b.F32[0])
	case types.PhysF64:
		k = pickOrdered(dst, sel, op, a.F64[:n], b.F64[0])
	case types.PhysDec:
		k = pickDecs(dst, sel, op, a.Dec[:n], b.Dec[0])
	}
	return dst[:k]
}

func pickOrdered[T cmp.Ordered](dst, sel []uint16, op Op, a []T, y T) int {
	if sel != nil {
		switch op {
		case Eq:
			return PickOf(dst, sel, a, func(x T) bool { return x == y })
		case Ne:
			return PickOf(dst, sel, a, func(x T) bool { return x != y })
		case Lt:
			return PickOf(dst, sel, a, func(x T) bool { return x < y })
		case Le:
			return PickOf(dst, sel, a, func(x T) bool { return x <= y })
		case Gt:
			return PickOf(dst, sel, a, func(x T) bool { return x > y })
		default:
			return PickOf(dst, sel, a, func(x T) bool { return x >= y })
		}
	}
	switch op {
	case Eq:
		return Pick(dst, a, func(x T) bool { return x == y })
	case Ne:
		return Pick(dst, a, func(x T) bool { return x != y })
	case Lt:
		return Pick(dst, a, func(x T) bool { return x < y })
	case Le:
		return Pick(dst, a, func(x T) bool { return x <= y })
	case Gt:
		return Pick(dst, a, func(x T) bool { return x > y })
	default:
		return Pick(dst, a, func(x T) bool { return x >= y })
	}
}

// decLess is a < b without a branch: the borrow of the subtraction, with the sign
// bits flipped so that it orders signed numbers.
func decLess(a, b batch.Dec) bool {
	const sign = 1 << 63
	_, c := bits.Sub64(a.Lo, b.Lo, 0)
	_, c = bits.Sub64(uint64(a.Hi)^sign, uint64(b.Hi)^sign, c)
	return c != 0
}

func pickDecs(dst, sel []uint16, op Op, a []batch.Dec, y batch.Dec) int {
	if sel != nil {
		switch op {
		case Eq:
			return PickOf(dst, sel, a, func(x batch.Dec) bool { return x == y })
		case Ne:
			return PickOf(dst, sel, a, func(x batch.Dec) bool { return x != y })
		case Lt:
			return PickOf(dst, sel, a, func(x batch.Dec) bool { return decLess(x, y) })
		case Le:
			return PickOf(dst, sel, a, func(x batch.Dec) bool { return !decLess(y, x) })
		case Gt:
			return PickOf(dst, sel, a, func(x batch.Dec) bool { return decLess(y, x) })
		default:
			return PickOf(dst, sel, a, func(x batch.Dec) bool { return !decLess(x, y) })
		}
	}
	switch op {
	case Eq:
		return Pick(dst, a, func(x batch.Dec) bool { return x == y })
	case Ne:
		return Pick(dst, a, func(x batch.Dec) bool { return x != y })
	case Lt:
		return Pick(dst, a, func(x batch.Dec) bool { return decLess(x, y) })
	case Le:
		return Pick(dst, a, func(x batch.Dec) bool { return !decLess(y, x) })
	case Gt:
		return Pick(dst, a, func(x batch.Dec) bool { return decLess(y, x) })
	default:
		return Pick(dst, a, func(x batch.Dec) bool { return !decLess(x, y) })
	}
}

// Divisor tests whether integers are multiples of one number d by a multiplication
// (Granlund, Montgomery: Division by Invariant Integers). With |d| = odd * 2^shift,
// x times the inverse of odd modulo 2^64 is j * 2^shift exactly if x is j * |d|. Here
// j is between -q and q, q = 2^63/|d|: so the test is whether that product plus
// q * 2^shift, the low bits turned to the top, is at most 2q.
type Divisor struct {
	inverse, plus, last uint64
	shift               int
}

// rare is the bound of divisors, |d| >= 16, whose multiples are taken to be few.
const rare = 1 << 60

// MakeDivisor prepares the test for d, which is not 0.
func MakeDivisor(d int64) Divisor {
	u := uint64(d)
	if d < 0 {
		u = -u
	}
	shift := bits.TrailingZeros64(u)
	odd := u >> shift
	if odd == 1 {
		// All that counts is whether the low bits are 0.
		return Divisor{inverse: 1, last: ^uint64(0) >> shift, shift: shift}
	}
	// Newton's steps double the bits that are right, of which odd has three.
	inverse := odd
	for range 5 {
		inverse *= 2 - odd*inverse
	}
	q := uint64(1<<63) / u
	return Divisor{inverse: inverse, plus: q << shift, last: 2 * q, shift: shift}
}

// Divides reports whether x is a multiple.
func (d Divisor) Divides(x int64) bool {
	return bits.RotateLeft64(uint64(x)*d.inverse+d.plus, -d.shift) <= d.last
}

// PickMultiples is PickCompare for the multiples of a divisor, or with not set for
// the others, in a column of integers.
func PickMultiples(dst, sel []uint16, d Divisor, not bool, a *batch.Col, n int) []uint16 {
	k := 0
	switch a.Type.Phys() {
	case types.PhysI8:
		k = pickMultiples(dst, sel, d, not, a.I8[:n])
	case types.PhysI16:
		k = pickMultiples(dst, sel, d, not, a.I16[:n])
	case types.PhysI32:
		k = pickMultiples(dst, sel, d, not, a.I32[:n])
	case types.PhysI64:
		k = pickMultiples(dst, sel, d, not, a.I64[:n])
	}
	return dst[:k]
}

func pickMultiples[T Integer](dst, sel []uint16, d Divisor, not bool, a []T) int {
	switch {
	case sel != nil && not:
		return PickOf(dst, sel, a, func(x T) bool { return !d.Divides(int64(x)) })
	case sel != nil:
		return PickOf(dst, sel, a, func(x T) bool { return d.Divides(int64(x)) })
	case not:
		return Pick(dst, a, func(x T) bool { return !d.Divides(int64(x)) })
	}
	if d.last > rare {
		return Pick(dst, a, func(x T) bool { return d.Divides(int64(x)) })
	}
	return PickFew(dst, a, func(x T) bool { return d.Divides(int64(x)) })
}
