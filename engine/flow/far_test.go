package flow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// yard is a cluster whose nodes are stations in this process: messages go by hand,
// rows over sockets.
type yard struct {
	t        testing.TB
	env      *env.Env
	build    func([]byte) (*Graph, error)
	built    atomic.Int64 // graphs that are not released
	mu       sync.Mutex
	end      FarEnd
	nodes    []*yardNode
	number   int64
	messages atomic.Int64
	log      func(text string)
	pass     func(n *yardNode, up bool, m []byte) // sees each message before it arrives
	roomy    bool                                 // more nodes are known than are there
}

type yardNode struct {
	FarNode
	st   *Station
	rows *yardRows
	in   chan []byte
	gone chan struct{}
	dead atomic.Bool
	wait sync.WaitGroup
}

// yardRows are Unix sockets.
type yardRows struct {
	l       net.Listener
	address string
	mu      sync.Mutex
	conns   []net.Conn
}

type yardConn struct{ net.Conn }

func (c yardConn) WriteAll(p [][]byte) error {
	b := net.Buffers(slices.Clone(p))
	_, err := b.WriteTo(c.Conn)
	return err
}

func (r *yardRows) Address() string { return r.address }
func (r *yardRows) Dial(address string) (RowConn, error) {
	c, err := net.Dial("unix", address)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.conns = append(r.conns, c)
	r.mu.Unlock()
	return yardConn{c}, nil
}

// cut breaks the connections that the node has opened.
func (r *yardRows) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.Close()
	}
}

func newYard(t testing.TB, nodes, slots int, build func([]byte) (*Graph, error)) *yard {
	y := &yard{t: t, env: env.OS(t.TempDir()), build: build, roomy: true}
	for range nodes {
		y.add(slots)
	}
	t.Cleanup(func() {
		for _, n := range y.nodes {
			y.stop(n)
		}
	})
	return y
}

func (y *yard) add(slots int) *yardNode {
	y.number++
	path := filepath.Join(y.t.TempDir(), "rows")
	l, err := net.Listen("unix", path)
	if err != nil {
		y.t.Fatal(err)
	}
	n := &yardNode{
		FarNode: FarNode{NodeID: NodeID{Name: "node-" + strconv.FormatInt(y.number, 10), Number: y.number}, Slots: slots, Address: path},
		rows:    &yardRows{l: l, address: path}, in: make(chan []byte, 1024), gone: make(chan struct{}),
	}
	n.st = NewStation(y.env, StationOptions{Node: n.Name, Workers: 1, Rows: n.rows, Build: func(parcel []byte) (*Graph, func(), error) {
		g, err := y.build(parcel)
		y.built.Add(1)
		return g, func() { y.built.Add(-1) }, err
	}})
	out := make(chan []byte, 1024)
	n.st.Attach(1<<62, func(m []byte) {
		y.messages.Add(1)
		select {
		case out <- slices.Clone(m):
		case <-n.gone:
		}
	})
	n.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n.st.Accept(yardConn{c})
		}
	})
	n.wait.Go(func() {
		for {
			select {
			case m := <-n.in:
				if y.pass != nil {
					y.pass(n, false, m)
				}
				n.st.Got(m)
			case <-n.gone:
				return
			}
		}
	})
	n.wait.Go(func() {
		for {
			select {
			case m := <-out:
				if y.pass != nil {
					y.pass(n, true, m)
				}
				y.end.Got(n.NodeID, m)
			case <-n.gone:
				return
			}
		}
	})
	y.mu.Lock()
	defer y.mu.Unlock()
	y.nodes = append(y.nodes, n)
	return n
}

// stop ends a node as a process that is killed.
func (y *yard) stop(n *yardNode) {
	if !n.dead.CompareAndSwap(false, true) {
		return
	}
	close(n.gone)
	n.st.Close()
	n.rows.l.Close()
	n.wait.Wait()
	if y.end != nil {
		y.end.Lost(n.NodeID, diag.New(diag.JobFailed, "node %s was lost", n.Name))
	}
}

