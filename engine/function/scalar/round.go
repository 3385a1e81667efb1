package scalar

import (
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var round = function.Func{
	Name: "ROUND", Category: function.Arithmetic,
	Summary:    "The number rounded to digits behind the point, halves away from zero; negative digits round before it.",
	Signatures: []string{"ROUND(number)", "ROUND(number, digits)"},
	Examples: []function.Example{
		{SQL: "ROUND(-125.315, 2)", Want: "-125.32"},
		{SQL: "ROUND(125.315)", Want: "125"},
		{SQL: "ROUND(CAST(123 AS TINYINT), -2)", Want: "100"},
		{SQL: "ROUND(0.125e0, 2)", Want: "0.13"},
		{SQL: "TYPEOF(ROUND(CAST(1 AS DECIMAL(10, 3)), 1))", Want: "DECIMAL(9, 1) NOT NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferRound(c, true) },
}

var truncate = function.Func{
	Name: "TRUNCATE", Category: function.Arithmetic,
	Summary:    "The number cut to digits behind the point; negative digits zero digits before it.",
	Signatures: []string{"TRUNCATE(number)", "TRUNCATE(number, digits)"},
	Examples: []function.Example{
		{SQL: "TRUNCATE(42, -1)", Want: "40"},
		{SQL: "TRUNCATE(42.345, 2)", Want: "42.34"},
		{SQL: "TRUNCATE(-1.99e0)", Want: "-1.0"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferRound(c, false) },
}

func inferRound(c *function.Call, half bool) (function.Resolved, error) {
	p, err := match(c, 1, false, number, integer)
	if err != nil {
		return function.Resolved{}, err
	}
	r := function.Resolved{Params: p, Result: p[0], Strict: true, Cost: 5}
	if p[0].Kind == types.Decimal {
		r.Result = roundedType(c, p[0])
	}
	r.Result.NotNull = !nullable(c)
	r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		digits := ints{mask: 0, wide: []int64{0}}
		if len(args) > 1 {
			digits = intsOf(args[1])
		}
		a := args[0]
		switch {
		case a.F64 != nil:
			roundColumn(dst.F64, a.F64, a.Enc == batch.Const, &digits, half, n, live)
			return nil
		case a.F32 != nil:
			roundColumn(dst.F32, a.F32, a.Enc == batch.Const, &digits, half, n, live)
			return nil
		}
		x := kernel.ExactOf(a)
		scale := 0
		if dst.Type.Kind == types.Decimal {
			scale = dst.Type.Scale
		}
		for i := range kernel.Lanes(n, live) {
			kernel.SetExact(dst, i, roundExact(x.Dec(i), x.Scale, int(max(min(digits.at(i), 40), -40)), scale, half))
		}
		return nil
	}
	return r, nil
}

// lane is where the value of lane i of a flat or constant column lies.
func lane(c *batch.Col, i int) int {
	if c.Enc == batch.Const {
		return 0
	}
	return i
}

// roundedType is the type of a rounded DECIMAL; it depends on a constant number of
// digits.
func roundedType(c *function.Call, t types.Type) types.Type {
	digits := int64(0)
	if len(c.Args) > 1 {
		var ok bool
		if digits, ok = literalInt(c, 1); !ok {
			return t
		}
	}
	switch {
	case digits >= int64(t.Scale):
		return t
	case digits < 0:
		return types.DecimalT(min(function.MaxPrecision, t.Prec-t.Scale+1), 0)
	}
	return types.DecimalT(t.Prec-t.Scale+1+int(digits), int(digits))
}

// roundExact rounds a decimal of scale s to digits and brings it to scale t.
func roundExact(d batch.Dec, s, digits, t int, half bool) batch.Dec {
	if digits < s {
		if half {
			d, _ = kernel.RescaleDec(d, s, digits, 38)
		} else {
			d = kernel.CutDec(d, s, digits)
		}
		s = digits
	}
	d, _ = kernel.RescaleDec(d, s, t, 38)
	return d
}

// roundColumn rounds to one number of digits, or to as many as each lane says.
func roundColumn[T kernel.Float](dst, a []T, constant bool, digits *ints, half bool, n int, live []uint64) {
	if !constant && digits.mask == 0 {
		roundFloats(dst[:n], a, digits.at(0), half)
		return
	}
	mask := -1
	if constant {
		mask = 0
	}
	for i := range kernel.Lanes(n, live) {
		k := i & mask
		roundFloats(dst[i:i+1], a[k:k+1], digits.at(i), half)
	}
}

// roundFloat rounds the shortest decimal that reads back as x.
func roundFloat(x float64, digits int64, half bool) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) || digits > 22 {
		return x
	}
	if math.Abs(x) >= 1e18 || digits < -18 {
		if digits < -18 && math.Abs(x) < 1e18 {
			return 0
		}
		return x
	}
	d, ok := kernel.DecOfFloat(x, 64, 38, 19)
	if !ok {
		return x
	}
	t := int(max(digits, 0))
	return kernel.FloatOfDec(roundExact(d, 19, int(digits), t, half), t)
}

// tens are the powers of ten that roundFloats scales by.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// roundFloats is roundFloat of a column, without the decimal where it can be. Nearly
// always the decimal is clearly on one side: the decimal is at most 2^-53 of x away from
// it and the scaled value as much again from the product, and where rounding changes is
// farther. The quotient at the end is of two exact numbers, so it is rounded once, as
// the decimal's value is.
func roundFloats[T kernel.Float](dst, a []T, digits int64, half bool) {
	a = a[:len(dst)]
	if digits < 0 || digits >= int64(len(tens)) {
		kernel.Map1(dst, a, func(x T) T { return T(roundFloat(float64(x), digits, half)) })
		return
	}
	scale, off := tens[digits], 1.0/(1<<51)
	if digits == 0 {
		off = 0 // nothing is scaled: what lies behind the point is exact
	}
	// The sum with 0 makes 0 of -0.
	if half {
		for i := range dst {
			x := float64(a[i])
			scaled := float64(math.Abs(x) * scale) // the product itself, on every processor
			k := float64(int64(scaled + 0.5))
			if scaled < 1<<40 && 0.5-math.Abs(k-scaled) >= scaled*off {
				dst[i] = T(math.Copysign(k/scale, x) + 0)
			} else {
				dst[i] = T(roundFloat(x, digits, half))
			}
		}
		return
	}
	for i := range dst {
		x := float64(a[i])
		scaled := float64(math.Abs(x) * scale) // the product itself, on every processor
		k := float64(int64(scaled))
		if rest := scaled - k; scaled < 1<<40 && rest >= scaled*off && 1-rest >= scaled*off {
			dst[i] = T(math.Copysign(k/scale, x) + 0)
		} else {
			dst[i] = T(roundFloat(x, digits, half))
		}
	}
}
