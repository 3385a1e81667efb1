package debeziumjson_test

import (
	"slices"
	"testing"

	"github.com/minkstream/mink/connectors/format/debeziumjson"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// products is the table of Debezium's tutorial, as in the documentation.
var products = types.Schema{
	{Name: "id", Type: types.BigIntT}, {Name: "name", Type: types.StringT}, {Name: "weight", Type: types.DecimalT(10, 2)},
}

const (
	create = `{"before":null,"after":{"id":101,"name":"scooter","weight":3.14},"source":{},"op":"c","ts_ms":1589355606100,"transaction":null}`
	update = `{"before":{"id":111,"name":"scooter","weight":5.18},"after":{"id":111,"name":"scooter","weight":5.15},"source":{"db":"inventory","schema":"s","table":"products","ts_ms":1589362330000,"snapshot":null},"op":"u","ts_ms":1589362330904,"transaction":null}`
	remove = `{"op":"d","before":{"id":111,"name":"scooter","weight":5.15},"after":null}`
	read   = `{"before":null,"after":{"id":1,"name":null},"op":"r"}`
)

func decode(t *testing.T, d connect.Decoder, text string) (conform.Rows, error) {
	t.Helper()
	return conform.Decode(d, []byte(text), 50, 3)
}

func TestReads(t *testing.T) {
	want := conform.Rows{
		`+I 101 "scooter" 314`, `-U 111 "scooter" 518`, `+U 111 "scooter" 515`, `-D 111 "scooter" 515`, `+I 1 NULL NULL`,
	}
	d, err := debeziumjson.Format.Decoder(products, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(t, d, create+"\n"+update+"\n"+remove+"\n"+read+"\n")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	d, err = debeziumjson.Format.Decoder(products, nil, connect.Options{"schema-include": "true"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err = decode(t, d, `{"schema":{"type":"struct"},"payload":`+update+"}\n"+`{"payload":`+remove+`,"schema":null}`)
	if err != nil || !slices.Equal(got, want[1:4]) {
		t.Errorf("with schema: got %v, %v", got, err)
	}
	var b batch.Batch
	for _, m := range []string{"", "null", `{"payload":` + create + `}`} {
		if err := d.Message(&b, []byte(m)); err != nil {
			t.Errorf("message %q: %v", m, err)
		}
	}
	if b.N != 1 {
		t.Errorf("messages gave %d rows", b.N)
	}
}

func TestMetadata(t *testing.T) {
	d, err := debeziumjson.Format.WithMetadata(products[:1], []string{"schema", "ingestion-timestamp", "source.timestamp", "source.database", "source.schema", "source.table", "source.properties"}, nil,
		connect.Options{"schema-include": "true"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(t, d, `{"schema":{"x":1},"payload":`+update+"}\n"+`{"schema":null,"payload":`+remove+"}\n")
	meta := ` 1589362330904 1589362330000 "inventory" "s" "products" ["db" "inventory" "schema" "s" "table" "products" "ts_ms" "1589362330000" "snapshot" NULL]`
	want := conform.Rows{`-U 111 "{\"x\":1}"` + meta, `+U 111 "{\"x\":1}"` + meta, "-D 111 NULL NULL NULL NULL NULL NULL NULL"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got\n%v, %v\nwant\n%v", got, err, want)
	}
}

func TestMalformed(t *testing.T) {
	conform.Malformed(t, conform.FormatCase{Format: &debeziumjson.Format, Schema: products}, create,
		`{"before":null,"after":{"id":1},"op":"u"}`, `{"before":{"id":1},"after":null,"op":"u"}`, `{"after":null,"op":"c"}`, `{"before":null,"op":"d"}`,
		`{"after":{"id":1}}`, `{"after":{"id":1},"op":"x"}`, `{"schema":{},"payload":`+create+`}`, `{"after":{"id":"x"},"op":"c"}`, `{"after":[],"op":"c"}`, `[]`, `{`)
}

func TestWrites(t *testing.T) {
	b := batch.NewBatchBuilder(products.Types()...)
	b.Row(batch.Insert, 1, "a", batch.DecOf(150))
	b.Row(batch.UpdateBefore, 1, "a", batch.DecOf(150))
	b.Row(batch.UpdateAfter, 1, "b", nil)
	b.Row(batch.Delete, 1, "b", nil)
	e, err := debeziumjson.Format.Encoder(products, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Encode(nil, b.Finish())
	want := `{"before":null,"after":{"id":1,"name":"a","weight":1.5},"op":"c"}
{"before":{"id":1,"name":"a","weight":1.5},"after":null,"op":"d"}
{"before":null,"after":{"id":1,"name":"b","weight":null},"op":"c"}
{"before":{"id":1,"name":"b","weight":null},"after":null,"op":"d"}
`
	if err != nil || string(got) != want {
		t.Errorf("got\n%s%v", got, err)
	}
	if _, err := debeziumjson.Format.Encoder(products, connect.Options{"schema-include": "true"}, nil); diag.CodeOf(err) != diag.InvalidOption {
		t.Errorf("a sink with schema: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{create, update, remove, `{"payload":` + update + `}`} {
		f.Add([]byte(s), uint8(9))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		d, err := debeziumjson.Format.WithMetadata(products, []string{"source.properties", "source.table"}, nil, connect.Options{"ignore-parse-errors": "true"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := conform.Decode(d, data, len(data)+1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		b, err := conform.Decode(d, data, int(piece)+1, 3)
		if err != nil || !slices.Equal(a, b) {
			t.Fatalf("whole %v\npieces %v, %v", a, b, err)
		}
	})
}
