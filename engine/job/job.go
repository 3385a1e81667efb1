// Package job is the life of jobs: from a plan to a running graph, its settings,
// its rows on their way to a client, and what is known of it afterwards.
//
// A Manager owns an embedded cluster and remembers every job it submitted. Begin
// with Manager, then settings.go for the configuration keys, then collect.go.
package job

import (
	"context"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/build"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/trace"
)

// Manager submits jobs and knows them. It may be used from several goroutines.
type Manager struct {
	env     *env.Env
	options Options
	mu      sync.Mutex
	cluster *flow.Cluster
	closed  bool
	jobs    []*Job
	byID    map[string]*Job
	traces  exporters
	// Ending, unless nil, is told of a job before it is cancelled; its error keeps that
	// from happening. Set it before use.
	Ending func(id string) error
	// Ended, unless nil, returns when all is done that follows a job's end, before whoever
	// has ended it hears of it. Set it before use.
	Ended func(id string)
}

// Options say what the jobs of a Manager share.
type Options struct {
	Nodes, Slots int
	// Workers of the cluster; 0 is one a core.
	Workers int
	// CheckpointDir keeps the checkpoints of each job in a folder of its own; ""
	// keeps them in memory unless the session says where.
	CheckpointDir string
	// Zone is the host's time zone.
	Zone *time.Location
	// SpillDir is where state goes that does not fit in memory.
	SpillDir string
	// MemoryBytes is the default of state.memory; 0 has no bound.
	MemoryBytes int64
	// StatePool and ProcessBytes as in engine.Config.
	StatePool    *state.Pool
	ProcessBytes int64
	// Log takes notices about jobs, and Tasks those of single tasks; may be nil.
	Log   func(text string)
	Tasks func(n flow.TaskNote)
	// Warn takes what whoever started a job should hear; nil is Log.
	Warn func(text string)
	// Far reaches node processes, on which jobs run that have a parcel; may be nil.
	Far flow.Far
	// Edit changes the graph of a job before it is started; may be nil.
	Edit func(p *plan.Physical, g *flow.Graph, zone *time.Location) error
	// Files is the disk of folders that users name; nil is that of the environment.
	Files env.Disk
	// Secrets gives what references in settings stand for; nil: nothing does.
	Secrets *connect.Secrets
	// Stores puts object stores on top of a disk, as settings say; may be nil.
	Stores func(below env.Disk, setting func(key string) string) env.Disk
}

// small is how many rows a batch has, and how many batches a channel, in a process of so much
// memory; 0 is as usual. A hundred channels of 4 batches of 4,096 rows of 100 bytes are 160 MB.
func small(bytes int64) (rows, credits int) {
	switch {
	case bytes <= 0 || bytes >= 512<<20:
		return 0, 0
	case bytes >= 256<<20:
		return 0, 2
	}
	return 1024, 2
}

// NewManager makes a manager; its cluster starts with the first job.
func NewManager(e *env.Env, o Options) *Manager {
	return &Manager{env: e, options: o, byID: map[string]*Job{}}
}

// Job is a submitted job.
type Job struct {
	*flow.Job
	Name  string
	Nodes int
	// Collector has the rows of a query; nil for jobs that write to tables.
	Collector *Collector
	Plan      *plan.Physical
	Graph     *flow.Graph
	// Config is how it runs, Settings what its session had set when it was submitted.
	Config   flow.Config
	Settings map[string]string
	// Late has the rows that came too late; nil when none are kept.
	Late *LateLog
}

// Build makes what a host runs of a plan and the settings of a session. collect
// takes the rows of a query; nil for plans that write to tables.
func Build(p *plan.Physical, s *catalog.Config, zone *time.Location, collect connect.Sink) (*flow.Graph, flow.Config, error) {
	cfg, err := flowConfig(s)
	if err != nil {
		return nil, cfg, err
	}
	if rewrites(p) {
		cfg.CheckpointInterval = 0
	}
	if log := newLateLog(p, s.Int("mink.late.rows-max")); log != nil {
		cfg.Late = log
	}
	g, err := build.Graph(p, build.Config{
		Parallelism: parallelism(s), MaxParallelism: max(0, s.Int("pipeline.max-parallelism")), Zone: zone, Collect: collect,
	})
	return g, cfg, err
}

