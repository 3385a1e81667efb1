// Package testfile reads *_test.sql files: plain SQL with lines that begin with @, which
// say what the job is given and what must come of it.
//
//	@test late_payment_is_dropped
//	@use revenue.sql                  -- the file that production runs
//	@given orders
//	  event_time | id | sku  | amt
//	  11:54:01   | 1  | A-17 | 10.00
//	@watermark orders 11:55:00
//	@given orders
//	  11:54:59   | 2  | A-17 | 99.00
//	@expect changelog revenue
//	  +I | A-17 | 11:54:00 | 10.00
//	@expect late orders 1
//
// What stands before the first @test holds for all tests of the file. Indented lines
// below a directive are its rows; lines that are not indented and do not begin with @ are
// SQL. docs/testing.md lists the directives.
//
// Begin with Parse; each directive is a line of the list in directives.go.
package testfile

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/cassette"
	"github.com/minkstream/mink/testkit/harness"
)

// File is a file of tests.
type File struct {
	Name, Text string
	Tests      []*Test
}

// Test is a test of a file.
type Test struct {
	Case *harness.Case
	Tags []string
	// Skip is why it does not run, or "".
	Skip string
	// At is the place of its name.
	At diag.Span
}

// Place is where the test stands.
func (f *File) Place(at diag.Span) harness.Place {
	return harness.Place{Name: f.Name, Text: f.Text, Span: at}
}

// reader reads one file.
type reader struct {
	file *File
	read func(name string) (string, error)
	// head is what stands before the first test.
	head *Test
	cur  *Test
	errs []*diag.Error
	// headers are the columns that a table's rows were written with last.
	headers map[string][]harness.Cell
	// block takes the indented lines that follow; nil where none may.
	block *block
	// sql is where SQL that is not in the case yet begins; -1 for none.
	sql int
}

// block are the lines below a directive.
type block struct {
	lines []line
	end   func(b *block)
}

// line is a line of the file without its end.
type line struct {
	text  string
	start int
}

// span is the text of the line.
func (l line) span() diag.Span {
	lead := len(l.text) - len(strings.TrimLeft(l.text, " \t"))
	return diag.Span{Start: l.start + lead, End: l.start + len(strings.TrimRight(l.text, " \t"))}
}

// Parse reads a file. read gives the files that @use names, by their path relative to the
// test's. All mistakes are found; each has its place.
func Parse(name, text string, read func(name string) (string, error)) (*File, []*harness.Error) {
	r := &reader{file: &File{Name: name, Text: text}, read: read, headers: map[string][]harness.Cell{}, sql: -1}
	r.head = &Test{Case: &harness.Case{Settings: map[string]string{}, Cassette: strings.TrimSuffix(name, ".sql") + cassette.Suffix}}
	r.cur = r.head
	at := 0
	for raw := range strings.SplitAfterSeq(text, "\n") {
		l := line{strings.TrimRight(raw, "\r\n"), at}
		at += len(raw)
		r.line(l)
	}
	r.endBlock()
	r.endSQL(len(text))
	if len(r.file.Tests) == 0 && len(r.errs) == 0 {
		r.errs = append(r.errs, diag.New(diag.Syntax, "the file has no test").WithHint("a test begins with a line @test NAME"))
	}
	var out []*harness.Error
	for _, e := range r.errs {
		out = append(out, &harness.Error{Source: diag.Source{Name: name, Text: text}, Err: e})
	}
	return r.file, out
}

func (r *reader) fail(at diag.Span, code diag.Code, format string, args ...any) *diag.Error {
	e := diag.At(at, code, format, args...)
	r.errs = append(r.errs, e)
	return e
}

func (r *reader) line(l line) {
	trimmed := strings.TrimSpace(l.text)
	switch {
	case strings.HasPrefix(l.text, "@"):
		r.endBlock()
		r.endSQL(l.start)
		r.directive(l)
	case r.sql >= 0: // within SQL, however it is indented
	case trimmed == "" || strings.HasPrefix(trimmed, "--"):
	case strings.HasPrefix(l.text, " ") || strings.HasPrefix(l.text, "\t"):
		if r.block == nil {
			r.fail(l.span(), diag.Syntax, "no directive that takes rows stands above this line").
				WithHint("rows are indented below @given or @expect; SQL begins at the left")
			return
		}
		if strings.HasPrefix(strings.TrimSpace(l.text), "@") {
			r.fail(l.span(), diag.Syntax, "a directive begins at the left").WithHint("take the spaces before @ away")
			return
		}
		r.block.lines = append(r.block.lines, l)
	default:
		r.endBlock()
		r.sql = l.start
	}
}

func (r *reader) endBlock() {
	if b := r.block; b != nil {
		r.block = nil
		b.end(b)
	}
}

// endSQL gives the SQL up to a place to the test at hand.
func (r *reader) endSQL(to int) {
	if r.sql < 0 {
		return
	}
	r.cur.Case.Scripts = append(r.cur.Case.Scripts, harness.Source{Name: r.file.Name, Text: r.file.Text, From: r.sql, To: to})
	r.sql = -1
}

// words splits the rest of a directive's line into words with their places; a comment
// ends it.
func words(l line) []harness.Cell {
	var out []harness.Cell
	i := 0
	for i < len(l.text) {
		c := l.text[i]
		switch {
		case c == ' ' || c == '\t':
			i++
		case strings.HasPrefix(l.text[i:], "--"):
			return out
		case c == '\'':
			end := i + 1
			for end < len(l.text) && (l.text[end] != '\'' || strings.HasPrefix(l.text[end:], "''")) {
				if l.text[end] == '\'' {
					end++
				}
				end++
			}
			text := strings.ReplaceAll(l.text[i+1:min(end, len(l.text))], "''", "'")
			end = min(end+1, len(l.text))
			out = append(out, harness.Cell{Text: text, Quoted: true, Span: diag.Span{Start: l.start + i, End: l.start + end}})
			i = end
		default:
			end := i
			for end < len(l.text) && l.text[end] != ' ' && l.text[end] != '\t' {
				end++
			}
			out = append(out, harness.Cell{Text: l.text[i:end], Span: diag.Span{Start: l.start + i, End: l.start + end}})
			i = end
		}
	}
	return out
}

// directive reads a line that begins with @.
func (r *reader) directive(l line) {
	w := words(l)
	name := w[0].Text
	d, ok := find(name)
	if !ok {
		e := r.fail(w[0].Span, diag.Syntax, "no directive %s", name)
		if s := diag.Suggest(name, names()); s != "" {
			e.WithHint("did you mean %s", s)
		} else {
			e.WithHint("directives are: %s", strings.Join(names(), ", "))
		}
		r.block = &block{end: func(*block) {}} // its rows are no mistake of their own
		return
	}
	if d.inTest && r.cur == r.head {
		r.fail(w[0].Span, diag.Syntax, "%s stands before the first @test", name).WithHint("put it below a line @test NAME; only %s hold for the whole file", strings.Join(shared(), ", "))
		r.block = &block{end: func(*block) {}}
		return
	}
	d.read(r, w[0].Span, w[1:])
}

func shared() []string {
	var out []string
	for _, d := range directives() {
		if !d.inTest && d.name != "@test" {
			out = append(out, d.name)
		}
	}
	return out
}

func find(name string) (directive, bool) {
	list := directives()
	i := slices.IndexFunc(list, func(d directive) bool { return d.name == name })
	if i < 0 {
		return directive{}, false
	}
	return list[i], true
}

func names() []string {
	var out []string
	for _, d := range directives() {
		out = append(out, d.name)
	}
	return out
}
