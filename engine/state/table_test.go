package state

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// tableDriver is a table of two numbers and a text beside a Go map.
type tableDriver struct {
	kk     keyKind
	ttl    int64
	rows   map[int]modelRow
	orders map[int]keyOrder
	g      Grouper
}

type modelRow struct {
	n, sum uint64
	text   string
	stamp  int64
}

const tableKeys = 60

func (d *tableDriver) open(s *Store) any {
	return s.Table("t", TableSpec{Key: d.kk.types, Lanes: 3, Blobs: []int{2}, TTL: d.ttl})
}

func (d *tableDriver) copy() any  { return maps.Clone(d.rows) }
func (d *tableDriver) back(m any) { d.rows = m.(map[int]modelRow) }

// row is the model's row of a key that is not too old.
func (d *tableDriver) row(r *rig, k int) (modelRow, bool) {
	m, ok := d.rows[k]
	if !ok || d.ttl > 0 && r.now-m.stamp >= d.ttl {
		return modelRow{}, false
	}
	return m, true
}

func (d *tableDriver) op(r *rig) {
	if r.rnd.IntN(60) == 0 {
		for _, p := range r.parts {
			p.(*Table).Clear()
		}
		clear(d.rows)
		return
	}
	ks := make([]int, 1+r.rnd.IntN(40))
	for i := range ks {
		ks[i] = r.rnd.IntN(tableKeys)
	}
	b, kv := d.kk.batch(ks)
	mode := Mode(r.rnd.IntN(4))
	if r.rnd.IntN(3) > 0 {
		mode = Upsert
	}
	grouped, deletes := r.rnd.IntN(2) == 0, r.rnd.IntN(3) == 0
	for i, sel := range r.split(kv, b.N) {
		if len(sel) == 0 {
			continue
		}
		t := r.parts[i].(*Table)
		if grouped {
			d.grouped(r, t, b, kv, ks, sel, mode)
		} else {
			d.single(r, t, b, kv, ks, sel, mode)
		}
		if deletes {
			d.delete(r, t, b, kv, ks, sel[:1+len(sel)/3])
		}
	}
}

// single looks up each row by itself.
func (d *tableDriver) single(r *rig, t *Table, b *batch.Batch, kv *batch.KeyVec, ks []int, sel []uint16, mode Mode) {
	refs, fresh := make([]Ref, len(sel)), make([]uint64, batch.Words(len(sel)))
	t.Lookup(b, kv, sel, mode, refs, fresh)
	seen := map[int]bool{}
	for i, l := range sel {
		k := ks[l]
		_, had := d.row(r, k)
		had = had || seen[k]
		d.verify(r, t, k, refs[i], mode, had, batch.Bit(fresh, i))
		if refs[i] != None {
			seen[k] = true
		}
	}
	for i, l := range sel {
		d.write(r, t, ks[l], refs[i], mode)
	}
}

func (d *tableDriver) grouped(r *rig, t *Table, b *batch.Batch, kv *batch.KeyVec, ks []int, sel []uint16, mode Mode) {
	g := &d.g
	t.Group(g, b, kv, sel, mode)
	// Groups are numbered by first touch.
	numbers := map[int]int{}
	for i, l := range sel {
		n, ok := numbers[ks[l]]
		if !ok {
			n = len(numbers)
			numbers[ks[l]] = n
			if g.Reps[n] != l {
				r.fatal("group %d begins in lane %d, not %d", n, g.Reps[n], l)
			}
		}
		if int(g.G[i]) != n {
			r.fatal("row %d is in group %d, not %d", i, g.G[i], n)
		}
	}
	if g.Len() != len(numbers) {
		r.fatal("%d groups instead of %d", g.Len(), len(numbers))
	}
	for n, l := range g.Reps {
		_, had := d.row(r, ks[l])
		d.verify(r, t, ks[l], g.Refs[n], mode, had, batch.Bit(g.Fresh, n))
		d.write(r, t, ks[l], g.Refs[n], mode)
	}
}

