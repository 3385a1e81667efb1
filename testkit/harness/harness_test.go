package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/flow"
)

const revenue = `
CREATE TABLE orders (
  event_time TIMESTAMP(3), id INT, sku STRING, amt DECIMAL(10, 2),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH ('connector' = 'kafka', 'topic' = 'orders', 'properties.bootstrap.servers' = 'b:1', 'format' = 'json');
CREATE TABLE revenue (sku STRING, window_start TIMESTAMP(3), total DECIMAL(38, 2))
WITH ('connector' = 'kafka', 'topic' = 'revenue', 'properties.bootstrap.servers' = 'b:1', 'format' = 'json');
INSERT INTO revenue
SELECT sku, window_start, SUM(amt) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
GROUP BY sku, window_start, window_end;
`

func cells(texts ...string) []Cell {
	out := make([]Cell, len(texts))
	for i, t := range texts {
		out[i] = Cell{Text: t, Null: t == "NULL"}
	}
	return out
}

func row(texts ...string) Row { return Row{Kind: batch.Insert, Cells: cells(texts...)} }

func lateCase() *Case {
	return &Case{
		Name:    "late_payment_is_dropped",
		Scripts: []Source{{Name: "revenue.sql", Text: revenue}},
		Steps: []Step{
			&Give{Table: "orders", Rows: []Row{row("11:54:01", "1", "A-17", "10.00")}},
			&Watermark{Table: "orders", Split: AllSplits, Time: Cell{Text: "11:55:00"}},
			&Give{Table: "orders", Rows: []Row{row("11:54:59", "2", "A-17", "99.00")}},
			&ExpectChanges{Sink: "revenue", Rows: []Row{row("A-17", "11:54:00", "10")}},
			&ExpectLate{Table: "orders", Count: 1},
		},
	}
}

