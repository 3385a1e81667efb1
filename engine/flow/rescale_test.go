package flow

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/exec"
)

// onTime passes the rows on that are not late.
type onTime struct {
	exec.Stateless
	sel []uint16
	out batch.Batch
}

func (o *onTime) Process(c *exec.Ctx, _ int, b *batch.Batch) error {
	o.sel = append(o.sel[:0], 0)[:0] // never nil: that would select all
	for i := range b.Rows() {
		if l := b.Lane(i); b.Cols[1].I64[l] > c.Watermark() {
			o.sel = append(o.sel, uint16(l))
		}
	}
	o.out = *b
	o.out.Sel = o.sel
	return c.Emit(&o.out)
}

// unionGraph is two sources of one split each -> union, from subtask to subtask ->
// rows on time -> single sink. All but one subtask of each source have nothing to
// read and end at once.
func unionGraph(sink *collector, total, p int) *Graph {
	source := func(id int, name string) *Vertex {
		return &Vertex{ID: id, UID: name, Name: name, Parallelism: p, Source: &SourceSpec{
			Source: &numbers{total: total, keys: 10, splits: 1}, Schema: numberSchema, Name: name,
			Watermark: func(func() int64) WatermarkEval { return byValue }, Outs: []Out{ToEdge(id)},
		}}
	}
	pass := func() exec.Operator { return &onTime{} }
	return &Graph{
		Vertices: []*Vertex{
			source(0, "a"), source(1, "b"),
			{ID: 2, UID: "union", Name: "Union", Parallelism: p, Nodes: []Node{{Op: pass, Name: "Union", UID: "all", Outs: []Out{ToEdge(2)}}}},
			{ID: 3, UID: "sink", Name: "Sink", Parallelism: 1, Nodes: []Node{
				{Op: pass, Name: "OnTime", UID: "on-time", Outs: []Out{ToNode(1, 0)}},
				{Sink: sink, Name: "Sink", UID: "collect"},
			}},
		},
		Edges: []Edge{{From: 0, To: 2, Kind: Forward}, {From: 1, To: 2, Kind: Forward}, {From: 2, To: 3, Kind: Single}},
	}
}

// TestRescaleKeepsWatermarksBack: after a restart with another parallelism no row is
// late that would not have been: the subtasks of a vertex that is fed from subtask to
// subtask had watermarks of their own, and those that had ended say nothing about the
// splits that others still read.
func TestRescaleKeepsWatermarksBack(t *testing.T) {
	const total = 12
	var want []string
	for v := range total {
		want = append(want, fmt.Sprintf("+I %d %d", v%10, v), fmt.Sprintf("+I %d %d", v%10, v))
	}
	slices.Sort(want)
	restored := 0
	for seed := uint64(1); seed <= 200; seed++ {
		sink := &collector{twoPhase: true}
		s := NewSim(SimOptions{
			Seed: seed, Delay: time.Millisecond, Disk: time.Millisecond,
			Faults: []SimFault{{Step: 80 + int(seed*13%120), Kind: FaultCoordinator, Until: 5 * time.Millisecond}},
		})
		shapes := []int{3, 2, 1, 4}
		attempt := 0
		s.Reshape = func() *Graph {
			attempt++
			return unionGraph(sink, total, shapes[(attempt+int(seed))%len(shapes)])
		}
		j, err := s.Submit(unionGraph(sink, total, shapes[seed%4]), Config{
			JobID: "j", Dir: "/ckpt", Seed: 1, BatchRows: 2, CheckpointInterval: time.Millisecond,
			Restart: Restart{Kind: RestartFixed, Attempts: 20, Delay: time.Millisecond},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := j.Err(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if j.Status().Checkpoints.Restored > 0 {
			restored++
		}
		if got := sink.sorted(); !slices.Equal(got, want) {
			t.Errorf("seed %d: %d rows, want %d", seed, len(got), len(want))
		}
	}
	if restored < 30 {
		t.Errorf("only %d of 200 runs went back to a checkpoint", restored)
	}
}
