package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/serve/guard"
)

// Ports of Flink's SQL gateway and of its JobManager, the one beside that of a Postgres of
// the same machine, and the one that Arrow's examples of Flight have.
const (
	gatewayPort  = 8083
	restPort     = 8081
	postgresPort = 5433
	flightPort   = 8815
	// nodePort is that of nodes of other machines; Flink's coordinator has the same.
	nodePort = 6123
)

// upFlags are those of mink up.
type upFlags struct {
	dir                 string
	nodes, slots        int
	foreground, noToken bool
	listen              string
	rest, gateway       int
	postgres, flight    int
	node                int
	dataDirs            []string
	allowEnv            []string
	memory              string
	tlsCert, tlsKey     string
	output              string
}

func (a *app) upCommand() *cobra.Command {
	var f upFlags
	c := &cobra.Command{
		Use:   "up",
		Short: "Start the local cluster",
		Long: `Starts a coordinator and node processes that go on after mink has returned, and prints where
they are reached. Any of them may be killed at any moment: it comes back, and jobs go on from
their newest checkpoint, one every 10 s unless they say otherwise. There is one cluster for
each --dir, which has its jobs, catalog, checkpoints, logs and the token that clients send.
Statements of a cluster read and write files below the directory that mink up was started in,
and below those of --data-dir. Of the environment, to which options refer by ${env:NAME}, they
have what --allow-env names, which is nothing by default.`,
		Args: cobra.NoArgs,
		Example: examples(
			"mink up --nodes 3",
			"mink up --nodes 2 --slots 8 --data-dir /srv/events",
			"mink up --foreground            # for service managers and containers",
			"mink up --listen 192.168.1.7    # for clients and nodes of other machines, with TLS",
		),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.up(c.Context(), &f, f.options(c))
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.dir, "dir", ".mink", "directory of the cluster")
	fl.IntVar(&f.nodes, "nodes", 1, "node processes")
	fl.IntVar(&f.slots, "slots", max(4, runtime.NumCPU()), "slots of each node: how many subtasks of an operator it takes")
	fl.BoolVar(&f.foreground, "foreground", false, "stay until interrupted, and log to standard error; nothing but the caller brings the coordinator back then")
	fl.StringVar(&f.listen, "listen", "", "`address` to listen on instead of this machine alone; served with TLS")
	fl.BoolVar(&f.noToken, "no-token", false, "ask clients for no token; on this machine alone")
	fl.IntVar(&f.rest, "rest-port", restPort, "port of the REST interface, 0 for any; without the flag another one is taken when 8081 is not free")
	fl.IntVar(&f.gateway, "gateway-port", gatewayPort, "port of the SQL gateway, 0 for any; without the flag another one is taken when 8083 is not free")
	fl.IntVar(&f.postgres, "postgres-port", postgresPort, "port for Postgres clients, 0 for any; without the flag another one is taken when 5433 is not free")
	fl.IntVar(&f.flight, "flight-port", flightPort, "port for Arrow Flight SQL, 0 for any; without the flag another one is taken when 8815 is not free")
	fl.IntVar(&f.node, "node-port", nodePort, "port at which nodes of other machines join, with --listen; 0 for any; without the flag another one is taken when 6123 is not free")
	fl.StringVar(&f.memory, "memory", "", "`size`, such as 4gb, that the processes of the cluster are to stay within, in equal parts: state, rows under way and all else (default: state within a quarter of the machine's)")
	fl.StringArrayVar(&f.dataDirs, "data-dir", nil, "another directory that file connectors may read and write; may be repeated")
	fl.StringArrayVar(&f.allowEnv, "allow-env", nil, "`name` of a variable of the environment that options may refer to by ${env:NAME}, or the beginning of names and a *; may be repeated")
	fl.StringVar(&f.tlsCert, "tls-cert", "", "certificate for --listen (default: one of the cluster's own authority, whose file cluster.json names)")
	fl.StringVar(&f.tlsKey, "tls-key", "", "key of --tls-cert")
	fl.StringVar(&f.output, "output", "text", "text or json")
	return c
}

// options are what the coordinator is to be started with.
func (f *upFlags) options(c *cobra.Command) *local.Options {
	return &local.Options{
		Nodes: f.nodes, Slots: f.slots, Listen: f.listen, NoToken: f.noToken,
		GatewayPort: f.gateway, GatewayFixed: c.Flags().Changed("gateway-port") && f.gateway != 0,
		RestPort: f.rest, RestFixed: c.Flags().Changed("rest-port") && f.rest != 0,
		PostgresPort: f.postgres, PostgresFixed: c.Flags().Changed("postgres-port") && f.postgres != 0,
		FlightPort: f.flight, FlightFixed: c.Flags().Changed("flight-port") && f.flight != 0,
		NodePort: f.node, NodeFixed: c.Flags().Changed("node-port") && f.node != 0,
		DataDirs: f.dataDirs, AllowEnv: f.allowEnv, TLSCert: f.tlsCert, TLSKey: f.tlsKey,
	}
}

