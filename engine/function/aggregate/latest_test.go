package aggregate

import (
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// TestLatestOfKeys gives a Latest the normalised keys of values of each layout and
// expects the values back.
func TestLatestOfKeys(t *testing.T) {
	dec := types.DecimalT(30, 2)
	cases := []struct {
		t      types.Type
		values []any
	}{
		{types.BooleanT, []any{true, false}},
		{types.TinyIntT, []any{int64(-128), int64(127)}},
		{types.SmallIntT, []any{int64(-32768), int64(5)}},
		{types.IntT, []any{int64(-1 << 31), int64(1<<31 - 1)}},
		{types.BigIntT, []any{int64(-1 << 63), int64(1<<63 - 1), int64(0)}},
		{types.DoubleT, []any{-1.5, 0.25}},
		{dec, []any{batch.Dec{Hi: -1, Lo: 7}, batch.Dec{Hi: 3, Lo: 1 << 63}}},
		{types.StringT, []any{"", "mink", "a\x00b", "longer than twelve bytes"}},
	}
	for _, c := range cases {
		for _, v := range c.values {
			b := batch.NewBuilder(c.t)
			b.AppendAny(v)
			col := b.Finish()
			a := NewLatest(c.t)
			row := make([]uint64, a.Lanes())
			var h Heap
			a.Set(row, batch.AppendKey(nil, &col, 0), &h)
			var out batch.Col
			out.Alloc(c.t, 1)
			if err := a.Final(&out, [][]uint64{row}, 0, &h); err != nil {
				t.Fatal(err)
			}
			if got := out.Any(0); got != v {
				t.Errorf("%v: %v came back as %v", c.t, v, got)
			}
		}
	}
}
