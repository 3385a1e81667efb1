package avro_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	other "github.com/twmb/avro"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	"pgregory.net/rapid"

	"github.com/minkstream/mink/connectors/format/avro"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

var modern = connect.Options{"timestamp_mapping.legacy": "false"}

var inner = types.RowT(types.Field{Name: "x", Type: types.DoubleT.Nullable(false)}, types.Field{Name: "y", Type: types.ArrayT(types.StringT)})

var everything = types.Schema{
	{Name: "b", Type: types.BooleanT}, {Name: "i8", Type: types.TinyIntT}, {Name: "i16", Type: types.SmallIntT.Nullable(false)}, {Name: "i", Type: types.IntT},
	{Name: "l", Type: types.BigIntT}, {Name: "f", Type: types.FloatT}, {Name: "d", Type: types.DoubleT}, {Name: "s", Type: types.StringT},
	{Name: "y", Type: types.BytesT}, {Name: "day", Type: types.DateT}, {Name: "t", Type: types.Type{Kind: types.Time, Prec: 3}},
	{Name: "ts", Type: types.TimestampT(3)}, {Name: "us", Type: types.TimestampT(6)}, {Name: "at", Type: types.TimestampLTZT(3)},
	{Name: "small", Type: types.DecimalT(10, 2)}, {Name: "large", Type: types.DecimalT(38, 10)}, {Name: "row", Type: inner},
	{Name: "list", Type: types.ArrayT(types.IntT)}, {Name: "map", Type: types.MapT(types.StringT.Nullable(false), inner)},
	{Name: "bag", Type: types.MultisetT(types.StringT.Nullable(false))},
}

func encode(t testing.TB, f *connect.Format, s types.Schema, o connect.Options, b *batch.Batch) connect.Encoded {
	t.Helper()
	e, err := f.Encoder(s, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out connect.Encoded
	if err := connect.EncodeMessages(e, &out, b); err != nil {
		t.Fatal(err)
	}
	return out
}

func decode(t testing.TB, f *connect.Format, s types.Schema, read connect.Projection, o connect.Options, list ...[]byte) (conform.Rows, error) {
	t.Helper()
	d, err := f.Decoder(s, read, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	var m connect.Messages
	var data []byte
	for i, v := range list {
		data = append(data, v...)
		m.Add(len(data), i)
	}
	m.Data = data
	var got batch.Batch
	err = connect.DecodeMessages(d, &got, &m, 1000)
	return conform.TextOf(&got), err
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := conform.RandomBatch(rt, everything, rapid.IntRange(1, 10).Draw(rt, "rows"))
		e, err := avro.Format.Encoder(everything, modern, nil)
		if err != nil {
			rt.Fatal(err)
		}
		var out connect.Encoded
		if err := connect.EncodeMessages(e, &out, b); err != nil {
			rt.Fatal(err)
		}
		var list [][]byte
		for i := range out.Len() {
			list = append(list, out.Message(i))
		}
		got, err := decode(t, &avro.Format, everything, nil, modern, list...)
		if want := conform.TextOf(b); err != nil || !slices.Equal(got, want) {
			rt.Fatalf("got\n%v, %v\nwant\n%v", got, err, want)
		}
		// Columns that are not read are passed over.
		read := connect.Projection{{4}, {16, 1}, {19}}
		part, err := decode(t, &avro.Format, everything, read, modern, list...)
		if err != nil || len(part) != len(got) {
			rt.Fatalf("projected: %v, %v", part, err)
		}
	})
}

// flinkSchema is what Flink makes of `id BIGINT NOT NULL, name STRING, at TIMESTAMP(3),
// price DECIMAL(10, 2), tags MAP<STRING NOT NULL, INT>, pos ROW<x DOUBLE>, list ARRAY<STRING>`.
const flinkSchema = `{"type":"record","name":"record","namespace":"org.apache.flink.avro.generated","fields":[` +
	`{"name":"id","type":"long"},` +
	`{"name":"name","type":["null","string"],"default":null},` +
	`{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},` +
	`{"name":"price","type":["null",{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}],"default":null},` +
	`{"name":"tags","type":["null",{"type":"map","values":["null","int"]}],"default":null},` +
	`{"name":"pos","type":["null",{"type":"record","name":"record_pos","fields":[{"name":"x","type":["null","double"],"default":null}]}],"default":null},` +
	`{"name":"list","type":["null",{"type":"array","items":["null","string"]}],"default":null}]}`

var flinkTable = types.Schema{
	{Name: "id", Type: types.BigIntT.Nullable(false)}, {Name: "name", Type: types.StringT}, {Name: "at", Type: types.TimestampT(3)}, {Name: "price", Type: types.DecimalT(10, 2)},
	{Name: "tags", Type: types.MapT(types.StringT.Nullable(false), types.IntT)}, {Name: "pos", Type: types.RowT(types.Field{Name: "x", Type: types.DoubleT})},
	{Name: "list", Type: types.ArrayT(types.StringT)},
}

