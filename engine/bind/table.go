package bind

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/minkstream/mink/engine/catalog"
	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/sql/parse"
	"github.com/minkstream/mink/engine/types"
)

// resolve completes a name as seen from where the statement or view stands.
func (b *Binder) resolve(n ast.Name) catalog.Path {
	return b.Session.ResolveFrom(n.Parts(), b.from)
}

// lookupTable finds a table or view, or says what is near.
func (b *Binder) lookupTable(name ast.Name) (*catalog.Table, error) {
	if len(name) > 3 {
		return nil, diag.At(name.Span(), diag.InvalidArgument, "a name has at most three parts: catalog.database.object")
	}
	p := b.resolve(name)
	if t, err := b.Session.Table(p); t != nil || err != nil {
		return t, placed(err, name.Span())
	}
	if err := b.Session.Store.CheckDatabase(p.Catalog, p.Database); err != nil && len(name) > 1 {
		return nil, diag.As(err).Or(name[:len(name)-1].Span())
	}
	names := b.Session.Names(catalog.Tables, p.Catalog, p.Database)
	for e := b.ctes; e != nil; e = e.next {
		names = append(names, e.name)
	}
	e := suggest(diag.At(name.Span(), diag.UnknownTable, "no table or view %s", name), name.Last(), names)
	if e.Hint == "" {
		e.WithHint("SHOW TABLES lists what there is; a table of another database has it before its name: db.t")
	}
	return nil, e
}

// tableName binds a table, view or named query of FROM.
func (b *Binder) tableName(t *ast.TableName, outer *scope) (logical.Node, *scope, error) {
	if len(t.Extend) > 0 {
		return nil, nil, diag.At(t.Span(), diag.UnsupportedByFlink, "EXTEND is not a form of Flink SQL")
	}
	opts, optAt, err := b.tableOptions(t.Hints)
	if err != nil {
		return nil, nil, err
	}
	if len(t.Name) == 1 {
		for e := b.ctes; e != nil; e = e.next {
			if e.name == t.Name[0].Name {
				if len(opts) > 0 {
					return nil, nil, diag.At(optAt, diag.InvalidQuery, "the OPTIONS hint is for tables, and %s is a query", e.name)
				}
				r, err := b.cte(e)
				if err != nil {
					return nil, nil, err
				}
				return r.node, r.scope(e.name), nil
			}
		}
	}
	tab, err := b.lookupTable(t.Name)
	if err != nil {
		return nil, nil, err
	}
	b.noteTable(t.Name, tab)
	return b.namedTable(t, tab)
}

// namedTable binds a table or view where it is read.
func (b *Binder) namedTable(t *ast.TableName, tab *catalog.Table) (logical.Node, *scope, error) {
	opts, optAt, err := b.tableOptions(t.Hints)
	if err != nil {
		return nil, nil, err
	}
	if tab.Path.Database == catalog.InformationSchema {
		if len(opts) > 0 {
			return nil, nil, diag.At(optAt, diag.InvalidQuery, "%s has no options", t.Name)
		}
		return b.information(t, tab)
	}
	path := []string{tab.Path.Catalog, tab.Path.Database, tab.Path.Object}
	if tab.View {
		if len(opts) > 0 {
			return nil, nil, diag.At(optAt, diag.InvalidQuery, "the OPTIONS hint is for tables, and %s is a view", t.Name)
		}
		r, err := b.view(tab, t.Name)
		if err != nil {
			return nil, nil, err
		}
		sc := r.scope(tab.Path.Object)
		sc.rels[0].path = path
		return r.node, sc, nil
	}
	n, err := b.scan(withOptions(tab, t.Hints, opts), t.Span())
	if err != nil {
		return nil, nil, err
	}
	b.markTarget(t, n)
	sc := newScope(tab.Path.Object, path, n.Schema())
	b.unstar(tab, sc)
	return n, sc, nil
}

// unstar leaves virtual metadata columns out of * as 'table.column-expansion-strategy'
// says: those with a key of their own name, or those with METADATA FROM.
func (b *Binder) unstar(t *catalog.Table, sc *scope) {
	strategy := strings.ToUpper(b.Session.Config.Get("table.column-expansion-strategy"))
	if strategy == "" {
		return
	}
	for i, c := range t.Columns {
		if c.Kind != catalog.Metadata || !c.Virtual {
			continue
		}
		out := strings.Contains(strategy, "EXCLUDE_DEFAULT_VIRTUAL_METADATA_COLUMNS")
		if c.HasKey {
			out = strings.Contains(strategy, "EXCLUDE_ALIASED_VIRTUAL_METADATA_COLUMNS")
		}
		sc.rels[0].cols[i].unstarred, sc.visible[i].unstarred = out, out
	}
}

