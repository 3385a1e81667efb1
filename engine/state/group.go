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
}

// groupSlot is live when gen is the grouper's.
type groupSlot struct {
	hash  uint64
	gen   uint32
	group uint32
}

const groupSlots = 8192

// Group numbers the keys of a batch without any table, for local aggregation and
// for removing duplicates inside a batch. keys nil makes one group of all rows.
func (g *Grouper) Group(b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if cap(g.G) < n {
		g.G = make([]uint16, max(n, batch.MaxRows))
	}
	g.G, g.Reps = g.G[:n], g.Reps[:0]
	if n == 0 {
		return
	}
	if keys == nil {
		clear(g.G)
		first := uint16(0)
		if sel != nil {
			first = sel[0]
		}
		g.Reps = append(g.Reps, first)
		return
	}
	if need := groupSlots; len(g.slots) < need || n > need/2 {
		for need < 2*n {
			need *= 2
		}
		if len(g.slots) < need {
			g.slots = make([]groupSlot, need)
		}
	}
	if g.gen++; g.gen == 0 {
		clear(g.slots)
		g.gen = 1
	}
	exact := exactHash(b, keys)
	mask := uint64(len(g.slots) - 1)
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		h := keys.H[l]
		at := h & mask
		for {
			s := &g.slots[at]
			if s.gen != g.gen {
				*s = groupSlot{h, g.gen, uint32(len(g.Reps))}
				g.G[i] = uint16(len(g.Reps))
				g.Reps = append(g.Reps, uint16(l))
				break
			}
			if s.hash == h && (exact || sameKey(b, keys.Cols, l, int(g.Reps[s.group]))) {
				g.G[i] = uint16(s.group)
				break
			}
			at = (at + 1) & mask
		}
	}
}

// Len is the number of groups.
func (g *Grouper) Len() int { return len(g.Reps) }

// exactHash reports that equal hashes mean equal keys: the hash of a single
// integer that is not NULL is a bijection.
func exactHash(b *batch.Batch, keys *batch.KeyVec) bool {
	if len(keys.Cols) != 1 {
		return false
	}
	c := &b.Cols[keys.Cols[0]]
	return c.Nulls == nil && intKey(c.Type)
}

// intKey reports types whose keys are one integer of at most 64 bits.
func intKey(t types.Type) bool {
	switch t.Phys() {
	case types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64:
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
