// Package types holds the SQL types: their parameters, nullability and how each
// is laid out in a column.
//
// A Type is a value; copying it is cheap and it is never changed after it was
// made. Text forms are Flink's (`DECIMAL(10, 2) NOT NULL`). Begin with Type,
// then Phys in phys.go, which is all that kernels look at.
package types

// Kind says which SQL type a Type is.
type Kind uint8

// The kinds, in Flink's order of its type page.
const (
	Invalid Kind = iota
	Null         // type of a bare NULL
	Boolean
	TinyInt
	SmallInt
	Int
	BigInt
	Float
	Double
	Decimal
	Char
	VarChar
	Binary
	VarBinary
	Date
	Time
	Timestamp
	TimestampLTZ
	IntervalYM // months, int32
	IntervalDT // milliseconds, int64
	Array
	Multiset
	Map
	Row
	Raw
	Variant
	Bitmap
	Descriptor // planning only: DESCRIPTOR(col)
)

// MaxLength is the length of STRING and BYTES.
const MaxLength = 1<<31 - 1

// TimeAttr marks a column as a time attribute of a stream.
type TimeAttr uint8

// Time attributes. Any computation on one yields an ordinary column.
const (
	NotTime TimeAttr = iota
	Rowtime
	Proctime
)

// Type is an SQL type. The zero value is invalid. Types are nullable unless
// NotNull is set.
type Type struct {
	Kind    Kind
	NotNull bool
	Attr    TimeAttr
	// Prec is the precision of DECIMAL, TIME, TIMESTAMP*, the fractional-second
	// precision of day-time intervals, and the length in code points or bytes of
	// CHAR, VARCHAR, BINARY, VARBINARY.
	Prec int
	// Scale is the scale of DECIMAL.
	Scale int
	// Units are the first and last unit of an interval, as written.
	Units IntervalUnits
	// Elem is the element of ARRAY and MULTISET and the value of MAP.
	Elem *Type
	// Key is the key of MAP.
	Key *Type
	// Fields are the fields of ROW.
	Fields []Field
	// Class names RAW and structured types; package function marks clauses of calls
	// with it.
	Class string
}

// Field is a named field of a ROW or a column of a schema.
type Field struct {
	Name    string
	Type    Type
	Comment string
}

// Unit is a unit of time.
type Unit uint8

// Units from coarse to fine.
const (
	NoUnit Unit = iota
	Year
	Quarter
	Month
	Week
	Day
	Hour
	Minute
	Second
	Millisecond
	Microsecond
	Nanosecond
)

// IntervalUnits are the units an interval type was declared with and the
// precision of its leading field (0 = default, 2).
type IntervalUnits struct {
	From, To Unit
	Lead     int
}

// Common types, all nullable.
var (
	NullT     = Type{Kind: Null}
	BooleanT  = Type{Kind: Boolean}
	TinyIntT  = Type{Kind: TinyInt}
	SmallIntT = Type{Kind: SmallInt}
	IntT      = Type{Kind: Int}
	BigIntT   = Type{Kind: BigInt}
	FloatT    = Type{Kind: Float}
	DoubleT   = Type{Kind: Double}
	StringT   = Type{Kind: VarChar, Prec: MaxLength}
	BytesT    = Type{Kind: VarBinary, Prec: MaxLength}
	DateT     = Type{Kind: Date}
	TimeT     = Type{Kind: Time}
)

// DecimalT makes DECIMAL(p, s).
func DecimalT(p, s int) Type { return Type{Kind: Decimal, Prec: p, Scale: s} }

// CharT makes CHAR(n).
func CharT(n int) Type { return Type{Kind: Char, Prec: n} }

// VarCharT makes VARCHAR(n).
func VarCharT(n int) Type { return Type{Kind: VarChar, Prec: n} }

// TimestampT makes TIMESTAMP(p).
func TimestampT(p int) Type { return Type{Kind: Timestamp, Prec: p} }

