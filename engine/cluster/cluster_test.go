package cluster

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/testkit/leak"
)

// TestMain lets the test binary be a node process, which tests start and kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MINK_TEST_NODE"); dir != "" {
		err := Serve(context.Background(), NodeOptions{
			Name: os.Getenv("MINK_TEST_NAME"), Dir: dir, Slots: 2, Build: buildTest,
			Attached: func() { os.Stdout.WriteString("attached\n") },
			Answer:   answerTest,
			Log:      func(s string) { os.Stderr.WriteString(s + "\n") },
		})
		if err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	leak.Main(m)
}

func buildTest([]byte) (*flow.Graph, func(), error) { return &flow.Graph{}, func() {}, nil }

// answerTest repeats what it is asked, as often as its first word says.
func answerTest(_ context.Context, question []byte) ([]byte, error) {
	times, what, _ := strings.Cut(string(question), " ")
	n, err := strconv.Atoi(times)
	if err != nil {
		return nil, diag.New(diag.InvalidArgument, "%q is no number", times).WithHint("try 2")
	}
	return []byte(strings.Repeat(what, n)), nil
}

// TestAsk: answers come whole, however long they are, several at a time, and so do refusals.
// A node that is not there is told at once.
func TestAsk(t *testing.T) {
	dir := t.TempDir()
	c := listen(t, dir, nil)
	defer c.Close()
	startNode(t, dir, "node-1")
	waitFor(t, c, 1)
	var wait sync.WaitGroup
	for _, n := range []int{0, 1, 100, pieceMax / 3, pieceMax / 2, pieceMax, 1 << 20} {
		wait.Go(func() {
			got, err := c.Ask(t.Context(), "node-1", fmt.Append(nil, n, " abc"))
			if err != nil || string(got) != strings.Repeat("abc", n) {
				t.Errorf("%d times: %d bytes, %v", n, len(got), err)
			}
		})
	}
	wait.Wait()
	_, err := c.Ask(t.Context(), "node-1", []byte("x y"))
	if d := diag.As(err); d == nil || d.Code != diag.InvalidArgument || d.Msg != "\"x\" is no number" || d.Hint != "try 2" {
		t.Errorf("%v", err)
	}
	if _, err := c.Ask(t.Context(), "node-1", fmt.Append(nil, answerMax, " y ")); diag.CodeOf(err) != diag.LimitExceeded {
		t.Errorf("too large: %v", err)
	}
	if _, err := c.Ask(t.Context(), "node-7", []byte("1 x")); diag.CodeOf(err) != diag.NotFound {
		t.Errorf("nobody: %v", err)
	}
}

// TestAskStopped: who asks a node that stands still hears that it is not there, when its lease ends.
func TestAskStopped(t *testing.T) {
	dir := t.TempDir()
	c := listenFor(t, dir, LeaseDefault, nil)
	defer c.Close()
	p := startNode(t, dir, "node-1")
	waitFor(t, c, 1)
	p.Process.Signal(syscall.SIGSTOP)
	var state syscall.WaitStatus
	if _, err := syscall.Wait4(p.Process.Pid, &state, syscall.WUNTRACED, nil); err != nil || !state.Stopped() { // the signal takes its time
		t.Fatalf("%v, %v", state, err)
	}
	if _, err := c.Ask(t.Context(), "node-1", []byte("1 x")); diag.CodeOf(err) != diag.NotFound {
		t.Errorf("stopped: %v", err)
	}
	p.Process.Kill()
}

// TestAskNext: the next piece of an answer is there as soon as the one before is sent.
func TestAskNext(t *testing.T) {
	n := &node{opt: NodeOptions{Answer: answerTest}, answers: &answers{}}
	size := 2*pieceMax + 1
	var got []byte
	done := make(chan bool)
	var send func(m []byte)
	send = func(m []byte) {
		r := reader{b: m[1:]}
		if num, failed := r.num(), r.byte(); num != 7 || failed != 0 || r.num() != uint64(size) {
			t.Errorf("after %d bytes: %q", len(got), m[:min(len(m), 100)])
			close(done)
			return
		}
		if got = append(got, r.b...); len(got) == size {
			close(done)
			return
		}
		n.asked(t.Context(), binary.AppendUvarint(binary.AppendUvarint(nil, 7), uint64(len(got))), send)
	}
	question := binary.AppendUvarint(binary.AppendUvarint(nil, 7), 0)
	n.asked(t.Context(), fmt.Append(question, size, " x"), send)
	<-done
	if string(got) != strings.Repeat("x", size) || len(n.answers.kept) > 0 {
		t.Errorf("%d bytes, %d answers are kept", len(got), len(n.answers.kept))
	}
}

