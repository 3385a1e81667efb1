package aggregate

import (
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// TestBitCounts adds and takes back random bitmaps, also before they come, in two
// accumulators that are merged, and compares with plain counts.
func TestBitCounts(t *testing.T) {
	const universe = 24
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 9))
		var sides [2]bitCounts
		var want [universe]int64
		total := int64(0)
		for range r.IntN(40) {
			x, neg := roaring.New(), r.IntN(3) == 0
			for v := range uint32(universe) {
				if r.IntN(3) == 0 {
					x.Add(v)
					want[v] += signed(1, neg)
				}
			}
			total += signed(1, neg)
			k := r.IntN(2)
			c := readCounts(sides[k].append(nil)) // through its bytes
			c.add(x, neg)
			sides[k] = *c
		}
		sides[0].merge(readCounts(sides[1].append(nil)))
		c := readCounts(sides[0].append(nil))
		for v := range uint32(universe) {
			got := int64(0)
			for k, b := range c.plus {
				if b.Contains(v) {
					got += 1 << k
				}
			}
			for k, b := range c.minus {
				if b.Contains(v) {
					got -= 1 << k
				}
			}
			if got != want[v] {
				t.Fatalf("seed %d: %d is counted %d times, not %d", seed, v, got, want[v])
			}
			if c.plus.union().Contains(v) != (want[v] > 0) {
				t.Fatalf("seed %d: %d is in the union or not", seed, v)
			}
			if total > 0 && c.plus.exactly(total).Contains(v) != (want[v] == total) {
				t.Fatalf("seed %d: %d is in all %d or not", seed, v, total)
			}
		}
	}
}
