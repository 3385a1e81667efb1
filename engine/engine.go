// Package engine is the front door: an Engine runs SQL statements on an embedded
// cluster.
//
//	e, err := engine.New(engine.Config{Connectors: connectors.All(), ...})
//	s := e.NewSession()
//	r, err := s.Execute(ctx, "SELECT 1")
//
// It knows nothing of connectors and functions but what it is given. Functions
// written in Go are registered before the first session opens; see Register. Front
// ends do not use it directly but through package gateway. Begin with Engine, then
// Session in session.go.
package engine

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/ledger"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/trace"
)

// Config is what an Engine is made of.
type Config struct {
	// Env is the outside; nil is the real one.
	Env        *env.Env
	Connectors []*connect.Connector
	Formats    []*connect.Format
	// Providers are the kinds of models that CREATE MODEL can name.
	Providers []*connect.ModelProvider
	// Functions are the scalar functions; user functions are added by Register.
	Functions []function.Func
	// Runtimes make the runtimes of user functions in other languages.
	Runtimes []func(*env.Env) function.Runtime
	// Nodes of the embedded cluster and slots each has; 0 means one node, and as
	// many slots as needed.
	Nodes, Slots int
	// Cluster reaches the node processes on which jobs run; nil runs them in this process.
	// Nodes and Slots are of no account then.
	Cluster flow.Far
	// Workers is the number of goroutines that run tasks; 0 is one a core. With one,
	// a batch goes all the way before the source that sent it is asked again.
	Workers int
	// CheckpointDir keeps checkpoints of jobs that do not say otherwise; "" keeps
	// them in memory.
	CheckpointDir string
	SpillDir      string
	// MemoryBytes is the default of 'state.memory'.
	MemoryBytes int64
	// StatePool bounds the state of all jobs in this process; may be nil.
	StatePool *state.Pool
	// ProcessBytes is the memory that the process is to stay within, 0 for none: where it is
	// small, batches and channels are too, unless a setting says otherwise.
	ProcessBytes int64
	// Zone is the time zone that 'default' stands for; nil is UTC.
	Zone *time.Location
	// Stdout and Stderr are where the print connector writes; nil discards.
	Stdout, Stderr io.Writer
	// Log takes notices about running jobs, and Tasks those of single tasks that run in this
	// process; may be nil. They must not block.
	Log   func(text string)
	Tasks func(n flow.TaskNote)
	// Record keeps a tape of what is run; nil keeps none. It is whole when CloseTape
	// returns nil.
	Record *Record
	// Tapes keeps a tape of each job apart; nil keeps none.
	Tapes *Tapes
	// Replay is a tape whose jobs are executed again instead of run: sessions are
	// given its statements, in order. Sinks write nothing; let Env.Disk keep what
	// statements write, such as an env.Overlay.
	Replay *trace.File
	// Playback says how its jobs are executed.
	Playback flow.Playback
	// Edit changes the graph of each job before it is started; see package fork.
	Edit func(p *plan.Physical, g *flow.Graph, zone *time.Location) error
	// Held, unless nil, gets the jobs of Replay, which are not executed then: to the
	// session each ends at once, without rows.
	Held func(h *job.Held)
	// Files is the disk of connectors, catalogs and what else statements name; nil is that
	// of Env. A cluster confines it.
	Files env.Disk
	// Stores puts object stores on top of a disk, as settings say (s3.endpoint and its kin);
	// nil: checkpoints are on disks.
	Stores func(below env.Disk, setting func(key string) string) env.Disk
	// Secrets gives what references in options stand for; nil: nothing does.
	Secrets *connect.Secrets
	// Defaults are settings that sessions begin with, and that RESET goes back to.
	Defaults map[string]string
	// Durable remembers jobs and catalogs; nil forgets them with the engine.
	Durable *Durable
}

// Engine runs statements. It may be used from several goroutines.
type Engine struct {
	// witness notes what statements see of the disk, for a tape; memory shows it again.
	witness *env.Witness
	memory  *env.Memory
	cfg     Config
	host    *catalog.Host
	store   *catalog.Store
	Jobs    *job.Manager
	// pipelines fill the materialized tables.
	pipelines pipelines
	rec       *recording
	tapes     tapes
	said      said
	// running are the jobs that the ledger has as such. stopping says that the engine is
	// about to close, and fenced that another one has taken over.
	// remembering are those whose end is to be written down, and written tells of each when
	// it is.
	recall           sync.Mutex
	remembering      sync.WaitGroup
	running          map[string]ledger.Job
	written          map[string]chan struct{}
	stopping, fenced bool
}

// warn is where warnings about running jobs go: to the log, or where there is none to
// Stderr.
func (c *Config) warn() func(text string) {
	if c.Log != nil || c.Stderr == nil {
		return c.Log
	}
	return func(text string) { fmt.Fprintln(c.Stderr, "warning: "+text) }
}

