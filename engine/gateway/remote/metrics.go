package remote

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/gateway/wire"
)

// Metric is a figure of a job; Vertex is "" and Subtask -1 for one of the whole job.
type Metric struct {
	Vertex  string
	Subtask int
	Name    string
	Value   string
}

// Metrics gives the figures of a job and of its subtasks, all that the cluster has of
// them, in the order of the cluster.
func (c *Client) Metrics(ctx context.Context, id string) ([]Metric, error) {
	var out []Metric
	list, err := c.figures(ctx, jobPath(id)+"/metrics")
	if err != nil {
		return nil, named(err, id)
	}
	for _, m := range list {
		out = append(out, Metric{Subtask: -1, Name: m.ID, Value: *m.Value})
	}
	var j wire.Job
	if err := c.ofJobs(ctx, "GET", jobPath(id), nil, &j); err != nil {
		return nil, named(err, id)
	}
	for _, v := range j.Vertices {
		list, err := c.figures(ctx, jobPath(id)+"/vertices/"+url.PathEscape(v.ID)+"/metrics")
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			index, name, _ := strings.Cut(m.ID, ".")
			n, err := strconv.Atoi(index)
			if err != nil {
				continue
			}
			out = append(out, Metric{Vertex: v.Name, Subtask: n, Name: name, Value: *m.Value})
		}
	}
	return out, nil
}

// namesMax is how many metrics are asked for at once: a URL has an end.
const namesMax = 50

// figures asks for the names of metrics, then for their values.
func (c *Client) figures(ctx context.Context, path string) ([]wire.Metric, error) {
	var names []wire.Metric
	if err := c.ofJobs(ctx, "GET", path, nil, &names); err != nil {
		return nil, err
	}
	values := map[string]wire.Metric{}
	for from := 0; from < len(names); from += namesMax {
		var get []string
		for _, n := range names[from:min(len(names), from+namesMax)] {
			get = append(get, url.QueryEscape(n.ID))
		}
		var list []wire.Metric
		if err := c.ofJobs(ctx, "GET", path+"?get="+strings.Join(get, ","), nil, &list); err != nil {
			return nil, err
		}
		for _, m := range list {
			if m.Value != nil {
				values[m.ID] = m
			}
		}
	}
	var out []wire.Metric
	for _, n := range names {
		if m, ok := values[n.ID]; ok {
			out = append(out, m)
		}
	}
	return out, nil
}
