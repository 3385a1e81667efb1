package flow

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	state "github.com/minkstream/mink/engine/state"
)

// scriptFile has, in a savepoint, what Config.Script said when it was written.
const scriptFile = "_job"

// Snapshot is a savepoint or a checkpoint on disk, for whoever looks at it. Nothing of it
// is changed, and all calls touch the disk.
type Snapshot struct {
	m     *meta
	store *ckptStore
}

// OpenSnapshot opens the folder of a savepoint or of a checkpoint, or its _metadata. It
// fails with checkpoint where there is none or files of it are missing.
func OpenSnapshot(disk env.Disk, dir string) (*Snapshot, error) {
	m, s, err := openSavepoint(disk, dir)
	if err != nil {
		return nil, err
	}
	return &Snapshot{m, s}, nil
}

// Script is what Config.Script said, nil where the snapshot has none.
func (x *Snapshot) Script() ([]byte, error) {
	name := scriptFile
	if !x.m.savepoint {
		var err error
		if name, err = x.store.scriptOf(x.m.attempt); name == "" {
			return nil, err
		}
	}
	b, err := x.store.readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Number is that of the checkpoint.
func (x *Snapshot) Number() int64 { return x.m.id }

// MaxParallelism is the number of key groups.
func (x *Snapshot) MaxParallelism() int { return x.m.groups }

// SnapshotOperator is what a snapshot has of an operator.
type SnapshotOperator struct {
	UID string
	// Task is the name of the vertex that the operator ran in, Parallelism that of it.
	Task        string
	Parallelism int
	// Subtasks is how many subtasks have something, Bytes what that takes: keyed state by
	// operator; positions, watermarks and timers with the first operator of their task.
	Subtasks int
	Bytes    int64
	// Structures are the names of the structures of keyed state, without the operator's.
	Structures []string
}

// Operators lists them in the order of the job's vertices.
func (x *Snapshot) Operators() ([]SnapshotOperator, error) {
	var out []SnapshotOperator
	for i := range x.m.vertices {
		v := &x.m.vertices[i]
		uids := v.ops
		if !slices.Contains(uids, v.uid) {
			uids = append([]string{v.uid}, uids...)
		}
		ops := make([]SnapshotOperator, len(uids))
		for k, uid := range uids {
			ops[k] = SnapshotOperator{UID: uid, Task: v.name, Parallelism: len(v.subs)}
		}
		for _, s := range v.subs {
			has := make([]int64, len(ops))
			has[0] = int64(len(s.inline))
			for _, f := range s.chain {
				if err := x.contents(f, ops, has); err != nil {
					return nil, err
				}
			}
			for k, n := range has {
				if ops[k].Bytes += n; n > 0 {
					ops[k].Subtasks++
				}
			}
		}
		out = append(out, ops...)
	}
	return out, nil
}

// contents adds what a file of keyed state has of each operator.
func (x *Snapshot) contents(f fileRef, ops []SnapshotOperator, bytes []int64) error {
	r, err := x.store.openState(f)
	if err != nil {
		return err
	}
	defer r.Close()
	list, err := state.Contents(r)
	if err != nil {
		return err
	}
	for _, c := range list {
		uid := OwnerOf(c.Name)
		for k := range ops {
			if ops[k].UID != uid {
				continue
			}
			bytes[k] += c.Bytes
			if short := c.Name[len(uid)+1:]; !slices.Contains(ops[k].Structures, short) {
				ops[k].Structures = append(ops[k].Structures, short)
			}
		}
	}
	return nil
}

// Subtasks is how many subtasks of a graph an operator has; 0 if it is not there.
func (g *Graph) Subtasks(uid string) int {
	for _, v := range g.Vertices {
		if slices.ContainsFunc(v.Nodes, func(n Node) bool { return n.UID == uid }) {
			return v.Parallelism
		}
	}
	return 0
}

// Look opens one subtask of an operator of the job's graph and shows it to visit. With
// full it has its state, all of it in memory, at the time of the snapshot; otherwise its
// structures are empty.
func (x *Snapshot) Look(e *env.Env, g *Graph, uid string, sub int, full bool, visit func(op exec.Operator, c *exec.Ctx) error) error {
	if err := g.Validate(); err != nil {
		return err
	}
	if g.maxParallelism() != x.m.groups {
		return diag.New(diag.Checkpoint, "the snapshot has %d key groups and its job %d", x.m.groups, g.maxParallelism())
	}
	j := &jobCore{graph: g, cfg: Config{}.withDefaults(g), env: e, groups: x.m.groups, zone: g.Zone, silent: true}
	j.host = &branchHost{player: &player{silent: true}, nowMS: x.m.time, acks: map[int]*ack{}}
	if j.zone == nil {
		j.zone = time.UTC
	}
	p := plan{attempt: x.m.attempt + 1, splits: make([][]splitState, len(g.Vertices)), done: make([]bool, len(g.Vertices))}
	for i := range p.done {
		p.done[i] = true
	}
	if full {
		p.meta, p.from = x.m, x.store
	}
	a, err := newAttempt(j, p)
	if err != nil {
		return err
	}
	for _, t := range a.tasks {
		for _, n := range t.nodes {
			if t.sub == sub && n.spec.UID == uid && n.sink == nil {
				return t.look(n, x.m.time, visit)
			}
		}
	}
	return diag.New(diag.NotFound, "the job has no operator %s with a subtask %d", uid, sub)
}

// look opens one node of a task and nothing else of it.
func (t *task) look(n *node, now int64, visit func(op exec.Operator, c *exec.Ctx) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.panicked(r)
		}
	}()
	t.store = state.New(state.Config{Groups: state.Range{From: t.nodesFrom(), To: t.nodesTo()}, MaxGroups: t.att.job.groups})
	defer t.store.Close()
	var chains []state.Chain
	for _, refs := range t.chains {
		var chain state.Chain
		for _, f := range refs {
			r, err := t.from.openState(f)
			if err != nil {
				return err
			}
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
	n.ctx.Store = t.store
	defer n.op.Close() // after a failed Open too
	if err := n.op.Open(&n.ctx); err != nil {
		return n.opError(err)
	}
	if err := t.store.Err(); err != nil {
		return err
	}
	t.store.BeginStep(now)
	err = visit(n.op, &n.ctx)
	if e := t.store.EndStep(); err == nil {
		err = e
	}
	return err
}
