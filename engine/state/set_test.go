package state

import (
	"fmt"
	"maps"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// setDriver is a Set of values for groups of a table, beside a Go map.
type setDriver struct {
	val  keyKind
	spec SetSpec
	m    map[setKey]setEntry
}

type setKey struct{ group, value int }

type setEntry struct {
	n     [3]int
	stamp int64
}

type setParts struct {
	t *Table
	x *Set
}

const setGroups, setValues = 6, 15

func (d *setDriver) open(s *Store) any {
	return &setParts{
		s.Table("groups", TableSpec{Key: []types.Type{types.BigIntT}, Lanes: 1}),
		s.Set("set", d.spec),
	}
}

func (d *setDriver) copy() any  { return maps.Clone(d.m) }
func (d *setDriver) back(m any) { d.m = m.(map[setKey]setEntry) }

func (d *setDriver) op(r *rig) {
	n := 1 + r.rnd.IntN(20)
	gs, vs, masks := make([]int, n), make([]int, n), make([]uint32, n)
	b := batch.NewBatchBuilder(append([]types.Type{types.BigIntT}, d.val.types...)...)
	for i := range gs {
		gs[i], vs[i], masks[i] = 1+r.rnd.IntN(setGroups), r.rnd.IntN(setValues), uint32(r.rnd.IntN(1<<d.spec.Filters))
		b.Row(batch.Insert, append([]any{int64(gs[i])}, d.val.value(vs[i])...)...)
	}
	in := b.Finish()
	var kv batch.KeyVec
	batch.HashKeys(&kv, in, []int{0}, groups)
	cols := []int{1}
	if len(d.val.types) == 2 {
		cols = []int{1, 2}
	}
	sub := d.spec.Retract && r.rnd.IntN(2) == 0
	drop := r.rnd.IntN(15) == 0
	for i, sel := range r.split(&kv, in.N) {
		if len(sel) == 0 {
			continue
		}
		p := r.parts[i].(*setParts)
		k := len(sel)
		refs, ids, kgs, ms, flips := make([]Ref, k), make([]uint32, k), make([]uint16, k), make([]uint32, k), make([]uint32, k)
		p.t.Lookup(in, &kv, sel, Upsert, refs, nil)
		for i, l := range sel {
			ids[i], kgs[i], ms[i] = p.t.ID(refs[i]), p.t.KeyGroup(refs[i]), masks[l]
		}
		if drop && !d.spec.Retract {
			g := gs[sel[0]]
			p.x.DropGroup(kgs[0], ids[0])
			for k := range d.m {
				if k.group == g {
					delete(d.m, k)
				}
			}
			continue
		}
		if sub {
			p.x.Sub(in, cols, sel, kgs, ids, ms, flips)
		} else {
			p.x.Add(in, cols, sel, kgs, ids, ms, flips)
		}
		for i, l := range sel {
			if want := d.apply(r, setKey{gs[l], vs[l]}, ms[i], sub); flips[i] != want {
				r.fatal("group %d, value %d, filters %b: flips %b, not %b", gs[l], vs[l], ms[i], flips[i], want)
			}
		}
	}
}

// apply does to the model what Add or Sub should do.
func (d *setDriver) apply(r *rig, k setKey, mask uint32, sub bool) (flips uint32) {
	if mask == 0 {
		return 0
	}
	e, ok := d.m[k]
	if ok && d.spec.TTL > 0 && r.now-e.stamp >= d.spec.TTL {
		e, ok = setEntry{}, false
	}
	if sub && !ok {
		return 0
	}
	written := d.spec.Retract || !ok
	for f := range d.spec.Filters {
		written = written || mask&(1<<f) != 0 && e.n[f] == 0
	}
	if written { // a value that is seen again is not
		e.stamp = r.now
	}
	left := 0
	for f := range d.spec.Filters {
		if mask&(1<<f) != 0 {
			switch {
			case !sub:
				if e.n[f] == 0 {
					flips |= 1 << f
				}
				e.n[f]++
			case e.n[f] > 0:
				if e.n[f]--; e.n[f] == 0 {
					flips |= 1 << f
				}
			}
		}
		left += e.n[f]
	}
	if d.m[k] = e; left == 0 {
		delete(d.m, k)
	}
	return flips
}

// check has nothing of its own: flips say all, and hashes are compared elsewhere.
func (d *setDriver) check(*rig) {}

func TestSet(t *testing.T) {
	for _, val := range []keyKind{keyKinds[0], keyKinds[1], keyKinds[3], keyKinds[4]} {
		for _, spec := range []SetSpec{{Filters: 1}, {Filters: 3}, {Filters: 2, Retract: true}, {Filters: 2, TTL: 300}, {Filters: 2, Retract: true, TTL: 300}} {
			spec.Value = val.types
			t.Run(fmt.Sprintf("%s, %d filters, retract %v, ttl %d", val.name, spec.Filters, spec.Retract, spec.TTL), func(t *testing.T) {
				program(t, 300, []int{2, 3, 1}, func() driver { return &setDriver{val: val, spec: spec, m: map[setKey]setEntry{}} })
			})
		}
	}
}
