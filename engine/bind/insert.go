package bind

import (
	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// Insert binds INSERT: the query's columns meet the table's by position.
func (b *Binder) Insert(s *ast.Insert) (*Insert, error) {
	if s.Upsert {
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "UPSERT INTO is parsed but cannot be planned").
			WithHint("INSERT INTO a table with a PRIMARY KEY replaces rows by key")
	}
	if s.Overwrite && !b.batch() {
		return nil, diag.At(s.Span(), diag.UnsupportedByFlink, "INSERT OVERWRITE is for batch mode").WithHint("SET 'execution.runtime-mode' = 'batch'")
	}
	t, err := b.lookupTable(s.Table)
	if err != nil {
		return nil, err
	}
	if t.View {
		return nil, diag.At(s.Table.Span(), diag.InvalidQuery, "%s is a view and cannot be written to", s.Table).
			WithHint("INSERT INTO the table that it reads")
	}
	if err := readOnly(t, s.Table.Span()); err != nil {
		return nil, err
	}
	opts, _, err := b.tableOptions(s.Hints)
	if err != nil {
		return nil, err
	}
	if t, err = b.connected(withOptions(t, s.Hints, opts), s.Table.Span()); err != nil {
		return nil, err
	}
	c, _, err := b.Connect(t, s.Table.Span())
	if err != nil {
		return nil, err
	}
	if c.Sink == nil {
		return nil, diag.At(s.Table.Span(), diag.InvalidQuery, "connector '%s' can only be read, so %s cannot be written to", c.Name, s.Table).
			WithHint("connectors that can be written to are: %s", b.connectors(func(c *connect.Connector) bool { return c.Sink != nil }))
	}
	out := &Insert{Table: t, Columns: t.SinkColumns(), Overwrite: s.Overwrite, Conflict: s.Conflict, At: s.Table.Span(), Query: s.Query.Span()}
	target, err := b.targets(s, t, out)
	if err != nil {
		return nil, err
	}
	q, err := b.query(s.Query, nil)
	if err != nil {
		return nil, err
	}
	if err := b.fill(s, t, out, target, q); err != nil {
		return nil, err
	}
	return out, nil
}

// target is where the value of a sink column comes from.
type target struct {
	query int       // column of the query, -1 for none
	fixed expr.Node // value of a static partition column
}

// targets assigns the query's columns, counted from 0, to the sink's columns.
func (b *Binder) targets(s *ast.Insert, t *catalog.Table, out *Insert) ([]target, error) {
	list := make([]target, len(out.Columns))
	pos := map[string]int{}
	for i, ci := range out.Columns {
		list[i].query = -1
		pos[t.Columns[ci].Name] = i
	}
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: "PARTITION"}
	for _, p := range s.Partition {
		i, ok := pos[p.Column.Name]
		if !ok || !contains(t.PartitionKeys, p.Column.Name) {
			return nil, suggest(diag.At(p.Column.Span, diag.UnknownColumn, "%s is no partition column of %s", p.Column.Name, s.Table), p.Column.Name, t.PartitionKeys)
		}
		if p.Value == nil {
			continue
		}
		if list[i].fixed != nil {
			return nil, diag.At(p.Column.Span, diag.DuplicateName, "PARTITION names %s twice", p.Column.Name)
		}
		v, err := x.expr(p.Value)
		if err != nil {
			return nil, err
		}
		list[i].fixed = v
		text := ""
		if l, ok := p.Value.(*ast.Literal); ok {
			text = l.Text
		}
		out.Static = append(out.Static, [2]string{p.Column.Name, text})
	}
	if len(s.Columns) == 0 {
		n := 0
		for i := range list {
			if list[i].fixed == nil {
				list[i].query = n
				n++
			}
		}
		return list, nil
	}
	for n, name := range s.Columns {
		if len(name) > 1 {
			return nil, diag.At(name.Span(), diag.UnsupportedByFlink, "a target column is no field of a row").WithHint("write the whole row")
		}
		i, ok := pos[name[0].Name]
		if !ok {
			if ci := t.Index(name[0].Name); ci >= 0 {
				what := "computed"
				if t.Columns[ci].Kind == catalog.Metadata {
					what = "a virtual metadata column"
				}
				return nil, diag.At(name.Span(), diag.InvalidQuery, "column %s is %s and cannot be written", name, what)
			}
			return nil, suggest(diag.At(name.Span(), diag.UnknownColumn, "no column %q in %s", name.String(), s.Table).
				WithNote(diag.Span{}, "columns are: %s", t.ColumnList()), name[0].Name, t.Schema().Names())
		}
		switch {
		case list[i].fixed != nil:
			return nil, diag.At(name.Span(), diag.DuplicateName, "column %s has its value in PARTITION already", name)
		case list[i].query >= 0:
			return nil, diag.At(name.Span(), diag.DuplicateName, "column %s is named twice", name).
				WithHint("name each column once")
		}
		list[i].query = n
	}
	for i, tg := range list {
		c := t.Columns[out.Columns[i]]
		if tg.query < 0 && tg.fixed == nil && c.Type.NotNull {
			return nil, diag.At(s.Columns[0].Span().Join(s.Columns[len(s.Columns)-1].Span()), diag.SchemaMismatch,
				"column %s is NOT NULL and gets no value", c.Name).
				WithHint("add it to the list, with a value in the query")
		}
	}
	return list, nil
}

