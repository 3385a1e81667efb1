package flow

import (
	"slices"
	"sync/atomic" //mink:det-ok counts closed tasks for the host
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	state "github.com/minkstream/mink/engine/state"
)

// jobCore is what the attempts of a job have in common.
type jobCore struct {
	graph *Graph
	cfg   Config
	env   *env.Env
	host  host
	store *ckptStore
	// disk has the job's checkpoints and what it begins from, named the folders that
	// savepoints are asked for in; only a coordinator's process has that.
	disk, named env.Disk

	groups int
	seed   uint64
	zone   *time.Location
	plant  Plant
	tape   *taper
	watch  Watcher // of a replay; nil otherwise
	// pageBytes is the size of pages of state; 0 is the usual one.
	pageBytes int
	// silent: sinks get nothing to write to. whole: checkpoints continue no other one.
	silent, whole bool
}

// attempt is one run of a job's tasks, from a checkpoint or from nothing to the
// end or a failure. A new attempt has new tasks and channels.
type attempt struct {
	job      *jobCore
	host     host
	n        int64
	restored int64 // checkpoint
	tasks    []*task
	pipes    []*pipe
	deployed int64 // number on node processes, 0 if it runs in this one alone
	shelf    shelf
	stopping bool
	left     atomic.Int32 // tasks not closed yet, once stopping
	held     atomic.Bool  // no task takes a step, for whoever looks at the job
}

// plan is what a new attempt starts from.
type plan struct {
	attempt int64
	meta    *meta // nil: from nothing
	from    *ckptStore
	splits  [][]splitState // by vertex: of sources
	done    []bool         // by vertex: no further splits will come
	slots   []string       // node of each slot
}

// newAttempt makes the tasks and channels. It does no I/O: task.open follows.
func newAttempt(j *jobCore, p plan) (*attempt, error) {
	a := &attempt{job: j, host: j.host, n: p.attempt}
	if p.meta != nil {
		a.restored = p.meta.id
	}
	first := make([]int, len(j.graph.Vertices))
	for i, v := range j.graph.Vertices {
		first[i] = len(a.tasks)
		for sub := range v.Parallelism {
			t := &task{
				att: a, id: len(a.tasks), v: v, sub: sub, name: taskName(v, sub), watch: j.watch,
				yieldRows: exec.YieldRows, uidHash: batch.HashBytes([]byte(v.UID)) + uint64(sub), wm: batch.NoWatermark,
			}
			if len(p.slots) > 0 {
				t.slot = p.slots[sub%len(p.slots)]
			}
			a.tasks = append(a.tasks, t)
		}
	}
	a.connect(first)
	for _, t := range a.tasks {
		t.wms = newTracker(len(t.ins))
		t.blocked = make([]bool, len(t.ins))
		t.build()
		if err := t.restore(p); err != nil {
			return nil, err
		}
		t.done = a.restored
	}
	return a, nil
}

func taskName(v *Vertex, sub int) string {
	if v.Parallelism == 1 {
		return v.Name
	}
	e := encoder{b: []byte(v.Name)}
	e.b = append(e.b, " ("...)
	e.b = appendInt(e.b, sub+1)
	e.b = append(e.b, '/')
	e.b = appendInt(e.b, v.Parallelism)
	return string(append(e.b, ')'))
}

// connect makes the channels. Those of a task stand in the order of the graph's
// edges, then of the sending subtasks.
func (a *attempt) connect(first []int) {
	g, cfg := a.job.graph, &a.job.cfg
	for k := range g.Edges {
		e := &g.Edges[k]
		from, to := g.Vertices[e.From], g.Vertices[e.To]
		for i := range from.Parallelism {
			s := a.tasks[first[e.From]+i]
			o := &outEdge{t: s, kind: e.Kind, keys: e.Keys, rows: cfg.BatchRows, num: k}
			var targets []*task
			switch e.Kind {
			case Forward:
				targets = a.tasks[first[e.To]+i:][:1]
			case Single:
				targets = a.tasks[first[e.To]:][:1]
			default:
				targets = a.tasks[first[e.To]:][:to.Parallelism]
			}
			for _, r := range targets {
				p := &pipe{from: s, to: r, in: len(r.ins), num: len(a.pipes), remote: s.slot != r.slot}
				a.pipes = append(a.pipes, p)
				r.ins = append(r.ins, p)
				r.inputs = append(r.inputs, e.Input)
				if e.Kind == Broadcast && len(o.lanes) > 0 {
					o.lanes[0].pipes = append(o.lanes[0].pipes, p)
					continue
				}
				o.lanes = append(o.lanes, lane{pipes: []*pipe{p}, pool: newPool(s, cfg.Credits, &a.shelf)})
			}
			// A rebalance edge starts at another channel in each sender, so that few
			// batches do not all go to the same subtask.
			o.next = i % len(o.lanes)
			o.init()
			s.outs = append(s.outs, o)
		}
	}
}

