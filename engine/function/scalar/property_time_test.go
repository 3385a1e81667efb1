package scalar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/minkstream/mink/engine/types"
)

// millis draws milliseconds between the years 1 and 9990, often near the ends of
// months and days.
func millis() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if rapid.Bool().Draw(t, "far") {
			return rapid.Int64Range(-62_000_000_000_000, 253_000_000_000_000).Draw(t, "ms")
		}
		at := time.Date(rapid.IntRange(1895, 2105).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.SampledFrom([]int{1, 2, 15, 28, 29, 30, 31}).Draw(t, "day"), 0, 0, 0, 0, time.UTC)
		return at.UnixMilli() + rapid.SampledFrom([]int64{0, 1, 999, 1000, 86_399_999, 43_200_000}).Draw(t, "clock")
	})
}

func days() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any { return floorDiv(millis().Draw(t, "day").(int64), 86_400_000) })
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func at(ms any) time.Time { return time.UnixMilli(ms.(int64)).UTC() }

func stampText(t time.Time) string { return t.Format("2006-01-02 15:04:05.000") }

// addMonths moves a date by months; the day is brought within the month.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	day := min(t.Day(), last)
	return time.Date(first.Year(), first.Month(), day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func stamp(p int) types.Type { return types.TimestampT(p) }

var unitStep = map[string]time.Duration{"SECOND": time.Second, "MINUTE": time.Minute, "HOUR": time.Hour, "DAY": 24 * time.Hour, "WEEK": 7 * 24 * time.Hour}
var unitMonths = map[string]int{"MONTH": 1, "QUARTER": 3, "YEAR": 12}
var addUnits = []string{"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}

// TestTimestampAdd holds TIMESTAMPADD and + with intervals.
func TestTimestampAdd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom(addUnits).Draw(t, "unit")
		small := rapid.Custom(func(t *rapid.T) any { return int64(rapid.IntRange(-50, 50).Draw(t, "n")) })
		c := draw(t, []types.Type{stamp(3), types.IntT}, []*rapid.Generator[any]{millis(), small})
		c.hold(t, call(t, "TIMESTAMPADD", textLiteral(unit), c.ref(1), c.ref(0)), func(row []any) string {
			if row[0] == nil || row[1] == nil {
				return "NULL"
			}
			n := int(row[1].(int64))
			if m := unitMonths[unit]; m > 0 {
				return stampText(addMonths(at(row[0]), n*m))
			}
			return stampText(at(row[0]).Add(time.Duration(n) * unitStep[unit]))
		})
		c = draw(t, []types.Type{types.DateT, types.YearMonthT()}, []*rapid.Generator[any]{days(), small})
		op := rapid.SampledFrom([]string{"+", "-"}).Draw(t, "op")
		c.hold(t, call(t, op, c.ref(0), c.ref(1)), func(row []any) string {
			if row[0] == nil || row[1] == nil {
				return "NULL"
			}
			n := int(row[1].(int64))
			if op == "-" {
				n = -n
			}
			return addMonths(time.Unix(row[0].(int64)*86400, 0).UTC(), n).Format("2006-01-02")
		})
	})
}

// TestTimestampDiff holds TIMESTAMPDIFF: whole units, cut toward zero.
func TestTimestampDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom(addUnits).Draw(t, "unit")
		near := rapid.Custom(func(t *rapid.T) any {
			day := time.Date(2019, 11, 28, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 900).Draw(t, "day"))
			return day.UnixMilli() + rapid.SampledFrom([]int64{0, 1, 43_200_000, 86_399_999}).Draw(t, "clock")
		})
		c := draw(t, []types.Type{stamp(3), stamp(3)}, []*rapid.Generator[any]{near, near})
		c.hold(t, call(t, "TIMESTAMPDIFF", textLiteral(unit), c.ref(0), c.ref(1)), func(row []any) string {
			if row[0] == nil || row[1] == nil {
				return "NULL"
			}
			a, b := at(row[0]), at(row[1])
			if m := unitMonths[unit]; m > 0 {
				sign := 1
				if b.Before(a) {
					a, b, sign = b, a, -1
				}
				n := 0
				for !addMonths(a, n+1).After(b) {
					n++
				}
				return fmt.Sprint(sign * (n / m))
			}
			return fmt.Sprint(int64(b.Sub(a) / unitStep[unit]))
		})
	})
}

