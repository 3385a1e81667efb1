package rest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/probe"
)

// get gives the status, the kind and the body of a file that is asked for.
func (s *server) get(path string) (int, string, []byte) {
	s.t.Helper()
	res, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Content-Type"), b
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Logs come as they are, and nothing else does, however it is named: CVE-2020-17519.
func TestLogsOverREST(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("a line of a log\n", 40_000) // more than two pieces
	write(t, dir, "coordinator.log", long)
	write(t, dir, "coordinator.log.1", "older\n")
	write(t, dir, "coordinator.out", "")
	write(t, dir, "node-1.log", "of the node\n")
	write(t, dir, "secret.txt", "secret")
	outside := t.TempDir()
	write(t, outside, "token", "secret")
	if err := os.Symlink(filepath.Join(outside, "token"), filepath.Join(dir, "node-1.out")); err != nil {
		t.Fatal(err)
	}
	jobs := serve(t, NewJobManager(newClient(t), Options{Processes: OneProcess(probe.Of(probe.LogsOf(dir, "coordinator", "node-1"), ""))}))
	var names []string
	for _, l := range jobs.ok("GET", "/jobmanager/logs", nil)["logs"].([]any) {
		l := l.(map[string]any)
		names = append(names, fmt.Sprintf("%v %v", l["name"], l["size"]))
		if l["mtime"].(float64) < float64(time.Now().Add(-time.Hour).UnixMilli()) {
			t.Errorf("%v", l)
		}
	}
	if got := strings.Join(names, ", "); got != "coordinator.log 640000, coordinator.log.1 6, coordinator.out 0, node-1.log 12" {
		t.Error(got)
	}
	for path, want := range map[string]string{
		"/jobmanager/log": long, "/v1/jobmanager/log": long, "/jobmanager/stdout": "", "/jobmanager/logs/coordinator.log.1": "older\n",
		"/taskmanagers/node-1/log": "of the node\n", "/taskmanagers/node-1/logs/node-1.log": "of the node\n",
	} {
		st, kind, got := jobs.get(path)
		if st != 200 || string(got) != want || !strings.HasPrefix(kind, "text/plain") {
			t.Errorf("%s: %d %s, %d bytes, not %d", path, st, kind, len(got), len(want))
		}
	}
	tries := []string{"/taskmanagers/node-1/stdout", "/taskmanagers/node-9/log", "/taskmanagers/..%2f..%2fnode-1/log", "/jobmanager/profiler/coordinator.log"}
	for _, name := range []string{
		"secret.txt", "..", ".", "%2e%2e", "..%2f" + filepath.Base(outside) + "%2ftoken", "..%2f..%2f..%2f..%2fetc%2fpasswd", "..%252f..%252fetc%252fpasswd", "%2fetc%2fpasswd",
		"coordinator.log%00", "coordinator.log%2f..%2fsecret.txt", "./secret.txt", "..%5c..%5cetc%5cpasswd", "node-1.out", "coordinator.log%2f", "COORDINATOR.LOG", "",
		"..;/secret.txt", "%c0%ae%c0%ae%2fsecret.txt", filepath.Join(dir, "secret.txt"),
	} {
		for _, at := range []string{"/jobmanager/logs/", "/taskmanagers/node-1/logs/", "/jobmanager/profiler/", "/taskmanagers/node-1/profiler/"} {
			tries = append(tries, at+name)
		}
	}
	for _, path := range tries {
		st, kind, got := jobs.get(path)
		// What names no file ends at a list of JSON, of the path as the server cleans it.
		listed := st == 200 && strings.HasPrefix(kind, "application/json") && !strings.Contains(path, "/log?")
		if st != 404 && !listed || bytes.Contains(got, []byte("secret\n")) || bytes.Contains(got, []byte("root:")) || string(got) == "secret" {
			t.Errorf("%s: %d %s %.100s", path, st, kind, got)
		}
	}
}

// Stacks are those of this process: this test is on one of them.
func TestThreadDumpOverREST(t *testing.T) {
	jobs := serve(t, NewJobManager(newClient(t), Options{}))
	for _, path := range []string{"/jobmanager/thread-dump", "/taskmanagers/node-1/thread-dump"} {
		here := 0
		list := jobs.ok("GET", path, nil)["threadInfos"].([]any)
		for _, x := range list {
			x := object(x.(map[string]any))
			if strings.Contains(x.text("stringifiedThreadInfo"), "rest.TestThreadDumpOverREST(") {
				here++
			}
			if !regexp.MustCompile(`^goroutine \d+ `).MatchString(x.text("threadName")) || !strings.HasPrefix(x.text("stringifiedThreadInfo"), x.text("threadName")) {
				t.Errorf("%v", x)
			}
		}
		if here != 1 || len(list) < 3 {
			t.Errorf("%s: %d of %d stacks", path, here, len(list))
		}
	}
}

// leaves adds up what is at each name, and checks that no child is larger than its parent.
func leaves(t *testing.T, n map[string]any, into map[string]float64) float64 {
	t.Helper()
	sum := 0.
	for _, c := range n["children"].([]any) {
		c := c.(map[string]any)
		into[c["name"].(string)] += c["value"].(float64)
		sum += leaves(t, c, into)
	}
	if v := n["value"].(float64); sum > v {
		t.Errorf("%v has %v, and below it are %v", n["name"], v, sum)
	}
	return n["value"].(float64)
}

// A flame graph shows a vertex and no other: its operators where it works, that it is parked
// where it does not.
func TestFlameGraphOverREST(t *testing.T) {
	c := newClient(t)
	gate := func() *server {
		g := NewGateway(c, Options{Value: values})
		t.Cleanup(func() { _ = g.Close() })
		return serve(t, g)
	}()
	jobs := serve(t, NewJobManager(c, Options{FlameFor: time.Second}))
	session := gate.session(nil)
	gate.run(session, "CREATE TABLE g (id BIGINT, a STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '10000000', 'fields.id.min' = '1', 'fields.id.max' = '100000')")
	gate.run(session, "CREATE TABLE slow (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1')")
	gate.run(session, "CREATE TABLE b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')")
	busy := insertOf(gate, session, "INSERT INTO b SELECT id, COUNT(*) FROM (SELECT id, SHA2(CAST(id AS STRING), 512) AS h FROM g) WHERE h <> 'x' GROUP BY id")
	idle := insertOf(gate, session, "INSERT INTO b SELECT id, COUNT(*) FROM slow GROUP BY id")
	vertex := func(job, name string) string {
		for _, v := range jobs.ok("GET", "/jobs/"+job, nil)["vertices"].([]any) {
			if v := object(v.(map[string]any)); strings.Contains(v.text("name"), name) {
				return "/jobs/" + job + "/vertices/" + v.text("id") + "/flamegraph"
			}
		}
		t.Fatalf("no vertex %s", name)
		return ""
	}
	jobs.await("rows", "/jobs/"+busy, func(o object) bool { return o.text("state") == "RUNNING" })
	source, counts, still := vertex(busy, "Source"), vertex(busy, "GlobalGroupAggregate"), vertex(idle, "GlobalGroupAggregate")
	if got := jobs.ok("GET", source, nil); got["endTimestamp"] != -3. || got["data"] != nil {
		t.Errorf("the first answer is %v", got)
	}
	seen := func(path, kind string) (float64, map[string]float64) {
		t.Helper()
		o := jobs.await("sample", path+"?type="+kind, func(o object) bool { return o["endTimestamp"].(float64) > 0 })
		into := map[string]float64{}
		return leaves(t, o["data"].(map[string]any), into), into
	}
	has := func(m map[string]float64, part string) (n float64) {
		for k, v := range m {
			if strings.Contains(k, part) {
				n += v
			}
		}
		return n
	}
	for _, x := range []struct {
		path, other string
		works       bool
	}{{source, "exec.(*groupAgg", true}, {counts, "sha512", false}} {
		on, names := seen(x.path, "on_cpu")
		off, _ := seen(x.path, "OFF_CPU")
		full, _ := seen(x.path, "FULL")
		// Of an instrumented build most samples lie in the detector, without the frames above.
		if on+off != full || x.works != (has(names, "sha512") > 0) || has(names, x.other) != 0 || has(names, "parked") != 0 {
			t.Errorf("%s: %v on, %v off, %v in all: %v", x.path, on, off, full, names)
		}
	}
	if st, _ := jobs.send("GET", source+"?subtaskindex=7", nil); st != 404 {
		t.Errorf("%d", st)
	}
	jobs.ok("PATCH", "/jobs/"+busy+"?mode=cancel", nil)
	jobs.await("end", "/jobs/"+busy, func(o object) bool { return o.text("state") == "CANCELED" })
	if got := jobs.ok("GET", source, nil); got["endTimestamp"] != -1. {
		t.Errorf("of a job that has ended: %v", got)
	}
	on, _ := seen(still, "ON_CPU")
	off, names := seen(still, "OFF_CPU")
	if on > 5 || has(names, "parked: no input") < off/2 || off < 20 {
		t.Errorf("a vertex without rows: %v on, %v off: %v", on, off, names)
	}
	if st, text := jobs.send("GET", still+"?type=HALF", nil); st != 400 || !strings.Contains(text, "HALF") {
		t.Errorf("%d %s", st, text)
	}
}

// A profile is made, listed and fetched, one at a time.
func TestProfilerOverREST(t *testing.T) {
	jobs := serve(t, NewJobManager(newClient(t), Options{Processes: OneProcess(probe.Of(probe.LogsOf(""), filepath.Join(t.TempDir(), "profiles")))}))
	const path = "/taskmanagers/node-1/profiler"
	if got := jobs.ok("GET", path, nil)["profilingList"].([]any); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for _, bad := range []object{{"mode": "CPU", "duration": 0}, {"mode": "CPU", "duration": 301}, {"mode": "HEAP", "duration": 1}, {}} {
		if st, text := jobs.send("POST", path, bad); st != 400 || !strings.Contains(text, "must be") {
			t.Errorf("%v: %d %s", bad, st, text)
		}
	}
	began := jobs.ok("POST", path, object{"mode": "ALLOC", "duration": 1})
	if began.text("status") != "RUNNING" || began["finishedTime"] != nil || began["outputFile"] != nil {
		t.Errorf("%v", began)
	}
	if st, text := jobs.send("POST", path, object{"mode": "CPU", "duration": 1}); st != 409 || !strings.Contains(text, "is being made") {
		t.Errorf("a second one: %d %s", st, text)
	}
	done := object(jobs.await("profile", path, func(o object) bool {
		return o["profilingList"].([]any)[0].(map[string]any)["status"] != "RUNNING"
	})["profilingList"].([]any)[0].(map[string]any))
	if done.text("status") != "FINISHED" || done.text("mode") != "ALLOC" || !strings.HasSuffix(done.text("outputFile"), ".pb.gz") {
		t.Fatalf("%v", done)
	}
	st, kind, got := jobs.get(path + "/" + done.text("outputFile"))
	z, err := gzip.NewReader(bytes.NewReader(got))
	if st != 200 || kind != "application/octet-stream" || err != nil {
		t.Fatalf("%d %s %v", st, kind, err)
	}
	if raw, err := io.ReadAll(z); err != nil || !bytes.Contains(raw, []byte("alloc_space")) {
		t.Errorf("%v %.200q", err, raw)
	}
}

// Nothing brings code into a cluster, and each try is told what to do instead.
func TestNoJars(t *testing.T) {
	jobs := serve(t, NewJobManager(newClient(t), Options{}))
	if got := jobs.ok("GET", "/jars", nil); len(got["files"].([]any)) != 0 || got.text("address") != jobs.url {
		t.Errorf("%v", got)
	}
	for _, x := range [][2]string{{"POST", "/jars/upload"}, {"POST", "/v1/jars/a.jar/run"}, {"POST", "/jars/a.jar/plan"}, {"GET", "/jars/a.jar/plan"}, {"DELETE", "/jars/a.jar"}, {"POST", "/jobs"}} {
		if st, text := jobs.send(x[0], x[1], nil); st != 501 || !strings.Contains(text, `{"errors":["mink takes and runs no jars`) || !strings.Contains(text, "mink run --detach") {
			t.Errorf("%v: %d %s", x, st, text)
		}
	}
}

// documented are the rows of the table of routes in docs/rest.md, with what is said of each.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/rest.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		for _, name := range regexp.MustCompile("`([A-Z]+) (/[^`]*)`").FindAllStringSubmatch(cells[1], -1) {
			if out[name[1]+" "+name[2]] != "" {
				t.Errorf("%s %s stands twice", name[1], name[2])
			}
			out[name[1]+" "+name[2]] = strings.TrimSpace(cells[2])
		}
	}
	return out
}

