package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/trace"
)

func (a *app) tapeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "tape",
		Short: "Record runs and replay them exactly",
		Long: `A tape holds what made a run what it was: where sources stood, the order in which rows met,
every reading of the clock. Executed again it gives the same rows, the same state and the same
output, to the byte.`,
		Example: examples("mink tape record job.sql -o run.mtape", "mink tape replay run.mtape", "mink tape info run.mtape"),
	}
	c.AddCommand(a.tapeRecord(), a.tapeReplay(), a.tapeInfo(), a.tapeCut(), a.tapeMerge(), a.tapeRedact())
	return c
}

func (a *app) tapeRecord() *cobra.Command {
	var f runFlags
	var r liveRecording
	c := &cobra.Command{
		Use:   "record SCRIPT|JOB",
		Short: "Run a script and keep a tape of it, or take that of a job",
		Long: `Runs a script as mink run does and writes a tape. Sources that can be read again are kept as
positions, and a replay compares rows that are read again: all of small reads and a part of
large ones; with --full it compares every value, here and in all operators. With --embed the rows are
on the tape, and a replay needs no source.

Of a job of mink up, which is named as for mink jobs, the tape is taken that the cluster keeps of it:
from its start, or a checkpoint, to now, or to the end of --for or --until, which may be a time,
+90s since the job began, or a watermark of what the job gives (wm="2026-03-01 11:55:00"). The job
goes on.`,
		Args: cobra.ExactArgs(1),
		Example: examples("mink tape record job.sql -o run.mtape", "mink tape record --embed --output json job.sql -o run.mtape",
			"mink tape record 7f3a -o job.mtape", "mink tape record revenue --for 30s -o job.mtape"),
		RunE: func(c *cobra.Command, args []string) error {
			if a.namesJob(args[0]) {
				for _, name := range []string{"set", "full", "nodes", "checkpoint-dir", "output", "strict", "keep-going", "tape", "detach", "dry-run"} {
					if c.Flags().Changed(name) {
						return failed(exitUsage, diag.New(diag.Config, "--%s is for a script, and %s is no file", name, args[0]).WithHint("the job of a cluster runs as it was begun"))
					}
				}
				if r.lasts < 0 || r.lasts > 0 && r.until != "" {
					return failed(exitUsage, diag.New(diag.Config, "--for is a duration, and --until says the same in another way").WithHint("give one of them, such as --for 30s"))
				}
				if r.out, r.embed = f.tape, f.embed; r.out == "" {
					r.out = args[0] + ".mtape"
				}
				return a.recordJob(c.Context(), &jobsFlags{dir: f.dir, gateway: f.gateway, rest: f.rest}, r, args[0])
			}
			if r.lasts != 0 || r.until != "" {
				return failed(exitUsage, diag.New(diag.Config, "--for and --until are for a job of a cluster").WithHint("mink tape cut --to cuts the tape of a script"))
			}
			if f.tape == "" {
				f.tape = strings.TrimSuffix(filepath.Base(args[0]), filepath.Ext(args[0])) + ".mtape"
			}
			if err := f.check(); err != nil {
				return err
			}
			text, err := a.readScript(args)
			if err != nil {
				return err
			}
			return a.runScripts(c.Context(), f, text)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&f.full, "full", false, "hash every value, so that a replay finds any change of an input; slower")
	c.Flags().StringVarP(&f.tape, "out", "o", "", "the tape (default: the script's name with .mtape)")
	c.Flags().DurationVar(&r.lasts, "for", 0, "of a job: go on recording for so long")
	c.Flags().StringVar(&r.until, "until", "", "of a job: go on recording until this moment")
	c.Flags().Lookup("gateway").Usage = "of a job: SQL gateway of another mink cluster"
	c.Flags().Lookup("rest").Usage = "of a job: JobManager of another mink cluster"
	for _, name := range []string{"tape", "dry-run", "detach"} { // of an embedded cluster alone
		_ = c.Flags().MarkHidden(name)
	}
	return c
}

func (a *app) tapeReplay() *cobra.Command {
	f := runFlags{nodes: 1}
	var to, sql string
	var seed uint64
	var how flow.Playback
	c := &cobra.Command{
		Use:   "replay TAPE",
		Short: "Execute a tape again, exactly",
		Long: `Executes the jobs of a tape again, in this process, and compares each step with the recorded
one. Results are printed as the recording did; nothing is written to tables. It fails with
"divergence" at the first step that is not the recorded one.

With --sql another script is run over what the sources of the tape gave, and so is that of the
tape; printed is in what their final tables differ, row by row: - for what the script of the
tape gives, + for what the other does. With --seed the script of the tape is run with rows cut
into other batches and other random numbers; if a table differs, the exit code is 1.

` + untilHelp,
		Args: cobra.ExactArgs(1),
		Example: examples("mink tape replay run.mtape", "mink tape replay --output json run.mtape | head",
			"mink tape replay --until 40:1284 run.mtape", "mink tape replay --speed 1 run.mtape",
			"mink tape replay --sql new.sql run.mtape", "mink tape replay --seed 7 run.mtape"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			t, err := a.openTape(args[0])
			if err != nil {
				return err
			}
			defer t.Close()
			if sql != "" || seed != 0 {
				return a.compareWith(c.Context(), t, sql, seed, f.output, to != "" || how.Speed != 0)
			}
			if how.Speed < 0 {
				return failed(exitUsage, diag.New(diag.Config, "--speed must be above 0").WithHint("1 is that of the recording; without it the replay goes as fast as it can"))
			}
			if to == "" {
				return a.replayTape(c.Context(), f, t, how)
			}
			u, err := parseUntil(to, t)
			if err != nil {
				return err
			}
			how.After = u.after
			err = a.replayTape(c.Context(), f, t, how)
			u.tell(t, func(text string) { fmt.Fprintln(a.err, text) })
			return err
		},
	}
	c.Flags().StringVar(&sql, "sql", "", "run this script over the taped inputs and print what differs")
	c.Flags().Uint64Var(&seed, "seed", 0, "run anew with this seed and print what differs")
	c.Flags().StringVar(&to, "until", "", "stop at this moment")
	c.Flags().Float64Var(&how.Speed, "speed", 0, "go so much faster than the recording: 1 takes as long, 0.1 ten times as long")
	c.Flags().StringVar(&f.output, "output", "", "table, changelog, json or csv: that of the recording for the same bytes")
	return c
}

func (a *app) tapeInfo() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:     "info TAPE",
		Short:   "Say what is on a tape",
		Args:    cobra.ExactArgs(1),
		Example: examples("mink tape info run.mtape", "mink tape info --output json run.mtape | jq .jobs"),
		RunE: func(_ *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return failed(exitUsage, diag.New(diag.Config, "no output form %q", output).WithHint("text or json"))
			}
			t, err := a.openTape(args[0])
			if err != nil {
				return err
			}
			defer t.Close()
			return a.tellTape(t, output)
		},
	}
	c.Flags().StringVar(&output, "output", "text", "text or json")
	return c
}

