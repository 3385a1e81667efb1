package flow

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/types"
)

// endings notes who was closed, and lets one part's Close go wrong.
type endings struct {
	mu     sync.Mutex
	closed []string
	bad    string
	panics bool
}

func (e *endings) end(part string) error {
	e.mu.Lock()
	e.closed = append(e.closed, part)
	e.mu.Unlock()
	switch {
	case part != e.bad:
		return nil
	case e.panics:
		panic(part + " fell over")
	}
	return errors.New(part + " does not close")
}

// kept counts rows by key in keyed state and passes them on.
type kept struct {
	stamped
	e    *endings
	part string
}

func (o *kept) Open(c *exec.Ctx) error {
	o.t = c.Store.Table(o.part, state.TableSpec{Key: []types.Type{types.BigIntT}, Lanes: 1})
	return nil
}

func (o *kept) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	for _, r := range o.lookup(c, b) {
		o.t.Touch(r)[0]++
	}
	return c.Emit(b)
}

func (o *kept) Close() error { return o.e.end(o.part) }

type endingSource struct {
	numbers
	e *endings
}

func (s *endingSource) Open(at connect.Split, c connect.ReaderCtx) (connect.Reader, error) {
	r, err := s.numbers.Open(at, c)
	return endingReader{r, s.e, "reader " + at.ID}, err
}

type endingReader struct {
	connect.Reader
	e    *endings
	part string
}

func (r endingReader) Close() error { return r.e.end(r.part) }

type endingSink struct {
	collector
	e *endings
}

func (s *endingSink) Open(c connect.WriterCtx) (connect.Writer, error) {
	w, err := s.collector.Open(c)
	return endingWriter{w, s.e}, err
}

type endingWriter struct {
	connect.Writer
	e *endings
}

func (w endingWriter) Close() error { return w.e.end("writer") }

// Whatever a part of a task does when it is closed, the others are closed too, the store with
// what it has spilled among them, and the log is told of a panic.
func TestCloseClosesAll(t *testing.T) {
	parts := []string{"reader 0", "reader 1", "first", "second", "writer"}
	for _, bad := range parts {
		for _, panics := range []bool{false, true} {
			name := bad + " fails"
			if panics {
				name = bad + " panics"
			}
			t.Run(name, func(t *testing.T) { closeAll(t, parts, bad, panics) })
		}
	}
}

func closeAll(t *testing.T, parts []string, bad string, panics bool) {
	e := &endings{bad: bad, panics: panics}
	src := &endingSource{numbers{total: 30_000, keys: 20_000, splits: 2, unbounded: true}, e}
	op := func(part string) func() exec.Operator {
		return func() exec.Operator { return &kept{e: e, part: part} }
	}
	g := &Graph{
		Vertices: []*Vertex{{ID: 0, UID: "all", Name: "All", Parallelism: 1,
			Source: &SourceSpec{Source: src, Schema: numberSchema, Name: "numbers", Outs: []Out{ToNode(0, 0)}},
			Nodes: []Node{
				{Op: op("first"), Name: "First", UID: "first", Outs: []Out{ToNode(1, 0)}},
				{Op: op("second"), Name: "Second", UID: "second", Outs: []Out{ToNode(2, 0)}},
				{Sink: &endingSink{e: e}, Name: "Sink", UID: "collect"},
			}}},
	}
	before := state.Stores()
	spill := t.TempDir()
	var mu sync.Mutex
	var told []error
	cl := NewCluster(env.OS("/"), ClusterOptions{Tasks: func(n TaskNote) {
		mu.Lock()
		defer mu.Unlock()
		if n.Err != nil {
			told = append(told, n.Err)
		}
	}})
	defer cl.Close()
	j, err := cl.Submit(g, Config{Seed: 1, StateMemory: 64 << 10, SpillDir: spill})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); filesBelow(t, spill) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) || j.Err() != nil {
			t.Fatalf("no state is spilled: %+v", j.Status())
		}
	}
	j.Cancel()
	_ = j.Wait(testCtx(t))
	for _, part := range parts {
		if !strings.Contains(strings.Join(e.closed, ", "), part) {
			t.Errorf("%s was not closed, only %v", part, e.closed)
		}
	}
	if n := state.Stores(); n != before {
		t.Errorf("%d stores of state are open, %d before", n, before)
	}
	if n := filesBelow(t, spill); n > 0 {
		t.Errorf("%d files of spilled state are left", n)
	}
	mu.Lock()
	defer mu.Unlock()
	switch text := errors.Join(told...); {
	case panics && (len(told) != 1 || !strings.Contains(text.Error(), "task All broke off when it was closed: "+bad+" fell over")):
		t.Errorf("the log was told %v", text)
	case !panics && text != nil:
		t.Errorf("the log was told %v", text)
	}
}

func filesBelow(t *testing.T, dir string) (n int) {
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
