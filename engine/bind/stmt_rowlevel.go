package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// UPDATE and DELETE become an Insert that writes the rows of the partitions they touch
// anew: those to change changed, those to delete left out. DELETE of whole partitions
// and TRUNCATE need no query and become a Remove.

// RowLevel says what an Insert that is an UPDATE or DELETE replaces.
type RowLevel struct {
	// Partitions is the part of the condition that only partition columns decide, over
	// these columns in order of the table's partition keys; nil when there is none.
	// Partitions for which it is not TRUE are left alone.
	Partitions expr.Node
}

// Remove removes all rows of a table, or of the partitions for which Partitions is
// TRUE, at once.
type Remove struct {
	Table      *catalog.Table
	Partitions expr.Node
	// What are the statement's first words.
	What string
	At   diag.Span
}

func (*Remove) bound() {}

// changedName is the column that says whether UPDATE changes a row.
const changedName = "$changed"

// rowLevelTable finds the table of a statement that changes rows.
func (b *Binder) rowLevelTable(what string, name ast.Name, hints []ast.Hint, at diag.Span) (*catalog.Table, error) {
	if !b.batch() {
		return nil, diag.At(at, diag.UnsupportedByFlink, "%s is not supported in streaming mode", what).
			WithHint("SET 'execution.runtime-mode' = 'batch'")
	}
	t, err := b.lookupTable(name)
	if err != nil {
		return nil, err
	}
	if t.View {
		return nil, diag.At(name.Span(), diag.InvalidQuery, "%s is a view, and %s is for tables", name, what)
	}
	opts, _, err := b.tableOptions(hints)
	if err != nil {
		return nil, err
	}
	if t, err = b.connected(withOptions(t, hints, opts), name.Span()); err != nil {
		return nil, err
	}
	c, ct, err := b.Connect(t, name.Span())
	if err != nil {
		return nil, err
	}
	if c.Sink != nil {
		s, err := c.Sink(ct)
		if err != nil {
			return nil, t.Misused(err, name.Span())
		}
		if _, ok := s.(connect.RowLevel); ok {
			return t, nil
		}
	}
	return nil, diag.At(name.Span(), diag.UnsupportedByFlink, "connector '%s' cannot run %s: it does not change rows that are there", c.Name, what).
		WithHint("connector 'filesystem' can")
}

func (b *Binder) truncate(s *ast.TruncateTable) (Bound, error) {
	t, err := b.rowLevelTable("TRUNCATE TABLE", s.Name, nil, s.Span())
	if err != nil {
		return nil, err
	}
	return &Remove{Table: t, What: "TRUNCATE TABLE", At: s.Name.Span()}, nil
}

func (b *Binder) delete(s *ast.Delete) (Bound, error) {
	t, err := b.rowLevelTable("DELETE", s.Table, s.Hints, s.Span())
	if err != nil {
		return nil, err
	}
	if s.Where == nil {
		return &Remove{Table: t, What: "DELETE", At: s.Table.Span()}, nil
	}
	known, rest, err := b.partitionPart(t, s.Where, s.Alias)
	if err != nil {
		return nil, err
	}
	if !rest {
		return &Remove{Table: t, Partitions: known, What: "DELETE", At: s.Table.Span()}, nil
	}
	from := rowLevelSource(s.Pos, s.Table, s.Hints, s.Alias)
	// Rows for which the condition is not known stay.
	keep := &ast.Is{Pos: ast.Pos{At: s.Where.Span()}, X: s.Where, Kind: ast.IsTrue, Not: true}
	q := &ast.Select{Pos: s.Pos, From: from, Where: keep}
	for _, ci := range t.SinkColumns() {
		q.Items = append(q.Items, ast.SelectItem{Expr: columnRef(t.Columns[ci].Name, s.Table.Span())})
	}
	return b.rewrite(s.Table, s.Hints, q, from, known)
}

func (b *Binder) update(s *ast.Update) (Bound, error) {
	t, err := b.rowLevelTable("UPDATE", s.Table, s.Hints, s.Span())
	if err != nil {
		return nil, err
	}
	set, err := assignments(t, s)
	if err != nil {
		return nil, err
	}
	var known expr.Node
	if s.Where != nil {
		if known, _, err = b.partitionPart(t, s.Where, s.Alias); err != nil {
			return nil, err
		}
	}
	from := rowLevelSource(s.Pos, s.Table, s.Hints, s.Alias)
	// The condition is worked out once for a row, whatever number of columns change.
	at := s.Table.Span()
	name := ast.Identifier{Name: t.Path.Object, Span: at}
	if s.Alias != nil {
		name = *s.Alias
	}
	source := ast.TableRef(from)
	if s.Where != nil {
		inner := &ast.Select{Pos: s.Pos, From: from, Items: []ast.SelectItem{
			{Expr: &ast.Star{Pos: ast.Pos{At: at}}}, {Expr: s.Where, Alias: &ast.Identifier{Name: changedName, Span: s.Where.Span()}},
		}}
		source = &ast.AliasedTable{Pos: s.Pos, Input: &ast.DerivedTable{Pos: s.Pos, Query: inner}, Alias: name}
	}
	q := &ast.Select{Pos: s.Pos, From: source}
	for _, ci := range t.SinkColumns() {
		old := columnRef(t.Columns[ci].Name, at)
		e, ok := set[ci]
		switch {
		case !ok:
			e = old
		case s.Where != nil:
			p := ast.Pos{At: e.Span()}
			e = &ast.Case{Pos: p, Whens: []ast.When{{Conds: []ast.Expr{columnRef(changedName, s.Where.Span())}, Then: e}}, Else: old}
		}
		q.Items = append(q.Items, ast.SelectItem{Expr: e, Alias: &ast.Identifier{Name: t.Columns[ci].Name, Span: e.Span()}})
	}
	return b.rewrite(s.Table, s.Hints, q, from, known)
}

