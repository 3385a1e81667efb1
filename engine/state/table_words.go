package state

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// Rows of a table are written as they lie in memory, for restores alone: the hash of what
// is written would depend on pages. An entry has rows of a page, of all key groups:
//
//	flags 1 | layout of the key 1 | kind of its values 1 | lanes of a row 4 | words of an entry of lists 4 | rows
//
// and a row is its words of 8 bytes, and behind them, where its key is a view of bytes too
// long to lie in it, these bytes, and those of its blobs, each with its length 4. References
// to the slab among the words are of no account. A table of a Sorted has no words for the
// list in its rows, but behind each
//
//	entries 4 | of each: its words, with lengths for references | rest | payload
//
// Entries of other tables, and all of form 5, have no words of an entry of lists.
const (
	wordsHead = 7
	listsHead = wordsHead + 4
)

// wordsLong is about how long an entry becomes.
const wordsLong = 256 << 10

// words reports whether rows of the table can be written so.
func (t *Table) words() bool { return t.key.lay != keyNone }

// plainWords reports whether nothing lies behind their words.
func (t *Table) plainWords() bool {
	return t.key.lay == keyWord && len(t.spec.Blobs) == 0 && t.list == nil
}

// raw writes rows in memory as they lie there.
func (m *tableImage) raw(w *snapWriter, pages [][]uint64) {
	t := m.t
	head := make([]byte, wordsHead, listsHead)
	head[1], head[2] = byte(t.key.lay), byte(t.key.phys)
	if t.stampAt != 0 {
		head[0] = entryStamped
	}
	binary.LittleEndian.PutUint32(head[3:], uint32(t.spec.Lanes))
	size, wide, plain := m.r.size, m.r.size, t.plainWords()
	if m.li != nil {
		head = binary.LittleEndian.AppendUint32(head, uint32(m.li.width))
		wide -= listLanes
	}
	for p, words := range pages {
		n := 0
		for _, b := range words {
			n += bits.OnesCount64(b)
		}
		if n == 0 {
			continue
		}
		b := append(w.open(allGroups), head...)
		b = slices.Grow(b, n*size*8)
		n = 0
		for i, live := range words {
			if m.li != nil && live != 0 {
				m.warmLists(p, i, live)
			}
			for ; live != 0; live &= live - 1 {
				row := m.r.data[p][(i<<6|bits.TrailingZeros64(live))*size:][:size]
				if t.stampAt != 0 && t.expiredAt(row[t.stampAt], m.now) {
					continue
				}
				at := len(b)
				b = slices.Grow(b, 8*wide)[:at+8*wide]
				to := b[at:]
				for k, v := range row[:wide] {
					binary.LittleEndian.PutUint64(to[8*k:], v)
				}
				if n++; plain {
					continue
				}
				if v := (batch.View{A: row[t.keyAt+1], B: row[t.keyAt+2]}); t.key.lay != keyWord && longView(v) {
					b = append(b, m.sl.get(v.B)...)
				}
				for _, l := range t.spec.Blobs {
					b = putBytes(b, m.sl.get(row[t.laneAt+l]))
				}
				if m.li != nil {
					b = m.appendList(b, row[wide:])
				}
				if len(b) > wordsLong {
					w.closeRows(b, n)
					n, b = 0, append(w.open(allGroups), head...)
				}
			}
		}
		w.closeRows(b, n)
		if w.err != nil {
			return
		}
	}
}

// appendList appends the list of a row.
func (m *tableImage) appendList(b []byte, root []uint64) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(root[0]))
	m.li.each(root, func(e []uint64) {
		rest, payload := m.sl.get(e[entRest]), m.sl.get(e[entPayload])
		b = put64(put64(put64(b, e[entWord]), uint64(len(rest))), uint64(len(payload)))
		for _, v := range e[entLanes:] {
			b = put64(b, v)
		}
		b = append(append(b, rest...), payload...)
	})
	return b
}

