package kernel

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/minkstream/mink/engine/batch"
)

// TestViewOfInt compares the text of numbers of every length with strconv's.
func TestViewOfInt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	list := []int64{0, math.MinInt64, math.MaxInt64}
	for p := int64(1); p > 0 && p <= 1e18; p *= 10 {
		list = append(list, p-1, p, p+1, -p-1, -p, -p+1)
		for range 200 {
			v := r.Int64N(9*p) + p
			list = append(list, v, -v)
		}
	}
	for _, x := range list {
		want := strconv.FormatInt(x, 10)
		v, ok := viewOfInt(x)
		if ok != (len(want) <= batch.InlineMax) {
			t.Fatalf("%d fits into a view: %v", x, ok)
		}
		if ok && v != batch.MakeInline([]byte(want)) {
			var tmp [batch.InlineMax]byte
			t.Fatalf("%d gives %q", x, v.Inline(&tmp))
		}
	}
}
