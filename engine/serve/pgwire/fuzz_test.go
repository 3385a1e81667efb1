package pgwire

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/gateway"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// silent is a client of an engine that answers each SELECT with the same two rows, one of
// them NULL, and every other statement with nothing.
type silent struct{ gateway.Client }

func (silent) OpenSession(context.Context, map[string]string) (gateway.Session, error) {
	return silentSession{}, nil
}

type silentSession struct{ gateway.Session }

func (silentSession) Execute(_ context.Context, sql string) (gateway.Operation, error) {
	return &silentOperation{query: parse.Kind(sql) == "SELECT"}, nil
}
func (silentSession) Describe(_ context.Context, sql string) (types.Schema, bool, error) {
	if parse.Kind(sql) == "SELECT" {
		return everyType, false, nil
	}
	return nil, false, nil
}
func (silentSession) Close() error { return nil }

type silentOperation struct {
	gateway.Operation
	query, given bool
}

var everyType = func() (s types.Schema) {
	for i, t := range []types.Type{types.BooleanT, types.TinyIntT, types.IntT, types.BigIntT, types.FloatT, types.DoubleT, types.DecimalT(10, 2), types.DecimalT(38, 9), types.StringT, types.BytesT,
		types.DateT, types.TimestampT(3), types.TimestampLTZT(6), types.ArrayT(types.IntT), types.MapT(types.StringT, types.IntT)} {
		s = append(s, types.Field{Name: "c" + strconv.Itoa(i), Type: t.Nullable(true)})
	}
	return s
}()

func (o *silentOperation) Result() gateway.Result {
	if o.query {
		return gateway.Query
	}
	return gateway.Info
}

func (o *silentOperation) Schema() types.Schema {
	if o.query {
		return everyType
	}
	return nil
}
func (*silentOperation) Streaming() bool         { return false }
func (*silentOperation) Zone() *time.Location    { return time.UTC }
func (*silentOperation) Warnings() []*diag.Error { return nil }
func (*silentOperation) Close() error            { return nil }
func (o *silentOperation) Next(context.Context) (*batch.Batch, error) {
	if !o.query || o.given {
		return nil, io.EOF
	}
	o.given = true
	b := batch.NewBatchBuilder(everyType.Types()...)
	b.Row(batch.Insert, true, 1, 2, 3, 1.5, 2.5, 4, batch.DecOf(5), "text", "bytes", 6, 7, 8, []any{1, nil}, []any{"k", 1})
	b.Row(batch.Insert, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	return b.Finish(), nil
}

// frame cuts bytes into messages of the protocol: a type, a length of two bytes and that
// many bytes, as far as they go.
func frame(sent []byte) []byte {
	out, _ := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": "a"}}).Encode(nil)
	for len(sent) >= 3 {
		n := min(int(binary.BigEndian.Uint16(sent[1:])), len(sent)-3)
		out = binary.BigEndian.AppendUint32(append(out, sent[0]), uint32(n+4))
		out = append(out, sent[3:3+n]...)
		sent = sent[3+n:]
	}
	return out
}

// Whatever a client sends, its connection ends and nothing else does. Cut says that the
// bytes are messages behind a valid greeting, asked that the server asks for a password.
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
	short := func(m ...pgproto3.FrontendMessage) (out []byte) {
		for _, m := range m {
			b, _ := m.Encode(nil)
			out = append(append(out, b[0], b[3], b[4]-4), b[5:]...)
		}
		return out
	}
	f.Add(start(&pgproto3.Query{String: "SELECT 1; BEGIN; SELECT nope"}), false, false)
	f.Add(start(&pgproto3.Parse{Query: "SELECT $1::int", ParameterOIDs: []uint32{23}}, &pgproto3.Bind{Parameters: [][]byte{{0, 0, 0, 1}}, ParameterFormatCodes: []int16{1}},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Close{ObjectType: 'S'}, &pgproto3.Sync{}), false, false)
	f.Add(start(&pgproto3.Query{String: "SELECT c.relname, CASE c.relkind WHEN 'r' THEN 'table' END FROM pg_catalog.pg_class c WHERE c.relname OPERATOR(pg_catalog.~) '^(a'"}), false, false)
	f.Add(start(&pgproto3.Terminate{}), false, true)
	f.Add(start(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte("n,,n=,r=abc")}, &pgproto3.SASLResponse{Data: []byte("c=biws,r=abc,p=AAAA")}), false, true)
	f.Add([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), false, false)
	f.Add(short(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte("y,a=b,n=u,r=abc")}, &pgproto3.SASLResponse{Data: []byte("c=biws,r=abc,p=AAAA")}), true, true)
	for _, oid := range []uint32{0, 16, 17, 20, 21, 23, 25, 700, 701, 1082, 1083, 1114, 1184, 1700, 1007, 2950} {
		for _, format := range []int16{0, 1} {
			f.Add(short(&pgproto3.Parse{Name: "p", Query: "SELECT $1, $2::int LIMIT $3", ParameterOIDs: []uint32{oid}}, &pgproto3.Describe{ObjectType: 'S', Name: "p"},
				&pgproto3.Bind{PreparedStatement: "p", Parameters: [][]byte{{0, 0, 0, 1, 0, 0, 0, 1}, []byte("12"), nil}, ParameterFormatCodes: []int16{format, 0, 0}, ResultFormatCodes: []int16{format}},
				&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{MaxRows: 1}, &pgproto3.Execute{}, &pgproto3.Close{ObjectType: 'P'}, &pgproto3.Sync{}), true, false)
		}
	}
	f.Add(short(&pgproto3.Query{String: "SHOW search_path; SET datestyle = 'ISO'; BEGIN; nope; ROLLBACK"}, &pgproto3.CopyData{Data: []byte("x")}, &pgproto3.FunctionCall{}, &pgproto3.Flush{}), true, false)
	f.Fuzz(func(t *testing.T, sent []byte, cut, asked bool) {
		if cut {
			sent = append(frame(sent), 'X', 0, 0, 0, 4) // the client says goodbye
		}
		near, far := net.Pipe()
		s := &Server{Client: silent{}}
		if asked {
			s.Token = "token"
		}
		c := &conn{s: s, nc: far, id: 1}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = c.serve()
		}()
		go io.Copy(io.Discard, near)
		near.SetWriteDeadline(time.Now().Add(5 * time.Second))
		near.Write(sent)
		if cut {
			select { // so that what is run is not ended by the client's going
			case <-ended:
			case <-time.After(time.Second):
			}
		}
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
