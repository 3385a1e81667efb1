package exec

import (
	"fmt"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// counting is a table function of one INT n that gives the rows 0 to n-1.
func counting() function.TableKernel {
	var from, to []uint32
	var values batch.Col
	return func(_ *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
		from, to = make([]uint32, n), make([]uint32, n)
		total := uint32(0)
		for i := range n {
			from[i], to[i] = total, total
			if live == nil || batch.Bit(live, i) {
				total += uint32(args[0].I32[i])
				to[i] = total
			}
		}
		values.Alloc(types.IntT, int(total))
		for i := range n {
			for k := from[i]; k < to[i]; k++ {
				values.I32[k] = int32(k - from[i])
			}
		}
		*out = function.TableRows{From: from, To: to, Cols: []function.TableCol{{Col: &values}}}
		return nil
	}
}

// TestCorrelatePieces gives more rows than a batch holds, with interruptions: they come
// in order, in pieces, and marks and kinds stay with the rows they belong to.
func TestCorrelatePieces(t *testing.T) {
	for _, yield := range []int{0, 1, 2} {
		sizes := []int{3, 0, 10_000, 4_096, 0, 1}
		op := NewCorrelate(CorrelateConfig{
			Input: []types.Type{types.IntT, types.IntT}, Args: []expr.Node{expr.NewRef(1, types.IntT, diag.Span{})},
			Make: counting, Rows: []types.Type{types.IntT}, Left: true, Keep: []int{0}, Read: []int{0},
		})
		h := NewBench(op)
		h.YieldAfter = yield
		type row struct{ id, v int }
		var got []row
		var kinds []batch.Kind
		marks := map[int]int64{} // rows before it -> watermark
		h.OnEmit = func(b *batch.Batch) error {
			if b.Rows() > batch.MaxRows {
				t.Fatalf("a batch of %d rows", b.Rows())
			}
			for _, m := range b.Marks {
				marks[len(got)+int(m.Pos)] = m.WM
			}
			for i := range b.Rows() {
				v := -1
				if !b.Cols[1].IsNull(i) {
					v = int(b.Cols[1].I32[i])
				}
				got = append(got, row{int(b.Cols[0].I32[i]), v})
				kinds = append(kinds, b.Kind(i))
			}
			return nil
		}
		h.Open()
		in := batch.NewBatchBuilder(types.IntT, types.IntT)
		for i, n := range sizes {
			in.Col(0).AppendInt(int64(i))
			in.Col(1).AppendInt(int64(n))
			in.EndRow([]batch.Kind{batch.Insert, batch.UpdateBefore, batch.UpdateAfter, batch.Delete}[i%4])
		}
		b := in.Finish()
		b.AddMark(2, 100)
		b.AddMark(3, 200)
		b.AddMark(6, 300)
		h.Push(0, b)

		k := 0
		before := map[int]int{} // rows that come out before those of an input row
		for i, n := range sizes {
			before[i] = k
			if n == 0 {
				if got[k] != (row{i, -1}) {
					t.Fatalf("row %d is %v, not the padded row of %d", k, got[k], i)
				}
				k++
				continue
			}
			for v := range n {
				if got[k] != (row{i, v}) || int(kinds[k]) != i%4 {
					t.Fatalf("row %d is %v %v, not %d of %d", k, got[k], kinds[k], v, i)
				}
				k++
			}
		}
		if k != len(got) {
			t.Errorf("%d rows, not %d", len(got), k)
		}
		for at, wm := range map[int]int64{before[2]: 100, before[3]: 200, k: 300} {
			if marks[at] != wm {
				t.Errorf("the mark behind %d rows is %d, not %d; all are %v", at, marks[at], wm, marks)
			}
		}
	}
}

// TestCorrelateCondition pads a row when none of its function's rows counts, however the
// rows are cut into pieces.
func TestCorrelateCondition(t *testing.T) {
	type shape struct{ size, least int }
	shapes := []shape{{3, 1}, {0, 0}, {10_000, 9_997}, {4_096, 5_000}, {8_192, 4_096}, {8_192, 8_192}, {1, 1}, {2, 0}}
	for _, left := range []bool{true, false} {
		for yield := range 3 {
			least := expr.NewRef(2, types.IntT, diag.Span{})
			cond, err := expr.NewCompare(expr.Ge, expr.NewRef(3, types.IntT, diag.Span{}), least, diag.Span{})
			if err != nil {
				t.Fatal(err)
			}
			op := NewCorrelate(CorrelateConfig{
				Input: []types.Type{types.IntT, types.IntT, types.IntT}, Args: []expr.Node{expr.NewRef(1, types.IntT, diag.Span{})},
				Make: counting, Rows: []types.Type{types.IntT}, Cond: cond, Left: left, Keep: []int{0}, Read: []int{0},
			})
			h := NewBench(op)
			h.YieldAfter = yield
			h.Open()
			in := batch.NewBatchBuilder(types.IntT, types.IntT, types.IntT)
			var want []string
			for i, s := range shapes {
				in.Col(0).AppendInt(int64(i))
				in.Col(1).AppendInt(int64(s.size))
				in.Col(2).AppendInt(int64(s.least))
				in.EndRow(batch.Insert)
				for v := s.least; v < s.size; v++ {
					want = append(want, fmt.Sprintf("+I[%d, %d]", i, v))
				}
				if left && s.least >= s.size {
					want = append(want, fmt.Sprintf("+I[%d, NULL]", i))
				}
			}
			b := in.Finish()
			marks := map[int]int64{}
			rows := 0
			h.OnEmit = func(b *batch.Batch) error {
				for _, m := range b.Marks {
					marks[rows+int(m.Pos)] = m.WM
				}
				rows += b.Rows()
				return nil
			}
			b.AddMark(3, 100)
			b.AddMark(len(shapes), 200)
			h.Push(0, b)
			before := 0 // rows of the first three shapes
			for _, w := range want {
				if w < "+I[3" {
					before++
				}
			}
			if len(marks) != 2 || marks[before] != 100 || marks[len(want)] != 200 {
				t.Errorf("left %v: marks at %v, not at %d and %d", left, marks, before, len(want))
			}
			if rows != len(want) {
				t.Errorf("left %v: %d rows, not %d", left, rows, len(want))
			}
			h.OnEmit = nil
			b.Marks = nil
			h.Push(0, b)
			if got := h.Take(); !slices.Equal(got, want) {
				t.Errorf("left %v: %d rows %v..., not %d", left, len(got), got[:min(9, len(got))], len(want))
			}
		}
	}
}

// TestCorrelateSelection asks nothing of lanes that are no rows.
func TestCorrelateSelection(t *testing.T) {
	op := NewCorrelate(CorrelateConfig{
		Input: []types.Type{types.IntT}, Args: []expr.Node{expr.NewRef(0, types.IntT, diag.Span{})},
		Make: counting, Rows: []types.Type{types.IntT}, Keep: []int{0}, Read: []int{0},
	})
	h := NewBench(op).Open()
	b := ParseRows([]types.Type{types.IntT}, "+I[2]", "+I[1000000]", "+I[1]", "+I[0]")
	b.Sel = []uint16{0, 2, 3}
	h.Push(0, b)
	if got, want := h.Take(), []string{"+I[2, 0]", "+I[2, 1]", "+I[1, 0]"}; !slices.Equal(got, want) {
		t.Errorf("got %v, not %v", got, want)
	}
}

func BenchmarkCorrelate(b *testing.B) {
	op := NewCorrelate(CorrelateConfig{
		Input: []types.Type{types.IntT, types.IntT}, Args: []expr.Node{expr.NewRef(1, types.IntT, diag.Span{})},
		Make: counting, Rows: []types.Type{types.IntT}, Keep: []int{0}, Read: []int{0},
	})
	h := NewBench(op)
	h.OnEmit = func(*batch.Batch) error { return nil }
	h.Open()
	in := batch.NewBatchBuilder(types.IntT, types.IntT)
	for i := range batch.MaxRows {
		in.Col(0).AppendInt(int64(i))
		in.Col(1).AppendInt(4)
		in.EndRow(batch.Insert)
	}
	bb := in.Finish()
	for b.Loop() {
		h.Push(0, bb)
	}
	b.ReportMetric(float64(b.N)*4*batch.MaxRows/b.Elapsed().Seconds()/1e6, "Mrows/s")
}
