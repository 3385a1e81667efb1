package changejson_test

import (
	"slices"
	"testing"

	"github.com/minkstream/mink/connectors/format/changejson"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// products is the table of Flink's documentation of these formats.
var products = types.Schema{
	{Name: "id", Type: types.BigIntT}, {Name: "name", Type: types.StringT}, {Name: "weight", Type: types.DecimalT(10, 2)},
}

// The update is the message of Flink's documentation, the others follow it.
const (
	canalUpdate = `{"data":[{"id":"111","name":"scooter","description":"Big 2-wheel scooter","weight":"5.18"}],"database":"inventory","es":1589373560000,"id":9,"isDdl":false,` +
		`"mysqlType":{"id":"INTEGER"},"old":[{"weight":"5.15"}],"pkNames":["id"],"sql":"","sqlType":{"id":4,"name":12},"table":"products","ts":1589373560798,"type":"UPDATE"}`
	canalTwo    = `{"type":"INSERT","data":[{"id":"1","name":"a"},{"id":"2","name":"b \"quoted\" and longer","weight":"1"}],"old":null,"database":"other","table":"t"}`
	canalDelete = `{"data":[{"id":"111","name":null,"weight":"5.18"}],"old":null,"type":"DELETE","database":"inventory","table":"products"}`
	canalNulls  = `{"data":[{"id":"3","name":"x","weight":"2"}, {}], "old":[{"name":null, "id": "4"},{"id":"5"}],"type":"UPDATE","database":"inventory","table":"none"}`
	canalCreate = `{"data":null,"type":"CREATE","isDdl":true,"sql":"CREATE TABLE x"}`
)

func decoder(t *testing.T, f *connect.Format, meta []string, o connect.Options) connect.Decoder {
	t.Helper()
	d, err := f.WithMetadata(products, meta, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func check(t *testing.T, f *connect.Format, meta []string, o connect.Options, text string, want ...string) {
	t.Helper()
	for _, max := range []int{2, 3, 100} {
		got, err := conform.Decode(decoder(t, f, meta, o), []byte(text), 70, max)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s, batches of %d: got\n%q, %v\nwant\n%q", f.Name, max, got, err, want)
		}
	}
}

func TestCanal(t *testing.T) {
	all := canalUpdate + "\n" + canalTwo + "\n" + canalCreate + "\n" + canalDelete + "\n" + canalNulls + "\nnull\n"
	check(t, &changejson.Canal, nil, nil, all,
		`-U 111 "scooter" 515`, `+U 111 "scooter" 518`, `+I 1 "a" NULL`, `+I 2 "b \"quoted\" and longer" 100`, `-D 111 NULL 518`,
		`-U 4 NULL 200`, `+U 3 "x" 200`, `-U 5 NULL NULL`, `+U NULL NULL NULL`)
	check(t, &changejson.Canal, nil, connect.Options{"database.include": "inv.*", "table.include": "products"}, all,
		`-U 111 "scooter" 515`, `+U 111 "scooter" 518`, `-D 111 NULL 518`)
	check(t, &changejson.Canal, []string{"database", "table", "sql-type", "pk-names", "ingestion-timestamp"}, nil, canalUpdate+"\n"+canalDelete,
		`-U 111 "scooter" 515 "inventory" "products" ["id" 4 "name" 12] ["id"] 1589373560798`,
		`+U 111 "scooter" 518 "inventory" "products" ["id" 4 "name" 12] ["id"] 1589373560798`,
		`-D 111 NULL 518 "inventory" "products" NULL NULL NULL`)
	conform.Malformed(t, conform.FormatCase{Format: &changejson.Canal, Schema: products}, `{"data":[{"id":"1"}],"type":"INSERT"}`,
		`{"data":[{"id":"1"}],"type":"ALTER"}`, `{"data":[{"id":"1"}]}`, `{"type":"INSERT"}`, `{"data":{"id":"1"},"type":"INSERT"}`,
		`{"data":[{"id":"1"}],"old":[],"type":"UPDATE"}`, `{"data":[{"id":"1"}],"old":[1],"type":"UPDATE"}`, `{"data":[1],"type":"DELETE"}`, `[]`, `{`)
	if _, err := changejson.Canal.Decoder(products, nil, connect.Options{"table.include": "("}, nil); diag.CodeOf(err) != diag.InvalidOption {
		t.Errorf("a pattern: %v", err)
	}
}

func TestMaxwell(t *testing.T) {
	const head = `{"database":"test","table":"e","ts":1477053217,"primary_key_columns":["id","c"],`
	check(t, &changejson.Maxwell, []string{"database", "table", "primary-key-columns", "ingestion-timestamp"}, nil,
		head+`"type":"update","data":{"id":111,"name":"scooter","weight":5.15},"old":{"weight":5.18}}`+"\n"+
			`{"type":"insert","data":{"id":1}}`+"\n"+head+`"type":"delete","data":{"id":2,"name":"two"},"old":null}`,
		`-U 111 "scooter" 518 "test" "e" ["id" "c"] 1477053217000`, `+U 111 "scooter" 515 "test" "e" ["id" "c"] 1477053217000`,
		`+I 1 NULL NULL NULL NULL NULL NULL`, `-D 2 "two" NULL "test" "e" ["id" "c"] 1477053217000`)
	conform.Malformed(t, conform.FormatCase{Format: &changejson.Maxwell, Schema: products}, `{"data":{"id":1},"type":"insert"}`,
		`{"data":{"id":1},"type":"INSERT"}`, `{"data":{"id":1},"type":"update"}`, `{"data":[],"type":"insert"}`, `{"data":{"id":1},"old":3,"type":"update"}`)
}

func TestOgg(t *testing.T) {
	const update = `{"before":{"id":111,"name":"scooter","weight":5.18},"after":{"id":111,"name":"scooter","weight":5.15},"op_type":"U","op_ts":"2020-05-13 15:40:06.000000",` +
		`"current_ts":"2020-05-13 15:40:07.000000","primary_keys":["id"],"pos":"00000000000000000000143","table":"PRODUCTS"}`
	check(t, &changejson.Ogg, []string{"table", "current_ts", "op_ts", "op_type", "pos", "primary_keys"}, nil,
		update+"\n"+`{"before":null,"after":{"id":1},"op_type":"I","op_ts":1589384406000,"current_ts":"2020-05-13T15:40:07.5"}`,
		`-U 111 "scooter" 518 "PRODUCTS" 1589384407000 1589384406000 "U" "00000000000000000000143" ["id"]`,
		`+U 111 "scooter" 515 "PRODUCTS" 1589384407000 1589384406000 "U" "00000000000000000000143" ["id"]`,
		`+I 1 NULL NULL NULL 1589384407500 1589384406000 "I" NULL NULL`)
	check(t, &changejson.Ogg, nil, nil, `{"before":{"id":3,"name":"x"},"after":null,"op_type":"D"}`, `-D 3 "x" NULL`)
	conform.Malformed(t, conform.FormatCase{Format: &changejson.Ogg, Schema: products}, `{"after":{"id":1},"op_type":"I"}`,
		`{"before":null,"after":{"id":1},"op_type":"U"}`, `{"after":{"id":1},"op_type":"T"}`, `{"after":{"id":1},"op_type":"D"}`, `{"after":{"id":1}}`)
}

func TestWrites(t *testing.T) {
	b := batch.NewBatchBuilder(products.Types()...)
	b.Row(batch.Insert, 1, "a", batch.DecOf(150))
	b.Row(batch.UpdateBefore, 1, "a", batch.DecOf(150))
	b.Row(batch.UpdateAfter, 1, "b", nil)
	b.Row(batch.Delete, 1, "b", nil)
	rows := b.Finish()
	for f, want := range map[*connect.Format]string{
		&changejson.Canal: `{"data":[{"id":1,"name":"a","weight":1.5}],"type":"INSERT"}
{"data":[{"id":1,"name":"a","weight":1.5}],"type":"DELETE"}
{"data":[{"id":1,"name":"b","weight":null}],"type":"INSERT"}
{"data":[{"id":1,"name":"b","weight":null}],"type":"DELETE"}
`,
		&changejson.Maxwell: `{"data":{"id":1,"name":"a","weight":1.5},"type":"insert"}
{"data":{"id":1,"name":"a","weight":1.5},"type":"delete"}
{"data":{"id":1,"name":"b","weight":null},"type":"insert"}
{"data":{"id":1,"name":"b","weight":null},"type":"delete"}
`,
		&changejson.Ogg: `{"before":null,"after":{"id":1,"name":"a","weight":1.5},"op_type":"I"}
{"before":{"id":1,"name":"a","weight":1.5},"after":null,"op_type":"D"}
{"before":null,"after":{"id":1,"name":"b","weight":null},"op_type":"I"}
{"before":{"id":1,"name":"b","weight":null},"after":null,"op_type":"D"}
`,
	} {
		e, err := f.Encoder(products, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.Encode(nil, rows); err != nil || string(got) != want {
			t.Errorf("%s: got\n%s%v", f.Name, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{canalUpdate, canalTwo, canalDelete, canalNulls, canalCreate} {
		f.Add([]byte(s), uint8(9))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		for _, format := range []*connect.Format{&changejson.Canal, &changejson.Maxwell, &changejson.Ogg} {
			d := decoder(t, format, []string{"table"}, connect.Options{"ignore-parse-errors": "true"})
			a, err := conform.Decode(d, data, len(data)+1, 1000)
			if err != nil {
				t.Fatal(err)
			}
			b, err := conform.Decode(d, data, int(piece)+1, 3)
			if err != nil || !slices.Equal(a, b) {
				t.Fatalf("whole %v\npieces %v, %v", a, b, err)
			}
		}
	})
}
