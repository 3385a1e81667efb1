package cli

import "github.com/spf13/cobra"

// commands lists every command, in name order. A new command adds one line.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		a.benchCommand(),
		a.debugCommand(),
		a.demoCommand(),
		a.docsCommand(),
		a.explainCommand(),
		a.parseCommand(),
		a.planCommand(),
		a.runCommand(),
		a.sqlCommand(),
		a.tapeCommand(),
		a.testCommand(),
		a.versionCommand(),
	}
}
