package sim

import (
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

// TestChoices runs scenarios again by the choices that were made in them, under another seed: it is
// the same run. With none left of one site it goes on, by what the seed draws.
func TestChoices(t *testing.T) {
	differ := 0
	for seed := uint64(1); seed <= 60; seed++ {
		sc := Draw(seed, flow.PlantNone)
		made := flow.SimChoices{}
		first := run(sc, nil, made)
		again := sc
		again.Seed, again.Choices = seed+1000, made
		if r := Run(again); r.Hash != first.Hash || r.Steps != first.Steps || r.Err != nil {
			t.Errorf("seed %d: %d steps by its choices, %d before (%v)", seed, r.Steps, first.Steps, r.Err)
		}
		again.Choices = copied(made)
		delete(again.Choices, "drift")
		r := Run(again)
		if r.Err != nil {
			t.Errorf("seed %d, with time drawn anew: %v", seed, r.Err)
		}
		if r.Hash != first.Hash {
			differ++
		}
	}
	if differ < 50 {
		t.Errorf("choices of a site that has none are drawn in %d runs of 60 only", differ)
	}
}
