package batch

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/minkstream/mink/engine/types"
	"pgregory.net/rapid"
)

// The model of a column is a list of Go values, as Any gives them.

var scalarTypes = []types.Type{
	types.BooleanT, types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT, types.FloatT, types.DoubleT,
	types.DecimalT(10, 2), types.DecimalT(30, 4), types.StringT, types.BytesT, types.TimestampT(3), types.DateT,
}

func drawType(t *rapid.T, depth int) types.Type {
	k := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth <= 0 || k < 6 {
		return rapid.SampledFrom(scalarTypes).Draw(t, "scalar")
	}
	switch k {
	case 6:
		return types.ArrayT(drawType(t, depth-1))
	case 7:
		return types.MapT(drawType(t, 0), drawType(t, depth-1))
	}
	n := rapid.IntRange(1, 3).Draw(t, "fields")
	var fs []types.Field
	for i := range n {
		fs = append(fs, types.Field{Name: fmt.Sprint("f", i), Type: drawType(t, depth-1)})
	}
	return types.RowT(fs...)
}

func drawValue(t *rapid.T, ty types.Type, nulls bool) any {
	if nulls && rapid.IntRange(0, 4).Draw(t, "null") == 0 {
		return nil
	}
	switch p := ty.Phys(); p {
	case types.PhysBool:
		return rapid.Bool().Draw(t, "bool")
	case types.PhysI8:
		return int64(rapid.Int8().Draw(t, "i8"))
	case types.PhysI16:
		return int64(rapid.Int16().Draw(t, "i16"))
	case types.PhysI32:
		return int64(rapid.Int32().Draw(t, "i32"))
	case types.PhysI64:
		return rapid.OneOf(rapid.Int64(), rapid.Int64Range(-3, 3)).Draw(t, "i64")
	case types.PhysF32:
		return float64(rapid.SampledFrom([]float32{0, 1.5, -2.25, math.MaxFloat32, float32(math.Inf(-1))}).Draw(t, "f32"))
	case types.PhysF64:
		return rapid.SampledFrom([]float64{0, 1.5, -2.25, 1e300, math.Inf(1), math.Inf(-1), -1e-300}).Draw(t, "f64")
	case types.PhysDec:
		return Dec{rapid.Int64Range(-5, 5).Draw(t, "hi"), rapid.Uint64().Draw(t, "lo")}
	case types.PhysBytes:
		n := rapid.SampledFrom([]int{0, 1, 3, 11, 12, 13, 17, 40}).Draw(t, "len")
		b := make([]byte, n)
		for i := range b {
			b[i] = rapid.SampledFrom([]byte{0, 'a', 'b', 0xFF}).Draw(t, "byte")
		}
		return string(b)
	case types.PhysRow:
		out := []any{}
		for _, f := range ty.Fields {
			out = append(out, drawValue(t, f.Type, nulls))
		}
		return out
	default:
		out := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "elems") {
			for k := range kidCount(ty) {
				out = append(out, drawValue(t, kidType(ty, k), nulls && k > 0))
			}
		}
		return out
	}
}

// drawCol draws n values and a column of them, in any encoding.
func drawCol(t *rapid.T, ty types.Type, n int) (Col, []any) {
	vals := make([]any, n)
	nulls := rapid.Bool().Draw(t, "nulls")
	if n > 0 && rapid.IntRange(0, 5).Draw(t, "const") == 0 {
		v := drawValue(t, ty, nulls)
		b := NewBuilder(ty)
		b.AppendAny(v)
		c := b.Finish()
		c.Enc = Const
		for i := range vals {
			vals[i] = v
		}
		return c, vals
	}
	b := NewBuilder(ty)
	for i := range vals {
		vals[i] = drawValue(t, ty, nulls)
		b.AppendAny(vals[i])
	}
	c := b.Finish()
	if ty.Kind == types.Row && rapid.Bool().Draw(t, "sparse") {
		c = sparsify(&c, n)
	}
	return c, vals
}

// sparsify makes a flat row column sparse.
func sparsify(c *Col, n int) Col {
	out := Col{Type: c.Type, Enc: Sparse, At: []uint16{}, Kids: make([]Col, len(c.Kids))}
	for i := range n {
		if !c.IsNull(i) {
			out.At = append(out.At, uint16(i))
		}
	}
	for i := range c.Kids {
		out.Kids[i].Append(0, &c.Kids[i], out.At, len(out.At))
		out.Kids[i].mem = nil
	}
	return out
}

