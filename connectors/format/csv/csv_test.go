package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/connectors/format/csv"
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

var everything = fields(
	types.BooleanT, types.TinyIntT, types.SmallIntT, types.IntT, types.BigIntT, types.FloatT, types.DoubleT,
	types.DecimalT(10, 2), types.DecimalT(38, 10), types.StringT.Nullable(false), types.CharT(4).Nullable(false),
	types.BytesT, types.DateT, types.Type{Kind: types.Time, Prec: 3}, types.TimestampT(0), types.TimestampT(6),
	types.TimestampLTZT(9), types.DayTimeT(), types.YearMonthT(), types.BigIntT,
)

func TestRoundTrip(t *testing.T) {
	for _, o := range []connect.Options{
		nil,
		{"null-literal": "NULL", "write-bigdecimal-in-scientific-notation": "false"},
		{"field-delimiter": "\\t", "quote-character": "'", "escape-character": "\\"},
		{"field-delimiter": "|", "disable-quote-character": "true", "escape-character": "\\"},
	} {
		schema := slices.Clone(everything)
		if o["null-literal"] != "" {
			schema[9].Type.NotNull = false // a NULL string reads back
		}
		if o["disable-quote-character"] == "" {
			conform.Format(t, conform.FormatCase{Format: &csv.Format, Schema: schema, Options: o})
		} else {
			conform.Format(t, conform.FormatCase{Format: &csv.Format, Schema: fields(types.StringT.Nullable(false), types.BigIntT), Options: o})
		}
	}
}

func TestNestedRoundTrip(t *testing.T) {
	nn := func(t types.Type) types.Type { return t.Nullable(false) }
	schema := fields(types.BigIntT, types.ArrayT(types.IntT),
		types.RowT(types.Field{Name: "x", Type: types.DoubleT}, types.Field{Name: "y", Type: nn(types.BigIntT)}))
	conform.Format(t, conform.FormatCase{Format: &csv.Format, Schema: schema,
		// A list with a single NULL has no text, as one without elements.
		Same: func(row string) string { return strings.ReplaceAll(row, " [NULL]", " []") }})
}