// TestAskFirst: a question asked in the very moment a node is there does not come before the welcome.
func TestAskFirst(t *testing.T) {
	dir := t.TempDir()
	var c *Coordinator
	ready := make(chan struct{})
	var there, lost atomic.Int32
	c, err := Listen(Options{Dir: dir, Lease: leaseLong, Lost: func(Node, error) { lost.Add(1) }, Log: func(s string) {
		if strings.Contains(s, "is there") {
			there.Add(1)
			<-ready
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			c.Ask(ctx, "node-1", []byte("1 x")) // nothing is sent before this returns
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	close(ready)
	defer c.Close()
	p := startNode(t, dir, "node-1")
	select {
	case <-p.attached:
	case <-time.After(10 * time.Second):
		t.Fatal("the node was not taken")
	}
	if got, err := c.Ask(t.Context(), "node-1", []byte("2 x")); err != nil || string(got) != "xx" {
		t.Errorf("%q, %v", got, err)
	}
	if there.Load() != 1 || lost.Load() != 0 {
		t.Errorf("the node was there %d times and lost %d times", there.Load(), lost.Load())
	}
}

// TestAskAgain: an answer for a coordinator that is gone does not get into that of the next one,
// whose questions have the same numbers.
func TestAskAgain(t *testing.T) {
	dir := t.TempDir()
	asked, first, second := make(chan string, 2), make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		Serve(ctx, NodeOptions{Name: "node-1", Dir: dir, Build: buildTest, Answer: func(ctx context.Context, question []byte) ([]byte, error) {
			asked <- string(question)
			if string(question) == "a" {
				<-first
			} else {
				<-second
			}
			return []byte(strings.Repeat(string(question), 2*pieceMax)), nil
		}})
	}()
	defer func() { cancel(); <-over }()
	c := listenFor(t, dir, 5*time.Second, nil)
	waitFor(t, c, 1)
	gone := make(chan error, 1)
	go func() {
		_, err := c.Ask(ctx, "node-1", []byte("a"))
		gone <- err
	}()
	<-asked
	c.Close()
	if err := <-gone; err == nil {
		t.Error("a coordinator that is closed has an answer")
	}
	c = listenFor(t, dir, 5*time.Second, nil)
	defer c.Close()
	waitFor(t, c, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if got, err := c.Ask(ctx, "node-1", []byte("b")); err != nil || string(got) != strings.Repeat("b", 2*pieceMax) {
			t.Errorf("%d bytes, %d of them of the other answer: %v", len(got), strings.Count(string(got), "a"), err)
		}
	}()
	<-asked
	c.mu.Lock() // it does not ask for the second piece
	close(second)
	time.Sleep(100 * time.Millisecond) // the first is sent
	close(first)
	time.Sleep(100 * time.Millisecond) // and the other answer is there
	c.mu.Unlock()
	<-done
}

// process is a node process of a test.
type process struct {
	*exec.Cmd
	attached chan struct{} // a value each time it has attached
}

func startNode(t *testing.T, dir, name string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), attached: make(chan struct{}, 16)}
	p.Env = append(os.Environ(), "MINK_TEST_NODE="+dir, "MINK_TEST_NAME="+name)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for in := bufio.NewScanner(out); in.Scan(); {
			if in.Text() == "attached" {
				p.attached <- struct{}{}
			}
		}
	}()
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p
}

// leaseLong is that of tests which do not look at leases: a node may get no processor for longer
// than it usually has.
const leaseLong = 30 * time.Second