// The table of routes in docs/rest.md says what the server does, and has all that it has.
func TestRoutesAreDocumented(t *testing.T) {
	jobs := serve(t, NewJobManager(newClient(t), Options{}))
	table := documented(t)
	path := strings.NewReplacer("{j}", strings.Repeat("0", 32), "{v}", strings.Repeat("0", 32), "{tm}", "node-1", "{c}", "1", "{i}", "0", "{a}", "0", "{trigger}", strings.Repeat("0", 32),
		"{file}", "x", "{jar}", "x", "{id}", strings.Repeat("0", 32))
	there := map[string]bool{}
	for _, r := range JobManagerRoutes() {
		if strings.HasPrefix(r.Path, "/v1/") || strings.HasPrefix(r.Path, "/mink/") {
			continue
		}
		name := r.Method + " " + r.Path
		there[name] = true
		if table[name] != "yes" && table[name] != "refused" {
			t.Errorf("%s is served, and the table says %q of it", name, table[name])
		}
	}
	for name, says := range table {
		method, at, _ := strings.Cut(name, " ")
		if method != "GET" && says == "yes" || at == "/metrics" || !there[name] && says == "yes" {
			if !there[name] {
				t.Errorf("%s is not served, and the table says that it is", name)
			}
			continue
		}
		req, err := http.NewRequest(method, jobs.url+path.Replace(at), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		unknown := res.StatusCode == 404 && strings.Contains(string(body), `"Not found: `) || res.StatusCode == 405
		switch says {
		case "yes":
			if unknown {
				t.Errorf("%s: %d %s", name, res.StatusCode, body)
			}
		case "refused":
			if unknown || res.StatusCode/100 == 2 {
				t.Errorf("%s: %d %s", name, res.StatusCode, body)
			}
		case "no":
			if !unknown || there[name] {
				t.Errorf("%s is said not to be there: %d %s", name, res.StatusCode, body)
			}
		default:
			t.Errorf("%s: %q", name, says)
		}
	}
	if len(table) < 80 {
		t.Errorf("%d routes", len(table))
	}
}
