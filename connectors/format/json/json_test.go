package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/format/json"
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

var inner = types.RowT(
	types.Field{Name: "x", Type: types.DoubleT}, types.Field{Name: "y \"é\"", Type: types.StringT},
	types.Field{Name: "z", Type: types.ArrayT(types.MapT(types.StringT, types.IntT))})

var everything = fields(
	types.BooleanT, types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT, types.FloatT, types.DoubleT,
	types.DecimalT(10, 2), types.DecimalT(38, 10), types.StringT, types.CharT(4), types.BytesT, types.DateT,
	types.Type{Kind: types.Time, Prec: 3}, types.TimestampT(0), types.TimestampT(6), types.TimestampLTZT(9),
	types.DayTimeT(), types.YearMonthT(), types.ArrayT(inner), inner, types.MapT(types.StringT, inner),
	types.MultisetT(types.StringT.Nullable(false)),
)

func TestRoundTrip(t *testing.T) {
	for _, o := range []connect.Options{
		nil,
		{"timestamp-format.standard": "ISO-8601", "encode.ignore-null-fields": "true", "encode.decimal-as-plain-number": "true"},
		{"timestamp-format.standard": "ISO-8601-WITH-OFFSET"},
	} {
		conform.Format(t, conform.FormatCase{Format: &json.Format, Schema: everything, Options: o})
	}
}