// verify checks what a lookup found.
func (d *tableDriver) verify(r *rig, t *Table, k int, ref Ref, mode Mode, had, fresh bool) {
	if (ref != None) != (had || mode.inserts()) {
		r.fatal("key %d: found %v, in the model %v, mode %d", k, ref != None, had, mode)
	}
	if fresh != (mode.inserts() && !had) {
		r.fatal("key %d: fresh %v, in the model %v, mode %d", k, fresh, had, mode)
	}
	if ref == None {
		return
	}
	m, _ := d.row(r, k)
	row := t.Row(ref)
	if row[0] != m.n || row[1] != m.sum || string(t.Blob(row[2])) != m.text {
		r.fatal("key %d has %d %d %q, not %+v", k, row[0], row[1], t.Blob(row[2]), m)
	}
	if want := d.order(k).kg; t.KeyGroup(ref) != want {
		r.fatal("key %d is in key group %d, not %d", k, t.KeyGroup(ref), want)
	}
}

// write changes a row and its model in the same way. Of those found by Insert it leaves
// the even keys as they are, with the time they have left.
func (d *tableDriver) write(r *rig, t *Table, k int, ref Ref, mode Mode) {
	if ref == None || mode == Read {
		return
	}
	m, had := d.row(r, k)
	if mode == Insert && k%2 == 0 {
		if !had {
			d.rows[k] = modelRow{stamp: r.now}
		}
		return
	}
	row := t.Row(ref)
	if mode == Insert {
		row = t.Touch(ref)
	}
	m.n++
	m.sum += uint64(r.step)
	m.stamp = r.now
	row[0]++
	row[1] += uint64(r.step)
	if m.n%3 == 0 {
		m.text = text(r.step % 50)
		t.SetBlob(&row[2], []byte(m.text))
	}
	if m.n%2 == 0 {
		r.note("id %d %d", k, t.ID(ref))
	}
	d.rows[k] = m
}

func (d *tableDriver) delete(r *rig, t *Table, b *batch.Batch, kv *batch.KeyVec, ks []int, sel []uint16) {
	for _, l := range sel {
		ref := t.Get(MakeKey(b, kv, int(l), nil), Write)
		m, had := d.row(r, ks[l])
		if (ref != None) != had {
			r.fatal("key %d: found %v, in the model %v", ks[l], ref != None, had)
		}
		if had {
			if got := t.Row(ref)[0]; got != m.n {
				r.fatal("key %d has %d, not %d", ks[l], got, m.n)
			}
			t.Delete(ref)
			delete(d.rows, ks[l])
		}
	}
}

func (d *tableDriver) order(k int) keyOrder {
	o, ok := d.orders[k]
	if !ok {
		o = d.kk.order(k)
		d.orders[k] = o
	}
	return o
}

// check walks over everything, in order.
func (d *tableDriver) check(r *rig) {
	var want []int
	for k := range d.rows {
		if _, ok := d.row(r, k); ok {
			want = append(want, k)
		}
	}
	slices.SortFunc(want, func(a, b int) int { return d.order(a).cmp(d.order(b)) })
	at := 0
	for _, p := range r.parts {
		t := p.(*Table)
		c := t.Cursor()
		var refs [7]Ref
		for n := c.Next(refs[:]); n > 0; n = c.Next(refs[:]) {
			cols := make([]batch.Col, len(d.kk.types))
			for i, ty := range d.kk.types {
				cols[i].Alloc(ty, n)
			}
			t.KeysInto(cols, 0, refs[:n])
			for i, ref := range refs[:n] {
				if at == len(want) {
					r.fatal("more rows than the model's %d", len(want))
				}
				k := want[at]
				at++
				d.verify(r, t, k, ref, Read, true, false)
				for c, v := range d.kk.value(k) {
					if got := cols[c].Any(i); fmt.Sprint(got) != fmt.Sprint(v) {
						r.fatal("key %d is %v, not %v", k, got, v)
					}
				}
			}
		}
	}
	if at != len(want) {
		r.fatal("%d rows, not %d", at, len(want))
	}
}

func TestTable(t *testing.T) {
	for _, kk := range keyKinds {
		for _, ttl := range []int64{0, 300} {
			t.Run(fmt.Sprintf("%s, ttl %d", kk.name, ttl), func(t *testing.T) {
				program(t, 300, []int{2, 1, 3}, func() driver {
					return &tableDriver{kk: kk, ttl: ttl, rows: map[int]modelRow{}, orders: map[int]keyOrder{}}
				})
			})
		}
	}
}

