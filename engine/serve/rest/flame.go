package rest

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/probe"
)

// Flame graphs of a vertex. The first request begins to look and says that it does; when it
// has, requests are answered with what was seen, until that is old. Flink does the same.
const (
	flameFor   = 5 * time.Second // as long as Flink looks by default
	flameFresh = time.Minute
	flameKept  = 10 * time.Minute
	flamesMax  = 32
)

// What Flink tells instead of the time of a sample.
const (
	flameEnded   = -1 // the vertex runs no more
	flameWaiting = -3 // the first sample is being taken
)

// flames are the samples of vertices, by job and vertex.
type flames struct {
	mu   sync.Mutex
	byID map[string]*flame
}

// flame is what was seen of a vertex.
type flame struct {
	at               time.Time // zero before the first
	busy             bool      // it is being looked at
	running, waiting []probe.Weighed
}

// flamegraph answers a request for a flame graph.
func (m *JobManager) flamegraph(r *http.Request) (any, error) {
	j, v, err := m.vertexOf(r)
	if err != nil {
		return nil, err
	}
	kind := strings.ToUpper(r.URL.Query().Get("type"))
	switch kind {
	case "", "FULL", "ON_CPU", "OFF_CPU":
	default:
		return nil, badParameter("query", "type", r.URL.Query().Get("type"))
	}
	only := -1
	if s := r.URL.Query().Get("subtaskindex"); s != "" {
		if only, err = strconv.Atoi(s); err != nil || only < 0 {
			return nil, badParameter("query", "subtaskindex", s)
		}
		if only >= v.Parallelism {
			return nil, faultf(http.StatusNotFound, "Invalid subtask index for vertex %s", vertexID(v))
		}
	}
	if !j.Ended.IsZero() {
		return wire.Flame{End: flameEnded}, nil
	}
	f := m.flameOf(j.ID, v)
	if f.at.IsZero() {
		return wire.Flame{End: flameWaiting}, nil
	}
	root := &wire.FlameNode{Name: "root", Children: []*wire.FlameNode{}}
	if kind != "OFF_CPU" {
		grow(root, f.running, only)
	}
	if kind != "ON_CPU" {
		grow(root, f.waiting, only)
	}
	return wire.Flame{End: f.at.UnixMilli(), Data: root}, nil
}

// grow adds stacks to a graph.
func grow(root *wire.FlameNode, stacks []probe.Weighed, only int) {
	for _, w := range stacks {
		if only >= 0 && w.Subtask != only {
			continue
		}
		at := root
		at.Value += w.Weight
		for _, name := range w.Stack {
			var next *wire.FlameNode
			for _, c := range at.Children {
				if c.Name == name {
					next = c
				}
			}
			if next == nil {
				next = &wire.FlameNode{Name: name, Children: []*wire.FlameNode{}}
				at.Children = append(at.Children, next)
			}
			at = next
			at.Value += w.Weight
		}
	}
}

// flameOf is what was seen last of a vertex; it is looked at again when that is old.
func (m *JobManager) flameOf(job string, v *gateway.VertexStatus) flame {
	k := &m.flames
	k.mu.Lock()
	defer k.mu.Unlock()
	now := m.o.Now()
	for id, f := range k.byID {
		if !f.busy && (now.Sub(f.at) > flameKept || len(k.byID) >= flamesMax) {
			delete(k.byID, id)
		}
	}
	id := job + vertexID(v)
	f := k.byID[id]
	if f == nil {
		if k.byID == nil {
			k.byID = map[string]*flame{}
		}
		if len(k.byID) >= flamesMax {
			return flame{} // all of them are being looked at
		}
		f = &flame{}
		k.byID[id] = f
	}
	if !f.busy && now.Sub(f.at) > flameFresh {
		f.busy = true
		go func() {
			running, waiting, ok := m.look(job, v.ID)
			k.mu.Lock()
			defer k.mu.Unlock()
			f.busy = false
			if ok {
				f.at, f.running, f.waiting = m.o.Now(), running, waiting
			} else if f.at.IsZero() {
				delete(k.byID, id) // the next request tries again
			}
		}()
	}
	return *f
}

// look looks at a vertex for a while, in all processes that have tasks of it. What its tasks
// are when nothing runs them is not on any stack: they are parked, and the times that they
// count say for what.
func (m *JobManager) look(job string, vertex int) (running, waiting []probe.Weighed, ok bool) {
	ctx, cancel := timeout(m.o.FlameFor + askWithin)
	defer cancel()
	before, nodes, err := m.parked(ctx, job, vertex)
	if err != nil {
		return nil, nil, false
	}
	processes := []probe.Process{m.o.Processes.Coordinator()}
	if _, one := m.o.Processes.(oneProcess); !one {
		for n := range nodes {
			processes = append(processes, m.o.Processes.Node(n))
		}
	}
	q := probe.SampleOf{
		Labels: [3]string{flow.LabelJob, flow.LabelVertex, flow.LabelSubtask}, Job: job, Vertex: strconv.Itoa(vertex), Duration: m.o.FlameFor, Steps: flow.StepsFunc,
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, p := range processes {
		wait.Go(func() {
			s, err := p.Sample(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				return // one that has died has nothing to show
			}
			ok = true
			running, waiting = append(running, s.Running...), append(waiting, s.Waiting...)
		})
	}
	wait.Wait()
	after, _, err := m.parked(ctx, job, vertex)
	if err != nil {
		return running, waiting, ok
	}
	for sub, a := range after {
		b := before[sub]
		for i, name := range []string{"parked: no input", "parked: no room behind"} {
			if n := (a[i] - b[i]).Milliseconds() / 10; n > 0 {
				waiting = append(waiting, probe.Weighed{Subtask: sub, Stack: []string{name}, Weight: n})
			}
		}
	}
	return running, waiting, ok
}

// parked are the times that the subtasks of a vertex have waited for rows, and for room; and
// the nodes that they are on.
func (m *JobManager) parked(ctx context.Context, job string, vertex int) (map[int][2]time.Duration, map[string]bool, error) {
	j, err := m.client.Job(ctx, job)
	if err != nil {
		return nil, nil, err
	}
	times, nodes := map[int][2]time.Duration{}, map[string]bool{}
	for _, v := range j.Vertices {
		if v.ID != vertex {
			continue
		}
		for _, s := range v.Subtasks {
			up := float64(s.Uptime)
			times[s.Index] = [2]time.Duration{time.Duration(s.Waiting * up), time.Duration(s.Blocked * up)}
			nodes[s.Node] = true
		}
	}
	return times, nodes, nil
}
