package kernel

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// TestDivisor holds the test for multiples to the remainder.
func TestDivisor(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	ds := []int64{1, -1, 2, -2, 3, 7, 8, 12, 123, 1000, 1 << 31, 1 << 32, 1<<62 + 1, 3 << 61, math.MaxInt64, math.MinInt64, math.MinInt64 + 1}
	for range 300 {
		if d := int64(rng.Uint64() >> rng.IntN(64)); d != 0 {
			ds = append(ds, d, -d)
		}
	}
	for _, d := range ds {
		m := MakeDivisor(d)
		xs := []int64{0, 1, -1, d, -d, 2 * d, math.MaxInt64, math.MinInt64, math.MaxInt64 / d * d, math.MinInt64 / d * d}
		for range 200 {
			x := int64(rng.Uint64() >> rng.IntN(64))
			xs = append(xs, x, -x, x/d*d, x/d*d+1, x/d*d-1)
		}
		for _, x := range xs {
			if got, want := m.Divides(x), x%d == 0; got != want {
				t.Fatalf("%d divides %d: %v, want %v", d, x, got, want)
			}
		}
	}
}

// TestPick holds picked lanes of all layouts, with and without a selection, to a
// comparison of each lane.
func TestPick(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		n := 1 + rng.IntN(150)
		typ := []types.Type{types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT, types.FloatT, types.DoubleT, types.DecimalT(38, 0)}[rng.IntN(7)]
		var c, y batch.Col
		c.Alloc(typ, n)
		y.Alloc(typ, 1)
		set := func(c *batch.Col, i int, hi int64, lo uint64) {
			v := int64(lo) % 4
			switch typ.Phys() {
			case types.PhysI8:
				c.I8[i] = int8(v)
			case types.PhysI16:
				c.I16[i] = int16(v)
			case types.PhysI32:
				c.I32[i] = int32(v)
			case types.PhysI64:
				c.I64[i] = v
			case types.PhysF32:
				c.F32[i] = float32(v)
				if v == 3 {
					c.F32[i] = float32(math.NaN())
				}
			case types.PhysF64:
				c.F64[i] = float64(v)
				if v == 3 {
					c.F64[i] = math.NaN()
				}
			case types.PhysDec:
				c.Dec[i] = batch.Dec{Hi: hi, Lo: lo}
			}
		}
		draw := func() (int64, uint64) {
			return rng.Int64N(5) - 2, []uint64{0, 1, 2, math.MaxUint64, 1 << 63}[rng.IntN(5)]
		}
		for i := range n {
			hi, lo := draw()
			set(&c, i, hi, lo)
		}
		hi, lo := draw()
		set(&y, 0, hi, lo)
		y.Enc = batch.Const
		var sel []uint16
		lanes := make([]uint16, 0, n)
		selected := rng.IntN(2) == 0
		for i := range n {
			if !selected || rng.IntN(2) == 0 {
				lanes = append(lanes, uint16(i))
			}
		}
		if selected {
			sel = slices.Clone(lanes)
		}
		op := Op(rng.IntN(6))
		holds := func(i int) bool {
			switch typ.Phys() {
			case types.PhysF32, types.PhysF64:
				a, b := c.Float(i), y.Float(0)
				return map[Op]bool{Eq: a == b, Ne: a != b, Lt: a < b, Le: a <= b, Gt: a > b, Ge: a >= b}[op]
			case types.PhysDec:
				a, b := c.Dec[i], y.Dec[0]
				return op.holds(cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo)))
			}
			return op.holds(cmp.Compare(c.Int(i), y.Int(0)))
		}
		want := slices.DeleteFunc(slices.Clone(lanes), func(l uint16) bool { return !holds(int(l)) })
		dst := make([]uint16, n)
		if selected && rng.IntN(2) == 0 {
			dst = sel
		}
		if got := PickCompare(dst, sel, op, &c, &y, n); !slices.Equal(got, want) {
			t.Fatalf("%s, comparison %d of %d lanes picks %v, want %v", typ, op, n, got, want)
		}
		if !typ.IsInteger() {
			continue
		}
		sel = lanes
		if !selected {
			sel = nil
		}
		d := []int64{1, 2, 3, 4, 20}[rng.IntN(5)]
		not := rng.IntN(2) == 0
		want = slices.DeleteFunc(slices.Clone(lanes), func(l uint16) bool { return (c.Int(int(l))%d == 0) == not })
		if got := PickMultiples(make([]uint16, n), sel, MakeDivisor(d), not, &c, n); !slices.Equal(got, want) {
			t.Fatalf("multiples of %d among %d lanes (not: %v) are %v, want %v", d, n, not, got, want)
		}
	}
}
