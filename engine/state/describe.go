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
	// Expired is how many entries were found to be beyond their TTL by this process, some
	// of them more than once.
	Expired int64
}

// Describe lists the structures in the order they were made.
func (s *Store) Describe() []Description {
	var out []Description
	for _, x := range s.structs {
		out = append(out, x.describe())
	}
	return out
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
	return Description{Name: t.name, Kind: "table", Shape: shape("key", t.spec.Key, t.spec.Lanes, t.spec.TTL), Entries: int64(t.Len()), MemBytes: t.mem(), Spilled: int64(t.cold.n), Expired: t.lapsed}
}

func (s *Sorted) describe() Description {
	d := s.keys.describe()
	d.Kind, d.Entries = "sorted", s.li.n
	return d
}

func (m *MultiMap) describe() Description {
	d := Description{Name: m.name, Kind: "multi-map", Shape: shape("key", m.spec.Key, len(m.spec.Row), m.spec.TTL), Entries: int64(m.live), MemBytes: m.mem(), Expired: m.lapsed}
	for i := m.a.first; i < len(m.a.pages); i++ {
		if p := &m.a.pages[i]; p.data == nil {
			d.Spilled += int64(p.live)
		}
	}
	return d
}

func (q *Queue) describe() Description {
	d := Description{Name: q.name, Kind: "queue", Shape: "by time", Entries: int64(q.n), MemBytes: q.mem()}
	for i := range q.buckets {
		d.Spilled += int64(q.buckets[i].cold)
	}
	return d
}

func (p *Panes) describe() Description {
	d := Description{Name: p.name, Kind: "panes", Shape: shape("key", p.spec.Key, p.spec.Lanes, 0), MemBytes: p.mem()}
	for _, t := range p.tables {
		d.Entries += int64(t.Len())
		d.Spilled += int64(t.cold.n)
	}
	return d
}

func (s *Set) describe() Description {
	d := s.t.describe()
	d.Kind, d.Shape = "set", shape("value", s.spec.Value, s.spec.Filters, s.spec.TTL)
	return d
}

func (v *Value) describe() Description {
	return Description{Name: v.name, Kind: "value", Entries: 1, MemBytes: v.mem()}
}

func (c *Counters) describe() Description {
	return Description{Name: c.name, Kind: "counters", Entries: int64(len(c.n)), MemBytes: c.mem()}
}
