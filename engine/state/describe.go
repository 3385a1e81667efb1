package state

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Description is what EXPLAIN, the debugger and metrics say of a structure.
type Description struct {
	Name string
	// Kind is "table", "multi-map", "sorted", "queue", "panes", "set", "value" or
	// "counters".
	Kind string
	// Shape is the shape in words, such as "key (BIGINT), 3 lanes, ttl 1h".
	Shape string
	// Entries is the number of entries, MemBytes what they take in memory, and
	// Spilled how many of them are on disk.
	Entries, MemBytes, Spilled int64
}

// Describe lists the structures in the order they were made.
func (s *Store) Describe() []Description { panic("unbuilt") }

// Entry is one logical entry as the debugger shows it.
type Entry struct {
	Group uint16
	// Key has one lane for each key column.
	Key []batch.Col
	// Sub names the entry within its key: a pane, a time, a number; else 0.
	Sub int64
	// Lanes are the operator's lanes, Rows the stored bytes.
	Lanes []uint64
	Rows  [][]byte
}

// Inspect calls visit with the entries of the structure of that name in order of
// (key group, key, sub), skipping the first skip, until visit returns false. It
// reports the key's types and whether there is such a structure.
func (s *Store) Inspect(name string, skip int, visit func(Entry) bool) ([]types.Type, bool) {
	panic("unbuilt")
}
