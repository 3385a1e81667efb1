package batch

import (
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"

	"github.com/minkstream/mink/engine/types"
)

// ColFromArrow makes a column of type t of an Arrow array. Integers of all widths,
// large and view strings, dictionaries, other time units and struct fields by name
// are converted; an error says what cannot be, or what in the array does not hold
// together. Memory is shared where forms agree.
func ColFromArrow(t types.Type, a arrow.Array) (Col, error) {
	if err := checkArrow(a.Data(), 0); err != nil {
		return Col{}, fmt.Errorf("malformed arrow array: %w", err)
	}
	return colFromArrow(t, a)
}

func colFromArrow(t types.Type, a arrow.Array) (Col, error) {
	n := a.Len()
	c := Col{Type: t}
	if a.NullN() > 0 {
		c.Nulls = make([]uint64, Words(n))
		for i := range n {
			if a.IsNull(i) {
				SetBit(c.Nulls, i)
			}
		}
	}
	if d, ok := a.(*array.Dictionary); ok {
		return fromDictionary(t, d, c.Nulls)
	}
	if _, ok := a.(*array.Null); ok {
		return ConstNull(t), nil
	}
	var ok bool
	switch t.Phys() {
	case types.PhysBool:
		ok = c.fromBools(a, n)
	case types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64:
		ok = c.fromInts(a)
	case types.PhysDec:
		if d, is := a.(*array.Decimal128); is && d.DataType().(*arrow.Decimal128Type).Scale == int32(t.Scale) {
			c.Dec = make([]Dec, n)
			for i, v := range d.Values() {
				c.Dec[i] = Dec{v.HighBits(), v.LowBits()}
			}
			ok = true
		}
	case types.PhysF32, types.PhysF64:
		ok = c.fromFloats(a)
	case types.PhysBytes:
		ok = c.fromStrings(a, n)
	case types.PhysList:
		return c, c.fromList(a, n)
	case types.PhysRow:
		return c, c.fromStruct(a)
	case types.PhysNone:
		ok = true
	}
	if !ok {
		return Col{}, fmt.Errorf("arrow %s does not fit %s", a.DataType(), t)
	}
	return c, nil
}

func (c *Col) fromBools(a arrow.Array, n int) bool {
	b, ok := a.(*array.Boolean)
	if !ok {
		return false
	}
	c.Bits = make([]uint64, Words(n))
	for i := range n {
		if b.Value(i) {
			SetBit(c.Bits, i)
		}
	}
	return true
}

// fromInts takes any integer-backed array into any integer-backed column.
func (c *Col) fromInts(a arrow.Array) bool {
	switch a := a.(type) {
	case *array.Int64:
		return c.setInts(a.Int64Values(), 1, 1)
	case *array.Int32:
		return putInts(c, a.Int32Values(), 1, 1)
	case *array.Int16:
		return putInts(c, a.Int16Values(), 1, 1)
	case *array.Int8:
		return putInts(c, a.Int8Values(), 1, 1)
	case *array.Uint8:
		return putInts(c, a.Uint8Values(), 1, 1)
	case *array.Uint16:
		return putInts(c, a.Uint16Values(), 1, 1)
	case *array.Uint32:
		return putInts(c, a.Uint32Values(), 1, 1)
	case *array.Date32:
		return c.Type.Kind == types.Date && putInts(c, a.Date32Values(), 1, 1)
	case *array.Date64:
		return c.Type.Kind == types.Date && putInts(c, a.Date64Values(), 1, 86_400_000)
	case *array.Time32:
		mul, div := ticks(a.DataType().(*arrow.Time32Type).Unit, 1000)
		return c.Type.Kind == types.Time && putInts(c, a.Time32Values(), mul, div)
	case *array.Time64:
		mul, div := ticks(a.DataType().(*arrow.Time64Type).Unit, 1000)
		return c.Type.Kind == types.Time && putInts(c, a.Time64Values(), mul, div)
	case *array.Timestamp:
		mul, div := ticks(a.DataType().(*arrow.TimestampType).Unit, c.Type.PerSecond())
		return c.Type.IsTimestamp() && putInts(c, a.TimestampValues(), mul, div)
	case *array.Duration:
		mul, div := ticks(a.DataType().(*arrow.DurationType).Unit, 1000)
		return c.Type.Kind == types.IntervalDT && putInts(c, a.DurationValues(), mul, div)
	case *array.MonthInterval:
		return c.Type.Kind == types.IntervalYM && putInts(c, a.MonthIntervalValues(), 1, 1)
	case *array.Decimal128:
		return c.smallDecimals(a)
	}
	return false
}

