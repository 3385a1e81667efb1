package flow

import (
	"fmt"
	"slices"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/exec"
	state "github.com/minkstream/mink/engine/state"
)

// Kept is a moment of a replay between two steps, from which any number of Steppers can
// go on exactly as the one that it was taken of. State is shared with them page by page,
// and what waits in channels is not copied, so that keeping a moment costs little. It is
// never changed.
type Kept struct {
	num      int // of the attempt on the tape
	at       []int
	tasks    []keptTask
	moment   Moment
	mono     int64
	restored int64
	// wide: what belongs to it alone cannot be more than this.
	wide, own int64
}

// keptTask is a task between two steps.
type keptTask struct {
	open, began                   bool
	wms                           tracker
	sides                         []tracker
	blocked                       []bool
	sideIdle, idle, endDue, ended bool
	dirty, flushSet, stopped      bool
	align, base, done, wm, never  int64
	arrived                       int
	lastBarrier                   elem
	step, nowMS, timerAt, asyncs  int64
	calls, emitted                int
	rowsIn, batchesIn             int64
	chain                         uint64
	store                         *state.Kept
	nodes                         []keptNode
	outs                          []keptEdge
	ins                           []keptPipe
	src                           *keptSource
	input                         int64 // place in the rows of the tape, if they are there
}

// keptNode is an operator.
type keptNode struct {
	wm, outWM, sideWM     int64
	finished, restored    bool
	links, timers         []int64
	rowsIn, rowsOut, late int64
	input                 int
	counters              []Counter
	op                    any
	prepared              []committable
}

// keptEdge is the sending end of an edge.
type keptEdge struct {
	next  int
	lanes []keptLane
}

type keptLane struct {
	open       *batch.Batch // copied: it grows
	taken      int
	wm, sentWM int64
	rows, sent int64
}

// keptPipe is what waits in a channel. Its batches are lent for good.
type keptPipe struct {
	elems     []elem
	sent, got uint64
}

// keptSource is the reading end of a source task.
type keptSource struct {
	splits            []keptSplit
	wms               tracker
	passed, limit     int64
	next, last        int
	complete, drained bool
	status            connect.Status
	rowsOut, bad      int64
	badText           string
}

type keptSplit struct {
	at                        connect.Split // to go on from; frozen is that of the newest snapshot
	frozen                    connect.Split
	read                      bool // it had a reader
	waiting, idleSet, idleDue bool
	ended, woken              bool
	ahead                     *batch.Batch
}

// Keep keeps the moment. It is nil where that cannot be: before the first step, in the
// middle of a large output, while a checkpoint is being written, and within a step.
func (s *Stepper) Keep() *Kept {
	p := s.r.host
	if s.att == nil || s.alone != nil || len(p.results) > 0 || p.rewrite != nil {
		return nil
	}
	for _, t := range s.att.tasks {
		if t.paused != nil || t.held != nil || t.preparing > 0 || t.snap != nil || t.mail.count.Load() > 0 || t.rec.part > 0 {
			return nil
		}
	}
	k := &Kept{num: s.num - 1, at: slices.Clone(p.at), moment: p.moment, mono: p.mono0.Load(), restored: s.att.restored}
	k.moment.at, k.moment.had = nil, nil
	for _, t := range s.att.tasks {
		x, ok := t.keep(s.open[t.id])
		if !ok {
			return nil
		}
		k.tasks = append(k.tasks, x)
		if x.store != nil {
			k.wide += x.store.MemBytes()
		}
	}
	k.own = k.size()
	return k
}

// size is what of a moment is no state.
func (k *Kept) size() (n int64) {
	for i := range k.tasks {
		t := &k.tasks[i]
		for _, e := range t.outs {
			for _, l := range e.lanes {
				if l.open != nil {
					n += l.open.MemBytes()
				}
			}
		}
		for _, p := range t.ins {
			for _, e := range p.elems {
				if e.l != nil {
					n += e.l.b.MemBytes()
				}
			}
		}
	}
	return n + int64(len(k.tasks))*1024
}

