package state

// lists keeps the lists of a Sorted: per key a run of blocks of entries in order,
// each block in a cell of its size.
//
// A key's row has two words: the number of entries, and a link to its only block
// or to a directory, whose first word is the number of links behind it. A link is
//
//	entries of the block 8 bits | class+1 24 | cell 32
//
// An entry is a few words:
//
//	word | rest | payload | lanes ...
type lists struct {
	s     *Store
	width int // words of an entry
	class []cells[uint64]
	n     int64 // entries
	words int64 // of cells in use
}

const (
	listLanes = 2

	entWord    = 0
	entRest    = 1
	entPayload = 2
	entLanes   = 3

	blockClass = 5               // of the largest block
	blockMax   = 1 << blockClass // its entries
	dirClass   = blockClass + 1  // of the smallest directory
	dirLinks   = 31              // its links
	linkN      = 56
)

func (l *lists) size(class int) int {
	if class <= blockClass {
		return l.width << class
	}
	return (dirLinks + 1) << (class - dirClass)
}

func classOf(link uint64) int { return int(link>>32&0xFFFFFF) - 1 }

// at is the words of a cell, for reading.
func (l *lists) at(link uint64) []uint64 { return l.class[classOf(link)].at(uint32(link)) }

// own is the words of a cell, for writing.
func (l *lists) own(link uint64) []uint64 {
	c := &l.class[classOf(link)]
	p := uint32(link) >> c.shift
	if m := &c.meta[p]; m.epoch != l.s.snaps.epoch {
		switch {
		case m.epoch < l.s.snaps.shared:
			c.data[p] = mine(l.s, c.data[p])
		case l.s.snaps.frozen():
			c.data[p] = append([]uint64(nil), c.data[p]...)
		}
		m.epoch = l.s.snaps.epoch
	}
	return c.at(uint32(link))
}

func (l *lists) alloc(class int) uint64 {
	for len(l.class) <= class {
		k := len(l.class)
		l.class = append(l.class, cells[uint64]{fixed: true})
		l.class[k].init(l.size(k), l.s.c.PageBytes/32)
	}
	c := &l.class[class]
	had := c.elems
	id := c.alloc()
	if c.elems != had {
		c.meta[id>>c.shift].epoch = l.s.snaps.epoch
	}
	l.words += int64(c.size)
	return uint64(class+1)<<32 | uint64(id)
}

func (l *lists) drop(link uint64) {
	c := &l.class[classOf(link)]
	l.words -= int64(c.size)
	c.free(uint32(link))
}

// links are the blocks of a list, in order. They may be written only if the row is
// under Write and the directory owned.
func (l *lists) links(root []uint64) []uint64 {
	switch {
	case root[0] == 0:
		return nil
	case classOf(root[1]) >= dirClass:
		d := l.at(root[1])
		return d[1 : 1+d[0]]
	}
	return root[1:2]
}

// ownLinks is links for writing.
func (l *lists) ownLinks(root []uint64) []uint64 {
	if root[0] > 0 && classOf(root[1]) >= dirClass {
		d := l.own(root[1])
		return d[1 : 1+d[0]]
	}
	return l.links(root)
}

// open makes a hole for an entry before entry i of block k and returns its place.
func (l *lists) open(root []uint64, k, i int) (int, int) {
	w := l.width
	l.n++
	if root[0] == 0 {
		root[0], root[1] = 1, l.alloc(0)|1<<linkN
		return 0, 0
	}
	root[0]++
	links := l.ownLinks(root)
	link := links[k]
	n, class := int(link>>linkN), classOf(link)
	switch {
	case n < 1<<class:
		b := l.own(link)
		copy(b[(i+1)*w:(n+1)*w], b[i*w:n*w])
		links[k] = link + 1<<linkN
		return k, i
	case class < blockClass:
		bigger := l.alloc(class + 1)
		from, to := l.at(link), l.own(bigger)
		copy(to, from[:i*w])
		copy(to[(i+1)*w:], from[i*w:n*w])
		l.drop(link)
		links[k] = bigger | uint64(n+1)<<linkN
		return k, i
	case i == n && k == len(links)-1:
		// Entries mostly come in order: full blocks stay full.
		l.link(root, k+1, l.alloc(2)|1<<linkN)
		return k + 1, 0
	}
	half := n / 2
	right := l.alloc(blockClass)
	from, to := l.own(link), l.own(right)
	copy(to, from[half*w:n*w])
	links[k] = link&(1<<linkN-1) | uint64(half)<<linkN
	l.link(root, k+1, right|uint64(n-half)<<linkN)
	if i >= half {
		k, i = k+1, i-half
	}
	links = l.ownLinks(root)
	b, n := l.own(links[k]), int(links[k]>>linkN)
	copy(b[(i+1)*w:(n+1)*w], b[i*w:n*w])
	links[k] += 1 << linkN
	return k, i
}

