package harness

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/cassette"
	"github.com/minkstream/mink/testkit/cover"
)

// Options are what runs of many cases share. The zero value is enough for jobs without
// user functions in Go.
type Options struct {
	// Register adds Go functions to each engine.
	Register func(*engine.Engine) error
	// Plant breaks the runtime on purpose, to show that tests find it.
	Plant flow.Plant
	// Rewire changes the streaming plan of a statement before it runs, for the same end.
	Rewire func(*flow.Graph)
	// Connectors stand beside mink's own; their sources and sinks are replaced, too.
	Connectors []*connect.Connector
	// Providers are kinds of models.
	Providers []*connect.ModelProvider
	// Cassettes are what the outside answers; nil is the file of each case, to be read.
	Cassettes *cassette.Library
	// Outside has the disk that scripts read, and what starts processes; nil is the machine.
	Outside *env.Env
	// Zone is the time zone that 'default' stands for; nil is UTC.
	Zone *time.Location
	// Cover, unless nil, takes what runs reach of the jobs.
	Cover *cover.Profile
	// record keeps a tape of the one run; see Record.
	record *engine.Record
}

// shape is what a plan depends on beside the case.
type shape struct {
	parallelism int
	// exact: changes go out one by one, as they come about.
	exact bool
	batch bool
}

// World is a case planned for one shape: it can be run any number of times, one run at a
// time.
type World struct {
	shape   shape
	options *Options
	values  values
	engine  *engine.Engine
	session *engine.Session
	clock   *heldClock
	inlets  []*inlet
	sinks   []*outlet
	jobs    []*job
	advice  []plan.Advice
	// failed is why the scripts do not plan; a case may expect it.
	failed *Error
	run    *Run // at hand
	// planning is the job whose statement is being planned; restores are the numbers of
	// tasks with which the case goes on from a checkpoint.
	planning *job
	batches  map[*Row]*batch.Batch // of steps, by their first rows
	restores []int
	// texts are those of the scripts, in the order in which they lie behind each other for
	// coverage; see cover.go.
	texts []Source
	// calls is the cassette; nil in a world that only executes a tape again.
	calls    *cassette.Book
	cassette string
}

// job is a statement of the scripts that runs.
type job struct {
	world    *World
	prepared *engine.Prepared
	number   int
	source   diag.Source // the statement, and where it stands
	begin    int         // where in the text
	feeds    []*feed
	result   *outlet
	// at are the plans for other parallelism.
	at map[int]*engine.Prepared
}

// heldClock is the wall time that statements see.
type heldClock struct{ now int64 }

func (c *heldClock) Now() int64              { return c.now }
func (c *heldClock) Mono() int64             { return c.now * 1e6 }
func (c *heldClock) Sleep(time.Duration)     {}
func (c *heldClock) At(int64, func()) func() { return func() {} }

func (w *World) close() { w.engine.Close() }

// label is the worst of the jobs'.
func (w *World) label() plan.LabelKind {
	worst := plan.Deterministic
	for _, j := range w.jobs {
		worst = max(worst, j.prepared.Plan.Label())
	}
	return worst
}

// plan makes a world. An error is mink's or the host's; what is wrong with the scripts is
// in World.failed.
func newWorld(c *Case, o *Options, s shape) (*World, error) {
	w := &World{shape: s, options: o, clock: &heldClock{now: c.start().UnixMilli()}, batches: map[*Row]*batch.Batch{}}
	for _, step := range c.Steps {
		if r, ok := step.(*Restore); ok && r.Parallelism > 0 {
			w.restores = append(w.restores, r.Parallelism)
		}
	}
	if s.parallelism > 1 && !s.batch {
		w.restores = append(w.restores, other(s.parallelism))
	}
	w.failed = w.openBook(c)
	var err error
	if w.engine, err = engine.New(w.config()); err != nil {
		return nil, err
	}
	if o.Register != nil {
		if err := o.Register(w.engine); err != nil {
			return nil, err
		}
	}
	w.session = w.engine.NewSession()
	if err := w.settings(c); err != nil {
		return nil, err
	}
	for i := range c.Scripts {
		if w.failed != nil {
			break
		}
		if w.failed = w.script(&c.Scripts[i]); w.failed != nil {
			break
		}
	}
	w.values = values{zone: w.session.Zone(), day: c.start().In(time.UTC).Format("2006-01-02 ")}
	if w.failed == nil {
		w.failed = w.checkSettings()
	}
	return w, nil
}

