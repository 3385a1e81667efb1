package batch

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"unsafe" //mink:det-ok views of numbers as bytes

	"github.com/minkstream/mink/engine/types"
)

// The raw form of a batch is its memory, column by column, for a reader on a machine of
// the same byte order that knows the types: it is as cheap to write as to copy. Marks
// and hashes of keys are left out.
//
//	batch   lanes, 1 byte whether kinds follow, kinds, number of columns, columns
//	column  1 byte: 0 nobody reads it, else 1 + Enc; lanes; 1 byte whether nulls follow,
//	        nulls; then by the layout of its type: values, whole numbers as raw_numbers.go
//	        has them; or for strings the number of buffers, for each its first byte in use
//	        and its bytes in use, then views, or rawPacked, the bytes of all values and
//	        their lengths, or rawPlaces (raw_log.go); or for lists offsets; then children
//
// Numbers of the form itself are varints; other values lie as in memory.

// AppendRaw appends the raw form of the rows of b to dst. A batch with a selection is
// gathered first.
func AppendRaw(dst []byte, b *Batch) []byte {
	return appendRaw(dst, b.dense(), nil)
}

// dense is b, or its rows gathered if it has a selection.
func (b *Batch) dense() *Batch {
	if b.Sel == nil {
		return b
	}
	var d Batch
	d.Gather(b, nil)
	return &d
}

// appendRaw writes for a reader of this batch alone, or for the one that has read what
// w has written before.
func appendRaw(dst []byte, b *Batch, w *RawWriter) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.N))
	dst = appendFlag(dst, b.Kinds != nil)
	if b.Kinds != nil {
		dst = append(dst, bytesOf(b.Kinds[:b.N])...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.Cols)))
	for i := range b.Cols {
		dst = appendRawCol(dst, &b.Cols[i], b.N, w)
	}
	return dst
}

