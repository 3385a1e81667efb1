package kernel

import (
	"fmt"
	"time"

	"github.com/minkstream/mink/engine/types"
)

// DatePattern is a compiled pattern of Java's date formatter letters.
type DatePattern struct {
	items []dateItem
	// Finest is the finest unit that the pattern shows; values that agree down to
	// it have the same text. Nanosecond stands for fractions of any length.
	Finest types.Unit
	// Fraction is the length of the longest run of S.
	Fraction int
	// Zoned says that the pattern shows or reads a zone.
	Zoned bool
}

// dateItem is a field of a pattern, or literal text when letter is 0. '[' and ']'
// enclose an optional part.
type dateItem struct {
	letter byte
	count  int
	text   string
	// adjacent is how many digits the fields right behind take, which a number
	// without fixed length leaves alone.
	adjacent int
}

// CompileDatePattern reads a pattern. The error says what is wrong with it.
func CompileDatePattern(s string) (*DatePattern, error) {
	p := &DatePattern{Finest: types.Year}
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			k := i
			for k < len(s) && s[k] == c {
				k++
			}
			if err := p.field(c, k-i); err != nil {
				return nil, err
			}
			i = k
		case c == '\'':
			text, next, ok := quoted(s, i)
			if !ok {
				return nil, fmt.Errorf("quote at %d of the pattern is not closed", i+1)
			}
			p.literal(text)
			i = next
		case c == '[' || c == ']':
			p.items = append(p.items, dateItem{letter: c})
			i++
		case c == '{' || c == '}' || c == '#':
			return nil, fmt.Errorf("character %q is reserved in patterns", c)
		default:
			k := i + 1
			for k < len(s) && s[k] >= 0x80 {
				k++
			}
			p.literal(s[i:k])
			i = k
		}
	}
	p.reserve()
	return p, nil
}

// quoted reads text in quotes from s[i]; two quotes are one.
func quoted(s string, i int) (text string, next int, ok bool) {
	if i+1 < len(s) && s[i+1] == '\'' {
		return "'", i + 2, true
	}
	var b []byte
	for k := i + 1; k < len(s); k++ {
		if s[k] != '\'' {
			b = append(b, s[k])
			continue
		}
		if k+1 < len(s) && s[k+1] == '\'' {
			b = append(b, '\'')
			k++
			continue
		}
		return string(b), k + 1, true
	}
	return "", 0, false
}

func (p *DatePattern) literal(s string) {
	if k := len(p.items) - 1; k >= 0 && p.items[k].letter == 0 {
		p.items[k].text += s
		return
	}
	p.items = append(p.items, dateItem{text: s})
}

func (p *DatePattern) field(c byte, n int) error {
	u, most := types.Year, 19
	switch c {
	case 'y', 'u', 'Y':
	case 'G':
		most = 5
	case 'Q', 'q', 'M', 'L':
		u, most = types.Month, 5
	case 'w':
		u, most = types.Day, 2
	case 'W', 'F':
		u, most = types.Day, 1
	case 'd':
		u, most = types.Day, 2
	case 'D':
		u, most = types.Day, 3
	case 'E', 'e', 'c':
		u, most = types.Day, 5
	case 'a':
		u, most = types.Hour, 1
	case 'H', 'h', 'k', 'K':
		u, most = types.Hour, 2
	case 'm':
		u, most = types.Minute, 2
	case 's':
		u, most = types.Second, 2
	case 'S':
		u, most = types.Nanosecond, 9
		p.Fraction = max(p.Fraction, n)
	case 'n', 'N', 'A':
		u = types.Nanosecond
	case 'z', 'V', 'O', 'X', 'x', 'Z', 'v':
		u, most = types.Nanosecond, 5
		p.Zoned = true
	default:
		return fmt.Errorf("unknown pattern letter %q", c)
	}
	if n > most {
		return fmt.Errorf("too many pattern letters %q", c)
	}
	if u > p.Finest {
		p.Finest = u
	}
	p.items = append(p.items, dateItem{letter: c, count: n})
	return nil
}

