package scalar

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var arrayContains = function.Func{
	Name: "ARRAY_CONTAINS", Category: function.Collection,
	Summary:    "TRUE if the array has the value; NULL is searched for too.",
	Signatures: []string{"ARRAY_CONTAINS(array, value)"},
	Examples: []function.Example{
		{SQL: "ARRAY_CONTAINS(ARRAY['a', 'b'], 'b')", Want: "TRUE"}, {SQL: "ARRAY_CONTAINS(ARRAY[1, NULL], NULL)", Want: "TRUE"},
		{SQL: "ARRAY_CONTAINS(CAST(NULL AS ARRAY<INT>), 1)", Want: "NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		r, err := arrayAndElement(c)
		r.Result = types.BooleanT.Nullable(r.Result.IsNullable())
		r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			if containsNumber(dst, args, n, live) {
				return nil
			}
			position := positions(args)
			for i := range kernel.Lanes(n, live) {
				if args[0].IsNull(i) {
					dst.SetNull(i, n)
				} else if position(i) > 0 {
					batch.SetBit(dst.Bits, i)
				}
			}
			return nil
		}
		return r, err
	},
}

// containsNumber is ARRAY_CONTAINS where neither arrays nor numbers may be NULL.
func containsNumber(dst *batch.Col, args []*batch.Col, n int, live []uint64) bool {
	kid, v := &args[0].Kids[0], args[1]
	if args[0].Nulls != nil || args[0].Enc != batch.Flat || kid.Enc != batch.Flat || kid.Nulls != nil || v.Nulls != nil {
		return false
	}
	switch kid.Type.Phys() {
	case types.PhysI32:
		containsIn(dst.Bits, args[0].Offs, kid.I32, v.I32, v.Enc == batch.Const, n, live)
	case types.PhysI64:
		containsIn(dst.Bits, args[0].Offs, kid.I64, v.I64, v.Enc == batch.Const, n, live)
	default:
		return false
	}
	return true
}

func containsIn[T comparable](bits []uint64, offs []uint32, elements, values []T, constant bool, n int, live []uint64) {
	mask := -1
	if constant {
		mask = 0
	}
	test := func(i int) uint64 {
		v := values[i&mask]
		for _, x := range elements[offs[i]:offs[i+1]] {
			if x == v {
				return 1
			}
		}
		return 0
	}
	if live == nil {
		for i := range n {
			bits[i>>6] |= test(i) << (i & 63)
		}
		return
	}
	for i := range kernel.Lanes(n, live) {
		bits[i>>6] |= test(i) << (i & 63)
	}
}

// positions tells where the value of a lane stands in its array, from 1, or 0. Numbers
// without NULLs are compared as slices.
func positions(args []*batch.Col) func(i int) int {
	l, kid, v := listsOf(args[0]), &args[0].Kids[0], args[1]
	if kid.Enc == batch.Flat && kid.Nulls == nil && v.Nulls == nil && v.Enc != batch.Sparse {
		switch kid.Type.Phys() {
		case types.PhysI32:
			return positionIn(l, kid.I32, v.I32, v.Enc == batch.Const)
		case types.PhysI64:
			return positionIn(l, kid.I64, v.I64, v.Enc == batch.Const)
		}
	}
	return func(i int) int {
		from, to := l.span(i)
		for k := from; k < to; k++ {
			if kid.CompareLanes(k, v, i, false) == 0 {
				return k - from + 1
			}
		}
		return 0
	}
}

func positionIn[T comparable](l lists, elements, values []T, constant bool) func(i int) int {
	return func(i int) int {
		from, to := l.span(i)
		if constant {
			i = 0
		}
		return slices.Index(elements[from:to], values[i]) + 1
	}
}

var arrayPosition = function.Func{
	Name: "ARRAY_POSITION", Category: function.Collection,
	Summary:    "Where the value first stands in the array, from 1; 0 if it does not.",
	Signatures: []string{"ARRAY_POSITION(array, value)"},
	Examples:   []function.Example{{SQL: "ARRAY_POSITION(ARRAY['a', 'b', 'b'], 'b')", Want: "2"}, {SQL: "ARRAY_POSITION(ARRAY['a'], 'x')", Want: "0"}, {SQL: "ARRAY_POSITION(ARRAY[1, NULL], NULL)", Want: "NULL"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		r, err := arrayAndElement(c)
		r.Result, r.Strict = types.IntT.Nullable(nullable(c)), true
		r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			position := positions(args)
			for i := range kernel.Lanes(n, live) {
				dst.I32[i] = int32(position(i))
			}
			return nil
		}
		return r, err
	},
}

var arrayRemove = function.Func{
	Name: "ARRAY_REMOVE", Category: function.Collection,
	Summary:    "The array without the elements that equal the value.",
	Signatures: []string{"ARRAY_REMOVE(array, value)"},
	Examples:   []function.Example{{SQL: "ARRAY_REMOVE(ARRAY[1, 2, 1, NULL], 1)", Want: "[2, NULL]"}, {SQL: "ARRAY_REMOVE(ARRAY[1, NULL], CAST(NULL AS INT))", Want: "[1]"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		r, err := arrayAndElement(c)
		r.Make = listMaker(func(p *picker, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			l := listsOf(args[0])
			return p.pick(dst, args[0].Kids, n, live, func(i int) error {
				if args[0].IsNull(i) {
					dst.SetNull(i, n)
					return nil
				}
				from, to := l.span(i)
				for k := from; k < to; k++ {
					if args[0].Kids[0].CompareLanes(k, args[1], i, false) != 0 {
						p.sel = append(p.sel, uint32(k))
					}
				}
				return nil
			})
		})
		return r, err
	},
}

var arrayJoin = function.Func{
	Name: "ARRAY_JOIN", Category: function.Collection,
	Summary:    "The strings of the array with a delimiter between them; NULLs are left out, or written as the third argument.",
	Signatures: []string{"ARRAY_JOIN(array, delimiter [, null text])"},
	Examples:   []function.Example{{SQL: "ARRAY_JOIN(ARRAY['a', 'b', NULL], '+')", Want: "a+b"}, {SQL: "ARRAY_JOIN(ARRAY['a', 'b', NULL], '+', 'abc')", Want: "a+b+abc"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		texts := same("an array of strings", types.ArrayT(types.StringT), func(t types.Type) bool {
			return t.Kind == types.Array && (t.Elem.IsString() || t.Elem.Kind == types.Null)
		})
		return spec{params: []class{texts, text, text}, min: 2, result: types.StringT, cost: 40, eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			w := f.Strings(dst)
			l, delim := listsOf(args[0]), kernel.StrsOf(args[1])
			var null kernel.Strs
			if len(args) > 2 {
				null = kernel.StrsOf(args[2])
			}
			kid := &args[0].Kids[0]
			var tmp [batch.InlineMax]byte
			for i := range kernel.Lanes(n, live) {
				from, to := l.span(i)
				first := true
				for k := from; k < to; k++ {
					isNull := kid.IsNull(k)
					if isNull && len(args) < 3 {
						continue
					}
					if !first {
						w.Buf = append(w.Buf, delim.At(i)...)
					}
					first = false
					if isNull {
						w.Buf = append(w.Buf, null.At(i)...)
					} else {
						w.Buf = append(w.Buf, kid.Bytes(k, &tmp)...)
					}
				}
				dst.Views[i] = w.End()
			}
			w.Close()
			return nil
		}}.infer(c)
	},
}
