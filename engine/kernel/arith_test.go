package kernel

import (
	"math"
	"testing"
)

// TestMulAdd compares a + x * y with the two steps, with each side constant or not. The
// product of 1+2^-30 with itself, rounded, is 1+2^-29: one that is not rounded before the
// sum leaves 2^-60 of it.
func TestMulAdd(t *testing.T) {
	near := 1 + math.Ldexp(1, -30)
	ints := []int64{0, 1, -7, math.MaxInt64, math.MinInt64, 3 << 40}
	floats := []float64{0, -(1 + math.Ldexp(1, -29)), near, -near, math.Inf(1), 1e300}
	mulAdd(t, ints, func(a, x, y int64) int64 { p := x * y; return a + p })
	mulAdd(t, []int32{0, 1, -7, math.MaxInt32, math.MinInt32, 3 << 20}, func(a, x, y int32) int32 { p := x * y; return a + p })
	mulAdd(t, floats, func(a, x, y float64) float64 { p := float64(x * y); return a + p })
	one := make([]float64, 1)
	if MulAdd(one, floats[1:2], []float64{near}, []float64{near}, false, false, false); one[0] != 0 {
		t.Errorf("the product is not rounded: %g is left", one[0])
	}
}

func mulAdd[T Number](t *testing.T, values []T, want func(a, x, y T) T) {
	t.Helper()
	var a, x, y []T
	for _, u := range values {
		for _, v := range values {
			for _, w := range values {
				a, x, y = append(a, u), append(x, v), append(y, w)
			}
		}
	}
	for consts := range 7 { // not all three: a constant is computed once
		ac, xc, yc := consts&1 != 0, consts&2 != 0, consts&4 != 0
		for _, at := range []int{0, 17, 100} {
			side := func(s []T, c bool) []T {
				if c {
					return s[at : at+1]
				}
				return s
			}
			dst := make([]T, len(a))
			MulAdd(dst, side(a, ac), side(x, xc), side(y, yc), ac, xc, yc)
			for i, got := range dst {
				of := func(s []T, c bool) T {
					if c {
						return s[at]
					}
					return s[i]
				}
				if w := want(of(a, ac), of(x, xc), of(y, yc)); got != w && (got == got || w == w) {
					t.Fatalf("%v + %v * %v is %v, not %v (constant: %t %t %t)", of(a, ac), of(x, xc), of(y, yc), got, w, ac, xc, yc)
				}
			}
		}
	}
}
