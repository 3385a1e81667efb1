package debugger

import (
	"context"
	"slices"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/flow"
)

// tracing is a run of a tape that looks for rows which could have become, or have
// become, what is asked of an output.
type tracing struct {
	watchNone
	j *Job
	// sites of operators: one for each question about it. root is that of the output.
	sites map[*Operator][]*site
	root  *site
	but   map[input]asked
	// until is the number of steps to take.
	until int64

	s    *flow.Stepper
	now  int64 // the step
	read *readMark
	eyes *eyes // count rows and steps
}

// site is an operator with what is asked of its output and of each input, and what was
// found.
type site struct {
	op   *Operator
	want asked
	ins  []asked
	// below are the sites of the producers of each input, as this one asks them.
	below [][]*site
	out   edge
	// near are rows of the output that are as asked in all that the operator took from its
	// inputs, its keys, whatever it made of them.
	near edge
	in   []edge
	late []lateFound
	// cond of out, near and of ins; nil lets all rows pass.
	outCond, nearCond *condition
	inConds           []*condition
	// watermark is the least of the subtasks at the end.
	watermarks map[int]int64
	rose       []rise
}

// edge is the rows that were found on it.
type edge struct {
	adds, retracts int64
	rows           []found // the first of them
	last           *found  // the newest
	lastRetract    *found
	all            int64 // rows of any kind, asked for or not
	sample         *found
}

// found is a row that was found.
type found struct {
	row    Row
	step   int64 // ordinal
	origin string
	// watermark of the operator when it got the row.
	watermark int64
}

type lateFound struct {
	found
	input int
}

// rise is a watermark that passed, and the row of a source that moved it there.
type rise struct {
	step      int64
	watermark int64
}

// foundMax is how many rows of an edge are kept.
const foundMax = 100

// trace prepares sites for what is asked of the output of an operator, or of what a sink
// takes, in the first so many steps. An operator with several readers has a site for each
// question that they have, up to questionsMax; with together it has one, which is asked
// what any of them asks. But are rows that inputs are said not to have taken.
func (j *Job) trace(o *Operator, want asked, until int64, together bool, but map[input]asked) (*tracing, error) {
	t := &tracing{j: j, sites: map[*Operator][]*site{}, until: until, but: but}
	// A question is what a site asks of a producer: its place in below.
	type question struct {
		asked
		by **site
	}
	questions := map[*Operator][]question{o: {{want, &t.root}}}
	for i := len(j.Operators) - 1; i >= 0; i-- {
		o := j.Operators[i]
		var texts []string // of the distinct questions
		var wants []asked
		for _, q := range questions[o] {
			if text := q.text(o.Schema()); !slices.Contains(texts, text) {
				texts, wants = append(texts, text), append(wants, q.asked)
			}
		}
		if len(wants) > 1 && together || len(wants) > questionsMax {
			wants = []asked{oneOf(wants)}
		}
		for _, want := range wants {
			s, err := t.site(o, want)
			if err != nil {
				return nil, err
			}
			for in, producers := range o.Inputs {
				s.below = append(s.below, make([]*site, len(producers)))
				for k, p := range producers {
					questions[p] = append(questions[p], question{s.ins[in], &s.below[in][k]})
				}
			}
		}
		for _, q := range questions[o] {
			*q.by = t.sites[o][0]
			if len(wants) > 1 {
				*q.by = t.sites[o][slices.Index(texts, q.text(o.Schema()))]
			}
		}
	}
	return t, nil
}

// questionsMax bounds how often the rows of one operator are looked at.
const questionsMax = 8

// input is an input of an operator.
type input struct {
	op *Operator
	in int
}

// oneOf is true where one of several conditions is.
func oneOf(list []asked) asked {
	var any []expr.Node
	for _, a := range list {
		n := a.node()
		if n == nil {
			return nil
		}
		any = append(any, n)
	}
	if len(any) == 1 {
		return list[0]
	}
	return asked{expr.NewOr(any...)}
}

