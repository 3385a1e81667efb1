package scalar

import (
	"math"
	mathrand "math/rand/v2"
	"testing"

	"github.com/minkstream/mink/engine/kernel"
)

// TestRoundFloatBothWays compares the short way of rounding with the long one.
func TestRoundFloatBothWays(t *testing.T) {
	r := mathrand.New(mathrand.NewPCG(7, 8))
	for range 300_000 {
		x := (r.Float64() - 0.5) * math.Pow(10, float64(r.IntN(12)))
		if r.IntN(2) == 0 { // few digits, among them halves
			x = float64(r.IntN(200_000)-100_000) / math.Pow(10, float64(r.IntN(5)))
		}
		digits, half := r.IntN(7), r.IntN(2) == 0
		var y [1]float64
		roundFloats(y[:], []float64{x}, int64(digits), half)
		got := y[0]
		d, _ := kernel.DecOfFloat(x, 64, 38, 19)
		want := kernel.FloatOfDec(roundExact(d, 19, digits, digits, half), digits)
		if got != want || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("%v to %d digits (half %v) is %v, not %v", x, digits, half, got, want)
		}
	}
}
