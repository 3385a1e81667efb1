package catalog

import (
	"maps"

	"github.com/minkstream/mink/engine/diag"
)

// What a cluster's default catalog keeps is there when the next session begins, while in Apache
// Flink every session begins with an empty default catalog. So that a script can run again
// as it can there, a CREATE of what another session made, word for word the same, takes it
// as it is. What is not the same, or was made by the session itself, exists already.

// outlives reports whether sessions find in a catalog what earlier ones made where in
// Apache Flink each has a catalog of its own.
func (s *Store) outlives(cat string) bool {
	if !s.Outlives {
		return false
	}
	c, err := s.Catalog(cat)
	_, memory := c.(*Memory)
	return err == nil && (memory || cat == DefaultCatalog)
}

// made notes that this session has made an object, and tells whether it had before.
func (s *Session) made(word string, p Path) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := word + " " + p.String()
	if s.own[key] {
		return true
	}
	if s.own == nil {
		s.own = map[string]bool{}
	}
	s.own[key] = true
	return false
}

// takes reports whether old, of another session, stands for o.
func (s *Session) takes(old, o Object) bool {
	p := o.Where()
	return s.Store.outlives(p.Catalog) && old.What() == o.What() && old.DDL() == o.DDL() && scopeOf(old) == scopeOf(o) && !s.made(o.What(), p)
}

// scopeOf is where the query of a view resolves names.
func scopeOf(o Object) Path {
	var in Path
	switch o := o.(type) {
	case *Definition:
		in = o.Scope
	case *Table:
		if o.View || o.Materialized != nil {
			in = o.Scope
		}
	}
	if in.Catalog == o.Where().Catalog {
		in.Catalog = ""
	}
	return in
}

// exists is the error of a CREATE for something that is there.
func (s *Session) exists(p Path, format string, args ...any) *diag.Error {
	e := diag.New(diag.AlreadyExists, format, args...)
	if s.Store.outlives(p.Catalog) {
		return e.WithHint("the cluster keeps what sessions made, and this is not word for word the same: drop it first, or add IF NOT EXISTS")
	}
	return e.WithHint("add IF NOT EXISTS, or drop it first")
}

// like reports whether two say the same.
func (i Info) like(o Info) bool { return i.Comment == o.Comment && maps.Equal(i.Options, o.Options) }

// CreateDatabase adds a database. It fails with already-exists or not-found.
func (s *Session) CreateDatabase(cat, name string, info Info) error {
	err := s.Store.CreateDatabase(cat, name, info)
	switch {
	case err == nil:
		s.made("database", Path{Catalog: cat, Database: name})
	case s.Store.outlives(cat) && diag.CodeOf(err) == diag.AlreadyExists:
		old, e := s.Store.Database(cat, name)
		if e == nil && old.like(info) && !s.made("database", Path{Catalog: cat, Database: name}) {
			return nil
		}
	}
	return err
}

// CreateCatalog adds a catalog. It fails with already-exists.
func (s *Session) CreateCatalog(name string, info Info, c Catalog) error {
	err := s.Store.CreateCatalog(name, info, c)
	switch {
	case err == nil:
		s.made("catalog", Path{Catalog: name})
	case s.Store.Outlives && diag.CodeOf(err) == diag.AlreadyExists:
		old, e := s.Store.CatalogInfo(name)
		if e == nil && old.like(info) && !s.made("catalog", Path{Catalog: name}) {
			return c.Close()
		}
	}
	return err
}
