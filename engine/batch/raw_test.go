package batch

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/types"
)

// Rows survive the raw form, whatever the encoding of their columns, and bytes that are
// cut off are told.
func TestRawRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom([]int{0, 1, 9, 66}).Draw(t, "n")
		b := &Batch{N: n}
		var s types.Schema
		var vals [][]any
		for i := range rapid.IntRange(1, 4).Draw(t, "cols") {
			ty := drawType(t, 2)
			c, v := drawCol(t, ty, n)
			b.Cols = append(b.Cols, c)
			s = append(s, types.Field{Name: fmt.Sprint("c", i), Type: ty})
			vals = append(vals, v)
		}
		b.Cols = append(b.Cols, Col{}) // nobody reads it
		s = append(s, types.Field{Name: "unread", Type: types.StringT})
		b.Sel = drawSel(t, n, true)
		if n > 0 && rapid.Bool().Draw(t, "kinds") {
			b.AllocKinds()[n-1] = Delete
		}
		data := AppendRaw([]byte("before"), b)[len("before"):]
		var back Batch
		if err := ReadRaw(&back, data, s); err != nil {
			t.Fatal(err)
		}
		if back.N != b.Rows() || back.Cols[len(s)-1].Type.Kind != types.Invalid {
			t.Fatalf("%d rows instead of %d", back.N, b.Rows())
		}
		for i := range vals {
			wantCol(t, "raw", &back.Cols[i], take(vals[i], b.Sel, n))
		}
		for i := range back.N {
			if back.Kind(i) != b.Kind(b.Lane(i)) {
				t.Fatalf("row %d has kind %s", i, back.Kind(i))
			}
		}
		if cut := rapid.IntRange(0, len(data)-1).Draw(t, "cut"); ReadRaw(&back, data[:cut], s) == nil {
			t.Fatalf("cut off after %d of %d bytes, and read", cut, len(data))
		}
	})
}

// Long texts in one large buffer are written once, and no more of it than they hold.
func TestRawTexts(t *testing.T) {
	line := []byte("the first column of it|the other column, which is longer|")
	var buf []byte
	var a, o []View
	for i := range 100 {
		at := uint32(i * len(line))
		buf = append(buf, line...)
		a = append(a, MakeRef(line[:22], 0, at))
		o = append(o, MakeRef(line[23:56], 0, at+23))
	}
	b := &Batch{N: 10, Cols: []Col{
		{Type: types.StringT, Views: a[40:50], Bufs: [][]byte{buf}},
		{Type: types.StringT, Views: o[40:50], Bufs: [][]byte{buf}},
	}}
	s := types.Schema{{Name: "a", Type: types.StringT}, {Name: "o", Type: types.StringT}}
	data := AppendRaw(nil, b)
	if most := 10*len(line) + 2*10*16 + 40; len(data) > most {
		t.Errorf("%d bytes, and %d are enough", len(data), most)
	}
	var back Batch
	if err := ReadRaw(&back, data, s); err != nil {
		t.Fatal(err)
	}
	var x [12]byte
	for i := range 10 {
		if got := string(back.Cols[0].Bytes(i, &x)) + "|" + string(back.Cols[1].Bytes(i, &x)) + "|"; got != string(line) {
			t.Fatalf("row %d is %q", i, got)
		}
	}
}

// Bytes of any kind are rows or an error, never a crash.
func FuzzReadRaw(f *testing.F) {
	s := types.Schema{{Name: "a", Type: types.StringT}, {Name: "b", Type: types.ArrayT(types.IntT)}, {Name: "c", Type: types.RowT(types.Field{Name: "d", Type: types.BigIntT})}}
	f.Add([]byte{})
	f.Add([]byte{1, 0, 3, 1, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Batch
		if err := ReadRaw(&b, data, s); err == nil && b.N > CapRows {
			t.Fatal("too many rows")
		}
	})
}

// Numbers are written in as few bytes as they lie apart, and come back whatever the
// distance; so do texts of all lengths that lie apart in a buffer.
func TestRawWidths(t *testing.T) {
	for _, c := range []struct {
		from, to int64
		bytes    int // a number
	}{
		{5, 5, 1}, {-3, 252, 1}, {-3, 253, 2}, {1 << 40, 1<<40 + 65535, 2}, {0, 65536, 4}, {math.MinInt64, math.MinInt64 + math.MaxUint32, 4},
		{0, math.MaxUint32 + 1, 8}, {math.MinInt64, math.MaxInt64, 8},
	} {
		b := &Batch{N: 1000, Cols: []Col{{Type: types.BigIntT, I64: make([]int64, 1000)}}}
		for i := range b.Cols[0].I64 {
			b.Cols[0].I64[i] = []int64{c.from, c.to, c.from + (c.to-c.from)/2}[i%3]
		}
		data := AppendRaw(nil, b)
		if len(data) > 1000*c.bytes+32 {
			t.Errorf("from %d to %d: %d bytes for a thousand", c.from, c.to, len(data))
		}
		var back Batch
		if err := ReadRaw(&back, data, types.Schema{{Name: "a", Type: types.BigIntT}}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back.Cols[0].I64, b.Cols[0].I64) {
			t.Errorf("from %d to %d: other numbers", c.from, c.to)
		}
	}
	for _, longest := range []int{20, 255, 256, 65535, 65536, 200_000} {
		buf := make([]byte, 1<<20)
		for i := range buf {
			buf[i] = byte('a' + i*i%23)
		}
		col := Col{Type: types.StringT.Nullable(true), Bufs: [][]byte{buf}}
		for i, size := range []int{longest, 0, 5, 12, 13, longest / 2, 3} {
			at := i * 100_000
			col.Views = append(col.Views, MakeRef(buf[at:at+size], 0, uint32(at)))
		}
		col.Nulls = []uint64{1 << 4} // of the text of 13
		b := &Batch{N: 7, Cols: []Col{col}}
		data := AppendRaw(nil, b)
		if most := longest + longest/2 + 7*8 + 64; len(data) > most {
			t.Errorf("longest %d: %d bytes where %d are enough", longest, len(data), most)
		}
		var back Batch
		if err := ReadRaw(&back, data, types.Schema{{Name: "a", Type: col.Type}}); err != nil {
			t.Fatal(err)
		}
		for i := range b.N {
			var x, y [12]byte
			if got, want := string(back.Cols[0].Bytes(i, &x)), string(col.Bytes(i, &y)); back.Cols[0].IsNull(i) != (i == 4) || i != 4 && got != want {
				t.Errorf("longest %d: text %d of %d bytes came back as %d", longest, i, len(want), len(got))
			}
		}
	}
}
