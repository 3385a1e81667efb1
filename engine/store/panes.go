package state

import (
	"slices"
	"strconv"
)

// Panes is a row of keyed tables by time: one for each pane of a window, dropped
// as a whole.
type Panes struct {
	name   string
	store  *Store
	spec   TableSpec
	starts []int64
	tables []*Table
}

// Panes returns the panes of that name, filled if they were restored. All have
// the shape of spec.
func (s *Store) Panes(name string, spec TableSpec) *Panes {
	p := &Panes{name: name, store: s, spec: spec}
	s.add(name, p)
	return p
}

// Get is the pane that starts at start, or nil.
func (p *Panes) Get(start int64) *Table {
	if i, ok := slices.BinarySearch(p.starts, start); ok {
		return p.tables[i]
	}
	return nil
}

// Make is the pane that starts at start, made if it is not there.
func (p *Panes) Make(start int64) *Table {
	i, ok := slices.BinarySearch(p.starts, start)
	if !ok {
		t := newTable(p.store, p.name+"@"+strconv.FormatInt(start, 10), p.spec)
		p.starts, p.tables = slices.Insert(p.starts, i, start), slices.Insert(p.tables, i, t)
	}
	return p.tables[i]
}

// Starts appends the starts of all panes, ascending.
func (p *Panes) Starts(dst []int64) []int64 { return append(dst, p.starts...) }

// Drop drops a pane.
func (p *Panes) Drop(start int64) {
	if i, ok := slices.BinarySearch(p.starts, start); ok {
		p.starts, p.tables = slices.Delete(p.starts, i, i+1), slices.Delete(p.tables, i, i+1)
	}
}

// DropBelow drops all panes that start below start.
func (p *Panes) DropBelow(start int64) {
	i, _ := slices.BinarySearch(p.starts, start)
	p.starts, p.tables = slices.Delete(p.starts, 0, i), slices.Delete(p.tables, 0, i)
}

// Scratch returns a table that is in no snapshot: for running window totals and
// merges, which can be made again from what is saved.
func (s *Store) Scratch(spec TableSpec) *Table { return newTable(s, "scratch", spec) }
