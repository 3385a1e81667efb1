package batch

import (
	"encoding/binary"
	"math"
	"slices"
	"unsafe" //mink:det-ok places of groups, which are checked once for all of them

	"github.com/minkstream/mink/engine/types"
)

// RawWriter writes batches one after the other, for a RawReader that reads all of them in
// this order. Texts that lie where earlier ones lay are not written again: bytes under
// views never change, so the place says it all. That holds for texts of a few that a source
// gives again and again, and for those that several columns take from the same lines.
// The zero value is ready.
//
//	log     the log's batches, each: buffers, the raw form of the batch
//	buffers number of buffers, each: its slot, bytes, which are kept until others come to
//	        the slot
//	column  of texts: rawPlaces; number of buffers, for each its slot, or rawSlots where no
//	        view points to it; 1 byte form
//	        placesMixed: lengths, as numbers are written; number of short bytes, the bytes of
//	        short texts; then the places of the others, counted through the buffers as if they
//	        lay behind one another
//	        placesWords: numbers, for each text how much longer than wordMin it is in 8 bits and
//	        above that its place
type RawWriter struct {
	slots []keptBuf
	round int
	plans []textPlan // of the batch at hand, in the order of its columns
	at    []int16    // slots of their buffers
	next  int        // the plan that is used next
	hints []guess    // of number columns, in their order
	hint  int
	lens  []uint32
	where []uint32
	short []byte
}

// rawPlaces stands in the place of the number of buffers of a column of texts.
const rawPlaces = rawPacked + 1

// rawSlots is the number of buffers that are kept.
const rawSlots = 64

// Forms of rawPlaces.
const (
	placesWords = iota // all texts lie in one buffer, none is NULL, shorter than wordMin or longer than wordMax
	placesMixed        // NULL is written as an empty text
)

// placesSpan is the most bytes of a buffer of which three bytes can tell a place.
const placesSpan = 1 << 24

// keptBuf is a buffer of which the reader has the bytes from from to to.
type keptBuf struct {
	buf      []byte // held here, so that no other comes to lie where it lies
	from, to uint32
	round    int // when it was last seen
	// low, high and held are the bytes that long views point to in this round, and how many
	// these are together, known is that they need not be looked at.
	low, high uint32
	held      int
	known     bool
	copied    int // bytes that were written of it, text by text
}

// textPlan says how a column of texts is written.
type textPlan struct {
	places bool
	first  int // its slots are at[first:]
}

// keptRounds is for how many batches a buffer is kept that is not seen.
const keptRounds = 2

// Append appends a batch.
func (w *RawWriter) Append(dst []byte, b *Batch) []byte {
	b = b.dense()
	w.round++
	w.plans, w.at, w.next, w.hint = w.plans[:0], w.at[:0], 0, 0
	for i := range w.slots {
		k := &w.slots[i]
		if k.buf != nil && k.round < w.round-keptRounds {
			*k = keptBuf{}
		}
	}
	for i := range b.Cols {
		w.look(&b.Cols[i], b.N)
	}
	dst = w.buffers(dst)
	w.decide()
	return appendRaw(dst, b, w)
}

// look goes over the columns of texts in the order in which they are written.
func (w *RawWriter) look(c *Col, n int) {
	if c.Type.Kind == types.Invalid {
		return
	}
	n = c.stored(n)
	switch c.Type.Phys() {
	case types.PhysBytes:
		w.lookTexts(c, n)
		return
	case types.PhysList:
		if n > 0 {
			n = int(c.Offs[n])
		}
	}
	for i := range c.Kids {
		w.look(&c.Kids[i], n)
	}
}

