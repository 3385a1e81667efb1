package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var cardinality = function.Func{
	Name: "CARDINALITY", Category: function.Collection,
	Summary:    "Number of elements of an array, a map or a multiset.",
	Signatures: []string{"CARDINALITY(array)", "CARDINALITY(map)"},
	Examples:   []function.Example{{SQL: "CARDINALITY(ARRAY[1, 2, NULL])", Want: "3"}, {SQL: "CARDINALITY(MAP['a', 1])", Want: "1"}, {SQL: "CARDINALITY(CAST(NULL AS ARRAY<INT>))", Want: "NULL"}},
	Infer: spec{
		params: []class{same("an array or map", types.ArrayT(types.StringT), func(t types.Type) bool { return t.Phys() == types.PhysList })},
		result: types.IntT, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			l := listsOf(args[0])
			for i := range kernel.Lanes(n, live) {
				from, to := l.span(i)
				dst.I32[i] = int32(to - from)
			}
			return nil
		},
	}.infer,
}

var element = function.Func{
	Name: "ELEMENT", Category: function.Collection,
	Summary:    "The only element of an array; NULL if it has none, an error if it has more.",
	Signatures: []string{"ELEMENT(array)"},
	Examples:   []function.Example{{SQL: "ELEMENT(ARRAY['a'])", Want: "a"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, array)
		if err != nil {
			return function.Resolved{}, err
		}
		return function.Resolved{Params: p, Result: p[0].Elem.Nullable(true), Strict: true, Fallible: true, Cost: 20, Eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			l := listsOf(args[0])
			return one(dst, &args[0].Kids[0], n, live, func(i int) (int, error) {
				from, to := l.span(i)
				switch to - from {
				case 0:
					return -1, nil
				case 1:
					return from, nil
				}
				return 0, fail(i, "Array has more than one element.")
			})
		}}, nil
	},
}

// one makes dst of one element of src for each lane; NULL where f gives -1.
func one(dst, src *batch.Col, n int, live []uint64, f func(i int) (int, error)) error {
	sel := make([]uint32, n)
	found := false
	for i := range kernel.Lanes(n, live) {
		k, err := f(i)
		if err != nil {
			return err
		}
		if k < 0 || src.IsNull(k) {
			dst.SetNull(i, n)
			continue
		}
		sel[i], found = uint32(k), true
	}
	t, nulls := dst.Type, dst.Nulls
	if !found {
		// No lane counts: there may be no element at all to fill in.
		if t.IsNested() {
			dst.AppendNulls(0, n)
		}
		kernel.FillOnes(dst.NullBits(n), n)
		return nil
	}
	if nulls != nil {
		nulls = append([]uint64(nil), nulls...)
	}
	dst.AppendIndex(0, src, sel, n)
	dst.Type, dst.Nulls = t, nil
	if nulls != nil {
		copy(dst.AllocNulls(n), nulls)
	}
	return nil
}

var arrayAppend = function.Func{
	Name: "ARRAY_APPEND", Category: function.Collection,
	Summary:    "The array with a value added at its end.",
	Signatures: []string{"ARRAY_APPEND(array, value)"},
	Examples:   []function.Example{{SQL: "ARRAY_APPEND(ARRAY[1, 2], 3)", Want: "[1, 2, 3]"}, {SQL: "ARRAY_APPEND(ARRAY[1], CAST(NULL AS INT))", Want: "[1, NULL]"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferAdd(c, false) },
}

var arrayPrepend = function.Func{
	Name: "ARRAY_PREPEND", Category: function.Collection,
	Summary:    "The array with a value added before its first element.",
	Signatures: []string{"ARRAY_PREPEND(array, value)"},
	Examples:   []function.Example{{SQL: "ARRAY_PREPEND(ARRAY[1, 2], 3)", Want: "[3, 1, 2]"}, {SQL: "ARRAY_PREPEND(CAST(NULL AS ARRAY<INT>), 3)", Want: "NULL"}},
	Infer:      func(c *function.Call) (function.Resolved, error) { return inferAdd(c, true) },
}

func inferAdd(c *function.Call, front bool) (function.Resolved, error) {
	r, err := arrayAndElement(c)
	r.Make = listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		// The elements of the arrays, and the values behind them.
		src := p.from(args[:1], n)
		had := elements(args[0], n)
		src[0].Append(had, args[1], nil, n)
		l := listsOf(args[0])
		return p.pick(dst, src, n, live, func(i int) error {
			if args[0].IsNull(i) {
				dst.SetNull(i, n)
				return nil
			}
			if front {
				p.sel = append(p.sel, uint32(had+i))
			}
			p.span(l.span(i))
			if !front {
				p.sel = append(p.sel, uint32(had+i))
			}
			return nil
		})
	})
	return r, err
}

