package nexmark_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/testkit/measure"
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
			reverseSpeed(t, d.Jobs[0], events)
			whyNotSpeed(t, d.Jobs[0], events)
		})
	}
}

func reverseSpeed(t *testing.T, j *debugger.Job, events int64) {
	ctx := context.Background()
	begin := measure.CPU()
	s := j.Tape.Stepper(nil)
	for more := true; more; {
		var err error
		if _, more, err = s.Next(); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	bare := measure.CPU() - begin
	begin = measure.CPU()
	if _, err := j.Seek(ctx, debugger.AtEnd); err != nil {
		t.Fatal(err)
	}
	first := measure.CPU() - begin
	moments, bytes := j.Kept()
	end := j.Position()
	t.Logf("%d events, %d steps up to %s: bare replay %s, first pass %s, %d moments of %d MB kept", events, j.Ordinal(), end, bare, first, moments, bytes>>20)

	rng := rand.New(rand.NewPCG(uint64(events), 1))
	var jumps, backs, records []time.Duration
	timed := func(list *[]time.Duration, f func() (debugger.Stop, error)) {
		// Time of processors where that is less: others may use the machine too.
		begin, used := time.Now(), measure.CPU()
		if st, err := f(); err != nil || st.Why == "divergence" {
			t.Fatal(st, err)
		}
		*list = append(*list, min(time.Since(begin), measure.CPU()-used))
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
		// Far jumps on a tape with much state are limited by the memory for moments.
		if p95 > reverseWithin && (x.name != "jump" || !all) {
			t.Errorf("a %s takes %s at the 95th percentile, and not %s", x.name, p95, reverseWithin)
		}
	}
	moments, bytes = j.Kept()
	t.Logf("then %d moments of %d MB", moments, bytes>>20)
}

// whyNotWithin is how long why-not may take for a million records. Wanted is a second: the
// rest is room for what else uses the machine.
const whyNotWithin = 2 * time.Second

// whyNotSpeed asks for a row that never came, which looks at every row of the tape.
func whyNotSpeed(t *testing.T, j *debugger.Job, events int64) {
	ctx := context.Background()
	if _, err := j.Seek(ctx, debugger.AtEnd); err != nil {
		t.Fatal(err)
	}
	last := j.Operators[len(j.Operators)-1]
	column := last.Schema()[0].Name
	begin, used := time.Now(), measure.CPU()
	list, err := j.WhyNot(ctx, last.Table, column+" = -1")
	took := min(time.Since(begin), measure.CPU()-used)
	if err != nil {
		t.Fatal(err)
	}
	perMillion := time.Duration(float64(took) * 1e6 / float64(events))
	t.Logf("why-not: %s, %s per million records: %+v", took, perMillion, list[0].Code)
	if perMillion > whyNotWithin {
		t.Errorf("why-not takes %s per million records", perMillion)
	}
}
