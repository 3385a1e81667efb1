package batch

import (
	"math"

	"github.com/minkstream/mink/engine/types"
)

// Builder fills a column value by value. It is for tests, VALUES, decoders of
// small things: not for hot paths.
//
// Rows and lists are made by appending to the builders of the children and then
// ending the value: Kid(i) of every field, EndRow; Kid(0) for each element (and
// Kid(1) for values of a MAP), EndList.
type Builder struct {
	c       *Col
	n       int
	kids    []*Builder
	str     StringBuilder
	scratch []byte
}

// NewBuilder starts a column of type t.
func NewBuilder(t types.Type) *Builder {
	b := &Builder{c: &Col{}}
	b.start(t)
	return b
}

func (b *Builder) start(t types.Type) {
	b.c.Alloc(t, 0)
	b.n = 0
	b.kids = make([]*Builder, len(b.c.Kids))
	for i := range b.kids {
		b.kids[i] = &Builder{c: &b.c.Kids[i]}
		b.kids[i].start(kidType(t, i))
	}
}

// Len is the number of values appended.
func (b *Builder) Len() int { return b.n }

// Type is the type of the column.
func (b *Builder) Type() types.Type { return b.c.Type }

// Kid is the builder of child i of a ROW, ARRAY, MAP or MULTISET.
func (b *Builder) Kid(i int) *Builder { return b.kids[i] }

// next makes room for a value that is not NULL and returns its lane.
func (b *Builder) next() int {
	l := b.n
	b.n++
	b.c.grow(b.n)
	appendNullBits[uint16](b.c, l, nil, nil, 1)
	return l
}

// AppendNull appends NULL; in a ROW, also to the fields.
func (b *Builder) AppendNull() {
	switch b.c.Type.Kind {
	case types.Row:
		for _, k := range b.kids {
			k.AppendNull()
		}
		b.n++
		b.c.growNulls(b.n)
		SetBit(b.c.Nulls, b.n-1)
	default:
		nullCol(b.c, b.n, 1)
		b.n++
	}
}

// AppendInt appends a value of any integer-backed type: TINYINT to BIGINT, dates,
// times, timestamps in their ticks, intervals, unscaled decimals.
func (b *Builder) AppendInt(v int64) {
	l := b.next()
	switch c := b.c; c.mem.phys {
	case types.PhysBool:
		setBits(c.Bits, l, 1, v != 0)
	case types.PhysI8:
		c.I8[l] = int8(v)
	case types.PhysI16:
		c.I16[l] = int16(v)
	case types.PhysI32:
		c.I32[l] = int32(v)
	case types.PhysI64:
		c.I64[l] = v
	case types.PhysDec:
		c.Dec[l] = DecOf(v)
	case types.PhysF32:
		c.F32[l] = float32(v)
	case types.PhysF64:
		c.F64[l] = float64(v)
	default:
		panic("batch: AppendInt to " + c.Type.String())
	}
}

// AppendBool appends a BOOLEAN.
func (b *Builder) AppendBool(v bool) {
	l := b.next()
	setBits(b.c.Bits, l, 1, v)
}

// AppendFloat appends a FLOAT or DOUBLE.
func (b *Builder) AppendFloat(v float64) {
	l := b.next()
	if b.c.mem.phys == types.PhysF32 {
		b.c.F32[l] = float32(v)
		return
	}
	b.c.F64[l] = v
}

// AppendDec appends a DECIMAL by its unscaled value.
func (b *Builder) AppendDec(v Dec) {
	l := b.next()
	if b.c.mem.phys == types.PhysI64 {
		b.c.I64[l] = int64(v.Lo)
		return
	}
	b.c.Dec[l] = v
}

// AppendBytes appends a string or binary value, which is copied.
func (b *Builder) AppendBytes(v []byte) {
	l := b.next()
	b.c.Views[l] = b.str.Add(b.c, v)
}

// AppendString is AppendBytes of a string.
func (b *Builder) AppendString(v string) { b.AppendBytes([]byte(v)) }

// EndRow ends a ROW whose fields have been appended.
func (b *Builder) EndRow() {
	for _, k := range b.kids {
		if k.n != b.n+1 {
			panic("batch: EndRow with a field missing")
		}
	}
	b.next()
}

// EndList ends an ARRAY, MAP or MULTISET with the elements appended since the last.
func (b *Builder) EndList() {
	l := b.next()
	b.c.Offs[l+1] = uint32(b.kids[0].n)
}

// Append appends lane l of src, of the same type.
func (b *Builder) Append(src *Col, l int) {
	b.c.AppendRepeat(b.n, src, l, 1)
	b.n++
	b.sync()
}

// sync brings the counts of children up to date after a bulk append.
func (b *Builder) sync() {
	for i, k := range b.kids {
		k.c = &b.c.Kids[i]
		if b.c.mem.phys == types.PhysRow {
			k.n = b.n
		} else {
			k.n = int(b.c.Offs[b.n])
		}
		k.sync()
	}
}

