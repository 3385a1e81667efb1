package nodes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/flow"
)

// TestFrozen: a node that is stopped is given up on, and its job restarted, within two
// seconds, though nothing says that it has died.
func TestFrozen(t *testing.T) {
	times := 1
	if all() {
		times = 20
	}
	w := found(t, 3, 1)
	r := w.run(`
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '100 ms';
SET 'restart-strategy.type' = 'fixed-delay';
SET 'restart-strategy.fixed-delay.attempts' = '1000';
SET 'restart-strategy.fixed-delay.delay' = '0 ms';
CREATE TEMPORARY TABLE numbers (v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '300', 'fields.v.kind' = 'random');
CREATE TEMPORARY TABLE shown (v BIGINT) WITH ('connector' = 'print');
INSERT INTO shown SELECT v FROM numbers;
`)
	var took []time.Duration
	for range times {
		running(t, w, r, 3)
		before := r.Job.Status()
		victim := before.Tasks[0].Node
		start := time.Now()
		w.signal(victim, syscall.SIGSTOP)
		for r.Job.Status().Restarts == before.Restarts && r.Job.State().String() == "RUNNING" {
			time.Sleep(time.Millisecond)
			if time.Since(start) > 20*time.Second {
				t.Fatalf("it is not seen: %+v", r.Job.Status())
			}
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("from the stop of a node until it is seen: median %s, at most %s of %d", took[len(took)/2], took[len(took)-1], len(took))
	if most := took[len(took)-1]; all() && most > 2*time.Second {
		t.Errorf("it takes %s", most)
	}
	r.Job.Cancel()
}

// running waits for a job that takes checkpoints, with so many nodes.
func running(t *testing.T, w *town, r *engine.Result, nodes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.c.Wait(ctx, nodes); err != nil {
		t.Fatal(err)
	}
	for before := r.Job.Status().Checkpoints.Completed; r.Job.Status().Checkpoints.Completed < before+2 || r.Job.State().String() != "RUNNING"; time.Sleep(5 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("it does not run: %+v", r.Job.Status())
		}
	}
}

// TestCoordinatorPause: from the kill -9 of the coordinator, whose place another one takes
// at once, to the first row that is printed after the pause. Wanted is a p99 of 3 s.
func TestCoordinatorPause(t *testing.T) {
	kills := 1
	if all() {
		kills = 20
	}
	w := &town{t: t, dir: t.TempDir(), slots: 1, count: 2, nodes: map[string]*exec.Cmd{}, outs: map[string]*heard{}}
	t.Cleanup(w.close)
	script := filepath.Join(w.dir, "job.sql")
	for i := range w.count {
		w.start("node-" + strconv.Itoa(i+1))
	}
	// The rows of each coordinator's job begin with its number.
	coordinator := func(number int) *exec.Cmd {
		if err := os.WriteFile(script, fmt.Appendf(nil, `
SET 'parallelism.default' = '2';
SET 'execution.checkpointing.interval' = '100 ms';
CREATE TEMPORARY TABLE numbers (v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000', 'fields.v.kind' = 'random');
CREATE TEMPORARY TABLE shown (v BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'of%d');
INSERT INTO shown SELECT v FROM numbers;
`, number), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, h := range w.outs {
			h.expect(fmt.Sprintf("of%d:", number))
		}
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "MINK_TEST_COORDINATOR="+script)
		if testing.Verbose() {
			cmd.Stderr = os.Stdout
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	// first is when the first row came that is expected.
	first := func() (at time.Time) {
		for end := time.Now().Add(20 * time.Second); at.IsZero(); time.Sleep(5 * time.Millisecond) {
			for _, h := range w.outs {
				if x := h.expected(); !x.IsZero() && (at.IsZero() || x.Before(at)) {
					at = x
				}
			}
			if time.Now().After(end) {
				t.Fatal("nothing is printed")
			}
		}
		return at
	}
	cmd := coordinator(0)
	first()
	var took []time.Duration
	for i := range kills {
		time.Sleep(time.Second) // checkpoints are taken
		start := time.Now()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		cmd = coordinator(i + 1)
		took = append(took, first().Sub(start))
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	slices.Sort(took)
	t.Logf("from the kill of the coordinator to rows again: median %s, at most %s of %d", took[len(took)/2], took[len(took)-1], len(took))
	if most := took[len(took)-1]; all() && most > 3*time.Second {
		t.Errorf("it takes %s", most)
	}
}

// TestRescalePause: a job with a gigabyte of state is stopped with a savepoint and started
// from it with another parallelism. From the call to the first row of the second is the
// pause; wanted is a p99 of 5 s.
func TestRescalePause(t *testing.T) {
	keys, bytes, rounds := int64(10_000), int64(0), 1
	if all() {
		keys, bytes, rounds = 18_500_000, 1<<30, 4
	}
	w := found(t, 3, 1)
	at := ""
	var took []time.Duration
	for i := range rounds + 1 {
		start := time.Now()
		if i > 0 {
			at = "SET 'execution.state-recovery.path' = '" + at + "';\nSET 'execution.state-recovery.claim-mode' = 'CLAIM';\n"
		}
		r := w.run(at + fmt.Sprintf(`
SET 'parallelism.default' = '%d';
SET 'execution.checkpointing.interval' = '500 ms';
CREATE TEMPORARY TABLE numbers (k BIGINT, v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '5000', 'fields.k.min' = '1', 'fields.k.max' = '1000');
CREATE TEMPORARY TABLE many (k BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.k.kind' = 'sequence', 'fields.k.start' = '1001', 'fields.k.end' = '%d');
SELECT k, n, v FROM (SELECT k, COUNT(*) AS n, MAX(v) AS v FROM (SELECT k, v FROM numbers UNION ALL SELECT k, k FROM many) GROUP BY k) WHERE n > 1;
`, 2+i%2, 1001+keys))
		first := make(chan time.Time, 1)
		var rows atomic.Int64
		go func() {
			for {
				b, err := r.Job.Collector.Next(context.Background())
				if err != nil {
					return
				}
				if rows.Add(int64(b.Rows())) == int64(b.Rows()) && b.Rows() > 0 {
					first <- time.Now()
				}
			}
		}()
		came := <-first
		if i > 0 {
			took[i-1] += came.Sub(start)
			t.Logf("first row after %s", came.Sub(start))
		}
		// It has all keys, and goes on as it will: the first checkpoints have all of them.
		for n := 0; ; time.Sleep(20 * time.Millisecond) {
			s := r.Job.Status()
			if s.State.Ended() {
				t.Fatalf("the job: %v", r.Job.Err())
			}
			if !ended(s.Tasks) {
				n = s.Checkpoints.Completed
			} else if s.Checkpoints.Completed >= n+5 {
				if has := stateBytes(s.Tasks); has < bytes {
					t.Fatalf("the state has %d MB", has>>20)
				}
				break
			}
		}
		if i == rounds {
			r.Job.Cancel()
			break
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		start = time.Now()
		var err error
		if at, err = w.e.Jobs.Stop(ctx, r.Job.ID(), filepath.Join(w.dir, "savepoints"), false); err != nil {
			t.Fatal(err)
		}
		cancel()
		took = append(took, time.Since(start))
		t.Logf("stopped after %s", took[i])
	}
	slices.Sort(took)
	t.Logf("pauses of %v", took)
	if most := took[len(took)-1]; all() && most > 5*time.Second {
		t.Errorf("a rescale takes %s", most)
	}
}

// stateBytes is what tasks keep in memory.
func stateBytes(tasks []flow.TaskStatus) (n int64) {
	for _, t := range tasks {
		n += t.StateBytes
	}
	return n
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
