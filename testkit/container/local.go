package container

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// here is where a service runs on this machine.
type here struct {
	t       testing.TB
	dir     string
	port    string
	address string
	log     output
	cmd     *exec.Cmd
	// owner runs the programs, where they refuse to run as root; nil for whoever runs the
	// test.
	owner *syscall.Credential
	ended chan struct{}
}

// output keeps what a program says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// tail is the end of it.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.b.Bytes()
	return string(b[max(0, len(b)-2000):])
}

// onMachine starts a service from programs of this machine.
func onMachine(t testing.TB, k *kind) (string, error) {
	t.Helper()
	port, err := freePort()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "mink-"+k.name)
	if err != nil {
		return "", err
	}
	h := &here{t: t, dir: dir, port: port, address: net.JoinHostPort("127.0.0.1", port), ended: make(chan struct{})}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := k.local(h); err != nil {
		return "", err
	}
	err = ready(k, h.address, func() error {
		select {
		case <-h.ended:
			return fmt.Errorf("it has ended: %s", h.log.tail())
		default:
			return nil
		}
	})
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, h.log.tail())
	}
	return h.address, nil
}

// freePort is a port that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// program finds a program, on PATH or in folders, which may have * in them.
func program(name string, folders ...string) (string, error) {
	for _, f := range append(folders, "/usr/sbin", "/usr/local/sbin") {
		list, _ := filepath.Glob(filepath.Join(f, name))
		if len(list) > 0 {
			return list[len(list)-1], nil
		}
	}
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	return "", absentf("no program %s", name)
}

// notRoot lets programs run as one of these users where the test runs as root, which some
// servers refuse to, and gives the folder to it.
func (h *here) notRoot(names ...string) error {
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		h.owner = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return os.Chown(h.dir, int(uid), int(gid))
	}
	return absentf("it does not run as root, and there is no user %v", names)
}

func (h *here) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = h.dir, &h.log, &h.log
	c.Env = append(os.Environ(), "TMPDIR="+h.dir) // it may not write to that of others
	c.SysProcAttr = &syscall.SysProcAttr{Credential: h.owner, Setpgid: true}
	return c
}

// run runs a program to its end.
func (h *here) run(name string, args ...string) error {
	if err := h.command(name, args...).Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, h.log.tail())
	}
	return nil
}

// serve starts the server, which ends with the test.
func (h *here) serve(name string, args ...string) error {
	h.cmd = h.command(name, args...)
	if err := h.cmd.Start(); err != nil {
		return err
	}
	go func() {
		_ = h.cmd.Wait()
		close(h.ended)
	}()
	h.t.Cleanup(func() {
		_ = h.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-h.ended:
		case <-time.After(5 * time.Second):
			_ = syscall.Kill(-h.cmd.Process.Pid, syscall.SIGKILL)
			<-h.ended
		}
	})
	return nil
}
