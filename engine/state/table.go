package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Mode says what a lookup does with the rows it finds and the keys it does not.
type Mode uint8

const (
	// Read gives None for absent keys; found rows must not be written.
	Read Mode = iota
	// Write gives None for absent keys; found rows may be written: they are
	// marked changed, which also renews their TTL stamp.
	Write
	// Upsert is Write that inserts absent keys, with all lanes zero.
	Upsert
)

// TableSpec is the shape of a keyed table.
type TableSpec struct {
	// Key are the types of the key columns; none makes a table of at most one row.
	Key []types.Type
	// Lanes is the number of 64-bit lanes of a row that the operator uses.
	Lanes int
	// Blobs are the lanes (numbers below Lanes) that hold blob references made by
	// PutBlob, so that their bytes are saved, moved and freed with the row.
	Blobs []int
	// TTL is the time to live in milliseconds after the last write; 0 is for ever.
	TTL int64
}

// Table is a keyed table: one row of 64-bit lanes per key. What a lane means is
// the operator's business (floats by math.Float64bits); lanes of a new row are
// zero. Variable-size values are blobs: bytes in the table's slab, referenced
// from a lane.
//
// Keys are compared by SQL equality of key columns, in which NULL equals NULL.
//
// A row lies in a page of words:
//
//	hash | key group, flags, id | key or its blob | stamp | lanes ...
type Table struct {
	name  string
	store *Store
	spec  TableSpec
	int   bool // the key is one integer and stands in the row
	str   bool // the key is one string
	width int  // words of a row
	index index
	pages [][]uint64
	rows  uint32 // numbers given out
	free  []uint32
	slab  slab
	live  int
	ids   []uint32 // by key group: the last id given out
	buf   []byte
	fill  []*batch.Builder
	// dropRow, if set, is told of a row that goes.
	dropRow func(ref Ref)
}

const (
	rowHash = iota
	rowHead
	rowKey
	rowStamp
	rowLanes

	rowLive = 1 << 16
	rowNull = 1 << 17

	pageRows = 1024
)

// Table returns the keyed table of that name, filled if it was restored.
func (s *Store) Table(name string, spec TableSpec) *Table {
	t := newTable(s, name, spec)
	s.add(name, t)
	return t
}

func newTable(s *Store, name string, spec TableSpec) *Table {
	t := &Table{name: name, store: s, spec: spec, width: rowLanes + spec.Lanes}
	t.int = len(spec.Key) == 1 && intKey(spec.Key[0])
	t.str = len(spec.Key) == 1 && spec.Key[0].Phys() == types.PhysBytes
	t.ids = make([]uint32, s.c.Groups.Len())
	return t
}

// row is the words of a row number.
func (t *Table) row(ref Ref) []uint64 {
	i := ref - 1
	at := int(i%pageRows) * t.width
	return t.pages[i/pageRows][at : at+t.width : at+t.width]
}

func (t *Table) newRow() Ref {
	if n := len(t.free); n > 0 {
		ref := t.free[n-1]
		t.free = t.free[:n-1]
		return ref
	}
	if int(t.rows)/pageRows == len(t.pages) {
		t.pages = append(t.pages, make([]uint64, pageRows*t.width))
	}
	t.rows++
	return t.rows
}

// expired reports a row whose time is over.
func (t *Table) expired(row []uint64) bool {
	return t.spec.TTL > 0 && t.store.now-int64(row[rowStamp]) >= t.spec.TTL
}

// probeKey is a key being looked up, in the forms that a table may need.
type probeKey struct {
	word  uint64 // of an integer key
	null  bool
	bytes []byte // normalised, made on demand
	raw   []byte // of a string key without zero bytes
}

// find is the row of a key, or None.
func (t *Table) find(h uint64, p *probeKey, full func() []byte) Ref {
	x := &t.index
	if x.n == 0 {
		return None
	}
	mask := uint64(len(x.slots) - 1)
	for i := x.home(h); x.slots[i].row != 0; i = (i + 1) & mask {
		if x.slots[i].hash != h {
			continue
		}
		ref := x.slots[i].row
		row := t.row(ref)
		switch {
		case t.int:
			if null := row[rowHead]&rowNull != 0; null == p.null && (null || row[rowKey] == p.word) {
				return ref
			}
		case len(t.spec.Key) == 0:
			return ref
		default:
			have := t.slab.get(row[rowKey])
			if p.raw != nil && len(have) == len(p.raw)+3 && have[0] == 1 {
				if bytes.Equal(have[1:1+len(p.raw)], p.raw) {
					return ref
				}
				continue
			}
			if p.bytes == nil {
				p.bytes = full()
			}
			if bytes.Equal(have, p.bytes) {
				return ref
			}
		}
	}
	return None
}

