package flow

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
)

// diary notes the calls it gets.
type diary struct {
	exec.Stateless
	lines *[]string
}

func (d diary) note(format string, args ...any) {
	*d.lines = append(*d.lines, fmt.Sprintf(format, args...))
}

func (d diary) Process(*exec.Ctx, int, *batch.Batch) error { d.note("rows"); return nil }
func (d diary) Timer(_ *exec.Ctx, at int64) error          { d.note("timer %d", at); return nil }
func (d diary) Finish(*exec.Ctx) error                     { d.note("finish"); return nil }
func (d diary) Watermark(_ *exec.Ctx, ts int64) error {
	if ts == batch.MaxWatermark {
		d.note("watermark end")
	} else {
		d.note("watermark %d", ts)
	}
	return nil
}

func diaryTask(t *testing.T, senders int) (*attempt, *task, *[]string) {
	lines := &[]string{}
	g := edge(Single, senders, 1)
	g.Vertices[1].Nodes[0].Op = func() exec.Operator { return diary{lines: lines} }
	a := still(t, g, Config{})
	return a, a.tasks[senders], lines
}

func expectLines(t *testing.T, lines *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*lines, want) {
		t.Fatalf("got  %q\nwant %q", *lines, want)
	}
	*lines = nil
}

// Timers fire once each, in order of time, and not before they are due; they are in
// the snapshot and come back.
func TestTimers(t *testing.T) {
	_, x, lines := diaryTask(t, 1)
	n := x.nodes[0]
	for _, at := range []int64{30, 10, 20, 10, 40} {
		n.SetTimer(at)
	}
	x.nowSet, x.nowMS = true, 30
	if err := x.onTimer(); err != nil {
		t.Fatal(err)
	}
	expectLines(t, lines, "timer 10", "timer 20", "timer 30")
	n.SetTimer(35)
	s, err := decodeInline(x.encodeInline())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.nodes) != 1 || !slices.Equal(s.nodes[0].timers, []int64{35, 40}) {
		t.Fatalf("the snapshot has %+v", s.nodes)
	}
	_, y, lines := diaryTask(t, 1)
	y.nodes[0].timers = []int64{38}
	y.restoreNode(s.nodes[0], true) // of another subtask: both are kept
	y.nowSet, y.nowMS = true, 50
	if err := y.onTimer(); err != nil {
		t.Fatal(err)
	}
	expectLines(t, lines, "timer 35", "timer 38", "timer 40")
}

