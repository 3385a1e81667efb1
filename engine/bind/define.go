package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// Define binds what a catalog on disk keeps: the statement of a definition is read as
// if it were run where the object is. It is the Define of catalog.Host. Places in its
// errors are in the definition's text.
func Define(s *catalog.Session, d *catalog.Definition) (catalog.Object, error) {
	b := New(s, d.Text)
	b.from = catalog.Path{Catalog: d.Path.Catalog, Database: d.Path.Database}
	if d.Scope.Database != "" {
		b.from = d.Scope
		if b.from.Catalog == "" {
			b.from.Catalog = d.Path.Catalog
		}
	}
	o, err := b.define(d)
	if err == nil {
		return o, nil
	}
	e := diag.As(err)
	if e == nil {
		return nil, err
	}
	out := *e
	out.Msg = d.Word + " " + d.Path.String() + " does not hold as it is stored: " + e.Msg
	if out.In == "" && !out.Span.IsZero() {
		out.In = d.Text
	}
	return nil, &out
}

func (b *Binder) define(d *catalog.Definition) (catalog.Object, error) {
	stmt, err := parse.Statement(d.Text)
	if err != nil {
		return nil, err
	}
	switch s := stmt.(type) {
	case *ast.CreateTable:
		if s.Query == nil && s.Like == nil {
			return orNil(b.tableOf(s, d.Path))
		}
	case *ast.CreateMaterializedTable:
		return orNil(b.storedMaterialized(s, d))
	case *ast.CreateView:
		t, err := b.viewOf(d.Path, s.Query, s.Columns, s.Name)
		if err != nil {
			return nil, err
		}
		t.Comment = s.Comment.Value
		return t, nil
	case *ast.CreateModel:
		return orNil(b.modelOf(s, d.Path))
	case *ast.CreateConnection:
		return orNil(connectionOf(s, d.Path))
	case *ast.CreateFunction:
		return orNil(b.functionOf(s, d))
	}
	return nil, diag.At(stmt.Span(), diag.InvalidQuery, "a catalog does not keep this statement")
}

// orNil makes an Object of a pointer and its error.
func orNil[T any, P interface {
	*T
	catalog.Object
}](o P, err error) (catalog.Object, error) {
	if err != nil {
		return nil, err
	}
	return o, nil
}

// functionOf makes the function of a definition. Whether it can be run shows when it is
// called.
func (b *Binder) functionOf(s *ast.CreateFunction, d *catalog.Definition) (*catalog.UserFunction, error) {
	u, err := b.newFunction(s.Name, false, false, s.Identifier, s.Language)
	if err != nil {
		return nil, err
	}
	u.Path.Catalog, u.Path.Database = d.Path.Catalog, d.Path.Database
	if u.Options, err = options(s.Options); err != nil {
		return nil, err
	}
	for _, r := range s.Resources {
		u.Resources = append(u.Resources, [2]string{r.Kind, r.URI.Value})
	}
	b.registered(u)
	return u, nil
}
