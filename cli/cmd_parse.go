package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/sql/print"
)

func (a *app) parseCommand() *cobra.Command {
	var tree, format bool
	c := &cobra.Command{
		Use:   "parse [FILE]",
		Short: "Check the syntax of a script, without catalog or state",
		Long: `Reads a script (standard input without FILE) and checks its syntax alone: each statement
on its own, any number of them. Prints OK, or every error with its place.`,
		Args: cobra.MaximumNArgs(1),
		Example: examples(
			"mink parse job.sql",
			"echo 'SELECT 1;' | mink parse --ast",
			"mink parse --format job.sql",
		),
		RunE: func(_ *cobra.Command, args []string) error {
			name, text, err := a.readScript(args)
			if err != nil {
				return err
			}
			bad := 0
			for _, item := range parse.Script(text) {
				if item.Err != nil {
					bad++
					fmt.Fprintln(a.err, diag.Render(diag.Source{Name: name, Text: text}, item.Err))
					continue
				}
				switch {
				case tree:
					fmt.Fprintln(a.out, print.Tree(item.Stmt))
				case format:
					fmt.Fprintln(a.out, print.Pretty(item.Stmt)+";")
				}
			}
			if bad > 0 {
				return failed(exitFailed, nil)
			}
			if !tree && !format {
				fmt.Fprintln(a.out, "OK")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&tree, "ast", false, "print the syntax tree")
	c.Flags().BoolVar(&format, "format", false, "print the statements formatted")
	return c
}

// readScript reads the script named by args, or standard input.
func (a *app) readScript(args []string) (name, text string, err error) {
	if len(args) == 0 || args[0] == "-" {
		b, err := io.ReadAll(a.in)
		if err != nil {
			return "", "", failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot read standard input"))
		}
		return "<stdin>", string(b), nil
	}
	b, err := os.ReadFile(args[0])
	if err != nil {
		return "", "", failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot open the script"))
	}
	return args[0], string(b), nil
}
