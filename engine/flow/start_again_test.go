package flow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/env"
)

// slowSink is a collector whose transactions are committed only when the test lets them, and
// whose fence can be held up.
type slowSink struct {
	collector
	gate   sync.Mutex
	open   bool            // commits succeed
	due    map[string]bool // of which a commit was tried: a durable checkpoint names them
	fenced chan int64      // a value where a fence begins, unless it is nil
	hold   chan struct{}   // what the fences of later attempts wait for
}

func (s *slowSink) Committer(connect.WriterCtx) (connect.Committer, error) {
	return slowCommitter{collectCommitter{&s.collector}, s}, nil
}

// named are the transactions that some durable checkpoint names.
func (s *slowSink) named() (out []string) {
	s.gate.Lock()
	defer s.gate.Unlock()
	for txn := range s.due {
		out = append(out, txn)
	}
	slices.Sort(out)
	return out
}

func (s *slowSink) let() {
	s.gate.Lock()
	defer s.gate.Unlock()
	s.open = true
}

// lost are those of named that can be committed no more.
func (s *slowSink) lost() (out []string) {
	for _, txn := range s.named() {
		s.mu.Lock()
		if _, ok := s.prepared[txn]; !ok && !s.committed[txn] {
			out = append(out, txn)
		}
		s.mu.Unlock()
	}
	return out
}

type slowCommitter struct {
	collectCommitter
	s *slowSink
}

func (c slowCommitter) Commit(data []byte) error {
	c.s.gate.Lock()
	if c.s.due == nil {
		c.s.due = map[string]bool{}
	}
	c.s.due[string(data)] = true
	open := c.s.open
	c.s.gate.Unlock()
	if !open {
		return errors.New("no answer")
	}
	return c.collectCommitter.Commit(data)
}

func (c slowCommitter) Fence(attempt int64, keep [][]byte) error {
	if attempt == 2 && c.s.hold != nil {
		c.s.fenced <- attempt
		<-c.s.hold
	}
	return c.collectCommitter.Fence(attempt, keep)
}

// heldDisk holds up who opens the lineage while hold is set, and then fails it.
type heldDisk struct {
	env.Disk
	mu   sync.Mutex
	seen chan struct{}
	hold chan struct{}
}

func (d *heldDisk) Open(name string) (env.ReadFile, error) {
	d.mu.Lock()
	seen, hold := d.seen, d.hold
	d.mu.Unlock()
	if hold != nil && strings.HasSuffix(name, "/lineage") {
		select {
		case seen <- struct{}{}:
		default:
		}
		<-hold
		return nil, errors.New("too late")
	}
	return d.Disk.Open(name)
}

