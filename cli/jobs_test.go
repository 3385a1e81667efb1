package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const jobsScript = `CREATE TABLE IF NOT EXISTS g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '500', 'fields.id.min' = '1', 'fields.id.max' = '9');
CREATE TABLE IF NOT EXISTS b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO b SELECT id, COUNT(*) FROM g GROUP BY id;
`

// A job that is left on the cluster, watched and stopped, all from the command line.
func TestJobsOnACluster(t *testing.T) {
	c := startCluster(t)
	c.whole()
	if err := os.WriteFile(filepath.Join(c.dir, "job.sql"), []byte(jobsScript), 0o644); err != nil {
		t.Fatal(err)
	}
	ok := func(args ...string) string {
		t.Helper()
		out, errOut, code := c.mink(args...)
		if code != 0 {
			t.Fatalf("mink %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errOut)
		}
		return out + errOut
	}
	list := func(args ...string) (out []jobLine) {
		t.Helper()
		text, _, _ := c.mink(append([]string{"jobs", "ls", "--output", "json"}, args...)...)
		for l := range strings.Lines(text) {
			var j jobLine
			if err := json.Unmarshal([]byte(l), &j); err != nil {
				t.Fatalf("%v in %s", err, text)
			}
			out = append(out, j)
		}
		return out
	}
	ok("run", "--detach", "job.sql")
	jobs := list()
	if len(jobs) != 1 || jobs[0].Ended != "" {
		t.Fatalf("%+v", jobs)
	}
	id := jobs[0].ID
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var d jobDetails
		if err := json.Unmarshal([]byte(ok("jobs", "show", id[:6], "--output", "json")), &d); err != nil {
			t.Fatal(err)
		}
		if d.State == "RUNNING" && len(d.Vertices) == 2 && d.Vertices[1].RowsIn > 100 && d.Vertices[1].RowsOut > 100 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%+v", d)
		}
	}
	if got := ok("jobs", "metrics", "--match", "numRecordsIn", jobs[0].Name); !strings.Contains(got, "GroupAggregate.numRecordsIn") {
		t.Error(got)
	}
	path := strings.TrimSpace(ok("jobs", "savepoint", id, "sp"))
	if _, err := os.Stat(filepath.Join(path, "_metadata")); err != nil {
		t.Error(err)
	}
	if got := ok("jobs", "checkpoints", id); !strings.Contains(got, "savepoint") {
		t.Error(got)
	}
	path = strings.TrimSpace(ok("jobs", "stop", "--savepoint-dir", "sp", id))
	if _, err := os.Stat(filepath.Join(path, "_metadata")); err != nil {
		t.Error(err)
	}
	// A script that waits is ended by Ctrl-C, with the job it began.
	st := c.status()
	cmd := minkCommand(t, c.dir, "run", "--gateway", st.Gateway, "job.sql")
	var errOut strings.Builder
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); len(list("--running")) == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	err := cmd.Wait()
	if e, is := err.(*exec.ExitError); !is || e.ExitCode() != exitInterrupted {
		t.Errorf("%v\n%s", err, errOut.String())
	}
	if jobs = list(); len(jobs) != 2 || jobs[1].State != "CANCELED" {
		t.Errorf("%+v", jobs)
	}
	// A job that fails gives its place in the script.
	bad := "INSERT INTO b SELECT 1, 1 / a\n FROM (VALUES (0)) AS t (a);"
	out, text, code := c.mink("sql", "--gateway", st.Gateway, "-e", bad)
	if code != exitFailed || !strings.Contains(text, "1:1: division-by-zero") {
		t.Errorf("exit %d\n%s%s", code, out, text)
	}
	jobs = list()
	if got := ok("jobs", "exceptions", jobs[len(jobs)-1].ID); !strings.Contains(got, "division-by-zero") {
		t.Error(got)
	}
	if got := ok("sql", "--gateway", st.Gateway, "--set", "execution.runtime-mode=batch", "--output", "csv", "-e", "SELECT 1 AS a, 'x' AS b"); !strings.Contains(got, "a,b\r\n1,x\r\n") {
		t.Error(got)
	}
	ok("run", "--detach", "job.sql")
	ok("jobs", "cancel", list("--running")[0].ID)
	if got := list("--running"); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestClusterFlags(t *testing.T) {
	none := t.TempDir()
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"sql --gateway http://127.0.0.1:1 -e SELECT", exitUnreachable, "cannot reach http://127.0.0.1:1"},
		{"jobs ls --rest http://127.0.0.1:1", exitUnreachable, "cannot reach http://127.0.0.1:1"},
		{"jobs ls --dir " + none, exitUnreachable, "no cluster runs in"},
		{"jobs ls --output xml --dir " + none, exitUsage, "no output form"},
		{"sql --detach --dir " + none + " -e SELECT", exitUsage, "--detach needs a cluster"},
		{"sql --gateway nonsense://x -e SELECT", exitUsage, "no address"},
		{"sql --rest http://x -e SELECT", exitUsage, "--rest without --gateway"},
		{"sql --gateway http://x --nodes 2 -e SELECT", exitUsage, "--nodes is for an embedded cluster"},
		{"sql --gateway http://127.0.0.1:1 --dry-run -e SELECT", exitUnreachable, "cannot reach http://127.0.0.1:1"},
	} {
		var out, errOut strings.Builder
		if code := Main(strings.Fields(c.args), strings.NewReader(""), &out, &errOut); code != c.code || !strings.Contains(errOut.String(), c.want) {
			t.Errorf("mink %s: exit %d, want %d\n%s", c.args, code, c.code, errOut.String())
		}
	}
}
