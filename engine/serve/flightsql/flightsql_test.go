package flightsql_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/flight"
	client "github.com/apache/arrow/go/v17/arrow/flight/flightsql"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/serve/flightsql"
)

const token = "s3cret-token"

func serve(t *testing.T) string { return serveWith(t, nil) }

// serveWith is serve with somebody who hears of those who are not let in.
func serveWith(t *testing.T, refused func(remote, method, why string)) string {
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
	s := &flightsql.Server{Client: gateway.Local(eng), Token: token, Refused: refused}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		eng.Close()
	})
	return ln.Addr().String()
}

func dial(t *testing.T) (*client.Client, context.Context) {
	t.Helper()
	c, err := client.NewClient(serve(t), nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	ctx, err := c.Client.AuthenticateBasicToken(t.Context(), "ann", token)
	if err != nil {
		t.Fatal(err)
	}
	return c, ctx
}

// rows are all that a result has, a line a row.
func rows(t *testing.T, c *client.Client, ctx context.Context, info *flight.FlightInfo) []string {
	t.Helper()
	var out []string
	for _, e := range info.Endpoint {
		r, err := c.DoGet(ctx, e.Ticket)
		if err != nil {
			t.Fatal(err)
		}
		want, err := flight.DeserializeSchema(info.Schema, memory.DefaultAllocator)
		if err != nil || !r.Schema().Equal(want) {
			t.Errorf("columns come as %s and were said to be %s, %v", r.Schema(), want, err)
		}
		for r.Next() {
			rec := r.Record()
			for i := range int(rec.NumRows()) {
				var cells []string
				for _, col := range rec.Columns() {
					cells = append(cells, col.ValueStr(i))
				}
				out = append(out, strings.Join(cells, "|"))
			}
		}
		if r.Err() != nil {
			t.Error(r.Err())
		}
		r.Release()
	}
	return out
}

func query(t *testing.T, c *client.Client, ctx context.Context, sql string) []string {
	t.Helper()
	info, err := c.Execute(ctx, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return rows(t, c, ctx, info)
}

func TestToken(t *testing.T) {
	var mu sync.Mutex
	var refused []string
	addr := serveWith(t, func(remote, method, why string) {
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(remote, "127.0.0.1:") {
			t.Errorf("refused from %s", remote)
		}
		refused = append(refused, method+" "+why)
	})
	c, err := client.NewClient(addr, nil, nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, with := range []string{"", "Bearer ", "Bearer wrong", "Basic d3Jvbmc6d3Jvbmc=", token} {
		ctx := t.Context()
		if with != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "authorization", with)
		}
		if _, err := c.Execute(ctx, "SELECT 1"); status.Code(err) != codes.Unauthenticated {
			t.Errorf("with %q: %v", with, err)
		}
		if _, err := c.DoGet(ctx, &flight.Ticket{Ticket: []byte("x")}); status.Code(err) != codes.Unauthenticated {
			t.Errorf("rows with %q: %v", with, err)
		}
	}
	if _, err := c.Execute(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token), "SELECT 1"); err != nil {
		t.Error(err)
	}
	// Whoever is let in is not among them, whether the call then fails or not.
	good := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	if _, err := c.DoGet(good, &flight.Ticket{Ticket: []byte("x")}); err == nil {
		t.Error("a ticket that is none")
	}
	// A password at a handshake, right and wrong.
	if _, err := c.Client.AuthenticateBasicToken(t.Context(), "ann", token); err != nil {
		t.Error(err)
	}
	if _, err := c.Client.AuthenticateBasicToken(t.Context(), "ann", "guess-of-ann"); status.Code(err) != codes.Unauthenticated {
		t.Errorf("with a wrong password: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	count := map[string]int{}
	for _, r := range refused {
		method, _, _ := strings.Cut(r, " ")
		count[method]++
		if strings.Contains(r, token) || strings.Contains(r, "guess") || strings.Contains(r, "d3Jvbmc") {
			t.Errorf("what was shown is told: %s", r)
		}
	}
	if count["GetFlightInfo"] != 5 || count["DoGet"] != 5 || count["Handshake"] != 1 || len(refused) != 11 {
		t.Errorf("refused: %v", refused)
	}
}

func TestQuery(t *testing.T) {
	c, ctx := dial(t)
	got := query(t, c, ctx, "SELECT 1, 'a', TRUE, CAST(1.5 AS DECIMAL(5, 2)), DATE '2024-02-29', CAST(NULL AS INT), ARRAY[1, 2], TIMESTAMP '2024-01-01 00:00:00.123'")
	if len(got) != 1 || got[0] != "1|a|true|1.50|2024-02-29|(null)|[1,2]|2024-01-01 00:00:00.123" && !strings.HasPrefix(got[0], "1|a|true|1.5") {
		t.Errorf("%q", got)
	}
	// More rows than a batch has, each once.
	dir := t.TempDir()
	for _, sql := range []string{
		"CREATE TEMPORARY TABLE gen (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '10000')",
		"CREATE TABLE t (n INT, PRIMARY KEY (n) NOT ENFORCED) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '" + dir + "')",
	} {
		if _, err := c.ExecuteUpdate(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, r := range query(t, c, ctx, "SELECT n FROM gen") {
		seen[r] = true
	}
	if len(seen) != 10000 {
		t.Errorf("%d rows", len(seen))
	}
	n, err := c.ExecuteUpdate(ctx, "INSERT INTO t SELECT n FROM gen WHERE n <= 3")
	if err != nil || n != 3 {
		t.Error(n, err)
	}
	if got := query(t, c, ctx, "SELECT n FROM t ORDER BY n"); fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("%q", got)
	}
	if got := query(t, c, ctx, "SHOW TABLES"); fmt.Sprint(got) != "[gen t]" {
		t.Errorf("%q", got)
	}
	_, err = c.Execute(ctx, "SELECT nope FROM t")
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "nope") || !strings.Contains(err.Error(), "^") {
		t.Errorf("a mistake: %v", err)
	}
	if info, err := c.Execute(ctx, "SELECT 1 / 0"); err == nil {
		r, err := c.DoGet(ctx, info.Endpoint[0].Ticket)
		for err == nil && r.Next() {
		}
		if err == nil {
			err = r.Err()
		}
		if err == nil || !strings.Contains(err.Error(), "zero") {
			t.Errorf("a failure while it runs: %v", err)
		}
	}

	tables, err := c.GetTables(ctx, &client.GetTablesOpts{IncludeSchema: true})
	if err != nil {
		t.Fatal(err)
	}
	var found bool
	for _, r := range rows(t, c, ctx, tables) {
		found = found || strings.HasPrefix(r, "default_catalog|default_database|t|TABLE|")
	}
	if !found {
		t.Errorf("table t is missing")
	}
	keys, err := c.GetPrimaryKeys(ctx, client.TableRef{Table: "t"})
	if err != nil {
		t.Fatal(err)
	}
	if got := rows(t, c, ctx, keys); len(got) != 1 || !strings.HasPrefix(got[0], "default_catalog|default_database|t|n|1|") {
		t.Errorf("%q", got)
	}
	cats, err := c.GetCatalogs(ctx)
	if err != nil || !strings.Contains(strings.Join(rows(t, c, ctx, cats), " "), "default_catalog") {
		t.Error(err)
	}
	pattern := "default%"
	dbs, err := c.GetDBSchemas(ctx, &client.GetDBSchemasOpts{DbSchemaFilterPattern: &pattern})
	if err != nil || fmt.Sprint(rows(t, c, ctx, dbs)) != "[default_catalog|default_database]" {
		t.Error(err)
	}
}

func TestPrepared(t *testing.T) {
	c, ctx := dial(t)
	p, err := c.Prepare(ctx, "SELECT CONCAT(s, ?) AS x FROM (VALUES ('a', 1), ('b', 2)) AS t(s, n) WHERE n >= ? AND s <> '?'")
	if err != nil {
		t.Fatal(err)
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "1", Type: arrow.BinaryTypes.String}, {Name: "2", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.StringBuilder).Append("'; DROP TABLE x --")
	b.Field(1).(*array.Int64Builder).Append(2)
	p.SetParameters(b.NewRecord())
	info, err := p.Execute(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := rows(t, c, ctx, info); len(got) != 1 || got[0] != "b'; DROP TABLE x --" {
		t.Errorf("%q", got)
	}
	show, err := c.Prepare(ctx, "SHOW CATALOGS")
	if err != nil {
		t.Fatal(err)
	}
	if info, err = show.Execute(ctx); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, c, ctx, info); fmt.Sprint(got) != "[default_catalog]" {
		t.Errorf("%q", got)
	}
	if err := p.Close(ctx); err != nil {
		t.Error(err)
	}
	if _, err := p.Execute(ctx); err == nil {
		t.Error("a closed statement runs")
	}
}

func TestStreaming(t *testing.T) {
	c, ctx := dial(t)
	for _, sql := range []string{
		"SET 'execution.runtime-mode' = 'streaming'",
		"CREATE TEMPORARY TABLE gen (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000')",
	} {
		if _, err := c.ExecuteUpdate(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	info, err := c.Execute(ctx, "SELECT COUNT(*) AS c FROM gen")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.DoGet(ctx, info.Endpoint[0].Ticket)
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for len(ops) < 3 && r.Next() {
		for i := range int(r.Record().NumRows()) {
			ops = append(ops, r.Record().Column(0).ValueStr(i)+":"+r.Record().Column(1).ValueStr(i))
		}
	}
	if len(ops) < 3 || strings.Join(ops[:3], " ") != "0:1 1:1 2:2" {
		t.Errorf("%q, %v", ops, r.Err())
	}
}
