package state

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// SetSpec is the shape of a Set.
type SetSpec struct {
	// Value are the types of the arguments (several for COUNT(DISTINCT a, b)).
	Value []types.Type
	// Filters is the number of aggregates with their own FILTER that share the
	// set, at most 31; 1 if there is none.
	Filters int
	// Retract counts how often a value is there, so that it can be taken away.
	Retract bool
	// TTL is the time to live in milliseconds; 0 is for ever.
	TTL int64
}

// Set holds the distinct values seen per group: key (group, value), and for each
// filter whether (or how often) the value is there.
type Set struct{}

// Set returns the set of that name, filled if it was restored.
func (s *Store) Set(name string, spec SetSpec) *Set { panic("unbuilt") }

// Add adds the value in columns cols, lane sel[i], to the group with key group
// kgs[i] and Table.ID ids[i], for the filters whose bit is set in masks[i] (masks
// nil: filter 0 in all rows). flips[i] are the filters for which the value was
// not there before. NULL is a value here: exclude such rows.
func (s *Set) Add(b *batch.Batch, cols []int, sel []uint16, kgs []uint16, ids, masks, flips []uint32) {
	panic("unbuilt")
}

// Sub is Add's opposite, for sets with Retract: flips[i] are the filters for which
// the value is gone now. A value that is not there is left alone.
func (s *Set) Sub(b *batch.Batch, cols []int, sel []uint16, kgs []uint16, ids, masks, flips []uint32) {
	panic("unbuilt")
}

// DropGroup forgets all values of a group; it is called when the group's row is
// deleted. The cost is that of the group's size only for sets made with Retract;
// see the body for the others.
func (s *Set) DropGroup(group uint16, id uint32) { panic("unbuilt") }

// Len is the number of values of all groups.
func (s *Set) Len() int { panic("unbuilt") }
