package parquet_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	pq "github.com/apache/arrow/go/v17/parquet"
	pqfile "github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/minkstream/mink/connectors/format/parquet"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

func fields(ts ...types.Type) (s types.Schema) {
	for i, t := range ts {
		s = append(s, types.Field{Name: string(rune('a' + i)), Type: t})
	}
	return s
}

var inner = types.RowT(types.Field{Name: "x", Type: types.DoubleT}, types.Field{Name: "y", Type: types.ArrayT(types.StringT)})

var everything = fields(
	types.BooleanT, types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT, types.FloatT, types.DoubleT,
	types.DecimalT(10, 2), types.DecimalT(38, 10), types.StringT, types.CharT(4), types.BytesT, types.DateT,
	types.Type{Kind: types.Time, Prec: 3}, types.TimestampT(3), types.TimestampT(6), types.TimestampLTZT(9),
	types.ArrayT(types.IntT), inner, types.MapT(types.StringT, inner), types.MultisetT(types.StringT.Nullable(false)), types.ArrayT(inner),
)

func TestRoundTrip(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	conform.Format(t, conform.FormatCase{Format: &parquet.Format, Schema: everything})
	conform.Format(t, conform.FormatCase{Format: &parquet.Format, Schema: everything, Table: &connect.Table{Zone: berlin},
		Options: connect.Options{"utc-timezone": "true", "compression": "ZSTD", "enable.dictionary": "false", "page.size": "1024"}})
	conform.Format(t, conform.FormatCase{Format: &parquet.Format, Schema: fields(types.TimestampT(6), types.TimestampLTZT(3), types.BigIntT),
		Options: connect.Options{"write.int64.timestamp": "true", "compression": "GZIP"}})
}

// file writes the rows of some batches and opens them again.
func file(t *testing.T, s types.Schema, o connect.Options, tab *connect.Table, bs ...*batch.Batch) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := parquet.Format.NewFile(&buf, s, o, tab)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bs {
		if err := w.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func readAll(data []byte, s types.Schema, read connect.Projection, o connect.Options, tab *connect.Table, from int64) (conform.Rows, error) {
	r, err := parquet.Format.OpenFile(bytes.NewReader(data), int64(len(data)), s, read, o, tab)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := r.SeekRow(from); err != nil {
		return nil, err
	}
	var out conform.Rows
	var b batch.Batch
	for {
		b.Reset()
		if err := r.Read(&b, 100); err == io.EOF {
			return out, nil
		} else if err != nil {
			return out, err
		}
		out = append(out, conform.TextOf(&b)...)
	}
}

func TestSeeksOverRowGroups(t *testing.T) {
	s := fields(types.BigIntT, types.StringT)
	var bs []*batch.Batch
	for k := range 6 {
		b := batch.NewBatchBuilder(s.Types()...)
		for i := range 300 {
			b.Row(batch.Insert, k*300+i, "a string of some length")
		}
		bs = append(bs, b.Finish())
	}
	// Small blocks make a row group of nearly every batch.
	data := file(t, s, connect.Options{"block.size": "4096"}, nil, bs...)
	all, err := readAll(data, s, nil, nil, nil, 0)
	if err != nil || len(all) != 1800 || all[1799] != `+I 1799 "a string of some length"` {
		t.Fatalf("%d rows, %v", len(all), err)
	}
	for _, from := range []int64{1, 299, 300, 301, 899, 1500, 1799, 1800} {
		rest, err := readAll(data, s, nil, nil, nil, from)
		if err != nil || !slices.Equal(rest, all[from:]) {
			t.Errorf("from %d: %d rows, %v", from, len(rest), err)
		}
	}
	none, err := readAll(data, s, connect.Projection{}, nil, nil, 1795)
	if err != nil || len(none) != 5 || none[0] != "+I - -" {
		t.Errorf("no columns: %v, %v", none, err)
	}
}

func TestColumnsByName(t *testing.T) {
	b := batch.NewBatchBuilder(types.IntT, types.FloatT, types.StringT)
	b.Row(batch.Insert, 7, 1.5, "x")
	data := file(t, fields(types.IntT, types.FloatT, types.StringT), nil, nil, b.Finish())
	s := types.Schema{
		{Name: "c", Type: types.BytesT}, {Name: "new", Type: types.ArrayT(types.IntT)}, {Name: "b", Type: types.DoubleT}, {Name: "a", Type: types.BigIntT},
	}
	got, err := readAll(data, s, nil, nil, nil, 0)
	if err != nil || !slices.Equal(got, conform.Rows{`+I "x" NULL 1.5 7`}) {
		t.Errorf("got %v, %v", got, err)
	}
	_, err = readAll(data, fields(types.StringT), nil, nil, nil, 0)
	if diag.CodeOf(err) != diag.SchemaMismatch || diag.As(err).Msg != "column `a` is STRING, but the file has INT32 (Int(bitWidth=32, isSigned=true))" {
		t.Errorf("wrong type: %v", err)
	}
}

func TestZoneOfInt96(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := fields(types.TimestampT(3), types.TimestampLTZT(3))
	b := batch.NewBatchBuilder(s.Types()...)
	noon := int64(1593604800000) // 2020-07-01 12:00:00 as a wall clock
	b.Row(batch.Insert, noon, noon)
	data := file(t, s, nil, &connect.Table{Zone: berlin}, b.Finish())
	// Berlin is two hours ahead, so its noon is 10:00 in UTC.
	for _, c := range []struct {
		zone *time.Location
		want string
	}{{berlin, "+I 1593604800000 1593604800000"}, {time.UTC, "+I 1593597600000 1593604800000"}, {nil, "+I 1593597600000 1593604800000"}} {
		got, err := readAll(data, s, nil, nil, &connect.Table{Zone: c.zone}, 0)
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("read in %v: %v, %v; want %s", c.zone, got, err, c.want)
		}
	}
}