func (y *yard) Join(end FarEnd) { y.end = end }
func (y *yard) Slots() (n int) {
	if y.roomy {
		return 99
	}
	for _, f := range y.Ready() {
		n += f.Slots
	}
	return n
}
func (y *yard) Scratch() string { return "scratch" }
func (y *yard) Ready() (out []FarNode) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, n := range y.nodes {
		if !n.dead.Load() {
			out = append(out, n.FarNode)
		}
	}
	return out
}
func (y *yard) Send(to NodeID, m []byte) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, n := range y.nodes {
		if n.NodeID == to {
			select {
			case n.in <- m:
			case <-n.gone:
			}
		}
	}
}

func (y *yard) try(g *Graph, cfg Config) (*Job, error) {
	cl := NewCluster(y.env, ClusterOptions{Far: y, Log: y.log})
	y.t.Cleanup(cl.Close)
	cfg.Parcel = []byte("a graph")
	return cl.Submit(g, cfg)
}

func (y *yard) submit(g *Graph, cfg Config) *Job {
	j, err := y.try(g, cfg)
	if err != nil {
		y.t.Fatal(err)
	}
	return j
}

func ended(t testing.TB, j *Job) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := j.Wait(ctx); err != nil {
		t.Fatalf("%v; %+v", err, j.Status())
	}
}

// TestFarJob: tasks in several processes give what they give in one, whatever the sizes
// of batches and the number of credits, and no deployment is left behind.
func TestFarJob(t *testing.T) {
	for _, c := range []struct{ nodes, rows, credits int }{{1, 0, 0}, {2, 1, 1}, {3, 7, 2}, {3, 0, 0}} {
		sink := &collector{twoPhase: true}
		g := countGraph(&numbers{total: 3000, keys: 13}, sink, 3, 2)
		y := newYard(t, c.nodes, 3, func([]byte) (*Graph, error) {
			return countGraph(&numbers{total: 3000, keys: 13, splits: 3}, sink, 3, 2), nil
		})
		j := y.submit(g, Config{BatchRows: c.rows, Credits: c.credits, CheckpointInterval: 5 * time.Millisecond})
		ended(t, j)
		if got, want := sink.sorted(), wantCounts(3000, 13); !slices.Equal(got, want) {
			t.Errorf("%+v: %d rows instead of %d", c, len(got), len(want))
		}
		st := j.Status()
		on := map[string]bool{}
		rows := int64(0)
		for _, s := range st.Tasks {
			on[s.Node] = true
			if s.Vertex == 0 {
				rows += s.RowsIn
			}
		}
		if len(on) != c.nodes || rows != 3000 {
			t.Errorf("%+v: status tells of nodes %v and %d rows", c, on, rows)
		}
		for _, n := range y.nodes {
			n.st.wait.Wait()
		}
		if n := y.built.Load(); n != 0 {
			t.Errorf("%d graphs were not released", n)
		}
		for _, n := range y.nodes {
			if len(n.st.sites)+len(n.st.hub.atts) > 0 {
				t.Errorf("%s keeps %d sites", n.Name, len(n.st.sites))
			}
		}
		// They are removed beside.
		left, _ := y.env.Disk.List("scratch")
		for end := time.Now().Add(5 * time.Second); len(left) > 0 && time.Now().Before(end); left, _ = y.env.Disk.List("scratch") {
			time.Sleep(5 * time.Millisecond)
		}
		if len(left) > 0 {
			t.Errorf("checkpoints were left: %v", left)
		}
	}
}

