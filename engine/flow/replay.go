package flow

import (
	"errors"
	"fmt"
	"sync/atomic" //mink:det-ok who cancels a replay is outside

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
)

// Steps is the number of steps on the tape.
func (t *Tape) Steps() (n int) {
	for _, a := range t.attempts {
		for _, s := range a.tasks {
			n += len(s)
		}
	}
	return n
}

// Divergence is how a replay stops when the run is not the recorded one: the task,
// the step and the operators it happened in, and both hashes.
type Divergence struct {
	Task       string
	Attempt    int64
	Step       int64
	Want, Have uint64 // chain after the step; equal if that is not what differs
	Why        string
}

func (d *Divergence) Error() string {
	return fmt.Sprintf("the replay differs in task %s at step %d of attempt %d: %s", d.Task, d.Step, d.Attempt, d.Why)
}

// Replay executes a tape again and compares the chains. probe, if not nil, sees every
// batch that a node emits. It stops at the first difference with a *Divergence.
func Replay(t *Tape, probe func(Probe)) error {
	return (&replaying{tape: t, how: Playback{Probe: probe}, host: &player{}, attempt: func(*attempt) {}}).run()
}

// replaying is a tape being executed.
type replaying struct {
	tape    *Tape
	how     Playback
	host    *player
	attempt func(*attempt) // hears of each
	// failure is what the newest step failed with, as it did when it was recorded.
	failure error
}

func (r *replaying) run() error {
	p := r.host
	p.rewrite = newRewriting(r.how.Rewrite, r.tape)
	p.store = &ckptStore{disk: env.NewMemDisk(), dir: "replay"}
	var err error
	for i := range r.tape.attempts {
		if err = r.play(&r.tape.attempts[i]); err != nil {
			break
		}
	}
	if err == nil || err == errReached {
		if e := p.rewrite.close(r.tape, err == nil); e != nil {
			return e
		}
	}
	return err
}

// player is the host of a replayed attempt.
type player struct {
	stopped atomic.Bool
	steps   [][]trace.Step
	at      []int      // next record of each task
	store   *ckptStore // of the checkpoints that the tasks take again
	mono0   atomic.Int64
	failure error
	results []mail // of work that the tasks do again: uploads and readers
	moment  Moment
	tape    *tapeAttempt
	metas   []*meta // checkpoints that were completed, oldest first
	base    int64   // the one that the tape begins at
	acks    map[int64][]*ack
	rewrite *rewriting // nil where steps are compared alone
	pace    *pace
	silent  bool // no sink shows anything
	loose   bool // the run need not be the recorded one
}

func (r *replaying) play(x *tapeAttempt) error {
	p := r.host
	a, err := r.prepare(x)
	if err != nil {
		return err
	}
	for _, tk := range a.tasks {
		defer tk.close()
	}
	r.attempt(a)
	opened := make([]bool, len(a.tasks))
	for tk := p.next(a); tk != nil; tk = p.next(a) {
		if p.stopped.Load() || !p.pace.wait(p, p.steps[tk.id][p.at[tk.id]].Stamp) {
			return errStopped
		}
		if !opened[tk.id] {
			opened[tk.id] = true
			if err := tk.open(); err != nil {
				// It has taken steps, so it was opened when it was recorded.
				return &Divergence{Task: tk.name, Attempt: a.n, Step: p.steps[tk.id][0].N, Why: "it cannot be opened again: " + err.Error()}
			}
			tk.live.Store(true)
		}
		if err := p.step(tk); err != nil {
			return err
		}
		p.note(tk)
		if err := p.rewrite.stepped(p); err != nil {
			return err
		}
		if r.how.After != nil && r.how.After(&p.moment) {
			return errReached
		}
	}
	r.failure = p.failure
	return r.leftOver(a)
}

// prepare makes the tasks of an attempt.
func (r *replaying) prepare(x *tapeAttempt) (*attempt, error) {
	a, err := r.prepareFrom(x, r.host.from(x.plan))
	if err != nil || x.frames == nil {
		return a, err
	}
	p := r.host
	for i, tk := range a.tasks {
		if err := tk.stand(x.frames[i], x.plan.meta.id); err != nil {
			return nil, err
		}
	}
	// Later checkpoints may continue the files of this one.
	p.metas, p.base = []*meta{x.plan.meta}, x.plan.meta.id
	return a, x.plan.from.export(x.plan.meta, p.store.disk, p.store.dir, nil, false)
}

