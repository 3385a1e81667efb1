package bind

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
)

// userFunction finds the user function that a name means. A name of one part means a
// temporary system function, then a built-in one (nil), then a temporary one of the
// current database, then one of the catalog. Longer names mean functions of a catalog.
func (b *Binder) userFunction(name ast.Name) *catalog.UserFunction {
	if len(name) == 0 || len(name) > 3 {
		return nil
	}
	if len(name) == 1 {
		if u := b.Session.SystemFunction(name[0].Name); u != nil {
			return u
		}
		if b.builtin(name[0].Name) && b.Session.UsesCore() {
			return nil
		}
	}
	u := b.Session.Function(b.resolve(name))
	if u != nil && b.full != nil {
		b.full.Functions[name.Span()] = fullPath(u.Path)
	}
	return u
}

// builtin reports whether a name of one part is that of a built-in function.
func (b *Binder) builtin(name string) bool {
	up := strings.ToUpper(name)
	return b.Session.Host.Functions.Lookup(name) != nil || isAggregate(up) || overOnly[up] || windowProps[up] || groupWindows[up] ||
		windowParams[up] != nil || flinkFunctions[up] || up == "GROUPING" || up == "GROUPING_ID"
}

// aggregates reports whether a name is that of an aggregate function.
func (b *Binder) aggregates(name ast.Name) bool {
	if b.userAggregate(name) != nil {
		return true
	}
	if len(name) != 1 || !isAggregate(strings.ToUpper(name[0].Name)) {
		return false
	}
	return b.Session.SystemFunction(name[0].Name) == nil && b.Session.UsesCore()
}

// nearFunction adds to an error what function may have been meant.
func (b *Binder) nearFunction(err *diag.Error, name ast.Name) error {
	p := b.resolve(name)
	if e := b.Session.FunctionError(p); e != nil {
		return placed(e, name.Span())
	}
	users, _ := b.Session.FunctionNames(p.Catalog, p.Database)
	if len(name) > 1 {
		if e := b.Session.Store.CheckDatabase(p.Catalog, p.Database); e != nil {
			return diag.As(e).Or(name[:len(name)-1].Span())
		}
		if b.builtin(name.Last()) {
			return err.WithHint("%s is a built-in function: write it without a database", strings.ToUpper(name.Last()))
		}
		return suggest(err, name.Last(), users)
	}
	if b.builtin(name.Last()) && !b.Session.UsesCore() {
		return err.WithHint("it is in module %s, which is not in use: USE MODULES %s", catalog.CoreModule, catalog.CoreModule)
	}
	if g := diag.Suggest(name.Last(), users); g != "" {
		return err.WithHint("did you mean %s", g)
	}
	return suggest(err, strings.ToUpper(name.Last()), append(b.Session.Host.Functions.Names(), aggregateNames()...))
}

// userCall binds the call of a user function.
func (x *block) userCall(u *catalog.UserFunction, e *ast.FuncCall) (expr.Node, error) {
	if x.b.ofClass(u) {
		return nil, noClass(e.Name.Span(), u)
	}
	if e.Over != nil || e.Filter != nil || e.Quantifier == ast.QuantifierDistinct || e.Nulls != ast.NullsDefault || len(e.WithinGroup) > 0 || len(e.OrderBy) > 0 {
		return nil, diag.At(e.Span(), diag.InvalidArgument, "%s is not an aggregate: OVER, DISTINCT, FILTER, ORDER BY and NULLS do not apply", e.Name)
	}
	if u.Language == "SQL" {
		return x.inline(u, e)
	}
	if r := x.b.Session.Host.Runtime(u.Language); r != nil {
		return x.runtimeCall(r, u, e)
	}
	if u.Table != nil || u.Process != nil {
		return nil, givesRows(e)
	}
	if u.Func == nil {
		return nil, diag.At(e.Name.Span(), diag.NotFound, "function %s is '%s', which is no part of this binary", e.Name, u.Identifier)
	}
	args, err := x.userArgs(e, nil)
	if err != nil {
		return nil, err
	}
	return x.scalarCall(u.Func, args, e.Span())
}

// userArgs binds the arguments of a call. With params they may be named, and come out
// in their order; without, a name is an error.
func (x *block) userArgs(e *ast.FuncCall, params []string) ([]expr.Node, error) {
	args := make([]expr.Node, len(e.Args))
	named := 0
	for i, a := range e.Args {
		at := i
		if a.Name != nil {
			named++
			if params == nil {
				return nil, diag.At(a.Name.Span, diag.InvalidArgument, "%s has no names for its arguments", e.Name).WithHint("write the values in their order")
			}
			if at = find(params, a.Name.Name); at < 0 {
				err := diag.At(a.Name.Span, diag.InvalidArgument, "%s has no argument %s", e.Name, a.Name.Name)
				return nil, suggest(err.WithNote(diag.Span{}, "arguments are: %s", strings.Join(params, ", ")), a.Name.Name, params)
			}
			if at >= len(args) {
				return nil, wrongCount(e, params)
			}
		}
		if s, ok := a.Value.(*ast.Star); ok {
			return nil, diag.At(s.Span(), diag.InvalidArgument, "%s does not take *", e.Name)
		}
		n, err := x.expr(a.Value)
		if err != nil {
			return nil, err
		}
		if args[at] != nil {
			return nil, diag.At(a.Value.Span(), diag.DuplicateName, "argument %s is given twice", params[at])
		}
		args[at] = n
	}
	if named > 0 && named < len(args) {
		return nil, diag.At(e.Span(), diag.InvalidArgument, "%s is called with and without names", e.Name).WithHint("name all arguments or none")
	}
	return args, nil
}

func wrongCount(e *ast.FuncCall, params []string) error {
	return diag.At(e.Span(), diag.InvalidArgument, "%s takes %s, not %d", e.Name, arguments(len(params)), len(e.Args)).
		WithNote(diag.Span{}, "arguments are: %s", strings.Join(params, ", "))
}

func find(list []string, s string) int {
	for i, l := range list {
		if strings.EqualFold(l, s) {
			return i
		}
	}
	return -1
}

func arguments(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "one argument"
	}
	return strconv.Itoa(n) + " arguments"
}
