package aggregate

import (
	"encoding/binary"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/minkstream/mink/engine/kernel"
)

// bitCounts says of each number how many of the bitmaps that were added have it, so
// that bitmaps can be taken back. Counts lie in planes: a number is in planes[k] if bit
// k of its count is set. So a whole bitmap is added by a few operations on bitmaps, like
// a binary counter. A number that was taken back before it came is in minus, and in
// no plane.
type bitCounts struct{ plus, minus planes }

type planes []*roaring.Bitmap

// add counts the numbers of x once more. x is not kept and not changed.
func (p *planes) add(x *roaring.Bitmap) {
	for k := 0; !x.IsEmpty(); k++ {
		if k == len(*p) {
			*p = append(*p, x.Clone())
			return
		}
		carry := roaring.And((*p)[k], x)
		(*p)[k].Xor(x)
		x = carry
	}
}

// sub counts the numbers of x, which have all been counted, once less.
func (p *planes) sub(x *roaring.Bitmap) {
	for k := 0; !x.IsEmpty() && k < len(*p); k++ {
		borrow := roaring.AndNot(x, (*p)[k])
		(*p)[k].Xor(x)
		x = borrow
	}
	p.trim()
}

// union has the numbers that are counted at all.
func (p planes) union() *roaring.Bitmap {
	out := roaring.New()
	for _, b := range p {
		out.Or(b)
	}
	return out
}

// exactly has the numbers that are counted n times, n above 0.
func (p planes) exactly(n int64) *roaring.Bitmap {
	if n>>len(p) != 0 {
		return roaring.New()
	}
	out := p.union()
	for k, b := range p {
		if n>>k&1 != 0 {
			out.And(b)
		} else {
			out.AndNot(b)
		}
	}
	return out
}

// add counts a bitmap up, or down with neg.
func (c *bitCounts) add(x *roaring.Bitmap, neg bool) {
	to, from := &c.plus, &c.minus
	if neg {
		to, from = from, to
	}
	if len(*from) > 0 {
		both := roaring.And(x, from.union())
		from.sub(both)
		x = roaring.AndNot(x, both)
	}
	to.add(x)
}

// merge adds the counts of o, which may be changed.
func (c *bitCounts) merge(o *bitCounts) {
	for k, b := range o.plus {
		c.plus.addAt(b, k)
	}
	for k, b := range o.minus {
		c.minus.addAt(b, k)
	}
	both := roaring.And(c.plus.union(), c.minus.union())
	if both.IsEmpty() {
		return
	}
	left, less := difference(c.plus, c.minus, both)
	over, _ := difference(c.minus, c.plus, less)
	c.plus.replace(both, left, roaring.AndNot(both, less))
	c.minus.replace(both, over, less)
}

// addAt counts the numbers of x 2^k times more.
func (p *planes) addAt(x *roaring.Bitmap, k int) {
	for len(*p) < k {
		*p = append(*p, roaring.New())
	}
	high := (*p)[k:]
	high.add(x)
	*p = append((*p)[:k], high...)
}

// difference is x - y for the numbers on, digit by digit, and those for which it is
// below zero.
func difference(x, y planes, on *roaring.Bitmap) (out planes, less *roaring.Bitmap) {
	less = roaring.New()
	at := func(p planes, k int) *roaring.Bitmap {
		if k < len(p) {
			return roaring.And(p[k], on)
		}
		return roaring.New()
	}
	for k := range max(len(x), len(y)) {
		a, b := at(x, k), at(y, k)
		d := roaring.Xor(roaring.Xor(a, b), less)
		// A digit is borrowed where a < b + less.
		owed := roaring.AndNot(roaring.Or(b, less), a)
		owed.Or(roaring.And(roaring.And(a, b), less))
		out, less = append(out, d), owed
	}
	return out, less
}

// replace gives the numbers gone the counts of by, or none where they are not on.
func (p *planes) replace(gone *roaring.Bitmap, by planes, on *roaring.Bitmap) {
	for k := range *p {
		(*p)[k].AndNot(gone)
	}
	for k, b := range by {
		p.addAt(roaring.And(b, on), k)
	}
	p.trim()
}

// trim drops planes at the end that are empty.
func (p *planes) trim() {
	for n := len(*p); n > 0 && (*p)[n-1].IsEmpty(); n-- {
		*p = (*p)[:n-1]
	}
}

// append writes the counts: the number of planes and each with its length, twice.
func (c *bitCounts) append(dst []byte) []byte {
	for _, p := range []planes{c.plus, c.minus} {
		dst = binary.AppendUvarint(dst, uint64(len(p)))
		for _, b := range p {
			dst = appendSized(dst, b)
		}
	}
	return dst
}

func appendSized(dst []byte, b *roaring.Bitmap) []byte {
	b.RunOptimize()
	dst = binary.AppendUvarint(dst, b.GetSerializedSizeInBytes())
	return kernel.AppendBitmap(dst, b)
}

// readCounts reads what append wrote; nothing is empty counts. They may be changed.
func readCounts(b []byte) *bitCounts {
	c := &bitCounts{}
	for _, p := range []*planes{&c.plus, &c.minus} {
		if len(b) == 0 {
			break
		}
		n, k := binary.Uvarint(b)
		b = b[k:]
		for range n {
			size, k := binary.Uvarint(b)
			b = b[k:]
			*p = append(*p, kernel.BitmapOf(b[:size]).Clone())
			b = b[size:]
		}
	}
	return c
}
