package bind

import (
	"slices"
	"strings"

	"github.com/minkstream/mink/engine/connect"
	"github.com/minkstream/mink/engine/diag"
	"github.com/minkstream/mink/engine/expr"
	"github.com/minkstream/mink/engine/function/table"
	"github.com/minkstream/mink/engine/plan/logical"
	"github.com/minkstream/mink/engine/sql/ast"
	"github.com/minkstream/mink/engine/types"
)

// searched is the table of a VECTOR_SEARCH: its columns as expressions over those that
// the connector gives, under the names of schema.
type searched struct {
	exprs  []expr.Node
	schema types.Schema
	score  string
}

// isVectorSearch reports whether a name is that of VECTOR_SEARCH.
func isVectorSearch(name ast.Name) bool {
	return len(name) == 1 && strings.EqualFold(name[0].Name, table.VectorSearchName)
}

// vectorSearch binds all of VECTOR_SEARCH(SEARCH_TABLE, COLUMN_TO_SEARCH,
// COLUMN_TO_QUERY, TOP_K, CONFIG) but the vector, which becomes the one argument of a
// function made for the table.
func (b *Binder) vectorSearch(c *rowCall) (*searched, error) {
	const name = table.VectorSearchName
	args, err := callArgs(c.call, name, 4, "SEARCH_TABLE", "COLUMN_TO_SEARCH", "COLUMN_TO_QUERY", "TOP_K", "CONFIG")
	if err != nil {
		return nil, err
	}
	arg := args["SEARCH_TABLE"]
	n, sc, part, err := b.tableArg(arg, nil)
	if err != nil {
		return nil, err
	}
	exprs, scan := scanned(n)
	switch {
	case len(part) > 0:
		return nil, diag.At(arg.Span(), diag.InvalidArgument, "%s searches the whole table: PARTITION BY has no meaning here", name)
	case scan == nil:
		return nil, diag.At(arg.Span(), diag.UnsupportedByFlink, "%s searches a table, not a query", name).
			WithHint("write the query into a table, or put conditions behind the search")
	case scan.Connector.VectorSearch == nil:
		return nil, diag.At(arg.Span(), diag.UnsupportedByFlink, "connector '%s' cannot search vectors", scan.Connector.Name).
			WithHint("connectors that can are: %s", b.connectors(func(c *connect.Connector) bool { return c.VectorSearch != nil }))
	}
	q := connect.VectorQuery{}
	cols, err := descriptor(args["COLUMN_TO_SEARCH"], "COLUMN_TO_SEARCH", sc)
	if err != nil {
		return nil, err
	}
	if len(cols) != 1 {
		return nil, diag.At(args["COLUMN_TO_SEARCH"].Span(), diag.InvalidArgument, "%s searches one column, and COLUMN_TO_SEARCH names %d", name, len(cols))
	}
	raw, ok := exprs[cols[0].Index].(*expr.InputRef)
	if !ok || len(raw.Path) > 0 {
		return nil, diag.At(cols[0].Span(), diag.InvalidArgument, "%s searches a column that is stored, not a computed one", name)
	}
	q.Column = raw.Index
	vector := scan.Conn.Schema[q.Column].Type
	if vector.Kind != types.Array || vector.Elem.Kind != types.Float && vector.Elem.Kind != types.Double {
		return nil, diag.At(cols[0].Span(), diag.TypeMismatch, "%s searches a column of type ARRAY<FLOAT> or ARRAY<DOUBLE>, not %s", name, vector.Nullable(true))
	}
	if q.K, err = b.topK(args["TOP_K"]); err != nil {
		return nil, err
	}
	run, err := b.runConfig(args["CONFIG"], "table.exec.async-vector-search")
	if err != nil {
		return nil, err
	}
	if run.async != nil && *run.async {
		return nil, diag.At(run.at["async"], diag.UnsupportedByFlink, "'async' is asked for, and connector '%s' searches at once", scan.Connector.Name).
			WithHint("leave it out")
	}
	q.Config = run.rest
	search, err := scan.Connector.VectorSearch(scan.Conn, q)
	if err != nil {
		if at, ok := run.at[connect.OptionKey(err)]; ok {
			return nil, placed(err, at)
		}
		if args["CONFIG"] != nil && diag.CodeOf(err) == diag.UnknownOption {
			return nil, placed(err, args["CONFIG"].Span())
		}
		return nil, scan.Table.Misused(err, arg.Span())
	}
	out := &searched{exprs: exprs}
	for i, f := range n.Schema() {
		out.schema = append(out.schema, types.Field{Name: sc.visible[i].name, Type: f.Type.Plain()})
	}
	out.score = uniqueName("score", out.schema)
	c.fn = table.VectorSearch(search, scan.Conn, q, scan.Table.Path.Catalog+"."+scan.Table.Path.Database+"."+scan.Table.Path.Object, uniqueName("score", scan.Conn.Schema))
	c.args = []ast.Expr{args["COLUMN_TO_QUERY"]}
	return out, nil
}

