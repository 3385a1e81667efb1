package wire

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Types as Apache Flink 2.3 writes them are read, and written again to the letter.
func TestTypes(t *testing.T) {
	for _, text := range []string{
		`{"type":"BOOLEAN","nullable":true}`, `{"type":"INTEGER","nullable":false}`, `{"type":"NULL"}`,
		`{"type":"DECIMAL","nullable":true,"precision":9,"scale":6}`, `{"type":"CHAR","nullable":false,"length":0}`,
		`{"type":"VARCHAR","nullable":true,"length":2147483647}`, `{"type":"VARBINARY","nullable":true,"length":2147483647}`,
		`{"type":"TIME_WITHOUT_TIME_ZONE","nullable":true,"precision":0}`, `{"type":"TIMESTAMP_WITHOUT_TIME_ZONE","nullable":true,"precision":9}`,
		`{"type":"TIMESTAMP_WITH_LOCAL_TIME_ZONE","nullable":true,"precision":3}`,
		`{"type":"INTERVAL_DAY_TIME","nullable":false,"precision":2,"fractionalPrecision":3,"resolution":"SECOND"}`,
		`{"type":"INTERVAL_YEAR_MONTH","nullable":false,"precision":2,"resolution":"MONTH"}`,
		`{"type":"MULTISET","nullable":true,"elementType":{"type":"VARCHAR","nullable":true,"length":3}}`,
		`{"type":"MAP","nullable":true,"keyType":{"type":"DATE","nullable":true},"valueType":{"type":"ARRAY","nullable":true,"elementType":{"type":"DOUBLE","nullable":true}}}`,
		`{"type":"ROW","nullable":true,"fields":[{"name":"a","fieldType":{"type":"TINYINT","nullable":true}},{"name":"b","fieldType":{"type":"FLOAT","nullable":true},"description":"said"}]}`,
		`{"type":"ROW","nullable":true,"fields":[]}`,
	} {
		var w Type
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		typ, err := w.Type()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, err := json.Marshal(TypeOf(typ))
		if err != nil || string(got) != text {
			t.Errorf("%s becomes %s and %s %v", text, typ, got, err)
		}
	}
	for _, w := range []Type{{Root: "TIMESTAMP_WITH_TIME_ZONE"}, {Root: "ARRAY"}, {Root: "MAP", Key: &Type{Root: "SYMBOL"}, Value: &Type{Root: "DATE"}}} {
		if _, err := w.Type(); diag.CodeOf(err) != diag.Unsupported {
			t.Errorf("%s: %v", w.Root, err)
		}
	}
}

// What no gateway sends is refused and never read as something else.
func TestMalformedRows(t *testing.T) {
	for _, c := range []struct {
		of    types.Type
		value string
	}{
		{types.IntT, `"x"`}, {types.IntT, `[1]`}, {types.IntT, `99999999999`}, {types.BytesT, `"%"`}, {types.DateT, `"2020-02-31"`},
		{types.ArrayT(types.IntT), `{}`}, {types.ArrayT(types.IntT), `[1,"x"]`}, {types.MapT(types.IntT, types.IntT), `[]`},
		{types.MapT(types.IntT, types.IntT), `{"x":1}`}, {types.RowT(types.Field{Name: "a", Type: types.IntT}), `[1]`},
		{types.TimestampLTZT(3), `"2020-01-01T25:00:00Z"`}, {types.DecimalT(3, 1), `12345`}, {types.BooleanT, `7`},
	} {
		rows := []Row{{Kind: "INSERT", Fields: []json.RawMessage{json.RawMessage(c.value)}}}
		if _, err := Batch(types.Schema{{Name: "a", Type: c.of}}, rows, time.UTC); err == nil {
			t.Errorf("%s is read as %s", c.value, c.of)
		}
	}
	for _, r := range []Row{{Kind: "UPSERT", Fields: []json.RawMessage{[]byte("1")}}, {Kind: "INSERT"}} {
		if _, err := Batch(types.Schema{{Name: "a", Type: types.IntT}}, []Row{r}, time.UTC); diag.CodeOf(err) != diag.MalformedRecord {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
