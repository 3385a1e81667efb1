package format

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Rows fills the columns of a batch row by row.
//
// A decoder makes one from its schema and projection, calls Begin at the start of
// Decode, Buffer for each piece of input, then for every row the Put methods of
// the columns in any order and EndRow, or Undo when the row turns out bad; End
// says how many rows the batch has. Columns that are not read are nil.
type Rows struct {
	Cols []*Column

	ts    []types.Type
	dst   *batch.Batch
	n     int // rows so far
	max   int // lanes there is room for
	kinds []batch.Kind
	mixed bool
}

// NewRows plans columns of the schema's types; read nil reads all.
func NewRows(s types.Schema, read connect.Projection) *Rows {
	r := &Rows{ts: s.Types(), Cols: make([]*Column, len(s))}
	need := newNeed(read)
	for i := range s {
		if k := need.child(i); k != nil {
			r.Cols[i] = newColumn(s[i].Type, k)
		}
	}
	return r
}

// Begin binds the columns to dst, with room for max rows behind those it has. A
// dst that has rows must be the one of the call before.
func (r *Rows) Begin(dst *batch.Batch, max int) {
	if dst.N > 0 && dst == r.dst {
		r.max = dst.N + max
		return
	}
	// First without lanes, so that columns that are not read take no memory.
	dst.Alloc(r.ts, 0)
	r.dst, r.n, r.max, r.mixed = dst, 0, max, false
	for i, c := range r.Cols {
		if c == nil {
			dst.Cols[i] = batch.Col{}
			continue
		}
		c.bind(&dst.Cols[i], max)
	}
}

// BeginMessage is Begin for a message, which may give any number of rows, up to
// what a batch can have.
func (r *Rows) BeginMessage(dst *batch.Batch) {
	r.Begin(dst, batch.MaxRows)
	r.max = batch.CapRows
}

// BeginMessages is Begin for messages, of which only the last one may give more rows than
// max, up to what a batch can have.
func (r *Rows) BeginMessages(dst *batch.Batch, max int) {
	r.Begin(dst, min(max, batch.CapRows))
	r.max = batch.CapRows
}

// Buffer names the bytes that Ref points into from now on. They must never
// change.
func (r *Rows) Buffer(data []byte) {
	for _, c := range r.Cols {
		if c != nil {
			c.buffer(data)
		}
	}
}

// N is the number of rows; Full reports that there is no room for n more.
func (r *Rows) N() int          { return r.n }
func (r *Rows) Full(n int) bool { return r.n+n > r.max }

// EndRow ends a row; columns that got no value get NULL.
func (r *Rows) EndRow(kind batch.Kind) {
	n := r.n + 1
	for _, c := range r.Cols {
		if c != nil && c.n < n {
			c.Null()
		}
	}
	if kind != batch.Insert && !r.mixed {
		r.mixed = true
		// AllocKinds makes N of them, all inserts.
		r.dst.N = max(r.max, n)
		r.kinds = r.dst.AllocKinds()
	}
	if r.mixed {
		if r.n == len(r.kinds) {
			r.kinds = append(r.kinds, batch.Insert)
		}
		r.kinds[r.n] = kind
	}
	r.n = n
}

// EndFull is EndRow of an insert when every column that is read got a value.
func (r *Rows) EndFull() {
	if r.mixed {
		r.EndRow(batch.Insert)
		return
	}
	r.n++
}

// Undo drops the values of the row that was begun.
func (r *Rows) Undo() {
	for _, c := range r.Cols {
		if c != nil {
			c.truncate(r.n)
		}
	}
}

// Cut drops whole rows from n on.
func (r *Rows) Cut(n int) {
	r.n = n
	r.Undo()
}

// End writes the number of rows to the batch.
func (r *Rows) End() {
	r.dst.N = r.n
	if r.mixed {
		r.dst.Kinds = r.kinds[:r.n]
	}
}

