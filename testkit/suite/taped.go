package suite

import (
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/harness"
	"github.com/minkstream/mink/testkit/testfile"
)

// fill puts the rows of tapes into the steps that name one (@given TABLE from TAPE).
func fill(outside *env.Env, f *testfile.File) (errs []*harness.Error) {
	tapes := map[string]*taped{}
	filled := map[*harness.Give]bool{} // what stands before the first test is in all
	for _, t := range f.Tests {
		for _, s := range t.Case.Steps {
			g, ok := s.(*harness.Give)
			if !ok || g.Tape == "" || filled[g] {
				continue
			}
			filled[g] = true
			if err := fillGive(g, tapes, outside); err != nil {
				e := diag.As(err)
				if e == nil {
					e = diag.Wrap(diag.InvalidTape, err, "cannot read the tape %s", g.Tape)
				}
				e.Span = g.Place.Span
				errs = append(errs, &harness.Error{Source: diag.Source{Name: g.Place.Name, Text: g.Place.Text}, Err: e})
			}
		}
	}
	return errs
}

// fillGive puts the rows of a tape into a step.
func fillGive(g *harness.Give, tapes map[string]*taped, outside *env.Env) error {
	jobs := tapes[g.Tape]
	if jobs == nil {
		t, err := trace.Open(outside.Disk, g.Tape)
		if err != nil {
			return err
		}
		defer t.Close()
		t.Name = g.Tape
		if slices.ContainsFunc(t.Manifest.Jobs, func(j trace.Job) bool { return !j.Embedded }) {
			// A test reads nothing but its own files, and gives the same rows tomorrow.
			return diag.New(diag.NotFound, "the tape %s has not the rows, but where they were read", g.Tape).
				WithHint("mink tape cut %s --embed -o FILE.mtape reads them once more, and makes a tape that has them", g.Tape)
		}
		if jobs, err = tapedJobs(t, outside); err != nil {
			return err
		}
		tapes[g.Tape] = jobs
	}
	if !slices.Contains(jobs.order, g.Table) {
		return diag.New(diag.NotFound, "the tape %s has no rows of a table %s", g.Tape, g.Table).WithHint("it has %s", strings.Join(jobs.order, ", "))
	}
	if rows := jobs.tables[g.Table]; len(rows) > 0 {
		g.Header, g.Rows = harness.CellsOf(rows, jobs.read[g.Table], time.Time{})
	}
	return nil
}