// rewrites reports a plan that replaces rows at its end: a checkpoint before is of no
// use, since such a job begins anew when it fails.
func rewrites(p *plan.Physical) bool {
	return slices.ContainsFunc(p.Roots, func(n plan.Node) bool {
		s, ok := n.(*plan.Sink)
		return ok && s.Rewrite
	})
}

// Place is where a job keeps its checkpoints, and what it takes of those it restores.
// The zero value leaves that to the settings.
type Place struct {
	// Folder is the job's own; its id follows from it, unless it has one.
	Folder string
	ID     string
	// SourcesOnly and Committed are those of flow.Config.
	SourcesOnly, Committed bool
	// Parcel, GoesOn and Script are those of flow.Config.
	Parcel []byte
	GoesOn bool
	Script func() []byte
}

// Submit builds and starts a plan with the settings of a session. rec says whether a
// tape is kept.
func (m *Manager) Submit(p *plan.Physical, name string, s *catalog.Config, zone *time.Location, at Place, rec flow.Record) (*Job, error) {
	j, cfg, err := m.build(p, name, s, zone)
	if err != nil {
		return nil, err
	}
	tell, err := m.observer(s)
	if err != nil {
		return nil, err
	}
	cfg.Record = rec
	if rewrites(p) {
		cfg.Record.Embed = true // it reads what it replaces
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, diag.New(diag.Cancelled, "the engine is stopping")
	}
	number := len(m.jobs) + 1
	if cfg.SpillDir == "" {
		cfg.SpillDir = m.options.SpillDir
	}
	switch {
	case j.Collector != nil:
		// The client's rows are gone with the client: who runs the query again wants
		// all of them, so its checkpoints serve restarts only.
		cfg.Dir = ""
	case cfg.Dir == "":
		cfg.Dir = m.options.CheckpointDir
	}
	cfg.SourcesOnly, cfg.Committed, cfg.Parcel, cfg.GoesOn, cfg.Script = at.SourcesOnly, at.Committed, at.Parcel, at.GoesOn, at.Script
	switch {
	case at.Folder != "" || at.ID != "":
		if cfg.Dir, cfg.JobID = at.Folder, at.ID; cfg.JobID == "" {
			cfg.JobID = idOf(at.Folder)
		}
	case cfg.Dir != "":
		// The folder, and with it the id, is the same when the script is run again.
		cfg.Dir = env.Join(filepath.ToSlash(cfg.Dir), fmt.Sprintf("job-%d", number))
		cfg.JobID = idOf(cfg.Dir)
	}
	if m.options.Stores == nil {
		for _, name := range []string{cfg.Dir, cfg.Restore} {
			if err := noStore(name); err != nil {
				return nil, err // at once: a job that runs would try again and again
			}
		}
	}
	if m.cluster == nil {
		m.cluster = flow.NewCluster(m.env, flow.ClusterOptions{Nodes: max(1, m.options.Nodes), Slots: m.options.Slots, Workers: m.options.Workers, Log: m.options.Log, Tasks: m.options.Tasks, Far: m.options.Far})
	}
	j.Nodes = len(m.cluster.Nodes())
	if tell != nil {
		cfg.Observe = tell
	}
	j.Config = cfg
	if j.Job, err = m.cluster.Submit(j.Graph, cfg); err != nil {
		return nil, err
	}
	m.add(j)
	return j, nil
}

// Replay executes job num of a tape again; the plan and the settings are those that it
// was submitted with.
func (m *Manager) Replay(p *plan.Physical, name string, s *catalog.Config, zone *time.Location, f *trace.File, num int, how flow.Playback, again Again) (*Job, error) {
	j, cfg, err := m.build(p, name, s, zone)
	if err != nil {
		return nil, err
	}
	t, err := flow.ReadTape(f, num, m.env, j.Graph, cfg, j.graphs(s, zone, again))
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	j.Nodes = 1
	j.Job = flow.StartReplay(m.env, t, how)
	m.add(j)
	return j, nil
}

// Held is a job of a tape that is not run: whoever holds it executes the tape itself,
// as often and as far as it likes.
type Held struct {
	// Number is that of the job on the tape.
	Number int
	Name   string
	Plan   *plan.Physical
	Tape   *flow.Tape
	Zone   *time.Location
}

