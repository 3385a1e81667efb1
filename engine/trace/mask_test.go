package trace

import (
	"bytes"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// The numbers below a size are mapped one to one, and another key maps them otherwise.
func TestMaskPermutes(t *testing.T) {
	a, b := NewMask([]byte("a")), NewMask([]byte("b"))
	for _, size := range []uint64{2, 3, 10, 256, 1000, 65_536} {
		seen, differ := make([]bool, size), 0
		for x := range size {
			y := a.permute(x, size)
			if y >= size || seen[y] {
				t.Fatalf("of %d: %d becomes %d, which is too large or taken", size, x, y)
			}
			if seen[y] = true; y != b.permute(x, size) {
				differ++
			}
		}
		if size >= 1000 && differ < int(size)*9/10 {
			t.Errorf("of %d: another key changes %d", size, differ)
		}
	}
}

// Masked values are of the type, equal for equal values, and tell apart what is not.
func TestMaskValues(t *testing.T) {
	m := NewMask([]byte("key"))
	same := types.StringT
	for _, c := range []struct {
		t    types.Type
		put  func(b *batch.Builder, v int64)
		good func(b *batch.Col, lane int, was int64) bool
	}{
		{types.IntT, func(b *batch.Builder, v int64) { b.AppendInt(int64(int32(v))) }, func(b *batch.Col, l int, was int64) bool {
			return (int32(was) < 0) == (b.I32[l] < 0)
		}},
		{types.BigIntT, func(b *batch.Builder, v int64) { b.AppendInt(v) }, func(b *batch.Col, l int, was int64) bool {
			return (was < 0) == (b.I64[l] < 0) && math.Abs(float64(b.I64[l])) <= max(65_536, 2.01*math.Abs(float64(was)))
		}},
		{types.DecimalT(9, 2), func(b *batch.Builder, v int64) { b.AppendInt(v % 1e9) }, func(b *batch.Col, l int, _ int64) bool {
			return b.I64[l] > -1e9 && b.I64[l] < 1e9
		}},
		{types.DecimalT(30, 2), func(b *batch.Builder, v int64) { b.AppendDec(batch.Dec{Hi: v >> 63, Lo: uint64(v)}) }, func(b *batch.Col, l int, was int64) bool {
			return (was < 0) == (b.Dec[l].Hi < 0)
		}},
		{types.DoubleT, func(b *batch.Builder, v int64) { b.AppendFloat(float64(v%1e15) / 8) }, func(b *batch.Col, l int, was int64) bool {
			x, y := math.Abs(float64(was%1e15)/8), math.Abs(b.F64[l])
			return x == y || x/y > 0.49 && x/y < 2.01
		}},
		{same, func(b *batch.Builder, v int64) { b.AppendString(string(rune('a'+uint64(v)%26)) + "x") }, func(b *batch.Col, l int, was int64) bool {
			var s [12]byte
			return len(b.Bytes(l, &s)) == 16
		}},
	} {
		t.Run(c.t.String(), func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				values := rapid.SliceOfN(rapid.Int64(), 1, 50).Draw(r, "values")
				values = append(values, values[0], 0, 1)
				b := batch.NewBuilder(c.t)
				for _, v := range values {
					c.put(b, v)
				}
				b.AppendNull()
				was := b.Finish()
				n := len(values) + 1
				got, err := m.Column(&was, n)
				if err != nil {
					r.Fatal(err)
				}
				for i, v := range values {
					if got.IsNull(i) || !c.good(&got, i, v) {
						r.Fatalf("%d becomes %v", v, got.Any(i))
					}
					for k := range values {
						if was.EqualLanes(i, &was, k) != got.EqualLanes(i, &got, k) {
							r.Fatalf("%v and %v become %v and %v", was.Any(i), was.Any(k), got.Any(i), got.Any(k))
						}
					}
				}
				if !got.IsNull(n - 1) {
					r.Fatal("NULL becomes a value")
				}
			})
		})
	}
}

// Texts fit their type, and nothing of them is left.
func TestMaskTexts(t *testing.T) {
	m := NewMask([]byte("key"))
	for _, c := range []struct {
		t        types.Type
		in       string
		min, max int
	}{
		{types.StringT, "hunter2", 16, 16}, {types.StringT, "", 0, 0}, {types.VarCharT(5), "hunt", 5, 5}, {types.CharT(3), "abc", 3, 3}, {types.CharT(40), "abc", 40, 40},
		{types.Type{Kind: types.VarBinary, Prec: 8}, "hunter2", 8, 8},
	} {
		b := batch.NewBuilder(c.t)
		b.AppendString(c.in)
		was := b.Finish()
		got, err := m.Column(&was, 1)
		if err != nil {
			t.Fatal(err)
		}
		var s [12]byte
		if v := got.Bytes(0, &s); len(v) < c.min || len(v) > c.max || c.in != "" && bytes.Contains(v, []byte(c.in)) {
			t.Errorf("%q as %s becomes %q", c.in, c.t, v)
		}
	}
	for _, typ := range []types.Type{types.ArrayT(types.StringT), types.RowT(types.Field{Name: "a", Type: types.StringT})} {
		b := batch.NewBuilder(typ)
		b.Kid(0).AppendString("hunter2")
		if typ.Kind == types.Array {
			b.EndList()
		} else {
			b.EndRow()
		}
		was := b.Finish()
		got, err := m.Column(&was, 1)
		if err != nil {
			t.Fatal(err)
		}
		var s [12]byte
		if v := got.Kids[0].Bytes(0, &s); len(v) != 16 {
			t.Errorf("in %s: %q", typ, v)
		}
	}
}
