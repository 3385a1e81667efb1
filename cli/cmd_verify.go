package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/evidence"
)

// verifyFlags are those of mink verify.
type verifyFlags struct {
	minutes float64
	only    []string
	seed    uint64
	count   int64
	output  string
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify",
		Short: "Try on this machine what mink promises",
		Long: `Tries what mink promises on this machine, for as long as you like, and prints what was tried and
what was found: seeds of the simulated checkpoint protocol with crashes and faults, each run twice;
known bugs, planted one by one, which the seeds must find; queries under simulated schedules that
lose a node or the coordinator; queries as a stream and as a batch. Results are compared with those
of an evaluator that has nothing of the engine in it. Each run tries other seeds, unless --seed says
from where on. The exit code is 1 when a promise was not kept; the command that shows it again is
printed.`,
		Args: cobra.NoArgs,
		Example: examples(
			"mink verify",
			"mink verify --minutes 60 --output json > evidence.json",
			"mink verify --only engine --seed 7 --count 1",
		),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(c.Flags().Changed("minutes")); err != nil {
				return failed(exitUsage, err)
			}
			if !c.Flags().Changed("seed") {
				f.seed = uint64(time.Now().UnixNano()) % 1_000_000_000_000
			}
			return a.verify(c, &f)
		},
	}
	fl := c.Flags()
	fl.Float64Var(&f.minutes, "minutes", 10, "how long to try")
	fl.StringSliceVar(&f.only, "only", nil, "parts to try: "+strings.Join(evidence.Names(), ", ")+" (default: all)")
	fl.Uint64Var(&f.seed, "seed", 0, "the first seed (default: drawn)")
	fl.Int64Var(&f.count, "count", 0, "seeds of each part (default: as many as there is time for)")
	fl.StringVar(&f.output, "output", "text", "text or json")
	_ = c.RegisterFlagCompletionFunc("only", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return evidence.Names(), cobra.ShellCompDirectiveNoFileComp
	})
	return c
}

func (f *verifyFlags) check(timed bool) error {
	if f.output != "text" && f.output != "json" {
		return diag.New(diag.Config, "no output form %q", f.output).WithHint("text or json")
	}
	if !(f.minutes > 0 && f.minutes <= 7*24*60) {
		return diag.New(diag.Config, "--minutes must be more than 0, and a week at most")
	}
	if f.count < 0 {
		return diag.New(diag.Config, "--count cannot be negative")
	}
	if f.count > 0 && !timed {
		f.minutes = 7 * 24 * 60
	}
	for _, name := range f.only {
		if !slices.Contains(evidence.Names(), name) {
			return diag.New(diag.Config, "no part %q", name).WithHint("one of %s", strings.Join(evidence.Names(), ", "))
		}
	}
	return nil
}

// verified is what mink verify prints as JSON.
type verified struct {
	Version    string           `json:"version"`
	Go         string           `json:"go"`
	OS         string           `json:"os"`
	Arch       string           `json:"arch"`
	Cores      int              `json:"cores"`
	Seed       uint64           `json:"seed"`
	Seconds    float64          `json:"seconds"`
	Parts      []*evidence.Part `json:"parts"`
	Violations int              `json:"violations"`
}

func (a *app) verify(c *cobra.Command, f *verifyFlags) error {
	keepHeadroom()
	began := time.Now()
	v := verified{Version: version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Seed: f.seed}
	o := evidence.Options{Budget: time.Duration(f.minutes * float64(time.Minute)), Seed: f.seed, Count: f.count, Only: f.only}
	live := drawable(a.err)
	clear := func() {
		if live {
			fmt.Fprint(drawn(a.err), "\r\x1b[K")
		}
	}
	if live {
		o.Progress = func(p *evidence.Part) {
			fmt.Fprintf(drawn(a.err), "\r\x1b[K%s: %d tried, %d violations, %s", p.Name, p.Tried, len(p.Violations), time.Since(began).Round(time.Second))
		}
	}
	if f.output == "text" {
		fmt.Fprintf(a.out, "mink %s on %s/%s with %d cores; seeds from %d\n", v.Version, v.OS, v.Arch, v.Cores, v.Seed)
	}
	var err error
	v.Parts, err = evidence.Run(c.Context(), o, func(p *evidence.Part) {
		clear()
		if f.output == "text" {
			a.tellPart(p)
		}
	})
	clear()
	if err != nil {
		return err
	}
	for _, p := range v.Parts {
		v.Violations += len(p.Violations)
	}
	v.Seconds = time.Since(began).Seconds()
	if f.output == "json" {
		err = json.NewEncoder(a.out).Encode(v)
	} else if v.Violations == 0 {
		_, err = fmt.Fprintf(a.out, "no violations after %s\n", time.Since(began).Round(100*time.Millisecond))
	} else {
		_, err = fmt.Fprintf(a.out, "%d %s\n", v.Violations, plural(int64(v.Violations), "violation"))
	}
	if err == nil && v.Violations > 0 {
		err = failed(exitFailed, nil)
	}
	return err
}

// tellPart prints what was tried of a part, and what was found.
func (a *app) tellPart(p *evidence.Part) {
	unit := "seeds"
	if p.Name == "plants" {
		unit = "bugs found"
	}
	text := fmt.Sprintf("%-9s %7d %s in %d runs", p.Name, p.Tried, unit, p.Runs)
	if p.Faults > 0 {
		text += fmt.Sprintf(", %d went on from a checkpoint after a fault", p.Faults)
	}
	if p.Name == "plants" {
		text = fmt.Sprintf("%-9s %7d %s by %d seeds", p.Name, p.Tried-int64(len(p.Violations)), unit, p.Runs)
	}
	fmt.Fprintf(a.out, "%s (%.1f s)\n          %s\n", text, p.Seconds, p.What)
	if p.Left != "" {
		fmt.Fprintf(a.out, "          not tried for want of time: %s\n", p.Left)
	}
	for _, v := range p.Violations {
		fmt.Fprintf(a.out, "  VIOLATION %s\n    %s\n", show.CleanLines(v.Text), v.Repeat)
	}
}
