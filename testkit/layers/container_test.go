package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestContainersStayOut: testcontainers-go is for testkit/container alone, and that for tests
// alone, so that neither gets into the binary.
func TestContainersStayOut(t *testing.T) {
	const heavy, door = "github.com/testcontainers/", Module + "/testkit/container"
	seen := 0
	err := filepath.WalkDir("../..", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(p, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return nil // testdata that is meant to be wrong
		}
		inside := strings.Contains(filepath.ToSlash(p), "/testkit/container/")
		for _, i := range f.Imports {
			name := strings.Trim(i.Path.Value, "\"")
			if strings.HasPrefix(name, heavy) {
				if seen++; !inside {
					t.Errorf("%s imports %s: ask testkit/container for a service instead", p, name)
				}
			}
			if name == door && !strings.HasSuffix(p, "_test.go") {
				t.Errorf("%s imports testkit/container, which is for tests alone", p)
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Fatalf("%d imports of testcontainers were seen: %v", seen, err)
	}
}
