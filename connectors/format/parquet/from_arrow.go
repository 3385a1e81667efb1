package parquet

import (
	"time"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// converter writes the values [at, at+n) of an array to the lanes of a column.
type converter func(c *batch.Col, a arrow.Array, at, n int) error

// convert chooses how a column of the file becomes one of the table.
func convert(name string, t types.Type, from arrow.DataType, zone *time.Location) (converter, error) {
	conv, err := choose(name, t, from, zone)
	if conv == nil && err == nil {
		err = diag.New(diag.SchemaMismatch, "column `%s` is %s, but the file has %s", name, t, from)
	}
	if err != nil {
		return nil, err
	}
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		if err := conv(c, a, at, n); err != nil {
			return err
		}
		nulls(c, a, at, n)
		return nil
	}, nil
}

// nulls takes over the validity of an array.
func nulls(c *batch.Col, a arrow.Array, at, n int) {
	if a.NullN() == 0 {
		return
	}
	for i := range n {
		if a.IsNull(at + i) {
			c.SetNull(i, n)
		}
	}
}

func choose(name string, t types.Type, from arrow.DataType, zone *time.Location) (converter, error) {
	switch t.Kind {
	case types.Boolean:
		if from.ID() == arrow.BOOL {
			return bools(t), nil
		}
	case types.TinyInt, types.SmallInt, types.Int, types.BigInt:
		return integers(t, from), nil
	case types.Float, types.Double:
		return floats(t, from), nil
	case types.Decimal:
		if d, ok := from.(*arrow.Decimal128Type); ok && int(d.Scale) == t.Scale && int(d.Precision) <= t.Prec {
			return decimals(t), nil
		}
	case types.Char, types.VarChar, types.Binary, types.VarBinary:
		return bytesOf(name, t, from), nil
	case types.Date:
		if from.ID() == arrow.DATE32 {
			return func(c *batch.Col, a arrow.Array, at, n int) error {
				c.Alloc(t, n)
				for i, v := range a.(*array.Date32).Date32Values()[at : at+n] {
					c.I32[i] = int32(v)
				}
				return nil
			}, nil
		}
	case types.Time:
		return times(t, from), nil
	case types.Timestamp, types.TimestampLTZ:
		if ts, ok := from.(*arrow.TimestampType); ok {
			if t.Kind == types.TimestampLTZ {
				zone = nil
			}
			return timestamps(name, t, ts.Unit, zone), nil
		}
	case types.Array:
		if l, ok := from.(*arrow.ListType); ok {
			elem, err := convert(name, *t.Elem, l.Elem(), zone)
			return lists(t, elem), err
		}
	case types.Map, types.Multiset:
		if m, ok := from.(*arrow.MapType); ok {
			key, err := convert(name, batch.KidType(t, 0), m.KeyType(), zone)
			if err != nil {
				return nil, err
			}
			item, err := convert(name, batch.KidType(t, 1), m.ItemType(), zone)
			return maps(t, key, item), err
		}
	case types.Row:
		if s, ok := from.(*arrow.StructType); ok {
			return rows(name, t, s, zone)
		}
	}
	return nil, nil
}

func bools(t types.Type) converter {
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		c.Alloc(t, n)
		clear(c.Bits)
		b := a.(*array.Boolean)
		for i := range n {
			if b.Value(at + i) {
				batch.SetBit(c.Bits, i)
			}
		}
		return nil
	}
}

// integers takes an integer of the same or a smaller width.
func integers(t types.Type, from arrow.DataType) converter {
	width := map[types.Kind]int{types.TinyInt: 1, types.SmallInt: 2, types.Int: 4, types.BigInt: 8}[t.Kind]
	size := map[arrow.Type]int{arrow.INT8: 1, arrow.INT16: 2, arrow.INT32: 4, arrow.INT64: 8, arrow.UINT8: 2, arrow.UINT16: 4, arrow.UINT32: 8}[from.ID()]
	if size == 0 || size > width {
		return nil
	}
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		c.Alloc(t, n)
		switch a := a.(type) {
		case *array.Int64:
			copy(c.I64, a.Int64Values()[at:at+n])
		case *array.Int32:
			put(c, a.Int32Values()[at:at+n])
		case *array.Int16:
			put(c, a.Int16Values()[at:at+n])
		case *array.Int8:
			put(c, a.Int8Values()[at:at+n])
		case *array.Uint8:
			put(c, a.Uint8Values()[at:at+n])
		case *array.Uint16:
			put(c, a.Uint16Values()[at:at+n])
		case *array.Uint32:
			put(c, a.Uint32Values()[at:at+n])
		}
		return nil
	}
}