// TestFarLost: a node that is lost, or a connection that breaks, costs an attempt and no
// row.
func TestFarLost(t *testing.T) {
	for _, what := range []string{"node", "connection"} {
		t.Run(what, func(t *testing.T) {
			sink := &collector{twoPhase: true}
			lost := make(chan struct{})
			source := func() *numbers {
				return &numbers{total: 40_000, keys: 13, splits: 2, fail: func(n int64) error {
					wait := 50 * time.Microsecond
					if n > 20_000 {
						wait = 20 * time.Millisecond // the other half comes when something was lost
					}
					select {
					case <-lost:
					case <-time.After(wait):
					}
					return nil
				}}
			}
			build := func([]byte) (*Graph, error) { return keyedGraph(source(), sink), nil }
			y := newYard(t, 3, 1, build)
			g, _ := build(nil)
			j := y.submit(g, Config{BatchRows: 16, CheckpointInterval: 5 * time.Millisecond, Restart: Restart{Delay: time.Millisecond}})
			checkpoints(t, j, 2)
			if what == "node" {
				y.stop(y.nodes[1])
			} else {
				y.nodes[0].rows.cut()
				y.nodes[1].rows.cut()
			}
			close(lost)
			ended(t, j)
			st := j.Status()
			if st.Restarts == 0 || st.Checkpoints.Restored == 0 {
				t.Errorf("%d restarts, restored from %d", st.Restarts, st.Checkpoints.Restored)
			}
			seen := map[string]int{}
			for _, r := range sink.sorted() {
				seen[r]++
			}
			for i := range 40_000 {
				if row := fmt.Sprintf("+I %d %d", i%13, i); seen[row] != 1 {
					t.Fatalf("%d times: %s", seen[row], row)
				}
			}
		})
	}
}

// TestFarLostAtTheEnd: a process that goes once its tasks are closed costs nothing, though the
// others, which are about to close theirs, see their connections to it break.
func TestFarLostAtTheEnd(t *testing.T) {
	sink := &collector{twoPhase: true}
	build := func([]byte) (*Graph, error) { return keyedGraph(&numbers{total: 400, keys: 13, splits: 2}, sink), nil }
	y := newYard(t, 3, 1, build)
	first, broken := make(chan struct{}), make(chan struct{})
	var once, twice sync.Once
	y.pass = func(n *yardNode, up bool, m []byte) {
		d := decoder{b: m}
		switch kind := d.u64(); {
		case up && kind == farStopped && n == y.nodes[0]:
			once.Do(func() { close(first) })
		case up && kind == farUp && n != y.nodes[0]:
			d.i64()
			if x, err := d.farDecode(); err == nil && x.kind == mailFailed {
				twice.Do(func() { close(broken) })
			}
		case !up && kind == farStop && n != y.nodes[0]:
			<-first
			for _, n := range y.nodes {
				n.rows.cut()
			}
			select {
			case <-broken:
			case <-time.After(10 * time.Second):
				t.Error("nobody saw that the connection broke")
			}
		}
	}
	g, _ := build(nil)
	j := y.submit(g, Config{BatchRows: 16, CheckpointInterval: 5 * time.Millisecond, Restart: Restart{Delay: time.Millisecond}})
	ended(t, j)
	if st := j.Status(); st.Restarts != 0 || len(sink.sorted()) != 400 {
		t.Errorf("%d restarts, %d rows", st.Restarts, len(sink.sorted()))
	}
}

// TestLostWhileItIsClosed: a process that goes while the tasks of a job that is done are being
// closed costs nothing, also where no restart is allowed.
func TestLostWhileItIsClosed(t *testing.T) {
	sink := &collector{twoPhase: true}
	build := func([]byte) (*Graph, error) { return keyedGraph(&numbers{total: 400, keys: 13, splits: 2}, sink), nil }
	y := newYard(t, 3, 1, build)
	var once sync.Once
	y.pass = func(n *yardNode, up bool, m []byte) {
		if d := (decoder{b: m}); !up && d.u64() == farStop {
			once.Do(func() { y.end.Lost(n.NodeID, diag.New(diag.JobFailed, "node %s was lost", n.Name)) })
		}
	}
	g, _ := build(nil)
	j := y.submit(g, Config{BatchRows: 16, CheckpointInterval: 5 * time.Millisecond, Restart: Restart{Kind: RestartNever}})
	ended(t, j)
	if st := j.Status(); st.Restarts != 0 || len(sink.sorted()) != 400 {
		t.Errorf("%d restarts, %d rows", st.Restarts, len(sink.sorted()))
	}
}

