package flow

import (
	"fmt"
	"math/rand/v2"
	"sync"        //mink:det-ok others look at a task between its steps
	"sync/atomic" //mink:det-ok host-side flags of a task, never read by a step

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/invariant"
	state "github.com/minkstream/mink/engine/state"
)

// pick says which event a step takes. The host picks, the task never does.
type pick int32

const (
	pickNone   pick = -1
	pickMail   pick = 0 // the oldest message
	pickResume pick = 1 // go on with an interrupted operator
	pickPoll   pick = 2 // ask a reader for rows
	pickDry    pick = 3 // nothing to do: let go what waits in open batches
	pickInput  pick = 4 // + number of the channel: its oldest element
)

// task is one subtask of a vertex: a state machine that takes one event a step.
//
// It does not block, and touches nothing but its own fields, its channels and the
// host's services. stepMu is held during a step, so that others may look.
type task struct {
	att  *attempt
	id   int
	v    *Vertex
	sub  int
	slot string // name of the cluster node it runs on
	name string

	// Inputs. inputs[i] is the head's input that channel i leads to.
	ins         []*pipe
	inputs      []int
	wms         tracker
	sides       []tracker // of the channels to each input, if the head is Sided
	sideIdle    bool      // all channels to input 1 are idle
	blocked     []bool    // by barrier alignment
	align       int64     // checkpoint being aligned, 0 if none
	alignFrom   int64     // when its first barrier came, by mono
	aligned     int64     // how long the last alignment took, in nanoseconds
	base        int64
	arrived     int
	done        int64 // newest checkpoint taken or given up
	never       int64 // newest that was given up; the message that asks for it may come later
	lastBarrier elem  // the final one, while operators wait for answers
	idle        bool  // no input is live, and the receivers know
	endDue      bool  // the input is over
	ended       bool  // and that was passed on

	nodes   []*node
	outs    []*outEdge
	src     *source
	sinks   []*sinkOp
	store   *state.Store
	spilled int64 // bytes that the store had put on disk when it was closed
	keyed   bool  // the store has structures
	snap    *snapping
	chains  [][]fileRef // of keyed state to restore
	from    *ckptStore
	// continues is the snapshot that a replay's store is filled from, where the tape
	// begins in the middle of an attempt.
	continues *state.Continuation
	oldName   func(string) string // of structures in chains; nil where they are the same

	mail   mailbox
	mailAt int  // the message that may be taken next
	began  bool // the first step was taken

	// The step at hand.
	step      int64
	nowMS     int64
	nowSet    bool
	emitted   int
	yieldRows int
	hdr       batch.Batch
	marks     []batch.Mark

	// An interrupted operator: wm is the watermark that follows the batch, held the
	// batch it still reads.
	paused *node
	wm     int64
	held   *lease

	// A sink waits for its writers to prepare: nothing else is taken.
	preparing int
	dirty     bool // something waits in open batches
	flushSet  bool // the timer for it is set
	timerAt   int64
	asyncs    int64
	calls     int // of operators, outstanding
	limits    []exec.Limited
	usesClock bool
	stopped   bool // a barrier with stop was passed: take no more rows

	rng     *rand.Rand
	pcg     *rand.PCG
	drawn   int64 // the step that rng was seeded for
	uidHash uint64

	// Host side.
	stepMu   sync.Mutex
	full     func() bool // its rows are not taken fast enough elsewhere
	seen     *TaskStatus // what its process told, if that is another one
	sched    schedState
	simActor *simActor
	starved  atomic.Bool
	live     atomic.Bool  // open and started
	dead     atomic.Bool  // no more steps
	ext      atomic.Int32 // calls outside that work with the task
	rec      *recorder
	watch    Watcher

	// Counts for people.
	rowsIn, batchesIn int64
	bytesIn           int64
	started           int64
	busy, blockedFor  int64
	blockedAt         int64
	failed            bool
}

func (t *task) box() *mailbox { return &t.mail }

// now is the processing time of the step: read once, and recorded.
func (t *task) now() int64 {
	if !t.nowSet {
		t.nowSet = true
		t.nowMS = t.att.host.now()
		if t.rec != nil {
			t.nowMS = t.rec.now(t.nowMS)
		}
	}
	return t.nowMS
}

// random is seeded by run, attempt, task and step, so that a step draws the same
// numbers whenever it is repeated.
func (t *task) random() *rand.Rand {
	if t.rng == nil {
		t.pcg = rand.NewPCG(0, 0)
		t.rng = rand.New(t.pcg)
		t.drawn = t.step - 1
	}
	if t.drawn != t.step { // draws of one step follow each other
		t.pcg.Seed(batch.Mix(t.att.job.seed^uint64(t.att.n)<<32^t.uidHash), uint64(t.step))
		t.drawn = t.step
	}
	return t.rng
}

