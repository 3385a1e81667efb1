package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

const debugScript = `CREATE TABLE t (k STRING, v INT) WITH ('connector'='filesystem', 'path'='t.csv', 'format'='csv');
CREATE TABLE s (k STRING, n INT) WITH ('connector'='print');
INSERT INTO s SELECT k, SUM(v) FROM t WHERE v > 0 GROUP BY k;`

// A script is recorded and stepped through; answers go to standard output, also as JSON,
// and nothing that the job prints is among them.
func TestDebug(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", debugScript)
	writeText(t, "t.csv", "a,1\nb,0\na,2\n")
	out, errs, code := command(t, "debug", "job.sql", "-o", "job.mtape", "-c", "goto end; state GroupAggregate; why s WHERE n = 3", "-c", "why-not s WHERE k = 'b'")
	if code != 0 {
		t.Fatal(errs)
	}
	for _, want := range []string{"end of the tape", "| a |    2 |      3 |", "+I k=a v=1  (t/0@1,", "+I k=a v=2  (t/0@3,", "filtered at Calc", "k=b v=0  (t/0@2,"} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q in\n%s", want, out)
		}
	}
	// Every command answers with one object.
	list := []string{"plan", "step", "tasks", "queues", "watermarks", "timers", "goto end", "where", "windows", "state GroupAggregate", "history GroupAggregate WHERE k = 'a'", "back batch", "why s#1", "why-not s WHERE k = 'z'", "why-stuck", "why-big", "break record s", "trace late", "hits", "break", "goto start", "continue", "reverse", "goto t/0@1", "fork a", "edit record t/0@3 SET v = 5", "forks", "diff", "diff a tape", "job", "help"}
	out, errs, code = command(t, "debug", "job.mtape", "--json", "-c", strings.Join(list, "; "))
	if code != 0 {
		t.Fatal(errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != len(list) {
		t.Errorf("%d commands give %d lines", len(list), len(lines))
	}
	for i, l := range lines {
		var v map[string]any
		if err := json.Unmarshal([]byte(l), &v); err != nil || len(v) != 1 {
			t.Errorf("%s gives %s: %v", list[min(i, len(list)-1)], l, err)
		}
	}
}

// What cannot be done is said, with what can.
func TestDebugRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", debugScript)
	writeText(t, "t.csv", "a,1\n")
	if _, errs, code := command(t, "debug", "job.sql", "-o", "job.mtape", "-c", "quit"); code != 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"nope.mtape", "-c", "where"}, exitUnreachable, "cannot open the tape nope.mtape"},
		{[]string{"nope.sql", "-c", "where"}, exitUnreachable, "nope.sql"},
		{[]string{"job.mtape", "--job", "2", "-c", "where"}, exitUsage, "no job 2"},
		{[]string{"job.mtape", "-c", "stpe"}, exitUsage, "did you mean step"},
		{[]string{"job.mtape", "-c", "goto 9:9"}, exitFailed, "it ends at"},
		{[]string{"job.mtape", "-c", "goto nowhere"}, exitUsage, "40:1284"},
		{[]string{"job.mtape", "--at", "x"}, exitUsage, "40:1284"},
		{[]string{"job.mtape", "-c", "state"}, exitUsage, "one of TableSourceScan[1]"},
		{[]string{"job.mtape", "-c", "goto end; state Calc[2]"}, exitFailed, "keeps no state"},
		{[]string{"job.mtape", "-c", "tasks"}, exitFailed, "step first"},
		{[]string{"job.mtape", "-c", "why-not s WHERE nope = 1"}, exitFailed, "columns are: k, n"},
		{[]string{"job.mtape", "-c", "why-not r WHERE k = 'a'"}, exitFailed, "no operator"},
		{[]string{"job.mtape", "-c", "why s#7"}, exitFailed, "no out=s#7"},
		{[]string{"job.mtape", "-c", "fork"}, exitFailed, "step first"},
		{[]string{"job.mtape", "-c", "step; diff"}, exitFailed, "no fork was made"},
		{[]string{"job.mtape", "-c", "step; edit nothing"}, exitUsage, "record orders/0@6 SET amt = 3"},
		{[]string{"job.mtape", "-c", "step; edit record t/0@1 SET nope = 1"}, exitFailed, "columns are: k, v"},
		{[]string{"job.mtape", "-c", "step; edit state GroupAggregate DROP; diff"}, exitFailed, "has no such entry"},
		{[]string{"job.mtape", "-c", "step; edit watermark t 11:55"}, exitUsage, "give the time with its date"},
		{[]string{"job.mtape", "-c", "step; fork a; diff b"}, exitFailed, "there are a, tape"},
	} {
		out, errs, code := command(t, append([]string{"debug"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Contains(errs, "panic") {
			t.Errorf("%q ends with %d, wanted %d, and says %q, wanted %q in it\n%s", c.args, code, c.code, errs, c.says, out)
		}
	}
}

// A script that does not end is looked at while it runs, stopped, and goes on.
func TestDebugLive(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", `CREATE TABLE s (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000000');
CREATE TABLE totals (k BIGINT, c BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO totals SELECT CAST(MOD(n, 2) AS BIGINT), COUNT(*) FROM s GROUP BY CAST(MOD(n, 2) AS BIGINT);`)
	out, errs, code := command(t, "debug", "job.sql", "--live", "--json", "-c", "stop-world; state GroupAggregate; resume; "+strings.Repeat("update; ", 60)+"stop-world; why-stuck; state GroupAggregate")
	if code != 0 {
		t.Fatal(errs)
	}
	var entries []string
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		if strings.HasPrefix(l, `{"state"`) {
			entries = append(entries, l)
		}
	}
	if len(entries) != 2 || entries[0] == entries[1] {
		t.Errorf("the state does not change:\n%s", out)
	}
	writeText(t, "none.sql", "CREATE TABLE x (n INT) WITH ('connector' = 'datagen')")
	if _, errs, code := command(t, "debug", "none.sql", "--live", "-c", "where"); code == 0 || !strings.Contains(errs, "has no job 1") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	if _, errs, code := command(t, "debug", "none.sql", "-c", "where"); code == 0 {
		t.Errorf("exit %d\n%s", code, errs)
	}
}

// mink plan says what a changed script keeps, and ends with 1 where something is lost.
func TestPlanAgainst(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", debugScript)
	writeText(t, "t.csv", "a,1\nb,0\na,2\n")
	writeText(t, "filter.sql", strings.Replace(debugScript, "v > 0", "v > 1", 1))
	writeText(t, "max.sql", strings.Replace(debugScript, "SUM(v)", "MAX(v)", 1))
	writeText(t, "bad.sql", strings.Replace(debugScript, "SUM(v)", "SUM(w)", 1))
	if _, errs, code := command(t, "tape", "record", "job.sql", "-o", "job.mtape"); code != 0 {
		t.Fatal(errs)
	}
	for _, c := range []struct {
		args []string
		code int
		out  string
		errs string
	}{
		{[]string{"job.sql", "--against", "job.mtape"}, exitOK, "| GroupAggregate[4] | GroupAggregate[4] | kept  | 1       | 1        |", ""},
		{[]string{"filter.sql", "--against", "job.mtape", "--json"}, exitOK, `"state":"kept","had":1,"has":1}`, ""},
		{[]string{"max.sql", "--against", "job.mtape", "--output", "json"}, exitFailed, `"state":"partial","had":1,"has":1,"why":"what is kept was computed otherwise: select was`, ""},
		{[]string{"bad.sql", "--against", "job.mtape"}, exitFailed, "", "bad.sql:3:"},
		{[]string{"job.sql"}, exitUsage, "", "--against says which tape"},
		{[]string{"job.sql", "--against", "none.mtape"}, exitUnreachable, "", "none.mtape"},
		{[]string{"none.sql", "--against", "job.mtape"}, exitUnreachable, "", "none.sql"},
	} {
		out, errs, code := command(t, append([]string{"plan"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.errs) {
			t.Errorf("%q ends with %d, wanted %d:\n%s\n%s", c.args, code, c.code, out, errs)
		}
	}
}
