package format

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"

	"github.com/minkstream/mink/engine/batch"
)

// text lends bytes as a string to a parser that keeps nothing.
func text(s []byte) string { return unsafe.String(unsafe.SliceData(s), len(s)) }

// ParseInt reads a decimal integer with an optional sign, nothing else around it.
func ParseInt(s []byte) (int64, bool) {
	neg := false
	i := 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		i = 1
	}
	if i == len(s) || len(s)-i > 19 {
		return 0, false
	}
	var n uint64
	for ; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	if neg {
		if n > 1<<63 {
			return 0, false
		}
		return -int64(n), true
	}
	return int64(n), n <= math.MaxInt64
}

// exactPow10 are the powers of ten that a double holds exactly.
var exactPow10 = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// ParseFloat reads a number as a double, correctly rounded: digits with an
// optional point and exponent, NaN, Infinity with an optional sign. A number too
// large becomes infinite, as in Java.
func ParseFloat(s []byte) (float64, bool) {
	neg := false
	i := 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		i = 1
	}
	// Up to 15 digits and a small power of ten: both are exact, so is the result.
	var m uint64
	digits, point, start := 0, -1, i
	for ; i < len(s); i++ {
		d := s[i] - '0'
		if d <= 9 {
			m = m*10 + uint64(d)
			if m != 0 {
				digits++
			}
			continue
		}
		if s[i] != '.' || point >= 0 {
			break
		}
		point = i
	}
	if i == len(s) && digits <= 15 && i > start {
		frac := 0
		if point >= 0 {
			frac = len(s) - point - 1
			if i-start == 1 {
				return 0, false
			}
		}
		if frac <= 22 {
			f := float64(m) / exactPow10[frac]
			if neg {
				f = -f
			}
			return f, true
		}
	}
	return slowFloat(s, 64)
}

// ParseFloat32 is ParseFloat rounded to a FLOAT once.
func ParseFloat32(s []byte) (float32, bool) {
	f, ok := slowFloat(s, 32)
	return float32(f), ok
}

func slowFloat(s []byte, size int) (float64, bool) {
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return namedFloat(text(s))
		}
	}
	f, err := strconv.ParseFloat(text(s), size)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

func namedFloat(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.NaN(), true
	case "Infinity", "+Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	return 0, false
}

// ParseDecimal reads a number as the unscaled value of a DECIMAL(prec, scale),
// rounding half up. fits is false when the number has too many digits, ok when it
// is no number.
func ParseDecimal(s []byte, prec, scale int) (d batch.Dec, fits, ok bool) {
	neg := false
	i := 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		i = 1
	}
	end, exp := len(s), 0
	for k := i; k < len(s); k++ {
		if s[k] == 'e' || s[k] == 'E' {
			e, good := ParseInt(s[k+1:])
			if !good || k == i {
				return d, false, false
			}
			end, exp = k, int(min(max(e, -9999), 9999))
			break
		}
	}
	// Count the digits, then take those that make the unscaled value.
	point, seen, before := -1, 0, 0
	for k := i; k < end; k++ {
		c := s[k]
		switch {
		case c >= '0' && c <= '9':
			seen++
			if point < 0 {
				before++
			}
		case c == '.' && point < 0:
			point = k
		default:
			return d, false, false
		}
	}
	if seen == 0 {
		return d, false, false
	}
	take := before + exp + scale
	var hi, lo uint64
	roundUp, full := false, false
	n := 0
	for k := i; k < end; k++ {
		c := s[k]
		if c == '.' {
			continue
		}
		if n == take {
			roundUp = c >= '5'
			break
		}
		if n > take {
			break
		}
		n++
		if hi, lo, full = mulAdd(hi, lo, uint64(c-'0')); full {
			return d, false, true
		}
	}
	for ; n < take; n++ {
		if hi|lo == 0 {
			break
		}
		if hi, lo, full = mulAdd(hi, lo, 0); full {
			return d, false, true
		}
	}
	if roundUp {
		var c uint64
		lo, c = bits.Add64(lo, 1, 0)
		hi += c
	}
	if ph, pl := pow10(prec); hi > ph || hi == ph && lo >= pl {
		return d, false, true
	}
	if neg {
		var b uint64
		lo, b = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, b)
	}
	return batch.Dec{Hi: int64(hi), Lo: lo}, true, true
}

// mulAdd is x*10 + d in 127 bits; full reports that it does not fit.
func mulAdd(hi, lo, d uint64) (uint64, uint64, bool) {
	h1, l1 := bits.Mul64(lo, 10)
	h2, l2 := bits.Mul64(hi, 10)
	if h2 != 0 {
		return 0, 0, true
	}
	l, c := bits.Add64(l1, d, 0)
	h, c2 := bits.Add64(l2, h1, c)
	return h, l, c2 != 0 || h>>63 != 0
}