// topK is the number of rows to find.
func (b *Binder) topK(a ast.Expr) (int, error) {
	x := &block{b: b, sc: &scope{}, noQuery: true, clause: "TOP_K"}
	bad := diag.At(a.Span(), diag.InvalidArgument, "TOP_K is a constant INTEGER above 0")
	if _, ok := a.(*ast.Literal); !ok {
		return 0, bad
	}
	v, err := x.expr(a)
	if err != nil {
		return 0, err
	}
	l, ok := v.(*expr.Literal)
	if !ok || l.Col.Type.Kind != types.Int || l.Col.IsNull(0) || l.Col.Int(0) <= 0 {
		return 0, bad
	}
	return int(l.Col.Int(0)), nil
}

// scanned sees through projections to the table below, as expressions over what its
// connector gives.
func scanned(n logical.Node) ([]expr.Node, *logical.Scan) {
	switch n := n.(type) {
	case *logical.Scan:
		return logical.Refs(n.Schema()), n
	case *logical.Project:
		in, s := scanned(n.In)
		if s == nil {
			return nil, nil
		}
		var out []expr.Node
		for _, e := range n.Exprs {
			out = append(out, expr.Substitute(e, in))
		}
		return out, s
	}
	return nil, nil
}

// place puts the columns of the table as it is declared above a correlation that gives
// those of its connector, and returns the scope of table and score.
func (s *searched) place(cor *logical.Correlate, c *rowCall, width int) (logical.Node, *scope, error) {
	schema := append(slices.Clone(s.schema), types.Field{Name: s.score, Type: types.DoubleT.Nullable(false)})
	at := diag.Span{}
	found := cor.Schema()
	score := expr.NewRef(len(found)-1, found[len(found)-1].Type, at)
	exprs := logical.Refs(found[:width])
	for i, e := range s.exprs {
		plain := false
		e = expr.Shift(e, width)
		if r, ok := e.(*expr.InputRef); ok {
			e, plain = expr.NewRef(r.Index, found[r.Index].Type.Plain(), at), true
		}
		if cor.Left && !plain {
			// Where nothing was found a computed column is NULL, too.
			var err error
			if e, err = whenFound(c, score, e); err != nil {
				return nil, nil, err
			}
		}
		exprs = append(exprs, e)
		schema[i].Type = e.Type().Plain()
	}
	schema[len(schema)-1].Type = score.T
	rs := newScope("", nil, schema)
	if err := c.named(rs); err != nil {
		return nil, nil, err
	}
	names := found[:width].Names()
	for _, v := range rs.rels[0].cols {
		names = append(names, v.name)
	}
	rs.shift(width)
	return logical.NewProject(cor, append(exprs, score), names, c.at), rs, nil
}

// whenFound is e where there is a score, else NULL.
func whenFound(c *rowCall, score, e expr.Node) (expr.Node, error) {
	return expr.NewCase([]expr.Node{expr.NewIs(expr.IsNull, true, score, c.at), e}, c.at)
}
