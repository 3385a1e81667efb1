package state

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// An entry of a row is
//
//	ID 8 | stamp 8 | hash 8 | key | lanes 8 each, bytes of blobs | list
//
// with the number of entries of the list before them. It does not depend on where
// anything lies. Rows on disk have the same form.
const stampOff, hashOff = 8, 16

// encodeRow appends the entry of a row whose bytes and list lie in sl and li. Of t
// it reads only what never changes.
func (t *Table) encodeRow(dst []byte, row []uint64, sl *slab, li *lists) []byte {
	stamp := uint64(0)
	if t.stampAt != 0 {
		stamp = row[t.stampAt]
	}
	dst = put64(dst, uint64(uint32(row[0])))
	dst = put64(dst, stamp)
	dst = put64(dst, t.rowHash(row))
	at := len(dst)
	dst = t.appendKey(append(dst, 0, 0, 0, 0), row, sl)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	lanes := row[t.laneAt : t.laneAt+t.spec.Lanes]
	if len(t.spec.Blobs) == 0 {
		for _, v := range lanes {
			dst = put64(dst, v)
		}
	} else {
		for l, v := range lanes {
			if slices.Contains(t.spec.Blobs, l) {
				dst = putBytes(dst, sl.get(v))
			} else {
				dst = put64(dst, v)
			}
		}
	}
	if li == nil {
		return dst
	}
	root := row[len(row)-listLanes:]
	dst = put64(dst, root[0])
	li.each(root, func(e []uint64) {
		dst = put64(dst, e[entWord])
		dst = putBytes(dst, sl.get(e[entRest]))
		dst = putBytes(dst, sl.get(e[entPayload]))
		for _, v := range e[entLanes:] {
			dst = put64(dst, v)
		}
	})
	return dst
}

// decodeRow makes the row of an entry, over an older one of the same key; None if
// the entry does not fit. The row counts as changed.
func (t *Table) decodeRow(group uint16, body []byte) Ref {
	r := entryReader{b: body}
	id, stamp := r.u64(), r.u64()
	k := Key{Group: group, Hash: r.u64(), Bytes: r.bytes()}
	if r.bad || !t.fits(k) {
		return None
	}
	ref := t.findKey(k)
	if ref == None {
		ref = t.insertKey(k)
	} else {
		t.touch(ref)
		t.clearRow(ref)
	}
	row := t.whole(ref)
	row[0] = row[0]&^(1<<32-1) | uint64(uint32(id))
	if t.stampAt != 0 {
		row[t.stampAt] = stamp
	}
	for l := range t.spec.Lanes {
		if len(t.spec.Blobs) > 0 && slices.Contains(t.spec.Blobs, l) {
			row[t.laneAt+l] = t.sl.put(r.bytes())
		} else {
			row[t.laneAt+l] = r.u64()
		}
	}
	if t.list != nil {
		root := row[len(row)-listLanes:]
		for n := r.u64(); n > 0 && !r.bad; n-- {
			word, rest, payload := r.u64(), r.bytes(), r.bytes()
			e := t.list.push(root)
			e[entWord], e[entRest], e[entPayload] = word, t.sl.put(rest), t.sl.put(payload)
			for l := range e[entLanes:] {
				e[entLanes+l] = r.u64()
			}
		}
	}
	if !r.ok() {
		return None
	}
	return ref
}

// fits reports whether a key from a file has the form of the table's keys.
func (t *Table) fits(k Key) bool {
	switch t.key.lay {
	case keyNone:
		return len(k.Bytes) == 0
	case keyWord:
		_, _, ok := t.key.takeWord(k.Bytes)
		return ok
	case keyStr:
		if len(k.Bytes) == 1 {
			return k.Bytes[0] == 0
		}
		_, ok := takeStr(nil, k.Bytes)
		return ok
	}
	return len(k.Bytes) > 0
}

func (t *Table) isDirty(ref Ref) bool {
	p, i := ref>>t.r.shift, ref&(1<<t.r.shift-1)
	return batch.Bit(t.dirty[p], int(i)) && t.r.meta[p].epoch == t.s.snaps.epoch
}

// tableImage is a table at one moment.
type tableImage struct {
	t    *Table // for its shape alone
	name string
	sub  int64
	r    cells[uint64]
	sl   slab
	li   *lists
	// bits are the rows to write, by page, more those that have not changed.
	bits  [][]uint64
	more  [][]uint64
	clear bool
	dead  deadLog
	ids   []uint32
	cold  *coldImage
	now   int64
	seen  byte // of no account: keeps reads ahead from being left out
}

