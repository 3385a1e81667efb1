package rest

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

func timeout(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func (m *JobManager) checkpoints(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	c := &j.Checkpoints
	out := wire.Checkpoints{Summary: map[string]wire.Summary{}, History: []wire.Checkpoint{}}
	out.Counts.Total, out.Counts.Completed, out.Counts.Failed, out.Counts.InProgress = c.Triggered, c.Completed, c.Failed, c.InProgress
	if c.RestoredFrom > 0 {
		out.Counts.Restored = 1
		out.Latest.Restored = &wire.Restored{ID: c.RestoredFrom, Timestamp: j.Started.UnixMilli()}
	}
	newest := map[string]*wire.Checkpoint{}
	var size, full, took, none []int64
	for i := range c.History {
		h := checkpointOf(&c.History[i], i == 0 || c.Config.Retained > i)
		out.History = append(out.History, h)
		key := h.Status
		if h.Status == "COMPLETED" {
			size, full, took, none = append(size, h.Size), append(full, h.StateSize), append(took, h.Duration), append(none, 0)
			if h.Savepoint {
				key = "SAVEPOINT"
			}
		}
		if newest[key] == nil {
			newest[key] = &h
		}
	}
	out.Latest.Completed, out.Latest.Savepoint, out.Latest.Failed = newest["COMPLETED"], newest["SAVEPOINT"], newest["FAILED"]
	for name, values := range map[string][]int64{
		"checkpointed_size": size, "state_size": full, "end_to_end_duration": took,
		"alignment_buffered": none, "processed_data": none, "persisted_data": none,
	} {
		out.Summary[name] = summary(values)
	}
	return out, nil
}

// summary of a figure; its quantiles are those of the sorted values.
func summary(values []int64) wire.Summary {
	if len(values) == 0 {
		none := wire.Float(math.NaN())
		return wire.Summary{P50: none, P90: none, P95: none, P99: none, P999: none}
	}
	values = slices.Sorted(slices.Values(values))
	at := func(q float64) wire.Float {
		return wire.Float(values[min(len(values)-1, max(0, int(math.Ceil(q*float64(len(values))))-1))])
	}
	s := wire.Summary{Min: values[0], Max: values[len(values)-1], P50: at(.5), P90: at(.9), P95: at(.95), P99: at(.99), P999: at(.999)}
	for _, v := range values {
		s.Avg += v
	}
	s.Avg /= int64(len(values))
	return s
}

// checkpointOf writes one; kept says that it has not been removed for newer ones.
func checkpointOf(c *gateway.Checkpoint, kept bool) wire.Checkpoint {
	w := wire.Checkpoint{
		Class: map[string]string{"IN_PROGRESS": "in_progress", "COMPLETED": "completed", "FAILED": "failed"}[c.State],
		ID:    c.ID, Status: c.State, Savepoint: c.Savepoint, Trigger: c.Triggered.UnixMilli(), LatestAck: c.Triggered.Add(c.Duration).UnixMilli(),
		Size: c.DeltaBytes, StateSize: c.FullBytes, Duration: c.Duration.Milliseconds(), Subtasks: c.Subtasks, Acked: c.Acked, Type: "CHECKPOINT",
		Tasks: map[string]wire.TaskCheckpoint{},
	}
	if c.Savepoint {
		native := "NATIVE"
		w.Type, w.Format = "SAVEPOINT", &native
	}
	switch c.State {
	case "COMPLETED":
		gone := !kept && !c.Savepoint
		path := c.Path
		w.External, w.Discarded = &path, &gone
	case "FAILED":
		at, text := w.LatestAck, c.Failure
		w.FailureTimestamp, w.FailureMessage = &at, &text
	case "IN_PROGRESS":
		w.LatestAck = -1
	}
	return w
}

// numbered finds the checkpoint of the path in the history.
func numbered(r *http.Request, j *gateway.JobStatus) (int, error) {
	id, err := strconv.ParseInt(r.PathValue("c"), 10, 64)
	if err != nil {
		return 0, badParameter("path", "checkpointid", r.PathValue("c"))
	}
	i := slices.IndexFunc(j.Checkpoints.History, func(c gateway.Checkpoint) bool { return c.ID == id })
	if i < 0 {
		return 0, faultf(http.StatusNotFound, "Could not find checkpointing statistics for checkpoint %d.", id)
	}
	return i, nil
}

func (m *JobManager) checkpoint(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	i, err := numbered(r, j)
	if err != nil {
		return nil, err
	}
	c := &j.Checkpoints.History[i]
	out := checkpointOf(c, i == 0 || j.Checkpoints.Config.Retained > i)
	for k := range j.Vertices {
		if t := taskCheckpoint(c, &j.Vertices[k]); t != nil {
			out.Tasks[vertexID(&j.Vertices[k])] = t.TaskCheckpoint
		}
	}
	return out, nil
}

func (m *JobManager) vertexCheckpoint(r *http.Request) (any, error) {
	j, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	i, err := numbered(r, j)
	if err != nil {
		return nil, err
	}
	t := taskCheckpoint(&j.Checkpoints.History[i], v)
	if t == nil {
		return nil, faultf(http.StatusNotFound, "There is no checkpoint statistics for task %s.", vertexID(v))
	}
	return t, nil
}

// taskCheckpoint is the part of a vertex in a checkpoint; nil where it has none.
func taskCheckpoint(c *gateway.Checkpoint, v *gateway.VertexStatus) *wire.TaskCheckpointDetails {
	t := &wire.TaskCheckpointDetails{List: []wire.SubtaskCheckpoint{}}
	t.ID, t.Status, t.LatestAck, t.Duration = c.ID, c.State, -1, -1
	var size, state, took, sync, async, align, delay, none []int64
	for i := range c.Parts {
		p := &c.Parts[i]
		if p.Vertex != v.ID {
			continue
		}
		t.Subtasks++
		if p.Acked.IsZero() {
			t.List = append(t.List, wire.SubtaskCheckpoint{Class: "pending", Index: p.Subtask, Status: "pending_or_failed"})
			continue
		}
		all := p.Acked.Sub(c.Triggered)
		a := &wire.SubtaskAck{At: p.Acked.UnixMilli(), Duration: all.Milliseconds(), Size: p.DeltaBytes, StateSize: p.FullBytes}
		a.Took.Sync, a.Took.Async, a.Alignment.Duration = p.Sync.Milliseconds(), p.Async.Milliseconds(), p.Align.Milliseconds()
		a.Delay = max(0, all-p.Align-p.Sync-p.Async).Milliseconds() // what is left is the way to it, and back
		t.List = append(t.List, wire.SubtaskCheckpoint{Class: "completed", Index: p.Subtask, Status: "completed", SubtaskAck: a})
		t.Acked++
		t.LatestAck, t.Duration = max(t.LatestAck, a.At), max(t.Duration, a.Duration)
		t.Size, t.StateSize = t.Size+a.Size, t.StateSize+a.StateSize
		size, state, took, none = append(size, a.Size), append(state, a.StateSize), append(took, a.Duration), append(none, 0)
		sync, async = append(sync, a.Took.Sync), append(async, a.Took.Async)
		align, delay = append(align, a.Alignment.Duration), append(delay, a.Delay)
	}
	if t.Subtasks == 0 {
		return nil
	}
	s := &t.Summary
	s.Size, s.State, s.Duration, s.Delay = summary(size), summary(state), summary(took), summary(delay)
	s.Took.Sync, s.Took.Async = summary(sync), summary(async)
	s.Alignment.Buffered, s.Alignment.Processed, s.Alignment.Persisted, s.Alignment.Duration = summary(none), summary(none), summary(none), summary(align)
	return t
}

func (m *JobManager) checkpointConfig(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	c := &j.Checkpoints.Config
	out := wire.CheckpointConfig{
		Mode: "exactly_once", Interval: c.Interval.Milliseconds(), Timeout: c.Timeout.Milliseconds(), MinPause: c.MinPause.Milliseconds(),
		MaxConcurrent: 1, StateBackend: "MinkStateBackend", Storage: "JobManagerCheckpointStorage", TolerableFailed: c.TolerableFailures,
		AfterTasksFinish: true, ChangelogPeriod: 600000, ChangelogStorage: "memory",
	}
	if c.Interval <= 0 {
		out.Interval = math.MaxInt64 // as Flink says that there are none
	}
	if c.Dir != "" {
		out.Storage, out.Externalization.Enabled = "FileSystemCheckpointStorage", true
	}
	out.Externalization.DeleteOnCancellation = c.DeleteOnCancel || c.Dir == ""
	return out, nil
}

// trigger is a savepoint or checkpoint that was asked for.
type trigger struct {
	done    chan struct{}
	outcome wire.Outcome
	ended   time.Time
}

// Triggers are remembered for a while after they ended, and no more than so many.
const (
	triggersFor = 5 * time.Minute
	triggersMax = 1000
)

// run starts work whose outcome can be asked for under an id.
func (m *JobManager) run(job, id string, work func(context.Context) wire.Outcome) (any, error) {
	if id == "" {
		id = newTrigger()
	} else if !isHex(id) {
		return nil, faultf(http.StatusBadRequest, "a trigger id has 32 hex digits, %q has not", id)
	}
	t := &trigger{done: make(chan struct{})}
	m.mu.Lock()
	now := m.o.Now()
	m.order = slices.DeleteFunc(m.order, func(k string) bool {
		old := m.triggers[k]
		if old.ended.IsZero() || now.Sub(old.ended) < triggersFor && len(m.order) < triggersMax {
			return false
		}
		delete(m.triggers, k)
		return true
	})
	key := job + id
	if m.triggers[key] != nil {
		m.mu.Unlock()
		return wire.Trigger{ID: id}, nil // the same request a second time
	}
	m.triggers[key] = t
	m.order = append(m.order, key)
	m.mu.Unlock()
	go func() {
		ctx, cancel := timeout(time.Hour)
		defer cancel()
		out := work(ctx)
		m.mu.Lock()
		t.outcome, t.ended = out, m.o.Now()
		m.mu.Unlock()
		close(t.done)
	}()
	return wire.Trigger{ID: id}, nil
}

func (m *JobManager) triggered(r *http.Request) (any, error) {
	job, id := r.PathValue("j"), r.PathValue("trigger")
	if !isHex(job) {
		return nil, badParameter("path", "jobid", job)
	}
	if !isHex(id) {
		return nil, badParameter("path", "triggerid", id)
	}
	m.mu.Lock()
	t := m.triggers[job+id]
	m.mu.Unlock()
	if t == nil {
		return nil, faultf(http.StatusNotFound, "There is no savepoint operation with triggerId=%s for job %s.", id, job)
	}
	var out wire.Triggered
	out.Status.ID = "IN_PROGRESS"
	select {
	case <-t.done:
		out.Status.ID, out.Operation = "COMPLETED", &t.outcome
	default:
	}
	return out, nil
}

// target is where a savepoint goes, or why it goes nowhere.
func (m *JobManager) target(r *http.Request, dir, property string) (*gateway.JobStatus, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	if dir == "" && j.Settings["execution.checkpointing.savepoint-dir"] == "" {
		return nil, faultf(http.StatusBadRequest, "Config key [execution.checkpointing.savepoint-dir] is not set. Property [%s] must be provided.", property)
	}
	return j, nil
}

func (m *JobManager) triggerSavepoint(r *http.Request) (any, error) {
	var body wire.SavepointRequest
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	j, err := m.target(r, body.Dir, "target-directory")
	if err != nil {
		return nil, err
	}
	return m.run(j.ID, body.TriggerID, func(ctx context.Context) wire.Outcome {
		if body.CancelJob {
			return located(m.client.Stop(ctx, j.ID, localPath(body.Dir), false))
		}
		return located(m.client.Savepoint(ctx, j.ID, localPath(body.Dir)))
	})
}

func (m *JobManager) triggerStop(r *http.Request) (any, error) {
	var body wire.StopRequest
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	j, err := m.target(r, body.Dir, "targetDirectory")
	if err != nil {
		return nil, err
	}
	return m.run(j.ID, body.TriggerID, func(ctx context.Context) wire.Outcome {
		return located(m.client.Stop(ctx, j.ID, localPath(body.Dir), body.Drain))
	})
}

func located(path string, err error) wire.Outcome {
	if err != nil {
		return wire.Outcome{Failure: causeOf(err)}
	}
	return wire.Outcome{Location: path}
}

func (m *JobManager) triggerCheckpoint(r *http.Request) (any, error) {
	var body wire.CheckpointRequest
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	return m.run(j.ID, body.TriggerID, func(ctx context.Context) wire.Outcome {
		id, err := m.client.Checkpoint(ctx, j.ID)
		if err != nil {
			if diag.As(err) == nil {
				err = diag.Wrap(diag.Checkpoint, err, "taking a checkpoint")
			}
			return wire.Outcome{FailureToo: causeOf(err)}
		}
		return wire.Outcome{CheckpointID: &id}
	})
}

// localPath reads a path or a file URI, as Flink's clients send either.
func localPath(dir string) string {
	for _, scheme := range []string{"file://", "file:"} {
		if len(dir) > len(scheme) && dir[:len(scheme)] == scheme {
			return dir[len(scheme):]
		}
	}
	return dir
}
