package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/cli/local"
	"github.com/minkstream/mink/engine/sql/parse"
)

// cluster is a cluster of processes that a test has started.
type testCluster struct {
	t    *testing.T
	dir  string
	home local.Home
}

// startCluster starts one in a directory of its own and stops it when the test ends.
func startCluster(t *testing.T, args ...string) *testCluster {
	t.Helper()
	c := &testCluster{t: t, dir: t.TempDir()}
	c.home = local.Home(filepath.Join(c.dir, ".mink"))
	t.Cleanup(func() {
		out, err := minkCommand(t, c.dir, "down", "--timeout", "5s").CombinedOutput()
		if err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
		if left := leftOf(c.home); len(left) > 0 || c.home.Holder(local.Coordinator) != 0 {
			t.Errorf("left running: %v", left)
		}
	})
	c.up(args...)
	return c
}

// mink runs a command and returns its streams and exit code.
func (c *testCluster) mink(args ...string) (out, errOut string, code int) {
	c.t.Helper()
	cmd := minkCommand(c.t, c.dir, args...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	_ = cmd.Run() // the exit code says it
	return o.String(), e.String(), cmd.ProcessState.ExitCode()
}

func (c *testCluster) up(args ...string) string {
	c.t.Helper()
	out, errOut, code := c.mink(append([]string{"up", "--gateway-port", "0", "--rest-port", "0", "--postgres-port", "0", "--flight-port", "0"}, args...)...)
	if code != 0 {
		logs, _ := os.ReadFile(c.home.Path("log", "coordinator.log"))
		c.t.Fatalf("mink up: exit %d\n%s%s\n%s", code, out, errOut, logs)
	}
	return errOut
}

func (c *testCluster) status() clusterStatus {
	c.t.Helper()
	out, errOut, code := c.mink("status", "--output", "json")
	var st clusterStatus
	if err := json.Unmarshal([]byte(out), &st); err != nil || code != 0 {
		c.t.Fatalf("mink status: exit %d, %v\n%s%s", code, err, out, errOut)
	}
	return st
}

// get asks the gateway, as the cluster's file says.
func (c *testCluster) get(path string, token bool) int {
	c.t.Helper()
	info, err := c.home.Info()
	if err != nil || info == nil {
		return 0
	}
	r, _ := http.NewRequest("GET", info.Gateway+path, nil)
	if token {
		r.Header.Set("Authorization", "Bearer "+info.Token)
	}
	client := http.DefaultClient
	if info.CA != "" {
		pem, err := os.ReadFile(info.CA)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(pem) {
			return 0
		}
		client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// whole waits until all processes run, none of them being one of old.
func (c *testCluster) whole(old ...int) clusterStatus {
	c.t.Helper()
	var st clusterStatus
	ok := await(c.t.Context(), 20*time.Second, func() bool {
		st = c.status()
		all := append(slices.Clone(st.Nodes), st.Coordinator)
		if st.Watchdog != nil {
			all = append(all, *st.Watchdog)
		}
		for _, p := range all {
			if p.State != running || slices.Contains(old, p.PID) {
				return false
			}
		}
		return st.Watchdog != nil && c.get("/health", true) == 200
	})
	if !ok {
		c.t.Fatalf("the cluster is not whole: %+v", st)
	}
	return st
}

// randFor draws a seed, or takes MINK_SEED, and says so.
func randFor(t *testing.T, stream uint64) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("MINK_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("MINK_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, stream))
}

// statements are those of a script, each as text.
func statements(script string) []string {
	var out []string
	for _, it := range parse.Script(script) {
		out = append(out, script[it.Span.Start:it.Span.End])
	}
	return out
}

// TestUp starts a cluster, kills each of its processes and all of them, and stops it.
func TestUp(t *testing.T) {
	c := startCluster(t, "--nodes", "2", "--slots", "3")
	st := c.whole()
	if len(st.Nodes) != 2 || st.Nodes[0].Slots != 3 {
		t.Errorf("%+v", st)
	}
	for path, mode := range map[string]os.FileMode{".": 0o700, "cluster.json": 0o600, "token": 0o600, "run/options.json": 0o600, "run/control.sock": 0o600, "log/coordinator.log": 0o600} {
		if info, err := os.Stat(c.home.Path(path)); err == nil && info.Mode().Perm() != mode {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		} else if err != nil && path != "run/control.sock" {
			t.Error(err)
		}
	}
	if code := c.get("/health", false); code != 401 {
		t.Errorf("without the token: %d", code)
	}
	again := c.up("--nodes", "5")
	if !strings.Contains(again, "running already") || len(c.status().Nodes) != 2 {
		t.Errorf("a second mink up: %s", again)
	}
	gateway := st.Gateway
	for _, name := range []string{"node-1", local.Coordinator, local.Watchdog, local.Coordinator} {
		pid := c.home.Holder(name)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if st = c.whole(pid); st.Gateway != gateway {
			t.Errorf("the gateway moved from %s to %s", gateway, st.Gateway)
		}
	}
	token, _ := os.ReadFile(c.home.Path("token"))
	// Both that look after each other, at once: nothing comes back by itself.
	pids := []int{st.Coordinator.PID, st.Watchdog.PID}
	for _, pid := range []int{c.home.Holder(local.Watchdog), c.home.Holder(local.Coordinator)} {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	await(t.Context(), 20*time.Second, func() bool { return c.home.Holder(local.Coordinator) == 0 })
	if now := c.status(); now.Coordinator.State != dead {
		t.Errorf("%+v", now)
	}
	if text := c.up("--nodes", "2"); !strings.Contains(text, "was killed") {
		t.Errorf("mink up after that: %s", text)
	}
	c.whole(pids...)
	if now, _ := os.ReadFile(c.home.Path("token")); !bytes.Equal(now, token) {
		t.Error("the token changed")
	}
	if _, errOut, code := c.mink("down"); code != 0 {
		t.Errorf("down: exit %d, %s", code, errOut)
	}
	if _, _, code := c.mink("status"); code != exitUnreachable {
		t.Errorf("status without a cluster: exit %d", code)
	}
	if _, errOut, code := c.mink("down"); code != 0 || !strings.Contains(errOut, "no cluster") {
		t.Errorf("down twice: exit %d, %s", code, errOut)
	}
	if files, _ := filepath.Glob(c.home.Path("run", "*.sock")); len(files) > 0 {
		t.Errorf("left: %v", files)
	}
}

// TestDownKills: a coordinator that does not listen any more is killed, and nothing brings it
// back.
func TestDownKills(t *testing.T) {
	c := startCluster(t, "--nodes", "2")
	st := c.whole()
	if err := syscall.Kill(st.Coordinator.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, errOut, code := c.mink("down", "--timeout", "200ms"); code != 0 || !strings.Contains(errOut, "is killed") {
		t.Fatalf("down: exit %d, %s", code, errOut)
	}
	for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if pid := c.home.Holder(local.Coordinator); pid != 0 {
			t.Fatalf("a coordinator came back: %d", pid)
		}
	}
	if left := leftOf(c.home); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if c.up("--nodes", "1"); len(c.whole().Nodes) != 1 {
		t.Errorf("%+v", c.status())
	}
	// The same in the middle of mink down: the file is gone, the coordinator was killed, and
	// the watchdog still lives. It ends, and so does the node.
	if err := c.home.Forget(); err != nil {
		t.Fatal(err)
	}
	kill(c.home, local.Coordinator)
	if !await(t.Context(), 20*time.Second, func() bool { return len(leftOf(c.home)) == 0 }) {
		t.Errorf("left: %v", leftOf(c.home))
	}
	if pid := c.home.Holder(local.Coordinator); pid != 0 {
		t.Errorf("a coordinator came back: %d", pid)
	}
}

// TestUpRemoved: a cluster whose directory is removed ends; nothing goes on unseen.
func TestUpRemoved(t *testing.T) {
	c := startCluster(t)
	st := c.whole()
	if err := os.RemoveAll(string(c.home)); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{st.Coordinator.PID, st.Nodes[0].PID, st.Watchdog.PID} {
		if !await(t.Context(), 20*time.Second, func() bool { return syscall.Kill(pid, 0) != nil }) {
			t.Errorf("process %d of %+v goes on", pid, st)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestUpRefuses has flags and circumstances in which no cluster starts; nothing stays.
func TestUpRefuses(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	for _, args := range [][]string{
		{"--nodes", "0"}, {"--nodes", "65"}, {"--slots", "0"}, {"--rest-port", "70000"}, {"--gateway-port", "-1"},
		{"--listen", "0.0.0.0", "--no-token"}, {"--listen", "192.0.2.1", "--no-token"}, {"--data-dir", "/nowhere/at/all"},
		{"--tls-cert", "x.pem"}, {"--gateway-port", taken}, {"--rest-port", taken}, {"--output", "xml"}, {"extra"},
		{"--rest-port", "9999", "--gateway-port", "9999"},
	} {
		dir := t.TempDir()
		out, err := minkCommand(t, dir, append([]string{"up"}, args...)...).CombinedOutput()
		if code := err; code == nil || !strings.Contains(err.Error(), "exit status 2") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		home := local.Home(filepath.Join(dir, ".mink"))
		if !await(t.Context(), 20*time.Second, func() bool { return home.Holder(local.Coordinator) == 0 && len(leftOf(home)) == 0 }) {
			t.Errorf("%v left processes", args)
		}
		if info, _ := home.Info(); info != nil {
			t.Errorf("%v left a cluster's file", args)
		}
	}
	if os.Geteuid() == 0 {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, ".mink"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(dir, ".mink"), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		out, err := minkCommand(t, dir, "up").CombinedOutput()
		if err == nil || !strings.Contains(string(out), "another user") {
			t.Errorf("a directory of another user: %v\n%s", err, out)
		}
	}
}

// TestUpListens looks at all sockets of a cluster that runs a job on two nodes: none is open
// to other machines, and there is no port but those of the four doors, not for metrics nor
// for rows.
func TestUpListens(t *testing.T) {
	c := startCluster(t, "--nodes", "2", "--slots", "1")
	st := c.whole()
	s := c.session()
	s.must("SET 'parallelism.default' = '2'")
	s.must("CREATE TEMPORARY TABLE g (a BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '100')")
	s.must("CREATE TEMPORARY TABLE h (a BIGINT, n BIGINT) WITH ('connector' = 'blackhole')")
	id := jobID.FindStringSubmatch(s.must("INSERT INTO h SELECT a, COUNT(*) FROM g GROUP BY a"))[1]
	if !await(t.Context(), 20*time.Second, func() bool { return c.jobStates()[id] == "RUNNING" }) {
		t.Fatalf("the job is %s", c.jobStates()[id])
	}
	info, err := c.home.Info()
	if err != nil {
		t.Fatal(err)
	}
	doors := map[int]bool{}
	for _, at := range []string{info.Gateway, info.Rest, info.Postgres, info.Flight} {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		port, _ := strconv.Atoi(u.Port())
		doors[port] = true
	}
	for _, pid := range []int{st.Coordinator.PID, st.Nodes[0].PID, st.Nodes[1].PID, st.Watchdog.PID} {
		for _, a := range listening(t, pid) {
			if !a.IP.IsLoopback() {
				t.Errorf("process %d listens on %s", pid, a)
			}
			if pid != st.Coordinator.PID || !doors[a.Port] {
				t.Errorf("process %d listens on %s, which is no door of the cluster (%v)", pid, a, doors)
			}
		}
	}
	// Sockets and folders of the cluster are its owner's alone.
	sockets := 0
	err = filepath.WalkDir(c.home.Path(), func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil // a file of a moment
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		switch mode := info.Mode(); {
		case mode&fs.ModeSocket != 0:
			if sockets++; mode.Perm() != 0o600 {
				t.Errorf("the socket %s has mode %o", p, mode.Perm())
			}
		case p == c.home.Path() && mode.Perm() != 0o700:
			t.Errorf("the directory has mode %o", mode.Perm())
		}
		return nil
	})
	if err != nil || sockets == 0 {
		t.Errorf("%d sockets, %v", sockets, err)
	}
	if list := listening(t, st.Coordinator.PID); len(list) < len(doors) || len(doors) != 4 {
		t.Errorf("the scan found %v", list)
	}
	c.mink("jobs", "cancel", id)
}

// TestUpAbroad: a cluster that other machines reach speaks TLS alone, whatever knocks: who
// comes without is told nothing and takes nobody else down.
func TestUpAbroad(t *testing.T) {
	c := startCluster(t, "--nodes", "1", "--listen", "0.0.0.0", "--node-port", "0")
	st := c.whole()
	info, err := c.home.Info()
	if err != nil {
		t.Fatal(err)
	}
	join, err := url.Parse("tcp://" + c.status().Join)
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte(info.Token)
	startup := "\x00\x00\x00\x0f\x00\x03\x00\x00user\x00a\x00\x00"
	startup = string([]byte{0, 0, 0, byte(len(startup))}) + startup[4:]
	for name, at := range map[string]string{"gateway": info.Gateway, "rest": info.Rest, "postgres": info.Postgres, "flight": info.Flight, "nodes": join.String()} {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, said := range []string{
			"GET /health HTTP/1.1\r\nHost: localhost:" + u.Port() + "\r\nAuthorization: Bearer " + info.Token + "\r\nConnection: close\r\n\r\n",
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", startup, "\x16\x03\x01", "",
		} {
			n, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", u.Port()))
			if err != nil {
				t.Fatal(err)
			}
			_ = n.SetDeadline(time.Now().Add(2 * time.Second))
			_, _ = n.Write([]byte(said))
			_ = n.(*net.TCPConn).CloseWrite()
			got, _ := io.ReadAll(n) // it may be cut off
			n.Close()
			text := string(got)
			if text != "" && !strings.Contains(text, "400 Bad Request") && !strings.Contains(text, "sslmode=require") && got[0] != 0x15 || bytes.Contains(got, secret) {
				t.Errorf("%s answers %q with %q", name, said, text)
			}
		}
		if u.Scheme == "tcp" || u.Scheme == "postgres" {
			continue
		}
		n, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", u.Port()), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		if err != nil {
			t.Errorf("%s does not speak TLS: %v", name, err)
			continue
		}
		n.Close()
	}
	if code := c.get("/health", true); code != 200 {
		t.Errorf("health: %d", code)
	}
	if now := c.whole(); now.Coordinator.PID != st.Coordinator.PID {
		t.Error("the coordinator died of it")
	}
}

// listening are the TCP addresses that a process listens on, from /proc.
func listening(t *testing.T, pid int) []*net.TCPAddr {
	t.Helper()
	inodes := map[string]bool{}
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Skip("no /proc")
	}
	for _, fd := range fds {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		inodes[strings.TrimSuffix(strings.TrimPrefix(to, "socket:["), "]")] = true
	}
	var out []*net.TCPAddr
	for _, table := range []string{"tcp", "tcp6"} {
		text, _ := os.ReadFile("/proc/net/" + table)
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" || !inodes[f[9]] {
				continue
			}
			hexIP, hexPort, _ := strings.Cut(f[1], ":")
			ip := make(net.IP, len(hexIP)/2)
			for i := range ip {
				// Words of four bytes, each in the machine's order.
				_, _ = fmt.Sscanf(hexIP[2*i:2*i+2], "%X", &ip[i&^3+3-i&3])
			}
			var port int
			_, _ = fmt.Sscanf(hexPort, "%X", &port)
			out = append(out, &net.TCPAddr{IP: ip, Port: port})
		}
	}
	return out
}
