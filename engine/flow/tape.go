//mink:det-ok a tape is written by the host, between steps

package flow

import (
	"errors"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
)

// taper writes the tape of a job while it runs: tasks keep what their steps were given
// in memory, and every tapeEvery it goes to the folder.
type taper struct {
	job *jobCore
	to  *trace.Folder
	num int

	mu       sync.Mutex
	attempts []*tapedAttempt
	err      error
	cuts     bool // the tape may come to begin at a checkpoint
}

// tapedAttempt is an attempt with what of it is not in the folder yet.
type tapedAttempt struct {
	n       int64
	tasks   []*task
	started trace.Attempt
	noted   bool // in the manifest
	// from is the checkpoint behind which the part of each task begins, frames are how
	// the tasks stood at checkpoints that are not complete or given up yet, and outputs
	// the pieces of output before them.
	from    []int64
	frames  map[int64][]*frame
	outputs map[int64]int
}

// tapeEvery is how long a step stays in memory alone.
const tapeEvery = 50 * time.Millisecond

func newTaper(j *jobCore) *taper {
	tp := &taper{job: j, to: j.cfg.Record.To, num: j.cfg.Record.Number, cuts: j.cfg.Record.To.IsRing()}
	tp.note(func(m *trace.Manifest) {
		for len(m.Jobs) <= tp.num {
			m.Jobs = append(m.Jobs, trace.Job{})
		}
		k := &m.Jobs[tp.num]
		k.ID, k.Name, k.Seed, k.Full, k.Embedded = j.cfg.JobID, j.cfg.Name, j.seed, j.cfg.Record.Full, j.cfg.Record.Embed
	})
	return tp
}

// note changes the manifest.
func (tp *taper) note(change func(m *trace.Manifest)) { tp.failed(tp.to.Edit(change)) }

// failed keeps the first error: from then on the tape is not written any more.
func (tp *taper) failed(err error) {
	if tp.err == nil {
		tp.err = err
	}
}

// keep takes a checkpoint over, since the job removes its own in time: a second name of each
// file is enough, but for a ring, which lies in memory. It runs outside of steps.
func (tp *taper) keep(from *ckptStore, m *meta, attempt int64) error {
	if !tp.to.Takes(tp.num, attempt, m.bytes()) {
		return nil
	}
	disk, dir := tp.to.Checkpoint(tp.num, attempt)
	return from.export(m, disk, dir, nil, !tp.to.IsRing())
}

// begin gives the tasks of a new attempt their recorders.
func (tp *taper) begin(a *attempt, p plan) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	x := &tapedAttempt{n: a.n, tasks: a.tasks, from: make([]int64, len(a.tasks)), frames: map[int64][]*frame{}, outputs: map[int64]int{}}
	h := tp.job.host
	x.started = trace.Attempt{N: a.n, Began: h.now(), Stamp: h.mono(), Slots: p.slots, Done: append([]bool(nil), p.done...), Splits: make([][]trace.Split, len(p.splits))}
	if p.meta != nil {
		x.started.Checkpoint = p.meta.id
	}
	if x.started.Parallelism = a.job.graph.Planned; x.started.Parallelism != 0 {
		x.started.Sources = sources(a.tasks)
		for _, t := range a.tasks {
			x.started.Tasks = append(x.started.Tasks, t.name)
		}
	}
	for i, list := range p.splits {
		for _, s := range list {
			x.started.Splits[i] = append(x.started.Splits[i], trace.Split{ID: s.at.ID, Pos: s.at.Pos, Watermark: s.wm, Floor: s.floor, Ended: s.ended})
		}
	}
	for _, t := range a.tasks {
		t.rec = tp.job.recorder(t.v)
		t.rec.embed, t.rec.cuts = tp.job.embeds(t.v), tp.cuts
		if t.rec.embed && !tp.cuts {
			t.rec.out.write = func(from int64, rows []byte) error {
				return tp.to.Rows(tp.num, a.n, t.id, from, t.v.Source.Schema, rows)
			}
		}
	}
	tp.attempts = append(tp.attempts, x)
}

// sources are the readers among tasks.
func sources(tasks []*task) (list []trace.Source) {
	for _, t := range tasks {
		switch {
		case t.src == nil:
		case t.sub > 0:
			last := &list[len(list)-1]
			last.Tasks = append(last.Tasks, t.id)
		default:
			once, ok := t.src.spec.Source.(connect.Once)
			list = append(list, trace.Source{
				Table: t.src.spec.Table, Vertex: t.v.ID, Tasks: []int{t.id}, Ordered: t.src.ordered, Once: ok && once.Once(),
			})
		}
	}
	return list
}

