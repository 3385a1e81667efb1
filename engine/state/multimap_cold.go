package state

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
)

// Keys of a multi-map leave memory with the page that has their newest row, and the
// record of a key on disk (cold_rows.go) has copies of its newest rows behind it, as they
// lie in the arena: a search reads one block and has both. A search leaves such a key
// where it is; it comes back when a row is added or taken away.
//
// The entry of a key is
//
//	newest row 8 | number of rows 8 | hash 8 | key | rows, newest first
//
// in which what the rows of other tables have between the hash and the end has the same
// place.

// chain is the newest row of a key and the number of its rows, 0 for no such key.
type chain struct {
	head RowRef
	n    uint64
}

// tailMax is how many bytes of rows a key takes along at most.
const tailMax = 512

func (m *MultiMap) chainOf(key Ref) chain {
	k := m.keys.Row(key)
	return chain{RowRef(k[chainHead]), k[chainCount]}
}

// chains finds the rows of each key of b, among the lanes of sel (nil for all).
func (m *MultiMap) chains(b *batch.Batch, keys *batch.KeyVec, sel []uint16, dst []chain) {
	n := len(dst)
	if n == 0 {
		return
	}
	t := m.keys
	m.refs = sized(m.refs, n)
	t.begin(b, keys, sel, n)
	t.search(b, keys, sel, 0, n, Read, m.refs, nil)
	for i, key := range m.refs {
		if key == None {
			dst[i] = chain{}
		} else {
			dst[i] = m.chainOf(key)
		}
	}
	if len(t.sc.missing) == 0 {
		return
	}
	if m.peeked == nil {
		m.peeked = make([]int32, peekedSlots)
	}
	clear(m.peeked)
	for _, i := range t.sc.missing {
		lane := laneOf(sel, int(i))
		at := &m.peeked[keys.H[lane]%peekedSlots]
		if k := *at - 1; k >= 0 && keys.H[laneOf(sel, int(k))] == keys.H[lane] && sameKey(b, keys.Cols, lane, laneOf(sel, int(k))) {
			dst[i] = dst[k]
			continue
		}
		*at = i + 1
		dst[i] = m.peek(t.coldKey(b, keys, lane))
	}
}

// peekedSlots is how many rows of a batch are remembered whose keys were found on disk: it
// may have such a key many times.
const peekedSlots = 1 << 10

// peek finds the rows of a key on disk, which stays there.
func (m *MultiMap) peek(key Key) chain {
	_, _, _, rec := m.keys.cold.seek(key)
	if rec == nil {
		return chain{}
	}
	c, tail := readChain(rec[coldHead:])
	m.attach(c.head, tail)
	return c
}

// readChain reads the entry of a key: its rows, and the copies of the newest ones.
func readChain(body []byte) (chain, []byte) {
	c := chain{RowRef(binary.LittleEndian.Uint64(body)), binary.LittleEndian.Uint64(body[8:])}
	const at = hashOff + 8
	return c, body[at+4+binary.LittleEndian.Uint32(body[at:]):]
}

// attach makes known that the rows of a chain from head on are at hand.
func (m *MultiMap) attach(head RowRef, tail []byte) {
	if len(tail) == 0 || head.page() < m.a.first || m.a.pages[head.page()].data != nil {
		return
	}
	b := m.a.seen.room(len(tail))
	copy(b, tail)
	m.a.seen.use(len(b))
	for ref := head; len(b) > 0; {
		n := m.a.recSize(recLen(b))
		if m.a.seen.find(ref) == nil {
			m.a.seen.add(ref, b[:n:n])
		}
		ref, b = recPrev(b), b[n:]
	}
}

// encodeKey appends the entry of a key's row.
func (m *MultiMap) encodeKey(dst []byte, row []uint64) []byte {
	t := m.keys
	head, n := row[t.laneAt+chainHead], row[t.laneAt+chainCount]
	dst = put64(put64(put64(dst, head), n), t.rowHash(row))
	at := len(dst)
	dst = t.appendKey(append(dst, 0, 0, 0, 0), row, &t.sl)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	left := tailMax
	for ref := RowRef(head); ref != 0 && ref.page() >= m.a.first; {
		p := &m.a.pages[ref.page()]
		if p.data == nil {
			break
		}
		rec := p.data[ref.off():]
		size := m.a.recSize(recLen(rec))
		if left -= size; left < 0 {
			break
		}
		dst = append(dst, rec[:size]...)
		ref = recPrev(rec)
	}
	return dst
}

// decodeKey brings a key with an entry back into memory.
func (m *MultiMap) decodeKey(key Key, body []byte) Ref {
	c, tail := readChain(body)
	m.attach(c.head, tail)
	ref := m.keys.insertKey(key)
	k := m.keys.Row(ref)
	k[chainHead], k[chainCount] = uint64(c.head), c.n
	return ref
}

// evictKeys moves the keys whose newest row lies in a page to disk.
func (m *MultiMap) evictKeys(k int) {
	t, p := m.keys, &m.a.pages[k]
	var words [64]uint64
	var offs [64]int
	var homes homeBlock
	for off := 0; off < p.used; {
		n := 0
		for ; n < len(words) && off < p.used; n++ {
			rec := p.data[off:]
			words[n], offs[n] = binary.LittleEndian.Uint64(rec[16:]), off
			off += m.a.recSize(recLen(rec))
		}
		if len(t.ix.slots) > 0 {
			t.ix.homes(words[:n], &homes) // the key's word, or its hash
		}
		for i := range n {
			rec := p.data[offs[i]:]
			key := m.keyInMemory(rec)
			if key == None || RowRef(m.keys.Row(key)[chainHead]) != refOf(k, offs[i]) {
				continue
			}
			t.cold.put(key)
			t.remove(key)
		}
		if t.s.cold.rows.full(t.s) {
			t.cold.flush()
		}
	}
}

// keyInMemory is the row of a record's key, None if it is on disk or gone.
func (m *MultiMap) keyInMemory(rec []byte) Ref {
	t := m.keys
	if m.a.word == nil {
		return t.findKey(m.a.recName(rec, nil))
	}
	if binary.LittleEndian.Uint64(rec[m.a.head-8:])&nullName != 0 {
		return t.only
	}
	return t.ix.find(binary.LittleEndian.Uint64(rec[16:]))
}