// lookTexts notes which bytes a column's views point to.
func (w *RawWriter) lookTexts(c *Col, n int) {
	w.plans = append(w.plans, textPlan{places: true, first: len(w.at)})
	if len(c.Bufs) == 0 || n == 0 {
		w.plans[len(w.plans)-1].places = false
		return
	}
	known := true
	at := len(w.at)
	for _, buf := range c.Bufs {
		s := w.slot(buf)
		w.at = append(w.at, s)
		known = known && s >= 0 && w.slots[s].whole()
	}
	if known {
		return
	}
	var few [4]bufRange
	use := few[:0]
	for range c.Bufs {
		use = append(use, bufRange{from: ^uint32(0)})
	}
	for i, v := range c.Views[:n] {
		if size := uint32(v.A); size > InlineMax && !nullLane(c, i) {
			u := &use[v.Buf()]
			u.from, u.to, u.held = min(u.from, v.Off()), max(u.to, v.Off()+size), u.held+int(size)
		}
	}
	for i, u := range use {
		switch s := w.at[at+i]; {
		case u.to == 0:
			w.at[at+i] = rawSlots // nobody points to it
		case s >= 0:
			k := &w.slots[s]
			k.low, k.high, k.held = min(k.low, u.from), max(k.high, u.to), k.held+u.held
		}
	}
}

// whole reports that the reader has all of a buffer.
func (k *keptBuf) whole() bool { return k.from == 0 && int(k.to) == len(k.buf) }

// slot finds the slot of a buffer or gives it one; -1 if there is none.
func (w *RawWriter) slot(buf []byte) int16 {
	if len(buf) == 0 {
		return rawSlots
	}
	free := -1
	for i := range w.slots {
		k := &w.slots[i]
		if k.buf == nil {
			free = i
		} else if sameBuf(k.buf, buf) {
			if len(buf) > len(k.buf) {
				k.buf = buf
			}
			w.see(k)
			return int16(i)
		}
	}
	switch {
	case free >= 0:
	case len(w.slots) == rawSlots:
		return -1
	default:
		free = len(w.slots)
		w.slots = append(w.slots, keptBuf{})
	}
	k := &w.slots[free]
	*k = keptBuf{buf: buf}
	w.see(k)
	return int16(free)
}

func (w *RawWriter) see(k *keptBuf) {
	if k.round != w.round {
		k.round, k.low, k.high, k.held, k.known = w.round, ^uint32(0), 0, 0, false
	}
}

// buffers writes what the reader lacks of the buffers, and says of each whether it has then
// what it needs. What views point to is written if it is most of the bytes from the first
// to the last. Where texts lie far apart they are copied; but once as much was copied as
// the buffer has, all of it is written, since its texts seem to be given again and again: so
// never more than twice what was needed is written, and mostly far less.
func (w *RawWriter) buffers(dst []byte) []byte {
	count, head := 0, len(dst)
	dst = append(dst, 0)
	for i := range w.slots {
		k := &w.slots[i]
		if k.round != w.round {
			continue
		}
		if k.known = k.high <= k.to && (k.held == 0 || k.low >= k.from); k.known {
			continue
		}
		if spanned := int(k.high - k.low); spanned <= k.held+k.held/2 {
			k.from, k.to = k.low, k.high
		} else if k.copied += k.held; k.copied >= len(k.buf) {
			k.from, k.to = 0, uint32(len(k.buf))
		} else {
			continue
		}
		k.known = true
		dst = binary.AppendUvarint(dst, uint64(i))
		dst = binary.AppendUvarint(dst, uint64(k.to-k.from))
		dst = append(dst, k.buf[k.from:k.to]...)
		count++
	}
	dst[head] = byte(count) // at most rawSlots
	return dst
}

// decide says of each column whether the reader has all buffers that it needs.
func (w *RawWriter) decide() {
	for i := range w.plans {
		p := &w.plans[i]
		end := len(w.at)
		if i+1 < len(w.plans) {
			end = w.plans[i+1].first
		}
		for _, s := range w.at[p.first:end] {
			p.places = p.places && (s == rawSlots || s >= 0 && w.slots[s].known)
		}
	}
}

// guess is that of the next column of numbers.
func (w *RawWriter) guess() *guess {
	if w == nil {
		return nil
	}
	if w.hint == len(w.hints) {
		w.hints = append(w.hints, guess{})
	}
	w.hint++
	return &w.hints[w.hint-1]
}

