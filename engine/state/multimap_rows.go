package state

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// KeyRows are the stored rows of each key of a batch, once for all lanes that have
// that key. The zero value is ready, and one is used again and again.
type KeyRows struct {
	// Of is the list of each lane of the batch, -1 for a lane without stored rows.
	// Lanes with equal keys have the same list.
	Of []int32
	// At says where list i lies in Refs: from At[i] to At[i+1].
	At []int32
	// Refs are the rows, those of one list in arrival order.
	Refs []RowRef

	heads []chain
	keys  []RowRef // the newest row of each list
	index []int32  // hash table of list numbers, 1 up
}

// Lists is the number of lists.
func (r *KeyRows) Lists() int { return len(r.At) - 1 }

// Lane is the list of a lane.
func (r *KeyRows) Lane(l int) []RowRef {
	k := r.Of[l]
	if k < 0 {
		return nil
	}
	return r.Refs[r.At[k]:r.At[k+1]]
}

// Rows finds the stored rows of the keys of b, among the lanes of sel (nil for all).
// The rows keep their places for the rest of the step.
func (m *MultiMap) Rows(r *KeyRows, b *batch.Batch, keys *batch.KeyVec, sel []uint16) {
	r.Of = sized(r.Of, b.N)
	for i := range r.Of {
		r.Of[i] = -1
	}
	r.At, r.Refs, r.keys = append(r.At[:0], 0), r.Refs[:0], r.keys[:0]
	n := b.N
	if sel != nil {
		n = len(sel)
	}
	if n == 0 {
		return
	}
	r.heads = sized(r.heads, n)
	m.chains(b, keys, sel, r.heads)
	size := 16
	for size < 2*n {
		size *= 2
	}
	r.index = sized(r.index, size)
	clear(r.index)
	for i, c := range r.heads {
		if c.n == 0 {
			continue
		}
		key := c.head // no other key has it
		lane := i
		if sel != nil {
			lane = int(sel[i])
		}
		at := int(uint64(key)*golden>>32) & (size - 1)
		for r.index[at] != 0 && r.keys[r.index[at]-1] != key {
			at = (at + 1) & (size - 1)
		}
		if r.index[at] == 0 {
			from := len(r.Refs)
			r.Refs = m.collect(r.Refs, c)
			slices.Reverse(r.Refs[from:])
			r.keys = append(r.keys, key)
			r.At = append(r.At, int32(len(r.Refs)))
			r.index[at] = int32(len(r.keys))
		}
		r.Of[lane] = r.index[at] - 1
	}
}
