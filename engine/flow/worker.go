//mink:det-ok the threaded host's workers

package flow

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// schedState is where a task or coordinator stands with the workers.
type schedState struct {
	state  atomic.Int32
	home   int     // number of its worker
	on     *worker // the worker that runs it now; valid during its run only
	last   int     // input taken last
	short  bool    // at the last look there was a channel without credit
	closed bool
	labels context.Context // for profilers; nil before the first run
	left   leftOut         // told to the log
}

// States of a runnable. A wake-up during a run makes it dirty: it is looked at once
// more afterwards, so none is lost.
const (
	schedIdle int32 = iota
	schedQueued
	schedRunning
	schedDirty
)

// runRef names what runs: a task, or (t nil) the coordinator of a job.
type runRef struct {
	h     *threaded
	t     *task
	later bool // not worth the next place
}

func (r runRef) sched() *schedState {
	if r.t != nil {
		return &r.t.sched
	}
	return &r.h.coord
}

// worker is a goroutine that steps tasks: first the one in its next place, whose
// batch is still in the cache, then those of its ring in turn, then the oldest of
// the fullest other ring.
type worker struct {
	cl   *Cluster
	num  int
	mu   sync.Mutex
	next runRef
	ring []runRef
	head int
	// low holds source tasks when there is one worker: a source is asked when nothing
	// else can run, so a batch goes all the way before the next one is read.
	low    []runRef
	length atomic.Int32
	parked atomic.Bool
	stop   atomic.Bool
	signal chan struct{}
	worn   *task // whose labels the goroutine has
}

// stepBudget bounds the time one task is run before others get their turn.
const stepBudget = int64(time.Millisecond)

func (w *worker) loop() {
	defer w.cl.ended.Done()
	for {
		r, ok := w.take()
		if !ok {
			if w.stop.Load() {
				return
			}
			w.wear(nil)
			w.park()
			continue
		}
		s := r.sched()
		s.state.Store(schedRunning)
		s.on = w
		again := false
		w.wear(r.t)
		if r.t != nil {
			again = w.runTask(r.h, r.t)
		} else {
			again = runCoordinator(r.h.c)
		}
		s.on = nil
		if again {
			s.state.Store(schedQueued)
			w.push(r)
			continue
		}
		if !s.state.CompareAndSwap(schedRunning, schedIdle) {
			s.state.Store(schedQueued)
			w.push(r)
		}
	}
}

// ready makes r run soon. on is the worker of the caller, if it is one.
func (cl *Cluster) ready(on *worker, r runRef) {
	s := r.sched()
	for {
		switch st := s.state.Load(); st {
		case schedIdle:
			if !s.state.CompareAndSwap(st, schedQueued) {
				continue
			}
			home := cl.workers[s.home]
			if on == home && !r.later && !(r.t != nil && on.patient(r.t)) {
				on.mu.Lock()
				old := on.next
				if old.h != nil && len(cl.workers) == 1 {
					// Of several receivers the one that was sent to first goes first.
					old, r = r, old
				}
				on.next = r
				on.mu.Unlock()
				if old.h != nil {
					on.push(old)
				}
				return
			}
			home.push(r)
			if home != on {
				home.unpark()
			}
			return
		case schedRunning:
			if s.state.CompareAndSwap(st, schedDirty) {
				return
			}
		default:
			return
		}
	}
}

// push puts r at the end of the ring. Another worker that has nothing to do is
// called to help.
func (w *worker) push(r runRef) {
	w.mu.Lock()
	if r.t != nil && w.patient(r.t) {
		w.low = append(w.low, r)
	} else {
		w.ring = append(w.ring, r)
	}
	n := w.waiting()
	if n > 1 || w.next.h != nil {
		defer w.cl.help(w)
	}
	w.length.Store(int32(n))
	w.mu.Unlock()
}

// patient reports a task that waits until no other can run.
func (w *worker) patient(t *task) bool { return t.src != nil && len(w.cl.workers) == 1 }

// waiting counts what is queued, next aside.
func (w *worker) waiting() int { return len(w.ring) - w.head + len(w.low) }

// help wakes a parked worker other than w.
func (cl *Cluster) help(w *worker) {
	for _, x := range cl.workers {
		if x != w && x.parked.Load() {
			x.unpark()
			return
		}
	}
}

func (w *worker) take() (runRef, bool) {
	w.mu.Lock()
	if r := w.next; r.h != nil {
		w.next = runRef{}
		w.mu.Unlock()
		return r, true
	}
	r, ok := w.popLocked()
	w.mu.Unlock()
	if ok {
		return r, true
	}
	var full *worker
	most := int32(0)
	for _, x := range w.cl.workers {
		if n := x.length.Load(); x != w && n > most {
			full, most = x, n
		}
	}
	if full == nil {
		return runRef{}, false
	}
	full.mu.Lock()
	r, ok = full.popLocked()
	full.mu.Unlock()
	if ok {
		r.sched().home = w.num
	}
	return r, ok
}

