package nexmark_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/testkit/nexmark"
)

// reverseWithin is how long a step back, or a jump to any place, may take at the 95th
// percentile once the tape has been executed once.
const reverseWithin = 200 * time.Millisecond

// Steps back and jumps answer soon wherever one stands on the tape. With MINK_ALL tapes
// have 10 million events.
func TestReverseSpeed(t *testing.T) {
	events := int64(200_000)
	if all {
		events = 10_000_000
	}
	side := sideFile(t)
	for _, name := range []string{"q0", "q4", "q7"} {
		q, _ := nexmark.Find(name)
		t.Run(name, func(t *testing.T) {
			d := taped(t, q, events, side, map[string]string{"parallelism.default": "2"}, engine.Record{})
			defer d.Close()
			if all {
				d.Memory = 4 << 30 // of q4 all is kept: at the end it has half a gigabyte of state
			}
			reverseSpeed(t, d.Jobs[0], events)
		})
	}
}

func reverseSpeed(t *testing.T, j *debugger.Job, events int64) {
	ctx := context.Background()
	begin := cpuTime(t)
	s := j.Tape.Stepper(nil)
	for more := true; more; {
		var err error
		if _, more, err = s.Next(); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	bare := cpuTime(t) - begin
	begin = cpuTime(t)
	if _, err := j.Seek(ctx, debugger.AtEnd); err != nil {
		t.Fatal(err)
	}
	first := cpuTime(t) - begin
	moments, bytes := j.Kept()
	end := j.Position()
	t.Logf("%d events, %d steps up to %s: bare replay %s, first pass %s, %d moments of %d MB kept", events, j.Ordinal(), end, bare, first, moments, bytes>>20)

	rng := rand.New(rand.NewPCG(uint64(events), 1))
	var jumps, backs, records []time.Duration
	timed := func(list *[]time.Duration, f func() (debugger.Stop, error)) {
		// Time of processors where that is less: others may use the machine too.
		begin, used := time.Now(), cpuTime(t)
		if st, err := f(); err != nil || st.Why == "divergence" {
			t.Fatal(st, err)
		}
		*list = append(*list, min(time.Since(begin), cpuTime(t)-used))
	}
	steps := j.Ordinal()
	for range 30 {
		p, ok := j.At(10 + rng.Int64N(steps-10))
		if !ok {
			t.Fatal("no such step")
		}
		timed(&jumps, func() (debugger.Stop, error) { return j.Seek(ctx, debugger.Target{At: &p}) })
		for range 5 {
			timed(&backs, func() (debugger.Stop, error) { return j.Step(ctx, debugger.ByStep, -1) })
		}
		for range 2 {
			timed(&records, func() (debugger.Stop, error) {
				st, err := j.Step(ctx, debugger.ByRecord, -1)
				if err == nil {
					_, err = j.Tasks() // which is what a record within a step costs
				}
				return st, err
			})
		}
	}
	for _, x := range []struct {
		name string
		list []time.Duration
	}{{"jump", jumps}, {"step back", backs}, {"record back", records}} {
		slices.Sort(x.list)
		p50, p95 := x.list[len(x.list)/2], x.list[len(x.list)*95/100]
		t.Logf("%-12s p50 %s, p95 %s, most %s", x.name, p50, p95, x.list[len(x.list)-1])
		if p95 > reverseWithin {
			t.Errorf("a %s takes %s at the 95th percentile, and not %s", x.name, p95, reverseWithin)
		}
	}
	moments, bytes = j.Kept()
	t.Logf("then %d moments of %d MB", moments, bytes>>20)
}
