package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

// TestShrink makes scenarios that find a planted bug smaller, in a bounded number of runs, and none
// takes a minute. Every bug with MINK_ALL, by the first seed that finds it, else two with less effort.
// A run of one row without faults has some 65 steps, 25 in one task, and one that loses a process
// behind a checkpoint 35 more: the share of the steps that can be left hangs on how many there were.
func TestShrink(t *testing.T) {
	plants, seeds, runs, most := []flow.Plant{flow.PlantOffsetLate, flow.PlantTxnIDReuse}, 1, 1000, 0.3
	if all {
		plants, seeds, runs, most = nil, 1, runsMost, 0.1
		for p := flow.PlantNone + 1; p < flow.PlantsEnd; p++ {
			plants = append(plants, p)
		}
	}
	var shares, rows []float64
	sum := 0.0
	var left []int
	var slowest time.Duration
	for _, p := range plants {
		found := 0
		for seed := uint64(1); seed <= 3000 && found < seeds; seed++ {
			sc := Draw(seed, p)
			if Run(sc).Err == nil {
				continue
			}
			found++
			began := time.Now()
			small, ok := shrink(sc, time.Minute, runs)
			took := time.Since(began)
			if !ok || Run(small.Scenario).Hash != small.Result.Hash || Run(small.Scenario).Err == nil {
				t.Errorf("%s, seed %d: what was found does not fail", p, seed)
				break
			}
			clean := small.Scenario
			clean.Plant = flow.PlantNone
			if r := Run(clean); r.Err != nil {
				t.Errorf("%s, seed %d: the scenario fails without the bug: %v", p, seed, r.Err)
			}
			share := float64(small.Result.Steps) / float64(small.StepsBefore)
			rows = append(rows, float64(small.Scenario.Rows*small.Scenario.Splits)/float64(sc.Rows*sc.Splits))
			sum += share
			shares, left, slowest = append(shares, share), append(left, small.Result.Steps), max(slowest, took)
			t.Logf("%-20s %5d steps to %4d (%.0f %%), %d rows and %d faults to %d and %d, %d runs, %.1f s", p, small.StepsBefore, small.Result.Steps, 100*share,
				sc.Rows*sc.Splits, len(sc.Faults), small.Scenario.Rows*small.Scenario.Splits, len(small.Scenario.Faults), small.Runs, took.Seconds())
		}
		if found == 0 {
			t.Errorf("%s is not found", p)
		}
	}
	if len(shares) == 0 {
		t.Fatal("nothing is found")
	}
	slices.Sort(shares)
	slices.Sort(left)
	slices.Sort(rows)
	median := shares[len(shares)/2]
	t.Logf("median of %d: %.1f %% of the steps (%.1f %% in the mean), %d of them left, and %.1f %% of the rows, the longest took %s", len(shares), 100*median, 100*sum/float64(len(shares)), left[len(left)/2], 100*rows[len(rows)/2], slowest)
	if median > most || all && rows[len(rows)/2] > 0.1 {
		t.Error("that is too much")
	}
	if slowest > time.Minute+5*time.Second {
		t.Error(fmt.Sprint("too slow: ", slowest))
	}
}
