package state

import (
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
)

// An entry of a stored row is
//
//	flags 1 | hash 8 | length of the key, key | number | counter | stamp 8 | bytes
//
// with lengths and numbers of variable size, without the hash where the key says as
// much, and without a counter or stamp that is 0.
// Rows of a key come in arrival order. That of a counter is number and counter, and
// that of a row that is gone is its number with an empty key, in the form of a
// deadLog.

// Sections of rows have as their sub the place of their first page, so that a restore can
// take them in order: what is written again comes before what came later. A row may be in
// several files of a chain, as it was in each but for its counter.

// sectionBytes is about how long a section of rows in entries is.
const sectionBytes = 1 << 20

const (
	entryHashed = 1 << iota
	entryCounted
	entryStamped
)

// multiImage is a multi-map at one moment.
type multiImage struct {
	m      *MultiMap // for its shape alone
	a      arena
	keys   cells[uint64] // where records do not have their keys
	sl     slab
	from   multiMark // newer rows are written
	counts bool      // counters of older rows too
	again  []bool    // pages of which older rows are written too
	dead   deadLog
	seq    []uint64
	names  int // keys
	now    int64
}

func (m *MultiMap) freeze(delta, keep bool) image {
	if keep {
		m.deadPend.take(&m.dead)
		for i := m.a.first; i < len(m.a.pages); i++ {
			m.a.pages[i].settle()
		}
		m.mark = multiMark{slices.Clone(m.seq), m.end()}
		if m.mark.seq == nil {
			m.mark.seq = make([]uint64, m.s.c.Groups.Len())
		}
	}
	x := &multiImage{m: m, a: m.a, seq: slices.Clone(m.seq), names: m.keys.Len(), now: m.s.now}
	if !m.a.keyed {
		x.keys, x.sl = m.keys.r.image(), m.keys.sl.image()
	}
	x.a.pages, x.a.seen = slices.Clone(m.a.pages), seenRecords{}
	if delta {
		x.from, x.counts, x.dead = m.pendMark, true, m.deadPend
		x.again = make([]bool, len(m.a.pages))
	}
	for k := m.a.first; k < len(m.a.pages); k++ {
		switch p := &m.a.pages[k]; {
		case delta:
			x.again[k] = m.s.snaps.renew(&p.part, p.weight())
		case keep:
			p.part.now = m.s.snaps.number
		}
	}
	return x
}

// weight is about how many bytes the rows of a page have.
func (p *arenaPage) weight() int64 {
	if p.live == 0 {
		return 0
	}
	return int64(p.used)
}

func (m *MultiMap) parts(visit func(p *part, bytes int64)) {
	for k := m.a.first; k < len(m.a.pages); k++ {
		visit(&m.a.pages[k].part, m.a.pages[k].weight())
	}
}

// end is behind the last record.
func (m *MultiMap) end() RowRef {
	k := len(m.a.pages) - 1
	if k < 0 {
		return refOf(0, 0)
	}
	if p := &m.a.pages[k]; p.used < pageMax {
		return refOf(k, p.used)
	}
	return refOf(k+1, 0)
}

// settle moves the dirty counters of a page to pend.
func (p *arenaPage) settle() {
	if p.dirty == nil {
		return
	}
	if p.pend != nil {
		p.dirty = slices.Clone(p.dirty) // a Kept may share it
		for i, w := range p.pend {
			p.dirty[i] |= w
		}
	}
	p.pend, p.dirty = p.dirty, nil
}

func (m *MultiMap) confirmed() {
	m.pendMark = m.mark
	m.deadPend.reset()
	for i := m.a.first; i < len(m.a.pages); i++ {
		m.a.pages[i].pend = nil
	}
}

func (x *multiImage) write(w *snapWriter) {
	m := x.m
	if len(x.dead.chunks) > 0 {
		w.section(m.name, kindDead, 0)
		x.dead.write(w)
	}
	w.section(m.name, kindIDs, 0)
	for g, n := range x.seq {
		if n > 0 {
			w.put(uint16(m.s.c.Groups.From+g), put64(nil, n))
		}
	}
	if x.a.keyed && w.unhashed {
		w.add(allGroups, put64(nil, uint64(x.names)))
		x.raw(w)
	} else {
		x.rows(w)
	}
	if x.counts {
		w.section(m.name, kindCount, 0)
		x.counters(w)
	}
}

