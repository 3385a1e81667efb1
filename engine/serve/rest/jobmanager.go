package rest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net/http"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
)

// JobManager serves the REST interface of Flink's JobManager, and Prometheus' metrics. It
// may be used from several goroutines.
type JobManager struct {
	client gateway.Client
	o      Options
	mux    *http.ServeMux
	start  time.Time

	mu sync.Mutex
	// triggers are savepoints and checkpoints that were asked for, by job and id; order
	// is theirs, oldest first.
	triggers map[string]*trigger
	order    []string

	holds  holds
	flames flames
}

// jobRoute is a path of the interface; its status is that of an answer.
type jobRoute struct {
	method, path string
	status       int
	serve        func(m *JobManager, r *http.Request) (any, error)
}

// jobRoutes are all that answer JSON, without and with /v1 before them.
var jobRoutes = []jobRoute{
	{"GET", "/config", 200, (*JobManager).dashboard},
	{"GET", "/overview", 200, (*JobManager).overview},
	{"GET", "/jobmanager/config", 200, (*JobManager).settings},
	{"GET", "/jobmanager/environment", 200, (*JobManager).environment},
	{"GET", "/jobmanager/logs", 200, inProcess(logList)},
	{"GET", "/jobmanager/thread-dump", 200, inProcess(threadDump)},
	{"GET", "/jobmanager/profiler", 200, inProcess(profileList)},
	{"POST", "/jobmanager/profiler", 200, inProcess(startProfile)},
	{"GET", "/jobmanager/metrics", 200, (*JobManager).clusterMetrics},
	{"GET", "/taskmanagers", 200, (*JobManager).taskManagers},
	{"GET", "/taskmanagers/metrics", 200, (*JobManager).nodesMetrics},
	{"GET", "/taskmanagers/{tm}", 200, (*JobManager).taskManager},
	{"GET", "/taskmanagers/{tm}/metrics", 200, (*JobManager).nodeMetrics},
	{"GET", "/taskmanagers/{tm}/logs", 200, inProcess(logList)},
	{"GET", "/taskmanagers/{tm}/thread-dump", 200, inProcess(threadDump)},
	{"GET", "/taskmanagers/{tm}/profiler", 200, inProcess(profileList)},
	{"POST", "/taskmanagers/{tm}/profiler", 200, inProcess(startProfile)},
	{"DELETE", "/cluster", 200, (*JobManager).noShutdown},
	{"GET", "/datasets", 200, func(*JobManager, *http.Request) (any, error) { return map[string][]string{"dataSets": {}}, nil }},
	{"GET", "/jars", 200, (*JobManager).jars},
	{"POST", "/jars/upload", 200, (*JobManager).noCode},
	{"DELETE", "/jars/{jar}", 200, (*JobManager).noCode},
	{"GET", "/jars/{jar}/plan", 200, (*JobManager).noCode},
	{"POST", "/jars/{jar}/plan", 200, (*JobManager).noCode},
	{"POST", "/jars/{jar}/run", 200, (*JobManager).noCode},
	{"POST", "/jars/{jar}/run-application", 200, (*JobManager).noCode},
	{"POST", "/jobs", 202, (*JobManager).noCode},
	{"GET", "/jobs", 200, (*JobManager).jobIDs},
	{"GET", "/jobs/overview", 200, (*JobManager).jobsOverview},
	{"GET", "/jobs/metrics", 200, (*JobManager).jobsMetrics},
	{"GET", "/jobs/{j}", 200, (*JobManager).job},
	{"PATCH", "/jobs/{j}", 202, (*JobManager).terminate},
	{"GET", "/jobs/{j}/status", 200, (*JobManager).jobState},
	{"GET", "/jobs/{j}/plan", 200, (*JobManager).jobPlan},
	{"GET", "/jobs/{j}/config", 200, (*JobManager).jobConfig},
	{"GET", "/jobs/{j}/exceptions", 200, (*JobManager).exceptions},
	{"GET", "/jobs/{j}/execution-result", 200, (*JobManager).executionResult},
	{"GET", "/jobs/{j}/accumulators", 200, (*JobManager).accumulators},
	{"GET", "/jobs/{j}/metrics", 200, (*JobManager).jobMetrics},
	{"GET", "/jobs/{j}/jobmanager/config", 200, (*JobManager).settings},
	{"GET", "/jobs/{j}/jobmanager/environment", 200, (*JobManager).environment},
	{"PATCH", "/jobs/{j}/rescaling", 200, (*JobManager).rescaling},
	{"GET", "/jobs/{j}/checkpoints", 200, (*JobManager).checkpoints},
	{"POST", "/jobs/{j}/checkpoints", 202, (*JobManager).triggerCheckpoint},
	{"GET", "/jobs/{j}/checkpoints/config", 200, (*JobManager).checkpointConfig},
	{"GET", "/jobs/{j}/checkpoints/details/{c}", 200, (*JobManager).checkpoint},
	{"GET", "/jobs/{j}/checkpoints/details/{c}/subtasks/{v}", 200, (*JobManager).vertexCheckpoint},
	{"GET", "/jobs/{j}/checkpoints/{trigger}", 200, (*JobManager).triggered},
	{"POST", "/jobs/{j}/savepoints", 202, (*JobManager).triggerSavepoint},
	{"GET", "/jobs/{j}/savepoints/{trigger}", 200, (*JobManager).triggered},
	{"POST", "/jobs/{j}/stop", 202, (*JobManager).triggerStop},
	{"GET", "/jobs/{j}/vertices/{v}", 200, (*JobManager).vertex},
	{"GET", "/jobs/{j}/vertices/{v}/subtasktimes", 200, (*JobManager).subtaskTimes},
	{"GET", "/jobs/{j}/vertices/{v}/taskmanagers", 200, (*JobManager).vertexNodes},
	{"GET", "/jobs/{j}/vertices/{v}/accumulators", 200, (*JobManager).vertexAccumulators},
	{"GET", "/jobs/{j}/vertices/{v}/backpressure", 200, (*JobManager).backpressure},
	{"GET", "/jobs/{j}/vertices/{v}/flamegraph", 200, (*JobManager).flamegraph},
	{"GET", "/jobs/{j}/vertices/{v}/watermarks", 200, (*JobManager).watermarks},
	{"GET", "/jobs/{j}/vertices/{v}/metrics", 200, (*JobManager).vertexMetrics},
	{"GET", "/jobs/{j}/vertices/{v}/jm-operator-metrics", 200, func(*JobManager, *http.Request) (any, error) { return []wire.Metric{}, nil }},
	{"GET", "/jobs/{j}/vertices/{v}/subtasks/accumulators", 200, (*JobManager).subtasksAccumulators},
	{"GET", "/jobs/{j}/vertices/{v}/subtasks/metrics", 200, (*JobManager).subtasksMetrics},
	{"GET", "/jobs/{j}/vertices/{v}/subtasks/{i}", 200, (*JobManager).subtask},
	{"GET", "/jobs/{j}/vertices/{v}/subtasks/{i}/metrics", 200, (*JobManager).subtaskMetrics},
	{"GET", "/jobs/{j}/vertices/{v}/subtasks/{i}/attempts/{a}", 200, (*JobManager).subtask},
	{"GET", "/jobs/{j}/vertices/{v}/subtasks/{i}/attempts/{a}/accumulators", 200, (*JobManager).attemptAccumulators},
}

