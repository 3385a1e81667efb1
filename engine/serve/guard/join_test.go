package guard

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// gate is a coordinator's door in a test.
type gate struct {
	t         *testing.T
	authority *Authority
	secret    string // the file
	address   string
	said      chan string
	in        chan *NodeConn
}

func openGate(t *testing.T) *gate {
	t.Helper()
	a, err := OpenAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{t: t, authority: a, secret: filepath.Join(t.TempDir(), "join"), said: make(chan string, 10), in: make(chan *NodeConn, 10)}
	n := 0
	d := &NodeDoor{
		Authority: a, Secret: func() (string, error) { return Token(g.secret) }, Log: func(s string) { g.said <- s },
		Join: func(ask JoinAsk) (string, any, error) {
			if ask.Version != "v1" {
				return "", nil, diag.New(diag.Config, "another mink")
			}
			n++
			return fmt.Sprint("node-", n), map[string]string{"project": "/p"}, nil
		},
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := d.Serve(plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	g.address = plain.Addr().String()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.in <- c.(*NodeConn)
		}
	}()
	return g
}

func (g *gate) token() JoinToken {
	g.t.Helper()
	secret, err := Token(g.secret)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.authority.JoinToken(secret)
}

func (g *gate) join(token JoinToken) (*Identity, error) {
	told := map[string]string{}
	i, err := Join(context.Background(), g.address, token, JoinAsk{Version: "v1"}, &told)
	if err == nil && told["project"] != "/p" {
		g.t.Errorf("told %v", told)
	}
	return i, err
}

// refused fails unless an error has a code and a text, and the coordinator says why too.
func (g *gate) refused(what string, err error, code diag.Code, text, said string) {
	g.t.Helper()
	if diag.CodeOf(err) != code || !strings.Contains(fmt.Sprint(err), text) {
		g.t.Errorf("%s: %v", what, err)
	}
	if said != "" {
		g.heard(what, said)
	}
}

