// Package rewind holds replays to their promise that one may go back: a replay that goes
// on from a moment that was kept is the one that has come there, to the hash of all that
// its tasks hold.
//
// Begin with Check.
package rewind

import (
	"math/rand/v2"
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

// Check executes a tape from its start and keeps moments on the way, then goes back to
// them, in an order drawn from seed, and on from there for random distances, over moments
// that are kept anew. It reports the moments that were kept.
func Check(t testing.TB, tape *flow.Tape, seed uint64) (kept int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	s := tape.Stepper(nil)
	defer func() { s.Close() }()
	steps := max(1, tape.Steps())
	looks := max(1, steps/40) // a look costs as much as all state
	want := map[int]uint64{}
	type moment struct {
		at int
		k  *flow.Kept
	}
	var moments []moment
	at := 0
	for ; ; at++ {
		if at > 0 && (at%looks == 0) {
			want[at] = s.Hash()
		}
		if rng.IntN(steps) < 8 {
			if k := s.Keep(); k != nil {
				moments = append(moments, moment{at, k})
				want[at] = s.Hash()
			}
		}
		_, more, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	want[at] = s.Hash()
	kept = len(moments)
	for range min(16, 2*kept) {
		m := moments[rng.IntN(len(moments))]
		b, err := tape.From(m.k, nil)
		if err != nil {
			t.Fatalf("from step %d: %v", m.at, err)
		}
		until := m.at + rng.IntN(at-m.at+1)
		for n := m.at; ; n++ {
			if h, ok := want[n]; ok && b.Hash() != h {
				t.Fatalf("step %d is another, come from step %d", n, m.at)
			}
			if n >= until && (rng.IntN(3) > 0 || n >= at) {
				break
			}
			if n > m.at && len(moments) < 40 && rng.IntN(steps) < 8 {
				if k := b.Keep(); k != nil {
					moments = append(moments, moment{n, k})
				}
			}
			if _, more, err := b.Next(); err != nil || !more {
				t.Fatalf("behind step %d of %d, come from step %d: more %v, %v", n, at, m.at, more, err)
			}
		}
		b.Close()
	}
	return kept
}