// warmLists reads the first entries of the lists of some rows of a page, and then what
// they have in the slab, so that what is missing comes together.
func (m *tableImage) warmLists(p, word int, live uint64) {
	var refs [64]uint64
	n, size := 0, m.r.size
	for ; live != 0; live &= live - 1 {
		at := (word<<6 | bits.TrailingZeros64(live)) * size
		if links := m.li.links(m.r.data[p][at+size-listLanes : at+size]); len(links) > 0 {
			refs[n] = m.li.at(links[0])[entPayload]
			n++
		}
	}
	for _, ref := range refs[:n] {
		b := m.sl.get(ref)
		for k := 0; k < min(len(b), warmBytes); k += 64 {
			m.seen += b[k]
		}
	}
}

// warmBytes is how much is read ahead of bytes that hang on a row.
const warmBytes = 512

// longView reports whether the bytes of a view lie elsewhere.
func longView(v batch.View) bool { return uint32(v.A) > batch.InlineMax && v.A != nullView.A }

// wordsForm is how rows of an entry lie.
type wordsForm struct {
	keyAt, laneAt, size int // in bytes
	views               bool
	blobs               int
	entry               int // of lists, 0 for none
}

// cut takes the first row off b.
func (f *wordsForm) cut(b []byte) (row, rest []byte, ok bool) {
	n := f.size
	if len(b) < n {
		return nil, nil, false
	}
	if f.views {
		if v := (batch.View{A: binary.LittleEndian.Uint64(b[f.keyAt+8:])}); longView(v) {
			n += int(uint32(v.A))
		}
	}
	for range f.blobs {
		if len(b) < n+4 {
			return nil, nil, false
		}
		n += 4 + int(binary.LittleEndian.Uint32(b[n:]))
	}
	if f.entry > 0 {
		if len(b) < n+4 {
			return nil, nil, false
		}
		list := binary.LittleEndian.Uint32(b[n:])
		n += 4
		for ; list > 0; list-- {
			if len(b) < n+f.entry {
				return nil, nil, false
			}
			left := uint64(len(b) - n - f.entry)
			rest, payload := binary.LittleEndian.Uint64(b[n+8*entRest:]), binary.LittleEndian.Uint64(b[n+8*entPayload:])
			if rest > left || payload > left-rest {
				return nil, nil, false
			}
			n += f.entry + int(rest+payload)
		}
	}
	if len(b) < n {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// loadPage takes the rows of an entry that raw wrote, over older ones of their keys. They
// count as changed.
func (t *Table) loadPage(body []byte) bool {
	if len(body) < wordsHead || !t.words() || body[1] != byte(t.key.lay) || body[2] != byte(t.key.phys) ||
		int(binary.LittleEndian.Uint32(body[3:])) != t.spec.Lanes {
		return false
	}
	f := wordsForm{keyAt: 8, views: t.key.lay != keyWord, blobs: len(t.spec.Blobs)}
	if body[0]&entryStamped != 0 {
		f.keyAt = 16
	}
	f.laneAt = f.keyAt + 8*t.key.lanes
	f.size = f.laneAt + 8*t.spec.Lanes
	body = body[wordsHead:]
	if t.list != nil {
		if len(body) < 4 || int(binary.LittleEndian.Uint32(body)) != t.list.width {
			return false
		}
		f.entry, body = 8*t.list.width, body[4:]
	}
	var rows [len(homeBlock{})][]byte
	var words [len(homeBlock{})]uint64
	var homes homeBlock
	for len(body) > 0 {
		n := 0
		for n < len(rows) && len(body) > 0 {
			row, rest, ok := f.cut(body)
			if !ok {
				return false
			}
			body = rest
			if t.s.c.Groups.Has(int(binary.LittleEndian.Uint64(row) >> groupBits & groupMask)) {
				rows[n], words[n] = row, binary.LittleEndian.Uint64(row[f.keyAt:])
				n++
			}
		}
		if n == 0 {
			continue
		}
		t.ix.reserve(n)
		t.ix.homes(words[:n], &homes)
		if f.views {
			for _, row := range rows[:n] {
				if !t.loadView(&f, row) {
					return false
				}
			}
		} else {
			t.loadWords(&f, rows[:n], &words, &homes)
		}
	}
	return true
}

// loadWords takes rows whose keys are words, whose searches begin at homes.
func (t *Table) loadWords(f *wordsForm, rows [][]byte, words *[len(homeBlock{})]uint64, homes *homeBlock) {
	slots := t.ix.slots
	var to rowRun
	for j, row := range rows {
		head, word := binary.LittleEndian.Uint64(row), words[j]
		if head&nullFlag != 0 || t.cold.n > 0 {
			t.loadRare(f, row, head, word)
			to = rowRun{}
		} else {
			i := homes[j]
			for slots[i+1] != 0 && slots[i] != word {
				if i += 2; i == uint64(len(slots)) {
					i = 0
				}
			}
			ref := Ref(slots[i+1])
			if ref != None {
				t.touch(ref)
				t.clearRow(ref)
			} else {
				group := uint16(head>>groupBits) & groupMask
				if to.left == 0 {
					ref = t.newRow(group)
					to = t.rowsBehind(ref)
				} else {
					ref = to.take(t, group)
				}
				t.whole(ref)[t.keyAt] = word
				t.ix.insertFrom(i, word, uint64(ref), int(i-homes[j])/2)
			}
			t.loadLanes(ref, f, head, row)
		}
		if &t.ix.slots[0] != &slots[0] { // its salt is another now
			slots = t.ix.slots
			t.ix.homes(words[:len(rows)], homes)
		}
	}
}

// rowRun is room in a page for rows that follow each other.
type rowRun struct {
	next Ref
	left int
}

// rowsBehind is the room behind a row that was just made.
func (t *Table) rowsBehind(ref Ref) rowRun {
	p := ref >> t.r.shift
	if m := &t.r.meta[p]; t.r.cur == int32(p) && uint32(m.next) == ref&(1<<t.r.shift-1)+1 {
		return rowRun{ref + 1, t.r.perPage() - int(m.next)}
	}
	return rowRun{}
}

// take is newRow for the next row of a run, whose memory nobody has written to.
func (x *rowRun) take(t *Table, group uint16) Ref {
	ref := x.next
	x.next++
	x.left--
	p, i := ref>>t.r.shift, ref&(1<<t.r.shift-1)
	m, bit := &t.r.meta[p], uint64(1)<<(i&63)
	m.next++
	m.used++
	m.live[i>>6] |= bit
	t.r.n++
	t.born[p][i>>6] |= bit
	t.dirty[p][i>>6] |= bit
	t.r.data[p][int(i)*t.r.size] = uint64(group) << groupBits
	return ref
}

// loadRare takes a row whose key is NULL, or may be on disk.
func (t *Table) loadRare(f *wordsForm, row []byte, head, word uint64) {
	group, null := uint16(head>>groupBits)&groupMask, head&nullFlag != 0
	if t.cold.n > 0 {
		t.cold.forgetWord(group, word, null)
	}
	ref := t.only
	if !null {
		ref = t.ix.find(word)
	}
	switch {
	case ref != None:
		t.touch(ref)
		t.clearRow(ref)
	case null:
		ref = t.insertNull(group)
	default:
		ref = t.newRow(group)
		t.whole(ref)[t.keyAt] = word
		t.ix.insert(word, ref)
	}
	t.loadLanes(ref, f, head, row)
}

// loadView takes a row whose key is a view.
func (t *Table) loadView(f *wordsForm, row []byte) bool {
	head := binary.LittleEndian.Uint64(row)
	group := uint16(head>>groupBits) & groupMask
	hash := binary.LittleEndian.Uint64(row[f.keyAt:])
	v := batch.View{A: binary.LittleEndian.Uint64(row[f.keyAt+8:])}
	if t.key.lay == keyBytes && (v.A == nullView.A || uint32(v.A) == 0) {
		return false
	}
	var raw []byte
	if longView(v) {
		raw = row[f.size:][:uint32(v.A)]
	} else {
		v.B = binary.LittleEndian.Uint64(row[f.keyAt+16:])
	}
	if t.cold.n > 0 {
		t.cold.forgetView(group, hash, v, raw)
	}
	ref := t.findView(hash, v, raw)
	if ref == None {
		ref = t.insertView(group, hash, v, raw)
	} else {
		t.touch(ref)
		t.clearRow(ref)
	}
	t.loadLanes(ref, f, head, row)
	return true
}

// loadLanes fills a row that has no values yet.
func (t *Table) loadLanes(ref Ref, f *wordsForm, head uint64, from []byte) {
	row := t.whole(ref)
	row[0] = row[0]&^(1<<32-1) | uint64(uint32(head))
	if t.stampAt != 0 {
		row[t.stampAt] = 0 // it was written while there was no TTL
		if f.keyAt == 16 {
			row[t.stampAt] = binary.LittleEndian.Uint64(from[8:])
		}
	}
	lanes := row[t.laneAt : t.laneAt+t.spec.Lanes]
	for l := range lanes {
		lanes[l] = binary.LittleEndian.Uint64(from[f.laneAt+8*l:])
	}
	if f.blobs == 0 && f.entry == 0 {
		return
	}
	at := f.size
	if f.views {
		if v := (batch.View{A: binary.LittleEndian.Uint64(from[f.keyAt+8:])}); longView(v) {
			at += int(uint32(v.A))
		}
	}
	for _, l := range t.spec.Blobs {
		n := int(binary.LittleEndian.Uint32(from[at:]))
		lanes[l] = t.sl.put(from[at+4:][:n])
		at += 4 + n
	}
	if f.entry > 0 {
		t.loadList(row[len(row)-listLanes:], f.entry, from[at:])
	}
}

// loadList fills a list that is empty.
func (t *Table) loadList(root []uint64, size int, from []byte) {
	n := binary.LittleEndian.Uint32(from)
	for from = from[4:]; n > 0; n-- {
		e := t.list.push(root)
		for l := entLanes; l < len(e); l++ {
			e[l] = binary.LittleEndian.Uint64(from[8*l:])
		}
		rest, payload := binary.LittleEndian.Uint64(from[8*entRest:]), binary.LittleEndian.Uint64(from[8*entPayload:])
		e[entWord] = binary.LittleEndian.Uint64(from)
		from = from[size:]
		e[entRest], e[entPayload] = t.sl.put(from[:rest]), t.sl.put(from[rest:][:payload])
		from = from[rest+payload:]
	}
}

// forgetWord is forget for a key of one word.
func (k *coldKeys) forgetWord(group uint16, word uint64, null bool) {
	key := Key{Group: group, Hash: nullHash, Bytes: []byte{0}}
	if !null {
		key.Hash = batch.Mix(word + golden)
	}
	if !k.may(key.Hash) {
		return
	}
	if !null {
		key.Bytes = k.t.key.appendWord(nil, word)
	}
	k.take(key)
}

// forgetView is forget for a key that is a view.
func (k *coldKeys) forgetView(group uint16, hash uint64, v batch.View, raw []byte) {
	if !k.may(hash) {
		return
	}
	key := Key{Group: group, Hash: hash}
	if v.A == nullView.A {
		key.Bytes = []byte{0}
	} else {
		var short [12]byte
		if !longView(v) {
			raw = v.Inline(&short)
		}
		if k.t.key.lay == keyStr {
			key.Bytes = appendStr(nil, raw)
		} else {
			key.Bytes = raw
		}
	}
	k.take(key)
}
