package rest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/probe"
)

// Processes are those of the cluster, as they are looked into.
type Processes interface {
	// Coordinator is the process that has the jobs.
	Coordinator() probe.Process
	// Node is the process of a node.
	Node(name string) probe.Process
	// Logs are processes that have all logs of the cluster between them, each by a name of
	// its own.
	Logs() map[string]probe.Process
}

// OneProcess is a cluster within this process.
func OneProcess(p probe.Process) Processes { return oneProcess{p} }

type oneProcess struct{ p probe.Process }

func (o oneProcess) Coordinator() probe.Process     { return o.p }
func (o oneProcess) Node(string) probe.Process      { return o.p }
func (o oneProcess) Logs() map[string]probe.Process { return map[string]probe.Process{"": o.p} }

// askWithin is how long a process may take to answer.
const askWithin = 20 * time.Second

// processOf is the process that a path names: a node's, or the coordinator's.
func (m *JobManager) processOf(r *http.Request) (probe.Process, error) {
	if r.PathValue("tm") == "" {
		return m.o.Processes.Coordinator(), nil
	}
	n, err := m.node(r)
	if err != nil {
		return nil, err
	}
	return m.o.Processes.Node(n.Name), nil
}

// inProcess answers by what a process tells.
func inProcess[T any](tell func(ctx context.Context, p probe.Process, r *http.Request) (T, error)) func(*JobManager, *http.Request) (any, error) {
	return func(m *JobManager, r *http.Request) (any, error) {
		p, err := m.processOf(r)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(r.Context(), askWithin)
		defer cancel()
		return tell(ctx, p, r)
	}
}

func logList(ctx context.Context, p probe.Process, _ *http.Request) (wire.Logs, error) {
	out := wire.Logs{Logs: []wire.Log{}}
	list, err := p.Files(ctx)
	for _, f := range list {
		out.Logs = append(out.Logs, wire.Log{Name: f.Name, Size: f.Size, Written: f.Written.UnixMilli()})
	}
	return out, err
}

func threadDump(ctx context.Context, p probe.Process, _ *http.Request) (wire.ThreadDump, error) {
	out := wire.ThreadDump{Threads: []wire.Thread{}}
	list, err := p.Stacks(ctx)
	for _, s := range list {
		out.Threads = append(out.Threads, wire.Thread{Name: s.Name, Text: s.Text})
	}
	return out, err
}

func profilingOf(x probe.Profiling) wire.Profiling {
	out := wire.Profiling{Status: "RUNNING", Mode: string(x.Mode), Triggered: x.Began.UnixMilli(), Duration: int64(x.Duration / time.Second)}
	if x.Ended.IsZero() {
		return out
	}
	at := x.Ended.UnixMilli()
	out.Finished = &at
	if x.Failure != "" {
		out.Status, out.Message = "FAILED", &x.Failure
		return out
	}
	ok := "Profiling Successful"
	out.Status, out.Message, out.File = "FINISHED", &ok, &x.File
	return out
}

func profileList(ctx context.Context, p probe.Process, _ *http.Request) (wire.ProfilingList, error) {
	out := wire.ProfilingList{List: []wire.Profiling{}}
	list, err := p.Profiles(ctx)
	for _, x := range list {
		out.List = append(out.List, profilingOf(x))
	}
	return out, err
}

func startProfile(ctx context.Context, p probe.Process, r *http.Request) (wire.Profiling, error) {
	var body wire.ProfilingRequest
	if err := decode(r, &body); err != nil {
		return wire.Profiling{}, err
	}
	if body.Duration <= 0 || body.Duration > int64(probe.ProfileMax/time.Second) {
		return wire.Profiling{}, faultf(http.StatusBadRequest, "`duration` must be between 1 and %d seconds, not %d", int64(probe.ProfileMax/time.Second), body.Duration)
	}
	mode := probe.Mode(strings.ToUpper(body.Mode))
	if !slices.Contains(probe.Modes(), mode) {
		return wire.Profiling{}, faultf(http.StatusBadRequest, "`mode` must be one of CPU, ALLOC, LOCK, WALL and ITIMER, not %q", body.Mode)
	}
	x, err := p.Profile(ctx, mode, time.Duration(body.Duration)*time.Second)
	return profilingOf(x), err
}