func decode(t *testing.T, s types.Schema, o connect.Options, text string) (conform.Rows, error) {
	t.Helper()
	d, err := json.Format.Decoder(s, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conform.Decode(d, []byte(text), 7, 3)
}

func TestReads(t *testing.T) {
	two := fields(types.BigIntT, types.StringT)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"any order, any space", "{\"b\":\"x\",\"a\":1}\n \t{ \"a\" : 2 ,\r\"b\" : \"y\" } \r\n", []string{`+I 1 "x"`, `+I 2 "y"`}},
		{"missing and unknown fields", `{"z":[1,{"a":"}"}],"a":1}` + "\n{}\n" + `{"b":null}`, []string{"+I 1 NULL", "+I NULL NULL", "+I NULL NULL"}},
		{"empty lines", "\n{\"a\":1}\n\n  \n", []string{"+I 1 NULL"}},
		{"last of two", `{"a":1,"b":"x","a":2}`, []string{`+I 2 "x"`}},
		{"last of two is null", `{"b":"x","a":1,"b":null}`, []string{"+I 1 NULL"}},
		{"escapes", `{"b":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0041 and more than twelve"}`, []string{`+I NULL "\"\\/\b\f\n\r\té😀A and more than twelve"`}},
		{"half a pair", `{"b":"\ud83d!"}`, []string{"+I NULL \"\ufffd!\""}},
		{"escaped name", `{"\u0061":5}`, []string{"+I 5 NULL"}},
		{"numbers as strings", `{"a":"12","b":34.50}`, []string{`+I 12 "34.50"`}},
		{"whole numbers with a fraction", `{"a":1.0}` + "\n" + `{"a":2e3}`, []string{"+I 1 NULL", "+I 2000 NULL"}},
		{"anything as a string", `{"b":{"x": [1, "a b"]}}` + "\n" + `{"b":true}` + "\n" + `{"b":[1,2,3,4,5,6,7,8]}`,
			[]string{`+I NULL "{\"x\":[1,\"a b\"]}"`, `+I NULL "true"`, `+I NULL "[1,2,3,4,5,6,7,8]"`}},
		{"list of rows", `[{"a":1},{"a":2},{"a":3},{"a":4},{"a":5}]` + "\n[]\n" + `{"a":6}`,
			[]string{"+I 1 NULL", "+I 2 NULL", "+I 3 NULL", "+I 4 NULL", "+I 5 NULL", "+I 6 NULL"}},
		{"limits of integers", `{"a":9223372036854775807}` + "\n" + `{"a":-9223372036854775808}` + "\n" + `{"a":0}`,
			[]string{"+I 9223372036854775807 NULL", "+I -9223372036854775808 NULL", "+I 0 NULL"}},
		{"byte order mark", "\ufeff{\"a\":1}", []string{"+I 1 NULL"}},
	} {
		got, err := decode(t, two, nil, c.text)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestMalformed(t *testing.T) {
	c := conform.FormatCase{Format: &json.Format, Schema: fields(types.BigIntT, types.StringT, types.ArrayT(types.IntT), inner)}
	conform.Malformed(t, c, `{"a":1,"b":"x"}`,
		`{`, `}`, `{"a":1`, `{"a":1}}`, `{"a":1},`, `{"a" 1}`, `{"a":}`, `{a:1}`, `{"a":1,}`, `{"a":01}`, `{"a":1.}`, `{"a":+1}`, `{"a":.5}`,
		`{"a":nul}`, `{"z":tru}`, `{"z":[1,]}`, `{"z":[1 2]}`, `{"z":"\x"}`, `{"b":"a`, `{"b":"a\`, `{"b":"\u12"}`, "{\"b\":\"a\tb\"}", "{\"b\":\"\xff\"}",
		`[{"a":1},2]`, `[{"a":1}`, `1`, `"x"`, `null`, `{"z":`+strings.Repeat("[", 101)+strings.Repeat("]", 101)+`}`, `{"d":{"x":1}`,
		`{"a":"x"}`, `{"a":1.5}`, `{"a":true}`, `{"a":[1]}`, `{"a":{}}`, `{"a":9223372036854775808}`, `{"c":[1,"x"]}`, `{"c":{}}`, `{"d":{"x":"y"}}`, `{"d":[]}`)
	ok, err := decode(t, c.Schema, nil, `{"z":`+strings.Repeat("[", 99)+strings.Repeat("]", 99)+`,"a":3}`)
	if err != nil || len(ok) != 1 {
		t.Errorf("99 levels below the record: %v, %v", ok, err)
	}
	_, err = decode(t, c.Schema, nil, "{\"a\":1}\n\n{\"a\":\"x\"}")
	if want := "line 3 (byte 9): column `a`: 'x' is no BIGINT"; err == nil || diag.As(err).Msg != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := decode(t, c.Schema, connect.Options{"fail-on-missing-field": "true"}, `{"a":1}`); diag.CodeOf(err) != diag.MalformedRecord {
		t.Errorf("missing field: %v", err)
	}
	got, err := decode(t, c.Schema, connect.Options{"ignore-parse-errors": "true"}, `{"a":"x","b":"y","c":[1,"x",3],"d":{"x":"q","y \"é\"":"r"}}`)
	if want := `+I NULL "y" [1 NULL 3] [NULL "r" NULL]`; err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("ignoring errors: got %v, %v; want %s", got, err, want)
	}
}

func TestTimes(t *testing.T) {
	s := fields(types.TimestampT(3), types.TimestampLTZT(3))
	for _, c := range []struct {
		std, a, b string
		ok        bool
	}{
		{"SQL", "1970-01-01 00:00:01.5", "1970-01-01 00:00:01.5Z", true},
		{"SQL", "1970-01-01T00:00:01.5", "1970-01-01 00:00:01.5Z", false},
		{"SQL", "1970-01-01 00:00:01.5", "1970-01-01 00:00:01.5", false},
		{"ISO-8601", "1970-01-01T00:00:01.500", "1970-01-01T00:00:01.5Z", true},
		{"ISO-8601", "1970-01-01 00:00:01.5", "1970-01-01T00:00:01.5Z", false},
		{"ISO-8601-WITH-OFFSET", "1970-01-01T02:00:01.5+02:00", "1969-12-31T22:00:01.5-02:00", true},
	} {
		got, err := decode(t, s, connect.Options{"timestamp-format.standard": c.std}, fmt.Sprintf(`{"a":%q,"b":%q}`, c.a, c.b))
		if (err == nil) != c.ok || c.ok && got[0] != "+I 1500 1500" {
			t.Errorf("%+v: got %v, %v", c, got, err)
		}
	}
}

func TestWrites(t *testing.T) {
	s := fields(types.DecimalT(12, 9), types.DoubleT, types.TimestampLTZT(3), types.MapT(types.StringT, types.IntT), types.StringT)
	b := batch.NewBatchBuilder(s.Types()...)
	b.Row(batch.Insert, batch.DecOf(27), 1.0, int64(1500), []any{"k", 1, nil, 2}, "q\"\\\n\x01é")
	b.Row(batch.Insert, batch.DecOf(100_000_000_000), nil, nil, nil, nil)
	in := b.Finish()
	for _, c := range []struct {
		o    connect.Options
		want string
	}{
		{connect.Options{"map-null-key.mode": "LITERAL", "map-null-key.literal": "none"},
			`{"a":2.7E-8,"b":1.0,"c":"1970-01-01 00:00:01.5Z","d":{"k":1,"none":2},"e":"q\"\\\n\u0001é"}` + "\n" +
				`{"a":1E+2,"b":null,"c":null,"d":null,"e":null}` + "\n"},
		{connect.Options{"map-null-key.mode": "DROP", "encode.decimal-as-plain-number": "true", "encode.ignore-null-fields": "true", "timestamp-format.standard": "ISO-8601"},
			`{"a":0.000000027,"b":1.0,"c":"1970-01-01T00:00:01.5Z","d":{"k":1},"e":"q\"\\\n\u0001é"}` + "\n" + `{"a":100}` + "\n"},
	} {
		e, err := json.Format.Encoder(s, c.o, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.Encode(nil, in)
		if err != nil || string(got) != c.want {
			t.Errorf("got\n%s%v\nwant\n%s", got, err, c.want)
		}
		for line := range bytes.Lines(got) {
			if !stdjson.Valid(line) {
				t.Errorf("not JSON: %s", line)
			}
		}
	}
	e, err := json.Format.Encoder(s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(nil, in); diag.CodeOf(err) != diag.MalformedRecord {
		t.Errorf("a NULL key: %v", err)
	}
}

func TestMessageGivesAllRows(t *testing.T) {
	d, err := json.Format.Decoder(fields(types.BigIntT), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	if err := d.Message(&b, []byte("[\n"+strings.Repeat(`{"a":1},`+"\n", 9999)+`{"a":2}]`)); err != nil || b.N != 10_000 || b.Cols[0].I64[9999] != 2 {
		t.Errorf("%d rows, %v", b.N, err)
	}
	if err := d.Message(&b, nil); err != nil || b.N != 10_000 {
		t.Errorf("an empty message: %d rows, %v", b.N, err)
	}
}

func TestNestedProjection(t *testing.T) {
	s := types.Schema{{Name: "r", Type: inner}, {Name: "n", Type: types.BigIntT}}
	d, err := json.Format.Decoder(s, connect.Projection{{0, 1}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := conform.Decode(d, []byte(`{"r":{"x":1,"y \"é\"":"v","z":[{"k":1}]},"n":3}`+"\n"+`{"r":null}`), 100, 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	var b batch.Batch
	d.Reset(1, false)
	if _, err := d.Decode(&b, []byte(`{"r":{"x":1,"y \"é\"":"v","z":[{"k":1}]},"n":3}`), 0, true, 5); err != nil {
		t.Fatal(err)
	}
	r := &b.Cols[0]
	if r.Kids[0].F64 != nil || r.Kids[2].Offs != nil || r.Kids[1].Any(0) != "v" || b.Cols[1].I64 != nil {
		t.Errorf("columns %+v", b.Cols)
	}
}

// What was learned of the order of fields must not change what a line means.
func TestLearnedOrderOfFields(t *testing.T) {
	s := fields(types.BigIntT, types.StringT, types.DoubleT)
	text := `{"a":1,"a":2,"b":"x"}
{"a":3,"a":4,"b":"y"}
{"a":5,"b":"z","a":6,"b":"w"}
{"a":7,"a":null,"b":"v"}
{"a":1.0,"a":8,"b":"u\n"}
{"a":9,"a":10}
{"a":11,"b":"","c":1.5}
{"a":12,"b":"é","c":-0.5}
{"a":13,"b":"t" ,"c":2}
{"a":9223372036854775807,"b":"s","c":3}
{"b":"r","c":4,"a":14}
{}
`
	d, err := json.Format.Decoder(s, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := conform.Decode(d, []byte(text), 1000, 100)
	want := conform.Rows{`+I 2 "x" NULL`, `+I 4 "y" NULL`, `+I 6 "w" NULL`, `+I NULL "v" NULL`, `+I 8 "u\n" NULL`, "+I 10 NULL NULL", `+I 11 "" 1.5`,
		`+I 12 "é" -0.5`, `+I 13 "t" 2`, `+I 9223372036854775807 "s" 3`, `+I 14 "r" 4`, "+I NULL NULL NULL"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got  %v, %v\nwant %v", got, err, want)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":"x","c":[1,2],"d":{"x":1.5}}`, `[{"a":1},{"a":"2"}]`, `{"b":"\ud83d\ude00\n"}`, `{"z":[[[{}]]],"a":-0}`, "{}\n\n[]\n{", `{"d":{"z":[{"k":1}]}}`} {
		f.Add([]byte(s), uint8(3))
	}
	s := fields(types.BigIntT, types.StringT, types.ArrayT(types.IntT), inner)
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		d, err := json.Format.Decoder(s, nil, connect.Options{"ignore-parse-errors": "true"}, nil)
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

func benchData() []byte {
	var b bytes.Buffer
	for i := range 10_000 {
		b.WriteString(`{"auction":` + strconv.Itoa(1000+i) + `,"bidder":` + strconv.Itoa(i*7919%100_000) + `,"price":` + strconv.Itoa(i%977*100) +
			`,"channel":"Google","url":"https://www.nexmark.com/abc/def/item.htm?query=1&channel_id=` + strconv.Itoa(i) +
			`","dateTime":"2020-01-01 00:00:00.` + strconv.Itoa(100+i%900) + `","extra":"text of some length that is not used"}` + "\n")
	}
	return b.Bytes()
}

var benchSchema = types.Schema{
	{Name: "auction", Type: types.BigIntT}, {Name: "bidder", Type: types.BigIntT}, {Name: "price", Type: types.BigIntT},
	{Name: "channel", Type: types.StringT}, {Name: "url", Type: types.StringT}, {Name: "dateTime", Type: types.TimestampT(3)},
	{Name: "extra", Type: types.StringT},
}

// plainLoop is what one would write by hand for just these lines: fields in a fixed
// order, no escapes, no NULL, no mistakes. Strings are kept as views into data.
func plainLoop(data []byte, ints [3][]int64, strs [3][][]byte, times []int64) int {
	names := [...]string{`{"auction":`, `,"bidder":`, `,"price":`, `,"channel":"`, `","url":"`, `","dateTime":"`, `","extra":"`}
	row := 0
	for len(data) > 0 && row < len(times) {
		for k := range names {
			if string(data[:len(names[k])]) != names[k] {
				return row
			}
			data = data[len(names[k]):]
			end := byte('"')
			if k < 3 {
				end = ','
			}
			n := bytes.IndexByte(data, end)
			v := data[:n]
			data = data[n:]
			switch k {
			case 0, 1, 2:
				ints[k][row] = digits(v)
			case 5:
				y, m, d := digits(v[:4]), digits(v[5:7]), digits(v[8:10])
				if m <= 2 {
					y, m = y-1, m+12
				}
				days := y*365 + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 719469
				times[row] = ((days*24+digits(v[11:13]))*60+digits(v[14:16]))*60_000 + digits(v[17:19])*1000 + digits(v[20:])
			default:
				strs[k/2-1][row] = v
			}
		}
		data = data[3:] // "}\n
		row++
	}
	return row
}

func digits(v []byte) int64 {
	x := int64(0)
	for _, c := range v {
		x = x*10 + int64(c-'0')
	}
	return x
}

// BenchmarkDecode reports rows per second and the ratio of the time to that of a
// loop written by hand, measured in the same run.
func BenchmarkDecode(b *testing.B) {
	data := benchData()
	var ints [3][]int64
	var strs [3][][]byte
	for k := range 3 {
		ints[k], strs[k] = make([]int64, 10_000), make([][]byte, 10_000)
	}
	times := make([]int64, 10_000)
	plain := conform.PlainLoop(func() int { return plainLoop(data, ints, strs, times) })
	if times[9999] != 1577836800100+9999%900 || ints[1][1] != 7919 || string(strs[0][9999]) != "Google" {
		b.Fatalf("the plain loop read %d, %d, %q", times[9999], ints[1][1], strs[0][9999])
	}
	for _, c := range []struct {
		name string
		read connect.Projection
	}{{"all", nil}, {"two", connect.Projection{{0}, {2}}}} {
		b.Run(c.name, func(b *testing.B) {
			d, err := json.Format.Decoder(benchSchema, c.read, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			conform.BenchDecode(b, d, data, plain)
		})
	}
	b.Run("encoding/json", func(b *testing.B) {
		conform.Bench(b, plain, func() int {
			rows := 0
			for line := range bytes.Lines(data) {
				var v struct {
					Auction, Bidder, Price        int64
					Channel, Url, DateTime, Extra string
				}
				if err := stdjson.Unmarshal(line, &v); err != nil {
					b.Fatal(err)
				}
				rows++
			}
			return rows
		})
	})
}
