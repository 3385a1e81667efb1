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
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	c := &cobra.Command{
		Use:   "plan NEW.sql --against TAPE",
		Short: "Say which state a changed script would keep",
		Long: `Restores the state that a job of a tape holds into the job of a changed script, and says of each
operator what was kept. Operators go on from those that do the same, or whose state has the same
form, in the order of the plans. Nothing is written.

It ends with 1 where state is lost or kept in part.`,
		Args:    cobra.ExactArgs(1),
		Example: examples("mink plan new.sql --against run.mtape", "mink plan new.sql --against run.mtape --at 40:1284 --output json"),
		RunE:    func(c *cobra.Command, args []string) error { return a.planAgainst(c.Context(), &f, args[0]) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"sql"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.against, "against", "", "`tape` of the job that has the state")
	fl.StringVar(&f.at, "at", "", "the state is that at this `position`; by default at the last row that was read")
	fl.IntVar(&f.job, "job", 0, "number of the job on the tape; by default the first")
	fl.StringVar(&f.output, "output", "table", "table or json, an object a line")
	fl.BoolVar(&f.json, "json", false, "the same as --output json")
	return c
}

func (a *app) planAgainst(ctx context.Context, f *planFlags, script string) error {
	switch {
	case f.against == "":
		return failed(exitUsage, diag.New(diag.Config, "--against says which tape has the state").WithHint("mink tape record job.sql -o run.mtape makes one"))
	case f.output != "table" && f.output != "json":
		return failed(exitUsage, diag.New(diag.Config, "the mapping cannot be printed as %q", f.output).WithHint("table or json"))
	}
	text, err := a.readScript([]string{script})
	if err != nil {
		return err
	}
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
	if f.at != "" {
		_, err = s.seek(ctx, f.at)
	} else {
		_, err = s.j.SeekLastRead(ctx)
	}
	if err != nil {
		return err
	}
	m, err := s.j.Against(ctx, text.sql)
	if err != nil {
		return inScript(text.name, err)
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
