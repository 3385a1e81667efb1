package state

import (
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
	// Insert is Read that inserts absent keys, with all lanes zero: rows that were
	// there are written after Touch alone, so that looking does not renew them.
	Insert
)

func (m Mode) inserts() bool { return m == Upsert || m == Insert }
func (m Mode) touches() bool { return m == Write || m == Upsert }

// UpsertOr is the mode for operators that may look rows up without writing them:
// Upsert, or Insert where rows have a TTL that such a look must not renew. Under
// Insert the operator gives the rows that it writes to Touch.
func UpsertOr(ttl int64) Mode {
	if ttl > 0 {
		return Insert
	}
	return Upsert
}

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
//	null 1 bit, key group 15, mark 16, ID 32 | stamp, with TTL | key | lanes ... | list, of Sorted
//
// The key is the value itself (one column of at most 8 bytes), or its hash and a
// view of the string or normalised key, which lies in the slab if it is long.
type Table struct {
	s    *Store
	name string
	spec TableSpec
	key  keyShape
	list *lists

	ix   index
	r    cells[uint64]
	sl   slab
	only Ref // the row of NULL (keyWord) or of no key (keyNone)

	stampAt, keyAt, laneAt int // offsets in a row; stampAt 0: no stamps
	spills                 bool
	untracked              bool // in no snapshot of its own
	scratch                bool // in none at all

	// Bits of each row of a page: changed since the last snapshot; inserted since
	// then; changed between the last confirmed checkpoint and the last snapshot. The
	// last are shared with images and never written.
	dirty, born, pend [][]uint64
	// Keys deleted in the same two spans of time, and whether all were.
	carry                []*carriedRows // by page; see cold_carry.go
	dead, deadPend       deadLog
	cleared, clearedPend bool
	ids                  []uint32 // the last ID of each key group

	cold   coldKeys
	chains *MultiMap // whose keys these are, if they can leave memory
	hand   uint32    // page that eviction looks at next
	broom  uint32    // page that is swept next
	lapsed int64     // rows that were found expired
	bypass bypass
	sc     tableScratch
	str    batch.StringBuilder
}

type tableScratch struct {
	words, nulls []uint64
	key          []byte
	missing      []int32
	rows         []Ref
	fresh        []uint64
	cols         []*batch.Col
	cold         []byte
}

const (
	nullFlag  = 1 << 63
	groupBits = 48
	groupMask = 1<<15 - 1
	markBits  = 32
	markMask  = 1<<16 - 1
)

// Table returns the keyed table of that name, filled if it was restored.
func (s *Store) Table(name string, spec TableSpec) *Table {
	if x, ok := adopt[*Table](s, name); ok {
		return x
	}
	t := s.newTable(name, spec, nil, s.c.PageBytes)
	s.add(name, t)
	return t
}

// Scratch returns a table that is in no snapshot: for running window totals and
// merges, which can be made again from what is saved. It never leaves memory.
func (s *Store) Scratch(spec TableSpec) *Table {
	t := s.newTable("scratch", spec, nil, s.c.PageBytes)
	t.untracked, t.scratch, t.spills = true, true, false
	return t
}

// Cache returns a table that is in no snapshot and never leaves memory, for what can be
// asked for again. Unlike those of Scratch it is in what Keep keeps.
func (s *Store) Cache(name string, spec TableSpec) *Table {
	for _, t := range s.caches {
		if t.name == name {
			return t
		}
	}
	t := s.newTable(name, spec, nil, s.c.PageBytes)
	t.untracked, t.spills = true, false
	s.caches = append(s.caches, t)
	return t
}

func (s *Store) newTable(name string, spec TableSpec, list *lists, pageBytes int) *Table {
	t := &Table{s: s, name: name, spec: spec, key: shapeOf(spec.Key), list: list, spills: s.c.Memory > 0 && len(spec.Key) > 0}
	t.keyAt = 1
	if spec.TTL > 0 {
		t.stampAt, t.keyAt = 1, 2
	}
	t.laneAt = t.keyAt + t.key.lanes
	width := t.laneAt + spec.Lanes
	if list != nil {
		width += listLanes
	}
	t.sl.s = s
	t.ix.steps = pageBytes / 32
	t.r.fixed = true
	t.r.init(width, pageBytes/8)
	if list != nil {
		list.s = s
	}
	t.cold.init(t)
	return t
}

