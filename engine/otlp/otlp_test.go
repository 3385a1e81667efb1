package otlp

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/env"
)

// notes are what an exporter logged.
type notes struct {
	mu   sync.Mutex
	text []string
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = append(n.text, text)
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.text...)
}

func exporter(t *testing.T, at string, o Options) *Exporter {
	t.Helper()
	var err error
	if o.Endpoint, err = ParseEndpoint(at); err != nil {
		t.Fatal(err)
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	x := New(env.OS(""), o)
	t.Cleanup(x.Close)
	return x
}

// The message is written out by hand after the JSON mapping of OTLP's specification:
// ids in hex, 64-bit numbers as strings, enums as numbers.
func TestMessage(t *testing.T) {
	const want = `{"resourceSpans":[{
		"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"mink"}}]},
		"scopeSpans":[{"scope":{"name":"a.b"},"spans":[{
			"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"Checkpoint","kind":1,
			"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000",
			"attributes":[{"key":"checkpointId","value":{"intValue":"7"}},{"key":"checkpointStatus","value":{"stringValue":"FAILED"}},{"key":"empty","value":{"stringValue":""}}],
			"events":[{"timeUnixNano":"1544712660500000000","name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"io"}}]}],
			"status":{"message":"too slow","code":2}}]},
		{"scope":{"name":"c"},"spans":[{
			"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","name":"Job","kind":1,
			"startTimeUnixNano":"3000000","endTimeUnixNano":"3000000","attributes":[]}]}]}]}`
	var path, kind, key string
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, kind, key = r.Method+" "+r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("X-Key")
		body, _ = io.ReadAll(r.Body)
		fmt.Fprint(w, "{}")
	}))
	defer s.Close()
	x := exporter(t, s.URL, Options{Headers: map[string]string{"x-key": "canary"}, Resource: []Attribute{{"service.name", "mink"}}})
	spans := []Span{{
		Scope: "a.b", Name: "Checkpoint", Start: 1544712660000, End: 1544712661000, Failed: true, Failure: "too slow",
		Trace:      [16]byte{0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c},
		ID:         [8]byte{0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74},
		Attributes: []Attribute{{"checkpointId", int64(7)}, {"checkpointStatus", "FAILED"}, {"empty", ""}},
		Events:     []Event{{"exception", 1544712660500, []Attribute{{"exception.type", "io"}}}},
	}, {Scope: "c", Name: "Job", Start: 3, End: 2, Trace: [16]byte{15: 1}, ID: [8]byte{7: 2}}}
	if _, err := x.post(spans); err != nil {
		t.Fatal(err)
	}
	if path != "POST /v1/traces" || kind != "application/json" || key != "canary" {
		t.Errorf("%s, %s, %q", path, kind, key)
	}
	var g, w any
	if err := json.Unmarshal(body, &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got %s", body)
	}
}

func TestEndpoint(t *testing.T) {
	for in, want := range map[string]string{
		"http://127.0.0.1:4318":         "http://127.0.0.1:4318/v1/traces",
		"https://c.example/":            "https://c.example/v1/traces",
		"http://c/otlp/v1/traces?k=v":   "http://c/otlp/v1/traces?k=v",
		"127.0.0.1:4318":                "",
		"grpc://c:4317":                 "",
		"http:///v1/traces":             "",
		"http://ada:canary@c/v1/traces": "",
		"http://c:canary/":              "",
	} {
		got, err := ParseEndpoint(in)
		if got != want || (err == nil) != (want != "") || err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
}

// Who sends never waits; what finds no room is counted; a collector that fails is said
// once, and once that it is back.
func TestSlowCollector(t *testing.T) {
	release, taken := make(chan int), 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, ok := <-release
		if !ok {
			status = http.StatusOK
		}
		var m exportRequest
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		if status == http.StatusOK {
			taken += len(m.ResourceSpans[0].ScopeSpans[0].Spans)
		}
		w.WriteHeader(status)
	}))
	defer s.Close()
	var log notes
	x := exporter(t, s.URL+"/v1/traces?key=canary", Options{Log: log.add, Headers: map[string]string{"k": "canary"}})
	const sent = queueMax + batchMax + 100
	began := time.Now()
	for range sent {
		x.Send(Span{Scope: "s", Name: "n"})
	}
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("sending took %s", d)
	}
	dropped := int(x.dropped.Load())
	if dropped < 100 || dropped > sent-queueMax {
		t.Errorf("%d of %d found no room", dropped, sent)
	}
	release <- http.StatusServiceUnavailable
	release <- http.StatusServiceUnavailable
	close(release)
	x.Close()
	got := log.all()
	if len(got) != 2 || !strings.Contains(got[0], "503") || !strings.Contains(got[1], fmt.Sprint(sent-taken, " were dropped")) || taken == 0 {
		t.Errorf("%d taken of %d: %q", taken, sent, got)
	}
	if strings.Contains(fmt.Sprint(got), "canary") {
		t.Error("a secret was logged")
	}
}

// An answer may say that spans were left out; one that never comes does not hold Close.
func TestBadAnswers(t *testing.T) {
	elsewhere := false
	var s *httptest.Server
	hang := make(chan bool)
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/partial":
			fmt.Fprint(w, `{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}`)
		case "/moved":
			http.Redirect(w, r, s.URL+"/elsewhere", http.StatusTemporaryRedirect)
		case "/elsewhere":
			elsewhere = true
		case "/hang":
			<-hang
		}
	}))
	defer s.Close()
	defer close(hang)
	for path, want := range map[string]string{"/partial": "left out 3 spans: too old", "/moved": "answers 307", "/hang": "no answer within 50ms"} {
		patience := 20 * time.Second
		if path == "/hang" {
			patience = 50 * time.Millisecond
		}
		x := exporter(t, s.URL+path, Options{Timeout: patience})
		if _, err := x.post([]Span{{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if elsewhere {
		t.Error("a redirect was followed")
	}
	x := exporter(t, s.URL+"/hang", Options{Timeout: 50 * time.Millisecond})
	for range queueMax {
		x.Send(Span{})
	}
	began := time.Now()
	x.Close()
	if d := time.Since(began); d > 20*time.Second {
		t.Errorf("closing took %s", d)
	}
}
