package suite

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
	"github.com/minkstream/mink/testkit/testfile"
)

// edit replaces a part of a file.
type edit struct {
	at   diag.Span
	text string
}

// update rewrites what the tests of a file expect; list are all of its tests that ran.
func update(list []*Result) error {
	f := list[0].File
	var edits []edit
	for _, r := range list {
		if r.Verdict == nil {
			continue
		}
		own := editsOf(r.Verdict)
		// What another schedule found, or an error, is not put right by expecting it.
		r.Updated = len(own) > 0 && len(own) == len(r.Verdict.Failures)
		edits = append(edits, own...)
	}
	if len(edits) == 0 {
		return nil
	}
	if err := os.WriteFile(f.Name, []byte(apply(f, edits)), 0o666); err != nil {
		return diag.Wrap(diag.IO, err, "cannot write %s", f.Name)
	}
	return nil
}

func apply(f *testfile.File, edits []edit) string {
	slices.SortFunc(edits, func(a, b edit) int { return b.at.Start - a.at.Start })
	text := f.Text
	for _, e := range edits {
		before := text[:e.at.Start]
		if before != "" && !strings.HasSuffix(before, "\n") && strings.HasSuffix(e.text, "\n") {
			before += "\n"
		}
		text = before + e.text + text[e.at.End:]
	}
	return text
}

// editsOf are the changes that make the expectations of a plain run hold.
func editsOf(v *harness.Verdict) []edit {
	var out []edit
	for _, f := range v.Failures {
		if f.Mismatch == nil || f.Schedule.Seed != 0 {
			continue
		}
		switch s := f.Mismatch.Step.(type) {
		case *harness.ExpectTable:
			out = append(out, edit{s.Block, block(f.Mismatch, s.Header != nil || len(s.Rows) == 0)})
		case *harness.ExpectChanges:
			out = append(out, edit{s.Block, block(f.Mismatch, s.Header != nil)})
		case *harness.ExpectLate:
			if s.Rows == nil && s.Count >= 0 {
				at := s.Place.Span
				word := strings.LastIndexByte(s.Place.Text[:at.End], ' ') + 1
				out = append(out, edit{diag.Span{Start: word, End: at.End}, fmt.Sprint(len(f.Mismatch.Have))})
			}
		}
	}
	return out
}

// block writes rows below a directive, columns one below the other.
func block(m *harness.Mismatch, header bool) string {
	var rows [][]string
	if header {
		head := slices.Clone(m.Names)
		if _, ok := m.Step.(*harness.ExpectChanges); ok {
			head = append([]string{"op"}, head...)
		}
		rows = append(rows, head)
	}
	for _, l := range m.Have {
		rows = append(rows, split(l))
	}
	return Align(rows, "  ")
}

// split parts a line at the bars between its cells.
func split(l string) []string {
	var out []string
	from, quoted := 0, false
	for i := 0; i < len(l); i++ {
		switch {
		case l[i] == '\'' && (quoted || i == from):
			quoted = !quoted
		case !quoted && strings.HasPrefix(l[i:], " | "):
			out = append(out, l[from:i])
			from = i + 3
			i += 2
		}
	}
	return append(out, l[from:])
}

// Align writes rows with their cells one below the other.
func Align(rows [][]string, indent string) string {
	var width []int
	for _, r := range rows {
		for i, c := range r {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		b.WriteString(indent)
		for i, c := range r {
			if i > 0 {
				b.WriteString(" | ")
			}
			b.WriteString(c)
			if i+1 < len(r) {
				b.WriteString(strings.Repeat(" ", width[i]-len([]rune(c))))
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
