package leak

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// leaving is what TestMain leaves of the test process that TestMainFails starts.
const leaving = "MINK_TEST_LEAVE"

var kept int64

func TestMain(m *testing.M) {
	if os.Getenv(leaving) != "" {
		grace = 20 * time.Millisecond
	}
	Main(m, Count{"things that TestMainFails keeps", func() int64 { return kept }})
}

// left is what a check says of what do does.
func left(t *testing.T, patience time.Duration, do func(), counts ...Count) string {
	t.Helper()
	outer := os.Getenv("TMPDIR")
	b, err := begin(counts)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	do()
	text := strings.Join(b.left(patience), "")
	if os.Getenv("TMPDIR") == outer {
		t.Error("the temporary folder is not one of the check's own")
	}
	// A server that runs as another user passes through it, and sees nothing.
	if info, err := os.Stat(b.temp); err != nil || info.Mode().Perm() != 0o711 {
		t.Errorf("the temporary folder: %v, %v", info, err)
	}
	return text
}

func holds(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

func linux(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /proc")
	}
}

// waits is what a goroutine that is left does.
func waits(until chan struct{}) { <-until }

// TestGoroutines: those that are left are told with who started them and where they stand, equal ones
// once. One that ends soon is none.
func TestGoroutines(t *testing.T) {
	until := make(chan struct{})
	defer close(until)
	waiting := func() (n int) {
		for _, g := range goroutines() {
			if strings.HasPrefix(g.state, "chan receive") && strings.Contains(g.from, "leak.TestGoroutines") {
				n++
			}
		}
		return n
	}
	text := left(t, 20*time.Millisecond, func() {
		for range 3 {
			go waits(until)
		}
		go func() { <-until }()
		for waiting() < 4 {
			time.Sleep(time.Millisecond)
		}
	})
	holds(t, text, "3 goroutines, each started by github.com/minkstream/mink/testkit/leak.TestGoroutines.func", "now in [chan receive]", "leak.waits ", "1 goroutine, started by", "leak_test.go:")
	if n := strings.Count(text, "started by"); n != 2 {
		t.Errorf("%d kinds, want 2:\n%s", n, text)
	}
	if text := left(t, grace, func() { go time.Sleep(50 * time.Millisecond) }); text != "" {
		t.Errorf("one that ends soon: %s", text)
	}
}

// TestFiles: files, pipes and sockets that are open are told by name.
func TestFiles(t *testing.T) {
	linux(t)
	name := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var open []interface{ Close() error }
	defer func() {
		for _, o := range open {
			o.Close()
		}
	}()
	keep := func(o interface{ Close() error }, err error) {
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, o)
	}
	text := left(t, 20*time.Millisecond, func() {
		for range 2 {
			keep(os.Open(name))
		}
		r, w, err := os.Pipe()
		keep(r, err)
		keep(w, err)
		keep(net.Listen("tcp", "127.0.0.1:0"))
		keep(net.Listen("unix", filepath.Join(filepath.Dir(name), "s")))
	})
	holds(t, text, "6 open files of this process", name+" (2 times)", "pipe:[", "socket: tcp port ", " to 0, listening", "socket: unix "+filepath.Dir(name)+"/s")
	if text := left(t, 20*time.Millisecond, func() {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}); text != "" {
		t.Errorf("a file that was closed: %s", text)
	}
}

// TestProcesses: a child that runs, one that has ended and was not waited for, and one that a child
// has started and that has nothing to do with it any more.
func TestProcesses(t *testing.T) {
	linux(t)
	var run, dead *exec.Cmd
	text := left(t, 300*time.Millisecond, func() {
		run, dead = exec.Command("sleep", "60"), exec.Command("true")
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		if err := dead.Start(); err != nil {
			t.Fatal(err)
		}
	})
	holds(t, text, "2 processes started here", " runs: sleep 60", " has ended, and nobody waited for it")
	_ = run.Process.Kill()
	_ = run.Wait()
	_ = dead.Wait()

	text = left(t, 300*time.Millisecond, func() {
		if err := exec.Command("sh", "-c", "setsid sleep 61 >/dev/null 2>&1 </dev/null & exit 0").Run(); err != nil {
			t.Fatal(err)
		}
	})
	holds(t, text, "1 process started here or by one that was", " runs: sleep 61")
	for _, l := range strings.Split(text, "\n") {
		if pid, _, is := strings.Cut(strings.TrimSpace(l), " runs: "); is {
			if err := exec.Command("kill", pid).Run(); err != nil {
				t.Error(err)
			}
		}
	}
	if text := left(t, grace, func() {
		if err := exec.Command("true").Run(); err != nil {
			t.Fatal(err)
		}
	}); text != "" {
		t.Errorf("one that has ended: %s", text)
	}
}

// TestRest: files in the temporary folder, and what is counted elsewhere.
func TestRest(t *testing.T) {
	n := int64(0)
	text := left(t, 20*time.Millisecond, func() {
		if err := os.WriteFile(filepath.Join(os.TempDir(), "scratch-7"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		n = 2
	}, Count{"open stores", func() int64 { return n }})
	holds(t, text, "1 file in the temporary folder:\n    scratch-7\n", "2 open stores\n")
}

// TestMainFails: the tests of a package that leave something pass, and the package does not.
func TestMainFails(t *testing.T) {
	if os.Getenv(leaving) != "" {
		kept = 3
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env  string
		code int
	}{{"", 0}, {"1", 1}} {
		cmd := exec.Command(self, "-test.run=^TestMainFails$", "-test.v")
		if c.env == "" {
			cmd.Args[1] = "-test.run=^TestRest$"
		}
		cmd.Env = append(os.Environ(), leaving+"="+c.env)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%q: exit %d, want %d:\n%s", c.env, got, c.code, out)
		}
		if c.code != 0 {
			holds(t, string(out), "PASS", "left something behind (testkit/leak):\n3 things that TestMainFails keeps\n")
		}
	}
}

// BenchmarkCheck is what a package pays for it.
func BenchmarkCheck(b *testing.B) {
	for b.Loop() {
		c, err := begin(nil)
		if err != nil {
			b.Fatal(err)
		}
		c.left(0)
		c.close()
	}
}
