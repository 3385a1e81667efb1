package parquet

import (
	"context"
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// readRows is how many rows are decoded at once.
const readRows = 32 << 10

// reader reads a file from any row on.
type reader struct {
	schema types.Schema
	cols   []column // one for each of schema
	leaves []int    // leaf columns of the file that are read

	file  *file.Reader
	arrow *pqarrow.FileReader
	rec   pqarrow.RecordReader
	cur   arrow.Record
	at    int64 // first unread row of cur
	row   int64 // number of the next row in the file
	rows  int64
}

// column is how a column of the table is filled.
type column struct {
	read  bool
	field int // in the record, -1 if the file has none
	conv  converter
}

func openFile(f io.ReaderAt, size int64, s types.Schema, read connect.Projection, c config) (r *reader, err error) {
	defer guard(&err)
	pf, err := file.NewParquetReader(io.NewSectionReader(f, 0, size))
	if err != nil {
		return nil, damaged(err)
	}
	ar, err := pqarrow.NewFileReader(pf, pqarrow.ArrowReadProperties{BatchSize: readRows}, memory.DefaultAllocator)
	if err != nil {
		return nil, damaged(err)
	}
	r = &reader{schema: s, file: pf, arrow: ar, rows: pf.NumRows()}
	return r, r.plan(read, c)
}

// plan finds the columns of the table in the file.
func (r *reader) plan(read connect.Projection, c config) error {
	fields, err := r.arrow.Schema()
	if err != nil {
		return damaged(err)
	}
	used := make([]bool, len(r.schema))
	for i := range used {
		used[i] = read == nil
	}
	for _, p := range read {
		if len(p) > 0 {
			used[p[0]] = true
		}
	}
	// Leaves of each top-level field, in the order of the file.
	leaves := make([][]int, fields.NumFields())
	int96 := make([]bool, fields.NumFields())
	leafSchema := r.file.MetaData().Schema
	for i := range leafSchema.NumColumns() {
		top := leafSchema.Root().FieldIndexByField(leafSchema.ColumnRoot(i))
		if top < 0 || top >= len(leaves) {
			return damaged(errors.New("schema"))
		}
		leaves[top] = append(leaves[top], i)
		int96[top] = int96[top] || leafSchema.Column(i).PhysicalType() == parquet.Types.Int96
	}
	position := map[int]int{} // field of the file → of the record
	for k := range leaves {
		for i, f := range r.schema {
			if used[i] && fields.Field(k).Name == f.Name {
				position[k] = len(position)
				r.leaves = append(r.leaves, leaves[k]...)
				break
			}
		}
	}
	r.cols = make([]column, len(r.schema))
	for i, f := range r.schema {
		col := column{read: used[i], field: -1}
		for k := range leaves {
			if !col.read || fields.Field(k).Name != f.Name {
				continue
			}
			zone := c.zone
			if !int96[k] {
				zone = nil
			}
			col.field = position[k]
			if col.conv, err = convert(f.Name, f.Type, fields.Field(k).Type, zone); err != nil {
				return err
			}
			break
		}
		r.cols[i] = col
	}
	return nil
}

// Row is the number of the next row.
func (r *reader) Row() int64 { return r.row }

// SeekRow goes to a row.
func (r *reader) SeekRow(row int64) error {
	r.release()
	r.row = row
	return nil
}

func (r *reader) release() {
	if r.rec != nil {
		r.rec.Release()
	}
	r.rec, r.cur, r.at = nil, nil, 0
}

// Read fills dst with rows of the decoded record, decoding the next when there are
// none left.
func (r *reader) Read(dst *batch.Batch, max int) (err error) {
	defer guard(&err)
	if r.row >= r.rows {
		return io.EOF
	}
	ts := r.schema.Types()
	if len(r.leaves) == 0 {
		// Nothing but the number of rows is wanted.
		n := int(min(r.rows-r.row, int64(max)))
		r.finish(dst, ts, n)
		r.row += int64(n)
		return nil
	}
	for r.cur == nil || r.at >= r.cur.NumRows() {
		if err := r.next(); err != nil {
			return err
		}
	}
	n := int(min(r.cur.NumRows()-r.at, int64(max)))
	r.finish(dst, ts, n)
	for i, c := range r.cols {
		if c.field >= 0 {
			if err := c.conv(&dst.Cols[i], r.cur.Column(c.field), int(r.at), n); err != nil {
				dst.N = 0
				return err
			}
		}
	}
	r.at += int64(n)
	r.row += int64(n)
	return nil
}

// finish makes dst a batch of n rows with the columns that the file does not fill.
func (r *reader) finish(dst *batch.Batch, ts []types.Type, n int) {
	dst.Alloc(ts, 0)
	for i, c := range r.cols {
		switch {
		case !c.read:
			dst.Cols[i] = batch.Col{}
		case c.field < 0:
			dst.Cols[i] = batch.ConstNull(ts[i])
		}
	}
	dst.N = n
}

// next decodes the next record, or opens the row groups from r.row on.
func (r *reader) next() error {
	skip := int64(0)
	if r.rec == nil {
		var groups []int
		first := int64(0)
		for g := range r.file.NumRowGroups() {
			n := r.file.MetaData().RowGroup(g).NumRows()
			if len(groups) == 0 && r.row >= first+n {
				first += n
				continue
			}
			if len(groups) == 0 {
				skip = r.row - first
			}
			groups = append(groups, g)
		}
		rec, err := r.arrow.GetRecordReader(context.Background(), r.leaves, groups)
		if err != nil {
			return damaged(err)
		}
		r.rec = rec
	}
	for {
		if !r.rec.Next() {
			if err := r.rec.Err(); err != nil && !errors.Is(err, io.EOF) {
				return damaged(err)
			}
			return damaged(errors.New("fewer rows than its footer says"))
		}
		r.cur, r.at = r.rec.Record(), skip
		if skip < r.cur.NumRows() {
			return nil
		}
		skip -= r.cur.NumRows()
	}
}

func (r *reader) Close() error {
	r.release()
	return nil // the file belongs to the caller
}
