package sqltest

import (
	"os"
	"path/filepath"
	"strconv"
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

func count(n int) func([]row) bool {
	return func(rows []row) bool { return len(rows) == 1 && rows[0].cells[0] == strconv.Itoa(n) }
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

// TestMaterializedFull: the schedule replaces the rows every second, not while it is
// suspended, and no more after DROP.
func TestMaterializedFull(t *testing.T) {
	j := newJobSession(t)
	j.rows(`SET 'execution.runtime-mode' = 'batch';
		CREATE TABLE src (n INT) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json');
		INSERT INTO src VALUES (1), (2);
		CREATE MATERIALIZED TABLE m WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json')
		FRESHNESS = INTERVAL '1' SECOND REFRESH_MODE = FULL AS SELECT COUNT(*) AS c FROM src;
		ALTER MATERIALIZED TABLE m REFRESH`)
	j.until("SELECT c FROM m", count(2))
	j.rows("INSERT INTO src VALUES (3)")
	j.until("SELECT c FROM m", count(3))
	j.rows("ALTER MATERIALIZED TABLE m SUSPEND; INSERT INTO src VALUES (4)")
	jobs := len(j.rows("SHOW JOBS"))
	time.Sleep(1200 * time.Millisecond)
	if n := len(j.rows("SHOW JOBS")); n != jobs {
		t.Errorf("%d jobs ran while the table was suspended", n-jobs)
	}
	j.rows("ALTER MATERIALIZED TABLE m RESUME")
	j.until("SELECT c FROM m", count(4))
	j.rows("DROP MATERIALIZED TABLE m")
	if _, err := os.Stat(filepath.Join(j.dir, "m")); err != nil {
		t.Errorf("the files of the table are gone: %v", err)
	}
	jobs = len(j.rows("SHOW JOBS"))
	time.Sleep(1200 * time.Millisecond)
	if n := len(j.rows("SHOW JOBS")); n != jobs {
		t.Errorf("%d jobs ran after DROP", n-jobs)
	}
}

// TestMaterializedPartition: with a date-formatter the schedule refreshes the partition
// of its time alone.
func TestMaterializedPartition(t *testing.T) {
	j := newJobSession(t)
	j.rows(`SET 'execution.runtime-mode' = 'batch';
		CREATE TABLE src (n INT, y STRING) WITH ('connector' = 'filesystem', 'path' = '${dir}/src', 'format' = 'json');
		INSERT INTO src SELECT 1, DATE_FORMAT(CURRENT_TIMESTAMP, 'yyyy');
		INSERT INTO src VALUES (2, '1999');
		CREATE MATERIALIZED TABLE m PARTITIONED BY (y) WITH ('connector' = 'filesystem', 'path' = '${dir}/m', 'format' = 'json', 'partition.fields.y.date-formatter' = 'yyyy')
		FRESHNESS = INTERVAL '1' SECOND REFRESH_MODE = FULL AS SELECT n, y FROM src`)
	for j.ctx.Err() == nil {
		if files, _ := filepath.Glob(filepath.Join(j.dir, "m", "y=*", "part-*")); len(files) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got := j.rows("SELECT n FROM m"); len(got) != 1 || got[0].cells[0] != "1" {
		t.Errorf("the schedule wrote %v, want the row of this year", got)
	}
}
