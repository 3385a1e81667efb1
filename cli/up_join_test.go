package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestUpJoin: a node joins over TCP with the token of the cluster, runs its jobs beside the
// others, and ends with it. Without the token, with one of before or of another cluster it
// does not, and it says why.
func TestUpJoin(t *testing.T) {
	c := startCluster(t, "--nodes", "1", "--slots", "1", "--listen", "127.0.0.1", "--node-port", "0")
	token, errs, code := c.mink("node", "token")
	if code != 0 || !strings.HasPrefix(token, "mink-join-") {
		t.Fatalf("%q %s", token, errs)
	}
	st := c.status()
	if st.Join == "" {
		t.Fatalf("%+v", st)
	}
	own := filepath.Join(t.TempDir(), "node")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	node := minkCommand(t, c.dir, "node", "--join", st.Join, "--token-file", file, "--dir", own, "--slots", "1")
	var said bytes.Buffer
	node.Stderr = &said
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- node.Wait() }()
	t.Cleanup(func() { _ = node.Process.Kill() })
	if !await(t.Context(), 20*time.Second, func() bool { return len(c.status().Nodes) == 2 }) {
		t.Fatalf("it does not join: %s", said.String())
	}
	if n := c.status().Nodes[1]; n.Name != "node-2" || n.State != running || n.From == "" || n.PID != node.Process.Pid || n.Slots != 1 {
		t.Errorf("%+v", n)
	}
	// Two slots are needed, and there is one on each node: alone node-1 would refuse it.
	put(t, filepath.Join(c.dir, "in", "a.csv"), "1,2\n3,4\n")
	put(t, filepath.Join(c.dir, "in", "b.csv"), "1,5\n3,6\n")
	put(t, filepath.Join(c.dir, "job.sql"), `SET 'parallelism.default' = '2';
CREATE TABLE a (k INT, v INT) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = 'csv');
CREATE TABLE b (k INT, v INT) WITH ('connector' = 'filesystem', 'path' = 'out', 'format' = 'csv');
SET 'execution.runtime-mode' = 'batch';
INSERT INTO b SELECT k, SUM(v) FROM a GROUP BY k;
`)
	if out, errs, code := c.mink("run", "--detach", "job.sql"); code != 0 {
		t.Fatalf("%s%s", out, errs)
	}
	got := ""
	if !await(t.Context(), 20*time.Second, func() bool {
		got = ""
		list, _ := filepath.Glob(filepath.Join(c.dir, "out", "*"))
		for _, f := range list {
			b, _ := os.ReadFile(f)
			got += string(b)
		}
		return strings.Count(got, "\n") == 2
	}) || !strings.Contains(got, "1,7\n") || !strings.Contains(got, "3,10\n") {
		t.Errorf("the job wrote %q", got)
	}
	refused := func(what, want string, args ...string) {
		t.Helper()
		_, errs, code := c.mink(append([]string{"node", "--join", st.Join, "--dir", filepath.Join(t.TempDir(), "x")}, args...)...)
		if code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", what, code, errs)
		}
	}
	if _, _, code := c.mink("node", "token", "--new"); code != 0 {
		t.Error("no new token")
	}
	refused("no token", "no join token")
	refused("a token of before", "the join token is not, or no longer, that of this cluster", "--token-file", file)
	put(t, file, token[:20]+"A"+token[21:])
	refused("a token of another cluster", "it belongs to another cluster than the join token", "--token-file", file)
	for _, log := range []string{"coordinator.log", "node-1.log", "audit.log"} {
		if b, _ := os.ReadFile(c.home.Path("log", log)); bytes.Contains(b, []byte(token[60:90])) {
			t.Errorf("the token is in %s", log)
		}
	}
	audit, _ := os.ReadFile(c.home.Path("log", "audit.log"))
	for _, want := range []string{`"door":"join","who":"node-2","kind":"join","outcome":"ok"`, `"door":"join","who":"unknown"`, `"door":"cli","who":"uid `, `"kind":"node token --new","outcome":"ok"`} {
		if !strings.Contains(string(audit), want) {
			t.Errorf("the audit log lacks %s:\n%s", want, audit)
		}
	}
	if err := node.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the node that joined has ended: %v, %s", err, said.String())
	}
	c.mink("down")
	if audit, _ = os.ReadFile(c.home.Path("log", "audit.log")); !strings.Contains(string(audit), `"kind":"down"`) {
		t.Errorf("the audit log lacks the end:\n%s", audit)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ends with %v: %s", err, said.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end with its cluster")
	}
	c.up("--nodes", "1") // what startCluster ends
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
