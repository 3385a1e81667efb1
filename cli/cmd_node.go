package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/cluster"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/probe"
	"github.com/minkstream/mink/engine/serve/guard"
)

// nodePrefix begins the names of nodes; what follows is a number.
const nodePrefix = "node-"

// alone is how long a node waits for a coordinator to come back.
const alone = time.Minute

// nodeFlags are those of mink node.
type nodeFlags struct {
	dir, name  string
	slots      int
	join       string
	tokenFile  string
	listen     string
	advertised string
	memory     string
	allowEnv   []string
}

// joinHere is --join without an address.
const joinHere = "--dir"

// tokenEnv may have the join token; it is taken out of the environment.
const tokenEnv = "MINK_JOIN_TOKEN"

func (a *app) nodeCommand() *cobra.Command {
	var f nodeFlags
	c := &cobra.Command{
		Use:   "node --join [HOST:PORT]",
		Short: "Add a node to a cluster by hand",
		Long: `Runs a node until it is interrupted or its cluster is stopped.

Without an address it joins the cluster in --dir, on this machine. The nodes of mink up --nodes
are such processes too, which the coordinator starts and brings back. They talk to each other by
sockets in --dir, which nobody else can open.

With an address it joins the cluster of a mink up --listen, on this machine or another. It shows
the join token, gets a certificate of the cluster's own authority, and from then on both ends of
each connection, to the coordinator and for rows between nodes, show one. The token is read from
--token-file (- is standard input), from ` + tokenEnv + `, or is that of the cluster in --dir. The
directory that mink up was started in, and the folder of checkpoints, must be there at the same
path, as a volume or on a network file system. Logs and what does not fit in memory go to --dir.`,
		Args: cobra.MaximumNArgs(1),
		Example: examples(
			"mink node --join",
			"mink node --join --slots 2 --dir /srv/cluster",
			"mink node --join 192.168.1.7:6123 --token-file join.token",
			"ssh 192.168.1.7 mink node token | mink node --join 192.168.1.7:6123 --token-file -",
		),
		RunE: func(c *cobra.Command, args []string) error {
			wrong := func(err error) error { return failed(exitUsage, err) }
			if len(args) == 1 && f.join == joinHere {
				f.join = args[0]
			}
			if f.join == "" || len(args) == 1 && f.join != args[0] {
				return wrong(diag.New(diag.Config, "a node is of no use without a cluster").WithHint("mink node --join joins the one in --dir, mink node --join HOST:PORT another"))
			}
			var err error
			if a.memory, err = memoryOf(f.memory, 1); err != nil {
				return err
			}
			if f.slots < 1 || f.slots > slotsMax {
				return wrong(diag.New(diag.Config, "--slots must be from 1 to %d", slotsMax))
			}
			if f.name != "" && !nodeName.MatchString(f.name) {
				return wrong(diag.New(diag.Config, "a node cannot be named %q", f.name).WithHint("names are node-1, node-2 and so on"))
			}
			if f.join == joinHere {
				if f.tokenFile != "" || f.listen != "" || f.advertised != "" || f.allowEnv != nil {
					return wrong(diag.New(diag.Config, "--token-file, --listen, --advertise and --allow-env are for --join HOST:PORT"))
				}
				return a.node(c.Context(), f.dir, f.name, f.slots)
			}
			if !envNames(f.allowEnv) {
				return wrong(diag.New(diag.Config, "--allow-env takes the name of a variable, or the beginning of names and a *"))
			}
			return a.joinNode(c.Context(), &f)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.join, "join", "", "join the cluster in --dir, or the one at `HOST:PORT`")
	fl.Lookup("join").NoOptDefVal = joinHere
	fl.StringVar(&f.dir, "dir", ".mink", "directory of the cluster; of a node of another machine, its own")
	fl.IntVar(&f.slots, "slots", max(4, runtime.NumCPU()), "slots of the node")
	fl.StringVar(&f.memory, "memory", "", "`size` that the process is to stay within (default: with --dir the part that the cluster's own nodes have)")
	fl.StringVar(&f.name, "name", "", "name of the node (default: the next that is free)")
	fl.StringArrayVar(&f.allowEnv, "allow-env", nil, "`name` of a variable of this node's environment that options may refer to by ${env:NAME}, as of mink up; with an address alone")
	fl.StringVar(&f.tokenFile, "token-file", "", "`file` with the join token, - for standard input")
	fl.StringVar(&f.listen, "listen", "", "`address`, with or without a port, to take rows of other nodes at (default: the one by which this machine reaches the coordinator)")
	fl.StringVar(&f.advertised, "advertise", "", "`HOST:PORT` at which other nodes reach --listen, where that is another")
	c.AddCommand(a.nodeTokenCommand())
	return c
}

// envNames reports whether all are names of variables, or beginnings of such with a * behind.
func envNames(list []string) bool {
	return !slices.ContainsFunc(list, func(n string) bool { return !envName.MatchString(n) })
}

var envName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*\*?|\*)$`)

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
	// Whoever stops the cluster removes its file and then looks for locks: who takes one after
	// that ends by itself.
	if info, err := home.Info(); err == nil && info == nil && home.Holder(local.Coordinator) == 0 {
		return failed(exitUnreachable, diag.New(diag.NotFound, "the cluster in %s was stopped", dir))
	}
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
	err = a.serveNode(ctx, home, o, name, slots, nil, log)
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

// serveNode runs the tasks that the coordinator gives to this process. joined is what a node
// of another machine is known by, nil for one of the coordinator's.
func (a *app) serveNode(ctx context.Context, home local.Home, o *local.Options, name string, slots int, joined *guard.Identity, log *slog.Logger) error {
	go local.Vitals(ctx, log)
	if a.memory > 0 { // this node's own, beside those of the cluster
		own := *o
		own.Memory = a.memory * int64(o.Nodes+1)
		o = &own
	}
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
	n := cluster.NodeOptions{
		Env: cfg.Env, Name: name, Dir: home.Path("run"), Slots: slots, SpillDir: spill, StatePool: cfg.StatePool, Build: eng.NodeGraph,
		Log: func(text string) { log.Info(text) }, Tasks: func(n flow.TaskNote) { local.LogTask(log, n) },
	}
	self := probe.Of(probe.LogsOf(home.Path("log"), name), home.Path("profiles", name))
	n.Answer = func(ctx context.Context, question []byte) ([]byte, error) { return probe.Answer(ctx, self, question) }
	switch {
	case joined != nil:
		n.Wire, n.Remote, n.Patience = joined, true, alone
	case o.Listen != "":
		authority, err := guard.OpenAuthority(home.Path("tls"))
		if err != nil {
			return err
		}
		if n.Wire, err = authority.Own(name, o.Listen); err != nil {
			return err
		}
	}
	return cluster.Serve(ctx, n)
}
