package exec

import (
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/types"
)

// bundleCases bundle what others get row by row: the table is the same.
func bundleCases() []*conformCase {
	var out []*conformCase
	list := slices.Concat(aggregateCases()[:3], dedupCases()[:3])
	for i, c := range list {
		b := *c
		op := c.op
		b.name += ", bundled"
		b.msgs, b.cuts = nil, "the snapshot after a step ends a bundle"
		b.part, b.single = nil, "each subtask counts rows of its own"
		cfg := BundleConfig{Rows: 2 + i, Latency: 1000, Rowtime: i%2 == 1}
		b.op = func() Operator { return NewBundle(op(), cfg) }
		out = append(out, &b)
	}
	return out
}

// TestBundle: a bundle ends when it is full, at a multiple of the interval, with the
// watermark at the end of one, at a barrier and with the input; until then watermarks
// wait.
func TestBundle(t *testing.T) {
	sum := func(cfg BundleConfig) *Bench {
		op := NewGroupAggregate(GroupAggConfig{Input: ttlKV, Keys: []int{0}, Aggs: ttlSum, EmitUpdateBefore: true})
		h := NewBench(NewBundle(op, cfg))
		h.C.Exact = false
		h.Clock = 1500
		return h.Open()
	}
	check := func(h *Bench, what string, want ...string) {
		t.Helper()
		if got := h.Take(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	in := []types.Type{types.IntT, types.IntT}
	h := sum(BundleConfig{Rows: 3, Latency: 1000})
	h.Rows(0, in, "+I[1, 1]", "+I[1, 2]")
	check(h, "not full")
	h.Rows(0, in, "+I[1, 3]", "+I[1, 4]", "wm 10")
	check(h, "full", "+I[1, 6]")
	hold := h.Op.(Holder)
	if got := hold.OutWatermark(10); got >= 10 {
		t.Errorf("the watermark %d is before the row that waits", got)
	}
	h.Advance(1999)
	check(h, "before the end of the interval")
	h.Advance(2000)
	check(h, "at the end of the interval", "-U[1, 6]", "+U[1, 10]")
	if got := hold.OutWatermark(10); got != 10 {
		t.Errorf("the watermark is %d and not 10", got)
	}
	h.Rows(0, in, "+I[1, 5]")
	h.Snapshot()
	check(h, "at a barrier", "-U[1, 10]", "+U[1, 15]")
	h.Rows(0, in, "+I[1, 5]")
	h.End()
	check(h, "at the end", "-U[1, 15]", "+U[1, 20]")

	h = sum(BundleConfig{Rows: 100, Latency: 1000, Rowtime: true})
	hold = h.Op.(Holder)
	h.Rows(0, in, "+I[1, 1]", "wm 500", "+I[1, 2]", "wm 998", "+I[1, 3]")
	h.Advance(9000)
	check(h, "within an interval of event time")
	if got := hold.OutWatermark(998); got >= 0 {
		t.Errorf("the watermark %d is passed on", got)
	}
	h.Rows(0, in, "+I[1, 4]", "wm 1000", "+I[1, 5]", "wm 1998")
	check(h, "behind its end", "+I[1, 10]")
	if got := hold.OutWatermark(1998); got != 1000 {
		t.Errorf("the watermark is %d and not 1000", got)
	}
	h.Watermark(0, 1999)
	check(h, "at the end of the next one", "-U[1, 10]", "+U[1, 15]")
}
