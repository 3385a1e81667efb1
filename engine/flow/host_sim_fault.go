//mink:det-ok the simulated host: one goroutine, nothing here is seen by a task

package flow

import (
	"errors"
	"fmt"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// SimFault is something that goes wrong at a step of the simulation.
type SimFault struct {
	Step int
	Kind SimFaultKind
	// Node it happens to; Until is how long it lasts, where that has a meaning.
	Node  int
	Until time.Duration
}

// SimFaultKind is a kind of fault.
type SimFaultKind uint8

// Kinds of faults.
const (
	FaultNode        SimFaultKind = iota // the process of a node dies and comes back
	FaultCoordinator                     // the coordinator's process dies and comes back
	FaultPower                           // everything stops; what was not synced may be lost
	FaultReset                           // connections of a node break
	FaultPause                           // a node stands still
	FaultDisk                            // disk operations fail for a while
	FaultSlowDisk                        // disk operations take long for a while
	FaultClock                           // the clock jumps ahead
	FaultKindsEnd
)

// errDisk is what the model disk fails with.
var errDisk = errors.New("input/output error of the model disk")

func (s *Sim) diskFault(op, name string) error {
	if s.opt.Story != nil && op != "Stat" && op != "Open" && op != "List" {
		s.opt.Story(fmt.Sprintf("%6d %9s disk %s %s", s.steps, time.Duration(s.clock).Truncate(time.Microsecond), op, name))
	}
	if s.fuse > 0 {
		if s.fuse--; s.fuse == 0 {
			s.diskFail = s.clock + int64(time.Millisecond)
		}
	}
	if s.clock < s.diskFail {
		return errDisk
	}
	return nil
}

// kill ends an actor; a clean end closes its task.
func (s *Sim) kill(a *simActor, clean bool) {
	if a.dead {
		return
	}
	a.dead = true
	a.touched = true
	if a.t != nil {
		a.t.dead.Store(true)
		if clean && a.t.preparing == 0 {
			a.t.close()
		}
	}
}

// strike makes a fault happen.
func (s *Sim) strike(f SimFault) {
	s.fold(uint64(f.Kind) + 1<<40)
	if s.opt.Story != nil {
		s.opt.Story(fmt.Sprintf("%6d fault %d node %d", s.steps, f.Kind, f.Node))
	}
	n := f.Node % len(s.nodes)
	back := s.clock + int64(time.Millisecond)*int64(1+s.Choose(100, "down"))
	switch f.Kind {
	case FaultNode:
		s.crashNode(n)
		s.at(back, simEvent{kind: evRevive, node: n})
	case FaultCoordinator:
		s.crashCoordinator()
		s.at(back, simEvent{kind: evRestart})
	case FaultPower:
		for i := range s.nodes {
			s.crashNode(i)
			s.at(back, simEvent{kind: evRevive, node: i})
		}
		s.crashCoordinator()
		s.Disk.Crash(func(n int) int { return s.Choose(n, "lost") })
		s.at(back, simEvent{kind: evRestart})
	case FaultReset:
		s.lose(n, "a connection of "+s.nodes[n].name+" broke")
	case FaultPause:
		s.nodes[n].paused = s.clock + int64(f.Until)
		s.touchNode(n)
		s.at(s.nodes[n].paused, simEvent{kind: evRevive, node: n})
	case FaultDisk:
		s.fuse = 1 + s.Choose(20, "fuse")
	case FaultSlowDisk:
		s.diskSlow = s.clock + int64(f.Until)
	case FaultClock:
		s.skew += int64(f.Until)
	}
}

// crashNode kills the process of a node. Whether what it had just sent still
// arrives is up to chance.
func (s *Sim) crashNode(n int) {
	if !s.nodes[n].alive {
		return
	}
	s.nodes[n].alive = false
	for _, a := range s.actors {
		if a.node == n && a.t != nil && !a.dead {
			s.kill(a, false)
		}
	}
	s.lose(n, s.nodes[n].name+" was lost")
}

// lose tells the coordinator, after a while, that a node's tasks are gone.
func (s *Sim) lose(n int, why string) {
	att := s.host.job.c.att
	if att == nil {
		return
	}
	for _, t := range att.tasks {
		if t.slot == s.nodes[n].name {
			s.at(s.clock+s.delay(5*time.Millisecond, "detect"), simEvent{kind: evMail, to: s.host.boss,
				m: mail{kind: mailLost, attempt: att.n, err: diag.New(diag.JobFailed, "%s", why)}})
			return
		}
	}
}

func (s *Sim) crashCoordinator() {
	if s.host.boss.dead || s.host.job.c.phase == over {
		return
	}
	s.kill(s.host.boss, false)
	// Tasks that have lost their coordinator end by themselves after a while.
	for _, a := range s.actors {
		if a.t != nil && !a.dead {
			s.at(s.clock+s.delay(20*time.Millisecond, "orphan"), simEvent{kind: evKill, to: a})
		}
	}
}