// TestExtract holds the parts of timestamps to package time.
func TestExtract(t *testing.T) {
	parts := map[string]func(t time.Time) int64{
		"YEAR": func(t time.Time) int64 { return int64(t.Year()) }, "MONTH": func(t time.Time) int64 { return int64(t.Month()) },
		"QUARTER": func(t time.Time) int64 { return int64(t.Month()+2) / 3 }, "DAY": func(t time.Time) int64 { return int64(t.Day()) },
		"HOUR": func(t time.Time) int64 { return int64(t.Hour()) }, "MINUTE": func(t time.Time) int64 { return int64(t.Minute()) },
		"SECOND": func(t time.Time) int64 { return int64(t.Second()) }, "MILLISECOND": func(t time.Time) int64 { return int64(t.Nanosecond() / 1e6) },
		"DOY": func(t time.Time) int64 { return int64(t.YearDay()) }, "DOW": func(t time.Time) int64 { return int64(t.Weekday()) + 1 },
		"ISODOW": func(t time.Time) int64 { return int64(t.Weekday()+6)%7 + 1 }, "WEEK": func(t time.Time) int64 { _, w := t.ISOWeek(); return int64(w) },
		"ISOYEAR": func(t time.Time) int64 { y, _ := t.ISOWeek(); return int64(y) }, "EPOCH": func(t time.Time) int64 { return t.Unix() },
		"CENTURY": func(t time.Time) int64 { return int64(t.Year()+99) / 100 }, "MILLENNIUM": func(t time.Time) int64 { return int64(t.Year()+999) / 1000 },
		"DECADE": func(t time.Time) int64 { return int64(t.Year() / 10) },
	}
	var names []string
	for n := range parts {
		names = append(names, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom(names).Draw(t, "unit")
		c := draw(t, []types.Type{stamp(3)}, []*rapid.Generator[any]{millis()})
		c.hold(t, call(t, "EXTRACT", textLiteral(unit), c.ref(0)), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			return fmt.Sprint(parts[unit](at(row[0])))
		})
	})
}

// TestFloorTime holds FLOOR and CEIL to units: the start of the unit, and the next
// one if the time lies behind its start. CEIL to weeks and more looks at the date
// alone.
func TestFloorTime(t *testing.T) {
	start := func(t time.Time, unit string) time.Time {
		y, m, d := t.Date()
		switch unit {
		case "YEAR":
			m, d = 1, 1
		case "QUARTER":
			m, d = (m-1)/3*3+1, 1
		case "MONTH":
			d = 1
		case "WEEK":
			d -= int(t.Weekday())
		case "HOUR", "MINUTE", "SECOND":
			return t.Truncate(unitStep[unit])
		}
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom(addUnits).Draw(t, "unit")
		ceil := rapid.Bool().Draw(t, "ceil")
		c := draw(t, []types.Type{stamp(3)}, []*rapid.Generator[any]{millis()})
		name := "FLOOR"
		if ceil {
			name = "CEIL"
		}
		c.hold(t, call(t, name, c.ref(0), textLiteral(unit)), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			x := at(row[0])
			s := start(x, unit)
			if !ceil {
				return stampText(s)
			}
			m := unitMonths[unit]
			if m > 0 || unit == "WEEK" {
				x = start(x, "DAY")
			}
			switch {
			case s.Equal(x):
				return stampText(x)
			case m > 0:
				return stampText(s.AddDate(0, m, 0))
			}
			return stampText(s.Add(unitStep[unit]))
		})
	})
}

// TestDatePatterns holds DATE_FORMAT to package time, and TO_TIMESTAMP to reading
// back what was written.
func TestDatePatterns(t *testing.T) {
	fields := []struct{ java, golang string }{
		{"yyyy", "2006"}, {"MM", "01"}, {"M", "1"}, {"dd", "02"}, {"d", "2"}, {"HH", "15"}, {"mm", "04"}, {"ss", "05"}, {"SSS", "000"},
		{"MMM", "Jan"}, {"MMMM", "January"}, {"EEE", "Mon"}, {"EEEE", "Monday"}, {"hh", "03"}, {"h", "3"}, {"a", "PM"}, {"yy", "06"}, {"DDD", "002"},
	}
	rapid.Check(t, func(t *rapid.T) {
		var java strings.Builder
		var shows []string
		for range rapid.IntRange(1, 5).Draw(t, "fields") {
			f := rapid.SampledFrom(fields).Draw(t, "field")
			java.WriteString(f.java + " ")
			shows = append(shows, f.golang)
		}
		c := draw(t, []types.Type{stamp(3)}, []*rapid.Generator[any]{millis()})
		c.hold(t, call(t, "DATE_FORMAT", c.ref(0), textLiteral(java.String())), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			var out strings.Builder
			for _, f := range shows {
				if f == "000" {
					fmt.Fprintf(&out, "%03d ", at(row[0]).Nanosecond()/1e6)
				} else {
					out.WriteString(at(row[0]).Format(f) + " ")
				}
			}
			return out.String()
		})
		pattern := rapid.SampledFrom([]string{"yyyy-MM-dd HH:mm:ss.SSS", "yyyyMMddHHmmssSSS", "dd.MM.yyyy 'at' hh:mm:ss.SSS a", "yyyy/DDD HH:mm:ss.SSS", "MMM d, yyyy HH:mm:ss.SSS"}).Draw(t, "pattern")
		written := call(t, "DATE_FORMAT", c.ref(0), textLiteral(pattern))
		c.hold(t, call(t, "TO_TIMESTAMP", written, textLiteral(pattern)), func(row []any) string {
			if row[0] == nil {
				return "NULL"
			}
			return stampText(at(row[0]))
		})
	})
}
