package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
)

// schemaEditor changes the schema of a table: the table is written as the statement
// that makes it, the statement is changed, and bound again. So what holds for CREATE
// TABLE holds after ALTER TABLE.
type schemaEditor struct {
	b    *Binder
	old  *catalog.Table
	stmt *ast.CreateTable
	// at is the action's place, for mistakes that show in parts that stay.
	at diag.Span
}

// alterSchema binds the actions that change columns, key, watermark or distribution.
func (b *Binder) alterSchema(t *catalog.Table, action ast.AlterAction) (*Action, error) {
	n, err := b.alteredSchema(t, action)
	if err != nil {
		return nil, err
	}
	return b.replace(n), nil
}

// alteredSchema is the table with the change.
func (b *Binder) alteredSchema(t *catalog.Table, action ast.AlterAction) (*catalog.Table, error) {
	// The table's text stands behind that of the statement, so that places in either are
	// places in one text.
	plain := *t
	plain.Materialized = nil
	ddl := plain.DDL()
	stmt, err := parse.Statement(strings.Repeat(" ", len(b.Text)) + ddl)
	if err != nil {
		return nil, err
	}
	own := *b
	own.Text = b.Text + ddl
	own.from = catalog.Path{Catalog: t.Path.Catalog, Database: t.Path.Database}
	e := &schemaEditor{b: &own, old: t, stmt: stmt.(*ast.CreateTable), at: action.Span()}
	if err := e.edit(action); err != nil {
		return nil, err
	}
	n, err := own.tableOf(e.stmt, t.Path)
	if err != nil {
		return nil, e.placed(err, len(b.Text))
	}
	n.Temporary, n.Held, n.OptionAt = t.Temporary, t.Held, t.OptionAt
	n.Scope, n.Materialized = t.Scope, t.Materialized
	return n, nil
}

// placed moves an error about a part that stays to the action that made it wrong.
func (e *schemaEditor) placed(err error, limit int) error {
	d := diag.As(err)
	if d == nil || d.Span.Start < limit {
		return err
	}
	out := *d
	out.Msg = "the table would not hold any more: " + d.Msg
	out.Span, out.Notes = e.at, nil
	return &out
}

func (e *schemaEditor) edit(action ast.AlterAction) error {
	switch a := action.(type) {
	case *ast.AddColumns:
		return e.add(&a.Schema)
	case *ast.ModifyColumns:
		return e.modify(&a.Schema)
	case *ast.DropPart:
		return e.drop(a)
	case *ast.RenameColumn:
		return e.renameColumn(a)
	case *ast.AddDistribution:
		if e.old.Distribution != nil {
			return diag.At(a.Span(), diag.AlreadyExists, "table %s has a distribution already", e.old.Path).WithHint("MODIFY DISTRIBUTION changes it")
		}
		e.stmt.Distribution = a.Distribution
	case *ast.ModifyDistribution:
		if e.old.Distribution == nil {
			return diag.At(a.Span(), diag.NotFound, "table %s has no distribution", e.old.Path).WithHint("ADD DISTRIBUTION gives it one")
		}
		e.stmt.Distribution = a.Distribution
	}
	return nil
}

// simple refuses a path into a row, which Flink does not alter either.
func simple(n ast.Name) error {
	if len(n) > 1 {
		return diag.At(n.Span(), diag.UnsupportedByFlink, "%s is a field in a row, and only whole columns can be altered", n).
			WithHint("MODIFY the column with the whole ROW type")
	}
	return nil
}

func (e *schemaEditor) index(name string) int {
	return slices.IndexFunc(e.stmt.Schema.Columns, func(c *ast.Column) bool { return c.Name.Last() == name })
}

// missing is the error for a column that is not there.
func (e *schemaEditor) missing(n ast.Name) error {
	return suggest(diag.At(n.Span(), diag.UnknownColumn, "no column %q in %s", n.String(), e.old.Path).
		WithNote(diag.Span{}, "columns are: %s", e.old.ColumnList()), n.Last(), e.old.Schema().Names())
}

