package dap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-dap"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// breaks are the breakpoints that the editor has set, each with those of the debugger
// that stand for it. An editor sets all of a kind at once.
type breaks struct {
	last int
	list []*breakpoint
}

// breakpoint is one of the editor.
type breakpoint struct {
	id    int
	group string // lines of a source, "function", "exception" or "data"
	// exception is the filter.
	exception string
	// log is the message of a logpoint, told is how many hits of each part were told.
	log   string
	parts []part
}

// part is a breakpoint of a job.
type part struct {
	job, id int
	set     debugger.Break
	told    int
	// at is where it was set on line, as a script counts them; nil for one of no line.
	at   *place
	line int
}

// clear removes those of a group.
func (s *session) clear(group string) {
	s.breaks.list = slices.DeleteFunc(s.breaks.list, func(b *breakpoint) bool {
		if b.group != group {
			return false
		}
		for _, p := range b.parts {
			_ = s.d.Jobs[p.job].Unset(p.id) // it is there
		}
		return true
	})
}

// add sets a breakpoint of the debugger in jobs for one of the editor.
func (s *session) add(b *breakpoint, job int, x debugger.Break) error {
	x.Log = x.Log || b.log != ""
	set, err := s.d.Jobs[job].Set(x)
	if err == nil {
		b.parts = append(b.parts, part{job: job, id: set.ID, set: x})
	}
	return err
}

// keep numbers a breakpoint and answers what became of it.
func (s *session) keep(b *breakpoint, err error) dap.Breakpoint {
	s.breaks.last++
	b.id = s.breaks.last
	if len(b.parts) == 0 {
		out := dap.Breakpoint{Id: b.id, Message: "nothing runs here"}
		if err != nil {
			out.Message = err.Error()
		}
		return out
	}
	s.breaks.list = append(s.breaks.list, b)
	return dap.Breakpoint{Id: b.id, Verified: true}
}

// setLines sets those of a source: rows that the operators of a line give.
func (s *session) setLines(a dap.SetBreakpointsArguments) []dap.Breakpoint {
	i := s.scriptOf(&a.Source)
	group := "line " + strconv.Itoa(i)
	s.clear(group)
	list := []dap.Breakpoint{}
	for _, want := range a.Breakpoints {
		if i < 0 {
			list = append(list, dap.Breakpoint{Message: "the job is not of this file"})
			continue
		}
		b := &breakpoint{group: group, log: want.LogMessage}
		ops, line := s.onLine(i, s.fromLine(want.Line))
		if b.log != "" {
			ops = once(ops)
		}
		after, err := hitCount(want.HitCondition)
		var bad error
		for _, p := range ops {
			if err != nil {
				break
			}
			if e := s.add(b, p.job, debugger.Break{Kind: debugger.BreakRecord, Operator: p.op.Name, Gets: p.where && want.Condition != "", Where: want.Condition, After: after}); e != nil {
				bad = e // the condition is about the columns of others
			} else if n := len(b.parts); n > 0 {
				b.parts[n-1].at, b.parts[n-1].line = &p, line
			}
		}
		if err == nil {
			err = bad
		}
		out := s.keep(b, err)
		out.Source, out.Line = s.source(i), want.Line
		if line > 0 {
			out.Line = s.toLine(line)
		}
		list = append(list, out)
	}
	return list
}

// once leaves out operators whose rows reach a sink of the same line: they are told of there.
func once(ops []place) []place {
	return slices.DeleteFunc(slices.Clone(ops), func(p place) bool {
		return slices.ContainsFunc(ops, func(q place) bool {
			return q.job == p.job && sink(q.op) && slices.ContainsFunc(q.op.Inputs, func(in []*debugger.Operator) bool { return slices.Contains(in, p.op) })
		})
	})
}

func sink(o *debugger.Operator) bool {
	_, ok := o.Node.(*plan.Sink)
	return ok
}

// hitCount reads a hit condition: 5, or >= 5, stops at the fifth hit and those behind it.
func hitCount(text string) (after int, err error) {
	text = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(text), ">= "))
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, diag.New(diag.Config, "%q is no number of hits", text)
	}
	return n - 1, nil
}

// setFunctions sets those that are named: an operator or a table, or what break takes.
func (s *session) setFunctions(list []dap.FunctionBreakpoint) []dap.Breakpoint {
	s.clear("function")
	out := []dap.Breakpoint{}
	for _, want := range list {
		b := &breakpoint{group: "function"}
		x, err := debugger.ParseBreak(want.Name)
		if err != nil {
			x = debugger.Break{Kind: debugger.BreakRecord, Operator: strings.TrimSpace(want.Name)}
			err = nil
		}
		if want.Condition != "" {
			x.Where = want.Condition
		}
		after, bad := hitCount(want.HitCondition)
		if x.After = max(x.After, after); bad == nil {
			for n := range s.d.Jobs {
				if e := s.add(b, n, x); e != nil {
					err = e
				}
			}
		} else {
			err = bad
		}
		out = append(out, s.keep(b, err))
	}
	return out
}

