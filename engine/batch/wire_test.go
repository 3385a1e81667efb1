package batch

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/types"
)

// Rows survive the wire form, whatever the encoding of their columns and whatever the
// batch they are read into held before; bytes that are cut off are told.
func TestWireRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w WireWriter
		var r WireReader
		var back Batch
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			n := rapid.SampledFrom([]int{0, 1, 9, 66}).Draw(t, "n")
			b := &Batch{N: n}
			var vals [][]any
			var cols []int
			for i := range rapid.IntRange(1, 4).Draw(t, "cols") {
				c, v := drawCol(t, drawType(t, 2), n)
				b.Cols = append(b.Cols, c)
				vals, cols = append(vals, v), append(cols, i)
			}
			b.Cols = append(b.Cols, Col{}) // nobody reads it
			if n > 0 && rapid.Bool().Draw(t, "kinds") {
				b.AllocKinds()[n-1] = Delete
			}
			if rapid.Bool().Draw(t, "keys") {
				b.Keys = &KeyVec{}
				HashKeys(b.Keys, b, cols[:1], 128)
			}
			for i := range rapid.IntRange(0, 3).Draw(t, "marks") {
				b.AddMark(min(n, i), int64(i)-1)
			}
			ts := AppendTypes([]byte{}, b)
			back1, rest, err := ReadTypes(append(ts, 7))
			if err != nil || len(rest) != 1 {
				t.Fatal(err, rest)
			}
			for i := range b.Cols {
				if !reflect.DeepEqual(back1[i], b.Cols[i].Type) {
					t.Fatalf("type %v became %v", b.Cols[i].Type, back1[i])
				}
			}
			w.Write(b)
			body := bytes.Join(w.Pieces, nil)
			if len(body) != w.Bytes {
				t.Fatalf("%d bytes, and %d were told", len(body), w.Bytes)
			}
			in := bytes.NewReader(body)
			if err := r.Read(&back, w.Head, in, back1); err != nil || in.Len() > 0 {
				t.Fatal(err, in.Len())
			}
			if back.N != n || !reflect.DeepEqual(append([]Mark{}, back.Marks...), append([]Mark{}, b.Marks...)) || back.Cols[len(cols)].Type.Kind != types.Invalid {
				t.Fatalf("%d rows and marks %v instead of %d and %v", back.N, back.Marks, n, b.Marks)
			}
			for i := range vals {
				wantCol(t, "wire", &back.Cols[i], vals[i])
			}
			for i := range n {
				if back.Kind(i) != b.Kind(i) {
					t.Fatalf("row %d has kind %s", i, back.Kind(i))
				}
			}
			if (b.Keys == nil) != (back.Keys == nil) {
				t.Fatal("the hash of keys is not as it was")
			}
			if b.Keys != nil && fmt.Sprint(b.Keys.Cols, b.Keys.H[:n], b.Keys.KG[:n]) != fmt.Sprint(back.Keys.Cols, back.Keys.H, back.Keys.KG) {
				t.Fatal("the hash of keys differs")
			}
			if len(body) > 0 {
				cut := rapid.IntRange(0, len(body)-1).Draw(t, "cut")
				var other Batch
				if r.Read(&other, w.Head, bytes.NewReader(body[:cut]), back1) == nil {
					t.Fatalf("cut off after %d of %d bytes, and read", cut, len(body))
				}
			}
			cut := rapid.IntRange(0, len(w.Head)-1).Draw(t, "head")
			var other Batch
			if r.Read(&other, w.Head[:cut], bytes.NewReader(body), back1) == nil {
				t.Fatalf("a head cut off after %d of %d bytes, and read", cut, len(w.Head))
			}
			w.Forget()
		}
	})
}

// Strings that are few among what their buffers hold are sent alone.
func TestWirePacks(t *testing.T) {
	var buf []byte
	var views []View
	for i := range 100 {
		text := fmt.Sprintf("a text that is not short, number %d", i)
		views = append(views, MakeRef([]byte(text), 0, uint32(len(buf))))
		buf = append(append(buf, text...), bytes.Repeat([]byte{'-'}, 1000)...)
	}
	b := &Batch{N: 100, Cols: []Col{{Type: types.StringT, Views: views, Bufs: [][]byte{buf}}}}
	var w WireWriter
	w.Write(b)
	if w.Bytes > 100*(16+40) {
		t.Errorf("%d bytes for texts of %d", w.Bytes, 100*36)
	}
	var back Batch
	var r WireReader
	if err := r.Read(&back, w.Head, bytes.NewReader(bytes.Join(w.Pieces, nil)), []types.Type{types.StringT}); err != nil {
		t.Fatal(err)
	}
	var scratch [12]byte
	for i := range 100 {
		if got, want := string(back.Cols[0].Bytes(i, &scratch)), fmt.Sprintf("a text that is not short, number %d", i); got != want {
			t.Fatalf("%q instead of %q", got, want)
		}
	}
}
