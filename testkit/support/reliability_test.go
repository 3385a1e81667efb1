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

// TestReliabilityPage holds docs/reliability.md to the tree: the tests that it names are in
// the folder named before them, and a row without one says that nothing shows it or that it is
// not measured.
func TestReliabilityPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "reliability.md"))
	if err != nil {
		t.Fatal(err)
	}
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
	rows, named := 0, 0
	for _, line := range strings.Split(string(page), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || strings.Contains(line, "---") || strings.TrimSpace(cells[1]) == "#" {
			continue
		}
		rows++
		tests, seen := cells[3], cells[6]
		if strings.TrimSpace(tests) == "-" && !strings.Contains(seen, "nothing shows it") && !strings.Contains(seen, "not measured") {
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
	if rows < 47 || named < 60 {
		t.Errorf("%d rows with %d tests: the page is not read", rows, named)
	}
}