// fileRoutes give files and not JSON, without and with /v1 before them.
var fileRoutes = []struct {
	path string
	// name of the file in the process; that of the path where it is nil.
	name func(process string) string
	get  func(ctx context.Context, p probe.Process, name string, to io.Writer) error
}{
	{"/jobmanager/log", func(string) string { return "coordinator.log" }, logFile},
	{"/jobmanager/stdout", func(string) string { return "coordinator.out" }, logFile},
	{"/jobmanager/logs/{file}", nil, logFile},
	{"/jobmanager/profiler/{file}", nil, profileFile},
	{"/taskmanagers/{tm}/log", func(p string) string { return p + ".log" }, logFile},
	{"/taskmanagers/{tm}/stdout", func(p string) string { return p + ".out" }, logFile},
	{"/taskmanagers/{tm}/logs/{file}", nil, logFile},
	{"/taskmanagers/{tm}/profiler/{file}", nil, profileFile},
}

// logFile writes a log as long as it was when it was asked for, piece by piece.
func logFile(ctx context.Context, p probe.Process, name string, to io.Writer) error {
	list, err := p.Files(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(f probe.File) bool { return f.Name == name })
	if i < 0 {
		return faultf(http.StatusNotFound, "This file does not exist in the log folder of the process: %s", name)
	}
	for at, size := int64(0), list[i].Size; at < size; {
		b, err := p.Piece(ctx, name, at)
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return nil // it was put aside meanwhile
		}
		b = b[:min(int64(len(b)), size-at)]
		at += int64(len(b))
		if _, err := to.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func profileFile(ctx context.Context, p probe.Process, name string, to io.Writer) error {
	b, err := p.ProfileFile(ctx, name)
	if err != nil {
		return err
	}
	_, err = to.Write(b)
	return err
}

// begun notes that something was written: what fails from then on cannot be told any more.
type begun struct {
	http.ResponseWriter
	kind string
	did  bool
}

func (w *begun) Write(b []byte) (int, error) {
	if !w.did {
		w.did = true
		w.Header().Set("Content-Type", w.kind)
	}
	return w.ResponseWriter.Write(b)
}

// files makes the handler of a route of fileRoutes.
func (m *JobManager) files(i int) http.HandlerFunc {
	route := fileRoutes[i]
	return func(w http.ResponseWriter, r *http.Request) {
		p, err := m.processOf(r)
		if err != nil {
			writeError(w, jobFault(err))
			return
		}
		name := r.PathValue("file")
		if route.name != nil {
			name = route.name(r.PathValue("tm"))
		}
		to := &begun{ResponseWriter: w, kind: "text/plain; charset=UTF-8"}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if strings.HasSuffix(name, ".gz") {
			to.kind = "application/octet-stream"
			w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
		}
		err = route.get(r.Context(), p, name, to)
		switch {
		case err != nil && to.did:
			panic(http.ErrAbortHandler) // whoever reads it sees that it is not whole
		case err != nil:
			w.Header().Del("Content-Disposition")
			writeError(w, jobFault(err))
		case !to.did:
			_, _ = to.Write(nil) // an empty file
		}
	}
}

// noCode refuses what would bring code into the cluster, or run it.
func (m *JobManager) noCode(*http.Request) (any, error) {
	return nil, faultf(http.StatusNotImplemented, "mink takes and runs no jars: hand the job in as SQL, with mink run --detach FILE.sql, with Flink's SQL client or over the SQL gateway (POST /sessions/:session/statements)")
}

// Refuses reports a request that noCode answers, whatever its body is.
func Refuses(r *http.Request) bool {
	path := strings.TrimPrefix(r.URL.Path, "/v1")
	return r.Method == http.MethodPost && (path == "/jobs" || strings.HasPrefix(path, "/jars/"))
}

func (m *JobManager) noShutdown(*http.Request) (any, error) {
	return nil, faultf(http.StatusNotImplemented, "a cluster of mink is not stopped over REST: mink down stops it, where it was started")
}

func (m *JobManager) figures(ctx context.Context, p probe.Process) (probe.Figures, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return p.Figures(ctx)
}

// nodeFigures are those of all nodes that are there and answer.
func (m *JobManager) nodeFigures(ctx context.Context, nodes []gateway.NodeStatus) map[string]probe.Figures {
	type told struct {
		name string
		f    probe.Figures
		err  error
	}
	all := make(chan told)
	for _, n := range nodes {
		go func() {
			f, err := m.figures(ctx, m.o.Processes.Node(n.Name))
			all <- told{n.Name, f, err}
		}()
	}
	out := map[string]probe.Figures{}
	for range nodes {
		if t := <-all; t.err == nil {
			out[t.name] = t.f
		}
	}
	return out
}
