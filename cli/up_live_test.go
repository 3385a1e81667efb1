package cli

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-dap"
)

const liveOrders = `1,A-17,10.00,2026-08-22 11:54:01
2,B-02,8.00,2026-08-22 11:54:03
3,A-17,21.00,2026-08-22 11:54:30
4,C-09,0.00,2026-08-22 11:54:31
5,A-17,12.50,2026-08-22 11:54:52
6,B-02,3.00,2026-08-22 11:55:10
8,B-02,4.00,2026-08-22 11:56:30
`

const liveScript = `CREATE TABLE orders (id BIGINT, sku STRING, amt DECIMAL(9,2), ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)
WITH ('connector'='filesystem', 'path'='orders', 'format'='csv', 'source.monitor-interval'='100 ms');
CREATE TABLE revenue (sku STRING, window_start TIMESTAMP(3), window_end TIMESTAMP(3), total DECIMAL(38,2)) WITH ('connector'='blackhole');
SET 'table.exec.source.idle-timeout' = '1 s';
SET 'parallelism.default' = '2';
INSERT INTO revenue SELECT sku, window_start, window_end, SUM(amt)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) WHERE amt > 0 GROUP BY sku, window_start, window_end;
`

// liveCluster has two nodes and the job of the orders. No order is late, whichever subtask
// hears first that the other source has none.
func liveCluster(t *testing.T) *testCluster {
	t.Helper()
	c := startCluster(t, "--nodes", "2")
	c.write("orders/1.csv", liveOrders)
	c.write("job.sql", liveScript)
	c.ok("run", "--detach", "job.sql")
	return c
}