func (c *Col) smallDecimals(a *array.Decimal128) bool {
	if c.Type.Kind != types.Decimal || a.DataType().(*arrow.Decimal128Type).Scale != int32(c.Type.Scale) {
		return false
	}
	c.I64 = make([]int64, a.Len())
	for i, v := range a.Values() {
		if !a.IsNull(i) && v != decimal128.FromI64(int64(v.LowBits())) {
			return false
		}
		c.I64[i] = int64(v.LowBits())
	}
	return true
}

// ticks is the factor from an Arrow unit to a number of ticks per second.
func ticks(u arrow.TimeUnit, perSecond int64) (mul, div int64) {
	from := [...]int64{arrow.Second: 1, arrow.Millisecond: 1_000, arrow.Microsecond: 1_000_000, arrow.Nanosecond: 1_000_000_000}[u]
	if from <= perSecond {
		return perSecond / from, 1
	}
	return 1, from / perSecond
}

// setInts shares 64-bit values that need no conversion.
func (c *Col) setInts(v []int64, mul, div int64) bool {
	if c.Type.Phys() == types.PhysI64 && mul == 1 && div == 1 && c.Type.Kind != types.Decimal {
		c.I64 = v
		return true
	}
	return putInts(c, v, mul, div)
}

// putInts converts integers, rounding times down, and refuses what does not fit.
func putInts[T ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32](c *Col, v []T, mul, div int64) bool {
	lo, hi := int64(math.MinInt64), int64(math.MaxInt64)
	switch c.Type.Phys() {
	case types.PhysI8:
		c.I8, lo, hi = make([]int8, len(v)), math.MinInt8, math.MaxInt8
	case types.PhysI16:
		c.I16, lo, hi = make([]int16, len(v)), math.MinInt16, math.MaxInt16
	case types.PhysI32:
		c.I32, lo, hi = make([]int32, len(v)), math.MinInt32, math.MaxInt32
	default:
		c.I64 = make([]int64, len(v))
	}
	for i, x := range v {
		y := int64(x) * mul
		if div > 1 {
			q := y / div
			if y%div < 0 {
				q--
			}
			y = q
		} else if mul > 1 && y/mul != int64(x) {
			return false
		}
		if (y < lo || y > hi) && !nullLane(c, i) {
			return false
		}
		switch c.Type.Phys() {
		case types.PhysI8:
			c.I8[i] = int8(y)
		case types.PhysI16:
			c.I16[i] = int16(y)
		case types.PhysI32:
			c.I32[i] = int32(y)
		default:
			c.I64[i] = y
		}
	}
	return true
}

func (c *Col) fromFloats(a arrow.Array) bool {
	wide := c.Type.Phys() == types.PhysF64
	switch a := a.(type) {
	case *array.Float64:
		if !wide {
			return false
		}
		c.F64 = a.Float64Values()
	case *array.Float32:
		if !wide {
			c.F32 = a.Float32Values()
			return true
		}
		c.F64 = make([]float64, a.Len())
		for i, v := range a.Float32Values() {
			c.F64[i] = float64(v)
		}
	default:
		return false
	}
	return true
}

