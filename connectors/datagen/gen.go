package datagen

import (
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"time"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// gen fills a column with the values of n rows, from the row number on.
type gen func(x *fill, c *batch.Col, row int64, n int)

// fill is what generators share during a poll.
type fill struct {
	seed      uint64
	now       int64
	index, of int64 // split of splits
	text      batch.StringBuilder
}

const golden = 0x9E3779B97F4A7C15

// at is the random word of a row of field id.
func (x *fill) at(id uint64, row int64) uint64 {
	return batch.Mix(batch.Mix(x.seed+id*golden) + uint64(row)*golden)
}

// stream is at for consecutive rows: base plus a multiple of golden is mixed.
func (x *fill) stream(id uint64, row int64) uint64 {
	return batch.Mix(x.seed+id*golden) + uint64(row)*golden
}

// nullable makes a share of the values NULL.
func nullable(g gen, id uint64, rate float64) gen {
	limit := uint64(rate * (1 << 53))
	return func(x *fill, c *batch.Col, row int64, n int) {
		g(x, c, row, n)
		s := x.stream(id^0x4E554C4C, row)
		for i := range n {
			if batch.Mix(s+uint64(i)*golden)>>11 < limit {
				c.SetNull(i, n)
			}
		}
	}
}

func randomBool(t types.Type, id uint64) gen {
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		clear(c.Bits)
		s := x.stream(id, row)
		for i := range n {
			c.Bits[i>>6] |= batch.Mix(s+uint64(i)*golden) >> 63 << (i & 63)
		}
	}
}

// randomInt makes numbers from lo to hi, both included.
func randomInt(t types.Type, id uint64, lo, hi int64) gen {
	span := uint64(hi) - uint64(lo) + 1 // 0 is all 2^64
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		s := x.stream(id, row)
		next := func(i int) int64 {
			w := batch.Mix(s + uint64(i)*golden)
			if span != 0 {
				w, _ = bits.Mul64(w, span)
			}
			return lo + int64(w)
		}
		switch t.Phys() {
		case types.PhysI8:
			for i := range c.I8 {
				c.I8[i] = int8(next(i))
			}
		case types.PhysI16:
			for i := range c.I16 {
				c.I16[i] = int16(next(i))
			}
		case types.PhysI32:
			for i := range c.I32 {
				c.I32[i] = int32(next(i))
			}
		default:
			for i := range c.I64 {
				c.I64[i] = next(i)
			}
		}
	}
}

func randomFloat(t types.Type, id uint64, lo, hi float64) gen {
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		s := x.stream(id, row)
		for i := range n {
			u := float64(float64(batch.Mix(s+uint64(i)*golden)>>11) / (1 << 53))
			v := float64(lo*(1-u)) + float64(hi*u) // does not overflow for any bounds
			if t.Kind == types.Float {
				c.F32[i] = float32(v)
			} else {
				c.F64[i] = v
			}
		}
	}
}

func randomDecimal(t types.Type, id uint64, lo, hi batch.Dec) gen {
	if t.Phys() == types.PhysI64 {
		return randomInt(t, id, int64(lo.Lo), int64(hi.Lo))
	}
	low := bigOf(lo)
	span := new(big.Int).Sub(bigOf(hi), low)
	span.Add(span, big.NewInt(1))
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		var v, w big.Int
		for i := range n {
			r := row + int64(i)
			v.SetUint64(x.at(id, r))
			v.Lsh(&v, 64).Or(&v, w.SetUint64(x.at(^id, r)))
			v.Mul(&v, span).Rsh(&v, 128).Add(&v, low)
			c.Dec[i] = decOf(&v)
		}
	}
}

func bigOf(d batch.Dec) *big.Int {
	v := new(big.Int).Lsh(big.NewInt(d.Hi), 64)
	return v.Add(v, new(big.Int).SetUint64(d.Lo))
}

func decOf(v *big.Int) batch.Dec {
	var hi big.Int
	hi.Rsh(v, 64) // rounds down, so the rest is not negative
	lo := new(big.Int).Sub(v, new(big.Int).Lsh(&hi, 64))
	return batch.Dec{Hi: hi.Int64(), Lo: lo.Uint64()}
}

