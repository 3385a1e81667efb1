package state

import (
	"bytes"
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
)

// Lookup looks up the key of each row of b: refs[i] is the row of the key in lane
// sel[i] (lane i if sel is nil), or None. With Upsert and Insert, bit i of fresh (if not
// nil; it is cleared first) says that refs[i] was inserted by row i. A key that occurs
// many times in b is found many times: Group is faster for such input and gives
// each key one number.
//
// keys must have been made from the columns of the table's key, in order; it may
// be nil if the table has no key columns.
func (t *Table) Lookup(b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode Mode, refs []Ref, fresh []uint64) {
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if fresh != nil {
		clear(fresh[:batch.Words(n)])
	}
	t.begin(b, keys, sel, n)
	t.lookup(b, keys, sel, 0, n, mode, refs, fresh)
}

// begin reads the key columns of n rows.
func (t *Table) begin(b *batch.Batch, keys *batch.KeyVec, sel []uint16, n int) {
	if t.ix.old != nil {
		t.ix.owe(moveLookup * n)
	}
	sc := &t.sc
	switch t.key.lay {
	case keyWord:
		sc.words, sc.nulls = t.key.words(&b.Cols[keys.Cols[0]], sel, n, sc.words, sc.nulls)
	case keyBytes:
		sc.cols = sc.cols[:0]
		for _, c := range keys.Cols {
			sc.cols = append(sc.cols, &b.Cols[c])
		}
	}
}

// lookup looks up rows [lo, hi) of those begun.
func (t *Table) lookup(b *batch.Batch, keys *batch.KeyVec, sel []uint16, lo, hi int, mode Mode, refs []Ref, fresh []uint64) {
	t.search(b, keys, sel, lo, hi, mode, refs, fresh)
	if len(t.sc.missing) > 0 {
		t.warm(b, keys, sel, mode, refs, fresh)
	}
}

// search looks rows up in memory. Those whose keys may be on disk are listed as missing.
func (t *Table) search(b *batch.Batch, keys *batch.KeyVec, sel []uint16, lo, hi int, mode Mode, refs []Ref, fresh []uint64) {
	t.sc.missing = t.sc.missing[:0]
	switch t.key.lay {
	case keyNone:
		t.lookupOnly(lo, hi, mode, refs, fresh)
	case keyWord:
		if t.sc.nulls == nil && t.ix.n > 0 && t.ix.old == nil {
			lo = t.lookupWords(keys, sel, lo, hi, mode, refs, fresh)
		}
		var homes homeBlock
		for i := lo; i < hi; i++ {
			if t.ix.old != nil && (i-lo)%len(homes) == 0 {
				t.ix.homes(t.sc.words[i:hi], &homes)
			}
			refs[i] = t.lookupOne(b, keys, laneOf(sel, i), i, mode, fresh, false)
		}
	default:
		for i := lo; i < hi; i++ {
			refs[i] = t.lookupOne(b, keys, laneOf(sel, i), i, mode, fresh, false)
		}
	}
	if len(t.sc.missing) > 0 {
		t.sift(b, keys, sel, mode, refs, fresh)
	}
}

// sift ends the search for missing keys that are not on disk.
func (t *Table) sift(b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode Mode, refs []Ref, fresh []uint64) {
	sc := &t.sc
	var hashes [64]uint64
	left := sc.missing[:0]
	for list := sc.missing; len(list) > 0; {
		part := list[:min(len(list), len(hashes))]
		list = list[len(part):]
		for j, i := range part {
			switch {
			case t.key.lay != keyWord:
				hashes[j] = keys.H[laneOf(sel, int(i))]
			case sc.nulls != nil && batch.Bit(sc.nulls, int(i)):
				hashes[j] = nullHash
			default:
				hashes[j] = batch.Mix(sc.words[i] + golden)
			}
		}
		may := t.cold.mayAll(hashes[:len(part)])
		for j, i := range part {
			switch {
			case may>>j&1 != 0:
				left = append(left, i)
			case mode.inserts():
				refs[i] = t.lookupOne(b, keys, laneOf(sel, int(i)), int(i), mode, fresh, true)
			}
		}
	}
	sc.missing = left
}

func (t *Table) lookupOnly(lo, hi int, mode Mode, refs []Ref, fresh []uint64) {
	if lo == hi {
		return
	}
	ref := t.only
	switch {
	case ref != None:
		ref = t.found(ref, lo, mode, fresh)
	case mode.inserts():
		ref = t.newRow(t.s.onlyGroup())
		t.only = ref
		if fresh != nil {
			batch.SetBit(fresh, lo)
		}
	}
	for i := lo; i < hi; i++ {
		refs[i] = ref
	}
}