// put places a column: first, behind another one, or at the position i.
func (e *schemaEditor) put(c *ast.Column, i int) error {
	switch p := c.Position; {
	case p.First:
		i = 0
	case len(p.After) > 0:
		if err := simple(p.After); err != nil {
			return err
		}
		if i = e.index(p.After.Last()) + 1; i == 0 {
			return e.missing(p.After)
		}
	}
	e.stmt.Schema.Columns = slices.Insert(e.stmt.Schema.Columns, i, c)
	return nil
}

func (e *schemaEditor) add(s *ast.Schema) error {
	for _, c := range s.Columns {
		if err := simple(c.Name); err != nil {
			return err
		}
		if e.index(c.Name.Last()) >= 0 {
			return diag.At(c.Name.Span(), diag.DuplicateName, "column %q is in the table already", c.Name.Last()).WithHint("MODIFY changes it")
		}
		if c.Constraint != nil && e.old.PrimaryKey != nil {
			return e.hasKey(c.Constraint)
		}
		if err := e.put(c, len(e.stmt.Schema.Columns)); err != nil {
			return err
		}
	}
	for _, k := range s.Constraints {
		if !k.Unique && e.old.PrimaryKey != nil {
			return e.hasKey(k)
		}
	}
	if len(s.Watermarks) > 0 && e.old.Watermark != nil {
		return diag.At(s.Watermarks[0].Span(), diag.AlreadyExists, "table %s has a watermark already", e.old.Path).
			WithHint("MODIFY WATERMARK changes it, DROP WATERMARK takes it away")
	}
	e.stmt.Schema.Constraints = append(e.stmt.Schema.Constraints, s.Constraints...)
	e.stmt.Schema.Watermarks = append(e.stmt.Schema.Watermarks, s.Watermarks...)
	return nil
}

func (e *schemaEditor) hasKey(k *ast.Constraint) error {
	return diag.At(k.Span(), diag.AlreadyExists, "table %s has a primary key already", e.old.Path).
		WithHint("MODIFY PRIMARY KEY changes it, DROP PRIMARY KEY takes it away")
}

func (e *schemaEditor) modify(s *ast.Schema) error {
	seen := map[string]bool{}
	for _, c := range s.Columns {
		if err := simple(c.Name); err != nil {
			return err
		}
		name := c.Name.Last()
		i := e.index(name)
		if i < 0 {
			return e.missing(c.Name)
		}
		if seen[name] {
			return diag.At(c.Name.Span(), diag.DuplicateName, "column %q is modified twice", name)
		}
		seen[name] = true
		if c.Constraint != nil {
			if e.old.PrimaryKey == nil {
				return e.noKey(c.Constraint.Span())
			}
			e.stmt.Schema.Constraints = nil
		}
		if old := e.stmt.Schema.Columns[i]; !c.Comment.Set && old.Comment.Set {
			kept := *c
			kept.Comment = old.Comment
			c = &kept
		}
		e.stmt.Schema.Columns = slices.Delete(e.stmt.Schema.Columns, i, i+1)
		if len(c.Position.After) == 1 && c.Position.After.Last() == name {
			return diag.At(c.Position.After.Span(), diag.InvalidArgument, "column %q cannot stand behind itself", name)
		}
		if err := e.put(c, i); err != nil {
			return err
		}
	}
	if len(s.Constraints) > 0 {
		if e.old.PrimaryKey == nil {
			return e.noKey(s.Constraints[0].Span())
		}
		e.stmt.Schema.Constraints = s.Constraints
	}
	if len(s.Watermarks) > 0 {
		if e.old.Watermark == nil {
			return e.noWatermark(s.Watermarks[0].Span())
		}
		e.stmt.Schema.Watermarks = s.Watermarks
	}
	return nil
}

func (e *schemaEditor) noKey(at diag.Span) error {
	return diag.At(at, diag.NotFound, "table %s has no primary key", e.old.Path)
}

func (e *schemaEditor) noWatermark(at diag.Span) error {
	return diag.At(at, diag.NotFound, "table %s has no watermark", e.old.Path)
}