// texts writes a column of texts.
func (w *RawWriter) texts(dst []byte, c *Col, n int) []byte {
	p := &w.plans[w.next]
	w.next++
	g := w.guess()
	if !p.places {
		held := 0
		for i, v := range c.Views[:n] {
			if size := v.Len(); size > InlineMax && !nullLane(c, i) {
				held += size
			}
		}
		return appendRawPacked(dst, c, n, held)
	}
	at := w.at[p.first : p.first+len(c.Bufs)]
	dst = binary.AppendUvarint(dst, rawPlaces)
	dst = binary.AppendUvarint(dst, uint64(len(at)))
	for _, s := range at {
		dst = binary.AppendUvarint(dst, uint64(s))
	}
	if len(at) == 1 && at[0] != rawSlots && c.Nulls == nil {
		k := &w.slots[at[0]]
		if span := k.to - k.from; 0 < span && span <= placesSpan {
			if words, ok := appendWords(dst, c.Views[:n], k); ok {
				return words
			}
		}
	}
	return w.mixed(dst, c, n, at, g)
}

// appendWords writes length and place of texts as one number each, if all of them are long,
// of one buffer and no longer than wordMax.
func appendWords(dst []byte, views []View, k *keptBuf) ([]byte, bool) {
	width := max(wordBits, widthOf(uint64(k.to-k.from)<<8-1))
	dst = binary.LittleEndian.AppendUint64(append(dst, placesWords, byte(width)), 0)
	at, size := len(dst), packedBytes(len(views), width)
	dst = slices.Grow(dst, size+packSlack)[:at+size+packSlack]
	whole := len(views) &^ 3
	sizes := packWords(dst[at:], views[:whole], k.from, width)
	if whole < len(views) {
		var rest [4]View
		for i := range rest {
			rest[i] = views[min(whole+i, len(views)-1)]
		}
		sizes |= packWords(dst[at+packedBytes(whole, width):], rest[:], k.from, width)
	}
	return dst[:at+size], sizes <= math.MaxUint8
}

// packWords writes words as pack does, four at a time, and gives all bits of the lengths.
// That a text is a long one shows in these, and then it lies in the only buffer.
func packWords(dst []byte, views []View, from uint32, width int) (sizes uint64) {
	step := width / 4
	_ = dst[len(views)/4*2*step+7]
	up, to := uint64(1)<<(width&63), unsafe.Pointer(unsafe.SliceData(dst))
	if whole := len(views) &^ 7; hasVectors && whole > 0 {
		w, least := uint64(width), uint64(wordMin)
		sizes = packViews(to, unsafe.Pointer(unsafe.SliceData(views)), whole, -(uint64(from) << 8), -least, &[4]uint64{0, 0, w, w}, step)
		views, to = views[whole:], unsafe.Add(to, packedBytes(whole, width))
	}
	less := uint64(from) << 8 * (1 + up)
	for len(views) >= 4 {
		v := (*[4]View)(views)
		a, b := uint64(uint32(v[0].A))-wordMin, uint64(uint32(v[1].A))-wordMin
		c, d := uint64(uint32(v[2].A))-wordMin, uint64(uint32(v[3].A))-wordMin
		sizes = sizes | a | b | c | d
		putWord(to, v[0].B>>24+a+up*(v[1].B>>24+b)-less)
		putWord(unsafe.Add(to, step), v[2].B>>24+c+up*(v[3].B>>24+d)-less)
		views, to = views[4:], unsafe.Add(to, 2*step)
	}
	return sizes
}

// wordMin and wordMax are the shortest and the longest text that appendWords writes,
// wordBits is the least width of its words, from which on two of them are a group.
const (
	wordMin  = InlineMax + 1
	wordMax  = wordMin + math.MaxUint8
	wordBits = 20
)

// mixed writes texts of any length and several buffers.
func (w *RawWriter) mixed(dst []byte, c *Col, n int, at []int16, g *guess) []byte {
	var few [8]uint32
	shift := few[:0] // what is added to a place in each buffer
	start := uint32(0)
	for _, s := range at {
		if s == rawSlots {
			shift = append(shift, 0)
			continue
		}
		k := &w.slots[s]
		shift = append(shift, start-k.from)
		start += k.to - k.from
	}
	lens := slices.Grow(w.lens[:0], n)[:n]
	where, short := w.where[:0], w.short[:0]
	for i, v := range c.Views[:n] {
		size := uint32(v.A)
		switch {
		case nullLane(c, i):
			size = 0
		case size <= InlineMax:
			at := len(short)
			short = slices.Grow(short, 16)[:at+16] // written as two words
			binary.LittleEndian.PutUint32(short[at:], uint32(v.A>>32))
			binary.LittleEndian.PutUint64(short[at+4:], v.B)
			short = short[:at+int(size)]
		default:
			where = append(where, v.Off()+shift[v.Buf()])
		}
		lens[i] = size
	}
	w.lens, w.where, w.short = lens, where, short
	dst = append(dst, placesMixed)
	dst = appendNumbers(dst, lens, g)
	dst = binary.AppendUvarint(dst, uint64(len(short)))
	dst = append(dst, short...)
	return appendNumbers(dst, where, nil)
}

