package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
)

// materialize runs a statement about a materialized table. Statements about one table,
// whichever session they are of, and its scheduled refreshes run one after another.
func (s *Session) materialize(ctx context.Context, b *bind.Materialize) (*Result, error) {
	p := s.engine.pipelines.of(s.engine, b.Path)
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	defer p.leave()
	r := &Result{Zone: s.Zone()}
	err := s.materializeIn(ctx, p, b, r)
	if err != nil {
		return nil, notOf(err, b.At)
	}
	return r, nil
}

func (s *Session) materializeIn(ctx context.Context, p *pipeline, b *bind.Materialize, r *Result) error {
	if b.Op == bind.MatDrop {
		return s.dropMaterialized(ctx, p)
	}
	now, err := s.cat.Table(b.Path)
	if err != nil {
		return err
	}
	// The statement was bound before it had its turn.
	if changed(b.Old, now) {
		return diag.New(diag.Conflict, "table %s was changed by another statement meanwhile", b.Path).
			WithHint("look at what it is now and run the statement again")
	}
	switch b.Op {
	case bind.MatCreate:
		return s.createMaterialized(ctx, p, b.Table, now)
	case bind.MatAlter:
		return s.alterMaterialized(ctx, p, b.Table, now)
	case bind.MatSuspend:
		return s.suspend(ctx, p, now)
	case bind.MatResume:
		return s.resume(ctx, p, now, b.Options, r)
	}
	j, err := p.refresh(s.cat.Config.All(), now, b.Partition, "one_time", nil)
	if err != nil {
		return err
	}
	s.jobs = append(s.jobs, j)
	r.Job = j
	return nil
}

// changed reports that a definition is not what it was.
func changed(old, now *catalog.Table) bool {
	if old == nil || now == nil {
		return old != now
	}
	return old.DDL() != now.DDL()
}

// dropMaterialized stops what fills the table before the table goes.
func (s *Session) dropMaterialized(ctx context.Context, p *pipeline) error {
	p.stopFilling(ctx)
	if err := s.cat.Drop(catalog.Tables, p.path, "materialized table", false, false); err != nil {
		return err
	}
	p.removeFolders(s.cat)
	return nil
}

// createMaterialized puts a new table into the catalog, or in the place of a table that
// was an ordinary one, and begins to fill it. What cannot be filled leaves nothing
// behind.
func (s *Session) createMaterialized(ctx context.Context, p *pipeline, t, old *catalog.Table) error {
	if t.Materialized.Mode == "FULL" {
		t.Materialized.Refresh.Settings = s.cat.Config.All()
	}
	t.Materialized.Refresh.Status = catalog.Initializing
	var err error
	if old == nil {
		err = s.cat.Create(t, false, false)
	} else {
		t.Held = old.Held
		err = s.cat.Replace(t, false)
	}
	if err != nil {
		return err
	}
	err = s.activate(ctx, p, begin{})
	if err == nil {
		return nil
	}
	p.stopFilling(ctx)
	if old == nil {
		return errorsJoin(err, s.cat.Drop(catalog.Tables, t.Path, "materialized table", false, true))
	}
	return errorsJoin(err, s.putBack(old))
}

// putBack makes an old definition the newest one.
func (s *Session) putBack(old *catalog.Table) error {
	now, err := s.cat.Table(old.Path)
	if err != nil {
		return err
	}
	back := *old
	if now != nil {
		back.Held = now.Held
	}
	return s.cat.Replace(&back, false)
}

func errorsJoin(err, other error) error {
	if other != nil {
		return diag.Wrap(diag.CodeOf(err), err, "what was before could not be put back (%s)", other)
	}
	return err
}

// note changes what the catalog knows of the refresh of a table.
func (s *Session) note(path catalog.Path, change func(r *catalog.Refresh)) error {
	t, err := s.cat.Table(path)
	if err != nil {
		return err
	}
	if t == nil || t.Materialized == nil {
		return diag.New(diag.Conflict, "materialized table %s was dropped meanwhile", path)
	}
	c, m := *t, *t.Materialized
	change(&m.Refresh)
	c.Materialized = &m
	return s.cat.Replace(&c, false)
}

