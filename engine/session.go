package engine

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/advise"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/optimize"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// Session keeps a current catalog and database, configuration and temporary
// objects between statements. One goroutine at a time.
type Session struct {
	engine *Engine
	cat    *catalog.Session
	// set collects the inserts of BEGIN STATEMENT SET; nil outside of one.
	set   []*bind.Insert
	setAt diag.Span
	// setTexts are the same as texts, "" for one that is not an INSERT.
	setTexts []string
	inSet    bool
	// jobs are those of the session, oldest first.
	jobs []*job.Job
	// place is where its jobs keep their checkpoints, if not where jobs do.
	place job.Place
	// aside: the session is no client's, and what it runs is on no tape.
	aside bool
	// given is the statement at hand, as a tape keeps it; replayed counts those of the
	// tape that is replayed.
	given    trace.Statement
	replayed int
	// again plans the statement at hand for another parallelism, where a tape is replayed.
	again job.Again
}

// NewSession opens a session in the default catalog and database.
func (e *Engine) NewSession() *Session {
	s := &Session{engine: e, cat: catalog.NewSession(e.store, e.host)}
	s.cat.SetSystem(s.system())
	for _, k := range slices.Sorted(maps.Keys(e.cfg.Defaults)) {
		if err := s.cat.Config.Base(k, e.cfg.Defaults[k]); err != nil && e.cfg.Log != nil {
			e.cfg.Log("the default of '" + k + "' is not taken: " + err.Error())
		}
	}
	return s
}

// Set sets a configuration key, as SET does.
func (s *Session) Set(key, value string) error {
	_, err := s.cat.Config.Set(key, value)
	if rec := s.engine.rec; err == nil && rec != nil && !s.aside {
		rec.setting(key, value)
	}
	return err
}

// Settings are the configuration keys that are set, with their values, in order of key.
func (s *Session) Settings() [][2]string { return s.cat.Config.All() }

// Zone is the session time zone.
func (s *Session) Zone() *time.Location { return s.cat.Config.Zone(s.engine.cfg.Zone) }

// Result is what a statement gave. Exactly one of Rows and Job is set, or neither
// for a statement that took effect without rows.
type Result struct {
	// Rows of SHOW, DESCRIBE, EXPLAIN.
	Rows   *batch.Batch
	Schema types.Schema
	// Job of a query (with a Collector) or of an INSERT.
	Job *job.Job
	// Streaming: the query's rows are changes. UpsertKey as in plan.Collect.
	Streaming bool
	// Updates: the query's rows are not inserts alone, also when not Streaming.
	Updates   bool
	UpsertKey []int
	Warnings  []*diag.Error
	Zone      *time.Location
	// Width is the most columns of a terminal that a cell takes.
	Width int
}

// Execute runs one statement. It returns once the statement took effect or its job
// runs.
func (s *Session) Execute(ctx context.Context, text string) (*Result, error) {
	defer s.engine.use()(false)
	end := s.begin(text)
	r, err := s.execute(ctx, text)
	end(err)
	return r, err
}

func (s *Session) execute(ctx context.Context, text string) (*Result, error) {
	bound, err := s.bind(text)
	if err != nil {
		return nil, err
	}
	if s.inSet {
		if r, done, err := s.collectSet(bound, text); done || err != nil {
			return r, err
		}
	}
	switch b := bound.(type) {
	case *bind.Action:
		return s.apply(b)
	case *bind.BeginSet:
		s.inSet, s.set, s.setTexts, s.setAt = true, []*bind.Insert{}, nil, b.At
		return &Result{}, nil
	case *bind.EndSet:
		if bound, err = s.endSet(b); err != nil {
			return nil, err
		}
		if bound == nil {
			return &Result{}, nil
		}
	case *bind.Explain:
		return s.explain(b, text)
	}
	if run := s.statement(bound, text); run != nil {
		return run(ctx)
	}
	return s.submit(ctx, bound, text)
}

