//mink:det-ok the host of a job whose tasks run in other processes

package flow

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/diag"
)

// farHost is the host of a job whose tasks run in node processes. The coordinator runs
// here, on the cluster's workers; its tasks are names and places.
type farHost struct {
	*threaded
	far Far
	// waits: there were too few slots at the last look, and that was said.
	waits bool

	mu  sync.Mutex
	cur *farAttempt
}

// farAttempt is an attempt on its nodes.
type farAttempt struct {
	a      *attempt
	places []*farPlace
	// holding is the number of the newest hold.
	holding int64
}

// farPlace is a node that has tasks of it.
type farPlace struct {
	id NodeID
	// closed: none of its tasks takes a step any more. held: none does for now.
	closed, held bool
}

func (f *farAttempt) place(id NodeID) *farPlace {
	for _, p := range f.places {
		if p.id == id {
			return p
		}
	}
	return nil
}

// closed reports that no task is left.
func (f *farAttempt) closed() bool {
	return !slices.ContainsFunc(f.places, func(p *farPlace) bool { return !p.closed })
}

// place deals slots to the nodes in turn, beginning with those that have most free.
func (h *farHost) place(slots int) []string {
	type room struct {
		name string
		free int
	}
	var rooms []room
	all := 0
	// Jobs that look at the same time do not get the same slots.
	h.cl.dealing.Lock()
	defer h.cl.dealing.Unlock()
	h.deal(nil)
	used := h.cl.used()
	for _, n := range h.far.Ready() {
		if free := n.Slots - used[n.Name]; free > 0 {
			rooms = append(rooms, room{n.Name, free})
			all += free
		}
	}
	if all < slots {
		if log := h.cl.opt.Log; log != nil && !h.waits {
			log(fmt.Sprintf("job %s waits: it needs %d slots, and the nodes that are there have %d free", h.c.job.cfg.Name, slots, all))
		}
		h.waits = true
		return nil
	}
	h.waits = false
	slices.SortStableFunc(rooms, func(a, b room) int { return b.free - a.free })
	var out []string
	for len(out) < slots {
		for i := range rooms {
			if r := &rooms[i]; r.free > 0 && len(out) < slots {
				r.free--
				out = append(out, r.name)
			}
		}
	}
	h.deal(out)
	return out
}

// deal notes the slots that the job has from now on.
func (h *farHost) deal(slots []string) {
	h.cl.mu.Lock()
	defer h.cl.mu.Unlock()
	h.dealt = slots
}

// adopt sends the attempt to its nodes.
func (h *farHost) adopt(a *attempt, p plan) bool {
	x := &deployment{
		num: h.cl.deployed.Add(1), job: a.job.cfg.JobID, name: a.job.cfg.Name, attempt: a.n, parcel: a.job.cfg.Parcel,
		digest: a.job.graph.digest(), seed: a.job.seed, groups: a.job.groups,
		batchRows: a.job.cfg.BatchRows, credits: a.job.cfg.Credits, bufferTimeout: a.job.cfg.BufferTimeout,
		stateMemory: a.job.cfg.StateMemory, late: a.job.cfg.Late != nil,
		dir: a.job.store.dir, meta: p.meta, splits: p.splits, done: p.done, slots: p.slots,
	}
	if p.from != nil {
		x.from = p.from.dir
	}
	if tp := a.job.tape; tp != nil {
		r := &a.job.cfg.Record
		x.tape, x.full, x.embed, x.cuts, x.mono = true, r.Full, r.Embed, tp.cuts, h.mono()
	}
	a.deployed = x.num
	f := &farAttempt{a: a}
	missing := ""
	ready := h.far.Ready()
	for _, t := range a.tasks {
		if slices.ContainsFunc(x.nodes, func(n FarNode) bool { return n.Name == t.slot }) {
			continue
		}
		i := slices.IndexFunc(ready, func(n FarNode) bool { return n.Name == t.slot })
		if i < 0 {
			missing = t.slot
			continue
		}
		x.nodes = append(x.nodes, ready[i])
		f.places = append(f.places, &farPlace{id: ready[i].NodeID})
	}
	h.mu.Lock()
	h.cur = f
	h.mu.Unlock()
	h.cl.expect(x.num, h)
	if missing != "" {
		h.mu.Lock()
		for _, p := range f.places {
			p.closed = true // it hears nothing of the attempt
		}
		h.mu.Unlock()
		h.toCoord(nil, mail{kind: mailLost, attempt: a.n, err: diag.New(diag.JobFailed, "node %s was lost", missing)})
		return true
	}
	text := x.encode()
	for _, n := range x.nodes {
		h.far.Send(n.NodeID, text)
	}
	// A node that has gone meanwhile was told of before it was expected to be here.
	now := h.far.Ready()
	for _, p := range f.places {
		if !slices.ContainsFunc(now, func(n FarNode) bool { return n.NodeID == p.id }) {
			h.lost(p.id, diag.New(diag.JobFailed, "node %s was lost", p.id.Name))
		}
	}
	return true
}

