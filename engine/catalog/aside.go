package catalog

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// Aside is a session like this one in which statements can be tried: what they make, change
// and drop is seen by what follows in it and by nobody else, and is gone with it.
func (s *Session) Aside() *Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := &Session{
		Store: s.Store.aside(), Host: s.Host, Config: s.Config.clone(), At: s.At, Since: s.Since,
		catalog: s.catalog, database: s.database, own: maps.Clone(s.own), system: s.system,
		modules: modules{slices.Clone(s.modules.loaded), slices.Clone(s.modules.used)},
	}
	for k := range s.temporary {
		t.temporary[k] = maps.Clone(s.temporary[k])
	}
	return t
}

func (c *Config) clone() *Config {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return &Config{values: maps.Clone(c.values), base: maps.Clone(c.base)}
}

// aside is a store whose catalogs keep to themselves what is changed in them.
func (s *Store) aside() *Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := &Store{catalogs: map[string]*mounted{}, statistics: maps.Clone(s.statistics), Outlives: s.Outlives, tried: true}
	for name, m := range s.catalogs {
		out.catalogs[name] = &mounted{besides(m.Catalog), m.info}
	}
	return out
}

// besides is a catalog that keeps to itself what is changed in it.
func besides(below Catalog) Catalog {
	c := &asideCatalog{Catalog: below, changed: map[string]*asideDatabase{}}
	if v, ok := below.(Versioned); ok {
		return &asideVersions{c, v}
	}
	return c
}

// asideCatalog is a catalog with changes that it does not hear of.
type asideCatalog struct {
	Catalog // what is read where nothing was changed

	mu      sync.RWMutex
	changed map[string]*asideDatabase
}

// asideDatabase is what was changed of a database.
type asideDatabase struct {
	// info is nil where that was not changed; made says that all there is of the database is
	// here; gone that it was removed.
	info       *Info
	made, gone bool
	objects    [kinds]map[string]Object // nil values are of objects that were removed
}

// of is what is changed of a database, for more changes. The lock is held.
func (c *asideCatalog) of(name string) *asideDatabase {
	d := c.changed[name]
	if d == nil {
		d = &asideDatabase{}
		for k := range d.objects {
			d.objects[k] = map[string]Object{}
		}
		c.changed[name] = d
	}
	return d
}

// Close leaves the catalog open: it is not this one's.
func (c *asideCatalog) Close() error { return nil }

func (c *asideCatalog) Databases() ([]string, error) {
	list, err := c.Catalog.Databases()
	if err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := slices.DeleteFunc(slices.Clone(list), func(name string) bool { d := c.changed[name]; return d != nil && d.gone })
	for name, d := range c.changed {
		if !d.gone && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (c *asideCatalog) Database(name string) (*Info, error) {
	c.mu.RLock()
	d := c.changed[name]
	c.mu.RUnlock()
	switch {
	case d != nil && d.gone:
		return nil, nil
	case d != nil && d.info != nil:
		info := *d.info
		return &info, nil
	}
	return c.Catalog.Database(name)
}

func (c *asideCatalog) PutDatabase(name string, info Info) error {
	was, err := c.Catalog.Database(name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.of(name)
	d.info, d.made, d.gone = &info, d.made || d.gone || was == nil, false
	return nil
}

func (c *asideCatalog) RemoveDatabase(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.changed, name)
	c.of(name).gone = true
	return nil
}

func (c *asideCatalog) List(k Kind, db string) ([]Entry, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d := c.changed[db]
	var out []Entry
	if d == nil || !d.gone && !d.made {
		list, err := c.Catalog.List(k, db)
		if err != nil || d == nil {
			return list, err
		}
		out = slices.DeleteFunc(slices.Clone(list), func(e Entry) bool { _, ok := d.objects[k][e.Name]; return ok })
	}
	for name, o := range d.objects[k] {
		if o != nil {
			out = append(out, Entry{Name: name, What: o.What()})
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (c *asideCatalog) Get(k Kind, p Path) (Object, error) {
	c.mu.RLock()
	d := c.changed[p.Database]
	var o Object
	known := false
	if d != nil {
		o, known = d.objects[k][p.Object]
		known = known || d.gone || d.made
	}
	c.mu.RUnlock()
	if known {
		return o, nil
	}
	return c.Catalog.Get(k, p)
}

func (c *asideCatalog) Put(o Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := o.Where()
	c.of(p.Database).objects[o.Space()][p.Object] = o
	return nil
}

func (c *asideCatalog) Remove(o Object) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := o.Where()
	c.of(p.Database).objects[o.Space()][p.Object] = nil
	return nil
}

// asideVersions is the same for a catalog that keeps old versions: those that are there by now.
type asideVersions struct {
	*asideCatalog
	below Versioned
}

func (c *asideVersions) AsOf(k Kind, p Path, millis int64) (*Definition, error) {
	return c.below.AsOf(k, p, millis)
}

func (c *asideVersions) Versions(k Kind, p Path) ([]*Definition, error) {
	return c.below.Versions(k, p)
}

// DropVersions drops nothing: what is tried leaves the past alone.
func (c *asideVersions) DropVersions(Kind, Path, []int) error { return nil }
