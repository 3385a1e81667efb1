package state

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// SetSpec is the shape of a Set.
type SetSpec struct {
	// Value are the types of the arguments (several for COUNT(DISTINCT a, b)).
	Value []types.Type
	// Filters is the number of aggregates with their own FILTER that share the
	// set, at most 31; 1 if there is none.
	Filters int
	// Retract counts how often a value is there, so that it can be taken away.
	Retract bool
	// TTL is the time to live in milliseconds; 0 is for ever.
	TTL int64
}

// Set holds the distinct values seen per group: key (group, value), and for each
// filter whether (or how often) the value is there.
//
// An entry is a few words, found by a hash of group and value:
//
//	group id | key group | value or its blob | stamp | bits, or a counter a filter
type Set struct {
	name  string
	store *Store
	spec  SetSpec
	int   bool
	width int
	index index
	pages [][]uint64
	rows  uint32
	free  []uint32
	slab  slab
	live  int
	hash  []uint64
	cols  []*batch.Col
	buf   []byte
}

const (
	setHead  = iota // hash
	setGroup        // key group | id << 32
	setValue
	setStamp
	setBits
)

// Set returns the set of that name, filled if it was restored.
func (s *Store) Set(name string, spec SetSpec) *Set {
	x := &Set{name: name, store: s, spec: spec, width: setBits + 1}
	if spec.Filters < 1 {
		x.spec.Filters = 1
	}
	if spec.Retract {
		x.width = setBits + x.spec.Filters
	}
	x.int = len(spec.Value) == 1 && intKey(spec.Value[0])
	s.add(name, x)
	return x
}

func (s *Set) row(ref uint32) []uint64 {
	i := ref - 1
	at := int(i%pageRows) * s.width
	return s.pages[i/pageRows][at : at+s.width : at+s.width]
}

func (s *Set) newRow() uint32 {
	if n := len(s.free); n > 0 {
		ref := s.free[n-1]
		s.free = s.free[:n-1]
		return ref
	}
	if int(s.rows)/pageRows == len(s.pages) {
		s.pages = append(s.pages, make([]uint64, pageRows*s.width))
	}
	s.rows++
	return s.rows
}

// find is the entry of a value in a group, or 0.
func (s *Set) find(h, group, word uint64, value []byte) uint32 {
	x := &s.index
	if x.n == 0 {
		return 0
	}
	mask := uint64(len(x.slots) - 1)
	for i := x.home(h); x.slots[i].row != 0; i = (i + 1) & mask {
		if x.slots[i].hash != h {
			continue
		}
		row := s.row(x.slots[i].row)
		if row[setGroup] != group {
			continue
		}
		if s.int {
			if row[setValue] == word {
				return x.slots[i].row
			}
		} else if bytes.Equal(s.slab.get(row[setValue]), value) {
			return x.slots[i].row
		}
	}
	return 0
}

// entryHash mixes the group into the hash of a value.
func entryHash(h, group uint64) uint64 { return batch.Mix(h ^ group*0x9E3779B97F4A7C15) }

// prepare hashes the values of a batch.
func (s *Set) prepare(b *batch.Batch, cols []int, sel []uint16) {
	s.cols = s.cols[:0]
	for _, k := range cols {
		s.cols = append(s.cols, &b.Cols[k])
	}
	if cap(s.hash) < b.N {
		s.hash = make([]uint64, max(b.N, batch.MaxRows))
	}
	s.hash = s.hash[:b.N]
	batch.HashCols(s.hash, s.cols, sel, b.N)
}

// value is the word or the bytes of the value in a lane.
func (s *Set) value(l int) (uint64, []byte) {
	if s.int {
		w, _ := intWord(s.cols[0], l)
		return w, nil
	}
	s.buf = batch.AppendKeys(s.buf[:0], s.cols, l)
	return 0, s.buf
}

