package kernel

import (
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// castToString writes values as text. CHAR(n) pads with blanks; CHAR(n) and
// VARCHAR(n) cut to n code points.
func castToString(from, to types.Type) Cast {
	length, pad := to.Prec, to.Kind == types.Char
	if from.IsString() {
		if !pad && from.Prec <= length {
			return castSame
		}
		return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
			fitStrings(e, dst, src, n, live, length, pad, ' ', cutRunes, utf8.RuneCount)
			return nil
		}
	}
	if from.IsBinary() {
		return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
			w := e.Scratch.Strings(dst)
			s := StrsOf(src)
			for i := range Lanes(n, live) {
				v := s.At(i)
				if !utf8.Valid(v) {
					if err := e.fail(dst, i, n, diag.InvalidCast, "these bytes are no UTF-8"); err != nil {
						return err
					}
					continue
				}
				w.Buf = append(w.Buf, v...)
				fit(&w, length, pad)
				dst.Views[i] = w.End()
			}
			w.Close()
			return nil
		}
	}
	if from.IsInteger() && length >= 20 && !pad {
		return castIntString
	}
	return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
		w := e.Scratch.Strings(dst)
		for i := range Lanes(n, live) {
			w.Buf = appendText(w.Buf, src, i, &e.Zone, false)
			fit(&w, length, pad)
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
}

// AppendValidUTF8 appends s with U+FFFD in place of bytes that are no UTF-8.
func AppendValidUTF8(dst, s []byte) []byte {
	if utf8.Valid(s) {
		return append(dst, s...)
	}
	for len(s) > 0 {
		r, k := utf8.DecodeRune(s)
		dst = utf8.AppendRune(dst, r)
		s = s[k:]
	}
	return dst
}

// fit cuts or pads the value at hand to a length in code points.
func fit(w *batch.Writer, length int, pad bool) {
	v := w.Value()
	if len(v) > length {
		w.Buf = w.Buf[:len(w.Buf)-len(v)+cutRunes(v, length)]
	}
	if pad {
		for k := utf8.RuneCount(w.Value()); k < length; k++ {
			w.Buf = append(w.Buf, ' ')
		}
	}
}

// cutRunes is the length in bytes of the first n code points of s.
func cutRunes(s []byte, n int) int {
	if len(s) <= n {
		return len(s)
	}
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, k := utf8.DecodeRune(s[i:])
		i += k
	}
	return i
}

// fitStrings cuts or pads values; parts of the input share its bytes.
func fitStrings(e *CastEnv, dst, src *batch.Col, n int, live []uint64, length int, pad bool, with byte,
	cut func([]byte, int) int, count func([]byte) int) {
	ShareBufs(dst, src)
	w := e.Scratch.Strings(dst)
	s := StrsOf(src)
	for i := range Lanes(n, live) {
		v, b := s.View(i), s.At(i)
		k := cut(b, length)
		switch {
		case k < len(b):
			dst.Views[i] = SubView(v, b, 0, k)
		case pad && count(b) < length:
			w.Buf = append(w.Buf, b...)
			for c := count(b); c < length; c++ {
				w.Buf = append(w.Buf, with)
			}
			dst.Views[i] = w.End()
		default:
			dst.Views[i] = v
		}
	}
	w.Close()
}

// castToBinary takes the bytes of text or binary values; BINARY(n) pads with
// zeros, both kinds cut to n bytes.
func castToBinary(from, to types.Type) Cast {
	if to.Kind == types.VarBinary && to.Prec == types.MaxLength {
		return castSameBytes
	}
	cut := func(b []byte, n int) int { return min(n, len(b)) }
	count := func(b []byte) int { return len(b) }
	return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
		fitStrings(e, dst, src, n, live, to.Prec, to.Kind == types.Binary, 0, cut, count)
		return nil
	}
}

// castSameBytes copies views between kinds of string columns.
func castSameBytes(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	ShareBufs(dst, src)
	copy(dst.Views[:n], src.Views[:n])
	return nil
}

// castFromString reads text.
func castFromString(to types.Type) Cast {
	switch {
	case to.Kind == types.Boolean:
		return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
			s := StrsOf(src)
			for i := range Lanes(n, live) {
				v, ok := ParseBool(s.At(i))
				if v && ok {
					batch.SetBit(dst.Bits, i)
				}
				if !ok {
					if err := e.badText(dst, s.At(i), i, n); err != nil {
						return err
					}
				}
			}
			return nil
		}
	case to.IsApprox():
		return castStringFloat
	case to.Kind == types.Decimal:
		return func(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
			s := StrsOf(src)
			for i := range Lanes(n, live) {
				d, ok := ParseDec(s.At(i), to.Prec, to.Scale)
				putDec(dst, i, d)
				if !ok {
					if err := e.badText(dst, s.At(i), i, n); err != nil {
						return err
					}
				}
			}
			return nil
		}
	case to.IsInteger() || to.IsTemporal():
		return castStringTicks
	}
	return nil
}

func castStringFloat(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	s := StrsOf(src)
	for i := range Lanes(n, live) {
		var ok bool
		if dst.F64 != nil {
			dst.F64[i], ok = ParseFloat(s.At(i), 64)
		} else {
			var f float64
			f, ok = ParseFloat(s.At(i), 32)
			dst.F32[i] = float32(f)
		}
		if !ok {
			if err := e.badText(dst, s.At(i), i, n); err != nil {
				return err
			}
		}
	}
	return nil
}

func castStringTicks(e *CastEnv, dst, src *batch.Col, n int, live []uint64) error {
	s := StrsOf(src)
	for i := range Lanes(n, live) {
		v, ok := parseTicks(dst.Type, s.At(i), &e.Zone)
		SetExact(dst, i, batch.DecOf(v))
		if !ok {
			if err := e.badText(dst, s.At(i), i, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// badText handles text that is no value of dst's type.
func (e *CastEnv) badText(dst *batch.Col, s []byte, i, n int) error {
	if e.Try {
		dst.SetNull(i, n)
		return nil
	}
	return batch.FailLane(i, diag.InvalidCast, "%s is no %s", quote(s), dst.Type.Nullable(true))
}
