package state

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
type Sorted struct{}

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
func (s *Store) Sorted(name string, spec SortedSpec) *Sorted { panic("unbuilt") }

// Keys is the table of keys.
func (s *Sorted) Keys() *Table { panic("unbuilt") }

// Insert adds an entry behind those with the same or a lower place. The key's row
// must be under Write.
func (s *Sorted) Insert(key Ref, word uint64, rest, payload []byte) Pos { panic("unbuilt") }

// Len is the number of entries of a key.
func (s *Sorted) Len(key Ref) int { panic("unbuilt") }

// First and Last are the ends of a key's list.
func (s *Sorted) First(key Ref) Pos { panic("unbuilt") }

// Last is the last entry of a key's list.
func (s *Sorted) Last(key Ref) Pos { panic("unbuilt") }

// Seek is the first entry that is not before (word, rest).
func (s *Sorted) Seek(key Ref, word uint64, rest []byte) Pos { panic("unbuilt") }

// At is entry i of a key's list, counted from 0.
func (s *Sorted) At(key Ref, i int) Pos { panic("unbuilt") }

// Index is the number of entries before p.
func (s *Sorted) Index(p Pos) int { panic("unbuilt") }

// Next is the entry after p.
func (s *Sorted) Next(p Pos) Pos { panic("unbuilt") }

// Prev is the entry before p.
func (s *Sorted) Prev(p Pos) Pos { panic("unbuilt") }

// Word is the first eight bytes of the entry's place.
func (s *Sorted) Word(p Pos) uint64 { panic("unbuilt") }

// Rest is the rest of the entry's place.
func (s *Sorted) Rest(p Pos) []byte { panic("unbuilt") }

// Payload is the bytes given to Insert.
func (s *Sorted) Payload(p Pos) []byte { panic("unbuilt") }

// Lanes are the operator's lanes of the entry, zero at first. They may be changed
// if the key's row is under Write.
func (s *Sorted) Lanes(p Pos) []uint64 { panic("unbuilt") }

// Remove removes an entry and returns the place of the one after it. The key's
// row must be under Write.
func (s *Sorted) Remove(p Pos) Pos { panic("unbuilt") }

// RemoveFirst removes the first n entries.
func (s *Sorted) RemoveFirst(key Ref, n int) { panic("unbuilt") }

// Admits reports whether an entry at (word, rest) would be among the first limit
// entries: one compare rejects most rows of a Top-N.
func (s *Sorted) Admits(key Ref, word uint64, rest []byte, limit int) bool { panic("unbuilt") }
