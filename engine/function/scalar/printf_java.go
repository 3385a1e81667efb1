package scalar

import (
	"bytes"
	"math"
	"math/big"
	"strconv"
	"unicode/utf16"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// javaHash is what Object.hashCode gives for a value of a lane: %h writes it in hex.
func javaHash(c *batch.Col, lane int) (int32, bool) {
	fold := func(v int64) int32 { return int32(v ^ int64(uint64(v)>>32)) }
	switch t := c.Type; {
	case t.Kind == types.Boolean:
		if c.Bool(c.ValueLane(lane)) {
			return 1231, true
		}
		return 1237, true
	case t.Kind == types.BigInt:
		return fold(c.Int(lane)), true
	case t.IsInteger(), t.Kind == types.Date, t.Kind == types.Time:
		return int32(c.Int(lane)), true
	case t.Kind == types.Float:
		return int32(math.Float32bits(float32(c.Float(lane)))), true
	case t.Kind == types.Double:
		return fold(int64(math.Float64bits(c.Float(lane)))), true
	case t.Kind == types.Decimal:
		// The unscaled digits as 32-bit words, then the scale.
		x := kernel.ExactOf(c)
		d := x.Dec(lane)
		neg := d.Hi < 0
		hi, lo := uint64(d.Hi), d.Lo
		if neg {
			lo = -lo
			hi = ^hi
			if lo == 0 {
				hi++
			}
		}
		h := int32(0)
		for _, w := range []uint32{uint32(hi >> 32), uint32(hi), uint32(lo >> 32), uint32(lo)} {
			h = 31*h + int32(w)
		}
		if neg {
			h = -h
		}
		return 31*h + int32(t.Scale), true
	case t.IsString():
		var tmp [batch.InlineMax]byte
		h := int32(0)
		for _, u := range utf16.Encode([]rune(string(c.Bytes(c.ValueLane(lane), &tmp)))) {
			h = 31*h + int32(u)
		}
		return h, true
	}
	return 0, false
}

// generalNumber is %g: plain from a ten-thousandth up to the precision, else with an
// exponent; the precision counts all digits.
func (v *verb) generalNumber(text []byte) ([]byte, bool) {
	if v.flags['#'] {
		return nil, false
	}
	w := *v
	switch {
	case v.prec < 0:
		w.prec = 6
	case v.prec == 0:
		w.prec = 1
	}
	x, ok := new(big.Rat).SetString(string(bytes.TrimPrefix(text, []byte("-"))))
	if !ok {
		return nil, false
	}
	if x.Sign() == 0 {
		w.prec--
		w.conv = 'f'
		return w.decimal(text)
	}
	// Rounded to so many digits first.
	e := *v
	e.conv, e.prec, e.flags = 'e', w.prec-1, [128]bool{}
	form, ok := e.decimal(bytes.TrimPrefix(text, []byte("-")))
	if !ok {
		return nil, false
	}
	exp, err := strconv.Atoi(string(form[bytes.IndexByte(form, 'e')+1:]))
	if err != nil {
		return nil, false
	}
	if exp >= -4 && exp < w.prec {
		w.conv = 'f'
		w.prec -= exp + 1
		return w.decimal(text)
	}
	w.conv = 'e'
	w.prec--
	return w.decimal(text)
}

// hexFloat is %a: the digits of Double.toHexString.
func (v *verb) hexFloat(f float64) ([]byte, bool) {
	if v.flags[','] || v.flags['('] {
		return nil, false
	}
	neg := math.Signbit(f)
	f = math.Abs(f)
	var digits []byte
	switch {
	case f == 0:
		digits = []byte("0.0p0")
	case f < 0x1p-1022 && v.prec < 0:
		m := strconv.FormatUint(math.Float64bits(f), 16)
		for len(m) < 13 {
			m = "0" + m
		}
		digits = append([]byte("0."+string(bytes.TrimRight([]byte(m), "0"))), "p-1022"...)
	default:
		prec := v.prec
		if prec == 0 {
			prec = 1
		}
		s := strconv.AppendFloat(nil, f, 'x', prec, 64) // 0x1.8p+00
		m, e, _ := bytes.Cut(s[2:], []byte("p"))
		if bytes.IndexByte(m, '.') < 0 {
			m = append(bytes.Clone(m), ".0"...)
		}
		exp, err := strconv.Atoi(string(e))
		if err != nil {
			return nil, false
		}
		digits = strconv.AppendInt(append(bytes.Clone(m), 'p'), int64(exp), 10)
	}
	sign := ""
	switch {
	case neg:
		sign = "-"
	case v.flags['+']:
		sign = "+"
	case v.flags[' ']:
		sign = " "
	}
	return v.zeros([]byte(sign+"0x"), digits, nil), true
}
