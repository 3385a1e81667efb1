package batch

import (
	"encoding/binary"
	"math"

	"github.com/minkstream/mink/engine/types"
)

// RowCodec turns rows of fixed types to compact bytes and back. A row is
//
//	nulls    one bit a field
//	fixed    the values of fixed width, little endian, 1 to 16 bytes by layout
//	ends     4 bytes for each other field: where its bytes end, from the start of bytes
//	bytes    strings as they are, nested values by value.go's form
//
// so that one field can be read without the others. NULL fields keep their place.
// The form belongs to this version of mink; it is equal for equal rows.
type RowCodec struct {
	ts    []types.Type
	place []int // of a fixed field: its offset; of another: its index among ends
	width []int // 0 of fields with variable length
	ends  int   // offset of ends
	vars  int

	variable []bool // by field: it has no fixed width
	head     int    // offset of bytes
	deep     bool
}

// NewRowCodec makes the codec of rows with fields of the given types.
func NewRowCodec(ts []types.Type) *RowCodec {
	r := &RowCodec{ts: ts, place: make([]int, len(ts)), width: make([]int, len(ts)), variable: make([]bool, len(ts))}
	at := (len(ts) + 7) / 8
	for i, t := range ts {
		p := t.Phys()
		r.width[i] = keyWidth(p)
		switch {
		case p == types.PhysBytes || t.IsNested():
			r.place[i], r.variable[i] = r.vars, true
			r.vars++
			r.deep = r.deep || t.IsNested()
		default:
			r.place[i] = at
			at += r.width[i]
		}
	}
	r.ends = at
	r.head = at + 4*r.vars
	return r
}

func (r *RowCodec) isVar(f int) bool { return r.variable[f] }

// EncodeRows appends rows to dst: of columns cols of b (nil: all), the lanes sel
// (nil: all rows of b). Row i of them is dst[offs[i]:offs[i+1]]; offs is appended
// to, and begun with len(dst) when it is empty.
func (r *RowCodec) EncodeRows(dst []byte, offs []uint32, b *Batch, cols []int, sel []uint16) ([]byte, []uint32) {
	if sel == nil {
		sel = b.Sel
	}
	if sel == nil {
		sel = Span(0, b.N)
	}
	if len(offs) == 0 {
		offs = append(offs, uint32(len(dst)))
	}
	var few [32]*Col
	list := few[:0]
	for i := range r.ts {
		j := i
		if cols != nil {
			j = cols[i]
		}
		list = append(list, &b.Cols[j])
	}
	if r.deep {
		for _, l := range sel {
			dst = r.EncodeRow(dst, list, int(l))
			offs = append(offs, uint32(len(dst)))
		}
		return dst, offs
	}
	return r.encodeFlat(dst, offs, list, sel)
}

// encodeFlat goes column by column; sizes first, then values.
func (r *RowCodec) encodeFlat(dst []byte, offs []uint32, cols []*Col, sel []uint16) ([]byte, []uint32) {
	first := len(offs) - 1
	at := offs[first]
	for range sel {
		offs = append(offs, uint32(r.head))
	}
	rows := offs[first+1:]
	for f, c := range cols {
		if !r.isVar(f) {
			continue
		}
		if c.Enc == Flat && c.Nulls == nil {
			for i, l := range sel {
				rows[i] += uint32(c.Views[l].A)
			}
			continue
		}
		for i, l := range sel {
			if !c.IsNull(int(l)) {
				rows[i] += uint32(c.Views[c.valueLane(int(l))].Len())
			}
		}
	}
	for i, n := range rows {
		at += n
		rows[i] = at
	}
	base := int(offs[first])
	dst = extend(dst[:base], int(at))
	starts := offs[first : len(offs)-1]
	for _, s := range starts {
		clear(dst[s : int(s)+r.head])
	}
	for f, c := range cols {
		r.encodeField(dst, starts, f, c, sel)
	}
	return dst, offs
}

