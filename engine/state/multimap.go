package state

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
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
	// Aged rows know when they may go: Prune drops those whose AgeCol, a stored
	// column of milliseconds, is old enough. Not together with TTL.
	Aged   bool
	AgeCol int
}

// stamped reports that records have a stamp: when they were written, or their age
// in an order of unsigned numbers.
func (s *MultiSpec) stamped() bool { return s.TTL > 0 || s.Aged }

// ageStamp is a time as a stamp. NULL can be pruned first.
func ageStamp(c *batch.Col, lane int) uint64 {
	if c.IsNull(lane) {
		return 0
	}
	if c.Enc == batch.Const {
		lane = 0
	}
	return uint64(c.I64[lane]) ^ 1<<63
}

// MultiMap holds any number of rows per key, in arrival order: a side of a join.
// Rows are immutable bytes in an arena (arena.go), appended, each with a reference
// to the one before it of the same key; a row can be retracted.
//
// A key's row in the table of keys has the newest row of its chain and the number
// of rows.
type MultiMap struct {
	name  string
	s     *Store
	spec  MultiSpec
	keys  *Table
	codec *batch.RowCodec
	a     arena
	live  int
	// lapsed is how many rows were found expired.
	lapsed int64
	seq    []uint64 // by key group: the last number given out
	str    batch.StringBuilder

	// What the last snapshot and the last confirmed checkpoint have: in each key
	// group rows up to a number, all of which lie before a place. Older ones that
	// die are listed.
	mark, pendMark multiMark
	dead, deadPend deadLog

	probes int // that are not at their end
	from   *multiLoad
	ahead  uint64 // that places are before the rows that the multi-map has numbers for
	// moved is the place of the page whose rows move to a new one.
	moved *uint64

	named  recordName // of a row that is added
	looked []byte     // of one that is looked at
	enc    []byte
	offs   []uint32
	refs   []Ref
	peeked []int32
	ptrs   []*batch.Col
	rows   [][]byte
}

const (
	chainHead  = 0
	chainCount = 1
)

// multiMark separates rows that a checkpoint has from newer ones.
type multiMark struct {
	seq []uint64 // by key group
	end RowRef
}

// has reports whether a row is older than the mark.
func (k *multiMark) has(s *Store, group uint16, seq uint64) bool {
	return k.seq != nil && seq <= k.seq[int(group)-s.c.Groups.From]
}

// MultiMap returns the multi-map of that name, filled if it was restored.
func (s *Store) MultiMap(name string, spec MultiSpec) *MultiMap {
	if x, ok := adopt[*MultiMap](s, name); ok {
		return x
	}
	m := &MultiMap{name: name, s: s, spec: spec, codec: batch.NewRowCodec(spec.Row)}
	m.keys = s.newTable(name, TableSpec{Key: spec.Key, Lanes: 2}, nil, s.c.PageBytes)
	m.keys.untracked = true // they are made again from the rows
	if m.keys.spills {
		m.keys.chains = m
	}
	m.resetArena()
	s.add(name, m)
	return m
}

func (m *MultiMap) resetArena() {
	m.s.cold.retire(m.a.file)
	m.a = arena{s: m.s, head: recHead, counts: m.spec.Counters, stamped: m.spec.stamped(), keyed: m.keys.spills, place: m.place}
	if m.a.stamped {
		m.a.head += 8
	}
	if m.a.keyed {
		m.a.head += 8
		if m.keys.key.lay == keyWord {
			m.a.word = &m.keys.key
		}
	}
}

// place is that of a page that begins now.
func (m *MultiMap) place() uint64 {
	switch {
	case m.from != nil:
		return m.from.place
	case m.moved != nil:
		return *m.moved
	}
	n := m.ahead
	for _, k := range m.seq {
		n += k
	}
	return n
}

// append adds a row to a key's chain.
func (m *MultiMap) append(key Ref, row []byte, seq, stamp uint64) RowRef {
	k := m.keys.Row(key)
	switch {
	case m.a.word != nil:
		row := m.keys.whole(key)
		m.named = recordName{Key{Group: groupOf(row)}, row[m.keys.keyAt], row[0]&nullFlag != 0}
	case m.a.keyed:
		m.named.Key = m.keys.KeyOf(key, m.named.Bytes)
	}
	ref := m.a.add(RowRef(k[chainHead]), key, &m.named, seq, stamp, row)
	k[chainHead] = uint64(ref)
	k[chainCount]++
	m.live++
	return ref
}

