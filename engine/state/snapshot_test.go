package state

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// TestFrozenValues: while snapshots wait to be written, values that came behind them give
// their room back at once, and all others stay as the snapshots have them.
func TestFrozenValues(t *testing.T) {
	const n = 500
	kk := keyKinds[1]
	keys := make([]int, n)
	for i := range keys {
		keys[i] = i
	}
	b, kv := kk.batch(keys)
	spec := TableSpec{Key: kk.types, Lanes: 1, Blobs: []int{0}}
	s := New(Config{PageBytes: 512})
	table := s.Table("t", spec)
	refs := make([]Ref, n)
	value := func(i, round int) string { return fmt.Sprintf("value %6d of round %6d", i, round) }
	set := func(from, to int) {
		for round := from; round < to; round++ {
			table.Lookup(b, kv, nil, Upsert, refs, nil)
			for i, ref := range refs {
				table.SetBlob(&table.Row(ref)[0], []byte(value(i, round)))
			}
			if err := s.EndStep(); err != nil {
				t.Fatal(err)
			}
		}
	}
	size := func() (n int) {
		for i := range table.sl.class {
			n += table.sl.class[i].elems
		}
		return n
	}
	check := func(n *Snapshot, round int) {
		t.Helper()
		var out bytes.Buffer
		if _, err := n.Write(&out); err != nil {
			t.Fatal(err)
		}
		to := New(Config{})
		if err := to.Restore([]Chain{{bytes.NewReader(out.Bytes())}}); err != nil {
			t.Fatal(err)
		}
		x := to.Table("t", spec)
		if err := to.Err(); err != nil {
			t.Fatal(err)
		}
		got := make([]Ref, len(keys))
		x.Lookup(b, kv, nil, Read, got, nil)
		for i, ref := range got {
			if v := string(x.Blob(x.Row(ref)[0])); v != value(i, round) {
				t.Fatalf("key %d of the snapshot has %q, not %q", i, v, value(i, round))
			}
		}
	}
	set(0, 1)
	once := size()
	first := s.Snapshot(1, true)
	set(1, 21)
	if now := size(); now > 3*once {
		t.Errorf("values take %d bytes after 20 rounds, %d before", now, once)
	}
	second := s.Snapshot(2, true)
	set(21, 41)
	if now := size(); now > 4*once {
		t.Errorf("values take %d bytes after 40 rounds, %d before", now, once)
	}
	check(second, 20)
	set(41, 43)
	check(first, 0)
	set(43, 44)
	if now := size(); now > 4*once || len(table.sl.later) > 0 {
		t.Errorf("values take %d bytes at the end, %d before, and %d wait", now, once, len(table.sl.later))
	}
	check(s.Snapshot(3, true), 43)
}

// TestFrozenKeys: keys of a join that lie in its rows too are not copied for a snapshot.
func TestFrozenKeys(t *testing.T) {
	kk := keyKinds[1]
	b, kv := kk.batch([]int{1, 2, 3})
	s := New(Config{Memory: 1 << 30})
	m := s.MultiMap("m", MultiSpec{Key: kk.types, Row: []types.Type{types.IntT.Nullable(false)}})
	page := func() *uint64 { return unsafe.SliceData(m.keys.r.data[0]) }
	m.Insert(b, kv, nil, []int{0}, nil)
	before := page()
	n := s.Snapshot(1, false)
	n.Unhashed()
	m.Insert(b, kv, nil, []int{0}, nil)
	if page() != before {
		t.Error("a page of keys was copied")
	}
	var out bytes.Buffer
	if _, err := n.Write(&out); err != nil {
		t.Fatal(err)
	}
	to := New(Config{Memory: 1 << 30})
	if err := to.Restore([]Chain{{bytes.NewReader(out.Bytes())}}); err != nil {
		t.Fatal(err)
	}
	x := to.MultiMap("m", m.spec)
	var p Probe
	x.Probe(&p, b, kv, nil)
	if p.Next(batch.MaxRows); len(p.Refs) != 3 || x.Len() != 3 {
		t.Errorf("%d rows of %d are found again, not 3", len(p.Refs), x.Len())
	}
}
