package state

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/types"
)

// lentFile is a file that has what it was lent only once it is asked for.
type lentFile struct {
	t      *testing.T
	size   int
	pieces [][]byte
	lent   int
}

func (f *lentFile) Write(b []byte) (int, error) { return f.add(bytes.Clone(b)) }

func (f *lentFile) Lend(b []byte) (int, error) {
	f.lent += len(b)
	if at := int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))); (at-f.size)%env.StreamAlign != 0 || len(b) < env.StreamLong {
		f.t.Errorf("%d bytes are lent for place %d that lie %d bytes off", len(b), f.size, (at-f.size)%env.StreamAlign)
	}
	return f.add(b)
}

func (f *lentFile) add(b []byte) (int, error) {
	f.pieces = append(f.pieces, b)
	f.size += len(b)
	return len(b), nil
}

// TestLent: pages of rows of a join that nothing is left out of are written from where
// they lie, and what comes after them changes nothing in the file.
func TestLent(t *testing.T) {
	key := []types.Type{types.BigIntT.Nullable(false)}
	open := func(s *Store) *MultiMap {
		return s.MultiMap("m", MultiSpec{Key: key, Row: []types.Type{types.BigIntT, types.StringT}})
	}
	c := Config{Memory: 1 << 40}
	s := New(c)
	m := open(s)
	bs, kvs := keyStream(5000, 20*batch.MaxRows, false, key[0], func(k uint64) any { return int64(k) })
	var in batch.Batch
	add := func(i int) {
		in = *bs[i]
		in.Cols = []batch.Col{bs[i].Cols[0], batch.ConstBytes(types.StringT, []byte("the text of a row, which is not short at all"))}
		m.Insert(&in, kvs[i], nil, []int{0, 1}, nil)
	}
	var chain []*lentFile
	rows, lent, size := []int{}, 0, 0
	for i := range bs {
		add(i)
		if i%4 != 3 {
			continue
		}
		f := &lentFile{t: t}
		id := int64(len(chain) + 1)
		snap := s.Snapshot(id, false)
		snap.Unhashed()
		if _, err := snap.Write(f); err != nil {
			t.Fatal(err)
		}
		s.Confirm(id)
		chain = append(chain, f)
		rows = append(rows, m.Len())
		lent, size = lent+f.lent, size+f.size
	}
	if lent < size*3/4 {
		t.Errorf("%d of %d bytes were lent", lent, size)
	}
	var files Chain
	for i, f := range chain {
		files = append(files, bytes.NewReader(bytes.Join(f.pieces, nil)))
		r := New(c)
		if err := r.Restore([]Chain{files}); err != nil {
			t.Fatal(err)
		}
		x := open(r)
		if err := r.Err(); err != nil || x.Len() != rows[i] {
			t.Fatalf("checkpoint %d has %d rows, not %d: %v", i+1, x.Len(), rows[i], err)
		}
		if i+1 < len(chain) {
			continue
		}
		want, have := s.Hashes(), r.Hashes()
		for g := range want {
			if want[g] != have[g] {
				t.Fatalf("key group %d has other content", g)
			}
		}
	}
}
