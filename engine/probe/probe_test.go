package probe

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// both are this process, near and as another one asks it.
func both(t *testing.T, logs *Logs) map[string]Process {
	near := Of(logs, filepath.Join(t.TempDir(), "profiles"))
	return map[string]Process{"near": near, "far": Far(func(ctx context.Context, q []byte) ([]byte, error) { return Answer(ctx, near, q) })}
}

func add(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	f.Close()
}

// TestLinesFollow: whoever follows a log gets each line once and in order, also when the log is
// put aside between two looks, and no line that is half written.
func TestLinesFollow(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "p.log")
	for name, p := range both(t, LogsOf(dir, "p")) {
		_ = os.Remove(file)
		_ = os.Remove(file + ".1")
		next, n := "", 0
		var got []string
		look := func() {
			t.Helper()
			for more := true; more; {
				l, err := p.Lines(t.Context(), LinesOf{Job: "j1", Subtask: -1, From: next})
				if err != nil {
					t.Fatal(err)
				}
				got, next, more = append(got, l.Lines...), l.Next, l.More
			}
		}
		line := func(job string) string {
			n++
			return fmt.Sprintf(`{"job":%q,"n":%d,"vertex":"v","subtask":%d}`+"\n", job, n, n%2)
		}
		look()
		add(t, file, line("j1")+line("j2")+line("j1"))
		look()
		add(t, file, `{"job":"j1","n":`)
		look()
		if len(got) != 2 {
			t.Errorf("%s: %q", name, got)
		}
		add(t, file, `4}`+"\nno JSON, j1\n")
		n++
		add(t, file, line("j1"))
		if err := os.Rename(file, file+".1"); err != nil {
			t.Fatal(err)
		}
		add(t, file, line("j1"))
		look()
		for range 3 {
			add(t, file, line("j1"))
			look()
		}
		var want []string
		for _, k := range []int{1, 3, 4, 5, 6, 7, 8, 9} {
			want = append(want, fmt.Sprintf(`"n":%d`, k))
		}
		for i, l := range got {
			if i >= len(want) || !strings.Contains(l, want[i]) {
				t.Errorf("%s: line %d is %s", name, i, l)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d lines, not %d", name, len(got), len(want))
		}
		l, err := p.Lines(t.Context(), LinesOf{Job: "j1", Vertex: "v", Subtask: 1})
		if err != nil || len(l.Lines) != 5 {
			t.Errorf("%s: of a subtask %q %v", name, l.Lines, err)
		}
		if _, err := p.Lines(t.Context(), LinesOf{From: "nonsense"}); diag.CodeOf(err) != diag.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var sink int

// burn is what the profiles of the test are to find.
//
//go:noinline
func burn(until time.Time) {
	for time.Now().Before(until) {
		for i := range 1000 {
			sink += i * i
		}
	}
}

// TestProfilesAreGos: Go's own tool reads what is written, and finds in it what the program did;
// a stack that was seen by labels is told apart.
func TestProfilesAreGos(t *testing.T) {
	for name, p := range both(t, LogsOf(t.TempDir())) {
		if _, err := p.Profile(t.Context(), Wall, 300*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Profile(t.Context(), Wall, time.Second); diag.CodeOf(err) != diag.Conflict {
			t.Errorf("%s: a second one: %v", name, err)
		}
		done := make(chan struct{})
		go pprof.Do(context.Background(), pprof.Labels("job", "j", "vertex", "3", "subtask", "1"), func(context.Context) {
			burn(time.Now().Add(300 * time.Millisecond))
			close(done)
		})
		s, err := p.Sample(t.Context(), SampleOf{Labels: [3]string{"job", "vertex", "subtask"}, Job: "j", Vertex: "3", Duration: 250 * time.Millisecond, Steps: "probe.burn"})
		<-done
		if err != nil || len(s.Running) == 0 {
			t.Fatalf("%s: %+v %v", name, s, err)
		}
		found := int64(0) // a sample within the kernel's clock has no callers
		for _, w := range s.Running {
			if w.Subtask != 1 || w.Weight <= 0 {
				t.Errorf("%s: %+v", name, w)
			}
			if strings.Contains(strings.Join(w.Stack, " "), "probe.burn:") {
				found += w.Weight
			}
		}
		if found == 0 {
			t.Errorf("%s: probe.burn is not in %+v", name, s.Running)
		}
		s, err = p.Sample(t.Context(), SampleOf{Labels: [3]string{"job", "vertex", "subtask"}, Job: "j", Vertex: "4", Duration: 20 * time.Millisecond})
		if err != nil || len(s.Running)+len(s.Waiting) != 0 {
			t.Errorf("%s: of another vertex %+v %v", name, s, err)
		}
		var list []Profiling
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if list, err = p.Profiles(t.Context()); err != nil || time.Now().After(end) || len(list) > 0 && !list[0].Ended.IsZero() {
				break
			}
		}
		raw, err := p.ProfileFile(t.Context(), list[0].File)
		if err != nil || list[0].Failure != "" {
			t.Fatalf("%s: %+v %v", name, list, err)
		}
		back, err := parse(raw)
		if err != nil || len(back.kinds) != 1 || back.kinds[0] != [2]string{"goroutine", "count"} ||
			!slices.ContainsFunc(back.samples, func(s sample) bool { return s.labels["subtask"] == "1" && calls(&s, "probe.burn") }) {
			t.Errorf("%s: %v %v", name, back, err)
		}
		if os.Getenv("MINK_ALL") != "" { // the tool has to be built first
			file := filepath.Join(t.TempDir(), "x.pb.gz")
			add(t, file, string(raw))
			out, err := exec.Command("go", "tool", "pprof", "-raw", file).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "goroutine/count") || !strings.Contains(string(out), "probe.burn") || !strings.Contains(string(out), "subtask:[1]") {
				t.Errorf("%s: %v\n%.3000s", name, err, out)
			}
		}
		for _, bad := range []string{"", "../x", "x.pb.gz", "/etc/passwd"} {
			if _, err := p.ProfileFile(t.Context(), bad); diag.CodeOf(err) != diag.NotFound {
				t.Errorf("%s: %q: %v", name, bad, err)
			}
		}
		if _, err := p.Profile(t.Context(), "HEAP", time.Second); diag.CodeOf(err) != diag.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}