// put widens integers into a column.
func put[T int8 | int16 | int32 | uint8 | uint16 | uint32](c *batch.Col, v []T) {
	switch {
	case c.Type.Kind == types.BigInt:
		for i, x := range v {
			c.I64[i] = int64(x)
		}
	case c.Type.Kind == types.Int:
		for i, x := range v {
			c.I32[i] = int32(x)
		}
	case c.Type.Kind == types.SmallInt:
		for i, x := range v {
			c.I16[i] = int16(x)
		}
	default:
		for i, x := range v {
			c.I8[i] = int8(x)
		}
	}
}

func floats(t types.Type, from arrow.DataType) converter {
	switch {
	case from.ID() == arrow.FLOAT32 && t.Kind == types.Float:
		return func(c *batch.Col, a arrow.Array, at, n int) error {
			c.Alloc(t, n)
			copy(c.F32, a.(*array.Float32).Float32Values()[at:at+n])
			return nil
		}
	case from.ID() == arrow.FLOAT32:
		return func(c *batch.Col, a arrow.Array, at, n int) error {
			c.Alloc(t, n)
			for i, v := range a.(*array.Float32).Float32Values()[at : at+n] {
				c.F64[i] = float64(v)
			}
			return nil
		}
	case from.ID() == arrow.FLOAT64 && t.Kind == types.Double:
		return func(c *batch.Col, a arrow.Array, at, n int) error {
			c.Alloc(t, n)
			copy(c.F64, a.(*array.Float64).Float64Values()[at:at+n])
			return nil
		}
	}
	return nil
}

func decimals(t types.Type) converter {
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		c.Alloc(t, n)
		for i, v := range a.(*array.Decimal128).Values()[at : at+n] {
			if c.I64 != nil {
				c.I64[i] = int64(v.LowBits())
			} else {
				c.Dec[i] = batch.Dec{Hi: v.HighBits(), Lo: v.LowBits()}
			}
		}
		return nil
	}
}

// bytesOf makes views of the bytes of an array.
func bytesOf(name string, t types.Type, from arrow.DataType) converter {
	switch from.ID() {
	case arrow.STRING, arrow.BINARY:
	case arrow.FIXED_SIZE_BINARY:
		width := from.(*arrow.FixedSizeBinaryType).ByteWidth
		return func(c *batch.Col, a arrow.Array, at, n int) error {
			c.Alloc(t, n)
			var sb batch.StringBuilder
			for i := range n {
				v := a.(*array.FixedSizeBinary).Value(at + i)
				c.Views[i] = sb.Add(c, v[:min(width, len(v))])
			}
			return nil
		}
	default:
		return nil
	}
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		c.Alloc(t, n)
		var offs []int32
		switch a := a.(type) {
		case *array.String:
			offs = a.ValueOffsets()
		case *array.Binary:
			offs = a.ValueOffsets()
		}
		if len(offs) == 0 {
			clear(c.Views)
			return nil
		}
		offs = offs[at : at+n+1]
		var data []byte
		if b := a.Data().Buffers()[2]; b != nil {
			data = b.Bytes()
		}
		if t.IsString() && !utf8.Valid(data[offs[0]:offs[n]]) {
			return diag.New(diag.MalformedRecord, "column `%s` has text that is not UTF-8", name)
		}
		buf := uint32(0)
		if len(data) > 0 {
			buf = c.AddBuf(data)
		}
		for i := range n {
			o := offs[i]
			c.Views[i] = batch.MakeRef(data[o:offs[i+1]], buf, uint32(o))
		}
		return nil
	}
}