func (x *multiImage) rows(w *snapWriter) {
	m := x.m
	var key, buf []byte
	plain := byte(0)
	if m.keys.key.lay != keyWord {
		plain = entryHashed
	}
	size := sectionBytes
	defer func() { w.again = false }()
	for k := x.a.first; k < len(x.a.pages) && w.err == nil; k++ {
		p := &x.a.pages[k]
		again := x.again != nil && x.again[k]
		if p.live == 0 || k < x.from.end.page() && !again {
			continue
		}
		if size += p.used; size > sectionBytes {
			size = p.used
			w.section(m.name, kindRow, 0)
			w.now.sub = int64(p.place)
		}
		w.fail(x.a.each(k, p, func(ref RowRef, rec []byte) bool {
			i := ref.off() / recUnit
			if p.dead != nil && batch.Bit(p.dead, i) {
				return true
			}
			var row []uint64
			var name Key
			if x.a.keyed {
				name = x.a.recName(rec, buf)
				if x.a.word != nil {
					buf = name.Bytes
				}
			} else {
				row = x.keys.at(recKey(rec))
				name.Group = groupOf(row)
			}
			if w.again = x.from.has(m.s, name.Group, recSeq(rec)); w.again && !again {
				return true
			}
			stamp := uint64(0)
			if m.spec.stamped() {
				stamp = recStamp(rec)
			}
			if m.spec.TTL > 0 && x.now-int64(stamp) >= m.spec.TTL {
				return true
			}
			if row != nil {
				key = m.keys.appendKey(key[:0], row, &x.sl)
				name.Bytes = key
				if plain != 0 {
					name.Hash = m.keys.rowHash(row)
				}
			}
			count, flags := uint64(0), plain
			if p.counts != nil {
				if count = uint64(p.counts[i]); count != 0 {
					flags |= entryCounted
				}
			}
			if stamp != 0 {
				flags |= entryStamped
			}
			b := append(w.open(name.Group), flags)
			if flags&entryHashed != 0 {
				b = put64(b, name.Hash)
			}
			b = append(binary.AppendUvarint(b, uint64(len(name.Bytes))), name.Bytes...)
			b = binary.AppendUvarint(b, recSeq(rec))
			if flags&entryCounted != 0 {
				b = binary.AppendUvarint(b, count)
			}
			if flags&entryStamped != 0 {
				b = put64(b, stamp)
			}
			w.close(append(b, x.a.recRow(rec)...))
			return w.err == nil
		}))
	}
}

// raw writes rows as they lie in pages, which have their keys: for restores alone, since
// the hash of what is written would depend on pages. Among the numbers given out stands how
// many keys there are. An entry is
//
//	flags 1 | records, each with its counter 4 behind it, if there are any
func (x *multiImage) raw(w *snapWriter) {
	m := x.m
	flags := byte(0)
	if x.a.stamped {
		flags |= entryStamped
	}
	if x.a.counts {
		flags |= entryCounted
	}
	var buf []byte
	for k := x.a.first; k < len(x.a.pages) && w.err == nil; k++ {
		p := &x.a.pages[k]
		again := x.again != nil && x.again[k]
		at := 0
		if !again && x.from.end != 0 && k == x.from.end.page() {
			at = x.from.end.off()
		}
		if p.live == 0 || at >= p.used || k < x.from.end.page() && !again {
			continue
		}
		w.section(m.name, kindPage, 0)
		w.now.sub = int64(p.place)
		// Without a place in front of which all is known, each row is asked for its number.
		some := p.dead != nil || m.spec.TTL > 0 || x.from.seq != nil && x.from.end == 0 && !again
		data := p.data
		if data != nil && p.used-at >= env.StreamLong && !some && p.counts == nil {
			w.lendRows([]byte{flags}, data[at:p.used:p.used], at, p.live)
			continue
		}
		if data == nil {
			buf = sized(buf, p.used)
			if err := p.file.readAt(buf, p.off); err != nil {
				w.fail(spillErr(err))
				return
			}
			data = buf
		}
		b := append(w.open(allGroups), flags)
		if !some && p.counts == nil {
			w.closeRows(append(b, data[at:p.used]...), p.live)
			continue
		}
		n := 0
		for at < p.used {
			rec := data[at:]
			i, size := at/recUnit, x.a.recSize(recLen(rec))
			at += size
			if p.dead != nil && batch.Bit(p.dead, i) || !again && x.from.has(m.s, x.a.recGroup(rec), recSeq(rec)) ||
				m.spec.TTL > 0 && x.now-int64(recStamp(rec)) >= m.spec.TTL {
				continue
			}
			b = append(b, rec[:size]...)
			if x.a.counts {
				count := uint32(0)
				if p.counts != nil {
					count = p.counts[i]
				}
				b = binary.LittleEndian.AppendUint32(b, count)
			}
			n++
		}
		w.closeRows(b, n)
	}
}

