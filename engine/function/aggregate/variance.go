package aggregate

import (
	"math"
	"math/big"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var stddevPop = Func{
	Name:       "STDDEV_POP",
	Summary:    "Standard deviation of the values, taken as all there are.",
	Signatures: []string{"STDDEV_POP([DISTINCT] number)"},
	Examples:   []function.Example{{SQL: "SELECT STDDEV_POP(x) FROM (VALUES (1e0), (3e0)) AS t(x)", Want: "1.0"}},
	Infer:      inferAvg("STDDEV_POP", true),
	New:        func(s Spec) Acc { return newSpread(s, false, true) },
}

var stddevSamp = Func{
	Name:       "STDDEV_SAMP",
	Aliases:    []string{"STDDEV"},
	Summary:    "Standard deviation of the values, taken as a sample; NULL for a single one.",
	Signatures: []string{"STDDEV_SAMP([DISTINCT] number)", "STDDEV([DISTINCT] number)"},
	Examples:   []function.Example{{SQL: "SELECT STDDEV_SAMP(x) FROM (VALUES (1e0), (3e0)) AS t(x)", Want: "1.4142135623730951"}},
	Infer:      inferAvg("STDDEV_SAMP", true),
	New:        func(s Spec) Acc { return newSpread(s, true, true) },
}

var varPop = Func{
	Name:       "VAR_POP",
	Summary:    "Variance of the values, taken as all there are.",
	Signatures: []string{"VAR_POP([DISTINCT] number)"},
	Examples:   []function.Example{{SQL: "SELECT VAR_POP(x) FROM (VALUES (1e0), (3e0)) AS t(x)", Want: "1.0"}},
	Infer:      inferAvg("VAR_POP", true),
	New:        func(s Spec) Acc { return newSpread(s, false, false) },
}

var varSamp = Func{
	Name:       "VAR_SAMP",
	Aliases:    []string{"VARIANCE"},
	Summary:    "Variance of the values, taken as a sample; NULL for a single one.",
	Signatures: []string{"VAR_SAMP([DISTINCT] number)", "VARIANCE([DISTINCT] number)"},
	Examples:   []function.Example{{SQL: "SELECT VAR_SAMP(x) FROM (VALUES (1e0), (3e0)) AS t(x)", Want: "2.0"}},
	Infer:      inferAvg("VAR_SAMP", true),
	New:        func(s Spec) Acc { return newSpread(s, true, false) },
}

func newSpread(s Spec, sample, root bool) Acc {
	e := spread{sample: sample, root: root}
	t := s.Args[0]
	switch {
	case t.IsApprox():
		return &floatSpread{spread: e}
	case t.Phys() == types.PhysDec:
		return &floatSpread{spread: e, scale: t.Scale}
	}
	e.scale = t.Scale
	return &intSpread{spread: e}
}

// spread is what variances share: the last step, from exact sums.
type spread struct {
	sample, root bool
	scale        int
}

// spreadBits is the precision of the last step, far beyond that of a double, so
// that the difference of two large sums keeps its digits.
const spreadBits = 1024

// finish writes the result from n values with sum x and sum of squares xx.
func (s *spread) finish(out *batch.Col, i, rows int, n int64, x, xx *big.Float) {
	d := n
	if s.sample {
		d--
	}
	if n <= 0 || d <= 0 {
		out.SetNull(i, rows)
		s.put(out, i, rows, new(big.Float))
		return
	}
	f := func() *big.Float { return new(big.Float).SetPrec(spreadBits) }
	count := f().SetInt64(n)
	m := f().Quo(f().Mul(x, x), count)
	m.Sub(xx, m)
	if m.Sign() < 0 {
		m.SetInt64(0)
	}
	m.Quo(m, f().SetInt64(d))
	if s.scale > 0 {
		m.Quo(m, f().SetInt(new(big.Int).Exp(big.NewInt(100), big.NewInt(int64(s.scale)), nil)))
	}
	if s.root {
		m.Sqrt(m)
	}
	s.put(out, i, rows, m)
}

func (s *spread) put(out *batch.Col, i, rows int, m *big.Float) {
	v, _ := m.Float64()
	switch out.Type.Phys() {
	case types.PhysF64:
		out.F64[i] = v
	case types.PhysF32:
		out.F32[i] = float32(v)
	case types.PhysI8:
		out.I8[i] = int8(int64(v))
	case types.PhysI16:
		out.I16[i] = int16(int64(v))
	case types.PhysI32:
		out.I32[i] = int32(int64(v))
	case types.PhysDec:
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(out.Type.Scale)), nil)
		m = new(big.Float).SetPrec(spreadBits).Mul(m, new(big.Float).SetInt(ten))
		z, _ := m.Add(m, big.NewFloat(0.5)).Int(nil)
		lo := new(big.Int).And(z, new(big.Int).SetUint64(math.MaxUint64))
		d := batch.Dec{Hi: new(big.Int).Rsh(z, 64).Int64(), Lo: lo.Uint64()}
		if z.BitLen() > 127 || !kernel.FitsDec(d, out.Type.Prec) {
			out.SetNull(i, rows)
		}
		out.Dec[i] = d
	default:
		out.I64[i] = int64(v)
	}
}

