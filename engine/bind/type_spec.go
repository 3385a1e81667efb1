package bind

import (
	"fmt"
	"slices"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// typeOf turns a written type into a type. NOT NULL is kept.
func typeOf(s ast.TypeSpec) (types.Type, error) {
	t, err := bareType(s)
	if err == nil {
		t.NotNull = s.Nullness() == ast.NotNull
	}
	return t, err
}

func bareType(s ast.TypeSpec) (types.Type, error) {
	switch s := s.(type) {
	case *ast.SimpleType:
		return simpleType(s)
	case *ast.ArrayType:
		e, err := typeOf(s.Elem)
		return types.ArrayT(e), err
	case *ast.MultisetType:
		e, err := typeOf(s.Elem)
		return types.MultisetT(e), err
	case *ast.MapType:
		k, err := typeOf(s.Key)
		if err != nil {
			return k, err
		}
		v, err := typeOf(s.Value)
		return types.MapT(k, v), err
	case *ast.RowType:
		t := types.Type{Kind: types.Row}
		for i, f := range s.Fields {
			ft, err := typeOf(f.Type)
			if err != nil {
				return t, err
			}
			if fieldIndex(t, f.Name.Name) >= 0 {
				return t, diag.At(f.Name.Span, diag.DuplicateName, "field %q is declared twice", f.Name.Name)
			}
			t.Fields = append(t.Fields, types.Field{Name: f.Name.Name, Type: ft, Comment: f.Comment.Value})
			_ = i
		}
		return t, nil
	case *ast.IntervalType:
		t, err := intervalType(s.Qualifier, s.Span())
		if err == nil && t.Kind == types.IntervalDT && s.Qualifier.Fraction >= 0 {
			t.Prec = min(3, s.Qualifier.Fraction)
		}
		return t, err
	case *ast.StructuredType:
		t, err := bareType(&ast.RowType{TypeBase: s.TypeBase, Fields: s.Fields})
		t.Class = s.Class.Value
		return t, err
	case *ast.RawType:
		return types.Type{Kind: types.Raw, Class: s.Class.Value}, nil
	case *ast.UserType:
		err := diag.At(s.Span(), diag.TypeMismatch, "no type %s", s.Name)
		if same := other(otherTypes, fmt.Sprint(s.Name)); same != "" {
			err = err.WithHint("write %s", same)
		} else if guess := diag.Suggest(fmt.Sprint(s.Name), typeNames); guess != "" {
			err = err.WithHint("did you mean %s", guess)
		}
		return types.Type{}, err
	}
	return types.Type{}, unsupported(s.Span(), "this type is")
}

// looseFields is a type in which the fields of a nullable row are nullable too, however
// deep they lie.
func looseFields(t types.Type, nullable bool) types.Type {
	if t.Kind != types.Row {
		return t
	}
	t.Fields = slices.Clone(t.Fields)
	for i := range t.Fields {
		f := &t.Fields[i].Type
		f.NotNull = f.NotNull && !nullable
		*f = looseFields(*f, !f.NotNull)
	}
	return t
}

// typeNames are the names that a misspelt type may have meant.
var typeNames = []string{
	"ARRAY", "BIGINT", "BINARY", "BITMAP", "BOOLEAN", "BYTES", "CHAR", "DATE", "DECIMAL", "DOUBLE", "FLOAT", "INT", "INTEGER", "INTERVAL",
	"MAP", "MULTISET", "NUMERIC", "RAW", "REAL", "ROW", "SMALLINT", "STRING", "TIME", "TIMESTAMP", "TIMESTAMP_LTZ", "TINYINT", "VARBINARY", "VARCHAR", "VARIANT",
}

func simpleType(s *ast.SimpleType) (types.Type, error) {
	p := s.Params
	length := func(k types.Kind, lo, hi, def int) (types.Type, error) {
		n := def
		if len(p) > 0 {
			n = p[0]
		}
		if (k == types.Timestamp || k == types.TimestampLTZ) && n > hi { // as in Flink, and as DECIMAL
			n = hi
		}
		if n < lo || n > hi || len(p) > 1 {
			return types.Type{}, diag.At(s.Span(), diag.InvalidArgument, "%s takes one number from %d to %d", s.Name, lo, hi)
		}
		return types.Type{Kind: k, Prec: n}, nil
	}
	plain := func(t types.Type) (types.Type, error) {
		if len(p) > 0 {
			return t, diag.At(s.Span(), diag.InvalidArgument, "%s takes no parameters", s.Name)
		}
		return t, nil
	}
	switch s.Name {
	case "BOOLEAN":
		return plain(types.BooleanT)
	case "TINYINT":
		return plain(types.TinyIntT)
	case "SMALLINT":
		return plain(types.SmallIntT)
	case "INT":
		return plain(types.IntT)
	case "BIGINT":
		return plain(types.BigIntT)
	case "FLOAT":
		return plain(types.FloatT)
	case "DOUBLE", "REAL":
		if s.Name == "REAL" {
			return plain(types.FloatT)
		}
		return plain(types.DoubleT)
	case "STRING":
		return plain(types.StringT)
	case "BYTES":
		return plain(types.BytesT)
	case "DATE":
		return plain(types.DateT)
	case "VARIANT":
		return plain(types.Type{Kind: types.Variant})
	case "BITMAP":
		return plain(types.Type{Kind: types.Bitmap})
	case "CHAR":
		return length(types.Char, 1, types.MaxLength, 1)
	case "VARCHAR": // without a length STRING, as VARBINARY is BYTES; Flink's page says 1, its planner does this
		return length(types.VarChar, 1, types.MaxLength, types.MaxLength)
	case "BINARY":
		return length(types.Binary, 1, types.MaxLength, 1)
	case "VARBINARY":
		return length(types.VarBinary, 1, types.MaxLength, types.MaxLength)
	case "TIME":
		return length(types.Time, 0, 9, 0)
	case "TIMESTAMP":
		return length(types.Timestamp, 0, 9, 6)
	case "TIMESTAMP_LTZ":
		return length(types.TimestampLTZ, 0, 9, 6)
	case "DECIMAL":
		t := types.DecimalT(10, 0)
		if len(p) > 0 {
			t.Prec = min(p[0], 38) // as in Flink, which has no more digits either
		}
		if len(p) > 1 {
			t.Scale = p[1]
		}
		if t.Prec < 1 || t.Prec > 38 || t.Scale < 0 || t.Scale > t.Prec {
			return t, diag.At(s.Span(), diag.InvalidArgument, "DECIMAL takes a precision from 1 to 38 and a scale from 0 to the precision")
		}
		return t, nil
	case "TIMESTAMP_TZ", "TIME_TZ", "TIME_LTZ":
		return types.Type{}, diag.At(s.Span(), diag.UnsupportedByFlink, "type %s WITH TIME ZONE is not a type of columns", s.Name[:len(s.Name)-3]).
			WithHint("use TIMESTAMP_LTZ, an instant shown in the session time zone")
	}
	return types.Type{}, unsupported(s.Span(), "type %s is", s.Name)
}
