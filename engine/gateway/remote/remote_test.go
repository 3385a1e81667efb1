package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/remote"
	"github.com/minkstream/mink/engine/serve/rest"
)

// cluster is mink behind REST, and a client of it.
func cluster(t *testing.T) (local gateway.Client, far *remote.Client) {
	t.Helper()
	e, err := engine.New(engine.Config{
		Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	local = gateway.Local(e)
	o := rest.Options{Version: "test", Value: (&format.JSONWriter{Sep: 'T', NullKeys: format.NullKeyLiteral, NullKey: "null"}).Value}
	jobs := httptest.NewServer(tokened(rest.NewJobManager(local, o)))
	at, _ := url.Parse(jobs.URL)
	host, port, _ := net.SplitHostPort(at.Host)
	o.Settings = map[string]string{"rest.address": host, "rest.port": port}
	g := rest.NewGateway(local, o)
	gate := httptest.NewServer(tokened(g))
	// The JobManager's address is not given: the gateway tells it, as Flink's does.
	if far, err = remote.New(remote.Options{Gateway: gate.URL, Token: "secret"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = far.Close()
		gate.Close()
		jobs.Close()
		_ = g.Close()
		_ = local.Close()
	})
	return local, far
}

func tokened(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, `{"errors":["no token"]}`, http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func open(t *testing.T, c gateway.Client, config map[string]string) gateway.Session {
	t.Helper()
	s, err := c.OpenSession(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// rows of a statement as people see them, with the letters of their kinds.
func rows(t *testing.T, s gateway.Session, sql string) (gateway.Operation, string) {
	t.Helper()
	op, err := s.Execute(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var out strings.Builder
	for {
		// Little patience: what has not come is asked for again.
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
		b, err := op.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			continue
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		for i := range b.Rows() {
			out.WriteString(b.Kind(b.Lane(i)).String() + " " + strings.Join(show.Cells(b, b.Lane(i), op.Zone()), "|") + "\n")
		}
	}
	return op, out.String()
}

// What a statement gives is the same from near and from afar: rows, kinds, columns.
func TestRemoteRowsAreLocalRows(t *testing.T) {
	local, far := cluster(t)
	for _, mode := range []string{"batch", "streaming"} {
		config := map[string]string{"execution.runtime-mode": mode, "table.local-time-zone": "America/New_York"}
		near, away := open(t, local, config), open(t, far, config)
		for _, sql := range []string{
			"SELECT 1 AS a",
			"SELECT a, COUNT(*), SUM(b) FROM (VALUES ('x', 1), ('y', 2), ('x', 3)) AS t (a, b) GROUP BY a",
			"SELECT TRUE, CAST(-1 AS TINYINT), CAST(32767 AS SMALLINT), 2147483647, 9223372036854775807, CAST(1.5 AS FLOAT), 1e-300, CAST('NaN' AS DOUBLE)",
			"SELECT CAST(1.50 AS DECIMAL(38, 2)), CAST('-99999999999999999999999999999999999.999' AS DECIMAL(38, 3)), CAST(0.000001 AS DECIMAL(10, 8))",
			`SELECT 'a"\ é' || U&'\4e16' , CAST('x' AS CHAR(3)), x'00ff', CAST('a' AS VARCHAR(2)), ''`,
			"SELECT DATE '0001-01-01', TIME '23:59:59', TIMESTAMP '2020-01-01 10:00:00.000000001', TIMESTAMP '1969-12-31 23:59:59', CAST(TIMESTAMP '2020-07-01 10:00:00.12' AS TIMESTAMP_LTZ(3))",
			"SELECT INTERVAL '1 02:03:04' DAY TO SECOND, INTERVAL '-3' MONTH",
			"SELECT ARRAY[1, NULL, 3], ARRAY[ARRAY['a'], ARRAY['b', 'c']], MAP['k', DATE '2020-01-01', 'l', CAST(NULL AS DATE)], MAP[1, ROW(1, 'x')], ROW(1, ROW('a', CAST(NULL AS INT)))",
			"SELECT COLLECT(a) FROM (VALUES (1)) AS t (a)", "SELECT PARSE_JSON('{\"a\": [1, 2.5, null]}')",
			"SELECT CAST(NULL AS STRING), CAST(NULL AS ROW<a INT>), CAST(NULL AS ARRAY<INT>)", "SELECT * FROM (VALUES (1)) AS t (a) WHERE a > 1",
			"SHOW CATALOGS", "SHOW FUNCTIONS", "EXPLAIN SELECT 1",
		} {
			a, want := rows(t, near, sql)
			b, got := rows(t, away, sql)
			if got != want {
				t.Errorf("%s in %s\n%s\nfrom afar\n%s", sql, mode, want, got)
			}
			if a.Result() != b.Result() || a.Streaming() != b.Streaming() || len(a.Schema()) != len(b.Schema()) || a.Zone().String() != b.Zone().String() || a.Width() != b.Width() && a.Result() == gateway.Query {
				t.Errorf("%s in %s: %v %v %v %d, from afar %v %v %v %d", sql, mode, a.Result(), a.Streaming(), a.Zone(), a.Width(), b.Result(), b.Streaming(), b.Zone(), b.Width())
				continue
			}
			for i, f := range a.Schema() {
				if g := b.Schema()[i]; f.Name != g.Name || f.Type.String() != g.Type.String() {
					t.Errorf("%s: column %s %s, from afar %s %s", sql, f.Name, f.Type, g.Name, g.Type)
				}
			}
		}
	}
}

// A mistake keeps its code, place and hint.
func TestRemoteMistakes(t *testing.T) {
	local, far := cluster(t)
	near, away := open(t, local, nil), open(t, far, nil)
	for _, sql := range []string{"SELECT nope FROM (VALUES (1)) AS t (a)", "SELECT 1 +", "SELECT UPER('é')", "SELECT * FROM nowhere"} {
		_, a := near.Execute(t.Context(), sql)
		_, b := away.Execute(t.Context(), sql)
		want, got := diag.As(a), diag.As(b)
		if got == nil || want.Code != got.Code || want.Msg != got.Msg || want.Span != got.Span || want.Hint != got.Hint || len(want.Notes) != len(got.Notes) {
			t.Errorf("%s:\n%v\nfrom afar\n%v", sql, a, b)
		}
	}
	op, err := away.Execute(t.Context(), "SELECT 1 / a FROM (VALUES (0)) AS t (a)")
	if err == nil {
		_, err = op.Next(t.Context())
	}
	if diag.CodeOf(err) != diag.DivisionByZero {
		t.Error(err)
	}
	if _, err := far.Job(t.Context(), strings.Repeat("0", 32)); diag.CodeOf(err) != diag.NotFound {
		t.Error(err)
	}
	if _, err := far.Job(t.Context(), "x/../y"); diag.CodeOf(err) != diag.NotFound {
		t.Error(err)
	}
	if _, err := away.Execute(t.Context(), "BEGIN STATEMENT SET"); err != nil {
		t.Error(err)
	}
	if err := away.Finish(); diag.CodeOf(err) != diag.Syntax {
		t.Error(err)
	}
}

func running(t *testing.T, c gateway.Client, id string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		st, err := c.Job(t.Context(), id)
		if err != nil || time.Now().After(end) {
			t.Fatalf("%+v %v", st, err)
		}
		if st.State == "RUNNING" {
			return
		}
	}
}

func TestRemoteJobs(t *testing.T) {
	_, far := cluster(t)
	s := open(t, far, map[string]string{"execution.checkpointing.interval": "50 ms"})
	for _, sql := range []string{
		"CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000', 'fields.id.min' = '1', 'fields.id.max' = '9')",
		"CREATE TABLE n (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '321')",
		"CREATE TABLE b (id BIGINT) WITH ('connector' = 'blackhole')",
	} {
		rows(t, s, sql)
	}
	submit := func(sql string) gateway.Operation {
		op, err := s.Execute(t.Context(), sql)
		if err != nil || op.Result() != gateway.Submitted {
			t.Fatalf("%s: %v", sql, err)
		}
		return op
	}
	plain := open(t, far, nil) // without checkpoints, of which nothing can be told
	none, err := plain.Execute(t.Context(), "INSERT INTO b SELECT id FROM n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := far.Job(t.Context(), none.Job()); err != nil {
		t.Error(err)
	}
	op := submit("INSERT INTO b SELECT id FROM n")
	if err := op.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	st, err := far.Job(t.Context(), op.Job())
	if err != nil || st.State != "FINISHED" || st.Ended.IsZero() {
		t.Errorf("%+v %v", st, err)
	}
	written := int64(0)
	for _, v := range st.Vertices {
		written += v.SinkRows
	}
	if written != 321 {
		t.Errorf("%d rows written", written)
	}
	op = submit("INSERT INTO b SELECT id FROM g")
	running(t, far, op.Job())
	if n, err := far.Checkpoint(t.Context(), op.Job()); err != nil || n < 1 {
		t.Errorf("checkpoint %d: %v", n, err)
	}
	dir := t.TempDir()
	for _, f := range []func() (string, error){
		func() (string, error) { return far.Savepoint(t.Context(), op.Job(), dir) },
		func() (string, error) { return far.Stop(t.Context(), op.Job(), dir, true) },
	} {
		path, err := f()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(path, "_metadata")); err != nil {
			t.Error(err)
		}
	}
	if _, err := far.Savepoint(t.Context(), op.Job(), dir); diag.CodeOf(err) != diag.InvalidQuery {
		t.Errorf("a savepoint of a job that has ended: %v", err)
	}
	st, _ = far.Job(t.Context(), op.Job())
	if st.State != "FINISHED" || st.Checkpoints.Completed == 0 || len(st.Checkpoints.History) == 0 {
		t.Errorf("%+v", st)
	}
	op = submit("INSERT INTO b SELECT id FROM g")
	if err := far.Cancel(t.Context(), op.Job()); err != nil {
		t.Error(err)
	}
	if err := op.Wait(t.Context()); diag.CodeOf(err) != diag.Cancelled {
		t.Error(err)
	}
	op = submit("INSERT INTO b SELECT 1 / a FROM (VALUES (0)) AS t (a)")
	if err := op.Wait(t.Context()); diag.CodeOf(err) != diag.DivisionByZero {
		t.Error(err)
	}
	list, err := far.Jobs(t.Context())
	var states []string
	for _, j := range list {
		states = append(states, j.State)
	}
	if got := strings.Join(states, " "); err != nil || got != "FINISHED FINISHED FINISHED CANCELED FAILED" {
		t.Errorf("%s %v", got, err)
	}
	if c, err := far.Cluster(t.Context()); err != nil || len(c.Nodes) != 1 {
		t.Errorf("%+v %v", c, err)
	}
	// A query that is closed ends.
	q, err := s.Execute(t.Context(), "SELECT * FROM g")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err := far.Job(t.Context(), q.Job()); err != nil || st.State != "CANCELED" {
		t.Errorf("%s %v", st.State, err)
	}
}

// TestRemoteJobOrder: jobs are listed oldest first, also those of one millisecond, which
// a JobManager has newest first as all others.
func TestRemoteJobOrder(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"jobs": [{"jid": "d", "start-time": 8}, {"jid": "c", "start-time": 7}, {"jid": "b", "start-time": 7}, {"jid": "a", "start-time": 6}]}`)
	}))
	defer s.Close()
	c, err := remote.New(remote.Options{REST: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Jobs(t.Context())
	got := ""
	for _, j := range list {
		got += j.ID
	}
	if err != nil || got != "abcd" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRemoteUnreachable(t *testing.T) {
	c, err := remote.New(remote.Options{Gateway: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	var u *remote.Unreachable
	if _, err := c.OpenSession(t.Context(), nil); !errors.As(err, &u) || !strings.Contains(err.Error(), "cannot reach http://127.0.0.1:1") {
		t.Error(err)
	}
	for _, bad := range []string{"ftp://x", "http://", "http://u:p@x", "http://x?y=1"} {
		if _, err := remote.New(remote.Options{Gateway: bad}); diag.CodeOf(err) != diag.Config {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// What Apache Flink 2.3 says of a mistake, cut to what matters, is one sentence at its
// place.
func TestFlinksMistakes(t *testing.T) {
	const trace = `{"errors":["Internal server error.","<Exception on server side:\norg.apache.flink.table.gateway.api.utils.SqlGatewayException: Failed to fetchResults.\n\tat org.apache.flink.X.y(X.java:91)\nCaused by: org.apache.flink.table.api.ValidationException: SQL validation failed. From line 2, column 3 to line 2, column 6: Column 'nope' not found in any table\n\tat a.B.c(B.java:1)\nCaused by: org.apache.calcite.runtime.CalciteContextException: From line 2, column 3 to line 2, column 6: Column 'nope' not found in any table\n\tat a.B.c(B.java:1)\nCaused by: org.apache.calcite.sql.validate.SqlValidatorException: Column 'nope' not found in any table\n\t... 12 more\n\nEnd of exception on server side>"]}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/sessions"):
			_, _ = io.WriteString(w, `{"sessionHandle":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}`)
		case strings.HasSuffix(r.URL.Path, "/statements"):
			_, _ = io.WriteString(w, `{"operationHandle":"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"}`)
		case strings.Contains(r.URL.Path, "/result/"):
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, trace)
		default:
			_, _ = io.WriteString(w, `{}`)
		}
	}))
	defer s.Close()
	c, err := remote.New(remote.Options{Gateway: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	const text = "SELECT 'é'\n, nope FROM t"
	_, err = open(t, c, nil).Execute(t.Context(), text)
	d := diag.As(err)
	if d == nil || d.Code != diag.InvalidQuery || d.Msg != "Column 'nope' not found in any table" || text[d.Span.Start:d.Span.End] != "nope" {
		t.Errorf("%+v", d)
	}
	_, err = open(t, c, nil).Check(t.Context(), text)
	if d := diag.As(err); d == nil || d.Code != diag.Unsupported || !strings.Contains(d.Msg, "Flink's gateway can only run") || !strings.Contains(d.Hint, "EXPLAIN") {
		t.Errorf("%v", err)
	}
}

// What is checked is not done: its tables are there for the checks that follow, and for
// nobody else, and nothing runs. Near and far say the same.
func TestRemoteChecks(t *testing.T) {
	local, far := cluster(t)
	setup := open(t, local, nil)
	rows(t, setup, "CREATE TABLE kept (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000')")
	for _, s := range []gateway.Session{open(t, local, nil), open(t, far, nil)} {
		for _, sql := range []string{
			"SET 'parallelism.default' = '2'", "CREATE DATABASE d", "USE d", "CREATE TABLE b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')", "USE default_database",
			"DROP TABLE kept", "CREATE TABLE kept (id BIGINT, more STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '1000')",
			"BEGIN STATEMENT SET", "INSERT INTO d.b SELECT id, COUNT(*) FROM kept WHERE more <> 'x' GROUP BY id", "END", "SELECT more FROM kept",
			"ALTER TABLE kept RENAME TO other", "SELECT more FROM other",
		} {
			if _, err := s.Check(t.Context(), sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
		if _, err := s.Check(t.Context(), "SELECT more FROM kept"); diag.CodeOf(err) != diag.UnknownTable {
			t.Errorf("after it was renamed: %v", err)
		}
		const wrong = "SELECT nope FROM other"
		_, err := s.Check(t.Context(), wrong)
		if d := diag.As(err); d == nil || d.Code != diag.UnknownColumn || wrong[d.Span.Start:d.Span.End] != "nope" {
			t.Errorf("%v", err)
		}
		advice, err := s.Check(t.Context(), "INSERT INTO d.b SELECT a.id, 1 FROM other a JOIN other b ON a.id = b.id")
		if err != nil || len(advice) == 0 {
			t.Errorf("a join whose state grows: %v %v", advice, err)
		}
		if err := s.Finish(); err != nil {
			t.Error(err)
		}
		if _, err := s.Check(t.Context(), "BEGIN STATEMENT SET"); err != nil {
			t.Error(err)
		}
		if err := s.Finish(); diag.CodeOf(err) != diag.Syntax {
			t.Errorf("a set that stays open: %v", err)
		}
	}
	near, away := open(t, local, nil), open(t, far, nil)
	for _, sql := range []string{"SHOW DATABASES", "SHOW TABLES", "SHOW CREATE TABLE kept"} {
		_, got := rows(t, away, sql)
		_, want := rows(t, near, sql)
		if got != want || strings.Contains(got, "more") || strings.Contains(got, "+I d\n") {
			t.Errorf("%s afterwards: %s", sql, got)
		}
	}
	if list, err := local.Jobs(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	for _, sql := range []string{"SELECT id, COUNT(*) AS n, ARRAY['a'] AS l FROM kept GROUP BY id", "SHOW TABLES"} {
		a, changes, err := near.Describe(t.Context(), sql)
		b, far, ferr := away.Describe(t.Context(), sql)
		if err != nil || ferr != nil || changes != far || len(a) != len(b) {
			t.Fatalf("%s: %v %v %v, %v %v %v", sql, a, changes, err, b, far, ferr)
		}
		for i := range a {
			if a[i].Name != b[i].Name || a[i].Type.String() != b[i].Type.String() {
				t.Errorf("%v, from afar %v", a[i], b[i])
			}
		}
	}
}

// Rows that were left out are told from afar as from near.
func TestRemoteLosses(t *testing.T) {
	local, far := cluster(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "in.json"), []byte(`{"id":1,"ts":"2020-01-01 00:00:00"}
{"id":
{"id":2,"ts":"2020-01-01 01:00:00"}
{"id":3,"ts":"2020-01-01 00:00:01"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, far, nil)
	rows(t, s, "CREATE TABLE e (id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'format' = 'json', 'json.ignore-parse-errors' = 'true', 'path' = '"+filepath.Join(dir, "in.json")+"')")
	op, _ := rows(t, s, "SELECT window_start, COUNT(*) FROM TUMBLE(TABLE e, DESCRIPTOR(ts), INTERVAL '1' MINUTE) GROUP BY window_start, window_end")
	near, err := local.Job(t.Context(), op.Job())
	if err != nil {
		t.Fatal(err)
	}
	away, err := far.Job(t.Context(), op.Job())
	if err != nil || near.Late != 1 || near.BadRecords != 1 || away.Late != near.Late || away.BadRecords != near.BadRecords || away.LastBadRecord != near.LastBadRecord || near.LastBadRecord == "" {
		t.Errorf("%d late, %d malformed (%s); from afar %d, %d (%s) %v", near.Late, near.BadRecords, near.LastBadRecord, away.Late, away.BadRecords, away.LastBadRecord, err)
	}
}

// The tables that a job writes to are told from afar, whatever the job is called.
func TestRemoteTables(t *testing.T) {
	local, far := cluster(t)
	s := open(t, far, map[string]string{"pipeline.name": "nightly"})
	rows(t, s, "CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000')")
	rows(t, s, "CREATE TABLE b (id BIGINT) WITH ('connector' = 'blackhole')")
	rows(t, s, "CREATE TABLE `a<b` (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')")
	op, _ := rows(t, s, "EXECUTE STATEMENT SET BEGIN INSERT INTO b SELECT id FROM g; INSERT INTO `a<b` SELECT id, COUNT(*) FROM g GROUP BY id; END")
	for _, c := range []gateway.Client{local, far} {
		j, err := c.Job(t.Context(), op.Job())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range j.Vertices {
			got = append(got, v.Tables...)
		}
		if slices.Sort(got); !slices.Equal(got, []string{"default_catalog.default_database.a<b", "default_catalog.default_database.b"}) {
			t.Errorf("%s writes to %q", j.Name, got)
		}
	}
	if err := far.Cancel(t.Context(), op.Job()); err != nil {
		t.Error(err)
	}
}

// An engine without object stores says so, and makes no folder of their name.
func TestNoStores(t *testing.T) {
	t.Chdir(t.TempDir())
	local, _ := cluster(t)
	for _, config := range []map[string]string{
		{"execution.checkpointing.dir": "s3://bucket/jobs", "execution.checkpointing.interval": "1 s"},
		{"execution.state-recovery.path": "s3://bucket/savepoint-1"},
	} {
		s := open(t, local, config)
		rows(t, s, "CREATE TEMPORARY TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000')")
		rows(t, s, "CREATE TEMPORARY TABLE b (id BIGINT) WITH ('connector' = 'blackhole')")
		_, err := s.Execute(t.Context(), "INSERT INTO b SELECT id FROM g")
		if d := diag.As(err); d == nil || d.Code != diag.Config || !strings.Contains(d.Msg, "s3://bucket/") || !strings.Contains(d.Hint, "engine.Config.Stores") {
			t.Errorf("%v: %v", config, err)
		}
	}
	// A savepoint of a job that runs, and the state in one.
	s := open(t, local, nil)
	rows(t, s, "CREATE TEMPORARY TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000')")
	rows(t, s, "CREATE TEMPORARY TABLE b (id BIGINT) WITH ('connector' = 'blackhole')")
	op, err := s.Execute(t.Context(), "INSERT INTO b SELECT id FROM g")
	if err != nil {
		t.Fatal(err)
	}
	running(t, local, op.Job())
	if _, err := local.Savepoint(t.Context(), op.Job(), "s3://bucket/savepoints"); err == nil || !strings.Contains(err.Error(), "without any") {
		t.Error(err)
	}
	q, err := open(t, local, map[string]string{"execution.runtime-mode": "batch"}).Execute(t.Context(), "SELECT * FROM savepoint_metadata('s3://bucket/savepoint-1')")
	if err == nil {
		_, err = q.Next(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "without any") {
		t.Error(err)
	}
	if list, _ := os.ReadDir("."); len(list) != 0 {
		t.Errorf("made %v", list)
	}
}
