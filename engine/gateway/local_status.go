package gateway

import (
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/plan"
)

// statusOf sums the tasks of a job by vertex.
func statusOf(j *job.Job) JobStatus {
	st := j.Status()
	out := JobStatus{
		ID: st.ID, Name: st.Name, State: st.State.String(), Restarts: st.Restarts, Nodes: j.Nodes, AlreadyFinished: st.AlreadyFinished, Held: st.Held,
		Started: time.UnixMilli(st.Started),
		Checkpoints: CheckpointStatus{
			Completed: int64(st.Checkpoints.Completed), Failed: int64(st.Checkpoints.Failed), RestoredFrom: st.Checkpoints.Restored,
		},
	}
	if st.Ended > 0 {
		out.Ended = time.UnixMilli(st.Ended)
	}
	if st.Err != nil {
		out.Err = st.Err
	}
	n := int64(0)
	for _, c := range st.Checkpoints.History {
		if c.State != "COMPLETED" {
			continue
		}
		if n++; n == 1 {
			out.Checkpoints.LastBytes, out.Checkpoints.LastDuration = c.FullBytes, c.Duration
		}
		out.Checkpoints.MostBytes = max(out.Checkpoints.MostBytes, c.FullBytes)
		out.Checkpoints.MeanDuration += c.Duration
		out.Checkpoints.MeanBytes += c.DeltaBytes
	}
	if n > 0 {
		out.Checkpoints.MeanDuration /= time.Duration(n)
		out.Checkpoints.MeanBytes /= n
	}
	describe(j, &st, &out)
	written := writtenBy(j)
	for _, v := range j.Graph.Vertices {
		vs := vertexOf(j.Graph, v, st.Tasks, &out)
		for _, n := range v.Nodes {
			if t := written[n.UID]; t != "" {
				vs.Tables = append(vs.Tables, t)
			}
		}
		out.Vertices = append(out.Vertices, vs)
	}
	return out
}

// writtenBy are the tables that a job writes to, by the uid of the sink.
func writtenBy(j *job.Job) map[string]string {
	out := map[string]string{}
	for _, r := range j.Plan.Roots {
		if k, ok := r.(*plan.Sink); ok {
			p := k.Table.Path
			out[k.UID] = p.Catalog + "." + p.Database + "." + p.Object
		}
	}
	return out
}

func vertexOf(g *flow.Graph, v *flow.Vertex, tasks []flow.TaskStatus, job *JobStatus) VertexStatus {
	vs := VertexStatus{ID: v.ID, UID: v.UID, Name: v.Name, Parallelism: v.Parallelism, Source: v.Source != nil, Watermark: batch.MaxWatermark}
	vs.Timed = v.Source != nil && v.Source.Watermark != nil
	vs.Inputs = inputsOf(g, v)
	for _, n := range v.Nodes {
		vs.Sink = vs.Sink || n.Sink != nil
	}
	any := false
	for _, t := range tasks {
		if t.Vertex != v.ID {
			continue
		}
		any = true
		vs.Subtasks = append(vs.Subtasks, subtaskOf(v, &t))
		vs.RowsIn += t.RowsIn
		vs.RowsOut += t.RowsOut
		vs.BytesIn += t.BytesIn
		vs.BytesOut += t.BytesOut
		vs.StateBytes += t.StateBytes
		if !t.Idle {
			vs.Watermark = min(vs.Watermark, t.Watermark)
		}
		if t.UptimeNanos > 0 {
			vs.Busy += float64(t.BusyNanos) / float64(t.UptimeNanos)
		}
		for _, op := range t.Ops {
			job.Late += op.Late
			if job.BadRecords += op.BadRecords; op.BadRecords > 0 {
				job.LastBadRecord = op.LastBadRecord
			}
			if v.Source != nil && op.Node < 0 {
				vs.SourceRows += op.RowsOut
			}
			if op.Node >= 0 && op.Node < len(v.Nodes) && v.Nodes[op.Node].Sink != nil {
				vs.SinkRows += op.RowsIn
			}
		}
	}
	if !any {
		vs.Watermark = batch.NoWatermark
	}
	return vs
}

