package bind

import (
	"maps"
	"slices"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// persisted are the columns of a table that its query gives.
func persisted(t *catalog.Table) []catalog.Column {
	var out []catalog.Column
	for _, i := range t.SinkColumns() {
		out = append(out, t.Columns[i])
	}
	return out
}

// appended reports what keeps the columns that a new query gives from taking the place
// of a table's: they are the same, in order, with further ones at the end. With exact
// types may not differ in whether they take NULL either.
func appended(q ast.Query, old, given []catalog.Column, exact bool) error {
	if len(given) < len(old) {
		return diag.At(q.Span(), diag.SchemaMismatch, "the query has %d columns and the table %d: columns are only added", len(given), len(old))
	}
	for i, have := range old {
		g := given[i]
		same := types.SameIgnoringNull(g.Type, have.Type)
		if exact {
			same = types.Equal(g.Type, have.Type)
		}
		if g.Name != have.Name || !same {
			text := func(c catalog.Column) string {
				if exact {
					return c.Type.Plain().String()
				}
				return c.Type.Plain().Nullable(true).String()
			}
			return diag.At(columnSpan(q, i), diag.SchemaMismatch, "column %d of the query is %s %s, and that of the table %s %s: columns are only added, at the end",
				i+1, g.Name, text(g), have.Name, text(have))
		}
	}
	return nil
}

// materializedAs gives a table another query: it may add columns at the end, which can
// be NULL, and changes none.
func (b *Binder) materializedAs(t *catalog.Table, query ast.Query) (*catalog.Table, error) {
	m := *t.Materialized
	q, err := b.materializedQuery(query, &m)
	if err != nil {
		return nil, err
	}
	given, err := queryColumns(query, q)
	if err != nil {
		return nil, err
	}
	old := persisted(t)
	if err := appended(query, old, given, false); err != nil {
		return nil, err
	}
	c := *t
	if c.Columns, err = extended(t, given[len(old):], query, len(old)); err != nil {
		return nil, err
	}
	c.Materialized, c.Scope = &m, b.scope()
	return &c, nil
}

// extended are the columns of t with further ones at the end, which can be NULL.
func extended(t *catalog.Table, more []catalog.Column, q ast.Query, first int) ([]catalog.Column, error) {
	cols := slices.Clone(t.Columns)
	for i, g := range more {
		if t.Index(g.Name) >= 0 {
			return nil, diag.At(columnSpan(q, first+i), diag.DuplicateName, "the table has a column %s already", g.Name)
		}
		g.Type = g.Type.Plain().Nullable(true)
		cols = append(cols, g)
	}
	return cols, nil
}

// evolved is what CREATE OR ALTER makes of the table that is there: what the statement
// says holds from now on, and what it says nothing of stays. The columns that the query
// gives may only become more.
func (b *Binder) evolved(s *ast.CreateMaterializedTable, old, now *catalog.Table) (*catalog.Table, error) {
	declared := len(s.Schema.Columns) > 0
	have, given := persisted(old), persisted(now)
	if err := appended(s.Query, have, given, declared); err != nil {
		return nil, err
	}
	if len(s.PartitionedBy) > 0 && !slices.Equal(now.PartitionKeys, old.PartitionKeys) {
		return nil, diag.At(s.PartitionedBy[0].Span, diag.InvalidQuery, "the table is partitioned by (%s), and stays so", catalog.QuoteAll(old.PartitionKeys)).
			WithHint("drop it and create it anew")
	}
	c := *old
	c.Distribution = now.Distribution
	if s.Comment.Set {
		c.Comment = now.Comment
	}
	if len(s.Options) > 0 {
		c.Options, c.OptionAt = now.Options, now.OptionAt
	}
	switch {
	case declared:
		c.Columns, c.Watermark, c.PrimaryKey = now.Columns, now.Watermark, now.PrimaryKey
	default:
		var err error
		if c.Columns, err = extended(old, given[len(have):], s.Query, len(have)); err != nil {
			return nil, err
		}
		if len(s.Schema.Constraints) > 0 {
			if c.PrimaryKey, err = b.movedKey(s, &c, now); err != nil {
				return nil, err
			}
		}
	}
	return &c, nil
}

// movedKey is the primary key of now on the columns of c.
func (b *Binder) movedKey(s *ast.CreateMaterializedTable, c, now *catalog.Table) (*catalog.PrimaryKey, error) {
	k := *now.PrimaryKey
	k.Columns = slices.Clone(k.Columns)
	for i, at := range k.Columns {
		name := now.Columns[at].Name
		k.Columns[i] = c.Index(name)
		if k.Columns[i] < 0 {
			return nil, diag.At(s.Schema.Constraints[0].Span(), diag.UnknownColumn, "no column %q in %s", name, c.Path)
		}
		c.Columns[k.Columns[i]].Type.NotNull = true
	}
	return &k, nil
}

// alteredMaterialized changes options, and of the schema what the query does not
// decide: computed columns, virtual metadata, key, watermark, distribution.
func (b *Binder) alteredMaterialized(s *ast.AlterMaterializedTable, t *catalog.Table) (*catalog.Table, error) {
	c := *t
	switch a := s.Action.(type) {
	case *ast.SetOptions:
		if len(a.Options) == 0 {
			return nil, diag.At(a.Span(), diag.InvalidArgument, "SET needs an option")
		}
		c.Options = maps.Clone(t.Options)
		if c.Options == nil {
			c.Options = connect.Options{}
		}
		for _, o := range a.Options {
			if o.Key.Value == "connector" {
				return nil, fixedConnector(o.Key.Span)
			}
			c.Options[o.Key.Value] = o.Value.Value
			c.Place(o.Key.Value, b.Text, o.Key.Span)
		}
		return &c, b.holds(&c, s.Name.Span(), a.Options)
	case *ast.ResetOptions:
		if err := resettable(a.Keys, "connector", a.Span()); err != nil {
			return nil, err
		}
		c.Options = maps.Clone(t.Options)
		for _, k := range a.Keys {
			delete(c.Options, k.Value)
		}
		return &c, b.holds(&c, s.Name.Span(), nil)
	}
	if err := b.alterable(s, t); err != nil {
		return nil, err
	}
	return b.alteredSchema(t, s.Action)
}

// holds checks the options of a changed table.
func (b *Binder) holds(t *catalog.Table, at diag.Span, given []ast.Option) error {
	if _, _, err := b.Connect(t, at); err != nil {
		return err
	}
	return formatters(t, given)
}

// alterable refuses changes of the columns that the query gives.
func (b *Binder) alterable(s *ast.AlterMaterializedTable, t *catalog.Table) error {
	no := func(at diag.Span, name string) error {
		return diag.At(at, diag.InvalidQuery, "column %s is what the query gives, and stays as it is", name).WithHint("ALTER MATERIALIZED TABLE ... AS gives it another query")
	}
	var cols []*ast.Column
	modify := false
	switch a := s.Action.(type) {
	case *ast.AddColumns:
		cols = a.Schema.Columns
	case *ast.ModifyColumns:
		cols, modify = a.Schema.Columns, true
	case *ast.DropPart:
		for _, n := range a.Columns {
			if i := t.Index(n.Last()); i >= 0 && slices.Contains(t.SinkColumns(), i) {
				return no(n.Span(), n.Last())
			}
		}
	case *ast.RenameTable, *ast.RenameColumn, *ast.AddPartitions, *ast.DropPartitions:
		return diag.At(s.Action.Span(), diag.UnsupportedByFlink, "this is not done to materialized tables")
	}
	for _, c := range cols {
		i := t.Index(c.Name.Last())
		if stored := c.Kind == ast.ColumnPhysical || c.Kind == ast.ColumnMetadata && !c.Virtual; stored && !modify {
			return no(c.Name.Span(), c.Name.Last())
		}
		if modify && i >= 0 {
			if err := b.modifiable(c, t.Columns[i], slices.Contains(t.SinkColumns(), i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// modifiable refuses to make another kind of column of one, and a type that its values
// do not become by themselves.
func (b *Binder) modifiable(c *ast.Column, old catalog.Column, given bool) error {
	kinds := map[ast.ColumnKind]catalog.ColumnKind{ast.ColumnPhysical: catalog.Physical, ast.ColumnMetadata: catalog.Metadata, ast.ColumnComputed: catalog.Computed}
	if kinds[c.Kind] != old.Kind || given && c.Virtual {
		return diag.At(c.Name.Span(), diag.InvalidQuery, "column %s cannot become another kind of column", old.Name)
	}
	if c.Kind == ast.ColumnComputed {
		return nil
	}
	t, err := typeOf(c.Type)
	if err != nil {
		return err
	}
	if !expr.CanCast(old.Type, t, false) {
		return diag.At(c.Type.Span(), diag.SchemaMismatch, "column %s is %s and does not become %s by itself", old.Name, old.Type.Plain().Nullable(true), t.Nullable(true))
	}
	return nil
}
