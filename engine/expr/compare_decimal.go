package expr

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Decimals are compared by value. Most pairs have a type that holds all values of
// both, to which they are cast; where that type would need more than 38 digits, a
// function compares them as they are.

// tooWide reports whether no DECIMAL holds all values of two exact types.
func tooWide(a, b types.Type) bool {
	if !a.IsExact() || !b.IsExact() {
		return false
	}
	a, b = function.AsDecimal(a), function.AsDecimal(b)
	return max(a.Prec-a.Scale, b.Prec-b.Scale)+max(a.Scale, b.Scale) > function.MaxPrecision
}

var compareDecimals = function.Func{
	Name: "COMPARE_DECIMALS", Category: function.Comparison,
	Summary: "-1, 0 or 1 as a is less than, equal to or greater than b.",
	Infer: func(c *function.Call) (function.Resolved, error) {
		a, b := c.Args[0].Type, c.Args[1].Type
		r := function.Resolved{Params: []types.Type{a.Plain(), b.Plain()}, Result: types.IntT, Strict: true, Cost: 20}
		r.Result.NotNull = a.NotNull && b.NotNull
		r.Eval = func(_ *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			x, y := kernel.ExactOf(args[0]), kernel.ExactOf(args[1])
			for i := range kernel.Lanes(n, live) {
				dst.I32[i] = int32(kernel.CompareDec(x.Dec(i), y.Dec(i), x.Scale, y.Scale))
			}
			return nil
		}
		return r, nil
	},
}

// compareWide makes l op r of exact numbers that have no type in common.
func compareWide(op CompareOp, l, r Node, at diag.Span) (Node, error) {
	c, err := NewCall(&compareDecimals, []Node{l, r}, at)
	if err != nil {
		return nil, err
	}
	col := batch.ConstInt(types.IntT, 0)
	zero := NewLiteral(&col, at)
	switch op {
	case Distinct:
		n, err := compareWide(NotDistinct, l, r, at)
		return NewNot(n, at), err
	case NotDistinct:
		// Equal, or both NULL where that is unknown.
		both := newLogic(false, []Node{NewIs(IsNull, false, l, at), NewIs(IsNull, false, r, at)}, at)
		return NewCoalesce([]Node{&Compare{Op: Eq, L: c, R: zero, At: at}, both}, at)
	}
	return &Compare{Op: op, L: c, R: zero, At: at}, nil
}
