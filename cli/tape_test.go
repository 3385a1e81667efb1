package cli

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/ipc"
)

// command runs mink in a folder of its own and gives what it wrote.
func command(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(args, strings.NewReader(""), &o, &e)
	return o.String(), e.String(), code
}

func writeText(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// busyScript has three jobs at parallelism 3 that write to standard output at once, with
// random values, readings of the clock and an order of rows that no two runs share.
const busyScript = `SET 'parallelism.default' = '3';
CREATE TABLE s (k INT, v INT, ts AS PROCTIME()) WITH ('connector' = 'datagen', 'number-of-rows' = '6000', 'fields.k.min' = '1', 'fields.k.max' = '5', 'fields.v.min' = '1', 'fields.v.max' = '100');
CREATE TABLE p (k INT, n BIGINT, u STRING) WITH ('connector' = 'print');
CREATE TABLE q (k INT, n BIGINT) WITH ('connector' = 'print', 'print-identifier' = 'Q');
INSERT INTO p SELECT k, SUM(v), UUID() FROM s GROUP BY k;
BEGIN STATEMENT SET;
INSERT INTO q SELECT k, COUNT(*) FROM s GROUP BY k;
INSERT INTO q SELECT k, MAX(v) FROM s WHERE v > RAND_INTEGER(100) GROUP BY k;
END;
SELECT k, LAST_VALUE(v), CURRENT_ROW_TIMESTAMP(), NOW() FROM s GROUP BY k`

// A replay prints what the recorded run printed, to the byte and the order of lines.
func TestTapeSameBytes(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "busy.sql", busyScript)
	for _, output := range []string{"changelog", "json", "csv", "table"} {
		for _, embed := range []bool{false, true} {
			args := []string{"tape", "record", "--output", output, "busy.sql", "-o", "busy.mtape"}
			if embed {
				args = append(args, "--embed")
			}
			want, errs, code := command(t, args...)
			if code != 0 {
				t.Fatal(errs)
			}
			for range 3 {
				got, errs, code := command(t, "tape", "replay", "--output", output, "busy.mtape")
				if code != 0 || got != want {
					t.Fatalf("%s, embed %v: exit %d, %d bytes instead of %d\n%s", output, embed, code, len(got), len(want), errs)
				}
			}
		}
	}
	if left, _ := filepath.Glob("*.part*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

const fileScript = `CREATE TABLE f (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');
CREATE TABLE o (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
INSERT INTO o SELECT k, v FROM f;
SELECT k, SUM(v) FROM f GROUP BY k`

// With its rows on the tape a run needs its sources no more, and without it says which
// of them has changed. A replay writes nothing.
func TestTapeFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", fileScript)
	writeText(t, "in.csv", "a,1\nb,2\na,3\n")
	want, errs, code := command(t, "run", "--tape", "positions.mtape", "job.sql")
	if code != 0 {
		t.Fatal(errs)
	}
	if _, errs, code = command(t, "run", "--tape", "rows.mtape", "--embed", "job.sql"); code != 0 {
		t.Fatal(errs)
	}
	if _, errs, code = command(t, "tape", "record", "--full", "job.sql", "-o", "full.mtape"); code != 0 {
		t.Fatal(errs)
	}
	if err := os.RemoveAll("out"); err != nil {
		t.Fatal(err)
	}
	if got, errs, code := command(t, "tape", "replay", "positions.mtape"); code != 0 || got != want {
		t.Errorf("exit %d, %q instead of %q\n%s", code, got, want, errs)
	}
	writeText(t, "in.csv", "a,1\nb,7\na,3\n") // between the first and the last row
	if _, errs, code := command(t, "tape", "replay", "full.mtape"); code != exitFailed || !strings.Contains(errs, "divergence") {
		t.Errorf("over another row in the middle: exit %d\n%s", code, errs)
	}
	writeText(t, "in.csv", "a,1\nb,7\na,8\n")
	if _, errs, code := command(t, "tape", "replay", "positions.mtape"); code != exitFailed || !strings.Contains(errs, "divergence") || !strings.Contains(errs, "in.csv") {
		t.Errorf("over a changed file: exit %d\n%s", code, errs)
	}
	if err := os.Remove("in.csv"); err != nil {
		t.Fatal(err)
	}
	if got, errs, code := command(t, "tape", "replay", "rows.mtape"); code != 0 || got != want {
		t.Errorf("embedded: exit %d, %q instead of %q\n%s", code, got, want, errs)
	}
	if _, err := os.Stat("out"); err == nil {
		t.Error("a replay has written to a table")
	}
}

// A statement is planned again as of when it was given: in a batch that is its time.
func TestTapeTime(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", "SET 'execution.runtime-mode' = 'batch';\nSELECT NOW(), CURRENT_DATE, UUID(), RAND() FROM (VALUES (1), (2)) AS t (a)")
	want, errs, code := command(t, "tape", "record", "--output", "json", "job.sql")
	if code != 0 {
		t.Fatal(errs)
	}
	time.Sleep(5 * time.Millisecond) // the clock has moved
	if got, errs, code := command(t, "tape", "replay", "--output", "json", "job.mtape"); code != 0 || got != want {
		t.Errorf("exit %d, %q instead of %q\n%s", code, got, want, errs)
	}
}

// The tape of a job that fails is kept, and ends in the same error.
func TestTapeFailure(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", "CREATE TABLE s (n BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '5000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '-3000', 'fields.n.end' = '1999');\nSELECT 10 / n FROM s")
	want, wantErrs, code := command(t, "tape", "record", "job.sql")
	if code != exitFailed || !strings.Contains(wantErrs, "division-by-zero") {
		t.Fatalf("exit %d\n%s", code, wantErrs)
	}
	got, errs, code := command(t, "tape", "replay", "job.mtape")
	if code != exitFailed || got != want || !strings.Contains(errs, "division-by-zero") {
		t.Errorf("exit %d, %d bytes instead of %d\n%s", code, len(got), len(want), errs)
	}
	if out, _, _ := command(t, "tape", "info", "--output", "json", "job.mtape"); !strings.Contains(out, `"state":"FAILED"`) {
		t.Errorf("info says %s", out)
	}
}

// No secret is on a tape: of options, of settings in the script and on the command line,
// of job parameters, nor where a statement or a job fails.
func TestTapeSecrets(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "in.csv", "1\n0\n")
	writeText(t, "job.sql", `CREATE MODEL m INPUT (f DOUBLE) OUTPUT (x DOUBLE) WITH ('provider' = 'openai', 'api-key' = 'hunter2', 'task' = 'regression');
SET 'my.password' = 'hunter3';
SET 'pipeline.global-job-parameters' = 'user:ada,db.password:hunter4';
CREATE TABLE f (n INT) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv', 'properties.sasl.jaas.config' = 'hunter6');
CREATE TABLE g (n INT) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');
SELECT 1 / n FROM g /*+ OPTIONS('auth.token' = 'hunter7') */;
SELECT 1 / n FROM g`)
	for _, embed := range []bool{false, true} {
		args := []string{"tape", "record", "--keep-going", "--set", "their.secret=hunter5", "job.sql"}
		if embed {
			args = append(args, "--embed")
		}
		if _, errs, code := command(t, args...); code != exitFailed || !strings.Contains(errs, "division-by-zero") {
			t.Fatalf("exit %d\n%s", code, errs)
		}
		all := tapeText(t, "job.mtape")
		if i := strings.Index(all, "hunter"); i >= 0 {
			t.Errorf("embed %v: a secret is on the tape: %q", embed, all[max(0, i-100):i+7])
		}
		for _, want := range []string{"CREATE MODEL", "my.password", "user:ada", "their.secret", "division"} {
			if !strings.Contains(all, want) {
				t.Errorf("embed %v: %q is on no part of the tape", embed, want)
			}
		}
	}
}

// tapeText is all that can be read on a tape: the values of Arrow files, and the bytes of
// others.
func tapeText(t *testing.T, name string) string {
	t.Helper()
	z, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var all strings.Builder
	for _, part := range z.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
		if filepath.Ext(part.Name) != ".arrow" || len(b) == 0 {
			continue
		}
		f, err := ipc.NewFileReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.NumRecords() {
			rec, err := f.Record(i)
			if err != nil {
				t.Fatal(err)
			}
			for c := range int(rec.NumCols()) {
				for row := range int(rec.NumRows()) {
					text := rec.Column(c).ValueStr(row)
					if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
						all.Write(raw)
					}
					all.WriteString(text + " ")
				}
			}
		}
	}
	return all.String()
}

