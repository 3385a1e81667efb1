package flow

import (
	"fmt"
	"slices"
	"time"
)

func (a *simActor) mailbox() *mailbox {
	if a.c != nil {
		return &a.c.mail
	}
	return &a.t.mail
}

// simHost is the simulation as the host of its job.
type simHost struct {
	s    *Sim
	job  *Job
	boss *simActor // the living coordinator
}

func (h *simHost) enroll(c *coordinator) {
	h.boss = &simActor{c: c, node: -1, touched: true, priority: h.s.Choose(1000, "priority")}
	h.s.actors = append(h.s.actors, h.boss)
}

// restart brings the coordinator back with nothing but what is on disk.
func (h *simHost) restart() {
	if !h.boss.dead {
		return
	}
	old := h.job.c
	c := newCoordinator(old.job)
	c.status.Restarts = old.status.Restarts + 1
	h.job.c = c
	h.enroll(c)
	h.command(c, &command{kind: cmdStart})
}

func (h *simHost) actor(t *task) *simActor { return t.simActor }

func (h *simHost) of(to actor) *simActor {
	switch to := to.(type) {
	case *task:
		return to.simActor
	case *coordinator:
		for _, a := range h.s.actors {
			if a.c == to {
				return a
			}
		}
	}
	return h.boss
}

func (h *simHost) reshape() *Graph {
	if h.s.Reshape == nil {
		return nil
	}
	return h.s.Reshape()
}

func (h *simHost) now() int64  { return h.s.Now() }
func (h *simHost) mono() int64 { return h.s.clock }

func (h *simHost) timer(to actor, at int64, m mail) {
	s, a := h.s, h.of(to)
	if s.opt.Held && a.t != nil {
		s.hold(at, a, m)
		return
	}
	// A little late, as real timers are.
	wait := max(0, at-s.Now())*1e6 + int64(s.Choose(300_000, "timer"))
	s.at(s.clock+wait, simEvent{kind: evMail, to: a, m: m, timer: true})
}

func (h *simHost) async(to actor, _ *task, local bool, name string, f func() mail) {
	s := h.s
	d := s.opt.Disk
	if !local {
		d = s.opt.Delay
	} else if s.clock < s.diskSlow {
		d *= 20
	}
	s.at(s.clock+s.delay(d, "call"), simEvent{kind: evCall, to: h.of(to), f: f, off: !local, late: name == "metadata" || name == "reserve"})
}

func (h *simHost) post(from, t *task, to *simActor, m mail) {
	s := h.s
	m = carried(m)
	s.at(s.through(from, t, s.clock+s.delay(s.opt.Delay, "control")), simEvent{kind: evMail, to: to, m: m})
	if s.opt.Duplicate > 0 && mayRepeat(m.kind) && s.Choose(1000, "duplicate") < s.opt.Duplicate {
		s.at(s.through(from, t, s.clock+s.delay(s.opt.Delay, "control")), simEvent{kind: evMail, to: to, m: m})
	}
}

// carried is a message as it comes out of a connection between processes: the simulation
// is of those.
func carried(m mail) mail {
	e := encoder{}
	e.farEncode(&m)
	d := decoder{b: e.b}
	out, err := d.farDecode()
	if err != nil || len(d.b) > 0 {
		panic(fmt.Sprintf("a message of kind %d does not survive its way: %v", m.kind, err))
	}
	return out
}

// mayRepeat reports messages that a broken connection may deliver twice.
func mayRepeat(k mailKind) bool {
	switch k {
	case mailTrigger, mailComplete, mailAbort, mailAck, mailDecline, mailDrained, mailFailed:
		return true
	}
	return false
}

func (h *simHost) toCoord(from *task, m mail) { h.post(from, nil, h.boss, m) }

func (h *simHost) toTask(to *task, m mail) {
	if m.kind == mailWake {
		to.mail.put(m)
		to.simActor.touched = true
		return
	}
	h.post(nil, to, to.simActor, m)
}

func (h *simHost) command(c *coordinator, k *command) {
	a := h.of(c)
	a.mailbox().put(mail{kind: mailCommand, payload: k})
	a.touched = true
}

