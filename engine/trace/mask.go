package trace

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Mask puts other values in the place of those of a column, of the same type. What a
// value becomes follows from the key and the value alone, so that rows which were equal
// in a column still are, in all tables: joins and groups stay. Without the key it does
// not tell the value.
//
// Numbers and times become others of about the same size, each value its own: a whole
// number one with as many binary digits (from 16 on), a decimal one with as many decimal
// digits (from 4 on), a floating one with the same exponent. A text becomes 16 letters
// and digits, or as many as its type has room for; an empty one stays. NULL stays NULL.
// BOOLEAN has no values to hide behind: it becomes FALSE.
type Mask struct {
	block cipher.Block
	key   []byte
}

// NewMask makes one of a key of any length.
func NewMask(key []byte) *Mask {
	sum := sha256.Sum256(key)
	block, err := aes.NewCipher(sum[:16])
	if err != nil {
		panic(err) // the length is right
	}
	return &Mask{block: block, key: sum[16:]}
}

// Column gives a column with the values of c masked; n is the number of lanes. It fails
// with unsupported for types whose values have a form of their own.
func (m *Mask) Column(c *batch.Col, n int) (batch.Col, error) {
	var out batch.Col
	out.Append(0, c, nil, n)
	out.Flatten(n)
	return out, m.flat(&out, n)
}

func (m *Mask) flat(c *batch.Col, n int) error {
	t := c.Type
	switch t.Kind {
	case types.Raw, types.Variant, types.Bitmap:
		return diag.New(diag.Unsupported, "a column of type %s cannot be masked, which is not supported yet", t)
	}
	switch t.Phys() {
	case types.PhysBool:
		clear(c.Bits)
	case types.PhysI8:
		mapLanes(c, n, c.I8, func(v int8) int8 { return int8(m.permute(uint64(uint8(v)), 1<<8)) })
	case types.PhysI16:
		mapLanes(c, n, c.I16, func(v int16) int16 { return int16(m.permute(uint64(uint16(v)), 1<<16)) })
	case types.PhysI32:
		mapLanes(c, n, c.I32, func(v int32) int32 { return int32(m.whole(t, int64(v))) })
	case types.PhysI64:
		mapLanes(c, n, c.I64, func(v int64) int64 { return m.whole(t, v) })
	case types.PhysF32:
		mapLanes(c, n, c.F32, func(v float32) float32 {
			return math.Float32frombits(uint32(m.mantissa(uint64(math.Float32bits(v)), 23, 8)))
		})
	case types.PhysF64:
		mapLanes(c, n, c.F64, func(v float64) float64 { return math.Float64frombits(m.mantissa(math.Float64bits(v), 52, 11)) })
	case types.PhysDec:
		mapLanes(c, n, c.Dec, m.decimal)
	case types.PhysBytes:
		m.texts(c, n)
	case types.PhysList:
		if n > 0 {
			n = int(c.Offs[n])
		}
		return m.kids(c, n)
	case types.PhysRow:
		return m.kids(c, n)
	}
	return nil
}

func (m *Mask) kids(c *batch.Col, n int) error {
	for i := range c.Kids {
		if c.Kids[i].Type.Kind == types.Invalid {
			continue // nobody reads it
		}
		if err := m.flat(&c.Kids[i], n); err != nil {
			return err
		}
	}
	return nil
}

func mapLanes[T any](c *batch.Col, n int, v []T, f func(T) T) {
	for i := range n {
		if !c.IsNull(i) {
			v[i] = f(v[i])
		}
	}
}

// whole is that of a number or a time in whole units. The sign stays.
func (m *Mask) whole(t types.Type, v int64) int64 {
	if v < 0 {
		return -1 - m.whole(t, -1-v)
	}
	x := uint64(v)
	switch t.Kind {
	case types.Time:
		return int64(m.permute(x, 24*60*60*1000))
	case types.Decimal:
		return int64(m.digits(x, t.Prec))
	}
	if x < 1<<16 {
		return int64(m.permute(x, 1<<16))
	}
	low := uint64(1) << (bits.Len64(x) - 1)
	return int64(low + m.permute(x-low, low))
}

