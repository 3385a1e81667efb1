//mink:det-ok the job handle is used by its owners, on their own goroutines

package flow

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// Job is a submitted job, as its owner sees it. Methods may be called from any
// goroutine.
type Job struct {
	c    *coordinator
	host host
}

// newJob prepares a job for a host.
func newJob(e *env.Env, h host, g *Graph, cfg Config, p Plant) (*Job, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults(g)
	j := &jobCore{graph: g, cfg: cfg, env: e, host: h, groups: g.maxParallelism(), seed: cfg.Seed, zone: g.Zone, plant: p, watch: cfg.Watch}
	if j.seed == 0 {
		j.seed = e.Seed
	}
	if j.zone == nil {
		j.zone = time.UTC
	}
	if j.cfg.JobID == "" {
		j.cfg.JobID = fmt.Sprintf("%016x%016x", batch.Mix(j.seed^uint64(h.mono())), batch.Mix(uint64(h.now())))
	}
	if j.cfg.Name == "" {
		j.cfg.Name = j.cfg.JobID
	}
	j.disk = g.on(e.Disk)
	j.named = j.disk
	if cfg.Files != nil {
		j.named = g.on(cfg.Files)
	}
	j.store = &ckptStore{disk: j.disk, dir: cfg.Dir, plant: p}
	if cfg.Dir == "" {
		j.store = &ckptStore{disk: env.NewMemDisk(), dir: "job", plant: p}
	}
	if cfg.Record.To != nil {
		j.tape = newTaper(j)
	}
	return &Job{c: newCoordinator(j), host: h}, nil
}

// ID names the job.
func (j *Job) ID() string { return j.c.job.cfg.JobID }

// Done is closed when the job has ended.
func (j *Job) Done() <-chan struct{} { return j.c.done }