// loadPage takes the rows of an entry that raw wrote.
func (m *MultiMap) loadPage(r *entryReader) bool {
	flags := r.u8()
	from := arena{head: recHead + 8, keyed: true}
	if flags&entryStamped != 0 {
		from.head += 8
	}
	if m.keys.key.lay == keyWord {
		from.word = &m.keys.key
	}
	if from.word != nil && m.a.word != nil && from.head == m.a.head && m.keys.cold.n == 0 {
		return m.loadRecords(r, flags&entryCounted != 0)
	}
	var buf []byte
	for i := 0; len(r.b) > 0; i++ {
		if len(r.b) < max(from.head, recUnit) {
			return false
		}
		rec := r.b
		if i%len(homeBlock{}) == 0 {
			m.lookAhead(&from, rec, flags&entryCounted != 0)
		}
		n := recLen(rec)
		size := from.recSize(n)
		if size > len(rec) || int(binary.LittleEndian.Uint32(rec[from.head-4:])) > n {
			return false
		}
		r.b = rec[size:]
		count := uint32(0)
		if flags&entryCounted != 0 {
			count = r.u32()
		}
		group := from.recGroup(rec)
		if !m.s.c.Groups.Has(int(group)) {
			continue
		}
		k := from.recName(rec, buf)
		if from.word != nil {
			buf = k.Bytes
		}
		if !m.keys.fits(k) {
			return false
		}
		stamp := uint64(0)
		if flags&entryStamped != 0 {
			stamp = recStamp(rec)
		}
		m.restore(k, from.recRow(rec), recSeq(rec), stamp, count)
	}
	return !r.bad
}

func (x *multiImage) counters(w *snapWriter) {
	for k := x.a.first; k < len(x.a.pages) && w.err == nil; k++ {
		p := &x.a.pages[k]
		if p.pend == nil || p.live == 0 {
			continue
		}
		w.fail(x.a.each(k, p, func(ref RowRef, rec []byte) bool {
			i := ref.off() / recUnit
			if !batch.Bit(p.pend, i) || p.dead != nil && batch.Bit(p.dead, i) {
				return true
			}
			var g uint16
			if x.a.keyed {
				g = x.a.recGroup(rec)
			} else {
				g = groupOf(x.keys.at(recKey(rec)))
			}
			if x.from.has(x.m.s, g, recSeq(rec)) && (x.m.spec.TTL == 0 || x.now-int64(recStamp(rec)) < x.m.spec.TTL) {
				w.put(g, put64(put64(nil, recSeq(rec)), uint64(p.counts[i])))
			}
			return w.err == nil
		}))
	}
}

func (m *MultiMap) load(e *savedEntry) bool {
	r := entryReader{b: e.body}
	switch e.kind {
	case kindIDs:
		if n := r.u64(); e.group == allGroups {
			m.expectKeys(e, n)
		} else {
			*m.number(e.group) = n
		}
		return r.ok()
	case kindRow:
		k := Key{Group: e.group}
		flags := r.u8()
		if flags&entryHashed != 0 {
			k.Hash = r.u64()
		}
		k.Bytes = r.take(r.uvarint())
		seq, count, stamp := r.uvarint(), uint64(0), uint64(0)
		if flags&entryCounted != 0 {
			count = r.uvarint()
		}
		if flags&entryStamped != 0 {
			stamp = r.u64()
		}
		if r.bad || !m.keys.fits(k) {
			return false
		}
		m.from.at = e.place
		m.restore(k, r.b, seq, stamp, uint32(count))
	case kindPage:
		m.from.at = e.place
		m.from.makeRoom(m.keys)
		return m.loadPage(&r)
	case kindDead:
		seq := r.u64()
		if key := r.bytes(); len(key) > 0 || !r.ok() {
			return false
		}
		if m.from.had != nil {
			m.from.had.add(e.group, seq)
		}
	case kindCount:
		seq, count := r.u64(), r.u64()
		if !r.ok() || !m.spec.Counters {
			return false
		}
		m.from.counts[rowNumber(e.group, seq)] = countAt{uint32(count), e.place}
	default:
		return false
	}
	return true
}

func (m *MultiMap) mem() int64 { return m.keys.mem() + m.a.mem() + m.dead.mem() }

// evict moves rows to disk, and with the page of a key's newest row the key, so that one
// read finds both.
func (m *MultiMap) evict(need int64, hard bool) int64 {
	before := m.mem()
	freed := func() int64 { return before - m.mem() }
	for range len(m.a.pages) - m.a.first {
		if freed() >= need || m.s.err != nil {
			break
		}
		k, ok := m.a.victim(hard)
		if !ok {
			continue
		}
		if m.a.keyed {
			m.evictKeys(k)
		}
		m.a.evict(k)
	}
	if m.a.keyed {
		m.keys.cold.flush()
		if left := need - freed(); left > 0 {
			m.keys.evict(left, hard) // keys whose newest row left long ago
		}
	}
	return freed()
}

