package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/cli/local"
)

// TestUpTour is the tour of README through a cluster: a job is submitted and left alone, a
// node and the coordinator are killed, and every row comes out once. Rows come four times as
// fast as there.
func TestUpTour(t *testing.T) {
	c := startCluster(t, "--nodes", "3")
	st := c.whole()
	for _, name := range []string{"numbers.sql", "check.sql"} {
		text, err := os.ReadFile(filepath.Join("..", "examples", "cluster", name))
		if err != nil {
			t.Fatal(err)
		}
		faster := strings.Replace(string(text), "'100000'", "'400000'", 1)
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(faster), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	must := func(args ...string) string {
		t.Helper()
		out, errOut, code := c.mink(args...)
		if code != 0 {
			t.Fatalf("mink %v: exit %d\n%s%s", args, code, out, errOut)
		}
		return out
	}
	must("run", "--detach", "numbers.sql")
	state := func() string {
		out, _, code := c.mink("jobs", "ls", "--output", "json")
		switch {
		case code != 0:
			return "none"
		case strings.Contains(out, "FINISHED"):
			return "FINISHED"
		}
		return strings.Join(strings.Fields(out), "")
	}
	for _, name := range []string{st.Nodes[1].Name, local.Coordinator} {
		time.Sleep(700 * time.Millisecond)
		if s := state(); s == "FINISHED" {
			t.Fatalf("the job had ended before %s was killed", name)
		}
		kill(c.home, name)
	}
	if !await(t.Context(), 60*time.Second, func() bool { return state() == "FINISHED" }) {
		t.Fatalf("the job does not end: %s", state())
	}
	if out := must("sql", "--dir", ".mink", "--output", "csv", "-f", "check.sql"); !strings.Contains(out, "1000000,1000000,1,1000000") {
		t.Errorf("copies:\n%s", out)
	}
	// Two million changes, which a reader of JSON would take long for.
	digits := map[string]int{}
	files, _ := filepath.Glob(filepath.Join(c.dir, "digits", "[^.]*"))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			op, row, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), `{"op":"`), `","row":`)
			if !ok {
				t.Fatalf("%s: %q", f, line)
			}
			if row = strings.TrimSuffix(row, "}"); op == "+I" || op == "+U" {
				digits[row]++
			} else {
				digits[row]--
			}
			if digits[row] == 0 {
				delete(digits, row)
			}
		}
	}
	if len(digits) != 10 {
		t.Errorf("%d digits: %v", len(digits), digits)
	}
	for row, n := range digits {
		if n != 1 || !strings.HasSuffix(row, `"n":100000}`) {
			t.Errorf("%d times %s", n, row)
		}
	}
	must("down")
	if out, _, code := c.mink("jobs", "ls"); code != exitUnreachable {
		t.Errorf("jobs of a cluster that is down: exit %d, %s", code, out)
	}
}