// intSpread sums values and squares of integers and DECIMAL of up to 18 digits:
// lanes are the number of values, a 128-bit sum and a 192-bit sum of squares.
type intSpread struct {
	noBlobs
	spread
}

func (*intSpread) Lanes() int { return 6 }

func (*intSpread) Fold(f *Fold) {
	c := f.Args[0]
	for i, l := range f.Lanes[:len(f.G)] {
		r, v, sign := f.row(i, 6), c.Int(int(l)), f.sign(i)
		r[0] += uint64(sign)
		x := batch.DecOf(v)
		sq := kernel.MulInts(v, v)
		if sign < 0 {
			x, sq = kernel.NegDec(x), kernel.NegDec(sq)
		}
		add128(r[1:], x)
		add192(r[3:], r[3:], sq.Lo, uint64(sq.Hi), uint64(sq.Hi>>63))
	}
}

func (*intSpread) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	for i, d := range dst {
		b, s := base[i][off:], src[i][off:]
		d = d[off:]
		d[0] = b[0] + s[0]
		x := kernel.AddDec(batch.Dec{Hi: int64(b[2]), Lo: b[1]}, batch.Dec{Hi: int64(s[2]), Lo: s[1]})
		d[1], d[2] = x.Lo, uint64(x.Hi)
		add192(d[3:], b[3:], s[3], s[4], s[5])
	}
	return nil
}

func (a *intSpread) Final(out *batch.Col, rows [][]uint64, off int, _ Blobs) error {
	for i, r := range rows {
		r = r[off:]
		x := bigOf(r[1:3])
		xx := bigOf(r[3:6])
		a.finish(out, i, len(rows), int64(r[0]), x, xx)
	}
	return nil
}

// bigOf is a two's complement number, low word first.
func bigOf(w []uint64) *big.Float {
	z := new(big.Int).SetInt64(int64(w[len(w)-1]))
	for i := len(w) - 2; i >= 0; i-- {
		z.Lsh(z, 64)
		z.Add(z, new(big.Int).SetUint64(w[i]))
	}
	return new(big.Float).SetPrec(spreadBits).SetInt(z)
}

// floatSpread sums values and squares of floating values, and of wide decimals
// taken as such, exactly: two accumulators of floatSum. A square is two doubles.
type floatSpread struct {
	spread
	scale int
}

func (*floatSpread) Lanes() int       { return 8 }
func (*floatSpread) Blobs() []int     { return []int{3, 7} }
func (*floatSpread) WantsNulls() bool { return false }

func (a *floatSpread) Fold(f *Fold) {
	c := f.Args[0]
	for i, l := range f.Lanes[:len(f.G)] {
		var x float64
		if c.Type.Phys() == types.PhysDec {
			x = decFloat(c.Dec[l], a.scale)
		} else {
			x = c.Float(int(l))
		}
		r, sign := f.row(i, 8), f.sign(i)
		addFloat(r[:4], x, sign, f.Heap)
		sq := float64(x * x)
		putFloat(r[4:], sq, sign, f.Heap)
		if !math.IsInf(sq, 0) && sq == sq {
			putFloat(r[4:], math.FMA(x, x, -sq), sign, f.Heap)
		}
	}
}

func decFloat(d batch.Dec, scale int) float64 {
	x := bigOf([]uint64{d.Lo, uint64(d.Hi)})
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	v, _ := x.Quo(x, new(big.Float).SetInt(ten)).Float64()
	return v
}

func (a *floatSpread) Merge(dst, base, src [][]uint64, off int, h *Heap) error {
	for i, d := range dst {
		mergeFloat(d[off:off+4], base[i][off:off+4], src[i][off:off+4], h)
		mergeFloat(d[off+4:off+8], base[i][off+4:off+8], src[i][off+4:off+8], h)
	}
	return nil
}

func (a *floatSpread) Final(out *batch.Col, rows [][]uint64, off int, h Blobs) error {
	for i, r := range rows {
		r = r[off : off+8]
		n := int64(r[0]) >> 8
		x, ok1 := exactSum(r[:4], h)
		xx, ok2 := exactSum(r[4:], h)
		if n > 0 && (!ok1 || !ok2) {
			switch out.Type.Phys() {
			case types.PhysF64:
				out.F64[i] = math.NaN()
			case types.PhysF32:
				out.F32[i] = float32(math.NaN())
			}
			continue
		}
		a.finish(out, i, len(rows), n, x, xx)
	}
	return nil
}

// exactSum is the sum in four lanes; false if it is not a finite number.
func exactSum(r []uint64, h Blobs) (*big.Float, bool) {
	var s bigSum
	s.load(r, h)
	f := bigOf(s[:sumWords])
	f.SetMantExp(f, -1075)
	return f, s[sumWords]|s[sumWords+1]|s[sumWords+2] == 0
}
