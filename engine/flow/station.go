//mink:det-ok the host of a node process: workers, messages and leases

package flow

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// StationOptions are those of a node process.
type StationOptions struct {
	// Node is its name.
	Node string
	// Workers as in ClusterOptions.
	Workers int
	// SpillDir as in Config, of this process alone.
	SpillDir string
	// StatePool as in Config.
	StatePool *state.Pool
	// Build makes graphs of what the coordinator sends.
	Build BuildFunc
	// Rows connects to other processes.
	Rows Rows
	// Log and Tasks as in ClusterOptions.
	Log   func(text string)
	Tasks func(n TaskNote)
}

// Station runs the tasks that a coordinator gives to this process. It takes steps only
// while it has a lease.
type Station struct {
	env   *env.Env
	opt   StationOptions
	cl    *Cluster
	hub   *rowHub
	until atomic.Int64 // the lease's end by Clock.Mono

	mu    sync.Mutex
	send  func(message []byte)
	sites map[int64]*site
	over  bool
	wait  sync.WaitGroup
}

// statusEvery is how often a node tells how its tasks are.
const statusEvery = 250 * time.Millisecond

// NewStation starts the workers. Close stops them.
func NewStation(e *env.Env, o StationOptions) *Station {
	s := &Station{env: e, opt: o, sites: map[int64]*site{}}
	s.cl = NewCluster(e, ClusterOptions{Workers: o.Workers, Log: o.Log, Tasks: o.Tasks})
	s.hub = newRowHub(o.Rows, s.broke)
	e.Go("status", func() {
		for s.report() {
			e.Clock.Sleep(statusEvery)
		}
	})
	return s
}

