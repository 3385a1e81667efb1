package leak

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// system is what the process had open before the tests, and a way to see processes.
//
// Whoever the tests start, and whom that one starts, has the write end of a pipe that it knows
// nothing of. Once this process has closed its own, the read end is at its end when all of
// them have ended: also those that are no children, such as a cluster that mink up leaves.
type system struct {
	files    map[string]string // what is open, by number
	children map[string]bool
	alive    *os.File // the read end
	number   int      // of the write end
	written  bool     // the write end is open
	inode    uint64
}

// lastingQueues is how many event descriptors engine/env keeps for the files that it writes next.
const lastingQueues = 16

// inherited is the least number of the write end, beyond what a child is given by intent.
const inherited = 200

func (s *system) begin() error {
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(ends[0], &st); err != nil {
		return err
	}
	high, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(ends[1]), syscall.F_DUPFD, inherited)
	if errno != 0 {
		return errno
	}
	if err := syscall.Close(ends[1]); err != nil {
		return err
	}
	// A file that waits as sockets do, so what that needs of the system is there before the tests.
	s.alive, s.number, s.written, s.inode = os.NewFile(uintptr(ends[0]), "alive"), int(high), true, st.Ino
	s.files, s.children = open(), children()
	return nil
}

func (s *system) close() {
	s.letGo()
	s.alive.Close()
}

func (s *system) letGo() {
	if s.written {
		_ = syscall.Close(s.number)
		s.written = false
	}
}

func (s *system) left() []string {
	s.letGo()
	var out []string
	var files []string
	queues := 0
	for number, what := range open() {
		if s.files[number] == what {
			continue
		}
		if what == "anon_inode:[eventfd]" && queues < lastingQueues {
			queues++
			continue
		}
		files = append(files, what)
	}
	if len(files) > 0 {
		slices.Sort(files)
		out = append(out, list(len(files), "open file", "of this process", named(files)))
	}
	var processes []string
	if s.anyAlive() {
		processes = s.holders()
	}
	for pid := range children() {
		if !s.children[pid] && ended(pid) {
			processes = append(processes, pid+" has ended, and nobody waited for it")
		}
	}
	if len(processes) > 0 {
		slices.Sort(processes)
		out = append(out, list(len(processes), "process", "started here or by one that was", processes))
	}
	return out
}

// open are the files of the process, by number.
func open() map[string]string {
	out := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		// The folder itself was open while it was read, and is gone.
		if what, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			out[e.Name()] = what
		}
	}
	return out
}

// named says of sockets what they are connected to.
func named(files []string) []string {
	if !slices.ContainsFunc(files, func(f string) bool { return strings.HasPrefix(f, "socket:") }) {
		return files
	}
	names := map[string]string{}
	for _, kind := range []string{"tcp", "tcp6", "udp", "udp6", "unix"} {
		text, _ := os.ReadFile("/proc/self/net/" + kind)
		for _, l := range strings.Split(string(text), "\n") {
			f := strings.Fields(l)
			switch {
			case kind == "unix" && len(f) == 7:
				names[f[6]] = "unix, not bound"
			case kind == "unix" && len(f) > 7:
				names[f[6]] = "unix " + f[7]
			case kind != "unix" && len(f) > 9:
				names[f[9]] = fmt.Sprintf("%s port %s to %s%s", kind, port(f[1]), port(f[2]), map[string]string{"0A": ", listening", "08": ", closed by the other side"}[f[3]])
			}
		}
	}
	out := slices.Clone(files)
	for i, f := range out {
		inode := strings.TrimSuffix(strings.TrimPrefix(f, "socket:["), "]")
		if name := names[inode]; name != "" {
			out[i] = "socket: " + name
		}
	}
	return out
}

func port(address string) string {
	_, hex, _ := strings.Cut(address, ":")
	n, _ := strconv.ParseUint(hex, 16, 16)
	return strconv.FormatUint(n, 10)
}

// children are the processes that this one has started, ended ones that nobody waited for
// included.
func children() map[string]bool {
	out := map[string]bool{}
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, f := range files {
		text, _ := os.ReadFile(f) // a thread may have ended
		for _, pid := range strings.Fields(string(text)) {
			out[pid] = true
		}
	}
	return out
}

// ended tells whether a child has ended and waits to be waited for.
func ended(pid string) bool {
	stat, _ := os.ReadFile("/proc/" + pid + "/stat")
	_, state, _ := bytes.Cut(stat, []byte(") ")) // behind the name, which may hold spaces
	return bytes.HasPrefix(state, []byte("Z"))
}

// anyAlive tells whether a process that was started since begin still runs.
func (s *system) anyAlive() bool {
	raw, err := s.alive.SyscallConn()
	if err != nil {
		return false
	}
	var n int
	var got error
	if err := raw.Control(func(fd uintptr) { n, got = syscall.Read(int(fd), make([]byte, 1)) }); err != nil {
		return false
	}
	return n != 0 || got != nil // at its end a read gives nothing, and no mistake
}

// holders are the processes that have the write end.
func (s *system) holders() []string {
	pipe, self := fmt.Sprintf("pipe:[%d]", s.inode), strconv.Itoa(os.Getpid())
	links, _ := filepath.Glob("/proc/[0-9]*/fd/" + strconv.Itoa(s.number))
	var out []string
	for _, l := range links {
		pid := strings.Split(l, "/")[2]
		if what, err := os.Readlink(l); err != nil || what != pipe || pid == self {
			continue
		}
		line, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		out = append(out, fmt.Sprintf("%s runs: %s", pid, strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))))
	}
	if out == nil { // its number is another, or it has just ended
		out = append(out, "one that cannot be found")
	}
	return out
}
