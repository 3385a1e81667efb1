package state

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Key is a key apart from any batch: what timers carry and single lookups take.
type Key struct {
	// Group is the key group.
	Group uint16
	// Hash is the hash of the key, as in KeyVec.H.
	Hash uint64
	// Bytes are the key columns in normalised form (batch.AppendKeys): their order
	// is the order of keys.
	Bytes []byte
}

// MakeKey is the key of one lane, its bytes appended to buf.
func MakeKey(b *batch.Batch, keys *batch.KeyVec, lane int, buf []byte) Key {
	if keys == nil {
		return Key{Bytes: buf}
	}
	for _, c := range keys.Cols {
		buf = batch.AppendKey(buf, &b.Cols[c], lane)
	}
	return Key{Group: keys.KG[lane], Hash: keys.H[lane], Bytes: buf}
}

// KeyOf returns the key of a row in the form that other structures take. Its
// bytes begin at buf[:0].
func (t *Table) KeyOf(ref Ref, buf []byte) Key {
	row := t.whole(ref)
	return Key{Group: groupOf(row), Hash: t.rowHash(row), Bytes: t.appendKey(buf[:0], row, &t.sl)}
}

// rowHash is the hash of a row's key.
func (t *Table) rowHash(row []uint64) uint64 {
	switch {
	case t.key.lay == keyNone:
		return 0
	case t.key.lay != keyWord:
		return row[t.keyAt]
	case row[0]&nullFlag != 0:
		return nullHash
	}
	return batch.Mix(row[t.keyAt] + golden)
}

// appendKey appends the normalised key of a row whose long values lie in sl. It
// reads nothing else of t that changes.
func (t *Table) appendKey(dst []byte, row []uint64, sl *slab) []byte {
	switch t.key.lay {
	case keyNone:
		return dst
	case keyWord:
		if row[0]&nullFlag != 0 {
			return append(dst, 0)
		}
		return t.key.appendWord(dst, row[t.keyAt])
	}
	v := batch.View{A: row[t.keyAt+1], B: row[t.keyAt+2]}
	if v.A == nullView.A {
		return append(dst, 0)
	}
	var short [12]byte
	var raw []byte
	if v.Len() <= batch.InlineMax {
		raw = v.Inline(&short)
	} else {
		raw = sl.get(v.B)
	}
	if t.key.lay == keyStr {
		return appendStr(dst, raw)
	}
	return append(dst, raw...)
}

// KeysInto writes the keys of rows to key columns, lanes at, at+1, ...: cols are
// in the order of the spec. They get room for them if they have none.
func (t *Table) KeysInto(cols []batch.Col, at int, refs []Ref) {
	switch t.key.lay {
	case keyNone:
	case keyWord:
		t.wordsInto(&cols[0], at, refs)
	case keyStr:
		t.stringsInto(&cols[0], at, refs)
	case keyBytes:
		t.sc.key = t.sc.key[:0]
		d := keyDecoder{ts: t.spec.Key}
		for _, r := range refs {
			t.sc.key = t.appendKey(t.sc.key[:0], t.whole(r), &t.sl)
			d.add(t.sc.key)
		}
		d.flush(cols, at)
	}
}

func (t *Table) wordsInto(c *batch.Col, at int, refs []Ref) {
	room(c, t.spec.Key[0], at, len(refs))
	k := t.keyAt
	switch t.key.phys {
	case types.PhysI64:
		for i, r := range refs {
			c.I64[at+i] = int64(t.whole(r)[k])
		}
	case types.PhysI32:
		for i, r := range refs {
			c.I32[at+i] = int32(t.whole(r)[k])
		}
	default:
		for i, r := range refs {
			setWord(c, at+i, t.key.phys, t.whole(r)[k])
		}
	}
	if t.only == None {
		return
	}
	for i, r := range refs {
		if r == t.only {
			c.SetNull(at+i, at+len(refs))
		}
	}
}

