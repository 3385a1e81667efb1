package rest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The smallest conversation of Flink's documentation, answer by answer.
func TestGatewayConversation(t *testing.T) {
	s := newGateway(t, Options{})
	if got := s.ok("GET", "/v1/api_versions", nil); fmt.Sprint(got["versions"]) != "[V1 V2 V3 V4]" {
		t.Error(got)
	}
	if got := s.ok("GET", "/info", nil); got.text("productName") == "" || got.text("version") != "test" {
		t.Error(got)
	}
	session := s.session(object{"execution.runtime-mode": "batch"})
	op := s.start(session, "SELECT 1 AS a;")
	if st := s.wait(op); st != "FINISHED" {
		t.Fatal(st)
	}
	_, text := s.send("GET", op+"/result/0?rowFormat=JSON", nil)
	var page object
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		t.Fatal(err)
	}
	job := page.text("jobID")
	if len(job) != 32 {
		t.Errorf("job id %q", job)
	}
	want := fmt.Sprintf(`{"resultType":"PAYLOAD","isQueryResult":true,"jobID":"%s","resultKind":"SUCCESS_WITH_CONTENT","results":{"columns":`+
		`[{"name":"a","logicalType":{"type":"INTEGER","nullable":false},"comment":null}],"rowFormat":"JSON","data":`+
		`[{"kind":"INSERT","fields":[1]}]},"nextResultUri":"%s/result/1?rowFormat=JSON"}`, job, op)
	if text != want {
		t.Errorf("first page\n%s\nwant\n%s", text, want)
	}
	_, text = s.send("GET", op+"/result/1?rowFormat=JSON", nil)
	if !strings.Contains(text, `"EOS"`) || !strings.Contains(text, `"data":[]`) || strings.Contains(text, "nextResultUri") {
		t.Errorf("last page %s", text)
	}
	if got := s.ok("DELETE", op+"/close", nil).text("status"); got != "CLOSED" {
		t.Error(got)
	}
	if st, _ := s.send("GET", op+"/status", nil); st != 500 {
		t.Errorf("status of an operation that is closed: %d", st)
	}
	if got := s.ok("DELETE", session, nil).text("status"); got != "CLOSED" {
		t.Error(got)
	}
}

// manyTypes has a value of each type; what Flink 2.3.0 answers stands below, as its
// gateway sent it.
const manyTypes = `SELECT TRUE b, CAST(1.50 AS DECIMAL(10,2)) d, CAST(1.5 AS FLOAT) f, 1e20 dd, 'x' c, x'45f0' bin, DATE '2020-01-01' dt,
TIME '10:00:00' t, TIMESTAMP '2020-01-01 10:00:00.120' ts, CAST(TIMESTAMP '2020-01-01 10:00:00.120' AS TIMESTAMP_LTZ(3)) l,
INTERVAL '1' DAY i1, INTERVAL '2' YEAR i2, ARRAY[1,2] arr, MAP['a',1] m, ROW(1,'b') r, CAST(NULL AS INT) n`

