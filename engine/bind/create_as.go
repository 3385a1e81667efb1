package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
)

// Creation is what CREATE TABLE AS and REPLACE TABLE AS do to the catalog before their
// rows are written.
type Creation struct {
	// Name is the statement's first words.
	Name string
	// Apply puts the table into the catalog. Undo puts back what was there, when the job
	// could not be started.
	Apply, Undo func() error
	// Warning is advice, or nil.
	Warning *diag.Error
}

// createTableAs binds CREATE TABLE ... AS query, REPLACE TABLE and CREATE OR REPLACE
// TABLE: an insert into a table that is made first.
func (b *Binder) createTableAs(s *ast.CreateTable, p catalog.Path) (Bound, error) {
	word := "CREATE TABLE AS"
	if s.Replace || s.OrReplace {
		word = "REPLACE TABLE AS"
	}
	switch {
	case s.Temporary:
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "%s makes no temporary tables", word).WithHint("CREATE TEMPORARY TABLE first, then INSERT INTO it")
	case len(s.Connection) > 0:
		return nil, diag.At(s.Connection.Span(), diag.UnsupportedByFlink, "%s takes no USING CONNECTION", word)
	}
	old, err := b.Session.Table(p)
	if err != nil {
		return nil, placed(err, s.Name.Span())
	}
	switch {
	case old != nil && (old.View || old.Temporary):
		return nil, diag.At(s.Name.Span(), diag.AlreadyExists, "%s is a %s and cannot be replaced by a table", s.Name, old.Kind())
	case old != nil && s.IfNotExists:
		// As in Flink the rows go to the table that is there.
		return b.Insert(&ast.Insert{Pos: s.Pos, Table: s.Name, Query: s.Query})
	case old != nil && !s.Replace && !s.OrReplace:
		return nil, diag.At(s.Name.Span(), diag.AlreadyExists, "table %s already exists", p).WithHint("CREATE OR REPLACE TABLE puts a new one in its place")
	case old == nil && s.Replace && !s.OrReplace:
		_, err := b.lookupTable(s.Name)
		return nil, diag.As(err).WithHint("CREATE OR REPLACE TABLE makes it when it is not there")
	}
	if err := placed(b.Session.Store.CheckDatabase(p.Catalog, p.Database), s.Name.Span()); err != nil {
		return nil, err
	}
	q, err := b.query(s.Query, nil)
	if err != nil {
		return nil, err
	}
	t, err := b.tableAs(s, p, q)
	if err != nil {
		return nil, err
	}
	i, err := b.insertAs(s, t, q)
	if err != nil {
		return nil, err
	}
	i.Creation = b.creation(word, s, t, old)
	return i, nil
}

func (b *Binder) creation(word string, s *ast.CreateTable, t, old *catalog.Table) *Creation {
	c := &Creation{Name: word}
	c.Apply = func() error {
		if old != nil {
			t.Held = old.Held
			return placed(b.Session.Replace(t, false), s.Name.Span())
		}
		return placed(b.Session.CreateTable(t, false), s.Name.Span())
	}
	c.Undo = func() error {
		now, err := b.Session.Table(t.Path)
		if err != nil || now == nil {
			return err
		}
		if old == nil {
			return b.Session.Drop(catalog.Tables, t.Path, "table", false, true)
		}
		back := *old
		back.Held = now.Held
		return b.Session.Replace(&back, false)
	}
	if b.Session.Config.Bool("table.rtas-ctas.atomicity-enabled") {
		c.Warning = diag.At(s.Name.Span(), diag.UnsupportedByFlink, "%s is not atomic: connector '%s' cannot stage a table, so %s stays when the job fails",
			word, t.Options["connector"], s.Name)
	}
	return c
}

// tableAs makes the table: the declared columns that the query does not give, then the
// query's columns, in declared types where they have one. A list of names alone puts
// the query's columns into that order.
func (b *Binder) tableAs(s *ast.CreateTable, p catalog.Path, q *rows) (*catalog.Table, error) {
	t := &catalog.Table{Path: p, Comment: s.Comment.Value, Options: connect.Options{}}
	d := &tableBuilder{b: b, t: t}
	if err := d.columns(s.Schema.Columns); err != nil {
		return nil, err
	}
	given, err := queryColumns(s.Query, q)
	if err != nil {
		return nil, err
	}
	if len(s.Schema.Names) > 0 {
		if given, err = inOrder(s, given); err != nil {
			return nil, err
		}
	}
	if err := d.merge(s.Query, given); err != nil {
		return nil, err
	}
	nullable := map[string]bool{}
	for _, c := range t.Columns {
		nullable[c.Name] = !c.Type.NotNull
	}
	if err := d.rest(s); err != nil {
		return nil, err
	}
	if k := t.PrimaryKey; k != nil {
		for _, i := range k.Columns {
			if name := t.Columns[i].Name; nullable[name] {
				return nil, diag.At(keySpan(s, name), diag.InvalidQuery, "column %q can be NULL in the query and cannot be in the primary key", name).
					WithHint("COALESCE it in the query")
			}
		}
	}
	return t, nil
}

