package guard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// routes stand for those of a server; the servers' own tests walk theirs.
func routes() http.Handler {
	mux := http.NewServeMux()
	for _, p := range []string{"GET /v1/info", "POST /v1/sessions", "DELETE /v1/sessions/{id}", "PATCH /jobs/{id}", "GET /jobs/{id}/ws"} {
		mux.HandleFunc(p, func(w http.ResponseWriter, r *http.Request) {
			text, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "in:%s", text)
		})
	}
	return mux
}

func ask(h http.Handler, method, path, host string, header map[string]string, body string) *httptest.ResponseRecorder {
	var b io.Reader
	if body != "" {
		b = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, b)
	r.Host = host
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestHostAndOrigin is the table of names and of where requests come from, on every route.
func TestHostAndOrigin(t *testing.T) {
	token := NewToken()
	h := Handler(Options{Token: token, Port: 8083, Names: []string{"mink.example"}}, routes())
	const ok, no = http.StatusOK, http.StatusForbidden
	cases := []struct {
		host, origin, site string
		want               int
	}{
		{"localhost:8083", "", "", ok},
		{"LOCALHOST:8083", "", "", ok},
		{"127.0.0.1:8083", "", "", ok},
		{"[::1]:8083", "", "", ok},
		{"mink.example", "", "", ok},
		{"mink.example:8083", "", "", ok},
		{"mink.example:443", "", "", ok},
		{"localhost:8083", "http://localhost:8083", "same-origin", ok},
		{"127.0.0.1:8083", "http://127.0.0.1:8083", "same-origin", ok},
		{"[::1]:8083", "http://[::1]:8083", "", ok},
		{"mink.example:8083", "http://mink.example:8083", "same-origin", ok},
		{"localhost:8083", "", "none", ok},
		{"localhost:8083", "", "same-origin", ok},

		{"", "", "", no},
		{"localhost", "", "", no},
		{"localhost:8081", "", "", no},
		{"localhost:80", "", "", no},
		{"127.0.0.1", "", "", no},
		{"127.0.0.1:1", "", "", no},
		{"127.0.0.2:8083", "", "", no},
		{"0.0.0.0:8083", "", "", no},
		{"2130706433:8083", "", "", no},
		{"[::]:8083", "", "", no},
		{"[::ffff:127.0.0.1]:8083", "", "", no},
		{"evil.example:8083", "", "", no},
		{"evil.example:8083", "http://evil.example:8083", "same-origin", no}, // rebinding: origin equals host
		{"localhost.evil.example:8083", "", "", no},
		{"localhost:8083.evil.example", "", "", no},
		{"evil.example#localhost:8083", "", "", no},
		{"localhost@evil.example:8083", "", "", no},
		{"mink.example.evil:8083", "", "", no},
		{"localhost:8083", "http://evil.example", "cross-site", no},
		{"localhost:8083", "http://evil.example", "", no},
		{"localhost:8083", "", "cross-site", no},
		{"localhost:8083", "", "same-site", no},
		{"localhost:8083", "", "unheard-of", no},
		{"localhost:8083", "null", "", no},
		{"localhost:8083", "https://localhost:8083", "", no},
		{"localhost:8083", "http://localhost:3000", "same-site", no},
		{"localhost:8083", "http://127.0.0.1:8083", "", no},
		{"localhost:8083", "http://localhost:8083/x", "", no},
		{"localhost:8083", "http://user@localhost:8083", "", no},
		{"localhost:8083", "http://localhost:8083.evil.example", "", no},
		{"localhost:8083", "file://", "", no},
		{"localhost:8083", "chrome-extension://abc", "", no},
		{"localhost:8083", "://", "", no},
	}
	if len(cases) < 40 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, route := range []struct{ method, path string }{
		{"GET", "/v1/info"}, {"POST", "/v1/sessions"}, {"DELETE", "/v1/sessions/1"}, {"PATCH", "/jobs/1"}, {"GET", "/jobs/1/ws"},
	} {
		for _, c := range cases {
			head := map[string]string{"Authorization": "Bearer " + token}
			if c.origin != "" {
				head["Origin"] = c.origin
			}
			if c.site != "" {
				head["Sec-Fetch-Site"] = c.site
			}
			w := ask(h, route.method, route.path, c.host, head, "")
			if w.Code != c.want {
				t.Errorf("%s %s host %q origin %q site %q: %d, want %d", route.method, route.path, c.host, c.origin, c.site, w.Code, c.want)
			}
			for k := range w.Header() {
				if strings.HasPrefix(k, "Access-Control-") {
					t.Errorf("%s: header %s", route.path, k)
				}
			}
		}
	}
}

func TestToken(t *testing.T) {
	token := NewToken()
	h := Handler(Options{Token: token, Port: 8083}, routes())
	for value, want := range map[string]int{
		"Bearer " + token: 200, "bearer " + token: 200, "Bearer  " + token + " ": 200,
		"": 401, "Bearer": 401, "Bearer ": 401, token: 401, "Basic " + token: 401, "Bearer " + token[:63]: 401,
		"Bearer " + token + "0": 401, "Bearer " + strings.ToUpper(token): 401, "Bearer " + NewToken(): 401,
	} {
		for _, p := range []string{"/v1/info", "/nowhere", "/", "/v1/../v1/info"} {
			head := map[string]string{}
			if value != "" {
				head["Authorization"] = value
			}
			w := ask(h, "GET", p, "localhost:8083", head, "")
			if (w.Code == 401) != (want == 401) {
				t.Errorf("%s with %q: %d", p, value, w.Code)
			}
			if w.Code == 401 && (w.Header().Get("WWW-Authenticate") == "" || !json.Valid(w.Body.Bytes()) || strings.Contains(w.Body.String(), token)) {
				t.Errorf("answer %v %s", w.Header(), w.Body)
			}
		}
	}
	r := httptest.NewRequest("GET", "/v1/info", nil)
	r.Host = "localhost:8083"
	r.Header["Authorization"] = []string{"Bearer x", "Bearer " + token}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("two tokens: %d", w.Code)
	}
	open := Handler(Options{Port: 8083}, routes())
	if w := ask(open, "GET", "/v1/info", "localhost:8083", nil, ""); w.Code != 200 {
		t.Errorf("without a token: %d", w.Code)
	}
}