// lookupWords is the loop for keys of one word without NULLs. It ends where the index
// begins to grow step by step, and says where.
func (t *Table) lookupWords(keys *batch.KeyVec, sel []uint16, lo, hi int, mode Mode, refs []Ref, fresh []uint64) int {
	words := t.sc.words[:hi]
	slots := t.ix.slots
	var homes homeBlock
	for i := lo; i < hi; i++ {
		j := (i - lo) % len(homes)
		if j == 0 {
			t.ix.homes(words[i:], &homes)
		}
		w, p := words[i], homes[j]
		for slots[p+1] != 0 && slots[p] != w {
			if p += 2; p == uint64(len(slots)) {
				p = 0
			}
		}
		ref := Ref(slots[p+1])
		if ref == None || t.stampAt != 0 {
			refs[i] = t.absent(ref, w, i, mode, fresh, sel, keys)
			if &slots[0] != &t.ix.slots[0] {
				if t.ix.old != nil {
					return i + 1
				}
				slots = t.ix.slots
				t.ix.homes(words[i-j:], &homes)
			}
			continue
		}
		refs[i] = ref
		if mode.touches() {
			t.touch(ref)
		} else if t.spills {
			t.r.meta[ref>>t.r.shift].touch = true
		}
	}
	return hi
}

// absent ends the search for a word that was not found, or whose row may be too
// old.
func (t *Table) absent(ref Ref, w uint64, i int, mode Mode, fresh []uint64, sel []uint16, keys *batch.KeyVec) Ref {
	if ref != None {
		return t.found(ref, i, mode, fresh)
	}
	if t.cold.n > 0 {
		t.sc.missing = append(t.sc.missing, int32(i))
		return None
	}
	if !mode.inserts() {
		return None
	}
	ref = t.newRow(keys.KG[laneOf(sel, i)])
	t.whole(ref)[t.keyAt] = w
	t.ix.insert(w, ref)
	if fresh != nil {
		batch.SetBit(fresh, i)
	}
	return ref
}

// found ends a search that found a row, which may be expired.
func (t *Table) found(ref Ref, i int, mode Mode, fresh []uint64) Ref {
	if t.stampAt != 0 && t.expired(t.whole(ref)) {
		t.lapsed++
		if !mode.inserts() {
			return None
		}
		t.touch(ref)
		t.clearRow(ref)
		if fresh != nil {
			batch.SetBit(fresh, i)
		}
		return ref
	}
	if mode.touches() {
		t.touch(ref)
	} else if t.spills {
		t.r.meta[ref>>t.r.shift].touch = true
	}
	return ref
}

// lookupOne looks up the key in one lane. sure says that the key is not on disk;
// otherwise one that is not in memory is put on the list of missing rows.
func (t *Table) lookupOne(b *batch.Batch, keys *batch.KeyVec, lane, i int, mode Mode, fresh []uint64, sure bool) Ref {
	if t.key.lay == keyWord {
		w := t.sc.words[i]
		if t.sc.nulls != nil && batch.Bit(t.sc.nulls, i) {
			return t.lookupNull(keys, lane, i, mode, fresh, sure)
		}
		ref := t.ix.find(w)
		switch {
		case ref != None:
			return t.found(ref, i, mode, fresh)
		case !sure && t.cold.n > 0:
			t.sc.missing = append(t.sc.missing, int32(i))
			return None
		case !mode.inserts():
			return None
		}
		ref = t.newRow(keys.KG[lane])
		t.whole(ref)[t.keyAt] = w
		t.ix.insert(w, ref)
		if fresh != nil {
			batch.SetBit(fresh, i)
		}
		return ref
	}
	h := keys.H[lane]
	raw, view := t.rawKey(b, keys, lane)
	ref := t.findView(h, view, raw)
	switch {
	case ref != None:
		return t.found(ref, i, mode, fresh)
	case !sure && t.cold.n > 0:
		t.sc.missing = append(t.sc.missing, int32(i))
		return None
	case !mode.inserts():
		return None
	}
	ref = t.insertView(keys.KG[lane], h, view, raw)
	if fresh != nil {
		batch.SetBit(fresh, i)
	}
	return ref
}

func (t *Table) lookupNull(keys *batch.KeyVec, lane, i int, mode Mode, fresh []uint64, sure bool) Ref {
	switch {
	case t.only != None:
		return t.found(t.only, i, mode, fresh)
	case !sure && t.cold.n > 0:
		t.sc.missing = append(t.sc.missing, int32(i))
		return None
	case !mode.inserts():
		return None
	}
	t.insertNull(keys.KG[lane])
	if fresh != nil {
		batch.SetBit(fresh, i)
	}
	return t.only
}

// nullHash is the hash of NULL, as in KeyVec.H.
const nullHash = 0x8EBC6AF09C88C6E3

func (t *Table) insertNull(group uint16) Ref {
	t.only = t.newRow(group)
	t.whole(t.only)[0] |= nullFlag
	return t.only
}

// rawKey is the key of a lane in the form it is kept in, and its view with the
// last word 0 where the bytes are too long to lie in it.
func (t *Table) rawKey(b *batch.Batch, keys *batch.KeyVec, lane int) ([]byte, batch.View) {
	sc := &t.sc
	if t.key.lay == keyStr {
		c := &b.Cols[keys.Cols[0]]
		if c.IsNull(lane) {
			return nil, nullView
		}
		if c.Enc == batch.Const {
			lane = 0
		}
		v := c.Views[lane]
		if v.Len() <= batch.InlineMax {
			return nil, v
		}
		off := v.Off()
		raw := c.Bufs[v.Buf()][off : off+uint32(v.Len())]
		v.B = 0
		return raw, v
	}
	sc.key = batch.AppendKeys(sc.key[:0], sc.cols, lane)
	return sc.key, viewOf(sc.key)
}

