package nexmark_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	generator "github.com/minkstream/mink/connectors/nexmark"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/testkit/nexmark"
)

// The size of the matrix: MINK_ALL=1 runs all of it, MINK_NEXMARK_SEEDS simulated
// seeds a query.
var (
	all   = os.Getenv("MINK_ALL") != ""
	seeds = number("MINK_NEXMARK_SEEDS", map[bool]int{false: 1, true: 20}[all])
)

func number(key string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(key)); err == nil {
		return n
	}
	return def
}

// run is one run of a query: a session whose last statement is ready to go.
type run struct {
	query    nexmark.Query
	events   int64
	verifier *nexmark.Verifier
	session  *engine.Session
	engine   *engine.Engine
	insert   string
	p        int
}

// prepare makes an engine on e and runs all statements of q but the query itself.
func prepare(t *testing.T, q nexmark.Query, events int64, p int, e *env.Env, side string, config map[string]string) *run {
	t.Helper()
	return prepareAs(t, q, events, p, engine.Config{Env: e}, side, config)
}

// prepareAs is prepare for an engine that records or replays.
func prepareAs(t *testing.T, q nexmark.Query, events int64, p int, ec engine.Config, side string, config map[string]string) *run {
	t.Helper()
	r := &run{query: q, events: events, verifier: nexmark.NewVerifier(), p: p}
	var err error
	ec.Connectors, ec.Formats, ec.Functions = append(connectors.All(), r.verifier.Connector()), connectors.Formats(), scalar.All()
	ec.SpillDir = t.TempDir()
	r.engine, err = engine.New(ec)
	if err != nil {
		t.Fatal(err)
	}
	for name, fn := range nexmark.UserFunctions() {
		if err := r.engine.RegisterAs(name, fn); err != nil {
			t.Fatal(err)
		}
	}
	r.session = r.engine.NewSession()
	for k, v := range config {
		if err := r.session.Set(k, v); err != nil {
			t.Fatal(err)
		}
	}
	o := nexmark.Options{
		Source: map[string]string{"events.num": strconv.FormatInt(events, 10), "materialize": "projected"},
		Sink:   map[string]string{"connector": "verify"},
		Side:   nexmark.SideTable(side),
	}
	if q.Check == nexmark.Arrival && p > 1 {
		o.Sink["columns"] = "0;2;7"
	}
	list := q.Statements(o)
	for _, s := range list[:len(list)-1] {
		if _, err := r.session.Execute(context.Background(), clean(s)); err != nil {
			t.Fatal(show(s, err))
		}
	}
	r.insert = clean(list[len(list)-1])
	return r
}

func clean(s string) string { return strings.TrimSuffix(strings.TrimSpace(s), ";") }

func show(text string, err error) string {
	if d := diag.As(err); d != nil {
		return diag.Render(diag.Source{Text: text}, d)
	}
	return err.Error()
}