// TestReadsOthersTimes reads INT64 timestamps of all units, as other programs write
// them.
func TestReadsOthersTimes(t *testing.T) {
	for _, unit := range []arrow.TimeUnit{arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond} {
		sc := arrow.NewSchema([]arrow.Field{{Name: "a", Type: &arrow.TimestampType{Unit: unit}, Nullable: true}}, nil)
		rb := array.NewRecordBuilder(memory.DefaultAllocator, sc)
		per := map[arrow.TimeUnit]int64{arrow.Millisecond: 1000, arrow.Microsecond: 1e6, arrow.Nanosecond: 1e9}[unit]
		rb.Field(0).(*array.TimestampBuilder).Append(arrow.Timestamp(-1500 * per / 1000))
		rb.Field(0).AppendNull()
		var buf bytes.Buffer
		w, err := pqarrow.NewFileWriter(sc, &buf, nil, pqarrow.DefaultWriterProps())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rb.NewRecord()); err != nil {
			t.Fatal(err)
		}
		w.Close()
		for _, c := range []struct {
			ty   types.Type
			want string
		}{{types.TimestampT(3), "+I -1500"}, {types.TimestampT(6), "+I -1500000"}, {types.TimestampT(9), "+I -1500000000"}} {
			got, err := readAll(buf.Bytes(), fields(c.ty), nil, nil, nil, 0)
			if err != nil || !slices.Equal(got, conform.Rows{c.want, "+I NULL"}) {
				t.Errorf("%v as %s: %v, %v", unit, c.ty, got, err)
			}
		}
	}
}