// queryColumns are the columns of a query as those of a table.
func queryColumns(q ast.Query, r *rows) ([]catalog.Column, error) {
	if err := typed(q, r); err != nil {
		return nil, err
	}
	var out []catalog.Column
	seen := map[string]bool{}
	for i, f := range r.node.Schema() {
		name := r.names[i]
		if seen[name] {
			return nil, diag.At(columnSpan(q, i), diag.DuplicateName, "the query has two columns named %q", name).WithHint("give one of them an alias")
		}
		seen[name] = true
		out = append(out, catalog.Column{Name: name, Type: f.Type.Plain()})
	}
	return out, nil
}

// inOrder puts the query's columns into the order of a list of their names.
func inOrder(s *ast.CreateTable, given []catalog.Column) ([]catalog.Column, error) {
	var out []catalog.Column
	names := make([]string, len(given))
	for i, c := range given {
		names[i] = c.Name
	}
	seen := map[string]bool{}
	for _, id := range s.Schema.Names {
		i := indexOf(names, id.Name)
		if i < 0 {
			return nil, suggest(diag.At(id.Span, diag.UnknownColumn, "the query has no column %q", id.Name).
				WithNote(diag.Span{}, "its columns are: %s", joinWords(names)), id.Name, names)
		}
		if seen[id.Name] {
			return nil, diag.At(id.Span, diag.DuplicateName, "column %q is named twice", id.Name)
		}
		seen[id.Name] = true
		out = append(out, given[i])
	}
	for _, n := range names {
		if !seen[n] {
			first, last := s.Schema.Names[0], s.Schema.Names[len(s.Schema.Names)-1]
			return nil, diag.At(first.Span.Join(last.Span), diag.SchemaMismatch, "the list must name every column of the query, and %s is not in it", n)
		}
	}
	return out, nil
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

// merge puts the query's columns behind the declared ones.
func (d *tableBuilder) merge(q ast.Query, given []catalog.Column) error {
	declared, asts := d.t.Columns, d.asts
	d.t.Columns, d.asts = nil, map[int]ast.Expr{}
	add := func(i int) {
		if e, ok := asts[i]; ok {
			d.asts[len(d.t.Columns)] = e
		}
		d.t.Columns = append(d.t.Columns, declared[i])
	}
	in := map[string]int{}
	for i, c := range given {
		in[c.Name] = i
	}
	over := map[string]int{}
	for i, c := range declared {
		k, both := in[c.Name]
		if !both {
			add(i)
			continue
		}
		at := d.spans[c.Name]
		if c.Kind == catalog.Computed || c.Kind == catalog.Metadata && c.Virtual {
			return diag.At(at, diag.DuplicateName, "column %q comes from the query too, and one that is computed or virtual cannot be written", c.Name).
				WithHint("give the query's column another name")
		}
		if !expr.CanCast(given[k].Type, c.Type, false) {
			return diag.At(at, diag.SchemaMismatch, "column %q of the query is %s and does not become %s by itself", c.Name, given[k].Type.Nullable(true), c.Type.Nullable(true)).
				WithHint("write CAST(... AS %s) in the query", c.Type.Nullable(true))
		}
		if c.Type.NotNull && !given[k].Type.NotNull {
			return diag.At(at, diag.SchemaMismatch, "column %q is declared NOT NULL, and can be NULL in the query", c.Name).
				WithHint("leave NOT NULL out, or COALESCE it in the query")
		}
		over[c.Name] = i
	}
	for _, c := range given {
		if i, ok := over[c.Name]; ok {
			add(i)
		} else {
			d.t.Columns = append(d.t.Columns, c)
		}
	}
	if len(d.t.Columns) > columnsMax {
		return limitColumns(len(d.t.Columns), q.Span())
	}
	return nil
}

// keySpan is where the primary key names a column.
func keySpan(s *ast.CreateTable, name string) diag.Span {
	for _, c := range s.Schema.Constraints {
		for _, id := range c.Columns {
			if id.Name == name {
				return id.Span
			}
		}
	}
	for _, c := range s.Schema.Columns {
		if c.Constraint != nil && c.Name.Last() == name {
			return c.Name.Span()
		}
	}
	return s.Name.Span()
}

// insertAs binds the insert of the query into the new table: columns meet by name.
func (b *Binder) insertAs(s *ast.CreateTable, t *catalog.Table, q *rows) (*Insert, error) {
	c, _, err := b.Connect(t, s.Name.Span())
	if err != nil {
		return nil, err
	}
	if c.Sink == nil {
		return nil, diag.At(s.Name.Span(), diag.InvalidQuery, "connector '%s' can only be read, so %s cannot be written to", c.Name, s.Name)
	}
	out := &Insert{Table: t, Columns: t.SinkColumns(), At: s.Name.Span(), Query: s.Query.Span()}
	list := make([]target, len(out.Columns))
	for i, ci := range out.Columns {
		col := t.Columns[ci]
		list[i].query = indexOf(q.names, col.Name)
		if list[i].query < 0 && col.Type.NotNull {
			return nil, diag.At(s.Name.Span(), diag.SchemaMismatch, "column %s is NOT NULL and the query does not give it", col.Name)
		}
	}
	ins := &ast.Insert{Pos: s.Pos, Table: s.Name, Query: s.Query}
	if err := b.fill(ins, t, out, list, q); err != nil {
		return nil, err
	}
	return out, nil
}