// Check binds and plans a statement and returns what there is to say about it; what
// only changes the session takes effect, so that later statements can be checked, and
// no job runs.
func (s *Session) Check(text string) ([]*diag.Error, error) {
	defer s.engine.use()(false)
	s.begin(text)
	bound, err := s.bind(text)
	if err != nil {
		return nil, err
	}
	if s.inSet {
		if _, done, err := s.collectSet(bound, text); done || err != nil {
			return nil, err
		}
	}
	switch b := bound.(type) {
	case *bind.Action:
		_, err := b.Apply()
		if err != nil || b.Warning == nil {
			return nil, err
		}
		return []*diag.Error{b.Warning}, nil
	case *bind.BeginSet:
		s.inSet, s.set, s.setTexts, s.setAt = true, []*bind.Insert{}, nil, b.At
		return nil, nil
	case *bind.EndSet:
		if bound, err = s.endSet(b); bound == nil {
			return nil, err
		}
	case *bind.Explain:
		bound = b.Of
	}
	if s.statement(bound, text) != nil {
		return nil, nil
	}
	p, err := s.plan(bound, text)
	if err != nil {
		return nil, err
	}
	out, _, err := create(bound)
	for _, a := range p.Advice {
		out = append(out, a.Error)
	}
	return out, err
}

// Aside is a session like this one in which statements can be checked one after another:
// what they make, change and drop is seen by those that follow and by nobody else.
func (s *Session) Aside() *Session {
	return &Session{
		engine: s.engine, cat: s.cat.Aside(), set: slices.Clone(s.set), setAt: s.setAt, setTexts: slices.Clone(s.setTexts), inSet: s.inSet, place: s.place, aside: true,
	}
}

// Describe binds a statement and returns the columns of the rows that it would give if it is
// a query, and whether they would be changes; nil for other statements. Nothing runs.
func (s *Session) Describe(text string) (schema types.Schema, changes bool, err error) {
	defer s.engine.use()(false)
	s.begin(text)
	bound, err := s.bind(text)
	if err != nil {
		return nil, false, err
	}
	q, ok := bound.(*bind.Query)
	if !ok {
		return nil, false, nil
	}
	return q.Root.Schema(), !s.cat.Config.Batch(), nil
}

// Build plans an INSERT or a closed statement set and makes what a host runs of it,
// without running it: for hosts other than the engine's cluster, such as the
// simulation.
func (s *Session) Build(text string) (*flow.Graph, flow.Config, error) {
	b, err := s.Prepare(text, nil)
	if err != nil {
		return nil, flow.Config{}, err
	}
	return b.Graph, b.Config, nil
}

// Prepared is a job that is ready to run.
type Prepared struct {
	Graph  *flow.Graph
	Config flow.Config
	// Plan has its advice. Late takes the late rows; nil when none are kept.
	Plan *plan.Physical
	Late *job.LateLog
	// Inserts are the statements of a set, or the one; empty for a query.
	Inserts []*bind.Insert

	bound bind.Bound
	text  string
}

// Prepare is Build that tells what was planned. A statement may be a query, too: collect
// takes its rows. INSERTs within a statement set are collected and give nil, as do
// statements that only change the session, which take effect.
//
// An engine that keeps a tape notes the statement and gives the job a number on it
// (Config.Record): whoever runs the job calls its CloseTape before that of the engine.
func (s *Session) Prepare(text string, collect connect.Sink) (*Prepared, error) {
	defer s.engine.use()(false)
	end := s.begin(text)
	p, err := s.prepare(text, collect)
	if rec := s.engine.rec; err == nil && p != nil && rec != nil {
		if p.Config.Record, err = rec.job(p.Plan); err == nil {
			s.given.Jobs = append(s.given.Jobs, p.Config.Record.Number)
		}
	}
	end(err)
	return p, err
}

func (s *Session) prepare(text string, collect connect.Sink) (*Prepared, error) {
	bound, err := s.bind(text)
	if err != nil {
		return nil, err
	}
	if s.inSet {
		if _, done, err := s.collectSet(bound, text); done || err != nil {
			return nil, err
		}
	}
	out := &Prepared{}
	switch b := bound.(type) {
	case *bind.Action:
		_, err := s.apply(b)
		return nil, err
	case *bind.BeginSet:
		s.inSet, s.set, s.setTexts, s.setAt = true, []*bind.Insert{}, nil, b.At
		return nil, nil
	case *bind.EndSet:
		if bound, err = s.endSet(b); bound == nil {
			return nil, err
		}
	case *bind.Explain:
		return nil, nil
	}
	switch b := bound.(type) {
	case *bind.Insert:
		out.Inserts = []*bind.Insert{b}
	case *bind.Inserts:
		out.Inserts = b.List
	}
	if s.statement(bound, text) != nil {
		return nil, diag.At(diag.Span{End: len(text)}, diag.Unsupported, "a host of one job cannot run this statement, which is not supported yet")
	}
	if out.Plan, err = s.plan(bound, text); err != nil {
		return nil, err
	}
	if _, _, err := create(bound); err != nil {
		return nil, err
	}
	out.bound, out.text = bound, text
	return out, s.graph(out, collect)
}

