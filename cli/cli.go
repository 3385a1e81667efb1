// Package cli holds the commands of the mink binary.
//
// A command is one file, cmd_<name>.go, and one line in commands.go. Commands
// speak to the engine through gateway.Client only; assemble.go is the one place
// that wires connectors, formats and functions together. Data goes to stdout,
// narration to stderr; exit codes are those of exit.go.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// version is set by the linker.
var version = "dev"

// app is what commands share: the streams, and nothing else.
type app struct {
	in       io.Reader
	out, err io.Writer
	disk     env.Disk // nil is the machine's; tests have others
	benched  int      // queries that bench has run
	memory   int64    // what the process is to stay within, 0 for none (--memory)
}

// Main runs the command line and returns the exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) (code int) {
	out, errOut = guarded(out), guarded(errOut)
	defer func() {
		if r := recover(); r != nil {
			// A defect; its stack is for whoever mends it, not for the reader.
			fmt.Fprintf(errOut, "error: internal: %v\n  hint: this is a defect of mink; please report it with the command\n", r)
			code = exitInternal
		}
	}()
	ctx, stop := interruptible(errOut)
	defer stop()
	ctx, left := context.WithCancel(ctx)
	defer left()
	read := &reader{Writer: out, left: left}
	a := &app{in: in, out: out, err: errOut}
	if !terminal(out) {
		signal.Ignore(syscall.SIGPIPE)
		a.out = read
	}
	root := a.root()
	root.SetArgs(args)
	ran, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if read.gone.Load() {
		return exitUnread
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(errOut, "interrupted")
		return exitInterrupted
	}
	var e *exitError
	if errors.As(err, &e) {
		if e.err != nil {
			a.complain(e.err)
		}
		return e.code
	}
	if d := diag.As(err); d != nil {
		a.complain(err)
		return codeFor(d.Code)
	}
	// What is left comes from cobra: unknown commands and flags.
	a.usage(ran, err)
	return exitUsage
}

// usage reports a wrong command, flag or argument of c, with what was likely meant.
func (a *app) usage(c *cobra.Command, err error) {
	msg := strings.TrimSpace(err.Error())
	fmt.Fprintln(a.err, "mink: "+msg)
	if name, ok := strings.CutPrefix(msg, "unknown flag: --"); ok {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if s := diag.Suggest(name, names); s != "" {
			fmt.Fprintf(a.err, "did you mean --%s?\n", s)
		}
	}
	fmt.Fprintf(a.err, "see %s --help\n", c.CommandPath())
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "mink",
		Short: "A streaming SQL workbench in one binary",
		Long: `mink runs Flink SQL on a local vectorized cluster that starts in well under a second.

  mink demo               a real streaming job over real data, in your terminal
  mink run job.sql        run a script
  mink sql -e "SELECT 1"  run statements from the command line`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.AddCommand(commands(a)...)
	for _, c := range root.Commands() {
		if c.HasSubCommands() && !c.Runnable() {
			c.RunE, c.Annotations = ofNone, map[string]string{onlyOthers: ""}
		}
	}
	return root
}

// onlyOthers marks a command that does nothing itself.
const onlyOthers = "only others"

// does reports a command that does something itself.
func does(c *cobra.Command) bool {
	_, none := c.Annotations[onlyOthers]
	return c.Runnable() && !none
}

// ofNone is a command that has others below it and does nothing itself.
func ofNone(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return c.Help()
	}
	return fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
}

// reader is standard output that somebody else reads, such as head. When he has gone the
// command is to end as at Ctrl-C: jobs are cancelled, tapes and sessions closed.
type reader struct {
	io.Writer
	left func()
	gone atomic.Bool
}

func (r *reader) Write(b []byte) (int, error) {
	n, err := r.Writer.Write(b)
	if errors.Is(err, syscall.EPIPE) && !r.gone.Swap(true) {
		r.left()
	}
	return n, err
}

// interruptible gives a context that ends at the first Ctrl-C, SIGTERM or hang-up; a second
// one ends the process at once.
func interruptible(errOut io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		for n := 0; ; n++ {
			if _, ok := <-signals; !ok {
				return
			}
			if n > 0 {
				os.Exit(exitInterrupted)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}

// complain prints an error without a place.
func (a *app) complain(err error) {
	if d := diag.As(err); d != nil {
		fmt.Fprintln(a.err, "error: "+diag.Render(diag.Source{}, d))
		return
	}
	fmt.Fprintln(a.err, "error: "+err.Error())
}

// terminal reports whether w is a terminal.
func terminal(w any) bool {
	if _, is := w.(*screenOut); is {
		return true
	}
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// drawable reports whether a table can be redrawn in place on w.
func drawable(w any) bool { return terminal(w) && os.Getenv("TERM") != "dumb" }

// unicodeLocale reports a locale in UTF-8.
func unicodeLocale() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(os.Getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// color reports whether w wants colour.
func color(w any) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// screen is the size of the terminal behind w in columns and lines.
func screen(w any) (int, int) {
	if s, ok := w.(*screenOut); ok {
		w = s.f
	}
	if f, ok := w.(*os.File); ok {
		if c, l, err := term.GetSize(int(f.Fd())); err == nil && c > 0 && l > 0 {
			return c, l
		}
	}
	return 100, 24
}

// examples indents the lines of an Example text.
func examples(lines ...string) string { return "  " + strings.Join(lines, "\n  ") }