// activate begins to fill a table and notes so.
func (s *Session) activate(ctx context.Context, p *pipeline, from begin) error {
	t, err := s.cat.Table(p.path)
	if err != nil {
		return err
	}
	if t.Materialized.Mode == "FULL" {
		if err := p.check(t.Materialized.Refresh.Settings, t); err != nil {
			return err
		}
		if err := s.note(p.path, func(r *catalog.Refresh) { r.Status = catalog.Activated }); err != nil {
			return err
		}
		p.arm(t.Materialized.Freshness.Duration())
		return nil
	}
	run, err := p.startJob(ctx, s, t, from)
	if err != nil {
		return err
	}
	before := t.Materialized.Refresh.Folder
	if err := s.note(p.path, func(r *catalog.Refresh) { *r = run }); err != nil {
		p.stopFilling(ctx)
		return err
	}
	if before != run.Folder && !strings.HasPrefix(run.Savepoint, before+"/") {
		p.removeFolder(s.cat, before)
	}
	return nil
}

// suspend stops what fills the table: a streaming job with a savepoint to go on from.
func (s *Session) suspend(ctx context.Context, p *pipeline, t *catalog.Table) error {
	m := t.Materialized
	switch m.Refresh.Status {
	case catalog.Suspended:
		return diag.New(diag.InvalidQuery, "materialized table %s is suspended already", p.path)
	case catalog.Initializing:
		return diag.New(diag.InvalidQuery, "materialized table %s is not filled yet: whoever created it has not got that far", p.path).
			WithHint("ALTER MATERIALIZED TABLE ... RESUME begins to fill it")
	}
	savepoint := ""
	if m.Mode == "CONTINUOUS" {
		var err error
		if savepoint, err = s.saveJob(ctx, p, m); err != nil {
			return err
		}
	}
	p.disarm()
	p.release()
	p.options = nil
	return s.note(p.path, func(r *catalog.Refresh) {
		r.Status, r.Savepoint, r.Folder, r.SourcesOnly = catalog.Suspended, savepoint, "", false
	})
}

func (s *Session) savepointDir() string {
	return s.cat.Config.Get("execution.checkpointing.savepoint-dir")
}

// saveJob stops the streaming job with a savepoint.
func (s *Session) saveJob(ctx context.Context, p *pipeline, m *catalog.Materialized) (string, error) {
	if p.job == nil {
		return "", diag.New(diag.InvalidQuery, "job %s, which fills materialized table %s, is not of this process", m.Refresh.Job, p.path).
			WithHint("ALTER MATERIALIZED TABLE ... RESUME goes on from its last checkpoint, if it is gone")
	}
	dir := s.savepointDir()
	if dir == "" {
		return "", diag.New(diag.Config, "the job of %s is stopped with a savepoint, which needs a directory", p.path).
			WithHint("SET 'execution.checkpointing.savepoint-dir' = '/where/savepoints/are'")
	}
	for {
		st := p.job.State()
		if st.Ended() {
			return "", diag.New(diag.InvalidQuery, "job %s, which filled materialized table %s, is %s: there is nothing to suspend", p.job.ID(), p.path, st).
				WithHint("ALTER MATERIALIZED TABLE ... RESUME starts another one")
		}
		if st == flow.Running {
			// A job that stops is waited for: where its savepoint is must not be lost.
			path, err := s.engine.Jobs.Stop(context.WithoutCancel(ctx), p.job.ID(), dir, false)
			if diag.CodeOf(err) != diag.JobFailed {
				return path, err
			}
		}
		// It is about to run, or to end.
		if err := ctx.Err(); err != nil {
			return "", err
		}
		s.engine.cfg.Env.Clock.Sleep(time.Millisecond)
	}
}

