package scalar

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
)

var arrayDistinct = function.Func{
	Name: "ARRAY_DISTINCT", Category: function.Collection,
	Summary:    "The array without repeated elements, in the order of their first place; NULL counts as a value.",
	Signatures: []string{"ARRAY_DISTINCT(array)"},
	Examples:   []function.Example{{SQL: "ARRAY_DISTINCT(ARRAY[1, NULL, 2, 1, NULL])", Want: "[1, NULL, 2]"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferSet(c, 1, keepAll) },
}

var arrayUnion = function.Func{
	Name: "ARRAY_UNION", Category: function.Collection,
	Summary:    "The elements of both arrays, each once.",
	Signatures: []string{"ARRAY_UNION(a, b)"},
	Examples:   []function.Example{{SQL: "ARRAY_UNION(ARRAY[1, 2, NULL], ARRAY[1, NULL, 4])", Want: "[1, 2, NULL, 4]"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferSet(c, 2, keepAll) },
}

var arrayIntersect = function.Func{
	Name: "ARRAY_INTERSECT", Category: function.Collection,
	Summary:    "The elements of the first array that the second has too, each once.",
	Signatures: []string{"ARRAY_INTERSECT(a, b)"},
	Examples:   []function.Example{{SQL: "ARRAY_INTERSECT(ARRAY[1, 2, NULL, 1], ARRAY[NULL, 1])", Want: "[1, NULL]"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferSet(c, 2, keepCommon) },
}

var arrayExcept = function.Func{
	Name: "ARRAY_EXCEPT", Category: function.Collection,
	Summary:    "The elements of the first array that the second does not have, each once.",
	Signatures: []string{"ARRAY_EXCEPT(a, b)"},
	Examples:   []function.Example{{SQL: "ARRAY_EXCEPT(ARRAY[1, 2, 2, NULL], ARRAY[1])", Want: "[2, NULL]"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferSet(c, 2, keepOther) },
}

// What of the first array stays.
const (
	keepAll    = iota // all, and what the second adds
	keepCommon        // what the second has
	keepOther         // what the second has not
)

func inferSet(c *function.Call, arrays int, keep int) (function.Resolved, error) {
	r, err := sameArrays(c, arrays, true)
	if err == nil {
		err = count(c, arrays, arrays, false)
	}
	if err == nil && !hasEquality(*r.Result.Elem) {
		err = diag.New(diag.InvalidArgument, "%s does not take arrays of %s", c.Name, r.Result.Elem.Nullable(true))
	}
	r.Make = func() function.Kernel {
		p, seen, other := &picker{}, &elemSet{keys: keep != keepAll}, &elemSet{keys: true}
		return func(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			src := p.from(args, n)
			return p.pick(dst, src, n, live, func(i int) error {
				seen.reset(&src[0])
				l := listsOf(args[0])
				from, to := l.span(i)
				if keep == keepAll {
					p.addNew(seen, from, to)
					if len(args) > 1 {
						l = listsOf(args[1])
						from, to = l.span(i)
						p.addNew(seen, p.base[1]+from, p.base[1]+to)
					}
					return nil
				}
				other.reset(&src[0])
				l = listsOf(args[1])
				for k, end := l.span(i); k < end; k++ {
					other.add(p.base[1] + k)
				}
				for k := from; k < to; k++ {
					if other.has(k) == (keep == keepCommon) && seen.add(k) {
						p.sel = append(p.sel, uint32(k))
					}
				}
				return nil
			})
		}
	}
	return r, err
}

// hasEquality reports whether elements of type t can be compared.
func hasEquality(t types.Type) bool {
	_, err := function.CompareType(t, t, false)
	return err == nil
}

// addNew picks those of the elements that the set lacks.
func (p *picker) addNew(seen *elemSet, from, to int) {
	for k := from; k < to; k++ {
		if seen.add(k) {
			p.sel = append(p.sel, uint32(k))
		}
	}
}

var arraySort = function.Func{
	Name: "ARRAY_SORT", Category: function.Collection,
	Summary:    "The array in order, ascending unless the second argument is FALSE; NULLs first when ascending, unless the third says.",
	Signatures: []string{"ARRAY_SORT(array [, ascending [, nulls first]])"},
	Examples: []function.Example{
		{SQL: "ARRAY_SORT(ARRAY[2, 1, NULL, 2])", Want: "[NULL, 1, 2, 2]"}, {SQL: "ARRAY_SORT(ARRAY[2, 1, NULL, 2], FALSE)", Want: "[2, 2, 1, NULL]"},
		{SQL: "ARRAY_SORT(ARRAY[2, 1, NULL], FALSE, TRUE)", Want: "[NULL, 2, 1]"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 1, false, array, boolean, boolean)
		if err == nil {
			err = ordered(c, p[0])
		}
		if err != nil {
			return function.Resolved{}, err
		}
		r := function.Resolved{Params: p, Result: p[0].Nullable(nullable(c)), Strict: true, Cost: 200}
		r.Make = listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			l := listsOf(args[0])
			kid := &args[0].Kids[0]
			return p.pick(dst, args[0].Kids, n, live, func(i int) error {
				asc := len(args) < 2 || batch.Bit(args[1].Bits, lane(args[1], i))
				first := asc
				if len(args) > 2 {
					first = batch.Bit(args[2].Bits, lane(args[2], i))
				}
				at := len(p.sel)
				p.span(l.span(i))
				slices.SortStableFunc(p.sel[at:], func(a, b uint32) int {
					x, y := int(a), int(b)
					if xn, yn := kid.IsNull(x), kid.IsNull(y); xn || yn {
						switch {
						case xn && yn:
							return 0
						case xn == first:
							return -1
						}
						return 1
					}
					if !asc {
						x, y = y, x
					}
					return kid.OrderLanes(x, kid, y, false)
				})
				return nil
			})
		})
		return r, nil
	},
}

// ordered checks that the elements of an array have an order.
func ordered(c *function.Call, t types.Type) error {
	if e := *t.Elem; e.IsNested() || e.Kind == types.Boolean || !hasEquality(e) {
		return diag.New(diag.InvalidArgument, "%s does not take arrays of %s", c.Name, e.Nullable(true))
	}
	return nil
}

var arrayMax = function.Func{
	Name: "ARRAY_MAX", Category: function.Collection,
	Summary:    "The largest element of the array, NULLs aside; NULL if there is none.",
	Signatures: []string{"ARRAY_MAX(array)"},
	Examples:   []function.Example{{SQL: "ARRAY_MAX(ARRAY[1, 3, NULL, 2])", Want: "3"}, {SQL: "ARRAY_MAX(ARRAY[CAST(NULL AS INT)])", Want: "NULL"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferArrayExtreme(c, 1) },
}

var arrayMin = function.Func{
	Name: "ARRAY_MIN", Category: function.Collection,
	Summary:    "The smallest element of the array, NULLs aside; NULL if there is none.",
	Signatures: []string{"ARRAY_MIN(array)"},
	Examples:   []function.Example{{SQL: "ARRAY_MIN(ARRAY['b', 'a', NULL])", Want: "a"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferArrayExtreme(c, -1) },
}

func inferArrayExtreme(c *function.Call, side int) (function.Resolved, error) {
	p, err := match(c, 0, false, array)
	if err == nil {
		err = ordered(c, p[0])
	}
	if err != nil {
		return function.Resolved{}, err
	}
	return function.Resolved{Params: p, Result: p[0].Elem.Nullable(true), Strict: true, Cost: 30, Eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		l := listsOf(args[0])
		kid := &args[0].Kids[0]
		return one(dst, kid, n, live, func(i int) (int, error) {
			best := -1
			for k, to := l.span(i); k < to; k++ {
				if !kid.IsNull(k) && (best < 0 || kid.CompareLanes(k, kid, best, false) == side) {
					best = k
				}
			}
			return best, nil
		})
	}}, nil
}
