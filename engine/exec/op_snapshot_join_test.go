package exec

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

func snapshotBench(cfg SnapshotJoinConfig) *Bench {
	cfg.Left, cfg.Right, cfg.Out = timedInput, timedInput, append(slices.Clone(timedInput), timedInput...)
	cfg.JoinKeys.Left, cfg.JoinKeys.Right = []int{0}, []int{0}
	cfg.RightTime = 1
	h := NewBench(NewSnapshotJoin(cfg))
	h.Inputs = 2
	return h.Open()
}

func snapshotRow(id, at, v string, right ...string) string {
	if right == nil {
		return "+I" + rowText(id, ms(at), v, "NULL", "NULL", "NULL")
	}
	return "+I" + rowText(id, ms(at), v, right[0], ms(right[1]), right[2])
}

func expectRows(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s: %v, want %v", when, got, want)
	}
}

// TestSnapshotJoinIdle lets the watermark of the right side stand still: the timeout is
// counted from its first sign and again from each rise, and ends loading. What the
// watermark has not reached is not in the table then.
func TestSnapshotJoinIdle(t *testing.T) {
	h := snapshotBench(SnapshotJoinConfig{Type: LeftJoin, LoadTime: 1 << 40, Idle: 1000})
	h.Rows(0, timedInput, "+I[1, 5, 7]", "+I[2, 6, 8]", "+I[NULL, 6, 9]")
	h.Watermark(0, 6)
	h.Advance(5000)
	if got := h.Timers(); len(got) > 0 {
		t.Fatalf("timers %v before the right side has shown itself", got)
	}
	h.Rows(1, timedInput, "+I[1, 10, 1]")
	h.Advance(5900)
	h.Watermark(1, 10) // at 5.9 s
	h.Rows(1, timedInput, "+I[2, 20, 2]")
	h.Advance(6800)
	expectRows(t, "0.9 s after the watermark rose", h.Take())
	hold := h.Op.(Holder)
	if got := hold.OutWatermark(6); got != batch.NoWatermark {
		t.Errorf("the watermark passed on while rows wait is %d", got)
	}
	h.Advance(6900)
	got := h.Take()
	slices.Sort(got)
	want := []string{snapshotRow("1", "5", "7", "1", "10", "1"), snapshotRow("2", "6", "8"), snapshotRow("NULL", "6", "9")}
	slices.Sort(want)
	expectRows(t, "1 s after the watermark rose", got, want...)
	if got := hold.OutWatermark(6); got != 6 {
		t.Errorf("the watermark passed on after loading is %d, want 6", got)
	}
	h.Watermark(1, 20)
	h.Rows(0, timedInput, "+I[2, 1, 3]") // no row of the left side is late
	expectRows(t, "after loading", h.Take(), snapshotRow("2", "1", "3", "2", "20", "2"))
}

// TestSnapshotJoinUpdates sees both halves of an update at once, when the watermark of
// the right side is there, and a late one with the next rise.
func TestSnapshotJoinUpdates(t *testing.T) {
	h := snapshotBench(SnapshotJoinConfig{Type: InnerJoin, LoadTime: 10})
	h.Rows(1, timedInput, "+I[1, 5, 1]", "wm 10")
	h.Rows(0, timedInput, "+I[1, 0, 0]")
	old := snapshotRow("1", "0", "0", "1", "5", "1")
	expectRows(t, "loaded", h.Take(), old)
	h.Rows(1, timedInput, "-U[1, 5, 1]", "+U[1, 15, 2]")
	h.Rows(0, timedInput, "+I[1, 0, 0]")
	expectRows(t, "before the mark", h.Take(), old)
	h.Watermark(1, 15)
	h.Rows(0, timedInput, "+I[1, 0, 0]")
	expectRows(t, "after the mark", h.Take(), snapshotRow("1", "0", "0", "1", "15", "2"))
	h.Rows(1, timedInput, "-D[9, 3, 3]", "wm 16")
	if h.Counter("unmatchedBuildRetractions") != 1 {
		t.Error("a deletion of a row that is not there is not counted")
	}
}

// TestSnapshotJoinTTL keeps the rows of a key while either side uses the key, and all
// keys for the time to live after loading.
func TestSnapshotJoinTTL(t *testing.T) {
	h := snapshotBench(SnapshotJoinConfig{Type: InnerJoin, LoadTime: 10, TTL: 100})
	h.Rows(1, timedInput, "+I[1, 5, 1]", "+I[2, 5, 2]", "wm 6")
	h.Advance(500) // still loading
	h.Watermark(1, 10)
	table := h.Op.(*snapshotJoin).table
	h.Advance(590)
	h.Rows(0, timedInput, "+I[1, 0, 0]")
	expectRows(t, "in use", h.Take(), snapshotRow("1", "0", "0", "1", "5", "1"))
	h.Advance(600)
	if table.Len() != 1 {
		t.Fatalf("%d rows at 100 ms after loading, want key 1 alone", table.Len())
	}
	h.Advance(689)
	if table.Len() != 1 {
		t.Fatal("key 1 went before its time")
	}
	h.Advance(690)
	if table.Len() != 0 || h.Counter("stateTTLEvictions") != 2 {
		t.Fatalf("%d rows and %d evictions at 690, want 0 and 2", table.Len(), h.Counter("stateTTLEvictions"))
	}
}

// BenchmarkSnapshotJoin joins rows with a loaded table of 100,000 keys.
func BenchmarkSnapshotJoin(b *testing.B) {
	const keys, rows = 100_000, 1 << 20
	in := []types.Type{types.BigIntT.Nullable(false), types.TimestampT(3).Nullable(false), types.BigIntT.Nullable(false)}
	r := rand.New(rand.NewPCG(3, 4))
	side := func(n int, key func(i int) int64) []*batch.Batch {
		var out []*batch.Batch
		for at := 0; at < n; at += batch.MaxRows {
			x := &batch.Batch{}
			x.Alloc(in, batch.MaxRows)
			for i := range x.N {
				x.Cols[0].I64[i], x.Cols[1].I64[i], x.Cols[2].I64[i] = key(at+i), int64(at), int64(i)
			}
			out = append(out, x)
		}
		return out
	}
	left := side(rows, func(int) int64 { return int64(r.IntN(keys)) })
	right := side(keys, func(i int) int64 { return int64(i) })
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		h := NewBench(NewSnapshotJoin(SnapshotJoinConfig{
			Type: InnerJoin, Left: in, Right: in, JoinKeys: JoinKeys{Left: []int{0}, Right: []int{0}},
			RightTime: 1, LoadTime: 1 << 30, Out: append(slices.Clone(in), in...),
		}))
		h.Inputs, h.C.Exact = 2, false
		h.OnEmit = func(*batch.Batch) error { return nil }
		h.Open()
		drive(h, 1, right)
		h.Watermark(1, 1<<30)
		b.StartTimer()
		drive(h, 0, left)
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s") // there is no plain loop beside it
}
