package kernel

import "math"

// Pow is math.Pow, bit for bit. Whole exponents, the usual ones, go without its tests
// and without branches on their bits, which no processor foresees: the mantissa of x is
// squared and multiplied apart from its exponent, so that nothing overflows on the way.
func Pow(x, y float64) float64 {
	const one, bias, mantissa = 1023 << 52, 1022, 1<<52 - 1
	b := math.Float64bits(x)
	exp := int64(b >> 52 & 0x7FF)
	n := int64(math.Abs(y))
	if n == 0 || n > 1<<31 || float64(n) != math.Abs(y) || exp == 0 || exp == 0x7FF {
		return math.Pow(x, y)
	}
	// x is square * 2^squareExp, the result so far out * 2^outExp.
	square, squareExp := math.Float64frombits(b&(1<<63|mantissa)|bias<<52), exp-bias
	out, outExp := 1.0, int64(0)
	for ; n != 0; n >>= 1 {
		if squareExp < -1<<12 || squareExp > 1<<12 {
			outExp += squareExp // far beyond all numbers, or below
			break
		}
		take := -(n & 1)
		s := math.Float64bits(square)
		out *= math.Float64frombits(one ^ (one^s)&uint64(take))
		outExp += squareExp & take
		s = math.Float64bits(square * square)
		low := bias - int64(s>>52) // 1 when the square is below a half
		square, squareExp = math.Float64frombits(s+uint64(low)<<52), 2*squareExp-low
	}
	if y < 0 {
		out, outExp = 1/out, -outExp
	}
	s := math.Float64bits(out)
	if e := int64(s>>52&0x7FF) + outExp; e > 0 && e < 0x7FF {
		return math.Float64frombits(s + uint64(outExp)<<52)
	}
	return math.Ldexp(out, int(outExp))
}