// view binds the query of a view where it is read.
func (b *Binder) view(t *catalog.Table, name ast.Name) (*rows, error) {
	if slices.Contains(b.views, t.Path) {
		return nil, diag.At(name.Span(), diag.InvalidQuery, "view %s reads itself", name)
	}
	inner := &Binder{Session: b.Session, Text: t.Text, from: t.Scope, views: append(slices.Clone(b.views), t.Path), depth: b.depth + 1, inlined: b.inlined, calls: b.calls}
	if inner.depth > 64 {
		return nil, diag.At(name.Span(), diag.LimitExceeded, "views are nested more than 64 deep")
	}
	r, err := inner.query(t.Query, nil)
	if err != nil {
		e := diag.As(err)
		if e == nil {
			return nil, err
		}
		// The places of the inner error are in the view's text.
		return nil, diag.At(name.Span(), e.Code, "view %s cannot be read any more: %s", t.Path, e.Msg)
	}
	if len(r.names) != len(t.Columns) {
		return nil, diag.At(name.Span(), diag.InvalidQuery, "view %s has %d columns, and its query gives %d now", t.Path, len(t.Columns), len(r.names))
	}
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	at := name.Span()
	return &rows{logical.NewProject(r.node, logical.Refs(r.node.Schema()), names, at), names}, nil
}

// scan reads a table: the connector's columns, and above them the declared ones in
// order.
func (b *Binder) scan(t *catalog.Table, at diag.Span) (logical.Node, error) {
	t, err := b.connected(t, at)
	if err != nil {
		return nil, err
	}
	c, ct, err := b.Connect(t, at)
	if err != nil {
		return nil, err
	}
	if c.Source == nil && c.Lookup == nil {
		return nil, diag.At(at, diag.InvalidQuery, "connector '%s' can only be written to, so %s cannot be read", c.Name, t.Path.Object).
			WithHint("connectors that can be read are: %s", b.connectors(func(c *connect.Connector) bool { return c.Source != nil }))
	}
	s := &logical.Scan{Place: logical.Place{At: at}, Table: b.analyzed(t), Connector: c, Conn: ct, Out: slices.Clone(ct.Schema)}
	// Stored columns in their declared types, over the connector's.
	stored := make([]expr.Node, 0, len(ct.Schema))
	for i, ci := range t.Stored() {
		d := t.Columns[ci].Type
		same := types.SameIgnoringNull(ct.Schema[i].Type, d)
		if same {
			s.Out[i].Type.Attr = d.Attr
		}
		var n expr.Node = expr.NewRef(i, s.Out[i].Type, diag.Span{})
		if !same {
			if n, err = expr.NewCast(n, d, false, diag.Span{}); err != nil {
				return nil, diag.As(err).Or(at)
			}
		}
		stored = append(stored, n)
	}
	if w := t.Watermark; w != nil {
		s.Column, s.Text = t.Columns[w.Column].Name, w.Text
		of := w.Expr
		if of == nil {
			if of, err = b.sourceWatermark(t, c, ct, at); err != nil {
				return nil, err
			}
		}
		s.Watermark = expr.Substitute(of, stored)
	}
	exprs := make([]expr.Node, len(t.Columns))
	pos := map[int]int{}
	for i, ci := range t.Stored() {
		pos[ci] = i
	}
	for i, col := range t.Columns {
		if col.Kind == catalog.Computed {
			exprs[i] = expr.Substitute(col.Expr, stored)
		} else {
			exprs[i] = stored[pos[i]]
		}
		if attr := col.Type.Attr; attr != types.NotTime && exprs[i].Type().Attr != attr {
			exprs[i] = logical.Tag(exprs[i], attr)
		}
	}
	names := make([]string, len(t.Columns))
	for i := range t.Columns {
		names[i] = t.Columns[i].Name
	}
	return logical.NewProject(s, exprs, names, at), nil
}

// sourceWatermark is SOURCE_WATERMARK() of a table: its time less what the connector
// says of the order of its rows.
func (b *Binder) sourceWatermark(t *catalog.Table, c *connect.Connector, ct *connect.Table, at diag.Span) (expr.Node, error) {
	col := t.Columns[t.Watermark.Column]
	if c.SourceWatermark == nil {
		return nil, diag.At(at, diag.InvalidWatermark, "connector '%s' gives no watermarks of its own, which SOURCE_WATERMARK() asks for", c.Name).
			WithHint("write an expression, such as WATERMARK FOR %s AS %s - INTERVAL '5' SECOND", catalog.Quote(col.Name), catalog.Quote(col.Name))
	}
	lag, err := c.SourceWatermark(ct)
	if err != nil {
		return nil, diag.As(err).Or(at)
	}
	text := fmt.Sprintf("%s - INTERVAL '%d.%03d' SECOND(9)", catalog.Quote(col.Name), lag/time.Second, lag%time.Second/time.Millisecond)
	e, err := parse.Expr(text)
	if err != nil {
		return nil, err
	}
	x := &block{b: b, sc: newScope("", nil, t.Schema()), noQuery: true, clause: "WATERMARK"}
	n, err := x.expr(e)
	if err != nil {
		return nil, err
	}
	return expr.Substitute(n, (&tableBuilder{b: b, t: t}).written()), nil
}

