package sqltest

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// OpenOn makes an engine on an environment, with a connector beside its own; a
// simulated run closes it.
type OpenOn func(t *testing.T, e *env.Env, extra *connect.Connector) *engine.Engine

// job splits the section's script before its last statement, where a simulated host
// can run it: nothing before starts a job, and the last one is a query or writes into
// the sink.
func (s *Section) job() (before []string, last string, query, ok bool) {
	if s.Form > Ordered || strings.Contains(strings.Join(s.Setup, "")+s.SQL, "${dir}") {
		return nil, "", false, false
	}
	var list []string
	var stmt ast.Statement
	for _, sql := range append(slices.Clone(s.Setup), s.SQL) {
		for _, it := range parse.Script(sql) {
			if it.Err != nil || stmt != nil && runs(stmt) {
				return nil, "", false, false
			}
			stmt = it.Stmt
			list = append(list, sql[it.Span.Start:it.Span.End])
		}
	}
	_, query = stmt.(*ast.QueryStatement)
	if !runs(stmt) || query != (s.Sink == nil) {
		return nil, "", false, false
	}
	return list[:len(list)-1], list[len(list)-1], query, true
}

// runs tells whether a statement starts a job or belongs to one.
func runs(stmt ast.Statement) bool {
	switch n := stmt.(type) {
	case *ast.CreateTable:
		return n.Query != nil
	case *ast.CreateView, *ast.Set, *ast.Reset, *ast.UseCatalog, *ast.UseDatabase, *ast.CreateDatabase, *ast.CreateCatalog:
		return false
	}
	return true
}

// simulated is a run on the simulated host.
type simulated struct {
	section *Section
	seed    uint64
	// schema are the columns of a query, from a run before.
	schema types.Schema
	open   OpenOn
	plant  flow.Plant // a bug of the runtime, to show that runs find it

	// What is set here is not drawn: the parallelism of each attempt, of which the last goes
	// on, rows of a batch, faults, and settings beside those of the section.
	shapes []int
	rows   int
	faults []flow.SimFault
	config map[string]string

	marks             []int          // steps after which a checkpoint was complete
	left              []flow.OpState // what operators kept at last, if keep asks for it
	keep              bool
	steps, safe       int // all steps; the step after which there was a checkpoint
	attempts          int
	restored, crashed bool
	hash              uint64 // of all that happened
}

// run runs the section under a schedule drawn from the seed: undisturbed, which says
// when a checkpoint is there to go back to, and again with a node or the coordinator
// lost after it. It returns the outcomes of both.
func (r *simulated) run(t *testing.T) (calm, hit *outcome) {
	t.Helper()
	calm = r.once(t, 0)
	if calm.err != nil {
		return calm, calm
	}
	share := int(r.seed * 37 % 100)
	for ; ; share /= 2 {
		at := max(1, r.safe+(r.steps-r.safe)*share/100)
		steps, safe := r.steps, r.safe
		hit = r.once(t, at)
		r.crashed = r.attempts > 1
		if share == 0 || r.crashed || hit.err != nil {
			return calm, hit
		}
		r.steps, r.safe = steps, safe
	}
}

