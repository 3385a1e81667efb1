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
	// Unread tells which columns nobody in the job reads, so that the source never filled
	// them: in the batch they are NULL. It is nil where all were read.
	Unread []bool
}

// Shown is the row without the columns that were not read.
func (r Row) Shown() Row {
	if r.Unread == nil {
		return r
	}
	out := Row{Batch: &batch.Batch{N: r.Batch.N, Sel: r.Batch.Sel, Kinds: r.Batch.Kinds}, Lane: r.Lane}
	for i, f := range r.Schema {
		if i >= len(r.Unread) || !r.Unread[i] {
			out.Schema, out.Batch.Cols = append(out.Schema, f), append(out.Batch.Cols, r.Batch.Cols[i])
		}
	}
	return out
}

// Kind is the change kind.
func (r Row) Kind() batch.Kind { return r.Batch.Kind(r.Lane) }

// MarshalJSON gives {"op":"+I","row":{...}}, as --output json does, without the columns
// that were not read.
func (r Row) MarshalJSON() ([]byte, error) {
	r = r.Shown()
	b, err := format.NewChangeLines(r.Schema).Append(nil, r.Batch, r.Lane, r.Kind())
	if n := len(b); n > 0 && b[n-1] == '\n' {
		b = b[:n-1]
	}
	return b, err
}

// keptRow keeps a row of a batch that is valid during a call only.
func keptRow(schema types.Schema, b *batch.Batch, lane int) Row {
	return Row{Schema: schema, Batch: copyRows(b, []uint16{uint16(lane)}), Unread: unread(b)}
}

// unread are the columns of a batch that its source did not fill, nil for none.
func unread(b *batch.Batch) (out []bool) {
	for i := range b.Cols {
		if b.Cols[i].Complete(b.N) || b.Cols[i].Type.Phys() == types.PhysRow && len(b.Cols[i].Kids) > 0 {
			continue // of a ROW some fields may have been read
		}
		if out == nil {
			out = make([]bool, len(b.Cols))
		}
		out[i] = true
	}
	return out
}

// copyRows keeps lanes of a batch that is valid during a call only; nil keeps its rows.
func copyRows(b *batch.Batch, lanes []uint16) *batch.Batch {
	view := *b.Filled(nil)
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