func drawSel(t *rapid.T, n int, ascending bool) []uint16 {
	if rapid.IntRange(0, 2).Draw(t, "selnil") == 0 {
		return nil
	}
	sel := []uint16{}
	if n == 0 {
		return sel
	}
	if ascending {
		for i := range n {
			if rapid.Bool().Draw(t, "in") {
				sel = append(sel, uint16(i))
			}
		}
		return sel
	}
	for range rapid.IntRange(0, 2*n).Draw(t, "k") {
		sel = append(sel, uint16(rapid.IntRange(0, n-1).Draw(t, "lane")))
	}
	return sel
}

func take(vals []any, sel []uint16, n int) []any {
	if sel == nil {
		return vals[:n]
	}
	out := make([]any, len(sel))
	for i, l := range sel {
		out[i] = vals[l]
	}
	return out
}

func wantCol(t interface {
	Helper()
	Fatalf(string, ...any)
}, what string, c *Col, want []any) {
	t.Helper()
	for i := range want {
		if got := c.Any(i); !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("%s: lane %d of %s: got %#v, want %#v", what, i, c.Type, got, want[i])
		}
	}
}

func TestGatherAppendFlatten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ty := drawType(t, 2)
		var dst, out Col
		// The same destination is used for several rounds, as an operator does.
		for range 2 {
			var want []any
			for range rapid.IntRange(1, 4).Draw(t, "appends") {
				n := rapid.SampledFrom([]int{0, 1, 5, 63, 64, 70}).Draw(t, "n")
				src, vals := drawCol(t, ty, n)
				sel := drawSel(t, n, false)
				k := n
				if sel != nil {
					k = len(sel)
				}
				out.Gather(&src, sel, k)
				wantCol(t, "gather", &out, take(vals, sel, n))
				dst.Append(len(want), &src, sel, k)
				want = append(want, take(vals, sel, n)...)
				wantCol(t, "append", &dst, want)
				wantCol(t, "source", &src, vals)
			}
			copied := dst
			copied.Flatten(len(want))
			wantCol(t, "flatten", &copied, want)
			if copied.nestedEnc() || copied.Enc != Flat {
				t.Fatalf("not flat")
			}
			wantCol(t, "flattened from", &dst, want)
			var dense Col
			dense.Dense(&dst, len(want))
			wantCol(t, "dense", &dense, want)
			if len(want) > 0 {
				l := rapid.IntRange(0, len(want)-1).Draw(t, "lane")
				copied.AppendRepeat(len(want), &dst, l, 3)
				copied.AppendNulls(len(want)+3, 2)
				wantCol(t, "repeat", &copied, append(append([]any{}, want...), want[l], want[l], want[l], nil, nil))
			}
		}
	})
}

// A column passed on by assignment must not be overwritten when the batch it was
// passed to is filled again.
func TestBorrowedColumnsAreLeftAlone(t *testing.T) {
	b := NewBatchBuilder(types.BigIntT, types.StringT)
	b.Row(Insert, 1, "a string of some length")
	b.Row(Insert, 2, nil)
	src := b.Finish()
	var mid, out Batch
	mid.Gather(src, nil)
	out.Alloc([]types.Type{types.BigIntT, types.StringT}, 2)
	out.Cols[0], out.Cols[1] = mid.Cols[0], mid.Cols[1]
	out.Alloc([]types.Type{types.BigIntT, types.StringT}, 2)
	out.Cols[0].I64[0] = 77
	out.Cols[1].Views[0] = MakeInline([]byte("x"))
	out.Cols[1].SetNull(0, 2)
	if mid.Cols[0].I64[0] != 1 || mid.Cols[1].Any(0) != "a string of some length" {
		t.Fatal("memory of a borrowed column was written to")
	}
	// The slice of columns itself, shared by mistake, is not reused either.
	var third Batch
	third.Cols = mid.Cols
	third.Alloc([]types.Type{types.BigIntT}, 2)
	third.Cols[0].I64[0] = 99
	if mid.Cols[0].I64[0] != 1 {
		t.Fatal("columns of another batch were written to")
	}
}

func TestBatchAppendKindsMarksKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var dst Batch
		var vals []any
		var kinds []Kind
		type mark struct {
			rows int
			wm   int64
		}
		var marks []mark
		wm := int64(0)
		keyed := true
		for range rapid.IntRange(1, 5).Draw(t, "batches") {
			n := rapid.SampledFrom([]int{0, 1, 5, 70}).Draw(t, "n")
			bb := NewBatchBuilder(types.BigIntT)
			var in []any
			var ks []Kind
			plain := rapid.Bool().Draw(t, "plain")
			for range n {
				v := rapid.Int64Range(0, 9).Draw(t, "v")
				k := Insert
				if !plain {
					k = Kind(rapid.IntRange(0, 3).Draw(t, "k"))
				}
				bb.Row(k, v)
				in, ks = append(in, v), append(ks, k)
			}
			src := bb.Finish()
			var mpos []int
			for range rapid.IntRange(0, 3).Draw(t, "marks") {
				mpos = append(mpos, rapid.IntRange(0, n).Draw(t, "pos"))
			}
			last := 0
			sel := drawSel(t, n, true)
			src.Sel = sel
			for _, p := range mpos {
				last = max(last, p)
				wm++
				src.AddMark(last, wm)
				before := last
				if sel != nil {
					before = 0
					for _, l := range sel {
						if int(l) < last {
							before++
						}
					}
				}
				marks = append(marks, mark{len(vals) + before, wm})
			}
			if rapid.Bool().Draw(t, "keys") {
				src.Keys = &KeyVec{}
				HashKeys(src.Keys, src, []int{0}, 128)
			} else if n > 0 && (sel == nil || len(sel) > 0) {
				keyed = false
			}
			dst.Append(src, nil)
			vals = append(vals, take(in, sel, n)...)
			if sel == nil {
				kinds = append(kinds, ks...)
			} else {
				for _, l := range sel {
					kinds = append(kinds, ks[l])
				}
			}
		}
		if dst.N != len(vals) || dst.Sel != nil {
			t.Fatalf("N = %d, want %d", dst.N, len(vals))
		}
		if len(vals) > 0 {
			wantCol(t, "values", &dst.Cols[0], vals)
		}
		mixed := false
		for i, k := range kinds {
			mixed = mixed || k != Insert
			if dst.Kind(i) != k {
				t.Fatalf("kind of %d: got %v, want %v", i, dst.Kind(i), k)
			}
		}
		if mixed && dst.Kinds == nil {
			t.Fatal("kinds lost")
		}
		// At every row the running watermark is the model's.
		for i := 0; i <= dst.N; i++ {
			want, got := NoWatermark, NoWatermark
			for _, m := range marks {
				if m.rows <= i {
					want = m.wm
				}
			}
			for _, m := range dst.Marks {
				if int(m.Pos) <= i {
					got = m.WM
				}
			}
			if want != got {
				t.Fatalf("watermark before row %d: got %d, want %d", i, got, want)
			}
		}
		if dst.N > 0 && keyed {
			if dst.Keys == nil {
				t.Fatal("keys lost")
			}
			for i, v := range vals {
				if dst.Keys.H[i] != HashInt(v.(int64)) {
					t.Fatal("wrong hash carried")
				}
			}
		}
		if !keyed && dst.Keys != nil {
			t.Fatal("keys of some rows only")
		}
	})
}

func TestBufferLimit(t *testing.T) {
	var dst Col
	var want []any
	for i := range 300 {
		b := NewBuilder(types.StringT)
		v := fmt.Sprintf("value number %d, long enough", i)
		b.AppendString(v)
		src := b.Finish()
		dst.Append(len(want), &src, nil, 1)
		want = append(want, v)
		if len(dst.Bufs) > MaxBufs {
			t.Fatalf("%d buffers", len(dst.Bufs))
		}
	}
	wantCol(t, "packed", &dst, want)

	// One short string of a large chunk does not hold the chunk past Compact.
	big := make([]byte, 8<<20)
	src := Col{Type: types.StringT, Views: []View{MakeRef(big[100:120], 0, 100)}, Bufs: [][]byte{big}}
	var b Batch
	b.Append(&Batch{Cols: []Col{src}, N: 1}, nil)
	b.Compact()
	if len(b.Cols[0].Bufs) != 1 || len(b.Cols[0].Bufs[0]) != 20 {
		t.Fatal("not compacted")
	}
}
