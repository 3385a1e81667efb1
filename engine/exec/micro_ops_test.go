package exec

import (
	"fmt"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// benchOperator times an operator over batches and, in the same run, a loop that does
// the same by hand; both tell how many rows they gave, which must be the same.
func benchOperator(b *testing.B, rows int, op func() Operator, list []*batch.Batch, end int64, plain func() int) {
	b.Helper()
	race(b, rows, func() int {
		h := NewBench(op())
		h.C.Exact = false
		found := 0
		h.OnEmit = func(x *batch.Batch) error { found += x.Rows(); return nil }
		h.Open()
		drive(h, 0, list)
		if end > 0 {
			h.Watermark(0, end)
		}
		return found
	}, plain)
}

// BenchmarkTopN keeps the ten largest of each key over rows that only come.
func BenchmarkTopN(b *testing.B) {
	const n, top = 1 << 20, 10
	for _, keys := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			list := benchRows(n, keys)
			op := func() Operator {
				return NewTopN(TopNConfig{
					Input: benchTypes, PartitionBy: []int{0}, OrderBy: []OrderKey{{Col: 3, Desc: true}}, From: 1, To: top, ToCol: -1,
					Strategy: TopAppend, EmitUpdateBefore: true,
				})
			}
			benchOperator(b, n, op, list, 0, func() int { return loopTopN(list, keys, top) })
		})
	}
}

// BenchmarkSession counts and adds by key in sessions.
func BenchmarkSession(b *testing.B) {
	const n = 1 << 19
	input := []types.Type{types.IntT.Nullable(false), types.TimestampT(3).Nullable(false), types.IntT.Nullable(false), types.BigIntT}
	for _, keys := range []int{100, 10_000} {
		gap := int64(keys) * 3
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			list := benchTicks(n, keys)
			op := func() Operator {
				return NewWindowAggregate(WindowAggConfig{
					Input: input, Window: WindowSpec{Kind: SessionWindow, Size: gap, TimeCol: 1}, Keys: []int{0},
					Aggs: []AggSpec{
						{Func: "COUNT", Filter: -1, Result: types.BigIntT.Nullable(false)},
						{Func: "SUM", Args: []int{2}, Filter: -1, Result: types.IntT},
					},
				})
			}
			benchOperator(b, n, op, list, batch.MaxWatermark, func() int { return loopSession(list, keys, gap) })
		})
	}
}

// BenchmarkListAgg joins texts by key.
func BenchmarkListAgg(b *testing.B) {
	const n, keys = 1 << 18, 20_000
	list := benchRows(n, keys)
	op := func() Operator {
		return NewGroupAggregate(GroupAggConfig{
			Input: benchTypes, Keys: []int{0}, Aggs: []AggSpec{{Func: "LISTAGG", Args: []int{1}, Filter: -1, Result: types.StringT}},
		})
	}
	benchOperator(b, n, op, list, 0, func() int { return loopListAgg(list, keys) })
}

// BenchmarkOverLoop is SUM over all rows of a key up to each, in order of event time.
func BenchmarkOverLoop(b *testing.B) {
	const n, keys = 1 << 20, 1000
	input := []types.Type{types.IntT.Nullable(false), types.TimestampT(3).Nullable(false), types.IntT.Nullable(false), types.BigIntT}
	list := benchTicks(n, keys)
	op := func() Operator {
		return NewOver(OverConfig{
			Input: input, PartitionBy: []int{0}, Order: OverRowtime, OrderBy: []OrderKey{{Col: 1}}, Rows: true,
			Lo: OverBound{Kind: OverUnboundedPreceding}, Hi: OverBound{Kind: OverCurrentRow},
			Calls: []AggSpec{{Func: "SUM", Args: []int{2}, Filter: -1, Result: types.IntT}},
		})
	}
	benchOperator(b, n, op, list, batch.MaxWatermark, func() int { return loopOver(list, keys) })
}
