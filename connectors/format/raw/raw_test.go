package raw_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/minkstream/mink/connectors/format/raw"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// The bytes are those of Java: ByteBuffer for numbers, String.getBytes for text.
func TestBytes(t *testing.T) {
	for _, c := range []struct {
		typ   types.Type
		value any
		o     connect.Options
		want  []byte
		text  string
	}{
		{types.BooleanT, true, nil, []byte{1}, "+I true"},
		{types.TinyIntT, -2, nil, []byte{0xFE}, "+I -2"},
		{types.SmallIntT, 258, nil, []byte{1, 2}, "+I 258"},
		{types.SmallIntT, 258, connect.Options{"endianness": "little-endian"}, []byte{2, 1}, "+I 258"},
		{types.IntT, -2, nil, []byte{0xFF, 0xFF, 0xFF, 0xFE}, "+I -2"},
		{types.BigIntT, 1, nil, []byte{0, 0, 0, 0, 0, 0, 0, 1}, "+I 1"},
		{types.BigIntT, 1, connect.Options{"endianness": "little-endian"}, []byte{1, 0, 0, 0, 0, 0, 0, 0}, "+I 1"},
		{types.FloatT, 1.5, nil, []byte{0x3F, 0xC0, 0, 0}, "+I 1.5"},
		{types.DoubleT, -2.0, nil, []byte{0xC0, 0, 0, 0, 0, 0, 0, 0}, "+I -2"},
		{types.StringT, "né", nil, []byte("né"), `+I "né"`},
		{types.StringT, "né", connect.Options{"charset": "ISO-8859-1"}, []byte{'n', 0xE9}, `+I "né"`},
		{types.StringT, "n😀", connect.Options{"charset": "UTF-16"}, []byte{0xFE, 0xFF, 0, 'n', 0xD8, 0x3D, 0xDE, 0}, `+I "n😀"`},
		{types.StringT, "né", connect.Options{"charset": "utf-16le"}, []byte{'n', 0, 0xE9, 0}, `+I "né"`},
		{types.BytesT, "\xff\x00 and more than twelve", nil, []byte("\xff\x00 and more than twelve"), "+I \"\\xff\\x00 and more than twelve\""},
	} {
		s := types.Schema{{Name: "v", Type: c.typ}}
		enc, err := raw.Format.Encoder(s, c.o, nil)
		if err != nil {
			t.Fatal(err)
		}
		b := batch.NewBatchBuilder(c.typ)
		b.Row(batch.Insert, c.value)
		b.Row(batch.Insert, nil)
		var out connect.Encoded
		if err := connect.EncodeMessages(enc, &out, b.Finish()); err != nil || !bytes.Equal(out.Message(0), c.want) || out.Message(1) != nil {
			t.Errorf("%s %v: % x and % x, %v; want % x and nil", c.typ, c.value, out.Message(0), out.Message(1), err, c.want)
		}
		dec, err := raw.Format.Decoder(s, nil, c.o, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got batch.Batch
		if err := dec.Message(&got, c.want); err != nil || !slices.Equal(conform.TextOf(&got), conform.Rows{c.text}) {
			t.Errorf("%s from % x: %v, %v; want %s", c.typ, c.want, conform.TextOf(&got), err, c.text)
		}
	}
}

func TestRefuses(t *testing.T) {
	if _, err := raw.Format.Decoder(types.Schema{{Name: "a", Type: types.IntT}, {Name: "b", Type: types.IntT}}, nil, nil, nil); diag.CodeOf(err) != diag.SchemaMismatch {
		t.Errorf("two columns: %v", err)
	}
	if _, err := raw.Format.Encoder(types.Schema{{Name: "a", Type: types.DateT}}, nil, nil); diag.CodeOf(err) != diag.UnsupportedByFlink {
		t.Errorf("a date: %v", err)
	}
	one := types.Schema{{Name: "a", Type: types.IntT}}
	if _, err := raw.Format.Encoder(one, connect.Options{"charset": "EBCDIC"}, nil); diag.CodeOf(err) != diag.InvalidOption {
		t.Errorf("a charset: %v", err)
	}
	d, err := raw.Format.Decoder(one, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	if err := d.Message(&b, []byte{1, 2, 3}); diag.CodeOf(err) != diag.MalformedRecord || b.N != 0 {
		t.Errorf("three bytes: %v, %d rows", err, b.N)
	}
}

// In a file a value is a line.
func TestLines(t *testing.T) {
	d, err := raw.Format.Decoder(types.Schema{{Name: "v", Type: types.StringT}}, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []int{1, 3, 100} {
		got, err := conform.Decode(d, []byte("one\n\n{\"a\": 1}\nlast"), piece, 2)
		if want := (conform.Rows{`+I "one"`, `+I ""`, `+I "{\"a\": 1}"`, `+I "last"`}); err != nil || !slices.Equal(got, want) {
			t.Errorf("pieces of %d: %v, %v", piece, got, err)
		}
	}
}
