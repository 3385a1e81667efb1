package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var timestampAdd = function.Func{
	Name: "TIMESTAMPADD", Category: function.Temporal,
	Summary:    "The date-time moved by a number of units.",
	Signatures: []string{"TIMESTAMPADD(unit, number, datetime)"},
	Examples: []function.Example{
		{SQL: "TIMESTAMPADD(WEEK, 1, DATE '2003-01-02')", Want: "2003-01-09"},
		{SQL: "TIMESTAMPADD(HOUR, -1, DATE '2016-06-15')", Want: "2016-06-14 23:00:00.000000"},
		{SQL: "TIMESTAMPADD(MINUTE, 1, TIME '23:59:59')", Want: "00:00:59"},
		{SQL: "TIMESTAMPADD(DAY, 1, TIME '23:59:59')", Want: "23:59:59"},
		{SQL: "TIMESTAMPADD(MONTH, 6, TIMESTAMP '2021-10-30 01:02:03')", Want: "2022-04-30 01:02:03"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if err := count(c, 3, 3, false); err != nil {
			return function.Resolved{}, err
		}
		u, err := unitArg(c, 0)
		if err != nil {
			return function.Resolved{}, err
		}
		p, err := match(c, 0, false, text, castTo("a number", types.BigIntT, types.Type.IsNumeric), datetime)
		if err != nil {
			return function.Resolved{}, err
		}
		if u > millennium {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "TIMESTAMPADD does not take that unit")
		}
		r := function.Resolved{Params: p, Result: p[2], Strict: true, Cost: 5}
		if p[2].Kind == types.Date && u < day {
			r.Result = types.TimestampT(6)
			r.Params[2] = cast(p[2], r.Result)
		}
		r.Result.NotNull = !nullable(c)
		r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			addUnits(dst, args[2], args[1], u, n)
			return nil
		}
		return r, nil
	},
}

// addUnits moves date-times by numbers of a unit.
func addUnits(dst, c, by *batch.Col, u unit, n int) {
	t, k := intsOf(c), intsOf(by)
	kind := dst.Type.Kind
	if kind == types.Date || kind == types.Time {
		for i := range n {
			dst.I32[i] = int32(addToDay(t.at(i), k.at(i), u, kind))
		}
		return
	}
	per := dst.Type.PerSecond()
	if m := u.months(); m > 0 {
		for i := range n {
			d := kernel.FloorDiv(t.at(i), 86400*per)
			dst.I64[i] = kernel.AddMonths(d, m*k.at(i))*86400*per + t.at(i) - d*86400*per
		}
		return
	}
	for i := range n {
		v := k.at(i)
		switch u {
		case microsecond:
			v, _ = kernel.RescaleTicks(v, 1_000_000, per)
		case nanosecond:
			v, _ = kernel.RescaleTicks(v, 1_000_000_000, per)
		default:
			v *= u.millis() * (per / 1000)
		}
		dst.I64[i] = t.at(i) + v
	}
}

// addToDay moves a DATE in days or a TIME in milliseconds; a TIME goes round, and
// stays where it is for units from DAY on.
func addToDay(t, k int64, u unit, kind types.Kind) int64 {
	m := u.months()
	switch {
	case kind == types.Date && m > 0:
		return kernel.AddMonths(t, m*k)
	case kind == types.Date:
		return t + k*u.millis()/kernel.MsDay
	case m > 0 || u >= day:
		return t
	}
	return kernel.FloorMod(t+k*u.millis(), kernel.MsDay)
}

var timestampDiff = function.Func{
	Name: "TIMESTAMPDIFF", Category: function.Temporal,
	Summary:    "Whole units from one date-time to another, cut toward zero.",
	Signatures: []string{"TIMESTAMPDIFF(unit, from, to)"},
	Examples: []function.Example{
		{SQL: "TIMESTAMPDIFF(DAY, TIMESTAMP '2003-01-02 10:00:00', TIMESTAMP '2003-01-03 10:00:00')", Want: "1"},
		{SQL: "TIMESTAMPDIFF(WEEK, TIMESTAMP '2018-05-03 11:11:11', TIMESTAMP '2018-07-03 11:11:11')", Want: "8"},
		{SQL: "TIMESTAMPDIFF(MONTH, TIMESTAMP '2016-06-15 11:00:00', DATE '2018-05-19')", Want: "23"},
		{SQL: "TIMESTAMPDIFF(HOUR, DATE '2016-06-15', DATE '2016-06-12')", Want: "-72"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if err := count(c, 3, 3, false); err != nil {
			return function.Resolved{}, err
		}
		u, err := unitArg(c, 0)
		if err != nil {
			return function.Resolved{}, err
		}
		p, err := match(c, 0, false, text, datetime, datetime)
		if err != nil {
			return function.Resolved{}, err
		}
		if (p[1].Kind == types.TimestampLTZ) != (p[2].Kind == types.TimestampLTZ) {
			return function.Resolved{}, diag.New(diag.TypeMismatch, "TIMESTAMPDIFF does not take %s and %s together", p[1].Nullable(true), p[2].Nullable(true)).
				WithHint("CAST one to the type of the other, which takes the time zone of the session")
		}
		if u > millennium {
			return function.Resolved{}, diag.New(diag.InvalidArgument, "TIMESTAMPDIFF does not take that unit")
		}
		return function.Resolved{Params: p, Result: types.IntT.Nullable(nullable(c)), Strict: true, Cost: 8,
			Make: zoned(func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
				a, b := localOf(args[1], z), localOf(args[2], z)
				for i := range kernel.Lanes(n, live) {
					dst.I32[i] = int32(unitsBetween(&a, &b, i, u))
				}
				return nil
			}),
		}, nil
	},
}

func unitsBetween(a, b *local, i int, u unit) int64 {
	if m := u.months(); m > 0 {
		return monthsBetween(a.millis(i), b.millis(i)) / m
	}
	x, y := a.millis(i), b.millis(i)
	if a.kind == types.TimestampLTZ && b.kind == types.TimestampLTZ {
		x, y = a.instant(i), b.instant(i)
	}
	switch u {
	case microsecond:
		return (y-x)*1000 + b.nanos(i)/1000%1000 - a.nanos(i)/1000%1000
	case nanosecond:
		return (y-x)*1_000_000 + b.nanos(i)%1_000_000 - a.nanos(i)%1_000_000
	}
	return (y - x) / u.millis()
}

var overlaps = function.Func{
	Name: "OVERLAPS", Category: function.Temporal, Form: function.FormOverlaps,
	Summary:    "TRUE if two stretches of time have a moment in common; their ends are points or intervals.",
	Signatures: []string{"(a, b) OVERLAPS (c, d)"},
	Examples: []function.Example{
		{SQL: "(TIME '2:55:00', INTERVAL '1' HOUR) OVERLAPS (TIME '3:30:00', INTERVAL '2' HOUR)", Want: "TRUE"},
		{SQL: "(TIME '9:00:00', TIME '10:00:00') OVERLAPS (TIME '10:15:00', INTERVAL '3' HOUR)", Want: "FALSE"},
		{SQL: "(DATE '2020-01-05', CAST(NULL AS DATE)) OVERLAPS (DATE '2020-02-01', DATE '2020-03-01')", Want: "FALSE"},
	},
}
