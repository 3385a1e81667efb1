package dap

import (
	"slices"
	"strings"

	"github.com/google/go-dap"

	"github.com/minkstream/mink/debugger"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/plan"
)

// script is SQL that an editor shows: a file, or, where there is none, the statements of
// the tape.
type script struct {
	name, path string
	text       string
	lines      []int // offsets at which they begin
}

func newScript(name, path, text string) *script {
	c := &script{name: name, path: path, text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			c.lines = append(c.lines, i+1)
		}
	}
	return c
}

// at is the line and column of an offset, from 1.
func (c *script) at(offset int) (line, column int) {
	i, found := slices.BinarySearch(c.lines, offset)
	if !found {
		i--
	}
	return i + 1, offset - c.lines[i] + 1
}

// place is where an operator stands in SQL.
type place struct {
	job      int
	op       *debugger.Operator
	script   int
	from, to int // offsets
	// where: it is the operator's condition, not the operator.
	where bool
}

// addFile takes a file of SQL as a script, if there is one of that name.
func (s *session) addFile(name string) bool {
	if !strings.HasSuffix(name, ".sql") || slices.ContainsFunc(s.scripts, func(c *script) bool { return c.path == s.o.Abs(name) }) {
		return false
	}
	text, err := s.o.Read(name)
	if err != nil {
		return false
	}
	s.scripts = append(s.scripts, newScript(name, s.o.Abs(name), string(text)))
	return true
}

// locate finds the statements of the tape in the files, and the operators in them. What is in
// no file is in the first script.
func (s *session) locate() {
	s.places = nil
	var rest strings.Builder
	from := make([]int, len(s.scripts)) // where the search in each goes on
	type spot struct{ script, offset int }
	spots := make([]spot, len(s.d.Statements))
	for i, st := range s.d.Statements {
		for k := 1; k < len(s.scripts) && spots[i].script == 0; k++ {
			if at := strings.Index(s.scripts[k].text[from[k]:], st.Text); at >= 0 {
				spots[i] = spot{k, from[k] + at}
				from[k] += at + len(st.Text)
			}
		}
		if spots[i].script == 0 {
			spots[i].offset = rest.Len()
			rest.WriteString(st.Text + ";\n")
		}
	}
	s.scripts[0] = newScript(s.d.Tape.Name+".sql", "", rest.String())
	for n, j := range s.d.Jobs {
		at := -1
		for i, st := range s.d.Statements {
			if st.Job >= 0 && st.Job <= n {
				at = i
			}
		}
		if at < 0 {
			continue
		}
		for _, o := range j.Operators {
			s.place(n, o, o.Node.Info().Span, s.d.Statements[at].Text, spots[at].script, spots[at].offset, false)
			if c, ok := o.Node.(*plan.Calc); ok && c.Filter != nil {
				s.place(n, o, c.Filter.Span(), s.d.Statements[at].Text, spots[at].script, spots[at].offset, true)
			}
		}
	}
}

func (s *session) place(job int, o *debugger.Operator, span diag.Span, text string, script, offset int, where bool) {
	if span.IsZero() || span.End > len(text) || span.Start >= span.End {
		return // it is of another text, such as that of a view
	}
	s.places = append(s.places, place{job: job, op: o, script: script, from: offset + span.Start, to: offset + span.End, where: where})
}

// cutTest parts FILE_test.sql:TEST.
func cutTest(name string) (file, test string, ok bool) {
	if i := strings.LastIndex(name, ".sql:"); i >= 0 {
		return name[:i+4], name[i+5:], true
	}
	return name, "", false
}

// of is where an operator stands, or nil.
func (s *session) of(job int, o *debugger.Operator) *place {
	for i := range s.places {
		if p := &s.places[i]; p.job == job && p.op == o && !p.where {
			return p
		}
	}
	return nil
}

// source names a script to the editor.
func (s *session) source(i int) *dap.Source {
	c := s.scripts[i]
	src := &dap.Source{Name: c.name, Path: c.path}
	if c.path == "" {
		src.SourceReference, src.Origin = i+1, "the tape"
	}
	return src
}

func (s *session) sources() []dap.Source {
	list := []dap.Source{}
	for i, c := range s.scripts {
		if i > 0 || c.text != "" {
			list = append(list, *s.source(i))
		}
	}
	return list
}

// scriptOf finds the script that an editor means, or -1.
func (s *session) scriptOf(src *dap.Source) int {
	if src == nil {
		return -1
	}
	if n := src.SourceReference; n > 0 && n <= len(s.scripts) {
		return n - 1
	}
	find := func() int {
		return slices.IndexFunc(s.scripts, func(c *script) bool {
			return src.Path != "" && c.path == s.o.Abs(src.Path) || src.Path == "" && src.Name == c.name
		})
	}
	i := find()
	if i >= 0 || src.Path == "" || !s.addFile(src.Path) {
		return i
	}
	// A tape does not know the file of a job that a cluster runs, nor one that was moved: it is
	// any that has a statement of a job.
	s.locate()
	i = find()
	if !slices.ContainsFunc(s.places, func(p place) bool { return p.script == i }) {
		s.scripts = s.scripts[:i]
		return -1
	}
	return i
}

func (s *session) sourceText(a dap.SourceArguments) (string, error) {
	src := a.Source
	if src == nil {
		src = &dap.Source{SourceReference: a.SourceReference}
	}
	if i := s.scriptOf(src); i >= 0 {
		return s.scripts[i].text, nil
	}
	return "", diag.New(diag.NotFound, "there is no such source")
}

// onLine are the operators of a line of a script: those that begin there, else the smallest
// that reaches over it, else those of the next line that has some, which is given back.
func (s *session) onLine(script, line int) ([]place, int) {
	var here, next []place
	over := place{from: 0, to: 1 << 40}
	least := 0
	for _, p := range s.places {
		if p.script != script {
			continue
		}
		first, _ := s.scripts[script].at(p.from)
		last, _ := s.scripts[script].at(p.to - 1)
		switch {
		case first == line:
			here = append(here, p)
		case first < line && line <= last && p.to-p.from < over.to-over.from:
			over = p
		case first > line && (least == 0 || first < least):
			next, least = []place{p}, first
		case first > line && first == least:
			next = append(next, p)
		}
	}
	switch {
	case len(here) > 0:
		return here, line
	case over.op != nil:
		return []place{over}, line
	}
	return next, least
}

func (s *session) locations(a *dap.BreakpointLocationsArguments) []dap.BreakpointLocation {
	list := []dap.BreakpointLocation{}
	if a == nil {
		return list
	}
	i := s.scriptOf(&a.Source)
	if i < 0 {
		return list
	}
	from := s.fromLine(a.Line)
	to := from
	if a.EndLine > 0 {
		to = s.fromLine(a.EndLine)
	}
	var seen []int
	for _, p := range s.places {
		line, column := s.scripts[i].at(p.from)
		if p.script == i && line >= from && line <= to && !slices.Contains(seen, p.from) {
			seen = append(seen, p.from)
			list = append(list, dap.BreakpointLocation{Line: s.toLine(line), Column: s.toColumn(column)})
		}
	}
	slices.SortFunc(list, func(a, b dap.BreakpointLocation) int { return (a.Line-b.Line)<<16 + a.Column - b.Column })
	return list
}

// Lines and columns as the editor counts them.

func (s *session) fromLine(n int) int {
	if s.zero.lines {
		return n + 1
	}
	return n
}

func (s *session) toLine(n int) int {
	if s.zero.lines {
		return n - 1
	}
	return n
}

func (s *session) toColumn(n int) int {
	if s.zero.columns {
		return n - 1
	}
	return n
}
