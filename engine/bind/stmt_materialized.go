package bind

import (
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// Materialize is a statement about a materialized table. What it does to the catalog is
// Table; what it does to the pipeline that fills the table the engine knows by Op.
type Materialize struct {
	Op MaterializeOp
	// Table is the table as it is to be, for MatCreate, MatAlter and MatAs, and as it is
	// for the others.
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
	MatCreate  MaterializeOp = iota // put the table into the catalog and start its pipeline
	MatAs                           // another query
	MatAlter                        // other options or columns
	MatSuspend                      // stop the pipeline
	MatResume                       // start it again
	MatRefresh                      // run the query once
	MatDrop                         // stop the pipeline and drop the table
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
	if old != nil && s.OrAlter && old.Materialized != nil {
		return b.materializedAs(s.Name, old, s.Query)
	}
	if old != nil {
		return nil, diag.At(s.Name.Span(), diag.AlreadyExists, "%s %s already exists", old.Kind(), p).
			WithHint("CREATE OR ALTER MATERIALIZED TABLE gives one that is there another query")
	}
	if c, err := b.Session.Store.Catalog(p.Catalog); err == nil {
		if _, ok := c.(catalog.Versioned); ok {
			return nil, diag.At(s.Name.Span(), diag.UnsupportedByFlink, "catalog %s keeps no materialized tables: what fills them lives as long as the process", p.Catalog).
				WithHint("create it in %s", catalog.DefaultCatalog)
		}
	}
	if err := startMode(s.Start); err != nil {
		return nil, err
	}
	q, err := b.permanentQuery(s.Query)
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
	if _, err := b.insertAs(create, t, q); err != nil {
		return nil, err
	}
	t.Materialized = &catalog.Materialized{Query: b.expanded(s.Query), Original: b.textAt(s.Query.Span()), Columns: slices.Clone(q.names)}
	if err := b.freshness(s, t.Materialized); err != nil {
		return nil, err
	}
	if err := formatters(t, s); err != nil {
		return nil, err
	}
	return &Materialize{Op: MatCreate, Table: t, At: s.Name.Span()}, nil
}

func startMode(s *ast.StartMode) error {
	if s == nil || strings.HasSuffix(s.Mode, "FROM_BEGINNING") {
		return nil
	}
	return diag.At(s.Span(), diag.InvalidArgument, "START_MODE = %s needs sources that can begin in the middle, and files begin at their beginning", s.Mode).
		WithHint("write FROM_BEGINNING, and a WHERE on the time")
}

// permanentQuery binds a query that names nothing temporary.
func (b *Binder) permanentQuery(q ast.Query) (*rows, error) {
	var temporary catalog.Object
	outer := b.Session.Trace
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
	r, err := b.query(q, nil)
	b.Session.Trace = outer
	if err != nil {
		return nil, err
	}
	if temporary != nil {
		return nil, diag.At(q.Span(), diag.InvalidQuery, "the query uses the temporary %s %s, which is gone with the session", temporary.What(), temporary.Where().Object).
			WithHint("create it without TEMPORARY")
	}
	return r, nil
}

// freshness works out how often the table is refreshed, and how.
func (b *Binder) freshness(s *ast.CreateMaterializedTable, m *catalog.Materialized) error {
	c := b.Session.Config
	m.Mode = s.RefreshMode
	at := s.Span()
	if f := s.Freshness; f != nil {
		at = f.Span()
		l, err := interval(f)
		if err != nil {
			return err
		}
		unit := string(f.Qualifier.From)
		if l.Type().Kind != types.IntervalDT || f.Qualifier.To != "" || !slices.Contains([]string{"SECOND", "MINUTE", "HOUR", "DAY"}, unit) {
			return diag.At(at, diag.InvalidArgument, "FRESHNESS is a number of seconds, minutes, hours or days")
		}
		v, _ := intervalValue(strings.TrimSpace(f.Text), f.Qualifier)
		m.Freshness = time.Duration(v) * time.Millisecond
		m.FreshnessText = "INTERVAL '" + f.Text + "' " + unit
		if f.Negative || m.Freshness <= 0 || strings.ContainsAny(f.Text, ".") {
			return diag.At(at, diag.InvalidArgument, "FRESHNESS must be a whole number above 0")
		}
	}
	switch {
	case m.Mode == "" && m.FreshnessText == "":
		m.Mode = "CONTINUOUS"
	case m.Mode == "" && m.Freshness < c.Duration("materialized-table.refresh-mode.freshness-threshold"):
		m.Mode = "CONTINUOUS"
	case m.Mode == "":
		m.Mode = "FULL"
	}
	if m.FreshnessText == "" {
		m.Freshness = c.Duration("materialized-table.default-freshness." + strings.ToLower(m.Mode))
	}
	if m.Mode == "FULL" && !fits(m.Freshness) {
		return diag.At(at, diag.InvalidArgument, "a FRESHNESS of %s is no schedule: it must divide a minute, an hour or a day into equal parts, or be a day", m.Freshness).
			WithHint("seconds and minutes: 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30; hours: 1, 2, 3, 4, 6, 8, 12; 1 day")
	}
	return nil
}

// fits reports a period that a cron expression can say.
func fits(d time.Duration) bool {
	switch {
	case d == 24*time.Hour:
		return true
	case d%time.Hour == 0:
		return d < 24*time.Hour && 24%(d/time.Hour) == 0
	case d%time.Minute == 0:
		return d < time.Hour && 60%(d/time.Minute) == 0
	}
	return d%time.Second == 0 && d < time.Minute && 60%(d/time.Second) == 0
}

// formatters checks partition.fields.<column>.date-formatter.
func formatters(t *catalog.Table, s *ast.CreateMaterializedTable) error {
	for _, o := range s.Options {
		col, ok := strings.CutPrefix(o.Key.Value, "partition.fields.")
		if !ok {
			continue
		}
		col, ok = strings.CutSuffix(col, ".date-formatter")
		i := t.Index(col)
		switch {
		case !ok:
			return diag.At(o.Key.Span, diag.UnknownOption, "'%s' is no option of a materialized table", o.Key.Value).WithHint("write partition.fields.<column>.date-formatter")
		case !slices.Contains(t.PartitionKeys, col):
			return diag.At(o.Key.Span, diag.InvalidOption, "%s is no partition column", col)
		case t.Columns[i].Type.Kind != types.VarChar && t.Columns[i].Type.Kind != types.Char:
			return diag.At(o.Key.Span, diag.InvalidOption, "partition column %s is %s, and dates are formatted for text", col, t.Columns[i].Type)
		}
	}
	return nil
}

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
	t, err := b.materializedTable(s.Name)
	if s.IfExists && diag.CodeOf(err) == diag.UnknownTable {
		return done("DROP MATERIALIZED TABLE", func() error { return nil }), nil
	}
	if err != nil {
		return nil, err
	}
	return &Materialize{Op: MatDrop, Table: t, At: s.Name.Span()}, nil
}

