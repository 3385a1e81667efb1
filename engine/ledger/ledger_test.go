package ledger

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/minkstream/mink/engine/diag"
)

func open(t *testing.T, files vfs.FS, dir string) *Ledger {
	t.Helper()
	l, err := OpenFS(files, dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	l := open(t, vfs.Default, dir)
	job := Job{
		ID: "a", Name: "first", Plan: []byte(`{"nodes":[]}`), Settings: map[string]string{"k": "v"}, Zone: "Europe/Berlin",
		Folder: "/ck/a", State: Running, Submitted: 7,
	}
	second := Job{ID: "0", Name: "second", State: Failed, Submitted: 8, Ended: 9, Restarts: 2, Code: diag.IO, Error: "disk"}
	cat := Catalog{Name: "lake", Comment: "c", Options: map[string]string{"type": "mink"}}
	for _, err := range []error{l.Put(second), l.Put(job), l.PutCatalog(cat), l.PutCatalog(Catalog{Name: "gone"}), l.RemoveCatalog("gone")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir); diag.CodeOf(err) != diag.Config {
		t.Errorf("opened twice: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Put(job); diag.CodeOf(err) != diag.Cancelled {
		t.Errorf("written after it was closed: %v", err)
	}
	if _, err := l.Jobs(); diag.CodeOf(err) != diag.Cancelled {
		t.Errorf("read after it was closed: %v", err)
	}
	l = open(t, vfs.Default, dir)
	defer l.Close()
	if l.Epoch() != 2 {
		t.Errorf("epoch %d", l.Epoch())
	}
	job.Epoch, second.Epoch = 1, 1
	if got, err := l.Jobs(); err != nil || !reflect.DeepEqual(got, []Job{job, second}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := l.Catalogs(); err != nil || !reflect.DeepEqual(got, []Catalog{cat}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestFence: a coordinator whose ledger another one has opened cannot write any more,
// although its lock was of no use.
func TestFence(t *testing.T) {
	dir := t.TempDir()
	l := open(t, vfs.Default, dir)
	defer l.Close()
	if err := l.Put(Job{ID: "a", State: Running}); err != nil {
		t.Fatal(err)
	}
	// As another coordinator does in a copy of the folder that then takes its place.
	if err := os.WriteFile(filepath.Join(dir, "epoch"), []byte("2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := l.Put(Job{ID: "a", State: Finished}); diag.CodeOf(err) != diag.Conflict {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if err := l.PutCatalog(Catalog{Name: "x"}); diag.CodeOf(err) != diag.Conflict {
		t.Errorf("a catalog: %v", err)
	}
	if jobs, err := l.Jobs(); err != nil || len(jobs) != 1 || jobs[0].State != Running {
		t.Errorf("%+v, %v", jobs, err)
	}
}

// TestEndingComesLate: what is told to end in the moment in which it ends by itself has ended as
// it did; one that is begun under its id again runs.
func TestEndingComesLate(t *testing.T) {
	l := open(t, vfs.NewMem(), "store")
	defer l.Close()
	for _, end := range []State{Finished, Failed, Canceled} {
		for _, k := range []struct{ put, want State }{{Running, Running}, {Ending, Ending}, {end, end}, {Ending, end}, {Running, Running}} {
			if err := l.Put(Job{ID: "a", State: k.put}); err != nil {
				t.Fatal(err)
			}
			if got, err := l.Jobs(); err != nil || len(got) != 1 || got[0].State != k.want {
				t.Errorf("%s, then %s: %+v, %v", end, k.put, got, err)
			}
		}
	}
}

func TestForgetsTheOldest(t *testing.T) {
	l := open(t, vfs.NewMem(), "l")
	defer l.Close()
	if err := l.Put(Job{ID: "stays", State: Running}); err != nil {
		t.Fatal(err)
	}
	for i := range endedMax + 10 {
		if err := l.Put(Job{ID: strconv.Itoa(i), State: Finished, Submitted: int64(i + 1)}); err != nil {
			t.Fatal(err)
		}
	}
	jobs, err := l.Jobs()
	if err != nil || len(jobs) != endedMax+1 || jobs[0].ID != "stays" || jobs[1].ID != "10" {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
}

// TestCrashAtEachWrite breaks a run of the ledger off before each operation on its files
// that changes something, keeps of what was not synced all, nothing or some, and opens it
// again: what was acknowledged is there, and of the write under way all or nothing.
func TestCrashAtEachWrite(t *testing.T) {
	// What is written, in order: some jobs, each of which runs and then ends.
	var writes []Job
	for i := range 6 {
		writes = append(writes, Job{ID: strconv.Itoa(i), State: Running, Submitted: int64(i + 1), Plan: []byte(`"` + fmt.Sprint(i) + `"`)})
		if i >= 2 {
			writes = append(writes, Job{ID: strconv.Itoa(i - 2), State: Finished, Submitted: int64(i - 1), Ended: 100})
		}
	}
	stateAfter := func(n int) map[string]State {
		out := map[string]State{}
		for _, j := range writes[:n] {
			out[j.ID] = j.State
		}
		return out
	}
	points := 0
	for stop := 0; ; stop++ {
		mem := vfs.NewCrashableMem()
		count, crashed := 0, []*vfs.MemFS{}
		acked, epochs := 0, uint64(0)
		var mu sync.Mutex // Pebble writes in the background as well
		hook := errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if count == stop {
				for _, percent := range []int{0, 50, 100} {
					crashed = append(crashed, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(uint64(stop), uint64(percent)))}))
				}
			}
			count++
			return nil
		})
		ackedAtCrash, epochAtCrash := -1, uint64(0)
		note := func() {
			mu.Lock()
			defer mu.Unlock()
			if len(crashed) > 0 && ackedAtCrash < 0 {
				ackedAtCrash, epochAtCrash = acked, epochs
			}
		}
		files := errorfs.Wrap(mem, hook)
		for round := 0; round < 2; round++ {
			l, err := OpenFS(files, "ledger")
			note()
			if err != nil {
				t.Fatal(err)
			}
			epochs = l.Epoch()
			half := len(writes) / 2
			for _, j := range writes[round*half : (round+1)*half] {
				err := l.Put(j)
				note()
				if err != nil {
					t.Fatal(err)
				}
				acked++
			}
			err = l.Close()
			note()
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(crashed) == 0 {
			break
		}
		points++
		for i, c := range crashed {
			l, err := OpenFS(c, "ledger")
			if err != nil {
				t.Fatalf("crash before operation %d, kind %d: %v", stop, i, err)
			}
			jobs, err := l.Jobs()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]State{}
			for _, j := range jobs {
				got[j.ID] = j.State
			}
			old, now := stateAfter(ackedAtCrash), stateAfter(min(ackedAtCrash+1, len(writes)))
			if !reflect.DeepEqual(got, old) && !reflect.DeepEqual(got, now) {
				t.Fatalf("crash before operation %d, kind %d, after %d writes:\n%v, want\n%v or\n%v", stop, i, ackedAtCrash, got, old, now)
			}
			if l.Epoch() <= epochAtCrash {
				t.Fatalf("crash before operation %d, kind %d: epoch %d again, %d was in use", stop, i, l.Epoch(), epochAtCrash)
			}
			l.Close()
		}
	}
	t.Logf("%d points", points)
	if points < 50 {
		t.Errorf("only %d points", points)
	}
}