// StateBytes is the size of the state.
func (k *Kept) StateBytes() int64 { return k.wide }

// Bytes is what the moment holds that nothing else does, at most: copied is what of its
// state was made since another one was kept that the replay had come by.
func (k *Kept) Bytes(copied int64) int64 { return k.own + min(k.wide, copied) + k.wide/64 }

// Copied counts the bytes of state that were copied since the replay began, because a
// Kept has them too.
func (s *Stepper) Copied() (n int64) {
	if s.att == nil {
		return 0
	}
	for _, t := range s.att.tasks {
		if t.store != nil {
			n += t.store.Copied()
		}
	}
	return n
}

func (t *task) keep(open bool) (keptTask, bool) {
	k := keptTask{
		open: open, began: t.began, wms: t.wms.clone(), sides: slices.Clone(t.sides), blocked: slices.Clone(t.blocked),
		sideIdle: t.sideIdle, idle: t.idle, endDue: t.endDue, ended: t.ended, dirty: t.dirty, flushSet: t.flushSet, stopped: t.stopped,
		align: t.align, base: t.base, done: t.done, never: t.never, wm: t.wm, arrived: t.arrived, lastBarrier: t.lastBarrier,
		step: t.step, nowMS: t.nowMS, timerAt: t.timerAt, asyncs: t.asyncs, calls: t.calls, emitted: t.emitted,
		rowsIn: t.rowsIn, batchesIn: t.batchesIn, chain: t.rec.chain,
	}
	for i := range k.sides {
		k.sides[i] = k.sides[i].clone()
	}
	for _, n := range t.nodes {
		x := keptNode{
			wm: n.ctx.Watermark(), outWM: n.outWM, sideWM: n.sideWM, finished: n.finished, restored: n.restored,
			links: slices.Clone(n.links), timers: slices.Clone(n.timers), rowsIn: n.rowsIn, rowsOut: n.rowsOut, late: n.late,
			input: n.input, counters: slices.Clone(n.counters),
		}
		if op, ok := n.op.(exec.Keeper); ok && open {
			x.op = op.Keep(&n.ctx)
		}
		if n.sink != nil {
			x.prepared = slices.Clone(n.sink.prepared)
		}
		k.nodes = append(k.nodes, x)
	}
	if open { // behind the operators, which may write what they have to the store
		if k.store = t.store.Keep(); k.store == nil {
			return k, false
		}
	}
	for _, o := range t.outs {
		e := keptEdge{next: o.next}
		for i := range o.lanes {
			l := &o.lanes[i]
			x := keptLane{taken: l.taken, wm: l.wm, sentWM: l.sentWM, rows: l.rows, sent: l.sent}
			if l.open != nil {
				x.open = copied(&l.open.b)
			}
			e.lanes = append(e.lanes, x)
		}
		k.outs = append(k.outs, e)
	}
	for _, p := range t.ins {
		x := keptPipe{sent: p.sent, got: p.got}
		for i := range p.n {
			e := p.ring[(p.head+i)&(len(p.ring)-1)]
			if e.l != nil {
				e.l.kept = true
			}
			x.elems = append(x.elems, e)
		}
		k.ins = append(k.ins, x)
	}
	if t.src != nil {
		k.src = t.src.keep()
	}
	if t.rec.inputs != nil {
		k.input = t.rec.inputs.At()
	}
	return k, true
}

func (w *tracker) clone() tracker { return tracker{in: slices.Clone(w.in), cur: w.cur} }

func copied(b *batch.Batch) *batch.Batch {
	n := &batch.Batch{}
	n.Append(b, nil)
	return n
}