// TimestampLTZT makes TIMESTAMP_LTZ(p).
func TimestampLTZT(p int) Type { return Type{Kind: TimestampLTZ, Prec: p} }

// ArrayT makes ARRAY<elem>.
func ArrayT(elem Type) Type { return Type{Kind: Array, Elem: &elem} }

// MultisetT makes MULTISET<elem>.
func MultisetT(elem Type) Type { return Type{Kind: Multiset, Elem: &elem} }

// MapT makes MAP<key, value>.
func MapT(key, value Type) Type { return Type{Kind: Map, Key: &key, Elem: &value} }

// RowT makes ROW<fields>.
func RowT(fields ...Field) Type { return Type{Kind: Row, Fields: fields} }

// DayTimeT makes INTERVAL DAY TO SECOND(3).
func DayTimeT() Type {
	return Type{Kind: IntervalDT, Prec: 3, Units: IntervalUnits{From: Day, To: Second}}
}

// YearMonthT makes INTERVAL YEAR TO MONTH.
func YearMonthT() Type {
	return Type{Kind: IntervalYM, Units: IntervalUnits{From: Year, To: Month}}
}

// Nullable returns t with the given nullability.
func (t Type) Nullable(yes bool) Type { t.NotNull = !yes; return t }

// Plain returns t without its time attribute.
func (t Type) Plain() Type { t.Attr = NotTime; return t }

// IsNullable reports whether a column of t may hold NULL.
func (t Type) IsNullable() bool { return !t.NotNull }

// IsInteger reports TINYINT to BIGINT.
func (t Type) IsInteger() bool { return t.Kind >= TinyInt && t.Kind <= BigInt }

// IsExact reports integers and DECIMAL.
func (t Type) IsExact() bool { return t.IsInteger() || t.Kind == Decimal }

// IsApprox reports FLOAT and DOUBLE.
func (t Type) IsApprox() bool { return t.Kind == Float || t.Kind == Double }

// IsNumeric reports all numbers.
func (t Type) IsNumeric() bool { return t.IsExact() || t.IsApprox() }

// IsString reports CHAR and VARCHAR.
func (t Type) IsString() bool { return t.Kind == Char || t.Kind == VarChar }

// IsBinary reports BINARY and VARBINARY.
func (t Type) IsBinary() bool { return t.Kind == Binary || t.Kind == VarBinary }

// IsTimestamp reports TIMESTAMP and TIMESTAMP_LTZ.
func (t Type) IsTimestamp() bool { return t.Kind == Timestamp || t.Kind == TimestampLTZ }

// IsTemporal reports dates, times and timestamps.
func (t Type) IsTemporal() bool { return t.Kind >= Date && t.Kind <= TimestampLTZ }

// IsInterval reports both interval families.
func (t Type) IsInterval() bool { return t.Kind == IntervalYM || t.Kind == IntervalDT }

// IsNested reports types with child columns.
func (t Type) IsNested() bool { return t.Kind >= Array && t.Kind <= Row }

// SameIgnoringNull reports whether a and b are the same type, nullability and
// time attributes aside (also inside).
func SameIgnoringNull(a, b Type) bool { return equal(a, b, true) }

// Equal reports whether a and b are the same type, nullability included and
// time attributes aside.
func Equal(a, b Type) bool { return equal(a, b, false) }

func equal(a, b Type, loose bool) bool {
	if a.Kind != b.Kind || a.Prec != b.Prec || a.Scale != b.Scale || a.Class != b.Class {
		return false
	}
	if !loose && a.NotNull != b.NotNull {
		return false
	}
	if a.IsInterval() && a.Units != b.Units {
		return false
	}
	if !equalPtr(a.Elem, b.Elem, loose) || !equalPtr(a.Key, b.Key, loose) || len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if a.Fields[i].Name != b.Fields[i].Name || !equal(a.Fields[i].Type, b.Fields[i].Type, loose) {
			return false
		}
	}
	return true
}

func equalPtr(a, b *Type, loose bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return equal(*a, *b, loose)
}
