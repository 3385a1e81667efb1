package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var hashCode = function.Func{
	Name: "HASH_CODE", Category: function.Hash,
	Summary:    "An INT that is equal for equal values, by which rows can be dealt out.",
	Signatures: []string{"HASH_CODE(value)"},
	Examples:   []function.Example{{SQL: "HASH_CODE('a') = HASH_CODE('a')", Want: "TRUE"}, {SQL: "HASH_CODE(1) = HASH_CODE(2)", Want: "FALSE"}, {SQL: "HASH_CODE(CAST(NULL AS INT))", Want: "NULL"}},
	Infer: spec{params: []class{same("a value that can be compared", types.StringT, function.HasEquality)}, result: types.IntT, cost: 5, make: func() function.Kernel {
		var h []uint64
		return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			if cap(h) < n {
				h = make([]uint64, max(n, batch.MaxRows))
			}
			h = h[:n]
			batch.HashCols(h, args, nil, n)
			out := dst.I32[:n]
			for i, x := range h[:len(out)] {
				out[i] = int32(x ^ x>>32)
			}
			return nil
		}
	}}.infer,
}