// keyReader reads the keys of a batch for lookups in one table.
type keyReader struct {
	t    *Table
	b    *batch.Batch
	keys *batch.KeyVec
	cols []*batch.Col
	p    probeKey
	tmp  [12]byte
	lane int
}

func (t *Table) reader(b *batch.Batch, keys *batch.KeyVec) keyReader {
	r := keyReader{t: t, b: b, keys: keys}
	if keys != nil {
		for _, k := range keys.Cols {
			r.cols = append(r.cols, &b.Cols[k])
		}
	}
	return r
}

// at reads the key of a lane.
func (r *keyReader) at(lane int) (hash uint64, group uint16) {
	r.lane = lane
	r.p = probeKey{}
	if r.keys == nil {
		return 0, uint16(r.t.store.c.Groups.From)
	}
	if r.t.int {
		c := r.cols[0]
		if r.p.null = c.IsNull(lane); !r.p.null {
			w, _ := intWord(c, lane)
			r.p.word = w
		}
	} else if r.t.str {
		if c := r.cols[0]; !c.IsNull(lane) {
			if s := c.Bytes(lane, &r.tmp); len(s) > 0 && bytes.IndexByte(s, 0) < 0 {
				r.p.raw = s
			}
		}
	}
	return r.keys.H[lane], r.keys.KG[lane]
}

func (r *keyReader) full() []byte {
	r.t.buf = batch.AppendKeys(r.t.buf[:0], r.cols, r.lane)
	return r.t.buf
}

// get looks up one key in a mode. fresh says that it was inserted.
func (t *Table) get(h uint64, group uint16, p *probeKey, full func() []byte, mode Mode) (ref Ref, fresh bool) {
	ref = t.find(h, p, full)
	if ref != None {
		row := t.row(ref)
		if t.expired(row) {
			if mode != Upsert {
				return None, false
			}
			t.reset(ref, row)
			fresh = true
		}
		if mode != Read {
			row[rowStamp] = uint64(t.store.now)
		}
		return ref, fresh
	}
	if mode != Upsert {
		return None, false
	}
	ref = t.newRow()
	row := t.row(ref)
	clear(row)
	row[rowHash] = h
	g := int(group) - t.store.c.Groups.From
	if g < 0 || g >= len(t.ids) {
		// A key of another task: the exchange and the state disagree.
		t.store.fail(errGroup(t.name, group, t.store.c.Groups))
		g = 0
	}
	t.ids[g]++
	row[rowHead] = uint64(group) | rowLive | uint64(t.ids[g])<<32
	switch {
	case t.int:
		row[rowKey] = p.word
		if p.null {
			row[rowHead] |= rowNull
		}
	case len(t.spec.Key) > 0:
		if p.bytes == nil {
			p.bytes = full()
		}
		row[rowKey] = t.slab.put(p.bytes)
	}
	row[rowStamp] = uint64(t.store.now)
	t.index.insert(h, ref)
	t.live++
	return ref, true
}

// reset makes an expired row a new one of the same key.
func (t *Table) reset(ref Ref, row []uint64) {
	if t.dropRow != nil {
		t.dropRow(ref)
	}
	for _, l := range t.spec.Blobs {
		t.slab.drop(row[rowLanes+l])
	}
	clear(row[rowLanes:])
}

// Lookup looks up the key of each row of b: refs[i] is the row of the key in lane
// sel[i] (lane i if sel is nil), or None. With Upsert, bit i of fresh (if not nil;
// it is cleared first) says that refs[i] was inserted by row i. A key that occurs
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
	r := t.reader(b, keys)
	full := r.full
	for i := range n {
		l := i
		if sel != nil {
			l = int(sel[i])
		}
		h, group := r.at(l)
		ref, isNew := t.get(h, group, &r.p, full, mode)
		refs[i] = ref
		if isNew && fresh != nil {
			batch.SetBit(fresh, i)
		}
	}
}

// Group gives the rows of b group numbers, in first-touch order, and looks up
// each group's key once; see Grouper for the results. It is Lookup for input in
// which keys repeat.
func (t *Table) Group(g *Grouper, b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode Mode) {
	g.Group(b, keys, sel)
	n := len(g.Reps)
	if cap(g.Refs) < n {
		g.Refs = make([]Ref, max(n, batch.MaxRows))
		g.Fresh = make([]uint64, batch.Words(max(n, batch.MaxRows)))
	}
	g.Refs, g.Fresh = g.Refs[:n], g.Fresh[:cap(g.Fresh)]
	if n > 0 {
		t.Lookup(b, keys, g.Reps, mode, g.Refs, g.Fresh)
	}
}

// Row returns the operator's lanes of a row. They may be written only if the ref
// came from a Write or Upsert lookup of this step, or was given to Touch.
func (t *Table) Row(ref Ref) []uint64 { return t.row(ref)[rowLanes:] }

