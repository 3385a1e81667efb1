package filesystem

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// chunkBytes is how much is read at once. Strings are views into chunks, so a
// chunk lives as long as any of them.
const chunkBytes = 1 << 20

// position is where reading goes on: in a file of lines the byte offset, the
// number of the line there, whether the header is behind, and how many rows of the
// record there were given; in a columnar file the row. A range of a file (ranges.go)
// has its first byte and its end too, and the length of the file's name in the ID.
type position struct {
	offset, line int64
	header       bool
	given        int64
	row          int64
	start, end   int64 // end 0: that of the file
	name         int64 // 0: all of the ID
}

const positionVersion = 2

func (p position) encode() []byte {
	out := []byte{positionVersion, 0}
	if p.header {
		out[1] = 1
	}
	for _, v := range []int64{p.offset, p.line, p.given, p.row, p.start, p.end, p.name} {
		out = binary.AppendUvarint(out, uint64(v))
	}
	return out
}

func decodePosition(b []byte) (p position, err error) {
	if len(b) == 0 {
		return position{line: 1}, nil
	}
	bad := diag.New(diag.Checkpoint, "position of a file is damaged")
	if len(b) < 2 || b[0] != positionVersion {
		return p, bad
	}
	p.header = b[1] == 1
	b = b[2:]
	for _, v := range []*int64{&p.offset, &p.line, &p.given, &p.row, &p.start, &p.end, &p.name} {
		n, k := binary.Uvarint(b)
		if k <= 0 || n > 1<<62 {
			return p, bad
		}
		*v, b = int64(n), b[k:]
	}
	return p, nil
}

// lineReader reads a file of records.
type lineReader struct {
	id    string
	name  string
	pos   position // where reading began
	file  env.ReadFile
	dec   connect.Decoder
	parts connect.Partial // dec, if it is one
	shape *shape

	size  int64  // of the file when it was opened
	chunk []byte // bytes from offset base on; never changed once decoded from
	base  int64
	next  int // first unread byte of chunk
	eof   bool
	err   error // found behind rows that are given first

	before  int64 // lines before the range, once they were counted
	counted bool
}

func newLineReader(id, name string, f env.ReadFile, size int64, dec connect.Decoder, pos position, sh *shape, ctx connect.ReaderCtx) *lineReader {
	r := &lineReader{id: id, name: name, pos: pos, file: f, dec: dec, shape: sh, size: size, base: pos.offset}
	if pos.end > 0 {
		r.file, r.size = partFile{f, pos.end}, min(size, pos.end)
	}
	dec.Reset(pos.line, pos.header)
	if p, ok := dec.(connect.Partial); ok {
		r.parts = p
		p.SetGiven(int(pos.given))
	}
	if l, ok := dec.(connect.Lenient); ok && ctx.BadRecord != nil {
		l.OnBadRecord(func(err error) { ctx.BadRecord(r.placed(err)) })
	}
	return r
}

// Poll fills dst with up to max rows. A mistake behind good rows is reported by the
// next call, so that rows before it are not lost.
func (r *lineReader) Poll(dst *batch.Batch, max int) (connect.Status, error) {
	if r.err != nil {
		return connect.End, r.err
	}
	in := r.shape.target(dst)
	in.Reset()
	for in.N < max {
		data := r.chunk[r.next:]
		if len(data) == 0 && r.eof {
			break
		}
		had, used := in.N, 0
		if len(data) > 0 {
			var err error
			used, err = r.dec.Decode(in, data, r.base+int64(r.next), r.eof, max-in.N)
			r.next += used
			if err != nil {
				r.err = r.placed(err)
				break
			}
		}
		switch {
		case used > 0:
			continue
		case in.N > had: // rows of a record that gives more than fit
		case r.eof:
			r.err = atFile(diag.New(diag.Internal, "format left %d bytes at the end", len(data)), r.name)
		default:
			if err := r.fill(); err != nil {
				r.err = err
			}
		}
		if r.err != nil {
			break
		}
	}
	n := in.N
	r.shape.finish(dst)
	switch {
	case n > 0:
		return connect.More, nil
	case r.err != nil:
		return connect.End, r.err
	}
	return connect.End, nil
}

// fill reads on behind the bytes that are not used yet, into fresh memory.
func (r *lineReader) fill() error {
	tail := r.chunk[r.next:]
	if len(tail) > format.MaxRecord {
		return r.placed(diag.New(diag.LimitExceeded, "line %d (byte %d): record is longer than 16 MB",
			r.dec.Line(), r.base+int64(r.next)))
	}
	at := r.base + int64(len(r.chunk))
	// One byte more than is left shows the end of the file in the same read.
	want := int64(max(chunkBytes, len(tail)))
	if left := r.size - at + 1; left > 0 && left < want {
		want = left
	}
	chunk := make([]byte, len(tail)+int(want))
	copy(chunk, tail)
	n, err := readFull(r.file, chunk[len(tail):], at)
	if err != nil && !errors.Is(err, io.EOF) {
		return ioError(err, "read", r.name)
	}
	r.eof = err != nil
	r.base += int64(r.next)
	r.chunk, r.next = chunk[:len(tail)+n], 0
	return nil
}

// readFull reads until p is full or the file ends, which it reports as io.EOF.
func readFull(f io.ReaderAt, p []byte, at int64) (int, error) {
	n := 0
	for n < len(p) {
		k, err := f.ReadAt(p[n:], at+int64(n))
		n += k
		if err != nil {
			return n, err
		}
		if k == 0 {
			return n, io.EOF
		}
	}
	return n, nil
}

func (r *lineReader) NextAt() int64 { return 0 }

func (r *lineReader) Position() connect.Split {
	p := r.pos
	p.offset, p.line, p.header, p.given = r.base+int64(r.next), r.dec.Line(), r.dec.HeaderDone(), 0
	if r.parts != nil {
		p.given = int64(r.parts.Given())
	}
	return connect.Split{ID: r.id, Pos: p.encode()}
}

func (r *lineReader) Close() error { return r.file.Close() }

// columnReader reads a columnar file.
type columnReader struct {
	name  string
	file  env.ReadFile
	fr    connect.FileReader
	shape *shape
}

func (r *columnReader) Poll(dst *batch.Batch, max int) (connect.Status, error) {
	in := r.shape.target(dst)
	err := r.fr.Read(in, max)
	if errors.Is(err, io.EOF) {
		return connect.End, nil
	}
	if err != nil {
		return connect.End, atFile(err, r.name)
	}
	r.shape.finish(dst)
	return connect.More, nil
}

func (r *columnReader) NextAt() int64 { return 0 }

func (r *columnReader) Position() connect.Split {
	return connect.Split{ID: r.name, Pos: position{line: 1, row: r.fr.Row()}.encode()}
}

func (r *columnReader) Close() error {
	err := r.fr.Close()
	return errors.Join(err, r.file.Close())
}
