package sqltest

import (
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
		{table("fruit STRING", path, "GroupAggregat", ""), "has no operator 'GroupAggregat'", "did you mean 'GroupAggregate'", diag.NotFound},
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

// TestSavepointOfCheckpoint reads what there is to say of a checkpoint, which does not have
// the job's script, and of a savepoint that lost it.
func TestSavepointOfCheckpoint(t *testing.T) {
	j := savedSession(t)
	j.rows("SET 'execution.checkpointing.dir' = '${dir}/checkpoints'; SET 'execution.checkpointing.interval' = '50 ms'")
	id := j.start("INSERT INTO counts SELECT fruit, COUNT(*), SUM(n) FROM orders GROUP BY fruit")
	path := j.saved(id, "SELECT fruit FROM groupaggregate_groups", "apple", "fig", "pear")
	if err := os.Remove(filepath.Join(path, "_job")); err != nil {
		t.Fatal(err)
	}
	j.rows("STOP JOB '" + id + "'")
	found, _ := filepath.Glob(filepath.Join(j.dir, "checkpoints", "*", "chk-*"))
	for _, path := range append(found, path) {
		if got := savedRows(j.rows("SELECT `operator-uid`, `operator-name` FROM savepoint_metadata('" + path + "') WHERE `operator-total-size-in-bytes` > 0 AND `operator-uid` LIKE '%aggregate'")); !slices.Equal(got, []string{"4_group-aggregate|<NULL>"}) {
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
