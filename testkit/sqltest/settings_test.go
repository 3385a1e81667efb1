package sqltest

import (
	"fmt"
	"testing"

	"github.com/minkstream/mink/engine/flow"
)

// manyRows gives 20000 rows of 5000 keys as fast as they are taken.
const manyRows = `CREATE TABLE t (id BIGINT, k AS MOD(id, 5000)) WITH ('connector' = 'datagen', 'rows-per-second' = '1000000', 'fields.id.kind' = 'sequence',
'fields.id.start' = '1', 'fields.id.end' = '20000')`

// counting runs a count by key over manyRows.
func counting(t *testing.T, settings ...string) clockEnd {
	t.Helper()
	return countingBy(t, "k", settings...)
}

func countingBy(t *testing.T, key string, settings ...string) clockEnd {
	t.Helper()
	job := clockJob{tables: []string{manyRows}, columns: "k BIGINT, n BIGINT", query: "SELECT " + key + ", COUNT(*) FROM t GROUP BY " + key}
	for i := 0; i < len(settings); i += 2 {
		job.settings = append(job.settings, [2]string{settings[i], settings[i+1]})
	}
	end := job.run(t)
	if end.err != nil {
		t.Fatal(end.err)
	}
	return end
}

// sum adds up a number of each task but those of the sources.
func (c clockEnd) sum(number func(x flow.TaskStatus) int64) (n int64) {
	for _, x := range c.job.Status().Tasks {
		if x.Vertex > 0 {
			n += number(x)
		}
	}
	return n
}

// TestParallelism counts subtasks: those of the source, those of the count, and one of the sink.
// shows parallelism.default table.exec.resource.default-parallelism
func TestParallelism(t *testing.T) {
	for _, c := range []struct {
		set, over string
		want      int
	}{{"1", "-1", 0}, {"3", "-1", 7}, {"3", "2", 5}} {
		end := counting(t, "parallelism.default", c.set, "table.exec.resource.default-parallelism", c.over)
		got := len(end.job.Status().Tasks)
		if c.want > 0 && got != c.want {
			t.Errorf("default %s, of operators %s: %d subtasks, want %d", c.set, c.over, got, c.want)
		}
	}
}

// TestMaxParallelism: an operator has no more subtasks than there are key groups.
// shows pipeline.max-parallelism
func TestMaxParallelism(t *testing.T) {
	e := simulatedLocal(t, flow.NewSim(flow.SimOptions{}).Env, (&keeper{}).connector())
	defer e.Close()
	s := e.NewSession()
	for _, c := range []struct {
		groups string
		fails  bool
	}{{"4", false}, {"2", true}} {
		for k, v := range map[string]string{"parallelism.default": "3", "pipeline.max-parallelism": c.groups} {
			if err := s.Set(k, v); err != nil {
				t.Fatal(err)
			}
		}
		if c.groups == "4" {
			for _, sql := range []string{manyRows, "CREATE TABLE o (k BIGINT, n BIGINT) WITH ('connector' = 'blackhole')"} {
				if _, err := s.Execute(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
		}
		g, _, err := s.Build("INSERT INTO o SELECT k, COUNT(*) FROM t GROUP BY k")
		if err == nil {
			err = g.Validate()
		}
		if (err != nil) != c.fails {
			t.Errorf("3 subtasks and %s key groups: %v", c.groups, err)
		}
	}
}

// TestJobName: the name of a job is what the session says.
// shows pipeline.name
func TestJobName(t *testing.T) {
	j := newJobSession(t)
	j.rows("SET 'pipeline.name' = 'nightly copy'")
	id := j.start("INSERT INTO written SELECT n FROM numbers")
	if got := j.rows("DESCRIBE JOB '" + id + "'"); got[0].cells[1] != "nightly copy" {
		t.Errorf("the job is %v", got)
	}
	j.rows("STOP JOB '" + id + "'")
}

// TestBatchRows: a channel takes more batches where they are smaller.
// shows mink.exec.batch-rows
func TestBatchRows(t *testing.T) {
	batches := func(rows string) int64 {
		return counting(t, "mink.exec.batch-rows", rows, "parallelism.default", "2").sum(func(x flow.TaskStatus) int64 { return x.BatchesIn })
	}
	if small, big := batches("10"), batches("1000"); small < 10*big {
		t.Errorf("%d batches of 10 rows, %d of 1000", small, big)
	}
}

// TestFold: where changes are folded, a key that comes twice in a step is told once.
// shows mink.exec.fold
func TestFold(t *testing.T) {
	changes := func(fold string) int { return len(countingBy(t, "MOD(id, 100)", "mink.exec.fold", fold).rows) }
	exact, folded := changes("ROW"), changes("BATCH")
	if exact != 39900 { // +I of 100 keys, and -U and +U of each further row
		t.Errorf("%d changes without folding", exact)
	}
	if folded > exact/10 || folded < 100 {
		t.Errorf("%d changes folded, %d without", folded, exact)
	}
}

// TestStateMemory: what is beyond the memory of a job goes to disk.
// shows state.memory
func TestStateMemory(t *testing.T) {
	spilled := func(x flow.TaskStatus) int64 { return x.SpilledBytes }
	if n := counting(t, "state.memory", "64 mb").sum(spilled); n != 0 {
		t.Errorf("%d bytes on disk of 64 MB", n)
	}
	if n := counting(t, "state.memory", "64 kb").sum(spilled); n == 0 {
		t.Error("nothing on disk of 64 KB")
	}
}

// TestColumnWidth: a result says how wide its columns are to be shown.
// shows table.display.max-column-width
func TestColumnWidth(t *testing.T) {
	j := newJobSession(t)
	for _, width := range []int{30, 7} {
		if width != 30 {
			j.rows(fmt.Sprintf("SET 'table.display.max-column-width' = '%d'", width))
		}
		op, err := j.session.Execute(j.ctx, "SELECT n FROM ending")
		if err != nil {
			t.Fatal(err)
		}
		if got := op.Width(); got != width {
			t.Errorf("width %d, want %d", got, width)
		}
		op.Close()
	}
}

// TestSynchronousInsert: with table.dml-sync an INSERT has ended when it is given back.
// shows table.dml-sync
func TestSynchronousInsert(t *testing.T) {
	for _, sync := range []string{"false", "true"} {
		j := newJobSession(t)
		op, err := j.session.Execute(j.ctx, "SET 'table.dml-sync' = '"+sync+"'")
		if err != nil {
			t.Fatal(err)
		}
		op.Close()
		if op, err = j.session.Execute(j.ctx, "INSERT INTO written SELECT n FROM ending"); err != nil {
			t.Fatal(err)
		}
		state := j.rows("DESCRIBE JOB '" + op.Job() + "'")[0].cells[2]
		if (state == "FINISHED") != (sync == "true") {
			t.Errorf("dml-sync %s: the job is %s", sync, state)
		}
	}
}

// TestAtomicCreate warns that the connector cannot do it.
// shows table.rtas-ctas.atomicity-enabled
func TestAtomicCreate(t *testing.T) {
	for _, atomic := range []string{"false", "true"} {
		j := newJobSession(t)
		j.rows("SET 'table.rtas-ctas.atomicity-enabled' = '" + atomic + "'")
		op, err := j.session.Execute(j.ctx, "CREATE TABLE copy WITH ('connector' = 'blackhole') AS SELECT n FROM ending")
		if err != nil {
			t.Fatal(err)
		}
		if warned := len(op.Warnings()) > 0; warned != (atomic == "true") {
			t.Errorf("atomicity %s: warnings %v", atomic, op.Warnings())
		}
	}
}
