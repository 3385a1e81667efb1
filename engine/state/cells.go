package state

import "math/bits"

// cells is memory in pages of equal cells of size elements, named by dense
// numbers. A page has 2^shift cells; the first page starts small and doubles,
// unless fixed, which keeps cells where they are. Pages that become empty are given back; holes are used again. Cell 0
// is never given out.
type cells[T uint64 | byte] struct {
	size  int
	shift uint
	data  [][]T
	meta  []cellPage
	holes []uint32 // pages that have memory and free cells; may list a page no more so
	gaps  []uint32 // pages without memory
	cur   int32    // page being filled, -1 = none
	n     int
	elems int // elements of all pages in memory
	fixed bool
}

type cellPage struct {
	live  []uint64
	next  int32 // cells from here on were never used
	used  int32
	holed bool // listed in holes
	touch bool // second chance of eviction
	part  part // of rows; see renew.go
	epoch uint64
	// Of a slab: the cells given out since the snapshot that raised the epoch to bornAt,
	// while it was written.
	born   []uint64
	bornAt uint64
}

// firstCells is the size of a page when it is new.
const firstCells = 8

func (c *cells[T]) init(size, pageElems int) {
	c.size, c.cur = size, -1
	c.shift = 3
	for (size<<(c.shift+1)) <= pageElems && c.shift < 14 {
		c.shift++
	}
}

// perPage is the number of cells of a full page.
func (c *cells[T]) perPage() int { return 1 << c.shift }

func (c *cells[T]) at(id uint32) []T {
	o := int(id&(1<<c.shift-1)) * c.size
	return c.data[id>>c.shift][o : o+c.size]
}

// alloc gives out a cell with undefined content.
func (c *cells[T]) alloc() uint32 {
	c.n++
	if c.cur >= 0 {
		m := &c.meta[c.cur]
		if int(m.next) < c.perPage() {
			return c.bump(uint32(c.cur), m)
		}
		c.cur = -1
	}
	for len(c.holes) > 0 {
		p := c.holes[len(c.holes)-1]
		m := &c.meta[p]
		if c.data[p] == nil || !m.holed {
			c.holes = c.holes[:len(c.holes)-1]
			continue
		}
		if i := m.freeCell(p); i >= 0 {
			m.live[i>>6] |= 1 << (i & 63)
			m.used++
			return p<<c.shift | uint32(i)
		}
		m.holed = false
		c.holes = c.holes[:len(c.holes)-1]
	}
	p := c.newPage()
	c.cur = int32(p)
	return c.bump(p, &c.meta[p])
}

func (c *cells[T]) bump(p uint32, m *cellPage) uint32 {
	i := m.next
	if need := int(i+1) * c.size; need > len(c.data[p]) {
		c.growPage(p)
	}
	m.next++
	m.used++
	m.live[i>>6] |= 1 << (i & 63)
	return p<<c.shift | uint32(i)
}

// growPage doubles a page. The old memory stays as it is for snapshots.
func (c *cells[T]) growPage(p uint32) {
	full := c.perPage() * c.size
	d := make([]T, min(full, max(2*len(c.data[p]), firstCells*c.size)))
	copy(d, c.data[p])
	c.elems += len(d) - len(c.data[p])
	c.data[p] = d
}

func (c *cells[T]) newPage() uint32 {
	var p uint32
	if k := len(c.gaps); k > 0 {
		p = c.gaps[k-1]
		c.gaps = c.gaps[:k-1]
	} else {
		p = uint32(len(c.data))
		c.data = append(c.data, nil)
		c.meta = append(c.meta, cellPage{})
	}
	first := c.perPage()
	if len(c.data) == 1 && !c.fixed {
		first = min(first, firstCells)
	}
	c.data[p] = make([]T, first*c.size)
	c.elems += len(c.data[p])
	m := &c.meta[p]
	*m = cellPage{live: m.live}
	if m.live == nil {
		m.live = make([]uint64, (c.perPage()+63)/64)
	} else {
		clear(m.live)
	}
	if p == 0 {
		m.next = 1
	}
	return p
}

// free takes a cell back and reports whether its page became empty and was
// dropped.
func (c *cells[T]) free(id uint32) bool {
	p, i := id>>c.shift, id&(1<<c.shift-1)
	m := &c.meta[p]
	m.live[i>>6] &^= 1 << (i & 63)
	m.used--
	c.n--
	if m.used == 0 {
		c.dropPage(p)
		return true
	}
	if !m.holed {
		m.holed = true
		c.holes = append(c.holes, p)
	}
	return false
}

func (c *cells[T]) dropPage(p uint32) {
	m := &c.meta[p]
	c.elems -= len(c.data[p])
	c.data[p] = nil
	m.holed, m.next = false, 0
	c.gaps = append(c.gaps, p)
	if c.cur == int32(p) {
		c.cur = -1
	}
}

// reset drops all pages.
func (c *cells[T]) reset() {
	c.data, c.meta, c.holes, c.gaps, c.cur, c.n, c.elems = nil, nil, nil, nil, -1, 0, 0
}

// freeCell finds a free cell below next, or -1.
func (m *cellPage) freeCell(p uint32) int {
	for w, v := range m.live {
		free := ^v
		if p == 0 && w == 0 {
			free &^= 1
		}
		if free == 0 {
			continue
		}
		if i := w*64 + bits.TrailingZeros64(free); i < int(m.next) {
			return i
		}
		return -1
	}
	return -1
}

// image is a copy of the page directory. Cells that are live now keep their
// content under it as long as nobody writes to them in place.
func (c *cells[T]) image() cells[T] {
	return cells[T]{size: c.size, shift: c.shift, data: append([][]T(nil), c.data...)}
}

// bear notes that cell i of the page was given out.
func (m *cellPage) bear(i uint32, epoch uint64) {
	if m.bornAt != epoch {
		m.bornAt = epoch
		if m.born == nil {
			m.born = make([]uint64, len(m.live))
		} else {
			clear(m.born)
		}
	}
	m.born[i>>6] |= 1 << (i & 63)
}

// isLive reports whether a cell is in use.
func (c *cells[T]) isLive(id uint32) bool {
	p, i := id>>c.shift, id&(1<<c.shift-1)
	return int(p) < len(c.data) && c.data[p] != nil && c.meta[p].live[i>>6]>>(i&63)&1 != 0
}