func (s *source) keep() *keptSource {
	k := &keptSource{
		wms: s.wms.clone(), passed: s.passed, limit: s.limit, next: s.next, last: -1, complete: s.complete, drained: s.drained,
		status: s.status, rowsOut: s.rowsOut, bad: s.bad, badText: s.badText,
	}
	for _, sp := range s.splits {
		if sp == s.last {
			k.last = sp.num
		}
		x := keptSplit{
			at: sp.at, frozen: sp.frozen, read: sp.r != nil && !sp.ended, waiting: sp.waiting, idleSet: sp.idleSet, idleDue: sp.idleDue,
			ended: sp.ended, woken: sp.woken.Load(),
		}
		if x.read {
			x.at = sp.r.Position()
		}
		if sp.ahead.N > 0 {
			x.ahead = copied(&sp.ahead)
		}
		k.splits = append(k.splits, x)
	}
	return k
}

// From begins where a moment of the tape was kept. watch may be nil.
func (t *Tape) From(k *Kept, watch Watcher) (*Stepper, error) {
	s := t.Stepper(watch)
	return s, s.from(k, -1)
}

// from makes the tasks what they were at a moment; of one task alone unless only is -1.
func (s *Stepper) from(k *Kept, only int) error {
	x := &s.r.tape.attempts[k.num]
	g := x.graph
	empty := plan{attempt: x.plan.attempt, slots: x.plan.slots, splits: make([][]splitState, len(g.Vertices)), done: make([]bool, len(g.Vertices))}
	a, err := s.r.prepareFrom(x, empty)
	if err != nil {
		return err
	}
	a.restored = k.restored
	s.num, s.att, s.open = k.num+1, a, make([]bool, len(a.tasks))
	p := s.r.host
	copy(p.at, k.at)
	p.mono0.Store(k.mono)
	at, had := p.moment.at, p.moment.had
	p.moment = k.moment
	p.moment.at, p.moment.had = at, had
	for i, tk := range a.tasks {
		if only >= 0 && i != only {
			p.at[i] = len(p.steps[i])
			continue
		}
		if err := tk.again(&k.tasks[i]); err != nil {
			s.Close()
			return err
		}
		s.open[i] = k.tasks[i].open
	}
	return nil
}

// again makes a new task what one was that was kept.
func (t *task) again(k *keptTask) error {
	for i, n := range t.nodes {
		n.ctx.SetWatermark(k.nodes[i].wm)
	}
	if t.src != nil {
		t.src.again(k.src)
	}
	if k.open {
		if err := t.reopen(k); err != nil {
			return err
		}
	}
	t.began, t.wms, t.sides, t.blocked = k.began, k.wms.clone(), slices.Clone(k.sides), slices.Clone(k.blocked)
	for i := range t.sides {
		t.sides[i] = t.sides[i].clone()
	}
	t.sideIdle, t.idle, t.endDue, t.ended = k.sideIdle, k.idle, k.endDue, k.ended
	t.dirty, t.flushSet, t.stopped = k.dirty, k.flushSet, k.stopped
	t.align, t.base, t.done, t.never, t.wm, t.arrived, t.lastBarrier = k.align, k.base, k.done, k.never, k.wm, k.arrived, k.lastBarrier
	t.step, t.nowMS, t.timerAt, t.asyncs, t.calls, t.emitted = k.step, k.nowMS, k.timerAt, k.asyncs, k.calls, k.emitted
	t.rowsIn, t.batchesIn, t.rec.chain = k.rowsIn, k.batchesIn, k.chain
	for i, n := range t.nodes {
		x := &k.nodes[i]
		n.outWM, n.sideWM, n.finished, n.restored = x.outWM, x.sideWM, x.finished, x.restored
		n.links, n.timers = slices.Clone(x.links), slices.Clone(x.timers)
		n.rowsIn, n.rowsOut, n.late, n.input, n.counters = x.rowsIn, x.rowsOut, x.late, x.input, slices.Clone(x.counters)
	}
	for i, o := range t.outs {
		o.next = k.outs[i].next
		for j := range o.lanes {
			l, x := &o.lanes[j], &k.outs[i].lanes[j]
			l.taken, l.wm, l.sentWM, l.rows, l.sent = x.taken, x.wm, x.sentWM, x.rows, x.sent
			if x.open != nil {
				l.open = l.pool.take()
				l.open.b.Append(x.open, nil)
			}
		}
	}
	for i, p := range t.ins {
		for _, e := range k.ins[i].elems {
			if e.l != nil {
				e.l = &lease{b: e.l.b, home: newPool(p.from, 1, &t.att.shelf), kept: true}
				e.l.refs.Store(1)
			}
			p.sent = e.seq
			p.push(e)
		}
		p.sent, p.got = k.ins[i].sent, k.ins[i].got
	}
	if t.rec.inputs != nil {
		return t.rec.inputs.From(k.input)
	}
	return nil
}