// embeds reports that the tape keeps the rows of a vertex's source.
func (j *jobCore) embeds(v *Vertex) bool {
	if v.Source == nil {
		return false
	}
	once, ok := v.Source.Source.(connect.Once)
	return j.cfg.Record.Embed || ok && once.Once()
}

// flush writes what the tasks have kept since the last call.
func (tp *taper) flush() {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.write()
}

func (tp *taper) write() {
	for _, x := range tp.attempts {
		if !x.noted {
			x.noted = true
			tp.note(func(m *trace.Manifest) {
				k := &m.Jobs[tp.num]
				if !tp.to.Lost(tp.num, x.n) {
					k.Attempts = append(k.Attempts, x.started)
				}
				if x.started.Parallelism != 0 {
					return
				}
				k.Tasks, k.Sources = k.Tasks[:0], sources(x.tasks)
				for _, t := range x.tasks {
					k.Tasks = append(k.Tasks, t.name)
				}
			})
		}
		for _, t := range x.tasks {
			tp.writeTask(x, t)
		}
	}
}

func (tp *taper) writeTask(x *tapedAttempt, t *task) {
	o := &t.rec.out
	o.mu.Lock()
	defer o.mu.Unlock()
	t.stepMu.Lock()
	done, blocks, rows := t.rec.done, t.rec.log.Take(), t.rec.rows.take()
	t.rec.rows.back(o.spare)
	t.rec.done = nil
	t.stepMu.Unlock()
	tp.failed(o.err)
	for _, p := range done {
		tp.put(x, t, p.log, p.rows)
		x.cut(t, p)
		o.from = p.n
	}
	tp.put(x, t, blocks, rows)
	o.spare = rows
}

// rowsOut is the way of a task's rows to the tape. Lock mu before the task's stepMu.
type rowsOut struct {
	mu    sync.Mutex
	write func(from int64, rows []byte) error // nil: the taper alone writes
	from  int64                               // as tapedAttempt.from
	spare [][]byte                            // pieces that were written
	err   error
}

// spill writes the rows that a task has kept if they are many, behind its steps and on
// their worker: they are still in its cache, and soon will not be.
func (r *recorder) spill(t *task) {
	o := &r.out
	if o.write == nil || !o.mu.TryLock() {
		return // the taper is just about it
	}
	defer o.mu.Unlock()
	t.stepMu.Lock()
	if len(r.done) > 0 || r.rows.whole() == 0 {
		t.stepMu.Unlock()
		return // what was cut comes first
	}
	rows := r.rows.take()
	t.stepMu.Unlock()
	for _, piece := range rows {
		if o.err == nil {
			o.err = o.write(o.from, piece)
		}
	}
	// Filled again at once, the same memory is in the cache.
	t.stepMu.Lock()
	r.rows.back(rows)
	t.stepMu.Unlock()
}

// put writes to the part of a task. Rows go before the steps that took them: a tape that breaks
// off, or is copied while it is written, has those of all its steps.
func (tp *taper) put(x *tapedAttempt, t *task, blocks []byte, rows [][]byte) {
	for _, piece := range rows {
		if tp.err == nil {
			tp.failed(tp.to.Rows(tp.num, x.n, t.id, x.from[t.id], t.v.Source.Schema, piece))
		}
	}
	if tp.err == nil && len(blocks) > 0 {
		tp.failed(tp.to.Steps(tp.num, x.n, t.id, x.from[t.id], blocks))
	}
}

// close writes the rest, once the job has ended.
func (tp *taper) close(s Status) error {
	tp.flush()
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.attempts = nil
	tp.note(func(m *trace.Manifest) {
		k := &m.Jobs[tp.num]
		if k.State = s.State.String(); s.Err != nil {
			k.Error = s.Err.Error()
		}
	})
	return tp.err
}

// CloseTape writes the rest of the tape of a job that has ended and was run with
// Config.Record; it returns what kept the tape from being whole.
func (j *Job) CloseTape() error {
	if j.c.job.tape == nil {
		return diag.New(diag.Config, "the job keeps no tape")
	}
	return j.c.job.tape.close(j.Status())
}

// Tape is the recorded run of a job: everything needed to execute it again, in this
// process and on one goroutine. Sources whose rows are not on it are read again;
// external systems are not called.
type Tape struct {
	job      *jobCore
	num      int
	attempts []tapeAttempt
	// state and cause are how the job ended.
	state, cause string
	// open says that the recording did not come to its end: tasks may have been stopped
	// anywhere.
	open bool
}

type tapeAttempt struct {
	graph *Graph
	// timeMS is the time when the clock of stamps stood at mono.
	timeMS, mono int64
	plan         plan
	tasks        [][]trace.Step
	// frames are the tasks where the tape begins, if that is in the middle of the attempt.
	frames [][]byte
	base   []byte
	splits [][]trace.Split
	// lost: not all that its tasks did is there.
	lost bool
	// inputs opens the rows of a task; nil where they are read again.
	inputs []func() (*trace.RowReader, error)
}

