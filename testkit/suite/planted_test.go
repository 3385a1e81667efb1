package suite

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/types"
	"github.com/minkstream/mink/testkit/harness"
)

// bug is one of those that streaming programs have, and a test that should find it.
type bug struct {
	name, job, test string
	run             harness.Options
	// mended is how the test runs without the bug.
	mended harness.Options
}

const (
	plantedTables = `CREATE TABLE a (k INT, x INT, t TIMESTAMP(3), WATERMARK FOR t AS t - INTERVAL '5' SECOND) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE b (k INT, x INT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE u (id INT, k INT, x INT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
CREATE TABLE p (k INT, pt AS PROCTIME()) WITH ('connector' = 'kafka', 'format' = 'json');
`
	joinedSums = plantedTables + "SELECT a.k, SUM(a.x) AS s, COUNT(b.x) AS n FROM a JOIN b ON a.k = b.k GROUP BY a.k;\n"
	byMinute   = plantedTables + "SELECT window_start, k, SUM(x) AS s FROM TABLE(TUMBLE(TABLE a, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k;\n"
	bySeconds  = plantedTables + "SELECT window_start, k, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE p, DESCRIPTOR(pt), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, k;\n"
	counted    = plantedTables + "SELECT k, COUNT(*) AS n, SUM(x) AS s FROM u GROUP BY k;\n"

	joinTest = "@test t\n@gen a rows=60 lateness=5s keys=20\n@gen b rows=60 keys=20\n@oracle batch\n@forall inputs 10\n"
)

// bugs are those of operators, which are injected, and of the runtime, which are planted.
func bugs() []bug {
	return []bug{
		{name: "an aggregate that hangs on the order of rows", job: plantedTables + "SELECT k, FOLD(CAST(x AS BIGINT)) AS f FROM (SELECT k, x FROM a UNION ALL SELECT k, x FROM b) GROUP BY k;\n",
			test: "@test t\n@gen a rows=60\n@gen b rows=60\n@forall inputs 10 parallelism 1,2,3 arrival any\n",
			run:  harness.Options{Register: fold(31)}, mended: harness.Options{Register: fold(1)}},
		{name: "a window that closes a millisecond early", job: byMinute, run: broken("WindowAggregate", func(o exec.Operator) exec.Operator { return &early{o} }),
			test: "@test t\n@given a\n  1 | 10 | 11:54:01\n@watermark a 11:54:59.998\n@given a\n  1 | 20 | 11:54:59.999\n@end\n@expect late a 0\n@expect table\n  11:54:00 | 1 | 30\n"},
		{name: "a retraction that is lost", job: counted, run: broken("GroupAggregate", func(o exec.Operator) exec.Operator { return &forgiving{o} }),
			test: "@test t\n@gen u rows=60\n@oracle batch\n@forall inputs 10\n"},
		{name: "state that is not restored", job: counted, run: broken("GroupAggregate", func(o exec.Operator) exec.Operator { return &forgetful{o} }),
			test: "@test t\n@gen u rows=60\n@oracle batch\n@forall inputs 10\n"},
		{name: "a timer that fires twice", job: bySeconds, run: broken("WindowAggregate", func(o exec.Operator) exec.Operator { return &doubled{o} }),
			test: "@test t\n@given p\n  1\n  2\n@clock +10s\n@expect table\n  00:00:00 | 1 | 1\n  00:00:00 | 2 | 1\n"},
		{name: "the order of a map that leaks", job: plantedTables + "SELECT k, LAST_VALUE(x) AS l FROM b GROUP BY k;\n", run: broken("GroupAggregate", func(o exec.Operator) exec.Operator { return &shuffled{o} }),
			test: "@test t\n@gen b rows=60\n@forall inputs 10\n"},
		{name: "a barrier that does not wait for all inputs", job: joinedSums, test: joinTest, run: harness.Options{Plant: flow.PlantNoAlign}},
		{name: "a barrier that overtakes rows", job: joinedSums, test: joinTest, run: harness.Options{Plant: flow.PlantBarrierOvertake}},
		{name: "rows that are read twice after a crash", job: joinedSums, test: joinTest, run: harness.Options{Plant: flow.PlantOffsetLate}},
		{name: "rows that are lost in a crash", job: joinedSums, test: joinTest, run: harness.Options{Plant: flow.PlantOffsetEarly}},
		{name: "timers that are not in a checkpoint", job: bySeconds, run: harness.Options{Plant: flow.PlantTimerNotInState},
			test: "@test t\n@given p\n  1\n@checkpoint\n@kill\n@clock +10s\n@expect table\n  00:00:00 | 1 | 1\n"},
		// The second split is two minutes ahead of the first, whose row comes behind the crash.
		{name: "a watermark that is ahead of the slowest split after a restore", job: byMinute, run: harness.Options{Plant: flow.PlantWatermarkAhead},
			test: "@test t\n@given a split 0\n  1 | 10 | 11:54:01\n@given a split 1\n  1 | 5 | 11:56:30\n@checkpoint\n@kill\n@given a split 0\n  1 | 20 | 11:54:59\n@end\n@expect late a 0\n@expect table\n  11:54:00 | 1 | 30\n  11:56:00 | 1 | 5\n"},
	}
}

