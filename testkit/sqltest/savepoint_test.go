package sqltest

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/objects"
)

const savedOrders = "o1,apple,3,2025-01-01 00:00:01\no2,pear,5,2025-01-01 00:00:02\no3,apple,4,2025-01-01 00:00:03\no4,fig,1,2025-01-01 00:00:12\no5,apple,2,2025-01-01 00:00:13\n"

const savedSetup = `
CREATE TABLE orders (id STRING, fruit STRING, n INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '${dir}/orders', 'format' = 'csv', 'source.monitor-interval' = '10 ms');
CREATE TABLE prices (fruit STRING, price INT) WITH ('connector' = 'filesystem', 'path' = '${dir}/prices', 'format' = 'csv', 'source.monitor-interval' = '10 ms');
CREATE TABLE ticks (n BIGINT, ts AS CAST('2025-01-01 00:00:12' AS TIMESTAMP(3)), WATERMARK FOR ts AS ts)
  WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000');
CREATE VIEW timed_orders AS SELECT fruit, n, ts FROM orders UNION ALL SELECT 'tick', 0, ts FROM ticks;
CREATE TABLE counts (fruit STRING, orders BIGINT, total BIGINT) WITH ('connector' = 'blackhole');
CREATE TABLE priced (id STRING, fruit STRING, price INT) WITH ('connector' = 'blackhole');
CREATE TABLE windowed (s TIMESTAMP(3), fruit STRING, total BIGINT) WITH ('connector' = 'blackhole');
`

