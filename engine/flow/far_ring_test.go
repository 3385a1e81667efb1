package flow

import (
	"errors"
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
		build := func([]byte) (*Graph, error) {
			src := &numbers{total: 200_000, keys: 50, splits: 3, fail: func(n int64) error {
				if n%50 == 0 {
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
		if lose {
			for j.Status().Checkpoints.Completed < 3 {
				time.Sleep(time.Millisecond)
			}
			y.stop(y.nodes[1])
		}
		ended(t, j)
		to.KeepAlways()
		disk := env.NewMemDisk()
		if err := errors.Join(j.CloseTape(), to.Close(), to.Keep(disk, "run.mtape")); err != nil {
			t.Fatal(err)
		}
		file, err := trace.Open(disk, "run.mtape")
		if err != nil {
			t.Fatal(err)
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