// withOptions is the table with options of hints over its own.
func withOptions(t *catalog.Table, hints []ast.Hint, hint connect.Options) *catalog.Table {
	if len(hint) == 0 {
		return t
	}
	c := *t
	c.Options = maps.Clone(t.Options)
	if c.Options == nil {
		c.Options = connect.Options{}
	}
	maps.Copy(c.Options, hint)
	for _, h := range hints {
		for _, o := range h.Options {
			c.Place(o.Key.Value, "", o.Key.Span)
		}
	}
	return &c
}

// Connect finds the connector of a table, checks its options and gives the table as
// the connector sees it. Errors without a place of their own get at.
func (b *Binder) Connect(t *catalog.Table, at diag.Span) (*connect.Connector, *connect.Table, error) {
	h := b.Session.Host
	c, err := t.System, error(nil)
	if c == nil {
		c, err = connect.Pick(h.Connectors, t.Options)
	}
	if err == nil {
		err = c.Check(t.Options, h.Deps.Formats)
	}
	if err != nil {
		e := diag.As(err)
		if e == nil {
			return nil, nil, err
		}
		if e.Span.IsZero() {
			e.Msg = "table " + t.Path.Object + ": " + e.Msg
		}
		return nil, nil, t.Misused(err, at)
	}
	ct := &connect.Table{
		Name: t.Path.String(), Options: t.Options, Batch: b.batch(), Zone: b.Session.Config.Zone(h.Zone), Deps: h.Deps, Since: b.Session.Since, Setting: b.Session.Config.Get,
	}
	index := map[string]int{}
	for _, ci := range t.Stored() {
		col := t.Columns[ci]
		f := types.Field{Name: col.Name, Type: col.Type.Plain(), Comment: col.Comment}
		if col.Kind == catalog.Metadata {
			m, err := metadata(c, h.Deps.Formats, t, col)
			if err != nil {
				return nil, nil, err.Or(at)
			}
			f.Type = m.Type
			ct.Metadata = append(ct.Metadata, col.Key)
		} else {
			ct.Physical++
		}
		index[col.Name] = len(ct.Schema)
		ct.Schema = append(ct.Schema, f)
	}
	if t.PrimaryKey != nil {
		for _, k := range t.PrimaryKey.Columns {
			if i, ok := index[t.Columns[k].Name]; ok {
				ct.PrimaryKey = append(ct.PrimaryKey, i)
			}
		}
	}
	for _, k := range t.PartitionKeys {
		ct.PartitionKeys = append(ct.PartitionKeys, index[k])
	}
	return c, ct, nil
}

// connectors names the connectors that can do something.
func (b *Binder) connectors(can func(*connect.Connector) bool) string {
	var names []string
	for _, c := range b.Session.Host.Connectors {
		if can(c) {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return joinWords(names)
}

// metadata finds the metadata column a connector or its format serves.
func metadata(c *connect.Connector, formats map[string]*connect.Format, t *catalog.Table, col catalog.Column) (connect.MetadataColumn, *diag.Error) {
	list := slices.Clone(c.Metadata)
	for _, key := range []string{"format", "value.format"} {
		if f := formats[t.Options[key]]; f != nil {
			for _, m := range f.Metadata {
				if key == "value.format" || c.Keyed {
					m.Key = "value." + m.Key
				}
				list = append(list, m)
			}
		}
	}
	var keys []string
	for _, m := range list {
		if m.Key == col.Key {
			if !expr.CanCast(m.Type, col.Type, true) {
				return m, diag.New(diag.TypeMismatch, "metadata '%s' is %s and cannot be cast to %s", m.Key, m.Type, col.Type)
			}
			return m, nil
		}
		keys = append(keys, m.Key)
	}
	e := diag.New(diag.UnknownColumn, "connector '%s' has no metadata '%s' (column %s)", c.Name, col.Key, col.Name)
	if len(keys) > 0 {
		e.WithNote(diag.Span{}, "metadata keys are: %s", joinWords(keys))
	}
	return m0, suggest(e, col.Key, keys)
}

var m0 connect.MetadataColumn