// setExceptions sets what counts as one.
func (s *session) setExceptions(a dap.SetExceptionBreakpointsArguments) []dap.Breakpoint {
	s.clear("exception")
	want := []dap.ExceptionFilterOptions{}
	for _, f := range a.Filters {
		want = append(want, dap.ExceptionFilterOptions{FilterId: f})
	}
	out := []dap.Breakpoint{}
	for _, f := range append(want, a.FilterOptions...) {
		if f.FilterId == "divergence" { // it always stops
			out = append(out, dap.Breakpoint{Verified: true})
			continue
		}
		b := &breakpoint{group: "exception", exception: f.FilterId}
		x, err := debugger.ParseBreak(strings.TrimSpace(f.FilterId + " " + f.Condition))
		for n := range s.d.Jobs {
			if err == nil {
				err = s.add(b, n, x)
			}
		}
		out = append(out, s.keep(b, err))
	}
	return out
}

// watched is what a data breakpoint is on: entries of an operator's state.
type watched struct {
	Job      int    `json:"job"`
	Operator string `json:"operator"`
	Where    string `json:"where"`
}

// dataInfo says what a data breakpoint on a variable would be: on an entry of a state, or by
// name on OPERATOR WHERE condition.
func (s *session) dataInfo(a dap.DataBreakpointInfoArguments) dap.DataBreakpointInfoResponseBody {
	var w watched
	switch r := s.ref(a.VariablesReference); {
	case r != nil && r.entries != nil:
		where, ok := r.entries[a.Name]
		if !ok {
			return dap.DataBreakpointInfoResponseBody{Description: "its key has no form in SQL"}
		}
		w = watched{s.job, r.operator, where}
	case a.VariablesReference == 0:
		name, where, _ := cutWhere(a.Name)
		o, err := s.j().Operator(name)
		if err != nil {
			return dap.DataBreakpointInfoResponseBody{Description: err.Error()}
		}
		w = watched{s.job, o.Name, where}
	default:
		return dap.DataBreakpointInfoResponseBody{Description: "only entries of state change"}
	}
	id, _ := json.Marshal(w) // it has nothing that cannot be
	text := "state of " + w.Operator
	if w.Where != "" {
		text += " where " + w.Where
	}
	return dap.DataBreakpointInfoResponseBody{DataId: string(id), Description: text, AccessTypes: []dap.DataBreakpointAccessType{"write"}, CanPersist: true}
}

// cutWhere parts a name from a condition behind WHERE.
func cutWhere(text string) (name, where string, ok bool) {
	i := strings.Index(strings.ToLower(text), " where ")
	if i < 0 {
		return strings.TrimSpace(text), "", false
	}
	return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+len(" where "):]), true
}

func (s *session) setData(list []dap.DataBreakpoint) []dap.Breakpoint {
	s.clear("data")
	out := []dap.Breakpoint{}
	for _, want := range list {
		b := &breakpoint{group: "data"}
		var w watched
		err := json.Unmarshal([]byte(want.DataId), &w)
		if err != nil || w.Job < 0 || w.Job >= len(s.d.Jobs) {
			err = diag.New(diag.Config, "%q names no data of the job", want.DataId)
		}
		x := debugger.Break{Kind: debugger.BreakState, Operator: w.Operator, Where: w.Where}
		if want.Condition != "" {
			if x.Where != "" {
				x.Where = "(" + x.Where + ") AND "
			}
			x.Where += "(" + want.Condition + ")"
		}
		if err == nil {
			if x.After, err = hitCount(want.HitCondition); err == nil {
				err = s.add(b, w.Job, x)
			}
		}
		out = append(out, s.keep(b, err))
	}
	return out
}

// behind finds what stands for a breakpoint of a job.
func (s *session) behind(job, id int) (*breakpoint, *part) {
	for _, b := range s.breaks.list {
		for i := range b.parts {
			if p := &b.parts[i]; p.job == job && p.id == id {
				return b, p
			}
		}
	}
	return nil, nil
}

// tell prints what logpoints have to say up to where the job stands.
func (s *session) tell() {
	j := s.j()
	if j.Ordinal() == 0 {
		return // nothing was hit yet
	}
	for _, b := range s.breaks.list {
		for i := range b.parts {
			p := &b.parts[i]
			if b.log == "" || p.job != s.job {
				continue
			}
			hits, err := j.Hits(s.ctx, p.id)
			if err != nil {
				s.say("stderr", err.Error()+"\n")
				continue
			}
			for _, h := range hits[min(p.told, len(hits)):] {
				for _, r := range h.Rows {
					s.say("stdout", fmt.Sprintf("%s  %s\n", h.Position, s.message(b.log, j, r)))
				}
			}
			p.told = max(p.told, len(hits))
		}
	}
}

// message puts values into {expressions}.
func (s *session) message(text string, j *debugger.Job, r debugger.Row) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		e, after, ok := strings.Cut(rest, "}")
		if !ok {
			out.WriteString("{" + rest)
			return out.String()
		}
		value, _, err := j.Evaluate(r, e, noWatermark)
		if err != nil {
			value = "{" + err.Error() + "}"
		}
		out.WriteString(value)
		text = after
	}
}
