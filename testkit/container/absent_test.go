package container

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// needAll skips what is slow unless all tests are asked for.
func needAll(t *testing.T) {
	t.Helper()
	if os.Getenv("MINK_ALL") == "" {
		t.Skip("it runs with MINK_ALL=1")
	}
}

// told is a test that keeps what it is told.
type told struct {
	testing.TB
	skipped, failed string
	cleanups        []func()
}

func (t *told) Helper()          {}
func (t *told) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *told) Skipf(format string, args ...any) {
	t.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (t *told) Fatalf(format string, args ...any) {
	t.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// tell starts a service in a test of its own.
func tell(k *kind) *told {
	t := &told{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		start(t, k)
	}()
	<-done
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
	return t
}

// TestAbsent: without a program the test is skipped and says what is missing; it fails where
// that way was asked for, where the server ends at once, and for a wrong word.
func TestAbsent(t *testing.T) {
	k := &kind{name: "thing", image: "mink.invalid/thing:1", port: "1", patience: 1e9, dsn: plainAddress, local: func(*here) error {
		_, err := program("mink-thing-server")
		return err
	}}
	if got := tell(k); !strings.Contains(got.skipped, "no thing for this test: docker: ") || !strings.Contains(got.skipped, "local: no program mink-thing-server") {
		t.Errorf("%q %q", got.skipped, got.failed)
	}
	t.Setenv("MINK_CONTAINERS", "local")
	if got := tell(k); !strings.Contains(got.failed, "no program mink-thing-server") {
		t.Errorf("%q %q", got.skipped, got.failed)
	}
	ends := *k
	ends.local = func(h *here) error { return h.serve("/bin/sh", "-c", "echo no way; exit 3") }
	if got := tell(&ends); !strings.Contains(got.failed, "it has ended: no way") {
		t.Errorf("%q %q", got.skipped, got.failed)
	}
	t.Setenv("MINK_CONTAINERS", "podman")
	if got := tell(k); !strings.Contains(got.failed, "it is docker or local") {
		t.Errorf("%q %q", got.skipped, got.failed)
	}
}
