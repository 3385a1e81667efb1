package kernel

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// castFromVariant takes the value out of a VARIANT. Any number becomes any numeric
// type, as the cast between numbers does; of other values the kind must be the type's.
// The null of JSON is NULL.
func castFromVariant(to types.Type) Cast {
	var put func(e *CastEnv, dst *batch.Col, i, n int, v Variant) (ok bool, err error)
	switch {
	case to.Kind == types.Boolean:
		put = func(e *CastEnv, dst *batch.Col, i, n int, v Variant) (bool, error) {
			b, ok := v.Bool()
			if b {
				batch.SetBit(dst.Bits, i)
			}
			return ok, nil
		}
	case to.IsNumeric():
		put = putNumber
	case to.IsBinary():
		return castVariantBinary
	case to.Kind == types.Date:
		put = func(e *CastEnv, dst *batch.Col, i, n int, v Variant) (ok bool, err error) {
			dst.I32[i], ok = v.Date()
			return ok, nil
		}
	case to.IsTimestamp():
		put = putTimestamp
	default:
		return nil
	}
	return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
		s := StrsOf(src)
		for i := range Lanes(n, live) {
			v := VariantOf(s.At(i))
			if v.IsNull() {
				dst.SetNull(i, n)
				continue
			}
			ok, err := put(e, dst, i, n, v)
			if err == nil && !ok {
				err = e.wrongKind(dst, i, n, v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (e *CastEnv) wrongKind(dst *batch.Col, i, n int, v Variant) error {
	return e.fail(dst, i, n, diag.InvalidCast, "a VARIANT that holds %s is no %s", v.Kind(), dst.Type.Nullable(true))
}

// putNumber writes a number of any kind as one of dst's.
func putNumber(e *CastEnv, dst *batch.Col, i, n int, v Variant) (bool, error) {
	d, scale, exact := v.Exact()
	if exact {
		switch {
		case dst.Type.Kind == types.Decimal:
			if d, fits := RescaleDec(d, scale, dst.Type.Scale, dst.Type.Prec); fits {
				putDec(dst, i, d)
			} else {
				setNullDec(dst, i, n)
			}
		case dst.F64 != nil:
			dst.F64[i] = FloatOfDec(d, scale)
		case dst.F32 != nil:
			dst.F32[i] = float32(FloatOfDec(d, scale))
		default:
			SetExact(dst, i, CutDec(d, scale, 0))
		}
		return true, nil
	}
	f, size, ok := v.Float()
	if !ok {
		return false, nil
	}
	if dst.Type.Kind == types.Decimal {
		if d, fits := DecOfFloat(f, size, dst.Type.Prec, dst.Type.Scale); fits {
			putDec(dst, i, d)
		} else {
			setNullDec(dst, i, n)
		}
		return true, nil
	}
	switch {
	case dst.F64 != nil:
		dst.F64[i] = f
	case dst.F32 != nil:
		dst.F32[i] = float32(f)
	case dst.I64 != nil:
		dst.I64[i] = Int64Of(f)
	case dst.I32 != nil:
		dst.I32[i] = Int32Of(f)
	case dst.I16 != nil:
		dst.I16[i] = int16(Int32Of(f))
	default:
		dst.I8[i] = int8(Int32Of(f))
	}
	return true, nil
}

func putTimestamp(e *CastEnv, dst *batch.Col, i, n int, v Variant) (bool, error) {
	us, instant, ok := v.Micros()
	if !ok || instant != (dst.Type.Kind == types.TimestampLTZ) {
		return false, nil
	}
	t, fits := RescaleTicks(us, 1_000_000, dst.Type.PerSecond())
	if !fits {
		return true, overflow(e, dst, i, n)
	}
	dst.I64[i] = t
	return true, nil
}

func castVariantBinary(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	w := e.Scratch.Strings(dst)
	s := StrsOf(src)
	for i := range Lanes(n, live) {
		v := VariantOf(s.At(i))
		b, ok := v.Binary()
		if !ok {
			if v.IsNull() {
				dst.SetNull(i, n)
			} else if err := e.wrongKind(dst, i, n, v); err != nil {
				return err
			}
			continue
		}
		w.Buf = append(w.Buf, b[:min(len(b), dst.Type.Prec)]...)
		for k := len(b); dst.Type.Kind == types.Binary && k < dst.Type.Prec; k++ {
			w.Buf = append(w.Buf, 0)
		}
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}
