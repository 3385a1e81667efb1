package catalog

import (
	"maps"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
)

// stored returns what a catalog has under a path, bound or not; nil when there is
// nothing, or no such catalog.
func (s *Session) stored(k Kind, p Path) (Object, error) {
	if !s.Store.HasCatalog(p.Catalog) {
		return nil, nil
	}
	c, err := s.Store.Catalog(p.Catalog)
	if err != nil {
		return nil, err
	}
	return c.Get(k, p)
}

func (s *Session) temp(k Kind, p Path) Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.temporary[k][p]
}

// Find returns an object, a temporary one first. It returns nil when there is none,
// and fails when a catalog cannot be read or a definition does not hold any more.
func (s *Session) Find(k Kind, p Path) (Object, error) {
	if k == Tables {
		if t := s.systemTable(p); t != nil {
			return t, nil
		}
	}
	if o := s.temp(k, p); o != nil {
		return s.traced(o), nil
	}
	o, err := s.stored(k, p)
	if err != nil || o == nil {
		return nil, err
	}
	if o, err = s.Bind(o); err != nil {
		return nil, err
	}
	return s.traced(o), nil
}

func (s *Session) traced(o Object) Object {
	if s.Trace != nil {
		s.Trace(o)
	}
	return o
}

// Bind makes what a definition of a catalog on disk defines; other objects are what
// they are.
func (s *Session) Bind(o Object) (Object, error) {
	d, ok := o.(*Definition)
	if !ok {
		return o, nil
	}
	if err := s.enter(d); err != nil {
		return nil, err
	}
	defer s.leave()
	o, err := s.Host.Define(s, d)
	if err != nil {
		return nil, err
	}
	Loaded(o, d)
	return o, nil
}

// nestMax is how deep definitions may lie in one another.
const nestMax = 64

// enter notes that a definition is being bound: a view may come back to itself.
func (s *Session) enter(d *Definition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.ContainsFunc(s.binding, func(o *Definition) bool { return o.Kind == d.Kind && o.Path == d.Path }) {
		return diag.New(diag.InvalidQuery, "%s %s reads itself", d.Word, d.Path)
	}
	if len(s.binding) >= nestMax {
		return diag.New(diag.LimitExceeded, "views are nested more than %d deep", nestMax)
	}
	s.binding = append(s.binding, d)
	return nil
}

func (s *Session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.binding = s.binding[:len(s.binding)-1]
}

// Table finds a table or view: temporary ones first. It returns nil when there is
// none.
func (s *Session) Table(p Path) (*Table, error) {
	o, err := s.Find(Tables, p)
	if o == nil || err != nil {
		return nil, err
	}
	return o.(*Table), nil
}

// Model finds a model, or returns nil.
func (s *Session) Model(p Path) (*Model, error) {
	o, err := s.Find(Models, p)
	if o == nil || err != nil {
		return nil, err
	}
	return o.(*Model), nil
}

// TableAsOf returns the table as it was defined at a time, in milliseconds of the
// epoch; nil when there was none.
func (s *Session) TableAsOf(p Path, millis int64) (*Table, error) {
	if s.temp(Tables, p) != nil {
		return nil, diag.New(diag.UnsupportedByFlink, "%s is temporary and has no versions to go back to", p)
	}
	c, err := s.Store.Catalog(p.Catalog)
	if err != nil {
		return nil, err
	}
	v, ok := c.(Versioned)
	if !ok {
		return nil, diag.New(diag.UnsupportedByFlink, "catalog %s keeps no old versions of its tables, so none can be read as of a time", p.Catalog).
			WithHint("a catalog of type '%s' keeps them", OnDisk)
	}
	d, err := v.AsOf(Tables, p, millis)
	if d == nil || err != nil {
		return nil, err
	}
	o, err := s.Bind(d)
	if err != nil {
		return nil, err
	}
	return o.(*Table), nil
}

// List names the objects of a namespace, temporary ones included, in order.
func (s *Session) List(k Kind, cat, db string) ([]Entry, error) {
	c, err := s.Store.Catalog(cat)
	if err != nil {
		return nil, err
	}
	list, err := c.List(k, db)
	if err != nil {
		return nil, err
	}
	byName := map[string]Entry{}
	for _, e := range list {
		byName[e.Name] = e
	}
	if k == Tables {
		for _, t := range s.systemTables(cat, db) {
			byName[t.Path.Object] = Entry{Name: t.Path.Object, What: t.What()}
		}
	}
	s.mu.RLock()
	for p, o := range s.temporary[k] {
		if p.Catalog == cat && p.Database == db {
			byName[p.Object] = Entry{Name: p.Object, What: o.What(), Temporary: true}
		}
	}
	s.mu.RUnlock()
	var out []Entry
	for _, n := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[n])
	}
	return out, nil
}

// Names is List without the rest, for suggestions: what cannot be read is left out.
func (s *Session) Names(k Kind, cat, db string) []string {
	list, err := s.List(k, cat, db)
	if err != nil {
		return nil
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.Name
	}
	return out
}

