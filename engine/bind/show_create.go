package bind

import (
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
)

func (b *Binder) showCreate(s *ast.ShowCreate) (*Action, error) {
	one := func(text string) *Action {
		return shows("SHOW CREATE "+s.What, []string{"result"}, func() ([][]any, error) { return [][]any{{text}}, nil })
	}
	switch s.What {
	case "MATERIALIZED TABLE":
		return b.showCreateMaterialized(s)
	case "TABLE", "VIEW":
		t, err := b.lookupTable(s.Name)
		if err != nil {
			return nil, err
		}
		if t.View != (s.What == "VIEW") || t.Materialized != nil {
			return nil, diag.At(s.Name.Span(), diag.InvalidQuery, "%s is a %s: use SHOW CREATE %s", s.Name, t.Kind(), strings.ToUpper(t.Kind()))
		}
		return one(createText(t, b.secretOptions(t))), nil
	case "MODEL":
		m, err := b.lookupModel(s.Name)
		if err != nil {
			return nil, err
		}
		return one(createModelText(m)), nil
	case "CONNECTION":
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "SHOW CREATE CONNECTION is parsed but cannot be run")
	case "CATALOG":
		info, err := b.Session.Store.CatalogInfo(s.Name.Last())
		if err != nil {
			return nil, placed(err, s.Name.Span())
		}
		text := "CREATE CATALOG " + catalog.Quote(s.Name.Last())
		if info.Comment != "" {
			text += "\nCOMMENT " + catalog.Text(info.Comment)
		}
		return one(text + catalog.WithText(connect.Redact(info.Options, nil))), nil
	}
	return nil, unsupported(s.Span(), "SHOW CREATE %s is", s.What)
}

// secretOptions are the table's options with secrets hidden.
func (b *Binder) secretOptions(t *catalog.Table) connect.Options {
	var decl []connect.Option
	if c, err := connect.Pick(b.Session.Host.Connectors, t.Options); err == nil {
		decl = c.Options
	}
	return connect.Redact(t.Options, decl)
}

// createText is the statement that would make a table or view again, in Flink's
// layout, without its secrets.
func createText(t *catalog.Table, opts connect.Options) string {
	s := "CREATE "
	if t.Temporary {
		s += "TEMPORARY "
	}
	if t.View {
		return s + "VIEW " + t.Path.String() + t.ViewColumns() + "AS " + t.Expanded
	}
	return s + "TABLE " + t.Path.String() + t.Body(opts)
}