// TestTableWithoutKey has at most one row.
func TestTableWithoutKey(t *testing.T) {
	s := New(Config{Memory: 1})
	x := s.Table("t", TableSpec{Lanes: 1, TTL: 10})
	b := &batch.Batch{N: 3}
	refs := make([]Ref, 3)
	fresh := make([]uint64, 1)
	for step, c := range []struct {
		now   int64
		mode  Mode
		found bool
		fresh uint64
		value uint64
	}{
		{100, Read, false, 0, 0}, {101, Upsert, true, 1, 0}, {105, Write, true, 0, 5}, {114, Read, true, 0, 5},
		{115, Read, false, 0, 0}, {116, Upsert, true, 1, 0},
	} {
		s.BeginStep(c.now)
		x.Lookup(b, nil, nil, c.mode, refs, fresh)
		if (refs[0] != None) != c.found || refs[1] != refs[0] || refs[2] != refs[0] || fresh[0] != c.fresh {
			t.Fatalf("step %d: refs %v, fresh %b", step, refs, fresh[0])
		}
		if c.found {
			if got := x.Row(refs[0])[0]; got != c.value {
				t.Fatalf("step %d: %d, not %d", step, got, c.value)
			}
			if c.mode != Read {
				x.Row(refs[0])[0] = 5
			}
		}
		if err := s.EndStep(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRowsStayInStep holds a row while many others come.
func TestRowsStayInStep(t *testing.T) {
	s := New(Config{PageBytes: 512})
	x := s.Table("t", TableSpec{Key: []types.Type{types.BigIntT}, Lanes: 1})
	kk := keyKinds[0]
	b, kv := kk.batch([]int{1})
	var refs [1]Ref
	x.Lookup(b, kv, nil, Upsert, refs[:], nil)
	row := x.Row(refs[0])
	for k := range 5000 {
		b, kv := kk.batch([]int{k + 2})
		var more [1]Ref
		x.Lookup(b, kv, nil, Upsert, more[:], nil)
	}
	row[0] = 77
	x.Lookup(b, kv, nil, Read, refs[:], nil)
	if got := x.Row(refs[0])[0]; got != 77 {
		t.Fatalf("the row has %d", got)
	}
}

// TestGroupWithoutGrouping groups batches of almost only new keys, for which the
// index is used instead of a grouping of their own: through growth of the index in the
// middle of a batch, repeated keys, selections, and the end of the numbers of passes.
func TestGroupWithoutGrouping(t *testing.T) {
	s := New(Config{})
	kk := keyKinds[1]
	x := s.Table("t", TableSpec{Key: kk.types, Lanes: 1})
	rnd := rand.New(rand.NewPCG(3, 4))
	refs := map[int]Ref{}
	passes := 0
	var g Grouper
	for step := range 60 {
		if step == 30 {
			x.ix.pass = 1<<16 - 10
		}
		ks := make([]int, 300)
		for i := range ks {
			if ks[i] = rnd.IntN(50_000); i > 0 && rnd.IntN(6) == 0 {
				ks[i] = ks[rnd.IntN(i)]
			}
		}
		b, kv := kk.batch(ks)
		var sel []uint16
		lanes := batch.Span(0, len(ks))
		if step%3 == 0 {
			for l := range ks {
				if rnd.IntN(4) > 0 {
					sel = append(sel, uint16(l))
				}
			}
			lanes = sel
		}
		before := x.ix.pass
		x.Group(&g, b, kv, sel, Upsert)
		if x.ix.pass != before {
			passes++
		}
		number := map[int]int{}
		for i, l := range lanes {
			k := ks[l]
			n, ok := number[k]
			if !ok {
				n = len(number)
				number[k] = n
				_, had := refs[k]
				if n >= g.Len() || g.Reps[n] != l || batch.Bit(g.Fresh, n) == had {
					t.Fatalf("step %d: group %d of key %d, which was there: %v", step, n, k, had)
				}
				if !had {
					refs[k] = g.Refs[n]
				}
				if g.Refs[n] != refs[k] {
					t.Fatalf("step %d: row %d of key %d, not %d", step, g.Refs[n], k, refs[k])
				}
			}
			if int(g.G[i]) != n {
				t.Fatalf("step %d: row %d is in group %d, not %d", step, i, g.G[i], n)
			}
		}
		if g.Len() != len(number) || x.Len() != len(refs) {
			t.Fatalf("step %d: %d groups, not %d; %d rows, not %d", step, g.Len(), len(number), x.Len(), len(refs))
		}
		if err := s.EndStep(); err != nil {
			t.Fatal(err)
		}
	}
	if passes < 40 || x.ix.pass > 1000 {
		t.Errorf("%d passes, the last is %d", passes, x.ix.pass)
	}
}
