package pgwire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// greeting is how a client begins, with so much in its name.
func greeting(nameBytes int) []byte {
	out, _ := (&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersion30, Parameters: map[string]string{"user": strings.Repeat("a", nameBytes)}}).Encode(nil)
	return out
}

// announced is a message that says it has n bytes, and has none.
func announced(kind byte, n int) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, uint32(n+4))
}

// exchange sends bytes to a server and gives what it answers until it hangs up.
func exchange(t *testing.T, s *Server, sent ...[]byte) string {
	t.Helper()
	near, far := net.Pipe()
	if s.conns == nil {
		s.conns = map[uint32]*conn{}
	}
	s.admit(far)
	t.Cleanup(func() { s.Close() })
	near.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		for _, b := range sent {
			near.Write(b)
		}
	}()
	got, err := io.ReadAll(near)
	if err != nil {
		t.Errorf("it does not hang up: %v", err)
	}
	return string(got)
}

// TestSizes: a greeting of more than 10 kB ends the connection without an answer; who has
// not shown the token is heard as far as that too, and who has, up to 16 MB a message.
func TestSizes(t *testing.T) {
	// Of the 10,000 bytes 11 are others than those of the name.
	for size, want := range map[int]bool{9_989: true, 9_990: false, 1 << 20: false} {
		got := exchange(t, &Server{Client: silent{}}, greeting(size), []byte{'X', 0, 0, 0, 4})
		if (got != "") != want {
			t.Errorf("a name of %d bytes is answered with %d bytes", size, len(got))
		}
	}
	asked := &Server{Client: silent{}, Token: "token"}
	if got := exchange(t, asked, greeting(1), announced('p', 10_001)); !strings.Contains(got, "SCRAM-SHA-256") || !strings.Contains(got, "28P01") || !strings.Contains(got, "10001") {
		t.Errorf("a password of 10,001 bytes: %q", got)
	}
	open := &Server{Client: silent{}}
	if got := exchange(t, open, greeting(1), announced('Q', 16<<20+1)); !strings.Contains(got, "C54000") {
		t.Errorf("a message of more than 16 MB: %q", got)
	}
	long := append(announced('Q', 1<<20+1), append(bytes.Repeat([]byte{' '}, 1<<20), 0)...)
	if got := exchange(t, open, greeting(1), long, []byte{'X', 0, 0, 0, 4}); strings.Contains(got, "C54000") {
		t.Errorf("a message of 1 MB: %q", got)
	}
}

// TestSilentClient: who does not say who it is, or not to the end, is not waited for.
func TestSilentClient(t *testing.T) {
	for what, sent := range map[string][]byte{"nothing": nil, "half a greeting": greeting(10)[:9], "no password": greeting(10)} {
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			c := &conn{s: &Server{Client: silent{}, Token: "token"}, nc: far}
			ended := make(chan error, 1)
			begun := time.Now()
			go func() { ended <- c.serve() }()
			go near.Write(sent)
			go io.Copy(io.Discard, near)
			if err := <-ended; err == nil || !strings.Contains(err.Error(), "i/o timeout") {
				t.Errorf("%s: %v", what, err)
			}
			if took := time.Since(begun); took != 10*time.Second {
				t.Errorf("%s: after %v", what, took)
			}
			near.Close()
		})
	}
	// Who has said it may be silent for long.
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := &conn{s: &Server{Client: silent{}}, nc: far}
		ended := make(chan error, 1)
		go func() { ended <- c.serve() }()
		go io.Copy(io.Discard, near)
		near.Write(greeting(10))
		time.Sleep(time.Hour)
		near.Write([]byte{'X', 0, 0, 0, 4})
		if err := <-ended; err != nil {
			t.Errorf("after an hour: %v", err)
		}
		near.Close()
	})
}

// TestCrowd: one connection more than there may be is told so.
func TestCrowd(t *testing.T) {
	s := &Server{Client: silent{}, conns: map[uint32]*conn{}}
	for range 100 {
		near, far := net.Pipe()
		defer near.Close()
		s.admit(far)
	}
	if got := exchange(t, s, greeting(1)); !strings.Contains(got, "C53300") {
		t.Errorf("the 101st: %q", got)
	}
}

// TestTLS: it is offered to who asks, and where it has to be, nobody gets in without it.
func TestTLS(t *testing.T) {
	made := httptest.NewTLSServer(nil) // for its certificate
	defer made.Close()
	for name, s := range map[string]*Server{
		"none": {Client: silent{}}, "offered": {Client: silent{}, TLS: &tls.Config{Certificates: made.TLS.Certificates}},
		"needed": {Client: silent{}, TLS: &tls.Config{Certificates: made.TLS.Certificates}, TLSOnly: true},
	} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go s.Serve(ln)
		t.Cleanup(func() { s.Close() })
		for mode, want := range map[string]bool{"disable": name != "needed", "require": name != "none"} {
			c, err := pgx.Connect(t.Context(), "postgres://ann@"+ln.Addr().String()+"/?sslmode="+mode)
			if (err == nil) != want {
				t.Errorf("TLS %s, asked for with sslmode=%s: %v", name, mode, err)
			}
			if err == nil {
				if _, secure := c.PgConn().Conn().(*tls.Conn); secure != (mode == "require") {
					t.Errorf("TLS %s with sslmode=%s: %v", name, mode, secure)
				}
				c.Close(context.Background())
			}
			var e *pgconn.PgError
			if name == "needed" && mode == "disable" && (!errors.As(err, &e) || e.Code != "28000") {
				t.Errorf("without TLS where it has to be: %v", err)
			}
		}
	}
}