// Attach begins a life with a coordinator, to which send gives messages, with a lease
// that ends when Clock.Mono reaches until.
func (s *Station) Attach(until int64, send func(message []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.send = send
	s.until.Store(until)
}

// Lease moves the end of the lease.
func (s *Station) Lease(until int64) {
	if until > s.until.Load() {
		s.until.Store(until)
	}
}

// Until is the end of the lease.
func (s *Station) Until() int64 { return s.until.Load() }

// Drop ends the life with the coordinator: all tasks are given up and take no step any
// more.
func (s *Station) Drop() {
	s.until.Store(0)
	s.mu.Lock()
	s.send = nil
	list := s.list()
	s.mu.Unlock()
	for _, x := range list {
		x.stop()
	}
}

// list is all sites. The lock is held.
func (s *Station) list() []*site {
	out := make([]*site, 0, len(s.sites))
	for _, x := range s.sites {
		out = append(out, x)
	}
	return out
}

// Close gives all tasks up, waits until they are closed and stops the workers.
func (s *Station) Close() {
	s.mu.Lock()
	s.over = true
	s.mu.Unlock()
	s.Drop()
	s.wait.Wait()
	s.hub.close()
	s.cl.Close()
}

// Accept takes a connection over which another process sends rows.
func (s *Station) Accept(c RowConn) { s.hub.accept(c) }

// Got takes a message of the coordinator. Messages come one at a time, in order.
func (s *Station) Got(message []byte) {
	d := decoder{b: message}
	kind, num := d.u64(), d.i64()
	if kind == farDeploy {
		x, err := d.deployment(num)
		if err != nil {
			s.log("a deployment cannot be read: %s", err)
			// The coordinator waits for it, and knows which attempt this is.
			e := farMessage(farUp, num)
			e.farEncode(&mail{kind: mailFailed, err: diag.Wrap(diag.JobFailed, err, "node %s cannot read what it is to run", s.opt.Node)})
			s.mu.Lock()
			if s.send != nil {
				s.send(e.b)
			}
			s.mu.Unlock()
			return
		}
		s.deploy(x)
		return
	}
	s.mu.Lock()
	x := s.sites[num]
	if x == nil && kind == farStop && s.send != nil {
		// It never came, or has told so already.
		e := farMessage(farStopped, num)
		e.status(nil)
		s.send(e.b)
	}
	s.mu.Unlock()
	if x == nil {
		return
	}
	switch kind {
	case farStart:
		x.start()
	case farStop:
		x.stop()
	case farHold:
		x.hold(d.bool(), d.i64())
	case farMail:
		task := int(d.i64())
		m, err := d.farDecode()
		if err != nil {
			x.up(&mail{kind: mailFailed, attempt: x.x.attempt, err: diag.Wrap(diag.JobFailed, err, "node %s cannot read a message to a task", s.opt.Node)})
			return
		}
		x.mail(task, m)
	case farTaken:
		x.taken(int(d.u64()), int(d.u64()), d.i64())
	}
}

func (s *Station) log(format string, args ...any) {
	if s.opt.Log != nil {
		s.opt.Log(diag.New(diag.Internal, format, args...).Msg)
	}
}

// broke hears that rows to another process cannot go on.
func (s *Station) broke(address string, why error) {
	s.mu.Lock()
	list := s.list()
	s.mu.Unlock()
	for _, x := range list {
		for _, n := range x.x.nodes {
			if n.Address == address {
				x.up(&mail{kind: mailFailed, attempt: x.x.attempt, err: diag.Wrap(diag.JobFailed, why, "the connection from node %s to node %s broke", s.opt.Node, n.Name)})
			}
		}
	}
}

// report tells the coordinator how the tasks are; false ends it.
func (s *Station) report() bool {
	s.mu.Lock()
	list, over := s.list(), s.over
	s.mu.Unlock()
	for _, x := range list {
		x.report(farStatus)
	}
	return !over
}

// site is an attempt in a node process: it has all tasks of the graph, of which those
// of this node are stepped.
type site struct {
	st   *Station
	x    *deployment
	h    *threaded
	send func(message []byte)

	mu      sync.Mutex
	a       *attempt // nil until it is made
	tape    *siteTape
	release func() // what the graph holds
	local   []*task
	started bool
	stopped bool // it is being closed
	closed  bool
	telling sync.Mutex // one tells how the tasks are at a time
}

// deploy makes and opens the tasks. It takes a while, so it goes on beside.
func (s *Station) deploy(x *deployment) {
	k := &site{st: s, x: x, h: &threaded{cl: s.cl, offset: int(x.num), until: &s.until}}
	k.h.site = k
	if x.tape {
		k.h.skew = x.mono - s.env.Clock.Mono()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || s.send == nil {
		return
	}
	k.send = s.send
	s.sites[x.num] = k
	s.wait.Add(1)
	s.env.Go("deploy "+x.name, k.make)
}

// make builds the graph and the attempt, and has the node's tasks opened.
func (k *site) make() {
	x, st := k.x, k.st
	g, release, err := st.opt.Build(x.parcel)
	if err == nil && g.digest() != x.digest {
		err = diag.New(diag.Internal, "node %s makes another plan of job %s than the coordinator", st.opt.Node, x.name).
			WithHint("run the same mink on all nodes")
	}
	var a *attempt
	if err == nil {
		j := &jobCore{
			graph: g, env: st.env, disk: g.on(st.env.Disk), host: k.h, groups: x.groups, seed: x.seed, zone: g.Zone,
			store: &ckptStore{disk: st.env.Disk, dir: x.dir},
			cfg: Config{
				Record: Record{Embed: x.embed, Full: x.full},
				JobID:  x.job, Name: x.name, BatchRows: x.batchRows, Credits: x.credits, BufferTimeout: x.bufferTimeout,
				StateMemory: x.stateMemory, SpillDir: st.opt.SpillDir, StatePool: st.opt.StatePool,
			},
		}
		j.store.disk = j.disk
		if j.zone == nil {
			j.zone = time.UTC
		}
		if x.late {
			j.cfg.Late = farLog{k}
		}
		for i, v := range g.Vertices {
			for n := range v.Nodes {
				if s, ok := v.Nodes[n].Sink.(*homeward); ok {
					s.site, s.vertex, s.node = k, i, n
				}
			}
		}
		a, err = newAttempt(j, x.plan(j.disk))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.release = release
	if err != nil {
		k.up(&mail{kind: mailOpened, attempt: x.attempt, err: err})
	}
	if err != nil || k.stopped {
		k.stopped = true
		k.end()
		return
	}
	a.deployed = x.num
	for _, t := range a.tasks {
		if t.slot == st.opt.Node {
			k.local = append(k.local, t)
		}
	}
	k.h.house(k.local) // rows may come before the start does
	address := map[string]string{}
	for _, n := range x.nodes {
		address[n.Name] = n.Address
	}
	st.hub.join(a, func(t *task) bool { return t.slot == st.opt.Node }, func(t *task) string { return address[t.slot] })
	k.a = a
	if x.tape {
		k.tape = newSiteTape(k, len(a.tasks))
		for _, t := range k.local {
			t.rec = a.job.recorder(t.v)
			t.rec.embed, t.rec.cuts = a.job.embeds(t.v), x.cuts
		}
		st.env.Go("tape", k.tape.run)
	}
	for _, t := range k.local {
		t.ext.Add(1)
		st.env.Go("open "+t.name, func() {
			err := t.labelled(t.open)
			for _, s := range t.sinks {
				if w, ok := s.w.(*homeWriter); ok {
					t.full = w.full
				}
			}
			switch {
			case err != nil:
				k.h.note(t, "task cannot begin", func(x *TaskNote) { x.Err = err })
			case len(t.chains) > 0:
				k.h.note(t, "task has its state from a checkpoint", nil)
			}
			t.ext.Add(-1)
			if t.dead.Load() {
				k.h.wake(t)
			}
			k.up(&mail{kind: mailOpened, attempt: a.n, task: t.id, err: err})
		})
	}
}

// up sends a message of a task to the coordinator.
func (k *site) up(m *mail) {
	if m.kind == mailStopped {
		// Who closed the last task still has its lock.
		k.st.env.Go("closed "+k.x.name, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.end()
		})
		return
	}
	if m.kind == mailAck && k.tape != nil {
		k.tape.ack(m)
		return
	}
	e := farMessage(farUp, k.x.num)
	e.farEncode(m)
	k.send(e.b)
}

func (k *site) start() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.a == nil || k.stopped {
		return
	}
	k.started = true
	k.h.begin(k.a, k.local)
}

// hold keeps the node's tasks from taking steps, tells the coordinator what they have
// done, and then that they stand still for hold n.
func (k *site) hold(on bool, n int64) {
	k.mu.Lock()
	a := k.a
	k.mu.Unlock()
	if a == nil {
		return
	}
	a.held.Store(on)
	if !on {
		return // a message to each task follows, which wakes it
	}
	k.st.env.Go("hold "+k.x.name, func() {
		settle(k.local)
		if k.tape != nil {
			k.tape.send()
		}
		k.report(farStatus)
		e := farMessage(farHeld, k.x.num)
		e.i64(n)
		k.send(e.b)
	})
}

// stop closes the tasks; the coordinator hears when all are closed.
func (k *site) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return
	}
	k.stopped = true
	if k.a == nil {
		return // make is at work, and sees it
	}
	k.a.stopping = true
	k.a.left.Store(int32(len(k.local)))
	for _, t := range k.local {
		t.dead.Store(true)
		k.h.wake(t)
	}
}

