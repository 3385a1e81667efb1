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
type Table struct{}

// Table returns the keyed table of that name, filled if it was restored.
func (s *Store) Table(name string, spec TableSpec) *Table { panic("unbuilt") }

// Lookup looks up the key of each row of b: refs[i] is the row of the key in lane
// sel[i] (lane i if sel is nil), or None. With Upsert, bit i of fresh (if not nil;
// it is cleared first) says that refs[i] was inserted by row i. A key that occurs
// many times in b is found many times: Group is faster for such input and gives
// each key one number.
//
// keys must have been made from the columns of the table's key, in order; it may
// be nil if the table has no key columns.
func (t *Table) Lookup(b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode Mode, refs []Ref, fresh []uint64) {
	panic("unbuilt")
}

// Group gives the rows of b group numbers, in first-touch order, and looks up
// each group's key once; see Grouper for the results. It is Lookup for input in
// which keys repeat.
func (t *Table) Group(g *Grouper, b *batch.Batch, keys *batch.KeyVec, sel []uint16, mode Mode) {
	panic("unbuilt")
}

// Row returns the operator's lanes of a row. They may be written only if the ref
// came from a Write or Upsert lookup of this step, or was given to Touch.
func (t *Table) Row(ref Ref) []uint64 { panic("unbuilt") }

// Touch marks a row as written, so that its lanes may be changed.
func (t *Table) Touch(ref Ref) []uint64 { panic("unbuilt") }

// Delete removes a row and its blobs.
func (t *Table) Delete(ref Ref) { panic("unbuilt") }

// Clear removes all rows.
func (t *Table) Clear() { panic("unbuilt") }

// Len is the number of rows, expired ones that were not yet swept included.
func (t *Table) Len() int { panic("unbuilt") }

// Blob returns the bytes of a blob reference (nil for 0). They are valid until
// the blob is freed or the step ends, and must not be written.
func (t *Table) Blob(lane uint64) []byte { panic("unbuilt") }

// PutBlob copies bytes to the slab and returns the reference to store in one of
// the spec's Blobs lanes; empty bytes give 0.
func (t *Table) PutBlob(b []byte) uint64 { panic("unbuilt") }

// SetBlob replaces the blob in a lane of a row under Touch: the old one is freed.
func (t *Table) SetBlob(lane *uint64, b []byte) { panic("unbuilt") }

// FreeBlob gives a blob back. Delete does so for all blobs of a row.
func (t *Table) FreeBlob(lane uint64) { panic("unbuilt") }

// ID is a number of the key that stays the same for the life of its row, over
// restores too; unique within the key group. Set uses it.
func (t *Table) ID(ref Ref) uint32 { panic("unbuilt") }

// KeyGroup is the key group of a row.
func (t *Table) KeyGroup(ref Ref) uint16 { panic("unbuilt") }

// KeysInto writes the keys of rows to key columns, lanes at, at+1, ...: cols are
// in the order of the spec and have room (Alloc or Resize) for all of them.
func (t *Table) KeysInto(cols []batch.Col, at int, refs []Ref) { panic("unbuilt") }

// KeyOf returns the key of a row in the form that other structures take, its
// bytes appended to buf.
func (t *Table) KeyOf(ref Ref, buf []byte) Key { panic("unbuilt") }

// Get looks up a single key.
func (t *Table) Get(k Key, mode Mode) Ref { panic("unbuilt") }

// Cursor begins a walk over all rows in order of (key group, key).
func (t *Table) Cursor() *Cursor { panic("unbuilt") }

// SortRefs sorts refs by (key group, key), the order in which timers fire.
func (t *Table) SortRefs(refs []Ref) { panic("unbuilt") }

// Cursor walks over a table in order of (key group, key). It may be kept across
// steps; rows inserted behind it meanwhile are not seen, others are.
type Cursor struct{}

// Next fills refs with the next rows and returns how many; 0 at the end. The refs
// are good for Read until the step ends; rows may be touched and deleted.
func (c *Cursor) Next(refs []Ref) int { panic("unbuilt") }

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
func KeysInto(cols []batch.Col, at int, types []types.Type, keys []Key) { panic("unbuilt") }