func decode(t *testing.T, s types.Schema, o connect.Options, text string) (conform.Rows, error) {
	t.Helper()
	d, err := csv.Format.Decoder(s, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conform.Decode(d, []byte(text), 3, 2)
}

func TestReads(t *testing.T) {
	two := fields(types.BigIntT, types.StringT)
	for _, c := range []struct {
		name, text string
		opts       connect.Options
		want       []string
	}{
		{"line ends", "1,a\r\n2,b\n3,c", nil, []string{`+I 1 "a"`, `+I 2 "b"`, `+I 3 "c"`}},
		{"empty lines", "\n1,a\n\r\n\n2,b\n\n", nil, []string{`+I 1 "a"`, `+I 2 "b"`}},
		{"quotes", "1,\"a,\"\"b\"\"\nc\"\n2,\"\"\r\n", nil, []string{`+I 1 "a,\"b\"\nc"`, `+I 2 ""`}},
		{"quote inside", "1,a\"b\n", nil, []string{`+I 1 "a\"b"`}},
		{"empty number is NULL, empty string is empty", ",\n", nil, []string{`+I NULL ""`}},
		{"spaces around numbers", " 12 , x \n", nil, []string{`+I 12 " x "`}},
		{"signs", "+5,a\n-9223372036854775808,b\n007,c\n", nil, []string{`+I 5 "a"`, `+I -9223372036854775808 "b"`, `+I 7 "c"`}},
		{"byte order mark", "\ufeff1,a\n", nil, []string{`+I 1 "a"`}},
		{"comments", "#x,y,z\n1,a\n", connect.Options{"allow-comments": "true"}, []string{`+I 1 "a"`}},
		{"no comments by default", "1,#a\n", nil, []string{`+I 1 "#a"`}},
		{"null literal", "n/a,n/a\n1,\"n/a\"\n", connect.Options{"null-literal": "n/a"}, []string{"+I NULL NULL", `+I 1 "n/a"`}},
		{"delimiter", "1;a,b\n", connect.Options{"field-delimiter": ";"}, []string{`+I 1 "a,b"`}},
		{"tab", "1\ta\n", connect.Options{"field-delimiter": `\t`}, []string{`+I 1 "a"`}},
		{"escape", "1,a\\,b\\\"\\n\n2,\"x\\\"y\"\n", connect.Options{"escape-character": `\`}, []string{`+I 1 "a,b\"\n"`, `+I 2 "x\"y"`}},
		{"spaces behind a quote", "1,\"a\" \t\n2,\"b\" \r\n", nil, []string{`+I 1 "a"`, `+I 2 "b"`}},
		{"trimmed", " 1 ,\t a b \n2, \" c \" \r\n3,\n", connect.Options{"trim-spaces": "true"}, []string{`+I 1 "a b"`, `+I 2 " c "`, `+I 3 ""`}},
		{"trimmed null literal", "1, n/a \n", connect.Options{"trim-spaces": "true", "null-literal": "n/a"}, []string{"+I 1 NULL"}},
		{"trimmed with tabs between", "1\t a \t\n", connect.Options{"trim-spaces": "true", "field-delimiter": `\t`, "allow-trailing-comma": "true"}, []string{`+I 1 "a"`}},
		{"surplus", "1,a,b,\"c\nd\",e\n2,b\n", connect.Options{"ignore-trailing-unmappable": "true"}, []string{`+I 1 "a"`, `+I 2 "b"`}},
		{"trailing delimiter", "1,a,\n2,b\n3,c, ", connect.Options{"allow-trailing-comma": "true"}, []string{`+I 1 "a"`, `+I 2 "b"`, `+I 3 "c"`}},
		{"empty string as NULL", "1,\n2,\"\"\n", connect.Options{"empty-string-as-null": "true"}, []string{"+I 1 NULL", "+I 2 NULL"}},
		{"a record with too many fields is skipped", "1,a,b\n2,b\n", connect.Options{"ignore-parse-errors": "true"}, []string{`+I 2 "b"`}},
		{"text behind a quote: skipped", "1,\"a\"b\n2,b\n", connect.Options{"ignore-parse-errors": "true"}, []string{`+I 2 "b"`}},
		{"a bad field is NULL", "x,a\n2,\xff\n", connect.Options{"ignore-parse-errors": "true"}, []string{`+I NULL "a"`, "+I 2 NULL"}},
		{"too few fields: NULL", "1\n2,b\n", connect.Options{"ignore-parse-errors": "true"}, []string{"+I 1 NULL", `+I 2 "b"`}},
		{"too few fields: skipped", "1\n2,b\n", connect.Options{"ignore-parse-errors": "true", "fail-on-missing-columns": "true"}, []string{`+I 2 "b"`}},
		{"long strings", "1," + strings.Repeat("é", 40) + "\n", nil, []string{`+I 1 "` + strings.Repeat("é", 40) + `"`}},
	} {
		got, err := decode(t, two, c.opts, c.text)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestReadsTypes(t *testing.T) {
	for _, c := range []struct {
		ty   types.Type
		text string
		want string // "" is malformed
	}{
		{types.IntT, "2147483647", "2147483647"}, {types.IntT, "2147483648", ""}, {types.IntT, "1.5", ""}, {types.IntT, "x", ""},
		{types.TinyIntT, "-128", "-128"}, {types.TinyIntT, "128", ""}, {types.BigIntT, "9223372036854775808", ""}, {types.BigIntT, "1e3", ""},
		{types.BooleanT, "TRUE", "true"}, {types.BooleanT, "false", "false"}, {types.BooleanT, "yes", ""},
		{types.DoubleT, "1.5e3", "1500"}, {types.DoubleT, ".5", "0.5"}, {types.DoubleT, "NaN", "NaN"}, {types.DoubleT, "-Infinity", "-Inf"}, {types.DoubleT, "1..2", ""}, {types.DoubleT, "0x1p4", ""},
		{types.DecimalT(5, 2), "123.455", "12346"}, {types.DecimalT(5, 2), "-123.454", "-12345"}, {types.DecimalT(5, 2), "1E+2", "10000"}, {types.DecimalT(5, 2), "999.995", ""}, {types.DecimalT(5, 2), "1000", ""},
		{types.DateT, "1970-01-02", "1"}, {types.DateT, "2021-02-29", ""}, {types.DateT, "1.1.1970", ""},
		{types.TimeT, "00:00:01", "1000"}, {types.TimeT, "24:00:00", ""},
		{types.TimestampT(3), "1970-01-01 00:00:01.5", "1500"}, {types.TimestampT(3), "1970-01-01T00:00:01", "1000"}, {types.TimestampT(3), "1970-01-02", "86400000"}, {types.TimestampT(3), "1970-01-01 00:00:61", ""},
		{types.TimestampLTZT(3), "1970-01-01 00:00:01Z", "1000"}, {types.TimestampLTZT(3), "1970-01-01T01:00:01+01:00", "1000"},
		{types.TimestampT(9), "1969-12-31 23:59:59.999999999", "-1"}, {types.TimestampT(9), "9999-01-01 00:00:00", ""},
		{types.BytesT, "AQI=", `"\x01\x02"`}, {types.BytesT, "%", ""},
		{types.ArrayT(types.IntT), "1;2;", "[1 2 NULL]"}, {types.ArrayT(types.IntT), "1;x", ""},
	} {
		got, err := decode(t, fields(types.StringT, c.ty), nil, "k,"+c.text+"\n")
		if c.want == "" {
			if diag.CodeOf(err) != diag.MalformedRecord {
				t.Errorf("%s %q: %v, %v; want malformed-record", c.ty, c.text, got, err)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0] != `+I "k" `+c.want {
			t.Errorf("%s %q: got %v, %v; want %s", c.ty, c.text, got, err, c.want)
		}
	}
}

func TestMalformed(t *testing.T) {
	c := conform.FormatCase{Format: &csv.Format, Schema: fields(types.BigIntT, types.StringT)}
	conform.Malformed(t, c, "1,a", "x,a", "1", "1,a,b", "1,\"a\"b", "1,\"a\"b,c", "99999999999999999999,a", "1,\xff\xfe")
	// A quote that is never closed ends with the input.
	if _, err := decode(t, c.Schema, nil, "1,a\n2,\"b\n3,c\n"); diag.CodeOf(err) != diag.MalformedRecord || !strings.Contains(err.Error(), "line 2 (byte 4): quote is not closed") {
		t.Errorf("open quote: %v", err)
	}
	got, err := decode(t, c.Schema, connect.Options{"ignore-parse-errors": "true"}, "1,a\n2,\"b\n3,c\n")
	if err != nil || !slices.Equal(got, conform.Rows{`+I 1 "a"`, `+I 3 "c"`}) {
		t.Errorf("open quote, ignoring errors: %v, %v", got, err)
	}
}

func TestMessage(t *testing.T) {
	d, err := csv.Format.Decoder(fields(types.BigIntT, types.StringT), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b batch.Batch
	for _, m := range []string{"1,a", "2,\"b\"\n"} {
		if err := d.Message(&b, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	if got := conform.TextOf(&b); !slices.Equal(got, conform.Rows{`+I 1 "a"`, `+I 2 "b"`}) {
		t.Errorf("got %v", got)
	}
	for _, m := range []string{"x,a", "1", `1,"a`} {
		if err := d.Message(&b, []byte(m)); diag.CodeOf(err) != diag.MalformedRecord {
			t.Errorf("%q: %v", m, err)
		}
	}
}

func TestWrites(t *testing.T) {
	s := fields(types.StringT, types.DecimalT(10, 2), types.DoubleT, types.TimestampT(3), types.ArrayT(types.IntT))
	b := batch.NewBatchBuilder(s.Types()...)
	b.Row(batch.Insert, "plain text", batch.DecOf(10_000), 1.0, int64(1577836800500), []any{1, nil, 3})
	b.Row(batch.Insert, "a,\"b\"\n", batch.DecOf(0), 1e10, int64(1577836800000), []any{})
	b.Row(batch.Insert, nil, nil, nil, nil, nil)
	e, err := csv.Format.Encoder(s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Encode(nil, b.Finish())
	want := "plain text,1E+2,1.0,2020-01-01 00:00:00.5,1;;3\n" +
		"\"a,\"\"b\"\"\n\",0,1.0E10,2020-01-01 00:00:00,\"\"\n,,,,\n"
	if err != nil || string(got) != want {
		t.Errorf("got\n%q, %v\nwant\n%q", got, err, want)
	}
}

func TestHeader(t *testing.T) {
	tab := &connect.Table{Options: connect.Options{csv.HeaderOption: "true"}}
	s := types.Schema{{Name: "id", Type: types.BigIntT}, {Name: "a,b", Type: types.StringT}}
	e, err := csv.Format.Encoder(s, nil, tab)
	if err != nil || string(e.Header()) != "id,\"a,b\"\n" {
		t.Errorf("header %q, %v", e.Header(), err)
	}
	d, err := csv.Format.Decoder(s, nil, nil, tab)
	if err != nil {
		t.Fatal(err)
	}
	got, err := conform.Decode(d, []byte("id,\"a,b\"\n1,x\n"), 5, 10)
	if err != nil || !slices.Equal(got, conform.Rows{`+I 1 "x"`}) || !d.HeaderDone() || d.Line() != 3 {
		t.Errorf("got %v, %v, header %v, line %d", got, err, d.HeaderDone(), d.Line())
	}
}

func TestTrailingFieldsAreRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		opts connect.Options
	}{
		{"1,a,\n", nil}, {"1,a,b,\n", connect.Options{"allow-trailing-comma": "true"}}, {"1,a,b\n", connect.Options{"allow-trailing-comma": "true"}},
		{"1,a,,\n", connect.Options{"allow-trailing-comma": "true"}}, {"1,a,\"\"\n", connect.Options{"allow-trailing-comma": "true"}},
		{"1\n", connect.Options{"ignore-trailing-unmappable": "true"}},
	} {
		if got, err := decode(t, fields(types.BigIntT, types.StringT), c.opts, c.text); diag.CodeOf(err) != diag.MalformedRecord {
			t.Errorf("%q with %v: %v, %v", c.text, c.opts, got, err)
		}
	}
}

// Records that encoding/csv writes are read as it reads them, and what the encoder
// writes it reads.
func TestAgreesWithEncodingCSV(t *testing.T) {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("ab,;\"\n\t #é日\\'0")), 0, 30, -1)
	rapid.Check(t, func(t *rapid.T) {
		delim := rapid.SampledFrom([]rune{',', ';', '\t', '|'}).Draw(t, "delimiter")
		n := rapid.IntRange(2, 5).Draw(t, "columns")
		records := rapid.SliceOfN(rapid.SliceOfN(text, n, n), 0, 10).Draw(t, "records")
		crlf := rapid.Bool().Draw(t, "crlf")
		var schema types.Schema
		var want conform.Rows
		for i := range n {
			schema = append(schema, types.Field{Name: "c" + strconv.Itoa(i), Type: types.StringT})
		}
		var buf bytes.Buffer
		w := stdcsv.NewWriter(&buf)
		w.Comma = delim
		rows := batch.NewBatchBuilder(schema.Types()...)
		for _, r := range records {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
			row := "+I"
			for i, v := range r {
				row += " " + strconv.Quote(v)
				rows.Col(i).AppendAny(v)
			}
			rows.EndRow(batch.Insert)
			want = append(want, row)
		}
		w.Flush()
		data := buf.Bytes()
		if crlf {
			// Only ends of records: a break inside of quotes is data.
			data = nil
			quoted := false
			for _, c := range buf.Bytes() {
				quoted = quoted != (c == '"')
				if c == '\n' && !quoted {
					data = append(data, '\r')
				}
				data = append(data, c)
			}
		}
		opts := connect.Options{"field-delimiter": string(delim)}
		d, err := csv.Format.Decoder(schema, nil, opts, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := conform.Decode(d, data, rapid.IntRange(1, 50).Draw(t, "piece"), 3)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("read %q\ngot  %v, %v\nwant %v", data, got, err, want)
		}
		e, err := csv.Format.Encoder(schema, opts, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := e.Encode(nil, rows.Finish())
		if err != nil {
			t.Fatal(err)
		}
		r := stdcsv.NewReader(bytes.NewReader(out))
		r.Comma, r.FieldsPerRecord = delim, n
		back, err := r.ReadAll()
		if err != nil || len(back) != len(records) || len(back) > 0 && !reflect.DeepEqual(back, records) {
			t.Fatalf("wrote %q\nwhich is %q, %v\nwant %q", out, back, err, records)
		}
	})
}

func TestOptionsAreChecked(t *testing.T) {
	s := fields(types.BigIntT)
	for _, o := range []connect.Options{
		{"field-delimiter": "ab"}, {"field-delimiter": ""}, {"field-delimiter": "\""}, {"quote-character": "xy"},
		{"disable-quote-character": "true", "quote-character": "'"}, {"array-element-delimiter": ""}, {"allow-comments": "maybe"},
	} {
		if _, err := csv.Format.Decoder(s, nil, o, nil); diag.CodeOf(err) != diag.InvalidOption {
			t.Errorf("%v: %v", o, err)
		}
	}
	if _, err := csv.Format.Decoder(fields(types.MapT(types.StringT, types.IntT)), nil, nil, nil); diag.CodeOf(err) != diag.UnsupportedByFlink {
		t.Errorf("a map: %v", err)
	}
}

// FuzzDecode checks that no input makes a decoder fail in another way than by an
// error, and that pieces do not matter.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"1,a,2.5\n", "\"1\",\"a\"\"b\",\n", "1,\"a\nb\",x\r\n2,c,3", "#x\n,,\n", "\\,\"\\\"", "1,\"", "\ufeff1"} {
		f.Add([]byte(s), uint8(3), uint8(0))
	}
	s := fields(types.BigIntT, types.StringT, types.DecimalT(20, 3))
	f.Fuzz(func(t *testing.T, data []byte, piece, bits uint8) {
		o := connect.Options{"ignore-parse-errors": "true"}
		for i, kv := range [][2]string{{"escape-character", "\\"}, {"allow-comments", "true"}, {"trim-spaces", "true"}, {"ignore-trailing-unmappable", "true"},
			{"allow-trailing-comma", "true"}, {"fail-on-missing-columns", "true"}, {"disable-quote-character", "true"}, {"field-delimiter", "\t"}} {
			if bits>>i&1 != 0 {
				o[kv[0]] = kv[1]
			}
		}
		whole, err := csv.Format.Decoder(s, nil, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := conform.Decode(whole, data, len(data)+1, 1000)
		if err != nil {
			t.Fatal(err)
		}
		b, err := conform.Decode(whole, data, int(piece)+1, 3)
		if err != nil || !slices.Equal(a, b) {
			t.Fatalf("whole %v\npieces %v, %v", a, b, err)
		}
	})
}

