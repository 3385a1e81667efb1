package cli

import "github.com/spf13/cobra"

// commands lists every command, in name order. A new command adds one line.
func commands(a *app) []*cobra.Command {
	return []*cobra.Command{
		a.benchCommand(),
		a.coordinatorCommand(),
		a.debugCommand(),
		a.demoCommand(),
		a.docsCommand(),
		a.downCommand(),
		a.explainCommand(),
		a.jobsCommand(),
		a.nodeCommand(),
		a.parseCommand(),
		a.planCommand(),
		a.runCommand(),
		a.sqlCommand(),
		a.statusCommand(),
		a.tapeCommand(),
		a.testCommand(),
		a.upCommand(),
		a.verifyCommand(),
		a.versionCommand(),
		a.watchdogCommand(),
	}
}
