package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/cluster"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/serve/guard"
)

// nodePrefix begins the names of nodes; what follows is a number.
const nodePrefix = "node-"

// alone is how long a node waits for a coordinator to come back.
const alone = time.Minute

func (a *app) nodeCommand() *cobra.Command {
	var dir, name string
	var slots int
	var join bool
	c := &cobra.Command{
		Use:   "node --join",
		Short: "Add a node to the local cluster by hand",
		Long: `Runs a node of the cluster in --dir until it is interrupted or the cluster is stopped. The
nodes of mink up --nodes are such processes too, which the coordinator starts and brings back.
A node talks to its coordinator by sockets in --dir, which nobody else can open.`,
		Args:    cobra.NoArgs,
		Example: examples("mink node --join", "mink node --join --slots 2 --dir /srv/cluster"),
		RunE: func(c *cobra.Command, _ []string) error {
			if !join {
				return failed(exitUsage, diag.New(diag.Config, "a node is of no use without a cluster").WithHint("mink node --join joins the one in --dir"))
			}
			if slots < 1 || slots > slotsMax {
				return failed(exitUsage, diag.New(diag.Config, "--slots must be from 1 to %d", slotsMax))
			}
			if name != "" && !nodeName.MatchString(name) {
				return failed(exitUsage, diag.New(diag.Config, "a node cannot be named %q", name).WithHint("names are node-1, node-2 and so on"))
			}
			return a.node(c.Context(), dir, name, slots)
		},
	}
	c.Flags().BoolVar(&join, "join", false, "join the cluster in --dir")
	c.Flags().StringVar(&dir, "dir", ".mink", "directory of the cluster")
	c.Flags().IntVar(&slots, "slots", max(4, runtime.NumCPU()), "slots of the node")
	c.Flags().StringVar(&name, "name", "", "name of the node (default: the next that is free)")
	return c
}

var nodeName = regexp.MustCompile(`^node-[1-9][0-9]{0,3}$`)

// node runs a node until ctx or the cluster ends.
func (a *app) node(ctx context.Context, dir, name string, slots int) error {
	home, err := local.In(dir)
	if err != nil {
		return err
	}
	info, err := home.Info()
	if err != nil {
		return failed(exitUnreachable, err)
	}
	o, err := home.Options()
	if err != nil {
		return failed(exitUnreachable, err)
	}
	if info == nil && home.Holder(local.Coordinator) == 0 || o == nil {
		return failed(exitUnreachable, diag.New(diag.NotFound, "no cluster runs in %s", dir).WithHint("mink up starts one"))
	}
	if err := guard.StateDir(string(home)); err != nil {
		return failed(exitUsage, err)
	}
	lock, name, err := takeNode(home, o, name)
	if err != nil {
		return err
	}
	defer lock.Release()
	log, err := home.Log(name)
	if err != nil {
		return err
	}
	if err := os.Chdir(o.Project); err != nil {
		return failed(exitUsage, diag.Wrap(diag.Config, err, "cannot work in the directory that the cluster was started in"))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go watchCluster(ctx, cancel, home)
	log.Info("begins", "pid", os.Getpid(), "slots", slots)
	fmt.Fprintf(a.err, "%s joins the cluster in %s\n", name, dir)
	err = a.serveNode(ctx, home, o, name, slots, log)
	log.Info("ends")
	return err
}

// takeNode takes the lock of a node: of the one named, or of the first that is free behind
// those of the coordinator.
func takeNode(home local.Home, o *local.Options, name string) (*local.Lock, string, error) {
	if name != "" {
		lock, err := home.Take(name)
		if errors.Is(err, local.ErrTaken) {
			err = failed(exitUsage, diag.New(diag.AlreadyExists, "%s is there already", name))
		}
		return lock, name, err
	}
	for n := o.Nodes + 1; n <= o.Nodes+nodesMax; n++ {
		name = fmt.Sprint(nodePrefix, n)
		lock, err := home.Take(name)
		if !errors.Is(err, local.ErrTaken) {
			return lock, name, err
		}
	}
	return nil, "", failed(exitUsage, diag.New(diag.LimitExceeded, "the cluster has %d nodes already", nodesMax))
}

// watchCluster ends a node when its cluster was stopped, or has had no coordinator for long.
func watchCluster(ctx context.Context, cancel func(), home local.Home) {
	last := time.Now()
	for ctx.Err() == nil {
		if home.Holder(local.Coordinator) != 0 {
			last = time.Now()
		} else if info, err := home.Info(); err == nil && info == nil || time.Since(last) > alone {
			cancel()
		}
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// serveNode runs the tasks that the coordinator gives to this process.
func (a *app) serveNode(ctx context.Context, home local.Home, o *local.Options, name string, slots int, log *slog.Logger) error {
	cfg, spill, err := a.config(embed{home: home, confine: o})
	if err != nil {
		return err
	}
	defer os.RemoveAll(spill)
	eng, err := engine.New(cfg)
	if err != nil {
		return err
	}
	defer eng.Close()
	return cluster.Serve(ctx, cluster.NodeOptions{
		Env: cfg.Env, Name: name, Dir: home.Path("run"), Slots: slots, SpillDir: spill, Build: eng.NodeGraph,
		Log: func(text string) { log.Info(text) },
	})
}
