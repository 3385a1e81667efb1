package cli

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/testkit/leak"
)

// asMink makes this test binary behave as mink itself, for tests that need a
// process of their own.
const asMink = "MINK_TEST_AS_MINK"

// asHeld may name a file: a process of mink whose command is in it stops itself before it does
// anything, as one does that gets no time. Its number is then in a file beside it.
const asHeld = "MINK_TEST_HELD"

func heldBack() {
	file := os.Getenv(asHeld)
	if name, err := os.ReadFile(file); err != nil || len(os.Args) < 2 || string(name) != os.Args[1] {
		return
	}
	_ = os.WriteFile(file+".new", []byte(strconv.Itoa(os.Getpid())), 0o600)
	_ = os.Rename(file+".new", file+".pid")
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(asEngine); dir != "" {
		os.Exit(durableEngine(dir))
	}
	if os.Getenv(asMink) != "" {
		heldBack()
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	leak.Main(m, leak.Count{What: "open stores of state", Now: state.Stores})
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
