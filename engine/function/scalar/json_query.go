package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var jsonQuery = function.Func{
	Name: "JSON_QUERY", Category: function.JSON,
	Summary: "The object or array that the path leads to in the JSON document, as JSON; other values need a wrapper.",
	Signatures: []string{
		"JSON_QUERY(json, path [RETURNING {STRING | ARRAY<STRING>}] [{WITHOUT | WITH CONDITIONAL | WITH UNCONDITIONAL} [ARRAY] WRAPPER] " +
			"[{NULL | EMPTY ARRAY | EMPTY OBJECT | ERROR} ON EMPTY] [{NULL | EMPTY ARRAY | EMPTY OBJECT | ERROR} ON ERROR])",
	},
	Examples: []function.Example{
		{SQL: `JSON_QUERY('{ "a": { "b": 1 } }', '$.a')`, Want: `{"b":1}`}, {SQL: `JSON_QUERY('[1, 2]', '$')`, Want: "[1,2]"},
		{SQL: `JSON_QUERY('{"a":[{"c":"c1"},{"c":"c2"}]}', 'lax $.a[*].c')`, Want: `["c1","c2"]`},
		{SQL: `JSON_QUERY('{"a":[{"c":"c1"},{"c":"c2"}]}', 'lax $.a[*].c' RETURNING ARRAY<STRING>)`, Want: `[c1, c2]`},
		{SQL: `JSON_QUERY('{}', '$' WITH CONDITIONAL ARRAY WRAPPER)`, Want: "[{}]"}, {SQL: `JSON_QUERY('[1, 2]', '$' WITH UNCONDITIONAL ARRAY WRAPPER)`, Want: "[[1,2]]"},
		{SQL: `JSON_QUERY('1', '$')`, Want: "NULL"}, {SQL: `JSON_QUERY('1', '$' WITH CONDITIONAL ARRAY WRAPPER)`, Want: "[1]"},
		{SQL: `JSON_QUERY('{}', 'lax $.invalid' EMPTY OBJECT ON EMPTY)`, Want: "{}"}, {SQL: `JSON_QUERY('{}', 'strict $.invalid' EMPTY ARRAY ON ERROR)`, Want: "[]"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		s, params, err := jsonCall(c, "NULL", "NULL", "STRING", "ARRAY<STRING>")
		if err != nil {
			return function.Resolved{}, err
		}
		list := s.returning.Kind == types.Array
		for _, w := range []jsonClause{s.onEmpty, s.onError} {
			switch w.word {
			case "NULL", "ERROR", "EMPTY ARRAY":
			case "EMPTY OBJECT":
				if list {
					return function.Resolved{}, diag.New(diag.InvalidArgument, "EMPTY OBJECT is no ARRAY<STRING>")
				}
			default:
				return function.Resolved{}, diag.New(diag.InvalidArgument, "%s does not belong to JSON_QUERY", w.word)
			}
		}
		r := function.Resolved{Params: params, Result: s.returning, Strict: true, Fallible: true, Cost: 250}
		r.Make = func() function.Kernel {
			j := newJSONReader(s)
			return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				if list {
					return j.lists(f, dst, args, n, live)
				}
				w := f.Strings(dst)
				docs, paths := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
				for i := range kernel.Lanes(n, live) {
					ok, err := j.query(docs.At(i), &paths, i)
					if err != nil {
						return err
					}
					if !ok {
						setNull(dst, i, n)
						continue
					}
					w.Buf = append(w.Buf, j.tmp...)
					dst.Views[i] = w.End()
				}
				w.Close()
				return nil
			}
		}
		return r, nil
	},
}

// query writes the JSON of lane i to r.tmp; ok is false for NULL.
func (r *jsonReader) query(s []byte, paths *kernel.Strs, i int) (ok bool, err error) {
	spans, empty, ok, err := r.at(s, paths, i)
	if err != nil {
		return false, err
	}
	r.tmp = r.tmp[:0]
	if ok && !empty {
		kind := kernel.JSONArray
		if r.path.Many {
			// Several values are an array.
			r.tmp = append(r.tmp, '[')
			for k, p := range spans {
				if k > 0 {
					r.tmp = append(r.tmp, ',')
				}
				r.tmp = kernel.AppendCompact(r.tmp, s[p[0]:p[1]], false)
			}
			r.tmp = append(r.tmp, ']')
		} else {
			v := s[spans[0][0]:spans[0][1]]
			kind, _, _ = kernel.CheckJSON(v)
			r.tmp = kernel.AppendCompact(r.tmp, v, false)
		}
		switch {
		case kind == kernel.JSONNull && !r.path.Many:
			empty = true
		case r.wrapper == "WITH UNCONDITIONAL", r.wrapper == "WITH CONDITIONAL" && kind != kernel.JSONArray:
			r.tmp = append(append([]byte{'['}, r.tmp...), ']')
			return true, nil
		case !kind.Scalar():
			return true, nil
		default:
			ok = r.path.Lax
		}
	}
	clause, what := r.onError, r.mistake("finds a mistake in the document or no object or array at the path")
	if ok {
		clause, what = r.onEmpty, "finds nothing at the path"
	}
	switch clause.word {
	case "ERROR":
		return false, fail(i, "JSON_QUERY %s", what)
	case "EMPTY ARRAY":
		r.tmp = append(r.tmp[:0], "[]"...)
		return true, nil
	case "EMPTY OBJECT":
		r.tmp = append(r.tmp[:0], "{}"...)
		return true, nil
	}
	return false, nil
}

// lists is JSON_QUERY RETURNING ARRAY<STRING>: strings and other scalars by their
// text, null as NULL, objects and arrays as JSON.
func (r *jsonReader) lists(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	docs, paths := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
	all, _ := kernel.CompileJSONPath("$[*]")
	l := newTextList(f, dst, 0)
	var spans [][2]int
	var tmp []byte
	err := listLanes(dst, n, live, l.count, func(i int) error {
		ok, err := r.query(docs.At(i), &paths, i)
		if err != nil {
			return err
		}
		if ok && r.tmp[0] != '[' {
			if r.onError.word == "ERROR" {
				return fail(i, "JSON_QUERY finds no array at the path")
			}
			ok = r.onError.word == "EMPTY ARRAY"
			r.tmp = append(r.tmp[:0], "[]"...)
		}
		if !ok {
			dst.SetNull(i, n)
			return nil
		}
		spans, _ = all.Find(r.tmp, spans[:0])
		for _, p := range spans {
			switch v := r.tmp[p[0]:p[1]]; v[0] {
			case 'n':
				l.null()
			case '"':
				tmp = kernel.AppendUnquoted(tmp[:0], v)
				l.add(tmp)
			default:
				l.add(v)
			}
		}
		return nil
	})
	l.close()
	return err
}
