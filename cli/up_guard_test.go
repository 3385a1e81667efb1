package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine/serve/guard"
	"github.com/minkstream/mink/engine/serve/rest"
)

// call asks a server of the cluster; head has headers, and Host the name that it is asked by.
func (c *testCluster) call(method, url string, head map[string]string, body string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	for k, v := range head {
		if k == "Host" {
			r.Host = v
		} else {
			r.Header.Set(k, v)
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// sql is a session of the gateway.
type sqlSession struct {
	*testCluster
	base, handle string
	head         map[string]string
}

func (c *testCluster) session() *sqlSession {
	c.t.Helper()
	info, err := c.home.Info()
	if err != nil || info == nil {
		c.t.Fatalf("no cluster: %v", err)
	}
	s := &sqlSession{testCluster: c, base: info.Gateway + "/v4/sessions", head: map[string]string{"Authorization": "Bearer " + info.Token, "Content-Type": "application/json"}}
	var got struct{ SessionHandle string }
	code, text := c.call("POST", s.base, s.head, "{}")
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != 200 {
		c.t.Fatalf("a session: %d %s", code, text)
	}
	s.handle = got.SessionHandle
	return s
}

// run runs a statement and returns what its first pages of results hold, as text.
func (s *sqlSession) run(sql string) (text string, ok bool) {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"statement": sql})
	code, text := s.call("POST", s.base+"/"+s.handle+"/statements", s.head, string(body))
	if code != 200 {
		return text, false
	}
	var op struct{ OperationHandle string }
	if err := json.Unmarshal([]byte(text), &op); err != nil {
		s.t.Fatal(err)
	}
	url := s.base + "/" + s.handle + "/operations/" + op.OperationHandle
	all := ""
	for token := 0; ; {
		code, text := s.call("GET", url+"/result/"+string(rune('0'+token)), s.head, "")
		all += text
		if code != 200 {
			return all, false
		}
		var page struct{ ResultType, JobID string }
		_ = json.Unmarshal([]byte(text), &page) // what is missing shows below
		switch page.ResultType {
		case "NOT_READY":
			time.Sleep(5 * time.Millisecond)
			continue
		case "EOS":
			return all, true
		}
		if token++; token > 9 {
			return all, true
		}
	}
}

func (s *sqlSession) must(sql string) string {
	s.t.Helper()
	text, ok := s.run(sql)
	if !ok {
		s.t.Fatalf("%s\n%s", sql, text)
	}
	return text
}

var jobID = regexp.MustCompile(`"jobID":"([0-9a-f]{32})"`)

// TestUpRoutes walks all routes of a cluster's servers: none is reached without the token,
// by another name, from a page of another site, or with a body that a page can send.
func TestUpRoutes(t *testing.T) {
	c := startCluster(t)
	c.whole()
	info, _ := c.home.Info()
	token := "Bearer " + info.Token
	var calls int
	routes := append(append(rest.GatewayRoutes(), rest.JobManagerRoutes()...), rest.Route{Method: "GET", Path: "/health"}, rest.Route{Method: "GET", Path: "/nowhere"}, rest.Route{Method: "POST", Path: "/"})
	for _, base := range []string{info.Gateway, info.Rest} {
		for _, r := range routes {
			path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(r.Path, "x")
			body := ""
			if r.Method != "GET" && r.Method != "DELETE" {
				body = "{}"
			}
			for _, bad := range []struct {
				head map[string]string
				code int
			}{
				{map[string]string{}, 401},
				{map[string]string{"Authorization": "Bearer " + strings.Repeat("0", 64)}, 401},
				{map[string]string{"Authorization": token, "Host": "evil.example"}, 403},
				{map[string]string{"Authorization": token, "Origin": "http://evil.example"}, 403},
				{map[string]string{"Authorization": token, "Sec-Fetch-Site": "cross-site"}, 403},
				{map[string]string{"Authorization": token, "Content-Type": "text/plain"}, 415},
			} {
				if bad.code == 415 && body == "" {
					continue
				}
				if bad.head["Content-Type"] == "" {
					bad.head["Content-Type"] = "application/json"
				}
				calls++
				if code, text := c.call(r.Method, base+path, bad.head, body); code != bad.code {
					t.Errorf("%s %s with %v: %d, want %d: %s", r.Method, path, bad.head, code, bad.code, text)
				}
			}
			head := map[string]string{"Authorization": token, "Content-Type": "application/json"}
			if code, text := c.call(r.Method, base+path, head, body); code == 401 || code == 403 || code == 415 {
				t.Errorf("%s %s with all that is asked for: %d: %s", r.Method, path, code, text)
			}
		}
	}
	// An upload is told what to do instead, where everything else has to be JSON.
	form := map[string]string{"Authorization": token, "Content-Type": "multipart/form-data; boundary=x"}
	for path, want := range map[string]int{"/jars/upload": 501, "/jobs": 501, "/jobs/" + strings.Repeat("0", 32) + "/savepoints": 415, "/jobmanager/profiler": 415} {
		if code, text := c.call("POST", info.Rest+path, form, "--x--"); code != want || want == 501 && !strings.Contains(text, "mink run --detach") {
			t.Errorf("a form to %s: %d, want %d: %s", path, code, want, text)
		}
	}
	delete(form, "Authorization")
	if code, _ := c.call("POST", info.Rest+"/jars/upload", form, "--x--"); code != 401 {
		t.Errorf("a form without a token: %d", code)
	}
	t.Logf("%d calls", calls)
	audit, err := os.ReadFile(c.home.Path("log", "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range routes {
		path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(r.Path, "x")
		if r.Method != "GET" && !strings.Contains(string(audit), `"method":"`+r.Method+`","path":"`+path+`","status":401`) {
			t.Errorf("%s %s is not in the audit log", r.Method, path)
		}
	}
	if strings.Contains(string(audit), info.Token) {
		t.Error("the token is in the audit log")
	}
}

// TestRoutesTable asks for every route of both servers under each of 80 combinations of
// Host, Origin and Sec-Fetch-Site, behind the guard that a cluster has: what gets through is
// what a program or a page of the server itself sends, and nothing else. The routes are
// those that the servers' own handlers are made of.
func TestRoutesTable(t *testing.T) {
	h := guard.Handler(guard.Options{Token: strings.Repeat("ab", 32), Port: 8081, Names: []string{"mink.example"}}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	routes := append(rest.GatewayRoutes(), rest.JobManagerRoutes()...)
	calls, let := 0, 0
	for _, r := range routes {
		path := regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(r.Path, "x")
		for _, host := range []string{"localhost:8081", "mink.example", "evil.example:8081", "localhost:8082", ""} {
			for _, origin := range []string{"", "http://" + host, "http://evil.example", "null"} {
				for _, site := range []string{"", "same-origin", "same-site", "cross-site"} {
					q := httptest.NewRequest(r.Method, path, nil)
					q.Host = host
					q.Header.Set("Authorization", "Bearer "+strings.Repeat("ab", 32))
					if origin != "" {
						q.Header.Set("Origin", origin)
					}
					if site != "" {
						q.Header.Set("Sec-Fetch-Site", site)
					}
					w := httptest.NewRecorder()
					h.ServeHTTP(w, q)
					want := http.StatusForbidden
					if (host == "localhost:8081" || host == "mink.example") && (origin == "" || origin == "http://"+host) && (site == "" || site == "same-origin") {
						want = http.StatusTeapot
						let++
					}
					if calls++; w.Code != want {
						t.Errorf("%s %s, Host %q, Origin %q, Sec-Fetch-Site %q: %d, want %d", r.Method, path, host, origin, site, w.Code, want)
					}
				}
			}
		}
	}
	if len(routes) < 100 || let != 8*len(routes) {
		t.Errorf("%d routes, %d calls, %d let in", len(routes), calls, let)
	}
}

// TestUpConfined: statements of a cluster reach the files of its project and of --data-dir,
// and no others, whichever connector or statement names them.
func TestUpConfined(t *testing.T) {
	data, outside := t.TempDir(), t.TempDir()
	for _, dir := range []string{data, outside} {
		if err := os.WriteFile(filepath.Join(dir, "x.csv"), []byte("canary-row\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := startCluster(t, "--data-dir", data)
	c.whole()
	if err := os.WriteFile(filepath.Join(c.dir, "x.csv"), []byte("canary-row\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(c.dir, "link")); err != nil {
		t.Fatal(err)
	}
	s := c.session()
	s.must("SET 'execution.runtime-mode' = 'batch'")
	read := func(path string) (string, bool) {
		s.must("DROP TEMPORARY TABLE IF EXISTS t")
		s.must("CREATE TEMPORARY TABLE t (a STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '" + path + "')")
		return s.run("SELECT a FROM t")
	}
	for _, path := range []string{"x.csv", "./x.csv", filepath.Join(c.dir, "x.csv"), filepath.Join(data, "x.csv"), "file://" + filepath.Join(data, "x.csv")} {
		if text, ok := read(path); !ok || !strings.Contains(text, "canary-row") {
			t.Errorf("%s: %s", path, text)
		}
	}
	for _, path := range []string{
		filepath.Join(outside, "x.csv"), "file://" + filepath.Join(outside, "x.csv"), "link/x.csv", "link", "../../../../../../../../../../etc/passwd", "/etc/passwd",
		".mink/token", ".mink/cluster.json", filepath.Join(c.dir, ".mink", "token"), filepath.Join(data, "..", filepath.Base(outside), "x.csv"), "lin*/*.csv",
	} {
		text, ok := read(path)
		info, _ := c.home.Info()
		if ok && strings.Contains(text, "canary-row") || strings.Contains(text, info.Token) || strings.Contains(text, "root:") {
			t.Errorf("%s was read: %s", path, text)
		}
	}
	for _, sql := range []string{
		"CREATE CATALOG lake WITH ('type' = 'mink', 'path' = '" + outside + "/lake')",
		"COMPILE PLAN '" + outside + "/plan.json' FOR INSERT INTO t SELECT a FROM t",
		"EXECUTE PLAN '" + outside + "/x.csv'",
	} {
		if text, ok := s.run(sql); ok {
			t.Errorf("%s went through: %s", sql, text)
		}
	}
	s.must("CREATE TEMPORARY TABLE w (a STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '" + outside + "/w')")
	_, _ = s.run("SET 'table.dml-sync' = 'true'")
	if text, ok := s.run("INSERT INTO w VALUES ('a')"); ok {
		t.Errorf("a sink outside: %s", text)
	}
	// A secret that is set is not shown.
	s.must("SET 's3.secret-key' = 'canary-secret'")
	if text := s.must("SET"); strings.Contains(text, "canary-secret") || !strings.Contains(text, "s3.secret-key") {
		t.Errorf("SET shows %s", text)
	}
	// Savepoints and checkpoints, whoever names their directory.
	s.must("SET 'execution.runtime-mode' = 'streaming'")
	s.must("SET 'table.dml-sync' = 'false'")
	s.must("CREATE TEMPORARY TABLE g (a BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10')")
	s.must("CREATE TEMPORARY TABLE h (a BIGINT) WITH ('connector' = 'blackhole')")
	for _, dir := range []string{outside, ".mink/ledger", "link", "../up"} {
		s.must("SET 'execution.checkpointing.dir' = '" + dir + "'")
		if text, ok := s.run("INSERT INTO h SELECT a FROM g"); ok {
			t.Errorf("checkpoints in %s: %s", dir, text)
		}
	}
	s.must("RESET 'execution.checkpointing.dir'")
	id := jobID.FindStringSubmatch(s.must("INSERT INTO h SELECT a FROM g"))[1]
	await(t.Context(), 20*time.Second, func() bool { return c.jobStates()[id] == "RUNNING" })
	savepoint := func(path, body string) (string, bool) {
		var trigger struct {
			ID string `json:"request-id"`
		}
		if err := json.Unmarshal([]byte(c.rest(http.MethodPost, "/jobs/"+id+path, body)), &trigger); err != nil || trigger.ID == "" {
			t.Fatalf("%s %s: %v", path, body, err)
		}
		var text string
		await(t.Context(), 20*time.Second, func() bool {
			text = c.rest(http.MethodGet, "/jobs/"+id+"/savepoints/"+trigger.ID, "")
			return strings.Contains(text, "COMPLETED")
		})
		return text, strings.Contains(text, `"location"`) && !strings.Contains(text, "failure-cause")
	}
	for _, dir := range []string{outside, "file://" + outside, ".mink", ".mink/ledger", filepath.Join(c.dir, ".mink", "checkpoints"), "link/x", "../x"} {
		for path, body := range map[string]string{"/savepoints": `{"target-directory":"` + dir + `"}`, "/stop": `{"targetDirectory":"` + dir + `"}`} {
			if text, ok := savepoint(path, body); ok || !strings.Contains(text, "outside of what this cluster may touch") {
				t.Errorf("%s to %s: %s", path, dir, text)
			}
			if state := c.jobStates()[id]; state != "RUNNING" {
				t.Fatalf("%s to %s: the job is %s", path, dir, state)
			}
		}
	}
	if found, _ := filepath.Glob(filepath.Join(c.dir, ".mink", "*", "savepoint-*")); len(found) > 0 {
		t.Errorf("written among what the cluster keeps: %v", found)
	}
	if text, ok := savepoint("/savepoints", `{"target-directory":"`+filepath.Join(data, "sp")+`"}`); !ok {
		t.Errorf("to --data-dir: %s", text)
	}
	list, _ := os.ReadDir(outside)
	if len(list) != 1 {
		t.Errorf("written outside: %v", list)
	}
}

// TestUpKills runs a job of files on a cluster of processes and kills a random one of them
// again and again: the files are as if nothing had happened.
func TestUpKills(t *testing.T) {
	c := startCluster(t, "--nodes", "2")
	c.whole()
	rng := randFor(t, 5)
	pairs, totals := killData(t, c.dir, 30_000, rng)
	s := c.session()
	var ids []string
	for _, sql := range statements(killScript) {
		text := s.must(sql)
		if m := jobID.FindStringSubmatch(text); m != nil {
			ids = append(ids, m[1])
		}
	}
	if len(ids) != 1 {
		t.Fatalf("jobs %v", ids)
	}
	kills := 0
	for end := time.Now().Add(time.Minute); ; {
		st := c.status()
		all := append(st.Nodes, st.Coordinator)
		p := all[rng.IntN(len(all))]
		time.Sleep(time.Duration(rng.Int64N(int64(600 * time.Millisecond))))
		if jobs := c.jobStates(); jobs[ids[0]] == "FINISHED" {
			break
		}
		if kills < 6 {
			kill(c.home, p.Name)
			kills++
			t.Logf("killed %s", p.Name)
		}
		if time.Now().After(end) {
			t.Fatalf("the job does not end: %v", c.jobStates())
		}
	}
	if kills == 0 {
		t.Error("no kill fell into the job")
	}
	checkOutput(t, c.dir, pairs, totals)
}

// rest asks the JobManager and gives the answer's body.
func (c *testCluster) rest(method, path, body string) string {
	c.t.Helper()
	info, err := c.home.Info()
	if err != nil {
		c.t.Fatal(err)
	}
	_, text := c.call(method, info.Rest+path, map[string]string{"Authorization": "Bearer " + info.Token, "Content-Type": "application/json"}, body)
	return text
}

// jobStates are the states of jobs by id, as SHOW JOBS has them; none while the cluster is
// coming back.
func (c *testCluster) jobStates() map[string]string {
	out := map[string]string{}
	if c.get("/health", true) != 200 {
		return out
	}
	text, ok := c.session().run("SHOW JOBS")
	if !ok {
		return out
	}
	for _, m := range regexp.MustCompile(`"fields":\["([0-9a-f]{32})","[^"]*","([A-Z]+)"`).FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[2]
	}
	return out
}

// TestUpLogs: a job that fails leaves its error, with the job's id, in a log of JSON lines,
// and mink status shows it.
func TestUpLogs(t *testing.T) {
	c := startCluster(t)
	c.whole()
	if err := os.WriteFile(filepath.Join(c.dir, "bad.csv"), []byte("1\nzwei\x1b[2Jx\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := c.session()
	s.must("CREATE TABLE bad (n INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'bad.csv')")
	s.must("CREATE TABLE hole (n INT) WITH ('connector' = 'blackhole')")
	s.must("SET 'restart-strategy.type' = 'none'")
	id := jobID.FindStringSubmatch(s.must("INSERT INTO hole SELECT n FROM bad"))[1]
	if !await(t.Context(), 20*time.Second, func() bool { m := c.status().LastError; return m != nil && m.Job == id && m.Process == "coordinator" }) {
		t.Fatalf("the last error is %+v", c.status().LastError)
	}
	if m := c.status().LastError; !strings.Contains(m.Text, "zwei") {
		t.Errorf("%+v", m)
	}
	if out, _, _ := c.mink("status"); !strings.Contains(out, "last error") || !strings.Contains(out, id) || strings.Contains(out, "\x1b") {
		t.Errorf("mink status:\n%s", out)
	}
	files, _ := filepath.Glob(c.home.Path("log", "*.log"))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for line := range bytes.Lines(text) {
			if !json.Valid(line) {
				t.Errorf("%s: %s", f, line)
			}
		}
	}
}

// TestUpLimits: statements and requests that would take all memory, stack or patience are
// refused, and the cluster goes on.
func TestUpLimits(t *testing.T) {
	c := startCluster(t)
	st := c.whole()
	s := c.session()
	deep := func(n int, open, inner, close string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(close, n)
	}
	var columns strings.Builder
	for i := range 10_001 {
		fmt.Fprintf(&columns, ", c%d INT", i)
	}
	for what, sql := range map[string]string{
		"text of 2 MB":         "SELECT '" + strings.Repeat("x", 2<<20) + "'",
		"10,000 parentheses":   "SELECT " + deep(10_000, "(", "1", ")"),
		"10,000 queries":       "SELECT * FROM " + deep(10_000, "(SELECT * FROM ", "t", ")"),
		"10,000 NOTs":          "SELECT " + strings.Repeat("NOT ", 10_000) + "TRUE",
		"10,000 types":         "CREATE TABLE t (a " + deep(10_000, "ARRAY<", "INT", ">") + ") WITH ('connector' = 'blackhole')",
		"10,001 columns":       "CREATE TABLE t (a INT" + columns.String() + ") WITH ('connector' = 'blackhole')",
		"a pattern that grows": "SELECT REGEXP('a', '((a{1,1000}){1,1000}){1,1000}')",
	} {
		text, ok := s.run(sql)
		if ok && what != "a pattern that grows" {
			t.Errorf("%s went through", what)
		}
		if strings.Contains(text, "panic") || strings.Contains(text, "goroutine ") {
			t.Errorf("%s: %.300s", what, text)
		}
	}
	if err := os.WriteFile(filepath.Join(c.dir, "deep.json"), []byte(`{"a":`+deep(100_000, "[", "", "]")+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.must("CREATE TABLE deep (a STRING) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'deep.json')")
	s.must("SET 'execution.runtime-mode' = 'batch'")
	if text, _ := s.run("SELECT a FROM deep"); strings.Contains(text, "panic") {
		t.Errorf("deep JSON: %.300s", text)
	}
	for body, want := range map[string]int{
		`{"statement":"` + strings.Repeat("x", 9<<20) + `"}`: 413,
		deep(101, "[", "", "]"):                              400,
		deep(1_000_000, "{\"a\":", "1", "}"):                 400,
	} {
		if code, text := c.call("POST", s.base, s.head, body); code != want {
			t.Errorf("a body of %d bytes: %d, want %d: %.200s", len(body), code, want, text)
		}
	}
	if now := c.whole(); now.Coordinator.PID != st.Coordinator.PID {
		t.Error("the coordinator died of it")
	}
	if text, ok := s.run("SELECT 1 + 1"); !ok {
		t.Errorf("afterwards: %s", text)
	}
}

// TestUpCanary: secrets in options are in nothing that a cluster says or logs.
func TestUpCanary(t *testing.T) {
	c := startCluster(t)
	c.whole()
	s := c.session()
	const canary = "canary-7d1f"
	var said bytes.Buffer
	for _, sql := range []string{
		"CREATE TABLE k (a STRING) WITH ('connector' = 'blackhole', 'property.password' = '" + canary + "')",
		"CREATE TABLE h (a STRING) WITH ('connector' = 'blackhole')",
		"SHOW CREATE TABLE k", "EXPLAIN INSERT INTO k VALUES ('a')", "INSERT INTO k VALUES ('a')",
		"SET 'secret.token' = '" + canary + "'",
		"INSERT INTO h /*+ OPTIONS('password' = '" + canary + "') */ VALUES ('a')",
		"SHOW JOBS",
	} {
		text, _ := s.run(sql)
		said.WriteString(text)
	}
	// Every option of every connector that is a secret.
	secrets := 0
	for _, k := range connectors.All() {
		options := "'connector' = '" + k.Name + "'"
		any := false
		for _, o := range k.Options {
			switch {
			case o.Secret && !o.Prefix:
				options += ", '" + o.Key + "' = '" + canary + "'"
				any = true
			case o.Secret:
				options += ", '" + o.Key + "x' = '" + canary + "'"
				any = true
			case o.Required:
				options += ", '" + o.Key + "' = 'x'"
			}
		}
		if !any {
			continue
		}
		secrets++
		s.must("CREATE TABLE `c_" + k.Name + "` (a STRING) WITH (" + options + ")")
		for _, sql := range []string{"SHOW CREATE TABLE `c_%s`", "DESCRIBE EXTENDED `c_%s`", "EXPLAIN SELECT * FROM `c_%s`", "SELECT * FROM `c_%s`", "INSERT INTO `c_%s` VALUES ('a')", "ALTER TABLE `c_%s` SET ('nope' = 'x')", "SHOW CREATE TABLE `c_%s`"} {
			text, _ := s.run(strings.ReplaceAll(sql, "%s", k.Name))
			said.WriteString(text)
		}
	}
	t.Logf("%d connectors have secrets", secrets)
	// Those of formats, models and parameters of jobs.
	tables := []string{"k"}
	for _, f := range connectors.Formats() {
		options, any := "", false
		for _, o := range f.Options {
			switch key := f.Name + "." + o.Key; {
			case o.Secret && o.Prefix:
				options, any = options+", '"+key+"x' = '"+canary+"'", true
			case o.Secret:
				options, any = options+", '"+key+"' = '"+canary+"'", true
			case o.Required:
				options += ", '" + key + "' = 'http://127.0.0.1:1/'"
			}
		}
		if !any {
			continue
		}
		secrets++
		table := "f_" + strings.ReplaceAll(f.Name, "-", "_")
		tables = append(tables, table)
		s.must("CREATE TABLE " + table + " (a STRING) WITH ('connector' = 'filesystem', 'path' = 'in', 'format' = '" + f.Name + "'" + options + ")")
	}
	if err := os.MkdirAll(filepath.Join(c.dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "in", "x"), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if secrets < 3 {
		t.Errorf("%d connectors and formats have secrets", secrets)
	}
	said.WriteString(s.must("CREATE MODEL m INPUT (f STRING) OUTPUT (x STRING) WITH ('provider' = 'openai', 'api-key' = '" + canary + "', 'task' = 'text_generation')"))
	s.must("SET 'pipeline.global-job-parameters' = 'user:ada,db.password:" + canary + "'")
	asked := []string{"SET", "SHOW CREATE MODEL m", "DESCRIBE MODEL m", "SHOW TABLES", "SHOW CREATE TABLE nope", "INSERT INTO h VALUES ('a')", "SET 'my.password' = '" + canary + "' nope"}
	for _, table := range tables {
		for _, sql := range []string{"SHOW CREATE TABLE %s", "DESCRIBE EXTENDED %s", "EXPLAIN SELECT * FROM %s", "EXPLAIN JSON_EXECUTION_PLAN SELECT * FROM %s", "SELECT * FROM %s", "SELECT nope FROM %s", "INSERT INTO %s VALUES ('a')",
			"CREATE TABLE l_%s LIKE %s", "SHOW CREATE TABLE l_%s", "ALTER TABLE %s SET ('other.password' = '" + canary + "', 'nope' = 'x')", "SHOW CREATE TABLE %s", "ANALYZE TABLE %s COMPUTE STATISTICS", "CREATE TABLE %s (a INT) WITH ('password' = '" + canary + "')"} {
			asked = append(asked, strings.ReplaceAll(sql, "%s", table))
		}
	}
	for _, sql := range asked {
		text, _ := s.run(sql)
		said.WriteString(text)
	}
	// The same by the other doors, whose errors go to whoever asks.
	cluster, err := c.home.Info()
	if err != nil {
		t.Fatal(err)
	}
	pg, err := pgx.Connect(t.Context(), "postgres://ann:"+cluster.Token+"@"+strings.TrimPrefix(cluster.Postgres, "postgres://")+"/")
	if err != nil {
		t.Fatal(err)
	}
	defer pg.Close(context.Background())
	fl, err := flightsql.NewClient(strings.TrimPrefix(cluster.Flight, "grpc://"), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer fl.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+cluster.Token)
	for _, sql := range asked {
		got, err := pg.PgConn().Exec(t.Context(), sql).ReadAll()
		for _, r := range got {
			for _, row := range r.Rows {
				said.Write(append(bytes.Join(row, []byte(" ")), '\n'))
			}
		}
		var e *pgconn.PgError
		if errors.As(err, &e) {
			fmt.Fprintf(&said, "%+v\n", *e)
		}
		one, err := fl.Execute(ctx, sql)
		if err == nil {
			r, rerr := fl.DoGet(ctx, one.Endpoint[0].Ticket)
			if err = rerr; rerr == nil {
				for r.Next() {
					for i := range r.Record().NumCols() {
						for k := range int(r.Record().NumRows()) {
							said.WriteString(r.Record().Column(int(i)).ValueStr(k) + "\n")
						}
					}
				}
				err = r.Err()
				r.Release()
			}
		}
		fmt.Fprintf(&said, "%v\n", err)
	}
	// What is kept of a job that has secrets: checkpoints, and tapes of those that fail; and
	// what a collector of traces is sent.
	var traced bytes.Buffer
	var tracing sync.Mutex
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		tracing.Lock()
		defer tracing.Unlock()
		_, _ = io.Copy(&traced, r.Body) // what came is looked at below
	}))
	defer collector.Close()
	for _, sql := range []string{
		"SET 'traces.reporters' = 'otel'", "SET 'traces.reporter.otel.factory.class' = 'org.apache.flink.traces.otel.OpenTelemetryTraceReporterFactory'",
		"SET 'traces.reporter.otel.exporter.endpoint' = '" + collector.URL + "'", "SET 'traces.reporter.otel.exporter.protocol' = 'HTTP'",
		"SET 'traces.reporter.otel.exporter.headers' = 'x-key:" + canary + "'", "SET 'execution.checkpointing.interval' = '200 ms'", "SET 'restart-strategy.type' = 'none'",
		"CREATE TABLE gen (a BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100')",
		"CREATE TABLE sums (a BIGINT, n BIGINT) WITH ('connector' = 'blackhole', 'property.password' = '" + canary + "')",
		"CREATE TABLE bad (n INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'in')",
	} {
		text, ok := s.run(sql)
		if said.WriteString(text); !ok && !strings.Contains(sql, "exporter.headers") {
			t.Errorf("%s: %s", sql, text)
		}
	}
	text, _ := s.run("INSERT INTO sums SELECT a, COUNT(*) FROM gen GROUP BY a")
	said.WriteString(text)
	text, _ = s.run("INSERT INTO h SELECT CAST(n AS STRING) FROM bad")
	said.WriteString(text)
	if !await(t.Context(), 20*time.Second, func() bool {
		files := 0
		_ = filepath.WalkDir(c.home.Path("checkpoints"), func(_ string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				files++
			}
			return nil
		})
		tracing.Lock()
		defer tracing.Unlock()
		return files > 0 && bytes.Contains(traced.Bytes(), []byte("Checkpoint"))
	}) {
		t.Errorf("no checkpoints, or no traces of them: %s", text)
	}
	tracing.Lock()
	said.Write(traced.Bytes())
	tracing.Unlock()
	for _, kept := range []string{"checkpoints", "tapes", "profiles", "run"} {
		_ = filepath.WalkDir(c.home.Path(kept), func(p string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil // a file of a moment
			}
			if strings.HasSuffix(p, ".mtape") {
				said.WriteString(tapeText(t, p))
			} else if text, err := os.ReadFile(p); err == nil {
				said.Write(append(text, '\n'))
			}
			return nil
		})
	}
	info, _ := c.home.Info()
	for _, r := range rest.JobManagerRoutes() {
		if r.Method == "GET" && !strings.Contains(r.Path, "cancel") {
			for id := range c.jobStates() {
				vertex := "0"
				if _, text := c.call("GET", info.Rest+"/jobs/"+id, s.head, ""); strings.Contains(text, `"vertices":[{"id":"`) {
					_, text, _ = strings.Cut(text, `"vertices":[{"id":"`)
					vertex, _, _ = strings.Cut(text, `"`)
				}
				for _, file := range []string{"coordinator.log", "node-1.log", "audit.log"} {
					path := strings.NewReplacer("{j}", id, "{v}", vertex, "{i}", "0", "{a}", "0", "{tm}", "node-1", "{file}", file).Replace(r.Path)
					_, text := c.call("GET", info.Rest+path, s.head, "")
					said.WriteString(text)
					if file == "coordinator.log" && strings.HasSuffix(path, "/jobmanager/log") && !strings.Contains(text, `"msg":"ready"`) {
						t.Errorf("%s: %s", path, text)
					}
					if path == r.Path {
						break
					}
				}
			}
		}
	}
	// A coordinator that is made to tell all before it dies.
	if err := syscall.Kill(c.status().Coordinator.PID, syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	if !await(t.Context(), 20*time.Second, func() bool {
		dumps, _ := filepath.Glob(c.home.Path("log", "*.out"))
		for _, f := range dumps {
			if text, _ := os.ReadFile(f); bytes.Contains(text, []byte("goroutine ")) {
				return true
			}
		}
		return false
	}) {
		t.Error("it leaves no dump")
	}
	c.whole()
	out, errOut, _ := c.mink("status")
	said.WriteString(out + errOut)
	for id := range c.jobStates() {
		out, errOut, code := c.mink("jobs", "logs", id)
		if said.WriteString(out + errOut); code != 0 || !strings.Contains(out, "job submitted") {
			t.Errorf("the logs of job %s: exit %d\n%s%s", id, code, out, errOut)
		}
	}
	files, _ := filepath.Glob(c.home.Path("log", "*"))
	if len(files) < 4 {
		t.Errorf("logs: %v", files)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		said.Write(text)
	}
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, canary) {
			t.Errorf("a secret: %s", line)
		}
	}
}
