// Package trace is the tape of a run: what was not a function of its inputs, step by
// step, and a chain of hashes that says whether another run is the same.
//
// A Log belongs to one task of one attempt. It holds, for each step, which event was
// taken, the reading of the clock if there was one, the message or the outcome of a
// poll, and the chain. No order between tasks is kept: channels are first in, first
// out, so the picks of the receivers say it all; a step's stamp only orders views.
//
// The bytes are blocks of up to 64 records, each block with its length and CRC32C,
// so that what was cut off or damaged is seen. trace knows nothing of tasks: what a
// message means is the business of whoever records it.
//
// A tape (.mtape) is the logs of all tasks of the jobs of a session, with what the
// sources gave and what was asked for: a folder while it is recorded, one zip file
// afterwards.
//
//	manifest.json         statements, settings, jobs and their attempts (Manifest)
//	steps/J-A-T.arrow     the log of task T in attempt A of job J: Arrow IPC, a row a step
//	inputs/J-A-T.arrow    the rows that its source gave: Arrow IPC, a record batch a poll
//	                      (while it is recorded J-A-T.rows, frames of raw rows)
//	ckpt/J-A/...          the checkpoint that the attempt began from
//	ckpt/J-A-C/...        checkpoint C in it, where the tape begins, with the tasks as they
//	                      stood there
//	output.arrow          who wrote to standard output, and in which order
//
// Begin with Step, then Log, then Folder in folder.go.
package trace

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

// Step is the record of one step.
type Step struct {
	// N counts the steps of the task, from 1 on.
	N int64
	// Stamp is a reading of the host's monotone clock.
	Stamp int64
	// Pick is the event taken, in the numbering of the host.
	Pick int32
	// Clock says that the step read the processing time, which was Now.
	Clock bool
	Now   int64
	// Failed says that the step ended its attempt, and Error why.
	Failed bool
	Error  string
	// Mail is the message taken, if it was one.
	Mail []byte
	// Poll is the outcome of asking a reader, if the step did.
	Poll *Poll
	// Calls are what the step asked the outside for, such as user functions in other
	// processes, in order.
	Calls []Call
	// Hash is the chain after the step; Chained says that it was kept for this one.
	Chained bool
	Hash    uint64
}

// Call is what a call to the outside gave: bytes, or the text of its error.
type Call struct {
	Failed bool
	Data   []byte
}

// Poll is what a reader gave. The rows are not here: they are read again.
type Poll struct {
	Split  int
	Rows   int
	Status uint8
	// Digest is of the rows, in their order, or of some of them; whoever records knows which.
	Digest uint64
	// Marks are watermarks that the reader itself gave, with the rows or without. Those
	// that the table's WATERMARK computes are none of them.
	Marks []batch.Mark
}

// blockSteps is the number of records in a block.
const blockSteps = 64

const (
	hasClock = 1 << iota
	hasMail
	hasPoll
	hasHash
	hasFailed
	hasCalls
	hasMarks
)

// Log is the records of one task. It is written by its task alone; the zero value is
// an empty one.
type Log struct {
	data  []byte // whole blocks
	block []byte // the open one
	in    int    // records in it
	steps int64
	last  Step // for differences
}

// Len is the number of records, Bytes the memory they take.
func (l *Log) Len() int64   { return l.steps }
func (l *Log) Bytes() int64 { return int64(len(l.data) + len(l.block)) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Add appends a record.
func (l *Log) Add(s *Step) {
	flags := uint64(0)
	set := func(on bool, bit uint64) {
		if on {
			flags |= bit
		}
	}
	set(s.Clock, hasClock)
	set(s.Mail != nil, hasMail)
	set(s.Poll != nil, hasPoll)
	set(s.Chained, hasHash)
	set(s.Failed, hasFailed)
	set(len(s.Calls) > 0, hasCalls)
	set(s.Poll != nil && len(s.Poll.Marks) > 0, hasMarks)
	b := binary.AppendUvarint(l.block, flags)
	b = binary.AppendVarint(b, s.N-l.last.N)
	b = binary.AppendVarint(b, s.Stamp-l.last.Stamp)
	b = binary.AppendVarint(b, int64(s.Pick))
	l.last.N, l.last.Stamp = s.N, s.Stamp
	if s.Clock {
		b = binary.AppendVarint(b, s.Now-l.last.Now)
		l.last.Now = s.Now
	}
	if s.Mail != nil {
		b = binary.AppendUvarint(b, uint64(len(s.Mail)))
		b = append(b, s.Mail...)
	}
	if s.Failed {
		b = binary.AppendUvarint(b, uint64(len(s.Error)))
		b = append(b, s.Error...)
	}
	if p := s.Poll; p != nil {
		b = binary.AppendUvarint(b, uint64(p.Split))
		b = binary.AppendUvarint(b, uint64(p.Rows))
		b = append(b, p.Status)
		b = binary.LittleEndian.AppendUint64(b, p.Digest)
		b = appendMarks(b, p.Marks)
	}
	if len(s.Calls) > 0 {
		b = binary.AppendUvarint(b, uint64(len(s.Calls)))
		for _, c := range s.Calls {
			failed := byte(0)
			if c.Failed {
				failed = 1
			}
			b = append(b, failed)
			b = binary.AppendUvarint(b, uint64(len(c.Data)))
			b = append(b, c.Data...)
		}
	}
	if s.Chained {
		b = binary.LittleEndian.AppendUint64(b, s.Hash)
	}
	l.block = b
	l.steps++
	if l.in++; l.in == blockSteps {
		l.seal()
	}
}

// appendMarks adds marks and their number, nothing where there are none.
func appendMarks(b []byte, marks []batch.Mark) []byte {
	if len(marks) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(marks)))
	for _, m := range marks {
		b = binary.AppendUvarint(b, uint64(m.Pos))
		b = binary.AppendVarint(b, m.WM)
	}
	return b
}