// Column is a column being filled. One value is put per row; a second one for the
// same row replaces the first if Drop is called before.
type Column struct {
	Type types.Type
	// Kids are the fields of a ROW (nil where not read), the element of an ARRAY,
	// key and value of a MAP, element and count of a MULTISET.
	Kids []*Column

	phys types.Phys
	col  *batch.Col
	n    int // lanes filled
	cap  int // lanes there is room for, a multiple of 64 in lists

	data  []byte // what Ref points into
	buf   uint32 // its number in col, once known
	known bool
	str   *batch.StringBuilder

	// The date of the last timestamp, as text and as days: the next one tends to be
	// of the same day.
	date  [2]uint64
	days  int32
	dated bool

	variant *kernel.VariantBuilder
	scratch []byte
}

func newColumn(t types.Type, need *need) *Column {
	c := &Column{Type: t, phys: t.Phys()}
	switch c.phys {
	case types.PhysBytes:
		c.str = &batch.StringBuilder{}
	case types.PhysRow:
		c.Kids = make([]*Column, len(t.Fields))
		for i := range t.Fields {
			if k := need.child(i); k != nil {
				c.Kids[i] = newColumn(t.Fields[i].Type, k)
			}
		}
	case types.PhysList:
		c.Kids = []*Column{newColumn(batch.KidType(t, 0), all)}
		if t.Kind != types.Array {
			c.Kids = append(c.Kids, newColumn(batch.KidType(t, 1), all))
		}
	}
	return c
}

func (c *Column) bind(col *batch.Col, lanes int) {
	c.col, c.n, c.cap, c.known = col, 0, lanes, false
	switch c.phys {
	case types.PhysRow:
		col.Alloc(c.Type, 0)
		for i, k := range c.Kids {
			if k == nil {
				col.Kids[i] = batch.Col{}
				continue
			}
			k.bind(&col.Kids[i], lanes)
		}
	case types.PhysList:
		col.Alloc(c.Type, lanes)
		for i, k := range c.Kids {
			k.bind(&col.Kids[i], 0)
		}
	default:
		col.Alloc(c.Type, lanes)
	}
}

func (c *Column) buffer(data []byte) {
	c.data, c.known = data, false
	for _, k := range c.Kids {
		if k != nil {
			k.buffer(data)
		}
	}
}

// grow makes room for more lanes: elements of lists, and rows past the batch that
// was planned.
func (c *Column) grow() {
	had := c.cap
	c.cap = max(64, 2*had) &^ 63
	nulls := c.col.Nulls
	c.col.Resize(had, c.cap)
	if nulls != nil {
		// New words of the bitmap hold anything; so does the rest of the last one.
		for l := had; l < c.cap && l&63 != 0; l++ {
			batch.ClearBit(c.col.Nulls, l)
		}
		clear(c.col.Nulls[batch.Words(had):batch.Words(c.cap)])
	}
}

// N is the number of values.
func (c *Column) N() int { return c.n }

// Drop takes back the last value.
func (c *Column) Drop() { c.truncate(c.n - 1) }

// Undo drops elements and fields that were put since the last value was ended.
func (c *Column) Undo() { c.truncate(c.n) }

func (c *Column) truncate(n int) {
	if c.col.Nulls != nil {
		for l := n; l < c.n; l++ {
			batch.ClearBit(c.col.Nulls, l)
		}
	}
	c.n = n
	switch c.phys {
	case types.PhysRow:
		for _, k := range c.Kids {
			if k != nil && k.n >= n { // as many: lists below may have been begun
				k.truncate(n)
			}
		}
	case types.PhysList:
		end := int(c.col.Offs[n])
		for _, k := range c.Kids {
			if k.n >= end {
				k.truncate(end)
			}
		}
	}
}

// next takes a lane.
func (c *Column) next() int {
	if c.n >= c.cap {
		c.grow()
	}
	l := c.n
	c.n = l + 1
	return l
}

// Null puts NULL.
func (c *Column) Null() {
	l := c.next()
	c.col.SetNull(l, c.cap)
	switch c.phys {
	case types.PhysBytes:
		c.col.Views[l] = batch.View{}
	case types.PhysList:
		// Elements of a list that was begun and given up are dropped.
		end := c.col.Offs[l]
		c.col.Offs[l+1] = end
		for _, k := range c.Kids {
			if k.n > int(end) {
				k.truncate(int(end))
			}
		}
	case types.PhysRow:
		for _, k := range c.Kids {
			if k != nil {
				if k.n > l {
					k.truncate(l)
				}
				k.Null()
			}
		}
	}
}

