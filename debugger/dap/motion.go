package dap

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/go-dap"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
)

const noWatermark = batch.NoWatermark

// stopped is where the job that moves stands.
type stopped struct {
	debugger.Stop
	// ops are the operators that did something in the step, in that order; focus is the one
	// that is looked at, by its place among them.
	ops   []*debugger.Operator
	focus int
	// row is the one that a breakpoint was hit for, nil otherwise.
	row *debugger.Row
	// hit is the breakpoint of a line that was, nil otherwise: an operator may stand on several.
	hit       *part
	exception string
	text      string
}

type motion func(j *debugger.Job) (debugger.Stop, []debugger.Hit, error)

// take makes a thread the one that moves.
func (s *session) take(thread int) {
	if thread >= 1 && thread <= len(s.d.Jobs) {
		s.job = thread - 1
	}
}

func (s *session) goOn(back bool) motion {
	return func(j *debugger.Job) (debugger.Stop, []debugger.Hit, error) {
		st, hits, err := j.Continue(s.moving(), back)
		if err != nil || back || s.live == nil || st.Why != "end" {
			return st, hits, err
		}
		// The job has gone on since.
		if err := s.renew(s.live.Update); err != nil {
			return st, nil, err
		}
		return s.j().Continue(s.moving(), false)
	}
}

func (s *session) by(u debugger.Unit, n int) motion {
	return func(j *debugger.Job) (debugger.Stop, []debugger.Hit, error) {
		st, err := j.Step(s.moving(), u, n)
		return st, nil, err
	}
}

// unit is what an editor's step is: a record, or for instructions a step of a task.
func unit(g dap.SteppingGranularity) debugger.Unit {
	if g == "instruction" {
		return debugger.ByStep
	}
	return debugger.ByRecord
}

// moving is the context of a motion, which a pause ends.
func (s *session) moving() context.Context {
	s.moveMu.Lock()
	defer s.moveMu.Unlock()
	ctx, cancel := context.WithCancel(s.ctx)
	s.cancel = cancel
	return ctx
}

// move carries a motion out and tells the editor where it ended.
func (s *session) move(reason string, m motion) {
	st, hits, err := m(s.j())
	s.interrupt() // its context is of no use any more
	if s.ctx.Err() != nil {
		return
	}
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			s.say("stderr", err.Error()+"\n")
		}
		reason, st, hits = "pause", s.j().Here(), nil
	}
	s.arrive(st, hits)
	s.tell()
	e := &dap.StoppedEvent{Event: event("stopped")}
	e.Body = dap.StoppedEventBody{Reason: reason, ThreadId: s.job + 1, AllThreadsStopped: true}
	switch st.Why {
	case "end", "start":
		e.Body.Reason, e.Body.Description = "pause", "the "+st.Why+" of the tape"
		if reason == "entry" {
			e.Body.Reason = reason
		}
	case "divergence":
		s.at.exception, s.at.text = "divergence", st.Error
		e.Body.Reason, e.Body.Text = "exception", st.Error
	}
	only := len(hits) > 0
	for _, h := range hits {
		b, p := s.behind(s.job, h.Break)
		if b == nil || b.log != "" {
			continue
		}
		if p.at != nil && s.at.hit == nil && len(s.at.ops) > 0 && p.at.op == s.at.ops[s.at.focus] {
			s.at.hit = p
		}
		if !slices.Contains(e.Body.HitBreakpointIds, b.id) {
			e.Body.HitBreakpointIds = append(e.Body.HitBreakpointIds, b.id)
		}
		if e.Body.Text == "" {
			e.Body.Text = h.Text
		}
		only = only && b.group == "exception"
		switch b.group {
		case "exception":
			s.at.exception, s.at.text = b.exception, h.Text
			if st.Error != "" {
				s.at.text = st.Error
			}
		case "data":
			e.Body.Reason = "data breakpoint"
		case "function":
			e.Body.Reason = "function breakpoint"
		}
	}
	if only {
		e.Body.Reason, e.Body.Text = "exception", s.at.text
	}
	e.Body.Description = strings.TrimSpace(st.Position.String() + " " + e.Body.Description)
	s.send(e)
}

