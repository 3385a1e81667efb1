package debugger

import (
	"context"
	"time"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/flow"
	"github.com/minkstream/mink/engine/job"
)

// Job is a job of a tape with a cursor in it: a moment of its run that is looked at.
type Job struct {
	*job.Held
	// Operators are those of the plan that run, inputs before their readers.
	Operators []*Operator

	d    *Debugger
	uids map[string]*Operator

	// line has a mark for each step that was ever taken; whole says that it goes to the
	// end of the tape, diverged how that is no end.
	line     []mark
	whole    bool
	diverged error
	splits   map[string][]string // of each source vertex, in their order

	// The cursor: at steps were taken, of the last of them records, unless that is 0,
	// were taken alone.
	at      int64
	record  int
	stepper *flow.Stepper
	eyes    *eyes
	side    *flow.Stepper // stands within the step, where the cursor does
	ladder  ladder        // moments to go back to
	bases   map[int64]*base
	// At the newest rung that the stepper has come by: what it had copied, and its state.
	copied, wide int64
	run          int64 // counts the replays
	began        int64 // steps before the moment that the stepper began at

	breaks    []*Break
	lastBreak int
	scan      *scan // where they are hit, as far as is known; nil before
}

func newJob(d *Debugger, h *job.Held) *Job {
	j := &Job{Held: h, d: d, Operators: operators(h.Plan), uids: map[string]*Operator{}, splits: map[string][]string{}}
	for _, o := range j.Operators {
		j.uids[o.uid] = o
	}
	return j
}

func (j *Job) close() error {
	j.rewind()
	j.drop()
	j.rescan()
	return nil
}

// rewind lets go of the replay.
func (j *Job) rewind() {
	if j.stepper != nil {
		j.stepper.Close()
	}
	j.stepper, j.eyes = nil, nil
}

// drop lets go of what stands within a step.
func (j *Job) drop() {
	if j.side != nil {
		j.side.Close()
		j.side = nil
	}
}

// mark is what is remembered of a step.
type mark struct {
	Position
	task     int32
	taskStep int64
	input    int32
	what     string
	// rows were read or taken by the step.
	rows int32
	// now is when the step was taken, in milliseconds.
	now int64
	// watermark is the least of the sinks after the step; rose that some operator's did.
	watermark int64
	rose      bool
	late      int32
	failed    bool
	// sofar is how long it takes to execute the tape up to here.
	sofar time.Duration
	reads []readMark
	outs  []outMark
}

// readMark says which rows of a split a step read: up to number end, in all its attempt.
type readMark struct {
	source string // vertex
	split  string
	from   int64
	end    int64
}

// outMark says which rows of a sink a step wrote.
type outMark struct {
	op   *Operator
	from int64
	end  int64
}

// forward takes the next step on the way to step number to, or -1; false at the end of
// the tape.
func (j *Job) forward(capture bool, to int64) (bool, error) {
	if j.stepper == nil {
		if err := j.start(0); err != nil {
			return false, err
		}
	}
	j.record = 0
	j.drop()
	before := *j.eyes
	j.eyes.begin(capture)
	began := j.d.clock.Mono()
	e, more, err := j.stepper.Next()
	took := time.Duration(j.d.clock.Mono() - began)
	if _, differs := flow.IsDivergence(err); differs && j.began > 0 {
		// What one came to straight on may not be what one comes to from a moment that was
		// kept: a table that is looked up can answer by the calls that it got.
		j.ladder = ladder{off: true}
		return j.anew(capture, to)
	}
	if err != nil || !more {
		// The cursor stays where it is, and what happened there is what it shows.
		j.eyes.captured, j.eyes.moment, j.eyes.failed = before.captured, before.moment, before.failed
		j.whole, j.diverged = true, err
		return false, err
	}
	m := j.eyes.end(e)
	j.at++
	j.mark(m, j.at, took)
	j.keep(j.stepper, j.eyes, j.at, to)
	return true, nil
}

// anew comes from the start of the tape to the step behind the cursor.
func (j *Job) anew(capture bool, to int64) (bool, error) {
	at := j.at
	if err := j.start(0); err != nil {
		return false, err
	}
	for j.at < at {
		if more, err := j.forward(false, to); err != nil || !more {
			return more, err
		}
	}
	return j.forward(capture, to)
}

// mark notes step number n, if it is new.
func (j *Job) mark(m *mark, n int64, took time.Duration) {
	if n > int64(len(j.line)) {
		m.sofar = j.sofar(n-1) + took
		j.line = append(j.line, *m)
	}
}

