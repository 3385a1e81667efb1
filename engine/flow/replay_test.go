package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	state "github.com/minkstream/mink/engine/state"
	"github.com/minkstream/mink/engine/trace"
	"github.com/minkstream/mink/engine/types"
)

// stamped counts by key in keyed state and emits (key, count) at once; from the second
// row of a key on it also draws a number, and a timer emits (-1, number of firings)
// at a processing time.
type stamped struct {
	exec.Stateless
	t    *state.Table
	kv   batch.KeyVec
	refs []state.Ref
	out  batch.Batch
}

func (o *stamped) Open(c *exec.Ctx) error {
	o.t = c.Store.Table("n", state.TableSpec{Key: []types.Type{types.BigIntT}, Lanes: 1})
	return nil
}

func (o *stamped) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	o.lookup(c, b)
	o.out.Alloc(numberSchema.Types(), b.N)
	for i, r := range o.refs {
		acc := o.t.Touch(r)
		acc[0]++
		o.out.Cols[0].I64[i], o.out.Cols[1].I64[i] = b.Cols[0].I64[i], int64(acc[0])
		if acc[0] > 1 {
			o.out.Cols[1].I64[i] += int64(c.Rand().IntN(1000)) << 32
		}
	}
	if err := o.ask(c, b.N); err != nil {
		return err
	}
	c.SetTimer(c.Now() + 3)
	return c.Emit(&o.out)
}

// asked is how often the outside was asked, which answers otherwise each time, and
// now and then not at all.
var asked atomic.Int64

// ask adds what the outside says to the first number.
func (o *stamped) ask(c *exec.Ctx, n int) error {
	if n == 0 {
		return nil
	}
	b, err := c.Outside(func() ([]byte, error) {
		v := asked.Add(1)
		if v%17 == 0 {
			return nil, errors.New("no answer")
		}
		return []byte{byte(v)}, nil
	})
	if err != nil {
		if err.Error() != "no answer" {
			return err
		}
		b = []byte{255}
	}
	o.out.Cols[1].I64[0] += int64(b[0]) << 48
	return nil
}

func (o *stamped) lookup(c *exec.Ctx, b *batch.Batch) []state.Ref {
	batch.HashKeys(&o.kv, b, []int{0}, c.MaxParallelism)
	o.refs = slices.Grow(o.refs[:0], b.N)[:b.N]
	o.t.Lookup(b, &o.kv, nil, state.Upsert, o.refs, nil)
	return o.refs
}

func (o *stamped) Timer(c *exec.Ctx, at int64) error {
	o.out.Alloc(numberSchema.Types(), 1)
	o.out.Cols[0].I64[0], o.out.Cols[1].I64[0] = -1, c.Now()-at
	return c.Emit(&o.out)
}

// outputs gathers what nodes emit, by attempt, vertex, subtask and node.
type outputs struct {
	mu  sync.Mutex
	out map[string][]string
}

func (o *outputs) see(p Probe) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.out == nil {
		o.out = map[string][]string{}
	}
	who := fmt.Sprintf("attempt %d vertex %d/%d node %d", p.Attempt, p.Vertex, p.Subtask, p.Node)
	for i := range p.Batch.Rows() {
		l := p.Batch.Lane(i)
		o.out[who] = append(o.out[who], fmt.Sprint(p.Step, p.Batch.Kind(l), p.Batch.Cols[0].I64[l], p.Batch.Cols[1].I64[l]))
	}
}

// recorded runs a job on workers that fails once after a checkpoint.
func recorded(t *testing.T, embed bool) (*Tape, *outputs, *collector) {
	t.Helper()
	return recordedAt(t, embed, 3)
}

// recordedAt has so many subtasks that count.
func recordedAt(t *testing.T, embed bool, counts int) (*Tape, *outputs, *collector) {
	t.Helper()
	return recordedOn(t, embed, counts, env.OS(t.TempDir()), env.NewMemDisk())
}

