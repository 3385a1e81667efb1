package nodes

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/cluster"
)

// stamps writes, in place of what a node prints, a line each time with when it was, so that
// nobody who reads it late takes it for late.
type stamps struct{ out io.Writer }

func (s stamps) Write(p []byte) (int, error) {
	if _, err := fmt.Fprintf(s.out, "%d\n", time.Now().UnixNano()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// heard keeps when a process has printed, as its stamps say, and when a mark came.
type heard struct {
	mu    sync.Mutex
	part  []byte // of a line
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
	h.part = append(h.part, p...)
	for {
		line, more, whole := bytes.Cut(h.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		h.part = more
		if at, err := strconv.ParseInt(string(line), 10, 64); err == nil {
			h.at = append(h.at, time.Unix(0, at))
		}
	}
}

// between counts how often it printed within a span.
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
	const lease = 4 * time.Second // so that a node that is slow prints within it
	w := foundAbroad(t, 3, 1, func(o *cluster.Options) { o.Lease = lease })
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
		began := time.Now()
		for until := began.Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if now := time.Now(); out.between(began, now) > 0 {
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
	over := holed.Add(lease)
	time.Sleep(time.Until(over) + time.Second)
	// A step that was under way when the lease ended may print once more.
	if n := out.between(over, time.Now()); n > 1 {
		t.Errorf("%d times it was printed after the lease had ended", n)
	}
	if out.between(holed, over) == 0 {
		t.Error("it stopped at once, not with its lease")
	}
	way.set(cut, cut)
	way.set(passes, passes)
	prints("with the way mended")
	w.signal("node-1", syscall.SIGSTOP)
	way.set(swallow, swallow) // so that it hears of nothing when it wakes
	time.Sleep(lease + 200*time.Millisecond)
	woken := time.Now()
	w.signal("node-1", syscall.SIGCONT)
	time.Sleep(time.Second)
	// A step that was under way when it was stopped ends.
	if n := out.between(woken, time.Now()); n > 1 {
		t.Errorf("%d times it was printed by a node that woke after its lease", n)
	}
	way.set(cut, cut)
	way.set(passes, passes)
	prints("in the end")
	r.Job.Cancel()
}
