package pgwire_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/serve/pgwire"
)

const token = "s3cret-token"

// serve starts a server on a free port of loopback and returns its address.
func serve(t *testing.T) (host, port string) {
	t.Helper()
	eng, err := engine.New(engine.Config{
		Env: env.OS(t.TempDir()), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(), Zone: time.UTC,
	})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &pgwire.Server{Client: gateway.Local(eng), Token: token}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		eng.Close()
	})
	host, port, _ = net.SplitHostPort(ln.Addr().String())
	return host, port
}

func url(host, port, password, more string) string {
	return fmt.Sprintf("postgres://ann:%s@%s:%s/?sslmode=prefer%s", password, host, port, more)
}

// dial connects as a driver does.
func dial(t *testing.T, more string) *pgx.Conn {
	t.Helper()
	host, port := serve(t)
	c, err := pgx.Connect(t.Context(), url(host, port, token, more))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestPassword(t *testing.T) {
	host, port := serve(t)
	for _, wrong := range []string{"", "s3cret", token + "x"} {
		_, err := pgx.Connect(t.Context(), url(host, port, wrong, ""))
		if err == nil {
			t.Fatalf("password %q is taken", wrong)
		}
	}
	_, err := pgx.Connect(t.Context(), url(host, port, "wrong", ""))
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "28P01" {
		t.Errorf("a wrong password: %v", err)
	}
}

// Values of every type, in the text form and in the binary form, by a driver that was
// written for Postgres. What is expected is what Postgres gives for these literals.
func TestValues(t *testing.T) {
	for _, mode := range []string{"simple_protocol", "cache_statement", "describe_exec", "exec"} {
		t.Run(mode, func(t *testing.T) {
			c := dial(t, "&default_query_exec_mode="+mode)
			scan := func(sql string, to ...any) {
				t.Helper()
				if err := c.QueryRow(t.Context(), sql).Scan(to...); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
			var b bool
			var i2 int16
			var i4 int32
			var i8 int64
			var f4 float32
			var f8 float64
			scan("SELECT TRUE, CAST(-3 AS SMALLINT), -70000, 9000000000, CAST(1.5 AS FLOAT), -2.5E0", &b, &i2, &i4, &i8, &f4, &f8)
			if !b || i2 != -3 || i4 != -70000 || i8 != 9000000000 || f4 != 1.5 || f8 != -2.5 {
				t.Error(b, i2, i4, i8, f4, f8)
			}
			scan("SELECT CAST('NaN' AS DOUBLE), CAST('Infinity' AS FLOAT)", &f8, &f4)
			if !math.IsNaN(f8) || !math.IsInf(float64(f4), 1) {
				t.Error(f8, f4)
			}
			var s, long string
			var raw []byte
			scan("SELECT 'a''b', CAST('x' AS CHAR(3)), x'00ff'", &s, &long, &raw)
			if s != "a'b" || long != "x  " && long != "x" || string(raw) != "\x00\xff" {
				t.Errorf("%q %q %x", s, long, raw)
			}
			var d, ts, ltz time.Time
			scan("SELECT DATE '2024-02-29', TIMESTAMP '1969-12-31 23:59:58.123456', TO_TIMESTAMP_LTZ(1700000000123, 3)", &d, &ts, &ltz)
			if d.Format(time.DateOnly) != "2024-02-29" || ts.Format("2006-01-02 15:04:05.999999") != "1969-12-31 23:59:58.123456" || ltz.UnixMilli() != 1700000000123 {
				t.Error(d, ts, ltz)
			}
			var null *int32
			var list []int32
			var words []*string
			scan("SELECT CAST(NULL AS INT), ARRAY[1, -2, 3], ARRAY['a,b', 'c\"d', CAST(NULL AS STRING)]", &null, &list, &words)
			if null != nil || !slices.Equal(list, []int32{1, -2, 3}) || len(words) != 3 || *words[0] != "a,b" || *words[1] != `c"d` || words[2] != nil {
				t.Error(null, list, words)
			}
			var day, month time.Duration
			scan("SELECT INTERVAL '2 03:04:05.006' DAY TO SECOND, INTERVAL '-10' SECOND", &day, &month)
			if day != 51*time.Hour+4*time.Minute+5*time.Second+6*time.Millisecond || month != -10*time.Second {
				t.Error(day, month)
			}
			if mode == "simple_protocol" { // pgx forgets the scale of a zero in binary form
				var zero string
				if scan("SELECT CAST(0 AS DECIMAL(5, 2))", &zero); zero != "0.00" {
					t.Error(zero)
				}
			}
			for _, n := range []string{"0", "-12345678.90", "0.0001", "10000", "99999999999999999999.123456789", "-0.5", "100000000"} {
				p, scale := len(strings.Trim(n, "-")), 0
				if _, f, ok := strings.Cut(n, "."); ok {
					p, scale = p-1, len(f)
				}
				var got string
				scan(fmt.Sprintf("SELECT CAST(CAST('%s' AS DECIMAL(%d, %d)) AS DECIMAL(%d, %d))", n, p, scale, p, scale), &got)
				if got != n {
					t.Errorf("numeric %s came as %s", n, got)
				}
			}
		})
	}
}

func TestParameters(t *testing.T) {
	c := dial(t, "")
	day := time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)
	rows := []struct {
		sql  string
		args []any
		want string
	}{
		{"SELECT CAST($1 AS STRING)", []any{"it's; DROP TABLE x --"}, "it's; DROP TABLE x --"},
		{"SELECT CAST($1::int4 + $2::int4 AS STRING)", []any{40, 2}, "42"},
		{"SELECT CAST($1::int8 AS STRING)", []any{int64(math.MinInt64)}, "-9223372036854775808"},
		{"SELECT CAST($1::float8 AS STRING)", []any{2.5}, "2.5"},
		{"SELECT CAST($1::bool AS STRING)", []any{true}, "TRUE"},
		{"SELECT CAST($1::date AS STRING)", []any{day}, "2024-05-06"},
		{"SELECT CAST($1::text || \"b\" AS STRING) FROM (VALUES ('x')) AS t(b)", []any{"y"}, "yx"},
		{"SELECT 'a' FROM (VALUES (1)) AS t(n) WHERE $1 = 'q'", []any{"q"}, "a"},
		{"SELECT CAST(n AS STRING) FROM (VALUES (7), (8)) AS t(n) WHERE n = $1", []any{"8"}, "8"},
		{"SELECT CAST(n AS STRING) FROM (VALUES (7), (7)) AS t(n) LIMIT $1", []any{1}, "7"},
		{"SELECT COALESCE(CAST($1 AS STRING), 'null')", []any{nil}, "null"},
	}
	for _, r := range rows {
		var got string
		if err := c.QueryRow(t.Context(), r.sql, r.args...).Scan(&got); err != nil {
			t.Errorf("%s: %v", r.sql, err)
			continue
		}
		if got != r.want {
			t.Errorf("%s: %q, want %q", r.sql, got, r.want)
		}
	}
}

// A table is made, written and read; what is written is there when INSERT is answered.
func TestTables(t *testing.T) {
	c := dial(t, "")
	ctx := t.Context()
	exec := func(sql, tag string, args ...any) {
		t.Helper()
		got, err := c.Exec(ctx, sql, args...)
		if err != nil || got.String() != tag {
			t.Fatalf("%s: %s, %v; want %s", sql, got, err, tag)
		}
	}
	dir := t.TempDir()
	exec("CREATE TABLE \"my t\" (id INT, `name` STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '"+dir+"')", "CREATE TABLE")
	exec("BEGIN", "BEGIN")
	exec("INSERT INTO \"my t\" VALUES (1, 'one'), (2, 'two')", "INSERT 0 2")
	exec("COMMIT", "COMMIT")
	rows, err := c.Query(ctx, "SELECT id, name FROM \"my t\" ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		var id int32
		var name string
		err := r.Scan(&id, &name)
		return fmt.Sprint(id, name), err
	})
	if err != nil || fmt.Sprint(got) != "[1one 2two]" {
		t.Errorf("%v, %v", got, err)
	}
	exec("DROP TABLE \"my t\"", "DROP TABLE")
}

