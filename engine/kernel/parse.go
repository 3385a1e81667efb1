package kernel

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// The Parse functions read text as CAST from STRING does, blanks around it aside.
// They report false for text that is no value of the type.

// ParseInt reads an integer; digits after a point are dropped, so that a point alone is 0.
func ParseInt(s []byte) (int64, bool) {
	s = trimSpace(s)
	neg := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	var v uint64
	for i, c := range s {
		if c == '.' {
			for _, c := range s[i+1:] {
				if c < '0' || c > '9' {
					return 0, false
				}
			}
			break
		}
		if c < '0' || c > '9' || v > (1<<63)/10 {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
		if v > 1<<63 {
			return 0, false
		}
	}
	if neg {
		return int64(-v), true
	}
	return int64(v), v < 1<<63
}

// ParseBool reads true, t, yes, y, 1 and their opposites in any letter case.
func ParseBool(s []byte) (v, ok bool) {
	s = trimSpace(s)
	if len(s) > 5 {
		return false, false
	}
	var low [5]byte
	for i, c := range s {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	switch string(low[:len(s)]) {
	case "true", "t", "yes", "y", "1":
		return true, true
	case "false", "f", "no", "n", "0":
		return false, true
	}
	return false, false
}

// ParseFloat reads a number as Java does; size is 32 or 64.
func ParseFloat(s []byte, size int) (float64, bool) {
	t := string(trimSpace(s))
	if k := len(t) - 1; k > 0 {
		switch t[k] {
		case 'd', 'D', 'f', 'F':
			if t[k-1] >= '0' && t[k-1] <= '9' || t[k-1] == '.' {
				t = t[:k]
			}
		}
	}
	switch t {
	case "NaN", "+NaN", "-NaN":
		return math.NaN(), true
	case "Infinity", "+Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if strings.ContainsAny(t, "_xXiInNpP") {
		return 0, false
	}
	v, err := strconv.ParseFloat(t, size)
	if err != nil && !math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// ParseDec reads a decimal number, with or without exponent, into scale s and
// precision p, rounding halves away from zero. It reports false for other text
// and for numbers that do not fit.
func ParseDec(t []byte, p, s int) (batch.Dec, bool) {
	t = trimSpace(t)
	neg := false
	if len(t) > 0 && (t[0] == '-' || t[0] == '+') {
		neg = t[0] == '-'
		t = t[1:]
	}
	exp := 0
	if k := bytes.IndexAny(t, "eE"); k >= 0 {
		e, err := strconv.Atoi(string(t[k+1:]))
		if err != nil || e > 10_000 || e < -10_000 {
			return batch.Dec{}, false
		}
		exp, t = e, t[:k]
	}
	var m u128
	digits, scale, point, more := 0, -exp, false, -1
	for _, c := range t {
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			return batch.Dec{}, false
		}
		digits++
		if point {
			scale++
		}
		if more >= 0 || !m.less(pow10[37]) {
			// Beyond 38 digits: only the first one can matter for rounding.
			if more < 0 {
				more = int(c - '0')
			}
			scale--
			continue
		}
		m, _ = m.mul64(10)
		m, _ = m.add(u128{0, uint64(c - '0')})
	}
	if digits == 0 {
		return batch.Dec{}, false
	}
	switch {
	case m.isZero():
	case s > scale:
		if s-scale > 38 {
			return batch.Dec{}, false
		}
		var ok bool
		if m, ok = m.mul(pow10[s-scale]); !ok {
			return batch.Dec{}, false
		}
		if more >= 5 && s == scale {
			m, _ = m.add(u128{0, 1})
		}
	case scale-s > 39:
		m = u128{}
	case scale > s:
		m = m.roundDown(scale - s)
	case more >= 5:
		m, _ = m.add(u128{0, 1})
	}
	return m.signed(neg), m.fits(p)
}

// ParseDate reads yyyy-M-d, yyyy-M or yyyy, with a blank and anything behind it or
// not, as days since 1970-01-01.
func ParseDate(s []byte) (int64, bool) {
	s = trimSpace(s)
	if k := bytes.IndexByte(s, ' '); k > 0 {
		s = s[:k]
	}
	return parseDate(s)
}

func parseDate(s []byte) (int64, bool) {
	y, s, ok := number(s, 6)
	m, d := 1, 1
	if ok && len(s) > 0 {
		if m, s, ok = after(s, '-', 2); ok && len(s) > 0 {
			d, s, ok = after(s, '-', 2)
		}
	}
	if !ok || len(s) > 0 || y > 9999 || m < 1 || m > 12 || d < 1 || d > DaysInMonth(int64(y), m) {
		return 0, false
	}
	return DaysOf(int64(y), m, d), true
}

// number reads up to max digits.
func number(s []byte, most int) (v int, rest []byte, ok bool) {
	i := 0
	for i < len(s) && i < most && s[i] >= '0' && s[i] <= '9' {
		v = v*10 + int(s[i]-'0')
		i++
	}
	return v, s[i:], i > 0
}

// after reads a sign and a number behind it.
func after(s []byte, sign byte, most int) (v int, rest []byte, ok bool) {
	if len(s) == 0 || s[0] != sign {
		return 0, s, false
	}
	return number(s[1:], most)
}

// ParseTime reads H[:m[:s[.fraction]]] as milliseconds of the day.
func ParseTime(s []byte) (int64, bool) {
	ns, ok := parseClock(trimSpace(s))
	return ns / 1_000_000, ok
}

// parseClock reads a time of day in nanoseconds.
func parseClock(s []byte) (int64, bool) {
	h, s, ok := number(s, 2)
	m, sec := 0, 0
	var frac int64
	if ok && len(s) > 0 {
		if m, s, ok = after(s, ':', 2); ok && len(s) > 0 {
			if sec, s, ok = after(s, ':', 2); ok && len(s) > 0 {
				frac, s, ok = fraction(s)
			}
		}
	}
	if !ok || len(s) > 0 || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	return int64(h*3600+m*60+sec)*1_000_000_000 + frac, true
}

// fraction reads a point and digits as nanoseconds; digits beyond nine are cut.
func fraction(s []byte) (ns int64, rest []byte, ok bool) {
	if s[0] != '.' || len(s) < 2 {
		return 0, s, false
	}
	k := int64(100_000_000)
	i := 1
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		ns += int64(s[i]-'0') * k
		k /= 10
	}
	return ns, s[i:], i > 1
}

// ParseTimestamp reads yyyy-M-d, or yyyy-M-d H:m:s[.[fraction]] with up to nine
// digits, as ticks of per a second; digits beyond precision are cut by the caller.
// As in Flink, a T, a zone and blanks around it are no part of a timestamp.
func ParseTimestamp(s []byte, per int64) (int64, bool) {
	var clock int64
	if k := bytes.IndexByte(s, ' '); k > 0 {
		var ok bool
		if clock, ok = parseFullClock(s[k+1:]); !ok {
			return 0, false
		}
		s = s[:k]
	}
	days, ok := parseFullDate(s)
	if !ok {
		return 0, false
	}
	day, ok := RescaleTicks(days*86400, 1, per)
	return day + clock/(1_000_000_000/per), ok
}

// parseFullDate reads a date of which no part is missing.
func parseFullDate(s []byte) (int64, bool) {
	if len(s) < 5 || s[4] != '-' || bytes.Count(s, []byte("-")) != 2 {
		return 0, false
	}
	return parseDate(s)
}

// parseFullClock reads a time of which no part but the fraction is missing. 24:00:00 is
// the end of the day, as in Java's formatters.
func parseFullClock(s []byte) (int64, bool) {
	if bytes.Count(s, []byte(":")) != 2 {
		return 0, false
	}
	if k := bytes.IndexByte(s, '.'); k == len(s)-1 {
		s = s[:k]
	} else if k >= 0 && len(s)-k-1 > 9 {
		return 0, false
	}
	if rest, ok := bytes.CutPrefix(s, []byte("24:")); ok {
		ns, ok := parseClock(append([]byte("00:"), rest...))
		return 24 * 3600 * 1_000_000_000, ok && ns == 0
	}
	return parseClock(s)
}

// ParseInstant reads a timestamp in the zone.
func ParseInstant(s []byte, per int64, z *Zone) (int64, bool) {
	t, ok := ParseTimestamp(s, per)
	if !ok {
		return 0, false
	}
	return z.InstantTicks(t, per), true
}

// trimSpace drops what Java's trim drops: bytes up to the blank.
func trimSpace(s []byte) []byte {
	for len(s) > 0 && s[0] <= ' ' {
		s = s[1:]
	}
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// ParseText appends the value of text s to b, as CAST from STRING to b's type
// does. It fails with invalid-cast for text that is no value of the type.
func ParseText(b *batch.Builder, s []byte, zone *time.Location) error {
	t := b.Type()
	ok := true
	switch t.Kind {
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		b.AppendBytes(s)
	case types.Boolean:
		var v bool
		if v, ok = ParseBool(s); ok {
			b.AppendBool(v)
		}
	case types.Float, types.Double:
		size := 64
		if t.Kind == types.Float {
			size = 32
		}
		var v float64
		if v, ok = ParseFloat(s, size); ok {
			b.AppendFloat(v)
		}
	case types.Decimal:
		var v batch.Dec
		if v, ok = ParseDec(s, t.Prec, t.Scale); ok {
			b.AppendDec(v)
		}
	default:
		var v int64
		z := MakeZone(zone)
		if v, ok = parseTicks(t, s, &z); ok {
			b.AppendInt(v)
		}
	}
	if !ok {
		return diag.New(diag.InvalidCast, "%s is no %s", quote(s), t.Nullable(true))
	}
	return nil
}

// ParseConst makes a constant of text s; see ParseText.
func ParseConst(t types.Type, s string, zone *time.Location) (batch.Col, error) {
	b := batch.NewBuilder(t.Nullable(false))
	if err := ParseText(b, []byte(s), zone); err != nil {
		return batch.Col{}, err
	}
	c := b.Finish()
	c.Enc = batch.Const
	return c, nil
}

// parseTicks reads a value of an integer-backed type.
func parseTicks(t types.Type, s []byte, z *Zone) (v int64, ok bool) {
	switch t.Kind {
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt:
		v, ok = ParseInt(s)
		return v, ok && inRange(v, t.Kind)
	case types.Date:
		return ParseDate(s)
	case types.Time:
		v, ok = ParseTime(s)
		return cutTime(v, t.Prec), ok
	case types.Timestamp:
		v, ok = ParseTimestamp(s, t.PerSecond())
		return CutPrecision(v, t), ok
	case types.TimestampLTZ:
		v, ok = ParseInstant(s, t.PerSecond(), z)
		return CutPrecision(v, t), ok
	case types.IntervalYM, types.IntervalDT:
		return ParseInterval(string(s), t.Units)
	}
	return 0, false
}

// cutTime drops milliseconds beyond a precision.
func cutTime(ms int64, prec int) int64 {
	if prec >= 3 {
		return ms
	}
	k := Pow10(3 - prec)
	return ms / k * k
}

func inRange(v int64, k types.Kind) bool {
	switch k {
	case types.TinyInt:
		return v == int64(int8(v))
	case types.SmallInt:
		return v == int64(int16(v))
	case types.Int:
		return v == int64(int32(v))
	}
	return true
}

// quote shows a value in a message, cut when long.
func quote(s []byte) string {
	const most = 60
	if len(s) > most {
		return "'" + strings.ToValidUTF8(string(s[:most]), "") + "...'"
	}
	return "'" + string(s) + "'"
}
