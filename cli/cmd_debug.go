package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/harness"
	"github.com/minkstream/mink/testkit/suite"
)

// debugFlags are those of mink debug.
type debugFlags struct {
	at       string
	commands []string
	json     bool
	job      int
	run      runFlags
	live     bool
	// cluster is that of a job, which stopWorld lets stand still.
	cluster   jobsFlags
	stopWorld bool
	// dap serves an editor: "stdio", or the port to listen on.
	dap string
	// seed and faults say which run of a test is opened.
	seed   uint64
	faults []string
	input  int
}

func (a *app) debugCommand() *cobra.Command {
	f := debugFlags{run: runFlags{nodes: 1}}
	c := &cobra.Command{
		Use:   "debug SCRIPT|TAPE|FILE_test.sql:TEST|JOB",
		Short: "Step through a run, forwards and backwards",
		Long: `Opens a tape and executes it again, step by step: nothing is written, and every moment can be
looked at and gone back to. A script is run first and recorded, and so is a test: row by row, or
under the schedule of --seed. With --live a script is not waited for: its job runs on, and what it has
done by now is looked at. So is a job of mink up, which is named as for mink jobs: it goes on, unless
--stop-world lets it stand still until the end. Commands come from -c, else from standard input, one a line; help
lists them.`,
		Args: func(c *cobra.Command, args []string) error {
			if f.dap != "" && len(args) == 0 {
				return nil // the editor says which
			}
			return cobra.ExactArgs(1)(c, args)
		},
		Example: examples(
			"mink debug run.mtape",
			"mink debug run.mtape --at 3:120 -c 'where; state GroupAggregate'",
			"mink debug job.sql -c \"why-not revenue WHERE sku = 'A-17'\"",
			"mink debug job.sql --live -c 'goto end; why-stuck'",
			"mink debug 7f3a -c 'why-stuck; windows'          # a job of mink up",
			"mink debug revenue --stop-world                   # by the table that it writes to",
			"mink debug run.mtape --json -c tasks | jq .",
			"mink debug --dap                 # for an editor that starts it",
			"mink debug job.sql --dap=4711    # for an editor that connects",
			"mink debug revenue --dap         # a job of mink up, in an editor",
			"mink debug revenue_test.sql:total_of_a_minute --at out=revenue#1",
		),
		RunE: func(c *cobra.Command, args []string) error {
			if f.dap != "" {
				return a.serveDAP(c.Context(), &f, args)
			}
			return a.debug(c.Context(), &f, args[0])
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"mtape", "sql"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.at, "at", "", "begin at this `position`: 40:1284, end, @11:54:52, wm=11:55, orders/1@7041, out=revenue#61")
	fl.StringArrayVarP(&f.commands, "command", "c", nil, "carry out these `commands`, parted by ;, and exit; may be repeated")
	fl.BoolVar(&f.json, "json", false, "answer each command with a JSON object on a line")
	fl.IntVar(&f.job, "job", 0, "number of the job on the tape; by default the first")
	fl.StringArrayVar(&f.run.set, "set", nil, "set a configuration key of a script, `key=value`; may be repeated")
	fl.StringVarP(&f.run.tape, "out", "o", "", "keep the tape of a script here")
	fl.BoolVar(&f.live, "live", false, "look at a script while it runs: update takes what it has done since, stop-world lets it stand still")
	fl.BoolVar(&f.stopWorld, "stop-world", false, "let a job of a cluster stand still behind a barrier while it is looked at")
	f.cluster.addCluster(fl)
	fl.StringVar(&f.dap, "dap", "", "serve the Debug Adapter Protocol: on standard input and output, or with --dap=`PORT` on that port of this machine")
	fl.Lookup("dap").NoOptDefVal = "stdio"
	fl.Uint64Var(&f.seed, "seed", 0, "run a test under the schedule of this seed; 0 runs it row by row")
	addFaults(fl, &f.faults)
	fl.IntVar(&f.input, "input", 0, "of a test that draws rows (@gen): the number of the rows, from 0")
	return c
}

// debug opens a tape, or records one of a script, and carries commands out.
func (a *app) debug(ctx context.Context, f *debugFlags, name string) (err error) {
	if suite.IsTest(name) {
		return a.debugTest(ctx, f, name)
	}
	if f.live {
		return a.debugLive(ctx, f, name)
	}
	if a.namesJob(name) {
		return a.debugJob(ctx, f, name)
	}
	if f.stopWorld {
		return failed(exitUsage, diag.New(diag.Config, "--stop-world is for a job of a cluster").WithHint("stop-world is a command too, of a script that is looked at with --live"))
	}
	if f.seed != 0 || f.input != 0 {
		return failed(exitUsage, diag.New(diag.Config, "--seed and --input are for tests").WithHint("mink debug FILE_test.sql:TEST --seed N"))
	}
	t, cfg, release, err := a.openToDebug(ctx, f, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	return a.openDebugger(ctx, f, cfg, nil, t)
}

// openToDebug opens a tape, or records one of a script. release lets go of it, once the
// debugger is closed.
func (a *app) openToDebug(ctx context.Context, f *debugFlags, name string) (t *trace.File, cfg engine.Config, release func() error, err error) {
	tape, remove := name, func() {}
	if !a.isTape(name) {
		if tape, remove, err = a.recordToDebug(ctx, f, name); err != nil {
			return nil, cfg, nil, err
		}
	}
	if t, err = a.openTape(tape); err != nil {
		remove()
		return nil, cfg, nil, err
	}
	cfg, spill, err := a.config(embed{nodes: 1, replay: t})
	cfg.Stdout, cfg.Stderr = io.Discard, io.Discard
	release = func() error {
		err := errors.Join(t.Close(), os.RemoveAll(spill))
		remove()
		return err
	}
	if err != nil {
		return nil, cfg, nil, errors.Join(err, release())
	}
	return t, cfg, release, nil
}

// openDebugger carries commands out on a tape. cfg and setup are those of debugger.Open.
func (a *app) openDebugger(ctx context.Context, f *debugFlags, cfg engine.Config, setup func(*engine.Engine) error, t *trace.File) (err error) {
	d, err := debugger.Open(ctx, cfg, setup, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	s := &debugSession{app: a, d: d, json: f.json, zone: cfg.Zone}
	if err := s.choose(f.job); err != nil {
		return failed(exitUsage, err)
	}
	return s.run(ctx, f)
}

// debugTest runs a test once, records it and opens the tape. What its jobs read and write
// is replaced as mink test does.
func (a *app) debugTest(ctx context.Context, f *debugFlags, name string) error {
	tape, cfg, setup, err := a.openTest(f, name)
	if err != nil {
		return err
	}
	defer tape.Close()
	return a.openDebugger(ctx, f, cfg, setup, tape)
}

// openTest runs a test and opens its tape.
func (a *app) openTest(f *debugFlags, name string) (*trace.File, engine.Config, func(*engine.Engine) error, error) {
	var none engine.Config
	t, err := suite.One(name)
	if err != nil {
		if diag.CodeOf(err) == diag.NotFound {
			return nil, none, nil, failed(exitUnreachable, err)
		}
		return nil, none, nil, inTest(err)
	}
	faults, err := faultNames(f.faults)
	if err != nil {
		return nil, none, nil, err
	}
	if f.input < 0 {
		return nil, none, nil, failed(exitUsage, diag.New(diag.Config, "--input must not be negative"))
	}
	disk := env.NewMemDisk()
	m := manifestOf(nil, nil)
	m.Script = name
	to, err := trace.Create(disk, "test", m)
	if err != nil {
		return nil, none, nil, err
	}
	o := &harness.Options{Zone: hostZone()}
	if _, err := harness.Record(t.Case, o, harness.Which{Seed: f.seed, Faults: faults, Input: f.input}, to); err != nil {
		return nil, none, nil, inTest(err)
	}
	if f.run.tape != "" {
		if err := to.Keep(a.machineDisk(), f.run.tape); err != nil {
			return nil, none, nil, err
		}
	}
	tape, err := trace.Open(disk, "test")
	if err != nil {
		return nil, none, nil, err
	}
	tape.Name = name
	cfg, setup := harness.Replay(t.Case, o)
	return tape, cfg, setup, nil
}

// inTest shows a mistake of a test, or of the scripts that it uses, in the text that it is
// in; other errors are given as they are.
func inTest(err error) error {
	var e *harness.Error
	if !errors.As(err, &e) {
		return err
	}
	return failed(exitFailed, errors.New(err.Error()))
}

// isTape reports a tape, by its name or because it is a folder of one.
func (a *app) isTape(name string) bool {
	info, err := a.machineDisk().Stat(name)
	return filepath.Ext(name) == ".mtape" || err == nil && info.IsDir()
}

// recordToDebug runs a script and keeps a tape of it, in a folder that remove deletes
// unless the tape was asked for.
func (a *app) recordToDebug(ctx context.Context, f *debugFlags, script string) (tape string, remove func(), err error) {
	text, err := a.readScript([]string{script})
	if err != nil {
		return "", nil, err
	}
	remove = func() {}
	run := f.run
	if run.tape == "" {
		disk := a.machineDisk()
		dir := filepath.ToSlash(filepath.Join(os.TempDir(), fmt.Sprintf("mink-debug-%d", os.Getpid())))
		if err := disk.MkdirAll(dir); err != nil {
			return "", nil, diag.Wrap(diag.IO, err, "cannot make a folder for the tape")
		}
		remove = func() { _ = disk.RemoveAll(dir) }
		run.tape = dir + "/run.mtape"
	}
	quiet := *a
	quiet.out = io.Discard
	err = quiet.runScripts(ctx, run, text)
	var e *exitError
	if errors.As(err, &e) && e.code == exitFailed && e.err == nil {
		err = nil // the job has failed, as was said; its tape is what one wants to look at
	}
	if err != nil {
		remove()
		return "", nil, err
	}
	return run.tape, remove, nil
}

// choose takes a job of the tape, by its number from 1; 0 is the first.
func (s *debugSession) choose(n int) error {
	if n == 0 {
		n = 1
	}
	if n < 1 || n > len(s.d.Jobs) {
		return diag.New(diag.NotFound, "the tape has no job %d", n).WithHint("it has %d", len(s.d.Jobs))
	}
	s.j, s.number, s.forks = s.d.Jobs[n-1], n, nil
	return nil
}

// run carries out the commands of -c or of standard input. With -c the first mistake
// ends it.
func (s *debugSession) run(ctx context.Context, f *debugFlags) error {
	if f.at != "" {
		st, err := s.seek(ctx, f.at)
		if err == nil && len(f.commands) == 0 {
			err = s.stopped(st)
		}
		if err != nil {
			return err
		}
	}
	if len(f.commands) > 0 {
		for _, list := range f.commands {
			for _, c := range splitCommands(list) {
				if err := s.command(ctx, c); err != nil || s.quit {
					return err
				}
			}
		}
		return nil
	}
	prompt := terminal(s.in) && terminal(s.out)
	if prompt && !s.json {
		fmt.Fprintf(s.err, "%s, %d %s; help lists commands, quit ends\n", s.d.Tape.Name, len(s.d.Jobs), plural(int64(len(s.d.Jobs)), "job"))
	}
	in := bufio.NewScanner(s.in)
	for !s.quit {
		if prompt {
			fmt.Fprintf(s.err, "%s> ", s.j.Position())
		}
		if !in.Scan() {
			break
		}
		if err := s.command(ctx, in.Text()); err != nil {
			if ctx.Err() != nil {
				return err
			}
			s.complain(err)
		}
	}
	return in.Err()
}

// splitCommands cuts at semicolons that are not within quotes.
func splitCommands(text string) []string {
	var out []string
	from, quoted := 0, false
	for i, r := range text {
		switch {
		case r == '\'':
			quoted = !quoted
		case r == ';' && !quoted:
			out = append(out, text[from:i])
			from = i + 1
		}
	}
	out = append(out, text[from:])
	kept := out[:0]
	for _, c := range out {
		if strings.TrimSpace(c) != "" {
			kept = append(kept, c)
		}
	}
	return kept
}
