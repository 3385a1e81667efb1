package rest

import (
	"net/http"
	"runtime"

	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/wire"
	"github.com/minkstream/mink/engine/probe"
)

func (m *JobManager) dashboard(*http.Request) (any, error) {
	zone, offset := m.o.Now().Zone()
	return wire.Dashboard{
		RefreshInterval: 3000, ZoneName: zone, ZoneOffset: offset * 1000, Version: FlinkVersion, Revision: "mink " + m.o.Version,
		Features: map[string]bool{"web-submit": false, "web-cancel": true, "web-rescale": false, "web-history": false},
	}, nil
}

// nodes gives the nodes, and how many slots there are and are free. Where slots are made
// as they are needed, there are as many as are used.
func (m *JobManager) nodes(r *http.Request) (list []gateway.NodeStatus, slots, free int, err error) {
	c, err := m.client.Cluster(r.Context())
	for _, n := range c.Nodes {
		if !n.Alive {
			continue
		}
		n.Slots = max(n.Slots, n.Used)
		list = append(list, n)
		slots, free = slots+n.Slots, free+n.Slots-n.Used
	}
	return list, slots, free, err
}

func (m *JobManager) overview(r *http.Request) (any, error) {
	nodes, slots, free, err := m.nodes(r)
	if err != nil {
		return nil, err
	}
	list, err := m.client.Jobs(r.Context())
	if err != nil {
		return nil, err
	}
	out := wire.Overview{TaskManagers: len(nodes), SlotsTotal: slots, SlotsAvailable: free, Version: FlinkVersion, Commit: "mink-" + m.o.Version}
	for _, j := range list {
		switch j.State {
		case "FINISHED":
			out.Finished++
		case "CANCELED":
			out.Cancelled++
		case "FAILED":
			out.Failed++
		default:
			out.Running++
		}
	}
	return out, nil
}

func (m *JobManager) settings(r *http.Request) (any, error) {
	if r.PathValue("j") != "" {
		if _, err := m.jobOf(r); err != nil {
			return nil, err
		}
	}
	out := []wire.Setting{}
	for _, k := range sortedKeys(m.o.Settings) {
		out = append(out, wire.Setting{Key: k, Value: maskSettings(m.o.Settings)[k]})
	}
	return out, nil
}

func (m *JobManager) environment(*http.Request) (any, error) {
	return map[string]any{
		"jvm":       map[string]any{"version": "none: mink " + m.o.Version + ", " + runtime.Version(), "arch": runtime.GOARCH, "options": []string{}},
		"classpath": []string{},
	}, nil
}

// jars lists none: mink runs statements, and no code that is sent to it.
func (m *JobManager) jars(r *http.Request) (any, error) {
	return map[string]any{"address": "http://" + r.Host, "files": []string{}}, nil
}

func (m *JobManager) taskManagers(r *http.Request) (any, error) {
	nodes, _, _, err := m.nodes(r)
	if err != nil {
		return nil, err
	}
	figures := m.nodeFigures(r.Context(), nodes)
	out := wire.TaskManagers{TaskManagers: []wire.TaskManager{}}
	for _, n := range nodes {
		out.TaskManagers = append(out.TaskManagers, m.taskManagerOf(n, figures[n.Name]))
	}
	return out, nil
}

func (m *JobManager) taskManagerOf(n gateway.NodeStatus, f probe.Figures) wire.TaskManager {
	t := wire.TaskManager{
		ID: n.Name, Path: n.Name, LastHeartbeat: m.o.Now().UnixMilli(), DataPort: -1, JMXPort: -1, Slots: n.Slots, FreeSlots: n.Slots - n.Used,
		AssignedTasks: n.Used, Hardware: wire.Hardware{CPU: f.CPUs, Physical: f.MachineMemory, Free: f.MachineAvailable},
		Memory: map[string]int64{},
	}
	for _, k := range []string{"frameworkHeap", "taskHeap", "frameworkOffHeap", "taskOffHeap", "networkMemory", "managedMemory", "jvmMetaspace", "jvmOverhead", "totalFlinkMemory", "totalProcessMemory"} {
		t.Memory[k] = 0
	}
	t.Total.CPU, t.Free.CPU = float64(f.CPUs), float64(f.CPUs)
	t.Memory["totalProcessMemory"], t.Memory["taskHeap"] = int64(f.Taken), int64(f.HeapTaken)
	return t
}

// node finds the node of the path.
func (m *JobManager) node(r *http.Request) (*gateway.NodeStatus, error) {
	nodes, _, _, err := m.nodes(r)
	if err != nil {
		return nil, err
	}
	for i := range nodes {
		if nodes[i].Name == r.PathValue("tm") {
			return &nodes[i], nil
		}
	}
	return nil, faultf(http.StatusNotFound, "Could not find TaskExecutor with id %s.", r.PathValue("tm"))
}

func (m *JobManager) taskManager(r *http.Request) (any, error) {
	n, err := m.node(r)
	if err != nil {
		return nil, err
	}
	f, err := m.figures(r.Context(), m.o.Processes.Node(n.Name))
	if err != nil {
		return nil, err
	}
	t := m.taskManagerOf(*n, f)
	jobs, err := m.client.Jobs(r.Context())
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		tasks := 0
		for _, v := range j.Vertices {
			for _, s := range v.Subtasks {
				if s.Node == n.Name && j.Ended.IsZero() {
					tasks++
				}
			}
		}
		if tasks > 0 {
			t.Allocated = append(t.Allocated, wire.AllocatedSlot{Job: j.ID, AssignedTasks: tasks})
		}
	}
	t.Metrics = map[string]any{}
	for _, k := range []string{
		"heapUsed", "heapCommitted", "heapMax", "nonHeapUsed", "nonHeapCommitted", "nonHeapMax", "directCount", "directUsed", "directMax",
		"mappedCount", "mappedUsed", "mappedMax", "nettyShuffleMemorySegmentsAvailable", "nettyShuffleMemorySegmentsUsed",
		"nettyShuffleMemorySegmentsTotal", "nettyShuffleMemoryAvailable", "nettyShuffleMemoryUsed", "nettyShuffleMemoryTotal",
	} {
		t.Metrics[k] = 0
	}
	t.Metrics["heapUsed"], t.Metrics["heapCommitted"], t.Metrics["heapMax"] = f.Heap, f.HeapTaken, f.Taken
	t.Metrics["garbageCollectors"] = []any{map[string]any{"name": "All", "count": f.Collections, "time": f.Paused.Milliseconds()}}
	return t, nil
}