// JobManagerRoutes lists what the handler serves.
func JobManagerRoutes() []Route {
	out := []Route{{"GET", "/metrics"}}
	for _, r := range jobRoutes {
		out = append(out, Route{r.method, r.path}, Route{r.method, "/v1" + r.path})
	}
	for _, r := range fileRoutes {
		out = append(out, Route{"GET", r.path}, Route{"GET", "/v1" + r.path})
	}
	for _, r := range liveRoutes {
		out = append(out, Route{r.method, r.path})
	}
	return append(out, Route{"GET", tapePath})
}

// NewJobManager makes the handler of the JobManager's interface.
func NewJobManager(client gateway.Client, o Options) *JobManager {
	m := &JobManager{client: client, o: o.withDefaults(), mux: http.NewServeMux(), triggers: map[string]*trigger{}, holds: holds{after: afterFunc}}
	m.start = m.o.Now()
	serve := func(r jobRoute) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			answer, err := r.serve(m, req)
			if err != nil {
				writeError(w, jobFault(err))
				return
			}
			writeJSON(w, r.status, answer)
		}
	}
	own := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set(wire.MinkHeader, m.o.Version)
			h(w, req)
		}
	}
	for _, r := range liveRoutes {
		m.mux.HandleFunc(r.method+" "+r.path, own(serve(r)))
	}
	m.mux.HandleFunc("GET "+tapePath, own(m.tape))
	for _, r := range jobRoutes {
		serve := serve(r)
		m.mux.HandleFunc(r.method+" "+r.path, serve)
		m.mux.HandleFunc(r.method+" /v1"+r.path, serve)
	}
	for i, r := range fileRoutes {
		m.mux.HandleFunc("GET "+r.path, m.files(i))
		m.mux.HandleFunc("GET /v1"+r.path, m.files(i))
	}
	m.mux.HandleFunc("GET /metrics", m.prometheus)
	m.mux.HandleFunc("/", notFound)
	return m
}

func (m *JobManager) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }

// jobFault gives errors of the client the status that they have in Flink.
func jobFault(err error) error {
	d := diag.As(err)
	if d == nil {
		return err
	}
	f := failure(d, "")
	switch d.Code {
	case diag.NotFound:
		f.status = http.StatusNotFound
	case diag.Config, diag.InvalidArgument:
		f.status = http.StatusBadRequest
	case diag.InvalidQuery, diag.Conflict: // a job that has ended, or something that is done already
		f.status = http.StatusConflict
	}
	return f
}

// jobOf finds the job of the path.
func (m *JobManager) jobOf(r *http.Request) (*gateway.JobStatus, error) {
	id := r.PathValue("j")
	if !isHex(id) {
		return nil, badParameter("path", "jobid", id)
	}
	j, err := m.client.Job(r.Context(), id)
	if diag.CodeOf(err) == diag.NotFound {
		return nil, faultf(http.StatusNotFound, "Job %s not found", id)
	}
	if err != nil {
		return nil, err
	}
	return &j, nil
}

// vertexOf finds the vertex of the path.
func (m *JobManager) vertexOf(r *http.Request) (*gateway.JobStatus, *gateway.VertexStatus, error) {
	j, err := m.jobOf(r)
	if err != nil {
		return nil, nil, err
	}
	id := r.PathValue("v")
	if !isHex(id) {
		return nil, nil, badParameter("path", "vertexid", id)
	}
	for i := range j.Vertices {
		if vertexID(&j.Vertices[i]) == id {
			return j, &j.Vertices[i], nil
		}
	}
	return nil, nil, faultf(http.StatusNotFound, "JobVertex %s not found", id)
}

func isHex(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == 16
}

// newTrigger draws an id of 32 hex digits.
func newTrigger() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// hexID makes an id of 32 hex digits of a name.
func hexID(name string) string {
	h := fnv.New128a()
	_, _ = h.Write([]byte(name))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// vertexID is that of a vertex, the same in each run of the statement.
func vertexID(v *gateway.VertexStatus) string { return hexID("vertex " + v.UID) }
