// Package vet finds what would make a task give another answer the next time: clocks,
// chance, goroutines, channels, the order of maps, the environment.
//
// Inside the task packages each use is refused where it stands. What those packages
// call in the rest of the module is followed, through any number of calls, and
// refused at the call that leaves the task packages. Calls through interfaces are
// not followed: they are the doors by which a host hands such things in.
//
// The one way out is a comment with a reason: at the end of the line or above it,
// above a function for all of it, or above the package clause for the whole file.
// A comment that excuses nothing is an error too, so their number can only fall.
//
// Begin with run; the list of what is refused is in bans.go. Compared in compare.go is a
// second check, of how secrets are compared. Command minkvet runs both.
package vet

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// Module is the path of the module whose functions are followed.
const Module = "github.com/minkstream/mink"

// TaskPackages are the packages whose code runs in steps of tasks, with all packages
// below those that end in a slash.
var TaskPackages = []string{
	Module + "/engine/batch",
	Module + "/engine/exec",
	Module + "/engine/expr",
	Module + "/engine/flow",
	Module + "/engine/function/",
	Module + "/engine/kernel",
	Module + "/engine/state",
	Module + "/engine/trace",
	Module + "/engine/types",
}

// Excuse is how a comment begins that allows a use.
const Excuse = "//mink:det-ok"

// Analyzer is the check.
var Analyzer = New(TaskPackages, Module)

// New makes a check for other task packages, which follows calls into the packages
// whose paths begin with follow.
func New(tasks []string, follow string) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name:      "minkvet",
		Doc:       "refuse clocks, chance, goroutines, channels and the order of maps in code that tasks run",
		FactTypes: []analysis.Fact{new(unsteady)},
		Run: func(pass *analysis.Pass) (any, error) {
			task := isTask(tasks, pass.Pkg.Path())
			if task || strings.HasPrefix(pass.Pkg.Path(), follow) {
				run(pass, task)
			}
			return nil, nil
		},
	}
}

func isTask(tasks []string, path string) bool {
	for _, t := range tasks {
		if path == t || strings.HasSuffix(t, "/") && strings.HasPrefix(path+"/", t) {
			return true
		}
	}
	return false
}

// unsteady is a function that may give different answers to equal questions.
type unsteady struct{ Why string }

func (*unsteady) AFact()           {}
func (u *unsteady) String() string { return u.Why }

// use is one banned thing in a file.
type use struct {
	pos token.Pos
	why string
	// call is the function of this package that is called, if that is all there is to
	// say; whether it is unsteady shows later.
	call *types.Func
}

// checker looks at one package.
type checker struct {
	pass  *analysis.Pass
	task  bool
	funcs []function
	why   map[*types.Func]string // of the unsteady functions of this package
}

// function is a function of the package, or the declarations outside of functions.
type function struct {
	obj  *types.Func
	uses []use
}

func run(pass *analysis.Pass, task bool) {
	c := &checker{pass: pass, task: task, why: map[*types.Func]string{}}
	for _, f := range pass.Files {
		if name := pass.Fset.Position(f.Package).Filename; strings.HasSuffix(name, "_test.go") {
			continue
		}
		c.file(f)
	}
	// Calls inside the package: whoever calls an unsteady function is one.
	for again := true; again; {
		again = false
		for i := range c.funcs {
			f := &c.funcs[i]
			if f.obj == nil || c.why[f.obj] != "" {
				continue
			}
			for _, u := range f.uses {
				why := u.why
				if u.call != nil {
					if why = c.why[u.call]; why == "" {
						continue
					}
					why = through(u.call.Name(), why)
				}
				c.why[f.obj] = why
				again = true
				break
			}
		}
	}
	for _, f := range c.funcs {
		if !task && f.obj != nil && c.why[f.obj] != "" {
			pass.ExportObjectFact(f.obj, &unsteady{c.why[f.obj]})
		}
		for _, u := range f.uses {
			if task && u.call == nil {
				pass.Reportf(u.pos, "%s", u.why)
			}
		}
	}
}

// through adds a call to the way to what is refused, and keeps the way short.
func through(name, why string) string {
	if strings.Count(why, " calls ") >= 3 {
		return why
	}
	return name + " calls on: " + why
}

// file collects what is used in a file, less what is excused.
func (c *checker) file(f *ast.File) {
	ex := c.excuses(f)
	all := function{}
	for _, s := range f.Imports {
		if why := bannedImports[strings.Trim(s.Path.Value, `"`)]; why != "" && c.task && !ex.covers(c.line(s.Pos())) {
			all.uses = append(all.uses, use{pos: s.Pos(), why: why})
		}
	}
	for _, d := range f.Decls {
		fd, ok := d.(*ast.FuncDecl)
		if !ok {
			all.uses = append(all.uses, c.uses(d, ex)...)
			continue
		}
		fn := function{}
		fn.obj, _ = c.pass.TypesInfo.Defs[fd.Name].(*types.Func)
		whole := ex.whole
		if fd.Doc != nil {
			for _, x := range fd.Doc.List {
				if e := ex.byLine[c.line(x.Pos())]; e != nil {
					ex.whole = e
				}
			}
		}
		fn.uses = c.uses(fd, ex)
		ex.whole = whole
		c.funcs = append(c.funcs, fn)
	}
	c.funcs = append(c.funcs, all)
	for _, e := range ex.list {
		switch {
		case e.reason == "":
			c.pass.Reportf(e.pos, "%s needs a reason", Excuse)
		case !e.used:
			c.pass.Reportf(e.pos, "%s excuses nothing here: remove it", Excuse)
		}
	}
}