// arrive works out who did something in the step, and who is looked at.
func (s *session) arrive(st debugger.Stop, hits []debugger.Hit) {
	s.refs = nil
	s.at = stopped{Stop: st}
	if st.Step != nil {
		for _, h := range st.Step.Events {
			if o, err := s.j().Operator(h.Operator); err == nil && h.Kind != "watermark" && !slices.Contains(s.at.ops, o) {
				s.at.ops = append(s.at.ops, o)
			}
		}
		if len(s.at.ops) == 0 { // a step that moved watermarks alone
			for _, h := range st.Step.Events {
				if o, err := s.j().Operator(h.Operator); err == nil && !slices.Contains(s.at.ops, o) {
					s.at.ops = append(s.at.ops, o)
				}
			}
		}
	}
	for _, h := range hits {
		for _, b := range s.j().Breaks() {
			if b.ID != h.Break || b.Operator == "" || b.Log {
				continue
			}
			o, err := s.j().Operator(b.Operator)
			if err != nil {
				continue
			}
			if i := slices.Index(s.at.ops, o); i >= 0 {
				s.at.focus = i
			}
			if len(h.Rows) > 0 && b.Kind != debugger.BreakState {
				s.at.row = &h.Rows[0]
			}
			return
		}
	}
}

// stepIn follows the rows of the step to the next operator; behind the last it is a step to
// the next record.
func (s *session) stepIn() {
	if s.at.focus+1 < len(s.at.ops) {
		s.at.focus++
		s.at.row, s.at.hit = nil, nil
		s.refs = nil
		e := &dap.StoppedEvent{Event: event("stopped")}
		e.Body = dap.StoppedEventBody{Reason: "step", Description: s.at.Position.String(), ThreadId: s.job + 1, AllThreadsStopped: true}
		s.send(e)
		return
	}
	s.move("step", s.by(debugger.ByRecord, 1))
}

// stepOut goes on to the next step of a task: within one, behind its last record.
func (s *session) stepOut() { s.move("step", s.by(debugger.ByStep, 1)) }

func (s *session) threads() []dap.Thread {
	var list []dap.Thread
	for i, j := range s.d.Jobs {
		name := j.Name
		if name == "" {
			name = "job"
		}
		list = append(list, dap.Thread{Id: i + 1, Name: name})
	}
	return list
}

// frame is one of the stack: an operator of a job.
func frameID(job, op int) int { return job<<16 + op + 1 }

func (s *session) frame(id int) (*debugger.Job, *debugger.Operator, error) {
	job, op := id>>16, id&0xffff-1
	if job < 0 || job >= len(s.d.Jobs) || op < 0 || op >= len(s.d.Jobs[job].Operators) {
		return nil, nil, diag.New(diag.NotFound, "there is no such frame")
	}
	return s.d.Jobs[job], s.d.Jobs[job].Operators[op], nil
}

// stack is the operator that is looked at, and those that its rows came from, down to a
// source.
func (s *session) stack(a dap.StackTraceArguments) dap.StackTraceResponseBody {
	body := dap.StackTraceResponseBody{StackFrames: []dap.StackFrame{}}
	job := a.ThreadId - 1
	if job < 0 || job >= len(s.d.Jobs) {
		return body
	}
	j := s.d.Jobs[job]
	var chain []*debugger.Operator
	if job == s.job && len(s.at.ops) > 0 {
		chain = s.upstream(s.at.ops[s.at.focus])
	} else if n := len(j.Operators); n > 0 {
		chain = s.upstream(j.Operators[n-1]) // it stands still at its start, or where it was
	}
	for i, o := range chain {
		f := dap.StackFrame{Id: frameID(job, slices.Index(j.Operators, o)), Name: o.Name}
		if o.Table != "" {
			f.Name += " " + o.Table
		}
		if p := s.of(job, o); p != nil {
			c := s.scripts[p.script]
			line, column := c.at(p.from)
			endLine, endColumn := c.at(p.to)
			if h := s.at.hit; i == 0 && job == s.job && h != nil {
				// The editor looks for the stop where it set the breakpoint.
				p = h.at
				first, begin := c.at(p.from)
				if line, column = h.line, begin; first != line {
					column = 1
				}
				endLine, endColumn = c.at(p.to)
			}
			f.Source, f.Line, f.Column, f.EndLine, f.EndColumn = s.source(p.script), s.toLine(line), s.toColumn(column), s.toLine(endLine), s.toColumn(endColumn)
		}
		body.StackFrames = append(body.StackFrames, f)
	}
	body.TotalFrames = len(body.StackFrames)
	from := min(a.StartFrame, len(body.StackFrames))
	body.StackFrames = body.StackFrames[from:]
	if a.Levels > 0 && a.Levels < len(body.StackFrames) {
		body.StackFrames = body.StackFrames[:a.Levels]
	}
	return body
}

// upstream is an operator and, of those before it, the ones that its rows came from in the
// step; where that is not known, the first.
func (s *session) upstream(o *debugger.Operator) []*debugger.Operator {
	var out []*debugger.Operator
	for o != nil && !slices.Contains(out, o) {
		out = append(out, o)
		var next *debugger.Operator
		for _, list := range o.Inputs {
			for _, in := range list {
				if next == nil || slices.Contains(s.at.ops, in) && !slices.Contains(s.at.ops, next) {
					next = in
				}
			}
		}
		o = next
	}
	return out
}