// prepareFrom is prepare with another plan.
func (r *replaying) prepareFrom(x *tapeAttempt, from plan) (*attempt, error) {
	p := r.host
	p.steps, p.at, p.results, p.failure = x.tasks, make([]int, len(x.tasks)), nil, nil
	j := *r.tape.job
	j.host, j.graph = p, x.graph
	j.cfg.Probe = r.how.Probe
	j.store = p.store
	a, err := newAttempt(&j, from)
	if err != nil {
		return nil, err
	}
	p.begin(a, x)
	if p.rewrite != nil {
		if err := p.rewrite.begin(a, x, from); err != nil {
			return nil, err
		}
	}
	for i, tk := range a.tasks {
		if tk.rec == nil {
			tk.rec = j.recorder(tk.v)
		}
		tk.rec.replay, tk.rec.player, tk.rec.rewrite = true, p, p.rewrite
		if open := x.inputs[i]; open != nil {
			if tk.rec.inputs, err = open(); err != nil {
				return nil, err
			}
		}
		tk.rec.resumed = x.frames != nil
	}
	return a, nil
}

// leftOver says why a recorded step cannot be taken, once none can.
func (r *replaying) leftOver(a *attempt) error {
	p := r.host
	if r.tape.open || p.tape.lost {
		return nil
	}
	for i, tk := range a.tasks {
		if p.at[i] < len(p.steps[i]) {
			s := &p.steps[i][p.at[i]]
			return &Divergence{Task: tk.name, Attempt: a.n, Step: s.N, Why: fmt.Sprintf("it takes an element of channel %d, and none comes", s.Pick-int32(pickInput))}
		}
	}
	return nil
}

// next is the task with the lowest (stamp, number) whose next step can be taken, or
// nil. A step waits only for the element that it took: all else is on the tape.
func (p *player) next(a *attempt) *task {
	var best *task
	for i, tk := range a.tasks {
		if p.at[i] == len(p.steps[i]) {
			continue
		}
		s := &p.steps[i][p.at[i]]
		if in := pick(s.Pick) - pickInput; in >= 0 && (int(in) >= len(tk.ins) || tk.ins[in].count.Load() == 0) {
			continue
		}
		if best == nil || s.Stamp < p.steps[best.id][p.at[best.id]].Stamp {
			best = tk
		}
	}
	return best
}

// step repeats one step and compares.
func (p *player) step(t *task) error {
	s := &p.steps[t.id][p.at[t.id]]
	p.at[t.id]++
	p.mono0.Store(s.Stamp)
	t.rec.given = s
	if s.Mail != nil {
		m, err := decodeMail(s.Mail, t.att.n)
		if err == nil {
			p.rewrite.mail(t, &m)
			err = p.again(t, &m)
		}
		if err != nil {
			return err
		}
		t.mail.put(m)
		t.mailAt = t.mail.find(func(mailKind) bool { return true })
	}
	if p.loose && pick(s.Pick) == pickResume && t.paused == nil {
		t.step++
		return nil
	}
	switch {
	case t.step+1 != s.N:
		return p.diverged(t, "the record is of step %d", s.N)
	case pick(s.Pick) == pickMail && s.Mail == nil:
		return p.diverged(t, "the message it took is missing")
	case pick(s.Pick) == pickResume && t.paused == nil:
		return p.diverged(t, "it went on with an operator, and none was interrupted")
	case pick(s.Pick) == pickPoll && t.src == nil:
		return p.diverged(t, "it asked a reader, and has none")
	}
	t.stepMu.Lock() // whoever asks for its status may be looking
	err := t.run(pick(s.Pick))
	t.stepMu.Unlock()
	for _, k := range t.sinks {
		if k.pacer != nil {
			k.pacer.Pace()
		}
	}
	have := t.rec.chain
	if d := (*Divergence)(nil); errors.As(err, &d) {
		return d
	}
	if err != nil {
		p.failure = err
	}
	if p.loose {
		return nil
	}
	d := &Divergence{Task: t.name, Attempt: t.att.n, Step: s.N, Want: s.Hash, Have: have}
	switch {
	case (err != nil) != s.Failed && err != nil:
		d.Why = "it fails: " + err.Error()
	case (err != nil) != s.Failed:
		d.Why = "it failed when it was recorded"
	case t.rec.cur.Clock && !s.Clock && pick(s.Pick) != pickPoll: // a reader may be asked otherwise
		d.Why = "it reads the clock, which it did not"
	case (t.rec.cur.Poll != nil || s.Poll != nil) && pick(s.Pick) != pickPoll:
		d.Why = "it asks a reader in a step that does not"
	case s.Chained && s.Hash != have && p.rewrite == nil:
		d.Why = fmt.Sprintf("%s: chain %016x instead of %016x", p.event(t, s), have, s.Hash)
	default:
		return nil
	}
	return d
}

