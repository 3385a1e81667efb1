package kernel

import (
	"math/big"
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
)

// u128 is the magnitude of a decimal.
type u128 struct{ hi, lo uint64 }

// pow10 has the powers of ten that fit 128 bits.
var pow10 = func() (t [39]u128) {
	t[0].lo = 1
	for i := 1; i < len(t); i++ {
		t[i], _ = t[i-1].mul64(10)
	}
	return t
}()

// pow10Int has the powers of ten that fit an int64.
var pow10Int = func() (t [19]int64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = t[i-1] * 10
	}
	return t
}()

// Pow10 is 10^n for n in [0, 18].
func Pow10(n int) int64 { return pow10Int[n] }

func (a u128) less(b u128) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a u128) isZero() bool { return a.hi|a.lo == 0 }

func (a u128) add(b u128) (u128, bool) {
	lo, c := bits.Add64(a.lo, b.lo, 0)
	hi, c := bits.Add64(a.hi, b.hi, c)
	return u128{hi, lo}, c == 0
}

func (a u128) sub(b u128) u128 {
	lo, c := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, c)
	return u128{hi, lo}
}

// mul64 multiplies and reports whether the product fits.
func (a u128) mul64(b uint64) (u128, bool) {
	h1, lo := bits.Mul64(a.lo, b)
	h2, mid := bits.Mul64(a.hi, b)
	hi, c := bits.Add64(mid, h1, 0)
	return u128{hi, lo}, h2 == 0 && c == 0
}

// mul multiplies and reports whether the product fits.
func (a u128) mul(b u128) (u128, bool) {
	switch {
	case b.hi == 0:
		return a.mul64(b.lo)
	case a.hi == 0:
		return b.mul64(a.lo)
	}
	return u128{}, false
}

// div64 divides by d.
func (a u128) div64(d uint64) (q u128, r uint64) {
	q.hi, r = a.hi/d, a.hi%d
	q.lo, r = bits.Div64(r, a.lo, d)
	return q, r
}

// scaleDown divides by 10^n, cut.
func (a u128) scaleDown(n int) u128 {
	for ; n > 19; n -= 19 {
		a, _ = a.div64(pow10[19].lo)
	}
	q, _ := a.div64(pow10[n].lo)
	return q
}

// roundDown divides by 10^n, rounding halves away from zero.
func (a u128) roundDown(n int) u128 {
	for ; n > 19; n -= 19 {
		// What is cut here is less than the last digit that decides.
		a, _ = a.div64(pow10[19].lo)
	}
	if n == 0 {
		return a
	}
	d := pow10[n].lo
	q, r := a.div64(d)
	if r >= d-r {
		q, _ = q.add(u128{0, 1})
	}
	return q
}

// magnitude splits a decimal into absolute value and sign.
func magnitude(d batch.Dec) (u128, bool) {
	if d.Hi >= 0 {
		return u128{uint64(d.Hi), d.Lo}, false
	}
	return u128{}.sub(u128{uint64(d.Hi), d.Lo}), true
}

// signed is the reverse of magnitude.
func (a u128) signed(neg bool) batch.Dec {
	if neg {
		a = u128{}.sub(a)
	}
	return batch.Dec{Hi: int64(a.hi), Lo: a.lo}
}

// fits reports whether a has at most p digits.
func (a u128) fits(p int) bool { return a.less(pow10[p]) }

// NegDec is -d.
func NegDec(d batch.Dec) batch.Dec { return u128{}.sub(u128{uint64(d.Hi), d.Lo}).signed(false) }

// AbsDec is |d|.
func AbsDec(d batch.Dec) batch.Dec {
	if d.Hi < 0 {
		return NegDec(d)
	}
	return d
}

// AddDec is a + b; magnitudes below 10^38 cannot overflow 128 bits.
func AddDec(a, b batch.Dec) batch.Dec {
	lo, c := bits.Add64(a.Lo, b.Lo, 0)
	hi, _ := bits.Add64(uint64(a.Hi), uint64(b.Hi), c)
	return batch.Dec{Hi: int64(hi), Lo: lo}
}

// CompareDec compares decimals of scales s1 and s2: -1, 0 or 1.
func CompareDec(a, b batch.Dec, s1, s2 int) int {
	if s1 == s2 {
		return a.Cmp(b)
	}
	m := max(s1, s2)
	x, ok1 := RescaleDec(a, s1, m, 38)
	y, ok2 := RescaleDec(b, s2, m, 38)
	if ok1 && ok2 {
		return x.Cmp(y)
	}
	p := new(big.Int).Mul(signedBig(a), pow10Big(m-s1))
	return p.Cmp(new(big.Int).Mul(signedBig(b), pow10Big(m-s2)))
}

