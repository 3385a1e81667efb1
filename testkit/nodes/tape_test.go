package nodes

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/testkit/nexmark"
)

// TestTape: a run in three processes, one of which is killed, is executed again in this
// one, step by step, with all hashes equal; whether rows are on the tape or read again.
func TestTape(t *testing.T) {
	for _, embed := range []bool{false, true} {
		disk := env.NewMemDisk()
		to, err := trace.Create(disk, "tape", trace.Manifest{})
		if err != nil {
			t.Fatal(err)
		}
		w := found(t, 3, 1, func(c *engine.Config) { c.Record = &engine.Record{To: to, Full: true, Embed: embed} })
		var q nexmark.Query
		for _, x := range nexmark.Queries() {
			if x.Name == "q5" {
				q = x
			}
		}
		script := nexmarkScript(q, filepath.Join(w.dir, "out"), 60_000)
		r := w.run(script)
		for r.Job.Status().Checkpoints.Completed < 2 && !r.Job.State().Ended() {
			time.Sleep(time.Millisecond)
		}
		w.signal("node-1", syscall.SIGKILL)
		end(t, r.Job)
		onNodes(t, r.Job, 2)
		restarts := r.Job.Status().Restarts
		w.close()
		if err := w.e.CloseTape(); err != nil {
			t.Fatal(err)
		}
		f, err := trace.Open(disk, "tape")
		if err != nil {
			t.Fatal(err)
		}
		steps, lost := 0, 0
		for _, a := range f.Manifest.Jobs[0].Attempts {
			if a.Lost {
				lost++
			}
			for task := range f.Manifest.Jobs[0].Tasks {
				list, err := f.Steps(0, a.N, task)
				if err != nil {
					t.Fatal(err)
				}
				steps += len(list)
			}
		}
		// A process that is lost while the tasks of a job that is done are closed takes the end of
		// their tape with it, and costs no restart.
		if steps < 100 || lost > 1 || lost < min(1, restarts) {
			t.Errorf("%d steps, %d attempts with a lost process, %d restarts", steps, lost, restarts)
		}
		cfg := config()
		cfg.Replay, cfg.Env.Disk = f, env.NewOverlay(cfg.Env.Disk)
		e, err := engine.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		again := &town{t: t, e: e}
		end(t, again.run(script).Job)
		e.Close()
		t.Logf("embedded %v: %d steps, %d restarts", embed, steps, restarts)
	}
}