func appendFlag(dst []byte, on bool) []byte {
	if on {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendRawCol(dst []byte, c *Col, n int, w *RawWriter) []byte {
	if c.Type.Kind == types.Invalid {
		return append(dst, 0)
	}
	n = c.stored(n)
	dst = append(dst, 1+byte(c.Enc))
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = appendFlag(dst, c.Nulls != nil)
	if c.Nulls != nil {
		dst = append(dst, bytesOf(c.Nulls[:Words(n)])...)
	}
	if c.Enc == Sparse {
		dst = appendLanes(dst, c.At)
	}
	switch c.Type.Phys() {
	case types.PhysBool:
		return append(dst, bytesOf(c.Bits[:Words(n)])...)
	case types.PhysI8:
		return append(dst, bytesOf(c.I8[:n])...)
	case types.PhysI16:
		return append(dst, bytesOf(c.I16[:n])...)
	case types.PhysI32:
		return appendNumbers(dst, c.I32[:n], w.guess())
	case types.PhysI64:
		return appendNumbers(dst, c.I64[:n], w.guess())
	case types.PhysF32:
		return append(dst, bytesOf(c.F32[:n])...)
	case types.PhysF64:
		return append(dst, bytesOf(c.F64[:n])...)
	case types.PhysDec:
		return append(dst, bytesOf(c.Dec[:n])...)
	case types.PhysBytes:
		if w != nil {
			return w.texts(dst, c, n)
		}
		return appendRawViews(dst, c, n)
	case types.PhysList:
		offs := c.Offs
		if n == 0 {
			offs = []uint32{0}
		}
		dst = append(dst, bytesOf(offs[:n+1])...)
		n = int(offs[n])
	}
	for i := range c.Kids {
		dst = appendRawCol(dst, &c.Kids[i], n, w)
	}
	return dst
}

// stored is the number of values that a column of n lanes has.
func (c *Col) stored(n int) int {
	switch c.Enc {
	case Const:
		return min(n, 1)
	case Sparse:
		return len(c.At)
	}
	return n
}

// appendRawViews writes the part of each buffer that views point into; where that is
// much more than what they hold, as in a text whose columns are views of its lines,
// it writes their bytes alone.
func appendRawViews(dst []byte, c *Col, n int) []byte {
	var few [4]bufRange
	use := few[:0]
	for range c.Bufs {
		use = append(use, bufRange{from: ^uint32(0)})
	}
	held := 0
	for i, v := range c.Views[:n] {
		if size := uint32(v.A); size > InlineMax && !nullLane(c, i) {
			u := &use[v.Buf()]
			u.from, u.to = min(u.from, v.Off()), max(u.to, v.Off()+size)
			held += int(size)
		}
	}
	spanned := 0
	for i := range use {
		if use[i].to == 0 {
			use[i].from = 0
		}
		spanned += int(use[i].to - use[i].from)
	}
	if spanned > held+held/2 {
		return appendRawPacked(dst, c, n, held)
	}
	dst = binary.AppendUvarint(dst, uint64(len(use)))
	for k, u := range use {
		dst = binary.AppendUvarint(dst, uint64(u.from))
		dst = binary.AppendUvarint(dst, uint64(u.to-u.from))
		dst = append(dst, c.Bufs[k][u.from:u.to]...)
	}
	return append(dst, bytesOf(c.Views[:n])...)
}

// bufRange is a part of a buffer.
type bufRange struct {
	from, to uint32
	held     int // bytes that views point to
}

// rawPacked stands in the place of the number of buffers where none follows, but the bytes
// of all values one after the other, and their lengths.
const rawPacked = 1 << 20

// appendRawPacked writes the bytes of all values, held of them of long views, and their
// lengths, each in as few bytes as the longest needs.
func appendRawPacked(dst []byte, c *Col, n, held int) []byte {
	views := c.Views[:n]
	longest, total := 0, held
	for i, v := range views {
		switch size := v.Len(); {
		case size <= InlineMax:
			total += size
			longest = max(longest, size)
		case !nullLane(c, i):
			longest = max(longest, size)
		}
	}
	width := 1
	if longest > math.MaxUint8 {
		width = 2
	}
	if longest > math.MaxUint16 {
		width = 4
	}
	dst = binary.AppendUvarint(dst, rawPacked)
	dst = binary.AppendUvarint(dst, uint64(total))
	dst = append(dst, byte(width))
	at := len(dst)
	const slack = 16 // a short value is written as two words
	dst = slices.Grow(dst, total+n*width+slack)[:at+total+slack]
	for i, v := range views {
		size := v.Len()
		switch {
		case size <= InlineMax:
			binary.LittleEndian.PutUint32(dst[at:], uint32(v.A>>32))
			binary.LittleEndian.PutUint64(dst[at+4:], v.B)
		case nullLane(c, i):
			size = 0
		default:
			copy(dst[at:at+size], c.Bufs[v.Buf()][v.Off():])
		}
		at += size
	}
	dst = dst[:at+n*width]
	lens := dst[at:]
	for i, v := range views {
		size := v.Len()
		if size > InlineMax && nullLane(c, i) {
			size = 0
		}
		switch width {
		case 1:
			lens[i] = byte(size)
		case 2:
			binary.LittleEndian.PutUint16(lens[2*i:], uint16(size))
		default:
			binary.LittleEndian.PutUint32(lens[4*i:], uint32(size))
		}
	}
	return dst
}

// errRaw: the bytes are not the raw form of such a batch.
var errRaw = errors.New("the bytes are no rows of these types")

// ReadRaw makes b the rows of a raw form, whose columns have the types of s. They do not
// share memory with data.
func ReadRaw(b *Batch, data []byte, s types.Schema) error {
	r := rawReader{data: data}
	return r.batch(b, s)
}

func (r *rawReader) batch(b *Batch, s types.Schema) error {
	b.Reset()
	n := r.count(CapRows)
	b.N = n
	b.Kinds = nil
	if r.flag() {
		b.Kinds = make([]Kind, n)
		copy(bytesOf(b.Kinds), r.take(n))
	}
	if k := r.count(1 << 16); k != len(s) {
		return errRaw
	}
	b.Cols = make([]Col, len(s))
	for i := range s {
		r.col(&b.Cols[i], s[i].Type, n)
	}
	if r.bad || len(r.data) > 0 {
		return errRaw
	}
	return nil
}

// rawReader takes raw bytes apart; bad is set where they are too few or make no sense.
type rawReader struct {
	data []byte
	bad  bool
	kept [][]byte // buffers of a RawReader
}

func (r *rawReader) count(most int) int {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || v > uint64(most) {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return int(v)
}

func (r *rawReader) take(n int) []byte {
	if n < 0 || n > len(r.data) {
		r.bad, r.data = true, nil
		return nil
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *rawReader) flag() bool {
	b := r.take(1)
	return b != nil && b[0] != 0
}

// rawValues takes n values.
func rawValues[T any](r *rawReader, n int) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if n > len(r.data)/size {
		r.bad, r.data = true, nil
		return nil
	}
	out := make([]T, n)
	copy(bytesOf(out), r.take(n*size))
	return out
}

func (r *rawReader) col(c *Col, t types.Type, lanes int) {
	head := r.take(1)
	if head == nil || head[0] == 0 {
		return
	}
	n := r.count(1 << 31)
	*c = Col{Type: t, Enc: Enc(head[0] - 1)}
	if c.Enc > Sparse || c.Enc == Flat && n < lanes {
		r.bad = true
	}
	if r.flag() {
		c.Nulls = rawValues[uint64](r, Words(n))
	}
	if c.Enc == Sparse {
		c.At = r.lanes(n)
	}
	switch t.Phys() {
	case types.PhysBool:
		c.Bits = rawValues[uint64](r, Words(n))
	case types.PhysI8:
		c.I8 = rawValues[int8](r, n)
	case types.PhysI16:
		c.I16 = rawValues[int16](r, n)
	case types.PhysI32:
		c.I32 = rawNumbers[int32](r, n)
	case types.PhysI64:
		c.I64 = rawNumbers[int64](r, n)
	case types.PhysF32:
		c.F32 = rawValues[float32](r, n)
	case types.PhysF64:
		c.F64 = rawValues[float64](r, n)
	case types.PhysDec:
		c.Dec = rawValues[Dec](r, n)
	case types.PhysBytes:
		r.views(c, n)
	case types.PhysList:
		if c.Offs = rawValues[uint32](r, n+1); c.Offs == nil {
			return
		}
		r.kids(c, t, int(c.Offs[n]))
	case types.PhysRow:
		r.kids(c, t, n)
	}
}

func (r *rawReader) kids(c *Col, t types.Type, n int) {
	c.Kids = make([]Col, kidCount(t))
	for i := range c.Kids {
		r.col(&c.Kids[i], kidType(t, i), n)
	}
}

func (r *rawReader) views(c *Col, n int) {
	bufs := r.count(max(len(r.data), rawPlaces))
	switch bufs {
	case rawPacked:
		r.packed(c, n)
		return
	case rawPlaces:
		r.places(c, n)
		return
	}
	from := make([]uint32, bufs)
	c.Bufs = make([][]byte, len(from))
	for k := range from {
		from[k] = uint32(r.count(1 << 32))
		c.Bufs[k] = append([]byte(nil), r.take(r.count(1<<32))...)
	}
	c.Views = rawValues[View](r, n)
	for i, v := range c.Views {
		switch {
		case v.Len() <= InlineMax:
			continue
		case nullLane(c, i):
			c.Views[i] = View{}
			continue
		}
		k := v.Buf()
		if int(k) >= len(from) || v.Off() < from[k] || int(v.Off()-from[k])+v.Len() > len(c.Bufs[k]) {
			r.bad = true
			return
		}
		c.Views[i].B = uint64(k) | uint64(v.Off()-from[k])<<32
	}
}

// packed reads what appendRawPacked has written.
func (r *rawReader) packed(c *Col, n int) {
	total := r.count(1 << 32)
	width := r.take(1)
	data := append([]byte(nil), r.take(total)...)
	if width == nil || width[0] != 1 && width[0] != 2 && width[0] != 4 {
		r.bad = true
		return
	}
	lens := r.take(n * int(width[0]))
	if r.bad {
		return
	}
	c.Bufs, c.Views = [][]byte{data}, make([]View, n)
	at := 0
	for i := range c.Views {
		size := 0
		switch width[0] {
		case 1:
			size = int(lens[i])
		case 2:
			size = int(binary.LittleEndian.Uint16(lens[2*i:]))
		default:
			size = int(binary.LittleEndian.Uint32(lens[4*i:]))
		}
		if size > len(data)-at {
			r.bad = true
			return
		}
		c.Views[i] = MakeRef(data[at:at+size], 0, uint32(at))
		at += size
	}
}
