package kernel

import (
	"bytes"
	"time"
)

// dateFields are the fields that were read by a pattern.
type dateFields struct {
	year               int64
	month, day, yday   int
	hour, min, sec     int
	half               int // -1 unknown, 0 AM, 1 PM
	hour12             bool
	nano               int64
	offset             int64
	hasOffset          bool
	location           *time.Location
	millisOfDay        int64
	hasMillis, hasYday bool
	// since begins the hundred years that a year of two digits is in, in seconds
	// since 1970; edge says that the year read is the one it lies in.
	since int64
	edge  bool
	// julian: see ParseLenient.
	julian bool
}

// reform is 15 October 1582, the first day of the Gregorian calendar.
var reform = DaysOf(1582, 10, 15)

// days is the day of a date.
func (f *dateFields) days(y int64, m, d int) int64 {
	days := DaysOf(y, m, d)
	if !f.julian || days >= reform {
		return days
	}
	// Julian years begin in March here, and each fourth one has a day more.
	y, m = FloorDiv(y*12+int64(m)-3, 12), int(FloorMod(int64(m)-3, 12))
	return int64(d) + int64(153*m+2)/5 + 365*y + FloorDiv(y, 4) - 719471
}

// eightyYears is how far before today a year of two digits may lie.
const eightyYears = 80

// Parse reads text by the pattern as java.time.DateTimeFormatter does and gives the
// local time in ticks of per a second. Missing fields are those of 1970-01-01 00:00:00.
// When the text names an offset, zoned is true and the result is an instant.
func (p *DatePattern) Parse(s []byte, per int64) (t int64, zoned, ok bool) {
	f := dateFields{year: 1970, month: 1, day: 1, half: -1}
	rest, ok := p.parseItems(&f, s, 0, false)
	if !ok || len(rest) > 0 {
		return 0, false, false
	}
	return f.ticks(per, false)
}

// ParseLenient reads as java.text.SimpleDateFormat does and gives milliseconds: fields
// may run over, numbers may have any length, text behind is ignored, and a year of two
// digits is within 80 years before and 20 years after now, in milliseconds. With julian,
// days before 15 October 1582 are those of the Julian calendar.
func (p *DatePattern) ParseLenient(s []byte, now int64, julian bool) (t int64, zoned, ok bool) {
	y, m, d := Civil(FloorDiv(now, MsDay))
	start := DaysOf(y-eightyYears, m, min(d, DaysInMonth(y-eightyYears, m)))*86400 + FloorDiv(FloorMod(now, MsDay), 1000)
	f := dateFields{year: 1970, month: 1, day: 1, half: -1, since: start, julian: julian}
	if _, ok = p.parseItems(&f, s, 0, true); !ok {
		return 0, false, false
	}
	next := f
	next.year += 100
	if t, zoned, ok = f.ticks(1000, true); ok && f.edge && t < start*1000 {
		return next.ticks(1000, true)
	}
	return t, zoned, ok
}

// century is the year that two digits stand for.
func (f *dateFields) century(v int64) int64 {
	first, _, _ := Civil(FloorDiv(f.since, 86400))
	if f.edge = v == first%100; v < first%100 {
		v += 100
	}
	return v + first - first%100
}

// parseItems reads the items from index i on.
func (p *DatePattern) parseItems(f *dateFields, s []byte, i int, lenient bool) ([]byte, bool) {
	for i < len(p.items) {
		it := &p.items[i]
		switch it.letter {
		case '[':
			end := p.optionEnd(i)
			sub := DatePattern{items: p.items[i+1 : end]}
			g := *f
			if rest, ok := sub.parseItems(&g, s, 0, lenient); ok {
				*f, s = g, rest
			}
			i = end + 1
			continue
		case ']':
			i++
			continue
		case 0:
			if !bytes.HasPrefix(s, []byte(it.text)) {
				return s, false
			}
			s = s[len(it.text):]
		default:
			var ok bool
			if s, ok = f.read(it, s, lenient); !ok {
				return s, false
			}
		}
		i++
	}
	return s, true
}

