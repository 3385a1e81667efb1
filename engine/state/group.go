package state

import "github.com/minkstream/mink/engine/batch"

// Grouper numbers the distinct keys of a batch. One serves an operator and is
// used again for each batch; the zero value is ready.
//
// After Group, row i (lane sel[i]) belongs to group G[i], and group g was first
// seen in lane Reps[g]. Groups are numbered in first-touch order. After
// Table.Group, Refs[g] is the group's row of the table (or None), and bit g of
// Fresh says that it was inserted.
type Grouper struct {
	G     []uint16
	Reps  []uint16
	Refs  []Ref
	Fresh []uint64
}

// Group numbers the keys of a batch without any table, for local aggregation and
// for removing duplicates inside a batch. keys nil makes one group of all rows.
func (g *Grouper) Group(b *batch.Batch, keys *batch.KeyVec, sel []uint16) { panic("unbuilt") }

// Len is the number of groups.
func (g *Grouper) Len() int { return len(g.Reps) }
