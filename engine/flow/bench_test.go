package flow

import (
	"context"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/types"
)

// bids is a batch with the layout of a bid: four integers and three strings.
func bids(n int) *batch.Batch {
	i, s := types.BigIntT, types.StringT
	ts := []types.Type{i, i, i, i, s, s, s}
	text := []string{"Google", "https://www.nexmark.com/some/longer/url/item.htm", "a channel extra text of some fifty characters......"}
	b := batch.NewBatchBuilder(ts...)
	for k := range n {
		for c := range 4 {
			b.Col(c).AppendInt(int64(k*7919+c) % 10_007)
		}
		for c := range 3 {
			b.Col(4 + c).AppendString(text[c])
		}
		b.EndRow(batch.Insert)
	}
	return b.Finish()
}

// BenchmarkForwardHop is a batch through a task: out of one channel, through an
// operator that does nothing, into the next. Below 2 µs a batch.
func BenchmarkForwardHop(b *testing.B) {
	g := edge(Forward, 1, 1)
	g.Vertices[0].Nodes[0].Outs = []Out{ToEdge(1)}
	g.Vertices = append(g.Vertices, &Vertex{ID: 2, UID: "c", Name: "C", Parallelism: 1, Nodes: []Node{{Op: g.Vertices[0].Nodes[0].Op, Name: "C", UID: "c1", Outs: []Out{ToEdge(0)}}}})
	g.Edges = []Edge{{From: 2, To: 0, Kind: Forward}, {From: 0, To: 1, Kind: Forward}}
	a := still(b, g, Config{})
	first, mid, last := a.tasks[2], a.tasks[0], a.tasks[1]
	in := pairs(0, 1, 1) // the cost that does not come from rows
	at := 0
	b.ReportAllocs()
	for b.Loop() {
		first.outs[0].write(in)
		first.outs[0].flush()
		if err := mid.run(mid.choose(0, &at)); err != nil {
			b.Fatal(err)
		}
		mid.outs[0].flush()
		e := last.ins[0].pop()
		last.att.host.freed(last, e.l)
	}
}

// BenchmarkExchange deals bids to the subtasks: key groups, selections and gathering.
// At most 10 ns a row and no allocation.
func BenchmarkExchange(b *testing.B) {
	for _, p := range []int{2, 4} {
		b.Run([]string{2: "p2", 4: "p4"}[p], func(b *testing.B) {
			a := still(b, edge(Hash, 1, p), Config{})
			in := bids(batch.MaxRows)
			o := a.tasks[0].outs[0]
			b.ReportAllocs()
			for b.Loop() {
				o.write(in)
				for _, r := range a.tasks[1:] {
					for r.ins[0].count.Load() > 0 {
						e := r.ins[0].pop()
						r.att.host.freed(r, e.l)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch.MaxRows), "ns/row")
		})
	}
}

// tap gives one row each time it is woken.
type tap struct {
	numbers
	wake chan func()
}

func (s *tap) Open(at connect.Split, c connect.ReaderCtx) (connect.Reader, error) {
	s.wake <- c.Wake
	return &tapReader{}, nil
}

type tapReader struct {
	numberReader
	some bool
}

func (r *tapReader) Poll(dst *batch.Batch, _ int) (connect.Status, error) {
	if r.some = !r.some; r.some {
		dst.Alloc(numberSchema.Types(), 1)
		dst.Cols[0].I64[0], dst.Cols[1].I64[0] = 1, 1
		return connect.More, nil
	}
	return connect.Wait, nil
}
func (r *tapReader) Position() connect.Split { return connect.Split{ID: "0"} }

// basin is a sink that says when a row has come.
type basin struct {
	collector
	got chan struct{}
}

func (s *basin) Open(connect.WriterCtx) (connect.Writer, error) { return &basinWriter{s: s}, nil }

type basinWriter struct {
	collectWriter
	s *basin
}

func (w *basinWriter) Write(b *batch.Batch) error { w.s.got <- struct{}{}; return nil }
func (w *basinWriter) Watermark(int64) error      { return nil }
func (w *basinWriter) Prepare(string) ([]byte, error) {
	return nil, nil
}

// BenchmarkLoneRow is a row alone from the source through a hash exchange and a
// second hop to the sink, on workers that had gone to sleep. Below 1 ms.
func BenchmarkLoneRow(b *testing.B) {
	src := &tap{numbers: numbers{splits: 1, unbounded: true}, wake: make(chan func(), 1)}
	sink := &basin{got: make(chan struct{}, 8)}
	g := countGraph(src, sink, 1, 2)
	g.Vertices[0].Nodes[0].Op = func() exec.Operator { return pass{} }
	cl := NewCluster(env.OS(b.TempDir()), ClusterOptions{})
	defer cl.Close()
	j, err := cl.Submit(g, Config{Seed: 1})
	if err != nil {
		b.Fatal(err)
	}
	wake := <-src.wake
	<-sink.got // the first comes by itself
	time.Sleep(5 * time.Millisecond)
	b.ReportAllocs()
	for b.Loop() {
		wake()
		<-sink.got
	}
	b.StopTimer()
	j.Cancel()
	_ = j.Wait(context.Background())
}
