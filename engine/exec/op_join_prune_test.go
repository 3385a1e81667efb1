package exec

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// A side whose rows can match only bounds of windows near their time lets go of
// them behind the watermark. Nothing of that can be seen in the pairs, also of rows
// that come late, and memory does not grow with the input.
func TestJoinPrunes(t *testing.T) {
	const lag = 10_000
	left := []types.Type{types.IntT, types.TimestampT(3)}  // key, time
	right := []types.Type{types.IntT, types.TimestampT(3)} // key, end of a window
	time, end := expr.NewRef(1, left[1], diag.Span{}), expr.NewRef(3, right[1], diag.Span{})
	before, err := expr.NewCompare(expr.Le, time, end, diag.Span{})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(6) {
		// The residual says only that a row is no later than the bound; the other half
		// is in the rows: a bound comes while the watermark is below it.
		run := func(prune bool) (_ []string, most int64) {
			r := rand.New(rand.NewPCG(seed, 4))
			h := NewBench(NewJoin(JoinConfig{
				Type: InnerJoin, Left: left, Right: right, Out: append(slices.Clone(left), right...), EmitUpdateBefore: true,
				JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}, Residual: before},
				Sides:    [2]JoinSide{{Prune: prune, PruneCol: 1, PruneLag: lag}},
			}))
			h.Inputs = 2
			h.Config = state.Config{PageBytes: 256}
			h.Open()
			wm := int64(0)
			for range 400 {
				for range 1 + r.IntN(5) {
					at := wm - 3*lag + r.Int64N(5*lag) // late ones too
					h.Rows(0, left, fmt.Sprintf("[%d, %d]", r.IntN(4), at))
				}
				if r.IntN(3) == 0 {
					// Bounds lie within the lag of the rows they match.
					bound := wm + 1 + r.Int64N(lag)
					h.Rows(1, right, fmt.Sprintf("[%d, %d]", r.IntN(4), bound))
				}
				wm += r.Int64N(lag / 4)
				h.Watermark(0, wm)
				h.Watermark(1, wm)
				most = max(most, h.C.Store.MemBytes())
			}
			return h.Take(), most
		}
		kept, all := run(false)
		pruned, some := run(true)
		near := func(pairs []string) []string {
			var out []string
			for _, p := range pairs {
				b := ParseRows(append(slices.Clone(left), right...), p)
				if b.Cols[3].I64[0] <= b.Cols[1].I64[0]+lag {
					out = append(out, p)
				}
			}
			return out
		}
		want, got := near(kept), near(pruned)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %d pairs with pruning, %d without", seed, len(got), len(want))
		}
		if len(want) == 0 || some*2 > all {
			t.Errorf("seed %d: %d pairs; %d bytes with pruning, %d without", seed, len(want), some, all)
		}
	}
}
