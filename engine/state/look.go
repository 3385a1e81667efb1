package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/types"
)

// Look is a structure for people who look at it: what it is, and a walk over what it
// holds. Nothing is changed by looking, whatever is expired is left out, and what was
// spilled to disk is not shown.
type Look struct {
	Description
	// Key are the types of the key, Row those of a multi-map's stored columns.
	Key, Row []types.Type
	// Each visits the entries between two steps, in order of (time, key group, key,
	// place), until visit returns false.
	Each func(visit func(*Seen) bool)
}

// Seen is an entry that Look shows. Its bytes belong to the store and are good during
// the visit.
type Seen struct {
	// Key is that of the entry; of a Set the value.
	Key Key
	// Time is when a Queue's entry is due, or the start of a pane.
	Time int64
	// Group is the number of the group that a value of a Set belongs to.
	Group uint32
	// Lanes are those of a table's row, of the key of a Sorted, of a Set (its counts),
	// or a counter. Blob gives the bytes of those that refer to some.
	Lanes []uint64
	Blob  func(lane uint64) []byte
	// An entry of a Sorted: whether there is one (a key may have none), its place, its
	// lanes. Payload is also that of a Queue's entry, and the content of a Value.
	Listed        bool
	Word          uint64
	Rest, Payload []byte
	Entry         []uint64
	// Row is a multi-map's stored row, and Count its counter.
	Row   []byte
	Count uint32
	// Drop takes the entry out, Touch gives its lanes to be written, SetBlob writes bytes
	// to one that refers to some, Replace puts another stored row into its place, as the
	// newest of its key. All are nil where that cannot be, and to be called after the visit, the
	// last entry first.
	Drop    func()
	Touch   func() []uint64
	SetBlob func(lane int, b []byte)
	Replace func(row []byte)
	// Stamp is when the entry was written, in milliseconds, where entries have a TTL.
	Stamp int64
}

// Look lists the structures in the order they were made.
func (s *Store) Look() []Look {
	out := make([]Look, 0, len(s.structs))
	for _, x := range s.structs {
		out = append(out, x.look())
	}
	return out
}

func (t *Table) look() Look {
	return Look{Description: t.describe(), Key: t.spec.Key, Each: func(visit func(*Seen) bool) {
		t.each(0, visit)
	}}
}

// each visits the rows in memory; time is the start of the pane that the table is.
func (t *Table) each(time int64, visit func(*Seen) bool) bool {
	refs := t.refs()
	t.SortRefs(refs)
	for _, ref := range refs {
		row := t.whole(ref)
		e := Seen{Time: time, Lanes: t.Row(ref), Blob: t.Blob}
		if t.stampAt != 0 {
			if t.expired(row) {
				continue
			}
			e.Stamp = int64(row[t.stampAt]) - 1
		}
		e.Key = t.KeyOf(ref, nil)
		e.Drop = func() { t.Delete(ref) }
		e.Touch = func() []uint64 { return t.Touch(ref) }
		e.SetBlob = func(lane int, b []byte) { t.SetBlob(&t.Touch(ref)[lane], b) }
		if !visit(&e) {
			return false
		}
	}
	return true
}

func (s *Sorted) look() Look {
	return Look{Description: s.describe(), Key: s.spec.Table.Key, Each: func(visit func(*Seen) bool) {
		s.keys.each(0, func(e *Seen) bool {
			ref := s.keys.findKey(e.Key)
			some := false
			for p := s.First(ref); p.OK(); p = s.Next(p) {
				some = true
				e.Listed, e.Word, e.Rest, e.Payload = true, s.Word(p), s.Rest(p), s.Payload(p)
				e.Entry = s.entry(p)[entLanes:]
				e.SetBlob = nil
				e.Touch = func() []uint64 {
					s.keys.touch(ref)
					return s.Lanes(p)
				}
				e.Drop = func() {
					s.keys.touch(ref)
					s.Remove(p)
				}
				if !visit(e) {
					return false
				}
			}
			return some || visit(e)
		})
	}}
}

func (p *Panes) look() Look {
	return Look{Description: p.describe(), Key: p.spec.Key, Each: func(visit func(*Seen) bool) {
		for i, t := range p.tables {
			if !t.each(p.starts[i], visit) {
				return
			}
		}
	}}
}

