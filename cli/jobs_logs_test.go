package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestUpJobLogs: each line about a job says which task it is about, on the nodes too; a node that
// dies and comes back leaves no gap; --follow ends with the job.
func TestUpJobLogs(t *testing.T) {
	c := startCluster(t, "--nodes", "2")
	script := "CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000', 'fields.id.min' = '1', 'fields.id.max' = '9');\n" +
		"CREATE TABLE b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole');\nSET 'parallelism.default' = '2';\nSET 'execution.checkpointing.interval' = '100 ms';\n" +
		"INSERT INTO b SELECT id, COUNT(*) FROM g GROUP BY id;\n"
	if err := os.WriteFile(filepath.Join(c.dir, "job.sql"), []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errOut, code := c.mink("run", "--detach", "job.sql"); code != 0 {
		t.Fatal(errOut)
	}
	type line struct {
		Time, Msg, Job, Vertex, Node string
		Subtask, Attempt             *int
	}
	read := func(args ...string) (out []line) {
		t.Helper()
		text, errOut, code := c.mink(append([]string{"jobs", "logs", "--output", "json"}, args...)...)
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errOut)
		}
		for l := range strings.Lines(text) {
			var x line
			if err := json.Unmarshal([]byte(l), &x); err != nil {
				t.Fatalf("%v in %s", err, l)
			}
			out = append(out, x)
		}
		return out
	}
	runs := func(list []line, attempt int) (nodes []string) {
		for _, l := range list {
			if l.Msg == "task runs" && *l.Attempt == attempt {
				nodes = append(nodes, l.Node)
			}
		}
		slices.Sort(nodes)
		return nodes
	}
	awaitRuns := func(attempt int) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); len(runs(read("b"), attempt)) < 4; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("attempt %d: %v", attempt, read("b"))
			}
		}
	}
	awaitRuns(1)
	if got := runs(read("b"), 1); strings.Join(got, " ") != "node-1 node-1 node-2 node-2" {
		t.Errorf("tasks ran on %v", got)
	}
	follow := minkCommand(t, c.dir, "jobs", "logs", "--follow", "b")
	var followed strings.Builder
	follow.Stdout = &followed
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	if !await(t.Context(), 20*time.Second, func() bool {
		out, _, _ := c.mink("jobs", "checkpoints", "b")
		return strings.Contains(out, "COMPLETED")
	}) {
		t.Fatal("no checkpoint completes")
	}
	_ = syscall.Kill(c.status().Nodes[1].PID, syscall.SIGKILL)
	awaitRuns(2)
	restored := func() bool {
		return slices.ContainsFunc(read("b"), func(l line) bool { return l.Msg == "task has its state from a checkpoint" })
	}
	if !await(t.Context(), 20*time.Second, restored) {
		t.Fatalf("none has its state from a checkpoint: %v", read("b"))
	}
	all := read("b")
	for i, l := range all {
		if l.Job != all[0].Job || i > 0 && l.Time < all[i-1].Time || l.Vertex != "" && (l.Subtask == nil || l.Attempt == nil) {
			t.Errorf("%+v", l)
		}
	}
	for _, l := range read("--vertex", "globalgroup", "--subtask", "1", "b") {
		if !strings.Contains(l.Vertex, "GroupAggregate") || *l.Subtask != 1 {
			t.Errorf("%+v", l)
		}
	}
	if _, errOut, code := c.mink("jobs", "logs", "--vertex", "nope", "b"); code != exitUsage || !strings.Contains(errOut, "its vertices are: ") {
		t.Errorf("exit %d: %s", code, errOut)
	}
	if _, errOut, code := c.mink("jobs", "cancel", "b"); code != 0 {
		t.Error(errOut)
	}
	ended := make(chan error, 1)
	go func() { ended <- follow.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("--follow does not end")
		_ = follow.Process.Kill()
		<-ended
	}
	got := followed.String()
	for _, want := range []string{"  attempt=1", "task has its state from a checkpoint", "  attempt=2", "node=node-2", "job  state=CANCELED"} {
		if !strings.Contains(got, want) {
			t.Errorf("followed without %q:\n%s", want, got)
		}
	}
	for l := range strings.Lines(got) {
		if strings.Count(got, l) != 1 {
			t.Errorf("%d times %s", strings.Count(got, l), l)
		}
	}
}
