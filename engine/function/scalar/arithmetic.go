package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var plus = function.Func{
	Name: "+", Category: function.Operators,
	Summary:    "Sum of numbers, of a date-time and an interval, or of intervals.",
	Signatures: []string{"number + number", "datetime + interval", "interval + datetime", "interval + interval"},
	Examples: []function.Example{
		{SQL: "1 + 2", Want: "3"},
		{SQL: "1.5 + 2", Want: "3.5"},
		{SQL: "CAST(127 AS TINYINT) + CAST(1 AS TINYINT)", Want: "-128"},
		{SQL: "DATE '2020-02-28' + INTERVAL '2' DAY", Want: "2020-03-01"},
		{SQL: "TIMESTAMP '2021-10-30 00:00:00' + INTERVAL '6' MONTH", Want: "2022-04-30 00:00:00"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferArith(c, "+") },
}

var minus = function.Func{
	Name: "-", Category: function.Operators,
	Summary:    "Difference of numbers, of a date-time and an interval, or of intervals.",
	Signatures: []string{"number - number", "datetime - interval", "interval - interval"},
	Examples: []function.Example{
		{SQL: "1 - 2", Want: "-1"},
		{SQL: "0.3 - 0.1", Want: "0.2"},
		{SQL: "TIMESTAMP '2020-01-01 00:00:00' - INTERVAL '1' SECOND", Want: "2019-12-31 23:59:59"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferArith(c, "-") },
}

var times = function.Func{
	Name: "*", Category: function.Operators,
	Summary:    "Product of numbers, or of an interval and a number.",
	Signatures: []string{"number * number", "interval * number", "number * interval"},
	Examples: []function.Example{
		{SQL: "3 * 4", Want: "12"},
		{SQL: "1.5 * 1.5", Want: "2.25"},
		{SQL: "TYPEOF(0.908 * CAST(1 AS BIGINT))", Want: "DECIMAL(24, 3) NOT NULL"},
		{SQL: "INTERVAL '1' DAY * 2", Want: "+2 00:00:00.000"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferArith(c, "*") },
}

var divide = function.Func{
	Name: "/", Category: function.Operators,
	Summary:    "Quotient; of integers cut toward zero.",
	Signatures: []string{"number / number", "interval / number"},
	Examples: []function.Example{
		{SQL: "5 / 2", Want: "2"},
		{SQL: "-5 / 2", Want: "-2"},
		{SQL: "1e0 / 0", Want: "Infinity"},
		{SQL: "1.0 / 3", Want: "0.333333333333"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferArith(c, "/") },
}

var mod = function.Func{
	Name: "MOD", Aliases: []string{"%"}, Category: function.Arithmetic,
	Summary:    "Remainder, with the sign of the dividend.",
	Signatures: []string{"MOD(a, b)", "a % b"},
	Examples: []function.Example{
		{SQL: "MOD(7, 3)", Want: "1"},
		{SQL: "-5 % 3", Want: "-2"},
		{SQL: "5.5 % 2", Want: "1.5"},
		{SQL: "TYPEOF(MOD(CAST(7 AS DECIMAL(19, 0)), 6))", Want: "INT NOT NULL"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferArith(c, "%") },
}

func inferArith(c *function.Call, op string) (function.Resolved, error) {
	if err := count(c, 2, 2, false); err != nil {
		return function.Resolved{}, err
	}
	a, b := c.Args[0].Type.Plain(), c.Args[1].Type.Plain()
	t, err := function.Arith(op, a, b)
	if err != nil {
		return function.Resolved{}, err
	}
	a, b = asOther(a, b, op)
	r := function.Resolved{Params: []types.Type{a, b}, Result: t, Strict: true, Cost: 1}
	switch {
	case a.IsTemporal() || b.IsTemporal():
		inferTemporalPlus(&r, op == "-")
	case t.IsInterval():
		inferIntervalArith(&r, op)
	case t.IsApprox():
		r.Params = []types.Type{cast(a, t), cast(b, t)}
		r.Eval = floatKernel(op, t)
	case a.Kind == types.Decimal || b.Kind == types.Decimal:
		r.Cost, r.Fallible = 3, op == "/" || op == "%"
		r.Eval = decimalKernel(op)
	default:
		inferInts(&r, op, a, b)
	}
	return r, nil
}

// cast is t with the nullability of a.
func cast(a, t types.Type) types.Type {
	t.NotNull = a.NotNull
	return t
}

// asOther gives a bare NULL the type of the other side.
func asOther(a, b types.Type, op string) (types.Type, types.Type) {
	null := func(other types.Type) types.Type {
		switch {
		case other.Kind == types.Null:
			return types.IntT
		case other.IsTemporal():
			return types.DayTimeT()
		}
		return other.Nullable(true)
	}
	if a.Kind == types.Null {
		a = null(b)
	}
	if b.Kind == types.Null {
		b = null(a)
	}
	return a, b
}

// arith chooses the loop for a layout.
func arith[T kernel.Number](op string, dst, a, b []T, ac, bc bool) {
	switch op {
	case "+":
		kernel.Add(dst, a, b, ac, bc)
	case "-":
		kernel.Sub(dst, a, b, ac, bc)
	case "*":
		kernel.Mul(dst, a, b, ac, bc)
	}
}

func arithInt[T kernel.Integer](op string, dst, a, b []T, ac, bc bool, live []uint64) error {
	switch op {
	case "/":
		return kernel.DivInt(dst, a, b, ac, bc, live)
	case "%":
		return kernel.ModInt(dst, a, b, ac, bc, live)
	}
	arith(op, dst, a, b, ac, bc)
	return nil
}

// inferInts computes in the wider of the two types.
func inferInts(r *function.Resolved, op string, a, b types.Type) {
	w := types.Type{Kind: max(a.Kind, b.Kind)}
	r.Params = []types.Type{cast(a, w), cast(b, w)}
	r.Fallible = op == "/" || op == "%"
	if r.Fallible {
		r.Cost = 3
	}
	if r.Result.Kind != w.Kind {
		r.Params = []types.Type{cast(a, types.BigIntT), cast(b, types.BigIntT)}
		r.Eval = modNarrow
		return
	}
	r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		a, b := args[0], args[1]
		ac, bc := a.Enc == batch.Const, b.Enc == batch.Const
		switch dst.Type.Phys() {
		case types.PhysI8:
			return arithInt(op, dst.I8[:n], a.I8, b.I8, ac, bc, live)
		case types.PhysI16:
			return arithInt(op, dst.I16[:n], a.I16, b.I16, ac, bc, live)
		case types.PhysI32:
			return arithInt(op, dst.I32[:n], a.I32, b.I32, ac, bc, live)
		default:
			return arithInt(op, dst.I64[:n], a.I64, b.I64, ac, bc, live)
		}
	}
}

// modNarrow is the remainder of BIGINTs in the narrower type of the divisor.
func modNarrow(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	a, b := args[0], args[1]
	ac, bc := a.Enc == batch.Const, b.Enc == batch.Const
	switch dst.Type.Phys() {
	case types.PhysI8:
		return kernel.ModNarrow(dst.I8[:n], a.I64, b.I64, ac, bc, live)
	case types.PhysI16:
		return kernel.ModNarrow(dst.I16[:n], a.I64, b.I64, ac, bc, live)
	default:
		return kernel.ModNarrow(dst.I32[:n], a.I64, b.I64, ac, bc, live)
	}
}

func floatKernel(op string, t types.Type) function.Kernel {
	wide := t.Kind == types.Double
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		a, b := args[0], args[1]
		ac, bc := a.Enc == batch.Const, b.Enc == batch.Const
		if wide {
			floatArith(op, dst.F64[:n], a.F64, b.F64, ac, bc)
		} else {
			floatArith(op, dst.F32[:n], a.F32, b.F32, ac, bc)
		}
		return nil
	}
}

func floatArith[T kernel.Float](op string, dst, a, b []T, ac, bc bool) {
	switch op {
	case "/":
		kernel.DivFloat(dst, a, b, ac, bc)
	case "%":
		kernel.ModFloat(dst, a, b, ac, bc)
	default:
		arith(op, dst, a, b, ac, bc)
	}
}

func decimalKernel(op string) function.Kernel {
	return func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		switch op {
		case "*":
			kernel.MulDecimal(dst, args[0], args[1], n, live)
		case "/":
			return kernel.DivDecimal(dst, args[0], args[1], n, live)
		case "%":
			return kernel.ModDecimal(dst, args[0], args[1], n, live)
		default:
			kernel.AddDecimal(dst, args[0], args[1], op == "-", n, live)
		}
		return nil
	}
}

var negate = function.Func{
	Name: "NEG", Category: function.Arithmetic,
	Summary:    "The number or interval with the other sign.",
	Signatures: []string{"- x"},
	Examples:   []function.Example{{SQL: "-(3)", Want: "-3"}, {SQL: "-(1.50)", Want: "-1.50"}},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, same("a number or interval", types.IntT, func(t types.Type) bool { return t.IsNumeric() || t.IsInterval() }))
		if err != nil {
			return function.Resolved{}, err
		}
		return function.Resolved{Params: p, Result: p[0], Strict: true, Cost: 1, Eval: negateKernel}, nil
	},
}

func negateKernel(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
	a := args[0]
	switch dst.Type.Phys() {
	case types.PhysI8:
		kernel.Map1(dst.I8, a.I8[:n], func(x int8) int8 { return -x })
	case types.PhysI16:
		kernel.Map1(dst.I16, a.I16[:n], func(x int16) int16 { return -x })
	case types.PhysI32:
		kernel.Map1(dst.I32, a.I32[:n], func(x int32) int32 { return -x })
	case types.PhysI64:
		kernel.Map1(dst.I64, a.I64[:n], func(x int64) int64 { return -x })
	case types.PhysF32:
		kernel.Map1(dst.F32, a.F32[:n], func(x float32) float32 { return -x })
	case types.PhysF64:
		kernel.Map1(dst.F64, a.F64[:n], func(x float64) float64 { return -x })
	case types.PhysDec:
		kernel.Map1(dst.Dec, a.Dec[:n], kernel.NegDec)
	}
	return nil
}
