package exec

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// hopExtremes is MIN, MAX and text in order over HOP windows of ten panes.
func hopExtremes(in []types.Type) WindowAggConfig {
	ts3 := types.TimestampT(3).Nullable(false)
	return WindowAggConfig{
		Input: in, Window: WindowSpec{Kind: HopWindow, Size: 20, Slide: 2, TimeCol: 1}, StartCol: -1, EndCol: -1, Keys: []int{0},
		Aggs: []AggSpec{
			{Func: "MAX", Args: []int{2}, Filter: -1, Result: types.IntT},
			{Func: "MIN", Args: []int{2}, Filter: -1, Result: types.IntT},
			{Func: "LAST_VALUE", Args: []int{2}, Filter: -1, Result: types.IntT},
			{Func: "COUNT", Filter: -1, Result: types.BigIntT.Nullable(false)},
		},
		Props: []WindowProp{PropStart, PropEnd}, PropTypes: []types.Type{ts3, ts3},
	}
}

// TestWindowStacks: windows merged by stacks of panes are those merged from all panes,
// and the stacks are used where keys are few and left where they are many.
func TestWindowStacks(t *testing.T) {
	in := []types.Type{types.IntT, types.TimestampT(3), types.IntT}
	used := 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 5))
		keys := 1 + r.IntN(4)
		ev := withMarks(func(r *rand.Rand, at int64) []string {
			return []string{str(int64(r.IntN(keys))), str(at), orNull(r, str(int64(r.IntN(99))))}
		})(r, 300)
		var out [2][]string
		for i := range out {
			op := NewWindowAggregate(hopExtremes(in)).(*windowAgg)
			h := NewBench(op).Open()
			if i == 1 {
				op.total.stackup = false
			}
			for _, s := range steps(ev, 20) {
				if s.lines == nil {
					h.Watermark(0, s.wm)
				} else {
					h.Rows(0, in, s.lines...)
				}
				if op.total.stacks.on {
					used++
				}
			}
			h.End()
			out[i] = h.Take()
		}
		if !slices.Equal(out[0], out[1]) {
			t.Fatalf("seed %d:\n got %q\nwant %q", seed, out[0], out[1])
		}
	}
	if used == 0 {
		t.Error("no window was merged by stacks")
	}
}

// BenchmarkHopMax is MAX over HOP windows of ten panes: ratio is the time of the stacks
// over that of merging every pane.
func BenchmarkHopMax(b *testing.B) {
	in := []types.Type{matchInput[0].Nullable(false), matchInput[1].Nullable(false), matchInput[2].Nullable(false), matchInput[3]}
	for _, keys := range []int{10, 1000} {
		b.Run("keys="+str(int64(keys)), func(b *testing.B) {
			cfg := hopExtremes(in)
			cfg.Aggs = cfg.Aggs[:1]
			cfg.Window.Size, cfg.Window.Slide = 100_000, 10_000
			const n = 1 << 18
			list := benchTicks(n, keys)
			run := func(stacks bool) int {
				op := NewWindowAggregate(cfg).(*windowAgg)
				h := NewBench(op).Open()
				op.total.stackup = stacks
				found := 0
				h.OnEmit = func(x *batch.Batch) error { found += x.Rows(); return nil }
				drive(h, 0, list)
				return found
			}
			race(b, n, func() int { return run(true) }, func() int { return run(false) })
		})
	}
}