// start begins the replay as near to step n as can be, at or before it.
func (j *Job) start(n int64) (err error) {
	j.rewind()
	j.stepper, j.eyes, j.at, err = j.begin(n)
	j.copied, j.wide, j.began = 0, 0, j.at
	j.run++
	if r := j.ladder.rungBefore(j.at); r != nil && r.at == j.at {
		j.wide = r.kept.StateBytes()
	}
	return err
}

// goTo moves the cursor behind step number n, which is known. The step's happenings are
// kept.
func (j *Job) goTo(ctx context.Context, n int64) error {
	// The last step has to be taken, for its happenings; where one stands is not left.
	if j.at != n && j.nearer(n-1) || j.stepper == nil {
		if err := j.start(max(0, n-1)); err != nil {
			return err
		}
	}
	j.record = 0
	j.drop()
	for j.at < n {
		if j.at&63 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if more, err := j.forward(j.at == n-1, n); err != nil || !more {
			return err
		}
	}
	return nil
}

// Stop is where the cursor came to a halt.
type Stop struct {
	Position Position `json:"position"`
	// Why: "moved", "start", "end", "break", "divergence".
	Why string `json:"why"`
	// Step says what the last step was; nil at the start.
	Step *Step `json:"step,omitempty"`
	// Break is the number of the breakpoint that stopped it.
	Break int `json:"break,omitempty"`
	// Error is what the step failed with, or how the run diverged from the recorded one.
	Error string `json:"error,omitempty"`
}

// Step is what happened in a step.
type Step struct {
	Task string `json:"task"`
	// Event is what it took: batch, watermark, barrier, poll, message and the like. From
	// is the task that a batch came from.
	Event string `json:"event"`
	From  string `json:"from,omitempty"`
	// Time is when it was taken, in milliseconds since the epoch.
	Time int64 `json:"time"`
	// Record is the one that the cursor stands behind.
	Record *Record `json:"record,omitempty"`
	// Events are what operators did, in order. Within a step they are those of the whole.
	Events []Happening `json:"events,omitempty"`
}

// Record is a row that a step took.
type Record struct {
	Number int    `json:"number"` // of Of rows that the step took
	Of     int    `json:"of"`
	Origin string `json:"origin,omitempty"` // orders/1@7041 of what was read
	Row    Row    `json:"row"`
}

// Happening is something that happened within a step.
type Happening struct {
	// Operator is its name, or that of a source's reader.
	Operator string `json:"operator"`
	// Kind: "read", "in", "out", "late", "watermark", "timer".
	Kind  string `json:"kind"`
	Input int    `json:"input,omitempty"`
	// Rows of read, in, out and late.
	Rows []Row `json:"rows,omitempty"`
	// Time is a watermark or a timer; of late rows the watermark that they were late
	// against. In milliseconds.
	Time int64 `json:"time,omitempty"`

	op   *Operator
	task int
}

// Position is where the cursor stands.
func (j *Job) Position() Position {
	if j.at == 0 {
		return Position{Position: flow.Position{Attempt: 1}}
	}
	p := j.line[j.at-1].Position
	p.Record = j.record
	return p
}

// Ordinal is the number of steps before the cursor.
func (j *Job) Ordinal() int64 { return j.at }

// Here is a Stop without having moved.
func (j *Job) Here() Stop { return j.stop("moved") }

func (j *Job) stop(why string) Stop {
	s := Stop{Position: j.Position(), Why: why}
	if j.at == 0 {
		s.Why = "start"
		return s
	}
	m := &j.line[j.at-1]
	tasks := j.stepper.Tasks()
	s.Step = &Step{Task: tasks[m.task].Name, Event: m.what, Time: m.now}
	if m.input >= 0 {
		s.Step.From = tasks[tasks[m.task].Inputs[m.input].From].Name
	}
	if j.eyes.captured {
		s.Step.Events = j.eyes.moment
		s.Step.Record = j.current()
	}
	if j.eyes.failed != nil {
		s.Error = j.eyes.failed.Error()
	}
	return s
}

// current is the record that the cursor stands behind.
func (j *Job) current() *Record {
	m := &j.line[j.at-1]
	if m.rows == 0 {
		return nil
	}
	k := int(m.rows)
	if j.record > 0 {
		k = j.record
	}
	for i := range j.eyes.moment {
		h := &j.eyes.moment[i]
		if h.Kind != "read" && h.Kind != "in" || len(h.Rows) < k {
			continue
		}
		r := &Record{Number: k, Of: int(m.rows), Row: h.Rows[k-1]}
		if h.Kind == "read" {
			r.Origin = j.origin(m.reads[0], int64(k)-1)
		}
		return r
	}
	return nil
}

