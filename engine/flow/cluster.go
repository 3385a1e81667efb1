//mink:det-ok the threaded host: workers, clock and mail between goroutines

package flow

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// ClusterOptions say how large an embedded cluster is.
type ClusterOptions struct {
	// Nodes is the number of nodes; default 1.
	Nodes int
	// Slots per node; 0 means as many as the jobs need.
	Slots int
	// Workers is the number of worker goroutines; default GOMAXPROCS, less one
	// above 4.
	Workers int
	// Log, if set, takes notices of the cluster, and Tasks those of single tasks, slow steps
	// among them. They must not block.
	Log   func(text string)
	Tasks func(n TaskNote)
	// Far, if set, reaches node processes: jobs with Config.Parcel run there. Nodes and
	// Slots are of no account then.
	Far Far
}

// Cluster is an embedded cluster: nodes with slots in one process, whose tasks all
// run on the same worker goroutines. It is the threaded host.
type Cluster struct {
	env     *env.Env
	opt     ClusterOptions
	workers []*worker
	jobs    atomic.Int64
	// deployed is the newest number of an attempt on node processes.
	deployed atomic.Int64
	closing  atomic.Bool
	ended    sync.WaitGroup

	dealing sync.Mutex // one job at a time is given slots of node processes

	mu    sync.Mutex
	nodes []NodeStatus
	hosts []*threaded
	far   map[int64]*farHost // by deployment
}

// NodeStatus is a picture of a node of the cluster.
type NodeStatus struct {
	Name  string
	Slots int // 0: as many as needed
	Used  int
	Alive bool
}

// NewCluster starts an embedded cluster. Close stops it.
func NewCluster(e *env.Env, o ClusterOptions) *Cluster {
	if o.Nodes <= 0 {
		o.Nodes = 1
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
		if o.Workers > 4 {
			o.Workers--
		}
	}
	cl := &Cluster{env: e, opt: o, far: map[int64]*farHost{}}
	cl.deployed.Store(e.Clock.Now() << 10) // above those of a coordinator before
	for i := range o.Nodes {
		cl.nodes = append(cl.nodes, NodeStatus{Name: "node-" + strconv.Itoa(i+1), Slots: o.Slots, Alive: true})
	}
	for i := range o.Workers {
		w := &worker{cl: cl, num: i, signal: make(chan struct{}, 1)}
		cl.workers = append(cl.workers, w)
	}
	for _, w := range cl.workers {
		cl.ended.Add(1)
		go w.loop()
	}
	if o.Far != nil {
		o.Far.Join(cl)
	}
	return cl
}

// Submit starts a job.
func (cl *Cluster) Submit(g *Graph, cfg Config) (*Job, error) {
	return cl.submit(g, cfg, PlantNone)
}

func (cl *Cluster) submit(g *Graph, cfg Config, p Plant) (*Job, error) {
	if cl.closing.Load() {
		return nil, diag.New(diag.Cancelled, "the cluster is stopping")
	}
	h := &threaded{cl: cl, offset: int(cl.jobs.Add(1) - 1)}
	var on host = h
	far := cl.opt.Far != nil && cfg.Parcel != nil
	if far {
		on = &farHost{threaded: h, far: cl.opt.Far}
	}
	j, err := newJob(cl.env, on, g, cfg, p)
	if err != nil {
		return nil, err
	}
	h.c = j.c
	h.coord.home = h.offset % len(cl.workers)
	switch s := j.c.job.store; {
	case far && !cfg.GoesOn && g.Slots() > cl.opt.Far.Slots():
		return nil, diag.New(diag.Config, "the job needs %d slots and the nodes have %d", g.Slots(), cl.opt.Far.Slots()).
			WithHint("lower the parallelism, or start the cluster with more --slots or --nodes")
	case far && cfg.Dir == "":
		s.disk, s.dir = cl.env.Disk, cl.opt.Far.Scratch()+"/"+j.ID()
	case far:
	case cl.opt.Far != nil:
		// It runs in this process, which is no node.
	case cl.opt.Slots > 0 && g.Slots() > cl.opt.Slots*cl.opt.Nodes:
		return nil, diag.New(diag.Config, "the job needs %d slots and the cluster has %d", g.Slots(), cl.opt.Slots*cl.opt.Nodes).
			WithHint("lower the parallelism, or start the cluster with more --slots")
	}
	// Close has not begun, and its cancel comes behind the start; or there is no job.
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closing.Load() {
		return nil, diag.New(diag.Cancelled, "the cluster is stopping")
	}
	cl.hosts = append(cl.hosts, h)
	if tp := j.c.job.tape; tp != nil {
		j.c.over = make(chan struct{})
		cl.env.Go("tape", func() {
			h.writeTape(tp)
			close(j.c.done)
		})
	}
	h.command(j.c, &command{kind: cmdStart})
	return j, nil
}