func (m *MultiMap) look() Look {
	return Look{Description: m.describe(), Key: m.spec.Key, Row: m.spec.Row, Each: func(visit func(*Seen) bool) {
		m.Walk(func(k Key, rows []RowRef) bool {
			for _, ref := range rows {
				rec := m.a.rec(ref)
				e := Seen{Key: k, Row: m.a.recRow(rec)}
				e.Drop = func() { m.Remove(ref) }
				e.Replace = func(row []byte) { m.replace(k, ref, row) }
				if m.spec.TTL > 0 {
					e.Stamp = int64(recStamp(rec))
				}
				if m.spec.Counters {
					e.Count = m.Count(ref)
				}
				if !visit(&e) {
					return false
				}
			}
			return true
		})
	}}
}

// replace puts a row into the place of another of its key, as the newest.
func (m *MultiMap) replace(k Key, old RowRef, row []byte) {
	stamp := uint64(m.s.now)
	if m.spec.stamped() {
		stamp = recStamp(m.a.rec(old))
	}
	m.Remove(old)
	seq := m.number(k.Group)
	*seq++
	m.append(m.keys.Get(k, Upsert), row, *seq, stamp)
}

func (q *Queue) look() Look {
	return Look{Description: q.describe(), Each: func(visit func(*Seen) bool) {
		for i := range q.buckets {
			b := q.buckets[i]
			// Sorting would change the bucket: a list of its own is sorted.
			type entry struct {
				waiting
				group uint16
			}
			var list []entry
			for _, at := range b.at[b.taken:] {
				kg, w, _ := takeWaiting(b.data[at:])
				list = append(list, entry{w, kg})
			}
			slices.SortStableFunc(list, func(x, y entry) int {
				return cmp.Or(cmp.Compare(x.ts, y.ts), cmp.Compare(x.group, y.group), bytes.Compare(x.key, y.key), cmp.Compare(x.seq, y.seq))
			})
			for k, w := range list {
				if k > 0 && q.spec.Set && list[k-1].ts == w.ts && list[k-1].group == w.group && bytes.Equal(list[k-1].key, w.key) {
					continue
				}
				if !visit(&Seen{Key: Key{Group: w.group, Hash: w.hash, Bytes: w.key}, Time: w.ts, Payload: w.payload}) {
					return
				}
			}
		}
	}}
}

func (s *Set) look() Look {
	d := s.describe()
	return Look{Description: d, Key: s.spec.Value, Each: func(visit func(*Seen) bool) {
		var short [12]byte
		s.t.eachRaw(func(ref Ref) bool {
			row := s.t.whole(ref)
			if s.t.stampAt != 0 && s.t.expired(row) {
				return true
			}
			raw := s.t.rawRow(row, &short)
			e := Seen{Group: binary.LittleEndian.Uint32(raw), Lanes: s.t.Row(ref), Blob: s.t.Blob}
			e.Key = Key{Group: groupOf(row), Bytes: raw[4:]}
			if s.val.lay == keyWord {
				e.Key.Bytes = []byte{0}
				if len(raw) == 12 {
					e.Key.Bytes = s.val.appendWord(nil, binary.LittleEndian.Uint64(raw[4:]))
				}
			}
			return visit(&e)
		})
	}}
}

// eachRaw visits the rows in memory by their keys' bytes.
func (t *Table) eachRaw(visit func(ref Ref) bool) {
	refs := t.refs()
	slices.SortFunc(refs, func(a, b Ref) int {
		x, y := t.whole(a), t.whole(b)
		return cmp.Or(cmp.Compare(groupOf(x), groupOf(y)), t.compareRaw(x, y))
	})
	for _, ref := range refs {
		if !visit(ref) {
			return
		}
	}
}

func (v *Value) look() Look {
	return Look{Description: v.describe(), Each: func(visit func(*Seen) bool) {
		if v.b != nil {
			visit(&Seen{Payload: v.b})
		}
	}}
}

func (c *Counters) look() Look {
	return Look{Description: c.describe(), Each: func(visit func(*Seen) bool) {
		for g := range c.n {
			if c.n[g] != 0 && !visit(&Seen{Key: Key{Group: uint16(c.s.c.Groups.From + g)}, Lanes: c.n[g : g+1]}) {
				return
			}
		}
	}}
}