func (t *tracing) site(o *Operator, want asked) (*site, error) {
	s := &site{op: o, want: want, watermarks: map[int]int64{}, in: make([]edge, len(o.InSchemas)), inConds: make([]*condition, len(o.InSchemas))}
	t.sites[o] = append(t.sites[o], s)
	var err error
	if n := want.node(); n != nil {
		if s.outCond, err = t.j.compile(n, o.Schema()); err != nil {
			return nil, err
		}
	}
	if n := keysOf(o, want).node(); n != nil {
		if s.nearCond, err = t.j.compile(n, o.Schema()); err != nil {
			return nil, err
		}
	}
	for i := range o.InSchemas {
		x := append(below(o, i, want), t.but[input{o, i}]...)
		s.ins = append(s.ins, x)
		if n := x.node(); n != nil {
			if s.inConds[i], err = t.j.compile(n, o.InSchemas[i]); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// run executes the tape up to a step.
func (t *tracing) run(ctx context.Context) error {
	t.eyes = newEyes(t.j)
	t.eyes.listener = t
	t.s = t.j.Tape.Stepper(t.eyes)
	t.eyes.restored = t.s.Restored
	defer t.s.Close()
	for t.now < t.until {
		if t.now&63 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		t.now++
		t.eyes.begin(false)
		began := t.j.d.clock.Mono()
		e, more, err := t.s.Next()
		if err != nil {
			if _, differs := flow.IsDivergence(err); differs {
				return nil // what was recorded goes no further
			}
			return err
		}
		if !more {
			t.now--
			return nil
		}
		m := t.eyes.end(e)
		t.j.mark(m, t.now, time.Duration(t.j.d.clock.Mono()-began))
	}
	return nil
}

// look counts the rows of a batch that are asked for. lanes nil is all rows.
func (t *tracing) look(e *edge, c *condition, o *Operator, input int, b *batch.Batch, watermark int64, origin func(k int) string) {
	e.all += int64(b.Rows())
	schema := o.Schema()
	if input >= 0 {
		schema = o.InSchemas[input]
	}
	keep := func(lane, k int) *found {
		f := &found{row: keptRow(schema, b, lane), step: t.now, watermark: watermark}
		if origin != nil {
			f.origin = origin(k)
		}
		return f
	}
	if e.sample == nil && b.Rows() > 0 {
		e.sample = keep(b.Lane(0), 0)
	}
	lanes := t.pass(c, b, watermark)
	k := 0
	for _, l := range lanes {
		for origin != nil && b.Lane(k) != int(l) {
			k++
		}
		adds := b.Kind(int(l)).Adds()
		if adds {
			e.adds++
		} else {
			e.retracts++
		}
		if len(e.rows) < foundMax {
			e.rows = append(e.rows, *keep(int(l), k))
		}
	}
	if n := len(lanes); n > 0 {
		l := int(lanes[n-1])
		f := keep(l, k)
		if b.Kind(l).Adds() {
			e.last = f
		} else {
			e.lastRetract = f
		}
	}
}

// pass are the lanes that a condition is true of; a row for which it fails is none.
func (t *tracing) pass(c *condition, b *batch.Batch, watermark int64) []uint16 {
	if c == nil {
		lanes := make([]uint16, b.Rows())
		for i := range lanes {
			lanes[i] = uint16(b.Lane(i))
		}
		return lanes
	}
	lanes, err := c.lanes(b, watermark)
	if err == nil {
		return lanes
	}
	for i := range b.Rows() {
		one := *b
		one.Sel = []uint16{uint16(b.Lane(i))}
		if l, err := c.lanes(&one, watermark); err == nil {
			lanes = append(lanes, l...)
		}
	}
	return lanes
}

// Took counts what an operator gets.
func (t *tracing) Took(at flow.Place, input int, b *batch.Batch) {
	o := t.j.uids[at.UID]
	for _, s := range t.sites[o] {
		if input < len(s.in) && b.Rows() > 0 {
			t.look(&s.in[input], s.inConds[input], o, input, b, at.Watermark, t.fromReader(o, at, b))
		}
	}
}

// fromReader gives the origins of rows that come straight from a reader.
func (t *tracing) fromReader(o *Operator, at flow.Place, b *batch.Batch) func(k int) string {
	reads := t.eyes.now.reads
	if at.Node != 0 || len(reads) != 1 || len(o.Inputs) != 1 || len(o.Inputs[0]) != 1 || !o.Inputs[0][0].source || reads[0].end-reads[0].from != int64(b.Rows()) {
		return nil
	}
	r := reads[0]
	return func(k int) string { return t.originOf(r, int64(k)) }
}

// Read counts what a source gives, which Gave tells too.
func (t *tracing) Read(at flow.Place, split string, _ *batch.Batch) {
	reads := t.eyes.now.reads
	t.read = &reads[len(reads)-1]
}

// Gave counts what an operator or a source passes on.
func (t *tracing) Gave(at flow.Place, b *batch.Batch) {
	o := t.j.uids[at.UID]
	if len(t.sites[o]) == 0 || b.Rows() == 0 {
		return
	}
	var origin func(k int) string
	if at.Node < 0 {
		if !o.source {
			return
		}
		r := *t.read
		origin = func(k int) string { return t.originOf(r, int64(k)) }
	} else if o.source {
		return
	}
	for _, s := range t.sites[o] {
		t.look(&s.out, s.outCond, o, -1, b, at.Watermark, origin)
		if at.Node >= 0 {
			t.look(&s.near, s.nearCond, o, -1, b, at.Watermark, nil)
		}
	}
}

func (t *tracing) originOf(r readMark, n int64) string { return t.j.originAs(t.s, r, n) }

// Late notes rows that were left out.
func (t *tracing) Late(at flow.Place, input int, b *batch.Batch, lanes []uint16, watermark int64) {
	o := t.j.uids[at.UID]
	view := *b
	view.Sel = lanes
	for _, s := range t.sites[o] {
		if input >= len(s.in) {
			continue
		}
		for _, l := range t.pass(s.inConds[input], &view, watermark) {
			if len(s.late) < foundMax {
				row := keptRow(o.InSchemas[input], b, int(l))
				s.late = append(s.late, lateFound{found{row: row, step: t.now, watermark: watermark}, input})
			}
		}
	}
}

// Watermark notes how far operators are.
func (t *tracing) Watermark(at flow.Place, watermark int64) {
	for _, s := range t.sites[t.j.uids[at.UID]] {
		s.watermarks[at.Task] = watermark
		if len(s.rose) < 4*foundMax {
			s.rose = append(s.rose, rise{t.now, watermark})
		}
	}
}

// watermark is the least of an operator's subtasks.
func (s *site) watermark() int64 {
	if len(s.watermarks) == 0 {
		return batch.NoWatermark
	}
	least := batch.MaxWatermark
	for _, w := range s.watermarks { //mink:det-ok a minimum
		least = min(least, w)
	}
	return least
}

// position is where a run stands after a step.
func (t *tracing) position(step int64) Position {
	if step < 1 || step > int64(len(t.j.line)) {
		return Position{}
	}
	return t.j.line[step-1].Position
}
