package aggregate

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

func inferSum(name string) func([]types.Type, bool) (types.Type, []types.Type, error) {
	return func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 || !args[0].IsNumeric() {
			return types.Type{}, nil, wrong(name, args)
		}
		t := args[0].Plain()
		if t.Kind == types.Decimal {
			t = types.DecimalT(function.MaxPrecision, t.Scale) // may overflow to NULL
		}
		return t, args, nil
	}
}

var sum = Func{
	Name:       "SUM",
	Summary:    "Sum of the values that are not NULL, in their own type; DECIMAL gets 38 digits.",
	Signatures: []string{"SUM([DISTINCT] number)"},
	Examples: []function.Example{
		{SQL: "SELECT SUM(x) FROM (VALUES (1), (2), (CAST(NULL AS INT))) AS t(x)", Want: "3"},
		{SQL: "SELECT SUM(x) FROM (VALUES (1.25), (2.50)) AS t(x)", Want: "3.75"},
	},
	Infer: inferSum("SUM"),
	New:   func(s Spec) Acc { return newSum(s, false) },
}

var sum0 = Func{
	Name:       "$SUM0",
	Summary:    "SUM that is 0 for no rows.",
	Signatures: []string{"$SUM0([DISTINCT] number)"},
	NeverNull:  true,
	Infer:      inferSum("$SUM0"),
	New:        func(s Spec) Acc { return newSum(s, true) },
}

func newSum(s Spec, zero bool) Acc {
	t := s.Args[0]
	switch {
	case t.IsApprox():
		return &floatSum{zero: zero}
	case t.Kind == types.Decimal && t.Prec > 18:
		return &wideSum{zero: zero, scale: t.Scale}
	case t.Kind == types.Decimal:
		return &decSum{zero: zero, scale: t.Scale}
	}
	return &intSum{zero: zero, phys: t.Phys()}
}

// intSum has two lanes: number of values, sum modulo 2^64. A sum of a narrower
// type is cut to its width at the end, which is where wrapping around leads too.
type intSum struct {
	noBlobs
	zero bool
	avg  bool
	phys types.Phys
}

func (*intSum) Lanes() int { return 2 }

func (a *intSum) Fold(f *Fold) {
	c := f.Args[0]
	switch a.phys {
	case types.PhysI8:
		foldInts(f, c.I8)
	case types.PhysI16:
		foldInts(f, c.I16)
	case types.PhysI32:
		foldInts(f, c.I32)
	default:
		foldInts(f, c.I64)
	}
}

func foldInts[T int8 | int16 | int32 | int64](f *Fold, v []T) {
	l, s := f.L[f.Off:], f.Stride
	lanes := f.Lanes[:len(f.G)]
	if f.Signs == nil {
		for i, g := range f.G {
			k := int(g) * s
			l[k]++
			l[k+1] += uint64(int64(v[lanes[i]]))
		}
		return
	}
	signs := f.Signs[:len(f.G)]
	for i, g := range f.G {
		k, sign := int(g)*s, signs[i]
		l[k] += uint64(sign)
		l[k+1] += uint64(sign * int64(v[lanes[i]]))
	}
}

func (*intSum) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	base, src = base[:len(dst)], src[:len(dst)]
	for i, d := range dst {
		b, s := base[i], src[i]
		d[off] = b[off] + s[off]
		d[off+1] = b[off+1] + s[off+1]
	}
	return nil
}

func (a *intSum) Final(out *batch.Col, rows [][]uint64, off int, _ Blobs) error {
	switch a.phys {
	case types.PhysI8:
		finalInts(a, out, out.I8, rows, off)
	case types.PhysI16:
		finalInts(a, out, out.I16, rows, off)
	case types.PhysI32:
		finalInts(a, out, out.I32, rows, off)
	default:
		finalInts(a, out, out.I64, rows, off)
	}
	return nil
}

func finalInts[T int8 | int16 | int32 | int64](a *intSum, out *batch.Col, v []T, rows [][]uint64, off int) {
	v = v[:len(rows)]
	for i, r := range rows {
		n, sum := int64(r[off]), int64(r[off+1])
		switch {
		case n == 0 && !a.zero:
			out.SetNull(i, len(rows))
			v[i] = 0
		case a.avg:
			v[i] = T(sum / n)
		default:
			v[i] = T(sum)
		}
	}
}

