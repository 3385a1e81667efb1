package cli

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/minkstream/mink/engine/trace"
)

// tapedOut is standard output while a tape is recorded: it notes who writes.
type tapedOut struct {
	mu sync.Mutex
	w  io.Writer
	to *trace.Folder
}

// Write is for the client that shows results.
func (o *tapedOut) Write(p []byte) (int, error) { return o.write("", p) }

func (o *tapedOut) write(by string, p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.w.Write(p)
	if n > 0 {
		o.to.Output(by, n)
	}
	return n, err
}

// For is the stream of a task that prints.
func (o *tapedOut) For(by string) io.Writer {
	return writerFunc(func(p []byte) (int, error) { return o.write(by, p) })
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// orderedOut is standard output while a tape is replayed: what its writers give goes
// out in the order of the tape, whatever the order in which the jobs are executed.
type orderedOut struct {
	w io.Writer

	mu     sync.Mutex
	pieces []trace.Piece
	held   map[string]*bytes.Buffer
	// late: the tape begins in the middle of a run, so the first pieces are of what came
	// before. How much that is, is known at the end.
	late bool
}

func newOrderedOut(w io.Writer, pieces []trace.Piece) *orderedOut {
	return &orderedOut{w: w, pieces: pieces, held: map[string]*bytes.Buffer{}}
}

func (o *orderedOut) Write(p []byte) (int, error) { return o.write("", p) }

// For is the stream of a task that prints.
func (o *orderedOut) For(by string) io.Writer {
	return writerFunc(func(p []byte) (int, error) { return o.write(by, p) })
}

func (o *orderedOut) write(by string, p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.held[by]
	if b == nil {
		b = &bytes.Buffer{}
		o.held[by] = b
	}
	b.Write(p)
	if o.late {
		return len(p), nil
	}
	return len(p), o.inOrder()
}

// inOrder writes what is next, as far as it is there.
func (o *orderedOut) inOrder() error {
	for len(o.pieces) > 0 {
		next := &o.pieces[0]
		b := o.held[next.By]
		if b == nil || b.Len() == 0 {
			return nil
		}
		n, err := o.w.Write(b.Next(int(min(next.Bytes, int64(b.Len())))))
		if next.Bytes -= int64(n); err != nil {
			return err
		}
		if next.Bytes == 0 {
			o.pieces = o.pieces[1:]
		}
	}
	return o.rest()
}

// skip leaves out of the pieces what each writer gave before the tape begins.
func (o *orderedOut) skip() {
	before := map[string]int64{}
	for _, p := range o.pieces {
		before[p.By] += p.Bytes
	}
	for by, b := range o.held {
		before[by] -= int64(b.Len())
	}
	kept := o.pieces[:0]
	for _, p := range o.pieces {
		n := min(p.Bytes, max(before[p.By], 0))
		before[p.By] -= n
		if p.Bytes -= n; p.Bytes > 0 {
			kept = append(kept, p)
		}
	}
	o.pieces = kept
}

// Flush writes what the tape has no place for, which is nothing unless the replay ended
// early.
func (o *orderedOut) Flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.late {
		o.late = false
		o.skip()
		if err := o.inOrder(); err != nil {
			return err
		}
	}
	return o.rest()
}

func (o *orderedOut) rest() error {
	names := make([]string, 0, len(o.held))
	for by := range o.held {
		names = append(names, by)
	}
	slices.Sort(names)
	for _, by := range names {
		if _, err := o.held[by].WriteTo(o.w); err != nil {
			return err
		}
	}
	return nil
}
