package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// shared is a buffer that one goroutine writes and another reads.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestWatch: mink test --watch runs again when the script that a test uses has changed, not
// only the test, and ends when it is interrupted.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	const job = "CREATE TABLE t (k INT) WITH ('connector' = 'kafka', 'format' = 'json');\nSELECT k + 1 AS n FROM t;\n"
	script := write("job.sql", job)
	test := write("x_test.sql", "@use job.sql\n@test one\n@given t\n  1\n@expect table\n  n\n  2\n")
	var out, errs shared
	a := &app{out: &out, err: &errs}
	ctx, stop := context.WithCancel(context.Background())
	root := a.root()
	root.SetArgs([]string{"test", "--watch", test})
	ended := make(chan error)
	go func() { ended <- root.ExecuteContext(ctx) }()
	wait := func(rounds int, line string) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if strings.Count(errs.String(), "waiting for a change") == rounds && strings.Contains(out.String(), line) {
				return
			}
			if time.Now().After(until) {
				t.Fatalf("no round %d with %q:\n%s%s", rounds, line, out.String(), errs.String())
			}
		}
	}
	change := func(text string, hours int) {
		write("job.sql", text)
		at := time.Now().Add(time.Duration(hours) * time.Hour) // whatever the disk's clock resolves
		if err := os.Chtimes(script, at, at); err != nil {
			t.Fatal(err)
		}
	}
	wait(1, "1 test, 1 passed")
	change(strings.Replace(job, "+ 1", "+ 2", 1), 1)
	wait(2, "1 test, 0 passed, 1 failed")
	change(job, 2)
	wait(3, "1 test, 1 passed")
	if n := strings.Count(out.String(), "1 test, 1 passed"); n != 2 {
		t.Errorf("it passed %d times", n)
	}
	stop()
	if err := <-ended; err == nil {
		t.Error("it ended without saying that it was interrupted")
	}
}
