package scalar

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var jsonString = function.Func{
	Name: "JSON_STRING", Category: function.JSON,
	Summary:    "A value as JSON.",
	Signatures: []string{"JSON_STRING(value)"},
	Examples: []function.Example{
		{SQL: "JSON_STRING(1)", Want: "1"}, {SQL: "JSON_STRING(TRUE)", Want: "true"}, {SQL: "JSON_STRING('Hello, World!')", Want: `"Hello, World!"`},
		{SQL: "JSON_STRING(ARRAY[1, 2])", Want: "[1,2]"}, {SQL: "JSON_STRING(CAST(NULL AS INT))", Want: "NULL"},
		{SQL: "JSON_STRING(TIMESTAMP '1990-06-02 13:37:42.001')", Want: `"1990-06-02T13:37:42.001"`}, {SQL: "JSON_STRING(x'4D')", Want: `"TQ=="`},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return spec{params: []class{anything}, result: types.StringT, cost: 60, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			for i := range kernel.Lanes(n, live) {
				w.Buf = kernel.AppendJSON(w.Buf, args[0], i)
				dst.Views[i] = w.End()
			}
			w.Close()
			return nil
		}}.infer(c)
	},
}

// jsonParts are the values of a JSON constructor: which of them are JSON already,
// and whether NULLs are left out.
type jsonParts struct {
	raw    []bool
	absent bool
}

// jsonClauses reads the clauses that stand behind the values: "RAW i" for a value that is
// JSON itself, and NULL ON NULL or ABSENT ON NULL.
func jsonClauses(c *function.Call, absent bool) (p jsonParts, values int) {
	p.absent = absent
	values = len(c.Args)
	for values > 0 {
		switch word := c.Args[values-1].Clause(); {
		case word == "NULL ON NULL", word == "ABSENT ON NULL":
			p.absent = word == "ABSENT ON NULL"
		case strings.HasPrefix(word, "RAW "):
			k, _ := strconv.Atoi(word[4:])
			for len(p.raw) <= k {
				p.raw = append(p.raw, false)
			}
			p.raw[k] = true
		default:
			return p, values
		}
		values--
	}
	return p, values
}

func (p *jsonParts) isRaw(k int) bool { return k < len(p.raw) && p.raw[k] }

// append writes value k of lane i.
func (p *jsonParts) append(dst []byte, args []*batch.Col, k, i int) []byte {
	if !p.isRaw(k) {
		return kernel.AppendJSON(dst, args[k], i)
	}
	var tmp [batch.InlineMax]byte
	if args[k].IsNull(i) {
		return append(dst, "null"...)
	}
	return append(dst, args[k].Bytes(i, &tmp)...)
}

var jsonObject = function.Func{
	Name: "JSON_OBJECT", Category: function.JSON,
	Summary:    "A JSON object of keys and values, with its keys in order.",
	Signatures: []string{"JSON_OBJECT([[KEY] key VALUE value, ...] [{NULL | ABSENT} ON NULL])"},
	Examples: []function.Example{
		{SQL: "JSON_OBJECT()", Want: "{}"}, {SQL: "JSON_OBJECT('K1' VALUE 'V1', 'K2' VALUE 'V2')", Want: `{"K1":"V1","K2":"V2"}`},
		{SQL: "JSON_OBJECT('b' VALUE 1, 'a' VALUE 2)", Want: `{"a":2,"b":1}`}, {SQL: "JSON_OBJECT(KEY 'K1' VALUE CAST(NULL AS STRING) NULL ON NULL)", Want: `{"K1":null}`},
		{SQL: "JSON_OBJECT(KEY 'K1' VALUE CAST(NULL AS STRING) ABSENT ON NULL)", Want: "{}"},
		{SQL: "JSON_OBJECT('K1' VALUE JSON_OBJECT('K2' VALUE 'V'))", Want: `{"K1":{"K2":"V"}}`}, {SQL: `JSON_OBJECT('a' VALUE JSON('{"b": [1, 2]}'))`, Want: `{"a":{"b":[1,2]}}`},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, values := jsonClauses(c, false)
		type member struct {
			name []byte
			k    int
		}
		var list []member
		for k := 0; k+1 < values; k += 2 {
			name, ok := literal(c, k)
			if !ok {
				return function.Resolved{}, diag.New(diag.InvalidArgument, "the keys of JSON_OBJECT must be constant strings")
			}
			m := member{kernel.AppendQuoted(nil, []byte(name)), k + 1}
			if at := slices.IndexFunc(list, func(o member) bool { return bytes.Equal(o.name, m.name) }); at >= 0 {
				list[at] = m
				continue
			}
			list = append(list, m)
		}
		slices.SortFunc(list, func(a, b member) int { return bytes.Compare(a.name, b.name) })
		return jsonResolved(c, func(w *batch.Writer, args []*batch.Col, i int) {
			w.Buf = append(w.Buf, '{')
			first := true
			for _, m := range list {
				if p.absent && args[m.k].IsNull(i) {
					continue
				}
				if !first {
					w.Buf = append(w.Buf, ',')
				}
				first = false
				w.Buf = append(append(w.Buf, m.name...), ':')
				w.Buf = p.append(w.Buf, args, m.k, i)
			}
			w.Buf = append(w.Buf, '}')
		}), nil
	},
}