// What is no tape is told in words, with exit code 3.
func TestTapeOpen(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", "SELECT 1")
	for _, name := range []string{"job.sql", "none.mtape"} {
		for _, do := range []string{"replay", "info"} {
			if _, errs, code := command(t, "tape", do, name); code != exitUnreachable || !strings.Contains(errs, name) {
				t.Errorf("%s %s: exit %d, %s", do, name, code, errs)
			}
		}
	}
}

// A row in the middle of a file that has changed since is found, whatever was recorded.
func TestTapeFindsChanges(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "job.sql", `CREATE TABLE t (k STRING, v INT) WITH ('connector'='filesystem', 'path'='t.csv', 'format'='csv');
SELECT k, SUM(v) AS n FROM t GROUP BY k;`)
	rows := "a,1\nb,2\nc,3\nd,4\ne,5\n"
	writeText(t, "t.csv", rows)
	if _, errs, code := command(t, "run", "--tape", "run.mtape", "job.sql"); code != 0 {
		t.Fatal(errs)
	}
	for _, changed := range []string{"a,1\nb,2\nc,7\nd,4\ne,5\n", "a,1\nc,3\nb,2\nd,4\ne,5\n", "a,1\nb,2\nx,3\nd,4\ne,5\n"} {
		writeText(t, "t.csv", changed)
		if _, errs, code := command(t, "tape", "replay", "run.mtape"); code != exitFailed || !strings.Contains(errs, "divergence") {
			t.Errorf("%q: exit %d\n%s", changed, code, errs)
		}
	}
	writeText(t, "t.csv", rows)
	if _, errs, code := command(t, "tape", "replay", "run.mtape"); code != 0 {
		t.Error(errs)
	}
}

