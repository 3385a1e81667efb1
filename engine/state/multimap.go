package state

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// RowRef names a row of a MultiMap for the rest of the step.
type RowRef uint64

// MultiSpec is the shape of a multi-map.
type MultiSpec struct {
	// Key are the types of the key columns.
	Key []types.Type
	// Row are the types of the stored columns; keys are not stored unless named.
	Row []types.Type
	// Counters gives each row a number that can be changed (match counts of outer,
	// semi and anti joins).
	Counters bool
	// TTL is the time to live of a row in milliseconds; 0 is for ever.
	TTL int64
}

// MultiMap holds any number of rows per key, in arrival order: a side of a join.
// Rows are immutable bytes, appended; a row can be retracted.
type MultiMap struct{}

// MultiMap returns the multi-map of that name, filled if it was restored.
func (s *Store) MultiMap(name string, spec MultiSpec) *MultiMap { panic("unbuilt") }

// Insert appends the rows of b: the columns cols, in the order of the spec, under
// the keys. Row i is refs[i] (refs may be nil). keys as for Table.Lookup. Rows
// with a NULL key are stored too: joins filter them out before.
func (m *MultiMap) Insert(b *batch.Batch, keys *batch.KeyVec, sel []uint16, cols []int, refs []RowRef) {
	panic("unbuilt")
}

// Retract removes one row equal in all stored columns to the row in lane, the
// newest if there are several. It returns the removed row, whose counter can
// still be read in this step, or 0 if there was none.
func (m *MultiMap) Retract(b *batch.Batch, keys *batch.KeyVec, lane int, cols []int) RowRef {
	panic("unbuilt")
}

// Probe begins a search for the stored rows of each key of b. Results come from
// p.Next. b and keys must stay as they are until the last Next.
func (m *MultiMap) Probe(p *Probe, b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	panic("unbuilt")
}

// Probe is a search in progress; the zero value is ready, and one is used again
// and again.
type Probe struct {
	// Lanes and Refs are the pairs found by Next: the row of b, and a stored row.
	Lanes []uint16
	Refs  []RowRef
	// Missed are the lanes of rows without any match, among the rows that Next
	// has gone through.
	Missed []uint16
}

// Next collects at most limit pairs (at least one if any are left), in the order
// of b's rows and for one row in arrival order of the stored rows. It reports
// whether there is more to come.
func (p *Probe) Next(limit int) bool { panic("unbuilt") }

// Decode writes stored rows to columns: stored column cols[k] goes to out[k], rows
// to lanes at, at+1, ... of columns that have room for them. Strings are views of
// the map's own immutable pages: nothing is copied.
func (m *MultiMap) Decode(out []batch.Col, at int, cols []int, refs []RowRef) { panic("unbuilt") }

// Count is the counter of a row, 0 at first.
func (m *MultiMap) Count(ref RowRef) uint32 { panic("unbuilt") }

// AddCount changes the counter of a row and returns its value after.
func (m *MultiMap) AddCount(ref RowRef, delta int32) uint32 { panic("unbuilt") }

// Remove removes a stored row.
func (m *MultiMap) Remove(ref RowRef) { panic("unbuilt") }

// Walk visits keys in order of (key group, key) and calls visit with the live rows
// of each, oldest first; it stops when visit returns false. For pruning and for
// looking in.
func (m *MultiMap) Walk(visit func(k Key, rows []RowRef) bool) { panic("unbuilt") }

// Len is the number of rows.
func (m *MultiMap) Len() int { panic("unbuilt") }
