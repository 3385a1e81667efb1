package support

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/testkit/sqltest"
)

// Test is a test that shows rows: a section of testkit/sqltest, or a Go test.
type Test struct {
	// Name is the file of a section, as in topn.test, or "TestX (dir)" of a Go test.
	Name string
	At   string // file:line, for messages
	// Marks are the rows that the test says it shows.
	Marks []string
	// Text is where patterns are looked for.
	Text string
	// Uses are the functions of a section that succeeds.
	Uses map[string]bool
	// Updating: an input of the section has changes other than inserts.
	Updating bool
	// Refuses: the section is an error that updating input makes; Tried are its functions.
	Refuses bool
	Tried   map[string]bool
	// Settings are those whose effect a Go test says it shows.
	Settings []string
}

// Collect reads the tests below the root of the tree.
func Collect(root string) ([]*Test, error) {
	sections, err := sections(filepath.Join(root, "testkit", "sqltest", "testdata"))
	if err != nil {
		return nil, err
	}
	tests, err := goTests(root)
	return append(sections, tests...), err
}

func sections(dir string) ([]*Test, error) {
	var out []*Test
	err := eachSection(dir, func(file string, s *sqltest.Section) { out = append(out, section(file, s)) })
	return out, err
}

// Sections are the sections of the SQL suite below the root of the tree.
func Sections(root string) ([]*sqltest.Section, error) {
	var out []*sqltest.Section
	err := eachSection(filepath.Join(root, "testkit", "sqltest", "testdata"), func(_ string, s *sqltest.Section) { out = append(out, s) })
	return out, err
}

func eachSection(dir string, do func(file string, s *sqltest.Section)) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.test"))
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := sqltest.Parse(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, s := range f.Sections {
			if s.Skip == "" {
				do(filepath.Base(name), s)
			}
		}
	}
	return nil
}

func section(file string, s *sqltest.Section) *Test {
	t := &Test{Name: file, At: fmt.Sprintf("%s:%d", file, s.Line), Marks: s.Covers}
	var scripts []string
	for _, kv := range s.Settings {
		key, value, _ := strings.Cut(kv, "=")
		scripts = append(scripts, fmt.Sprintf("SET '%s' = '%s'", strings.TrimSpace(key), strings.TrimSpace(value)))
	}
	for _, g := range s.Given {
		scripts = append(scripts, table(g))
		t.Updating = t.Updating || g.Mode != "I"
	}
	if s.Sink != nil {
		scripts = append(scripts, table(s.Sink))
	}
	scripts = append(append(scripts, s.Setup...), s.SQL)
	all := strings.Join(scripts, ";\n")
	t.Text = all + "\n" + strings.Join(s.Want, "\n") + "\nonly " + strings.Join(s.Only, " ")
	t.Updating = t.Updating || strings.Contains(all, "changelog-mode")
	if s.Form != sqltest.Error {
		t.Uses = Uses(all)
	} else if refusal(s.Want[0], t.Updating) {
		t.Refuses, t.Tried = true, Uses(all)
	}
	return t
}

// refusal tells whether an error is one that updating input makes.
func refusal(want string, updating bool) bool {
	code, _, _ := strings.Cut(want, " ")
	switch diag.Code(code) {
	case diag.ChangelogMismatch:
		return true
	case diag.UnsupportedByFlink, diag.InvalidWatermark:
		return updating
	}
	return false
}

func table(g *sqltest.Given) string {
	columns := g.Columns
	if g.Watermark != "" {
		columns += ", " + g.Watermark
	}
	return "CREATE TEMPORARY TABLE " + g.Name + " (" + columns + ")"
}

var (
	coversLine = regexp.MustCompile(`^\s*// covers ([A-Z0-9. ]+)$`)
	showsLine  = regexp.MustCompile(`^// shows ([a-z][a-z0-9-]*\.[a-z0-9.\- ]+)$`)
	testLine   = regexp.MustCompile(`^func (Test\w+)\(`)
)

