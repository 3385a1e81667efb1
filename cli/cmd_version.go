package cli

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
)

func (a *app) versionCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Args:    cobra.NoArgs,
		Example: examples("mink version", "mink version --output json"),
		RunE: func(*cobra.Command, []string) error {
			if output != "text" && output != "json" {
				return failed(exitUsage, diag.New(diag.Config, "no output form %q", output).WithHint("text or json"))
			}
			if output == "json" {
				return json.NewEncoder(a.out).Encode(map[string]string{
					"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(a.out, "mink %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	c.Flags().StringVar(&output, "output", "text", "text or json")
	return c
}