func (r *RowCodec) encodeField(dst []byte, starts []uint32, f int, c *Col, sel []uint16) {
	if r.isVar(f) {
		k := r.place[f]
		var t [12]byte
		if c.Enc == Flat && c.Nulls == nil {
			for i, l := range sel {
				row := dst[starts[i]:]
				from := r.from(row, k)
				v := c.Views[l]
				if n := v.Len(); n <= InlineMax {
					copy(row[r.head+from:], v.Inline(&t))
					from += n
				} else {
					off := v.Off()
					from += copy(row[r.head+from:], c.Bufs[v.Buf()][off:off+uint32(n)])
				}
				binary.LittleEndian.PutUint32(row[r.ends+4*k:], uint32(from))
			}
			return
		}
		for i, l := range sel {
			row := dst[starts[i]:]
			from := r.from(row, k)
			if c.IsNull(int(l)) {
				row[f>>3] |= 1 << (f & 7)
			} else {
				from += copy(row[r.head+from:], c.Bytes(c.valueLane(int(l)), &t))
			}
			binary.LittleEndian.PutUint32(row[r.ends+4*k:], uint32(from))
		}
		return
	}
	at := r.place[f]
	flat := c.Enc == Flat && c.Nulls == nil
	if flat && c.Type.Phys() == types.PhysI64 {
		for i, l := range sel {
			binary.LittleEndian.PutUint64(dst[int(starts[i])+at:], uint64(c.I64[l]))
		}
		return
	}
	for i, l := range sel {
		row := dst[starts[i]:]
		if c.IsNull(int(l)) {
			row[f>>3] |= 1 << (f & 7)
			continue
		}
		putFixed(row[at:], c, c.valueLane(int(l)))
	}
}

// from is where the bytes of variable field k begin.
func (r *RowCodec) from(row []byte, k int) int {
	if k == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(row[r.ends+4*(k-1):]))
}

func putFixed(p []byte, c *Col, l int) {
	switch c.Type.Phys() {
	case types.PhysBool:
		p[0] = byte(c.Bits[l>>6] >> (l & 63) & 1)
	case types.PhysI8:
		p[0] = byte(c.I8[l])
	case types.PhysI16:
		binary.LittleEndian.PutUint16(p, uint16(c.I16[l]))
	case types.PhysI32:
		binary.LittleEndian.PutUint32(p, uint32(c.I32[l]))
	case types.PhysI64:
		binary.LittleEndian.PutUint64(p, uint64(c.I64[l]))
	case types.PhysF32:
		binary.LittleEndian.PutUint32(p, math.Float32bits(c.F32[l]))
	case types.PhysF64:
		binary.LittleEndian.PutUint64(p, math.Float64bits(c.F64[l]))
	case types.PhysDec:
		binary.LittleEndian.PutUint64(p, c.Dec[l].Lo)
		binary.LittleEndian.PutUint64(p[8:], uint64(c.Dec[l].Hi))
	}
}

// getFixed sets lane l of a column from its bytes.
func getFixed(c *Col, l int, p []byte) {
	switch c.mem.phys {
	case types.PhysBool:
		setBits(c.Bits, l, 1, p[0] != 0)
	case types.PhysI8:
		c.I8[l] = int8(p[0])
	case types.PhysI16:
		c.I16[l] = int16(binary.LittleEndian.Uint16(p))
	case types.PhysI32:
		c.I32[l] = int32(binary.LittleEndian.Uint32(p))
	case types.PhysI64:
		c.I64[l] = int64(binary.LittleEndian.Uint64(p))
	case types.PhysF32:
		c.F32[l] = math.Float32frombits(binary.LittleEndian.Uint32(p))
	case types.PhysF64:
		c.F64[l] = math.Float64frombits(binary.LittleEndian.Uint64(p))
	case types.PhysDec:
		c.Dec[l] = Dec{int64(binary.LittleEndian.Uint64(p[8:])), binary.LittleEndian.Uint64(p)}
	}
}

// EncodeRow appends one row.
func (r *RowCodec) EncodeRow(dst []byte, cols []*Col, lane int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, r.head)...)
	for f, c := range cols {
		if c.IsNull(lane) {
			dst[at+f>>3] |= 1 << (f & 7)
		}
		l := c.valueLane(lane)
		switch {
		case !r.isVar(f):
			if !c.IsNull(lane) {
				putFixed(dst[at+r.place[f]:], c, l)
			}
			continue
		case c.IsNull(lane):
		case c.Type.IsNested():
			dst = appendNested(dst, c, l)
		default:
			var t [12]byte
			dst = append(dst, c.Bytes(l, &t)...)
		}
		binary.LittleEndian.PutUint32(dst[at+r.ends+4*r.place[f]:], uint32(len(dst)-at-r.head))
	}
	return dst
}