// The end of one input is not the end: the last watermark, Finish and the end come
// once, in this order, when all have ended, and barriers may still follow.
func TestEndOfInput(t *testing.T) {
	a, x, lines := diaryTask(t, 2)
	send := func(i int, e elem) {
		t.Helper()
		a.tasks[i].outs[0].control(e)
		for x.ins[i].count.Load() > 0 {
			if err := x.run(pickInput + pick(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.tasks[0].outs[0].watermark(7)
	send(0, elem{kind: elemActive})
	a.tasks[1].outs[0].watermark(5)
	send(1, elem{kind: elemActive})
	expectLines(t, lines, "watermark 5")
	send(1, elem{kind: elemEnd})
	expectLines(t, lines, "watermark 7")
	if x.ended {
		t.Fatal("it has ended with an input open")
	}
	send(0, elem{kind: elemEnd})
	expectLines(t, lines, "watermark end", "finish")
	if !x.ended {
		t.Fatal("it has not ended")
	}
	send(0, elem{kind: elemBarrier, ts: 3})
	send(1, elem{kind: elemBarrier, ts: 3})
	if x.done != 3 {
		t.Fatalf("the newest checkpoint is %d behind the end", x.done)
	}
}

// A barrier blocks its channel until it has come from all; a newer one gives an older
// one up, an older one is ignored.
func TestAlignment(t *testing.T) {
	a, x, _ := diaryTask(t, 3)
	barrier := func(i int, n int64) {
		t.Helper()
		a.tasks[i].outs[0].control(elem{kind: elemBarrier, ts: n})
		if err := x.run(pickInput + pick(i)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(done int64, blocked ...bool) {
		t.Helper()
		if x.done != done || !slices.Equal(x.blocked, blocked) {
			t.Fatalf("checkpoint %d, blocked %v; want %d, %v", x.done, x.blocked, done, blocked)
		}
	}
	barrier(0, 1)
	check(0, true, false, false)
	a.tasks[0].outs[0].write(pairs(0, 1, 1))
	a.tasks[0].outs[0].flush()
	if at := 2; x.choose(0, &at) != pickNone {
		t.Fatal("a row behind the barrier can be taken")
	}
	barrier(2, 1)
	barrier(1, 2) // 1 will never be
	check(0, false, true, false)
	barrier(2, 1)
	check(0, false, true, false)
	if err := x.run(pickInput); err != nil { // the row
		t.Fatal(err)
	}
	barrier(0, 2)
	barrier(2, 2)
	check(2, false, false, false)
}

// A job that is stopped with a savepoint and goes on with any other parallelism gives
// what it gives undisturbed.
func TestRestoreRescaled(t *testing.T) {
	const total, keys = 20_000, 60
	for _, p := range [][2]int{{1, 3}, {3, 1}, {2, 4}, {4, 3}} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			e := env.OS(t.TempDir())
			cl := NewCluster(e, ClusterOptions{})
			defer cl.Close()
			sink := &collector{twoPhase: true}
			graph := func(unbounded bool, p int) *Graph {
				g := countGraph(&numbers{total: total, keys: keys, splits: 3, unbounded: unbounded}, sink, min(p, 3), p)
				g.Vertices[0].Nodes[0].Op = func() exec.Operator { return pass{} }
				g.Vertices[1].Nodes[0].Op = func() exec.Operator { return &keyedCount{} }
				return g
			}
			j, err := cl.Submit(graph(true, p[0]), Config{JobID: "a", Seed: 1, BatchRows: 100})
			if err != nil {
				t.Fatal(err)
			}
			var path string
			for path == "" { // not running yet, at first
				if path, err = j.Stop(testCtx(t), "sp", false); err != nil && j.State().Ended() {
					t.Fatal(err, j.Err())
				}
			}
			if err := j.Wait(testCtx(t)); err != nil {
				t.Fatal(err)
			}
			j, err = cl.Submit(graph(false, p[1]), Config{JobID: "b", Seed: 1, BatchRows: 100, Restore: path})
			if err != nil {
				t.Fatal(err)
			}
			if err := j.Wait(testCtx(t)); err != nil {
				t.Fatal(err)
			}
			var want []string
			for i := range total {
				want = append(want, fmt.Sprintf("+I %d %d", i%keys, i/keys+1))
			}
			slices.Sort(want)
			if got := sink.sorted(); !slices.Equal(got, want) {
				t.Fatalf("%d rows, want %d, or others", len(got), len(want))
			}
		})
	}
}

// keyedCount counts by key in keyed state.
type keyedCount struct{ stamped }

func (o *keyedCount) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	refs := o.lookup(c, b)
	o.out.Alloc(numberSchema.Types(), b.N)
	for i, r := range refs {
		acc := o.t.Touch(r)
		acc[0]++
		o.out.Cols[0].I64[i], o.out.Cols[1].I64[i] = b.Cols[0].I64[i], int64(acc[0])
	}
	return c.Emit(&o.out)
}

// trickle is an endless source that gives a row a millisecond.
type trickle struct{ numbers }

func (s *trickle) Open(at connect.Split, c connect.ReaderCtx) (connect.Reader, error) {
	return &trickleReader{now: c.Now}, nil
}

type trickleReader struct {
	numberReader
	now func() int64
	at  int64
}

func (r *trickleReader) Poll(*batch.Batch, int) (connect.Status, error) {
	r.at = r.now() + 1
	return connect.Wait, nil
}
func (r *trickleReader) NextAt() int64           { return r.at }
func (r *trickleReader) Position() connect.Split { return connect.Split{ID: "0"} }

// roomyDisk says how much room it has.
type roomyDisk struct {
	env.Disk
	free, total int64
}

func (d *roomyDisk) Room(string) (free, total int64, err error) { return d.free, d.total, nil }

// With less room than is to stay free a checkpoint that is due fails and is not begun: the
// job goes on as it is, and takes checkpoints again when there is room. More than a
// twentieth of the disk is never kept free.
func TestDiskReserve(t *testing.T) {
	s := NewSim(SimOptions{Seed: 3})
	disk := &roomyDisk{s.Disk, 100 << 20, 1 << 40}
	g := countGraph(&trickle{numbers{splits: 1, unbounded: true}}, &collector{}, 1, 1)
	s.Env.Disk = disk
	j, err := s.Submit(g, Config{JobID: "j", Dir: "ckpt", CheckpointInterval: 10 * time.Millisecond, DiskReserve: 1 << 30, TolerableFailures: 2, Restart: Restart{Kind: RestartNever}})
	if err != nil {
		t.Fatal(err)
	}
	without := 0
	err = s.Run(func() error {
		st := j.Status().Checkpoints
		switch {
		case disk.total == 1<<40 && disk.free < 1<<30 && st.Completed > 0:
			return errors.New("a checkpoint was taken without room")
		case without == 0 && st.Failed >= 5:
			without = st.Failed
			if h := st.History[0]; h.State != "FAILED" || !strings.Contains(h.Failure, "has 100 MB left, and 1024 MB are to stay free") {
				return fmt.Errorf("%+v", h)
			}
			disk.free = 2 << 30
		case disk.free == 2<<30 && st.Completed >= 3:
			disk.free, disk.total = 100<<20, 1<<30 // a small disk: 51 MB of it are enough
		case disk.total == 1<<30 && st.Completed >= 6:
			j.Cancel()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if st := j.Status(); without < 5 || st.Checkpoints.Completed < 6 || st.Checkpoints.Failed != without || st.Restarts != 0 {
		t.Errorf("%d without room; %+v, %d restarts", without, st.Checkpoints, st.Restarts)
	}
}

// A full disk of checkpoints does not end a job whose script has no restart strategy: it
// goes on when there is room, also where it could not begin again meanwhile. A job that
// finds the disk full when it is submitted says so.
func TestDiskFullForAWhile(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "ckpt", Err: syscall.ENOSPC}
	run := func(from, to int) (*Job, error) {
		s := NewSim(SimOptions{Seed: 3})
		n := 0
		old := s.Disk.Fault
		s.Disk.Fault = func(op, name string) error {
			if op == "Create" && strings.HasPrefix(strings.TrimPrefix(name, "/"), "ckpt") {
				if n++; n > from && n <= to {
					return full
				}
			}
			return old(op, name)
		}
		j, err := s.Submit(countGraph(&trickle{numbers{splits: 1, unbounded: true}}, &collector{}, 1, 1), Config{JobID: "j", Dir: "ckpt", CheckpointInterval: 10 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return j, s.Run(func() error {
			if n > to && j.Status().Checkpoints.Completed >= 3 {
				j.Cancel()
			}
			return nil
		})
	}
	j, err := run(8, 60)
	if err != nil {
		t.Fatal(err)
	}
	if st := j.Status(); st.State != Cancelled || st.Restarts == 0 || st.Checkpoints.Failed < 4 {
		t.Errorf("%s after %d restarts and %d failed checkpoints: %v", st.State, st.Restarts, st.Checkpoints.Failed, st.Err)
	}
	j, err = run(0, 60)
	if err != nil {
		t.Fatal(err)
	}
	if st := j.Status(); st.State != Failed || st.Restarts != 0 {
		t.Errorf("a disk that was full from the start: %s after %d restarts", st.State, st.Restarts)
	}
}

// Checkpoints that fail are counted; after more in a row than are tolerated the job
// restarts, and goes on once the disk works again.
func TestTolerableFailures(t *testing.T) {
	for _, tolerable := range []int{-1, 2, 5} {
		left := 4 // failures
		fails := max(tolerable, 0)
		s := NewSim(SimOptions{Seed: 3})
		old := s.Disk.Fault
		s.Disk.Fault = func(op, name string) error {
			if left > 0 && op == "Create" && strings.Contains(name, "_metadata") {
				left--
				return errDisk
			}
			return old(op, name)
		}
		g := countGraph(&trickle{numbers{splits: 1, unbounded: true}}, &collector{}, 1, 1)
		j, err := s.Submit(g, Config{JobID: "j", Dir: "ckpt", CheckpointInterval: 10 * time.Millisecond, TolerableFailures: tolerable, Restart: Restart{Kind: RestartFixed, Attempts: 100, Delay: time.Millisecond}})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Run(func() error {
			if j.Status().Checkpoints.Completed >= 2 {
				j.Cancel()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := j.Status().Restarts, 4/(fails+1); got != want || left != 0 {
			t.Errorf("%d tolerable: %d restarts after 4 failures, want %d", tolerable, got, want)
		}
	}
}

// The waits between attempts grow by the factor up to the longest, give or take the
// jitter; fixed ones do not, and end after the attempts allowed.
func TestRestartBackoff(t *testing.T) {
	run := func(r Restart, failures int) (waits []time.Duration, err error) {
		s := NewSim(SimOptions{Seed: 5})
		var times []int64
		var n atomic.Int64
		src := &numbers{total: 10, keys: 2, splits: 1, fail: func(int64) error {
			times = append(times, s.clock)
			if n.Add(1) <= int64(failures) {
				return errors.New("the tap is dry")
			}
			return nil
		}}
		j, err := s.Submit(countGraph(src, &collector{}, 1, 1), Config{JobID: "j", Restart: r})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(nil); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(times); i++ {
			waits = append(waits, time.Duration(times[i]-times[i-1]))
		}
		return waits, j.Err()
	}
	waits, err := run(Restart{Kind: RestartExponential, MaxDelay: time.Second}, 6)
	if err != nil || len(waits) != 6 {
		t.Fatalf("waits %v, error %v", waits, err)
	}
	for i, want := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
		// What is done in between takes a few virtual milliseconds.
		if want *= time.Millisecond; waits[i] < want*9/10 || waits[i] > want*11/10+20*time.Millisecond {
			t.Errorf("wait %d was %s, want %s", i, waits[i], want)
		}
	}
	waits, err = run(Restart{Kind: RestartFixed, Attempts: 3, Delay: 50 * time.Millisecond}, 100)
	if err == nil || len(waits) != 3 {
		t.Fatalf("3 attempts: waits %v, error %v", waits, err)
	}
	for _, w := range waits {
		if w < 50*time.Millisecond || w > 70*time.Millisecond {
			t.Errorf("a fixed wait was %s", w)
		}
	}
	if waits, err = run(Restart{Kind: RestartRate, Attempts: 2, Interval: time.Minute, Delay: time.Millisecond}, 100); err == nil || len(waits) != 2 {
		t.Errorf("2 failures a minute: waits %v, error %v", waits, err)
	}
}

// Timers of several operators of a task fire in order of time, not node by node.
func TestTimersOfNodes(t *testing.T) {
	g := edge(Single, 1, 1)
	var order []string
	g.Vertices[1].Nodes = []Node{
		{Op: func() exec.Operator { return &clockwork{name: "up", order: &order} }, Name: "Up", UID: "b1", Outs: []Out{ToNode(1, 0)}},
		{Op: func() exec.Operator { return &clockwork{name: "down", order: &order} }, Name: "Down", UID: "b2"},
	}
	x := still(t, g, Config{}).tasks[1]
	for _, at := range []int64{10, 30} {
		x.nodes[0].SetTimer(at)
	}
	x.nodes[1].SetTimer(20)
	x.nodes[1].SetTimer(10)
	x.nowSet, x.nowMS = true, 40
	if err := x.onTimer(); err != nil {
		t.Fatal(err)
	}
	expectLines(t, &order, "up 10", "down 10", "down 20", "up 30")
}

type clockwork struct {
	pass
	name  string
	order *[]string
}

func (c *clockwork) Timer(_ *exec.Ctx, at int64) error {
	*c.order = append(*c.order, fmt.Sprint(c.name, " ", at))
	return nil
}

// heldSink commits nothing while it is held.
type heldSink struct {
	*collector
	held atomic.Bool
}

func (s *heldSink) Committer(connect.WriterCtx) (connect.Committer, error) {
	return heldCommitter{collectCommitter{s.collector}, s}, nil
}

type heldCommitter struct {
	collectCommitter
	s *heldSink
}

func (c heldCommitter) Commit(data []byte) error {
	if c.s.held.Load() {
		return errors.New("nothing is committed now")
	}
	return c.collectCommitter.Commit(data)
}

// A job that takes only the positions of another one reads on where that stopped, with
// counts that begin anew; a source of another table begins at its beginning. What the
// other one had prepared and not committed is committed.
func TestRestoreSourcesOnly(t *testing.T) {
	const total, keys = 20_000, 60
	e := env.OS(t.TempDir())
	cl := NewCluster(e, ClusterOptions{})
	defer cl.Close()
	sink := &heldSink{collector: &collector{twoPhase: true}}
	graph := func(table string, unbounded bool, p int) *Graph {
		g := countGraph(&numbers{total: total, keys: keys, splits: 3, unbounded: unbounded}, sink, min(p, 3), p)
		g.Vertices[0].Source.Table = table
		g.Vertices[0].Nodes[0].Op = func() exec.Operator { return pass{} }
		g.Vertices[1].Nodes[0].Op = func() exec.Operator { return &keyedCount{} }
		return g
	}
	run := func(g *Graph, c Config) []string {
		t.Helper()
		had := len(sink.sorted())
		j, err := cl.Submit(g, c)
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Wait(testCtx(t)); err != nil {
			t.Fatal(err)
		}
		sink.mu.Lock()
		defer sink.mu.Unlock()
		return slices.Clone(sink.rows[had:])
	}
	j, err := cl.Submit(graph("t", true, 2), Config{JobID: "a", Seed: 1, BatchRows: 100})
	if err != nil {
		t.Fatal(err)
	}
	var path string
	for path == "" { // not running yet, at first
		if path, err = j.Stop(testCtx(t), "sp", false); err != nil && j.State().Ended() {
			t.Fatal(err, j.Err())
		}
	}
	if err := j.Wait(testCtx(t)); err != nil {
		t.Fatal(err)
	}
	done := len(sink.sorted())
	for _, c := range []struct {
		table string
		p     int
		want  int
	}{{"t", 2, total - done}, {"t", 3, total - done}, {"other", 2, total}} {
		g := graph(c.table, false, c.p)
		g.Vertices[0].UID = "another" // the plan may be any other
		rows := run(g, Config{JobID: fmt.Sprint(c), Seed: 1, BatchRows: 100, Restore: path, SourcesOnly: true})
		if len(rows) != c.want {
			t.Errorf("%v: %d rows, want %d", c, len(rows), c.want)
		}
		first, seen := 0, map[string]bool{}
		for _, r := range rows {
			seen[r[:strings.LastIndexByte(r, ' ')]] = true
			if strings.HasSuffix(r, " 1") {
				first++
			}
		}
		if first != len(seen) {
			t.Errorf("%v: %d of %d keys begin at 1", c, first, len(seen))
		}
	}

	sink.held.Store(true)
	had := len(sink.sorted())
	j, err = cl.Submit(graph("t", true, 2), Config{JobID: "b", Dir: "b", Seed: 1, BatchRows: 100, CheckpointInterval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	for j.Status().Checkpoints.Completed == 0 {
		time.Sleep(time.Millisecond)
	}
	j.Cancel()
	<-j.Done()
	if n := len(sink.sorted()); n != had {
		t.Fatalf("%d rows were committed", n-had)
	}
	sink.held.Store(false)
	list, err := (&ckptStore{disk: e.Disk, dir: "b"}).numbers()
	if err != nil || len(list) == 0 {
		t.Fatal("no checkpoint is left: ", err)
	}
	g := graph("t", false, 2)
	for i := range g.Vertices {
		for k := range g.Vertices[i].Nodes {
			g.Vertices[i].Nodes[k].UID += "-another"
		}
	}
	if rows := run(g, Config{JobID: "c", Seed: 1, BatchRows: 100, Restore: "b/" + chkName(list[0]), SourcesOnly: true}); len(rows) != total {
		t.Errorf("%d rows after the job that committed none, want %d", len(rows), total)
	}
}
