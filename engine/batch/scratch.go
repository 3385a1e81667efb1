package batch

import "github.com/minkstream/mink/engine/diag"

// Scratch is the memory that loops borrow while they make a column: room for new
// string bytes and a null bitmap. One Scratch serves one task; a column made with
// it stays valid when the next one is made, except for the bitmap of Nulls, which
// the caller must have taken over by then (see GiveNulls).
type Scratch struct {
	chunk []byte // unused tail of the newest chunk, as a zero-length slice with room
	nulls []uint64
}

// chunkMin is the smallest chunk of string bytes that is allocated.
const chunkMin = 64 << 10

// Writer appends string values to a column. Bytes go into the scratch's chunk,
// behind those of earlier columns; short values lie in their views alone.
//
//	w := s.Strings(dst)
//	for ... {
//		w.Buf = append(w.Buf, ...)
//		dst.Views[i] = w.End()
//	}
//	w.Close()
type Writer struct {
	// Buf is appended to. What was appended since the last End is the value.
	Buf   []byte
	start int
	index uint32
	dst   *Col
	s     *Scratch
}

// Strings begins to write new values of the string column dst. Buffers that dst
// has already stay; the new bytes become one more when the writer is closed. One
// writer at a time.
func (s *Scratch) Strings(dst *Col) Writer {
	if cap(s.chunk) < 1024 {
		s.chunk = make([]byte, 0, chunkMin)
	}
	return Writer{Buf: s.chunk[:0], index: uint32(len(dst.Bufs)), dst: dst, s: s}
}

// End ends a value and returns its view.
func (w *Writer) End() View {
	v := w.Buf[w.start:]
	view := MakeRef(v, w.index, uint32(w.start))
	if len(v) <= InlineMax {
		w.Buf = w.Buf[:w.start]
		return view
	}
	w.start = len(w.Buf)
	return view
}

// Undo drops what was appended since the last End.
func (w *Writer) Undo() { w.Buf = w.Buf[:w.start] }

// Value is what was appended since the last End.
func (w *Writer) Value() []byte { return w.Buf[w.start:] }

// Close gives the bytes to the column and the rest of the chunk back.
func (w *Writer) Close() {
	n := w.start
	if n > 0 {
		w.dst.Bufs = append(w.dst.Bufs, w.Buf[:n:n])
	}
	w.s.chunk = w.Buf[n:n:cap(w.Buf)]
}

// Nulls returns dst's null bitmap for n lanes, giving it an empty one first when
// it has none.
func (s *Scratch) Nulls(dst *Col, n int) []uint64 {
	if dst.Nulls != nil {
		return dst.Nulls
	}
	w := Words(n)
	if cap(s.nulls) < w {
		s.nulls = make([]uint64, max(w, Words(MaxRows)))
	}
	dst.Nulls = s.nulls[:w]
	clear(dst.Nulls)
	return dst.Nulls
}

// GiveNulls lends a bitmap for the next column and returns the one lent before;
// whoever owns columns keeps one bitmap per column in turn through it.
func (s *Scratch) GiveNulls(w []uint64) []uint64 {
	old := s.nulls
	s.nulls = w
	return old
}

// LaneError is a mistake in one lane, found by a loop that knows nothing of the
// statement; the caller adds the place.
type LaneError struct {
	Lane int
	Err  *diag.Error
}

// Error is the text of the mistake.
func (e *LaneError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake.
func (e *LaneError) Unwrap() error { return e.Err }

// FailLane makes the error of a lane.
func FailLane(lane int, code diag.Code, format string, args ...any) error {
	return &LaneError{Lane: lane, Err: diag.New(code, format, args...)}
}