// credit reports whether each channel has a batch to fill.
func (t *task) credit() bool {
	for _, o := range t.outs {
		if !o.credit() {
			return false
		}
	}
	return true
}

// mailReady reports whether a message may be handled now, and notes which: the
// oldest that the task's condition allows. What may emit waits for credits, for an
// interrupted operator and for writers that prepare; news of checkpoints does not.
func (t *task) mailReady(credit bool) bool {
	if t.mail.count.Load() == 0 {
		return false
	}
	t.mailAt = t.mail.find(func(k mailKind) bool {
		switch {
		case !t.began:
			return k == mailStart
		case t.paused != nil:
			return !k.emits() && k != mailFlush
		case t.preparing > 0:
			return k == mailAsync || !k.emits()
		}
		return credit || !k.emits()
	})
	return t.mailAt >= 0
}

// takesRows reports whether the task takes rows at all for now.
func (t *task) takesRows() bool {
	if !t.began || t.paused != nil || t.preparing > 0 || t.full != nil && t.full() {
		return false
	}
	for _, l := range t.limits {
		if l.Full() {
			return false
		}
	}
	return true
}

// choose is the threaded host's pick: messages first, then what was interrupted,
// then the inputs in turn, then the reader; when there is nothing, what waits in
// open batches is let go. last is the channel taken last.
func (t *task) choose(now int64, last *int) pick {
	if t.att.held.Load() {
		t.sched.short = false
		return pickNone
	}
	credit := t.credit()
	t.sched.short = !credit
	if t.mailReady(credit) {
		return pickMail
	}
	if !credit {
		return pickNone
	}
	if t.paused != nil {
		return pickResume
	}
	if t.takesRows() {
		for k := range t.ins {
			i := *last + 1 + k
			if i >= len(t.ins) {
				i -= len(t.ins)
			}
			if !t.blocked[i] && t.ins[i].ready(now) {
				*last = i
				return pickInput + pick(i)
			}
		}
		if t.src != nil && t.src.pollable() {
			return pickPoll
		}
	}
	if t.dirty {
		return pickDry
	}
	return pickNone
}

// choices appends all events that may be taken now, for a host that draws one.
func (t *task) choices(now int64, dst []pick) []pick {
	if t.att.held.Load() {
		return dst
	}
	credit := t.credit()
	if t.mailReady(credit) {
		dst = append(dst, pickMail)
	}
	if !credit {
		return dst
	}
	if t.paused != nil {
		return append(dst, pickResume)
	}
	n := len(dst)
	if t.takesRows() {
		for i, p := range t.ins {
			if !t.blocked[i] && p.ready(now) {
				dst = append(dst, pickInput+pick(i))
			}
		}
		if t.src != nil && t.src.pollable() {
			dst = append(dst, pickPoll)
		}
	}
	if t.dirty && len(dst) == n {
		dst = append(dst, pickDry)
	}
	return dst
}

// run is one step. An error ends the attempt.
func (t *task) run(p pick) (err error) {
	t.step++
	t.nowSet, t.emitted = false, 0
	if t.rec != nil {
		t.rec.begin(t, p)
	}
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
		if t.rec != nil {
			t.rec.end(err)
			if t.rec.cutAt != 0 {
				t.rec.cut(t, err)
			}
		}
	}()
	now := int64(0)
	if t.usesClock {
		now = t.now()
	}
	t.store.BeginStep(now)
	err = t.handle(p)
	if e := t.store.EndStep(); err == nil {
		err = e
	}
	return err
}

func (t *task) handle(p pick) error {
	switch p {
	case pickMail:
		m := t.mail.take(t.mailAt)
		if t.rec != nil {
			t.rec.mail(&m)
		}
		return t.onMail(&m)
	case pickResume:
		return t.resume()
	case pickPoll:
		return t.src.poll()
	case pickDry:
		t.flush()
		return nil
	default:
		return t.onElem(int(p - pickInput))
	}
}

// panicked makes an error of a panic in a step. The operator may be at fault or mink itself:
// either way the attempt ends and the message says where.
func (t *task) panicked(r any) error { return t.defect(r, fmt.Sprintf("at step %d", t.step)) }

func (t *task) defect(r any, when string) error {
	e := diag.New(diag.Internal, "task %s broke off %s: %s", t.name, when, panicText(r))
	e.Hint = "this is a defect of mink; a report with the statement would help"
	e.Cause = stackText()
	return e
}

