package batch

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/types"
)

// Columns survive Arrow and an Arrow IPC stream, whatever their encoding.
func TestArrowRoundTrip(t *testing.T) {
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
		b.Sel = drawSel(t, n, true)
		if n > 0 && rapid.Bool().Draw(t, "kinds") {
			b.AllocKinds()[n-1] = Delete
		}
		o := ArrowOptions{StringViews: rapid.Bool().Draw(t, "views"), KindColumn: "op"}
		rec := b.ToArrow(s, o)
		var buf bytes.Buffer
		w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()))
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := ipc.NewReader(&buf)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Next() {
			t.Fatal("no record", r.Err())
		}
		for _, rec := range []arrow.Record{rec, r.Record()} {
			var back Batch
			if err := back.FromArrow(s, rec, "op"); err != nil {
				t.Fatal(err)
			}
			for i := range vals {
				wantCol(t, "arrow", &back.Cols[i], take(vals[i], b.Sel, n))
			}
			for i := range back.N {
				if back.Kind(i) != b.Kind(b.Lane(i)) {
					t.Fatalf("kind of row %d", i)
				}
			}
		}
	})
}

func TestArrowConversions(t *testing.T) {
	mem := memory.NewGoAllocator()
	ts := array.NewTimestampBuilder(mem, &arrow.TimestampType{Unit: arrow.Microsecond})
	ts.AppendValues([]arrow.Timestamp{1_500, -1}, nil)
	ts.AppendNull()
	c, err := ColFromArrow(types.TimestampT(3), ts.NewArray())
	if err != nil {
		t.Fatal(err)
	}
	wantCol(t, "microseconds", &c, []any{int64(1), int64(-1), nil})

	u := array.NewUint32Builder(mem)
	u.AppendValues([]uint32{1, 1 << 31}, nil)
	ua := u.NewArray()
	if c, err = ColFromArrow(types.BigIntT, ua); err != nil {
		t.Fatal(err)
	}
	wantCol(t, "unsigned", &c, []any{int64(1), int64(1 << 31)})
	if _, err = ColFromArrow(types.IntT, ua); err == nil {
		t.Error("2^31 fits INT")
	}
	if _, err = ColFromArrow(types.StringT, ua); err == nil {
		t.Error("uint32 fits STRING")
	}

	d := array.NewDictionaryBuilder(mem, &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}).(*array.BinaryDictionaryBuilder)
	for _, s := range []string{"a long enough string", "b", "a long enough string"} {
		if err := d.AppendString(s); err != nil {
			t.Fatal(err)
		}
	}
	d.AppendNull()
	if c, err = ColFromArrow(types.StringT, d.NewArray()); err != nil {
		t.Fatal(err)
	}
	wantCol(t, "dictionary", &c, []any{"a long enough string", "b", "a long enough string", nil})
}

// Every type that has an Arrow form of its own comes back as itself.
func TestTypeFromArrow(t *testing.T) {
	for _, ty := range append([]types.Type{types.ArrayT(types.IntT), types.MapT(types.StringT.Nullable(false), types.DoubleT),
		types.RowT(types.Field{Name: "x", Type: types.StringT}), types.TimestampLTZT(6), types.YearMonthT()}, scalarTypes...) {
		got, ok := TypeFromArrow(ArrowOptions{}.ArrowType(ty), true)
		if !ok || !types.Equal(got, ty) {
			t.Errorf("%s came back as %s", ty, got)
		}
	}
}
