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
			t, err := a.readScript(args)
			if err != nil {
				return err
			}
			bad := 0
			for _, item := range parse.Script(t.sql) {
				if item.Err != nil {
					bad++
					fmt.Fprintln(a.err, diag.Render(diag.Source{Name: t.name, Text: t.sql}, item.Err))
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
func (a *app) readScript(args []string) (text, error) {
	if len(args) == 0 || args[0] == "-" {
		b, err := io.ReadAll(io.LimitReader(a.in, scriptBytesMax+1))
		if err != nil {
			return text{}, failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot read standard input"))
		}
		return checkSize(text{"<stdin>", string(b)})
	}
	f, err := os.Open(args[0])
	if err != nil {
		return text{}, failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot open the script"))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, scriptBytesMax+1))
	if err != nil {
		return text{}, failed(exitUnreachable, diag.Wrap(diag.IO, err, "cannot read the script"))
	}
	return checkSize(text{args[0], string(b)})
}

// scriptBytesMax bounds a script, so that a wrong file is not read whole. The
// parser bounds each statement.
const scriptBytesMax = 64 << 20

func checkSize(t text) (text, error) {
	if len(t.sql) > scriptBytesMax {
		return text{}, failed(exitFailed, diag.New(diag.LimitExceeded, "the script %s is larger than 64 MB", t.name))
	}
	return t, nil
}
