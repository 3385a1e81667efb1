package flow

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// SimOptions say what is simulated. Zero values are the quiet case.
type SimOptions struct {
	Seed   uint64
	Nodes  int
	Policy SimPolicy
	Plant  Plant
	// Delay is the usual time of a message between nodes; one in ten takes up to
	// 20 times as long. Disk is the usual time of work on disk.
	Delay, Disk time.Duration
	// Duplicate is the share, in thousandths, of control messages that arrive twice.
	Duplicate int
	// Zombies lets tasks of an attempt that was given up run on for a while.
	Zombies bool
	// Yield is the number of rows after which an operator is interrupted; 0 leaves
	// the usual one.
	Yield  int
	Faults []SimFault
	// MaxSteps is the number of steps after which a job that has not ended counts
	// as stuck.
	MaxSteps int
	// Story, if set, hears of each step.
	Story func(text string)
	// Choices are those of a run before, or like them: what a site has no more of is drawn.
	// Chosen, if set, gets those of this run.
	Choices SimChoices
	Chosen  SimChoices
	// Held keeps wall time where Start and Advance put it, in milliseconds of the epoch:
	// tasks read that, and their timers wait for it. How long a message or a disk takes
	// still passes in the time of the simulation, which the runtime's own timers follow.
	Held  bool
	Start int64
	// On is the disk of a simulation before, so that a job goes on from its checkpoints;
	// nil is an empty one.
	On *env.MemDisk
}

// Sim is the simulated host: one goroutine, a virtual clock, a model disk and
// network, and one source of chance from which every choice is drawn. A seed and
// the options are the whole story of a run.
type Sim struct {
	opt  SimOptions
	Env  *env.Env
	Disk *env.MemDisk
	// Reshape, if set, gives the graph of each further attempt: the same vertices at
	// any parallelism.
	Reshape func() *Graph

	rng   uint64
	taken map[string]int // of the choices of a site
	hash  uint64
	clock int64 // nanoseconds
	epoch int64 // wall time of clock 0, milliseconds
	skew  int64
	seq   int64
	steps int

	slab  []simEvent
	spare []int32
	heap  []simDue

	nodes    []simNode
	host     *simHost
	actors   []*simActor
	lost     []*task     // of actors before: a store that one of them has, or is still to open, is closed at the end
	ready    []*simActor // cache of those with choices
	last     *simActor
	victim   int
	changes  []int // steps at which priorities change
	stamp    int64
	diskFail int64 // until this time
	diskSlow int64
	fuse     int
	ops      int // disk operations until the armed fault
	diskOps  int
	soon     int // events in the heap that are no timers
	held     []heldTimer
	armed    *SimFault
	struck   *SimFault
	err      error
}

// SimChoices are numbers by the site that chooses, in the order in which it does, each taken
// modulo what it may be. A site that chooses once less so leaves the choices of all others
// what they are.
type SimChoices map[string][]int

type simNode struct {
	name   string
	alive  bool
	paused int64 // until
	cut    int64 // until
}

// simActor is a task or a coordinator in the simulation.
type simActor struct {
	t        *task
	c        *coordinator
	node     int // -1: the coordinator's process
	dead     bool
	touched  bool
	picks    []pick
	priority int
	stamp    int64
	inReady  bool
}

// NewSim makes a simulated host for one job.
func NewSim(o SimOptions) *Sim {
	if o.Nodes <= 0 {
		o.Nodes = 1
	}
	if o.MaxSteps <= 0 {
		o.MaxSteps = 1 << 20
	}
	s := &Sim{opt: o, rng: o.Seed*0x9E3779B97F4A7C15 + 0x1234567, epoch: 1_700_000_000_000, hash: 14695981039346656037}
	if o.Held {
		s.epoch = o.Start
	}
	if s.Disk = o.On; s.Disk == nil {
		s.Disk = env.NewCrashDisk()
	}
	if o.Choices != nil {
		s.taken = map[string]int{}
	}
	s.Disk.Fault = s.diskFault
	s.Env = &env.Env{Clock: simClock{s}, Disk: s.Disk, Seed: o.Seed | 1, Go: func(_ string, f func()) {
		s.at(s.clock+s.delay(o.Disk, "go"), simEvent{kind: evCall, run: f, node: -2})
	}}
	for i := range o.Nodes {
		s.nodes = append(s.nodes, simNode{name: "node-" + strconv.Itoa(i+1), alive: true})
	}
	slices.SortStableFunc(s.opt.Faults, func(a, b SimFault) int { return a.Step - b.Step })
	s.victim = s.Choose(8, "victim")
	if o.Policy == PickPriority {
		for range 1 + s.Choose(5, "changes") {
			s.changes = append(s.changes, s.Choose(2000, "change"))
		}
		slices.Sort(s.changes)
	}
	return s
}

// Submit prepares the job; Run runs it.
func (s *Sim) Submit(g *Graph, cfg Config) (*Job, error) {
	h := &simHost{s: s}
	j, err := newJob(s.Env, h, g, cfg, s.opt.Plant)
	if err != nil {
		return nil, err
	}
	s.host = h
	h.job = j
	h.enroll(j.c)
	h.command(j.c, &command{kind: cmdStart})
	return j, nil
}

