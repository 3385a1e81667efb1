// Package show prints the rows of operations: as a boxed table, as changes, as
// JSON lines, as CSV, or as a table that updates in place on a terminal.
//
// Data from outside never moves the cursor: control characters are escaped.
// Begin with Printer; New picks one by name.
package show

import (
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/minkstream/mink/connectors/format"
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/kernel"
	"github.com/minkstream/mink/engine/types"
)

// Printer shows the rows of one operation. Rows may be called any number of times
// between Begin and End.
type Printer interface {
	// Begin tells what comes. streaming says that rows are changes.
	Begin(head Head) error
	Rows(b *batch.Batch) error
	// End says that no more rows come; err is nil unless the query was cut short.
	End(err error) error
}

// Head describes the rows of an operation.
type Head struct {
	Schema    types.Schema
	Streaming bool
	UpsertKey []int
	// Info rows (SHOW, EXPLAIN) are printed as they are.
	Info bool
}

// Options say how to print.
type Options struct {
	Out   io.Writer
	Zone  *time.Location
	Width int // most columns of a cell; 0 = 30
	Color bool
	// Terminal says that Out drives a terminal: control characters of the data are
	// escaped in every form.
	Terminal bool
	// Unicode lets the live table draw its lines with box characters.
	Unicode bool
	Status  func() Status // for the live table; may be nil
	Screen  func() (columns, lines int)
	Now     func() time.Time // the clock of the live table; nil is the real one
}

func (o *Options) now() time.Time {
	if o.Now != nil {
		return o.Now()
	}
	return time.Now()
}

// Modes are the values of --output.
var Modes = []string{"table", "changelog", "json", "csv"}

// New makes the printer for a mode; "live" is the updating table.
func New(mode string, o Options) (Printer, error) {
	if o.Width == 0 {
		o.Width = 30
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	switch mode {
	case "table":
		return &table{o: o}, nil
	case "changelog":
		return &changelog{o: o}, nil
	case "json":
		return &jsonLines{o: o}, nil
	case "csv":
		return &csvLines{o: o}, nil
	case "live":
		return &live{o: o}, nil
	}
	return nil, diag.New(diag.Config, "no output form %q", mode).WithHint("one of table, changelog, json, csv")
}

// jsonLines prints one object a row.
type jsonLines struct {
	o   Options
	enc *format.ChangeLines
	buf []byte
}

func (p *jsonLines) Begin(h Head) error {
	p.enc = format.NewChangeLines(h.Schema)
	return nil
}

func (p *jsonLines) Rows(b *batch.Batch) error {
	p.buf = p.buf[:0]
	var err error
	for i := range b.Rows() {
		l := b.Lane(i)
		if p.buf, err = p.enc.Append(p.buf, b, l, b.Kind(l)); err != nil {
			return err
		}
		if n := len(p.buf); n > 0 && p.buf[n-1] != '\n' {
			p.buf = append(p.buf, '\n')
		}
	}
	if p.o.Terminal {
		_, err = p.o.Out.Write([]byte(CleanLines(string(p.buf))))
		return err
	}
	_, err = p.o.Out.Write(p.buf)
	return err
}

func (p *jsonLines) End(error) error { return nil }

// csvLines prints a header and one record a row. A stream of changes has its kind
// in a first column, op.
type csvLines struct {
	o       Options
	enc     *format.CSVLines
	changes bool
	buf     []byte
}

// write gives finished lines out; on a terminal without their control characters.
func (p *csvLines) write() error {
	out := p.buf
	if p.o.Terminal {
		out = []byte(CleanLines(string(p.buf)))
	}
	_, err := p.o.Out.Write(out)
	return err
}

func (p *csvLines) Begin(h Head) error {
	p.changes = h.Streaming
	p.enc = format.NewCSVLines(h.Schema, p.o.Zone)
	if p.changes {
		p.buf = append(p.buf, "op,"...)
	}
	p.buf = p.enc.Header(p.buf)
	return p.write()
}

func (p *csvLines) Rows(b *batch.Batch) error {
	p.buf = p.buf[:0]
	for i := range b.Rows() {
		l := b.Lane(i)
		if p.changes {
			p.buf = append(append(p.buf, b.Kind(l).String()...), ',')
		}
		p.buf = p.enc.Append(p.buf, b, l)
	}
	return p.write()
}

func (p *csvLines) End(error) error { return nil }

// cells appends the text of each column of a lane to row.
func cells(row []string, b *batch.Batch, lane int, zone *time.Location) []string {
	var buf []byte
	for i := range b.Cols {
		c := &b.Cols[i]
		if c.IsNull(lane) {
			row = append(row, "<NULL>")
			continue
		}
		buf = kernel.AppendShown(buf[:0], c, lane, zone)
		row = append(row, Clean(string(buf)))
	}
	return row
}

// columnNames are the names of columns, as a table shows them.
func columnNames(s types.Schema) []string {
	names := s.Names()
	for i := range names {
		names[i] = Clean(names[i])
	}
	return names
}

// Clean escapes control characters, so that text from outside cannot drive a
// terminal. Characters that turn the direction of text are among them.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	out := make([]byte, 0, len(s)+8)
	for _, r := range s {
		switch {
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case drives(r):
			out = append(out, `\u`...)
			const hex = "0123456789abcdef"
			out = append(out, hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// CleanLines is Clean for whole lines: ends of lines and tabs stay.
func CleanLines(s string) string {
	if plain(s) {
		return s
	}
	lines := strings.SplitAfter(s, "\n")
	for i, l := range lines {
		end := ""
		if t, ok := strings.CutSuffix(l, "\n"); ok {
			l, end = t, "\n"
		}
		if t, ok := strings.CutSuffix(l, "\r"); ok && end != "" {
			l, end = t, "\r\n"
		}
		fields := strings.Split(l, "\t")
		for j := range fields {
			fields[j] = Clean(fields[j])
		}
		lines[i] = strings.Join(fields, "\t") + end
	}
	return strings.Join(lines, "")
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == 0x7f || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// drives reports characters that act on a terminal instead of being shown.
func drives(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0x2028 || r == 0x2029
}

// cellWidth is the number of terminal columns of s; East Asian wide characters
// take two.
func cellWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff ||
		r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f300 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd):
		return 2
	}
	return 1
}

// Cut shortens s to w columns of a terminal, with "..." at the end when something
// was lost.
func Cut(s string, w int) string { return cut(s, w) }

// cut shortens s to w columns, with "..." at the end when something was lost.
func cut(s string, w int) string {
	if cellWidth(s) <= w {
		return s
	}
	if w <= 3 {
		return "..."[:w]
	}
	n := 0
	for i, r := range s {
		if n+runeWidth(r) > w-3 {
			return s[:i] + "..."
		}
		n += runeWidth(r)
	}
	return s
}

// pad writes s in w columns, at the left or at the right of them.
func pad(dst []byte, s string, w int, left bool) []byte {
	if left {
		dst = append(dst, s...)
	}
	for n := w - cellWidth(s); n > 0; n-- {
		dst = append(dst, ' ')
	}
	if left {
		return dst
	}
	return append(dst, s...)
}