// reserve notes for numbers of open length how many digits fixed fields directly
// behind them need: yyyyMMdd reads the last four digits as month and day.
func (p *DatePattern) reserve() {
	for i := range p.items {
		if !numeric(p.items[i]) {
			continue
		}
		for k := i + 1; k < len(p.items) && numeric(p.items[k]) && fixedDigits(p.items[k]) > 0; k++ {
			p.items[i].adjacent += fixedDigits(p.items[k])
		}
	}
}

// numeric reports whether a field is written in digits.
func numeric(it dateItem) bool {
	switch it.letter {
	case 'y', 'u', 'Y', 'w', 'W', 'F', 'd', 'D', 'H', 'h', 'k', 'K', 'm', 's', 'S', 'n', 'N', 'A':
		return true
	case 'Q', 'q', 'M', 'L', 'e', 'c':
		return it.count <= 2
	}
	return false
}

// fixedDigits is the exact length of a number, or 0 when it is open.
func fixedDigits(it dateItem) int {
	switch {
	case it.letter == 'S':
		return it.count
	case (it.letter == 'y' || it.letter == 'u' || it.letter == 'Y') && it.count != 2, it.letter == 'A', it.letter == 'n', it.letter == 'N':
		return 0
	case it.count >= 2:
		return it.count
	}
	return 0
}

var monthNames = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}

var dayNames = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// clockTime is a local time taken apart.
type clockTime struct {
	days   int64
	y      int64
	m, d   int
	sec    int   // second of the day
	nano   int64 // of the second
	offset int64 // of the zone, in seconds
	zone   *time.Location
	at     int64 // the instant in seconds
}

// Append writes the local time with ticks of per a second. offset is the zone's in
// milliseconds; loc names it and may be nil for UTC.
func (p *DatePattern) Append(dst []byte, local, per, offset int64, loc *time.Location) []byte {
	var t clockTime
	s := FloorDiv(local, per)
	t.nano = (local - s*per) * (1_000_000_000 / per)
	t.days = FloorDiv(s, 86400)
	t.sec = int(s - t.days*86400)
	t.y, t.m, t.d = Civil(t.days)
	t.offset, t.zone = offset/1000, loc
	t.at = s - t.offset
	for i := range p.items {
		dst = t.append(dst, &p.items[i])
	}
	return dst
}

func (t *clockTime) append(dst []byte, it *dateItem) []byte {
	n := it.count
	switch it.letter {
	case 0:
		return append(dst, it.text...)
	case '[', ']':
		return dst
	case 'y', 'u':
		return appendYear(dst, t.y, n, it.letter == 'y')
	case 'Y':
		y, _ := t.usWeek()
		return appendYear(dst, y, n, false)
	case 'G':
		if t.y > 0 {
			return append(dst, pick(n, "AD", "Anno Domini", "A")...)
		}
		return append(dst, pick(n, "BC", "Before Christ", "B")...)
	case 'Q', 'q':
		q := (t.m + 2) / 3
		if n <= 2 {
			return appendPadded(dst, uint64(q), n)
		}
		if n == 3 {
			return append(dst, 'Q', '0'+byte(q))
		}
		return append(append(dst, '0'+byte(q)), [...]string{"st", "nd", "rd", "th"}[q-1]+" quarter"...)
	case 'M', 'L':
		if n <= 2 {
			return appendPadded(dst, uint64(t.m), n)
		}
		return appendName(dst, monthNames[t.m-1], n)
	case 'w':
		_, w := t.usWeek()
		return appendPadded(dst, uint64(w), n)
	case 'W':
		first := int(FloorMod(t.days-int64(t.d-1)+4, 7)) // weekday of the 1st, Sunday 0
		return appendPadded(dst, uint64((t.d-1+first)/7+1), n)
	case 'F':
		return appendPadded(dst, uint64((t.d-1)%7+1), n)
	case 'd':
		return appendPadded(dst, uint64(t.d), n)
	case 'D':
		return appendPadded(dst, uint64(t.days-DaysOf(t.y, 1, 1)+1), n)
	case 'E':
		return appendName(dst, dayNames[FloorMod(t.days+3, 7)], max(n, 3))
	case 'e', 'c':
		if n <= 2 {
			return appendPadded(dst, uint64(FloorMod(t.days+4, 7)+1), n)
		}
		return appendName(dst, dayNames[FloorMod(t.days+3, 7)], n)
	case 'a':
		if t.sec < 43200 {
			return append(dst, "AM"...)
		}
		return append(dst, "PM"...)
	case 'H':
		return appendPadded(dst, uint64(t.sec/3600), n)
	case 'k':
		return appendPadded(dst, uint64((t.sec/3600+23)%24+1), n)
	case 'K':
		return appendPadded(dst, uint64(t.sec/3600%12), n)
	case 'h':
		return appendPadded(dst, uint64((t.sec/3600+11)%12+1), n)
	case 'm':
		return appendPadded(dst, uint64(t.sec/60%60), n)
	case 's':
		return appendPadded(dst, uint64(t.sec%60), n)
	case 'S':
		return appendPadded(dst, uint64(t.nano/pow10Int[9-n]), n)
	case 'n':
		return appendPadded(dst, uint64(t.nano), n)
	case 'N':
		return appendPadded(dst, uint64(int64(t.sec)*1_000_000_000+t.nano), n)
	case 'A':
		return appendPadded(dst, uint64(int64(t.sec)*1000+t.nano/1_000_000), n)
	}
	return t.appendZone(dst, it.letter, n)
}