// MulInts is the exact product of two int64.
func MulInts(a, b int64) batch.Dec {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	hi -= uint64(a>>63)&uint64(b) + uint64(b>>63)&uint64(a)
	return batch.Dec{Hi: int64(hi), Lo: lo}
}

// FitsDec reports whether d has at most p digits.
func FitsDec(d batch.Dec, p int) bool {
	m, _ := magnitude(d)
	return m.fits(p)
}

// RescaleDec brings a decimal from scale s to scale t, rounding halves away from
// zero, and reports whether the result has at most p digits.
func RescaleDec(d batch.Dec, s, t, p int) (batch.Dec, bool) {
	m, neg := magnitude(d)
	switch {
	case t > s:
		var ok bool
		if t-s > 38 {
			return d, m.isZero()
		}
		if m, ok = m.mul(pow10[t-s]); !ok {
			return d, false
		}
	case t < s:
		m = m.roundDown(s - t)
	}
	return m.signed(neg), m.fits(p)
}

// CutDec drops digits beyond scale t, toward zero.
func CutDec(d batch.Dec, s, t int) batch.Dec {
	if t >= s {
		return d
	}
	m, neg := magnitude(d)
	return m.scaleDown(s - t).signed(neg)
}

// MulDec multiplies decimals of scales s1 and s2 into scale t and reports whether
// the result has at most p digits.
func MulDec(a, b batch.Dec, s1, s2, t, p int) (batch.Dec, bool) {
	x, nx := magnitude(a)
	y, ny := magnitude(b)
	neg := nx != ny
	if m, ok := x.mul(y); ok {
		if t < s1+s2 {
			m = m.roundDown(s1 + s2 - t)
		}
		return m.signed(neg), m.fits(p)
	}
	prod := new(big.Int).Mul(x.big(), y.big())
	return quotient(prod, pow10Big(s1+s2-t), neg, p)
}

// DivDec divides decimals of scales s1 and s2 into scale t, rounding halves away
// from zero, and reports whether the result has at most p digits. b is not zero.
func DivDec(a, b batch.Dec, s1, s2, t, p int) (batch.Dec, bool) {
	x, nx := magnitude(a)
	y, ny := magnitude(b)
	neg := nx != ny
	if up := t - s1 + s2; up >= 0 && up <= 38 && y.hi == 0 && y.lo < 1<<63 {
		if m, ok := x.mul(pow10[up]); ok {
			q, r := m.div64(y.lo)
			if r >= y.lo-r {
				q, _ = q.add(u128{0, 1})
			}
			return q.signed(neg), q.fits(p)
		}
	}
	num, den := x.big(), y.big()
	if up := t - s1 + s2; up >= 0 {
		num.Mul(num, pow10Big(up))
	} else {
		den.Mul(den, pow10Big(-up))
	}
	return quotient(num, den, neg, p)
}

// RemDec is the remainder of decimals of scales s1 and s2 at scale max(s1, s2),
// with the sign of a. b is not zero.
func RemDec(a, b batch.Dec, s1, s2 int) batch.Dec {
	x, neg := magnitude(a)
	y, _ := magnitude(b)
	t := max(s1, s2)
	if mx, ok := x.mul(pow10[t-s1]); ok {
		if my, ok := y.mul(pow10[t-s2]); ok && my.hi == 0 {
			_, r := mx.div64(my.lo)
			return u128{0, r}.signed(neg)
		}
	}
	num, den := x.big(), y.big()
	num.Mul(num, pow10Big(t-s1))
	den.Mul(den, pow10Big(t-s2))
	return fromBig(num.Rem(num, den)).signed(neg)
}

// quotient is num / den rounded, with a sign, and whether it has p digits.
func quotient(num, den *big.Int, neg bool, p int) (batch.Dec, bool) {
	q, r := new(big.Int).QuoRem(num, den, new(big.Int))
	if r.Lsh(r, 1).Cmp(den) >= 0 {
		q.Add(q, big.NewInt(1))
	}
	if q.BitLen() > 127 {
		return batch.Dec{}, false
	}
	m := fromBig(q)
	return m.signed(neg), m.fits(p)
}

func pow10Big(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

func (a u128) big() *big.Int {
	z := new(big.Int).SetUint64(a.hi)
	z.Lsh(z, 64)
	return z.Or(z, new(big.Int).SetUint64(a.lo))
}

func fromBig(z *big.Int) u128 {
	lo := new(big.Int).And(z, new(big.Int).SetUint64(^uint64(0)))
	return u128{new(big.Int).Rsh(z, 64).Uint64(), lo.Uint64()}
}
