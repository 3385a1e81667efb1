package harness

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/types"
)

// drawing draws values of a type.
type drawing struct {
	r     *rand.Rand
	typ   types.Type
	start time.Time
	pick  func() int // the number of a key
}

func drawn(format string, args ...any) (Cell, bool) {
	return Cell{Text: fmt.Sprintf(format, args...)}, true
}

// number is the value of a type that stands for a number: the same number, the same value.
func (d *drawing) number(n int) Cell {
	switch t := d.typ; t.Kind {
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		return Cell{Text: ending("k"+strconv.Itoa(n), t.Prec)}
	case types.Boolean:
		return Cell{Text: strconv.FormatBool(n%2 == 1)}
	case types.TinyInt:
		return Cell{Text: strconv.Itoa(n % 128)}
	case types.Date:
		return Cell{Text: d.start.AddDate(0, 0, n).Format(time.DateOnly)}
	case types.Time:
		return Cell{Text: fmt.Sprintf("%02d:%02d:%02d", n/3600%24, n/60%60, n%60)}
	case types.Timestamp, types.TimestampLTZ:
		return Cell{Text: d.start.Add(time.Duration(n) * time.Second).Format(time.DateTime)}
	case types.Decimal:
		return Cell{Text: strconv.Itoa(n % int(min(math.Pow10(t.Prec-t.Scale), 1e9)))}
	}
	return Cell{Text: strconv.Itoa(n)}
}

// ending keeps the end of a text that is longer than a type takes.
func ending(s string, most int) string {
	if most > 0 && len(s) > most {
		return s[len(s)-most:]
	}
	return s
}

// value is an ordinary value: mostly one that many rows share, else one from a wide range.
// It is false for types without one.
func (d *drawing) value() (Cell, bool) {
	switch t := d.typ; t.Kind {
	case types.Row, types.Array, types.Map:
		v, ok := d.json()
		if !ok {
			return Cell{}, false
		}
		line, err := json.Marshal(v)
		return Cell{Text: string(line)}, err == nil
	case types.Float, types.Double:
		// Quarters: sums of them are exact, so that no order of rows gives another.
		return drawn("%g", float64(d.pick()-2)/4)
	case types.Decimal:
		if t.Scale > 0 && t.Prec-t.Scale >= 2 {
			return drawn("%d.%0*d", d.r.IntN(100), t.Scale, d.r.IntN(int(min(math.Pow10(t.Scale), 1e9))))
		}
	case types.SmallInt, types.Int, types.BigInt:
		if d.r.IntN(4) == 0 {
			return drawn("%d", d.r.IntN(2001)-1000)
		}
	case types.Boolean, types.TinyInt, types.Char, types.VarChar, types.Binary, types.VarBinary,
		types.Date, types.Time, types.Timestamp, types.TimestampLTZ:
	default:
		return Cell{}, false
	}
	return d.number(d.pick()), true
}

// edge is a value at an edge of the type, false where it has none of interest.
func (d *drawing) edge() (Cell, bool) {
	list := edges(d.typ)
	if len(list) == 0 {
		return Cell{}, false
	}
	c := Cell{Text: list[d.r.IntN(len(list))]}
	c.Quoted = d.typ.Kind == types.VarChar || d.typ.Kind == types.Char
	return c, true
}

// edges are the values of a type at which programs go wrong. Sums of the largest floating
// numbers hang on the order of rows, so there are only such as do not.
func edges(t types.Type) []string {
	switch t.Kind {
	case types.TinyInt:
		return []string{"-128", "127", "0"}
	case types.SmallInt:
		return []string{"-32768", "32767", "0"}
	case types.Int:
		return []string{"-2147483648", "2147483647", "0", "-1"}
	case types.BigInt:
		return []string{"-9223372036854775808", "9223372036854775807", "0", "-1"}
	case types.Float, types.Double:
		return []string{"0", "-0.0", "-1048576", "1048576.5"}
	case types.Decimal:
		most, least := strings.Repeat("9", t.Prec-t.Scale), "0"
		if most == "" {
			most = "0"
		}
		if t.Scale > 0 {
			most += "." + strings.Repeat("9", t.Scale)
			least = "0." + strings.Repeat("0", t.Scale-1) + "1"
		}
		return []string{most, "-" + most, least, "0"}
	case types.Char, types.VarChar:
		return edgeTexts(t.Prec)
	case types.Date:
		return []string{"0001-01-01", "1969-12-31", "1970-01-01", "2020-02-29", "9999-12-31"}
	case types.Time:
		return []string{"00:00:00", "23:59:59"}
	case types.Timestamp, types.TimestampLTZ:
		return []string{"1969-12-31 23:59:59", "1970-01-01 00:00:00", "2020-02-29 00:00:00", "9999-12-30 23:59:59"}
	}
	return nil
}

