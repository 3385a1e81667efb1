package kernel

import (
	"math"
	"testing"
)

// TestAppendFloat: the texts are those that Double.toString and Float.toString give since
// Java 19, as its documentation says: the shortest that give the number back, but of one
// digit only where it is the nearest of two.
func TestAppendFloat(t *testing.T) {
	for _, c := range []struct {
		v    float64
		size int
		want string
	}{
		{math.SmallestNonzeroFloat64, 64, "4.9E-324"}, {2 * math.SmallestNonzeroFloat64, 64, "9.9E-324"},
		{-3 * math.SmallestNonzeroFloat64, 64, "-1.5E-323"}, {25 * math.SmallestNonzeroFloat64, 64, "1.24E-322"},
		{math.SmallestNonzeroFloat32, 32, "1.4E-45"}, {2 * math.SmallestNonzeroFloat32, 32, "2.8E-45"}, {90 * math.SmallestNonzeroFloat32, 32, "1.26E-43"},
		{2e23, 64, "2.0E23"}, {1e23, 64, "1.0E23"}, {8.41e21, 64, "8.41E21"}, {2.2250738585072014e-308, 64, "2.2250738585072014E-308"},
		{1e7, 64, "1.0E7"}, {9999999, 64, "9999999.0"}, {1e-3, 64, "0.001"}, {9.99e-4, 64, "9.99E-4"},
		{math.Copysign(0, -1), 64, "-0.0"}, {math.NaN(), 64, "NaN"}, {math.Inf(-1), 32, "-Infinity"},
	} {
		if got := string(AppendFloat(nil, c.v, c.size)); got != c.want {
			t.Errorf("%v: %s, want %s", c.v, got, c.want)
		}
	}
}