// New makes an engine. Its cluster starts with the first job.
func New(cfg Config) (*Engine, error) {
	if cfg.Env == nil {
		cfg.Env = env.OS("")
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	outside := *cfg.Env
	if cfg.Files != nil {
		outside.Disk = cfg.Files
	}
	var witness *env.Witness
	var memory *env.Memory
	switch {
	case cfg.Record != nil && !cfg.Record.Blind:
		witness = env.NewWitness(outside.Disk)
		outside.Disk = witness
	case cfg.Replay != nil:
		memory = env.NewMemory(outside.Disk)
		outside.Disk = memory
	}
	registry := function.NewRegistry(cfg.Functions)
	formats := map[string]*connect.Format{}
	for _, f := range cfg.Formats {
		formats[f.Name] = f
	}
	e := &Engine{
		cfg:     cfg,
		witness: witness,
		memory:  memory,
		store:   catalog.NewStore(),
		running: map[string]ledger.Job{},
		written: map[string]chan struct{}{},
		host: &catalog.Host{
			Connectors:    cfg.Connectors,
			Providers:     cfg.Providers,
			Deps:          connect.Deps{Env: &outside, Formats: formats, Stdout: cfg.Stdout, Stderr: cfg.Stderr, Secrets: cfg.Secrets},
			Functions:     registry,
			UserFunctions: map[string]*function.Func{},

			TableFunctions:   map[string]*function.TableFunc{},
			UserAggregates:   map[string]*function.AggregateFunc{},
			ProcessFunctions: map[string]*function.ProcessFunc{},
			Define:           bind.Define,
			Zone:             cfg.Zone,
		},
		Jobs: job.NewManager(cfg.Env, job.Options{
			Nodes: cfg.Nodes, Slots: cfg.Slots, Workers: cfg.Workers, CheckpointDir: cfg.CheckpointDir, Zone: cfg.Zone, Files: cfg.Files, Stores: cfg.Stores, Secrets: cfg.Secrets,
			SpillDir: cfg.SpillDir, MemoryBytes: cfg.MemoryBytes, StatePool: cfg.StatePool, ProcessBytes: cfg.ProcessBytes, Log: cfg.Log, Tasks: cfg.Tasks, Warn: cfg.warn(), Edit: cfg.Edit, Far: cfg.Cluster,
		}),
	}
	e.host.Describe = e.describe
	e.host.Connectors = append(slices.Clone(cfg.Connectors), SavepointConnector(e))
	e.host.PathTables = e.pathTables()
	if cfg.Durable != nil {
		if err := e.openDurable(); err != nil {
			return nil, err
		}
		e.Jobs.Ending, e.Jobs.Ended = e.ending, e.awaitWritten
	}
	if cfg.Record != nil {
		e.rec = &recording{Record: *cfg.Record}
	}
	for _, r := range cfg.Runtimes {
		e.host.Runtimes = append(e.host.Runtimes, r(cfg.Env))
	}
	return e, nil
}

// Register adds a scalar function written in Go. It can be called by its name, and
// CREATE FUNCTION can give it another. Call it before the first session opens.
func (e *Engine) Register(f *function.Func) error {
	if err := e.host.Functions.Register(f); err != nil {
		return err
	}
	e.host.UserFunctions[f.Name] = f
	return nil
}

// RegisterAs is Register with a function that CREATE FUNCTION names by an
// identifier of its own; it cannot be called before.
func (e *Engine) RegisterAs(identifier string, f *function.Func) error {
	if err := e.unused(identifier); err != nil {
		return err
	}
	e.host.UserFunctions[identifier] = f
	return nil
}

// RegisterTable adds a table function written in Go, for LATERAL TABLE(name(...)) and
// for CREATE FUNCTION. Call it before the first session opens.
func (e *Engine) RegisterTable(f *function.TableFunc) error {
	return e.RegisterTableAs(f.Name, f)
}

// RegisterTableAs is RegisterTable with a function that is named by an identifier of
// its own.
func (e *Engine) RegisterTableAs(identifier string, f *function.TableFunc) error {
	if err := e.unused(identifier); err != nil {
		return err
	}
	e.host.TableFunctions[identifier] = f
	return nil
}

// RegisterAggregate adds an aggregate function written in Go, which stands where
// built-in ones do, and for CREATE FUNCTION. Call it before the first session opens.
func (e *Engine) RegisterAggregate(f *function.AggregateFunc) error {
	return e.RegisterAggregateAs(f.Name, f)
}

// RegisterAggregateAs is RegisterAggregate with a function that is named by an
// identifier of its own.
func (e *Engine) RegisterAggregateAs(identifier string, f *function.AggregateFunc) error {
	if err := e.unused(identifier); err != nil {
		return err
	}
	e.host.UserAggregates[identifier] = f
	return nil
}

// RegisterProcess adds a process table function written in Go, for FROM
// name(TABLE t, ...) and for CREATE FUNCTION. Call it before the first session opens.
func (e *Engine) RegisterProcess(f *function.ProcessFunc) error {
	return e.RegisterProcessAs(f.Name, f)
}

// RegisterProcessAs is RegisterProcess with a function that is named by an identifier
// of its own.
func (e *Engine) RegisterProcessAs(identifier string, f *function.ProcessFunc) error {
	if err := f.Check(); err != nil {
		return err
	}
	if err := e.unused(identifier); err != nil {
		return err
	}
	e.host.ProcessFunctions[identifier] = f
	return nil
}

// unused fails when a function is registered by an identifier.
func (e *Engine) unused(identifier string) error {
	_, scalar := e.host.UserFunctions[identifier]
	_, table := e.host.TableFunctions[identifier]
	_, aggregate := e.host.UserAggregates[identifier]
	_, process := e.host.ProcessFunctions[identifier]
	if scalar || table || aggregate || process {
		return diag.New(diag.AlreadyExists, "a function is registered as %q already", identifier)
	}
	return nil
}

// CloseTape ends the tape of Config.Record, once the engine is closed. It returns what
// kept the tape from being whole.
func (e *Engine) CloseTape() error {
	if e.rec == nil {
		return diag.New(diag.Config, "the engine keeps no tape")
	}
	return e.rec.close()
}

// Close cancels what still runs and stops the cluster.
func (e *Engine) Close() {
	e.pipelines.close()
	e.Jobs.Close()
	e.remembering.Wait()
	e.pipelines.release()
	for _, r := range e.host.Runtimes {
		r.Close()
	}
}
