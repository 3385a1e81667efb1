package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
)

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain CODE",
		Short:   "Explain an error code: cause, example and fix",
		Args:    cobra.ExactArgs(1),
		Example: examples("mink explain unknown-column"),
		RunE: func(_ *cobra.Command, args []string) error {
			var names []string
			for _, c := range diag.All() {
				if string(c.Code) == args[0] {
					fmt.Fprintf(a.out, "%s: %s\n\n%s\n", c.Code, c.Summary, c.Cause)
					if c.Example != "" {
						fmt.Fprintf(a.out, "\nexample:\n  %s\n", strings.ReplaceAll(c.Example, "\n", "\n  "))
					}
					if c.Fix != "" {
						fmt.Fprintf(a.out, "\nway out:\n  %s\n", c.Fix)
					}
					return nil
				}
				names = append(names, string(c.Code))
			}
			err := diag.New(diag.NotFound, "no code %q", args[0])
			if s := diag.Suggest(args[0], names); s != "" {
				err = err.WithHint("did you mean %q?", s)
			}
			return failed(exitUsage, err)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range diag.All() {
				names = append(names, string(c.Code))
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