// TestPlantedBugs: mink test finds each bug, and nothing where there is none. How many runs
// it took is logged.
func TestPlantedBugs(t *testing.T) {
	for _, b := range bugs() {
		t.Run(b.name, func(t *testing.T) {
			if r := ran(t, b.job, b.test, Options{Run: b.mended, Plan: harness.Plan{Schedules: 2, NoShrink: true}})["t"]; r.Failed() {
				t.Fatalf("without the bug it fails, too: %s", Describe(r))
			}
			r := ran(t, b.job, b.test, Options{Run: b.run, Plan: harness.Plan{NoShrink: true}})["t"]
			if r.Internal != nil || !r.Failed() {
				t.Fatalf("not found in %d runs: %v", r.Verdict.Runs, r.Internal)
			}
			what, _, _ := strings.Cut(Describe(r), "\n")
			t.Logf("%d runs: %s", r.Verdict.Runs, what)
			if r.Verdict.Runs > 20 {
				t.Errorf("%d runs are too many", r.Verdict.Runs)
			}
		})
	}
}

// broken puts other operators in the place of those of a kind.
func broken(kind string, with func(exec.Operator) exec.Operator) harness.Options {
	return harness.Options{Rewire: func(g *flow.Graph) {
		for _, v := range g.Vertices {
			for i := range v.Nodes {
				if n := &v.Nodes[i]; n.Op != nil && strings.Contains(n.Name, kind) {
					make := n.Op
					n.Op = func() exec.Operator { return with(make()) }
				}
			}
		}
	}}
}

// early believes that time is a millisecond further than it is.
type early struct{ exec.Operator }

func (o *early) Watermark(c *exec.Ctx, ts int64) error {
	if ts == batch.MaxWatermark {
		return o.Operator.Watermark(c, ts)
	}
	c.SetWatermark(ts + 1)
	return o.Operator.Watermark(c, ts+1)
}

func (o *early) Process(c *exec.Ctx, in int, b *batch.Batch) error {
	own := *b
	own.Marks = slices.Clone(b.Marks)
	for i := range own.Marks {
		if own.Marks[i].WM < batch.MaxWatermark {
			own.Marks[i].WM++
		}
	}
	return o.Operator.Process(c, in, &own)
}

// forgiving does not see that rows are taken back.
type forgiving struct{ exec.Operator }

func (o *forgiving) Process(c *exec.Ctx, in int, b *batch.Batch) error {
	own := *b
	own.Sel = []uint16{}
	for i := range b.Rows() {
		if lane := b.Lane(i); b.Kind(lane) != batch.UpdateBefore {
			own.Sel = append(own.Sel, uint16(lane))
		}
	}
	return o.Operator.Process(c, in, &own)
}

// forgetful calls its state by another name each time it is opened, so that what was kept
// is never found again.
type forgetful struct{ exec.Operator }

var opened atomic.Int64

func (o *forgetful) Open(c *exec.Ctx) error {
	c.Name += fmt.Sprint(".", opened.Add(1))
	return o.Operator.Open(c)
}

// doubled gives out twice what a timer makes.
type doubled struct{ exec.Operator }

