package state

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// multiLoad is what a multi-map knows while it is filled from files. Of a row that is in
// several files of a chain one is taken, the first that comes; what is gone is known
// before any row comes.
type multiLoad struct {
	had    *numberSet // rows that came or are gone; nil if each is there once
	top    []uint64   // the highest number that came, by key group, where rows may come late
	counts map[uint64]countAt
	at     int    // the place of the file in its chain
	place  uint64 // that of the page that is loaded
	last   uint64 // the highest
	blocks []fileBlock
	late   []lateRow
	// About how many keys come: of all chains, of that at hand, and whether there is room.
	keys, chain int64
	room        bool
}

// expectKeys notes how many keys the task had that wrote a file.
func (m *MultiMap) expectKeys(e *savedEntry, n uint64) {
	x := m.from
	if e.place == 0 {
		x.keys, x.chain = x.keys+x.chain, 0
	}
	mine := min(e.files.To, m.s.c.Groups.To) - max(e.files.From, m.s.c.Groups.From)
	x.chain = max(x.chain, int64(min(n, 1<<32))*int64(max(0, mine))/int64(max(1, e.files.Len())))
}

// makeRoom is called with the first rows.
func (x *multiLoad) makeRoom(t *Table) {
	if x.room {
		return
	}
	x.room = true
	most := int64(0) // whatever files say
	for _, b := range x.blocks {
		most += int64(b.size) / recUnit
	}
	t.expect(min(x.keys+x.chain, most))
}

// countAt is a counter as a file of a chain has it.
type countAt struct {
	n  uint32
	at int
}

// lateRow is a row that came after a newer one of its key.
type lateRow struct {
	key Ref
	seq uint64
	ref RowRef
}

// rowNumber is a row's number and key group in one word.
func rowNumber(group uint16, seq uint64) uint64 { return seq<<16 | uint64(group) }

// arrange puts first what says of rows that they are gone or what is counted, then rows
// in the order in which they came to the tasks that wrote the files.
func (m *MultiMap) arrange(list []fileBlock) {
	rank := func(b fileBlock) (int, int64) {
		if b.kind == kindRow || b.kind == kindPage {
			return 1, b.sub
		}
		return 0, 0
	}
	slices.SortStableFunc(list, func(a, b fileBlock) int {
		x, i := rank(a)
		y, j := rank(b)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(i, j))
	})
	m.from = &multiLoad{blocks: list, counts: map[uint64]countAt{}}
	if slices.ContainsFunc(list, func(b fileBlock) bool { return !b.f.whole }) {
		m.from.had, m.from.top = &numberSet{}, make([]uint64, m.s.c.Groups.Len())
	}
	m.from.place = uint64(list[0].sub)
	if b := list[len(list)-1]; b.kind == kindRow || b.kind == kindPage {
		m.from.last = uint64(b.sub)
	}
}

// restore takes a row of a file.
func (m *MultiMap) restore(k Key, row []byte, seq, stamp uint64, count uint32) {
	x := m.from
	if x.had != nil && !x.had.add(k.Group, seq) {
		return
	}
	key := m.keys.Get(k, Upsert)
	lanes := m.keys.Row(key)
	head := RowRef(lanes[chainHead])
	behind := m.late(k.Group, seq, lanes)
	m.restored(key, head, m.append(key, row, seq, stamp), k.Group, seq, count, behind)
}

// late reports whether a newer row of the key with these lanes has come. Rows mostly come
// in the order of their key group, and then none of the key need be looked at.
func (m *MultiMap) late(group uint16, seq uint64, lanes []uint64) bool {
	x := m.from
	if x.had == nil {
		return false
	}
	if top := &x.top[int(group)-m.s.c.Groups.From]; seq > *top {
		*top = seq
		return false
	}
	return lanes[chainCount] > 0 && recSeq(m.a.rec(RowRef(lanes[chainHead]))) > seq
}

// restored ends the restore of a row that was put in front of head.
func (m *MultiMap) restored(key Ref, head, ref RowRef, group uint16, seq uint64, count uint32, behind bool) {
	x := m.from
	if m.spec.Counters {
		if len(x.counts) > 0 {
			// The file with the counter may be that which has the row, where it is the same.
			if c, ok := x.counts[rowNumber(group, seq)]; ok && c.at >= x.at {
				count = c.n
			}
		}
		m.a.pages[ref.page()].counts[ref.off()/recUnit] = count
	}
	if behind {
		// It is not in the chain of its key for now.
		m.keys.Row(key)[chainHead] = uint64(head)
		x.late = append(x.late, lateRow{key, seq, ref})
	}
}