// IsNull reports whether field f of an encoded row is NULL.
func (r *RowCodec) IsNull(row []byte, f int) bool { return row[f>>3]&(1<<(f&7)) != 0 }

// Fixed is the bytes of a field of fixed width; undefined if it is NULL.
func (r *RowCodec) Fixed(row []byte, f int) []byte {
	return row[r.place[f] : r.place[f]+r.width[f]]
}

// Bytes is the bytes of a string field; empty if it is NULL.
func (r *RowCodec) Bytes(row []byte, f int) []byte {
	k := r.place[f]
	from := r.from(row, k)
	to := int(binary.LittleEndian.Uint32(row[r.ends+4*k:]))
	return row[r.head+from : r.head+to]
}

// DecodeField appends field f of rows to column dst, which holds at lanes; with
// at = 0 it is made a column of the field's type. Strings are copied to sb.
func (r *RowCodec) DecodeField(dst *Col, at, f int, rows [][]byte, sb *StringBuilder) {
	r.begin(dst, at, f, len(rows))
	if r.ts[f].Phys() == types.PhysBytes {
		for i, row := range rows {
			if s := r.Bytes(row, f); len(s) <= InlineMax {
				dst.Views[at+i] = MakeInline(s)
			} else {
				dst.Views[at+i] = sb.Add(dst, s)
			}
		}
	} else {
		r.decodeOther(dst, at, f, rows, sb)
	}
	r.decodeNulls(dst, at, f, rows)
}

// DecodeShared is DecodeField for rows that lie in one buffer that never changes:
// row i is data[offs[i]:offs[i+1]]. Long strings become views into data.
func (r *RowCodec) DecodeShared(dst *Col, at, f int, data []byte, offs []uint32, sb *StringBuilder) {
	rows := make([][]byte, len(offs)-1)
	for i := range rows {
		rows[i] = data[offs[i]:offs[i+1]]
	}
	if r.ts[f].Phys() != types.PhysBytes {
		r.DecodeField(dst, at, f, rows, sb)
		return
	}
	r.begin(dst, at, f, len(rows))
	k := r.place[f]
	var buf uint32
	if len(rows) > 0 {
		buf = dst.AddBuf(data)
	}
	for i, row := range rows {
		s := r.Bytes(row, f)
		dst.Views[at+i] = MakeRef(s, buf, offs[i]+uint32(r.head+r.from(row, k)))
	}
	r.decodeNulls(dst, at, f, rows)
}

// DecodeRows appends all fields of rows to the columns dst.
func (r *RowCodec) DecodeRows(dst []Col, at int, rows [][]byte, sb *StringBuilder) {
	for f := range r.ts {
		r.DecodeField(&dst[f], at, f, rows, sb)
	}
}

func (r *RowCodec) begin(dst *Col, at, f, n int) {
	if at == 0 {
		dst.claim(r.ts[f])
	} else {
		dst.own(at)
	}
	dst.grow(at + n)
}

func (r *RowCodec) decodeOther(dst *Col, at, f int, rows [][]byte, sb *StringBuilder) {
	p := r.place[f]
	switch {
	case r.ts[f].IsNested():
		if at == 0 {
			dst.nullKids(0, 0)
			if dst.mem.phys == types.PhysList {
				dst.Offs[0] = 0
			}
		}
		for i, row := range rows {
			if r.IsNull(row, f) {
				nullCol(dst, at+i, 1)
				continue
			}
			takeNested(dst, at+i, r.Bytes(row, f), sb)
		}
	case dst.mem.phys == types.PhysI64:
		out := dst.I64[at:]
		for i, row := range rows {
			out[i] = int64(binary.LittleEndian.Uint64(row[p:]))
		}
	case dst.mem.phys == types.PhysNone:
	default:
		for i, row := range rows {
			getFixed(dst, at+i, row[p:])
		}
	}
}

func (r *RowCodec) decodeNulls(dst *Col, at, f int, rows [][]byte) {
	if len(rows) == 0 {
		return
	}
	byt, bit := f>>3, byte(1)<<(f&7)
	var any byte
	for _, row := range rows {
		any |= row[byt]
	}
	appendNullBits[uint16](dst, at, nil, nil, len(rows))
	if any&bit == 0 {
		return
	}
	dst.growNulls(at + len(rows))
	for i, row := range rows {
		if row[byt]&bit != 0 {
			SetBit(dst.Nulls, at+i)
		}
	}
}
