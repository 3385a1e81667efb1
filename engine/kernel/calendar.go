package kernel

import (
	"math"
	"time"

	"github.com/minkstream/mink/engine/types"
)

// Milliseconds of units.
const (
	MsSecond = int64(1000)
	MsMinute = 60 * MsSecond
	MsHour   = 60 * MsMinute
	MsDay    = 24 * MsHour
)

// FloorDiv and FloorMod round toward negative infinity; d > 0.
func FloorDiv(a, d int64) int64 {
	q := a / d
	if a%d < 0 {
		q--
	}
	return q
}

// FloorMod is a - FloorDiv(a, d)*d.
func FloorMod(a, d int64) int64 {
	r := a % d
	if r < 0 {
		r += d
	}
	return r
}

// Civil gives year, month and day of a day since 1970-01-01, in the proleptic
// Gregorian calendar.
func Civil(days int64) (y int64, m, d int) {
	// Years begin in March here, so that the leap day is the last of its year.
	z := days + 719468
	era := FloorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	m = int(mp + 3)
	y = yoe + era*400
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}

// DaysOf is the day since 1970-01-01 of a civil date; the month is 1 to 12, the
// day may run over.
func DaysOf(y int64, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := FloorDiv(y, 400)
	yoe := y - era*400
	doy := int64((153*(m-3)+2)/5 + d - 1)
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return era*146097 + doe - 719468
}

// DaysInMonth is the number of days of a month.
func DaysInMonth(y int64, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// AddMonths moves a day by n months; a day that the month does not have becomes
// its last.
func AddMonths(days, n int64) int64 {
	y, m, d := Civil(days)
	t := y*12 + int64(m-1) + n
	y, m = FloorDiv(t, 12), int(FloorMod(t, 12))+1
	return DaysOf(y, m, min(d, DaysInMonth(y, m)))
}

// ISOWeek is the ISO year and week of a day.
func ISOWeek(days int64) (year int64, week int) {
	// The week belongs to the year of its Thursday.
	thursday := days - FloorMod(days+3, 7) + 3
	y, _, _ := Civil(thursday)
	return y, int((thursday-DaysOf(y, 1, 1))/7) + 1
}

// Zone turns instants into local times of one time zone and back, remembering the
// stretch of time for which the last offset holds. The zero value is UTC.
type Zone struct {
	loc      *time.Location
	from, to int64 // the offset holds for instants in [from, to), in milliseconds
	offset   int64 // milliseconds east of UTC
}

// MakeZone makes a Zone for a location; nil is UTC.
func MakeZone(loc *time.Location) Zone { return Zone{loc: loc} }

// Offset is the milliseconds that local time is ahead of UTC at an instant.
func (z *Zone) Offset(ms int64) int64 {
	if z.loc == nil || z.loc == time.UTC {
		return 0
	}
	if ms < z.from || ms >= z.to {
		z.look(ms)
	}
	return z.offset
}

// Span is the instants, from and up to but without to, for which the offset that was
// asked for last holds.
func (z *Zone) Span() (from, to int64) {
	if z.loc == nil || z.loc == time.UTC {
		return math.MinInt64, math.MaxInt64
	}
	return z.from, z.to
}

func (z *Zone) look(ms int64) {
	t := time.UnixMilli(ms).In(z.loc)
	_, off := t.Zone()
	start, end := t.ZoneBounds()
	z.offset, z.from, z.to = int64(off)*1000, math.MinInt64, math.MaxInt64
	if !start.IsZero() {
		z.from = start.UnixMilli()
	}
	if !end.IsZero() {
		z.to = end.UnixMilli()
	}
}

// Local is the local time of an instant, both in milliseconds.
func (z *Zone) Local(ms int64) int64 { return ms + z.Offset(ms) }

// Instant is the instant of a local time. A local time that a forward jump leaves
// out is taken with the offset before the jump; one that occurs twice is the
// first.
func (z *Zone) Instant(local int64) int64 {
	if z.loc == nil || z.loc == time.UTC {
		return local
	}
	before := z.Offset(local - MsDay)
	if ms := local - before; z.Offset(ms) == before {
		return ms
	}
	after := z.Offset(local + MsDay)
	if ms := local - after; z.Offset(ms) == after {
		return ms
	}
	// In a gap.
	return local - before
}

// InstantLater is Instant, of a local time that occurs twice the second one, as
// java.util.GregorianCalendar takes it.
func (z *Zone) InstantLater(local int64) int64 {
	after := z.Offset(local + MsDay)
	if ms := local - after; z.Offset(ms) == after {
		return ms
	}
	return z.Instant(local)
}

// LocalTicks and InstantTicks are Local and Instant for times of per ticks a
// second.
func (z *Zone) LocalTicks(t, per int64) int64 {
	if z.loc == nil || z.loc == time.UTC {
		return t
	}
	k := per / 1000
	return t + z.Offset(FloorDiv(t, k))*k
}

// InstantTicks is the instant of a local time of per ticks a second.
func (z *Zone) InstantTicks(t, per int64) int64 {
	if z.loc == nil || z.loc == time.UTC {
		return t
	}
	k := per / 1000
	ms := FloorDiv(t, k)
	return z.Instant(ms)*k + t - ms*k
}

// Rescale brings a time from ticks of from a second to ticks of to, cutting toward
// the past. It reports false when the result does not fit.
func RescaleTicks(t, from, to int64) (int64, bool) {
	if to <= from {
		return FloorDiv(t, from/to), true
	}
	k := to / from
	if t > math.MaxInt64/k || t < math.MinInt64/k {
		return 0, false
	}
	return t * k, true
}

// CutPrecision drops digits of a fraction of a second beyond precision p, for a
// time of type t.
func CutPrecision(v int64, t types.Type) int64 {
	digits := 3
	switch {
	case t.Prec > 6:
		digits = 9
	case t.Prec > 3:
		digits = 6
	}
	if t.Prec >= digits {
		return v
	}
	k := Pow10(digits - t.Prec)
	return FloorDiv(v, k) * k
}

// Location is the zone's location, nil for UTC.
func (z *Zone) Location() *time.Location { return z.loc }
