package state

import "encoding/binary"

// This file turns structures into logical entries and back.

// entryReader takes an entry apart. A short entry reads as zeros and sets bad.
type entryReader struct {
	b   []byte
	bad bool
}

func (r *entryReader) u64() uint64 {
	if len(r.b) < 8 {
		r.bad = true
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *entryReader) bytes() []byte {
	n := int(r.u64())
	if n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func put64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

func putBytes(b, v []byte) []byte { return append(put64(b, uint64(len(v))), v...) }

// Tags of a table's entries.
const (
	tagRow = iota
	tagIDs
)

// appendRow writes a row of a table.
func (t *Table) appendRow(b []byte, row []uint64) []byte {
	b = put64(b, tagRow)
	b = put64(b, row[rowHash])
	b = put64(b, row[rowHead])
	stamp := uint64(0)
	if t.spec.TTL > 0 {
		stamp = row[rowStamp]
	}
	b = put64(b, stamp)
	if t.int {
		b = put64(b, row[rowKey])
	} else {
		b = putBytes(b, t.slab.get(row[rowKey]))
	}
	for l, v := range row[rowLanes:] {
		if t.blobLane(l) {
			b = putBytes(b, t.slab.get(v))
		} else {
			b = put64(b, v)
		}
	}
	return b
}

func (t *Table) blobLane(l int) bool {
	for _, x := range t.spec.Blobs {
		if x == l {
			return true
		}
	}
	return false
}

// readRow makes the row of an entry.
func (t *Table) readRow(r *entryReader) Ref {
	hash, head, stamp := r.u64(), r.u64(), r.u64()
	ref := t.newRow()
	row := t.row(ref)
	clear(row)
	row[rowHash], row[rowHead], row[rowStamp] = hash, head, stamp
	if t.int {
		row[rowKey] = r.u64()
	} else {
		row[rowKey] = t.slab.put(r.bytes())
	}
	for l := range row[rowLanes:] {
		if t.blobLane(l) {
			row[rowLanes+l] = t.slab.put(r.bytes())
		} else {
			row[rowLanes+l] = r.u64()
		}
	}
	t.index.insert(hash, ref)
	t.live++
	return ref
}

// saveIDs writes the numbers given out in each key group.
func (t *Table) saveIDs(prefix []byte, sink entrySink) {
	for g, id := range t.ids {
		if id > 0 {
			b := put64(append([]byte(nil), prefix...), tagIDs)
			sink(uint16(t.store.c.Groups.From+g), put64(b, uint64(id)))
		}
	}
}

func (t *Table) loadEntry(group uint16, r *entryReader) (ref Ref) {
	if r.u64() == tagIDs {
		t.ids[int(group)-t.store.c.Groups.From] = uint32(r.u64())
		return None
	}
	return t.readRow(r)
}

func (t *Table) save(sink entrySink) { t.saveWith(nil, sink, nil) }

// saveWith writes all rows: each with prefix before it and what more adds behind.
func (t *Table) saveWith(prefix []byte, sink entrySink, more func(ref Ref, b []byte) []byte) {
	t.saveIDs(prefix, sink)
	var b []byte
	for ref := Ref(1); ref <= t.rows; ref++ {
		row := t.row(ref)
		if row[rowHead]&rowLive == 0 || t.expired(row) {
			continue
		}
		b = t.appendRow(append(b[:0], prefix...), row)
		if more != nil {
			b = more(ref, b)
		}
		sink(uint16(row[rowHead]), b)
	}
}

func (t *Table) load(entries []savedEntry) bool {
	for _, e := range entries {
		r := entryReader{b: e.body}
		t.loadEntry(e.group, &r)
		if r.bad || len(r.b) > 0 {
			return false
		}
	}
	return true
}

func (s *Sorted) save(sink entrySink) {
	s.keys.saveWith(nil, sink, func(ref Ref, b []byte) []byte {
		b = put64(b, uint64(s.Len(ref)))
		for p := s.First(ref); p.OK(); p = s.Next(p) {
			e := s.entry(p)
			b = put64(b, e[entWord])
			b = putBytes(b, s.slab.get(e[entRest]))
			b = putBytes(b, s.slab.get(e[entPayload]))
			for _, v := range e[entLanes:] {
				b = put64(b, v)
			}
		}
		return b
	})
}

func (s *Sorted) load(entries []savedEntry) bool {
	for _, e := range entries {
		r := entryReader{b: e.body}
		ref := s.keys.loadEntry(e.group, &r)
		if ref == None {
			continue
		}
		for n := r.u64(); n > 0 && !r.bad; n-- {
			word, rest, payload := r.u64(), r.bytes(), r.bytes()
			lanes := s.Lanes(s.Insert(ref, word, rest, payload))
			for i := range lanes {
				lanes[i] = r.u64()
			}
		}
		if r.bad || len(r.b) > 0 {
			return false
		}
	}
	return true
}

func (m *MultiMap) save(sink entrySink) {
	m.keys.saveWith(nil, sink, func(key Ref, b []byte) []byte {
		at := len(b)
		b = put64(b, 0)
		n := uint64(0)
		for ref := RowRef(m.keys.Row(key)[chainHead]); ref != 0; {
			rec := m.rec(ref)
			if !m.dead(rec) {
				n++
				b = put64(b, uint64(binary.LittleEndian.Uint32(rec[recCount:])))
				stamp := uint64(0)
				if m.spec.TTL > 0 {
					stamp = binary.LittleEndian.Uint64(rec[recStamp:])
				}
				b = put64(b, stamp)
				b = putBytes(b, recRow(rec))
			}
			ref = next(rec)
		}
		binary.LittleEndian.PutUint64(b[at:], n)
		// The chain's places mean nothing elsewhere.
		clear(b[at-24 : at])
		return b
	})
}

func (m *MultiMap) load(entries []savedEntry) bool {
	for _, e := range entries {
		r := entryReader{b: e.body}
		key := m.keys.loadEntry(e.group, &r)
		if key == None {
			continue
		}
		for n := r.u64(); n > 0 && !r.bad; n-- {
			count, stamp, row := uint32(r.u64()), int64(r.u64()), r.bytes()
			m.append(key, row, count, stamp)
		}
		if r.bad || len(r.b) > 0 {
			return false
		}
		if m.keys.Row(key)[chainCount] == 0 {
			m.keys.Delete(key)
		}
	}
	return true
}

func (q *Queue) save(sink entrySink) {
	var b []byte
	for i := range q.buckets {
		k := &q.buckets[i]
		q.sort(k)
		for _, w := range k.entries {
			b = put64(b[:0], w.ts)
			b = put64(b, w.hash)
			b = putBytes(b, q.slab.get(w.key))
			b = putBytes(b, q.slab.get(w.payload))
			sink(w.group, b)
		}
	}
}

func (q *Queue) load(entries []savedEntry) bool {
	for _, e := range entries {
		r := entryReader{b: e.body}
		ts, hash := r.u64(), r.u64()
		key, payload := r.bytes(), r.bytes()
		if r.bad || len(r.b) > 0 {
			return false
		}
		q.Add(int64(ts), Key{Group: e.group, Hash: hash, Bytes: key}, payload)
	}
	return true
}

func (p *Panes) save(sink entrySink) {
	for i, start := range p.starts {
		p.tables[i].saveWith(put64(nil, uint64(start)), sink, nil)
	}
}

func (p *Panes) load(entries []savedEntry) bool {
	for _, e := range entries {
		r := entryReader{b: e.body}
		p.Make(int64(r.u64())).loadEntry(e.group, &r)
		if r.bad || len(r.b) > 0 {
			return false
		}
	}
	return true
}

func (s *Set) save(sink entrySink) {
	var b []byte
	for ref := uint32(1); ref <= s.rows; ref++ {
		row := s.row(ref)
		if row[setGroup] == 0 {
			continue
		}
		b = put64(b[:0], row[setHead])
		b = put64(b, row[setGroup])
		stamp := uint64(0)
		if s.spec.TTL > 0 {
			stamp = row[setStamp]
		}
		b = put64(b, stamp)
		if s.int {
			b = put64(b, row[setValue])
		} else {
			b = putBytes(b, s.slab.get(row[setValue]))
		}
		for _, v := range row[setBits:] {
			b = put64(b, v)
		}
		sink(uint16(row[setGroup]), b)
	}
}

func (s *Set) load(entries []savedEntry) bool {
	for _, e := range entries {
		r := entryReader{b: e.body}
		hash, group, stamp := r.u64(), r.u64(), r.u64()
		var word uint64
		var value []byte
		if s.int {
			word = r.u64()
		} else {
			value = r.bytes()
		}
		row := s.row(s.insert(hash, group, word, value))
		row[setStamp] = stamp
		for i := range row[setBits:] {
			row[setBits+i] = r.u64()
		}
		if r.bad || len(r.b) > 0 {
			return false
		}
	}
	return true
}

func (v *Value) save(sink entrySink) {
	if v.b != nil {
		sink(uint16(v.store.c.Groups.From), v.b)
	}
}

func (v *Value) load(entries []savedEntry) bool {
	for _, e := range entries {
		v.restored = append(v.restored, e.body)
	}
	return true
}

func (c *Counters) save(sink entrySink) {
	for g, n := range c.n {
		if n > 0 {
			sink(uint16(c.store.c.Groups.From+g), put64(nil, n))
		}
	}
}

func (c *Counters) load(entries []savedEntry) bool {
	for _, e := range entries {
		if len(e.body) != 8 {
			return false
		}
		c.n[int(e.group)-c.store.c.Groups.From] = binary.LittleEndian.Uint64(e.body)
	}
	return true
}