func TestGatewayTypes(t *testing.T) {
	s := newGateway(t, Options{})
	session := s.session(object{"execution.runtime-mode": "batch", "table.local-time-zone": "Asia/Tokyo"})
	op := s.start(session, manyTypes)
	s.wait(op)
	// A TIMESTAMP_LTZ is what a clock of the session's zone shows, with Z: so does Flink.
	json := s.fetch(op, "JSON")
	if want := `INSERT [true,1.5,1.5,1.0E20,"x","RfA=","2020-01-01","10:00:00","2020-01-01T10:00:00.12","2020-01-01T10:00:00.12Z",86400000,24,[1,2],{"a":1},{"EXPR$0":1,"EXPR$1":"b"},null]` + "\n"; json != want {
		t.Errorf("JSON\n%s\nwant\n%s", json, want)
	}
	op = s.start(session, manyTypes)
	s.wait(op)
	plain := s.fetch(op, "PLAIN_TEXT")
	if want := `INSERT ["TRUE","1.50","1.5","1.0E20","x","x'45f0'","2020-01-01","10:00:00","2020-01-01 10:00:00.120","2020-01-01 10:00:00.120","+1 00:00:00.000","+2-00","[1, 2]","{a=1}","(1, b)",null]` + "\n"; plain != want {
		t.Errorf("PLAIN_TEXT\n%s\nwant\n%s", plain, want)
	}
	_, text := s.send("GET", op+"/result/1?rowFormat=JSON", nil)
	for _, want := range []string{
		`{"type":"DECIMAL","nullable":false,"precision":10,"scale":2}`, `{"type":"CHAR","nullable":false,"length":1}`,
		`{"type":"BINARY","nullable":false,"length":2}`, `{"type":"TIME_WITHOUT_TIME_ZONE","nullable":false,"precision":0}`,
		`{"type":"TIMESTAMP_WITHOUT_TIME_ZONE","nullable":false,"precision":3}`, `{"type":"TIMESTAMP_WITH_LOCAL_TIME_ZONE","nullable":false,"precision":3}`,
		`{"type":"INTERVAL_DAY_TIME","nullable":false,"precision":2,"fractionalPrecision":3,"resolution":"SECOND"}`,
		`{"type":"INTERVAL_YEAR_MONTH","nullable":false,"precision":2,"resolution":"MONTH"}`,
		`{"type":"ARRAY","nullable":false,"elementType":{"type":"INTEGER","nullable":false}}`,
		`{"type":"MAP","nullable":false,"keyType":{"type":"CHAR","nullable":false,"length":1},"valueType":{"type":"INTEGER","nullable":false}}`,
		`{"type":"ROW","nullable":false,"fields":[{"name":"EXPR$0","fieldType":{"type":"INTEGER","nullable":false}},{"name":"EXPR$1","fieldType":{"type":"CHAR","nullable":false,"length":1}}]}`,
		`{"type":"INTEGER","nullable":true}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestGatewayResultsWithoutQuery(t *testing.T) {
	s := newGateway(t, Options{})
	session := s.session(nil)
	if got := s.run(session, "CREATE TABLE t (a INT) WITH ('connector' = 'blackhole')"); got != `INSERT ["OK"]`+"\n" {
		t.Error(got)
	}
	op := s.start(session, "INSERT INTO t VALUES (1)")
	s.wait(op)
	_, text := s.send("GET", op+"/result/0?rowFormat=JSON", nil)
	var page object
	_ = json.Unmarshal([]byte(text), &page)
	if want := fmt.Sprintf(`"data":[{"kind":"INSERT","fields":["%s"]}]`, page.text("jobID")); !strings.Contains(text, want) || !strings.Contains(text, `"name":"job id"`) || !strings.Contains(text, `"isQueryResult":false`) {
		t.Errorf("an INSERT answers %s", text)
	}
	if got := s.run(session, "SHOW TABLES"); got != `INSERT ["t"]`+"\n" {
		t.Error(got)
	}
	// Statement sets go over several statements of a session.
	s.run(session, "BEGIN STATEMENT SET")
	s.run(session, "INSERT INTO t VALUES (1)")
	if got := s.run(session, "END"); len(got) != len(`INSERT ["0123456789abcdef0123456789abcdef"]`)+1 {
		t.Error(got)
	}
	// Changes carry their kinds, in order.
	if got, want := s.run(session, "SELECT COUNT(*) FROM (VALUES (1), (2)) AS v (a)"), "INSERT [1]\nUPDATE_BEFORE [1]\nUPDATE_AFTER [2]\n"; got != want {
		t.Errorf("changes\n%s", got)
	}
}

// Pages have at most 5000 rows; the newest can be had again, no other.
func TestGatewayPages(t *testing.T) {
	s := newGateway(t, Options{})
	session := s.session(object{"execution.runtime-mode": "batch"})
	s.run(session, "CREATE TABLE n (a BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '12003', 'fields.a.kind' = 'sequence', 'fields.a.start' = '1', 'fields.a.end' = '12003')")
	op := s.start(session, "SELECT a FROM n")
	s.wait(op)
	for watch := s.session(nil); !strings.Contains(s.run(watch, "SHOW JOBS"), "FINISHED"); { // then all rows are there to be asked for
		time.Sleep(5 * time.Millisecond)
	}
	type results struct {
		ResultType string
		Results    struct{ Data []struct{ Fields []int } }
	}
	get := func(token int) (int, results, string) {
		status, text := s.send("GET", fmt.Sprintf("%s/result/%d?rowFormat=JSON", op, token), nil)
		var r results
		_ = json.Unmarshal([]byte(text), &r)
		return status, r, text
	}
	next, rows := 1, 0
	for token := 0; ; token++ {
		status, r, text := get(token)
		if status != 200 {
			t.Fatalf("token %d: %d %s", token, status, text)
		}
		if r.ResultType == "EOS" {
			break
		}
		if want := min(5000, 12003-rows); len(r.Results.Data) != want {
			t.Fatalf("a page of %d rows, want %d", len(r.Results.Data), want)
		}
		for _, d := range r.Results.Data {
			if d.Fields[0] != next {
				t.Fatalf("row %d instead of %d", d.Fields[0], next)
			}
			next++
		}
		rows += len(r.Results.Data)
		if _, _, again := get(token); again != text {
			t.Fatalf("page %d is another one the second time", token)
		}
		if token > 0 {
			if st, _, text := get(token - 1); st != 500 || !strings.Contains(text, fmt.Sprintf("Expecting token to be %d or %d, but found %d.", token+1, token, token-1)) {
				t.Fatalf("page %d after page %d: %d %s", token-1, token, st, text)
			}
		}
		if st, _, _ := get(token + 5); st != 500 {
			t.Fatalf("a page that is far ahead: %d", st)
		}
	}
	if rows != 12003 {
		t.Errorf("%d rows", rows)
	}
}

func TestGatewayErrors(t *testing.T) {
	s := newGateway(t, Options{})
	session := s.session(nil)
	nobody := "/v4/sessions/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
	for _, c := range []struct {
		method, path string
		body         any
		status       int
		want         string
	}{
		{"GET", "/v4/nope", nil, 404, "Not found: /v4/nope"},
		{"PUT", "/v4/info", nil, 404, "Not found: /v4/info"},
		{"POST", "/v2" + session[3:] + "/scripts", object{"script": "SELECT 1"}, 404, "Not found"},
		{"GET", nobody, nil, 500, "Failed to getSessionConfig."},
		{"DELETE", nobody, nil, 500, "Failed to closeSession."},
		{"GET", "/v4/sessions/xx", nil, 400, "Cannot resolve path parameter (session_handle)"},
		{"GET", session + "/operations/aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee/status", nil, 500, "Failed to getOperationInfo."},
		{"POST", session + "/statements", object{"nope": 1}, 400, "expected format"},
		{"POST", session + "/statements", object{"statement": " "}, 400, "no statement"},
		{"POST", session + "/configure-session", object{"statement": "SELECT 1"}, 500, "configured by"},
		{"POST", session + "/scripts", object{"scriptUri": "file:///etc/passwd"}, 400, "send the text"},
		{"POST", session + "/scripts", object{"script": "SELECT 1; SELEC 2"}, 500, "syntax"},
		{"POST", session + "/statements", object{"statement": strings.Repeat("x", bodyMax)}, 413, "larger than"},
	} {
		status, text := s.send(c.method, c.path, c.body)
		var body struct{ Errors []string }
		if err := json.Unmarshal([]byte(text), &body); err != nil || len(body.Errors) == 0 {
			t.Errorf("%s %s: no errors in %s", c.method, c.path, text)
		}
		if all := strings.Join(body.Errors, "\n"); status != c.status || !strings.Contains(all, c.want) || strings.Contains(all, ".go:") {
			t.Errorf("%s %s: %d %s, want %d and %q", c.method, c.path, status, all, c.status, c.want)
		}
	}
	for _, c := range [][2]string{
		{"SELECT nope FROM (VALUES (1)) AS t (a)", "unknown-column: "}, {"SELECT 1; SELECT 2", "syntax: "}, {"SELECT", `Encountered \"<EOF>\"`},
	} {
		op := s.start(session, c[0])
		if st := s.wait(op); st != "ERROR" {
			t.Errorf("%s: %s", c[0], st)
		}
		if status, text := s.send("GET", op+"/result/0?rowFormat=JSON", nil); status != 500 || !strings.Contains(text, c[1]) {
			t.Errorf("%s: %d %s", c[0], status, text)
		}
	}
	// A job that fails while it runs fails the request for its rows.
	op := s.start(session, "SELECT 1 / a FROM (VALUES (0)) AS t (a)")
	s.wait(op)
	status, text := 200, ""
	for token := 0; status == 200 && token < 1000; token++ {
		status, text = s.send("GET", fmt.Sprintf("%s/result/%d?rowFormat=JSON", op, token), nil)
	}
	if status != 500 || !strings.Contains(text, "division-by-zero") {
		t.Errorf("%d %s", status, text)
	}
}