// Seek goes to a target, forwards or backwards.
//
// It fails with not-found when the tape has no such place, and stays where it was.
func (j *Job) Seek(ctx context.Context, t Target) (Stop, error) {
	reached, err := j.reaches(t)
	if err != nil {
		return Stop{}, err
	}
	if t.Start || t.At != nil && t.At.Position == (flow.Position{Attempt: t.At.Attempt}) && t.At.Attempt <= 1 {
		if err := j.goTo(ctx, 0); err != nil {
			return Stop{}, err
		}
		return j.stop("start"), nil
	}
	was := j.at
	for i := range j.line {
		if reached(&j.line[i]) {
			return j.arrive(ctx, int64(i)+1, t)
		}
	}
	if !j.whole {
		if err := j.goTo(ctx, int64(len(j.line))); err != nil {
			return Stop{}, err
		}
	}
	from := j.at
	if t.End {
		from -= nearSteps
	}
	for !j.whole {
		if j.at&63 == 0 && ctx.Err() != nil {
			return Stop{}, ctx.Err()
		}
		// What happens is kept on short ways alone: behind a long one it is cheaper to
		// come to the step a second time.
		more, err := j.forward(j.at < from+nearSteps, -1)
		if err != nil {
			return j.divergence(err)
		}
		if more && reached(&j.line[j.at-1]) {
			return j.arrive(ctx, j.at, t)
		}
	}
	if t.End {
		if err := j.goTo(ctx, int64(len(j.line))); err != nil {
			return Stop{}, err
		}
		return j.stop("end"), nil
	}
	e := diag.New(diag.NotFound, "the tape has no %s", t).WithHint("it ends at %s", j.line[len(j.line)-1].Position)
	if err := j.goTo(ctx, was); err != nil {
		return Stop{}, err
	}
	return Stop{}, e
}

// nearSteps is a short way.
const nearSteps = 8

// arrive puts the cursor behind step n, or within it where the target says so.
func (j *Job) arrive(ctx context.Context, n int64, t Target) (Stop, error) {
	if err := j.into(ctx, n); err != nil {
		return Stop{}, err
	}
	m := &j.line[n-1]
	switch {
	case t.At != nil && t.At.Record > 0:
		if t.At.Record > int(m.rows) {
			return Stop{}, diag.New(diag.NotFound, "the step %s takes %d records", m.Position, m.rows)
		}
		j.setRecord(t.At.Record)
	case t.Source != "":
		for _, r := range m.reads {
			if t.Nth > r.from && t.Nth <= r.end {
				j.setRecord(int(t.Nth - r.from))
			}
		}
	}
	return j.stop("moved"), nil
}

// setRecord puts the cursor behind record k of the step.
func (j *Job) setRecord(k int) {
	j.drop()
	if j.record = k; k >= int(j.line[j.at-1].rows) {
		j.record = 0
	}
}

// divergence ends a motion where the replay is not the recorded run any more.
func (j *Job) divergence(err error) (Stop, error) {
	if _, ok := flow.IsDivergence(err); !ok {
		return Stop{}, err
	}
	if j.at == 0 {
		return Stop{Position: j.Position(), Why: "divergence", Error: err.Error()}, nil
	}
	s := j.stop("divergence")
	s.Error = err.Error()
	return s, nil
}

// reaches makes a test of whether a target is reached with a step.
func (j *Job) reaches(t Target) (func(m *mark) bool, error) {
	switch {
	case t.At != nil:
		p := *t.At
		return func(m *mark) bool { return p.Reached(m.Position.Position) }, nil
	case t.Time != nil:
		due := t.due(*t.Time)
		return func(m *mark) bool { return m.now > 0 && due(m.now) }, nil
	case t.Watermark != nil:
		due := t.due(*t.Watermark)
		return func(m *mark) bool {
			return m.watermark == batch.MaxWatermark || m.watermark != batch.NoWatermark && due(m.watermark)
		}, nil
	case t.Source != "":
		o, err := j.Operator(t.Source)
		if err != nil {
			return nil, err
		}
		if !o.source {
			return nil, diag.New(diag.NotFound, "%s is no source", o.Name)
		}
		return func(m *mark) bool {
			for _, r := range m.reads {
				if r.source == o.uid && j.splitNumber(r.source, r.split) == t.Split && r.end >= t.Nth {
					return true
				}
			}
			return false
		}, nil
	case t.Output != "":
		o, err := j.sink(t.Output)
		if err != nil {
			return nil, err
		}
		return func(m *mark) bool {
			for _, r := range m.outs {
				if r.op == o && r.end >= t.Nth {
					return true
				}
			}
			return false
		}, nil
	}
	return func(*mark) bool { return false }, nil
}

// At is the position behind step number n of the tape, counted from 1, if it has been
// that far.
func (j *Job) At(n int64) (Position, bool) {
	if n < 1 || n > int64(len(j.line)) {
		return Position{}, false
	}
	return j.line[n-1].Position, true
}