// pow10 is 10^n for n up to 38.
func pow10(n int) (hi, lo uint64) {
	lo = 1
	for range n {
		hi, lo, _ = mulAdd(hi, lo, 0)
	}
	return hi, lo
}

// AppendDecimal writes an unscaled value with all digits of its scale.
func AppendDecimal(dst []byte, d batch.Dec, scale int) []byte {
	hi, lo := uint64(d.Hi), d.Lo
	if d.Hi < 0 {
		dst = append(dst, '-')
		var b uint64
		lo, b = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, b)
	}
	var buf [48]byte
	i := len(buf)
	for n := 0; hi|lo != 0 || n <= scale; n++ {
		if n == scale && scale > 0 {
			i--
			buf[i] = '.'
		}
		var r uint64
		if hi == 0 {
			r, lo = lo%10, lo/10
		} else {
			q := hi / 10
			lo, r = bits.Div64(hi%10, lo, 10)
			hi = q
		}
		i--
		buf[i] = byte('0' + r)
	}
	return append(dst, buf[i:]...)
}

// AppendFloat writes the shortest digits that read back as v, in JSON's form: with
// an exponent below 1e-6 and from 1e21 on. v is finite.
func AppendFloat(dst []byte, v float64, size int) []byte {
	a := math.Abs(v)
	form := byte('f')
	if a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	dst = strconv.AppendFloat(dst, v, form, -1, size)
	if n := len(dst); form == 'e' && n >= 4 && dst[n-4] == 'e' && dst[n-2] == '0' {
		dst[n-2] = dst[n-1] // e-07 is written e-7
		dst = dst[:n-1]
	}
	return dst
}

// AppendJavaFloat writes v as Java's toString does: 1.0, 1.0E10, NaN, Infinity.
func AppendJavaFloat(dst []byte, v float64, size int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, "NaN"...)
	case math.IsInf(v, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(v, -1):
		return append(dst, "-Infinity"...)
	}
	a := math.Abs(v)
	if a == 0 || a >= 1e-3 && a < 1e7 {
		start := len(dst)
		dst = strconv.AppendFloat(dst, v, 'f', -1, size)
		for _, c := range dst[start:] {
			if c == '.' {
				return dst
			}
		}
		return append(dst, ".0"...)
	}
	var buf [32]byte
	s := strconv.AppendFloat(buf[:0], v, 'e', -1, size)
	e := len(s) - 1
	for s[e] != 'e' {
		e--
	}
	dst = append(dst, s[:e]...)
	if i := e - 1; i == 0 || i == 1 && s[0] == '-' {
		dst = append(dst, ".0"...)
	}
	dst = append(dst, 'E')
	exp, _ := ParseInt(s[e+1:])
	return strconv.AppendInt(dst, exp, 10)
}

// AppendShortDecimal writes a decimal without zeros at the end. With plain false a
// number that ends in zeros before its point, or is very small, gets an exponent,
// as Java's BigDecimal writes it: 1E+5, 2.7E-8.
func AppendShortDecimal(dst []byte, d batch.Dec, scale int, plain bool) []byte {
	var buf [48]byte
	s := AppendDecimal(buf[:0], d, 0) // the unscaled digits
	neg := s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) == 1 && s[0] == '0' {
		return append(dst, '0')
	}
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
		scale--
	}
	if neg {
		dst = append(dst, '-')
	}
	exp := len(s) - 1 - scale // of the first digit
	if !plain && (scale < 0 || exp < -6) {
		dst = append(dst, s[0])
		if len(s) > 1 {
			dst = append(append(dst, '.'), s[1:]...)
		}
		dst = append(dst, 'E')
		if exp > 0 {
			dst = append(dst, '+')
		}
		return strconv.AppendInt(dst, int64(exp), 10)
	}
	if exp < 0 {
		dst = append(dst, "0."...)
		for range -exp - 1 {
			dst = append(dst, '0')
		}
		return append(dst, s...)
	}
	for i := range max(len(s), exp+1) {
		if i == exp+1 {
			dst = append(dst, '.')
		}
		if i < len(s) {
			dst = append(dst, s[i])
		} else {
			dst = append(dst, '0')
		}
	}
	return dst
}

// DecOf is the unscaled value of a lane of a DECIMAL column.
func DecOf(c *batch.Col, lane int) batch.Dec {
	if c.I64 != nil {
		return batch.DecOf(c.I64[lane])
	}
	return c.Dec[lane]
}
