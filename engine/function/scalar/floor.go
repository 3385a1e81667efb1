package scalar

import (
	"math"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var floor = function.Func{
	Name: "FLOOR", Category: function.Arithmetic,
	Summary:    "The largest whole number not above a number; a date-time rounded down to a unit, weeks beginning on Sunday.",
	Signatures: []string{"FLOOR(number)", "FLOOR(datetime TO unit)"},
	Examples: []function.Example{
		{SQL: "FLOOR(-1.5)", Want: "-2"},
		{SQL: "FLOOR(1.2e0)", Want: "1.0"},
		{SQL: "FLOOR(DATE '2021-02-27' TO WEEK)", Want: "2021-02-21"},
		{SQL: "FLOOR(DATE '1990-10-14' TO CENTURY)", Want: "1901-01-01"},
		{SQL: "FLOOR(TIMESTAMP '2018-03-20 06:44:31' TO HOUR)", Want: "2018-03-20 06:00:00"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferFloor(c, false) },
}

var ceil = function.Func{
	Name: "CEIL", Aliases: []string{"CEILING"}, Category: function.Arithmetic,
	Summary:    "The smallest whole number not below a number; a date-time rounded up to a unit, weeks beginning on Sunday, from DECADE on always to the next.",
	Signatures: []string{"CEIL(number)", "CEIL(datetime TO unit)"},
	Examples: []function.Example{
		{SQL: "CEIL(1.2e0)", Want: "2.0"},
		{SQL: "CEIL(-1.5)", Want: "-1"},
		{SQL: "CEIL(DATE '2021-03-01' TO WEEK)", Want: "2021-03-07"},
		{SQL: "CEIL(TIMESTAMP '2018-03-01 21:00:01' TO MONTH)", Want: "2018-03-01 00:00:00"},
		{SQL: "CEIL(DATE '2010-01-01' TO DECADE)", Want: "2020-01-01"},
		{SQL: "CEIL(TIMESTAMP '2018-01-01 21:00:01' TO YEAR)", Want: "2018-01-01 00:00:00"},
		{SQL: "CEIL(TIMESTAMP '2018-01-01 21:00:01' TO DAY)", Want: "2018-01-02 00:00:00"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) { return inferFloor(c, true) },
}

func inferFloor(c *function.Call, up bool) (function.Resolved, error) {
	if len(c.Args) == 2 {
		return inferFloorTime(c, up)
	}
	p, err := match(c, 0, false, number)
	if err != nil {
		return function.Resolved{}, err
	}
	r := function.Resolved{Params: p, Result: p[0], Strict: true, Cost: 1}
	if p[0].Kind == types.Decimal {
		r.Result.Scale = 0
		r.Cost = 3
	}
	r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		a := args[0]
		switch {
		case a.Type.Kind == types.Decimal:
			floorDecimal(dst, a, up, n, live)
		case a.F64 != nil && up:
			kernel.Map1(dst.F64, a.F64[:n], math.Ceil)
		case a.F64 != nil:
			kernel.Map1(dst.F64, a.F64[:n], math.Floor)
		case a.F32 != nil && up:
			kernel.Map1(dst.F32, a.F32[:n], func(x float32) float32 { return float32(math.Ceil(float64(x))) })
		case a.F32 != nil:
			kernel.Map1(dst.F32, a.F32[:n], func(x float32) float32 { return float32(math.Floor(float64(x))) })
		default:
			copyInts(dst, a, n)
		}
		return nil
	}
	return r, nil
}

// copyInts copies a column of an integer type.
func copyInts(dst, a *batch.Col, n int) {
	switch {
	case dst.I64 != nil:
		copy(dst.I64, a.I64[:n])
	case dst.I32 != nil:
		copy(dst.I32, a.I32[:n])
	case dst.I16 != nil:
		copy(dst.I16, a.I16[:n])
	default:
		copy(dst.I8, a.I8[:n])
	}
}

func floorDecimal(dst, a *batch.Col, up bool, n int, live []uint64) {
	x := kernel.ExactOf(a)
	for i := range kernel.Lanes(n, live) {
		d := x.Dec(i)
		q := kernel.CutDec(d, x.Scale, 0)
		if back, _ := kernel.RescaleDec(q, 0, x.Scale, 38); back != d {
			switch {
			case up && d.Hi >= 0:
				q = kernel.AddDec(q, batch.DecOf(1))
			case !up && d.Hi < 0:
				q = kernel.AddDec(q, batch.DecOf(-1))
			}
		}
		kernel.SetExact(dst, i, q)
	}
}

func inferFloorTime(c *function.Call, up bool) (function.Resolved, error) {
	p, err := match(c, 0, false, datetime, text)
	if err != nil {
		return function.Resolved{}, err
	}
	u, err := unitArg(c, 1)
	if err != nil {
		return function.Resolved{}, err
	}
	if u > millennium || p[0].Kind == types.Time && u >= day {
		return function.Resolved{}, diag.New(diag.InvalidArgument, "%s does not round %s to that unit", c.Name, p[0].Nullable(true))
	}
	r := function.Resolved{Params: p, Result: p[0], Strict: true, Cost: 5}
	r.Result.NotNull = !nullable(c)
	r.Make = zoned(func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		floorTime(dst, args[0], u, up, z, n, live)
		return nil
	})
	return r, nil
}

// floorTime rounds date-times.
func floorTime(dst, c *batch.Col, u unit, up bool, z *kernel.Zone, n int, live []uint64) {
	l := localOf(c, z)
	size := u.millis()
	for i := range kernel.Lanes(n, live) {
		if size == 0 && u.months() == 0 || size == 1 && l.per <= 1 {
			setTicks(dst, i, l.at(i)) // finer than what the column holds
			continue
		}
		ms := l.millis(i)
		over := l.per > 1 && l.at(i)%l.per != 0 // a part below a millisecond
		switch {
		case u >= week:
			d := kernel.FloorDiv(ms, kernel.MsDay)
			to := floorDay(d, u)
			if up && (to != d || u >= decade) {
				to = nextDay(to, u)
			}
			ms = to * kernel.MsDay
		default:
			to := kernel.FloorDiv(ms, size) * size
			if up && (to != ms || over) {
				to += size
			}
			ms = to
		}
		if l.kind == types.TimestampLTZ {
			if u <= hour { // within an hour the offset stays, also where its local time comes twice
				ms -= z.Offset(kernel.FloorDiv(l.at(i), l.per))
			} else {
				ms = z.Instant(ms)
			}
		}
		switch l.per {
		case 0:
			setTicks(dst, i, kernel.FloorDiv(ms, kernel.MsDay))
		default:
			setTicks(dst, i, ms*l.per)
		}
	}
}

func setTicks(dst *batch.Col, i int, v int64) {
	if dst.I64 != nil {
		dst.I64[i] = v
		return
	}
	dst.I32[i] = int32(v)
}

// floorDay is the first day of the unit that a day lies in.
func floorDay(d int64, u unit) int64 {
	if u == week {
		return d - kernel.FloorMod(d+4, 7)
	}
	y, m, _ := kernel.Civil(d)
	switch u {
	case quarter:
		m = (m-1)/3*3 + 1
	case year:
		m = 1
	case decade:
		y, m = kernel.FloorDiv(y, 10)*10, 1
	case century:
		y, m = kernel.FloorDiv(y-1, 100)*100+1, 1
	case millennium:
		y, m = kernel.FloorDiv(y-1, 1000)*1000+1, 1
	}
	return kernel.DaysOf(y, m, 1)
}

// nextDay is the first day of the unit behind the one that begins on day d.
func nextDay(d int64, u unit) int64 {
	if u == week {
		return d + 7
	}
	return kernel.AddMonths(d, u.months())
}
