package bind

import (
	"github.com/minkstream/mink/engine/batch"
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// information binds a table of information_schema: the rows are constants, as the
// catalog is now.
func (b *Binder) information(n *ast.TableName, t *catalog.Table) (logical.Node, *scope, error) {
	if b.Session.Trace != nil {
		return nil, nil, diag.At(n.Span(), diag.InvalidQuery, "a compiled plan cannot read information_schema, whose rows are those of the moment").
			WithHint("INSERT what is to be kept into a table first")
	}
	i := &informer{b: b, cat: t.Path.Catalog, table: t.Path.Object}
	if err := i.run(); err != nil {
		return nil, nil, placed(err, n.Span())
	}
	schema := t.Schema()
	rows := make([][]expr.Node, len(i.rows))
	for r, row := range i.rows {
		rows[r] = make([]expr.Node, len(schema))
		for k, f := range schema {
			if row[k] == nil {
				rows[r][k] = expr.NewNull(f.Type, n.Span())
				continue
			}
			rows[r][k] = reNullLiteral(constant(f.Type, n.Span(), func(c *batch.Builder) {
				switch v := row[k].(type) {
				case string:
					c.AppendString(v)
				case int:
					c.AppendInt(int64(v))
				}
			}), f.Type)
		}
	}
	path := []string{t.Path.Catalog, t.Path.Database, t.Path.Object}
	return logical.NewValues(rows, schema, n.Span()), newScope(t.Path.Object, path, schema), nil
}

// reNullLiteral gives a literal the type of its column, which may be NULL elsewhere.
func reNullLiteral(l *expr.Literal, t types.Type) expr.Node {
	l.Col.Type = t
	return l
}

// informer gathers the rows of one table.
type informer struct {
	b     *Binder
	cat   string
	table string
	rows  [][]any
}

func (i *informer) add(row ...any) { i.rows = append(i.rows, row) }

func (i *informer) run() error {
	store := i.b.Session.Store
	dbs, err := store.Databases(i.cat)
	if err != nil {
		return err
	}
	for _, db := range dbs {
		switch i.table {
		case "schemata":
			info, err := store.Database(i.cat, db)
			if err != nil {
				return err
			}
			i.add(i.cat, db, orNull(info.Comment))
		case "routines":
			err = i.each(catalog.Functions, db, func(o catalog.Object) { i.routine(o.(*catalog.UserFunction)) })
		case "models":
			err = i.each(catalog.Models, db, func(o catalog.Object) {
				m := o.(*catalog.Model)
				i.add(m.Path.Catalog, m.Path.Database, m.Path.Object, orNull(m.Comment))
			})
		default:
			err = i.each(catalog.Tables, db, func(o catalog.Object) { i.of(o.(*catalog.Table)) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls f for the objects of a database, temporary ones in place of those they
// hide. Objects that do not hold any more, such as views of dropped tables, are left
// out.
func (i *informer) each(k catalog.Kind, db string, f func(catalog.Object)) error {
	list, err := i.b.Session.List(k, i.cat, db)
	if err != nil {
		return err
	}
	for _, e := range list {
		o, err := i.b.Session.Find(k, catalog.Path{Catalog: i.cat, Database: db, Object: e.Name})
		if o != nil && err == nil {
			f(o)
		}
	}
	return nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func yes(is bool) string {
	if is {
		return "YES"
	}
	return "NO"
}

func (i *informer) routine(f *catalog.UserFunction) {
	i.add(f.Path.Catalog, f.Path.Database, f.Name(), "FUNCTION", f.Language, f.Identifier)
}

func (i *informer) of(t *catalog.Table) {
	p := t.Path
	switch i.table {
	case "tables":
		kind := map[string]string{"table": "BASE TABLE", "view": "VIEW", "materialized table": "MATERIALIZED TABLE"}[t.Kind()]
		if t.Temporary {
			kind = "LOCAL TEMPORARY"
		}
		i.add(p.Catalog, p.Database, p.Object, kind, yes(!t.View), orNull(t.Comment))
	case "views":
		if t.View {
			i.add(p.Catalog, p.Database, p.Object, t.Expanded, "NONE", "NO")
		}
	case "materialized_tables":
		if m := t.Materialized; m != nil {
			r := m.Refresh
			i.add(p.Catalog, p.Database, p.Object, m.Mode, m.Freshness.String(), m.Start.String(), r.Status, orNull(r.Job), orNull(r.Savepoint), m.Query)
		}
	case "columns":
		for n, c := range t.Columns {
			i.column(p, n, c)
		}
	case "table_constraints":
		if k := t.PrimaryKey; k != nil {
			i.add(p.Catalog, p.Database, k.Name, p.Catalog, p.Database, p.Object, "PRIMARY KEY", "NO")
		}
	case "key_column_usage":
		if k := t.PrimaryKey; k != nil {
			for n, c := range k.Columns {
				i.add(p.Catalog, p.Database, k.Name, p.Catalog, p.Database, p.Object, t.Columns[c].Name, n+1)
			}
		}
	case "table_options":
		opts := i.b.secretOptions(t)
		for _, k := range connect.Options(opts).Keys() {
			i.add(p.Catalog, p.Database, p.Object, k, opts[k])
		}
	}
}

func (i *informer) column(p catalog.Path, n int, c catalog.Column) {
	row := []any{p.Catalog, p.Database, p.Object, c.Name, n + 1, yes(!c.Type.NotNull), c.Type.Plain().Nullable(true).String(), nil, nil, nil, nil, "NEVER", nil,
		yes(c.Kind == catalog.Metadata), orNull(c.Comment)}
	switch t := c.Type; {
	case t.IsString() || t.IsBinary():
		row[7] = t.Prec
	case t.Kind == types.Decimal:
		row[8], row[9] = t.Prec, t.Scale
	case t.Kind == types.Time || t.IsTimestamp():
		row[10] = t.Prec
	}
	if c.Kind == catalog.Computed {
		row[11], row[12] = "ALWAYS", c.Text
	}
	i.add(row...)
}

// readOnly refuses to write to tables of mink's own databases.
func readOnly(t *catalog.Table, at diag.Span) error {
	if t.Path.Database == catalog.InformationSchema && !t.Temporary {
		return diag.At(at, diag.InvalidQuery, "%s is made of what the catalog knows and can only be read", t.Path)
	}
	return nil
}
