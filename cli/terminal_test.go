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

	"github.com/creack/pty"
)

// onTerminal runs mink on a pseudo-terminal of 90 by 24 and returns all it wrote
// there, on either stream.
func onTerminal(t *testing.T, extra []string, args ...string) string {
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
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
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

// TestHostileData: text in rows does not reach a terminal as control sequences, in no
// form of output and not through the print connector; a pipe gets it as it is.
func TestHostileData(t *testing.T) {
	const rows = `(SELECT U&'a\001b]0;title\0007\009b2J' AS x)`
	for _, args := range [][]string{
		{"sql", "--output", "csv", "-e", "SELECT * FROM " + rows},
		{"sql", "--output", "json", "-e", "SELECT * FROM " + rows},
		{"sql", "--output", "table", "-e", "SELECT * FROM " + rows},
		{"sql", "-e", "CREATE TABLE p (x STRING) WITH ('connector' = 'print'); INSERT INTO p SELECT * FROM " + rows},
	} {
		out := onTerminal(t, []string{"TERM=dumb"}, args...)
		if strings.ContainsAny(out, "\x1b\x07\u009b") || !strings.Contains(out, "title") {
			t.Errorf("%v: %q", args, out)
		}
	}
	b, err := minkCommand(t, t.TempDir(), "sql", "--output", "csv", "-e", "SELECT * FROM "+rows).Output()
	if err != nil || !bytes.Contains(b, []byte("a\x1b]0;title\x07\u009b2J")) {
		t.Errorf("a pipe: %v %q", err, b)
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
