package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/connectors"
	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/function/scalar"
	"github.com/minkstream/mink/engine/gateway"
)

// values writes values as cli does.
var values = (&format.JSONWriter{Sep: 'T', NullKeys: format.NullKeyLiteral, NullKey: "null"}).Value

func newClient(t *testing.T) gateway.Client {
	t.Helper()
	e, err := engine.New(engine.Config{
		Env: env.OS(""), Connectors: connectors.All(), Formats: connectors.Formats(), Functions: scalar.All(), SpillDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := gateway.Local(e)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// server is a handler under test.
type server struct {
	t   *testing.T
	url string
}

func serve(t *testing.T, h http.Handler) *server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &server{t, s.URL}
}

func newGateway(t *testing.T, o Options) *server {
	o.Value, o.Version = values, "test"
	g := NewGateway(newClient(t), o)
	t.Cleanup(func() { _ = g.Close() })
	return serve(t, g)
}

// send gives the status and the body of an answer.
func (s *server) send(method, path string, body any) (int, string) {
	s.t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, s.url+path, in)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, "application/json") {
		s.t.Errorf("%s %s: content type %q", method, path, got)
	}
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// ok is send that must succeed; the body is decoded.
func (s *server) ok(method, path string, body any) object {
	s.t.Helper()
	status, text := s.send(method, path, body)
	if status/100 != 2 {
		s.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	var out object
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		s.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return out
}

// object is JSON.
type object map[string]any

func (o object) text(key string) string { s, _ := o[key].(string); return s }

// session opens a session and gives its path.
func (s *server) session(properties object) string {
	s.t.Helper()
	return "/v4/sessions/" + s.ok("POST", "/v4/sessions", object{"properties": properties}).text("sessionHandle")
}

// start hands a statement in and gives the path of its operation.
func (s *server) start(session, sql string) string {
	s.t.Helper()
	return session + "/operations/" + s.ok("POST", session+"/statements", object{"statement": sql}).text("operationHandle")
}

// wait gives the first state of an operation that is neither PENDING nor RUNNING.
func (s *server) wait(op string) string {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if st := s.ok("GET", op+"/status", nil).text("status"); st != "PENDING" && st != "RUNNING" {
			return st
		}
	}
	s.t.Fatal("the operation does not end")
	return ""
}

// fetch gives all rows of an operation as JSON, one a line, with a letter for their kind.
func (s *server) fetch(op, format string) string {
	s.t.Helper()
	var out strings.Builder
	for uri := op + "/result/0?rowFormat=" + format; uri != ""; {
		status, text := s.send("GET", uri, nil)
		if status != 200 {
			s.t.Fatalf("GET %s: %d %s", uri, status, text)
		}
		var page struct {
			Results struct {
				Data []struct {
					Kind   string
					Fields json.RawMessage
				}
			}
			NextResultURI string `json:"nextResultUri"`
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			s.t.Fatalf("%v in %s", err, text)
		}
		for _, r := range page.Results.Data {
			out.WriteString(r.Kind + " " + string(r.Fields) + "\n")
		}
		uri = page.NextResultURI
	}
	return out.String()
}

// run gives the rows of a statement.
func (s *server) run(session, sql string) string {
	s.t.Helper()
	op := s.start(session, sql)
	if st := s.wait(op); st != "FINISHED" {
		_, text := s.send("GET", op+"/result/0?rowFormat=JSON", nil)
		s.t.Fatalf("%s: %s %s", sql, st, text)
	}
	return s.fetch(op, "JSON")
}
