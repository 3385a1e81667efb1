package load

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
)

// TestLatency: from the making of a row in a source of a steady rate to its result at the
// sink, of an aggregation with a million keys at half of its highest rate. Wanted is a
// p99 of 10 ms, and of 50 ms with a checkpoint every second; the bounds have room for a
// busy machine.
func TestLatency(t *testing.T) {
	keys, rows, lasts := int64(1_000_000), int64(40_000_000), 15*time.Second
	if !all {
		keys, rows, lasts = 1000, 100_000, 500*time.Millisecond
	}
	highest := latencyRig(t, keys, 1_000_000_000, rows, "1 h", nil)
	for _, c := range []struct {
		interval string
		p99      time.Duration
	}{{"1 h", 100 * time.Millisecond}, {"1 s", 150 * time.Millisecond}} {
		rate := int64(highest / 2)
		var late []time.Duration
		begin := time.Now()
		got := latencyRig(t, keys, rate, int64(float64(rate)*lasts.Seconds()), c.interval, func(b *batch.Batch) {
			now := time.Now()
			if all && now.Sub(begin) < lasts/3 {
				return
			}
			for i := 0; i < b.Rows(); i += 17 { // odd, since old and new rows take turns
				if l := b.Lane(i); b.Kind(l).Adds() {
					late = append(late, now.Sub(time.UnixMilli(b.Cols[2].Int(l))))
				}
			}
		})
		if len(late) < int(got*lasts.Seconds())/100 {
			t.Fatalf("only %d rows were looked at", len(late))
		}
		slices.Sort(late)
		at := func(p int) time.Duration { return late[len(late)*p/1000] }
		t.Logf("%.1f M rows/s (half of %.1f), checkpoints every %s: p50 %s, p90 %s, p99 %s, p99.9 %s, longest %s", got/1e6, highest/1e6, c.interval,
			at(500), at(900), at(990), at(999), late[len(late)-1])
		if all && (at(990) > c.p99 || got < 0.9*float64(rate)) {
			t.Errorf("checkpoints every %s: p99 is %s at %.0f rows/s", c.interval, at(990), got)
		}
	}
}

// latencyRig runs the aggregation and returns rows/s.
func latencyRig(t *testing.T, keys, rate, rows int64, interval string, seen func(*batch.Batch)) float64 {
	r := newRig(t, map[string]string{"parallelism.default": "2", "state.memory": "64 gb", "execution.checkpointing.interval": interval})
	r.out.seen = seen
	start := time.Now()
	res := r.run(latencyJob(keys, rate, rows)...)
	if err := res.Job.Wait(context.Background()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	r.engine.Close()
	if r.out.sums[1] != rows {
		t.Errorf("%d rows were counted of %d", r.out.sums[1], rows)
	}
	return float64(rows) / took.Seconds()
}

// latencyJob counts rows by key, with the time of the newest.
func latencyJob(keys, rate, rows int64) []string {
	return []string{
		fmt.Sprintf("CREATE TABLE numbers (n BIGINT, ts TIMESTAMP_LTZ(3)) WITH ('connector' = 'datagen', 'rows-per-second' = '%d', 'number-of-rows' = '%d', 'fields.n.min' = '0', 'fields.n.max' = '%d')", rate, rows, keys-1),
		"CREATE TABLE totals (k BIGINT, c BIGINT, newest TIMESTAMP_LTZ(3)) WITH ('connector' = 'tally')",
		"INSERT INTO totals SELECT n, COUNT(*), MAX(ts) FROM numbers GROUP BY n",
	}
}
