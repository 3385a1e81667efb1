package rest

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// subtaskOf describes a subtask.
func (m *JobManager) subtaskOf(j *gateway.JobStatus, v *gateway.VertexStatus, s *gateway.SubtaskStatus) wire.Subtask {
	start, end := m.o.Now().Add(-s.Uptime).UnixMilli(), int64(-1)
	if !j.Ended.IsZero() {
		start, end, _ = m.times(j)
	}
	return wire.Subtask{
		Subtask: s.Index, Status: stateOf(s.State), Attempt: max(0, s.Attempt-1), Endpoint: s.Node, Start: start, End: end,
		Duration: s.Uptime.Milliseconds(), Metrics: subtaskIO(v, s), TaskManager: s.Node,
		Durations: map[string]int64{"CREATED": -1, "SCHEDULED": -1, "DEPLOYING": -1, "INITIALIZING": -1, "RUNNING": s.Uptime.Milliseconds()}, StartToo: start,
	}
}

func (m *JobManager) vertex(r *http.Request) (any, error) {
	j, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	out := wire.VertexDetails{
		ID: vertexID(v), Name: v.Name, Parallelism: v.Parallelism, MaxParallelism: j.MaxParallelism, Now: m.o.Now().UnixMilli(), Subtasks: []wire.Subtask{},
	}
	for i := range v.Subtasks {
		out.Subtasks = append(out.Subtasks, m.subtaskOf(j, v, &v.Subtasks[i]))
	}
	out.Aggregated = aggregate(out.Subtasks)
	return out, nil
}

// aggregate sums the figures of subtasks up.
func aggregate(list []wire.Subtask) wire.Aggregated {
	out := wire.Aggregated{Metrics: map[string]wire.Spread{}, Durations: map[string]wire.Spread{}}
	for name, f := range map[string]func(io *wire.IO) int64{
		"read-bytes": func(io *wire.IO) int64 { return io.ReadBytes }, "write-bytes": func(io *wire.IO) int64 { return io.WriteBytes },
		"read-records": func(io *wire.IO) int64 { return io.ReadRecords }, "write-records": func(io *wire.IO) int64 { return io.WriteRecords },
		"accumulated-backpressured-time": func(io *wire.IO) int64 { return io.Backpressured },
		"accumulated-idle-time":          func(io *wire.IO) int64 { return io.Idle },
		"accumulated-busy-time":          func(io *wire.IO) int64 { return int64(io.Busy) },
	} {
		var values []int64
		for i := range list {
			values = append(values, f(&list[i].Metrics))
		}
		out.Metrics[name] = spread(values)
	}
	for _, s := range []string{"CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING"} {
		var values []int64
		for i := range list {
			values = append(values, list[i].Durations[s])
		}
		out.Durations[s] = spread(values)
	}
	return out
}

// spread is of some values; all 0 for none.
func spread(values []int64) wire.Spread {
	if len(values) == 0 {
		return wire.Spread{}
	}
	values = slices.Sorted(slices.Values(values))
	at := func(q float64) int64 { return values[min(len(values)-1, int(q*float64(len(values))))] }
	s := wire.Spread{Min: values[0], Max: values[len(values)-1], Median: at(.5), P25: at(.25), P75: at(.75), P95: at(.95)}
	for _, v := range values {
		s.Sum += v
	}
	s.Avg = s.Sum / int64(len(values))
	return s
}

// atIndex finds the subtask of the path.
func (m *JobManager) atIndex(r *http.Request) (*gateway.JobStatus, *gateway.VertexStatus, *gateway.SubtaskStatus, error) {
	j, v, err := m.vertexOf(r)
	if err != nil {
		return nil, nil, nil, err
	}
	n, err := strconv.Atoi(r.PathValue("i"))
	if err != nil {
		return nil, nil, nil, badParameter("path", "subtaskindex", r.PathValue("i"))
	}
	for i := range v.Subtasks {
		if v.Subtasks[i].Index == n {
			return j, v, &v.Subtasks[i], nil
		}
	}
	return nil, nil, nil, faultf(http.StatusNotFound, "Invalid subtask index for vertex %s", vertexID(v))
}

func (m *JobManager) subtask(r *http.Request) (any, error) {
	j, v, s, err := m.atIndex(r)
	if err != nil {
		return nil, err
	}
	if a := r.PathValue("a"); a != "" && a != strconv.Itoa(max(0, s.Attempt-1)) {
		return nil, faultf(http.StatusNotFound, "Attempt %s of subtask %d is not known any more", a, s.Index)
	}
	return m.subtaskOf(j, v, s), nil
}

func (m *JobManager) subtaskTimes(r *http.Request) (any, error) {
	j, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for i := range v.Subtasks {
		s := m.subtaskOf(j, v, &v.Subtasks[i])
		at := map[string]int64{}
		for _, name := range taskStates {
			at[name] = 0
		}
		at["RUNNING"] = s.Start
		if s.End > 0 {
			at[s.Status] = s.End
		}
		list = append(list, map[string]any{"subtask": s.Subtask, "endpoint": s.Endpoint, "duration": s.Duration, "timestamps": at})
	}
	return map[string]any{"id": vertexID(v), "name": v.Name, "now": m.o.Now().UnixMilli(), "subtasks": list}, nil
}

