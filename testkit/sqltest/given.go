package sqltest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Given is an input: a table whose rows stand in the test.
type Given struct {
	Name      string
	Columns   string // as in CREATE TABLE
	Watermark string // a WATERMARK clause, or ""
	Mode      string // changelog-mode
	fields    []field
	lines     []string // changelog-json
}

// field is a column: kind is its type in upper case.
type field struct{ name, kind, typ string }

func newField(name, typ string) field { return field{name, strings.ToUpper(typ), typ} }

// null is how NULL is written in rows.
const null = "<NULL>"

var (
	delayForm  = regexp.MustCompile(`^(\S+) - ([0-9.]+)$`)
	clauseForm = regexp.MustCompile(`\s+(watermark|mode)\s+`)
)

// parseGiven reads "name (columns) [watermark ts [- n]] [mode I,UB,UA,D]".
func parseGiven(text string) (*Given, error) {
	name, rest, ok := strings.Cut(text, " (")
	if !ok {
		return nil, fmt.Errorf("given wants a name and (columns)")
	}
	cols, rest, err := balanced("(" + rest)
	if err != nil {
		return nil, err
	}
	g := &Given{Name: name, Columns: cols, Mode: "I"}
	rest = " " + strings.TrimSpace(rest)
	for strings.TrimSpace(rest) != "" {
		at := clauseForm.FindStringSubmatchIndex(rest)
		if at == nil || at[0] != 0 {
			return nil, fmt.Errorf("%q is neither watermark nor mode", strings.TrimSpace(rest))
		}
		word, value := rest[at[2]:at[3]], rest[at[1]:]
		rest = ""
		if next := clauseForm.FindStringIndex(value); next != nil {
			value, rest = value[:next[0]], value[next[0]:]
		}
		if word == "mode" {
			g.Mode = strings.TrimSpace(value)
			continue
		}
		col, expr, _ := strings.Cut(value, " ")
		expr = col + " " + expr
		if m := delayForm.FindStringSubmatch(value); m != nil {
			expr = m[1] + delay(m[2])
		}
		g.Watermark = fmt.Sprintf("WATERMARK FOR %s AS %s", col, expr)
	}
	for _, c := range splitCells(cols, ',') {
		f := newField(columnName(c))
		if f.kind == "" {
			return nil, fmt.Errorf("column %q has no type", c)
		}
		if f.name == "PRIMARY" || f.name == "CONSTRAINT" || strings.HasPrefix(f.kind, "AS ") {
			continue
		}
		g.fields = append(g.fields, f)
	}
	return g, nil
}

// columnName splits the definition of a column after its name, which comes without its
// quotes; typ is the rest.
func columnName(def string) (name, typ string) {
	def = strings.TrimSpace(def)
	if !strings.HasPrefix(def, "`") {
		name, typ, _ = strings.Cut(def, " ")
	} else {
		end := 1
		for end < len(def) && def[end] != '`' || strings.HasPrefix(def[min(end, len(def)):], "``") {
			if def[end] == '`' {
				end++
			}
			end++
		}
		name, typ = strings.ReplaceAll(def[1:min(end, len(def))], "``", "`"), def[min(end+1, len(def)):]
	}
	return name, strings.Join(strings.Fields(typ), " ")
}

// delay takes seconds away in parts that any precision of an interval holds.
func delay(seconds string) string {
	whole, fraction, _ := strings.Cut(seconds, ".")
	n, err := strconv.Atoi(whole)
	if err != nil || n < 100 {
		return fmt.Sprintf(" - INTERVAL '%s' SECOND", seconds)
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return fmt.Sprintf(" - INTERVAL '%d' MINUTE(3) - INTERVAL '%d%s' SECOND", n/60, n%60, fraction)
}

// balanced splits text after the parenthesis that closes its first one.
func balanced(text string) (inside, rest string, err error) {
	depth := 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return text[1:i], text[i+1:], nil
			}
		}
	}
	return "", "", fmt.Errorf("a parenthesis is not closed")
}

// splitCells splits at a separator outside of quotes and brackets.
func splitCells(s string, sep byte) []string {
	var out []string
	depth, quoted, from := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[' || c == '{' || c == '<':
			depth++
		case c == ')' || c == ']' || c == '}' || c == '>':
			depth--
		case c == sep && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

// add takes a row, written as +I[...] or as a line of changelog-json.
func (g *Given) add(line string) error {
	if strings.HasPrefix(line, "{") {
		if !json.Valid([]byte(line)) {
			return fmt.Errorf("no JSON: %s", line)
		}
		g.lines = append(g.lines, line)
		return nil
	}
	line = strings.TrimSpace(line)
	if !strings.HasSuffix(line, "]") {
		return fmt.Errorf("the row does not end with ]: %s", line)
	}
	cells := splitCells(line[3:len(line)-1], ',')
	if len(cells) != len(g.fields) {
		return fmt.Errorf("%d values for %d columns of %s: %s", len(cells), len(g.fields), g.Name, line)
	}
	out := []byte(`{"op":"` + line[:2] + `","row":{`)
	for i, c := range cells {
		if i > 0 {
			out = append(out, ',')
		}
		name, _ := json.Marshal(g.fields[i].name)
		out = append(append(out, name...), ':')
		out = append(out, g.value(c, g.fields[i].kind)...)
	}
	g.lines = append(g.lines, string(append(out, "}}"...)))
	return nil
}

// value is the JSON of a cell. Numbers and times go as strings, which the format
// takes for them.
func (g *Given) value(cell, kind string) []byte {
	switch {
	case cell == null || cell == "∅":
		return []byte("null")
	case strings.HasPrefix(kind, "BOOLEAN"), strings.HasPrefix(cell, "[") && strings.HasPrefix(kind, "ARRAY"),
		strings.HasPrefix(cell, "{") && (strings.HasPrefix(kind, "MAP") || strings.HasPrefix(kind, "ROW")):
		return []byte(cell)
	case len(cell) >= 2 && cell[0] == '\'' && cell[len(cell)-1] == '\'':
		cell = strings.ReplaceAll(cell[1:len(cell)-1], "''", "'")
	}
	out, _ := json.Marshal(cell)
	return out
}

// create writes the rows below dir and returns the CREATE TABLE for them.
func (g *Given) create(dir string) (string, error) {
	if err := g.Write(dir); err != nil {
		return "", err
	}
	return g.table(g.path(dir)), nil
}

// Write writes the rows below dir, as changelog-json.
func (g *Given) Write(dir string) error { return os.WriteFile(g.path(dir), []byte(g.text()), 0o666) }

func (g *Given) path(dir string) string { return filepath.Join(dir, g.Name+".json") }

// text is the file of the rows.
func (g *Given) text() string {
	if len(g.lines) == 0 {
		return ""
	}
	return strings.Join(g.lines, "\n") + "\n"
}

// table is the CREATE TABLE of changelog-json at a path.
func (g *Given) table(path string) string {
	columns := g.Columns
	if g.Watermark != "" {
		columns += ", " + g.Watermark
	}
	return fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s) WITH ('connector' = 'filesystem', 'path' = '%s', 'format' = 'changelog-json', 'changelog-json.changelog-mode' = '%s')",
		g.Name, columns, strings.ReplaceAll(path, "'", "''"), g.Mode)
}