// TestCancelWhileItStartsAgain: a job that is cancelled while it begins again commits what its
// last checkpoint has prepared, or leaves it to who goes on from there.
func TestCancelWhileItStartsAgain(t *testing.T) {
	for _, where := range []string{"booting", "fencing"} {
		t.Run(where, func(t *testing.T) {
			e := env.OS(t.TempDir())
			disk := &heldDisk{Disk: e.Disk, seen: make(chan struct{}, 1)}
			e.Disk = disk
			sink := &slowSink{collector: collector{twoPhase: true}}
			hold := make(chan struct{})
			if where == "fencing" {
				sink.fenced, sink.hold = make(chan int64, 1), hold
			}
			var once sync.Once
			broken := errors.New("no connection")
			src := &numbers{total: 1 << 40, keys: 13, splits: 2, fail: func(int64) (err error) {
				time.Sleep(200 * time.Microsecond)
				if len(sink.named()) > 0 {
					once.Do(func() {
						if where == "booting" {
							disk.mu.Lock()
							disk.hold = hold
							disk.mu.Unlock()
						}
						err = broken
					})
				}
				return err
			}}
			cl := NewCluster(e, ClusterOptions{})
			defer cl.Close()
			j, err := cl.Submit(countGraph(src, sink, 2, 2), Config{Dir: "job", JobID: "job", BatchRows: 16, CheckpointInterval: 5 * time.Millisecond, Restart: Restart{Delay: time.Millisecond}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			at := make(chan struct{})
			go func() {
				if where == "fencing" {
					<-sink.fenced
				} else {
					<-disk.seen
				}
				close(at)
			}()
			select {
			case <-at:
			case <-ctx.Done():
				t.Fatalf("%+v", j.Status())
			}
			sink.let()
			j.Cancel()
			for j.State() != Cancelling && !j.State().Ended() {
				time.Sleep(time.Millisecond)
			}
			if where == "booting" {
				close(hold)
			}
			if err := j.Wait(ctx); diag.CodeOf(err) != diag.Cancelled {
				t.Fatal(err)
			}
			if where == "fencing" {
				close(hold)
			}
			if got := sink.lost(); len(sink.named()) == 0 || len(got) > 0 {
				t.Errorf("of %v, which a checkpoint names, were lost: %v", sink.named(), got)
			}
		})
	}
}

// TestLostBehindAStop: a job that was stopped with a savepoint and starts again because its last
// commits were open only makes these: rows behind the savepoint are its successor's.
func TestLostBehindAStop(t *testing.T) {
	sink := &slowSink{collector: collector{twoPhase: true}}
	armed, polled := make(chan struct{}), make(chan struct{})
	var once sync.Once
	build := func([]byte) (*Graph, error) {
		return keyedGraph(&numbers{total: 1 << 40, keys: 13, splits: 2, fail: func(int64) error {
			time.Sleep(200 * time.Microsecond)
			select {
			case <-armed:
				once.Do(func() { close(polled) })
			default:
			}
			return nil
		}}, sink), nil
	}
	y := newYard(t, 3, 1, build)
	y.pass = func(n *yardNode, up bool, m []byte) {
		select {
		case <-armed:
		default:
			return
		}
		if d := (decoder{b: m}); !up && d.u64() == farMail {
			d.i64()
			d.i64()
			if x, err := d.farDecode(); err == nil && x.kind == mailTrigger {
				select {
				case <-polled: // the task has read by then
				case <-time.After(5 * time.Second):
				}
			}
		}
	}
	g, _ := build(nil)
	j := y.submit(g, Config{BatchRows: 16, CheckpointInterval: 5 * time.Millisecond, Restart: Restart{Delay: time.Millisecond}})
	checkpoints(t, j, 1)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if _, err := j.Stop(ctx, "sp", false); err != nil {
		t.Fatal(err)
	}
	rows := func() int {
		sink.mu.Lock()
		defer sink.mu.Unlock()
		n := len(sink.rows)
		for _, list := range sink.prepared {
			n += len(list)
		}
		return n
	}
	want := rows()
	close(armed)
	for _, n := range y.nodes {
		n.rows.cut()
	}
	for j.Status().Restarts == 0 {
		if ctx.Err() != nil {
			t.Fatalf("%+v", j.Status())
		}
		time.Sleep(time.Millisecond)
	}
	sink.let()
	ended(t, j)
	if got := len(sink.sorted()); got != want {
		t.Errorf("%d rows are committed, and the savepoint has %d", got, want)
	}
}

// lookedAt is a clock that tells when it is looked at.
type lookedAt struct {
	env.Clock
	now func()
}

func (c *lookedAt) Now() int64 {
	if f := c.now; f != nil {
		c.now = nil
		f()
	}
	return c.Clock.Now()
}

// TestSubmitWhileItCloses: a job that is submitted to a cluster that closes meanwhile is refused,
// and does not wait for ever.
func TestSubmitWhileItCloses(t *testing.T) {
	e := env.OS(t.TempDir())
	clock := &lookedAt{Clock: e.Clock}
	e.Clock = clock
	cl := NewCluster(e, ClusterOptions{})
	clock.now = cl.Close // between the first look and the start
	j, err := cl.Submit(countGraph(&numbers{total: 100, keys: 13}, &collector{}, 1, 1), Config{})
	if diag.CodeOf(err) != diag.Cancelled {
		t.Errorf("%v", err)
	}
	if j != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		t.Errorf("the job: %v", j.Wait(ctx))
	}
}

// fullOnce is a disk on which the metadata of the next checkpoint cannot be written.
type fullOnce struct {
	env.Disk
	full atomic.Bool
}

func (d *fullOnce) Create(name string) (env.File, error) {
	if strings.HasSuffix(name, "_metadata.tmp") && d.full.CompareAndSwap(true, false) {
		return nil, errors.New("no room")
	}
	return d.Disk.Create(name)
}

// TestStopTriedAgain: a job whose last checkpoint fails and is taken again tells whoever stopped
// it of the savepoint, and not of the failure behind which it ends all the same.
func TestStopTriedAgain(t *testing.T) {
	for _, drain := range []bool{false, true} {
		e := env.OS(t.TempDir())
		disk := &fullOnce{Disk: e.Disk}
		e.Disk = disk
		cl := NewCluster(e, ClusterOptions{})
		defer cl.Close()
		sink := &collector{twoPhase: true}
		src := &numbers{total: 1 << 40, keys: 13, splits: 2, fail: func(int64) error { time.Sleep(200 * time.Microsecond); return nil }}
		j, err := cl.Submit(countGraph(src, sink, 2, 2), Config{Dir: "job", JobID: "job", BatchRows: 16})
		if err != nil {
			t.Fatal(err)
		}
		for j.State() != Running {
			time.Sleep(time.Millisecond)
		}
		disk.full.Store(true)
		path, err := j.Stop(testCtx(t), "sp", drain)
		if ended := j.Wait(testCtx(t)); err != nil || ended != nil {
			t.Fatalf("drain %v: the savepoint: %v; the job: %v", drain, err, ended)
		}
		if _, _, err := openSavepoint(e.Disk, path); err != nil {
			t.Error(err)
		}
	}
}

// TestResumeBeforeHeld: a job that is let go before it stands still does not stand still later,
// when nobody lets it go; also where the barrier waits for room, and comes behind what takes it
// back.
func TestResumeBeforeHeld(t *testing.T) {
	gate := make(chan struct{})
	sink := &gated{collector: collector{}, gate: gate}
	cl := NewCluster(env.OS(t.TempDir()), ClusterOptions{})
	defer cl.Close()
	g := countGraph(&numbers{total: 4000, keys: 13, splits: 1}, sink, 1, 1)
	j, err := cl.Submit(g, Config{BatchRows: 16, Credits: 1})
	if err != nil {
		t.Fatal(err)
	}
	short := func() bool { // the source has no room for a barrier
		j.c.mu.Lock()
		att := j.c.att
		j.c.mu.Unlock()
		return att != nil && att.tasks[0].starved.Load()
	}
	for end := time.Now().Add(20 * time.Second); !short(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the source does not wait for its receiver")
		}
	}
	held := make(chan error, 1)
	j.ask(&command{kind: cmdHold, reply: func(_ string, err error) { held <- err }}) // as Hold does
	if err := j.Resume(testCtx(t)); err != nil {
		t.Errorf("%v", err)
	}
	// The source takes what need not wait for room.
	for end := time.Now().Add(20 * time.Second); j.c.att.tasks[0].mail.find(func(k mailKind) bool { return k == mailGo }) >= 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the source does not look at its mail")
		}
	}
	close(gate)
	select {
	case err := <-held:
		if diag.CodeOf(err) != diag.Cancelled {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody told who wanted it held")
	}
	ended(t, j)
}

