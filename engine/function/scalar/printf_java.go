package scalar

import (
	"bytes"
	"math"
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
func (v *verb) generalNumber(neg bool, x digits) ([]byte, bool) {
	if v.flags['#'] {
		return nil, false
	}
	prec := v.prec
	switch {
	case prec < 0:
		prec = 6
	case prec == 0:
		prec = 1
	}
	if len(x.d) == 0 {
		return v.sign(neg, x.plain(prec-1))
	}
	// Rounded to so many digits first.
	x = x.round(prec)
	if exp := x.point - 1; exp >= -4 && exp < prec {
		return v.sign(neg, x.plain(prec-exp-1))
	}
	if v.flags[','] {
		return nil, false
	}
	return v.sign(neg, x.scientific(prec-1))
}

// digits is a number 0.d * 10^point; d has no zeros in front and is empty for 0.
type digits struct {
	d     []byte
	point int
}

// digitsOf reads a decimal with or without an exponent.
func digitsOf(text []byte) (x digits, ok bool) {
	exp, seen := 0, false
	if k := bytes.IndexAny(text, "eE"); k >= 0 {
		var err error
		if exp, err = strconv.Atoi(string(text[k+1:])); err != nil {
			return x, false
		}
		text = text[:k]
	}
	x.d = make([]byte, 0, len(text))
	for _, c := range text {
		switch {
		case c == '.' && !seen:
			seen = true
			continue
		case c < '0' || c > '9':
			return x, false
		case c != '0' || len(x.d) > 0:
			x.d = append(x.d, c)
			if !seen {
				x.point++
			}
		case seen:
			x.point--
		}
	}
	x.point += exp
	if len(x.d) == 0 {
		x.point = 0
	}
	return x, len(text) > 0
}

// round keeps n digits.
func (x digits) round(n int) digits {
	if n >= len(x.d) {
		return x
	}
	if n < 0 {
		return digits{}
	}
	up := x.d[n] >= '5'
	d := append([]byte(nil), x.d[:n]...)
	if !up {
		return digits{d: d, point: x.point}.orZero()
	}
	for k := n - 1; k >= 0; k-- {
		if d[k]++; d[k] <= '9' {
			return digits{d: d, point: x.point}
		}
		d[k] = '0'
	}
	return digits{d: append([]byte{'1'}, d...), point: x.point + 1}
}

// orZero is x with the point where 0 has it.
func (x digits) orZero() digits {
	if len(x.d) == 0 {
		x.point = 0
	}
	return x
}

// at is digit k, counted from 0 behind the point of 0.d.
func (x digits) at(k int) byte {
	if k < 0 || k >= len(x.d) {
		return '0'
	}
	return x.d[k]
}

// plain writes the number with prec digits behind the point.
func (x digits) plain(prec int) []byte {
	x = x.round(x.point + prec)
	out := make([]byte, 0, max(x.point, 1)+prec+1)
	for k := range max(x.point, 1) {
		out = append(out, x.at(k+min(x.point-1, 0)))
	}
	if prec > 0 {
		out = append(out, '.')
		for k := range prec {
			out = append(out, x.at(x.point+k))
		}
	}
	return out
}

// scientific writes the number with one digit before the point, prec behind it and an
// exponent of at least two digits.
func (x digits) scientific(prec int) []byte {
	x = x.round(prec + 1)
	out := append(make([]byte, 0, prec+8), x.at(0))
	if prec > 0 {
		out = append(out, '.')
		for k := range prec {
			out = append(out, x.at(1+k))
		}
	}
	e := max(x.point, 1) - 1
	sign := byte('+')
	if len(x.d) > 0 && x.point < 1 {
		e, sign = 1-x.point, '-'
	}
	out = append(out, 'e', sign)
	if e < 10 {
		out = append(out, '0')
	}
	return strconv.AppendInt(out, int64(e), 10)
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
