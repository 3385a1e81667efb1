// Package support says which rows of the SQL surface work and which tests show it:
// docs/sql-support.md.
//
// rows.txt lists the rows, functions.txt the functions. A test names the rows that
// it shows: a section of testkit/sqltest with the directive covers, a Go test with a
// comment "// covers S52" above it. Functions need no mark: the statements of the
// sections are parsed, and each use counts. A test counts only where the row's
// pattern is found in its text, so that a mark cannot stand above anything.
//
// Settings are held to more (effects.go): each that is said to have an effect needs two
// sections between which it alone makes the difference, or a Go test with a comment
// "// shows KEY".
//
// Begin with Rows, then Collect in tests.go and Page in page.go.
package support

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

// Row is one row of the surface.
type Row struct {
	// Mark is the row's name in covers: S07, T1.2.4. For a function it is what Uses
	// says of a statement with it.
	Mark string
	Text string
	// Pattern is found in every test of the row; nil for functions.
	Pattern *regexp.Regexp
	// Exception is why mink does not have the row, or "".
	Exception string
	// Inserts is why the row has no updating input, or "". A test then shows that such
	// an input is refused.
	Inserts string
	// Batch: the function is for batch alone.
	Batch   bool
	Section string
}

// Function tells whether the row is a function or operator.
func (r *Row) Function() bool { return r.Pattern == nil }

//go:embed rows.txt
var rowsText string

//go:embed functions.txt
var functionsText string

// ExceptionsMax is how many rows may be exceptions.
const ExceptionsMax = 12

// Rows are all rows in order, functions last.
func Rows() ([]*Row, error) {
	rows, err := readRows(rowsText, marked)
	if err != nil {
		return nil, fmt.Errorf("rows.txt: %w", err)
	}
	functions, err := readRows(functionsText, function)
	if err != nil {
		return nil, fmt.Errorf("functions.txt: %w", err)
	}
	return append(rows, functions...), nil
}

func readRows(text string, read func(string) (*Row, error)) ([]*Row, error) {
	var rows []*Row
	section := ""
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		switch {
		case line == "", strings.HasPrefix(line, "# "):
			continue
		case strings.HasPrefix(line, "## "):
			section = line[3:]
			continue
		case strings.HasPrefix(line, "exception: ") && len(rows) > 0:
			rows[len(rows)-1].Exception = line[len("exception: "):]
			continue
		case strings.HasPrefix(line, "inserts: ") && len(rows) > 0:
			rows[len(rows)-1].Inserts = line[len("inserts: "):]
			continue
		}
		r, err := read(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if seen[r.Mark] {
			return nil, fmt.Errorf("line %d: %s stands twice", i+1, r.Mark)
		}
		seen[r.Mark] = true
		r.Section = section
		rows = append(rows, r)
	}
	return rows, nil
}

// blanks makes blanks of a pattern any white space, and " ?" maybe some.
var blanks = strings.NewReplacer(" ?", `\s*`, " ", `\s+`)

// marked reads "MARK text /pattern/".
func marked(line string) (*Row, error) {
	mark, rest, ok := strings.Cut(line, " ")
	text, pattern, found := strings.Cut(rest, " /")
	if !ok || !found || !strings.HasSuffix(pattern, "/") {
		return nil, fmt.Errorf("want: MARK text /pattern/")
	}
	re, err := regexp.Compile("(?is)" + blanks.Replace(strings.TrimSuffix(pattern, "/")))
	if err != nil {
		return nil, err
	}
	return &Row{Mark: mark, Text: text, Pattern: re}, nil
}

// function reads "name | text [| batch]".
func function(line string) (*Row, error) {
	part := strings.Split(line, " | ")
	if len(part) < 2 || len(part) > 3 || len(part) == 3 && part[2] != "batch" {
		return nil, fmt.Errorf("want: name | text [| batch]")
	}
	return &Row{Mark: part[0], Text: part[1], Batch: len(part) == 3}, nil
}