// alterMaterialized binds ALTER MATERIALIZED TABLE.
func (b *Binder) alterMaterialized(s *ast.AlterMaterializedTable) (Bound, error) {
	t, err := b.materializedTable(s.Name)
	if err != nil {
		return nil, err
	}
	m := &Materialize{Table: t, At: s.Name.Span()}
	switch a := s.Action.(type) {
	case *ast.Suspend:
		m.Op = MatSuspend
	case *ast.Resume:
		m.Op, m.Options = MatResume, map[string]string{}
		for _, o := range a.Options {
			m.Options[o.Key.Value] = o.Value.Value
		}
	case *ast.Refresh:
		m.Op = MatRefresh
		for _, p := range a.Partition {
			i := t.Index(p.Column.Name)
			switch {
			case !slices.Contains(t.PartitionKeys, p.Column.Name):
				return nil, suggest(diag.At(p.Column.Span, diag.UnknownColumn, "%s is no partition column of %s", p.Column.Name, s.Name), p.Column.Name, t.PartitionKeys)
			case t.Columns[i].Type.Kind != types.VarChar && t.Columns[i].Type.Kind != types.Char:
				return nil, diag.At(p.Column.Span, diag.UnsupportedByFlink, "partition column %s is %s, and REFRESH takes partitions of text only", p.Column.Name, t.Columns[i].Type)
			case p.Value == nil:
				return nil, diag.At(p.Column.Span, diag.InvalidArgument, "partition column %s needs a value", p.Column.Name)
			}
			m.Partition = append(m.Partition, [2]string{p.Column.Name, b.textAt(p.Value.Span())})
		}
	case *ast.AsQuery:
		return b.materializedAs(s.Name, t, a.Query)
	case *ast.SetFreshness:
		return nil, diag.At(a.Span(), diag.UnsupportedByFlink, "SET FRESHNESS is parsed but cannot be run").WithHint("drop the table and create it anew")
	case *ast.SetRefreshMode:
		return nil, diag.At(a.Span(), diag.UnsupportedByFlink, "SET REFRESH_MODE is parsed but cannot be run").WithHint("drop the table and create it anew")
	case *ast.SetOptions:
		c := *t
		c.Options = cloneOptions(t.Options)
		if len(a.Options) == 0 {
			return nil, diag.At(a.Span(), diag.InvalidArgument, "SET needs an option")
		}
		for _, o := range a.Options {
			if o.Key.Value == "connector" {
				return nil, diag.At(o.Key.Span, diag.InvalidOption, "the connector of a materialized table stays what it is")
			}
			c.Options[o.Key.Value] = o.Value.Value
			c.Place(o.Key.Value, b.Text, o.Key.Span)
		}
		m.Op, m.Table = MatAlter, &c
	case *ast.ResetOptions:
		if err := resettable(a.Keys, "connector", a.Span()); err != nil {
			return nil, err
		}
		c := *t
		c.Options = cloneOptions(t.Options)
		for _, k := range a.Keys {
			delete(c.Options, k.Value)
		}
		m.Op, m.Table = MatAlter, &c
	default:
		return b.alterMaterializedSchema(s, t)
	}
	return m, nil
}

