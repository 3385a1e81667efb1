//mink:det-ok the simulated host: one goroutine, nothing here is seen by a task

package flow

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
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
	Faults  []SimFault
	// MaxSteps is the number of steps after which a job that has not ended counts
	// as stuck.
	MaxSteps int
	// Story, if set, hears of each step.
	Story func(text string)
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
	ready    []*simActor // cache of those with choices
	last     *simActor
	victim   int
	changes  []int // steps at which priorities change
	stamp    int64
	diskFail int64 // until this time
	diskSlow int64
	fuse     int
	err      error
	stale    int64
}

type simNode struct {
	name   string
	alive  bool
	paused int64 // until
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
	dup  bool
	node int
	to   *simActor
	m    mail
	f    func() mail
	run  func()
	l    *lease
	off  bool
}

type simDue struct {
	at, seq int64
	id      int32
}

// errDisk is what the model disk fails with.
var errDisk = errors.New("input/output error of the model disk")

// NewSim makes a simulated host for one job.
func NewSim(o SimOptions) *Sim {
	if o.Nodes <= 0 {
		o.Nodes = 1
	}
	if o.MaxSteps <= 0 {
		o.MaxSteps = 1 << 20
	}
	s := &Sim{opt: o, rng: o.Seed*0x9E3779B97F4A7C15 + 0x1234567, epoch: 1_700_000_000_000, hash: 14695981039346656037}
	s.Disk = env.NewMemDisk()
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
func (s *Sim) Choose(n int, _ string) int {
	if n <= 1 {
		return 0
	}
	s.rng += 0x9E3779B97F4A7C15
	z := s.rng
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	hi, _ := bits.Mul64(z, uint64(n))
	s.hash = (s.hash ^ hi) * 1099511628211
	return int(hi)
}

// Hash is the hash of all choices and steps so far: equal for equal runs.
func (s *Sim) Hash() uint64 { return s.hash }

// Steps is the number of steps so far; Stale the messages of other attempts that
// were dropped.
func (s *Sim) Steps() int { return s.steps }

// Now is virtual time in milliseconds.
func (s *Sim) Now() int64 { return s.epoch + (s.clock+s.skew)/1e6 }

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
	return e
}

// Run runs the job to its end. An error says that it got stuck or that an
// invariant of the runtime broke; how the job itself ended is the job's to tell.
// check, if not nil, is asked after each step.
func (s *Sim) Run(check func() error) error {
	c := func() *coordinator { return s.host.job.c }
	for c().phase != over {
		if s.steps >= s.opt.MaxSteps {
			return fmt.Errorf("stuck: the job has not ended after %d steps and %s of virtual time (state %s)", s.steps, time.Duration(s.clock), c().status.State)
		}
		for len(s.opt.Faults) > 0 && s.opt.Faults[0].Step <= s.steps {
			f := s.opt.Faults[0]
			s.opt.Faults = s.opt.Faults[1:]
			s.strike(f)
		}
		if err := s.one(); err != nil {
			return err
		}
		if s.err != nil {
			return s.err
		}
		if c().calls > commitCalls {
			return fmt.Errorf("%d commits outstanding, more than %d", c().calls, commitCalls)
		}
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
	}
	s.settle()
	return s.err
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
	// A little late, as real timers are.
	wait := max(0, at-h.s.Now())*1e6 + int64(h.s.Choose(300_000, "timer"))
	h.s.at(h.s.clock+wait, simEvent{kind: evMail, to: h.of(to), m: m})
}

func (h *simHost) async(to actor, _ *task, local bool, _ string, f func() mail) {
	s := h.s
	d := s.opt.Disk
	if !local {
		d = s.opt.Delay
	} else if s.clock < s.diskSlow {
		d *= 20
	}
	s.at(s.clock+s.delay(d, "call"), simEvent{kind: evCall, to: h.of(to), f: f, off: !local})
}

func (h *simHost) post(to *simActor, m mail) {
	s := h.s
	s.at(s.clock+s.delay(s.opt.Delay, "control"), simEvent{kind: evMail, to: to, m: m})
	if s.opt.Duplicate > 0 && mayRepeat(m.kind) && s.Choose(1000, "duplicate") < s.opt.Duplicate {
		s.at(s.clock+s.delay(s.opt.Delay, "control"), simEvent{kind: evMail, to: to, m: m})
	}
}

// mayRepeat reports messages that a broken connection may deliver twice.
func mayRepeat(k mailKind) bool {
	switch k {
	case mailTrigger, mailComplete, mailAbort, mailAck, mailDecline, mailDrained, mailFailed:
		return true
	}
	return false
}

func (h *simHost) toCoord(_ *task, m mail) { h.post(h.boss, m) }

func (h *simHost) toTask(to *task, m mail) {
	if m.kind == mailWake {
		to.mail.put(m)
		to.simActor.touched = true
		return
	}
	h.post(to.simActor, m)
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
		at = max(p.lastAt, at+s.delay(s.opt.Delay, "channel"))
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
		h.s.at(h.s.clock+h.s.delay(d, "credit"), simEvent{kind: evCredit, l: l})
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
		if why != nil && s.opt.Zombies && s.Choose(3, "zombie") == 0 {
			s.at(s.clock+s.delay(60*time.Millisecond, "zombie"), simEvent{kind: evKill, to: x})
			continue
		}
		s.kill(x, true)
	}
	s.at(s.clock+s.delay(s.opt.Delay, "stopped"), simEvent{kind: evMail, to: h.boss, m: mail{kind: mailStopped, attempt: a.n}})
}

// adopt gives the tasks of a new attempt their place in the simulation.
func (h *simHost) adopt(a *attempt) {
	s := h.s
	// Tasks that are dead for good make room.
	s.actors = slices.DeleteFunc(s.actors, func(x *simActor) bool { return x.t != nil && x.dead && !x.inReady })
	for _, t := range a.tasks {
		x := &simActor{t: t, node: -1, priority: s.Choose(1000, "priority")}
		for i := range s.nodes {
			if s.nodes[i].name == t.slot {
				x.node = i
				x.dead = !s.nodes[i].alive
			}
		}
		t.simActor = x
		s.actors = append(s.actors, x)
	}
}

func (h *simHost) place(slots int) []string {
	var alive []string
	for i := range h.s.nodes {
		if h.s.nodes[i].alive {
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
	c.s.at(mono, simEvent{kind: evCall, node: -2, run: func() {
		if !stopped {
			f()
		}
	}})
	return func() { stopped = true }
}
