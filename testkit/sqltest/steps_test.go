package sqltest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/types"
)

// count is the number that a variable of the environment says, or one of its own for a run
// with MINK_ALL and one without.
func count(t *testing.T, name string, all, usual int) int {
	if s := os.Getenv(name); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	if os.Getenv("MINK_ALL") != "" {
		return all
	}
	return usual
}

// TestEachStep takes jobs, each an operator over drawn tables, and loses a process after
// each of their steps in turn: a node, the coordinator, or the machine with what was not
// synced. MINK_STEPS is how many jobs, 100 with MINK_ALL.
func TestEachStep(t *testing.T) {
	jobs := count(t, "MINK_STEPS", 100, 0)
	if jobs == 0 {
		t.Skip("each step of 100 jobs: run with MINK_ALL=1, or MINK_STEPS=n")
	}
	ops := operators()
	first, _ := firstSeed(t)
	steps, runs, begun := 0, 0, 0
	kinds := []flow.SimFaultKind{flow.FaultNode, flow.FaultCoordinator, flow.FaultPower}
	for i := range jobs {
		seed := first + uint64(i)
		c := drawCase(t, ops[i%len(ops)], seed)
		if c.base(); c.refused {
			continue
		}
		r := c.sim(c.section(-1, c.op.sql))
		r.shapes = []int{1 + c.g.n(2)}
		if problem := c.same(r); problem != "" {
			t.Fatalf("MINK_SEED=%d: %s undisturbed\n%s", seed, c.op.name, problem)
		}
		all := r.steps
		steps += all
		for at := 1; at <= all; at++ {
			r.faults = []flow.SimFault{{Step: at, Kind: kinds[at%len(kinds)], Node: at % 3}}
			runs++
			problem := c.same(r)
			if r.attempts > 1 {
				begun++
			}
			if problem != "" {
				t.Fatalf("MINK_SEED=%d MINK_STEPS=1: %s, fault %d after step %d of %d\n%s\n%s", seed, c.op.name, kinds[at%len(kinds)], at, all, c.show(), problem)
			}
		}
		t.Logf("%s: %d steps", c.op.name, all)
	}
	t.Logf("%d jobs, %d steps, %d runs, of which %d began anew", jobs, steps, runs, begun)
	if begun*10 < runs*7 {
		t.Errorf("the faults do not meet the jobs any more")
	}
}

// TestEachRescale goes on with each parallelism from 1 to 8 after each from 1 to 8, at each
// checkpoint of a job: MINK_RESCALES operators, all of them with MINK_ALL.
func TestEachRescale(t *testing.T) {
	ops := operators()
	n := count(t, "MINK_RESCALES", len(ops), 0)
	if n == 0 {
		t.Skip("64 pairs of each operator: run with MINK_ALL=1, or MINK_RESCALES=n")
	}
	n = min(n, len(ops))
	first, _ := firstSeed(t)
	var next, runs, restored atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for !t.Failed() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				eachRescale(t, ops[i], first+uint64(i), &runs, &restored)
			}
		})
	}
	wait.Wait()
	t.Logf("%d operators, %d runs, of which %d went on from a checkpoint", n, runs.Load(), restored.Load())
	if restored.Load()*10 < runs.Load()*7 {
		t.Errorf("the faults do not meet the checkpoints any more")
	}
}

func eachRescale(t *testing.T, o operator, seed uint64, runs, restored *atomic.Int64) {
	c := drawCase(t, o, seed)
	if c.base(); c.refused {
		return
	}
	for p := 1; p <= 8; p++ {
		r := c.sim(c.section(-1, o.sql))
		r.shapes = []int{p}
		if problem := c.same(r); problem != "" {
			t.Errorf("seed %d: %s at parallelism %d\n%s\n%s", c.seed, o.name, p, c.show(), problem)
			return
		}
		marks := r.marks
		for q := 1; q <= 8; q++ {
			for _, at := range marks {
				r.shapes, r.faults = []int{p, q}, []flow.SimFault{{Step: at, Kind: flow.FaultCoordinator}}
				runs.Add(1)
				if problem := c.same(r); problem != "" {
					t.Errorf("seed %d: %s from %d to %d after step %d\n%s\n%s", c.seed, o.name, p, q, at, c.show(), problem)
					return
				}
				if r.restored {
					restored.Add(1)
				}
			}
		}
	}
}

