package connect

import (
	"io"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Format is a way to write rows as bytes, named by the option 'format'.
type Format struct {
	Name    string
	Summary string
	// Options are written with the format's name before them: 'csv.field-delimiter'.
	Options []Option
	// Changes says what kinds of rows it can carry, given its options.
	Changes func(o Options) (Changes, error)
	// Decoder and Encoder check the options. Schema is what is in the bytes:
	// partition columns of files are not part of it.
	Decoder func(s types.Schema, read Projection, o Options, t *Table) (Decoder, error)
	Encoder func(s types.Schema, o Options, t *Table) (Encoder, error)
	// Lines says whether every line end of a file ends a record, so that it can be
	// read in parts; with unless not 0, only in a file without that byte. nil: no.
	Lines func(o Options) (lines bool, unless byte, err error)
	// OpenFile is set by formats that need whole files (parquet) instead of Decoder.
	OpenFile func(f io.ReaderAt, size int64, s types.Schema, read Projection, o Options, t *Table) (FileReader, error)
	NewFile  func(w io.Writer, s types.Schema, o Options, t *Table) (FileWriter, error)
	// Messages says that only messages have this format: files do not.
	Messages bool
	// Nulls says that a message that is missing, such as a Kafka record without a value,
	// is a row of NULLs; for other formats it is none.
	Nulls bool
	// Metadata lists the metadata columns the format serves.
	Metadata []MetadataColumn
	// WithMetadata is Decoder with metadata columns behind those of s: meta are
	// their keys, their types those of Metadata. Set when Metadata is not empty.
	WithMetadata func(s types.Schema, meta []string, read Projection, o Options, t *Table) (Decoder, error)
}

// Decoder turns bytes into columns.
type Decoder interface {
	// Decode reads whole records from data and appends at most max rows to dst.
	// It returns how many bytes it used; last says that no more bytes follow.
	// data stays untouched for ever: views may point into it. at is the file
	// offset of data[0], for error messages (line numbers are counted inside).
	Decode(dst *batch.Batch, data []byte, at int64, last bool, max int) (used int, err error)
	// Message reads one whole message (a Kafka record), giving any number of rows.
	Message(dst *batch.Batch, data []byte) error
	// Reset forgets headers and line numbers; skip says the header is behind.
	Reset(line int64, headerDone bool)
	// Line is the number of the next line, 1 first; HeaderDone reports a header read.
	Line() int64
	HeaderDone() bool
}

// Lenient is a decoder that can be told by its options to skip what it cannot
// read. It reports each record so treated.
type Lenient interface {
	OnBadRecord(report func(err error))
}

// Partial is a decoder one of whose records may give more rows than a batch takes.
// Decode then uses no byte of the record until all its rows were given.
type Partial interface {
	// Given is how many rows of the next record were given already. SetGiven,
	// called after Reset, resumes there.
	Given() int
	SetGiven(rows int)
}

// Encoder turns rows into bytes.
type Encoder interface {
	// Encode appends the rows of b, selected lanes only, to dst. After an error
	// what it returns is dst as it was.
	Encode(dst []byte, b *batch.Batch) ([]byte, error)
	// Header is written at the start of each file.
	Header() []byte
}

// FileReader reads a columnar file.
type FileReader interface {
	// Read fills dst with at most max rows; io.EOF ends.
	Read(dst *batch.Batch, max int) error
	// Row is the number of the next row; SeekRow goes to one.
	Row() int64
	SeekRow(row int64) error
	Close() error
}

// FileWriter writes a columnar file.
type FileWriter interface {
	Write(b *batch.Batch) error
	// Size estimates the bytes of the file so far.
	Size() int64
	// Close writes the footer; the io.Writer stays open.
	Close() error
}
