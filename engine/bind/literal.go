package bind

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// constant makes a literal of type t by appending one value.
func constant(t types.Type, at diag.Span, add func(b *batch.Builder)) *expr.Literal {
	b := batch.NewBuilder(t.Nullable(false))
	add(b)
	c := b.Finish()
	return expr.NewLiteral(&c, at)
}

// text makes a CHAR literal.
func text(s string, at diag.Span) *expr.Literal {
	c := batch.ConstBytes(types.CharT(max(1, utf8.RuneCountInString(s))).Nullable(false), []byte(s))
	return &expr.Literal{Col: &c, At: at}
}

// clause makes the literal that stands for a clause of a call.
func clause(s string, at diag.Span) *expr.Literal {
	return constant(function.ClauseType(), at, func(b *batch.Builder) { b.AppendString(s) })
}

// integer makes an INT literal, or BIGINT when it is too large for INT.
func integer(v int64, at diag.Span) *expr.Literal {
	t := types.IntT
	if v != int64(int32(v)) {
		t = types.BigIntT
	}
	c := batch.ConstInt(t.Nullable(false), v)
	return &expr.Literal{Col: &c, At: at}
}

func boolean(v bool, at diag.Span) *expr.Literal {
	return constant(types.BooleanT, at, func(b *batch.Builder) { b.AppendBool(v) })
}

// literal makes the value of a literal of the statement.
func literal(l *ast.Literal) (expr.Node, error) {
	at := l.Span()
	if l.SameLine != (diag.Span{}) {
		return nil, diag.At(l.SameLine, diag.InvalidLiteral, "a string goes on on the line where the piece before it ends").
			WithHint("put || between the two, or a new line")
	}
	switch l.Kind {
	case ast.LitNull, ast.LitUnknown:
		t := types.NullT
		if l.Kind == ast.LitUnknown {
			t = types.BooleanT
		}
		return expr.NewNull(t, at), nil
	case ast.LitTrue, ast.LitFalse:
		return boolean(l.Kind == ast.LitTrue, at), nil
	case ast.LitInteger:
		v, err := strconv.ParseInt(l.Text, 10, 64)
		if err != nil {
			return decimal(l)
		}
		return integer(v, at), nil
	case ast.LitDecimal:
		return decimal(l)
	case ast.LitDouble:
		f, err := strconv.ParseFloat(l.Text, 64)
		if err != nil {
			return nil, diag.At(at, diag.NumericOverflow, "%s is outside the range of DOUBLE", l.Text)
		}
		if f == 0 {
			f = math.Abs(f) // literals are decimal numbers, which have no -0
		}
		return constant(types.DoubleT, at, func(b *batch.Builder) { b.AppendFloat(f) }), nil
	case ast.LitString:
		return text(l.Text, at), nil
	case ast.LitBytes:
		raw, err := hex.DecodeString(l.Text)
		if err != nil {
			return nil, diag.At(at, diag.InvalidLiteral, "x'%s' is not made of pairs of hexadecimal digits", l.Text)
		}
		t := types.Type{Kind: types.Binary, Prec: max(1, len(raw))}
		return constant(t, at, func(b *batch.Builder) { b.AppendBytes(raw) }), nil
	case ast.LitDate, ast.LitTime, ast.LitTimestamp:
		return temporal(l)
	}
	return nil, unsupported(at, "a literal of this kind is")
}

// decimal makes an exact number from digits with an optional point. Its precision is
// the number of digits written, zeros in front of the point among them: 0.05 is
// DECIMAL(3, 2).
func decimal(l *ast.Literal) (expr.Node, error) {
	whole, frac, _ := strings.Cut(strings.TrimSpace(l.Text), ".")
	neg := strings.HasPrefix(whole, "-")
	written := strings.TrimLeft(whole, "+-")
	whole = strings.TrimLeft(written, "0")
	digits := whole + frac
	if len(digits) > 38 {
		return nil, diag.At(l.Span(), diag.NumericOverflow, "a number has at most 38 digits, this one has %d", len(digits)).
			WithHint("write it as DOUBLE, 1e40, or as a string")
	}
	prec := min(len(written)+len(frac), 38)
	if digits == "" {
		digits = "0"
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, diag.At(l.Span(), diag.InvalidLiteral, "%q is not a number", l.Text)
	}
	if neg {
		n.Neg(n)
	}
	t := types.DecimalT(max(1, prec), len(frac))
	return constant(t, l.Span(), func(b *batch.Builder) {
		if t.Prec <= 18 {
			b.AppendInt(n.Int64())
			return
		}
		lo := new(big.Int).And(n, new(big.Int).SetUint64(1<<64-1)).Uint64()
		hi := new(big.Int).Rsh(n, 64).Int64()
		b.AppendDec(batch.Dec{Hi: hi, Lo: lo})
	}), nil
}