// config is that of an engine in which the case is planned.
func (w *World) config() engine.Config {
	o := w.options
	host := env.OS("")
	if o.Outside != nil {
		host.Disk, host.Processes = o.Outside.Disk, o.Outside.Processes
	}
	outside := &env.Env{Clock: w.clock, Disk: env.NewOverlay(host.Disk), Seed: 1, Go: host.Go, Processes: host.Processes}
	var list []*connect.Connector
	for _, k := range append(append(atHome(), o.Connectors...), standIns(o.Connectors)...) {
		list = append(list, w.wrap(k))
	}
	var models []*connect.ModelProvider
	for _, p := range append(slices.Clone(o.Providers), standInProviders(o.Providers)...) {
		models = append(models, w.provider(p))
	}
	return engine.Config{
		Env: outside, Providers: models, Connectors: list, Formats: connectors.Formats(), Functions: scalar.All(), Runtimes: w.runtimes(connectors.Runtimes()), Zone: o.Zone,
		Record: o.record,
	}
}

func (w *World) settings(c *Case) error {
	own := map[string]string{}
	for k, v := range c.Settings {
		own[k] = v
	}
	if w.shape.parallelism > 0 {
		own["parallelism.default"] = fmt.Sprint(w.shape.parallelism)
	}
	if w.shape.exact {
		own["mink.exec.fold"] = "ROW"
	}
	if w.shape.batch {
		own["execution.runtime-mode"] = "BATCH"
	}
	for k, v := range own {
		if err := w.session.Set(k, v); err != nil {
			return err
		}
	}
	if w.options.record == nil {
		return nil
	}
	return w.options.record.To.Edit(func(m *trace.Manifest) { m.Settings = own })
}

// checkSettings refuses what a test cannot give one answer for.
func (w *World) checkSettings() *Error {
	if w.label() < plan.Unsafe {
		return nil
	}
	for _, j := range w.jobs {
		for _, n := range j.prepared.Plan.Nodes {
			for _, l := range n.Info().Labels {
				if l.Kind == plan.Unsafe {
					e := diag.New(diag.NonDeterministicUpdate, "%s: %s", n.Name(), l.Reason)
					e.Span = n.Info().Span
					return &Error{Source: j.source, Err: e.WithHint("no test can give one answer: give the update stream an upsert key, or leave the column out")}
				}
			}
		}
	}
	return nil
}

// script runs statements: what changes the session takes effect, what runs becomes a job.
func (w *World) script(s *Source) *Error {
	text := s.script()
	for _, it := range parse.Script(text) {
		src := diag.Source{Name: s.Name, Text: s.Text, Offset: s.From}
		if it.Err != nil {
			return &Error{Source: src, Err: diag.As(it.Err)}
		}
		if shows(it.Stmt) || w.overridden(it.Stmt) {
			continue
		}
		src.Offset += it.Span.Start
		begin := src.Offset
		if err := w.statement(w.laid(s, text[it.Span.Start:it.Span.End], &src), src, begin); err != nil {
			e := diag.As(err)
			if e == nil {
				e = diag.Wrap(diag.Internal, err, "the statement failed")
			}
			if e.Span.IsZero() && e.In == "" {
				c := *e
				c.Span = firstWord(text[it.Span.Start:it.Span.End]).Shift(begin - src.Offset)
				e = &c
			}
			return &Error{Source: src, Err: plainText(e)}
		}
	}
	return nil
}

// shows reports statements that only show something.
func shows(s ast.Statement) bool {
	switch s.(type) {
	case *ast.Explain, *ast.Show, *ast.Describe:
		return true
	}
	return false
}

// overridden reports a SET of what the run decides.
func (w *World) overridden(s ast.Statement) bool {
	set, ok := s.(*ast.Set)
	if !ok {
		return false
	}
	switch set.Key.Value {
	case "parallelism.default", "table.exec.resource.default-parallelism":
		return w.shape.parallelism > 0
	case "mink.exec.fold":
		return w.shape.exact
	case "execution.runtime-mode":
		return w.shape.batch
	}
	return false
}

