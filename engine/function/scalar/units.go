package scalar

import (
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// unit is a unit of time as EXTRACT, FLOOR and TIMESTAMPADD name it.
type unit uint8

const (
	noUnit unit = iota
	nanosecond
	microsecond
	millisecond
	second
	minute
	hour
	day
	week
	month
	quarter
	year
	decade
	century
	millennium
	dow
	isodow
	doy
	isoyear
	epoch
)

var units = map[string]unit{
	"NANOSECOND": nanosecond, "MICROSECOND": microsecond, "MILLISECOND": millisecond, "SECOND": second, "MINUTE": minute,
	"HOUR": hour, "DAY": day, "WEEK": week, "MONTH": month, "QUARTER": quarter, "YEAR": year, "DECADE": decade,
	"CENTURY": century, "MILLENNIUM": millennium, "DOW": dow, "ISODOW": isodow, "DOY": doy, "ISOYEAR": isoyear, "EPOCH": epoch,
	"FRAC_SECOND": microsecond, "NANOSECONDS": nanosecond, "MICROSECONDS": microsecond, "MILLISECONDS": millisecond,
	"SECONDS": second, "MINUTES": minute, "HOURS": hour, "DAYS": day, "WEEKS": week, "MONTHS": month, "QUARTERS": quarter, "YEARS": year,
}

// unitArg reads the constant unit of argument i, which stands as a string.
func unitArg(c *function.Call, i int) (unit, error) {
	s, _ := literal(c, i)
	u := units[strings.TrimPrefix(strings.ToUpper(s), "SQL_TSI_")]
	if u == noUnit {
		return u, diag.New(diag.InvalidArgument, "%q is no unit of time for %s", s, c.Name)
	}
	return u, nil
}

// plainUnit is the unit of an interval type by its name.
func plainUnit(s string) (types.Unit, bool) {
	for u := types.Year; u <= types.Nanosecond; u++ {
		if u.String() == strings.ToUpper(s) {
			return u, true
		}
	}
	return types.NoUnit, false
}

// millis is the length of a unit up to WEEK in milliseconds; 0 for other units.
func (u unit) millis() int64 {
	switch u {
	case millisecond:
		return 1
	case second:
		return kernel.MsSecond
	case minute:
		return kernel.MsMinute
	case hour:
		return kernel.MsHour
	case day:
		return kernel.MsDay
	case week:
		return 7 * kernel.MsDay
	}
	return 0
}

// months is the length of a unit from MONTH on; 0 for other units.
func (u unit) months() int64 {
	switch u {
	case month:
		return 1
	case quarter:
		return 3
	case year:
		return 12
	case decade:
		return 120
	case century:
		return 1200
	case millennium:
		return 12000
	}
	return 0
}

var datetime = same("a date, time or timestamp", types.TimestampT(3), types.Type.IsTemporal)

// local reads date-times as local times in milliseconds since 1970.
type local struct {
	ints
	kind types.Kind
	per  int64 // ticks a millisecond
	z    *kernel.Zone
}

func localOf(c *batch.Col, z *kernel.Zone) local {
	l := local{ints: intsOf(c), kind: c.Type.Kind, per: 1, z: z}
	switch {
	case c.Type.IsTimestamp():
		l.per = c.Type.PerSecond() / 1000
	case c.Type.Kind == types.Date:
		l.per = 0
	}
	return l
}

func (l *local) millis(i int) int64 {
	v := l.at(i)
	switch {
	case l.per == 0:
		return v * kernel.MsDay
	case l.per > 1:
		v = kernel.FloorDiv(v, l.per)
	}
	if l.kind == types.TimestampLTZ {
		return l.z.Local(v)
	}
	return v
}

// instant is the time without regard to a zone.
func (l *local) instant(i int) int64 {
	v := l.at(i)
	switch {
	case l.per == 0:
		return v * kernel.MsDay
	case l.per > 1:
		v = kernel.FloorDiv(v, l.per)
	}
	return v
}

// nanos is the fraction of the second in nanoseconds.
func (l *local) nanos(i int) int64 {
	if l.per == 0 {
		return 0
	}
	return kernel.FloorMod(l.at(i), l.per*1000) * (1_000_000 / l.per)
}

// monthsBetween is the whole months from a to b, in milliseconds, toward zero: a
// month has passed when a moved by it is not behind b.
func monthsBetween(a, b int64) int64 {
	if b < a {
		return -monthsBetween(b, a)
	}
	da, db := kernel.FloorDiv(a, kernel.MsDay), kernel.FloorDiv(b, kernel.MsDay)
	ta, tb := a-da*kernel.MsDay, b-db*kernel.MsDay
	ya, ma, first := kernel.Civil(da)
	yb, mb, last := kernel.Civil(db)
	m := (yb-ya)*12 + int64(mb-ma)
	// Months later a day that the month does not have is its last.
	if first > 28 {
		first = min(first, kernel.DaysInMonth(yb, mb))
	}
	if first > last || first == last && ta > tb {
		m--
	}
	return m
}