// TestJoin: with the token a node gets a certificate, with that it reaches the coordinator
// and other nodes, which know it by its name.
func TestJoin(t *testing.T) {
	g := openGate(t)
	text := g.token().Reveal()
	token, err := ParseJoinToken(text + "\n")
	if err != nil || token != g.token() || strings.Contains(fmt.Sprintf("%v %+v %#v %s", token, token, token, token), text[12:30]) {
		t.Fatalf("%v %v", token, err)
	}
	one, err := g.join(token)
	if err != nil {
		t.Fatal(err)
	}
	two, err := g.join(token)
	if err != nil || one.Name != "node-1" || two.Name != "node-2" {
		t.Fatalf("%v %v %v", one, two, err)
	}
	c, err := one.Control(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := <-g.in
	defer got.Close()
	if got.Peer() != "node-1" {
		t.Errorf("it is %s", got.Peer())
	}
	before := one.cert.Leaf.SerialNumber
	if err := one.Renew(t.Context()); err != nil || one.cert.Leaf.SerialNumber.Cmp(before) == 0 || one.cert.Leaf.Subject.CommonName != "node-1" {
		t.Errorf("renewed: %v", err)
	}
	own, err := g.authority.Own("node-9", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []*Identity{two, own} {
		l, address, err := to.Listen(func(s string) { t.Error(s) })
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if c, err := l.Accept(); err == nil {
				_, _ = io.Copy(c, c)
				c.Close()
			}
		}()
		if to == own {
			// Of the coordinator's machine: found where the coordinator is.
			if !strings.HasPrefix(address, ":") {
				t.Errorf("address %s", address)
			}
		}
		c, err := one.Rows(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// Pieces of all sizes arrive as they were.
		var pieces [][]byte
		sum := sha256.New()
		bytes := int64(0)
		for i := range 200 {
			p := make([]byte, i*i*7%70_000)
			for k := range p {
				p[k] = byte(i + k)
			}
			pieces = append(pieces, p)
			sum.Write(p)
			bytes += int64(len(p))
		}
		got := sha256.New()
		done := make(chan error, 1)
		go func() { _, err := io.CopyN(got, c, bytes); done <- err }()
		if err := c.(interface{ WriteAll([][]byte) error }).WriteAll(pieces); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil || string(got.Sum(nil)) != string(sum.Sum(nil)) {
			t.Errorf("what came back differs: %v", err)
		}
	}
}

// TestJoinRefused: nobody joins without the token of this cluster as it is now, and no
// connection is made without a certificate of its authority that is still good and says
// the right thing.
func TestJoinRefused(t *testing.T) {
	g, other := openGate(t), openGate(t)
	good, err := g.join(g.token())
	if err != nil {
		t.Fatal(err)
	}
	old := g.token()
	if err := NewJoinSecret(g.secret); err != nil {
		t.Fatal(err)
	}
	_, err = g.join(old)
	g.refused("a token of before", err, diag.Permission, "the join token is not, or no longer, that of this cluster", "join token is not")
	wrong := g.token()
	wrong.secret = NewToken()
	_, err = g.join(wrong)
	g.refused("a wrong secret", err, diag.Permission, "the join token is not, or no longer, that of this cluster", "join token is not")
	_, err = g.join(other.token())
	g.refused("a token of another cluster", err, diag.Permission, "it belongs to another cluster than the join token", "its join token is one of another")
	for _, s := range []string{"", "mink-join-", "mink-join-AAAA", old.Reveal()[1:], old.Reveal() + "A", "Mink-join-" + old.Reveal()[10:]} {
		if _, err := ParseJoinToken(s); diag.CodeOf(err) != diag.Config {
			t.Errorf("token %q: %v", s, err)
		}
	}
	_, err = Join(t.Context(), g.address, g.token(), JoinAsk{Version: "v2"}, &struct{}{})
	g.refused("another version", err, diag.Config, "another mink", "another mink")
	_, err = Join(t.Context(), "127.0.0.1:1", g.token(), JoinAsk{Version: "v1"}, &struct{}{})
	g.refused("nobody there", err, diag.IO, "cannot reach the coordinator at 127.0.0.1:1", "")

	// Whatever else knocks is not let in. The server is the last to know in TLS 1.3, so
	// what it says is what counts.
	pair := func(a *Authority, name, host string, from time.Time) *tls.Certificate {
		key, err := newKey()
		if err != nil {
			t.Fatal(err)
		}
		der, err := a.issueProcess(name, host, &key.PublicKey, from, nodeDays)
		if err != nil {
			t.Fatal(err)
		}
		c, err := pairOf(der, a.cert.Raw, key)
		if err != nil {
			t.Fatal(err)
		}
		return &c
	}
	served, err := g.authority.Issue("mink coordinator", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	l, address, err := good.Listen(func(s string) { g.said <- s })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	rows := make(chan error, 20)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, err = c.Read(make([]byte, 1))
			rows <- err
			c.Close()
		}
	}()
	now := time.Now()
	for _, door := range []struct{ address, protocol string }{{g.address, alpnControl}, {g.address, alpnRenew}, {address, alpnRows}} {
		for _, k := range []struct {
			what string
			cert *tls.Certificate
			said string
		}{
			{"no certificate", nil, "no certificate was shown"},
			{"a node of another cluster", pair(other.authority, "node-1", nodeHost, now), "the certificate is one of another cluster"},
			{"an expired certificate", pair(g.authority, "node-1", nodeHost, now.AddDate(0, 0, -nodeDays-1)), "the certificate has expired"},
			{"a certificate of servers", &served, "not that of a node"},
			{"that of a coordinator", pair(g.authority, "coordinator", coordinatorHost, now), "not that of a node"},
			{"another protocol", pair(g.authority, "node-1", nodeHost, now), "no process of a cluster"},
			{"no protocol", pair(g.authority, "node-1", nodeHost, now), "no process of a cluster"},
		} {
			config := &tls.Config{RootCAs: g.authority.Pool(), ServerName: coordinatorHost, NextProtos: []string{door.protocol}}
			if door.protocol == alpnRows {
				config.ServerName = nodeHost
			}
			if k.cert != nil {
				// Also where the server asks for one of its own authority.
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return k.cert, nil }
			}
			if k.what == "another protocol" {
				config.NextProtos = []string{"http/1.1"}
			}
			if k.what == "no protocol" {
				config.NextProtos = nil
			}
			if c, err := tls.Dial("tcp", door.address, config); err == nil {
				_ = c.SetDeadline(now.Add(10 * time.Second))
				if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
					t.Errorf("%s: let in by %s", k.what, door.protocol)
				}
				c.Close()
			}
			g.heard(k.what, k.said)
		}
		c, err := net.Dial("tcp", door.address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") // gRPC without TLS
		_ = c.SetDeadline(now.Add(10 * time.Second))
		_, _ = io.ReadAll(c)
		c.Close()
		g.heard("a plain client", "it does not speak TLS")
	}
	if len(g.in) > 0 {
		t.Errorf("%s was let in", (<-g.in).Peer())
	}
	for range len(rows) {
		if err := <-rows; err == nil {
			t.Error("rows were taken")
		}
	}
	// A node cannot pass for the coordinator, nor can a process of another cluster.
	for _, k := range []struct{ cert *tls.Certificate }{{pair(g.authority, "node-1", nodeHost, now)}, {pair(other.authority, "coordinator", coordinatorHost, now)}} {
		l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*k.cert}, NextProtos: []string{alpnControl, alpnJoin}})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_ = c.(*tls.Conn).Handshake() // who dials says how it went
				c.Close()
			}
		}()
		me := &Identity{Name: good.Name, coordinator: l.Addr().String(), pool: good.pool, cert: good.cert}
		if c, err := me.Control(t.Context()); diag.CodeOf(err) != diag.Permission {
			t.Errorf("it trusts what has the certificate of %s: %v %v", k.cert.Leaf.Subject.CommonName, c, err)
		}
		if _, err := Join(t.Context(), l.Addr().String(), g.token(), JoinAsk{Version: "v1"}, &struct{}{}); diag.CodeOf(err) != diag.Permission {
			t.Errorf("it shows the token to what has the certificate of %s: %v", k.cert.Leaf.Subject.CommonName, err)
		}
	}
}

// heard fails unless one of the doors says something.
func (g *gate) heard(what, said string) {
	g.t.Helper()
	select {
	case s := <-g.said:
		if !strings.Contains(s, said) {
			g.t.Errorf("%s: %q", what, s)
		}
	case <-time.After(5 * time.Second):
		g.t.Errorf("%s: nothing is said of it", what)
	}
}
