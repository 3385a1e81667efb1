package flow

import (
	"time"
)

type simEventKind uint8

const (
	evMail simEventKind = iota
	evCall
	evTouch
	evCredit
	evRevive
	evKill
	evRestart
)

type simEvent struct {
	kind simEventKind
	node int
	to   *simActor
	m    mail
	f    func() mail
	run  func()
	l    *lease
	off  bool
	// late: the checkpoint folder may be on a store of the network, where what a
	// process has asked for is done even if the process has died meanwhile.
	late bool
	// timer: nothing is on its way, somebody waits for a time.
	timer bool
}

type simDue struct {
	at, seq int64
	id      int32
}

// delay draws a time around d, with a long tail.
func (s *Sim) delay(d time.Duration, site string) int64 {
	if d <= 0 {
		return 0
	}
	x := int64(s.Choose(int(d)*2, site))
	if s.Choose(10, site) == 0 {
		x += int64(s.Choose(int(d)*20, site))
	}
	return x
}

// at plans an event.
func (s *Sim) at(at int64, e simEvent) {
	var id int32
	if k := len(s.spare); k > 0 {
		id = s.spare[k-1]
		s.spare = s.spare[:k-1]
		s.slab[id] = e
	} else {
		id = int32(len(s.slab))
		s.slab = append(s.slab, e)
	}
	if !e.timer {
		s.soon++
	}
	s.seq++
	d := simDue{max(at, s.clock), s.seq, id}
	s.heap = append(s.heap, d)
	i := len(s.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !d.before(s.heap[up]) {
			break
		}
		s.heap[i] = s.heap[up]
		i = up
	}
	s.heap[i] = d
}

func (d simDue) before(o simDue) bool { return d.at < o.at || d.at == o.at && d.seq < o.seq }

// next takes the earliest event.
func (s *Sim) next() simEvent {
	id := s.heap[0].id
	n := len(s.heap) - 1
	d := s.heap[n]
	s.heap = s.heap[:n]
	i := 0
	for {
		k := 2*i + 1
		if k >= n {
			break
		}
		if k+1 < n && s.heap[k+1].before(s.heap[k]) {
			k++
		}
		if !s.heap[k].before(d) {
			break
		}
		s.heap[i] = s.heap[k]
		i = k
	}
	if n > 0 {
		s.heap[i] = d
	}
	e := s.slab[id]
	s.slab[id] = simEvent{}
	s.spare = append(s.spare, id)
	if !e.timer {
		s.soon--
	}
	return e
}

// happen lets an event happen.
func (s *Sim) happen(e simEvent) {
	s.fold(uint64(e.kind) + 1<<30)
	switch e.kind {
	case evMail:
		if e.to.dead {
			return
		}
		e.to.mailbox().put(e.m)
		e.to.touched = true
	case evCall:
		switch {
		case e.run != nil:
			e.run()
		case e.to.dead && e.late:
			e.late, e.off = false, true
			if s.Choose(2, "late") == 0 {
				s.at(s.clock+s.delay(60*time.Millisecond, "late"), e)
			}
		case e.to.dead && !e.off:
			// Local work dies with its process.
		default:
			m := e.f()
			s.at(s.clock+s.delay(s.opt.Delay, "reply"), simEvent{kind: evMail, to: e.to, m: m})
		}
	case evTouch:
		e.to.touched = true
	case evCredit:
		s.credit(e.l)
	case evRevive:
		s.nodes[e.node].alive = true
		s.nodes[e.node].paused = 0
		s.touchNode(e.node)
	case evKill:
		s.kill(e.to, true)
	case evRestart:
		s.host.restart()
	}
}

func (s *Sim) credit(l *lease) {
	home := l.home
	home.put(l)
	if a := s.host.actor(home.owner); a != nil {
		a.touched = true
	}
}

func (s *Sim) touchNode(node int) {
	for _, a := range s.actors {
		if a.node == node {
			a.touched = true
		}
	}
}
