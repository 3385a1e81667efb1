package flow

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
)

// noLinks is a disk on which files have one name only.
type noLinks struct{ env.Disk }

func (noLinks) Link(string, string) error { return errors.New("not here") }

// TestSavepointFiles: the files of a savepoint are second names of the job's where nobody
// but the job writes to either, and else copies; what lies there from before is not written
// to.
func TestSavepointFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		others bool // others than the job may write to savepoints
		links  bool
		shared bool
	}{{"shared", false, true, true}, {"written by others", true, true, false}, {"no links", false, false, false}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			e := env.OS(dir)
			if !c.links {
				e.Disk = noLinks{e.Disk}
			}
			cl, sink := NewCluster(e, ClusterOptions{}), &collector{twoPhase: true}
			defer cl.Close()
			cfg := Config{Dir: "job", JobID: "job", Retained: 100}
			if c.others {
				cfg.Files = e.Disk
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			src := &numbers{total: 1 << 40, keys: 13, splits: 2, fail: func(int64) error { time.Sleep(200 * time.Microsecond); return nil }}
			g := countGraph(src, sink, 2, 2)
			g.Vertices[1].Nodes[0].Op = func() exec.Operator { return &stamped{} }
			cfg.BatchRows, cfg.CheckpointInterval = 16, 5*time.Millisecond
			j, err := cl.Submit(g, cfg)
			if err != nil {
				t.Fatal(err)
			}
			checkpoints(t, j, 2)
			name, err := j.Savepoint(ctx, "sp")
			if err != nil {
				t.Fatal(err)
			}
			j.Cancel()
			<-j.Done()
			m, s, err := openSavepoint(e.Disk, name)
			if err != nil {
				t.Fatal(err)
			}
			files := 0
			same := func() {
				t.Helper()
				m.files(func(f fileRef) {
					files++
					a, err := os.Stat(filepath.Join(dir, "job", f.path))
					b, err2 := os.Stat(filepath.Join(dir, name, f.path))
					if err := errors.Join(err, err2); err != nil {
						t.Fatal(err)
					}
					if os.SameFile(a, b) != c.shared || a.Size() != f.size || b.Size() != f.size {
						t.Errorf("%s: the same file %v, wanted %v; %d and %d bytes of %d", f.path, os.SameFile(a, b), c.shared, a.Size(), b.Size(), f.size)
					}
				})
			}
			same()
			if files == 0 {
				t.Fatal("the job has no state")
			}
			// It is written once more to where it is: the job's files stay whole.
			if err := j.c.job.store.export(m, e.Disk, s.dir, nil, c.shared); err != nil {
				t.Fatal(err)
			}
			same()
			if err := (&ckptStore{disk: noLinks{e.Disk}, dir: j.c.job.store.dir}).export(m, e.Disk, s.dir, nil, true); err != nil {
				t.Fatal(err)
			}
			c.shared = false
			same()
			// Another disk gets a copy, also where this one has a folder of the same name.
			away := env.NewMemDisk()
			if err := errors.Join(e.Disk.MkdirAll("away/state"), j.c.job.store.export(m, away, "away", nil, true)); err != nil {
				t.Fatal(err)
			}
			m.files(func(f fileRef) {
				if st, err := away.Stat("away/" + f.path); err != nil || st.Size() != f.size {
					t.Errorf("%s on another disk: %v", f.path, err)
				}
				if there(e.Disk, "away/"+f.path) {
					t.Errorf("%s is left on the job's disk", f.path)
				}
			})
		})
	}
}
