package state

import "slices"

// Panes is a row of keyed tables by time: one for each pane of a window, dropped
// as a whole.
type Panes struct {
	name   string
	s      *Store
	spec   TableSpec
	starts []int64
	tables []*Table
	// Panes dropped since the last snapshot, and between the last confirmed
	// checkpoint and it.
	gone, gonePend []int64
}

// Panes returns the panes of that name, filled if they were restored. All have
// the shape of spec.
func (s *Store) Panes(name string, spec TableSpec) *Panes {
	if x, ok := adopt[*Panes](s, name); ok {
		return x
	}
	p := &Panes{name: name, s: s, spec: spec}
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
		// There are many panes at a time, and most are small.
		t := p.s.newTable(p.name, p.spec, nil, max(256, p.s.c.PageBytes/8))
		p.starts, p.tables = slices.Insert(p.starts, i, start), slices.Insert(p.tables, i, t)
	}
	return p.tables[i]
}

// Starts appends the starts of all panes, ascending.
func (p *Panes) Starts(dst []int64) []int64 { return append(dst, p.starts...) }

// Drop drops a pane.
func (p *Panes) Drop(start int64) {
	if i, ok := slices.BinarySearch(p.starts, start); ok {
		p.drop(i, i+1)
	}
}

// DropBelow drops all panes that start below start.
func (p *Panes) DropBelow(start int64) {
	i, _ := slices.BinarySearch(p.starts, start)
	p.drop(0, i)
}

func (p *Panes) drop(from, to int) {
	for i := from; i < to; i++ {
		p.tables[i].cold.drop()
		if p.s.snaps.taken {
			p.gone = append(p.gone, p.starts[i])
		}
	}
	p.starts, p.tables = slices.Delete(p.starts, from, to), slices.Delete(p.tables, from, to)
}

// panesImage is all panes at one moment.
type panesImage struct {
	name string
	gone []int64
	all  []*tableImage
}

func (p *Panes) freeze(delta, keep bool) image {
	x := &panesImage{name: p.name}
	if keep {
		p.gonePend = append(slices.Clone(p.gonePend), p.gone...)
		p.gone = nil
	}
	if delta {
		x.gone = p.gonePend
	}
	for i, t := range p.tables {
		x.all = append(x.all, t.freezeAs(p.name, p.starts[i], delta, keep))
	}
	return x
}

func (p *Panes) parts(visit func(*part, int64)) {
	for _, t := range p.tables {
		t.parts(visit)
	}
}

func (p *Panes) confirmed() {
	p.gonePend = nil
	for _, t := range p.tables {
		t.confirmed()
	}
}

func (x *panesImage) write(w *snapWriter) {
	for _, start := range x.gone {
		w.section(x.name, kindClear, start)
		w.put(allGroups, nil)
	}
	for _, t := range x.all {
		t.write(w)
	}
}

func (p *Panes) load(e *savedEntry) bool {
	if e.kind == kindClear {
		if t := p.Get(e.sub); t != nil {
			if t.load(e); t.Len() == 0 {
				p.Drop(e.sub)
			}
		}
		return true
	}
	had := p.Get(e.sub) != nil
	t := p.Make(e.sub)
	if !t.load(e) {
		return false
	}
	if e.kind == kindPage && !had && t.Len() == 0 {
		p.Drop(e.sub) // all of its rows are others'
	}
	return true
}

func (p *Panes) mem() int64 {
	n := int64(0)
	for _, t := range p.tables {
		n += t.mem()
	}
	return n
}

// evict moves rows of the newest panes first: the oldest are read soonest.
func (p *Panes) evict(need int64, hard bool) int64 {
	freed := int64(0)
	for i := len(p.tables) - 1; i >= 0 && freed < need; i-- {
		freed += p.tables[i].evict(need-freed, hard)
	}
	return freed
}

func (p *Panes) sweep() {
	for _, t := range p.tables {
		t.sweep()
	}
}

func (p *Panes) tidy() {}