// fromStrings makes views into the array's bytes.
func (c *Col) fromStrings(a arrow.Array, n int) bool {
	c.Views = make([]View, n)
	switch a := a.(type) {
	case *array.String:
		return viewsOf(c, a.ValueOffsets(), bufferOf(a.Data(), 2))
	case *array.Binary:
		return viewsOf(c, a.ValueOffsets(), bufferOf(a.Data(), 2))
	case *array.LargeString:
		return viewsOf(c, a.ValueOffsets(), bufferOf(a.Data(), 2))
	case *array.LargeBinary:
		return viewsOf(c, a.ValueOffsets(), bufferOf(a.Data(), 2))
	case *array.FixedSizeBinary:
		var sb StringBuilder
		for i := range n {
			if !a.IsNull(i) {
				c.Views[i] = sb.Add(c, a.Value(i))
			}
		}
		return true
	case array.ViewLike:
		for _, b := range a.Data().Buffers()[2:] {
			c.Bufs = append(c.Bufs, b.Bytes())
		}
		for i := range n {
			if a.IsNull(i) {
				continue
			}
			h := a.ValueHeader(i)
			if h.IsInline() {
				c.Views[i] = MakeInline(h.InlineBytes())
				continue
			}
			off := uint32(h.BufferOffset())
			c.Views[i] = MakeRef(c.Bufs[h.BufferIndex()][off:off+uint32(h.Len())], uint32(h.BufferIndex()), off)
		}
		return true
	}
	return false
}

// viewsOf makes views of offsets; offsets of 64 bits must still fit 32.
func viewsOf[O int32 | int64](c *Col, offs []O, data []byte) bool {
	if len(offs) == 0 {
		return true
	}
	if int64(offs[len(offs)-1]) > math.MaxUint32 {
		return false
	}
	c.Bufs = [][]byte{data}
	for i := range c.Views {
		c.Views[i] = MakeRef(data[offs[i]:offs[i+1]], 0, uint32(offs[i]))
	}
	return true
}

func fromDictionary(t types.Type, d *array.Dictionary, nulls []uint64) (Col, error) {
	dict, err := colFromArrow(t, d.Dictionary())
	if err != nil {
		return Col{}, err
	}
	n := d.Len()
	if d.Dictionary().Len() == 0 {
		return ConstNull(t), nil
	}
	idx := make([]uint32, n)
	for i := range idx {
		if nulls == nil || !Bit(nulls, i) {
			idx[i] = uint32(d.GetValueIndex(i))
		}
	}
	var c Col
	c.AppendIndex(0, &dict, idx, n)
	if nulls != nil {
		c.growNulls(n)
		for w := range nulls {
			c.Nulls[w] |= nulls[w]
		}
	}
	return c, nil
}

func (c *Col) fromList(a arrow.Array, n int) error {
	l, ok := a.(array.ListLike)
	if !ok {
		return fmt.Errorf("arrow %s does not fit %s", a.DataType(), c.Type)
	}
	c.Offs = make([]uint32, n+1)
	var first, last int64
	for i := range n {
		lo, hi := l.ValueOffsets(i)
		if i == 0 {
			first = lo
		}
		last = hi
		c.Offs[i] = uint32(lo - first)
		c.Offs[i+1] = uint32(hi - first)
	}
	elems := array.NewSlice(l.ListValues(), first, last)
	kids := []arrow.Array{elems}
	if st, ok := elems.(*array.Struct); ok && kidCount(c.Type) == 2 {
		kids = []arrow.Array{st.Field(0), st.Field(1)}
	}
	if len(kids) != kidCount(c.Type) {
		return fmt.Errorf("arrow %s does not fit %s", a.DataType(), c.Type)
	}
	c.Kids = make([]Col, len(kids))
	for i := range kids {
		kid, err := colFromArrow(kidType(c.Type, i), kids[i])
		if err != nil {
			return err
		}
		kid.Flatten(int(last - first))
		c.Kids[i] = kid
	}
	return nil
}

