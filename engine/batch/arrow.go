package batch

import (
	"fmt"
	"unsafe" //mink:det-ok views of bytes as numbers

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/minkstream/mink/engine/types"
)

// ArrowOptions choose between forms that Arrow has for one thing.
type ArrowOptions struct {
	// StringViews writes strings as StringView and BinaryView, without copying
	// their bytes, instead of utf8 and binary. Not all readers know them.
	StringViews bool
	// KindColumn adds a first column of this name with the change kind of each
	// row as int8; empty adds none.
	KindColumn string
}

// ArrowType is the Arrow type of t's columns. DECIMAL is decimal128, TIMESTAMP(p)
// has the unit of its ticks, TIMESTAMP_LTZ the zone UTC, MULTISET is a map to int32.
func (o ArrowOptions) ArrowType(t types.Type) arrow.DataType {
	switch t.Kind {
	case types.Boolean:
		return arrow.FixedWidthTypes.Boolean
	case types.TinyInt:
		return arrow.PrimitiveTypes.Int8
	case types.SmallInt:
		return arrow.PrimitiveTypes.Int16
	case types.Int:
		return arrow.PrimitiveTypes.Int32
	case types.BigInt:
		return arrow.PrimitiveTypes.Int64
	case types.Float:
		return arrow.PrimitiveTypes.Float32
	case types.Double:
		return arrow.PrimitiveTypes.Float64
	case types.Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Prec), Scale: int32(t.Scale)}
	case types.Char, types.VarChar:
		if o.StringViews {
			return arrow.BinaryTypes.StringView
		}
		return arrow.BinaryTypes.String
	case types.Binary, types.VarBinary, types.Raw, types.Variant, types.Bitmap:
		if o.StringViews {
			return arrow.BinaryTypes.BinaryView
		}
		return arrow.BinaryTypes.Binary
	case types.Date:
		return arrow.FixedWidthTypes.Date32
	case types.Time:
		return arrow.FixedWidthTypes.Time32ms
	case types.Timestamp:
		return &arrow.TimestampType{Unit: arrowUnit(t)}
	case types.TimestampLTZ:
		return &arrow.TimestampType{Unit: arrowUnit(t), TimeZone: "UTC"}
	case types.IntervalYM:
		return arrow.FixedWidthTypes.MonthInterval
	case types.IntervalDT:
		return arrow.FixedWidthTypes.Duration_ms
	case types.Array:
		return arrow.ListOfField(o.field("element", *t.Elem))
	case types.Map, types.Multiset:
		key := t.Key
		if t.Kind == types.Multiset {
			key = t.Elem
		}
		m := arrow.MapOf(o.ArrowType(*key), o.ArrowType(kidType(t, 1)))
		m.SetItemNullable(kidType(t, 1).IsNullable())
		return m
	case types.Row:
		fs := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fs[i] = o.field(f.Name, f.Type)
		}
		return arrow.StructOf(fs...)
	}
	return arrow.Null
}

func (o ArrowOptions) field(name string, t types.Type) arrow.Field {
	return arrow.Field{Name: name, Type: o.ArrowType(t), Nullable: t.IsNullable()}
}

func arrowUnit(t types.Type) arrow.TimeUnit {
	switch t.PerSecond() {
	case 1_000:
		return arrow.Millisecond
	case 1_000_000:
		return arrow.Microsecond
	}
	return arrow.Nanosecond
}

// ArrowSchema is the Arrow schema of s.
func (o ArrowOptions) ArrowSchema(s types.Schema) *arrow.Schema {
	var fs []arrow.Field
	if o.KindColumn != "" {
		fs = append(fs, arrow.Field{Name: o.KindColumn, Type: arrow.PrimitiveTypes.Int8})
	}
	for _, f := range s {
		fs = append(fs, o.field(f.Name, f.Type))
	}
	return arrow.NewSchema(fs, nil)
}

// ToArrow gives the rows of b as an Arrow record with the column names of s.
// Fixed-width values and, with StringViews, string bytes are not copied: the record
// is valid as long as b is.
func (b *Batch) ToArrow(s types.Schema, o ArrowOptions) arrow.Record {
	n := b.Rows()
	var cols []arrow.Array
	if o.KindColumn != "" {
		kinds := make([]int8, n)
		for i := range kinds {
			kinds[i] = int8(b.Kind(b.Lane(i)))
		}
		cols = append(cols, newArray(arrow.PrimitiveTypes.Int8, n, 0, nil, bytesOf(kinds)))
	}
	for i := range b.Cols {
		c := &b.Cols[i]
		if b.Sel != nil || c.Enc != Flat || c.nestedEnc() {
			dense := Col{}
			dense.Append(0, c, b.Sel, n)
			dense.Flatten(n)
			c = &dense
		}
		cols = append(cols, array.MakeFromData(o.arrowData(c, s[i].Type, n)))
	}
	return array.NewRecord(o.ArrowSchema(s), cols, int64(n))
}

func newArray(t arrow.DataType, n, nulls int, valid []byte, bufs ...[]byte) arrow.Array {
	return array.MakeFromData(newData(t, n, nulls, valid, bufs))
}

func newData(t arrow.DataType, n, nulls int, valid []byte, bufs [][]byte, kids ...arrow.ArrayData) arrow.ArrayData {
	list := []*memory.Buffer{nil}
	if valid != nil {
		list[0] = memory.NewBufferBytes(valid)
	}
	for _, b := range bufs {
		list = append(list, memory.NewBufferBytes(b))
	}
	return array.NewData(t, n, list, kids, nulls, 0)
}

