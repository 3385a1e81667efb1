package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// slow is a job that lasts, with a checkpoint every few milliseconds.
func slow(t *testing.T, cl *Cluster, sink *collector, cfg Config, total int) *Job {
	t.Helper()
	src := &numbers{total: total, keys: 13, splits: 2, fail: func(int64) error { time.Sleep(200 * time.Microsecond); return nil }}
	cfg.BatchRows, cfg.CheckpointInterval = 16, 5*time.Millisecond
	j, err := cl.Submit(keyedGraph(src, sink), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func checkpoints(t *testing.T, j *Job, n int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); j.Status().Checkpoints.Completed < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) || j.State().Ended() {
			t.Fatalf("%d checkpoints: %+v", n, j.Status().Checkpoints)
		}
	}
}

func there(disk env.Disk, name string) bool {
	_, err := disk.Stat(name)
	return err == nil
}

// TestClaim: a claimed savepoint is removed when the job has as many checkpoints as are
// kept; one that is not claimed stays. A claimed checkpoint of another job takes along
// only what no other of that job needs.
func TestClaim(t *testing.T) {
	e := env.OS(t.TempDir())
	cl, sink := NewCluster(e, ClusterOptions{}), &collector{twoPhase: true}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	first := slow(t, cl, sink, Config{Dir: "first", JobID: "first", Retained: 3}, 1<<40)
	checkpoints(t, first, 4)
	savepoint, err := first.Savepoint(ctx, "sp")
	if err != nil {
		t.Fatal(err)
	}
	first.Cancel()
	<-first.Done()
	var kept []string
	list, _ := e.Disk.List("first")
	for _, x := range list {
		if x.IsDir() && x.Name() != "state" {
			kept = append(kept, "first/"+x.Name())
		}
	}
	if len(kept) < 3 {
		t.Fatalf("kept are %v", kept)
	}
	kept = kept[len(kept)-3:] // an older one may not have been removed yet
	for _, c := range []struct {
		from  string
		claim bool
	}{{savepoint, false}, {savepoint, true}, {kept[1], true}} {
		j := slow(t, cl, sink, Config{Dir: "second" + c.from, Restore: c.from, Claim: c.claim, Retained: 2}, 1<<40)
		checkpoints(t, j, 1)
		if j.Status().Checkpoints.Restored == 0 {
			t.Fatal("it began from nothing")
		}
		checkpoints(t, j, 4)
		j.Cancel()
		<-j.Done()
		if got := there(e.Disk, c.from+"/_metadata"); got == c.claim {
			t.Errorf("%s, claimed %v: there %v", c.from, c.claim, got)
		}
	}
	if there(e.Disk, savepoint) {
		t.Error("the folder of the savepoint was left")
	}
	for _, other := range []string{kept[0], kept[2]} {
		m, s, err := openSavepoint(e.Disk, other)
		if err == nil {
			err = s.verify(m)
		}
		if err != nil {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// removeGate is a disk on which the first checkpoint that a running job does not keep any more is
// removed when it is let.
type removeGate struct {
	env.Disk
	job     atomic.Pointer[Job]
	once    sync.Once
	in, let chan struct{}
}

func (d *removeGate) Remove(name string) error {
	if j := d.job.Load(); j != nil && j.State() == Running && strings.HasSuffix(name, "/_metadata") {
		d.once.Do(func() {
			close(d.in)
			<-d.let
		})
	}
	return d.Disk.Remove(name)
}

// TestClaimDropped: a claimed savepoint is removed although an attempt fails before it comes to
// that.
func TestClaimDropped(t *testing.T) {
	e := env.OS(t.TempDir())
	disk, sink := e.Disk, &collector{twoPhase: true}
	cl := NewCluster(e, ClusterOptions{})
	first := slow(t, cl, sink, Config{Dir: "first", JobID: "first"}, 1<<40)
	checkpoints(t, first, 1)
	savepoint, err := first.Savepoint(testCtx(t), "sp")
	if err != nil {
		t.Fatal(err)
	}
	first.Cancel()
	<-first.Done()
	cfg := Config{Dir: "second", JobID: "second", Restore: savepoint, Retained: 2, Restart: Restart{Kind: RestartFixed, Attempts: 1, Delay: time.Millisecond}}
	j := slow(t, cl, sink, cfg, 1<<40)
	checkpoints(t, j, 4)
	j.Cancel()
	<-j.Done()
	cl.Close()
	// A coordinator that takes the job over removes a checkpoint, and then the savepoint.
	gate := &removeGate{Disk: disk, in: make(chan struct{}), let: make(chan struct{})}
	e.Disk, cfg.Claim = gate, true
	cl = NewCluster(e, ClusterOptions{})
	defer cl.Close()
	j = slow(t, cl, sink, cfg, 1<<40)
	gate.job.Store(j)
	select {
	case <-gate.in:
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing is removed: %+v", j.Status())
	}
	j.c.host.toCoord(nil, mail{kind: mailFailed, attempt: j.Status().Attempt, err: diag.New(diag.IO, "it fails")})
	for end := time.Now().Add(20 * time.Second); j.Status().Restarts == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not start again: %+v", j.Status())
		}
	}
	close(gate.let)
	for end := time.Now().Add(5 * time.Second); there(disk, savepoint+"/_metadata"); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the savepoint stays")
		}
	}
	j.Cancel()
	<-j.Done()
}

// noSavepoints is a disk that has no room for savepoints.
type noSavepoints struct{ env.Disk }