// build makes the task's nodes and links them.
func (t *task) build() {
	j := t.att.job
	lo, hi := batch.KeyGroupRange(t.sub, t.v.Parallelism, j.groups)
	for i := range t.v.Nodes {
		spec := &t.v.Nodes[i]
		n := &node{t: t, spec: spec, num: i, outWM: batch.NoWatermark, sideWM: batch.NoWatermark}
		n.ctx = exec.Ctx{
			Host: n, Name: spec.UID, Subtask: t.sub, Parallelism: t.v.Parallelism,
			KeyFrom: lo, KeyTo: hi, MaxParallelism: j.groups, Zone: j.zone, TTL: spec.TTL, Exact: spec.Exact,
			Dealt: spec.Dealt,
		}
		n.ctx.SetWatermark(batch.NoWatermark)
		t.usesClock = t.usesClock || spec.TTL > 0
		if spec.Sink != nil {
			n.sink = &sinkOp{node: n, uid: spec.UID, spec: spec.Sink}
			n.op = n.sink
			t.sinks = append(t.sinks, n.sink)
		} else {
			n.op = spec.Op()
		}
		n.hold, _ = n.op.(exec.Holder)
		n.sided, _ = n.op.(exec.Sided)
		n.finish, _ = n.op.(exec.Finisher)
		n.completer, _ = n.op.(exec.Completer)
		if l, ok := n.op.(exec.Limited); ok {
			t.limits = append(t.limits, l)
		}
		t.nodes = append(t.nodes, n)
	}
	for i, n := range t.nodes {
		n.outs = t.receivers(t.v.Nodes[i].Outs)
	}
	if len(t.ins) > 0 {
		t.nodes[0].link(0)
		if t.nodes[0].sided != nil {
			t.sides = newSides(t.inputs)
		}
	}
	head := -1
	if t.v.Source != nil {
		outs := t.v.Source.outs()
		t.src = &source{t: t, spec: t.v.Source, outs: t.receivers(outs), wms: newTracker(0), passed: batch.NoWatermark, limit: batch.MaxWatermark, ordered: inOrder(t.v.Source)}
		if t.v.Source.Watermark != nil {
			t.src.eval = t.v.Source.Watermark(t.now)
		}
		if len(outs) == 1 {
			head = outs[0].Node
		}
	} else {
		head = 0
	}
	// Only a head that alone gets the input can be interrupted.
	if head >= 0 {
		t.nodes[head].resume, _ = t.nodes[head].op.(exec.Resumer)
	}
}

// link adds a link that leads to an input of the node and returns its number.
func (n *node) link(input int) int {
	n.links, n.leads = append(n.links, batch.NoWatermark), append(n.leads, input)
	return len(n.links) - 1
}

// receivers resolves outputs.
func (t *task) receivers(outs []Out) []receiver {
	list := make([]receiver, 0, len(outs))
	for _, o := range outs {
		if o.Node >= 0 {
			n := t.nodes[o.Node]
			list = append(list, receiver{node: n, link: n.link(o.Input), input: o.Input})
			continue
		}
		for _, e := range t.outs {
			if e.num == o.Edge {
				list = append(list, receiver{edge: e})
			}
		}
	}
	return list
}

// restore takes over what the checkpoint keeps of the vertex: what the same subtask
// had if the parallelism is as it was, else what all had.
func (t *task) restore(p plan) error {
	if t.src != nil {
		t.src.complete = p.done[t.v.ID]
		t.restoreSplits(p.splits[t.v.ID], p.meta)
	}
	if p.meta == nil {
		return nil
	}
	v := p.meta.vertex(t.v.UID)
	if err := t.restoreSinks(p.meta, v); err != nil || v == nil {
		return err
	}
	if p.meta.groups != t.att.job.groups {
		return diag.New(diag.Config, "the checkpoint has %d key groups and the job %d", p.meta.groups, t.att.job.groups).
			WithHint("set pipeline.max-parallelism to %d; another number needs a rewritten savepoint", p.meta.groups)
	}
	same := len(v.subs) == t.v.Parallelism
	apart := t.att.job.graph.apart(t.v.ID)
	for i, seen := 0, false; i < len(v.subs); i++ {
		if same && i != t.sub {
			continue
		}
		s, err := decodeInline(v.subs[i].inline)
		if err != nil {
			return err
		}
		t.wms.cur = merged(t.wms.cur, s.wm, apart && seen)
		seen = true
		for _, old := range s.nodes {
			t.restoreNode(old, apart)
		}
	}
	if t.src != nil && t.att.job.plant == PlantWatermarkAhead {
		for _, n := range t.nodes { // what follows in the same task had it from the source
			n.ctx.SetWatermark(max(n.ctx.Watermark(), t.src.passed))
			n.outWM = max(n.outWM, t.src.passed)
		}
	}
	t.relink()
	own := state.Range{From: t.nodesFrom(), To: t.nodesTo()}
	for i := range v.subs {
		lo, hi := batch.KeyGroupRange(i, len(v.subs), t.att.job.groups)
		if hi > own.From && lo < own.To && len(v.subs[i].chain) > 0 {
			t.chains = append(t.chains, v.subs[i].chain)
		}
	}
	t.from = p.from
	return nil
}