// resume begins to fill the table again, with options that are forgotten when it is
// suspended. A table whose job has ended, or has gone with its process, goes on too.
func (s *Session) resume(ctx context.Context, p *pipeline, t *catalog.Table, options map[string]string, r *Result) error {
	m := t.Materialized
	from := begin{since: m.Refresh.Since, savepoint: m.Refresh.Savepoint, sourcesOnly: m.Refresh.SourcesOnly}
	if m.Refresh.Status != catalog.Suspended {
		if what := p.running(); what != "" {
			return diag.New(diag.InvalidQuery, "materialized table %s is not suspended: %s fills it", p.path, what)
		}
		from = p.lost(m)
		if m.Mode == "CONTINUOUS" && from.folder == "" && m.Refresh.Job != "" {
			r.Warnings = append(r.Warnings, diag.New(diag.Checkpoint, "the job before kept its checkpoints in memory: what it wrote to %s is written again", p.path).
				WithHint("'execution.checkpointing.dir' keeps them"))
		}
	}
	p.options = options
	err := s.activate(ctx, p, from)
	if err != nil {
		p.options = nil
		p.stopFilling(ctx)
	}
	return err
}

// alterMaterialized changes a definition. A streaming job begins anew with it, from
// where the table's START_MODE says.
func (s *Session) alterMaterialized(ctx context.Context, p *pipeline, t, old *catalog.Table) error {
	m := *t.Materialized
	m.Refresh = old.Materialized.Refresh
	now := *t
	now.Held, now.Materialized = old.Held, &m
	settings := s.cat.Config.All()
	if m.Mode == "FULL" {
		settings = m.Refresh.Settings
	}
	if err := p.check(settings, &now); err != nil {
		return err
	}
	if m.Mode == "FULL" {
		if err := s.cat.Replace(&now, false); err != nil {
			return err
		}
		if p.armed() {
			p.arm(m.Freshness.Duration())
		}
		return nil
	}
	active := m.Refresh.Status != catalog.Suspended
	if active && p.running() == "" {
		if err := p.hold(ctx); err != nil {
			return err
		}
	}
	// back is how to go on with the old definition.
	var back begin
	var err error
	switch {
	case !active:
		back = begin{savepoint: m.Refresh.Savepoint, since: m.Refresh.Since, sourcesOnly: m.Refresh.SourcesOnly}
	case p.running() != "" && (m.Start.Resumes() || s.savepointDir() != ""):
		back.since = m.Refresh.Since
		if back.savepoint, err = s.saveJob(ctx, p, &m); err != nil && p.running() != "" {
			return err
		}
	}
	if active && back.savepoint == "" {
		p.stopFilling(ctx)
		back = p.lost(&m)
	}
	var from begin
	if m.Start.Resumes() {
		from = begin{savepoint: back.savepoint, since: back.since, sourcesOnly: true}
		if newest := p.newestIn(s.cat, back.folder); newest != "" {
			from.savepoint = newest
		}
		if from.savepoint == "" {
			from = begin{}
		}
	}
	if !active {
		m.Refresh.Savepoint, m.Refresh.Since, m.Refresh.SourcesOnly = from.savepoint, from.since, from.sourcesOnly
		return s.cat.Replace(&now, false)
	}
	if err := s.cat.Replace(&now, false); err != nil {
		return errorsJoin(err, s.activate(ctx, p, back))
	}
	if err := s.activate(ctx, p, from); err != nil {
		undo := s.putBack(old)
		if undo == nil {
			undo = s.activate(ctx, p, back)
		}
		return errorsJoin(err, undo)
	}
	return nil
}

// sweep stops what fills tables that are not in their catalog any more: their database
// or catalog was dropped.
func (s *Session) sweep(ctx context.Context) {
	for _, p := range s.engine.pipelines.all() {
		if s.engine.store.HasCatalog(p.path.Catalog) {
			c, err := s.engine.store.Catalog(p.path.Catalog)
			if err != nil {
				continue
			}
			if o, err := c.Get(catalog.Tables, p.path); err != nil || o != nil {
				continue
			}
		}
		if p.enter(ctx) != nil {
			return
		}
		p.stopFilling(ctx)
		p.leave()
	}
}

// sweeps reports an action that may take tables away with what they were in.
func sweeps(a *bind.Action) bool {
	return slices.Contains([]string{"DROP DATABASE", "DROP CATALOG"}, strings.ToUpper(a.Name))
}
