package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

func versioned(c catalog.Catalog) bool {
	_, ok := c.(catalog.Versioned)
	return ok
}

var instantT = types.Type{Kind: types.TimestampLTZ, Prec: 3}

// listVersions is system.list_versions(table): the definitions of a table or view,
// oldest first. valid_to is NULL for the one that holds now.
var listVersions = &procedure{
	name: "list_versions",
	args: []procedureArg{{"table", types.StringT, true}},
	in:   versioned,
	result: types.Schema{
		{Name: "version", Type: types.IntT}, {Name: "kind", Type: types.StringT}, {Name: "valid_from", Type: instantT},
		{Name: "valid_to", Type: instantT}, {Name: "definition", Type: types.StringT},
	},
	run: func(c *procedureCall) ([][]any, error) {
		list, err := c.versions()
		if err != nil {
			return nil, err
		}
		var out [][]any
		for i, v := range list {
			row := []any{int64(v.Version()), v.Word, v.From, nil, nil}
			if i+1 < len(list) {
				row[3] = list[i+1].From
			}
			if v.Dropped {
				row[1] = "dropped"
			} else {
				row[4] = withoutSecrets(v.Text)
			}
			out = append(out, row)
		}
		return out, nil
	},
}

// dropVersions is system.drop_versions(table, older_than, retain_last): it removes
// versions that were replaced before older_than (all old ones without it), but keeps
// the newest retain_last (1 without it), and returns how many it removed.
var dropVersions = &procedure{
	name:   "drop_versions",
	args:   []procedureArg{{"table", types.StringT, true}, {"older_than", instantT, false}, {"retain_last", types.IntT, false}},
	in:     versioned,
	result: types.Schema{{Name: "result", Type: types.IntT}},
	run: func(c *procedureCall) ([][]any, error) {
		list, err := c.versions()
		if err != nil {
			return nil, err
		}
		keep := int64(1)
		if n, ok := c.args[2].(int64); ok {
			if n < 1 {
				return nil, diag.At(c.at[2], diag.InvalidArgument, "retain_last is 1 or more: the newest version stays")
			}
			keep = n
		}
		before, limited := c.args[1].(int64)
		var drop []int
		for i := 0; i < len(list)-int(min(keep, int64(len(list)))); i++ {
			if !limited || list[i+1].From <= before {
				drop = append(drop, list[i].Version())
			}
		}
		p, err := c.table()
		if err != nil {
			return nil, err
		}
		if err := c.c.(catalog.Versioned).DropVersions(catalog.Tables, p, drop); err != nil {
			return nil, err
		}
		return [][]any{{int64(len(drop))}}, nil
	},
}

// table is the path that the first argument names: database.table, or a table of the
// current database, in the procedure's catalog.
func (c *procedureCall) table() (catalog.Path, error) {
	text := c.args[0].(string)
	var p catalog.Path
	parts := splitName(text)
	if parts == nil {
		return p, diag.At(c.at[0], diag.InvalidArgument, "'%s' is no name of a table", text)
	}
	cat, db := c.b.Session.Current()
	if cat != c.catalog {
		db = c.c.First()
	}
	switch n := parts; len(n) {
	case 1:
		p = catalog.Path{Catalog: c.catalog, Database: db, Object: n[0]}
	case 2:
		p = catalog.Path{Catalog: c.catalog, Database: n[0], Object: n[1]}
	default:
		p = catalog.Path{Catalog: n[0], Database: n[1], Object: n[2]}
	}
	if p.Catalog != c.catalog {
		return p, diag.At(c.at[0], diag.InvalidArgument, "the procedure is one of catalog %s, and the table is in catalog %s", c.catalog, p.Catalog)
	}
	return p, nil
}

// splitName takes a name of one to three parts apart, quoted or not; nil when it is
// none. Words need no quotes here.
func splitName(text string) []string {
	var parts []string
	for {
		part := text
		if strings.HasPrefix(text, "`") {
			end := 1
			for end < len(text) && (text[end] != '`' || strings.HasPrefix(text[end:], "``")) {
				if text[end] == '`' {
					end++
				}
				end++
			}
			if end >= len(text) {
				return nil
			}
			part = strings.ReplaceAll(text[1:end], "``", "`")
			text = text[end+1:]
		} else {
			if i := strings.IndexByte(text, '.'); i >= 0 {
				part = text[:i]
			}
			text = text[len(part):]
		}
		if parts = append(parts, part); part == "" || len(parts) > 3 {
			return nil
		}
		if text == "" {
			return parts
		}
		if text[0] != '.' {
			return nil
		}
		text = text[1:]
	}
}

// versions reads the versions of the table that the first argument names.
func (c *procedureCall) versions() ([]*catalog.Definition, error) {
	p, err := c.table()
	if err != nil {
		return nil, err
	}
	list, err := c.c.(catalog.Versioned).Versions(catalog.Tables, p)
	if err == nil && len(list) == 0 {
		err = suggest(diag.At(c.at[0], diag.UnknownTable, "no table or view %s", p), p.Object, c.b.Session.Names(catalog.Tables, p.Catalog, p.Database))
	}
	return list, err
}

// withoutSecrets hides the values of secret options in a definition.
func withoutSecrets(text string) string {
	stmt, err := parse.Statement(text)
	if err != nil {
		return text
	}
	var opts []ast.Option
	if s, ok := stmt.(*ast.CreateTable); ok {
		opts = s.Options
	}
	slices.SortFunc(opts, func(a, b ast.Option) int { return b.Value.Span.Start - a.Value.Span.Start })
	for _, o := range opts {
		shown := connect.Redact(connect.Options{o.Key.Value: o.Value.Value}, nil)[o.Key.Value]
		if shown != o.Value.Value {
			text = text[:o.Value.Span.Start] + catalog.Text(shown) + text[o.Value.Span.End:]
		}
	}
	return text
}