func TestGatewaySessionConfig(t *testing.T) {
	s := newGateway(t, Options{})
	session := s.session(object{"parallelism.default": "3", "some.password": "canary"})
	config := func() map[string]any {
		return s.ok("GET", session, nil)["properties"].(map[string]any)
	}
	if got := config(); got["parallelism.default"] != "3" || got["some.password"] != "******" {
		t.Error(got)
	}
	s.ok("POST", session+"/configure-session", object{"statement": "SET 'parallelism.default' = '2'"})
	if got := config(); got["parallelism.default"] != "2" {
		t.Error(got)
	}
	// Configuration of one statement is gone behind it.
	op := session + "/operations/" + s.ok("POST", session+"/statements", object{
		"statement": "SET", "executionConfig": object{"parallelism.default": "7", "pipeline.name": "it's"},
	}).text("operationHandle")
	s.wait(op)
	if got := s.fetch(op, "JSON"); !strings.Contains(got, `["parallelism.default","7"]`) || !strings.Contains(got, `["pipeline.name","it's"]`) {
		t.Error(got)
	}
	if got := config(); got["parallelism.default"] != "2" || got["pipeline.name"] != nil {
		t.Error(got)
	}
	s.ok("POST", session+"/heartbeat", object{})
}

func TestGatewayEndsWhatItStarted(t *testing.T) {
	client := newClient(t)
	of := func(o Options) *server {
		o.Value = values
		g := NewGateway(client, o)
		t.Cleanup(func() { _ = g.Close() })
		return serve(t, g)
	}
	s, other := of(Options{IdleTimeout: 2 * time.Second}), of(Options{})
	session, watch := s.session(nil), other.session(nil)
	s.run(session, "CREATE TABLE g (a BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100')")
	states := func() string { return other.run(watch, "SHOW JOBS") }
	await := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: %s", what, states())
			}
		}
	}
	op := s.start(session, "SELECT * FROM g")
	if st := s.wait(op); st != "FINISHED" {
		t.Fatal(st)
	}
	if st, _ := s.send("POST", op+"/cancel", object{}); st != 500 {
		t.Errorf("cancelling what is FINISHED: %d; Flink refuses it", st)
	}
	s.ok("DELETE", op+"/close", nil)
	await("a query that is closed", func() bool { return strings.Count(states(), "CANCELED") == 1 })
	// A session that nobody asks anything of is closed, with its queries.
	s.wait(s.start(session, "SELECT * FROM g"))
	await("an idle session", func() bool { return strings.Count(states(), "CANCELED") == 2 })
	if st, _ := s.send("GET", session, nil); st != 500 {
		t.Errorf("the idle session is there: %d", st)
	}
	// A statement that takes too long.
	session = s.session(object{"table.dml-sync": "true"})
	s.run(session, "CREATE TABLE b (a BIGINT) WITH ('connector' = 'blackhole')")
	op = session + "/operations/" + s.ok("POST", session+"/statements", object{"statement": "INSERT INTO b SELECT * FROM g", "executionTimeout": 50}).text("operationHandle")
	if st := s.wait(op); st != "TIMEOUT" {
		t.Error(st)
	}
	op = s.start(session, "INSERT INTO b SELECT * FROM g")
	if got := s.ok("POST", op+"/cancel", object{}).text("status"); got != "CANCELED" {
		t.Error(got)
	}
	if status, text := s.send("GET", op+"/result/0?rowFormat=JSON", nil); status != 500 || !strings.Contains(text, "CANCELED") {
		t.Errorf("%d %s", status, text)
	}
}