func (t *Table) freeze(delta, keep bool) image { return t.freezeAs(t.name, 0, delta, keep) }

// freezeAs freezes the table as part sub of the structure name.
func (t *Table) freezeAs(name string, sub int64, delta, keep bool) *tableImage {
	m := &tableImage{t: t, name: name, sub: sub, now: t.s.now, r: t.r.image(), sl: t.sl.image(), ids: slices.Clone(t.ids)}
	if t.list != nil {
		m.li = t.list.image()
	}
	if keep {
		t.cleared, t.clearedPend = false, t.clearedPend || t.cleared
		t.deadPend.take(&t.dead)
	}
	if delta {
		m.clear, m.dead = t.clearedPend, t.deadPend
	}
	m.bits = make([][]uint64, len(t.r.data))
	weight := t.rowBytes()
	for p := range t.r.data {
		if t.r.data[p] == nil {
			continue
		}
		if keep {
			t.settle(p)
		}
		page := &t.r.meta[p]
		live := page.live
		if !delta {
			m.bits[p] = slices.Clone(live)
			if keep {
				page.part.now = t.s.snaps.number
			}
			continue
		}
		left := uint64(0) // rows that have not changed
		if t.pend[p] != nil {
			b := make([]uint64, len(live))
			for i := range b {
				b[i] = t.pend[p][i] & live[i]
				left |= live[i] &^ b[i]
			}
			m.bits[p] = b
		} else {
			left = 1
		}
		switch {
		case left == 0:
			page.part.now = t.s.snaps.number
		case t.s.snaps.renew(&page.part, int64(page.used)*weight):
			m.again(p, live)
		default:
			if c := t.carried(uint32(p)); c != nil {
				m.again(p, c.rows, c.pend)
			}
		}
	}
	if keep {
		for _, c := range t.carry {
			if c != nil {
				c.settle()
			}
		}
	}
	m.cold = t.cold.freeze(delta, keep)
	return m
}

// again adds rows of a page that have not changed.
func (m *tableImage) again(p int, lists ...[]uint64) {
	if m.more == nil {
		m.more = make([][]uint64, len(m.bits))
	}
	live := m.t.r.meta[p].live
	b := make([]uint64, len(live))
	for _, l := range lists {
		for i, w := range l {
			b[i] |= w & live[i]
		}
	}
	for i, w := range m.bits[p] {
		b[i] &^= w
	}
	m.more[p] = b
}

// settle moves the dirty bits of a page to pend.
func (t *Table) settle(p int) {
	any := uint64(0)
	for _, w := range t.dirty[p] {
		any |= w
	}
	if any == 0 {
		return
	}
	b := make([]uint64, len(t.dirty[p]))
	copy(b, t.dirty[p])
	for i, w := range t.pend[p] {
		b[i] |= w
	}
	t.pend[p] = b
	clear(t.dirty[p])
	clear(t.born[p])
}

func (t *Table) confirmed() {
	clear(t.pend)
	t.deadPend.reset()
	t.clearedPend = false
	t.carriedConfirmed()
}

func (m *tableImage) write(w *snapWriter) {
	t := m.t
	if m.clear {
		w.section(m.name, kindClear, m.sub)
		w.put(allGroups, nil)
	}
	if len(m.dead.chunks) > 0 {
		w.section(m.name, kindDead, m.sub)
		m.dead.write(w)
	}
	w.section(m.name, kindIDs, m.sub)
	for g, id := range m.ids {
		if id > 0 {
			w.put(uint16(t.s.c.Groups.From+g), put64(nil, uint64(id)))
		}
	}
	rows := m.rows
	if w.unhashed && t.words() {
		rows = m.raw
		w.section(m.name, kindPage, m.sub)
	} else {
		w.section(m.name, kindRow, m.sub)
	}
	rows(w, m.bits)
	w.again = true
	rows(w, m.more)
	if m.cold != nil {
		w.section(m.name, kindRow, m.sub)
		m.cold.rows(w, func(group uint16, body []byte, changed bool) {
			if t.stampAt == 0 || !t.expiredAt(binary.LittleEndian.Uint64(body[stampOff:]), m.now) {
				w.again = !changed
				w.put(group, body)
			}
		})
	}
	w.again = false
}