func cloneOptions(o map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range o {
		out[k] = v
	}
	return out
}

// alterMaterializedSchema changes what the query does not decide: computed columns,
// virtual metadata, key, watermark, distribution.
func (b *Binder) alterMaterializedSchema(s *ast.AlterMaterializedTable, t *catalog.Table) (Bound, error) {
	stored := func(c *ast.Column) bool {
		return c.Kind == ast.ColumnPhysical || c.Kind == ast.ColumnMetadata && !c.Virtual
	}
	no := func(at diag.Span, name string) error {
		return diag.At(at, diag.InvalidQuery, "column %s is what the query gives, and stays as it is", name).WithHint("ALTER MATERIALIZED TABLE ... AS gives it another query")
	}
	var cols []*ast.Column
	switch a := s.Action.(type) {
	case *ast.AddColumns:
		cols = a.Schema.Columns
	case *ast.ModifyColumns:
		cols = a.Schema.Columns
	case *ast.DropPart:
		for _, n := range a.Columns {
			if i := t.Index(n.Last()); i >= 0 && slices.Contains(t.SinkColumns(), i) {
				return nil, no(n.Span(), n.Last())
			}
		}
	case *ast.RenameTable, *ast.RenameColumn, *ast.AddPartitions, *ast.DropPartitions:
		return nil, diag.At(s.Action.Span(), diag.UnsupportedByFlink, "this is not done to materialized tables")
	}
	for _, c := range cols {
		if stored(c) {
			return nil, no(c.Name.Span(), c.Name.Last())
		}
	}
	plain, err := b.alterSchema(t, s.Action)
	if err != nil {
		return nil, err
	}
	return done("ALTER MATERIALIZED TABLE", func() error {
		if _, err := plain.Apply(); err != nil {
			return err
		}
		now, err := b.Session.Table(t.Path)
		if err != nil || now == nil {
			return err
		}
		c := *now
		c.Materialized = t.Materialized
		return b.Session.Replace(&c, false)
	}), nil
}

// materializedAs gives a table another query: it may add columns at the end, which can
// be NULL, and changes none.
func (b *Binder) materializedAs(name ast.Name, t *catalog.Table, query ast.Query) (Bound, error) {
	q, err := b.permanentQuery(query)
	if err != nil {
		return nil, err
	}
	given, err := queryColumns(query, q)
	if err != nil {
		return nil, err
	}
	old := t.Materialized.Columns
	if len(given) < len(old) {
		return nil, diag.At(query.Span(), diag.SchemaMismatch, "the query has %d columns and the table %d: columns are only added", len(given), len(old))
	}
	c := *t
	c.Columns = slices.Clone(t.Columns)
	for i, g := range given {
		if i < len(old) {
			have := t.Columns[t.Index(old[i])]
			if g.Name != old[i] || !types.SameIgnoringNull(g.Type, have.Type) {
				return nil, diag.At(columnSpan(query, i), diag.SchemaMismatch, "column %d of the query is %s %s, and that of the table %s %s: columns are only added, at the end",
					i+1, g.Name, g.Type.Nullable(true), have.Name, have.Type.Nullable(true))
			}
			continue
		}
		if t.Index(g.Name) >= 0 {
			return nil, diag.At(columnSpan(query, i), diag.DuplicateName, "the table has a column %s already", g.Name)
		}
		g.Type = g.Type.Plain().Nullable(true)
		c.Columns = append(c.Columns, g)
	}
	m := *t.Materialized
	m.Query, m.Original, m.Columns = b.expanded(query), b.textAt(query.Span()), slices.Clone(q.names)
	c.Materialized = &m
	return &Materialize{Op: MatAs, Table: &c, At: name.Span()}, nil
}

// createMaterializedText is SHOW CREATE MATERIALIZED TABLE.
func (b *Binder) createMaterializedText(t *catalog.Table, orAlter bool) string {
	word := "CREATE "
	if orAlter {
		word += "OR ALTER "
	}
	m := t.Materialized
	s := word + "MATERIALIZED TABLE " + t.Path.String() + t.Body(b.secretOptions(t))
	if m.FreshnessText != "" {
		s += "\nFRESHNESS = " + m.FreshnessText
	}
	return s + "\nREFRESH_MODE = " + m.Mode + "\nAS " + m.Query
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
