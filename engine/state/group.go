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
	size  int // how many of slots are used
	gen   uint32
}

// groupSlot is in use when gen is the grouper's.
type groupSlot struct {
	hash  uint64
	gen   uint32
	group uint32
}

const groupSlotsMin = 512

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
	if sel == nil {
		sel = batch.Span(0, n)
	}
	exact := exactHash(b, keys)
	for {
		g.clear()
		if exact && g.exact(keys.H, sel) || !exact && g.verified(b, keys, sel) {
			return
		}
		g.size *= 2
	}
}

// clear empties the slots. There are as many as the batches before needed, so that
// few groups stay in the first cache; a batch that needs more begins again.
func (g *Grouper) clear() {
	g.size = max(g.size, groupSlotsMin)
	if len(g.slots) < g.size {
		g.slots, g.gen = make([]groupSlot, g.size), 0
	}
	if g.gen++; g.gen == 0 {
		clear(g.slots)
		g.gen = 1
	}
}

// exact is the loop for hashes that differ where keys differ. It gives up when half
// of the slots are taken.
func (g *Grouper) exact(h []uint64, sel []uint16) bool {
	slots, gen := g.slots[:g.size], g.gen
	mask := uint64(len(slots) - 1)
	reps, gs := sized(g.Reps, len(sel)), g.G[:len(sel)]
	k, most := uint32(0), uint32(len(slots)/2)
	for i, l := range sel {
		x := h[l]
		at := x & mask
		s := &slots[at]
		for s.gen == gen && s.hash != x {
			at = (at + 1) & mask
			s = &slots[at]
		}
		if s.gen != gen {
			if k == most {
				return false
			}
			*s = groupSlot{x, gen, k}
			reps[k] = l
			k++
		}
		gs[i] = uint16(s.group)
	}
	g.Reps = reps[:k]
	return true
}

// verified is the loop that compares keys with the first of their group.
func (g *Grouper) verified(b *batch.Batch, keys *batch.KeyVec, sel []uint16) bool {
	slots := g.slots[:g.size]
	mask := uint64(len(slots) - 1)
	g.Reps = g.Reps[:0]
	for i, l := range sel {
		h := keys.H[l]
		for at := h & mask; ; at = (at + 1) & mask {
			s := &slots[at]
			if s.gen != g.gen {
				if len(g.Reps) == len(slots)/2 {
					return false
				}
				*s = groupSlot{h, g.gen, uint32(len(g.Reps))}
				g.G[i] = uint16(len(g.Reps))
				g.Reps = append(g.Reps, l)
				break
			}
			if s.hash == h && sameKey(b, keys.Cols, int(l), int(g.Reps[s.group])) {
				g.G[i] = uint16(s.group)
				break
			}
		}
	}
	return true
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

// sameKey reports whether two rows have the same key; whole numbers, the usual ones
// beside strings, are looked at here.
func sameKey(b *batch.Batch, cols []int, i, j int) bool {
	for _, k := range cols {
		c := &b.Cols[k]
		if c.Enc == batch.Flat && c.Nulls == nil {
			switch {
			case c.I64 != nil:
				if c.I64[i] != c.I64[j] {
					return false
				}
				continue
			case c.I32 != nil:
				if c.I32[i] != c.I32[j] {
					return false
				}
				continue
			}
		}
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
	if mode == Upsert && t.key.lay == keyWord && n <= batch.CapRows && y.on > 0 && t.plain(b, keys) {
		y.on--
		t.groupWords(g, b, keys, sel, n)
		return
	}
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

// plain reports that the keys of b, of one word each, are found by the index alone.
func (t *Table) plain(b *batch.Batch, keys *batch.KeyVec) bool {
	return t.stampAt == 0 && t.cold.n == 0 && t.ix.n > 0 && b.Cols[keys.Cols[0]].Nulls == nil
}

// groupWords looks up every row and tells groups apart by notes in the index: one
// pass, which does not read rows.
func (t *Table) groupWords(g *Grouper, b *batch.Batch, keys *batch.KeyVec, sel []uint16, n int) {
	t.begin(b, keys, sel, n)
	x := &t.ix
	pass := x.nextPass()
	g.G, g.Reps, g.Refs, g.Fresh = sized(g.G, n), sized(g.Reps, n), sized(g.Refs, n), sized(g.Fresh, batch.Words(n))
	clear(g.Fresh)
	gs, reps, refs := g.G[:n], g.Reps, g.Refs
	slots := x.slots
	words := t.sc.words[:n]
	var homes homeBlock
	k, moving := 0, x.old != nil
	for i, w := range words {
		if i%len(homes) == 0 {
			x.homes(words[i:], &homes)
		}
		p := homes[i%len(homes)]
		if moving {
			slots, p = x.seek(w)
		} else {
			for slots[p+1] != 0 && slots[p] != w {
				if p += 2; p == uint64(len(slots)) {
					p = 0
				}
			}
		}
		entry := slots[p+1]
		if entry>>48 == pass {
			gs[i] = uint16(entry >> 32)
			continue
		}
		ref := Ref(entry)
		lane := laneOf(sel, i)
		note := pass<<48 | uint64(k)<<32
		if ref != None {
			slots[p+1] = note | uint64(ref)
			t.touch(ref)
		} else {
			ref = t.newRow(keys.KG[lane])
			t.whole(ref)[t.keyAt] = w
			x.insertEntry(w, note|uint64(ref))
			if moving || &slots[0] != &x.slots[0] {
				if moving = x.old != nil; !moving {
					slots = x.slots
					x.homes(words[i-i%len(homes):], &homes)
				}
			}
			batch.SetBit(g.Fresh, k)
		}
		gs[i], reps[k], refs[k] = uint16(k), uint16(lane), ref
		k++
	}
	g.Reps, g.Refs = reps[:k], refs[:k]
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
