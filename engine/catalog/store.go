package catalog

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
)

// Store holds the catalogs of an engine by name.
type Store struct {
	mu       sync.RWMutex
	catalogs map[string]*mounted
	// statistics are those of tables that were analyzed.
	statistics map[Path]analyzed
	// Keep, unless nil, is told of a catalog before it is created or changed, and with nil
	// before it is dropped; its error keeps that from happening. Set it before use.
	Keep func(name string, info *Info) error
	// Outlives says that the default catalog is there when the next session begins. Set it
	// before use.
	Outlives bool
	// tried: what is changed in its catalogs is seen by nobody else; see aside.go.
	tried bool
}

// mounted is a catalog with what CREATE CATALOG said of it.
type mounted struct {
	Catalog
	info Info
}

// NewStore makes a store with the default catalog and database.
func NewStore() *Store {
	return NewStoreOn(NewMemory(DefaultDatabase), Info{Options: connect.Options{"type": InMemory}})
}

// NewStoreOn makes a store with another default catalog.
func NewStoreOn(first Catalog, info Info) *Store {
	return &Store{catalogs: map[string]*mounted{DefaultCatalog: {first, info}}}
}

// keep is called with the lock held.
func (s *Store) keep(name string, info *Info) error {
	if s.Keep == nil {
		return nil
	}
	return s.Keep(name, info)
}

// CreateCatalog adds a catalog. It fails with already-exists.
func (s *Store) CreateCatalog(name string, info Info, c Catalog) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.catalogs[name]; ok {
		return diag.New(diag.AlreadyExists, "catalog %s already exists", name)
	}
	if err := s.keep(name, &info); err != nil {
		return err
	}
	if s.tried {
		c = besides(c)
	}
	s.catalogs[name] = &mounted{c, info}
	return nil
}

// DropCatalog forgets a catalog; what is in memory alone is lost.
func (s *Store) DropCatalog(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.catalogs[name]
	if !ok {
		return s.noCatalog(name)
	}
	if err := s.keep(name, nil); err != nil {
		return err
	}
	delete(s.catalogs, name)
	return c.Close()
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
func (s *Store) CatalogInfo(name string) (Info, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.catalogs[name]
	if c == nil {
		return Info{}, s.noCatalog(name)
	}
	return c.info, nil
}

// AlterCatalog replaces comment and options of a catalog.
func (s *Store) AlterCatalog(name string, info Info) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.catalogs[name]
	if c == nil {
		return s.noCatalog(name)
	}
	if err := s.keep(name, &info); err != nil {
		return err
	}
	s.catalogs[name] = &mounted{c.Catalog, info}
	return nil
}

// Catalog returns a catalog. It fails with not-found.
func (s *Store) Catalog(name string) (Catalog, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.catalogs[name]
	if c == nil {
		return nil, s.noCatalog(name)
	}
	return c.Catalog, nil
}

// CreateDatabase adds a database. It fails with already-exists or not-found.
func (s *Store) CreateDatabase(cat, name string, info Info) error {
	c, err := s.Catalog(cat)
	if err != nil {
		return err
	}
	if d, err := c.Database(name); err != nil || d != nil || Reserved(name) {
		if err == nil {
			err = diag.New(diag.AlreadyExists, "database %s.%s already exists", cat, name)
		}
		return err
	}
	return c.PutDatabase(name, info)
}

// DropDatabase removes a database, and with cascade what is in it.
func (s *Store) DropDatabase(cat, name string, cascade bool) error {
	c, err := s.open(cat, name)
	if err != nil {
		return err
	}
	for k := Tables; k < kinds && !cascade; k++ {
		list, err := c.List(k, name)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			return diag.New(diag.InvalidQuery, "database %s.%s is not empty", cat, name).
				WithHint("DROP DATABASE %s CASCADE drops what is in it too", Quote(name))
		}
	}
	return c.RemoveDatabase(name)
}

// Databases lists the names of a catalog's databases in order.
func (s *Store) Databases(cat string) ([]string, error) {
	c, err := s.Catalog(cat)
	if err != nil {
		return nil, err
	}
	return c.Databases()
}

// Database returns what is known of a database. It fails with not-found.
func (s *Store) Database(cat, name string) (Info, error) {
	c, err := s.open(cat, name)
	if err != nil {
		return Info{}, err
	}
	d, err := c.Database(name)
	if err != nil || d == nil {
		return Info{}, err
	}
	return *d, nil
}

// CheckDatabase fails with not-found unless the database exists.
func (s *Store) CheckDatabase(cat, name string) error {
	c, err := s.Catalog(cat)
	if err != nil || Reserved(name) {
		return err
	}
	_, err = s.open(cat, name)
	_ = c
	return err
}

// open returns a catalog that has the database.
func (s *Store) open(cat, name string) (Catalog, error) {
	c, err := s.Catalog(cat)
	if err != nil {
		return nil, err
	}
	d, err := c.Database(name)
	if err != nil {
		return nil, err
	}
	if d == nil {
		e := diag.New(diag.NotFound, "no database %s in catalog %s", name, cat)
		names, _ := c.Databases()
		if g := diag.Suggest(name, names); g != "" {
			e.WithHint("did you mean %s", g)
		} else if len(names) > 0 {
			e.WithNote(diag.Span{}, "databases are: %s", strings.Join(names, ", "))
		}
		return nil, e
	}
	return c, nil
}

// noCatalog is called with the lock held.
func (s *Store) noCatalog(name string) error {
	e := diag.New(diag.NotFound, "no catalog %s", name)
	names := slices.Sorted(maps.Keys(s.catalogs))
	if g := diag.Suggest(name, names); g != "" {
		return e.WithHint("did you mean %s", g)
	}
	return e.WithNote(diag.Span{}, "catalogs are: %s", strings.Join(names, ", "))
}

// Databases that every catalog has without being asked.
const (
	InformationSchema = "information_schema"
	SystemDatabase    = "system"
	// MinkDatabase has tables about the session's jobs. SHOW DATABASES does not list
	// it, since Flink has none.
	MinkDatabase = "mink"
)

// Reserved reports whether a database's name belongs to mink.
func Reserved(database string) bool { return database == InformationSchema || database == MinkDatabase }