// PrepareAgain plans a prepared statement with the settings that the session has now.
func (s *Session) PrepareAgain(p *Prepared, collect connect.Sink) (*Prepared, error) {
	defer s.engine.use()(false)
	out := &Prepared{Inserts: p.Inserts, bound: p.bound, text: p.text}
	var err error
	if out.Plan, err = s.plan(p.bound, p.text); err != nil {
		return nil, err
	}
	return out, s.graph(out, collect)
}

// planFor is a job.Again of a statement.
func (s *Session) planFor(parallelism int, bound bind.Bound, text string, build func(*plan.Physical) error) error {
	const key = "parallelism.default"
	was := s.cat.Config.Get(key)
	if _, err := s.cat.Config.Set(key, strconv.Itoa(parallelism)); err != nil {
		return err
	}
	defer s.cat.Config.Set(key, was) //nolint:errcheck // it was the value before
	p, err := s.plan(bound, text)
	if err != nil {
		return err
	}
	return build(p)
}

func (s *Session) graph(p *Prepared, collect connect.Sink) error {
	var err error
	p.Graph, p.Config, err = job.Build(p.Plan, s.cat.Config, s.Zone(), collect)
	p.Late, _ = p.Config.Late.(*job.LateLog)
	return err
}

func (s *Session) bind(text string) (bind.Bound, error) {
	stmt, err := parse.Statement(text)
	if err != nil {
		return nil, err
	}
	return bind.New(s.cat, text).Statement(stmt)
}

// collectSet takes the statements between BEGIN STATEMENT SET and END.
func (s *Session) collectSet(bound bind.Bound, text string) (*Result, bool, error) {
	switch b := bound.(type) {
	case *bind.Insert:
		s.set = append(s.set, b)
		texts := s.insertTexts(b, text)
		if len(texts) != 1 {
			texts = []string{""}
		}
		s.setTexts = append(s.setTexts, texts[0])
		return &Result{}, true, nil
	case *bind.EndSet:
		return nil, false, nil
	case *bind.Explain:
		return nil, false, nil
	}
	return nil, true, diag.At(diag.Span{End: len(text)}, diag.InvalidArgument, "only INSERT and CREATE TABLE AS are allowed in a statement set").
		WithHint("close the set with END first")
}

// endSet closes a statement set and returns its inserts, nil for an empty one.
func (s *Session) endSet(b *bind.EndSet) (bind.Bound, error) {
	if !s.inSet {
		return nil, diag.At(b.At, diag.Syntax, "END without BEGIN STATEMENT SET").
			WithHint("BEGIN STATEMENT SET; opens a set, INSERTs follow, END; runs them as one job")
	}
	s.inSet = false
	if len(s.set) == 0 {
		return nil, nil
	}
	return &bind.Inserts{List: s.set}, nil
}

// Finish reports a statement set that was not closed.
func (s *Session) Finish() error {
	if s.inSet {
		return diag.New(diag.Syntax, "the statement set is not closed").WithHint("END; is missing")
	}
	return nil
}

func (s *Session) apply(a *bind.Action) (*Result, error) {
	rows, err := a.Apply()
	if err != nil {
		return nil, err
	}
	if sweeps(a) {
		s.sweep(context.Background())
	}
	r := &Result{Zone: s.Zone()}
	if a.Warning != nil {
		r.Warnings = append(r.Warnings, a.Warning)
	}
	if rows != nil && a.Shows {
		r.Schema, r.Rows = rows.Schema, rowsBatch(rows)
	}
	return r, nil
}

func (s *Session) explain(e *bind.Explain, sql string) (*Result, error) {
	p, err := optimize.Plan(e.Of, s.cat)
	if err != nil {
		return nil, err
	}
	if err := s.advise(p, e.Of, sql); err != nil {
		return nil, err
	}
	text := plan.Explain(p, e.Details...)
	rows := &bind.Rows{
		Schema: types.Schema{{Name: "result", Type: types.StringT.Nullable(false)}},
		Data:   [][]any{{strings.TrimRight(text, "\n")}},
	}
	return &Result{Schema: rows.Schema, Rows: rowsBatch(rows), Zone: s.Zone()}, nil
}