// reopen is open with state as it was kept.
func (t *task) reopen(k *keptTask) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
	}()
	t.store = k.store.Store()
	for i, n := range t.nodes {
		n.ctx.Store = t.store
		if n.sink != nil {
			if err := n.sink.open(nil); err != nil {
				return err
			}
			n.sink.prepared = slices.Clone(k.nodes[i].prepared)
			continue
		}
		if err := n.op.Open(&n.ctx); err != nil {
			return n.opError(err)
		}
		if op, ok := n.op.(exec.Keeper); ok {
			op.Again(&n.ctx, k.nodes[i].op)
		}
	}
	if t.src != nil {
		for i, sp := range t.src.splits {
			if k.src.splits[i].read {
				if sp.r, err = t.src.open(sp); err != nil {
					return err
				}
			}
		}
	}
	t.keyed = len(t.store.Describe()) > 0
	t.live.Store(true)
	return t.store.Err()
}

func (s *source) again(k *keptSource) {
	s.wms, s.passed, s.limit, s.next, s.complete, s.drained = k.wms.clone(), k.passed, k.limit, k.next, k.complete, k.drained
	s.status, s.rowsOut, s.bad, s.badText = k.status, k.rowsOut, k.bad, k.badText
	for i := range k.splits {
		x := &k.splits[i]
		sp := &split{num: i, at: x.at, frozen: x.frozen, waiting: x.waiting, idleSet: x.idleSet, idleDue: x.idleDue, ended: x.ended}
		sp.woken.Store(x.woken)
		if x.ahead != nil {
			sp.ahead.Append(x.ahead, nil)
		}
		s.splits = append(s.splits, sp)
		if i == k.last {
			s.last = sp
		}
	}
}

// Hash is of what the tasks hold: their state, watermarks, timers, positions and what
// waits in channels. Two replays that stand at the same place have the same. It looks
// at everything.
func (s *Stepper) Hash() uint64 {
	if s.att == nil {
		return 0
	}
	h := uint64(s.num)
	add := func(x int64) { h = batch.Mix(h ^ uint64(x)) }
	for _, t := range s.att.tasks {
		add(t.step)
		add(int64(t.rec.chain))
		add(t.wms.cur)
		add(int64(batch.HashBytes(fmt.Append(nil, t.idle, t.wms.in))))
		if t.store != nil && s.open[t.id] {
			for _, x := range t.store.Hashes() {
				add(int64(x))
			}
		}
		for _, n := range t.nodes {
			add(n.ctx.Watermark())
			add(n.outWM)
			add(n.rowsIn)
			add(n.rowsOut)
			add(n.late)
			for _, at := range n.timers {
				add(at)
			}
			for _, c := range n.counters {
				add(c.Value)
			}
		}
		for i, p := range t.ins {
			add(int64(p.got))
			add(int64(p.sent))
			add(t.wms.in[i].wm)
			for k := range p.n {
				if e := &p.ring[(p.head+k)&(len(p.ring)-1)]; e.l != nil {
					add(int64(e.l.b.Digest()))
				}
			}
		}
		for _, o := range t.outs {
			for i := range o.lanes {
				add(o.lanes[i].sentWM)
				if q := o.lanes[i].open; q != nil {
					add(int64(q.b.Digest()))
				}
			}
		}
		if t.src != nil {
			add(t.src.rowsOut)
			for i, sp := range t.src.splits {
				add(t.src.wms.in[i].wm)
				if sp.r != nil && !sp.ended {
					add(int64(batch.HashBytes(sp.r.Position().Pos)))
				}
			}
		}
	}
	return h
}
