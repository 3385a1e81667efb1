package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/job"
)

// pipelines are what fills the materialized tables of an engine, as far as it is in
// this process: what must outlive it the catalog keeps, see catalog.Refresh.
type pipelines struct {
	mu   sync.Mutex
	list map[catalog.Path]*pipeline
	// folders counts those given to jobs.
	folders int
	closed  bool
}

// of is the pipeline of a table, which need not exist yet. It is kept when the table is
// dropped, so that whoever waits for a turn waits for the same one.
func (l *pipelines) of(e *Engine, path catalog.Path) *pipeline {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil {
		l.list = map[catalog.Path]*pipeline{}
	}
	p := l.list[path]
	if p == nil {
		p = &pipeline{e: e, path: path, turn: make(chan struct{}, 1)}
		l.list[path] = p
	}
	return p
}

func (l *pipelines) all() []*pipeline {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.list), func(a, b *pipeline) int { return strings.Compare(a.path.String(), b.path.String()) })
}

func (l *pipelines) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// close ends all schedules.
func (l *pipelines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, p := range l.list {
		if p.stop != nil {
			p.stop()
		}
	}
}

// pipeline fills one table: a streaming job, or a batch job at each time of a schedule.
type pipeline struct {
	e    *Engine
	path catalog.Path
	// turn is held by the statement or the scheduled refresh that is at work. It guards
	// all below but stop, for which pipelines.mu is held too when it is changed.
	turn chan struct{}
	// job is the newest streaming job of this process.
	job *job.Job
	// options are those of RESUME WITH.
	options map[string]string
	// stop ends the schedule, nil when there is none; epoch tells a later one apart.
	stop  func()
	epoch int
	// last is the newest scheduled refresh.
	last *job.Job
	// lease is that of job, in a catalog that other processes may have open.
	lease catalog.Lease
}

func (p *pipeline) enter(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pipeline) leave() { <-p.turn }

// running says what of this process fills the table, "" for nothing.
func (p *pipeline) running() string {
	switch {
	case p.job != nil && !p.job.State().Ended():
		return "job " + p.job.ID()
	case p.armed():
		return "a schedule"
	}
	return ""
}

// stopFilling ends job and schedule without a savepoint. It waits for the job.
func (p *pipeline) stopFilling(ctx context.Context) {
	p.disarm()
	if p.job != nil && !p.job.State().Ended() {
		_ = p.e.Jobs.Cancel(ctx, p.job.ID()) // the job is known, and waiting is all that can fail
	}
	p.release()
}

// begin is from where a streaming job goes on. The zero value begins as START_MODE says.
type begin struct {
	// folder has the checkpoints of the same job, which was lost.
	folder string
	// savepoint is that of a job before; with sourcesOnly of one with another query.
	savepoint   string
	sourcesOnly bool
	since       int64
}

// lost is how to go on after a job that is gone without a savepoint.
func (p *pipeline) lost(m *catalog.Materialized) begin {
	r := m.Refresh
	if r.Folder == "" && r.Savepoint == "" {
		return begin{}
	}
	return begin{folder: r.Folder, savepoint: r.Savepoint, sourcesOnly: r.SourcesOnly, since: r.Since}
}

// startJob starts the streaming job and says what the catalog is to know of it.
func (p *pipeline) startJob(ctx context.Context, s *Session, t *catalog.Table, from begin) (catalog.Refresh, error) {
	if err := p.hold(ctx); err != nil {
		return catalog.Refresh{}, err
	}
	m := t.Materialized
	if from.folder == "" && from.savepoint == "" {
		from.since = m.Start.Since(p.e.cfg.Env.Clock.Now())
	}
	if from.folder == "" {
		from.folder = p.newFolder(s.cat)
	}
	over := [][2]string{
		{"execution.runtime-mode", "STREAMING"}, {"table.dml-sync", "false"},
		{"pipeline.name", p.jobName("continuous")}, {"execution.state-recovery.path", from.savepoint},
	}
	if _, own := s.cat.Config.Lookup("execution.checkpointing.interval"); !own {
		over = append(over, [2]string{"execution.checkpointing.interval", strconv.FormatInt(m.Freshness.Duration().Milliseconds(), 10) + " ms"})
	}
	run, err := p.session(t, s.cat.Config.All(), over...)
	if err != nil {
		return catalog.Refresh{}, err
	}
	run.cat.Since = from.since
	// A savepoint is what a job has ended with; a checkpoint is of one that was lost.
	committed := !strings.HasPrefix(path.Base(from.savepoint), checkpointPrefix)
	run.place = job.Place{Folder: from.folder, SourcesOnly: from.sourcesOnly, Committed: committed}
	if p.job, err = run.runInsert(p.insert(t, "INTO", "", p.options)); err != nil {
		return catalog.Refresh{}, err
	}
	if c := p.leaser(); c != nil {
		p.keep(c, p.job, p.lease)
	}
	return catalog.Refresh{
		Status: catalog.Activated, Job: p.job.ID(), Folder: from.folder, Savepoint: from.savepoint, SourcesOnly: from.sourcesOnly, Since: from.since,
	}, nil
}

