package catalog

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/function"
)

// Host is what an engine lends to its sessions: connectors and functions. It is
// filled once and only read afterwards.
type Host struct {
	Connectors []*connect.Connector
	Deps       connect.Deps
	// Functions are the scalar functions, the user's own included.
	Functions *function.Registry
	// UserFunctions are Go functions that CREATE FUNCTION can name by their
	// registered identifier (class or path).
	UserFunctions map[string]*function.Func
	// Zone is the time zone that 'default' stands for; nil is UTC.
	Zone *time.Location
}

// Session is the state of one client between statements. It may be used by several
// goroutines, but statements run one after another.
type Session struct {
	Store  *Store
	Host   *Host
	Config *Config

	mu        sync.RWMutex
	catalog   string
	database  string
	temporary map[Path]*Table
	system    map[string]*UserFunction // temporary system functions, by lower-case name
	functions map[Path]*UserFunction   // temporary functions of catalogs
}

// NewSession starts a session in the default catalog and database.
func NewSession(store *Store, host *Host) *Session {
	return &Session{
		Store: store, Host: host, Config: NewConfig(), catalog: DefaultCatalog, database: DefaultDatabase,
		temporary: map[Path]*Table{}, system: map[string]*UserFunction{}, functions: map[Path]*UserFunction{},
	}
}

// Current returns the current catalog and database.
func (s *Session) Current() (catalog, database string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.catalog, s.database
}

// UseCatalog makes a catalog and its first database current.
func (s *Session) UseCatalog(name string) error {
	if _, _, err := s.Store.CatalogInfo(name); err != nil {
		return err
	}
	db := s.Store.FirstDatabase(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalog, s.database = name, db
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

// Table finds a table or view: temporary ones first. It returns nil when there is
// none.
func (s *Session) Table(p Path) *Table {
	s.mu.RLock()
	t := s.temporary[p]
	s.mu.RUnlock()
	if t != nil {
		return t
	}
	return s.Store.table(p)
}

// TableNames lists the tables and views of a database, temporary ones included, in
// order of name.
func (s *Session) Tables(cat, db string) []*Table {
	byName := map[string]*Table{}
	for _, t := range s.Store.tables(cat, db) {
		byName[t.Path.Object] = t
	}
	s.mu.RLock()
	for p, t := range s.temporary {
		if p.Catalog == cat && p.Database == db {
			byName[p.Object] = t
		}
	}
	s.mu.RUnlock()
	var out []*Table
	for _, n := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[n])
	}
	return out
}

// CreateTable stores a table or view. With ifNotExists an existing one stays.
func (s *Session) CreateTable(t *Table, ifNotExists bool) error {
	var old *Table
	if t.Temporary {
		s.mu.RLock()
		old = s.temporary[t.Path]
		s.mu.RUnlock()
	} else {
		if err := s.Store.CheckDatabase(t.Path.Catalog, t.Path.Database); err != nil {
			return err
		}
		old = s.Store.table(t.Path)
	}
	if old != nil {
		if ifNotExists {
			return nil
		}
		what := old.Kind()
		if t.Temporary {
			what = "temporary " + what
		}
		return diag.New(diag.AlreadyExists, "%s %s already exists", what, t.Path).
			WithHint("add IF NOT EXISTS, or drop it first")
	}
	return s.ReplaceTable(t)
}

// ReplaceTable stores a table whether or not it exists.
func (s *Session) ReplaceTable(t *Table) error {
	if t.Temporary {
		s.mu.Lock()
		s.temporary[t.Path] = t
		s.mu.Unlock()
		return nil
	}
	return s.Store.put(t)
}

// DropTable removes a table or view.
func (s *Session) DropTable(p Path, view, temporary, ifExists bool) error {
	what := "table"
	if view {
		what = "view"
	}
	s.mu.RLock()
	temp := s.temporary[p]
	s.mu.RUnlock()
	if temporary {
		if temp == nil || temp.View != view {
			if ifExists {
				return nil
			}
			return diag.New(diag.UnknownTable, "no temporary %s %s", what, p)
		}
		s.mu.Lock()
		delete(s.temporary, p)
		s.mu.Unlock()
		return nil
	}
	if temp != nil && temp.View == view {
		return diag.New(diag.InvalidQuery, "a temporary %s with the name %s exists", what, p).
			WithHint("drop it first with DROP TEMPORARY %s", map[bool]string{false: "TABLE", true: "VIEW"}[view])
	}
	t := s.Store.table(p)
	if t == nil || t.View != view {
		if ifExists {
			return nil
		}
		e := diag.New(diag.UnknownTable, "no %s %s", what, p)
		if t != nil {
			return e.WithHint("%s is a %s: use DROP %s", p, t.Kind(), map[bool]string{true: "TABLE", false: "VIEW"}[view])
		}
		return e
	}
	s.Store.remove(p)
	return nil
}

// Rename moves a table to another name in its database.
func (s *Session) Rename(t *Table, to Path) error {
	if s.Table(to) != nil {
		return diag.New(diag.AlreadyExists, "%s %s already exists", t.Kind(), to)
	}
	c := *t
	c.Path = to
	if t.Temporary {
		s.mu.Lock()
		delete(s.temporary, t.Path)
		s.mu.Unlock()
	} else {
		s.Store.remove(t.Path)
	}
	return s.ReplaceTable(&c)
}
