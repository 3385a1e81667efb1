// Package layers holds the order of the packages as text and checks it.
//
// The test parses the source files of the tree itself, so it cannot pass from a
// stale cache. A refused import is answered by moving the code to the layer of
// its lowest user, not by changing the list.
package layers

import (
	_ "embed"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

//go:embed layers.txt
var text string

// Module is the import path of the tree's root.
const Module = "github.com/minkstream/mink"

// Rule is one line of layers.txt.
type Rule struct {
	Rank   int
	Dir    string // slash-separated, relative to the root; "." is the root
	Below  bool   // stands for everything below too
	Peers  bool   // packages under this rule may import each other
	number int
}

// Rules returns the parsed list.
func Rules() ([]Rule, error) {
	var rules []Rule
	for i, line := range strings.Split(text, "\n") {
		if hash := strings.IndexByte(line, '#'); hash >= 0 {
			line = line[:hash]
		}
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) < 2 {
			return nil, fmt.Errorf("layers.txt:%d: want a rank and a package", i+1)
		}
		rank, err := strconv.Atoi(f[0])
		if err != nil {
			return nil, fmt.Errorf("layers.txt:%d: %w", i+1, err)
		}
		r := Rule{Rank: rank, Dir: f[1], number: i}
		if d, ok := strings.CutSuffix(r.Dir, "/..."); ok {
			r.Dir, r.Below = d, true
		}
		r.Peers = len(f) > 2 && f[2] == "peers"
		rules = append(rules, r)
	}
	return rules, nil
}

// Find returns the rule for a package directory: its own line, else the longest
// prefix that stands for everything below.
func Find(rules []Rule, dir string) (Rule, bool) {
	best, found := Rule{}, false
	for _, r := range rules {
		switch {
		case r.Dir == dir && !r.Below:
			return r, true
		case r.Below && (dir == r.Dir || strings.HasPrefix(dir, r.Dir+"/")):
			if !found || len(r.Dir) > len(best.Dir) {
				best, found = r, true
			}
		}
	}
	return best, found
}

// Import is one import of a package of this module by another.
type Import struct{ From, To, File string }

// Imports lists the imports within the module, of all files below root but those
// of tests, sorted.
func Imports(root string) ([]Import, []string, error) {
	var out []Import
	dirs := map[string]bool{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); p != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		dir := path.Dir(rel)
		dirs[dir] = true
		for _, imp := range f.Imports {
			to, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if to == Module {
				out = append(out, Import{dir, ".", rel})
			} else if sub, ok := strings.CutPrefix(to, Module+"/"); ok {
				out = append(out, Import{dir, sub, rel})
			}
		}
		return nil
	})
	sort.Slice(out, func(i, j int) bool {
		if out[i].File != out[j].File {
			return out[i].File < out[j].File
		}
		return out[i].To < out[j].To
	})
	var list []string
	for d := range dirs {
		list = append(list, d)
	}
	sort.Strings(list)
	return out, list, err
}

// Check returns one sentence for each import that goes up or sideways and for
// each package without a rank.
func Check(root string) ([]string, error) {
	rules, err := Rules()
	if err != nil {
		return nil, err
	}
	imports, dirs, err := Imports(root)
	if err != nil {
		return nil, err
	}
	var bad []string
	for _, d := range dirs {
		if _, ok := Find(rules, d); !ok {
			bad = append(bad, d+" has no rank: add a line to testkit/layers/layers.txt")
		}
	}
	for _, imp := range imports {
		from, ok1 := Find(rules, imp.From)
		to, ok2 := Find(rules, imp.To)
		if !ok1 || !ok2 {
			continue
		}
		peers := from.number == to.number && from.Peers
		if to.Rank > from.Rank || to.Rank == from.Rank && imp.From != imp.To && !peers {
			bad = append(bad, fmt.Sprintf("%s (rank %d) imports %s (rank %d): move the code to the layer of its lowest user",
				imp.File, from.Rank, imp.To, to.Rank))
		}
	}
	return bad, nil
}
