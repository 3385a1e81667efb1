package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

func (s *debugSession) setBreak(_ context.Context, args string) error {
	if args == "" {
		return s.listBreaks()
	}
	b, err := debugger.ParseBreak(args)
	if err != nil {
		return err
	}
	set, err := s.j.Set(b)
	if err != nil {
		return s.placed(err, b.Where)
	}
	return s.answer("break", set, func() string { return fmt.Sprintf("breakpoint %d: %s\n", set.ID, args) })
}

// trace sets a tracepoint and lists where it was hit.
func (s *debugSession) trace(ctx context.Context, args string) error {
	b, err := debugger.ParseBreak(args)
	if err != nil {
		return err
	}
	b.Log = true
	set, err := s.j.Set(b)
	if err != nil {
		return s.placed(err, b.Where)
	}
	return s.hitsOf(ctx, set.ID)
}

func (s *debugSession) listBreaks() error {
	list := s.j.Breaks()
	return s.answer("breaks", list, func() string {
		if len(list) == 0 {
			return "no breakpoint is set\n"
		}
		var b strings.Builder
		for _, x := range list {
			fmt.Fprintf(&b, "%d  %s\n", x.ID, breakText(x))
		}
		return b.String()
	})
}

// breakText is a breakpoint as it may be written.
func breakText(x *debugger.Break) string {
	words := []string{string(x.Kind)}
	add := func(on bool, text string) {
		if on {
			words = append(words, text)
		}
	}
	add(x.Operator != "", x.Operator)
	add(x.Gets, "in")
	add(x.RowKind != "", x.RowKind)
	add(x.Passes != nil, ">= "+passes(x))
	add(x.By > 0 && x.Kind == debugger.BreakWatermark, "STALL "+x.By.String())
	add(x.By > 0 && x.Kind == debugger.BreakLate, "BY "+x.By.String())
	add(x.After > 0, "AFTER "+strconv.Itoa(x.After))
	add(x.Once, "ONCE")
	add(x.Log, "LOG")
	add(x.Where != "", "WHERE "+x.Where)
	return strings.Join(words, " ")
}

func passes(x *debugger.Break) string {
	if x.Passes == nil {
		return ""
	}
	return moment(*x.Passes)
}

func (s *debugSession) deleteBreak(_ context.Context, args string) error {
	n, err := strconv.Atoi(args)
	if err != nil {
		return diag.New(diag.Config, "%q is no number of a breakpoint", args).WithHint("break lists them")
	}
	return s.j.Unset(n)
}

func (s *debugSession) hits(ctx context.Context, args string) error {
	n := 0
	if args != "" {
		var err error
		if n, err = strconv.Atoi(args); err != nil {
			return diag.New(diag.Config, "%q is no number of a breakpoint", args).WithHint("break lists them")
		}
	}
	return s.hitsOf(ctx, n)
}

func (s *debugSession) hitsOf(ctx context.Context, id int) error {
	list, err := s.j.Hits(ctx, id)
	if err != nil {
		return err
	}
	return s.answer("hits", list, func() string {
		if len(list) == 0 {
			return "no hit\n"
		}
		return s.hitsText(list)
	})
}

func (s *debugSession) hitsText(list []debugger.Hit) string {
	var b strings.Builder
	for _, h := range list {
		fmt.Fprintf(&b, "%-8s %d: %s\n", h.Position, h.Break, h.Text)
		for i, r := range h.Rows {
			if i == momentRows {
				fmt.Fprintf(&b, "    ... and %d more\n", len(h.Rows)-i)
				break
			}
			fmt.Fprintf(&b, "    %s\n", s.rowLine(r))
		}
	}
	return b.String()
}

func (s *debugSession) goOn(ctx context.Context, _ string) error      { return s.toBreak(ctx, false) }
func (s *debugSession) goReverse(ctx context.Context, _ string) error { return s.toBreak(ctx, true) }

// toBreak runs to the next breakpoint.
func (s *debugSession) toBreak(ctx context.Context, back bool) error {
	st, hits, err := s.j.Continue(ctx, back)
	if err != nil {
		return err
	}
	return s.answer("stop", struct {
		debugger.Stop
		Hits []debugger.Hit `json:"hits,omitempty"`
	}{st, hits}, func() string { return s.hitsText(hits) + s.stopText(st) })
}