const hexDigits = "0123456789abcdef"

// randomText makes strings of hexadecimal digits, or bytes, of up to size.
func randomText(t types.Type, id uint64, size int, varLen bool) gen {
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		var short [batch.InlineMax]byte
		for i := range n {
			r := row + int64(i)
			k := size
			if varLen && size > 0 {
				k = 1 + int(x.at(^id, r)%uint64(size))
			}
			buf := short[:min(k, len(short))]
			if k > len(short) {
				buf = x.text.Reserve(k)
			}
			randomBytes(buf, x.at(id, r), t.IsString())
			if k > len(short) {
				c.Views[i] = x.text.View(c, buf)
			} else {
				c.Views[i] = batch.MakeInline(buf)
			}
		}
	}
}

func randomBytes(dst []byte, s uint64, digits bool) {
	var w uint64
	left := 0
	for i := range dst {
		if left == 0 {
			s += golden
			w, left = batch.Mix(s), 8
			if digits {
				left = 16
			}
		}
		left--
		if digits {
			dst[i] = hexDigits[w&15]
			w >>= 4
		} else {
			dst[i] = byte(w)
			w >>= 8
		}
	}
}

// clock makes times: now, or up to past milliseconds before.
func clock(t types.Type, id uint64, past int64, zone *time.Location) gen {
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		now := x.now
		if t.Kind != types.TimestampLTZ {
			now = format.InZone(now, 1000, zone)
		}
		day := now / 86_400_000
		if now%86_400_000 < 0 {
			day--
		}
		per := t.PerSecond() / 1000
		s := x.stream(id, row)
		for i := range n {
			switch t.Kind {
			case types.Date:
				c.I32[i] = int32(day)
			case types.Time:
				c.I32[i] = int32(now - day*86_400_000)
				if t.Prec < 3 {
					c.I32[i] -= c.I32[i] % int32(math.Pow10(3-t.Prec))
				}
			default:
				back := int64(0)
				if past > 0 {
					hi, _ := bits.Mul64(batch.Mix(s+uint64(i)*golden), uint64(past)+1)
					back = int64(hi)
				}
				v := now - back
				if t.Prec < 3 {
					v -= ((v % 1000) + 1000) % int64(math.Pow10(3-t.Prec))
				}
				c.I64[i] = v * per
			}
		}
	}
}

// sequence counts up from start; split i of n has every nth number.
func sequence(t types.Type, start int64) gen {
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		v := start + x.index + row*x.of
		scale := int64(1)
		if t.Kind == types.Decimal && t.Phys() == types.PhysI64 {
			for range t.Scale {
				scale *= 10
			}
		}
		var buf [24]byte
		for i := range n {
			switch t.Phys() {
			case types.PhysI8:
				c.I8[i] = int8(v)
			case types.PhysI16:
				c.I16[i] = int16(v)
			case types.PhysI32:
				c.I32[i] = int32(v)
			case types.PhysI64:
				c.I64[i] = v * scale
			case types.PhysF32:
				c.F32[i] = float32(v)
			case types.PhysF64:
				c.F64[i] = float64(v)
			case types.PhysDec:
				c.Dec[i], _, _ = format.ParseDecimal(strconv.AppendInt(buf[:0], v, 10), t.Prec, t.Scale)
			case types.PhysBytes:
				c.Views[i] = x.text.Add(c, strconv.AppendInt(buf[:0], v, 10))
			}
			v += x.of
		}
	}
}

// row fills the fields.
func row(t types.Type, kids []gen) gen {
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		for i, k := range kids {
			k(x, &c.Kids[i], row, n)
		}
	}
}

// list fills lists of size elements each.
func list(t types.Type, size int, kids []gen) gen {
	return func(x *fill, c *batch.Col, row int64, n int) {
		c.Alloc(t, n)
		for i := range n + 1 {
			c.Offs[i] = uint32(i * size)
		}
		for i, k := range kids {
			k(x, &c.Kids[i], row*int64(size), n*size)
		}
	}
}
