package cli

import (
	"os"
	"os/exec"
	"testing"

	"github.com/minkstream/mink/testkit/leak"
)

// asMink makes this test binary behave as mink itself, for tests that need a
// process of their own.
const asMink = "MINK_TEST_AS_MINK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asEngine); dir != "" {
		os.Exit(durableEngine(dir))
	}
	if os.Getenv(asMink) != "" {
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	leak.Main(m)
}

// minkCommand is a mink process that runs in dir, not yet started.
func minkCommand(t testing.TB, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), asMink+"=1", "TZ=UTC", "TERM=xterm", "LC_ALL=C.UTF-8")
	return c
}
