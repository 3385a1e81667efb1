// Package nodes tests clusters of real processes: nodes are this test binary, started
// again, which tests kill and stop.
package nodes

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/s3"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/cluster"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/job"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/testkit/leak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("MINK_TEST_NODE"); dir != "" {
		os.Exit(serve(dir))
	}
	if os.Getenv("MINK_TEST_BROKER") != "" {
		os.Exit(brokerMain())
	}
	if script := os.Getenv("MINK_TEST_COORDINATOR"); script != "" {
		os.Exit(coordinate(script))
	}
	leak.Main(m, leak.Count{What: "open stores of state", Now: state.Stores})
}

func config() engine.Config {
	return engine.Config{
		Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(),
		Runtimes: connectors.Runtimes(), Zone: time.UTC, Stdout: os.Stdout,
		Stores: func(below env.Disk, setting func(string) string) env.Disk {
			return s3.Disk(below, env.OS("").Clock, setting, os.Getenv, nil)
		},
	}
}

// serve is a node process.
func serve(dir string) int {
	cfg := config()
	if by, err := time.ParseDuration(os.Getenv("MINK_TEST_SLOW")); err == nil {
		cfg.Env.Disk = slowDisk{cfg.Env.Disk, by}
	}
	if os.Getenv("MINK_TEST_STAMPS") != "" {
		cfg.Stdout = stamps{os.Stdout}
	}
	e, err := engine.New(cfg)
	if err == nil {
		slots, _ := strconv.Atoi(os.Getenv("MINK_TEST_SLOTS"))
		o := cluster.NodeOptions{
			Env: cfg.Env, Name: os.Getenv("MINK_TEST_NAME"), Dir: dir, Slots: slots, Build: e.NodeGraph,
			Log: func(s string) { fmt.Fprintln(os.Stderr, s) },
		}
		if os.Getenv("MINK_TEST_JOIN") != "" {
			o.Remote = true
			if o.Wire, err = joinAbroad(o.Name); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		err = cluster.Serve(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// coordinate is a coordinator process, which runs a script to its end on two nodes.
func coordinate(file string) int {
	err := func() error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		log := func(s string) { fmt.Fprintln(os.Stderr, s) }
		c, err := cluster.Listen(cluster.Options{Dir: filepath.Join(filepath.Dir(file), ".mink"), Log: log, Lost: kill})
		if err != nil {
			return err
		}
		defer c.Close()
		cfg := config()
		cfg.Cluster, cfg.Log, cfg.CheckpointDir = c, log, filepath.Join(filepath.Dir(file), "ck")
		e, err := engine.New(cfg)
		if err != nil {
			return err
		}
		defer e.Close()
		if err := c.Wait(context.Background(), 2); err != nil {
			return err
		}
		s := e.NewSession()
		for _, t := range statements(string(text)) {
			r, err := s.Execute(context.Background(), t)
			if err != nil {
				return err
			}
			if r.Job != nil {
				if err := r.Job.Wait(context.Background()); err != nil {
					return err
				}
				st := r.Job.Status()
				if st.Checkpoints.Restored > 0 {
					fmt.Println("restored")
				}
			}
		}
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("done")
	return 0
}

// kill is what a supervisor does with a process that is given up on.
func kill(n cluster.Node, _ error) {
	_ = syscall.Kill(n.PID, syscall.SIGKILL) // it may have ended by now
}

// town is a cluster of a test: the coordinator in the process of the test, nodes in their
// own, which are started again when they die.
type town struct {
	t     *testing.T
	dir   string
	slots int
	count int
	c     *cluster.Coordinator
	e     *engine.Engine

	abroad  *abroad  // nil where all are on one machine
	environ []string // of nodes, more than the test's
	outs    map[string]*heard

	mu      sync.Mutex
	nodes   map[string]*exec.Cmd
	over    bool
	closing bool
	started int
	waiting sync.WaitGroup
}

func found(t *testing.T, nodes, slots int, with ...func(*engine.Config)) *town {
	t.Helper()
	return foundWith(t, nodes, slots, func(*town, *cluster.Options) {}, with...)
}

func foundWith(t *testing.T, nodes, slots int, how func(*town, *cluster.Options), with ...func(*engine.Config)) *town {
	t.Helper()
	w := &town{t: t, dir: t.TempDir(), slots: slots, count: nodes, nodes: map[string]*exec.Cmd{}}
	o := cluster.Options{Dir: filepath.Join(w.dir, ".mink"), Log: w.log, Lost: kill}
	how(w, &o)
	var err error
	if w.c, err = cluster.Listen(o); err != nil {
		t.Fatal(err)
	}
	cfg := config()
	cfg.Cluster, cfg.Log = w.c, w.log
	for _, change := range with {
		change(&cfg)
	}
	if w.e, err = engine.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	for i := range nodes {
		w.start("node-" + strconv.Itoa(i+1))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.c.Wait(ctx, nodes); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *town) log(s string) {
	if testing.Verbose() {
		fmt.Println(time.Now().Format("15:04:05.000"), s)
	}
}

// start starts a node, and again each time it dies.
func (w *town) start(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.started++
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MINK_TEST_NODE="+filepath.Join(w.dir, ".mink"), "MINK_TEST_NAME="+name, "MINK_TEST_SLOTS="+strconv.Itoa(w.slots))
	cmd.Env = append(cmd.Env, w.environ...)
	if w.abroad != nil {
		cmd.Env = append(cmd.Env, w.abroad.environ(name)...)
	}
	if testing.Verbose() {
		cmd.Stderr = os.Stdout
	}
	if w.abroad != nil && w.outs == nil {
		w.outs = map[string]*heard{}
	}
	if w.outs != nil {
		if w.outs[name] == nil {
			w.outs[name] = &heard{}
		}
		cmd.Stdout = w.outs[name]
	}
	if err := cmd.Start(); err != nil {
		w.t.Error(err)
		return
	}
	w.nodes[name] = cmd
	w.waiting.Go(func() {
		_ = cmd.Wait()
		w.start(name)
	})
}

func (w *town) signal(name string, s syscall.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.nodes[name].Process.Signal(s)
}

func (w *town) close() {
	w.mu.Lock()
	again := w.closing
	w.closing = true
	w.mu.Unlock()
	if again {
		return
	}
	if w.c != nil {
		w.e.Close()
		w.c.Close()
	}
	w.mu.Lock()
	w.over = true
	for _, c := range w.nodes {
		_ = c.Process.Kill()
	}
	w.mu.Unlock()
	w.waiting.Wait()
	cluster.Sweep(filepath.Join(w.dir, ".mink")) // of nodes that were killed
}

// run executes statements; the job of the last one is returned.
func (w *town) run(script string) *engine.Result {
	w.t.Helper()
	s := w.e.NewSession()
	var last *engine.Result
	for _, text := range statements(script) {
		r, err := s.Execute(context.Background(), text)
		if err != nil {
			w.t.Fatalf("%v\n%s", err, text)
		}
		if r.Job != nil {
			last = r
		}
	}
	return last
}

// statements cuts a script, in which no text has a semicolon.
func statements(script string) (out []string) {
	for _, s := range strings.Split(script, ";") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// end waits for a job.
func end(t *testing.T, j *job.Job) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := j.Wait(ctx); err != nil {
		t.Fatalf("the job: %v; %+v", err, j.Status())
	}
}

// onNodes fails unless tasks of a job have run in at least n node processes. A job whose
// last attempt had nothing left to do but to commit has none.
func onNodes(t *testing.T, j *job.Job, n int) {
	t.Helper()
	seen := map[string]int{}
	tasks := j.Status().Tasks
	if len(tasks) == 0 && j.Status().Restarts > 0 {
		return
	}
	for _, x := range tasks {
		seen[x.Node]++
	}
	delete(seen, "")
	if len(seen) < n {
		t.Errorf("the tasks ran on %v", seen)
	}
}

// lines counts the lines of all files of a folder.
func lines(t *testing.T, dir string) map[string]int {
	t.Helper()
	out := map[string]int{}
	list, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(list) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, p := range list {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for in := bufio.NewScanner(bytes.NewReader(b)); in.Scan(); {
			out[in.Text()]++
		}
	}
	return out
}

// orders writes four files and returns what the pairs and sums have to be.
func orders(t *testing.T, dir string, n int) (pairs, sums map[string]int) {
	t.Helper()
	pairs, sums = map[string]int{}, map[string]int{}
	var files [4]bytes.Buffer
	totals, counts := map[int]int{}, map[int]int{}
	for id := range n {
		customer, cents := id*7919%997, id*31%10_000
		placed := time.UnixMilli(int64(id)).UTC().Format("2006-01-02 15:04:05.000")
		fmt.Fprintf(&files[id%4], "%d,%d,%d,%s\n", id, customer, cents, placed)
		pairs[fmt.Sprintf("%d,a customer with the number %d", id, customer)]++
		totals[customer] += cents
		counts[customer]++
	}
	for c := range totals {
		sums[fmt.Sprintf("%d,%d,%d", c, counts[c], totals[c])]++
	}
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range files {
		if err := os.WriteFile(filepath.Join(dir, "in", strconv.Itoa(i)+".csv"), files[i].Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return pairs, sums
}

// ordersScript writes the pairs, and the sums as a batch does: once, at the end.
func ordersScript(dir, in string, parallelism int) string {
	return strings.NewReplacer("DIR", dir, "INPUT", in, "PAR", strconv.Itoa(parallelism)).Replace(`
SET 'parallelism.default' = 'PAR';
SET 'execution.checkpointing.interval' = '50 ms';
CREATE TEMPORARY TABLE orders (id BIGINT, customer INT, cents BIGINT, placed TIMESTAMP(3), WATERMARK FOR placed AS placed)
WITH ('connector' = 'filesystem', 'path' = 'INPUT', 'format' = 'csv');
CREATE TEMPORARY TABLE pairs (id BIGINT, who STRING) WITH ('connector' = 'filesystem', 'path' = 'DIR/pairs', 'format' = 'csv');
CREATE TEMPORARY TABLE sums (customer INT, n BIGINT, cents BIGINT) WITH ('connector' = 'filesystem', 'path' = 'DIR/sums', 'format' = 'csv');
BEGIN STATEMENT SET;
INSERT INTO pairs SELECT id, CONCAT('a customer with the number ', CAST(customer AS STRING)) FROM orders;
INSERT INTO sums SELECT customer, COUNT(*), SUM(cents) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed), INTERVAL '30' DAY)) GROUP BY window_start, window_end, customer;
END;
`)
}

// pacedScript is ordersScript over an input that comes so many times as fast as it was placed,
// a row each millisecond.
func pacedScript(dir, in string, parallelism, speed int) string {
	path := "'path' = '" + in + "'"
	return strings.Replace(ordersScript(dir, in, parallelism), path, fmt.Sprintf("%s, 'mink.replay.column' = 'placed', 'mink.replay.speed' = '%d'", path, speed), 1)
}

func same(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	bad := 0
	for k, n := range want {
		if got[k] != n {
			if bad++; bad <= 5 {
				t.Errorf("%s: %d times instead of %d: %s", what, got[k], n, k)
			}
		}
	}
	for k, n := range got {
		if want[k] == 0 {
			if bad++; bad <= 5 {
				t.Errorf("%s: %d times instead of never: %s", what, n, k)
			}
		}
	}
	if bad > 5 {
		t.Errorf("%s: %d lines differ", what, bad)
	}
}

// TestFileJob: files in, an exchange between processes, files out.
func TestFileJob(t *testing.T) {
	w := found(t, 2, 2)
	pairs, sums := orders(t, w.dir, 20_000)
	r := w.run(ordersScript(w.dir, filepath.Join(w.dir, "in"), 3))
	end(t, r.Job)
	onNodes(t, r.Job, 2)
	same(t, "pairs", lines(t, filepath.Join(w.dir, "pairs")), pairs)
	same(t, "sums", lines(t, filepath.Join(w.dir, "sums")), sums)
}

// TestQuery: the rows of a query come to the client, and the job keeps to its pace.
func TestQuery(t *testing.T) {
	w := found(t, 2, 1)
	orders(t, w.dir, 200_000)
	script := strings.Split(ordersScript(w.dir, filepath.Join(w.dir, "in"), 2), "CREATE TEMPORARY TABLE pairs")[0] +
		"SELECT id, CONCAT('a customer with the number ', CAST(customer AS STRING)) FROM orders;"
	r := w.run(script)
	rows := map[int64]int{}
	for {
		b, err := r.Job.Collector.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			time.Sleep(300 * time.Millisecond) // a slow client
			if st := r.Job.State(); st.Ended() {
				t.Error("the job did not wait for its client")
			}
		}
		for i := range b.Rows() {
			rows[b.Cols[0].I64[b.Lane(i)]]++
		}
	}
	onNodes(t, r.Job, 2)
	if len(rows) != 200_000 {
		t.Errorf("%d rows", len(rows))
	}
	for id, n := range maps.All(rows) {
		if n != 1 {
			t.Fatalf("row %d came %d times", id, n)
		}
	}
}
