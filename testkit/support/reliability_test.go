package support

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	namedTest   = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w*`)
	namedFolder = regexp.MustCompile("`([a-z]+(?:/[a-z0-9]+)*)`")
	testFunc    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// TestReliabilityPage holds docs/reliability.md and the controls of docs/security.md to the
// tree: the tests that they name are in the folder named before them, and a row without one
// says that nothing shows it, that it is not measured, or that what it is about is not there
// yet.
func TestReliabilityPage(t *testing.T) {
	inFolder := map[string]map[string]bool{}
	has := func(folder, name string) bool {
		tests := inFolder[folder]
		if tests == nil {
			tests = map[string]bool{}
			inFolder[folder] = tests
			files, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*_test.go"))
			for _, f := range files {
				text, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range testFunc.FindAllSubmatch(text, -1) {
					tests[string(m[1])] = true
				}
			}
		}
		return tests[name]
	}
	for _, p := range []struct {
		name                         string
		cells, rowsLeast, namedLeast int
	}{{"reliability.md", 8, 47, 60}, {"security.md", 6, 20, 40}} {
		rows, named := holdPage(t, p.name, p.cells, has)
		if rows < p.rowsLeast || named < p.namedLeast {
			t.Errorf("%s: %d rows with %d tests: the page is not read", p.name, rows, named)
		}
	}
}

// holdPage looks at the tables of a page whose rows have so many cells, bars around them
// included: the third has the tests, the last what was seen.
func holdPage(t *testing.T, name string, width int, has func(folder, name string) bool) (rows, named int) {
	page, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != width || strings.Contains(line, "---") || strings.TrimSpace(cells[1]) == "#" || strings.TrimSpace(cells[1]) == "target" {
			continue
		}
		rows++
		tests, seen := cells[3], cells[width-2]
		if strings.TrimSpace(tests) == "-" && !strings.Contains(seen, "nothing shows it") && !strings.Contains(seen, "not measured") && !strings.Contains(seen, "comes with") {
			t.Errorf("row %s names no test and does not say so", strings.TrimSpace(cells[1]))
		}
		for _, part := range strings.Split(tests, ";") {
			folder := namedFolder.FindStringSubmatch(part)
			for _, name := range namedTest.FindAllString(part, -1) {
				named++
				if folder == nil {
					if !strings.HasPrefix(name, "Fuzz") {
						t.Errorf("row %s: no folder before %s", strings.TrimSpace(cells[1]), name)
					}
				} else if !has(folder[1], name) {
					t.Errorf("row %s: %s has no %s", strings.TrimSpace(cells[1]), folder[1], name)
				}
			}
		}
	}
	return rows, named
}