// viewOf is the view of bytes without their place.
func viewOf(raw []byte) batch.View {
	if len(raw) <= batch.InlineMax {
		return batch.MakeInline(raw)
	}
	return batch.View{A: uint64(len(raw)) | uint64(binary.LittleEndian.Uint32(raw))<<32}
}

// findView finds the row of a key kept as a view.
func (t *Table) findView(h uint64, v batch.View, raw []byte) Ref {
	x := &t.ix
	if x.n == 0 {
		return None
	}
	for slots, i := x.place(h); ; {
		r := Ref(slots[i+1])
		if r == None {
			return None
		}
		if slots[i] == h {
			o := int(r&(1<<t.r.shift-1))*t.r.size + t.keyAt
			row := t.r.data[r>>t.r.shift][o : o+3]
			if row[1] == v.A {
				if uint32(v.A) <= batch.InlineMax || v.A == nullView.A {
					if row[2] == v.B {
						return r
					}
				} else if bytes.Equal(t.sl.get(row[2]), raw) {
					return r
				}
			}
		}
		if i += 2; i == uint64(len(slots)) {
			i = 0
		}
	}
}

func (t *Table) insertView(group uint16, h uint64, v batch.View, raw []byte) Ref {
	ref := t.newRow(group)
	row := t.whole(ref)[t.keyAt:]
	row[0], row[1], row[2] = h, v.A, v.B
	if uint32(v.A) > batch.InlineMax && v.A != nullView.A {
		row[2] = t.sl.put(raw)
	}
	t.ix.insert(h, ref)
	return ref
}

// Get looks up a single key.
func (t *Table) Get(k Key, mode Mode) Ref {
	ref := t.findKey(k)
	if ref == None && t.cold.n > 0 && t.cold.may(t.keyHash(k)) {
		ref = t.cold.take(k)
	}
	if ref != None {
		var fresh [1]uint64
		return t.found(ref, 0, mode, fresh[:])
	}
	if !mode.inserts() {
		return None
	}
	return t.insertKey(k)
}

// keyHash is the hash of a key in filters of cold keys.
func (t *Table) keyHash(k Key) uint64 {
	if t.key.lay != keyWord {
		return k.Hash
	}
	if w, null, _ := t.key.takeWord(k.Bytes); !null {
		return batch.Mix(w + golden)
	}
	return nullHash
}

// findKey finds the row of a key in memory.
func (t *Table) findKey(k Key) Ref {
	switch t.key.lay {
	case keyNone:
		return t.only
	case keyWord:
		w, null, _ := t.key.takeWord(k.Bytes)
		if null {
			return t.only
		}
		return t.ix.find(w)
	}
	raw, v := t.rawOf(k)
	return t.findView(k.Hash, v, raw)
}

// rawOf is a key in the form it is kept in.
func (t *Table) rawOf(k Key) ([]byte, batch.View) {
	if t.key.lay == keyBytes {
		return k.Bytes, viewOf(k.Bytes)
	}
	if len(k.Bytes) == 1 {
		return nil, nullView
	}
	t.sc.key, _ = takeStr(t.sc.key[:0], k.Bytes)
	return t.sc.key, viewOf(t.sc.key)
}

// insertKey inserts a key that is not there.
func (t *Table) insertKey(k Key) Ref {
	switch t.key.lay {
	case keyNone:
		t.only = t.newRow(k.Group)
		return t.only
	case keyWord:
		w, null, _ := t.key.takeWord(k.Bytes)
		if null {
			return t.insertNull(k.Group)
		}
		ref := t.newRow(k.Group)
		t.whole(ref)[t.keyAt] = w
		t.ix.insert(w, ref)
		return ref
	}
	raw, v := t.rawOf(k)
	return t.insertView(k.Group, k.Hash, v, raw)
}

// warm ends the lookup of rows whose keys may be on disk, in their order.
func (t *Table) warm(b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode Mode, refs []Ref, fresh []uint64) {
	for _, m := range t.sc.missing {
		i := int(m)
		k := t.coldKey(b, keys, laneOf(sel, i))
		ref := t.findKey(k)
		if ref == None && t.cold.n > 0 {
			ref = t.cold.take(k)
		}
		if ref != None {
			refs[i] = t.found(ref, i, mode, fresh)
		} else if mode.inserts() {
			refs[i] = t.insertKey(k)
			if fresh != nil {
				batch.SetBit(fresh, i)
			}
		}
	}
}

// coldKey is the key of a lane, good until the next one.
func (t *Table) coldKey(b *batch.Batch, keys *batch.KeyVec, lane int) Key {
	sc := &t.sc
	sc.cold = sc.cold[:0]
	for _, c := range keys.Cols {
		sc.cold = batch.AppendKey(sc.cold, &b.Cols[c], lane)
	}
	return Key{Group: keys.KG[lane], Hash: keys.H[lane], Bytes: sc.cold}
}
