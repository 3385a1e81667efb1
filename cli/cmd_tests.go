package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/testkit/cassette"
	"github.com/minkstream/mink/testkit/cover"
	"github.com/minkstream/mink/testkit/harness"
	"github.com/minkstream/mink/testkit/suite"
)

// testFlags are those of mink test.
type testFlags struct {
	match           string
	tags            []string
	update          bool
	watch           bool
	failFast        bool
	seed            uint64
	schedules, jobs int
	faults          []string
	shrink          bool
	reports         []string
	output          string
	cassettes       string
	cover           bool
	coverOut        []string
	coverMin        float64
	read            []string
	functions       bool
}

func (a *app) testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run tests of streaming SQL",
		Long: `Runs *_test.sql files: plain SQL with lines that begin with @, which say what the job is given
and what must come of it. The job is the file that production runs; its sources are replaced by
the given rows, and what it writes is captured. Nothing waits: event time and the clock stand
still until the test moves them.

  @test total_of_a_minute
  @use revenue.sql
  @given orders
    event_time | id | sku  | amt
    11:54:01   | 1  | A-17 | 10.00
  @watermark orders 11:55:00
  @expect table revenue
    sku  | window_start | total
    A-17 | 11:54:00     | 10.00

Each test runs row by row, and then under schedules drawn from seeds: other batches, other
parallelism, crashes. All runs must give one answer. PATH is a file, a folder or FILE:TEST.`,
		Example: examples(
			"mink test",
			"mink test jobs/revenue_test.sql:total_of_a_minute",
			"mink test -k late --schedules 100",
			"mink test --update jobs/   # write what came out into the files; read the diff",
			"mink test --report gh --report junit=report.xml",
			"mink test --cover-out coverage.sql --cover-min 80",
		),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := f.options(args)
			if err != nil {
				return err
			}
			if f.watch {
				return a.watchTests(c.Context(), f, o)
			}
			return a.runTests(c.Context(), f, o)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"sql"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	f.add(c)
	c.AddCommand(a.testNew())
	return c
}

func (f *testFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVarP(&f.match, "match", "k", "", "run tests whose FILE:TEST this regular `expression` matches")
	fl.StringSliceVar(&f.tags, "tag", nil, "run tests with this `tag`; may be repeated")
	fl.BoolVar(&f.update, "update", false, "rewrite what tests expect with what came out")
	fl.BoolVar(&f.watch, "watch", false, "run again when a file changes")
	fl.BoolVar(&f.failFast, "fail-fast", false, "begin no further test after a failure")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of the first schedule")
	fl.IntVar(&f.schedules, "schedules", harness.DefaultSchedules, "schedules of each test beside the run row by row")
	addFaults(fl, &f.faults)
	fl.BoolVar(&f.shrink, "shrink", true, "look for the smallest case that fails")
	fl.IntVar(&f.jobs, "jobs", 0, "tests that run at a time (default: one a core)")
	fl.StringArrayVar(&f.reports, "report", nil, "also report as "+strings.Join(suite.Forms, ", ")+"; `form=FILE` writes a file, the form alone replaces the usual output")
	fl.StringVar(&f.output, "output", "text", "text or json")
	fl.StringArrayVar(&f.read, "allow-read", nil, "let tests read `DIR` too; else they read the repository, or the folder, that they are in and that this runs in")
	fl.BoolVar(&f.functions, "allow-functions", false, "let tests run functions in Python, which may do what whoever runs the tests may")
	fl.StringVar(&f.cassettes, "cassettes", string(cassette.Replay), "where answers of models, lookup tables and the like come from: the file beside the test (replay), it and for new calls the outside (record), the outside, writing it down (refresh), not (live), or comparing (diff)")
	fl.BoolVar(&f.cover, "cover", false, "tell what of the jobs no test reaches: operators, predicates, join partners, late rows, state that expires, restores")
	fl.StringArrayVar(&f.coverOut, "cover-out", nil, "write what was reached to `FILE`: .json, .info (lcov), or .sql, the SQL with what was not reached below its lines; implies --cover")
	fl.Float64Var(&f.coverMin, "cover-min", 0, "fail when less than this `percentage` is reached; implies --cover")
	_ = c.RegisterFlagCompletionFunc("report", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return suite.Forms, cobra.ShellCompDirectiveNoFileComp
	})
}

func addFaults(fl *pflag.FlagSet, list *[]string) {
	fl.StringSliceVar(list, "faults", harness.DefaultFaults, "what may go wrong under a schedule: "+strings.Join(harness.FaultNames, ", ")+", or none")
}

// faultNames checks what --faults says; the list is not nil.
func faultNames(given []string) ([]string, error) {
	out := []string{}
	for _, name := range given {
		if name == "none" {
			continue
		}
		if !slices.Contains(harness.FaultNames, name) {
			return nil, failed(exitUsage, diag.New(diag.Config, "no fault %q", name).WithHint("one of %s, or none", strings.Join(harness.FaultNames, ", ")))
		}
		out = append(out, name)
	}
	return out, nil
}

