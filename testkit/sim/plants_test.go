package sim

import (
	"os"
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

// TestPlants plants each bug and expects the seeds to find it.
func TestPlants(t *testing.T) {
	all := os.Getenv("MINK_PLANTS") == "all" // go on after the first find, for the share
	for p := flow.PlantNone + 1; p < flow.PlantsEnd; p++ {
		t.Run(p.String(), func(t *testing.T) {
			const within = 3000
			found := 0
			for seed := uint64(1); seed <= within; seed++ {
				r := Run(Draw(seed, p))
				if r.Err == nil {
					continue
				}
				if found++; found == 1 {
					t.Logf("found by seed %d: %.200v\n\t%s", seed, r.Err, repeat(seed, p))
				}
				if !all {
					return
				}
			}
			t.Logf("found by %d of %d seeds", found, within)
			if found == 0 {
				t.Errorf("%d seeds did not find it", within)
			}
		})
	}
}
