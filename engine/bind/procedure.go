package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// procedure is what CALL runs. It belongs to the database system of each catalog that
// has what it needs.
type procedure struct {
	name string
	args []procedureArg
	// in reports whether a catalog has it.
	in func(c catalog.Catalog) bool
	// result are the columns of the rows it gives.
	result types.Schema
	run    func(c *procedureCall) ([][]any, error)
}

type procedureArg struct {
	name     string
	t        types.Type
	required bool
}

// procedureCall is one call: the values of the arguments as int64 or string, nil for
// NULL and for those that are not given.
type procedureCall struct {
	b       *Binder
	catalog string
	c       catalog.Catalog
	args    []any
	at      []diag.Span
}

// procedures lists them in order of name. A new one adds a line.
func procedures() []*procedure {
	return []*procedure{
		dropVersions,
		listVersions,
	}
}

// findProcedure resolves the name of a procedure: in the current catalog unless it
// names one.
func (b *Binder) findProcedure(n ast.Name) (*procedure, *procedureCall, error) {
	p, err := b.object(n)
	if err != nil {
		return nil, nil, err
	}
	c, err := b.Session.Store.Catalog(p.Catalog)
	if err != nil {
		return nil, nil, placed(err, n.Span())
	}
	var names []string
	for _, f := range procedures() {
		if !f.in(c) {
			continue
		}
		names = append(names, f.name)
		if strings.EqualFold(p.Database, catalog.SystemDatabase) && strings.EqualFold(f.name, p.Object) {
			return f, &procedureCall{b: b, catalog: p.Catalog, c: c}, nil
		}
	}
	e := diag.At(n.Span(), diag.NotFound, "no procedure %s in catalog %s", n, p.Catalog)
	if len(names) == 0 {
		return nil, nil, e.WithHint("catalogs of type '%s' have procedures", catalog.OnDisk)
	}
	if contains(names, p.Object) {
		return nil, nil, e.WithHint("it is in the database %s: CALL %s.%s(...)", catalog.SystemDatabase, catalog.SystemDatabase, p.Object)
	}
	return nil, nil, suggest(e, p.Object, names)
}

// call binds CALL procedure(...).
func (b *Binder) call(s *ast.Call) (*Action, error) {
	f, c, err := b.findProcedure(s.Call.Name)
	if err != nil {
		return nil, err
	}
	if err := c.bind(f, s.Call); err != nil {
		return nil, err
	}
	return &Action{Name: "CALL", Shows: true, Apply: func() (*Rows, error) {
		data, err := f.run(c)
		if err != nil {
			return nil, placed(err, s.Span())
		}
		return &Rows{Schema: f.result, Data: data}, nil
	}}, nil
}

// bind evaluates the arguments of a call: all by position or all by name.
func (c *procedureCall) bind(f *procedure, call *ast.FuncCall) error {
	c.args, c.at = make([]any, len(f.args)), make([]diag.Span, len(f.args))
	given := make([]bool, len(f.args))
	names := make([]string, len(f.args))
	for i, a := range f.args {
		names[i] = a.name
	}
	if len(call.Args) > len(f.args) {
		return diag.At(call.Args[len(f.args)].Value.Span(), diag.InvalidArgument, "%s takes %d arguments: %s", f.name, len(f.args), joinWords(names))
	}
	for i, a := range call.Args {
		if (a.Name != nil) != (call.Args[0].Name != nil) {
			return diag.At(a.Value.Span(), diag.InvalidArgument, "arguments are given by position or by name, not both in one call")
		}
		k := i
		if a.Name != nil {
			k = -1
			for j, n := range names {
				if strings.EqualFold(n, a.Name.Name) {
					k = j
				}
			}
			if k < 0 {
				return suggest(diag.At(a.Name.Span, diag.InvalidArgument, "%s has no argument %s", f.name, a.Name.Name).
					WithNote(diag.Span{}, "arguments are: %s", joinWords(names)), a.Name.Name, names)
			}
			if given[k] {
				return diag.At(a.Name.Span, diag.DuplicateName, "argument %s is given twice", a.Name.Name)
			}
		}
		given[k], c.at[k] = true, a.Value.Span()
		v, err := c.b.constantArg(f.args[k], a.Value)
		if err != nil {
			return err
		}
		c.args[k] = v
	}
	for i, a := range f.args {
		if a.required && c.args[i] == nil {
			return diag.At(call.Span(), diag.InvalidArgument, "%s needs the argument %s", f.name, a.name)
		}
	}
	return nil
}

// constantArg computes an argument of a procedure.
func (b *Binder) constantArg(a procedureArg, e ast.Expr) (any, error) {
	if _, ok := e.(*ast.Default); ok {
		return nil, nil
	}
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: "CALL"}
	n, err := x.expr(e)
	if err != nil {
		return nil, err
	}
	if n.Type().Kind == types.Null {
		return nil, nil
	}
	if !expr.CanCast(n.Type(), a.t, false) {
		return nil, diag.At(e.Span(), diag.TypeMismatch, "argument %s is %s, and this is %s", a.name, a.t, n.Type().Plain().Nullable(true))
	}
	if n, err = expr.NewImplicitCast(n, a.t, e.Span()); err != nil {
		return nil, err
	}
	l, err := expr.Eval(n, b.frame())
	if err != nil {
		return nil, placed(err, e.Span())
	}
	var scratch [12]byte
	switch {
	case l.Col.IsNull(0):
		return nil, nil
	case a.t.IsString():
		return string(l.Col.Bytes(0, &scratch)), nil
	default:
		return l.Col.Int(0), nil
	}
}

// procedureNames lists the procedures in a database, for SHOW PROCEDURES.
func (b *Binder) procedureNames(from ast.Name) ([]string, error) {
	cat, db := b.Session.Current()
	if len(from) > 0 {
		var err error
		if cat, db, err = b.databaseName(from); err != nil {
			return nil, err
		}
	}
	c, err := b.Session.Store.Catalog(cat)
	if err != nil {
		return nil, placed(err, from.Span())
	}
	var out []string
	for _, f := range procedures() {
		if f.in(c) {
			out = append(out, f.name)
		}
	}
	if db == catalog.SystemDatabase && len(out) > 0 {
		return out, nil
	}
	return nil, placed(b.Session.Store.CheckDatabase(cat, db), from.Span())
}
