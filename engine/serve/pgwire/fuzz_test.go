package pgwire

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/types"
)

// silent is a client of an engine that answers every statement with nothing.
type silent struct{ gateway.Client }

func (silent) OpenSession(context.Context, map[string]string) (gateway.Session, error) {
	return silentSession{}, nil
}

type silentSession struct{ gateway.Session }

func (silentSession) Execute(context.Context, string) (gateway.Operation, error) {
	return silentOperation{}, nil
}
func (silentSession) Describe(context.Context, string) (types.Schema, bool, error) {
	return nil, false, nil
}
func (silentSession) Close() error { return nil }

type silentOperation struct{ gateway.Operation }

func (silentOperation) Result() gateway.Result                     { return gateway.Info }
func (silentOperation) Schema() types.Schema                       { return nil }
func (silentOperation) Zone() *time.Location                       { return time.UTC }
func (silentOperation) Warnings() []*diag.Error                    { return nil }
func (silentOperation) Next(context.Context) (*batch.Batch, error) { return nil, io.EOF }
func (silentOperation) Close() error                               { return nil }

// Whatever a client sends, its connection ends and nothing else does.
func FuzzProtocol(f *testing.F) {
	start := func(m ...pgproto3.FrontendMessage) []byte {
		var out []byte
		for _, m := range append([]pgproto3.FrontendMessage{&pgproto3.StartupMessage{
			ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "a", "options": "-c statement_timeout=5"},
		}}, m...) {
			out, _ = m.Encode(out)
		}
		return out
	}
	f.Add(start(&pgproto3.Query{String: "SELECT 1; BEGIN; SELECT nope"}))
	f.Add(start(&pgproto3.Parse{Query: "SELECT $1::int", ParameterOIDs: []uint32{23}}, &pgproto3.Bind{Parameters: [][]byte{{0, 0, 0, 1}}, ParameterFormatCodes: []int16{1}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Close{ObjectType: 'S'}, &pgproto3.Sync{}))
	f.Add(start(&pgproto3.Query{String: "SELECT c.relname, CASE c.relkind WHEN 'r' THEN 'table' END FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) '^(a'"}))
	f.Add(start(&pgproto3.Terminate{}))
	f.Add([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		near, far := net.Pipe()
		c := &conn{s: &Server{Client: silent{}}, nc: far, id: 1}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = c.serve()
		}()
		go io.Copy(io.Discard, near)
		near.SetWriteDeadline(time.Now().Add(5 * time.Second))
		near.Write(sent)
		near.Close()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the connection does not end")
		}
	})
}

// Text without anything of Postgres' own stays as it is, and translating never fails in
// another way than by an error.
func FuzzTranslate(f *testing.F) {
	for _, s := range []string{
		"SELECT a FROM t WHERE b = 'x'", "SELECT \"a\"\"b\"::int[], f(x)(1)::numeric(3,2)::text FROM \"t", "a::", "::int", "(((a))::b)::c", "$1::text LIMIT $2", "'::' :: varchar", "x.y.z::double precision",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		out, err := translate(sql, func(int, use) (string, error) { return "NULL", nil })
		if err != nil {
			return
		}
		if !strings.ContainsAny(sql, "\"$:") && out.sql != sql {
			t.Errorf("%q became %q", sql, out.sql)
		}
		for i := range out.sql {
			if o := out.origin(i); o < 0 {
				t.Errorf("place %d of %q comes from %d", i, out.sql, o)
			}
		}
		c := &conn{s: &Server{Client: silent{}}, session: silentSession{}, ctx: t.Context(), tx: 'I', set: map[string]string{}, named: map[string]*prepared{}}
		_, _ = c.own(sql)
	})
}

func TestTranslate(t *testing.T) {
	for _, c := range [][2]string{
		{`SELECT "a""b" FROM "t"`, "SELECT `a\"b` FROM `t`"},
		{`SELECT x.y::int4`, `SELECT CAST(x.y AS INT)`},
		{`SELECT f(a, (b)) :: text || 'q'`, `SELECT CAST(f(a, (b)) AS STRING) || 'q'`},
		{`SELECT (a + 1)::int8::text`, `SELECT CAST(CAST((a + 1) AS BIGINT) AS STRING)`},
		{`SELECT '1'::numeric(10, 2), "b"::double precision`, "SELECT CAST('1' AS DECIMAL(10, 2)), CAST(`b` AS DOUBLE)"},
		{`SELECT COUNT(*)::int4 FROM t`, `SELECT CAST(COUNT(*) AS INT) FROM t`},
		{`SELECT a FROM t WHERE (b)::bool AND c IN ($1::int4)`, `SELECT a FROM t WHERE CAST((b) AS BOOLEAN) AND c IN (CAST(P AS INT))`},
		{`SELECT '"a"::b'`, `SELECT '"a"::b'`},
	} {
		got, err := translate(c[0], func(int, use) (string, error) { return "P", nil })
		if err != nil || got.sql != c[1] {
			t.Errorf("%s: %s, %v; want %s", c[0], got.sql, err, c[1])
		}
	}
}

// A browser that is made to speak to the port is not answered.
func TestBrowser(t *testing.T) {
	for _, first := range []string{"GET / HTTP/1.1\r\n\r\n", "POST /v1/sessions HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00"} {
		near, far := net.Pipe()
		c := &conn{s: &Server{Client: silent{}}, nc: far}
		ended := make(chan error, 1)
		go func() { ended <- c.serve() }()
		near.SetDeadline(time.Now().Add(5 * time.Second))
		near.Write([]byte(first))
		if b, _ := io.ReadAll(near); len(b) > 0 {
			t.Errorf("%q is answered with %q", first, b)
		}
		if err := <-ended; err == nil {
			t.Errorf("%q ends without an error", first)
		}
	}
}