// Finish returns the column and starts a new one of the same type.
func (b *Builder) Finish() Col {
	out := *b.c
	t := out.Type
	out.mem = nil
	disown(out.Kids)
	b.c = &Col{}
	b.str = StringBuilder{}
	b.start(t)
	return out
}

func disown(kids []Col) {
	for i := range kids {
		kids[i].mem = nil
		disown(kids[i].Kids)
	}
}

// BatchBuilder fills a batch row by row.
type BatchBuilder struct {
	Cols  []*Builder
	kinds []Kind
	mixed bool
}

// NewBatchBuilder starts a batch with columns of the given types.
func NewBatchBuilder(ts ...types.Type) *BatchBuilder {
	b := &BatchBuilder{}
	for _, t := range ts {
		b.Cols = append(b.Cols, NewBuilder(t))
	}
	return b
}

// Col is the builder of column i.
func (b *BatchBuilder) Col(i int) *Builder { return b.Cols[i] }

// EndRow ends a row, to every column of which a value was appended.
func (b *BatchBuilder) EndRow(k Kind) {
	b.kinds = append(b.kinds, k)
	b.mixed = b.mixed || k != Insert
	for _, c := range b.Cols {
		if c.n != len(b.kinds) {
			panic("batch: EndRow with a column missing")
		}
	}
}

// Row appends a row of Go values, as Builder.AppendAny takes them.
func (b *BatchBuilder) Row(k Kind, values ...any) {
	for i, v := range values {
		b.Cols[i].AppendAny(v)
	}
	b.EndRow(k)
}

// Len is the number of rows so far.
func (b *BatchBuilder) Len() int { return len(b.kinds) }

// Finish returns the batch and starts a new one.
func (b *BatchBuilder) Finish() *Batch {
	out := &Batch{N: len(b.kinds), Cols: make([]Col, len(b.Cols))}
	for i, c := range b.Cols {
		out.Cols[i] = c.Finish()
	}
	if b.mixed {
		out.Kinds = b.kinds
	}
	b.kinds, b.mixed = nil, false
	return out
}

// AppendAny appends a Go value: nil, bool, int, int64, float64, string, []byte,
// Dec, []any for rows, lists and flattened key, value, key, value for maps.
func (b *Builder) AppendAny(v any) {
	switch v := v.(type) {
	case nil:
		b.AppendNull()
	case bool:
		b.AppendBool(v)
	case int:
		b.AppendInt(int64(v))
	case int64:
		b.AppendInt(v)
	case float64:
		b.AppendFloat(v)
	case float32:
		b.AppendFloat(float64(v))
	case string:
		b.AppendString(v)
	case []byte:
		b.AppendBytes(v)
	case Dec:
		b.AppendDec(v)
	case []any:
		for i, e := range v {
			if b.c.mem.phys == types.PhysRow {
				b.kids[i].AppendAny(e)
			} else {
				b.kids[i%len(b.kids)].AppendAny(e)
			}
		}
		if b.c.mem.phys == types.PhysRow {
			b.EndRow()
		} else {
			b.EndList()
		}
	default:
		panic("batch: AppendAny of an unknown Go type")
	}
}

// Any is the value of a lane as a Go value, for tests and debugging: nil, bool,
// int64 (all integer-backed layouts), float64, string (strings and binary), Dec,
// []any (rows, lists; maps as key, value, key, value).
func (c *Col) Any(lane int) any {
	if c.IsNull(lane) {
		return nil
	}
	l := c.valueLane(lane)
	switch p := c.Type.Phys(); p {
	case types.PhysBool:
		return Bit(c.Bits, l)
	case types.PhysI8, types.PhysI16, types.PhysI32, types.PhysI64:
		return int64(fixedBits(c, l, p))
	case types.PhysF32:
		return float64(c.F32[l])
	case types.PhysF64:
		return c.F64[l]
	case types.PhysDec:
		return c.Dec[l]
	case types.PhysBytes:
		var t [12]byte
		return string(c.Bytes(l, &t))
	case types.PhysRow:
		out := make([]any, len(c.Kids))
		for i := range c.Kids {
			out[i] = c.Kids[i].Any(l)
		}
		return out
	case types.PhysList:
		out := []any{}
		for k := c.Offs[l]; k < c.Offs[l+1]; k++ {
			for i := range c.Kids {
				out = append(out, c.Kids[i].Any(int(k)))
			}
		}
		return out
	}
	return nil
}

// Int is the value of a lane of an integer-backed column.
func (c *Col) Int(lane int) int64 {
	l := c.valueLane(lane)
	return int64(fixedBits(c, l, c.Type.Phys()))
}

// Float is the value of a lane of a FLOAT or DOUBLE column.
func (c *Col) Float(lane int) float64 {
	l := c.valueLane(lane)
	switch c.Type.Phys() {
	case types.PhysF32:
		return float64(c.F32[l])
	case types.PhysF64:
		return c.F64[l]
	}
	return math.NaN()
}
