package state

import (
	"bytes"
	"sort"
)

// SortedSpec is the shape of a Sorted.
type SortedSpec struct {
	// Table is the shape of the rows of keys: Lanes are for the operator.
	Table TableSpec
	// Entry is the number of lanes of an entry that the operator uses.
	Entry int
}

// Sorted holds per key a list of entries in order: rows by time for OVER and
// MATCH, versions for temporal joins, sessions, values for retractable MIN and
// MAX, the first rows of a Top-N.
//
// An entry has a place (word, rest) as given by Ordering, lanes, and payload bytes.
// Entries with equal places lie in arrival order. Keys are rows of Keys(), where
// they are looked up, written and deleted (a deleted row's list goes with it).
//
// A list is a run of blocks of entries; an entry is a few words:
//
//	word | rest | payload | lanes ...
type Sorted struct {
	name  string
	store *Store
	spec  SortedSpec
	keys  *Table
	width int
	lists []list // by Ref
	slab  slab
	n     int64
}

type list struct {
	blocks [][]uint64
	n      int
}

const (
	entWord = iota
	entRest
	entPayload
	entLanes
	// blockEntries is where a block is split.
	blockEntries = 128
)

// Pos is a place in one key's list, good until the list is changed. The zero Pos
// is no place.
type Pos struct {
	key   Ref
	block uint32
	index uint32
}

// OK reports whether there is an entry at p.
func (p Pos) OK() bool { return p.key != None }

// Sorted returns the structure of that name, filled if it was restored.
func (s *Store) Sorted(name string, spec SortedSpec) *Sorted {
	x := &Sorted{name: name, store: s, spec: spec, width: entLanes + spec.Entry}
	x.keys = newTable(s, name, spec.Table)
	x.keys.dropRow = x.drop
	s.add(name, x)
	return x
}

// Keys is the table of keys.
func (s *Sorted) Keys() *Table { return s.keys }

func (s *Sorted) list(key Ref) *list {
	for int(key) >= len(s.lists) {
		s.lists = append(s.lists, list{})
	}
	return &s.lists[key]
}

// drop forgets a key's list.
func (s *Sorted) drop(key Ref) {
	l := s.list(key)
	for _, b := range l.blocks {
		for i := 0; i < len(b); i += s.width {
			s.slab.drop(b[i+entRest])
			s.slab.drop(b[i+entPayload])
		}
	}
	s.n -= int64(l.n)
	if len(l.blocks) > 1 || l.n > blockEntries {
		*l = list{}
		return
	}
	// Keep the small block for the next key in this row.
	for i := range l.blocks {
		l.blocks[i] = l.blocks[i][:0]
	}
	l.n = 0
}

func (s *Sorted) entry(p Pos) []uint64 {
	at := int(p.index) * s.width
	return s.lists[p.key].blocks[p.block][at : at+s.width]
}

// before reports whether entry i of a block is before (word, rest), or with orAt at
// that place too.
func (s *Sorted) before(b []uint64, i int, word uint64, rest []byte, orAt bool) bool {
	w := b[i*s.width+entWord]
	if w != word {
		return w < word
	}
	d := bytes.Compare(s.slab.get(b[i*s.width+entRest]), rest)
	return d < 0 || d == 0 && orAt
}

// search is the first place that is not before (word, rest); with behind, the first
// place after all entries equal to it.
func (s *Sorted) search(l *list, word uint64, rest []byte, behind bool) (block, index int) {
	nb := len(l.blocks)
	if nb == 0 {
		return 0, 0
	}
	// The first block whose last entry is not before.
	block = sort.Search(nb, func(k int) bool {
		b := l.blocks[k]
		n := len(b) / s.width
		return n > 0 && !s.before(b, n-1, word, rest, behind)
	})
	if block == nb {
		return nb - 1, len(l.blocks[nb-1]) / s.width
	}
	b := l.blocks[block]
	index = sort.Search(len(b)/s.width, func(i int) bool { return !s.before(b, i, word, rest, behind) })
	return block, index
}

// Insert adds an entry behind those with the same or a lower place. The key's row
// must be under Write.
func (s *Sorted) Insert(key Ref, word uint64, rest, payload []byte) Pos {
	l := s.list(key)
	if len(l.blocks) == 0 {
		l.blocks = append(l.blocks, make([]uint64, 0, 4*s.width))
	}
	block, index := s.search(l, word, rest, true)
	b := l.blocks[block]
	at := index * s.width
	for range s.width {
		b = append(b, 0)
	}
	copy(b[at+s.width:], b[at:])
	e := b[at : at+s.width]
	clear(e)
	e[entWord], e[entRest], e[entPayload] = word, s.slab.put(rest), s.slab.put(payload)
	l.blocks[block] = b
	l.n++
	s.n++
	if len(b) > blockEntries*s.width {
		half := blockEntries / 2
		right := append(make([]uint64, 0, blockEntries*s.width), b[half*s.width:]...)
		l.blocks[block] = b[:half*s.width]
		l.blocks = append(l.blocks, nil)
		copy(l.blocks[block+2:], l.blocks[block+1:])
		l.blocks[block+1] = right
		if index >= half {
			block, index = block+1, index-half
		}
	}
	return Pos{key, uint32(block), uint32(index)}
}