// Hold makes job num of a tape without running it. The job that is returned has ended.
func (m *Manager) Hold(p *plan.Physical, name string, s *catalog.Config, zone *time.Location, f *trace.File, num int, again Again) (*Job, *Held, error) {
	j, cfg, err := m.build(p, name, s, zone)
	if err != nil {
		return nil, nil, err
	}
	t, err := flow.ReadTape(f, num, m.env, j.Graph, cfg, j.graphs(s, zone, again))
	if err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	j.Nodes, j.Job = 1, flow.HeldReplay(t)
	m.add(j)
	return j, &Held{Number: num, Name: name, Plan: p, Tape: t, Zone: zone}, nil
}

// Again plans a job once more with another parallelism.default and gives the plan to build,
// while that is set.
type Again func(parallelism int, build func(*plan.Physical) error) error

// graphs makes further graphs of a job, which show their rows where its own does.
func (j *Job) graphs(s *catalog.Config, zone *time.Location, again Again) func(int) (*flow.Graph, error) {
	if again == nil {
		return nil
	}
	return func(parallelism int) (g *flow.Graph, err error) {
		err = again(parallelism, func(p *plan.Physical) error {
			var collect connect.Sink
			if j.Collector != nil {
				collect = j.Collector
			}
			if g, _, err = Build(p, s, zone, collect); err == nil {
				g.Planned = parallelism
			}
			return err
		})
		return g, err
	}
}

// build makes the graph of a job and the collector of a query.
func (m *Manager) build(p *plan.Physical, name string, s *catalog.Config, zone *time.Location) (*Job, flow.Config, error) {
	j := &Job{Name: name, Plan: p, Settings: map[string]string{}}
	for _, kv := range s.All() {
		j.Settings[kv[0]] = kv[1]
	}
	var collect connect.Sink
	if len(p.Roots) == 1 {
		if _, ok := p.Roots[0].(*plan.Collect); ok {
			j.Collector = NewCollector()
			collect = j.Collector
		}
	}
	var cfg flow.Config
	var err error
	if j.Graph, cfg, err = Build(p, s, zone, collect); err != nil {
		return nil, cfg, err
	}
	if m.options.Edit != nil {
		if err := m.options.Edit(p, j.Graph, zone); err != nil {
			return nil, cfg, err
		}
	}
	j.Graph.Disk = Stores(m.options.Stores, s)
	cfg.Name, cfg.Files = name, m.options.Files
	j.Late, _ = cfg.Late.(*LateLog)
	if cfg.StateMemory == 0 {
		cfg.StateMemory = m.options.MemoryBytes
	}
	cfg.StatePool = m.options.StatePool
	if cfg.BatchRows == 0 {
		cfg.BatchRows, cfg.Credits = small(m.options.ProcessBytes)
	}
	return j, cfg, nil
}

// add remembers a job that was started.
func (m *Manager) add(j *Job) {
	m.jobs = append(m.jobs, j)
	m.byID[j.ID()] = j
	if j.Collector != nil {
		m.env.Go("collect "+j.ID(), func() {
			<-j.Done()
			j.Collector.End(j.Err())
		})
	}
}

// idOf makes a job id of 32 hex digits from the folder of its checkpoints.
func idOf(dir string) string {
	if abs, err := filepath.Abs(filepath.FromSlash(dir)); err == nil && !env.Remote(dir) {
		dir = abs
	}
	h := fnv.New128a()
	h.Write([]byte(dir))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// Job finds a job by its id.
func (m *Manager) Job(id string) (*Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if j := m.byID[id]; j != nil {
		return j, nil
	}
	return nil, diag.New(diag.NotFound, "no job %q", id)
}

// Jobs lists all jobs, oldest first.
func (m *Manager) Jobs() []*Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*Job(nil), m.jobs...)
}

// Cancel cancels a job and waits until it has ended.
func (m *Manager) Cancel(ctx context.Context, id string) error {
	j, err := m.Job(id)
	if err != nil {
		return err
	}
	if m.Ending != nil && !j.State().Ended() {
		if err := m.Ending(id); err != nil {
			return err
		}
	}
	j.Cancel()
	if j.Collector != nil {
		j.Collector.Close()
	}
	select {
	case <-j.Done():
		if m.Ended != nil {
			m.Ended(id)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close cancels what still runs and stops the cluster.
func (m *Manager) Close() {
	m.mu.Lock()
	m.closed = true
	jobs, cluster := m.jobs, m.cluster
	m.mu.Unlock()
	for _, j := range jobs {
		if j.Collector != nil {
			j.Collector.Close()
		}
	}
	if cluster != nil {
		cluster.Close()
	}
	m.traces.close()
}
