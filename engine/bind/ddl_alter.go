package bind

import (
	"maps"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

func (b *Binder) alterTable(s *ast.AlterTable) (*Action, error) {
	t, err := b.lookupTable(s.Name)
	if s.IfExists && diag.CodeOf(err) == diag.UnknownTable {
		return done("ALTER TABLE", func() error { return nil }), nil
	}
	if err != nil {
		return nil, err
	}
	if t.View {
		return nil, diag.At(s.Name.Span(), diag.InvalidQuery, "%s is a view: use ALTER VIEW", s.Name)
	}
	if t.Materialized != nil {
		return nil, diag.At(s.Name.Span(), diag.InvalidQuery, "%s is a materialized table: use ALTER MATERIALIZED TABLE", s.Name)
	}
	if err := readOnly(t, s.Name.Span()); err != nil {
		return nil, err
	}
	switch a := s.Action.(type) {
	case *ast.RenameTable:
		p, err := b.object(a.To)
		if err != nil {
			return nil, err
		}
		if len(a.To) == 1 {
			p.Catalog, p.Database = t.Path.Catalog, t.Path.Database
		}
		return done("ALTER TABLE", func() error { return b.rename(t, p, a.To) }), nil
	case *ast.SetOptions:
		c := *t
		c.Options = maps.Clone(t.Options)
		if c.Options == nil {
			c.Options = connect.Options{}
		}
		for _, o := range a.Options {
			c.Options[o.Key.Value] = o.Value.Value
			c.Place(o.Key.Value, b.Text, o.Key.Span)
		}
		out := b.replace(&c)
		out.Warning = repeated(a.Options)
		return out, nil
	case *ast.ResetOptions:
		if err := resettable(a.Keys, "connector", a.Span()); err != nil {
			return nil, err
		}
		c := *t
		c.Options = maps.Clone(t.Options)
		for _, k := range a.Keys {
			delete(c.Options, k.Value)
		}
		return b.replace(&c), nil
	case *ast.AddPartitions:
		return b.addPartitions(t, s.Name, a)
	case *ast.DropPartitions:
		return b.dropPartitions(t, s.Name, a)
	}
	return b.alterSchema(t, s.Action)
}

// rename gives a table or view another name.
func (b *Binder) rename(t *catalog.Table, p catalog.Path, to ast.Name) error {
	return placed(b.Session.Rename(t, t.Renamed(p), t.Temporary), to.Span())
}

func (b *Binder) replace(t *catalog.Table) *Action {
	return done("ALTER TABLE", func() error { return b.Session.ReplaceTable(t) })
}

func (b *Binder) dropTable(n ast.Name, what string, temporary, ifExists bool) *Action {
	return done("DROP "+strings.ToUpper(what), func() error {
		p, err := b.object(n)
		if err != nil {
			return err
		}
		return placed(b.Session.Drop(catalog.Tables, p, what, temporary, ifExists), n.Span())
	})
}

func (b *Binder) createView(s *ast.CreateView) (*Action, error) {
	p, err := b.object(s.Name)
	if err != nil {
		return nil, err
	}
	t, err := b.viewOf(p, s.Query, s.Columns, s.Name)
	if err != nil {
		return nil, err
	}
	t.Temporary, t.Comment = s.Temporary, s.Comment.Value
	return done("CREATE VIEW", func() error {
		return placed(b.Session.CreateTable(t, s.IfNotExists), s.Name.Span())
	}), nil
}

// viewOf checks the query of a view and makes the view.
func (b *Binder) viewOf(p catalog.Path, q ast.Query, cols []ast.Identifier, name ast.Name) (*catalog.Table, error) {
	b.keepNames(q)
	r, err := b.query(q, nil)
	if err == nil {
		err = typed(q, r)
	}
	if err != nil {
		return nil, err
	}
	if r, err = renamed(r, cols, name[len(name)-1]); err != nil {
		return nil, err
	}
	t := &catalog.Table{Path: p, View: true, Query: q, Scope: b.from, Text: b.Text}
	if t.Scope.Catalog == "" {
		t.Scope.Catalog, t.Scope.Database = b.Session.Current()
	}
	t.Original = b.textAt(q.Span())
	t.Expanded = b.expanded(q)
	s := r.node.Schema()
	seen := map[string]bool{}
	for i, f := range s {
		if seen[r.names[i]] {
			return nil, diag.At(q.Span(), diag.DuplicateName, "the view has two columns named %q", r.names[i]).
				WithHint("give one of them an alias, or list column names after the view's name")
		}
		seen[r.names[i]] = true
		t.Columns = append(t.Columns, catalog.Column{Name: r.names[i], Type: f.Type})
	}
	return t, nil
}

func (b *Binder) alterView(s *ast.AlterView) (*Action, error) {
	t, err := b.lookupTable(s.Name)
	if err != nil {
		return nil, err
	}
	if !t.View {
		return nil, diag.At(s.Name.Span(), diag.InvalidQuery, "%s is a table: use ALTER TABLE", s.Name)
	}
	if s.Kind == ast.AlterRename {
		p, err := b.object(s.To)
		if err != nil {
			return nil, err
		}
		return done("ALTER VIEW", func() error { return b.rename(t, p, s.To) }), nil
	}
	n, err := b.viewOf(t.Path, s.Query, nil, s.Name)
	if err != nil {
		return nil, err
	}
	n.Temporary, n.Comment, n.Held = t.Temporary, t.Comment, t.Held
	return done("ALTER VIEW", func() error { return b.Session.ReplaceTable(n) }), nil
}
