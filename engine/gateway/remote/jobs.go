package remote

import (
	"context"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// learn takes the JobManager's address from the configuration of a session, unless it is
// known.
func (c *Client) learn(config map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	host, port := config["rest.address"], config["rest.port"]
	if c.rest != "" || host == "" || port == "" || port == "0" {
		return
	}
	scheme := "http"
	if strings.HasPrefix(c.o.Gateway, "https:") {
		scheme = "https"
	}
	c.rest = scheme + "://" + host + ":" + port
}

// find makes sure that the JobManager's address is known. s is a session to ask, or nil
// for one of its own.
func (c *Client) find(ctx context.Context, s *session) error {
	c.mu.Lock()
	known := c.rest != ""
	c.mu.Unlock()
	if known {
		return nil
	}
	if s == nil {
		opened, err := c.OpenSession(ctx, nil)
		if err != nil {
			return err
		}
		defer opened.Close()
		s = opened.(*session)
	}
	if _, err := s.Config(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rest == "" {
		return diag.New(diag.Config, "the gateway does not say where its JobManager is").WithHint("name it with --rest, such as http://127.0.0.1:8081")
	}
	return nil
}

// rest asks the JobManager.
func (c *Client) ofJobs(ctx context.Context, method, path string, body, into any) error {
	if err := c.find(ctx, nil); err != nil {
		return err
	}
	c.mu.Lock()
	base := c.rest
	c.mu.Unlock()
	_, err := c.ask(ctx, method, base+"/v1"+path, body, into)
	return err
}

// jobPath is that of a job.
func jobPath(id string) string { return "/jobs/" + url.PathEscape(id) }

// Jobs lists the jobs that the cluster knows, oldest first.
func (c *Client) Jobs(ctx context.Context) ([]gateway.JobStatus, error) {
	var list wire.Jobs
	if err := c.ofJobs(ctx, "GET", "/jobs/overview", nil, &list); err != nil {
		return nil, err
	}
	var out []gateway.JobStatus
	for _, j := range slices.Backward(list.Jobs) { // newest first, as those of one millisecond are as well
		out = append(out, gateway.JobStatus{
			ID: j.ID, Name: j.Name, State: j.State, Started: time.UnixMilli(j.Start), Ended: ended(j.End), Batch: j.Type == "BATCH",
		})
	}
	slices.SortStableFunc(out, func(a, b gateway.JobStatus) int { return a.Started.Compare(b.Started) })
	return out, nil
}

// staleFor is how long Flink may show a job as it was: web.refresh-interval and a little.
const staleFor = 4 * time.Second

// details are those of a job, not older than its end.
func (c *Client) details(ctx context.Context, id string) (*wire.Job, error) {
	var j wire.Job
	var now wire.Status
	if err := c.ofJobs(ctx, "GET", jobPath(id)+"/status", nil, &now); err != nil {
		return nil, err
	}
	begin := time.Now()
	return &j, poll(ctx, func() (bool, error) {
		j = wire.Job{}
		err := c.ofJobs(ctx, "GET", jobPath(id), nil, &j)
		return last(j.State) || !last(now.Status) || time.Since(begin) > staleFor, err
	})
}

// last reports a state that a job does not leave.
func last(state string) bool { return state == "FINISHED" || state == "FAILED" || state == "CANCELED" }

func ended(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Job tells about one job.
func (c *Client) Job(ctx context.Context, id string) (gateway.JobStatus, error) {
	j, err := c.details(ctx, id)
	if err != nil {
		return gateway.JobStatus{}, named(err, id)
	}
	out := gateway.JobStatus{
		ID: j.ID, Name: j.Name, State: j.State, Started: time.UnixMilli(j.Start), Ended: ended(j.End), Batch: j.Type == "BATCH",
		MaxParallelism: max(0, j.MaxParallelism), Since: map[string]time.Time{},
	}
	for s, at := range j.Timestamps {
		if at > 0 {
			out.Since[s] = time.UnixMilli(at)
		}
	}
	vertices(j, &out)
	if err := c.counters(ctx, &out); err != nil {
		return out, err
	}
	if err := c.checkpoints(ctx, &out); err != nil {
		return out, err
	}
	return out, c.failures(ctx, &out)
}

// written is a sink in the description of a vertex, as Flink's planner writes it.
var written = regexp.MustCompile(`Sink\(table=\[([^\]]+)\]`)

// vertices fills in those of a job, and what leads to each from the plan.
func vertices(j *wire.Job, out *gateway.JobStatus) {
	number := map[string]int{}
	for i, v := range j.Vertices {
		number[v.ID] = i
	}
	inputs, feeds, tables := map[string][]gateway.InputStatus{}, map[string]bool{}, map[string][]string{}
	for _, n := range j.Plan.Nodes {
		for _, m := range written.FindAllStringSubmatch(html.UnescapeString(n.Description), -1) {
			tables[n.ID] = append(tables[n.ID], m[1])
		}
		for _, in := range n.Inputs {
			inputs[n.ID] = append(inputs[n.ID], gateway.InputStatus{From: number[in.ID], Ship: strings.ToLower(in.Ship)})
			feeds[in.ID] = true
		}
	}
	for i, v := range j.Vertices {
		s := gateway.VertexStatus{
			ID: i, UID: v.ID, Name: v.Name, Parallelism: v.Parallelism, RowsIn: v.Metrics.ReadRecords, RowsOut: v.Metrics.WriteRecords,
			BytesIn: v.Metrics.ReadBytes, BytesOut: v.Metrics.WriteBytes, Tables: tables[v.ID],
			Watermark: batch.NoWatermark, Inputs: inputs[v.ID], Source: len(inputs[v.ID]) == 0, Sink: !feeds[v.ID],
		}
		if s.Source {
			// Sources of Flink that do not count what they read count what they pass on.
			s.SourceRows = max(v.Metrics.ReadRecords, v.Metrics.WriteRecords)
			s.RowsIn = 0
		}
		if s.Sink {
			s.SinkRows = v.Metrics.WriteRecords
			// Sinks of Flink count nothing here, and what it counts it tells with a delay.
			out.Uncounted = out.Uncounted || !v.Metrics.WriteRecordsComplete || s.SinkRows == 0 && (v.Metrics.ReadRecords > 0 || !v.Metrics.ReadRecordsComplete)
			s.RowsOut = 0
		}
		if v.Duration > 0 {
			s.Busy = v.Metrics.Busy.Or(0) / float64(v.Duration)
		}
		out.Vertices = append(out.Vertices, s)
	}
}

// counters are in the metrics of a job.
func (c *Client) counters(ctx context.Context, out *gateway.JobStatus) error {
	var list []wire.Metric
	if err := c.ofJobs(ctx, "GET", jobPath(out.ID)+"/metrics?get=numRestarts,numLateRecordsDropped,numRecordsInErrors,lastMalformedRecord", nil, &list); err != nil {
		return err
	}
	for _, m := range list {
		if m.Value == nil {
			continue
		}
		n, _ := strconv.ParseInt(*m.Value, 10, 64) // what is no number is 0
		switch m.ID {
		case "numRestarts":
			out.Restarts = int(n)
		case "numLateRecordsDropped": // mink has sums of these, Flink has not
			out.Late = n
		case "numRecordsInErrors":
			out.BadRecords = n
		case "lastMalformedRecord":
			out.LastBadRecord = *m.Value
		}
	}
	return nil
}

func (c *Client) checkpoints(ctx context.Context, out *gateway.JobStatus) error {
	var list wire.Checkpoints
	if err := c.ofJobs(ctx, "GET", jobPath(out.ID)+"/checkpoints", nil, &list); err != nil {
		if diag.CodeOf(err) == diag.NotFound {
			return nil // Flink has none for jobs without checkpoints
		}
		return err
	}
	k := &out.Checkpoints
	k.Triggered, k.Completed, k.Failed, k.InProgress = list.Counts.Total, list.Counts.Completed, list.Counts.Failed, list.Counts.InProgress
	if r := list.Latest.Restored; r != nil {
		k.RestoredFrom = r.ID
	}
	for _, h := range list.History {
		p := gateway.Checkpoint{
			ID: h.ID, State: h.Status, Savepoint: h.Savepoint, Triggered: time.UnixMilli(h.Trigger), Duration: time.Duration(h.Duration) * time.Millisecond,
			DeltaBytes: h.Size, FullBytes: h.StateSize, Acked: h.Acked, Subtasks: h.Subtasks,
		}
		if h.External != nil {
			p.Path = *h.External
		}
		if h.FailureMessage != nil {
			p.Failure = *h.FailureMessage
		}
		k.History = append(k.History, p)
		if p.State == "COMPLETED" && k.LastDuration == 0 {
			k.LastBytes, k.LastDuration = p.FullBytes, p.Duration
		}
	}
	return nil
}

// failures of a job; the newest is its error when it has failed.
func (c *Client) failures(ctx context.Context, out *gateway.JobStatus) error {
	var list wire.Exceptions
	if err := c.ofJobs(ctx, "GET", jobPath(out.ID)+"/exceptions", nil, &list); err != nil {
		return err
	}
	for _, e := range list.History.Entries {
		out.Failures = append(out.Failures, gateway.Failure{At: time.UnixMilli(e.Timestamp), Err: exception(e)})
	}
	if len(out.Failures) > 0 && (out.State == "FAILED" || out.Restarts > 0) {
		out.Err = out.Failures[0].Err
	}
	return nil
}

// exception reads a failure. Those of mink have a code for a name, and a hint behind the
// text.
func exception(e wire.Exception) error {
	if strings.Contains(e.Name, ".") { // a class of Java
		text := cause(e.Stacktrace)
		for _, k := range e.Concurrent {
			text = cause(k.Stacktrace)
		}
		return diag.New(diag.JobFailed, "%s", text)
	}
	text, hint, _ := strings.Cut(strings.TrimPrefix(e.Stacktrace, e.Name+": "), "\n")
	out := diag.New(diag.Code(e.Name), "%s", text)
	if h, ok := strings.CutPrefix(strings.TrimSpace(hint), "hint: "); ok {
		out.Hint = h
	}
	return out
}

// named says which job is meant where the cluster knows none.
func named(err error, id string) error {
	if diag.CodeOf(err) == diag.NotFound || diag.CodeOf(err) == diag.InvalidArgument {
		return diag.New(diag.NotFound, "no job %q", id)
	}
	return err
}

// poll asks again and again, at longer and longer intervals, until done.
func poll(ctx context.Context, done func() (bool, error)) error {
	for pause := 5 * time.Millisecond; ; pause = min(pause*2, 250*time.Millisecond) {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// wait returns when a job has ended: nil if it finished.
func (c *Client) wait(ctx context.Context, id string) error {
	var state wire.Status
	err := poll(ctx, func() (bool, error) {
		err := c.ofJobs(ctx, "GET", jobPath(id)+"/status", nil, &state)
		return last(state.Status), named(err, id)
	})
	switch {
	case err != nil:
		return err
	case state.Status == "CANCELED":
		return diag.New(diag.Cancelled, "job %s was cancelled", id)
	case state.Status == "FAILED":
		out := gateway.JobStatus{ID: id, State: state.Status}
		if err := c.failures(ctx, &out); err != nil {
			return err
		}
		if out.Err != nil {
			return out.Err
		}
		return diag.New(diag.JobFailed, "job %s failed", id)
	}
	return nil
}

// Cancel stops a job and waits until it has stopped.
func (c *Client) Cancel(ctx context.Context, id string) error {
	err := c.ofJobs(ctx, "PATCH", jobPath(id)+"?mode=cancel", nil, nil)
	if diag.CodeOf(err) == diag.InvalidQuery {
		return nil // it has ended already
	}
	if err != nil {
		return named(err, id)
	}
	if err = c.wait(ctx, id); err != nil && ctx.Err() != nil {
		return err
	}
	return nil
}

// Savepoint writes one and returns its folder.
func (c *Client) Savepoint(ctx context.Context, id, dir string) (string, error) {
	out, err := c.trigger(ctx, id, "/savepoints", "/savepoints/", wire.SavepointRequest{Dir: dir})
	return out.Location, err
}

// Stop writes a savepoint and ends the job.
func (c *Client) Stop(ctx context.Context, id, dir string, drain bool) (string, error) {
	out, err := c.trigger(ctx, id, "/stop", "/savepoints/", wire.StopRequest{Dir: dir, Drain: drain})
	if err != nil {
		return "", err
	}
	return out.Location, c.wait(ctx, id)
}

// Checkpoint takes one now and returns its number.
func (c *Client) Checkpoint(ctx context.Context, id string) (int64, error) {
	out, err := c.trigger(ctx, id, "/checkpoints", "/checkpoints/", struct{}{})
	if err != nil || out.CheckpointID == nil {
		return 0, err
	}
	return *out.CheckpointID, nil
}

// trigger asks for work and for its outcome until it is there.
func (c *Client) trigger(ctx context.Context, id, ask, tell string, body any) (wire.Outcome, error) {
	var t wire.Trigger
	if err := c.ofJobs(ctx, "POST", jobPath(id)+ask, body, &t); err != nil {
		if diag.CodeOf(err) == diag.NotFound {
			return wire.Outcome{}, named(err, id)
		}
		return wire.Outcome{}, err
	}
	var out wire.Triggered
	err := poll(ctx, func() (bool, error) {
		err := c.ofJobs(ctx, "GET", jobPath(id)+tell+url.PathEscape(t.ID), nil, &out)
		return out.Status.ID == "COMPLETED", err
	})
	if err != nil {
		return wire.Outcome{}, err
	}
	if out.Operation == nil {
		return wire.Outcome{}, diag.New(diag.IO, "the cluster does not say what became of the request")
	}
	for _, f := range []*wire.Cause{out.Operation.Failure, out.Operation.FailureToo} {
		if f != nil {
			return wire.Outcome{}, exception(wire.Exception{Name: f.Class, Stacktrace: f.Stacktrace})
		}
	}
	return *out.Operation, nil
}

// Cluster tells about the nodes.
func (c *Client) Cluster(ctx context.Context) (gateway.ClusterStatus, error) {
	var list wire.TaskManagers
	if err := c.ofJobs(ctx, "GET", "/taskmanagers", nil, &list); err != nil {
		return gateway.ClusterStatus{}, err
	}
	var o wire.Overview
	if err := c.ofJobs(ctx, "GET", "/overview", nil, &o); err != nil {
		return gateway.ClusterStatus{}, err
	}
	out := gateway.ClusterStatus{Version: o.Version}
	for _, t := range list.TaskManagers {
		out.Nodes = append(out.Nodes, gateway.NodeStatus{Name: t.ID, Slots: t.Slots, Used: t.Slots - t.FreeSlots, Alive: true})
	}
	return out, nil
}
