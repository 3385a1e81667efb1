package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/connectors/format/json"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/conform"
)

// text draws a JSON string: characters, escapes, parts of pairs.
func text(t *rapid.T) string {
	if rapid.Bool().Draw(t, "plain") {
		b, _ := stdjson.Marshal(rapid.StringN(0, 30, -1).Draw(t, "text"))
		return string(b)
	}
	out := `"`
	for range rapid.IntRange(0, 8).Draw(t, "parts") {
		out += rapid.SampledFrom([]string{"a", "é", "日本", "😀", `\"`, `\\`, `\/`, `\n`, `\t`, `\b`, `\f`, `\r`, `\u0041`, `\u00e9`, `\ud83d\ude00`, `\ud83d`, `\ude00`, "a longer piece of text", ",", "}", "]", ":"}).Draw(t, "part")
	}
	return out + `"`
}

// value draws any JSON value.
func value(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind %= 5
	}
	switch kind {
	case 0:
		return "null"
	case 1:
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
	case 2:
		return strconv.FormatInt(rapid.Int64().Draw(t, "whole"), 10)
	case 3:
		return rapid.SampledFrom([]string{"0", "-0", "1.5", "1e3", "-2.5E-3", "100000000000000000000"}).Draw(t, "number")
	case 4:
		return text(t)
	}
	n := rapid.IntRange(0, 3).Draw(t, "size")
	out := ""
	for i := range n {
		if i > 0 {
			out += space(t) + ","
		}
		if kind == 5 {
			out += text(t) + space(t) + ":"
		}
		out += space(t) + value(t, depth-1)
	}
	if kind == 5 {
		return "{" + out + space(t) + "}"
	}
	return "[" + out + space(t) + "]"
}

func space(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", "", " ", "\t ", "\r"}).Draw(t, "space")
}

var naiveSchema = types.Schema{
	{Name: "n", Type: types.BigIntT}, {Name: "s", Type: types.StringT}, {Name: "d", Type: types.DoubleT}, {Name: "b", Type: types.BooleanT},
	{Name: "list", Type: types.ArrayT(types.BigIntT)}, {Name: "row", Type: types.RowT(types.Field{Name: "s", Type: types.StringT}, types.Field{Name: "n", Type: types.BigIntT})},
}

// member draws a field of the schema, or another one, with a value of its type.
func member(t *rapid.T) string {
	whole := func() string { return strconv.FormatInt(rapid.Int64().Draw(t, "n"), 10) }
	null := func(v string) string {
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			return "null"
		}
		return v
	}
	sep := space(t) + ":" + space(t)
	switch rapid.IntRange(0, 6).Draw(t, "field") {
	case 0:
		return `"n"` + sep + null(whole())
	case 1:
		return `"s"` + sep + null(text(t))
	case 2:
		b, _ := stdjson.Marshal(rapid.Float64().Draw(t, "d"))
		return `"d"` + sep + null(string(b))
	case 3:
		return `"b"` + sep + null(rapid.SampledFrom([]string{"true", "false"}).Draw(t, "b"))
	case 4:
		v := "["
		for i := range rapid.IntRange(0, 3).Draw(t, "len") {
			if i > 0 {
				v += space(t) + ","
			}
			v += space(t) + null(whole())
		}
		return `"list"` + sep + null(v+space(t)+"]")
	case 5:
		return `"row"` + sep + null(`{`+space(t)+`"s":`+null(text(t))+`,"other":`+value(t, 1)+`, "n" : `+null(whole())+`}`)
	}
	return `"x` + text(t)[1:] + sep + value(t, 3)
}

// show is a value of encoding/json as conform shows the column's.
func show(v any, ty types.Type) string {
	if v == nil {
		return "NULL"
	}
	switch ty.Kind {
	case types.BigInt:
		return v.(stdjson.Number).String()
	case types.Double:
		f, _ := v.(stdjson.Number).Float64()
		return fmt.Sprint(f)
	case types.Boolean:
		return fmt.Sprint(v)
	case types.Array:
		out := "["
		for i, e := range v.([]any) {
			if i > 0 {
				out += " "
			}
			out += show(e, *ty.Elem)
		}
		return out + "]"
	case types.Row:
		m := v.(map[string]any)
		out := "["
		for i, f := range ty.Fields {
			if i > 0 {
				out += " "
			}
			out += show(m[f.Name], f.Type)
		}
		return out + "]"
	}
	return strconv.Quote(v.(string))
}

// Lines are read as encoding/json reads them, whatever the order of fields, the
// spaces, and the fields that nobody asked for.
func TestAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var data []byte
		var want conform.Rows
		for range rapid.IntRange(1, 6).Draw(t, "lines") {
			line := space(t) + "{" + space(t)
			for i := range rapid.IntRange(0, 8).Draw(t, "fields") {
				if i > 0 {
					line += "," + space(t)
				}
				line += member(t)
			}
			line += space(t) + "}" + space(t)
			dec := stdjson.NewDecoder(bytes.NewReader([]byte(line)))
			dec.UseNumber()
			var m map[string]any
			if err := dec.Decode(&m); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			row := "+I"
			for _, f := range naiveSchema {
				row += " " + show(m[f.Name], f.Type)
			}
			want = append(want, row)
			data = append(append(data, line...), '\n')
		}
		d, err := json.Format.Decoder(naiveSchema, nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := conform.Decode(d, data, rapid.IntRange(1, 300).Draw(t, "piece"), 3)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%s\ngot  %v, %v\nwant %v", data, got, err, want)
		}
	})
}