// RawReader reads what a RawWriter has written. The zero value is ready.
type RawReader struct{ bufs [][]byte }

// Read makes b the next batch, whose columns have the types of s. Texts share memory with
// the reader, which never changes it, nothing does with data.
func (r *RawReader) Read(b *Batch, data []byte, s types.Schema) error {
	in := rawReader{data: data}
	r.take(&in)
	in.kept = r.bufs
	return in.batch(b, s)
}

// Pass goes on to the batch behind the one that data is.
func (r *RawReader) Pass(data []byte) error {
	in := rawReader{data: data}
	if r.take(&in); in.bad {
		return errRaw
	}
	return nil
}

// Passes reports that Pass need not be called for a batch that begins with a byte.
func (r *RawReader) Passes(first byte) bool { return first == 0 }

// take reads buffers.
func (r *RawReader) take(in *rawReader) {
	for k := in.count(rawSlots); k > 0 && !in.bad; k-- {
		slot := in.count(rawSlots - 1)
		bytes := in.take(in.count(1 << 32))
		if in.bad {
			return
		}
		for len(r.bufs) <= slot {
			r.bufs = append(r.bufs, nil)
		}
		r.bufs[slot] = append([]byte(nil), bytes...)
	}
}

// places reads a column of texts.
func (r *rawReader) places(c *Col, n int) {
	c.Bufs = make([][]byte, r.count(rawSlots*MaxBufs))
	starts := make([]uint64, len(c.Bufs)+1)
	for i := range c.Bufs {
		if s := r.count(rawSlots); s < len(r.kept) {
			c.Bufs[i] = r.kept[s]
		}
		starts[i+1] = starts[i] + uint64(len(c.Bufs[i]))
	}
	form := r.take(1)
	if form != nil && form[0] == placesWords {
		r.words(c, n)
		return
	}
	lens := rawNumbers[uint32](r, n)
	if r.bad = r.bad || form[0] != placesMixed; r.bad {
		return
	}
	long := 0
	for _, size := range lens {
		if size > InlineMax {
			long++
		}
	}
	short := r.take(r.count(1 << 32))
	where := rawNumbers[uint32](r, long)
	if r.bad = r.bad || long > 0 && len(c.Bufs) == 0; r.bad {
		return
	}
	c.Views = make([]View, n)
	buf := 0
	for i, size := range lens {
		if size <= InlineMax {
			if int(size) > len(short) {
				r.bad = true
				return
			}
			c.Views[i] = MakeInline(short[:size])
			short = short[size:]
			continue
		}
		at := uint64(where[0])
		where = where[1:]
		if at < starts[buf] || at >= starts[buf+1] {
			if buf = slices.IndexFunc(starts[1:], func(end uint64) bool { return at < end }); buf < 0 {
				r.bad = true
				return
			}
		}
		off := at - starts[buf]
		if off+uint64(size) > uint64(len(c.Bufs[buf])) {
			r.bad = true
			return
		}
		c.Views[i] = MakeRef(c.Bufs[buf][off:off+uint64(size)], uint32(buf), uint32(off))
	}
}

// words reads what appendWords has written.
func (r *rawReader) words(c *Col, n int) {
	list := rawNumbers[uint32](r, n)
	if r.bad || len(c.Bufs) != 1 {
		r.bad = true
		return
	}
	buf := c.Bufs[0]
	c.Views = make([]View, n)
	for i, x := range list {
		size, off := wordMin+int(uint8(x)), int(x>>8)
		if off+size > len(buf) {
			r.bad = true
			return
		}
		c.Views[i] = MakeRef(buf[off:off+size], 0, uint32(off))
	}
}
