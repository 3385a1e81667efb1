package ast

import (
	"strconv"
	"strings"
)

// DateValue decodes a DATE literal: days since 1970-01-01. ok is false when the text
// is no date between the years 0 and 9999.
func (l *Literal) DateValue() (days int64, ok bool) {
	return parseDate(l.Text)
}

// TimeValue decodes a TIME literal: nanoseconds since midnight and the number of
// fraction digits written.
func (l *Literal) TimeValue() (nanos int64, precision int, ok bool) {
	return parseTime(l.Text)
}

// TimestampValue decodes a TIMESTAMP literal, of any kind: days since 1970-01-01,
// nanoseconds since midnight and the number of fraction digits written. A date alone
// is midnight.
func (l *Literal) TimestampValue() (days, nanos int64, precision int, ok bool) {
	date, clock, both := strings.Cut(l.Text, " ")
	if days, ok = parseDate(date); !ok {
		return 0, 0, 0, false
	}
	if both {
		nanos, precision, ok = parseTime(strings.TrimSpace(clock))
	}
	return days, nanos, precision, ok
}

// ValidTime reports whether the text of a DATE, TIME or TIMESTAMP literal is a value
// of its kind. For other kinds it is true.
func (l *Literal) ValidTime() bool {
	ok := true
	switch l.Kind {
	case LitDate:
		_, ok = l.DateValue()
	case LitTime:
		_, _, ok = l.TimeValue()
	case LitTimestamp, LitTimestampLTZ:
		_, _, _, ok = l.TimestampValue()
	}
	return ok
}

// parseDate reads yyyy-M-d.
func parseDate(s string) (days int64, ok bool) {
	parts := strings.Split(strings.TrimSpace(s), "-")
	if len(parts) != 3 {
		return 0, false
	}
	var v [3]int
	for i, width := range [3]int{4, 2, 2} {
		n, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil || len(parts[i]) > width || i == 0 && len(parts[i]) != 4 {
			return 0, false
		}
		v[i] = int(n)
	}
	if v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > monthDays(v[0], v[1]) {
		return 0, false
	}
	return daysFromCivil(v[0], v[1], v[2]), true
}

func monthDays(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysFromCivil counts days from 1970-01-01 in the proleptic Gregorian calendar, by
// years that begin in March so that a leap day ends them.
func daysFromCivil(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

// parseTime reads H:m:s[.fffffffff].
func parseTime(s string) (nanos int64, precision int, ok bool) {
	clock, fraction, dot := strings.Cut(strings.TrimSpace(s), ".")
	parts := strings.Split(clock, ":")
	if len(parts) != 3 {
		return 0, 0, false
	}
	limits := [3]uint64{23, 59, 59}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || len(part) > 2 || n > limits[i] {
			return 0, 0, false
		}
		nanos = nanos*60 + int64(n)
	}
	nanos *= 1_000_000_000
	if dot {
		precision = len(fraction)
		if precision > 9 {
			return 0, 0, false
		}
		if precision > 0 {
			n, err := strconv.ParseUint(fraction, 10, 32)
			if err != nil {
				return 0, 0, false
			}
			for i := precision; i < 9; i++ {
				n *= 10
			}
			nanos += int64(n)
		}
	}
	return nanos, precision, true
}

// Bytes decodes a binary literal. ok is false when it has an odd number of digits.
func (l *Literal) Bytes() (b []byte, ok bool) {
	if len(l.Text)%2 != 0 {
		return nil, false
	}
	b = make([]byte, len(l.Text)/2)
	for i := range b {
		v, err := strconv.ParseUint(l.Text[2*i:2*i+2], 16, 8)
		if err != nil {
			return nil, false
		}
		b[i] = byte(v)
	}
	return b, true
}
