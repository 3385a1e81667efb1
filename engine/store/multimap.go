package state

import (
	"bytes"
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// RowRef names a row of a MultiMap for the rest of the step.
type RowRef uint64

// MultiSpec is the shape of a multi-map.
type MultiSpec struct {
	// Key are the types of the key columns.
	Key []types.Type
	// Row are the types of the stored columns; keys are not stored unless named.
	Row []types.Type
	// Counters gives each row a number that can be changed (match counts of outer,
	// semi and anti joins).
	Counters bool
	// TTL is the time to live of a row in milliseconds; 0 is for ever.
	TTL int64
}

// MultiMap holds any number of rows per key, in arrival order: a side of a join.
// Rows are immutable bytes, appended; a row can be retracted.
//
// A key's row in the table has the ends of its chain and the number of rows. A
// stored row is a record of an arena:
//
//	next 8 | key 4 | length 4 | counter 4 | flags 4 | stamp 8 | bytes
//
// Arena memory is never used again while its page lives, so columns that were
// decoded may point into it.
type MultiMap struct {
	name  string
	store *Store
	spec  MultiSpec
	keys  *Table
	codec *batch.RowCodec
	pages []page
	used  int
	size  int
	live  int
	str   batch.StringBuilder

	enc  []byte
	offs []uint32
	refs []Ref
	ptrs []*batch.Col
	rows [][]byte
}

type page struct {
	data []byte
	live int // records that are not dead
	full bool
}

const (
	recNext  = 0
	recKey   = 8
	recLen   = 12
	recCount = 16
	recDead  = 20
	recStamp = 24
	recBytes = 32

	chainHead  = 0
	chainTail  = 1
	chainCount = 2
)

// MultiMap returns the multi-map of that name, filled if it was restored.
func (s *Store) MultiMap(name string, spec MultiSpec) *MultiMap {
	m := &MultiMap{name: name, store: s, spec: spec, codec: batch.NewRowCodec(spec.Row)}
	m.keys = newTable(s, name, TableSpec{Key: spec.Key, Lanes: 3})
	s.add(name, m)
	return m
}

func (m *MultiMap) rec(ref RowRef) []byte {
	return m.pages[ref>>32-1].data[uint32(ref):]
}

func recRow(rec []byte) []byte {
	return rec[recBytes : recBytes+binary.LittleEndian.Uint32(rec[recLen:])]
}

func next(rec []byte) RowRef { return RowRef(binary.LittleEndian.Uint64(rec[recNext:])) }

// append writes a record behind a key's chain.
func (m *MultiMap) append(key Ref, row []byte, count uint32, stamp int64) RowRef {
	need := (recBytes + len(row) + 7) &^ 7
	if len(m.pages) == 0 || m.used+need > len(m.pages[len(m.pages)-1].data) {
		switch {
		case m.size == 0:
			m.size = 4 << 10
		case m.size < 1<<20:
			m.size *= 2
		}
		if n := len(m.pages); n > 0 {
			m.pages[n-1].full = true
			m.release(n - 1)
		}
		m.pages = append(m.pages, page{data: make([]byte, max(m.size, need))})
		m.used = 0
	}
	p := len(m.pages) - 1
	ref := RowRef(p+1)<<32 | RowRef(m.used)
	rec := m.pages[p].data[m.used:]
	m.used += need
	m.pages[p].live++
	binary.LittleEndian.PutUint32(rec[recKey:], key)
	binary.LittleEndian.PutUint32(rec[recLen:], uint32(len(row)))
	binary.LittleEndian.PutUint32(rec[recCount:], count)
	binary.LittleEndian.PutUint64(rec[recStamp:], uint64(stamp))
	copy(rec[recBytes:], row)
	k := m.keys.Row(key)
	if k[chainTail] == 0 {
		k[chainHead] = uint64(ref)
	} else {
		binary.LittleEndian.PutUint64(m.rec(RowRef(k[chainTail]))[recNext:], uint64(ref))
	}
	k[chainTail] = uint64(ref)
	k[chainCount]++
	m.live++
	return ref
}

// release drops a page without live records. What was decoded from it keeps its
// memory alive by itself.
func (m *MultiMap) release(p int) {
	if m.pages[p].full && m.pages[p].live == 0 {
		m.pages[p].data = nil
	}
}

// Insert appends the rows of b: the columns cols, in the order of the spec, under
// the keys. Row i is refs[i] (refs may be nil). keys as for Table.Lookup. Rows
// with a NULL key are stored too: joins filter them out before.
func (m *MultiMap) Insert(b *batch.Batch, keys *batch.KeyVec, sel []uint16, cols []int, refs []RowRef) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if n == 0 {
		return
	}
	if cap(m.refs) < n {
		m.refs = make([]Ref, max(n, batch.MaxRows))
	}
	m.keys.Lookup(b, keys, sel, Upsert, m.refs[:n], nil)
	if sel == nil {
		sel = batch.Span(0, n)
	}
	m.enc, m.offs = m.codec.EncodeRows(m.enc[:0], m.offs[:0], b, cols, sel)
	for i := range n {
		ref := m.append(m.refs[i], m.enc[m.offs[i]:m.offs[i+1]], 0, m.store.now)
		if refs != nil {
			refs[i] = ref
		}
	}
}

