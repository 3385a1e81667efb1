package guard

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minkstream/mink/engine/diag"
)

// TestAllowed is the matrix of addresses, TLS and tokens.
func TestAllowed(t *testing.T) {
	for _, host := range []string{"", "localhost", "127.0.0.1", "127.0.0.9", "::1"} {
		for _, secured := range []bool{false, true} {
			for _, token := range []bool{false, true} {
				if err := Allowed(host, secured, token); err != nil {
					t.Errorf("%q tls %v token %v: %v", host, secured, token, err)
				}
			}
		}
	}
	for _, host := range []string{"0.0.0.0", "::", "10.0.0.1", "192.168.1.7", "mink.example", "fe80::1", "[::1]", "localhost.evil.example", "127.0.0.1.evil.example", "0"} {
		for _, c := range []struct{ secured, token, ok bool }{{false, false, false}, {true, false, false}, {false, true, false}, {true, true, true}} {
			err := Allowed(host, c.secured, c.token)
			if (err == nil) != c.ok || err != nil && diag.CodeOf(err) != diag.Config {
				t.Errorf("%q %+v: %v", host, c, err)
			}
		}
	}
	if list, _, err := Listen(Door{Host: "0.0.0.0", Token: "x"}); err == nil {
		list[0].Close()
		t.Error("0.0.0.0 without TLS is open")
	}
}

func TestListen(t *testing.T) {
	list, port, err := Listen(Door{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, l := range list {
			l.Close()
		}
	}()
	for _, l := range list {
		a := l.Addr().(*net.TCPAddr)
		if !a.IP.IsLoopback() || a.Port != port {
			t.Errorf("listens on %s", a)
		}
	}
	if _, _, err := Listen(Door{Port: port, Fixed: true}); err == nil {
		t.Error("a port was taken twice")
	}
	more, other, err := Listen(Door{Port: port})
	if err != nil || other == port {
		t.Fatalf("port %d: %v", other, err)
	}
	for _, l := range more {
		l.Close()
	}
}

// TestAuthority: it is made once and opened again, and others cannot read its key.
func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	own, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(dir)
	if err != nil || string(again.PEM()) != string(own.PEM()) {
		t.Fatalf("opened again: %v", err)
	}
	if info, _ := os.Stat(filepath.Join(dir, "ca.key")); info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %o", info.Mode().Perm())
	}
}

func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	a, err := Token(path)
	if err != nil || len(a) != 64 {
		t.Fatalf("%q, %v", a, err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	if b, err := Token(path); err != nil || b != a {
		t.Errorf("read again: %q, %v", b, err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := Token(path); diag.CodeOf(err) != diag.Permission {
		t.Errorf("a file that others read: %v", err)
	}
	for _, bad := range []string{"", "zz", strings.Repeat("0", 62)} {
		_ = os.Remove(path)
		_ = os.WriteFile(path, []byte(bad), 0o600)
		if _, err := Token(path); diag.CodeOf(err) != diag.Config {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestStateDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", ".mink")
	for _, mode := range []os.FileMode{0, 0o755, 0o777, 0o700} {
		if mode != 0 {
			if err := os.Chmod(dir, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := StateDir(dir); err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
			t.Errorf("mode %o", info.Mode().Perm())
		}
	}
	if err := owned(dir, os.Geteuid()+1, os.Geteuid()); diag.CodeOf(err) != diag.Permission {
		t.Errorf("a directory of someone else: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if err := StateDir(dir); diag.CodeOf(err) != diag.Permission {
			t.Errorf("a directory of user 12345: %v", err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	_ = os.WriteFile(file, nil, 0o600)
	if err := StateDir(file); err == nil {
		t.Error("a file was taken for a directory")
	}
}
