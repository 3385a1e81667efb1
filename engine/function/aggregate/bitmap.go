package aggregate

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// bitmapKind is what a bitmap aggregate makes of its arguments.
type bitmapKind uint8

const (
	bitmapBuild bitmapKind = iota // of numbers
	bitmapAnd                     // of bitmaps, as the rest
	bitmapOr
	bitmapXor
)

func bitmapFunc(name, summary string, kind bitmapKind, count bool, want string) Func {
	result := types.Type{Kind: types.Bitmap}
	if count {
		result = types.BigIntT
	}
	arg, values := "bitmap", "(BITMAP_BUILD(ARRAY[1, 2])), (BITMAP_BUILD(ARRAY[2, 3]))"
	if kind == bitmapBuild {
		arg, values = "int", "(1), (2), (1)"
	}
	return Func{
		Name: name, Summary: summary, Signatures: []string{name + "(" + arg + ")"},
		Examples: []function.Example{{SQL: "SELECT " + name + "(x) FROM (VALUES " + values + ") AS t(x)", Want: want}},
		Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
			if len(args) != 1 {
				return types.Type{}, nil, wrong(name, args)
			}
			t := args[0]
			switch {
			case kind == bitmapBuild && (t.Kind == types.Null || function.CanCast(t, types.IntT, false)):
				return result, []types.Type{types.IntT.Nullable(t.IsNullable())}, nil
			case kind != bitmapBuild && (t.Kind == types.Bitmap || t.Kind == types.Null):
				return result, []types.Type{{Kind: types.Bitmap, NotNull: t.NotNull}}, nil
			}
			return types.Type{}, nil, wrong(name, args)
		},
		New: func(s Spec) Acc { return &bitmaps{kind: kind, count: count, retract: s.Retract} },
	}
}

var (
	bitmapBuildAgg = bitmapFunc("BITMAP_BUILD_AGG", "Bitmap of the numbers, taken as unsigned.", bitmapBuild, false, "{1,2}")
	bitmapAndAgg   = bitmapFunc("BITMAP_AND_AGG", "The numbers that all bitmaps have.", bitmapAnd, false, "{2}")
	bitmapOrAgg    = bitmapFunc("BITMAP_OR_AGG", "The numbers that some bitmap has.", bitmapOr, false, "{1,2,3}")
	bitmapXorAgg   = bitmapFunc("BITMAP_XOR_AGG", "The numbers that an odd number of bitmaps has.", bitmapXor, false, "{1,3}")

	bitmapBuildCardinalityAgg = bitmapFunc("BITMAP_BUILD_CARDINALITY_AGG", "How many numbers BITMAP_BUILD_AGG has.", bitmapBuild, true, "2")
	bitmapAndCardinalityAgg   = bitmapFunc("BITMAP_AND_CARDINALITY_AGG", "How many numbers BITMAP_AND_AGG has.", bitmapAnd, true, "1")
	bitmapOrCardinalityAgg    = bitmapFunc("BITMAP_OR_CARDINALITY_AGG", "How many numbers BITMAP_OR_AGG has.", bitmapOr, true, "3")
	bitmapXorCardinalityAgg   = bitmapFunc("BITMAP_XOR_CARDINALITY_AGG", "How many numbers BITMAP_XOR_AGG has.", bitmapXor, true, "2")
)

// bitmaps accumulates bitmaps. Lane 0 is how many arguments there are, lane 1 refers to
// a bitmap, or where rows may be taken back to bitCounts. XOR takes a bitmap back by
// adding it again.
type bitmaps struct {
	kind           bitmapKind
	count, retract bool

	ops  []bitOp
	vals []uint32
}

type bitOp struct {
	g    uint32
	neg  bool
	val  uint32 // of bitmapBuild
	lane uint16
}

func (a *bitmaps) Lanes() int       { return 2 }
func (a *bitmaps) Blobs() []int     { return []int{1} }
func (a *bitmaps) WantsNulls() bool { return false }

// counted reports that lane 1 holds bitCounts.
func (a *bitmaps) counted() bool { return a.retract && a.kind != bitmapXor }