// event says what the step took and who took it.
func (p *player) event(t *task, s *trace.Step) string {
	ops := t.v.Name
	if len(t.nodes) > 0 {
		ops = t.nodes[0].spec.Name
	}
	switch {
	case s.Mail != nil:
		m, _ := decodeMail(s.Mail, 0)
		return fmt.Sprintf("after message %d to %s", m.kind, ops)
	case pick(s.Pick) >= pickInput:
		return fmt.Sprintf("after an element of channel %d to %s", s.Pick-int32(pickInput), ops)
	}
	return fmt.Sprintf("after event %d of %s", s.Pick, ops)
}

func (p *player) diverged(t *task, format string, args ...any) *Divergence {
	return &Divergence{Task: t.name, Attempt: t.att.n, Step: t.rec.given.N, Why: fmt.Sprintf(format, args...)}
}

// again puts what the replay has made itself into a recorded answer: readers, and
// the hash of the state that was written.
func (p *player) again(t *task, m *mail) error {
	for i, r := range p.results {
		if r.task != t.id {
			continue
		}
		switch have := r.payload.(type) {
		case *splitOpen:
			if want, ok := m.payload.(*splitOpen); ok && want.num == have.num {
				want.r = have.r
				p.results = append(p.results[:i], p.results[i+1:]...)
				return nil
			}
		case *snapDone:
			want, ok := m.payload.(*snapDone)
			if !ok || want.sinks || want.n != have.n {
				continue
			}
			p.results = append(p.results[:i], p.results[i+1:]...)
			if want.err == nil && want.file.hash != have.file.hash && p.rewrite == nil && !p.loose {
				d := p.diverged(t, "the state at checkpoint %d has hash %016x instead of %016x", want.n, have.file.hash, want.file.hash)
				d.Want, d.Have = want.file.hash, have.file.hash
				return d
			}
			have.file.delta = 0
			want.file = have.file
			return nil
		}
	}
	return nil
}

// The rest is what a host does, here nothing: messages, timers and answers are on
// the tape.

func (p *player) now() int64               { return 0 }
func (p *player) mono() int64              { return p.mono0.Load() }
func (p *player) timer(actor, int64, mail) {}
func (p *player) toTask(*task, mail)       {}
func (p *player) command(_ *coordinator, k *command) {
	if k.kind == cmdCancel {
		p.stopped.Store(true)
	}
	if k.reply != nil {
		k.reply("", diag.New(diag.InvalidQuery, "a run that is replayed takes no commands"))
	}
}
func (p *player) sent(*pipe)                      {}
func (p *player) wake(*task)                      {}
func (p *player) chance(int, string) int          { return 0 }
func (p *player) reshape() *Graph                 { return nil }
func (p *player) hold(*attempt, bool, int64) bool { return true }
func (p *player) adopt(*attempt, plan) bool       { return false }
func (p *player) ended()                          {}
func (p *player) start(*attempt)                  {}
func (p *player) stop(*attempt, error)            {}
func (p *player) place(int) []string              { return nil }

func (p *player) freed(_ *task, l *lease) {
	if l.refs.Add(-1) != 0 {
		return
	}
	if l.kept {
		l = &lease{home: l.home}
	}
	l.home.put(l)
}

// async repeats local work on the tape's own disk; external systems are not called.
func (p *player) async(_ actor, of *task, local bool, _ string, f func() mail) {
	if local && of != nil {
		m := f()
		m.task = of.id
		p.results = append(p.results, m)
	}
}

// replayWriter stands for a sink's writer: what it was given is in the chain.
type replayWriter struct{}

func (replayWriter) Write(*batch.Batch) error       { return nil }
func (replayWriter) Watermark(int64) error          { return nil }
func (replayWriter) Timer(int64) error              { return nil }
func (replayWriter) Prepare(string) ([]byte, error) { return nil, nil }
func (replayWriter) State() []byte                  { return nil }
func (replayWriter) Restore([][]byte) error         { return nil }
func (replayWriter) Close() error                   { return nil }
