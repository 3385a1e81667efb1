package rest

import (
	"cmp"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// jobStates and taskStates are all that Flink has; mink is in some of them.
var (
	jobStates  = []string{"CREATED", "SUSPENDED", "FINISHED", "CANCELED", "RUNNING", "FAILED", "RECONCILING", "INITIALIZING", "RESTARTING", "FAILING", "CANCELLING"}
	taskStates = []string{"SCHEDULED", "CANCELED", "CREATED", "FAILED", "DEPLOYING", "INITIALIZING", "RUNNING", "FINISHED", "CANCELING", "RECONCILING"}
)

func (m *JobManager) jobIDs(r *http.Request) (any, error) {
	list, err := m.client.Jobs(r.Context())
	out := wire.JobIDs{Jobs: []wire.JobID{}}
	for _, j := range slices.Backward(list) {
		out.Jobs = append(out.Jobs, wire.JobID{ID: j.ID, Status: j.State})
	}
	return out, err
}

func (m *JobManager) jobsOverview(r *http.Request) (any, error) {
	list, err := m.client.Jobs(r.Context())
	out := wire.Jobs{Jobs: []wire.JobLine{}}
	for _, j := range slices.Backward(list) {
		start, end, lasted := m.times(&j)
		l := wire.JobLine{
			ID: j.ID, Name: j.Name, Type: jobType(&j), Scheduler: "Default", Start: start, End: end, Duration: lasted, State: j.State,
			LastModification: start, Tasks: map[string]int{"total": 0},
		}
		for _, at := range j.Since {
			l.LastModification = max(l.LastModification, at.UnixMilli())
		}
		for _, s := range taskStates {
			l.Tasks[strings.ToLower(s)] = 0
		}
		for i := range j.Vertices {
			for s, n := range countTasks(&j, &j.Vertices[i]) {
				l.Tasks[strings.ToLower(s)] += n
				l.Tasks["total"] += n
			}
		}
		out.Jobs = append(out.Jobs, l)
	}
	return out, err
}

// times are start and end in milliseconds, -1 for none, and the time between.
func (m *JobManager) times(j *gateway.JobStatus) (start, end, lasted int64) {
	start, end = j.Started.UnixMilli(), -1
	if j.Ended.IsZero() {
		return start, end, max(0, m.o.Now().UnixMilli()-start)
	}
	end = j.Ended.UnixMilli()
	return start, end, end - start
}

func jobType(j *gateway.JobStatus) string {
	if j.Batch {
		return "BATCH"
	}
	return "STREAMING"
}

// stateOf is the state of a subtask as Flink calls it.
func stateOf(s string) string {
	if s == "CANCELLING" {
		return "CANCELING"
	}
	if !slices.Contains(taskStates, s) {
		return "CREATED"
	}
	return s
}

// countTasks counts the subtasks of a vertex by their state. Between two attempts, and
// where a job has ended, there are none to look at: they share its state.
func countTasks(j *gateway.JobStatus, v *gateway.VertexStatus) map[string]int {
	out := map[string]int{}
	for _, s := range taskStates {
		out[s] = 0
	}
	for _, t := range v.Subtasks {
		out[stateOf(t.State)]++
	}
	if n := v.Parallelism - len(v.Subtasks); n > 0 {
		out[stateOf(j.State)] += n
	}
	return out
}

// vertexState is the least advanced state of its subtasks.
func vertexState(counts map[string]int) string {
	for _, s := range []string{"FAILED", "CANCELING", "CANCELED", "CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RECONCILING", "RUNNING", "FINISHED"} {
		if counts[s] > 0 {
			return s
		}
	}
	return "CREATED"
}

func (m *JobManager) job(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	start, end, lasted := m.times(j)
	out := wire.Job{
		ID: j.ID, Application: j.ID, Name: j.Name, State: j.State, Type: jobType(j), Scheduler: "Default", Start: start, End: end, Duration: lasted,
		MaxParallelism: j.MaxParallelism, Now: m.o.Now().UnixMilli(), Timestamps: map[string]int64{}, StatusCounts: map[string]int{},
		Vertices: []wire.Vertex{}, Plan: planOf(j),
	}
	for _, s := range jobStates {
		out.Timestamps[s] = 0
		if at, ok := j.Since[s]; ok {
			out.Timestamps[s] = at.UnixMilli()
		}
	}
	for _, s := range taskStates {
		out.StatusCounts[s] = 0
	}
	for i := range j.Vertices {
		v := &j.Vertices[i]
		counts := countTasks(j, v)
		status := vertexState(counts)
		out.StatusCounts[status]++
		w := wire.Vertex{
			ID: vertexID(v), Group: hexID("slots of " + j.ID), Name: v.Name, MaxParallelism: j.MaxParallelism, Parallelism: v.Parallelism,
			Status: status, Start: start, End: end, Duration: lasted, Tasks: counts, Metrics: vertexIO(v),
		}
		out.Vertices = append(out.Vertices, w)
	}
	return out, nil
}

// vertexIO sums what went through a vertex.
func vertexIO(v *gateway.VertexStatus) wire.IO {
	io := wire.IO{ReadBytesComplete: true, WriteBytesComplete: true, ReadRecordsComplete: true, WriteRecordsComplete: true}
	for i := range v.Subtasks {
		s := subtaskIO(v, &v.Subtasks[i])
		io.Backpressured += s.Backpressured
		io.Idle += s.Idle
		io.Busy += s.Busy
	}
	io.ReadRecords, io.WriteRecords = v.RowsIn, v.RowsOut
	io.ReadBytes, io.WriteBytes = v.BytesIn, v.BytesOut
	if v.Source {
		io.ReadRecords = v.SourceRows
	}
	if v.Sink && v.RowsOut == 0 {
		io.WriteRecords = v.SinkRows
	}
	return io
}

// subtaskIO is what went through a subtask; times are shares of its time so far.
func subtaskIO(v *gateway.VertexStatus, s *gateway.SubtaskStatus) wire.IO {
	up := float64(s.Uptime.Milliseconds())
	io := wire.IO{
		ReadBytesComplete: true, WriteBytesComplete: true, ReadRecordsComplete: true, WriteRecordsComplete: true,
		ReadRecords: s.RowsIn, WriteRecords: s.RowsOut, ReadBytes: s.BytesIn, WriteBytes: s.BytesOut,
		Backpressured: int64(s.Blocked * up), Idle: int64(s.Waiting * up), Busy: wire.Float(s.Busy * up),
	}
	for _, o := range s.Operators {
		if o.Source {
			io.ReadRecords = o.RowsOut
		}
		if o.Sink && s.RowsOut == 0 {
			io.WriteRecords += o.RowsIn
		}
	}
	return io
}

func planOf(j *gateway.JobStatus) wire.Plan {
	p := wire.Plan{ID: j.ID, Name: j.Name, Type: jobType(j), Nodes: []wire.PlanNode{}}
	for i := range slices.Backward(j.Vertices) {
		v := &j.Vertices[i]
		n := wire.PlanNode{ID: vertexID(v), Parallelism: v.Parallelism, Description: html.EscapeString(v.Name) + "<br/>"}
		for _, t := range v.Tables {
			n.Description += "+- " + html.EscapeString("Sink(table=["+t+"])") + "<br/>"
		}
		for k, in := range v.Inputs {
			if from := vertexAt(j, in.From); from != nil {
				n.Inputs = append(n.Inputs, wire.PlanInput{ID: vertexID(from), Num: k, Exchange: "pipelined_bounded", Ship: strings.ToUpper(in.Ship)})
			}
		}
		p.Nodes = append(p.Nodes, n)
	}
	return p
}

func vertexAt(j *gateway.JobStatus, id int) *gateway.VertexStatus {
	for i := range j.Vertices {
		if j.Vertices[i].ID == id {
			return &j.Vertices[i]
		}
	}
	return nil
}

func (m *JobManager) jobState(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	return wire.Status{Status: j.State}, nil
}

func (m *JobManager) jobPlan(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	return map[string]wire.Plan{"plan": planOf(j)}, nil
}

func (m *JobManager) jobConfig(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	widest := 1
	for _, v := range j.Vertices {
		widest = max(widest, v.Parallelism)
	}
	return map[string]any{"jid": j.ID, "name": j.Name, "execution-config": map[string]any{
		"restart-strategy": cmp.Or(j.Settings["restart-strategy.type"], "Cluster level default restart strategy"),
		"job-parallelism":  widest, "object-reuse-mode": false, "user-config": maskSettings(j.Settings),
	}}, nil
}

// exceptions are the failures of a job. A trace is the error with its hint: stacks of
// the engine are told to nobody.
func (m *JobManager) exceptions(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	most := 16
	if v := r.URL.Query().Get("maxExceptions"); v != "" {
		if most, err = strconv.Atoi(v); err != nil || most < 0 {
			return nil, badParameter("query", "maxExceptions", v)
		}
	}
	var out wire.Exceptions
	out.History.Entries = []wire.Exception{}
	for i, f := range j.Failures {
		if i == most {
			out.History.Truncated = true
			break
		}
		out.History.Entries = append(out.History.Entries, wire.Exception{
			Name: string(diag.CodeOf(f.Err)), Stacktrace: trace(f.Err), Timestamp: f.At.UnixMilli(), Labels: map[string]string{},
			Concurrent: []wire.Exception{},
		})
	}
	return out, nil
}

// trace is an error for people.
func trace(err error) string {
	if d := diag.As(err); d != nil {
		plain := *d
		plain.Span, plain.Notes = diag.Span{}, nil // places lie in a text that is not here
		return diag.Render(diag.Source{}, &plain)
	}
	return err.Error()
}

func (m *JobManager) executionResult(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	status := map[string]string{"id": "IN_PROGRESS"}
	if j.Ended.IsZero() {
		return map[string]any{"status": status}, nil
	}
	status["id"] = "COMPLETED"
	start, end, lasted := m.times(j)
	result := map[string]any{
		"id": j.ID, "name": j.Name, "application-status": map[string]string{"FINISHED": "SUCCEEDED", "CANCELED": "CANCELED"}[j.State],
		"accumulator-results": struct{}{}, "net-runtime": lasted, "application-id": j.ID, "start-time": start, "end-time": end,
	}
	if j.State == "FAILED" {
		result["application-status"] = "FAILED"
		if j.Err != nil {
			result["failure-cause"] = causeOf(j.Err)
		}
	}
	return map[string]any{"status": status, "job-execution-result": result}, nil
}

func causeOf(err error) *wire.Cause {
	text := trace(err)
	first, _, _ := strings.Cut(text, "\n")
	return &wire.Cause{Class: string(diag.CodeOf(err)), Stacktrace: text, Serialized: serialized(first, text)}
}

func (m *JobManager) accumulators(r *http.Request) (any, error) {
	_, err := m.jobOf(r)
	return map[string]any{"job-accumulators": []any{}, "user-task-accumulators": []any{}, "serialized-user-task-accumulators": struct{}{}}, err
}

// terminate cancels a job; it answers when that has begun.
func (m *JobManager) terminate(r *http.Request) (any, error) {
	id := r.PathValue("j")
	if mode := r.URL.Query().Get("mode"); mode == "stop" {
		return nil, faultf(http.StatusPermanentRedirect, "the termination mode \"stop\" does not exist any more: POST to jobs/%s/stop takes a savepoint and ends the job, mode \"cancel\" ends it without one", id)
	} else if mode != "" && mode != "cancel" {
		return nil, badParameter("query", "mode", mode)
	}
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	switch j.State {
	case "CANCELED":
		return struct{}{}, nil
	case "FINISHED", "FAILED":
		return nil, faultf(http.StatusConflict, "Job cancellation failed because the job has already reached another terminal state (%s).", j.State)
	}
	go func() {
		ctx, cancel := timeout(10 * time.Minute)
		defer cancel()
		_ = m.client.Cancel(ctx, id)
	}()
	return struct{}{}, nil
}

func (m *JobManager) rescaling(r *http.Request) (any, error) {
	if _, err := m.jobOf(r); err != nil {
		return nil, err
	}
	return nil, faultf(http.StatusServiceUnavailable, "a running job is not rescaled: stop it with a savepoint and start it again with another parallelism")
}