func (e *schemaEditor) drop(a *ast.DropPart) error {
	switch a.Kind {
	case ast.DropPrimaryKey:
		if e.old.PrimaryKey == nil {
			return e.noKey(a.Span())
		}
		e.stmt.Schema.Constraints = nil
	case ast.DropConstraint:
		k := e.old.PrimaryKey
		if k == nil {
			return e.noKey(a.Span())
		}
		if k.Name != a.Constraint.Name {
			return suggest(diag.At(a.Constraint.Span, diag.NotFound, "table %s has no constraint %s", e.old.Path, a.Constraint.Name), a.Constraint.Name, []string{k.Name})
		}
		e.stmt.Schema.Constraints = nil
	case ast.DropWatermark:
		if e.old.Watermark == nil {
			return e.noWatermark(a.Span())
		}
		e.stmt.Schema.Watermarks = nil
	case ast.DropDistribution:
		if e.old.Distribution == nil {
			return diag.At(a.Span(), diag.NotFound, "table %s has no distribution", e.old.Path)
		}
		e.stmt.Distribution = nil
	default:
		return e.dropColumns(a)
	}
	return nil
}

func (e *schemaEditor) dropColumns(a *ast.DropPart) error {
	gone := map[string]bool{}
	for _, n := range a.Columns {
		if err := simple(n); err != nil {
			return err
		}
		if gone[n.Last()] {
			return diag.At(n.Span(), diag.DuplicateName, "column %q is dropped twice", n.Last())
		}
		if e.index(n.Last()) < 0 {
			return e.missing(n)
		}
		gone[n.Last()] = true
	}
	for _, n := range a.Columns {
		if err := e.unused(n, gone); err != nil {
			return err
		}
		if k := e.old.PrimaryKey; k != nil && slices.Contains(k.Columns, e.old.Index(n.Last())) {
			return diag.At(n.Span(), diag.InvalidQuery, "column %q is in the primary key", n.Last()).WithHint("DROP PRIMARY KEY first")
		}
	}
	e.stmt.Schema.Columns = slices.DeleteFunc(e.stmt.Schema.Columns, func(c *ast.Column) bool { return gone[c.Name.Last()] })
	return nil
}

// unused refuses a column that something else of the table refers to; gone are columns
// that go too.
func (e *schemaEditor) unused(n ast.Name, gone map[string]bool) error {
	name := n.Last()
	no := func(format string, args ...any) error {
		return diag.At(n.Span(), diag.InvalidQuery, "column %q "+format, append([]any{name}, args...)...)
	}
	var by []string
	for _, c := range e.stmt.Schema.Columns {
		if c.Kind == ast.ColumnComputed && !gone[c.Name.Last()] && refersTo(c.Expr, name) {
			by = append(by, c.Name.Last())
		}
	}
	if len(by) > 0 {
		return no("is used by the computed column %s", joinWords(by))
	}
	for _, w := range e.stmt.Schema.Watermarks {
		if w.Column.Last() == name || refersTo(w.Expr, name) {
			return no("is used by the watermark")
		}
	}
	if slices.Contains(e.old.PartitionKeys, name) {
		return no("is what the table is partitioned by")
	}
	if d := e.old.Distribution; d != nil && slices.Contains(d.Columns, name) {
		return no("is what the table is distributed by")
	}
	return nil
}

// refersTo reports whether an expression reads a column.
func refersTo(x ast.Expr, column string) bool {
	found := false
	ast.Walk(x, func(n ast.Node) bool {
		if c, ok := n.(*ast.ColumnRef); ok && c.Name[0].Name == column {
			found = true
		}
		return !found
	})
	return found
}

func (e *schemaEditor) renameColumn(a *ast.RenameColumn) error {
	if err := simple(a.From); err != nil {
		return err
	}
	i := e.index(a.From.Last())
	if i < 0 {
		return e.missing(a.From)
	}
	if e.index(a.To.Name) >= 0 {
		return diag.At(a.To.Span, diag.DuplicateName, "column %q is in the table already", a.To.Name)
	}
	if err := e.unused(a.From, nil); err != nil {
		return err
	}
	c := *e.stmt.Schema.Columns[i]
	c.Name = ast.Name{a.To}
	if c.Kind == ast.ColumnMetadata && !c.Key.Set {
		c.Key = ast.String{Value: a.From.Last(), Set: true}
	}
	e.stmt.Schema.Columns[i] = &c
	for _, k := range e.stmt.Schema.Constraints {
		for j := range k.Columns {
			if k.Columns[j].Name == a.From.Last() {
				k.Columns[j].Name = a.To.Name
			}
		}
	}
	return nil
}
