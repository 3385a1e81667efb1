package changelogjson_test

import (
	"slices"
	"testing"

	"github.com/minkstream/mink/connectors/format/changelogjson"
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

var row = types.RowT(types.Field{Name: "x", Type: types.DecimalT(20, 3)}, types.Field{Name: "y", Type: types.TimestampT(9)})

func TestRoundTrip(t *testing.T) {
	nn := func(t types.Type) types.Type { return t.Nullable(false) }
	conform.Format(t, conform.FormatCase{Format: &changelogjson.Format, Schema: fields(
		types.BooleanT, types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT, types.FloatT, types.DoubleT,
		types.DecimalT(10, 2), types.DecimalT(38, 10), types.StringT, types.CharT(4), types.BytesT, types.DateT,
		types.Type{Kind: types.Time, Prec: 3}, types.TimestampT(0), types.TimestampT(6), types.TimestampLTZT(9),
		types.DayTimeT(), types.YearMonthT(), types.ArrayT(row), row, types.MapT(types.StringT, row),
		types.MultisetT(nn(types.DateT)), types.MapT(nn(types.BytesT), types.BytesT), types.MapT(types.TimestampT(3), types.IntT),
		types.MapT(types.DecimalT(8, 2), types.IntT), types.MapT(types.BooleanT, types.DayTimeT()), types.MapT(types.DoubleT, types.FloatT),
	)})
}

func encode(t *testing.T, s types.Schema, o connect.Options, tab *connect.Table, b *batch.Batch) string {
	t.Helper()
	e, err := changelogjson.Format.Encoder(s, o, tab)
	if err != nil {
		t.Fatal(err)
	}
	out, err := e.Encode(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestWritesTheDocumentedForms(t *testing.T) {
	for _, c := range []struct {
		ty   types.Type
		v    any
		want string
	}{
		{types.BigIntT, nil, "null"}, {types.BooleanT, true, "true"}, {types.BigIntT, int64(-9223372036854775808), "-9223372036854775808"},
		{types.DoubleT, 0.1, "0.1"}, {types.DoubleT, 1e300, "1e+300"}, {types.DoubleT, 1.0, "1"}, {types.FloatT, 0.1, "0.1"},
		{types.DecimalT(10, 2), batch.DecOf(150), `"1.50"`}, {types.DecimalT(38, 0), batch.Dec{Hi: -1, Lo: ^uint64(0)}, `"-1"`},
		{types.StringT, "a\"\n", `"a\"\n"`}, {types.BytesT, "\x01\x02", `"AQI="`}, {types.DateT, 18262, `"2020-01-01"`},
		{types.TimeT, 45_296_000, `"12:34:56"`}, {types.Type{Kind: types.Time, Prec: 3}, 45_296_007, `"12:34:56.007"`},
		{types.TimestampT(3), int64(1577836800000), `"2020-01-01 00:00:00.000"`}, {types.TimestampT(0), int64(1577836800000), `"2020-01-01 00:00:00"`},
		{types.TimestampLTZT(6), int64(1577836800000001), `"2020-01-01 00:00:00.000001Z"`},
		{types.DayTimeT(), int64(123_456_789), `"+1 10:17:36.789"`}, {types.YearMonthT(), 84, `"+7-00"`},
		{types.ArrayT(types.IntT), []any{1, nil}, "[1,null]"}, {row, []any{nil, int64(0)}, `{"x":null,"y":"1970-01-01 00:00:00.000000000"}`},
		{types.MapT(types.IntT, types.StringT), []any{1, "a", nil, "b"}, `{"1":"a","null":"b"}`},
		{types.MapT(types.BytesT, types.IntT), []any{"\x01\x02", 1}, `{"AQI=":1}`},
		{types.MultisetT(types.BooleanT), []any{true, 2}, `{"TRUE":2}`},
	} {
		b := batch.NewBatchBuilder(c.ty)
		b.Row(batch.Insert, c.v)
		if got, want := encode(t, fields(c.ty), nil, nil, b.Finish()), `{"op":"+I","row":{"a":`+c.want+`}}`+"\n"; got != want {
			t.Errorf("%s: got %swant %s", c.ty, got, want)
		}
	}
}

var upsert = &connect.Table{Name: "t", PrimaryKey: []int{0}}

func TestKindsOfChanges(t *testing.T) {
	s := fields(types.IntT, types.StringT)
	b := batch.NewBatchBuilder(s.Types()...)
	b.Row(batch.Insert, 1, "a")
	b.Row(batch.UpdateBefore, 1, "a")
	b.Row(batch.UpdateAfter, 1, "b")
	b.Row(batch.Delete, 1, nil)
	in := b.Finish()
	all := `{"op":"+I","row":{"a":1,"b":"a"}}
{"op":"-U","row":{"a":1,"b":"a"}}
{"op":"+U","row":{"a":1,"b":"b"}}
{"op":"-D","row":{"a":1,"b":null}}
`
	o := connect.Options{"changelog-mode": "D, I,UA,UB"}
	if got := encode(t, s, o, nil, in); got != all {
		t.Errorf("got\n%s", got)
	}
	d, err := changelogjson.Format.Decoder(s, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := conform.Decode(d, []byte(all), 10, 3)
	if err != nil || !slices.Equal(got, conform.TextOf(in)) {
		t.Errorf("got %v, %v", got, err)
	}
	// An upsert table has no -U.
	got2 := encode(t, s, connect.Options{"changelog-mode": "I,UA,D"}, upsert, in)
	if want := all[:len(all)/4]; got2[:len(want)] != want || len(got2) != 3*len(want)+len("null")-len(`"a"`) {
		t.Errorf("upsert: got\n%s", got2)
	}
}

func TestChangelogMode(t *testing.T) {
	for mode, want := range map[string]connect.Changes{
		"I": connect.AppendOnly, "I,UA,D": connect.Upsert, "d,ub,ua,i": connect.Retract, "I,UA": connect.HasInsert | connect.HasUpdateAfter,
	} {
		if got, err := changelogjson.Format.Changes(connect.Options{"changelog-mode": mode}); err != nil || got != want {
			t.Errorf("%s: %v, %v", mode, got, err)
		}
	}
	if got, err := changelogjson.Format.Changes(nil); err != nil || got != connect.AppendOnly {
		t.Errorf("default: %v, %v", got, err)
	}
	for _, mode := range []string{"", "I,X", "I,UB", "I;D"} {
		if _, err := changelogjson.Format.Changes(connect.Options{"changelog-mode": mode}); diag.CodeOf(err) != diag.InvalidOption {
			t.Errorf("%q: %v", mode, err)
		}
	}
	noKey := &connect.Table{Name: "t"}
	s := fields(types.IntT)
	if _, err := changelogjson.Format.Decoder(s, nil, connect.Options{"changelog-mode": "I,UA,D"}, noKey); diag.CodeOf(err) != diag.MissingPrimaryKey {
		t.Errorf("upsert source without a key: %v", err)
	}
	if _, err := changelogjson.Format.Encoder(s, connect.Options{"changelog-mode": "I,UA"}, noKey); diag.CodeOf(err) != diag.MissingPrimaryKey {
		t.Errorf("upsert sink without a key: %v", err)
	}
}

func TestReadsLeniently(t *testing.T) {
	s := fields(types.IntT.Nullable(false), types.DecimalT(5, 2), types.TimestampT(3), types.TimestampLTZT(3), types.DoubleT)
	for _, c := range []struct{ text, want string }{
		{`{"row":{"a":1},"op":"+I","more":[1]}`, "+I 1 NULL NULL NULL NULL"},
		{` { "op" : "+I" , "row" : { "a" : "1", "b" : 1.5, "c" : "1970-01-01T00:00:01", "d" : "1970-01-01 00:00:01", "zz" : {} } } `, "+I 1 150 1000 1000 NULL"},
		{`{"op":"+I","row":{"b":"1.50","e":"NaN"}}`, "+I NULL 150 NULL NULL NaN"},
		{`{"op":"+I","row":{"a":2},"ts":5}`, "+I 2 NULL NULL NULL NULL"},
		{`{"op":"-D","row":{"a":3}}`, "-D 3 NULL NULL NULL NULL"},
		{`{"op":"+I","row":{}}`, "+I NULL NULL NULL NULL NULL"},
	} {
		d, err := changelogjson.Format.Decoder(s, nil, connect.Options{"changelog-mode": "I,UA,D"}, upsert)
		if err != nil {
			t.Fatal(err)
		}
		got, err := conform.Decode(d, []byte(c.text), 100, 4)
		if err != nil || len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: got %v, %v; want %s", c.text, got, err, c.want)
		}
	}
}

func TestMalformed(t *testing.T) {
	c := conform.FormatCase{Format: &changelogjson.Format, Schema: fields(types.IntT, types.StringT), Options: connect.Options{"changelog-mode": "I,D"}}
	conform.Malformed(t, c, `{"op":"+I","row":{"a":1,"b":"x"}}`,
		`{"op":"+U","row":{"a":1}}`, `{"op":"-U","row":{"a":1}}`, `{"op":"I","row":{"a":1}}`, `{"op":"+X","row":{"a":1}}`, `{"row":{"a":1}}`, `{"op":"+I"}`,
		`{"op":"+I","row":null}`, `{"op":"+I","row":[1]}`, `{"op":"+I","row":{"a":"x"}}`, `{"op":"+I","row":{"a":1}`, `{"a":1}`, `[]`, `x`, `{"op":"+I","row":{"a":1}}}`)
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"op":"+I","row":{"a":1,"b":"x","c":{"x":"1.5"}}}`, `{"row":{"d":{"1":2}},"op":"-D"}`, `{"op":"+I","row":{}} x`} {
		f.Add([]byte(s), uint8(3))
	}
	s := fields(types.BigIntT, types.StringT, row, types.MapT(types.IntT, types.DayTimeT()))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		d, err := changelogjson.Format.Decoder(s, nil, connect.Options{"ignore-parse-errors": "true", "changelog-mode": "I,D"}, nil)
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