// vertexNodes groups subtasks by their node.
func (m *JobManager) vertexNodes(r *http.Request) (any, error) {
	j, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	byNode := map[string][]wire.Subtask{}
	for i := range v.Subtasks {
		s := m.subtaskOf(j, v, &v.Subtasks[i])
		byNode[s.TaskManager] = append(byNode[s.TaskManager], s)
	}
	nodes := make([]string, 0, len(byNode))
	for n := range byNode {
		nodes = append(nodes, n)
	}
	slices.Sort(nodes)
	list := []any{}
	for _, n := range nodes {
		part := *v
		part.Subtasks = nil
		counts := map[string]int{}
		for _, s := range taskStates {
			counts[s] = 0
		}
		io := wire.IO{ReadBytesComplete: true, WriteBytesComplete: true, ReadRecordsComplete: true, WriteRecordsComplete: true}
		start, end, lasted := byNode[n][0].Start, byNode[n][0].End, int64(0)
		for _, s := range byNode[n] {
			counts[s.Status]++
			io.ReadRecords += s.Metrics.ReadRecords
			io.WriteRecords += s.Metrics.WriteRecords
			io.ReadBytes += s.Metrics.ReadBytes
			io.WriteBytes += s.Metrics.WriteBytes
			io.Backpressured += s.Metrics.Backpressured
			io.Idle += s.Metrics.Idle
			io.Busy += s.Metrics.Busy
			start, lasted = min(start, s.Start), max(lasted, s.Duration)
		}
		list = append(list, map[string]any{
			"endpoint": n, "status": vertexState(counts), "start-time": start, "end-time": end, "duration": lasted, "metrics": io,
			"status-counts": counts, "taskmanager-id": n, "aggregated": aggregate(byNode[n]),
		})
	}
	return map[string]any{"id": vertexID(v), "name": v.Name, "now": m.o.Now().UnixMilli(), "taskmanagers": list}, nil
}

func (m *JobManager) vertexAccumulators(r *http.Request) (any, error) {
	_, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": vertexID(v), "user-accumulators": []any{}}, nil
}

func (m *JobManager) subtasksAccumulators(r *http.Request) (any, error) {
	_, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, s := range v.Subtasks {
		list = append(list, map[string]any{"subtask": s.Index, "attempt": max(0, s.Attempt-1), "endpoint": s.Node, "user-accumulators": []any{}})
	}
	return map[string]any{"id": vertexID(v), "parallelism": v.Parallelism, "subtasks": list}, nil
}

func (m *JobManager) attemptAccumulators(r *http.Request) (any, error) {
	j, v, s, err := m.atIndex(r)
	if err != nil {
		return nil, err
	}
	if a := r.PathValue("a"); a != strconv.Itoa(max(0, s.Attempt-1)) {
		return nil, faultf(http.StatusNotFound, "Attempt %s of subtask %d is not known any more", a, s.Index)
	}
	return map[string]any{
		"subtask": s.Index, "attempt": max(0, s.Attempt-1), "id": strings.Join([]string{hexID("run of " + j.ID), vertexID(v), r.PathValue("i"), r.PathValue("a")}, "_"),
		"user-accumulators": []any{},
	}, nil
}

// backpressure says how much of its time a vertex waits for room behind it.
func (m *JobManager) backpressure(r *http.Request) (any, error) {
	_, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	out := wire.Backpressure{Status: "ok", End: m.o.Now().UnixMilli(), Subtasks: []wire.SubtaskBackpressure{}}
	worst := 0.0
	for _, s := range v.Subtasks {
		worst = max(worst, s.Blocked)
		out.Subtasks = append(out.Subtasks, wire.SubtaskBackpressure{
			Subtask: s.Index, Level: level(s.Blocked), LevelToo: level(s.Blocked), Ratio: s.Blocked, Idle: s.Waiting, Busy: s.Busy,
		})
	}
	out.Level, out.LevelToo = level(worst), level(worst)
	return out, nil
}

// level of back-pressure, by Flink's bounds.
func level(ratio float64) string {
	switch {
	case ratio > 0.5:
		return "high"
	case ratio > 0.1:
		return "low"
	}
	return "ok"
}

func (m *JobManager) watermarks(r *http.Request) (any, error) {
	_, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	out := []wire.Metric{}
	for _, s := range v.Subtasks {
		out = append(out, metric(strconv.Itoa(s.Index)+".currentInputWatermark", watermark(s.Watermark)))
	}
	return out, nil
}

// watermark is one in Flink's metrics: the least number before the first.
func watermark(ms int64) string {
	switch ms {
	case batch.NoWatermark:
		ms = math.MinInt64
	case batch.MaxWatermark:
		ms = math.MaxInt64
	}
	return strconv.FormatInt(ms, 10)
}

func metric(id, value string) wire.Metric { return wire.Metric{ID: id, Value: &value} }
