package trace

import (
	"encoding/binary"
	"io"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// While rows come in they are written as frames: a length in four bytes and the raw form
// of a batch, which costs little more than to copy it. A tape that is closed has them as
// Arrow files; frames are of the machine and the build that wrote them.

// framesMagic begins a file of frames.
const framesMagic = "MINKROWS"

// AppendFrame appends the rows of a poll.
func AppendFrame(dst []byte, b *batch.Batch) []byte {
	at := len(dst)
	dst = batch.AppendRaw(append(dst, 0, 0, 0, 0), b)
	binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

// frames reads them.
type frames struct {
	data *io.SectionReader
	s    types.Schema
	at   int64
	buf  []byte
}

func newFrames(data *io.SectionReader, s types.Schema) (*RowReader, error) {
	return &RowReader{s: s, raw: &frames{data: data, s: s, at: int64(len(framesMagic))}}, nil
}

// next reads a poll; one that is cut off, where the writer died, is the end.
func (f *frames) next(b *batch.Batch) error {
	var head [4]byte
	if n, _ := f.data.ReadAt(head[:], f.at); n < len(head) {
		return io.EOF
	}
	size := int64(binary.LittleEndian.Uint32(head[:]))
	if f.at+4+size > f.data.Size() {
		return io.EOF
	}
	if int64(cap(f.buf)) < size {
		f.buf = make([]byte, size)
	}
	f.buf = f.buf[:size]
	if n, err := f.data.ReadAt(f.buf, f.at+4); n < len(f.buf) {
		return badRows(err)
	}
	f.at += 4 + size
	if err := batch.ReadRaw(b, f.buf, f.s); err != nil {
		return badRows(err)
	}
	return nil
}

// has looks at the first poll.
func (f *frames) has(column int) bool {
	first := frames{data: f.data, s: f.s, at: int64(len(framesMagic))}
	var b batch.Batch
	return first.next(&b) == nil && b.Cols[column].Type.Kind != types.Invalid
}
