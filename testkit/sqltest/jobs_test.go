package sqltest

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
)

const jobsSetup = `
SET 'execution.checkpointing.savepoint-dir' = '${dir}/savepoints';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000');
CREATE TABLE ending (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '10');
CREATE TABLE written (n BIGINT) WITH ('connector' = 'filesystem', 'path' = '${dir}/written', 'format' = 'csv');
CREATE TABLE timed (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000');
`

// jobSession is a session whose statements a test runs one by one.
type jobSession struct {
	t       *testing.T
	ctx     context.Context
	client  gateway.Client
	session gateway.Session
	dir     string
}

func newJobSession(t *testing.T) *jobSession {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	client := local(t, false)
	t.Cleanup(func() { client.Close(); cancel() })
	session, err := client.OpenSession(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	j := &jobSession{t, ctx, client, session, t.TempDir()}
	j.rows(jobsSetup)
	return j
}

// rows runs statements and returns the rows of the last one.
func (j *jobSession) rows(sql string) []row {
	j.t.Helper()
	got := (&runner{ctx: j.ctx, session: j.session, dir: j.dir}).script(sql)
	if got.err != nil {
		j.t.Fatalf("%s: %v", sql, got.err)
	}
	return got.rows
}

// start submits a statement and returns its job's id once it is running.
func (j *jobSession) start(sql string) string {
	j.t.Helper()
	op, err := j.session.Execute(j.ctx, sql)
	if err != nil {
		j.t.Fatal(err)
	}
	j.waitFor(op.Job(), "RUNNING")
	return op.Job()
}

func (j *jobSession) waitFor(id, state string) {
	j.t.Helper()
	for j.ctx.Err() == nil {
		got := j.rows("DESCRIBE JOB '" + id + "'")[0].cells[2]
		if got == state {
			return
		}
		if got == "FAILED" {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	j.t.Fatalf("job %s is never %s", id, state)
}

func (j *jobSession) fails(sql string, code diag.Code) {
	j.t.Helper()
	_, err := j.session.Execute(j.ctx, sql)
	if d := diag.As(err); d == nil || d.Code != code || d.Span.IsZero() {
		j.t.Errorf("%s fails with %v, not with %s at a place", sql, err, code)
	}
}

// startReading is start, and waits until the job has read a row: a savepoint of it has one.
func (j *jobSession) startReading(sql string) string {
	j.t.Helper()
	id := j.start(sql)
	for {
		st, err := j.client.Job(j.ctx, id)
		if err != nil {
			j.t.Fatal(err)
		}
		for _, v := range st.Vertices {
			if v.SourceRows > 0 {
				return id
			}
		}
		if slices.Contains([]string{"FAILED", "FINISHED", "CANCELED"}, st.State) || j.ctx.Err() != nil {
			j.t.Fatalf("job %s reads nothing and is %s", id, st.State)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// numbers are the numbers that committed files hold, in order of the files.
func (j *jobSession) numbers() []string {
	j.t.Helper()
	var out []string
	for _, r := range j.rows("SET 'execution.runtime-mode' = 'batch'; SELECT n FROM written ORDER BY n; SET 'execution.runtime-mode' = 'streaming'") {
		out = append(out, r.cells[0])
	}
	return out
}

// TestJobStatements shows, describes and cancels jobs (S74, S60, S85).
func TestJobStatements(t *testing.T) {
	j := newJobSession(t)
	if got := j.rows("SHOW JOBS"); len(got) != 0 {
		t.Fatalf("jobs before the first one: %v", got)
	}
	id := j.start("INSERT INTO written SELECT n FROM numbers")
	got := j.rows("SHOW JOBS")
	if len(got) != 1 || got[0].cells[0] != id || got[0].cells[2] != "RUNNING" ||
		got[0].cells[1] != "insert-into_default_catalog.default_database.written" {
		t.Errorf("SHOW JOBS gives %v", got)
	}
	if at, err := time.Parse("2006-01-02 15:04:05.000", got[0].cells[3]); err != nil || at.IsZero() {
		t.Errorf("start time %s: %v", got[0].cells[3], err)
	}
	j.rows("STOP JOB '" + id + "'")
	if got := j.rows("DESC JOB '" + id + "'"); got[0].cells[2] != "CANCELED" {
		t.Errorf("after STOP JOB: %v", got)
	}
	j.fails("STOP JOB '"+id+"'", diag.InvalidQuery)
	j.fails("STOP JOB '"+id+"' WITH SAVEPOINT", diag.InvalidQuery)
	j.fails("DESCRIBE JOB 'nope'", diag.NotFound)
	j.fails("STOP JOB 'nope'", diag.NotFound)
	j.fails("STOP JOB '"+id+"' WITH DRAIN", diag.Syntax)
}

// TestStopWithSavepoint stops a job and goes on from its savepoint: no number is lost
// and none comes twice.
// shows execution.state-recovery.path
func TestStopWithSavepoint(t *testing.T) {
	j := newJobSession(t)
	id := j.startReading("INSERT INTO written SELECT n FROM numbers")
	path := j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
	if _, err := os.Stat(filepath.Join(path, "_metadata")); err != nil || !strings.HasPrefix(path, filepath.Join(j.dir, "savepoints")) {
		t.Fatalf("savepoint path %s: %v", path, err)
	}
	if got := j.rows("DESCRIBE JOB '" + id + "'"); got[0].cells[2] != "FINISHED" {
		t.Errorf("after STOP JOB WITH SAVEPOINT: %v", got)
	}
	first := len(j.numbers())
	j.rows("SET 'execution.state-recovery.path' = '" + path + "'")
	id = j.startReading("INSERT INTO written SELECT n FROM numbers")
	j.rows("RESET 'execution.state-recovery.path'")
	j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")
	all := j.numbers()
	if first == 0 || len(all) <= first {
		t.Fatalf("%d numbers before the savepoint, %d after going on", first, len(all))
	}
	for i, n := range all {
		if n != strconv.Itoa(i+1) {
			t.Fatalf("number %d is %s", i+1, n)
		}
	}
}

// TestMarksOfStoppedJob stops a job whose two subtasks commit partitions together, and goes on with
// three: each job leaves the folder without its marks, and all partitions are committed in the end.
func TestMarksOfStoppedJob(t *testing.T) {
	j := newJobSession(t)
	j.rows(`SET 'execution.checkpointing.interval' = '20 ms';
CREATE TABLE ticks (n BIGINT, ts AS TO_TIMESTAMP_LTZ(n * 20, 3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000');
CREATE TABLE seconds (n BIGINT, s STRING) PARTITIONED BY (s) WITH ('connector' = 'filesystem', 'path' = '${dir}/seconds', 'format' = 'csv',
  'sink.partition-commit.policy.kind' = 'success-file', 'sink.partition-commit.trigger' = 'partition-time', 'sink.partition-commit.delay' = '1 s')`)
	const insert = "INSERT INTO seconds SELECT n, DATE_FORMAT(ts, 'yyyy-MM-dd HH:mm:ss') FROM ticks"
	glob := func(pattern string) []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(j.dir, "seconds", pattern))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	await := func(what, pattern string, more int) {
		t.Helper()
		for len(glob(pattern)) <= more {
			if time.Sleep(5 * time.Millisecond); j.ctx.Err() != nil {
				t.Fatal("there are never " + what)
			}
		}
	}
	j.rows("SET 'parallelism.default' = '2'")
	id := j.start(insert)
	await("marks", ".marks-*/*-*", 1)
	await("partitions that are committed", "s=*/_SUCCESS", 1)
	path := j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
	if left := glob(".marks-*"); len(left) > 0 {
		t.Errorf("the job that was stopped leaves %v", left)
	}
	before := len(glob("s=*/_SUCCESS"))
	j.rows("SET 'execution.state-recovery.path' = '" + path + "'; SET 'parallelism.default' = '3'")
	id = j.start(insert)
	await("more partitions that are committed", "s=*/_SUCCESS", before+2)
	j.rows("STOP JOB '" + id + "' WITH SAVEPOINT WITH DRAIN")
	if left := glob(".marks-*"); len(left) > 0 {
		t.Errorf("the job that was drained leaves %v", left)
	}
	if all, done := glob("s=*"), glob("s=*/_SUCCESS"); len(all) != len(done) {
		t.Errorf("%d of %d partitions are committed", len(done), len(all))
	}
}

// TestUnclaimedState starts a query from a savepoint of another one, whose count it has
// no place for: that is refused, unless the session says that it may be left out.
// shows execution.state-recovery.ignore-unclaimed-state
func TestUnclaimedState(t *testing.T) {
	j := newJobSession(t)
	j.rows("CREATE TABLE counts (n BIGINT, c BIGINT) WITH ('connector' = 'blackhole')")
	id := j.startReading("INSERT INTO counts SELECT MOD(n, 3), COUNT(*) FROM numbers GROUP BY MOD(n, 3)")
	path := j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
	j.rows("SET 'execution.state-recovery.path' = '" + path + "'; SET 'table.dml-sync' = 'true'")
	_, err := j.session.Execute(j.ctx, "INSERT INTO written SELECT n FROM numbers")
	if d := diag.As(err); d == nil || d.Code != diag.Checkpoint || !strings.Contains(d.Hint, "'execution.state-recovery.ignore-unclaimed-state' = 'true'") {
		t.Errorf("with state that nobody claims: %v", err)
	}
	j.rows("SET 'execution.state-recovery.ignore-unclaimed-state' = 'true'; SET 'table.dml-sync' = 'false'")
	id = j.start("INSERT INTO written SELECT n FROM numbers")
	j.rows("RESET 'execution.state-recovery.path'; STOP JOB '" + id + "' WITH SAVEPOINT")
}

// TestPositionsOfAnotherTable starts a query from a savepoint of one that read another
// table with the same connector. Its positions say nothing about this one: that is
// refused, and where the session leaves them out the table is read from its beginning.
func TestPositionsOfAnotherTable(t *testing.T) {
	j := newJobSession(t)
	id := j.startReading("INSERT INTO written SELECT n FROM numbers")
	path := j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
	before := len(j.numbers())
	j.rows("SET 'execution.state-recovery.path' = '" + path + "'; SET 'table.dml-sync' = 'true'")
	_, err := j.session.Execute(j.ctx, "INSERT INTO written SELECT n FROM ending")
	want := "positions in table `default_catalog`.`default_database`.`numbers` where the job reads table `default_catalog`.`default_database`.`ending`"
	if d := diag.As(err); d == nil || d.Code != diag.Checkpoint || !strings.Contains(d.Error(), want) || !strings.Contains(d.Hint, "ignore-unclaimed-state") {
		t.Errorf("over another table: %v", err)
	}
	j.rows("SET 'execution.state-recovery.ignore-unclaimed-state' = 'true'; INSERT INTO written SELECT n FROM ending; RESET 'execution.state-recovery.path'")
	if got := len(j.numbers()); before == 0 || got != before+10 {
		t.Errorf("%d numbers before the savepoint, and %d after all 10 of another table", before, got)
	}
}

// TestStopWithDrain sends the last watermark, so that a window fires that the stream
// had not reached the end of.
func TestStopWithDrain(t *testing.T) {
	const day = "INSERT INTO written SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE timed, DESCRIPTOR(ts), INTERVAL '1' DAY)) GROUP BY window_start, window_end"
	for _, drain := range []bool{false, true} {
		j := newJobSession(t)
		id := j.startReading(day)
		stop := "STOP JOB '" + id + "' WITH SAVEPOINT"
		if drain {
			stop += " WITH DRAIN"
		}
		j.rows(stop)
		files, err := filepath.Glob(filepath.Join(j.dir, "written", "part-*"))
		if err != nil || (len(files) > 0) != drain {
			t.Errorf("drain %v: window fired: %v, %v", drain, files, err)
		}
	}
}

// shows execution.checkpointing.savepoint-dir
func TestSavepointNeedsADirectory(t *testing.T) {
	j := newJobSession(t)
	id := j.start("INSERT INTO written SELECT n FROM numbers")
	j.rows("RESET 'execution.checkpointing.savepoint-dir'")
	j.fails("STOP JOB '"+id+"' WITH SAVEPOINT", diag.Config)
	j.rows("STOP JOB '" + id + "'")
}
