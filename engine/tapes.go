package engine

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/bind"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/optimize"
	"github.com/minkstream/mink/engine/plan"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/trace"
)

// Tapes says that an engine keeps a tape of each job, in memory and bounded, apart from
// those of others: what another process looks at. What stands on it as its script is made
// of what node processes are sent of the job, so there is none of a job that they could not
// plan.
type Tapes struct {
	// Bytes is what the tapes of jobs that run may take together, besides those that
	// somebody asked to keep. No tape takes more than its session's mink.tape.ring.size.
	Bytes int64
	// KeptBytes is what a tape may take while somebody asks to keep it.
	KeptBytes int64
	// Build names the mink that records.
	Build string
	// Failed gets the tape of a job that failed; may be nil.
	Failed func(id, name string, to *trace.Folder)
}

// failedTapes is how many tapes of jobs that failed stay.
const failedTapes = 4

// tapes are those of the jobs of an engine.
type tapes struct {
	mu   sync.Mutex
	byID map[string]*jobTape
	// failed are the jobs that failed and still have theirs, oldest first.
	failed []string
}

// jobTape is the tape of one job.
type jobTape struct {
	to   *trace.Folder
	job  *job.Job
	size int64
	age  time.Duration
	// until is when it may be forgotten that somebody wants all of it, by Clock.Mono; 0 if
	// nobody does. stop stops the timer.
	until int64
	stop  func()
	ended bool
}

// ringFor begins the tape of a job that is about to start; nil where there can be none.
func (e *Engine) ringFor(name string, p *plan.Physical, c *catalog.Config, text []byte) *jobTape {
	size, ok := connect.ParseSize(c.Get("mink.tape.ring.size"))
	if e.cfg.Tapes == nil || text == nil || !ok || size <= 0 {
		return nil
	}
	var x parcel
	m, err := trace.Manifest{}, json.Unmarshal(text, &x)
	if err == nil {
		m, err = e.scriptOf(&x, p)
	}
	if err != nil {
		if e.cfg.Log != nil {
			e.cfg.Log("no tape is kept of a job, since its script cannot be written: " + err.Error())
		}
		return nil
	}
	m.Build, m.Script = e.cfg.Tapes.Build, name
	clock := e.cfg.Env.Clock
	from := clock.Mono()
	t := &jobTape{size: size, age: c.Duration("mink.tape.ring.time")}
	t.to, err = trace.Ring(m, t.size, t.age, func() int64 { return (clock.Mono() - from) / 1e6 })
	if err != nil {
		return nil // a folder in memory can be made
	}
	return t
}

