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

	// streamRoom is how much of the disk a file gets at first, ahead of what is written,
	// streamRoomMax how much at a time later.
	streamRoom    = 4 << 20
	streamRoomMax = 64 << 20
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
	// q has what is being written while the stream goes on. It is nil before there is
	// anything, and where the system cannot: then grounded is set.
	q        *queue
	grounded bool
	room     int64 // of the file on the disk
	err      error
}

func (s *stream) Name() string { return s.f.Name() }

// Write takes the bytes; they are in the file after Sync or Close.
func (s *stream) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 && s.err == nil {
		if len(s.buf)%StreamAlign == 0 && len(b) >= StreamLong && misplaced(b) == 0 {
			s.flush()
			k := len(b) &^ (StreamAlign - 1)
			s.put(nil, b[:k])
			s.land() // the bytes are the caller's
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
		if k = min(k, s.roomFor(k)); k == 0 {
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

// roomFor makes room for n bytes in the buffer, or for fewer, and says for how many.
func (s *stream) roomFor(n int) int {
	for cap(s.buf) < streamBuffer && cap(s.buf)-len(s.buf) < n {
		s.buf = append(alignedBytes(max(streamFirst, min(streamBuffer, 4*cap(s.buf)))), s.buf...)
	}
	return cap(s.buf) - len(s.buf)
}

// flush writes the list and the buffer, which have whole multiples of StreamAlign.
func (s *stream) flush() {
	if s.sealed < len(s.buf) {
		s.seal()
	}
	if len(s.list) == 0 {
		return
	}
	var own []byte
	if s.sealed > 0 {
		own = s.buf
	}
	if s.put(own, s.list...) && own != nil {
		s.buf = s.q.buffer() // that one is on its way
	}
	s.buf, s.sealed = s.buf[:0], 0
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

// put writes aligned pieces that follow each other, if possible past the cache. It reports that
// they are still being written; own is the buffer that some of them lie in.
func (s *stream) put(own []byte, list ...[]byte) (flies bool) {
	if s.err != nil {
		return false
	}
	s.pass()
	n := int64(0)
	for _, b := range list {
		n += int64(len(b))
	}
	if flies = s.direct && s.fly(own, list, n); !flies {
		s.write(list, s.off)
	}
	s.off += n
	return flies
}

// fly begins to write pieces of n bytes together, if it can.
func (s *stream) fly(own []byte, list [][]byte, n int64) bool {
	if s.q == nil && !s.grounded {
		s.q = takeQueue()
		s.grounded = s.q == nil
	}
	if s.grounded {
		return false
	}
	if s.off+n > s.room {
		// Where a file ends, the system writes one piece after the other.
		more := max(n, min(max(s.room, streamRoom), streamRoomMax))
		if s.grounded = !reserve(s.f, s.off+more); !s.grounded {
			s.room = s.off + more
		}
	}
	if !s.grounded && s.q.write(s.f, own, list, s.off, n) {
		return true
	}
	s.grounded = true
	s.land()
	return false
}

// write writes pieces that follow each other at a place, and waits for it.
func (s *stream) write(list [][]byte, off int64) {
	done := int64(0)
	if s.direct {
		done = writeAll(s.f, list, off)
	}
	for _, b := range list { // what it has not written, if anything
		k := min(int64(len(b)), done)
		done -= k
		if k < int64(len(b)) && s.err == nil {
			s.writeAt(b[k:], off+k)
		}
		off += int64(len(b))
	}
}

func (s *stream) writeAt(b []byte, off int64) {
	n, err := s.f.WriteAt(b, off)
	if err != nil && s.direct && refusesDirect(err) {
		// Some file systems say so only now.
		s.plain, s.direct = true, !setDirect(s.f, false)
		_, err = s.f.WriteAt(b[n:], off+int64(n))
	}
	s.err = err
}

// land waits for all that is being written. What could not be written is written again: what
// is wrong with it is then told as it is for any file.
func (s *stream) land() {
	if s.q == nil {
		return
	}
	for _, w := range s.q.land() {
		if s.err == nil {
			s.write(w.list, w.off)
		}
	}
}

// end writes what is left of the buffer. That need not be a multiple of anything.
func (s *stream) end() error {
	if len(s.list) > 0 {
		rest := append([]byte(nil), s.buf[s.sealed:]...)
		s.buf = s.buf[:s.sealed]
		s.flush()
		s.buf = append(s.buf, rest...)
	}
	s.land()
	if len(s.buf) > 0 && s.err == nil {
		if s.direct {
			setDirect(s.f, false)
			s.direct, s.plain = false, true
		}
		_, s.err = s.f.WriteAt(s.buf, s.off)
	}
	if s.room > 0 && s.err == nil {
		s.room = 0
		s.err = s.f.Truncate(s.off + int64(len(s.buf)))
	}
	return s.err
}

// Sync makes all that was written durable. More may be written then.
func (s *stream) Sync() error {
	if err := s.end(); err != nil {
		return err
	}
	if s.q == nil {
		return syncFile(s.f)
	}
	if done, err := s.q.sync(s.f); done {
		return err
	}
	return s.f.Sync()
}

func (s *stream) Close() error {
	err := s.end()
	if s.q != nil {
		s.land() // nothing may be written to a file that is closed
		s.q.giveBack()
		s.q = nil
	}
	if e := s.f.Close(); err == nil {
		err = e
	}
	if s.err == nil {
		s.err = fs.ErrClosed
	}
	s.buf = nil
	return err
}

// syncFile makes durable what was written to a file, as (*os.File).Sync, but keeps no processor
// from others while it waits, if the system can do that.
func syncFile(f *os.File) error {
	if q := takeQueue(); q != nil {
		defer q.giveBack()
		if done, err := q.sync(f); done {
			return err
		}
	}
	return f.Sync()
}

// written is what was to be written at a place.
type written struct {
	list [][]byte
	off  int64
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
