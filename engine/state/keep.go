package state

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// Kept is the content of a store at one moment as it lies in memory, from which any
// number of stores can go on exactly as the one it was taken of would have. It shares
// pages with them: whoever writes to one first copies it. It is never changed.
type Kept struct {
	s    *Store
	size int64
}

// Keep takes the content, between two steps. It costs as much as there are pages and
// bits of rows. It returns nil where it cannot: while a snapshot is being written, and
// for stores that put content on disk.
func (s *Store) Keep() *Kept {
	x := &s.snaps
	x.freeLater()
	if s.c.Memory > 0 || x.frozen() || s.err != nil {
		return nil
	}
	x.epoch++
	x.shared = x.epoch
	k := &Kept{s: s.clone(false)}
	for _, t := range s.structs {
		k.size += t.mem()
	}
	return k
}

// Store makes a store with the content. Its structures are found filled, once each, by
// who asks for them by name.
func (k *Kept) Store() *Store { return k.s.clone(true) }

// MemBytes is what the store held then: no more of it can be kept by k alone.
func (k *Kept) MemBytes() int64 { return k.size }

// Copied is how many bytes of shared pages have been copied since the store was made,
// so that what was kept stays as it is.
func (s *Store) Copied() int64 { return s.snaps.copied }

// clone copies a store, but for its pages. One that is live will be written to.
func (s *Store) clone(live bool) *Store {
	to := &Store{c: s.c, now: s.now, steps: s.steps, sweepAt: s.sweepAt, names: slices.Clone(s.names), snaps: s.snaps}
	to.used.Store(s.used.Load())
	to.cold.s = to
	to.snaps.writing, to.snaps.later, to.snaps.coldSnap, to.snaps.copied = nil, nil, nil, 0
	to.structs = make([]structure, len(s.structs))
	for i, x := range s.structs {
		to.structs[i] = x.clone(to, live)
	}
	for _, t := range s.caches {
		to.caches = append(to.caches, t.cloneTable(to, live))
	}
	to.unclaimed = len(to.structs)
	to.claimed = make([]bool, len(to.structs))
	return to
}

// adopt gives out a structure that a cloned store has under a name.
func adopt[T structure](s *Store, name string) (x T, ok bool) {
	if s.unclaimed == 0 {
		return x, false
	}
	i := slices.Index(s.names, name)
	if i < 0 || s.claimed[i] {
		return x, false
	}
	x, ok = s.structs[i].(T)
	if ok {
		s.claimed[i] = true
		s.unclaimed--
	}
	return x, ok
}

// mine makes a page that a Kept may share writable.
func mine[T any](s *Store, page []T) []T {
	s.snaps.copied += int64(len(page)) * int64(sizeOf[T]())
	return slices.Clone(page)
}

func sizeOf[T any]() int {
	var x T
	switch any(x).(type) {
	case byte:
		return 1
	case uint32:
		return 4
	}
	return 8
}

// clone copies the directory of pages and what is known of them.
func (c *cells[T]) clone() cells[T] {
	n := *c
	n.data, n.meta, n.holes, n.gaps = slices.Clone(c.data), slices.Clone(c.meta), slices.Clone(c.holes), slices.Clone(c.gaps)
	words := 0
	for i := range n.meta {
		words += len(n.meta[i].live)
	}
	all := make([]uint64, 0, words)
	for i := range n.meta {
		at := len(all)
		all = append(all, n.meta[i].live...)
		n.meta[i].live = all[at:len(all):len(all)]
		n.meta[i].born, n.meta[i].bornAt = nil, 0
	}
	return n
}

func (b *slab) clone(to *Store) slab {
	n := slab{s: to, class: make([]cells[byte], len(b.class)), long: slices.Clone(b.long), holes: slices.Clone(b.holes), bytes: b.bytes}
	for i := range b.class {
		n.class[i] = b.class[i].clone()
	}
	return n
}

func (l *lists) clone(to *Store) *lists {
	n := &lists{s: to, width: l.width, class: make([]cells[uint64], len(l.class)), n: l.n, words: l.words}
	for i := range l.class {
		n.class[i] = l.class[i].clone()
	}
	return n
}

// clone: chunks are only appended to, so a copy must not have room at their ends.
func (d *deadLog) clone() deadLog {
	n := deadLog{chunks: slices.Clone(d.chunks), n: d.n}
	for i, c := range n.chunks {
		n.chunks[i] = c[:len(c):len(c)]
	}
	return n
}

func (t *Table) clone(to *Store, live bool) structure { return t.cloneTable(to, live) }

