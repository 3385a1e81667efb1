package kernel

import (
	"strings"

	"github.com/minkstream/mink/engine/types"
)

// ParseInterval reads the text of an interval literal with the given units:
// months for YEAR to MONTH, milliseconds for the others. Digits of a fraction
// beyond milliseconds are cut.
func ParseInterval(s string, units types.IntervalUnits) (int64, bool) {
	s = strings.TrimSpace(s)
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = strings.TrimSpace(s[1:])
	}
	v, ok := parseInterval([]byte(s), units)
	if neg {
		v = -v
	}
	return v, ok
}

func parseInterval(s []byte, units types.IntervalUnits) (int64, bool) {
	from, to := units.From, units.To
	if to == types.NoUnit {
		to = from
	}
	if from == types.Year && to == types.Month {
		y, rest, ok := number(s, 9)
		if !ok {
			return 0, false
		}
		m, rest, ok := after(rest, '-', 2)
		return int64(y)*12 + int64(m), ok && len(rest) == 0 && m < 12
	}
	if from == to && from != types.Second {
		v, rest, ok := number(s, 18)
		per, known := UnitSize(from)
		return int64(v) * per, ok && known && len(rest) == 0
	}
	return parseFields(s, from, to)
}

// parseFields reads d h:m:s.f from unit from to unit to.
func parseFields(s []byte, from, to types.Unit) (int64, bool) {
	var sum int64
	for u := from; u <= to; u++ {
		if u > from {
			sign := byte(':')
			if u == types.Hour {
				sign = ' '
			}
			if len(s) == 0 || s[0] != sign {
				return 0, false
			}
			s = s[1:]
		}
		v, rest, ok := number(s, 18)
		if !ok || u > from && (v > 59 || u == types.Hour && v > 23) {
			return 0, false
		}
		per, _ := UnitSize(u)
		sum += int64(v) * per
		s = rest
	}
	if len(s) > 0 && to == types.Second {
		ns, rest, ok := fraction(s)
		if !ok {
			return 0, false
		}
		sum += ns / 1_000_000
		s = rest
	}
	return sum, len(s) == 0
}

// UnitSize is the months of a unit from YEAR to MONTH, the milliseconds of the
// others; false for units below a millisecond.
func UnitSize(u types.Unit) (int64, bool) {
	switch u {
	case types.Year:
		return 12, true
	case types.Quarter:
		return 3, true
	case types.Month:
		return 1, true
	case types.Week:
		return 7 * MsDay, true
	case types.Day:
		return MsDay, true
	case types.Hour:
		return MsHour, true
	case types.Minute:
		return MsMinute, true
	case types.Second:
		return MsSecond, true
	case types.Millisecond:
		return 1, true
	}
	return 0, false
}
