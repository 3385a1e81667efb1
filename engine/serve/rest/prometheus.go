package rest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/probe"
)

// prometheus writes the metrics in Prometheus' text, with the names and labels that
// Flink's PrometheusReporter gives them: dashboards for Flink work.
func (m *JobManager) prometheus(w http.ResponseWriter, r *http.Request) {
	cluster, err := m.clusterFigures(r)
	if err != nil {
		writeError(w, jobFault(err))
		return
	}
	jobs, err := m.client.Jobs(r.Context())
	if err != nil {
		writeError(w, jobFault(err))
		return
	}
	nodes, _, _, err := m.nodes(r)
	if err != nil {
		writeError(w, jobFault(err))
		return
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(&gauges{m: m, host: r.Host, cluster: cluster, jobs: jobs, nodes: m.nodeFigures(r.Context(), nodes)})
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}).ServeHTTP(w, r)
}

// gauges is a picture of all metrics. What is there to be seen is known when it is taken,
// so it describes nothing beforehand.
type gauges struct {
	m       *JobManager
	host    string
	cluster []figure
	jobs    []gateway.JobStatus
	nodes   map[string]probe.Figures
}

// Describe says nothing: an unchecked collector.
func (g *gauges) Describe(chan<- *prometheus.Desc) {}

// Collect gives each figure once. Jobs that have ended give their counts no more, as in
// Flink, where the metrics of a job go with it.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	seen := map[string]bool{}
	add := func(scope string, labels map[string]string, list []figure) {
		names := slices.Sorted(maps.Keys(labels))
		values := make([]string, len(names))
		for i, n := range names {
			values[i] = labelText(labels[n])
		}
		for i := range list {
			f := &list[i]
			if f.text != "" && f.num == 0 {
				continue // a text is no number
			}
			key := scope + f.name + strings.Join(values, "\x00")
			if seen[key] {
				continue // two operators of one name and id
			}
			seen[key] = true
			name, within := f.name, scope
			if k := strings.LastIndexByte(name, '.'); k >= 0 { // what stands before is a part of the scope
				name, within = name[k+1:], scope+"_"+labelText(name[:k])
			}
			desc := prometheus.NewDesc("flink_"+within+"_"+labelText(name), name+" (scope: "+within+")", names, nil)
			out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, f.num, values...)
		}
	}
	host, _, _ := strings.Cut(g.host, ":")
	add("jobmanager", map[string]string{"host": host}, g.cluster)
	for name, f := range g.nodes {
		add("taskmanager", map[string]string{"host": host, "tm_id": name}, processFigures(f))
	}
	for i := range g.jobs {
		j := &g.jobs[i]
		if !j.Ended.IsZero() {
			continue
		}
		add("jobmanager_job", map[string]string{"host": host, "job_id": j.ID, "job_name": j.Name}, g.m.jobFigures(j))
		for k := range j.Vertices {
			v := &j.Vertices[k]
			for n := range v.Subtasks {
				s := &v.Subtasks[n]
				labels := map[string]string{
					"host": host, "job_id": j.ID, "job_name": j.Name, "tm_id": s.Node, "task_id": vertexID(v), "task_name": v.Name,
					"subtask_index": strconv.Itoa(s.Index), "task_attempt_num": strconv.Itoa(max(0, s.Attempt-1)),
					"task_attempt_id": strings.Join([]string{hexID("run of " + j.ID), vertexID(v), strconv.Itoa(s.Index), strconv.Itoa(max(0, s.Attempt-1))}, "_"),
				}
				add("taskmanager_job_task", labels, taskFigures(v, s))
				for q := range s.Operators {
					o := &s.Operators[q]
					labels := maps.Clone(labels)
					labels["operator_id"], labels["operator_name"] = hexID("operator "+o.UID), o.Name
					add("taskmanager_job_task_operator", labels, operatorFigures(s, o))
				}
			}
		}
	}
}

// labelText puts an underscore for what Flink's reporter takes for no part of a name.
func labelText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == ':' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, s)
}
