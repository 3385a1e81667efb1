package flow

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	state "github.com/minkstream/mink/engine/state"
)

// Branching says how a job goes on from what another, or the same, has saved.
type Branching struct {
	// Graph is what runs. Its sources are asked from their splits' positions on; nothing
	// is written to its sinks.
	Graph *Graph
	// Of says which operator of the saved job each of Graph goes on from, by UID; Names
	// which structure, by its whole name. Those that are not there begin empty.
	Of, Names map[string]string
	// Splits are those of a source: where it goes on, in the source's own terms.
	Splits func(v *Vertex) ([]connect.Split, error)
	// Watch hears what happens; may be nil.
	Watch Watcher
}

// Branch is a run that has left a tape. It belongs to one goroutine.
type Branch struct {
	att   *attempt
	host  *branchHost
	begun bool
	// Steps counts those that were taken, polls included.
	turns int64
}

// Branch makes the tasks, with their state in place. Close it after use.
func (t *Tape) Branch(from *Saved, how Branching) (*Branch, error) {
	g := how.Graph
	if err := g.Validate(); err != nil {
		return nil, err
	}
	if g.maxParallelism() != from.groups {
		return nil, diag.New(diag.Checkpoint, "the state has %d key groups and the job %d", from.groups, g.maxParallelism()).
			WithHint("leave pipeline.max-parallelism as it was")
	}
	j := *t.job
	h := &branchHost{player: &player{silent: true}, nowMS: from.TimeMS, acks: map[int]*ack{}}
	j.graph, j.host, j.store, j.watch, j.silent, j.whole, j.pageBytes = g, h, from.store, how.Watch, true, true, keptPage
	j.cfg.StateMemory = 0
	p := plan{attempt: from.At.Attempt + 1, splits: make([][]splitState, len(g.Vertices)), done: make([]bool, len(g.Vertices))}
	for i := range p.done {
		p.done[i] = true
	}
	a, err := newAttempt(&j, p)
	if err != nil {
		return nil, err
	}
	b := &Branch{att: a, host: h}
	for _, tk := range a.tasks {
		if err = tk.takeOver(from, &how); err == nil {
			err = tk.open()
		}
		if err != nil {
			b.Close()
			return nil, err
		}
		tk.live.Store(true)
	}
	return b, nil
}

// takeOver takes what a task goes on from, which may be in several vertices of the saved
// job, each with another parallelism.
func (t *task) takeOver(from *Saved, how *Branching) error {
	var old []*savedVertex
	add := func(uid string) *savedVertex {
		for i := range from.vertices {
			x := &from.vertices[i]
			if x.v.UID == uid || slices.ContainsFunc(x.v.Nodes, func(n Node) bool { return n.UID == uid }) {
				if !slices.Contains(old, x) {
					old = append(old, x)
				}
				return x
			}
		}
		return nil
	}
	apart := t.att.job.graph.apart(t.v.ID)
	for k, n := range t.nodes {
		was := how.Of[n.spec.UID]
		if was == "" {
			continue
		}
		x := add(was)
		if x == nil {
			continue
		}
		same := len(x.subs) == t.v.Parallelism
		seen := false
		for i, s := range x.subs {
			if same && i != t.sub {
				continue
			}
			if k == 0 {
				t.wms.cur = merged(t.wms.cur, s.own.wm, apart && seen)
				seen = true
			}
			for _, state := range s.own.nodes {
				if state.uid == was {
					state.uid = n.spec.UID
					t.restoreNode(state, apart)
				}
			}
		}
	}
	if t.src != nil {
		if err := t.takeSplits(from, how, add); err != nil {
			return err
		}
	}
	t.relink()
	own := state.Range{From: t.nodesFrom(), To: t.nodesTo()}
	for _, x := range old {
		for i, s := range x.subs {
			lo, hi := batch.KeyGroupRange(i, len(x.subs), t.att.job.groups)
			if s.file != nil && hi > own.From && lo < own.To {
				t.chains = append(t.chains, []fileRef{*s.file})
			}
		}
	}
	t.from = from.store
	t.oldName = func(name string) string {
		if was := how.Names[name]; was != "" {
			return was
		}
		return "\x00" // no structure is called so
	}
	return nil
}

// takeSplits takes positions and watermarks of a source.
func (t *task) takeSplits(from *Saved, how *Branching, add func(string) *savedVertex) error {
	splits, err := how.Splits(t.v)
	if err != nil {
		return err
	}
	had := map[string]splitState{}
	if x := add(how.Of[t.v.UID]); x != nil {
		for _, s := range x.subs {
			for _, sp := range s.own.splits {
				had[sp.at.ID] = sp
			}
		}
	}
	var list []splitState
	known := false
	for _, at := range splits {
		sp := splitState{at: at, wm: batch.NoWatermark, floor: batch.NoWatermark}
		if was, ok := had[at.ID]; ok {
			sp.wm, sp.floor = was.wm, was.floor
			known = true
		}
		list = append(list, sp)
	}
	var m *meta
	if known {
		m = &meta{}
	}
	t.restoreSplits(list, m)
	return nil
}

// Structures are those of all operators, by their whole names, with what they hold.
func (b *Branch) Structures() []state.Description {
	var out []state.Description
	at := map[string]int{}
	for _, t := range b.att.tasks {
		for _, d := range t.store.Describe() {
			i, ok := at[d.Name]
			if !ok {
				at[d.Name] = len(out)
				out = append(out, d)
				continue
			}
			out[i].Entries += d.Entries
			out[i].MemBytes += d.MemBytes
		}
	}
	return out
}

// OwnerOf is the UID of the operator that a structure belongs to.
func OwnerOf(structure string) string {
	uid, _, _ := strings.Cut(structure, ".")
	return uid
}

// Run goes on to the end of the inputs. stop is asked between turns.
func (b *Branch) Run(stop func() bool) error {
	a, h := b.att, b.host
	if !b.begun {
		b.begun = true
		for _, t := range a.tasks {
			t.mail.put(mail{kind: mailStart, attempt: a.n})
		}
	}
	for !b.ended() {
		if stop != nil && stop() {
			return errStopped
		}
		ran, err := h.turn(a, true)
		switch {
		case err != nil:
			return err
		case ran:
		case len(h.timers) == 0:
			return diag.New(diag.Internal, "the branch waits for something that does not come")
		default:
			x := h.timers[0]
			h.timers = slices.Delete(h.timers, 0, 1)
			h.nowMS = max(h.nowMS, x.at)
			x.to.mail.put(x.m)
		}
		b.turns++
	}
	return nil
}

func (b *Branch) ended() bool {
	for _, t := range b.att.tasks {
		if !t.ended || t.paused != nil || t.calls > 0 {
			return false
		}
	}
	return true
}

// Each calls visit with each operator's subtask, to be looked at or changed between two
// steps: changes are of state alone, and only before Run.
func (b *Branch) Each(uid string, visit func(subtask int, op exec.Operator, c *exec.Ctx) error) error {
	for _, t := range b.att.tasks {
		for _, n := range t.nodes {
			if n.spec.UID != uid {
				continue
			}
			t.store.BeginStep(b.host.nowMS)
			err := visit(t.sub, n.op, &n.ctx)
			if e := t.store.EndStep(); err == nil {
				err = e
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Close lets go of the tasks.
func (b *Branch) Close() {
	for _, t := range b.att.tasks {
		t.close()
	}
}
