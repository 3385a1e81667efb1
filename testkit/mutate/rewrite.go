package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// number is the variable of a mutated package that says which mutant runs; 0 is none.
const number = "mutantNumber__"

// file is a source file of the package.
type file struct {
	name  string
	set   *token.FileSet
	src   []byte
	units []*unit
}

// unit is a function with a body, or a function literal in a variable of the package: what
// there is a copy of for each of its mutants.
type unit struct {
	name    string
	decl    *ast.FuncDecl // nil for a literal
	typ     *ast.FuncType
	body    *ast.BlockStmt
	mutants []*mutant
}

// parseFile reads a file and finds its mutants.
func parseFile(name string, src []byte) (*file, error) {
	f := &file{name: name, set: token.NewFileSet(), src: src}
	tree, err := parser.ParseFile(f.set, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	add := func(u *unit) {
		u.mutants = mutantsOf(f, u, u.body)
		if len(u.mutants) > 0 {
			f.units = append(f.units, u)
		}
	}
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil && d.Name.Name != "init" && d.Name.Name != "main" && d.Name.Name != "_" {
				add(&unit{name: d.Name.Name, decl: d, typ: d.Type, body: d.Body})
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			name := ""
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.ValueSpec:
					name = n.Names[0].Name
				case *ast.FuncLit:
					add(&unit{name: name, typ: n.Type, body: n.Body})
					return false
				}
				return true
			})
		}
	}
	return f, nil
}

// edit replaces bytes [from, to) of a file.
type edit struct {
	from, to int
	text     string
}

func apply(src []byte, from, to int, edits []edit) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	for _, e := range edits {
		b.Write(src[from:e.from])
		b.WriteString(e.text)
		from = e.to
	}
	b.Write(src[from:to])
	return b.String()
}

// piece is where a mutant's copy lies in the rewritten file, [from, to).
type piece struct {
	from, to int
	m        *mutant
}

// rewrite gives the file with a copy of each unit for each of its mutants, and a switch at
// the unit's beginning. A function's copies are functions at the end of the file; those of a
// literal are literals within it.
func (f *file) rewrite() (text []byte, pieces []piece) {
	var edits []edit
	var tail bytes.Buffer
	var inner []*mutant
	for _, u := range f.units {
		if len(u.mutants) == 0 {
			continue
		}
		names, given := f.parameters(u)
		edits = append(edits, names...)
		start := f.offset(u.body.Lbrace) + 1
		var s strings.Builder
		fmt.Fprintf(&s, " switch %s {", number)
		for _, m := range u.mutants {
			call := f.call(u, m, given)
			if u.decl == nil {
				inner = append(inner, m)
				call = f.literal(u, m) + "(" + given + ")"
			}
			if u.typ.Results != nil {
				fmt.Fprintf(&s, " case %d: return %s;", m.n, call)
			} else {
				fmt.Fprintf(&s, " case %d: %s; return;", m.n, call)
			}
			if u.decl != nil {
				from, to := f.offset(u.decl.Pos()), f.offset(u.decl.End())
				at := f.offset(u.decl.Name.End())
				tail.WriteString("\n")
				begin := tail.Len()
				tail.WriteString(apply(f.src, from, to, []edit{{at, at, fmt.Sprintf("__m%d", m.n)}, {m.from, m.to, m.text}}))
				tail.WriteString("\n")
				pieces = append(pieces, piece{begin, tail.Len(), m})
			}
		}
		s.WriteString(" }; ")
		edits = append(edits, edit{start, start, s.String()})
	}
	head := apply(f.src, 0, len(f.src), edits)
	for i := range pieces {
		pieces[i].from += len(head)
		pieces[i].to += len(head)
	}
	for _, m := range inner {
		mark := fmt.Sprintf("/*m%d*/", m.n)
		from := strings.Index(head, mark)
		pieces = append(pieces, piece{from, from + strings.Index(head[from+1:], mark) + 1, m})
	}
	return append([]byte(head), tail.Bytes()...), pieces
}

func (f *file) offset(p token.Pos) int { return f.set.Position(p).Offset }

// literal is the mutant's copy of a function literal, between two marks.
func (f *file) literal(u *unit, m *mutant) string {
	mark := fmt.Sprintf("/*m%d*/", m.n)
	return mark + apply(f.src, f.offset(u.typ.Pos()), f.offset(u.body.End()), []edit{{m.from, m.to, m.text}}) + mark
}

// call is the call of a function's copy with what the function was given.
func (f *file) call(u *unit, m *mutant, given string) string {
	if u.decl == nil {
		return ""
	}
	name := fmt.Sprintf("%s__m%d", u.name, m.n)
	if r := u.decl.Recv; r != nil {
		recv, rest, _ := strings.Cut(given, ", ")
		return recv + "." + name + "(" + rest + ")"
	}
	if p := u.typ.TypeParams; p != nil {
		var types []string
		for _, field := range p.List {
			for _, n := range field.Names {
				types = append(types, n.Name)
			}
		}
		name += "[" + strings.Join(types, ", ") + "]"
	}
	return name + "(" + given + ")"
}

// parameters names the parameters that have no name, and lists all as they are passed on,
// the receiver first.
func (f *file) parameters(u *unit) (edits []edit, given string) {
	var list []string
	name := func(fields *ast.FieldList) {
		if fields == nil {
			return
		}
		for _, field := range fields.List {
			dots := ""
			if _, ok := field.Type.(*ast.Ellipsis); ok {
				dots = "..."
			}
			if len(field.Names) == 0 {
				n := fmt.Sprintf("given%d__", len(list))
				at := f.offset(field.Type.Pos())
				edits = append(edits, edit{at, at, n + " "})
				list = append(list, n+dots)
			}
			for _, id := range field.Names {
				n := id.Name
				if n == "_" {
					n = fmt.Sprintf("given%d__", len(list))
					edits = append(edits, edit{f.offset(id.Pos()), f.offset(id.End()), n})
				}
				list = append(list, n+dots)
			}
		}
	}
	if u.decl != nil {
		name(u.decl.Recv)
	}
	name(u.typ.Params)
	return edits, strings.Join(list, ", ")
}

// switchFile declares the number and reads it from the environment.
func switchFile(pkg string) []byte {
	return fmt.Appendf(nil, `package %s

import (
	"os"
	"strconv"
)

var %s, _ = strconv.Atoi(os.Getenv(%q))
`, pkg, number, envNumber)
}

// generated tells a file that a program wrote, or that writes one.
func generated(name string) bool {
	return strings.HasPrefix(name, "gen_") || strings.HasSuffix(name, "_gen.go")
}