// Another implementation of Avro reads with Flink's schema what is written, and writes what
// is read.
func TestAgreesWithAvro(t *testing.T) {
	schema := other.MustParse(flinkSchema)
	b := batch.NewBatchBuilder(flinkTable.Types()...)
	b.Row(batch.Insert, 7, "a name longer than twelve", 1_600_000_000_123, batch.DecOf(-12345), []any{"k", 1, "n", nil}, []any{1.5}, []any{"u", nil})
	b.Row(batch.Insert, -1, nil, nil, nil, nil, nil, nil)
	rows := b.Finish()
	out := encode(t, &avro.Format, flinkTable, nil, rows)
	for i := range out.Len() {
		var v any
		rest, err := schema.Decode(out.Message(i), &v)
		if err != nil || len(rest) > 0 {
			t.Fatalf("row %d: %v, %d bytes left", i, err, len(rest))
		}
		m := v.(map[string]any)
		if got := strings.TrimSpace(fmt.Sprintln(m["id"], m["name"], m["tags"], m["list"], m["pos"])); i == 0 && got != "7 a name longer than twelve map[k:1 n:<nil>] [u <nil>] map[x:1.5]" || i == 1 && got != "-1 <nil> <nil> <nil> <nil>" {
			t.Errorf("row %d: %s", i, got)
		}
		again, err := schema.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(t, &avro.Format, flinkTable, nil, nil, again)
		if len(got) == 1 { // the other one writes the entries of a map in any order
			got[0] = strings.Replace(got[0], `["n" NULL "k" 1]`, `["k" 1 "n" NULL]`, 1)
		}
		if want := conform.TextOf(rows)[i]; err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("row %d read back: %v, %v, want %s", i, got, err, want)
		}
	}
}