// goTests finds comments "// covers ..." and "// shows ..." above test functions.
func goTests(root string) ([]*Test, error) {
	var out []*Test
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		tests, err := goTest(filepath.ToSlash(rel), string(data))
		out = append(out, tests...)
		return err
	})
	return out, err
}

func goTest(path, text string) ([]*Test, error) {
	var out []*Test
	var marks, settings []string
	for i, line := range strings.Split(text, "\n") {
		if m := coversLine.FindStringSubmatch(line); m != nil {
			marks = append(marks, strings.Fields(m[1])...)
			continue
		}
		if m := showsLine.FindStringSubmatch(line); m != nil {
			settings = append(settings, strings.Fields(m[1])...)
			continue
		}
		m := testLine.FindStringSubmatch(line)
		switch {
		case marks == nil && settings == nil || strings.HasPrefix(line, "//"):
		case m == nil:
			return nil, fmt.Errorf("%s:%d: covers and shows stand above a test function", path, i+1)
		default:
			dir := path[:strings.LastIndexByte(path, '/')+1]
			out = append(out, &Test{
				Name: m[1] + " (" + strings.TrimSuffix(dir, "/") + ")", At: fmt.Sprintf("%s:%d", path, i+1), Marks: marks, Settings: settings, Text: text,
			})
			marks, settings = nil, nil
		}
	}
	return out, nil
}

// Coverage is what the tests show of each row.
type Coverage struct {
	Rows []*Row
	// Tests of a row, by its mark.
	Tests map[string][]*Test
	// Refusing are the tests of a row that show updating input refused.
	Refusing map[string][]*Test
	// Bad are marks that name no row, or rows that their test does not show.
	Bad []string
}

// Cover looks for the tests of each row.
func Cover(rows []*Row, tests []*Test) *Coverage {
	c := &Coverage{Rows: rows, Tests: map[string][]*Test{}, Refusing: map[string][]*Test{}}
	shown := map[string]bool{}  // "mark name" that a pattern confirms
	named := map[string]*Test{} // "mark name" that a test names
	for _, t := range tests {
		for _, mark := range t.Marks {
			named[mark+" in "+t.Name] = t
			for _, r := range rows {
				if !r.Function() && answers(r.Mark, mark) && r.Pattern.MatchString(t.Text) {
					c.add(r, t)
					if t.Refuses {
						c.Refusing[r.Mark] = append(c.Refusing[r.Mark], t)
					}
					shown[mark+" in "+t.Name] = true
				}
			}
		}
		for _, r := range rows {
			if r.Function() && t.Uses[r.Mark] {
				c.add(r, t)
			}
			if r.Function() && t.Tried[r.Mark] {
				c.Refusing[r.Mark] = append(c.Refusing[r.Mark], t)
			}
		}
	}
	for what, t := range named {
		mark, _, _ := strings.Cut(what, " ")
		switch {
		case shown[what]:
		case !slices.ContainsFunc(rows, func(r *Row) bool { return answers(r.Mark, mark) }):
			c.Bad = append(c.Bad, fmt.Sprintf("%s: covers %s, which is no row of rows.txt", t.At, mark))
		default:
			c.Bad = append(c.Bad, fmt.Sprintf("%s: covers %s, but nothing in it has the row's syntax (its pattern in rows.txt)", t.At, mark))
		}
	}
	slices.Sort(c.Bad)
	return c
}

func (c *Coverage) add(r *Row, t *Test) {
	if !slices.Contains(c.Tests[r.Mark], t) {
		c.Tests[r.Mark] = append(c.Tests[r.Mark], t)
	}
}

// answers tells whether a mark of a test means a row: its own mark, or for T3.2 each
// row T3.2.n.
func answers(row, mark string) bool {
	return row == mark || strings.HasPrefix(mark, "T") && strings.HasPrefix(row, mark+".")
}

// Status of a row.
type Status string

// Statuses.
const (
	Works     Status = "works"
	Exception Status = "exception"
	Open      Status = "open"
)

// Status is what the page says of a row.
func (c *Coverage) Status(r *Row) Status {
	switch {
	case r.Exception != "":
		return Exception
	case len(c.Tests[r.Mark]) > 0:
		return Works
	}
	return Open
}
