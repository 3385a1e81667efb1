package flink

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/gateway/remote"
)

// token is what the servers of these tests ask for.
const token = "7a6c"

func guarded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, `{"errors":["no token"]}`, http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// clientOf runs a client of Flink's with the token, as users set it.
func clientOf(t *testing.T, j *Java, class string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	conf := filepath.Join(j.scratch, "conf")
	if err := os.MkdirAll(conf, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(conf, "config.yaml"), []byte("parallelism.default: 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := j.Command(ctx, class, args...)
	cmd.Env = append(os.Environ(), "FLINK_CONF_DIR="+conf, "FLINK_REST_CLIENT_HEADERS=Authorization:Bearer "+token, "HOME="+j.scratch)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Flink's own SQL client, in gateway mode, works on mink.
func TestFlinkSQLClientOnMink(t *testing.T) {
	j := flinkHere(t)
	site := mink(t, guarded)
	script := filepath.Join(j.scratch, "script.sql")
	err := os.WriteFile(script, []byte(`SET 'sql-client.execution.result-mode' = 'TABLEAU';
CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'number-of-rows' = '10000', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '10000');
CREATE TABLE b (id BIGINT) WITH ('connector' = 'blackhole');
SHOW TABLES;
DESCRIBE g;
SELECT 1 AS a, 'x' AS s, DATE '2020-01-01' AS d, CAST(1.50 AS DECIMAL(5, 2)) AS dd, ARRAY[1, 2] AS arr, TIMESTAMP '2020-01-01 10:00:00.123' AS ts;
SELECT COUNT(*) AS n FROM (VALUES (1), (2)) AS t (a);
BEGIN STATEMENT SET;
INSERT INTO b SELECT id FROM g;
INSERT INTO b SELECT -id FROM g;
END;
SHOW JOBS;
SET 'execution.runtime-mode' = 'batch';
SELECT COUNT(*) AS c, SUM(id) AS s FROM g;
SELECT id FROM g WHERE id > 9998;
SELECT nope FROM g;
`), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	// The client ends with 0 although the last statement is wrong; it tells so in words.
	out, err := clientOf(t, j, "org.apache.flink.table.client.SqlClient", "gateway", "-e", site.Gateway, "-f", script)
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"|          b |", "|   id | BIGINT |", "| +I |           1 |                              x | 2020-01-01 |    1.50 |                         [1, 2] | 2020-01-01 10:00:00.123 |",
		"| -U |                    1 |", "| +U |                    2 |", "Received a total of 3 rows", "Job ID: ", "insert-into_default_catalog.default_database.b",
		"| 10000 | 50005000 |", "|  9999 |", "unknown-column: no column", "Shutting down the session",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}

// flink list, savepoint, checkpoint, stop and cancel work on mink.
func TestFlinkCommandsOnMink(t *testing.T) {
	j := flinkHere(t)
	site := mink(t, guarded)
	c := remoteOf(t, site, token)
	s, err := c.OpenSession(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	submit := func() string {
		t.Helper()
		for _, sql := range []string{
			"CREATE TABLE IF NOT EXISTS g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.id.min' = '1', 'fields.id.max' = '9')",
			"CREATE TABLE IF NOT EXISTS b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')",
		} {
			if _, err := s.Execute(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		op, err := s.Execute(t.Context(), "INSERT INTO b SELECT id, COUNT(*) FROM g GROUP BY id")
		if err != nil {
			t.Fatal(err)
		}
		isRunning(t, c, op.Job())
		return op.Job()
	}
	at, dir := strings.TrimPrefix(site.REST, "http://"), t.TempDir()
	flink := func(fails bool, args ...string) string {
		t.Helper()
		out, err := clientOf(t, j, "org.apache.flink.client.cli.CliFrontend", append(args, "-m", at)...)
		if (err != nil) != fails {
			t.Errorf("flink %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	expect := func(out, want string) {
		t.Helper()
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	id := submit()
	expect(flink(false, "list"), id+" : insert-into_default_catalog.default_database.b (RUNNING)")
	expect(flink(false, "savepoint", id, dir), "Savepoint completed. Path: "+dir)
	expect(flink(false, "checkpoint", id), "for job "+id+" completed")
	// What goes wrong is told, not that an answer is wrong.
	expect(flink(true, "savepoint", id, "/dev/null/nowhere"), "/dev/null/nowhere")
	expect(flink(false, "stop", "--savepointPath", dir, id), "Savepoint completed. Path: "+dir)
	expect(flink(false, "list", "-a"), id+" : insert-into_default_catalog.default_database.b (FINISHED)")
	expect(flink(true, "cancel", id), "already reached another terminal state (FINISHED)")
	id = submit()
	expect(flink(false, "cancel", id), "Cancelled job "+id)
	if _, err := poll(t, c, id, "CANCELED"); err != nil {
		t.Error(err)
	}
}

func remoteOf(t *testing.T, site Site, token string) *remote.Client {
	t.Helper()
	c, err := remote.New(remote.Options{Gateway: site.Gateway, REST: site.REST, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func isRunning(t *testing.T, c gateway.Client, id string) {
	t.Helper()
	if st, err := poll(t, c, id, "RUNNING"); err != nil {
		t.Fatalf("%+v %v", st, err)
	}
}

// poll asks for a job until it is in a state.
func poll(t *testing.T, c gateway.Client, id, state string) (st gateway.JobStatus, err error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if st, err = c.Job(t.Context(), id); err != nil || st.State == state {
			return st, err
		}
	}
	return st, errors.New("the job is " + st.State)
}

// rowsOf are the rows of a statement as people see them.
func rowsOf(t *testing.T, s gateway.Session, sql string) (gateway.Operation, string) {
	t.Helper()
	op, err := s.Execute(t.Context(), sql)
	if err != nil {
		t.Errorf("%s: %v", sql, err)
		return nil, ""
	}
	defer op.Close()
	var out strings.Builder
	for {
		b, err := op.Next(t.Context())
		if err == io.EOF {
			return op, out.String()
		}
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			return nil, ""
		}
		for i := range b.Rows() {
			out.WriteString(b.Kind(b.Lane(i)).String() + " " + strings.Join(show.Cells(b, b.Lane(i), op.Zone()), "|") + "\n")
		}
	}
}

// mink's client gives the same rows, types and mistakes from Flink's gateway as from
// mink's, and drives Flink's jobs.
func TestFlinkOverRemote(t *testing.T) {
	f := startFlink(t, flinkHere(t))
	far := remoteOf(t, Site{Gateway: f.Gateway}, "") // the gateway tells where the jobs are
	near := remoteOf(t, mink(t, func(h http.Handler) http.Handler { return h }), "")
	config := map[string]string{"table.local-time-zone": "Asia/Tokyo", "execution.runtime-mode": "streaming"}
	a, err := near.OpenSession(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := far.OpenSession(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, sql := range []string{
		"SELECT 1 AS a", "SELECT COUNT(*) AS n FROM (VALUES (1), (2)) AS t (a)",
		"SELECT TRUE, CAST(1.50 AS DECIMAL(10, 2)), CAST(1.5 AS FLOAT), 1e20, 'x', x'45f0', DATE '2020-01-01', TIME '10:00:00', TIMESTAMP '2020-01-01 10:00:00.120'",
		"SELECT CAST(TIMESTAMP '2020-01-01 10:00:00.120' AS TIMESTAMP_LTZ(3)), INTERVAL '1' DAY, INTERVAL '2' YEAR",
		"SELECT ARRAY[1, 2], MAP['a', 1], ROW(1, 'b'), CAST(NULL AS INT), CAST(ARRAY[1, NULL] AS ARRAY<INT>)",
		"SELECT a, SUM(b) FROM (VALUES ('x', 1), ('x', 2)) AS t (a, b) GROUP BY a", "SHOW DATABASES",
	} {
		want, rows := rowsOf(t, a, sql)
		got, same := rowsOf(t, b, sql)
		if rows != same {
			t.Errorf("%s\nmink\n%sFlink\n%s", sql, rows, same)
		}
		if want == nil || got == nil {
			continue
		}
		for i, f := range want.Schema() {
			if g := got.Schema()[i]; f.Name != g.Name || f.Type.String() != g.Type.String() {
				t.Errorf("%s: %s %s, in Flink %s %s", sql, f.Name, f.Type, g.Name, g.Type)
			}
		}
		if want.Result() != got.Result() || want.Streaming() != got.Streaming() {
			t.Errorf("%s: %v %v, in Flink %v %v", sql, want.Result(), want.Streaming(), got.Result(), got.Streaming())
		}
	}
	if _, err := b.Execute(t.Context(), "SELECT nope FROM (VALUES (1)) AS t (a)"); err == nil || !strings.Contains(err.Error(), "'nope' not found") || strings.Contains(err.Error(), "\n") || diag.As(err).Span != (diag.Span{Start: 7, End: 11}) {
		t.Errorf("a mistake in Flink: %+v", err)
	}
	for _, sql := range []string{
		"CREATE TABLE g (id BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.id.min' = '1', 'fields.id.max' = '9')",
		"CREATE TABLE b (id BIGINT, n BIGINT) WITH ('connector' = 'blackhole')",
	} {
		rowsOf(t, b, sql)
	}
	submit := func(sql string) gateway.Operation {
		t.Helper()
		op, err := b.Execute(t.Context(), sql)
		if err != nil || op.Result() != gateway.Submitted {
			t.Fatalf("%s: %v", sql, err)
		}
		return op
	}
	const insert = "INSERT INTO b SELECT id, COUNT(*) FROM g GROUP BY id"
	op, dir := submit(insert), t.TempDir()
	isRunning(t, far, op.Job())
	for end := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) { // Flink is RUNNING before its tasks are
		path, err := far.Savepoint(t.Context(), op.Job(), dir)
		if err == nil && strings.Contains(path, "savepoint-") {
			break
		}
		if time.Now().After(end) {
			t.Fatal(path, err)
		}
	}
	if list, err := far.Metrics(t.Context(), op.Job()); err != nil || len(list) < 50 {
		t.Errorf("%d metrics: %v", len(list), err)
	}
	if path, err := far.Stop(t.Context(), op.Job(), dir, false); err != nil || !strings.Contains(path, "savepoint-") {
		t.Errorf("%s: %v", path, err)
	}
	if st, err := far.Job(t.Context(), op.Job()); err != nil || st.State != "FINISHED" || len(st.Vertices) == 0 {
		t.Errorf("%+v %v", st, err)
	}
	op = submit(insert)
	if err := far.Cancel(t.Context(), op.Job()); err != nil {
		t.Error(err)
	}
	if err := op.Wait(t.Context()); diag.CodeOf(err) != diag.Cancelled {
		t.Error(err)
	}
	op = submit("INSERT INTO b SELECT 1, 1 / (id - 5) FROM (VALUES (CAST(5 AS BIGINT))) AS t (id)")
	if err := op.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "/ by zero") {
		t.Errorf("a job of Flink that fails: %v", err)
	}
	if c, err := far.Cluster(t.Context()); err != nil || len(c.Nodes) != 1 || c.Nodes[0].Slots != 8 {
		t.Errorf("%+v %v", c, err)
	}
}
