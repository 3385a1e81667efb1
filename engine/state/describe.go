package state

import (
	"strconv"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/types"
)

// Description is what EXPLAIN, the debugger and metrics say of a structure.
type Description struct {
	Name string
	// Kind is "table", "multi-map", "sorted", "queue", "panes", "set", "value" or
	// "counters".
	Kind string
	// Shape is the shape in words, such as "key (BIGINT), 3 lanes, ttl 1h".
	Shape string
	// Entries is the number of entries, MemBytes what they take in memory, and
	// Spilled how many of them are on disk.
	Entries, MemBytes, Spilled int64
}

// Describe lists the structures in the order they were made.
func (s *Store) Describe() []Description {
	var out []Description
	for _, name := range s.names {
		out = append(out, s.structs[name].describe())
	}
	return out
}

func (t *Table) mem() int64 {
	return t.index.mem() + t.slab.mem() + int64(len(t.pages))*pageRows*int64(t.width)*8 + int64(len(t.free))*4
}

func shape(what string, key []types.Type, lanes int, ttl int64) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = k.String()
	}
	s := what + " (" + strings.Join(parts, ", ") + "), " + strconv.Itoa(lanes) + " lanes"
	if ttl > 0 {
		s += ", ttl " + (time.Duration(ttl) * time.Millisecond).String()
	}
	return s
}

func (t *Table) describe() Description {
	return Description{Name: t.name, Kind: "table", Shape: shape("key", t.spec.Key, t.spec.Lanes, t.spec.TTL), Entries: int64(t.live), MemBytes: t.mem()}
}

func (s *Sorted) describe() Description {
	mem := s.keys.mem() + s.slab.mem()
	for i := range s.lists {
		for _, b := range s.lists[i].blocks {
			mem += int64(cap(b)) * 8
		}
	}
	t := &s.spec.Table
	return Description{Name: s.name, Kind: "sorted", Shape: shape("key", t.Key, t.Lanes, t.TTL), Entries: s.n, MemBytes: mem}
}

func (m *MultiMap) describe() Description {
	mem := m.keys.mem()
	for _, p := range m.pages {
		mem += int64(len(p.data))
	}
	return Description{Name: m.name, Kind: "multi-map", Shape: shape("key", m.spec.Key, len(m.spec.Row), m.spec.TTL), Entries: int64(m.live), MemBytes: mem}
}

func (q *Queue) describe() Description {
	mem := q.slab.mem()
	for _, b := range q.buckets {
		mem += int64(cap(b.entries)) * 48
	}
	return Description{Name: q.name, Kind: "queue", Shape: "by time", Entries: int64(q.n), MemBytes: mem}
}

func (p *Panes) describe() Description {
	d := Description{Name: p.name, Kind: "panes", Shape: shape("key", p.spec.Key, p.spec.Lanes, 0)}
	for _, t := range p.tables {
		d.Entries += int64(t.live)
		d.MemBytes += t.mem()
	}
	return d
}

func (s *Set) describe() Description {
	mem := s.index.mem() + s.slab.mem() + int64(len(s.pages))*pageRows*int64(s.width)*8
	return Description{Name: s.name, Kind: "set", Shape: shape("value", s.spec.Value, s.spec.Filters, s.spec.TTL), Entries: int64(s.live), MemBytes: mem}
}

func (v *Value) describe() Description {
	return Description{Name: v.name, Kind: "value", Entries: 1, MemBytes: int64(len(v.b))}
}

func (c *Counters) describe() Description {
	return Description{Name: c.name, Kind: "counters", Entries: int64(len(c.n)), MemBytes: int64(len(c.n)) * 8}
}