func TestBody(t *testing.T) {
	h := Handler(Options{Port: 8083}, routes())
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		kind, body string
		want       int
	}{
		{"application/json", `{"a":1}`, 200},
		{"application/json; charset=UTF-8", `{"a":1}`, 200},
		{"", "", 200},
		{"application/x-www-form-urlencoded", "a=1", 415},
		{"multipart/form-data; boundary=x", "--x--", 415},
		{"text/plain", `{"a":1}`, 415},
		{"", `{"a":1}`, 415},
		{"application/json-patch+json", `{}`, 415},
		{"application/json", nested(JSONDepthMax), 200},
		{"application/json", nested(JSONDepthMax + 1), 400},
		{"application/json", nested(1 << 20), 400},
		{"application/json", `"` + strings.Repeat("[", 200) + `\""`, 200},
		{"application/json", `"` + strings.Repeat("x", BodyBytesMax-2) + `"`, 200},
		{"application/json", `"` + strings.Repeat("x", BodyBytesMax-1) + `"`, 413},
	} {
		head := map[string]string{}
		if c.kind != "" {
			head["Content-Type"] = c.kind
		}
		w := ask(h, "POST", "/v1/sessions", "localhost:8083", head, c.body)
		if w.Code != c.want {
			t.Errorf("%s %.20q: %d, want %d", c.kind, c.body, w.Code, c.want)
		}
		if c.want == 200 && w.Body.String() != "in:"+c.body {
			t.Errorf("the body came as %.40q", w.Body)
		}
	}
}

// TestAudit: each request that may change something leaves one line, without what it held.
func TestAudit(t *testing.T) {
	var log bytes.Buffer
	token := NewToken()
	h := Handler(Options{Door: "gateway", Token: token, Port: 8083, Audit: slog.New(slog.NewJSONHandler(&log, nil))}, routes())
	good := map[string]string{"Authorization": "Bearer " + token, "Content-Type": "application/json"}
	ask(h, "POST", "/v1/sessions?x=canary", "localhost:8083", good, `{"password":"canary"}`)
	ask(h, "GET", "/v1/info", "localhost:8083", good, "")
	ask(h, "GET", "/jobs/7/yarn-cancel", "localhost:8083", nil, "")
	ask(h, "DELETE", "/v1/sessions/7", "localhost:8083", nil, "")
	ask(h, "PATCH", "/jobs/7", "evil.example", good, "")
	var got []string
	for line := range strings.Lines(log.String()) {
		var e struct {
			Door, Who, Method, Path, From string
			Status                        int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(e.Door, " ", e.Who, " ", e.Method, " ", e.Path, " ", e.Status, " ", e.From != ""))
	}
	want := "gateway token POST /v1/sessions 200 true|gateway unknown GET /jobs/7/yarn-cancel 401 true|gateway unknown DELETE /v1/sessions/7 401 true|gateway unknown PATCH /jobs/7 403 true"
	if strings.Join(got, "|") != want {
		t.Errorf("%s", strings.Join(got, "|"))
	}
	if strings.Contains(log.String(), "canary") || strings.Contains(log.String(), token) {
		t.Errorf("the log has secrets: %s", log.String())
	}
}
