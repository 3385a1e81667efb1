package batch

import (
	"encoding/binary"
	"math/bits"

	"github.com/minkstream/mink/engine/types"
)

// RowDigester makes digests of the rows that readers give. It keeps memory between them.
type RowDigester struct {
	levels [][2][]uint16
	key    []byte
}

// Row is the hash of one row's values and kind.
func (d *RowDigester) Row(b *Batch, lane int) (h uint64) {
	h, d.key = b.rowDigest(lane, d.key)
	return h
}

// Digest is a hash of all rows of b, with their order and kinds, that costs little:
// columns are hashed as they lie, one after the other. It does not depend on how a
// column is encoded; columns that were not filled do not count. Marks do not either. Of a
// text longer than 12 bytes it has the length, the first four and the last eight bytes.
func (d *RowDigester) Digest(b *Batch) uint64 {
	n := b.Rows()
	if n == 0 {
		return 0
	}
	lanes := b.Sel
	if lanes == nil {
		lanes = Span(0, b.N)
	}
	h := Mix(uint64(n))
	for i := range b.Cols {
		h = combine(h, d.lanes(&b.Cols[i], lanes, Span(0, n), uint64(i)+1, 0))
	}
	if b.Kinds != nil {
		for i, l := range lanes {
			if k := b.Kinds[l]; k != Insert {
				h = combine(h, uint64(k)<<32|uint64(i))
			}
		}
	}
	return h
}

// lanes sums a hash of each value with the number of its row.
func (d *RowDigester) lanes(c *Col, lanes, rows []uint16, salt uint64, depth int) (sum uint64) {
	if c.Type.Kind == types.Invalid || len(lanes) == 0 {
		return 0
	}
	if c.Enc == Const { // as if it lay flat
		var flat Col
		flat.Dense(c, int(lanes[len(lanes)-1])+1)
		c = &flat
	}
	if c.Type.Phys() == types.PhysRow {
		return d.fields(c, lanes, rows, salt, depth)
	}
	key := Mix(salt)
	switch p := c.Type.Phys(); {
	case c.Enc == Flat && p == types.PhysI64:
		for i, l := range lanes {
			x := uint64(c.I64[l])
			if c.Nulls != nil && c.IsNull(int(l)) {
				x = nullHash
			}
			hi, lo := bits.Mul64(x^key, uint64(rows[i])<<17^golden)
			sum += hi ^ lo
		}
		return sum
	case c.Enc == Flat && p == types.PhysBytes:
		for i, l := range lanes {
			v := c.Views[l]
			switch {
			case c.Nulls != nil && c.IsNull(int(l)):
				v = View{nullHash, golden}
			case v.Len() > InlineMax:
				v = longDigest(c, v)
			}
			hi, lo := bits.Mul64(v.A^key^uint64(rows[i])<<17, v.B^golden)
			sum += hi ^ lo
		}
		return sum
	}
	var buf [strip]uint64
	for len(lanes) > 0 {
		k := min(strip, len(lanes))
		hashLanes(buf[:k], c, lanes[:k])
		for i, r := range rows[:k] {
			hi, lo := bits.Mul64(buf[i]^key, uint64(r)<<17^golden)
			sum += hi ^ lo
		}
		lanes, rows = lanes[k:], rows[k:]
	}
	return sum
}

// fields is lanes of a ROW: of the rows that are there, and of the fields of
// these.
func (d *RowDigester) fields(c *Col, lanes, rows []uint16, salt uint64, depth int) (sum uint64) {
	for len(d.levels) <= depth {
		d.levels = append(d.levels, [2][]uint16{})
	}
	there, of := d.levels[depth][0][:0], d.levels[depth][1][:0]
	own := true
	switch {
	case c.Enc == Sparse:
		k := 0
		for i, l := range lanes {
			for k < len(c.At) && c.At[k] < l {
				k++
			}
			if k < len(c.At) && c.At[k] == l {
				there, of = append(there, uint16(k)), append(of, rows[i])
			}
		}
	case c.Nulls == nil:
		there, of, own = lanes, rows, false
	default:
		for i, l := range lanes {
			if !c.IsNull(int(l)) {
				there, of = append(there, l), append(of, rows[i])
			}
		}
	}
	if own {
		d.levels[depth] = [2][]uint16{there, of}
	}
	for _, r := range of {
		sum += Mix(uint64(r)<<20 ^ salt)
	}
	for i := range c.Kids {
		sum = combine(sum, d.lanes(&c.Kids[i], there, of, salt<<8+uint64(i)+1, depth+1))
	}
	return sum
}

// longDigest is a view's worth of a text that is not within its view: its length, its first
// four and its last eight bytes.
func longDigest(c *Col, v View) View {
	end := v.Off() + uint32(v.Len())
	return View{v.A, binary.LittleEndian.Uint64(c.Bufs[v.Buf()][end-8 : end])}
}
