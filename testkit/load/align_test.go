package load

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestAlignment: how long an aggregation waits for the barriers of a checkpoint at 80 % of its
// highest rate with a checkpoint every second, from the first channel's to the last one's.
// Wanted are 100 ms at p99.
func TestAlignment(t *testing.T) {
	keys, rows, lasts, interval := int64(1_000_000), int64(40_000_000), 40*time.Second, time.Second
	if !all {
		keys, rows, lasts, interval = 1000, 100_000, 2*time.Second, 50*time.Millisecond
	}
	rate := int64(latencyRig(t, keys, 1_000_000_000, rows, "1 h", nil) * 0.8)
	r := newRig(t, map[string]string{"parallelism.default": "2", "state.memory": "64 gb", "execution.checkpointing.interval": fmt.Sprint(interval.Milliseconds(), " ms")})
	res := r.run(latencyJob(keys, rate, int64(float64(rate)*lasts.Seconds()))...)
	waits := map[int64]time.Duration{} // the longest of a checkpoint's tasks
	ended := make(chan error, 1)
	go func() { ended <- res.Job.Wait(context.Background()) }()
	for going := true; going; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatal(err)
			}
			going = false
		case <-time.After(interval / 5):
		}
		for _, h := range res.Job.Status().Checkpoints.History {
			if h.State != "COMPLETED" || h.Final {
				continue
			}
			waits[h.ID] = 0
			for _, p := range h.Parts {
				waits[h.ID] = max(waits[h.ID], p.Align)
			}
		}
	}
	var sorted []time.Duration
	for _, w := range waits {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	if len(sorted) < 5 {
		t.Fatalf("only %d checkpoints", len(sorted))
	}
	longest := sorted[len(sorted)-1]
	t.Logf("%d checkpoints at %.1f M rows/s, 80 %% of the most: barriers are waited for p50 %s, p90 %s, longest %s", len(sorted), float64(rate)/1e6, sorted[len(sorted)/2], sorted[len(sorted)*9/10], longest)
	if longest == 0 {
		t.Error("no task of two inputs waited for its second barrier")
	}
	if all && sorted[len(sorted)*99/100] > 200*time.Millisecond {
		t.Errorf("barriers were waited for %s", longest)
	}
}
