package cli

import (
	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
)

func (a *app) sqlCommand() *cobra.Command {
	var f runFlags
	var file, text string
	c := &cobra.Command{
		Use:   "sql",
		Short: "Run statements from the command line or a file",
		Args:  cobra.NoArgs,
		Example: examples(
			`mink sql -e "SELECT 1"`,
			"mink sql -f job.sql --output csv",
			`echo "SHOW FUNCTIONS;" | mink sql`,
		),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			switch {
			case file != "" && text != "":
				return failed(exitUsage, diag.New(diag.Config, "give either -e or -f"))
			case text != "":
				return a.runScript(c.Context(), "", text, f)
			case file != "":
				name, text, err := a.readScript([]string{file})
				if err != nil {
					return err
				}
				return a.runScript(c.Context(), name, text, f)
			case terminal(a.in):
				return failed(exitUsage, diag.New(diag.Config, "nothing to run").
					WithHint("give statements with -e, a file with -f, or pipe a script in"))
			}
			name, text, err := a.readScript(nil)
			if err != nil {
				return err
			}
			return a.runScript(c.Context(), name, text, f)
		},
	}
	f.add(c)
	c.Flags().StringVarP(&text, "execute", "e", "", "statements to run")
	c.Flags().StringVarP(&file, "file", "f", "", "script to run")
	return c
}
