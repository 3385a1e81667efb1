package parquet

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/types"
)

// reader reads a file from any row on, a batch at most to the end of a row group.
//
// The library's readers of Arrow tables start goroutines, in which a damaged file
// can panic beyond reach; so leaf columns are read one by one and nested values put
// together here.
type reader struct {
	schema types.Schema
	cols   []*node // by column of the table; nil where nothing is read
	used   []bool
	leaves []*leaf

	file  *file.Reader
	size  int64
	group int   // row group that the leaves stand in, -1 if none
	left  int64 // rows of it that are not read
	most  int   // rows of a batch; fewer where more would take too much memory
	row   int64 // number of the next row in the file
	rows  int64
}

func openFile(f io.ReaderAt, size int64, s types.Schema, read connect.Projection, c config) (r *reader, err error) {
	defer guard(&err)

	boundCodecs()
	pf, err := file.NewParquetReader(io.NewSectionReader(f, 0, size), file.WithReadProps(parquet.NewReaderProperties(&pageMemory{})))
	if err != nil {
		return nil, damaged(err)
	}
	r = &reader{schema: s, file: pf, size: size, group: -1, most: batch.MaxRows, rows: pf.NumRows(), used: make([]bool, len(s))}
	for i := range s {
		r.used[i] = read == nil
	}
	for _, p := range read {
		if len(p) > 0 {
			r.used[p[0]] = true
		}
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	b := builder{r: r, c: c, schema: pf.MetaData().Schema}
	r.cols, err = b.columns()
	return r, err
}

// check refuses footers that would have memory allocated for what is not there.
func (r *reader) check() error {
	sum := int64(0)
	for g := range r.file.NumRowGroups() {
		md := r.file.MetaData().RowGroup(g)
		if md.NumRows() < 0 || sum+md.NumRows() < sum {
			return damaged(errors.New("negative number of rows"))
		}
		sum += md.NumRows()
		for i := range md.NumColumns() {
			cc, err := md.ColumnChunk(i)
			if err != nil {
				return damaged(err)
			}
			start, n := cc.DataPageOffset(), cc.TotalCompressedSize()
			if cc.HasDictionaryPage() && cc.DictionaryPageOffset() > 0 {
				start = min(start, cc.DictionaryPageOffset())
			}
			if start < 0 || n < 0 || start > r.size || n > r.size-start || cc.NumValues() < 0 {
				return damaged(errors.New("a column lies outside of the file"))
			}
		}
	}
	if sum != r.rows {
		return damaged(errors.New("numbers of rows do not agree"))
	}
	return nil
}

// Row is the number of the next row.
func (r *reader) Row() int64 { return r.row }

// SeekRow goes to a row.
func (r *reader) SeekRow(row int64) error {
	r.row, r.group, r.left = row, -1, 0
	return nil
}

// Read fills dst with rows.
func (r *reader) Read(dst *batch.Batch, max int) error {
	for {
		n := min(max, r.most)
		many, err := r.read(dst, n)
		if !many || n == 1 {
			return err
		}
		// Once more from the same row, with fewer: where the leaves stand is not known.
		r.most = (n + 7) / 8
		if err := r.SeekRow(r.row); err != nil {
			return err
		}
	}
}

// read fills dst with at most max rows. many says that it failed and fewer may do.
func (r *reader) read(dst *batch.Batch, max int) (many bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			_, many = p.(tooMany)
			err = broken(p)
		}
	}()
	return false, r.fill(dst, max)
}

func (r *reader) fill(dst *batch.Batch, max int) error {
	if r.row >= r.rows {
		return io.EOF
	}
	n := int(min(r.rows-r.row, int64(max)))
	if len(r.leaves) > 0 {
		if r.left == 0 {
			if err := r.enter(); err != nil {
				return err
			}
		}
		n = int(min(r.left, int64(n)))
		for _, l := range r.leaves {
			if err := l.load(n); err != nil {
				return err
			}
		}
	}
	dst.Alloc(r.schema.Types(), 0)
	for i, f := range r.schema {
		switch {
		case !r.used[i]:
			dst.Cols[i] = batch.Col{}
		case r.cols[i] == nil:
			dst.Cols[i] = batch.ConstNull(f.Type)
		default:
			if err := r.cols[i].fill(&dst.Cols[i], n); err != nil {
				return err
			}
		}
	}
	dst.N = n
	r.row += int64(n)
	r.left -= int64(n)
	return nil
}

// enter goes to the row group of the next row, and to that row in it.
func (r *reader) enter() error {
	first := int64(0)
	for g := range r.file.NumRowGroups() {
		n := r.file.MetaData().RowGroup(g).NumRows()
		if r.row >= first+n {
			first += n
			continue
		}
		rg := r.file.RowGroup(g)
		for _, l := range r.leaves {
			pages, err := rg.GetColumnPageReader(l.column)
			if err != nil {
				return damaged(err)
			}
			l.start(pages)
			for skip := r.row - first; skip > 0; skip -= int64(r.most) {
				if err := l.load(int(min(skip, int64(r.most)))); err != nil {
					return err
				}
				l.forget()
			}
		}
		r.group, r.left = g, first+n-r.row
		return nil
	}
	return damaged(errors.New("fewer rows than the footer says"))
}

func (r *reader) Close() error {
	for _, l := range r.leaves {
		l.records.Release()
	}
	r.leaves = nil
	return nil // the file belongs to the caller
}
