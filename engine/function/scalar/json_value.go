package scalar

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Clauses of the JSON functions come as further arguments, CHAR literals such as
// "NULL ON EMPTY", with the value of DEFAULT behind its clause.

// jsonClause is what to do on an empty result or an error.
type jsonClause struct {
	word  string // ERROR, NULL, TRUE, EMPTY ARRAY, DEFAULT, ...
	value string // the value of DEFAULT
}

// jsonSpec is a call of a JSON function understood.
type jsonSpec struct {
	path      *kernel.JSONPath // nil when it is no constant
	returning types.Type
	wrapper   string
	onEmpty   jsonClause
	onError   jsonClause
}

var jsonReturning = map[string]types.Type{
	"BOOLEAN": types.BooleanT, "INT": types.IntT, "DOUBLE": types.DoubleT, "STRING": types.StringT,
	"ARRAY<STRING>": types.ArrayT(types.StringT),
}

// jsonCall reads document, path and clauses.
func jsonCall(c *function.Call, onEmpty, onError string, returning ...string) (jsonSpec, []types.Type, error) {
	s := jsonSpec{returning: types.StringT, onEmpty: jsonClause{word: onEmpty}, onError: jsonClause{word: onError}}
	if err := count(c, 2, 2, true); err != nil {
		return s, nil, err
	}
	params, err := match(&function.Call{Name: c.Name, Args: c.Args[:2]}, 0, false, text, text)
	if err != nil {
		return s, nil, err
	}
	if p, ok := literal(c, 1); ok {
		if s.path, err = kernel.CompileJSONPath(p); err != nil {
			return s, nil, diag.New(diag.Unsupported, "%s", err)
		}
	}
	for i := 2; i < len(c.Args); i++ {
		word := c.Args[i].Clause()
		params = append(params, c.Args[i].Type.Plain())
		switch {
		case strings.HasPrefix(word, "RETURNING "):
			name := strings.TrimPrefix(word, "RETURNING ")
			if strings.HasPrefix(name, "VARCHAR") || strings.HasPrefix(name, "CHAR") {
				name = "STRING"
			}
			t, ok := jsonReturning[name]
			if !ok || !contains(returning, name) {
				return s, nil, diag.New(diag.InvalidArgument, "%s returns one of %s, not %s", c.Name, strings.Join(returning, ", "), name)
			}
			s.returning = t
		case strings.HasSuffix(word, " WRAPPER"):
			s.wrapper = strings.TrimSuffix(word, " WRAPPER")
		case strings.HasSuffix(word, " ON EMPTY"), strings.HasSuffix(word, " ON ERROR"):
			clause := jsonClause{word: word[:len(word)-9]}
			if clause.word == "DEFAULT" {
				i++
				if clause.value, err = jsonDefault(c, i); err != nil {
					return s, nil, err
				}
				params = append(params, c.Args[i].Type.Plain())
			}
			if strings.HasSuffix(word, " ON EMPTY") {
				s.onEmpty = clause
			} else {
				s.onError = clause
			}
		default:
			return s, nil, diag.New(diag.InvalidArgument, "%s does not take %d arguments", c.Name, len(c.Args))
		}
	}
	return s, params, nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// jsonDefault is the text of the constant behind DEFAULT.
func jsonDefault(c *function.Call, i int) (string, error) {
	if i >= len(c.Args) || c.Args[i].Lit == nil || c.Args[i].Lit.IsNull(0) {
		return "", diag.New(diag.InvalidArgument, "DEFAULT of %s must be a constant", c.Name)
	}
	l := c.Args[i].Lit
	s := string(kernel.AppendText(nil, l, 0, nil))
	if l.Type.Kind == types.Boolean {
		s = strings.ToLower(s)
	}
	return s, nil
}

// jsonReader looks things up in documents; it keeps its memory between batches.
type jsonReader struct {
	jsonSpec
	varies bool   // the path is no constant
	text   string // of the path then
	spans  [][2]int
	tmp    []byte
}

func newJSONReader(s jsonSpec) *jsonReader { return &jsonReader{jsonSpec: s, varies: s.path == nil} }

// at gives the values that the path of lane i leads to in s. ok is false when there
// is a mistake in the path, in the document or, under a strict path, nothing to be
// found or null alone, and where the document is null; empty when a lax path finds
// nothing.
func (r *jsonReader) at(s []byte, paths *kernel.Strs, i int) (spans [][2]int, empty, ok bool, err error) {
	if r.varies {
		if p := paths.At(i); r.path == nil || string(p) != r.text {
			if r.path, err = kernel.CompileJSONPath(string(p)); err != nil {
				return nil, false, false, fail(i, "%s", err)
			}
			r.text = string(p)
		}
	}
	if r.path.Mistake != nil {
		kind, _, _ := kernel.CheckJSON(s)
		empty = r.path.Lax && kind == kernel.JSONInvalid
		return nil, empty, empty, nil
	}
	if r.path.Direct() {
		from, to, valid := r.path.FindChecked(s)
		if !valid { // a lax path finds nothing in what is no JSON
			return nil, r.path.Lax, r.path.Lax, nil
		}
		if from < 0 {
			ok = r.path.Lax && !isJSONNull(s)
			return nil, ok, ok, nil
		}
		r.spans = append(r.spans[:0], [2]int{from, to})
		return r.spans, false, !isJSONNull(s[from:to]) || r.path.Lax && !isJSONNull(s), nil
	}
	if kind, _, _ := kernel.CheckJSON(s); kind == kernel.JSONInvalid {
		return nil, r.path.Lax, r.path.Lax, nil
	}
	var found bool
	r.spans, found = r.path.Find(s, r.spans[:0])
	if !found {
		ok = r.path.Lax && !isJSONNull(s)
		return nil, ok, ok, nil
	}
	return r.spans, false, !r.nullAlone(s, r.spans) || r.path.Lax && !isJSONNull(s), nil
}

// mistake is what an ERROR clause says: what is wrong with the path, or else what the
// function says of a document.
func (r *jsonReader) mistake(what string) string {
	if r.path.Mistake != nil {
		return "reads nothing: " + r.path.Mistake.Error()
	}
	return what
}

// nullAlone reports whether a path led to null alone, which Flink takes for nothing.
func (r *jsonReader) nullAlone(doc []byte, spans [][2]int) bool {
	return !r.path.Many && len(spans) == 1 && isJSONNull(doc[spans[0][0]:spans[0][1]])
}

// isJSONNull reports whether a JSON text is null.
func isJSONNull(s []byte) bool { return string(bytes.TrimSpace(s)) == "null" }

var jsonExists = function.Func{
	Name: "JSON_EXISTS", Category: function.JSON,
	Summary:    "TRUE if the path leads to something in the JSON document that is not null.",
	Signatures: []string{"JSON_EXISTS(json, path [{TRUE | FALSE | UNKNOWN | ERROR} ON ERROR])"},
	Examples: []function.Example{
		{SQL: `JSON_EXISTS('{"a": true}', '$.a')`, Want: "TRUE"}, {SQL: `JSON_EXISTS('{"a": true}', '$.b')`, Want: "FALSE"},
		{SQL: `JSON_EXISTS('{"a": [{ "b": 1 }]}', '$.a[0].b')`, Want: "TRUE"}, {SQL: `JSON_EXISTS('{"a": true}', 'strict $.b' TRUE ON ERROR)`, Want: "TRUE"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		s, params, err := jsonCall(c, "", "FALSE")
		if err != nil {
			return function.Resolved{}, err
		}
		switch s.onError.word {
		case "TRUE", "FALSE", "UNKNOWN", "ERROR":
		default:
			return function.Resolved{}, diag.New(diag.InvalidArgument, "%s ON ERROR does not belong to JSON_EXISTS", s.onError.word)
		}
		r := function.Resolved{Params: params, Result: types.BooleanT, Strict: true, Fallible: s.onError.word == "ERROR" || s.path == nil, Cost: 150}
		r.Make = func() function.Kernel {
			j := newJSONReader(s)
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				docs, paths := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
				for i := range kernel.Lanes(n, live) {
					spans, empty, ok, err := j.at(docs.At(i), &paths, i)
					if err != nil {
						return err
					}
					word := "TRUE"
					if !ok {
						word = j.onError.word
					} else if empty || j.nullAlone(docs.At(i), spans) {
						word = "FALSE"
					}
					switch word {
					case "TRUE":
						batch.SetBit(dst.Bits, i)
					case "UNKNOWN":
						dst.SetNull(i, n)
					case "ERROR":
						return fail(i, "JSON_EXISTS %s", j.mistake("finds a mistake in the document or nothing at the path"))
					}
				}
				return nil
			}
		}
		return r, nil
	},
}

var jsonValue = function.Func{
	Name: "JSON_VALUE", Category: function.JSON,
	Summary: "The number, string or boolean that the path leads to in the JSON document; NULL if there is none.",
	Signatures: []string{
		"JSON_VALUE(json, path [RETURNING {STRING | BOOLEAN | INTEGER | DOUBLE}] [{NULL | ERROR | DEFAULT value} ON EMPTY] [{NULL | ERROR | DEFAULT value} ON ERROR])",
	},
	Examples: []function.Example{
		{SQL: `JSON_VALUE('{"a": true}', '$.a')`, Want: "true"}, {SQL: `JSON_VALUE('{"a": true}', '$.a' RETURNING BOOLEAN)`, Want: "TRUE"},
		{SQL: `JSON_VALUE('{"a": true}', 'lax $.b' DEFAULT FALSE ON EMPTY)`, Want: "false"}, {SQL: `JSON_VALUE('{"a": true}', 'strict $.b' DEFAULT FALSE ON ERROR)`, Want: "false"},
		{SQL: `JSON_VALUE('{"a.b": [0.998,0.996]}', '$.["a.b"][0]' RETURNING DOUBLE)`, Want: "0.998"},
		{SQL: `JSON_VALUE('{"contains blank": "right"}', 'strict $.[''contains blank'']' NULL ON EMPTY DEFAULT 'wrong' ON ERROR)`, Want: "right"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		s, params, err := jsonCall(c, "NULL", "NULL", "STRING", "BOOLEAN", "INT", "DOUBLE")
		if err != nil {
			return function.Resolved{}, err
		}
		for _, w := range []jsonClause{s.onEmpty, s.onError} {
			switch w.word {
			case "NULL", "ERROR":
			case "DEFAULT":
				if _, ok := scalarOf(s.returning, []byte(w.value)); !ok {
					return function.Resolved{}, diag.New(diag.InvalidArgument, "DEFAULT %s is no %s", w.value, s.returning)
				}
			default:
				return function.Resolved{}, diag.New(diag.InvalidArgument, "%s does not belong to JSON_VALUE", w.word)
			}
		}
		r := function.Resolved{Params: params, Result: s.returning, Strict: true, Fallible: true, Cost: 200}
		r.Make = func() function.Kernel {
			j := newJSONReader(s)
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				return j.values(f, dst, args, n, live)
			}
		}
		return r, nil
	},
}

func (r *jsonReader) values(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	var w batch.Writer
	if dst.Views != nil {
		kernel.ShareBufs(dst, args[0])
		w = f.Strings(dst)
	}
	docs, paths := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
	for i := range kernel.Lanes(n, live) {
		s := docs.At(i)
		spans, empty, ok, err := r.at(s, &paths, i)
		if err != nil {
			return err
		}
		var v []byte
		if ok && !empty {
			switch {
			case r.path.Many || s[spans[0][0]] == '{' || s[spans[0][0]] == '[':
				ok, empty = r.path.Lax, r.path.Lax // not a scalar
			case s[spans[0][0]] == 'n':
				empty = true
			case s[spans[0][0]] == '"':
				from, to := spans[0][0]+1, spans[0][1]-1
				if bytes.IndexByte(s[from:to], '\\') < 0 {
					if dst.Views != nil {
						dst.Views[i] = kernel.SubView(docs.View(i), s, from, to)
						continue
					}
					v = s[from:to]
					break
				}
				r.tmp = kernel.AppendUnquoted(r.tmp[:0], s[spans[0][0]:spans[0][1]])
				v = r.tmp
			default:
				r.tmp = kernel.AppendJSONNumber(r.tmp[:0], s[spans[0][0]:spans[0][1]])
				v = r.tmp
			}
		}
		if ok && !empty {
			if ok = r.put(&w, dst, i, v); ok {
				continue
			}
		}
		clause, what := r.onError, r.mistake("finds a mistake in the document or no value at the path")
		if ok {
			clause, what = r.onEmpty, "finds nothing at the path"
		}
		switch clause.word {
		case "ERROR":
			return fail(i, "JSON_VALUE %s", what)
		case "DEFAULT":
			r.put(&w, dst, i, []byte(clause.value))
		default:
			setNull(dst, i, n)
		}
	}
	if dst.Views != nil {
		w.Close()
	}
	return nil
}

// put stores a scalar in the result and reports whether it is of its type.
func (r *jsonReader) put(w *batch.Writer, dst *batch.Col, i int, v []byte) bool {
	if dst.Views != nil {
		w.Buf = append(w.Buf, v...)
		dst.Views[i] = w.End()
		return true
	}
	x, ok := scalarOf(r.returning, v)
	if !ok {
		return false
	}
	switch {
	case dst.Bits != nil:
		if x.int != 0 {
			batch.SetBit(dst.Bits, i)
		}
	case dst.I32 != nil:
		dst.I32[i] = int32(x.int)
	default:
		dst.F64[i] = x.float
	}
	return true
}

type jsonScalar struct {
	int   int64
	float float64
}

// scalarOf reads the text of a scalar as BOOLEAN, INT or DOUBLE.
func scalarOf(t types.Type, v []byte) (x jsonScalar, ok bool) {
	var err error
	switch t.Kind {
	case types.Boolean:
		b, berr := strconv.ParseBool(string(v))
		if b {
			x.int = 1
		}
		err = berr
	case types.Int:
		x.int, err = strconv.ParseInt(string(v), 10, 32)
	case types.Double:
		x.float, err = strconv.ParseFloat(string(v), 64)
	}
	return x, err == nil
}
