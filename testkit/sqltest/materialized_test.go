package sqltest

import (
	"testing"
	"time"
)

// until runs a query in batch until it gives what is wanted.
func (j *jobSession) until(sql string, want func(rows []row) bool) {
	j.t.Helper()
	var got []row
	for j.ctx.Err() == nil {
		got = j.rows("SET 'execution.runtime-mode' = 'batch'; " + sql)
		if want(got) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	j.t.Fatalf("%s still gives %v", sql, got)
}

// TestMaterializedContinuous: a streaming job fills the table at the freshness, stops
// with a savepoint, goes on from it without losing or repeating a row, and ends with
// the table (S39, S40, S41).
func TestMaterializedContinuous(t *testing.T) {
	j := newJobSession(t)
	j.rows(`CREATE MATERIALIZED TABLE m WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json')
		FRESHNESS = INTERVAL '1' SECOND AS SELECT n FROM numbers`)
	id := j.rows("SHOW JOBS")[0].cells[0]
	j.waitFor(id, "RUNNING")
	j.until("SELECT COUNT(*) FROM m", func(r []row) bool { return r[0].cells[0] != "0" })
	j.rows("SET 'execution.runtime-mode' = 'streaming'; ALTER MATERIALIZED TABLE m SUSPEND")
	j.waitFor(id, "FINISHED")
	before := j.rows("SET 'execution.runtime-mode' = 'batch'; SELECT COUNT(*), COUNT(DISTINCT n), MAX(n) FROM m")[0].cells
	j.rows("ALTER MATERIALIZED TABLE m RESUME")
	j.until("SELECT COUNT(*) FROM m", func(r []row) bool { return r[0].cells[0] != before[0] })
	j.rows("ALTER MATERIALIZED TABLE m SUSPEND")
	after := j.rows("SELECT COUNT(*), COUNT(DISTINCT n), MAX(n) FROM m")[0].cells
	if after[0] != after[1] || after[1] != after[2] || before[0] != before[2] {
		t.Errorf("rows, distinct and the greatest number: %v before, %v after", before, after)
	}
	j.rows("ALTER MATERIALIZED TABLE m RESUME")
	jobs := j.rows("SHOW JOBS")
	running := ""
	for _, r := range jobs {
		if r.cells[2] == "RUNNING" || r.cells[2] == "CREATED" || r.cells[2] == "INITIALIZING" {
			running = r.cells[0]
		}
	}
	j.rows("DROP MATERIALIZED TABLE m")
	if running == "" {
		t.Fatalf("no job runs: %v", jobs)
	}
	j.waitFor(running, "CANCELED")
}
