package cli

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/remote"
)

// absolute makes a path of this machine one that does not depend on where the cluster was
// started. URIs stay.
func absolute(path string) string {
	if path == "" || strings.Contains(path, "://") {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// jobDetails are a job in JSON.
type jobDetails struct {
	jobLine
	Restarts    int            `json:"restarts"`
	Vertices    []vertexLine   `json:"vertices"`
	Checkpoints checkpointSums `json:"checkpoints"`
	LastFailure *failureLine   `json:"lastFailure,omitempty"`
}

type vertexLine struct {
	Name        string `json:"name"`
	Parallelism int    `json:"parallelism"`
	RowsIn      int64  `json:"rowsIn"`
	RowsOut     int64  `json:"rowsOut"`
}

type checkpointSums struct {
	Completed    int64 `json:"completed"`
	Failed       int64 `json:"failed"`
	InProgress   int   `json:"inProgress"`
	LastBytes    int64 `json:"lastBytes"`
	LastDuration int64 `json:"lastDurationMs"`
	RestoredFrom int64 `json:"restoredFrom,omitempty"`
}

type failureLine struct {
	Time string `json:"time"`
	Text string `json:"text"`
}

func failuresOf(j *gateway.JobStatus) []failureLine {
	var out []failureLine
	for _, f := range j.Failures {
		out = append(out, failureLine{stamp(f.At), errorText(f.Err)})
	}
	return out
}

// errorText is an error with its hint.
func errorText(err error) string {
	if d := diag.As(err); d != nil {
		return diag.Render(diag.Source{}, d)
	}
	return err.Error()
}

func detailsOf(j *gateway.JobStatus) jobDetails {
	d := jobDetails{jobLine: lineOf(j), Restarts: j.Restarts, Vertices: []vertexLine{}, Checkpoints: checkpointSums{
		Completed: j.Checkpoints.Completed, Failed: j.Checkpoints.Failed, InProgress: j.Checkpoints.InProgress, LastBytes: j.Checkpoints.LastBytes,
		LastDuration: j.Checkpoints.LastDuration.Milliseconds(), RestoredFrom: j.Checkpoints.RestoredFrom,
	}}
	for _, v := range j.Vertices {
		d.Vertices = append(d.Vertices, vertexLine{v.Name, v.Parallelism, v.RowsIn + v.SourceRows, v.RowsOut + v.SinkRows})
	}
	if list := failuresOf(j); len(list) > 0 {
		d.LastFailure = &list[0]
	}
	return d
}

func (a *app) jobsShowCommand(f *jobsFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show JOB", Short: "Show a job, its vertices and checkpoints", Args: cobra.ExactArgs(1),
		Example: examples("mink jobs show 7f3a", "mink jobs show --output json 7f3a | jq .checkpoints"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withJob(c.Context(), args[0], func(client *remote.Client, id string) error {
				j, err := client.Job(c.Context(), id)
				if err != nil {
					return err
				}
				d := detailsOf(&j)
				if f.output == "json" {
					return lines(a, []jobDetails{d})
				}
				fmt.Fprintf(a.out, "%s  %s\n%s for %s, since %s", d.ID, show.Clean(d.Name), d.State, brief(lasted(&j)), j.Started.Local().Format("2006-01-02 15:04:05"))
				if d.Restarts > 0 {
					fmt.Fprintf(a.out, ", %d %s", d.Restarts, plural(int64(d.Restarts), "restart"))
				}
				fmt.Fprintln(a.out)
				var rows [][]string
				for _, v := range d.Vertices {
					rows = append(rows, []string{v.Name, strconv.Itoa(v.Parallelism), strconv.FormatInt(v.RowsIn, 10), strconv.FormatInt(v.RowsOut, 10)})
				}
				a.table([]string{"vertex", "parallelism", "rows in", "rows out"}, rows)
				k := d.Checkpoints
				fmt.Fprintf(a.out, "checkpoints: %d completed, %d failed", k.Completed, k.Failed)
				if k.Completed > 0 {
					fmt.Fprintf(a.out, "; the last took %d ms and has %d bytes", k.LastDuration, k.LastBytes)
				}
				fmt.Fprintln(a.out)
				if d.LastFailure != nil {
					fmt.Fprintf(a.out, "last failure, %s: %s\n", d.LastFailure.Time, show.CleanLines(d.LastFailure.Text))
				}
				return nil
			})
		},
	}
}

// checkpointLine is a checkpoint in JSON.
type checkpointLine struct {
	ID        int64  `json:"id"`
	State     string `json:"state"`
	Savepoint bool   `json:"savepoint"`
	Triggered string `json:"triggered"`
	Duration  int64  `json:"durationMs"`
	Written   int64  `json:"writtenBytes"`
	Bytes     int64  `json:"bytes"`
	Path      string `json:"path,omitempty"`
	Failure   string `json:"failure,omitempty"`
}

func (a *app) jobsCheckpointsCommand(f *jobsFlags) *cobra.Command {
	return &cobra.Command{
		Use: "checkpoints JOB", Short: "List the newest checkpoints of a job", Args: cobra.ExactArgs(1),
		Example: examples("mink jobs checkpoints 7f3a"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withJob(c.Context(), args[0], func(client *remote.Client, id string) error {
				j, err := client.Job(c.Context(), id)
				if err != nil {
					return err
				}
				var out []checkpointLine
				var rows [][]string
				for _, h := range j.Checkpoints.History {
					l := checkpointLine{h.ID, h.State, h.Savepoint, stamp(h.Triggered), h.Duration.Milliseconds(), h.DeltaBytes, h.FullBytes, h.Path, h.Failure}
					out = append(out, l)
					kind := "checkpoint"
					if h.Savepoint {
						kind = "savepoint"
					}
					rows = append(rows, []string{strconv.FormatInt(h.ID, 10), kind, h.State, h.Triggered.Local().Format(time.TimeOnly), brief(h.Duration), strconv.FormatInt(h.DeltaBytes, 10), strconv.FormatInt(h.FullBytes, 10), h.Path + h.Failure})
				}
				if f.output == "json" {
					return lines(a, out)
				}
				a.table([]string{"id", "kind", "state", "at", "took", "written", "bytes", "path or failure"}, rows)
				return nil
			})
		},
	}
}

func (a *app) jobsExceptionsCommand(f *jobsFlags) *cobra.Command {
	return &cobra.Command{
		Use: "exceptions JOB", Short: "List the newest failures of a job", Args: cobra.ExactArgs(1),
		Example: examples("mink jobs exceptions 7f3a"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withJob(c.Context(), args[0], func(client *remote.Client, id string) error {
				j, err := client.Job(c.Context(), id)
				if err != nil {
					return err
				}
				out := failuresOf(&j)
				if f.output == "json" {
					return lines(a, out)
				}
				for _, l := range out {
					fmt.Fprintf(a.out, "%s  %s\n", l.Time, show.CleanLines(l.Text))
				}
				if len(out) == 0 {
					fmt.Fprintln(a.err, "no failures")
				}
				return nil
			})
		},
	}
}

// metricLine is a metric in JSON.
type metricLine struct {
	Vertex  string `json:"vertex,omitempty"`
	Subtask *int   `json:"subtask,omitempty"`
	Name    string `json:"name"`
	Value   string `json:"value"`
}

func (a *app) jobsMetricsCommand(f *jobsFlags) *cobra.Command {
	var match string
	c := &cobra.Command{
		Use: "metrics JOB", Short: "Show the metrics of a job and its subtasks", Args: cobra.ExactArgs(1),
		Example: examples("mink jobs metrics 7f3a", "mink jobs metrics --match numRecords 7f3a"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withJob(c.Context(), args[0], func(client *remote.Client, id string) error {
				list, err := client.Metrics(c.Context(), id)
				if err != nil {
					return err
				}
				var out []metricLine
				var rows [][]string
				for _, m := range list {
					if !strings.Contains(strings.ToLower(m.Name), strings.ToLower(match)) {
						continue
					}
					l, subtask := metricLine{Vertex: m.Vertex, Name: m.Name, Value: m.Value}, ""
					if m.Subtask >= 0 {
						l.Subtask, subtask = &m.Subtask, strconv.Itoa(m.Subtask)
					}
					out = append(out, l)
					rows = append(rows, []string{m.Vertex, subtask, m.Name, m.Value})
				}
				if f.output == "json" {
					return lines(a, out)
				}
				a.table([]string{"vertex", "subtask", "metric", "value"}, rows)
				return nil
			})
		},
	}
	c.Flags().StringVar(&match, "match", "", "only metrics whose names contain this")
	return c
}
