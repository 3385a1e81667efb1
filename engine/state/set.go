package state

import (
	"encoding/binary"

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
	// TTL is the time to live in milliseconds after a value was written; 0 is for ever.
	// Without Retract a value that is seen again is not written.
	TTL int64
}

// Set holds the distinct values seen per group: key (group, value), and for each
// filter whether (or how often) the value is there.
//
// It is a Table whose key is the group's ID in 4 bytes and the value: a value of at
// most 8 bytes as it is, so that the key lies in the row; others normalised. The
// hash of an entry mixes in the key group, for which IDs differ. Lanes are bits, or
// a counter for each filter.
type Set struct {
	name string
	s    *Store
	spec SetSpec
	t    *Table
	val  keyShape

	hash         []uint64
	words, nulls []uint64
	cols         []*batch.Col
	buf          []byte
}

// Set returns the set of that name, filled if it was restored.
func (s *Store) Set(name string, spec SetSpec) *Set {
	if x, ok := adopt[*Set](s, name); ok {
		return x
	}
	x := &Set{name: name, s: s, spec: spec, val: shapeOf(spec.Value)}
	x.spec.Filters = max(1, spec.Filters)
	lanes := 1
	if spec.Retract {
		lanes = x.spec.Filters
	}
	key := append([]types.Type{types.IntT}, spec.Value...)
	x.t = s.newTable(name, TableSpec{Key: key, Lanes: lanes, TTL: spec.TTL}, nil, s.c.PageBytes)
	s.add(name, x)
	return x
}

// entryHash mixes the group into the hash of a value: for one value it differs
// wherever groups do.
func entryHash(h uint64, kg uint16, id uint32) uint64 {
	return batch.Mix(h ^ (uint64(kg)|uint64(id)<<32)*golden)
}

// prepare hashes the values of a batch and reads those of one word.
func (s *Set) prepare(b *batch.Batch, cols []int, sel []uint16, n int) {
	s.cols = s.cols[:0]
	for _, k := range cols {
		s.cols = append(s.cols, &b.Cols[k])
	}
	s.hash = sized(s.hash, b.N)
	batch.HashCols(s.hash, s.cols, sel, b.N)
	if s.val.lay == keyWord {
		s.words, s.nulls = s.val.words(s.cols[0], sel, n, s.words, s.nulls)
	}
}

// key is the key of entry i, in lane l, of a group.
func (s *Set) key(i, l int, id uint32) (batch.View, []byte) {
	if s.val.lay == keyWord {
		if s.nulls != nil && batch.Bit(s.nulls, i) {
			return batch.View{A: 4 | uint64(id)<<32}, nil
		}
		return batch.View{A: 12 | uint64(id)<<32, B: s.words[i]}, nil
	}
	s.buf = batch.AppendKeys(binary.LittleEndian.AppendUint32(s.buf[:0], id), s.cols, l)
	return viewOf(s.buf), s.buf
}

// find finds the row of an entry, in memory or on disk.
func (s *Set) find(h uint64, kg uint16, v batch.View, raw []byte) Ref {
	t := s.t
	ref := t.findView(h, v, raw)
	if ref == None && t.cold.n > 0 && t.cold.may(h) {
		var short [12]byte
		if raw == nil {
			raw = v.Inline(&short)
		}
		ref = t.cold.take(Key{Group: kg, Hash: h, Bytes: raw})
	}
	if ref != None {
		t.r.meta[ref>>t.r.shift].touch = true
	}
	return ref
}