// runInsert submits an INSERT.
func (s *Session) runInsert(sql string) (*job.Job, error) {
	s.begin(sql)
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

func (p *pipeline) jobName(kind string) string {
	return "Materialized_table_" + strings.ReplaceAll(p.path.String(), "`", "") + "_" + kind + "_refresh_job"
}

// session is one to run a statement about t in: names of the query are found from where
// it was written.
func (p *pipeline) session(t *catalog.Table, settings [][2]string, over ...[2]string) (*Session, error) {
	s := &Session{engine: p.e, cat: catalog.NewSession(p.e.store, p.e.host), aside: true}
	s.cat.Place(t.Scope.Catalog, t.Scope.Database)
	for _, kv := range append(slices.Clone(settings), over...) {
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

// insert is the statement that fills the table: columns meet by name.
func (p *pipeline) insert(t *catalog.Table, word, where string, options map[string]string) string {
	sql := "INSERT " + word + " " + t.Path.String()
	if len(options) > 0 {
		var list []string
		for _, k := range slices.Sorted(maps.Keys(options)) {
			list = append(list, catalog.Text(k)+" = "+catalog.Text(options[k]))
		}
		sql += " /*+ OPTIONS(" + strings.Join(list, ", ") + ") */"
	}
	var names []string
	for _, i := range t.SinkColumns() {
		names = append(names, t.Columns[i].Name)
	}
	cols := catalog.QuoteAll(names)
	return sql + " (" + cols + ") SELECT " + cols + " FROM (" + t.Materialized.Query + "\n) AS `$m`" + where
}

// check finds out whether a definition, which need not be in the catalog, can be run.
func (p *pipeline) check(settings [][2]string, t *catalog.Table) error {
	mode, word := "STREAMING", "INTO"
	if t.Materialized.Mode == "FULL" {
		mode, word = "BATCH", "OVERWRITE"
	}
	s, err := p.session(t, settings, [2]string{"execution.runtime-mode", mode})
	if err != nil {
		return err
	}
	if mode == "STREAMING" {
		s.cat.Since = t.Materialized.Start.Since(p.e.cfg.Env.Clock.Now())
	}
	if err := s.cat.Replace(t, true); err != nil {
		return err
	}
	_, err = s.Check(p.insert(t, word, "", p.options))
	return err
}

// refresh runs the query once, as a batch that replaces the table's rows, or those of
// a partition.
func (p *pipeline) refresh(settings [][2]string, t *catalog.Table, partition [][2]string, kind string, options map[string]string) (*job.Job, error) {
	s, err := p.session(t, settings,
		[2]string{"execution.runtime-mode", "BATCH"}, [2]string{"execution.checkpointing.interval", ""}, [2]string{"execution.state-recovery.path", ""},
		[2]string{"table.dml-sync", "false"}, [2]string{"pipeline.name", p.jobName(kind)})
	if err != nil {
		return nil, err
	}
	where := ""
	for i, c := range partition {
		where += map[bool]string{true: " WHERE ", false: " AND "}[i == 0] + catalog.Quote(c[0]) + " = " + c[1]
	}
	return s.runInsert(p.insert(t, "OVERWRITE", where, options))
}

func (p *pipeline) armed() bool { return p.stop != nil }

// arm sets the time of the next scheduled refresh: a whole multiple of the freshness
// since midnight.
func (p *pipeline) arm(every time.Duration) {
	clock, period := p.e.cfg.Env.Clock, every.Milliseconds()
	l := &p.e.pipelines
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.stop != nil {
		p.stop()
	}
	p.stop = nil
	if l.closed {
		return
	}
	p.epoch++
	epoch, now := p.epoch, clock.Now()
	next := (now/period + 1) * period
	p.stop = clock.At(clock.Mono()+(next-now)*int64(time.Millisecond), func() {
		p.e.cfg.Env.Go("refresh of "+p.path.String(), func() { p.tick(epoch, next) })
	})
}

func (p *pipeline) disarm() {
	l := &p.e.pipelines
	l.mu.Lock()
	defer l.mu.Unlock()
	p.epoch++
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}

// tick refreshes at a time of the schedule, and arms the next one. A refresh that takes
// longer than the freshness is not run beside another one: the times it missed are
// left out.
func (p *pipeline) tick(epoch int, at int64) {
	p.turn <- struct{}{}
	last := p.last
	p.leave()
	if last != nil {
		<-last.Done()
	}
	p.turn <- struct{}{}
	defer p.leave()
	if p.epoch != epoch || p.e.pipelines.isClosed() {
		return
	}
	if err := p.scheduled(at); err != nil && p.e.cfg.Log != nil {
		p.e.cfg.Log("refresh of " + p.path.String() + ": " + err.Error())
	}
}

// scheduled runs the refresh of a time of the schedule. What the catalog says counts:
// another process may have changed, suspended or dropped the table.
func (p *pipeline) scheduled(at int64) error {
	s := &Session{engine: p.e, cat: catalog.NewSession(p.e.store, p.e.host), aside: true}
	t, err := s.cat.Table(p.path)
	if err != nil {
		p.disarm()
		return err
	}
	if t == nil || t.Materialized == nil || t.Materialized.Mode != "FULL" || t.Materialized.Refresh.Status != catalog.Activated {
		p.disarm()
		return nil
	}
	m := t.Materialized
	p.arm(m.Freshness.Duration())
	if s, err = p.session(t, m.Refresh.Settings); err != nil {
		return err
	}
	j, err := p.refresh(m.Refresh.Settings, t, periodOf(t, at-m.Freshness.Duration().Milliseconds(), s.Zone()), "periodic", p.options)
	if err == nil {
		p.last = j
	}
	return err
}

// periodOf is the partition of a scheduled refresh: columns with
// partition.fields.<column>.date-formatter hold the time at which the period that ended
// now began. Without such the refresh is of the whole table.
func periodOf(t *catalog.Table, began int64, zone *time.Location) [][2]string {
	var out [][2]string
	text := time.UnixMilli(began).In(zone).Format("2006-01-02 15:04:05")
	for _, k := range t.PartitionKeys {
		if f := t.Options["partition.fields."+k+".date-formatter"]; f != "" {
			out = append(out, [2]string{k, "DATE_FORMAT(TIMESTAMP '" + text + "', " + catalog.Text(f) + ")"})
		}
	}
	return out
}

// home is the folder that the catalog lends to the table, "" when it lends none.
func (p *pipeline) home(c *catalog.Session) string {
	if cat, err := c.Store.Catalog(p.path.Catalog); err == nil {
		if h, ok := cat.(catalog.Lender); ok {
			return h.Lend(p.path)
		}
	}
	return ""
}

// newFolder is a folder for the checkpoints of a new job, "" for memory. No two jobs
// have the same one: a job goes on from what it finds there.
func (p *pipeline) newFolder(c *catalog.Session) string {
	dir := c.Config.Get("execution.checkpointing.dir")
	if dir == "" {
		dir = p.home(c)
	}
	if dir == "" {
		dir = p.e.cfg.CheckpointDir
	}
	if dir == "" {
		return ""
	}
	l := &p.e.pipelines
	l.mu.Lock()
	l.folders++
	n := l.folders
	l.mu.Unlock()
	return env.Join(strings.ReplaceAll(dir, "\\", "/"), fmt.Sprintf("refresh-%d-%d", p.e.cfg.Env.Clock.Now(), n))
}

// removeFolder removes what is left of a job's checkpoints, where the catalog lent the
// folder; elsewhere they are the user's.
func (p *pipeline) removeFolder(c *catalog.Session, folder string) {
	if home := p.home(c); home != "" && strings.HasPrefix(folder, home+"/") {
		_ = p.e.cfg.Env.Disk.RemoveAll(folder) // what stays is of no use and no harm
	}
}

// removeFolders removes what the catalog lent to a table that is dropped.
func (p *pipeline) removeFolders(c *catalog.Session) {
	if home := p.home(c); home != "" {
		_ = p.e.cfg.Env.Disk.RemoveAll(home) // as above
	}
	if l := p.leaser(); l != nil {
		_ = l.DropLeases(p.path) // as above
	}
}

// checkpointPrefix begins the names of the folders of checkpoints.
const checkpointPrefix = "chk-"

// newestIn is the newest complete checkpoint in a job's folder, "" when there is none.
func (p *pipeline) newestIn(c *catalog.Session, folder string) string {
	if folder == "" {
		return ""
	}
	disk := p.e.cfg.Env.Disk
	if env.Remote(folder) {
		disk = job.Stores(p.e.cfg.Stores, c.Config)(disk)
	}
	list, err := disk.List(folder)
	if err != nil {
		return ""
	}
	newest, at := int64(-1), ""
	for _, f := range list {
		digits, ok := strings.CutPrefix(f.Name(), checkpointPrefix)
		n, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || n <= newest {
			continue
		}
		dir := env.Join(folder, f.Name())
		if _, err := disk.Stat(path.Join(dir, "_metadata")); !errors.Is(err, fs.ErrNotExist) {
			newest, at = n, dir
		}
	}
	return at
}