// end lets the attempt go and tells the coordinator, which may wait for it. The lock is
// held.
func (k *site) end() {
	if k.closed {
		return
	}
	k.closed = true
	if k.release != nil {
		k.release()
	}
	k.h.clocks.end()
	if k.a != nil {
		k.st.hub.leave(k.a)
	}
	if k.tape != nil {
		close(k.tape.over)
		k.tape.send()
	}
	k.send(k.status(farStopped))
	k.st.mu.Lock()
	delete(k.st.sites, k.x.num)
	k.st.mu.Unlock()
	k.st.wait.Done()
}

// report waits for the steps that are under way, so it must not have the lock: messages and
// signs of life of the coordinator come one after the other, and a step may take longer than
// the lease.
func (k *site) report(kind uint64) {
	k.mu.Lock()
	there := k.a != nil && !k.closed
	k.mu.Unlock()
	if there {
		k.send(k.status(kind))
	}
}

// status is a message that tells how the node's tasks are.
func (k *site) status(kind uint64) []byte {
	k.telling.Lock()
	defer k.telling.Unlock()
	e := farMessage(kind, k.x.num)
	list := make([]TaskStatus, 0, len(k.local))
	for _, t := range k.local {
		s := t.status(Running)
		k.h.noteLeftOut(t, &s, kind == farStopped)
		list = append(list, s)
	}
	e.status(list)
	return e.b
}

func (k *site) mail(task int, m mail) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.a != nil && task >= 0 && task < len(k.a.tasks) && m.attempt == k.a.n {
		k.h.toTask(k.a.tasks[task], m)
	}
}

// taken hears how many rows the client of a query has taken.
func (k *site) taken(vertex, node int, upTo int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range k.local {
		if t.v.ID != vertex || node >= len(t.nodes) || t.nodes[node].sink == nil {
			continue
		}
		if w, ok := t.nodes[node].sink.w.(*homeWriter); ok && upTo > w.taken.Load() {
			w.taken.Store(upTo)
			k.h.wake(t)
		}
	}
}

func schemaOf(ts []types.Type) types.Schema {
	out := make(types.Schema, len(ts))
	for i := range ts {
		out[i].Type = ts[i]
	}
	return out
}
