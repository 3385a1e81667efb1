package s3_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/minkstream/mink/connectors/s3"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// TestRequests looks at what goes over the wire: to which address, in which style, signed
// by whose key for which region (AWS signature version 4), with which token.
//
// shows s3.endpoint s3.access-key s3.secret-key s3.session-token s3.path.style.access s3.region
func TestRequests(t *testing.T) {
	var got []*http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	secrets := &connect.Secrets{Variable: func(name string) (string, bool) { return "id-of-" + name, name != "NOPE" }}
	// ask is the first request that settings make.
	ask := func(change map[string]string) *http.Request {
		t.Helper()
		m := map[string]string{"s3.endpoint": server.URL, "s3.access-key": "id-one", "s3.secret-key": "secret-one", "s3.path.style.access": "true"}
		for k, v := range change {
			m[k] = v
		}
		got = nil
		d := s3.Disk(env.NewMemDisk(), &clock{Clock: env.OS("").Clock}, func(k string) string { return m[k] }, nothing, secrets.Resolve)
		_ = d.MkdirAll("s3://bkt/x")
		if len(got) == 0 {
			t.Fatalf("%v: no request", change)
		}
		return got[0]
	}
	signature := func(r *http.Request) string {
		_, s, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		return s
	}
	has := func(r *http.Request, text string) {
		t.Helper()
		if auth := r.Header.Get("Authorization"); !strings.Contains(auth, text) {
			t.Errorf("Authorization: %s, without %s", auth, text)
		}
	}
	plain := ask(nil)
	has(plain, "Credential=id-one/")
	has(plain, "/us-east-1/s3/aws4_request")
	if !strings.HasPrefix(plain.URL.Path, "/bkt/") && plain.URL.Path != "/bkt" {
		t.Errorf("by path: %s", plain.URL)
	}
	if h := plain.Header.Get("X-Amz-Security-Token"); h != "" {
		t.Errorf("token %s", h)
	}
	has(ask(map[string]string{"s3.access-key": "id-two"}), "Credential=id-two/")
	has(ask(map[string]string{"s3.access-key": "${env:TEST}"}), "Credential=id-of-TEST/")
	got = nil
	none := s3.Disk(env.NewMemDisk(), env.OS("").Clock, func(string) string { return "${env:NOPE}" }, nothing, secrets.Resolve)
	if err := none.MkdirAll("s3://bkt/x"); diag.CodeOf(err) != diag.NotFound || !strings.Contains(err.Error(), "NOPE") || len(got) > 0 {
		t.Errorf("a variable that is not set: %v, %d requests", err, len(got))
	}
	has(ask(map[string]string{"s3.region": "eu-south-2"}), "/eu-south-2/s3/aws4_request")
	if h := ask(map[string]string{"s3.session-token": "for-an-hour"}).Header.Get("X-Amz-Security-Token"); h != "for-an-hour" {
		t.Errorf("token %q", h)
	}
	if signature(ask(map[string]string{"s3.secret-key": "secret-two"})) == signature(plain) {
		t.Error("another secret signs alike")
	}
}