// describe fills in what the tasks do not tell.
func describe(j *job.Job, st *flow.Status, out *JobStatus) {
	out.Batch, out.Settings, out.MaxParallelism = j.Plan.Batch, j.Settings, j.Graph.MaxParallelism
	if out.MaxParallelism == 0 {
		out.MaxParallelism = flow.DefaultMaxParallelism
	}
	out.Since = map[string]time.Time{}
	for s, at := range st.Since {
		if at > 0 {
			out.Since[flow.State(s).String()] = time.UnixMilli(at)
		}
	}
	for _, f := range st.Failures {
		out.Failures = append(out.Failures, Failure{At: time.UnixMilli(f.At), Err: f.Err})
	}
	c := &out.Checkpoints
	c.Triggered, c.InProgress, c.Config = int64(st.Checkpoints.Triggered), st.Checkpoints.InProgress, CheckpointConfig{
		Interval: j.Config.CheckpointInterval, Timeout: j.Config.CheckpointTimeout, MinPause: j.Config.CheckpointMinPause,
		TolerableFailures: max(0, j.Config.TolerableFailures), Retained: max(1, j.Config.Retained),
		DeleteOnCancel: j.Config.DeleteOnCancel, Dir: j.Config.Dir,
	}
	for _, h := range st.Checkpoints.History {
		c.History = append(c.History, Checkpoint{
			ID: h.ID, State: h.State, Savepoint: h.Savepoint, Triggered: time.UnixMilli(h.Triggered), Duration: h.Duration,
			DeltaBytes: h.DeltaBytes, FullBytes: h.FullBytes, Acked: h.Acked, Subtasks: h.Tasks, Path: h.Path, Failure: h.Failure,
			Parts: partsOf(h.Parts),
		})
	}
}

func partsOf(list []flow.CheckpointPart) []CheckpointPart {
	out := make([]CheckpointPart, len(list))
	for i, p := range list {
		out[i] = CheckpointPart{
			Vertex: p.Vertex, Subtask: p.Subtask, DeltaBytes: p.DeltaBytes, FullBytes: p.FullBytes, Align: p.Align, Sync: p.Sync, Async: p.Async,
		}
		if p.Acked > 0 {
			out[i].Acked = time.UnixMilli(p.Acked)
		}
	}
	return out
}

// inputsOf are the edges that lead to a vertex.
func inputsOf(g *flow.Graph, v *flow.Vertex) []InputStatus {
	var out []InputStatus
	for _, e := range g.Edges {
		if e.To == v.ID {
			out = append(out, InputStatus{From: e.From, Ship: e.Kind.String()})
		}
	}
	return out
}

func subtaskOf(v *flow.Vertex, t *flow.TaskStatus) SubtaskStatus {
	s := SubtaskStatus{
		Index: t.Subtask, Attempt: int(t.Attempt), State: t.State.String(), Node: t.Node, RowsIn: t.RowsIn, RowsOut: t.RowsOut, BytesIn: t.BytesIn, BytesOut: t.BytesOut,
		Watermark: t.Watermark, Uptime: time.Duration(t.UptimeNanos), StateBytes: t.StateBytes,
	}
	if up := float64(t.UptimeNanos); up > 0 {
		s.Busy = min(1, float64(t.BusyNanos)/up)
		s.Blocked = min(1-s.Busy, float64(t.BlockedNanos)/up)
		s.Waiting = 1 - s.Busy - s.Blocked
	}
	for _, o := range t.Ops {
		s.Operators = append(s.Operators, OperatorStatus{
			UID: o.UID, Name: o.Name, RowsIn: o.RowsIn, RowsOut: o.RowsOut, Watermark: o.Watermark, Late: o.Late, BadRecords: o.BadRecords,
			Source: o.Node < 0, Sink: o.Node >= 0 && o.Node < len(v.Nodes) && v.Nodes[o.Node].Sink != nil,
		})
	}
	return s
}
