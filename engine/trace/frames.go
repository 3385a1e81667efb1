package trace

import (
	"encoding/binary"
	"io"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/types"
)

// While rows come in they are written as frames: a length in four bytes and a batch of a
// batch.RawWriter, which costs little more than to copy it. A tape that is closed has them
// as Arrow files; frames are of the machine and the build that wrote them.

// framesMagic begins a file of frames; what comes behind framesAny is the form that they have.
const (
	framesMagic = framesAny + "3"
	framesAny   = "MINKROW"
)

// errFrames: the frames have another form.
var errFrames = diag.New(diag.InvalidTape, "the rows on the tape are those of a recording that did not come to its end, in a form of another mink")

// Framer makes the frames of one file, in their order. The zero value begins one.
type Framer struct{ w batch.RawWriter }

// Append appends the rows of a poll.
func (f *Framer) Append(dst []byte, b *batch.Batch) []byte {
	at := len(dst)
	dst = f.w.Append(append(dst, 0, 0, 0, 0), b)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// frames reads them.
type frames struct {
	data *io.SectionReader
	s    types.Schema
	at   int64
	buf  []byte
	r    batch.RawReader
}

func newFrames(data *io.SectionReader, s types.Schema) (*RowReader, error) {
	return &RowReader{s: s, raw: newFrameReader(data, s)}, nil
}

func newFrameReader(data *io.SectionReader, s types.Schema) *frames {
	return &frames{data: data, s: s, at: int64(len(framesMagic))}
}

// take reads the frame that comes next; one that is cut off, where the writer died, is the
// end.
func (f *frames) take() error {
	size, err := f.size()
	if err != nil {
		return err
	}
	if int64(cap(f.buf)) < size {
		f.buf = make([]byte, size)
	}
	f.buf = f.buf[:size]
	if n, err := f.data.ReadAt(f.buf, f.at+4); n < len(f.buf) {
		return badRows(err)
	}
	f.at += 4 + size
	return nil
}

func (f *frames) size() (int64, error) {
	var head [4]byte
	if n, _ := f.data.ReadAt(head[:], f.at); n < len(head) {
		return 0, io.EOF
	}
	size := int64(binary.LittleEndian.Uint32(head[:]))
	if f.at+4+size > f.data.Size() {
		return 0, io.EOF
	}
	return size, nil
}

// next reads a poll.
func (f *frames) next(b *batch.Batch) error {
	if err := f.take(); err != nil {
		return err
	}
	if err := f.r.Read(b, f.buf, f.s); err != nil {
		return badRows(err)
	}
	return nil
}

// pass goes on to the frame at a place. Of those between it reads what later ones need.
func (f *frames) pass(to int64) error {
	for f.at < to {
		size, err := f.size()
		if err != nil {
			return badRows(err)
		}
		var first [1]byte
		if n, _ := f.data.ReadAt(first[:], f.at+4); n == 1 && f.r.Passes(first[0]) {
			f.at += 4 + size
			continue
		}
		if err = f.take(); err == nil {
			err = f.r.Pass(f.buf)
		}
		if err != nil {
			return badRows(err)
		}
	}
	return nil
}

// has looks at the first poll.
func (f *frames) has(column int) bool {
	var b batch.Batch
	return newFrameReader(f.data, f.s).next(&b) == nil && b.Cols[column].Type.Kind != types.Invalid
}
