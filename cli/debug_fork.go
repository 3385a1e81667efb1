package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/cli/show"
	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
)

// unchanged is the name of the future without edits.
const unchanged = "tape"

// editForms are the forms of edit.
const editForms = `record orders/0@6 SET amt = 3 | state OPERATOR DROP WHERE ... ; help edit lists the forms
edit record orders/0@6 SET amt = 3.00, sku = 'B-02'
edit record orders/0@6 DROP
edit insert orders/0@6 VALUES (60, 'B-02', 3.00, TIMESTAMP '2026-08-22 11:55:10')
edit state OPERATOR SET column = value [WHERE condition]
edit state OPERATOR DROP [WHERE condition]
edit watermark orders 11:56
edit watermark orders DELAY 10s
edit sql FILE`

// fork makes another future from the cursor on, which edit changes.
func (s *debugSession) fork(_ context.Context, args string) error {
	name := args
	if name == "" {
		name = fmt.Sprintf("fork%d", len(s.forks)+1)
	}
	if name == unchanged || slices.ContainsFunc(s.forks, func(f *debugger.Fork) bool { return f.Name == name }) {
		return diag.New(diag.Config, "%q is the name of another future", name).WithHint("forks lists them")
	}
	f, err := s.j.Fork(name)
	if err != nil {
		return err
	}
	s.forks = append(s.forks, f)
	return s.answer("fork", f, func() string {
		return fmt.Sprintf("%s leaves the tape at %s; edit changes it, diff compares it with the tape's own future\n", f.Name, f.At)
	})
}

// edit changes the newest fork; without one it makes one.
func (s *debugSession) edit(ctx context.Context, args string) error {
	if len(s.forks) == 0 {
		f, err := s.j.Fork("fork1")
		if err != nil {
			return err
		}
		s.forks = append(s.forks, f)
	}
	f := s.forks[len(s.forks)-1]
	var e debugger.Edit
	var err error
	if file, ok := strings.CutPrefix(args, "sql "); ok {
		text, err := s.readScript([]string{strings.TrimSpace(file)})
		if err != nil {
			return err
		}
		e = debugger.Edit{Kind: debugger.EditSQL, Target: strings.TrimSpace(file), Script: text.sql}
	} else if e, err = debugger.ParseEdit(args); err != nil {
		return err
	}
	if err := f.Edit(ctx, e); err != nil {
		return err
	}
	return s.answer("fork", f, func() string { return fmt.Sprintf("%s, from %s: %s\n", f.Name, f.At, args) })
}

// listForks lists the futures.
func (s *debugSession) listForks(context.Context, string) error {
	if s.forks == nil {
		s.forks = []*debugger.Fork{}
	}
	return s.answer("forks", s.forks, func() string {
		if len(s.forks) == 0 {
			return "no fork was made\n"
		}
		var rows [][]string
		for _, f := range s.forks {
			var what []string
			for _, e := range f.Edits {
				what = append(what, editText(e))
			}
			rows = append(rows, []string{f.Name, f.At.String(), strings.Join(what, "; ")})
		}
		return show.Grid([]string{"fork", "from", "changes"}, nil, rows, 90)
	})
}

func editText(e debugger.Edit) string {
	text := string(e.Kind) + " " + e.Target
	for i, a := range e.Set {
		text += map[bool]string{true: " SET ", false: ", "}[i == 0] + a.Column + " = " + a.Value
	}
	switch {
	case e.Drop:
		text += " DROP"
	case e.Values != nil:
		text += " VALUES (" + strings.Join(e.Values, ", ") + ")"
	case e.Raise != nil:
		text += " " + moment(*e.Raise)
	case e.Delay != 0:
		text += " DELAY " + e.Delay.String()
	}
	if e.Where != "" {
		text += " WHERE " + e.Where
	}
	return text
}

// future finds a fork by its name; the unchanged one leaves the tape where like does.
func (s *debugSession) future(name string, like *debugger.Fork) (*debugger.Fork, error) {
	if name == unchanged {
		return like.Unchanged(unchanged), nil
	}
	var names []string
	for _, f := range s.forks {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return nil, diag.New(diag.NotFound, "no fork %q", name).WithHint("there are %s", strings.Join(append(names, unchanged), ", "))
}

// diff runs two futures to the end of the inputs and says in what they differ.
func (s *debugSession) diff(ctx context.Context, args string) error {
	if len(s.forks) == 0 {
		return diag.New(diag.NotFound, "no fork was made").WithHint("fork makes one at the cursor, edit changes it")
	}
	a, b := unchanged, s.forks[len(s.forks)-1].Name
	switch words := strings.Fields(args); len(words) {
	case 0:
	case 1:
		b = words[0]
	case 2:
		a, b = words[0], words[1]
	default:
		return diag.New(diag.Config, "diff compares two futures").WithHint("diff, diff FORK, diff FORK FORK")
	}
	if b == unchanged {
		a, b = b, a
	}
	now, err := s.future(b, nil)
	if err != nil {
		return err
	}
	was, err := s.future(a, now)
	if err != nil {
		return err
	}
	d, err := s.j.Diff(ctx, was, now)
	if err != nil {
		return inScript("", err)
	}
	return s.answer("diff", d, func() string { return diffText(d) })
}

// changesShown is how many rows of a table's difference are listed.
const changesShown = 20

func diffText(d *debugger.Difference) string {
	var b strings.Builder
	for _, x := range [][2]string{{d.A, d.FailedA}, {d.B, d.FailedB}} {
		if x[1] != "" {
			fmt.Fprintf(&b, "%s fails: %s\n", x[0], x[1])
		}
	}
	for _, o := range d.Outputs {
		name := o.Final.Name
		if o.First == 0 && o.RowsA == o.RowsB {
			fmt.Fprintf(&b, "%s: the same %d %s reach it\n", name, o.RowsA, plural(o.RowsA, "row"))
		} else {
			fmt.Fprintf(&b, "%s: %d %s reach it, and %d in %s; row %d is the first to differ\n", name, o.RowsA, plural(o.RowsA, "row"), o.RowsB, d.B, o.First)
			fmt.Fprintf(&b, "  %s: %s\n  %s: %s\n", d.A, orNone(o.A), d.B, orNone(o.B))
		}
		tableText(&b, "at the end", o.Final)
	}
	for _, t := range d.States {
		tableText(&b, "state "+t.Name, t)
	}
	if len(d.States) == 0 {
		b.WriteString("state at the end: the same\n")
	}
	return b.String()
}

func orNone(row string) string {
	if row == "" {
		return "(no row)"
	}
	return row
}

func tableText(b *strings.Builder, what string, t debugger.TableDifference) {
	if len(t.Changes) == 0 {
		fmt.Fprintf(b, "%s: the same %d %s\n", what, t.RowsA, plural(int64(t.RowsA), "row"))
		return
	}
	fmt.Fprintf(b, "%s: %d %s, and now %d\n  %s\n", what, t.RowsA, plural(int64(t.RowsA), "row"), t.RowsB, strings.Join(t.Columns, " | "))
	for i, c := range t.Changes {
		if i == changesShown {
			fmt.Fprintf(b, "  ... and %d more\n", len(t.Changes)-i)
			break
		}
		sign := "-"
		if c.Added {
			sign = "+"
		}
		fmt.Fprintf(b, "%s %s", sign, strings.Join(c.Cells, " | "))
		if c.Times > 1 {
			fmt.Fprintf(b, "  (%d times)", c.Times)
		}
		b.WriteByte('\n')
	}
}
