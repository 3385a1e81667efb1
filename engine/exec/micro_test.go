package exec

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// The benchmarks here run an operator over prepared batches and a plain loop with
// a Go map over the same rows, in one run: "ratio" is the operator's time over the
// loop's, "rows/s" the operator's.

// benchRows makes batches of n rows in all with keys below groups: k BIGINT, s
// STRING, k2 INT, v BIGINT.
func benchRows(n, groups int) []*batch.Batch {
	r := rand.New(rand.NewPCG(uint64(n), uint64(groups)))
	var out []*batch.Batch
	for at := 0; at < n; at += batch.MaxRows {
		m := min(batch.MaxRows, n-at)
		b := &batch.Batch{N: m, Cols: make([]batch.Col, 4)}
		b.Cols[0].Alloc(types.BigIntT.Nullable(false), m)
		b.Cols[2].Alloc(types.IntT.Nullable(false), m)
		b.Cols[3].Alloc(types.BigIntT.Nullable(false), m)
		c := &b.Cols[1]
		c.Alloc(types.StringT.Nullable(false), m)
		text := make([]byte, 0, m*18)
		c.Bufs = [][]byte{text[:cap(text)]}
		for i := range m {
			k := r.IntN(groups)
			b.Cols[0].I64[i], b.Cols[2].I32[i], b.Cols[3].I64[i] = int64(k), int32(k%7), int64(r.IntN(1000))
			off := len(text)
			text = strconv.AppendInt(append(text, "customer-"...), int64(100_000_000+k), 10)
			c.Views[i] = batch.MakeRef(text[off:], 0, uint32(off))
		}
		out = append(out, b)
	}
	return out
}

// report tells the speed of the operator, which took op for all of b.N, and its
// ratio to the plain loop, which took the rest.
func report(b *testing.B, rows int, op time.Duration) {
	b.ReportMetric(float64(rows)*float64(b.N)/op.Seconds(), "rows/s")
	b.ReportMetric(float64(op)/float64(b.Elapsed()-op), "ratio")
	b.ReportMetric(0, "ns/op")
}

var benchTypes = []types.Type{types.BigIntT.Nullable(false), types.StringT.Nullable(false), types.IntT.Nullable(false), types.BigIntT.Nullable(false)}

// drive runs an operator over batches of input 0, in steps.
func drive(h *Bench, in int, list []*batch.Batch) {
	for _, b := range list {
		h.Push(in, b)
	}
}

func BenchmarkHashAggregate(b *testing.B) {
	for _, key := range []struct {
		name string
		cols []int
	}{{"int64", []int{0}}, {"string", []int{1}}, {"twoKeys", []int{0, 2}}} {
		for _, groups := range []int{1000, 1_000_000, 10_000_000} {
			if testing.Short() && groups > 1000 {
				continue
			}
			b.Run(fmt.Sprintf("%s/groups=%d", key.name, groups), func(b *testing.B) {
				n := max(1_000_000, groups)
				list := benchRows(n, groups)
				b.ResetTimer()
				for range b.N {
					h := NewBench(NewGroupAggregate(GroupAggConfig{
						Input: benchTypes, Keys: key.cols,
						Aggs: []AggSpec{
							{Func: "COUNT", Filter: -1, Result: types.BigIntT.Nullable(false)},
							{Func: "SUM", Args: []int{3}, Filter: -1, Result: types.BigIntT},
						},
					}))
					h.C.Exact = false
					h.OnEmit = func(*batch.Batch) error { return nil }
					h.Open()
					drive(h, 0, list)
				}
				op := b.Elapsed()
				for range b.N {
					plainAggregate(list, key.cols)
				}
				report(b, n, op)
			})
		}
	}
}

// plainAggregate is COUNT and SUM by key with a Go map of accumulators.
func plainAggregate(list []*batch.Batch, cols []int) int {
	type acc struct{ n, sum int64 }
	switch {
	case len(cols) == 2:
		type key struct {
			k  int64
			k2 int32
		}
		m := map[key]*acc{}
		for _, b := range list {
			for i, k := range b.Cols[0].I64[:b.N] {
				x := key{k, b.Cols[2].I32[i]}
				a := m[x]
				if a == nil {
					a = &acc{}
					m[x] = a
				}
				a.n++
				a.sum += b.Cols[3].I64[i]
			}
		}
		return len(m)
	case cols[0] == 0:
		m := map[int64]*acc{}
		for _, b := range list {
			for i, k := range b.Cols[0].I64[:b.N] {
				a := m[k]
				if a == nil {
					a = &acc{}
					m[k] = a
				}
				a.n++
				a.sum += b.Cols[3].I64[i]
			}
		}
		return len(m)
	}
	m := map[string]*acc{}
	var tmp [12]byte
	for _, b := range list {
		c := &b.Cols[1]
		for i := range b.N {
			s := c.Bytes(i, &tmp)
			a := m[string(s)]
			if a == nil {
				a = &acc{}
				m[string(s)] = a
			}
			a.n++
			a.sum += b.Cols[3].I64[i]
		}
	}
	return len(m)
}

func BenchmarkHashJoin(b *testing.B) {
	for _, groups := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", groups), func(b *testing.B) {
			const n = 1_000_000
			left, right := benchRows(n, groups), benchRows(groups, groups)
			out := append(append([]types.Type{}, benchTypes...), benchTypes...)
			b.ResetTimer()
			pairs := 0
			for range b.N {
				h := NewBench(NewJoin(JoinConfig{
					Type: InnerJoin, Left: benchTypes, Right: benchTypes, JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}}, Out: out, EmitUpdateBefore: true,
				}))
				h.Inputs = 2
				pairs = 0
				h.OnEmit = func(b *batch.Batch) error { pairs += b.Rows(); return nil }
				h.Open()
				drive(h, 1, right)
				drive(h, 0, left)
			}
			op := b.Elapsed()
			want := 0
			for range b.N {
				want = plainJoin(left, right)
			}
			report(b, n+groups, op)
			if pairs != want {
				b.Fatalf("%d pairs, want %d", pairs, want)
			}
		})
	}
}

// plainJoin keeps both sides, as a streaming join must, and counts the pairs after
// copying each into a row.
func plainJoin(left, right []*batch.Batch) int {
	type row struct {
		k, v int64
		k2   int32
		s    string
	}
	var tmp [12]byte
	get := func(b *batch.Batch, i int) row {
		return row{b.Cols[0].I64[i], b.Cols[3].I64[i], b.Cols[2].I32[i], string(b.Cols[1].Bytes(i, &tmp))}
	}
	l, r := map[int64][]row{}, map[int64][]row{}
	for _, b := range right {
		for i := range b.N {
			x := get(b, i)
			r[x.k] = append(r[x.k], x)
		}
	}
	n := 0
	var sink [2]row
	for _, b := range left {
		for i := range b.N {
			x := get(b, i)
			l[x.k] = append(l[x.k], x)
			for _, y := range r[x.k] {
				sink = [2]row{x, y}
				n++
			}
		}
	}
	_ = sink
	return n
}