// check refuses flags that make no sense, and completes the options.
func (f *upFlags) check(o *local.Options) error {
	wrong := func(err error) error { return failed(exitUsage, err) }
	switch {
	case f.output != "text" && f.output != "json":
		return wrong(diag.New(diag.Config, "no output form %q", f.output).WithHint("text or json"))
	case o.Nodes < 0 || o.Nodes > nodesMax || o.Nodes == 0 && o.Listen == "":
		return wrong(diag.New(diag.Config, "--nodes must be from 1 to %d, or with --listen from 0", nodesMax))
	case o.Slots < 1 || o.Slots > slotsMax:
		return wrong(diag.New(diag.Config, "--slots must be from 1 to %d", slotsMax))
	case slices.ContainsFunc(f.ports(), func(p int) bool { return p < 0 || p > 65535 }):
		return wrong(diag.New(diag.Config, "a port is a number from 0 to 65535"))
	case o.SamePort():
		return wrong(diag.New(diag.Config, "two servers cannot have the same port"))
	case !envNames(o.AllowEnv):
		return wrong(diag.New(diag.Config, "--allow-env takes the name of a variable, or the beginning of names and a *"))
	case (o.TLSCert == "") != (o.TLSKey == ""):
		return wrong(diag.New(diag.Config, "--tls-cert and --tls-key go together"))
	}
	if err := guard.Allowed(o.Listen, true, !o.NoToken); err != nil {
		return wrong(err)
	}
	var err error
	if o.Memory, err = memoryOf(f.memory, o.Nodes+1); err != nil {
		return err
	}
	if o.Project, err = os.Getwd(); err != nil {
		return wrong(diag.Wrap(diag.IO, err, "cannot tell which directory this is"))
	}
	for _, p := range append([]*string{&o.TLSCert, &o.TLSKey}, pointers(o.DataDirs)...) {
		if *p == "" {
			continue
		}
		if *p, err = filepath.Abs(*p); err == nil {
			_, err = os.Stat(*p)
		}
		if err != nil {
			return wrong(diag.Wrap(diag.Config, err, "cannot use %s", *p))
		}
	}
	return nil
}

// ports are those of all servers.
func (f *upFlags) ports() []int { return []int{f.gateway, f.rest, f.postgres, f.flight, f.node} }

// slotsMax bounds the slots of a node.
const slotsMax = 1024

func pointers(list []string) []*string {
	out := make([]*string, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}

// up starts the cluster and returns when it is ready, or runs it with --foreground.
func (a *app) up(ctx context.Context, f *upFlags, o *local.Options) error {
	if err := f.check(o); err != nil {
		return err
	}
	home, err := local.In(f.dir)
	if err != nil {
		return err
	}
	if err := guard.StateDir(string(home)); err != nil {
		return failed(exitUsage, err)
	}
	began := time.Now()
	turn, err := home.Take("up")
	for errors.Is(err, local.ErrTaken) {
		if err = home.Await("up"); err == nil {
			turn, err = home.Take("up")
		}
	}
	if err != nil {
		return err
	}
	defer turn.Release()
	if info, err := a.running(ctx, home); err != nil || info != nil {
		if err == nil {
			fmt.Fprintf(a.err, "the cluster in %s is running already; mink down stops it\n", f.dir)
			err = a.tellUp(f.output, info)
		}
		return err
	}
	if err := home.SetOptions(o); err != nil {
		return err
	}
	if o.NoToken {
		fmt.Fprintln(a.err, "warning: without a token every program and every user of this machine can run statements here")
	}
	if f.foreground {
		ready := false
		err := a.coordinate(ctx, home, start{foreground: true}, func(info *local.Info) error {
			ready = true
			turn.Release()
			home.Audit("cli", local.User(), started(o), nil)
			return a.tellUp(f.output, info)
		})
		if !ready {
			home.Audit("cli", local.User(), started(o), err)
		}
		return err
	}
	info, err := a.launch(ctx, home)
	home.Audit("cli", local.User(), started(o), err)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "ready after %d ms\n", time.Since(began).Milliseconds())
	return a.tellUp(f.output, info)
}

