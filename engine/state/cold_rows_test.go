package state

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBlockOf: the block of a hash is the one that a search from the front finds, however
// evenly hashes lie.
func TestBlockOf(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 5))
	for _, draw := range []func() uint64{
		rnd.Uint64,
		func() uint64 { return rnd.Uint64N(400) },
		func() uint64 { return 1 << rnd.IntN(64) },
		func() uint64 { return math.MaxUint64 - 1<<rnd.IntN(64) },
	} {
		for _, n := range []int{1, 2, 40, 1000} {
			r := &coldRun{blocks: make([]coldBlock, n)}
			for i := range r.blocks {
				r.blocks[i].hash = draw()
			}
			slices.SortFunc(r.blocks, func(a, b coldBlock) int { return cmp.Compare(a.hash, b.hash) })
			for range 2000 {
				h := draw()
				if rnd.IntN(2) == 0 {
					h = r.blocks[rnd.IntN(n)].hash - 1 + rnd.Uint64N(3)
				}
				want := -1
				for want+1 < n && r.blocks[want+1].hash <= h {
					want++
				}
				if got := r.blockOf(h); got != want {
					t.Fatalf("%x is in block %d of %d, want %d", h, got, n, want)
				}
			}
		}
	}
}

// TestEqualHashes: keys on disk whose hashes are all the same are told apart, over the
// ends of blocks.
func TestEqualHashes(t *testing.T) {
	s := New(Config{Memory: 16 << 10, PageBytes: 1 << 10})
	kk := keyKinds[len(keyKinds)-1]
	x := s.Table("t", TableSpec{Key: kk.types, Lanes: 1})
	const keys = 400
	refs := make([]Ref, keys)
	b, kv := kk.batch(span(0, keys))
	for i := range kv.H {
		kv.H[i] = 12345
	}
	x.Lookup(b, kv, nil, Upsert, refs, nil)
	for i, ref := range refs {
		x.Row(ref)[0] = uint64(i)
	}
	if err := s.EndStep(); err != nil {
		t.Fatal(err)
	}
	if x.cold.n < keys/2 {
		t.Fatalf("%d of %d keys are on disk", x.cold.n, keys)
	}
	for i := range keys {
		x.Lookup(b, kv, []uint16{uint16(i)}, Read, refs[:1], nil)
		if refs[0] == None || x.Row(refs[0])[0] != uint64(i) {
			t.Fatalf("key %d is not there", i)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
