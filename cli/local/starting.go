package local

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// startingEnv names the descriptor by which a process is known to be starting.
const startingEnv = "MINK_STARTING"

// turnWithin is how long somebody waits who wants to start a process that somebody else is
// starting, or looks at.
const turnWithin = time.Second

// starting opens the file of a process that is to be started, run/NAME.starting, and locks it.
//
// From a fork until it has its lock a process can take a while, and whoever started it can be
// killed meanwhile. So the lock of this file is there before the process is. It is one that a
// process inherits, and so it is held until the process has a lock of its own, or has ended.
// The file has the process's number, as soon as whoever started it knows that.
func (h Home) starting(name string) (*os.File, error) {
	path := h.Path("run", name+".starting")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot make %s", filepath.Dir(path))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot open %s", path)
	}
	for end := time.Now().Add(turnWithin); ; time.Sleep(5 * time.Millisecond) {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			err = f.Truncate(0)
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, diag.Wrap(diag.IO, err, "the %s is being started already", name)
	}
	return f, nil
}

// started gives the lock of starting back, in the process that was started.
func started() {
	fd, err := strconv.Atoi(os.Getenv(startingEnv))
	if err != nil {
		return
	}
	_ = os.Unsetenv(startingEnv) // not for programs that this one starts
	os.NewFile(uintptr(fd), "starting").Close()
}

// Starting is the number of a process that was started and has no lock yet: 0 when there is
// none, and -1 when its number is not known yet.
func (h Home) Starting(name string) int {
	f, err := os.Open(h.Path("run", name+".starting"))
	if err != nil {
		return 0
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil {
		return 0
	}
	text, err := io.ReadAll(f)
	if pid, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil {
		return pid
	}
	return -1
}

// Living are the numbers of the process that has a lock and of one that is to have it.
func (h Home) Living(name string) []int {
	var out []int
	// In this order: a process has its lock before it is not starting any more.
	if pid := h.Starting(name); pid != 0 {
		out = append(out, pid)
	}
	if pid := h.Holder(name); pid != 0 {
		out = append(out, pid)
	}
	return out
}

// Names are those of all processes that the directory has ever had.
func (h Home) Names() []string {
	var out []string
	seen := map[string]bool{}
	for _, kind := range []string{".lock", ".starting"} {
		files, _ := filepath.Glob(h.Path("run", "*"+kind)) // the pattern is good
		for _, f := range files {
			if name := strings.TrimSuffix(filepath.Base(f), kind); !seen[name] {
				seen[name] = true
				out = append(out, name)
			}
		}
	}
	return out
}
