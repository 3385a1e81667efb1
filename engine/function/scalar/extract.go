package scalar

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

var extract = function.Func{
	Name: "EXTRACT", Category: function.Temporal,
	Summary:    "A part of a date-time or interval; weeks are ISO weeks, units below a second are the fraction alone.",
	Signatures: []string{"EXTRACT(unit FROM t)"},
	Examples: []function.Example{
		{SQL: "EXTRACT(DAY FROM DATE '2006-06-05')", Want: "5"},
		{SQL: "EXTRACT(WEEK FROM DATE '2020-02-29')", Want: "9"},
		{SQL: "EXTRACT(DOW FROM DATE '2020-02-29')", Want: "7"},
		{SQL: "EXTRACT(ISODOW FROM DATE '2020-02-29')", Want: "6"},
		{SQL: "EXTRACT(ISOYEAR FROM DATE '2005-01-01')", Want: "2004"},
		{SQL: "EXTRACT(DECADE FROM DATE '2020-02-29')", Want: "202"},
		{SQL: "EXTRACT(CENTURY FROM DATE '2000-01-01')", Want: "20"},
		{SQL: "EXTRACT(CENTURY FROM DATE '2020-02-29')", Want: "21"},
		{SQL: "EXTRACT(MILLENNIUM FROM DATE '2020-02-29')", Want: "3"},
		{SQL: "EXTRACT(MILLISECOND FROM TIMESTAMP '2020-02-29 01:56:33.123456')", Want: "123"},
		{SQL: "EXTRACT(MICROSECOND FROM TIMESTAMP '2020-02-29 01:56:33.123456')", Want: "123456"},
		{SQL: "EXTRACT(NANOSECOND FROM TIMESTAMP '2020-02-29 01:56:33.123456')", Want: "123456000"},
		{SQL: "EXTRACT(EPOCH FROM TIMESTAMP '1970-01-02 00:00:01')", Want: "86401"},
		{SQL: "EXTRACT(HOUR FROM INTERVAL '1 02:03:04.005' DAY TO SECOND)", Want: "2"},
		{SQL: "EXTRACT(MONTH FROM INTERVAL '2-10' YEAR TO MONTH)", Want: "10"},
	},
	Infer: func(c *function.Call) (function.Resolved, error) {
		if err := count(c, 2, 2, false); err != nil {
			return function.Resolved{}, err
		}
		u, err := unitArg(c, 0)
		if err != nil {
			return function.Resolved{}, err
		}
		t := c.Args[1].Type.Plain()
		if t.Kind == types.Null {
			t = types.TimestampT(3)
		}
		if !t.IsTemporal() && !t.IsInterval() {
			return function.Resolved{}, wrongType(c, 1, "a date-time or interval")
		}
		return partOf(c, u, 1, t), nil
	},
}

// partOf resolves a call that gives unit u of argument i.
func partOf(c *function.Call, u unit, i int, t types.Type) function.Resolved {
	r := function.Resolved{Result: types.BigIntT, Strict: true, Cost: 4}
	for _, a := range c.Args {
		r.Params = append(r.Params, a.Type.Plain())
	}
	r.Params[i] = t
	r.Result.NotNull = !nullable(c)
	if t.IsInterval() {
		r.Eval = func(f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
			v := intsOf(args[i])
			for l := range n {
				dst.I64[l] = intervalPart(u, v.at(l), t.Kind == types.IntervalYM)
			}
			return nil
		}
		return r
	}
	if u >= millisecond && u <= hour {
		r.Cost = 2
	}
	r.Make = zoned(func(z *kernel.Zone, f *function.Frame, dst *batch.Col, args []*batch.Col, n int, live []uint64) error {
		extractPart(dst.I64[:n], args[i], u, z, live)
		return nil
	})
	return r
}

// intervalPart is a unit of an interval, cut toward zero.
func intervalPart(u unit, v int64, months bool) int64 {
	if months {
		switch u {
		case month:
			return v % 12
		case quarter:
			return v % 12 / 3
		}
		if k := u.months(); k > 0 {
			return v / k
		}
		return 0
	}
	switch u {
	case day:
		return v / kernel.MsDay
	case hour:
		return v % kernel.MsDay / kernel.MsHour
	case minute:
		return v % kernel.MsHour / kernel.MsMinute
	case second:
		return v % kernel.MsMinute / kernel.MsSecond
	case millisecond:
		return v % kernel.MsSecond
	case microsecond:
		return v % kernel.MsSecond * 1000
	case nanosecond:
		return v % kernel.MsSecond * 1_000_000
	case epoch:
		return v / kernel.MsSecond
	case week:
		return v / (7 * kernel.MsDay)
	}
	return 0
}