// Add adds the value in columns cols, lane sel[i], to the group with key group
// kgs[i] and Table.ID ids[i], for the filters whose bit is set in masks[i] (masks
// nil: filter 0 in all rows). flips[i] are the filters for which the value was
// not there before. NULL is a value here: exclude such rows.
func (s *Set) Add(b *batch.Batch, cols []int, sel []uint16, kgs []uint16, ids, masks, flips []uint32) {
	s.prepare(b, cols, sel, len(ids))
	t := s.t
	for i, id := range ids {
		l := laneOf(sel, i)
		mask := uint32(1)
		if masks != nil {
			mask = masks[i]
		}
		if flips[i] = 0; mask == 0 {
			continue
		}
		v, raw := s.key(i, l, id)
		h := entryHash(s.hash[l], kgs[i], id)
		ref := s.find(h, kgs[i], v, raw)
		switch {
		case ref == None:
			ref = t.insertView(kgs[i], h, v, raw)
		case !s.spec.Retract && uint32(t.Row(ref)[0])&mask == mask && (t.stampAt == 0 || !t.expired(t.whole(ref))):
			continue // it was there, and nothing changes: its TTL is not renewed
		default:
			ref = t.found(ref, i, Upsert, nil)
		}
		flips[i] = s.raise(t.Row(ref), mask)
	}
}

// raise counts a value for the filters of mask and returns those it is new to.
func (s *Set) raise(row []uint64, mask uint32) uint32 {
	if !s.spec.Retract {
		had := uint32(row[0])
		row[0] |= uint64(mask)
		return mask &^ had
	}
	flips := uint32(0)
	for f := range s.spec.Filters {
		if mask&(1<<f) == 0 {
			continue
		}
		if row[f] == 0 {
			flips |= 1 << f
		}
		row[f]++
	}
	return flips
}

// Sub is Add's opposite, for sets with Retract: flips[i] are the filters for which
// the value is gone now. A value that is not there is left alone.
func (s *Set) Sub(b *batch.Batch, cols []int, sel []uint16, kgs []uint16, ids, masks, flips []uint32) {
	s.prepare(b, cols, sel, len(ids))
	t := s.t
	for i, id := range ids {
		l := laneOf(sel, i)
		mask := uint32(1)
		if masks != nil {
			mask = masks[i]
		}
		if flips[i] = 0; mask == 0 {
			continue
		}
		v, raw := s.key(i, l, id)
		ref := s.find(entryHash(s.hash[l], kgs[i], id), kgs[i], v, raw)
		if ref == None {
			continue
		}
		if ref = t.found(ref, i, Write, nil); ref == None {
			continue
		}
		row := t.Row(ref)
		left := uint64(0)
		for f := range s.spec.Filters {
			if mask&(1<<f) != 0 && row[f] > 0 {
				if row[f]--; row[f] == 0 {
					flips[i] |= 1 << f
				}
			}
			left |= row[f]
		}
		if left == 0 {
			t.Delete(ref)
		}
	}
}

// DropGroup forgets all values of a group; it is called when the group's row is
// deleted. It looks at every entry; with Retract a group that has lost all its
// rows has no values left, and nothing is done.
func (s *Set) DropGroup(group uint16, id uint32) {
	if s.spec.Retract && s.spec.TTL == 0 || id == 0 {
		return
	}
	t := s.t
	if t.cold.n > 0 {
		for _, k := range t.cold.list(binary.LittleEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, group), id)) {
			t.cold.take(k)
		}
	}
	for _, ref := range t.refs() {
		row := t.whole(ref)
		if groupOf(row) != group || t.stampAt != 0 && t.expired(row) {
			continue
		}
		if v := (batch.View{A: row[t.keyAt+1], B: row[t.keyAt+2]}); v.Len() <= batch.InlineMax && uint32(v.A>>32) == id ||
			v.Len() > batch.InlineMax && binary.LittleEndian.Uint32(t.sl.get(v.B)) == id {
			t.Delete(ref)
		}
	}
}

// Len is the number of values of all groups.
func (s *Set) Len() int { return s.t.Len() }

func (s *Set) mem() int64                        { return s.t.mem() }
func (s *Set) freeze(delta, keep bool) image     { return s.t.freeze(delta, keep) }
func (s *Set) parts(visit func(*part, int64))    { s.t.parts(visit) }
func (s *Set) confirmed()                        { s.t.confirmed() }
func (s *Set) load(e *savedEntry) bool           { return s.t.load(e) }
func (s *Set) evict(need int64, hard bool) int64 { return s.t.evict(need, hard) }
func (s *Set) sweep()                            { s.t.sweep() }
func (s *Set) tidy()                             {}
