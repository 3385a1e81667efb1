package table

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

// Unnest is UNNEST(collection), UnnestOrdinality the same WITH ORDINALITY.
//
// An array gives a row for each element, an element of type ROW one column for each
// of its fields; a map gives key and value, a multiset each element as often as it
// is there. The number of a row within its collection is a last column.
var (
	Unnest           = unnest("UNNEST", false)
	UnnestOrdinality = unnest("UNNEST_WITH_ORDINALITY", true)
)

func unnest(name string, ordinality bool) *function.TableFunc {
	return &function.TableFunc{
		Name:       name,
		Summary:    "Rows of the elements of an array, a multiset or a map.",
		Signatures: []string{"UNNEST(collection) [WITH ORDINALITY]"},
		Infer:      func(c *function.Call) (function.TableResolved, error) { return inferUnnest(c, ordinality) },
	}
}

func inferUnnest(c *function.Call, ordinality bool) (function.TableResolved, error) {
	if len(c.Args) != 1 {
		return function.TableResolved{}, diag.New(diag.UnsupportedByFlink, "UNNEST takes one collection").
			WithHint("join with one UNNEST for each, or make one array of both")
	}
	t := c.Args[0].Type.Plain()
	u := &unnester{}
	var out types.Schema
	switch t.Kind {
	case types.Map:
		out = types.Schema{{Name: "KEY", Type: *t.Key}, {Name: "VALUE", Type: *t.Elem}}
	case types.Array, types.Multiset:
		u.counted = t.Kind == types.Multiset
		u.fields = t.Elem.Kind == types.Row
		if !u.fields {
			out = types.Schema{{Name: "EXPR$0", Type: *t.Elem}}
			break
		}
		for _, f := range t.Elem.Fields {
			f.Type = f.Type.Nullable(f.Type.IsNullable() || t.Elem.IsNullable())
			out = append(out, f)
		}
	default:
		return function.TableResolved{}, diag.New(diag.TypeMismatch, "UNNEST takes an ARRAY, a MULTISET or a MAP, not %s", t.Nullable(true)).
			WithHint("SPLIT makes an array of a string, ARRAY[...] one of values")
	}
	for i := range out {
		out[i].Type = out[i].Type.Plain()
	}
	u.width = len(out)
	if ordinality {
		u.ordinality = true
		out = append(out, types.Field{Name: "ORDINALITY", Type: types.IntT.Nullable(false)})
	}
	return function.TableResolved{
		Params: []types.Type{t},
		Out:    out,
		Make: func() function.TableKernel {
			k := *u
			return k.rows
		},
	}, nil
}

// unnester hands the children of a list column on as rows.
type unnester struct {
	counted    bool // a multiset: an element comes as often as its count says
	fields     bool // elements are rows: a column for each field
	ordinality bool
	width      int // columns without the ordinality

	from, to []uint32
	at       []uint32    // of a multiset: the element of each row
	numbers  batch.Col   // ordinality of each row
	parts    []batch.Col // fields of elements that may be NULL
	nulls    [][]uint64  // their null bits
	elems    batch.Col
}

func (u *unnester) rows(_ *function.Frame, out *function.TableRows, args []*batch.Col, n int, live []uint64) error {
	c := args[0]
	u.spans(c, n, live)
	at := []uint32(nil)
	if u.counted {
		u.repeat(c, n)
		at = u.at
	}
	out.From, out.To = u.from, u.to
	out.Cols = out.Cols[:0]
	if !u.fields {
		for i := range u.width {
			out.Cols = append(out.Cols, function.TableCol{Col: &c.Kids[i], At: at})
		}
	} else {
		for i := range u.split(&c.Kids[0], elements(c, n)) {
			out.Cols = append(out.Cols, function.TableCol{Col: &u.parts[i], At: at})
		}
	}
	if u.ordinality {
		u.number(n)
		out.Cols = append(out.Cols, function.TableCol{Col: &u.numbers})
	}
	return nil
}

// elements is the number of children that n lanes of a list column span.
func elements(c *batch.Col, n int) int {
	if c.Enc == batch.Const {
		n = 1
	}
	return int(c.Offs[n])
}

// spans finds the elements of each lane. A lane that is NULL or does not count has
// none.
func (u *unnester) spans(c *batch.Col, n int, live []uint64) {
	u.from, u.to = grow(u.from, n), grow(u.to, n)
	switch {
	case c.Enc == batch.Const:
		var lo, hi uint32
		if !c.IsNull(0) {
			lo, hi = c.Offs[0], c.Offs[1]
		}
		for i := range u.from {
			u.from[i], u.to[i] = lo, hi
		}
	default:
		copy(u.from, c.Offs[:n])
		copy(u.to, c.Offs[1:n+1])
		if c.Nulls != nil {
			for i := range u.to {
				if batch.Bit(c.Nulls, i) {
					u.to[i] = u.from[i]
				}
			}
		}
	}
	if live != nil {
		for i := range u.to {
			if !batch.Bit(live, i) {
				u.to[i] = u.from[i]
			}
		}
	}
}

// repeat numbers the rows of a multiset anew: each element comes count times.
func (u *unnester) repeat(c *batch.Col, n int) {
	counts := c.Kids[1].I32
	u.at = u.at[:0]
	for i := range n {
		start := uint32(len(u.at))
		if i > 0 && c.Enc == batch.Const {
			// All lanes share the rows of the first.
			u.from[i], u.to[i] = u.from[0], u.to[0]
			continue
		}
		for k := u.from[i]; k < u.to[i]; k++ {
			for range counts[k] {
				u.at = append(u.at, k)
			}
		}
		u.from[i], u.to[i] = start, uint32(len(u.at))
	}
}

// split makes columns of the fields of n elements: those of an element that is NULL
// are NULL.
func (u *unnester) split(e *batch.Col, n int) []batch.Col {
	if e.Enc != batch.Flat {
		u.elems.Dense(e, n)
		e = &u.elems
	}
	if len(u.parts) != u.width {
		u.parts, u.nulls = make([]batch.Col, u.width), make([][]uint64, u.width)
	}
	for i := range u.parts {
		u.parts[i] = e.Kids[i]
		if e.Nulls == nil {
			continue
		}
		if u.parts[i].Enc != batch.Flat {
			u.parts[i].Flatten(n)
		}
		nulls := append(u.nulls[i][:0], e.Nulls[:batch.Words(n)]...)
		if u.parts[i].Nulls != nil {
			for w := range nulls {
				nulls[w] |= u.parts[i].Nulls[w]
			}
		}
		u.nulls[i], u.parts[i].Nulls = nulls, nulls
	}
	return u.parts
}

// number counts the rows of each lane from 1.
func (u *unnester) number(n int) {
	rows := uint32(0)
	for _, to := range u.to[:n] {
		rows = max(rows, to)
	}
	u.numbers.Alloc(types.IntT.Nullable(false), int(rows))
	v := u.numbers.I32
	for i := range n {
		o := int32(1)
		for k := u.from[i]; k < u.to[i]; k++ {
			v[k] = o
			o++
		}
	}
}

func grow(s []uint32, n int) []uint32 {
	if cap(s) < n {
		return make([]uint32, n, max(n, batch.MaxRows))
	}
	return s[:n]
}