// decSum sums DECIMAL of up to 18 digits: lanes are the number of values and a
// 128-bit sum, low half first.
type decSum struct {
	noBlobs
	zero  bool
	avg   bool
	scale int
}

func (*decSum) Lanes() int { return 3 }

func (*decSum) Fold(f *Fold) {
	v := f.Args[0].I64
	for i, l := range f.Lanes[:len(f.G)] {
		r, sign := f.row(i, 3), f.sign(i)
		r[0] += uint64(sign)
		add128(r[1:], batch.DecOf(sign*v[l]))
	}
}

// add128 adds to a 128-bit number in two lanes, low half first.
func add128(r []uint64, d batch.Dec) {
	s := kernel.AddDec(batch.Dec{Hi: int64(r[1]), Lo: r[0]}, d)
	r[0], r[1] = s.Lo, uint64(s.Hi)
}

func (*decSum) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	for i, d := range dst {
		b, s := base[i][off:], src[i][off:]
		d = d[off:]
		n := b[0] + s[0]
		sum := kernel.AddDec(batch.Dec{Hi: int64(b[2]), Lo: b[1]}, batch.Dec{Hi: int64(s[2]), Lo: s[1]})
		d[0], d[1], d[2] = n, sum.Lo, uint64(sum.Hi)
	}
	return nil
}

func (a *decSum) Final(out *batch.Col, rows [][]uint64, off int, _ Blobs) error {
	for i, r := range rows {
		d := batch.Dec{Hi: int64(r[off+2]), Lo: r[off+1]}
		finalDec(out, i, len(rows), int64(r[off]), d, a.zero, a.avg, a.scale)
	}
	return nil
}

// finalDec writes a sum or its mean, rounded half up, to a DECIMAL(38, s) lane. A
// sum of more than 38 digits has no mean either.
func finalDec(out *batch.Col, i, n int, count int64, d batch.Dec, zero, avg bool, scale int) {
	ok := (count != 0 || zero) && kernel.FitsDec(d, 38)
	if ok && avg && count != 0 {
		d, ok = kernel.DivDec(d, batch.DecOf(count), scale, 0, out.Type.Scale, out.Type.Prec)
	} else if ok {
		ok = kernel.FitsDec(d, out.Type.Prec)
	}
	if !ok {
		out.SetNull(i, n)
		d = batch.Dec{}
	}
	if out.Type.Phys() == types.PhysI64 {
		out.I64[i] = int64(d.Lo)
		return
	}
	out.Dec[i] = d
}

// wideSum sums DECIMAL of more than 18 digits: the number of values and a 192-bit
// sum, so that a sum may pass 38 digits on its way and come back.
type wideSum struct {
	noBlobs
	zero  bool
	avg   bool
	scale int
}

func (*wideSum) Lanes() int { return 4 }

func (*wideSum) Fold(f *Fold) {
	v := f.Args[0].Dec
	for i, l := range f.Lanes[:len(f.G)] {
		r, d, sign := f.row(i, 4), v[l], f.sign(i)
		if sign < 0 {
			d = kernel.NegDec(d)
		}
		r[0] += uint64(sign)
		add192(r[1:], r[1:], d.Lo, uint64(d.Hi), uint64(d.Hi>>63))
	}
}

func (*wideSum) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	for i, d := range dst {
		b, s := base[i][off:], src[i][off:]
		d = d[off:]
		d[0] = b[0] + s[0]
		add192(d[1:], b[1:], s[1], s[2], s[3])
	}
	return nil
}

func (a *wideSum) Final(out *batch.Col, rows [][]uint64, off int, _ Blobs) error {
	for i, r := range rows {
		lo, hi, top := r[off+1], r[off+2], int64(r[off+3])
		if top != int64(hi)>>63 {
			out.SetNull(i, len(rows))
			out.Dec[i] = batch.Dec{}
			continue
		}
		finalDec(out, i, len(rows), int64(r[off]), batch.Dec{Hi: int64(hi), Lo: lo}, a.zero, a.avg, a.scale)
	}
	return nil
}