// TestSlowStepKeepsNobody: while a task takes a long step and its status waits for that, the
// coordinator's messages are taken, and with them the signs of life that make the lease.
func TestSlowStepKeepsNobody(t *testing.T) {
	sink := &collector{twoPhase: true}
	in, hold := make(chan struct{}), make(chan struct{})
	var once sync.Once
	build := func([]byte) (*Graph, error) {
		return keyedGraph(&numbers{total: 400, keys: 13, splits: 2, fail: func(int64) error {
			once.Do(func() { close(in) })
			<-hold
			return nil
		}}, sink), nil
	}
	y := newYard(t, 1, 2, build)
	g, _ := build(nil)
	j := y.submit(g, Config{BatchRows: 16, Restart: Restart{Delay: time.Millisecond}})
	<-in
	st := y.nodes[0].st
	st.mu.Lock()
	k := st.list()[0]
	st.mu.Unlock()
	said, at := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(said)
		close(at)
		k.report(farStatus) // waits for the step
	}()
	<-at
	// It has begun when nobody gets the lock of telling.
	for end := time.Now().Add(10 * time.Second); k.telling.TryLock() && time.Now().Before(end); time.Sleep(time.Millisecond) {
		k.telling.Unlock()
	}
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		k.hold(false, 1)
	}()
	select {
	case <-taken:
	case <-time.After(5 * time.Second):
		t.Error("a message waits for the step")
	}
	close(hold)
	<-said
	ended(t, j)
}

// TestFarSlotsOnce: two jobs that look for slots at the same time do not get the same ones.
func TestFarSlotsOnce(t *testing.T) {
	build := func([]byte) (*Graph, error) {
		return keyedGraph(&numbers{total: 400, keys: 13, splits: 2}, &drain{}), nil
	}
	y := newYard(t, 2, 1, build) // two slots, which is one job
	cl := NewCluster(y.env, ClusterOptions{Far: y})
	defer cl.Close()
	host := func() *farHost {
		g, _ := build(nil)
		h := &threaded{cl: cl}
		f := &farHost{threaded: h, far: y}
		j, err := newJob(y.env, f, g, Config{Parcel: []byte("a graph")}, PlantNone)
		if err != nil {
			t.Fatal(err)
		}
		h.c = j.c
		cl.mu.Lock()
		cl.hosts = append(cl.hosts, h)
		cl.mu.Unlock()
		return f
	}
	a, b := host(), host()
	first, second := a.place(2), b.place(2) // neither has made its tasks
	if len(first) != 2 || second != nil {
		t.Errorf("of two slots one job has %v, the other %v", first, second)
	}
	a.c.finish(Cancelled)
	if got := b.place(2); len(got) != 2 {
		t.Errorf("the other one has %v when the first has ended", got)
	}
	b.c.finish(Cancelled)
}

// keyedGraph deals rows by key from two sources to two sinks.
func keyedGraph(src connect.Source, sink connect.Sink) *Graph {
	return &Graph{
		Vertices: []*Vertex{
			{ID: 0, UID: "src", Name: "Source", Parallelism: 2, Source: &SourceSpec{Source: src, Schema: numberSchema, Name: "numbers", Outs: []Out{ToEdge(0)}}},
			{ID: 1, UID: "sink", Name: "Sink", Parallelism: 2, Nodes: []Node{{Sink: sink, Name: "Sink", UID: "collect"}}},
		},
		Edges: []Edge{{From: 0, To: 1, Kind: Hash, Keys: []int{0}}},
	}
}

// TestFarOtherPlan: a node that makes another graph than the coordinator says so.
func TestFarOtherPlan(t *testing.T) {
	sink := &collector{}
	y := newYard(t, 2, 1, func([]byte) (*Graph, error) {
		g := keyedGraph(&numbers{total: 10, keys: 2}, sink)
		g.Edges[0].Keys = []int{1}
		return g, nil
	})
	j := y.submit(keyedGraph(&numbers{total: 10, keys: 2}, sink), Config{})
	err := j.Wait(context.Background())
	if diag.CodeOf(err) != diag.Internal || sink.len() > 0 {
		t.Errorf("the job ended with %v and %d rows", err, sink.len())
	}
}