// Add adds the value in columns cols, lane sel[i], to the group with key group
// kgs[i] and Table.ID ids[i], for the filters whose bit is set in masks[i] (masks
// nil: filter 0 in all rows). flips[i] are the filters for which the value was
// not there before. NULL is a value here: exclude such rows.
func (s *Set) Add(b *batch.Batch, cols []int, sel []uint16, kgs []uint16, ids, masks, flips []uint32) {
	s.prepare(b, cols, sel)
	for i := range ids {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		mask := uint32(1)
		if masks != nil {
			mask = masks[i]
		}
		flips[i] = 0
		if mask == 0 {
			continue
		}
		group := uint64(kgs[i]) | uint64(ids[i])<<32
		word, value := s.value(l)
		h := entryHash(s.hash[l], group)
		ref := s.find(h, group, word, value)
		if ref == 0 {
			ref = s.insert(h, group, word, value)
		}
		row := s.row(ref)
		if s.spec.TTL > 0 && s.store.now-int64(row[setStamp]) >= s.spec.TTL {
			clear(row[setBits:])
		}
		row[setStamp] = uint64(s.store.now)
		flips[i] = s.raise(row, mask)
	}
}

func (s *Set) insert(h, group, word uint64, value []byte) uint32 {
	ref := s.newRow()
	row := s.row(ref)
	clear(row)
	row[setHead], row[setGroup], row[setValue], row[setStamp] = h, group, word, uint64(s.store.now)
	if !s.int {
		row[setValue] = s.slab.put(value)
	}
	s.index.insert(h, ref)
	s.live++
	return ref
}

// raise counts a value for the filters of mask and returns those it is new to.
func (s *Set) raise(row []uint64, mask uint32) uint32 {
	if !s.spec.Retract {
		had := uint32(row[setBits])
		row[setBits] |= uint64(mask)
		return mask &^ had
	}
	flips := uint32(0)
	for f := range s.spec.Filters {
		if mask&(1<<f) == 0 {
			continue
		}
		if row[setBits+f] == 0 {
			flips |= 1 << f
		}
		row[setBits+f]++
	}
	return flips
}

// Sub is Add's opposite, for sets with Retract: flips[i] are the filters for which
// the value is gone now. A value that is not there is left alone.
func (s *Set) Sub(b *batch.Batch, cols []int, sel []uint16, kgs []uint16, ids, masks, flips []uint32) {
	s.prepare(b, cols, sel)
	for i := range ids {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		mask := uint32(1)
		if masks != nil {
			mask = masks[i]
		}
		flips[i] = 0
		group := uint64(kgs[i]) | uint64(ids[i])<<32
		word, value := s.value(l)
		ref := s.find(entryHash(s.hash[l], group), group, word, value)
		if ref == 0 || mask == 0 {
			continue
		}
		row := s.row(ref)
		left := uint64(0)
		for f := range s.spec.Filters {
			if mask&(1<<f) != 0 && row[setBits+f] > 0 {
				if row[setBits+f]--; row[setBits+f] == 0 {
					flips[i] |= 1 << f
				}
			}
			left |= row[setBits+f]
		}
		if left == 0 {
			s.remove(ref)
		}
	}
}

func (s *Set) remove(ref uint32) {
	row := s.row(ref)
	s.index.remove(row[setHead], ref)
	if !s.int {
		s.slab.drop(row[setValue])
	}
	clear(row)
	s.free = append(s.free, ref)
	s.live--
}

// DropGroup forgets all values of a group; it is called when the group's row is
// deleted. It looks at every entry; with Retract a group that has lost all its
// rows has no values left, and nothing is done.
func (s *Set) DropGroup(group uint16, id uint32) {
	if s.spec.Retract && s.spec.TTL == 0 {
		return
	}
	want := uint64(group) | uint64(id)<<32
	for ref := uint32(1); ref <= s.rows && s.live > 0; ref++ {
		if row := s.row(ref); row[setGroup] == want && id != 0 {
			s.remove(ref)
		}
	}
}

// Len is the number of values of all groups.
func (s *Set) Len() int { return s.live }
