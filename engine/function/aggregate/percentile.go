package aggregate

import (
	"cmp"
	"math"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var percentile = Func{
	Name:       "PERCENTILE",
	Summary:    "Value below which a fraction of the values lies, interpolated; an array of fractions gives an array.",
	Signatures: []string{"PERCENTILE(number, fraction [, frequency])"},
	Examples:   []function.Example{{SQL: "SELECT PERCENTILE(x, 0.5) FROM (VALUES (1), (2), (4)) AS t(x)", Want: "2.0"}},
	NoDistinct: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		ok := (len(args) == 2 || len(args) == 3) && args[0].IsNumeric() && (len(args) == 2 || args[2].IsInteger())
		if !ok {
			return types.Type{}, nil, wrong("PERCENTILE", args)
		}
		params := []types.Type{types.DoubleT.Nullable(!args[0].NotNull), types.DoubleT.Nullable(!args[1].NotNull)}
		result := types.DoubleT
		if p := args[1]; p.Kind == types.Array && p.Elem.IsNumeric() {
			params[1] = types.ArrayT(types.DoubleT.Nullable(!p.Elem.NotNull)).Nullable(!p.NotNull)
			result = types.ArrayT(types.DoubleT)
		} else if !p.IsNumeric() {
			return types.Type{}, nil, wrong("PERCENTILE", args)
		}
		if len(args) == 3 {
			params = append(params, types.BigIntT.Nullable(!args[2].NotNull))
		}
		return result, params, nil
	},
	New: func(s Spec) Acc { return newList(s, listPercentile) },
}

// skips reports rows that do not count: no value, or no positive frequency.
func (a *list) skips(args []*batch.Col, lane int) bool {
	return args[0].IsNull(lane) || len(args) > 2 && (args[2].IsNull(lane) || args[2].I64[lane] <= 0)
}

func (a *list) finishPercentile(res *batch.Builder, cols []batch.Col, from, to int, r []uint64, h Blobs) {
	type weighted struct {
		v float64
		n int64
	}
	vals := make([]weighted, to-from)
	total := int64(0)
	for i := range vals {
		vals[i] = weighted{cols[0].F64[from+i], 1}
		if len(cols) > 2 {
			vals[i].n = cols[2].I64[from+i]
		}
		total += vals[i].n
	}
	slices.SortFunc(vals, func(x, y weighted) int { return cmp.Compare(floatWord(x.v), floatWord(y.v)) })
	at := func(k int64) float64 {
		for _, w := range vals {
			if k -= w.n; k < 0 {
				return w.v
			}
		}
		return vals[len(vals)-1].v
	}
	value := func(p float64) float64 {
		// Places count from 1, as in Flink: the last digits depend on it.
		pos := float64(float64(total-1)*p) + 1
		lo, hi := math.Floor(pos), math.Ceil(pos)
		low, high := at(int64(lo)-1), at(int64(hi)-1)
		if lo == hi || low == high {
			return low
		}
		return float64((hi-pos)*low) + float64((pos-lo)*high)
	}
	one := func(b *batch.Builder, c *batch.Col, i int) {
		if p := 0.0; c.IsNull(i) {
			b.AppendNull()
		} else if p = c.F64[i]; p < 0 || p > 1 || p != p {
			b.AppendNull()
		} else {
			b.AppendFloat(value(p))
		}
	}
	p := a.constant(r, h)
	switch {
	case p.IsNull(0):
		res.AppendNull()
	case p.Type.Kind == types.Array:
		for i := p.Offs[0]; i < p.Offs[1]; i++ {
			one(res.Kid(0), &p.Kids[0], int(i))
		}
		res.EndList()
	default:
		one(res, p, 0)
	}
}
