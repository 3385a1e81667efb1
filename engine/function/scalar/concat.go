package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var concatOperator = function.Func{
	Name: "||", Category: function.Operators,
	Summary:    "The strings one after the other.",
	Signatures: []string{"string || string"},
	Examples:   []function.Example{{SQL: "'a' || 'b'", Want: "ab"}, {SQL: "'a' || CAST(NULL AS STRING)", Want: "NULL"}},
	Infer:      spec{params: []class{text, text}, derive: sumText, cost: 10, eval: concatKernel}.infer,
}

var concat = function.Func{
	Name: "CONCAT", Category: function.Text,
	Summary:    "The strings one after the other; NULL if one is NULL.",
	Signatures: []string{"CONCAT(string, ...)"},
	Examples:   []function.Example{{SQL: "CONCAT('a', 'bc', 'd')", Want: "abcd"}, {SQL: "CONCAT('a', CAST(NULL AS STRING))", Want: "NULL"}},
	Infer:      spec{params: []class{text}, more: true, result: types.StringT, cost: 10, eval: concatKernel}.infer,
}

func concatKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	w := f.Strings(dst)
	if len(args) == 2 {
		a, b := kernel.StrsOf(args[0]), kernel.StrsOf(args[1])
		for i := range kernel.Lanes(n, live) {
			w.Buf = append(w.Buf, a.At(i)...)
			w.Buf = append(w.Buf, b.At(i)...)
			dst.Views[i] = w.End()
		}
		w.Close()
		return nil
	}
	var tmp [batch.InlineMax]byte
	for i := range kernel.Lanes(n, live) {
		for _, a := range args {
			w.Buf = append(w.Buf, a.Bytes(i, &tmp)...)
		}
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}

var concatWS = function.Func{
	Name: "CONCAT_WS", Category: function.Text,
	Summary:    "The strings that are not NULL, with a separator between them; NULL if the separator is.",
	Signatures: []string{"CONCAT_WS(separator, string, ...)"},
	Examples: []function.Example{
		{SQL: "CONCAT_WS('~', 'AA', CAST(NULL AS STRING), 'BB', '', 'CC')", Want: "AA~BB~~CC"},
		{SQL: "CONCAT_WS(CAST(NULL AS STRING), 'a')", Want: "NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		return spec{params: []class{text, text}, min: 1, more: true, result: types.StringT, nullable: true, loose: true, cost: 15, eval: concatWSKernel}.infer(c)
	},
}

func concatWSKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	w := f.Strings(dst)
	var tmp [batch.InlineMax]byte
	for i := range kernel.Lanes(n, live) {
		if args[0].IsNull(i) {
			setNull(dst, i, n)
			continue
		}
		first := true
		for _, a := range args[1:] {
			if a.IsNull(i) {
				continue
			}
			if !first {
				w.Buf = append(w.Buf, args[0].Bytes(i, &tmp)...)
			}
			first = false
			w.Buf = append(w.Buf, a.Bytes(i, &tmp)...)
		}
		dst.Views[i] = w.End()
	}
	w.Close()
	return nil
}
