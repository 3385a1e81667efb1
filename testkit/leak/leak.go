// Package leak looks whether the tests of a package leave something behind.
//
//	func TestMain(m *testing.M) { leak.Main(m) }
//
// Every package with tests has this (testkit/support holds them to it). It counts what was not
// there before the tests:
//
//   - goroutines, told with where they were started and where they stand;
//   - open files, sockets and pipes of the process, on Linux;
//   - processes that were started and still run, by children too, and those that ended and
//     that nobody waited for, on Linux;
//   - files in the temporary folder, of which each test process has one of its own;
//   - what packages count of themselves, such as state.Stores, where it is given as a Count.
//
// What ends by itself within a short while is no leak. A package whose tests fail is not
// looked at: what a failed test leaves is of the failure.
//
// It counts once, behind the last test. The package testing calls nobody between tests, and one
// may not count while tests run beside each other; where something leaks, -run finds
// the test, and the stack says where it began. It costs a listing of /proc/self/fd and
// the stacks of a few goroutines, a millisecond.
//
// Goroutines are some eighty lines of our own and not go.uber.org/goleak: the waiting is the same
// for goroutines, files and processes, which goleak does not know, and equal stacks are told
// once with their number. Buffers of batches have no counter, since they belong to
// Go's collector; a store of state that is left open holds files or goroutines when it has
// spilled, and is counted when it has not.
//
// The package imports nothing of mink, so that every package's tests can import it. Begin with Main.
package leak

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// Count is something that a package counts and that is 0 when all of it was let go.
type Count struct {
	What string // "open stores of state"
	Now  func() int64
}

// grace is how long what is ending has to end. Only who leaks waits for all of it.
var grace = 5 * time.Second

// Main runs the tests of a package and ends the process, with 1 where they passed and left
// something.
func Main(m *testing.M, counts ...Count) {
	os.Exit(run(m, counts))
}

func run(m *testing.M, counts []Count) int {
	b, err := begin(counts)
	if err != nil {
		fmt.Fprintln(os.Stderr, "leak:", err)
		return 1
	}
	code := m.Run()
	defer b.close()
	if f := flag.Lookup("test.fuzz"); code != 0 || f != nil && f.Value.String() != "" {
		return code // fuzzing has processes and files of its own
	}
	left := b.left(grace)
	if len(left) == 0 {
		return 0
	}
	fmt.Fprintf(os.Stderr, "the tests passed and left something behind (testkit/leak):\n%s", strings.Join(left, ""))
	return 1
}

// before is what was there before the tests.
type before struct {
	goroutines map[string]bool
	system     system
	temp       string // the folder of this process
	outer      string // and the one it stands in for
	counts     []Count
}

func begin(counts []Count) (*before, error) {
	b := &before{counts: counts, outer: os.Getenv("TMPDIR")}
	var err error
	// A short name: the paths of sockets may not be long.
	if b.temp, err = os.MkdirTemp("", "t"); err != nil {
		return nil, err
	}
	// Servers that tests start as another user pass through it to folders of their own.
	if err := errors.Join(os.Chmod(b.temp, 0o711), os.Setenv("TMPDIR", b.temp)); err != nil {
		return nil, err
	}
	b.goroutines = map[string]bool{}
	for _, g := range goroutines() {
		b.goroutines[g.id] = true
	}
	return b, b.system.begin()
}

func (b *before) close() {
	b.system.close()
	os.Setenv("TMPDIR", b.outer)
	os.RemoveAll(b.temp)
}

// left says what is there that was not, a paragraph for each kind of thing, once it has been
// the same for so long.
func (b *before) left(patience time.Duration) []string {
	http.DefaultClient.CloseIdleConnections() // it is the process's, and keeps them by intent
	end := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		left := b.now()
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
		time.Sleep(pause)
	}
}

func (b *before) now() []string {
	out := b.goroutinesLeft()
	out = append(out, b.system.left()...)
	files, err := os.ReadDir(b.temp)
	if err != nil {
		out = append(out, fmt.Sprintf("the temporary folder: %v\n", err))
	}
	if len(files) > 0 {
		names := make([]string, len(files))
		for i, f := range files {
			names[i] = f.Name()
		}
		out = append(out, list(len(files), "file", "in the temporary folder", names))
	}
	for _, c := range b.counts {
		if n := c.Now(); n != 0 {
			out = append(out, fmt.Sprintf("%d %s\n", n, c.What))
		}
	}
	return out
}

// list is a paragraph about n things, whose lines are told with how often each comes.
func list(n int, what, where string, lines []string) string {
	var text strings.Builder
	switch {
	case n > 1 && strings.HasSuffix(what, "s"):
		what += "es"
	case n > 1:
		what += "s"
	}
	fmt.Fprintf(&text, "%d %s %s:\n", n, what, where)
	for _, l := range counted(lines) {
		fmt.Fprintf(&text, "    %s\n", l)
	}
	return text.String()
}

// counted has each line once, in order of their first, with how often it comes.
func counted(lines []string) []string {
	times := map[string]int{}
	var out []string
	for _, l := range lines {
		if times[l]++; times[l] == 1 {
			out = append(out, l)
		}
	}
	for i, l := range out {
		if times[l] > 1 {
			out[i] = fmt.Sprintf("%s (%d times)", l, times[l])
		}
	}
	return out
}
