package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

// motion reads [UNIT] [N] [-n N] [--back].
func motion(args string, back bool) (debugger.Unit, int, error) {
	unit, n := debugger.ByStep, 1
	for _, w := range strings.Fields(args) {
		if w == "--back" {
			back = true
			continue
		}
		if w == "-n" {
			continue
		}
		if k, err := strconv.Atoi(w); err == nil {
			if k < 1 {
				return unit, 0, diag.New(diag.Config, "%d is no number of steps", k)
			}
			n = k
			continue
		}
		u, err := debugger.ParseUnit(w)
		if err != nil {
			return unit, 0, err
		}
		unit = u
	}
	if back {
		n = -n
	}
	return unit, n, nil
}

func (s *debugSession) step(ctx context.Context, args string) error { return s.move(ctx, args, false) }
func (s *debugSession) back(ctx context.Context, args string) error { return s.move(ctx, args, true) }

func (s *debugSession) move(ctx context.Context, args string, back bool) error {
	unit, n, err := motion(args, back)
	if err != nil {
		return err
	}
	st, err := s.j.Step(ctx, unit, n)
	if err != nil {
		return err
	}
	return s.stopped(st)
}

func (s *debugSession) goTo(ctx context.Context, args string) error {
	st, err := s.seek(ctx, args)
	if err != nil {
		return err
	}
	return s.stopped(st)
}

func (s *debugSession) seek(ctx context.Context, to string) (debugger.Stop, error) {
	t, err := debugger.ParseTarget(to)
	if err != nil {
		return debugger.Stop{}, err
	}
	return s.j.Seek(ctx, t)
}

func (s *debugSession) where(context.Context, string) error { return s.stopped(s.j.Here()) }

func (s *debugSession) job(_ context.Context, args string) error {
	if args != "" {
		n, err := strconv.Atoi(args)
		if err != nil {
			return diag.New(diag.Config, "%q is no number of a job", args)
		}
		return s.choose(n)
	}
	type job struct {
		Number int    `json:"number"`
		Name   string `json:"name"`
	}
	var list []job
	for i, j := range s.d.Jobs {
		list = append(list, job{i + 1, j.Name})
	}
	return s.answer("jobs", list, func() string {
		var b strings.Builder
		for _, j := range list {
			mark := " "
			if j.Number == s.number {
				mark = "*"
			}
			fmt.Fprintf(&b, "%s %d  %s\n", mark, j.Number, j.Name)
		}
		return b.String()
	})
}
