package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/ledger"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// Durable says that an engine remembers its jobs and catalogs over its own death.
//
// A job is written to the ledger before it starts, as the text of a compiled plan with the
// settings of its session, and again when it has ended. Recover submits those that had not:
// each is planned again, must give the plan it had, and goes on from its newest checkpoint.
type Durable struct {
	Ledger *ledger.Ledger
	// CatalogDir keeps the default catalog.
	CatalogDir string
	// Lost, unless nil, is called once when another engine has taken the ledger over: this
	// one's jobs are cancelled by then, and it is of no use any more.
	Lost func(err error)
}

// openDurable makes the catalogs that the ledger and the folder of the default one have.
func (e *Engine) openDurable() error {
	d := e.cfg.Durable
	first, err := catalog.OpenDisk(e.cfg.Env, d.CatalogDir, catalog.DefaultDatabase)
	if err != nil {
		return err
	}
	e.store = catalog.NewStoreOn(first, catalog.Info{Options: connect.Options{"type": catalog.OnDisk}})
	e.store.Outlives = true
	list, err := d.Ledger.Catalogs()
	if err != nil {
		return err
	}
	for _, c := range list {
		if err := e.mount(c); err != nil && e.cfg.Log != nil {
			e.cfg.Log("catalog " + c.Name + " cannot be opened: " + err.Error())
		}
	}
	e.store.Keep = func(name string, info *catalog.Info) error {
		if info == nil {
			return d.Ledger.RemoveCatalog(name)
		}
		return d.Ledger.PutCatalog(ledger.Catalog{Name: name, Comment: info.Comment, Options: info.Options})
	}
	return nil
}

func (e *Engine) mount(c ledger.Catalog) error {
	types := catalog.Types()
	i := slices.IndexFunc(types, func(t catalog.Type) bool { return t.Name == c.Options["type"] })
	if i < 0 {
		return diag.New(diag.InvalidOption, "no catalog type '%s'", c.Options["type"])
	}
	opened, err := types[i].Open(e.host.Deps.Env, c.Options)
	if err != nil {
		return err
	}
	return e.store.CreateCatalog(c.Name, catalog.Info{Comment: c.Comment, Options: c.Options}, opened)
}

// durable reports whether the session's jobs are kept in the ledger. Those that fill
// materialized tables are not: the catalog knows of them.
func (s *Session) durable() bool { return s.engine.cfg.Durable != nil && !s.aside }

// kept is a job as it is going to be remembered.
type kept struct {
	ledger.Job
	// plan is what to run: in streaming, the plan that Recover will make.
	plan *plan.Physical
}