// started is the start of a cluster as the audit log says it: with what lets others in.
func started(o *local.Options) string {
	kind := "up"
	if o.Listen != "" {
		kind += " --listen " + o.Listen
	}
	if o.NoToken {
		kind += " --no-token"
	}
	for _, d := range o.DataDirs {
		kind += " --data-dir " + d
	}
	for _, n := range o.AllowEnv {
		kind += " --allow-env " + n
	}
	return kind
}

// stopWithin is how long a coordinator that is told to stop may take.
const stopWithin = 30 * time.Second

// running is the cluster that is up in a directory, nil when none is. One that is about to
// stop, or to come back, is waited for.
func (a *app) running(ctx context.Context, home local.Home) (*local.Info, error) {
	told := false
	for end := time.Now().Add(stopWithin); ; {
		info, err := home.Info()
		if err != nil {
			return nil, err
		}
		coordinator, watchdog := home.Holder(local.Coordinator), home.Holder(local.Watchdog)
		switch {
		case coordinator != 0 && info != nil && info.Coordinator.PID == coordinator:
			return info, nil
		case coordinator == 0 && (info == nil || watchdog == 0):
			if info != nil {
				fmt.Fprintln(a.err, "the cluster was killed; its jobs go on from their newest checkpoints")
			}
			return nil, nil
		case time.Now().After(end):
			return nil, diag.New(diag.Config, "process %d holds %s, and the cluster neither starts nor stops", max(coordinator, watchdog), string(home)).
				WithHint("mink down ends what is left of it")
		}
		if !told {
			told = true
			fmt.Fprintln(a.err, "waiting for the cluster that stops or starts there")
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// readiness is the line in which a coordinator says how its start went.
type readiness struct {
	Code diag.Code `json:"code,omitempty"`
	Msg  string    `json:"msg,omitempty"`
	Hint string    `json:"hint,omitempty"`
}

// readyFile is the descriptor to which a coordinator writes its readiness, if it is there.
const (
	readyFile = 3
	readyEnv  = "MINK_READY"
)

// launch starts a coordinator of its own and waits until it is ready.
func (a *app) launch(ctx context.Context, home local.Home) (*local.Info, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot start the coordinator")
	}
	defer r.Close()
	p := coordinatorProgram(home)
	p.Files, p.Env = []*os.File{w}, []string{readyEnv + "=1"}
	_, err = home.Start(p)
	w.Close()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { r.Close() })
	defer stop()
	line, _ := bufio.NewReader(r).ReadBytes('\n')
	var got readiness
	switch err := json.Unmarshal(line, &got); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, diag.New(diag.Config, "the coordinator ended while it started").WithHint("its logs are %s and coordinator.out beside it", home.Path("log", "coordinator.log"))
	case got.Msg != "":
		e := diag.New(got.Code, "%s", got.Msg)
		e.Hint = got.Hint
		return nil, failed(exitUsage, e)
	}
	info, err := home.Info()
	if err == nil && info == nil {
		err = diag.New(diag.Config, "the cluster was stopped while it started")
	}
	return info, err
}

// coordinatorProgram is how the coordinator of a directory is started.
func coordinatorProgram(home local.Home) local.Program {
	return local.Program{Name: local.Coordinator, Args: []string{"coordinator", "--dir", string(home)}, Log: home.Path("log", "coordinator.out")}
}

// tellUp prints where the cluster is reached.
func (a *app) tellUp(output string, info *local.Info) error {
	if output == "json" {
		public := *info
		public.Token = ""
		return json.NewEncoder(a.out).Encode(public)
	}
	pids := make([]string, len(info.Nodes))
	for i, n := range info.Nodes {
		pids[i] = fmt.Sprint(n.PID)
	}
	nodes := "none"
	if len(pids) > 0 {
		nodes = "pid " + strings.Join(pids, ", ")
	}
	if info.Join != "" {
		nodes += "\njoin         " + joinCommand(info.Join)
	}
	_, err := fmt.Fprintf(a.out, "gateway      %s\nrest         %s\npostgres     %s\nflight       %s\ncoordinator  pid %d\nnodes        %s\n",
		show.Clean(info.Gateway), show.Clean(info.Rest), show.Clean(info.Postgres), show.Clean(info.Flight), info.Coordinator.PID, nodes)
	return err
}

// joinCommand is how a node of another machine joins; the token goes from one program to the
// other, so that no list of processes shows it.
func joinCommand(address string) string {
	far := "ssh HOST "
	if host, _, err := net.SplitHostPort(address); err == nil && guard.Loopback(host) {
		far = ""
	}
	return "mink node token | " + far + "mink node --join " + show.Clean(address) + " --token-file -"
}
