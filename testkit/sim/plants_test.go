package sim

import (
	"os"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

// TestPlants plants each bug and expects the seeds to find it. MINK_PLANTS=all goes
// on after the first find and tells the share of seeds that find it.
func TestPlants(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute of seeds")
	}
	all := os.Getenv("MINK_PLANTS") == "all"
	for p := flow.PlantNone + 1; p < flow.PlantsEnd; p++ {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			const within = 3000
			found := 0
			for seed := uint64(1); seed <= within; seed++ {
				r := Run(Draw(seed, p))
				if r.Err == nil || p == flow.PlantRetryStorm && !strings.Contains(r.Err.Error(), "outstanding") {
					continue // a storm of calls is found by their number, I9, and by nothing else
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
