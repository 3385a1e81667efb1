package state

import "encoding/binary"

// savedEntry is one logical entry of a restored file.
type savedEntry struct {
	kind  sectionKind
	sub   int64
	group uint16
	files Range // key groups of the task that wrote the file
	place int   // of the file in its chain
	body  []byte
}

// sectionKind says what the entries of a section are. Sections of a structure come
// in this order in a file, and those of a pane after those of another.
type sectionKind uint8

const (
	kindClear sectionKind = iota // everything before this file is void
	kindDead                     // a key or row that is gone
	kindIDs                      // numbers given out in a key group
	kindRow                      // a key, row, timer, value
	kindCount                    // the counter of a row written before
	kindPage                     // rows as they lie in memory, of all key groups
)

// entryReader takes an entry apart. A short entry reads as zeros and sets bad.
type entryReader struct {
	b   []byte
	bad bool
}

func (r *entryReader) u64() uint64 {
	if len(r.b) < 8 {
		r.bad = true
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return v
}

func (r *entryReader) bytes() []byte {
	if len(r.b) < 4 {
		r.bad = true
		return nil
	}
	n := int(binary.LittleEndian.Uint32(r.b))
	r.b = r.b[4:]
	if n > len(r.b) {
		r.bad = true
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// take is the next n bytes.
func (r *entryReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *entryReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// ok reports whether all of the entry was read, and no more.
func (r *entryReader) ok() bool { return !r.bad && len(r.b) == 0 }

func put64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

func putBytes(b, v []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
}

// deadLog lists keys that were deleted: group, hash and key of each, in chunks that
// are not changed any more once an image has them.
type deadLog struct {
	chunks [][]byte
	n      int
}

const deadChunk = 16 << 10

func (d *deadLog) add(group uint16, hash uint64, key []byte) {
	k := len(d.chunks)
	if k == 0 || len(d.chunks[k-1])+14+len(key) > cap(d.chunks[k-1]) {
		size := deadChunk
		if k == 0 {
			size = 512
		}
		d.chunks = append(d.chunks, make([]byte, 0, max(size, 14+len(key))))
		k++
	}
	c := binary.LittleEndian.AppendUint16(d.chunks[k-1], group)
	d.chunks[k-1] = putBytes(put64(c, hash), key)
	d.n++
}

// take appends all of o, which becomes empty.
func (d *deadLog) take(o *deadLog) {
	// A chunk that is full to its end is never appended to.
	for _, c := range o.chunks {
		d.chunks = append(d.chunks[:len(d.chunks):len(d.chunks)], c[:len(c):len(c)])
	}
	d.n += o.n
	o.reset()
}

func (d *deadLog) reset() { *d = deadLog{} }

func (d *deadLog) mem() int64 {
	n := int64(0)
	for _, c := range d.chunks {
		n += int64(cap(c))
	}
	return n
}

// write writes the log as entries of hash and key.
func (d *deadLog) write(w *snapWriter) {
	for _, c := range d.chunks {
		for len(c) > 0 {
			n := 14 + int(binary.LittleEndian.Uint32(c[10:]))
			w.put(binary.LittleEndian.Uint16(c), c[2:n])
			c = c[n:]
		}
	}
}
