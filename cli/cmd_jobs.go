package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/remote"
)

// jobsFlags say which cluster is meant and how it is shown.
type jobsFlags struct {
	dir, gateway, rest, output string
}

func (a *app) jobsCommand() *cobra.Command {
	var f jobsFlags
	c := &cobra.Command{
		Use:   "jobs",
		Short: "Watch and stop the jobs of a cluster",
		Long: `Watches and stops the jobs of the cluster of mink up in --dir, or of one behind REST: mink's or
Apache Flink's. A job is named by its id, by the beginning of its id or its name, or by a table that
it writes to; of several jobs of one name or table that which runs is meant.`,
		Example: examples(
			"mink jobs ls",
			"mink jobs show 7f3a",
			"mink jobs stop --savepoint-dir savepoints/ insert-into_orders",
			"mink jobs ls --rest http://flink:8081 --output json | jq .state",
		),
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if f.output != "table" && f.output != "json" {
				return failed(exitUsage, diag.New(diag.Config, "no output form %q", f.output).WithHint("table or json"))
			}
			return nil
		},
	}
	fl := c.PersistentFlags()
	fl.StringVar(&f.dir, "dir", ".mink", "directory of the cluster")
	fl.StringVar(&f.gateway, "gateway", "", "SQL gateway of another cluster, which tells where its jobs are")
	fl.StringVar(&f.rest, "rest", "", "JobManager of another cluster, such as http://flink:8081")
	fl.StringVar(&f.output, "output", "table", "table or json")
	c.AddCommand(a.jobsListCommand(&f), a.jobsShowCommand(&f), a.jobsCancelCommand(&f), a.jobsStopCommand(&f), a.jobsSavepointCommand(&f),
		a.jobsCheckpointsCommand(&f), a.jobsExceptionsCommand(&f), a.jobsMetricsCommand(&f), a.jobsLogsCommand(&f))
	return c
}

// client is that of the cluster which the flags name.
func (f *jobsFlags) client() (*remote.Client, error) {
	info, err := infoOf(f.dir)
	if err != nil {
		return nil, err
	}
	if info == nil && f.gateway == "" && f.rest == "" {
		return nil, failed(exitUnreachable, diag.New(diag.NotFound, "no cluster runs in %s", f.dir).
			WithHint("mink up starts one; --rest names the JobManager of another"))
	}
	return clusterClient(info, f.gateway, f.rest)
}

// with runs something with a client of the cluster.
func (f *jobsFlags) with(do func(*remote.Client) error) error {
	c, err := f.client()
	if err != nil {
		return err
	}
	defer c.Close()
	if err := do(c); unreachable(err) {
		return failed(exitUnreachable, err)
	} else if err != nil {
		return err
	}
	return nil
}

// withJob is with, and the id of the job that a name means.
func (f *jobsFlags) withJob(ctx context.Context, name string, do func(c *remote.Client, id string) error) error {
	return f.with(func(c *remote.Client) error {
		id, err := findJob(ctx, c, name)
		if err != nil {
			return err
		}
		return do(c, id)
	})
}

// jobLine is a job in JSON.
type jobLine struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	State    string `json:"state"`
	Type     string `json:"type"`
	Started  string `json:"started"`
	Ended    string `json:"ended,omitempty"`
	Duration int64  `json:"durationMs"`
}