// pass checks a case that must hold.
func pass(t *testing.T, c *Case, p Plan) *Verdict {
	t.Helper()
	v, err := Check(c, nil, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Failures {
		t.Errorf("%s: %s", f.Schedule.String(), say(f))
	}
	return v
}

func say(f *Failure) string {
	if f.Err != nil {
		return f.Err.Error()
	}
	return f.Mismatch.Message + "\n" + f.Mismatch.Diff()
}

// TestLate: the case of the specification. 11:54:59 is late against 11:55:00, and the
// window holds the one payment that was in time.
func TestLate(t *testing.T) {
	if v := pass(t, lateCase(), Plan{Schedules: 30}); v.Runs != 31 {
		t.Errorf("%d runs, should be 31", v.Runs)
	}
}

// TestWrong: each expectation fails when it says something else.
func TestWrong(t *testing.T) {
	for name, step := range map[string]Step{
		"a value":      &ExpectChanges{Sink: "revenue", Rows: []Row{row("A-17", "11:54:00", "10.01")}},
		"a kind":       &ExpectChanges{Sink: "revenue", Rows: []Row{{Kind: batch.Delete, Cells: cells("A-17", "11:54:00", "10")}}},
		"no row":       &ExpectChanges{Sink: "revenue"},
		"a row more":   &ExpectTable{Sink: "revenue", Rows: []Row{row("A-17", "11:54:00", "10"), row("A-17", "11:54:00", "10")}},
		"none late":    &ExpectLate{Table: "orders", Count: 0},
		"another late": &ExpectLate{Table: "orders", Count: -1, Header: cells("sku"), Rows: []Row{row("B-17")}},
		"state":        &ExpectState{Operator: "window_agg", Measure: "keys", Op: ">=", Value: 1},
		"plan":         &ExpectPlan{Lines: cells("HashJoin")},
		"advice":       &ExpectAdvice{Code: "cross-join"},
		"a property":   &ExpectNoRows{Query: Source{Text: "SELECT * FROM revenue WHERE total > 9"}},
		"an error":     &ExpectError{Code: "division-by-zero"},
	} {
		c := lateCase()
		c.Steps = append(c.Steps[:3:3], step)
		v, err := Check(c, nil, Plan{Schedules: -1})
		if err != nil {
			t.Fatal(name, err)
		}
		if len(v.Failures) != 1 || v.Failures[0].Mismatch == nil {
			t.Errorf("%s: %v", name, v.Failures)
		}
	}
}

// TestRight: what is true of the same case, in other words.
func TestRight(t *testing.T) {
	c := lateCase()
	c.Steps = append(c.Steps,
		&ExpectLate{Table: "orders", Count: -1, Header: cells("event_time", "sku"), Rows: []Row{row("11:54:59", "A-17")}},
		&ExpectTable{Sink: "revenue", Header: cells("total"), Rows: []Row{row("10")}},
		&ExpectState{Operator: "window_agg", Measure: "keys", Op: "=", Value: 0},
		&ExpectPlan{Lines: cells("Sink", "WindowAggregate", "Scan")},
		&ExpectNoRows{Query: Source{Text: "SELECT sku FROM revenue EXCEPT SELECT sku FROM orders"}},
	)
	pass(t, c, Plan{})
}

const joined = `
CREATE TABLE a (k INT, x INT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE b (k INT, y INT) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE s (k INT, x INT, y INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'upsert-kafka');
INSERT INTO s SELECT a.k, MAX(x), SUM(y) FROM a JOIN b ON a.k = b.k GROUP BY a.k;
`

// TestCrashes: kills, rescales and clocks between the rows leave the answer alone.
func TestCrashes(t *testing.T) {
	pass(t, &Case{
		Scripts: []Source{{Text: joined}},
		Steps: []Step{
			&Give{Table: "a", Rows: []Row{row("1", "10"), row("2", "20")}},
			&TakeCheckpoint{},
			&Give{Table: "b", Rows: []Row{row("1", "1"), row("3", "3")}},
			&Kill{},
			&ExpectTable{Sink: "s", Rows: []Row{row("1", "10", "1")}},
			&Restore{Parallelism: 3},
			&Give{Table: "b", Rows: []Row{row("1", "4"), row("2", "5")}},
			&Kill{},
			&Clock{By: 1e9},
			&Give{Table: "a", Rows: []Row{row("3", "30")}},
			&Restore{Parallelism: 2},
			&ExpectTable{Sink: "s", Rows: []Row{row("1", "10", "5"), row("2", "20", "5"), row("3", "30", "3")}},
		},
	}, Plan{Schedules: 40, Faults: FaultNames})
}

// TestClock: processing time stands still until a step moves it.
func TestClock(t *testing.T) {
	pass(t, &Case{
		Scripts: []Source{{Text: `
CREATE TABLE t (x INT, p AS PROCTIME()) WITH ('connector' = 'kafka', 'format' = 'json');
SELECT window_start, window_end, SUM(x) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(p), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;`}},
		Steps: []Step{
			&Give{Table: "t", Rows: []Row{row("1"), row("2")}},
			&Clock{By: 9e9},
			&Give{Table: "t", Rows: []Row{row("3")}},
			&ExpectTable{},
			&Clock{By: 1e9},
			&ExpectTable{Rows: []Row{row("00:00:00", "00:00:10", "6")}},
			&Give{Table: "t", Rows: []Row{row("4")}},
			&Clock{To: Cell{Text: "00:01:00"}},
			&ExpectTable{Rows: []Row{row("00:00:00", "00:00:10", "6"), row("00:00:10", "00:00:20", "4")}},
		},
	}, Plan{})
}

// TestIdle: a table that gives nothing holds the watermark of a join back until it is idle.
func TestIdle(t *testing.T) {
	pass(t, &Case{
		Scripts: []Source{{Text: `
CREATE TABLE l (t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE TABLE r (t TIMESTAMP(3), WATERMARK FOR t AS t) WITH ('connector' = 'kafka', 'format' = 'json');
CREATE VIEW u AS SELECT * FROM l UNION ALL SELECT * FROM r;
SELECT window_start, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE u, DESCRIPTOR(t), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;`}},
		Steps: []Step{
			&Give{Table: "l", Rows: []Row{row("10:00:30"), row("10:01:00")}},
			&ExpectTable{},
			&Idle{Table: "r", Split: AllSplits},
			&ExpectTable{Rows: []Row{row("10:00:00", "1")}},
		},
	}, Plan{Schedules: 5})
}

// TestFinds: bugs of the runtime, planted, show in the answers, and what is found is made
// small.
func TestFinds(t *testing.T) {
	for _, p := range []flow.Plant{flow.PlantBarrierOvertake} {
		c := &Case{Scripts: []Source{{Text: joined}}}
		for i := range 20 {
			c.Steps = append(c.Steps, &Give{Table: []string{"a", "b"}[i%2], Rows: []Row{row(fmt.Sprint(i%7), fmt.Sprint(i)), row(fmt.Sprint(i%5), fmt.Sprint(i))}})
		}
		v, err := Check(c, &Options{Plant: p}, Plan{Schedules: 200, Budget: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Failures) == 0 {
			t.Errorf("%s: not found in %d runs", p, v.Runs)
			continue
		}
		f := v.Failures[0]
		if f.Small == nil || f.Small.Rows > f.Small.RowsBefore/2 {
			t.Errorf("%s: not made small: %+v", p, f.Small)
			continue
		}
		t.Logf("%s: found after %d runs; %d of %d rows, %s", p, v.Runs, f.Small.Rows, f.Small.RowsBefore, f.Small.Schedule.String())
	}
}

func BenchmarkCase(b *testing.B) {
	c := lateCase()
	g := c.Steps[0].(*Give)
	for i := range 18 {
		g.Rows = append(g.Rows, row("11:54:10", "3", "B-"+string(rune('a'+i%5)), "1.00"))
	}
	c.Steps = c.Steps[:3]
	runs := 0
	for b.Loop() {
		v, err := Check(c, nil, Plan{})
		if err != nil || len(v.Failures) > 0 {
			b.Fatal(err, v.Failures)
		}
		runs += v.Runs
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(runs), "us/run")
}
