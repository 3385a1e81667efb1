package suite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/testkit/harness"
)

const minutes = `CREATE TABLE orders (t TIMESTAMP(3), sku STRING, amt DECIMAL(10, 2), WATERMARK FOR t AS t - INTERVAL '5' SECOND)
WITH ('connector' = 'kafka', 'topic' = 'o', 'properties.bootstrap.servers' = 'b:1', 'format' = 'json');
CREATE TABLE revenue (sku STRING, w TIMESTAMP(3), total DECIMAL(38, 2))
WITH ('connector' = 'kafka', 'topic' = 'r', 'properties.bootstrap.servers' = 'b:1', 'format' = 'json');
INSERT INTO revenue SELECT sku, window_start, SUM(amt)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(t), INTERVAL '1' MINUTE)) WHERE amt >= 0 GROUP BY sku, window_start, window_end;
`

// ran runs the tests of a text over a job, by name.
func ran(t *testing.T, job, tests string, o Options) map[string]*Result {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "job.sql", job)
	o.Paths = []string{write(t, dir, "x_test.sql", "@use job.sql\n"+tests)}
	out := map[string]*Result{}
	o.Each = func(r *Result) {
		if r.Test == nil {
			t.Fatal(Describe(r))
		}
		out[r.Test.Case.Name] = r
	}
	if _, err := Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	return out
}

// expectResults compares what came of each test: "" is a pass, else texts that its report
// has.
func expectResults(t *testing.T, have map[string]*Result, want map[string][]string) {
	t.Helper()
	for name, texts := range want {
		r := have[name]
		if r == nil {
			t.Errorf("%s did not run", name)
			continue
		}
		if r.Failed() != (len(texts) > 0) {
			t.Errorf("%s: failed is %v\n%s", name, r.Failed(), Describe(r))
		}
		for _, x := range texts {
			if !strings.Contains(Describe(r), x) {
				t.Errorf("%s: the report has no %q\n%s", name, x, Describe(r))
			}
		}
	}
}

// TestGenerated: properties hold over generated rows, or are refuted with the one row that
// does it; the batch answer is another where rows are late, or windows still open.
func TestGenerated(t *testing.T) {
	have := ran(t, minutes, `
@test holds
@gen orders rows=300 lateness=5s
@end
@expect no rows
  SELECT * FROM revenue WHERE total < 0 OR w IS NULL
@expect late orders 0
@oracle batch
@forall schedules 5 inputs 3
@test refuted
@gen orders rows=300 lateness=5s
  amt | 0.00 .. 99.99
@end
@expect no rows
  SELECT * FROM revenue WHERE total > 150
@test rare
@gen orders rows=10 lateness=5s nulls=0 edges=1%
@end
@expect no rows
  SELECT * FROM revenue WHERE total > 1000
@forall schedules 1 inputs 200
@test late
@gen orders rows=100 lateness=60s
@end
@oracle batch
@test open
@gen orders rows=100
@oracle batch
@test mistakes
@gen orders rows=10
  amount | 1 .. 2
`, Options{})
	expectResults(t, have, map[string][]string{
		"holds": nil, "refuted": {"smallest: 2 of 300 rows"}, "rare": {"smallest: 1 of 10 rows", "99999999.99"},
		"late": {"another answer than in batch mode", "rows were late"}, "open": {"put @end behind"},
		"mistakes": {`table orders has no column "amount"`},
	})
	if v := have["holds"].Verdict; v != nil && v.Runs != 3*(1+1+5) {
		t.Errorf("%d runs, should be 21: each of 3 inputs row by row, in batch mode and under 5 schedules", v.Runs)
	}
}

// TestOracle: the batch answer of a join and an aggregate with updates is that of the
// stream, under all schedules.
func TestOracle(t *testing.T) {
	have := ran(t, `CREATE TABLE u (k INT, x INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
CREATE TABLE a (k INT, y INT) WITH ('connector' = 'kafka', 'format' = 'json');
SELECT u.x, COUNT(*) AS n, SUM(y) AS s, MAX(y) AS m FROM a LEFT JOIN u ON a.k = u.k GROUP BY u.x;`, `
@test same
@gen u rows=80
@gen a rows=80
@oracle batch
`, Options{})
	expectResults(t, have, map[string][]string{"same": nil})
}

// TestPlanAndAdvice: what a plan has, in this order, and what a job is warned of.
func TestPlanAndAdvice(t *testing.T) {
	have := ran(t, minutes, `
@test plan
@set execution.checkpointing.interval = 1 min
@set table.exec.source.idle-timeout = 10 s
@expect plan
  Sink
  WindowAggregate
  TableSourceScan
@expect no advice
@test order
@expect plan
  Optimized Execution Plan
  LogicalSink
@test advice
SELECT o.sku FROM orders o CROSS JOIN orders p;
@expect no advice
`, Options{})
	expectResults(t, have, map[string][]string{"plan": nil, "order": {`the plan has no line with "LogicalSink" at this place`}, "advice": {"there is advice"}})
}

// TestFailFast: behind a failure no test begins.
func TestFailFast(t *testing.T) {
	tests := "@test a\n@expect no advice\n@test b\n@expect table\n  1 | 2\n@test c\n@expect no advice\n"
	job := "CREATE TABLE t (k INT, s STRING) WITH ('connector' = 'kafka', 'format' = 'json');\nSELECT k, s FROM t;\n"
	have := ran(t, job, tests, Options{FailFast: true, Jobs: 1, Plan: harness.Plan{Schedules: -1}})
	if len(have) != 2 || !have["b"].Failed() || have["c"] != nil {
		t.Errorf("%d tests ran", len(have))
	}
	if all := ran(t, job, tests, Options{Jobs: 1, Plan: harness.Plan{Schedules: -1}}); len(all) != 3 {
		t.Errorf("%d tests ran without it", len(all))
	}
}

// TestGenerateMistakes have their place and a way out.
func TestGenerateMistakes(t *testing.T) {
	dir := t.TempDir()
	for line, want := range map[string]string{
		"@gen": "it is written @gen TABLE", "@gen t rows=none": `"none" is nothing that rows can be`, "@gen t row=1": "did you mean rows",
		"@gen t lateness=-1s": "lateness", "@gen t skew=much": "skew", "@gen t nulls=101%": "nulls", "@gen t\n  k": "what the column is drawn from",
	} {
		name := write(t, dir, "m_test.sql", "@test a\n"+line+"\n")
		text, _ := os.ReadFile(name)
		_, errs := Read(env.OS(""), filepath.Join(dir, "m_test.sql"))
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%s gives %v", text, errs)
		}
	}
}
