package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

// ShownSetting is the value of a setting as it may be shown: of one whose key sounds secret
// its references, and of a list of pairs, such as 'user:ada,password:x', what is no secret.
func ShownSetting(key, value string) string {
	if diag.IsSecret(key) {
		return diag.ShownSecret(value)
	}
	const head = "'x' = '"
	text := diag.MaskSecrets(head + strings.ReplaceAll(value, "'", "''") + "'")
	return strings.ReplaceAll(text[len(head):len(text)-1], "''", "'")
}

func options(list []ast.Option) (map[string]string, error) {
	out := map[string]string{}
	for _, o := range list {
		if _, twice := out[o.Key.Value]; twice {
			return nil, diag.At(o.Key.Span, diag.DuplicateName, "option '%s' is given twice", o.Key.Value)
		}
		out[o.Key.Value] = o.Value.Value
	}
	return out, nil
}

func (b *Binder) dropCatalog(s *ast.DropCatalog) (*Action, error) {
	if len(s.Name) != 1 {
		return nil, diag.At(s.Name.Span(), diag.InvalidArgument, "the name of a catalog has one part")
	}
	name := s.Name[0].Name
	return done("DROP CATALOG", func() error {
		if cur, _ := b.Session.Current(); cur == name {
			return diag.At(s.Name.Span(), diag.InvalidQuery, "catalog %s is in use", name).WithHint("USE CATALOG another one first")
		}
		err := b.Session.Store.DropCatalog(name)
		if s.IfExists && diag.CodeOf(err) == diag.NotFound {
			return nil
		}
		return placed(err, s.Name.Span())
	}), nil
}

// databaseName completes the name of a database.
func (b *Binder) databaseName(n ast.Name) (cat, db string, err error) {
	cat, _ = b.Session.Current()
	switch len(n) {
	case 1:
		return cat, n[0].Name, nil
	case 2:
		return n[0].Name, n[1].Name, nil
	}
	return "", "", diag.At(n.Span(), diag.InvalidArgument, "the name of a database has one or two parts: catalog.database")
}

func (b *Binder) createDatabase(s *ast.CreateDatabase) (*Action, error) {
	cat, db, err := b.databaseName(s.Name)
	if err != nil {
		return nil, err
	}
	o, err := options(s.Options)
	if err != nil {
		return nil, err
	}
	return done("CREATE DATABASE", func() error {
		err := b.Session.CreateDatabase(cat, db, catalog.Info{Comment: s.Comment.Value, Options: o})
		if s.IfNotExists && diag.CodeOf(err) == diag.AlreadyExists {
			return nil
		}
		return placed(err, s.Name.Span())
	}), nil
}

func (b *Binder) dropDatabase(s *ast.DropDatabase) (*Action, error) {
	cat, db, err := b.databaseName(s.Name)
	if err != nil {
		return nil, err
	}
	return done("DROP DATABASE", func() error {
		if c, d := b.Session.Current(); c == cat && d == db {
			return diag.At(s.Name.Span(), diag.InvalidQuery, "database %s is in use", db).WithHint("USE another one first")
		}
		err := b.Session.Store.DropDatabase(cat, db, s.Cascade)
		if s.IfExists && diag.CodeOf(err) == diag.NotFound {
			return nil
		}
		return placed(err, s.Name.Span())
	}), nil
}

func (b *Binder) useCatalog(s *ast.UseCatalog) *Action {
	return done("USE CATALOG", func() error { return placed(b.Session.UseCatalog(s.Name.Name), s.Name.Span) })
}

func (b *Binder) useDatabase(s *ast.UseDatabase) (*Action, error) {
	cat, db, err := b.databaseName(s.Name)
	if err != nil {
		return nil, err
	}
	return done("USE", func() error { return placed(b.Session.UseDatabase(cat, db), s.Name.Span()) }), nil
}

func (b *Binder) set(s *ast.Set) (*Action, error) {
	if !s.Key.Set {
		return shows("SET", []string{"key", "value"}, func() ([][]any, error) {
			var out [][]any
			for _, kv := range b.Session.Config.All() {
				out = append(out, []any{kv[0], ShownSetting(kv[0], kv[1])})
			}
			return out, nil
		}), nil
	}
	// The value is checked now, so that its place can be shown.
	trial := catalog.NewConfig()
	warning, err := trial.Set(s.Key.Value, s.Value.Value)
	if err != nil {
		at := s.Value.Span
		if diag.CodeOf(err) == diag.UnknownOption {
			at = s.Key.Span
		}
		return nil, placed(err, at)
	}
	if warning != nil {
		warning.Span = s.Key.Span
	}
	a := done("SET", func() error {
		_, err := b.Session.Config.Set(s.Key.Value, s.Value.Value)
		return err
	})
	a.Warning = warning
	return a, nil
}

func (b *Binder) reset(s *ast.Reset) *Action {
	return done("RESET", func() error {
		b.Session.Config.Reset(s.Key.Value)
		return nil
	})
}