func (a *bitmaps) Fold(f *Fold) {
	a.ops = a.ops[:0]
	for i, l := range f.Lanes[:len(f.G)] {
		o := bitOp{g: uint32(f.G[i]), neg: f.sign(i) < 0, lane: l}
		if a.kind == bitmapBuild {
			o.val = uint32(f.Args[0].I32[l])
		}
		a.ops = append(a.ops, o)
	}
	slices.SortStableFunc(a.ops, func(x, y bitOp) int { return int(x.g) - int(y.g) })
	for ops := a.ops; len(ops) > 0; {
		k := 1
		for k < len(ops) && ops[k].g == ops[0].g {
			k++
		}
		r := f.L[int(ops[0].g)*f.Stride+f.Off:]
		a.group(f, r[:2:2], ops[:k])
		ops = ops[k:]
	}
}

// group adds the rows of one group.
func (a *bitmaps) group(f *Fold, r []uint64, ops []bitOp) {
	n := int64(r[0])
	if a.counted() {
		c := readCounts(f.Heap.Blob(r[1]))
		for len(ops) > 0 {
			k, x := a.run(f, ops)
			c.add(x, ops[0].neg)
			n += signed(k, ops[0].neg)
			ops = ops[k:]
		}
		r[0], r[1] = uint64(n), f.Heap.keep(0, c.append(nil))
		return
	}
	have := roaring.New()
	if r[1] != 0 {
		have = kernel.BitmapOf(f.Heap.Blob(r[1])).Clone()
	}
	empty := r[1] == 0
	for len(ops) > 0 {
		k, x := a.run(f, ops)
		a.combine(have, x, empty)
		empty = false
		n += signed(k, ops[0].neg)
		ops = ops[k:]
	}
	r[0], r[1] = uint64(n), f.Heap.keep(0, kernel.AppendBitmap(nil, have))
}

func signed(k int, neg bool) int64 {
	if neg {
		return -int64(k)
	}
	return int64(k)
}

// run takes rows from the front that can be added as one bitmap: different numbers of
// one sign, or one bitmap.
func (a *bitmaps) run(f *Fold, ops []bitOp) (int, *roaring.Bitmap) {
	if a.kind != bitmapBuild {
		s := kernel.StrsOf(f.Args[0])
		return 1, kernel.BitmapOf(s.At(int(ops[0].lane)))
	}
	x := roaring.New()
	if !a.retract {
		a.vals = a.vals[:0]
		for _, o := range ops {
			a.vals = append(a.vals, o.val)
		}
		slices.Sort(a.vals)
		x.AddMany(a.vals)
		return len(ops), x
	}
	for k, o := range ops {
		if o.neg != ops[0].neg || !x.CheckedAdd(o.val) {
			return k, x
		}
	}
	return len(ops), x
}

// combine makes have the result of have and x; empty says that have is nothing yet.
func (a *bitmaps) combine(have, x *roaring.Bitmap, empty bool) {
	switch {
	case a.kind == bitmapXor:
		have.Xor(x)
	case a.kind == bitmapAnd && !empty:
		have.And(x)
	default:
		have.Or(x)
	}
}

func (a *bitmaps) Merge(dst, base, src [][]uint64, off int, h *Heap) error {
	for i, d := range dst {
		b, s := base[i][off:off+2], src[i][off:off+2]
		d = d[off : off+2]
		d[0] = b[0] + s[0]
		switch {
		case s[1] == 0:
			d[1] = b[1]
		case b[1] == 0:
			d[1] = h.View(h.Blob(s[1]))
		case a.counted():
			c := readCounts(h.Blob(b[1]))
			c.merge(readCounts(h.Blob(s[1])))
			d[1] = h.keep(0, c.append(nil))
		default:
			have := kernel.BitmapOf(h.Blob(b[1])).Clone()
			a.combine(have, kernel.BitmapOf(h.Blob(s[1])), false)
			d[1] = h.keep(0, kernel.AppendBitmap(nil, have))
		}
	}
	return nil
}

func (a *bitmaps) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	res := batch.NewBuilder(out.Type)
	for _, r := range rows {
		n := int64(r[off])
		if n <= 0 {
			res.AppendNull()
			continue
		}
		x := a.value(h.Blob(r[off+1]), n)
		if a.count {
			res.AppendInt(int64(x.GetCardinality()))
		} else {
			res.AppendBytes(kernel.AppendBitmap(nil, x))
		}
	}
	*out = res.Finish()
	return nil
}

// value is the result of n arguments.
func (a *bitmaps) value(b []byte, n int64) *roaring.Bitmap {
	switch {
	case !a.counted():
		return kernel.BitmapOf(b)
	case a.kind == bitmapAnd:
		return readCounts(b).plus.exactly(n)
	}
	return readCounts(b).plus.union()
}
