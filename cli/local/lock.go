package local

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/minkstream/mink/engine/diag"
)

// Lock is held by a process from Take until it ends, however it ends.
type Lock struct{ f *os.File }

// ErrTaken says that a living process has the lock.
var ErrTaken = errors.New("another process has it")

func (h Home) lockFile(name string) (*os.File, error) {
	path := h.Path("run", name+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot make %s", filepath.Dir(path))
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diag.Wrap(diag.IO, err, "cannot open %s", path)
	}
	return f, nil
}

func whole(kind int16) *syscall.Flock_t {
	return &syscall.Flock_t{Type: kind, Whence: io.SeekStart}
}

// Take takes the lock of a process of the cluster for this one. It fails with ErrTaken.
// A process takes a lock once and never looks at it again: closing the file would give the
// lock back.
func (h Home) Take(name string) (*Lock, error) {
	f, err := h.lockFile(name)
	if err != nil {
		return nil, err
	}
	err = fcntl(f, syscall.F_SETLK, whole(syscall.F_WRLCK))
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		err = ErrTaken
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	started()
	return &Lock{f}, nil
}

// Release gives the lock back.
func (l *Lock) Release() { l.f.Close() }

// Await returns when no process has the lock. It may wait for ever.
func (h Home) Await(name string) error {
	f, err := h.lockFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := fcntl(f, syscall.F_SETLKW, whole(syscall.F_WRLCK)); err != nil {
		return diag.Wrap(diag.IO, err, "cannot wait for the %s", name)
	}
	return nil
}

// Holder is the number of the process that has the lock, 0 when none has. A process does
// not see its own.
func (h Home) Holder(name string) int {
	f, err := os.OpenFile(h.Path("run", name+".lock"), os.O_RDWR, 0)
	if err != nil {
		return 0
	}
	defer f.Close()
	l := whole(syscall.F_WRLCK)
	if err := fcntl(f, syscall.F_GETLK, l); err != nil || l.Type == syscall.F_UNLCK {
		return 0
	}
	return int(l.Pid)
}

func fcntl(f *os.File, cmd int, l *syscall.Flock_t) error {
	for {
		err := syscall.FcntlFlock(f.Fd(), cmd, l)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
