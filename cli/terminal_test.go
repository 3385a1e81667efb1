package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
)

// onTerminal runs mink on a pseudo-terminal of 90 by 24 and returns all it wrote
// there, on either stream.
func onTerminal(t *testing.T, extra []string, args ...string) string {
	t.Helper()
	out, err := onTerminalAny(t, extra, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// onTerminalAny is onTerminal for commands that may fail.
func onTerminalAny(t *testing.T, extra []string, args ...string) (string, error) {
	t.Helper()
	c := minkCommand(t, t.TempDir(), args...)
	c.Env = append(c.Env, extra...)
	f, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: 90})
	if err != nil {
		t.Skip("no pseudo-terminal here: ", err)
	}
	defer f.Close()
	var out bytes.Buffer
	_, _ = io.Copy(&out, f) // ends with an error when the process closes its side
	err = c.Wait()
	return out.String(), err
}

const liveSQL = `CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '600',
  'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '300');
SELECT MOD(id, 3) AS k, COUNT(*) AS n FROM g GROUP BY MOD(id, 3)`

// TestLiveOnTerminal: on a terminal a streaming query is a table that is redrawn,
// with rows/s and watermark; what is left at the end is its result.
func TestLiveOnTerminal(t *testing.T) {
	out := onTerminal(t, nil, "sql", "-e", liveSQL)
	frames := strings.Split(out, "\x1b[?2026h")
	if len(frames) < 4 {
		t.Fatalf("%d drawings\n%q", len(frames)-1, out)
	}
	if !strings.Contains(out, "RUNNING") || !strings.Contains(out, "\x1b[1m") {
		t.Errorf("no running frame in bold\n%q", out)
	}
	last := frames[len(frames)-1]
	for _, want := range []string{"│ 0 │ 100 │", "│ 1 │ 100 │", "│ 2 │ 100 │", " rows in ", " rows/s ", "watermark ", "3 rows after "} {
		if !strings.Contains(last, want) {
			t.Errorf("the last drawing has no %q\n%q", want, last)
		}
	}
}

// TestPlainTerminals: NO_COLOR leaves colours out, a terminal that cannot move the
// cursor gets a changelog, and nothing is drawn where there is no terminal.
func TestPlainTerminals(t *testing.T) {
	out := onTerminal(t, []string{"NO_COLOR=1"}, "sql", "-e", liveSQL)
	if strings.Contains(out, "\x1b[1m") || strings.Contains(out, "\x1b[32m") || !strings.Contains(out, "\x1b[?2026h") {
		t.Errorf("NO_COLOR: %q", out)
	}
	out = onTerminal(t, []string{"TERM=dumb"}, "sql", "-e", liveSQL)
	if strings.Contains(out, "\x1b") || !strings.Contains(out, "| -U |") {
		t.Errorf("TERM=dumb: %q", out)
	}
	b, err := minkCommand(t, t.TempDir(), "sql", "-e", liveSQL).CombinedOutput()
	if err != nil || bytes.ContainsAny(b, "\x1b\r") || !bytes.Contains(b, []byte("| -U |")) {
		t.Errorf("a pipe: %v %q", err, b)
	}
}

// hostile is text that takes a terminal over where it is obeyed: it sets the title, rings,
// clears the screen and turns the direction of writing.
const hostile = "a\x1b]0;title\x07\u009b2J\u202e\x7f\rb"

