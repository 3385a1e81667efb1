package job

import (
	"context"
	"encoding/binary"
	"io"
	"sync"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Collector takes the rows of a query to the client that asked. It is the sink of
// the job and the other end is Next.
//
// The client sees each row once, over restarts too: rows are counted, a checkpoint
// holds the count, and after a restore rows that were given out before are passed
// over. The job waits when the client is slow, between two steps.
type Collector struct {
	mu    sync.Mutex
	ready sync.Cond
	room  sync.Cond
	queue []*batch.Batch
	rows  int
	// given is the number of rows handed to the queue since the job began.
	given  int64
	closed bool
	ended  bool
	err    error
	// taken tells writers in other processes how many rows the client has taken.
	taken func(upTo int64)
}

// queueRows is how many rows may wait for the client.
const queueRows = 1 << 16

// NewCollector makes the collector of one job.
func NewCollector() *Collector {
	c := &Collector{}
	c.ready.L, c.room.L = &c.mu, &c.mu
	return c
}

// Next returns the next rows; they are valid until the following call. io.EOF
// comes when the job has ended well, its error otherwise.
func (c *Collector) Next(ctx context.Context) (*batch.Batch, error) {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ready.Broadcast()
	})
	defer stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 {
		switch {
		case c.ended && c.err != nil:
			return nil, c.err
		case c.ended:
			return nil, io.EOF
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		c.ready.Wait()
	}
	b := c.queue[0]
	c.queue = c.queue[1:]
	c.rows -= b.Rows()
	c.room.Broadcast()
	c.tellTaken()
	return b, nil
}

// tellTaken tells a writer in another process. The lock is held.
func (c *Collector) tellTaken() {
	if c.taken != nil {
		c.taken(c.given - int64(c.rows))
	}
}

// End says that the job is over; err is why it failed, or nil.
func (c *Collector) End(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.err = true, err
	c.ready.Broadcast()
	c.room.Broadcast()
}

// Close lets the job go on without a reader.
func (c *Collector) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.queue, c.rows = nil, 0
	c.tellTaken()
	c.room.Broadcast()
	c.ready.Broadcast()
}

// Changes takes everything: a query's client sees each -U.
func (c *Collector) Changes(query connect.Changes) connect.Changes { return query }

// Shown: a replay gives the rows to its client, too.
func (c *Collector) Shown() bool { return true }

// Grade of what the client sees.
func (c *Collector) Grade() string { return "exactly-once" }

// Open makes the writer.
func (c *Collector) Open(connect.WriterCtx) (connect.Writer, error) {
	return &collectWriter{c: c}, nil
}

// Committer returns nil: rows are given out as they come.
func (c *Collector) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

type collectWriter struct {
	c *Collector
	// written counts the rows of this lineage of attempts.
	written int64
}

func (w *collectWriter) Write(b *batch.Batch) error {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(w.written, b)
	w.written += int64(b.Rows())
	return nil
}

// Arrived takes the rows of a writer in another process.
func (c *Collector) Arrived(before int64, b *batch.Batch, taken func(upTo int64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = taken
	c.add(before, b)
	if c.closed || c.rows == 0 {
		c.tellTaken() // nobody else will
	}
}

// add queues rows, before which there were so many, but for those given before. The lock
// is held.
func (c *Collector) add(before int64, b *batch.Batch) {
	n := int64(b.Rows())
	from := max(0, min(n, c.given-before))
	if from == n || c.closed {
		c.given = max(c.given, before+n)
		return
	}
	sel := make([]uint16, 0, n-from)
	for i := int(from); i < int(n); i++ {
		sel = append(sel, uint16(b.Lane(i)))
	}
	out := &batch.Batch{}
	src := *b
	src.Sel, src.Marks, src.Keys = sel, nil, nil
	out.Gather(&src, nil)
	c.queue = append(c.queue, out)
	c.rows += len(sel)
	c.given = before + n
	c.ready.Broadcast()
}

// Pace waits while the client is behind. Write does not: the client also asks for the
// status of the job, which looks at the task between two of its steps.
func (w *collectWriter) Pace() {
	c := w.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.rows > queueRows && !c.closed && !c.ended {
		c.room.Wait()
	}
}

func (w *collectWriter) Watermark(int64) error          { return nil }
func (w *collectWriter) Timer(int64) error              { return nil }
func (w *collectWriter) Prepare(string) ([]byte, error) { return nil, nil }
func (w *collectWriter) Close() error                   { return nil }

func (w *collectWriter) State() []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(w.written))
}

func (w *collectWriter) Restore(states [][]byte) error {
	for _, s := range states {
		if len(s) != 8 {
			return diag.New(diag.Checkpoint, "the count of collected rows in the checkpoint is damaged")
		}
		w.written += int64(binary.LittleEndian.Uint64(s))
	}
	return nil
}