// extractPart writes a unit of each date-time.
func extractPart(dst []int64, c *batch.Col, u unit, z *kernel.Zone, live []uint64) {
	if c.Type.Kind == types.Timestamp && c.Type.PerSecond() == 1000 && c.Enc == batch.Flat {
		// The constants in these loops turn divisions into multiplications.
		ts := c.I64[:len(dst)]
		switch u {
		case hour:
			kernel.Map1(dst, ts, func(x int64) int64 { return dayMillis(x) / kernel.MsHour })
			return
		case minute:
			kernel.Map1(dst, ts, func(x int64) int64 { return dayMillis(x) / kernel.MsMinute % 60 })
			return
		case second:
			kernel.Map1(dst, ts, func(x int64) int64 { return dayMillis(x) / kernel.MsSecond % 60 })
			return
		}
	}
	l := localOf(c, z)
	switch u {
	case hour:
		for i := range kernel.Lanes(len(dst), live) {
			dst[i] = dayMillis(l.millis(i)) / kernel.MsHour
		}
	case minute:
		for i := range kernel.Lanes(len(dst), live) {
			dst[i] = dayMillis(l.millis(i)) / kernel.MsMinute % 60
		}
	case second:
		for i := range kernel.Lanes(len(dst), live) {
			dst[i] = dayMillis(l.millis(i)) / kernel.MsSecond % 60
		}
	case millisecond, microsecond, nanosecond:
		k := map[unit]int64{millisecond: 1_000_000, microsecond: 1000, nanosecond: 1}[u]
		for i := range kernel.Lanes(len(dst), live) {
			dst[i] = l.nanos(i) / k
		}
	case epoch:
		for i := range kernel.Lanes(len(dst), live) {
			dst[i] = kernel.FloorDiv(l.instant(i), kernel.MsSecond)
		}
	default:
		extractDate(dst, &l, u, live)
	}
}

// dayMillis is the time of the day.
func dayMillis(ms int64) int64 {
	r := ms % kernel.MsDay
	if r < 0 {
		r += kernel.MsDay
	}
	return r
}

// extractDate takes the calendar apart once for each run of equal days.
func extractDate(dst []int64, l *local, u unit, live []uint64) {
	last, part := int64(-1<<62), int64(0)
	for i := range kernel.Lanes(len(dst), live) {
		if d := kernel.FloorDiv(l.millis(i), kernel.MsDay); d != last {
			last, part = d, datePart(d, u)
		}
		dst[i] = part
	}
}

func datePart(days int64, u unit) int64 {
	switch u {
	case week:
		_, w := kernel.ISOWeek(days)
		return int64(w)
	case isoyear:
		y, _ := kernel.ISOWeek(days)
		return y
	case dow:
		return kernel.FloorMod(days+4, 7) + 1
	case isodow:
		return kernel.FloorMod(days+3, 7) + 1
	}
	y, m, d := kernel.Civil(days)
	switch u {
	case day:
		return int64(d)
	case month:
		return int64(m)
	case quarter:
		return int64(m+2) / 3
	case year:
		return y
	case decade:
		return kernel.FloorDiv(y, 10)
	case century:
		return (y + 99) / 100
	case millennium:
		return (y + 999) / 1000
	case doy:
		return days - kernel.DaysOf(y, 1, 1) + 1
	}
	return 0
}

// partFunc makes the function that gives one unit.
func partFunc(name string, u unit, summary string, examples ...function.Example) function.Func {
	return function.Func{
		Name: name, Category: function.Temporal, Summary: summary, Signatures: []string{name + "(t)"}, Examples: examples,
		Infer: func(c *function.Call) (function.Resolved, error) {
			if err := count(c, 1, 1, false); err != nil {
				return function.Resolved{}, err
			}
			t := c.Args[0].Type.Plain()
			if t.Kind == types.Null {
				t = types.TimestampT(3)
			}
			if !t.IsTemporal() && !t.IsInterval() {
				return function.Resolved{}, wrongType(c, 0, "a date-time")
			}
			if t.Kind == types.Time && u >= day {
				return function.Resolved{}, diag.New(diag.InvalidArgument, "%s does not take TIME", c.Name)
			}
			return partOf(c, u, 0, t), nil
		},
	}
}

var (
	yearOf     = partFunc("YEAR", year, "Year of a date.", function.Example{SQL: "YEAR(DATE '1994-09-27')", Want: "1994"})
	quarterOf  = partFunc("QUARTER", quarter, "Quarter of the year, 1 to 4.", function.Example{SQL: "QUARTER(DATE '1994-09-27')", Want: "3"})
	monthOf    = partFunc("MONTH", month, "Month of the year, 1 to 12.", function.Example{SQL: "MONTH(DATE '1994-09-27')", Want: "9"})
	weekOf     = partFunc("WEEK", week, "ISO week of the year.", function.Example{SQL: "WEEK(DATE '1994-09-27')", Want: "39"})
	dayOfYear  = partFunc("DAYOFYEAR", doy, "Day of the year, from 1.", function.Example{SQL: "DAYOFYEAR(DATE '1994-09-27')", Want: "270"})
	dayOfMonth = partFunc("DAYOFMONTH", day, "Day of the month, from 1.", function.Example{SQL: "DAYOFMONTH(DATE '1994-09-27')", Want: "27"})
	dayOfWeek  = partFunc("DAYOFWEEK", dow, "Day of the week, Sunday is 1.", function.Example{SQL: "DAYOFWEEK(DATE '1994-09-27')", Want: "3"})
	hourOf     = partFunc("HOUR", hour, "Hour of the day, 0 to 23.", function.Example{SQL: "HOUR(TIMESTAMP '1994-09-27 13:14:15')", Want: "13"})
	minuteOf   = partFunc("MINUTE", minute, "Minute of the hour, 0 to 59.", function.Example{SQL: "MINUTE(TIMESTAMP '1994-09-27 13:14:15')", Want: "14"})
	secondOf   = partFunc("SECOND", second, "Second of the minute, 0 to 59.", function.Example{SQL: "SECOND(TIMESTAMP '1994-09-27 13:14:15')", Want: "15"})
)
