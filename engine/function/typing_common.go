package function

import (
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// CommonType gives the type that values of all of ts can have together, as in
// COALESCE, GREATEST and IN. It is nullable if one of them is.
func CommonType(ts ...types.Type) (types.Type, error) { return commonType(ts, commonNumeric) }

// CoalesceType is CommonType as COALESCE and IFNULL have it: a date or a time of day
// beside a timestamp makes it one, as an implicit cast does.
func CoalesceType(ts ...types.Type) (types.Type, error) {
	part := types.Type{}
	for _, t := range ts {
		if t.Kind == types.Date || t.Kind == types.Time {
			part = t.Plain()
		}
	}
	if part.Kind == types.Invalid {
		return CommonType(ts...)
	}
	as := make([]types.Type, len(ts))
	for i, t := range ts {
		if as[i] = t; t.Kind == types.Timestamp {
			as[i] = part.Nullable(!t.NotNull)
		}
	}
	return CommonType(as...)
}

// LeastType is CommonType as UNION, VALUES, CASE, ARRAY[...] and MAP[...] have it: of
// FLOAT and DOUBLE the one that comes first, as Calcite's least restrictive type, to
// which both are as precise.
func LeastType(ts ...types.Type) (types.Type, error) { return commonType(ts, leastNumeric) }

// numberRule gives the common type of two numeric types.
type numberRule func(a, b types.Type) types.Type

func commonType(ts []types.Type, numbers numberRule) (types.Type, error) {
	if len(ts) == 0 {
		return types.NullT, nil
	}
	t := ts[0].Plain()
	for _, u := range ts[1:] {
		c, ok := numbers.common(t, u.Plain())
		if !ok {
			return types.Type{}, diag.New(diag.TypeMismatch, "%s and %s have no common type", t.Nullable(true), u.Nullable(true)).
				WithHint("CAST one of the two, as in CAST(a AS STRING)")
		}
		t = c
	}
	return t, nil
}

func (n numberRule) common(a, b types.Type) (types.Type, bool) {
	t, ok := n.common2(a, b)
	t.NotNull = a.NotNull && b.NotNull
	return t, ok
}

func (n numberRule) common2(a, b types.Type) (types.Type, bool) {
	switch {
	case a.Kind == types.Null:
		return b, true
	case b.Kind == types.Null:
		return a, true
	case types.SameIgnoringNull(a, b):
		return mergeNullability(a, b), true
	case a.IsString() && b.IsString():
		return types.VarCharT(max(a.Prec, b.Prec)), true
	case a.IsBinary() && b.IsBinary():
		return types.Type{Kind: types.VarBinary, Prec: max(a.Prec, b.Prec)}, true
	case a.IsNumeric() && b.IsNumeric():
		return n(a, b), true
	case a.Kind == types.Time && b.Kind == types.Time:
		return types.Type{Kind: types.Time, Prec: max(a.Prec, b.Prec)}, true
	case a.IsTimestamp() && b.IsTimestamp():
		if a.Kind == types.TimestampLTZ || b.Kind == types.TimestampLTZ {
			return types.TimestampLTZT(max(a.Prec, b.Prec)), true
		}
		return types.TimestampT(max(a.Prec, b.Prec)), true
	case a.IsInterval() && a.Kind == b.Kind:
		return widestInterval(a, b), true
	case a.Kind == b.Kind && a.IsNested():
		return n.commonNested(a, b)
	}
	return types.Type{}, false
}

func commonNumeric(a, b types.Type) types.Type {
	switch {
	case a.Kind == types.Double || b.Kind == types.Double:
		return types.DoubleT
	case a.Kind == types.Float || b.Kind == types.Float:
		if a.Kind == types.Decimal || b.Kind == types.Decimal {
			return types.DoubleT
		}
		return types.FloatT
	case a.Kind == types.Decimal || b.Kind == types.Decimal:
		a, b = AsDecimal(a), AsDecimal(b)
		whole := max(a.Prec-a.Scale, b.Prec-b.Scale)
		s := min(max(a.Scale, b.Scale), MaxPrecision-whole) // digits before the point come first
		return types.DecimalT(whole+s, s)
	case a.Kind > b.Kind:
		return a
	}
	return b
}

func leastNumeric(a, b types.Type) types.Type {
	if a.IsApprox() && b.IsApprox() {
		return a
	}
	return commonNumeric(a, b)
}

func (n numberRule) commonNested(a, b types.Type) (types.Type, bool) {
	out := a
	if a.Elem != nil {
		e, ok := n.common(*a.Elem, *b.Elem)
		if !ok {
			return out, false
		}
		out.Elem = &e
	}
	if a.Key != nil {
		k, ok := n.common(*a.Key, *b.Key)
		if !ok {
			return out, false
		}
		out.Key = &k
	}
	if a.Kind == types.Row {
		if len(a.Fields) != len(b.Fields) {
			return out, false
		}
		out.Fields = make([]types.Field, len(a.Fields))
		for i := range a.Fields {
			f, ok := n.common(a.Fields[i].Type, b.Fields[i].Type)
			if !ok {
				return out, false
			}
			out.Fields[i] = types.Field{Name: a.Fields[i].Name, Type: f, Comment: a.Fields[i].Comment}
		}
	}
	if a.Class != b.Class {
		return out, false
	}
	return out, true
}

// mergeNullability returns a with the parts nullable that are nullable in b; a and
// b are the same type otherwise.
func mergeNullability(a, b types.Type) types.Type {
	out := a
	out.NotNull = a.NotNull && b.NotNull
	if a.Elem != nil {
		e := mergeNullability(*a.Elem, *b.Elem)
		out.Elem = &e
	}
	if a.Key != nil {
		k := mergeNullability(*a.Key, *b.Key)
		out.Key = &k
	}
	if len(a.Fields) > 0 {
		out.Fields = make([]types.Field, len(a.Fields))
		for i := range a.Fields {
			out.Fields[i] = a.Fields[i]
			out.Fields[i].Type = mergeNullability(a.Fields[i].Type, b.Fields[i].Type)
		}
	}
	return out
}

// CompareType gives the type two values are brought to before they are compared.
// With order, the type must have an order and not only equality. Text beside a
// date-time is read as one. Numbers and text meet where they are ordered, as
// numbers; Flink does not compare them with = and <>.
func CompareType(a, b types.Type, order bool) (types.Type, error) {
	return meet(a, b, order, order)
}

// InType is CompareType for IN, where text beside a number is read as one.
func InType(a, b types.Type) (types.Type, error) { return meet(a, b, false, true) }

func meet(a, b types.Type, order, numbers bool) (types.Type, error) {
	t, ok := compareType(a, b, numbers)
	if ok && (!HasEquality(t) || order && (t.IsNested() || t.Kind == types.Bitmap)) {
		ok = false
	}
	if !ok {
		hint := "CAST one side to the type of the other"
		if a.Kind == types.Date && b.IsTimestamp() || b.Kind == types.Date && a.IsTimestamp() {
			hint = "CAST(d AS TIMESTAMP(3)) is the moment at which a day begins, CAST(ts AS DATE) the day of a moment"
		}
		return types.Type{}, diag.New(diag.TypeMismatch, "cannot compare %s with %s", a.Nullable(true), b.Nullable(true)).WithHint("%s", hint)
	}
	return t.Nullable(true), nil
}

func compareType(a, b types.Type, numbers bool) (types.Type, bool) {
	a, b = a.Plain(), b.Plain()
	switch {
	case b.IsString() && (a.IsTemporal() || numbers && a.IsNumeric()):
		return a, true
	case a.IsString() && (b.IsTemporal() || numbers && b.IsNumeric()):
		return b, true
	}
	if a.IsExact() && b.IsExact() && (a.Kind == types.Decimal || b.Kind == types.Decimal) {
		a, b = AsDecimal(a), AsDecimal(b)
		s := max(a.Scale, b.Scale) // what is compared keeps its digits
		return adjust(max(a.Prec-a.Scale, b.Prec-b.Scale)+s, s), true
	}
	return numberRule(commonNumeric).common(a, b)
}

// HasEquality reports whether values of t have an equality.
func HasEquality(t types.Type) bool {
	switch t.Kind {
	case types.Variant, types.Descriptor:
		return false
	}
	for _, f := range t.Fields {
		if !HasEquality(f.Type) {
			return false
		}
	}
	return (t.Elem == nil || HasEquality(*t.Elem)) && (t.Key == nil || HasEquality(*t.Key))
}