func TestDamagedFilesAreErrors(t *testing.T) {
	s := everything
	b := batch.NewBatchBuilder(fields(types.BigIntT, types.StringT).Types()...)
	for i := range 100 {
		b.Row(batch.Insert, i, "text")
	}
	small := fields(types.BigIntT, types.StringT)
	data := file(t, small, connect.Options{"compression": "UNCOMPRESSED"}, nil, b.Finish())
	for n := range len(data) {
		if _, err := readAll(data[:n], small, nil, nil, nil, 0); err == nil {
			t.Errorf("the first %d of %d bytes are read as a file", n, len(data))
		} else if diag.As(err) == nil {
			t.Errorf("first %d bytes: %v has no code", n, err)
		}
	}
	// A flipped byte may go unseen in a value, but nothing may panic.
	for i := range data {
		bad := slices.Clone(data)
		bad[i] ^= 0x55
		if _, err := readAll(bad, small, nil, nil, nil, 0); err != nil && diag.As(err) == nil {
			t.Errorf("byte %d: %v has no code", i, err)
		}
	}
	if _, err := parquet.Format.OpenFile(bytes.NewReader(nil), 0, s, nil, nil, nil); diag.CodeOf(err) != diag.MalformedRecord {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := parquet.Format.OpenFile(bytes.NewReader(nil), 0, fields(types.DayTimeT()), nil, nil, nil); diag.CodeOf(err) != diag.UnsupportedByFlink {
		t.Errorf("an interval: %v", err)
	}
}

// TestBombs: files of a few kilobytes that would become gigabytes are refused, or read in
// small pieces, and take no more memory than the limits and a tenth of them.
func TestBombs(t *testing.T) {
	text := fields(types.StringT)
	rows := func(n int, value string) *batch.Batch {
		b := batch.NewBatchBuilder(text.Types()...)
		for range n {
			b.Row(batch.Insert, value)
		}
		return b.Finish()
	}
	read := func(data []byte, s types.Schema, touch func(*batch.Batch)) (n int, took uint64, err error) {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, err := parquet.Format.OpenFile(bytes.NewReader(data), int64(len(data)), s, nil, nil, nil)
		if err != nil {
			return 0, 0, err
		}
		defer r.Close()
		for err == nil {
			var b batch.Batch
			if err = r.Read(&b, batch.MaxRows); err == nil {
				touch(&b)
				n += b.N
			}
		}
		runtime.ReadMemStats(&after)
		if err == io.EOF {
			err = nil
		}
		return n, after.TotalAlloc - before.TotalAlloc, err
	}
	for _, codec := range []string{"SNAPPY", "GZIP", "ZSTD"} {
		// One value of 20 MB, packed more than a hundred times by all but Snappy.
		data := file(t, text, connect.Options{"compression": codec, "enable.dictionary": "false"}, nil, rows(1, strings.Repeat("a", 20<<20)))
		n, took, err := read(data, text, func(*batch.Batch) {})
		if codec == "SNAPPY" {
			if err != nil || n != 1 {
				t.Errorf("a long value: %d rows, %v", n, err)
			}
			continue
		}
		if diag.CodeOf(err) != diag.LimitExceeded || !strings.Contains(err.Error(), "to 20 MB") {
			t.Errorf("%s, %d bytes: %v", codec, len(data), err)
		}
		if took > 23<<20 { // the page, which is not written
			t.Errorf("%s, %d bytes: %d MB", codec, len(data), took>>20)
		}
	}
	// 300 rows of the same megabyte, which a dictionary has once.
	data := file(t, text, connect.Options{"compression": "ZSTD", "page.size": "1048576", "dictionary.page.size": "2097152"}, nil, rows(300, strings.Repeat("m", 1<<20)))
	if len(data) > 100_000 {
		t.Fatalf("%d bytes are no bomb", len(data))
	}
	most := 0
	n, _, err := read(data, text, func(b *batch.Batch) { most = max(most, b.N) })
	if err != nil || n != 300 || most > 128 {
		t.Errorf("%d rows, at most %d at a time, %v", n, most, err)
	}
	// Pages that say they are shorter than what is in them.
	for _, codec := range []string{"SNAPPY", "ZSTD"} {
		data := file(t, text, connect.Options{"compression": codec, "enable.dictionary": "false"}, nil, rows(1, strings.Repeat("a", 1<<20)))
		// The size stands twice as a varint: of the page in its header, and of the column in the footer.
		size := binary.AppendUvarint(nil, uint64(1<<20+4)<<1)
		at := bytes.Index(data, size)
		if at < 0 {
			size = binary.AppendUvarint(nil, uint64(1<<20+4+6)<<1) // with levels
			if at = bytes.Index(data, size); at < 0 {
				t.Fatal("where is the size")
			}
		}
		copy(data[at:], []byte{0x80 | 20, 0x80, 0x80, 0})
		if n, took, err := read(data, text, func(*batch.Batch) {}); diag.CodeOf(err) != diag.MalformedRecord || took > 1<<20 {
			t.Errorf("%s: %d rows, %d kB, %v", codec, n, took>>10, err)
		}
	}
}

// FuzzRead checks that no bytes make the reader panic, hang or take memory that is
// not bounded by the size of the file and of a batch.
func FuzzRead(f *testing.F) {
	small := fields(types.BigIntT, types.StringT, types.DecimalT(10, 2), types.TimestampT(3), types.ArrayT(types.IntT))
	b := batch.NewBatchBuilder(small.Types()...)
	for i := range 20 {
		b.Row(batch.Insert, i, "text", i*100, i*1000, []any{int64(i), nil})
	}
	rows := b.Finish()
	for _, o := range []connect.Options{{"compression": "UNCOMPRESSED"}, {"compression": "SNAPPY"}, {"compression": "ZSTD", "enable.dictionary": "false"}, {"write.int64.timestamp": "true"}} {
		var buf bytes.Buffer
		w, err := parquet.Format.NewFile(&buf, small, o, nil)
		if err != nil {
			f.Fatal(err)
		}
		if err := w.Write(rows); err != nil {
			f.Fatal(err)
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes(), uint16(0), byte(0))
		f.Add(buf.Bytes(), uint16(100), byte(0x55))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16, flip byte) {
		if len(data) > 1<<20 {
			return
		}
		if len(data) > 0 {
			data = slices.Clone(data)
			data[int(at)%len(data)] ^= flip
		}
		a, errA := readAll(data, small, nil, nil, nil, 0)
		b, errB := readAll(data, small, nil, nil, nil, 0)
		if (errA == nil) != (errB == nil) || !slices.Equal(a, b) {
			t.Fatalf("read twice: %v, %v", errA, errB)
		}
		if errA != nil && diag.As(errA) == nil {
			t.Fatalf("%v has no code", errA)
		}
	})
}