func (c *Col) fromStruct(a arrow.Array) error {
	st, ok := a.(*array.Struct)
	if !ok {
		return fmt.Errorf("arrow %s does not fit %s", a.DataType(), c.Type)
	}
	at := st.DataType().(*arrow.StructType)
	c.Kids = make([]Col, len(c.Type.Fields))
	for i, f := range c.Type.Fields {
		k, found := at.FieldIdx(f.Name)
		if !found {
			c.Kids[i] = ConstNull(f.Type)
			continue
		}
		kid, err := colFromArrow(f.Type, st.Field(k))
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		c.Kids[i] = kid
	}
	return nil
}

// TypeFromArrow is the SQL type that takes an Arrow type, or false if there is none.
func TypeFromArrow(a arrow.DataType, nullable bool) (types.Type, bool) {
	t, ok := typeFromArrow(a)
	return t.Nullable(nullable), ok
}

func typeFromArrow(a arrow.DataType) (types.Type, bool) {
	prec := func(u arrow.TimeUnit) int {
		return map[arrow.TimeUnit]int{arrow.Second: 0, arrow.Millisecond: 3, arrow.Microsecond: 6, arrow.Nanosecond: 9}[u]
	}
	switch a := a.(type) {
	case *arrow.NullType:
		return types.NullT, true
	case *arrow.BooleanType:
		return types.BooleanT, true
	case *arrow.Int8Type:
		return types.TinyIntT, true
	case *arrow.Int16Type, *arrow.Uint8Type:
		return types.SmallIntT, true
	case *arrow.Int32Type, *arrow.Uint16Type:
		return types.IntT, true
	case *arrow.Int64Type, *arrow.Uint32Type:
		return types.BigIntT, true
	case *arrow.Float32Type:
		return types.FloatT, true
	case *arrow.Float64Type:
		return types.DoubleT, true
	case *arrow.Decimal128Type:
		fits := a.Precision >= 1 && a.Precision <= 38 && a.Scale >= 0 && a.Scale <= a.Precision
		return types.DecimalT(int(a.Precision), int(a.Scale)), fits
	case *arrow.StringType, *arrow.LargeStringType, *arrow.StringViewType:
		return types.StringT, true
	case *arrow.BinaryType, *arrow.LargeBinaryType, *arrow.BinaryViewType:
		return types.BytesT, true
	case *arrow.FixedSizeBinaryType:
		return types.Type{Kind: types.Binary, Prec: a.ByteWidth}, true
	case *arrow.Date32Type, *arrow.Date64Type:
		return types.DateT, true
	case *arrow.Time32Type:
		return types.Type{Kind: types.Time, Prec: prec(a.Unit)}, true
	case *arrow.Time64Type:
		return types.Type{Kind: types.Time, Prec: 3}, true
	case *arrow.TimestampType:
		if a.TimeZone != "" {
			return types.TimestampLTZT(prec(a.Unit)), true
		}
		return types.TimestampT(prec(a.Unit)), true
	case *arrow.MonthIntervalType:
		return types.YearMonthT(), true
	case *arrow.DurationType:
		return types.DayTimeT(), true
	case *arrow.DictionaryType:
		return typeFromArrow(a.ValueType)
	case *arrow.MapType:
		k, ok1 := TypeFromArrow(a.KeyType(), false)
		v, ok2 := TypeFromArrow(a.ItemType(), a.ItemField().Nullable)
		return types.MapT(k, v), ok1 && ok2
	case arrow.ListLikeType:
		e, ok := TypeFromArrow(a.Elem(), a.ElemField().Nullable)
		return types.ArrayT(e), ok
	case *arrow.StructType:
		var fs []types.Field
		for _, f := range a.Fields() {
			t, ok := TypeFromArrow(f.Type, f.Nullable)
			if !ok {
				return types.Type{}, false
			}
			fs = append(fs, types.Field{Name: f.Name, Type: t})
		}
		return types.RowT(fs...), true
	}
	return types.Type{}, false
}