func (w *World) statement(text string, src diag.Source, begin int) error {
	j := &job{world: w, number: len(w.jobs), source: src, begin: begin, at: map[int]*engine.Prepared{}, result: &outlet{world: w, job: len(w.jobs)}}
	w.planning = j
	p, err := w.session.Prepare(text, j.result)
	if err != nil || p == nil {
		return err
	}
	j.prepared = p
	w.rewire(p)
	w.advice = append(w.advice, p.Plan.Advice...)
	if len(p.Inserts) == 0 {
		root := p.Plan.Roots[0].(*plan.Collect)
		j.result.schema = root.In.Info().Schema
		w.sinks = append(w.sinks, j.result)
	}
	for _, n := range w.restores {
		if err := w.session.Set("parallelism.default", fmt.Sprint(n)); err != nil {
			return err
		}
		if j.at[n], err = w.session.PrepareAgain(p, j.result); err != nil {
			return err
		}
		j.at[n].Graph.Planned = n
		j.at[n].Config.Record = p.Config.Record // further attempts of the same job
		w.rewire(j.at[n])
	}
	w.jobs = append(w.jobs, j)
	if len(w.restores) > 0 {
		return w.session.Set("parallelism.default", fmt.Sprint(max(1, w.shape.parallelism)))
	}
	return nil
}

// rewire breaks a plan, where that is asked for. Batch plans stay as they are: they say
// what should have come out.
func (w *World) rewire(p *engine.Prepared) {
	if w.options.Rewire != nil && !w.shape.batch {
		w.options.Rewire(p.Graph)
	}
}

// wrap gives a connector's tables given rows and captured sinks. Options are checked as in
// production, and what kinds of changes a table has is asked of the connector itself.
func (w *World) wrap(c *connect.Connector) *connect.Connector {
	k := *c
	if c.Source != nil {
		k.Source = func(t *connect.Table) (connect.Source, error) {
			inner, err := c.Source(t)
			if err != nil {
				return nil, err
			}
			return w.feed(t, inner), nil
		}
		k.Starts = true
	}
	if c.Sink != nil {
		k.Sink = func(t *connect.Table) (connect.Sink, error) {
			inner, err := c.Sink(t)
			if err != nil {
				return nil, err
			}
			return w.outlet(t, inner), nil
		}
	}
	if c.Lookup != nil {
		k.Lookup = func(t *connect.Table) (connect.Lookup, error) {
			inner, err := c.Lookup(t)
			if err != nil {
				return nil, err
			}
			return w.lookup(t, inner, c.Options), nil
		}
	}
	if c.VectorSearch != nil {
		k.VectorSearch = func(t *connect.Table, q connect.VectorQuery) (connect.VectorSearch, error) {
			inner, err := c.VectorSearch(t, q)
			if err != nil {
				return nil, err
			}
			return w.search(t, q, inner, c.Options), nil
		}
	}
	return &k
}

// source finds the inlet that a test names.
func (w *World) source(p Place, name string) (*inlet, error) {
	var names []string
	for _, in := range w.inlets {
		if matches(in.path, name) {
			return in, nil
		}
		names = append(names, in.short())
	}
	slices.Sort(names)
	names = slices.Compact(names)
	e := p.Fail(diag.UnknownTable, "the job reads no table %q", name)
	switch s := diag.Suggest(name, names); {
	case s != "":
		return nil, e.Hint("did you mean %q", s)
	case len(names) == 0:
		return nil, e.Hint("it reads no table at all: name the script with @use, or write the query into the test")
	}
	return nil, e.Hint("it reads: %s", strings.Join(names, ", "))
}

// sink finds the outlet that a test names.
func (w *World) sink(p Place, name string) (*outlet, error) {
	var names []string
	for _, s := range w.sinks {
		if name == "" && (s.name == "" || len(w.sinks) == 1) || s.name != "" && matches(s.path, name) {
			return s, nil
		}
		if s.name != "" {
			names = append(names, path.Base(strings.ReplaceAll(s.name, ".", "/")))
		}
	}
	if name == "" {
		return nil, p.Fail(diag.UnknownTable, "the job has %d sinks and no query: say which one", len(names)).Hint("it writes to: %s", strings.Join(names, ", "))
	}
	e := p.Fail(diag.UnknownTable, "the job writes to no table %q", name)
	if s := diag.Suggest(name, names); s != "" {
		return nil, e.Hint("did you mean %q", s)
	}
	if len(names) == 0 {
		return nil, e.Hint("it writes to none: leave the name out for the result of its query")
	}
	return nil, e.Hint("it writes to: %s", strings.Join(names, ", "))
}

// matches tells whether a name, with or without catalog and database, is that of a path.
func matches(full []string, name string) bool {
	parts := strings.Split(strings.ReplaceAll(name, "`", ""), ".")
	return len(parts) <= len(full) && slices.Equal(full[len(full)-len(parts):], parts)
}

// pathOf splits `catalog`.`database`.`table`.
func pathOf(name string) []string {
	return strings.Split(strings.Trim(name, "`"), "`.`")
}
