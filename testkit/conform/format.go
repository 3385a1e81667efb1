package conform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// FormatCase is a use of a format that must give back what it was given.
type FormatCase struct {
	Format  *connect.Format
	Schema  types.Schema
	Options connect.Options
	Table   *connect.Table // may be nil
	// Same changes a row as it was written to what is read; nil if they are equal.
	Same func(row string) string
}

// Decode runs a decoder over data that comes in pieces, as a reader of files does.
func Decode(d connect.Decoder, data []byte, piece, max int) (Rows, error) {
	d.Reset(1, false)
	var out Rows
	var b batch.Batch
	start, end := 0, 0
	for step := 0; ; step++ {
		if step > 10*len(data)+1000 {
			return out, errors.New("decoding does not end")
		}
		b.Reset()
		last := end == len(data)
		if start == end && last {
			return out, nil
		}
		// The decoder must not look behind what it is given.
		view := slices.Clone(data[start:end])
		used, err := d.Decode(&b, view, int64(start), last, max)
		if used < 0 || used > end-start {
			return out, fmt.Errorf("used %d of %d bytes", used, end-start)
		}
		if b.N > max {
			return out, fmt.Errorf("%d rows where %d were asked for", b.N, max)
		}
		out = append(out, TextOf(&b)...)
		if err != nil {
			return out, err
		}
		start += used
		if used == 0 && b.N == 0 {
			if last {
				return out, errors.New("bytes left over at the end")
			}
			end = min(end+piece, len(data))
		}
	}
}

// Format checks that a format gives back random rows, whatever the pieces the bytes
// come in and the size of batches, and that a projection gives the same values.
func Format(t *testing.T, c FormatCase) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		b := RandomBatch(rt, c.Schema, rapid.IntRange(0, 20).Draw(rt, "rows"))
		want := TextOf(b)
		if c.Same != nil {
			for i := range want {
				want[i] = c.Same(want[i])
			}
		}
		var read connect.Projection
		if rapid.Bool().Draw(rt, "project") {
			read = connect.Projection{}
			for i := range c.Schema {
				if rapid.Bool().Draw(rt, "read") {
					read = append(read, connect.FieldPath{i})
				}
			}
			want = project(b, read, c.Same)
		}
		piece, max := rapid.IntRange(1, 200).Draw(rt, "piece"), rapid.IntRange(2, 30).Draw(rt, "max")
		got, err := c.roundTrip(b, read, piece, max)
		if err != nil {
			rt.Fatal(err)
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("got\n%v\nwant\n%v", got, want)
		}
	})
}

func project(b *batch.Batch, read connect.Projection, same func(string) string) Rows {
	view := batch.Batch{N: b.N, Cols: make([]batch.Col, len(b.Cols))}
	for _, p := range read {
		view.Cols[p[0]] = b.Cols[p[0]]
	}
	rows := TextOf(&view)
	for i := range rows {
		if same != nil {
			rows[i] = same(rows[i])
		}
	}
	return rows
}

func (c FormatCase) roundTrip(b *batch.Batch, read connect.Projection, piece, max int) (Rows, error) {
	if c.Format.NewFile != nil {
		return c.fileRoundTrip(b, read, max)
	}
	enc, err := c.Format.Encoder(c.Schema, c.Options, c.Table)
	if err != nil {
		return nil, err
	}
	data, err := enc.Encode(slices.Clone(enc.Header()), b)
	if err != nil {
		return nil, err
	}
	dec, err := c.Format.Decoder(c.Schema, read, c.Options, c.Table)
	if err != nil {
		return nil, err
	}
	rows, err := Decode(dec, data, piece, max)
	if err != nil {
		return nil, fmt.Errorf("%w\nin %q", err, data)
	}
	return rows, nil
}

func (c FormatCase) fileRoundTrip(b *batch.Batch, read connect.Projection, max int) (Rows, error) {
	var buf bytes.Buffer
	w, err := c.Format.NewFile(&buf, c.Schema, c.Options, c.Table)
	if err != nil {
		return nil, err
	}
	if err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	r, err := c.Format.OpenFile(bytes.NewReader(buf.Bytes()), int64(buf.Len()), c.Schema, read, c.Options, c.Table)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out Rows
	var got batch.Batch
	for {
		if r.Row() != int64(len(out)) {
			return nil, fmt.Errorf("row %d after %d rows", r.Row(), len(out))
		}
		// Every other time the reader is sent to where it stands.
		if len(out)%2 == 1 {
			if err := r.SeekRow(int64(len(out))); err != nil {
				return nil, err
			}
		}
		got.Reset()
		err := r.Read(&got, max)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, TextOf(&got)...)
	}
}

// Malformed checks that a decoder refuses a record with the code malformed-record
// and no row of it, and that with its option to ignore errors it goes on behind it.
func Malformed(t *testing.T, c FormatCase, good string, bad ...string) {
	t.Helper()
	lenient := connect.Options{"ignore-parse-errors": "true"}
	for k, v := range c.Options {
		lenient[k] = v
	}
	for _, line := range bad {
		dec, err := c.Format.Decoder(c.Schema, nil, c.Options, c.Table)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := Decode(dec, []byte(good+"\n"+line+"\n"+good+"\n"), 1000, 100)
		if diag.CodeOf(err) != diag.MalformedRecord || len(rows) != 1 {
			t.Errorf("%q: %d rows, %v", line, len(rows), err)
		} else if msg := diag.As(err).Msg; !bytes.HasPrefix([]byte(msg), []byte("line 2 ")) {
			t.Errorf("%q: no place in %q", line, msg)
		}
		dec, err = c.Format.Decoder(c.Schema, nil, lenient, c.Table)
		if err != nil {
			t.Fatal(err)
		}
		reports := 0
		if l, ok := dec.(connect.Lenient); ok {
			l.OnBadRecord(func(error) { reports++ })
		}
		rows, err = Decode(dec, []byte(good+"\n"+line+"\n"+good+"\n"), 1000, 100)
		if err != nil || len(rows) < 2 || reports == 0 || rows[0] != rows[len(rows)-1] {
			t.Errorf("%q, ignoring errors: rows %v, %d reports, %v", line, rows, reports, err)
		}
	}
}
