package catalog

import (
	"maps"
	"slices"
	"sync"

	"github.com/minkstream/mink/engine/diag"
)

// InMemory is the 'type' of a Memory catalog.
const InMemory = "generic_in_memory"

// Memory is a catalog that is gone when its process ends.
type Memory struct {
	first string

	mu        sync.RWMutex
	databases map[string]*memoryDatabase
}

type memoryDatabase struct {
	info    Info
	objects [kinds]map[string]Object
}

// NewMemory makes a catalog with one empty database.
func NewMemory(first string) *Memory {
	m := &Memory{first: first, databases: map[string]*memoryDatabase{}}
	m.databases[first] = newMemoryDatabase(Info{})
	return m
}

func newMemoryDatabase(info Info) *memoryDatabase {
	d := &memoryDatabase{info: info}
	for k := range d.objects {
		d.objects[k] = map[string]Object{}
	}
	return d
}

// First is the database it was made with.
func (m *Memory) First() string { return m.first }

// Close does nothing.
func (m *Memory) Close() error { return nil }

// Databases lists names in order.
func (m *Memory) Databases() ([]string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Sorted(maps.Keys(m.databases)), nil
}

// Database returns nil when there is none of that name.
func (m *Memory) Database(name string) (*Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if d := m.databases[name]; d != nil {
		info := d.info
		return &info, nil
	}
	return nil, nil
}

// PutDatabase makes a database or changes what is known of it.
func (m *Memory) PutDatabase(name string, info Info) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.databases[name]
	if d == nil {
		m.databases[name] = newMemoryDatabase(info)
	} else {
		d.info = info
	}
	return nil
}

// RemoveDatabase removes a database with all that is in it.
func (m *Memory) RemoveDatabase(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.databases, name)
	return nil
}

// List gives an entry for each object of a namespace.
func (m *Memory) List(k Kind, db string) ([]Entry, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	d := m.databases[db]
	if d == nil {
		return nil, nil
	}
	var out []Entry
	for _, n := range slices.Sorted(maps.Keys(d.objects[k])) {
		out = append(out, Entry{Name: n, What: d.objects[k][n].What()})
	}
	return out, nil
}

// Get returns an object.
func (m *Memory) Get(k Kind, p Path) (Object, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if d := m.databases[p.Database]; d != nil {
		if o, ok := d.objects[k][p.Object]; ok {
			return o, nil
		}
	}
	return nil, nil
}

// Put stores an object.
func (m *Memory) Put(o Object) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := o.Where()
	d := m.databases[p.Database]
	if d == nil {
		return diag.New(diag.NotFound, "no database %s in catalog %s", p.Database, p.Catalog)
	}
	d.objects[o.Space()][p.Object] = o
	return nil
}

// Remove takes an object away.
func (m *Memory) Remove(o Object) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := o.Where()
	if d := m.databases[p.Database]; d != nil {
		delete(d.objects[o.Space()], p.Object)
	}
	return nil
}

// Keeps refuses connections: their secrets would have no store.
func (m *Memory) Keeps(k Kind) error {
	if k == Connections {
		return diag.New(diag.UnsupportedByFlink, "a catalog in memory has no store for the secrets of connections").
			WithHint("CREATE TEMPORARY CONNECTION makes one for the session")
	}
	return nil
}
