package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// inferTemporalPlus picks the kernel of date-time ± interval.
func inferTemporalPlus(r *function.Resolved, minus bool) {
	t, i := 0, 1
	if r.Params[0].IsInterval() {
		t, i = 1, 0
	}
	r.Params[t] = cast(r.Params[t], r.Result.Nullable(true))
	r.Cost = 2
	months := r.Params[i].Kind == types.IntervalYM
	sign := int64(1)
	if minus {
		sign = -1
	}
	r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		addTime(dst, args[t], args[i], sign, months, n)
		return nil
	}
}

// addTime adds sign times an interval column to a date-time column of dst's type.
func addTime(dst, t, iv *batch.Col, sign int64, months bool, n int) {
	k := intsOf(iv)
	at := intsOf(t)
	switch kind := dst.Type.Kind; {
	case kind == types.Time:
		for i := range n {
			v := at.at(i)
			if !months {
				v = kernel.FloorMod(v+sign*k.at(i), kernel.MsDay)
			}
			dst.I32[i] = int32(v)
		}
	case kind == types.Date && months:
		for i := range n {
			dst.I32[i] = int32(kernel.AddMonths(at.at(i), sign*k.at(i)))
		}
	case kind == types.Date:
		for i := range n {
			dst.I32[i] = int32(at.at(i) + sign*k.at(i)/kernel.MsDay)
		}
	case months:
		day := 86400 * dst.Type.PerSecond()
		for i := range n {
			v := at.at(i)
			d := kernel.FloorDiv(v, day)
			dst.I64[i] = kernel.AddMonths(d, sign*k.at(i))*day + v - d*day
		}
	default:
		per := sign * (dst.Type.PerSecond() / 1000)
		if iv.Enc == batch.Const && t.Enc != batch.Const {
			x := k.at(0) * per
			kernel.Map1(dst.I64, t.I64[:n], func(v int64) int64 { return v + x })
			return
		}
		for i := range n {
			dst.I64[i] = at.at(i) + k.at(i)*per
		}
	}
}

// inferIntervalArith picks the kernel of arithmetic with intervals only and
// numbers.
func inferIntervalArith(r *function.Resolved, op string) {
	a, b := r.Params[0], r.Params[1]
	if a.IsInterval() && b.IsInterval() {
		r.Params = []types.Type{cast(a, r.Result), cast(b, r.Result)}
		sign := int64(1)
		if op == "-" {
			sign = -1
		}
		r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			x, y := intsOf(args[0]), intsOf(args[1])
			for i := range n {
				setInterval(dst, i, x.at(i)+sign*y.at(i))
			}
			return nil
		}
		return
	}
	iv, num := 0, 1
	if b.IsInterval() {
		iv, num = 1, 0
	}
	if r.Params[num].IsInteger() {
		r.Fallible = op == "/"
		r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			x, y := intsOf(args[iv]), intsOf(args[num])
			for i := range kernel.Lanes(n, live) {
				v, k := x.at(i), y.at(i)
				if op == "*" {
					setInterval(dst, i, v*k)
					continue
				}
				if k == 0 {
					return kernel.DivisionByZero(i)
				}
				setInterval(dst, i, v/k)
			}
			return nil
		}
		return
	}
	r.Params[num] = cast(r.Params[num], types.DoubleT)
	r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		x, y := intsOf(args[iv]), floatsOf(args[num])
		for i := range n {
			v := float64(x.at(i))
			if op == "*" {
				v *= y.at(i)
			} else {
				v /= y.at(i)
			}
			setInterval(dst, i, kernel.Int64Of(v))
		}
		return nil
	}
}

func setInterval(dst *batch.Col, i int, v int64) {
	if dst.I64 != nil {
		dst.I64[i] = v
		return
	}
	dst.I32[i] = int32(v)
}

// floats reads DOUBLE columns lane by lane.
type floats struct {
	v    []float64
	mask int
}

func floatsOf(c *batch.Col) floats {
	if c.Enc == batch.Const {
		return floats{c.F64, 0}
	}
	return floats{c.F64, -1}
}

func (r *floats) at(i int) float64 { return r.v[i&r.mask] }

var minusDate = function.Func{
	Name: "MINUS_DATE", Category: function.Temporal,
	Summary:    "The time between two date-times as an interval; written (a - b) UNIT.",
	Signatures: []string{"(a - b) unit"},
	Examples: []function.Example{
		{SQL: "MINUS_DATE(TIMESTAMP '2020-01-03 00:00:00', TIMESTAMP '2020-01-01 12:00:00', 'DAY')", Want: "+1 12:00:00.000"},
		{SQL: "MINUS_DATE(DATE '2020-03-01', DATE '2019-01-31', 'MONTH')", Want: "+1-01"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		p, err := match(c, 0, false, datetime, datetime, text)
		if err != nil {
			return function.Resolved{}, err
		}
		name, _ := literal(c, 2)
		u, ok := plainUnit(name)
		if _, sized := kernel.UnitSize(u); !ok || !sized {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "%q is no unit of an interval", name)
		}
		r := function.Resolved{Params: p, Strict: true, Cost: 5}
		if u <= types.Month {
			r.Result = types.Type{Kind: types.IntervalYM, Units: types.IntervalUnits{From: u}}
		} else {
			r.Result = types.Type{Kind: types.IntervalDT, Prec: 3, Units: types.IntervalUnits{From: u}}
		}
		r.Result.NotNull = !nullable(c)
		r.Make = zoned(func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			a, b := localOf(args[0], z), localOf(args[1], z)
			for i := range kernel.Lanes(n, live) {
				x, y := a.millis(i), b.millis(i)
				if u <= types.Month {
					setInterval(dst, i, monthsBetween(y, x))
				} else {
					setInterval(dst, i, x-y)
				}
			}
			return nil
		})
		return r, nil
	},
}
