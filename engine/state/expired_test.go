package state

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// TestExpiredIsNotWritten: what has expired when a snapshot is taken is not in its file,
// whether it lies in memory or on disk, in a whole snapshot and in one that continues
// another. Readers leave it out anyway; files would only grow.
func TestExpiredIsNotWritten(t *testing.T) {
	const ttl, old, young = 1000, 300, 100
	for _, kk := range []keyKind{keyKinds[0], keyKinds[3], keyKinds[4]} {
		for _, multi := range []bool{false, true} {
			for _, memory := range []int64{0, 16 << 10} {
				for _, whole := range []bool{true, false} {
					for _, hashed := range []bool{true, false} {
						name := fmt.Sprintf("%s, multi-map %v, memory %d, whole %v, hashed %v", kk.name, multi, memory, whole, hashed)
						open := func(s *Store) (put func(ks []int)) {
							if multi {
								m, d := s.MultiMap("m", MultiSpec{Key: kk.types, Row: multiTypes, TTL: ttl}), &multiDriver{kk: kk}
								return func(ks []int) {
									b, kv, cols := d.batch(ks, make([]multiRow, len(ks)))
									m.Insert(b, kv, nil, cols, make([]RowRef, len(ks)))
								}
							}
							x := s.Table("t", TableSpec{Key: kk.types, Lanes: 1, TTL: ttl})
							return func(ks []int) {
								b, kv := kk.batch(ks)
								x.Lookup(b, kv, nil, Upsert, make([]Ref, len(ks)), nil)
							}
						}
						s := New(Config{Memory: memory, PageBytes: 1 << 10})
						put := open(s)
						var chain Chain
						snapshot := func(id int64, full bool) {
							n := s.Snapshot(id, full)
							if !hashed {
								n.Unhashed()
							}
							data, _ := write(t, n)
							chain = append(chain[len(chain)-n.Files():], bytes.NewReader(data))
							s.Confirm(id)
						}
						if !whole {
							snapshot(1, true)
						}
						for _, p := range []struct {
							now  int64
							keys []int
						}{{100, span(0, old)}, {900, span(old, old+young)}} {
							s.BeginStep(p.now)
							put(p.keys)
							if err := s.EndStep(); err != nil {
								t.Fatal(err)
							}
						}
						if spilled := s.SpilledBytes() > 0; spilled != (memory > 0) {
							t.Errorf("%s: something left memory: %v", name, spilled)
						}
						s.BeginStep(100 + ttl)
						snapshot(2, whole)
						r := New(Config{})
						r.BeginStep(100 + ttl)
						if err := r.Restore([]Chain{chain}); err != nil {
							t.Fatal(err)
						}
						open(r)
						if got := r.Describe()[0].Entries; r.Err() != nil || got != young {
							t.Errorf("%s: %d entries come back, of %d that live and %d that have expired (%v)", name, got, young, old, r.Err())
						}
						if err := errors.Join(s.Close(), r.Close()); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}
	}
}

// TestExpiredIsNotSpilled: rows that have expired are dropped where others go to disk.
func TestExpiredIsNotSpilled(t *testing.T) {
	s := New(Config{Memory: 16 << 10, PageBytes: 1 << 10})
	x := s.Table("t", TableSpec{Key: keyKinds[0].types, Lanes: 1, TTL: 1000})
	s.BeginStep(100)
	bump(x, span(0, 3000)...)
	s.BeginStep(1100)
	if err := s.EndStep(); err != nil {
		t.Fatal(err)
	}
	if s.SpilledBytes() > 0 || x.Len() >= 3000 {
		t.Errorf("%d rows are left, %d of them on disk", x.Len(), x.cold.n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBackFromDisk: a row that was changed, left for disk and has come back to a page of old
// rows is in the next snapshot, also where one that failed had the change: taken before the
// row left, or while it was on disk.
func TestBackFromDisk(t *testing.T) {
	for _, failed := range []string{"none", "before it left", "while it was on disk"} {
		s := New(Config{Memory: 1 << 30, PageBytes: 256})
		x := counting(s)
		bump(x, span(1, 3001)...)
		var chain Chain
		snapshot := func(id int64) {
			n := s.Snapshot(id, false)
			data, _ := write(t, n)
			chain = append(chain[len(chain)-n.Files():], bytes.NewReader(data))
			s.Confirm(id)
		}
		fail := func(id int64) {
			write(t, s.Snapshot(1000+id, false))
			s.Abort(1000 + id)
		}
		snapshot(1)
		for id := int64(2); id < 20; id++ {
			k := int(id) * 100
			b, kv := keyKinds[0].batch([]int{k, k + 50})
			x.Delete(x.Get(MakeKey(b, kv, 1, nil), Write)) // makes room in an old page
			bump(x, k)
			if failed == "before it left" {
				fail(id)
			}
			x.evictPage(x.findKey(MakeKey(b, kv, 0, nil)) >> x.r.shift)
			x.cold.flush()
			if x.findKey(MakeKey(b, kv, 0, nil)) != None {
				t.Fatalf("key %d has not left", k)
			}
			if failed == "while it was on disk" {
				fail(id)
			}
			x.Lookup(b, kv, []uint16{0}, Read, make([]Ref, 1), nil)
			if x.findKey(MakeKey(b, kv, 0, nil)) == None {
				t.Fatalf("key %d has not come back", k)
			}
			snapshot(id)
			r := New(Config{})
			if err := r.Restore([]Chain{chain}); err != nil {
				t.Fatal(err)
			}
			if counting(r); r.Err() != nil || !slices.Equal(r.Hashes(), s.Hashes()) {
				t.Fatalf("a snapshot failed: %s; number %d restores something else (%v)", failed, id, r.Err())
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
