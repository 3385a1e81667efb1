package debugger

import (
	"cmp"
	"slices"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Row is one row, with its change kind.
type Row struct {
	Schema types.Schema
	Batch  *batch.Batch
	Lane   int
}

// Kind is the change kind.
func (r Row) Kind() batch.Kind { return r.Batch.Kind(r.Lane) }

// MarshalJSON gives {"op":"+I","row":{...}}, as --output json does.
func (r Row) MarshalJSON() ([]byte, error) {
	b, err := format.NewChangeLines(r.Schema).Append(nil, r.Batch, r.Lane, r.Kind())
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	return b, err
}

// copyRows keeps lanes of a batch that is valid during a call only; nil keeps its rows.
func copyRows(b *batch.Batch, lanes []uint16) *batch.Batch {
	view := *filled(b, nil)
	view.Marks, view.Keys = nil, nil
	if lanes != nil {
		view.Sel = lanes
	}
	out := &batch.Batch{}
	out.Gather(&view, nil)
	return out
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
