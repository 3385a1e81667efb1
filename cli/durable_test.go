package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/ledger"
	"github.com/minkstream/mink/engine/sql/parse"
)

// asEngine makes this test binary a coordinator's engine in a directory: it recovers the
// jobs there or, without any, runs the script job.sql; it ends when all have ended.
const asEngine = "MINK_TEST_AS_ENGINE"

func durableEngine(dir string) int {
	err := func() error {
		home := local.Home(filepath.Join(dir, ".mink"))
		a := &app{out: os.Stdout, err: os.Stderr}
		eng, client, book, err := a.durable(home, &local.Options{Project: dir})
		if err != nil {
			return err
		}
		known, err := book.Jobs()
		if err != nil {
			return err
		}
		n, err := eng.Recover()
		if err != nil {
			return err
		}
		fmt.Println("recovered", n, "of", len(known))
		if len(known) == 0 {
			if err := runScript(client, filepath.Join(dir, "job.sql")); err != nil {
				return err
			}
		}
		if os.Getenv("MINK_TEST_SUSPEND") != "" {
			time.Sleep(300 * time.Millisecond)
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			eng.Suspend(ctx)
		}
		for _, j := range eng.Jobs.Jobs() {
			if os.Getenv("MINK_TEST_SUSPEND") != "" {
				break
			}
			if err := j.Wait(context.Background()); err != nil {
				return err
			}
		}
		if err := client.Close(); err != nil {
			return err
		}
		return book.Close()
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// durable is an engine as the coordinator of a directory has it.
func (a *app) durable(home local.Home, o *local.Options, change ...func(c *engine.Config)) (*engine.Engine, gateway.Client, *ledger.Ledger, error) {
	cfg, spill, err := a.config(embed{nodes: 2, checkpointDir: home.Path("checkpoints"), home: home, confine: o, log: func(text string) { fmt.Fprintln(a.err, text) }})
	if err != nil {
		return nil, nil, nil, err
	}
	if err := os.MkdirAll(home.Path("store"), 0o700); err != nil {
		return nil, nil, nil, err
	}
	book, err := ledger.Open(home.Path("store", "ledger"))
	if err != nil {
		return nil, nil, nil, err
	}
	cfg.Durable = &engine.Durable{Ledger: book, CatalogDir: home.Path("store", "catalog")}
	for _, f := range change {
		f(&cfg)
	}
	eng, client, err := a.made(cfg, embed{}, spill)
	return eng, client, book, err
}

func runScript(client gateway.Client, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	s, err := client.OpenSession(context.Background(), nil)
	if err != nil {
		return err
	}
	for _, it := range parse.Script(string(text)) {
		if it.Err != nil {
			return it.Err
		}
		if _, err := s.Execute(context.Background(), string(text)[it.Span.Start:it.Span.End]); err != nil {
			return err
		}
	}
	return nil
}

func engineCommand(t *testing.T, dir string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Dir = dir
	c.Env = append(append(os.Environ(), asEngine+"="+dir, "TZ=UTC"), env...)
	return c
}

// TestCoordinatorKilled kills a coordinator's engine at random moments, while its ledger, its
// catalog and its checkpoints are at work, and starts another one in the same directory,
// which has to go on with the jobs: the files are as if nothing had happened.
func TestCoordinatorKilled(t *testing.T) {
	runs := 2
	if os.Getenv("MINK_ALL") != "" {
		runs = 20
	}
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MINK_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MINK_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	data := t.TempDir()
	pairs, totals := killData(t, data, 30_000, rng)
	// Each of the two inserts is a job of its own here, and a set is a third one.
	const more = "CREATE TABLE copies (id BIGINT, city STRING, amount STRING) WITH ('connector' = 'filesystem', 'path' = 'other/pairs', 'format' = 'csv');\n" +
		"INSERT INTO copies SELECT id, city, CAST(amount AS STRING) FROM placed;\n"
	if err := os.WriteFile(filepath.Join(data, "job.sql"), []byte(killScript+more), 0o644); err != nil {
		t.Fatal(err)
	}
	goneOn := 0
	for i := range runs {
		dir := t.TempDir()
		for _, name := range []string{"in", "job.sql"} {
			// Copies: what links lead to is outside of what a cluster may touch.
			if out, err := exec.Command("cp", "-r", filepath.Join(data, name), dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
		for tries := 0; ; tries++ {
			c := engineCommand(t, dir)
			var text strings.Builder
			c.Stderr = &text
			out, err := c.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			line, _ := bufio.NewReader(out).ReadString('\n')
			n, known := 0, 0
			if _, err := fmt.Sscanf(line, "recovered %d of %d", &n, &known); err == nil && n > 0 {
				goneOn++
			}
			if tries < 4 {
				time.Sleep(time.Duration(rng.Int64N(int64(700 * time.Millisecond))))
				_ = c.Process.Signal(syscall.SIGKILL)
			}
			err = c.Wait()
			if err == nil {
				break
			}
			if st, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || !st.Signaled() {
				t.Fatalf("run %d: %v\n%s", i, err, text.String())
			}
			// A script that was broken off is not what is tested: it is run again from its start.
			if books := ledgerOf(t, dir); len(books) < 2 {
				for _, name := range []string{".mink", "out", "other"} {
					if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		checkOutput(t, dir, pairs, totals)
		copies := map[string]int{}
		files, _ := filepath.Glob(filepath.Join(dir, "other", "pairs", "[^.]*"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for l := range strings.Lines(string(b)) {
				copies[strings.TrimSpace(l)]++
			}
		}
		diffCounts(t, "copies", copies, pairs)
		for _, j := range ledgerOf(t, dir) {
			if j.State != ledger.Finished {
				t.Errorf("job %s is %s in the ledger: %s", j.Name, j.State, j.Error)
			}
		}
		if t.Failed() {
			t.Fatalf("run %d", i)
		}
	}
	t.Logf("jobs went on %d times", goneOn)
	if goneOn == 0 {
		t.Error("no kill fell into a job")
	}
}

func ledgerOf(t *testing.T, dir string) []ledger.Job {
	t.Helper()
	l, err := ledger.Open(filepath.Join(dir, ".mink", "store", "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	jobs, err := l.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// TestEndedWhileItStops: a job that is cancelled while its coordinator stops does not come back.
func TestEndedWhileItStops(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	a := &app{out: &strings.Builder{}, err: &strings.Builder{}}
	eng, client, book, err := a.durable(local.Home(filepath.Join(dir, ".mink")), &local.Options{Project: dir})
	if err != nil {
		t.Fatal(err)
	}
	job := endless(t, client)
	eng.Suspend(t.Context())
	if err := client.Cancel(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(client.Close(), book.Close()); err != nil {
		t.Fatal(err)
	}
	if list := ledgerOf(t, dir); len(list) != 1 || list[0].State != ledger.Canceled {
		t.Errorf("%+v", list)
	}
}

// TestStoppedForGood: whoever stops a job hears of it when it is written down that it has ended,
// so that it does not come back and read again what is behind the savepoint.
func TestStoppedForGood(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	a := &app{out: &strings.Builder{}, err: &strings.Builder{}}
	stops, told := make(chan struct{}), make(chan struct{})
	var early atomic.Bool
	_, client, book, err := a.durable(local.Home(filepath.Join(dir, ".mink")), &local.Options{Project: dir}, func(c *engine.Config) {
		run := c.Env.Go
		c.Env.Go = func(name string, f func()) {
			if strings.HasPrefix(name, "ledger of ") {
				g := f
				f = func() {
					<-stops
					select {
					case <-told:
						early.Store(true)
					case <-time.After(300 * time.Millisecond): // it is waited for
					}
					g()
				}
			}
			run(name, f)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	job := endless(t, client)
	close(stops)
	if _, err := client.Stop(t.Context(), job, filepath.Join(dir, "savepoints"), false); err != nil {
		t.Fatal(err)
	}
	close(told)
	if err := errors.Join(client.Close(), book.Close()); err != nil {
		t.Fatal(err)
	}
	if list := ledgerOf(t, dir); early.Load() || len(list) != 1 || list[0].State != ledger.Finished {
		t.Errorf("told before it was written down: %v; %+v", early.Load(), list)
	}
}

// endless begins a job that does not end, and waits until it runs.
func endless(t *testing.T, client gateway.Client) string {
	t.Helper()
	s, err := client.OpenSession(t.Context(), map[string]string{"execution.checkpointing.interval": "50 ms"})
	if err != nil {
		t.Fatal(err)
	}
	id := ""
	for _, sql := range []string{
		"CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100')",
		"CREATE TABLE hole (n BIGINT) WITH ('connector' = 'blackhole')",
		"INSERT INTO hole SELECT n FROM numbers",
	} {
		op, err := s.Execute(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		id = op.Job()
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		j, err := client.Job(t.Context(), id)
		if err != nil || time.Now().After(end) {
			t.Fatalf("%+v, %v", j, err)
		}
		if j.State == "RUNNING" {
			return id
		}
	}
}

// TestSuspended: a coordinator that is stopped leaves its jobs to the next one; those that
// were cancelled, and queries, do not come back; catalogs and tables do.
func TestSuspended(t *testing.T) {
	dir := t.TempDir()
	home := local.Home(filepath.Join(dir, ".mink"))
	o := &local.Options{Project: dir}
	t.Chdir(dir)
	ctx := t.Context()
	a := &app{out: &strings.Builder{}, err: &strings.Builder{}}
	begin := func() (*engine.Engine, gateway.Client, *ledger.Ledger, gateway.Session) {
		t.Helper()
		eng, client, book, err := a.durable(home, o)
		if err != nil {
			t.Fatal(err)
		}
		s, err := client.OpenSession(ctx, map[string]string{"execution.checkpointing.interval": "50 ms"})
		if err != nil {
			t.Fatal(err)
		}
		return eng, client, book, s
	}
	run := func(s gateway.Session, sql string) gateway.Operation {
		t.Helper()
		op, err := s.Execute(ctx, sql)
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		return op
	}
	eng, client, book, s := begin()
	run(s, "CREATE CATALOG lake WITH ('type' = 'mink', 'path' = 'lake')")
	run(s, "CREATE TABLE lake.`default`.kept (n BIGINT) WITH ('connector' = 'blackhole')")
	run(s, "CREATE CATALOG brief WITH ('type' = 'generic_in_memory')")
	run(s, "DROP CATALOG brief")
	run(s, "CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100')")
	run(s, "CREATE TEMPORARY TABLE hole (n BIGINT) WITH ('connector' = 'blackhole')")
	run(s, "CREATE TEMPORARY VIEW few AS SELECT n FROM numbers WHERE n > 0")
	stays := run(s, "INSERT INTO hole SELECT n FROM few").Job()
	set := run(s, "EXECUTE STATEMENT SET BEGIN INSERT INTO hole SELECT n FROM few; INSERT INTO lake.`default`.kept SELECT n + 1 FROM numbers; END").Job()
	made := run(s, "CREATE TABLE made (m) WITH ('connector' = 'blackhole') AS SELECT n AS m FROM numbers").Job()
	goes := run(s, "INSERT INTO hole SELECT n + 2 FROM few").Job()
	query := run(s, "SELECT n FROM numbers").Job()
	run(s, "DROP TABLE numbers") // the jobs keep what they were made of
	if err := client.Cancel(ctx, goes); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	stop := func() {
		t.Helper()
		eng.Suspend(ctx)
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		if err := book.Close(); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	eng, client, book, s = begin()
	n, err := eng.Recover()
	if err != nil || n != 3 {
		t.Errorf("%d jobs go on, %v", n, err)
	}
	state := map[string]string{}
	list, err := client.Jobs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range list {
		state[j.ID] = j.State
	}
	for id, want := range map[string]string{stays: "RUNNING", set: "RUNNING", made: "RUNNING", goes: "CANCELED", query: "CANCELED"} {
		if got := state[id]; got != want && !(want == "RUNNING" && got == "INITIALIZING" || want == "RUNNING" && got == "CREATED") {
			t.Errorf("job %s is %s, want %s", id, got, want)
		}
	}
	if st, err := client.Job(ctx, goes); err != nil || st.Name != "insert-into_default_catalog.default_database.hole" {
		t.Errorf("a job of before: %+v, %v", st, err)
	}
	until := time.Now().Add(30 * time.Second)
	for _, id := range []string{stays, set, made} {
		for {
			st, err := client.Job(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if st.Checkpoints.RestoredFrom > 0 {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("job %s did not go on from a checkpoint: %+v", id, st)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	run(s, "INSERT INTO lake.`default`.kept VALUES (1)")
	run(s, "DESCRIBE made")
	for _, sql := range []string{"DESCRIBE numbers", "USE CATALOG brief", "DESCRIBE hole"} {
		if _, err := s.Execute(ctx, sql); err == nil {
			t.Errorf("%s went through", sql)
		}
	}
	stop()
}
