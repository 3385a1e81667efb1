package dap

import (
	"context"
	"slices"
	"strings"

	"github.com/google/go-dap"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

// ofJob carries out what the console says to a job that runs: update, stop-world and resume.
// It returns false for anything else.
func (s *session) ofJob(r *dap.EvaluateRequest, req dap.Request) (bool, error) {
	word := strings.TrimSpace(r.Arguments.Expression)
	if r.Arguments.Context != "repl" || word != "update" && word != "stop-world" && word != "resume" {
		return false, nil
	}
	if s.live == nil {
		return true, diag.New(diag.Config, "the program is not a job that runs").WithHint("launch with the name of a job of mink up as program")
	}
	a := &dap.EvaluateResponse{Response: s.ok(req)}
	if word == "resume" {
		if err := s.live.Resume(s.ctx); err != nil {
			return true, err
		}
		a.Body.Result = "the job goes on"
		s.send(a)
		return true, nil
	}
	take, said := s.live.Update, "the tape is that of now"
	m := func(j *debugger.Job) (debugger.Stop, []debugger.Hit, error) { return j.Here(), nil, nil }
	if word == "stop-world" {
		take, said = s.live.StopWorld, "the job stands still"
		m = func(j *debugger.Job) (debugger.Stop, []debugger.Hit, error) {
			st, err := j.Seek(s.moving(), debugger.AtEnd)
			return st, nil, err
		}
	}
	if err := s.renew(take); err != nil {
		return true, err
	}
	a.Body.Result = said
	s.send(a)
	s.move("pause", m)
	return true, nil
}

// renew takes a newer tape of the job that runs in the place of the one that is open. Breakpoints stay, and their place in the SQL.
func (s *session) renew(take func(context.Context) error) error {
	for _, b := range s.breaks.list {
		for i := range b.parts {
			_ = s.d.Jobs[b.parts[i].job].Unset(b.parts[i].id) // it is there
		}
	}
	err := take(s.ctx)
	s.d = s.live.Debugger
	s.job = slices.Index(s.d.Jobs, s.live.Job)
	s.locate()
	for _, b := range s.breaks.list {
		b.parts = slices.DeleteFunc(b.parts, func(p part) bool { return p.job >= len(s.d.Jobs) })
		for i := range b.parts {
			if e := s.setAgain(&b.parts[i]); err == nil {
				err = e
			}
		}
	}
	s.refs = nil
	return err
}

// setAgain sets a breakpoint in a job that is another one now. What a logpoint has told up to
// the cursor is not told again.
func (s *session) setAgain(p *part) error {
	j := s.d.Jobs[p.job]
	set, err := j.Set(p.set)
	if err != nil {
		return err
	}
	p.id, p.told = set.ID, 0
	if p.at != nil {
		i := slices.IndexFunc(s.places, func(q place) bool {
			return q.job == p.job && q.script == p.at.script && q.from == p.at.from && q.where == p.at.where
		})
		if i >= 0 {
			at := s.places[i]
			p.at = &at
		}
	}
	if p.set.Log && j.Ordinal() > 0 {
		hits, err := j.Hits(s.ctx, p.id)
		p.told = len(hits)
		return err
	}
	return nil
}
