package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

// planFlags are those of mink plan.
type planFlags struct {
	against, at, output string
	json                bool
	job                 int
	cluster             jobsFlags
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "plan NEW.sql --against TAPE|JOB",
		Short: "Say which state a changed script would keep",
		Long: `Restores the state that a job of a tape holds, or one of mink up, into the job of a changed script, and says of each
operator what was kept. Operators go on from those that do the same, or whose state has the same
form, in the order of the plans. Nothing is written.

It ends with 1 where state is lost or kept in part.`,
		Args:    cobra.ExactArgs(1),
		Example: examples("mink plan new.sql --against run.mtape", "mink plan new.sql --against 7f3a   # a job of mink up, which goes on", "mink plan new.sql --against run.mtape --at 40:1284 --output json"),
		RunE:    func(c *cobra.Command, args []string) error { return a.planAgainst(c.Context(), &f, args[0]) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"sql"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.against, "against", "", "`tape` of the job that has the state, or a job of mink up by its id, name or table")
	f.cluster.addCluster(fl)
	fl.StringVar(&f.at, "at", "", "the state is that at this `position`; by default at the last row that was read")
	fl.IntVar(&f.job, "job", 0, "number of the job on the tape; by default the first")
	fl.StringVar(&f.output, "output", "table", "table or json, an object a line")
	fl.BoolVar(&f.json, "json", false, "the same as --output json")
	return c
}

func (a *app) planAgainst(ctx context.Context, f *planFlags, script string) error {
	switch {
	case f.against == "":
		return failed(exitUsage, diag.New(diag.Config, "--against says which tape or job has the state").WithHint("mink tape record job.sql -o run.mtape makes a tape, mink jobs ls lists the jobs of mink up"))
	case f.output != "table" && f.output != "json":
		return failed(exitUsage, diag.New(diag.Config, "the mapping cannot be printed as %q", f.output).WithHint("table or json"))
	}
	text, err := a.readScript([]string{script})
	if err != nil {
		return err
	}
	var m *debugger.Mapping
	against := func(s *debugSession) error {
		switch {
		case f.at != "":
			_, err = s.seek(ctx, f.at)
		case s.live != nil:
			_, err = s.j.Seek(ctx, debugger.AtEnd)
		default:
			_, err = s.j.SeekLastRead(ctx)
		}
		if err == nil {
			m, err = s.j.Against(ctx, text.sql)
		}
		if err != nil {
			return inScript(text.name, err)
		}
		return nil
	}
	if a.namesJob(f.against) {
		err = a.withLiveJob(ctx, &f.cluster, f.against, func(l *liveJob) (err error) {
			live, err := l.attach(ctx)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, live.Close()) }()
			return against(&debugSession{app: a, d: live.Debugger, j: live.Job, zone: live.Zone(), live: live})
		})
	} else {
		err = a.withTape(ctx, f, against)
	}
	if err != nil {
		return err
	}
	if f.json || f.output == "json" {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		for _, o := range m.Operators {
			if err := e.Encode(o); err != nil {
				return err
			}
		}
	} else {
		var rows [][]string
		for _, o := range m.Operators {
			rows = append(rows, []string{o.Operator, o.From, string(o.State), strconv.FormatInt(o.Had, 10), strconv.FormatInt(o.Has, 10)})
		}
		if len(rows) == 0 {
			fmt.Fprintln(a.out, "no operator keeps state")
		} else {
			fmt.Fprint(a.out, show.Grid([]string{"operator", "goes on from", "state", "entries", "restored"}, nil, rows, 60))
			for _, o := range m.Operators {
				if o.Why != "" {
					fmt.Fprintf(a.out, "%s: %s\n", cmp.Or(o.Operator, o.From), o.Why)
				}
			}
		}
	}
	for _, o := range m.Operators {
		if o.State == debugger.KeepsPart || o.State == debugger.KeepsNone {
			return failed(exitFailed, nil)
		}
	}
	return nil
}

// withTape opens the tape of --against.
func (a *app) withTape(ctx context.Context, f *planFlags, do func(s *debugSession) error) error {
	t, err := a.openTape(f.against)
	if err != nil {
		return err
	}
	defer t.Close()
	cfg, spill, err := a.config(embed{nodes: 1, replay: t})
	if err != nil {
		return err
	}
	defer os.RemoveAll(spill)
	cfg.Stdout, cfg.Stderr = io.Discard, io.Discard
	d, err := debugger.Open(ctx, cfg, nil, t)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // nothing was written
	s := &debugSession{app: a, d: d, zone: cfg.Zone}
	if err := s.choose(f.job); err != nil {
		return failed(exitUsage, err)
	}
	return do(s)
}

// inScript shows a mistake of another script at its place.
func inScript(name string, err error) error {
	var p *debugger.ScriptError
	if !errors.As(err, &p) {
		return err
	}
	d := diag.As(p.Err)
	if d == nil {
		return err
	}
	return failed(exitFailed, errors.New(diag.Render(diag.Source{Name: name, Text: p.Text, Offset: p.At}, d)))
}
