package batch

import "github.com/minkstream/mink/engine/types"

// Limits on buffers under one column: past MaxBufs, or when more than
// wasteBytesMax and three quarters of the bytes held are not pointed to, the
// strings are copied together. The second keeps one short row of a large chunk
// from holding all of it, and spares the usual case, where views share a few
// large buffers with other columns.
const (
	MaxBufs       = 64
	wasteBytesMax = 2 << 20
)

// mergeBufs makes the buffers of src buffers of c too, one entry for each, and
// returns their numbers in c, or nil if numbers stay as they are.
func (c *Col) mergeBufs(at int, src *Col) []uint32 {
	if len(src.Bufs) == 0 {
		return nil
	}
	if at == 0 {
		c.dropBufs()
		c.Bufs = append(c.Bufs, src.Bufs...)
		return nil
	}
	if len(c.Bufs)+len(src.Bufs) > MaxBufs && len(c.Bufs) > 1 {
		c.packViews(at)
	}
	remap := c.mem.remap[:0]
	same := true
	for i, buf := range src.Bufs {
		k := c.bufIndex(i, buf)
		remap = append(remap, uint32(k))
		same = same && k == i
	}
	c.mem.remap = remap
	if same {
		return nil
	}
	return remap
}

// bufIndex finds or adds a buffer; guess is where it probably is.
func (c *Col) bufIndex(guess int, buf []byte) int {
	if len(buf) == 0 {
		if len(c.Bufs) == 0 {
			c.Bufs = append(c.Bufs, nil)
		}
		return 0
	}
	if guess >= 0 && guess < len(c.Bufs) && sameBuf(c.Bufs[guess], buf) {
		c.keepLonger(guess, buf)
		return guess
	}
	for i := range c.Bufs {
		if sameBuf(c.Bufs[i], buf) {
			c.keepLonger(i, buf)
			return i
		}
	}
	c.Bufs = append(c.Bufs, buf)
	return len(c.Bufs) - 1
}

func (c *Col) keepLonger(i int, buf []byte) {
	if len(buf) > len(c.Bufs[i]) {
		c.Bufs[i] = buf
	}
}

// sameBuf reports whether two buffers begin at the same byte of memory.
func sameBuf(a, b []byte) bool { return len(a) > 0 && len(b) > 0 && &a[0] == &b[0] }

// AddBuf makes buf a buffer of an owned string column, unless it is one already,
// and returns its number for MakeRef. The bytes must never change again.
func (c *Col) AddBuf(buf []byte) uint32 { return uint32(c.bufIndex(len(c.Bufs)-1, buf)) }

// rebase gives long views new buffer numbers; remap nil leaves all as they are.
func rebase(views []View, remap []uint32) {
	if remap == nil {
		return
	}
	for i, v := range views {
		if v.Len() > InlineMax {
			// Views under NULL may hold anything.
			if k := v.Buf(); int(k) < len(remap) {
				views[i].B = v.B&^0xFFFFFFFF | uint64(remap[k])
			}
		}
	}
}

// packViews copies the long strings of the first n lanes to one new buffer.
func (c *Col) packViews(n int) {
	total := 0
	for i := range n {
		if k := c.Views[i].Len(); k > InlineMax && !nullLane(c, i) {
			total += k
		}
	}
	buf := make([]byte, 0, total)
	for i := range n {
		v := c.Views[i]
		k := v.Len()
		if nullLane(c, i) {
			c.Views[i] = View{}
			continue
		}
		if k <= InlineMax {
			continue
		}
		off := v.Off()
		at := len(buf)
		buf = append(buf, c.Bufs[v.Buf()][off:off+uint32(k)]...)
		c.Views[i].B = uint64(at) << 32
	}
	c.dropBufs()
	if len(buf) > 0 {
		c.Bufs = append(c.Bufs, buf)
	}
}

// Compact copies strings together in the columns of b that hold too many buffers
// or far more bytes than they use. It is called where a batch leaves its task,
// on a batch that owns its memory. Costs nothing when there are no buffers.
func (b *Batch) Compact() {
	for i := range b.Cols {
		b.Cols[i].compact(b.N)
	}
}

func (c *Col) compact(n int) {
	if c.Enc == Const {
		n = 1
	}
	switch c.Type.Phys() {
	case types.PhysBytes:
		if c.wasteful(n) && c.owned() {
			c.packViews(n)
		}
	case types.PhysList:
		if len(c.Offs) > n {
			n = int(c.Offs[n])
			for i := range c.Kids {
				c.Kids[i].compact(n)
			}
		}
	case types.PhysRow:
		if c.Enc == Sparse {
			n = len(c.At)
		}
		for i := range c.Kids {
			c.Kids[i].compact(n)
		}
	}
}

func (c *Col) wasteful(n int) bool {
	if len(c.Bufs) > MaxBufs {
		return true
	}
	held := 0
	for _, b := range c.Bufs {
		held += len(b)
	}
	if held <= wasteBytesMax {
		return false
	}
	live := 0
	for _, v := range c.Views[:n] {
		if k := v.Len(); k > InlineMax {
			live += k
		}
	}
	return live < held/4 && held-live > wasteBytesMax
}