func (w *worker) popLocked() (runRef, bool) {
	if w.head == len(w.ring) {
		if len(w.low) == 0 {
			return runRef{}, false
		}
		r := w.low[0]
		w.low = w.low[1:]
		w.length.Store(int32(w.waiting()))
		return r, true
	}
	r := w.ring[w.head]
	w.ring[w.head] = runRef{}
	w.head++
	if w.head == len(w.ring) {
		w.ring, w.head = w.ring[:0], 0
	} else if w.head >= 64 && w.head*2 >= len(w.ring) {
		n := copy(w.ring, w.ring[w.head:])
		w.ring, w.head = w.ring[:n], 0
	}
	w.length.Store(int32(w.waiting()))
	return r, true
}

// park waits for work. The flag is set before the last look, so that a push either
// is seen or sees it.
func (w *worker) park() {
	w.parked.Store(true)
	if w.any() {
		w.parked.Store(false)
		return
	}
	<-w.signal
	w.parked.Store(false)
}

func (w *worker) any() bool {
	if w.stop.Load() {
		return true
	}
	for _, x := range w.cl.workers {
		if x.length.Load() > 0 {
			return true
		}
	}
	return false
}

func (w *worker) unpark() {
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// runTask steps a task until it has emitted to another one, its time is up or it
// has nothing to do; it reports whether there is more.
func (w *worker) runTask(h *threaded, t *task) bool {
	again := w.runSteps(h, t)
	if !t.live.Load() {
		return again // its writers may be being opened
	}
	if t.rec != nil && t.rec.embed {
		t.rec.spill(t)
	}
	for _, s := range t.sinks {
		if s.pacer != nil {
			s.pacer.Pace() // without stepMu: who makes the room may want to look first
		}
	}
	return again
}

func (w *worker) runSteps(h *threaded, t *task) bool {
	t.stepMu.Lock()
	defer t.stepMu.Unlock()
	if t.dead.Load() {
		w.retire(h, t)
		return false
	}
	if !t.live.Load() {
		return false
	}
	start := h.mono()
	if h.until != nil && start-h.skew > h.until.Load() {
		return false // the coordinator may have given this process up
	}
	if t.blockedAt != 0 {
		t.blockedFor += start - t.blockedAt
		t.blockedAt = 0
	}
	now := start
	for {
		p := t.choose(math.MaxInt64, &t.sched.last)
		if p == pickNone {
			t.busy += now - start
			return w.starve(h, t, now)
		}
		err := t.run(p)
		before := now
		now = h.mono()
		if took := now - before; took > slowStep {
			h.note(t, "slow step", func(x *TaskNote) { x.Took = time.Duration(took) })
		}
		if err != nil {
			h.note(t, "task failed", func(x *TaskNote) { x.Err = err })
			t.failed = true
			t.dead.Store(true)
			t.report(mail{kind: mailFailed, err: err})
			t.busy += now - start
			return false
		}
		if p == pickPoll && w.patient(t) || now-start > stepBudget || t.sched.home == w.num && w.hasNext() || t.dead.Load() || h.until != nil && now-h.skew > h.until.Load() {
			t.busy += now - start
			return true
		}
	}
}

// slowStep is the duration of a step that is reported.
const slowStep = int64(100 * time.Millisecond)

func (w *worker) hasNext() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next.h != nil
}

// starve notes that a task has nothing to do; if it is for lack of credits, the
// next credit wakes it. A credit that came back since the task was looked at has woken
// nobody, so what counts is what that look saw.
func (w *worker) starve(h *threaded, t *task, now int64) bool {
	if !t.sched.short {
		return false
	}
	t.starved.Store(true)
	if t.credit() {
		t.starved.Store(false)
		return true
	}
	t.blockedAt = now
	return false
}

// retire closes a task whose attempt is over, once nothing works for it outside.
func (w *worker) retire(h *threaded, t *task) {
	a := t.att
	if t.sched.closed || t.ext.Load() > 0 || a.left.Load() == 0 {
		return
	}
	t.sched.closed = true
	err := t.close()
	text := "task was cancelled"
	if t.ended || t.stopped {
		text = "task has ended"
	}
	h.note(t, text, func(x *TaskNote) { x.Err = err })
	if a.left.Add(-1) == 0 {
		h.toCoord(nil, mail{kind: mailStopped, attempt: a.n})
	}
}

// runCoordinator handles the mail of a coordinator.
func runCoordinator(c *coordinator) bool {
	for range 64 {
		if c.mail.count.Load() == 0 {
			return false
		}
		m := c.mail.pop()
		if c.phase != over || m.kind == mailCommand {
			c.handle(&m)
		} else {
			c.unwanted(&m)
		}
	}
	return c.mail.count.Load() > 0
}