// A script that looks at what it has changed on the disk is replayed over what it saw: a
// catalog in a folder that it fills, changes and reads, and that is gone by then, or another.
func TestTapeCatalog(t *testing.T) {
	t.Chdir(t.TempDir())
	writeText(t, "in.csv", "a,1\nb,2\na,3\n")
	writeText(t, "job.sql", `CREATE CATALOG c WITH ('type' = 'mink', 'path' = 'cat');
USE CATALOG c;
CREATE TABLE f (k STRING, v INT) WITH ('connector' = 'filesystem', 'path' = 'in.csv', 'format' = 'csv');
SHOW TABLES;
CREATE VIEW w AS SELECT k, v FROM f WHERE v > 1;
SELECT k, SUM(v) FROM w GROUP BY k;
DROP VIEW w;
CREATE VIEW w AS SELECT k, v + 10 AS v FROM f;
SHOW VIEWS;
SELECT k, SUM(v) FROM w GROUP BY k;
DROP TABLE f;
SHOW TABLES;`)
	want, errs, code := command(t, "tape", "record", "--output", "json", "job.sql", "-o", "job.mtape")
	if code != 0 || !strings.Contains(want, `"w"`) {
		t.Fatalf("exit %d\n%s%s", code, want, errs)
	}
	for _, then := range []func() error{
		func() error { return nil }, // as it was left
		func() error { return os.RemoveAll("cat") },
		func() error { return os.WriteFile("cat", []byte("a file"), 0o644) },
	} {
		if err := then(); err != nil {
			t.Fatal(err)
		}
		if got, errs, code := command(t, "tape", "replay", "--output", "json", "job.mtape"); code != 0 || got != want {
			t.Errorf("exit %d\n%s\ninstead of\n%s\n%s", code, got, want, errs)
		}
	}
	if out, errs, code := command(t, "debug", "job.mtape", "--job", "2", "-c", "goto end; state GroupAggregate"); code != 0 || !strings.Contains(out, "2 entries") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}