func TestMistakes(t *testing.T) {
	c := dial(t, "")
	for _, m := range []struct {
		sql, state string
		place      int32
	}{
		{"SELECT 1 FORM t", "42601", 15},
		{"SELECT x FROM (VALUES (1)) AS t(y)", "42703", 8},
		{`SELECT "é", nope FROM (VALUES (1)) AS t("é")`, "42703", 13},
		{"SELECT 1::int4 + nope::int8 FROM (VALUES (1)) AS t(y)", "42703", 18},
		{"SELECT * FROM nowhere", "42P01", 15},
		{"SELECT 1 / 0", "22012", 0},
		{"COPY t FROM STDIN", "0A000", 0},
		{"SET nothing = 1", "42704", 0},
	} {
		for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeDescribeExec} {
			rows, err := c.Query(t.Context(), m.sql, mode)
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
			}
			var e *pgconn.PgError
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", m.sql, err)
				continue
			}
			if e.Code != m.state || m.place != 0 && e.Position != m.place {
				t.Errorf("%s: state %s at %d, want %s at %d (%s)", m.sql, e.Code, e.Position, m.state, m.place, e.Message)
			}
		}
	}
	// The connection goes on, and a failed transaction takes only its end.
	ctx := t.Context()
	c.Exec(ctx, "BEGIN")
	c.Exec(ctx, "SELECT nope")
	_, err := c.Exec(ctx, "SELECT 1")
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "25P02" {
		t.Errorf("in a failed transaction: %v", err)
	}
	if tag, err := c.Exec(ctx, "COMMIT"); err != nil || tag.String() != "ROLLBACK" {
		t.Error(tag, err)
	}
	if _, err := c.Exec(ctx, "SELECT 1"); err != nil {
		t.Error(err)
	}
}

