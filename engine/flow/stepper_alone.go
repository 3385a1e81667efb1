package flow

import (
	"slices"

	"github.com/minkstream/mink/engine/batch"
)

// Alone is a Stepper that executes only what one operator depends on, and gives the
// operator its rows one by one: after calls, within the step, behind each of them. What
// the operator emits goes nowhere, so the run is not compared with the recorded one.
func (t *Tape) Alone(uid string, watch Watcher, after func(at Place, input int, b *batch.Batch, lane int) error) *Stepper {
	s := t.Stepper(watch)
	s.r.host.loose = true
	s.alone = &alone{uid: uid, after: after}
	return s
}

// Within is a Stepper that stands at a moment that was kept, with one task alone, whose
// operator it gives its rows one by one as Alone does. It is for the next step of that
// task: what the others would send is not there.
func (t *Tape) Within(k *Kept, task int, uid string, after func(at Place, input int, b *batch.Batch, lane int) error) (*Stepper, error) {
	s := t.Alone(uid, nil, after)
	if err := s.from(k, task); err != nil {
		return nil, err
	}
	for _, n := range s.att.tasks[task].nodes {
		s.single(n)
	}
	return s, nil
}

// Coming is the task that takes the next step, if it takes rows that an operator of it may
// get; -1 otherwise.
func (s *Stepper) Coming(uid string) int {
	if s.att == nil {
		return -1
	}
	p := s.r.host
	t := p.next(s.att)
	if t == nil || !slices.ContainsFunc(t.nodes, func(n *node) bool { return n.spec.UID == uid }) {
		return -1
	}
	if to := pick(p.steps[t.id][p.at[t.id]].Pick); to != pickPoll && to < pickInput {
		return -1
	}
	return t.id
}

// alone says which operator is looked at apart.
type alone struct {
	uid   string
	after func(at Place, input int, b *batch.Batch, lane int) error
	view  batch.Batch
	none  [1]uint16
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
			s.single(n)
		}
	}
}

// single lets a node take its rows one by one, if it is the one.
func (s *Stepper) single(n *node) {
	if n.spec.UID == s.alone.uid {
		n.alone = &alone{uid: s.alone.uid, after: s.alone.after}
		n.resume = nil // nothing is so much that it has to be interrupted
	}
}

// oneByOne gives the operator the rows of a batch one after the other, and the marks behind
// each of them apart: what a row writes may be gone when time has moved on.
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
		for mark < len(b.Marks) && int(b.Marks[mark].Pos) <= l {
			mark++ // between the row before and this one
		}
		before := mark
		for mark < len(b.Marks) && (int(b.Marks[mark].Pos) <= l+1 || i == b.Rows()-1) {
			mark++
		}
		x.view.Marks = b.Marks[from:before:before]
		if err := n.process(link, in, &x.view); err != nil {
			return err
		}
		if err := x.after(n.place(), in, b, l); err != nil {
			return err
		}
		if before == mark {
			continue
		}
		x.view = *b
		x.view.Sel, x.view.Marks = x.none[:0], b.Marks[before:mark:mark]
		if err := n.process(link, in, &x.view); err != nil {
			return err
		}
		if err := x.after(n.place(), in, b, l); err != nil {
			return err
		}
	}
	return nil
}
