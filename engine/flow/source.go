package flow

import (
	"slices"
	"sync/atomic" //mink:det-ok a reader's wake-up comes from outside; it only becomes a message

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// source is the reading end of a source task: its splits, their watermarks, and
// who gets the rows.
type source struct {
	t      *task
	spec   *SourceSpec
	outs   []receiver
	splits []*split
	wms    tracker // of the splits, in their order
	passed int64   // newest watermark passed on
	next   int     // split to ask first
	// ordered: one split is read after the other.
	ordered bool
	eval    WatermarkEval
	b       batch.Batch
	cands   []int64
	raw     []batch.Mark
	marks   []batch.Mark
	limit   int64 // of the alignment group: splits above it pause
	// complete: no further splits will come. drained: the end was passed on.
	complete bool
	drained  bool
	last     *split // polled last
	status   connect.Status
	rowsOut  int64
	bad      int64
	badText  string
}

// split is one part being read.
type split struct {
	num     int
	at      connect.Split
	r       connect.Reader
	waiting bool
	// idleSet: the timer of idleness runs. idleDue: it has run out, and the next
	// poll decides. Only an empty poll makes a split idle, so time in which the task
	// is blocked by its receivers does not count.
	idleSet, idleDue bool
	ended            bool
	frozen           connect.Split // position at the newest snapshot
	frozenAt         int64         // its checkpoint
	woken            atomic.Bool
	ahead            batch.Batch // read too early by a replay
}

// inOrder reports a source whose splits one subtask reads, one after the other.
func inOrder(s *SourceSpec) bool {
	o, ok := s.Source.(connect.Ordered)
	return ok && o.InOrder()
}

// dealt is the subtask that reads split i of v.
func (v *Vertex) dealt(i int) int {
	if inOrder(v.Source) {
		return 0
	}
	return i % v.Parallelism
}

func (s *source) rowsMax() int {
	if s.spec.BatchRows > 0 {
		return min(s.spec.BatchRows, s.t.att.job.cfg.BatchRows)
	}
	return s.t.att.job.cfg.BatchRows
}

// add takes a split over; its reader is opened by open.
func (s *source) add(at connect.Split, in input, ended bool) *split {
	sp := &split{num: len(s.splits), at: at, ended: ended}
	s.splits = append(s.splits, sp)
	in.ended = ended
	s.wms.in = append(s.wms.in, in)
	return sp
}

// open starts reading; it may look outside, so it does not run in a step.
func (s *source) open(sp *split) (connect.Reader, error) {
	t := s.t
	if t.rec != nil && t.rec.inputs != nil {
		return embeddedReader{sp.at}, nil
	}
	r, err := s.spec.Source.Open(sp.at, connect.ReaderCtx{
		Subtask: t.sub, Parallelism: t.v.Parallelism,
		Now: t.now, Unpaced: t.rec != nil && t.rec.resumed,
		Seed: batch.HashBytes([]byte(sp.at.ID)) ^ t.att.job.seed,
		Wake: func() {
			if sp.woken.CompareAndSwap(false, true) {
				t.att.host.toTask(t, mail{kind: mailWake, attempt: t.att.n, n: int64(sp.num)})
			}
		},
		BadRecord: func(err error) {
			s.bad++
			s.badText = err.Error()
		},
	})
	if err != nil {
		return nil, s.failed(err)
	}
	return r, nil
}

// failed gives an error of the reader its place.
func (s *source) failed(err error) error {
	if e := diag.As(err); e != nil {
		return e.Or(s.spec.Span)
	}
	e := diag.Wrap(diag.IO, err, "reading %s", s.spec.Name)
	e.Span = s.spec.Span
	return e
}

// can reports a split that may have rows.
func (s *source) can(sp *split) bool {
	return sp.r != nil && !sp.ended && !sp.waiting && s.wms.in[sp.num].wm <= s.limit
}

func (s *source) pollable() bool {
	if s.drained || s.t.stopped {
		return false
	}
	return s.turn() >= 0 || s.over()
}

// turn is the split to read next, or -1: of those that may have rows the next one in
// turn, or where order counts the first that has not ended, if it may.
func (s *source) turn() int {
	for k := range s.splits {
		i := k
		if !s.ordered {
			i = (s.next + k) % len(s.splits)
		}
		if s.can(s.splits[i]) {
			return i
		}
		if s.ordered && !s.splits[i].ended {
			break
		}
	}
	return -1
}

// over reports that everything was read.
func (s *source) over() bool { return s.complete && s.wms.allEnded() }

// combine works out the watermark of the splits: while more may be found it is not at the end,
// whatever those have that are there.
func (s *source) combine() {
	s.wms.open = !s.complete
	s.wms.update()
}

// poll asks the next split in turn for rows and passes them on.
func (s *source) poll() error {
	if s.over() {
		return s.settle()
	}
	sp := s.pick()
	if sp == nil {
		return nil
	}
	s.b.Reset()
	status, err := s.read(sp)
	if err != nil {
		return s.failed(err)
	}
	if s.t.rec != nil && s.t.rec.part > 0 {
		firstRows(&s.b, s.t.rec.part)
	}
	s.last, s.status = sp, status
	n := s.b.Rows()
	if s.wms.in[sp.num].idle && (n > 0 || len(s.b.Marks) > 0) {
		s.wms.in[sp.num].idle = false
		s.t.tellIdle()
	}
	if n == 0 && len(s.b.Marks) > 0 {
		s.wms.in[sp.num].raise(s.b.LastMark())
		s.combine()
	}
	if n > 0 {
		sp.idleDue = false
		if err := s.mark(sp); err != nil {
			return s.failed(err)
		}
		s.rowsOut += int64(n)
		s.t.rowsIn += int64(n)
		s.t.batchesIn++
		s.t.emitted += n
		if s.t.att.job.cfg.Probe != nil {
			s.t.probe(-1, &s.b)
		}
		if s.t.rec != nil {
			s.t.rec.output(-1, &s.b)
		}
		if w := s.t.watch; w != nil {
			w.Read(s.place(), sp.at.ID, &s.b)
			w.Gave(s.place(), &s.b)
		}
		for _, o := range s.t.outs {
			o.tookInput()
		}
		if wm := s.b.LastMark(); wm > s.passed {
			s.passed = wm
		}
		if err := passBatch(s.outs, &s.b); err != nil {
			return err
		}
		if s.t.paused != nil {
			return nil
		}
	}
	return s.settle()
}

func (s *source) read(sp *split) (connect.Status, error) {
	if s.t.rec != nil && s.t.rec.replay {
		return s.t.rec.pollAgain(s, sp)
	}
	status, err := sp.r.Poll(&s.b, s.rowsMax())
	if s.t.rec != nil && err == nil {
		s.t.rec.polled(sp.num, &s.b, status)
	}
	return status, err
}

func (s *source) pick() *split {
	i := s.turn()
	if i < 0 {
		return nil
	}
	s.next = i + 1
	return s.splits[i]
}

// mark works out the watermarks of a batch from split sp: one candidate a lane in
// a vector, then one pass keeps those that move the split's running maximum.
func (s *source) mark(sp *split) error {
	raw := s.b.Marks
	if s.eval != nil {
		if cap(s.cands) < s.b.N {
			s.cands = make([]int64, max(s.b.N, 64))
		}
		c := s.cands[:s.b.N]
		if err := s.eval(&s.b, c); err != nil {
			return err
		}
		s.raw = s.raw[:0]
		top := s.wms.in[sp.num].wm
		if s.b.Sel == nil {
			for i, wm := range c {
				if wm > top {
					top = wm
					s.raw = append(s.raw, batch.Mark{Pos: uint16(i + 1), WM: wm})
				}
			}
		} else {
			for _, l := range s.b.Sel {
				if c[l] > top {
					top = c[l]
					s.raw = append(s.raw, batch.Mark{Pos: l + 1, WM: top})
				}
			}
		}
		raw = s.raw
	}
	if s.spec.Periodic > 0 {
		if len(raw) > 0 {
			s.wms.in[sp.num].raise(raw[len(raw)-1].WM)
		}
		s.b.Marks = nil
		return nil
	}
	s.marks = s.wms.marks(sp.num, raw, s.marks[:0])
	s.b.Marks = s.marks
	return nil
}

// settle takes note of how the last poll ended. It is repeated after an
// interruption, so each part of it may find its work done.
func (s *source) settle() error {
	if sp := s.last; sp != nil {
		s.last = nil
		switch s.status {
		case connect.Wait:
			s.wait(sp)
		case connect.Idle:
			s.wms.in[sp.num].idle = true
			s.wait(sp)
			s.combine()
		case connect.End:
			s.end(sp)
		}
	}
	if s.spec.Periodic == 0 || s.over() {
		s.combine()
	}
	return s.pass()
}

func (s *source) wait(sp *split) {
	h, att := s.t.att.host, s.t.att.n
	sp.waiting = true
	sp.woken.Store(false)
	if at := sp.r.NextAt(); at > 0 {
		h.timer(s.t, at, mail{kind: mailWake, attempt: att, n: int64(sp.num)})
	}
	if s.spec.Idle <= 0 || s.wms.in[sp.num].idle || sp.idleSet {
		return
	}
	if sp.idleDue {
		sp.idleDue = false
		s.wms.in[sp.num].idle = true
		s.combine()
		return
	}
	sp.idleSet = true
	h.timer(s.t, h.now()+s.spec.Idle.Milliseconds(), mail{kind: mailIdle, attempt: att, n: int64(sp.num)})
}

func (s *source) end(sp *split) {
	sp.ended = true
	sp.at = sp.r.Position()
	s.wms.in[sp.num].ended = true
}

// pass hands the watermark, idleness and the end on.
func (s *source) pass() error {
	if s.wms.cur > s.passed {
		s.passed = s.wms.cur
		if err := passWatermark(s.outs, s.passed); err != nil || s.t.paused != nil {
			return err
		}
	}
	if !s.over() {
		s.t.tellIdle()
		return nil
	}
	if s.drained {
		return nil
	}
	if err := passWatermark(s.outs, batch.MaxWatermark); err != nil || s.t.paused != nil {
		return err
	}
	s.drained = true
	return s.t.end()
}

// idle reports that no split holds the watermark back and some may still give rows. A
// task without splits that may get some later is idle too.
func (s *source) idle() bool { return !s.over() && (s.wms.allIdle() || s.wms.allEnded()) }

// resumed goes on after an interrupted operator is through.
func (s *source) resumed() error { return s.settle() }

func (s *source) onMail(m *mail) error {
	t := s.t
	switch m.kind {
	case mailWake:
		if sp := s.splits[m.n]; sp.waiting {
			sp.waiting = false
		}
	case mailIdle:
		sp := s.splits[m.n]
		sp.idleSet, sp.idleDue, sp.waiting = false, sp.waiting, false
	case mailPeriodic:
		t.att.host.timer(t, t.att.host.now()+s.spec.Periodic.Milliseconds(), *m)
		s.combine()
		return s.pass()
	case mailReport:
		t.att.host.timer(t, t.att.host.now()+s.spec.AlignInterval.Milliseconds(), *m)
		least := batch.MaxWatermark
		for i := range s.wms.in {
			if x := &s.wms.in[i]; x.live() {
				least = min(least, x.wm)
			}
		}
		t.report(mail{kind: mailAlignAt, ts: least})
	case mailAlign:
		s.limit = m.ts
	case mailDrain:
		for i := range s.splits {
			s.splits[i].ended = true
			s.wms.in[i].ended = true
		}
		s.complete = true
		s.combine()
		return s.pass()
	case mailSplits:
		s.found(m)
	}
	return nil
}

// newSplits is the payload of mailSplits.
type newSplits struct {
	list []connect.Split
	last bool // no more will come
}

// found takes newly discovered splits over and opens their readers outside.
func (s *source) found(m *mail) {
	d := m.payload.(*newSplits)
	s.complete = s.complete || d.last
	for _, at := range d.list {
		if slices.ContainsFunc(s.splits, func(x *split) bool { return x.at.ID == at.ID }) {
			continue
		}
		sp := s.add(at, input{wm: batch.NoWatermark}, false)
		t := s.t
		t.asyncs++
		id, att := t.asyncs, t.att.n
		t.att.host.async(t, t, true, "open split", func() mail {
			r, err := s.open(sp)
			return mail{kind: mailAsync, attempt: att, n: id, payload: &splitOpen{sp.num, r, err}}
		})
	}
	s.t.tellIdle()
}

// splitOpen is a reader that was opened outside of a step.
type splitOpen struct {
	num int
	r   connect.Reader
	err error
}

func (s *source) opened(o *splitOpen) error {
	s.splits[o.num].r = o.r
	return o.err
}

// freeze takes the positions for a snapshot.
func (s *source) freeze(n int64) {
	for _, sp := range s.splits {
		sp.frozenAt = n
		if sp.ended || sp.r == nil {
			sp.frozen = sp.at
			continue
		}
		sp.frozen = sp.r.Position()
	}
}

// confirm tells readers that checkpoint n is complete.
func (s *source) confirm(n int64) {
	for _, sp := range s.splits {
		if c, ok := sp.r.(connect.Confirmed); ok && sp.frozenAt == n && (s.t.rec == nil || !s.t.rec.replay) {
			c.Confirm(sp.frozen)
		}
	}
}

// start sets the source's timers going.
func (s *source) start() {
	h, att := s.t.att.host, s.t.att.n
	if s.spec.Periodic > 0 {
		h.timer(s.t, h.now()+s.spec.Periodic.Milliseconds(), mail{kind: mailPeriodic, attempt: att})
	}
	if s.spec.AlignGroup != "" && s.spec.AlignInterval > 0 {
		h.timer(s.t, h.now()+s.spec.AlignInterval.Milliseconds(), mail{kind: mailReport, attempt: att})
	}
}

func (s *source) close(part func(end func() error)) {
	for _, sp := range s.splits {
		if sp.r != nil {
			part(sp.r.Close)
			sp.r = nil
		}
	}
}