// restoreSinks deals out what the writers kept, old subtask by old subtask. A sink with a
// parallelism of its own is in its producer's vertex where that has the same and in one of
// its own otherwise, so what it kept may be of another vertex than own, timers and all.
func (t *task) restoreSinks(m *meta, own *metaVertex) error {
	for _, k := range t.sinks {
		for i := range m.vertices {
			v := &m.vertices[i]
			if !slices.Contains(v.ops, k.uid) {
				continue
			}
			for sub := t.sub; sub < len(v.subs); sub += t.v.Parallelism {
				for _, w := range v.subs[sub].writers {
					if w.uid == k.uid {
						k.restored = append(k.restored, w.data)
					}
				}
				if v == own {
					continue
				}
				s, err := decodeInline(v.subs[sub].inline)
				if err != nil {
					return err
				}
				for _, old := range s.nodes {
					if old.uid == k.node.spec.UID {
						t.restoreNode(old, true)
					}
				}
			}
		}
	}
	return nil
}

func (t *task) nodesFrom() int {
	lo, _ := batch.KeyGroupRange(t.sub, t.v.Parallelism, t.att.job.groups)
	return lo
}

func (t *task) nodesTo() int {
	_, hi := batch.KeyGroupRange(t.sub, t.v.Parallelism, t.att.job.groups)
	return hi
}

// merged is the watermark to go on from after two old subtasks: the lowest where
// their inputs were apart, for rows of the slower one would be late after the other's.
// Else every subtask had channels with the same watermarks, so that theirs are equal at
// a barrier; should idleness have made them differ, the highest makes sure that nothing
// fires twice.
func merged(a, b int64, apart bool) int64 {
	if apart {
		return min(a, b)
	}
	return max(a, b)
}

// restoreNode merges what an old subtask kept of a node.
func (t *task) restoreNode(old nodeState, apart bool) {
	for _, n := range t.nodes {
		if n.spec.UID != old.uid {
			continue
		}
		wm := merged(n.ctx.Watermark(), old.wm, apart && n.restored)
		out := merged(n.outWM, old.out, apart && n.restored)
		n.restored = true
		n.ctx.SetWatermark(wm)
		n.outWM = out
		n.finished = wm == batch.MaxWatermark
		for _, at := range old.timers {
			if k, found := slices.BinarySearch(n.timers, at); !found {
				n.timers = slices.Insert(n.timers, k, at)
			}
		}
	}
}

// relink sets what each link last carried from its sender.
func (t *task) relink() {
	if len(t.ins) > 0 {
		t.nodes[0].links[0] = t.nodes[0].ctx.Watermark()
	}
	set := func(outs []receiver, wm int64) {
		for _, r := range outs {
			if r.node != nil {
				r.node.links[r.link] = wm
			}
		}
	}
	if t.src != nil {
		set(t.src.outs, t.src.passed)
	}
	for _, n := range t.nodes {
		set(n.outs, n.outWM)
	}
}

// restoreSplits takes over the splits dealt to this subtask.
func (t *task) restoreSplits(list []splitState, m *meta) {
	s := t.src
	floor := batch.MaxWatermark
	for i, x := range list {
		if t.v.dealt(i) != t.sub {
			continue
		}
		s.add(x.at, input{wm: x.wm}, x.ended)
		floor = min(floor, x.floor)
		if t.att.job.plant == PlantWatermarkAhead {
			floor = max(x.floor, x.wm)
		}
	}
	if m != nil && len(s.splits) > 0 {
		// The task goes on from what the slowest of its splits' tasks had passed on.
		s.wms.cur, s.passed = floor, floor
	}
}

// stateShare is the task's part of the memory for state. Tasks without inputs rarely
// keep any: all of them together have a sixteenth.
func (t *task) stateShare(memory int64) int64 {
	sources := int64(0)
	for _, x := range t.att.tasks {
		if len(x.ins) == 0 {
			sources++
		}
	}
	others := int64(len(t.att.tasks)) - sources
	switch {
	case sources == 0 || others == 0:
		return memory / int64(len(t.att.tasks))
	case len(t.ins) == 0:
		return memory / 16 / sources
	}
	return (memory - memory/16) / others
}