// optionEnd is the index of the bracket that closes the one at i, or the end.
func (p *DatePattern) optionEnd(i int) int {
	depth := 0
	for k := i; k < len(p.items); k++ {
		switch p.items[k].letter {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return k
			}
		}
	}
	return len(p.items)
}

// digits reads a number of low to high digits.
func digits(s []byte, low, high int) (v int64, rest []byte, ok bool) {
	i := 0
	for i < len(s) && i < high && s[i] >= '0' && s[i] <= '9' {
		v = v*10 + int64(s[i]-'0')
		i++
	}
	return v, s[i:], i >= low
}

// limits are the fewest and most digits that a field takes from s.
func (it *dateItem) limits(s []byte, lenient bool) (low, high int) {
	low, high = it.count, it.count
	year := it.letter == 'y' || it.letter == 'u' || it.letter == 'Y'
	if it.count == 1 || year && it.count != 2 || it.letter == 'A' || it.letter == 'n' || it.letter == 'N' {
		high = 18
	}
	if lenient && it.adjacent == 0 && it.letter != 'S' {
		low, high = 1, 18
	}
	if it.adjacent > 0 && high > it.count {
		run := 0
		for run < len(s) && s[run] >= '0' && s[run] <= '9' {
			run++
		}
		high = max(low, min(high, run-it.adjacent))
	}
	return low, high
}

// read reads one field.
func (f *dateFields) read(it *dateItem, s []byte, lenient bool) ([]byte, bool) {
	if !numeric(*it) {
		return f.readText(it, s)
	}
	if lenient {
		s = bytes.TrimLeft(s, " ")
	}
	neg := false
	if it.letter == 'u' && len(s) > 0 && s[0] == '-' {
		neg, s = true, s[1:]
	}
	low, high := it.limits(s, lenient)
	v, rest, ok := digits(s, low, high)
	if !ok {
		return s, false
	}
	if neg {
		v = -v
	}
	n := len(s) - len(rest)
	switch it.letter {
	case 'y', 'u', 'Y':
		switch {
		case lenient && it.letter != 'u' && it.count <= 2 && n == 2:
			v = f.century(v)
		case !lenient && it.count == 2 && n == 2:
			v += 2000
		}
		f.year = v
	case 'Q', 'q':
		f.month = int(v-1)*3 + 1
	case 'M', 'L':
		f.month = int(v)
	case 'd':
		f.day = int(v)
	case 'D':
		f.yday, f.hasYday = int(v), true
	case 'H', 'k':
		f.hour = int(v)
		if it.letter == 'k' && v == 24 {
			f.hour = 0
		}
	case 'h', 'K':
		f.hour, f.hour12 = int(v), true
		if it.letter == 'h' && v == 12 {
			f.hour = 0
		}
	case 'm':
		f.min = int(v)
	case 's':
		f.sec = int(v)
	case 'S':
		if n > 9 {
			return s, false
		}
		f.nano = v * pow10Int[9-n]
	case 'n':
		f.nano = v
	case 'A':
		f.millisOfDay, f.hasMillis = v, true
	case 'N':
		f.millisOfDay, f.hasMillis = v/1_000_000, true
	}
	return rest, true
}

func (f *dateFields) readText(it *dateItem, s []byte) ([]byte, bool) {
	switch it.letter {
	case 'M', 'L':
		for i, name := range monthNames {
			if rest, ok := readName(s, name, it.count); ok {
				f.month = i + 1
				return rest, true
			}
		}
	case 'E', 'e', 'c':
		for _, name := range dayNames {
			if rest, ok := readName(s, name, max(it.count, 3)); ok {
				return rest, true
			}
		}
	case 'a':
		if len(s) >= 2 && (s[1]|32) == 'm' {
			switch s[0] | 32 {
			case 'a':
				f.half = 0
				return s[2:], true
			case 'p':
				f.half = 1
				return s[2:], true
			}
		}
	case 'G':
		for _, name := range []string{"AD", "Anno Domini"} {
			if rest, ok := bytes.CutPrefix(s, []byte(name)); ok {
				return rest, true
			}
		}
	case 'Q', 'q':
		if len(s) > 1 && s[0] == 'Q' && s[1] >= '1' && s[1] <= '4' {
			f.month = int(s[1]-'1')*3 + 1
			return s[2:], true
		}
	case 'X', 'x', 'Z', 'O':
		return f.readOffset(s)
	case 'V', 'z', 'v':
		return f.readZone(s)
	}
	return s, false
}

