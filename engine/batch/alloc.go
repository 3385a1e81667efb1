package batch

import "github.com/minkstream/mink/engine/types"

// Memory of columns. A column that was filled by Alloc, Gather or Append owns its
// slices and uses them again the next time. A Col that was copied by value, or
// whose slices were set by hand, is only a view of somebody's memory: filling it
// takes fresh memory and leaves the old alone. The owner's address tells the two
// apart, so passing a column through by assignment (out.Cols[i] = in.Cols[j]) is
// always safe. Setting a single value slice of a column that owns memory to
// somebody else's slice is not; Nulls may be set so.

// colMem is the part of a column's memory that its public slices do not show.
type colMem struct {
	owner *Col
	phys  types.Phys
	nulls []uint64 // memory of Nulls, kept while Nulls is nil
	sel16 []uint16 // scratch: lanes of children
	sel32 []uint32 // scratch: lanes of list elements
	remap []uint32 // scratch: buffer numbers
}

// batchMem is the same for a batch.
type batchMem struct {
	owner *Batch
	cols  []Col
	kinds []Kind
	marks []Mark
	keys  KeyVec
}

// owned reports whether c may write to its slices.
func (c *Col) owned() bool { return c.mem != nil && c.mem.owner == c }

// claim makes c a column of type t that owns memory for the layout of t and has
// no nulls. Former content is lost.
func (c *Col) claim(t types.Type) {
	p := t.Phys()
	if !c.owned() {
		*c = Col{mem: &colMem{owner: c, phys: p}}
	} else if c.mem.phys != p {
		m := c.mem
		*c = Col{mem: m}
		m.phys = p
	}
	c.Type, c.Enc, c.Nulls = t, Flat, nil
	if p == types.PhysBytes {
		c.dropBufs()
	}
	if p == types.PhysRow {
		c.At = c.At[:0]
	}
}

// dropBufs forgets the buffers under the views, so that they can be collected.
func (c *Col) dropBufs() {
	clear(c.Bufs)
	c.Bufs = c.Bufs[:0]
}

// Alloc makes c a flat column of type t with n lanes and no nulls, in its own
// memory where it fits. Values are undefined; those of a string column must all
// be written. Lists start without elements and all offsets zero.
func (c *Col) Alloc(t types.Type, n int) {
	c.claim(t)
	c.grow(n)
	switch c.mem.phys {
	case types.PhysList:
		clear(c.Offs)
		c.setKids(kidCount(t))
		for i := range c.Kids {
			c.Kids[i].Alloc(kidType(t, i), 0)
		}
	case types.PhysRow:
		c.setKids(kidCount(t))
		for i := range c.Kids {
			c.Kids[i].Alloc(kidType(t, i), n)
		}
	}
}

// AllocSparse makes c a sparse row column of type t with k rows that are not NULL.
// The caller fills At and, by Alloc, those of the k-lane children that are read; a
// child that is not stays a zero Col.
func (c *Col) AllocSparse(t types.Type, k int) {
	c.claim(t)
	c.Enc = Sparse
	c.At = extend(c.At[:0], k)
	c.setKids(kidCount(t))
}

// Resize gives an owned flat column n lanes, keeping the lanes it has. New lanes
// are undefined. A column that only views memory is copied first.
func (c *Col) Resize(had, n int) {
	c.own(had)
	c.grow(n)
	if c.Nulls != nil {
		c.growNulls(n)
	}
	if c.mem.phys == types.PhysRow && c.Enc == Flat {
		for i := range c.Kids {
			c.Kids[i].Resize(had, n)
		}
	}
}

// own copies the first n lanes to memory of c's own unless they are there.
func (c *Col) own(n int) {
	if c.owned() {
		return
	}
	old := *c
	c.claim(old.Type)
	appendCol[uint16](c, 0, &old, nil, n)
}

// grow sets the length of the value slice to n lanes, without children.
func (c *Col) grow(n int) {
	switch c.mem.phys {
	case types.PhysBool:
		c.Bits = extend(c.Bits, Words(n))
	case types.PhysI8:
		c.I8 = extend(c.I8, n)
	case types.PhysI16:
		c.I16 = extend(c.I16, n)
	case types.PhysI32:
		c.I32 = extend(c.I32, n)
	case types.PhysI64:
		c.I64 = extend(c.I64, n)
	case types.PhysF32:
		c.F32 = extend(c.F32, n)
	case types.PhysF64:
		c.F64 = extend(c.F64, n)
	case types.PhysDec:
		c.Dec = extend(c.Dec, n)
	case types.PhysBytes:
		c.Views = extend(c.Views, n)
	case types.PhysList:
		c.Offs = extend(c.Offs, n+1)
	}
}

// extend sets the length of s to n, keeping what it holds.
func extend[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	t := make([]T, n, max(n, 2*cap(s)))
	copy(t, s)
	return t
}

// setKids gives a column n children, keeping their memory.
func (c *Col) setKids(n int) {
	if n <= cap(c.Kids) {
		c.Kids = c.Kids[:n]
		return
	}
	c.Kids = make([]Col, n)
}