// Create stores a new object. With ifNotExists an existing one stays. It fails with
// already-exists or not-found.
func (s *Session) Create(o Object, temporary, ifNotExists bool) error {
	k, p := o.Space(), o.Where()
	var old Object
	if temporary {
		old = s.temp(k, p)
	} else {
		if err := s.Store.CheckDatabase(p.Catalog, p.Database); err != nil {
			return err
		}
		if err := s.readOnly(p); err != nil {
			return err
		}
		c, err := s.Store.Catalog(p.Catalog)
		if err != nil {
			return err
		}
		if err := c.Keeps(k); err != nil {
			return err
		}
		if old, err = c.Get(k, p); err != nil {
			return err
		}
	}
	if old != nil {
		if ifNotExists || !temporary && s.takes(old, o) {
			return nil
		}
		if temporary {
			return s.exists(Path{}, "temporary %s %s already exists", old.What(), p.Text())
		}
		return s.exists(p, "%s %s already exists", old.What(), p.Text())
	}
	if !temporary {
		s.made(o.What(), p)
	}
	return s.Replace(o, temporary)
}

// Text is a full name, or the name alone of what belongs to no database.
func (p Path) Text() string {
	if p.Database == "" {
		return Quote(p.Object)
	}
	return p.String()
}

// readOnly refuses changes in databases of mink's own.
func (s *Session) readOnly(p Path) error {
	if Reserved(p.Database) {
		return diag.New(diag.InvalidQuery, "database %s can only be read", p.Database)
	}
	return nil
}

// Replace stores an object whether or not it exists. One that was changed is a copy
// of the one found.
func (s *Session) Replace(o Object, temporary bool) error {
	k, p := o.Space(), o.Where()
	if temporary {
		s.mu.Lock()
		s.temporary[k][p] = o
		s.mu.Unlock()
		return nil
	}
	if err := s.Store.CheckDatabase(p.Catalog, p.Database); err != nil {
		return err
	}
	c, err := s.Store.Catalog(p.Catalog)
	if err != nil {
		return err
	}
	return c.Put(o)
}

// CreateTable stores a table or view. With ifNotExists an existing one stays.
func (s *Session) CreateTable(t *Table, ifNotExists bool) error {
	return s.Create(t, t.Temporary, ifNotExists)
}

// ReplaceTable stores a table whether or not it exists.
func (s *Session) ReplaceTable(t *Table) error { return s.Replace(t, t.Temporary) }

// Drop removes an object of the kind that what names, such as "view". It need not be
// one that still holds. It fails with not-found, for tables with unknown-table.
func (s *Session) Drop(k Kind, p Path, what string, temporary, ifExists bool) error {
	if k == Tables && s.systemTable(p) != nil {
		return s.readOnly(p)
	}
	temp := s.temp(k, p)
	if temporary {
		if temp == nil || temp.What() != what {
			if ifExists {
				return nil
			}
			return diag.New(missing(k), "no temporary %s %s", what, p.Text())
		}
		s.mu.Lock()
		delete(s.temporary[k], p)
		s.mu.Unlock()
		return nil
	}
	if temp != nil && temp.What() == what {
		return diag.New(diag.InvalidQuery, "a temporary %s with the name %s exists", what, p.Text()).
			WithHint("drop it first with DROP TEMPORARY %s", strings.ToUpper(what))
	}
	o, err := s.stored(k, p)
	if err != nil {
		return err
	}
	if o == nil || o.What() != what {
		if ifExists {
			return nil
		}
		e := diag.New(missing(k), "no %s %s", what, p.Text())
		if o != nil {
			return e.WithHint("%s is a %s: use DROP %s", p, o.What(), strings.ToUpper(o.What()))
		}
		if g := diag.Suggest(p.Object, s.Names(k, p.Catalog, p.Database)); g != "" {
			e.WithHint("did you mean %s", g)
		}
		return e
	}
	c, err := s.Store.Catalog(p.Catalog)
	if err != nil {
		return err
	}
	return c.Remove(o)
}

// missing is the code for an object that is not there.
func missing(k Kind) diag.Code {
	if k == Tables {
		return diag.UnknownTable
	}
	return diag.NotFound
}

// Rename moves an object to another name in its catalog: renamed is a copy of it with
// that name. A crash between the two steps of a catalog on disk leaves both.
func (s *Session) Rename(o, renamed Object, temporary bool) error {
	k, to := o.Space(), renamed.Where()
	if from := o.Where(); to.Catalog != from.Catalog {
		return diag.New(diag.InvalidArgument, "%s cannot move from catalog %s to %s", o.What(), from.Catalog, to.Catalog)
	}
	old, err := s.stored(k, to)
	if err != nil {
		return err
	}
	// A model that stays may have the name of a temporary one, which hides it.
	if old != nil || s.temp(k, to) != nil && (temporary || k != Models) {
		return diag.New(diag.AlreadyExists, "%s %s already exists", o.What(), to)
	}
	if temporary {
		s.mu.Lock()
		delete(s.temporary[k], o.Where())
		s.temporary[k][to] = renamed
		s.mu.Unlock()
		return nil
	}
	if err := s.Store.CheckDatabase(to.Catalog, to.Database); err != nil {
		return err
	}
	c, err := s.Store.Catalog(to.Catalog)
	if err != nil {
		return err
	}
	if err := c.Put(renamed); err != nil {
		return err
	}
	return c.Remove(o)
}