// TestFarErrors: an error keeps its code, places and hint on its way, and what it is.
func TestFarErrors(t *testing.T) {
	notes := diag.At(diag.Span{Start: 3, End: 9}, diag.DivisionByZero, "a text").WithHint("do %s", "that").WithNote(diag.Span{Start: 1, End: 2}, "a note")
	notes.In, notes.Final = "SELECT 1", true
	for _, err := range []error{
		notes, diag.New(diag.Checkpoint, "none"), diag.Wrap(diag.IO, &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOSPC}, "writing"),
		diag.Wrap(diag.Checkpoint, errGone, "no checkpoint"), errors.New("plain"), fs.ErrPermission, diag.Wrap(diag.IO, fs.ErrNotExist, "no input"), nil,
	} {
		var e encoder
		e.err(err)
		d := decoder{b: e.b}
		back := d.err()
		if d.bad || len(d.b) > 0 || (err == nil) != (back == nil) {
			t.Fatalf("%v became %v", err, back)
		}
		if err == nil {
			continue
		}
		if back.Error() != err.Error() || diag.CodeOf(back) != diag.CodeOf(err) {
			t.Errorf("%v became %v", err, back)
		}
		for _, in := range []phase{planning, booting, opening, runningNow} {
			if hopeless(back, in) != hopeless(err, in) {
				t.Errorf("%v: hopeless is %v there", err, hopeless(back, in))
			}
		}
		if a, b := diag.As(err), diag.As(back); a != nil && (a.Span != b.Span || a.Hint != b.Hint || a.In != b.In || a.Final != b.Final || !reflect.DeepEqual(a.Notes, b.Notes) || (a.Cause == nil) != (b.Cause == nil)) {
			t.Errorf("%+v became %+v", a, b)
		}
	}
}

// TestFarMail: what tasks and the coordinator say to each other survives the way.
func TestFarMail(t *testing.T) {
	for _, m := range []mail{
		{kind: mailTrigger, attempt: 3, n: 7, base: 5, flags: ckptFinal | ckptStop},
		{kind: mailComplete, attempt: 3, n: 7},
		{kind: mailAlign, attempt: 3, ts: -12},
		{kind: mailSplits, attempt: 2, payload: &newSplits{last: true, list: []connect.Split{{ID: "a", Pos: []byte{1}}, {ID: "b", Pos: []byte{2}}}}},
		{kind: mailDrained, attempt: 9, task: 4},
		{kind: mailAck, attempt: 9, n: 2, payload: &ack{
			task: 4, n: 2, inline: []byte("inline"), writers: []writerState{{"w", []byte("state")}},
			commits: []committable{{"w", 1, 9, 2, []byte("data")}}, file: fileRef{"state/x", 9, 8, 7, 6, 5}, base: 1, peek: true, align: 10, sync: 11, async: 12,
		}},
	} {
		var e encoder
		e.farEncode(&m)
		d := decoder{b: e.b}
		back, err := d.farDecode()
		if err != nil || !reflect.DeepEqual(back, m) {
			t.Errorf("%+v became %+v, %v", m, back, err)
		}
		for cut := range e.b {
			d := decoder{b: e.b[:cut]}
			if got, err := d.farDecode(); err == nil && !reflect.DeepEqual(got, m) {
				t.Fatalf("cut at %d it reads as %+v", cut, got)
			}
		}
	}
}

// blast is a source whose second subtask gives the same bids again and again.
type blast struct {
	numbers
	left *atomic.Int64
	bids *batch.Batch
}

func (s *blast) Open(at connect.Split, c connect.ReaderCtx) (connect.Reader, error) {
	return &blastReader{s: s, idle: at.ID == "0"}, nil
}

type blastReader struct {
	numberReader
	s    *blast
	idle bool
}

