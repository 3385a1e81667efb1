package nexmark_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/nexmark"
)

// Every query, recorded on threads with checkpoints, is executed again step by step: once
// over rows that are read again and once over those on the tape. MINK_ALL repeats it 20
// times.
func TestTaped(t *testing.T) {
	side, replays := sideFile(t), 2
	if all {
		replays = 20
	}
	queries(t, func(t *testing.T, q nexmark.Query) {
		for i := range replays {
			disk := env.NewMemDisk()
			to, err := trace.Create(disk, "tape", trace.Manifest{})
			if err != nil {
				t.Fatal(err)
			}
			config := map[string]string{"parallelism.default": "2", "mink.exec.batch-rows": "512", "execution.checkpointing.interval": "20 ms"}
			r := prepareAs(t, q, 100_000, 2, engine.Config{Record: &engine.Record{To: to, Full: true, Embed: i%2 == 1}}, side, config)
			r.insertAndWait(t)
			r.check(t)
			r.engine.Close()
			if err := r.engine.CloseTape(); err != nil {
				t.Fatal(err)
			}
			f, err := trace.Open(disk, "tape")
			if err != nil {
				t.Fatal(err)
			}
			again := prepareAs(t, q, 100_000, 2, engine.Config{Replay: f}, side, config)
			again.insertAndWait(t)
			again.engine.Close()
		}
	})
}

func (r *run) insertAndWait(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	res, err := r.session.Execute(ctx, r.insert)
	if err == nil {
		err = res.Job.Wait(ctx)
	}
	if err != nil {
		t.Fatal(show(r.insert, err))
	}
}

// What a tape costs in time of processors, which both cores' worth of tasks use up: a
// run without one, with positions and with rows, in turn. Wanted are 3 % and 15 %; the
// bounds have room for the noise of a machine, which is some 10 %.
func TestTapeCost(t *testing.T) {
	if !all {
		t.Skip("millions of events: run with MINK_ALL=1")
	}
	side := sideFile(t)
	for _, name := range []string{"q0", "q4", "q7"} {
		t.Run(name, func(t *testing.T) { tapeCost(t, name, side) })
	}
}

func tapeCost(t *testing.T, name, side string) {
	const events, rounds = 3_000_000, 5
	q, _ := nexmark.Find(name)
	var best [3]time.Duration
	size := int64(0)
	for round := range rounds {
		for kind := range best {
			dir := filepath.Join(t.TempDir(), "tape")
			var c engine.Config
			if kind > 0 {
				to, err := trace.Create(env.OS("").Disk, dir, trace.Manifest{})
				if err != nil {
					t.Fatal(err)
				}
				c.Record = &engine.Record{To: to, Embed: kind == 2}
			}
			r := prepareAs(t, q, events, 2, c, side, map[string]string{"parallelism.default": "2"})
			runtime.GC()
			begin := cpuTime(t)
			r.insertAndWait(t)
			took := cpuTime(t) - begin
			if best[kind] == 0 || took < best[kind] {
				best[kind] = took
			}
			r.engine.Close()
			if kind == 2 && round == rounds-1 {
				if err := r.engine.CloseTape(); err != nil { // which takes its time
					t.Fatal(err)
				}
				size = folderBytes(t, dir)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	cost := func(kind int) float64 { return (float64(best[kind])/float64(best[0]) - 1) * 100 }
	t.Logf("%s: %s events/s of one core, with positions %+.1f %%, with rows %+.1f %% (%.1f bytes an event)", name,
		strconv.FormatFloat(events/best[0].Seconds(), 'f', 0, 64), cost(1), cost(2), float64(size)/events)
	if cost(1) > 13 || cost(2) > 35 {
		t.Errorf("%s: recording costs %.1f %% and %.1f %%", name, cost(1), cost(2))
	}
}

// cpuTime is the time that the process has used of all processors.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func folderBytes(t *testing.T, dir string) (n int64) {
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
