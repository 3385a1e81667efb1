package function

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// MaxPrecision is the most digits a DECIMAL has.
const MaxPrecision = 38

// AsDecimal returns the DECIMAL that holds every value of an exact numeric type.
func AsDecimal(t types.Type) types.Type {
	d := types.Type{Kind: types.Decimal, NotNull: t.NotNull}
	switch t.Kind {
	case types.TinyInt:
		d.Prec = 3
	case types.SmallInt:
		d.Prec = 5
	case types.Int:
		d.Prec = 10
	case types.BigInt:
		d.Prec = 19
	default:
		d.Prec, d.Scale = t.Prec, t.Scale
	}
	return d
}

// adjust makes a DECIMAL of precision p and scale s. Beyond 38 digits the scale
// gives way, down to 6.
func adjust(p, s int) types.Type {
	if p > MaxPrecision {
		s = max(MaxPrecision-(p-s), min(s, 6))
		p = MaxPrecision
	}
	return types.DecimalT(p, s)
}

// Arith gives the type of a op b; op is one of + - * / %. Numbers, date-times with
// intervals, and intervals with each other and with numbers have one.
func Arith(op string, a, b types.Type) (types.Type, error) {
	t, ok := arith(op, a, b)
	if !ok {
		return types.Type{}, diag.New(diag.TypeMismatch, "cannot apply %q to %s and %s", op, a.Nullable(true), b.Nullable(true)).
			WithHint("%s", arithHint(op, a, b))
	}
	t.NotNull = a.NotNull && b.NotNull && !(t.Kind == types.Decimal && canOverflow(op, a, b))
	t.Attr = types.NotTime
	return t, nil
}

// canOverflow reports whether decimal arithmetic may give a value that does not
// fit and therefore becomes NULL.
func canOverflow(op string, a, b types.Type) bool {
	a, b = AsDecimal(a), AsDecimal(b)
	p, _ := decimalRule(op, a, b)
	return p > MaxPrecision
}

func arith(op string, a, b types.Type) (types.Type, bool) {
	if a.Kind == types.Null && b.Kind == types.Null {
		return types.IntT, true
	}
	if a.Kind == types.Null {
		return nullArith(op, b, a)
	}
	if b.Kind == types.Null {
		return nullArith(op, a, b)
	}
	switch {
	case a.IsNumeric() && b.IsNumeric():
		return numericArith(op, a, b), true
	case a.IsTemporal() && b.IsInterval() && (op == "+" || op == "-"):
		return a, true // DATE stays DATE, whatever the interval
	case a.IsInterval() && b.IsTemporal() && op == "+":
		return b, true
	case a.IsInterval() && b.IsInterval() && a.Kind == b.Kind && (op == "+" || op == "-"):
		return widestInterval(a, b), true
	case a.IsInterval() && b.IsNumeric() && (op == "*" || op == "/"):
		return a, true
	case a.IsNumeric() && b.IsInterval() && op == "*":
		return b, true
	}
	return types.Type{}, false
}

// nullArith types an operation with a bare NULL: as if NULL had the other type.
func nullArith(op string, t, null types.Type) (types.Type, bool) {
	if t.IsNumeric() {
		return numericArith(op, t, t), true
	}
	if t.IsTemporal() || t.IsInterval() {
		return t, op == "+" || op == "-"
	}
	return types.Type{}, false
}

func numericArith(op string, a, b types.Type) types.Type {
	switch {
	case a.IsApprox() || b.IsApprox():
		return leastNumeric(a, b).Plain()
	case a.IsInteger() && b.IsInteger():
		if op == "%" || b.Kind > a.Kind {
			return types.Type{Kind: b.Kind}
		}
		return types.Type{Kind: a.Kind}
	}
	if op == "%" && AsDecimal(a).Scale == 0 && AsDecimal(b).Scale == 0 {
		return b.Plain()
	}
	p, s := decimalRule(op, AsDecimal(a), AsDecimal(b))
	return adjust(p, s)
}

// decimalRule gives precision and scale of a op b before they are brought into
// bounds.
func decimalRule(op string, a, b types.Type) (p, s int) {
	p1, s1, p2, s2 := a.Prec, a.Scale, b.Prec, b.Scale
	switch op {
	case "*":
		return p1 + p2 + 1, s1 + s2
	case "/":
		s = max(6, s1+p2+1)
		return p1 - s1 + s2 + s, s
	case "%":
		s = max(s1, s2)
		return min(p1-s1, p2-s2) + s, s
	default:
		s = max(s1, s2)
		return max(p1-s1, p2-s2) + s + 1, s
	}
}

// widestInterval gives the interval type that has the units of both.
func widestInterval(a, b types.Type) types.Type {
	t := a
	last := func(u types.IntervalUnits) types.Unit {
		if u.To == types.NoUnit {
			return u.From
		}
		return u.To
	}
	from := min(a.Units.From, b.Units.From)
	to := max(last(a.Units), last(b.Units))
	t.Units = types.IntervalUnits{From: from, To: to, Lead: max(a.Units.Lead, b.Units.Lead)}
	if from == to {
		t.Units.To = types.NoUnit
	}
	t.Prec = max(a.Prec, b.Prec)
	return t
}
