package format

import (
	"math"
	"strconv"
	"time"
)

// Days is the number of days from 1970-01-01 to a date of the proleptic Gregorian
// calendar.
func Days(y, m, d int) int64 {
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

// Civil is the date of a day number.
func Civil(days int64) (y, m, d int) {
	z := days + 719468
	era := z / 146097
	if z < 0 {
		era = (z - 146096) / 146097
	}
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	m = int(mp) + 3
	y = int(yoe + era*400)
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}

func digits2(s []byte) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

var monthDays = [...]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// ParseDate reads yyyy-MM-dd and returns days since 1970-01-01.
func ParseDate(s []byte) (int32, bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	a, ok1 := digits2(s)
	b, ok2 := digits2(s[2:])
	m, ok3 := digits2(s[5:])
	d, ok4 := digits2(s[8:])
	y := a*100 + b
	if !ok1 || !ok2 || !ok3 || !ok4 || m < 1 || m > 12 || d < 1 {
		return 0, false
	}
	if d > monthDays[m] && !(m == 2 && d == 29 && y%4 == 0 && (y%100 != 0 || y%400 == 0)) {
		return 0, false
	}
	return int32(Days(y, m, d)), true
}

// clock reads HH:mm[:ss[.f]] from the front of s: seconds of the day, nanoseconds
// and the bytes used. needSeconds refuses HH:mm.
func clock(s []byte, needSeconds bool) (sec, nanos int64, n int, ok bool) {
	if len(s) < 5 || s[2] != ':' {
		return 0, 0, 0, false
	}
	h, ok1 := digits2(s)
	m, ok2 := digits2(s[3:])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, 0, 0, false
	}
	sec, n = int64(h*3600+m*60), 5
	if len(s) < 8 || s[5] != ':' {
		return sec, 0, n, !needSeconds
	}
	x, ok3 := digits2(s[6:])
	if !ok3 || x > 59 {
		return 0, 0, 0, false
	}
	sec, n = sec+int64(x), 8
	if n == len(s) || s[n] != '.' {
		return sec, 0, n, true
	}
	for n++; n < len(s) && s[n]-'0' <= 9; n++ {
		if n > 8+9 {
			return 0, 0, 0, false
		}
		nanos = nanos*10 + int64(s[n]-'0')
	}
	return sec, nanos * nanosOf[n-9], n, n > 9
}

// nanosOf is the nanoseconds of the last of so many digits of a fraction.
var nanosOf = [...]int64{0, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1000, 100, 10, 1}

// ParseTime reads HH:mm[:ss[.f]] with an optional Z and returns milliseconds of
// the day, cut to prec digits.
func ParseTime(s []byte, prec int) (int32, bool) {
	sec, nanos, n, ok := clock(s, false)
	if ok && n == len(s)-1 && s[n] == 'Z' {
		n++
	}
	if !ok || n != len(s) {
		return 0, false
	}
	return int32(sec*1000 + cut(nanos, prec)/1_000_000), true
}

// cut drops the digits of a fraction in nanoseconds behind the first prec.
func cut(nanos int64, prec int) int64 {
	switch prec {
	case 0:
		return 0
	case 3:
		return nanos / 1_000_000 * 1_000_000
	case 6:
		return nanos / 1000 * 1000
	case 9:
		return nanos
	}
	unit := int64(1)
	for range 9 - prec {
		unit *= 10
	}
	return nanos / unit * unit
}

// TimeForm says which texts of a timestamp are taken.
type TimeForm uint8

// Forms; they may be combined.
const (
	// SpaceForm: a space between date and time; TForm: a T.
	SpaceForm TimeForm = 1 << iota
	TForm
	// NeedZ: the text ends in Z. MayZ: it may. MayOffset: it may end in an offset
	// such as +02:00, which is taken into account.
	NeedZ
	MayZ
	MayOffset
	// Short: the seconds, or all of the time of day, may be missing.
	Short

	// AnyForm takes everything.
	AnyForm = SpaceForm | TForm | MayZ | MayOffset | Short
)

// ParseTimestamp reads a timestamp and returns ticks since 1970-01-01 00:00:00,
// perSecond of them in a second, cut to prec digits of a second.
func ParseTimestamp(s []byte, prec int, perSecond int64, form TimeForm) (int64, bool) {
	if len(s) < 10 {
		return 0, false
	}
	days, ok := ParseDate(s[:10])
	if !ok {
		return 0, false
	}
	return timestampOn(days, s[10:], prec, perSecond, form)
}

