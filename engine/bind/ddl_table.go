package bind

import (
	"strconv"
	"strings"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

func done(name string, f func() error) *Action {
	return &Action{Name: name, Apply: func() (*Rows, error) { return nil, f() }}
}

// placed gives errors of the catalog their place.
func placed(err error, at diag.Span) error {
	if e := diag.As(err); e != nil {
		return e.Or(at)
	}
	return err
}

// object checks a name of one to three parts.
func (b *Binder) object(n ast.Name) (catalog.Path, error) {
	if len(n) > 3 {
		return catalog.Path{}, diag.At(n.Span(), diag.InvalidArgument, "a name has at most three parts: catalog.database.object")
	}
	return b.Session.Resolve(n.Parts()), nil
}

func (b *Binder) createTable(s *ast.CreateTable) (Bound, error) {
	p, err := b.object(s.Name)
	if err != nil {
		return nil, err
	}
	if s.Query != nil {
		return b.createTableAs(s, p)
	}
	t, err := b.tableOf(s, p)
	if err != nil {
		return nil, err
	}
	return done("CREATE TABLE", func() error {
		return placed(b.Session.CreateTable(t, s.IfNotExists), s.Name.Span())
	}), nil
}

// tableOf makes the table that CREATE TABLE declares, under the given name.
func (b *Binder) tableOf(s *ast.CreateTable, p catalog.Path) (*catalog.Table, error) {
	if len(s.Schema.Names) > 0 {
		return nil, diag.At(s.Schema.Names[0].Span, diag.Syntax, "column %s needs a type", s.Schema.Names[0].Name)
	}
	t := &catalog.Table{Path: p, Temporary: s.Temporary, Comment: s.Comment.Value, Options: connect.Options{}}
	if len(s.Connection) > 0 {
		c, err := b.connection(s.Connection)
		if err != nil {
			return nil, err
		}
		t.Connection = &c.Path
	}
	d := &tableBuilder{b: b, t: t}
	if s.Like != nil {
		if err := d.like(s); err != nil {
			return nil, err
		}
	}
	if err := d.columns(s.Schema.Columns); err != nil {
		return nil, err
	}
	if err := d.rest(s); err != nil {
		return nil, err
	}
	return t, nil
}

// rest adds everything but the columns.
func (d *tableBuilder) rest(s *ast.CreateTable) error {
	if err := d.key(s.Schema.Constraints); err != nil {
		return err
	}
	if s.Like != nil {
		if err := d.rebind(s.Like.Span()); err != nil {
			return err
		}
	}
	if err := d.expressions(); err != nil {
		return err
	}
	if err := d.watermark(s.Schema.Watermarks); err != nil {
		return err
	}
	if err := d.partitions(s); err != nil {
		return err
	}
	return d.options(s)
}

// options adds those of WITH.
func (d *tableBuilder) options(s *ast.CreateTable) error {
	for _, o := range s.Options {
		if _, twice := d.own[o.Key.Value]; twice {
			return diag.At(o.Key.Span, diag.DuplicateName, "option '%s' is given twice", o.Key.Value)
		}
		if d.own == nil {
			d.own = map[string]bool{}
		}
		d.own[o.Key.Value] = true
		if _, has := d.t.Options[o.Key.Value]; has && d.strategy["OPTIONS"] == "INCLUDING" {
			return diag.At(o.Key.Span, diag.DuplicateName, "option '%s' is in the table after LIKE too; use OVERWRITING OPTIONS", o.Key.Value)
		}
		d.t.Options[o.Key.Value] = o.Value.Value
		d.t.Place(o.Key.Value, d.b.Text, o.Key.Span)
	}
	return nil
}

// tableBuilder puts a table together from its parts and those of LIKE.
type tableBuilder struct {
	b *Binder
	t *catalog.Table
	// strategy is INCLUDING, EXCLUDING or OVERWRITING by feature of LIKE.
	strategy map[string]string
	// asts are the expressions of computed columns that are to be bound, by column.
	asts map[int]ast.Expr
	// src is the table after LIKE.
	src *catalog.Table
	// spans are the declared columns by name, own the options of WITH.
	spans  map[string]diag.Span
	inline *ast.Column
	own    map[string]bool
}

// columns adds declared columns, without binding expressions.
func (d *tableBuilder) columns(list []*ast.Column) error {
	if d.asts == nil {
		d.asts = map[int]ast.Expr{}
	}
	if d.spans == nil {
		d.spans = map[string]diag.Span{}
	}
	if len(list) > columnsMax {
		return limitColumns(len(list), list[columnsMax].Name.Span())
	}
	for _, c := range list {
		name := c.Name.Last()
		at := c.Name.Span()
		if first, dup := d.spans[name]; dup {
			return diag.At(at, diag.DuplicateName, "column %q is declared twice", name).WithNote(first, "the first one is here")
		}
		d.spans[name] = at
		col := catalog.Column{Name: name, Comment: c.Comment.Value}
		i := d.t.Index(name)
		var err error
		switch c.Kind {
		case ast.ColumnPhysical:
			if i >= 0 {
				return diag.At(at, diag.DuplicateName, "column %q is in the table after LIKE already", name)
			}
			if col.Type, err = typeOf(c.Type); err != nil {
				return err
			}
		case ast.ColumnMetadata:
			if col.Type, err = typeOf(c.Type); err != nil {
				return err
			}
			col.Kind, col.Key, col.HasKey, col.Virtual = catalog.Metadata, name, c.Key.Set, c.Virtual
			if c.Key.Set {
				col.Key = c.Key.Value
			}
			if err := d.replaceable(i, col.Kind, "METADATA", at); err != nil {
				return err
			}
		case ast.ColumnComputed:
			col.Kind, col.Text = catalog.Computed, d.b.exprText(c.Expr)
			if err := d.replaceable(i, col.Kind, "GENERATED", at); err != nil {
				return err
			}
		}
		if c.Constraint != nil {
			if c.Kind != ast.ColumnPhysical {
				return diag.At(c.Constraint.Span(), diag.InvalidQuery, "a primary key is made of physical columns")
			}
			if d.inline != nil {
				return diag.At(c.Constraint.Span(), diag.DuplicateName, "a table has one primary key").WithNote(d.inline.Constraint.Span(), "the first one is here")
			}
			d.inline = c
		}
		if i < 0 {
			i = len(d.t.Columns)
			d.t.Columns = append(d.t.Columns, col)
		} else {
			d.t.Columns[i] = col
		}
		if c.Kind == ast.ColumnComputed {
			d.asts[i] = c.Expr
		}
	}
	return nil
}

// replaceable checks that a column that came by LIKE may be replaced.
func (d *tableBuilder) replaceable(i int, k catalog.ColumnKind, feature string, at diag.Span) error {
	if i < 0 {
		return nil
	}
	if d.t.Columns[i].Kind != k || d.strategy[feature] != "OVERWRITING" {
		return diag.At(at, diag.DuplicateName, "column %q is in the table after LIKE already", d.t.Columns[i].Name).
			WithHint("OVERWRITING %s replaces it", feature)
	}
	return nil
}

func (d *tableBuilder) key(list []*ast.Constraint) error {
	if d.inline != nil {
		c := *d.inline.Constraint
		c.Columns = []ast.Identifier{d.inline.Name[0]}
		list = append([]*ast.Constraint{&c}, list...)
	}
	var first *ast.Constraint
	for _, c := range list {
		at := c.Span()
		if c.Unique {
			return diag.At(at, diag.UnsupportedByFlink, "UNIQUE constraints are parsed but have no effect in Flink and are refused").
				WithHint("PRIMARY KEY (...) NOT ENFORCED is the one constraint there is")
		}
		if c.Enforcement != ast.NotEnforced {
			return diag.At(at, diag.UnsupportedByFlink, "a primary key must be NOT ENFORCED: Flink does not own the data and cannot check it").
				WithHint("write PRIMARY KEY (...) NOT ENFORCED")
		}
		if first != nil {
			return diag.At(at, diag.DuplicateName, "a table has one primary key").WithNote(first.Span(), "the first one is here")
		}
		first = c
		if d.t.PrimaryKey != nil && d.strategy["CONSTRAINTS"] != "" {
			return diag.At(at, diag.DuplicateName, "the table after LIKE has a primary key already").WithHint("EXCLUDING CONSTRAINTS leaves it out")
		}
		k := &catalog.PrimaryKey{}
		var names []string
		for _, id := range c.Columns {
			i := d.t.Index(id.Name)
			if i < 0 {
				return suggest(diag.At(id.Span, diag.UnknownColumn, "no column %q for the primary key", id.Name).
					WithNote(diag.Span{}, "columns are: %s", d.t.ColumnList()), id.Name, d.t.Schema().Names())
			}
			if d.t.Columns[i].Kind != catalog.Physical {
				return diag.At(id.Span, diag.InvalidQuery, "column %q is not physical and cannot be in the primary key", id.Name)
			}
			if contains(names, id.Name) {
				return diag.At(id.Span, diag.DuplicateName, "the primary key names %s twice", id.Name)
			}
			names = append(names, id.Name)
			k.Columns = append(k.Columns, i)
			d.t.Columns[i].Type.NotNull = true
		}
		k.Name = "PK_" + strings.Join(names, "_")
		if c.Name != nil {
			k.Name = c.Name.Name
		}
		d.t.PrimaryKey = k
	}
	return nil
}

// storedScope is what computed columns may use: physical and metadata columns, in
// the order of Table.Stored.
func (d *tableBuilder) storedScope() *scope {
	var s types.Schema
	for _, i := range d.t.Stored() {
		c := d.t.Columns[i]
		s = append(s, types.Field{Name: c.Name, Type: c.Type.Plain()})
	}
	return newScope("", nil, s)
}

// expressions binds the computed columns.
func (d *tableBuilder) expressions() error {
	sc := d.storedScope()
	for i := range d.t.Columns {
		e := d.asts[i]
		if e == nil {
			continue
		}
		x := &block{b: d.b, sc: sc, noQuery: true, clause: "a computed column"}
		n, err := x.expr(e)
		if err != nil {
			if de := diag.As(err); de != nil && de.Code == diag.UnknownColumn {
				for _, c := range d.t.Columns {
					if c.Kind == catalog.Computed && de.Span.End > de.Span.Start && d.b.textAt(de.Span) == c.Name {
						de.Msg = "column " + strconv.Quote(c.Name) + " is computed, and a computed column may use only physical and metadata columns"
						de.Hint = ""
					}
				}
			}
			return err
		}
		if n.Type().Kind == types.Null {
			return diag.At(e.Span(), diag.TypeMismatch, "a computed column needs a type: CAST(NULL AS type)")
		}
		d.t.Columns[i].Expr, d.t.Columns[i].Type = n, n.Type()
	}
	return nil
}

func (d *tableBuilder) watermark(list []*ast.Watermark) error {
	if len(list) > 1 {
		return diag.At(list[1].Span(), diag.UnsupportedByFlink, "multiple WATERMARK declarations are not possible: a table has one").
			WithNote(list[0].Span(), "the first one is here")
	}
	if len(list) == 0 {
		return nil
	}
	w := list[0]
	if d.t.Watermark != nil && d.strategy["WATERMARKS"] != "OVERWRITING" {
		return diag.At(w.Span(), diag.DuplicateName, "the table after LIKE has a watermark already").WithHint("use OVERWRITING WATERMARKS")
	}
	if d.t.Watermark != nil {
		d.t.Columns[d.t.Watermark.Column].Type.Attr = types.NotTime
	}
	if len(w.Column) > 1 {
		return diag.At(w.Column.Span(), diag.InvalidWatermark, "the watermark's column must be a column of the table, not a field in one").
			WithHint("add a computed column: ts AS %s", w.Column)
	}
	i := d.t.Index(w.Column.Last())
	if i < 0 {
		return suggest(diag.At(w.Column.Span(), diag.UnknownColumn, "no column %q for the watermark", w.Column.String()).
			WithNote(diag.Span{}, "columns are: %s", d.t.ColumnList()), w.Column.Last(), d.t.Schema().Names())
	}
	t := d.t.Columns[i].Type
	if !t.IsTimestamp() || t.Prec > 3 {
		return diag.At(w.Column.Span(), diag.InvalidWatermark, "a watermark needs TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p <= 3, but %s is %s", w.Column, t.Plain().Nullable(true)).
			WithHint("add a computed column with a CAST to TIMESTAMP(3)")
	}
	if t.Attr == types.Proctime {
		return diag.At(w.Column.Span(), diag.InvalidWatermark, "%s is processing time and needs no watermark", w.Column)
	}
	wm := &catalog.Watermark{Column: i, Text: d.b.exprText(w.Expr), AST: w.Expr}
	if f, ok := w.Expr.(*ast.FuncCall); ok && strings.EqualFold(f.Name.Last(), "SOURCE_WATERMARK") && len(f.Args) == 0 {
		d.t.Watermark = wm // the connector says what it is when the table is read
		d.t.Columns[i].Type.Attr = types.Rowtime
		return nil
	}
	// All columns can be used; computed ones are written out.
	sc := newScope("", nil, d.t.Schema())
	x := &block{b: d.b, sc: sc, noQuery: true, clause: "WATERMARK"}
	n, err := x.expr(w.Expr)
	if err != nil {
		return err
	}
	if nt := n.Type(); !nt.IsTimestamp() || nt.Kind != t.Kind {
		return diag.At(w.Expr.Span(), diag.InvalidWatermark, "the watermark must be %s like its column, not %s", t.Plain().Nullable(true), nt.Nullable(true))
	}
	wm.Expr = expr.Substitute(n, d.written())
	d.t.Watermark = wm
	d.t.Columns[i].Type.Attr = types.Rowtime
	return nil
}

// written are all columns as expressions over the stored ones.
func (d *tableBuilder) written() []expr.Node {
	out := make([]expr.Node, len(d.t.Columns))
	for i, ci := range d.t.Stored() {
		out[ci] = expr.NewRef(i, d.t.Columns[ci].Type.Plain(), diag.Span{})
	}
	for i, c := range d.t.Columns {
		if c.Kind == catalog.Computed {
			out[i] = c.Expr
		}
	}
	return out
}

func (d *tableBuilder) partitions(s *ast.CreateTable) error {
	if len(s.PartitionedBy) > 0 {
		if len(d.t.PartitionKeys) > 0 {
			return diag.At(s.PartitionedBy[0].Span, diag.DuplicateName, "the table after LIKE has partitions already").WithHint("use EXCLUDING PARTITIONS")
		}
		for _, id := range s.PartitionedBy {
			i := d.t.Index(id.Name)
			if i < 0 {
				return suggest(diag.At(id.Span, diag.UnknownColumn, "no column %q to partition by", id.Name).
					WithNote(diag.Span{}, "columns are: %s", d.t.ColumnList()), id.Name, d.t.Schema().Names())
			}
			if d.t.Columns[i].Kind != catalog.Physical {
				return diag.At(id.Span, diag.InvalidQuery, "column %q is not physical and cannot be partitioned by", id.Name)
			}
			if contains(d.t.PartitionKeys, id.Name) {
				return diag.At(id.Span, diag.DuplicateName, "PARTITIONED BY names %s twice", id.Name)
			}
			d.t.PartitionKeys = append(d.t.PartitionKeys, id.Name)
		}
	}
	if s.Distribution == nil {
		return nil
	}
	dist, err := d.distribution(s.Distribution)
	if err == nil {
		d.t.Distribution = dist
	}
	return err
}

// distribution checks a clause DISTRIBUTED or DISTRIBUTION.
func (d *tableBuilder) distribution(s *ast.Distribution) (*catalog.Distribution, error) {
	dist := &catalog.Distribution{Kind: s.Kind}
	for _, id := range s.Columns {
		i := d.t.Index(id.Name)
		if i < 0 {
			return nil, suggest(diag.At(id.Span, diag.UnknownColumn, "no column %q to distribute by", id.Name), id.Name, d.t.Schema().Names())
		}
		if d.t.Columns[i].Kind != catalog.Physical {
			return nil, diag.At(id.Span, diag.InvalidQuery, "column %q is not physical and cannot be distributed by", id.Name)
		}
		dist.Columns = append(dist.Columns, id.Name)
	}
	if s.Buckets != "" {
		n, err := strconv.Atoi(s.Buckets)
		if err != nil || n <= 0 {
			return nil, diag.At(s.Span(), diag.InvalidArgument, "the number of buckets must be above 0")
		}
		dist.Buckets = n
	}
	return dist, nil
}