// Row returns the operator's lanes of a row. They may be written only if the ref
// came from a Write or Upsert lookup of this step, was inserted in it, or was given
// to Touch.
func (t *Table) Row(ref Ref) []uint64 {
	o := int(ref&(1<<t.r.shift-1))*t.r.size + t.laneAt
	return t.r.data[ref>>t.r.shift][o : o+t.spec.Lanes]
}

// whole returns all words of a row.
func (t *Table) whole(ref Ref) []uint64 {
	o := int(ref&(1<<t.r.shift-1)) * t.r.size
	return t.r.data[ref>>t.r.shift][o : o+t.r.size]
}

// Touch marks a row as written, so that its lanes may be changed, and returns
// them.
func (t *Table) Touch(ref Ref) []uint64 {
	t.touch(ref)
	return t.Row(ref)
}

func (t *Table) touch(ref Ref) {
	p, i := ref>>t.r.shift, ref&(1<<t.r.shift-1)
	m := &t.r.meta[p]
	if m.epoch != t.s.snaps.epoch {
		t.thaw(p)
	}
	m.touch = true
	t.dirty[p][i>>6] |= 1 << (i & 63)
	if t.stampAt != 0 {
		t.r.data[p][int(i)*t.r.size+t.stampAt] = uint64(t.s.now) + 1
	}
}

// thaw makes a page writable again after a snapshot; one that is still being
// written keeps the old memory, but for keys that records of an arena have themselves:
// no snapshot reads those here.
func (t *Table) thaw(p uint32) {
	switch x := &t.s.snaps; {
	case t.scratch:
	case t.r.meta[p].epoch < x.shared:
		t.r.data[p] = mine(t.s, t.r.data[p])
	case x.frozen() && t.chains == nil:
		t.r.data[p] = append([]uint64(nil), t.r.data[p]...)
	}
	t.r.meta[p].epoch = t.s.snaps.epoch
}

// expired reports whether the row's time is over. A stamp of 0 was written while
// there was no TTL.
func (t *Table) expired(row []uint64) bool { return t.expiredAt(row[t.stampAt], t.s.now) }

func (t *Table) expiredAt(stamp uint64, now int64) bool {
	return stamp != 0 && now-int64(stamp-1) >= t.spec.TTL
}

// newRow makes a row without key, all lanes zero.
func (t *Table) newRow(group uint16) Ref {
	if !t.s.c.Groups.Has(int(group)) {
		t.s.fail(errGroup(t.name, group, t.s.c.Groups))
		group = t.s.onlyGroup()
	}
	had := t.r.elems
	ref := t.r.alloc()
	p := ref >> t.r.shift
	if t.r.elems != had {
		t.addPage(p)
	}
	if t.r.meta[p].epoch != t.s.snaps.epoch {
		t.thaw(p)
	}
	i := ref & (1<<t.r.shift - 1)
	t.born[p][i>>6] |= 1 << (i & 63)
	row := t.whole(ref)
	clear(row)
	row[0] = uint64(group) << groupBits
	t.touch(ref)
	return ref
}

// addPage makes room for the bits of a new page of rows.
func (t *Table) addPage(p uint32) {
	for len(t.dirty) <= int(p) {
		t.dirty, t.born, t.pend = append(t.dirty, nil), append(t.born, nil), append(t.pend, nil)
	}
	words := (t.r.perPage() + 63) / 64
	bits := make([]uint64, 2*words)
	t.dirty[p], t.born[p], t.pend[p] = bits[:words:words], bits[words:], nil
	t.r.meta[p].epoch = t.s.snaps.epoch // nobody has seen this memory
	t.r.meta[p].part = t.s.snaps.fresh()
}

// clearRow makes a row as if it had just been inserted: with a new ID when it is
// asked for one, as if it had been swept before.
func (t *Table) clearRow(ref Ref) {
	row := t.whole(ref)
	t.freeValues(row)
	row[0] &^= 1<<markBits - 1
	i := ref & (1<<t.r.shift - 1)
	t.born[ref>>t.r.shift][i>>6] |= 1 << (i & 63)
	clear(row[t.laneAt:])
}

// freeValues drops what the lanes of a row refer to.
func (t *Table) freeValues(row []uint64) {
	for _, l := range t.spec.Blobs {
		t.sl.drop(row[t.laneAt+l])
	}
	if t.list != nil {
		t.list.free(row[len(row)-listLanes:], &t.sl)
	}
}

