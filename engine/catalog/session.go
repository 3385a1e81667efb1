package catalog

import (
	"sync"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/function"
)

// Host is what an engine lends to its sessions: connectors and functions. It is
// filled once and only read afterwards.
type Host struct {
	Connectors []*connect.Connector
	// Providers are the kinds of models.
	Providers []*connect.ModelProvider
	Deps      connect.Deps
	// PathTables are functions of FROM that give a table for a path, by their names in
	// lower case.
	PathTables map[string]*PathTable
	// Functions are the scalar functions, the user's own included.
	Functions *function.Registry
	// UserFunctions are Go functions that CREATE FUNCTION can name by their
	// registered identifier (class or path).
	UserFunctions map[string]*function.Func
	// Define binds what a catalog on disk keeps. It may be nil when there is none.
	Define func(s *Session, d *Definition) (Object, error)
	// TableFunctions are the same for table functions; they are found by their names,
	// too.
	TableFunctions map[string]*function.TableFunc
	// UserAggregates are the same for aggregate functions.
	UserAggregates map[string]*function.AggregateFunc
	// ProcessFunctions are the same for process table functions.
	ProcessFunctions map[string]*function.ProcessFunc
	// Runtimes run the user functions of a language that CREATE FUNCTION names.
	Runtimes []function.Runtime
	// Describe asks a runtime what a function is; nil asks it straight away.
	Describe func(r function.Runtime, d *function.Definition) (*function.Declared, error)
	// Zone is the time zone that 'default' stands for; nil is UTC.
	Zone *time.Location
}

// Session is the state of one client between statements. It may be used by several
// goroutines, but statements run one after another.
type Session struct {
	Store  *Store
	Host   *Host
	Config *Config
	// At is when the statement at hand was given, in milliseconds since 1970 UTC; see Now.
	At int64
	// Trace is told of each object that Find finds, if it is set.
	Trace func(Object)
	// Since is the time from which on tables are read, in milliseconds of the epoch; 0
	// reads all there is. It is set for the queries of materialized tables.
	Since int64

	mu        sync.RWMutex
	catalog   string
	database  string
	temporary [kinds]map[Path]Object
	own       map[string]bool // what this session made that others see
	modules   modules
	binding   []*Definition // definitions that are being bound, outermost first
	system    []*Table      // of MinkDatabase
}

// NewSession starts a session in the default catalog and database.
func NewSession(store *Store, host *Host) *Session {
	s := &Session{Store: store, Host: host, Config: NewConfig(), catalog: DefaultCatalog, database: DefaultDatabase, modules: startModules()}
	for k := range s.temporary {
		s.temporary[k] = map[Path]Object{}
	}
	return s
}

// Now is when the statement at hand was given: At, or what the clock says the first
// time.
func (s *Session) Now() int64 {
	if s.At == 0 && s.Host.Deps.Env != nil {
		s.At = s.Host.Deps.Env.Clock.Now()
	}
	return s.At
}

// Current returns the current catalog and database.
func (s *Session) Current() (catalog, database string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.catalog, s.database
}

// UseCatalog makes a catalog and its first database current.
func (s *Session) UseCatalog(name string) error {
	c, err := s.Store.Catalog(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalog, s.database = name, c.First()
	return nil
}

// UseDatabase makes a database current; an empty catalog is the current one.
func (s *Session) UseDatabase(cat, name string) error {
	if cat == "" {
		cat, _ = s.Current()
	}
	if err := s.Store.CheckDatabase(cat, name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalog, s.database = cat, name
	return nil
}

// Resolve completes a name of one to three parts.
func (s *Session) Resolve(parts []string) Path {
	cat, db := s.Current()
	return resolveIn(parts, cat, db)
}

func resolveIn(parts []string, cat, db string) Path {
	switch len(parts) {
	case 1:
		return Path{cat, db, parts[0]}
	case 2:
		return Path{cat, parts[0], parts[1]}
	case 3:
		return Path{parts[0], parts[1], parts[2]}
	}
	return Path{}
}

// ResolveFrom completes a name as seen from another place than the current one,
// such as the one a view was made in.
func (s *Session) ResolveFrom(parts []string, from Path) Path {
	if from.Catalog == "" {
		return s.Resolve(parts)
	}
	return resolveIn(parts, from.Catalog, from.Database)
}

// Place makes a catalog and database current without looking whether they are there.
func (s *Session) Place(catalog, database string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalog, s.database = catalog, database
}
