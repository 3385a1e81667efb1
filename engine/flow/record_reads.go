package flow

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// recorder makes that of a task of a vertex.
func (j *jobCore) recorder(v *Vertex) *recorder {
	r := &recorder{full: j.cfg.Record.Full}
	if v.Source != nil && !r.full {
		r.reads = newReads(v.Source.Read, v.Source.Schema)
	}
	return r
}

// reads are the columns and the fields of rows that a job reads of a source. A reader may
// give more than that, which the tape need not have: what nobody looks at makes no run
// another one.
type reads struct {
	all  bool    // of the column or field, with all that is in it
	kids []reads // of the columns, or of the fields of a ROW
	view batch.Batch
	rows []batch.Col // fields of a ROW, in the view
}

// newReads is nil where everything is read.
func newReads(p connect.Projection, s types.Schema) *reads {
	if p == nil {
		return nil
	}
	top := &reads{kids: make([]reads, len(s))}
	for _, path := range p {
		top.add(path, s.Types())
	}
	return top
}

// add takes what is read of fields of some types.
func (r *reads) add(path connect.FieldPath, ts []types.Type) {
	if len(path) == 0 || r.all {
		r.all = true
		return
	}
	if r.kids == nil {
		r.kids = make([]reads, len(ts))
	}
	t := ts[path[0]]
	var of []types.Type
	if t.Kind == types.Row {
		for _, f := range t.Fields {
			of = append(of, f.Type)
		}
	} else {
		path = path[:1]
	}
	r.kids[path[0]].add(path[1:], of)
}

// seen is a batch without the columns that are not read. It is valid until the next call.
func (r *recorder) seen(b *batch.Batch) *batch.Batch {
	if r.reads == nil {
		return b
	}
	v := &r.reads.view
	v.N, v.Sel, v.Kinds = b.N, b.Sel, b.Kinds
	v.Cols = r.reads.part(v.Cols, b.Cols)
	return v
}

// part makes dst what is read of columns.
func (r *reads) part(dst, cols []batch.Col) []batch.Col {
	dst = slices.Grow(dst[:0], len(cols))[:len(cols)]
	for i := range cols {
		k, c := &r.kids[i], &cols[i]
		switch {
		case k.all:
			dst[i] = *c
		case k.kids == nil || c.Type.Kind == types.Invalid:
			dst[i] = batch.Col{}
		default:
			k.rows = k.part(k.rows, c.Kids)
			dst[i] = *c
			dst[i].Kids = k.rows
		}
	}
	return dst
}
