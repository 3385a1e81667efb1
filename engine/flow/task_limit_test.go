package flow

import (
	"testing"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/exec"
)

// caller starts a call for each batch, of which one may be under way.
type caller struct {
	exec.Stateless
	calls int
}

func (o *caller) Process(c *exec.Ctx, _ int, _ *batch.Batch) error {
	o.calls++
	c.Host.(exec.Async).Start("ask", func() ([]byte, error) { return nil, nil })
	return nil
}

func (o *caller) Completed(*exec.Ctx, int64, []byte, error) error { o.calls--; return nil }
func (o *caller) Full() bool                                      { return o.calls > 0 }

// While an operator is full its task takes neither rows nor barriers; the answer, which
// it does take, makes room.
func TestFullOperatorTakesNoRows(t *testing.T) {
	op := &caller{}
	g := edge(Single, 1, 1)
	g.Vertices[1].Nodes[0].Op = func() exec.Operator { return op }
	a := still(t, g, Config{})
	x, out := a.tasks[1], a.tasks[0].outs[0]
	for range 2 {
		out.write(pairs(0, 1, 1))
		out.flush()
	}
	last := 0
	if p := x.choose(0, &last); p != pickInput {
		t.Fatalf("picks %d, want the first row", p)
	}
	if err := x.run(pickInput); err != nil {
		t.Fatal(err)
	}
	if p := x.choose(0, &last); p != pickNone || len(x.choices(0, nil)) > 0 {
		t.Fatalf("picks %d while a call is under way", p)
	}
	if err := x.onAsync(&mail{kind: mailAnswer, payload: &asyncResult{node: 0, id: 1}}); err != nil {
		t.Fatal(err)
	}
	if p := x.choose(0, &last); p != pickInput {
		t.Fatalf("picks %d after the answer, want the second row", p)
	}
}
