package scalar

import (
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// mathFunc makes a function of one DOUBLE.
func mathFunc(name, summary string, f func(float64) float64, examples ...function.Example) function.Func {
	return function.Func{
		Name: name, Category: function.Arithmetic, Summary: summary, Signatures: []string{name + "(number)"}, Examples: examples,
		Infer: spec{
			params: []class{double}, result: types.DoubleT, cost: 10,
			eval: func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				kernel.Map1(dst.F64, args[0].F64[:n], f)
				return nil
			},
		}.infer,
	}
}

// squareRoot is the power of a half, as in Flink: of -0.0 it is 0.0, and of -Infinity Infinity.
func squareRoot(x float64) float64 {
	if x < -math.MaxFloat64 {
		return math.Inf(1)
	}
	return math.Sqrt(x) + 0
}

// mathFunc2 makes a function of two DOUBLEs.
func mathFunc2(name, signature, summary string, f func(x, y float64) float64, examples ...function.Example) function.Func {
	return function.Func{
		Name: name, Category: function.Arithmetic, Summary: summary, Signatures: []string{signature}, Examples: examples,
		Infer: spec{params: []class{double, double}, result: types.DoubleT, cost: 20, eval: floats2(f)}.infer,
	}
}

func floats2(f func(x, y float64) float64) function.Kernel {
	return func(fr *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		x, y := floatsOf(args[0]), floatsOf(args[1])
		for i := range dst.F64[:n] {
			dst.F64[i] = f(x.at(i), y.at(i))
		}
		return nil
	}
}

// constFunc makes a function without arguments.
func constFunc(name, summary string, v float64, want string) function.Func {
	return function.Func{
		Name: name, Category: function.Arithmetic, Summary: summary, Signatures: []string{name + "()"},
		Examples: []function.Example{{SQL: name + "()", Want: want}},
		Infer: func(c *function.Call) (function.Resolved, error) {
			return function.Resolved{
				Result: types.DoubleT.Nullable(false), Strict: true,
				Eval: func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
					for i := range n {
						dst.F64[i] = v
					}
					return nil
				},
			}, count(c, 0, 0, false)
		},
	}
}

var (
	sqrt    = mathFunc("SQRT", "Square root.", squareRoot, function.Example{SQL: "SQRT(16)", Want: "4.0"})
	ln      = mathFunc("LN", "Natural logarithm.", math.Log, function.Example{SQL: "LN(1)", Want: "0.0"})
	log10   = mathFunc("LOG10", "Logarithm to base 10.", math.Log10, function.Example{SQL: "LOG10(100)", Want: "2.0"})
	log2    = mathFunc("LOG2", "Logarithm to base 2.", func(x float64) float64 { return math.Log(x) / math.Ln2 }, function.Example{SQL: "LOG2(8)", Want: "3.0"})
	exp     = mathFunc("EXP", "e raised to the number.", math.Exp, function.Example{SQL: "EXP(0)", Want: "1.0"})
	sin     = mathFunc("SIN", "Sine of radians.", math.Sin, function.Example{SQL: "SIN(0)", Want: "0.0"})
	cos     = mathFunc("COS", "Cosine of radians.", math.Cos, function.Example{SQL: "COS(0)", Want: "1.0"})
	tan     = mathFunc("TAN", "Tangent of radians.", math.Tan, function.Example{SQL: "TAN(0)", Want: "0.0"})
	cot     = mathFunc("COT", "Cotangent of radians.", func(x float64) float64 { return 1 / math.Tan(x) }, function.Example{SQL: "COT(0)", Want: "Infinity"})
	asin    = mathFunc("ASIN", "Arc sine in radians.", math.Asin, function.Example{SQL: "ASIN(0)", Want: "0.0"})
	acos    = mathFunc("ACOS", "Arc cosine in radians.", arcCosine, function.Example{SQL: "ACOS(1)", Want: "0.0"})
	atan    = mathFunc("ATAN", "Arc tangent in radians.", math.Atan, function.Example{SQL: "ATAN(0)", Want: "0.0"})
	sinh    = mathFunc("SINH", "Hyperbolic sine.", math.Sinh, function.Example{SQL: "SINH(0)", Want: "0.0"})
	cosh    = mathFunc("COSH", "Hyperbolic cosine.", math.Cosh, function.Example{SQL: "COSH(0)", Want: "1.0"})
	tanh    = mathFunc("TANH", "Hyperbolic tangent.", math.Tanh, function.Example{SQL: "TANH(0)", Want: "0.0"})
	degrees = mathFunc("DEGREES", "Radians as degrees.", func(x float64) float64 { return x * (180 / math.Pi) }, function.Example{SQL: "DEGREES(PI())", Want: "180.0"})
	radians = mathFunc("RADIANS", "Degrees as radians.", func(x float64) float64 { return x * (math.Pi / 180) }, function.Example{SQL: "RADIANS(0)", Want: "0.0"})

	atan2 = mathFunc2("ATAN2", "ATAN2(y, x)", "Angle of the point (x, y) in radians.", math.Atan2, function.Example{SQL: "ATAN2(0, 1)", Want: "0.0"})
	power = mathFunc2("POWER", "POWER(a, b)", "a raised to b.", kernel.Pow, function.Example{SQL: "POWER(2, 10)", Want: "1024.0"})

	pi = constFunc("PI", "The number pi.", math.Pi, "3.141592653589793")
	e  = constFunc("E", "The number e.", math.E, "2.718281828459045")
)

