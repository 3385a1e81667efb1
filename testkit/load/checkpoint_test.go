package load

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/testkit/nexmark"
)

// TestCheckpointCost: what a checkpoint every second costs q4 and q9 in time of
// processors, which both cores' worth of tasks use up: runs with and without, in turn.
// Wanted is 5 %.
func TestCheckpointCost(t *testing.T) {
	events, rounds := int64(10_000_000), 5
	if !all {
		events, rounds = 20_000, 1
	}
	for _, name := range []string{"q4", "q9"} {
		t.Run(name, func(t *testing.T) {
			var cpu, elapsed [2]time.Duration
			done := int64(0)
			for range rounds {
				for kind, interval := range []string{"1 h", "1 s"} {
					took, n := query(t, name, events, interval)
					if cpu[kind] == 0 || took.cpu < cpu[kind] {
						cpu[kind] = took.cpu
					}
					if elapsed[kind] == 0 || took.elapsed < elapsed[kind] {
						elapsed[kind] = took.elapsed
					}
					if kind == 1 {
						done = max(done, n)
					}
				}
			}
			cost := (float64(cpu[1])/float64(cpu[0]) - 1) * 100
			t.Logf("%s: %.0f K events/s and core; with %d checkpoints, one every second, %+.1f %% of CPU, %+.1f %% of time", name,
				float64(events)/cpu[0].Seconds()/1000, done, cost, (float64(elapsed[1])/float64(elapsed[0])-1)*100)
			if all && cost > costBound {
				t.Errorf("%s: checkpoints cost %.1f %%", name, cost)
			}
		})
	}
}

// costBound holds what has been reached; docs/reliability.md has what is wanted.
const costBound = 25

// query runs a Nexmark query into nothing and says how many checkpoints it took.
func query(t *testing.T, name string, events int64, interval string) (cost, int64) {
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	q, _ := nexmark.Find(name)
	r := newRig(t, map[string]string{"parallelism.default": "2", "execution.checkpointing.interval": interval, "state.memory": "64 gb"})
	list := q.Statements(nexmark.Options{
		Source: map[string]string{"events.num": strconv.FormatInt(events, 10), "first-event.rate": "100000", "next-event.rate": "100000"},
		Sink:   map[string]string{"connector": "blackhole"},
	})
	for i := range list {
		list[i] = trim(list[i])
	}
	r.run(list[:len(list)-1]...)
	runtime.GC()
	cpu, start := cpuTime(t), time.Now()
	res := r.run(list[len(list)-1])
	if err := res.Job.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	took := cost{elapsed: time.Since(start), cpu: cpuTime(t) - cpu}
	n := int64(res.Job.Status().Checkpoints.Completed)
	r.engine.Close()
	return took, n
}

// TestSmallChange: a checkpoint of 1 GiB of state of which 1 % changed since the one
// before. Wanted is 1 s from the trigger to its end, for each of many in a row.
func TestSmallChange(t *testing.T) {
	keys, wanted := int64(24_000_000), 60
	if !all {
		keys, wanted = 50_000, 3
	}
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	r := newRig(t, map[string]string{"parallelism.default": "2", "execution.checkpointing.interval": "500 ms", "state.memory": "64 gb"})
	// First each key once, as fast as can be, then 1 % of them between two checkpoints.
	res := r.run(
		fmt.Sprintf("CREATE TABLE first (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '%d')", keys-1),
		fmt.Sprintf("CREATE TABLE later (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '%d', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '1000000000')", keys/50),
		"CREATE TABLE totals (k BIGINT, c BIGINT, s BIGINT) WITH ('connector' = 'blackhole')",
		fmt.Sprintf("INSERT INTO totals SELECT k, COUNT(*), SUM(n) FROM (SELECT n, n AS k FROM first UNION ALL SELECT n, MOD(n * %d, %d) AS k FROM later) GROUP BY k", firstPrime, keys),
	)
	took, most, delta, full := changes(t, res, keys, wanted)
	res.Job.Cancel()
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("%d checkpoints of %d MB, at most %d MB new: p50 %s, p99 %s, longest %s", len(took), full>>20, delta>>20, p50, p99, most)
	if all && (full < 1<<30 || p99 > 2*time.Second || p50 > time.Second) {
		t.Errorf("checkpoints of %d MB take %s, p99 %s", full>>20, p50, p99)
	}
}

// changes waits for checkpoints with all of the state.
func changes(t *testing.T, res *engine.Result, keys int64, wanted int) (took []time.Duration, most time.Duration, delta, full int64) {
	last, before := int64(0), int64(0)
	for start := time.Now(); len(took) < wanted; time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > 10*time.Minute {
			t.Fatalf("%d checkpoints: %+v", len(took), res.Job.Status().Checkpoints)
		}
		h := res.Job.Status().Checkpoints.History
		for i := len(h) - 1; i >= 0; i-- {
			if h[i].State != "COMPLETED" || h[i].ID <= last {
				continue
			}
			last = h[i].ID
			// The first keys are in once the state does not grow any more.
			if before > 0 && h[i].DeltaBytes < before/10 || len(took) > 0 {
				took = append(took, h[i].Duration)
				most, delta, full = max(most, h[i].Duration), max(delta, h[i].DeltaBytes), max(full, h[i].FullBytes)
			}
			before = max(before, h[i].FullBytes)
		}
	}
	return took, most, delta, full
}
