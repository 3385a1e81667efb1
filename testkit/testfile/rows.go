package testfile

import (
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/harness"
)

// cells splits a row at its bars.
func (r *reader) cells(l line) []harness.Cell {
	var out []harness.Cell
	from := 0
	quoted := false
	depth := 0
	add := func(to int) {
		text := l.text[from:to]
		start := from + len(text) - len(strings.TrimLeft(text, " \t"))
		text = strings.TrimSpace(text)
		c := harness.Cell{Text: text, Span: diag.Span{Start: l.start + start, End: l.start + start + max(1, len(text))}}
		switch {
		case text == "NULL":
			c.Null = true
		case len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'':
			c.Text, c.Quoted = unquote(text), true
		}
		out = append(out, c)
	}
	for i := 0; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '\'' && (quoted || strings.TrimSpace(l.text[from:i]) == ""):
			quoted = !quoted
		case quoted && c == '\'':
			quoted = false
		case quoted:
		case c == '{' || c == '[':
			depth++
		case (c == '}' || c == ']') && depth > 0:
			depth--
		case c == '|' && depth == 0:
			add(i)
			from = i + 1
		}
	}
	if quoted {
		r.fail(l.span(), diag.InvalidLiteral, "a quote is not closed").WithHint("a quote within quotes is written twice: 'it''s'")
	}
	add(len(l.text))
	return out
}

var unescape = strings.NewReplacer(`\n`, "\n", `\t`, "\t", `\r`, "\r")

func unquote(text string) string {
	return unescape.Replace(strings.ReplaceAll(text[1:len(text)-1], "''", "'"))
}

// kind reads +I and the like.
func kind(text string) (batch.Kind, bool) {
	for k := batch.Insert; k <= batch.Delete; k++ {
		if k.String() == text {
			return k, true
		}
	}
	return 0, false
}

// row makes a row of cells; a kind may stand in front.
func row(cells []harness.Cell, l line) harness.Row {
	out := harness.Row{Span: l.span(), Cells: cells}
	if k, ok := kind(cells[0].Text); ok && !cells[0].Quoted && len(cells) > 1 {
		out.Kind, out.Cells = k, cells[1:]
	}
	return out
}

// heads tells whether a first line names columns: words alone, none of which looks like a
// value. A row of words alone needs a header above it, or quotes.
func heads(cells []harness.Cell) bool {
	for i, c := range cells {
		if i == 0 && (c.Text == "op" || c.Text == "") {
			continue
		}
		if c.Null || c.Quoted || !identifier(c.Text) {
			return false
		}
	}
	return true
}

func identifier(s string) bool {
	if s == "true" || s == "false" || s == "" {
		return false
	}
	if len(s) > 2 && s[0] == '`' && s[len(s)-1] == '`' {
		return true
	}
	for i, c := range s {
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c > 127 || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			return false
		}
	}
	return true
}

// table reads the lines of a block as rows under an optional header.
func (r *reader) table(lines []line, header []harness.Cell) (head []harness.Cell, rows []harness.Row) {
	for i, l := range lines {
		cells := r.cells(l)
		if i == 0 && heads(cells) {
			if len(cells) > 0 && cells[0].Text == "op" {
				cells = cells[1:]
			}
			for k := range cells {
				cells[k].Text = strings.Trim(cells[k].Text, "`")
			}
			header = cells
			continue
		}
		rows = append(rows, row(cells, l))
	}
	return header, rows
}