// writeTape writes what the job does to its tape, now and then, until it is over and all is
// written.
func (h *threaded) writeTape(tp *taper) {
	for over := false; !over; {
		wake := make(chan struct{})
		stop := h.cl.env.Clock.At(h.cl.env.Clock.Mono()+tapeEvery.Nanoseconds(), func() { close(wake) })
		select {
		case <-h.c.over:
			over = true
			stop()
		case <-wake:
		}
		tp.flush()
		if !over && h.c.job.cfg.CheckpointInterval <= 0 && tp.wantsBase(0) {
			h.command(h.c, &command{kind: cmdPeek})
		}
	}
}

// Nodes describes the nodes.
func (cl *Cluster) Nodes() []NodeStatus {
	used := cl.used()
	var out []NodeStatus
	if cl.opt.Far != nil {
		for _, n := range cl.opt.Far.Ready() {
			out = append(out, NodeStatus{Name: n.Name, Slots: n.Slots, Alive: true})
		}
	} else {
		cl.mu.Lock()
		out = slices.Clone(cl.nodes)
		cl.mu.Unlock()
	}
	for i := range out {
		out[i].Used = used[out[i].Name]
	}
	return out
}

// KillNode takes a node away: its tasks are gone at once, and the jobs that had
// some restart from their last checkpoints on the nodes that are left.
func (cl *Cluster) KillNode(name string) {
	cl.mu.Lock()
	for i := range cl.nodes {
		if cl.nodes[i].Name == name {
			cl.nodes[i].Alive = false
		}
	}
	hosts := slices.Clone(cl.hosts)
	cl.mu.Unlock()
	for _, h := range hosts {
		h.c.mu.Lock()
		att := h.c.att
		h.c.mu.Unlock()
		if att == nil {
			continue
		}
		lost := false
		for _, t := range att.tasks {
			if t.slot == name && t.dead.CompareAndSwap(false, true) {
				lost = true
			}
		}
		if lost {
			h.toCoord(nil, mail{kind: mailLost, attempt: att.n, err: diag.New(diag.JobFailed, "node %s was lost", name)})
		}
	}
}

// StartNode brings a node back, or adds one.
func (cl *Cluster) StartNode(name string) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for i := range cl.nodes {
		if cl.nodes[i].Name == name {
			cl.nodes[i].Alive = true
			return
		}
	}
	cl.nodes = append(cl.nodes, NodeStatus{Name: name, Slots: cl.opt.Slots, Alive: true})
}

// Close cancels what still runs, waits for it, and stops the workers.
func (cl *Cluster) Close() {
	cl.mu.Lock()
	cl.closing.Store(true)
	hosts := slices.Clone(cl.hosts)
	cl.mu.Unlock()
	for _, h := range hosts {
		h.command(h.c, &command{kind: cmdCancel})
	}
	for _, h := range hosts {
		<-h.c.done
	}
	for _, w := range cl.workers {
		w.stop.Store(true)
		w.unpark()
	}
	cl.ended.Wait()
}

// Run runs one job on a cluster of its own and returns when it has ended.
func Run(ctx context.Context, e *env.Env, g *Graph, cfg Config) error {
	cl := NewCluster(e, ClusterOptions{})
	defer cl.Close()
	j, err := cl.Submit(g, cfg)
	if err != nil {
		return err
	}
	return j.Wait(ctx)
}

// threaded is the cluster as the host of one job.
type threaded struct {
	cl     *Cluster
	c      *coordinator
	coord  schedState
	offset int
	dealt  []string // nodes of the slots that a job on node processes has, under the cluster's lock
	rngMu  sync.Mutex
	rng    uint64
	clocks timers
	// Of a node process: its part of the attempt, and the end of the lease. Both are nil
	// where the coordinator is.
	site  *site
	until *atomic.Int64
	skew  int64 // what its clock is behind the coordinator's
}

// timers are those of a job that are to come. One may be due in minutes, and has the job:
// without being stopped it would keep in memory what the job had.
type timers struct {
	mu   sync.Mutex
	n    int
	stop map[int]func() // by number; nil before the first, and at the end
	over bool
}

func (x *timers) start(clock env.Clock, mono int64, f func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	if x.stop == nil {
		x.stop = map[int]func(){}
	}
	x.n++
	n := x.n
	x.stop[n] = clock.At(mono, func() {
		x.mu.Lock()
		delete(x.stop, n)
		x.mu.Unlock()
		f()
	})
}

// end stops them all, and there will be no others.
func (x *timers) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, n := range slices.Sorted(maps.Keys(x.stop)) {
		x.stop[n]()
	}
	x.stop, x.over = nil, true
}