func (a *app) tellTape(t *trace.File, output string) error {
	jobs, err := tapedJobs(t)
	if err != nil {
		return failed(exitUnreachable, err)
	}
	m := &t.Manifest
	created := time.UnixMilli(m.Created).UTC().Format(time.RFC3339)
	if output == "json" {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		return e.Encode(map[string]any{
			"script": m.Script, "build": m.Build, "created": created, "zone": m.Zone, "closed": m.Closed, "statements": len(m.Statements), "jobs": jobs,
		})
	}
	whole := ""
	if !m.Closed {
		whole = ", cut off: the process that recorded it died"
	}
	if m.Live {
		whole = ", taken while the job ran"
	}
	fmt.Fprintf(a.out, "%s: %s, recorded %s by mink %s, %d %s%s\n", t.Name, m.Script, created, m.Build, len(m.Statements), plural(int64(len(m.Statements)), "statement"), whole)
	w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "JOB\tNAME\tSTATE\tTASKS\tATTEMPTS\tFROM\tSTEPS\tSOURCE ROWS\tINPUT")
	for i, j := range jobs {
		input := "positions"
		if j.Embedded {
			input = "embedded"
		}
		from := "start"
		if j.From != "" {
			from = j.From
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%d\t%s\t%d\t%d\t%s\n", i+1, j.Name, j.State, j.Tasks, j.Attempts, from, j.Steps, j.SourceRows, input)
	}
	return w.Flush()
}