func (t *Table) stringsInto(c *batch.Col, at int, refs []Ref) {
	room(c, t.spec.Key[0], at, len(refs))
	for i, r := range refs {
		row := t.whole(r)
		v := batch.View{A: row[t.keyAt+1], B: row[t.keyAt+2]}
		switch {
		case v.A == nullView.A:
			c.Views[at+i] = batch.View{}
			c.SetNull(at+i, at+len(refs))
		case v.Len() <= batch.InlineMax:
			c.Views[at+i] = v
		default:
			c.Views[at+i] = t.str.Add(c, t.sl.get(v.B))
		}
	}
}

// room gives a column n lanes behind the at it has, unless it has them, and makes
// them not NULL.
func room(c *batch.Col, t types.Type, at, n int) {
	have := 0
	switch p := t.Phys(); {
	case c.Type.Phys() != p || c.Enc != batch.Flat:
		have = -1
	case p == types.PhysBool:
		have = len(c.Bits) * 64
	case p == types.PhysI8:
		have = len(c.I8)
	case p == types.PhysI16:
		have = len(c.I16)
	case p == types.PhysI32:
		have = len(c.I32)
	case p == types.PhysI64:
		have = len(c.I64)
	case p == types.PhysF32:
		have = len(c.F32)
	case p == types.PhysF64:
		have = len(c.F64)
	case p == types.PhysBytes:
		have = len(c.Views)
	}
	if have < at+n {
		if at == 0 {
			c.Alloc(t, n)
			return
		}
		c.Resize(at, at+n)
	}
	if c.Nulls != nil {
		for i := at; i < at+n; i++ {
			batch.ClearBit(c.Nulls, i)
		}
	}
}

// setWord writes a key word to a column.
func setWord(c *batch.Col, l int, p types.Phys, w uint64) {
	switch p {
	case types.PhysBool:
		batch.ClearBit(c.Bits, l)
		if w != 0 {
			batch.SetBit(c.Bits, l)
		}
	case types.PhysI8:
		c.I8[l] = int8(w)
	case types.PhysI16:
		c.I16[l] = int16(w)
	case types.PhysI32:
		c.I32[l] = int32(w)
	case types.PhysI64:
		c.I64[l] = int64(w)
	case types.PhysF32:
		c.F32[l] = float32(math.Float64frombits(w))
	case types.PhysF64:
		c.F64[l] = math.Float64frombits(w)
	}
}

// SortRefs sorts refs by (key group, key), the order in which timers fire.
func (t *Table) SortRefs(refs []Ref) {
	switch t.key.lay {
	case keyNone:
	case keyWord:
		t.sortWords(refs)
	case keyStr, keyBytes:
		slices.SortFunc(refs, func(a, b Ref) int {
			x, y := t.whole(a), t.whole(b)
			if c := cmp.Compare(groupOf(x), groupOf(y)); c != 0 {
				return c
			}
			return t.compareRaw(x, y)
		})
	}
}

// compareRaw compares keys kept as views, by bytes, NULL first.
func (t *Table) compareRaw(x, y []uint64) int {
	var s, u [12]byte
	a, b := t.rawRow(x, &s), t.rawRow(y, &u)
	if a == nil || b == nil {
		switch {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return -1
		}
		return 1
	}
	return bytes.Compare(a, b)
}

// rawRow is the key of a row as it is kept, nil of NULL.
func (t *Table) rawRow(row []uint64, short *[12]byte) []byte {
	v := batch.View{A: row[t.keyAt+1], B: row[t.keyAt+2]}
	if v.A == nullView.A {
		return nil
	}
	if v.Len() <= batch.InlineMax {
		return v.Inline(short)
	}
	return t.sl.get(v.B)
}

func (t *Table) sortWords(refs []Ref) {
	list := make([]sortedWord, len(refs))
	for i, r := range refs {
		row := t.whole(r)
		list[i] = sortedWord{t.key.orderWord(row[t.keyAt]), uint32(groupOf(row))<<1 | 1, r}
		if row[0]&nullFlag != 0 {
			list[i] = sortedWord{0, uint32(groupOf(row)) << 1, r}
		}
	}
	list = sortWords(list)
	for i := range refs {
		refs[i] = list[i].ref
	}
}
