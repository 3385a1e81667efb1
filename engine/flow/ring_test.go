package flow

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/trace"
)

// ringRun runs a job on workers with a ring of so many bytes, that fails once in the
// middle if asked to, and looks at the ring all the time.
func ringRun(t *testing.T, size int64, interval time.Duration, fails, embed bool) (*Tape, *trace.File, *outputs) {
	t.Helper()
	const total = 200_000
	var failed, armed atomic.Bool
	var allowed atomic.Int64
	allowed.Store(10_000)
	src := &numbers{total: total, keys: 50, splits: 3, fail: func(n int64) error {
		if fails && armed.Load() && failed.CompareAndSwap(false, true) {
			return errors.New("the tap is dry")
		}
		if n%50 == 0 {
			time.Sleep(time.Millisecond)
		}
		// Not ahead of the checkpoints, however slow the machine is: a ring that is full and
		// has no base keeps nothing.
		for i := 0; interval > 0 && n > allowed.Load() && n%50 == 0 && i < 20; i++ {
			time.Sleep(time.Millisecond)
		}
		return nil
	}}
	g := countGraph(src, &collector{twoPhase: true}, 2, 3)
	g.Vertices[1].Nodes[0].Op = func() exec.Operator { return &stamped{} }
	seen := &outputs{}
	cl := NewCluster(env.OS(t.TempDir()), ClusterOptions{Nodes: 2})
	t.Cleanup(cl.Close)
	to, err := trace.Ring(trace.Manifest{}, size, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Seed: 7, Dir: "ckpt", BatchRows: 64, CheckpointInterval: interval, Record: Record{To: to, Full: true, Embed: embed}, Probe: seen.see,
		Restart: Restart{Kind: RestartFixed, Attempts: 3, Delay: time.Millisecond},
	}
	j, err := cl.Submit(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	most, held := int64(0), int64(0)
	for !j.State().Ended() {
		most, held = max(most, to.Bytes()), max(held, to.Held())
		s := j.Status()
		armed.Store(s.Checkpoints.Completed > 5)
		allowed.Store(10_000 + 4_000*int64(s.Checkpoints.Completed))
		time.Sleep(100 * time.Microsecond)
	}
	if err := j.Wait(testCtx(t)); err != nil {
		t.Fatal(err)
	}
	if most > size {
		t.Fatalf("the ring took %d bytes and may take %d", most, size)
	}
	if held > size+size/8+4096 { // the manifest, and what the job has put out
		t.Fatalf("the ring holds %d bytes and counts %d", held, most)
	}
	if s := j.Status(); fails && s.Attempt < 2 {
		t.Fatal("the run has no recovery to replay")
	}
	to.KeepAlways()
	disk := env.NewMemDisk()
	if err := errors.Join(j.CloseTape(), to.Close(), to.Keep(disk, "run.mtape")); err != nil {
		t.Fatal(err)
	}
	file, err := trace.Open(disk, "run.mtape")
	if err != nil {
		t.Fatal(err)
	}
	if embed {
		src.total = 0
	}
	tape, err := ReadTape(file, 0, cl.env, g, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tape, file, seen
}

// A job that writes many times what its ring may hold is recorded within it, and what
// is left executes again from the checkpoint at which it begins: rows, state and later
// checkpoints, a restart included.
func TestRing(t *testing.T) {
	for _, x := range []struct {
		name         string
		size         int64
		interval     time.Duration
		fails, embed bool
	}{
		{"checkpoints", 48 << 10, 5 * time.Millisecond, false, false},
		{"no checkpoints", 48 << 10, 0, false, false},
		{"restart", 48 << 10, 5 * time.Millisecond, true, false},
		{"restart within", 4 << 20, 5 * time.Millisecond, true, false},
		{"rows", 256 << 10, 5 * time.Millisecond, true, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			tape, file, want := ringRun(t, x.size, x.interval, x.fails, x.embed)
			a := file.Manifest.Jobs[0].Attempts[0]
			if x.name != "restart within" && (!a.Base || a.Checkpoint == 0) {
				t.Fatalf("the tape begins with %+v", a)
			}
			var got outputs
			if err := Replay(tape, got.see); err != nil {
				t.Fatal(err)
			}
			tail(t, &got, want, a.N)
		})
	}
}

// tail compares what a replay emitted with the end of what was emitted, and all of it in
// attempts behind the first.
func tail(t *testing.T, got, want *outputs, first int64) {
	t.Helper()
	rows := 0
	for who, have := range got.out {
		all := want.out[who]
		rows += len(have)
		if len(have) > len(all) || !slices.Equal(have, all[len(all)-len(have):]) {
			t.Errorf("%s: the last %d of %d rows are others", who, len(have), len(all))
		}
		if n := int64(0); len(have) != len(all) {
			if _, err := fmt.Sscanf(who, "attempt %d", &n); err != nil || n != first {
				t.Errorf("%s: %d of %d rows", who, len(have), len(all))
			}
		}
	}
	if rows < 1000 {
		t.Errorf("the replay emitted %d rows", rows)
	}
}