// assignments are the expressions of SET by position in the table's columns.
func assignments(t *catalog.Table, s *ast.Update) (map[int]ast.Expr, error) {
	set := map[int]ast.Expr{}
	for _, a := range s.Set {
		if len(a.Column) > 1 {
			return nil, diag.At(a.Column.Span(), diag.UnsupportedByFlink, "SET takes no field of a row").WithHint("write the whole row")
		}
		ci := t.Index(a.Column.Last())
		if ci < 0 {
			return nil, suggest(diag.At(a.Column.Span(), diag.UnknownColumn, "no column %q in %s", a.Column.Last(), s.Table).
				WithNote(diag.Span{}, "columns are: %s", t.ColumnList()), a.Column.Last(), t.Schema().Names())
		}
		if c := t.Columns[ci]; c.Kind == catalog.Computed || c.Kind == catalog.Metadata && c.Virtual {
			return nil, diag.At(a.Column.Span(), diag.InvalidQuery, "column %s is computed or virtual and cannot be set", c.Name)
		}
		if set[ci] != nil {
			return nil, diag.At(a.Column.Span(), diag.DuplicateName, "column %s is set twice", a.Column.Last())
		}
		set[ci] = a.Value
	}
	return set, nil
}

// rewrite binds a query over the rows of from as what the table is to hold.
func (b *Binder) rewrite(table ast.Name, hints []ast.Hint, q *ast.Select, from ast.TableRef, known expr.Node) (Bound, error) {
	b.rowLevel = from
	i, err := b.Insert(&ast.Insert{Pos: q.Pos, Table: table, Hints: hints, Query: q})
	if err != nil {
		return nil, err
	}
	i.RowLevel = &RowLevel{Partitions: known}
	return i, nil
}

// rowLevelSource is the table as FROM has it, under its alias.
func rowLevelSource(pos ast.Pos, table ast.Name, hints []ast.Hint, alias *ast.Identifier) ast.TableRef {
	name := &ast.TableName{Pos: ast.Pos{At: table.Span()}, Name: table, Hints: hints}
	if alias == nil {
		return name
	}
	return &ast.AliasedTable{Pos: pos, Input: name, Alias: *alias}
}

func columnRef(name string, at diag.Span) ast.Expr {
	return &ast.ColumnRef{Pos: ast.Pos{At: at}, Name: ast.Name{{Name: name, Span: at, Quoted: true}}}
}

// partitionPart binds those parts of a condition, between its ANDs, that partition
// columns alone decide: what can be bound over them, in every run the same. rest says
// that there are others.
func (b *Binder) partitionPart(t *catalog.Table, where ast.Expr, alias *ast.Identifier) (known expr.Node, rest bool, err error) {
	var s types.Schema
	for _, k := range t.PartitionKeys {
		s = append(s, types.Field{Name: k, Type: t.Columns[t.Index(k)].Type.Plain()})
	}
	name, path := t.Path.Object, []string{t.Path.Catalog, t.Path.Database, t.Path.Object}
	if alias != nil {
		name, path = alias.Name, nil
	}
	var parts []expr.Node
	var split func(e ast.Expr)
	split = func(e ast.Expr) {
		if x, ok := e.(*ast.Binary); ok && x.Op == ast.OpAnd {
			split(x.L)
			split(x.R)
			return
		}
		x := &block{b: b, sc: newScope(name, path, s), noQuery: true, clause: "WHERE"}
		n, err := x.condition(e, "WHERE")
		if err != nil || expr.Determinism(n) != function.Deterministic {
			rest = true
			return
		}
		parts = append(parts, n)
	}
	split(where)
	if len(parts) > 0 {
		known = expr.NewAnd(parts...)
	}
	return known, rest, nil
}

// markTarget notes that a scan reads the rows that the statement replaces.
func (b *Binder) markTarget(t ast.TableRef, n logical.Node) {
	from := b.rowLevel
	if a, ok := from.(*ast.AliasedTable); ok {
		from = a.Input
	}
	if from == nil || from != t {
		return
	}
	for n != nil {
		switch x := n.(type) {
		case *logical.Scan:
			x.Target = true
			return
		case *logical.Project:
			n = x.In
		default:
			return
		}
	}
}
