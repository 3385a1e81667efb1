package sqltest

import (
	"os"
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

// Runs with a bug planted in the runtime give wrong answers, and the sections say so.
func TestSimulatedFindsPlants(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.test")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, plant := range []flow.Plant{flow.PlantNone, flow.PlantOffsetLate, flow.PlantOffsetEarly} {
		found := ""
		seeds := uint64(10)
		if plant == flow.PlantNone {
			seeds = 1
		}
		for seed := uint64(1); seed <= seeds && found == ""; seed++ {
			for _, s := range f.Sections {
				if _, _, _, ok := s.job(); !ok || found != "" {
					continue
				}
				first := variant{parallelism: 1, rows: 1}.run(t, s, local)
				sim := &simulated{section: s, seed: seed, schema: first.schema, open: simulatedLocal, plant: plant}
				_, hit := sim.run(t)
				found = s.check(variant{parallelism: 1, seed: seed}, hit)
			}
		}
		if (found == "") != (plant == flow.PlantNone) {
			t.Errorf("%s: found %q", plant, found)
		}
	}
}