func panicText(r any) string {
	if e, ok := r.(error); ok {
		return e.Error()
	}
	return fmt.Sprint(r)
}

// onElem takes the oldest element of channel i.
func (t *task) onElem(i int) error {
	p := t.ins[i]
	e := p.pop()
	if e.seq != p.got { // not Check, whose arguments would be boxed for each element
		invariant.Fail("channel %d of %s: element %d after %d", i, t.name, e.seq, p.got)
	}
	p.got++
	if t.rec != nil {
		t.rec.elem(&e)
	}
	switch e.kind {
	case elemBatch:
		return t.onBatch(i, e.l)
	case elemMark:
		t.wms.in[i].raise(e.ts)
		t.ofSide(i)
		return t.moved()
	case elemIdle:
		t.wms.in[i].idle = true
		t.ofSide(i)
		return t.moved()
	case elemActive:
		return t.onActive(i)
	case elemBarrier:
		return t.onBarrier(i, e)
	case elemEnd:
		t.wms.in[i].ended = true
		t.ofSide(i)
		return t.moved()
	}
	return nil
}

// onActive makes an idle channel count again. Rows alone do not: who was idle says so
// ahead of them.
func (t *task) onActive(i int) error {
	if t.att.job.plant != PlantIdleStall {
		t.wms.in[i].idle = false
		t.ofSide(i)
	}
	return t.moved()
}

// moved passes on what follows from a change of the inputs' watermarks. An operator
// that stops on the way goes on in resume, which comes back here.
func (t *task) moved() error {
	for t.wms.update() {
		if t.sides != nil {
			continue
		}
		if err := t.nodes[0].watermark(0, t.wms.cur); err != nil || t.paused != nil {
			return err
		}
	}
	if err := t.sidesMoved(); err != nil || t.paused != nil {
		return err
	}
	if t.wms.allEnded() {
		return t.end()
	}
	t.tellIdle()
	return nil
}

// end passes the end of the input on, once what was interrupted is through and what
// operators have started outside has come back.
func (t *task) end() error {
	t.endDue = true
	if t.ended || t.paused != nil || t.calls > 0 {
		return nil
	}
	t.ended = true
	for _, o := range t.outs {
		o.control(elem{kind: elemEnd})
	}
	t.dirty = false
	if t.src != nil {
		t.report(mail{kind: mailDrained})
	}
	if e := t.lastBarrier; e.ts > t.done {
		return t.checkpoint(e.ts, t.base, e.flags)
	}
	return nil
}

// tellIdle lets the receivers know that no input is live, or that one is again. A return
// is told at once, ahead of the rows that it brings; idleness only when nothing is under
// way that still gives rows.
func (t *task) tellIdle() {
	quiet := t.wms.allIdle()
	if t.src != nil {
		quiet = t.src.idle()
	}
	if quiet == t.idle || t.ended || quiet && (t.paused != nil || t.calls > 0) {
		return
	}
	t.idle = quiet
	k := elemActive
	if t.idle {
		k = elemIdle
	}
	for _, o := range t.outs {
		o.control(elem{kind: k})
	}
}

// onBatch gives a batch to the head. Its marks become those of the task.
func (t *task) onBatch(i int, l *lease) error {
	t.batchesIn++
	t.rowsIn += int64(l.b.Rows())
	t.bytesIn += l.bytes
	t.hdr = l.b
	if len(l.b.Marks) > 0 {
		t.marks = t.wms.marks(i, l.b.Marks, t.marks[:0])
		if t.sides != nil {
			t.marks = t.sides[t.inputs[i]].marks(i, l.b.Marks, t.marks[:0])
		}
		t.hdr.Marks = t.marks
	}
	if t.rec != nil && t.rec.part > 0 {
		firstRows(&t.hdr, t.rec.part)
	}
	for _, o := range t.outs {
		o.tookInput()
	}
	err := t.nodes[0].process(0, t.inputs[i], &t.hdr)
	if t.paused != nil && t.att.job.plant != PlantBatchReuse {
		t.held = l
		return err
	}
	t.att.host.freed(t, l)
	return err
}

// pause notes that n's operator stopped in the middle of a large output.
func (t *task) pause(n *node, wm int64) { t.paused, t.wm = n, wm }