// digits permutes the numbers that have as many decimal digits, at most prec.
func (m *Mask) digits(x uint64, prec int) uint64 {
	low, high := uint64(0), uint64(1)
	for k := 0; k < prec && (k < 4 || x >= high); k++ {
		if low = high; k < 4 {
			low = 0
		}
		if high > math.MaxUint64/10 {
			return x
		}
		high *= 10
	}
	return low + m.permute(x-low, high-low)
}

// decimal is whole for more than 18 digits: those before and the last 18 apart.
func (m *Mask) decimal(d batch.Dec) batch.Dec {
	v := new(big.Int).Lsh(big.NewInt(d.Hi), 64)
	v.Or(v, new(big.Int).SetUint64(d.Lo))
	sign := v.Sign()
	rest := new(big.Int)
	ahead, _ := new(big.Int).QuoRem(v.Abs(v), big.NewInt(1e18), rest)
	if ahead.Sign() == 0 {
		rest.SetUint64(m.digits(rest.Uint64(), 18))
	} else {
		rest.SetUint64(m.permute(rest.Uint64(), 1e18))
		if ahead.IsUint64() {
			ahead.SetUint64(m.digits(ahead.Uint64(), 19))
		}
	}
	v.Add(ahead.Mul(ahead, big.NewInt(1e18)), rest)
	if sign < 0 {
		v.Neg(v)
	}
	lo := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64))
	return batch.Dec{Hi: new(big.Int).Rsh(v, 64).Int64(), Lo: lo.Uint64()}
}

// mantissa permutes the last bits of a floating number. What is no number stays, and
// so does zero.
func (m *Mask) mantissa(v uint64, width, exponent int) uint64 {
	low := uint64(1)<<width - 1
	if e := v >> width & (1<<exponent - 1); e == 1<<exponent-1 || v<<(64-width-exponent) == 0 {
		return v
	}
	return v&^low | m.permute(v&low, low+1)
}

// permute is a one-to-one map of the numbers below size, by four rounds of a Feistel
// network over as many bits as they need, repeated until the outcome is one of them.
func (m *Mask) permute(x, size uint64) uint64 {
	if size < 2 {
		return x
	}
	half := (bits.Len64(size-1) + 1) / 2
	low := uint64(1)<<half - 1
	var in [16]byte
	for {
		a, b := x>>half, x&low
		for round := range uint64(4) {
			binary.LittleEndian.PutUint64(in[:], b)
			binary.LittleEndian.PutUint64(in[8:], size^round<<56)
			m.block.Encrypt(in[:], in[:])
			a, b = b, a^binary.LittleEndian.Uint64(in[:])&low
		}
		if x = a<<half | b; x < size {
			return x
		}
	}
}

// textLength is how long a masked text is where its type has room.
const textLength = 16

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// texts masks strings and binary values.
func (m *Mask) texts(c *batch.Col, n int) {
	binaryType := c.Type.Kind == types.Binary || c.Type.Kind == types.VarBinary
	fixed := c.Type.Kind == types.Char || c.Type.Kind == types.Binary
	length := textLength
	if fixed || c.Type.Prec > 0 {
		length = min(length, c.Type.Prec)
	}
	b := batch.NewBuilder(c.Type)
	for i := range n {
		var scratch [12]byte
		v := c.Bytes(i, &scratch)
		switch {
		case c.IsNull(i):
			b.AppendNull()
		case len(v) == 0:
			b.AppendBytes(nil)
		default:
			mac := hmac.New(sha256.New, m.key)
			mac.Write(v)
			sum := mac.Sum(nil)
			if !binaryType {
				sum = letters.AppendEncode(nil, sum)
			}
			sum = sum[:length]
			for fixed && len(sum) < c.Type.Prec {
				sum = append(sum, sum[:min(len(sum), c.Type.Prec-len(sum))]...)
			}
			b.AppendBytes(sum)
		}
	}
	*c = b.Finish()
}
