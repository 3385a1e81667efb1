package debugger_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/gateway"
)

// liveRows is what a job reads in 4 s, of which a test needs one: a busy machine may take its time.
const liveRows = 400_000

// live is a job that runs on workers, with what its query has given.
type live struct {
	eng    *engine.Engine
	client gateway.Client
	id     string
	op     gateway.Operation
	// counts and sums are of the final table, once done is closed.
	counts, sums map[int64]int64
	done         chan error
}

// startLive runs a query over numbers, at 100,000 a second and two subtasks.
func startLive(t *testing.T, ring int64, settings map[string]string) *live {
	t.Helper()
	e := env.OS("")
	e.Disk = env.NewMemDisk()
	c := config(e)
	var err error
	if c.Record, err = engine.RecordRing(e, nil, ring, 0); err != nil {
		t.Fatal(err)
	}
	l := &live{done: make(chan error, 1), counts: map[int64]int64{}, sums: map[int64]int64{}}
	if l.eng, err = engine.New(c); err != nil {
		t.Fatal(err)
	}
	l.client = gateway.Local(l.eng)
	t.Cleanup(func() { _ = l.client.Close() })
	all := map[string]string{"parallelism.default": "2"}
	maps.Copy(all, settings)
	s, err := l.client.OpenSession(ctx, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`CREATE TABLE numbers (n BIGINT) WITH ('connector'='datagen', 'rows-per-second'='100000', 'number-of-rows'='400000',
		 'fields.n.kind'='sequence', 'fields.n.start'='1', 'fields.n.end'='400000')`,
		`SELECT k, COUNT(*) AS c, SUM(n) AS s FROM (SELECT CAST(MOD(n, 7) AS BIGINT) AS k, n FROM numbers) GROUP BY k`,
	} {
		if l.op, err = s.Execute(ctx, text); err != nil {
			t.Fatal(err)
		}
	}
	l.id = l.op.Job()
	go func() {
		for {
			b, err := l.op.Next(ctx)
			if err != nil {
				if errors.Is(err, io.EOF) {
					err = nil
				}
				l.done <- err
				return
			}
			for i := range b.Rows() {
				r := b.Lane(i)
				if k := b.Kind(r); k == batch.Insert || k == batch.UpdateAfter {
					l.counts[b.Cols[0].I64[r]], l.sums[b.Cols[0].I64[r]] = b.Cols[1].I64[r], b.Cols[2].I64[r]
				}
			}
		}
	}()
	return l
}

// rows is what the job has read by now.
func (l *live) rows(t *testing.T) int64 {
	t.Helper()
	s, err := l.client.Job(ctx, l.id)
	if err != nil {
		t.Fatal(err)
	}
	n := int64(0)
	for _, v := range s.Vertices {
		n += v.SourceRows
	}
	return n
}

// until waits until the job has read so much.
func (l *live) until(t *testing.T, rows int64) {
	t.Helper()
	for begin := time.Now(); l.rows(t) < rows; time.Sleep(time.Millisecond) {
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("the job has read %d rows, and not %d", l.rows(t), rows)
		}
	}
}

// end waits for the job and expects what a count of the numbers gives.
func (l *live) end(t *testing.T) {
	t.Helper()
	select {
	case err := <-l.done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the job does not end")
	}
	counts, sums := map[int64]int64{}, map[int64]int64{}
	for n := int64(1); n <= liveRows; n++ {
		counts[n%7]++
		sums[n%7] += n
	}
	if !maps.Equal(l.counts, counts) || !maps.Equal(l.sums, sums) {
		t.Errorf("the job ends with %v, %v\nand not %v, %v", l.counts, l.sums, counts, sums)
	}
}