// temporal makes DATE, TIME and TIMESTAMP literals. Its precision is the number of
// fraction digits written.
func temporal(l *ast.Literal) (expr.Node, error) {
	at := l.Span()
	s := strings.TrimSpace(l.Text)
	base, frac, _ := strings.Cut(s, ".")
	prec := len(frac)
	nanos := int64(0)
	if prec > 9 {
		return nil, diag.At(at, diag.InvalidLiteral, "a time has at most 9 fraction digits")
	}
	if frac != "" {
		v, err := strconv.ParseUint(frac, 10, 32)
		if err != nil {
			return nil, badTime(l)
		}
		nanos = int64(v)
		for i := prec; i < 9; i++ {
			nanos *= 10
		}
	}
	switch l.Kind {
	case ast.LitDate:
		t, err := time.Parse("2006-1-2", s)
		if err != nil {
			return nil, badTime(l)
		}
		return constant(types.DateT, at, func(b *batch.Builder) { b.AppendInt(floorDiv(t.Unix(), 86400)) }), nil
	case ast.LitTime:
		t, err := time.Parse("15:4:5", base)
		if err != nil {
			return nil, badTime(l)
		}
		ms := int64(t.Hour()*3600+t.Minute()*60+t.Second())*1000 + nanos/1_000_000
		return constant(types.Type{Kind: types.Time, Prec: prec}, at, func(b *batch.Builder) { b.AppendInt(ms) }), nil
	}
	t, err := time.Parse("2006-1-2 15:4:5", strings.Replace(base, "T", " ", 1))
	if err != nil {
		if t, err = time.Parse("2006-1-2", base); err != nil {
			return nil, badTime(l)
		}
	}
	typ := types.TimestampT(prec)
	per := typ.PerSecond()
	v := t.Unix()*per + nanos/(1_000_000_000/per)
	if per == 1_000_000_000 && (t.Year() < 1678 || t.Year() > 2261) {
		return nil, diag.At(at, diag.InvalidLiteral, "a timestamp with more than 6 fraction digits lies between 1678 and 2261")
	}
	return constant(typ, at, func(b *batch.Builder) { b.AppendInt(v) }), nil
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func badTime(l *ast.Literal) error {
	what := map[ast.LiteralKind]string{
		ast.LitDate: "DATE 'yyyy-MM-dd'", ast.LitTime: "TIME 'HH:mm:ss'", ast.LitTimestamp: "TIMESTAMP 'yyyy-MM-dd HH:mm:ss'",
	}[l.Kind]
	return diag.At(l.Span(), diag.InvalidLiteral, "'%s' is not a valid value of %s", l.Text, what).
		WithHint("such as DATE '2021-02-28', TIME '10:00:00' or TIMESTAMP '2021-02-28 10:00:00'; TO_DATE and TO_TIMESTAMP read other forms")
}

// unit maps a unit of the grammar.
func unit(u ast.Unit) (types.Unit, bool) {
	switch u {
	case ast.Year:
		return types.Year, true
	case ast.Quarter:
		return types.Quarter, true
	case ast.Month:
		return types.Month, true
	case ast.Week:
		return types.Week, true
	case ast.Day:
		return types.Day, true
	case ast.Hour:
		return types.Hour, true
	case ast.Minute:
		return types.Minute, true
	case ast.Second:
		return types.Second, true
	case ast.Millisecond:
		return types.Millisecond, true
	case ast.Microsecond:
		return types.Microsecond, true
	case ast.Nanosecond:
		return types.Nanosecond, true
	}
	return types.NoUnit, false
}

// intervalType is the type an interval with these units has.
func intervalType(q ast.IntervalQualifier, at diag.Span) (types.Type, error) {
	if (q.From == ast.Decade || q.From == ast.Century || q.From == ast.Millennium) && q.To == "" {
		q.From = ast.Year
	}
	from, ok := unit(q.From)
	to := types.NoUnit
	if q.To != "" {
		var ok2 bool
		to, ok2 = unit(q.To)
		ok = ok && ok2
	}
	if !ok {
		return types.Type{}, unsupported(at, "an interval in %s is", q.From)
	}
	t := types.Type{Kind: types.IntervalDT, Prec: 3}
	switch from {
	case types.Year, types.Quarter, types.Month:
		t = types.Type{Kind: types.IntervalYM}
	}
	switch from {
	case types.Quarter:
		from = types.Month
	case types.Week:
		from = types.Day
	case types.Millisecond, types.Microsecond, types.Nanosecond:
		from = types.Second
	}
	t.Units = types.IntervalUnits{From: from, To: to}
	if q.Precision > 0 {
		t.Units.Lead = q.Precision
	}
	return t, nil
}

// perUnit is a unit in milliseconds, or in months for units of a month and more.
func perUnit(u ast.Unit) (num, den int64) {
	switch u {
	case ast.Millennium:
		return 12000, 1
	case ast.Century:
		return 1200, 1
	case ast.Decade:
		return 120, 1
	case ast.Year:
		return 12, 1
	case ast.Quarter:
		return 3, 1
	case ast.Month:
		return 1, 1
	case ast.Week:
		return 7 * 86_400_000, 1
	case ast.Day:
		return 86_400_000, 1
	case ast.Hour:
		return 3_600_000, 1
	case ast.Minute:
		return 60_000, 1
	case ast.Second:
		return 1000, 1
	case ast.Millisecond:
		return 1, 1
	case ast.Microsecond:
		return 1, 1000
	case ast.Nanosecond:
		return 1, 1_000_000
	}
	return 0, 1
}

// interval makes INTERVAL '..' units.
func interval(l *ast.IntervalLiteral) (*expr.Literal, error) {
	t, err := intervalType(l.Qualifier, l.Span())
	if err != nil {
		return nil, err
	}
	v, ok := intervalValue(strings.TrimSpace(l.Text), l.Qualifier)
	if !ok {
		return nil, diag.At(l.Span(), diag.InvalidLiteral, "'%s' is not an interval of %s", l.Text, qualifierText(l.Qualifier))
	}
	if digits := leadingDigits(l.Text); digits > max(2, l.Qualifier.Precision) && hasDigits(l.Qualifier.From) {
		return nil, diag.At(l.Span(), diag.InvalidLiteral, "the first field of an interval has 2 digits, and '%s' has %d", l.Text, digits).
			WithHint("write %s(%d)", l.Qualifier.From, digits)
	}
	if l.Negative {
		v = -v
	}
	if t.Kind == types.IntervalYM && v != int64(int32(v)) {
		return nil, diag.At(l.Span(), diag.NumericOverflow, "the interval is too long")
	}
	return constant(t, l.Span(), func(b *batch.Builder) { b.AppendInt(v) }), nil
}

// leadingDigits counts the digits of the first field of an interval, without zeros
// in front.
func leadingDigits(s string) int {
	s = strings.TrimLeft(strings.TrimSpace(s), "+-0")
	n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if n < 0 {
		n = len(s)
	}
	return n
}

// hasDigits reports the units whose number of digits is limited: those of the
// standard.
func hasDigits(u ast.Unit) bool {
	return u != ast.Millisecond && u != ast.Microsecond && u != ast.Nanosecond
}

func qualifierText(q ast.IntervalQualifier) string {
	if q.To == "" {
		return string(q.From)
	}
	return string(q.From) + " TO " + string(q.To)
}

// intervalValue reads the text of an interval, in months or milliseconds.
func intervalValue(s string, q ast.IntervalQualifier) (int64, bool) {
	sign := int64(1)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
	}
	if q.To == "" {
		whole, frac, hasFrac := strings.Cut(s, ".")
		if hasFrac && q.From != ast.Second {
			return 0, false
		}
		n, err := strconv.ParseUint(whole, 10, 40)
		if err != nil {
			return 0, false
		}
		num, den := perUnit(q.From)
		ms, ok := fraction(frac)
		return sign * (int64(n)*num/den + ms), ok
	}
	// Leading field and the ones behind it, each with its separator.
	fields := []struct {
		u   ast.Unit
		sep string
	}{{ast.Year, "-"}, {ast.Month, ""}, {ast.Day, " "}, {ast.Hour, ":"}, {ast.Minute, ":"}, {ast.Second, "."}}
	total, on := int64(0), false
	for _, f := range fields {
		if f.u == q.From {
			on = true
		}
		if !on {
			continue
		}
		part := s
		if f.u != q.To {
			var found bool
			if part, s, found = strings.Cut(s, f.sep); !found {
				return 0, false
			}
		}
		frac := ""
		if f.u == ast.Second {
			part, frac, _ = strings.Cut(part, ".")
		}
		n, err := strconv.ParseUint(part, 10, 40)
		ms, ok := fraction(frac)
		if err != nil || !ok || f.u != q.From && !inField(f.u, n) {
			return 0, false
		}
		num, _ := perUnit(f.u)
		total += int64(n)*num + ms
		if f.u == q.To {
			return sign * total, true
		}
	}
	return 0, false
}

func inField(u ast.Unit, n uint64) bool {
	switch u {
	case ast.Month:
		return n < 12
	case ast.Hour:
		return n < 24
	}
	return n < 60
}

// fraction reads fraction digits of a second as milliseconds.
func fraction(s string) (int64, bool) {
	if s == "" {
		return 0, true
	}
	if len(s) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	for i := len(s); i < 3; i++ {
		n *= 10
	}
	for i := len(s); i > 3; i-- {
		n /= 10
	}
	return int64(n), err == nil
}