func (r *simulated) once(t *testing.T, fault int) *outcome {
	t.Helper()
	s := r.section
	rng := rand.New(rand.NewPCG(r.seed, uint64(s.Line)))
	single := slices.Contains(s.Only, "single")
	parallelism := func() int {
		if single {
			return 1
		}
		return 1 + rng.IntN(3)
	}
	asked := 0
	drawn := parallelism
	if len(r.shapes) > 0 {
		drawn = func() int {
			asked++
			return r.shapes[min(asked, len(r.shapes))-1]
		}
	}
	p := drawn()
	o := flow.SimOptions{
		Seed: rng.Uint64(), Nodes: 1 + rng.IntN(min(3, p)), Policy: flow.SimPolicy(rng.IntN(int(flow.PickPoliciesEnd))),
		Delay: time.Millisecond, Disk: time.Millisecond, MaxSteps: 1 << 20, Plant: r.plant,
	}
	kind := []flow.SimFaultKind{flow.FaultNode, flow.FaultCoordinator}[rng.IntN(2)]
	rows := 1 + rng.IntN(3)
	if fault > 0 {
		o.Faults = []flow.SimFault{{Step: fault, Kind: kind, Node: rng.IntN(o.Nodes), Until: 20 * time.Millisecond}}
	}
	if r.rows > 0 {
		rows = r.rows
	}
	if r.faults != nil {
		o.Faults = slices.Clone(r.faults)
	}
	sim := flow.NewSim(o)
	kept := &keeper{}
	e := r.open(t, sim.Env, kept.connector())
	defer e.Close()
	session := e.NewSession()
	v := variant{rows: rows, parallelism: p}
	config := v.settings()
	for _, kv := range s.Settings {
		key, value, _ := strings.Cut(kv, "=")
		config[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	// A run is to survive its crash, whatever the section sets.
	config["restart-strategy.type"] = "fixed-delay"
	config["restart-strategy.fixed-delay.attempts"] = "20"
	config["restart-strategy.fixed-delay.delay"] = "1 ms"
	config["execution.checkpointing.interval"] = "1 ms"
	config["execution.checkpointing.dir"] = "/ckpt"
	maps.Copy(config, r.config)
	for k, value := range config {
		if err := session.Set(k, value); err != nil {
			t.Fatal(err)
		}
	}
	execute := func(sql string) error {
		_, err := session.Execute(context.Background(), sql)
		return err
	}
	for _, g := range s.Given {
		name := "/given/" + g.Name + ".json"
		writeFile(t, sim.Disk, name, g.text())
		if err := execute(g.table(name)); err != nil {
			t.Fatal(err)
		}
	}
	before, last, query, _ := s.job()
	if query {
		last = "INSERT INTO `default_catalog`.`default_database`.sqltest_kept " + last
		if err := execute("CREATE TEMPORARY TABLE sqltest_kept (" + columnsOf(r.schema) + ") WITH ('connector' = 'kept', 'sink.parallelism' = '1')"); err != nil {
			return &outcome{err: err}
		}
	} else if err := execute(s.Sink.createSink("/out")); err != nil {
		return &outcome{err: err}
	}
	for _, sql := range before {
		if err := execute(sql); err != nil {
			return &outcome{err: err}
		}
	}
	shape := func(p int) (*flow.Graph, flow.Config, error) {
		if err := session.Set("parallelism.default", fmt.Sprint(p)); err != nil {
			return nil, flow.Config{}, err
		}
		return session.Build(last)
	}
	g, cfg, err := shape(p)
	if err != nil {
		return &outcome{err: err}
	}
	cfg.JobID, cfg.Name = "j", "section"
	job, err := sim.Submit(g, cfg)
	if err != nil {
		return &outcome{err: err}
	}
	first := true
	sim.Reshape = func() *flow.Graph {
		if first {
			first = false
			return g
		}
		again, _, err := shape(drawn())
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Vertices) != len(g.Vertices) {
			return g // at parallelism 1 operators stand in one vertex that others part
		}
		return again
	}
	r.safe, r.marks, r.left = 0, nil, nil
	newest := int64(0)
	err = sim.Run(func() error {
		if n, known := sim.Newest(); known && n != newest {
			if n < newest {
				return fmt.Errorf("checkpoint %d was complete, and the job went on from %d", newest, n)
			}
			newest, r.marks = n, append(r.marks, sim.Steps())
		}
		if r.keep {
			if left := sim.State(); slices.ContainsFunc(left, func(o flow.OpState) bool { return len(o.Structures) > 0 }) {
				r.left = left
			}
		}
		if r.safe == 0 && job.Status().Checkpoints.Completed > 0 {
			r.safe = sim.Steps()
		}
		return nil
	})
	if err == nil {
		err = job.Err()
	}
	r.steps, r.hash = sim.Steps(), sim.Hash()
	st := job.Status()
	r.attempts, r.restored = int(st.Attempt), st.Checkpoints.Restored > 0
	if err != nil {
		return &outcome{err: err}
	}
	if query {
		return kept.outcome()
	}
	out, err := s.Sink.writtenOn(sim.Disk, "/out")
	if err != nil {
		return &outcome{err: err}
	}
	out.streaming = true
	return out
}

func writeFile(t *testing.T, d env.Disk, name, text string) {
	t.Helper()
	if err := d.MkdirAll(path.Dir(name)); err != nil {
		t.Fatal(err)
	}
	f, err := d.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	// It is there whatever becomes of the machine.
	_, err = f.Write([]byte(text))
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = d.SyncDir(path.Dir(name))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readFiles reads the files of a directory in name order; hidden ones are not
// committed.
func readFiles(d env.Disk, dir string) ([]byte, error) {
	list, err := d.List(dir)
	if err != nil {
		if _, missing := d.Stat(dir); missing != nil {
			return nil, nil
		}
		return nil, err
	}
	var out []byte
	for _, e := range list {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") {
			continue
		}
		data, err := readFile(d, path.Join(dir, e.Name()), e)
		if err != nil {
			return nil, err
		}
		out = append(out, data...)
	}
	return out, nil
}

func readFile(d env.Disk, name string, e fs.DirEntry) ([]byte, error) {
	info, err := e.Info()
	if err != nil {
		return nil, err
	}
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, info.Size())
	n, err := f.ReadAt(data, 0)
	if n < len(data) && err != nil {
		return nil, err
	}
	return data[:n], nil
}