func lineOf(j *gateway.JobStatus) jobLine {
	l := jobLine{ID: j.ID, Name: j.Name, State: j.State, Type: "streaming", Started: stamp(j.Started), Ended: stamp(j.Ended), Duration: lasted(j).Milliseconds()}
	if j.Batch {
		l.Type = "batch"
	}
	return l
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func lasted(j *gateway.JobStatus) time.Duration {
	if j.Ended.IsZero() {
		return time.Since(j.Started)
	}
	return j.Ended.Sub(j.Started)
}

// brief is a duration for people.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// lines prints JSON objects, one a line.
func lines[T any](a *app, list []T) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	for _, l := range list {
		if err := enc.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// table prints rows of texts, each cut to the screen's width.
func (a *app) table(names []string, rows [][]string) {
	for _, r := range rows {
		for i := range r {
			r[i] = show.Clean(r[i])
		}
	}
	fmt.Fprint(a.out, show.Grid(names, nil, rows, 60))
}

func (a *app) jobsListCommand(f *jobsFlags) *cobra.Command {
	var running bool
	c := &cobra.Command{
		Use: "ls", Short: "List jobs, oldest first", Args: cobra.NoArgs,
		Example: examples("mink jobs ls", "mink jobs ls --running", "mink jobs ls --output json | jq -r .id"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.with(func(client *remote.Client) error {
				list, err := client.Jobs(c.Context())
				if err != nil {
					return err
				}
				var out []jobLine
				var rows [][]string
				for i := range list {
					j := &list[i]
					if running && !j.Ended.IsZero() {
						continue
					}
					out = append(out, lineOf(j))
					rows = append(rows, []string{j.ID, j.Name, j.State, j.Started.Local().Format("2006-01-02 15:04:05"), brief(lasted(j))})
				}
				if f.output == "json" {
					return lines(a, out)
				}
				if len(rows) == 0 {
					fmt.Fprintln(a.err, "no jobs")
					return nil
				}
				a.table([]string{"id", "name", "state", "started", "duration"}, rows)
				return nil
			})
		},
	}
	c.Flags().BoolVar(&running, "running", false, "leave out jobs that have ended")
	return c
}

func (a *app) jobsCancelCommand(f *jobsFlags) *cobra.Command {
	return &cobra.Command{
		Use: "cancel JOB...", Short: "End jobs without a savepoint", Args: cobra.MinimumNArgs(1),
		Example: examples("mink jobs cancel 7f3a"),
		RunE: func(c *cobra.Command, args []string) error {
			for _, name := range args {
				err := f.withJob(c.Context(), name, func(client *remote.Client, id string) error {
					if err := client.Cancel(c.Context(), id); err != nil {
						return err
					}
					st, err := client.Job(c.Context(), id)
					if err == nil {
						fmt.Fprintf(a.err, "job %s is %s\n", id, st.State)
					}
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// saved is a savepoint in JSON.
type saved struct {
	Job       string `json:"job"`
	Savepoint string `json:"savepoint"`
}

// tellSaved prints where a savepoint is.
func (a *app) tellSaved(f *jobsFlags, id, path string) error {
	if f.output == "json" {
		return lines(a, []saved{{id, path}})
	}
	_, err := fmt.Fprintln(a.out, path)
	return err
}

func (a *app) jobsStopCommand(f *jobsFlags) *cobra.Command {
	var dir string
	var drain bool
	c := &cobra.Command{
		Use: "stop JOB", Short: "End a job with a savepoint", Args: cobra.ExactArgs(1),
		Long: `Takes a savepoint, behind which the job reads nothing any more, and ends it. The savepoint's
folder is printed: SET 'execution.state-recovery.path' to it and the next job goes on from there.`,
		Example: examples("mink jobs stop --savepoint-dir savepoints/ 7f3a", "mink jobs stop --drain 7f3a   # windows fire before the end"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withJob(c.Context(), args[0], func(client *remote.Client, id string) error {
				path, err := client.Stop(c.Context(), id, absolute(dir), drain)
				if err != nil {
					return err
				}
				return a.tellSaved(f, id, path)
			})
		},
	}
	c.Flags().StringVar(&dir, "savepoint-dir", "", "where the savepoint goes (default: the job's 'execution.checkpointing.savepoint-dir')")
	c.Flags().BoolVar(&drain, "drain", false, "let sources end first, so that windows fire; the job cannot go on from the savepoint as it was")
	return c
}

func (a *app) jobsSavepointCommand(f *jobsFlags) *cobra.Command {
	return &cobra.Command{
		Use: "savepoint JOB [DIR]", Short: "Take a savepoint of a job, which goes on", Args: cobra.RangeArgs(1, 2),
		Long:    `Takes a savepoint below DIR, or where the job's 'execution.checkpointing.savepoint-dir' says, and prints its folder.`,
		Example: examples("mink jobs savepoint 7f3a savepoints/"),
		RunE: func(c *cobra.Command, args []string) error {
			dir := ""
			if len(args) > 1 {
				dir = absolute(args[1])
			}
			return f.withJob(c.Context(), args[0], func(client *remote.Client, id string) error {
				path, err := client.Savepoint(c.Context(), id, dir)
				if err != nil {
					return err
				}
				return a.tellSaved(f, id, path)
			})
		},
	}
}
