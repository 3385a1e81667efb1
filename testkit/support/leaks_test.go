package support

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLeaks: every package with tests looks whether they leave something behind.
func TestLeaks(t *testing.T) {
	bad, seen, err := unwatched(root)
	if err != nil {
		t.Fatal(err)
	}
	if seen < 70 {
		t.Errorf("%d packages with tests: the tree is not read", seen)
	}
	for _, dir := range bad {
		t.Errorf("the tests of %s may leave goroutines, files and processes behind: put\n\tfunc TestMain(m *testing.M) { leak.Main(m) }\ninto %s/main_test.go, with testkit/leak", dir, dir)
	}
}

// TestLeaksRefuses: a package without the check is found, also one whose TestMain has none.
func TestLeaksRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a/a_test.go":          "package a\nfunc TestA(t *testing.T) {}\n",
		"b/b_test.go":          "package b\nfunc TestMain(m *testing.M) { os.Exit(m.Run()) }\n// leak.Main(m)\n",
		"c/c_test.go":          "package c\nfunc TestMain(m *testing.M) { leak.Main(m) }\n",
		"c/d_test.go":          "package c_test\nfunc TestD(t *testing.T) {}\n",
		"c/testdata/x_test.go": "package x\n",
		"e/e.go":               "package e\n",
	} {
		if err := os.MkdirAll(filepath.Join(dir, path.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bad, seen, err := unwatched(dir)
	if err != nil || seen != 3 || !slices.Equal(bad, []string{"a", "b"}) {
		t.Errorf("%v of %d, %v", bad, seen, err)
	}
}

// unwatched are the folders with tests that have no TestMain which calls leak.Main, and how
// many folders have tests.
func unwatched(root string) (bad []string, seen int, err error) {
	watched := map[string]bool{}
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(p))
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		watched[dir] = watched[dir] || looks(f)
		return nil
	})
	for dir, is := range watched {
		if !is {
			bad = append(bad, dir)
		}
	}
	slices.Sort(bad)
	return bad, len(watched), err
}

// looks tells whether a file has a TestMain that calls leak.Main.
func looks(f *ast.File) bool {
	found := false
	for _, d := range f.Decls {
		fn, is := d.(*ast.FuncDecl)
		if !is || fn.Recv != nil || fn.Name.Name != "TestMain" {
			continue
		}
		ast.Inspect(fn, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				x, is := n.X.(*ast.Ident)
				found = found || is && x.Name == "leak" && n.Sel.Name == "Main"
			case *ast.CallExpr:
				own, is := n.Fun.(*ast.Ident)
				found = found || is && own.Name == "Main" && f.Name.Name == "leak"
			}
			return true
		})
	}
	return found
}
