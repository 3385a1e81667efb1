package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// multiDriver is a multi-map of a number and a text beside Go slices.
type multiDriver struct {
	kk     keyKind
	ttl    int64
	counts bool
	rows   map[int][]multiRow // by key, in arrival order
	orders map[int]keyOrder
	next   int
	p      Probe
}

type multiRow struct {
	n     int64
	text  string
	count uint32
	stamp int64
}

const multiKeys = 25

var multiTypes = []types.Type{types.BigIntT, types.StringT}

func (d *multiDriver) open(s *Store) any {
	return s.MultiMap("m", MultiSpec{Key: d.kk.types, Row: multiTypes, Counters: d.counts, TTL: d.ttl})
}

func (d *multiDriver) copy() any {
	m := map[int][]multiRow{}
	for k, l := range d.rows {
		m[k] = slices.Clone(l)
	}
	return m
}

func (d *multiDriver) back(m any) { d.rows = m.(map[int][]multiRow) }

func (d *multiDriver) live(r *rig, k int) []multiRow {
	var out []multiRow
	for _, m := range d.rows[k] {
		if d.ttl == 0 || r.now-m.stamp < d.ttl {
			out = append(out, m)
		}
	}
	return out
}

// batch makes rows of keys and stored columns.
func (d *multiDriver) batch(ks []int, rows []multiRow) (*batch.Batch, *batch.KeyVec, []int) {
	b := batch.NewBatchBuilder(append(slices.Clone(d.kk.types), multiTypes...)...)
	for i, k := range ks {
		b.Row(batch.Insert, append(d.kk.value(k), rows[i].n, rows[i].text)...)
	}
	out := b.Finish()
	key := make([]int, len(d.kk.types))
	for i := range key {
		key[i] = i
	}
	var kv batch.KeyVec
	batch.HashKeys(&kv, out, key, groups)
	return out, &kv, []int{len(key), len(key) + 1}
}

func (d *multiDriver) op(r *rig) {
	n := 1 + r.rnd.IntN(30)
	ks, rows := make([]int, n), make([]multiRow, n)
	for i := range ks {
		ks[i] = r.rnd.IntN(multiKeys)
		if r.rnd.IntN(3) == 0 {
			ks[i] = 3 // one key has many rows
		}
		// Few different rows, so that equal ones occur.
		d.next++
		rows[i] = multiRow{n: int64(r.rnd.IntN(4)), text: text(r.rnd.IntN(12)), stamp: r.now}
	}
	b, kv, cols := d.batch(ks, rows)
	what := r.rnd.IntN(5)
	for i, sel := range r.split(kv, b.N) {
		if len(sel) == 0 {
			continue
		}
		m := r.parts[i].(*MultiMap)
		switch {
		case what < 2:
			m.Insert(b, kv, sel, cols, nil)
			for _, l := range sel {
				d.rows[ks[l]] = append(d.rows[ks[l]], rows[l])
			}
		case what < 4:
			for _, l := range sel {
				d.retract(r, m, b, kv, int(l), cols, ks[l], rows[l])
			}
		default:
			d.probe(r, m, b, kv, sel, ks, 1+r.rnd.IntN(20))
		}
	}
}

func (d *multiDriver) retract(r *rig, m *MultiMap, b *batch.Batch, kv *batch.KeyVec, l int, cols []int, k int, row multiRow) {
	found := -1
	for i, x := range d.rows[k] {
		if x.n == row.n && x.text == row.text && (d.ttl == 0 || r.now-x.stamp < d.ttl) {
			found = i
		}
	}
	ref := m.Retract(b, kv, l, cols)
	if (ref != 0) != (found >= 0) {
		r.fatal("retracting %+v of key %d: %v, in the model %v", row, k, ref != 0, found >= 0)
	}
	if found < 0 {
		return
	}
	if d.counts && m.Count(ref) != d.rows[k][found].count {
		r.fatal("the retracted row was not the newest")
	}
	d.rows[k] = slices.Delete(d.rows[k], found, found+1)
}

