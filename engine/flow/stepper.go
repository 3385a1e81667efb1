package flow

import (
	"errors"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/env"
	"github.com/minkstream/mink/engine/exec"
	"github.com/minkstream/mink/engine/trace"
)

// Stepper executes a tape again step by step; between two steps one may look at its
// tasks. Nothing is written anywhere: sinks are silent, external systems are not called.
// It belongs to one goroutine. Close it after use.
type Stepper struct {
	r    *replaying
	att  *attempt
	num  int // of the next attempt on the tape
	open []bool
	last StepEvent
	// alone is the operator that is looked at apart, or nil.
	alone *alone
}

// StepEvent is what a step was.
type StepEvent struct {
	// Position is where the run stands after the step, TimeMS when it was taken, in
	// milliseconds since the epoch.
	Position
	TimeMS int64
	// Task took it, as its step with this Number.
	Task   int
	Name   string
	Number int64
	// What is the kind of event: an element of a channel ("batch", "watermark", "idle",
	// "active", "barrier", "end"), "poll", "resume", "flush", or a message ("start",
	// "trigger", "complete", "abort", "timer", "wake", "periodic", "idleness", "answer",
	// "splits", "align", "report", "drain").
	What string
	// Input is the channel the element came by, or -1.
	Input int
	// Clock and Now are the reading of the processing time, if the step made one.
	Clock bool
	Now   int64
	// Began says that the step is the first of an attempt.
	Began bool
	// Err is what the step failed with when it was recorded, and again.
	Err error
}

// Stepper begins to execute the tape. watch may be nil.
func (t *Tape) Stepper(watch Watcher) *Stepper {
	core := *t.job
	core.watch = watch
	core.cfg.StateMemory = 0 // all of the state is there to be looked at
	core.pageBytes = keptPage
	own := *t
	own.job = &core
	return &Stepper{r: &replaying{tape: &own, host: &player{silent: true, store: &ckptStore{disk: env.NewMemDisk(), dir: "replay"}}, attempt: func(*attempt) {}}}
}

// keptPage is the size of pages of state: a page that changes is copied if a Kept has it,
// so they are small.
const keptPage = 16 << 10

// Next takes the next step. It returns false at the end of the tape. An error is a
// *Divergence, or says that the replay itself cannot go on.
func (s *Stepper) Next() (*StepEvent, bool, error) {
	tk, began, err := s.due()
	if tk == nil || err != nil {
		return nil, false, err
	}
	return s.take(tk, began)
}

// Partial takes the next step with no more than rows of its batch. What the tasks are
// then is what they are in the middle of the step; nothing but looking is possible
// afterwards.
func (s *Stepper) Partial(rows int) error {
	tk, _, err := s.due()
	if tk == nil || err != nil {
		return err
	}
	tk.rec.part = rows
	if _, _, err = s.take(tk, false); err != nil {
		if _, differs := IsDivergence(err); !differs {
			return err
		}
	}
	s.num = len(s.r.tape.attempts)
	s.r.host.at = make([]int, len(s.r.host.at))
	s.r.host.steps = make([][]trace.Step, len(s.r.host.steps))
	return nil
}

// due is the task whose step comes next, nil at the end of the tape; began says that it
// is the first of an attempt.
func (s *Stepper) due() (tk *task, began bool, err error) {
	for {
		if s.att == nil {
			if s.num == len(s.r.tape.attempts) {
				return nil, false, nil
			}
			if err := s.begin(); err != nil {
				return nil, false, err
			}
			began = true
		}
		if tk := s.r.host.next(s.att); tk != nil {
			return tk, began, nil
		}
		if err := s.r.leftOver(s.att); err != nil {
			return nil, false, err
		}
		if s.num == len(s.r.tape.attempts) {
			return nil, false, nil // the last attempt stays to be looked at
		}
		s.end()
	}
}

func (s *Stepper) begin() error {
	a, err := s.r.prepare(&s.r.tape.attempts[s.num])
	if err != nil {
		return err
	}
	s.num++
	s.att, s.open = a, make([]bool, len(a.tasks))
	if s.alone != nil {
		s.isolate(a)
	}
	return nil
}

func (s *Stepper) end() {
	for _, t := range s.att.tasks {
		t.close()
	}
	s.att = nil
}

