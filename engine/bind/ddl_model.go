package bind

import (
	"maps"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

func (b *Binder) createModel(s *ast.CreateModel) (*Action, error) {
	p, err := b.object(s.Name)
	if err != nil {
		return nil, err
	}
	m, err := b.modelOf(s, p)
	if err != nil {
		return nil, err
	}
	return done("CREATE MODEL", func() error {
		return placed(b.Session.Create(m, m.Temporary, s.IfNotExists), s.Name.Span())
	}), nil
}

// modelOf makes the model that CREATE MODEL declares, under the given name.
func (b *Binder) modelOf(s *ast.CreateModel, p catalog.Path) (*catalog.Model, error) {
	if s.Query != nil {
		return nil, diag.At(s.Query.Span(), diag.UnsupportedByFlink, "CREATE MODEL ... AS query is parsed but cannot be run").
			WithHint("declare INPUT and OUTPUT, and the provider in WITH")
	}
	if len(s.Output) > 0 && len(s.Input) == 0 {
		return nil, diag.At(s.Output[0].Span(), diag.InvalidQuery, "a model with OUTPUT needs INPUT too")
	}
	m := &catalog.Model{Path: p, Temporary: s.Temporary, Comment: s.Comment.Value}
	var err error
	if m.Input, err = modelColumns(s.Input); err != nil {
		return nil, err
	}
	if m.Output, err = modelColumns(s.Output); err != nil {
		return nil, err
	}
	opts, err := options(s.Options)
	m.Options = opts
	return m, err
}

func modelColumns(list []*ast.Column) (types.Schema, error) {
	var out types.Schema
	for _, c := range list {
		t, err := typeOf(c.Type)
		if err != nil {
			return nil, err
		}
		name := c.Name.Last()
		if out.Index(name) >= 0 {
			return nil, diag.At(c.Name.Span(), diag.DuplicateName, "column %q is declared twice", name)
		}
		out = append(out, types.Field{Name: name, Type: t, Comment: c.Comment.Value})
	}
	return out, nil
}

// lookupModel finds a model, or says what is near.
func (b *Binder) lookupModel(name ast.Name) (*catalog.Model, error) {
	p := b.resolve(name)
	m, err := b.Session.Model(p)
	if m != nil || err != nil {
		return m, placed(err, name.Span())
	}
	return nil, suggest(diag.At(name.Span(), diag.NotFound, "no model %s", name), name.Last(), b.Session.Names(catalog.Models, p.Catalog, p.Database))
}

func (b *Binder) alterModel(s *ast.AlterModel) (*Action, error) {
	m, err := b.lookupModel(s.Name)
	if s.IfExists && diag.CodeOf(err) == diag.NotFound {
		return done("ALTER MODEL", func() error { return nil }), nil
	}
	if err != nil {
		return nil, err
	}
	n := *m
	n.Options = maps.Clone(m.Options)
	switch s.Kind {
	case ast.AlterSet:
		if len(s.Options) == 0 {
			return nil, diag.At(s.Span(), diag.InvalidArgument, "SET needs at least one option")
		}
		if n.Options == nil {
			n.Options = connect.Options{}
		}
		for _, o := range s.Options {
			n.Options[o.Key.Value] = o.Value.Value
		}
	case ast.AlterReset:
		if len(s.Keys) == 0 {
			return nil, diag.At(s.Span(), diag.InvalidArgument, "RESET needs at least one key")
		}
		for _, k := range s.Keys {
			delete(n.Options, k.Value)
		}
	case ast.AlterRename:
		to, err := b.object(s.To)
		if err != nil {
			return nil, err
		}
		if len(s.To) == 1 {
			to.Catalog, to.Database = m.Path.Catalog, m.Path.Database
		}
		n.Path, n.Held = to, catalog.Held{}
		return done("ALTER MODEL", func() error {
			return placed(b.Session.Rename(m, &n, m.Temporary), s.To.Span())
		}), nil
	}
	a := done("ALTER MODEL", func() error { return placed(b.Session.Replace(&n, n.Temporary), s.Name.Span()) })
	a.Warning = repeated(s.Options)
	return a, nil
}

func (b *Binder) dropModel(s *ast.DropModel) (*Action, error) {
	p, err := b.object(s.Name)
	if err != nil {
		return nil, err
	}
	return done("DROP MODEL", func() error {
		return placed(b.Session.Drop(catalog.Models, p, "model", s.Temporary, s.IfExists), s.Name.Span())
	}), nil
}

// describeModel lists what a model takes and gives.
func (b *Binder) describeModel(s *ast.Describe) (*Action, error) {
	m, err := b.lookupModel(s.Name)
	if err != nil {
		return nil, err
	}
	header := []string{"name", "type", "null", "is input"}
	comments := false
	for _, f := range append(append(types.Schema{}, m.Input...), m.Output...) {
		comments = comments || f.Comment != ""
	}
	if comments {
		header = append(header, "comment")
	}
	var data [][]any
	add := func(list types.Schema, input bool) {
		for _, f := range list {
			row := []any{f.Name, f.Type.Nullable(true).String(), !f.Type.NotNull, input}
			if comments {
				row = append(row, nil)
				if f.Comment != "" {
					row[4] = f.Comment
				}
			}
			data = append(data, row)
		}
	}
	add(m.Input, true)
	add(m.Output, false)
	a := shows("DESCRIBE MODEL", header, func() ([][]any, error) { return data, nil })
	return a.typed(types.BooleanT, 2, 3), nil
}

// typed gives columns of what is shown another type than STRING.
func (a *Action) typed(t types.Type, columns ...int) *Action {
	inner := a.Apply
	a.Apply = func() (*Rows, error) {
		r, err := inner()
		if err != nil {
			return nil, err
		}
		for _, i := range columns {
			r.Schema[i].Type = t
		}
		return r, nil
	}
	return a
}

// createModelText is SHOW CREATE MODEL, without secrets.
func createModelText(m *catalog.Model) string {
	s := "CREATE "
	if m.Temporary {
		s += "TEMPORARY "
	}
	return s + "MODEL " + m.Path.String() + m.Body(connect.Redact(m.Options, nil))
}