// TestHostileData: text in rows, names, statements, files and tapes does not reach a terminal
// as control sequences, in no form of output, by no command, not in errors, and not through
// the print connector; a pipe gets it as it is.
func TestHostileData(t *testing.T) {
	const rows = `(SELECT U&'a\001b]0;title\0007\009b2J' AS x)`
	dir := t.TempDir()
	name := "`" + strings.ReplaceAll(hostile, "\r", "") + "`" // which ends with its line
	sqlFile := func(file, sql string) string {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, []byte(sql), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// A tape that somebody else has made.
	tape := filepath.Join(dir, "run.mtape")
	named := sqlFile("named.sql", "SET 'pipeline.name' = '"+hostile+"'; CREATE TABLE g ("+name+" BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '3');\nSELECT COUNT(*) AS "+name+" FROM g;\n")
	if out, err := minkCommand(t, dir, "tape", "record", "-o", tape, named).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	odd := sqlFile(hostile+".sql", "SELECT nope;")
	sqlFile("tested.sql", "CREATE TABLE src (x STRING) WITH ('connector' = 'datagen');\nCREATE TABLE dst (x STRING) WITH ('connector' = 'print');\nINSERT INTO dst SELECT CONCAT(x, '"+hostile+"') FROM src;\n")
	test := sqlFile("odd_test.sql", "@use tested.sql\n\n@test odd\n@given src\n  x\n  a\n@expect table dst\n  x\n  b\n")
	wrong := sqlFile("wrong_test.sql", "@use tested.sql\n\n@test "+hostile+"\n@"+hostile+"\n")
	plan := sqlFile("plan.sql", "CREATE TABLE p (x STRING) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'csv');\nCREATE TABLE q (x STRING, n BIGINT) WITH ('connector' = 'print');\n"+
		"INSERT INTO q SELECT CONCAT(x, '"+hostile+"'), COUNT(*) FROM p WHERE x <> '"+hostile+"' GROUP BY CONCAT(x, '"+hostile+"')")
	for _, args := range [][]string{
		{"sql", "--output", "csv", "-e", "SELECT * FROM " + rows},
		{"sql", "--output", "json", "-e", "SELECT * FROM " + rows},
		{"sql", "--output", "table", "-e", "SELECT * FROM " + rows},
		{"sql", "--output", "changelog", "-e", "SELECT * FROM " + rows},
		{"sql", "-e", "CREATE TABLE p (x STRING) WITH ('connector' = 'print'); INSERT INTO p SELECT * FROM " + rows},
		{"sql", "-e", "CREATE TABLE p (x STRING) WITH ('connector' = 'print', 'standard-error' = 'true'); INSERT INTO p SELECT * FROM " + rows},
		// Names of columns, tables and jobs, comments.
		{"sql", "--output", "csv", "-e", "SELECT 1 AS " + name},
		{"sql", "--output", "json", "-e", "SELECT 1 AS " + name},
		{"sql", "--output", "table", "-e", "SELECT 1 AS " + name},
		{"sql", "--output", "changelog", "-e", "SELECT 1 AS " + name},
		{"sql", "-e", "CREATE TABLE " + name + " (" + name + " INT COMMENT '" + hostile + "') COMMENT '" + hostile + "' WITH ('connector' = 'datagen'); SHOW TABLES; DESCRIBE " + name + "; SHOW CREATE TABLE " + name},
		{"sql", "-e", "SET 'pipeline.name' = '" + hostile + "'; SET; CREATE TABLE b (x INT) WITH ('connector' = 'blackhole'); INSERT INTO b VALUES (1); SHOW JOBS"},
		// Plans and what is made of statements.
		{"sql", "-e", "EXPLAIN SELECT x FROM " + rows + " WHERE x <> '" + hostile + "'"},
		{"run", "--dry-run", plan},
		{"parse", "--format", plan},
		{"parse", "--ast", plan},
		{"plan", plan, "--against", tape},
		// Errors: of statements, of names of files, of data, of the command line.
		{"sql", "-e", "SELECT " + name + " FROM (VALUES (1)) AS t(a)"},
		{"sql", "-e", "SELECT '" + hostile},
		{"sql", "-e", "SELECT CAST('" + hostile + "' AS INT)"},
		{"sql", "-e", "CREATE TABLE t (a INT) WITH ('connector' = '" + hostile + "'); SELECT * FROM t"},
		{"sql", "-e", "CREATE TABLE t (a INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '" + hostile + "'); SELECT * FROM t"},
		{"sql", "-e", "ADD JAR '" + hostile + "'"},
		{"run", odd},
		{"run", odd + ".none"},
		{"parse", odd + ".none"},
		{hostile},
		{"run", "--" + hostile},
		{"run", "--set", hostile, odd},
		{"explain", hostile},
		{"jobs", "show", hostile, "--dir", hostile},
		{"up", "--listen", hostile},
		// Tapes and tests of others.
		{"tape", "info", tape},
		{"tape", "replay", tape},
		{"tape", "info", odd},
		{"debug", tape, "-c", "where; jobs; tasks; plan; step; script; state; " + hostile},
		{"test", test},
		{"test", wrong},
		{"test", filepath.Join(dir, hostile)},
	} {
		out, _ := onTerminalAny(t, []string{"TERM=dumb"}, args...)
		if strings.ContainsAny(strings.ReplaceAll(strings.ReplaceAll(out, "\r\r\n", "\n"), "\r\n", "\n"), "\x1b\x07\u009b\u202e\x7f\r") || strings.Contains(out, "\x9b") && !utf8.ValidString(out) || len(out) == 0 {
			t.Errorf("%q: %q", args, out)
		}
	}
	// A table that is redrawn has sequences of its own, and no others.
	for _, sql := range []string{
		"CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '30'); SELECT COUNT(*) AS " + name + " FROM g",
		"CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '30'); SELECT '" + hostile + "' AS x, COUNT(*) AS n FROM g",
		"SET 'pipeline.name' = '" + hostile + "'; CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '30'); CREATE TABLE b (id BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO b SELECT id FROM g",
	} {
		out, err := onTerminalAny(t, nil, "sql", "-e", sql)
		if err != nil || strings.Contains(out, "\x1b]") || strings.ContainsAny(out, "\x07\u009b\u202e\x7f") {
			t.Errorf("%q: %v %q", sql, err, out)
		}
	}
	b, err := minkCommand(t, t.TempDir(), "sql", "--output", "csv", "-e", "SELECT * FROM "+rows).Output()
	if err != nil || !bytes.Contains(b, []byte("a\x1b]0;title\x07\u009b2J")) {
		t.Errorf("a pipe: %v %q", err, b)
	}
}

// TestScreenOut: characters that come in pieces stay whole, and what is none is shown as such.
func TestScreenOut(t *testing.T) {
	p, far, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminal here: ", err)
	}
	defer p.Close()
	w := guarded(far)
	if _, is := w.(*screenOut); !is || !terminal(w) || drawn(w) != io.Writer(far) {
		t.Fatalf("%T", w)
	}
	for _, piece := range []string{"gr\xc3", "\xbc\xc3\x9f\te \xe2", "\x82", "\xac\x1b[2J \xff\x9b2J \r", "\n\xc2", "\x9b2J\n"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	far.Close()
	got, _ := io.ReadAll(p) // ends with an error when the other side closes
	if want := "grüß\te €\\u001b[2J \ufffd\ufffd2J \\r\n\\u009b2J\n"; strings.ReplaceAll(string(got), "\r\n", "\n") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestBenchProgress: long work says on a terminal how far it is.
func TestBenchProgress(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	out := onTerminal(t, nil, "bench", "nexmark", "--queries", "q0", "--events", "4000000", "--verify", "off", "--parallelism", "1")
	if !strings.Contains(out, "% of 4,000,000 events") {
		t.Errorf("no progress in %q", out)
	}
}

// TestInterrupt: Ctrl-C and SIGTERM end a run with 130, soon and cleanly.
func TestInterrupt(t *testing.T) {
	const endless = `CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500');
CREATE TABLE o (id BIGINT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
SET 'execution.checkpointing.interval' = '50 ms';
`
	for name, sql := range map[string]string{
		"insert":      endless + "INSERT INTO o SELECT id FROM g",
		"select":      endless + "SELECT * FROM g",
		"synchronous": endless + "SET 'table.dml-sync' = 'true'; INSERT INTO o SELECT id FROM g",
	} {
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			t.Run(name+"/"+signal.String(), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				c := minkCommand(t, dir, "sql", "-e", sql)
				out, err := os.Create(filepath.Join(dir, "output"))
				if err != nil {
					t.Fatal(err)
				}
				defer out.Close()
				c.Stdout, c.Stderr = out, out
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				read := func() string {
					b, _ := os.ReadFile(out.Name())
					return string(b)
				}
				waitFor(t, func() bool {
					if name == "select" {
						return strings.Contains(read(), "| +I |")
					}
					list, _ := filepath.Glob(filepath.Join(dir, "out", "part-*"))
					return len(list) > 0
				})
				start := time.Now()
				_ = c.Process.Signal(signal)
				err = c.Wait()
				var exit *exec.ExitError
				if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
					t.Errorf("got %v\n%s", err, read())
				}
				if took := time.Since(start); took > 20*time.Second {
					t.Errorf("it took %v", took)
				}
				if text := read(); !strings.Contains(text, "interrupted") {
					t.Errorf("it does not say so:\n%s", text)
				}
				checkNames(t, dir, false)
			})
		}
	}
}
