package nodes

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestRecovery: from the kill -9 of a node to the first row of the job's next attempt at
// the client. The bound of one second is for a machine that has nothing else to do.
func TestRecovery(t *testing.T) {
	kills := 2
	if all() {
		kills = 20
	}
	w := found(t, 3, 2)
	r := w.run(`
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '100 ms';
SET 'restart-strategy.type' = 'fixed-delay';
SET 'restart-strategy.fixed-delay.attempts' = '1000';
SET 'restart-strategy.fixed-delay.delay' = '100 ms';
CREATE TEMPORARY TABLE numbers (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '5000', 'fields.k.min' = '1', 'fields.k.max' = '1000');
SELECT k, COUNT(*) AS n, MAX(v) AS v FROM numbers GROUP BY k;
`)
	var rows, at atomic.Int64
	done := make(chan error, 1)
	go func() {
		for {
			b, err := r.Job.Collector.Next(context.Background())
			if err != nil {
				done <- err
				return
			}
			at.Store(time.Now().UnixNano())
			rows.Add(int64(b.Rows()))
		}
	}()
	var took []time.Duration
	for range kills {
		// It runs, and has a checkpoint to come back to.
		before := r.Job.Status()
		for seen := rows.Load(); rows.Load() < seen+500 || r.Job.Status().Checkpoints.Completed < before.Checkpoints.Completed+2; {
			time.Sleep(5 * time.Millisecond)
		}
		victim := ""
		for _, x := range r.Job.Status().Tasks {
			victim = x.Node
		}
		start := time.Now()
		w.signal(victim, syscall.SIGKILL)
		for r.Job.Status().Restarts == before.Restarts {
			time.Sleep(time.Millisecond)
		}
		for seen := rows.Load(); rows.Load() == seen; {
			time.Sleep(time.Millisecond)
			if time.Since(start) > 30*time.Second {
				t.Fatalf("no row after %s; %+v", time.Since(start), r.Job.Status())
			}
		}
		took = append(took, time.Unix(0, at.Load()).Sub(start))
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		if err := w.c.Wait(ctx, 3); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	slices.Sort(took)
	t.Logf("from the kill to the next row: median %s of %v", took[len(took)/2], took)
	if took[len(took)/2] > 10*time.Second {
		t.Errorf("it takes %s", took[len(took)/2])
	}
	r.Job.Cancel()
	r.Job.Collector.Close()
	if err := <-done; err == nil || err == io.EOF {
		t.Errorf("the query ended with %v", err)
	}
}