// Len is the number of entries of a key.
func (s *Sorted) Len(key Ref) int {
	if int(key) >= len(s.lists) {
		return 0
	}
	return s.lists[key].n
}

// pos is a place, moved to the next block if it is behind the last entry of one.
func (s *Sorted) pos(key Ref, block, index int) Pos {
	l := s.list(key)
	for block < len(l.blocks) && index >= len(l.blocks[block])/s.width {
		block, index = block+1, 0
	}
	if block >= len(l.blocks) {
		return Pos{}
	}
	return Pos{key, uint32(block), uint32(index)}
}

// First is the start of a key's list.
func (s *Sorted) First(key Ref) Pos { return s.pos(key, 0, 0) }

// Last is the last entry of a key's list.
func (s *Sorted) Last(key Ref) Pos {
	l := s.list(key)
	for k := len(l.blocks) - 1; k >= 0; k-- {
		if n := len(l.blocks[k]) / s.width; n > 0 {
			return Pos{key, uint32(k), uint32(n - 1)}
		}
	}
	return Pos{}
}

// Seek is the first entry that is not before (word, rest).
func (s *Sorted) Seek(key Ref, word uint64, rest []byte) Pos {
	block, index := s.search(s.list(key), word, rest, false)
	return s.pos(key, block, index)
}

// At is entry i of a key's list, counted from 0.
func (s *Sorted) At(key Ref, i int) Pos {
	l := s.list(key)
	if i < 0 || i >= l.n {
		return Pos{}
	}
	for k, b := range l.blocks {
		n := len(b) / s.width
		if i < n {
			return Pos{key, uint32(k), uint32(i)}
		}
		i -= n
	}
	return Pos{}
}

// Index is the number of entries before p.
func (s *Sorted) Index(p Pos) int {
	n := int(p.index)
	for _, b := range s.lists[p.key].blocks[:p.block] {
		n += len(b) / s.width
	}
	return n
}

// Next is the entry after p.
func (s *Sorted) Next(p Pos) Pos { return s.pos(p.key, int(p.block), int(p.index)+1) }

// Prev is the entry before p.
func (s *Sorted) Prev(p Pos) Pos {
	if p.index > 0 {
		return Pos{p.key, p.block, p.index - 1}
	}
	l := &s.lists[p.key]
	for k := int(p.block) - 1; k >= 0; k-- {
		if n := len(l.blocks[k]) / s.width; n > 0 {
			return Pos{p.key, uint32(k), uint32(n - 1)}
		}
	}
	return Pos{}
}

// Word is the first eight bytes of the entry's place.
func (s *Sorted) Word(p Pos) uint64 { return s.entry(p)[entWord] }

// Rest is the rest of the entry's place.
func (s *Sorted) Rest(p Pos) []byte { return s.slab.get(s.entry(p)[entRest]) }

// Payload is the bytes given to Insert.
func (s *Sorted) Payload(p Pos) []byte { return s.slab.get(s.entry(p)[entPayload]) }

// Lanes are the operator's lanes of the entry, zero at first. They may be changed
// if the key's row is under Write.
func (s *Sorted) Lanes(p Pos) []uint64 { return s.entry(p)[entLanes:] }

// Remove removes an entry and returns the place of the one after it. The key's
// row must be under Write.
func (s *Sorted) Remove(p Pos) Pos {
	e := s.entry(p)
	s.slab.drop(e[entRest])
	s.slab.drop(e[entPayload])
	l := &s.lists[p.key]
	b := l.blocks[p.block]
	at := int(p.index) * s.width
	copy(b[at:], b[at+s.width:])
	b = b[:len(b)-s.width]
	l.blocks[p.block] = b
	l.n--
	s.n--
	if len(b) == 0 && len(l.blocks) > 1 {
		l.blocks = append(l.blocks[:p.block], l.blocks[p.block+1:]...)
	}
	return s.pos(p.key, int(p.block), int(p.index))
}

// RemoveFirst removes the first n entries.
func (s *Sorted) RemoveFirst(key Ref, n int) {
	p := s.First(key)
	for ; n > 0 && p.OK(); n-- {
		p = s.Remove(p)
	}
}

// Admits reports whether an entry at (word, rest) would be among the first limit
// entries: one compare rejects most rows of a Top-N.
func (s *Sorted) Admits(key Ref, word uint64, rest []byte, limit int) bool {
	if limit <= 0 {
		return false
	}
	l := s.list(key)
	if l.n < limit {
		return true
	}
	p := s.At(key, limit-1)
	return !s.before(l.blocks[p.block], int(p.index), word, rest, true)
}
