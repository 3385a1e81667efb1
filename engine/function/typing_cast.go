package function

import "github.com/minkstream/mink/engine/types"

// CanCast reports whether a value of type from can become one of type to: with
// explicit, by CAST and TRY_CAST; without, by itself, as for the arguments of
// functions and the columns of sinks. Nullability is not looked at.
func CanCast(from, to types.Type, explicit bool) bool {
	if from.Kind == types.Null {
		return to.Kind != types.Descriptor
	}
	if types.SameIgnoringNull(from, to) {
		return true
	}
	if from.IsNested() && from.Kind == to.Kind {
		return castNested(from, to, explicit)
	}
	if explicit {
		return castExplicit(from, to)
	}
	return castImplicit(from, to)
}

// MayFail reports whether CAST of some value of type from to type to is an error.
func MayFail(from, to types.Type) bool {
	switch {
	case types.SameIgnoringNull(from, to):
		return false
	case from.IsString():
		return !to.IsString() && !to.IsBinary()
	case from.IsBinary() && to.IsString():
		return true // bytes that are no UTF-8
	case from.Kind == types.Variant:
		return true
	case from.IsTimestamp() && to.IsTimestamp():
		return to.PerSecond() > from.PerSecond() && to.Prec > 6
	case from.Kind == types.Date && to.IsTimestamp():
		return to.Prec > 6
	case from.IsNested() && from.Kind == to.Kind:
		if from.Elem != nil && MayFail(*from.Elem, *to.Elem) {
			return true
		}
		if from.Key != nil && MayFail(*from.Key, *to.Key) {
			return true
		}
		for i := range from.Fields {
			if MayFail(from.Fields[i].Type, to.Fields[i].Type) {
				return true
			}
		}
	}
	return false
}

// CastNullable reports whether CAST of a non-null value of type from to type to
// may give NULL: a number that does not fit a DECIMAL.
func CastNullable(from, to types.Type) bool {
	if from.Kind == types.Variant {
		return to.Kind != types.Variant
	}
	if to.Kind != types.Decimal {
		return false
	}
	switch {
	case from.IsApprox():
		return true
	case from.IsExact():
		d := AsDecimal(from)
		return d.Prec-d.Scale > to.Prec-to.Scale || d.Scale > to.Scale && d.Prec-d.Scale >= to.Prec-to.Scale
	}
	return false
}

func castNested(from, to types.Type, explicit bool) bool {
	if from.Elem != nil && !CanCast(*from.Elem, *to.Elem, explicit) {
		return false
	}
	if from.Key != nil && !CanCast(*from.Key, *to.Key, explicit) {
		return false
	}
	if (from.Class == "") != (to.Class == "") { // of classes that are nowhere, Flink takes one for the other
		return false
	}
	if len(from.Fields) != len(to.Fields) {
		return false
	}
	for i := range from.Fields {
		if !CanCast(from.Fields[i].Type, to.Fields[i].Type, explicit) {
			return false
		}
	}
	return true
}

func castImplicit(from, to types.Type) bool {
	switch {
	case from.IsString() && to.IsString(), from.IsBinary() && to.IsBinary():
		return true
	case from.IsInteger() && to.IsInteger():
		return from.Kind <= to.Kind
	case from.IsNumeric() && (to.Kind == types.Decimal || to.Kind == types.Double):
		return true
	case from.IsExact() && to.Kind == types.Float:
		return true
	case from.IsTimestamp():
		return to.IsTimestamp() || from.Kind == types.Timestamp && (to.Kind == types.Date || to.Kind == types.Time)
	case from.Kind == to.Kind:
		return from.Kind != types.Raw && from.Kind != types.Row
	}
	return false
}

func castExplicit(from, to types.Type) bool {
	switch {
	case to.IsString():
		return from.Kind != types.Variant && from.Kind != types.Descriptor
	case from.IsString():
		return !to.IsNested() && !to.IsInterval() && to.Kind != types.Variant && to.Kind != types.Bitmap && to.Kind != types.Raw
	case from.IsBinary():
		return to.IsBinary()
	case from.Kind == types.Boolean:
		return to.IsNumeric()
	case from.IsNumeric() && (to.IsNumeric() || to.Kind == types.Boolean):
		return true
	case from.IsInteger() && to.IsInterval():
		return from.Kind == types.Int && to.Kind == types.IntervalYM || from.Kind == types.BigInt && to.Kind == types.IntervalDT
	case from.IsInterval() && to.IsInteger():
		return to.Kind == types.Int || to.Kind == types.BigInt
	case from.IsInterval():
		return from.Kind == to.Kind
	case from.Kind == types.Date:
		return to.IsTimestamp()
	case from.Kind == types.Time:
		return to.Kind == types.Time || to.IsTimestamp()
	case from.IsTimestamp():
		return to.Kind == types.Date || to.Kind == types.Time || to.IsTimestamp()
	case from.Kind == types.Raw:
		return to.IsBinary()
	case from.Kind == types.Bitmap:
		return to.Kind == types.VarBinary
	case from.Kind == types.Variant:
		return to.IsNumeric() || to.Kind == types.Boolean || to.IsBinary() || to.Kind == types.Date || to.IsTimestamp()
	}
	return false
}