// edgeTexts are texts that fit a length: empty, with spaces, quotes, bars, more bytes than
// characters, and long.
func edgeTexts(most int) []string {
	var out []string
	for _, s := range []string{"", " ", "it's", "a|b", "NULL", "ß", "€", "𝄞", "Ünïcode", strings.Repeat("x", min(most, 300))} {
		if len([]rune(s)) <= most {
			out = append(out, s)
		}
	}
	return out
}

// between draws a number from low to high, with as many digits behind the point as they
// are written with.
func (d *drawing) between(low, high string) (Cell, bool) {
	scale := 0
	for _, s := range []string{low, high} {
		if _, behind, ok := strings.Cut(s, "."); ok {
			scale = max(scale, len(behind))
		}
	}
	a, okA := scaled(low, scale)
	b, okB := scaled(high, scale)
	if !okA || !okB || b < a || b-a < 0 || b-a == math.MaxInt64 {
		return Cell{}, false
	}
	n := a + d.r.Int64N(b-a+1)
	if scale == 0 {
		return Cell{Text: strconv.FormatInt(n, 10)}, true
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	digits := fmt.Sprintf("%0*d", scale+1, n)
	return Cell{Text: sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]}, true
}

// scaled reads a number as a whole number of units of its last digit.
func scaled(s string, scale int) (int64, bool) {
	whole, behind, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole+behind+strings.Repeat("0", scale-len(behind)), 10, 64)
	return n, err == nil && s != ""
}

// time is a moment as the type writes it; of a number, milliseconds of the epoch.
func (d *drawing) time(at time.Time, zone *time.Location) Cell {
	switch d.typ.Kind {
	case types.TimestampLTZ:
		at = at.In(zone)
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt:
		return Cell{Text: strconv.FormatInt(at.UnixMilli(), 10)}
	}
	form := time.DateTime
	if d.typ.Kind == types.Date {
		form = time.DateOnly
	} else if d.typ.Prec > 0 {
		form += "." + strings.Repeat("0", min(3, d.typ.Prec))
	}
	return Cell{Text: at.Format(form)}
}

// json is a value within a nested one.
func (d *drawing) json() (any, bool) {
	switch t := d.typ; t.Kind {
	case types.Row:
		out := map[string]any{}
		for _, f := range t.Fields {
			v, ok := d.within(f.Type)
			if !ok {
				return nil, false
			}
			out[f.Name] = v
		}
		return out, true
	case types.Array:
		out := []any{}
		for range d.r.IntN(4) {
			v, ok := d.within(*t.Elem)
			if !ok {
				return nil, false
			}
			out = append(out, v)
		}
		return out, true
	case types.Map:
		if k := t.Key.Kind; k != types.VarChar && k != types.Char {
			return nil, false
		}
		out := map[string]any{}
		for range d.r.IntN(4) {
			v, ok := d.within(*t.Elem)
			if !ok {
				return nil, false
			}
			out["k"+strconv.Itoa(d.pick())] = v
		}
		return out, true
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt, types.Float, types.Double, types.Decimal, types.Boolean:
		c, ok := d.value()
		return json.RawMessage(c.Text), ok
	case types.Binary, types.VarBinary:
		return nil, false
	}
	c, ok := d.value()
	return c.Text, ok
}

func (d *drawing) within(t types.Type) (any, bool) {
	if !t.NotNull && d.r.IntN(20) == 0 {
		return nil, true
	}
	inner := *d
	inner.typ = t
	return inner.json()
}