// ReadTape reads job num of a tape. The graph and the configuration are those that the
// job was run with; what the tape has of the latter goes before. again gives the graph for another
// parallelism.default, for jobs that went on with one; nil where there is none.
func ReadTape(f *trace.File, num int, e *env.Env, g *Graph, cfg Config, again func(parallelism int) (*Graph, error)) (*Tape, error) {
	if num >= len(f.Manifest.Jobs) {
		return nil, diag.New(diag.InvalidTape, "the tape %s has no job %d", f.Name, num)
	}
	m := &f.Manifest.Jobs[num]
	if err := g.Validate(); err != nil {
		return nil, err
	}
	cfg.JobID, cfg.Name, cfg.Record = m.ID, m.Name, Record{Full: m.Full, Embed: m.Embedded}
	cfg = cfg.withDefaults(g)
	cfg.Late, cfg.Dir = nil, ""
	cfg.SpillDir = "" // spilled state of a replay stays in memory
	t := &Tape{num: num, state: m.State, cause: m.Error, open: !f.Manifest.Closed || f.Manifest.Live, job: &jobCore{graph: g, cfg: cfg, env: e, groups: g.maxParallelism(), seed: m.Seed, zone: g.Zone}}
	if t.job.zone == nil {
		t.job.zone = time.UTC
	}
	graphs := map[int]*Graph{0: g}
	for i := range m.Attempts {
		a := &m.Attempts[i]
		own, err := graphs[a.Parallelism], error(nil)
		if own == nil && again != nil {
			if own, err = again(a.Parallelism); err == nil {
				err = own.Validate()
			}
			graphs[a.Parallelism] = own
		}
		if err != nil {
			return nil, err
		}
		if tasks := len(m.TasksOf(a)); own == nil || tasks != own.Tasks() {
			return nil, diag.New(diag.InvalidTape, "the tape has %d tasks of the job, and the script gives it %d", tasks, g.Tasks())
		}
		x, err := t.attempt(f, num, *a, own)
		if err != nil {
			return nil, err
		}
		t.attempts = append(t.attempts, x)
	}
	return t, nil
}

func (t *Tape) attempt(f *trace.File, num int, a trace.Attempt, g *Graph) (tapeAttempt, error) {
	x := tapeAttempt{graph: g, timeMS: a.Began, mono: a.Stamp, lost: a.Lost, plan: plan{attempt: a.N, slots: a.Slots, done: a.Done, splits: make([][]splitState, len(a.Splits))}}
	if len(a.Splits) != len(g.Vertices) || len(a.Done) != len(g.Vertices) {
		return x, diag.New(diag.InvalidTape, "the tape has %d vertices of the job, and the script gives it %d", len(a.Splits), len(g.Vertices))
	}
	for i, list := range a.Splits {
		for _, s := range list {
			x.plan.splits[i] = append(x.plan.splits[i], splitState{at: connect.Split{ID: s.ID, Pos: s.Pos}, wm: s.Watermark, floor: s.Floor, ended: s.Ended})
		}
	}
	if a.Checkpoint > 0 {
		disk := env.NewMemDisk()
		var err error
		if a.Base {
			x.splits = a.Splits
			if x.base, err = f.Base(num, a.N, a.Checkpoint, disk, "from"); err == nil {
				x.frames, err = decodeFrames(x.base, g.Tasks())
			}
		} else {
			err = f.Checkpoint(num, a.N, disk, "from")
		}
		if err != nil {
			return x, err
		}
		if x.plan.meta, x.plan.from, err = openSavepoint(disk, "from"); err != nil {
			return x, err
		}
	}
	id := 0
	for _, v := range g.Vertices {
		for range v.Parallelism {
			steps, err := f.Steps(num, a.N, id)
			if err != nil {
				return x, err
			}
			x.tasks = append(x.tasks, steps)
			var open func() (*trace.RowReader, error)
			if task := id; t.job.embeds(v) {
				open = func() (*trace.RowReader, error) { return f.Rows(num, a.N, task, v.Source.Schema) }
			}
			x.inputs = append(x.inputs, open)
			id++
		}
	}
	return x, nil
}

// embeddedReader stands for the reader of a split whose rows are on the tape.
type embeddedReader struct{ at connect.Split }

func (r embeddedReader) Poll(*batch.Batch, int) (connect.Status, error) {
	return connect.End, errors.New("the rows of the split are on the tape")
}
func (r embeddedReader) NextAt() int64           { return 0 }
func (r embeddedReader) Position() connect.Split { return r.at }
func (r embeddedReader) Close() error            { return nil }
