//mink:det-ok rows on their way to the process that has the job

package flow

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// HomeSink is a sink whose rows somebody takes in the process that submitted the job: the
// client of a query. In a node process Homeward stands in its place.
type HomeSink interface {
	connect.Sink
	// Arrived takes rows of a subtask; from is how many there were before them, counted
	// over checkpoints and restarts as a writer counts that keeps its count in its state.
	// Those that were given before are dropped. taken is called, at any time and by
	// anybody, with the number of rows that the client has taken or will not take.
	Arrived(from int64, rows *batch.Batch, taken func(upTo int64))
}

// homeRows is how many rows may be on their way to the client.
const homeRows = 1 << 16

// Homeward is the sink of a node process for rows of a HomeSink.
func Homeward() connect.Sink { return &homeward{} }

type homeward struct {
	site   *site
	vertex int
	node   int
}

func (k *homeward) Changes(query connect.Changes) connect.Changes { return query }
func (k *homeward) Grade() string                                 { return "exactly-once" }
func (k *homeward) Committer(connect.WriterCtx) (connect.Committer, error) {
	return nil, nil
}

func (k *homeward) Open(c connect.WriterCtx) (connect.Writer, error) {
	return &homeWriter{k: k, sub: c.Subtask}, nil
}

// homeWriter counts rows as job.Collector's writer does.
type homeWriter struct {
	k       *homeward
	sub     int
	written atomic.Int64
	taken   atomic.Int64
}

func (w *homeWriter) Write(b *batch.Batch) error {
	e := farMessage(farRows, w.k.site.x.num)
	e.u64(uint64(w.k.vertex))
	e.u64(uint64(w.k.node))
	e.i64(w.written.Load())
	e.b = batch.AppendTypes(e.b, b)
	e.b = batch.AppendRaw(e.b, b)
	w.written.Add(int64(b.Rows()))
	w.k.site.send(e.b)
	return nil
}

// full reports that the client is behind: the task takes no rows then.
func (w *homeWriter) full() bool { return w.written.Load()-w.taken.Load() > homeRows }

func (w *homeWriter) Watermark(int64) error          { return nil }
func (w *homeWriter) Timer(int64) error              { return nil }
func (w *homeWriter) Prepare(string) ([]byte, error) { return nil, nil }
func (w *homeWriter) Close() error                   { return nil }

func (w *homeWriter) State() []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(w.written.Load()))
}

func (w *homeWriter) Restore(states [][]byte) error {
	for _, s := range states {
		if len(s) != 8 {
			return diag.New(diag.Checkpoint, "the count of collected rows in the checkpoint is damaged")
		}
		w.written.Add(int64(binary.LittleEndian.Uint64(s)))
	}
	w.taken.Store(w.written.Load()) // the client tells how far it is when rows come
	return nil
}

// home gives rows of a node to their sink.
func (h *farHost) home(f *farAttempt, p *farPlace, d *decoder) error {
	vertex, node, from := int(d.u64()), int(d.u64()), d.i64()
	bad := diag.New(diag.Internal, "rows of node %s are damaged", p.id.Name)
	if d.bad || vertex < 0 || vertex >= len(f.a.job.graph.Vertices) || node < 0 || node >= len(f.a.job.graph.Vertices[vertex].Nodes) {
		return bad
	}
	sink, ok := f.a.job.graph.Vertices[vertex].Nodes[node].Sink.(HomeSink)
	if !ok {
		return bad
	}
	rows, err := farBatch(d)
	if err != nil {
		return bad
	}
	e := farMessage(farTaken, f.a.deployed)
	e.u64(uint64(vertex))
	e.u64(uint64(node))
	sink.Arrived(from, rows, func(upTo int64) {
		m := encoder{b: append([]byte(nil), e.b...)}
		m.i64(upTo)
		h.far.Send(p.id, m.b)
	})
	return nil
}

// farBatch reads types and rows, which are the rest of a message.
func farBatch(d *decoder) (*batch.Batch, error) {
	ts, rest, err := batch.ReadTypes(d.b)
	if err != nil {
		return nil, err
	}
	d.b = nil
	b := &batch.Batch{}
	return b, batch.ReadRaw(b, rest, schemaOf(ts))
}

// farLog sends rows that came too late to the log of the job.
type farLog struct{ site *site }

func (l farLog) Restored(int64, int64) {}

func (l farLog) Late(r LateRows) {
	e := farMessage(farLate, l.site.x.num)
	e.str(r.UID)
	for _, n := range [...]int64{int64(r.Subtask), int64(r.Input), r.Watermark, r.Attempt, r.Checkpoint} {
		e.i64(n)
	}
	e.b = batch.AppendTypes(e.b, r.Rows)
	e.b = batch.AppendRaw(e.b, r.Rows)
	l.site.send(e.b)
}

func (h *farHost) late(d *decoder) error {
	r := LateRows{UID: d.str(), Subtask: int(d.i64()), Input: int(d.i64()), Watermark: d.i64(), Attempt: d.i64(), Checkpoint: d.i64()}
	var err error
	if r.Rows, err = farBatch(d); err != nil || d.bad {
		return diag.New(diag.Internal, "late rows of a node are damaged")
	}
	if log := h.c.job.cfg.Late; log != nil {
		log.Late(r)
	}
	return nil
}
