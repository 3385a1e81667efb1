package aggregate

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var count = Func{
	Name:       "COUNT",
	Summary:    "Number of rows, or of rows where the argument is not NULL.",
	Signatures: []string{"COUNT(*)", "COUNT([DISTINCT] value, ...)"},
	Examples: []function.Example{
		{SQL: "SELECT COUNT(*) FROM (VALUES (1), (CAST(NULL AS INT))) AS t(x)", Want: "2"},
		{SQL: "SELECT COUNT(x) FROM (VALUES (1), (CAST(NULL AS INT))) AS t(x)", Want: "1"},
	},
	NeverNull: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		return types.BigIntT.Nullable(false), args, nil
	},
	New: func(Spec) Acc { return countAcc{} },
}

var approxCountDistinct = Func{
	Name:       "APPROX_COUNT_DISTINCT",
	Summary:    "Number of distinct values; mink counts exactly.",
	Signatures: []string{"APPROX_COUNT_DISTINCT(value)"},
	Examples: []function.Example{
		{SQL: "SELECT APPROX_COUNT_DISTINCT(x) FROM (VALUES (1), (1), (2)) AS t(x)", Want: "2"},
	},
	NeverNull:  true,
	NoDistinct: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 {
			return types.Type{}, nil, wrong("APPROX_COUNT_DISTINCT", args)
		}
		return types.BigIntT.Nullable(false), args, nil
	},
	New: func(Spec) Acc { return countAcc{} },
}

// countAcc has one lane: the count. Rows with a NULL argument are not given to it.
type countAcc struct{ noBlobs }

func (countAcc) Lanes() int { return 1 }

func (countAcc) Fold(f *Fold) {
	l, s := f.L[f.Off:], f.Stride
	if f.Signs == nil {
		for _, g := range f.G {
			l[int(g)*s]++
		}
		return
	}
	signs := f.Signs[:len(f.G)]
	for i, g := range f.G {
		l[int(g)*s] += uint64(signs[i])
	}
}

func (countAcc) Merge(dst, base, src [][]uint64, off int, _ *Heap) error {
	base, src = base[:len(dst)], src[:len(dst)]
	for i, d := range dst {
		d[off] = base[i][off] + src[i][off]
	}
	return nil
}

func (countAcc) Final(out *batch.Col, rows [][]uint64, off int, _ Blobs) error {
	v := out.I64[:len(rows)]
	for i, r := range rows {
		v[i] = int64(r[off])
	}
	return nil
}
