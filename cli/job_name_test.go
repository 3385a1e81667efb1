package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
)

// jobsClient has jobs and nothing else.
type jobsClient struct {
	gateway.Client
	list []gateway.JobStatus
}

func (c jobsClient) Jobs(context.Context) ([]gateway.JobStatus, error) { return c.list, nil }

// Job tells more of a job than the list: the tables that it writes to.
func (c jobsClient) Job(_ context.Context, id string) (gateway.JobStatus, error) {
	tables, ok := map[string][]string{"ee01": {"c.d.report"}, "ff01": {"c.d.report", "c.e.report"}, "0101": nil}[id]
	if !ok {
		return gateway.JobStatus{}, diag.New(diag.NotFound, "no job %q", id)
	}
	return gateway.JobStatus{ID: id, Vertices: []gateway.VertexStatus{{}, {Tables: tables}}}, nil
}

// TestFindJob: a job is meant by its id, the beginning of it, its name or a table of it. What may
// mean several names them all.
func TestFindJob(t *testing.T) {
	past := time.Unix(1, 0)
	c := jobsClient{list: []gateway.JobStatus{
		{ID: "aa01", Name: "insert-into_c.d.orders", State: "FINISHED", Ended: past},
		{ID: "aa02", Name: "insert-into_c.d.orders", State: "RUNNING"},
		{ID: "bb01", Name: "insert-into_c.d.first,c.d.second", State: "RUNNING"},
		{ID: "cc01", Name: "insert-into_c.d.twice", State: "RUNNING"},
		{ID: "cc02", Name: "insert-into_c.e.twice", State: "RUNNING"},
		{ID: "dd01", Name: "insert-into_c.d.over", State: "CANCELED", Ended: past},
		{ID: "ee01", Name: "nightly", State: "RUNNING"},
		{ID: "ff01", Name: "nightly-again", State: "RUNNING"},
		{ID: "0101", Name: "dd", State: "RUNNING"},
		{ID: "0201", Name: "just gone", State: "RUNNING"},
	}}
	for name, want := range map[string]string{
		"aa01": "aa01", "aa02": "aa02", "bb": "bb01", // ids
		"nightly": "ee01", "nightly-a": "ff01", // names
		"insert-into_c.d.orders": "aa02", // of two of a name the one that runs
		"orders":                 "aa02", "d.orders": "aa02", "c.d.orders": "aa02",
		"first": "bb01", "second": "bb01", "c.d.second": "bb01", // both tables of a set
		"d.twice": "cc01", "e.twice": "cc02",
		"over":     "dd01", // nothing else is meant
		"e.report": "ff01", // a table of a job that has a name of its own
	} {
		if got, err := findJob(context.Background(), c, name); got != want || err != nil {
			t.Errorf("%s means %s (%v), want %s", name, got, err, want)
		}
	}
	for name, want := range map[string][]string{
		"aa":       {"means several jobs", "aa01 (insert-into_c.d.orders, FINISHED)", "aa02 (insert-into_c.d.orders, RUNNING)"},
		"twice":    {"means several jobs", "cc01", "cc02"},
		"dd":       {"means several jobs", "dd01", "0101 (dd, RUNNING)"}, // an id and a name
		"d.report": {"means several jobs", "ee01", "ff01"},
		"night":    {"means several jobs", "ee01", "ff01"},
		"rders":    {`no job "rders"`},
		"":         {`no job ""`},
	} {
		got, err := findJob(context.Background(), c, name)
		d := diag.As(err)
		if d == nil || d.Code != diag.NotFound || d.Hint == "" || !containsAll(d.Msg, want) {
			t.Errorf("%q gives %q, %v", name, got, err)
		}
		if strings.Contains(want[0], "several") && !strings.Contains(d.Hint, "more of the id") {
			t.Errorf("%q: the way out is %q", name, d.Hint)
		}
	}
}
