package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/batch"
)

// sortedDriver is a Sorted beside Go slices.
type sortedDriver struct {
	kk   keyKind
	ttl  int64
	keys map[int]sortedKey
}

type sortedKey struct {
	list  []sortedEntry
	stamp int64
}

type sortedEntry struct {
	word          uint64
	rest, payload string
	lane          uint64
}

const sortedKeys = 12

func (e sortedEntry) cmp(word uint64, rest string) int {
	if e.word != word {
		if e.word < word {
			return -1
		}
		return 1
	}
	return strings.Compare(e.rest, rest)
}

func (d *sortedDriver) open(s *Store) any {
	return s.Sorted("s", SortedSpec{Table: TableSpec{Key: d.kk.types, Lanes: 1, TTL: d.ttl}, Entry: 1})
}

func (d *sortedDriver) copy() any {
	m := map[int]sortedKey{}
	for k, l := range d.keys {
		m[k] = sortedKey{slices.Clone(l.list), l.stamp}
	}
	return m
}

func (d *sortedDriver) back(m any) { d.keys = m.(map[int]sortedKey) }

func (d *sortedDriver) op(r *rig) {
	k := r.rnd.IntN(sortedKeys)
	if r.rnd.IntN(3) == 0 {
		k = 1 // one list is long
	}
	b, kv := d.kk.batch([]int{k})
	x := r.parts[r.owner(kv.KG[0])].(*Sorted)
	var refs [1]Ref
	x.Keys().Lookup(b, kv, nil, Upsert, refs[:], nil)
	ref := refs[0]
	m, ok := d.keys[k]
	if d.ttl > 0 && r.now-m.stamp >= d.ttl {
		m, ok = sortedKey{}, false
	}
	if !ok && x.Len(ref) != 0 {
		r.fatal("a new key has %d entries", x.Len(ref))
	}
	m.stamp = r.now
	for range 1 + r.rnd.IntN(12) {
		r.ops++
		d.change(r, x, ref, &m)
	}
	d.compare(r, x, ref, m.list)
	switch {
	case r.rnd.IntN(12) == 0:
		x.Keys().Delete(ref)
		delete(d.keys, k)
	default:
		d.keys[k] = m
	}
}

// change inserts or removes something.
func (d *sortedDriver) change(r *rig, x *Sorted, ref Ref, m *sortedKey) {
	word, rest := uint64(r.rnd.IntN(60)), ""
	if r.rnd.IntN(3) == 0 {
		word = uint64(r.step) // at the end
	}
	if r.rnd.IntN(2) == 0 {
		rest = text(r.rnd.IntN(6))
	}
	at, _ := slices.BinarySearchFunc(m.list, 0, func(e sortedEntry, _ int) int {
		if e.cmp(word, rest) <= 0 {
			return -1
		}
		return 1
	})
	switch k := r.rnd.IntN(10); {
	case k < 6:
		limit := 1 + r.rnd.IntN(8)
		if got, want := x.Admits(ref, word, []byte(rest), limit), len(m.list) < limit || m.list[limit-1].cmp(word, rest) > 0; got != want {
			r.fatal("Admits says %v", got)
		}
		e := sortedEntry{word, rest, text(r.rnd.IntN(40)), uint64(r.step)}
		p := x.Insert(ref, word, []byte(rest), []byte(e.payload))
		x.Lanes(p)[0] = e.lane
		m.list = slices.Insert(m.list, at, e)
		if x.Index(p) != at {
			r.fatal("inserted at %d, not %d", x.Index(p), at)
		}
	case k < 9 && len(m.list) > 0:
		i := r.rnd.IntN(len(m.list))
		p := x.Remove(x.At(ref, i))
		m.list = slices.Delete(m.list, i, i+1)
		if p.OK() != (i < len(m.list)) || p.OK() && x.Index(p) != i {
			r.fatal("the place after a removed entry is wrong")
		}
	default:
		n := r.rnd.IntN(4)
		x.RemoveFirst(ref, n)
		m.list = slices.Delete(m.list, 0, min(n, len(m.list)))
	}
}

func (d *sortedDriver) compare(r *rig, x *Sorted, ref Ref, list []sortedEntry) {
	if x.Len(ref) != len(list) {
		r.fatal("%d entries, not %d", x.Len(ref), len(list))
	}
	i := 0
	for p := x.First(ref); p.OK(); p = x.Next(p) {
		got := sortedEntry{x.Word(p), string(x.Rest(p)), string(x.Payload(p)), x.Lanes(p)[0]}
		if got != list[i] {
			r.fatal("entry %d is %+v, not %+v", i, got, list[i])
		}
		i++
	}
	for p := x.Last(ref); p.OK(); p = x.Prev(p) {
		i--
		if x.Index(p) != i || x.Word(p) != list[i].word {
			r.fatal("backwards entry %d is at %d", i, x.Index(p))
		}
	}
	if i != 0 {
		r.fatal("%d entries were not seen backwards", i)
	}
	word := uint64(r.rnd.IntN(60))
	at, _ := slices.BinarySearchFunc(list, 0, func(e sortedEntry, _ int) int {
		if e.cmp(word, "") < 0 {
			return -1
		}
		return 1
	})
	if p := x.Seek(ref, word, nil); p.OK() != (at < len(list)) || p.OK() && x.Index(p) != at {
		r.fatal("Seek finds another place than %d", at)
	}
}

func (d *sortedDriver) check(r *rig) {
	for k := range sortedKeys {
		b, kv := d.kk.batch([]int{k})
		x := r.parts[r.owner(kv.KG[0])].(*Sorted)
		ref := x.Keys().Get(MakeKey(b, kv, 0, nil), Read)
		m, ok := d.keys[k]
		if ok = ok && (d.ttl == 0 || r.now-m.stamp < d.ttl); ok != (ref != None) {
			r.fatal("key %d: found %v, in the model %v", k, ref != None, ok)
		}
		if ok {
			d.compare(r, x, ref, m.list)
		}
	}
}

func TestSorted(t *testing.T) {
	for _, kk := range []keyKind{keyKinds[0], keyKinds[3]} {
		for _, ttl := range []int64{0, 500} {
			t.Run(fmt.Sprintf("%s, ttl %d", kk.name, ttl), func(t *testing.T) {
				program(t, 400, []int{2, 3, 1}, func() driver { return &sortedDriver{kk: kk, ttl: ttl, keys: map[int]sortedKey{}} })
			})
		}
	}
}

// TestSortedLong fills one list beyond a directory and empties it again.
func TestSortedLong(t *testing.T) {
	s := New(Config{PageBytes: 512})
	x := s.Sorted("s", SortedSpec{Table: TableSpec{}, Entry: 0})
	var refs [1]Ref
	x.Keys().Lookup(&batch.Batch{N: 1}, nil, nil, Upsert, refs[:], nil)
	const n = 20_000
	for i := range n {
		x.Insert(refs[0], uint64(i*7919%n), nil, nil)
	}
	i := 0
	for p := x.First(refs[0]); p.OK(); p = x.Next(p) {
		if x.Word(p) != uint64(i) {
			t.Fatalf("entry %d is %d", i, x.Word(p))
		}
		i++
	}
	for i := range n {
		p := x.Seek(refs[0], uint64(i*7919%n), nil)
		if !p.OK() || x.Word(p) != uint64(i*7919%n) {
			t.Fatalf("entry %d is lost", i*7919%n)
		}
		x.Remove(p)
	}
	if x.Len(refs[0]) != 0 || x.li.words != 0 {
		t.Fatalf("%d entries and %d words are left", x.Len(refs[0]), x.li.words)
	}
}
