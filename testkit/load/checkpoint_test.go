package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/testkit/measure"
	"github.com/minkstream/mink/testkit/nexmark"
)

// TestCheckpointCost: what a checkpoint every second costs q4 and q9 in time of
// processors, which both cores' worth of tasks use up. Runs without and with come as
// ABBA, so that what drifts is in both; each such round gives one ratio, of which the
// median counts; MINK_ROUNDS is how many, five where it is not set. Wanted is 5 %. For comparison the test writes as many bytes to a file
// as the checkpoints had and says what that alone would have cost.
func TestCheckpointCost(t *testing.T) {
	events, rounds := int64(10_000_000), 5
	if !all {
		events, rounds = 20_000, 1
	}
	if n, err := strconv.Atoi(os.Getenv("MINK_ROUNDS")); err == nil && n > 0 {
		rounds = n
	}
	for _, name := range []string{"q4", "q9"} {
		t.Run(name, func(t *testing.T) {
			var cpu, elapsed []float64 // by round, in percent
			var plain []time.Duration
			var bytes, done int64
			for range rounds {
				var sum [2]cost
				for i, kind := range []int{0, 1, 1, 0} {
					took, n, size := query(t, name, events, []string{"1 h", "1 s"}[kind])
					sum[kind].cpu += took.cpu
					sum[kind].elapsed += took.elapsed
					if kind == 0 {
						plain = append(plain, took.cpu)
					} else if done, bytes = max(done, n), max(bytes, size); i == 1 {
						t.Logf("%d checkpoints, %d MB, %s of CPU", n, size>>20, took.cpu.Round(time.Millisecond))
					}
				}
				cpu = append(cpu, (float64(sum[1].cpu)/float64(sum[0].cpu)-1)*100)
				elapsed = append(elapsed, (float64(sum[1].elapsed)/float64(sum[0].elapsed)-1)*100)
			}
			processors, clock := measure.Median(cpu), measure.Median(elapsed)
			slices.Sort(plain)
			event := float64(plain[len(plain)/2]) / float64(events)
			size := float64(bytes) / float64(events)
			t.Logf("%s: %.0f ns of CPU an event (%.0f to %.0f); with %d checkpoints, one every second, of CPU %s, of time %s",
				name, event, float64(plain[0])/float64(events), float64(plain[len(plain)-1])/float64(events), done, processors, clock)
			if all {
				byte := writeCost(t)
				t.Logf("%s: checkpoints have %.0f bytes an event; to write them to a file as they are, %.2f ns a byte, would cost %.1f %%", name, size, byte, size*byte/event*100)
			}
			if all && processors.Mid > costBound {
				t.Errorf("%s: checkpoints cost %.1f %%", name, processors.Mid)
			}
		})
	}
}

// costBound holds what has been reached; docs/reliability.md has what is wanted.
const costBound = 25

// writeCost is the time of a processor, in nanoseconds, that a byte takes which is
// written to a file and synced: the median of some files.
func writeCost(t *testing.T) float64 {
	piece := make([]byte, 128<<10)
	var all []float64
	for range 9 {
		before := measure.CPU()
		f, err := os.Create(filepath.Join(t.TempDir(), "bytes"))
		if err != nil {
			t.Fatal(err)
		}
		const pieces = 1024
		for i := range pieces {
			binary.NativeEndian.PutUint64(piece, uint64(i))
			if _, err := f.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
		all = append(all, float64(measure.CPU()-before)/float64(pieces*len(piece)))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// query runs a Nexmark query into nothing and says how many checkpoints it took and how
// many bytes they wrote.
func query(t *testing.T, name string, events int64, interval string) (took cost, done, bytes int64) {
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
	cpu, start := measure.CPU(), time.Now()
	res := r.run(list[len(list)-1])
	if err := res.Job.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	took = cost{elapsed: time.Since(start), cpu: measure.CPU() - cpu}
	checkpoints := res.Job.Status().Checkpoints
	for _, h := range checkpoints.History {
		if h.State == "COMPLETED" {
			bytes += h.DeltaBytes
		}
	}
	r.engine.Close()
	return took, int64(checkpoints.Completed), bytes
}

// TestSmallChange: checkpoints of 1 GiB of state of which 1 % or 10 % changed since the one
// before. Wanted are 1 s and 2 s from the trigger to the end, for each of many in a row;
// the bounds have room for a busy machine.
func TestSmallChange(t *testing.T) {
	for _, c := range []struct {
		share, checkpoints int
		interval           time.Duration
		p50, p99           time.Duration
	}{
		{1, 60, 500 * time.Millisecond, time.Second, 2 * time.Second},
		{10, 20, 5 * time.Second, 2 * time.Second, 4 * time.Second},
	} {
		t.Run(fmt.Sprint(c.share, " %"), func(t *testing.T) {
			keys := int64(27_000_000)
			if !all {
				keys, c.checkpoints, c.interval = 50_000, 3, 500*time.Millisecond
			}
			took, most, delta, full := smallChange(t, keys, keys*int64(c.share)/100*int64(time.Second)/int64(c.interval), c.interval, c.checkpoints)
			slices.Sort(took)
			p50, p99 := took[len(took)/2], took[len(took)*99/100]
			t.Logf("%d checkpoints of %d MB, at most %d MB new: p50 %s, p99 %s, longest %s", len(took), full>>20, delta>>20, p50, p99, most)
			if all && (full < 1<<30 || p99 > c.p99 || p50 > c.p50) {
				t.Errorf("checkpoints of %d MB take %s, p99 %s", full>>20, p50, p99)
			}
		})
	}
}

// smallChange runs an aggregation of so many keys, of which so many change in a second.
func smallChange(t *testing.T, keys, rate int64, interval time.Duration, wanted int) (took []time.Duration, most time.Duration, delta, full int64) {
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	r := newRig(t, map[string]string{"parallelism.default": "2", "execution.checkpointing.interval": interval.String(), "state.memory": "64 gb"})
	// First each key once, as fast as can be.
	res := r.run(
		fmt.Sprintf("CREATE TABLE first (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '%d')", keys-1),
		fmt.Sprintf("CREATE TABLE later (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '%d', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0', 'fields.n.end' = '1000000000')", rate),
		"CREATE TABLE totals (k BIGINT, c BIGINT, s BIGINT) WITH ('connector' = 'blackhole')",
		fmt.Sprintf("INSERT INTO totals SELECT k, COUNT(*), SUM(n) FROM (SELECT n, n AS k FROM first UNION ALL SELECT n, MOD(n * %d, %d) AS k FROM later) GROUP BY k", firstPrime, keys),
	)
	took, most, delta, full = changes(t, res, keys, wanted)
	res.Job.Cancel()
	r.engine.Close()
	return took, most, delta, full
}

// ended reports whether a source has come to its end.
func ended(tasks []flow.TaskStatus) bool {
	left := map[int]int{}
	for _, t := range tasks {
		for _, op := range t.Ops {
			for _, sp := range op.Splits {
				left[t.Vertex] += 0
				if !sp.Ended {
					left[t.Vertex]++
				}
			}
		}
	}
	for _, n := range left {
		if n == 0 {
			return true
		}
	}
	return false
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
			if before > 0 && h[i].FullBytes > before/2 && h[i].DeltaBytes < before/3 && ended(res.Job.Status().Tasks) || len(took) > 0 {
				took = append(took, h[i].Duration)
				most, delta, full = max(most, h[i].Duration), max(delta, h[i].DeltaBytes), max(full, h[i].FullBytes)
			}
			before = max(before, h[i].FullBytes)
		}
	}
	return took, most, delta, full
}