// keep compiles a statement's job for the ledger; texts are its INSERTs. A job without any,
// such as a query or a DELETE, is remembered without a plan and ends with the engine.
func (s *Session) keep(p *plan.Physical, texts []string) (*kept, error) {
	k := &kept{plan: p}
	if len(texts) > 0 {
		c, again, err := s.compileAs(texts, "ALL")
		if err != nil {
			return nil, err
		}
		if !p.Batch {
			k.plan = again
		}
		if k.Plan, err = c.Encode(); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// newJobID draws the id of a job.
func newJobID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// startKept starts a job that is remembered: first it is written down.
//
// parcel is what nodes make the plan of p of, if k.plan is p.
func (s *Session) startKept(k *kept, name string, c *catalog.Config, zone *time.Location, parcel []byte) (*job.Job, error) {
	e := s.engine
	k.Name, k.Zone, k.State, k.Submitted = name, zone.String(), ledger.Running, e.cfg.Env.Clock.Now()
	k.Settings = map[string]string{}
	for _, kv := range c.All() {
		k.Settings[kv[0]] = kv[1]
	}
	place := job.Place{}
	if len(k.Plan) > 0 {
		k.ID = newJobID()
		dir := c.Get("execution.checkpointing.dir")
		if dir == "" {
			dir = e.cfg.CheckpointDir
		} else if e.cfg.Files != nil && !env.Remote(dir) {
			// The user named it: it may be where statements may write, and not among what the
			// cluster keeps.
			if err := e.cfg.Files.MkdirAll(dir); err != nil {
				return nil, diag.Wrap(diag.IO, err, "checkpoints cannot be kept in %s", dir)
			}
		}
		if env.Remote(dir) {
			k.Folder = env.Join(dir, k.ID)
		} else if dir != "" {
			abs, err := filepath.Abs(filepath.FromSlash(dir))
			if err != nil {
				return nil, diag.Wrap(diag.IO, err, "cannot tell where %s is", dir)
			}
			k.Folder = path.Join(filepath.ToSlash(abs), k.ID)
		}
		place = job.Place{ID: k.ID, Folder: k.Folder}
		if c, err := plan.Decode(k.Plan); err == nil && parcel == nil {
			parcel = s.packPlan(k.plan, c)
		}
		if err := e.put(k.Job); err != nil {
			return nil, err
		}
	}
	place.Parcel = parcel
	j, err := s.start(k.plan, name, c, zone, place)
	if err != nil {
		if k.ID != "" {
			_ = e.cfg.Durable.Ledger.Remove(k.ID) // what kept it from starting is told; it would fail again
		}
		return nil, err
	}
	if k.ID == "" {
		k.ID = j.ID()
		if err := e.put(k.Job); err != nil {
			_ = e.Jobs.Cancel(context.Background(), k.ID) // it is known, and waiting is all that can fail
			return nil, err
		}
	}
	e.remember(j, k.Job)
	return j, nil
}

// remember writes down how a job ends.
func (e *Engine) remember(j *job.Job, k ledger.Job) {
	written := make(chan struct{})
	e.recall.Lock()
	e.running[k.ID] = k
	e.written[k.ID] = written
	e.recall.Unlock()
	e.remembering.Add(1)
	e.cfg.Env.Go("ledger of "+k.ID, func() {
		defer e.remembering.Done()
		<-j.Done()
		e.ended(j, k.ID)
		e.recall.Lock()
		delete(e.written, k.ID)
		e.recall.Unlock()
		close(written)
	})
}

// awaitWritten returns when it is written down how a job has ended: who is told of the end may
// rely on it from then on, and the job does not come back.
func (e *Engine) awaitWritten(id string) {
	e.recall.Lock()
	written := e.written[id]
	e.recall.Unlock()
	if written != nil {
		<-written
	}
}

// ended writes down how a job has ended. One that was cancelled because the engine stops is
// to go on with the next one.
func (e *Engine) ended(j *job.Job, id string) {
	st := j.Status()
	e.recall.Lock()
	k, stopping := e.running[id], e.stopping
	delete(e.running, id)
	e.recall.Unlock()
	k.Restarts, k.Ended = st.Restarts, st.Ended
	switch st.State {
	case flow.Finished:
		k.State = ledger.Finished
	case flow.Cancelled:
		if stopping && k.State != ledger.Ending && len(k.Plan) > 0 {
			return
		}
		k.State = ledger.Canceled
	default:
		k.State = ledger.Failed
	}
	if st.Err != nil && k.State == ledger.Failed {
		k.Code, k.Error = st.Err.Code, st.Err.Error()
	}
	_ = e.put(k) // told to the log, or the engine is of no use any more
}

// ending notes that a job is to end for good, before it is told to: should the engine die
// in between, the job does not come back. An engine that is stopping may have told it to end
// already, to go on with the next one: then it does not go on. Where the job ends by itself
// meanwhile, the ledger keeps how.
func (e *Engine) ending(id string) error {
	e.recall.Lock()
	k, ok := e.running[id]
	if ok {
		k.State = ledger.Ending
		e.running[id] = k
	}
	e.recall.Unlock()
	if !ok {
		return nil
	}
	return e.put(k)
}

// put writes a job down. Should another engine have the ledger by now, this one's jobs are
// cancelled.
func (e *Engine) put(k ledger.Job) error {
	err := e.cfg.Durable.Ledger.Put(k)
	if err == nil {
		return nil
	}
	if e.cfg.Log != nil {
		e.cfg.Log("job " + k.ID + " cannot be written down: " + err.Error())
	}
	if diag.CodeOf(err) == diag.Conflict {
		e.recall.Lock()
		first := !e.fenced
		e.fenced, e.stopping = true, true
		e.recall.Unlock()
		if first {
			e.cfg.Env.Go("fenced", func() {
				for _, j := range e.Jobs.Jobs() {
					j.Cancel()
				}
				if e.cfg.Durable.Lost != nil {
					e.cfg.Durable.Lost(err)
				}
			})
		}
	}
	return err
}

// Recover submits the jobs again that had not ended when the engine before this one did.
// It returns how many go on; those that cannot have failed, and their errors say why.
// Tables that are filled by jobs or schedules go on too, as soon as their leases let them.
func (e *Engine) Recover() (int, error) {
	jobs, err := e.cfg.Durable.Ledger.Jobs()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, k := range jobs {
		switch {
		case k.State.Ended():
			continue
		case k.State == ledger.Ending:
			k.State, k.Ended = ledger.Canceled, e.cfg.Env.Clock.Now()
			err = e.put(k)
		case len(k.Plan) == 0:
			e.failed(&k, diag.New(diag.JobFailed, "the coordinator ended, and with it what waited for the rows of this job"))
			err = e.put(k)
		default:
			if again := e.goOn(k); again != nil {
				if e.cfg.Log != nil {
					e.cfg.Log("job " + k.ID + " cannot go on: " + again.Error())
				}
				e.failed(&k, diag.As(diag.Wrap(diag.JobFailed, again, "the job could not go on after the coordinator ended")))
				err = e.put(k)
			} else {
				n++
			}
		}
		if err != nil {
			return n, err
		}
	}
	e.cfg.Env.Go("materialized tables", e.refill)
	return n, nil
}

func (e *Engine) failed(k *ledger.Job, err *diag.Error) {
	k.State, k.Ended, k.Code, k.Error = ledger.Failed, e.cfg.Env.Clock.Now(), err.Code, err.Error()
}

// goOn submits a job of the ledger again.
func (e *Engine) goOn(k ledger.Job) error {
	c, err := plan.Decode(k.Plan)
	if err != nil {
		return err
	}
	s := e.NewSession()
	s.aside = true
	for key, v := range k.Settings {
		if _, err := s.cat.Config.Set(key, v); err != nil {
			return err
		}
	}
	// The job is what it was, whatever became of its tables in the catalog.
	if _, err := s.cat.Config.Set("table.plan.restore.catalog-objects", "ALL_ENFORCED"); err != nil {
		return err
	}
	zone := s.Zone()
	if z, ok := catalog.ParseZone(k.Zone); ok {
		zone = z
	}
	p, scratch, err := s.restore(c)
	if err != nil {
		return err
	}
	j, err := scratch.start(p, k.Name, scratch.cat.Config, zone, job.Place{ID: k.ID, Folder: k.Folder, Parcel: scratch.packPlan(p, c), GoesOn: true})
	if err != nil {
		return err
	}
	e.remember(j, k)
	return nil
}

// refill goes on with what fills materialized tables.
func (e *Engine) refill() {
	for _, cat := range e.store.Catalogs() {
		c, err := e.store.Catalog(cat)
		if err != nil {
			continue
		}
		databases, err := c.Databases()
		if err != nil {
			continue
		}
		for _, db := range databases {
			list, err := c.List(catalog.Tables, db)
			if err != nil {
				continue
			}
			for _, entry := range list {
				e.refillTable(catalog.Path{Catalog: cat, Database: db, Object: entry.Name})
			}
		}
	}
}

func (e *Engine) refillTable(p catalog.Path) {
	s := e.NewSession()
	s.aside = true
	t, err := s.cat.Table(p)
	if err != nil || t == nil || t.Materialized == nil || t.Materialized.Refresh.Status != catalog.Activated {
		return
	}
	if _, err := s.Execute(context.Background(), "ALTER MATERIALIZED TABLE "+p.String()+" RESUME"); err != nil && e.cfg.Log != nil {
		e.cfg.Log("materialized table " + p.String() + " is not filled any more: " + err.Error())
	}
}

// Suspend prepares Close: jobs take a last checkpoint, as long as ctx lets them, from which
// they go on with the next engine.
func (e *Engine) Suspend(ctx context.Context) {
	e.recall.Lock()
	e.stopping = true
	e.recall.Unlock()
	var done []chan struct{}
	for _, j := range e.Jobs.Jobs() {
		if j.State() != flow.Running || j.Collector != nil {
			continue
		}
		c := make(chan struct{})
		done = append(done, c)
		e.cfg.Env.Go("last checkpoint of "+j.ID(), func() {
			defer close(c)
			_, _ = j.Checkpoint(ctx) // the one before will do
		})
	}
	for _, c := range done {
		<-c
	}
}

// Past are the jobs of engines before this one that have ended, oldest first; none when
// the engine does not remember.
func (e *Engine) Past() ([]ledger.Job, error) {
	if e.cfg.Durable == nil {
		return nil, nil
	}
	list, err := e.cfg.Durable.Ledger.Jobs()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(k ledger.Job) bool {
		_, err := e.Jobs.Job(k.ID)
		return err == nil || !k.State.Ended()
	}), nil
}

// insertTexts are the INSERTs that a statement runs, as texts that can be bound again once
// the statement has taken effect; nil for one that cannot be written as INSERTs.
func (s *Session) insertTexts(bound bind.Bound, text string) []string {
	stmt, err := parse.Statement(text)
	if err != nil {
		return nil
	}
	cut := func(n interface{ Span() diag.Span }) string { return text[n.Span().Start:n.Span().End] }
	switch b := bound.(type) {
	case *bind.Insert:
		for {
			x, ok := stmt.(*ast.Execute)
			if !ok {
				break
			}
			stmt = x.Statement
		}
		switch st := stmt.(type) {
		case *ast.Insert:
			return []string{cut(st)}
		case *ast.StatementSet:
			if len(st.Inserts) == 1 {
				return []string{cut(st.Inserts[0])}
			}
		case *ast.CreateTable:
			if b.Creation == nil && st.Query != nil {
				// IF NOT EXISTS, and it does: rows go to its columns by position.
				return []string{"INSERT INTO " + b.Table.Path.String() + " " + cut(st.Query)}
			}
			return asInsert(b, st, text)
		}
	case *bind.Inserts:
		switch st := stmt.(type) {
		case *ast.Execute:
			if set, ok := st.Statement.(*ast.StatementSet); ok {
				stmt = set
			}
		case *ast.EndStatementSet:
			if slices.Contains(s.setTexts, "") {
				return nil
			}
			return s.setTexts
		}
		if set, ok := stmt.(*ast.StatementSet); ok {
			var out []string
			for _, i := range set.Inserts {
				out = append(out, cut(i))
			}
			return out
		}
	}
	return nil
}

// asInsert writes CREATE TABLE AS as the INSERT that follows its creation: columns of table
// and query meet by name.
func asInsert(b *bind.Insert, st *ast.CreateTable, text string) []string {
	if st.Query == nil {
		return nil
	}
	var names []string
	for _, i := range b.Columns {
		names = append(names, b.Table.Columns[i].Name)
	}
	cols := catalog.QuoteAll(names)
	return []string{"INSERT INTO " + b.Table.Path.String() + " (" + cols + ") SELECT " + cols + " FROM (" + text[st.Query.Span().Start:st.Query.Span().End] + "\n) AS `$c`"}
}
