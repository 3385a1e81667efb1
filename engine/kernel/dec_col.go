package kernel

import (
	"math/big"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Exact is a reader of exact numbers of any layout as unscaled decimals.
type Exact struct {
	// Scale is that of the values.
	Scale int
	c     *batch.Col
	phys  types.Phys
	mask  int
}

// ExactOf makes a reader of an integer or DECIMAL column.
func ExactOf(c *batch.Col) Exact {
	e := Exact{c: c, phys: c.Type.Phys(), mask: -1}
	if c.Type.Kind == types.Decimal {
		e.Scale = c.Type.Scale
	}
	if c.Enc == batch.Const {
		e.mask = 0
	}
	return e
}

// Int is the unscaled value of a lane of a column of 64 bits or fewer.
func (e *Exact) Int(i int) int64 {
	i &= e.mask
	switch e.phys {
	case types.PhysI64:
		return e.c.I64[i]
	case types.PhysI32:
		return int64(e.c.I32[i])
	case types.PhysI16:
		return int64(e.c.I16[i])
	default:
		return int64(e.c.I8[i])
	}
}

// Dec is the unscaled value of a lane.
func (e *Exact) Dec(i int) batch.Dec {
	if e.phys == types.PhysDec {
		return e.c.Dec[i&e.mask]
	}
	return batch.DecOf(e.Int(i))
}

// Small reports whether values have 64 bits or fewer.
func (e *Exact) Small() bool { return e.phys != types.PhysDec }

// putDec stores a decimal of at most the precision of dst's type.
func putDec(dst *batch.Col, i int, d batch.Dec) {
	if dst.Dec != nil {
		dst.Dec[i] = d
		return
	}
	dst.I64[i] = int64(d.Lo)
}

// AddDecimal writes a ± b to the DECIMAL column dst; what does not fit is NULL.
func AddDecimal(dst, a, b *batch.Col, minus bool, n int, live []uint64) {
	x, y := ExactOf(a), ExactOf(b)
	s, p := dst.Type.Scale, dst.Type.Prec
	up1, up2 := s-x.Scale, s-y.Scale
	if p <= 18 && up1 >= 0 && up2 >= 0 && x.phys == types.PhysI64 && y.phys == types.PhysI64 {
		addScaled(dst.I64, a, b, Pow10(up1), Pow10(up2), minus)
		return
	}
	for i := range Lanes(n, live) {
		l, r := x.Dec(i), y.Dec(i)
		if minus {
			r = NegDec(r)
		}
		d, ok := addAligned(l, r, x.Scale, y.Scale, s, p)
		if !ok {
			setNullDec(dst, i, n)
			continue
		}
		putDec(dst, i, d)
	}
}

// addScaled adds decimals of at most 18 digits.
func addScaled(dst []int64, a, b *batch.Col, k1, k2 int64, minus bool) {
	if minus {
		k2 = -k2
	}
	switch {
	case b.Enc == batch.Const:
		y := b.I64[0] * k2
		Map1(dst, a.I64[:len(dst)], func(x int64) int64 { return x*k1 + y })
	case a.Enc == batch.Const:
		x := a.I64[0] * k1
		Map1(dst, b.I64[:len(dst)], func(y int64) int64 { return x + y*k2 })
	default:
		Map2(dst, a.I64[:len(dst)], b.I64, func(x, y int64) int64 { return x*k1 + y*k2 })
	}
}

// addAligned adds decimals of scales s1 and s2 into scale t with at most p digits.
func addAligned(a, b batch.Dec, s1, s2, t, p int) (batch.Dec, bool) {
	m := max(s1, s2)
	x, ok1 := RescaleDec(a, s1, m, 38)
	y, ok2 := RescaleDec(b, s2, m, 38)
	if ok1 && ok2 {
		if d := AddDec(x, y); (x.Hi^d.Hi)&(y.Hi^d.Hi) >= 0 {
			return RescaleDec(d, m, t, p)
		}
	}
	// The exact sum has more than 127 bits.
	sum := new(big.Int).Mul(signedBig(a), pow10Big(m-s1))
	sum.Add(sum, new(big.Int).Mul(signedBig(b), pow10Big(m-s2)))
	neg := sum.Sign() < 0
	return quotient(sum.Abs(sum), pow10Big(m-t), neg, p)
}

// signedBig is a decimal's unscaled value.
func signedBig(d batch.Dec) *big.Int {
	m, neg := magnitude(d)
	z := m.big()
	if neg {
		z.Neg(z)
	}
	return z
}

// setNullDec makes a lane NULL and its value 0.
func setNullDec(dst *batch.Col, i, n int) {
	putDec(dst, i, batch.Dec{})
	dst.SetNull(i, n)
}

// MulDecimal writes a * b to the DECIMAL column dst; what does not fit is NULL.
func MulDecimal(dst, a, b *batch.Col, n int, live []uint64) {
	x, y := ExactOf(a), ExactOf(b)
	s, p := dst.Type.Scale, dst.Type.Prec
	digits := digitsOf(a.Type) + digitsOf(b.Type)
	if s == x.Scale+y.Scale && digits < p && x.Small() && y.Small() {
		mulSmall(dst, &x, &y, n)
		return
	}
	for i := range Lanes(n, live) {
		d, ok := MulDec(x.Dec(i), y.Dec(i), x.Scale, y.Scale, s, p)
		if !ok {
			setNullDec(dst, i, n)
			continue
		}
		putDec(dst, i, d)
	}
}

// digitsOf is the most digits a value of an exact type has.
func digitsOf(t types.Type) int {
	switch t.Kind {
	case types.TinyInt:
		return 3
	case types.SmallInt:
		return 5
	case types.Int:
		return 10
	case types.BigInt:
		return 19
	}
	return t.Prec
}

// mulSmall multiplies numbers of 64 bits whose product has room: one multiply a
// lane, 128 bits wide where the result is.
func mulSmall(dst *batch.Col, x, y *Exact, n int) {
	if dst.Dec == nil {
		if x.phys == types.PhysI64 && y.phys == types.PhysI64 {
			Mul(dst.I64[:n], x.c.I64, y.c.I64, x.mask == 0, y.mask == 0)
			return
		}
		for i := range n {
			dst.I64[i] = x.Int(i) * y.Int(i)
		}
		return
	}
	if x.mask == 0 {
		x, y = y, x
	}
	if x.phys == types.PhysI64 && y.mask == 0 {
		k := y.Int(0)
		Map1(dst.Dec[:n], x.c.I64[:n], func(v int64) batch.Dec { return MulInts(v, k) })
		return
	}
	for i := range n {
		dst.Dec[i] = MulInts(x.Int(i), y.Int(i))
	}
}

// DivDecimal writes a / b to the DECIMAL column dst; what does not fit is NULL, a
// divisor of 0 in a live lane is an error.
func DivDecimal(dst, a, b *batch.Col, n int, live []uint64) error {
	x, y := ExactOf(a), ExactOf(b)
	s, p := dst.Type.Scale, dst.Type.Prec
	for i := range Lanes(n, live) {
		r := y.Dec(i)
		if r == (batch.Dec{}) {
			return DivisionByZero(i)
		}
		d, ok := DivDec(x.Dec(i), r, x.Scale, y.Scale, s, p)
		if !ok {
			setNullDec(dst, i, n)
			continue
		}
		putDec(dst, i, d)
	}
	return nil
}

// ModDecimal writes the remainder of a / b to dst, a column of an exact type; a
// divisor of 0 in a live lane is an error.
func ModDecimal(dst, a, b *batch.Col, n int, live []uint64) error {
	x, y := ExactOf(a), ExactOf(b)
	t, p := 0, 19
	if dst.Type.Kind == types.Decimal {
		t, p = dst.Type.Scale, dst.Type.Prec
	}
	for i := range Lanes(n, live) {
		r := y.Dec(i)
		if r == (batch.Dec{}) {
			return DivisionByZero(i)
		}
		d, ok := RescaleDec(RemDec(x.Dec(i), r, x.Scale, y.Scale), max(x.Scale, y.Scale), t, p)
		if !ok {
			SetExact(dst, i, batch.Dec{})
			dst.SetNull(i, n)
			continue
		}
		SetExact(dst, i, d)
	}
	return nil
}

// SetExact stores an unscaled value in a column of any exact type; integers keep
// the low bits.
func SetExact(dst *batch.Col, i int, d batch.Dec) {
	switch v := int64(d.Lo); {
	case dst.Dec != nil:
		dst.Dec[i] = d
	case dst.I64 != nil:
		dst.I64[i] = v
	case dst.I32 != nil:
		dst.I32[i] = int32(v)
	case dst.I16 != nil:
		dst.I16[i] = int16(v)
	default:
		dst.I8[i] = int8(v)
	}
}