// stateOf is the state of the aggregation: count and sum by key.
func stateOf(t *testing.T, j *debugger.Job) (counts, sums map[int64]int64) {
	t.Helper()
	counts, sums = map[int64]int64{}, map[int64]int64{}
	tables, err := j.State("GroupAggregate", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range tables {
		at := func(name string) int { return st.Schema.Index(name) }
		for _, r := range st.Rows {
			key := r.Batch.Cols[0].I64[r.Lane]
			counts[key] += r.Batch.Cols[at("c")].I64[r.Lane]
			sums[key] += r.Batch.Cols[at("s")].I64[r.Lane]
		}
	}
	return counts, sums
}

// read is what the numbers are that each subtask has read: generator i of n gives i, i+n,
// i+2n.
func (l *live) read(t *testing.T) (counts, sums map[int64]int64) {
	t.Helper()
	j, err := l.eng.Jobs.Job(l.id)
	if err != nil {
		t.Fatal(err)
	}
	counts, sums = map[int64]int64{}, map[int64]int64{}
	for _, task := range j.Status().Tasks {
		for _, op := range task.Ops {
			if op.Node != -1 {
				continue
			}
			for k := range op.RowsOut {
				n := 1 + int64(task.Subtask) + 2*k
				counts[n%7]++
				sums[n%7] += n
			}
		}
	}
	return counts, sums
}

// A job that runs is looked at beside it: it goes on meanwhile and ends as it would have.
func TestAttach(t *testing.T) {
	for _, x := range []struct {
		name     string
		ring     int64
		settings map[string]string
	}{
		{"whole", 64 << 20, nil},
		{"ring", 12 << 10, map[string]string{"execution.checkpointing.interval": "50 ms"}},
		{"ring without checkpoints", 12 << 10, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			l := startLive(t, x.ring, x.settings)
			l.until(t, 50_000)
			d, err := debugger.AttachTo(ctx, l.eng, l.id)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			before := l.rows(t)
			if _, err := d.Job.Seek(ctx, debugger.AtEnd); err != nil {
				t.Fatal(err)
			}
			first, _ := stateOf(t, d.Job)
			l.until(t, before+1000) // it goes on
			total := func(m map[int64]int64) (n int64) {
				for _, c := range m {
					n += c
				}
				return n
			}
			if n := total(first); n < 30_000 || n > l.rows(t) {
				t.Errorf("the state has %d rows of the %d that were read", n, l.rows(t))
			}
			if _, err := d.Job.Step(ctx, debugger.ByRecord, -3); err != nil {
				t.Error(err)
			}
			l.until(t, l.rows(t)+25_000)
			if err := d.Update(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Job.Seek(ctx, debugger.AtEnd); err != nil {
				t.Fatal(err)
			}
			if second, _ := stateOf(t, d.Job); total(second) <= total(first) {
				t.Errorf("after an update the state has %d rows, and had %d", total(second), total(first))
			}
			l.end(t)
		})
	}
}

// StopWorld lets a job stand still: its state is that of what was read, to the row, nothing
// moves until Resume, and the end is right.
func TestStopWorld(t *testing.T) {
	for _, settings := range []map[string]string{nil, {"execution.checkpointing.interval": "20 ms"}} {
		l := startLive(t, 64<<20, settings)
		l.until(t, 50_000)
		d, err := debugger.AttachTo(ctx, l.eng, l.id)
		if err != nil {
			t.Fatal(err)
		}
		limit, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		for range 2 {
			if err := d.StopWorld(limit); err != nil {
				t.Fatal(err)
			}
			if s, _ := l.client.Job(ctx, l.id); !s.Held {
				t.Error("the job does not say that it is held")
			}
			at := l.rows(t)
			wantCounts, wantSums := l.read(t)
			if _, err := d.Job.Seek(ctx, debugger.AtEnd); err != nil {
				t.Fatal(err)
			}
			counts, sums := stateOf(t, d.Job)
			if !maps.Equal(counts, wantCounts) || !maps.Equal(sums, wantSums) {
				t.Errorf("the state is %v, %v\nand of what was read %v, %v", counts, sums, wantCounts, wantSums)
			}
			tasks, err := d.Job.Tasks()
			if err != nil || slices.ContainsFunc(tasks, func(v flow.TaskView) bool {
				return slices.ContainsFunc(v.Inputs, func(c flow.ChannelView) bool { return c.Rows+c.Open > 0 })
			}) {
				t.Errorf("rows wait in channels behind a barrier: %v", err)
			}
			time.Sleep(50 * time.Millisecond)
			if now := l.rows(t); now != at {
				t.Errorf("a job that is held has read %d rows more", now-at)
			}
			if err := d.Resume(limit); err != nil {
				t.Fatal(err)
			}
			l.until(t, at+2000)
		}
		if err := d.StopWorld(limit); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil { // lets it go on
			t.Fatal(err)
		}
		l.end(t)
	}
}
