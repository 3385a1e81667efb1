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
		if a.Type.IsApprox() {
			for i := range kernel.Lanes(n, live) {
				if a.F64 != nil {
					dst.F64[i] = roundFloat(a.F64[lane(a, i)], digits.at(i), half)
				} else {
					dst.F32[i] = float32(roundFloat(float64(a.F32[lane(a, i)]), digits.at(i), half))
				}
			}
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

// roundFloat rounds the shortest decimal that reads back as x.
func roundFloat(x float64, digits int64, half bool) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) || digits > 22 {
		return x
	}
	if digits >= 0 && digits <= 12 {
		if y, ok := roundFast(x, int(digits), half); ok {
			return y
		}
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

// tens are the powers of ten that roundFast scales by.
var tens = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// roundFast is roundFloat where the decimal is clearly on one side: scaled, x is below
// 2^40 and so at most 2^-12 off, and no nearer than that to where rounding changes. The
// quotient at the end is of two exact numbers, so it is rounded once, as the decimal's
// value is.
func roundFast(x float64, digits int, half bool) (float64, bool) {
	const near = 1.0 / 1024
	a := math.Abs(x)
	scaled := a * tens[digits]
	if scaled >= 1<<40 {
		return 0, false
	}
	n := math.Floor(scaled)
	rest := scaled - n
	if half {
		if digits > 0 && math.Abs(rest-0.5) < near {
			return 0, false
		}
		if rest >= 0.5 {
			n++
		}
	} else if digits > 0 && (rest < near || rest > 1-near) {
		return 0, false
	}
	if n == 0 {
		return 0, true
	}
	return math.Copysign(n/tens[digits], x), true
}
