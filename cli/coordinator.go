package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/cluster"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/ledger"
	"github.com/minkstream/mink/engine/serve/guard"
	"github.com/minkstream/mink/engine/serve/rest"
	"github.com/minkstream/mink/engine/trace"
)

// coordinatorCommand is the process that mink up starts.
func (a *app) coordinatorCommand() *cobra.Command {
	var dir string
	var again bool
	c := &cobra.Command{
		Use: "coordinator", Short: "The coordinator of a cluster; mink up starts it", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			home, err := local.In(dir)
			if err != nil {
				return err
			}
			said := sync.OnceFunc(func() {})
			say := func(readiness) {}
			if os.Getenv(readyEnv) != "" {
				_ = os.Unsetenv(readyEnv) // not for programs that this one starts
				w := os.NewFile(readyFile, "ready")
				say = func(r readiness) {
					said()
					_ = json.NewEncoder(w).Encode(r) // who waits for it may have been killed
					w.Close()
				}
			}
			ready := false
			err = a.coordinate(c.Context(), home, start{again: again}, func(*local.Info) error {
				ready = true
				say(readiness{})
				return nil
			})
			if err != nil && !ready {
				d := diag.As(err)
				if d == nil {
					d = diag.New(diag.Internal, "%s", err)
				}
				say(readiness{Code: d.Code, Msg: d.Msg + cause(d), Hint: d.Hint})
			}
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", ".mink", "directory of the cluster")
	c.Flags().BoolVar(&again, "again", false, "the cluster was up and is to come back")
	return c
}

// cause is what a wrapped error adds to its message.
func cause(d *diag.Error) string {
	if err := errors.Unwrap(d); err != nil {
		return ": " + err.Error()
	}
	return ""
}

// watchdogCommand is the process that brings the coordinator back.
func (a *app) watchdogCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "watchdog", Short: "Brings the coordinator of a cluster back; the coordinator starts it", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			home, err := local.In(dir)
			if err != nil {
				return err
			}
			lock, err := home.Take(local.Watchdog)
			if errors.Is(err, local.ErrTaken) {
				return nil // one is enough
			}
			if err != nil {
				return err
			}
			defer lock.Release()
			log, err := home.Log(local.Watchdog)
			if err != nil {
				return err
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				p := coordinatorProgram(home)
				p.Args = append(p.Args, "--again")
				// Without its file the cluster was stopped, or is about to be.
				p.Wanted = func() bool { info, err := home.Info(); return err != nil || info != nil }
				home.Keep(c.Context(), p, log, nil)
			}()
			select {
			case <-done:
			case <-c.Context().Done():
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", ".mink", "directory of the cluster")
	return c
}

// coordinator is the process that has the engine of a cluster.
type coordinator struct {
	*app
	home    local.Home
	options *local.Options
	log     *slog.Logger
	token   string
	ledger  *ledger.Ledger
	engine  *engine.Engine
	client  gateway.Client
	sql     *rest.Gateway
	jobs    *rest.JobManager
	nodes   *cluster.Coordinator
	servers []*http.Server
	// wires are the servers that do not speak HTTP, by their doors.
	wires []wire
	tls   *tls.Config
	// authority signs the certificates of the cluster, with --listen; named are the nodes
	// that it has signed one for.
	authority *guard.Authority
	named     map[string]time.Time
	// stop ends what runs beside: the keepers of the other processes.
	stop context.CancelFunc
	// beside is to end before the coordinator does: it starts processes.
	beside sync.WaitGroup

	mu   sync.Mutex
	info local.Info
}

// start says how a coordinator is started.
type start struct {
	// foreground: it is the process of mink up itself.
	foreground bool
	// again: its cluster was up. Where it was stopped meanwhile, the coordinator has nothing
	// to bring back.
	again bool
}

// coordinate runs the coordinator of a directory until ctx ends; then it stops the cluster.
// ready is called once clients can come.
func (a *app) coordinate(ctx context.Context, home local.Home, how start, ready func(*local.Info) error) (err error) {
	if err := guard.StateDir(string(home)); err != nil {
		return err
	}
	lock, err := home.Take(local.Coordinator)
	if errors.Is(err, local.ErrTaken) {
		return diag.New(diag.Config, "process %d is the coordinator of %s already", home.Holder(local.Coordinator), string(home))
	}
	if err != nil {
		return err
	}
	defer lock.Release()
	// Whoever stops the cluster removes its file and then looks for locks.
	if info, err := home.Info(); how.again && (err != nil || info == nil) {
		return cmp.Or(err, error(diag.New(diag.NotFound, "the cluster in %s was stopped", string(home))))
	}
	o, err := home.Options()
	if err == nil && o == nil {
		err = diag.New(diag.Config, "%s has no cluster", string(home)).WithHint("mink up starts one")
	}
	if err != nil {
		return err
	}
	c := &coordinator{app: a, home: home, options: o}
	if c.log, err = home.Log(local.Coordinator); err != nil {
		return err
	}
	if how.foreground {
		c.log = slog.New(slog.NewMultiHandler(c.log.Handler(), slog.NewTextHandler(a.err, nil)))
	}
	c.log.Info("begins", "pid", os.Getpid(), "version", version)
	defer func() {
		if err != nil {
			c.log.Error("failed", "error", err.Error())
		}
		c.log.Info("ends")
	}()
	if err := os.Chdir(o.Project); err != nil {
		return diag.Wrap(diag.Config, err, "cannot work in the directory that the cluster was started in")
	}
	beside, stop := context.WithCancel(context.Background())
	c.stop = stop
	defer stop()
	go local.Vitals(beside, c.log)
	if err := c.start(ctx, beside); err != nil {
		c.end(ctx.Err() != nil) // somebody stops it, or it has failed
		return err
	}
	if !how.foreground {
		c.beside.Go(func() { c.keepWatchdog(beside) })
	}
	c.mu.Lock()
	info := c.info
	info.Nodes = slices.Clone(info.Nodes)
	c.mu.Unlock()
	c.log.Info("ready", "gateway", info.Gateway, "rest", info.Rest)
	if err := ready(&info); err != nil {
		c.end(true)
		return err
	}
	c.awaitEnd(ctx)
	c.log.Info("stops")
	return c.end(true)
}

// awaitEnd returns when the cluster is to stop: when ctx ends, or the cluster's file is gone,
// as when somebody has removed the directory.
func (c *coordinator) awaitEnd(ctx context.Context) {
	for ctx.Err() == nil {
		if info, err := c.home.Info(); err == nil && info == nil {
			c.log.Warn("the cluster's file was removed")
			return
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// start brings everything up, in this order: doors, so that two clusters that want one port
// fail early; nodes, since they take longest; the engine with its jobs; servers.
func (c *coordinator) start(ctx, beside context.Context) error {
	var err error
	if !c.options.NoToken {
		if c.token, err = guard.Token(c.home.Path("token")); err != nil {
			return err
		}
		c.info.Token = c.token
	}
	secured, err := c.certificate()
	if err != nil {
		return err
	}
	c.tls = secured
	doors, err := c.open(secured)
	if err != nil {
		return err
	}
	c.info.Coordinator = local.Process{Name: local.Coordinator, PID: os.Getpid(), State: running}
	nodeDoors, err := c.openForNodes()
	if err != nil {
		closeDoors(doors)
		return err
	}
	nodes, err := cluster.Listen(cluster.Options{
		Dir: c.home.Path("run"), Lost: c.lost, Log: func(text string) { c.log.Info(text) }, Doors: nodeDoors, Shared: []string{c.home.Path("checkpoints")},
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.nodes = nodes
	c.mu.Unlock()
	if len(nodeDoors) > 0 {
		go c.nodes.Follow(beside, c.joined)
	}
	// Nodes look for the cluster's file; what is not known yet comes with the next one.
	for n := range c.options.Nodes {
		c.keepNode(beside, n+1)
	}
	if err := c.makeEngine(); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := c.nodes.Wait(wait, c.options.Nodes); err != nil {
		return diag.New(diag.Config, "the nodes did not join in time").WithHint("their logs are in %s", c.home.Path("log"))
	}
	go local.FollowJobs(beside, c.log, c.engine.Jobs.Jobs)
	// A node may have joined before its keeper has seen that it started.
	c.mu.Lock()
	for _, n := range c.nodes.Nodes() {
		for i := range c.info.Nodes {
			if p := &c.info.Nodes[i]; p.Name == n.Name && n.Alive {
				p.PID = n.PID
			}
		}
	}
	c.mu.Unlock()
	n, err := c.engine.Recover()
	if err != nil {
		return err
	}
	if n > 0 {
		c.log.Info("jobs go on", "jobs", n)
	}
	if err := c.serve(doors); err != nil {
		return err
	}
	return c.write()
}

// lastCheckpoints is how long jobs may take to write one when the cluster is stopped.
const lastCheckpoints = 10 * time.Second

// end stops the cluster. Without forget, after a start that failed, the cluster's file stays as
// it was: it is there when the watchdog is to try again.
func (c *coordinator) end(forget bool) error {
	var err error
	if forget {
		// The others see that the file is gone and do not bring each other back.
		err = c.forget()
	}
	c.stop()
	c.beside.Wait()
	for _, w := range c.wires {
		err = errors.Join(err, w.Close())
	}
	for _, s := range c.servers {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if s.Shutdown(ctx) != nil {
			_ = s.Close() // what a client still waits for is cut off
		}
		cancel()
	}
	if c.client != nil {
		if c.sql != nil {
			err = errors.Join(err, c.sql.Close())
		}
		ctx, cancel := context.WithTimeout(context.Background(), lastCheckpoints)
		c.engine.Suspend(ctx)
		cancel()
		err = errors.Join(err, c.client.Close())
	}
	if c.ledger != nil {
		err = errors.Join(err, c.ledger.Close())
	}
	if info, e := c.home.Info(); e == nil && info == nil {
		c.endOthers()
	}
	if c.nodes != nil {
		if info, e := c.home.Info(); e == nil && info == nil {
			c.nodes.Dismiss()
		}
		c.nodes.Close()
	}
	cluster.Sweep(c.home.Path("run"))
	return err
}

// forget removes the cluster's file, and not while rewrite has seen it and is about to write it
// anew.
func (c *coordinator) forget() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.home.Forget()
}

// endOthers ends the nodes and the watchdog.
func (c *coordinator) endOthers() {
	for _, name := range leftOf(c.home) {
		signalled(c.home, name, syscall.SIGTERM)
	}
	if !await(context.Background(), 3*time.Second, func() bool { return len(leftOf(c.home)) == 0 }) {
		for _, name := range leftOf(c.home) {
			c.log.Warn("killed", "process", name)
			kill(c.home, name)
		}
	}
}

// makeEngine makes the engine that runs the jobs.
func (c *coordinator) makeEngine() error {
	_ = os.RemoveAll(c.home.Path("run", "spill")) // of processes that were killed
	cfg, spill, err := c.config(embed{
		nodes: c.options.Nodes, slots: c.options.Slots, checkpointDir: c.home.Path("checkpoints"), home: c.home, confine: c.options,
		log: func(text string) { c.log.Info(text) },
	})
	if err != nil {
		return err
	}
	if c.ledger, err = ledger.Open(c.home.Path("store", "ledger")); err != nil {
		return err
	}
	cfg.Cluster = c.nodes
	cfg.Tasks = func(n flow.TaskNote) { local.LogTask(c.log, n) }
	tapes := int64(tapesBytes)
	if share := c.options.Share(); share > 0 {
		tapes = min(tapes, share/8)
	}
	cfg.Tapes = &engine.Tapes{Bytes: tapes, KeptBytes: keptTapeBytes, Build: version, Failed: c.failedTape}
	cfg.Defaults = map[string]string{checkpointInterval: checkpointEvery}
	cfg.Durable = &engine.Durable{Ledger: c.ledger, CatalogDir: c.home.Path("store", "catalog"), Lost: func(err error) {
		c.log.Error("another coordinator has taken over", "error", err.Error())
		os.Exit(exitFailed) // what it does from here on would be wrong
	}}
	c.engine, c.client, err = c.made(cfg, embed{}, spill)
	return err
}

// tapesBytes is what the tapes of all jobs take in memory, keptTapeBytes what one may while
// somebody records it.
const (
	tapesBytes    = 256 << 20
	keptTapeBytes = 1 << 30
)

// failedTape keeps the tape of a job that failed.
func (c *coordinator) failedTape(id, name string, to *trace.Folder) {
	file, err := c.keepRing(to, filepath.ToSlash(c.home.Path("tapes")), id)
	if err != nil {
		c.log.Error("the tape of a job cannot be written", "job", id, "error", err.Error())
		return
	}
	c.log.Info("the tape of a job that failed was kept", "job", id, "name", name, "tape", file)
}

// confined is the disk of a cluster: the directory it was started in, those of --data-dir,
// and its own, which statements must not look into.
func confined(home local.Home, o *local.Options, denied []string) env.Disk {
	return env.Confined(env.Roots{Dir: o.Project, Allowed: append([]string{o.Project, string(home)}, append(o.Shared, o.DataDirs...)...), Denied: denied,
		Who: "this cluster", Help: "mink up --data-dir allows another directory"})
}

// keepNode starts a node and brings it back when it dies.
func (c *coordinator) keepNode(beside context.Context, n int) {
	name := nodePrefix + strconv.Itoa(n)
	p := local.Program{
		Name: name, Log: c.home.Path("log", name+".out"),
		Args: []string{"node", "--join", "--dir", string(c.home), "--name", name, "--slots", strconv.Itoa(c.options.Slots)},
	}
	c.mu.Lock()
	c.info.Nodes = append(c.info.Nodes, local.Process{Name: name, State: running, Slots: c.options.Slots})
	c.mu.Unlock()
	go c.home.Keep(beside, p, c.log, func(pid int) {
		c.mu.Lock()
		c.info.Nodes[n-1].PID = pid
		c.mu.Unlock()
		if err := c.rewrite(); err != nil {
			c.log.Error("cannot tell clients of a node", "error", err.Error())
		}
	})
}

// lost ends the process of a node that is given up on: one that was stopped would wake some
// time and believe itself alive.
func (c *coordinator) lost(n cluster.Node, why error) {
	c.log.Warn("node lost", "node", n.Name, "pid", n.PID, "why", why.Error())
	if c.home.Holder(n.Name) == n.PID {
		_ = syscall.Kill(n.PID, syscall.SIGKILL) // it may have ended by now
	}
}

// keepWatchdog starts the watchdog and brings it back. It is looked after by looking: to
// wait for each other's locks would be a deadlock, and the system says so.
func (c *coordinator) keepWatchdog(beside context.Context) {
	var b local.Backoff
	p := local.Program{Name: local.Watchdog, Args: []string{"watchdog", "--dir", string(c.home)}, Log: c.home.Path("log", "watchdog.out")}
	known := 0
	for began := time.Now(); beside.Err() == nil; {
		pid := c.home.Holder(local.Watchdog)
		if pid == 0 {
			select {
			case <-time.After(b.After(time.Since(began))):
			case <-beside.Done():
				return
			}
			began = time.Now()
			started, err := c.home.Start(p)
			if err != nil {
				c.log.Error("start failed", "process", p.Name, "error", err.Error())
			}
			await(beside, 10*time.Second, func() bool { pid = c.home.Holder(local.Watchdog); return pid != 0 })
			if pid == 0 && started != 0 {
				_ = syscall.Kill(started, syscall.SIGKILL) // the cluster ends before it was there
			}
		}
		if pid != 0 && pid != known && beside.Err() == nil {
			known = pid
			c.mu.Lock()
			c.info.Watchdog = &local.Process{Name: local.Watchdog, PID: pid, State: running}
			c.mu.Unlock()
			if err := c.rewrite(); err != nil {
				c.log.Error("cannot write the cluster's file", "error", err.Error())
			}
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-beside.Done():
		}
	}
}

// write makes the cluster known to clients.
func (c *coordinator) write() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.home.SetInfo(&c.info)
}

// rewrite tells clients of a change. A file that is gone stays so: the cluster stops, or has
// not begun.
func (c *coordinator) rewrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now, err := c.home.Info(); err != nil || now == nil || now.Coordinator.PID != os.Getpid() {
		return err
	}
	return c.home.SetInfo(&c.info)
}
