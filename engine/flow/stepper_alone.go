package flow

import "github.com/minkstream/mink/engine/batch"

// Alone is a Stepper that executes only what one operator depends on, and gives the
// operator its rows one by one: after calls, within the step, behind each of them. What
// the operator emits goes nowhere, so the run is not compared with the recorded one.
func (t *Tape) Alone(uid string, watch Watcher, after func(at Place, input int, b *batch.Batch, lane int) error) *Stepper {
	s := t.Stepper(watch)
	s.r.host.loose = true
	s.alone = &alone{uid: uid, after: after}
	return s
}

// alone says which operator is looked at apart.
type alone struct {
	uid   string
	after func(at Place, input int, b *batch.Batch, lane int) error
	view  batch.Batch
	busy  bool // with one row
}

// isolate leaves out the steps of tasks on which the operator does not depend.
func (s *Stepper) isolate(a *attempt) {
	p, g := s.r.host, a.job.graph
	needed := make([]bool, len(g.Vertices))
	for _, v := range g.Vertices {
		for i := range v.Nodes {
			needed[v.ID] = needed[v.ID] || v.Nodes[i].UID == s.alone.uid
		}
	}
	for again := true; again; {
		again = false
		for _, e := range g.Edges {
			if needed[e.To] && !needed[e.From] {
				needed[e.From], again = true, true
			}
		}
	}
	for i, t := range a.tasks {
		if !needed[t.v.ID] {
			p.at[i] = len(p.steps[i])
		}
		for _, n := range t.nodes {
			if n.spec.UID == s.alone.uid {
				n.alone = &alone{uid: s.alone.uid, after: s.alone.after}
				n.resume = nil // nothing is so much that it has to be interrupted
			}
		}
	}
}

// oneByOne gives the operator the rows of a batch one after the other, each with the
// marks that come before and behind it.
func (n *node) oneByOne(link, in int, b *batch.Batch) error {
	x := n.alone
	x.busy = true
	defer func() { x.busy = false }()
	mark := 0
	for i := range b.Rows() {
		l := b.Lane(i)
		x.view = *b
		x.view.Sel = []uint16{uint16(l)}
		from := mark
		for mark < len(b.Marks) && (int(b.Marks[mark].Pos) <= l+1 || i == b.Rows()-1) {
			mark++
		}
		x.view.Marks = b.Marks[from:mark:mark]
		if err := n.process(link, in, &x.view); err != nil {
			return err
		}
		if err := x.after(n.place(), in, b, l); err != nil {
			return err
		}
	}
	return nil
}
