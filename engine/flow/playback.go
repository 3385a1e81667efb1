package flow

import (
	"math"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// Playback says how a tape is executed again. The zero value goes to its end, as fast as
// it can.
type Playback struct {
	// Probe sees every batch that a node emits, as Config.Probe does.
	Probe func(Probe)
	// After is called after each step and says whether to stop there. Jobs are
	// replayed on goroutines of their own, so it may be called from several.
	After func(m *Moment) bool
	// Speed is that of the recording times so much: 1 takes the time that the recording
	// took, 0 none.
	Speed float64
	// Rewrite makes another tape of the replay. Steps are not compared with recorded ones
	// then.
	Rewrite *Rewrite
}

// begin sets the moment to the start of an attempt.
func (p *player) begin(a *attempt, x *tapeAttempt) {
	p.tape, p.acks = x, map[int64][]*ack{}
	p.moment = Moment{Position: Position{Attempt: a.n, Checkpoint: a.restored}, Job: p.moment.Job, at: a, had: p.at}
}

// note moves the moment behind a step that a task has taken.
func (p *player) note(t *task) {
	m := &p.moment
	m.Task, m.TimeMS = t.name, p.tape.timeMS+(p.mono0.Load()-p.tape.mono)/1e6
	if m.Step++; t.done > m.Checkpoint {
		m.Checkpoint, m.Step = t.done, 0
	}
}

// toCoord takes what tasks say of checkpoints: one that all have acknowledged is
// complete, as far as a replay is concerned.
func (p *player) toCoord(t *task, m mail) {
	a, ok := m.payload.(*ack)
	if !ok || m.kind != mailAck || a.n <= p.base {
		return
	}
	if p.acks == nil {
		p.acks = map[int64][]*ack{}
	}
	if p.acks[a.n] == nil {
		p.acks[a.n] = make([]*ack, len(t.att.tasks))
	}
	list := p.acks[a.n]
	if list[t.id] = a; slices.Contains(list, nil) {
		return
	}
	delete(p.acks, a.n)
	made := &meta{job: t.att.job.cfg.JobID, id: a.n, attempt: t.att.n, groups: t.att.job.groups}
	if err := made.assemble(t.att.job.graph, list, p.chainOf); err != nil {
		return // it continues one that the job had and gave up
	}
	w := p.rewrite
	if w != nil && w.From != nil {
		w.made = made
	}
	switch {
	case !a.peek:
		p.keep(made)
	case w == nil || w.From == nil:
		made.files(func(f fileRef) { _ = p.store.disk.Remove(p.store.path(f.path)) })
	}
}

// keepMetas is how many checkpoints a replay keeps. An attempt goes on from the newest
// that was durable when the one before it failed, which may be the last but one.
const keepMetas = 2

func (p *player) keep(m *meta) {
	if p.metas = append(p.metas, m); len(p.metas) <= keepMetas {
		return
	}
	used := map[string]bool{}
	for _, m := range p.metas[1:] {
		m.files(func(f fileRef) { used[f.path] = true })
	}
	p.metas[0].files(func(f fileRef) {
		if !used[f.path] {
			_ = p.store.disk.Remove(p.store.path(f.path))
		}
	})
	p.metas = slices.Delete(p.metas, 0, 1)
}

func (p *player) chainOf(n int64, uid string, sub int) ([]fileRef, bool) {
	for _, m := range p.metas {
		if m.id == n {
			return m.chainOf(uid, sub)
		}
	}
	return nil, false
}

// from is what an attempt of a replay begins from. Where rows are changed it is the
// checkpoint that the replay itself has taken.
func (p *player) from(recorded plan) plan {
	if recorded.meta == nil || p.rewrite == nil {
		return recorded
	}
	for _, m := range p.metas {
		if m.id == recorded.meta.id {
			recorded.meta, recorded.from = m, p.store
		}
	}
	return recorded
}

// pace keeps a replay from being faster than it should.
type pace struct {
	clock env.Clock
	speed float64
	// from is the first stamp, began the reading of the clock then.
	from, began int64
}

func newPace(e *env.Env, speed float64) *pace {
	if speed <= 0 {
		return nil
	}
	return &pace{clock: e.Clock, speed: speed, from: math.MinInt64}
}

// wait returns when the step of a stamp is due; false says that the replay was stopped.
func (c *pace) wait(p *player, stamp int64) bool {
	if c == nil {
		return true
	}
	if c.from == math.MinInt64 {
		c.from, c.began = stamp, c.clock.Mono()
	}
	due := c.began + int64(float64(stamp-c.from)/c.speed)
	for {
		left := time.Duration(due - c.clock.Mono())
		switch {
		case left <= 0:
			return true
		case p.stopped.Load():
			return false
		}
		c.clock.Sleep(min(left, 50*time.Millisecond))
	}
}
