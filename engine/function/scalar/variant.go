package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var parseJSON = function.Func{
	Name: "PARSE_JSON", Category: function.Variant,
	Summary:    "A VARIANT of JSON text; text that is no JSON is an error. Of a name that is twice in an object the last one counts, if duplicates are allowed.",
	Signatures: []string{"PARSE_JSON(string [, allow_duplicate_keys])"},
	Examples: []function.Example{
		{SQL: `JSON_STRING(PARSE_JSON('{"b": [1, 2.50], "a": null}'))`, Want: `{"a":null,"b":[1,2.5]}`},
		{SQL: `JSON_STRING(PARSE_JSON('{"k": 1, "k": 2}', TRUE))`, Want: `{"k":2}`},
		{SQL: `CAST(PARSE_JSON('{"a": {"b": [7]}}')['a']['b'][1] AS INT)`, Want: "7"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferParseJSON(c, false) },
}

var tryParseJSON = function.Func{
	Name: "TRY_PARSE_JSON", Category: function.Variant,
	Summary:    "A VARIANT of JSON text; NULL for text that is no JSON.",
	Signatures: []string{"TRY_PARSE_JSON(string [, allow_duplicate_keys])"},
	Examples: []function.Example{
		{SQL: "JSON_STRING(TRY_PARSE_JSON('[1, true]'))", Want: "[1,true]"}, {SQL: "TRY_PARSE_JSON('{') IS NULL", Want: "TRUE"},
		{SQL: `TRY_PARSE_JSON('{"k": 1, "k": 2}') IS NULL`, Want: "TRUE"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferParseJSON(c, true) },
}

func inferParseJSON(c *function.Call, try bool) (function.Resolved, error) {
	r, err := spec{params: []class{text, boolean}, min: 1, result: types.Type{Kind: types.Variant}, nullable: try, fallible: !try, cost: 150}.infer(c)
	r.Make = func() function.Kernel {
		var b kernel.VariantBuilder
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			s := kernel.StrsOf(args[0])
			for i := range kernel.Lanes(n, live) {
				duplicates := len(args) > 1 && args[1].Bool(args[1].ValueLane(i))
				var ok bool
				doc := s.At(i)
				if w.Buf, ok = b.Build(w.Buf, doc, duplicates); ok {
					dst.Views[i] = w.End()
					continue
				}
				w.Undo()
				if !try {
					return batch.FailLane(i, diag.InvalidArgument, "PARSE_JSON cannot read %s", shortText(doc))
				}
				setNull(dst, i, n)
			}
			w.Close()
			return nil
		}
	}
	return r, err
}

// shortText is text for a message: in quotes, and cut when it is long.
func shortText(s []byte) string {
	const most = 60
	if len(s) > most {
		return "'" + string(kernel.AppendValidUTF8(nil, s[:most])) + "...'"
	}
	return "'" + string(kernel.AppendValidUTF8(nil, s)) + "'"
}
