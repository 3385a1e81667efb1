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
	// When lets it wait for a moment of the protocol, a few thousand steps at most.
	When SimMoment
	// Covered lets it wait for the first completed checkpoint too.
	Covered bool
	// Op, if set, strikes at that disk operation from then on, in the middle of what
	// writes: for FaultCoordinator, FaultPower and FaultDisk.
	Op int
	// Left is what FaultPower leaves of bytes and names that were not synced.
	Left SimLeft
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
	FaultCut                             // a node is cut off, lives on, and what it sent arrives late
	FaultKindsEnd
)

// SimLeft is what a machine that stops leaves of what was not synced.
type SimLeft uint8

// What is left of each file's bytes and each folder's names, always from the beginning.
const (
	LeftDrawn SimLeft = iota
	LeftNothing
	LeftNames // and no bytes
	LeftHalf
	LeftAll
	LeftsEnd
)

// crash stops the machine's disk.
func (l SimLeft) crash(s *Sim) {
	drawn := func(n int) int { return s.Choose(n, "lost") }
	nothing := func(int) int { return 0 }
	half := func(n int) int { return n / 2 }
	all := func(n int) int { return n - 1 }
	switch l {
	case LeftNothing:
		s.Disk.Crash(nothing)
	case LeftNames:
		s.Disk.CrashApart(all, nothing)
	case LeftHalf:
		s.Disk.Crash(half)
	case LeftAll:
		s.Disk.Crash(all)
	default:
		s.Disk.Crash(drawn)
	}
}

// SimMoment is a state of the protocol in which a fault is most likely to hurt.
type SimMoment uint8

// Moments.
const (
	MomentAny        SimMoment = iota
	MomentTriggered            // barriers are on their way
	MomentAcked                // some tasks have acked, some have not
	MomentWriting              // metadata is being written
	MomentCommitting           // commits are open
	MomentFencing              // older attempts are being fenced off
	MomentOpening              // tasks restore
	MomentEnding               // all is read
	MomentsEnd
)

// momentWait is the number of steps a fault waits for its moment.
const momentWait = 4000

// at reports whether the coordinator is at a moment.
func (c *coordinator) at(m SimMoment) bool {
	switch m {
	case MomentTriggered:
		return c.cur != nil && c.cur.have == 0
	case MomentAcked:
		return c.cur != nil && c.cur.have > 0 && !c.cur.writing
	case MomentWriting:
		return c.cur != nil && c.cur.writing
	case MomentCommitting:
		return c.calls > 0
	case MomentFencing:
		return c.phase == fencing
	case MomentOpening:
		return c.phase == opening
	case MomentEnding:
		return c.phase == ending
	}
	return true
}

// faults lets those happen whose time has come.
func (s *Sim) faults() {
	if f := s.struck; f != nil {
		s.struck = nil
		s.strike(*f)
	}
	for len(s.opt.Faults) > 0 && s.opt.Faults[0].Step <= s.steps {
		f := s.opt.Faults[0]
		c := s.host.job.c
		if (!c.at(f.When) || f.Covered && c.newest == nil) && s.steps < f.Step+momentWait {
			return
		}
		s.opt.Faults = s.opt.Faults[1:]
		if f.Op > 0 && (f.Kind == FaultCoordinator || f.Kind == FaultPower) {
			s.armed, s.ops = &f, f.Op
			f.Op = 0
			continue
		}
		s.strike(f)
	}
}

// errDisk is what the model disk fails with.
var errDisk = errors.New("input/output error of the model disk")

func (s *Sim) diskFault(op, name string) error {
	if s.opt.Story != nil && op != "Stat" && op != "Open" && op != "List" {
		s.opt.Story(fmt.Sprintf("%6d %9s disk %s %s", s.steps, time.Duration(s.clock).Truncate(time.Microsecond), op, name))
	}
	s.diskOps++
	if s.ops > 0 {
		if s.ops--; s.ops == 0 {
			s.struck, s.armed = s.armed, nil
		}
	}
	if s.struck != nil {
		return errDisk // the machine has stopped: nothing after this operation happens
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
		for i := range s.slab {
			s.slab[i].late = false
		}
		f.Left.crash(s)
		s.at(back, simEvent{kind: evRestart})
	case FaultReset:
		s.lose(n, "a connection of "+s.nodes[n].name+" broke")
	case FaultPause:
		s.nodes[n].paused = s.clock + int64(f.Until)
		s.touchNode(n)
		s.at(s.nodes[n].paused, simEvent{kind: evRevive, node: n})
	case FaultDisk:
		if s.fuse = f.Op; s.fuse == 0 {
			s.fuse = 1 + s.Choose(20, "fuse")
		}
	case FaultSlowDisk:
		s.diskSlow = s.clock + int64(f.Until)
	case FaultCut:
		s.cutOff(n, f.Until)
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

// cutOff separates a node from the others for a while. Its tasks do not notice: they
// run on until they hear that they were given up, and what they sent arrives when
// the network is back.
func (s *Sim) cutOff(n int, d time.Duration) {
	until := s.clock + int64(d)
	s.nodes[n].cut = until
	s.lose(n, s.nodes[n].name+" does not answer")
}

// through is when something sent by one task arrives at another, or at the
// coordinator (nil), at the earliest.
func (s *Sim) through(from, to *task, at int64) int64 {
	if from != nil && to != nil && from.simActor.node == to.simActor.node {
		return at
	}
	for _, t := range [2]*task{from, to} {
		if t != nil && t.simActor != nil && t.simActor.node >= 0 {
			if c := s.nodes[t.simActor.node].cut; c > at {
				at = c + int64(s.Choose(int(time.Millisecond), "through"))
			}
		}
	}
	return at
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