// BenchmarkFile reports the ratio of reading to a loop over the library's own
// column readers, which gives Go slices of values; strings are copied to where they can stay.
func BenchmarkFile(b *testing.B) {
	s := fields(types.BigIntT, types.BigIntT, types.BigIntT, types.StringT)
	bb := batch.NewBatchBuilder(s.Types()...)
	for i := range batch.MaxRows {
		bb.Row(batch.Insert, 1000+i, i*7919%100_000, i%977*100, "https://www.nexmark.com/item.htm?query="+string(rune('a'+i%26)))
	}
	in := bb.Finish()
	var buf bytes.Buffer
	const batches = 25
	write := func() int {
		buf.Reset()
		w, err := parquet.Format.NewFile(&buf, s, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		for range batches {
			if err := w.Write(in); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		return batches * in.N
	}
	b.Run("write", func(b *testing.B) { conform.Bench(b, 0, write) })
	write()
	ints, texts, defs := make([]int64, batch.MaxRows), make([]pq.ByteArray, batch.MaxRows), make([]int16, batch.MaxRows)
	var held []byte
	plain := conform.PlainLoop(func() int {
		r, err := pqfile.NewParquetReader(bytes.NewReader(buf.Bytes()))
		if err != nil {
			b.Fatal(err)
		}
		rows := 0
		for g := range r.NumRowGroups() {
			for c := range 4 {
				col, err := r.RowGroup(g).Column(c)
				if err != nil {
					b.Fatal(err)
				}
				for col.HasNext() {
					n := int64(0)
					switch col := col.(type) {
					case *pqfile.Int64ColumnChunkReader:
						n, _, err = col.ReadBatch(batch.MaxRows, ints, defs, nil)
					case *pqfile.ByteArrayColumnChunkReader:
						k := 0
						n, k, err = col.ReadBatch(batch.MaxRows, texts, defs, nil)
						held = held[:0] // the library takes its memory again
						for _, s := range texts[:k] {
							held = append(held, s...)
						}
					}
					if err != nil {
						b.Fatal(err)
					}
					if c == 0 {
						rows += int(n)
					}
				}
			}
		}
		return rows
	})
	b.Run("read", func(b *testing.B) {
		var dst batch.Batch
		conform.Bench(b, plain, func() int {
			rows := 0
			r, err := parquet.Format.OpenFile(bytes.NewReader(buf.Bytes()), int64(buf.Len()), s, nil, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			for {
				dst.Reset()
				if err := r.Read(&dst, batch.MaxRows); err != nil {
					return rows
				}
				rows += dst.N
			}
		})
	})
}
