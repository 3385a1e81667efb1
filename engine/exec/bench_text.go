package exec

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// ParseRows makes a batch of lines such as "+I[Bob, 5]", the kind being optional
// ("[Bob, 5]" inserts). Values are separated by ", ". NULL is NULL; timestamps are
// "2021-03-28 00:00:00.000", "08:05" or "08:05:01.5" on the first day of 1970, or
// ticks. Nested types are not read. A line "wm 5000" sets a mark in milliseconds.
// It is for tests and panics on text it does not understand.
func ParseRows(ts []types.Type, lines ...string) *batch.Batch {
	bb := batch.NewBatchBuilder(ts...)
	type mark struct {
		pos int
		wm  int64
	}
	var marks []mark
	for _, line := range lines {
		if wm, ok := strings.CutPrefix(line, "wm "); ok {
			marks = append(marks, mark{bb.Len(), parseTime(types.TimestampT(3), wm)})
			continue
		}
		kind := batch.Insert
		for k := batch.Insert; k <= batch.Delete; k++ {
			if rest, ok := strings.CutPrefix(line, k.String()); ok {
				kind, line = k, rest
			}
		}
		line = strings.TrimSuffix(strings.TrimPrefix(line, "["), "]")
		cells := strings.Split(line, ", ")
		if len(ts) == 0 {
			cells = nil
		}
		if len(cells) != len(ts) {
			panic(fmt.Sprintf("row %q has %d values, want %d", line, len(cells), len(ts)))
		}
		for i, cell := range cells {
			parseCell(bb.Col(i), ts[i], cell)
		}
		bb.EndRow(kind)
	}
	b := bb.Finish()
	for _, m := range marks {
		b.AddMark(m.pos, m.wm)
	}
	return b
}

func parseCell(c *batch.Builder, t types.Type, s string) {
	if s == "NULL" {
		c.AppendNull()
		return
	}
	switch {
	case t.Kind == types.Boolean:
		c.AppendBool(s == "true")
	case t.IsInteger() || t.IsInterval():
		v, err := strconv.ParseInt(s, 10, 64)
		must(err)
		c.AppendInt(v)
	case t.IsApprox():
		v, err := strconv.ParseFloat(s, 64)
		must(err)
		c.AppendFloat(v)
	case t.Kind == types.Decimal:
		c.AppendDec(parseDec(s, t.Scale))
	case t.Kind == types.Date:
		d, err := time.Parse(time.DateOnly, s)
		must(err)
		c.AppendInt(d.Unix() / 86400)
	case t.Kind == types.Time:
		c.AppendInt(parseTime(types.TimestampT(3), s))
	case t.IsTimestamp():
		c.AppendInt(parseTime(t, s))
	case t.Phys() == types.PhysBytes:
		c.AppendString(s)
	default:
		panic("no text form for " + t.String())
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func parseTime(t types.Type, s string) int64 {
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "15:04:05", "15:04"} {
		if at, err := time.Parse(layout, s); err == nil {
			if layout[0] == '1' {
				at = at.AddDate(1970, 0, 0)
			}
			return at.Unix()*t.PerSecond() + int64(at.Nanosecond())/(1_000_000_000/t.PerSecond())
		}
	}
	panic("not a time: " + s)
}

func parseDec(s string, scale int) batch.Dec {
	whole, frac, _ := strings.Cut(s, ".")
	v, ok := new(big.Int).SetString(whole+frac+strings.Repeat("0", scale-len(frac)), 10)
	if !ok {
		panic("not a decimal: " + s)
	}
	lo := new(big.Int).And(v, new(big.Int).SetUint64(^uint64(0)))
	return batch.Dec{Hi: new(big.Int).Rsh(v, 64).Int64(), Lo: lo.Uint64()}
}

// Lines gives the rows of a batch as text, in order.
func Lines(b *batch.Batch) []string {
	out := make([]string, 0, b.Rows())
	for i := range b.Rows() {
		l := b.Lane(i)
		cells := make([]string, len(b.Cols))
		for j := range b.Cols {
			cells[j] = CellText(&b.Cols[j], l)
		}
		out = append(out, b.Kind(l).String()+"["+strings.Join(cells, ", ")+"]")
	}
	return out
}

// CellText is one value as Lines writes it.
func CellText(c *batch.Col, lane int) string { return anyText(c.Type, c.Any(lane)) }

func anyText(t types.Type, v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if t.Kind == types.Float {
			return strconv.FormatFloat(v, 'g', -1, 32)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return v
	case int64:
		return intText(t, v)
	case batch.Dec:
		n := new(big.Int).Lsh(big.NewInt(v.Hi), 64)
		return decText(n.Add(n, new(big.Int).SetUint64(v.Lo)).String(), t.Scale)
	case []any:
		return listText(t, v)
	}
	return fmt.Sprint(v)
}

func listText(t types.Type, v []any) string {
	parts := []string{}
	switch t.Kind {
	case types.Row:
		for i, x := range v {
			parts = append(parts, anyText(t.Fields[i].Type, x))
		}
		return "(" + strings.Join(parts, ", ") + ")"
	case types.Array:
		for _, x := range v {
			parts = append(parts, anyText(*t.Elem, x))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	for i := 0; i+1 < len(v); i += 2 {
		parts = append(parts, anyText(batch.KidType(t, 0), v[i])+"="+anyText(batch.KidType(t, 1), v[i+1]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func intText(t types.Type, v int64) string {
	switch {
	case t.Kind == types.Decimal:
		return decText(strconv.FormatInt(v, 10), t.Scale)
	case t.Kind == types.Date:
		return time.Unix(v*86400, 0).UTC().Format(time.DateOnly)
	case t.Kind == types.Time:
		return time.UnixMilli(v).UTC().Format("15:04:05.000")
	case t.IsTimestamp():
		per := t.PerSecond()
		sec := floorDiv(v, per)
		at := time.Unix(sec, (v-sec*per)*(1_000_000_000/per)).UTC()
		if t.Prec == 0 {
			return at.Format(time.DateTime)
		}
		return at.Format("2006-01-02 15:04:05." + strings.Repeat("0", t.Prec))
	}
	return strconv.FormatInt(v, 10)
}

func decText(digits string, scale int) string {
	if scale == 0 {
		return digits
	}
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	if pad := scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	cut := len(digits) - scale
	return sign + digits[:cut] + "." + digits[cut:]
}
