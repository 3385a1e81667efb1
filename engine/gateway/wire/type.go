package wire

import (
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// Type is a column's type as the gateway writes it.
type Type struct {
	Root                string `json:"type"`
	Nullable            *bool  `json:"nullable,omitempty"`
	Length              *int   `json:"length,omitempty"`
	Precision           *int   `json:"precision,omitempty"`
	Scale               *int   `json:"scale,omitempty"`
	FractionalPrecision *int   `json:"fractionalPrecision,omitempty"`
	Resolution          string `json:"resolution,omitempty"`
	Key                 *Type  `json:"keyType,omitempty"`
	Value               *Type  `json:"valueType,omitempty"`
	Element             *Type  `json:"elementType,omitempty"`
	// Fields is nil but for a ROW, which may have none.
	Fields     *[]Field `json:"fields,omitempty"`
	Class      string   `json:"class,omitempty"`
	Serializer string   `json:"serializer,omitempty"`
}

// Field is a field of a ROW.
type Field struct {
	Name        string `json:"name"`
	Type        Type   `json:"fieldType"`
	Description string `json:"description,omitempty"`
}

// roots are the names of types as Flink's LogicalTypeRoot has them.
var roots = map[types.Kind]string{
	types.Null: "NULL", types.Boolean: "BOOLEAN", types.TinyInt: "TINYINT", types.SmallInt: "SMALLINT", types.Int: "INTEGER",
	types.BigInt: "BIGINT", types.Float: "FLOAT", types.Double: "DOUBLE", types.Decimal: "DECIMAL", types.Char: "CHAR",
	types.VarChar: "VARCHAR", types.Binary: "BINARY", types.VarBinary: "VARBINARY", types.Date: "DATE",
	types.Time: "TIME_WITHOUT_TIME_ZONE", types.Timestamp: "TIMESTAMP_WITHOUT_TIME_ZONE",
	types.TimestampLTZ: "TIMESTAMP_WITH_LOCAL_TIME_ZONE", types.IntervalYM: "INTERVAL_YEAR_MONTH",
	types.IntervalDT: "INTERVAL_DAY_TIME", types.Array: "ARRAY", types.Multiset: "MULTISET", types.Map: "MAP", types.Row: "ROW",
	types.Raw: "RAW", types.Variant: "VARIANT", types.Bitmap: "BITMAP", types.Descriptor: "DESCRIPTOR",
}

var kinds = func() map[string]types.Kind {
	out := map[string]types.Kind{"STRUCTURED_TYPE": types.Row}
	for k, name := range roots {
		out[name] = k
	}
	return out
}()

// TypeOf writes a type.
func TypeOf(t types.Type) Type {
	w := Type{Root: roots[t.Kind]}
	if t.Kind == types.Null {
		return w
	}
	nullable := !t.NotNull
	w.Nullable = &nullable
	prec, scale := t.Prec, t.Scale
	switch t.Kind {
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		w.Length = &prec
	case types.Decimal:
		w.Precision, w.Scale = &prec, &scale
	case types.Time, types.Timestamp, types.TimestampLTZ:
		w.Precision = &prec
	case types.IntervalYM: // whatever its fields: Flink's planner knows months alone
		two := 2
		w.Precision, w.Resolution = &two, "MONTH"
	case types.IntervalDT:
		two, three := 2, 3
		w.Precision, w.FractionalPrecision, w.Resolution = &two, &three, "SECOND"
	case types.Array, types.Multiset:
		e := TypeOf(*t.Elem)
		w.Element = &e
	case types.Map:
		k, v := TypeOf(*t.Key), TypeOf(*t.Elem)
		w.Key, w.Value = &k, &v
	case types.Row:
		list := make([]Field, len(t.Fields))
		for i, f := range t.Fields {
			list[i] = Field{Name: f.Name, Type: TypeOf(f.Type), Description: f.Comment}
		}
		w.Fields = &list
	case types.Raw:
		w.Class, w.Serializer = t.Class, "..."
	}
	return w
}

// Type reads a type. It fails with unsupported for one that mink does not have.
func (w *Type) Type() (types.Type, error) {
	kind, ok := kinds[w.Root]
	if !ok {
		return types.Type{}, diag.New(diag.Unsupported, "the gateway has a column of type %s, which is not supported yet", w.Root)
	}
	t := types.Type{Kind: kind, NotNull: w.Nullable != nil && !*w.Nullable, Class: w.Class}
	number := func(p *int, otherwise int) int {
		if p == nil {
			return otherwise
		}
		return *p
	}
	var err error
	child := func(c *Type) *types.Type {
		if c == nil {
			c = &Type{}
		}
		out, e := c.Type()
		if err == nil {
			err = e
		}
		return &out
	}
	switch kind {
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		t.Prec = number(w.Length, types.MaxLength)
	case types.Decimal:
		t.Prec, t.Scale = number(w.Precision, 10), number(w.Scale, 0)
	case types.Time:
		t.Prec = number(w.Precision, 0)
	case types.Timestamp, types.TimestampLTZ:
		t.Prec = number(w.Precision, 6)
	case types.IntervalYM:
		t.Units = units(w.Resolution, types.Month)
	case types.IntervalDT:
		t.Prec, t.Units = number(w.FractionalPrecision, 3), units(w.Resolution, types.Second)
	case types.Array, types.Multiset:
		t.Elem = child(w.Element)
	case types.Map:
		t.Key, t.Elem = child(w.Key), child(w.Value)
	case types.Row:
		if w.Fields == nil {
			break
		}
		for _, f := range *w.Fields {
			t.Fields = append(t.Fields, types.Field{Name: f.Name, Type: *child(&f.Type), Comment: f.Description})
		}
	}
	return t, err
}

// units reads the fields of an interval, such as DAY_TO_SECOND.
func units(resolution string, otherwise types.Unit) types.IntervalUnits {
	from, to, ranged := strings.Cut(resolution, "_TO_")
	if !ranged {
		to = from
	}
	find := func(name string) types.Unit {
		for u := types.Year; u <= types.Second; u++ {
			if u.String() == name {
				return u
			}
		}
		return otherwise
	}
	return types.IntervalUnits{From: find(from), To: find(to)}
}