func (d *multiDriver) probe(r *rig, m *MultiMap, b *batch.Batch, kv *batch.KeyVec, sel []uint16, ks []int, limit int) {
	m.Probe(&d.p, b, kv, sel)
	var lanes []uint16
	var refs []RowRef
	var missed []uint16
	for more := true; more; {
		more = d.p.Next(limit)
		if len(d.p.Refs) > limit || more && len(d.p.Refs) == 0 {
			r.fatal("%d pairs with a limit of %d", len(d.p.Refs), limit)
		}
		lanes, refs, missed = append(lanes, d.p.Lanes...), append(refs, d.p.Refs...), append(missed, d.p.Missed...)
	}
	got := d.decode(m, refs)
	at := 0
	for _, l := range sel {
		want := d.live(r, ks[l])
		if len(want) == 0 {
			if len(missed) == 0 || missed[0] != l {
				r.fatal("lane %d is not among the missed %v", l, missed)
			}
			missed = missed[1:]
		}
		for _, w := range want {
			if at == len(got) || lanes[at] != l || got[at].n != w.n || got[at].text != w.text {
				r.fatal("pair %d is not (%d, %+v)", at, l, w)
			}
			at++
		}
	}
	if at != len(got) || len(missed) > 0 {
		r.fatal("%d pairs instead of %d, %v missed too much", len(got), at, missed)
	}
	if !d.counts {
		return
	}
	for i, ref := range refs {
		k := ks[lanes[i]]
		if !slices.Contains(refs[:i], ref) { // count once a step
			d.count(r, m, k, ref, got[i])
		}
	}
}

// count raises the counter of a row, which is the one at its place among the live.
func (d *multiDriver) count(r *rig, m *MultiMap, k int, ref RowRef, row multiRow) {
	have := m.Count(ref)
	is := func(x multiRow) bool {
		return x.n == row.n && x.text == row.text && x.count == have && (d.ttl == 0 || x.stamp == int64(recStamp(m.a.rec(ref))))
	}
	alike := 0
	for _, x := range d.rows[k] {
		if is(x) {
			alike++
		}
	}
	for i := range d.rows[k] {
		if x := &d.rows[k][i]; is(*x) {
			if alike > 1 && d.ttl > 0 {
				return // which of them it is cannot be told
			}
			if x.count += 2; m.AddCount(ref, 2) != x.count {
				r.fatal("the counter of %+v is %d", x, m.Count(ref))
			}
			if r.rnd.IntN(2) == 0 {
				d.renew(r, m, k, ref, i)
			}
			return
		}
	}
	r.fatal("no row of key %d like %+v has the counter %d", k, row, have)
}

// renew makes a row as young as the step, which then is the last of its key.
func (d *multiDriver) renew(r *rig, m *MultiMap, k int, ref RowRef, i int) {
	m.Renew(ref)
	if x := d.rows[k][i]; d.ttl > 0 && x.stamp != r.now {
		x.stamp = r.now
		d.rows[k] = append(slices.Delete(d.rows[k], i, i+1), x)
	}
}

func (d *multiDriver) decode(m *MultiMap, refs []RowRef) []multiRow {
	if len(refs) == 0 {
		return nil
	}
	cols := make([]batch.Col, 2)
	cols[0].Alloc(multiTypes[1], len(refs))
	cols[1].Alloc(multiTypes[0], len(refs))
	m.Decode(cols, 0, []int{1, 0}, refs)
	out := make([]multiRow, len(refs))
	for i := range refs {
		out[i] = multiRow{n: cols[1].I64[i], text: cols[0].Any(i).(string)}
	}
	return out
}

func (d *multiDriver) check(r *rig) {
	var want []int
	for k := range d.rows {
		if len(d.live(r, k)) > 0 {
			want = append(want, k)
		}
	}
	slices.SortFunc(want, func(a, b int) int { return d.orders[a].cmp(d.orders[b]) })
	for _, p := range r.parts {
		m := p.(*MultiMap)
		m.Walk(func(key Key, refs []RowRef) bool {
			if len(want) == 0 {
				r.fatal("too many keys")
			}
			k := want[0]
			want = want[1:]
			if o := d.orders[k]; o.kg != key.Group || o.key != string(key.Bytes) {
				r.fatal("the key is not %d", k)
			}
			rows := d.live(r, k)
			if len(rows) != len(refs) {
				r.fatal("key %d has %d rows, not %d", k, len(refs), len(rows))
			}
			for i, g := range d.decode(m, refs) {
				if d.counts {
					g.count = m.Count(refs[i])
				}
				g.stamp = rows[i].stamp
				if g != rows[i] {
					r.fatal("row %d of key %d is %+v, not %+v", i, k, g, rows[i])
				}
			}
			return true
		})
	}
	if len(want) > 0 {
		r.fatal("keys %v are missing", want)
	}
}

func TestMultiMap(t *testing.T) {
	for i, kk := range keyKinds {
		orders := map[int]keyOrder{}
		for k := range multiKeys {
			orders[k] = kk.order(k)
		}
		for _, ttl := range []int64{0, 400} {
			t.Run(fmt.Sprintf("%s, ttl %d", kk.name, ttl), func(t *testing.T) {
				program(t, 300, []int{2, 3, 1}, func() driver {
					return &multiDriver{kk: kk, ttl: ttl, counts: i%2 == 0, rows: map[int][]multiRow{}, orders: orders}
				})
			})
		}
	}
}

