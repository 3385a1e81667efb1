package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
)

// TestAppendLanes holds lanes to a look at each bit, for masks from empty to full,
// behind lanes that are there already.
func TestAppendLanes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		n := rng.IntN(400)
		if rng.IntN(20) == 0 {
			n = batch.MaxRows - rng.IntN(2)
		}
		m := make([]uint64, batch.Words(n)+1)
		dense := rng.IntN(65)
		for w := range m {
			for i := range 64 {
				if rng.IntN(64) < dense {
					m[w] |= 1 << i
				}
			}
		}
		had := make([]uint16, rng.IntN(3), 3+rng.IntN(500))
		for i := range had {
			had[i] = 9
		}
		want := slices.Clone(had)
		for i := range n {
			if batch.Bit(m, i) {
				want = append(want, uint16(i))
			}
		}
		if got := AppendLanes(had, m, n); !slices.Equal(got, want) {
			t.Fatalf("%d lanes of %x are %v, want %v", n, m, got, want)
		}
	}
}