// sent gives the newest element of a channel its time of arrival: at once within a
// node, later between nodes, never before the one ahead of it.
func (h *simHost) sent(p *pipe) {
	s := h.s
	at := s.clock
	if p.remote {
		at = max(p.lastAt, s.through(p.from, p.to, at+s.delay(s.opt.Delay, "channel")))
		p.lastAt = at
		p.ring[(p.head+p.n-1)&(len(p.ring)-1)].at = at
	}
	a := p.to.simActor
	if at > s.clock {
		if p.n == 1 || p.ring[(p.head+p.n-2)&(len(p.ring)-1)].at < at {
			s.at(at, simEvent{kind: evTouch, to: a})
		}
		return
	}
	a.touched = true
}

func (h *simHost) freed(by *task, l *lease) {
	if l.refs.Add(-1) > 0 {
		return
	}
	if d := h.s.opt.Delay; by.slot != l.home.owner.slot && d > 0 {
		h.s.at(h.s.through(by, l.home.owner, h.s.clock+h.s.delay(d, "credit")), simEvent{kind: evCredit, l: l})
		return
	}
	h.s.credit(l)
}

func (h *simHost) wake(t *task) { t.simActor.touched = true }

func (h *simHost) chance(n int, site string) int { return h.s.Choose(n, site) }

func (h *simHost) start(a *attempt) {
	for _, t := range a.tasks {
		t.mail.put(mail{kind: mailStart, attempt: a.n})
		t.started = max(1, h.s.clock)
		if !t.simActor.dead {
			t.live.Store(true)
		}
		t.simActor.touched = true
	}
}

// stop ends an attempt. In a cluster of processes nobody can be sure that a task
// out of reach has ended, so some may run on for a while.
func (h *simHost) stop(a *attempt, why error) {
	if a.stopping {
		return
	}
	a.stopping = true
	s := h.s
	for _, t := range a.tasks {
		x := t.simActor
		if x.dead {
			continue
		}
		if x.node >= 0 && s.nodes[x.node].cut > s.clock {
			s.at(s.nodes[x.node].cut+s.delay(20*time.Millisecond, "zombie"), simEvent{kind: evKill, to: x})
			continue
		}
		if why != nil && s.opt.Zombies && s.Choose(3, "zombie") == 0 {
			s.at(s.clock+s.delay(60*time.Millisecond, "zombie"), simEvent{kind: evKill, to: x})
			continue
		}
		s.kill(x, true)
	}
	s.at(s.clock+s.delay(s.opt.Delay, "stopped"), simEvent{kind: evMail, to: h.boss, m: mail{kind: mailStopped, attempt: a.n}})
}

func (h *simHost) ended() {}

func (h *simHost) hold(a *attempt, on bool, _ int64) bool {
	a.held.Store(on)
	return true
}

// adopt gives the tasks of a new attempt their place in the simulation.
func (h *simHost) adopt(a *attempt, _ plan) (opens bool) {
	s := h.s
	// Tasks that are dead for good make room.
	s.actors = slices.DeleteFunc(s.actors, func(x *simActor) bool {
		gone := x.t != nil && x.dead && !x.inReady
		if gone {
			s.lost = append(s.lost, x.t)
		}
		return gone
	})
	for _, t := range a.tasks {
		x := &simActor{t: t, node: -1, priority: s.Choose(1000, "priority")}
		for i := range s.nodes {
			if s.nodes[i].name == t.slot {
				x.node = i
				x.dead = !s.nodes[i].alive
			}
		}
		t.simActor = x
		if s.opt.Yield > 0 {
			t.yieldRows = s.opt.Yield
		}
		s.actors = append(s.actors, x)
	}
	return false
}

func (h *simHost) place(slots int) []string {
	var alive []string
	for i := range h.s.nodes {
		if h.s.nodes[i].alive && h.s.nodes[i].cut <= h.s.clock {
			alive = append(alive, h.s.nodes[i].name)
		}
	}
	if len(alive) == 0 {
		return nil
	}
	out := make([]string, slots)
	for i := range out {
		out[i] = alive[i%len(alive)]
	}
	return out
}

// simClock is virtual time for connectors and other code outside of tasks.
type simClock struct{ s *Sim }

func (c simClock) Now() int64          { return c.s.Now() }
func (c simClock) Mono() int64         { return c.s.clock }
func (c simClock) Sleep(time.Duration) {}
func (c simClock) At(mono int64, f func()) func() {
	stopped := false
	c.s.at(mono, simEvent{kind: evCall, node: -2, timer: true, run: func() {
		if !stopped {
			f()
		}
	}})
	return func() { stopped = true }
}
