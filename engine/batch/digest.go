package batch

// Digests of batches for comparing runs. They depend on values, change kinds and
// order of columns only, never on encodings, selections, garbage under NULL or
// where bytes lie. Rows are hashed by their normalised keys.

// Digest is the sum modulo 2^64 of the hashes of b's rows, kinds included. It does
// not depend on the order of rows or on how they were cut into batches.
func (b *Batch) Digest() uint64 {
	var sum uint64
	var buf []byte
	for i := range b.Rows() {
		var h uint64
		h, buf = b.rowDigest(b.Lane(i), buf)
		sum += h
	}
	return sum
}

// ChainDigest continues an ordered digest with the rows and marks of b. Cutting
// rows into batches otherwise does not change it.
func (b *Batch) ChainDigest(h uint64) uint64 {
	var buf []byte
	m := 0
	marks := func(pos int) {
		for m < len(b.Marks) && int(b.Marks[m].Pos) <= pos {
			h = combine(h, Mix(uint64(b.Marks[m].WM)+golden))
			m++
		}
	}
	for i := range b.Rows() {
		l := b.Lane(i)
		marks(l)
		var r uint64
		r, buf = b.rowDigest(l, buf)
		h = combine(h, r)
	}
	marks(CapRows)
	return h
}

func (b *Batch) rowDigest(lane int, buf []byte) (uint64, []byte) {
	buf = append(buf[:0], byte(b.Kind(lane)))
	for i := range b.Cols {
		buf = AppendKey(buf, &b.Cols[i], lane)
	}
	return HashBytes(buf), buf
}

// HashKinds is the hash of a run of kinds.
func HashKinds(kinds []Kind) uint64 { return HashBytes(bytesOf(kinds)) }