type twice struct{ exec.Host }

func (h twice) Emit(b *batch.Batch) error {
	if err := h.Host.Emit(b); err != nil {
		return err
	}
	return h.Host.Emit(b)
}

func (o *doubled) Timer(c *exec.Ctx, at int64) error {
	own := *c
	own.Host = twice{c.Host}
	return o.Operator.Timer(&own, at)
}

// shuffled takes the rows of a batch in the order of a map.
type shuffled struct{ exec.Operator }

func (o *shuffled) Process(c *exec.Ctx, in int, b *batch.Batch) error {
	lanes := map[uint16]bool{}
	for i := range b.Rows() {
		lanes[uint16(b.Lane(i))] = true
	}
	for lane := range lanes {
		own := *b
		own.Sel, own.Marks = []uint16{lane}, nil
		if err := o.Operator.Process(c, in, &own); err != nil {
			return err
		}
	}
	return nil
}

// fold registers an aggregate that multiplies what it has by a factor and adds; it claims
// that the order of rows is all the same, which holds for 1.
func fold(factor uint64) func(*engine.Engine) error {
	add := func(_ *function.Frame, a *function.Accumulators, r *function.AggregateRows) error {
		for i, l := range r.Lanes {
			if !r.Args[0].IsNull(int(l)) {
				w := a.Row(int(r.To[i]))
				w[0] = w[0]*factor + uint64(r.Args[0].I64[l])
			}
		}
		return nil
	}
	value := func(_ *function.Frame, dst *batch.Col, a *function.Accumulators, n int) error {
		for i := range n {
			dst.I64[i] = int64(a.Row(i)[0])
		}
		return nil
	}
	return func(e *engine.Engine) error {
		return e.RegisterAggregate(&function.AggregateFunc{
			Name: "FOLD", Summary: "A sum by a factor.", Signatures: []string{"FOLD(value)"},
			Infer: func(c *function.Call) (function.AggregateResolved, error) {
				if len(c.Args) != 1 {
					return function.AggregateResolved{}, diag.New(diag.InvalidArgument, "FOLD takes one value")
				}
				return function.AggregateResolved{
					Params: []types.Type{types.BigIntT}, Result: types.BigIntT, Words: 1,
					Make: func() function.AggregateKernel {
						return &function.AggregateLoops{Accumulate: add, Value: value}
					},
				}, nil
			},
		})
	}
}

// TestPlantedBugsShrink: of each bug that drawn rows or a schedule show, the failing case is
// made small: in the median it has a tenth of its rows at most, and a third of the steps of the
// run that failed, of which the job itself takes some; and none takes a minute. Every bug with
// MINK_ALL, else two.
func TestPlantedBugsShrink(t *testing.T) {
	var rows, steps []float64
	for i, b := range bugs() {
		if all := os.Getenv("MINK_ALL") != ""; !all && i != 0 && i != 2 {
			continue
		}
		began := time.Now()
		r := ran(t, b.job, b.test, Options{Run: b.run})["t"]
		if !r.Failed() || r.Verdict == nil || len(r.Verdict.Failures) == 0 {
			t.Errorf("%s: %s", b.name, Describe(r))
			continue
		}
		small := r.Verdict.Failures[0].Small
		if small == nil {
			continue // an expectation that somebody wrote for these very rows
		}
		took := time.Since(began)
		t.Logf("%s: %d rows to %d, %d steps to %d, %d faults, %d runs, %v", b.name, small.RowsBefore, small.Rows, small.StepsBefore, small.Steps, len(small.Schedule.Faults), small.Runs, took.Round(time.Millisecond))
		if took > time.Minute {
			t.Errorf("%s: %v is too long", b.name, took)
		}
		rows = append(rows, float64(small.Rows)/float64(small.RowsBefore))
		steps = append(steps, float64(small.Steps)/float64(small.StepsBefore))
	}
	slices.Sort(rows)
	slices.Sort(steps)
	r, s := rows[len(rows)/2], steps[len(steps)/2]
	t.Logf("median of %d: %.1f %% of the rows, %.1f %% of the steps", len(rows), 100*r, 100*s)
	if r > 0.1 || s > 0.33 {
		t.Error("that is too much")
	}
}
