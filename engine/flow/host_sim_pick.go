package flow

import (
	"slices"
)

// SimPolicy is a way to pick the next step. Each finds other orders.
type SimPolicy uint8

// Pick policies.
const (
	PickUniform  SimPolicy = iota
	PickPriority           // random priorities with few change points
	PickStarve             // one task runs only when nothing else can
	PickNewest             // what became ready last
	PickToTheEnd           // the same task as long as it can
	PickPoliciesEnd
)

// refresh brings the list of actors that can do something up to date.
func (s *Sim) refresh() {
	for _, a := range s.actors {
		if !a.touched {
			continue
		}
		a.touched = false
		a.picks = a.picks[:0]
		switch {
		case a.dead || s.standing(a):
		case a.c != nil:
			if a.c.mail.count.Load() > 0 {
				a.picks = append(a.picks, pickMail)
			}
		case a.t.live.Load():
			a.picks = a.t.choices(s.clock, a.picks)
		}
		if can := len(a.picks) > 0; can != a.inReady {
			a.inReady = can
			if can {
				s.stamp++
				a.stamp = s.stamp
				s.ready = append(s.ready, a)
			} else {
				i := slices.Index(s.ready, a)
				s.ready = slices.Delete(s.ready, i, i+1)
			}
		}
	}
}

func (s *Sim) standing(a *simActor) bool {
	return a.node >= 0 && s.nodes[a.node].paused > s.clock
}

// choose picks among the ready actors by the policy.
func (s *Sim) choose() *simActor {
	switch s.opt.Policy {
	case PickPriority:
		if len(s.changes) > 0 && s.changes[0] <= s.steps {
			s.changes = s.changes[1:]
			if s.last != nil {
				s.last.priority = -s.steps
			}
		}
		best := s.ready[0]
		for _, a := range s.ready[1:] {
			if a.priority > best.priority {
				best = a
			}
		}
		// A strict order could starve the clock for ever: now and then anyone runs.
		if s.Choose(16, "policy") > 0 {
			return best
		}
	case PickStarve:
		a := s.ready[s.Choose(len(s.ready), "actor")]
		if a.t != nil && a.t.id == s.victim && s.Choose(32, "policy") > 0 {
			a = s.ready[s.Choose(len(s.ready), "actor")]
		}
		return a
	case PickNewest:
		if s.Choose(8, "policy") > 0 {
			best := s.ready[0]
			for _, a := range s.ready[1:] {
				if a.stamp > best.stamp {
					best = a
				}
			}
			return best
		}
	case PickToTheEnd:
		if s.last != nil && s.last.inReady && s.Choose(64, "policy") > 0 {
			return s.last
		}
	}
	return s.ready[s.Choose(len(s.ready), "actor")]
}
