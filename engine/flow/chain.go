package flow

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
)

// receiver is where the output of a node goes: another node or an edge.
type receiver struct {
	node  *node
	link  int // of node
	input int
	edge  *outEdge
}

// node is an operator inside a task, and what the operator sees as its host.
type node struct {
	t         *task
	spec      *Node
	num       int
	op        exec.Operator
	sink      *sinkOp // op, if the node is a sink
	ctx       exec.Ctx
	outs      []receiver
	hold      exec.Holder
	sided     exec.Sided
	resume    exec.Resumer // heads only
	finish    exec.Finisher
	completer exec.Completer
	alone     *alone // in a replay that looks at this operator apart; else nil
	finished  bool
	restored  bool

	// links are the watermarks of what leads here; more than one only where the
	// nodes are no tree. outWM is what was passed on.
	links []int64
	outWM int64
	// Where the operator is Sided: the input that each link leads to, and the
	// watermark of input 1. links[0] of a head is that of input 0.
	leads  []int
	sideWM int64

	timers   []int64 // sorted processing times
	asked    bool    // Yield was true during the call at hand
	hdr      batch.Batch
	rowsIn   int64
	rowsOut  int64
	late     int64
	input    int // the input of the batch at hand
	counters []Counter
}

// opError is a failure of an operator with the operator's name and place.
func (n *node) opError(err error) error {
	if e := diag.As(err); e != nil {
		c := *e
		if c.Span.IsZero() {
			c.Span = n.spec.Span
		}
		c.Notes = append(slices.Clip(c.Notes), diag.Note{Msg: fmt.Sprintf("in operator %s, subtask %d of %d", n.spec.Name, n.t.sub+1, n.t.v.Parallelism)})
		return &c
	}
	e := diag.Wrap(diag.JobFailed, err, "operator %s", n.spec.Name)
	e.Span = n.spec.Span
	return e
}

// process gives the operator one batch and then the watermark of its last mark.
// link is the number of the link it came by.
func (n *node) process(link, in int, b *batch.Batch) error {
	n.rowsIn += int64(b.Rows())
	if len(n.links) > 1 && len(b.Marks) > 0 {
		b = n.mergeMarks(link, b)
	}
	n.asked, n.input = false, in
	if n.t.watch != nil && (n.alone == nil || !n.alone.busy) {
		n.t.watch.Took(n.place(), in, b)
	}
	if n.alone != nil && !n.alone.busy && b.Rows() > 0 {
		return n.oneByOne(link, in, b)
	}
	if err := n.op.Process(&n.ctx, in, b); err != nil {
		return n.opError(err)
	}
	wm := b.LastMark()
	if n.asked && n.resume != nil {
		n.t.pause(n, wm)
		return nil
	}
	if n.sided != nil && in == 1 {
		return n.side(wm)
	}
	if len(n.links) == 1 {
		n.links[0] = max(n.links[0], wm)
	}
	return n.advance(wm)
}

// mergeMarks rewrites the marks of a batch on one of several links to those of the
// node, the least over its links; of a Sided operator, over those of the same input.
func (n *node) mergeMarks(link int, b *batch.Batch) *batch.Batch {
	others := batch.MaxWatermark
	for i, wm := range n.links {
		if i != link && n.together(i, link) {
			others = min(others, wm)
		}
	}
	marks := n.hdr.Marks[:0]
	n.hdr = *b
	cur := min(others, n.links[link])
	for _, m := range b.Marks {
		if wm := min(others, m.WM); wm > cur {
			marks = append(marks, batch.Mark{Pos: m.Pos, WM: wm})
			cur = wm
		}
	}
	n.links[link] = max(n.links[link], b.LastMark())
	n.hdr.Marks = marks
	return &n.hdr
}

// watermark raises the watermark of one link.
func (n *node) watermark(link int, ts int64) error {
	if ts <= n.links[link] {
		return nil
	}
	n.links[link] = ts
	if n.sided == nil {
		return n.advance(slices.Min(n.links))
	}
	for i, wm := range n.links {
		if n.together(i, link) {
			ts = min(ts, wm)
		}
	}
	if n.leads[link] == 1 {
		return n.side(ts)
	}
	return n.advance(ts)
}

// together reports whether two links have one watermark between them.
func (n *node) together(i, k int) bool { return n.sided == nil || n.leads[i] == n.leads[k] }

// side raises the watermark of input 1 of a Sided operator.
func (n *node) side(ts int64) error {
	if ts <= n.sideWM {
		return nil
	}
	n.sideWM = ts
	if err := n.sided.SideWatermark(&n.ctx, ts); err != nil {
		return n.opError(err)
	}
	return n.forward()
}

// advance raises the operator's watermark and passes on what follows from it.
func (n *node) advance(ts int64) error {
	if ts <= n.ctx.Watermark() {
		return nil
	}
	if n.t.watch != nil {
		n.t.watch.Watermark(n.place(), ts)
	}
	n.ctx.SetWatermark(ts)
	n.asked = false
	if err := n.op.Watermark(&n.ctx, ts); err != nil {
		return n.opError(err)
	}
	if n.asked && n.resume != nil {
		n.t.pause(n, batch.NoWatermark)
		return nil
	}
	return n.after()
}