// Touch marks a row as written, so that its lanes may be changed.
func (t *Table) Touch(ref Ref) []uint64 {
	row := t.row(ref)
	row[rowStamp] = uint64(t.store.now)
	return row[rowLanes:]
}

// Delete removes a row and its blobs.
func (t *Table) Delete(ref Ref) {
	row := t.row(ref)
	if row[rowHead]&rowLive == 0 {
		return
	}
	if t.dropRow != nil {
		t.dropRow(ref)
	}
	t.index.remove(row[rowHash], ref)
	if !t.int {
		t.slab.drop(row[rowKey])
	}
	for _, l := range t.spec.Blobs {
		t.slab.drop(row[rowLanes+l])
	}
	clear(row)
	t.free = append(t.free, ref)
	t.live--
}

// Clear removes all rows.
func (t *Table) Clear() {
	if t.dropRow != nil {
		for ref := Ref(1); ref <= t.rows; ref++ {
			if t.row(ref)[rowHead]&rowLive != 0 {
				t.dropRow(ref)
			}
		}
	}
	t.index, t.pages, t.rows, t.free, t.live = index{}, nil, 0, nil, 0
	t.slab.clear()
}

// Len is the number of rows, expired ones that were not yet swept included.
func (t *Table) Len() int { return t.live }

// Blob returns the bytes of a blob reference (nil for 0). They are valid until
// the blob is freed or the step ends, and must not be written.
func (t *Table) Blob(lane uint64) []byte { return t.slab.get(lane) }

// PutBlob copies bytes to the slab and returns the reference to store in one of
// the spec's Blobs lanes; empty bytes give 0.
func (t *Table) PutBlob(b []byte) uint64 { return t.slab.put(b) }

// SetBlob replaces the blob in a lane of a row under Touch: the old one is freed.
func (t *Table) SetBlob(lane *uint64, b []byte) {
	t.slab.drop(*lane)
	*lane = t.slab.put(b)
}

// FreeBlob gives a blob back. Delete does so for all blobs of a row.
func (t *Table) FreeBlob(lane uint64) { t.slab.drop(lane) }

// ID is a number of the key that stays the same for the life of its row, over
// restores too; unique within the key group. Set uses it.
func (t *Table) ID(ref Ref) uint32 { return uint32(t.row(ref)[rowHead] >> 32) }

// KeyGroup is the key group of a row.
func (t *Table) KeyGroup(ref Ref) uint16 { return uint16(t.row(ref)[rowHead]) }

// keyBytes is the normalised key of a row, appended to buf.
func (t *Table) keyBytes(row []uint64, buf []byte) []byte {
	switch {
	case len(t.spec.Key) == 0:
		return buf
	case !t.int:
		return append(buf, t.slab.get(row[rowKey])...)
	case row[rowHead]&rowNull != 0:
		return append(buf, 0)
	}
	return appendWord(append(buf, 1), t.spec.Key[0], row[rowKey])
}

// appendWord writes an order-preserving word in the width of its type, as
// batch.AppendKey does.
func appendWord(buf []byte, t types.Type, w uint64) []byte {
	v := int64(w ^ 1<<63)
	switch t.Phys() {
	case types.PhysI8:
		return append(buf, uint8(v)^1<<7)
	case types.PhysI16:
		return binary.BigEndian.AppendUint16(buf, uint16(v)^1<<15)
	case types.PhysI32:
		return binary.BigEndian.AppendUint32(buf, uint32(v)^1<<31)
	}
	return binary.BigEndian.AppendUint64(buf, w)
}

// wordOf is the opposite of appendWord.
func wordOf(b []byte, t types.Type) uint64 {
	switch t.Phys() {
	case types.PhysI8:
		return uint64(int64(int8(b[0]^1<<7))) ^ 1<<63
	case types.PhysI16:
		return uint64(int64(int16(binary.BigEndian.Uint16(b)^1<<15))) ^ 1<<63
	case types.PhysI32:
		return uint64(int64(int32(binary.BigEndian.Uint32(b)^1<<31))) ^ 1<<63
	}
	return binary.BigEndian.Uint64(b)
}

// KeysInto writes the keys of rows to key columns, lanes at, at+1, ...: cols are
// in the order of the spec and have room (Alloc or Resize) for all of them.
func (t *Table) KeysInto(cols []batch.Col, at int, refs []Ref) {
	if t.int {
		t.intKeys(&cols[0], at, refs)
		return
	}
	t.builders()
	for _, ref := range refs {
		t.decode(t.slab.get(t.row(ref)[rowKey]))
	}
	t.finish(cols, at, len(refs))
}

