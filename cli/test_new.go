package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/suite"
)

// testNew makes a test of a tape.
func (a *app) testNew() *cobra.Command {
	var from, out, name string
	var rows int
	c := &cobra.Command{
		Use:   "new --from TAPE",
		Short: "Make a test of a recorded run",
		Long: `Writes a test of what is on a tape: the rows that its sources gave become given rows, and what
its sinks then hold becomes what is expected. A tape that was recorded with --embed has all rows;
those of another one are read again where they were. Read the test before you keep it: it says what
the job does, which need not be what it should do.`,
		Args:    cobra.NoArgs,
		Example: examples("mink tape record --embed job.sql -o run.mtape", "mink test new --from run.mtape", "mink test new --from run.mtape --rows 50 -o jobs/job_test.sql"),
		RunE: func(*cobra.Command, []string) error {
			if from == "" {
				return failed(exitUsage, diag.New(diag.Config, "--from is missing").WithHint("mink tape record --embed job.sql -o run.mtape, then mink test new --from run.mtape"))
			}
			t, err := a.openTape(from)
			if err != nil {
				return err
			}
			defer t.Close()
			script := t.Manifest.Script
			base := strings.TrimSuffix(filepath.Base(script), filepath.Ext(script))
			if base == "" {
				base = "recorded"
			}
			o := suite.NewOptions{Name: name, Rows: rows}
			if o.Name == "" {
				o.Name = "as_recorded"
			}
			if out == "" {
				out = filepath.Join(filepath.Dir(script), base+suite.Suffix)
			}
			if _, err := os.Stat(script); err == nil {
				if o.Use, err = filepath.Rel(filepath.Dir(out), script); err != nil {
					o.Use = ""
				}
			}
			if err := suite.Create(t, out, o); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "%s written; read it, then: mink test %s\n", out, out)
			return nil
		},
	}
	fl := c.Flags()
	fl.StringVar(&from, "from", "", "the `tape`")
	fl.StringVarP(&out, "out", "o", "", "the `file` to write (default: the script's name with _test.sql)")
	fl.StringVar(&name, "name", "", "name of the test (default: as_recorded)")
	fl.IntVar(&rows, "rows", 0, "at most so many rows of each table")
	return c
}