// keyOf is the row of a record's key, which is brought back if it left memory.
func (m *MultiMap) keyOf(rec []byte) Ref {
	if !m.a.keyed {
		return recKey(rec)
	}
	k := m.a.recName(rec, m.looked)
	if m.a.word != nil {
		m.looked = k.Bytes
	}
	return m.keys.Get(k, Read)
}

// groupOf is the key group of a record.
func (m *MultiMap) groupOf(rec []byte) uint16 {
	if !m.a.keyed {
		return m.keys.KeyGroup(recKey(rec))
	}
	return m.a.recGroup(rec)
}

// number is the last number given out in a key group.
func (m *MultiMap) number(group uint16) *uint64 {
	if m.seq == nil {
		m.seq = make([]uint64, m.s.c.Groups.Len())
	}
	return &m.seq[int(group)-m.s.c.Groups.From]
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
	m.refs = sized(m.refs, n)
	m.keys.Lookup(b, keys, sel, Upsert, m.refs, nil)
	if sel == nil {
		sel = batch.Span(0, n)
	}
	m.enc, m.offs = m.codec.EncodeRows(m.enc[:0], m.offs[:0], b, cols, sel)
	stamp := uint64(m.s.now)
	for i := range n {
		key := m.refs[i]
		if m.spec.Aged {
			stamp = ageStamp(&b.Cols[cols[m.spec.AgeCol]], int(sel[i]))
		}
		seq := m.number(m.keys.KeyGroup(key))
		*seq++
		ref := m.append(key, m.enc[m.offs[i]:m.offs[i+1]], *seq, stamp)
		if refs != nil {
			refs[i] = ref
		}
	}
}

// Renew lets the TTL of a row begin anew. The row goes to the end of its key's rows, so
// that those lie by age, and has another reference; the old one is that of a row which
// is gone.
func (m *MultiMap) Renew(ref RowRef) {
	if m.spec.TTL == 0 || m.a.gone(ref) {
		return
	}
	rec := m.a.rec(ref)
	if int64(recStamp(rec)) == m.s.now {
		return
	}
	key, count := m.keyOf(rec), m.Count(ref)
	m.enc = append(m.enc[:0], m.a.recRow(rec)...)
	seq := m.number(m.keys.KeyGroup(key))
	*seq++
	m.keys.Touch(key)
	young := m.append(key, m.enc, *seq, uint64(m.s.now))
	if count > 0 {
		m.AddCount(young, int32(count))
	}
	m.Remove(ref) // afterwards, since a key without rows is forgotten
}

func (m *MultiMap) expired(rec []byte) bool {
	return m.spec.TTL > 0 && m.s.now-int64(recStamp(rec)) >= m.spec.TTL
}

// Retract removes one row equal in all stored columns to the row in lane, the
// newest if there are several. It returns the removed row, whose counter can
// still be read in this step, or 0 if there was none.
func (m *MultiMap) Retract(b *batch.Batch, keys *batch.KeyVec, lane int, cols []int) RowRef {
	var key [1]Ref
	m.keys.Lookup(b, keys, []uint16{uint16(lane)}, Read, key[:], nil)
	if key[0] == None {
		return 0
	}
	m.ptrs = m.ptrs[:0]
	for _, k := range cols {
		m.ptrs = append(m.ptrs, &b.Cols[k])
	}
	m.enc = m.codec.EncodeRow(m.enc[:0], m.ptrs, lane)
	for ref := RowRef(m.keys.Row(key[0])[chainHead]); ref != 0 && ref.page() >= m.a.first; {
		rec := m.a.rec(ref)
		if m.expired(rec) {
			return 0 // and so are all behind it
		}
		if bytes.Equal(m.a.recRow(rec), m.enc) && !m.a.gone(ref) {
			m.Remove(ref)
			return ref
		}
		ref = recPrev(rec)
	}
	return 0
}

// Remove removes a stored row.
func (m *MultiMap) Remove(ref RowRef) {
	if m.a.gone(ref) {
		return
	}
	rec := m.a.rec(ref)
	if g, seq := m.groupOf(rec), recSeq(rec); m.mark.has(m.s, g, seq) {
		m.dead.add(g, seq, nil)
	}
	m.kill(ref, rec)
}

// kill takes a row out of memory.
func (m *MultiMap) kill(ref RowRef, rec []byte) {
	key := m.keyOf(rec)
	if key == None {
		m.s.fail(diag.New(diag.Internal, "a row of %q has lost its key", m.name))
		return
	}
	k := m.keys.Touch(key)
	k[chainCount]--
	if k[chainCount] == 0 {
		m.keys.remove(key)
	}
	m.live--
	m.a.kill(ref, rec)
}