func (d noSavepoints) Create(name string) (env.File, error) {
	if strings.HasPrefix(name, "sp/") {
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	return d.Disk.Create(name)
}

// TestStopUnsaved: whoever stops a job whose savepoint cannot be written hears where its state is,
// and a job goes on from there.
func TestStopUnsaved(t *testing.T) {
	for _, drain := range []bool{false, true} {
		e := env.OS(t.TempDir())
		e.Disk = noSavepoints{e.Disk}
		cl, sink := NewCluster(e, ClusterOptions{}), &collector{twoPhase: true}
		j := slow(t, cl, sink, Config{Dir: "first", JobID: "first"}, 1<<40)
		checkpoints(t, j, 1)
		_, err := j.Stop(testCtx(t), "sp", drain)
		<-j.Done()
		d := diag.As(err)
		if d == nil || !errors.Is(err, syscall.ENOSPC) || j.State() != Finished {
			t.Fatalf("drain %v: %s, %v", drain, j.State(), err)
		}
		from := "first/" + chkName(j.Status().Checkpoints.History[0].ID)
		if !strings.Contains(d.Hint, from+" has its state") {
			t.Errorf("drain %v: the hint is %q, and not of %s", drain, d.Hint, from)
		}
		again := slow(t, cl, sink, Config{Dir: "second", JobID: "second", Restore: from}, 1<<40)
		for end := time.Now().Add(20 * time.Second); again.Status().Checkpoints.Restored == 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) || again.State() == Failed {
				t.Fatalf("drain %v: it does not go on: %v", drain, again.Err())
			}
		}
		again.Cancel()
		<-again.Done()
		cl.Close()
	}
}

// TestDrainIsLast: the savepoint of a drain has all that came until the sources ended, also where
// a checkpoint is taken between the drain and their end: whoever begins from there would have
// rows twice.
func TestDrainIsLast(t *testing.T) {
	for range 5 {
		cl, sink := NewCluster(env.OS(t.TempDir()), ClusterOptions{}), &collector{twoPhase: true}
		j := slow(t, cl, sink, Config{Dir: "ck", JobID: "j"}, 1<<40)
		checkpoints(t, j, 1)
		said := make(chan string, 1)
		j.ask(&command{kind: cmdDrain, dir: "sp", reply: func(path string, err error) { said <- fmt.Sprint(path, " ", err) }})
		j.ask(&command{kind: cmdCheckpoint})
		<-j.Done()
		want := fmt.Sprintf("sp/savepoint-j-%d <nil>", j.Status().Checkpoints.History[0].ID)
		if got := <-said; got != want || j.State() != Finished {
			t.Errorf("%s: the drain gave %s, and the last checkpoint is that of %s", j.State(), got, want)
		}
		cl.Close()
	}
}

// TestRetention: checkpoints of a job that was cancelled or failed stay or go as it says,
// and where they are gone the job begins anew.
func TestRetention(t *testing.T) {
	for _, c := range []struct {
		cancel, failure, fails, stays bool
	}{{stays: true}, {cancel: true}, {cancel: true, fails: true, stays: true}, {failure: true, cancel: true, fails: true}} {
		e := env.OS(t.TempDir())
		cl, sink := NewCluster(e, ClusterOptions{}), &collector{twoPhase: true}
		cfg := Config{Dir: "ck", JobID: "j", DeleteOnCancel: c.cancel, DeleteOnFailure: c.failure, Restart: Restart{Kind: RestartNever}}
		j := slow(t, cl, sink, cfg, 1<<40)
		checkpoints(t, j, 2)
		if c.fails {
			j.c.host.toCoord(nil, mail{kind: mailFailed, attempt: j.Status().Attempt, err: diag.New(diag.IO, "it fails")})
		} else {
			j.Cancel()
		}
		<-j.Done()
		store := &ckptStore{disk: e.Disk, dir: "ck"}
		if list, err := store.numbers(); err != nil || len(list) > 0 != c.stays {
			t.Errorf("%+v: left are %v, %v", c, list, err)
		}
		again := slow(t, cl, sink, cfg, 600)
		select {
		case <-again.Done():
		case <-time.After(15 * time.Second):
			t.Fatalf("%+v: run again it stands still: %+v", c, again.Status())
		}
		st := again.Status()
		if err := again.Err(); err != nil || st.AlreadyFinished || (st.Checkpoints.Restored > 0) != c.stays {
			t.Errorf("%+v: run again it ends with %v, restored from %d, finished before %v", c, err, st.Checkpoints.Restored, st.AlreadyFinished)
		}
		cl.Close()
	}
}

// metaGate is a disk on which no metadata is written before it opens.
type metaGate struct {
	env.Disk
	asked chan struct{}
	open  chan struct{}
}

func (d *metaGate) Create(name string) (env.File, error) {
	if strings.HasSuffix(name, "/_metadata.tmp") {
		select {
		case d.asked <- struct{}{}:
		default:
		}
		<-d.open
	}
	return d.Disk.Create(name)
}

// TestCancelDuringCheckpoint: a checkpoint that is under way when its job is cancelled has
// failed, and nothing stays in progress.
func TestCancelDuringCheckpoint(t *testing.T) {
	e := env.OS(t.TempDir())
	gate := &metaGate{e.Disk, make(chan struct{}, 1), make(chan struct{})}
	e.Disk = gate
	cl := NewCluster(e, ClusterOptions{})
	defer cl.Close()
	j := slow(t, cl, &collector{}, Config{Dir: "job", JobID: "job"}, 1<<40)
	<-gate.asked
	j.Cancel()
	for end := time.Now().Add(10 * time.Second); j.State() == Running && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	close(gate.open)
	<-j.Done()
	c := j.Status().Checkpoints
	if c.InProgress != 0 || c.Failed != 1 || c.Triggered != c.Completed+c.Failed || len(c.History) != 1 ||
		c.History[0].State != "FAILED" || !strings.Contains(c.History[0].Failure, "the job was cancelled") {
		t.Errorf("%+v", c)
	}
}
