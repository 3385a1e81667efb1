package types

import (
	"strconv"
	"strings"
)

// String gives Flink's text of the type, with NOT NULL where it applies and
// without time attributes.
func (t Type) String() string {
	var b strings.Builder
	t.write(&b)
	return b.String()
}

// Describe is String plus `*ROWTIME*` or `*PROCTIME*`, as DESCRIBE shows it.
func (t Type) Describe() string {
	plain := t
	plain.NotNull = false
	s := plain.String()
	if t.NotNull {
		s += " NOT NULL"
	}
	switch t.Attr {
	case Rowtime:
		s += " *ROWTIME*"
	case Proctime:
		s += " *PROCTIME*"
	}
	return s
}

var kindNames = [...]string{
	Invalid: "INVALID", Null: "NULL", Boolean: "BOOLEAN", TinyInt: "TINYINT", SmallInt: "SMALLINT", Int: "INT",
	BigInt: "BIGINT", Float: "FLOAT", Double: "DOUBLE", Decimal: "DECIMAL", Char: "CHAR", VarChar: "VARCHAR",
	Binary: "BINARY", VarBinary: "VARBINARY", Date: "DATE", Time: "TIME", Timestamp: "TIMESTAMP",
	TimestampLTZ: "TIMESTAMP_LTZ", IntervalYM: "INTERVAL", IntervalDT: "INTERVAL", Array: "ARRAY",
	Multiset: "MULTISET", Map: "MAP", Row: "ROW", Raw: "RAW", Variant: "VARIANT", Bitmap: "BITMAP",
	Descriptor: "DESCRIPTOR",
}

// String names the kind as in SQL.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "INVALID"
}

var unitNames = [...]string{"", "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND", "NANOSECOND"}

// String names the unit as in SQL.
func (u Unit) String() string { return unitNames[u] }

func (t Type) write(b *strings.Builder) {
	switch t.Kind {
	case Decimal:
		b.WriteString("DECIMAL(" + strconv.Itoa(t.Prec) + ", " + strconv.Itoa(t.Scale) + ")")
	case VarChar:
		lengthText(b, t, "STRING", "VARCHAR")
	case VarBinary:
		lengthText(b, t, "BYTES", "VARBINARY")
	case Char, Binary, Time, Timestamp, TimestampLTZ:
		b.WriteString(t.Kind.String() + "(" + strconv.Itoa(t.Prec) + ")")
	case IntervalYM: // whatever its fields, as in Flink
		b.WriteString("INTERVAL MONTH")
	case IntervalDT:
		b.WriteString("INTERVAL SECOND(3)")
	case Array, Multiset:
		b.WriteString(t.Kind.String() + "<")
		t.Elem.write(b)
		b.WriteString(">")
	case Map:
		b.WriteString("MAP<")
		t.Key.write(b)
		b.WriteString(", ")
		t.Elem.write(b)
		b.WriteString(">")
	case Row:
		if t.Class != "" {
			b.WriteString("STRUCTURED<'" + t.Class + "'")
			for _, f := range t.Fields {
				b.WriteString(", `" + strings.ReplaceAll(f.Name, "`", "``") + "` ")
				f.Type.write(b)
			}
			b.WriteString(">")
			break
		}
		b.WriteString("ROW<")
		for i, f := range t.Fields {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("`" + strings.ReplaceAll(f.Name, "`", "``") + "` ")
			f.Type.write(b)
		}
		b.WriteString(">")
	case Raw:
		b.WriteString("RAW('" + t.Class + "', '...')")
	default:
		b.WriteString(t.Kind.String())
	}
	if t.NotNull {
		b.WriteString(" NOT NULL")
	}
}

func lengthText(b *strings.Builder, t Type, long, name string) {
	if t.Prec == MaxLength {
		b.WriteString(long)
		return
	}
	b.WriteString(name + "(" + strconv.Itoa(t.Prec) + ")")
}