// A query without an end gives its changes as they come, and ends when it is cancelled, after the
// timeout, and when the client goes.
func TestEndless(t *testing.T) {
	host, port := serve(t)
	connect := func() *pgx.Conn {
		c, err := pgx.Connect(t.Context(), url(host, port, token, "&default_query_exec_mode=simple_protocol"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(context.Background()) })
		for _, sql := range []string{
			"SET 'execution.runtime-mode' = 'streaming'",
			"CREATE TEMPORARY TABLE gen (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000')",
		} {
			if _, err := c.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	const query = "SELECT COUNT(*) AS c FROM gen"
	// read reads on; seen, if there is one, is called with how many rows have come.
	read := func(ctx context.Context, c *pgx.Conn, seen func(n int)) ([]string, error) {
		var ops []string
		rows, err := c.Query(ctx, query)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var op string
			var n int64
			if err := rows.Scan(&op, &n); err != nil {
				return ops, err
			}
			if ops = append(ops, fmt.Sprint(op, n)); seen != nil {
				seen(len(ops))
			}
		}
		return ops, rows.Err()
	}
	c := connect()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ops, err := read(ctx, c, func(n int) {
		if n == 9 {
			cancel()
		}
	})
	if err == nil || len(ops) < 4 || ops[0] != "+I1" || ops[1] != "-U1" || ops[2] != "+U2" {
		t.Errorf("%.10q, %v", ops, err)
	}

	c = connect()
	c.Exec(t.Context(), "SET statement_timeout = '300ms'")
	_, err = read(t.Context(), c, nil)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "57014" || !strings.Contains(e.Message, "statement_timeout") {
		t.Errorf("timeout: %v", err)
	}

	c = connect()
	_, err = read(t.Context(), c, func(n int) {
		if n == 9 {
			c.PgConn().CancelRequest(context.Background())
		}
	})
	if !errors.As(err, &e) || e.Code != "57014" {
		t.Errorf("cancel: %v", err)
	}
}

func TestPSQL(t *testing.T) {
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not on the path: apt install postgresql-client")
	}
	host, port := serve(t)
	run := func(commands ...string) string {
		args := []string{"-X", "-A", "-d", url(host, port, token, ""), "-v", "ON_ERROR_STOP=1"}
		for _, c := range commands {
			args = append(args, "-c", c)
		}
		out, err := exec.Command(path, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", commands, err, out)
		}
		return string(out)
	}
	make := []string{
		"CREATE TABLE orders (id INT NOT NULL, price DECIMAL(10, 2), PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'datagen')",
		"CREATE VIEW cheap AS SELECT id FROM orders WHERE price < 10",
	}
	run(make...)
	tables := run(`\dt`)
	if !strings.Contains(tables, "default_database|orders|table|ann") || strings.Contains(tables, "cheap") {
		t.Errorf("\\dt:\n%s", tables)
	}
	if all := run(`\d`); !strings.Contains(all, "default_database|cheap|view|ann") || !strings.Contains(all, "|orders|table|") {
		t.Errorf("\\d:\n%s", all)
	}
	one := run(`\d orders`)
	for _, want := range []string{`Table "default_database.orders"`, "id|int||not null|", "price|decimal(10, 2)||"} {
		if !strings.Contains(one, want) {
			t.Errorf("\\d orders lacks %q:\n%s", want, one)
		}
	}
	if v := run(`\d cheap`); !strings.Contains(v, `View "default_database.cheap"`) || !strings.Contains(v, "id|int||") {
		t.Errorf("\\d cheap:\n%s", v)
	}
	if l := run(`\l`); !strings.Contains(l, "default_database|") {
		t.Errorf("\\l:\n%s", l)
	}
	if n := run(`\dn`); !strings.Contains(n, "default_database|ann") {
		t.Errorf("\\dn:\n%s", n)
	}
	if got := run(`SELECT 1 AS uno, 'x' AS "Two"`); !strings.Contains(got, "uno|Two\n1|x\n(1 row)") {
		t.Errorf("a query:\n%s", got)
	}
}
