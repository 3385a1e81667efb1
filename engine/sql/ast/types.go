package ast

// Nullness is what was written after a type.
type Nullness uint8

// The ways to say whether NULL is allowed.
const (
	NullDefault Nullness = iota // nothing written: NULL is allowed
	NullAllowed                 // NULL
	NotNull                     // NOT NULL
)

// TypeBase is what every type has; every TypeSpec embeds it.
type TypeBase struct {
	Pos
	Null Nullness
}

// Nullness is what follows the type: nothing, NULL or NOT NULL.
func (t TypeBase) Nullness() Nullness { return t.Null }

func (TypeBase) typeSpec() {}

// SimpleType is a type without element types, under its canonical name:
//
//	BOOLEAN TINYINT SMALLINT INT BIGINT DECIMAL FLOAT DOUBLE REAL
//	CHAR VARCHAR STRING BINARY VARBINARY BYTES
//	DATE TIME TIMESTAMP TIMESTAMP_LTZ TIMESTAMP_TZ
//	VARIANT BITMAP UUID DESCRIPTOR ANY GEOMETRY and other names of the grammar
//
// Synonyms are folded: INTEGER is INT, DEC and NUMERIC are DECIMAL, DOUBLE
// PRECISION is DOUBLE, CHARACTER is CHAR, CHARACTER VARYING is VARCHAR, BINARY
// VARYING is VARBINARY, TIMESTAMP WITH LOCAL TIME ZONE is TIMESTAMP_LTZ and
// TIMESTAMP WITH TIME ZONE is TIMESTAMP_TZ. TIME WITH LOCAL TIME ZONE is TIME_LTZ,
// TIME WITH TIME ZONE is TIME_TZ.
type SimpleType struct {
	TypeBase
	Name string
	// Params are the numbers in parentheses: length, precision, or precision and
	// scale.
	Params []int
	// Charset is the name after CHARACTER SET, or "".
	Charset string
}

// ArrayType is ARRAY<Elem> or Elem ARRAY.
type ArrayType struct {
	TypeBase
	Elem TypeSpec
}

// MultisetType is MULTISET<Elem> or Elem MULTISET.
type MultisetType struct {
	TypeBase
	Elem TypeSpec
}

// MapType is MAP<Key, Value>.
type MapType struct {
	TypeBase
	Key   TypeSpec
	Value TypeSpec
}

// Field is a field of a ROW or STRUCTURED type.
type Field struct {
	Name    Identifier
	Type    TypeSpec
	Comment String
}

// RowType is ROW<name type ['comment'], ...> or ROW(...). It may have no fields.
type RowType struct {
	TypeBase
	Fields []Field
}

// StructuredType is STRUCTURED<'class', name type, ...>.
type StructuredType struct {
	TypeBase
	Class  String
	Fields []Field
}

// RawType is RAW('class', 'serializer').
type RawType struct {
	TypeBase
	Class      String
	Serializer String
}

// IntervalType is INTERVAL with its units.
type IntervalType struct {
	TypeBase
	Qualifier IntervalQualifier
}

// UserType is a type known by a name that the grammar does not define.
type UserType struct {
	TypeBase
	Name Name
}

// Unit is a unit of time in capitals and in the singular: YEAR, QUARTER, MONTH,
// WEEK, DAY, HOUR, MINUTE, SECOND, MILLISECOND, MICROSECOND, NANOSECOND, DECADE,
// CENTURY, MILLENNIUM, and in EXTRACT also EPOCH, DOY, DOW, ISODOW, ISOYEAR. Names
// the grammar does not know (a custom unit, such as SQL_TSI_DAY folded to DAY) are
// folded or kept in capitals.
type Unit string

// The units a statement names most.
const (
	Year        Unit = "YEAR"
	Quarter     Unit = "QUARTER"
	Month       Unit = "MONTH"
	Week        Unit = "WEEK"
	Day         Unit = "DAY"
	Hour        Unit = "HOUR"
	Minute      Unit = "MINUTE"
	Second      Unit = "SECOND"
	Millisecond Unit = "MILLISECOND"
	Microsecond Unit = "MICROSECOND"
	Nanosecond  Unit = "NANOSECOND"
	Decade      Unit = "DECADE"
	Century     Unit = "CENTURY"
	Millennium  Unit = "MILLENNIUM"
	Epoch       Unit = "EPOCH"
	DayOfYear   Unit = "DOY"
	DayOfWeek   Unit = "DOW"
	ISODayWeek  Unit = "ISODOW"
	ISOYear     Unit = "ISOYEAR"
)

// Unspecified marks a precision that was not written.
const Unspecified = -1

// IntervalQualifier is the unit or range of units of an interval.
type IntervalQualifier struct {
	From Unit
	To   Unit // "" for a single unit
	// Precision is the number of digits of the first unit, Unspecified when not
	// written.
	Precision int
	// Fraction is the number of fraction digits of seconds, Unspecified when not
	// written.
	Fraction int
}