// fill puts the projection to the sink's types over the query.
func (b *Binder) fill(s *ast.Insert, t *catalog.Table, out *Insert, list []target, q *rows) error {
	in := q.node.Schema()
	want := 0
	for _, tg := range list {
		if tg.query >= 0 {
			want++
		}
	}
	if want != len(in) {
		e := diag.At(s.Query.Span(), diag.SchemaMismatch, "the query has %d columns and %s takes %d", len(in), s.Table, want)
		e.WithNote(diag.Span{}, "query: [%s]", fieldList(q.names, in))
		e.WithNote(diag.Span{}, "sink: [%s]", sinkList(t, out.Columns))
		return e
	}
	exprs := make([]expr.Node, len(list))
	names := make([]string, len(list))
	for i, tg := range list {
		c := t.Columns[out.Columns[i]]
		to := c.Type.Plain()
		names[i] = c.Name
		switch {
		case tg.query >= 0:
			f := in[tg.query]
			var ref expr.Node = expr.NewRef(tg.query, f.Type, s.Query.Span())
			if f.Type.Kind == types.Null {
				exprs[i] = expr.NewNull(to, s.Query.Span())
				continue
			}
			if !expr.CanCast(f.Type, to, false) {
				e := diag.At(columnSpan(s.Query, tg.query), diag.SchemaMismatch, "column %d of the query (%s) is %s and does not become %s of %s by itself",
					tg.query+1, q.names[tg.query], f.Type.Nullable(true), to.Nullable(true), c.Name)
				e.WithNote(diag.Span{}, "query: [%s]", fieldList(q.names, in))
				e.WithNote(diag.Span{}, "sink: [%s]", sinkList(t, out.Columns))
				return e.WithHint("write CAST(... AS %s)", to.Nullable(true))
			}
			n, err := expr.NewImplicitCast(ref, to, s.Query.Span())
			if err != nil {
				return err
			}
			exprs[i] = n
		case tg.fixed != nil:
			n, err := expr.NewCast(tg.fixed, to, false, tg.fixed.Span())
			if err != nil {
				return err
			}
			exprs[i] = n
		default:
			exprs[i] = expr.NewNull(to, s.Query.Span())
		}
	}
	out.Root = logical.NewProject(q.node, exprs, names, s.Query.Span())
	return nil
}

// columnSpan is the place of column i of a query, or of the whole query.
func columnSpan(q ast.Query, i int) diag.Span {
	switch q := q.(type) {
	case *ast.Select:
		for k := 0; k <= i && k < len(q.Items); k++ {
			switch q.Items[k].Expr.(type) {
			case *ast.Star, *ast.FieldStar:
				return q.Span()
			}
		}
		if i < len(q.Items) {
			return q.Items[i].Expr.Span()
		}
	case *ast.Values:
		if r, ok := q.Rows[0].(*ast.RowCtor); ok && i < len(r.Elems) {
			return r.Elems[i].Span()
		}
	case *ast.Ordered:
		return columnSpan(q.Body, i)
	case *ast.With:
		return columnSpan(q.Body, i)
	}
	return q.Span()
}

func fieldList(names []string, s types.Schema) string {
	out := make([]string, len(s))
	for i := range s {
		out[i] = names[i] + ": " + s[i].Type.Plain().String()
	}
	return joinWords(out)
}

func sinkList(t *catalog.Table, cols []int) string {
	out := make([]string, len(cols))
	for i, c := range cols {
		out[i] = t.Columns[c].Name + ": " + t.Columns[c].Type.Plain().String()
	}
	return joinWords(out)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