func TestGatewayScriptAndCompletion(t *testing.T) {
	s := newGateway(t, Options{})
	session := s.session(object{"pipeline.name": "from the session"})
	if got := s.ok("POST", session+"/scripts", object{"script": `CREATE TABLE b (a INT) WITH ('connector' = 'blackhole');
INSERT INTO b VALUES (1); SELECT 1;`}).text("clusterID"); got == "" {
		t.Error("no cluster id")
	}
	if got := s.run(session, "SHOW JOBS"); strings.Count(got, "from the session") != 2 {
		t.Error(got)
	}
	s.run(session, "CREATE TABLE orders (amount INT) WITH ('connector' = 'blackhole')")
	complete := func(text string, at int) string {
		return fmt.Sprint(s.ok("GET", session+"/complete-statement", object{"statement": text, "position": at})["candidates"])
	}
	for _, c := range []struct {
		text string
		at   int
		want string
	}{
		{"SELECT * FROM ord", 17, "[orders]"}, {"SELEC", 5, "[SELECT]"}, {"CREATE TAB", 10, "[TABLE]"}, {"SHOW DATA", 9, "[DATABASES]"},
		{"SELECT am FROM orders", 9, "[]"}, {"SELECT * FROM orders WHERE am", 29, "[amount]"},
		{"SELECT * FROM orders WHERE 'é' = am AND", utf8.RuneCountInString("SELECT * FROM orders WHERE 'é' = am"), "[amount]"},
	} {
		if got := complete(c.text, c.at); got != c.want {
			t.Errorf("%q at %d: %s, want %s", c.text, c.at, got, c.want)
		}
	}
}

// Every route answers something of its own under every version it has.
func TestGatewayRoutes(t *testing.T) {
	s := newGateway(t, Options{})
	list := GatewayRoutes()
	if len(list) < 60 {
		t.Errorf("%d routes", len(list))
	}
	for _, r := range list {
		path := strings.NewReplacer("{s}", "x", "{o}", "x", "{token}", "0", "{identifier}", "t").Replace(r.Path)
		if _, text := s.send(r.Method, path, nil); strings.Contains(text, "Not found") {
			t.Errorf("%s %s: %s", r.Method, path, text)
		}
	}
}
