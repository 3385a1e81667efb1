package flow

import (
	"slices"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
)

// A tape may begin at a checkpoint in the middle of an attempt. The tasks were not
// started anew there, so what a checkpoint keeps is not enough to go on as they did:
// a base has beside it a frame of each task, as it stood behind the step that took the
// checkpoint. Channels are empty between these steps, so they are no part of it.

// frame is a task as it was behind a step that took a checkpoint.
type frame struct {
	task []byte
	// clean says that nothing was under way outside that the frame cannot have.
	clean bool
	// kept tells about the snapshot of the keyed state; nil if there is none.
	kept *state.Continuation
	// splits are those of a source, complete says that no others will come.
	splits   []splitState
	complete bool
	// far is the whole frame, if another process has encoded it.
	far []byte
}

// frameVersion is the form of frames that is written and read.
const frameVersion = 2

// frame takes one.
func (t *task) frame() *frame {
	f := &frame{clean: t.calls == 0 && t.paused == nil && t.lastBarrier.kind == 0}
	if t.src != nil {
		f.splits, f.complete = t.src.splitStates(), t.src.complete
		f.clean = f.clean && !slices.ContainsFunc(t.src.splits, func(sp *split) bool { return sp.r == nil && !sp.ended })
	}
	if t.keyed {
		f.kept = t.store.Continuation()
	}
	e := encoder{}
	e.i64(t.step)
	e.u64(t.rec.chain)
	e.i64(t.done)
	e.i64(t.base)
	e.i64(t.asyncs)
	for _, b := range []bool{t.began, t.idle, t.sideIdle, t.endDue, t.ended, t.stopped} {
		e.bool(b)
	}
	e.i64(int64(t.preparing))
	waiting := 0
	if t.snap != nil {
		waiting = t.snap.waiting
	}
	e.i64(int64(waiting))
	e.i64(t.rowsIn)
	e.i64(t.batchesIn)
	e.tracker(&t.wms)
	for i := range t.sides {
		e.tracker(&t.sides[i])
	}
	for _, n := range t.nodes {
		e.i64(n.ctx.Watermark())
		e.i64(n.outWM)
		e.i64(n.sideWM)
		e.bool(n.finished)
		for _, wm := range n.links {
			e.i64(wm)
		}
		e.i64(n.rowsIn)
		e.i64(n.rowsOut)
		e.i64(n.late)
	}
	for _, o := range t.outs {
		e.i64(int64(o.next))
		for i := range o.lanes {
			l := &o.lanes[i]
			e.i64(l.wm)
			e.i64(l.sentWM)
			e.i64(l.rows)
			e.i64(l.sent)
		}
	}
	if t.src != nil {
		t.src.frame(&e)
	}
	f.task = e.b
	return f
}

func (s *source) frame(e *encoder) {
	e.tracker(&s.wms)
	e.i64(s.passed)
	e.i64(int64(s.next))
	e.i64(s.limit)
	e.bool(s.complete)
	e.bool(s.drained)
	e.i64(s.rowsOut)
	for _, sp := range s.splits {
		e.str(sp.frozen.ID)
		e.bytes(sp.frozen.Pos)
		for _, b := range []bool{sp.waiting, sp.idleSet, sp.idleDue, sp.ended} {
			e.bool(b)
		}
	}
}

// encode is the frame with what is known of the keyed state.
func (f *frame) encode() []byte {
	if f.far != nil {
		return f.far
	}
	e := encoder{}
	e.u64(frameVersion)
	e.bytes(f.task)
	if e.bool(f.kept != nil); f.kept != nil {
		e.u64(uint64(len(f.kept.Chain)))
		for _, id := range f.kept.Chain {
			e.i64(id)
		}
	}
	return e.b
}

