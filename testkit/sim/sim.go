// Package sim runs the job of the checkpoint protocol under simulation: a model
// source, a keyed operator and a two-phase model sink, on the real tasks,
// channels and coordinator of engine/flow, with crashes, slow disks, lost calls and
// another parallelism after each restart.
//
// A seed draws a scenario, the scenario and the seed decide everything else. At the
// end what was committed must be what the input says, once. Planted bugs show that
// the suite would find a broken rule. A failing seed prints the command that
// repeats it.
//
// Begin with Draw in scenario.go, then Run.
package sim

import (
	"cmp"
	"fmt"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
)

// Result is the outcome of a run.
type Result struct {
	// Err is the property that was violated; nil when all held.
	Err error
	// Hash is equal for equal runs, whatever they ran on.
	Hash     uint64
	Steps    int
	Attempts int64
	Restored int64 // checkpoint that the last attempt went on from
	Virtual  time.Duration

	completed []moment // when checkpoints were
}

// limit is the virtual time by which a job must have ended where a scenario has none of its own.
const limit = 10 * time.Minute

// Run runs a scenario.
func Run(sc Scenario) (res Result) { return RunStory(sc, nil) }

// RunStory runs a scenario and tells each step.
func RunStory(sc Scenario, story func(string)) Result { return run(sc, story, nil) }

// run is RunStory that keeps the choices, if chosen is not nil.
func run(sc Scenario, story func(string), chosen flow.SimChoices) (res Result) {
	s := flow.NewSim(flow.SimOptions{
		Seed: sc.Seed, Nodes: sc.Nodes, Policy: sc.Policy, Plant: sc.Plant, Delay: sc.Delay, Disk: sc.Disk,
		Duplicate: sc.Duplicate, Zombies: sc.Zombies, Yield: sc.Yield, Faults: append([]flow.SimFault(nil), sc.Faults...), MaxSteps: sc.MaxSteps, Story: story,
		Choices: sc.Choices, Chosen: chosen,
	})
	w := newWorld(sc, s)
	w.story = story
	cfg := flow.Config{
		JobID: "j", Name: "j", Dir: "ckpt", Seed: sc.Seed | 1, BatchRows: sc.BatchRows, Credits: sc.Credits,
		CheckpointInterval: sc.Interval, CheckpointTimeout: sc.Timeout, TolerableFailures: 1000,
		Retained: sc.Retained, BufferTimeout: sc.Buffer,
		Restart: flow.Restart{Kind: flow.RestartExponential, Delay: 10 * time.Millisecond, MaxDelay: 200 * time.Millisecond},
	}
	job, err := s.Submit(w.graph(), cfg)
	if err != nil {
		return Result{Err: err}
	}
	s.Reshape = w.graph
	defer func() {
		st := job.Status()
		res.Hash, res.Steps, res.Attempts, res.Restored = w.ext.fold(s.Hash()), s.Steps(), st.Attempt, st.Checkpoints.Restored
		res.completed = w.completed
		res.Virtual = time.Duration(s.Now()-w.start) * time.Millisecond
		if r := recover(); r != nil {
			res.Err = fmt.Errorf("broke off: %v", r)
		}
	}()
	if err := s.Run(func() error { return w.check(job) }); err != nil {
		return Result{Err: err}
	}
	if err := job.Err(); err != nil && !(w.kind.endless() && diag.CodeOf(err) == diag.Cancelled) {
		return Result{Err: fmt.Errorf("the job did not recover: %w", err)}
	}
	return Result{Err: w.final()}
}

// world is the outside of a scenario: its input, its external system, what must
// come out.
type world struct {
	sc    Scenario
	sim   *flow.Sim
	kind  Kind
	input [][]row
	ext   *external
	want  int
	start int64
	err   error
	// released is the greatest watermark of any row that was read so far.
	released int64
	runs     int64
	story    func(string)
	// newest is the greatest checkpoint that was complete: none before it may be gone on
	// from. completed is when each was.
	newest    int64
	completed []moment
	attempt   int
}

// moment is when a checkpoint was complete: the steps and the disk's operations before it.
type moment struct {
	n          int64
	steps, ops int
}

// row is one input row. Time is in milliseconds, at the virtual time at which the
// row can be read first.
type row struct{ key, time, at int64 }