func (r *blastReader) Poll(dst *batch.Batch, _ int) (connect.Status, error) {
	if r.idle || r.s.left.Add(-1) < 0 {
		return connect.End, nil
	}
	*dst = *r.s.bids
	return connect.More, nil
}
func (r *blastReader) Position() connect.Split { return connect.Split{ID: "1"} }

// BenchmarkFarExchange sends batches of bids from one process's worker to another's over
// a Unix socket. At least 1 GB/s.
func BenchmarkFarExchange(b *testing.B) {
	in := bids(batch.MaxRows)
	var w batch.WireWriter
	w.Write(in)
	src := &blast{numbers: numbers{splits: 2}, left: &atomic.Int64{}, bids: in}
	src.left.Store(int64(b.N))
	sink := &drain{}
	build := func([]byte) (*Graph, error) {
		g := keyedGraph(src, sink)
		g.Edges[0] = Edge{From: 0, To: 1, Kind: Single}
		g.Vertices[1].Parallelism = 1
		return g, nil
	}
	y := newYard(b, 2, 1, build)
	g, _ := build(nil)
	b.SetBytes(int64(w.Bytes))
	b.ReportAllocs()
	b.ResetTimer()
	ended(b, y.submit(g, Config{}))
	b.StopTimer()
	if n := sink.rows.Load(); n != int64(b.N*batch.MaxRows) {
		b.Fatalf("%d rows", n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.MaxRows), "ns/row")
}

// drain is a sink that counts.
type drain struct {
	collector
	rows atomic.Int64
}

func (s *drain) Open(connect.WriterCtx) (connect.Writer, error) { return &drainWriter{s: s}, nil }

type drainWriter struct {
	collectWriter
	s *drain
}

func (w *drainWriter) Write(b *batch.Batch) error     { w.s.rows.Add(int64(b.Rows())); return nil }
func (w *drainWriter) Watermark(int64) error          { return nil }
func (w *drainWriter) Prepare(string) ([]byte, error) { return nil, nil }

// TestFarHold: a job is held, stands still, and goes on.
func TestFarHold(t *testing.T) {
	sink := &drain{}
	build := func([]byte) (*Graph, error) {
		return keyedGraph(&numbers{total: 1 << 40, keys: 13, splits: 2, fail: func(int64) error { time.Sleep(50 * time.Microsecond); return nil }}, sink), nil
	}
	y := newYard(t, 2, 1, build)
	g, _ := build(nil)
	j := y.submit(g, Config{BatchRows: 16, CheckpointInterval: 20 * time.Millisecond})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for range 3 {
		for seen := sink.rows.Load(); sink.rows.Load() == seen; {
			time.Sleep(time.Millisecond)
		}
		for err := error(errGone); err != nil; time.Sleep(time.Millisecond) {
			if err = j.Hold(ctx); err != nil && ctx.Err() != nil {
				t.Fatal(err)
			}
		}
		read, seen := int64(0), sink.rows.Load()
		for _, s := range j.Status().Tasks {
			if s.Vertex == 0 {
				read += s.RowsIn
			}
		}
		time.Sleep(30 * time.Millisecond)
		if now := sink.rows.Load(); now != seen || !j.Status().Held || read != seen {
			t.Errorf("held with %d rows, then %d; held %v; %d were read", seen, now, j.Status().Held, read)
		}
		if err := j.Resume(ctx); err != nil {
			t.Fatal(err)
		}
	}
	j.Cancel()
	<-j.Done()
}

