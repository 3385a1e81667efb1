package exec

import (
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/types"
)

// TestIntervalCleanup keeps rows 100 ms longer than anything can match them: left rows
// find nothing after a watermark of their time plus 10, and come out when it has passed
// that by 100, those of one key that are past by then together.
func TestIntervalCleanup(t *testing.T) {
	in := []types.Type{types.IntT, types.TimestampT(3)}
	run := func(cleanup int64) *Bench {
		h := NewBench(NewIntervalJoin(IntervalJoinConfig{
			Type: LeftJoin, Left: in, Right: in, JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}}, LeftTime: 1, RightTime: 1, Rowtime: true,
			Lower: -10, Upper: 0, Out: append(slices.Clone(in), in...), Cleanup: cleanup,
		}))
		h.Inputs = 2
		return h.Open()
	}
	pad := func(at string) string { return "+I[1, " + ms(at) + ", NULL, NULL]" }
	for _, c := range []struct {
		cleanup int64
		at      []int64
		want    [][]string
	}{
		{0, []int64{1009, 1010, 1059, 1060}, [][]string{nil, {pad("1000")}, nil, {pad("1050")}}},
		{100, []int64{1060, 1109, 1110, 2000}, [][]string{nil, nil, {pad("1000"), pad("1050")}, nil}},
		{30, []int64{1039, 1040, 1089, 1090}, [][]string{nil, {pad("1000")}, nil, {pad("1050")}}},
	} {
		h := run(c.cleanup)
		h.Rows(0, in, "+I[1, 1000]", "+I[1, 1050]")
		for i, wm := range c.at {
			h.Watermark(0, wm)
			h.Watermark(1, wm)
			if got := h.Take(); !slices.Equal(got, c.want[i]) {
				t.Errorf("cleanup %d, watermark %d: %v, want %v", c.cleanup, wm, got, c.want[i])
			}
		}
	}
}