// readName reads a name, the whole one or its first three letters.
func readName(s []byte, name string, n int) ([]byte, bool) {
	if n == 3 {
		name = name[:3]
	}
	if len(s) >= len(name) && string(s[:len(name)]) == name {
		return s[len(name):], true
	}
	return s, false
}

// readOffset reads Z, GMT, ±HH, ±HHmm or ±HH:mm.
func (f *dateFields) readOffset(s []byte) ([]byte, bool) {
	if len(s) > 0 && s[0] == 'Z' {
		f.offset, f.hasOffset = 0, true
		return s[1:], true
	}
	if rest, ok := bytes.CutPrefix(s, []byte("GMT")); ok {
		s = rest
		f.hasOffset = true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return s, f.hasOffset
	}
	neg := s[0] == '-'
	h, rest, ok := digits(s[1:], 2, 2)
	if !ok {
		return s, false
	}
	colon := rest
	if len(colon) > 0 && colon[0] == ':' {
		colon = colon[1:]
	}
	m := int64(0)
	if v, r, ok := digits(colon, 2, 2); ok {
		m, rest = v, r
	}
	f.offset, f.hasOffset = h*3600+m*60, true
	if neg {
		f.offset = -f.offset
	}
	return rest, true
}

// readZone reads the name of a time zone.
func (f *dateFields) readZone(s []byte) ([]byte, bool) {
	i := 0
	for i < len(s) && (s[i] >= 'A' && s[i] <= 'Z' || s[i] >= 'a' && s[i] <= 'z' || s[i] >= '0' && s[i] <= '9' || bytes.IndexByte([]byte("/_+-:"), s[i]) >= 0) {
		i++
	}
	loc, err := LoadZone(string(s[:i]))
	if i == 0 || err != nil {
		return s, false
	}
	f.location = loc
	return s[i:], true
}

// ticks puts the fields together.
func (f *dateFields) ticks(per int64, lenient bool) (t int64, zoned, ok bool) {
	if f.hour12 && f.half == 1 {
		f.hour += 12
	}
	// 24:00:00, with a fraction even, is the end of the day.
	midnight := f.hour == 24 && !f.hour12 && f.min == 0 && f.sec == 0
	if !lenient && (f.month < 1 || f.month > 12 || f.day < 1 || f.day > 31 || f.hour > 23 && !midnight || f.min > 59 || f.sec > 59 || f.year > 999_999_999) {
		return 0, false, false
	}
	if f.month < 1 || f.month > 12 {
		y := f.year*12 + int64(f.month-1)
		f.year, f.month = FloorDiv(y, 12), int(FloorMod(y, 12))+1
	}
	days := f.days(f.year, f.month, f.day)
	if !lenient && f.day > DaysInMonth(f.year, f.month) {
		// Java's default resolution takes the last day of a month for days up to 31.
		days = DaysOf(f.year, f.month, DaysInMonth(f.year, f.month))
	}
	if f.hasYday {
		days = f.days(f.year, 1, 1) + int64(f.yday) - 1
	}
	s := days*86400 + int64(f.hour*3600+f.min*60+f.sec)
	if f.hasMillis {
		s = days*86400 + f.millisOfDay/1000
		f.nano = f.millisOfDay % 1000 * 1_000_000
	}
	if days > 365*300_000 || days < -365*300_000 {
		return 0, false, false
	}
	t, ok = RescaleTicks(s, 1, per)
	if !ok {
		return 0, false, false
	}
	t += f.nano / (1_000_000_000 / per)
	switch {
	case f.hasOffset:
		return t - f.offset*per, true, true
	case f.location != nil:
		z := MakeZone(f.location)
		return z.InstantTicks(t, per), true, true
	}
	return t, false, true
}
