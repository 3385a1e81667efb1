package state

import (
	"encoding/binary"
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// layout is how keys of a structure are kept.
type layout uint8

const (
	keyNone  layout = iota // no key columns: one row
	keyWord                // one column of at most 8 bytes: the value is the index word
	keyStr                 // one string: hash, then a view
	keyBytes               // anything else: hash, then a view of the normalised key
)

// keyShape is the layout with what is needed to read columns of it.
type keyShape struct {
	lay   layout
	ts    []types.Type
	phys  types.Phys // of keyWord
	lanes int        // of a row that hold the key
}

func shapeOf(ts []types.Type) keyShape {
	k := keyShape{ts: ts, lay: keyBytes, lanes: 3}
	if len(ts) == 0 {
		return keyShape{lay: keyNone}
	}
	if len(ts) > 1 {
		return k
	}
	switch k.phys = ts[0].Phys(); k.phys {
	case types.PhysBool, types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64, types.PhysF32, types.PhysF64:
		k.lay, k.lanes = keyWord, 1
	case types.PhysBytes:
		k.lay = keyStr
	}
	return k
}

// nullView marks the NULL string: no value is that long.
var nullView = batch.View{A: math.MaxUint32}

// words writes the values of the rows of a keyWord column to dst, in canonical
// form, and says which are NULL (nil: none; bit i is row i).
func (k *keyShape) words(c *batch.Col, sel []uint16, n int, dst, nulls []uint64) ([]uint64, []uint64) {
	dst = sized(dst, n)
	if c.Enc == batch.Const {
		w := wordOf(c, 0)
		for i := range dst {
			dst[i] = w
		}
	} else if c.Type.Phys() == types.PhysI64 {
		if sel == nil {
			for i, v := range c.I64[:n] {
				dst[i] = uint64(v)
			}
		} else {
			for i, l := range sel {
				dst[i] = uint64(c.I64[l])
			}
		}
	} else if c.Type.Phys() == types.PhysI32 && sel == nil {
		for i, v := range c.I32[:n] {
			dst[i] = uint64(int64(v))
		}
	} else {
		for i := range dst {
			dst[i] = wordOf(c, laneOf(sel, i))
		}
	}
	if c.Nulls == nil {
		return dst, nil
	}
	nulls = sized(nulls, batch.Words(n))
	clear(nulls)
	for i := range dst {
		if c.IsNull(laneOf(sel, i)) {
			batch.SetBit(nulls, i)
		}
	}
	return dst, nulls
}

func laneOf(sel []uint16, i int) int {
	if sel == nil {
		return i
	}
	return int(sel[i])
}

// sized gives s n elements of undefined content.
func sized[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]T, n, max(n, 2*cap(s)))
}

func wordOf(c *batch.Col, l int) uint64 {
	switch c.Type.Phys() {
	case types.PhysBool:
		return c.Bits[l>>6] >> (l & 63) & 1
	case types.PhysI8:
		return uint64(int64(c.I8[l]))
	case types.PhysI16:
		return uint64(int64(c.I16[l]))
	case types.PhysI32:
		return uint64(int64(c.I32[l]))
	case types.PhysI64:
		return uint64(c.I64[l])
	case types.PhysF32:
		return floatWord(float64(c.F32[l]))
	default:
		return floatWord(c.F64[l])
	}
}

func floatWord(f float64) uint64 {
	if f != f {
		return 0x7FF8000000000001
	}
	return math.Float64bits(f)
}

// orderWord is the word whose unsigned order is the order of values.
func (k *keyShape) orderWord(w uint64) uint64 {
	if k.phys == types.PhysF32 || k.phys == types.PhysF64 {
		if w == 0x7FF8000000000001 {
			return math.MaxUint64
		}
		if w>>63 != 0 {
			return ^w
		}
	}
	return w ^ 1<<63
}

