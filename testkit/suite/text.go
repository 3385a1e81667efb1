package suite

import (
	"fmt"
	"io"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
)

// Text reports for people.
type Text struct {
	W io.Writer
	// Quiet leaves out tests that pass.
	Quiet bool
}

// Each writes a test.
func (t *Text) Each(r *Result) {
	switch {
	case r.Updated:
		fmt.Fprintf(t.W, "new   %s\n%s", r.Name(), indentLines(Describe(r), "  "))
	case r.Failed():
		fmt.Fprintf(t.W, "FAIL  %s\n%s", r.Name(), indentLines(Describe(r), "  "))
	case r.Skipped() != "":
		fmt.Fprintf(t.W, "skip  %s: %s\n", r.Name(), r.Skipped())
	case !t.Quiet:
		note := ""
		if r.Verdict.Note != "" {
			note = "; " + r.Verdict.Note
		}
		fmt.Fprintf(t.W, "ok    %s  %d %s, %s%s\n", r.Name(), r.Verdict.Runs, plural(r.Verdict.Runs, "run"), short(r.Verdict.Elapsed), note)
	}
}

// End writes the sums.
func (t *Text) End(s *Summary) error {
	_, err := fmt.Fprintln(t.W, s)
	return err
}

func indentLines(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+by) + "\n"
}

// Describe says what is wrong with a test, in lines.
func Describe(r *Result) string {
	var b strings.Builder
	for _, e := range r.Errs {
		b.WriteString(e.Error() + "\n")
	}
	if r.Internal != nil {
		b.WriteString(diag.Render(diag.Source{}, asDiag(r.Internal)) + "\n")
	}
	if r.Verdict != nil {
		for i, f := range r.Verdict.Failures {
			if i > 0 {
				b.WriteString("\n")
			}
			describe(&b, r, f)
		}
	}
	return b.String()
}

func asDiag(err error) *diag.Error {
	if d := diag.As(err); d != nil {
		return d
	}
	return diag.Wrap(diag.Internal, err, "the test broke off")
}

func describe(b *strings.Builder, r *Result, f *harness.Failure) {
	switch {
	case f.Err != nil:
		b.WriteString(f.Err.Error() + "\n")
	default:
		m := f.Mismatch
		p := f.Place()
		fmt.Fprintf(b, "%s:%d: %s\n", r.File.Name, max(1, p.Line()), m.Message)
		if d := m.Diff(); d != "" {
			if len(m.Names) > 0 {
				b.WriteString("    " + strings.Join(m.Names, " | ") + "\n")
			}
			b.WriteString(d + "\n")
		}
		if m.Hint != "" {
			b.WriteString("hint: " + m.Hint + "\n")
		}
	}
	if f.Schedule.Seed != 0 {
		fmt.Fprintf(b, "found after %d runs with %s\n", r.Verdict.Runs, f.Schedule.String())
	}
	small(b, f.Small)
	if f.Schedule.Seed != 0 {
		fmt.Fprintf(b, "again: mink test %s --seed %d --schedules 1%s\n", r.Name(), f.Schedule.Seed, r.faultsFlag())
	}
	if line := DebugLine(r, f); line != "" {
		b.WriteString("debug: " + line + "\n")
	}
}

// small writes the smallest case: what is given, and what differs.
func small(b *strings.Builder, s *harness.Small) {
	if s == nil {
		return
	}
	fmt.Fprintf(b, "smallest: %d of %d rows, %s\n", s.Rows, s.RowsBefore, s.Schedule.String())
	for _, step := range s.Case.Steps {
		b.WriteString(Write(step))
	}
	if d := s.Mismatch.Diff(); d != "" {
		b.WriteString("  then: " + s.Mismatch.Message + "\n" + d + "\n")
	}
}

// Write is a step as it stands in a file, "" for an expectation.
func Write(s harness.Step) string {
	part := func(table string, split int) string {
		if split == harness.AllSplits {
			return table
		}
		return fmt.Sprintf("%s/%d", table, split)
	}
	switch s := s.(type) {
	case *harness.Give:
		head := "@given " + s.Table
		if s.Split > 0 {
			head += fmt.Sprintf(" split %d", s.Split)
		}
		var rows [][]string
		changes := false
		for _, r := range s.Rows {
			changes = changes || r.Kind != batch.Insert
		}
		if s.Header != nil {
			var names []string
			if changes {
				names = append(names, "op")
			}
			for _, c := range s.Header {
				names = append(names, c.Text)
			}
			rows = append(rows, names)
		}
		for _, r := range s.Rows {
			var cells []string
			if changes {
				cells = append(cells, r.Kind.String())
			}
			for _, c := range r.Cells {
				cells = append(cells, cellText(c))
			}
			rows = append(rows, cells)
		}
		return head + "\n" + Align(rows, "  ")
	case *harness.Watermark:
		return "@watermark " + part(s.Table, s.Split) + " " + s.Time.Text + "\n"
	case *harness.Idle:
		return "@idle " + part(s.Table, s.Split) + "\n"
	case *harness.Clock:
		if s.By != 0 {
			return "@clock +" + s.By.String() + "\n"
		}
		return "@clock " + s.To.Text + "\n"
	case *harness.TakeCheckpoint:
		return "@checkpoint\n"
	case *harness.Kill:
		return "@kill\n"
	case *harness.Restore:
		if s.Parallelism == 0 {
			return "@restore\n"
		}
		return fmt.Sprintf("@restore p=%d\n", s.Parallelism)
	case *harness.End:
		return strings.TrimSpace("@end "+s.Table) + "\n"
	}
	return ""
}

func cellText(c harness.Cell) string {
	switch {
	case c.Null:
		return "NULL"
	case c.Quoted || c.Text == "" || c.Text == "NULL" || c.Text != strings.TrimSpace(c.Text) || c.Text[0] == '\'':
		return "'" + strings.NewReplacer("'", "''", "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(c.Text) + "'"
	}
	return c.Text
}