func newWorld(sc Scenario, s *flow.Sim) *world {
	w := &world{sc: sc, sim: s, kind: sc.Kind, start: s.Now(), released: batch.NoWatermark}
	w.ext = newExternal(w)
	for range sc.Splits {
		var rows []row
		t := int64(0)
		at := int64(0)
		pace := [...]int{4, 20, 32}[s.Choose(3, "pace")] // splits drift apart
		for range sc.Rows {
			t += int64(s.Choose(pace, "time"))
			if sc.Gaps && s.Choose(sc.Rows/5+1, "gap") == 0 {
				at += int64(10 + s.Choose(150, "gap"))
			}
			// Out of order within the bound that the watermark allows.
			r := row{key: int64(s.Choose(sc.Keys, "key")), time: t - int64(s.Choose(disorder, "order")), at: at}
			rows = append(rows, r)
		}
		w.input = append(w.input, rows)
	}
	w.want = sc.Splits * sc.Rows
	if w.kind == Expand {
		w.want *= copies
	}
	return w
}

func (w *world) newRun() int64 {
	w.runs++
	return w.runs
}

// disorder is how far a row may lie behind the rows before it, in milliseconds.
const disorder = 30

// graph draws the parallelism anew: it is asked before each attempt.
func (w *world) graph() *flow.Graph {
	s, sc := w.sim, &w.sc
	src := &source{w: w}
	snk := &sink{w: w}
	op := func() exec.Operator { return newOp(w) }
	readers, keepers, writers := 1+s.Choose(min(sc.Splits, sc.Parallel), "parallelism"), 1+s.Choose(sc.Parallel, "parallelism"), 1+s.Choose(2, "parallelism")
	if n := len(sc.Shapes); n > 0 {
		p := sc.Shapes[min(max(w.attempt-1, 0), n-1)] // asked once more before the first
		w.attempt++
		readers, keepers, writers = p, p, p
	}
	if sc.Fused == 2 {
		readers, keepers = 1, 1
	}
	from := &flow.SourceSpec{Source: src, Schema: inSchema, Name: "rows", Outs: []flow.Out{flow.ToEdge(0)}, Idle: sc.Idle}
	middle := flow.Node{Op: op, Name: "op", UID: "op1", Outs: []flow.Out{flow.ToEdge(1)}}
	end := flow.Node{Sink: snk, Name: "sink", UID: "sink1"}
	v := func(id int, uid string, p int, nodes ...flow.Node) *flow.Vertex {
		return &flow.Vertex{ID: id, UID: uid, Name: uid, Parallelism: p, Nodes: nodes}
	}
	g := &flow.Graph{MaxParallelism: sc.Groups, Vertices: []*flow.Vertex{v(0, "src", readers)}}
	dealt := flow.Edge{From: 0, To: 1, Kind: flow.Hash, Keys: []int{0}}
	if sc.Fused > 0 {
		middle.Outs[0] = flow.ToNode(1, 0)
	}
	switch sc.Fused {
	case 0:
		g.Vertices = append(g.Vertices, v(1, "op", keepers, middle), v(2, "sink", writers, end))
		g.Edges = []flow.Edge{dealt, {From: 1, To: 2, Kind: flow.Rebalance}}
	case 1:
		g.Vertices = append(g.Vertices, v(1, "op", keepers, middle, end))
		g.Edges = []flow.Edge{dealt}
	default:
		from.Outs[0] = flow.ToNode(0, 0)
		g.Vertices[0].Nodes = []flow.Node{middle, end}
	}
	g.Vertices[0].Source = from
	if w.kind == Window {
		g.Vertices[0].Source.Watermark = func(func() int64) flow.WatermarkEval { return bounded }
	}
	return g
}

// check is asked after each step.
func (w *world) check(job *flow.Job) error {
	if w.err != nil {
		return w.err
	}
	if n, known := w.sim.Newest(); known {
		if n < w.newest {
			return fmt.Errorf("checkpoint %d was complete, and the job went on from %d", w.newest, n)
		}
		if n > w.newest {
			w.newest = n
			w.completed = append(w.completed, moment{n, w.sim.Steps(), w.sim.DiskOps()})
		}
	}
	if most := cmp.Or(w.sc.Limit, limit); time.Duration(w.sim.Now()-w.start)*time.Millisecond > most+w.sc.skew() {
		return fmt.Errorf("stuck: not ended after %s of virtual time (%d of %d rows committed)", most, len(w.ext.rows), w.want)
	}
	if w.kind.endless() && w.sim.Steps()%16 == 0 && len(w.ext.rows) >= w.want && job.State() == flow.Running {
		job.Cancel() // again after a crash: a coordinator may die with the command
	}
	return nil
}
