package connect

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	durationHelp = "a duration such as '500 ms', '10 s' or '2 h'"
	sizeHelp     = "a size such as '64 kb', '128 mb' or '1 gb'"
)

var durationUnits = map[string]time.Duration{
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"h": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"": time.Millisecond, "ms": time.Millisecond, "milli": time.Millisecond, "millis": time.Millisecond,
	"millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"µs": time.Microsecond, "us": time.Microsecond, "micro": time.Microsecond, "micros": time.Microsecond,
	"microsecond": time.Microsecond, "microseconds": time.Microsecond,
	"ns": time.Nanosecond, "nano": time.Nanosecond, "nanos": time.Nanosecond,
	"nanosecond": time.Nanosecond, "nanoseconds": time.Nanosecond,
}

var sizeUnits = map[string]int64{
	"": 1, "b": 1, "bytes": 1,
	"k": 1 << 10, "kb": 1 << 10, "kibibytes": 1 << 10,
	"m": 1 << 20, "mb": 1 << 20, "mebibytes": 1 << 20,
	"g": 1 << 30, "gb": 1 << 30, "gibibytes": 1 << 30,
	"t": 1 << 40, "tb": 1 << 40, "tebibytes": 1 << 40,
}

// ParseDuration reads a duration as Flink writes them: a whole number, an optional
// space and a unit (d, h, min, s, ms, us, ns and their long forms; none is
// milliseconds), or ISO-8601 such as PT10S. It is never negative.
func ParseDuration(text string) (time.Duration, bool) {
	if t := strings.ToUpper(strings.TrimSpace(text)); strings.HasPrefix(t, "P") {
		return parseISODuration(t)
	}
	n, unit, ok := splitUnit(text)
	if !ok {
		return 0, false
	}
	u, ok := durationUnits[unit]
	if !ok || n > math.MaxInt64/int64(u) {
		return 0, false
	}
	return time.Duration(n) * u, true
}

// ParseSize reads a number of bytes as Flink writes them: a whole number, an
// optional space and a unit of powers of 1024 (b, kb, mb, gb, tb and their long
// forms; none is bytes).
func ParseSize(text string) (int64, bool) {
	n, unit, ok := splitUnit(text)
	if !ok {
		return 0, false
	}
	u, ok := sizeUnits[unit]
	if !ok || n > math.MaxInt64/u {
		return 0, false
	}
	return n * u, true
}

// splitUnit takes "12 mb" apart.
func splitUnit(text string) (int64, string, bool) {
	text = strings.TrimSpace(text)
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	n, err := strconv.ParseInt(text[:i], 10, 64)
	if err != nil {
		return 0, "", false
	}
	return n, strings.ToLower(strings.TrimSpace(text[i:])), true
}

// parseISODuration reads P[nD][T[nH][nM][n[.f]S]] in upper case.
func parseISODuration(t string) (time.Duration, bool) {
	t = t[1:]
	var sum float64
	inTime, any := false, false
	for t != "" {
		if t[0] == 'T' && !inTime {
			inTime, t = true, t[1:]
			continue
		}
		i := 0
		for i < len(t) && (t[i] >= '0' && t[i] <= '9' || t[i] == '.') {
			i++
		}
		n, err := strconv.ParseFloat(t[:i], 64)
		if err != nil || i == len(t) {
			return 0, false
		}
		var unit time.Duration
		switch {
		case t[i] == 'D' && !inTime:
			unit = 24 * time.Hour
		case t[i] == 'H' && inTime:
			unit = time.Hour
		case t[i] == 'M' && inTime:
			unit = time.Minute
		case t[i] == 'S' && inTime:
			unit = time.Second
		default:
			return 0, false
		}
		sum += float64(n * float64(unit))
		any, t = true, t[i+1:]
	}
	if !any || sum > math.MaxInt64/2 {
		return 0, false
	}
	return time.Duration(sum), true
}
