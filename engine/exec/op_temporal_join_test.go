package exec

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// TestTemporalJoinDropsOldVersions sees that of the versions behind the watermark one
// a key is kept, and that a probe row behind the watermark is counted.
func TestTemporalJoinDropsOldVersions(t *testing.T) {
	op := NewTemporalJoin(TemporalJoinConfig{
		Type: InnerJoin, Left: timedInput, Right: timedInput, JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}},
		LeftTime: 1, RightTime: 1, Out: append(slices.Clone(timedInput), timedInput...),
	})
	h := NewBench(op)
	h.Inputs = 2
	h.Open()
	h.Rows(1, timedInput, "+I[1, 10, 1]", "+I[1, 30, 3]", "+I[1, 20, 2]", "+I[1, 50, 5]", "+I[2, 10, 9]")
	h.Rows(0, timedInput, "+I[1, 25, 0]", "+I[1, 45, 0]", "+I[2, 5, 0]")
	h.Watermark(0, 40)
	if got := h.Take(); len(got) > 0 {
		t.Fatalf("rows left before both watermarks passed them: %v", got)
	}
	h.Watermark(1, 40)
	row := func(kind, k, at, version, v string) string {
		return kind + rowText(k, ms(at), "0", k, ms(version), v)
	}
	if got, want := h.Take(), []string{row("+I", "1", "25", "20", "2")}; !slices.Equal(got, want) {
		t.Fatalf("at 40: %v, want %v", got, want)
	}
	v := op.(*temporalJoin).versions
	n := 0
	for c := v.Keys().Cursor(); ; {
		buf := make([]state.Ref, 4)
		m := c.Next(buf)
		for _, r := range buf[:m] {
			n += v.Len(r)
		}
		if m == 0 {
			break
		}
	}
	if n != 3 { // 30 and 50 of key 1, 10 of key 2
		t.Errorf("%d versions are kept, want 3", n)
	}
	h.Rows(0, timedInput, "+I[1, 40, 0]")
	if h.LateRows() != 1 {
		t.Errorf("%d late rows, want 1", h.LateRows())
	}
	h.End()
	if got, want := h.Take(), []string{row("+I", "1", "45", "30", "3")}; !slices.Equal(got, want) {
		t.Fatalf("at the end: %v, want %v", got, want)
	}
}

// BenchmarkTemporalJoin joins rows with versions of 1,000 keys, against a loop with a
// Go map of sorted versions over the same columns.
func BenchmarkTemporalJoin(b *testing.B) {
	const keys, rows = 1000, 1 << 20
	in := []types.Type{types.BigIntT.Nullable(false), types.TimestampT(3).Nullable(false), types.BigIntT.Nullable(false)}
	r := rand.New(rand.NewPCG(3, 4))
	side := func(n int, step int64) []*batch.Batch {
		var out []*batch.Batch
		now := int64(0)
		for at := 0; at < n; at += batch.MaxRows {
			x := &batch.Batch{}
			x.Alloc(in, batch.MaxRows)
			for i := range x.N {
				now += step
				x.Cols[0].I64[i], x.Cols[1].I64[i], x.Cols[2].I64[i] = int64(r.IntN(keys)), now, int64(i)
			}
			x.Marks = []batch.Mark{{Pos: uint16(x.N), WM: now - 1}}
			out = append(out, x)
		}
		return out
	}
	left, right := side(rows, 1), side(rows/16, 16)
	race(b, rows, func() int {
		h := NewBench(NewTemporalJoin(TemporalJoinConfig{
			Type: InnerJoin, Left: in, Right: in, JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}},
			LeftTime: 1, RightTime: 1, Out: append(slices.Clone(in), in...),
		}))
		h.Inputs, h.C.Exact = 2, false
		found := 0
		h.OnEmit = func(x *batch.Batch) error { found += x.Rows(); return nil }
		h.Open()
		for i, x := range right {
			h.Push(1, x)
			drive(h, 0, left[16*i:16*i+16])
		}
		h.End()
		return found
	}, func() int { return plainTemporal(left, right) })
}

// plainTemporal keeps the versions of each key by time. Rows wait until the watermarks of
// both sides have passed them and find theirs by binary search; versions that no row can
// ask for any more are dropped.
func plainTemporal(left, right []*batch.Batch) int {
	type version struct{ at, v int64 }
	m := map[int64][]version{}
	var waiting, rest [][3]int64
	var out [6][]int64
	found := 0
	var marks [2]int64
	join := func() {
		wm := min(marks[0], marks[1])
		rest = rest[:0]
		for c := range out {
			out[c] = out[c][:0]
		}
		slices.SortStableFunc(waiting, func(a, b [3]int64) int { return cmp.Compare(a[1], b[1]) })
		for _, w := range waiting {
			if w[1] > wm {
				rest = append(rest, w)
				continue
			}
			list := m[w[0]]
			n := sort.Search(len(list), func(i int) bool { return list[i].at > w[1] })
			if n == 0 {
				continue
			}
			v := list[n-1]
			if n > 1 {
				m[w[0]] = append(list[:0], list[n-1:]...)
			}
			for c, x := range [6]int64{w[0], w[1], w[2], w[0], v.at, v.v} {
				out[c] = append(out[c], x)
			}
		}
		found += len(out[0])
		waiting, rest = rest, waiting
	}
	for i, x := range right {
		for l, k := range x.Cols[0].I64 {
			m[k] = append(m[k], version{x.Cols[1].I64[l], x.Cols[2].I64[l]})
		}
		marks[1] = x.LastMark()
		for _, y := range left[16*i : 16*i+16] {
			for l, k := range y.Cols[0].I64 {
				waiting = append(waiting, [3]int64{k, y.Cols[1].I64[l], y.Cols[2].I64[l]})
			}
			marks[0] = y.LastMark()
			join()
		}
	}
	marks = [2]int64{1<<63 - 1, 1<<63 - 1}
	join()
	return found
}
