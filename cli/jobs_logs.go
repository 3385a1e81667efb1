package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway/remote"
)

// followEvery is the time between two looks at logs that are followed.
const followEvery = 250 * time.Millisecond

// logsFlags say which lines are wanted.
type logsFlags struct {
	vertex  string
	subtask int
	follow  bool
}

func (a *app) jobsLogsCommand(f *jobsFlags) *cobra.Command {
	var l logsFlags
	c := &cobra.Command{
		Use: "logs JOB", Short: "Print what the cluster's processes wrote down about a job", Args: cobra.ExactArgs(1),
		Long: `Prints the lines about a job in the logs of all processes of a cluster of mink, by time. With
--output json each is the object that stands in the log, with time, level, msg and what belongs to it: job, name, vertex,
subtask, attempt, error. A vertex is named as mink jobs show has it, or by a part of that. With --follow new lines are printed as
they come, until the job has ended.`,
		Example: examples("mink jobs logs 7f3a", "mink jobs logs --vertex GroupAggregate --follow 7f3a", "mink jobs logs --output json 7f3a | jq -r 'select(.level == \"ERROR\").error'"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.withJob(c.Context(), args[0], func(client *remote.Client, id string) error {
				return a.jobLogs(c.Context(), client, f, &l, id)
			})
		},
	}
	fl := c.Flags()
	fl.StringVar(&l.vertex, "vertex", "", "only lines about this vertex")
	fl.IntVar(&l.subtask, "subtask", -1, "only lines about this subtask")
	fl.BoolVar(&l.follow, "follow", false, "go on until the job has ended")
	return c
}

func (a *app) jobLogs(ctx context.Context, client *remote.Client, f *jobsFlags, l *logsFlags, id string) error {
	vertex, err := findVertex(ctx, client, id, l.vertex)
	if err != nil {
		return err
	}
	missing := map[string]bool{}
	// read gives all lines that are there by now.
	read := func(from string) ([]logLine, string, error) {
		var out []logLine
		for {
			part, err := client.JobLog(ctx, id, vertex, l.subtask, from)
			if err != nil {
				return nil, from, err
			}
			for _, m := range part.Missing {
				if !missing[m] {
					missing[m] = true
					fmt.Fprintf(a.err, "warning: the log of %s is missing\n", show.Clean(m))
				}
			}
			for _, raw := range part.Lines {
				out = append(out, lineOfLog(raw))
			}
			if from = part.Next; !part.More {
				break
			}
		}
		sort.SliceStable(out, func(i, k int) bool { return out[i].Time.Before(out[k].Time) })
		return out, from, nil
	}
	from := ""
	for {
		ended := false
		if l.follow {
			st, err := client.Job(ctx, id)
			if err != nil {
				return err
			}
			ended = !st.Ended.IsZero() && time.Since(st.Ended) > 2*followEvery // the last lines come a little later
		}
		var list []logLine
		if list, from, err = read(from); err != nil {
			return err
		}
		for i := range list {
			text := list[i].raw
			if f.output != "json" {
				text = list[i].String()
			}
			if _, err := fmt.Fprintln(a.out, show.Clean(text)); err != nil {
				return err
			}
		}
		if !l.follow || ended {
			return nil
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// findVertex is the name of the vertex that is meant: one that is named so, or the only one
// whose name has the text in it.
func findVertex(ctx context.Context, client *remote.Client, id, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	j, err := client.Job(ctx, id)
	if err != nil {
		return "", err
	}
	var hits, all []string
	for _, v := range j.Vertices {
		if v.Name == name {
			return name, nil
		}
		all = append(all, v.Name)
		if strings.Contains(strings.ToLower(v.Name), strings.ToLower(name)) {
			hits = append(hits, v.Name)
		}
	}
	switch {
	case len(hits) == 1:
		return hits[0], nil
	case len(all) == 0:
		return name, nil // the job ran in a process before: its vertices are not known any more
	case len(hits) > 1:
		return "", failed(exitUsage, diag.New(diag.NotFound, "%q may be several vertices of the job: %s", name, strings.Join(hits, ", ")))
	}
	return "", failed(exitUsage, diag.New(diag.NotFound, "the job has no vertex %q", name).WithHint("its vertices are: %s", strings.Join(all, ", ")))
}

// logLine is a line of a log.
type logLine struct {
	raw        string
	Time       time.Time
	Level, Msg string
	Vertex     string
	Subtask    *int
	rest       []string // key=value of what else there is, in order of keys
}

func lineOfLog(raw json.RawMessage) logLine {
	l := logLine{raw: string(raw)}
	_ = json.Unmarshal(raw, &l) // it has come as JSON
	var all map[string]json.RawMessage
	_ = json.Unmarshal(raw, &all) // likewise
	for k, v := range all {
		switch k {
		case "time", "level", "msg", "job", "name", "vertex", "subtask":
			continue
		}
		text := string(v)
		var s string
		if json.Unmarshal(v, &s) == nil {
			text = s
		}
		l.rest = append(l.rest, k+"="+text)
	}
	sort.Strings(l.rest)
	return l
}

// String is the line for people.
func (l *logLine) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-5s  %s", l.Time.UTC().Format("2006-01-02T15:04:05.000Z"), l.Level, l.Msg)
	if l.Vertex != "" {
		b.WriteString("  " + l.Vertex)
		if l.Subtask != nil {
			fmt.Fprintf(&b, "[%d]", *l.Subtask)
		}
	}
	for _, r := range l.rest {
		b.WriteString("  " + r)
	}
	return b.String()
}
