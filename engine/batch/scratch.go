package batch

import "github.com/minkstream/mink/engine/diag"

// Scratch is room for the bytes of new string values, which loops append while
// they make a column. One Scratch serves one task; the zero value is ready. The
// bytes are never changed once written and belong to the collector.
type Scratch struct {
	chunk []byte // the open chunk, len = bytes used
	last  int    // bytes that the last columns took, as a guess for the next
}

// Writer appends string values to a column. Short values lie in their views and
// take no bytes.
//
//	w := s.Strings(dst)
//	for ... {
//		w.Buf = append(w.Buf, ...)
//		dst.Views[i] = w.End()
//	}
//	w.Close()
type Writer struct {
	// Buf is appended to, and only that. What was appended since the last End is
	// the value.
	Buf   []byte
	first int
	start int
	index uint32
	dst   *Col
	s     *Scratch
}

// Strings begins to write new values of the string column dst. Buffers that dst
// has stay; the new bytes become one more when the writer is closed. One writer
// of a Scratch is open at a time.
func (s *Scratch) Strings(dst *Col) Writer {
	if need := s.last + s.last/4 + 1024; cap(s.chunk)-len(s.chunk) < need {
		s.chunk = make([]byte, 0, max(arenaMin, need))
	}
	n := len(s.chunk)
	return Writer{Buf: s.chunk, first: n, start: n, index: uint32(len(dst.Bufs)), dst: dst, s: s}
}

// End ends a value and returns its view.
func (w *Writer) End() View {
	v := w.Buf[w.start:]
	if len(v) <= InlineMax {
		w.Buf = w.Buf[:w.start]
		return MakeInline(v)
	}
	view := MakeRef(v, w.index, uint32(w.start))
	w.start = len(w.Buf)
	return view
}

// Undo drops what was appended since the last End.
func (w *Writer) Undo() { w.Buf = w.Buf[:w.start] }

// Value is what was appended since the last End.
func (w *Writer) Value() []byte { return w.Buf[w.start:] }

// Close gives the bytes to the column and the rest of the chunk back.
func (w *Writer) Close() {
	w.Undo()
	n := len(w.Buf)
	w.s.last = max(w.s.last/2, n-w.first)
	w.s.chunk = w.Buf
	if n > w.first {
		w.dst.Bufs = append(w.dst.Bufs, w.Buf[:n:n])
	}
}

// NullBits returns c's null bitmap for n lanes, giving it an empty one first when
// it has none.
func (c *Col) NullBits(n int) []uint64 {
	if c.Nulls == nil {
		return c.AllocNulls(n)
	}
	return c.Nulls
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
