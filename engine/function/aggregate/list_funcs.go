package aggregate

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var arrayAgg = Func{
	Name:           "ARRAY_AGG",
	Summary:        "Array of the values in order of arrival, NULLs included unless IGNORE NULLS is given.",
	Signatures:     []string{"ARRAY_AGG([DISTINCT] value [RESPECT NULLS | IGNORE NULLS])"},
	Examples:       []function.Example{{SQL: "SELECT ARRAY_AGG(x) FROM (VALUES (1), (2)) AS t(x)", Want: "[1, 2]"}},
	OrderDependent: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 {
			return types.Type{}, nil, wrong("ARRAY_AGG", args)
		}
		return types.ArrayT(args[0].Plain().Nullable(true)), args, nil
	},
	New: func(s Spec) Acc { return newList(s, listArray) },
}

var collect = Func{
	Name:           "COLLECT",
	Summary:        "Multiset of the values that are not NULL.",
	Signatures:     []string{"COLLECT([DISTINCT] value)"},
	Examples:       []function.Example{{SQL: "SELECT COLLECT(x) FROM (VALUES (1), (1), (2)) AS t(x)", Want: "{1=2, 2=1}"}},
	OrderDependent: true,
	NeverNull:      true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 {
			return types.Type{}, nil, wrong("COLLECT", args)
		}
		return types.MultisetT(args[0].Plain()).Nullable(false), args, nil
	},
	New: func(s Spec) Acc { return newList(s, listCollect) },
}

var listAgg = Func{
	Name:           "LISTAGG",
	Summary:        "Strings that are not NULL, joined in order of arrival by a separator, a comma unless given.",
	Signatures:     []string{"LISTAGG([DISTINCT] text [, separator])"},
	Examples:       []function.Example{{SQL: "SELECT LISTAGG(x, '+') FROM (VALUES ('a'), ('b')) AS t(x)", Want: "a+b"}},
	OrderDependent: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		ok := len(args) == 1 || len(args) == 2
		for _, t := range args {
			ok = ok && (t.IsString() || t.Kind == types.Null)
		}
		if !ok {
			return types.Type{}, nil, wrong("LISTAGG", args)
		}
		params := make([]types.Type, len(args))
		for i, t := range args {
			params[i] = types.StringT.Nullable(!t.NotNull)
		}
		return types.StringT, params, nil
	},
	New: func(s Spec) Acc { return newList(s, listText) },
}

// finishText joins strings.
func (a *list) finishText(res *batch.Builder, c *batch.Col, from, to int, r []uint64, h Blobs) {
	sep := []byte(",")
	if a.params >= 0 {
		var t [12]byte
		sep = a.constant(r, h).Bytes(0, &t)
	}
	a.text = a.text[:0]
	for i := from; i < to; i++ {
		if i > from {
			a.text = append(a.text, sep...)
		}
		var t [12]byte
		a.text = append(a.text, c.Bytes(i, &t)...)
	}
	res.AppendBytes(a.text)
}

// finishCollect counts equal values; elements come in order of first arrival.
func finishCollect(res *batch.Builder, c *batch.Col, from, to int) {
	index := make(map[string]int, to-from)
	var firsts []int
	var counts []int64
	var key []byte
	for i := from; i < to; i++ {
		key = batch.AppendKey(key[:0], c, i)
		k, ok := index[string(key)]
		if !ok {
			k = len(firsts)
			index[string(key)] = k
			firsts, counts = append(firsts, i), append(counts, 0)
		}
		counts[k]++
	}
	for k, i := range firsts {
		res.Kid(0).Append(c, i)
		res.Kid(1).AppendInt(counts[k])
	}
	res.EndList()
}
