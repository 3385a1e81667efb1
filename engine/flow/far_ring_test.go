package flow

import (
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/trace"
)

// TestFarRing: a ring of a job whose tasks run in several processes begins at a
// checkpoint, with how all tasks stood there, and executes again; also where a process
// was lost.
func TestFarRing(t *testing.T) {
	for _, lose := range []bool{false, true} {
		sink := &collector{twoPhase: true}
		var read, allowed atomic.Int64
		allowed.Store(10_000)
		build := func([]byte) (*Graph, error) {
			src := &numbers{total: 200_000, keys: 50, splits: 3, fail: func(n int64) error {
				if n%50 == 0 {
					time.Sleep(time.Millisecond)
				}
				// Not far ahead of the last checkpoint, however slow the machine is: a ring that is
				// full and has no base keeps nothing.
				read.Store(n)
				for i := 0; n > allowed.Load() && i < 20; i++ {
					time.Sleep(time.Millisecond)
				}
				return nil
			}}
			g := countGraph(src, sink, 2, 3)
			g.Vertices[1].Nodes[0].Op = func() exec.Operator { return &stamped{} }
			return g, nil
		}
		y := newYard(t, 4, 1, build)
		to, err := trace.Ring(trace.Manifest{}, 48<<10, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		g, _ := build(nil)
		cfg := Config{
			Seed: 7, Dir: "ckpt", BatchRows: 64, CheckpointInterval: 20 * time.Millisecond, Record: Record{To: to, Full: true},
			Restart: Restart{Kind: RestartFixed, Attempts: 3, Delay: time.Millisecond},
		}
		j := y.submit(g, cfg)
		lost, done := !lose, 0
		for until := time.Now().Add(60 * time.Second); !j.State().Ended(); time.Sleep(time.Millisecond) {
			s := j.Status()
			if s.Checkpoints.Completed > done {
				done = s.Checkpoints.Completed
				allowed.Store(read.Load() + 10_000)
			}
			if !lost && s.Checkpoints.Completed >= 3 {
				y.stop(y.nodes[1])
				lost = true
			}
			if time.Now().After(until) {
				t.Fatalf("lost %v: it does not end: %+v", lose, s)
			}
		}
		ended(t, j)
		if !lost {
			t.Fatal("it ended before a process was lost")
		}
		allowed.Store(math.MaxInt64) // the replay has its checkpoints
		to.KeepAlways()
		disk := env.NewMemDisk()
		if err := errors.Join(j.CloseTape(), to.Close(), to.Keep(disk, "run.mtape")); err != nil {
			t.Fatal(err)
		}
		file, err := trace.Open(disk, "run.mtape")
		if err != nil {
			t.Fatal(err)
		}
		if len(file.Manifest.Jobs[0].Attempts) == 0 {
			t.Fatalf("lost %v: the tape is empty; %+v", lose, j.Status())
		}
		if a := file.Manifest.Jobs[0].Attempts[0]; !a.Base || a.Checkpoint == 0 {
			t.Errorf("lost %v: the tape begins with %+v", lose, a)
		}
		again, _ := build(nil)
		tape, err := ReadTape(file, 0, y.env, again, cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got outputs
		if err := Replay(tape, got.see); err != nil {
			t.Errorf("lost %v: %v", lose, err)
		}
		rows := 0
		for _, list := range got.out {
			rows += len(list)
		}
		if rows < 1000 {
			t.Errorf("lost %v: the replay gave %d rows", lose, rows)
		}
	}
}
