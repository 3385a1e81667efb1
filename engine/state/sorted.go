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
// Lists are described in lists.go.
type Sorted struct {
	name string
	s    *Store
	spec SortedSpec
	keys *Table
	li   lists
}

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
	if x, ok := adopt[*Sorted](s, name); ok {
		return x
	}
	x := &Sorted{name: name, s: s, spec: spec, li: lists{width: entLanes + spec.Entry}}
	x.keys = s.newTable(name, spec.Table, &x.li, s.c.PageBytes)
	s.add(name, x)
	return x
}

// Keys is the table of keys.
func (s *Sorted) Keys() *Table { return s.keys }

// root is the words of a key's row that lead to its list.
func (s *Sorted) root(key Ref) []uint64 {
	row := s.keys.whole(key)
	return row[len(row)-listLanes:]
}

func (s *Sorted) entry(p Pos) []uint64 {
	b := s.li.at(s.li.links(s.root(p.key))[p.block])
	at := int(p.index) * s.li.width
	return b[at : at+s.li.width]
}

// before reports whether entry i of a block is before (word, rest), or with orAt at
// that place too.
func (s *Sorted) before(b []uint64, i int, word uint64, rest []byte, orAt bool) bool {
	e := b[i*s.li.width:]
	if w := e[entWord]; w != word {
		return w < word
	}
	d := bytes.Compare(s.keys.sl.get(e[entRest]), rest)
	return d < 0 || d == 0 && orAt
}

// search is the first place that is not before (word, rest); with behind, the first
// place after all entries equal to it.
func (s *Sorted) search(root []uint64, word uint64, rest []byte, behind bool) (block, index int) {
	links := s.li.links(root)
	k := len(links)
	if k == 0 {
		return 0, 0
	}
	// Most entries come at the end.
	last := s.li.at(links[k-1])
	if n := int(links[k-1] >> linkN); s.before(last, n-1, word, rest, behind) {
		return k - 1, n
	}
	if k > 1 {
		// The first block whose last entry is not before.
		block = sort.Search(k-1, func(i int) bool {
			return !s.before(s.li.at(links[i]), int(links[i]>>linkN)-1, word, rest, behind)
		})
	}
	b := s.li.at(links[block])
	index = sort.Search(int(links[block]>>linkN), func(i int) bool { return !s.before(b, i, word, rest, behind) })
	return block, index
}

// Insert adds an entry behind those with the same or a lower place. The key's row
// must be under Write.
func (s *Sorted) Insert(key Ref, word uint64, rest, payload []byte) Pos {
	root := s.root(key)
	block, index := s.search(root, word, rest, true)
	block, index = s.li.open(root, block, index)
	b := s.li.own(s.li.links(root)[block])
	e := b[index*s.li.width : (index+1)*s.li.width]
	clear(e)
	e[entWord], e[entRest], e[entPayload] = word, s.keys.sl.put(rest), s.keys.sl.put(payload)
	return Pos{key, uint32(block), uint32(index)}
}

// Len is the number of entries of a key.
func (s *Sorted) Len(key Ref) int { return int(s.root(key)[0]) }

// pos is a place, moved to the next block if it is behind the last entry of one.
func (s *Sorted) pos(key Ref, block, index int) Pos {
	links := s.li.links(s.root(key))
	for block < len(links) && index >= int(links[block]>>linkN) {
		block, index = block+1, 0
	}
	if block >= len(links) {
		return Pos{}
	}
	return Pos{key, uint32(block), uint32(index)}
}

// First is the start of a key's list.
func (s *Sorted) First(key Ref) Pos { return s.pos(key, 0, 0) }

// Last is the last entry of a key's list.
func (s *Sorted) Last(key Ref) Pos {
	links := s.li.links(s.root(key))
	if len(links) == 0 {
		return Pos{}
	}
	k := len(links) - 1
	return Pos{key, uint32(k), uint32(links[k]>>linkN) - 1}
}

// Seek is the first entry that is not before (word, rest).
func (s *Sorted) Seek(key Ref, word uint64, rest []byte) Pos {
	block, index := s.search(s.root(key), word, rest, false)
	return s.pos(key, block, index)
}

// At is entry i of a key's list, counted from 0.
func (s *Sorted) At(key Ref, i int) Pos {
	if i < 0 {
		return Pos{}
	}
	for k, link := range s.li.links(s.root(key)) {
		n := int(link >> linkN)
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
	for _, link := range s.li.links(s.root(p.key))[:p.block] {
		n += int(link >> linkN)
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
	if p.block == 0 {
		return Pos{}
	}
	n := s.li.links(s.root(p.key))[p.block-1] >> linkN
	return Pos{p.key, p.block - 1, uint32(n) - 1}
}

// Word is the first eight bytes of the entry's place.
func (s *Sorted) Word(p Pos) uint64 { return s.entry(p)[entWord] }

// Rest is the rest of the entry's place.
func (s *Sorted) Rest(p Pos) []byte { return s.keys.sl.get(s.entry(p)[entRest]) }

// Payload is the bytes given to Insert.
func (s *Sorted) Payload(p Pos) []byte { return s.keys.sl.get(s.entry(p)[entPayload]) }

// Lanes are the operator's lanes of the entry, zero at first. They may be changed
// if the key's row is under Write.
func (s *Sorted) Lanes(p Pos) []uint64 {
	link := s.li.links(s.root(p.key))[p.block]
	at := int(p.index) * s.li.width
	if !s.keys.isDirty(p.key) {
		return s.li.at(link)[at+entLanes : at+s.li.width]
	}
	return s.li.own(link)[at+entLanes : at+s.li.width]
}

// Remove removes an entry and returns the place of the one after it. The key's
// row must be under Write.
func (s *Sorted) Remove(p Pos) Pos {
	e := s.entry(p)
	s.keys.sl.drop(e[entRest])
	s.keys.sl.drop(e[entPayload])
	s.li.cut(s.root(p.key), int(p.block), int(p.index))
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
	if s.Len(key) < limit {
		return true
	}
	p := s.At(key, limit-1)
	return !s.before(s.entry(p), 0, word, rest, true)
}

func (s *Sorted) mem() int64                        { return s.keys.mem() }
func (s *Sorted) freeze(delta, keep bool) image     { return s.keys.freeze(delta, keep) }
func (s *Sorted) parts(visit func(*part, int64))    { s.keys.parts(visit) }
func (s *Sorted) confirmed()                        { s.keys.confirmed() }
func (s *Sorted) load(e *savedEntry) bool           { return s.keys.load(e) }
func (s *Sorted) evict(need int64, hard bool) int64 { return s.keys.evict(need, hard) }
func (s *Sorted) sweep()                            { s.keys.sweep() }
func (s *Sorted) tidy()                             {}