// TestSimulatedQueries runs random queries over random tables on the simulated host, with a
// schedule, settings and a crash of a node, the coordinator or the machine that the seed
// draws, and compares with a naive evaluation. MINK_ENGINE_SEEDS is how many seeds,
// 20,000 with MINK_ALL; MINK_SEED the first. One in ten runs twice and must be the same
// to the step.
func TestSimulatedQueries(t *testing.T) {
	n := count(t, "MINK_ENGINE_SEEDS", 20_000, 60)
	first, _ := firstSeed(t)
	var next, crashed, restored, twice atomic.Int64
	began := time.Now()
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for !t.Failed() {
				k := int(next.Add(1))
				if k > n {
					return
				}
				if k%2000 == 0 {
					t.Logf("%d seeds, %.0f s", k, time.Since(began).Seconds())
				}
				seed := first + uint64(k-1)
				problem, r := simulatedSeed(t, seed)
				if problem == "" && k%10 == 0 {
					twice.Add(1)
					if again, r2 := simulatedSeed(t, seed); again != "" || r2.steps != r.steps || r2.hash != r.hash {
						problem = fmt.Sprintf("two runs differ: %d steps and %d", r.steps, r2.steps)
					}
				}
				if r.crashed {
					crashed.Add(1)
				}
				if r.restored {
					restored.Add(1)
				}
				if problem != "" {
					t.Errorf("MINK_SEED=%d MINK_ENGINE_SEEDS=1 go test ./testkit/sqltest -run TestSimulatedQueries\n%s", seed, problem)
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d seeds, %d began anew, %d of them from a checkpoint, %d ran twice; %.0f s", n, crashed.Load(), restored.Load(), twice.Load(), time.Since(began).Seconds())
	if n >= 50 && crashed.Load()*2 < int64(n) {
		t.Errorf("the faults do not meet the jobs any more")
	}
}

var kindTypes = map[kind]types.Type{kInt: types.IntT, kStr: types.StringT, kBig: types.BigIntT}

// simulatedSeed runs a random query undisturbed, and again with a fault somewhere in it.
func simulatedSeed(t *testing.T, seed uint64) (string, *simulated) {
	g := &gen{r: rand.New(rand.NewPCG(seed, 22))}
	for i := range 3 {
		g.tables = append(g.tables, g.table(fmt.Sprintf("t%d", i), g.one(6)))
	}
	q := g.query(1 + g.n(4))
	s := &Section{Line: 1, SQL: q.sql, Form: Table}
	for _, x := range g.tables {
		s.Given = append(s.Given, x.given(false))
	}
	r := &simulated{section: s, seed: seed, open: simulatedLocal}
	for i, c := range q.cols {
		r.schema = append(r.schema, types.Field{Name: fmt.Sprint("c", i), Type: kindTypes[c.kind]})
	}
	r.config = map[string]string{
		"mink.exec.fold":                             pick(g, []string{"AUTO", "ROW", "BATCH"}),
		"table.optimizer.agg-phase-strategy":         pick(g, []string{"AUTO", "ONE_PHASE", "TWO_PHASE"}),
		"table.optimizer.reuse-sub-plan-enabled":     pick(g, []string{"true", "false"}),
		"table.optimizer.distinct-agg.split.enabled": pick(g, []string{"true", "false"}),
	}
	var want []string
	for _, x := range q.rows(false) {
		want = append(want, row{cells: texts(x)}.body())
	}
	slices.Sort(want)
	check := func(what string, got *outcome) string {
		have, problem := table(got)
		if problem == "" {
			problem = diff(have, want)
		}
		if problem != "" {
			return strings.Join([]string{g.show(), what, fmt.Sprint(r.config), q.sql, problem}, "\n")
		}
		return ""
	}
	if problem := check("undisturbed", r.once(t, 0)); problem != "" {
		return problem, r
	}
	fault := flow.SimFault{
		Step: 1 + g.n(r.steps), Node: g.n(3), Until: 20 * time.Millisecond,
		Kind: pick(g, []flow.SimFaultKind{flow.FaultNode, flow.FaultCoordinator, flow.FaultPower, flow.FaultCut, flow.FaultDisk}),
	}
	if len(r.marks) > 0 && r.marks[0] < r.steps && !g.one(4) {
		fault.Step = r.marks[0] + g.n(r.steps-r.marks[0])
	}
	r.faults = []flow.SimFault{fault}
	problem := check(fmt.Sprintf("%+v", fault), r.once(t, 0))
	r.crashed = r.attempts > 1
	return problem, r
}
