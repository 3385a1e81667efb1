package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/suite"
)

// testNew makes a test of a tape.
func (a *app) testNew() *cobra.Command {
	var from, out string
	var o suite.NewOptions
	var f jobsFlags
	began, _ := os.Getwd() // a job of a cluster is looked at from the directory of the cluster
	c := &cobra.Command{
		Use:   "new --from TAPE|JOB",
		Short: "Make a test of a recorded run, or of a job that runs",
		Long: `Writes a test of what is on a tape: the rows that its sources gave become given rows, and what
its sinks then hold becomes what is expected. A tape that was recorded with --embed has all rows;
those of another one are read again where they were. Of a job of mink up it is what the job has done
by now. Read the test before you keep it: it says what the job does, which need not be what it
should do.`,
		Args: cobra.NoArgs,
		Example: examples("mink tape record --embed job.sql -o run.mtape", "mink test new --from run.mtape", "mink test new --from run.mtape --rows 50 -o jobs/job_test.sql",
			"mink test new --from revenue            # a job of mink up, by the table that it writes to"),
		RunE: func(c *cobra.Command, _ []string) error {
			if from == "" {
				return failed(exitUsage, diag.New(diag.Config, "--from is missing").WithHint("mink tape record --embed job.sql -o run.mtape, then mink test new --from run.mtape"))
			}
			if a.namesJob(from) {
				return a.withLiveJob(c.Context(), &f, from, func(l *liveJob) error {
					if err := l.awaitTape(c.Context()); err != nil {
						return err
					}
					t, _, err := l.Tape(c.Context(), l.id)
					if err != nil {
						return err
					}
					defer t.Close()
					t.Name = "of the job " + from
					return a.writeTest(t, began, out, o)
				})
			}
			t, err := a.openTape(from)
			if err != nil {
				return err
			}
			defer t.Close()
			return a.writeTest(t, began, out, o)
		},
	}
	fl := c.Flags()
	fl.StringVar(&from, "from", "", "the `tape`, or the job of a cluster")
	fl.StringVarP(&out, "out", "o", "", "the `file` to write (default: the script's name with _test.sql)")
	fl.StringVar(&o.Name, "name", "as_recorded", "name of the test")
	f.addCluster(fl)
	fl.IntVar(&o.Rows, "rows", 0, "at most so many rows of each table")
	return c
}

// writeTest writes a test of a tape; names of files begin in the directory base.
func (a *app) writeTest(t *trace.File, base, out string, o suite.NewOptions) error {
	script := t.Manifest.Script
	if !strings.HasSuffix(script, ".sql") {
		script = "recorded.sql" // what a cluster calls a job
	}
	if out == "" {
		out = strings.TrimSuffix(script, ".sql") + suite.Suffix
	}
	abs := func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(base, name)
	}
	if _, err := os.Stat(abs(script)); err == nil && script == t.Manifest.Script {
		if o.Use, err = filepath.Rel(filepath.Dir(abs(out)), abs(script)); err != nil {
			o.Use = ""
		}
	}
	file := abs(out)
	if dir, err := os.Getwd(); err == nil && dir == base {
		file = out // as it is called in what may be said of it
	}
	if err := suite.Create(t, file, o); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s written; read it, then: mink test %s\n", out, out)
	return nil
}
