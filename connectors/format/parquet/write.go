package parquet

import (
	"io"
	"math"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// writer writes a file.
type writer struct {
	c      config
	schema types.Schema
	arrow  *arrow.Schema
	out    *counter
	fw     *pqarrow.FileWriter
	dense  batch.Batch
	group  int64 // estimated bytes in the row group
	rows   int64 // in the row group
}

// counter counts what is written.
type counter struct {
	w   io.Writer
	n   int64
	err error // the first that w gave, which the library may forget
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// rowsMax bounds a row group.
const rowsMax = 1 << 20

func newFile(w io.Writer, s types.Schema, c config) (f *writer, err error) {
	defer guard(&err)
	fields := make([]arrow.Field, len(s))
	for i, fd := range s {
		fields[i] = arrow.Field{Name: fd.Name, Type: c.arrowType(fd.Type), Nullable: true}
	}
	f = &writer{c: c, schema: s, arrow: arrow.NewSchema(fields, nil), out: &counter{w: w}}
	props := parquet.NewWriterProperties(
		parquet.WithCompression(c.compression), parquet.WithDictionaryDefault(c.dict),
		parquet.WithDataPageSize(c.page), parquet.WithDictionaryPageSizeLimit(c.dictPage), parquet.WithMaxRowGroupLength(rowsMax),
		parquet.WithCreatedBy("mink"))
	f.fw, err = pqarrow.NewFileWriter(f.arrow, f.out, props,
		pqarrow.NewArrowWriterProperties(pqarrow.WithDeprecatedInt96Timestamps(!c.int64Time)))
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot begin a Parquet file")
	}
	return f, nil
}

// Write adds the rows of b to the row group.
func (f *writer) Write(b *batch.Batch) (err error) {
	defer guard(&err)
	n := b.Rows()
	if n == 0 {
		return nil
	}
	f.dense.Gather(b, nil)
	f.dense.Flatten()
	cols := make([]arrow.Array, len(f.schema))
	for i, fd := range f.schema {
		data, err := f.c.toArrow(&f.dense.Cols[i], fd.Type, n)
		if err != nil {
			return err
		}
		cols[i] = array.MakeFromData(data)
		f.group += int64(data.SizeInBytes())
	}
	rec := array.NewRecord(f.arrow, cols, int64(n))
	if err := f.fw.WriteBuffered(rec); err != nil {
		return err
	}
	if f.rows += int64(n); f.group >= f.c.block || f.rows >= rowsMax-batch.CapRows {
		f.fw.NewBufferedRowGroup()
		f.group, f.rows = 0, 0
	}
	return f.out.err
}

// Size is what was written and, uncompressed, what is waiting.
func (f *writer) Size() int64 { return f.out.n + f.group }

// Close writes the footer. The library closes what it writes to if it can; counter
// cannot be closed, so the file stays open.
func (f *writer) Close() (err error) {
	defer guard(&err)
	err = f.fw.Close()
	if f.out.err != nil {
		return f.out.err
	}
	return err
}

// arrowType is the type of a column in the file.
func (c *config) arrowType(t types.Type) arrow.DataType {
	switch t.Kind {
	case types.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case types.TinyInt:
		return arrow.PrimitiveTypes.Int8
	case types.SmallInt:
		return arrow.PrimitiveTypes.Int16
	case types.Int:
		return arrow.PrimitiveTypes.Int32
	case types.BigInt:
		return arrow.PrimitiveTypes.Int64
	case types.Float:
		return arrow.PrimitiveTypes.Float32
	case types.Double:
		return arrow.PrimitiveTypes.Float64
	case types.Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Prec), Scale: int32(t.Scale)}
	case types.Binary, types.VarBinary:
		return arrow.BinaryTypes.Binary
	case types.Date:
		return arrow.FixedWidthTypes.Date32
	case types.Time:
		return arrow.FixedWidthTypes.Time32ms
	case types.Timestamp:
		return &arrow.TimestampType{Unit: c.timeUnit()}
	case types.TimestampLTZ:
		return &arrow.TimestampType{Unit: c.timeUnit(), TimeZone: "UTC"}
	case types.Array:
		return arrow.ListOf(c.arrowType(*t.Elem))
	case types.Map, types.Multiset:
		return arrow.MapOf(c.arrowType(batch.KidType(t, 0)), c.arrowType(batch.KidType(t, 1)))
	case types.Row:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = arrow.Field{Name: f.Name, Type: c.arrowType(f.Type), Nullable: true}
		}
		return arrow.StructOf(fields...)
	default:
		return arrow.BinaryTypes.String
	}
}

// timeUnit is the unit timestamps are given to the library in. INT96 holds
// nanoseconds.
func (c *config) timeUnit() arrow.TimeUnit {
	switch {
	case !c.int64Time || c.unit == "nanos":
		return arrow.Nanosecond
	case c.unit == "millis":
		return arrow.Millisecond
	}
	return arrow.Microsecond
}

// ticksOf converts timestamps to the file's unit and, for INT96, from the wall
// clock of the zone to an instant.
func (c *config) ticksOf(col *batch.Col, n int) ([]int64, error) {
	have, want := col.Type.PerSecond(), unitsPerSecond(c.timeUnit())
	shift := c.zone != nil && !c.int64Time && col.Type.Kind == types.Timestamp
	out := make([]int64, n)
	for i, v := range col.I64[:n] {
		if col.IsNull(i) {
			continue
		}
		if shift {
			v = toInstant(v, have, c.zone)
		}
		switch {
		case have < want:
			m := want / have
			if v > math.MaxInt64/m || v < math.MinInt64/m {
				return nil, diag.New(diag.NumericOverflow, "a time outside of the years 1677 to 2262 cannot be written to Parquet in nanoseconds").
					WithHint("set 'parquet.write.int64.timestamp' = 'true'")
			}
			v *= m
		case have > want:
			d := have / want
			r := v % d
			if r < 0 {
				r += d
			}
			v = (v - r) / d
		}
		out[i] = v
	}
	return out, nil
}

// toInstant is the instant at which the clocks of a zone show v.
func toInstant(v, perSecond int64, zone *time.Location) int64 {
	sec := v / perSecond
	if v%perSecond < 0 {
		sec--
	}
	wall := time.Unix(sec, 0).UTC()
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone).Unix()
	return v + (at-sec)*perSecond
}

// unitsPerSecond of a timestamp array.
func unitsPerSecond(u arrow.TimeUnit) int64 {
	return [...]int64{arrow.Second: 1, arrow.Millisecond: 1000, arrow.Microsecond: 1_000_000, arrow.Nanosecond: 1_000_000_000}[u]
}
