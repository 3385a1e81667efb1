package exec

import (
	"fmt"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// thrice gives each row three times, in one call for all rows of a key.
type thrice struct{ columns bool }

func (p thrice) Eval(c function.ProcessContext, in function.ProcessRows) error {
	for range 3 {
		if p.columns {
			var col batch.Col
			col.Append(0, in.Cols[2], in.Lanes, len(in.Lanes))
			if err := c.Columns([]*batch.Col{&col}, nil, nil); err != nil {
				return err
			}
			continue
		}
		for _, l := range in.Lanes {
			c.Row(int(l), batch.Insert, in.Cols[2].Int(int(l)))
		}
	}
	return nil
}

func (thrice) OnTimer(function.ProcessContext, function.ProcessTimer) error { return nil }

// TestProcessMarks: with on_time each mark of the input stands behind what comes of the
// rows before it and in front of what comes of the rows behind it, in whatever order the
// function was given them.
func TestProcessMarks(t *testing.T) {
	for _, columns := range []bool{false, true} {
		for _, keys := range []int{1, 3, 3000} {
			for _, n := range []int{5, 60000} {
				processMarks(t, columns, keys, n)
			}
		}
	}
}

func processMarks(t *testing.T, columns bool, keys, n int) {
	t.Helper()
	h := NewBench(NewProcess(ProcessConfig{
		Input: processInput, Tag: -1, Keys: []int{0}, Set: true, Tables: []ProcessTable{{Cols: []int{0, 1, 2}}}, Time: 1, Front: []int{0},
		Own: []types.Type{types.BigIntT}, Make: func() function.Processor { return thrice{columns} },
	}))
	h.C.Exact = false
	var got []string
	h.OnEmit = func(b *batch.Batch) error {
		marks := b.Marks
		for i := range b.N + 1 {
			for ; len(marks) > 0 && int(marks[0].Pos) <= i; marks = marks[1:] {
				got = append(got, fmt.Sprint("wm ", marks[0].WM))
			}
			if i < b.N {
				got = append(got, fmt.Sprint(b.Cols[0].Int(i), " ", b.Cols[1].Int(i), " ", b.Cols[2].Int(i)))
			}
		}
		return nil
	}
	h.Open()
	var b batch.Batch
	b.Alloc(processInput, n)
	var want []string
	for i := range n {
		b.Cols[0].I32[i], b.Cols[1].I64[i], b.Cols[2].I64[i] = int32(i%keys), int64(i), int64(10*i)
		for range 3 {
			want = append(want, fmt.Sprint(i%keys, " ", 10*i, " ", i))
		}
		if i%4 == 1 || i == n-1 {
			b.AddMark(i+1, int64(i)-1)
			want = append(want, fmt.Sprint("wm ", i-1))
		}
	}
	h.Push(0, &b)
	if !slices.Equal(got, want) {
		t.Errorf("%d rows of %d keys, columns %t: %d lines, should be %d: %.200s", n, keys, columns, len(got), len(want), fmt.Sprint(got))
	}
}
