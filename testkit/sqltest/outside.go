package sqltest

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// Outside is what another engine answered to a section.
type Outside struct {
	// Info: the rows are those of SHOW, DESCRIBE and the like.
	Info bool
	// Types of the columns, as Flink names their roots: VARCHAR, INTEGER.
	Types []string
	// Rows are changes: the kind as +I, then a cell a column, nil for NULL.
	Rows [][]*string
	// Error ended the section, where it is not empty.
	Error string
}

// Verdict says how an answer stands to a section's result.
type Verdict uint8

// Verdicts.
const (
	// Same: the same rows, change by change where the section says them one by one.
	Same Verdict = iota
	// SameTable: other changes that add up to the same table.
	SameTable
	// Differs: another answer.
	Differs
)

// Judge compares another engine's answer, given in streaming or in batch, with the
// section's result. The text tells the difference.
func (s *Section) Judge(o *Outside, inBatch bool) (Verdict, string) {
	got := s.outcome(o, inBatch)
	if s.Form == Error {
		if got.err == nil {
			return Differs, "no error; rows:\n" + indent(strings.Join(got.changes(), "\n"))
		}
		return Same, ""
	}
	v := variant{batch: inBatch, parallelism: 1, exact: !inBatch}
	problem := s.check(v, got)
	if problem != "" && got.err == nil && slices.ContainsFunc(o.Types, unordered) {
		s = s.mapsSorted(o.Types)
		for _, r := range got.rows {
			sortMaps(r.cells, o.Types)
		}
		problem = s.check(v, got)
	}
	if problem == "" {
		return Same, ""
	}
	if got.err == nil && s.Form == Changes && v.exact && s.check(variant{parallelism: 1}, got) == "" {
		return SameTable, problem
	}
	return Differs, problem
}

// unordered tells types whose entries have no order, so that each engine writes them in
// one of its own.
func unordered(kind string) bool { return kind == "MAP" || kind == "MULTISET" }

// sortMaps puts the entries of the cells that are maps in order.
func sortMaps(cells, types []string) {
	for i, c := range cells {
		if i >= len(types) || !unordered(types[i]) || len(c) < 2 || c[0] != '{' {
			continue
		}
		entries := splitCells(c[1:len(c)-1], ',')
		slices.Sort(entries)
		cells[i] = "{" + strings.Join(entries, ", ") + "}"
	}
}

// mapsSorted is the section with the entries of maps in its result in order.
func (s *Section) mapsSorted(types []string) *Section {
	out := *s
	out.Want = slices.Clone(s.Want)
	for i, l := range out.Want {
		from := strings.IndexByte(l, '[')
		if from < 0 || !strings.HasSuffix(l, "]") {
			continue
		}
		if cells := splitCells(l[from+1:len(l)-1], ','); len(cells) == len(types) {
			sortMaps(cells, types)
			out.Want[i] = l[:from] + "[" + strings.Join(cells, ", ") + "]"
		}
	}
	return &out
}

func (s *Section) outcome(o *Outside, inBatch bool) *outcome {
	got := &outcome{info: o.Info, streaming: !inBatch && !o.Info}
	if o.Error != "" {
		got.err = errors.New(o.Error)
		return got
	}
	for _, cells := range o.Rows {
		r := row{}
		for k := batch.Insert; k <= batch.Delete; k++ {
			if cells[0] != nil && k.String() == *cells[0] {
				r.kind = k
			}
		}
		for i, c := range cells[1:] {
			text := null
			if c != nil {
				text = *c
				if i < len(o.Types) {
					text = s.cell(text, o.Types[i], o.Info)
				}
			}
			r.cells = append(r.cells, text)
		}
		got.rows = append(got.rows, r)
	}
	if s.Sink != nil && !o.Info {
		if !strings.Contains(s.Sink.Mode, "UB") && strings.Contains(s.Sink.Mode, "UA") {
			got.key = s.Sink.primaryKey()
		}
		got.streaming = !inBatch || got.key != nil
	}
	return got
}

// cell is a value as the section writes it: those of a sink were JSON.
func (s *Section) cell(text, kind string, info bool) string {
	switch {
	case kind == "CHAR" || kind == "VARCHAR":
		if info {
			text = strings.TrimRight(text, "\n")
		}
		text = quote(text)
	case s.Sink != nil && (kind == "DOUBLE" || kind == "FLOAT"):
		text = strings.TrimSuffix(text, ".0")
	case s.Sink != nil && kind == "BOOLEAN":
		text = strings.ToLower(text)
	case s.Sink != nil && (kind == "BINARY" || kind == "VARBINARY"):
		if b, err := hex.DecodeString(strings.Trim(text, "x'")); err == nil {
			text = base64.StdEncoding.EncodeToString(b)
		}
	}
	return escapes.Replace(text)
}

// Open tells whether the section's result is still to be filled in: a line "?".
func (s *Section) Open() bool { return len(s.Want) == 1 && s.Want[0] == "?" }

// Fill takes another engine's answer for an open section's result.
// It tells whether there was one.
func (s *Section) Fill(o *Outside, inBatch bool) bool {
	if o.Error != "" {
		return false
	}
	s.accept(s.outcome(o, inBatch))
	return true
}

// InBatch tells whether the section can run in batch at all, and in nothing else.
func (s *Section) InBatch() (can, only bool) {
	updating := slices.ContainsFunc(s.Given, func(g *Given) bool { return g.Mode != "I" && s.names(g.Name) })
	return !updating && !slices.Contains(s.Only, "streaming"), slices.Contains(s.Only, "batch")
}

// Has tells whether a statement of the section, after its setup or in it, is such a one.
func (s *Section) Has(is func(ast.Statement) bool) bool {
	for _, script := range append(slices.Clone(s.Setup), s.SQL) {
		for _, it := range parse.Script(script) {
			if it.Stmt != nil && is(it.Stmt) {
				return true
			}
		}
	}
	return false
}

// Lines are the rows of the table, as changelog-json.
func (g *Given) Lines() []string { return g.lines }

// Plain are the table's columns without keys and computed ones.
func (g *Given) Plain() string {
	out := make([]string, len(g.fields))
	for i, f := range g.fields {
		typ := f.typ
		if strings.HasSuffix(f.kind, " NOT NULL") {
			typ = typ[:len(typ)-len(" NOT NULL")]
		}
		out[i] = fmt.Sprintf("`%s` %s", f.name, typ)
	}
	return strings.Join(out, ", ")
}

// Statements splits a script; what does not parse is a statement of its own.
func Statements(script string) []string {
	var out []string
	for _, it := range parse.Script(script) {
		out = append(out, strings.TrimSuffix(strings.TrimSpace(script[it.Span.Start:it.Span.End]), ";"))
	}
	return out
}
