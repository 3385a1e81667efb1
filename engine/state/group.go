package state

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Grouper numbers the distinct keys of a batch. One serves an operator and is
// used again for each batch; the zero value is ready.
//
// After Group, row i (lane sel[i]) belongs to group G[i], and group g was first
// seen in lane Reps[g]. Groups are numbered in first-touch order. After
// Table.Group, Refs[g] is the group's row of the table (or None), and bit g of
// Fresh says that it was inserted.
type Grouper struct {
	G     []uint16
	Reps  []uint16
	Refs  []Ref
	Fresh []uint64

	slots []groupSlot
	gen   uint32
	none  []uint64 // hashes when there are no keys
}

// groupSlot is in use when gen is the grouper's.
type groupSlot struct {
	hash  uint64
	gen   uint32
	group uint32
}

const groupSlots = 8192

// Len is the number of groups.
func (g *Grouper) Len() int { return len(g.Reps) }

// Group numbers the keys of a batch without any table, for local aggregation and
// for removing duplicates inside a batch. keys nil makes one group of all rows.
func (g *Grouper) Group(b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	g.G, g.Reps = sized(g.G, n), g.Reps[:0]
	if n == 0 {
		return
	}
	if keys == nil || len(keys.Cols) == 0 {
		clear(g.G)
		g.Reps = append(g.Reps, uint16(laneOf(sel, 0)))
		return
	}
	size := groupSlots
	for size < 2*n {
		size *= 2
	}
	if len(g.slots) < size {
		g.slots, g.gen = make([]groupSlot, size), 0
	}
	if g.gen++; g.gen == 0 {
		clear(g.slots)
		g.gen = 1
	}
	if exactHash(b, keys) {
		g.exact(keys.H, sel, n)
	} else {
		g.verified(b, keys, sel, n)
	}
}

// exact is the loop for hashes that differ where keys differ.
func (g *Grouper) exact(h []uint64, sel []uint16, n int) {
	slots, gen := g.slots, g.gen
	mask := uint64(len(slots) - 1)
	reps := g.Reps
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		x := h[l]
		at := x & mask
		for {
			s := &slots[at]
			if s.gen != gen {
				*s = groupSlot{x, gen, uint32(len(reps))}
				g.G[i] = uint16(len(reps))
				reps = append(reps, uint16(l))
				break
			}
			if s.hash == x {
				g.G[i] = uint16(s.group)
				break
			}
			at = (at + 1) & mask
		}
	}
	g.Reps = reps
}

// verified is the loop that compares keys with the first of their group.
func (g *Grouper) verified(b *batch.Batch, keys *batch.KeyVec, sel []uint16, n int) {
	mask := uint64(len(g.slots) - 1)
	for i := range n {
		l := laneOf(sel, i)
		h := keys.H[l]
		for at := h & mask; ; at = (at + 1) & mask {
			s := &g.slots[at]
			if s.gen != g.gen {
				*s = groupSlot{h, g.gen, uint32(len(g.Reps))}
				g.G[i] = uint16(len(g.Reps))
				g.Reps = append(g.Reps, uint16(l))
				break
			}
			if s.hash == h && sameKey(b, keys.Cols, l, int(g.Reps[s.group])) {
				g.G[i] = uint16(s.group)
				break
			}
		}
	}
}

// exactHash reports that equal hashes mean equal keys: the hash of a single value
// of fixed width that is not NULL is a bijection.
func exactHash(b *batch.Batch, keys *batch.KeyVec) bool {
	if len(keys.Cols) != 1 {
		return false
	}
	c := &b.Cols[keys.Cols[0]]
	if c.Nulls != nil || c.Enc == batch.Sparse {
		return false
	}
	switch c.Type.Phys() {
	case types.PhysBool, types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64, types.PhysF32, types.PhysF64:
		return true
	}
	return false
}

func sameKey(b *batch.Batch, cols []int, i, j int) bool {
	for _, k := range cols {
		c := &b.Cols[k]
		if !c.EqualLanes(i, c, j) {
			return false
		}
	}
	return true
}

// bypass decides whether grouping inside the batch pays. It follows counts alone,
// and results do not depend on it.
type bypass struct {
	rows, groups int // of the last batches, halved now and then
	batches      int
	on           int // batches for which it stays on
}

const (
	bypassLook  = 8
	bypassStay  = 64
	bypassBlock = 256
)

// Group gives the rows of b group numbers, in first-touch order, and looks up
// each group's key once; see Grouper for the results. It is Lookup for input in
// which keys repeat.
func (t *Table) Group(g *Grouper, b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode Mode) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	y := &t.bypass
	if y.on > 0 && mode == Upsert && t.key.lay != keyNone && n <= batch.CapRows {
		y.on--
		t.groupByRow(g, b, keys, sel, n)
		return
	}
	g.Group(b, keys, sel)
	k := len(g.Reps)
	g.Refs, g.Fresh = sized(g.Refs, k), sized(g.Fresh, batch.Words(k))
	if k == 0 {
		return
	}
	t.Lookup(b, keys, g.Reps, mode, g.Refs, g.Fresh)
	y.rows += n
	y.groups += k
	if y.batches++; y.batches >= bypassLook {
		if y.groups*10 > y.rows*7 && y.rows >= bypassLook*bypassBlock {
			y.on = bypassStay
		}
		y.rows, y.groups, y.batches = 0, 0, 0
	}
}

// groupByRow looks up every row, in blocks that stay in the cache, and tells
// groups apart by marks in the rows found.
func (t *Table) groupByRow(g *Grouper, b *batch.Batch, keys *batch.KeyVec, sel []uint16, n int) {
	sc := &t.sc
	g.G, g.Reps, g.Refs = sized(g.G, n), g.Reps[:0], g.Refs[:0]
	g.Fresh = sized(g.Fresh, batch.Words(n))
	clear(g.Fresh)
	sc.rows, sc.fresh = sized(sc.rows, n), sized(sc.fresh, batch.Words(n))
	clear(sc.fresh)
	t.begin(b, keys, sel, n)
	for lo := 0; lo < n; lo += bypassBlock {
		hi := min(n, lo+bypassBlock)
		t.lookup(b, keys, sel, lo, hi, Upsert, sc.rows, sc.fresh)
		for i := lo; i < hi; i++ {
			ref := sc.rows[i]
			head := &t.r.data[ref>>t.r.shift][int(ref&(1<<t.r.shift-1))*t.r.size]
			m := uint16(*head >> markBits)
			if m == 0 {
				k := len(g.Reps)
				if batch.Bit(sc.fresh, i) {
					batch.SetBit(g.Fresh, k)
				}
				g.Reps = append(g.Reps, uint16(laneOf(sel, i)))
				g.Refs = append(g.Refs, ref)
				m = uint16(k + 1)
				*head |= uint64(m) << markBits
			}
			g.G[i] = m - 1
		}
	}
	for _, ref := range g.Refs {
		t.r.data[ref>>t.r.shift][int(ref&(1<<t.r.shift-1))*t.r.size] &^= markMask << markBits
	}
}