// TestFarHoldLate: that tasks stood still for a hold that was given up does not count for the next,
// and who wants it held as well waits until they do.
func TestFarHoldLate(t *testing.T) {
	sink := &drain{}
	build := func([]byte) (*Graph, error) {
		return keyedGraph(&numbers{total: 1 << 40, keys: 13, splits: 2, fail: func(int64) error { time.Sleep(50 * time.Microsecond); return nil }}, sink), nil
	}
	y := newYard(t, 2, 1, build)
	holds := make(chan func(), 4) // what nodes do to hold their tasks, and tell
	run := y.env.Go
	y.env.Go = func(name string, f func()) {
		if strings.HasPrefix(name, "hold ") {
			holds <- f
			return
		}
		run(name, f)
	}
	g, _ := build(nil)
	j := y.submit(g, Config{BatchRows: 16})
	for j.State() != Running {
		time.Sleep(time.Millisecond)
	}
	held := make(chan error, 2)
	hold := func() (both [2]func()) {
		j.ask(&command{kind: cmdHold, reply: func(_ string, err error) { held <- err }})
		for i := range both {
			select {
			case both[i] = <-holds:
			case err := <-held:
				t.Fatalf("%v", err)
			case <-time.After(20 * time.Second):
				t.Fatal("the nodes do not hold their tasks")
			}
		}
		return both
	}
	first := hold()
	if err := j.Resume(testCtx(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-held; diag.CodeOf(err) != diag.Cancelled {
		t.Errorf("%v", err)
	}
	second := hold()
	j.ask(&command{kind: cmdHold, reply: func(_ string, err error) { held <- err }}) // another wants it too
	for _, f := range first {
		f()
	}
	select {
	case err := <-held:
		t.Errorf("it stands still before the nodes say so: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	for _, f := range second {
		f()
	}
	for range 2 {
		select {
		case err := <-held:
			if err != nil || !j.Status().Held {
				t.Errorf("held %v, %v", j.Status().Held, err)
			}
		case <-time.After(20 * time.Second):
			t.Error("it does not stand still")
		}
	}
	j.Cancel()
	<-j.Done()
}

// TestFarUnread: a job of which a node cannot read what it is to run starts again.
func TestFarUnread(t *testing.T) {
	sink := &collector{twoPhase: true}
	build := func([]byte) (*Graph, error) { return keyedGraph(&numbers{total: 100, keys: 7, splits: 1}, sink), nil }
	y := newYard(t, 1, 2, build)
	spoilt := false
	y.pass = func(_ *yardNode, up bool, m []byte) {
		if d := (decoder{b: m}); !up && !spoilt && d.u64() == farDeploy {
			spoilt = true
			d.i64()
			for i := range d.b {
				d.b[i] = 0xff
			}
		}
	}
	g, _ := build(nil)
	j := y.submit(g, Config{Restart: Restart{Kind: RestartFixed, Attempts: 1, Delay: time.Millisecond}})
	ended(t, j)
	st := j.Status()
	if len(st.Failures) != 1 || !strings.Contains(st.Failures[0].Err.Error(), "node node-1 cannot read what it is to run") || sink.len() != 100 {
		t.Errorf("%+v, %d rows", st.Failures, sink.len())
	}
}

// TestFarWaits: a job that needs more slots than are free waits, which is said once, and
// runs when another node is there. One that goes on waits for nodes that have not come back
// too; a new one is refused for them.
func TestFarWaits(t *testing.T) {
	for _, c := range []struct{ roomy, goesOn bool }{{roomy: true}, {goesOn: true}, {}} {
		sink := &collector{twoPhase: true}
		build := func([]byte) (*Graph, error) { return keyedGraph(&numbers{total: 100, keys: 7, splits: 2}, sink), nil }
		y := newYard(t, 1, 1, build)
		y.roomy = c.roomy
		said := make(chan string, 10)
		y.log = func(text string) { said <- text }
		g, _ := build(nil)
		j, err := y.try(g, Config{GoesOn: c.goesOn})
		if !c.roomy && !c.goesOn {
			if diag.CodeOf(err) != diag.Config || !strings.Contains(err.Error(), "needs 2 slots and the nodes have 1") {
				t.Errorf("a new job for two slots where there is one: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if text := <-said; !strings.Contains(text, "needs 2 slots") || !strings.Contains(text, "1 free") {
			t.Errorf("it says %q", text)
		}
		time.Sleep(250 * time.Millisecond) // it looks every 100 ms
		if len(said) > 0 || j.State().Ended() {
			t.Errorf("said again %d times, %s", len(said), j.State())
		}
		y.add(1)
		ended(t, j)
		if sink.len() != 100 {
			t.Errorf("%d rows", sink.len())
		}
	}
}