// TestRetractedRowCanBeRead reads the counter and the columns of rows that were the
// last ones of their page, while more rows come in the same step.
func TestRetractedRowCanBeRead(t *testing.T) {
	s := New(Config{PageBytes: 512})
	d := &multiDriver{kk: keyKinds[0], counts: true}
	m := d.open(s).(*MultiMap)
	const n = 40
	rows := make([]multiRow, n)
	for i := range rows {
		rows[i] = multiRow{n: int64(i), text: text(i % 12)}
	}
	b, kv, cols := d.batch(span(0, n), rows)
	refs := make([]RowRef, n)
	m.Insert(b, kv, nil, cols, refs)
	for i, ref := range refs {
		m.AddCount(ref, int32(i+1))
	}
	if err := s.EndStep(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		refs[i] = m.Retract(b, kv, i, cols)
	}
	more, moreKeys, _ := d.batch(span(n, 2*n), rows)
	m.Insert(more, moreKeys, nil, cols, nil)
	for i, ref := range refs {
		if ref == 0 || m.Count(ref) != uint32(i+1) {
			t.Fatalf("the counter of row %d is not %d", i, i+1)
		}
	}
	for i, row := range d.decode(m, refs) {
		if row.n != rows[i].n || row.text != rows[i].text {
			t.Errorf("row %d is %+v", i, row)
		}
	}
	before := m.a.first
	if err := s.EndStep(); err != nil {
		t.Fatal(err)
	}
	if m.a.first == before {
		t.Error("the pages of rows that are gone are still there")
	}
}

// TestUnhashed: rows that are written as they lie come back the same in every way: from a
// chain of snapshots, with rows that died and counters that changed, with TTL, into a store
// that has all in memory and one that has not, also a part of the key groups.
func TestUnhashed(t *testing.T) {
	for _, kk := range keyKinds {
		for _, spec := range []MultiSpec{{}, {Counters: true}, {TTL: 1000, Counters: true}} {
			t.Run(fmt.Sprintf("%s, %+v", kk.name, spec), func(t *testing.T) {
				spec.Key, spec.Row = kk.types, multiTypes
				testUnhashed(t, kk, spec)
			})
		}
	}
}

func testUnhashed(t *testing.T, kk keyKind, spec MultiSpec) {
	for _, memory := range []int64{1 << 30, 64 << 10} {
		s := New(Config{Memory: memory, PageBytes: 1 << 10})
		m := s.MultiMap("m", spec)
		d := &multiDriver{kk: kk}
		var chain Chain
		rnd := rand.New(rand.NewPCG(1, 2))
		for id := int64(1); id <= 6; id++ {
			for range 4 {
				s.BeginStep(id * 100)
				ks := make([]int, 200)
				rows := make([]multiRow, len(ks))
				for i := range ks {
					ks[i] = rnd.IntN(300)
					rows[i] = multiRow{n: rnd.Int64N(1000), text: strings.Repeat("x", rnd.IntN(30))}
				}
				b, kv, cols := d.batch(ks, rows)
				refs := make([]RowRef, len(ks))
				m.Insert(b, kv, nil, cols, refs)
				for i := 0; spec.Counters && i < len(refs); i += 3 {
					m.AddCount(refs[i], int32(1+rnd.IntN(500)))
				}
				var p Probe
				b, kv = kk.batch([]int{rnd.IntN(300), rnd.IntN(300)})
				m.Probe(&p, b, kv, nil)
				p.Next(1000)
				for i, ref := range p.Refs {
					if i%2 == 0 {
						m.Remove(ref)
					} else if spec.Counters {
						m.AddCount(ref, 7)
					}
				}
				p.Next(1)
				if err := s.EndStep(); err != nil {
					t.Fatal(err)
				}
			}
			n := s.Snapshot(id, false)
			n.Unhashed()
			data, info := write(t, n)
			if info.Entries == 0 || id == 2 && n.Base() == 0 {
				t.Fatalf("snapshot %d has %d entries, base %d", id, info.Entries, n.Base())
			}
			chain = append(chain[len(chain)-n.Files():], bytes.NewReader(data))
			s.Confirm(id)
		}
		want := s.Hashes()
		for _, to := range []Config{{}, {Memory: 1 << 30}, {Memory: 32 << 10, PageBytes: 1 << 10}, {Groups: Range{10, 70}}} {
			r := New(to)
			r.BeginStep(600)
			if err := r.Restore([]Chain{chain}); err != nil {
				t.Fatal(err)
			}
			r.MultiMap("m", spec)
			if r.Err() != nil || !slices.Equal(r.Hashes(), want[r.Groups().From:r.Groups().To]) {
				t.Errorf("budget %d: %+v holds something else (%v)", memory, to, r.Err())
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
