package bind

import (
	"maps"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

func (b *Binder) createCatalog(s *ast.CreateCatalog) (*Action, error) {
	o, err := options(s.Options)
	if err != nil {
		return nil, err
	}
	t, err := catalogType(s, o)
	if err != nil {
		return nil, err
	}
	return done("CREATE CATALOG", func() error {
		if b.Session.Store.HasCatalog(s.Name.Name) && s.IfNotExists {
			return nil
		}
		c, err := t.Open(b.Session.Host.Deps.Env, o)
		if err == nil {
			err = b.Session.CreateCatalog(s.Name.Name, catalog.Info{Comment: s.Comment.Value, Options: o}, c)
		}
		return placed(err, s.Name.Span)
	}), nil
}

// catalogType finds the type of a catalog and checks the options.
func catalogType(s *ast.CreateCatalog, o connect.Options) (*catalog.Type, error) {
	list := catalog.Types()
	names := make([]string, len(list))
	var t *catalog.Type
	for i := range list {
		names[i] = list[i].Name
		if list[i].Name == o["type"] {
			t = &list[i]
		}
	}
	if o["type"] == "" {
		return nil, diag.At(s.Name.Span, diag.MissingOption, "a catalog needs the option 'type'").
			WithHint("add WITH ('type' = '%s'), or ('type' = '%s', 'path' = '...') for one on disk", catalog.InMemory, catalog.OnDisk)
	}
	if t == nil {
		at := s.Name.Span
		for _, op := range s.Options {
			if op.Key.Value == "type" {
				at = op.Value.Span
			}
		}
		e := diag.At(at, diag.InvalidOption, "no catalog type '%s'", o["type"]).WithNote(diag.Span{}, "types are: %s", joinWords(names))
		return nil, suggest(e, o["type"], names)
	}
	keys := []string{"type"}
	for _, op := range t.Options {
		keys = append(keys, op.Key)
		if op.Required && o[op.Key] == "" {
			return nil, diag.At(s.Name.Span, diag.MissingOption, "a catalog of type '%s' needs the option '%s'", t.Name, op.Key)
		}
	}
	for _, op := range s.Options {
		if k := op.Key.Value; !contains(keys, k) {
			return nil, suggest(diag.At(op.Key.Span, diag.UnknownOption, "a catalog of type '%s' has no option '%s'", t.Name, k), k, keys)
		}
	}
	for _, op := range s.Options {
		if list, bad := diag.References(op.Value.Value); bad != "" || len(list) > 0 {
			return nil, diag.At(op.Value.Span, diag.InvalidOption, "option '%s' of a catalog takes no reference", op.Key.Value).
				WithHint("write the value itself: a catalog of type '%s' has no secrets", t.Name)
		}
	}
	return t, nil
}

// alterCatalog changes what is known of a catalog. Options that say how it is opened
// hold from the next CREATE CATALOG on.
func (b *Binder) alterCatalog(s *ast.AlterCatalog) (*Action, error) {
	if s.Kind == ast.AlterReset {
		if err := resettable(s.Keys, "type", s.Span()); err != nil {
			return nil, err
		}
	}
	a := done("ALTER CATALOG", func() error {
		info, err := b.Session.Store.CatalogInfo(s.Name.Name)
		if err != nil {
			return placed(err, s.Name.Span)
		}
		info.Options = maps.Clone(info.Options)
		switch s.Kind {
		case ast.AlterSet:
			for _, o := range s.Options {
				info.Options[o.Key.Value] = o.Value.Value
			}
		case ast.AlterReset:
			for _, k := range s.Keys {
				delete(info.Options, k.Value)
			}
		case ast.AlterComment:
			info.Comment = s.Comment.Value
		}
		return placed(b.Session.Store.AlterCatalog(s.Name.Name, info), s.Name.Span)
	})
	a.Warning = repeated(s.Options)
	return a, nil
}

// alterDatabase sets options of a database.
func (b *Binder) alterDatabase(s *ast.AlterDatabase) (*Action, error) {
	cat, db, err := b.databaseName(s.Name)
	if err != nil {
		return nil, err
	}
	a := done("ALTER DATABASE", func() error {
		c, err := b.Session.Store.Catalog(cat)
		if err != nil {
			return placed(err, s.Name.Span())
		}
		info, err := b.Session.Store.Database(cat, db)
		if err != nil {
			return placed(err, s.Name.Span())
		}
		info.Options = maps.Clone(info.Options)
		if info.Options == nil {
			info.Options = connect.Options{}
		}
		for _, o := range s.Options {
			info.Options[o.Key.Value] = o.Value.Value
		}
		return placed(c.PutDatabase(db, info), s.Name.Span())
	})
	a.Warning = repeated(s.Options)
	return a, nil
}

// resettable checks the keys of RESET: at least one, and not the one that says what
// the object is.
func resettable(keys []ast.String, fixed string, at diag.Span) error {
	if len(keys) == 0 {
		return diag.At(at, diag.InvalidArgument, "RESET needs at least one key")
	}
	for _, k := range keys {
		if k.Value == fixed {
			return diag.At(k.Span, diag.InvalidOption, "'%s' cannot be reset", fixed).
				WithHint("DROP it and CREATE it anew")
		}
	}
	return nil
}

// repeated warns of a key that SET names twice: the last value holds.
func repeated(list []ast.Option) *diag.Error {
	seen := map[string]diag.Span{}
	for _, o := range list {
		if first, twice := seen[o.Key.Value]; twice {
			return diag.At(o.Key.Span, diag.DuplicateName, "option '%s' is given twice; the last value holds", o.Key.Value).WithNote(first, "the first one is here")
		}
		seen[o.Key.Value] = o.Key.Span
	}
	return nil
}
