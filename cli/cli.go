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
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/minkstream/mink/engine/diag"
)

// version is set by the linker.
var version = "dev"

// app is what commands share: the streams, and nothing else.
type app struct {
	in       io.Reader
	out, err io.Writer
}

// Main runs the command line and returns the exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{in: in, out: out, err: errOut}
	ctx, stop := interruptible(errOut)
	defer stop()
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
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
	fmt.Fprintln(errOut, "mink: "+err.Error())
	fmt.Fprintln(errOut, "see mink --help")
	return exitUsage
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
	return root
}

// interruptible gives a context that ends at the first Ctrl-C or SIGTERM; a second
// one ends the process at once.
func interruptible(errOut io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
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
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// color reports whether w wants colour.
func color(w any) bool {
	return terminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// screen is the size of the terminal behind w in columns and lines.
func screen(w any) (int, int) {
	if f, ok := w.(*os.File); ok {
		if c, l, err := term.GetSize(int(f.Fd())); err == nil && c > 0 && l > 0 {
			return c, l
		}
	}
	return 100, 24
}

// examples indents the lines of an Example text.
func examples(lines ...string) string { return "  " + strings.Join(lines, "\n  ") }
