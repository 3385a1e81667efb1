package pgwire

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/minkstream/mink/engine/types"
)

// field is a column as clients are told of it.
type field struct {
	name string
	typ  types.Type
	oid  uint32
	size int16 // in bytes, -1 varies
	mod  int32 // type modifier, -1 none
}

// numericMod is the type modifier of NUMERIC(p, s).
func numericMod(p, s int) int32 { return int32(p)<<16 | int32(s) + 4 }

// fieldOf says which type of Postgres shows values of t best. ROW, MAP, MULTISET, BITMAP
// and arrays of arrays have none and are shown as CAST(... AS STRING) writes them.
func fieldOf(name string, t types.Type) field {
	f := field{name: name, typ: t, oid: pgtype.TextOID, size: -1, mod: -1}
	switch t.Kind {
	case types.Boolean:
		f.oid, f.size = pgtype.BoolOID, 1
	case types.TinyInt, types.SmallInt:
		f.oid, f.size = pgtype.Int2OID, 2
	case types.Int:
		f.oid, f.size = pgtype.Int4OID, 4
	case types.BigInt:
		f.oid, f.size = pgtype.Int8OID, 8
	case types.Float:
		f.oid, f.size = pgtype.Float4OID, 4
	case types.Double:
		f.oid, f.size = pgtype.Float8OID, 8
	case types.Decimal:
		f.oid, f.mod = pgtype.NumericOID, numericMod(t.Prec, t.Scale)
	case types.Char:
		f.oid, f.mod = pgtype.BPCharOID, int32(t.Prec)+4
	case types.VarChar:
		if t.Prec != types.MaxLength {
			f.oid, f.mod = pgtype.VarcharOID, int32(t.Prec)+4
		}
	case types.Binary, types.VarBinary, types.Raw:
		f.oid = pgtype.ByteaOID
	case types.Date:
		f.oid, f.size = pgtype.DateOID, 4
	case types.Time:
		f.oid, f.size, f.mod = pgtype.TimeOID, 8, int32(t.Prec)
	case types.Timestamp:
		f.oid, f.size, f.mod = pgtype.TimestampOID, 8, int32(min(t.Prec, 6))
	case types.TimestampLTZ:
		f.oid, f.size, f.mod = pgtype.TimestamptzOID, 8, int32(min(t.Prec, 6))
	case types.IntervalYM, types.IntervalDT:
		f.oid, f.size = pgtype.IntervalOID, 16
	case types.Variant:
		f.oid = pgtype.JSONBOID
	case types.Array:
		if oid, ok := arrayOf[fieldOf("", *t.Elem).oid]; ok && t.Elem.Kind != types.Array && scalar(*t.Elem) {
			f.oid = oid
		}
	}
	return f
}

// scalar reports types whose values fieldOf shows as themselves.
func scalar(t types.Type) bool {
	switch t.Kind {
	case types.Array, types.Map, types.Multiset, types.Row, types.Bitmap, types.Null:
		return false
	}
	return true
}

// arrayOf is the type of arrays of a type.
var arrayOf = map[uint32]uint32{
	pgtype.BoolOID: pgtype.BoolArrayOID, pgtype.Int2OID: pgtype.Int2ArrayOID, pgtype.Int4OID: pgtype.Int4ArrayOID,
	pgtype.Int8OID: pgtype.Int8ArrayOID, pgtype.Float4OID: pgtype.Float4ArrayOID, pgtype.Float8OID: pgtype.Float8ArrayOID,
	pgtype.NumericOID: pgtype.NumericArrayOID, pgtype.TextOID: pgtype.TextArrayOID, pgtype.BPCharOID: pgtype.BPCharArrayOID,
	pgtype.VarcharOID: pgtype.VarcharArrayOID, pgtype.ByteaOID: pgtype.ByteaArrayOID, pgtype.DateOID: pgtype.DateArrayOID,
	pgtype.TimeOID: pgtype.TimeArrayOID, pgtype.TimestampOID: pgtype.TimestampArrayOID, pgtype.TimestamptzOID: pgtype.TimestamptzArrayOID,
	pgtype.IntervalOID: pgtype.IntervalArrayOID, pgtype.JSONBOID: pgtype.JSONBArrayOID,
}

// fieldsOf are the columns of a schema; with op one comes first for the kind of change.
func fieldsOf(s types.Schema, op bool) []field {
	out := make([]field, 0, len(s)+1)
	if op {
		out = append(out, fieldOf("op", types.StringT))
	}
	for _, f := range s {
		out = append(out, fieldOf(f.Name, f.Type))
	}
	return out
}