func (t *Table) cloneTable(to *Store, live bool) *Table {
	n := &Table{
		s: to, name: t.name, spec: t.spec, key: t.key, r: t.r.clone(), sl: t.sl.clone(to), only: t.only,
		stampAt: t.stampAt, keyAt: t.keyAt, laneAt: t.laneAt, spills: t.spills, untracked: t.untracked, scratch: t.scratch,
		dirty: cloneBits(t.dirty), born: cloneBits(t.born), pend: slices.Clone(t.pend),
		dead: t.dead.clone(), deadPend: t.deadPend.clone(), cleared: t.cleared, clearedPend: t.clearedPend,
		ids: slices.Clone(t.ids), hand: t.hand, broom: t.broom, bypass: t.bypass,
	}
	if t.list != nil {
		n.list = t.list.clone(to)
	}
	n.cold.init(n)
	n.ix = index{salt: t.ix.salt, calm: t.ix.calm, room: max(t.ix.room, len(t.ix.slots)), steps: t.ix.steps}
	if live {
		n.reindex()
	}
	return n
}

// cloneBits copies the bits of pages, all to one piece of memory.
func cloneBits(pages [][]uint64) [][]uint64 {
	words := 0
	for _, p := range pages {
		words += len(p)
	}
	all := make([]uint64, 0, words)
	out := make([][]uint64, len(pages))
	for i, p := range pages {
		if p != nil {
			at := len(all)
			all = append(all, p...)
			out[i] = all[at:len(all):len(all)]
		}
	}
	return out
}

// reindex finds all rows again. Where they stand in the index is of no account.
func (t *Table) reindex() {
	x := &t.ix
	if x.room > 0 {
		x.slots = make([]uint64, x.room)
	}
	if t.key.lay == keyNone || len(x.slots) == 0 { // or its one row is in no index
		return
	}
	refs := t.refs()
	var words [64]uint64
	var homes homeBlock
	for len(refs) > 0 {
		part := refs[:min(len(refs), len(words))]
		refs = refs[len(part):]
		for i, ref := range part {
			words[i] = t.whole(ref)[t.keyAt]
		}
		x.homes(words[:len(part)], &homes)
		for i, ref := range part {
			if ref == t.only {
				continue
			}
			x.n++
			x.placeFrom(homes[i], words[i], uint64(ref))
		}
	}
}

func (s *Sorted) clone(to *Store, live bool) structure {
	n := &Sorted{name: s.name, s: to, spec: s.spec, keys: s.keys.cloneTable(to, live)}
	n.li = *n.keys.list
	n.keys.list = &n.li
	return n
}

func (s *Set) clone(to *Store, live bool) structure {
	return &Set{name: s.name, s: to, spec: s.spec, t: s.t.cloneTable(to, live), val: s.val}
}

func (p *Panes) clone(to *Store, live bool) structure {
	n := &Panes{
		name: p.name, s: to, spec: p.spec, starts: slices.Clone(p.starts), tables: make([]*Table, len(p.tables)),
		gone: slices.Clone(p.gone), gonePend: slices.Clone(p.gonePend),
	}
	for i, t := range p.tables {
		n.tables[i] = t.cloneTable(to, live)
	}
	return n
}

// clone: who reads a value first must find it as after a restore.
func (v *Value) clone(to *Store, _ bool) structure {
	n := &Value{name: v.name, s: to, b: v.b}
	if v.b != nil {
		n.restored = [][]byte{v.b}
	}
	return n
}

func (c *Counters) clone(to *Store, _ bool) structure {
	return &Counters{name: c.name, s: to, n: slices.Clone(c.n)}
}

// clone: bytes of a bucket are only appended to, so a copy must not have room at their
// end.
func (q *Queue) clone(to *Store, _ bool) structure {
	n := &Queue{
		name: q.name, s: to, spec: q.spec, buckets: slices.Clone(q.buckets), n: q.n, owner: q.owner, seq: slices.Clone(q.seq),
		gone: slices.Clone(q.gone), gonePend: slices.Clone(q.gonePend),
	}
	for i := range n.buckets {
		b := &n.buckets[i]
		b.roomData, b.roomAt = max(b.roomData, cap(b.data)), max(b.roomAt, cap(b.at))
		b.data, b.at = b.data[:len(b.data):len(b.data)], b.at[:len(b.at):len(b.at)]
		n.size += b.mem()
	}
	return n
}

// clone: records are immutable, but the last page has room for more.
func (m *MultiMap) clone(to *Store, live bool) structure {
	n := &MultiMap{
		name: m.name, s: to, spec: m.spec, keys: m.keys.cloneTable(to, live), codec: m.codec, a: m.a, live: m.live, seq: slices.Clone(m.seq),
		mark: m.mark, pendMark: m.pendMark, ahead: m.ahead, dead: m.dead.clone(), deadPend: m.deadPend.clone(),
	}
	n.a.s, n.a.pages, n.a.seen, n.a.place = to, slices.Clone(m.a.pages), seenRecords{}, n.place
	if live {
		n.codec = batch.NewRowCodec(m.spec.Row)
	}
	if k := len(n.a.pages) - 1; live && k >= 0 && n.a.pages[k].data != nil {
		p := &n.a.pages[k]
		data := make([]byte, len(p.data))
		copy(data, p.data[:p.used])
		p.data = data
	}
	return n
}
