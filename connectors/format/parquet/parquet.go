// Package parquet is the format 'parquet': columnar files with a schema, read by
// column and written a row group at a time.
//
// Columns are found by name; one that the file does not have is NULL. Strings are
// views of the decoded pages. Timestamps are written as INT96 as Flink does, which
// is the wall clock of the session zone turned into an instant unless
// 'parquet.utc-timezone' is true; other timestamps are taken as they are.
package parquet

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/parquet/compress"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Format is 'format' = 'parquet'.
var Format = connect.Format{
	Name:    "parquet",
	Summary: "Apache Parquet files.",
	Options: []connect.Option{
		{Key: "utc-timezone", Type: connect.Bool, Default: "false", Doc: "INT96 timestamps are wall clocks of UTC, not of the session zone."},
		{Key: "compression", Type: connect.Enum, Values: []string{"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI"}, Default: "SNAPPY", Doc: "How pages are compressed."},
		{Key: "write.int64.timestamp", Type: connect.Bool, Default: "false", Doc: "Write timestamps as INT64 instead of INT96."},
		{Key: "timestamp.time.unit", Type: connect.Enum, Values: []string{"nanos", "micros", "millis"}, Default: "micros", Doc: "Unit of INT64 timestamps."},
		{Key: "batch-size", Type: connect.Int, Default: "2048", Doc: "Accepted; batches have the size of the job's."},
		{Key: "block.size", Type: connect.Int, Default: "134217728", Doc: "Bytes of a row group."},
		{Key: "page.size", Type: connect.Int, Default: "1048576", Doc: "Bytes of a page."},
		{Key: "dictionary.page.size", Type: connect.Int, Default: "1048576", Doc: "Bytes of a dictionary, past which values are written plain."},
		{Key: "enable.dictionary", Type: connect.Bool, Default: "true", Doc: "Write repeated values once."},
	},
	Changes: func(connect.Options) (connect.Changes, error) { return connect.AppendOnly, nil },
	OpenFile: func(f io.ReaderAt, size int64, s types.Schema, read connect.Projection, o connect.Options, t *connect.Table) (connect.FileReader, error) {
		c, err := readConfig(s, o, t)
		if err != nil {
			return nil, err
		}
		return openFile(f, size, s, read, c)
	},
	NewFile: func(w io.Writer, s types.Schema, o connect.Options, t *connect.Table) (connect.FileWriter, error) {
		c, err := readConfig(s, o, t)
		if err != nil {
			return nil, err
		}
		return newFile(w, s, c)
	},
}

// config are the options, read.
type config struct {
	zone        *time.Location // of INT96 timestamps; nil is UTC
	compression compress.Compression
	int64Time   bool
	unit        string
	block       int64
	page        int64
	dictPage    int64
	dict        bool
}

var codecs = map[string]compress.Compression{
	"UNCOMPRESSED": compress.Codecs.Uncompressed, "SNAPPY": compress.Codecs.Snappy, "GZIP": compress.Codecs.Gzip,
	"ZSTD": compress.Codecs.Zstd, "BROTLI": compress.Codecs.Brotli,
}

func readConfig(s types.Schema, o connect.Options, t *connect.Table) (c config, err error) {
	utc, err := o.Bool("utc-timezone", false)
	if err != nil {
		return c, err
	}
	if !utc && t != nil && t.Zone != time.UTC {
		c.zone = t.Zone
	}
	name, err := o.Enum("compression", "SNAPPY", "UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD", "BROTLI")
	if err != nil {
		return c, err
	}
	c.compression = codecs[name]
	if c.int64Time, err = o.Bool("write.int64.timestamp", false); err != nil {
		return c, err
	}
	if c.unit, err = o.Enum("timestamp.time.unit", "micros", "nanos", "micros", "millis"); err != nil {
		return c, err
	}
	if c.dict, err = o.Bool("enable.dictionary", true); err != nil {
		return c, err
	}
	for _, n := range []struct {
		key string
		v   *int64
		def int64
	}{{"block.size", &c.block, 128 << 20}, {"page.size", &c.page, 1 << 20}, {"dictionary.page.size", &c.dictPage, 1 << 20}} {
		if *n.v, err = o.Int(n.key, n.def); err != nil {
			return c, err
		}
		if *n.v < 1024 || *n.v > 1<<31 {
			return c, connect.Invalid("parquet."+n.key, "must lie between 1024 and 2147483648")
		}
	}
	for _, f := range s {
		if err := checkType(f.Name, f.Type); err != nil {
			return c, err
		}
	}
	return c, nil
}

// checkType refuses columns that a file cannot hold.
func checkType(name string, t types.Type) error {
	switch t.Kind {
	case types.IntervalYM, types.IntervalDT, types.Raw, types.Variant, types.Bitmap, types.Null:
		return diag.New(diag.UnsupportedByFlink, "format 'parquet' cannot hold column `%s` of type %s", name, t)
	case types.Array, types.Multiset:
		return checkType(name, *t.Elem)
	case types.Map:
		if err := checkType(name, *t.Key); err != nil {
			return err
		}
		return checkType(name, *t.Elem)
	case types.Row:
		if len(t.Fields) == 0 {
			return diag.New(diag.UnsupportedByFlink, "format 'parquet' cannot hold column `%s`, a row without fields", name)
		}
		for _, f := range t.Fields {
			if err := checkType(name+"."+f.Name, f.Type); err != nil {
				return err
			}
		}
	}
	return nil
}

// guard turns a panic of the library, which damaged files can cause, into an error.
func guard(err *error) {
	if r := recover(); r != nil {
		*err = broken(r)
	}
}

// broken is the error of a panic of the library, or of one that it was made to panic with.
func broken(p any) error {
	switch p := p.(type) {
	case large:
		return p.err
	case tooMany:
		return p.err
	}
	return diag.New(diag.MalformedRecord, "not a valid Parquet file: %s", oneLine(fmt.Sprint(p)))
}

func damaged(err error) error {
	return diag.New(diag.MalformedRecord, "not a valid Parquet file: %s", oneLine(err.Error()))
}

func oneLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	s = strings.ReplaceAll(s, "panic: ", "")
	if len(s) > 200 {
		s = s[:200]
	}
	return s
}
