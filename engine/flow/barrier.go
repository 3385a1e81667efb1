package flow

import (
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	state "github.com/minkstream/mink/engine/state"
)

// ack is a task's part of a checkpoint, as it reports it to the coordinator.
type ack struct {
	task int
	n    int64
	// inline is what the task keeps itself: watermarks, timers, splits.
	inline []byte
	// writers are the states of sink writers, commits what they have prepared and
	// no completed checkpoint that the task knows of has.
	writers []writerState
	commits []committable
	// file is the keyed state; base is the checkpoint that it continues, of which as many
	// files as files says, the newest, are still needed.
	file  fileRef
	base  int64
	files int
	peek  bool
	// How long, in nanoseconds, the task waited for the barriers of its other inputs, was
	// held up by the checkpoint, and then wrote.
	align, sync, async int64
}

// ckptFlags say what is special about a checkpoint.
type ckptFlags uint8

const (
	// ckptFinal: all input has passed through. Keyed state is not needed any more.
	ckptFinal ckptFlags = 1 << iota
	// ckptStop: tasks take no rows behind it.
	ckptStop
	// ckptPeek: it is for people and tapes alone. Sinks do not hear of it, and no job goes
	// on from it.
	ckptPeek
)

type writerState struct {
	uid  string
	data []byte
}

// snapping is a checkpoint whose slow part is under way outside of steps.
type snapping struct {
	n       int64
	ack     *ack
	since   int64 // when the step was done with it
	waiting int   // calls that have not ended
	aborted bool
	err     error
}

// snapDone is what such a call gives.
type snapDone struct {
	n        int64
	sinks    bool // it was the writers' prepare
	prepared [][]byte
	states   [][]byte
	file     fileRef
	err      error
}

// trigger makes a task without inputs, usually a source, take its position and send
// the barrier, in one step.
func (t *task) trigger(m *mail) error {
	if len(t.ins) > 0 || m.n <= t.done {
		return nil
	}
	return t.checkpoint(m.n, m.base, m.flags)
}

// onBarrier blocks the channel until all channels have delivered the barrier. A
// newer barrier gives an older one up; an older one that comes late is ignored.
func (t *task) onBarrier(i int, e elem) error {
	n := e.ts
	if n <= t.done || n < t.align {
		return nil
	}
	if t.att.job.plant == PlantNoAlign {
		return t.checkpoint(n, e.base, e.flags)
	}
	if n > t.align {
		clear(t.blocked)
		t.align, t.arrived = n, 0
		t.alignFrom = t.att.host.mono()
	}
	t.blocked[i] = true
	t.arrived++
	t.base = max(t.base, e.base)
	if t.arrived < len(t.ins) {
		return nil
	}
	clear(t.blocked)
	t.align = 0
	t.aligned = t.att.host.mono() - t.alignFrom
	if e.flags&ckptFinal != 0 && !t.ended {
		// The last checkpoint covers everything: operators still wait for answers
		// from outside, and end takes it when they are there.
		t.lastBarrier = e
		return nil
	}
	return t.checkpoint(n, t.base, e.flags)
}

// checkpoint is the part inside the step: bundles are flushed, state is frozen, the
// barrier goes on. Writing follows outside, and the ack after that.
func (t *task) checkpoint(n, base int64, flags ckptFlags) error {
	t.done = n
	began := t.att.host.mono()
	t.store.Confirm(base)
	for _, s := range t.sinks {
		s.confirm(base)
	}
	if t.snap != nil {
		// The write of an older checkpoint, given up meanwhile, is still under way.
		t.forwardBarrier(n, base, flags)
		t.report(mail{kind: mailDecline, n: n, err: diag.New(diag.Checkpoint, "the state of checkpoint %d is still being written", t.snap.n)})
		return nil
	}
	a := &ack{task: t.id, n: n, peek: flags&ckptPeek != 0, align: t.aligned}
	if t.src != nil {
		t.src.freeze(n)
		if err := t.plantOffset(n, base, flags); err != nil {
			return err
		}
	}
	early := t.att.job.plant == PlantBundleAfterBarrier
	if early {
		t.forwardBarrier(n, base, flags)
	}
	for _, x := range t.nodes {
		if err := x.op.Snapshot(&x.ctx); err != nil {
			return x.opError(err)
		}
	}
	a.inline = t.encodeInline()
	t.snap = &snapping{n: n, ack: a}
	if len(t.sinks) > 0 && !a.peek {
		t.prepare(n)
	}
	if t.keyed && flags&ckptFinal == 0 {
		t.upload(t.store.Snapshot(n, a.peek || t.att.job.whole), n)
	}
	if !early && !(t.src != nil && t.att.job.plant == PlantOffsetEarly) {
		t.forwardBarrier(n, base, flags)
	}
	if flags&ckptStop != 0 && n > t.never {
		t.stopped = true
	}
	if t.rec != nil && t.rec.cuts && flags&ckptFinal == 0 {
		t.rec.cutAt = n
	}
	t.snap.since = t.att.host.mono()
	a.sync = t.snap.since - began
	if t.snap.waiting == 0 {
		t.acknowledge()
	}
	return nil
}

