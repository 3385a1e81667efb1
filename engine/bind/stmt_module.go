package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

func (b *Binder) loadModule(s *ast.LoadModule) (*Action, error) {
	if len(s.Options) > 0 && s.Name.Name == catalog.CoreModule {
		o := s.Options[0]
		return nil, diag.At(o.Key.Span, diag.UnknownOption, "module %s has no option '%s'", s.Name.Name, o.Key.Value)
	}
	return done("LOAD MODULE", func() error { return placed(b.Session.LoadModule(s.Name.Name), s.Name.Span) }), nil
}

func (b *Binder) unloadModule(s *ast.UnloadModule) *Action {
	return done("UNLOAD MODULE", func() error { return placed(b.Session.UnloadModule(s.Name.Name), s.Name.Span) })
}

func (b *Binder) useModules(s *ast.UseModules) *Action {
	return done("USE MODULES", func() error {
		names := make([]string, len(s.Names))
		for i, n := range s.Names {
			names[i] = n.Name
		}
		return placed(b.Session.UseModules(names), s.Names[0].Span.Join(s.Names[len(s.Names)-1].Span))
	})
}

// showModules lists the modules in use in order of resolution, and with FULL all.
func (b *Binder) showModules(s *ast.Show) *Action {
	if !s.Full {
		return shows("SHOW MODULES", []string{"module name"}, func() ([][]any, error) {
			used, _ := b.Session.Modules()
			var out [][]any
			for _, m := range used {
				out = append(out, []any{m})
			}
			return out, nil
		})
	}
	return shows("SHOW MODULES", []string{"module name", "used"}, func() ([][]any, error) {
		used, unused := b.Session.Modules()
		var out [][]any
		for _, m := range used {
			out = append(out, []any{m, "TRUE"})
		}
		for _, m := range unused {
			out = append(out, []any{m, "FALSE"})
		}
		return out, nil
	})
}

// noJars is what ADD JAR and REMOVE JAR get: mink runs no classes of the JVM.
func noJars(word string, at diag.Span) error {
	return diag.At(at, diag.Unsupported, "mink runs no classes of the JVM, so %s has nothing to load", word).
		WithHint("functions: CREATE FUNCTION ... LANGUAGE PYTHON, WASM or SQL; connectors and formats are in the binary, docs/reference/connectors lists them")
}