// stand puts a task that was made for a checkpoint to where a frame says it stood. The
// task is not open yet.
func (t *task) stand(b []byte, n int64) error {
	head := decoder{b: b}
	version := head.u64()
	if version != frameVersion {
		return diag.New(diag.InvalidTape, "the tape has form %d of the tasks where it begins, and this mink reads form %d", version, frameVersion).
			WithHint("replay it with the version that recorded it")
	}
	d := decoder{b: head.bytes()}
	if head.bool() {
		t.continues = &state.Continuation{}
		for k := head.count(); k > 0; k-- {
			t.continues.Chain = append(t.continues.Chain, head.i64())
		}
	}
	if head.bad || t.continues != nil && len(t.continues.Chain) == 0 {
		return diag.New(diag.InvalidTape, "the tape has no such task as %s where it begins", t.name)
	}
	t.step, t.rec.chain, t.done, t.base, t.asyncs = d.i64(), d.u64(), d.i64(), d.i64(), d.i64()
	for _, b := range []*bool{&t.began, &t.idle, &t.sideIdle, &t.endDue, &t.ended, &t.stopped} {
		*b = d.bool()
	}
	t.preparing = int(d.i64())
	if waiting := int(d.i64()); waiting > 0 {
		t.snap = &snapping{n: n, ack: &ack{task: t.id, n: n}, waiting: waiting}
	}
	t.rowsIn, t.batchesIn = d.i64(), d.i64()
	d.tracker(&t.wms)
	for i := range t.sides {
		d.tracker(&t.sides[i])
	}
	for _, x := range t.nodes {
		x.ctx.SetWatermark(d.i64())
		x.outWM, x.sideWM, x.finished = d.i64(), d.i64(), d.bool()
		for i := range x.links {
			x.links[i] = d.i64()
		}
		x.rowsIn, x.rowsOut, x.late = d.i64(), d.i64(), d.i64()
	}
	for _, o := range t.outs {
		o.next = int(d.i64())
		for i := range o.lanes {
			l := &o.lanes[i]
			l.wm, l.sentWM, l.rows, l.sent = d.i64(), d.i64(), d.i64(), d.i64()
		}
	}
	if t.src != nil {
		t.src.stand(&d)
	}
	if d.bad || len(d.b) > 0 {
		return diag.New(diag.InvalidTape, "the tape has another form of the task %s where it begins", t.name)
	}
	return nil
}

func (s *source) stand(d *decoder) {
	s.splits, s.wms = nil, newTracker(0)
	w := tracker{}
	d.tracker(&w)
	s.passed, s.next, s.limit, s.complete, s.drained, s.rowsOut = d.i64(), int(d.i64()), d.i64(), d.bool(), d.bool(), d.i64()
	for i := range w.in {
		at := connect.Split{ID: d.str(), Pos: d.bytes()}
		sp := s.add(at, w.in[i], false)
		for _, b := range []*bool{&sp.waiting, &sp.idleSet, &sp.idleDue, &sp.ended} {
			*b = d.bool()
		}
	}
	s.wms = w
}

// tracker writes one.
func (e *encoder) tracker(w *tracker) {
	e.i64(w.cur)
	e.u64(uint64(len(w.in)))
	for _, x := range w.in {
		e.i64(x.wm)
		e.bool(x.top)
		e.bool(x.idle)
		e.bool(x.ended)
	}
}

func (d *decoder) tracker(w *tracker) {
	w.cur = d.i64()
	w.in = make([]input, d.count())
	for i := range w.in {
		w.in[i] = input{wm: d.i64(), top: d.bool(), idle: d.bool(), ended: d.bool()}
	}
}

// encodeFrames is the part of a tape that has the frames of a base.
func encodeFrames(list []*frame) []byte {
	e := encoder{}
	e.u64(uint64(len(list)))
	for _, f := range list {
		e.bytes(f.encode())
	}
	return e.b
}

// decodeFrames reads it back, a frame a task.
func decodeFrames(b []byte, tasks int) ([][]byte, error) {
	d := decoder{b: b}
	list := make([][]byte, 0, tasks)
	for k := d.count(); k > 0; k-- {
		list = append(list, d.bytes())
	}
	if d.bad || len(d.b) > 0 || len(list) != tasks {
		return nil, diag.New(diag.InvalidTape, "what the tape has of the tasks where it begins is damaged")
	}
	return list, nil
}
