package trace

import (
	"io"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// options name the column that has the kind of change of each row: __op, or what no
// column of the schema is called.
func options(s types.Schema) batch.ArrowOptions {
	name := "__op"
	for slices.ContainsFunc(s, func(f types.Field) bool { return f.Name == name }) {
		name += "_"
	}
	return batch.ArrowOptions{KindColumn: name}
}

// RowWriter writes what a source gave as an Arrow IPC file: a record batch for each
// poll that had rows, the column __op with the kinds of change, then the columns that
// the job reads.
type RowWriter struct {
	w      *ipc.FileWriter
	out    io.Writer
	schema *arrow.Schema
	whole  types.Schema
	kept   types.Schema
	cols   []int // of the source's schema
}

// sparseKey marks, in the metadata of a field, a column that the reader gave sparse. What
// an operator makes of rows, selections and the places of watermarks included, depends on
// that, so a replay has to be given the same.
const sparseKey = "mink.sparse"

// NewRowWriter writes rows of a schema, compressed; columns and fields that have no
// storage in the first batch are left out. A reader is taken to give a column sparse
// always or never.
func NewRowWriter(out io.Writer, s types.Schema) *RowWriter { return &RowWriter{out: out, whole: s} }

// Add writes the rows of one poll.
func (w *RowWriter) Add(b *batch.Batch) error {
	if w.w == nil {
		for i := range w.whole {
			if t, ok := stored(w.whole[i].Type, &b.Cols[i]); ok {
				w.kept = append(w.kept, types.Field{Name: w.whole[i].Name, Type: t})
				w.cols = append(w.cols, i)
			}
		}
		w.schema = w.schemaOf(b)
		f, err := ipc.NewFileWriter(&appendOnly{w: w.out}, ipc.WithSchema(w.schema), ipc.WithAllocator(memory.NewGoAllocator()), ipc.WithZstd())
		if err != nil {
			return diag.Wrap(diag.IO, err, "cannot write rows to the tape")
		}
		w.w = f
	}
	view := batch.Batch{N: b.N, Sel: b.Sel, Kinds: b.Kinds, Cols: make([]batch.Col, len(w.cols))}
	for k, i := range w.cols {
		view.Cols[k] = pruned(w.kept[k].Type, &b.Cols[i])
	}
	rec := view.ToArrow(w.kept, options(w.whole))
	if err := w.w.Write(array.NewRecord(w.schema, rec.Columns(), rec.NumRows())); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write rows to the tape")
	}
	return nil
}

// schemaOf is that of a file whose first rows are b.
func (w *RowWriter) schemaOf(b *batch.Batch) *arrow.Schema {
	fields := options(w.whole).ArrowSchema(w.kept).Fields()
	kinds := len(fields) - len(w.kept)
	for k, i := range w.cols {
		if b.Cols[i].Enc == batch.Sparse {
			fields[kinds+k].Metadata = arrow.NewMetadata([]string{sparseKey}, []string{"true"})
		}
	}
	return arrow.NewSchema(fields, nil)
}

// Close ends the file. One without rows is empty.
func (w *RowWriter) Close() error {
	if w.w == nil {
		return nil
	}
	if err := w.w.Close(); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write rows to the tape")
	}
	return nil
}

// stored is the part of a type that a column holds: a reader leaves the columns and
// row fields out that nobody reads. ok is false for nothing.
func stored(t types.Type, c *batch.Col) (part types.Type, ok bool) {
	if c.Type.Kind == types.Invalid {
		return t, false
	}
	if t.Kind != types.Row {
		return t, true
	}
	fields := make([]types.Field, 0, len(t.Fields))
	for i, f := range t.Fields {
		if ft, ok := stored(f.Type, &c.Kids[i]); ok {
			fields = append(fields, types.Field{Name: f.Name, Type: ft})
		}
	}
	if len(fields) == len(t.Fields) {
		return t, true
	}
	return types.RowT(fields...).Nullable(t.IsNullable()), true
}

// pruned is the column with the fields alone that a part of its type has.
func pruned(t types.Type, c *batch.Col) batch.Col {
	out := *c
	if t.Kind != types.Row {
		return out
	}
	out.Type, out.Kids = t, nil
	for i := range c.Kids {
		if c.Kids[i].Type.Kind == types.Invalid {
			continue
		}
		out.Kids = append(out.Kids, pruned(t.Fields[len(out.Kids)].Type, &c.Kids[i]))
	}
	return out
}

// partOf is the part of a type that an Arrow type has.
func partOf(t types.Type, a arrow.DataType) types.Type {
	st, ok := a.(*arrow.StructType)
	if t.Kind != types.Row || !ok {
		return t
	}
	fields := make([]types.Field, 0, len(t.Fields))
	for _, f := range t.Fields {
		if i, found := st.FieldIdx(f.Name); found {
			fields = append(fields, types.Field{Name: f.Name, Type: partOf(f.Type, st.Field(i).Type)})
		}
	}
	return types.RowT(fields...).Nullable(t.IsNullable())
}

