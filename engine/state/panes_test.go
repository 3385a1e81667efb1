package state

import (
	"maps"
	"slices"
	"testing"
)

// panesDriver is panes of counts beside Go maps, and with them a value and counters.
type panesDriver struct {
	kk keyKind
	m  panesModel
}

type panesModel struct {
	panes  map[int64]map[int]uint64
	value  string
	counts map[uint16]uint64
}

type panesParts struct {
	p *Panes
	v *Value
	c *Counters
}

const panesKeys = 30

func (d *panesDriver) open(s *Store) any {
	return &panesParts{s.Panes("p", TableSpec{Key: d.kk.types, Lanes: 1}), s.Value("v"), s.Counters("c")}
}

func (d *panesDriver) copy() any {
	m := panesModel{map[int64]map[int]uint64{}, d.m.value, maps.Clone(d.m.counts)}
	for k, l := range d.m.panes {
		m.panes[k] = maps.Clone(l)
	}
	return m
}

func (d *panesDriver) back(m any) { d.m = m.(panesModel) }

func (d *panesDriver) op(r *rig) {
	switch r.rnd.IntN(8) {
	case 0:
		below := r.now/100*100 - 300
		for _, p := range r.parts {
			p.(*panesParts).p.DropBelow(below)
		}
		maps.DeleteFunc(d.m.panes, func(s int64, _ map[int]uint64) bool { return s < below })
	case 1:
		start := r.now/100*100 - int64(r.rnd.IntN(3))*100
		for _, p := range r.parts {
			p.(*panesParts).p.Drop(start)
		}
		delete(d.m.panes, start)
	case 2:
		d.m.value = text(r.step)
		r.parts[0].(*panesParts).v.Set([]byte(d.m.value))
		kg := uint16(r.rnd.IntN(groups))
		d.m.counts[kg]++
		if got := r.parts[r.owner(kg)].(*panesParts).c.Next(kg); got != d.m.counts[kg] {
			r.fatal("the counter of %d is %d, not %d", kg, got, d.m.counts[kg])
		}
	default:
		start := r.now/100*100 - int64(r.rnd.IntN(4))*100
		ks := make([]int, 1+r.rnd.IntN(20))
		for i := range ks {
			ks[i] = r.rnd.IntN(panesKeys)
		}
		b, kv := d.kk.batch(ks)
		for i, sel := range r.split(kv, b.N) {
			if len(sel) == 0 {
				continue
			}
			t := r.parts[i].(*panesParts).p.Make(start)
			refs := make([]Ref, len(sel))
			t.Lookup(b, kv, sel, Upsert, refs, nil)
			if d.m.panes[start] == nil {
				d.m.panes[start] = map[int]uint64{}
			}
			for i, l := range sel {
				d.m.panes[start][ks[l]]++
				if t.Row(refs[i])[0]++; t.Row(refs[i])[0] < 1 {
					r.fatal("a count of 0")
				}
			}
		}
	}
}

func (d *panesDriver) check(r *rig) {
	for kg, n := range d.m.counts {
		if got := *r.parts[r.owner(kg)].(*panesParts).c.At(kg); got != n {
			r.fatal("the counter of %d is %d, not %d", kg, got, n)
		}
	}
	// The value of subtask 0 goes to whoever owns the first key group.
	v := r.parts[0].(*panesParts).v
	if got := string(v.Get()); got != d.m.value && len(v.Restored()) < 2 {
		r.fatal("the value is %q, not %q", got, d.m.value)
	}
	seen := 0
	for _, part := range r.parts {
		p := part.(*panesParts).p
		starts := p.Starts(nil)
		if !slices.IsSorted(starts) {
			r.fatal("starts %v", starts)
		}
		for _, start := range starts {
			want := d.m.panes[start]
			if want == nil {
				r.fatal("pane %d was dropped", start)
			}
			seen += d.count(r, p.Get(start), want)
		}
	}
	for _, l := range d.m.panes {
		seen -= len(l)
	}
	if seen != 0 {
		r.fatal("%d rows too many", seen)
	}
}

// count compares the rows of a pane and says how many there are.
func (d *panesDriver) count(r *rig, t *Table, want map[int]uint64) int {
	n := 0
	for k := range panesKeys {
		b, kv := d.kk.batch([]int{k})
		if !t.s.Groups().Has(int(kv.KG[0])) {
			continue
		}
		var refs [1]Ref
		t.Lookup(b, kv, nil, Read, refs[:], nil)
		if refs[0] == None {
			continue
		}
		n++
		if got := t.Row(refs[0])[0]; got != want[k] {
			r.fatal("key %d counts %d, not %d", k, got, want[k])
		}
	}
	if n != t.Len() {
		r.fatal("%d rows are found of %d", n, t.Len())
	}
	return n
}

func TestPanes(t *testing.T) {
	for _, kk := range []keyKind{keyKinds[0], keyKinds[3]} {
		t.Run(kk.name, func(t *testing.T) {
			program(t, 400, []int{2, 3, 1}, func() driver {
				return &panesDriver{kk: kk, m: panesModel{panes: map[int64]map[int]uint64{}, counts: map[uint16]uint64{}}}
			})
		})
	}
}

// TestScratch is in no snapshot.
func TestScratch(t *testing.T) {
	s := New(Config{Memory: 1})
	x := s.Scratch(TableSpec{Key: keyKinds[0].types, Lanes: 1})
	b, kv := keyKinds[0].batch([]int{1, 2, 3})
	refs := make([]Ref, 3)
	x.Lookup(b, kv, nil, Upsert, refs, nil)
	for _, h := range s.Hashes() {
		if h != 0 {
			t.Fatal("the content of a scratch table counts")
		}
	}
	if err := s.EndStep(); err != nil || x.Len() != 3 {
		t.Fatal(err, x.Len())
	}
}
