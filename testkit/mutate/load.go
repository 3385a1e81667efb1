package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// pkg is a package with the mutants that compile.
type pkg struct {
	dir, name string
	files     []*file
	mutants   []*mutant
}

// goList is go list.
func goList(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "go", append([]string{"list"}, args...)...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	return string(out), err
}

// load finds the mutants of a package, numbers them and takes out those that do not compile
// or are known to do the same as the code.
func load(ctx context.Context, o options) (*pkg, error) {
	text, err := goList(ctx, "-json=Dir,Name,GoFiles", o.pkg)
	if err != nil {
		return nil, err
	}
	var info struct {
		Dir, Name string
		GoFiles   []string
	}
	if err := json.Unmarshal([]byte(text), &info); err != nil {
		return nil, err
	}
	p := &pkg{dir: info.Dir, name: info.Name}
	same, err := equivalents(equivalentText)
	if err != nil {
		return nil, err
	}
	n := 0
	for _, name := range info.GoFiles {
		path := filepath.Join(info.Dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		f, err := parseFile(path, src)
		if err != nil {
			return nil, err
		}
		p.files = append(p.files, f)
		base := filepath.Base(path)
		wanted := !generated(base) && (len(o.files) == 0 || slices.ContainsFunc(o.files, func(s string) bool { return strings.Contains(base, s) }))
		for _, u := range f.units {
			u.mutants = slices.DeleteFunc(u.mutants, func(m *mutant) bool {
				m.pos.Filename = base
				return !wanted || same.has(base, line(src, m.from), m)
			})
			for _, m := range u.mutants {
				n++
				m.n = n
			}
		}
	}
	if err := p.check(ctx, o.pkg); err != nil {
		return nil, err
	}
	for _, f := range p.files {
		for _, u := range f.units {
			p.mutants = append(p.mutants, u.mutants...)
		}
	}
	if len(p.mutants) == 0 {
		return nil, errors.New("the package has no mutants")
	}
	return p, nil
}

// line is the line of src that holds an offset, without blanks around it.
func line(src []byte, at int) string {
	from := strings.LastIndexByte(string(src[:at]), '\n') + 1
	to := at + strings.IndexByte(string(src[at:])+"\n", '\n')
	return strings.TrimSpace(string(src[from:to]))
}

// check type-checks the package with all copies and takes out the mutants in which there is
// an error, until there is none.
func (p *pkg) check(ctx context.Context, path string) error {
	exports := map[string]string{}
	text, err := goList(ctx, "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", path, "os", "strconv")
	if err != nil {
		return err
	}
	for _, l := range strings.Split(text, "\n") {
		if name, file, ok := strings.Cut(l, "\t"); ok {
			exports[name] = file
		}
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	for range 20 {
		set := token.NewFileSet()
		imports := importer.ForCompiler(set, "gc", lookup)
		var trees []*ast.File
		pieces := map[string][]piece{}
		add := func(name string, text []byte) error {
			t, err := parser.ParseFile(set, name, text, parser.SkipObjectResolution)
			trees = append(trees, t)
			return err
		}
		for _, f := range p.files {
			text, at := f.rewrite()
			pieces[f.name] = at
			if err := add(f.name, text); err != nil {
				return err
			}
		}
		if err := add("switch", switchFile(p.name)); err != nil {
			return err
		}
		bad := map[*mutant]bool{}
		var other error
		c := types.Config{Importer: imports, Error: func(err error) {
			e, ok := err.(types.Error)
			if !ok || e.Soft {
				return
			}
			at := set.Position(e.Pos)
			for _, q := range pieces[at.Filename] {
				if q.from <= at.Offset && at.Offset < q.to {
					bad[q.m] = true
					return
				}
			}
			other = err
		}}
		c.Check(path, set, trees, nil)
		if other != nil {
			return fmt.Errorf("the copies do not compile: %w", other)
		}
		if len(bad) == 0 {
			return nil
		}
		for _, f := range p.files {
			for _, u := range f.units {
				u.mutants = slices.DeleteFunc(u.mutants, func(m *mutant) bool { return bad[m] })
			}
		}
	}
	return errors.New("mutants that do not compile cannot be told apart")
}

// overlay writes the rewritten files and the list of what they stand for.
func (p *pkg) overlay(scratch string) (string, error) {
	replace := map[string]string{}
	put := func(name string, text []byte) error {
		to := filepath.Join(scratch, filepath.Base(name))
		replace[name] = to
		return os.WriteFile(to, text, 0o600)
	}
	for _, f := range p.files {
		if text, pieces := f.rewrite(); len(pieces) > 0 {
			if err := put(f.name, text); err != nil {
				return "", err
			}
		}
	}
	if err := put(filepath.Join(p.dir, "mutant_number.go"), switchFile(p.name)); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(scratch, "overlay.json")
	return name, os.WriteFile(name, text, 0o600)
}

// known are mutants that do the same as the code: file, a text of the line, the change.
type known [][3]string

// equivalents reads "file | text of the line | change | why"; the change is "< becomes <=",
// or "any".
func equivalents(text string) (known, error) {
	var out known
	for i, l := range strings.Split(text, "\n") {
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		part := strings.Split(l, " | ")
		if len(part) != 4 {
			return nil, fmt.Errorf("equivalent.txt:%d: want: file | text of the line | change | why", i+1)
		}
		out = append(out, [3]string{part[0], part[1], part[2]})
	}
	return out, nil
}

func (k known) has(file, line string, m *mutant) bool {
	return slices.ContainsFunc(k, func(e [3]string) bool {
		return e[0] == file && strings.Contains(line, e[1]) && (e[2] == "any" || e[2] == m.old+" becomes "+m.text)
	})
}