func (m *MultiMap) dead(rec []byte) bool {
	return m.spec.TTL > 0 && m.store.now-int64(binary.LittleEndian.Uint64(rec[recStamp:])) >= m.spec.TTL
}

// Retract removes one row equal in all stored columns to the row in lane, the
// newest if there are several. It returns the removed row, whose counter can
// still be read in this step, or 0 if there was none.
func (m *MultiMap) Retract(b *batch.Batch, keys *batch.KeyVec, lane int, cols []int) RowRef {
	r := m.keys.reader(b, keys)
	h, group := r.at(lane)
	key, _ := m.keys.get(h, group, &r.p, r.full, Write)
	if key == None {
		return 0
	}
	m.ptrs = m.ptrs[:0]
	for _, k := range cols {
		m.ptrs = append(m.ptrs, &b.Cols[k])
	}
	m.enc = m.codec.EncodeRow(m.enc[:0], m.ptrs, lane)
	var found RowRef
	for ref := RowRef(m.keys.Row(key)[chainHead]); ref != 0; {
		rec := m.rec(ref)
		if !m.dead(rec) && bytes.Equal(recRow(rec), m.enc) {
			found = ref
		}
		ref = next(rec)
	}
	if found != 0 {
		m.Remove(found)
	}
	return found
}

// Remove removes a stored row.
func (m *MultiMap) Remove(ref RowRef) {
	rec := m.rec(ref)
	key := binary.LittleEndian.Uint32(rec[recKey:])
	k := m.keys.Touch(key)
	var prev RowRef
	for at := RowRef(k[chainHead]); at != ref; at = next(m.rec(at)) {
		if at == 0 {
			return // gone already
		}
		prev = at
	}
	after := next(rec)
	if prev == 0 {
		k[chainHead] = uint64(after)
	} else {
		binary.LittleEndian.PutUint64(m.rec(prev)[recNext:], uint64(after))
	}
	if after == 0 {
		k[chainTail] = uint64(prev)
	}
	k[chainCount]--
	m.live--
	p := int(ref>>32 - 1)
	m.pages[p].live--
	if k[chainCount] == 0 {
		m.keys.Delete(key)
	}
}

// Probe begins a search for the stored rows of each key of b. Results come from
// p.Next. b and keys must stay as they are until the last Next.
func (m *MultiMap) Probe(p *Probe, b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	p.m = m
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	p.sel = sel
	if cap(p.heads) < n {
		p.heads = make([]Ref, max(n, batch.MaxRows))
	}
	p.heads = p.heads[:n]
	if n > 0 {
		m.keys.Lookup(b, keys, sel, Read, p.heads, nil)
	}
	p.row, p.ref = 0, 0
	p.Lanes, p.Refs, p.Missed = p.Lanes[:0], p.Refs[:0], p.Missed[:0]
}

