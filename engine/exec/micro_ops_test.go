package exec

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// benchOperator times an operator over batches and, in the same run, a loop that does
// the same by hand; both tell how many rows they gave, which must be the same.
func benchOperator(b *testing.B, rows int, op func() Operator, list []*batch.Batch, end int64, plain func() int) {
	b.Helper()
	var spent time.Duration
	b.ResetTimer()
	for range b.N {
		h := NewBench(op())
		h.C.Exact = false
		found := 0
		h.OnEmit = func(x *batch.Batch) error { found += x.Rows(); return nil }
		h.Open()
		from := time.Now()
		drive(h, 0, list)
		if end > 0 {
			h.Watermark(0, end)
		}
		spent += time.Since(from)
		if want := plain(); want >= 0 && found != want {
			b.Fatalf("%d rows, the loop gives %d", found, want)
		}
	}
	report(b, rows, spent)
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
			benchOperator(b, n, op, list, 0, func() int {
				// Heads of sorted lists; what leaves and what comes are counted by the
				// operator for each batch, so that the numbers are not comparable.
				heads := make(map[int64][]int64, keys)
				for _, x := range list {
					for i, k := range x.Cols[0].I64[:x.N] {
						v, h := x.Cols[3].I64[i], heads[k]
						if len(h) == top && v <= h[top-1] {
							continue
						}
						at, _ := slices.BinarySearchFunc(h, v, func(e, v int64) int {
							if e >= v {
								return -1
							}
							return 1
						})
						if h = slices.Insert(h, at, v); len(h) > top {
							h = h[:top]
						}
						heads[k] = h
					}
				}
				return -1
			})
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
			benchOperator(b, n, op, list, batch.MaxWatermark, func() int {
				type session struct{ last, n, sum int64 }
				open, closed := make(map[int32]*session, keys), 0
				for _, x := range list {
					for i, k := range x.Cols[0].I32[:x.N] {
						ts, s := x.Cols[1].I64[i], open[k]
						if s == nil {
							s = &session{}
							open[k] = s
						} else if ts-s.last > gap {
							*s = session{}
							closed++
						}
						s.last, s.n, s.sum = ts, s.n+1, s.sum+int64(x.Cols[2].I32[i])
					}
				}
				return closed + len(open)
			})
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
	benchOperator(b, n, op, list, 0, func() int {
		joined := make(map[int64][]byte, keys)
		var tmp [12]byte
		for _, x := range list {
			for i, k := range x.Cols[0].I64[:x.N] {
				s := joined[k]
				if s != nil {
					s = append(s, ',')
				}
				joined[k] = append(s, x.Cols[1].Bytes(i, &tmp)...)
			}
		}
		return -1
	})
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
	benchOperator(b, n, op, list, batch.MaxWatermark, func() int {
		sums, rows := make(map[int32]int64, keys), 0
		out := make([]int64, batch.MaxRows)
		for _, x := range list {
			for i, k := range x.Cols[0].I32[:x.N] {
				s := sums[k] + int64(x.Cols[2].I32[i])
				sums[k], out[i] = s, s
			}
			rows += x.N
		}
		return rows
	})
}
