package batch

import (
	"encoding/binary"
	"io"

	"github.com/minkstream/mink/engine/types"
)

// The wire form of a batch is for a process on a machine of the same byte order: a head
// that says how long each piece of memory is, and the pieces as they lie, column by
// column. So a batch is sent with one call that gathers its memory, and received into
// the memory of another batch. Marks and hashes of keys travel along.
//
//	head    lanes, flags, marks (position, watermark), columns that are hashed, columns
//	column  1 byte: 0 nobody reads it, else 1 + Enc; lanes; 1 byte whether nulls follow;
//	        of strings the buffers in use: where the used part began, its bytes
//	pieces  kinds, hashes, key groups; of each column nulls, lanes of a sparse one, then
//	        values, offsets, or the used parts of buffers and views; then its children
//
// Numbers are varints. Types are not in it: see AppendTypes.
type WireWriter struct {
	// Head and Pieces are those of the batch that was written last; pieces point into it.
	Head   []byte
	Pieces [][]byte
	// Bytes is the length of all pieces.
	Bytes  int
	packed []byte
}

const (
	wireKinds = 1 << iota
	wireKeys
)

// Write takes the rows of b, whose lanes are all selected. Pieces of earlier batches stay
// valid until Forget.
func (w *WireWriter) Write(b *Batch) {
	w.Head, w.Pieces, w.Bytes = w.Head[:0], w.Pieces[:0], 0
	flags := uint64(0)
	if b.Kinds != nil {
		flags |= wireKinds
	}
	if b.Keys != nil {
		flags |= wireKeys
	}
	w.num(uint64(b.N))
	w.num(flags)
	w.num(uint64(len(b.Marks)))
	for _, m := range b.Marks {
		w.num(uint64(m.Pos))
		w.Head = binary.AppendVarint(w.Head, m.WM)
	}
	if b.Kinds != nil {
		piece(w, b.Kinds[:b.N])
	}
	if b.Keys != nil {
		w.num(uint64(len(b.Keys.Cols)))
		for _, c := range b.Keys.Cols {
			w.num(uint64(c))
		}
		piece(w, b.Keys.H[:b.N])
		piece(w, b.Keys.KG[:b.N])
	}
	w.num(uint64(len(b.Cols)))
	for i := range b.Cols {
		w.col(&b.Cols[i], b.N)
	}
}

// Forget says that the pieces are not needed any more.
func (w *WireWriter) Forget() { w.packed = w.packed[:0] }

func (w *WireWriter) num(v uint64) { w.Head = binary.AppendUvarint(w.Head, v) }

func piece[T any](w *WireWriter, v []T) {
	if b := bytesOf(v); len(b) > 0 {
		w.Pieces = append(w.Pieces, b)
		w.Bytes += len(b)
	}
}

func (w *WireWriter) col(c *Col, n int) {
	if c.Type.Kind == types.Invalid {
		w.Head = append(w.Head, 0)
		return
	}
	switch c.Enc {
	case Const:
		n = min(n, 1)
	case Sparse:
		n = len(c.At)
	}
	w.Head = append(w.Head, 1+byte(c.Enc))
	w.num(uint64(n))
	w.Head = appendFlag(w.Head, c.Nulls != nil)
	if c.Nulls != nil {
		piece(w, c.Nulls[:Words(n)])
	}
	if c.Enc == Sparse {
		piece(w, c.At)
	}
	switch c.Type.Phys() {
	case types.PhysBool:
		piece(w, c.Bits[:Words(n)])
	case types.PhysI8:
		piece(w, c.I8[:n])
	case types.PhysI16:
		piece(w, c.I16[:n])
	case types.PhysI32:
		piece(w, c.I32[:n])
	case types.PhysI64:
		piece(w, c.I64[:n])
	case types.PhysF32:
		piece(w, c.F32[:n])
	case types.PhysF64:
		piece(w, c.F64[:n])
	case types.PhysDec:
		piece(w, c.Dec[:n])
	case types.PhysBytes:
		w.views(c, n)
		return
	case types.PhysList:
		offs := c.Offs
		if n == 0 {
			offs = noOffs
		}
		piece(w, offs[:n+1])
		n = int(offs[n])
	}
	for i := range c.Kids {
		w.col(&c.Kids[i], n)
	}
}

var noOffs = []uint32{0}

// views writes the parts of buffers that views point into, or where these hold much that
// nobody points to, the bytes alone.
func (w *WireWriter) views(c *Col, n int) {
	var few [8]bufRange
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
		w.pack(c, n, held)
		return
	}
	w.num(uint64(len(use)))
	for k, u := range use {
		w.num(uint64(u.from))
		w.num(uint64(u.to - u.from))
		piece(w, c.Bufs[k][u.from:u.to])
	}
	piece(w, c.Views[:n])
}

func (w *WireWriter) pack(c *Col, n, held int) {
	w.num(1)
	w.num(0)
	w.num(uint64(held))
	if cap(w.packed)-len(w.packed) < held {
		w.packed = make([]byte, 0, max(held, 1<<16)) // the old one is still in use by its pieces
	}
	from := len(w.packed)
	views := make([]View, n)
	for i, v := range c.Views[:n] {
		if v.Len() > InlineMax {
			if nullLane(c, i) {
				continue
			}
			at := uint64(len(w.packed) - from)
			w.packed = append(w.packed, c.Bufs[v.Buf()][v.Off():int(v.Off())+v.Len()]...)
			v.B = at << 32
		}
		views[i] = v
	}
	piece(w, w.packed[from:])
	piece(w, views)
}

