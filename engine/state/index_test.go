package state

import (
	"math/rand/v2"
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/types"
)

// TestIndexSteps adds, takes out and looks up words at random while the index grows step by
// step, among them words whose searches begin at its end and go around it.
func TestIndexSteps(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		x := index{steps: stepsMin}
		// Homes of a quarter of the words are in the last hundredth.
		var words []uint64
		for w := uint64(0); len(words) < 3000; w++ {
			if batch.Mix(w+golden)>>32 > 1<<32/100*99 || rnd.IntN(33) == 0 {
				words = append(words, w)
			}
		}
		rnd.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
		have := map[uint64]Ref{}
		moving, around := 0, 0
		check := func(w uint64) {
			if got := x.find(w); got != have[w] {
				t.Fatalf("seed %d: word %d of %d is %d, not %d", seed, w, len(have), got, have[w])
			}
		}
		for ref := Ref(1); ref < 20000; ref++ {
			w := words[rnd.IntN(min(len(words), 10+int(ref)/4))]
			if x.old != nil {
				moving++
				if x.old[1] != 0 && x.old[len(x.old)-1] != 0 {
					around++
				}
			}
			if old := have[w]; old == None {
				x.insert(w, ref)
				have[w] = ref
			} else if rnd.IntN(3) == 0 {
				x.remove(w, old)
				delete(have, w)
			}
			check(w)
			check(words[rnd.IntN(len(words))])
			if x.n != len(have) {
				t.Fatalf("seed %d: %d words, not %d", seed, x.n, len(have))
			}
			switch rnd.IntN(2000) {
			case 0:
				x.shrink()
			case 1:
				x.reserve(rnd.IntN(100))
			}
		}
		for _, w := range words {
			check(w)
		}
		if moving < 100 || around == 0 {
			t.Errorf("seed %d: %d operations while it grew, %d of them with words around the end", seed, moving, around)
		}
	}
}

// TestGrowth: no batch pays for all of an index that grows, with keys of one word, also
// where they are told apart by notes in it, and with longer ones.
func TestGrowth(t *testing.T) {
	const n = 300_000
	for _, key := range []types.Type{types.BigIntT.Nullable(false), types.StringT} {
		bs, kvs := keyStream(n, n, false, key, func(k uint64) any {
			if key.Phys() == types.PhysBytes {
				return string(rune('a'+k%26)) + string(rune(k+0x400))
			}
			return int64(k)
		})
		x := New(Config{}).Table("t", TableSpec{Key: []types.Type{key}, Lanes: 1})
		var g Grouper
		grew, want := 0, map[any]uint64{}
		for i, b := range bs {
			at, slots := x.ix.at, len(x.ix.slots)
			x.Group(&g, b, kvs[i], nil, Upsert)
			if x.ix.old != nil {
				grew++
				if slots == len(x.ix.slots) && (x.ix.at-at)/2 > b.N*(moveInsert+moveLookup)*3+moveSlots {
					t.Errorf("%v: a batch moved %d slots", key, (x.ix.at-at)/2)
				}
			}
			for l, k := range g.G {
				x.Row(g.Refs[k])[0]++
				want[b.Cols[0].Any(l)]++
			}
		}
		if grew < 10 {
			t.Errorf("%v: it grew in %d batches", key, grew)
		}
		refs := make([]Ref, batch.MaxRows)
		for i, b := range bs {
			x.Lookup(b, kvs[i], nil, Read, refs, nil)
			for l, ref := range refs[:b.N] {
				if ref == None || x.Row(ref)[0] != want[b.Cols[0].Any(l)] {
					t.Fatalf("%v: row %d of batch %d has %v", key, l, i, ref)
				}
			}
		}
		if x.Len() != len(want) {
			t.Errorf("%v: %d keys, not %d", key, x.Len(), len(want))
		}
	}
}