func TestMalformed(t *testing.T) {
	two := types.Schema{{Name: "a", Type: types.BigIntT.Nullable(false)}, {Name: "b", Type: types.StringT}}
	good := []byte{2, 2, 2, 'x'}
	for _, bad := range [][]byte{{}, {2}, {2, 4}, {2, 2, 4, 'x'}, {2, 2, 1}, {2, 2, 2, 'x', 0}, {0x80, 0x80}, {2, 2, 2, 0xFF}} {
		rows, err := decode(t, &avro.Format, two, nil, nil, good, bad, good)
		if diag.CodeOf(err) != diag.MalformedRecord || len(rows) != 1 {
			t.Errorf("% x: %v, %v", bad, rows, err)
		}
	}
	for _, s := range []types.Schema{{{Name: "a", Type: types.TimestampT(6)}}, {{Name: "a", Type: types.TimestampLTZT(3)}}, {{Name: "a", Type: types.MapT(types.IntT, types.IntT)}}} {
		if _, err := avro.Format.Decoder(s, nil, nil, nil); diag.CodeOf(err) != diag.UnsupportedByFlink {
			t.Errorf("%s: %v", s[0].Type, err)
		}
	}
	e, err := avro.Format.Encoder(two, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBatchBuilder(two.Types()...)
	b.Row(batch.Insert, nil, "x")
	if _, err := e.Encode(nil, b.Finish()); diag.CodeOf(err) != diag.NotNullViolation {
		t.Errorf("a NULL where none can be: %v", err)
	}
}

// A registry has the schemas; columns are found by name, whatever else a writer has.
func TestConfluent(t *testing.T) {
	reg := srfake.New()
	defer reg.Close()
	o := connect.Options{"url": reg.URL(), "subject": "t-value"}
	b := batch.NewBatchBuilder(flinkTable.Types()...)
	b.Row(batch.Insert, 7, "a", 1_600_000_000_123, batch.DecOf(-12345), []any{"k", 1}, nil, nil)
	rows := b.Finish()
	out := encode(t, &avro.Confluent, flinkTable, o, rows)
	msg := out.Message(0)
	cl, err := sr.NewClient(sr.URLs(reg.URL()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := cl.SchemaByVersion(t.Context(), "t-value", -1)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if json.Unmarshal([]byte(s.Schema.Schema), &got) != nil || json.Unmarshal([]byte(flinkSchema), &want) != nil {
		t.Fatal("the schema is no JSON")
	}
	g, _ := json.Marshal(dropNamespaces(got))
	w, _ := json.Marshal(dropNamespaces(want))
	if string(g) != string(w) {
		t.Errorf("registered\n%s\nwant\n%s", g, w)
	}
	if msg[0] != 0 || int(msg[4]) != s.ID {
		t.Errorf("message begins % x, schema %d", msg[:5], s.ID)
	}
	again, err := decode(t, &avro.Confluent, flinkTable, nil, o, msg)
	if err != nil || !slices.Equal(again, conform.TextOf(rows)) {
		t.Errorf("read back %v, %v", again, err)
	}
	// Another writer: other order, other types, fields of its own, a record in itself.
	const text = `{"type":"record","name":"R","fields":[{"name":"next","type":["null","R"]},{"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B"]}},` +
		`{"name":"n","type":"int"},{"name":"u","type":["string","null"]},{"name":"f","type":{"type":"fixed","name":"F","size":3}},{"name":"us","type":{"type":"long","logicalType":"timestamp-micros"}}]}`
	s2, err := cl.CreateSchema(t.Context(), "other", sr.Schema{Schema: text})
	if err != nil {
		t.Fatal(err)
	}
	record := map[string]any{"next": map[string]any{"next": nil, "kind": "A", "n": 1, "u": nil, "f": []byte("abc"), "us": int64(5)}, "kind": "B", "n": 42, "u": "text", "f": []byte("xyz"), "us": int64(1_600_000_000_123_456)}
	body, err := other.MustParse(text).Encode(record)
	if err != nil {
		t.Fatal(err)
	}
	reader := types.Schema{{Name: "us", Type: types.TimestampT(3)}, {Name: "n", Type: types.BigIntT}, {Name: "u", Type: types.StringT}, {Name: "kind", Type: types.StringT}, {Name: "gone", Type: types.IntT}}
	got2, err := decode(t, &avro.Confluent, reader, nil, o, append([]byte{0, 0, 0, 0, byte(s2.ID)}, body...))
	if want := `+I 1600000000123 42 "text" "B" NULL`; err != nil || len(got2) != 1 || got2[0] != want {
		t.Errorf("another writer: %v, %v, want %s", got2, err, want)
	}
	// Records in records, 64 deep below the outermost one, and deeper.
	for _, deep := range []int{64, 65, 1000} {
		m := append([]byte{0, 0, 0, 0, byte(s2.ID)}, bytes.Repeat([]byte{2}, deep)...)
		m = append(m, 0)
		for range deep + 1 {
			m = append(m, 0, 2, 2, 'a', 'b', 'c', 0) // kind, n, u is NULL, f, us
		}
		if rows, err := decode(t, &avro.Confluent, reader, nil, o, m); (err == nil) != (deep == 64) || err != nil && diag.CodeOf(err) != diag.MalformedRecord {
			t.Errorf("%d records: %v, %v", deep, rows, err)
		}
	}
	for name, c := range map[string]struct {
		s    types.Schema
		m    []byte
		code diag.Code
	}{
		"no number":      {reader, []byte{1, 2}, diag.MalformedRecord},
		"unknown number": {reader, []byte{0, 0, 0, 0, 99, 1}, diag.NotFound},
		"another type":   {types.Schema{{Name: "u", Type: types.IntT}}, append([]byte{0, 0, 0, 0, byte(s2.ID)}, body...), diag.SchemaMismatch},
		"NOT NULL":       {types.Schema{{Name: "gone", Type: types.IntT.Nullable(false)}}, append([]byte{0, 0, 0, 0, byte(s2.ID)}, body...), diag.SchemaMismatch},
	} {
		if _, err := decode(t, &avro.Confluent, c.s, nil, o, c.m); diag.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := avro.Confluent.Encoder(reader, connect.Options{"url": reg.URL()}, nil); diag.CodeOf(err) != diag.MissingOption {
		t.Errorf("no subject: %v", err)
	}
	if _, err := avro.Confluent.Decoder(reader, nil, nil, nil); diag.CodeOf(err) != diag.MissingOption {
		t.Errorf("no url: %v", err)
	}
}

// dropNamespaces takes the namespaces of nested records out: Flink leaves them to the
// enclosing one.
func dropNamespaces(v any) any {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "namespace")
		for k := range v {
			v[k] = dropNamespaces(v[k])
		}
	case []any:
		for i := range v {
			v[i] = dropNamespaces(v[i])
		}
	}
	return v
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{2, 2, 2, 'x'})
	s := slices.Clone(everything)
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := decode(t, &avro.Format, s, nil, modern, data)
		if err != nil && (diag.CodeOf(err) != diag.MalformedRecord || len(rows) > 0 || strings.Contains(err.Error(), "panic")) {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	rows := batch.NewBatchBuilder(flinkTable.Types()...)
	for i := range 1000 {
		rows.Row(batch.Insert, i, "a name longer than twelve", 1_600_000_000_123+i, batch.DecOf(int64(i)), nil, []any{1.5}, nil)
	}
	out := encode(b, &avro.Format, flinkTable, nil, rows.Finish())
	var m connect.Messages
	var data []byte
	for i := range out.Len() {
		data = append(data, out.Message(i)...)
		m.Add(len(data), i)
	}
	d, err := avro.Format.Decoder(flinkTable, nil, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	var dst batch.Batch
	for b.Loop() {
		var again connect.Messages
		for i := range m.Len() {
			_, to := m.Message(i)
			again.Add(to, i)
		}
		again.Data = data
		dst.Reset()
		if err := connect.DecodeMessages(d, &dst, &again, 1000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
}