func (t *task) forwardBarrier(n, base int64, flags ckptFlags) {
	e := elem{kind: elemBarrier, ts: n, base: base, flags: flags}
	for _, o := range t.outs {
		if t.att.job.plant == PlantBarrierOvertake && t.att.host.chance(2, "overtake") == 0 {
			o.overtake(e)
			continue
		}
		o.control(e)
	}
	if t.att.job.plant != PlantBarrierOvertake {
		t.dirty = false
	}
}

// prepare lets the writers make their rows durable. The task takes no rows
// meanwhile.
func (t *task) prepare(n int64) {
	t.snap.waiting++
	t.preparing++
	sinks, att := t.sinks, t.att
	for _, s := range sinks {
		if w, ok := s.w.(connect.IdleWriter); ok {
			w.Idle(t.idle)
		}
	}
	att.host.async(t, t, false, "prepare "+t.name, func() mail {
		d := &snapDone{n: n, sinks: true}
		for _, s := range sinks {
			data, err := s.w.Prepare(s.txn(n))
			if err != nil {
				d.err = s.node.opError(err)
				break
			}
			d.prepared = append(d.prepared, data)
			d.states = append(d.states, s.w.State())
		}
		return mail{kind: mailAsync, attempt: att.n, n: n, payload: d}
	})
}

// upload writes the frozen state.
func (t *task) upload(s *state.Snapshot, n int64) {
	t.snap.waiting++
	t.snap.ack.base, t.snap.ack.files = s.Base(), s.Files()
	if _, threads := t.att.host.(*threaded); threads && t.rec == nil {
		s.Unhashed() // hashes are compared by who executes a tape
	}
	att, name := t.att, stateName(t.v.UID, t.sub, t.att.n, n)
	att.host.async(t, t, true, "upload "+t.name, func() mail {
		ref, err := att.job.store.writeState(n, name, s)
		return mail{kind: mailAsync, attempt: att.n, n: n, payload: &snapDone{n: n, file: ref, err: err}}
	})
}

// snapped takes note of a call that has ended.
func (t *task) snapped(d *snapDone) error {
	s := t.snap
	if d.sinks {
		t.preparing--
		if d.err != nil {
			return d.err // an outcome that is not known is never success
		}
		for i, k := range t.sinks {
			if d.prepared[i] != nil {
				k.prepared = append(k.prepared, committable{uid: k.uid, sub: t.sub, attempt: t.att.n, n: d.n, data: d.prepared[i]})
			}
			if d.states[i] != nil {
				s.ack.writers = append(s.ack.writers, writerState{k.uid, d.states[i]})
			}
		}
	} else {
		s.ack.file = d.file
		if d.err != nil {
			s.err = d.err
		}
	}
	if s.waiting--; s.waiting == 0 {
		t.acknowledge()
	}
	return nil
}

// acknowledge reports the finished part, or that it could not be made.
func (t *task) acknowledge() {
	s := t.snap
	t.snap = nil
	if s.aborted || s.err != nil {
		t.store.Abort(s.n)
	}
	if s.err != nil {
		t.report(mail{kind: mailDecline, n: s.n, err: s.err})
		return
	}
	for _, k := range t.sinks {
		s.ack.commits = append(s.ack.commits, k.prepared...)
	}
	s.ack.async = t.att.host.mono() - s.since
	t.report(mail{kind: mailAck, n: s.n, payload: s.ack})
}

// aborted hears that checkpoint n will never be. Rows behind it have been taken, so
// what the sinks prepared for it stays and goes into the next one.
func (t *task) aborted(n int64) error {
	t.never = max(t.never, n)
	if t.att.job.plant == PlantAbortDropsTxn {
		for _, s := range t.sinks {
			s.drop(n)
		}
	}
	if t.snap != nil && t.snap.n == n {
		t.snap.aborted = true
		return nil
	}
	t.store.Abort(n)
	return nil
}

// plantOffset puts rows between the position and the barrier, when that is what a
// test wants.
func (t *task) plantOffset(n, base int64, flags ckptFlags) error {
	switch t.att.job.plant {
	case PlantOffsetLate:
		if t.src.pollable() {
			return t.src.poll()
		}
	case PlantOffsetEarly:
		t.forwardBarrier(n, base, flags)
		if t.src.pollable() {
			if err := t.src.poll(); err != nil {
				return err
			}
			t.src.freeze(n)
		}
	}
	return nil
}
