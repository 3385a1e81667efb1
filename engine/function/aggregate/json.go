package aggregate

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var jsonArrayAgg = Func{
	Name:           "JSON_ARRAYAGG",
	Summary:        "JSON array of the values in order of arrival; NULLs are left out unless NULL ON NULL is given.",
	Signatures:     []string{"JSON_ARRAYAGG(value [{NULL | ABSENT} ON NULL])"},
	Examples:       []function.Example{{SQL: "SELECT JSON_ARRAYAGG(x) FROM (VALUES ('a'), ('b')) AS t(x)", Want: `["a","b"]`}},
	NoDistinct:     true,
	OrderDependent: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 1 {
			return types.Type{}, nil, wrong("JSON_ARRAYAGG", args)
		}
		return types.StringT, args, nil
	},
	New: func(s Spec) Acc { return newList(s, listJSONArray) },
}

var jsonObjectAgg = Func{
	Name:           "JSON_OBJECTAGG",
	Summary:        "JSON object of keys and values; NULL values stay unless ABSENT ON NULL is given, keys must differ.",
	Signatures:     []string{"JSON_OBJECTAGG([KEY] key VALUE value [{NULL | ABSENT} ON NULL])"},
	Examples:       []function.Example{{SQL: "SELECT JSON_OBJECTAGG(KEY k VALUE v) FROM (VALUES ('a', 1)) AS t(k, v)", Want: `{"a":1}`}},
	NoDistinct:     true,
	OrderDependent: true,
	Infer: func(args []types.Type, _ bool) (types.Type, []types.Type, error) {
		if len(args) != 2 || !args[0].IsString() {
			return types.Type{}, nil, wrong("JSON_OBJECTAGG", args)
		}
		return types.StringT, args, nil
	},
	New: func(s Spec) Acc {
		l := newList(s, listJSONObject)
		l.absent = s.IgnoreNulls
		return l
	},
}

func (a *list) finishJSONArray(res *batch.Builder, c *batch.Col, n int) {
	a.text = append(a.text[:0], '[')
	for i := range n {
		if i > 0 {
			a.text = append(a.text, ',')
		}
		a.text = appendJSON(a.text, c, i)
	}
	res.AppendBytes(append(a.text, ']'))
}

func (a *list) finishJSONObject(res *batch.Builder, cols []batch.Col, n int) error {
	seen := make(map[string]bool, n)
	a.text = append(a.text[:0], '{')
	for i := range n {
		if cols[0].IsNull(i) {
			return diag.New(diag.InvalidArgument, "a key of JSON_OBJECTAGG is NULL")
		}
		var t [12]byte
		key := string(cols[0].Bytes(i, &t))
		if seen[key] {
			return diag.New(diag.InvalidArgument, "key %q occurs twice in JSON_OBJECTAGG", key)
		}
		seen[key] = true
		if a.absent && cols[1].IsNull(i) {
			continue
		}
		if len(a.text) > 1 {
			a.text = append(a.text, ',')
		}
		a.text = appendQuoted(a.text, []byte(key))
		a.text = append(a.text, ':')
		a.text = appendJSON(a.text, &cols[1], i)
	}
	res.AppendBytes(append(a.text, '}'))
	return nil
}

// appendJSON writes a value as JSON: numbers and booleans as they are, lists and
// rows in brackets, the rest as strings.
func appendJSON(dst []byte, c *batch.Col, i int) []byte {
	if c.IsNull(i) {
		return append(dst, "null"...)
	}
	switch t := c.Type; {
	case t.Kind == types.Boolean, t.IsInteger(), t.Kind == types.Decimal:
		return kernel.AppendText(dst, c, i, time.UTC)
	case t.IsApprox():
		v := c.Float(i)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return append(strconv.AppendFloat(append(dst, '"'), v, 'g', -1, 64), '"')
		}
		return kernel.AppendText(dst, c, i, time.UTC)
	case t.IsBinary():
		var s [12]byte
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, c.Bytes(i, &s))
		return append(dst, '"')
	case t.Kind == types.Row:
		dst = append(dst, '{')
		l := c.ValueLane(i)
		for k := range c.Kids {
			if k > 0 {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, []byte(t.Fields[k].Name))
			dst = append(dst, ':')
			dst = appendJSON(dst, &c.Kids[k], l)
		}
		return append(dst, '}')
	case t.Kind == types.Array:
		dst = append(dst, '[')
		for k := c.Offs[i]; k < c.Offs[i+1]; k++ {
			if k > c.Offs[i] {
				dst = append(dst, ',')
			}
			dst = appendJSON(dst, &c.Kids[0], int(k))
		}
		return append(dst, ']')
	case t.Kind == types.Map, t.Kind == types.Multiset:
		dst = append(dst, '{')
		for k := c.Offs[i]; k < c.Offs[i+1]; k++ {
			if k > c.Offs[i] {
				dst = append(dst, ',')
			}
			dst = appendQuoted(dst, kernel.AppendText(nil, &c.Kids[0], int(k), time.UTC))
			dst = append(dst, ':')
			dst = appendJSON(dst, &c.Kids[1], int(k))
		}
		return append(dst, '}')
	}
	return appendQuoted(dst, kernel.AppendText(nil, c, i, time.UTC))
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, `\n`...)
		case b == '\r':
			dst = append(dst, `\r`...)
		case b == '\t':
			dst = append(dst, `\t`...)
		case b == '\b':
			dst = append(dst, `\b`...)
		case b == '\f':
			dst = append(dst, `\f`...)
		case b < 0x20:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, '"')
}