// Choose draws a number below n. Every choice of the simulation, the faults' and
// the models' too, comes from here, so that a seed repeats it.
func (s *Sim) Choose(n int, site string) int {
	if n <= 1 {
		return 0
	}
	s.rng += 0x9E3779B97F4A7C15
	z := s.rng
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	hi, _ := bits.Mul64(z, uint64(n))
	if s.opt.Choices != nil {
		k := s.taken[site]
		if given := s.opt.Choices[site]; k < len(given) {
			s.taken[site] = k + 1
			hi = uint64(given[k] % n)
		}
	}
	if s.opt.Chosen != nil {
		s.opt.Chosen[site] = append(s.opt.Chosen[site], int(hi))
	}
	s.hash = (s.hash ^ hi) * 1099511628211
	return int(hi)
}

// Hash is the hash of all choices and steps so far: equal for equal runs.
func (s *Sim) Hash() uint64 { return s.hash }

// Steps is the number of steps so far.
func (s *Sim) Steps() int { return s.steps }

// DiskOps is the number of operations of the disk so far.
func (s *Sim) DiskOps() int { return s.diskOps }

// Now is virtual time in milliseconds.
func (s *Sim) Now() int64 {
	if s.opt.Held {
		return s.epoch
	}
	return s.epoch + (s.clock+s.skew)/1e6
}

// Run runs the job to its end. An error says that it got stuck or that an
// invariant of the runtime broke; how the job itself ended is the job's to tell.
// check, if not nil, is asked after each step.
func (s *Sim) Run(check func() error) error {
	for s.host.job.c.phase != over {
		if err := s.turn(check); err != nil {
			s.letGo()
			return err
		}
	}
	s.settle()
	return s.err
}

// turn lets faults happen and one step.
func (s *Sim) turn(check func() error) error {
	if s.steps >= s.opt.MaxSteps {
		return fmt.Errorf("stuck: the job has not ended after %d steps and %s of virtual time (state %s)", s.steps, time.Duration(s.clock), s.host.job.c.status.State)
	}
	s.faults()
	if err := s.one(); err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	if calls := s.host.job.c.calls; calls > commitCalls {
		return fmt.Errorf("%d commits outstanding, more than %d", calls, commitCalls)
	}
	if check != nil {
		return check()
	}
	return nil
}

// settle lets the calls to external systems arrive that are still on their way, and
// ends the tasks that are left.
func (s *Sim) settle() {
	for len(s.heap) > 0 {
		s.clock = max(s.clock, s.heap[0].at)
		if e := s.next(); e.kind == evCall && e.off {
			e.f()
		}
	}
	for _, a := range s.actors {
		if a.t != nil && !a.dead {
			a.t.close()
			a.dead = true
		}
	}
	s.letGo()
}

// letGo closes the stores of tasks whose process has died, or would have gone on. What they hold
// is of the real process, which simulates many.
func (s *Sim) letGo() {
	for _, a := range s.actors {
		if a.t != nil {
			s.lost = append(s.lost, a.t)
		}
	}
	for _, t := range s.lost {
		if t.store != nil {
			_ = t.store.Close()
		}
	}
	s.lost = nil
}

// one is one step: of an actor that can, or the next event.
func (s *Sim) one() error {
	s.steps++
	s.refresh()
	due := 0
	if len(s.heap) > 0 && s.heap[0].at <= s.clock {
		due = 1
	}
	if len(s.ready)+due == 0 {
		if len(s.heap) == 0 {
			return fmt.Errorf("deadlock: nothing can run and nothing is on its way (state %s)", s.host.job.c.status.State)
		}
		s.clock = s.heap[0].at
		due = 1
	}
	if due == 1 && (len(s.ready) == 0 || s.Choose(len(s.ready)+1, "event") == 0) {
		s.happen(s.next())
		return nil
	}
	a := s.choose()
	s.last = a
	// Time passes a little with each step.
	s.clock += int64(s.Choose(200_000, "drift"))
	if a.c != nil {
		m := a.c.mail.pop()
		s.fold(uint64(m.kind) + 1<<20)
		s.story(a, pickMail, m.kind)
		if a.c.phase != over {
			a.c.handle(&m)
		}
		a.touched = true
		return nil
	}
	p := a.picks[s.Choose(len(a.picks), "pick")]
	t := a.t
	s.fold(uint64(t.id)<<8 + uint64(p))
	s.story(a, p, 0)
	a.touched = true
	if err := t.run(p); err != nil {
		if b := (stackError{}); errors.As(err, &b) {
			return fmt.Errorf("%w\n%s", err, b.text)
		}
		t.failed = true
		t.report(mail{kind: mailFailed, err: err})
		s.kill(a, true)
	}
	return nil
}

func (s *Sim) fold(x uint64) { s.hash = (s.hash ^ x) * 1099511628211 }

func (s *Sim) story(a *simActor, p pick, k mailKind) {
	if s.opt.Story == nil {
		return
	}
	who := "coordinator"
	if a.t != nil {
		who = fmt.Sprintf("%s a%d", a.t.name, a.t.att.n)
		if p == pickMail {
			k = a.t.mail.list[a.t.mail.head+a.t.mailAt].kind
		}
	}
	s.opt.Story(fmt.Sprintf("%6d %9s %s: pick %d mail %d", s.steps, time.Duration(s.clock).Truncate(time.Microsecond), who, p, k))
}
