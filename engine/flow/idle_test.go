package flow

import (
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/exec"
)

// The end does not overtake the last watermark: where another input is idle, that one
// is what an ended input leaves behind.
func TestEndBehindLastWatermark(t *testing.T) {
	a := still(t, edge(Single, 1, 1), Config{})
	out := a.tasks[0].outs[0]
	out.watermark(5)
	out.watermark(7)
	out.watermark(batch.MaxWatermark)
	out.flush()
	var got []int64
	for p := a.tasks[1].ins[0]; p.ready(0); {
		if e := p.pop(); e.kind == elemMark {
			got = append(got, e.ts)
		}
	}
	if len(got) != 2 || got[0] != 7 || got[1] != batch.MaxWatermark {
		t.Fatalf("watermarks %v, want 7 and the end", got)
	}
}

// The end of all inputs comes behind the greatest watermark that any had, whichever
// ended first.
func TestEndOfAllTellsTheGreatest(t *testing.T) {
	for _, first := range []int{0, 1} {
		w := newTracker(2)
		w.in[0].wm, w.in[1].wm = 5, 9
		var got []int64
		for _, i := range []int{first, 1 - first} {
			w.in[i].ended = true
			for w.update() {
				got = append(got, w.cur)
			}
		}
		if n := len(got); n < 2 || got[n-2] != 9 || got[n-1] != batch.MaxWatermark {
			t.Errorf("input %d first: watermarks %v, want 9 before the end", first, got)
		}
	}
}

// A source of which more splits may be found is not at its end when all that there are have
// ended: what comes later would be late.
func TestEndOfSplitsIsNoEnd(t *testing.T) {
	a := still(t, edge(Single, 1, 1), Config{})
	s := &source{t: a.tasks[0], spec: &SourceSpec{}, wms: newTracker(0)}
	s.add(connect.Split{ID: "1"}, input{wm: 9}, true)
	for range 3 {
		s.combine()
	}
	if s.wms.cur != 9 || !s.idle() {
		t.Errorf("the watermark is %d, and idle is %t; want 9 and true", s.wms.cur, s.idle())
	}
	s.complete = true
	s.combine()
	if s.wms.cur != batch.MaxWatermark {
		t.Errorf("the watermark is %d, want the end", s.wms.cur)
	}
}

// A task whose inputs are idle says so when no call is under way whose rows are still to
// come, and says that it is back ahead of everything else.
func TestIdleBehindCalls(t *testing.T) {
	g := edge(Single, 1, 1)
	b := &g.Vertices[1].Nodes[0]
	b.Op = func() exec.Operator { return &caller{} }
	b.Outs = []Out{ToEdge(1)}
	g.Vertices = append(g.Vertices, &Vertex{ID: 2, UID: "c", Name: "C", Parallelism: 1, Nodes: []Node{{Op: func() exec.Operator { return pass{} }, Name: "C", UID: "c1"}}})
	g.Edges = append(g.Edges, Edge{From: 1, To: 2, Kind: Single})
	a := still(t, g, Config{})
	x, out := a.tasks[1], a.tasks[0].outs[0]
	told := func() (kinds []elemKind) {
		for p := a.tasks[2].ins[0]; p.ready(0); {
			kinds = append(kinds, p.pop().kind)
		}
		return kinds
	}
	step := func() {
		t.Helper()
		if err := x.run(pickInput); err != nil {
			t.Fatal(err)
		}
	}
	out.write(pairs(0, 1, 1))
	out.flush()
	step()
	x.onElemOf(t, 0, elemIdle)
	if k := told(); len(k) != 0 {
		t.Fatalf("told %v while a call is under way", k)
	}
	if err := x.onAsync(&mail{kind: mailAnswer, payload: &asyncResult{node: 0, id: 1}}); err != nil {
		t.Fatal(err)
	}
	if k := told(); len(k) != 1 || k[0] != elemIdle {
		t.Fatalf("told %v after the answer, want that it is idle", k)
	}
	x.onElemOf(t, 0, elemActive)
	if k := told(); len(k) != 1 || k[0] != elemActive {
		t.Fatalf("told %v, want that it is back", k)
	}
}

// Rows of an idle input do not make it count: it would hold the watermark back for good,
// since whoever sent them believes to be known as idle.
func TestRowsOfIdleInput(t *testing.T) {
	a := still(t, edge(Hash, 2, 1), Config{})
	x := a.tasks[2]
	x.onElemOf(t, 0, elemIdle)
	out := a.tasks[0].outs[0]
	out.write(pairs(0, 1, 1))
	out.flush()
	for x.ins[0].ready(0) {
		if err := x.run(pickInput); err != nil {
			t.Fatal(err)
		}
	}
	other := a.tasks[1].outs[0]
	other.watermark(8)
	other.flush()
	for x.ins[1].ready(0) {
		if err := x.run(pickInput + 1); err != nil {
			t.Fatal(err)
		}
	}
	if x.wms.cur != 8 {
		t.Fatalf("the watermark is %d, want 8 of the input that is not idle", x.wms.cur)
	}
}

// onElemOf sends the task an element on channel i and lets it take it.
func (t *task) onElemOf(tb testing.TB, i int, k elemKind) {
	tb.Helper()
	t.att.tasks[t.ins[i].from.id].outs[0].control(elem{kind: k})
	for t.ins[i].ready(0) {
		if err := t.run(pickInput + pick(i)); err != nil {
			tb.Fatal(err)
		}
	}
}