// tell sends a message to the nodes of an attempt.
func (h *farHost) tell(f *farAttempt, kind uint64) {
	e := farMessage(kind, f.a.deployed)
	for _, p := range f.places {
		if !p.closed {
			h.far.Send(p.id, e.b)
		}
	}
}

func (h *farHost) start(a *attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cur != nil && h.cur.a == a {
		h.tell(h.cur, farStart)
	}
}

func (h *farHost) stop(a *attempt, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.stopping {
		return
	}
	a.stopping = true // read where a node's last message is taken, too
	f := h.cur
	if f == nil || f.a != a {
		return
	}
	h.tell(f, farStop)
	h.endIfClosed(f)
}

// endIfClosed tells the coordinator that all tasks of an attempt that is being stopped
// are closed. The lock is held.
func (h *farHost) endIfClosed(f *farAttempt) {
	if h.cur == f && f.a.stopping && f.closed() {
		h.cur = nil
		h.deal(nil)
		h.cl.forget(f.a.deployed)
		h.toCoord(nil, mail{kind: mailStopped, attempt: f.a.n})
	}
}

// hold asks the nodes; they answer one by one.
func (h *farHost) hold(a *attempt, on bool, n int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.cur; f != nil && f.a == a {
		f.holding = n
		for _, p := range f.places {
			p.held = false
			if !p.closed {
				e := farMessage(farHold, a.deployed)
				e.bool(on)
				e.i64(n)
				h.far.Send(p.id, e.b)
			}
		}
	}
	return false
}

// held hears that a node holds its tasks, or held them for what was given up meanwhile.
func (h *farHost) held(f *farAttempt, p *farPlace, n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n != f.holding {
		return
	}
	p.held = true
	if !slices.ContainsFunc(f.places, func(p *farPlace) bool { return !p.held }) {
		h.toCoord(nil, mail{kind: mailHeld, attempt: f.a.n, n: n})
	}
}

func (h *farHost) toTask(to *task, m mail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.cur
	if f == nil || f.a != to.att {
		return
	}
	for _, p := range f.places {
		if p.id.Name == to.slot && !p.closed {
			e := farMessage(farMail, f.a.deployed)
			e.i64(int64(to.id))
			e.farEncode(&m)
			h.far.Send(p.id, e.b)
		}
	}
}

// ended removes checkpoints that go with the job.
func (h *farHost) ended() {
	h.threaded.ended()
	if s := h.c.job; s.cfg.Dir == "" {
		h.cl.env.Go("scratch", func() { _ = s.env.Disk.RemoveAll(s.store.dir) })
	}
}