// columnsOf declares columns c0, c1, ... of a query's types, all of them nullable.
func columnsOf(s types.Schema) string {
	var out []string
	for i, f := range s {
		out = append(out, fmt.Sprintf("c%d %s", i, f.Type.Plain().Nullable(true)))
	}
	return strings.Join(out, ", ")
}

// keeper is a connector whose sink keeps the changes it gets, exactly once: what came
// after the last checkpoint goes with its attempt.
type keeper struct {
	mu      sync.Mutex
	attempt int64
	writer  *keptWriter
}

func (k *keeper) connector() *connect.Connector {
	return &connect.Connector{
		Name: "kept", Summary: "Keeps changes for a test.",
		Sink: func(t *connect.Table) (connect.Sink, error) { return &keptSink{k, t.Schema, t.Zone}, nil },
	}
}

// outcome are the changes of the newest attempt.
func (k *keeper) outcome() *outcome {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := &outcome{streaming: true}
	if k.writer != nil {
		out.rows = k.writer.rows
	}
	return out
}

type keptSink struct {
	k      *keeper
	schema types.Schema
	zone   *time.Location
}

// Changes asks for rows that go in full, so that the changes add up without a key.
func (s *keptSink) Changes(query connect.Changes) connect.Changes {
	if query&connect.HasUpdateAfter != 0 {
		query |= connect.HasUpdateBefore
	}
	return query
}

func (s *keptSink) Grade() string { return "exactly-once" }

func (s *keptSink) Open(w connect.WriterCtx) (connect.Writer, error) {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	out := &keptWriter{k: s.k, schema: s.schema, zone: s.zone}
	if s.k.writer == nil || w.Attempt >= s.k.attempt {
		s.k.attempt, s.k.writer = w.Attempt, out
	}
	return out, nil
}

func (s *keptSink) Committer(connect.WriterCtx) (connect.Committer, error) { return nil, nil }

type keptWriter struct {
	k      *keeper
	schema types.Schema
	zone   *time.Location
	rows   []row
}

func (w *keptWriter) Write(b *batch.Batch) error {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	for i := range b.Rows() {
		w.rows = append(w.rows, rowOf(b, b.Lane(i), w.schema, w.zone))
	}
	return nil
}

func (w *keptWriter) Watermark(int64) error          { return nil }
func (w *keptWriter) Timer(int64) error              { return nil }
func (w *keptWriter) Prepare(string) ([]byte, error) { return nil, nil }
func (w *keptWriter) Close() error                   { return nil }

// State is a line a change: the kind, then cells parted by tabs, which rowOf never
// leaves in a cell.
func (w *keptWriter) State() []byte {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	var out []byte
	for _, r := range w.rows {
		out = append(out, r.kind.String()...)
		for _, c := range r.cells {
			out = append(append(out, '\t'), c...)
		}
		out = append(out, '\n')
	}
	return out
}

func (w *keptWriter) Restore(states [][]byte) error {
	w.k.mu.Lock()
	defer w.k.mu.Unlock()
	for _, s := range states {
		for line := range strings.Lines(string(s)) {
			cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			r := row{cells: cells[1:]}
			k := slices.IndexFunc(opKinds, func(k batch.Kind) bool { return k.String() == cells[0] })
			if k < 0 {
				return diag.New(diag.Checkpoint, "the state of a keeping sink is damaged")
			}
			r.kind = opKinds[k]
			w.rows = append(w.rows, r)
		}
	}
	return nil
}
