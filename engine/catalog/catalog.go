// Package catalog keeps tables, views and functions by name, and the state of a
// session that decides what a name means: current catalog and database, temporary
// objects, configuration.
//
// A Store is shared by all sessions of an engine and may be used by several
// goroutines; what it returns is never changed after it was stored. A Session
// belongs to one client. Nothing here touches connectors: whether a table's options
// are right shows when it is first used.
//
// Begin with Store, then Table in table.go, then Session in session.go.
package catalog

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/diag"
)

// Names that exist from the start.
const (
	DefaultCatalog  = "default_catalog"
	DefaultDatabase = "default_database"
)

// Path is the full name of an object.
type Path struct{ Catalog, Database, Object string }

// String quotes the parts as Flink does.
func (p Path) String() string {
	return Quote(p.Catalog) + "." + Quote(p.Database) + "." + Quote(p.Object)
}

// Quote puts a name in backticks.
func Quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Store holds catalogs.
type Store struct {
	mu       sync.RWMutex
	catalogs map[string]*catalog
}

type catalog struct {
	comment   string
	options   map[string]string
	databases map[string]*database
}

type database struct {
	comment string
	options map[string]string
	tables  map[string]*Table
	// functions are by lower-case name; nil until the first one is made.
	functions map[string]*UserFunction
}

// NewStore makes a store with the default catalog and database.
func NewStore() *Store {
	s := &Store{catalogs: map[string]*catalog{}}
	s.catalogs[DefaultCatalog] = newCatalog("", map[string]string{"type": "generic_in_memory"}, DefaultDatabase)
	return s
}

func newCatalog(comment string, options map[string]string, db string) *catalog {
	return &catalog{comment: comment, options: options, databases: map[string]*database{db: {tables: map[string]*Table{}}}}
}

// CreateCatalog adds an in-memory catalog; options['default-database'] names its
// first database. It fails with already-exists.
func (s *Store) CreateCatalog(name, comment string, options map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.catalogs[name]; ok {
		return diag.New(diag.AlreadyExists, "catalog %s already exists", name)
	}
	db := options["default-database"]
	if db == "" {
		db = "default"
	}
	s.catalogs[name] = newCatalog(comment, maps.Clone(options), db)
	return nil
}

// DropCatalog removes a catalog with all it holds.
func (s *Store) DropCatalog(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.catalogs[name]; !ok {
		return s.noCatalog(name)
	}
	delete(s.catalogs, name)
	return nil
}

// HasCatalog reports whether the catalog exists.
func (s *Store) HasCatalog(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.catalogs[name] != nil
}

// Catalogs lists names in order.
func (s *Store) Catalogs() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.catalogs))
}

// CatalogInfo returns comment and options of a catalog.
func (s *Store) CatalogInfo(name string) (comment string, options map[string]string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.catalogs[name]
	if c == nil {
		return "", nil, s.noCatalog(name)
	}
	return c.comment, maps.Clone(c.options), nil
}

// FirstDatabase is the database that USE CATALOG makes current.
func (s *Store) FirstDatabase(name string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.catalogs[name]
	if c == nil {
		return ""
	}
	if name == DefaultCatalog {
		return DefaultDatabase
	}
	if db := c.options["default-database"]; db != "" {
		return db
	}
	return "default"
}

// CreateDatabase adds a database. It fails with already-exists or not-found.
func (s *Store) CreateDatabase(cat, name, comment string, options map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.catalogs[cat]
	if c == nil {
		return s.noCatalog(cat)
	}
	if _, ok := c.databases[name]; ok {
		return diag.New(diag.AlreadyExists, "database %s.%s already exists", cat, name)
	}
	c.databases[name] = &database{comment: comment, options: maps.Clone(options), tables: map[string]*Table{}}
	return nil
}

// DropDatabase removes a database, and with cascade what is in it.
func (s *Store) DropDatabase(cat, name string, cascade bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.database(cat, name)
	if err != nil {
		return err
	}
	if len(d.tables)+len(d.functions) > 0 && !cascade {
		return diag.New(diag.InvalidQuery, "database %s.%s is not empty", cat, name).
			WithHint("DROP DATABASE %s CASCADE drops what is in it too", Quote(name))
	}
	delete(s.catalogs[cat].databases, name)
	return nil
}

// HasDatabase reports whether the database exists.
func (s *Store) HasDatabase(cat, name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.catalogs[cat]
	return c != nil && c.databases[name] != nil
}

// Databases lists the names of a catalog's databases in order.
func (s *Store) Databases(cat string) ([]string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.catalogs[cat]
	if c == nil {
		return nil, s.noCatalog(cat)
	}
	return slices.Sorted(maps.Keys(c.databases)), nil
}

// CheckDatabase fails with not-found unless the database exists.
func (s *Store) CheckDatabase(cat, name string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.database(cat, name)
	return err
}

func (s *Store) table(p Path) *Table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.catalogs[p.Catalog]; c != nil {
		if d := c.databases[p.Database]; d != nil {
			return d.tables[p.Object]
		}
	}
	return nil
}

func (s *Store) tables(cat, db string) []*Table {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d, err := s.database(cat, db)
	if err != nil {
		return nil
	}
	var out []*Table
	for _, n := range slices.Sorted(maps.Keys(d.tables)) {
		out = append(out, d.tables[n])
	}
	return out
}

func (s *Store) put(t *Table) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.database(t.Path.Catalog, t.Path.Database)
	if err != nil {
		return err
	}
	d.tables[t.Path.Object] = t
	return nil
}

func (s *Store) remove(p Path) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d, err := s.database(p.Catalog, p.Database); err == nil {
		delete(d.tables, p.Object)
	}
}

// database is called with the lock held.
func (s *Store) database(cat, name string) (*database, error) {
	c := s.catalogs[cat]
	if c == nil {
		return nil, s.noCatalog(cat)
	}
	d := c.databases[name]
	if d == nil {
		e := diag.New(diag.NotFound, "no database %s in catalog %s", name, cat)
		if g := diag.Suggest(name, slices.Sorted(maps.Keys(c.databases))); g != "" {
			e.WithHint("did you mean %s", g)
		}
		return nil, e
	}
	return d, nil
}

// noCatalog is called with the lock held.
func (s *Store) noCatalog(name string) error {
	e := diag.New(diag.NotFound, "no catalog %s", name)
	if g := diag.Suggest(name, slices.Sorted(maps.Keys(s.catalogs))); g != "" {
		e.WithHint("did you mean %s", g)
	}
	return e
}