// Probe is a search in progress; the zero value is ready, and one is used again
// and again.
type Probe struct {
	// Lanes and Refs are the pairs found by Next: the row of b, and a stored row.
	Lanes []uint16
	Refs  []RowRef
	// Missed are the lanes of rows without any match, among the rows that Next
	// has gone through.
	Missed []uint16

	m     *MultiMap
	sel   []uint16
	heads []Ref
	row   int
	ref   RowRef // where the chain of row goes on; 0 at its start
	begun bool
}

// Next collects at most limit pairs (at least one if any are left), in the order
// of b's rows and for one row in arrival order of the stored rows. It reports
// whether there is more to come.
func (p *Probe) Next(limit int) bool {
	p.Lanes, p.Refs, p.Missed = p.Lanes[:0], p.Refs[:0], p.Missed[:0]
	m := p.m
	for ; p.row < len(p.heads); p.row++ {
		key := p.heads[p.row]
		lane := uint16(p.row)
		if p.sel != nil {
			lane = p.sel[p.row]
		}
		if key == None {
			p.Missed = append(p.Missed, lane)
			continue
		}
		ref, any := p.ref, p.begun
		if !p.begun {
			ref = RowRef(m.keys.Row(key)[chainHead])
		}
		p.ref, p.begun = 0, false
		for ref != 0 {
			rec := m.rec(ref)
			if !m.dead(rec) {
				if len(p.Lanes) >= limit {
					p.ref, p.begun = ref, true
					return true
				}
				any = true
				p.Lanes, p.Refs = append(p.Lanes, lane), append(p.Refs, ref)
			}
			ref = next(rec)
		}
		if !any {
			p.Missed = append(p.Missed, lane)
		}
	}
	return false
}

// Decode writes stored rows to columns: stored column cols[k] goes to out[k], rows
// to lanes at, at+1, ... of columns that have room for them. Bytes of strings
// are copied.
func (m *MultiMap) Decode(out []batch.Col, at int, cols []int, refs []RowRef) {
	m.rows = m.rows[:0]
	for _, ref := range refs {
		m.rows = append(m.rows, recRow(m.rec(ref)))
	}
	for k := range out {
		m.codec.DecodeField(&out[k], at, cols[k], m.rows, &m.str)
	}
}

// Count is the counter of a row, 0 at first.
func (m *MultiMap) Count(ref RowRef) uint32 { return binary.LittleEndian.Uint32(m.rec(ref)[recCount:]) }

// AddCount changes the counter of a row and returns its value after.
func (m *MultiMap) AddCount(ref RowRef, delta int32) uint32 {
	rec := m.rec(ref)
	n := binary.LittleEndian.Uint32(rec[recCount:]) + uint32(delta)
	binary.LittleEndian.PutUint32(rec[recCount:], n)
	return n
}

// Walk visits keys in order of (key group, key) and calls visit with the live rows
// of each, oldest first; it stops when visit returns false. For pruning and for
// looking in.
func (m *MultiMap) Walk(visit func(k Key, rows []RowRef) bool) {
	refs := m.keys.refs()
	m.keys.SortRefs(refs)
	var rows []RowRef
	for _, key := range refs {
		rows = rows[:0]
		for ref := RowRef(m.keys.Row(key)[chainHead]); ref != 0; {
			rec := m.rec(ref)
			if !m.dead(rec) {
				rows = append(rows, ref)
			}
			ref = next(rec)
		}
		if len(rows) > 0 && !visit(m.keys.KeyOf(key, nil), rows) {
			return
		}
	}
}

// Len is the number of rows.
func (m *MultiMap) Len() int { return m.live }
