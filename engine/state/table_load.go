package state

import (
	"encoding/binary"
	"math"
)

// blockLoader is a structure that takes the rows of a block together, since each waits
// for memory: n entries in b. False means that they do not fit.
type blockLoader interface {
	expect(rows int64)
	// pageRow is how many bytes a row has at least in a block of kindPage.
	pageRow() int64
	loadBlock(e *savedEntry, b []byte, n int) bool
}

// expect makes room in the index for so many rows at most.
func (t *Table) expect(rows int64) {
	if t.key.lay == keyNone {
		return
	}
	if t.s.c.Memory > 0 {
		rows = min(rows, t.s.c.Memory/int64(t.r.size*8+32))
	}
	// With some room, so that it does not grow as soon as rows come.
	if slots := int(rows + rows/2 + firstSlots); 2*slots > len(t.ix.slots) {
		t.ix.resize(slots)
	}
}

func (t *Table) pageRow() int64 { return int64(8 * (1 + t.key.lanes + t.spec.Lanes)) }

func (t *Table) loadBlock(e *savedEntry, b []byte, n int) bool {
	if e.kind != kindRow || len(t.ix.slots) == 0 {
		return loadEach(t, e, b, n)
	}
	fixed := t.key.lay == keyWord && t.list == nil && len(t.spec.Blobs) == 0
	var bodies [len(homeBlock{})][]byte
	var words [len(homeBlock{})]uint64
	var nulls [len(homeBlock{})]bool
	var homes homeBlock
	r := entryReader{b: b}
	for n > 0 {
		k := min(n, len(bodies))
		n -= k
		for i := range k {
			body := r.bytes()
			if r.bad || len(body) < hashOff+12 {
				return false
			}
			bodies[i] = body
			words[i] = binary.LittleEndian.Uint64(body[hashOff:])
			if t.key.lay == keyWord {
				key := entryReader{b: body[hashOff+8:]}
				var ok bool
				if words[i], nulls[i], ok = t.key.takeWord(key.bytes()); key.bad || !ok {
					return false
				}
			}
		}
		t.ix.homes(words[:k], &homes)
		for i, body := range bodies[:k] {
			if fixed && !nulls[i] && t.cold.n == 0 {
				if !t.loadFixed(e.group, words[i], body) {
					return false
				}
				continue
			}
			if e.body = body; !t.load(e) {
				return false
			}
		}
	}
	return len(r.b) == 0
}

// loadFixed is load for a row of words alone.
func (t *Table) loadFixed(group uint16, word uint64, body []byte) bool {
	at := hashOff + 12 + int(binary.LittleEndian.Uint32(body[hashOff+8:]))
	if len(body) != at+8*t.spec.Lanes {
		return false
	}
	ref := t.ix.find(word)
	if ref == None {
		ref = t.newRow(group)
		t.whole(ref)[t.keyAt] = word
		t.ix.insert(word, ref)
	} else {
		t.touch(ref)
	}
	row := t.whole(ref)
	row[0] = row[0]&^(1<<markBits-1) | uint64(uint32(binary.LittleEndian.Uint64(body)))
	if t.stampAt != 0 {
		row[t.stampAt] = binary.LittleEndian.Uint64(body[stampOff:])
	}
	lanes, body := row[t.laneAt:t.laneAt+t.spec.Lanes], body[at:]
	for l := range lanes {
		lanes[l] = binary.LittleEndian.Uint64(body[8*l:])
	}
	return true
}

// loadEach loads the entries of a block one by one.
func loadEach(x structure, e *savedEntry, b []byte, n int) bool {
	r := entryReader{b: b}
	for range n {
		if e.body = r.bytes(); r.bad || !x.load(e) {
			return false
		}
	}
	return len(r.b) == 0
}

func (s *Sorted) expect(rows int64)                             { s.keys.expect(rows) }
func (s *Sorted) loadBlock(e *savedEntry, b []byte, n int) bool { return s.keys.loadBlock(e, b, n) }

// pageRow: how many rows a page has cannot be told from its bytes, so the index grows as
// they come.
func (s *Sorted) pageRow() int64 { return math.MaxInt64 }

func (s *Set) pageRow() int64                                { return s.t.pageRow() }
func (s *Set) expect(rows int64)                             { s.t.expect(rows) }
func (s *Set) loadBlock(e *savedEntry, b []byte, n int) bool { return s.t.loadBlock(e, b, n) }