// check compares what the sink holds with the known result.
func (r *run) check(t *testing.T) {
	t.Helper()
	got, total, ok := r.verifier.Result(r.query.Table())
	if !ok {
		t.Fatal("nothing reached the sink")
	}
	if r.query.Check == nexmark.Total {
		if want := r.events / 50 * 46; total != want {
			t.Errorf("a total of %d, want %d", total, want)
		}
		return
	}
	rows, sum, known := nexmark.Expected(r.query.Name, r.events)
	if r.query.Check == nexmark.Arrival && r.p > 1 {
		rows, sum, known = nexmark.ExpectedTieFree(r.events)
	}
	if !known {
		rows, sum, known = naive(t, r.query, r.events, r.p)
	}
	if !known {
		t.Fatalf("no result is known of %s over %d events", r.query.Name, r.events)
	}
	if want := (nexmark.Result{Rows: rows, Checksum: sum}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// naive computes the result of a query over so many events row by row.
func naive(t *testing.T, q nexmark.Query, n int64, p int) (int64, uint64, bool) {
	t.Helper()
	if naiveEvents == nil || int64(len(naiveEvents)) != n {
		var err error
		if naiveEvents, err = nexmark.Events(generator.Defaults(), int(n)); err != nil {
			t.Fatal(err)
		}
	}
	rows, ok := nexmark.Naive(q.Name, naiveEvents)
	if q.Check == nexmark.Arrival && p > 1 {
		for i, r := range rows {
			f := strings.Split(r, "|")
			rows[i] = f[nexmark.TieFree[0]] + "|" + f[nexmark.TieFree[1]] + "|" + f[nexmark.TieFree[2]]
		}
	}
	r := nexmark.Checksum(rows)
	return r.Rows, r.Checksum, ok
}

// naiveEvents are those that were asked for last.
var naiveEvents []nexmark.Event

func sideFile(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "side.csv")
	if err := os.WriteFile(name, nexmark.SideInput(), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

func queries(t *testing.T, f func(t *testing.T, q nexmark.Query)) {
	for _, q := range nexmark.Queries() {
		if q.Skip == "" {
			t.Run(q.Name, func(t *testing.T) { f(t, q) })
		}
	}
}

// threaded runs a query on the threaded host and returns how many bytes of its state
// have left memory for disk.
func threaded(t *testing.T, q nexmark.Query, events int64, p, rows int, side string, config map[string]string) int64 {
	t.Helper()
	c := map[string]string{"parallelism.default": strconv.Itoa(p), "mink.exec.batch-rows": strconv.Itoa(rows)}
	for k, v := range config {
		c[k] = v
	}
	r := prepare(t, q, events, p, nil, side, c)
	defer r.engine.Close()
	res, err := r.session.Execute(context.Background(), r.insert)
	if err != nil {
		t.Fatal(show(r.insert, err))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	if err := res.Job.Wait(ctx); err != nil {
		t.Fatal(show(r.insert, err))
	}
	r.check(t)
	spilled := int64(0)
	for _, k := range res.Job.Status().Tasks {
		spilled += k.SpilledBytes
	}
	return spilled
}

// Every query gives the known result, whatever the parallelism and the size of
// batches.
func TestThreaded(t *testing.T) {
	side := sideFile(t)
	ps, sizes := []int{1, 2}, []int{4096}
	if all || os.Getenv("MINK_NEXMARK_SEEDS") != "" {
		ps, sizes = []int{1, 2, 4}, []int{1, 7, 4096}
	}
	queries(t, func(t *testing.T, q nexmark.Query) {
		for _, p := range ps {
			for _, rows := range sizes {
				t.Run(fmt.Sprintf("P%d,rows%d", p, rows), func(t *testing.T) { threaded(t, q, 100_000, p, rows, side, nil) })
			}
		}
	})
}

// A query that is no part of a run is refused, as Flink refuses it.
func TestRefused(t *testing.T) {
	side := sideFile(t)
	for _, q := range nexmark.Queries() {
		if q.Skip == "" {
			continue
		}
		r := prepare(t, q, 1000, 1, nil, side, nil)
		_, err := r.session.Execute(context.Background(), r.insert)
		if diag.CodeOf(err) != diag.UnsupportedByFlink {
			t.Errorf("%s: got %v, want that it is refused: %s", q.Name, err, q.Skip)
		}
	}
}

// large are the queries that keep more than 16 MiB of a million events, 920,000 of
// which are bids: price, time and auction of each (q4, q7), whole bids (q9, q20, q23),
// the newest of each bidder and auction or ten of each auction (q18, q19), the pairs
// of channel and bidder and of channel and auction (q16).
var large = []string{"q4", "q7", "q9", "q16", "q18", "q19", "q20", "q23"}

// A million events, in memory and with a budget that forces state out of it.
func TestMillion(t *testing.T) {
	if !all {
		t.Skip("a million events: run with MINK_ALL=1")
	}
	side := sideFile(t)
	queries(t, func(t *testing.T, q nexmark.Query) {
		for _, memory := range []string{"8 gb", "16 mb"} {
			t.Run(strings.ReplaceAll(memory, " ", ""), func(t *testing.T) {
				spilled := threaded(t, q, 1_000_000, 2, 4096, side, map[string]string{"state.memory": memory, "execution.checkpointing.interval": "2 s"})
				switch {
				case memory == "8 gb" && spilled > 0:
					t.Errorf("%d bytes went to disk, with room for all of them", spilled)
				case memory == "16 mb" && spilled < 16<<20 && slices.Contains(large, q.Name):
					t.Errorf("only %d bytes went to disk", spilled)
				}
			})
		}
	})
}

// Every query gives the known result under simulated schedules, in each of which
// the job loses a node or its coordinator and goes on from a checkpoint, with
// another parallelism.
func TestSimulated(t *testing.T) {
	queries(t, func(t *testing.T, q nexmark.Query) {
		for seed := range seeds {
			t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
				// A schedule may let the sources end before a checkpoint is complete: then
				// there is nothing to go back to, and another one is drawn.
				for try := uint64(0); try < 5; try++ {
					if crash(t, q, uint64(seed)+1000*try) {
						return
					}
				}
				t.Error("no fault hit a running job with a checkpoint")
			})
		}
	})
}

// crash runs a query undisturbed, which says when a checkpoint is there to go back
// to, and then with a fault somewhere after; up to there both runs are the same.
func crash(t *testing.T, q nexmark.Query, seed uint64) bool {
	t.Helper()
	calm := simulated(t, q, seed, 0)
	if st := calm.job.Status(); st.Attempt != 1 || calm.safe == 0 {
		t.Fatalf("undisturbed: %d attempts, checkpoint after step %d of %d", st.Attempt, calm.safe, calm.steps)
	}
	// After the last row there is nothing left to hit: try an earlier moment then.
	for share := seed * 37 % 100; ; share /= 2 {
		hit := simulated(t, q, seed, calm.safe+int(uint64(calm.steps-calm.safe)*share/100))
		if st := hit.job.Status(); st.Attempt > 1 && st.Checkpoints.Restored > 0 {
			t.Logf("P=%d, %d steps, restored from %d after %d%%", hit.p, hit.steps, st.Checkpoints.Restored, share)
			return true
		}
		if share == 0 {
			return false
		}
	}
}

// simRun is what is known of a simulated run. safe is the step after which there
// was a checkpoint.
type simRun struct {
	job            *flow.Job
	p, steps, safe int
}

// simulated runs a query on the simulated host, with a fault at a step unless that
// is 0, and checks its result.
func simulated(t *testing.T, q nexmark.Query, seed uint64, fault int) simRun {
	t.Helper()
	const events = 100_000
	r := rand.New(rand.NewPCG(seed, uint64(len(q.Name))<<32|uint64(q.Name[len(q.Name)-1])))
	p := 1 + r.IntN(4)
	o := flow.SimOptions{
		Seed: r.Uint64(), Nodes: 1 + r.IntN(min(3, p)), Policy: flow.SimPolicy(r.IntN(int(flow.PickPoliciesEnd))),
		Delay: time.Millisecond, Disk: time.Millisecond, MaxSteps: 1 << 24,
	}
	kind := []flow.SimFaultKind{flow.FaultNode, flow.FaultCoordinator}[r.IntN(2)]
	rows := []int{256, 512, 1024}[r.IntN(3)]
	interval := time.Duration(1+r.IntN(4)) * time.Millisecond
	if fault > 0 {
		o.Faults = []flow.SimFault{{Step: fault, Kind: kind, Node: r.IntN(o.Nodes), Until: 20 * time.Millisecond}}
	}
	s := flow.NewSim(o)
	w, err := s.Disk.Create("/side.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(nexmark.SideInput()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	x := prepare(t, q, events, 2, s.Env, "/side.csv", map[string]string{
		"mink.exec.batch-rows": strconv.Itoa(rows), "execution.checkpointing.interval": interval.String(), "execution.checkpointing.dir": "/ckpt",
	})
	defer x.engine.Close()
	shape := func(p int) (*flow.Graph, flow.Config) {
		if err := x.session.Set("parallelism.default", strconv.Itoa(p)); err != nil {
			t.Fatal(err)
		}
		g, cfg, err := x.session.Build(x.insert)
		if err != nil {
			t.Fatal(show(x.insert, err))
		}
		return g, cfg
	}
	g, cfg := shape(p)
	cfg.JobID, cfg.Name = "j", q.Name
	job, err := s.Submit(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	first := true
	s.Reshape = func() *flow.Graph {
		if first {
			first = false
			return g
		}
		g, _ := shape(1 + r.IntN(4))
		return g
	}
	out := simRun{job: job, p: p}
	err = s.Run(func() error {
		if out.safe == 0 && s.Steps()%16 == 0 && job.Status().Checkpoints.Completed > 0 {
			out.safe = s.Steps()
		}
		return nil
	})
	if err == nil {
		err = job.Err()
	}
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	out.steps = s.Steps()
	x.check(t)
	return out
}