var arrayConcat = function.Func{
	Name: "ARRAY_CONCAT", Category: function.Collection,
	Summary:    "The elements of all arrays in order; NULL if one of the arrays is.",
	Signatures: []string{"ARRAY_CONCAT(array, ...)"},
	Examples:   []function.Example{{SQL: "ARRAY_CONCAT(ARRAY[1], ARRAY[2, NULL], ARRAY[1])", Want: "[1, 2, NULL, 1]"}, {SQL: "ARRAY_CONCAT(ARRAY[1], CAST(NULL AS ARRAY<INT>))", Want: "NULL"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		r, err := sameArrays(c, 1, true)
		r.Make = listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			return p.pick(dst, p.from(args, n), n, live, func(i int) error {
				for k, a := range args {
					l := listsOf(a)
					from, to := l.span(i)
					p.span(p.base[k]+from, p.base[k]+to)
				}
				return nil
			})
		})
		return r, err
	},
}

var arrayReverse = function.Func{
	Name: "ARRAY_REVERSE", Category: function.Collection,
	Summary:    "The array from its last element to its first.",
	Signatures: []string{"ARRAY_REVERSE(array)"},
	Examples:   []function.Example{{SQL: "ARRAY_REVERSE(ARRAY[1, 2, NULL])", Want: "[NULL, 2, 1]"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		r, err := sameArrays(c, 0, false)
		r.Make = listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			l := listsOf(args[0])
			return p.pick(dst, args[0].Kids, n, live, func(i int) error {
				from, to := l.span(i)
				for k := to - 1; k >= from; k-- {
					p.sel = append(p.sel, uint32(k))
				}
				return nil
			})
		})
		return r, err
	},
}

var arraySlice = function.Func{
	Name: "ARRAY_SLICE", Category: function.Collection,
	Summary:    "The elements between two positions, both included; positions count from 1, negative ones from the end.",
	Signatures: []string{"ARRAY_SLICE(array, from [, to])"},
	Examples:   []function.Example{{SQL: "ARRAY_SLICE(ARRAY[1, 2, 3, 4], 2, 3)", Want: "[2, 3]"}, {SQL: "ARRAY_SLICE(ARRAY[1, 2, 3, 4], -3)", Want: "[2, 3, 4]"}, {SQL: "ARRAY_SLICE(ARRAY[1, 2], 3, 4)", Want: "[]"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 2, false, array, integer, integer)
		if err != nil {
			return function.Resolved{}, err
		}
		r := function.Resolved{Params: p, Result: p[0].Nullable(nullable(c)), Strict: true, Cost: 40}
		r.Make = listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			l, first := listsOf(args[0]), intsOf(args[1])
			last := ints{mask: 0, wide: []int64{-1}}
			if len(args) > 2 {
				last = intsOf(args[2])
			}
			return p.pick(dst, args[0].Kids, n, live, func(i int) error {
				from, to := l.span(i)
				a, b := first.at(i), last.at(i)
				size := int64(to - from)
				if a < 0 {
					a = max(a, -size-1) + size + 1
				}
				if b < 0 {
					if b += size + 1; b < 0 {
						return nil // before the first element; 0 counts as 1
					}
				}
				a, b = max(a, 1), min(max(b, 1), size)
				if a <= b {
					p.span(from+int(a)-1, from+int(b))
				}
				return nil
			})
		})
		return r, nil
	},
}
