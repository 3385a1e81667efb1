package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/cli/local"
)

// heldCluster is a whole cluster whose processes of one command stop when they begin, from now
// on. held waits for one and returns its number.
func heldCluster(t *testing.T, command string) (c *testCluster, st clusterStatus, held func() int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "held")
	t.Setenv(asHeld, file)
	c = startCluster(t, "--nodes", "1")
	st = c.whole()
	if err := os.WriteFile(file, []byte(command), 0o600); err != nil {
		t.Fatal(err)
	}
	return c, st, func() (pid int) {
		t.Helper()
		if !await(t.Context(), 20*time.Second, func() bool {
			text, err := os.ReadFile(file + ".pid")
			pid, _ = strconv.Atoi(string(text))
			return err == nil
		}) {
			t.Fatalf("no %s was started", command)
		}
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		return pid
	}
}

// expectNobody looks for a while whether a cluster that was stopped stays so.
func (c *testCluster) expectNobody(pids ...int) {
	c.t.Helper()
	for _, pid := range pids {
		if !await(c.t.Context(), 20*time.Second, func() bool { return syscall.Kill(pid, 0) != nil }) {
			c.t.Errorf("process %d is there", pid)
		}
	}
	for end := time.Now().Add(time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if pid, left := c.home.Holder(local.Coordinator), leftOf(c.home); pid != 0 || len(left) > 0 {
			c.t.Fatalf("after mink down there are %v, and the coordinator is process %d", left, pid)
		}
		if info, _ := c.home.Info(); info != nil {
			c.t.Fatal("the cluster's file is there again")
		}
	}
}

// TestDownFindsStarting: a node that was started and does not run yet has no lock. Whoever
// started it stops, or is killed, without it.
func TestDownFindsStarting(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		name := "coordinator stops"
		if frozen {
			name = "coordinator is killed"
		}
		t.Run(name, func(t *testing.T) {
			c, st, held := heldCluster(t, "node")
			_ = syscall.Kill(st.Nodes[0].PID, syscall.SIGKILL)
			pid := held()
			if got := c.home.Starting("node-1"); got != pid {
				t.Errorf("process %d is starting and not %d", got, pid)
			}
			timeout := "20s"
			if frozen {
				timeout = "200ms"
				_ = syscall.Kill(st.Coordinator.PID, syscall.SIGSTOP)
			}
			_, errOut, code := c.mink("down", "--timeout", timeout)
			if code != 0 || strings.Contains(errOut, "is killed") != frozen {
				t.Errorf("down: exit %d, %s", code, errOut)
			}
			c.expectNobody(pid, st.Coordinator.PID, st.Watchdog.PID)
		})
	}
}

// TestDownWhileComingBack: the coordinator was killed, and the watchdog has started another,
// which does not run yet: it would bring the cluster back.
func TestDownWhileComingBack(t *testing.T) {
	c, st, held := heldCluster(t, "coordinator")
	_ = syscall.Kill(st.Coordinator.PID, syscall.SIGKILL)
	pid := held()
	if _, errOut, code := c.mink("down"); code != 0 {
		t.Errorf("down: exit %d, %s", code, errOut)
	}
	c.expectNobody(pid, st.Nodes[0].PID, st.Watchdog.PID)
	// One that is not found, because it was not there yet, has nothing to bring back.
	t.Setenv(asHeld, "")
	late := minkCommand(t, c.dir, "coordinator", "--again")
	var said bytes.Buffer
	late.Stderr = &said
	if err := late.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(20*time.Second, func() { _ = late.Process.Signal(syscall.SIGTERM) }).Stop() // it has brought the cluster back
	if err := late.Wait(); err == nil || !strings.Contains(said.String(), "was stopped") {
		t.Errorf("a coordinator that comes back late: %v, %s", err, said.String())
	}
	if _, errOut, code := c.mink("node", "--join", "--name", "node-1"); code != exitUnreachable {
		t.Errorf("a node that comes late: exit %d, %s", code, errOut)
	}
	c.expectNobody()
}

// TestStopInStart: a coordinator that is told to stop while it waits for its nodes has not
// failed, so that it was to be tried again: the cluster is stopped.
func TestStopInStart(t *testing.T) {
	c, st, held := heldCluster(t, "node")
	for _, pid := range []int{st.Coordinator.PID, st.Nodes[0].PID} {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	pid := held()
	var coordinator int
	if !await(t.Context(), 20*time.Second, func() bool {
		coordinator = c.home.Holder(local.Coordinator)
		return coordinator != 0 && coordinator != st.Coordinator.PID && slices.Equal(c.home.Living("node-1"), []int{pid})
	}) {
		t.Fatal("no coordinator came back")
	}
	_ = syscall.Kill(coordinator, syscall.SIGTERM)
	if !await(t.Context(), 20*time.Second, func() bool { return syscall.Kill(coordinator, 0) != nil }) {
		t.Error("the coordinator goes on")
	}
	c.expectNobody(pid, st.Watchdog.PID)
}