// AllocNulls gives c a null bitmap of n lanes with no lane null and returns it.
func (c *Col) AllocNulls(n int) []uint64 {
	if !c.owned() {
		c.Nulls = make([]uint64, Words(n))
		return c.Nulls
	}
	c.mem.nulls = extend(c.mem.nulls, Words(n))
	c.Nulls = c.mem.nulls
	clear(c.Nulls)
	return c.Nulls
}

// growNulls gives an owned column a bitmap of at least n lanes, keeping what it
// has; lanes it did not have are undefined.
func (c *Col) growNulls(n int) {
	m := c.mem
	switch {
	case len(c.Nulls) == 0:
		c.AllocNulls(n)
		return
	case len(m.nulls) == 0 || &m.nulls[0] != &c.Nulls[0]:
		m.nulls = append(m.nulls[:0], c.Nulls...)
	default:
		m.nulls = m.nulls[:len(c.Nulls)]
	}
	m.nulls = extend(m.nulls, max(len(m.nulls), Words(n)))
	c.Nulls = m.nulls
}

// SetNull makes a lane of an owned flat column of n lanes NULL.
func (c *Col) SetNull(lane, n int) {
	if c.Nulls == nil {
		c.AllocNulls(n)
	}
	SetBit(c.Nulls, lane)
}

// kidCount is the number of child columns of type t.
func kidCount(t types.Type) int {
	switch t.Kind {
	case types.Row:
		return len(t.Fields)
	case types.Array:
		return 1
	case types.Map, types.Multiset:
		return 2
	}
	return 0
}

// kidType is the type of child i of type t. The second child of a MULTISET is
// how often the element occurs.
func kidType(t types.Type, i int) types.Type {
	switch {
	case t.Kind == types.Row:
		return t.Fields[i].Type
	case t.Kind == types.Map && i == 0:
		return *t.Key
	case t.Kind == types.Multiset && i == 1:
		return types.IntT.Nullable(false)
	default:
		return *t.Elem
	}
}

// KidType is the type of child column i of a ROW, ARRAY, MAP or MULTISET: field,
// element, key (0) and value (1), or element (0) and INT count (1).
func KidType(t types.Type, i int) types.Type { return kidType(t, i) }

// memory returns the reusable memory of b.
func (b *Batch) memory() *batchMem {
	if b.mem == nil || b.mem.owner != b {
		b.mem = &batchMem{owner: b}
	}
	return b.mem
}

// Alloc makes b a batch of n lanes with columns of the given types, as Col.Alloc,
// all inserts, all selected, without marks.
func (b *Batch) Alloc(ts []types.Type, n int) {
	b.Reset()
	b.setCols(len(ts))
	for i := range ts {
		b.Cols[i].Alloc(ts[i], n)
	}
	b.N = n
}

// SetColumns empties b and gives it n columns of its own, with the memory they had,
// to be filled by Alloc, Gather or Append.
func (b *Batch) SetColumns(n int) {
	b.Reset()
	b.setCols(n)
}

// setCols gives b n columns of its own, with the memory they had.
func (b *Batch) setCols(n int) {
	m := b.memory()
	if n > cap(m.cols) {
		cols := make([]Col, n)
		copy(cols, m.cols)
		m.cols = cols
	}
	m.cols = m.cols[:n]
	b.Cols = m.cols
}

// AllocKinds gives b its own vector of N change kinds, all inserts.
func (b *Batch) AllocKinds() []Kind {
	m := b.memory()
	m.kinds = extend(m.kinds[:0], b.N)
	clear(m.kinds)
	b.Kinds = m.kinds
	return b.Kinds
}

// Reset empties b and keeps its memory for the next use. String bytes are let go.
func (b *Batch) Reset() {
	m := b.memory()
	for i := range m.cols {
		m.cols[i].reset()
	}
	b.Cols = m.cols
	b.N, b.Sel, b.Kinds, b.Keys, b.Marks = 0, nil, nil, nil, nil
}

// reset lets go of borrowed memory and of string bytes.
func (c *Col) reset() {
	if !c.owned() {
		*c = Col{Type: c.Type}
		return
	}
	if poisonFreed {
		c.poison()
	}
	c.Nulls, c.Enc = nil, Flat
	c.dropBufs()
	c.At = c.At[:0]
	for i := range c.Kids {
		c.Kids[i].reset()
	}
}

// MemBytes is the fixed-width memory that b holds, not counting bytes under views.
func (b *Batch) MemBytes() int64 {
	n := int64(cap(b.Kinds)) + int64(cap(b.Marks))*16
	for i := range b.Cols {
		n += b.Cols[i].MemBytes()
	}
	return n
}

// MemBytes is the fixed-width memory that c holds, not counting bytes under views.
func (c *Col) MemBytes() int64 {
	n := cap(c.Bits)*8 + cap(c.I8) + cap(c.I16)*2 + cap(c.I32)*4 + cap(c.I64)*8 + cap(c.F32)*4 + cap(c.F64)*8 +
		cap(c.Dec)*16 + cap(c.Views)*16 + cap(c.Nulls)*8 + cap(c.Offs)*4 + cap(c.At)*2
	sum := int64(n)
	for i := range c.Kids {
		sum += c.Kids[i].MemBytes()
	}
	return sum
}
