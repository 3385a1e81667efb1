package cli

import (
	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
)

func (a *app) sqlCommand() *cobra.Command {
	var f runFlags
	var file, execute, initFile string
	c := &cobra.Command{
		Use:   "sql",
		Short: "Run statements from the command line or a file",
		Long: `Runs statements given with -e, of a file given with -f, or piped in, on an embedded cluster.
Statements of a file given with -i are run first, in the same session.`,
		Args: cobra.NoArgs,
		Example: examples(
			`mink sql -e "SELECT 1"`,
			"mink sql -f job.sql --output csv",
			`mink sql -i tables.sql -e "SELECT COUNT(*) FROM orders"`,
			`echo "SHOW FUNCTIONS;" | mink sql`,
			`mink sql --gateway http://127.0.0.1:8083 -e "SHOW JOBS"`,
		),
		RunE: func(c *cobra.Command, _ []string) error {
			f.dirGiven = c.Flags().Changed("dir")
			if err := f.check(); err != nil {
				return err
			}
			texts, err := a.sqlTexts(c, initFile, file, execute)
			if err != nil {
				return err
			}
			return a.runScripts(c.Context(), f, texts...)
		},
	}
	f.add(c)
	c.Flags().StringVarP(&execute, "execute", "e", "", "statements to run")
	c.Flags().StringVarP(&file, "file", "f", "", "script to run")
	c.Flags().StringVarP(&initFile, "init", "i", "", "script to run first")
	return c
}

// sqlTexts are the texts that the flags of sql name, in the order to run them.
func (a *app) sqlTexts(c *cobra.Command, initFile, file, execute string) ([]text, error) {
	var texts []text
	if initFile != "" {
		t, err := a.readScript([]string{initFile})
		if err != nil {
			return nil, err
		}
		texts = append(texts, t)
	}
	given := c.Flags().Changed("execute")
	switch {
	case file != "" && given:
		return nil, failed(exitUsage, diag.New(diag.Config, "give either -e or -f"))
	case given:
		return append(texts, text{"", execute}), nil
	case file != "":
		t, err := a.readScript([]string{file})
		return append(texts, t), err
	case terminal(a.in):
		return nil, failed(exitUsage, diag.New(diag.Config, "nothing to run").
			WithHint("give statements with -e, a file with -f, or pipe a script in"))
	}
	t, err := a.readScript(nil)
	return append(texts, t), err
}
