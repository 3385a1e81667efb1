package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine/cluster"
	"github.com/minkstream/mink/engine/diag"
)

func (a *app) downCommand() *cobra.Command {
	var dir string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "down",
		Short: "Stop the local cluster",
		Long: `Stops the processes of the cluster in --dir. Jobs that run take a last checkpoint and go on
from it at the next mink up; mink jobs cancel ends one for good. Jobs, catalog, checkpoints,
logs and the token stay. What does not stop in time is killed.`,
		Args:    cobra.NoArgs,
		Example: examples("mink down", "mink down --dir /srv/cluster --timeout 5s"),
		RunE: func(c *cobra.Command, _ []string) error {
			if timeout < 0 {
				return failed(exitUsage, diag.New(diag.Config, "--timeout cannot be negative"))
			}
			return a.down(c.Context(), dir, timeout)
		},
	}
	c.Flags().StringVar(&dir, "dir", ".mink", "directory of the cluster")
	c.Flags().DurationVar(&timeout, "timeout", stopWithin, "how long the processes may take before they are killed")
	return c
}

// down stops a cluster.
func (a *app) down(ctx context.Context, dir string, timeout time.Duration) error {
	home, err := local.In(dir)
	if err != nil {
		return err
	}
	info, err := home.Info()
	if err != nil {
		return err
	}
	coordinator := home.Holder(local.Coordinator)
	if info == nil && len(home.Living(local.Coordinator)) == 0 && len(leftOf(home)) == 0 {
		fmt.Fprintf(a.err, "no cluster runs in %s\n", dir)
		return nil
	}
	home.Audit("cli", local.User(), "down", nil)
	if coordinator != 0 {
		if err := syscall.Kill(coordinator, syscall.SIGTERM); err != nil {
			return diag.Wrap(diag.Permission, err, "cannot stop process %d, the coordinator", coordinator)
		}
		if !await(ctx, timeout, func() bool { return home.Holder(local.Coordinator) == 0 }) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			fmt.Fprintf(a.err, "the coordinator did not stop within %s and is killed\n", timeout)
		}
	}
	// From here on nothing comes back.
	if err := home.Forget(); err != nil {
		return err
	}
	if !await(ctx, killWithin, func() bool { return endAll(home) }) {
		return diag.New(diag.IO, "these processes cannot be ended: %s", strings.Join(allOf(home), ", "))
	}
	cluster.Sweep(home.Path("run"))
	_ = os.RemoveAll(home.Path("run", "spill")) // a leftover is removed by the next start
	fmt.Fprintln(a.err, "stopped")
	return nil
}

// killWithin is how long processes may take to end that are killed.
const killWithin = 5 * time.Second

// endAll kills all processes of a cluster that live and reports whether there was none. While
// it looks, one that it has not come to may start one that it has passed and die: who finds
// none twice has found all.
func endAll(home local.Home) bool {
	for range 2 {
		all := allOf(home)
		for _, name := range all {
			kill(home, name)
		}
		if len(all) > 0 {
			return false
		}
	}
	return true
}

// allOf are the processes of a cluster that live or are being started.
func allOf(home local.Home) []string {
	if len(home.Living(local.Coordinator)) > 0 {
		return append([]string{local.Coordinator}, leftOf(home)...)
	}
	return leftOf(home)
}

// leftOf are those of them that are not its coordinator.
func leftOf(home local.Home) []string {
	var out []string
	for _, name := range home.Names() {
		if (name == local.Watchdog || strings.HasPrefix(name, nodePrefix)) && len(home.Living(name)) > 0 {
			out = append(out, name)
		}
	}
	return out
}

// kill ends a process of the cluster at once.
func kill(home local.Home, name string) { signalled(home, name, syscall.SIGKILL) }

// signalled sends a signal to a process of the cluster. Its locks say that it is the one.
func signalled(home local.Home, name string, s syscall.Signal) {
	for _, pid := range home.Living(name) {
		if pid > 0 {
			_ = syscall.Kill(pid, s) // it may have ended by now
		}
	}
}

// await waits until something holds.
func await(ctx context.Context, within time.Duration, holds func() bool) bool {
	for end := time.Now().Add(within); !holds(); {
		if ctx.Err() != nil || time.Now().After(end) {
			return false
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return true
}
