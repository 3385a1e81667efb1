package flow

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/trace"
)

// rowLog holds the rows of polls, as frames, until they are written. It is made of pieces,
// so that nothing is copied where much comes between two writes; a piece is small enough
// that it is in a cache when it is written, and leaves room there to the job.
type rowLog struct {
	pieces [][]byte // the last one is being filled
	free   [][]byte
	framer trace.Framer
}

const (
	pieceBytes = 64 << 10  // from which on another piece begins; a frame may go beyond
	pieceRoom  = 160 << 10 // that a new piece has
	piecesFree = 4         // kept for later
)

// add appends the rows of a poll.
func (l *rowLog) add(b *batch.Batch) {
	n := len(l.pieces)
	if n == 0 || len(l.pieces[n-1]) >= pieceBytes {
		l.pieces = append(l.pieces, l.piece())
		n++
	}
	l.pieces[n-1] = l.framer.Append(l.pieces[n-1], b)
}

func (l *rowLog) piece() []byte {
	n := len(l.free)
	if n == 0 {
		return make([]byte, 0, pieceRoom)
	}
	p := l.free[n-1]
	l.free = l.free[:n-1]
	return p[:0]
}

// whole is the number of pieces that are full.
func (l *rowLog) whole() int {
	n := len(l.pieces)
	if n > 0 && len(l.pieces[n-1]) < pieceBytes {
		n--
	}
	return n
}

// take gives the pieces away.
func (l *rowLog) take() [][]byte {
	p := l.pieces
	l.pieces = nil
	return p
}

// cut gives the pieces away, and what comes next is for another file.
func (l *rowLog) cut() [][]byte {
	l.framer = trace.Framer{}
	return l.take()
}

// back takes pieces that were written.
func (l *rowLog) back(pieces [][]byte) {
	l.free = append(l.free, pieces[:min(len(pieces), max(0, piecesFree-len(l.free)))]...)
}