// timestampOn reads what is behind the date of a timestamp.
func timestampOn(days int32, s []byte, prec int, perSecond int64, form TimeForm) (int64, bool) {
	sec := int64(days) * 86400
	if len(s) == 0 {
		if form&Short == 0 {
			return 0, false
		}
		return ticks(sec, 0, perSecond)
	}
	if !(s[0] == ' ' && form&SpaceForm != 0 || s[0] == 'T' && form&TForm != 0) {
		return 0, false
	}
	daySec, nanos, n, ok := clock(s[1:], form&Short == 0)
	if !ok {
		return 0, false
	}
	s = s[1+n:]
	sec += daySec
	switch {
	case len(s) == 0:
		if form&NeedZ != 0 {
			return 0, false
		}
	case len(s) == 1 && s[0] == 'Z':
		if form&(NeedZ|MayZ|MayOffset) == 0 {
			return 0, false
		}
	case len(s) == 6 && (s[0] == '+' || s[0] == '-') && s[3] == ':' && form&MayOffset != 0:
		h, ok1 := digits2(s[1:])
		m, ok2 := digits2(s[4:])
		if !ok1 || !ok2 || h > 18 || m > 59 {
			return 0, false
		}
		off := int64(h*3600 + m*60)
		if s[0] == '-' {
			off = -off
		}
		sec -= off
	default:
		return 0, false
	}
	return ticks(sec, cut(nanos, prec), perSecond)
}

// ticks joins seconds and nanoseconds; false when they do not fit, which happens
// with nanoseconds only, as years have four digits.
func ticks(sec, nanos, perSecond int64) (int64, bool) {
	switch perSecond {
	case 1000:
		return sec*1000 + nanos/1_000_000, true
	case 1_000_000:
		return sec*1_000_000 + nanos/1000, true
	}
	if sec > math.MaxInt64/perSecond-1 || sec < math.MinInt64/perSecond+1 {
		return 0, false
	}
	return sec*perSecond + nanos/(1_000_000_000/perSecond), true
}

// AppendDate writes yyyy-MM-dd.
func AppendDate(dst []byte, days int64) []byte {
	y, m, d := Civil(days)
	if y < 0 || y > 9999 {
		dst = strconv.AppendInt(dst, int64(y), 10)
	} else {
		dst = append(dst, byte('0'+y/1000), byte('0'+y/100%10), byte('0'+y/10%10), byte('0'+y%10))
	}
	return append(dst, '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+d/10), byte('0'+d%10))
}

// AppendClock writes HH:mm:ss and, for prec above 0, a point and prec digits.
func AppendClock(dst []byte, sec, nanos int64, prec int) []byte {
	h, m, s := sec/3600, sec/60%60, sec%60
	dst = append(dst, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':', byte('0'+s/10), byte('0'+s%10))
	if prec <= 0 {
		return dst
	}
	dst = append(dst, '.')
	unit := int64(100_000_000)
	for range prec {
		dst = append(dst, byte('0'+nanos/unit%10))
		unit /= 10
	}
	return dst
}

// AppendTime writes a TIME of prec digits, given in milliseconds of the day.
func AppendTime(dst []byte, millis int32, prec int) []byte {
	return AppendClock(dst, int64(millis/1000), int64(millis%1000)*1_000_000, prec)
}

// SplitTicks takes a timestamp apart: days since 1970-01-01, seconds of the day,
// nanoseconds.
func SplitTicks(v, perSecond int64) (days, sec, nanos int64) {
	s := v / perSecond
	f := v % perSecond
	if f < 0 {
		f += perSecond
		s--
	}
	days = s / 86400
	sec = s % 86400
	if sec < 0 {
		sec += 86400
		days--
	}
	return days, sec, f * (1_000_000_000 / perSecond)
}

// AppendTimestamp writes a timestamp with prec digits of a second and sep between
// date and time.
func AppendTimestamp(dst []byte, v, perSecond int64, prec int, sep byte) []byte {
	days, sec, nanos := SplitTicks(v, perSecond)
	dst = AppendDate(dst, days)
	return AppendClock(append(dst, sep), sec, nanos, prec)
}

// InZone moves an instant to the wall clock of a zone, keeping its ticks.
func InZone(v, perSecond int64, zone *time.Location) int64 {
	if zone == nil || zone == time.UTC {
		return v
	}
	days, sec, _ := SplitTicks(v, perSecond)
	_, off := time.Unix(days*86400+sec, 0).In(zone).Zone()
	return v + int64(off)*perSecond
}

// AppendShortTime writes a TIME with only as many digits of a second as it has.
func AppendShortTime(dst []byte, millis int32) []byte {
	dst = AppendClock(dst, int64(millis/1000), int64(millis%1000)*1_000_000, 3)
	return trimFraction(dst, 3)
}

// AppendShortTimestamp writes a timestamp with only as many digits of a second as
// it has.
func AppendShortTimestamp(dst []byte, v, perSecond int64, sep byte) []byte {
	dst = AppendTimestamp(dst, v, perSecond, 9, sep)
	return trimFraction(dst, 9)
}

// trimFraction drops zeros at the end of the prec digits behind the point, and the
// point when none is left.
func trimFraction(dst []byte, prec int) []byte {
	n := len(dst)
	for i := 0; i < prec && dst[n-1] == '0'; i++ {
		n--
	}
	if dst[n-1] == '.' {
		n--
	}
	return dst[:n]
}
