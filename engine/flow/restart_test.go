package flow

import (
	"errors"
	"io/fs"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// TestHopelessFailures: with the default strategy a failure that lies in the rows,
// or that a person has to mend, ends the job at once; others are tried again; a
// strategy that was chosen is followed, but for what no attempt can mend.
func TestHopelessFailures(t *testing.T) {
	full := diag.Wrap(diag.IO, syscall.ENOSPC, "cannot write")
	bad := diag.New(diag.MalformedRecord, "line 3")
	gone := errors.New("connection lost")
	lasting := diag.New(diag.Checkpoint, "the savepoint is damaged")
	lasting.Final = true
	for _, c := range []struct {
		name     string
		err      error
		restart  Restart
		restarts int
		fails    bool
	}{
		{"malformed record", bad, Restart{}, 0, true},
		{"full disk", full, Restart{}, 0, true},
		{"lost connection", gone, Restart{}, 1, false},
		{"malformed record, strategy chosen", bad, Restart{Kind: RestartExponential, Delay: time.Millisecond}, 1, false},
		{"no folder of checkpoints", diag.Wrap(diag.Checkpoint, errGone, "no checkpoint"), Restart{}, 0, true},
		{"final", lasting, Restart{}, 0, true},
		{"final, strategy chosen", lasting, Restart{Kind: RestartExponential, Delay: time.Millisecond}, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var failed atomic.Bool
			src := &numbers{total: 1000, keys: 10, fail: func(n int64) error {
				if n > 500 && failed.CompareAndSwap(false, true) {
					return c.err
				}
				return nil
			}}
			cl := NewCluster(env.OS(t.TempDir()), ClusterOptions{})
			defer cl.Close()
			j, err := cl.Submit(countGraph(src, &collector{}, 1, 1), Config{Seed: 1, BatchRows: 100, CheckpointInterval: time.Hour, Restart: c.restart})
			if err != nil {
				t.Fatal(err)
			}
			err = j.Wait(testCtx(t))
			if (err != nil) != c.fails {
				t.Errorf("got %v", err)
			}
			if got := j.Status().Restarts; got != c.restarts {
				t.Errorf("%d restarts, want %d", got, c.restarts)
			}
		})
	}
}

// TestHopelessBeforeTheStart: what a statement names is not there. The job has never run, so
// that is how it ends, whatever strategy was chosen; what may pass is tried again, and so is
// an input that has gone from a job that ran.
func TestHopelessBeforeTheStart(t *testing.T) {
	chosen := Restart{Kind: RestartFixed, Attempts: 3, Delay: time.Millisecond}
	missing := diag.Wrap(diag.IO, fs.ErrNotExist, "no folder")
	lost := diag.Wrap(diag.IO, errors.New("connection lost"), "no folder")
	for _, c := range []struct {
		name     string
		err      error
		runs     bool
		restarts int
	}{
		{"missing", missing, false, 0},
		{"not reached", lost, false, 3},
		{"missing in a job that ran", missing, true, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			src := &lostNumbers{numbers: numbers{total: 1000, keys: 10}, err: c.err}
			if c.runs {
				src.good = 1
				src.fail = func(int64) error { return errors.New("a connection is lost") }
			}
			cl := NewCluster(env.OS(t.TempDir()), ClusterOptions{})
			defer cl.Close()
			j, err := cl.Submit(countGraph(src, &collector{}, 1, 1), Config{Seed: 1, CheckpointInterval: time.Hour, Restart: chosen})
			if err != nil {
				t.Fatal(err)
			}
			if err = j.Wait(testCtx(t)); err == nil || j.Status().Restarts != c.restarts {
				t.Errorf("%d restarts, want %d: %v", j.Status().Restarts, c.restarts, err)
			}
		})
	}
}

// lostNumbers are not found after the first good times.
type lostNumbers struct {
	numbers
	err  error
	good int
}

func (s *lostNumbers) Splits(n int) ([]connect.Split, error) {
	if s.good--; s.good < 0 {
		return nil, s.err
	}
	return s.numbers.Splits(n)
}

// A job that is cancelled at any moment of its end, or after it, ends.
func TestCancelAtTheEnd(t *testing.T) {
	for k := 1; k <= 8; k++ {
		var j atomic.Pointer[Job]
		var writes atomic.Int32
		disk := env.NewMemDisk()
		disk.Fault = func(op, name string) error {
			if op != "Create" || !strings.Contains(name, "lineage") {
				return nil
			}
			if int(writes.Add(1)) == k && j.Load() != nil {
				j.Load().Cancel()
				time.Sleep(20 * time.Millisecond) // the coordinator hears of it while the disk is at work
			}
			return nil
		}
		e := env.OS("")
		e.Disk = disk
		cl := NewCluster(e, ClusterOptions{Workers: 1})
		g := countGraph(&numbers{total: 100, keys: 10}, &collector{twoPhase: true}, 1, 1)
		s, err := cl.Submit(g, Config{JobID: "j", Dir: "ckpt", Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		j.Store(s)
		select {
		case <-s.Done():
		case <-time.After(20 * time.Second):
			t.Fatalf("cancelled at write %d of the lineage, the job is %s for ever", k, s.State())
		}
		if st := s.State(); st != Finished && st != Cancelled {
			t.Errorf("cancelled at write %d of the lineage, the job is %s", k, st)
		}
		cl.Close()
	}
}
