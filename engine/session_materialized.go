package engine

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/job"
)

// pipelines are what fills the materialized tables of an engine. They live as long as
// the engine does.
type pipelines struct {
	mu   sync.Mutex
	list map[catalog.Path]*pipeline
}

// close ends all schedules.
func (p *pipelines) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.list {
		l.epoch++
		if l.stop != nil {
			l.stop()
		}
	}
	p.list = nil
}

// pipeline fills one table: a streaming job, or a batch job at each time of a schedule.
// The lock of pipelines guards it against its own schedule.
type pipeline struct {
	e     *Engine
	path  catalog.Path
	table *catalog.Table
	// settings are those of the session that created the table.
	settings [][2]string
	// options are dynamic ones of RESUME WITH.
	options   map[string]string
	suspended bool
	job       *job.Job
	// savepoint is where a suspended job goes on from.
	savepoint string
	// stop ends the schedule; epoch tells a later one apart.
	stop  func()
	epoch int
}

func (p *pipelines) get(t *catalog.Table) *pipeline {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list[t.Path]
}

func (p *pipelines) put(path catalog.Path, l *pipeline) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.list == nil {
		p.list = map[catalog.Path]*pipeline{}
	}
	if l == nil {
		delete(p.list, path)
	} else {
		p.list[path] = l
	}
}

// materialize runs a statement about a materialized table.
func (s *Session) materialize(ctx context.Context, b *bind.Materialize) (*Result, error) {
	ok := &Result{Zone: s.Zone()}
	l := s.engine.pipelines.get(b.Table)
	if b.Op != bind.MatCreate && l == nil {
		return nil, diag.At(b.At, diag.Internal, "nothing fills %s", b.Table.Path)
	}
	at := func(err error) (*Result, error) {
		if err != nil {
			return nil, notOf(err, b.At)
		}
		return ok, nil
	}
	switch b.Op {
	case bind.MatCreate:
		return at(s.createPipeline(ctx, b.Table))
	case bind.MatDrop:
		l.cancel(ctx)
		s.engine.pipelines.put(b.Table.Path, nil)
		return at(s.cat.Drop(catalog.Tables, b.Table.Path, "materialized table", false, false))
	case bind.MatSuspend:
		return at(l.suspend(ctx, s.cat.Config.Get("execution.checkpointing.savepoint-dir")))
	case bind.MatResume:
		return at(l.resume(ctx, b.Options))
	case bind.MatRefresh:
		j, err := l.refresh(b.Partition)
		if err != nil {
			return nil, notOf(err, b.At)
		}
		s.jobs = append(s.jobs, j)
		ok.Job = j
		return ok, nil
	}
	// Another query, or other options: a running job begins anew.
	if err := s.cat.Replace(b.Table, false); err != nil {
		return nil, notOf(err, b.At)
	}
	old := l.become(b.Table)
	l.savepoint = ""
	if l.suspended || b.Table.Materialized.Mode == "FULL" {
		return ok, nil
	}
	l.cancel(ctx)
	if err := l.start(); err != nil {
		l.become(old)
		back := s.cat.Replace(old, false)
		if back == nil {
			back = l.start()
		}
		return nil, notOf(errorsJoin(err, back), b.At)
	}
	return ok, nil
}

func errorsJoin(err, other error) error {
	if other != nil {
		return diag.Wrap(diag.CodeOf(err), err, "the old query could not be put back (%s)", other)
	}
	return err
}

func (s *Session) createPipeline(ctx context.Context, t *catalog.Table) error {
	l := &pipeline{e: s.engine, path: t.Path, table: t, settings: s.cat.Config.All()}
	if err := s.cat.Create(t, false, false); err != nil {
		return err
	}
	s.engine.pipelines.put(t.Path, l)
	if err := l.start(); err != nil {
		l.cancel(ctx)
		s.engine.pipelines.put(t.Path, nil)
		if e := s.cat.Drop(catalog.Tables, t.Path, "materialized table", false, true); e != nil {
			return errorsJoin(err, e)
		}
		return err
	}
	return nil
}

