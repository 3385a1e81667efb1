package gateway

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/kernel"
)

// nextFinal gives the rows that a batch query has at its end. Its plan may change
// rows on the way, such as one over a source of changes; who asked in batch mode
// wants to hear of the result alone. What has come when ctx ends is kept for the next call.
func (o *localOperation) nextFinal(ctx context.Context) (*batch.Batch, error) {
	if !o.done {
		if o.finals == nil {
			o.finals = &finals{at: map[string][]place{}}
		}
		for {
			b, err := o.r.Job.Collector.Next(ctx)
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			o.finals.add(b)
		}
		o.final, o.done, o.finals = o.finals.rows(), true, nil
	}
	if len(o.final) == 0 {
		return nil, io.EOF
	}
	b := o.final[0]
	o.final = o.final[1:]
	return b, nil
}

// finals applies changes to a table without a key: a -U or -D takes away the newest
// row that is equal.
type finals struct {
	batches []*batch.Batch
	dead    [][]bool // by batch and row
	at      map[string][]place
	key     []byte
}

// place is a row of a batch.
type place struct{ batch, row int }

func (f *finals) add(b *batch.Batch) {
	kept := &batch.Batch{}
	kept.Gather(b, nil)
	n := len(f.batches)
	f.batches = append(f.batches, kept)
	f.dead = append(f.dead, make([]bool, kept.N))
	for row := range kept.N {
		id := f.id(kept, row)
		if kept.Kind(row).Adds() {
			f.at[id] = append(f.at[id], place{n, row})
			continue
		}
		f.dead[n][row] = true
		list := f.at[id]
		if len(list) == 0 {
			continue // takes back what is not there
		}
		p := list[len(list)-1]
		f.dead[p.batch][p.row] = true
		if f.at[id] = list[:len(list)-1]; len(list) == 1 {
			delete(f.at, id)
		}
	}
}

// id is the same for equal rows: the text of each value behind its length, NULL
// without a text.
func (f *finals) id(b *batch.Batch, row int) string {
	f.key = f.key[:0]
	for i := range b.Cols {
		c := &b.Cols[i]
		if c.IsNull(row) {
			f.key = append(f.key, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		from := len(f.key)
		f.key = append(f.key, 0, 0, 0, 0)
		f.key = kernel.AppendText(f.key, c, row, nil)
		binary.LittleEndian.PutUint32(f.key[from:], uint32(len(f.key)-from-4))
	}
	return string(f.key)
}

// rows are the batches with the rows that are left, as inserts.
func (f *finals) rows() []*batch.Batch {
	var out []*batch.Batch
	for n, b := range f.batches {
		sel := make([]uint16, 0, b.N)
		for row := range b.N {
			if !f.dead[n][row] {
				sel = append(sel, uint16(row))
			}
		}
		if len(sel) > 0 {
			b.Sel, b.Kinds = sel, nil
			out = append(out, b)
		}
	}
	return out
}
