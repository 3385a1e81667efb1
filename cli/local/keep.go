package local

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/minkstream/mink/engine/diag"
)

// Back-off of processes that die: the first comes back at once, one that dies again and
// again waits longer, and one that lived for a while starts anew.
const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 10 * time.Second
	backoffReset = 60 * time.Second
)

// Backoff counts deaths in a row.
type Backoff struct{ next time.Duration }

// After is how long to wait before a process is started again that has lived so long.
func (b *Backoff) After(lived time.Duration) time.Duration {
	if lived >= backoffReset {
		b.next = 0
	}
	wait := b.next
	b.next = min(max(2*b.next, backoffFirst), backoffMost)
	return wait
}

// Program says how a process of the cluster is started: this binary with other arguments.
type Program struct {
	Name string
	Args []string
	// Env are further variables, NAME=value: what must not be seen in a list of processes.
	Env []string
	// Files are given to it as descriptors 3, 4, ...
	Files []*os.File
	// Log is the file that takes what it prints.
	Log string
	// Wanted, unless nil, is asked by Keep before each start: without it nothing is started
	// any more.
	Wanted func() bool
}

// Start starts a process in a session of its own: it outlives this one and its terminal.
// Its end is awaited, so that it leaves no zombie.
func (h Home) Start(p Program) (pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, diag.Wrap(diag.IO, err, "cannot find this program")
	}
	if err := os.MkdirAll(filepath.Dir(p.Log), 0o700); err != nil {
		return 0, diag.Wrap(diag.IO, err, "cannot make the folder of logs")
	}
	out, err := os.OpenFile(p.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, diag.Wrap(diag.IO, err, "cannot write the log of the %s", p.Name)
	}
	defer out.Close()
	told, err := h.starting(p.Name)
	if err != nil {
		return 0, err
	}
	defer told.Close()
	c := exec.Command(self, p.Args...)
	c.Env = append(append(os.Environ(), p.Env...), fmt.Sprintf("%s=%d", startingEnv, 3+len(p.Files)))
	c.Stdout, c.Stderr, c.ExtraFiles = out, out, append(slices.Clone(p.Files), told)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := c.Start(); err != nil {
		return 0, diag.Wrap(diag.IO, err, "cannot start the %s", p.Name)
	}
	_, _ = told.WriteAt([]byte(strconv.Itoa(c.Process.Pid)), 0) // for want of it one waits for the process
	go func() { _ = c.Wait() }()                                // its lock tells when it has ended
	return c.Process.Pid, nil
}

// Keep starts a process whenever none has its lock, until ctx ends or it is not wanted any
// more. started hears of each start; it may be nil. One that lives already, such as a
// node that has outlived its coordinator, is left alone until it dies.
func (h Home) Keep(ctx context.Context, p Program, log *slog.Logger, started func(pid int)) {
	var b Backoff
	if started == nil {
		started = func(int) {}
	}
	for ctx.Err() == nil {
		began := time.Now()
		if pid := h.Holder(p.Name); pid != 0 {
			log.Info("found running", "process", p.Name, "pid", pid)
			started(pid)
		} else if p.Wanted != nil && !p.Wanted() {
			return
		} else if pid, err := h.startAndWait(p); err != nil {
			log.Error("start failed", "process", p.Name, "error", err.Error())
		} else {
			log.Info("started", "process", p.Name, "pid", pid)
			started(pid)
		}
		if err := h.Await(p.Name); err != nil {
			log.Error("cannot watch", "process", p.Name, "error", err.Error())
		}
		if ctx.Err() != nil {
			return
		}
		wait := b.After(time.Since(began))
		log.Warn("died", "process", p.Name, "again in", wait.String())
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// lockWithin is how long a process may take from its start until it has its lock.
const lockWithin = 10 * time.Second

// startAndWait starts a process and returns when it has its lock.
func (h Home) startAndWait(p Program) (int, error) {
	pid, err := h.Start(p)
	if err != nil {
		return 0, err
	}
	for end := time.Now().Add(lockWithin); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if h.Holder(p.Name) != 0 {
			return pid, nil
		}
		if syscall.Kill(pid, 0) != nil {
			return 0, diag.New(diag.IO, "the %s ended while it started: %s", p.Name, lastLine(p.Log))
		}
	}
	_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by now
	return 0, diag.New(diag.IO, "the %s did not start within %s", p.Name, lockWithin)
}

// lastLine is the end of a log.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "it left no log"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