// after goes on when the operator is through with a watermark: at the end of the
// input it finishes before its receivers hear of the end.
func (n *node) after() error {
	if n.finish != nil && !n.finished && n.ctx.Watermark() == batch.MaxWatermark {
		n.finished = true
		n.asked = false
		if err := n.finish.Finish(&n.ctx); err != nil {
			return n.opError(err)
		}
		if n.asked && n.resume != nil {
			n.t.pause(n, batch.NoWatermark)
			return nil
		}
	}
	return n.forward()
}

// forward passes the operator's watermark on to its receivers.
func (n *node) forward() error {
	ts := n.ctx.Watermark()
	if n.hold != nil {
		ts = n.hold.OutWatermark(ts)
	}
	if ts <= n.outWM {
		return nil
	}
	if n.completer != nil && n.hold == nil && n.t.calls > 0 {
		return nil // rows of calls under way lie before it
	}
	n.outWM = ts
	if n.alone != nil {
		return nil
	}
	return passWatermark(n.outs, ts)
}

func passWatermark(outs []receiver, ts int64) error {
	for i := range outs {
		r := &outs[i]
		if r.node != nil {
			if err := r.node.watermark(r.link, ts); err != nil {
				return err
			}
		} else {
			r.edge.watermark(ts)
		}
	}
	return nil
}

func passBatch(outs []receiver, b *batch.Batch) error {
	for i := range outs {
		r := &outs[i]
		if r.node != nil {
			if err := r.node.process(r.link, r.input, b); err != nil {
				return err
			}
		} else {
			r.edge.write(b)
		}
	}
	return nil
}

// sideIdle tells a Sided operator that input 1 is idle: its watermark stays.
func (n *node) sideIdle() error {
	if err := n.sided.SideWatermark(&n.ctx, n.sideWM); err != nil {
		return n.opError(err)
	}
	return n.forward()
}

// Emit hands b to the receivers. The marks it has kept are passed on with it.
func (n *node) Emit(b *batch.Batch) error {
	rows := b.Rows()
	if rows == 0 && len(b.Marks) == 0 {
		return nil
	}
	n.rowsOut += int64(rows)
	n.t.emitted += rows
	if n.t.att.job.cfg.Probe != nil {
		n.t.probe(n.num, b)
	}
	if n.t.rec != nil {
		n.t.rec.output(n.num, b)
	}
	if n.t.watch != nil {
		n.t.watch.Gave(n.place(), b)
	}
	if n.alone != nil {
		return nil
	}
	if wm := b.LastMark(); wm > n.outWM {
		n.outWM = wm
	}
	return passBatch(n.outs, b)
}

// Now is the processing time of the step.
func (n *node) Now() int64 { return n.t.now() }

// Rand is seeded by run, attempt, task and step.
func (n *node) Rand() *rand.Rand { return n.t.random() }

// SetTimer asks for a call at processing time at.
func (n *node) SetTimer(at int64) {
	i, found := slices.BinarySearch(n.timers, at)
	if found {
		return
	}
	n.timers = slices.Insert(n.timers, i, at)
	n.t.armTimer(at)
}

// Yield reports whether a head should stop for now.
func (n *node) Yield() bool {
	if n.resume == nil || n.t.emitted < n.t.yieldRows {
		return false
	}
	n.asked = true
	return true
}

// Count adds to a counter of the operator.
func (n *node) Count(name string, by int64) {
	for i := range n.counters {
		if n.counters[i].Name == name {
			n.counters[i].Value += by
			return
		}
	}
	n.counters = append(n.counters, Counter{name, by})
}

// Start runs f outside of the step; its result comes to Completed. See exec.Async.
func (n *node) Start(name string, f func() ([]byte, error)) int64 {
	return n.t.startAsync(n, name, f)
}

// Outside runs a call to the outside within the step; a tape keeps what it gave.
func (n *node) Outside(f func() ([]byte, error)) ([]byte, error) {
	if n.t.rec == nil {
		return f()
	}
	return n.t.rec.outside(f)
}

// fire calls the operator for its timers up to now, one step's worth.
func (n *node) fire(now int64) error {
	for len(n.timers) > 0 && n.timers[0] <= now {
		at := n.timers[0]
		n.timers = slices.Delete(n.timers, 0, 1)
		n.asked = false
		if n.t.watch != nil {
			n.t.watch.Timer(n.place(), at)
		}
		if err := n.op.Timer(&n.ctx, at); err != nil {
			return n.opError(err)
		}
		if n.asked && n.resume != nil {
			n.t.pause(n, batch.NoWatermark)
			return nil
		}
		if n.sided != nil || n.hold != nil {
			if err := n.forward(); err != nil {
				return err
			}
		}
	}
	return nil
}
