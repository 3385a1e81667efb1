package state

import (
	"encoding/binary"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// Codec turns rows of given types into bytes and back: what is kept as blob or
// payload. Equal rows have equal bytes.
type Codec struct {
	rows *batch.RowCodec
	ts   []types.Type
	ptrs []*batch.Col
	str  batch.StringBuilder
}

// NewCodec makes a codec for rows of the given column types.
func NewCodec(ts []types.Type) *Codec {
	return &Codec{rows: batch.NewRowCodec(ts), ts: ts}
}

// Types are those of the columns.
func (c *Codec) Types() []types.Type { return c.ts }

// Append appends the bytes of one row: the columns cols of b, in the codec's
// order, at lane.
func (c *Codec) Append(dst []byte, b *batch.Batch, cols []int, lane int) []byte {
	c.ptrs = c.ptrs[:0]
	for _, k := range cols {
		c.ptrs = append(c.ptrs, &b.Cols[k])
	}
	return c.rows.EncodeRow(dst, c.ptrs, lane)
}

// AppendRows appends the rows of b at the lanes of sel, with all columns of b. Row i is
// dst[offs[i]:offs[i+1]].
func (c *Codec) AppendRows(dst []byte, offs []uint32, b *batch.Batch, sel []uint16) ([]byte, []uint32) {
	return c.rows.EncodeRows(dst, offs, b, nil, sel)
}

// Decode writes rows to columns: column cols[k] of the codec goes to out[k], rows
// to lanes at, at+1, ... The columns have room for them (Alloc or Resize). Bytes
// of strings are copied, so rows may be temporary. cols nil means all columns.
func (c *Codec) Decode(out []batch.Col, at int, cols []int, rows [][]byte) {
	for k := range out {
		f := k
		if cols != nil {
			f = cols[k]
		}
		c.rows.DecodeField(&out[k], at, f, rows, &c.str)
	}
}

// Ordering turns ORDER BY columns into bytes that compare as SQL orders them.
type Ordering struct {
	by  []OrderBy
	buf []byte
}

// OrderBy says how one column of an Ordering is sorted.
type OrderBy struct {
	Type types.Type
	// Desc sorts downwards. NullsLast makes NULL the highest value, so that it
	// comes last upwards and first downwards; otherwise it is the lowest.
	Desc, NullsLast bool
}

// NewOrdering makes an ordering over columns.
func NewOrdering(cols []OrderBy) *Ordering { return &Ordering{by: cols} }

// Append gives the order of a row: the first eight bytes as a word, which decides
// most comparisons, and the rest, appended to dst. An ordering over one column of
// at most 8 bytes that is NOT NULL has no rest.
func (o *Ordering) Append(dst []byte, b *batch.Batch, cols []int, lane int) (word uint64, rest []byte) {
	if len(o.by) == 1 && o.by[0].Type.NotNull {
		if w, ok := intWord(&b.Cols[cols[0]], lane); ok {
			if o.by[0].Desc {
				w = ^w
			}
			return w, dst
		}
	}
	o.buf = o.buf[:0]
	for i, by := range o.by {
		c := &b.Cols[cols[i]]
		if by.Type.Phys() == types.PhysI64 {
			o.buf = appendInt64(o.buf, c, lane, by)
			continue
		}
		// A flag decides where NULL goes, so values sort behind or before it
		// whatever the direction.
		highest := by.NullsLast != by.Desc
		if c.IsNull(lane) {
			o.buf = append(o.buf, nullByte(highest))
			continue
		}
		o.buf = append(o.buf, 1)
		at := len(o.buf)
		o.buf = batch.AppendOrder(o.buf, c, lane)
		if by.Desc {
			for k := at; k < len(o.buf); k++ {
				o.buf[k] = ^o.buf[k]
			}
		}
	}
	var head [8]byte
	n := copy(head[:], o.buf)
	return binary.BigEndian.Uint64(head[:]), append(dst, o.buf[n:]...)
}

// nullByte stands before (0) or behind (2) the flag of a value.
func nullByte(highest bool) byte {
	if highest {
		return 2
	}
	return 0
}

func appendInt64(dst []byte, c *batch.Col, lane int, by OrderBy) []byte {
	if c.IsNull(lane) {
		return append(dst, nullByte(by.NullsLast != by.Desc))
	}
	if c.Enc == batch.Const {
		lane = 0
	}
	v := uint64(c.I64[lane]) ^ 1<<63
	if by.Desc {
		v = ^v
	}
	return binary.BigEndian.AppendUint64(append(dst, 1), v)
}

// intWord maps an integer value to a word of the same order.
func intWord(c *batch.Col, lane int) (uint64, bool) {
	if c.Enc == batch.Const {
		lane = 0
	}
	var v int64
	switch c.Type.Phys() {
	case types.PhysI64:
		v = c.I64[lane]
	case types.PhysI32:
		v = int64(c.I32[lane])
	case types.PhysI16:
		v = int64(c.I16[lane])
	case types.PhysI8:
		v = int64(c.I8[lane])
	default:
		return 0, false
	}
	return uint64(v) ^ 1<<63, true
}