// jsonResolved is a call that writes one document a lane.
func jsonResolved(c *function.Call, write func(w *batch.Writer, args []*batch.Col, i int)) function.Resolved {
	r := function.Resolved{Result: types.StringT.Nullable(false), Cost: 40 + 30*len(c.Args)}
	for _, a := range c.Args {
		r.Params = append(r.Params, a.Type.Plain())
	}
	r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		w := f.Strings(dst)
		for i := range kernel.Lanes(n, live) {
			write(&w, args, i)
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
	return r
}

var jsonArray = function.Func{
	Name: "JSON_ARRAY", Category: function.JSON,
	Summary:    "A JSON array of the values; NULLs are left out unless NULL ON NULL is given.",
	Signatures: []string{"JSON_ARRAY([value, ...] [{NULL | ABSENT} ON NULL])"},
	Examples: []function.Example{
		{SQL: "JSON_ARRAY()", Want: "[]"}, {SQL: "JSON_ARRAY(1, '2')", Want: `[1,"2"]`}, {SQL: "JSON_ARRAY(CAST(NULL AS STRING) NULL ON NULL)", Want: "[null]"},
		{SQL: "JSON_ARRAY(CAST(NULL AS STRING) ABSENT ON NULL)", Want: "[]"}, {SQL: "JSON_ARRAY(JSON_ARRAY(1))", Want: "[[1]]"}, {SQL: `JSON_ARRAY(JSON('{"nested_json": {"value": 42}}'))`, Want: `[{"nested_json":{"value":42}}]`},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, values := jsonClauses(c, true)
		return jsonResolved(c, func(w *batch.Writer, args []*batch.Col, i int) {
			w.Buf = append(w.Buf, '[')
			first := true
			for k := range values {
				if p.absent && args[k].IsNull(i) {
					continue
				}
				if !first {
					w.Buf = append(w.Buf, ',')
				}
				first = false
				w.Buf = p.append(w.Buf, args, k, i)
			}
			w.Buf = append(w.Buf, ']')
		}), nil
	},
}

var jsonRaw = function.Func{
	Name: "JSON", Category: function.JSON,
	Summary:    "Text that is JSON, as a value of JSON_OBJECT or JSON_ARRAY; NULL and empty text are null.",
	Signatures: []string{"JSON(string)"},
	Examples:   []function.Example{{SQL: `JSON_ARRAY(JSON('[1, {"b": 2, "a": 1}]'))`, Want: `[[1,{"a":1,"b":2}]]`}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return spec{params: []class{text}, result: types.StringT, nullable: true, fallible: true, cost: 100, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			s := kernel.StrsOf(args[0])
			for i := range kernel.Lanes(n, live) {
				v := s.At(i)
				if len(v) == 0 {
					setNull(dst, i, n)
					continue
				}
				if kind, _, _ := kernel.CheckJSON(v); kind == kernel.JSONInvalid {
					return fail(i, "Invalid JSON string in JSON(value) function")
				}
				w.Buf = kernel.AppendCompact(w.Buf, v, true)
				dst.Views[i] = w.End()
			}
			w.Close()
			return nil
		}}.infer(c)
	},
}
