package state

import "math/bits"

// slab holds byte values of any length, immutable from put to drop: cells of
// fixed sizes up to slabMax, longer values one by one.
//
// A reference is (class+1) << 58 | cell << 18 | length, or (63 << 58 | number << 18)
// for long values. While a snapshot is being written the cells that it may read stay
// untouched: drop only notes them. Those given out since it was taken are used again.
type slab struct {
	s     *Store
	class []cells[byte]
	long  [][]byte
	holes []uint32 // free numbers of long
	bytes int64    // of values, as cells
	later []uint64 // dropped, and in a snapshot that is being written
}

const (
	slabMax   = 32 << 10
	longClass = 63
)

// cellBytes has four sizes to each doubling: 16, 20, 24, 28, 32, 40, ...
func cellBytes(class int) int { return (4 + class&3) << (2 + class>>2) }

// cellClass is the least class whose cells hold n bytes.
func cellClass(n int) int {
	if n <= 16 {
		return 0
	}
	e := bits.Len(uint(n-1)) - 3 // n-1 has 3 leading bits above e
	return (e-2)<<2 + (n-1)>>e - 3
}

func (b *slab) put(v []byte) uint64 {
	if len(v) == 0 {
		return 0
	}
	ref, dst := b.reserve(len(v))
	copy(dst, v)
	return ref
}

// reserve gives out room for n > 0 bytes, to be filled at once.
func (b *slab) reserve(n int) (uint64, []byte) {
	if n > slabMax {
		d := make([]byte, n)
		b.bytes += int64(n)
		if k := len(b.holes); k > 0 {
			i := b.holes[k-1]
			b.holes = b.holes[:k-1]
			b.long[i] = d
			return longClass<<58 | uint64(i)<<18, d
		}
		b.long = append(b.long, d)
		return longClass<<58 | uint64(len(b.long)-1)<<18, d
	}
	k := cellClass(n)
	for len(b.class) <= k {
		b.class = append(b.class, cells[byte]{})
		b.class[len(b.class)-1].init(cellBytes(len(b.class)-1), b.s.c.PageBytes)
	}
	c := &b.class[k]
	had := c.elems
	id := c.alloc()
	b.bytes += int64(c.size)
	m := &c.meta[id>>c.shift]
	if m.epoch < b.s.snaps.shared {
		if p := id >> c.shift; c.elems == had {
			c.data[p] = mine(b.s, c.data[p])
		}
		m.epoch = b.s.snaps.epoch
	}
	if b.s.snaps.frozen() {
		m.bear(id&(1<<c.shift-1), b.s.snaps.epoch)
	}
	return uint64(k+1)<<58 | uint64(id)<<18 | uint64(n), c.at(id)[:n]
}

// get returns the bytes of a reference, nil of 0.
func (b *slab) get(ref uint64) []byte {
	if ref == 0 {
		return nil
	}
	k := ref >> 58
	id := uint32(ref >> 18)
	if k == longClass {
		return b.long[id]
	}
	n := int(ref & (1<<18 - 1))
	c := &b.class[k-1]
	o := int(id&(1<<c.shift-1)) * c.size
	return c.data[id>>c.shift][o : o+n : o+n]
}

// drop gives a value back.
func (b *slab) drop(ref uint64) {
	if ref == 0 {
		return
	}
	if k := ref >> 58; k == longClass {
		b.bytes -= int64(len(b.long[uint32(ref>>18)]))
	} else {
		b.bytes -= int64(b.class[k-1].size)
	}
	if b.s.snaps.frozen() && !b.young(ref) {
		if len(b.later) == 0 {
			b.s.snaps.later = append(b.s.snaps.later, b)
		}
		b.later = append(b.later, ref)
		return
	}
	b.free(ref)
}

// young reports whether no snapshot can have a value, for all were taken before it came.
func (b *slab) young(ref uint64) bool {
	k, id := ref>>58, uint32(ref>>18)
	if k == longClass {
		return false
	}
	c := &b.class[k-1]
	m, i := &c.meta[id>>c.shift], id&(1<<c.shift-1)
	return m.bornAt == b.s.snaps.epoch && m.born[i>>6]>>(i&63)&1 != 0
}

// freeLater frees what was dropped while snapshots were written, now that none is.
func (b *slab) freeLater() {
	for _, ref := range b.later {
		b.free(ref)
	}
	b.later = nil
}

func (b *slab) free(ref uint64) {
	k, id := ref>>58, uint32(ref>>18)
	if k == longClass {
		b.long[id] = nil
		b.holes = append(b.holes, id)
		return
	}
	b.class[k-1].free(id)
}

// reset drops everything. Snapshots being written keep the pages they saw.
func (b *slab) reset() {
	*b = slab{s: b.s}
}

// image is what a snapshot reads.
func (b *slab) image() slab {
	m := slab{s: b.s, class: make([]cells[byte], len(b.class)), long: append([][]byte(nil), b.long...)}
	for i := range b.class {
		m.class[i] = b.class[i].image()
	}
	return m
}
