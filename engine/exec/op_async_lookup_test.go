package exec

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
)

// TestLookupCache counts the reads of a lookup join with each kind of cache.
func TestLookupCache(t *testing.T) {
	run := func(cache connect.LookupCache, wait int64, batches ...string) (reads int64, rows []string) {
		var n atomic.Int64
		cfg := squaresConfig(true, &n)
		cfg.Cache = cache
		h := NewBench(NewLookupJoin(cfg)).Open()
		for _, b := range batches {
			h.Rows(0, joinLeft, strings.Split(b, ";")...)
			h.Advance(h.Clock + wait)
		}
		return n.Load(), h.Take()
	}
	partial := connect.LookupCache{Kind: "PARTIAL", RowsMax: 10, Missing: true}
	in := []string{"+I[2, 0];+I[3, 0]", "+I[2, 1];+I[NULL, 1]", "+I[3, 2]", "+I[1, 3];+I[2, 3]"}
	want := []string{
		"+I[2, 0, 2, 4]", "+I[2, 0, 2, 5]", "+I[3, 0, NULL, NULL]", "+I[2, 1, 2, 4]", "+I[2, 1, 2, 5]", "+I[NULL, 1, NULL, NULL]",
		"+I[3, 2, NULL, NULL]", "+I[1, 3, 1, 1]", "+I[2, 3, 2, 4]", "+I[2, 3, 2, 5]",
	}
	missing, written, used := partial, partial, partial
	missing.Missing = false
	written.AfterWrite = 15
	used.AfterAccess = 15
	for _, c := range []struct {
		name  string
		cache connect.LookupCache
		reads int64
	}{
		{"none", connect.LookupCache{}, 4},
		{"partial", partial, 2},              // 2 and 3; 1. NULL is never read
		{"without missing keys", missing, 3}, // 3 is asked for again
		{"expiring after write", written, 3}, // at 10 from the cache, at 20 and 30 read
		{"expiring after access", used, 3},   // 3 was used at 0, 2 at 10: both are read again
		{"full", connect.LookupCache{Kind: "FULL"}, 1},
		{"full, read again", connect.LookupCache{Kind: "FULL", Reload: connect.Reload{Every: 20 * time.Millisecond}}, 2},
	} {
		reads, rows := run(c.cache, 10, in...)
		if !slices.Equal(rows, want) {
			t.Errorf("%s: %v, want %v", c.name, rows, want)
		}
		if reads != c.reads {
			t.Errorf("%s: %d reads, want %d", c.name, reads, c.reads)
		}
	}
}

// TestLookupCacheDropsTheOldest keeps as many keys as it may, those used last.
func TestLookupCacheDropsTheOldest(t *testing.T) {
	for _, c := range []struct {
		rows  int
		keys  string
		reads int64
	}{{1, "2 4 2", 3}, {2, "2 4 2", 2}, {2, "2 4 6 4 2", 4}, {2, "2 4 2 6 2 4", 4}, {3, "2 4 6 2 4 6", 3}} {
		var n atomic.Int64
		cfg := squaresConfig(true, &n)
		cfg.Cache = connect.LookupCache{Kind: "PARTIAL", RowsMax: c.rows, Missing: true}
		h := NewBench(NewLookupJoin(cfg)).Open()
		for _, k := range strings.Fields(c.keys) {
			h.Rows(0, joinLeft, "+I["+k+", 0]")
		}
		if n.Load() != c.reads {
			t.Errorf("%d keys kept of %s: %d reads, want %d", c.rows, c.keys, n.Load(), c.reads)
		}
	}
}

// late answers the n-th read of a key only.
type late struct {
	squares
	from int64
}

func (l late) Open([]int, connect.ReaderCtx) (connect.LookupReader, error) { return l, nil }

func (l late) Lookup(keys []*batch.Col, n int, dst *batch.Batch, lanes []uint16) ([]uint16, error) {
	if l.reads.Load()+1 < l.from {
		l.reads.Add(1)
		fillSquares(dst, nil)
		return lanes, nil
	}
	return l.squares.Lookup(keys, n, dst, lanes)
}

// TestLookupRetry asks again for a key without a row, after the delay, as often as it
// may; the first call does not count.
func TestLookupRetry(t *testing.T) {
	for _, c := range []struct {
		found, retries int
		want           string
	}{{1, 0, "+I[2, 0, 2, 4]"}, {3, 2, "+I[2, 0, 2, 4]"}, {4, 2, "+I[2, 0, NULL, NULL]"}} {
		var n atomic.Int64
		cfg := squaresConfig(true, &n)
		cfg.Lookup = late{squares{&n}, int64(c.found)}
		h := NewBench(NewAsyncLookupJoin(cfg, AsyncLookup{Outside: true, Capacity: 10, Timeout: 1000, Retries: c.retries, Delay: 50})).Open()
		h.Rows(0, joinLeft, "+I[2, 0]")
		for clock := int64(10); clock <= 300; clock += 10 {
			h.Advance(clock)
			h.Snapshot() // a step in which answers are heard
			got := h.Take()
			reads := 1 + int64(max(0, clock-10)/60)
			if len(got) > 0 {
				if got[0] != c.want {
					t.Errorf("found at %d with %d retries: %v, want %s", c.found, c.retries, got, c.want)
				}
				if n.Load() > reads+1 {
					t.Errorf("found at %d: %d reads by %d ms", c.found, n.Load(), clock)
				}
				break
			}
		}
		if want := min(c.found, c.retries+1); n.Load() != int64(want) {
			t.Errorf("found at %d with %d retries: %d reads, want %d", c.found, c.retries, n.Load(), want)
		}
	}
}

// TestLookupTimeout fails when a row has waited too long, all tries counted.
func TestLookupTimeout(t *testing.T) {
	var n atomic.Int64
	cfg := squaresConfig(true, &n)
	cfg.Lookup = late{squares{&n}, 100}
	h := NewBench(NewAsyncLookupJoin(cfg, AsyncLookup{Outside: true, Capacity: 10, Timeout: 200, Retries: 50, Delay: 50})).Open()
	h.Rows(0, joinLeft, "+I[2, 0]")
	defer func() {
		if p := recover(); p == nil || h.Clock < 200 || h.Clock > 250 {
			t.Errorf("failed with %v at %d ms, want a timeout at 200", p, h.Clock)
		}
	}()
	for clock := int64(10); clock <= 400; clock += 10 {
		h.Advance(clock)
		h.Snapshot()
	}
}