// rows writes rows in memory.
func (m *tableImage) rows(w *snapWriter, pages [][]uint64) {
	t := m.t
	for p, words := range pages {
		for i, b := range words {
			for ; b != 0; b &= b - 1 {
				row := m.r.at(uint32(p<<m.r.shift | i<<6 | bits.TrailingZeros64(b)))
				if t.stampAt != 0 && t.expiredAt(row[t.stampAt], m.now) {
					continue
				}
				w.close(t.encodeRow(w.open(groupOf(row)), row, &m.sl, m.li))
			}
		}
		if w.err != nil {
			return
		}
	}
}

// rowBytes is about how many bytes a row in memory has.
func (t *Table) rowBytes() int64 {
	n := int64(t.r.size * 8)
	if t.r.n > 0 {
		n += t.sl.bytes / int64(t.r.n)
		if t.list != nil {
			n += t.list.mem() / int64(t.r.n)
		}
	}
	return n
}

func (t *Table) parts(visit func(p *part, bytes int64)) {
	weight := t.rowBytes()
	for p := range t.r.data {
		if t.r.data[p] != nil {
			visit(&t.r.meta[p].part, int64(t.r.meta[p].used)*weight)
		}
	}
	t.cold.each(func(p *coldPart) {
		for _, r := range p.runs {
			visit(&r.part, int64(r.size))
		}
	})
}

func (t *Table) load(e *savedEntry) bool {
	switch e.kind {
	case kindClear:
		t.forgetGroups(e.files)
	case kindDead:
		r := entryReader{b: e.body}
		k := Key{Group: e.group, Hash: r.u64(), Bytes: r.bytes()}
		if !r.ok() || !t.fits(k) {
			return false
		}
		ref := t.findKey(k)
		if ref == None {
			ref = t.cold.take(k)
		}
		if ref != None {
			t.freeValues(t.whole(ref))
			t.remove(ref)
		}
	case kindIDs:
		if len(e.body) != 8 {
			return false
		}
		*t.id(e.group) = uint32(binary.LittleEndian.Uint64(e.body))
	case kindRow:
		if t.cold.n > 0 {
			t.cold.forget(e.group, e.body)
		}
		return t.decodeRow(e.group, e.body) != None
	case kindPage:
		return t.loadPage(e.body)
	default:
		return false
	}
	return true
}

// forgetGroups drops the rows of some key groups, at restore.
func (t *Table) forgetGroups(groups Range) {
	for _, k := range t.cold.list(nil) {
		if groups.Has(int(k.Group)) {
			t.cold.take(k)
		}
	}
	for _, ref := range t.refs() {
		if row := t.whole(ref); groups.Has(int(groupOf(row))) {
			t.freeValues(row)
			t.remove(ref)
		}
	}
}

// refs lists the rows in memory by their numbers.
func (t *Table) refs() []Ref {
	out := make([]Ref, 0, t.r.n)
	for p := range t.r.data {
		if t.r.data[p] == nil {
			continue
		}
		for i, b := range t.r.meta[p].live {
			for ; b != 0; b &= b - 1 {
				out = append(out, Ref(p<<t.r.shift|i<<6|bits.TrailingZeros64(b)))
			}
		}
	}
	return out
}

func (t *Table) mem() int64 {
	n := t.r.elems*8 + len(t.dirty)*24 + len(t.ids)*4
	m := int64(n) + t.ix.mem() + t.sl.bytes + t.dead.mem() + t.cold.mem()
	if t.list != nil {
		m += t.list.mem()
	}
	return m
}

// sweepPages is how many pages of rows one sweep looks at.
const sweepPages = 64

// sweep frees expired rows. That they are gone need not be remembered: what an
// older snapshot has of them is expired too.
func (t *Table) sweep() {
	if t.stampAt == 0 {
		return
	}
	for range min(sweepPages, len(t.r.data)) {
		t.broom = (t.broom + 1) % uint32(len(t.r.data))
		p := t.broom
		if t.r.data[p] == nil {
			continue
		}
		for i, b := range slices.Clone(t.r.meta[p].live) {
			for ; b != 0; b &= b - 1 {
				ref := Ref(int(p)<<t.r.shift | i<<6 | bits.TrailingZeros64(b))
				if row := t.whole(ref); t.expired(row) {
					t.lapsed++
					t.freeValues(row)
					t.remove(ref)
				}
			}
		}
	}
	t.ix.shrink()
}

func (t *Table) tidy() {}
