package optimize

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// TestJoinShapes compares the search with all shapes there are, for random sizes and
// conditions, and adds inputs one by one where there are too many.
func TestJoinShapes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 3 + r.IntN(4)
		c := &joinChain{leaves: nil}
		for range n {
			c.rows = append(c.rows, float64(1+r.IntN(1000)))
		}
		for range n + r.IntN(3) {
			a, b := r.IntN(n), r.IntN(n)
			c.conds = append(c.conds, joinCond{reads: 1<<a | 1<<b, equal: a != b && r.IntN(4) > 0, share: 1 / float64(1+r.IntN(500))})
		}
		c.count = n
		var all func(set uint64) joinCost
		all = func(set uint64) joinCost {
			if bits.OnesCount64(set) == 1 {
				return joinCost{}
			}
			best, any := joinCost{}, false
			for part := (set - 1) & set; part > 0; part = (part - 1) & set {
				cost := all(part).add(all(set &^ part)).add(c.step(part, set&^part))
				if !any || cost.below(best) {
					best, any = cost, true
				}
			}
			return best
		}
		full := uint64(1)<<n - 1
		least := all(full)
		found := c.anyShape()
		if cost := c.cost(found); cost.below(least) || least.below(cost) || found.set != full {
			t.Fatalf("%d inputs %v with %v: the search finds %v, the least is %v", n, c.rows, c.conds, cost, least)
		}
		if s := c.oneByOne(); s.set != full || c.cost(s).below(least) {
			t.Fatalf("%d inputs: one by one joins %b at %v, the least is %v", n, s.set, c.cost(s), least)
		}
	}
}