// sweep drops pages of which all rows have expired: rows mostly lie by age. What an older
// snapshot has of them is expired too.
func (m *MultiMap) sweep() {
	if m.spec.TTL == 0 || m.probes > 0 {
		return
	}
	for k := m.a.first; k < min(len(m.a.pages), m.a.first+sweepPages); k++ {
		p := &m.a.pages[k]
		if !p.full || m.s.now-int64(p.newest) < m.spec.TTL || !m.killPage(k) {
			return
		}
		m.lapsed++
		m.a.release()
	}
}

// killPage takes all rows of a page out of memory.
func (m *MultiMap) killPage(k int) bool {
	err := m.a.each(k, &m.a.pages[k], func(ref RowRef, rec []byte) bool {
		if !m.a.gone(ref) {
			m.kill(ref, rec)
		}
		return true
	})
	if err != nil {
		m.s.fail(spillErr(err))
	}
	return err == nil
}

// Prune tells an aged multi-map that rows whose age is at or below at will match
// nothing any more. It frees memory: whole pages of such rows go, others stay for
// now, and a restored snapshot may have them again.
func (m *MultiMap) Prune(at int64) {
	if m.probes > 0 {
		return
	}
	limit := uint64(at) ^ 1<<63
	for k := m.a.first; k < min(len(m.a.pages), m.a.first+prunePages); k++ {
		if p := &m.a.pages[k]; p.live > 0 && p.full && p.newest <= limit && !m.killPage(k) {
			return
		}
		m.a.release()
	}
}

// prunePages is how many pages are looked at in one go: rows mostly lie by age, and
// a few that are ahead of their time must not keep all others.
const prunePages = 16

// compactMin is how many bytes must be dead before an arena is written again.
const compactMin = 64 << 10

func (m *MultiMap) tidy() {
	m.a.seen.forget()
	if m.probes == 0 {
		m.a.release()
	}
	if m.a.dying*2 > m.a.all && m.a.dying > int64(min(compactMin, 2*m.s.c.PageBytes)) && m.probes == 0 {
		m.compact()
	}
}

// compact writes the arena again without what is dead. Old pages go as soon as they
// were copied.
func (m *MultiMap) compact() {
	old := m.a
	m.a.file = nil
	m.resetArena()
	if m.a.keyed {
		m.keys.forget()
	} else {
		for _, key := range m.keys.refs() {
			k := m.keys.Touch(key)
			k[chainHead], k[chainCount] = 0, 0
		}
	}
	m.live = 0
	defer func() { m.moved = nil }()
	for i := old.first; i < len(old.pages); i++ {
		p := old.pages[i]
		m.moved = &p.place
		err := old.each(i, &p, func(ref RowRef, rec []byte) bool {
			if p.dead != nil && batch.Bit(p.dead, ref.off()/recUnit) {
				return true
			}
			stamp := uint64(0)
			if m.spec.stamped() {
				stamp = recStamp(rec)
			}
			key := None
			if m.a.keyed {
				key = m.keys.Get(m.a.recName(rec, nil), Upsert)
			} else {
				key = recKey(rec)
			}
			to := m.append(key, m.a.recRow(rec), recSeq(rec), stamp)
			q := &m.a.pages[to.page()]
			q.part.since = min(q.part.since, p.part.since)
			if p.counts != nil {
				m.moveCounter(&p, ref.off()/recUnit, to)
			}
			return true
		})
		if err != nil {
			m.s.fail(spillErr(err))
			return
		}
		old.pages[i] = arenaPage{}
		if over := m.mem() - m.s.c.Memory; m.a.keyed && over > 0 {
			m.evict(over, true)
		}
	}
	m.s.cold.retire(old.file)
	m.mark.end, m.pendMark.end = 0, 0
}

// moveCounter copies the counter of a row, and what is known of its changes.
func (m *MultiMap) moveCounter(from *arenaPage, i int, to RowRef) {
	p, j := &m.a.pages[to.page()], to.off()/recUnit
	p.counts[j] = from.counts[i]
	if from.dirty != nil && batch.Bit(from.dirty, i) {
		if p.dirty == nil {
			p.dirty = make([]uint64, batch.Words(len(p.counts)))
		}
		batch.SetBit(p.dirty, j)
	}
	if from.pend != nil && batch.Bit(from.pend, i) {
		if p.pend == nil {
			p.pend = make([]uint64, batch.Words(len(p.counts)))
		}
		batch.SetBit(p.pend, j)
	}
}