// bytesOf sees a slice of fixed-width values as bytes.
func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return []byte{}
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(s[0])))
}

// validity is the bitmap of lanes that are not null, and how many are.
func (c *Col) validity(n int) ([]byte, int) {
	if c.Nulls == nil {
		return nil, 0
	}
	out := make([]uint64, Words(n))
	nulls := 0
	for i := range n {
		if Bit(c.Nulls, i) {
			nulls++
		} else {
			SetBit(out, i)
		}
	}
	return bytesOf(out), nulls
}

// arrowData makes the data of the first n lanes of a flat column.
func (o ArrowOptions) arrowData(c *Col, t types.Type, n int) arrow.ArrayData {
	at := o.ArrowType(t)
	valid, nulls := c.validity(n)
	one := func(b []byte) arrow.ArrayData { return newData(at, n, nulls, valid, [][]byte{b}) }
	switch c.Type.Phys() {
	case types.PhysBool:
		return one(bytesOf(c.Bits[:Words(n)]))
	case types.PhysI8:
		return one(bytesOf(c.I8[:n]))
	case types.PhysI16:
		return one(bytesOf(c.I16[:n]))
	case types.PhysI32:
		return one(bytesOf(c.I32[:n]))
	case types.PhysI64:
		if t.Kind != types.Decimal {
			return one(bytesOf(c.I64[:n]))
		}
		out := make([]decimal128.Num, n)
		for i, v := range c.I64[:n] {
			out[i] = decimal128.FromI64(v)
		}
		return one(bytesOf(out))
	case types.PhysDec:
		out := make([]decimal128.Num, n)
		for i, v := range c.Dec[:n] {
			out[i] = decimal128.New(v.Hi, v.Lo)
		}
		return one(bytesOf(out))
	case types.PhysF32:
		return one(bytesOf(c.F32[:n]))
	case types.PhysF64:
		return one(bytesOf(c.F64[:n]))
	case types.PhysBytes:
		return newData(at, n, nulls, valid, o.stringBufs(c, n))
	case types.PhysList:
		return o.listData(c, t, n, at, nulls, valid)
	case types.PhysRow:
		kids := make([]arrow.ArrayData, len(c.Kids))
		for i := range kids {
			kids[i] = o.arrowData(&c.Kids[i], t.Fields[i].Type, n)
		}
		return newData(at, n, nulls, valid, nil, kids...)
	}
	return array.NewData(arrow.Null, n, []*memory.Buffer{nil}, nil, n, 0)
}

func (o ArrowOptions) listData(c *Col, t types.Type, n int, at arrow.DataType, nulls int, valid []byte) arrow.ArrayData {
	offs := c.Offs[:n+1]
	elems := int(offs[n])
	var kid arrow.ArrayData
	if t.Kind == types.Array {
		kid = o.arrowData(&c.Kids[0], *t.Elem, elems)
	} else {
		pair := at.(*arrow.MapType).Elem()
		kid = newData(pair, elems, 0, nil, nil,
			o.arrowData(&c.Kids[0], kidType(t, 0), elems), o.arrowData(&c.Kids[1], kidType(t, 1), elems))
	}
	return newData(at, n, nulls, valid, [][]byte{bytesOf(offs)}, kid)
}

// stringBufs are views and what they point into, or offsets and bytes.
func (o ArrowOptions) stringBufs(c *Col, n int) [][]byte {
	views := c.Views[:n]
	if o.StringViews {
		if c.Nulls != nil {
			views = append([]View(nil), views...)
			for i := range views {
				if Bit(c.Nulls, i) {
					views[i] = View{}
				}
			}
		}
		return append([][]byte{bytesOf(views)}, c.Bufs...)
	}
	offs := make([]int32, n+1)
	total := int32(0)
	for i, v := range views {
		if !nullLane(c, i) {
			total += int32(v.Len())
		}
		offs[i+1] = total
	}
	data := make([]byte, 0, total)
	var t [12]byte
	for i := range views {
		if !nullLane(c, i) {
			data = append(data, c.Bytes(i, &t)...)
		}
	}
	return [][]byte{bytesOf(offs), data}
}

// FromArrow makes b the rows of an Arrow record, with the columns of s, found by
// name; columns that the record lacks are NULL. Values are converted where nothing
// is lost (see ColFromArrow). kindColumn names the column of change kinds, or is
// empty. Memory of the record is shared and must come from Go's heap.
func (b *Batch) FromArrow(s types.Schema, rec arrow.Record, kindColumn string) error {
	n := int(rec.NumRows())
	if n > CapRows {
		return fmt.Errorf("a record of %d rows exceeds a batch", n)
	}
	b.Reset()
	b.setCols(len(s))
	b.N = n
	for i, f := range s {
		at := rec.Schema().FieldIndices(f.Name)
		if len(at) == 0 {
			b.Cols[i] = ConstNull(f.Type)
			continue
		}
		c, err := ColFromArrow(f.Type, rec.Column(at[0]))
		if err != nil {
			return fmt.Errorf("column %s: %w", f.Name, err)
		}
		b.Cols[i] = c
	}
	if kindColumn == "" {
		return nil
	}
	if at := rec.Schema().FieldIndices(kindColumn); len(at) > 0 {
		k, ok := rec.Column(at[0]).(*array.Int8)
		if !ok {
			return fmt.Errorf("column %s is not int8", kindColumn)
		}
		for i, v := range k.Int8Values() {
			if v != 0 && b.Kinds == nil {
				b.AllocKinds()
			}
			if v != 0 {
				b.Kinds[i] = Kind(v) & 3
			}
		}
	}
	return nil
}
