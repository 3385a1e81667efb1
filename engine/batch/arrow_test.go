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

// TestMalformedArrow: arrays whose parts do not hold together are refused, each of them
// would make their own methods read what is not there.
func TestMalformedArrow(t *testing.T) {
	buf := func(b ...byte) *memory.Buffer { return memory.NewBufferBytes(b) }
	data := func(t arrow.DataType, n, nulls int, bufs []*memory.Buffer, kids ...arrow.ArrayData) *array.Data {
		return array.NewData(t, n, bufs, kids, nulls, 0)
	}
	ints := data(arrow.PrimitiveTypes.Int32, 2, 0, []*memory.Buffer{nil, buf(1, 0, 0, 0, 2, 0, 0, 0)})
	words := data(arrow.BinaryTypes.String, 1, 0, []*memory.Buffer{nil, buf(0, 0, 0, 0, 1, 0, 0, 0), buf('x')})
	dictionary := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	if err := checkArrow(data(arrow.ListOf(arrow.PrimitiveTypes.Int32), 1, 0, []*memory.Buffer{nil, buf(0, 0, 0, 0, 2, 0, 0, 0)}, ints), 0); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for name, d := range map[string]*array.Data{
		"values missing":           data(arrow.PrimitiveTypes.Int32, 3, 0, []*memory.Buffer{nil, buf(1, 0, 0, 0)}),
		"NULLs without a bitmap":   data(arrow.PrimitiveTypes.Int32, 2, 1, []*memory.Buffer{buf(), buf(1, 0, 0, 0, 2, 0, 0, 0)}),
		"a bitmap that is short":   data(arrow.PrimitiveTypes.Int8, 9, 1, []*memory.Buffer{buf(1), buf(make([]byte, 9)...)}),
		"offsets that fall":        data(arrow.BinaryTypes.String, 2, 0, []*memory.Buffer{nil, buf(0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0), buf('a', 'b')}),
		"offsets below nothing":    data(arrow.BinaryTypes.String, 1, 0, []*memory.Buffer{nil, buf(0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0), buf('a')}),
		"offsets behind the end":   data(arrow.BinaryTypes.String, 1, 0, []*memory.Buffer{nil, buf(0, 0, 0, 0, 9, 0, 0, 0), buf('a')}),
		"a list behind its values": data(arrow.ListOf(arrow.PrimitiveTypes.Int32), 1, 0, []*memory.Buffer{nil, buf(0, 0, 0, 0, 3, 0, 0, 0)}, ints),
		"a view to nowhere":        data(arrow.BinaryTypes.StringView, 1, 0, []*memory.Buffer{nil, buf(20, 0, 0, 0, 'a', 'a', 'a', 'a', 5, 0, 0, 0, 0, 0, 0, 0)}),
		"a view of less":           data(arrow.BinaryTypes.StringView, 1, 0, []*memory.Buffer{nil, buf(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)}),
		"a struct of short parts":  data(arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int32}), 3, 0, []*memory.Buffer{nil}, ints),
		"lists of three":           data(arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Int32), 1, 0, []*memory.Buffer{nil}, ints),
		"half a decimal":           data(&arrow.Decimal128Type{Precision: 5}, 1, 0, []*memory.Buffer{nil, buf(1)}),
		"a word of a dictionary":   array.NewDataWithDictionary(dictionary, 1, []*memory.Buffer{nil, buf(7)}, 0, 0, words),
	} {
		if err := checkArrow(d, 0); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	deep := arrow.ArrayData(ints)
	for range arrowDepthMax + 1 {
		deep = data(arrow.StructOf(arrow.Field{Name: "a", Type: deep.DataType()}), 2, 0, []*memory.Buffer{nil}, deep)
	}
	if err := checkArrow(deep, 0); err == nil {
		t.Error("any depth is taken")
	}
	for _, header := range [][]byte{nil, {0}, {4, 0, 0, 0}, bytes.Repeat([]byte{0xff}, 64), make([]byte, 64)} {
		if err := CheckArrowMessage(header); err == nil {
			t.Errorf("the message % x is taken", header)
		}
	}
}