var log = function.Func{
	Name: "LOG", Category: function.Arithmetic,
	Summary:    "Natural logarithm, or that to a base.",
	Signatures: []string{"LOG(x)", "LOG(base, x)"},
	Examples: []function.Example{
		{SQL: "LOG(2, 8)", Want: "3.0"}, {SQL: "LOG(-1)", Want: "NaN"}, {SQL: "LOG(1, 100)", Want: "Infinity"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if len(c.Args) == 1 {
			return ln.Infer(c)
		}
		return spec{
			params: []class{double, double}, result: types.DoubleT, cost: 20,
			eval: floats2(func(base, x float64) float64 { return math.Log(x) / math.Log(base) }),
		}.infer(c)
	},
}

var abs = function.Func{
	Name: "ABS", Category: function.Arithmetic,
	Summary:    "The number without its sign.",
	Signatures: []string{"ABS(number)"},
	Examples:   []function.Example{{SQL: "ABS(-5)", Want: "5"}, {SQL: "ABS(-1.5)", Want: "1.5"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, number)
		if err != nil {
			return function.Resolved{}, err
		}
		return function.Resolved{Params: p, Result: p[0], Strict: true, Eval: absKernel}, nil
	},
}

func absInt[T kernel.Integer](x T) T { return max(x, -x) }

func absKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	a := args[0]
	switch dst.Type.Phys() {
	case types.PhysI8:
		kernel.Map1(dst.I8, a.I8[:n], absInt[int8])
	case types.PhysI16:
		kernel.Map1(dst.I16, a.I16[:n], absInt[int16])
	case types.PhysI32:
		kernel.Map1(dst.I32, a.I32[:n], absInt[int32])
	case types.PhysI64:
		kernel.Map1(dst.I64, a.I64[:n], absInt[int64])
	case types.PhysF32:
		kernel.Map1(dst.F32, a.F32[:n], func(x float32) float32 { return float32(math.Abs(float64(x))) })
	case types.PhysF64:
		kernel.Map1(dst.F64, a.F64[:n], math.Abs)
	case types.PhysDec:
		kernel.Map1(dst.Dec, a.Dec[:n], kernel.AbsDec)
	}
	return nil
}

var sign = function.Func{
	Name: "SIGN", Category: function.Arithmetic,
	Summary:    "-1, 0 or 1, in the type of the number.",
	Signatures: []string{"SIGN(number)"},
	Examples:   []function.Example{{SQL: "SIGN(-7)", Want: "-1"}, {SQL: "SIGN(2.5)", Want: "1.0"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, number)
		if err != nil {
			return function.Resolved{}, err
		}
		return function.Resolved{Params: p, Result: p[0], Strict: true, Cost: 2, Eval: signKernel}, nil
	},
}

func signKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	a := args[0]
	if a.F64 != nil {
		kernel.Map1(dst.F64, a.F64[:n], signFloat)
		return nil
	}
	if a.F32 != nil {
		kernel.Map1(dst.F32, a.F32[:n], func(x float32) float32 { return float32(signFloat(float64(x))) })
		return nil
	}
	one := batch.DecOf(1)
	if dst.Type.Kind == types.Decimal {
		one, _ = kernel.RescaleDec(one, 0, dst.Type.Scale, 38)
	}
	x := kernel.ExactOf(a)
	for i := range kernel.Lanes(n, live) {
		v := one
		switch d := x.Dec(i); {
		case d.Hi < 0:
			v = kernel.NegDec(one)
		case d == batch.Dec{}:
			v = d
		}
		kernel.SetExact(dst, i, v)
	}
	return nil
}

func signFloat(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// arcCosine is exact near 1 and -1, where the difference of an arc sine from half of
// pi keeps few of its digits.
func arcCosine(x float64) float64 {
	return 2 * math.Atan2(math.Sqrt(1-x), math.Sqrt(1+x))
}