// Close lets go of the tasks.
func (s *Stepper) Close() {
	if s.att != nil {
		s.end()
	}
	s.num = len(s.r.tape.attempts)
}

func (s *Stepper) take(tk *task, began bool) (*StepEvent, bool, error) {
	p := s.r.host
	if !s.open[tk.id] {
		s.open[tk.id] = true
		if err := tk.open(); err != nil {
			return nil, false, err
		}
		tk.live.Store(true)
	}
	rec := &p.steps[tk.id][p.at[tk.id]]
	e := &s.last
	*e = StepEvent{
		Task: tk.id, Name: tk.name, Number: rec.N, Clock: rec.Clock, Now: rec.Now, Began: began,
	}
	e.What, e.Input = s.what(tk, rec)
	p.failure = nil
	if err := p.step(tk); err != nil {
		return nil, false, err
	}
	e.Err = p.failure
	p.note(tk)
	e.Position, e.TimeMS = p.moment.Position, p.moment.TimeMS
	return e, true, nil
}

// what names the event that a step takes.
func (s *Stepper) what(t *task, rec *trace.Step) (string, int) {
	switch in := int(pick(rec.Pick) - pickInput); {
	case in >= 0 && in < len(t.ins):
		return elemNames[t.ins[in].peek().kind], in
	case pick(rec.Pick) == pickMail:
		if m, err := decodeMail(rec.Mail, t.att.n); err == nil && int(m.kind) < len(mailNames) {
			return mailNames[m.kind], -1
		}
		return "message", -1
	case pick(rec.Pick) == pickPoll:
		return "poll", -1
	case pick(rec.Pick) == pickResume:
		return "resume", -1
	}
	return "flush", -1
}

var elemNames = [...]string{
	elemBatch: "batch", elemMark: "watermark", elemIdle: "idle", elemActive: "active", elemBarrier: "barrier", elemEnd: "end",
}

var mailNames = [...]string{
	mailNone: "message", mailStart: "start", mailTrigger: "trigger", mailComplete: "complete", mailAbort: "abort", mailTimer: "timer",
	mailFlush: "flush", mailWake: "wake", mailPeriodic: "periodic", mailIdle: "idleness", mailAsync: "answer", mailSplits: "splits",
	mailAlign: "align", mailReport: "report", mailDrain: "drain", mailAnswer: "answer", mailGo: "go",
}

// peek is the oldest element, which there must be.
func (p *pipe) peek() elem { return p.ring[p.head] }

// TaskView is a task between two steps.
type TaskView struct {
	ID, Vertex, Subtask int
	Name, UID           string
	Steps               int64
	// Watermark is the combined one of the inputs, or of a source what it has passed on.
	Watermark   int64
	Idle, Ended bool
	// Paused: an operator is in the middle of a large output. Calls is the number of
	// calls to the outside that have not come back.
	Paused bool
	Calls  int
	// Aligning is the checkpoint whose barriers are being waited for, 0 for none.
	Aligning int64
	Ops      []OpView
	Inputs   []ChannelView
	Splits   []SplitView
	// Left is the number of its steps that are left on the tape.
	Left int
}

// OpView is an operator between two steps.
type OpView struct {
	Node                    int
	UID, Name               string
	Watermark, OutWatermark int64
	Timers                  []int64 // processing time
	RowsIn, RowsOut, Late   int64
	StateRows, StateBytes   int64
	Counters                []Counter
	Sink                    bool
}

// ChannelView is an input channel and what waits in it.
type ChannelView struct {
	From, Input          int // task, and input of the head
	Watermark            int64
	Idle, Ended, Blocked bool
	// Batches and Rows wait in it; Open rows are in the sender's open batch.
	Batches, Rows, Open int
	Elements            []string
}

// SplitView is a split of a source.
type SplitView struct {
	ID                   string
	Watermark            int64
	Idle, Ended, Waiting bool
}

// Tasks is a picture of all tasks, nil before the first step.
func (s *Stepper) Tasks() []TaskView {
	if s.att == nil {
		return nil
	}
	out := make([]TaskView, len(s.att.tasks))
	for i, t := range s.att.tasks {
		out[i] = s.view(t)
	}
	return out
}

