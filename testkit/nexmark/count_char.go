package nexmark

import (
	"bytes"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// CountCharClass is the identifier by which q14 creates its function.
const CountCharClass = "com.github.nexmark.flink.udf.CountChar"

// UserFunctions are the functions that the queries create, by identifier.
func UserFunctions() map[string]*function.Func {
	return map[string]*function.Func{CountCharClass: &CountChar}
}

// CountChar is count_char(s, c) of q14.
var CountChar = function.Func{
	Name:       "COUNT_CHAR",
	Category:   function.Text,
	Summary:    "Number of bytes of a string that equal the first byte of another; 0 for NULL.",
	Signatures: []string{"count_char(STRING, STRING)"},
	Examples:   []function.Example{{SQL: "count_char('abcabc', 'c')", Want: "2"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if len(c.Args) != 2 {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "count_char takes 2 arguments, not %d", len(c.Args))
		}
		return function.Resolved{
			Params: []types.Type{types.StringT, types.StringT},
			Result: types.BigIntT.Nullable(false),
			Eval:   countChar,
			Cost:   function.CostLazy,
		}, nil
	},
}

func countChar(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	var a, b [12]byte
	for i := range n {
		if live != nil && !batch.Bit(live, i) {
			continue
		}
		dst.I64[i] = 0
		if args[0].IsNull(i) || args[1].IsNull(i) {
			continue
		}
		if c := args[1].Bytes(i, &b); len(c) > 0 {
			dst.I64[i] = int64(bytes.Count(args[0].Bytes(i, &a), c[:1]))
		}
	}
	return nil
}