// savedSession has the tables of orders and prices.
func savedSession(t *testing.T) *jobSession {
	j := newJobSession(t)
	for name, text := range map[string]string{"orders": savedOrders, "prices": "apple,10\nfig,20\n"} {
		if err := os.MkdirAll(filepath.Join(j.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(j.dir, name, "a.csv"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	j.rows(savedSetup)
	return j
}

// savedRows are rows as lines, sorted.
func savedRows(rows []row) []string {
	var out []string
	for _, r := range rows {
		out = append(out, strings.Join(r.cells, "|"))
	}
	slices.Sort(out)
	return out
}

// state makes the tables that a savepoint says it has, under the name of their operator
// without its number and of the state, whatever its phases: groupaggregate_groups.
func (j *jobSession) state(path string) {
	j.t.Helper()
	for _, r := range j.rows("SELECT `operator-name`, `state-name`, `create-table` FROM savepoint_tables('" + path + "')") {
		op, _, _ := strings.Cut(r.cells[0], "[")
		_, columns, _ := strings.Cut(strings.ReplaceAll(r.cells[2], `\n`, "\n"), "(")
		name := strings.ToLower(strings.TrimPrefix(op, "Global") + "_" + r.cells[1])
		j.rows("DROP TABLE IF EXISTS " + name + "; CREATE TABLE " + name + " (" + columns)
	}
}

// saved takes savepoints of a running job until a query over its state gives the rows, and
// gives the folder of the last: nobody says when a job has read a file that may grow. An
// operator that holds nothing has no tables.
func (j *jobSession) saved(id, query string, want ...string) string {
	j.t.Helper()
	slices.Sort(want)
	for until := time.Now().Add(20 * time.Second); ; {
		path, err := j.client.Savepoint(j.ctx, id, filepath.Join(j.dir, "savepoints"))
		if err != nil {
			j.t.Fatal(err)
		}
		j.state(path)
		out := (&runner{ctx: j.ctx, session: j.session, dir: j.dir}).script(query)
		if got := savedRows(out.rows); out.err == nil && slices.Equal(got, want) {
			return path
		} else if time.Now().After(until) {
			j.t.Fatalf("%s\ngives %q (%v), not %q", query, got, out.err, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestSavepointOfGroups reads what GROUP BY keeps: three orders of apples with 3 + 4 + 2,
// one of a pear and one of a fig.
func TestSavepointOfGroups(t *testing.T) {
	for _, parallelism := range []string{"1", "3"} {
		j := savedSession(t)
		j.rows("SET 'parallelism.default' = '" + parallelism + "'; SET 's3.secret-key' = 'hunter2'")
		id := j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
		want := []string{"apple|3|9", "fig|1|1", "pear|1|5"}
		j.saved(id, "SELECT fruit, EXPR$1, EXPR$2 FROM groupaggregate_groups", want...)
		path := j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
		if script, err := os.ReadFile(filepath.Join(path, "_job")); err != nil || strings.Contains(string(script), "hunter2") {
			t.Errorf("the script has a secret, or is not there: %v", err)
		}
		j.state(path)
		if got := savedRows(j.rows("SELECT fruit, EXPR$1, EXPR$2 FROM groupaggregate_groups")); !slices.Equal(got, want) {
			t.Errorf("after STOP JOB WITH SAVEPOINT: %q", got)
		}
		if got := savedRows(j.rows("SELECT UPPER(fruit) FROM groupaggregate_groups WHERE EXPR$2 > 4")); !slices.Equal(got, []string{"APPLE", "PEAR"}) {
			t.Errorf("with a condition: %q", got)
		}
		// The phase that has the state answers to the name of the whole.
		j.rows("CREATE TABLE named (fruit STRING) WITH ('connector' = 'savepoint', 'state.path' = '" + path + "', 'operator.uid' = 'GroupAggregate')")
		if got := savedRows(j.rows("SELECT fruit FROM named")); !slices.Equal(got, []string{"apple", "fig", "pear"}) {
			t.Errorf("by the operator's name: %q", got)
		}
		if got := savedRows(j.rows("SELECT `operator-parallelism`, `operator-max-parallelism`, `operator-coordinator-state-size-in-bytes`, `operator-uid-hash` <> '' FROM TABLE(savepoint_metadata('" +
			path + "')) WHERE `operator-name` LIKE '%GroupAggregate[%' AND `operator-total-size-in-bytes` > 0")); !slices.Equal(got, []string{parallelism + "|128|0|TRUE"}) {
			t.Errorf("metadata: %q", got)
		}
	}
}

// TestSavepointOfJoin reads both sides of a join.
func TestSavepointOfJoin(t *testing.T) {
	j := savedSession(t)
	id := j.start("INSERT INTO priced SELECT o.id, o.fruit, p.price FROM orders o JOIN prices p ON o.fruit = p.fruit")
	path := j.saved(id, "SELECT 'l', id, fruit FROM join_left UNION ALL SELECT 'r', CAST(price AS STRING), fruit FROM join_right",
		"l|o1|apple", "l|o2|pear", "l|o3|apple", "l|o4|fig", "l|o5|apple", "r|10|apple", "r|20|fig")
	if got := savedRows(j.rows("SELECT COUNT(*) FROM savepoint_metadata('" + path + "') WHERE `operator-name` LIKE 'Join[%' AND `operator-subtask-state-count` = 1")); !slices.Equal(got, []string{"1"}) {
		t.Errorf("metadata: %q", got)
	}
	j.rows("STOP JOB '" + id + "'")
}

// TestSavepointOfWindow reads the windows that are open: ticks hold the watermark at second
// 12, so that of the first ten seconds has gone, and that of the next has fig 1 and apple 2.
func TestSavepointOfWindow(t *testing.T) {
	j := savedSession(t)
	id := j.start("INSERT INTO windowed SELECT window_start, fruit, SUM(n) FROM TABLE(TUMBLE(TABLE timed_orders, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, fruit")
	j.saved(id, "SELECT pane_start, fruit, EXPR$2 FROM windowaggregate_panes WHERE fruit <> 'tick'", "2025-01-01 00:00:10.000|apple|2", "2025-01-01 00:00:10.000|fig|1")
	j.rows("STOP JOB '" + id + "'")
}

// TestSavepointRescaled goes on with another parallelism, from one task to several and
// back, where changes are folded, whatever the phases of the aggregates: the plan must have
// the same operators each time. Files that were read are gone by then, so that what they had
// can come from the savepoint alone.
func TestSavepointRescaled(t *testing.T) {
	for _, phases := range []string{"AUTO", "ONE_PHASE", "TWO_PHASE"} {
		for _, fold := range []string{"AUTO", "BATCH", "ROW"} {
			j := savedSession(t)
			j.rows("SET 'table.optimizer.agg-phase-strategy' = '" + phases + "'; SET 'mink.exec.fold' = '" + fold + "'")
			apples, want, id := 9, []string{"fig|1|1", "pear|1|5"}, ""
			for i, parallelism := range []string{"1", "2", "3", "1"} {
				j.rows("SET 'parallelism.default' = '" + parallelism + "'")
				if i > 0 {
					path := j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
					old, _ := filepath.Glob(filepath.Join(j.dir, "orders", "*.csv"))
					for _, file := range old {
						if err := os.Remove(file); err != nil {
							t.Fatal(err)
						}
					}
					line := fmt.Sprintf("a,apple,%d,2025-01-01 00:00:14\nb,fruit%d,%d,2025-01-01 00:00:14\n", i, i, i)
					if err := j.order(fmt.Sprintf("b%d.csv", i), line); err != nil {
						t.Fatal(err)
					}
					apples, want = apples+i, append(want, fmt.Sprintf("fruit%d|1|%d", i, i))
					j.rows("SET 'execution.state-recovery.path' = '" + path + "'")
				}
				id = j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
				j.rows("RESET 'execution.state-recovery.path'")
				j.saved(id, "SELECT fruit, EXPR$1, EXPR$2 FROM groupaggregate_groups", append(slices.Clone(want), fmt.Sprintf("apple|%d|%d", 3+i, apples))...)
			}
			j.rows("STOP JOB '" + id + "'")
		}
	}
}

// TestSavepointOfSink goes on with another parallelism where that of the sink stays, once
// the same as that of the rest and once not: the partitions that the sink has written to are
// committed all the same when their time has come.
func TestSavepointOfSink(t *testing.T) {
	for _, p := range [][2]string{{"2", "3"}, {"3", "2"}, {"1", "2"}} {
		committedAfter(t, p, "'sink.partition-commit.delay' = '2 s'")
	}
}

// TestSavepointOfPartitionTime is TestSavepointOfSink by the watermark: a subtask that has no
// file to read any more holds nobody back.
func TestSavepointOfPartitionTime(t *testing.T) {
	for _, p := range [][2]string{{"2", "2"}, {"2", "3"}, {"3", "2"}, {"1", "2"}} {
		committedAfter(t, p, "'sink.partition-commit.trigger' = 'partition-time', 'partition.time-extractor.timestamp-pattern' = '2025-01-01 $hh:00:00', 'sink.partition-commit.delay' = '1 h'")
	}
}

// committedAfter writes to a partition with the first parallelism, goes on from a savepoint
// with the second, and waits until the partition is committed.
func committedAfter(t *testing.T, p [2]string, commit string) {
	t.Helper()
	j := savedSession(t)
	j.rows("CREATE TABLE parts (fruit STRING, n INT, hh STRING) PARTITIONED BY (hh) WITH ('connector' = 'filesystem', 'path' = '${dir}/parts', 'format' = 'csv', 'sink.parallelism' = '2', " +
		commit + ", 'sink.partition-commit.policy.kind' = 'success-file')")
	path, id := "", ""
	for _, parallelism := range p {
		j.rows("SET 'parallelism.default' = '" + parallelism + "'")
		id = j.start("INSERT INTO parts SELECT fruit, n, DATE_FORMAT(ts, 'HH') FROM orders")
		if path != "" {
			continue
		}
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if _, err := j.client.Savepoint(j.ctx, id, filepath.Join(j.dir, "savepoints")); err != nil { // which names the files
				t.Fatal(err)
			}
			if files, _ := filepath.Glob(filepath.Join(j.dir, "parts", "hh=00", "part-*")); len(files) > 0 {
				break
			} else if time.Now().After(until) {
				t.Fatal("no part file comes")
			}
		}
		path = j.rows("STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
		if err := os.Rename(filepath.Join(j.dir, "orders", "a.csv"), filepath.Join(j.dir, "a.csv")); err != nil {
			t.Fatal(err)
		}
		if err := j.order("b.csv", "o6,apple,3,2025-01-01 02:00:00\n"); err != nil {
			t.Fatal(err)
		}
		j.rows("SET 'execution.state-recovery.path' = '" + path + "'; SET 'execution.checkpointing.interval' = '20 ms'")
	}
	for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(j.dir, "parts", "hh=00", "_SUCCESS")); err == nil {
			break
		} else if time.Now().After(until) {
			t.Fatalf("from %s to %s the partition is not committed", p[0], p[1])
		}
	}
	j.rows("STOP JOB '" + id + "'")
}

// TestSavepointMistakes asks for what is not there.
func TestSavepointMistakes(t *testing.T) {
	j := savedSession(t)
	id := j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
	path := j.saved(id, "SELECT fruit FROM groupaggregate_groups", "apple", "fig", "pear")
	j.rows("STOP JOB '" + id + "'")
	table := func(columns, path, op, more string) string {
		return "DROP TABLE IF EXISTS s; CREATE TABLE s (" + columns + ") WITH ('connector' = 'savepoint', 'state.path' = '" + path + "', 'operator.uid' = '" + op + "'" + more + "); SELECT * FROM s"
	}
	uid := j.rows("SELECT `operator-uid` FROM savepoint_tables('" + path + "')")[0].cells[0]
	for _, c := range []struct {
		sql, says, hint string
		code            diag.Code
	}{
		{"SELECT * FROM savepoint_metadata('" + j.dir + "/nowhere')", "no checkpoint or savepoint in", "", diag.Checkpoint},
		{"SELECT * FROM savepoint_metadata('" + j.dir + "/orders')", "no checkpoint or savepoint in", "", diag.Checkpoint},
		{"SELECT * FROM savepoint_metadata(1)", "takes one argument", "", diag.InvalidArgument},
		{table("fruit STRING", path, "GlobalGroupAggregat", ""), "has no operator 'GlobalGroupAggregat'", "did you mean 'GlobalGroupAggregate'", diag.NotFound},
		{table("fruit STRING", path, uid, ", 'state.name' = 'group'"), "no table of state 'group'", "groups", diag.NotFound},
		{table("fruits STRING", path, uid, ""), "has no column fruits", "did you mean fruit", diag.UnknownColumn},
		{table("fruit INT", path, uid, ""), "is STRING, and the table says INT", "", diag.TypeMismatch},
	} {
		got := (&runner{ctx: j.ctx, session: j.session, dir: j.dir}).script(c.sql)
		d := diag.As(got.err)
		if d == nil || d.Code != c.code || !strings.Contains(got.err.Error(), c.says) || !strings.Contains(d.Hint, c.hint) {
			t.Errorf("%s\nfails with %v (%+v)", c.sql, got.err, d)
		}
	}
}

// TestSavepointGone reads a savepoint that is not there, or not whole, by a job with
// checkpoints: nothing that a restart does brings it back, so the query fails at once with its
// own code, also where the settings ask for restarts.
func TestSavepointGone(t *testing.T) {
	j := savedSession(t)
	id := j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
	path := j.saved(id, "SELECT fruit FROM groupaggregate_groups", "apple", "fig", "pear")
	uid := j.rows("SELECT `operator-uid` FROM savepoint_tables('" + path + "')")[0].cells[0]
	j.rows("STOP JOB '" + id + "'; SET 'execution.checkpointing.interval' = '20 ms'")
	table := func(columns, op, more string) string {
		return "DROP TABLE IF EXISTS s; CREATE TABLE s (" + columns + ") WITH ('connector' = 'savepoint', 'state.path' = '" + path + "', 'operator.uid' = '" + op + "'" + more + "); SELECT * FROM s"
	}
	whole := table("fruit STRING", uid, "")
	state := func() string {
		t.Helper()
		var found []string
		err := filepath.WalkDir(path, func(name string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), "_") {
				found = append(found, name)
			}
			return err
		})
		if err != nil || len(found) == 0 {
			t.Fatalf("the savepoint has no files of state: %v", err)
		}
		return found[0]
	}
	file := state()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bent := slices.Clone(text)
	bent[len(bent)/2] ^= 0x55
	write := func(b []byte) func() error {
		return func() error { return os.WriteFile(file, b, 0o644) }
	}
	for _, c := range []struct {
		name, sql, says string
		code            diag.Code
		spoil           func() error
	}{
		{"another table of state", table("fruit STRING", uid, ", 'state.name' = 'group'"), "no table of state", diag.NotFound, nil},
		{"another column", table("fruits STRING", uid, ""), "no column fruits", diag.UnknownColumn, nil},
		{"another type", table("fruit INT", uid, ""), "the table says INT", diag.TypeMismatch, nil},
		{"a bent file", whole, "", diag.Checkpoint, write(bent)},
		{"half a file", whole, "", diag.Checkpoint, write(text[:len(text)/2])},
		{"no file", whole, "", diag.Checkpoint, func() error { return os.Remove(file) }},
		{"no script", whole, "does not say how its job was made", diag.Checkpoint, func() error {
			return cmp.Or(write(text)(), os.Remove(filepath.Join(path, "_job")))
		}},
		{"no folder", whole, "no checkpoint or savepoint in", diag.Checkpoint, func() error { return os.RemoveAll(path) }},
		{"no folder, metadata", "SELECT * FROM savepoint_metadata('" + path + "')", "no checkpoint or savepoint in", diag.Checkpoint, nil},
	} {
		if c.spoil != nil {
			if err := c.spoil(); err != nil {
				t.Fatal(err)
			}
		}
		for _, restarts := range []string{
			"RESET 'restart-strategy.type'",
			"SET 'restart-strategy.type' = 'exponential-delay'",
			"SET 'restart-strategy.type' = 'fixed-delay'; SET 'restart-strategy.fixed-delay.attempts' = '1000000'; SET 'restart-strategy.fixed-delay.delay' = '1 ms'",
		} {
			j.rows(restarts)
			ctx, cancel := context.WithTimeout(j.ctx, 20*time.Second)
			got := (&runner{ctx: ctx, session: j.session, dir: j.dir}).script(c.sql)
			cancel()
			if d := diag.As(got.err); d == nil || d.Code != c.code || !strings.Contains(d.Msg, c.says) {
				t.Errorf("%s with %s: %v", c.name, restarts, got.err)
			}
		}
	}
}

// TestStateOfCheckpoints reads the state in folders of checkpoints: of one that is written
// whole, of those that go on from it with what has changed, and after a restart; each has what
// the job had then. A job that begins again with another query has its own script.
func TestStateOfCheckpoints(t *testing.T) {
	j := savedSession(t)
	j.rows("SET 'execution.checkpointing.dir' = '${dir}/checkpoints'; SET 'execution.checkpointing.interval' = '20 ms'; SET 'execution.checkpointing.num-retained' = '1000'")
	id := j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
	j.saved(id, "SELECT fruit, EXPR$1, EXPR$2 FROM groupaggregate_groups", "apple|3|9", "fig|1|1", "pear|1|5")
	before := len(folders(j))
	for i, want := range []string{"apple|3|9, fig|2|8, pear|1|5", "apple|3|9, fig|2|8, kiwi|1|4, pear|1|5"} {
		line := []string{"o6,fig,7,2025-01-01 00:00:14\n", "o7,kiwi,4,2025-01-01 00:00:15\n"}[i]
		if err := j.order(string(rune('b'+i))+".csv", line); err != nil {
			t.Fatal(err)
		}
		j.saved(id, "SELECT fruit, EXPR$1, EXPR$2 FROM groupaggregate_groups", strings.Split(want, ", ")...)
	}
	for until := time.Now().Add(20 * time.Second); len(folders(j)) < before+3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("no more checkpoints come")
		}
	}
	j.rows("STOP JOB '" + id + "'")
	seen := map[string]int{}
	last := ""
	for _, path := range folders(j) {
		j.state(path)
		got := strings.Join(savedRows(j.rows("SELECT fruit, EXPR$1, EXPR$2 FROM groupaggregate_groups")), ", ")
		if seen[got]++; got != "" {
			last = path
		}
	}
	for _, want := range []string{"apple|3|9, fig|1|1, pear|1|5", "apple|3|9, fig|2|8, pear|1|5", "apple|3|9, fig|2|8, kiwi|1|4, pear|1|5"} {
		if seen[want] == 0 {
			t.Errorf("no checkpoint has %s: %v", want, seen)
		}
		delete(seen, want)
	}
	if delete(seen, ""); len(seen) > 0 {
		t.Errorf("checkpoints have %v", seen)
	}
	if got := savedRows(j.rows("SELECT `operator-name` FROM savepoint_metadata('" + last + "') WHERE `operator-uid` LIKE '%group-aggregate' AND `operator-total-size-in-bytes` > 0")); !slices.Equal(got, []string{"GlobalGroupAggregate[5]"}) {
		t.Errorf("metadata of %s: %q", last, got)
	}
	scripts, _ := filepath.Glob(filepath.Join(j.dir, "checkpoints", "*", "state", "job-*"))
	if len(scripts) != 1 {
		t.Errorf("scripts: %v", scripts)
	}
}

// order adds a file of orders to those that a job reads: at once, since one that a reader
// finds empty has been read.
func (j *jobSession) order(name, text string) error {
	next := filepath.Join(j.dir, name)
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(j.dir, "orders", name))
}

// folders are those of the checkpoints of the session's jobs, in order of their numbers.
func folders(j *jobSession) []string {
	found, _ := filepath.Glob(filepath.Join(j.dir, "checkpoints", "*", "chk-*", "_metadata"))
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return found
}

// TestSavepointOfCheckpoint reads what there is to say of a checkpoint and of a savepoint that
// have lost the job's script.
func TestSavepointOfCheckpoint(t *testing.T) {
	j := savedSession(t)
	j.rows("SET 'execution.checkpointing.dir' = '${dir}/checkpoints'; SET 'execution.checkpointing.interval' = '50 ms'; SET 'execution.checkpointing.num-retained' = '1000'")
	id := j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
	path := j.saved(id, "SELECT fruit FROM groupaggregate_groups", "apple", "fig", "pear")
	if err := os.Remove(filepath.Join(path, "_job")); err != nil {
		t.Fatal(err)
	}
	j.rows("STOP JOB '" + id + "'")
	found, _ := filepath.Glob(filepath.Join(j.dir, "checkpoints", "*", "chk-*"))
	scripts, _ := filepath.Glob(filepath.Join(j.dir, "checkpoints", "*", "state", "job-*"))
	for _, s := range scripts {
		if err := os.Remove(s); err != nil {
			t.Error(err)
		}
	}
	for _, path := range append(found, path) {
		if got := savedRows(j.rows("SELECT `operator-uid`, `operator-name` FROM savepoint_metadata('" + path + "') WHERE `operator-total-size-in-bytes` > 0 AND `operator-uid` LIKE '%aggregate'")); !slices.Equal(got, []string{"5_global-group-aggregate|<NULL>"}) {
			t.Errorf("metadata of %s: %q", path, got)
		}
		got := (&runner{ctx: j.ctx, session: j.session, dir: j.dir}).script("SELECT * FROM savepoint_tables('" + path + "')")
		if d := diag.As(got.err); d == nil || d.Code != diag.Checkpoint || !strings.Contains(d.Msg, "does not say how its job was made") || !strings.Contains(d.Hint, "take a savepoint") {
			t.Errorf("tables of %s: %v", path, got.err)
		}
	}
	if len(found) == 0 {
		t.Error("the job kept no checkpoint")
	}
}

// TestSavepointInStore reads a savepoint in an object store, which the settings of the
// session that asks reach.
func TestSavepointInStore(t *testing.T) {
	j := savedSession(t)
	store := objects.New(t, "kept")
	j.rows("SET 's3.endpoint' = '" + store.URL + "'; SET 's3.access-key' = '" + objects.AccessKey + "'; SET 's3.secret-key' = '" + objects.SecretKey + "'; SET 's3.path.style.access' = 'true'")
	id := j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
	j.saved(id, "SELECT fruit FROM groupaggregate_groups", "apple", "fig", "pear")
	path := j.rows("SET 'execution.checkpointing.savepoint-dir' = 's3://kept/savepoints'; STOP JOB '" + id + "' WITH SAVEPOINT")[0].cells[0]
	if !strings.HasPrefix(path, "s3://kept/savepoints/savepoint-") {
		t.Fatalf("the savepoint is %s", path)
	}
	j.state(path)
	if got := savedRows(j.rows("SELECT fruit, `rows` FROM groupaggregate_groups")); !slices.Equal(got, []string{"apple|3", "fig|1", "pear|1"}) {
		t.Errorf("the state in the store: %q", got)
	}
}