func times(t types.Type, from arrow.DataType) converter {
	switch ty := from.(type) {
	case *arrow.Time32Type:
		return func(c *batch.Col, a arrow.Array, at, n int) error {
			c.Alloc(t, n)
			for i, v := range a.(*array.Time32).Time32Values()[at : at+n] {
				c.I32[i] = int32(v)
				if ty.Unit == arrow.Second {
					c.I32[i] *= 1000
				}
			}
			return nil
		}
	case *arrow.Time64Type:
		div := int64(1000)
		if ty.Unit == arrow.Nanosecond {
			div = 1_000_000
		}
		return func(c *batch.Col, a arrow.Array, at, n int) error {
			c.Alloc(t, n)
			for i, v := range a.(*array.Time64).Time64Values()[at : at+n] {
				c.I32[i] = int32(int64(v) / div)
			}
			return nil
		}
	}
	return nil
}

// unitsPerSecond of a timestamp array.
func unitsPerSecond(u arrow.TimeUnit) int64 {
	return [...]int64{arrow.Second: 1, arrow.Millisecond: 1000, arrow.Microsecond: 1_000_000, arrow.Nanosecond: 1_000_000_000}[u]
}

func timestamps(name string, t types.Type, unit arrow.TimeUnit, zone *time.Location) converter {
	have, want := unitsPerSecond(unit), t.PerSecond()
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		c.Alloc(t, n)
		for i, v := range a.(*array.Timestamp).TimestampValues()[at : at+n] {
			x := int64(v)
			switch {
			case have > want: // towards the past, as cutting digits does
				d := have / want
				if x %= d; x < 0 {
					x += d
				}
				x = (int64(v) - x) / d
			case have < want:
				m := want / have
				if x > 1<<62/m || x < -(1<<62)/m {
					if a.IsNull(at + i) {
						continue
					}
					return diag.New(diag.MalformedRecord, "column `%s` has a time outside of the range of %s", name, t)
				}
				x *= m
			}
			c.I64[i] = format.InZone(x, want, zone)
		}
		return nil
	}
}

// offsets copies the offsets of lists, made to begin at 0, and returns the range of
// elements.
func offsets(c *batch.Col, offs []int32, at, n int) (from, count int) {
	if len(offs) == 0 {
		return 0, 0
	}
	first := offs[at]
	for i, o := range offs[at : at+n+1] {
		c.Offs[i] = uint32(o - first)
	}
	return int(first), int(offs[at+n] - first)
}

func lists(t types.Type, elem converter) converter {
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		c.Alloc(t, n)
		l := a.(*array.List)
		from, count := offsets(c, l.Offsets(), at+l.Data().Offset(), n)
		return elem(&c.Kids[0], l.ListValues(), from, count)
	}
}

func maps(t types.Type, key, item converter) converter {
	return func(c *batch.Col, a arrow.Array, at, n int) error {
		c.Alloc(t, n)
		m := a.(*array.Map)
		from, count := offsets(c, m.Offsets(), at+m.Data().Offset(), n)
		if err := key(&c.Kids[0], m.Keys(), from, count); err != nil {
			return err
		}
		return item(&c.Kids[1], m.Items(), from, count)
	}
}

func rows(name string, t types.Type, from *arrow.StructType, zone *time.Location) (converter, error) {
	kids := make([]converter, len(t.Fields))
	at := make([]int, len(t.Fields))
	for i, f := range t.Fields {
		k, ok := from.FieldIdx(f.Name)
		if !ok {
			at[i] = -1
			continue
		}
		at[i] = k
		var err error
		if kids[i], err = convert(name+"."+f.Name, f.Type, from.Field(k).Type, zone); err != nil {
			return nil, err
		}
	}
	return func(c *batch.Col, a arrow.Array, first, n int) error {
		c.Alloc(t, n)
		s := a.(*array.Struct)
		for i, k := range at {
			kid := &c.Kids[i]
			if k < 0 {
				kid.Alloc(t.Fields[i].Type, 0)
				kid.AppendNulls(0, n)
				continue
			}
			// Field takes the struct's offset into account.
			if err := kids[i](kid, s.Field(k), first, n); err != nil {
				return err
			}
		}
		return nil
	}, nil
}
