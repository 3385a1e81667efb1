package sim

import (
	"flag"
	"fmt"
	"os"
	"strconv"
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
		t.Skip("no -seed")
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

func TestProtocol(t *testing.T) {
	n := seeds(t, 20_000, 20_000)
	start, steps, bad := time.Now(), 0, 0
	for seed := uint64(1); seed <= uint64(n) && bad < 5; seed++ {
		r := Run(Draw(seed, flow.PlantNone))
		steps += r.Steps
		if r.Err != nil {
			bad++
			t.Errorf("seed %d, attempt %d: %v\n\t%s", seed, r.Attempts, r.Err, repeat(seed, 0))
		}
		if os.Getenv("MINK_SIM_TWICE") != "" {
			if again := Run(Draw(seed, flow.PlantNone)); again.Hash != r.Hash {
				t.Fatalf("seed %d: two runs differ\n\t%s", seed, repeat(seed, 0))
			}
		}
	}
	d := time.Since(start)
	t.Logf("%d seeds, %.0f a second, %.2f M steps a second", n, float64(n)/d.Seconds(), float64(steps)/d.Seconds()/1e6)
}