// appendWord appends the normalised key of a word, as batch.AppendKey gives it
// for the value.
func (k *keyShape) appendWord(dst []byte, w uint64) []byte {
	dst = append(dst, 1)
	switch k.phys {
	case types.PhysBool:
		return append(dst, byte(w))
	case types.PhysI8:
		return append(dst, byte(w)^0x80)
	case types.PhysI16:
		return binary.BigEndian.AppendUint16(dst, uint16(w)^1<<15)
	case types.PhysI32:
		return binary.BigEndian.AppendUint32(dst, uint32(w)^1<<31)
	case types.PhysF32:
		u := math.Float32bits(float32(math.Float64frombits(w)))
		switch f := math.Float64frombits(w); {
		case f != f:
			u = math.MaxUint32
		case u>>31 != 0:
			u = ^u
		default:
			u |= 1 << 31
		}
		return binary.BigEndian.AppendUint32(dst, u)
	}
	return binary.BigEndian.AppendUint64(dst, k.orderWord(w))
}

// takeWord is the opposite of appendWord; null for the key of NULL.
func (k *keyShape) takeWord(b []byte) (w uint64, null, ok bool) {
	if len(b) == 1 && b[0] == 0 {
		return 0, true, true
	}
	width := [...]int{types.PhysBool: 1, types.PhysI8: 1, types.PhysI16: 2, types.PhysI32: 4, types.PhysI64: 8, types.PhysF32: 4, types.PhysF64: 8}[k.phys]
	if len(b) != 1+width || b[0] != 1 {
		return 0, false, false
	}
	b = b[1:]
	switch k.phys {
	case types.PhysBool:
		w = uint64(b[0])
	case types.PhysI8:
		w = uint64(int64(int8(b[0] ^ 0x80)))
	case types.PhysI16:
		w = uint64(int64(int16(binary.BigEndian.Uint16(b) ^ 1<<15)))
	case types.PhysI32:
		w = uint64(int64(int32(binary.BigEndian.Uint32(b) ^ 1<<31)))
	case types.PhysI64:
		w = binary.BigEndian.Uint64(b) ^ 1<<63
	case types.PhysF32:
		u := binary.BigEndian.Uint32(b)
		switch {
		case u == math.MaxUint32:
			return 0x7FF8000000000001, false, true
		case u>>31 == 0:
			u = ^u
		default:
			u &^= 1 << 31
		}
		w = floatWord(float64(math.Float32frombits(u)))
	case types.PhysF64:
		u := binary.BigEndian.Uint64(b)
		switch {
		case u == math.MaxUint64:
			return 0x7FF8000000000001, false, true
		case u>>63 == 0:
			u = ^u
		default:
			u ^= 1 << 63
		}
		w = floatWord(math.Float64frombits(u))
	}
	return w, false, true
}

// appendStr appends the normalised key of a string.
func appendStr(dst, s []byte) []byte {
	dst = append(dst, 1)
	for _, b := range s {
		dst = append(dst, b)
		if b == 0 {
			dst = append(dst, 0xFF)
		}
	}
	return append(dst, 0, 0)
}

// takeStr appends the string of a normalised key to dst.
func takeStr(dst, key []byte) ([]byte, bool) {
	if len(key) < 3 {
		return dst, false
	}
	key = key[1:]
	for i := 0; i+1 < len(key); i++ {
		b := key[i]
		if b == 0 {
			i++
			if key[i] == 0 {
				return dst, i+1 == len(key)
			}
		}
		dst = append(dst, b)
	}
	return dst, false
}

// KeysInto writes keys apart from a batch to columns of the given types, at lanes
// at, at+1, ... as Table.KeysInto does.
func KeysInto(cols []batch.Col, at int, ts []types.Type, keys []Key) {
	d := keyDecoder{ts: ts}
	for _, k := range keys {
		d.add(k.Bytes)
	}
	d.flush(cols, at)
}

// keyDecoder turns normalised keys into columns.
type keyDecoder struct {
	ts []types.Type
	bs []*batch.Builder
	n  int
}

func (d *keyDecoder) add(key []byte) bool {
	if d.bs == nil {
		d.bs = make([]*batch.Builder, len(d.ts))
		for i, t := range d.ts {
			d.bs[i] = batch.NewBuilder(t)
		}
	}
	d.n++
	ok := true
	for _, b := range d.bs {
		key, ok = batch.DecodeKey(b, key)
		if !ok {
			return false
		}
	}
	return len(key) == 0
}

func (d *keyDecoder) flush(cols []batch.Col, at int) {
	if d.n == 0 {
		return
	}
	for i, b := range d.bs {
		c := b.Finish()
		cols[i].Append(at, &c, nil, d.n)
	}
	d.n = 0
}