// open restores state and opens operators, writers and readers. It looks outside
// and may take long, so it runs before the first step and not in one.
func (t *task) open() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
	}()
	j := t.att.job
	c := state.Config{Groups: state.Range{From: t.nodesFrom(), To: t.nodesTo()}, MaxGroups: j.groups, PageBytes: j.pageBytes, From: t.oldName}
	if j.plant == PlantKGMismatch {
		c.Groups = t.plantGroups()
	}
	if j.cfg.StateMemory > 0 {
		c.Memory, c.Pool = max(1, t.stateShare(j.cfg.StateMemory)), j.cfg.StatePool
		c.Dir = j.cfg.SpillDir
		if c.Dir != "" {
			c.Dir += "/" + stateName(t.v.UID, t.sub, t.att.n, 0)
		}
	}
	if c.Groups.Len() == 0 {
		return diag.New(diag.Internal, "task %s owns no key group", t.name)
	}
	t.store = state.New(c)
	var chains []state.Chain
	for _, refs := range t.chains {
		var chain state.Chain
		for _, f := range refs {
			r, err := t.from.openState(f)
			if err != nil {
				return err
			}
			env.ReadSoon(r.ReadFile) //mink:det-ok a hint to the system, of which nothing comes back
			defer r.Close()
			chain = append(chain, r)
		}
		chains = append(chains, chain)
	}
	if len(chains) > 0 {
		if err := t.store.Restore(chains); err != nil {
			return err
		}
	}
	for _, n := range t.nodes {
		n.ctx.Store = t.store
		if n.sink != nil {
			err = n.sink.open(n.sink.restored)
		} else if err = n.op.Open(&n.ctx); err != nil {
			err = n.opError(err)
		}
		if e := t.store.Err(); e != nil {
			return e // of what the operator was to find; nothing that follows may go on from it
		}
		if err != nil {
			return err
		}
	}
	if w, ok := t.watch.(StateWatcher); ok && len(chains) > 0 {
		t.tellRestored(w)
	}
	if t.src != nil {
		for _, sp := range t.src.splits {
			if sp.ended {
				continue
			}
			if sp.r, err = t.src.open(sp); err != nil {
				return err
			}
		}
	}
	t.keyed = len(t.store.Describe()) > 0
	if t.continues != nil {
		t.store.Continue(*t.continues)
	}
	return t.store.Err()
}

// plantGroups rounds the other way than routing does.
func (t *task) plantGroups() state.Range {
	q := t.att.job.groups / t.v.Parallelism
	return state.Range{From: t.sub * q, To: (t.sub + 1) * q}
}

// begin is the first step: watermarks that were passed on before are passed on
// again, since the channels are new, and timers are set.
func (t *task) begin() error {
	t.began = true
	for _, n := range t.nodes {
		for _, r := range n.outs {
			if r.edge != nil {
				r.edge.watermark(n.outWM)
			}
		}
		if len(n.timers) > 0 {
			t.armTimer(n.timers[0])
		}
	}
	if t.src != nil {
		for _, r := range t.src.outs {
			if r.edge != nil {
				r.edge.watermark(t.src.passed)
			}
		}
		t.src.start()
		t.tellIdle()
		return nil
	}
	if len(t.ins) == 0 {
		// No channel leads here: the input is empty.
		if len(t.nodes[0].links) == 0 {
			t.nodes[0].link(0)
		}
		if err := t.nodes[0].watermark(0, batch.MaxWatermark); err != nil {
			return err
		}
		if t.nodes[0].sided != nil {
			if err := t.nodes[0].side(batch.MaxWatermark); err != nil {
				return err
			}
		}
		return t.end()
	}
	return nil
}

// close ends the task. It runs between steps, once. The attempt is over, so nothing depends on
// what comes of it, but each part is closed whatever another does, and the store last: nobody
// comes back for the files of what stays open. The error is of the first that panics.
func (t *task) close() (err error) {
	part := func(end func() error) {
		defer func() {
			if r := recover(); r != nil && err == nil {
				err = t.defect(r, "when it was closed")
			}
		}()
		_ = end()
	}
	if t.src != nil {
		t.src.close(part)
	}
	for _, n := range t.nodes {
		part(func() error { return n.op.Close() })
	}
	if t.store != nil {
		t.spilled = t.store.SpilledBytes()
		part(t.store.Close)
	}
	// Timers that are still to come know the task: it must not keep what the job held.
	// The hash of keys that a batch carries lies in the operator that made it.
	for _, n := range t.nodes {
		n.op, n.hold, n.sided, n.finish, n.completer, n.resume, n.ctx.Store = nil, nil, nil, nil, nil, nil, nil
		n.hdr = batch.Batch{}
	}
	t.store, t.limits, t.hdr = nil, nil, batch.Batch{}
	return err
}
