package batch

import "github.com/minkstream/mink/engine/types"

// Bytes is what the values of all lanes take, as they lie in columns: a value of fixed width
// its width, a text 16 bytes and, if it is longer than InlineMax, its length. Which lanes
// are NULL is not counted, nor are marks and hashes.
func (b *Batch) Bytes() int64 {
	n := int64(0)
	if b.Kinds != nil {
		n = int64(b.N)
	}
	for i := range b.Cols {
		n += b.Cols[i].dataBytes(b.N)
	}
	return n
}

func (c *Col) dataBytes(n int) int64 {
	if c.Type.Kind == types.Invalid {
		return 0
	}
	switch c.Enc {
	case Const:
		n = min(n, 1)
	case Sparse:
		n = len(c.At)
	}
	sum := int64(0)
	switch c.Type.Phys() {
	case types.PhysBool:
		sum = int64(n+7) / 8
	case types.PhysI8:
		sum = int64(n)
	case types.PhysI16:
		sum = 2 * int64(n)
	case types.PhysI32, types.PhysF32:
		sum = 4 * int64(n)
	case types.PhysI64, types.PhysF64:
		sum = 8 * int64(n)
	case types.PhysDec:
		sum = 16 * int64(n)
	case types.PhysBytes:
		return 16*int64(n) + longBytes(c.Views[:n])
	case types.PhysList:
		sum = 4 * int64(n)
		if n > 0 {
			n = int(c.Offs[n])
		}
	}
	for i := range c.Kids {
		sum += c.Kids[i].dataBytes(n)
	}
	return sum
}

// longBytes is what lies outside of views.
func longBytes(views []View) int64 {
	sum := int64(0)
	for _, v := range views {
		n := int64(v.Len())
		sum += n & ((InlineMax - n) >> 63) // all ones where it is longer
	}
	return sum
}