// plan plans a statement and looks at the plan. Advice that the session denies is an
// error.
func (s *Session) plan(bound bind.Bound, text string) (*plan.Physical, error) {
	p, err := optimize.Plan(bound, s.cat)
	if err != nil {
		return nil, err
	}
	if err := s.advise(p, bound, text); err != nil {
		return nil, err
	}
	for _, a := range p.Advice {
		if a.Denied {
			e := *a.Error
			e.Notes = append(e.Notes[:len(e.Notes):len(e.Notes)], diag.Note{Msg: "'mink.advice' = '" + s.cat.Config.Get("mink.advice") + "' denies it"})
			return nil, &e
		}
	}
	return p, nil
}

// advise notes in a plan what there is to say about it.
func (s *Session) advise(p *plan.Physical, bound bind.Bound, text string) error {
	st := advise.Statement{Bound: bound, Plan: p, Session: s.cat, Late: s.lateness}
	if tree, err := parse.Statement(text); err == nil {
		st.Tree = tree
	}
	var err error
	if p.Advice, err = advise.Run(st); err != nil {
		return err
	}
	_, closesSet := st.Tree.(*ast.EndStatementSet)
	for i := range p.Advice {
		a := &p.Advice[i]
		if closesSet {
			// Places lie in the statements before.
			e := *a.Error
			e.Span, e.Notes = diag.Span{}, nil
			a.Error = &e
		}
		a.Text = diag.Render(diag.Source{Text: text}, a.Error)
	}
	return nil
}

// submit plans a query or inserts and starts the job.
func (s *Session) submit(ctx context.Context, bound bind.Bound, text string) (*Result, error) {
	p, err := s.plan(bound, text)
	if err != nil {
		return nil, err
	}
	name := s.cat.Config.Get("pipeline.name")
	if name == "" {
		name = jobName(bound)
	}
	parcel, script := s.parcel(p, bound, text), s.scriptText(p, bound, text) // before it changes what it was planned of
	warnings, undo, err := create(bound)
	if err != nil {
		return nil, err
	}
	if s.engine.cfg.Replay != nil {
		s.again = func(parallelism int, build func(*plan.Physical) error) error {
			return s.planFor(parallelism, bound, text, build)
		}
	}
	j, err := s.launch(p, name, bound, text, parcel, script)
	s.again = nil
	if err != nil {
		return nil, undo(err)
	}
	s.jobs = append(s.jobs, j)
	r := &Result{Job: j, Zone: s.Zone(), Width: s.cat.Config.Int("table.display.max-column-width"), Streaming: !p.Batch, Warnings: warnings}
	for _, a := range p.Advice {
		if a.Warns {
			r.Warnings = append(r.Warnings, a.Error)
		}
	}
	if c, ok := p.Roots[0].(*plan.Collect); ok {
		r.Schema, r.UpsertKey = c.In.Info().Schema, nil
		r.Updates = !c.In.Info().AppendOnly()
	} else if s.cat.Config.Bool("table.dml-sync") {
		if err := j.Wait(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// launch starts the job of a plan, and has it remembered where jobs are.
func (s *Session) launch(p *plan.Physical, name string, bound bind.Bound, text string, parcel, script []byte) (*job.Job, error) {
	if !s.durable() {
		at := s.place
		at.Parcel, at.Script = parcel, s.engine.scripted(p, script)
		return s.start(p, name, s.cat.Config, s.Zone(), at)
	}
	k, err := s.keep(p, s.insertTexts(bound, text))
	if err != nil {
		return nil, err
	}
	return s.startKept(k, name, s.cat.Config, s.Zone(), parcel)
}

// jobName is what Flink calls a job that has no name.
func jobName(b bind.Bound) string {
	switch b := b.(type) {
	case *bind.Insert:
		return "insert-into_" + strings.ReplaceAll(b.Table.Path.String(), "`", "")
	case *bind.Inserts:
		var names []string
		for _, i := range b.List {
			names = append(names, strings.ReplaceAll(i.Table.Path.String(), "`", ""))
		}
		return "insert-into_" + strings.Join(names, ",")
	}
	return "collect"
}

// Condition binds a condition on the rows of a schema; see bind.Condition.
func (s *Session) Condition(text string, schema types.Schema) (expr.Node, error) {
	return bind.Condition(s.cat, text, schema)
}

// Expression binds an expression over the rows of a schema.
func (s *Session) Expression(text string, schema types.Schema) (expr.Node, error) {
	return bind.Expression(s.cat, text, schema)
}
