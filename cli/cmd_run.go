package cli

import (
	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
)

// runFlags are shared by run and sql.
type runFlags struct {
	output        string
	set           []string
	nodes         int
	checkpointDir string
	memory        string
	memoryBytes   int64
	dir           string
	dryRun        bool
	keepGoing     bool
	strict        bool
	tape          string
	keepTape      string
	embed, full   bool
	// gateway and rest are addresses of a cluster to run on; detach leaves jobs to it.
	gateway, rest string
	detach        bool
	// dirGiven: --dir was on the command line.
	dirGiven bool
}

func (f *runFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.output, "output", "", "table, changelog, json or csv (default: a live table on a terminal, else a changelog, or a table for bounded results in batch mode)")
	fl.StringArrayVar(&f.set, "set", nil, "set a configuration key, `key=value`; may be repeated")
	fl.IntVar(&f.nodes, "nodes", 1, "nodes of the embedded cluster")
	fl.StringVar(&f.memory, "memory", "", "`size`, such as 512mb, that the process is to stay within: state, rows under way and all else (default: state within a quarter of the machine's)")
	fl.StringVar(&f.checkpointDir, "checkpoint-dir", "", "keep checkpoints in this directory (or s3://bucket/path), one every 10 s unless the script says otherwise, and go on from them when run again")
	fl.StringVar(&f.dir, "dir", ".mink", "directory of the local cluster")
	fl.BoolVar(&f.dryRun, "dry-run", false, "check the script and run nothing")
	fl.BoolVar(&f.keepGoing, "keep-going", false, "report a statement that fails and go on with the next")
	fl.BoolVar(&f.strict, "strict", false, "take warnings for errors")
	fl.StringVar(&f.gateway, "gateway", "", "run on the cluster behind this SQL gateway, mink's or Apache Flink's, such as http://127.0.0.1:8083")
	fl.StringVar(&f.rest, "rest", "", "address of the cluster's JobManager, where its gateway does not tell it")
	fl.StringVar(&f.tape, "tape", "", "record the run on this tape; see mink tape")
	fl.StringVar(&f.keepTape, "keep-tape", "auto", "keep a tape of a job that fails, in the folder tapes of --dir: on, off, or auto, which is on where mink talks to a terminal")
	fl.BoolVar(&f.embed, "embed", false, "keep the rows of all sources on the tape")
	fl.BoolVar(&f.detach, "detach", false, "return after submission; needs a cluster, that of --gateway or of --dir")
	_ = c.RegisterFlagCompletionFunc("output", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return show.Modes, cobra.ShellCompDirectiveNoFileComp
	})
}

// check refuses flags that make no sense.
func (f *runFlags) check() error {
	if f.output != "" {
		if _, err := show.New(f.output, show.Options{}); err != nil || f.output == "live" {
			return failed(exitUsage, diag.New(diag.Config, "no output form %q", f.output).WithHint("one of table, changelog, json, csv"))
		}
	}
	var err error
	if f.memoryBytes, err = memoryOf(f.memory, 1); err != nil {
		return err
	}
	if f.nodes < 1 || f.nodes > nodesMax {
		return failed(exitUsage, diag.New(diag.Config, "--nodes must be from 1 to %d", nodesMax))
	}
	switch {
	case f.keepTape != "" && f.keepTape != "auto" && f.keepTape != "on" && f.keepTape != "off":
		return failed(exitUsage, diag.New(diag.Config, "--keep-tape cannot be %q", f.keepTape).WithHint("on, off or auto"))
	case f.embed && f.tape == "":
		return failed(exitUsage, diag.New(diag.Config, "--embed is for a tape").WithHint("add --tape run.mtape"))
	}
	return f.checkCluster()
}

// nodesMax bounds the nodes of an embedded cluster.
const nodesMax = 64

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run FILE.sql",
		Short: "Run a script on an embedded cluster",
		Long: `Runs the statements of a script in order. INSERTs and statement sets are submitted without
waiting, a SELECT is shown until it ends, and before mink exits it waits for every job it
started. Rows go to standard output, everything else to standard error.`,
		Args: cobra.ExactArgs(1),
		Example: examples(
			"mink run job.sql",
			"mink run --output json job.sql | jq .row",
			"mink run --set parallelism.default=2 --nodes 2 job.sql",
			"mink run --checkpoint-dir state/ job.sql   # run again after a crash: it goes on",
			"mink run --dry-run job.sql",
			"mink run --gateway http://flink:8083 job.sql   # on Apache Flink, or another mink",
			"mink run --detach job.sql                      # on the cluster of mink up, and leave it there",
		),
		RunE: func(c *cobra.Command, args []string) error {
			f.dirGiven = c.Flags().Changed("dir")
			if err := f.check(); err != nil {
				return err
			}
			text, err := a.readScript(args)
			if err != nil {
				return err
			}
			return a.runScripts(c.Context(), f, text)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"sql"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	f.add(c)
	return c
}