// gated is a collector that takes rows when it is let.
type gated struct {
	collector
	gate chan struct{}
}

func (s *gated) Open(c connect.WriterCtx) (connect.Writer, error) {
	w, err := s.collector.Open(c)
	return &gatedWriter{w, s.gate}, err
}

type gatedWriter struct {
	connect.Writer
	gate chan struct{}
}

func (w *gatedWriter) Write(b *batch.Batch) error {
	<-w.gate
	return w.Writer.Write(b)
}

// fencedSink counts its committers; the first fence waits for let.
type fencedSink struct {
	collector
	in, let      chan struct{}
	made, closed atomic.Int64
}

func (s *fencedSink) Committer(connect.WriterCtx) (connect.Committer, error) {
	s.made.Add(1)
	return &fencedCommitter{collectCommitter{&s.collector}, s}, nil
}

type fencedCommitter struct {
	collectCommitter
	s *fencedSink
}

func (c *fencedCommitter) Fence(attempt int64, keep [][]byte) error {
	if attempt == 1 {
		close(c.s.in)
		<-c.s.let
	}
	return c.collectCommitter.Fence(attempt, keep)
}

func (c *fencedCommitter) Close() error {
	c.s.closed.Add(1)
	return nil
}

// TestCommitterOfAnEndedJob: a committer that is there only when its job has ended is closed.
func TestCommitterOfAnEndedJob(t *testing.T) {
	sink := &fencedSink{collector: collector{twoPhase: true}, in: make(chan struct{}), let: make(chan struct{})}
	cl := NewCluster(env.OS(t.TempDir()), ClusterOptions{})
	defer cl.Close()
	j, err := cl.Submit(countGraph(&numbers{total: 100, keys: 13}, sink, 1, 1), Config{})
	if err != nil {
		t.Fatal(err)
	}
	<-sink.in
	j.Cancel()
	<-j.Done()
	close(sink.let)
	for end := time.Now().Add(10 * time.Second); sink.closed.Load() < sink.made.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d committers were made and %d closed", sink.made.Load(), sink.closed.Load())
		}
	}
}

// busySink has a committer whose first commit waits for let.
type busySink struct {
	collector
	in, let            chan struct{}
	commits, runs      atomic.Int64
	closed, closedBusy atomic.Bool
}

func (s *busySink) Committer(connect.WriterCtx) (connect.Committer, error) {
	return &busyCommitter{collectCommitter{&s.collector}, s}, nil
}

type busyCommitter struct {
	collectCommitter
	s *busySink
}

func (c *busyCommitter) Commit(data []byte) error {
	c.s.runs.Add(1)
	defer c.s.runs.Add(-1)
	if c.s.commits.Add(1) == 1 {
		close(c.s.in)
		<-c.s.let
	}
	return c.collectCommitter.Commit(data)
}

func (c *busyCommitter) Close() error {
	c.s.closedBusy.Store(c.s.runs.Load() > 0)
	c.s.closed.Store(true)
	return nil
}

// TestCommitterInUse: a committer is closed behind the last call that runs in it, though the job
// has ended before.
func TestCommitterInUse(t *testing.T) {
	sink := &busySink{collector: collector{twoPhase: true}, in: make(chan struct{}), let: make(chan struct{})}
	cl := NewCluster(env.OS(t.TempDir()), ClusterOptions{})
	defer cl.Close()
	j, err := cl.Submit(countGraph(&numbers{total: 1 << 40, keys: 13}, sink, 1, 1), Config{CheckpointInterval: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	<-sink.in
	j.Cancel()
	<-j.Done()
	if sink.closed.Load() {
		t.Error("it is closed while a commit runs in it")
	}
	close(sink.let)
	for end := time.Now().Add(10 * time.Second); !sink.closed.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it is not closed")
		}
	}
	if sink.closedBusy.Load() {
		t.Error("it was closed before the commit had ended")
	}
}