func listen(t *testing.T, dir string, lost func(Node, error)) *Coordinator {
	t.Helper()
	return listenFor(t, dir, leaseLong, lost)
}

func listenFor(t *testing.T, dir string, lease time.Duration, lost func(Node, error)) *Coordinator {
	t.Helper()
	// Close does not wait for who serves a node, and a test that has ended takes no word.
	var mu sync.Mutex
	over := false
	t.Cleanup(func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	})
	c, err := Listen(Options{Dir: dir, Lease: lease, Lost: lost, Log: func(s string) {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			t.Log(s)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func alive(c *Coordinator) []string {
	var out []string
	for _, n := range c.Nodes() {
		if n.Alive {
			out = append(out, n.Name)
		}
	}
	return out
}

func waitFor(t *testing.T, c *Coordinator, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Wait(ctx, n); err != nil {
		t.Fatalf("waiting for %d nodes: %v; there are %v", n, err, alive(c))
	}
}

// TestNodes: nodes attach, a killed one is noticed at once, another takes its name.
func TestNodes(t *testing.T) {
	dir := t.TempDir()
	lost, why := make(chan Node, 4), make(chan error, 4)
	c := listen(t, dir, func(n Node, err error) { lost <- n; why <- err })
	defer c.Close()
	startNode(t, dir, "node-10")
	startNode(t, dir, "node-2")
	p := startNode(t, dir, "node-1")
	waitFor(t, c, 3)
	if got := alive(c); !slices.Equal(got, []string{"node-1", "node-2", "node-10"}) {
		t.Errorf("nodes %v", got)
	}
	if n := c.Nodes()[0]; n.PID != p.Process.Pid || n.Slots != 2 || n.Since == 0 {
		t.Errorf("node-1 is shown as %+v", n)
	}
	p.Process.Kill()
	n := <-lost
	if err := <-why; n.Name != "node-1" || err == nil || !strings.Contains(err.Error(), "its process has ended") {
		t.Errorf("%s was lost: %v", n.Name, err) // not the end of its lease
	}
	startNode(t, dir, "node-1")
	waitFor(t, c, 3)
	if again := c.Nodes()[0]; again.Number == n.Number {
		t.Errorf("both node-1 have number %d", n.Number)
	}
}

// TestStopped: a process that is stopped is given up on when its lease ends, knows it
// when it wakes, and attaches again.
func TestStopped(t *testing.T) {
	dir := t.TempDir()
	lost := make(chan Node, 1)
	c := listenFor(t, dir, LeaseDefault, func(n Node, _ error) { lost <- n })
	defer c.Close()
	p := startNode(t, dir, "node-1")
	<-p.attached
	p.Process.Signal(syscall.SIGSTOP)
	start := time.Now()
	<-lost
	if took := time.Since(start); took < LeaseDefault/2 || took > 10*time.Second {
		t.Errorf("given up on after %s", took)
	}
	p.Process.Signal(syscall.SIGCONT)
	select {
	case <-p.attached:
	case <-time.After(20 * time.Second):
		t.Fatal("it did not come back")
	}
	waitFor(t, c, 1)
}

// TestCoordinatorGone: nodes look for a coordinator that takes the place of another.
func TestCoordinatorGone(t *testing.T) {
	dir := t.TempDir()
	var given atomic.Int32
	c := listen(t, dir, func(Node, error) { given.Add(1) })
	if _, err := Listen(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "already") {
		t.Fatalf("two coordinators in one folder: %v", err)
	}
	startNode(t, dir, "node-1")
	startNode(t, dir, "node-2")
	waitFor(t, c, 2)
	c.Close()
	c = listen(t, dir, nil)
	defer c.Close()
	waitFor(t, c, 2)
	if given.Load() != 0 {
		t.Error("a coordinator that stops gave nodes up")
	}
}

// TestLongFolder: a folder whose name is too long for a socket works as well.
func TestLongFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	c := listen(t, dir, nil)
	defer c.Close()
	defer os.RemoveAll(filepath.Dir(Socket(dir)))
	startNode(t, dir, "node-1")
	waitFor(t, c, 1)
}
