package outbound

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rebinding answers each question for a name with the next address of a list: what was
// looked at first is not what is connected to.
func rebinding(t *testing.T, list ...string) *net.Resolver {
	var n atomic.Int64
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			q := make([]byte, 2+512)
			size, err := far.Read(q) // net.Pipe is no packet connection: the length comes first
			if err != nil || size < 14 {
				return
			}
			q = q[2:size]
			end := 12
			for q[end] != 0 {
				end += int(q[end]) + 1
			}
			question := q[12 : end+5]
			a := netip.MustParseAddr(list[int(n.Add(1)-1)%len(list)]).As4()
			out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
			if question[len(question)-3] == 1 { // A
				out[7] = 1
				out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, a[0], a[1], a[2], a[3])
			}
			far.Write(append([]byte{byte(len(out) >> 8), byte(len(out))}, out...))
		}()
		return near, nil
	}}
}

// TestRedirects: who answers leads the client to the machine and its network, in every
// spelling there is, and gets nowhere. The configured address is on this machine itself.
func TestRedirects(t *testing.T) {
	var hits atomic.Int64
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		io.WriteString(w, "secret")
	}))
	defer secret.Close()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(secret.URL, "http://"))
	var to string
	asked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fine" {
			io.WriteString(w, "fine")
			return
		}
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}))
	defer asked.Close()
	get := func(resolver *net.Resolver) (string, error) {
		c, err := client([]string{asked.URL}, nil, 2*time.Second, resolver)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Get(asked.URL + "/x")
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return string(text), err
	}
	spellings := []string{
		"http://127.0.0.1:PORT/", "http://127.0.0.1:PORT/fine", "http://127.1:PORT/", "http://127.0.1:PORT/", "http://2130706433:PORT/", "http://0x7f000001:PORT/",
		"http://0x7f.0.0.1:PORT/", "http://0177.0.0.1:PORT/", "http://017700000001:PORT/", "http://127.0.0.2:PORT/", "http://0:PORT/", "http://0.0.0.0:PORT/", "http://localhost:PORT/",
		"http://LOCALHOST:PORT/", "http://localhost.:PORT/", "http://[::1]:PORT/", "http://[::]:PORT/", "http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/",
		"http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/", "http://[::127.0.0.1]:PORT/", "http://[64:ff9b::7f00:1]:PORT/", "http://[2002:7f00:1::]:PORT/", "http://[fe80::1%25lo]:PORT/", "http://[fd00::1]:PORT/",
		"http://10.0.0.1:PORT/", "http://172.16.0.1:PORT/", "http://192.168.0.1:PORT/", "http://100.64.0.1:PORT/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
		"//127.0.0.1:PORT/", "http://public.example@127.0.0.1:PORT/", "http://127.0.0.1:PORT#@public.example/", "http://①②⑦.⓪.⓪.①:PORT/", "http://%31%32%37.0.0.1:PORT/",
		"file:///etc/passwd", "ftp://127.0.0.1:PORT/", "gopher://127.0.0.1:PORT/", "unix:///run/x.sock", "javascript:alert(1)",
	}
	if len(spellings) < 30 {
		t.Fatalf("%d spellings", len(spellings))
	}
	for _, s := range spellings {
		to = strings.ReplaceAll(s, "PORT", port)
		if text, err := get(nil); err == nil {
			t.Errorf("%s gives %q", to, text)
		}
	}
	for _, list := range [][]string{{"127.0.0.1"}, {"10.1.2.3"}, {"169.254.169.254"}, {"192.0.2.1", "127.0.0.1"}} {
		to = "http://public.example:" + port + "/"
		if text, err := get(rebinding(t, list...)); err == nil {
			t.Errorf("a name that is %v gives %q", list, text)
		} else if list[0] == "127.0.0.1" && !strings.Contains(err.Error(), "no public address") {
			t.Errorf("a name that is %v: %v", list, err)
		}
	}
	if hits.Load() > 0 {
		t.Errorf("the service of the machine was asked %d times", hits.Load())
	}
	// Back to where one was asked to go is fine, in a circle it is not.
	if to = "/fine"; true {
		if text, err := get(nil); err != nil || text != "fine" {
			t.Errorf("to itself: %q, %v", text, err)
		}
	}
	to = "/again"
	if _, err := get(nil); err == nil || !strings.Contains(err.Error(), "more than 5 redirects") {
		t.Errorf("a circle: %v", err)
	}
	secure := httptest.NewTLSServer(http.RedirectHandler(asked.URL+"/fine", http.StatusFound))
	defer secure.Close()
	c, err := client([]string{secure.URL, asked.URL}, secure.Client().Transport.(*http.Transport).TLSClientConfig, time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(secure.URL); err == nil || !strings.Contains(err.Error(), "from https to http") {
		t.Errorf("from https to http: %v", err)
	}
}

// TestPublic has addresses of both kinds.
func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "93.184.216.34": true, "2606:4700::1111": true, "64:ff9b::101:101": true, "2002:101:101::": true, "::ffff:1.1.1.1": true,
		"127.0.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "169.254.169.254": false, "100.127.255.255": false,
		"192.0.0.1": false, "198.19.0.1": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false, "::": false, "::1": false, "fe80::1": false, "fc00::1": false,
		"fec0::1": false, "ff02::1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false, "2001::1": false, "::7f00:1": false,
	} {
		if got := Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestAnswerIsBounded: an endless answer ends, and addresses that are none are refused.
func TestAnswerIsBounded(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		piece := make([]byte, 1<<20)
		for range 64 {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	c, err := Client([]string{s.URL}, nil, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil || len(text) > AnswerMost || !strings.Contains(err.Error(), "longer than 16 MB") {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	for _, bad := range []string{"file:///etc/passwd", "ftp://host", "http://", "://", "http://%zz"} {
		if _, err := Client([]string{bad}, nil, 0); err == nil {
			u, _ := url.Parse(bad)
			t.Errorf("%s (%v) is an address", bad, u)
		}
	}
}