// seal ends the open block. Differences begin anew in each, so that one can be read
// without those before it.
func (l *Log) seal() {
	if l.in == 0 {
		return
	}
	l.data = binary.LittleEndian.AppendUint32(l.data, uint32(len(l.block)))
	l.data = binary.LittleEndian.AppendUint32(l.data, crc32.Checksum(l.block, castagnoli))
	l.data = append(l.data, l.block...)
	l.block, l.in, l.last = l.block[:0], 0, Step{}
}

// Encode gives the bytes of the log; it may grow on afterwards.
func (l *Log) Encode() []byte {
	l.seal()
	return l.data
}

// Take gives the bytes since the last call and forgets them.
func (l *Log) Take() []byte {
	l.seal()
	b := l.data
	l.data = nil
	return b
}

// Decode reads all records. A log that ends within a block was cut off there: what
// comes before it is given, with an error.
func Decode(data []byte) ([]Step, error) {
	var out []Step
	bad := func(why string) ([]Step, error) {
		return out, diag.New(diag.InvalidTape, "the tape is damaged after step %d: %s", len(out), why)
	}
	for len(data) > 0 {
		if len(data) < 8 {
			return bad("a block is cut off")
		}
		n, sum := int(binary.LittleEndian.Uint32(data)), binary.LittleEndian.Uint32(data[4:])
		if data = data[8:]; n > len(data) {
			return bad("a block is cut off")
		}
		block := data[:n]
		data = data[n:]
		if crc32.Checksum(block, castagnoli) != sum {
			return bad("a checksum does not match")
		}
		r := reader{b: block}
		for last := (Step{}); len(r.b) > 0; {
			last = r.step(last)
			if r.bad {
				return bad("a record is not well formed")
			}
			out = append(out, last)
		}
	}
	return out, nil
}

// reader takes a block apart; bad is set when its bytes are not well formed.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) step(last Step) Step {
	flags := r.uint()
	s := Step{N: last.N + r.int(), Stamp: last.Stamp + r.int(), Pick: int32(r.int()), Now: last.Now, Failed: flags&hasFailed != 0}
	if flags&hasClock != 0 {
		s.Clock = true
		s.Now += r.int()
	}
	if flags&hasMail != 0 {
		s.Mail = append([]byte{}, r.bytes(int(r.uint()))...)
	}
	if s.Failed {
		s.Error = string(r.bytes(int(r.uint())))
	}
	if flags&hasPoll != 0 {
		s.Poll = &Poll{Split: int(r.uint()), Rows: int(r.uint())}
		if b := r.bytes(1); b != nil {
			s.Poll.Status = b[0]
		}
		s.Poll.Digest = r.fixed()
		if flags&hasMarks != 0 {
			for k := r.uint(); k > 0 && !r.bad; k-- {
				s.Poll.Marks = append(s.Poll.Marks, batch.Mark{Pos: uint16(r.uint()), WM: r.int()})
			}
		}
	}
	if flags&hasCalls != 0 {
		for k := r.uint(); k > 0 && !r.bad; k-- {
			var c Call
			if b := r.bytes(1); b != nil {
				c.Failed = b[0] != 0
			}
			c.Data = append([]byte{}, r.bytes(int(r.uint()))...)
			s.Calls = append(s.Calls, c)
		}
	}
	if flags&hasHash != 0 {
		s.Chained, s.Hash = true, r.fixed()
	}
	return s
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) fixed() uint64 {
	b := r.bytes(8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}
