package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestPow compares with math.Pow, bit for bit.
func TestPow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	special := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, -0.5, 2, -2, 1e300, 1e-300, 5e-324, -5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(),
		3, 10, 1023, 1024, 1074, 1075, -1022, -1074, -1075, 1 << 31, 1<<31 + 1, 1 << 62, 1 << 63, 1 << 64, 0.9999999999999999, 1.0000000000000002}
	check := func(x, y float64) {
		got, want := Pow(x, y), math.Pow(x, y)
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("Pow(%v, %v) = %v, math.Pow gives %v", x, y, got, want)
		}
	}
	for _, x := range special {
		for _, y := range special {
			check(x, y)
		}
	}
	for range 2_000_000 {
		x := math.Float64frombits(r.Uint64())
		switch r.IntN(3) {
		case 0:
			x = r.Float64()*4 - 2
		case 1:
			x = float64(r.IntN(2000) - 1000)
		}
		y := float64(r.IntN(2400) - 1200)
		switch r.IntN(4) {
		case 0:
			y = float64(r.IntN(30) - 10)
		case 1:
			y = r.Float64()*20 - 10
		}
		check(x, y)
	}
}
