package batch

import (
	"fmt"
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