func benchData() []byte {
	var b bytes.Buffer
	for i := range 10_000 {
		b.WriteString(strconv.Itoa(1000+i) + "," + strconv.Itoa(i*7919%100_000) + "," + strconv.Itoa(i%977*100) +
			",Google,https://www.nexmark.com/abc/def/item.htm?query=1&channel_id=" + strconv.Itoa(i) + ",2020-01-01 00:00:00." + strconv.Itoa(100+i%900) + ",extra text of some length that is not used\n")
	}
	return b.Bytes()
}

var benchSchema = fields(types.BigIntT, types.BigIntT, types.BigIntT, types.StringT, types.StringT, types.TimestampT(3), types.StringT)

// plainLoop is what one would write by hand for just these columns: no quotes, no
// NULL, no mistakes. Strings are kept as views into data.
func plainLoop(data []byte, ints [3][]int64, strs [3][][]byte, times []int64) int {
	row := 0
	for len(data) > 0 && row < len(times) {
		for k := range 7 {
			end := byte(',')
			if k == 6 {
				end = '\n'
			}
			n := bytes.IndexByte(data, end)
			v := data[:n]
			data = data[n+1:]
			switch k {
			case 0, 1, 2:
				x := int64(0)
				for _, c := range v {
					x = x*10 + int64(c-'0')
				}
				ints[k][row] = x
			case 5:
				two := func(i int) int64 { return int64(v[i]-'0')*10 + int64(v[i+1]-'0') }
				y, m, d := two(0)*100+two(2), two(5), two(8)
				if m <= 2 {
					y, m = y-1, m+12
				}
				days := y*365 + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 719469
				times[row] = ((days*24+two(11))*60+two(14))*60_000 + two(17)*1000 + two(20)*10 + int64(v[22]-'0')
			default:
				strs[k/2-1][row] = v
			}
		}
		row++
	}
	return row
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
	if times[0] != 1577836800100 || ints[1][1] != 7919 || string(strs[0][0]) != "Google" {
		b.Fatalf("the plain loop read %d, %d, %q", times[0], ints[1][1], strs[0][0])
	}
	for _, c := range []struct {
		name string
		read connect.Projection
	}{{"all", nil}, {"two", connect.Projection{{0}, {2}}}} {
		b.Run(c.name, func(b *testing.B) {
			d, err := csv.Format.Decoder(benchSchema, c.read, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			conform.BenchDecode(b, d, data, plain)
		})
	}
	b.Run("encoding/csv", func(b *testing.B) {
		conform.Bench(b, plain, func() int {
			r := stdcsv.NewReader(bytes.NewReader(data))
			r.ReuseRecord = true
			for rows := 0; ; rows++ {
				if _, err := r.Read(); err != nil {
					return rows
				}
			}
		})
	})
}

func BenchmarkEncode(b *testing.B) {
	data := benchData()
	d, err := csv.Format.Decoder(benchSchema, nil, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	var in batch.Batch
	if _, err := d.Decode(&in, data, 0, true, batch.MaxRows); err != nil {
		b.Fatal(err)
	}
	e, err := csv.Format.Encoder(benchSchema, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	var out []byte
	for b.Loop() {
		if out, err = e.Encode(out[:0], &in); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(out)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*in.N), "ns/row")
}
