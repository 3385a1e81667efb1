package batch

// Chunk sizes of a StringBuilder.
const (
	arenaMin = 64 << 10
	arenaMax = 1 << 20
)

// StringBuilder makes string bytes: it copies values into chunks that are never
// changed afterwards and belong to the collector, and gives views of them. One
// serves any number of columns and batches; the zero value is ready. Short values
// take no bytes.
type StringBuilder struct {
	buf  []byte // the open chunk, len = bytes used
	next int    // size of the next chunk
}

// Add copies s and returns a view for column c, one of whose buffers the chunk
// becomes.
func (b *StringBuilder) Add(c *Col, s []byte) View {
	if len(s) <= InlineMax {
		return MakeInline(s)
	}
	dst := b.Reserve(len(s))
	copy(dst, s)
	return b.View(c, dst)
}

// AddString is Add of a string.
func (b *StringBuilder) AddString(c *Col, s string) View {
	if len(s) <= InlineMax {
		var t [InlineMax]byte
		return MakeInline(t[:copy(t[:], s)])
	}
	dst := b.Reserve(len(s))
	copy(dst, s)
	return b.View(c, dst)
}

// Reserve gives n bytes to be written at once, before the next call. What is not
// needed can be given back with View of a shorter prefix of it.
func (b *StringBuilder) Reserve(n int) []byte {
	if cap(b.buf)-len(b.buf) < n {
		size := max(b.next, arenaMin)
		b.next = min(size*4, arenaMax)
		b.buf = make([]byte, 0, max(size, n))
	}
	at := len(b.buf)
	return b.buf[at : at+n : at+n]
}

// View takes the written prefix s of the last Reserve and returns its view.
func (b *StringBuilder) View(c *Col, s []byte) View {
	if len(s) <= InlineMax {
		return MakeInline(s)
	}
	at := len(b.buf)
	b.buf = b.buf[:at+len(s)]
	return MakeRef(s, c.AddBuf(b.buf), uint32(at))
}