// become gives the pipeline another definition of its table and returns the old one.
func (l *pipeline) become(t *catalog.Table) *catalog.Table {
	l.e.pipelines.mu.Lock()
	defer l.e.pipelines.mu.Unlock()
	old := l.table
	l.table = t
	return old
}

// now is the table with its dynamic options.
func (l *pipeline) now() (*catalog.Table, map[string]string) {
	l.e.pipelines.mu.Lock()
	defer l.e.pipelines.mu.Unlock()
	return l.table, l.options
}

// set changes whether the pipeline is suspended and its dynamic options.
func (l *pipeline) set(suspended bool, options map[string]string) {
	l.e.pipelines.mu.Lock()
	defer l.e.pipelines.mu.Unlock()
	l.suspended, l.options = suspended, options
}

// session is one to run a statement of the pipeline in.
func (l *pipeline) session(over ...[2]string) (*Session, error) {
	s := &Session{engine: l.e, cat: catalog.NewSession(l.e.store, l.e.host)}
	for _, kv := range append(slices.Clone(l.settings), over...) {
		if kv[1] == "" {
			s.cat.Config.Reset(kv[0])
			continue
		}
		if _, err := s.cat.Config.Set(kv[0], kv[1]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// insert is the statement that fills the table.
func (l *pipeline) insert(word, where string) string {
	t, options := l.now()
	sql := "INSERT " + word + " " + t.Path.String()
	if len(options) > 0 {
		var list []string
		for _, k := range slices.Sorted(maps.Keys(options)) {
			list = append(list, catalog.Text(k)+" = "+catalog.Text(options[k]))
		}
		sql += " /*+ OPTIONS(" + strings.Join(list, ", ") + ") */"
	}
	m := t.Materialized
	return sql + " (" + catalog.QuoteAll(m.Columns) + ") SELECT * FROM (" + m.Query + "\n) AS `$m`" + where
}

// start begins the streaming job, or the schedule.
func (l *pipeline) start() error {
	m := l.table.Materialized
	if m.Mode == "FULL" {
		// What cannot run is found now, not at the first time of the schedule.
		s, err := l.session([2]string{"execution.runtime-mode", "BATCH"})
		if err != nil {
			return err
		}
		if _, err := s.Check(l.insert("OVERWRITE", "")); err != nil {
			return err
		}
		l.e.pipelines.mu.Lock()
		l.schedule()
		l.e.pipelines.mu.Unlock()
		return nil
	}
	over := [][2]string{{"execution.runtime-mode", "STREAMING"}, {"execution.checkpointing.interval", strconv.FormatInt(m.Freshness.Milliseconds(), 10) + " ms"},
		{"pipeline.name", "Materialized_table_" + strings.ReplaceAll(l.path.String(), "`", "") + "_continuous_refresh_job"},
		{"table.dml-sync", "false"}, {"execution.state-recovery.path", l.savepoint}}
	s, err := l.session(over...)
	if err != nil {
		return err
	}
	sql := l.insert("INTO", "")
	b, err := s.bind(sql)
	if err != nil {
		return err
	}
	r, err := s.submit(context.Background(), b, sql)
	if err != nil {
		return err
	}
	l.job = r.Job
	return nil
}

// schedule arms the next refresh: times are whole multiples of the freshness since
// midnight. It is called with the lock held.
func (l *pipeline) schedule() {
	e, every := l.e.cfg.Env, l.table.Materialized.Freshness.Milliseconds()
	l.epoch++
	epoch := l.epoch
	now := e.Clock.Now()
	next := (now/every + 1) * every
	l.stop = e.Clock.At(e.Clock.Mono()+(next-now)*int64(time.Millisecond), func() {
		e.Go("refresh of "+l.path.String(), func() { l.tick(epoch, next) })
	})
}

// tick refreshes at a time of the schedule, and arms the next one.
func (l *pipeline) tick(epoch int, at int64) {
	l.e.pipelines.mu.Lock()
	gone := l.suspended || l.epoch != epoch || l.e.pipelines.list[l.path] != l
	if !gone {
		l.schedule()
	}
	l.e.pipelines.mu.Unlock()
	if gone {
		return
	}
	if _, err := l.refresh(l.scheduled(at)); err != nil && l.e.cfg.Log != nil {
		l.e.cfg.Log("refresh of " + l.path.String() + ": " + err.Error())
	}
}

// refresh runs the query once, as a batch that replaces the table's rows, or those of
// a partition.
func (l *pipeline) refresh(partition [][2]string) (*job.Job, error) {
	s, err := l.session([2]string{"execution.runtime-mode", "BATCH"}, [2]string{"execution.checkpointing.interval", ""}, [2]string{"execution.state-recovery.path", ""}, [2]string{"table.dml-sync", "false"},
		[2]string{"pipeline.name", "Materialized_table_" + strings.ReplaceAll(l.path.String(), "`", "") + "_one_time_refresh_job"})
	if err != nil {
		return nil, err
	}
	where := ""
	for i, p := range partition {
		where += map[bool]string{true: " WHERE ", false: " AND "}[i == 0] + catalog.Quote(p[0]) + " = " + p[1]
	}
	sql := l.insert("OVERWRITE", where)
	b, err := s.bind(sql)
	if err != nil {
		return nil, err
	}
	r, err := s.submit(context.Background(), b, sql)
	if err != nil {
		return nil, err
	}
	return r.Job, nil
}

// suspend stops the pipeline; a streaming job with a savepoint that resume goes on from.
func (l *pipeline) suspend(ctx context.Context, dir string) error {
	if l.suspended {
		return diag.New(diag.InvalidQuery, "materialized table %s is suspended already", l.path)
	}
	if l.job != nil && !l.job.State().Ended() {
		if dir == "" {
			return diag.New(diag.Config, "a job is suspended with a savepoint, which needs a directory").
				WithHint("SET 'execution.checkpointing.savepoint-dir' = '/where/savepoints/are'")
		}
		path, err := l.e.Jobs.Stop(ctx, l.job.ID(), dir, false)
		if err != nil {
			return err
		}
		l.savepoint = path
	}
	l.unschedule()
	l.set(true, nil)
	return nil
}

func (l *pipeline) unschedule() {
	l.e.pipelines.mu.Lock()
	defer l.e.pipelines.mu.Unlock()
	l.epoch++
	if l.stop != nil {
		l.stop()
		l.stop = nil
	}
}

// resume starts the pipeline again, with options that are forgotten at the next suspend.
func (l *pipeline) resume(_ context.Context, options map[string]string) error {
	if !l.suspended {
		return diag.New(diag.InvalidQuery, "materialized table %s is not suspended", l.path)
	}
	l.set(false, options)
	if err := l.start(); err != nil {
		l.set(true, nil)
		return err
	}
	return nil
}

// cancel ends the pipeline for good.
func (l *pipeline) cancel(ctx context.Context) {
	l.unschedule()
	if l.job != nil && !l.job.State().Ended() {
		_ = l.e.Jobs.Cancel(ctx, l.job.ID())
	}
}

// scheduled is the partition that a refresh at a time of the schedule is of: columns
// with partition.fields.<column>.date-formatter hold that time. Without such the
// refresh is of the whole table.
func (l *pipeline) scheduled(at int64) [][2]string {
	var out [][2]string
	s, err := l.session()
	if err != nil {
		return nil // the refresh itself will say so
	}
	time := time.UnixMilli(at).In(s.Zone()).Format("2006-01-02 15:04:05")
	t, _ := l.now()
	for _, k := range t.PartitionKeys {
		if f := t.Options["partition.fields."+k+".date-formatter"]; f != "" {
			out = append(out, [2]string{k, "DATE_FORMAT(TIMESTAMP '" + time + "', " + catalog.Text(f) + ")"})
		}
	}
	return out
}