// usWeek is week and year of weeks that begin on Sunday, the first of which has
// January 1.
func (t *clockTime) usWeek() (year int64, week int) {
	start := func(y int64) int64 {
		first := DaysOf(y, 1, 1)
		return first - FloorMod(first+4, 7)
	}
	y := t.y
	if t.days >= start(y+1) {
		y++
	}
	return y, int((t.days-start(y))/7) + 1
}

func appendYear(dst []byte, y int64, n int, era bool) []byte {
	if era && y <= 0 {
		y = 1 - y
	}
	if n == 2 {
		return append2(dst, int(FloorMod(y, 100)))
	}
	if y < 0 {
		dst, y = append(dst, '-'), -y
	} else if n >= 4 && y >= int64(pow10Int[min(n, 18)]) {
		dst = append(dst, '+')
	}
	return appendPadded(dst, uint64(y), n)
}

// pick chooses the short, full or narrow text by the number of letters.
func pick(n int, short, full, narrow string) string {
	switch n {
	case 4:
		return full
	case 5:
		return narrow
	}
	return short
}

// appendName writes a name short for three letters, whole for four, as its first
// letter for five.
func appendName(dst []byte, name string, n int) []byte {
	return append(dst, pick(n, name[:3], name, name[:1])...)
}

func (t *clockTime) appendZone(dst []byte, letter byte, n int) []byte {
	switch letter {
	case 'V':
		return append(dst, zoneName(t.zone)...)
	case 'z', 'v':
		if t.zone == nil || t.zone == time.UTC {
			return append(dst, "UTC"...)
		}
		abbr, _ := time.Unix(t.at, 0).In(t.zone).Zone()
		return append(dst, abbr...)
	case 'O':
		dst = append(dst, "GMT"...)
		if t.offset == 0 {
			return dst
		}
		return appendOffset(dst, t.offset, n == 4, true)
	case 'Z':
		if n == 5 {
			if t.offset == 0 {
				return append(dst, 'Z')
			}
			return appendOffset(dst, t.offset, true, true)
		}
		if n == 4 {
			dst = append(dst, "GMT"...)
			if t.offset == 0 {
				return dst
			}
			return appendOffset(dst, t.offset, true, true)
		}
		return appendOffset(dst, t.offset, true, false)
	}
	// X writes Z for zero, x does not; an odd number of letters has no colon.
	if letter == 'X' && t.offset == 0 {
		return append(dst, 'Z')
	}
	return appendOffset(dst, t.offset, n > 1, n == 3 || n == 5)
}

// appendOffset writes ±HH[:]mm, the minutes if asked for or not zero.
func appendOffset(dst []byte, seconds int64, minutes, colon bool) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = append2(append(dst, sign), int(seconds/3600))
	m := int(seconds / 60 % 60)
	if !minutes && m == 0 {
		return dst
	}
	if colon {
		dst = append(dst, ':')
	}
	return append2(dst, m)
}

func zoneName(z *time.Location) string {
	if z == nil {
		return "UTC"
	}
	return z.String()
}
