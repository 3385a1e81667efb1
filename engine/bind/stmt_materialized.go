package bind

import (
	"maps"
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// Materialize is a statement about a materialized table. What it does to the catalog is
// Table; what it does to the job that fills the table the engine knows by Op.
type Materialize struct {
	Op   MaterializeOp
	Path catalog.Path
	// Old is the table as it was when the statement was bound; nil when there was none,
	// and for MatDrop, which drops also what does not hold any more.
	Old *catalog.Table
	// Table is the table as it is to be, for MatCreate and MatAlter.
	Table *catalog.Table
	// Options are those of RESUME WITH.
	Options map[string]string
	// Partition are the values of REFRESH PARTITION by column.
	Partition [][2]string
	At        diag.Span
}

func (*Materialize) bound() {}

// MaterializeOp is what a Materialize does.
type MaterializeOp uint8

// What they do.
const (
	MatCreate  MaterializeOp = iota // put the table into the catalog and begin to fill it
	MatAlter                        // another query, other options or columns
	MatSuspend                      // stop filling it
	MatResume                       // go on
	MatRefresh                      // run the query once
	MatDrop                         // stop and drop the table
)

// createMaterialized binds CREATE [OR ALTER] MATERIALIZED TABLE.
func (b *Binder) createMaterialized(s *ast.CreateMaterializedTable) (Bound, error) {
	p, err := b.object(s.Name)
	if err != nil {
		return nil, err
	}
	old, err := b.Session.Table(p)
	if err != nil {
		return nil, placed(err, s.Name.Span())
	}
	if err := b.replaceableBy(s, old); err != nil {
		return nil, err
	}
	if err := placed(b.Session.Store.CheckDatabase(p.Catalog, p.Database), s.Name.Span()); err != nil {
		return nil, err
	}
	m := &catalog.Materialized{}
	if m.Start, err = b.startMode(s.Start); err != nil {
		return nil, err
	}
	if err := b.freshness(s, m, old); err != nil {
		return nil, err
	}
	if old != nil && old.Materialized != nil {
		m.Refresh = old.Materialized.Refresh
	}
	q, err := b.materializedQuery(s.Query, m)
	if err != nil {
		return nil, err
	}
	create := &ast.CreateTable{
		Pos: s.Pos, Name: s.Name, Schema: s.Schema, Comment: s.Comment, Distribution: s.Distribution, PartitionedBy: s.PartitionedBy,
		Options: s.Options, Query: s.Query,
	}
	for _, c := range s.Schema.Columns {
		if c.Kind == ast.ColumnPhysical && !slices.Contains(q.names, c.Name.Last()) {
			return nil, diag.At(c.Name.Span(), diag.SchemaMismatch, "column %s is not in the query, and a materialized table holds what its query gives", c.Name.Last()).
				WithHint("query: [%s]", joinWords(q.names))
		}
	}
	t, err := b.tableAs(create, p, q)
	if err != nil {
		return nil, err
	}
	op := MatCreate
	if old != nil {
		if t, err = b.evolved(s, old, t); err != nil {
			return nil, err
		}
		if old.Materialized != nil {
			op = MatAlter
		}
	}
	if _, err := b.insertAs(create, t, q); err != nil {
		return nil, err
	}
	if err := formatters(t, s.Options); err != nil {
		return nil, err
	}
	t.Materialized, t.Scope = m, b.scope()
	return &Materialize{Op: op, Path: p, Old: old, Table: t, At: s.Name.Span()}, nil
}

// replaceableBy refuses to make a materialized table where something else is.
func (b *Binder) replaceableBy(s *ast.CreateMaterializedTable, old *catalog.Table) error {
	if old == nil || s.OrAlter && old.Materialized != nil {
		return nil
	}
	e := diag.At(s.Name.Span(), diag.AlreadyExists, "%s %s already exists", old.Kind(), old.Path)
	switch {
	case !s.OrAlter && old.Materialized != nil:
		return e.WithHint("CREATE OR ALTER MATERIALIZED TABLE gives one that is there another query")
	case s.OrAlter && !old.View && !old.Temporary:
		if b.Session.Config.Bool("table.materialized-table.conversion-from-table.enabled") {
			if old.Connection != nil {
				return diag.At(s.Name.Span(), diag.UnsupportedByFlink, "table %s takes its options from connection %s, and a materialized table takes none", s.Name, old.Connection)
			}
			return readOnly(old, s.Name.Span())
		}
		return e.WithHint("SET 'table.materialized-table.conversion-from-table.enabled' = 'true' lets it become a materialized one")
	}
	return e.WithHint("choose another name, or drop it first")
}

// scope is where names of the statement are resolved.
func (b *Binder) scope() catalog.Path {
	if b.from.Catalog != "" {
		return b.from
	}
	c, d := b.Session.Current()
	return catalog.Path{Catalog: c, Database: d}
}

// materializedQuery binds the query of a materialized table, which names nothing
// temporary.
func (b *Binder) materializedQuery(q ast.Query, m *catalog.Materialized) (*rows, error) {
	var temporary catalog.Object
	trace := b.Session.Trace
	b.Session.Trace = func(o catalog.Object) {
		switch o := o.(type) {
		case *catalog.Table:
			if o.Temporary {
				temporary = o
			}
		case *catalog.UserFunction:
			if o.Temporary {
				temporary = o
			}
		}
	}
	b.keepNames(q)
	r, err := b.query(q, nil)
	b.Session.Trace = trace
	if err != nil {
		return nil, err
	}
	if temporary != nil {
		return nil, diag.At(q.Span(), diag.InvalidQuery, "the query uses the temporary %s %s, which is gone with the session", temporary.What(), temporary.Where().Object).
			WithHint("create it without TEMPORARY")
	}
	m.Query, m.Original = b.expanded(q), b.textAt(q.Span())
	return r, nil
}

// formatters checks partition.fields.<column>.date-formatter.
func formatters(t *catalog.Table, given []ast.Option) error {
	at := map[string]diag.Span{}
	for _, o := range given {
		at[o.Key.Value] = o.Key.Span
	}
	for _, k := range t.Options.Keys() {
		col, ok := strings.CutPrefix(k, "partition.fields.")
		if !ok {
			continue
		}
		col, ok = strings.CutSuffix(col, ".date-formatter")
		i := t.Index(col)
		switch {
		case !ok:
			return diag.At(at[k], diag.UnknownOption, "'%s' is no option of a materialized table", k).WithHint("write partition.fields.<column>.date-formatter")
		case !slices.Contains(t.PartitionKeys, col):
			e := diag.At(at[k], diag.InvalidOption, "%s is no partition column", col)
			if len(t.PartitionKeys) > 0 {
				return e.WithHint("partition columns are: %s", joinWords(t.PartitionKeys))
			}
			return e.WithHint("PARTITIONED BY (...) names them")
		case !isText(t.Columns[i].Type):
			return diag.At(at[k], diag.InvalidOption, "partition column %s is %s, and dates are formatted for text", col, t.Columns[i].Type)
		}
	}
	return nil
}

func isText(t types.Type) bool { return t.Kind == types.VarChar || t.Kind == types.Char }

// materializedTable finds a materialized table.
func (b *Binder) materializedTable(n ast.Name) (*catalog.Table, error) {
	t, err := b.lookupTable(n)
	if err != nil {
		return nil, err
	}
	if t.Materialized == nil {
		return nil, diag.At(n.Span(), diag.InvalidQuery, "%s is a %s, not a materialized table", n, t.Kind())
	}
	return t, nil
}

func (b *Binder) dropMaterialized(s *ast.DropMaterializedTable) (Bound, error) {
	p, err := b.object(s.Name)
	if err != nil {
		return nil, err
	}
	_, err = b.materializedTable(s.Name)
	switch code := diag.CodeOf(err); {
	case s.IfExists && code == diag.UnknownTable:
		return done("DROP MATERIALIZED TABLE", func() error { return nil }), nil
	case code == diag.UnknownTable, code == diag.InvalidQuery:
		return nil, err
	}
	return &Materialize{Op: MatDrop, Path: p, At: s.Name.Span()}, nil
}

// alterMaterialized binds ALTER MATERIALIZED TABLE.
func (b *Binder) alterMaterialized(s *ast.AlterMaterializedTable) (Bound, error) {
	t, err := b.materializedTable(s.Name)
	if err != nil {
		return nil, err
	}
	m := &Materialize{Path: t.Path, Old: t, At: s.Name.Span()}
	switch a := s.Action.(type) {
	case *ast.Suspend:
		m.Op = MatSuspend
	case *ast.Resume:
		m.Op, m.Options = MatResume, map[string]string{}
		for _, o := range a.Options {
			if o.Key.Value == "connector" {
				return nil, fixedConnector(o.Key.Span)
			}
			m.Options[o.Key.Value] = o.Value.Value
		}
		with := *t
		with.Options = maps.Clone(t.Options)
		maps.Copy(with.Options, m.Options)
		for _, o := range a.Options {
			with.Place(o.Key.Value, b.Text, o.Key.Span)
		}
		if _, _, err := b.Connect(&with, s.Name.Span()); err != nil {
			return nil, err
		}
	case *ast.Refresh:
		m.Op = MatRefresh
		if m.Partition, err = b.refreshed(t, s.Name, a.Partition); err != nil {
			return nil, err
		}
	case *ast.SetFreshness:
		return nil, diag.At(a.Span(), diag.UnsupportedByFlink, "SET FRESHNESS is parsed but cannot be run").
			WithHint("CREATE OR ALTER MATERIALIZED TABLE takes another FRESHNESS")
	case *ast.SetRefreshMode:
		return nil, diag.At(a.Span(), diag.UnsupportedByFlink, "SET REFRESH_MODE is parsed but cannot be run").WithHint("drop the table and create it anew")
	case *ast.AsQuery:
		m.Op = MatAlter
		m.Table, err = b.materializedAs(t, a.Query)
	default:
		m.Op = MatAlter
		m.Table, err = b.alteredMaterialized(s, t)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// refreshed are the columns and values of REFRESH PARTITION.
func (b *Binder) refreshed(t *catalog.Table, name ast.Name, list []ast.Partition) ([][2]string, error) {
	var out [][2]string
	for _, p := range list {
		i := t.Index(p.Column.Name)
		switch {
		case !slices.Contains(t.PartitionKeys, p.Column.Name):
			return nil, suggest(diag.At(p.Column.Span, diag.UnknownColumn, "%s is no partition column of %s", p.Column.Name, name), p.Column.Name, t.PartitionKeys)
		case !isText(t.Columns[i].Type):
			return nil, diag.At(p.Column.Span, diag.UnsupportedByFlink, "partition column %s is %s, and REFRESH takes partitions of text only", p.Column.Name, t.Columns[i].Type)
		case p.Value == nil:
			return nil, diag.At(p.Column.Span, diag.InvalidArgument, "partition column %s needs a value", p.Column.Name)
		}
		out = append(out, [2]string{p.Column.Name, b.textAt(p.Value.Span())})
	}
	return out, nil
}

func fixedConnector(at diag.Span) error {
	return diag.At(at, diag.InvalidOption, "the connector of a materialized table stays what it is")
}

// storedMaterialized makes a materialized table as a catalog on disk keeps it. Its
// query is looked at when it is run: what it reads may be gone.
func (b *Binder) storedMaterialized(s *ast.CreateMaterializedTable, d *catalog.Definition) (*catalog.Table, error) {
	create := &ast.CreateTable{
		Pos: s.Pos, Name: s.Name, Schema: s.Schema, Comment: s.Comment, Distribution: s.Distribution, PartitionedBy: s.PartitionedBy, Options: s.Options,
	}
	t, err := b.tableOf(create, d.Path)
	if err != nil {
		return nil, err
	}
	b.keepNames(s.Query)
	b.resolveTables(s.Query)
	m := &catalog.Materialized{Query: b.expanded(s.Query), Original: b.textAt(s.Query.Span())}
	if m.Start, err = b.startMode(s.Start); err != nil {
		return nil, err
	}
	if err := b.freshness(s, m, nil); err != nil {
		return nil, err
	}
	if d.Refresh != nil {
		m.Refresh = *d.Refresh
	}
	t.Materialized, t.Scope = m, b.scope()
	return t, nil
}

// createMaterializedText is SHOW CREATE MATERIALIZED TABLE.
func (b *Binder) createMaterializedText(t *catalog.Table, orAlter bool) string {
	word := "CREATE "
	if orAlter {
		word += "OR ALTER "
	}
	return word + "MATERIALIZED TABLE " + t.Path.String() + t.Body(b.secretOptions(t)) + t.Materialized.Clauses(t.Materialized.Query)
}

func (b *Binder) showCreateMaterialized(s *ast.ShowCreate) (*Action, error) {
	t, err := b.materializedTable(s.Name)
	if err != nil {
		return nil, err
	}
	return shows("SHOW CREATE MATERIALIZED TABLE", []string{"result"}, func() ([][]any, error) {
		return [][]any{{b.createMaterializedText(t, s.OrAlter)}}, nil
	}), nil
}

// explainQuery explains the query that would fill a materialized table.
func (b *Binder) explainQuery(s *ast.Explain, q ast.Query) (Bound, error) {
	of, err := b.Query(q)
	if err != nil {
		return nil, err
	}
	return &Explain{Of: of, Details: s.Details, At: s.Span()}, nil
}
