package aggregate

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// cell keeps one value of any type in accumulator lanes.
//
//	up to 64 bits   one lane: integers as they are, floats as ordered integers
//	DECIMAL(p > 18) two lanes, high half first
//	strings         one lane: a reference to the bytes
//	nested          one lane: a reference to the normalised key form
type cell struct {
	t    types.Type
	phys types.Phys
	strs batch.StringBuilder
}

func newCell(t types.Type) cell { return cell{t: t.Plain(), phys: t.Phys()} }

func (c *cell) lanes() int {
	if c.phys == types.PhysDec {
		return 2
	}
	return 1
}

// blob reports whether the lane is a reference.
func (c *cell) blob() bool {
	return c.phys == types.PhysBytes || c.phys == types.PhysList || c.phys == types.PhysRow
}

// word is the value of a column up to 64 bits wide as an integer in the order of
// values; -0.0 is below 0.0 and NaN above all, so that ties do not exist.
func word(col *batch.Col, phys types.Phys, lane int) int64 {
	switch phys {
	case types.PhysBool:
		if col.Bool(lane) {
			return 1
		}
		return 0
	case types.PhysF32:
		return floatWord(float64(col.F32[lane]))
	case types.PhysF64:
		return floatWord(col.F64[lane])
	}
	return col.Int(lane)
}

func floatWord(f float64) int64 {
	if f != f {
		return math.MaxInt64
	}
	b := int64(math.Float64bits(f))
	return b ^ int64(uint64(b>>63)>>1)
}

func wordFloat(w int64) float64 {
	if w == math.MaxInt64 {
		return math.NaN()
	}
	return math.Float64frombits(uint64(w ^ int64(uint64(w>>63)>>1)))
}

// take keeps the value of a lane that is not NULL.
func (c *cell) take(dst []uint64, col *batch.Col, lane int, h *Heap) {
	switch c.phys {
	case types.PhysDec:
		d := col.Dec[lane]
		dst[0], dst[1] = uint64(d.Hi), d.Lo
	case types.PhysBytes:
		var t [12]byte
		dst[0] = h.Put(col.Bytes(lane, &t))
	case types.PhysList, types.PhysRow:
		var t [64]byte
		dst[0] = h.Put(batch.AppendKey(t[:0], col, lane))
	default:
		dst[0] = uint64(word(col, c.phys, lane))
	}
}

// takeKey keeps the value of a normalised key that is not NULL.
func (c *cell) takeKey(dst []uint64, key []byte, h *Heap) {
	v := key[1:]
	switch c.phys {
	case types.PhysBool:
		dst[0] = uint64(v[0])
		return
	case types.PhysI8:
		dst[0] = uint64(int64(int8(v[0] ^ 1<<7)))
		return
	case types.PhysI16:
		dst[0] = uint64(int64(int16(binary.BigEndian.Uint16(v) ^ 1<<15)))
		return
	case types.PhysI32:
		dst[0] = uint64(int64(int32(binary.BigEndian.Uint32(v) ^ 1<<31)))
		return
	case types.PhysI64:
		dst[0] = binary.BigEndian.Uint64(v) ^ 1<<63
		return
	case types.PhysDec:
		dst[0], dst[1] = binary.BigEndian.Uint64(v)^1<<63, binary.BigEndian.Uint64(v[8:])
		return
	case types.PhysList, types.PhysRow:
		dst[0] = h.Put(key)
		return
	case types.PhysBytes:
		// Zero bytes are escaped, and two of them end the value.
		if body := v[:len(v)-2]; bytes.IndexByte(body, 0) < 0 {
			dst[0] = h.Put(body)
			return
		}
	}
	b := batch.NewBuilder(c.t)
	batch.DecodeKey(b, key)
	col := b.Finish()
	c.take(dst, &col, 0, h)
}

// final writes kept values; has tells which rows have one, the others are NULL.
// The value's lanes begin at lane at of a row.
func (c *cell) final(out *batch.Col, rows [][]uint64, at int, has func(r []uint64) bool, h Blobs) {
	n := len(rows)
	if c.phys == types.PhysList || c.phys == types.PhysRow {
		c.finalNested(out, rows, at, has, h)
		return
	}
	for i, r := range rows {
		if !has(r) {
			out.SetNull(i, n)
			c.put(out, i, zeroLanes[:], h)
			continue
		}
		c.put(out, i, r[at:], h)
	}
}

var zeroLanes [2]uint64

func (c *cell) put(out *batch.Col, i int, r []uint64, h Blobs) {
	switch v := int64(r[0]); c.phys {
	case types.PhysBool:
		if v != 0 {
			batch.SetBit(out.Bits, i)
		} else {
			batch.ClearBit(out.Bits, i)
		}
	case types.PhysI8:
		out.I8[i] = int8(v)
	case types.PhysI16:
		out.I16[i] = int16(v)
	case types.PhysI32:
		out.I32[i] = int32(v)
	case types.PhysI64:
		out.I64[i] = v
	case types.PhysF32:
		out.F32[i] = float32(wordFloat(v))
	case types.PhysF64:
		out.F64[i] = wordFloat(v)
	case types.PhysDec:
		out.Dec[i] = batch.Dec{Hi: v, Lo: r[1]}
	case types.PhysBytes:
		out.Views[i] = c.strs.Add(out, h.Blob(r[0]))
	}
}

func (c *cell) finalNested(out *batch.Col, rows [][]uint64, at int, has func(r []uint64) bool, h Blobs) {
	b := batch.NewBuilder(out.Type)
	for _, r := range rows {
		if !has(r) {
			b.AppendNull()
			continue
		}
		batch.DecodeKey(b, h.Blob(r[at]))
	}
	*out = b.Finish()
}
