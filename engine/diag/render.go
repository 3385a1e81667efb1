package diag

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Source is a statement and where it stood.
type Source struct {
	// Name is the file's name as the user wrote it; empty for typed input, and then
	// places start with the line.
	Name string
	// Text is the whole text that lines and columns are counted in: the file, or the
	// statement alone.
	Text string
	// Offset is where the statement begins in Text, in bytes. Spans of an Error count
	// from there.
	Offset int
}

// Pos is a place for people: lines and columns count from 1, columns in
// characters (runes), not bytes and not screen cells.
type Pos struct {
	Line   int
	Column int
}

// Position gives the place of a byte offset of the statement. Offsets outside the
// text give its nearest end.
func (s Source) Position(offset int) Pos {
	at := s.clamp(offset)
	start := strings.LastIndexByte(s.Text[:at], '\n') + 1
	return Pos{
		Line:   strings.Count(s.Text[:at], "\n") + 1,
		Column: utf8.RuneCountInString(s.Text[start:at]) + 1,
	}
}

func (s Source) clamp(offset int) int {
	return max(0, min(len(s.Text), s.Offset+offset))
}

// Render writes an error for people:
//
//	job.sql:2:8: unknown-column: no column "nope" in t
//	  SELECT nope
//	         ^^^^
//	  note: 1:14: columns are: a, b
//	  hint: did you mean "note"?
//
// The text ends without a newline. Control characters of the source and of
// messages are shown escaped, so that no text can move the cursor; tabs become
// spaces and wide characters count two cells, so that the caret stands right.
func Render(src Source, err *Error) string {
	var b strings.Builder
	if err.Span.IsZero() && src.Text == "" || err.Span.IsZero() && err.Code != Syntax {
		if src.Name != "" {
			b.WriteString(escapeText(src.Name) + ": ")
		}
		fmt.Fprintf(&b, "%s: %s", err.Code, escapeText(err.Msg))
	} else {
		at := src.statement(err.In)
		fmt.Fprintf(&b, "%s: %s: %s", at.place(err.Span), err.Code, escapeText(err.Msg))
		at.excerpt(&b, err.Span)
	}
	for _, n := range err.Notes {
		b.WriteString("\n  note: ")
		if !n.Span.IsZero() {
			b.WriteString(src.place(n.Span) + ": ")
		}
		b.WriteString(escapeText(n.Msg))
	}
	if err.Hint != "" {
		b.WriteString("\n  hint: " + escapeText(err.Hint))
	}
	return b.String()
}

// statement is the source of another statement, the last one with the given text
// before this one; text alone if it is not of the same file.
func (s Source) statement(text string) Source {
	if text == "" {
		return s
	}
	if i := strings.LastIndex(s.Text[:s.clamp(0)], text); i >= 0 {
		return Source{Name: s.Name, Text: s.Text, Offset: i}
	}
	return Source{Text: text}
}

func (s Source) place(span Span) string {
	p := s.Position(span.Start)
	if s.Name == "" {
		return fmt.Sprintf("%d:%d", p.Line, p.Column)
	}
	return fmt.Sprintf("%s:%d:%d", escapeText(s.Name), p.Line, p.Column)
}

const (
	tabCells      = 4   // a tab in the source is shown as spaces up to the next stop
	lineCellsMax  = 160 // longer lines are cut around the place
	caretCellsMax = 80  // a span longer than this is underlined in part
)

// excerpt writes the source line of a span and the carets below it. A span over
// several lines is underlined to the end of its first.
func (s Source) excerpt(b *strings.Builder, span Span) {
	at := s.clamp(span.Start)
	end := max(at, s.clamp(span.End))
	start := strings.LastIndexByte(s.Text[:at], '\n') + 1
	stop := len(s.Text)
	if i := strings.IndexByte(s.Text[at:], '\n'); i >= 0 {
		stop = at + i
	}
	end = min(end, stop)
	begin := min(s.clamp(0), start)
	line := strings.TrimSuffix(MaskSecrets(s.Text[begin:])[start-begin:stop-begin], "\r")
	before := expand(line[:min(at-start, len(line))], 0)
	marked := expand(line[min(at-start, len(line)):min(end-start, len(line))], before.cells)
	after := expand(line[min(end-start, len(line)):], before.cells+marked.cells)
	if strings.TrimSpace(before.text+marked.text+after.text) == "" {
		return
	}
	head, tail := before.text, marked.text+after.text
	headCells := before.cells
	if headCells > lineCellsMax/2 {
		head, headCells = cutFront(before, lineCellsMax/2)
	}
	tail = cutBack(tail, lineCellsMax-headCells)
	fmt.Fprintf(b, "\n  %s%s\n  %s%s", head, tail,
		strings.Repeat(" ", headCells), strings.Repeat("^", max(1, min(marked.cells, caretCellsMax))))
}

// expanded is text made safe for a terminal, with its width.
type expanded struct {
	text  string
	cells int
}

func expand(s string, col int) expanded {
	var b strings.Builder
	from := col
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\t':
			w := tabCells - col%tabCells
			b.WriteString(strings.Repeat(" ", w))
			col += w
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "\\x%02x", s[i])
			col += 4
		case !visible(r):
			esc := escapeRune(r)
			b.WriteString(esc)
			col += len(esc)
		default:
			b.WriteRune(r)
			col += cellWidth(r)
		}
		i += n
	}
	return expanded{text: b.String(), cells: col - from}
}

// cutFront keeps the last cells of a text behind an ellipsis.
func cutFront(e expanded, cells int) (string, int) {
	rs := []rune(e.text)
	w, i := 0, len(rs)
	for i > 0 && w+cellWidth(rs[i-1]) <= cells-3 {
		i--
		w += cellWidth(rs[i])
	}
	return "..." + string(rs[i:]), w + 3
}

// cutBack keeps the first cells of a text before an ellipsis.
func cutBack(s string, cells int) string {
	w := 0
	for i, r := range s {
		w += cellWidth(r)
		if w > cells {
			return s[:i] + "..."
		}
	}
	return s
}

// escapeText makes a message safe to print: control characters are escaped, and a
// line break is kept as an indented new line.
func escapeText(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\n':
			b.WriteString("\n  ")
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, "\\x%02x", s[i])
		case !visible(r):
			b.WriteString(escapeRune(r))
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// visible reports whether a terminal shows the rune and nothing else happens:
// control and direction-changing characters are not.
func visible(r rune) bool {
	return r == ' ' || unicode.IsGraphic(r) && !unicode.Is(unicode.Bidi_Control, r)
}

func escapeRune(r rune) string {
	switch {
	case r == '\t':
		return "\\t"
	case r == '\r':
		return "\\r"
	case r < 0x80:
		return fmt.Sprintf("\\x%02x", r)
	case r < 0x10000:
		return fmt.Sprintf("\\u%04x", r)
	}
	return fmt.Sprintf("\\U%08x", r)
}

// cellWidth is the number of terminal cells of a rune: 0 for combining marks, 2
// for the wide scripts and pictures, else 1.
func cellWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f,
		r >= 0x2e80 && r <= 0x303e,
		r >= 0x3041 && r <= 0x33ff,
		r >= 0x3400 && r <= 0x4dbf,
		r >= 0x4e00 && r <= 0x9fff,
		r >= 0xa000 && r <= 0xa4cf,
		r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f,
		r >= 0xff00 && r <= 0xff60,
		r >= 0xffe0 && r <= 0xffe6,
		r >= 0x1f300 && r <= 0x1f64f,
		r >= 0x1f900 && r <= 0x1f9ff,
		r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}
