// Package container starts what tests of connectors need: Postgres, MySQL or MariaDB, Redis,
// NATS and Kafka, each for one test, on a port of its own, and takes it away when the test
// ends.
//
//	func TestSink(t *testing.T) {
//		db := container.Postgres(t)
//		conn, err := pgx.Connect(ctx, db.DSN)
//		...
//	}
//
// A service runs in a container where Docker answers and has its image or can get it, else
// from programs of this machine, found on PATH or where Debian puts them; Kafka from its
// published jars with Java. Where neither is there the test is skipped, and says why.
// MINK_CONTAINERS=docker or =local asks for one of them and fails instead.
//
// Only tests import this package: it brings testcontainers-go along, which must not get into
// the binary; testkit/layers holds that. Begin with Service, then services.go.
package container

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// Service is something that runs for a test.
type Service struct {
	// Name is what it is: postgres, mysql, redis, nats, kafka.
	Name string
	// Address is host:port; DSN is that in the form that its Go driver takes.
	Address string
	DSN     string
	// Runs says where: docker or local.
	Runs string
}

// Postgres starts a PostgreSQL with logical replication; DSN is a URL for database postgres.
func Postgres(t testing.TB) *Service { t.Helper(); return start(t, postgres) }

// MySQL starts a MySQL or MariaDB with a binary log in row format and a database mink.
func MySQL(t testing.TB) *Service { t.Helper(); return start(t, mysql) }

// Redis starts a Redis that keeps nothing.
func Redis(t testing.TB) *Service { t.Helper(); return start(t, redis) }

// NATS starts a NATS server with JetStream.
func NATS(t testing.TB) *Service { t.Helper(); return start(t, nats) }

// Kafka starts a single broker; DSN is its address.
func Kafka(t testing.TB) *Service { t.Helper(); return start(t, kafka) }

// kind is a kind of service.
type kind struct {
	name string
	// image and env are those of its container, port what it listens on there.
	image, port string
	env         map[string]string
	args        []string
	// envAt replaces env where the server has to know the port at which it is reached on the
	// machine before it starts.
	envAt func(port string) map[string]string
	// local starts it on this machine: in a folder, on a port. An absent error says what is
	// missing.
	local func(h *here) error
	// hello is a first exchange with a server that is ready.
	hello func(c net.Conn) error
	// dsn is that of an address.
	dsn func(address string) string
	// patience is how long a start may take.
	patience time.Duration
}

// absent is why a service cannot run here.
type absent struct{ why string }

func (a *absent) Error() string { return a.why }

func absentf(format string, args ...any) error { return &absent{fmt.Sprintf(format, args...)} }

// start starts a service in the first way that is there.
func start(t testing.TB, k *kind) *Service {
	t.Helper()
	ways := []struct {
		name string
		run  func(testing.TB, *kind) (string, error)
	}{{"docker", inDocker}, {"local", onMachine}}
	want := os.Getenv("MINK_CONTAINERS")
	var whys []string
	for _, w := range ways {
		if want != "" && want != w.name {
			continue
		}
		address, err := w.run(t, k)
		if err == nil {
			return &Service{Name: k.name, Address: address, DSN: k.dsn(address), Runs: w.name}
		}
		if _, ok := err.(*absent); !ok || want != "" {
			t.Fatalf("%s does not start (%s): %v", k.name, w.name, err)
		}
		whys = append(whys, w.name+": "+err.Error())
	}
	if len(whys) == 0 {
		t.Fatalf("MINK_CONTAINERS is %q: it is docker or local", want)
	}
	t.Skipf("no %s for this test: %s", k.name, strings.Join(whys, "; "))
	return nil
}

// ready waits until a server answers. over tells that it has ended, and why.
func ready(k *kind, address string, over func() error) error {
	until := time.Now().Add(k.patience)
	for {
		err := greet(k, address)
		if err == nil {
			return nil
		}
		if gone := over(); gone != nil {
			return gone
		}
		if time.Now().After(until) {
			return fmt.Errorf("it has not answered within %s: %w", k.patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func greet(k *kind, address string) error {
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		return err
	}
	return k.hello(c)
}