func (c *checker) line(p token.Pos) int { return c.pass.Fset.Position(p).Line }

// excuse is one comment.
type excuse struct {
	pos    token.Pos
	reason string
	used   bool
}

// excuses are those of a file: one for all of it, others by the lines they cover.
type excuses struct {
	whole  *excuse
	byLine map[int]*excuse
	list   []*excuse
}

func (c *checker) excuses(f *ast.File) *excuses {
	ex := &excuses{byLine: map[int]*excuse{}}
	for _, g := range f.Comments {
		for _, x := range g.List {
			text, ok := strings.CutPrefix(x.Text, Excuse)
			if !ok {
				continue
			}
			if i := strings.Index(text, "// want"); i >= 0 {
				text = text[:i]
			}
			e := &excuse{pos: x.Pos(), reason: strings.TrimSpace(text)}
			ex.list = append(ex.list, e)
			if x.Pos() < f.Package {
				ex.whole = e
				continue
			}
			ex.byLine[c.line(x.Pos())] = e
		}
	}
	return ex
}

// covers finds an excuse for a line and notes that it was needed.
func (ex *excuses) covers(line int) bool {
	for _, e := range [...]*excuse{ex.byLine[line], ex.byLine[line-1], ex.whole} {
		if e != nil {
			e.used = true
			return true
		}
	}
	return false
}

// uses lists the banned uses in a declaration, and the calls that need following.
func (c *checker) uses(root ast.Node, ex *excuses) []use {
	var out []use
	add := func(pos token.Pos, why string) {
		if why != "" && !ex.covers(c.line(pos)) {
			out = append(out, use{pos: pos, why: why})
		}
	}
	sorted := map[ast.Node]bool{}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			add(n.Pos(), "a task starts no goroutine: work outside of a step goes through the host")
		case *ast.SelectStmt:
			add(n.Pos(), "select picks at random: a task takes what the host picks")
		case *ast.SendStmt:
			add(n.Pos(), "a task uses no channel: messages come as events")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				add(n.Pos(), "a task uses no channel: messages come as events")
			}
		case *ast.RangeStmt:
			add(n.Pos(), c.overRange(n))
		case *ast.SelectorExpr:
			if v, ok := c.pass.TypesInfo.Uses[n.Sel].(*types.Var); ok && v.Pkg() != nil && !v.IsField() {
				add(n.Pos(), bannedNames[v.Pkg().Path()+"."+v.Name()])
			}
		case *ast.CallExpr:
			c.call(n, sorted, ex, add, &out)
		}
		return true
	})
	return out
}

func (c *checker) overRange(n *ast.RangeStmt) string {
	switch c.pass.TypesInfo.TypeOf(n.X).Underlying().(type) {
	case *types.Map:
		return "the order of a map is not fixed: sort the keys, or keep a slice"
	case *types.Chan:
		return "a task uses no channel: messages come as events"
	}
	return ""
}

// call judges one call: by its name, by what is known of it, or later.
func (c *checker) call(n *ast.CallExpr, sorted map[ast.Node]bool, ex *excuses, add func(token.Pos, string), out *[]use) {
	if id, ok := ast.Unparen(n.Fun).(*ast.Ident); ok {
		if b, ok := c.pass.TypesInfo.Uses[id].(*types.Builtin); ok {
			if b.Name() == "close" || b.Name() == "make" {
				if t := c.pass.TypesInfo.TypeOf(n.Args[0]); t != nil {
					if _, isChan := t.Underlying().(*types.Chan); isChan {
						add(n.Pos(), "a task uses no channel: messages come as events")
					}
				}
			}
			return
		}
	}
	f, ok := typeutil.Callee(c.pass.TypesInfo, n).(*types.Func)
	if !ok || f.Pkg() == nil {
		return
	}
	f = f.Origin()
	pkg, name := f.Pkg().Path(), f.Name()
	if r := f.Signature().Recv(); r != nil {
		if types.IsInterface(r.Type()) {
			return
		}
		name = typeName(r.Type()) + "." + name
	}
	switch {
	case pkg == "slices" && strings.HasPrefix(name, "Sorted"):
		// What is sorted at once may come from a map.
		if len(n.Args) > 0 {
			sorted[ast.Unparen(n.Args[0])] = true
		}
		return
	case pkg == "maps" && sorted[n]:
		return
	case bannedCall(pkg, name) != "":
		add(n.Pos(), bannedCall(pkg, name))
		return
	case pkg == "fmt" && c.printsPointer(n):
		add(n.Pos(), "%p prints an address, which differs from run to run")
		return
	}
	if f.Pkg() == c.pass.Pkg {
		if !ex.mayCover(c.line(n.Pos())) {
			*out = append(*out, use{pos: n.Pos(), call: f})
		}
		return
	}
	var fact unsteady
	if c.pass.ImportObjectFact(f, &fact) {
		add(n.Pos(), fmt.Sprintf("%s.%s is not the same each time: %s", f.Pkg().Name(), name, fact.Why))
	}
}

// mayCover is covers for calls that may turn out to be harmless: it does not count as
// a need for the excuse of a whole file or function.
func (ex *excuses) mayCover(line int) bool {
	return ex.byLine[line] != nil || ex.byLine[line-1] != nil || ex.whole != nil
}

// printsPointer reports a format with %p among the arguments.
func (c *checker) printsPointer(n *ast.CallExpr) bool {
	for _, a := range n.Args {
		if v := c.pass.TypesInfo.Types[a].Value; v != nil && strings.Contains(v.String(), "%p") {
			return true
		}
	}
	return false
}

func typeName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}
