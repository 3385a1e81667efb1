package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/probe"
)

// figure is a metric and its value: a number, or a text.
type figure struct {
	name string
	num  float64
	text string // "" for a number
}

// value is a figure as the REST interface writes it: counts without a point.
func (f *figure) value() string {
	if f.text != "" {
		return f.text
	}
	if f.num == float64(int64(f.num)) && !strings.HasSuffix(f.name, "PerSecond") {
		return strconv.FormatInt(int64(f.num), 10)
	}
	s := strconv.FormatFloat(f.num, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// jobFigures are the metrics of a job, by Flink's names.
func (m *JobManager) jobFigures(j *gateway.JobStatus) []figure {
	now := m.o.Now()
	if !j.Ended.IsZero() {
		now = j.Ended
	}
	since := func(state string) float64 {
		at, ok := j.Since[state]
		if !ok || j.State != state {
			return 0
		}
		return float64(now.Sub(at).Milliseconds())
	}
	c := &j.Checkpoints
	out := []figure{
		{name: "uptime", num: since("RUNNING")}, {name: "runningTime", num: since("RUNNING")}, {name: "restartingTime", num: since("RESTARTING")},
		{name: "initializingTime", num: since("INITIALIZING")}, {name: "cancellingTime", num: since("CANCELLING")}, {name: "failingTime", num: since("FAILING")},
		{name: "downtime", num: since("RESTARTING")}, {name: "createdTime", num: since("CREATED")},
		{name: "numRestarts", num: float64(j.Restarts)}, {name: "fullRestarts", num: float64(j.Restarts)},
		{name: "totalNumberOfCheckpoints", num: float64(c.Triggered)}, {name: "numberOfCompletedCheckpoints", num: float64(c.Completed)},
		{name: "numberOfFailedCheckpoints", num: float64(c.Failed)}, {name: "numberOfInProgressCheckpoints", num: float64(c.InProgress)},
	}
	took, size, full, id, at, path, restored := -1.0, -1.0, -1.0, -1.0, -1.0, "n/a", -1.0 // what Flink says before the first
	for i := range c.History {
		h := &c.History[i]
		if h.State == "COMPLETED" {
			took, size, full, id = float64(h.Duration.Milliseconds()), float64(h.DeltaBytes), float64(h.FullBytes), float64(h.ID)
			at, path = float64(h.Triggered.Add(h.Duration).UnixMilli()), h.Path
			break
		}
	}
	if c.RestoredFrom > 0 {
		restored = float64(j.Started.UnixMilli())
	}
	// mink's own: what was left out of the job's rows, which operators count each for itself.
	out = append(out, figure{name: "numLateRecordsDropped", num: float64(j.Late)}, figure{name: "numRecordsInErrors", num: float64(j.BadRecords)})
	if j.LastBadRecord != "" {
		out = append(out, figure{name: "lastMalformedRecord", text: j.LastBadRecord})
	}
	return append(out,
		figure{name: "lastCheckpointDuration", num: took}, figure{name: "lastCheckpointSize", num: size}, figure{name: "lastCheckpointFullSize", num: full},
		figure{name: "lastCompletedCheckpointId", num: id}, figure{name: "lastCheckpointCompletedTimestamp", num: at},
		figure{name: "lastCheckpointExternalPath", text: path}, figure{name: "lastCheckpointRestoreTimestamp", num: restored})
}

// perSecond is a mean over the life of a subtask.
func perSecond(n int64, s *gateway.SubtaskStatus) float64 {
	if s.Uptime < time.Millisecond {
		return 0
	}
	return float64(n) / s.Uptime.Seconds()
}

// taskFigures are the metrics of a subtask. Rates are means over its life.
func taskFigures(v *gateway.VertexStatus, s *gateway.SubtaskStatus) []figure {
	io := subtaskIO(v, s)
	pressed := 0.0
	if s.Blocked > 0.5 {
		pressed = 1
	}
	return []figure{
		{name: "numRecordsIn", num: float64(io.ReadRecords)}, {name: "numRecordsOut", num: float64(io.WriteRecords)},
		{name: "numRecordsInPerSecond", num: perSecond(io.ReadRecords, s)}, {name: "numRecordsOutPerSecond", num: perSecond(io.WriteRecords, s)},
		{name: "numBytesIn", num: float64(io.ReadBytes)}, {name: "numBytesOut", num: float64(io.WriteBytes)},
		{name: "numBytesInPerSecond", num: perSecond(io.ReadBytes, s)}, {name: "numBytesOutPerSecond", num: perSecond(io.WriteBytes, s)},
		{name: "busyTimeMsPerSecond", num: 1000 * s.Busy}, {name: "idleTimeMsPerSecond", num: 1000 * s.Waiting},
		{name: "backPressuredTimeMsPerSecond", num: 1000 * s.Blocked},
		{name: "accumulateBusyTimeMs", num: float64(io.Busy)}, {name: "accumulateIdleTimeMs", num: float64(io.Idle)}, {name: "accumulateBackPressuredTimeMs", num: float64(io.Backpressured)},
		{name: "currentInputWatermark", text: watermark(s.Watermark), num: floatWatermark(s.Watermark)},
		{name: "isBackPressured", num: pressed},
		{name: "stateBytes", num: float64(s.StateBytes)}, // mink's own
	}
}

// operatorFigures are the metrics of an operator in a subtask.
func operatorFigures(s *gateway.SubtaskStatus, o *gateway.OperatorStatus) []figure {
	out := []figure{
		{name: "numRecordsIn", num: float64(o.RowsIn)}, {name: "numRecordsOut", num: float64(o.RowsOut)},
		{name: "numRecordsInPerSecond", num: perSecond(o.RowsIn, s)}, {name: "numRecordsOutPerSecond", num: perSecond(o.RowsOut, s)},
		{name: "currentOutputWatermark", text: watermark(o.Watermark), num: floatWatermark(o.Watermark)},
	}
	if o.Source {
		return append(out, figure{name: "numRecordsInErrors", num: float64(o.BadRecords)})
	}
	out = append(out, figure{name: "currentInputWatermark", text: watermark(o.Watermark), num: floatWatermark(o.Watermark)},
		figure{name: "numLateRecordsDropped", num: float64(o.Late)})
	if o.Sink {
		out = append(out, figure{name: "numRecordsSend", num: float64(o.RowsIn)})
	}
	return out
}

func floatWatermark(ms int64) float64 {
	switch ms {
	case batch.NoWatermark:
		return -1 << 63
	case batch.MaxWatermark:
		return 1<<63 - 1
	}
	return float64(ms)
}

// scope is a name of an operator within the name of a metric.
func scope(name string) string {
	return strings.NewReplacer(" ", "_", ".", "_", ":", "_", ",", "_").Replace(name)
}

// subtaskFigures are those of a subtask and, after their names, of its operators.
func subtaskFigures(v *gateway.VertexStatus, s *gateway.SubtaskStatus) []figure {
	out := taskFigures(v, s)
	for i := range s.Operators {
		o := &s.Operators[i]
		for _, f := range operatorFigures(s, o) {
			f.name = scope(o.Name) + "." + f.name
			out = append(out, f)
		}
	}
	return out
}

func (m *JobManager) clusterFigures(r *http.Request) ([]figure, error) {
	nodes, slots, free, err := m.nodes(r)
	if err != nil {
		return nil, err
	}
	list, err := m.client.Jobs(r.Context())
	if err != nil {
		return nil, err
	}
	running := 0
	for _, j := range list {
		if j.Ended.IsZero() {
			running++
		}
	}
	out := []figure{
		{name: "numRunningJobs", num: float64(running)}, {name: "numRegisteredTaskManagers", num: float64(len(nodes))},
		{name: "taskSlotsTotal", num: float64(slots)}, {name: "taskSlotsAvailable", num: float64(free)},
	}
	f, err := m.figures(r.Context(), m.o.Processes.Coordinator())
	return append(out, processFigures(f)...), err
}

// processFigures are those of a process, by the names that the Java machine's have.
func processFigures(f probe.Figures) []figure {
	return []figure{
		{name: "Status.JVM.Memory.Heap.Used", num: float64(f.Heap)}, {name: "Status.JVM.Memory.Heap.Committed", num: float64(f.HeapTaken)},
		{name: "Status.JVM.Memory.Heap.Max", num: float64(f.Taken)}, {name: "Status.JVM.GarbageCollector.All.Count", num: float64(f.Collections)},
		{name: "Status.JVM.GarbageCollector.All.Time", num: float64(f.Paused.Milliseconds())}, {name: "Status.JVM.Threads.Count", num: float64(f.Goroutines)},
	}
}

// pick answers a request for metrics: names without get, else those that get lists and
// that there are.
func pick(r *http.Request, list []figure) []wire.Metric {
	out := []wire.Metric{}
	get := r.URL.Query().Get("get")
	want := strings.Split(get, ",")
	for i := range list {
		f := &list[i]
		switch {
		case get == "":
			out = append(out, wire.Metric{ID: f.name})
		case slices.Contains(want, f.name):
			out = append(out, metric(f.name, f.value()))
		}
	}
	return out
}

// pickOver is pick over several of a kind: figures of one name are put together, as min,
// max, avg, sum and skew, or those of them that agg lists.
func pickOver(r *http.Request, lists [][]figure) (any, error) {
	get := r.URL.Query().Get("get")
	byName := map[string][]float64{}
	var order []string
	for _, list := range lists {
		for _, f := range list {
			if f.text != "" && f.num == 0 {
				continue
			}
			if byName[f.name] == nil {
				order = append(order, f.name)
			}
			byName[f.name] = append(byName[f.name], f.num)
		}
	}
	if get == "" {
		out := []wire.Metric{}
		for _, n := range order {
			out = append(out, wire.Metric{ID: n})
		}
		return out, nil
	}
	kinds := []string{"min", "max", "avg", "sum", "skew"}
	if agg := r.URL.Query().Get("agg"); agg != "" {
		for _, a := range strings.Split(agg, ",") {
			if !slices.Contains(kinds, strings.ToLower(a)) {
				return nil, badParameter("query", "agg", a)
			}
		}
		kinds = strings.Split(strings.ToLower(agg), ",")
	}
	out := []map[string]any{}
	for _, name := range strings.Split(get, ",") {
		values := byName[name]
		if len(values) == 0 {
			continue
		}
		all := over(values)
		entry := map[string]any{"id": name}
		for _, k := range kinds {
			entry[k] = all[k]
		}
		out = append(out, entry)
	}
	return out, nil
}

// over sums values up. Skew is how far they lie from their mean, in percent of it, at
// most 100.
func over(values []float64) map[string]float64 {
	least, most, sum := values[0], values[0], 0.0
	for _, v := range values {
		least, most, sum = min(least, v), max(most, v), sum+v
	}
	mean := sum / float64(len(values))
	off := 0.0
	for _, v := range values {
		off += max(v-mean, mean-v)
	}
	skew := 0.0
	if mean != 0 {
		skew = min(100, 100*off/float64(len(values))/mean)
	}
	return map[string]float64{"min": least, "max": most, "avg": mean, "sum": sum, "skew": skew}
}

func (m *JobManager) clusterMetrics(r *http.Request) (any, error) {
	list, err := m.clusterFigures(r)
	return pick(r, list), err
}

func (m *JobManager) nodesMetrics(r *http.Request) (any, error) {
	nodes, _, _, err := m.nodes(r)
	if err != nil {
		return nil, err
	}
	only := r.URL.Query().Get("taskmanagers")
	var lists [][]figure
	for name, f := range m.nodeFigures(r.Context(), nodes) {
		if only == "" || slices.Contains(strings.Split(only, ","), name) {
			lists = append(lists, processFigures(f))
		}
	}
	return pickOver(r, lists)
}

func (m *JobManager) nodeMetrics(r *http.Request) (any, error) {
	n, err := m.node(r)
	if err != nil {
		return nil, err
	}
	f, err := m.figures(r.Context(), m.o.Processes.Node(n.Name))
	return pick(r, processFigures(f)), err
}

func (m *JobManager) jobMetrics(r *http.Request) (any, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, err
	}
	return pick(r, m.jobFigures(j)), nil
}

func (m *JobManager) jobsMetrics(r *http.Request) (any, error) {
	jobs, err := m.client.Jobs(r.Context())
	if err != nil {
		return nil, err
	}
	only := r.URL.Query().Get("jobs")
	var lists [][]figure
	for i := range jobs {
		if only == "" || slices.Contains(strings.Split(only, ","), jobs[i].ID) {
			lists = append(lists, m.jobFigures(&jobs[i]))
		}
	}
	return pickOver(r, lists)
}

func (m *JobManager) vertexMetrics(r *http.Request) (any, error) {
	_, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	var list []figure
	for i := range v.Subtasks {
		s := &v.Subtasks[i]
		for _, f := range subtaskFigures(v, s) {
			f.name = strconv.Itoa(s.Index) + "." + f.name
			list = append(list, f)
		}
	}
	return pick(r, list), nil
}

func (m *JobManager) subtaskMetrics(r *http.Request) (any, error) {
	_, v, s, err := m.atIndex(r)
	if err != nil {
		return nil, err
	}
	return pick(r, subtaskFigures(v, s)), nil
}

func (m *JobManager) subtasksMetrics(r *http.Request) (any, error) {
	_, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	var lists [][]figure
	for i := range v.Subtasks {
		lists = append(lists, subtaskFigures(v, &v.Subtasks[i]))
	}
	return pickOver(r, lists)
}
