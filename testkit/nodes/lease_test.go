package nodes

import (
	"bytes"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/cluster"
)

// heard keeps when a process has written lines.
type heard struct {
	mu    sync.Mutex
	at    []time.Time
	mark  string
	first time.Time
}

// expect begins to wait for a text that is heard, expected is when it was, or zero.
func (h *heard) expect(mark string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mark, h.first = mark, time.Time{}
}

func (h *heard) expected() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.first
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.first.IsZero() && h.mark != "" && bytes.Contains(p, []byte(h.mark)) {
		h.first = time.Now()
	}
	for range bytes.Count(p, []byte("\n")) {
		h.at = append(h.at, time.Now())
	}
	return len(p), nil
}

// between counts the lines that came within a span.
func (h *heard) between(from, to time.Time) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.at {
		if t.After(from) && t.Before(to) {
			n++
		}
	}
	return n
}

// TestLeaseEnds: a node that is cut off from the coordinator, which cannot kill it, takes no
// step once its lease is over, though it runs on and hears of nothing; nor does one that was
// stopped for longer and wakes while the way is still cut.
func TestLeaseEnds(t *testing.T) {
	w := foundAbroad(t, 3, 1)
	r := w.run(`
SET 'parallelism.default' = '3';
SET 'execution.checkpointing.interval' = '200 ms';
CREATE TEMPORARY TABLE numbers (v BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '300', 'fields.v.kind' = 'random');
CREATE TEMPORARY TABLE shown (v BIGINT) WITH ('connector' = 'print');
INSERT INTO shown SELECT v FROM numbers;
`)
	out := w.outs["node-1"]
	prints := func(what string) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if now := time.Now(); out.between(now.Add(-100*time.Millisecond), now) > 0 {
				return
			} else if now.After(until) {
				t.Fatalf("%s: node-1 prints nothing; %+v", what, r.Job.Status())
			}
		}
	}
	prints("at first")
	way := w.abroad.control["node-1"]
	way.set(swallow, swallow)
	holed := time.Now()
	// What was printed within the lease may arrive a moment later.
	time.Sleep(cluster.LeaseDefault + 300*time.Millisecond)
	over := time.Now()
	time.Sleep(time.Second)
	if n := out.between(over, time.Now()); n > 0 {
		t.Errorf("%d rows were printed after the lease had ended, %s after the way was cut", n, time.Since(holed))
	}
	if out.between(holed, over) == 0 {
		t.Error("it stopped at once, not with its lease")
	}
	way.set(cut, cut)
	way.set(passes, passes)
	prints("with the way mended")
	w.signal("node-1", syscall.SIGSTOP)
	way.set(swallow, swallow) // so that it hears of nothing when it wakes
	time.Sleep(cluster.LeaseDefault + 200*time.Millisecond)
	woken := time.Now()
	w.signal("node-1", syscall.SIGCONT)
	time.Sleep(700 * time.Millisecond)
	// A step that was under way when it was stopped ends.
	if n := out.between(woken, time.Now()); n > 30 {
		t.Errorf("%d rows were printed by a node that woke after its lease", n)
	}
	way.set(cut, cut)
	way.set(passes, passes)
	prints("in the end")
	r.Job.Cancel()
}
