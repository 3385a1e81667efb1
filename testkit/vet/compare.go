package vet

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// SecretPackages are the packages that are told secrets by clients and compare them with
// their own.
var SecretPackages = []string{
	Module + "/cli/",
	Module + "/engine/cluster/",
	Module + "/engine/gateway/",
	Module + "/engine/serve/",
}

// Compared is a check that secrets are compared by crypto/subtle alone: how long any other
// comparison takes tells how much of a guess is right.
//
// A secret is a text, or bytes, whose name has one of secretNames in it, and what is made of one by a call or a
// conversion. So is every array of bytes: hashes and proofs are such. A constant, such as "" or a
// prefix, is known to all, and so may be compared with; and numbers are compared in one instruction.
var Compared = NewCompared(SecretPackages)

// NewCompared makes the check for other packages.
func NewCompared(packages []string) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name: "minksecret",
		Doc:  "refuse comparisons of tokens and passwords whose time tells where they differ",
		Run: func(pass *analysis.Pass) (any, error) {
			if !isTask(packages, pass.Pkg.Path()) {
				return nil, nil
			}
			for _, f := range pass.Files {
				if !strings.HasSuffix(pass.Fset.Position(f.Package).Filename, "_test.go") {
					ast.Inspect(f, (&comparisons{pass}).node)
				}
			}
			return nil, nil
		},
	}
}

var secretNames = []string{"token", "secret", "password", "passwd", "proof", "digest", "signature"}

// comparing are functions that end at the first difference.
var comparing = map[string]bool{
	"bytes.Equal": true, "bytes.EqualFold": true, "bytes.Compare": true, "bytes.HasPrefix": true, "bytes.HasSuffix": true, "bytes.Contains": true,
	"strings.Compare": true, "strings.EqualFold": true, "strings.HasPrefix": true, "strings.HasSuffix": true, "strings.Contains": true,
	"slices.Equal": true, "slices.Compare": true, "slices.Contains": true, "slices.Index": true, "reflect.DeepEqual": true, "cmp.Compare": true,
}

type comparisons struct{ pass *analysis.Pass }

func (c *comparisons) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		switch n.Op {
		case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			c.check(n.Pos(), n.Op.String(), n.X, n.Y)
		}
	case *ast.SwitchStmt:
		if n.Tag == nil {
			break
		}
		for _, s := range n.Body.List {
			for _, e := range s.(*ast.CaseClause).List {
				c.check(e.Pos(), "switch", n.Tag, e)
			}
		}
	case *ast.IndexExpr:
		if _, ok := c.pass.TypesInfo.TypeOf(n.X).Underlying().(*types.Map); ok {
			c.check(n.Pos(), "an index of a map", n.Index)
		}
	case *ast.CallExpr:
		if f, _ := typeutil.Callee(c.pass.TypesInfo, n).(*types.Func); f != nil && f.Pkg() != nil {
			if name := f.Pkg().Path() + "." + f.Name(); comparing[name] {
				c.check(n.Pos(), name, n.Args...)
			}
		}
	}
	return true
}

// check complains where a secret is among the operands, unless another one is a constant.
func (c *comparisons) check(at token.Pos, how string, operands ...ast.Expr) {
	found := ""
	for _, e := range operands {
		t := c.pass.TypesInfo.Types[e]
		if t.Value != nil || t.IsNil() {
			return
		}
		if found == "" {
			found = c.secret(e)
		}
	}
	if found != "" {
		c.pass.Reportf(at, "%s is compared by %s, whose time tells where it differs: crypto/subtle compares in constant time", found, how)
	}
}

// secret is how a secret is called in an expression, "" if it is none.
func (c *comparisons) secret(e ast.Expr) string {
	t := c.pass.TypesInfo.TypeOf(e)
	if t == nil {
		return ""
	}
	switch u := t.Underlying().(type) {
	case *types.Array:
		if isByte(u.Elem()) {
			return "an array of bytes"
		}
		return ""
	case *types.Slice:
		if !isByte(u.Elem()) && !isText(u.Elem()) {
			return ""
		}
	default:
		if !isText(t) {
			return ""
		}
	}
	return c.called(e)
}

// called is the name that makes an expression a secret.
func (c *comparisons) called(e ast.Expr) string {
	name := ""
	switch e := e.(type) {
	case *ast.Ident:
		name = e.Name
	case *ast.SelectorExpr:
		name = e.Sel.Name
	case *ast.ParenExpr:
		return c.called(e.X)
	case *ast.StarExpr:
		return c.called(e.X)
	case *ast.SliceExpr:
		return c.called(e.X)
	case *ast.IndexExpr:
		return c.called(e.X)
	case *ast.BinaryExpr:
		if n := c.called(e.X); n != "" {
			return n
		}
		return c.called(e.Y)
	case *ast.CallExpr:
		for _, a := range append([]ast.Expr{e.Fun}, e.Args...) {
			if n := c.called(a); n != "" {
				return n
			}
		}
	}
	for _, w := range secretNames {
		if strings.Contains(strings.ToLower(name), w) {
			return name
		}
	}
	return ""
}

func isByte(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() == types.Uint8
}

func isText(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}