// recordedOn has its tape on a disk.
func recordedOn(t *testing.T, embed bool, counts int, e *env.Env, disk env.Disk) (*Tape, *outputs, *collector) {
	t.Helper()
	const total = 30_000
	var failed atomic.Bool
	armed := make(chan struct{})
	src := &numbers{total: total, keys: 50, splits: 3, fail: func(n int64) error {
		// There is time for a checkpoint, and before the last rows as much as it takes.
		wait := time.Millisecond
		if n > total/2 {
			wait = 100 * time.Millisecond
		}
		select {
		case <-armed:
		case <-time.After(wait):
			return nil
		}
		if failed.CompareAndSwap(false, true) {
			return errors.New("the tap is dry")
		}
		return nil
	}}
	sink := &collector{twoPhase: true}
	g := countGraph(src, sink, 2, counts)
	g.Vertices[1].Nodes[0].Op = func() exec.Operator { return &stamped{} }
	seen := &outputs{}
	cl := NewCluster(e, ClusterOptions{Nodes: 2})
	t.Cleanup(cl.Close)
	to, err := trace.Create(disk, "tape", trace.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Seed: 7, Dir: "ckpt", BatchRows: 64, CheckpointInterval: 2 * time.Millisecond, Record: Record{To: to, Full: true, Embed: embed}, Probe: seen.see,
		Restart: Restart{Kind: RestartFixed, Attempts: 3, Delay: time.Millisecond},
	}
	j, err := cl.Submit(g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for j.Status().Checkpoints.Completed == 0 && !j.State().Ended() {
		time.Sleep(100 * time.Microsecond)
	}
	close(armed)
	if err := j.Wait(testCtx(t)); err != nil {
		t.Fatal(err)
	}
	if s := j.Status(); s.Attempt < 2 || s.Checkpoints.Restored == 0 {
		t.Fatalf("attempt %d, restored from checkpoint %d: the run has no recovery to replay", s.Attempt, s.Checkpoints.Restored)
	}
	if err := errors.Join(j.CloseTape(), to.Close(), trace.Pack(disk, "tape", "run.mtape")); err != nil {
		t.Fatal(err)
	}
	file, err := trace.Open(disk, "run.mtape")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if embed {
		src.total = 0 // who asks it again gets nothing
	}
	tape, err := ReadTape(file, 0, cl.env, g, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tape, seen, sink
}

// A recorded run on several workers, with keyed state, timers, random numbers,
// checkpoints, a failure and a restore, gives the same on one goroutine (I20).
func TestReplay(t *testing.T) {
	t.Run("read again", func(t *testing.T) { testReplay(t, false) })
	t.Run("embedded", func(t *testing.T) { testReplay(t, true) })
}

func testReplay(t *testing.T, embed bool) {
	tape, want, sink := recorded(t, embed)
	replays(t, tape, want, sink)
}

func replays(t *testing.T, tape *Tape, want *outputs, sink *collector) {
	t.Helper()
	committed, writers := len(sink.sorted()), sink.writers
	var got outputs
	if err := Replay(tape, got.see); err != nil {
		t.Fatal(err)
	}
	if len(want.out) == 0 || len(got.out) != len(want.out) {
		t.Fatalf("%d nodes emitted, %d when recorded", len(got.out), len(want.out))
	}
	for who, rows := range want.out {
		if !slices.Equal(rows, got.out[who]) {
			t.Errorf("%s: %d rows, %d when recorded", who, len(got.out[who]), len(rows))
		}
	}
	if n := len(sink.sorted()); n != committed || sink.writers != writers {
		t.Errorf("the replay wrote %d rows outside, with %d writers", n-committed, sink.writers-writers)
	}
}

// linkDisk counts second names and new files in folders of state on a tape.
type linkDisk struct {
	env.Disk
	linked, made atomic.Int64
}

func (d *linkDisk) Link(from, to string) error {
	if strings.HasPrefix(to, "tape/") {
		d.linked.Add(1)
	}
	return d.Disk.Link(from, to)
}

func (d *linkDisk) Create(name string) (env.File, error) {
	if strings.HasPrefix(name, "tape/") && strings.Contains(name, "/state/") {
		d.made.Add(1)
	}
	return d.Disk.Create(name)
}

// TestTapeLinksState: on the disk of the job a tape has second names of the files of the
// checkpoint that an attempt began from, and has their content when the job's are gone.
func TestTapeLinksState(t *testing.T) {
	e := env.OS(t.TempDir())
	disk := &linkDisk{Disk: e.Disk}
	e.Disk = disk
	tape, want, sink := recordedOn(t, false, 3, e, disk)
	if disk.linked.Load() == 0 || disk.made.Load() != 0 {
		t.Errorf("%d files of state were linked to the tape, %d copied", disk.linked.Load(), disk.made.Load())
	}
	if left, _ := disk.List("ckpt/state"); len(left) != 0 {
		t.Fatalf("the job has left %d files of state", len(left))
	}
	replays(t, tape, want, sink)
}

// A tape that was tampered with is told with task and step.
func TestReplayDivergence(t *testing.T) {
	tape, _, _ := recorded(t, false)
	// victim is a step of a counting task that fits; next is the one after it.
	type place struct {
		attempt    *tapeAttempt
		task       int
		step, next *trace.Step
	}
	victim := func(fits func(s, next *trace.Step) bool) place {
		for i := range tape.attempts {
			a := &tape.attempts[i]
			for task := 2; task < 5; task++ {
				for k := range len(a.tasks[task]) - 1 {
					if s, next := &a.tasks[task][k], &a.tasks[task][k+1]; fits(s, next) {
						return place{a, task, s, next}
					}
				}
			}
		}
		t.Fatal("no such step on the tape")
		return place{}
	}
	expect := func(p place, words string) {
		t.Helper()
		err := Replay(tape, nil)
		d := (*Divergence)(nil)
		if !errors.As(err, &d) {
			t.Fatalf("got %v", err)
		}
		task := [...]string{"Source (1/2)", "Source (2/2)", "Count (1/3)", "Count (2/3)", "Count (3/3)"}[p.task]
		if d.Task != task || d.Step != p.step.N || d.Attempt != p.attempt.plan.attempt || !strings.Contains(d.Why, words) ||
			!strings.Contains(d.Error(), fmt.Sprintf("task %s at step %d", task, p.step.N)) {
			t.Fatalf("got %v, want task %s, step %d, %q", d, task, p.step.N, words)
		}
	}
	mailOf := func(s *trace.Step) mail {
		m, _ := decodeMail(s.Mail, 0)
		return m
	}

	// Another channel was taken.
	p := victim(func(s, next *trace.Step) bool {
		return s.Pick >= int32(pickInput) && next.Pick >= int32(pickInput) && s.Pick != next.Pick && s.Clock == next.Clock
	})
	p.step.Pick, p.next.Pick = p.next.Pick, p.step.Pick
	expect(p, "chain")
	p.step.Pick, p.next.Pick = p.next.Pick, p.step.Pick

	// The clock read something else when a timer fired.
	p = victim(func(s, _ *trace.Step) bool { return s.Clock && mailOf(s).kind == mailTimer })
	p.step.Now += 5
	expect(p, "chain")
	p.step.Now -= 5

	// The source gave other rows.
	first := tape.attempts[0].tasks[0]
	s := &first[slices.IndexFunc(first, func(s trace.Step) bool { return s.Poll != nil && s.Poll.Rows > 0 })]
	s.Poll.Digest++
	expect(place{attempt: &tape.attempts[0], step: s}, "digest")
	s.Poll.Digest--

	// The state written was another.
	p = victim(func(s, _ *trace.Step) bool {
		d, ok := mailOf(s).payload.(*snapDone)
		return ok && !d.sinks && d.err == nil
	})
	old, m := p.step.Mail, mailOf(p.step)
	m.payload.(*snapDone).file.hash++
	p.step.Mail = encodeMail(&m)
	expect(p, "the state at checkpoint")
	p.step.Mail = old

	if err := Replay(tape, nil); err != nil {
		t.Fatalf("the tape as it was: %v", err)
	}
}
