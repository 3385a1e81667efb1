package nodes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/testkit/nexmark"
	"github.com/minkstream/mink/testkit/objects"
)

// chance is the source of a test's choices; MINK_SEED repeats them.
func chance(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MINK_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MINK_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func all() bool { return os.Getenv("MINK_ALL") != "" }

// disturb kills or stops a node at random moments until the job has ended, at most so
// often, and tells how often it did.
func disturb(t *testing.T, w *town, rng *rand.Rand, r *engine.Result, span time.Duration, most int) (done int) {
	t.Helper()
	for range most {
		ctx, cancel := context.WithTimeout(context.Background(), span/20+time.Duration(rng.Int64N(int64(span/2))))
		err := r.Job.Wait(ctx)
		cancel()
		if err == nil {
			return done
		}
		if ctx.Err() == nil {
			t.Fatalf("the job: %v", err)
		}
		done++
		name := "node-" + strconv.Itoa(1+rng.IntN(w.count))
		if rng.IntN(4) > 0 {
			w.log("SIGKILL " + name)
			w.signal(name, syscall.SIGKILL)
			continue
		}
		// Longer than the lease or not; a process that is given up on is killed then.
		w.log("SIGSTOP " + name)
		w.signal(name, syscall.SIGSTOP)
		time.Sleep(time.Duration(rng.IntN(2500)) * time.Millisecond)
		w.signal(name, syscall.SIGCONT)
	}
	return done
}

// net is the table that files of changes describe.
func net(t *testing.T, dir string) map[string]int {
	t.Helper()
	out := map[string]int{}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") {
			t.Errorf("a temporary file was left: %s", p)
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		in := bufio.NewScanner(f)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			var l struct {
				Op  string
				Row json.RawMessage
			}
			if err := json.Unmarshal(in.Bytes(), &l); err != nil {
				t.Fatalf("%s: %v in %q", p, err, in.Text())
			}
			if l.Op == "+I" || l.Op == "+U" {
				out[string(l.Row)]++
			} else {
				out[string(l.Row)]--
			}
			if out[string(l.Row)] == 0 {
				delete(out, string(l.Row))
			}
		}
		return in.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// nexmarkScript runs a query over so many events, 10,000 for each second of event time,
// into files.
func nexmarkScript(q nexmark.Query, dir string, events int) string {
	return "SET 'execution.checkpointing.interval' = '50 ms';\nSET 'parallelism.default' = '2';\n" + q.Script(nexmark.Options{
		Source: map[string]string{"events.num": strconv.Itoa(events)},
		Sink:   map[string]string{"connector": "filesystem", "path": dir, "format": "changelog-json", "changelog-mode": "I,UB,UA,D"},
	})
}

// TestKillNodes: whatever node is killed or stopped at whatever moment, files have each
// row once, as if nothing had happened.
func TestKillNodes(t *testing.T) {
	rng := chance(t)
	runs, queries := 1, []string{"q4", "q5", "q7", "q8", "q9"}
	if all() {
		runs = 20
	} else {
		rng.Shuffle(len(queries), func(i, j int) { queries[i], queries[j] = queries[j], queries[i] })
		queries = queries[:2]
	}
	for _, q := range nexmark.Queries() {
		for _, name := range queries {
			if q.Name != name {
				continue
			}
			t.Run(q.Name, func(t *testing.T) {
				events := 500_000
				if q.Updates {
					events = 100_000 // each changes a row or two of the result
				}
				e, err := engine.New(config())
				if err != nil {
					t.Fatal(err)
				}
				calm := &town{t: t, e: e}
				dir := t.TempDir()
				start := time.Now()
				end(t, calm.run(nexmarkScript(q, dir, events)).Job)
				took := time.Since(start)
				e.Close()
				want := net(t, dir)
				if len(want) == 0 {
					t.Fatal("no rows")
				}
				for range runs {
					w := found(t, 3, 1)
					out := filepath.Join(w.dir, "out")
					r := w.run(nexmarkScript(q, out, events))
					n := disturb(t, w, rng, r, took, 3)
					end(t, r.Job)
					st := r.Job.Status()
					t.Logf("%d disturbances, %d restarts, %d checkpoints; undisturbed %s", n, st.Restarts, st.Checkpoints.Completed, took)
					onNodes(t, r.Job, 2)
					if same(t, q.Name, net(t, out), want); t.Failed() {
						t.FailNow()
					}
					w.close()
				}
			})
		}
	}
}

// TestKillFiles is the same for rows of files that two sinks write.
func TestKillFiles(t *testing.T) {
	rng := chance(t)
	runs := 1
	if all() {
		runs = 20
	}
	in := t.TempDir()
	pairs, sums := orders(t, in, 40_000)
	for range runs {
		w := found(t, 3, 1)
		r := w.run(pacedScript(w.dir, filepath.Join(in, "in"), 2, 20))
		n := disturb(t, w, rng, r, 2*time.Second, 3)
		end(t, r.Job)
		st := r.Job.Status()
		t.Logf("%d disturbances, %d restarts, %d checkpoints", n, st.Restarts, st.Checkpoints.Completed)
		same(t, "pairs", lines(t, filepath.Join(w.dir, "pairs")), pairs)
		if same(t, "sums", lines(t, filepath.Join(w.dir, "sums")), sums); t.Failed() {
			t.FailNow()
		}
		w.close()
	}
}

// TestKillStore: checkpoints and savepoints are in an object store, which is slow, busy and
// loses answers; nodes are killed, and the job goes on elsewhere from a savepoint there.
func TestKillStore(t *testing.T) {
	rng := chance(t)
	in := t.TempDir()
	pairs, sums := orders(t, in, 40_000)
	store := objects.New(t, "checkpoints")
	var faults int
	store.Fault = func(r *http.Request) objects.Fault {
		n := rng.IntN(100) // only the store uses it from now on, until it is replaced
		if n < 6 {
			faults++
			return []objects.Fault{objects.Busy, objects.Lost, objects.Broken}[n/2]
		}
		return objects.None
	}
	w := found(t, 3, 1)
	settings := fmt.Sprintf("SET 's3.endpoint' = '%s';\nSET 's3.access-key' = '%s';\nSET 's3.secret-key' = '%s';\nSET 's3.path.style.access' = 'true';\nSET 'state.checkpoints.dir' = 's3://checkpoints/jobs';\n",
		store.URL, objects.AccessKey, objects.SecretKey)
	at := ""
	choices := chance(t)
	for i, p := range []int{2, 3} {
		script := settings + pacedScript(w.dir, filepath.Join(in, "in"), p, []int{4, 20}[i]) // not at its end before it is stopped
		if at != "" {
			script = "SET 'execution.state-recovery.path' = '" + at + "';\n" + script
		}
		r := w.run(script)
		disturb(t, w, choices, r, time.Second, 2)
		if i == 1 {
			end(t, r.Job)
			if r.Job.Status().Checkpoints.Restored == 0 {
				t.Error("it began from nothing")
			}
			break
		}
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		for at = ""; at == ""; { // until no node is lost on the way
			var err error
			if at, err = w.e.Jobs.Stop(ctx, r.Job.ID(), "s3://checkpoints/savepoints", false); err != nil && (ctx.Err() != nil || r.Job.State().Ended()) {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if !strings.HasPrefix(at, "s3://checkpoints/savepoints/savepoint-") {
			t.Errorf("the savepoint is %s", at)
		}
		t.Logf("%d restarts, savepoint %s", r.Job.Status().Restarts, at)
	}
	same(t, "pairs", lines(t, filepath.Join(w.dir, "pairs")), pairs)
	same(t, "sums", lines(t, filepath.Join(w.dir, "sums")), sums)
	for _, k := range store.Keys("checkpoints") {
		// What a job that has finished leaves are its savepoints and its lineage.
		if strings.HasPrefix(k, "jobs/") && strings.Contains(k, "/chk-") && !strings.Contains(k, "_metadata") {
			t.Errorf("left: %s", k)
		}
	}
	t.Logf("%d faults, %d objects left", faults, len(store.Keys("checkpoints")))
	if faults == 0 {
		t.Error("nothing failed")
	}
}

// TestRescale: a job stops with a savepoint and goes on with another parallelism, in other
// processes, twice; meanwhile nodes are killed.
func TestRescale(t *testing.T) {
	rng := chance(t)
	in := t.TempDir()
	pairs, sums := orders(t, in, 40_000)
	w := found(t, 3, 1)
	at := ""
	for i, p := range []int{2, 3, 1} {
		script := pacedScript(w.dir, filepath.Join(in, "in"), p, []int{4, 4, 20}[i])
		if at != "" {
			script = "SET 'execution.state-recovery.path' = '" + at + "';\n" + script
		}
		r := w.run(script)
		if i == 2 {
			end(t, r.Job)
			if r.Job.Status().Checkpoints.Restored == 0 {
				t.Error("it began from nothing")
			}
			break
		}
		disturb(t, w, rng, r, 600*time.Millisecond, 1)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		for at = ""; at == ""; { // until no node is lost on the way
			var err error
			if at, err = w.e.Jobs.Stop(ctx, r.Job.ID(), filepath.Join(w.dir, "savepoints"), false); err != nil && (ctx.Err() != nil || r.Job.State().Ended()) {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("parallelism %d: %d restarts, savepoint %s", p, r.Job.Status().Restarts, filepath.Base(at))
	}
	same(t, "pairs", lines(t, filepath.Join(w.dir, "pairs")), pairs)
	same(t, "sums", lines(t, filepath.Join(w.dir, "sums")), sums)
}

// TestKillCoordinator: the coordinator's process is killed or stopped, and one that takes
// its place goes on with the job, on the same node processes.
func TestKillCoordinator(t *testing.T) {
	rng := chance(t)
	runs := 1
	if all() {
		runs = 20
	}
	in := t.TempDir()
	pairs, sums := orders(t, in, 40_000)
	for range runs {
		w := &town{t: t, dir: t.TempDir(), slots: 1, count: 3, nodes: map[string]*exec.Cmd{}}
		t.Cleanup(w.close)
		script := filepath.Join(w.dir, "job.sql")
		text := pacedScript(w.dir, filepath.Join(in, "in"), 2, 20)
		if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for i := range w.count {
			w.start("node-" + strconv.Itoa(i+1))
		}
		restored := false
		for kills := 3; ; kills-- {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "MINK_TEST_COORDINATOR="+script)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if kills > 0 {
				time.Sleep(400*time.Millisecond + time.Duration(rng.Int64N(int64(1200*time.Millisecond))))
				if rng.IntN(3) == 0 {
					_ = cmd.Process.Signal(syscall.SIGSTOP)
					time.Sleep(2 * time.Second) // longer than the leases
					_ = cmd.Process.Signal(syscall.SIGCONT)
					time.Sleep(300 * time.Millisecond)
				}
				_ = cmd.Process.Kill()
			}
			err := cmd.Wait()
			w.log(out.String())
			restored = restored || strings.Contains(out.String(), "restored")
			if strings.Contains(out.String(), "done") {
				break
			}
			if kills <= 0 {
				t.Fatalf("the coordinator: %v\n%s", err, out.String())
			}
		}
		if !restored {
			t.Log("no coordinator went on from a checkpoint")
		}
		same(t, "pairs", lines(t, filepath.Join(w.dir, "pairs")), pairs)
		if same(t, "sums", lines(t, filepath.Join(w.dir, "sums")), sums); t.Failed() {
			t.FailNow()
		}
		w.close()
	}
}