// got takes a message of a node about the current attempt.
func (h *farHost) got(from NodeID, kind uint64, d *decoder) {
	h.mu.Lock()
	f := h.cur
	var p *farPlace
	if f != nil {
		if p = f.place(from); p != nil && p.closed {
			p = nil
		}
	}
	h.mu.Unlock()
	if p == nil {
		return
	}
	var err error
	switch kind {
	case farUp:
		var m mail
		if m, err = d.farDecode(); err == nil {
			m.attempt = f.a.n // a node may not know
			h.toCoord(nil, m)
		}
	case farStatus, farStopped:
		h.seen(f.a, d.status())
		if kind == farStopped {
			h.mu.Lock()
			p.closed = true
			h.endIfClosed(f)
			h.mu.Unlock()
		}
	case farHeld:
		h.held(f, p, d.i64())
	case farRows:
		err = h.home(f, p, d)
	case farLate:
		err = h.late(d)
	case farTape:
		if tp := h.c.job.tape; tp != nil {
			err = tp.arrived(f.a.n, d)
		}
	case farFrame:
		if tp := h.c.job.tape; tp != nil {
			err = tp.framed(f.a.n, d)
		}
	}
	if err == nil && d.bad {
		err = diag.New(diag.Internal, "a message of node %s is damaged", from.Name)
	}
	if err != nil {
		h.toCoord(nil, mail{kind: mailLost, attempt: f.a.n, err: err})
	}
}

// seen keeps what a node tells of its tasks.
func (h *farHost) seen(a *attempt, list []TaskStatus) {
	for i := range list {
		for _, t := range a.tasks {
			if t.v.ID == list[i].Vertex && t.sub == list[i].Subtask {
				t.stepMu.Lock()
				t.seen = &list[i]
				t.stepMu.Unlock()
			}
		}
	}
}

// lost hears that a node is gone.
func (h *farHost) lost(id NodeID, why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.cur
	if f == nil {
		return
	}
	p := f.place(id)
	if p == nil || p.closed {
		return
	}
	p.closed = true
	if tp := h.c.job.tape; tp != nil {
		tp.lost(f.a.n)
	}
	h.toCoord(nil, mail{kind: mailLost, attempt: f.a.n, err: why})
	h.endIfClosed(f)
}

// expect makes messages about a deployment come to a host.
func (cl *Cluster) expect(num int64, h *farHost) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.far[num] = h
}

func (cl *Cluster) forget(num int64) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	delete(cl.far, num)
}

// Got takes a message of a node process.
func (cl *Cluster) Got(from NodeID, message []byte) {
	d := decoder{b: message}
	kind, num := d.u64(), d.i64()
	cl.mu.Lock()
	h := cl.far[num]
	cl.mu.Unlock()
	if h != nil && !d.bad {
		h.got(from, kind, &d)
	}
}

// Lost hears that a node process is gone or has been given up on.
func (cl *Cluster) Lost(n NodeID, why error) {
	cl.mu.Lock()
	hosts := make([]*farHost, 0, len(cl.far))
	for _, h := range cl.far {
		hosts = append(hosts, h)
	}
	cl.mu.Unlock()
	slices.SortFunc(hosts, func(a, b *farHost) int { return strings.Compare(a.c.job.cfg.JobID, b.c.job.cfg.JobID) })
	for _, h := range hosts {
		h.lost(n, why)
	}
}

// used counts the slots that running jobs have, by node.
func (cl *Cluster) used() map[string]int {
	cl.mu.Lock()
	hosts := slices.Clone(cl.hosts)
	dealt := make([][]string, len(hosts))
	for i, h := range hosts {
		dealt[i] = h.dealt
	}
	cl.mu.Unlock()
	out := map[string]int{}
	for i, h := range hosts {
		h.c.mu.Lock()
		att, state := h.c.att, h.c.status.State
		h.c.mu.Unlock()
		if state.Ended() {
			continue
		}
		if dealt[i] != nil {
			for _, node := range dealt[i] {
				out[node]++
			}
			continue
		}
		if att == nil {
			continue
		}
		seen := map[int]string{}
		for _, t := range att.tasks {
			seen[t.sub] = t.slot
		}
		for _, node := range seen {
			out[node]++
		}
	}
	return out
}
