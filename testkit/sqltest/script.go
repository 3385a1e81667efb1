package sqltest

import (
	"fmt"
	"slices"
	"strings"
)

// Form says how the result of a section is written.
type Form uint8

// Forms of results.
const (
	// Changes in order; the form of a streaming query.
	Changes Form = iota
	// Table is the final table, rows in any order.
	Table
	// Ordered is the final table, rows in order where the run is a batch.
	Ordered
	// Text is the text of EXPLAIN and the like.
	Text
	// OK: the statements succeed; rows are not looked at.
	OK
	// Error: a statement fails.
	Error
)

var formWords = [...]string{"changes", "table", "ordered", "text", "OK", "ERROR"}

// Section is a test: statements and what they give.
type Section struct {
	Line int // of the first statement, from 1
	SQL  string
	Form Form
	// Want are the lines of the result. For Error it is one line, "code" or "code line:column".
	Want []string

	Settings []string // key = value
	Given    []*Given
	Setup    []string // statements that come first
	Sink     *Given   // table whose changes are the result; nil for those of the last query
	Skip     string
	Only     []string // onlyWords that are set
	Exact    bool     // the changes are the same in whole batches
	Covers   []string // rows of docs/sql-support.md that the section shows
	Needs    []string // programs without which the section is skipped
	MinkOnly string   // why the section says nothing of Flink, or ""

	head, tail int // lines of the file that Want takes
}

// File is a file of tests.
type File struct {
	Sections []*Section
	lines    []string
}

// scope is what directives have said so far.
type scope struct {
	settings []string
	given    []*Given
	setup    []string
	sink     *Given
	only     []string
	skip     string
	exact    bool
	covers   []string
	needs    []string
	minkOnly string
}

func (s scope) clone() scope {
	s.settings, s.given, s.setup, s.only = slices.Clone(s.settings), slices.Clone(s.given), slices.Clone(s.setup), slices.Clone(s.only)
	s.covers, s.needs = slices.Clone(s.covers), slices.Clone(s.needs)
	return s
}

// onlyWords narrow how a section runs: one mode, parallelism 1, or the first way
// alone.
var onlyWords = []string{"streaming", "batch", "single", "once"}

var ops = []string{"+I[", "-U[", "+U[", "-D["}

func isRow(line string) bool {
	return strings.HasPrefix(line, "{") || slices.ContainsFunc(ops, func(op string) bool { return strings.HasPrefix(line, op) })
}