func (c *testCluster) write(name, text string) {
	c.t.Helper()
	file := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// ok runs a command that must succeed and gives what it prints.
func (c *testCluster) ok(args ...string) string {
	c.t.Helper()
	out, errOut, code := c.mink(args...)
	if code != 0 {
		c.t.Fatalf("mink %s: exit %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return out + errOut
}

// elsewhere runs a command in another directory.
func (c *testCluster) elsewhere(dir string, args ...string) (string, int) {
	c.t.Helper()
	cmd := minkCommand(c.t, dir, args...)
	out, _ := cmd.CombinedOutput() // the exit code says it
	return string(out), cmd.ProcessState.ExitCode()
}

// TestUpDAP drives a job of mink up as an editor does: breakpoints on lines of the file that it
// was run from, steps both ways, rows and state, what the job has done since, and a job that
// stands still. What is seen was worked out by hand from the orders.
func TestUpDAP(t *testing.T) {
	c := liveCluster(t)
	c.write("other.sql", "SELECT 1;\n")
	const second = "9,A-17,1.25,2026-08-22 11:58:30\n10,A-17,2.00,2026-08-22 12:00:00\n"
	if !await(t.Context(), 20*time.Second, func() bool {
		text, _, code := c.mink("debug", "revenue", "-c", "why revenue#2")
		return code == 0 && strings.Contains(text, "revenue")
	}) {
		t.Fatal("the job gives nothing")
	}
	began, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	e := startEditor(t, "--dap")
	if got := refused(e, &dap.AttachRequest{Request: e.request("attach"), Arguments: []byte(`{"program": "nothing", "dir": ` + strconv.Quote(string(c.home)) + `}`)}); !strings.Contains(got, "nothing") {
		t.Errorf("a job that is not there is %q", got)
	}
	e.begin(`{"program": "revenue", "dir": ` + strconv.Quote(string(c.home)) + `}`)
	file := filepath.Join(c.dir, "job.sql")
	if b := e.breakAt(filepath.Join(c.dir, "other.sql"), dap.SourceBreakpoint{Line: 1}); len(b) != 1 || b[0].Verified {
		t.Errorf("in a file of another job there is %+v", b)
	}
	// Line 6 has the sink and the projection before it.
	set := e.breakAt(file, dap.SourceBreakpoint{Line: 6, Condition: "total > 40 OR total = 1.25"}, dap.SourceBreakpoint{Line: 6, LogMessage: "{sku} has {total}"})
	if len(set) != 2 || !set[0].Verified || !set[1].Verified || set[0].Source.Path != file {
		t.Fatalf("breakpoints are %+v", set)
	}
	if st := e.configured(); st.Reason != "entry" || strings.HasPrefix(st.Description, "0:0") {
		t.Errorf("it begins with %+v, not where the job is", st)
	}
	for e.reverse().Reason == "breakpoint" { // to the start
	}
	st := e.goOn()
	frames := e.stack()
	if st.Reason != "breakpoint" || frames[0].Line != 6 || frames[0].Source.Path != file {
		t.Fatalf("it stops with %+v at %+v", st, frames[0])
	}
	row := e.scope(frames[0].Id, "Row")
	if named(row, "sku").Value != "A-17" || named(row, "total").Value != "43.50" {
		t.Errorf("the row is %+v", row)
	}
	if got := e.evaluate(frames[0].Id, "repl", "why revenue WHERE total > 40"); !strings.Contains(got, "id=5 sku=A-17 amt=12.50") {
		t.Errorf("why gives %s", got)
	}
	if back := e.step("stepBack"); back.Description == st.Description {
		t.Errorf("a step back from %s leads to %s", st.Description, back.Description)
	}

	// On to the end of what there is; meanwhile the job gets two more orders.
	c.write("orders/2.csv", second)
	hit := false
	for end := time.Now().Add(20 * time.Second); !hit && time.Now().Before(end); {
		hit = e.goOn().Reason == "breakpoint" && named(e.scope(e.stack()[0].Id, "Row"), "total").Value == "1.25"
	}
	if !hit {
		t.Fatal("the job does not come to the orders that came later")
	}
	frames = e.stack()
	if frames[0].Line != 6 || frames[0].Source.Path != file {
		t.Errorf("it stops at %+v", frames[0])
	}
	if got := e.printed(); strings.Count(got, "A-17 has 43.50") != 1 || strings.Count(got, "A-17 has 1.25") != 1 {
		t.Errorf("a logpoint prints\n%s", got)
	}
	if got := e.evaluate(0, "repl", "stop-world"); got != "the job stands still" {
		t.Errorf("stop-world gives %q", got)
	}
	if st := wait[*dap.StoppedEvent](e).Body; st.Reason != "pause" {
		t.Errorf("it stops with %+v", st)
	}
	// The order of 12:00 waits for the end of its minute.
	at := slices.IndexFunc(e.stack(), func(f dap.StackFrame) bool { return strings.HasPrefix(f.Name, "WindowAggregate") })
	if at < 0 {
		t.Fatalf("the stack is %+v", e.stack())
	}
	if wins := e.scope(e.stack()[at].Id, "Windows"); len(wins) != 1 || !strings.Contains(wins[0].Name, "12:00:00") {
		t.Errorf("windows are %+v", wins)
	}
	if got := e.evaluate(0, "repl", "resume"); got != "the job goes on" {
		t.Errorf("resume gives %q", got)
	}
	e.leave()
	if now, err := os.Getwd(); err != nil || now != began {
		t.Errorf("the process works in %s then, not in %s: %v", now, began, err)
	}
	var line jobLine
	if err := json.Unmarshal([]byte(c.ok("jobs", "ls", "--output", "json")), &line); err != nil || line.State != "RUNNING" {
		t.Errorf("%+v, %v", line, err)
	}
}

// TestUpDebug looks at a job of mink up whose tasks are in two processes, from another
// process and another directory, while it runs: why a row is there and another is not, as
// worked out by hand from the orders; its tape replays; a changed script is tried on its
// state. The job hears nothing of it.
func TestUpDebug(t *testing.T) {
	c := liveCluster(t)
	dir := t.TempDir()
	job := []string{"--dir", string(c.home)}
	run := func(want int, args ...string) string {
		t.Helper()
		out, code := c.elsewhere(dir, append(args, job...)...)
		if code != want {
			t.Fatalf("mink %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, out)
		}
		return out
	}
	var id string
	if !await(t.Context(), 20*time.Second, func() bool {
		text, code := c.elsewhere(dir, append([]string{"debug", "revenue", "--json", "-c", "goto out=revenue#2"}, job...)...)
		return code == 0 && strings.Contains(text, "stop")
	}) {
		t.Fatal("the job gives nothing that can be looked at\n" + run(0, "debug", "revenue", "-c", "tasks"))
	}
	var line jobLine
	if err := json.Unmarshal([]byte(c.ok("jobs", "ls", "--output", "json")), &line); err != nil {
		t.Fatal(err)
	}
	id = line.ID
	why := run(0, "debug", id[:8], "-c", "why revenue WHERE sku = 'A-17'; why-not revenue WHERE sku = 'C-09'")
	for _, want := range []string{"total=43.50", "id=1 sku=A-17 amt=10.00", "id=3 sku=A-17 amt=21.00", "id=5 sku=A-17 amt=12.50", "filtered at Calc[2]"} {
		if !strings.Contains(why, want) {
			t.Errorf("no %q in\n%s", want, why)
		}
	}
	back := run(0, "debug", "insert-into", "--at", "out=revenue#1", "-c", "back output; where; step output; where")
	if !strings.Contains(back, "start of the tape") || !strings.Contains(back, "WindowAggregate[4]: gave") {
		t.Errorf("stepping:\n%s", back)
	}
	stopped := run(0, "debug", id, "--stop-world", "-c", "queues; resume; update; tasks")
	if !strings.Contains(stopped, "the job goes on") || strings.Contains(stopped, "waits") {
		t.Errorf("stopped:\n%s", stopped)
	}

	run(0, "tape", "record", id[:6], "-o", "job.mtape")
	if info := run2(t, dir, 0, "tape", "info", "job.mtape"); !strings.Contains(info, "taken while the job ran") || !strings.Contains(info, " 7  ") {
		t.Errorf("info:\n%s", info)
	}
	// The rows are read again where the cluster was started.
	run2(t, c.dir, 0, "tape", "replay", filepath.Join(dir, "job.mtape"))
	run(0, "tape", "record", "revenue", "--embed", "-o", "whole.mtape")
	run2(t, dir, 0, "tape", "replay", "whole.mtape")

	// A test of what the job has done by now, in the directory of who asks.
	run(0, "test", "new", "--from", "revenue", "-o", "of_job_test.sql")
	if text := run2(t, dir, 0, "test", "of_job_test.sql"); !strings.Contains(text, "1 passed") {
		t.Errorf("the test of the job:\n%s", text)
	}

	write := func(name, from, to string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(liveScript, from, to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("same.sql", "amt > 0", "amt > 1")
	write("max.sql", "SUM(amt)", "MAX(amt)")
	if text := run(0, "plan", "same.sql", "--against", id[:6]); !strings.Contains(text, "kept") {
		t.Errorf("plan:\n%s", text)
	}
	if text := run(1, "plan", "max.sql", "--against", "revenue"); !strings.Contains(text, "lost") {
		t.Errorf("plan:\n%s", text)
	}

	// The job is what it was, and goes on.
	c.write("orders/2.csv", "9,A-17,1.25,2026-08-22 11:58:30\n10,A-17,2.00,2026-08-22 12:00:00\n")
	if !await(t.Context(), 20*time.Second, func() bool {
		text, _ := c.elsewhere(dir, append([]string{"debug", id, "-c", "why revenue WHERE total = 1.25"}, job...)...)
		return strings.Contains(text, "id=9 sku=A-17 amt=1.25")
	}) {
		t.Error("the job does not go on")
	}
	if err := json.Unmarshal([]byte(c.ok("jobs", "ls", "--output", "json")), &line); err != nil || line.State != "RUNNING" {
		t.Errorf("%+v, %v", line, err)
	}
	// A tape is held to what it was made of.
	c.write("orders/1.csv", strings.Replace(liveOrders, "21.00", "22.00", 1))
	if text := run2(t, c.dir, 1, "tape", "replay", filepath.Join(dir, "job.mtape")); !strings.Contains(text, "divergence") {
		t.Errorf("replay over other rows:\n%s", text)
	}

	for _, x := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"debug", "nope", "-c", "where"}, exitUnreachable, []string{`no job "nope"`, "mink jobs ls"}},
		{[]string{"tape", "record", "nope", "-o", "x.mtape"}, exitUnreachable, []string{`no job "nope"`}},
		{[]string{"plan", "same.sql", "--against", "nope"}, exitUnreachable, []string{`no job "nope"`}},
		{[]string{"tape", "record", id, "--set", "a=b"}, exitUsage, []string{"--set is for a script"}},
		{[]string{"tape", "record", id, "--for", "1s", "--until", "+1s"}, exitUsage, []string{"--for 30s"}},
		{[]string{"tape", "record", id, "--until", "40:12"}, exitUsage, []string{"40:12", "mink tape cut"}},
		{[]string{"debug", "same.sql", "--stop-world"}, exitUsage, []string{"--stop-world is for a job"}},
	} {
		if text := run(x.code, x.args...); !containsAll(text, x.want) {
			t.Errorf("mink %s:\n%s", strings.Join(x.args, " "), text)
		}
	}
	c.write("job2.sql", strings.ReplaceAll(liveScript, "CREATE TABLE", "CREATE TABLE IF NOT EXISTS"))
	c.ok("run", "--detach", "job2.sql")
	if text := run(exitUnreachable, "debug", "revenue", "-c", "where"); !containsAll(text, []string{"means several jobs", id, "write more of the id"}) {
		t.Errorf("two jobs:\n%s", text)
	}
	c.ok("jobs", "cancel", id)
	if text := run(exitUnreachable, "debug", id, "-c", "where"); !containsAll(text, []string{"has ended (CANCELED)", "mink tape record SCRIPT"}) {
		t.Errorf("ended:\n%s", text)
	}
	if text := run2(t, dir, exitUnreachable, "debug", "revenue", "-c", "where"); !containsAll(text, []string{"no cluster runs in .mink", "--dir or --gateway"}) {
		t.Errorf("no cluster:\n%s", text)
	}
}

func containsAll(text string, all []string) bool {
	for _, s := range all {
		if !strings.Contains(text, s) {
			return false
		}
	}
	return true
}

// run2 is a command in a directory without a cluster.
func run2(t *testing.T, dir string, want int, args ...string) string {
	t.Helper()
	cmd := minkCommand(t, dir, args...)
	out, _ := cmd.CombinedOutput() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("mink %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, out)
	}
	return string(out)
}

// TestUpDebugDies: a client that holds a job and is killed holds it no longer than its lease;
// a job whose node dies while it is held goes on, and is looked at again.
func TestUpDebugDies(t *testing.T) {
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("takes half a minute: MINK_ALL=1")
	}
	c := startCluster(t, "--nodes", "2")
	c.write("job.sql", "SET 'parallelism.default' = '2';\nSET 'execution.checkpointing.interval' = '500 ms';\n"+jobsScript)
	c.ok("run", "--detach", "job.sql")
	rows := func() int64 {
		var d jobDetails
		if err := json.Unmarshal([]byte(c.ok("jobs", "show", "insert-into", "--output", "json")), &d); err != nil {
			t.Fatal(err)
		}
		if len(d.Vertices) < 2 {
			return 0
		}
		return d.Vertices[1].RowsIn
	}
	if !await(t.Context(), 20*time.Second, func() bool { return rows() > 100 }) {
		t.Fatal("the job does not begin")
	}
	hold := func() (kill func()) {
		cmd := minkCommand(t, c.dir, "debug", "insert-into", "--stop-world")
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, ":") {
			t.Fatalf("%q, %v", line, err)
		}
		_ = in
		return func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	kill := hold()
	n := rows()
	time.Sleep(18 * time.Second) // longer than a lease
	if m := rows(); m != n {
		t.Errorf("the job went on: %d rows, then %d", n, m)
	}
	kill()
	began := time.Now()
	if !await(t.Context(), 20*time.Second, func() bool { return rows() > n }) {
		t.Fatal("the job does not go on")
	}
	t.Logf("the job went on %v after its client was killed", time.Since(began).Round(time.Millisecond))

	kill = hold()
	st := c.status()
	if p, err := os.FindProcess(st.Nodes[0].PID); err == nil {
		_ = p.Kill()
		_ = p.Release()
	}
	c.whole(st.Nodes[0].PID)
	kill()
	if !await(t.Context(), 30*time.Second, func() bool {
		text, _, code := c.mink("debug", "insert-into", "-c", "tasks")
		return code == 0 && strings.Contains(text, "GroupAggregate")
	}) {
		out, errOut, _ := c.mink("debug", "insert-into", "-c", "tasks")
		t.Errorf("after the death of a node:\n%s%s", out, errOut)
	}
	c.ok("tape", "record", "insert-into", "--for", "2s", "-o", "x.mtape")
	c.ok("tape", "replay", "x.mtape")
}