// scriptOf writes the statements by which a session of another engine comes to the plan of
// a parcel, and tries them.
func (e *Engine) scriptOf(x *parcel, p *plan.Physical) (trace.Manifest, error) {
	m := trace.Manifest{Zone: x.Zone, Seed: e.cfg.Env.Seed, Created: e.cfg.Env.Clock.Now(), Settings: map[string]string{}}
	set := func(k, v string) {
		m.Settings[k] = bind.ShownSetting(k, v)
	}
	for _, kv := range x.Settings {
		set(kv[0], kv[1])
	}
	src := &x.Plan.Source
	for k, v := range src.Settings { //mink:det-ok into a map again
		set(k, v)
	}
	say := func(text string) {
		m.Statements = append(m.Statements, trace.Statement{Text: diag.MaskSecrets(text), At: x.At})
	}
	known := map[string]bool{catalog.DefaultCatalog: true, catalog.DefaultCatalog + "." + catalog.DefaultDatabase: true}
	cat, db := catalog.DefaultCatalog, catalog.DefaultDatabase
	use := func(c, d string) {
		if !known[c] {
			known[c] = true
			say("CREATE CATALOG " + catalog.Quote(c) + " WITH ('type' = 'generic_in_memory')")
		}
		if !known[c+"."+d] {
			known[c+"."+d] = true
			say("CREATE DATABASE IF NOT EXISTS " + catalog.Quote(c) + "." + catalog.Quote(d))
		}
		if c != cat {
			say("USE CATALOG " + catalog.Quote(c))
		}
		if c != cat || d != db {
			say("USE " + catalog.Quote(c) + "." + catalog.Quote(d))
		}
		cat, db = c, d
	}
	for _, o := range slices.Backward(src.Objects) {
		switch {
		case o.DDL == "":
			return m, diag.New(diag.Unsupported, "its plan does not have all of %s %s", o.Word, strings.Join(o.Name, "."))
		case o.Name[1] == "" && catalog.Kind(o.Space) == catalog.Functions:
			say(strings.Replace(o.DDL, "CREATE FUNCTION", "CREATE TEMPORARY SYSTEM FUNCTION", 1))
			continue
		case len(o.Scope) == 2 && (o.Scope[0] != o.Name[0] || o.Scope[1] != o.Name[1]):
			use(o.Scope[0], o.Scope[1])
			whole := catalog.QuoteAll(o.Name[:1]) + "." + catalog.QuoteAll(o.Name[1:2]) + "." + catalog.QuoteAll(o.Name[2:])
			say(strings.Replace(o.DDL, catalog.Quote(o.Name[2]), whole, 1))
			continue
		}
		use(o.Name[0], o.Name[1])
		say(o.DDL)
	}
	if src.Catalog != "" && src.Database != "" {
		use(src.Catalog, src.Database)
	}
	if src.WithoutCore {
		say("UNLOAD MODULE core")
	}
	last := src.Statements[0]
	if stmt, err := parse.Statement(last); err != nil {
		return m, err
	} else if _, ok := stmt.(*ast.Insert); ok && (x.Set || len(src.Statements) > 1) {
		last = "EXECUTE STATEMENT SET BEGIN\n" + strings.Join(src.Statements, ";\n") + ";\nEND"
	}
	say(last)
	m.Statements[len(m.Statements)-1].Jobs = []int{0}
	m.Jobs = []trace.Job{{Plan: fingerprint(p)}}
	m.Functions = e.saidOf(m.Statements)
	return m, e.tryScript(&m)
}

// tryScript plans the script of a tape as whoever opens it will.
func (e *Engine) tryScript(m *trace.Manifest) error {
	p, _, err := e.planScript(m)
	if err != nil {
		return err
	}
	return samePlan(p, m.Jobs[0].Plan)
}

// planScript plans the last statement of a script in a session of an engine aside.
func (e *Engine) planScript(m *trace.Manifest) (*plan.Physical, *Session, error) {
	side := &Engine{cfg: e.cfg, host: e.host, store: catalog.NewStore()}
	side.cfg.Durable, side.cfg.Cluster, side.cfg.Record, side.cfg.Tapes = nil, nil, nil, nil
	s := &Session{engine: side, cat: catalog.NewSession(side.store, e.host), aside: true}
	for k, v := range m.Settings { //mink:det-ok keys that are set do not depend on each other
		if err := s.Set(k, v); err != nil {
			return nil, nil, err
		}
	}
	last := len(m.Statements) - 1
	for _, st := range m.Statements[:last] {
		b, err := s.bind(st.Text)
		if err != nil {
			return nil, nil, err
		}
		a, ok := b.(*bind.Action)
		if !ok {
			return nil, nil, diag.New(diag.Unsupported, "an object of it is made by more than a definition")
		}
		if _, err := a.Apply(); err != nil {
			return nil, nil, err
		}
	}
	s.cat.At = m.Statements[last].At
	b, err := s.bind(m.Statements[last].Text)
	if err != nil {
		return nil, nil, err
	}
	p, err := optimize.Plan(b, s.cat)
	return p, s, err
}

// taped notes a job that began with a tape of its own, until it has ended.
func (e *Engine) taped(j *job.Job, t *jobTape) {
	l := &e.tapes
	t.job = j
	l.mu.Lock()
	if l.byID == nil {
		l.byID = map[string]*jobTape{}
	}
	l.byID[j.ID()] = t
	e.share()
	l.mu.Unlock()
	e.remembering.Add(1)
	e.cfg.Env.Go("tape of "+j.ID(), func() {
		defer e.remembering.Done()
		<-j.Done()
		e.untape(j.ID(), t)
	})
}

