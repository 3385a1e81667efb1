package nexmark_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/testkit/measure"
	"github.com/minkstream/mink/testkit/nexmark"
)

// A simulated run does at least a third of what threads do on one core: seeds are cheap
// enough to run ten of them for each test. Time is that of processors, the least of some
// runs in turn; the simulated ones draw their schedules, with delays and checkpoints.
// MINK_ALL has every query.
func TestSimulatedRate(t *testing.T) {
	side := sideFile(t)
	queries(t, func(t *testing.T, q nexmark.Query) {
		if !all && !slices.Contains([]string{"q0", "q4", "q7"}, q.Name) {
			t.Skip("every query: run with MINK_ALL=1")
		}
		const events, rounds = 100_000, 5
		config := map[string]string{"parallelism.default": "2", "execution.checkpointing.interval": "100 ms"}
		var best [2]time.Duration
		keep := func(kind int, run func()) {
			runtime.GC()
			begin := measure.CPU()
			run()
			if took := measure.CPU() - begin; best[kind] == 0 || took < best[kind] {
				best[kind] = took
			}
		}
		for round := range rounds {
			r := prepare(t, q, events, 2, nil, side, config)
			keep(0, func() { r.insertAndWait(t) })
			r.engine.Close()
			keep(1, func() { rateOfSim(t, q, events, uint64(round)) })
		}
		ratio := best[0].Seconds() / best[1].Seconds()
		t.Logf("threads %v, simulated %v: %.2f of the rate", best[0], best[1], ratio)
		if ratio < 1.0/3 {
			t.Errorf("a simulated run has %.2f of the rate of threads, want a third at least", ratio)
		}
	})
}

func rateOfSim(t *testing.T, q nexmark.Query, events int64, seed uint64) {
	t.Helper()
	s := flow.NewSim(flow.SimOptions{Seed: seed, Nodes: 2, Delay: time.Millisecond, Disk: time.Millisecond, MaxSteps: 1 << 24})
	writeMem(t, s.Disk, "/side.csv", nexmark.SideInput())
	x := prepare(t, q, events, 2, s.Env, "/side.csv", map[string]string{
		"parallelism.default": "2", "execution.checkpointing.interval": "100 ms", "execution.checkpointing.dir": "/ckpt",
	})
	defer x.engine.Close()
	g, cfg, err := x.session.Build(x.insert)
	if err != nil {
		t.Fatal(show(x.insert, err))
	}
	cfg.JobID, cfg.Name = "j", q.Name
	job, err := s.Submit(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if st := job.Status(); st.Attempt != 1 {
		t.Fatalf("%d attempts, want one", st.Attempt)
	}
	x.check(t)
}
