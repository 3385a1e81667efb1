package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/advise"
	"github.com/minkstream/mink/engine/diag"
)

// codes documents errors, then advice.
func codes() []diag.CodeInfo { return append(diag.All(), advise.Codes()...) }

func (a *app) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "explain CODE",
		Short:   "Explain a code of an error or of advice: cause, example and fix",
		Args:    cobra.ExactArgs(1),
		Example: examples("mink explain unknown-column", "mink explain unbounded-join-without-ttl"),
		RunE: func(_ *cobra.Command, args []string) error {
			var names []string
			for _, c := range codes() {
				if string(c.Code) == args[0] {
					fmt.Fprintf(a.out, "%s: %s\n\n%s\n", c.Code, c.Summary, c.Cause)
					if c.Example != "" {
						fmt.Fprintf(a.out, "\nexample:\n  %s\n", strings.ReplaceAll(c.Example, "\n", "\n  "))
					}
					if c.Better != "" {
						fmt.Fprintf(a.out, "\nbetter:\n  %s\n", strings.ReplaceAll(c.Better, "\n", "\n  "))
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
			for _, c := range codes() {
				names = append(names, string(c.Code))
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}
