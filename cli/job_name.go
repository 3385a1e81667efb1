package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
)

// findJob finds the job that a name means, for every command alike. What is asked, in this order,
// until something is found:
//
//   - a whole id
//   - the beginning of an id, and the name of a job
//   - a table that a job writes to, by its whole path or the end of it
//   - the beginning of a name
//
// Of several jobs that are found by a name or a table that which runs is meant.
func findJob(ctx context.Context, c gateway.Client, name string) (string, error) {
	list, err := c.Jobs(ctx)
	if err != nil {
		return "", err
	}
	var byID, named, others, writing, like []gateway.JobStatus
	var near []string
	for _, j := range list {
		near = append(near, j.ID, j.Name)
		switch {
		case j.ID == name:
			return j.ID, nil
		case name == "":
		case strings.HasPrefix(j.ID, name):
			byID = append(byID, j)
		case j.Name == name:
			named = append(named, j)
		default:
			others = append(others, j)
		}
	}
	if len(byID) == 0 && len(named) == 0 {
		for _, j := range others {
			tables, err := tablesOf(ctx, c, &j)
			if err != nil {
				return "", err
			}
			near = append(near, tables...)
			switch {
			case slices.ContainsFunc(tables, func(t string) bool { return t == name || strings.HasSuffix(t, "."+name) }):
				writing = append(writing, j)
			case strings.HasPrefix(j.Name, name):
				like = append(like, j)
			}
		}
	}
	for _, found := range [][]gateway.JobStatus{append(byID, goingOn(named)...), goingOn(writing), goingOn(like)} {
		switch {
		case len(found) == 1:
			return found[0].ID, nil
		case len(found) > 1:
			var which []string
			for _, j := range found {
				which = append(which, fmt.Sprintf("%s (%s, %s)", j.ID, j.Name, j.State))
			}
			return "", diag.New(diag.NotFound, "%q means several jobs: %s", name, strings.Join(which, ", ")).
				WithHint("write more of the id of the one that is meant")
		}
	}
	e := diag.New(diag.NotFound, "no job %q", name)
	if g := diag.Suggest(name, near); g != "" {
		return "", e.WithHint("did you mean %q", g)
	}
	return "", e.WithHint("mink jobs ls lists the jobs")
}

// tablesOf are the tables that a job writes to. They are in the name that a job gets where
// pipeline.name does not name it; of another the cluster is asked, whose list of jobs, being
// Flink's, has no tables.
func tablesOf(ctx context.Context, c gateway.Client, j *gateway.JobStatus) ([]string, error) {
	if list, ok := strings.CutPrefix(j.Name, "insert-into_"); ok {
		return strings.Split(list, ","), nil
	}
	if len(j.Vertices) == 0 {
		all, err := c.Job(ctx, j.ID)
		switch {
		case diag.CodeOf(err) == diag.NotFound:
			return nil, nil // gone meanwhile
		case err != nil:
			return nil, err
		}
		j = &all
	}
	var out []string
	for i := range j.Vertices {
		out = append(out, j.Vertices[i].Tables...)
	}
	return out, nil
}

// goingOn are the jobs that have not ended, or all where none runs.
func goingOn(list []gateway.JobStatus) []gateway.JobStatus {
	var out []gateway.JobStatus
	for _, j := range list {
		if j.Ended.IsZero() {
			out = append(out, j)
		}
	}
	if len(out) == 0 {
		return list
	}
	return out
}