// WireReader makes batches of the wire form. Bytes under strings are memory of their own;
// all else goes into the memory of the batch.
type WireReader struct {
	raw   rawReader
	in    io.Reader
	err   error
	chunk []byte
	from  []uint32
}

// chunkBytes is the size of the memory that strings of several batches share.
const chunkBytes = 1 << 16

// Read makes b the rows of a head, whose columns have these types, and of the pieces,
// which it takes from in.
func (r *WireReader) Read(b *Batch, head []byte, in io.Reader, ts []types.Type) error {
	r.raw, r.in, r.err = rawReader{data: head}, in, nil
	b.Reset()
	m := b.memory()
	n := r.raw.count(CapRows)
	b.N = n
	flags := r.raw.count(wireKinds | wireKeys)
	m.marks = m.marks[:0]
	for k := r.raw.count(CapRows); k > 0 && !r.raw.bad; k-- {
		pos := r.raw.count(CapRows)
		m.marks = append(m.marks, Mark{uint16(pos), r.raw.signed()})
	}
	if len(m.marks) > 0 {
		b.Marks = m.marks
	}
	if flags&wireKinds != 0 {
		m.kinds = extend(m.kinds[:0], n)
		wireFill(r, m.kinds)
		b.Kinds = m.kinds
	}
	if flags&wireKeys != 0 {
		k := &m.keys
		k.Cols = k.Cols[:0]
		for i := r.raw.count(1 << 16); i > 0 && !r.raw.bad; i-- {
			k.Cols = append(k.Cols, r.raw.count(1<<16))
		}
		k.H, k.KG = extend(k.H[:0], n), extend(k.KG[:0], n)
		wireFill(r, k.H)
		wireFill(r, k.KG)
		b.Keys = k
	}
	if r.raw.count(1<<16) != len(ts) {
		return r.failed()
	}
	b.setCols(len(ts))
	for i := range ts {
		r.col(&b.Cols[i], ts[i], n)
	}
	if r.err != nil || r.raw.bad || len(r.raw.data) > 0 {
		return r.failed()
	}
	return nil
}

func (r *WireReader) failed() error {
	if r.err != nil {
		return r.err
	}
	return errRaw
}

func (r *rawReader) signed() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

// wireFill reads the bytes of v.
func wireFill[T any](r *WireReader, v []T) {
	if r.err == nil && len(v) > 0 && !r.raw.bad {
		_, r.err = io.ReadFull(r.in, bytesOf(v))
	}
}

func (r *WireReader) col(c *Col, t types.Type, lanes int) {
	head := r.raw.take(1)
	if head == nil || head[0] == 0 {
		*c = Col{}
		return
	}
	enc := Enc(head[0] - 1)
	n := r.raw.count(1 << 31)
	if enc > Sparse || enc == Flat && n < lanes || r.raw.bad || r.err != nil {
		r.raw.bad = true
		return
	}
	c.claim(t)
	c.Enc = enc
	if enc != Sparse {
		c.grow(n)
	}
	if r.raw.flag() {
		wireFill(r, c.AllocNulls(n))
	}
	if enc == Sparse {
		c.At = extend(c.At[:0], n)
		wireFill(r, c.At)
	}
	switch c.mem.phys {
	case types.PhysBool:
		wireFill(r, c.Bits)
	case types.PhysI8:
		wireFill(r, c.I8)
	case types.PhysI16:
		wireFill(r, c.I16)
	case types.PhysI32:
		wireFill(r, c.I32)
	case types.PhysI64:
		wireFill(r, c.I64)
	case types.PhysF32:
		wireFill(r, c.F32)
	case types.PhysF64:
		wireFill(r, c.F64)
	case types.PhysDec:
		wireFill(r, c.Dec)
	case types.PhysBytes:
		r.views(c, n)
	case types.PhysList:
		wireFill(r, c.Offs)
		if r.err == nil && !r.raw.bad {
			r.kids(c, t, int(c.Offs[n]))
		}
	case types.PhysRow:
		r.kids(c, t, n)
	}
}

func (r *WireReader) kids(c *Col, t types.Type, n int) {
	c.setKids(kidCount(t))
	for i := range c.Kids {
		r.col(&c.Kids[i], kidType(t, i), n)
	}
}

func (r *WireReader) views(c *Col, n int) {
	k := r.raw.count(1 << 16)
	r.from = extend(r.from[:0], k)
	for i := range r.from {
		r.from[i] = uint32(r.raw.count(1 << 32))
		buf := r.space(r.raw.count(1 << 32))
		wireFill(r, buf)
		c.Bufs = append(c.Bufs, buf)
	}
	wireFill(r, c.Views)
	if r.err != nil || r.raw.bad {
		return
	}
	for i := range c.Views {
		v := &c.Views[i]
		if uint32(v.A) <= InlineMax {
			continue
		}
		if nullLane(c, i) {
			*v = View{}
			continue
		}
		b, off := int(v.Buf()), v.Off()
		if b >= k || off < r.from[b] || int(off-r.from[b])+v.Len() > len(c.Bufs[b]) {
			r.raw.bad = true
			return
		}
		v.B = uint64(b) | uint64(off-r.from[b])<<32
	}
}

// space is memory for strings.
func (r *WireReader) space(n int) []byte {
	if n > chunkBytes/4 || r.raw.bad {
		return make([]byte, n)
	}
	if len(r.chunk) < n {
		r.chunk = make([]byte, chunkBytes)
	}
	b := r.chunk[:n:n]
	r.chunk = r.chunk[n:]
	return b
}