// whole puts the fields of a part back to their places in the type.
func whole(t types.Type, c *batch.Col) {
	if t.Kind != types.Row {
		return
	}
	kids := make([]batch.Col, len(t.Fields))
	for i, f := range t.Fields {
		for k, part := range c.Type.Fields {
			if part.Name == f.Name {
				kids[i] = c.Kids[k]
				whole(f.Type, &kids[i])
			}
		}
	}
	c.Type, c.Kids = t, kids
}

// RowReader reads the file of a RowWriter, or the frames of a recording that was not
// closed.
type RowReader struct {
	read func() (arrow.Record, error)
	raw  *frames // instead
	s    types.Schema
	kept types.Schema
	cols []int
	// sparse says of each of cols that it was given so.
	sparse []bool
	part   batch.Batch
	// more are readers of what comes behind, passed is how many there were before.
	more   []*RowReader
	passed int
	file   *ipc.FileReader
	at     int // record that comes next
}

// partBits is the part of a place that is within one of several files.
const partBits = 40

// At is the place behind what was read, for From.
func (r *RowReader) At() int64 {
	if r.raw != nil {
		return int64(r.passed)<<partBits | r.raw.at
	}
	return int64(r.at)
}

// From goes to a place that At gave, at or behind the reader's.
func (r *RowReader) From(at int64) error {
	for r.passed < int(at>>partBits) && len(r.more) > 0 {
		r.pass()
	}
	at &= 1<<partBits - 1
	if r.raw != nil {
		return r.raw.pass(at)
	}
	if r.file != nil && at > int64(r.file.NumRecords()) {
		return diag.New(diag.InvalidTape, "the tape has no rows behind poll %d", at)
	}
	r.at = int(at)
	return nil
}

// pass goes on to the next of several files.
func (r *RowReader) pass() {
	next, more, n := r.more[0], r.more[1:], r.passed+1
	*r = *next
	r.more, r.passed = more, n
}

// NewRowReader reads rows of a schema. It fails with invalid-tape where the bytes are
// something else.
func NewRowReader(data *io.SectionReader, s types.Schema) (r *RowReader, err error) {
	r = &RowReader{s: s, read: func() (arrow.Record, error) { return nil, io.EOF }}
	if data == nil || data.Size() == 0 {
		return r, nil
	}
	switch {
	case begins(data, framesMagic):
		return newFrames(data, s)
	case begins(data, framesAny):
		return nil, errFrames
	}
	defer func() {
		if x := recover(); x != nil { // the library's reader breaks off on some damage
			r, err = nil, badRows(x)
		}
	}()
	var has *arrow.Schema
	if err := batch.CheckArrowFile(data, data.Size()); err != nil {
		return nil, badRows(err)
	}
	mem := batch.NewUnpacking(data.Size())
	if f, err := ipc.NewFileReader(data, ipc.WithAllocator(mem)); err == nil {
		has, r.file = f.Schema(), f
		r.read = func() (arrow.Record, error) {
			if r.at == f.NumRecords() {
				return nil, io.EOF
			}
			r.at++
			mem.Refill()
			return f.RecordAt(r.at - 1)
		}
	} else {
		return nil, badRows(err)
	}
	for i, f := range s {
		at := has.FieldIndices(f.Name)
		if len(at) == 0 {
			continue
		}
		r.kept = append(r.kept, types.Field{Name: f.Name, Type: partOf(f.Type, has.Field(at[0]).Type)})
		r.cols = append(r.cols, i)
		r.sparse = append(r.sparse, has.Field(at[0]).Metadata.FindKey(sparseKey) >= 0)
	}
	return r, nil
}

func begins(r io.ReaderAt, text string) bool {
	b := make([]byte, len(text))
	n, _ := r.ReadAt(b, 0)
	return n == len(text) && string(b) == text
}

func badRows(why any) error {
	return diag.New(diag.InvalidTape, "the rows on the tape cannot be read: %v", why)
}

// Has reports that a column of the schema is on the tape; an empty file has none.
func (r *RowReader) Has(column int) bool {
	if r.raw != nil {
		return r.raw.has(column)
	}
	return slices.Contains(r.cols, column)
}

// Next makes b the rows of the next poll; they are valid until the next call. After
// the last one it fails with io.EOF.
func (r *RowReader) Next(b *batch.Batch) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = badRows(x)
		}
	}()
	if r.raw != nil {
		if err = r.raw.next(b); err == io.EOF && len(r.more) > 0 {
			r.pass()
			return r.Next(b)
		}
		return err
	}
	rec, err := r.read()
	if err == io.EOF {
		return io.EOF
	}
	if err != nil {
		return badRows(err)
	}
	if err := r.part.FromArrow(r.kept, rec, options(r.s).KindColumn); err != nil {
		return badRows(err)
	}
	b.Reset()
	b.N, b.Kinds, b.Cols = r.part.N, r.part.Kinds, make([]batch.Col, len(r.s))
	for k, i := range r.cols {
		b.Cols[i] = r.part.Cols[k]
		whole(r.s[i].Type, &b.Cols[i])
		if r.sparse[k] {
			b.Cols[i].Sparsify(b.N)
		}
	}
	return nil
}