// Lapse notes rows whose owner keeps their time and found it to be over.
func (t *Table) Lapse(rows int64) { t.lapsed += rows }

// Delete removes a row and its blobs.
func (t *Table) Delete(ref Ref) {
	row := t.whole(ref)
	if p, i := ref>>t.r.shift, ref&(1<<t.r.shift-1); !batch.Bit(t.born[p], int(i)) && t.tracked() {
		t.sc.key = t.appendKey(t.sc.key[:0], row, &t.sl)
		t.dead.add(groupOf(row), t.rowHash(row), t.sc.key)
	}
	t.freeValues(row)
	t.remove(ref)
}

// remove takes a row out of memory, but for what its lanes refer to.
func (t *Table) remove(ref Ref) {
	row := t.whole(ref)
	if t.only == ref {
		t.only = None
	} else {
		t.ix.remove(row[t.keyAt], ref)
		if t.key.lanes == 3 {
			if a := row[t.keyAt+1]; uint32(a) > batch.InlineMax && a != nullView.A {
				t.sl.drop(row[t.keyAt+2])
			}
		}
	}
	p, i := ref>>t.r.shift, ref&(1<<t.r.shift-1)
	t.dirty[p][i>>6] &^= 1 << (i & 63)
	t.born[p][i>>6] &^= 1 << (i & 63)
	if t.r.free(ref) {
		t.dirty[p], t.born[p], t.pend[p] = nil, nil, nil
		if t.carried(p) != nil {
			t.carry[p] = nil
		}
	}
	// A bit that stays in pend is of no account: the next row in this place is
	// dirty.
}

// Clear removes all rows.
func (t *Table) Clear() {
	if t.tracked() {
		t.cleared = true
	}
	t.forget()
}

// tracked reports whether what goes must be remembered for the next snapshot.
func (t *Table) tracked() bool { return t.s.snaps.taken && !t.untracked }

// forget drops all rows at once.
func (t *Table) forget() {
	t.r.reset()
	t.ix.reset()
	t.sl.reset()
	if t.list != nil {
		t.list.reset()
	}
	t.dirty, t.born, t.pend, t.carry, t.only, t.hand, t.broom = nil, nil, nil, nil, None, 0, 0
	t.dead.reset()
	t.cold.drop()
}

// Len is the number of rows, expired ones that were not yet swept included.
func (t *Table) Len() int { return t.r.n + t.cold.n }

// Blob returns the bytes of a blob reference (nil for 0). They are valid until
// the blob is freed or the step ends, and must not be written.
func (t *Table) Blob(lane uint64) []byte { return t.sl.get(lane) }

// PutBlob copies bytes to the slab and returns the reference to store in one of
// the spec's Blobs lanes; empty bytes give 0.
func (t *Table) PutBlob(b []byte) uint64 { return t.sl.put(b) }

// SetBlob replaces the blob in a lane of a row under Touch: the old one is freed.
// b may be the old blob's bytes.
func (t *Table) SetBlob(lane *uint64, b []byte) {
	old := *lane
	*lane = t.sl.put(b)
	t.sl.drop(old)
}

// FreeBlob gives a blob back. Delete does so for all blobs of a row.
func (t *Table) FreeBlob(lane uint64) { t.sl.drop(lane) }

// ID is a number of the key, from 1, that stays the same for the life of its row,
// over restores too; unique within the key group. It is given out when it is
// asked for first, which marks the row as written. Set uses it.
func (t *Table) ID(ref Ref) uint32 {
	row := t.whole(ref)
	if id := uint32(row[0]); id != 0 {
		return id
	}
	t.touch(ref)
	row = t.whole(ref)
	id := t.id(groupOf(row))
	*id++
	row[0] |= uint64(*id)
	return *id
}

// id is the last ID given out in a key group.
func (t *Table) id(group uint16) *uint32 {
	if t.ids == nil {
		t.ids = make([]uint32, t.s.c.Groups.Len())
	}
	return &t.ids[int(group)-t.s.c.Groups.From]
}

// KeyGroup is the key group of a row.
func (t *Table) KeyGroup(ref Ref) uint16 { return groupOf(t.whole(ref)) }

func groupOf(row []uint64) uint16 { return uint16(row[0]>>groupBits) & groupMask }
