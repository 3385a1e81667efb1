package scalar

import (
	"github.com/RoaringBitmap/roaring/v2"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var bitmapT = types.Type{Kind: types.Bitmap}

var (
	bitmap   = same("a bitmap", bitmapT, func(t types.Type) bool { return t.Kind == types.Bitmap })
	intArray = class{"an array of INT", func(t types.Type) (types.Type, bool) {
		to := types.ArrayT(types.IntT)
		if t.Kind == types.Null {
			return to, true
		}
		ok := t.Kind == types.Array && function.CanCast(*t.Elem, types.IntT, false)
		return to.Nullable(t.IsNullable()), ok
	}}
)

var bitmapBuild = function.Func{
	Name: "BITMAP_BUILD", Category: function.Bitmap,
	Summary:    "A bitmap of the numbers in an array, taken as unsigned; NULL elements do not count.",
	Signatures: []string{"BITMAP_BUILD(array)"},
	Examples:   []function.Example{{SQL: "BITMAP_BUILD(ARRAY[3, 1, 3])", Want: "{1,3}"}, {SQL: "BITMAP_BUILD(ARRAY[-1, 0])", Want: "{0,4294967295}"}},
	Infer: spec{params: []class{intArray}, result: bitmapT, cost: 200, make: func() function.Kernel {
		var vals []uint32
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			l := listsOf(args[0])
			kid := &args[0].Kids[0]
			for i := range kernel.Lanes(n, live) {
				from, to := l.span(i)
				vals = vals[:0]
				for k := from; k < to; k++ {
					if !kid.IsNull(k) {
						vals = append(vals, uint32(kid.I32[k]))
					}
				}
				w.Buf = kernel.AppendBitmap(w.Buf, roaring.BitmapOf(vals...))
				dst.Views[i] = w.End()
			}
			w.Close()
			return nil
		}
	}}.infer,
}

func bitmapFunc(name, summary string, op kernel.BitmapOp, want string) function.Func {
	return function.Func{
		Name: name, Category: function.Bitmap,
		Summary: summary, Signatures: []string{name + "(bitmap, bitmap)"},
		Examples: []function.Example{{SQL: name + "(BITMAP_BUILD(ARRAY[1, 2]), BITMAP_BUILD(ARRAY[2, 3]))", Want: want}},
		Infer: spec{params: []class{bitmap, bitmap}, result: bitmapT, cost: 300, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			kernel.Bitmaps(&f.Scratch, op, dst, args[0], args[1], n, live)
			return nil
		}}.infer,
	}
}

var (
	bitmapAnd    = bitmapFunc("BITMAP_AND", "The numbers that are in both bitmaps.", kernel.BitmapAnd, "{2}")
	bitmapOr     = bitmapFunc("BITMAP_OR", "The numbers that are in one of the bitmaps or in both.", kernel.BitmapOr, "{1,2,3}")
	bitmapXor    = bitmapFunc("BITMAP_XOR", "The numbers that are in just one of the bitmaps.", kernel.BitmapXor, "{1,3}")
	bitmapAndNot = bitmapFunc("BITMAP_ANDNOT", "The numbers of the first bitmap that are not in the second.", kernel.BitmapAndNot, "{1}")
)

var bitmapCardinality = function.Func{
	Name: "BITMAP_CARDINALITY", Category: function.Bitmap,
	Summary:    "How many numbers are in a bitmap.",
	Signatures: []string{"BITMAP_CARDINALITY(bitmap)"},
	Examples:   []function.Example{{SQL: "BITMAP_CARDINALITY(BITMAP_BUILD(ARRAY[1, 1, 5]))", Want: "2"}},
	Infer: spec{params: []class{bitmap}, result: types.BigIntT, cost: 60, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			dst.I64[i] = int64(kernel.BitmapOf(s.At(i)).GetCardinality())
		}
		return nil
	}}.infer,
}

var bitmapFromBytes = function.Func{
	Name: "BITMAP_FROM_BYTES", Category: function.Bitmap,
	Summary:    "A bitmap of bytes in the portable form of 32-bit Roaring bitmaps; other bytes are an error.",
	Signatures: []string{"BITMAP_FROM_BYTES(bytes)"},
	Examples:   []function.Example{{SQL: "BITMAP_FROM_BYTES(BITMAP_TO_BYTES(BITMAP_BUILD(ARRAY[7])))", Want: "{7}"}},
	Infer: spec{params: []class{binary}, result: bitmapT, cost: 200, fallible: true, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			r, ok := kernel.ReadBitmap(s.At(i))
			if !ok {
				return fail(i, "these %d bytes are no bitmap", len(s.At(i)))
			}
			w.Buf = kernel.AppendBitmap(w.Buf, r)
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}}.infer,
}

var bitmapToBytes = function.Func{
	Name: "BITMAP_TO_BYTES", Category: function.Bitmap,
	Summary:    "The bitmap in the portable form of 32-bit Roaring bitmaps.",
	Signatures: []string{"BITMAP_TO_BYTES(bitmap)"},
	Examples:   []function.Example{{SQL: "HEX(BITMAP_TO_BYTES(BITMAP_BUILD(ARRAY[1, 5])))", Want: "3A3000000100000000000100100000000100" + "0500"}},
	Infer: spec{params: []class{bitmap}, result: types.BytesT, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		kernel.ShareBufs(dst, args[0])
		s := args[0]
		for i := range n {
			dst.Views[i] = s.Views[s.ValueLane(i)]
		}
		return nil
	}}.infer,
}

var bitmapToArray = function.Func{
	Name: "BITMAP_TO_ARRAY", Category: function.Bitmap,
	Summary:    "The numbers of a bitmap as INT, in the order they have as unsigned numbers.",
	Signatures: []string{"BITMAP_TO_ARRAY(bitmap)"},
	Examples:   []function.Example{{SQL: "BITMAP_TO_ARRAY(BITMAP_BUILD(ARRAY[-1, 5, 2]))", Want: "[2, 5, -1]"}},
	Infer: spec{params: []class{bitmap}, result: types.ArrayT(types.IntT), cost: 200, make: func() function.Kernel {
		var vals []uint32
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			s := kernel.StrsOf(args[0])
			vals = vals[:0]
			next := 0
			for i := range kernel.Lanes(n, live) {
				for ; next < i; next++ {
					dst.Offs[next+1] = uint32(len(vals))
				}
				for it := kernel.BitmapOf(s.At(i)).Iterator(); it.HasNext(); {
					vals = append(vals, it.Next())
				}
				dst.Offs[i+1] = uint32(len(vals))
				next = i + 1
			}
			for ; next < n; next++ {
				dst.Offs[next+1] = uint32(len(vals))
			}
			kid := &dst.Kids[0]
			kid.Alloc(types.IntT, len(vals))
			for k, v := range vals {
				kid.I32[k] = int32(v)
			}
			return nil
		}
	}}.infer,
}

var bitmapToString = function.Func{
	Name: "BITMAP_TO_STRING", Category: function.Bitmap,
	Summary:    "The numbers of a bitmap as text, in order; what is longer than half a million characters is cut.",
	Signatures: []string{"BITMAP_TO_STRING(bitmap)"},
	Examples:   []function.Example{{SQL: "BITMAP_TO_STRING(BITMAP_BUILD(ARRAY[3, 1]))", Want: "{1,3}"}},
	Infer: spec{params: []class{bitmap}, result: types.StringT, cost: 200, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		s := kernel.StrsOf(args[0])
		for i := range kernel.Lanes(n, live) {
			w.Buf = kernel.AppendBitmapText(w.Buf, kernel.BitmapOf(s.At(i)))
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}}.infer,
}
