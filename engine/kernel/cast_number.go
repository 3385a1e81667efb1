package kernel

import (
	"math"
	"strconv"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// castNumeric casts between numbers, booleans and intervals.
func castNumeric(from, to types.Type) Cast {
	switch {
	case from.Kind == types.Boolean && to.IsNumeric():
		return castFromBool
	case to.Kind == types.Boolean && from.IsNumeric():
		return castToBool
	case from.Kind == types.Decimal && to.Kind == types.Decimal:
		return castDecDec
	case from.Kind == types.Decimal && (to.IsInteger() || to.IsInterval()):
		return castDecInt
	case from.Kind == types.Decimal && to.IsApprox():
		return castDecFloat
	case from.IsInteger() && to.Kind == types.Decimal:
		return castDecDec
	case from.IsApprox() && to.Kind == types.Decimal:
		return castFloatDec
	case from.IsApprox() && to.IsNumeric():
		return castFloat
	case (from.IsInteger() || from.IsInterval()) && (to.IsNumeric() || to.IsInterval()):
		return castInt
	}
	return nil
}

// castInt casts integers and intervals to integers, which wrap, and to floats.
func castInt(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	switch src.Type.Phys() {
	case types.PhysI8:
		fromInts(dst, src.I8[:n])
	case types.PhysI16:
		fromInts(dst, src.I16[:n])
	case types.PhysI32:
		fromInts(dst, src.I32[:n])
	default:
		fromInts(dst, src.I64[:n])
	}
	return nil
}

func fromInts[S Integer](dst *batch.Col, src []S) {
	switch dst.Type.Phys() {
	case types.PhysI8:
		Map1(dst.I8, src, func(x S) int8 { return int8(x) })
	case types.PhysI16:
		Map1(dst.I16, src, func(x S) int16 { return int16(x) })
	case types.PhysI32:
		Map1(dst.I32, src, func(x S) int32 { return int32(x) })
	case types.PhysI64:
		Map1(dst.I64, src, func(x S) int64 { return int64(x) })
	case types.PhysF32:
		Map1(dst.F32, src, func(x S) float32 { return float32(x) })
	case types.PhysF64:
		Map1(dst.F64, src, func(x S) float64 { return float64(x) })
	}
}

// castFloat casts floats to integers, which saturate at 32 or 64 bits and wrap
// below, and to floats.
func castFloat(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	if src.Type.Phys() == types.PhysF32 {
		fromFloats(dst, src.F32[:n])
	} else {
		fromFloats(dst, src.F64[:n])
	}
	return nil
}

func fromFloats[S Float](dst *batch.Col, src []S) {
	switch dst.Type.Phys() {
	case types.PhysI8:
		Map1(dst.I8, src, func(x S) int8 { return int8(Int32Of(float64(x))) })
	case types.PhysI16:
		Map1(dst.I16, src, func(x S) int16 { return int16(Int32Of(float64(x))) })
	case types.PhysI32:
		Map1(dst.I32, src, func(x S) int32 { return Int32Of(float64(x)) })
	case types.PhysI64:
		Map1(dst.I64, src, func(x S) int64 { return Int64Of(float64(x)) })
	case types.PhysF32:
		Map1(dst.F32, src, func(x S) float32 { return float32(x) })
	case types.PhysF64:
		Map1(dst.F64, src, func(x S) float64 { return float64(x) })
	}
}

// Int64Of cuts a float to an integer; what is out of range becomes the nearest
// value, NaN becomes 0.
func Int64Of(x float64) int64 {
	switch {
	case x != x:
		return 0
	case x >= math.MaxInt64:
		return math.MaxInt64
	case x <= math.MinInt64:
		return math.MinInt64
	}
	return int64(x)
}

// Int32Of is Int64Of for 32 bits.
func Int32Of(x float64) int32 {
	return int32(min(max(Int64Of(x), math.MinInt32), math.MaxInt32))
}

func castFromBool(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	one := batch.DecOf(1)
	if dst.Type.Kind == types.Decimal {
		one, _ = RescaleDec(one, 0, dst.Type.Scale, 38)
	}
	for i := range n {
		v := batch.Dec{}
		f := 0.0
		if batch.Bit(src.Bits, i) {
			v, f = one, 1
		}
		switch {
		case dst.F64 != nil:
			dst.F64[i] = f
		case dst.F32 != nil:
			dst.F32[i] = float32(f)
		default:
			SetExact(dst, i, v)
		}
	}
	return nil
}

func castToBool(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	switch src.Type.Phys() {
	case types.PhysI8:
		Test1(dst.Bits, src.I8[:n], func(x int8) bool { return x != 0 })
	case types.PhysI16:
		Test1(dst.Bits, src.I16[:n], func(x int16) bool { return x != 0 })
	case types.PhysI32:
		Test1(dst.Bits, src.I32[:n], func(x int32) bool { return x != 0 })
	case types.PhysI64:
		Test1(dst.Bits, src.I64[:n], func(x int64) bool { return x != 0 })
	case types.PhysF32:
		Test1(dst.Bits, src.F32[:n], func(x float32) bool { return x != 0 })
	case types.PhysF64:
		Test1(dst.Bits, src.F64[:n], func(x float64) bool { return x != 0 })
	case types.PhysDec:
		Test1(dst.Bits, src.Dec[:n], func(x batch.Dec) bool { return x != batch.Dec{} })
	}
	return nil
}

// castDecDec casts exact numbers to DECIMAL; what does not fit is NULL.
func castDecDec(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	x := ExactOf(src)
	s, t, p := x.Scale, dst.Type.Scale, dst.Type.Prec
	if digitsOf(src.Type)-s <= p-t && t >= s && x.Small() {
		castDecUp(dst, &x, t-s, n)
		return nil
	}
	for i := range Lanes(n, live) {
		d, ok := RescaleDec(x.Dec(i), s, t, p)
		if !ok {
			setNullDec(dst, i, n)
			continue
		}
		putDec(dst, i, d)
	}
	return nil
}

// castDecUp adds digits where every value fits.
func castDecUp(dst *batch.Col, x *Exact, up, n int) {
	if dst.Dec == nil {
		k := Pow10(up)
		for i := range n {
			dst.I64[i] = x.Int(i) * k
		}
		return
	}
	if up == 0 && x.phys == types.PhysI64 {
		Map1(dst.Dec, x.c.I64[:n], batch.DecOf)
		return
	}
	for i := range n {
		dst.Dec[i], _ = RescaleDec(batch.DecOf(x.Int(i)), 0, up, 38)
	}
}

func castDecInt(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	x := ExactOf(src)
	for i := range Lanes(n, live) {
		SetExact(dst, i, CutDec(x.Dec(i), x.Scale, 0))
	}
	return nil
}

func castDecFloat(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	x := ExactOf(src)
	for i := range Lanes(n, live) {
		f := FloatOfDec(x.Dec(i), x.Scale)
		if dst.F64 != nil {
			dst.F64[i] = f
		} else {
			dst.F32[i] = float32(f)
		}
	}
	return nil
}

// FloatOfDec is the float nearest to a decimal.
func FloatOfDec(d batch.Dec, scale int) float64 {
	if m, neg := magnitude(d); m.hi == 0 && m.lo < 1<<53 && scale <= 18 {
		// Both parts are exact, so the quotient is rounded once.
		f := float64(m.lo) / float64(pow10Int[scale])
		if neg {
			return -f
		}
		return f
	}
	var buf [48]byte
	f, _ := strconv.ParseFloat(string(AppendDec(buf[:0], d, scale)), 64)
	return f
}

// castFloatDec takes the shortest digits that read back as the float, as Java's
// BigDecimal.valueOf does.
func castFloatDec(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	for i := range Lanes(n, live) {
		d, ok := batch.Dec{}, false
		if src.F64 != nil {
			d, ok = DecOfFloat(src.F64[i], 64, dst.Type.Prec, dst.Type.Scale)
		} else {
			// A FLOAT is widened first.
			d, ok = DecOfFloat(float64(src.F32[i]), 64, dst.Type.Prec, dst.Type.Scale)
		}
		if !ok {
			setNullDec(dst, i, n)
			continue
		}
		putDec(dst, i, d)
	}
	return nil
}

// DecOfFloat rounds a float to a decimal and reports whether it fits.
func DecOfFloat(f float64, size, p, s int) (batch.Dec, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return batch.Dec{}, false
	}
	var buf [32]byte
	return ParseDec(strconv.AppendFloat(buf[:0], f, 'e', -1, size), p, s)
}

// overflow is the error of a value outside the range of a type.
func overflow(e *CastEnv, dst *batch.Col, i, n int) error {
	return e.fail(dst, i, n, diag.NumericOverflow, "value out of the range of %s", dst.Type.Nullable(true))
}
