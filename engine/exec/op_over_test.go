package exec

import (
	"fmt"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// overBench drives an OVER by event time and counts what it says of each row.
func overBench(cfg OverConfig) (*Bench, *[]string) {
	cfg.Order, cfg.OrderBy, cfg.PartitionBy = OverRowtime, []OrderKey{{Col: 1}}, []int{0}
	cfg.Input = []types.Type{types.IntT, types.TimestampT(3), types.BigIntT}
	h := NewBench(NewOver(cfg))
	var out []string
	h.OnEmit = func(b *batch.Batch) error {
		for i := range b.Rows() {
			l := b.Lane(i)
			out = append(out, CellText(&b.Cols[0], l)+" "+CellText(&b.Cols[3], l)+" "+CellText(&b.Cols[4], l))
		}
		return nil
	}
	return h.Open(), &out
}

// pushRun pushes n rows of a key at a time, with values counting up from 0.
func pushRun(h *Bench, key string, at int64, n int) {
	for from := 0; from < n; from += batch.MaxRows {
		bb := batch.NewBatchBuilder(types.IntT, types.TimestampT(3), types.BigIntT)
		for i := from; i < min(n, from+batch.MaxRows); i++ {
			bb.Col(0).AppendInt(num(key))
			bb.Col(1).AppendInt(at)
			bb.Col(2).AppendInt(int64(i))
			bb.EndRow(batch.Insert)
		}
		h.Push(0, bb.Finish())
	}
}

// TestOverManyPeers has more rows of one time and key than a batch holds: each sees
// all of them.
func TestOverManyPeers(t *testing.T) {
	calls := []AggSpec{
		{Func: "COUNT", Filter: -1, Result: types.BigIntT},
		{Func: "MAX", Args: []int{2}, Filter: -1, Result: types.BigIntT},
	}
	for _, lo := range []OverBound{{Kind: OverUnboundedPreceding}, {OverPreceding, 5}} {
		h, out := overBench(OverConfig{Lo: lo, Hi: OverBound{Kind: OverCurrentRow}, Calls: calls})
		sizes := []int{10_000, 4_096, 1, 8_192, 3}
		for k, n := range sizes {
			pushRun(h, str(int64(k)), 100, n)
		}
		pushRun(h, "0", 101, 5_000)
		h.End()
		want := map[string]int{}
		for k, n := range sizes {
			want[fmt.Sprintf("%d %d %d", k, n, n-1)] = n
		}
		want["0 15000 9999"] = 5_000
		for _, line := range *out {
			want[line]--
		}
		for line, n := range want {
			if n != 0 {
				t.Errorf("%v: %d rows %q are missing", lo, n, line)
			}
		}
	}
}

// TestOverManyLeave lets more rows out of a frame at once than are folded at once.
func TestOverManyLeave(t *testing.T) {
	calls := []AggSpec{
		{Func: "COUNT", Filter: -1, Result: types.BigIntT},
		{Func: "SUM", Args: []int{2}, Filter: -1, Result: types.BigIntT},
	}
	h, out := overBench(OverConfig{Lo: OverBound{OverPreceding, 10}, Hi: OverBound{Kind: OverCurrentRow}, Calls: calls})
	n := 2*overLeave + 1000
	pushRun(h, "7", 100, n)
	h.Watermark(0, 101)
	pushRun(h, "7", 200, 2)
	h.Watermark(0, 201)
	got := *out
	if len(got) != n+2 {
		t.Fatalf("%d rows, want %d", len(got), n+2)
	}
	if want := fmt.Sprintf("7 %d %d", n, n*(n-1)/2); got[0] != want || got[n-1] != want {
		t.Errorf("first %q, last %q, want %q", got[0], got[n-1], want)
	}
	if want := "7 2 1"; got[n] != want || got[n+1] != want {
		t.Errorf("then %q and %q, want %q", got[n], got[n+1], want)
	}
}

// TestOverForgetsKeys lets go of keys whose frame of time has been empty for long.
func TestOverForgetsKeys(t *testing.T) {
	calls := []AggSpec{{Func: "COUNT", Filter: -1, Result: types.BigIntT}, {Func: "MIN", Args: []int{2}, Filter: -1, Result: types.BigIntT}}
	h, _ := overBench(OverConfig{Lo: OverBound{OverPreceding, 10}, Hi: OverBound{Kind: OverCurrentRow}, Calls: calls})
	for k := range int64(50) {
		pushRun(h, str(k), 100+k, 2)
	}
	h.Watermark(0, 1_000)
	h.Push(0, ParseRows([]types.Type{types.IntT, types.TimestampT(3), types.BigIntT}, "[1, 2000, 3]"))
	h.Watermark(0, 1_999)
	for _, d := range h.C.Store.Describe() {
		if d.Entries > 1 {
			t.Errorf("%s still has %d entries", d.Name, d.Entries)
		}
	}
}

// BenchmarkOver takes rows by event time, 100 keys, in batches of 4096.
func BenchmarkOver(b *testing.B) {
	frames := map[string]OverConfig{
		"rows-unbounded": {Rows: true, Lo: OverBound{Kind: OverUnboundedPreceding}},
		"rows-10":        {Rows: true, Lo: OverBound{OverPreceding, 10}},
		"range-100ms":    {Lo: OverBound{OverPreceding, 100}},
	}
	for name, cfg := range frames {
		b.Run(name, func(b *testing.B) {
			cfg.Hi.Kind = OverCurrentRow
			cfg.Input = []types.Type{types.IntT, types.TimestampT(3), types.BigIntT}
			cfg.Order, cfg.OrderBy, cfg.PartitionBy = OverRowtime, []OrderKey{{Col: 1}}, []int{0}
			cfg.Calls = []AggSpec{
				{Func: "COUNT", Filter: -1, Result: types.BigIntT},
				{Func: "SUM", Args: []int{2}, Filter: -1, Result: types.BigIntT},
				{Func: "MAX", Args: []int{2}, Filter: -1, Result: types.BigIntT},
			}
			h := NewBench(NewOver(cfg))
			h.OnEmit = func(*batch.Batch) error { return nil }
			h.Open()
			var in batch.Batch
			now := int64(0)
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += batch.MaxRows {
				in.Alloc(cfg.Input, batch.MaxRows)
				for k := range batch.MaxRows {
					in.Cols[0].I32[k] = int32(k * 7919 % 100)
					in.Cols[1].I64[k] = now + int64(k)/4
					in.Cols[2].I64[k] = int64(k)
				}
				now += batch.MaxRows / 4
				in.N = batch.MaxRows
				h.Push(0, &in)
				h.Watermark(0, now-1)
			}
		})
	}
}