// Wait returns when the job has ended: nil if it finished, its error if it failed,
// an error with the code cancelled if it was cancelled. If ctx ends first, its error
// comes back and the job goes on.
func (j *Job) Wait(ctx context.Context) error {
	select {
	case <-j.c.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return j.Err()
}

// Err is what Wait returns, for a job that has ended; nil before.
func (j *Job) Err() error {
	j.c.mu.Lock()
	defer j.c.mu.Unlock()
	switch j.c.status.State {
	case Failed:
		if j.c.status.Err == nil {
			return diag.New(diag.JobFailed, "job %s failed", j.c.job.cfg.Name)
		}
		return j.c.status.Err
	case Cancelled:
		return diag.New(diag.Cancelled, "job %s was cancelled", j.c.job.cfg.Name)
	}
	return nil
}

// Cancel ends the job without a checkpoint. It returns at once; see Wait.
func (j *Job) Cancel() { j.ask(&command{kind: cmdCancel}) }

// Writable makes sure that a savepoint can be written below dir: a job that stops for one
// that cannot be written would be gone.
func (j *Job) Writable(dir string) error {
	if dir == "" || j.c == nil || j.c.job.named == nil {
		return nil
	}
	if err := j.c.job.named.MkdirAll(dir); err != nil {
		return diag.Wrap(diag.Checkpoint, err, "no savepoint can be written to %s", dir)
	}
	return nil
}

// Savepoint writes a savepoint below dir and returns its folder. The job goes on.
func (j *Job) Savepoint(ctx context.Context, dir string) (string, error) {
	return j.await(ctx, &command{kind: cmdSavepoint, dir: dir})
}

// Checkpoint takes a checkpoint now and returns its folder.
func (j *Job) Checkpoint(ctx context.Context) (string, error) {
	return j.await(ctx, &command{kind: cmdCheckpoint})
}

// Stop takes a savepoint below dir, behind which no task takes rows, and ends the
// job. With drain the sources end their input first, so that windows fire.
func (j *Job) Stop(ctx context.Context, dir string, drain bool) (string, error) {
	k := &command{kind: cmdStop, dir: dir}
	if drain {
		k.kind = cmdDrain
	}
	return j.await(ctx, k)
}

func (j *Job) ask(k *command) { j.host.command(j.c, k) }

func (j *Job) await(ctx context.Context, k *command) (string, error) {
	type reply struct {
		path string
		err  error
	}
	got := make(chan reply, 1)
	k.reply = func(path string, err error) { got <- reply{path, err} }
	j.ask(k)
	select {
	case r := <-got:
		return r.path, r.err
	case <-j.c.done:
		select {
		case r := <-got:
			return r.path, r.err
		default:
			return "", diag.New(diag.JobFailed, "the job has ended")
		}
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// State is where the job is in its life.
func (j *Job) State() State {
	j.c.mu.Lock()
	defer j.c.mu.Unlock()
	return j.c.status.State
}

// Status is a picture of the job and its tasks.
func (j *Job) Status() Status {
	c := j.c
	c.mu.Lock()
	s := c.status
	s.Checkpoints.History = slices.Clone(s.Checkpoints.History)
	for i := range s.Checkpoints.History {
		if h := &s.Checkpoints.History[i]; h.State == "IN_PROGRESS" {
			h.Parts = slices.Clone(h.Parts)
		}
	}
	att := c.att
	c.mu.Unlock()
	if att == nil {
		return s
	}
	s.Tasks = make([]TaskStatus, 0, len(att.tasks))
	for _, t := range att.tasks {
		s.Tasks = append(s.Tasks, t.status(s.State))
	}
	return s
}

// status looks at a task between two of its steps.
func (t *task) status(job State) TaskStatus {
	t.stepMu.Lock()
	defer t.stepMu.Unlock()
	if t.seen != nil {
		s := *t.seen
		if job.Ended() {
			s.State = job
		}
		return s
	}
	s := TaskStatus{
		Vertex: t.v.ID, Subtask: t.sub, Node: t.slot, State: Initializing, Attempt: t.att.n, Steps: t.step,
		RowsIn: t.rowsIn, BatchesIn: t.batchesIn, BytesIn: t.bytesIn, Watermark: t.wms.cur, Idle: t.idle,
		BusyNanos: t.busy, BlockedNanos: t.blockedFor,
	}
	now := t.att.host.mono()
	if t.started > 0 {
		s.UptimeNanos = now - t.started
	}
	if t.blockedAt > 0 {
		s.BlockedNanos += now - t.blockedAt
	}
	switch {
	case job.Ended():
		s.State = job
	case t.failed:
		s.State = Failed
	case t.dead.Load():
		s.State = Cancelled
	case t.ended || t.src != nil && t.src.drained:
		s.State = Finished
	case t.live.Load():
		s.State = Running
	}
	s.SpilledBytes = t.spilled
	if t.live.Load() && t.store != nil {
		s.SpilledBytes = t.store.SpilledBytes()
		if !t.dead.Load() {
			s.StateBytes = t.store.MemBytes()
		}
	}
	for _, o := range t.outs {
		for i := range o.lanes {
			s.RowsOut += o.lanes[i].rows
			s.BatchesOut += o.lanes[i].sent
			s.BytesOut += o.lanes[i].bytes
		}
	}
	if t.src != nil {
		s.Watermark = t.src.passed
		if t.src.drained {
			s.Watermark = batch.MaxWatermark // the end is past every time
		}
		op := OpStatus{Node: -1, UID: t.v.UID, Name: t.src.spec.Name, RowsIn: t.src.rowsOut, RowsOut: t.src.rowsOut, Watermark: s.Watermark, BadRecords: t.src.bad, LastBadRecord: t.src.badText}
		for i, sp := range t.src.splits {
			in := t.src.wms.in[i]
			op.Splits = append(op.Splits, SplitStatus{ID: sp.at.ID, Watermark: in.wm, Ended: in.ended, Idle: in.idle, Paused: in.wm > t.src.limit})
		}
		s.Ops = append(s.Ops, op)
	}
	for _, n := range t.nodes {
		op := OpStatus{
			Node: n.num, UID: n.spec.UID, Name: n.spec.Name, RowsIn: n.rowsIn, RowsOut: n.rowsOut, Watermark: n.ctx.Watermark(),
			Late: n.late, Counters: slices.Clone(n.counters), Timers: len(n.timers),
		}
		if n.sink != nil {
			op.PendingCommittals = len(n.sink.prepared)
			if len(t.outs) == 0 {
				s.RowsOut += n.rowsOut
			}
		}
		s.Ops = append(s.Ops, op)
	}
	return s
}

// stackError carries the stack of a broken-off step for logs; it is no part of any
// message.
type stackError struct{ text string }

func (s stackError) Error() string { return s.text }

func stackText() error { return stackError{string(debug.Stack())} }

func appendInt(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) }

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
