package container

import (
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestServices starts each kind and asks it something; those that this machine has not are
// skipped, with the reason. What was started is gone when its test is over.
func TestServices(t *testing.T) {
	needAll(t)
	for name, start := range map[string]func(testing.TB) *Service{"postgres": Postgres, "mysql": MySQL, "redis": Redis, "nats": NATS, "kafka": Kafka} {
		address := ""
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			s := start(t)
			t.Logf("%s at %s after %s (%s)", s.DSN, s.Address, time.Since(begin).Round(time.Millisecond), s.Runs)
			if s.Name != name || !strings.Contains(s.DSN, s.Address) {
				t.Errorf("%+v", s)
			}
			address = s.Address
			ask(t, s)
		})
		if address == "" {
			continue
		}
		if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			_ = c.Close()
			t.Errorf("%s still listens when its test is over", name)
		}
	}
}

// ask asks a server by its own client, where that is installed.
func ask(t *testing.T, s *Service) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Address)
	var client []string
	want := ""
	switch s.Name {
	case "postgres":
		client, want = []string{"psql", s.DSN, "-tAc", "SHOW wal_level"}, "logical"
	case "mysql":
		client, want = []string{"mariadb", "-umink", "-pmink", "-h" + host, "-P" + port, "mink", "-NBe", "SELECT @@binlog_format"}, "ROW"
	case "redis":
		client, want = []string{"redis-cli", "-h", host, "-p", port, "SET", "a", "1"}, "OK"
	default:
		return
	}
	if _, err := exec.LookPath(client[0]); err != nil {
		return
	}
	out, err := exec.Command(client[0], client[1:]...).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("%s: %v: %s, not %s", client, err, out, want)
	}
}