func (h *threaded) now() int64  { return h.cl.env.Clock.Now() }
func (h *threaded) mono() int64 { return h.cl.env.Clock.Mono() + h.skew }

func (h *threaded) deliver(to actor, m mail) {
	to.box().put(m)
	switch to := to.(type) {
	case *task:
		h.wake(to)
	default:
		h.cl.ready(nil, runRef{h: h})
	}
}

func (h *threaded) timer(to actor, at int64, m mail) {
	clock := h.cl.env.Clock
	wait := max(0, at-clock.Now())
	h.clocks.start(clock, clock.Mono()+wait*int64(time.Millisecond), func() { h.deliver(to, m) })
}

func (h *threaded) async(to actor, of *task, _ bool, name string, f func() mail) {
	if of != nil {
		of.ext.Add(1)
	}
	h.cl.env.Go(name, func() {
		m := f()
		if of != nil {
			of.ext.Add(-1)
			if of.dead.Load() {
				h.wake(of)
			}
		}
		h.deliver(to, m)
	})
}

func (h *threaded) toCoord(_ *task, m mail) {
	if h.site != nil {
		h.site.up(&m)
		return
	}
	h.deliver(h.c, m)
}

func (h *threaded) toTask(to *task, m mail) { h.deliver(to, m) }
func (h *threaded) command(c *coordinator, k *command) {
	h.deliver(c, mail{kind: mailCommand, payload: k})
}

func (h *threaded) sent(p *pipe) {
	if p.far != nil {
		p.far.peer.sent(p)
		return
	}
	h.cl.ready(p.from.sched.on, runRef{h: h, t: p.to})
}

func (h *threaded) wake(t *task) { h.cl.ready(nil, runRef{h: h, t: t}) }

func (h *threaded) freed(by *task, l *lease) { h.free(by.sched.on, l) }

// free gives a credit home; on is the worker of the caller, if it is one.
func (h *threaded) free(on *worker, l *lease) {
	if l.refs.Add(-1) > 0 {
		return
	}
	home := l.home
	home.put(l)
	if p := home.far; p != nil {
		p.far.back.Load().credit(p)
		return
	}
	if o := home.owner; o.starved.Load() && o.starved.CompareAndSwap(true, false) {
		h.cl.ready(on, runRef{h: h, t: o, later: true})
	}
}

// chance serves jitter only: nothing that a job computes depends on it.
func (h *threaded) chance(n int, _ string) int {
	h.rngMu.Lock()
	defer h.rngMu.Unlock()
	h.rng = h.rng*6364136223846793005 + 1442695040888963407
	return int((h.rng >> 33) % uint64(n))
}

func (h *threaded) reshape() *Graph           { return nil }
func (h *threaded) adopt(*attempt, plan) bool { return false }
func (h *threaded) hold(a *attempt, on bool, _ int64) bool {
	if a.held.Store(on); on {
		settle(a.tasks)
	}
	return true
}

func (h *threaded) ended() { h.clocks.end() }

func (h *threaded) start(a *attempt) {
	h.house(a.tasks)
	h.begin(a, a.tasks)
}

// house gives tasks their workers, before anything can wake them.
func (h *threaded) house(tasks []*task) {
	for _, t := range tasks {
		t.sched.home = (h.offset + t.sub) % len(h.cl.workers)
	}
}

// begin makes tasks of an attempt runnable.
func (h *threaded) begin(a *attempt, tasks []*task) {
	for _, t := range tasks {
		t.stepMu.Lock() // whoever asks for its status may be looking
		t.started = h.mono()
		t.stepMu.Unlock()
		h.note(t, "task runs", nil)
		t.mail.put(mail{kind: mailStart, attempt: a.n})
		t.live.Store(true)
	}
	// Receivers first: with one worker every task has begun when a source is asked,
	// so rows meet in the order in which it gives them.
	for _, t := range slices.Backward(tasks) {
		h.wake(t)
	}
}

func (h *threaded) stop(a *attempt, _ error) {
	if a.stopping {
		return
	}
	a.stopping = true
	a.left.Store(int32(len(a.tasks)))
	for _, t := range a.tasks {
		t.dead.Store(true)
		h.wake(t)
	}
}

// place spreads slots over the living nodes in turn.
func (h *threaded) place(slots int) []string {
	h.cl.mu.Lock()
	defer h.cl.mu.Unlock()
	var out []string
	free := map[string]int{}
	for _, n := range h.cl.nodes {
		free[n.Name] = n.Slots
		if n.Slots == 0 {
			free[n.Name] = slots
		}
	}
	for len(out) < slots {
		before := len(out)
		for _, n := range h.cl.nodes {
			if n.Alive && free[n.Name] > 0 && len(out) < slots {
				free[n.Name]--
				out = append(out, n.Name)
			}
		}
		if len(out) == before {
			return nil
		}
	}
	return out
}
