package flow

import (
	"bytes"
	"io"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// What comes behind a cut can be read without what came before it, and what does not
// cannot: texts that come again are there once.
func TestRowLogCut(t *testing.T) {
	s := types.Schema{{Name: "a", Type: types.StringT}, {Name: "n", Type: types.BigIntT}}
	pool := bytes.Repeat([]byte("the same few texts for all rows, "), 8)
	rows := func(from int) *batch.Batch {
		b := &batch.Batch{}
		b.Alloc(s.Types(), 100)
		b.Cols[0].AddBuf(pool)
		for i := range 100 {
			at := (from + i) % 100
			b.Cols[0].Views[i] = batch.MakeRef(pool[at:at+60], 0, uint32(at))
			b.Cols[1].I64[i] = int64(from + i)
		}
		return b
	}
	var l rowLog
	var parts [2][]byte
	for k := range parts {
		for i := range 5 {
			l.add(rows(1000*k + 100*i))
		}
		pieces := l.cut()
		if k == 1 {
			pieces = append(pieces, l.take()...)
		}
		parts[k] = append([]byte("MINKROW3"), bytes.Join(pieces, nil)...)
	}
	for k, part := range parts {
		if len(part) > 5*100*6+len(pool)+200 {
			t.Errorf("part %d has %d bytes", k, len(part))
		}
		r, err := trace.NewRowReader(io.NewSectionReader(bytes.NewReader(part), 0, int64(len(part))), s)
		if err != nil {
			t.Fatal(err)
		}
		var third int64
		for i := range 5 {
			var b batch.Batch
			if err := r.Next(&b); err != nil {
				t.Fatalf("part %d, poll %d: %v", k, i, err)
			}
			if want := rows(1000*k + 100*i); b.ChainDigest(0) != want.ChainDigest(0) {
				t.Errorf("part %d, poll %d has other rows", k, i)
			}
			if i == 2 {
				third = r.At()
			}
		}
		// A reader may begin in the middle.
		r, err = trace.NewRowReader(io.NewSectionReader(bytes.NewReader(part), 0, int64(len(part))), s)
		if err == nil {
			err = r.From(third)
		}
		var b batch.Batch
		if err == nil {
			err = r.Next(&b)
		}
		if err != nil || b.ChainDigest(0) != rows(1000*k+300).ChainDigest(0) {
			t.Errorf("part %d from its fourth poll on: %v", k, err)
		}
	}
}

// Rows that are spilled behind the steps go into the same memory again and again, which is in
// the cache then and drives nothing else out.
func TestSpillTakesSameMemory(t *testing.T) {
	b := &batch.Batch{}
	b.Alloc([]types.Type{types.DoubleT}, 4096) // written as it is
	places, written := map[*byte]bool{}, 0
	r := &recorder{embed: true}
	r.out.write = func(_ int64, rows []byte) error {
		places[&rows[0]] = true
		written += len(rows)
		return nil
	}
	for range 50 {
		r.rows.add(b)
		r.spill(&task{})
	}
	if len(places) != 1 || written < 48*4096*8 {
		t.Errorf("%d bytes were written from %d places", written, len(places))
	}
}

// Of a batch a tape has what the job reads, fields of rows too, and the batch stays as it is.
func TestRecordSeen(t *testing.T) {
	row := types.RowT(types.Field{Name: "x", Type: types.BigIntT}, types.Field{Name: "y", Type: types.RowT(types.Field{Name: "z", Type: types.BigIntT}, types.Field{Name: "u", Type: types.BigIntT})})
	s := types.Schema{{Name: "a", Type: types.BigIntT}, {Name: "r", Type: row}, {Name: "b", Type: types.StringT}, {Name: "whole", Type: row}}
	b := &batch.Batch{}
	b.Alloc(s.Types(), 3)
	r := recorder{reads: newReads(connect.Projection{}, s)}
	if v := r.seen(b); v.N != 3 || len(v.Cols) != 4 || v.Cols[0].Type.Kind != types.Invalid {
		t.Errorf("of a job that reads nothing: %d rows, %d columns", v.N, len(v.Cols))
	}
	r.reads = newReads(connect.Projection{{0}, {1, 1, 0}, {3, 0}, {3}}, s)
	for range 2 {
		v := r.seen(b)
		there := func(c *batch.Col) bool { return c.Type.Kind != types.Invalid }
		y := &v.Cols[1].Kids[1]
		if !there(&v.Cols[0]) || there(&v.Cols[2]) || there(&v.Cols[1].Kids[0]) || !there(&y.Kids[0]) || there(&y.Kids[1]) {
			t.Error("other columns than those that are read")
		}
		if w := &v.Cols[3]; !there(&w.Kids[0]) || !there(&w.Kids[1]) || !there(&w.Kids[1].Kids[1]) {
			t.Error("a column that is read whole lacks a field")
		}
	}
	if b.Cols[1].Kids[0].Type.Kind == types.Invalid || b.Cols[1].Kids[1].Kids[1].Type.Kind == types.Invalid {
		t.Error("the batch itself was changed")
	}
	if newReads(nil, s) != nil {
		t.Error("of a job that reads all something is left out")
	}
}