func (s *Stepper) view(t *task) TaskView {
	p := s.r.host
	v := TaskView{
		ID: t.id, Vertex: t.v.ID, Subtask: t.sub, Name: t.name, UID: t.v.UID, Steps: t.step, Watermark: t.wms.cur, Idle: t.idle, Ended: t.ended,
		Paused: t.paused != nil, Calls: t.calls, Aligning: t.align, Left: len(p.steps[t.id]) - p.at[t.id],
	}
	for _, n := range t.nodes {
		o := OpView{
			Node: n.num, UID: n.spec.UID, Name: n.spec.Name, Watermark: n.ctx.Watermark(), OutWatermark: n.outWM, Timers: slices.Clone(n.timers),
			RowsIn: n.rowsIn, RowsOut: n.rowsOut, Late: n.late, Counters: slices.Clone(n.counters), Sink: n.sink != nil,
		}
		if t.store != nil && s.open[t.id] {
			for _, d := range t.store.Describe() {
				if strings.HasPrefix(d.Name, n.spec.UID+".") && d.Kind != "counters" && d.Kind != "value" {
					o.StateRows += d.Entries
					o.StateBytes += d.MemBytes
				}
			}
		}
		v.Ops = append(v.Ops, o)
	}
	for i, c := range t.ins {
		v.Inputs = append(v.Inputs, t.channelView(i, c))
	}
	if t.src != nil {
		v.Watermark = t.src.passed
		for i, sp := range t.src.splits {
			in := &t.src.wms.in[i]
			v.Splits = append(v.Splits, SplitView{ID: sp.at.ID, Watermark: in.wm, Idle: in.idle, Ended: sp.ended, Waiting: sp.waiting})
		}
	}
	return v
}

func (t *task) channelView(i int, c *pipe) ChannelView {
	in := &t.wms.in[i]
	v := ChannelView{From: c.from.id, Input: t.inputs[i], Watermark: in.wm, Idle: in.idle, Ended: in.over(), Blocked: t.blocked[i]}
	for k := range c.n {
		e := &c.ring[(c.head+k)&(len(c.ring)-1)]
		if v.Elements = append(v.Elements, elemNames[e.kind]); e.l != nil {
			v.Batches++
			v.Rows += e.l.b.Rows()
		}
	}
	for _, o := range c.from.outs {
		for _, l := range o.lanes {
			if l.open != nil && slices.Contains(l.pipes, c) {
				v.Open += l.open.b.Rows()
			}
		}
	}
	return v
}

// State shows the structures of an operator of a task as tables of at most so many rows.
func (s *Stepper) State(task, node, most int) []exec.StateTable {
	if s.att == nil || task >= len(s.att.tasks) || !s.open[task] {
		return nil
	}
	t := s.att.tasks[task]
	if node < 0 || node >= len(t.nodes) || t.store == nil {
		return nil
	}
	return exec.LookState(t.nodes[node].op, &t.nodes[node].ctx, most)
}

// Peek visits the batches that wait in a channel of a task, oldest first.
func (s *Stepper) Peek(task, channel int, visit func(b *batch.Batch)) {
	if s.att == nil {
		return
	}
	c := s.att.tasks[task].ins[channel]
	for k := range c.n {
		if e := &c.ring[(c.head+k)&(len(c.ring)-1)]; e.l != nil {
			visit(&e.l.b)
		}
	}
}

// Graph is the job's.
func (t *Tape) Graph() *Graph { return t.job.graph }

// IsDivergence reports a replay that is not the recorded run, and how.
func IsDivergence(err error) (*Divergence, bool) {
	var d *Divergence
	return d, errors.As(err, &d)
}

// Restored is the checkpoint that the attempt began from, 0 for none.
func (s *Stepper) Restored() int64 {
	if s.att == nil {
		return 0
	}
	return s.att.restored
}

// firstRows leaves no more than n rows of a batch, with the marks between them.
func firstRows(b *batch.Batch, n int) {
	if n >= b.Rows() {
		return
	}
	end := uint16(b.Lane(n-1)) + 1
	if b.Sel == nil {
		b.Sel = batch.Span(0, n)
	} else {
		b.Sel = b.Sel[:n]
	}
	for i, m := range b.Marks {
		if m.Pos > end {
			b.Marks = b.Marks[:i]
			break
		}
	}
}
