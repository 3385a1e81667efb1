package types

// Phys is the physical layout of a column: what a kernel switches on.
type Phys uint8

// The layouts. Widths are per row.
const (
	PhysNone  Phys = iota // NULL type: no storage, every row null
	PhysBool              // one bit, Col.Bits
	PhysI8                // TINYINT
	PhysI16               // SMALLINT
	PhysI32               // INT, DATE (days), TIME(p) (milliseconds), months
	PhysI64               // BIGINT, TIMESTAMP* (see TimeUnit), DECIMAL(p<=18) unscaled, milliseconds
	PhysF32               // FLOAT
	PhysF64               // DOUBLE
	PhysDec               // DECIMAL(p>18) unscaled, 128 bit
	PhysBytes             // strings, binary, RAW, VARIANT, BITMAP: 16-byte views
	PhysList              // ARRAY: offsets and one child; MULTISET, MAP: offsets, key child, value child
	PhysRow               // ROW: children
)

// Phys returns the layout of t's columns.
func (t Type) Phys() Phys {
	switch t.Kind {
	case Boolean:
		return PhysBool
	case TinyInt:
		return PhysI8
	case SmallInt:
		return PhysI16
	case Int, Date, Time, IntervalYM:
		return PhysI32
	case BigInt, Timestamp, TimestampLTZ, IntervalDT:
		return PhysI64
	case Float:
		return PhysF32
	case Double:
		return PhysF64
	case Decimal:
		if t.Prec <= 18 {
			return PhysI64
		}
		return PhysDec
	case Char, VarChar, Binary, VarBinary, Raw, Variant, Bitmap:
		return PhysBytes
	case Array, Multiset, Map:
		return PhysList
	case Row:
		return PhysRow
	default:
		return PhysNone
	}
}

// PerSecond is the number of ticks per second of a TIMESTAMP(p) or
// TIMESTAMP_LTZ(p) column: milliseconds up to p = 3, microseconds up to 6,
// nanoseconds above (which covers the years 1677 to 2262).
func (t Type) PerSecond() int64 {
	switch {
	case t.Prec <= 3:
		return 1_000
	case t.Prec <= 6:
		return 1_000_000
	default:
		return 1_000_000_000
	}
}
