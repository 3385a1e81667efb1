package aggregate

import (
	"bytes"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var jsonArrayAgg = Func{
	Name:           "JSON_ARRAYAGG",
	Summary:        "JSON array of the values in order of arrival; NULLs are left out unless NULL ON NULL is given; of no values it is [].",
	Signatures:     []string{"JSON_ARRAYAGG(value [{NULL | ABSENT} ON NULL])"},
	Examples:       []function.Example{{SQL: "SELECT JSON_ARRAYAGG(x) FROM (VALUES ('a'), ('b')) AS t(x)", Want: `["a","b"]`}},
	NoDistinct:     true,
	OrderDependent: true,
	NeverNull:      true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 {
			return types.Type{}, nil, wrong("JSON_ARRAYAGG", args)
		}
		return types.StringT.Nullable(false), args, nil
	},
	New: func(s Spec) Acc { return newList(s, listJSONArray) },
}

var jsonObjectAgg = Func{
	Name:           "JSON_OBJECTAGG",
	Summary:        "JSON object of keys, in their order, and values; NULL values stay unless ABSENT ON NULL is given, keys must differ; of no rows it is {}.",
	Signatures:     []string{"JSON_OBJECTAGG([KEY] key VALUE value [{NULL | ABSENT} ON NULL])"},
	Examples:       []function.Example{{SQL: "SELECT JSON_OBJECTAGG(KEY k VALUE v) FROM (VALUES ('a', 1)) AS t(k, v)", Want: `{"a":1}`}},
	NoDistinct:     true,
	OrderDependent: true,
	NeverNull:      true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 2 || !args[0].IsString() {
			return types.Type{}, nil, wrong("JSON_OBJECTAGG", args)
		}
		return types.StringT.Nullable(false), args, nil
	},
	New: func(s Spec) Acc {
		l := newList(s, listJSONObject)
		l.absent = s.IgnoreNulls
		return l
	},
}

func (a *list) finishJSONArray(res *batch.Builder, c *batch.Col, from, to int) {
	a.text = append(a.text[:0], '[')
	for i := from; i < to; i++ {
		if i > from {
			a.text = append(a.text, ',')
		}
		a.text = kernel.AppendJSON(a.text, c, i)
	}
	res.AppendBytes(append(a.text, ']'))
}

// finishJSONObject writes the keys in order, as the JSON functions do at every level.
func (a *list) finishJSONObject(res *batch.Builder, cols []batch.Col, from, to int) error {
	n := to - from
	keys, order := make([][]byte, n), make([]int, n)
	for i := range n {
		if cols[0].IsNull(from + i) {
			return diag.New(diag.InvalidArgument, "a key of JSON_OBJECTAGG is NULL")
		}
		var t [12]byte
		keys[i], order[i] = bytes.Clone(cols[0].Bytes(from+i, &t)), i
	}
	slices.SortFunc(order, func(x, y int) int { return bytes.Compare(keys[x], keys[y]) })
	a.text = append(a.text[:0], '{')
	for k, i := range order {
		if k > 0 && bytes.Equal(keys[i], keys[order[k-1]]) {
			return diag.New(diag.InvalidArgument, "key %q occurs twice in JSON_OBJECTAGG", keys[i])
		}
		if a.absent && cols[1].IsNull(from+i) {
			continue
		}
		if len(a.text) > 1 {
			a.text = append(a.text, ',')
		}
		a.text = kernel.AppendQuoted(a.text, keys[i])
		a.text = append(a.text, ':')
		a.text = kernel.AppendJSON(a.text, &cols[1], from+i)
	}
	res.AppendBytes(append(a.text, '}'))
	return nil
}
