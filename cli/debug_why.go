package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

func (s *debugSession) why(ctx context.Context, args string) error {
	name, condition := operatorAnd(args)
	var l *debugger.Lineage
	var err error
	if table, n, ok := strings.Cut(strings.TrimPrefix(name, "out="), "#"); ok && condition == "" {
		nth, bad := strconv.ParseInt(n, 10, 64)
		if bad != nil || nth < 1 {
			return diag.New(diag.Config, "%q is no row of an output", args).WithHint("why revenue#3, or why revenue WHERE condition")
		}
		l, err = s.j.WhyRow(ctx, table, nth)
	} else {
		if condition == "" {
			return diag.New(diag.Config, "why which row").WithHint("why revenue#3 is the third row that came out, why revenue WHERE condition the newest such row")
		}
		l, err = s.j.Why(ctx, name, condition)
	}
	if err != nil {
		return s.placed(err, condition)
	}
	return s.answer("why", l, func() string {
		var b strings.Builder
		s.tree(&b, l, 0)
		return b.String()
	})
}

// tree draws a lineage, indented by how deep it lies.
func (s *debugSession) tree(b *strings.Builder, l *debugger.Lineage, depth int) {
	pad := strings.Repeat("  ", depth)
	fmt.Fprintf(b, "%s%s: %s", pad, l.Operator, l.Rule)
	if l.Total > 1 {
		fmt.Fprintf(b, ", %d rows", l.Total)
	}
	b.WriteByte('\n')
	for _, r := range l.Rows {
		s.evidence(b, pad+"  ", r)
	}
	if n := l.Total - int64(len(l.Rows)); n > 0 {
		fmt.Fprintf(b, "%s  ... and %d more\n", pad, n)
	}
	if l.Reason != "" {
		fmt.Fprintf(b, "%s  because %s\n", pad, l.Reason)
	}
	for _, x := range l.From {
		s.tree(b, x, depth+1)
	}
}

func (s *debugSession) evidence(b *strings.Builder, pad string, e debugger.Evidence) {
	at := e.Position.String()
	if e.Origin != "" {
		at = e.Origin + ", " + at
	}
	fmt.Fprintf(b, "%s%s  (%s", pad, s.rowLine(e.Row), at)
	if e.Note != "" {
		fmt.Fprintf(b, "; %s", e.Note)
	}
	b.WriteString(")\n")
}

func (s *debugSession) whyNot(ctx context.Context, args string) error {
	name, condition := operatorAnd(args)
	if condition == "" {
		return diag.New(diag.Config, "why-not which row").WithHint("why-not revenue WHERE sku = 'A-17'")
	}
	list, err := s.j.WhyNot(ctx, name, condition)
	if err != nil {
		return s.placed(err, condition)
	}
	return s.answer("why_not", list, func() string { return s.findings(list, "") })
}

func (s *debugSession) findings(list []debugger.Finding, pad string) string {
	var b strings.Builder
	for _, f := range list {
		where := ""
		if f.Operator != "" {
			where = " at " + f.Operator
		}
		fmt.Fprintf(&b, "%s%s%s: %s\n", pad, f.Code, where, f.Text)
		for _, e := range f.Evidence {
			s.evidence(&b, pad+"  ", e)
		}
		if f.Fix != "" {
			fmt.Fprintf(&b, "%s  %s\n", pad, f.Fix)
		}
		if len(f.Because) > 0 {
			b.WriteString(s.findings(f.Because, pad+"  "))
		}
	}
	return b.String()
}

func (s *debugSession) whyStuck(context.Context, string) error {
	list, err := s.j.WhyStuck()
	if err != nil {
		return err
	}
	return s.answer("why_stuck", list, func() string { return s.findings(list, "") })
}

func (s *debugSession) whyBig(context.Context, string) error {
	list, err := s.j.WhyBig()
	if err != nil {
		return err
	}
	return s.answer("why_big", list, func() string {
		if len(list) == 0 {
			return "no operator keeps anything here\n"
		}
		var b strings.Builder
		for _, x := range list {
			fmt.Fprintf(&b, "%s at %s: %d %s, %s: %s\n", x.Code, x.Operator, x.Entries, entries(x.Entries), sizeText(x.Bytes), x.Text)
			if x.Fix != "" {
				fmt.Fprintf(&b, "  %s\n", x.Fix)
			}
		}
		return b.String()
	})
}