// push makes an entry behind all others and returns its words, of undefined content.
func (l *lists) push(root []uint64) []uint64 {
	k, i := 0, 0
	if links := l.links(root); len(links) > 0 {
		k = len(links) - 1
		i = int(links[k] >> linkN)
	}
	k, i = l.open(root, k, i)
	return l.own(l.links(root)[k])[i*l.width : (i+1)*l.width]
}

// link puts a block into the directory at place k.
func (l *lists) link(root []uint64, k int, link uint64) {
	class := classOf(root[1])
	if class < dirClass {
		d := l.alloc(dirClass)
		cell := l.own(d)
		cell[0], cell[1] = 1, root[1]
		root[1], class = d, dirClass
	}
	cell := l.own(root[1])
	n := int(cell[0])
	if n+1 == len(cell) {
		d := l.alloc(class + 1)
		bigger := l.own(d)
		copy(bigger, cell)
		l.drop(root[1])
		root[1], cell = d, bigger
	}
	copy(cell[k+2:n+2], cell[k+1:n+1])
	cell[k+1] = link
	cell[0]++
}

// unlink takes a block out of the directory, or ends the list.
func (l *lists) unlink(root []uint64, k int) {
	if classOf(root[1]) < dirClass {
		l.drop(root[1])
		root[1] = 0
		return
	}
	cell := l.own(root[1])
	n := int(cell[0])
	l.drop(cell[k+1])
	copy(cell[k+1:n], cell[k+2:n+1])
	cell[0]--
	if n == 2 {
		only := cell[1]
		l.drop(root[1])
		root[1] = only
	}
}

// cut takes entry i of block k out. What it refers to was dropped before.
func (l *lists) cut(root []uint64, k, i int) {
	w := l.width
	l.n--
	root[0]--
	links := l.ownLinks(root)
	if root[0] == 0 {
		links = root[1:2]
	}
	n := int(links[k] >> linkN)
	if n == 1 {
		l.unlink(root, k)
		return
	}
	b := l.own(links[k])
	copy(b[i*w:(n-1)*w], b[(i+1)*w:n*w])
	links[k] -= 1 << linkN
	if n--; n > blockMax/4 || k+1 == len(links) {
		return
	}
	// A block that became small takes in the next one if that leaves room.
	next := links[k+1]
	if m := int(next >> linkN); n+m <= 1<<classOf(links[k]) && n+m <= blockMax*3/4 {
		copy(b[n*w:], l.at(next)[:m*w])
		links[k] += uint64(m) << linkN
		l.unlink(root, k+1)
	}
}

// each calls visit with the entries of a list, in order.
func (l *lists) each(root []uint64, visit func(entry []uint64)) {
	for _, link := range l.links(root) {
		b := l.at(link)
		for i := range int(link >> linkN) {
			visit(b[i*l.width : (i+1)*l.width])
		}
	}
}

// free drops a list whose bytes lie in sl. The row is left as it is: it may be
// frozen.
func (l *lists) free(root []uint64, sl *slab) {
	if root[0] == 0 {
		return
	}
	l.each(root, func(e []uint64) {
		sl.drop(e[entRest])
		sl.drop(e[entPayload])
	})
	for _, link := range l.links(root) {
		l.drop(link)
	}
	if classOf(root[1]) >= dirClass {
		l.drop(root[1])
	}
	l.n -= int64(root[0])
}

func (l *lists) reset() { *l = lists{s: l.s, width: l.width} }

func (l *lists) mem() int64 { return l.words * 8 }

// image is what a snapshot reads.
func (l *lists) image() *lists {
	m := &lists{width: l.width, class: make([]cells[uint64], len(l.class))}
	for i := range l.class {
		m.class[i] = l.class[i].image()
	}
	return m
}
