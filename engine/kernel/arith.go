package kernel

import (
	"math"
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// The functions below compute dst[i] = a[i] op b[i] for n = len(dst) lanes. A side
// that is constant has one value and its flag (ac, bc) set; not both.

// Add adds; integers wrap.
func Add[T Number](dst, a, b []T, ac, bc bool) {
	switch {
	case bc:
		y := b[0]
		Map1(dst, a[:len(dst)], func(x T) T { return x + y })
	case ac:
		x := a[0]
		Map1(dst, b[:len(dst)], func(y T) T { return x + y })
	default:
		Map2(dst, a[:len(dst)], b, func(x, y T) T { return x + y })
	}
}

// Sub subtracts; integers wrap.
func Sub[T Number](dst, a, b []T, ac, bc bool) {
	switch {
	case bc:
		y := b[0]
		Map1(dst, a[:len(dst)], func(x T) T { return x - y })
	case ac:
		x := a[0]
		Map1(dst, b[:len(dst)], func(y T) T { return x - y })
	default:
		Map2(dst, a[:len(dst)], b, func(x, y T) T { return x - y })
	}
}

// Mul multiplies; integers wrap.
func Mul[T Number](dst, a, b []T, ac, bc bool) {
	switch {
	case bc:
		y := b[0]
		Map1(dst, a[:len(dst)], func(x T) T { return x * y })
	case ac:
		x := a[0]
		Map1(dst, b[:len(dst)], func(y T) T { return x * y })
	default:
		Map2(dst, a[:len(dst)], b, func(x, y T) T { return x * y })
	}
}

// MulAdd adds a product, a + x * y, rounded in between as two steps are; integers wrap.
// xc and yc are those of x and y, and all three may be constant.
func MulAdd[T Number](dst, a, x, y []T, ac, xc, yc bool) {
	if xc {
		x, y, xc, yc = y, x, yc, xc
	}
	switch {
	case xc: // all of the product is constant
		p := T(x[0] * y[0])
		Add(dst, a, []T{p}, ac, true)
	case ac && yc:
		z, m := a[0], y[0]
		Map1(dst, x[:len(dst)], func(v T) T { return z + T(v*m) })
	case ac:
		z := a[0]
		Map2(dst, x[:len(dst)], y, func(v, m T) T { return z + T(v*m) })
	case yc:
		m := y[0]
		Map2(dst, a[:len(dst)], x, func(z, v T) T { return z + T(v*m) })
	default:
		a, x, y := a[:len(dst)], x[:len(dst)], y[:len(dst)]
		for i := range dst {
			dst[i] = a[i] + T(x[i]*y[i])
		}
	}
}

// DivFloat divides as IEEE 754 does.
func DivFloat[T Float](dst, a, b []T, ac, bc bool) {
	switch {
	case bc:
		y := b[0]
		Map1(dst, a[:len(dst)], func(x T) T { return x / y })
	case ac:
		x := a[0]
		Map1(dst, b[:len(dst)], func(y T) T { return x / y })
	default:
		Map2(dst, a[:len(dst)], b, func(x, y T) T { return x / y })
	}
}

// DivInt divides and cuts toward zero. A divisor of 0 in a live lane is an error.
func DivInt[T Integer](dst, a, b []T, ac, bc bool, live []uint64) error {
	if bc && b[0] != 0 {
		y := b[0]
		Map1(dst, a[:len(dst)], func(x T) T { return x / y })
		return nil
	}
	return checked(dst, a, b, ac, bc, live, func(x, y T) T { return x / y })
}

// ModInt is the remainder, with the sign of the dividend. A divisor of 0 in a live
// lane is an error.
func ModInt[T Integer](dst, a, b []T, ac, bc bool, live []uint64) error {
	if bc && b[0] != 0 {
		modConst(dst, a[:len(dst)], b[0])
		return nil
	}
	return checked(dst, a, b, ac, bc, live, func(x, y T) T { return x % y })
}

// Remainders by one divisor d are two multiplications for values of 32 bits (Lemire,
// Kaser, Kurz: Faster Remainder by Direct Computation): the fraction of u/d in units
// of 2^-64 is u times reciprocal(d), cut to 64 bits, and that times d has the
// remainder in its high half.
func reciprocal(d uint64) uint64 { return ^uint64(0)/d + 1 }

// modConst computes remainders by one divisor.
func modConst[T Integer](dst, a []T, y T) {
	if y > 0 && int64(y) <= 1<<31-1 {
		d := uint64(y)
		m := reciprocal(d)
		Map1(dst, a, func(x T) T {
			if u := uint64(x); u <= 1<<32-1 {
				r, _ := bits.Mul64(m*u, d)
				return T(r)
			}
			return x % y
		})
		return
	}
	Map1(dst, a, func(x T) T { return x % y })
}

// checked computes f where the right side is not 0 and fails for the first live
// lane where it is.
func checked[T Integer](dst, a, b []T, ac, bc bool, live []uint64, f func(x, y T) T) error {
	am, bm := -1, -1
	if ac {
		am = 0
	}
	if bc {
		bm = 0
	}
	zero := false
	for i := range dst {
		y := b[i&bm]
		if y == 0 {
			zero = true
			continue
		}
		dst[i] = f(a[i&am], y)
	}
	if !zero {
		return nil
	}
	for i := range Lanes(len(dst), live) {
		if b[i&bm] == 0 {
			return DivisionByZero(i)
		}
	}
	return nil
}

// DivisionByZero is the error of a lane.
func DivisionByZero(lane int) error {
	return batch.FailLane(lane, diag.DivisionByZero, "division by zero")
}

// ModFloat is the remainder as Java computes it.
func ModFloat[T Float](dst, a, b []T, ac, bc bool) {
	am, bm := -1, -1
	if ac {
		am = 0
	}
	if bc {
		bm = 0
	}
	for i := range dst {
		dst[i] = T(math.Mod(float64(a[i&am]), float64(b[i&bm])))
	}
}

// ModNarrow is ModInt of wide values, of which the remainder fits the type of dst.
func ModNarrow[T Integer](dst []T, a, b []int64, ac, bc bool, live []uint64) error {
	if y := b[0]; bc && y > 0 && y <= 1<<31-1 {
		d := uint64(y)
		m := reciprocal(d)
		Map1(dst, a[:len(dst)], func(x int64) T {
			if u := uint64(x); u <= 1<<32-1 {
				r, _ := bits.Mul64(m*u, d)
				return T(r)
			}
			return T(x % y)
		})
		return nil
	}
	am, bm := -1, -1
	if ac {
		am = 0
	}
	if bc {
		bm = 0
	}
	for i := range Lanes(len(dst), live) {
		y := b[i&bm]
		if y == 0 {
			return DivisionByZero(i)
		}
		dst[i] = T(a[i&am] % y)
	}
	return nil
}
