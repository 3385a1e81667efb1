package env

import (
	"io/fs"
	"os"
	"unsafe"
)

// Streamed makes of a file that was just created one for much content, which is written
// once, in order, and not read soon. Where the system can, that goes to the disk without
// a copy in its cache, which costs the processor more than all else. Pieces that are long
// are written from where they lie, if that is at an address which is as far from a
// multiple of StreamAlign as their place in the file. Files that are short are written as
// others are.
func Streamed(f File) File {
	o, ok := f.(*os.File)
	if !ok {
		return f
	}
	return &stream{f: o}
}

const (
	// StreamAlign is what places in files and in memory are multiples of where bytes pass
	// the cache.
	StreamAlign = 4096
	// StreamLong is how long a piece must be to be written from where it lies.
	StreamLong = 64 << 10

	streamBuffer = 1 << 20
	streamFirst  = 64 << 10 // of a buffer when it is new
)

// Lender is a writer that can be lent bytes.
type Lender interface {
	// Lend is Write for bytes that stay as they are until what was written is synced or
	// closed: it may write them then, together with others.
	Lend(b []byte) (int, error)
}

// stream is a file whose last bytes are in a buffer.
type stream struct {
	f   *os.File
	off int64  // of buf in the file: a multiple of StreamAlign
	buf []byte // begins at a multiple of StreamAlign too
	// list is what comes before buf from place sealed on: pieces of multiples of StreamAlign,
	// of buf and lent ones in turn, pending bytes together.
	list            [][]byte
	sealed, pending int
	// direct says that what is written now passes the cache, plain that it never will.
	direct, plain bool
	err           error
}

func (s *stream) Name() string { return s.f.Name() }

// Write takes the bytes; they are in the file after Sync or Close.
func (s *stream) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 && s.err == nil {
		if len(s.buf)%StreamAlign == 0 && len(b) >= StreamLong && misplaced(b) == 0 {
			s.flush()
			k := len(b) &^ (StreamAlign - 1)
			s.put(b[:k])
			b = b[k:]
			continue
		}
		k := len(b)
		if len(b) >= StreamLong+StreamAlign {
			// Up to where the rest can be written from where it lies.
			if to := -len(s.buf) & (StreamAlign - 1); misplaced(b[to:]) == 0 {
				k = to
			}
		}
		if k = min(k, s.room(k)); k == 0 {
			s.flush()
			continue
		}
		s.buf = append(s.buf, b[:k]...)
		b = b[k:]
	}
	if s.err != nil {
		return 0, s.err
	}
	return n, nil
}

// Lend takes bytes that do not change: they are in the file after Sync or Close.
func (s *stream) Lend(b []byte) (int, error) {
	to := -len(s.buf) & (StreamAlign - 1)
	k := (len(b) - to) &^ (StreamAlign - 1)
	if k < StreamLong || misplaced(b[to:]) != 0 || s.plain || s.err != nil {
		return s.Write(b)
	}
	if n, err := s.Write(b[:to]); err != nil {
		return n, err
	}
	if s.sealed < len(s.buf) {
		s.seal()
	}
	s.list = append(s.list, b[to:to+k:to+k])
	if s.pending += k; s.pending >= streamBuffer {
		s.flush()
	}
	n, err := s.Write(b[to+k:])
	return to + k + n, err
}

// seal puts what is new in the buffer on the list.
func (s *stream) seal() {
	s.list = append(s.list, s.buf[s.sealed:len(s.buf):len(s.buf)])
	s.pending += len(s.buf) - s.sealed
	s.sealed = len(s.buf)
}

// room makes room for n bytes, or for fewer, and says for how many.
func (s *stream) room(n int) int {
	for cap(s.buf) < streamBuffer && cap(s.buf)-len(s.buf) < n {
		s.buf = append(alignedBytes(max(streamFirst, min(streamBuffer, 4*cap(s.buf)))), s.buf...)
	}
	return cap(s.buf) - len(s.buf)
}

// flush writes the list and the buffer, which have whole multiples of StreamAlign.
func (s *stream) flush() {
	s.putList()
	s.put(s.buf[s.sealed:])
	s.buf, s.sealed = s.buf[:0], 0
}

// putList writes the list, and the rest of the buffer with it if that has a whole multiple.
func (s *stream) putList() {
	if len(s.list) == 0 {
		return
	}
	if n := len(s.buf) - s.sealed; n > 0 && n%StreamAlign == 0 {
		s.seal()
	}
	s.pass()
	done := int64(0)
	if s.err == nil {
		done = writeAll(s.f, s.list, s.off)
	}
	s.off += done
	for _, b := range s.list { // what it has not written, if anything
		k := min(int64(len(b)), done)
		done -= k
		s.put(b[k:])
	}
	clear(s.list)
	s.list, s.pending = s.list[:0], 0
}

// pass lets what is written pass the cache, if it can.
func (s *stream) pass() {
	if !s.direct && !s.plain {
		s.direct = setDirect(s.f, true)
		s.plain = !s.direct
	}
}

// put writes aligned bytes, if possible past the cache.
func (s *stream) put(b []byte) {
	if len(b) == 0 || s.err != nil {
		return
	}
	s.pass()
	n, err := s.f.WriteAt(b, s.off)
	if err != nil && s.direct && refusesDirect(err) {
		// Some file systems say so only now.
		s.plain, s.direct = true, !setDirect(s.f, false)
		var m int
		m, err = s.f.WriteAt(b[n:], s.off+int64(n))
		n += m
	}
	s.off += int64(n)
	s.err = err
}

// end writes what is left of the buffer. That need not be a multiple of anything.
func (s *stream) end() error {
	s.putList()
	if s.sealed > 0 {
		s.buf = append(s.buf[:0], s.buf[s.sealed:]...)
		s.sealed = 0
	}
	if len(s.buf) > 0 && s.err == nil {
		if s.direct {
			setDirect(s.f, false)
			s.direct, s.plain = false, true
		}
		_, s.err = s.f.WriteAt(s.buf, s.off)
	}
	return s.err
}

// Sync makes all that was written durable. More may be written then.
func (s *stream) Sync() error {
	if err := s.end(); err != nil {
		return err
	}
	return s.f.Sync()
}

func (s *stream) Close() error {
	err := s.end()
	if e := s.f.Close(); err == nil {
		err = e
	}
	if s.err == nil {
		s.err = fs.ErrClosed
	}
	s.buf = nil
	return err
}

// misplaced is how far the address of bytes is from a multiple of StreamAlign.
func misplaced(b []byte) int {
	return int(uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (StreamAlign - 1))
}

// alignedBytes gives an empty slice with room for n bytes at a multiple of StreamAlign.
func alignedBytes(n int) []byte {
	b := make([]byte, n)
	if off := misplaced(b); off != 0 {
		b = make([]byte, n+StreamAlign)
		off = -misplaced(b) & (StreamAlign - 1)
		b = b[off : off+n : off+n]
	}
	return b[:0]
}