// Bool puts a BOOLEAN.
func (c *Column) Bool(v bool) {
	l := c.next()
	if v {
		batch.SetBit(c.col.Bits, l)
	} else {
		batch.ClearBit(c.col.Bits, l)
	}
}

// I64 puts a value of a type laid out as int64.
func (c *Column) I64(v int64) { l := c.next(); c.col.I64[l] = v }

// I32 puts a value of a type laid out as int32.
func (c *Column) I32(v int32) { l := c.next(); c.col.I32[l] = v }

// I16 puts a SMALLINT, I8 a TINYINT.
func (c *Column) I16(v int16) { l := c.next(); c.col.I16[l] = v }
func (c *Column) I8(v int8)   { l := c.next(); c.col.I8[l] = v }

// F64 puts a DOUBLE, F32 a FLOAT.
func (c *Column) F64(v float64) { l := c.next(); c.col.F64[l] = v }
func (c *Column) F32(v float32) { l := c.next(); c.col.F32[l] = v }

// Timestamp puts the timestamp that s is the text of, and reports false when it is
// none.
func (c *Column) Timestamp(s []byte, form TimeForm) bool {
	if len(s) < 10 {
		return false
	}
	date := [2]uint64{binary.LittleEndian.Uint64(s), uint64(binary.LittleEndian.Uint16(s[8:]))}
	if !c.dated || date != c.date {
		days, ok := ParseDate(s[:10])
		if !ok {
			return false
		}
		c.date, c.days, c.dated = date, days, true
	}
	v, ok := timestampOn(c.days, s[10:], c.Type.Prec, c.Type.PerSecond(), form)
	if ok {
		c.I64(v)
	}
	return ok
}

// Dec puts an unscaled DECIMAL.
func (c *Column) Dec(v batch.Dec) {
	l := c.next()
	if c.phys == types.PhysI64 {
		c.col.I64[l] = int64(v.Lo)
		return
	}
	c.col.Dec[l] = v
}

// Ref puts the string data[from:to] of the current buffer, without copying.
func (c *Column) Ref(from, to int) {
	l := c.next()
	n := to - from
	if n > batch.InlineMax {
		if !c.known {
			c.buf, c.known = c.col.AddBuf(c.data), true
		}
		c.col.Views[l] = batch.View{
			A: uint64(n) | uint64(binary.LittleEndian.Uint32(c.data[from:]))<<32,
			B: uint64(c.buf) | uint64(from)<<32,
		}
		return
	}
	if from+16 <= len(c.data) {
		// Read past the value and mask.
		a := uint64(binary.LittleEndian.Uint32(c.data[from:]))
		b := binary.LittleEndian.Uint64(c.data[from+4:])
		if n < 4 {
			a &= 1<<(8*uint(n)) - 1
			b = 0
		} else {
			// A shift by 64 or more gives 0, so a full value keeps all its bits.
			b &= 1<<(8*uint(n-4)) - 1
		}
		c.col.Views[l] = batch.View{A: uint64(n) | a<<32, B: b}
		return
	}
	c.col.Views[l] = batch.MakeInline(c.data[from:to])
}

// Bytes puts a string or binary value, copying it.
func (c *Column) Bytes(v []byte) {
	l := c.next()
	c.col.Views[l] = c.str.Add(c.col, v)
}

// Variant puts a VARIANT of JSON text; false when it is none. Of a name that is twice in
// an object the last one counts.
func (c *Column) Variant(doc []byte) bool {
	if c.variant == nil {
		c.variant = &kernel.VariantBuilder{}
	}
	v, ok := c.variant.Build(c.scratch[:0], doc, true)
	c.scratch = v
	if ok {
		c.Bytes(v)
	}
	return ok
}

// EndList ends an ARRAY, MAP or MULTISET with the values put to its Kids.
func (c *Column) EndList() {
	l := c.next()
	c.col.Offs[l+1] = uint32(c.Kids[0].n)
}

// EndStruct ends a ROW; fields that got no value get NULL.
func (c *Column) EndStruct() {
	n := c.n + 1
	for _, k := range c.Kids {
		if k != nil && k.n < n {
			k.Null()
		}
	}
	c.next()
}
