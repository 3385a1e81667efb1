package flow

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/state"
)

// heldTimer waits for wall time that somebody moves by hand.
type heldTimer struct {
	at, seq int64
	to      *simActor
	m       mail
}

// hold keeps a task's timer until Advance reaches it; one that is due comes at once.
func (s *Sim) hold(at int64, to *simActor, m mail) {
	if at <= s.epoch {
		s.at(s.clock, simEvent{kind: evMail, to: to, m: m})
		return
	}
	s.seq++
	t := heldTimer{at, s.seq, to, m}
	i, _ := slices.BinarySearchFunc(s.held, t, func(a, b heldTimer) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	s.held = slices.Insert(s.held, i, t)
}

// Advance moves wall time on, of a simulation with Held: timers of tasks fire one after
// the other, each at its time and when all before has been worked off.
func (s *Sim) Advance(to int64) error {
	for len(s.held) > 0 && s.held[0].at <= to {
		t := s.held[0]
		s.held = s.held[1:]
		if t.to.dead {
			continue
		}
		s.epoch = max(s.epoch, t.at)
		s.at(s.clock, simEvent{kind: evMail, to: t.to, m: t.m})
		if err := s.Quiet(nil); err != nil {
			return err
		}
	}
	s.epoch = max(s.epoch, to)
	return s.Quiet(nil)
}

// Quiet runs the job until nothing is left to do but to wait for input or for a time:
// no task can run, nothing is on its way, no checkpoint is under way and no restart. An
// error is that of Run. check, if not nil, is asked after each step.
//
// A job that fails again and again on the way, or never comes to rest, ends the simulation
// with an error of code endless.
func (s *Sim) Quiet(check func() error) error {
	first, steps := s.Attempt(), s.steps
	for {
		c := s.host.job.c // another one after it was lost
		if err := s.Again(first); err != nil {
			return err
		}
		if s.steps-steps > quietStepsMax {
			return endless(c.cause, "the job has not come to rest after %d steps", quietStepsMax)
		}
		s.refresh()
		if c.phase == over || s.host.boss.dead && s.soon == 0 {
			return s.err
		}
		if len(s.ready) == 0 && s.soon == 0 && c.phase == runningNow && c.cur == nil && !c.reserving && len(c.asks) == 0 {
			return nil
		}
		if err := s.turn(check); err != nil {
			return err
		}
	}
}

// What a job may take to come to rest: attemptsMax is more than the faults of any schedule.
const (
	attemptsMax   = 30
	quietStepsMax = 1 << 24
)

// endless is the error of a job that does not come to rest; cause is its last failure.
func endless(cause error, format string, args ...any) error {
	e := diag.New(diag.Endless, format, args...)
	if cause != nil {
		e = diag.Wrap(diag.Endless, cause, format, args...)
		if d := diag.As(cause); d != nil {
			e.Span, e.In, e.Hint = d.Span, d.In, d.Hint
		}
	}
	if e.Hint == "" {
		e.Hint = "a failure that may pass is tried again for ever in production, too: see restart-strategy.type"
	}
	return e
}

// Attempt is the number of the job's attempt.
func (s *Sim) Attempt() int64 { return s.host.job.c.plan.attempt }

// Again is an error of code endless when the job was begun too many times since an attempt.
func (s *Sim) Again(since int64) error {
	if n := s.Attempt() - since; n > attemptsMax {
		return endless(s.host.job.c.cause, "the job began %d times one after the other and failed each time", n)
	}
	return nil
}

// Over reports that the job has ended.
func (s *Sim) Over() bool { return s.host.job.c.phase == over }

// Trigger asks for a checkpoint, unless one is under way or the job is not running, and
// reports whether it has.
func (s *Sim) Trigger() bool {
	c := s.host.job.c
	if c.phase != runningNow || c.cur != nil || c.reserving || len(c.asks) > 0 {
		return false
	}
	s.host.command(c, &command{kind: cmdCheckpoint})
	return true
}

// Took is the number of the newest checkpoint that this attempt of the job has completed, 0
// for none.
func (s *Sim) Took() int64 { return s.host.job.c.took }

// Newest is the number of the complete checkpoint that the job went on from or has taken
// since, 0 for none. It is not known while the job looks for it.
func (s *Sim) Newest() (n int64, known bool) {
	c := s.host.job.c
	if c.phase != runningNow && c.phase != ending {
		return 0, false
	}
	if c.newest == nil {
		return 0, true
	}
	return c.newest.id, true
}

// Checkpoint takes a checkpoint and works off what is left to do.
func (s *Sim) Checkpoint() error {
	err := errors.New("nobody answered")
	s.host.command(s.host.job.c, &command{kind: cmdCheckpoint, reply: func(_ string, e error) { err = e }})
	if e := s.Quiet(nil); e != nil {
		return e
	}
	if err != nil {
		return diag.Wrap(diag.Checkpoint, err, "the checkpoint was not taken")
	}
	return nil
}

// Strike lets a fault happen now, whatever its step.
func (s *Sim) Strike(f SimFault) { s.strike(f) }

// Abandon ends the simulation of a job that goes on: its tasks are closed.
func (s *Sim) Abandon() {
	for _, a := range s.actors {
		if a.t != nil && !a.dead {
			a.t.close()
			a.dead = true
		}
	}
	s.letGo()
}

// OpState is what an operator keeps, over all its subtasks.
type OpState struct {
	UID, Name string
	// Structures are those of each subtask.
	Structures []state.Description
}

// State tells what the operators of the job keep, in the order of the graph. It is called
// when the job is quiet.
func (s *Sim) State() []OpState {
	var out []OpState
	att := s.host.job.c.att
	if att == nil {
		return nil
	}
	for _, t := range att.tasks {
		if t.store == nil || t.dead.Load() {
			continue
		}
		all := t.store.Describe()
		for _, n := range t.nodes {
			i := slices.IndexFunc(out, func(o OpState) bool { return o.UID == n.spec.UID })
			if i < 0 {
				i = len(out)
				out = append(out, OpState{UID: n.spec.UID, Name: n.spec.Name})
			}
			for _, d := range all {
				if strings.HasPrefix(d.Name, n.spec.UID+".") {
					out[i].Structures = append(out[i].Structures, d)
				}
			}
		}
	}
	return out
}
