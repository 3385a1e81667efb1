// Package tidy checks what a reader would otherwise have to remember: that every
// package has its label, that words and names keep to the house style, that parts
// stand in their lists, and that nothing grows past its bounds unnoticed.
//
// The checks parse the tree's own files. What they refuse is said with the way
// out. Begin with Check.
package tidy

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

// File is a source file of the tree.
type File struct {
	Path string // slash-separated, relative to the root
	Text []byte
}

// Dir is the directory of the file.
func (f File) Dir() string { return path.Dir(f.Path) }

// Files reads the text files of the tree, sorted by path.
func Files(root string) ([]File, error) {
	var out []File
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if rel != "." && !portable.MatchString(d.Name()) {
			return fmt.Errorf("%s: a name of letters, digits and . - _ + @ = alone: other systems cannot check others out", rel)
		}
		if d.IsDir() {
			switch {
			case rel == ".ci" || rel == ".":
				return nil
			case strings.HasPrefix(d.Name(), "."), d.Name() == "testdata":
				return fs.SkipDir
			}
			return nil
		}
		if !isText(rel) {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		out = append(out, File{rel, text})
		return nil
	})
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out, err
}

// portable are names that every file system takes.
var portable = regexp.MustCompile(`^[\w.+@=-]+$`)

func isText(name string) bool {
	switch path.Ext(name) {
	case ".go", ".md", ".sql", ".txt":
		return true
	}
	return path.Base(name) == "Makefile" || name == ".ci/run"
}

// Check returns one sentence for each thing out of order.
func Check(files []File) []string {
	var bad []string
	bad = append(bad, labels(files)...)
	bad = append(bad, words(files)...)
	bad = append(bad, names(files)...)
	bad = append(bad, inits(files)...)
	bad = append(bad, sizes(files)...)
	return bad
}

func goFiles(files []File, tests bool) []File {
	var out []File
	for _, f := range files {
		if path.Ext(f.Path) == ".go" && (tests || !strings.HasSuffix(f.Path, "_test.go")) {
			out = append(out, f)
		}
	}
	return out
}

// labels wants exactly one package comment per package, in the file named after
// it, in doc.go or, for commands, in main.go.
func labels(files []File) []string {
	var bad []string
	seen := map[string][]string{}
	var dirs []string
	for _, f := range goFiles(files, false) {
		tree, err := parser.ParseFile(token.NewFileSet(), f.Path, f.Text, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", f.Path, err))
			continue
		}
		if _, ok := seen[f.Dir()]; !ok {
			seen[f.Dir()] = nil
			dirs = append(dirs, f.Dir())
		}
		if tree.Doc != nil && !strings.HasPrefix(tree.Doc.Text(), "Code generated") {
			seen[f.Dir()] = append(seen[f.Dir()], f.Path)
			base := path.Base(f.Path)
			if base != tree.Name.Name+".go" && base != "doc.go" && base != "main.go" {
				bad = append(bad, fmt.Sprintf("%s: the package comment belongs in %s.go or doc.go", f.Path, tree.Name.Name))
			}
		}
	}
	for _, d := range dirs {
		switch n := len(seen[d]); {
		case n == 0:
			bad = append(bad, d+" has no label: write a package comment that says what the room is")
		case n > 1:
			bad = append(bad, fmt.Sprintf("%s has %d labels: %s", d, n, strings.Join(seen[d], ", ")))
		}
	}
	return bad
}

// Words that are not used, each with what to write instead.
var banned = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`(?i)\b(whitelist|blacklist)\b`), "allow-list, deny-list"},
	{regexp.MustCompile(`(?i)\bTODO\b`), "an issue, or TODO(name): reason"},
	{regexp.MustCompile(`(?i)\bFIXME\b`), "mend it, or an issue"},
	{regexp.MustCompile(`(?i)\bretraction message\b`), "change, or -U/-D row"},
	{regexp.MustCompile(`/work/|/tmp/team|\.\./shared`), "no path of one machine"},
	{regexp.MustCompile(`(?i)\b(stub|not implemented)\b`), "build it, or diag.Unsupported"},
}

var namedTask = regexp.MustCompile(`TODO\([a-z]+\): `)

func words(files []File) []string {
	var bad []string
	for _, f := range files {
		if strings.HasPrefix(f.Path, "testkit/tidy/") {
			continue
		}
		scan := bufio.NewScanner(bytes.NewReader(f.Text))
		scan.Buffer(nil, 16<<20)
		for n := 1; scan.Scan(); n++ {
			line := scan.Text()
			for _, b := range banned {
				if m := b.pattern.FindString(line); m != "" && !namedTask.MatchString(line) {
					bad = append(bad, fmt.Sprintf("%s:%d: %q: write %s", f.Path, n, m, b.instead))
				}
			}
		}
	}
	return bad
}

var roomNames = map[string]bool{"util": true, "utils": true, "common": true, "helpers": true, "helper": true, "base": true, "misc": true, "pkg": true, "internal": true, "cmd": true}

// names refuses rooms that say nothing.
func names(files []File) []string {
	var bad []string
	seen := map[string]bool{}
	for _, f := range goFiles(files, true) {
		for _, part := range strings.Split(f.Dir(), "/") {
			if roomNames[part] && !seen[f.Dir()] {
				seen[f.Dir()] = true
				bad = append(bad, f.Dir()+": a room is named after what it holds")
			}
		}
	}
	return bad
}

// inits refuses init functions and blank imports outside of tests: what is in the
// binary stands in lists.
func inits(files []File) []string {
	var bad []string
	for _, f := range goFiles(files, false) {
		tree, err := parser.ParseFile(token.NewFileSet(), f.Path, f.Text, 0)
		if err != nil {
			continue // labels reports it
		}
		for _, d := range tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				bad = append(bad, f.Path+": no init functions: put the part in its list")
			}
		}
		for _, imp := range tree.Imports {
			if imp.Name != nil && imp.Name.Name == "_" && imp.Path.Value != `"embed"` && imp.Path.Value != `"time/tzdata"` {
				bad = append(bad, fmt.Sprintf("%s: no blank import of %s", f.Path, imp.Path.Value))
			}
		}
	}
	return bad
}

// linesMax is where a file needs a reason in its package or first comment.
const linesMax = 800

func sizes(files []File) []string {
	var bad []string
	for _, f := range goFiles(files, false) {
		if n := bytes.Count(f.Text, []byte("\n")); n > linesMax && !bytes.Contains(f.Text, []byte("Long because ")) {
			bad = append(bad, fmt.Sprintf("%s has %d lines: split it, or say \"Long because ...\" in a comment", f.Path, n))
		}
	}
	return bad
}