// options checks the flags.
func (f *testFlags) options(paths []string) (*suite.Options, error) {
	usage := func(format string, args ...any) error {
		return failed(exitUsage, diag.New(diag.Config, format, args...))
	}
	o := &suite.Options{
		Paths: paths, Tags: f.tags, Jobs: f.jobs, Update: f.update, FailFast: f.failFast,
		Plan: harness.Plan{Schedules: f.schedules, Seed: f.seed, NoShrink: !f.shrink}, Run: harness.Options{Zone: hostZone()},
	}
	switch {
	case f.schedules < 0:
		return nil, usage("--schedules must not be negative")
	case !slices.Contains(cassette.Modes, cassette.Mode(f.cassettes)):
		return nil, usage("--cassettes is one of replay, record, refresh, live, diff")
	case f.coverMin < 0 || f.coverMin > 100:
		return nil, usage("--cover-min is a percentage from 0 to 100")
	case f.schedules == harness.DefaultSchedules:
		o.Plan.Schedules = 0 // what the test says
	case f.schedules == 0:
		o.Plan.Schedules = -1
	case f.seed == 0:
		return nil, usage("--seed is a number from 1 on")
	case f.jobs < 0:
		return nil, usage("--jobs must not be negative")
	case f.output != "text" && f.output != "json":
		return nil, usage("no output form %q", f.output)
	}
	var err error
	if o.Run.Outside, err = confinedTests(paths, f.read, f.functions); err != nil {
		return nil, err
	}
	o.Run.Cassettes = cassette.New(cassette.Mode(f.cassettes))
	if f.cover || len(f.coverOut) > 0 || f.coverMin > 0 {
		o.Run.Cover = cover.New()
	}
	if o.Plan.Faults, err = faultNames(f.faults); err != nil {
		return nil, err
	}
	if f.match != "" {
		if o.Match, err = regexp.Compile(f.match); err != nil {
			return nil, usage("-k is no regular expression: %v", err)
		}
	}
	return o, nil
}

// runTests runs tests once and reports.
func (a *app) runTests(ctx context.Context, f testFlags, o *suite.Options) error {
	reports, files, err := a.reports(f)
	if err != nil {
		return err
	}
	o.Run.Cassettes = cassette.New(o.Run.Cassettes.Mode)
	o.Run.Cassettes.Disk = o.Run.Outside.Disk
	if o.Run.Cover != nil {
		o.Run.Cover = cover.New() // of each run when --watch runs again
	}
	o.Each = func(r *suite.Result) {
		for _, x := range reports {
			x.Each(r)
		}
	}
	s, err := suite.Run(ctx, *o)
	if s != nil {
		for _, x := range reports {
			if e := x.End(s); err == nil {
				err = e
			}
		}
	}
	for _, file := range files {
		if e := file.Close(); err == nil {
			err = e
		}
	}
	if e := o.Run.Cassettes.Save(); err == nil {
		err = e
	}
	if err == nil && o.Run.Cover != nil {
		if err := a.covered(f, o.Run.Cover); err != nil {
			return err
		}
	}
	switch {
	case diag.CodeOf(err) == diag.NotFound:
		return failed(exitUnreachable, err)
	case err != nil:
		return err
	case s.Failed > 0:
		return failed(exitFailed, nil)
	}
	return nil
}

// covered tells what the tests reach of their jobs; an error is that of a file, or of less
// than was asked for.
func (a *app) covered(f testFlags, p *cover.Profile) error {
	w := io.Writer(a.out)
	if f.output == "json" || slices.ContainsFunc(f.reports, func(r string) bool { return !strings.Contains(r, "=") && r != "gh" }) {
		w = a.err // standard output is for programs
	}
	if err := p.Text(w); err != nil {
		return err
	}
	for _, name := range f.coverOut {
		file, err := os.Create(name)
		if err == nil {
			err = errors.Join(p.Write(name, file), file.Close())
		}
		if err != nil {
			return failed(exitUsage, diag.Wrap(diag.Config, err, "cannot write the coverage"))
		}
	}
	if err := p.Below(f.coverMin); err != nil {
		return failed(exitFailed, err)
	}
	return nil
}

// reports opens what --report asks for; one without a file takes standard output.
func (a *app) reports(f testFlags) ([]suite.Report, []io.Closer, error) {
	var out []suite.Report
	var files []io.Closer
	usual := f.output
	if usual == "json" {
		f.reports = append(f.reports, "json")
	}
	for _, r := range f.reports {
		form, name, ok := strings.Cut(r, "=")
		var w io.Writer = a.out
		if ok {
			file, err := os.Create(name)
			if err != nil {
				return nil, files, failed(exitUsage, diag.Wrap(diag.Config, err, "cannot write the report"))
			}
			w, files = file, append(files, file)
		} else if form != "gh" {
			usual = ""
		}
		x, err := suite.NewReport(form, w)
		if err != nil {
			return nil, files, failed(exitUsage, err)
		}
		out = append(out, x)
	}
	if usual == "text" {
		out = append(out, &suite.Text{W: a.out})
	}
	return out, files, nil
}

// watchTests runs tests again and again, when a file has changed, until it is
// interrupted.
func (a *app) watchTests(ctx context.Context, f testFlags, o *suite.Options) error {
	for {
		before := stamps(o.Paths)
		if err := a.runTests(ctx, f, o); err != nil && ctx.Err() == nil {
			if d := diag.As(err); d != nil {
				a.complain(err)
			}
		}
		fmt.Fprintln(a.err, "waiting for a change; Ctrl-C ends")
		for maps.Equal(before, stamps(o.Paths)) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// stamps are the times of the files that tests are made of.
func stamps(paths []string) map[string]time.Time {
	out := map[string]time.Time{}
	note := func(name string) {
		if info, err := os.Stat(name); err == nil {
			out[name] = info.ModTime()
		}
	}
	files, _, err := suite.Find(paths)
	if err != nil {
		return out
	}
	for _, name := range files {
		note(name)
		f, _ := suite.Parse(env.OS("").Disk, name)
		for _, t := range f.Tests {
			for _, s := range t.Case.Scripts {
				note(s.Name)
			}
			for _, s := range t.Case.Steps {
				if g, ok := s.(*harness.Give); ok && g.Tape != "" {
					note(g.Tape)
				}
			}
		}
	}
	return out
}