// loadRecords takes records as they will lie here too, whose keys are words and in memory.
// What is read for one of them waits for no other.
func (m *MultiMap) loadRecords(r *entryReader, counted bool) bool {
	t, x := m.keys, m.from
	var recs [len(homeBlock{})][]byte
	var words [len(homeBlock{})]uint64
	var counts [len(homeBlock{})]uint32
	var refs [len(homeBlock{})]Ref
	var homes homeBlock
	var fresh rowRun
	for len(r.b) > 0 {
		n := 0
		for n < len(recs) && len(r.b) > 0 {
			if len(r.b) < max(m.a.head, recUnit) {
				return false
			}
			size := m.a.recSize(recLen(r.b))
			if size > len(r.b) || binary.LittleEndian.Uint32(r.b[m.a.head-4:]) != 0 {
				return false
			}
			recs[n], r.b = r.b[:size], r.b[size:]
			if counted {
				counts[n] = r.u32()
			}
			if g := m.a.recGroup(recs[n]); t.s.c.Groups.Has(int(g)) && (x.had == nil || x.had.add(g, recSeq(recs[n]))) {
				words[n] = binary.LittleEndian.Uint64(recs[n][16:])
				n++
			}
		}
		if n == 0 {
			continue
		}
		t.ix.reserve(n)
		t.ix.homes(words[:n], &homes)
		slots := &t.ix.slots[0]
		for i := range n {
			refs[i] = m.keyAt(recs[i], words[i], homes[i], &fresh)
			if &t.ix.slots[0] != slots { // its salt is another now
				slots = &t.ix.slots[0]
				t.ix.homes(words[:n], &homes)
			}
		}
		t.warmRows(refs[:n])
		for i, rec := range recs[:n] {
			lanes, seq := t.Row(refs[i]), recSeq(rec)
			head := RowRef(lanes[chainHead])
			group := m.a.recGroup(rec)
			behind := m.late(group, seq, lanes)
			ref := m.a.addCopy(head, rec)
			lanes[chainHead] = uint64(ref)
			lanes[chainCount]++
			m.live++
			m.restored(refs[i], head, ref, group, seq, counts[i], behind)
		}
	}
	return !r.bad
}

// keyAt is the row of a record's key, made if it is not there. The search for its word
// begins at home, and there is room for it. A row that is made is taken from fresh. One
// that is there has all its marks, since no snapshot was taken of it.
func (m *MultiMap) keyAt(rec []byte, word, home uint64, fresh *rowRun) Ref {
	t := m.keys
	group := m.a.recGroup(rec)
	if binary.LittleEndian.Uint64(rec[m.a.head-8:])&nullName != 0 {
		if t.only == None {
			*fresh = rowRun{}
			return t.insertNull(group)
		}
		return t.only
	}
	slots, i := t.ix.slots, home
	for slots[i+1] != 0 && slots[i] != word {
		if i += 2; i == uint64(len(slots)) {
			i = 0
		}
	}
	ref := Ref(slots[i+1])
	if ref != None {
		return ref
	}
	if fresh.left == 0 {
		ref = t.newRow(group)
		*fresh = t.rowsBehind(ref)
	} else {
		ref = fresh.take(t, group)
	}
	t.whole(ref)[t.keyAt] = word
	t.ix.insertFrom(i, word, uint64(ref), int(i-home)/2)
	return ref
}

// warmRows reads the first words of rows' lanes, so that what is missing comes together.
func (t *Table) warmRows(refs []Ref) {
	seen := uint64(0)
	for _, ref := range refs {
		seen += t.r.data[ref>>t.r.shift][int(ref&(1<<t.r.shift-1))*t.r.size+t.laneAt]
	}
	t.ix.seen += seen
}