// Parse reads a file. Errors begin with the line.
func Parse(text string) (*File, error) {
	f := &File{lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n")}
	file := scope{}
	for i := 0; i < len(f.lines); {
		if l := f.lines[i]; strings.TrimSpace(l) == "" || strings.HasPrefix(l, "#") {
			i++
			continue
		}
		own := file.clone()
		next, err := f.directives(i, &own)
		if err != nil {
			return nil, err
		}
		i = next
		if i >= len(f.lines) || strings.TrimSpace(f.lines[i]) == "" {
			file = own // directives on their own hold for the rest of the file
			continue
		}
		if i, err = f.section(i, own); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// directives reads lines up to a statement or an empty line.
func (f *File) directives(i int, s *scope) (int, error) {
	for i < len(f.lines) {
		word, rest, _ := strings.Cut(f.lines[i], " ")
		rest = strings.TrimSpace(rest)
		switch word {
		case "set":
			s.settings = append(s.settings, rest)
		case "skip":
			if rest == "" {
				return 0, fmt.Errorf("line %d: skip wants a reason", i+1)
			}
			s.skip = rest
		case "only":
			for _, w := range strings.Fields(rest) {
				if !slices.Contains(onlyWords, w) {
					return 0, fmt.Errorf("line %d: only takes streaming, batch, single, once, not %q", i+1, w)
				}
				s.only = append(s.only, w)
			}
		case "exact":
			s.exact = true
		case "mink":
			reason, ok := strings.CutPrefix(rest, "only: ")
			if !ok {
				return 0, fmt.Errorf("line %d: want mink only: REASON", i+1)
			}
			s.minkOnly = reason
		case "covers":
			s.covers = append(s.covers, strings.Fields(rest)...)
		case "needs":
			s.needs = append(s.needs, strings.Fields(rest)...)
		case "setup":
			from := i + 1
			for i++; i < len(f.lines) && strings.TrimSpace(f.lines[i]) != ""; i++ {
			}
			s.setup = append(s.setup, strings.Join(f.lines[from:i], "\n"))
			return i, nil
		case "sink":
			g, err := parseGiven(rest)
			if err != nil {
				return 0, fmt.Errorf("line %d: %w", i+1, err)
			}
			if !strings.Contains(rest, " mode ") {
				g.Mode = "I,UB,UA,D"
			}
			s.sink = g
		case "given":
			g, err := parseGiven(rest)
			if err != nil {
				return 0, fmt.Errorf("line %d: %w", i+1, err)
			}
			for i+1 < len(f.lines) && isRow(f.lines[i+1]) {
				i++
				if err := g.add(f.lines[i]); err != nil {
					return 0, fmt.Errorf("line %d: %w", i+1, err)
				}
			}
			s.given = slices.DeleteFunc(s.given, func(o *Given) bool { return o.Name == g.Name })
			s.given = append(s.given, g)
		default:
			if !strings.HasPrefix(f.lines[i], "#") {
				return i, nil
			}
		}
		i++
	}
	return i, nil
}

// section reads statements, dashes and a result.
func (f *File) section(i int, own scope) (int, error) {
	s := &Section{
		Line: i + 1, Settings: own.settings, Given: own.given, Setup: own.setup, Sink: own.sink, Skip: own.skip, Only: own.only, Exact: own.exact,
		Covers: own.covers, Needs: own.needs, MinkOnly: own.minkOnly,
	}
	from := i
	for i < len(f.lines) && f.lines[i] != "----" {
		i++
	}
	if i == len(f.lines) {
		return 0, fmt.Errorf("line %d: no ---- after the statement", from+1)
	}
	s.SQL = strings.Join(f.lines[from:i], "\n")
	i++
	s.head = i
	first := ""
	if i < len(f.lines) {
		first = f.lines[i]
	}
	word, rest, _ := strings.Cut(first, " ")
	switch {
	case word == "ERROR":
		s.Form, s.Want = Error, []string{rest}
		i++
	case slices.Contains(formWords[:], first):
		s.Form = Form(slices.Index(formWords[:], first))
		i++
	case !isRow(first) && first != "?":
		return 0, fmt.Errorf("line %d: a result begins with a row or one of %s", i+1, strings.Join(formWords[:], ", "))
	}
	end := func(l string) bool { return strings.TrimSpace(l) == "" }
	if s.Form == Text {
		end = func(l string) bool { return l == "----" }
	}
	for ; i < len(f.lines) && !end(f.lines[i]); i++ {
		s.Want = append(s.Want, f.lines[i])
	}
	if s.Form == Text && i < len(f.lines) {
		i++
	}
	s.tail = i
	f.Sections = append(f.Sections, s)
	return i, nil
}

// Text writes the file with the results its sections have now.
func (f *File) Text() string {
	var out []string
	at := 0
	for _, s := range f.Sections {
		out = append(out, f.lines[at:s.head]...)
		switch s.Form {
		case Changes:
			if len(s.Want) == 0 {
				out = append(out, formWords[Changes])
			}
			out = append(out, s.Want...)
		case Error:
			out = append(out, formWords[Error]+" "+s.Want[0])
		default:
			out = append(append(out, formWords[s.Form]), s.Want...)
			if s.Form == Text {
				out = append(out, "----")
			}
		}
		at = s.tail
	}
	return strings.Join(append(out, f.lines[at:]...), "\n") + "\n"
}
