package bind

import (
	"maps"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// createConnection makes a connection: options, mostly of access, that tables name by
// USING CONNECTION.
func (b *Binder) createConnection(s *ast.CreateConnection) (*Action, error) {
	p, err := b.object(s.Name)
	if err != nil {
		return nil, err
	}
	if s.System {
		if !s.Temporary {
			return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "a SYSTEM connection must be TEMPORARY")
		}
		if len(s.Name) > 1 {
			return nil, diag.At(s.Name.Span(), diag.InvalidArgument, "a system connection belongs to no catalog and database: its name has one part")
		}
		p = catalog.Path{Object: s.Name[0].Name}
	}
	c, err := connectionOf(s, p)
	if err != nil {
		return nil, err
	}
	return done("CREATE CONNECTION", func() error {
		return placed(b.Session.Create(c, s.Temporary, s.IfNotExists), s.Name.Span())
	}), nil
}

func connectionOf(s *ast.CreateConnection, p catalog.Path) (*catalog.Connection, error) {
	opts, err := options(s.Options)
	if err != nil {
		return nil, err
	}
	if len(opts) == 0 {
		return nil, diag.At(s.Name.Span(), diag.MissingOption, "a connection needs options").WithHint("add WITH ('type' = '...', ...)")
	}
	return &catalog.Connection{Path: p, System: s.System, Comment: s.Comment.Value, Options: opts}, nil
}

// connection resolves the name after USING CONNECTION: a temporary system connection,
// then a temporary one, then one of the catalog.
func (b *Binder) connection(n ast.Name) (*catalog.Connection, error) {
	p, err := b.object(n)
	if err != nil {
		return nil, err
	}
	paths := []catalog.Path{b.resolve(n)}
	if len(n) == 1 {
		paths = append([]catalog.Path{{Object: n[0].Name}}, paths...)
	}
	for _, q := range paths {
		o, err := b.Session.Find(catalog.Connections, q)
		if err != nil {
			return nil, placed(err, n.Span())
		}
		if c, ok := o.(*catalog.Connection); ok {
			return c, nil
		}
	}
	return nil, suggest(diag.At(n.Span(), diag.NotFound, "no connection %s", n), n.Last(), b.Session.Names(catalog.Connections, p.Catalog, p.Database))
}

// connected is a table with the options of its connection under its own.
func (b *Binder) connected(t *catalog.Table, at diag.Span) (*catalog.Table, error) {
	if t.Connection == nil {
		return t, nil
	}
	o, err := b.Session.Find(catalog.Connections, *t.Connection)
	if err != nil {
		return nil, placed(err, at)
	}
	c, ok := o.(*catalog.Connection)
	if !ok {
		return nil, diag.At(at, diag.NotFound, "table %s uses connection %s, which is not there any more", t.Path, t.Connection.Text())
	}
	out := *t
	out.Options = maps.Clone(c.Options)
	delete(out.Options, "type") // says what the connection is, not the table
	if out.Options == nil {
		out.Options = connect.Options{}
	}
	maps.Copy(out.Options, t.Options)
	return &out, nil
}
