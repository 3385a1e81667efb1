package evidence

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

// TestClean runs some seeds of each part: nothing is found, and faults hit.
func TestClean(t *testing.T) {
	list, err := Run(t.Context(), Options{Budget: time.Minute, Seed: 1, Count: 12, Only: []string{"protocol", "engine", "batch"}}, func(*Part) {})
	if err != nil || len(list) != 3 {
		t.Fatalf("%d parts, %v", len(list), err)
	}
	for _, p := range list {
		t.Logf("%s: %d tried, %d runs, %d with faults, %.1f s", p.Name, p.Tried, p.Runs, p.Faults, p.Seconds)
		for _, v := range p.Violations {
			t.Errorf("%s: %s", p.Name, v.Text)
		}
		if p.Tried != 12 || p.Name != "batch" && p.Faults < p.Tried/4 {
			t.Errorf("%s: %d tried, %d with faults", p.Name, p.Tried, p.Faults)
		}
	}
}

// TestFindsBugs plants a bug in the engine: the evidence says so, with the command that
// shows it again.
func TestFindsBugs(t *testing.T) {
	for _, part := range []string{"protocol", "engine"} {
		o := Options{Budget: time.Minute, Seed: 1, Count: 200, Only: []string{part}, Plant: flow.PlantOffsetLate}
		list, err := Run(t.Context(), o, func(*Part) {})
		if err != nil {
			t.Fatal(err)
		}
		bad := list[0].Violations
		if len(bad) == 0 {
			t.Fatalf("%s did not find it in %d seeds", part, list[0].Tried)
		}
		seed := strings.TrimSuffix(strings.TrimPrefix(bad[0].Repeat, "mink verify --only "+part+" --seed "), " --count 1")
		if seed == "" || !strings.HasPrefix(bad[0].Text, "seed "+seed+":") {
			t.Errorf("%s: %+v", part, bad[0])
		}
	}
}

// TestSeeds: a seed decides what is tried.
func trialOf(t *testing.T, seed uint64) *trial {
	t.Helper()
	k, err := draw(rand.New(rand.NewPCG(seed, 12)), simulatedEvents)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

func TestSeeds(t *testing.T) {
	for seed := uint64(1); seed <= 5; seed++ {
		a := trialOf(t, seed)
		s1, s2 := a.tell(seed, 0, flow.PlantNone), a.tell(seed, 0, flow.PlantNone)
		if s1 != s2 || s1.err != nil {
			t.Errorf("seed %d: %+v and %+v", seed, s1, s2)
		}
	}
}