// share gives each tape of a job that runs its part of the memory. The lock is held.
func (e *Engine) share() {
	l := &e.tapes
	n := int64(0)
	for _, t := range l.byID { //mink:det-ok a sum
		if !t.ended && t.until == 0 {
			n++
		}
	}
	for _, t := range l.byID { //mink:det-ok each on its own
		switch {
		case t.ended:
		case t.until != 0:
			t.to.Bound(max(t.size, e.cfg.Tapes.KeptBytes), 0)
		default:
			t.to.Bound(min(t.size, e.cfg.Tapes.Bytes/max(1, n)), t.age)
		}
	}
}

// untape ends the tape of a job that has ended: that of one that failed stays, and so does
// one that somebody wants.
func (e *Engine) untape(id string, t *jobTape) {
	l := &e.tapes
	err := t.job.CloseTape()
	t.to.KeepAlways()
	failed := t.job.State() == flow.Failed
	l.mu.Lock()
	t.ended = true
	if err == nil && (failed || t.until != 0) {
		err = t.to.Close()
	}
	switch {
	case failed && err == nil:
		l.failed = append(l.failed, id)
		for len(l.failed) > failedTapes {
			if old := l.byID[l.failed[0]]; old != nil && old.until == 0 {
				delete(l.byID, l.failed[0])
			}
			l.failed = l.failed[1:]
		}
	case err != nil || t.until == 0:
		delete(l.byID, id)
	}
	e.share()
	l.mu.Unlock()
	if failed && err == nil && e.cfg.Tapes.Failed != nil && t.to.Failed() {
		e.cfg.Tapes.Failed(id, t.job.Name, t.to)
	}
}

// KeepTape asks that nothing is dropped of the tape of a job for so long from now on, as far as
// Tapes.KeptBytes go; 0 says that it is not wanted any more. It fails as Tape does.
func (e *Engine) KeepTape(id string, d time.Duration) error {
	l := &e.tapes
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.byID[id]
	if t == nil {
		return e.noTape(id)
	}
	if t.stop != nil {
		t.stop()
		t.stop = nil
	}
	clock := e.cfg.Env.Clock
	over := func() {
		t.until = 0
		if t.ended && !slices.Contains(l.failed, id) {
			delete(l.byID, id)
		}
		e.share()
	}
	if d <= 0 {
		over()
		return nil
	}
	until := clock.Mono() + d.Nanoseconds()
	t.until = until
	t.stop = clock.At(until, func() {
		e.cfg.Env.Go("tape of "+id, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			if t.until == until {
				over()
			}
		})
	})
	e.share()
	return nil
}

// noTape says why there is none of a job.
func (e *Engine) noTape(id string) error {
	if e.cfg.Tapes == nil {
		return diag.New(diag.Config, "the engine keeps no tape").WithHint("give it a Record, such as RecordRing makes one")
	}
	if past, err := e.Past(); err == nil {
		for _, k := range past {
			if k.ID == id {
				return endedTape(id, string(k.State))
			}
		}
	}
	j, err := e.Jobs.Job(id)
	if err != nil {
		return err
	}
	if j.State().Ended() {
		return endedTape(id, j.State().String())
	}
	return diag.New(diag.Config, "no tape is kept of job %s", id).
		WithHint("its session has 'mink.tape.ring.size' = '0', or the plan rests on what its session alone has, as the log of the coordinator says then")
}

func endedTape(id, state string) error {
	return diag.New(diag.NotFound, "job %s has ended (%s), and its tape went with it", id, state).
		WithHint("`mink tape record SCRIPT -o run.mtape` runs its script with a tape; tapes of jobs that fail stay in the folder tapes of the cluster")
}

// tapeOf copies the tape that a job has of its own; nil without an error where there is none
// of that kind.
func (e *Engine) tapeOf(id string) (*trace.File, error) {
	l := &e.tapes
	l.mu.Lock()
	t := l.byID[id]
	if t == nil {
		l.mu.Unlock()
		return nil, nil
	}
	ended := t.ended
	l.mu.Unlock()
	if !ended {
		if err := t.job.FlushTape(); err != nil && !t.job.State().Ended() {
			return nil, err
		}
	}
	disk := env.NewMemDisk()
	if err := t.to.Snapshot(disk, "tape"); err != nil {
		return nil, err
	}
	f, err := trace.Open(disk, "tape")
	if err == nil {
		f.Name = id
	}
	return f, err
}
