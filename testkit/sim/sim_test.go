package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/flow"
)

var (
	oneSeed  = flag.Uint64("seed", 0, "run this seed alone, with its story")
	onePlant = flag.Int("plant", 0, "plant this bug")
)

// repeat is the command that repeats a seed.
func repeat(seed uint64, p flow.Plant) string {
	s := fmt.Sprintf("go test ./testkit/sim -run TestSeed -v -seed %d", seed)
	if p != flow.PlantNone {
		s += fmt.Sprintf(" -plant %d", p)
	}
	return s
}

func TestSeed(t *testing.T) {
	if *oneSeed == 0 {
		return // there is none to repeat
	}
	sc := Draw(*oneSeed, flow.Plant(*onePlant))
	t.Logf("%+v", sc)
	r := RunStory(sc, func(s string) { fmt.Println(s) })
	t.Logf("%+v", r)
	if r.Err != nil {
		t.Fatal(r.Err)
	}
}

func seeds(t *testing.T, std, short int) int {
	if s := os.Getenv("MINK_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() {
		return short
	}
	return std
}

// TestProtocol runs seeds without planted bugs; MINK_SIM_TWICE runs each twice and
// compares the hashes. Seeds are shared out to as many goroutines as there are
// cores: a run knows nothing of the others. MINK_SEED_FROM starts further up.
func TestProtocol(t *testing.T) {
	n := uint64(seeds(t, 20_000, 2_000))
	first, _ := strconv.ParseUint(os.Getenv("MINK_SEED_FROM"), 10, 64)
	twice := os.Getenv("MINK_SIM_TWICE") != ""
	var next, steps, bad, restored atomic.Int64
	start := time.Now()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // runs are short and leave much behind
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for bad.Load() < 5 {
				k := uint64(next.Add(1))
				if k > n {
					return
				}
				seed := first + k
				r := Run(Draw(seed, flow.PlantNone))
				steps.Add(int64(r.Steps))
				if r.Restored > 0 {
					restored.Add(1)
				}
				if r.Err != nil {
					bad.Add(1)
					t.Errorf("seed %d, attempt %d: %v\n\t%s", seed, r.Attempts, r.Err, repeat(seed, 0))
					if small, ok := Shrink(Draw(seed, flow.PlantNone), 20*time.Second); ok && bad.Load() == 1 {
						t.Errorf("smaller, in %d of %d steps: %v\n\t%#v", small.Result.Steps, small.StepsBefore, small.Result.Err, small.Scenario)
					}
				}
				if !twice {
					continue
				}
				if again := Run(Draw(seed, flow.PlantNone)); again.Hash != r.Hash {
					bad.Add(1)
					t.Errorf("seed %d: two runs differ\n\t%s", seed, repeat(seed, 0))
				}
			}
		})
	}
	all.Wait()
	d := time.Since(start)
	t.Logf("%d seeds, %.0f a second, %.2f M steps a second; %d were restored", n, float64(n)/d.Seconds(), float64(steps.Load())/d.Seconds()/1e6, restored.Load())
	if restored.Load()*5 < int64(n) {
		t.Errorf("only %d of %d seeds went through a restore: the faults do not meet the jobs any more", restored.Load(), n)
	}
}

// TestSeedDecides runs seeds twice in each run of the tests, whatever the settings.
func TestSeedDecides(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := uint64(1); seed <= 300; seed++ {
		a, b := Run(Draw(seed, flow.PlantNone)), Run(Draw(seed, flow.PlantNone))
		if a.Hash != b.Hash || a.Steps != b.Steps {
			t.Errorf("seed %d: two runs differ\n\t%s", seed, repeat(seed, 0))
		}
		if other, ok := seen[a.Hash]; ok {
			t.Errorf("seeds %d and %d have one hash: it says nothing", other, seed)
		}
		seen[a.Hash] = seed
	}
}
