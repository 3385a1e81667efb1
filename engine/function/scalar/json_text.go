package scalar

import (
	"unicode/utf16"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// isJSONFunc makes a test for JSON of a kind. NULL is no JSON.
func isJSONFunc(what, article string, is func(kernel.JSONKind) bool, examples ...function.Example) function.Func {
	return function.Func{
		Name: "IS JSON " + what, Category: function.JSON,
		Summary:    "TRUE if the string is " + article + " in JSON.",
		Signatures: []string{"string IS [NOT] JSON " + what},
		Examples:   examples,
		Infer: spec{params: []class{text}, result: types.BooleanT.Nullable(false), loose: true, cost: 80, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			s := kernel.StrsOf(args[0])
			for i := range kernel.Lanes(n, live) {
				if args[0].IsNull(i) {
					continue
				}
				if kind, _, _ := kernel.CheckJSON(s.At(i)); is(kind) {
					batch.SetBit(dst.Bits, i)
				}
			}
			return nil
		}}.infer,
	}
}

var (
	isJSONValue = isJSONFunc("VALUE", "a value", func(k kernel.JSONKind) bool { return k != kernel.JSONInvalid },
		function.Example{SQL: "'1' IS JSON", Want: "TRUE"}, function.Example{SQL: "'[]' IS JSON", Want: "TRUE"}, function.Example{SQL: "'abc' IS JSON", Want: "FALSE"},
		function.Example{SQL: `'"abc"' IS JSON`, Want: "TRUE"}, function.Example{SQL: "CAST(NULL AS STRING) IS JSON", Want: "FALSE"})
	isJSONScalar = isJSONFunc("SCALAR", "a number, string, boolean or null", kernel.JSONKind.Scalar,
		function.Example{SQL: "'1' IS JSON SCALAR", Want: "TRUE"}, function.Example{SQL: "'[]' IS JSON SCALAR", Want: "FALSE"})
	isJSONArray = isJSONFunc("ARRAY", "an array", func(k kernel.JSONKind) bool { return k == kernel.JSONArray },
		function.Example{SQL: "'[]' IS JSON ARRAY", Want: "TRUE"}, function.Example{SQL: "'{}' IS NOT JSON ARRAY", Want: "TRUE"})
	isJSONObject = isJSONFunc("OBJECT", "an object", func(k kernel.JSONKind) bool { return k == kernel.JSONObject },
		function.Example{SQL: "'{}' IS JSON OBJECT", Want: "TRUE"}, function.Example{SQL: "'[]' IS JSON OBJECT", Want: "FALSE"})
)

var jsonQuote = function.Func{
	Name: "JSON_QUOTE", Category: function.JSON,
	Summary:    "The string in quotes and with escapes, as a JSON string.",
	Signatures: []string{"JSON_QUOTE(string)"},
	Examples:   []function.Example{{SQL: `JSON_QUOTE('a"b')`, Want: `"a\"b"`}, {SQL: `JSON_QUOTE('1/2 ≥')`, Want: `"1\/2 \u2265"`}},
	Infer: spec{params: []class{text}, result: types.StringT, cost: 30, eval: makeText(func(w *batch.Writer, s []byte) {
		w.Buf = append(w.Buf, '"')
		for len(s) > 0 {
			r, k := utf8.DecodeRune(s)
			switch {
			case r == '/':
				w.Buf = append(w.Buf, '\\', '/')
			case r < utf8.RuneSelf:
				q := kernel.AppendQuoted(w.Buf, s[:1])
				w.Buf = append(q[:len(w.Buf)], q[len(w.Buf)+1:len(q)-1]...)
			default:
				a, b := utf16.EncodeRune(r)
				if a == utf8.RuneError {
					w.Buf = appendEscape(w.Buf, r)
				} else {
					w.Buf = appendEscape(appendEscape(w.Buf, a), b)
				}
			}
			s = s[k:]
		}
		w.Buf = append(w.Buf, '"')
	})}.infer,
}

func appendEscape(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

var jsonUnquote = function.Func{
	Name: "JSON_UNQUOTE", Category: function.JSON,
	Summary:    "The text of a JSON string without quotes and escapes; anything else stays as it is.",
	Signatures: []string{"JSON_UNQUOTE(string)"},
	Examples:   []function.Example{{SQL: `JSON_UNQUOTE('"a\"b\u2265"')`, Want: `a"b≥`}, {SQL: `JSON_UNQUOTE('"bad')`, Want: `"bad`}, {SQL: `JSON_UNQUOTE('[1]')`, Want: "[1]"}},
	Infer: spec{params: []class{text}, result: types.StringT, cost: 30, eval: makeText(func(w *batch.Writer, s []byte) {
		if kind, from, to := kernel.CheckJSON(s); kind == kernel.JSONString {
			w.Buf = kernel.AppendUnquoted(w.Buf, s[from:to])
			return
		}
		w.Buf = append(w.Buf, s...)
	})}.infer,
}