// resume goes on with an interrupted operator.
func (t *task) resume() error {
	n := t.paused
	n.asked = false
	more, err := n.resume.Resume(&n.ctx)
	if err != nil {
		return n.opError(err)
	}
	if more {
		return nil
	}
	t.paused = nil
	if t.held != nil {
		l := t.held
		t.held = nil
		t.att.host.freed(t, l)
	}
	if wm := t.wm; wm != batch.NoWatermark {
		t.wm = batch.NoWatermark
		if err := n.watermark(0, wm); err != nil {
			return err
		}
	} else if err := n.after(); err != nil {
		return err
	}
	if t.paused != nil {
		return nil
	}
	if len(n.timers) > 0 {
		t.armTimer(n.timers[0])
	}
	if t.src != nil {
		return t.src.resumed()
	}
	return t.moved()
}

// flush lets everything go that waits in open batches.
func (t *task) flush() {
	for _, o := range t.outs {
		o.flush()
	}
	t.dirty = false
}

// unflushed notes that something waits, and sees to it that it does not for long.
func (t *task) unflushed() {
	t.dirty = true
	if !t.flushSet {
		t.flushSet = true
		h := t.att.host
		h.timer(t, h.now()+t.att.job.cfg.BufferTimeout.Milliseconds(), mail{kind: mailFlush, attempt: t.att.n})
	}
}

// armTimer asks the host for a call at processing time at.
func (t *task) armTimer(at int64) {
	if t.timerAt != 0 && t.timerAt <= at {
		return
	}
	t.timerAt = at
	t.att.host.timer(t, at, mail{kind: mailTimer, attempt: t.att.n, ts: at})
}

// onMail handles one message. Those of other attempts never reach a task.
func (t *task) onMail(m *mail) error {
	switch m.kind {
	case mailStart:
		return t.begin()
	case mailTrigger:
		return t.trigger(m)
	case mailComplete:
		t.store.Confirm(m.n)
		for _, s := range t.sinks {
			s.confirm(m.n)
		}
		if t.src != nil {
			t.src.confirm(m.n)
		}
	case mailAbort:
		return t.aborted(m.n)
	case mailTimer:
		return t.onTimer()
	case mailGo:
		t.stopped = false
	case mailFlush:
		t.flushSet = false
		t.flush()
	case mailAsync, mailAnswer:
		return t.onAsync(m)
	case mailWake, mailPeriodic, mailIdle, mailSplits, mailAlign, mailReport, mailDrain:
		if t.src != nil {
			return t.src.onMail(m)
		}
	}
	return nil
}

// onTimer fires the processing-time timers that are due, in order of time, then of
// nodes.
func (t *task) onTimer() error {
	t.timerAt = 0
	now := t.now()
	for t.paused == nil {
		var first *node
		for _, n := range t.nodes {
			if len(n.timers) > 0 && n.timers[0] <= now && (first == nil || n.timers[0] < first.timers[0]) {
				first = n
			}
		}
		if first == nil {
			break
		}
		if err := first.fire(first.timers[0]); err != nil {
			return err
		}
	}
	for _, n := range t.nodes {
		if len(n.timers) > 0 {
			t.armTimer(n.timers[0])
		}
	}
	return nil
}

// asyncResult is what a call started by an operator gave.
type asyncResult struct {
	node int
	id   int64
	data []byte
	err  error
}

func (t *task) startAsync(n *node, name string, f func() ([]byte, error)) int64 {
	t.asyncs++
	t.calls++
	id, num, att := t.asyncs, n.num, t.att.n
	t.att.host.async(t, t, false, name, func() mail {
		data, err := f()
		return mail{kind: mailAnswer, attempt: att, n: id, payload: &asyncResult{num, id, data, err}}
	})
	return id
}

func (t *task) onAsync(m *mail) error {
	switch r := m.payload.(type) {
	case *asyncResult:
		t.calls--
		n := t.nodes[r.node]
		if err := n.completer.Completed(&n.ctx, r.id, r.data, r.err); err != nil {
			return n.opError(err)
		}
		// A watermark that was held back for the call may go on.
		if err := n.forward(); err != nil {
			return err
		}
		if t.endDue {
			return t.end()
		}
		t.tellIdle()
	case *splitOpen:
		return t.src.opened(r)
	case *snapDone:
		return t.snapped(r)
	}
	return nil
}

// probe shows a batch to whoever watches the job.
func (t *task) probe(num int, b *batch.Batch) {
	t.att.job.cfg.Probe(Probe{Job: t.att.job.cfg.JobID, Vertex: t.v.ID, Node: num, Subtask: t.sub, Attempt: t.att.n, Step: t.step, Batch: b})
}

// report sends a message to the coordinator.
func (t *task) report(m mail) {
	m.attempt, m.task = t.att.n, t.id
	t.att.host.toCoord(t, m)
}

var _ exec.Host = (*node)(nil)
var _ exec.Async = (*node)(nil)