// Probe begins a search for the stored rows of each key of b. Results come from
// p.Next. b and keys must stay as they are until the last Next.
func (m *MultiMap) Probe(p *Probe, b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	p.end()
	p.m = m
	m.probes++
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	p.sel = sel
	p.heads = sized(p.heads, n)
	m.chains(b, keys, sel, p.heads)
	p.row, p.chain = 0, p.chain[:0]
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

	m     *MultiMap // nil at the end
	sel   []uint16
	heads []chain
	row   int
	chain []RowRef // what is left of the rows of row, newest first
}

// end lets the multi-map move its rows again.
func (p *Probe) end() {
	if p.m != nil {
		p.m.probes--
		p.m = nil
	}
}

// Next collects at most limit pairs (at least one if any are left), in the order
// of b's rows and for one row in arrival order of the stored rows. It reports
// whether there is more to come.
func (p *Probe) Next(limit int) bool {
	p.Lanes, p.Refs, p.Missed = p.Lanes[:0], p.Refs[:0], p.Missed[:0]
	m := p.m
	if m == nil {
		return false
	}
	for ; p.row < len(p.heads); p.row++ {
		lane := uint16(p.row)
		if p.sel != nil {
			lane = p.sel[p.row]
		}
		if len(p.chain) == 0 {
			p.chain = m.collect(p.chain, p.heads[p.row])
			if len(p.chain) == 0 {
				p.Missed = append(p.Missed, lane)
				continue
			}
		}
		for len(p.chain) > 0 {
			if len(p.Lanes) >= limit {
				return true
			}
			last := len(p.chain) - 1
			p.Lanes, p.Refs = append(p.Lanes, lane), append(p.Refs, p.chain[last])
			p.chain = p.chain[:last]
		}
	}
	p.end()
	return false
}

// collect appends the live rows of a chain, newest first.
func (m *MultiMap) collect(dst []RowRef, c chain) []RowRef {
	left := c.n
	for ref := c.head; left > 0 && ref != 0 && ref.page() >= m.a.first; {
		rec := m.a.rec(ref)
		if m.expired(rec) {
			m.lapsed++
			break
		}
		if !m.a.gone(ref) {
			dst = append(dst, ref)
			left--
		}
		ref = recPrev(rec)
	}
	return dst
}

// Decode writes stored rows to columns: stored column cols[k] goes to out[k], rows
// to lanes at, at+1, ... of columns that have room for them. Bytes of strings
// are copied.
func (m *MultiMap) Decode(out []batch.Col, at int, cols []int, refs []RowRef) {
	m.rows = sized(m.rows, len(refs))
	for i, ref := range refs {
		m.rows[i] = m.a.recRow(m.a.rec(ref))
	}
	for k := range out {
		m.codec.DecodeField(&out[k], at, cols[k], m.rows, &m.str)
	}
	clear(m.rows)
}

// Count is the counter of a row, 0 at first.
func (m *MultiMap) Count(ref RowRef) uint32 {
	p := &m.a.pages[ref.page()]
	if p.counts == nil {
		return 0
	}
	return p.counts[ref.off()/recUnit]
}

// AddCount changes the counter of a row and returns its value after.
func (m *MultiMap) AddCount(ref RowRef, delta int32) uint32 {
	p := &m.a.pages[ref.page()]
	m.a.own(p)
	i := ref.off() / recUnit
	p.counts[i] += uint32(delta)
	if p.dirty == nil {
		p.dirty = make([]uint64, batch.Words(len(p.counts)))
	}
	batch.SetBit(p.dirty, i)
	return p.counts[i]
}

// Walk visits keys in order of (key group, key) and calls visit with the live rows
// of each, oldest first; it stops when visit returns false. For pruning and for
// looking in.
func (m *MultiMap) Walk(visit func(k Key, rows []RowRef) bool) {
	var back, rows []RowRef
	var one [1]Ref
	for c := m.keys.Cursor(); c.Next(one[:]) > 0; {
		key := one[0]
		back, rows = m.collect(back[:0], m.chainOf(key)), rows[:0]
		for i := len(back) - 1; i >= 0; i-- {
			rows = append(rows, back[i])
		}
		if len(rows) > 0 && !visit(m.keys.KeyOf(key, nil), rows) {
			return
		}
	}
}

// Len is the number of rows.
func (m *MultiMap) Len() int { return m.live }