// lookAhead reads what restore will read for the next rows that lie in b. No read waits
// for that of another row.
func (m *MultiMap) lookAhead(from *arena, b []byte, counted bool) {
	t := m.keys
	if t.ix.n == 0 || t.key.lay == keyNone {
		return
	}
	var words [len(homeBlock{})]uint64
	var homes homeBlock
	n := 0
	for n < len(words) && len(b) >= max(from.head, recUnit) {
		words[n] = binary.LittleEndian.Uint64(b[16:]) // what the index has the key under
		n++
		size := from.recSize(recLen(b))
		if counted {
			size += 4
		}
		if size > len(b) {
			break
		}
		b = b[size:]
	}
	t.ix.homes(words[:n], &homes)
	seen := uint64(0)
	for _, w := range words[:n] {
		if ref := t.ix.find(w); ref != None {
			seen += t.Row(ref)[chainHead]
		}
	}
	t.ix.seen += seen
}

// loaded is called behind each block: rows that came late go to their places.
func (m *MultiMap) loaded() {
	x := m.from
	x.blocks = x.blocks[1:]
	if len(x.late) > 0 {
		slices.SortFunc(x.late, func(a, b lateRow) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.seq, b.seq)) })
		for list := x.late; len(list) > 0; {
			n := 1
			for n < len(list) && list[n].key == list[0].key {
				n++
			}
			m.insertLate(list[:n])
			list = list[n:]
		}
		x.late = x.late[:0]
		m.a.seen.forget()
	}
	if len(x.blocks) > 0 {
		x.place = uint64(x.blocks[0].sub)
	}
}

// insertLate puts late rows of a key, in order, and all that are newer than the first of
// them at the end: the rows of a chain lie in its order.
func (m *MultiMap) insertLate(late []lateRow) {
	lanes := m.keys.Row(late[0].key)
	var list []lateRow
	ref := RowRef(lanes[chainHead])
	for linked := lanes[chainCount] - uint64(len(late)); linked > 0; linked-- {
		rec := m.a.rec(ref)
		if recSeq(rec) < late[0].seq {
			break
		}
		list = append(list, lateRow{late[0].key, recSeq(rec), ref})
		ref = recPrev(rec)
	}
	list = append(list, late...)
	slices.SortFunc(list, func(a, b lateRow) int { return cmp.Compare(a.seq, b.seq) })
	lanes[chainHead] = uint64(ref)
	lanes[chainCount] -= uint64(len(list))
	m.live -= len(list)
	var row []byte
	for _, l := range list {
		rec := m.a.rec(l.ref)
		stamp := uint64(0)
		if m.a.stamped {
			stamp = recStamp(rec)
		}
		row = append(row[:0], m.a.recRow(rec)...)
		m.a.kill(l.ref, rec)
		to := m.append(l.key, row, l.seq, stamp)
		if m.spec.Counters {
			m.a.pages[to.page()].counts[to.off()/recUnit] = m.a.pages[l.ref.page()].counts[l.ref.off()/recUnit]
		}
	}
}

// arranged ends the load. Rows that come from here on have their places behind all others,
// also where those are of a task that had more key groups.
func (m *MultiMap) arranged() {
	last := m.from.last
	m.from = nil
	m.ahead = 0
	if n := m.place(); n < last {
		m.ahead = last - n
	}
}

// numberSet is a set of rows by their numbers, which mostly come in runs.
type numberSet struct {
	words []uint64 // a key and 64 bits in turn; a key is 0 where there is none
	n     int
}

// add adds a row and reports whether it was not there.
func (x *numberSet) add(group uint16, seq uint64) bool {
	if (x.n+1)*3 > len(x.words) {
		old := x.words
		x.words = make([]uint64, max(1<<10, 2*len(old)))
		for i := 0; i < len(old); i += 2 {
			if old[i] != 0 {
				j := x.find(old[i])
				x.words[j], x.words[j+1] = old[i], old[i+1]
			}
		}
	}
	key := (seq>>6)<<16 | uint64(group) + 1
	i := x.find(key)
	if x.words[i] == 0 {
		x.words[i] = key
		x.n++
	}
	bit := uint64(1) << (seq & 63)
	had := x.words[i+1]&bit != 0
	x.words[i+1] |= bit
	return !had
}

// find is the place of a key, or where it would be.
func (x *numberSet) find(key uint64) int {
	slots := len(x.words) >> 1
	i := int(key * golden >> 32 * uint64(slots) >> 32)
	for x.words[2*i] != 0 && x.words[2*i] != key {
		if i++; i == slots {
			i = 0
		}
	}
	return 2 * i
}