func (t *Table) intKeys(c *batch.Col, at int, refs []Ref) {
	n := at + len(refs)
	for i, ref := range refs {
		row := t.row(ref)
		if row[rowHead]&rowNull != 0 {
			c.SetNull(at+i, n)
			continue
		}
		v := int64(row[rowKey] ^ 1<<63)
		switch c.Type.Phys() {
		case types.PhysI8:
			c.I8[at+i] = int8(v)
		case types.PhysI16:
			c.I16[at+i] = int16(v)
		case types.PhysI32:
			c.I32[at+i] = int32(v)
		default:
			c.I64[at+i] = v
		}
	}
}

func (t *Table) builders() {
	t.fill = t.fill[:0]
	for _, k := range t.spec.Key {
		t.fill = append(t.fill, batch.NewBuilder(k))
	}
}

func (t *Table) decode(key []byte) {
	for _, b := range t.fill {
		key, _ = batch.DecodeKey(b, key)
	}
}

func (t *Table) finish(cols []batch.Col, at, n int) {
	for i, b := range t.fill {
		c := b.Finish()
		cols[i].Append(at, &c, nil, n)
	}
}

// KeyOf returns the key of a row in the form that other structures take, its
// bytes appended to buf.
func (t *Table) KeyOf(ref Ref, buf []byte) Key {
	row := t.row(ref)
	return Key{Group: uint16(row[rowHead]), Hash: row[rowHash], Bytes: t.keyBytes(row, buf)}
}

// Get looks up a single key.
func (t *Table) Get(k Key, mode Mode) Ref {
	p := probeKey{bytes: k.Bytes}
	if t.int {
		if p.null = k.Bytes[0] == 0; !p.null {
			p.word = wordOf(k.Bytes[1:], t.spec.Key[0])
		}
	}
	if p.bytes == nil {
		p.bytes = []byte{}
	}
	ref, _ := t.get(k.Hash, k.Group, &p, nil, mode)
	return ref
}

// refs lists the live rows in the order of their numbers.
func (t *Table) refs() []Ref {
	out := make([]Ref, 0, t.live)
	for ref := Ref(1); ref <= t.rows; ref++ {
		if t.row(ref)[rowHead]&rowLive != 0 {
			out = append(out, ref)
		}
	}
	return out
}

// compare orders rows by key group and key.
func (t *Table) compare(a, b Ref) int {
	x, y := t.row(a), t.row(b)
	if d := cmp.Compare(uint16(x[rowHead]), uint16(y[rowHead])); d != 0 {
		return d
	}
	if t.int {
		nx, ny := x[rowHead]&rowNull != 0, y[rowHead]&rowNull != 0
		switch {
		case nx && ny:
			return 0
		case nx:
			return -1
		case ny:
			return 1
		}
		return cmp.Compare(x[rowKey], y[rowKey])
	}
	return bytes.Compare(t.slab.get(x[rowKey]), t.slab.get(y[rowKey]))
}

// Cursor begins a walk over all rows in order of (key group, key).
func (t *Table) Cursor() *Cursor {
	c := &Cursor{t: t, refs: t.refs()}
	t.SortRefs(c.refs)
	for _, ref := range c.refs {
		c.ids = append(c.ids, t.row(ref)[rowHead])
	}
	return c
}

// SortRefs sorts refs by (key group, key), the order in which timers fire.
func (t *Table) SortRefs(refs []Ref) { slices.SortFunc(refs, t.compare) }

// Cursor walks over a table in order of (key group, key). It may be kept across
// steps; rows inserted behind it meanwhile are not seen, others are.
type Cursor struct {
	t    *Table
	refs []Ref
	ids  []uint64
	at   int
}

// Next fills refs with the next rows and returns how many; 0 at the end. The refs
// are good for Read until the step ends; rows may be touched and deleted.
func (c *Cursor) Next(refs []Ref) int {
	n := 0
	for n < len(refs) && c.at < len(c.refs) {
		ref := c.refs[c.at]
		if row := c.t.row(ref); row[rowHead] == c.ids[c.at] && !c.t.expired(row) {
			refs[n] = ref
			n++
		}
		c.at++
	}
	return n
}

// Key is a key apart from any batch: what timers carry and single lookups take.
type Key struct {
	// Group is the key group.
	Group uint16
	// Hash is the hash of the key, as in KeyVec.H.
	Hash uint64
	// Bytes are the key columns in a form whose byte order is the order of keys.
	Bytes []byte
}

// KeysInto writes keys apart from a batch to columns of the given types, as
// Table.KeysInto.
func KeysInto(cols []batch.Col, at int, ts []types.Type, keys []Key) {
	fill := make([]*batch.Builder, len(ts))
	for i, t := range ts {
		fill[i] = batch.NewBuilder(t)
	}
	for _, k := range keys {
		b := k.Bytes
		for _, f := range fill {
			b, _ = batch.DecodeKey(f, b)
		}
	}
	for i, f := range fill {
		c := f.Finish()
		cols[i].Append(at, &c, nil, len(keys))
	}
}
